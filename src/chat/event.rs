//! Events: the core's output, for clients.
//!
//! Everything that can borrow does, so a message passes through without an allocation.

use std::time::Duration;

use super::close_reason::CloseReason;
use super::command::{Mode, Verb};
use super::ids::Peer;
use super::name::{Name, RoomName};
use super::refusal::Refusal;
use super::stats::{Counts, ServerStats};

/// One thing that a client is sent.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the fields are the words of the protocol page")]
pub enum Event<'a> {
    /// A private message. `to` is all whom it was addressed to, reached or not.
    Private {
        from: &'a Name,
        to: &'a [Name],
        text: &'a str,
    },
    /// A private message that the user sent by another connection.
    Sent {
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
    /// A user entered a room.
    Join { room: &'a RoomName, name: &'a Name },
    /// A user left a room; if `gone`, all their rooms, with a text if `/quit` had one.
    Leave {
        room: &'a RoomName,
        name: &'a Name,
        gone: bool,
        text: Option<&'a str>,
    },
    /// The user entered a room by another connection.
    OwnJoin { room: &'a RoomName, name: &'a Name },
    /// The user left a room by another connection. If it was the `current` one of this, that is `moved`.
    OwnLeave {
        room: &'a RoomName,
        name: &'a Name,
        current: Option<&'a RoomName>,
        moved: bool,
    },
    /// A user has another name now: perhaps the client's own, by another connection.
    Rename { name: &'a Name, new_name: &'a Name },
    /// Many entered or left: their numbers, and some of their names, sorted.
    Presence {
        room: &'a RoomName,
        joined: u32,
        left: u32,
        names: &'a [Name],
    },
    /// A user set a room's topic, or cleared it.
    Topic {
        room: &'a RoomName,
        from: &'a Name,
        text: Option<&'a str>,
    },
    /// Lines of a room were skipped, because the client reads too slowly.
    Missed { room: &'a RoomName, count: u64 },
    /// Something the server says of itself.
    Notice(Notice<'a>),
    /// A line was carried out.
    Ok(Reply<'a>),
    /// A line was refused, or failed.
    Error(Refusal<'a>),
}

/// A notice: the server speaks without being asked.
#[derive(Clone, Copy, Debug)]
pub enum Notice<'a> {
    /// On connecting: the client's own address.
    Connected(Peer),
    /// On connecting: what to type.
    HowToRegister,
    /// A line of the operator's own.
    Motd(&'a str),
    /// A registered user's `#NAME` was said: a name is changed in another way.
    HowToRename {
        /// The name.
        name: &'a Name,
    },
    /// The recipient of a private message is away.
    IsAway {
        /// The recipient.
        name: &'a Name,
        /// Their words on it; may be empty.
        text: &'a str,
    },
    /// Private messages already answered with `ok` did not reach a user who is gone.
    Undelivered {
        /// The user they did not reach.
        to: &'a Name,
        /// The number of messages.
        count: u64,
    },
    /// telnet's "are you there".
    Here {
        /// The server's own name.
        server_name: &'a str,
    },
    /// To a client that sends no more, while lines of its are held back: how fast they are taken.
    RateLimited {
        /// Lines taken in a second.
        lines_per_second: u32,
    },
    /// The client's text is not UTF-8; told once.
    NotUtf8,
    /// A subnegotiation of telnet's did not end, and was dropped with the rest of its line.
    UnendedSubnegotiation,
    /// The server is about to exit.
    ShuttingDown,
    /// The server closes this connection, and why.
    Closing(CloseReason),
}

/// The answer to a line that was carried out, by the part of the chat that did it.
#[derive(Clone, Copy, Debug)]
pub enum Reply<'a> {
    /// Done, and nothing to tell.
    Done,
    /// To what needs no name.
    Session(SessionReply<'a>),
    /// To entering and leaving rooms.
    Membership(MembershipReply<'a>),
    /// To a question.
    Query(QueryReply<'a>),
    /// To a setting, read or just set.
    Setting(SettingReply<'a>),
}

/// The answer to a [`SessionCommand`](super::command::SessionCommand).
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the fields are the words of the protocol page")]
pub enum SessionReply<'a> {
    Registered {
        name: &'a Name,
        entered: RoomView<'a>,
    },
    Renamed {
        name: &'a Name,
    },
    Mode(Mode),
    Help(Option<Verb>),
    Version {
        server_name: &'a str,
    },
    Pong {
        text: &'a str,
    },
    Stats {
        server_name: &'a str,
        counts: Counts,
        server: &'a ServerStats,
    },
    Bye,
}

/// The answer to a [`MembershipCommand`](super::command::MembershipCommand).
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the fields are the words of the protocol page")]
pub enum MembershipReply<'a> {
    Joined(RoomView<'a>),
    Parted {
        room: &'a RoomName,
        current: Option<&'a RoomName>,
    },
}

/// The answer to a [`QueryCommand`](super::command::QueryCommand).
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the fields are the words of the protocol page")]
pub enum QueryReply<'a> {
    Rooms {
        rooms: &'a [RoomSummary<'a>],
        total: usize,
        page: usize,
        pages: usize,
    },
    /// `room` is `None` for everyone.
    Names {
        room: Option<&'a RoomName>,
        total: usize,
        names: &'a [Name],
        page: usize,
        pages: usize,
    },
    Whois(Whois<'a>),
}

/// The answer to a [`SettingCommand`](super::command::SettingCommand).
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the fields are the words of the protocol page")]
pub enum SettingReply<'a> {
    /// A topic, read or just set.
    Topic {
        room: &'a RoomName,
        text: Option<&'a str>,
    },
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
    Raw(bool),
    Times(bool),
}

impl<'a> From<SessionReply<'a>> for Reply<'a> {
    fn from(reply: SessionReply<'a>) -> Self {
        Self::Session(reply)
    }
}

impl<'a> From<MembershipReply<'a>> for Reply<'a> {
    fn from(reply: MembershipReply<'a>) -> Self {
        Self::Membership(reply)
    }
}

impl<'a> From<QueryReply<'a>> for Reply<'a> {
    fn from(reply: QueryReply<'a>) -> Self {
        Self::Query(reply)
    }
}

impl<'a> From<SettingReply<'a>> for Reply<'a> {
    fn from(reply: SettingReply<'a>) -> Self {
        Self::Setting(reply)
    }
}

/// A room as a user sees it on entering.
#[derive(Clone, Copy, Debug)]
pub struct RoomView<'a> {
    /// Its name.
    pub room: &'a RoomName,
    /// Its topic, if one was set.
    pub topic: Option<&'a str>,
    /// The number of other members.
    pub others: usize,
    /// The names of some of them, sorted.
    pub names: &'a [Name],
}

/// A room as `/rooms` shows it.
#[derive(Clone, Copy, Debug)]
pub struct RoomSummary<'a> {
    /// Its name.
    pub room: &'a RoomName,
    /// The number of members.
    pub users: usize,
    /// Its topic, if one was set.
    pub topic: Option<&'a str>,
}

/// The answer to `/whois`.
#[derive(Clone, Copy, Debug)]
pub struct Whois<'a> {
    /// The user's name.
    pub name: &'a Name,
    /// The time since they connected.
    pub connected: Duration,
    /// The time since they sent a line.
    pub idle: Duration,
    /// Their words on being away, if they are.
    pub away: Option<&'a str>,
    /// The rooms that both are in, sorted.
    pub rooms: &'a [RoomName],
    /// Their address; only told to themselves.
    pub peer: Option<Peer>,
}
