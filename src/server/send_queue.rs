//! Unwritten bytes of one socket, and the senders of the private messages in them.

use std::io;
use std::num::NonZeroUsize;

use crate::chat::ids::UserId;
use crate::server::pool::{BUFFER_BYTES_KEPT_MAX, Pool, Reusable};
use crate::server::transport::Transport;

/// Written bytes are dropped from the front past this number: a queue that never runs empty must not
/// grow for ever.
const WRITTEN_BYTES_KEPT_MAX: usize = 32 << 10;

/// Room that a partly written queue keeps, lest it shrink and grow with every line.
const ROOM_BYTES_KEPT: usize = 1 << 10;

/// Likewise, in receipts.
const RECEIPTS_KEPT: usize = 64;

/// A fresh queue has room for one short line: ten thousand are in use at once in a large fan-out.
/// With malloc's own bytes, a cache line.
const QUEUE_BYTES_START: usize = 56;

/// A longer list of receipts is freed when its queue goes back to the pool.
const RECEIPTS_KEPT_MAX: usize = 1024;

/// The sender of a private message in the queue, and where in the queue the message ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Receipt {
    end: usize,
    from: UserId,
}

/// Bytes that wait for one socket. An empty one owns no buffer and is one word long: most clients are idle
/// most of the time.
#[derive(Debug, Default)]
pub struct SendQueue(Option<Box<Queue>>);

/// The buffer of a [`SendQueue`] that is not empty.
///
/// Invariants: `written <= bytes.len()`; receipts are in the order of their ends, and none ends in what
/// was written but for those in the first [`WRITTEN_BYTES_KEPT_MAX`] bytes. Once discarded it holds no
/// bytes, and the receipts of messages that were not written whole.
#[derive(Debug, Default)]
pub struct Queue {
    bytes: Vec<u8>,
    written: usize,
    receipts: Vec<Receipt>,
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
    /// Bytes that wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |queue| queue.waiting().len())
    }

    /// Whether no bytes wait.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Memory that counts for the limit on all queues together: bytes that wait, and receipts. None
    /// once discarded, as that memory is about to go.
    #[must_use]
    pub fn footprint_bytes(&self) -> usize {
        let queue = self.0.as_ref().filter(|queue| queue.discarded.is_none());
        queue.map_or(0, |queue| {
            queue.waiting().len() + queue.receipts.len() * size_of::<Receipt>()
        })
    }

    /// Lets `encode` append a line, and takes it back if more than `bytes_max` would wait then. An
    /// empty queue takes any line: each has a limit of its own. Returns whether the line stays.
    pub fn append(
        &mut self,
        pool: &mut Pool<Box<Queue>>,
        bytes_max: usize,
        encode: impl FnOnce(&mut Vec<u8>),
    ) -> bool {
        let queue = self.0.get_or_insert_with(|| pool.take());
        let before = queue.bytes.len();
        encode(&mut queue.bytes);
        debug_assert!(queue.bytes.len() >= before, "an encoder appends");
        if queue.waiting().len() > bytes_max && before > queue.written {
            queue.bytes.truncate(before);
            return false;
        }
        true
    }

    /// Notes that the line appended last is a private message of `from`.
    pub fn push_receipt(&mut self, from: UserId) {
        if let Some(queue) = &mut self.0 {
            let end = queue.bytes.len();
            queue.receipts.push(Receipt { end, from });
        }
    }

    /// Takes the last receipt back, as its sender is told by other means. Returns whether there was one:
    /// it is gone once its message, and so all before it, were written.
    pub fn pop_receipt(&mut self) -> bool {
        let queue = self.0.as_mut();
        queue.is_some_and(|queue| queue.receipts.pop().is_some())
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

    /// Drops the bytes that wait. Their receipts stay for [`SendQueue::take_unwritten`].
    pub fn discard(&mut self) {
        let Some(queue) = self.0.as_mut().filter(|queue| queue.discarded.is_none()) else {
            return;
        };
        queue.discarded = NonZeroUsize::new(queue.waiting().len());
        if queue.discarded.is_none() {
            self.0 = None;
            return;
        }
        let written = std::mem::take(&mut queue.written);
        queue.receipts.retain(|receipt| receipt.end > written);
        queue.bytes = Vec::new();
    }

    /// Bytes that were never written: those that wait, and those that were discarded.
    #[must_use]
    pub fn unwritten_bytes(&self) -> usize {
        let discarded = self.0.as_ref().and_then(|queue| queue.discarded);
        discarded.map_or_else(|| self.len(), NonZeroUsize::get)
    }

    /// The sender of each private message that is not written whole yet.
    pub fn senders_of_unwritten(&self) -> impl Iterator<Item = UserId> {
        let queue = self.0.as_ref().filter(|queue| queue.discarded.is_none());
        queue
            .into_iter()
            .flat_map(|queue| queue.unwritten_senders())
    }

    /// Empties the queue. Returns the senders of private messages that were not written whole, each
    /// with their number.
    pub fn take_unwritten(&mut self) -> Vec<(UserId, u64)> {
        let queue = self.0.take().unwrap_or_default();
        let mut senders: Vec<UserId> = queue.unwritten_senders().collect();
        senders.sort_unstable();
        let runs = senders.chunk_by(|a, b| a == b);
        runs.filter_map(|run| Some((*run.first()?, run.len() as u64)))
            .collect()
    }
}

impl Queue {
    fn waiting(&self) -> &[u8] {
        self.bytes.get(self.written..).unwrap_or_default()
    }

    fn unwritten_senders(&self) -> impl Iterator<Item = UserId> {
        let is_unwritten = |receipt: &&Receipt| receipt.end > self.written;
        let unwritten = self.receipts.iter().filter(is_unwritten);
        unwritten.map(|receipt| receipt.from)
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
            self.receipts.retain_mut(|receipt| {
                let unwritten = receipt.end > written;
                receipt.end = receipt.end.saturating_sub(written);
                unwritten
            });
        }
        let enough = (2 * self.waiting().len()).max(ROOM_BYTES_KEPT);
        if self.bytes.capacity() > 2 * enough {
            self.bytes.shrink_to(enough);
        }
        let enough = (2 * self.receipts.len()).max(RECEIPTS_KEPT);
        if self.receipts.capacity() > 2 * enough {
            self.receipts.shrink_to(enough);
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
        self.bytes.capacity() + self.receipts.capacity() * size_of::<Receipt>()
    }

    fn is_worth_keeping(&self) -> bool {
        (1..=BUFFER_BYTES_KEPT_MAX).contains(&self.bytes.capacity())
            && self.receipts.capacity() <= RECEIPTS_KEPT_MAX
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.written = 0;
        self.receipts.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::transport::Read;
    use std::num::NonZeroU32;

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

    fn id(slot: u32) -> UserId {
        let generation = NonZeroU32::MIN;
        UserId { slot, generation }
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
        assert!(append(b"12345"));
        assert!(!append(b"123456"));
        assert!(append(b"12345"));
        assert!(!append(b"1"));
        assert_eq!(queue.len(), 10);
    }

    #[test]
    fn senders_of_discarded_messages_are_known() {
        let (mut pool, mut queue) = (Pool::default(), SendQueue::default());
        let mut stream = SlowStream {
            room: 5,
            taken: Vec::new(),
        };
        for slot in [1, 2, 3, 2] {
            queue.append(&mut pool, 100, |bytes| bytes.extend_from_slice(b"1234"));
            queue.push_receipt(id(slot));
        }
        let _ = queue.write_to(&mut stream, &mut pool);
        queue.discard();
        assert_eq!((queue.len(), queue.unwritten_bytes()), (0, 11));
        // Discarded bytes must not count as written.
        assert!(matches!(
            queue.write_to(&mut stream, &mut pool),
            (0, Written::All)
        ));
        assert_eq!(queue.take_unwritten(), [(id(2), 2), (id(3), 1)]);
        assert!(queue.is_empty());
    }

    #[test]
    fn message_written_to_its_last_byte_has_no_receipt() {
        let (mut pool, mut queue) = (Pool::default(), SendQueue::default());
        let mut stream = SlowStream {
            room: 4,
            taken: Vec::new(),
        };
        for slot in [1, 2] {
            queue.append(&mut pool, 100, |bytes| bytes.extend_from_slice(b"1234"));
            queue.push_receipt(id(slot));
        }
        let _ = queue.write_to(&mut stream, &mut pool);
        queue.discard();
        assert_eq!(queue.take_unwritten(), [(id(2), 1)]);
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
            assert!(queue.append(&mut pool, 1000, |bytes| bytes.extend_from_slice(&line)));
            queue.push_receipt(id(round));
            stream.room = if round == 0 { 50 } else { 100 };
            let _ = queue.write_to(&mut stream, &mut pool);
            let kept = queue.0.as_ref().map_or(0, |queue| queue.bytes.len());
            assert!(kept <= WRITTEN_BYTES_KEPT_MAX + 1000);
        }
        assert_eq!(queue.len(), 50);
        assert_eq!(stream.taken, sent[..sent.len() - 50]);
        assert_eq!(queue.take_unwritten(), [(id(1999), 1)]);
    }

    #[test]
    fn queue_memory_follows_the_bytes_that_wait() {
        let (mut pool, mut queue) = (Pool::default(), SendQueue::default());
        let mut stream = SlowStream {
            room: 0,
            taken: Vec::new(),
        };
        let line = |bytes: &mut Vec<u8>| bytes.extend_from_slice(&[1; 20]);
        for slot in 0..50_000 {
            queue.append(&mut pool, 1 << 20, line);
            queue.push_receipt(id(slot));
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
            let unwritten = waiting.div_ceil(20) + kept.div_ceil(20);
            let receipts = buffer.receipts.capacity();
            assert!(
                receipts <= (4 * unwritten).max(2 * RECEIPTS_KEPT),
                "{receipts} receipts for {waiting} bytes"
            );
        }
        assert_eq!(queue.len(), 1_000_000 - stream.taken.len());
        assert_eq!(
            queue.take_unwritten().len(),
            (1_000_000 - stream.taken.len()).div_ceil(20)
        );
    }

    /// Receipts were once not counted.
    #[test]
    fn receipts_count_for_the_pool_too() {
        let mut pool: Pool<Box<Queue>> = Pool::default();
        let mut queue = Queue {
            bytes: Vec::with_capacity(QUEUE_BYTES_START),
            ..Queue::default()
        };
        queue.receipts.reserve_exact(RECEIPTS_KEPT_MAX);
        let bytes = QUEUE_BYTES_START + RECEIPTS_KEPT_MAX * size_of::<Receipt>();
        let queue = Box::new(queue);
        assert_eq!(queue.capacity_bytes(), bytes);
        pool.put(queue);
        assert_eq!(pool.take().capacity_bytes(), bytes);
    }
}
