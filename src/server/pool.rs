//! Buffers between two uses: memory follows the bytes in flight, not the number of clients, and a
//! warm server allocates nothing.

/// Bytes that a pool keeps at most: the working set of a fan-out to ten thousand clients.
const POOL_BYTES_MAX: usize = 16 << 20;

/// A larger buffer is freed when it comes back: something rare grew it.
pub const BUFFER_BYTES_KEPT_MAX: usize = 64 << 10;

/// A buffer whose memory outlives its content.
pub trait Reusable {
    /// A new one, with a little room.
    fn fresh() -> Self;

    /// The bytes that it occupies, filled or not.
    fn capacity_bytes(&self) -> usize;

    /// Whether it is neither empty of memory nor grown too large.
    fn is_worth_keeping(&self) -> bool;

    /// Drops the content and keeps the memory.
    fn clear(&mut self);
}

/// Buffers of one kind. The last one put back is taken first: it is still in the cache.
#[derive(Debug)]
pub struct Pool<T> {
    free: Vec<T>,
    bytes: usize,
}

impl<T> Default for Pool<T> {
    fn default() -> Self {
        Self {
            free: Vec::new(),
            bytes: 0,
        }
    }
}

impl<T: Reusable> Pool<T> {
    /// An empty buffer with some room.
    pub fn take(&mut self) -> T {
        match self.free.pop() {
            Some(buffer) => {
                self.bytes -= buffer.capacity_bytes();
                buffer
            }
            None => T::fresh(),
        }
    }

    /// Takes a buffer back.
    pub fn put(&mut self, mut buffer: T) {
        let bytes = buffer.capacity_bytes();
        if buffer.is_worth_keeping() && self.bytes + bytes <= POOL_BYTES_MAX {
            buffer.clear();
            self.bytes += bytes;
            self.free.push(buffer);
        }
    }
}

/// A fresh input buffer has room for a few lines.
const INPUT_BYTES_START: usize = 512;

/// Input: unfinished lines, and bytes read and not run yet.
impl Reusable for Vec<u8> {
    fn fresh() -> Self {
        Self::with_capacity(INPUT_BYTES_START)
    }

    fn capacity_bytes(&self) -> usize {
        self.capacity()
    }

    fn is_worth_keeping(&self) -> bool {
        (1..=BUFFER_BYTES_KEPT_MAX).contains(&self.capacity())
    }

    fn clear(&mut self) {
        Self::clear(self);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffer_is_used_again_unless_it_is_too_large() {
        let mut pool = Pool::default();
        let mut buffer: Vec<u8> = pool.take();
        buffer.extend_from_slice(&[1; 1000]);
        let capacity = buffer.capacity();
        pool.put(buffer);
        let again = pool.take();
        assert_eq!((again.capacity(), again.len()), (capacity, 0));

        pool.put(Vec::with_capacity(BUFFER_BYTES_KEPT_MAX + 1));
        assert_eq!(pool.take().capacity(), INPUT_BYTES_START);
    }

    #[test]
    fn pool_keeps_no_more_than_its_limit() {
        let mut pool = Pool::default();
        for _ in 0..=POOL_BYTES_MAX / BUFFER_BYTES_KEPT_MAX {
            pool.put(Vec::with_capacity(BUFFER_BYTES_KEPT_MAX));
        }
        assert_eq!(pool.bytes, POOL_BYTES_MAX);
        while !pool.free.is_empty() {
            pool.take();
        }
        assert_eq!(pool.bytes, 0);
    }
}
