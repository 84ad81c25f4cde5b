//! The bytes that wait for one socket.

use std::io::{self, Write};

use crate::chat::message::ClientId;

use super::pool::Pool;

/// Bytes already written are dropped from the front once there are so many, so that a queue that
/// never runs empty does not grow for ever.
const WRITTEN_BYTES_KEPT_MAX: usize = 32 << 10;

/// That a private message of `from` is in the queue, up to `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    end: usize,
    from: ClientId,
}

/// A queue of bytes. It owns buffers only while something waits.
///
/// Invariants: `written <= bytes.len()`; receipts are in the order of their ends, and none ends in
/// what was written, but for those in the first [`WRITTEN_BYTES_KEPT_MAX`] bytes.
#[derive(Debug, Default)]
pub struct Outbound {
    bytes: Vec<u8>,
    written: usize,
    receipts: Vec<Receipt>,
    abandoned: usize,
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
        self.bytes.len() - self.written
    }

    /// Whether none do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Lets `encode` append a line, and takes it back if more than `bytes_max` would wait then. An
    /// empty queue takes any line: each has a limit of its own. Returns how many bytes it had; `None` if it was taken back.
    pub fn append(
        &mut self,
        pool: &mut Pool,
        bytes_max: usize,
        encode: impl FnOnce(&mut Vec<u8>),
    ) -> Option<usize> {
        if self.bytes.capacity() == 0 {
            self.bytes = pool.take();
        }
        let before = self.bytes.len();
        encode(&mut self.bytes);
        debug_assert!(self.bytes.len() >= before, "an encoder appends");
        if self.len() > bytes_max && before > self.written {
            self.bytes.truncate(before);
            return None;
        }
        Some(self.bytes.len() - before)
    }

    /// Remembers that what was appended last is a private message of `from`.
    pub fn note_private(&mut self, pool: &mut Pool, from: ClientId) {
        if self.receipts.capacity() == 0 {
            self.receipts = pool.take_receipts();
        }
        self.receipts.push(Receipt {
            end: self.bytes.len(),
            from,
        });
    }

    /// Forgets the note made last; its sender is told by other means.
    pub fn forget_last_private(&mut self) {
        self.receipts.pop();
    }

    /// Writes until nothing waits or the kernel takes no more. Returns also how many bytes it took.
    pub fn flush<W: Write>(&mut self, socket: &mut W, pool: &mut Pool) -> (usize, Flush) {
        let mut taken = 0;
        while !self.is_empty() {
            let waiting = self.bytes.get(self.written..).unwrap_or_default();
            match socket.write(waiting) {
                Ok(0) => return (taken, Flush::Failed(io::ErrorKind::WriteZero.into())),
                Ok(count) => {
                    debug_assert!(count <= waiting.len(), "a socket takes what it was given");
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
        self.release(pool);
        (taken, Flush::Done)
    }

    /// Drops what waits; whose private messages those were is kept for
    /// [`Outbound::take_unwritten`]. Returns how many bytes it were.
    pub fn abandon(&mut self, pool: &mut Pool) -> usize {
        let dropped = self.len();
        let written = self.written;
        self.receipts.retain(|receipt| receipt.end > written);
        pool.put(std::mem::take(&mut self.bytes));
        self.written = 0;
        self.abandoned += dropped;
        dropped
    }

    /// How many bytes were never written: what waits, and what was abandoned.
    #[must_use]
    pub fn unwritten_bytes(&self) -> usize {
        self.len() + self.abandoned
    }

    /// Takes the senders of private messages of which something was not written, each with how
    /// many those are.
    pub fn take_unwritten(&mut self) -> Vec<(ClientId, u64)> {
        let written = self.written;
        let receipts = std::mem::take(&mut self.receipts);
        let unwritten = receipts.iter().filter(|receipt| receipt.end > written);
        let mut senders: Vec<ClientId> = unwritten.map(|receipt| receipt.from).collect();
        senders.sort_unstable();
        let each = senders.chunk_by(|a, b| a == b);
        each.filter_map(|same| Some((*same.first()?, same.len() as u64)))
            .collect()
    }

    fn drop_written(&mut self) {
        if self.written < WRITTEN_BYTES_KEPT_MAX {
            return;
        }
        let written = std::mem::take(&mut self.written);
        self.bytes.drain(..written);
        self.receipts.retain_mut(|receipt| {
            let unwritten = receipt.end > written;
            receipt.end = receipt.end.saturating_sub(written);
            unwritten
        });
    }

    fn release(&mut self, pool: &mut Pool) {
        self.written = 0;
        pool.put(std::mem::take(&mut self.bytes));
        pool.put_receipts(std::mem::take(&mut self.receipts));
    }
}

#[cfg(test)]
mod tests {
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

    fn id(slot: u32) -> ClientId {
        ClientId {
            slot,
            generation: 0,
        }
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
        assert_eq!(
            outbound.bytes.capacity(),
            0,
            "an empty queue owns no buffer"
        );
    }

    #[test]
    fn a_line_past_the_limit_is_taken_back_whole() {
        let (mut pool, mut outbound) = (Pool::default(), Outbound::default());
        let mut append =
            |text: &[u8]| outbound.append(&mut pool, 10, |bytes| bytes.extend_from_slice(text));
        assert_eq!(append(b"12345"), Some(5));
        assert_eq!(append(b"123456"), None);
        assert_eq!(append(b"12345"), Some(5));
        assert_eq!(append(b"1"), None);
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
            outbound.note_private(&mut pool, id(slot));
        }
        let _ = outbound.flush(&mut sink, &mut pool);
        assert_eq!(outbound.abandon(&mut pool), 11);
        assert_eq!(outbound.take_unwritten(), [(id(2), 2), (id(3), 1)]);
        assert!(outbound.is_empty());
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
            outbound
                .append(&mut pool, 1000, |bytes| bytes.extend_from_slice(&line))
                .unwrap();
            outbound.note_private(&mut pool, id(round));
            sink.room = if round == 0 { 50 } else { 100 };
            let _ = outbound.flush(&mut sink, &mut pool);
            assert!(outbound.bytes.len() <= WRITTEN_BYTES_KEPT_MAX + 1000);
        }
        assert_eq!(outbound.len(), 50);
        assert_eq!(sink.taken, sent[..sent.len() - 50]);
        assert_eq!(outbound.take_unwritten(), [(id(1999), 1)]);
    }
}
