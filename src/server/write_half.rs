//! The writing half of a connection: what waits to be written, how, and how slowly it is read.

use std::mem;
use std::time::Duration;

use crate::chat::command::{Bell, Mode};
use crate::chat::event::Event;
use crate::chat::name::RoomName;
use crate::chat::outbox::Call;
use crate::chat::time::Timestamp;
use crate::wire::framing::Framing;
use crate::wire::wall_time::WallTime;
use crate::wire::{self, Style};

use super::pool::Pool;
use super::position::Position;
use super::send_queue::{Queue, SendQueue, Written};
use super::transport::Transport;

/// The peer left output unread when it was last written to.
#[derive(Debug, Default)]
pub struct Stall {
    /// When the kernel last took output, or output began to wait.
    progress_at: Timestamp,
    /// Lines skipped since, by room.
    skipped: Vec<(RoomName, u64)>,
    /// The transport was told that the peer is slow.
    user_timeout_disabled: bool,
}

/// The writing half.
#[derive(Debug, Default)]
pub struct WriteHalf {
    queue: SendQueue,
    /// Some only while output is not read.
    stall: Option<Box<Stall>>,
    /// The end of all that was ever appended to the queue.
    end: Position,
    mode: Mode,
    /// How lines end.
    framing: Framing,
    flags: Flags,
}

bitflags::bitflags! {
    /// One byte, as a connection has no room for more.
    #[derive(Clone, Copy, Debug, Default)]
    struct Flags: u8 {
        /// The kernel takes no more until it says so.
        const BLOCKED = 1;
        /// In the flush queue.
        const FLUSH_QUEUED = 1 << 1;
        /// In the fan-out.
        const IN_FAN_OUT = 1 << 2;
        /// Plain lines from people come with their time.
        const TIMES = 1 << 3;
        /// The client's terminal was asked not to show what is typed.
        const CONCEALED = 1 << 4;
        /// Which lines ring, as a number of two bits: the lower one.
        const BELL_LOW = 1 << 5;
        /// The higher one.
        const BELL_HIGH = 1 << 6;
    }
}

impl Flags {
    /// Sets a flag. Returns whether it was not set.
    fn set_new(&mut self, flag: Self) -> bool {
        let is_new = !self.contains(flag);
        self.insert(flag);
        is_new
    }
}

impl WriteHalf {
    /// Bytes that wait to be written.
    pub fn queue(&self) -> &SendQueue {
        &self.queue
    }

    /// Appends what `encode` writes, if no more than `bytes_max` wait then: see [`SendQueue::append`].
    /// Returns its length, which is to be accounted for: see `Output`.
    pub fn append(
        &mut self,
        pool: &mut Pool<Box<Queue>>,
        bytes_max: usize,
        encode: impl FnOnce(&mut Vec<u8>),
    ) -> Option<usize> {
        let bytes = self.queue.append(pool, bytes_max, encode)?;
        self.end = self.end.after(bytes);
        Some(bytes)
    }

    /// Drops what waits. Returns how many bytes those were, which is to be accounted for.
    pub fn discard(&mut self) -> usize {
        self.queue.discard()
    }

    /// The end of what was appended last.
    pub fn end(&self) -> Position {
        self.end
    }

    /// The end of what the kernel has taken.
    pub fn written(&self) -> Position {
        self.end.before(self.queue.unwritten_bytes())
    }

    /// How lines are written.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Changes how lines are written, from the next one on.
    pub fn set_mode(&mut self, mode: Mode) {
        self.mode = mode;
    }

    /// Whether plain lines from people come with their time.
    pub fn times(&self) -> bool {
        self.flags.contains(Flags::TIMES)
    }

    /// Writes lines from people with their time, or without, from the next one on.
    pub fn set_times(&mut self, on: bool) {
        self.flags.set(Flags::TIMES, on);
    }

    /// Which plain lines ring.
    pub fn bell(&self) -> Bell {
        let has = |flag| self.flags.contains(flag);
        match (has(Flags::BELL_HIGH), has(Flags::BELL_LOW)) {
            (false, false) => Bell::Off,
            (false, true) => Bell::Private,
            (true, false) => Bell::Mention,
            (true, true) => Bell::All,
        }
    }

    /// Changes which plain lines ring, from the next one on.
    pub fn set_bell(&mut self, bell: Bell) {
        let low = matches!(bell, Bell::Private | Bell::All);
        let high = matches!(bell, Bell::Mention | Bell::All);
        self.flags.set(Flags::BELL_LOW, low);
        self.flags.set(Flags::BELL_HIGH, high);
    }

    /// Notes whether its terminal is asked not to show what is typed. Returns whether that is a change.
    pub fn set_concealed(&mut self, on: bool) -> bool {
        let was_on = self.flags.contains(Flags::CONCEALED);
        self.flags.set(Flags::CONCEALED, on);
        on != was_on
    }

    /// Changes how lines end, from the next one on.
    pub fn set_framing(&mut self, framing: Framing) {
        self.framing = framing;
    }

    /// How a line is written to it, which concerns its user as `call` says. `in_other_room`: the line is of a room
    /// that is not its current one.
    pub fn style(&self, in_other_room: bool, call: Call) -> Style {
        let is_plain = self.mode == Mode::Plain;
        let calls = if is_plain {
            call.rings_from().is_some_and(|from| self.bell() >= from)
        } else {
            call == Call::Mention
        };
        Style {
            calls,
            mode: self.mode,
            framing: self.framing,
            in_other_room: in_other_room && is_plain,
            times: self.times() && is_plain,
        }
    }

    /// Whether the kernel refused output, and has not said since that there is room.
    pub fn is_blocked(&self) -> bool {
        self.flags.contains(Flags::BLOCKED)
    }

    /// Notes that there may be room. Returns whether output waits for that.
    pub fn unblock(&mut self) -> bool {
        let was_blocked = self.is_blocked();
        self.flags.remove(Flags::BLOCKED);
        was_blocked
    }

    /// Writes what waits, as far as the kernel takes it. Returns also how many bytes it took.
    pub fn write_to<S: Transport>(
        &mut self,
        stream: &mut S,
        pool: &mut Pool<Box<Queue>>,
        now: Timestamp,
    ) -> (usize, Written) {
        let (bytes, outcome) = self.queue.write_to(stream, pool);
        let is_blocked = matches!(outcome, Written::Blocked);
        self.flags.set(Flags::BLOCKED, is_blocked);
        if is_blocked {
            let is_first = self.stall.is_none();
            let stall = self.stall.get_or_insert_default();
            if bytes > 0 || is_first {
                stall.progress_at = now;
            }
            // A skipped line makes a stall before the kernel refuses: `is_first` cannot stand for this.
            if !mem::replace(&mut stall.user_timeout_disabled, true) {
                stream.disable_user_timeout();
            }
        }
        (bytes, outcome)
    }

    /// Whether output was left unread, or lines skipped.
    pub fn is_stalling(&self) -> bool {
        self.stall.is_some()
    }

    /// When the peer has left its output unread for too long; never, if none waits.
    pub fn stalled_at(&self, stall_time: Duration) -> Timestamp {
        match &self.stall {
            Some(stall) if self.is_blocked() => stall.progress_at.after(stall_time),
            _ => Timestamp::NEVER,
        }
    }

    /// Whether a room's line of this length is queued rather than skipped. After a skipped line all are,
    /// until that was told: a gap has one end.
    pub fn accepts_line(&self, bytes: usize, soft_bytes_max: usize) -> bool {
        let waiting = self.queue.len();
        (waiting == 0 || waiting + bytes <= soft_bytes_max) && self.skipped_rooms() == 0
    }

    /// Rooms of which lines were skipped and not told yet.
    pub fn skipped_rooms(&self) -> usize {
        self.stall.as_ref().map_or(0, |stall| stall.skipped.len())
    }

    /// Counts skipped lines of `room`. That can be before the kernel refused anything: what waits may
    /// be more than room lines may add to.
    pub fn count_skipped(&mut self, now: Timestamp, room: &RoomName, lines: u64) {
        let stall = self.stall.get_or_insert_with(|| {
            Box::new(Stall {
                progress_at: now,
                ..Stall::default()
            })
        });
        let skipped = &mut stall.skipped;
        match skipped.iter_mut().find(|(known, _)| known == room) {
            Some((_, count)) => *count += lines,
            None => skipped.push((*room, lines)),
        }
    }

    /// Ends a stall once the queue ran empty: appends the notices of skipped lines, as many as fit.
    /// Returns how many lines and bytes those were; none means that the stall is over.
    pub fn end_stall(
        &mut self,
        pool: &mut Pool<Box<Queue>>,
        hard_bytes_max: usize,
        wall_time: WallTime,
    ) -> (u64, usize) {
        debug_assert!(self.queue.is_empty(), "a stall ends with an empty queue");
        let style = self.style(false, Call::None);
        let Some(mut stall) = self.stall.take() else {
            return (0, 0);
        };
        let (mut told, mut lines, mut bytes) = (0, 0, 0);
        for (room, count) in &stall.skipped {
            let event = Event::Missed {
                room,
                count: *count,
            };
            let mut written = 0;
            let appended = self.append(pool, hard_bytes_max, |bytes| {
                written = wire::encode(bytes, &event, style, wall_time);
            });
            let Some(appended) = appended else {
                break;
            };
            told += 1;
            bytes += appended;
            lines += written;
        }
        stall.skipped.drain(..told);
        if !stall.skipped.is_empty() {
            self.stall = Some(stall);
        }
        (lines, bytes)
    }

    /// Notes that it is in the flush queue. Returns whether it was not.
    pub fn enter_flush_queue(&mut self) -> bool {
        self.flags.set_new(Flags::FLUSH_QUEUED)
    }

    /// Notes that it was taken from the flush queue.
    pub fn leave_flush_queue(&mut self) {
        self.flags.remove(Flags::FLUSH_QUEUED);
    }

    /// Whether it is in the flush queue.
    pub fn is_flush_queued(&self) -> bool {
        self.flags.contains(Flags::FLUSH_QUEUED)
    }

    /// Notes that it is in the fan-out. Returns whether it was not.
    pub fn enter_fan_out(&mut self) -> bool {
        self.flags.set_new(Flags::IN_FAN_OUT)
    }

    /// Notes that it was taken from the fan-out.
    pub fn leave_fan_out(&mut self) {
        self.flags.remove(Flags::IN_FAN_OUT);
    }

    /// Whether it is in the fan-out.
    pub fn is_in_fan_out(&self) -> bool {
        self.flags.contains(Flags::IN_FAN_OUT)
    }
}
