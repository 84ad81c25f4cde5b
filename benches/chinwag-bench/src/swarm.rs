//! Thousands of synthetic clients on one poll.
//!
//! The same shape as the server: events change state, and a turn ends with one write per socket
//! that has something to say. What clients do is a [`Workload`]'s to decide; it is told what
//! arrives, and says what to send through [`Outgoing`].

use std::io;
use std::mem;
use std::os::fd::AsRawFd as _;

use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};
use thiserror::Error;

use crate::client::{Client, ClientNo, Fill, Reads, Sources, State, Target, is_gone};
use crate::dialect::{Dialect, ServerLine};
use crate::outgoing::{Arrival, Opening, Outgoing};
use crate::server::OPENING_MAX;
use crate::stamp::Stamp;
use crate::timer::Timer;
use crate::timestamp::{Clock, Timestamp};

/// How much is read at once. Larger than what a turn of any server writes to one client.
const READ_BYTES: usize = 64 << 10;

/// Events taken from one poll, as many as the server takes.
const EVENTS_MAX: usize = 1024;

/// What is due is sent after so many events at the latest: to read from all who can be read from
/// takes milliseconds, and messages would leave late.
const DUE_EVENTS: usize = 32;

/// The timer's token; clients have their numbers.
const TIMER: Token = Token(usize::MAX);

/// What clients do.
pub trait Workload {
    /// A message reached `by`.
    fn arrived(&mut self, at: Timestamp, by: ClientNo, stamp: Stamp, out: &mut Outgoing);

    /// The server told `by` that it left lines out.
    fn missed(&mut self, _by: ClientNo, _lines: u64) {}

    /// `who` has what it asked for: it is registered, or in the room.
    fn ready(&mut self, _at: Timestamp, _who: ClientNo, _out: &mut Outgoing) {}

    /// The connection of `who` ended.
    fn closed(&mut self, _at: Timestamp, _who: ClientNo, _out: &mut Outgoing) {}

    /// Sends what is due, and says when it wants to be asked again.
    fn due(&mut self, _now: Timestamp, _out: &mut Outgoing) -> Timestamp {
        Timestamp::NEVER
    }
}

/// A workload that does nothing: while clients connect.
#[derive(Clone, Copy, Debug)]
pub struct Quiet;

impl Workload for Quiet {
    fn arrived(&mut self, _at: Timestamp, _by: ClientNo, _stamp: Stamp, _out: &mut Outgoing) {}
}

/// What a load test cannot go on after.
#[derive(Debug, Error)]
pub enum SwarmError {
    /// Sockets cannot be had.
    #[error("{}: {source}", not_connected(*who, target, source))]
    Connect {
        /// The client.
        who: ClientNo,
        /// The server.
        target: Target,
        /// Why.
        source: io::Error,
    },
    /// Not everyone got in.
    #[error("{ready} of {wanted} clients got in; {why}")]
    NotReady {
        /// So many did.
        ready: usize,
        /// So many should have.
        wanted: usize,
        /// What kept the others out.
        why: String,
    },
    /// Neither.
    #[error("cannot {doing}: {source}")]
    System {
        /// What was tried.
        doing: &'static str,
        /// Why it failed.
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
    /// Connections that ended although nobody asked for it.
    pub closed: u64,
    /// Lines in which the server refused something.
    pub refused: u64,
    /// The first of those.
    pub first: Option<String>,
}

/// The clients. See the module's text.
#[derive(Debug)]
pub struct Swarm {
    poll: Poll,
    events: Events,
    timer: Timer,
    clock: Clock,
    pub target: Target,
    sources: Sources,
    pub clients: Vec<Client>,
    /// What clients say.
    pub out: Outgoing,
    scratch: Vec<u8>,
    pub ready: usize,
    pub opening: usize,
    pub joining: usize,
    /// Who could not even connect, and why: nobody else tries after that.
    pub unreachable: Option<(ClientNo, io::Error)>,
    /// What went wrong.
    pub trouble: Trouble,
    /// Receive buffers of connections made from now on.
    pub receive_bytes: Option<usize>,
    /// Connections that wait to be registered at a time.
    pub opening_max: usize,
    /// Bytes of messages that are longer than the others, if there are any.
    pub long_size: Option<usize>,
}

impl Swarm {
    /// A swarm of `count` clients, none of them connected, that send payloads of `size` bytes.
    pub fn new(
        target: Target,
        dialect: Dialect,
        count: usize,
        size: usize,
    ) -> Result<Self, SwarmError> {
        let failed = |doing| move |source| SwarmError::System { doing, source };
        let poll = Poll::new().map_err(failed("make a poll"))?;
        let timer = Timer::new(poll.registry(), TIMER).map_err(failed("make a timer"))?;
        let mut places = Vec::new();
        places.resize_with(count, Client::default);
        Ok(Self {
            poll,
            events: Events::with_capacity(EVENTS_MAX),
            timer,
            clock: Clock::default(),
            target,
            sources: Sources::default(),
            clients: places,
            out: Outgoing::new(dialect, size, count),
            scratch: vec![0; READ_BYTES],
            ready: 0,
            opening: 0,
            joining: 0,
            unreachable: None,
            trouble: Trouble::default(),
            receive_bytes: None,
            opening_max: OPENING_MAX,
            long_size: None,
        })
    }

    /// How many have what they asked for.
    pub fn ready_count(&self) -> usize {
        self.ready
    }

    /// How many connections there are, whatever they are for.
    pub fn connected_count(&self) -> usize {
        let is_connected = |client: &&Client| client.socket.is_some();
        self.clients.iter().filter(is_connected).count()
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Waits until something happens or is due, no longer than `until`, and does it.
    pub fn turn<W: Workload>(&mut self, work: &mut W, until: Timestamp) -> Result<(), SwarmError> {
        let due = work.due(self.now(), &mut self.out);
        self.settle(work)?;
        self.flush();
        self.poll(due.min(until))?;
        let mut events = mem::replace(&mut self.events, Events::with_capacity(0));
        for (place, event) in events.iter().enumerate() {
            if event.token() == TIMER {
                self.timer.fired();
                continue;
            }
            // What is due in a closed loop is never: its messages go together at the turn's end.
            if place % DUE_EVENTS == DUE_EVENTS - 1 && due != Timestamp::NEVER {
                let _ = work.due(self.now(), &mut self.out);
                self.flush();
            }
            let who = ClientNo::new(u32::try_from(event.token().0).unwrap_or(u32::MAX));
            if event.is_writable() {
                self.writable(who);
            }
            let ends = event.is_read_closed() || event.is_error();
            if (event.is_readable() || ends)
                && let Some(client) = self.clients.get_mut(who.index())
            {
                client.ends |= ends;
                self.readable(who, work);
            }
        }
        events.clear();
        self.events = events;
        self.settle(work)?;
        self.flush();
        Ok(())
    }

    fn poll(&mut self, wake_at: Timestamp) -> Result<(), SwarmError> {
        let failed = |source| SwarmError::System {
            doing: "poll",
            source,
        };
        let timeout = self
            .timer
            .timeout(self.clock.now(), wake_at)
            .map_err(failed)?;
        match self.poll.poll(&mut self.events, timeout) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                self.events.clear();
                Ok(())
            }
            polled => polled.map_err(failed),
        }
    }

    fn writable(&mut self, who: ClientNo) {
        let Some(queue) = self.out.queues.get_mut(who.index()) else {
            return;
        };
        if mem::take(&mut queue.blocked)
            && queue.written < queue.bytes.len()
            && !mem::replace(&mut queue.dirty, true)
        {
            self.out.dirty.push(who);
        }
    }

    /// Reads everything that is there for a client.
    fn readable<W: Workload>(&mut self, who: ClientNo, work: &mut W) {
        let mut scratch = mem::take(&mut self.scratch);
        while let Some(client) = self.clients.get_mut(who.index()) {
            client.readable = true;
            match client.reads {
                Reads::All => {}
                Reads::Once => client.reads = Reads::Nothing,
                Reads::Nothing => break,
            }
            // Behind whatever was left of the last line.
            let kept = client.partial.len();
            if scratch.len() < kept + READ_BYTES {
                scratch.resize(kept + READ_BYTES, 0);
            }
            let (before, room) = scratch.split_at_mut(kept);
            before.copy_from_slice(&client.partial);
            let count = match client.fill(room) {
                Fill::Bytes(count) => count,
                Fill::Nothing => break,
                Fill::Closed(error) => {
                    let was_connected = !self.note_unreachable(who, error);
                    self.close(who, was_connected, work);
                    break;
                }
            };
            // Less than there was room for: whatever comes will be told. An end is told only once.
            let is_more = count == room.len() || client.ends;
            client.partial.clear();
            let bytes = scratch.get(..kept + count).unwrap_or_default();
            self.take_lines(who, bytes, work);
            if !is_more {
                break;
            }
        }
        self.scratch = scratch;
    }

    fn take_lines<W: Workload>(&mut self, who: ClientNo, bytes: &[u8], work: &mut W) {
        let (now, size, long_size) = (self.clock.now(), self.out.size, self.long_size);
        let mut start = 0;
        for end in memchr::memchr_iter(b'\n', bytes) {
            let line = bytes.get(start..end).unwrap_or_default();
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            start = end + 1;
            let stamp = Stamp::read(line, size);
            match stamp.or_else(|| Stamp::read(line, long_size?)) {
                Some(stamp) => work.arrived(now, who, stamp, &mut self.out),
                None => self.parse_line(now, who, line, work),
            }
        }
        if let Some(client) = self.clients.get_mut(who.index())
            && let Some(rest) = bytes.get(start..)
        {
            client.partial.extend_from_slice(rest);
        }
    }

    fn parse_line<W: Workload>(
        &mut self,
        now: Timestamp,
        who: ClientNo,
        line: &[u8],
        work: &mut W,
    ) {
        let dialect = self.out.dialect;
        match dialect.parse_line(line) {
            ServerLine::Done => {
                let Some(client) = self.clients.get_mut(who.index()) else {
                    return;
                };
                match client.state {
                    State::Registering => self.opening -= 1,
                    State::Joining => self.joining -= 1,
                    State::Ready | State::Closed | State::Stranger => return,
                }
                client.state = State::Ready;
                self.ready += 1;
                work.ready(now, who, &mut self.out);
            }
            ServerLine::Ping(token) => self.out.append(who, |bytes| Dialect::pong(bytes, token)),
            ServerLine::Missed(lines) => work.missed(who, lines),
            ServerLine::Refused(text) => {
                self.trouble.refused += 1;
                let first = &mut self.trouble.first;
                first.get_or_insert_with(|| String::from_utf8_lossy(text).into_owned());
            }
            ServerLine::Other => {}
        }
    }

    /// What a workload asked for beside sending.
    pub fn settle<W: Workload>(&mut self, work: &mut W) -> Result<(), SwarmError> {
        self.note_joining();
        for (who, breaks_off) in mem::take(&mut self.out.closing) {
            if let Some(client) = self.clients.get(who.index())
                && breaks_off
            {
                client.break_off();
            }
            self.close(who, false, work);
        }
        for who in mem::take(&mut self.out.finishing) {
            if let Some(client) = self.clients.get(who.index()) {
                client.finish_sending();
            }
        }
        for who in mem::take(&mut self.out.paused) {
            if let Some(client) = self.clients.get_mut(who.index()) {
                client.reads = Reads::Nothing;
            }
        }
        for who in mem::take(&mut self.out.reading_once) {
            if let Some(client) = self.clients.get_mut(who.index())
                && client.reads == Reads::Nothing
                && client.readable
            {
                client.reads = Reads::Once;
                self.readable(who, work);
            }
        }
        for who in mem::take(&mut self.out.resumed) {
            if let Some(client) = self.clients.get_mut(who.index())
                && mem::replace(&mut client.reads, Reads::All) != Reads::All
                && client.readable
            {
                self.readable(who, work);
            }
        }
        if self.unreachable.is_some() {
            self.out.opening.clear();
        }
        while self.opening < self.opening_max
            && let Some(opening) = self.out.opening.pop_front()
        {
            let who = opening.who;
            match self.open(&opening) {
                // A Unix socket's backlog is full: in the next turn, perhaps.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.out.opening.push_front(opening);
                    break;
                }
                Err(error) if is_gone(&error) => {
                    self.unreachable = Some((who, error));
                    self.out.opening.clear();
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

    /// Notes that there is nobody to connect to. Returns whether that is what the error says.
    fn note_unreachable(&mut self, who: ClientNo, error: Option<io::Error>) -> bool {
        let state = self.clients.get(who.index()).map(|client| client.state);
        let Some(error) = error.filter(|error| is_gone(error) && state == Some(State::Registering))
        else {
            return false;
        };
        self.unreachable.get_or_insert((who, error));
        true
    }

    fn note_joining(&mut self) {
        for who in mem::take(&mut self.out.joining) {
            if let Some(client) = self.clients.get_mut(who.index())
                && client.state == State::Ready
            {
                client.state = State::Joining;
                self.ready -= 1;
                self.joining += 1;
            }
        }
    }

    fn open(&mut self, opening: &Opening) -> io::Result<()> {
        let who = opening.who;
        let receive_bytes = opening.receive_bytes.or(self.receive_bytes);
        let socket = self.sources.connect(&self.target, receive_bytes)?;
        let interest = Interest::READABLE | Interest::WRITABLE;
        let registry = self.poll.registry();
        let mut source = SourceFd(&socket.as_raw_fd());
        registry.register(&mut source, Token(who.index()), interest)?;
        if let Some(client) = self.clients.get_mut(who.index()) {
            *client = Client {
                socket: Some(socket),
                state: match opening.arrival {
                    Arrival::Named(_) => State::Registering,
                    Arrival::Stranger(_) => State::Stranger,
                },
                ..Client::default()
            };
            self.opening += usize::from(client.state == State::Registering);
        }
        if let Some(queue) = self.out.queues.get_mut(who.index()) {
            queue.bytes.clear();
            queue.written = 0;
            queue.leaving = opening.is_visitor;
            // Until the kernel says that it is connected.
            queue.blocked = true;
        }
        let dialect = self.out.dialect;
        match &opening.arrival {
            Arrival::Named(name) => self.out.append(who, |bytes| dialect.register(bytes, *name)),
            Arrival::Stranger(text) => self.out.raw(who, text),
        }
        Ok(())
    }

    fn close<W: Workload>(&mut self, who: ClientNo, by_server: bool, work: &mut W) {
        let Some(client) = self.clients.get_mut(who.index()) else {
            return;
        };
        match mem::replace(&mut client.state, State::Closed) {
            State::Registering => self.opening -= 1,
            State::Ready => self.ready -= 1,
            State::Joining => self.joining -= 1,
            State::Stranger => {}
            State::Closed => return,
        }
        client.socket = None;
        client.partial = Vec::new();
        let queue = self.out.queues.get(who.index());
        if by_server && queue.is_some_and(|queue| !queue.leaving) {
            self.trouble.closed += 1;
        }
        work.closed(self.clock.now(), who, &mut self.out);
    }

    /// Writes to everyone who has something to say.
    fn flush(&mut self) {
        for who in mem::take(&mut self.out.dirty) {
            let (Some(queue), Some(client)) = (
                self.out.queues.get_mut(who.index()),
                self.clients.get_mut(who.index()),
            ) else {
                continue;
            };
            queue.dirty = false;
            match &client.socket {
                Some(socket) if !queue.blocked => queue.flush(socket),
                Some(_) => {}
                // What somebody says who is not there is lost, and need not be kept.
                None => queue.bytes.clear(),
            }
        }
    }
}
