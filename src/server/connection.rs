//! One connection: its socket, its two halves, and where it is in its life.

use std::mem::offset_of;
use std::time::Duration;

use crate::chat::close_reason::CloseReason;
use crate::chat::ids::Peer;
use crate::chat::name::Name;
use crate::chat::time::Timestamp;

use super::pool::Pool;
use super::position::Position;
use super::probes::{PROBE_SILENCE, Probe};
use super::rate_limit::RateLimit;
use super::read_half::{Hold, ReadHalf, ReadOutcome};
use super::send_queue::{Queue, Written};
use super::timers::Armed;
use super::transport::Transport;
use super::write_half::WriteHalf;
use super::{GREETING_TIME, LINGER_TIME};

/// Where a connection is in its life. It only moves downwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// The chat knows it.
    Open,
    /// The chat does not know it any longer. What is queued is still written, then the peer is told,
    /// and what it still sends is dropped: closing with unread input would reset the connection, and the
    /// reset could overtake the last answers.
    Draining,
    /// In the reap list: it is removed at the end of the turn.
    Closed,
}

/// Why and how a connection ends, kept from the moment it leaves the chat until it is logged.
#[derive(Debug)]
pub struct Disconnect {
    /// The client's name, or its last, if it had one.
    pub name: Option<Name>,
    /// Where it came from.
    pub peer: Peer,
    /// Why it ends.
    pub reason: CloseReason,
    /// Whether it was admitted, and so gives back a place.
    pub admitted: bool,
    /// Whether lines of it were held, and are lost.
    pub input_dropped: bool,
    /// Whether it waits for the peer's end once its output is written.
    pub lingers: bool,
}

/// When things are due, as far as it is the same for every connection.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// How long output may be left unread.
    pub stall_time: Duration,
    /// How long a connection may go without a name.
    pub register_time: Duration,
    /// How fast lines are taken.
    pub rate: RateLimit,
    /// How long a connection is silent before its peer is asked whether it is there.
    pub keepalive_time: Duration,
    /// How long a lost connection lasts at most.
    pub lost_time_max: Duration,
}

/// One connection. It begins a cache line, or it would touch a third.
#[derive(Debug)]
#[repr(C, align(64))]
pub struct Connection<S> {
    // The first line is all that writing to it needs.
    stream: S,
    output: WriteHalf,
    phase: Phase,
    /// Set once it is decided that it ends.
    close_reason: Option<CloseReason>,
    greeted: bool,
    registered: bool,
    /// A probe of it is under way.
    probe: Option<Probe>,
    connected_at: Timestamp,
    /// Its entry in the timers.
    armed: Armed,
    /// Some once the chat does not know it any longer.
    ending: Option<Box<Ending>>,
    // The second line.
    input: ReadHalf,
}

/// The end of a connection that has left the chat.
#[derive(Debug)]
struct Ending {
    disconnect: Disconnect,
    /// When the peer's end is no longer waited for; never, while that has not begun.
    linger_until: Timestamp,
}

// Two cache lines, socket included: most connections do nothing most of the time.
const _: () = assert!(size_of::<Connection<u64>>() <= 128);
const _: () = assert!(offset_of!(Connection<u64>, input) == 64);

impl<S: Transport> Connection<S> {
    /// A connection that has just been made.
    pub fn new(stream: S, rate_exempt: bool, now: Timestamp) -> Self {
        Self {
            stream,
            input: ReadHalf::new(rate_exempt),
            output: WriteHalf::default(),
            phase: Phase::Open,
            close_reason: None,
            greeted: false,
            registered: false,
            probe: None,
            connected_at: now,
            armed: Armed::default(),
            ending: None,
        }
    }

    /// Reads once into `buffer`.
    pub fn read(&mut self, buffer: &mut [u8]) -> ReadOutcome {
        self.input.read(&mut self.stream, buffer)
    }

    /// Writes what waits, as far as the kernel takes it. Returns also how many bytes it took.
    pub fn write(&mut self, pool: &mut Pool<Box<Queue>>, now: Timestamp) -> (usize, Written) {
        self.output.write_to(&mut self.stream, pool, now)
    }

    /// Bytes that the kernel took and the peer's machine has not acknowledged, as far as the transport can
    /// tell.
    pub fn unacknowledged_bytes(&self) -> usize {
        let bytes = self.stream.unacknowledged_bytes().unwrap_or_default();
        // The end that the peer was told counts as one.
        let was_told = self.linger_until() != Timestamp::NEVER;
        bytes.saturating_sub(usize::from(was_told))
    }

    /// The end of what has arrived at the peer's machine.
    pub fn acknowledged(&self) -> Position {
        self.output.written().before(self.unacknowledged_bytes())
    }

    /// Bytes that have not arrived must not do so once the connection is closed.
    pub fn abort(&mut self) {
        self.stream.abort();
    }

    /// Has the transport ask a silent peer whether it is there, unless that is under way. Returns whether
    /// this began it.
    pub fn begin_probe(&mut self) -> bool {
        if self.probe.is_some() {
            return false;
        }
        self.probe = Some(if self.stream.set_keepalive_time(PROBE_SILENCE) {
            Probe::Bounded
        } else {
            Probe::Unbounded
        });
        true
    }

    /// From now on its peer may be silent for as long as before the probe.
    pub fn end_probe(&mut self, keepalive_time: Duration) {
        if self.probe.take().is_some() {
            self.stream.set_keepalive_time(keepalive_time);
        }
    }

    /// Once its output is written, tells a draining connection's peer that nothing more comes, and begins
    /// to wait for the peer's end. Returns what follows.
    pub fn linger(&mut self, now: Timestamp) -> Linger {
        let Some(ending) = &self.ending else {
            return Linger::NotYet;
        };
        if self.phase != Phase::Draining || !self.output.queue().is_empty() {
            return Linger::NotYet;
        }
        let (lingers, has_ended) = (ending.disconnect.lingers, self.input.has_ended());
        if !lingers || (has_ended && self.unacknowledged_bytes() == 0) {
            return Linger::Over;
        }
        let Some(ending) = &mut self.ending else {
            return Linger::NotYet;
        };
        if ending.linger_until != Timestamp::NEVER {
            // Behind an end of input a reset is not read, but a socket without a connection cannot be shut
            // down: nothing will be acknowledged any more.
            let is_lost = has_ended && self.stream.shutdown_write().is_err();
            return if is_lost {
                Linger::Over
            } else {
                Linger::Waiting
            };
        }
        if self.stream.shutdown_write().is_err() {
            return Linger::Over;
        }
        ending.linger_until = now.after(LINGER_TIME);
        Linger::Begun
    }
}

/// How far a draining connection is with waiting for its peer's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Linger {
    /// Output still waits, or it is not draining.
    NotYet,
    /// The peer was told just now.
    Begun,
    /// The peer was told before.
    Waiting,
    /// There is nothing to wait for.
    Over,
}

impl<S> Connection<S> {
    /// The reading half.
    pub fn input(&self) -> &ReadHalf {
        &self.input
    }

    /// The reading half.
    pub fn input_mut(&mut self) -> &mut ReadHalf {
        &mut self.input
    }

    /// The probe that is under way.
    pub fn probe(&self) -> Option<Probe> {
        self.probe
    }

    /// The writing half.
    pub fn output(&self) -> &WriteHalf {
        &self.output
    }

    /// The writing half.
    pub fn output_mut(&mut self) -> &mut WriteHalf {
        &mut self.output
    }

    /// Both halves.
    pub fn halves_mut(&mut self) -> (&mut ReadHalf, &mut WriteHalf) {
        (&mut self.input, &mut self.output)
    }

    /// Where it is in its life.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    fn set_phase(&mut self, phase: Phase) {
        debug_assert!(phase > self.phase, "a phase only moves forward");
        self.phase = phase;
    }

    /// Why it ends, once that is decided.
    pub fn close_reason(&self) -> Option<CloseReason> {
        self.close_reason
    }

    /// Its entry in the timers, which the table arms.
    pub fn armed_mut(&mut self) -> &mut Armed {
        &mut self.armed
    }

    /// When it connected.
    pub fn connected_at(&self) -> Timestamp {
        self.connected_at
    }

    /// Whether the chat knows it and it is not about to end.
    pub fn is_open(&self) -> bool {
        self.phase == Phase::Open && self.close_reason.is_none()
    }

    /// Whether nothing can or may be written to it any longer.
    pub fn is_dead(&self) -> bool {
        self.phase == Phase::Closed || self.close_reason.is_some_and(is_abrupt)
    }

    /// Decides that it leaves the chat. The first reason counts, unless a later one means that not even its
    /// last lines can be written. Returns whether this is the first.
    pub fn set_close_reason(&mut self, reason: CloseReason) -> bool {
        debug_assert_eq!(self.phase, Phase::Open);
        let is_first = self.close_reason.is_none();
        if is_first || (is_abrupt(reason) && !self.is_dead()) {
            self.close_reason = Some(reason);
        }
        is_first
    }

    /// Leaves the chat, which does not know it any longer. Its output may still be written.
    pub fn start_draining(&mut self, disconnect: Disconnect) {
        self.set_phase(Phase::Draining);
        self.close_reason = Some(disconnect.reason);
        self.ending = Some(Box::new(Ending {
            disconnect,
            linger_until: Timestamp::NEVER,
        }));
    }

    /// Ends a draining connection; for `ConnectionTable::close`.
    pub fn close(&mut self) {
        self.set_phase(Phase::Closed);
    }

    /// Takes out why and how it ended, for the log.
    pub fn take_disconnect(&mut self) -> Option<Disconnect> {
        self.ending.take().map(|ending| ending.disconnect)
    }

    /// Whether it was greeted.
    pub fn is_greeted(&self) -> bool {
        self.greeted
    }

    /// Whether it is to be greeted now; from then on it is greeted.
    pub fn take_greeting(&mut self) -> bool {
        self.is_open() && !std::mem::replace(&mut self.greeted, true)
    }

    /// Notes that it has a name.
    pub fn set_registered(&mut self) {
        self.registered = true;
    }

    /// Whether it has waited for its greeting long enough.
    pub fn must_be_greeted(&self, now: Timestamp) -> bool {
        self.is_open() && !self.greeted && self.greeting_at() <= now
    }

    /// Holds its input, or lets it go on.
    pub fn set_hold(&mut self, hold: Hold, now: Timestamp) {
        if hold != Hold::Reply {
            self.input.set_hold(hold);
        } else if self.input.hold() != Hold::Reply {
            self.input.hold_for_reply(now, self.registered);
        }
    }

    /// Whether its time to register is up.
    pub fn is_past_register_time(&self, now: Timestamp, timing: &Timing) -> bool {
        self.is_open() && self.must_register_by(timing) <= now
    }

    /// When its time to register is up; never, once it has a name, and while its input waits for the chat.
    fn must_register_by(&self, timing: &Timing) -> Timestamp {
        if self.registered || self.input.hold() == Hold::Reply {
            return Timestamp::NEVER;
        }
        let time = timing.register_time + self.input.time_waited();
        self.connected_at.after(time)
    }

    /// When the peer's end is no longer waited for; never, while that has not begun.
    pub fn linger_until(&self) -> Timestamp {
        let ending = self.ending.as_ref();
        ending.map_or(Timestamp::NEVER, |ending| ending.linger_until)
    }

    /// Earliest deadline of a connection without events. Never in the past once that was handled: a
    /// connection that is about to end, or has ended, is due no more.
    pub fn due_at(&self, timing: &Timing) -> Timestamp {
        let stalled_at = self.output.stalled_at(timing.stall_time);
        match self.phase {
            Phase::Open if self.close_reason.is_some() => Timestamp::NEVER,
            Phase::Open => {
                let input_at = self.input.resume_at(timing.rate);
                let mut due_at = stalled_at.min(input_at).min(self.input.silence_due_at());
                if !self.greeted {
                    due_at = due_at.min(self.greeting_at());
                }
                due_at.min(self.must_register_by(timing))
            }
            Phase::Draining => stalled_at.min(self.linger_until()),
            Phase::Closed => Timestamp::NEVER,
        }
    }

    fn greeting_at(&self) -> Timestamp {
        self.connected_at.after(GREETING_TIME)
    }
}

/// Whether nothing more can be or is to be written to a client that ends for this.
pub fn is_abrupt(reason: CloseReason) -> bool {
    match reason {
        CloseReason::Broken
        | CloseReason::UnreadOutput
        | CloseReason::Stalled
        | CloseReason::TotalOutput => true,
        CloseReason::Quit
        | CloseReason::EndOfInput
        | CloseReason::NotRegistered
        | CloseReason::ServerFull
        | CloseReason::AddressFull
        | CloseReason::Http
        | CloseReason::Tls
        | CloseReason::Shutdown
        | CloseReason::Replaced
        | CloseReason::AccountEnded
        | CloseReason::Removed
        | CloseReason::Banned => false,
    }
}
