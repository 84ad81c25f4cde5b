//! People on virtual sockets: what each has sent, what is on its way, and what they are like.

use std::mem;

use chinwag::server::switchboard::Readiness;

use crate::chance::Chance;
use crate::support::{VirtualClient, VirtualServer};

const BACKSPACE: u8 = 0x08;
/// Telnet's IAC NOP: two bytes that mean nothing, wherever they stand.
const TELNET_NOTHING: [u8; 2] = [255, 241];

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
    /// Longer than lines may be.
    TooLong,
    /// No command there is.
    Nonsense,
    Other,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addressee {
    pub person: usize,
    /// What they were called, as far as the sender knew.
    pub name: String,
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
    /// Reads everything at once.
    pub steady: bool,
    /// Reads slowly, but never stops.
    pub plodding: bool,
    /// Does not quit; in a crowd, stays in the lobby.
    pub resident: bool,
    /// Never says anything, not even a name.
    pub silent: bool,
    /// Ignores somebody.
    pub ignores: bool,
    /// Came while the history went on.
    pub newcomer: bool,
}

#[derive(Debug)]
pub struct Person {
    pub client: VirtualClient,
    pub number: usize,
    pub name: String,
    renames: usize,
    pub habits: Habits,
    /// Each is to be answered, once.
    pub sent: Vec<Line>,
    /// Everything the server wrote.
    pub output: Vec<u8>,
    /// Sent, and not at the server's socket yet.
    outgoing: Vec<u8>,
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
            sent: Vec::new(),
            output: Vec::new(),
            outgoing: Vec::new(),
            news: Readiness::default(),
            is_reset: false,
            has_half_closed: false,
            has_quit: false,
        }
    }

    pub fn may_speak(&self) -> bool {
        !self.habits.silent && !self.has_ended() && !self.client.is_closed()
    }

    /// Whether they did something for which the server must let them go.
    pub fn has_ended(&self) -> bool {
        self.is_reset || self.has_half_closed || self.has_quit
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

    /// Types a line, with what a splitter must see through.
    pub fn type_line(&mut self, text: &str, line_bytes_max: usize, chance: &mut Chance) {
        let mut bytes = text.as_bytes().to_vec();
        let place = char_boundary(text, chance.below(text.len() + 1));
        if bytes.len() < line_bytes_max && chance.one_in(8) {
            bytes.splice(place..place, [b'q', BACKSPACE]);
        } else if self.habits.crlf && chance.one_in(8) {
            bytes.splice(place..place, TELNET_NOTHING);
        }
        bytes.extend_from_slice(if self.habits.crlf { b"\r\n" } else { b"\n" });
        self.outgoing.extend(bytes);
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
        self.news.writable = true;
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
        self.output.extend(self.client.take());
    }
}

/// The last place up to `place` where no character is cut in two.
fn char_boundary(text: &str, place: usize) -> usize {
    let mut places = (0..=place).rev();
    places.find(|place| text.is_char_boundary(*place)).unwrap()
}
