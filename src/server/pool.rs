//! Buffers between two uses, so that memory follows the bytes in flight and not the number of
//! clients, and a warm server allocates nothing.

use super::outbound::Receipt;

/// A new buffer has room for a few lines.
const BUFFER_BYTES_START: usize = 512;

/// A larger buffer is freed when it comes back: it was grown by something rare.
const BUFFER_BYTES_KEPT_MAX: usize = 64 << 10;

/// The buffers kept have so many bytes together at most: the working set of a fan-out to ten
/// thousand.
const POOL_BYTES_MAX: usize = 16 << 20;

/// As many lists of receipts are kept.
const RECEIPTS_KEPT_MAX: usize = 4096;

/// A longer list of receipts is freed when it comes back.
const RECEIPTS_CAPACITY_KEPT_MAX: usize = 1024;

/// Empty buffers. The last one put back is the first one taken: it is still in the cache.
#[derive(Debug, Default)]
pub struct Pool {
    buffers: Vec<Vec<u8>>,
    bytes: usize,
    receipts: Vec<Vec<Receipt>>,
}

impl Pool {
    /// An empty buffer with some room.
    pub fn take(&mut self) -> Vec<u8> {
        match self.buffers.pop() {
            Some(buffer) => {
                self.bytes -= buffer.capacity();
                buffer
            }
            None => Vec::with_capacity(BUFFER_BYTES_START),
        }
    }

    /// Puts a buffer back that is no longer needed.
    pub fn put(&mut self, mut buffer: Vec<u8>) {
        let capacity = buffer.capacity();
        if capacity == 0
            || capacity > BUFFER_BYTES_KEPT_MAX
            || self.bytes + capacity > POOL_BYTES_MAX
        {
            return;
        }
        buffer.clear();
        self.bytes += capacity;
        self.buffers.push(buffer);
    }

    /// An empty list of receipts.
    pub fn take_receipts(&mut self) -> Vec<Receipt> {
        self.receipts.pop().unwrap_or_default()
    }

    /// Puts a list of receipts back.
    pub fn put_receipts(&mut self, mut receipts: Vec<Receipt>) {
        let kept = 1..=RECEIPTS_CAPACITY_KEPT_MAX;
        if kept.contains(&receipts.capacity()) && self.receipts.len() < RECEIPTS_KEPT_MAX {
            receipts.clear();
            self.receipts.push(receipts);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_back_is_used_again_unless_it_is_too_large() {
        let mut pool = Pool::default();
        let mut buffer = pool.take();
        buffer.extend_from_slice(&[1; 1000]);
        let capacity = buffer.capacity();
        pool.put(buffer);
        let again = pool.take();
        assert_eq!((again.capacity(), again.len()), (capacity, 0));

        pool.put(Vec::with_capacity(BUFFER_BYTES_KEPT_MAX + 1));
        assert_eq!(pool.take().capacity(), BUFFER_BYTES_START);
    }

    #[test]
    fn it_keeps_no_more_than_its_limit() {
        let mut pool = Pool::default();
        for _ in 0..=POOL_BYTES_MAX / BUFFER_BYTES_KEPT_MAX {
            pool.put(Vec::with_capacity(BUFFER_BYTES_KEPT_MAX));
        }
        assert_eq!(pool.bytes, POOL_BYTES_MAX);
    }
}
