//! The vocabulary of the house: what comes into the core and what goes out of it.
//!
//! `wire` turns bytes into a [`Command`] and an [`Event`] into bytes; `server` moves the bytes.
//! Everything that can borrow does, so a message passes through without an allocation.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

pub use super::refusal::Refusal;
pub use super::stats::{Census, CloseReason, ServerStats};

use super::name::{Name, NameError, RoomName};

/// Who a connection is: a slot in the slab, and how often that slot was handed out before, so
/// that whatever is left over from a closed connection misses its successor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClientId {
    /// The place in the slab.
    pub slot: u32,
    /// How many clients had that place before.
    pub generation: u32,
}

impl ClientId {
    /// The slot as an index.
    #[must_use]
    pub fn index(self) -> usize {
        self.slot as usize
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.slot, self.generation)
    }
}

/// Where a client comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// An address and a port; an IPv4-mapped IPv6 address is kept as IPv4.
    Tcp(SocketAddr),
    /// A Unix socket, whose clients have no address.
    Unix,
}

impl Peer {
    /// Whether the client is on this machine, and so shares its fate rather than attacks it.
    #[must_use]
    pub fn is_local(&self) -> bool {
        match self {
            Self::Tcp(address) => address.ip().to_canonical().is_loopback(),
            Self::Unix => true,
        }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix => f.write_str("a Unix socket"),
        }
    }
}

/// How the server writes to a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Lines for people, sorted by their first byte.
    #[default]
    Plain,
    /// One JSON object a line.
    Json,
}

/// The commands by name. What is said of them to people stands in the wire's table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the command of that name")]
pub enum Verb {
    Help,
    Nick,
    Msg,
    Reply,
    Me,
    Say,
    Join,
    Part,
    Rooms,
    Names,
    Topic,
    Whois,
    Away,
    Back,
    Ignore,
    Unignore,
    Quiet,
    Echo,
    Mode,
    Ping,
    Stats,
    Version,
    Quit,
}

/// What one line asks for, or what is wrong with it.
pub type Request<'a> = Result<Command<'a>, Refusal<'a>>;

/// What a client asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command<'a> {
    /// A line that starts with `#`: a registration, or plain text once one is registered.
    Hash {
        /// The rest of the line, if it is exactly one valid name.
        name: Result<Name, NameError>,
        /// The whole line.
        line: &'a str,
    },
    /// `/nick`
    Nick(Name),
    /// Something said in the current room.
    Say(&'a str),
    /// `/me`
    Act(&'a str),
    /// A private message.
    Private {
        /// To whom.
        to: Recipients<'a>,
        /// What.
        text: &'a str,
    },
    /// A private message to whoever last sent one.
    Reply(&'a str),
    /// `/join`
    Join(RoomName),
    /// `/part`; the current room if none is named.
    Part(Option<RoomName>),
    /// `/rooms`, from this page on (from 1).
    Rooms(usize),
    /// `/names`
    Names {
        /// Of whom.
        of: NamesOf,
        /// From 1.
        page: usize,
    },
    /// `/topic`; reads it without a text.
    Topic(Option<&'a str>),
    /// `/whois`, with the name as typed.
    Whois(&'a str),
    /// `/away`, with or without a text.
    Away(Option<&'a str>),
    /// `/back`
    Back,
    /// `/ignore`; lists them without a name.
    Ignore(Option<&'a str>),
    /// `/unignore`; lists them without a name.
    Unignore(Option<&'a str>),
    /// `/quiet`; tells what it is set to without a word.
    Quiet(Option<bool>),
    /// `/echo`; tells what it is set to without a word.
    Echo(Option<bool>),
    /// `/mode`; tells what it is set to without a word.
    Mode(Option<Mode>),
    /// `/ping`
    Ping(&'a str),
    /// `/stats`
    Stats,
    /// `/version`
    Version,
    /// `/help`; of everything without a name.
    Help(Option<Verb>),
    /// `/quit`, with or without a text.
    Quit(Option<&'a str>),
}

/// Whose names `/names` asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NamesOf {
    /// Those in the current room.
    CurrentRoom,
    /// Those in this room.
    Room(RoomName),
    /// Everyone who is registered.
    Everyone,
}

/// The names before a private message's colon, still as typed: they are split while they are
/// used, so that a message needs no list of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recipients<'a>(&'a str);

/// A private message goes to this many users at most; more is what a room is for.
pub const RECIPIENTS_MAX: usize = 16;

impl<'a> Recipients<'a> {
    /// Takes names separated by commas; spaces around a comma do not count.
    ///
    /// # Errors
    /// [`Refusal::TooManyRecipients`] past [`RECIPIENTS_MAX`].
    pub fn parse(names: &'a str) -> Result<Self, Refusal<'a>> {
        if memchr::memchr_iter(b',', names.as_bytes())
            .nth(RECIPIENTS_MAX - 1)
            .is_some()
        {
            return Err(Refusal::TooManyRecipients);
        }
        Ok(Self(names))
    }

    /// Each name as typed, valid or not.
    pub fn iter(self) -> impl Iterator<Item = &'a str> {
        self.0.split(',').map(str::trim_ascii)
    }

    /// The name, if there is only one.
    #[must_use]
    pub fn only(self) -> Option<&'a str> {
        memchr::memchr(b',', self.0.as_bytes())
            .is_none()
            .then(|| self.0.trim_ascii())
    }
}

/// What a client gets.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the fields are the words of the protocol page")]
pub enum Event<'a> {
    /// A private message. `to` is all whom it was addressed to, reached or not.
    Private {
        from: &'a Name,
        to: &'a [Name],
        text: &'a str,
    },
    /// Something said in a room.
    Message {
        room: &'a RoomName,
        from: &'a Name,
        text: &'a str,
    },
    /// `/me` in a room.
    Action {
        room: &'a RoomName,
        from: &'a Name,
        text: &'a str,
    },
    /// Somebody entered a room.
    Join { room: &'a RoomName, name: &'a Name },
    /// Somebody left a room, with a text if `/quit` had one.
    Leave {
        room: &'a RoomName,
        name: &'a Name,
        text: Option<&'a str>,
    },
    /// Somebody has another name now.
    Rename { name: &'a Name, new_name: &'a Name },
    /// Many entered or left: how many, and some of their names.
    Presence {
        room: &'a RoomName,
        joined: u32,
        left: u32,
        names: &'a [Name],
    },
    /// Somebody set a room's topic.
    Topic {
        room: &'a RoomName,
        from: &'a Name,
        text: &'a str,
    },
    /// So many lines of a room were left out, because they were not read in time.
    Missed { room: &'a RoomName, count: u64 },
    /// Something the server says of itself.
    Notice(Notice<'a>),
    /// A line was carried out.
    Ok(Reply<'a>),
    /// A line was refused, or failed.
    Error(Refusal<'a>),
}

/// What the server says without being asked.
#[derive(Clone, Copy, Debug)]
pub enum Notice<'a> {
    /// On connecting: from where.
    Connected(Peer),
    /// On connecting: what to type.
    HowToRegister,
    /// A line of the operator's own.
    Motd(&'a str),
    /// The one written to is away.
    IsAway {
        /// Who is away.
        name: &'a Name,
        /// What they said of it; may be empty.
        text: &'a str,
    },
    /// Private messages already taken did not reach one who is gone since.
    Undelivered {
        /// Whom they did not reach.
        to: &'a Name,
        /// How many.
        count: u64,
    },
    /// telnet's "are you there".
    Here {
        /// The server's own name.
        server_name: &'a str,
    },
    /// The server is about to exit.
    ShuttingDown,
    /// The server closes this connection, and why.
    Closing(CloseReason),
}

/// What a line that was carried out is answered with.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the fields are the words of the protocol page")]
pub enum Reply<'a> {
    /// Done, and nothing to tell.
    Done,
    Registered {
        name: &'a Name,
        entered: RoomView<'a>,
    },
    Renamed {
        name: &'a Name,
    },
    Joined(RoomView<'a>),
    Parted {
        room: &'a RoomName,
        current: Option<&'a RoomName>,
    },
    /// `room` is `None` for everyone.
    Names {
        room: Option<&'a RoomName>,
        total: usize,
        names: &'a [Name],
        page: usize,
        pages: usize,
    },
    Rooms {
        rooms: &'a [RoomSummary<'a>],
        total: usize,
        page: usize,
        pages: usize,
    },
    /// A topic, read or just set.
    Topic {
        room: &'a RoomName,
        text: Option<&'a str>,
    },
    Whois(Whois<'a>),
    Away {
        text: &'a str,
    },
    Back,
    Ignoring {
        name: &'a Name,
    },
    NotIgnoring {
        name: &'a Name,
    },
    Ignored {
        names: &'a [Name],
    },
    Quiet(bool),
    Echo(bool),
    Mode(Mode),
    Pong {
        text: &'a str,
    },
    Stats {
        server_name: &'a str,
        census: Census,
        server: &'a ServerStats,
    },
    Version {
        server_name: &'a str,
    },
    Help(Option<Verb>),
    Bye,
}

/// A room as seen by who enters it.
#[derive(Clone, Copy, Debug)]
pub struct RoomView<'a> {
    /// Which.
    pub room: &'a RoomName,
    /// What it is about, if somebody said so.
    pub topic: Option<&'a str>,
    /// How many others are there.
    pub others: usize,
    /// Some of them.
    pub names: &'a [Name],
}

/// A room as `/rooms` shows it.
#[derive(Clone, Copy, Debug)]
pub struct RoomSummary<'a> {
    /// Which.
    pub room: &'a RoomName,
    /// How many are there.
    pub users: usize,
    /// What it is about, if somebody said so.
    pub topic: Option<&'a str>,
}

/// What `/whois` tells.
#[derive(Clone, Copy, Debug)]
pub struct Whois<'a> {
    /// Who.
    pub name: &'a Name,
    /// For how long they have been connected.
    pub connected: Duration,
    /// For how long they have sent nothing.
    pub idle: Duration,
    /// What they said of being away.
    pub away: Option<&'a str>,
    /// The rooms that both are in.
    pub rooms: &'a [RoomName],
    /// Where they come from; only told to themselves.
    pub peer: Option<Peer>,
}

/// Whether a private message was taken for its recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Delivery {
    /// It is in their queue.
    Queued,
    /// It is not: they read too slowly, or are about to go.
    Refused,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sixteen_recipients_pass_and_seventeen_do_not() {
        let names = ["x"; RECIPIENTS_MAX].join(",");
        assert_eq!(
            Recipients::parse(&names).unwrap().iter().count(),
            RECIPIENTS_MAX
        );
        assert_eq!(
            Recipients::parse(&format!("{names},x")),
            Err(Refusal::TooManyRecipients)
        );
    }
}
