//! Buffers between two uses, so that memory follows the bytes in flight and not the number of
//! clients, and a warm server allocates nothing.

use super::outbound::Queue;

/// A new buffer has room for a few lines.
const BUFFER_BYTES_START: usize = 512;

/// A new queue has room for one short line, and grows with the first longer one: ten thousand of
/// them are in use at once when somebody speaks to so many. With what malloc adds, a cache line.
const QUEUE_BYTES_START: usize = 56;

/// A larger buffer is freed when it comes back: it was grown by something rare.
const BUFFER_BYTES_KEPT_MAX: usize = 64 << 10;

/// A longer list of receipts is freed when it comes back.
const RECEIPTS_KEPT_MAX: usize = 1024;

/// The buffers of each kind have so many bytes together at most: the working set of a fan-out to
/// ten thousand.
const POOL_BYTES_MAX: usize = 16 << 20;

/// Empty buffers, for input and for output. The last one put back is the first one taken: it is
/// still in the cache.
#[derive(Debug, Default)]
pub struct Pool {
    buffers: Vec<Vec<u8>>,
    buffers_bytes: usize,
    // The box is the point: a client holds one pointer, and moving a queue moves no more.
    #[expect(clippy::vec_box, reason = "boxes go back and forth")]
    queues: Vec<Box<Queue>>,
    queues_bytes: usize,
}

impl Pool {
    /// An empty buffer with some room.
    pub fn take(&mut self) -> Vec<u8> {
        match self.buffers.pop() {
            Some(buffer) => {
                self.buffers_bytes -= buffer.capacity();
                buffer
            }
            None => Vec::with_capacity(BUFFER_BYTES_START),
        }
    }

    /// Puts a buffer back that is no longer needed.
    pub fn put(&mut self, mut buffer: Vec<u8>) {
        let capacity = buffer.capacity();
        let is_worth_keeping = (1..=BUFFER_BYTES_KEPT_MAX).contains(&capacity);
        if is_worth_keeping && self.buffers_bytes + capacity <= POOL_BYTES_MAX {
            buffer.clear();
            self.buffers_bytes += capacity;
            self.buffers.push(buffer);
        }
    }

    /// An empty queue with some room.
    #[expect(clippy::unnecessary_box_returns, reason = "boxes go back and forth")]
    pub fn take_queue(&mut self) -> Box<Queue> {
        match self.queues.pop() {
            Some(queue) => {
                self.queues_bytes -= queue.capacity_bytes();
                queue
            }
            None => Box::new(Queue::with_capacity(QUEUE_BYTES_START)),
        }
    }

    /// Puts a queue back that is no longer needed.
    pub fn put_queue(&mut self, mut queue: Box<Queue>) {
        let is_worth_keeping = (1..=BUFFER_BYTES_KEPT_MAX).contains(&queue.bytes.capacity())
            && queue.receipts.capacity() <= RECEIPTS_KEPT_MAX;
        let capacity = queue.capacity_bytes();
        if is_worth_keeping && self.queues_bytes + capacity <= POOL_BYTES_MAX {
            queue.clear();
            self.queues_bytes += capacity;
            self.queues.push(queue);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::outbound::Receipt;

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

    /// What is kept to know whose messages were in a queue was not counted.
    #[test]
    fn receipts_count_for_the_limit_too() {
        const RECEIPTS_BYTES: usize = RECEIPTS_KEPT_MAX * size_of::<Receipt>();
        let mut pool = Pool::default();
        for _ in 0..=POOL_BYTES_MAX / RECEIPTS_BYTES {
            let mut queue = Queue::with_capacity(QUEUE_BYTES_START);
            queue.receipts.reserve_exact(RECEIPTS_KEPT_MAX);
            pool.put_queue(Box::new(queue));
        }
        let receipts = pool.queues.iter().map(|queue| queue.receipts.capacity());
        let kept = receipts.sum::<usize>() * size_of::<Receipt>();
        assert!(kept <= POOL_BYTES_MAX, "{kept} bytes");
        while !pool.queues.is_empty() {
            pool.take_queue();
        }
        assert_eq!(pool.queues_bytes, 0);
    }

    #[test]
    fn it_keeps_no_more_than_its_limit() {
        let mut pool = Pool::default();
        for _ in 0..=POOL_BYTES_MAX / BUFFER_BYTES_KEPT_MAX {
            pool.put(Vec::with_capacity(BUFFER_BYTES_KEPT_MAX));
        }
        assert_eq!(pool.buffers_bytes, POOL_BYTES_MAX);
    }
}
