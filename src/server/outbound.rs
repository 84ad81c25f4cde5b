//! The bytes that wait for one socket.

use std::io::{self, Write};

use crate::chat::ids::UserId;

use super::pool::Pool;

/// Bytes already written are dropped from the front once there are so many, so that a queue that
/// never runs empty does not grow for ever.
const WRITTEN_BYTES_KEPT_MAX: usize = 32 << 10;

/// A queue that the kernel has not taken whole keeps room for so much at least, lest it shrink and
/// grow with every line.
const ROOM_BYTES_KEPT: usize = 1 << 10;

/// Likewise, for so many receipts.
const RECEIPTS_KEPT: usize = 64;

/// That a private message of `from` is in the queue, up to `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    end: usize,
    from: UserId,
}

/// What waits for one socket. An empty one owns no buffer, and is one word long: most clients are
/// idle most of the time.
#[derive(Debug, Default)]
pub struct Outbound(Option<Box<Queue>>);

/// A queue of bytes, and whose private messages are in it.
///
/// Invariants: receipts are in the order of their ends, and none ends in what was written, but for
/// those in the first [`WRITTEN_BYTES_KEPT_MAX`] bytes. `written <= bytes.len()`, until it is
/// abandoned: then it owns no room for bytes, and `written` is how many never were.
#[derive(Debug, Default)]
pub struct Queue {
    pub(super) bytes: Vec<u8>,
    written: usize,
    pub(super) receipts: Vec<Receipt>,
}

/// How a write ended.
#[derive(Debug)]
pub enum Flush {
    /// Nothing waits any longer.
    Done,
    /// The kernel takes no more for now.
    Blocked,
    /// The connection is broken.
    Failed(io::Error),
}

impl Outbound {
    /// How many bytes wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |queue| queue.waiting().len())
    }

    /// Whether none do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How much memory what waits takes: the bytes, and for private messages whose they are. None
    /// once it was abandoned, as that is about to go.
    #[must_use]
    pub fn footprint_bytes(&self) -> usize {
        let queue = self.0.as_ref().filter(|queue| !queue.is_abandoned());
        queue.map_or(0, |queue| {
            queue.waiting().len() + queue.receipts.len() * size_of::<Receipt>()
        })
    }

    /// Lets `encode` append a line, and takes it back if more than `bytes_max` would wait then. An
    /// empty queue takes any line: each has a limit of its own. Says whether it was kept.
    pub fn append(
        &mut self,
        pool: &mut Pool,
        bytes_max: usize,
        encode: impl FnOnce(&mut Vec<u8>),
    ) -> bool {
        let queue = self.0.get_or_insert_with(|| pool.take_queue());
        let before = queue.bytes.len();
        encode(&mut queue.bytes);
        debug_assert!(queue.bytes.len() >= before, "an encoder appends");
        if queue.waiting().len() > bytes_max && before > queue.written {
            queue.bytes.truncate(before);
            return false;
        }
        true
    }

    /// Remembers that what was appended last is a private message of `from`.
    pub fn note_private(&mut self, from: UserId) {
        if let Some(queue) = &mut self.0 {
            let end = queue.bytes.len();
            queue.receipts.push(Receipt { end, from });
        }
    }

    /// Forgets the note made last, as its sender is told by other means, unless that message and so all
    /// before it were written meanwhile. Says whether there was something to forget.
    pub fn forget_last_private(&mut self) -> bool {
        let queue = self.0.as_mut();
        queue.is_some_and(|queue| queue.receipts.pop().is_some())
    }

    /// Writes until nothing waits or the kernel takes no more. Returns also how many bytes it took.
    pub fn flush<W: Write>(&mut self, socket: &mut W, pool: &mut Pool) -> (usize, Flush) {
        let Some(mut queue) = self.0.take_if(|queue| !queue.is_abandoned()) else {
            return (0, Flush::Done);
        };
        let (taken, flush) = queue.flush(socket);
        if queue.waiting().is_empty() {
            pool.put_queue(queue);
        } else {
            self.0 = Some(queue);
        }
        (taken, flush)
    }

    /// Drops what waits; whose private messages those were is kept for
    /// [`Outbound::take_unwritten`].
    pub fn abandon(&mut self) {
        let Some(queue) = self.0.as_mut().filter(|queue| !queue.is_abandoned()) else {
            return;
        };
        let unwritten = queue.waiting().len();
        let written = std::mem::replace(&mut queue.written, unwritten);
        queue.receipts.retain(|receipt| receipt.end > written);
        queue.bytes = Vec::new();
    }

    /// How many bytes were never written: what waits, and what was abandoned.
    #[must_use]
    pub fn unwritten_bytes(&self) -> usize {
        match &self.0 {
            Some(queue) if queue.is_abandoned() => queue.written,
            _ => self.len(),
        }
    }

    /// The senders of private messages of which something is not written yet, each as often as that
    /// is so.
    pub fn senders_of_unwritten(&self) -> impl Iterator<Item = UserId> {
        let queue = self.0.as_ref().filter(|queue| !queue.is_abandoned());
        queue.into_iter().flat_map(|queue| {
            let unwritten = queue.receipts.iter();
            let unwritten = unwritten.filter(|receipt| receipt.end > queue.written);
            unwritten.map(|receipt| receipt.from)
        })
    }

    /// Takes the senders of private messages of which something was not written, each with how
    /// many those are.
    pub fn take_unwritten(&mut self) -> Vec<(UserId, u64)> {
        let queue = self.0.take().unwrap_or_default();
        let receipts = queue.receipts.iter();
        let unwritten =
            receipts.filter(|receipt| queue.is_abandoned() || receipt.end > queue.written);
        let mut senders: Vec<UserId> = unwritten.map(|receipt| receipt.from).collect();
        senders.sort_unstable();
        let each = senders.chunk_by(|a, b| a == b);
        each.filter_map(|same| Some((*same.first()?, same.len() as u64)))
            .collect()
    }
}

impl Queue {
    /// A queue with some room.
    #[must_use]
    pub fn with_capacity(bytes: usize) -> Self {
        Self {
            bytes: Vec::with_capacity(bytes),
            ..Self::default()
        }
    }

    /// Makes it as new, but for its memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.written = 0;
        self.receipts.clear();
    }

    /// The memory that it keeps, filled or not.
    #[must_use]
    pub fn capacity_bytes(&self) -> usize {
        self.bytes.capacity() + self.receipts.capacity() * size_of::<Receipt>()
    }

    fn is_abandoned(&self) -> bool {
        self.bytes.capacity() == 0
    }

    fn waiting(&self) -> &[u8] {
        self.bytes.get(self.written..).unwrap_or_default()
    }

    fn flush<W: Write>(&mut self, socket: &mut W) -> (usize, Flush) {
        let mut taken = 0;
        while !self.waiting().is_empty() {
            match socket.write(self.waiting()) {
                Ok(0) => return (taken, Flush::Failed(io::ErrorKind::WriteZero.into())),
                Ok(count) => {
                    debug_assert!(count <= self.waiting().len(), "no more than it was given");
                    self.written += count;
                    taken += count;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.drop_written();
                    return (taken, Flush::Blocked);
                }
                Err(error) => return (taken, Flush::Failed(error)),
            }
        }
        (taken, Flush::Done)
    }

    /// Gives back the memory of what was written, so that what a queue takes is in proportion to what
    /// waits in it: only that is counted, and a reader can leave a little of much unread.
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

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    /// Takes so many bytes, then no more until told.
    struct Sink {
        room: usize,
        taken: Vec<u8>,
    }

    impl Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.room == 0 {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            let count = bytes.len().min(self.room);
            self.room -= count;
            self.taken.extend_from_slice(&bytes[..count]);
            Ok(count)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn id(slot: u32) -> UserId {
        let generation = NonZeroU32::MIN;
        UserId { slot, generation }
    }

    #[test]
    fn what_the_kernel_refuses_is_written_later_and_once() {
        let (mut pool, mut outbound) = (Pool::default(), Outbound::default());
        let mut sink = Sink {
            room: 5,
            taken: Vec::new(),
        };
        outbound.append(&mut pool, 100, |bytes| {
            bytes.extend_from_slice(b"hello world");
        });
        assert!(matches!(
            outbound.flush(&mut sink, &mut pool),
            (5, Flush::Blocked)
        ));
        assert_eq!(outbound.len(), 6);
        outbound.append(&mut pool, 100, |bytes| bytes.extend_from_slice(b"!"));
        sink.room = 100;
        assert!(matches!(
            outbound.flush(&mut sink, &mut pool),
            (7, Flush::Done)
        ));
        assert_eq!(sink.taken, b"hello world!");
        assert!(outbound.0.is_none(), "an empty one owns no buffer");
    }

    #[test]
    fn a_line_past_the_limit_is_taken_back_whole() {
        let (mut pool, mut outbound) = (Pool::default(), Outbound::default());
        let mut append =
            |text: &[u8]| outbound.append(&mut pool, 10, |bytes| bytes.extend_from_slice(text));
        assert!(append(b"12345"));
        assert!(!append(b"123456"));
        assert!(append(b"12345"));
        assert!(!append(b"1"));
        assert_eq!(outbound.len(), 10);
    }

    #[test]
    fn senders_of_what_was_not_written_are_known() {
        let (mut pool, mut outbound) = (Pool::default(), Outbound::default());
        let mut sink = Sink {
            room: 5,
            taken: Vec::new(),
        };
        for slot in [1, 2, 3, 2] {
            outbound.append(&mut pool, 100, |bytes| bytes.extend_from_slice(b"1234"));
            outbound.note_private(id(slot));
        }
        let _ = outbound.flush(&mut sink, &mut pool);
        outbound.abandon();
        assert_eq!((outbound.len(), outbound.unwritten_bytes()), (0, 11));
        // Nothing is left to write, and that must not count as written.
        assert!(matches!(
            outbound.flush(&mut sink, &mut pool),
            (0, Flush::Done)
        ));
        assert_eq!(outbound.take_unwritten(), [(id(2), 2), (id(3), 1)]);
        assert!(outbound.is_empty());
    }

    #[test]
    fn a_message_written_to_its_last_byte_is_not_told() {
        let (mut pool, mut outbound) = (Pool::default(), Outbound::default());
        let mut sink = Sink {
            room: 4,
            taken: Vec::new(),
        };
        for slot in [1, 2] {
            outbound.append(&mut pool, 100, |bytes| bytes.extend_from_slice(b"1234"));
            outbound.note_private(id(slot));
        }
        let _ = outbound.flush(&mut sink, &mut pool);
        outbound.abandon();
        assert_eq!(outbound.take_unwritten(), [(id(2), 1)]);
    }

    #[test]
    fn a_queue_that_never_runs_empty_drops_what_was_written() {
        let (mut pool, mut outbound) = (Pool::default(), Outbound::default());
        let mut sink = Sink {
            room: 0,
            taken: Vec::new(),
        };
        let mut sent = Vec::new();
        for round in 0..2000_u32 {
            let line = [round.to_le_bytes()[0]; 100];
            sent.extend_from_slice(&line);
            assert!(outbound.append(&mut pool, 1000, |bytes| bytes.extend_from_slice(&line)));
            outbound.note_private(id(round));
            sink.room = if round == 0 { 50 } else { 100 };
            let _ = outbound.flush(&mut sink, &mut pool);
            let kept = outbound.0.as_ref().map_or(0, |queue| queue.bytes.len());
            assert!(kept <= WRITTEN_BYTES_KEPT_MAX + 1000);
        }
        assert_eq!(outbound.len(), 50);
        assert_eq!(sink.taken, sent[..sent.len() - 50]);
        assert_eq!(outbound.take_unwritten(), [(id(1999), 1)]);
    }

    #[test]
    fn what_a_queue_takes_follows_what_waits_in_it() {
        let (mut pool, mut outbound) = (Pool::default(), Outbound::default());
        let mut sink = Sink {
            room: 0,
            taken: Vec::new(),
        };
        let line = |bytes: &mut Vec<u8>| bytes.extend_from_slice(&[1; 20]);
        for slot in 0..50_000 {
            outbound.append(&mut pool, 1 << 20, line);
            outbound.note_private(id(slot));
        }
        // Whatever the reader leaves, down to a little of it, and however small its steps.
        for step in [
            1, 499_500, 30_000, 400_000, 31_000, 8_000, 31_000, 100, 100, 100,
        ] {
            sink.room = step;
            let _ = outbound.flush(&mut sink, &mut pool);
            let queue = outbound.0.as_ref().unwrap();
            let (waiting, taken) = (queue.waiting().len(), queue.bytes.capacity());
            // Up to the written bytes that are kept, twice over for what a growing list has spare.
            let kept = WRITTEN_BYTES_KEPT_MAX.min(waiting);
            let taken_max = (4 * (waiting + kept)).max(2 * ROOM_BYTES_KEPT);
            assert!(taken <= taken_max, "{taken} bytes for {waiting}");
            let unwritten = waiting.div_ceil(20) + kept.div_ceil(20);
            let receipts = queue.receipts.capacity();
            assert!(
                receipts <= (4 * unwritten).max(2 * RECEIPTS_KEPT),
                "{receipts} receipts for {waiting} bytes"
            );
        }
        assert_eq!(outbound.len(), 1_000_000 - sink.taken.len());
        assert_eq!(
            outbound.take_unwritten().len(),
            (1_000_000 - sink.taken.len()).div_ceil(20)
        );
    }
}
