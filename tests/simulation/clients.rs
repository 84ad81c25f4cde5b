//! Clients on virtual sockets: their sent lines, their bytes in flight, and their habits.

use std::collections::BTreeSet;
use std::mem;

use chinwag::chat::time::Timestamp;
use chinwag::server::switchboard::Readiness;

use crate::rng::Rng;
use crate::support::{GONE, VirtualClient, VirtualServer};

/// A line that was sent, as far as the check of its answer needs it.
#[derive(Clone, Debug)]
pub enum Line {
    /// A room line, by its number.
    Said(usize),
    /// A private message.
    Private {
        number: usize,
        to: Vec<Addressee>,
    },
    /// A reply to the last sender.
    Reply(usize),
    /// Longer than lines may be.
    TooLong,
    /// Refused, with this code.
    Refused(&'static str),
    /// From here on, or until here, lines of this client must not come.
    Ignore {
        target: usize,
        on: bool,
    },
    /// From here on lines come in plain mode,
    ToPlain,
    /// or in JSON.
    ToJson,
    /// `/whois` of a client.
    Whois(usize),
    /// `/away`.
    Away,
    /// `/names` of a room.
    Names(&'static str),
    /// A name that must be free.
    FreeName,
    /// `/stats`.
    Stats,
    Other,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addressee {
    pub client: usize,
    /// Its name, as far as the sender knew.
    pub name: String,
}

/// A change of a client's ignores. It happened when the witness had heard this number of lines or
/// more, and before the client sends a text of this number or a larger one.
#[derive(Clone, Copy, Debug)]
pub struct Switch {
    pub since: usize,
    pub until: usize,
    /// The place of its line among the client's lines.
    pub line: usize,
    pub target: usize,
    pub on: bool,
}

/// Another protocol than this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForeignProtocol {
    Http,
    Tls,
}

/// How a client behaves from first to last.
#[derive(Clone, Copy, Debug, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one fact about a client"
)]
pub struct Habits {
    pub json: bool,
    /// Ends lines with CR LF.
    pub crlf: bool,
    /// Speaks telnet.
    pub telnet: bool,
    /// Begins with a byte order mark.
    pub starts_with_mark: bool,
    /// Reads all output at once.
    pub reads_at_once: bool,
    /// Reads slowly, but never stops.
    pub reads_slowly: bool,
    /// Does not quit; in a crowd, stays in the lobby.
    pub resident: bool,
    /// Never sends a line, not even a name.
    pub silent: bool,
    /// Has notices of joins, leaves and renames turned off.
    pub quiet: bool,
    /// Connected after the history's start.
    pub newcomer: bool,
    pub foreign: Option<ForeignProtocol>,
}

impl Habits {
    pub fn wants_crlf(&self) -> bool {
        self.crlf || self.telnet
    }

    /// Whether the client registers.
    pub fn registers(&self) -> bool {
        !self.silent && self.foreign.is_none()
    }
}

#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one fact about a client"
)]
pub struct Client {
    pub connection: VirtualClient,
    pub number: usize,
    pub name: String,
    renames: usize,
    pub habits: Habits,
    /// The address that its connection counts for, if those are counted.
    pub address_key: Option<String>,
    pub is_paced: bool,
    pub arrived_at: Timestamp,
    /// The number of lines that the witness had heard at its arrival.
    pub arrived_after: usize,
    /// Refused at admission.
    pub was_refused: bool,
    /// Its lines; each is due one answer.
    pub sent: Vec<Line>,
    pub switches: Vec<Switch>,
    pub ignored: BTreeSet<usize>,
    /// Whether its own lines come back.
    pub echo: bool,
    /// The refusals due for telnet's options, and the answers due to "are you there".
    pub refusals_due: Vec<[u8; 3]>,
    pub here_due: usize,
    /// Everything the server wrote.
    pub output: Vec<u8>,
    /// Lines in the output; for the witness.
    pub lines_heard: usize,
    /// The place in the output where counting begins.
    pub counts_from: usize,
    /// Bytes in flight: sent, and not at the server's socket yet.
    pub outgoing: Vec<u8>,
    /// Readiness that the poll has not reported yet.
    news: Readiness,
    pub is_reset: bool,
    pub has_half_closed: bool,
    pub has_quit: bool,
}

impl Client {
    pub fn new(connection: VirtualClient, number: usize, habits: Habits) -> Self {
        Self {
            connection,
            number,
            name: format!("c{number}"),
            renames: 0,
            habits,
            address_key: None,
            is_paced: false,
            arrived_at: Timestamp::default(),
            arrived_after: 0,
            was_refused: false,
            sent: Vec::new(),
            switches: Vec::new(),
            ignored: BTreeSet::new(),
            echo: false,
            refusals_due: Vec::new(),
            here_due: 0,
            output: Vec::new(),
            lines_heard: 0,
            counts_from: 0,
            outgoing: Vec::new(),
            news: Readiness::default(),
            is_reset: false,
            has_half_closed: false,
            has_quit: false,
        }
    }

    pub fn may_speak(&self) -> bool {
        self.habits.registers()
            && !self.was_refused
            && !self.has_ended()
            && !self.connection.is_closed()
    }

    /// Whether the client has ended its connection itself.
    pub fn has_ended(&self) -> bool {
        self.is_reset || self.has_half_closed || self.has_quit
    }

    /// Whether the server must close the connection.
    pub fn is_unwelcome(&self) -> bool {
        !self.habits.registers() || self.was_refused
    }

    /// Whether the client reads at a fixed pace, and no action changes its socket.
    pub fn has_fixed_pace(&self) -> bool {
        self.habits.reads_at_once || self.habits.reads_slowly || self.was_refused
    }

    /// Takes another name, or the same, or that in another case.
    pub fn rename(&mut self) -> String {
        self.renames += 1;
        let (number, renames) = (self.number, self.renames);
        self.name = match renames {
            1 => format!("c{number}"), // the same name again
            2 => format!("C{number}"),
            _ => format!("c{number}n{renames}"),
        };
        self.name.clone()
    }

    /// Delivers some of the bytes in flight.
    pub fn deliver_some(&mut self, rng: &mut Rng) {
        let count = if rng.one_in(2) {
            self.outgoing.len()
        } else {
            rng.below(self.outgoing.len() + 1)
        };
        self.deliver(count);
    }

    pub fn deliver_all(&mut self) {
        self.deliver(self.outgoing.len());
    }

    /// Arriving bytes join the unread ones into one piece, as a short read means an empty socket.
    fn deliver(&mut self, count: usize) {
        let mut socket = self.connection.socket.borrow_mut();
        let takes_none = socket.half_closed || socket.closed_by_client || socket.reset;
        if count == 0 || takes_none || socket.closed {
            return;
        }
        let bytes = self.outgoing.drain(..count);
        match socket.to_server.back_mut() {
            Some(piece) => piece.extend(bytes),
            None => socket.to_server.push_back(bytes.collect()),
        }
        self.news.readable = true;
    }

    /// The poll reports its readiness to the server.
    pub fn tell(&mut self, server: &mut VirtualServer) {
        let news = mem::take(&mut self.news);
        if news.readable || news.writable || news.hung_up {
            server.report(self.connection.id, news);
        }
    }

    /// The socket takes `space` bytes, and `write_max` at once, or breaks.
    pub fn set_space(&mut self, space: usize, write_max: usize, breaks_when_full: bool) {
        let mut socket = self.connection.socket.borrow_mut();
        socket.space = space;
        socket.write_max = write_max;
        socket.breaks_when_full = breaks_when_full;
        socket.stops_at_line_end = false;
        self.news.writable = true;
    }

    /// The socket takes whole lines of `space` bytes at most.
    pub fn set_space_for_lines(&mut self, space: usize) {
        self.set_space(space, usize::MAX, false);
        self.connection.socket.borrow_mut().stops_at_line_end = true;
    }

    pub fn read_everything(&mut self) {
        self.set_space(usize::MAX, usize::MAX, false);
    }

    /// From now on, or no longer, what the server writes is in flight for a while.
    pub fn set_lag(&mut self, lags: bool) {
        self.connection.socket.borrow_mut().lags = lags;
        if !lags {
            self.arrive(usize::MAX);
        }
    }

    /// Bytes from the server arrive at the client's machine, which acknowledges them.
    pub fn arrive(&mut self, count: usize) {
        let mut socket = self.connection.socket.borrow_mut();
        if socket.arrive(count) && !socket.closed {
            self.news = GONE;
        }
    }

    /// The connection is gone. What the server has not read of it is lost, or, if the client had closed it
    /// both ways, can still be read.
    pub fn reset(&mut self, rng: &mut Rng) {
        if rng.one_in(2) {
            self.connection.socket.borrow_mut().reset = true;
        } else {
            self.deliver_all();
            self.connection.socket.borrow_mut().closed_by_client = true;
        }
        self.is_reset = true;
        self.news = GONE;
    }

    /// Sends the bytes in flight, perhaps without the last LF, and no more.
    pub fn half_close(&mut self, rng: &mut Rng) {
        if self.is_reset {
            return; // nothing of it comes any more, not even an end
        }
        if self.outgoing.ends_with(b"\n") && rng.one_in(4) {
            self.outgoing.pop();
        }
        self.deliver_all();
        self.connection.socket.borrow_mut().half_closed = true;
        self.has_half_closed = true;
        self.news.readable = true;
        self.news.hung_up = true;
        self.news.read_closed = true;
    }

    /// Takes the server's output.
    pub fn look(&mut self) {
        let mut socket = self.connection.socket.borrow_mut();
        if self.output.is_empty() {
            mem::swap(&mut self.output, &mut socket.to_client);
        } else {
            self.output.append(&mut socket.to_client);
        }
    }
}
