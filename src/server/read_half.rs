//! The reading half of a connection: what came in and was not run yet, and why it is not.

use std::io;
use std::mem;

use crate::chat::time::Timestamp;
use crate::wire::codec::Codec;

use super::pool::Pool;
use super::rate_limit::{RateLimit, RateLimiter};
use super::transport::Transport;

/// Why a client's input is left where it is. What is not read stays in the kernel, and slows the sender
/// down by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Hold {
    /// Its input may be run.
    #[default]
    None,
    /// The client sends lines too fast: a deadline ends this, once its [`RateLimiter`] allows the next line.
    Rate,
    /// The client leaves its output unread: a write that makes room ends this.
    Output,
}

/// How a read ended.
#[derive(Debug)]
pub enum ReadOutcome {
    /// This many bytes came.
    Bytes(usize),
    /// Nothing is there now.
    WouldBlock,
    /// Nothing will come any more.
    EndOfInput,
    /// The connection is broken.
    Failed(io::Error),
}

/// Bytes that were read and could not be run at once; or none, and a silence that is waited for.
#[derive(Debug)]
pub struct Pending {
    /// As they came.
    pub bytes: Vec<u8>,
    /// How many of them were run since: less than all.
    pub used: usize,
    /// Everything was run, and if nothing comes until then, a bare CR was the line's end.
    silent_until: Timestamp,
}

impl Pending {
    /// None of these bytes was run yet.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self {
            bytes,
            used: 0,
            silent_until: Timestamp::NEVER,
        }
    }
}

/// The reading half.
#[derive(Debug, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one fact about the input"
)]
pub struct ReadHalf {
    codec: Codec,
    /// Some only while something is pending, or a silence is waited for.
    pending: Option<Box<Pending>>,
    rate: RateLimiter,
    hold: Hold,
    /// Something may be there to read: true until a read says otherwise, as readiness is told once.
    readable: bool,
    /// The kernel hinted at an end, an error or an urgent byte: only a read to the end can tell.
    hung_up: bool,
    /// The end of input was read.
    ended: bool,
    /// The client has said, by telnet, that nothing counts that it still sends.
    closed: bool,
    /// In the run queue.
    queued: bool,
    /// The line rate does not apply.
    rate_exempt: bool,
}

impl ReadHalf {
    /// The half of a connection that has just been made.
    pub fn new(rate_exempt: bool) -> Self {
        Self {
            rate_exempt,
            ..Self::default()
        }
    }

    /// Notes that the kernel, or a deadline, says that a read may bring something.
    pub fn note_ready(&mut self, readable: bool, hung_up: bool) {
        self.hung_up |= hung_up;
        self.readable |= readable || hung_up;
    }

    /// Whether a read may bring something.
    pub fn is_readable(&self) -> bool {
        self.readable
    }

    /// Whether the end of input was read.
    pub fn has_ended(&self) -> bool {
        self.ended
    }

    /// Whether nothing more is to be read: the input has ended, or was closed by telnet.
    pub fn is_over(&self) -> bool {
        self.ended || self.closed
    }

    /// Notes that nothing counts that the client still sends.
    pub fn close(&mut self) {
        self.closed = true;
    }

    /// Whether the line rate does not apply.
    pub fn is_rate_exempt(&self) -> bool {
        self.rate_exempt
    }

    /// Reads once into `buffer`, and notes what that tells of the next read.
    pub fn read<S: Transport>(&mut self, stream: &mut S, buffer: &mut [u8]) -> ReadOutcome {
        loop {
            match stream.read(buffer) {
                Ok(read) if read.bytes == 0 => {
                    self.readable = false;
                    self.ended = true;
                    return ReadOutcome::EndOfInput;
                }
                Ok(read) => {
                    // An end, an error or an urgent byte is told only once, and may be behind these bytes.
                    self.readable = read.more || self.hung_up;
                    return ReadOutcome::Bytes(read.bytes.min(buffer.len()));
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.readable = false;
                    self.hung_up = false;
                    return ReadOutcome::WouldBlock;
                }
                Err(error) => {
                    self.readable = false;
                    return ReadOutcome::Failed(error);
                }
            }
        }
    }

    /// Why its input is left where it is.
    pub fn hold(&self) -> Hold {
        self.hold
    }

    /// Holds its input, or lets it go on.
    pub fn set_hold(&mut self, hold: Hold) {
        self.hold = hold;
    }

    /// When the rate allows the next line.
    pub fn next_allowed(&self, limit: RateLimit) -> Timestamp {
        if self.rate_exempt {
            Timestamp::default()
        } else {
            self.rate.next_allowed(limit)
        }
    }

    /// When a hold for the rate ends; never without one.
    pub fn resume_at(&self, limit: RateLimit) -> Timestamp {
        match self.hold {
            Hold::Rate => self.rate.next_allowed(limit),
            Hold::None | Hold::Output => Timestamp::NEVER,
        }
    }

    /// Counts a line against the rate.
    pub fn charge(&mut self, now: Timestamp, limit: RateLimit) {
        if !self.rate_exempt {
            self.rate.charge(now, limit);
        }
    }

    /// Notes that it is in the run queue. Returns whether it was not.
    pub fn enter_queue(&mut self) -> bool {
        !mem::replace(&mut self.queued, true)
    }

    /// Notes that it was taken from the run queue.
    pub fn leave_queue(&mut self) {
        self.queued = false;
    }

    /// Whether it is in the run queue.
    pub fn is_queued(&self) -> bool {
        self.queued
    }

    /// Bytes read in an earlier turn.
    pub fn pending(&self) -> Option<&Pending> {
        let pending = self.pending.as_deref();
        pending.filter(|pending| !pending.bytes.is_empty())
    }

    /// Takes the pending bytes out.
    pub fn take_pending(&mut self) -> Option<Box<Pending>> {
        self.pending.take_if(|pending| !pending.bytes.is_empty())
    }

    /// Keeps bytes for a later turn.
    pub fn set_pending(&mut self, pending: Box<Pending>) {
        debug_assert!(pending.used < pending.bytes.len(), "something is pending");
        self.pending = Some(pending);
    }

    /// Has a silence until then end the line; never, if the line needs no silence. Everything was run.
    pub fn set_silence(&mut self, until: Timestamp) {
        if until == Timestamp::NEVER {
            self.pending = None;
        } else {
            let pending = self
                .pending
                .get_or_insert_with(|| Box::new(Pending::new(Vec::new())));
            pending.silent_until = until;
        }
    }

    /// Until when a silence ends the line; never, if it needs none.
    pub fn silent_until(&self) -> Timestamp {
        let pending = self.pending.as_ref();
        pending.map_or(Timestamp::NEVER, |pending| pending.silent_until)
    }

    /// When a silence is to be looked at. A client that is served soon, or is held, needs no deadline.
    pub fn silence_due_at(&self) -> Timestamp {
        if self.queued || self.hold != Hold::None {
            Timestamp::NEVER
        } else {
            self.silent_until()
        }
    }

    /// Takes the codec out, as a line that it yields borrows from it while the connection changes.
    pub fn take_codec(&mut self) -> Codec {
        mem::take(&mut self.codec)
    }

    /// Puts the codec back.
    pub fn set_codec(&mut self, codec: Codec) {
        self.codec = codec;
    }

    /// Drops input that will not be run, and any hold.
    pub fn discard(&mut self, buffers: &mut Pool<Vec<u8>>) {
        if let Some(pending) = self.take_pending() {
            buffers.put(pending.bytes);
        }
        self.pending = None;
        self.codec = Codec::default();
        self.hold = Hold::None;
    }
}
