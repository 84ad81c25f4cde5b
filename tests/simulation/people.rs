//! People on virtual sockets: what each has sent, what is on its way, and what they are like.

use std::collections::BTreeSet;
use std::mem;

use chinwag::chat::time::Timestamp;
use chinwag::server::switchboard::Readiness;

use crate::chance::Chance;
use crate::support::{VirtualClient, VirtualServer};

/// A line that was sent, as far as its answer must fit it.
#[derive(Clone, Debug)]
pub enum Line {
    /// Something said in a room, by its number.
    Said(usize),
    /// Something written to others.
    Private {
        number: usize,
        to: Vec<Addressee>,
    },
    /// Something written to whoever wrote last.
    Reply(usize),
    /// Longer than lines may be.
    TooLong,
    /// Refused, with this code.
    Refused(&'static str),
    /// From here on, or until here, lines of this person are not to come.
    Ignore {
        whom: usize,
        on: bool,
    },
    /// From here on lines come as people read them,
    ToPlain,
    /// or as scripts do.
    ToJson,
    /// Who is this?
    Whois(usize),
    /// One's own absence.
    Away,
    /// Who is in this room?
    Names(&'static str),
    /// A name that must be free.
    FreeName,
    /// Counts.
    Stats,
    Other,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addressee {
    pub person: usize,
    /// What they were called, as far as the sender knew.
    pub name: String,
}

/// A change of whom somebody ignores. It happened when the witness had heard so many lines or
/// more, and before the person says anything of this number or a larger one.
#[derive(Clone, Copy, Debug)]
pub struct Switch {
    pub since: usize,
    pub until: usize,
    /// The place of its line among those sent.
    pub line: usize,
    pub whom: usize,
    pub on: bool,
}

/// What came to the wrong port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForeignProtocol {
    Http,
    Tls,
}

/// What somebody is like from first to last.
#[derive(Clone, Copy, Debug, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one fact about a person"
)]
pub struct Habits {
    pub json: bool,
    /// Ends lines with CR LF.
    pub crlf: bool,
    /// Speaks telnet.
    pub telnet: bool,
    /// Begins with a byte order mark.
    pub marked: bool,
    /// Reads everything at once.
    pub steady: bool,
    /// Reads slowly, but never stops.
    pub plodding: bool,
    /// Does not quit; in a crowd, stays in the lobby.
    pub resident: bool,
    /// Never says anything, not even a name.
    pub silent: bool,
    /// Wants no notices of joins, leaves and new names.
    pub quiet: bool,
    /// Came while the history went on.
    pub newcomer: bool,
    pub stranger: Option<ForeignProtocol>,
}

impl Habits {
    pub fn wants_crlf(&self) -> bool {
        self.crlf || self.telnet
    }

    /// Whether the server is to make a user of them.
    pub fn registers(&self) -> bool {
        !self.silent && self.stranger.is_none()
    }
}

#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one fact about a person"
)]
pub struct Person {
    pub client: VirtualClient,
    pub number: usize,
    pub name: String,
    renames: usize,
    pub habits: Habits,
    /// Whose place they take, if places of an address are counted.
    pub household: Option<String>,
    pub is_paced: bool,
    pub arrived_at: Timestamp,
    /// How many lines the witness had heard when they came.
    pub arrived_after: usize,
    /// Turned away at the door.
    pub was_refused: bool,
    /// Each is to be answered, once.
    pub sent: Vec<Line>,
    pub switches: Vec<Switch>,
    pub ignored: BTreeSet<usize>,
    /// Whether their own lines come back.
    pub echo: bool,
    /// Telnet's options asked for, as they are to be refused; and how often they asked whether
    /// anybody is there.
    pub refusals_due: Vec<[u8; 3]>,
    pub here_due: usize,
    /// Everything the server wrote.
    pub output: Vec<u8>,
    /// Lines in it; for the witness.
    pub lines_heard: usize,
    /// Where in it counting begins.
    pub counts_from: usize,
    /// Sent, and not at the server's socket yet.
    pub outgoing: Vec<u8>,
    /// What the poll knows and has not told.
    news: Readiness,
    pub is_reset: bool,
    pub has_half_closed: bool,
    pub has_quit: bool,
}

impl Person {
    pub fn new(client: VirtualClient, number: usize, habits: Habits) -> Self {
        Self {
            client,
            number,
            name: format!("c{number}"),
            renames: 0,
            habits,
            household: None,
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
            && !self.client.is_closed()
    }

    /// Whether they did something for which the server must let them go.
    pub fn has_ended(&self) -> bool {
        self.is_reset || self.has_half_closed || self.has_quit
    }

    /// Whether the server must let them go, whatever they do.
    pub fn is_unwelcome(&self) -> bool {
        !self.habits.registers() || self.was_refused
    }

    /// Whether their socket is left alone: they read as they do.
    pub fn reads_as_they_do(&self) -> bool {
        self.habits.steady || self.habits.plodding || self.was_refused
    }

    /// Takes another name, or the same, or that in another case.
    pub fn rename(&mut self) -> String {
        self.renames += 1;
        let (number, renames) = (self.number, self.renames);
        self.name = match renames {
            1 => format!("c{number}"), // the same once more
            2 => format!("C{number}"),
            _ => format!("c{number}n{renames}"),
        };
        self.name.clone()
    }

    /// Lets some of what is on its way arrive.
    pub fn deliver_some(&mut self, chance: &mut Chance) {
        let count = if chance.one_in(2) {
            self.outgoing.len()
        } else {
            chance.below(self.outgoing.len() + 1)
        };
        self.deliver(count);
    }

    pub fn deliver_all(&mut self) {
        self.deliver(self.outgoing.len());
    }

    /// What arrives is one piece with what was there and not read: a read that returns less than
    /// it could has emptied the socket.
    fn deliver(&mut self, count: usize) {
        let mut wire = self.client.wire.borrow_mut();
        if count == 0 || wire.half_closed || wire.reset || wire.closed {
            return;
        }
        let bytes = self.outgoing.drain(..count);
        match wire.to_server.back_mut() {
            Some(piece) => piece.extend(bytes),
            None => wire.to_server.push_back(bytes.collect()),
        }
        self.news.readable = true;
    }

    /// The poll tells the server what there is to tell.
    pub fn tell(&mut self, server: &mut VirtualServer) {
        let news = mem::take(&mut self.news);
        if news.readable || news.writable || news.hung_up {
            server.switchboard.ready(self.client.id, news);
        }
    }

    /// The socket takes so many bytes, and so many at once, or breaks.
    pub fn set_room(&mut self, room: usize, write_max: usize, breaks_when_full: bool) {
        let mut wire = self.client.wire.borrow_mut();
        wire.room = room;
        wire.write_max = write_max;
        wire.breaks_when_full = breaks_when_full;
        wire.stops_at_line_end = false;
        self.news.writable = true;
    }

    /// The socket takes whole lines of so many bytes at most.
    pub fn set_room_for_lines(&mut self, room: usize) {
        self.set_room(room, usize::MAX, false);
        self.client.wire.borrow_mut().stops_at_line_end = true;
    }

    pub fn read_everything(&mut self) {
        self.set_room(usize::MAX, usize::MAX, false);
    }

    pub fn reset(&mut self) {
        self.client.wire.borrow_mut().reset = true;
        self.is_reset = true;
        self.news = Readiness {
            readable: true,
            writable: true,
            hung_up: true,
        };
    }

    /// Sends what is on its way, perhaps but for its last LF, and nothing more from there on.
    pub fn half_close(&mut self, chance: &mut Chance) {
        if self.outgoing.ends_with(b"\n") && chance.one_in(4) {
            self.outgoing.pop();
        }
        self.deliver_all();
        self.client.wire.borrow_mut().half_closed = true;
        self.has_half_closed = true;
        self.news.readable = true;
        self.news.hung_up = true;
    }

    /// Reads what the server wrote.
    pub fn look(&mut self) {
        let mut wire = self.client.wire.borrow_mut();
        if self.output.is_empty() {
            mem::swap(&mut self.output, &mut wire.to_client);
        } else {
            self.output.append(&mut wire.to_client);
        }
    }
}
