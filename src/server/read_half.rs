//! The reading half of a connection: what came in and was not run yet, and why it is not.

use std::io;
use std::mem;
use std::time::Duration;

use zeroize::{Zeroize, Zeroizing};

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
    /// Its last line is answered later, or is taken only then: the chat ends this.
    Reply,
}

/// Whether a client is told that its lines are held for its rate. One that will send no more may have
/// closed both directions: that shows when something is written to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum RateNotice {
    /// It may send more.
    #[default]
    NotDue,
    /// As soon as lines are held.
    Due,
    Sent,
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

/// A line that the chat did not take yet, as it is given again. It was counted, and may hold a secret.
#[derive(Debug)]
pub enum Stash {
    /// The line, fit to be shown.
    Line(Zeroizing<Box<str>>),
    /// A line past the limit.
    TooLong,
}

/// The register time that an unregistered client spent waiting for answers, in 32nds of a second, rounded up:
/// two bytes, as a connection has no room for more. Half an hour is enough to stop at.
#[derive(Clone, Copy, Debug, Default)]
struct Waited(u16);

impl Waited {
    const UNITS_PER_SECOND: u128 = 32;

    fn add(&mut self, time: Duration) {
        let units = (time.as_micros() * Self::UNITS_PER_SECOND).div_ceil(1_000_000);
        let units = u16::try_from(units).unwrap_or(u16::MAX);
        self.0 = self.0.saturating_add(units);
    }

    fn time(self) -> Duration {
        Duration::from_secs(u64::from(self.0)) / 32
    }
}

/// Bytes that were read and could not be run at once, or a line; or none, and a silence that is waited for.
#[derive(Debug)]
pub struct Pending {
    /// As they came.
    pub bytes: Vec<u8>,
    /// How many of them were run since: less than all.
    pub used: usize,
    /// Everything was run, and if nothing comes until then, a bare CR was the line's end.
    silent_until: Timestamp,
    /// A line that comes before the bytes.
    stash: Option<Stash>,
    /// When an unregistered client began to wait for an answer; never, if it does not.
    waits_since: Timestamp,
}

impl Pending {
    /// None of these bytes was run yet.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self {
            bytes,
            used: 0,
            silent_until: Timestamp::NEVER,
            stash: None,
            waits_since: Timestamp::NEVER,
        }
    }

    /// Whether it says nothing.
    fn is_idle(&self) -> bool {
        self.bytes.is_empty()
            && self.stash.is_none()
            && self.silent_until == Timestamp::NEVER
            && self.waits_since == Timestamp::NEVER
    }
}

/// The reading half.
#[derive(Debug, Default)]
pub struct ReadHalf {
    codec: Codec,
    /// Some only while something is pending, or something is waited for.
    pending: Option<Box<Pending>>,
    rate: RateLimiter,
    waited: Waited,
    hold: Hold,
    rate_notice: RateNotice,
    /// Something may be there to read: true until a read says otherwise, as readiness is told once.
    readable: bool,
    /// The kernel hinted at an end, an error or an urgent byte: only a read to the end can tell.
    hung_up: bool,
    /// In the run queue.
    queued: bool,
    facts: Facts,
}

bitflags::bitflags! {
    /// Facts that hold from some time on; one byte, as a connection has no room for more.
    #[derive(Clone, Copy, Debug, Default)]
    struct Facts: u8 {
        /// The peer neither sends nor reads any more.
        const GONE = 1;
        /// The end of input was read.
        const ENDED = 1 << 1;
        /// The client has said, by telnet, that nothing counts that it still sends.
        const CLOSED = 1 << 2;
        /// The line rate does not apply.
        const RATE_EXEMPT = 1 << 3;
    }
}

impl ReadHalf {
    /// The half of a connection that has just been made.
    pub fn new(rate_exempt: bool) -> Self {
        let mut half = Self::default();
        half.facts.set(Facts::RATE_EXEMPT, rate_exempt);
        half
    }

    /// Notes that the kernel, or a deadline, says that a read may bring something.
    pub fn note_ready(&mut self, readable: bool, hung_up: bool) {
        self.hung_up |= hung_up;
        self.readable |= readable || hung_up;
    }

    /// Notes that the kernel says that no more will come. Returns whether it has not said so before.
    pub fn note_read_closed(&mut self) -> bool {
        let is_first = self.rate_notice == RateNotice::NotDue;
        if is_first {
            self.rate_notice = RateNotice::Due;
        }
        is_first
    }

    /// Whether it is to be told now that its lines are held; from then on it is told.
    pub fn take_rate_notice(&mut self) -> bool {
        let is_due = self.hold == Hold::Rate && self.rate_notice == RateNotice::Due;
        if is_due {
            self.rate_notice = RateNotice::Sent;
        }
        is_due
    }

    /// Notes that the peer neither sends nor reads any more. What it had sent may still be there to read.
    pub fn note_gone(&mut self) {
        self.facts.insert(Facts::GONE);
        self.note_ready(true, true);
    }

    /// Whether the peer neither sends nor reads any more.
    pub fn is_gone(&self) -> bool {
        self.facts.contains(Facts::GONE)
    }

    /// Whether a read may bring something.
    pub fn is_readable(&self) -> bool {
        self.readable
    }

    /// Whether the end of input was read.
    pub fn has_ended(&self) -> bool {
        self.facts.contains(Facts::ENDED)
    }

    /// Whether nothing more is to be read: the input has ended, or was closed by telnet.
    pub fn is_over(&self) -> bool {
        self.facts.intersects(Facts::ENDED | Facts::CLOSED)
    }

    /// Notes that nothing counts that the client still sends.
    pub fn close(&mut self) {
        self.facts.insert(Facts::CLOSED);
    }

    /// Whether the line rate does not apply.
    pub fn is_rate_exempt(&self) -> bool {
        self.facts.contains(Facts::RATE_EXEMPT)
    }

    /// Reads once into `buffer`, and notes what that tells of the next read.
    pub fn read<S: Transport>(&mut self, stream: &mut S, buffer: &mut [u8]) -> ReadOutcome {
        loop {
            match stream.read(buffer) {
                Ok(read) if read.bytes == 0 => {
                    self.readable = false;
                    self.facts.insert(Facts::ENDED);
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

    /// Holds its input until the chat has answered. The register time stands still until then.
    pub fn hold_for_reply(&mut self, now: Timestamp, registered: bool) {
        self.hold = Hold::Reply;
        if !registered {
            self.pending_mut().waits_since = now;
        }
    }

    /// Lets its input go on, if it waits for the chat. Returns whether it did.
    pub fn resume(&mut self, now: Timestamp) -> bool {
        if self.hold != Hold::Reply {
            return false;
        }
        self.hold = Hold::None;
        if let Some(pending) = &mut self.pending {
            let since = mem::replace(&mut pending.waits_since, Timestamp::NEVER);
            self.waited.add(now.since(since));
            self.drop_idle_pending();
        }
        true
    }

    /// The register time that it spent waiting for answers.
    pub fn time_waited(&self) -> Duration {
        self.waited.time()
    }

    /// Keeps a line that the chat did not take, to be given again before all else.
    pub fn set_stash(&mut self, stash: Stash) {
        self.pending_mut().stash = Some(stash);
    }

    /// Takes that line out.
    pub fn take_stash(&mut self) -> Option<Stash> {
        let stash = self.pending.as_mut()?.stash.take();
        self.drop_idle_pending();
        stash
    }

    fn pending_mut(&mut self) -> &mut Pending {
        self.pending
            .get_or_insert_with(|| Box::new(Pending::new(Vec::new())))
    }

    fn drop_idle_pending(&mut self) {
        self.pending.take_if(|pending| pending.is_idle());
    }

    /// Whether an end now loses input: some is held, or was left when its peer was gone.
    pub fn is_cut_short(&self) -> bool {
        let has_stash = (self.pending.as_ref()).is_some_and(|pending| pending.stash.is_some());
        let is_left = self.pending().is_some() || self.readable;
        match self.hold {
            // The last line was carried out, and no other need be there.
            Hold::Reply => has_stash || is_left,
            Hold::Rate | Hold::Output => true,
            Hold::None => self.is_gone() && is_left,
        }
    }

    /// When the rate allows the next line.
    pub fn next_allowed(&self, limit: RateLimit) -> Timestamp {
        if self.is_rate_exempt() {
            Timestamp::default()
        } else {
            self.rate.next_allowed(limit)
        }
    }

    /// When a hold for the rate ends; never without one.
    pub fn resume_at(&self, limit: RateLimit) -> Timestamp {
        match self.hold {
            Hold::Rate => self.rate.next_allowed(limit),
            Hold::None | Hold::Output | Hold::Reply => Timestamp::NEVER,
        }
    }

    /// Counts a line against the rate.
    pub fn charge(&mut self, now: Timestamp, limit: RateLimit) {
        if !self.is_rate_exempt() {
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

    /// Whether the end of input would end a line.
    pub fn has_unfinished_line(&self) -> bool {
        self.codec.has_unfinished_line()
    }

    /// Has a silence until then end the line; never, if the line needs no silence. Everything was run.
    pub fn set_silence(&mut self, until: Timestamp) {
        if until != Timestamp::NEVER {
            self.pending_mut().silent_until = until;
        } else if let Some(pending) = &mut self.pending {
            pending.silent_until = until;
            self.drop_idle_pending();
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

    /// The codec, unless it is taken out.
    pub fn codec_mut(&mut self) -> &mut Codec {
        &mut self.codec
    }

    /// Takes the codec out, as a line that it yields borrows from it while the connection changes.
    pub fn take_codec(&mut self) -> Codec {
        mem::take(&mut self.codec)
    }

    /// Puts the codec back.
    pub fn set_codec(&mut self, codec: Codec) {
        self.codec = codec;
    }

    /// Drops input that will not be run, and any hold. It may hold a part of a password.
    pub fn discard(&mut self, buffers: &mut Pool<Vec<u8>>) {
        if let Some(mut pending) = self.take_pending() {
            pending.bytes.zeroize();
            buffers.put(pending.bytes);
        }
        self.pending = None;
        let mut codec = self.take_codec();
        if codec.has_unfinished_line() {
            let _ = codec.finish();
            codec.wipe();
        }
        self.hold = Hold::None;
    }
}
