//! One connection: a socket, what came in and is not carried out, what goes out and is not
//! written, and where it is in its life.

use std::io::{self, Read, Write};
use std::mem;
use std::time::Duration;

use crate::chat::close_reason::CloseReason;
use crate::chat::command::Mode;
use crate::chat::ids::Peer;
use crate::chat::name::{Name, RoomName};
use crate::chat::time::Timestamp;
use crate::config::Limits;
use crate::wire::Style;
use crate::wire::codec::Codec;
use crate::wire::framing::Framing;

use super::deadlines::Armed;
use super::outbound::{Flush, Outbound};
use super::pace::Pace;
use super::pool::Pool;

/// What the server needs of a socket. A simulation has its own.
pub trait Transport: Read + Write {
    /// Tells the other end that nothing more will come.
    ///
    /// # Errors
    /// If the connection is broken.
    fn shutdown_write(&mut self) -> io::Result<()>;

    /// The other end does not take output as fast as it comes: from now on, the socket itself is not
    /// to give it up for that.
    fn bear_with_slow_reader(&mut self) {}
}

/// Where a connection is in its life. It only moves downwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// The chat knows it.
    Open,
    /// The chat does not know it any longer. What is queued is still written, then the other end
    /// is told, and what it still sends is dropped: to close with unread input would reset the
    /// connection, and the reset could overtake the last answers.
    Draining,
    /// To be taken away at the end of the turn.
    Closed,
}

/// Why and when a connection that ends does so, for the log.
#[derive(Debug)]
pub struct Farewell {
    /// Who it was, if it had a name.
    pub name: Option<Name>,
    /// Where from.
    pub peer: Peer,
    /// Why.
    pub reason: CloseReason,
    /// Whether it holds a place that is to be given back.
    pub admitted: bool,
    /// Whether lines of its were held back, and are lost.
    pub held_back: bool,
    /// When its end is no longer waited for.
    pub linger_until: Timestamp,
}

/// What was read from a client and could not be carried out at once.
#[derive(Debug)]
pub struct Inbox {
    /// As it came.
    pub bytes: Vec<u8>,
    /// So much of it was carried out since; less than all.
    pub used: usize,
}

/// That the last write left something behind, whatever the kernel has said since.
#[derive(Debug, Default)]
pub struct Stall {
    /// When the kernel last took some output, or output began to wait.
    pub progress_at: Timestamp,
    /// How many lines of which room were left out since.
    pub missed: Vec<(RoomName, u64)>,
    /// The socket was told to bear with the reader.
    borne_with: bool,
}

/// One connection.
#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one fact about a socket"
)]
pub struct Connection<S> {
    /// The socket.
    pub stream: S,
    /// Where it is in its life.
    pub life: Life,
    /// The reason for which it is to end, once there is one.
    pub ending: Option<CloseReason>,
    /// How its lines are written.
    pub mode: Mode,
    /// How its lines end.
    pub framing: Framing,
    /// It was greeted.
    pub greeted: bool,
    /// It has a name.
    pub registered: bool,
    /// The line rate does not apply.
    pub unpaced: bool,
    /// There may be something to read: true until a read says otherwise, as readiness is told once.
    pub readable: bool,
    /// The kernel hinted at an end, an error or an urgent byte: only a read to the end can tell.
    pub hung_up: bool,
    /// The end of input was read.
    pub end_of_input: bool,
    /// The other end was told that nothing more will come.
    pub write_shut: bool,
    /// The kernel takes no more until it says so.
    pub write_blocked: bool,
    /// On the list of those to be written to at the end of the turn.
    pub prompt: bool,
    /// In the backlog of those to be written to a slice at a time.
    pub in_backlog: bool,
    /// On the list of those to be served.
    pub queued: bool,
    /// Not served until its output was read.
    pub waits_for_output: bool,
    /// Lines, telnet, erasing.
    pub splitter: Codec,
    /// Read and not carried out yet; there only while something is.
    pub inbox: Option<Box<Inbox>>,
    /// What waits to be written.
    pub outbound: Outbound,
    /// How fast it sends lines.
    pub pace: Pace,
    /// Not served before this, because it sends lines too fast; or never set aside for that.
    pub resume_at: Timestamp,
    /// When it connected.
    pub connected_at: Timestamp,
    /// Its entry among the deadlines.
    pub armed: Armed,
    /// There only while its output is not read.
    pub stall: Option<Box<Stall>>,
    /// Set once the chat does not know it any longer.
    pub farewell: Option<Box<Farewell>>,
}

// Two cache lines, socket included: most connections do nothing most of the time.
const _: () = assert!(size_of::<Connection<u64>>() <= 128);

/// How a read ended.
#[derive(Debug)]
pub enum Fill {
    /// So many bytes came.
    Bytes(usize),
    /// Nothing is there now.
    Nothing,
    /// Nothing will come any more.
    End,
    /// The connection is broken.
    Failed(io::Error),
}

impl<S: Transport> Connection<S> {
    /// A connection that has just been made.
    pub fn new(stream: S, unpaced: bool, now: Timestamp) -> Self {
        Self {
            stream,
            life: Life::Open,
            ending: None,
            mode: Mode::Plain,
            framing: Framing::Lf,
            greeted: false,
            registered: false,
            unpaced,
            readable: false,
            hung_up: false,
            end_of_input: false,
            write_shut: false,
            write_blocked: false,
            prompt: false,
            in_backlog: false,
            queued: false,
            waits_for_output: false,
            splitter: Codec::default(),
            inbox: None,
            outbound: Outbound::default(),
            pace: Pace::default(),
            resume_at: Timestamp::NEVER,
            connected_at: now,
            armed: Armed::default(),
            stall: None,
            farewell: None,
        }
    }

    /// Whether the chat knows it and it is not about to end.
    pub fn is_open(&self) -> bool {
        self.life == Life::Open && self.ending.is_none()
    }

    /// Whether nothing can or may be written to it any longer.
    pub fn has_ended(&self) -> bool {
        self.life == Life::Closed || self.ending.is_some_and(is_abrupt)
    }

    /// How a line is written to it.
    pub fn style(&self, in_other_room: bool) -> Style {
        Style {
            mode: self.mode,
            framing: self.framing,
            in_other_room: in_other_room && self.mode == Mode::Plain,
        }
    }

    /// Reads once into `buffer`, and notes what that tells of the next read.
    pub fn fill(&mut self, buffer: &mut [u8]) -> Fill {
        loop {
            match self.stream.read(buffer) {
                Ok(0) => {
                    self.readable = false;
                    self.end_of_input = true;
                    return Fill::End;
                }
                Ok(count) => {
                    // Less than there was room for: the socket is empty, and whatever comes will
                    // be told. Unless an end, an error or an urgent byte was: that is only told once.
                    if count < buffer.len() && !self.hung_up {
                        self.readable = false;
                    }
                    return Fill::Bytes(count.min(buffer.len()));
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.readable = false;
                    self.hung_up = false;
                    return Fill::Nothing;
                }
                Err(error) => {
                    self.readable = false;
                    return Fill::Failed(error);
                }
            }
        }
    }

    /// Writes what waits, as far as the kernel takes it. Returns also how many bytes it took.
    pub fn flush(&mut self, pool: &mut Pool, now: Timestamp) -> (usize, Flush) {
        let (taken, flush) = self.outbound.flush(&mut self.stream, pool);
        self.write_blocked = matches!(flush, Flush::Blocked);
        if self.write_blocked {
            let begins_to_wait = self.stall.is_none();
            let stall = self.stall.get_or_insert_default();
            if taken > 0 || begins_to_wait {
                stall.progress_at = now;
            }
            // Not by whether it begins to wait: a line may be left out before anything is refused.
            if !mem::replace(&mut stall.borne_with, true) {
                self.stream.bear_with_slow_reader();
            }
        }
        (taken, flush)
    }

    /// Whether a room's line of so many bytes is not left out.
    pub fn takes_line(&self, bytes: usize, soft_max: usize) -> bool {
        let misses = |stall: &Stall| !stall.missed.is_empty();
        let waiting = self.outbound.len();
        (waiting == 0 || waiting + bytes <= soft_max) && !self.stall.as_deref().is_some_and(misses)
    }

    /// Whether its own lines have to wait until its output was read: too much of that waits, or it
    /// has missed lines in more rooms than it can be in. It could go from room to room and miss a
    /// line in each for as long as it leaves a byte unread, and all of them are remembered.
    pub fn is_backed_up(&self, limits: &Limits) -> bool {
        let missed = self.stall.as_ref().map_or(0, |stall| stall.missed.len());
        // Half of the hard limit is left to what others write to it.
        self.outbound.len() >= limits.output_hard_bytes_max / 2
            || missed > limits.rooms_per_client_max
    }

    /// When it has taken nothing for too long; never, if nothing waits.
    pub fn stalled_at(&self, stall_time: Duration) -> Timestamp {
        match &self.stall {
            Some(stall) if self.write_blocked => stall.progress_at.after(stall_time),
            _ => Timestamp::NEVER,
        }
    }

    /// Whether it should have given a name by now.
    pub fn is_nameless_at(&self, now: Timestamp, register_time: Duration) -> bool {
        self.is_open() && !self.registered && self.connected_at.after(register_time) <= now
    }

    /// When its end is no longer waited for; never, if it is not waited for yet.
    pub fn linger_until(&self) -> Timestamp {
        let farewell = self.farewell.as_ref();
        farewell.map_or(Timestamp::NEVER, |farewell| farewell.linger_until)
    }

    /// Counts a line of `room` that is left out. That can happen with nothing refused yet: what
    /// waits may be more than room lines may add to.
    pub fn miss(&mut self, now: Timestamp, room: &RoomName, lines: u64) {
        let stall = self.stall.get_or_insert_with(|| {
            Box::new(Stall {
                progress_at: now,
                ..Stall::default()
            })
        });
        let missed = &mut stall.missed;
        match missed.iter_mut().find(|(known, _)| known == room) {
            Some((_, count)) => *count += lines,
            None => missed.push((*room, lines)),
        }
    }

    /// Gives back what input it holds, which will not be carried out.
    pub fn drop_input(&mut self, pool: &mut Pool) {
        if let Some(inbox) = self.inbox.take() {
            pool.put(inbox.bytes);
        }
        self.splitter = Codec::default();
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
        | CloseReason::Shutdown => false,
    }
}

/// When something is to be done about a connection of which nothing is heard. Never in the past once
/// that was done: whoever is about to end or has ended is due no more.
pub fn next_deadline<S: Transport>(connection: &Connection<S>, limits: &Limits) -> Timestamp {
    let stalled_at = connection.stalled_at(limits.output_stall_time);
    let greeted_at = if connection.greeted {
        Timestamp::NEVER
    } else {
        connection.connected_at.after(super::GREETING_TIME)
    };
    let nameless_until = if connection.registered {
        Timestamp::NEVER
    } else {
        connection.connected_at.after(limits.register_time)
    };
    match connection.life {
        Life::Open if connection.ending.is_some() => Timestamp::NEVER,
        Life::Open => stalled_at
            .min(greeted_at)
            .min(nameless_until)
            .min(connection.resume_at),
        Life::Draining => stalled_at.min(connection.linger_until()),
        Life::Closed => Timestamp::NEVER,
    }
}
