//! Thousands of synthetic clients on one poll.
//!
//! The same shape as the server: events change state, and a turn ends with one write per socket
//! that has something to say. What clients do is a [`Workload`]'s to decide; it is told what
//! arrives, and says what to send through [`Clients`].

use std::io;
use std::mem;
use std::os::fd::AsRawFd as _;

use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};
use thiserror::Error;

use crate::client::{Client, ClientNo, Reads, State};
use crate::clients::{Clients, Opening};
use crate::dialect::ServerLine;
use crate::run::ServerUnderTest;
use crate::stamp::Stamp;
use crate::target::{Sources, Target, is_gone};
use crate::timer::Timer;
use crate::timestamp::{Clock, Timestamp};

/// Bytes taken by one read: more than a turn of any server writes to one client.
const READ_BYTES: usize = 64 << 10;

/// Events taken from one poll, as many as the server takes.
const EVENTS_MAX: usize = 1024;

/// Events between two looks at due messages: to read from all clients takes milliseconds, and messages
/// would leave late.
const DUE_EVENTS: usize = 32;

/// The timer's token; clients have their numbers.
const TIMER: Token = Token(usize::MAX);

/// What clients do. The empty one does nothing, while clients connect.
pub trait Workload {
    /// Takes a line of a protocol that only this workload knows. Returns whether it is one.
    fn took_line(
        &mut self,
        _at: Timestamp,
        _by: ClientNo,
        _line: &[u8],
        _clients: &mut Clients,
    ) -> bool {
        false
    }

    fn arrived(&mut self, _at: Timestamp, _by: ClientNo, _stamp: Stamp, _clients: &mut Clients) {}

    /// The server told `by` that it left lines out.
    fn missed(&mut self, _by: ClientNo, _lines: u64) {}

    /// A client has what it asked for: it is registered, or in the room.
    fn ready(&mut self, _at: Timestamp, _who: ClientNo, _clients: &mut Clients) {}

    fn closed(&mut self, _who: ClientNo, _clients: &mut Clients) {}

    /// Sends due messages, and returns when the next is due.
    fn due(&mut self, _now: Timestamp, _clients: &mut Clients) -> Timestamp {
        Timestamp::NEVER
    }

    fn outstanding(&self) -> u64 {
        0
    }
}

impl Workload for () {}

/// What a load test cannot go on after.
#[derive(Debug, Error)]
pub enum SwarmError {
    #[error("{}: {source}", not_connected(*who, target, source))]
    Connect {
        who: ClientNo,
        target: Target,
        source: io::Error,
    },
    #[error("{ready} of {wanted} clients got in; {why}")]
    NotReady {
        ready: usize,
        wanted: usize,
        why: String,
    },
    #[error("cannot {doing}: {source}")]
    System {
        doing: &'static str,
        source: io::Error,
    },
}

/// A server that is not there matters more than the client that found out.
fn not_connected(who: ClientNo, target: &Target, error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound => {
            format!("nobody listens at {target}")
        }
        _ => format!("cannot connect client {who} to {target}"),
    }
}

/// What went wrong with connections, beside what a workload counts.
#[derive(Clone, Debug, Default)]
pub struct Trouble {
    /// Connections that ended unasked.
    pub closed: u64,
    /// Lines in which the server refused something.
    pub refused: u64,
    pub refusal: Option<String>,
}

pub struct Swarm {
    poll: Poll,
    events: Events,
    timer: Timer,
    clock: Clock,
    pub target: Target,
    sources: Sources,
    pub clients: Clients,
    scratch: Vec<u8>,
    /// The client that could not even connect, and why: no other tries after that.
    pub unreachable: Option<(ClientNo, io::Error)>,
    pub trouble: Trouble,
    /// Connections that wait to be registered at a time.
    pub opening_max: usize,
}

impl Swarm {
    /// A swarm of `count` clients, none of them connected, that send payloads of `size` bytes.
    pub fn new(server: &ServerUnderTest, count: usize, size: usize) -> Result<Self, SwarmError> {
        let failed = |doing| move |source| SwarmError::System { doing, source };
        let poll = Poll::new().map_err(failed("make a poll"))?;
        Ok(Self {
            timer: Timer::new(poll.registry(), TIMER).map_err(failed("make a timer"))?,
            poll,
            events: Events::with_capacity(EVENTS_MAX),
            clock: Clock::default(),
            target: server.target.clone(),
            sources: Sources::default(),
            clients: Clients::new(server.dialect, size, count),
            scratch: vec![0; READ_BYTES],
            unreachable: None,
            trouble: Trouble::default(),
            opening_max: server.opening_max,
        })
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Waits until something happens or is due, no longer than `until`, and does it.
    pub fn turn<W: Workload>(&mut self, work: &mut W, until: Timestamp) -> Result<(), SwarmError> {
        let due = work.due(self.now(), &mut self.clients);
        self.finish_turn(work)?;
        self.poll(due.min(until))?;
        let mut events = mem::replace(&mut self.events, Events::with_capacity(0));
        for (place, event) in events.iter().enumerate() {
            if event.token() == TIMER {
                self.timer.fired();
                continue;
            }
            // What is due in a closed loop is never: its messages go together at the turn's end.
            if place % DUE_EVENTS == DUE_EVENTS - 1 && due != Timestamp::NEVER {
                let _ = work.due(self.now(), &mut self.clients);
                self.write_all();
            }
            let who = ClientNo::at(event.token().0);
            let Some(client) = self.clients.get_mut(who) else {
                continue;
            };
            let has_ended = event.is_read_closed() || event.is_error();
            client.has_ended |= has_ended;
            if event.is_writable()
                && mem::take(&mut client.is_blocked)
                && client.unsent() > 0
                && !mem::replace(&mut client.is_unwritten, true)
            {
                self.clients.unwritten.push(who);
            }
            if event.is_readable() || has_ended {
                self.read_all(who, work);
            }
        }
        events.clear();
        self.events = events;
        self.finish_turn(work)
    }

    fn poll(&mut self, wake_at: Timestamp) -> Result<(), SwarmError> {
        let timeout = self.timer.timeout(self.clock.now(), wake_at);
        match timeout.and_then(|timeout| self.poll.poll(&mut self.events, timeout)) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                self.events.clear();
                Ok(())
            }
            polled => polled.map_err(|source| SwarmError::System {
                doing: "poll",
                source,
            }),
        }
    }

    fn read_all<W: Workload>(&mut self, who: ClientNo, work: &mut W) {
        let mut scratch = mem::take(&mut self.scratch);
        while let Some(client) = self.clients.get_mut(who) {
            client.is_readable = true;
            match client.reads {
                Reads::All => {}
                Reads::Once => client.reads = Reads::Nothing,
                Reads::Nothing => break,
            }
            // Behind the start of its line, so that the whole line lies in one piece.
            let kept = client.partial.len();
            if scratch.len() < kept + READ_BYTES {
                scratch.resize(kept + READ_BYTES, 0);
            }
            let (before, room) = scratch.split_at_mut(kept);
            before.copy_from_slice(&client.partial);
            let count = match client.read(room) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Ok(0) => {
                    self.close(who, true, work);
                    break;
                }
                Err(error) => {
                    let was_connected = !self.note_unreachable(who, error);
                    self.close(who, was_connected, work);
                    break;
                }
                Ok(count) => count,
            };
            // A read with room left over has emptied the socket; but an end is told only once.
            let is_more = count == room.len() || client.has_ended;
            client.partial.clear();
            self.take_lines(who, scratch.get(..kept + count).unwrap_or_default(), work);
            if !is_more {
                break;
            }
        }
        self.scratch = scratch;
    }

    fn take_lines<W: Workload>(&mut self, who: ClientNo, bytes: &[u8], work: &mut W) {
        let (now, size) = (self.clock.now(), self.clients.size);
        let long_size = self.clients.long_size;
        let mut start = 0;
        for end in memchr::memchr_iter(b'\n', bytes) {
            let line = bytes.get(start..end).unwrap_or_default();
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            start = end + 1;
            if work.took_line(now, who, line, &mut self.clients) {
                continue;
            }
            let stamp = Stamp::read(line, size);
            match stamp.or_else(|| Stamp::read(line, long_size?)) {
                Some(stamp) => work.arrived(now, who, stamp, &mut self.clients),
                None => self.take_server_line(now, who, line, work),
            }
        }
        if let (Some(client), Some(rest)) = (self.clients.get_mut(who), bytes.get(start..)) {
            client.partial.extend_from_slice(rest);
        }
    }

    fn take_server_line<W: Workload>(
        &mut self,
        now: Timestamp,
        who: ClientNo,
        line: &[u8],
        work: &mut W,
    ) {
        match (self.clients.dialect.parse_line)(line) {
            ServerLine::Done => {
                let state = self.clients.get(who).map(|client| client.state);
                if let Some(State::Registering | State::Joining) = state {
                    self.clients.set_state(who, State::Ready);
                    work.ready(now, who, &mut self.clients);
                }
            }
            ServerLine::Ping(token) => {
                let pong = [b"PONG", token, b"\r\n"].concat();
                self.clients.raw(who, &pong);
            }
            ServerLine::Missed(lines) => work.missed(who, lines),
            ServerLine::Refused(text) => {
                self.trouble.refused += 1;
                let text = || String::from_utf8_lossy(text).into_owned();
                self.trouble.refusal.get_or_insert_with(text);
            }
            ServerLine::Other => {}
        }
    }

    /// Closes, rereads and opens as the workload asked for, and writes.
    pub fn finish_turn<W: Workload>(&mut self, work: &mut W) -> Result<(), SwarmError> {
        for who in mem::take(&mut self.clients.closing) {
            self.close(who, false, work);
        }
        for who in mem::take(&mut self.clients.rereading) {
            self.read_all(who, work);
        }
        self.open_all()?;
        self.write_all();
        Ok(())
    }

    fn open_all(&mut self) -> Result<(), SwarmError> {
        if self.unreachable.is_some() {
            self.clients.opening.clear();
        }
        while self.clients.registering < self.opening_max
            && let Some(opening) = self.clients.opening.pop_front()
        {
            let who = opening.who;
            match self.open(&opening) {
                // A Unix socket's backlog is full: in the next turn, perhaps.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.clients.opening.push_front(opening);
                    break;
                }
                Err(error) if is_gone(&error) => {
                    self.unreachable = Some((who, error));
                    self.clients.opening.clear();
                }
                opened => opened.map_err(|source| SwarmError::Connect {
                    who,
                    target: self.target.clone(),
                    source,
                })?,
            }
        }
        Ok(())
    }

    fn open(&mut self, opening: &Opening) -> io::Result<()> {
        let who = opening.who;
        let socket = self.sources.connect(&self.target, opening.receive_bytes)?;
        let interest = Interest::READABLE | Interest::WRITABLE;
        let mut source = SourceFd(&socket.as_raw_fd());
        (self.poll.registry()).register(&mut source, Token(who.index()), interest)?;
        if let Some(client) = self.clients.get_mut(who) {
            let mut output = mem::take(&mut client.output);
            output.clear();
            *client = Client {
                socket: Some(socket),
                output,
                is_unwritten: client.is_unwritten,
                is_blocked: true, // until the kernel says that it is connected
                may_be_closed: opening.is_visitor,
                ..Client::default()
            };
        }
        self.clients.set_state(who, opening.state);
        self.clients.raw(who, &opening.says);
        Ok(())
    }

    /// Notes that there is nothing to connect to. Returns whether that is what the error says.
    fn note_unreachable(&mut self, who: ClientNo, error: io::Error) -> bool {
        let state = self.clients.get(who).map(|client| client.state);
        let is_it = is_gone(&error) && state == Some(State::Registering);
        if is_it {
            self.unreachable.get_or_insert((who, error));
        }
        is_it
    }

    fn close<W: Workload>(&mut self, who: ClientNo, by_server: bool, work: &mut W) {
        if self.clients.set_state(who, State::Closed) == State::Closed {
            return;
        }
        if let Some(client) = self.clients.get_mut(who) {
            client.socket = None;
            client.partial = Vec::new();
            self.trouble.closed += u64::from(by_server && !client.may_be_closed);
        }
        work.closed(who, &mut self.clients);
    }

    fn write_all(&mut self) {
        for who in mem::take(&mut self.clients.unwritten) {
            if let Some(client) = self.clients.get_mut(who) {
                client.write();
            }
        }
    }
}
