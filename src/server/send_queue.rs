//! Unwritten bytes of one socket.

use std::io;
use std::num::NonZeroUsize;

use crate::server::pool::{BUFFER_BYTES_KEPT_MAX, Pool, Reusable};
use crate::server::transport::Transport;

/// Written bytes are dropped from the front past this number: a queue that never runs empty must not
/// grow for ever.
const WRITTEN_BYTES_KEPT_MAX: usize = 32 << 10;

/// Room that a partly written queue keeps, lest it shrink and grow with every line.
const ROOM_BYTES_KEPT: usize = 1 << 10;

/// A fresh queue has room for one short line: ten thousand are in use at once in a large fan-out.
/// With malloc's own bytes, a cache line.
const QUEUE_BYTES_START: usize = 56;

/// Bytes that wait for one socket. An empty one owns no buffer and is one word long: most clients are idle
/// most of the time.
#[derive(Debug, Default)]
pub struct SendQueue(Option<Box<Queue>>);

/// The buffer of a [`SendQueue`] that is not empty.
///
/// Invariants: `written <= bytes.len()`. Once discarded it holds no bytes.
#[derive(Debug, Default)]
pub struct Queue {
    bytes: Vec<u8>,
    written: usize,
    /// How many bytes were never written, once the queue is discarded.
    discarded: Option<NonZeroUsize>,
}

/// How writing a queue ended.
#[derive(Debug)]
pub enum Written {
    /// Nothing waits any longer.
    All,
    /// The kernel takes no more for now.
    Blocked,
    /// The connection is broken.
    Failed(io::Error),
}

impl SendQueue {
    /// Bytes that wait: what counts for the limit on all queues together. None once discarded, as that memory
    /// is about to go.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |queue| queue.waiting().len())
    }

    /// Whether no bytes wait.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Lets `encode` append a line, and takes it back if more than `bytes_max` would wait then. An
    /// empty queue takes any line: each has a limit of its own. Returns its length, if the line stays.
    pub fn append(
        &mut self,
        pool: &mut Pool<Box<Queue>>,
        bytes_max: usize,
        encode: impl FnOnce(&mut Vec<u8>),
    ) -> Option<usize> {
        let queue = self.0.get_or_insert_with(|| pool.take());
        let before = queue.bytes.len();
        encode(&mut queue.bytes);
        let after = queue.bytes.len();
        debug_assert!(after > before, "an encoder appends");
        if after - queue.written > bytes_max && before > queue.written {
            queue.bytes.truncate(before);
            return None;
        }
        Some(after - before)
    }

    /// Writes until nothing waits or the kernel takes no more. Returns also how many bytes were written.
    pub fn write_to<S: Transport>(
        &mut self,
        stream: &mut S,
        pool: &mut Pool<Box<Queue>>,
    ) -> (usize, Written) {
        let Some(mut queue) = self.0.take_if(|queue| queue.discarded.is_none()) else {
            return (0, Written::All);
        };
        let (bytes, outcome) = queue.write_to(stream);
        if queue.waiting().is_empty() {
            pool.put(queue);
        } else {
            self.0 = Some(queue);
        }
        (bytes, outcome)
    }

    /// Drops the bytes that wait. Returns how many those were.
    pub fn discard(&mut self) -> usize {
        let Some(queue) = self.0.as_mut().filter(|queue| queue.discarded.is_none()) else {
            return 0;
        };
        let waiting = queue.waiting().len();
        queue.discarded = NonZeroUsize::new(waiting);
        if queue.discarded.is_none() {
            self.0 = None;
            return 0;
        }
        queue.written = 0;
        queue.bytes = Vec::new();
        waiting
    }

    /// Bytes that were never written: those that wait, and those that were discarded.
    #[must_use]
    pub fn unwritten_bytes(&self) -> usize {
        let discarded = self.0.as_ref().and_then(|queue| queue.discarded);
        discarded.map_or_else(|| self.len(), NonZeroUsize::get)
    }
}

impl Queue {
    fn waiting(&self) -> &[u8] {
        self.bytes.get(self.written..).unwrap_or_default()
    }

    fn write_to<S: Transport>(&mut self, stream: &mut S) -> (usize, Written) {
        let mut total = 0;
        while !self.waiting().is_empty() {
            match stream.write(self.waiting()) {
                Ok(0) => return (total, Written::Failed(io::ErrorKind::WriteZero.into())),
                Ok(bytes) => {
                    debug_assert!(bytes <= self.waiting().len(), "no more than was given");
                    self.written += bytes;
                    total += bytes;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.drop_written();
                    return (total, Written::Blocked);
                }
                Err(error) => return (total, Written::Failed(error)),
            }
        }
        (total, Written::All)
    }

    /// Frees the memory of what was written: a queue must occupy no more than in proportion to what
    /// waits, as only that is counted, and a reader can leave a little of much unread.
    fn drop_written(&mut self) {
        if self.written >= WRITTEN_BYTES_KEPT_MAX.min(self.waiting().len()) {
            let written = std::mem::take(&mut self.written);
            self.bytes.drain(..written);
        }
        let enough = (2 * self.waiting().len()).max(ROOM_BYTES_KEPT);
        if self.bytes.capacity() > 2 * enough {
            self.bytes.shrink_to(enough);
        }
    }
}

/// Boxed: a client holds one pointer, and moving a queue moves no more.
impl Reusable for Box<Queue> {
    fn fresh() -> Self {
        Self::new(Queue {
            bytes: Vec::with_capacity(QUEUE_BYTES_START),
            ..Queue::default()
        })
    }

    fn capacity_bytes(&self) -> usize {
        self.bytes.capacity()
    }

    fn is_worth_keeping(&self) -> bool {
        (1..=BUFFER_BYTES_KEPT_MAX).contains(&self.bytes.capacity())
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.written = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::transport::Read;

    /// Takes as many bytes as it has room for.
    struct SlowStream {
        room: usize,
        taken: Vec<u8>,
    }

    impl Transport for SlowStream {
        fn read(&mut self, _: &mut [u8]) -> io::Result<Read> {
            Err(io::ErrorKind::WouldBlock.into())
        }

        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.room == 0 {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            let count = bytes.len().min(self.room);
            self.room -= count;
            self.taken.extend_from_slice(&bytes[..count]);
            Ok(count)
        }

        fn shutdown_write(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn refused_bytes_are_written_later_and_once() {
        let (mut pool, mut queue) = (Pool::default(), SendQueue::default());
        let mut stream = SlowStream {
            room: 5,
            taken: Vec::new(),
        };
        queue.append(&mut pool, 100, |bytes| {
            bytes.extend_from_slice(b"hello world");
        });
        assert!(matches!(
            queue.write_to(&mut stream, &mut pool),
            (5, Written::Blocked)
        ));
        assert_eq!(queue.len(), 6);
        queue.append(&mut pool, 100, |bytes| bytes.extend_from_slice(b"!"));
        stream.room = 100;
        assert!(matches!(
            queue.write_to(&mut stream, &mut pool),
            (7, Written::All)
        ));
        assert_eq!(stream.taken, b"hello world!");
        assert!(queue.0.is_none(), "an empty one owns no buffer");
    }

    #[test]
    fn line_past_the_limit_is_taken_back_whole() {
        let (mut pool, mut queue) = (Pool::default(), SendQueue::default());
        let mut append =
            |text: &[u8]| queue.append(&mut pool, 10, |bytes| bytes.extend_from_slice(text));
        assert_eq!(append(b"12345"), Some(5));
        assert_eq!(append(b"123456"), None);
        assert_eq!(append(b"12345"), Some(5));
        assert_eq!(append(b"1"), None);
        assert_eq!(queue.len(), 10);
    }

    #[test]
    fn discarded_bytes_do_not_count_as_written() {
        let (mut pool, mut queue) = (Pool::default(), SendQueue::default());
        let mut stream = SlowStream {
            room: 5,
            taken: Vec::new(),
        };
        queue.append(&mut pool, 100, |bytes| bytes.extend_from_slice(&[1; 16]));
        let _ = queue.write_to(&mut stream, &mut pool);
        assert_eq!(queue.discard(), 11);
        assert_eq!((queue.len(), queue.unwritten_bytes()), (0, 11));
        assert!(matches!(
            queue.write_to(&mut stream, &mut pool),
            (0, Written::All)
        ));
        assert_eq!((queue.discard(), queue.unwritten_bytes()), (0, 11));
    }

    #[test]
    fn queue_that_never_runs_empty_drops_written_bytes() {
        let (mut pool, mut queue) = (Pool::default(), SendQueue::default());
        let mut stream = SlowStream {
            room: 0,
            taken: Vec::new(),
        };
        let mut sent = Vec::new();
        for round in 0..2000_u32 {
            let line = [round.to_le_bytes()[0]; 100];
            sent.extend_from_slice(&line);
            queue.append(&mut pool, 1000, |bytes| bytes.extend_from_slice(&line));
            stream.room = if round == 0 { 50 } else { 100 };
            let _ = queue.write_to(&mut stream, &mut pool);
            let kept = queue.0.as_ref().map_or(0, |queue| queue.bytes.len());
            assert!(kept <= WRITTEN_BYTES_KEPT_MAX + 1000);
        }
        assert_eq!(queue.len(), 50);
        assert_eq!(stream.taken, sent[..sent.len() - 50]);
    }

    #[test]
    fn queue_memory_follows_the_bytes_that_wait() {
        let (mut pool, mut queue) = (Pool::default(), SendQueue::default());
        let mut stream = SlowStream {
            room: 0,
            taken: Vec::new(),
        };
        let line = |bytes: &mut Vec<u8>| bytes.extend_from_slice(&[1; 20]);
        for _ in 0..50_000 {
            queue.append(&mut pool, 1 << 20, line);
        }
        // The queue shrinks to a small rest, in large and in small steps.
        for step in [
            1, 499_500, 30_000, 400_000, 31_000, 8_000, 31_000, 100, 100, 100,
        ] {
            stream.room = step;
            let _ = queue.write_to(&mut stream, &mut pool);
            let buffer = queue.0.as_ref().unwrap();
            let (waiting, taken) = (buffer.waiting().len(), buffer.bytes.capacity());
            // Twice the written bytes that are kept, as a growing list has spare capacity.
            let kept = WRITTEN_BYTES_KEPT_MAX.min(waiting);
            let taken_max = (4 * (waiting + kept)).max(2 * ROOM_BYTES_KEPT);
            assert!(taken <= taken_max, "{taken} bytes for {waiting}");
        }
        assert_eq!(queue.len(), 1_000_000 - stream.taken.len());
    }
}
