//! Events: the core's output, for clients.
//!
//! Everything that can borrow does, so a message passes through without an allocation.

mod calls;
mod moderation;
mod operators;
mod people;

use std::time::Duration;

use crate::chat::archive::{LineKind, Token, UnixMs};
use crate::chat::close_reason::CloseReason;
use crate::chat::command::{Bell, HelpTopic, Mode};
use crate::chat::ids::{LineId, Peer};
use crate::chat::name::{Name, RoomName};
use crate::chat::refusal::Refusal;
use crate::chat::rights::Rights;
use crate::chat::stats::{Counts, ServerStats};

pub use calls::{CallEvent, CallReply, ReceiptState};
pub use moderation::{Done, ModerationEvent, ModerationReply};
pub use operators::{
    BanView, Banned, Barred, BarredFrom, ListedBanView, OperatorEvent, OperatorReply,
};
pub use people::{FriendNews, FriendState, FriendView, PeopleEvent, PeopleReply, PrivacyView};

/// One thing that a client is sent.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the fields are the words of the protocol page")]
pub enum Event<'a> {
    /// A private message. `to` is all whom it was addressed to, reached or not.
    Private {
        from: &'a Name,
        to: &'a [Name],
        text: &'a str,
        /// Its number, where it is kept.
        id: Option<LineId>,
    },
    /// A private message that the user sent by another connection.
    Sent {
        from: &'a Name,
        to: &'a [Name],
        text: &'a str,
        /// Its number, where it is kept.
        id: Option<LineId>,
    },
    /// Something said in a room.
    Message {
        room: &'a RoomName,
        from: &'a Name,
        text: &'a str,
        /// Its number, where it is kept.
        id: Option<LineId>,
    },
    /// `/me` in a room.
    Action {
        room: &'a RoomName,
        from: &'a Name,
        text: &'a str,
        /// Its number, where it is kept.
        id: Option<LineId>,
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
    /// A line that was said before.
    History {
        id: LineId,
        place: PlaceView<'a>,
        from: &'a Name,
        kind: LineKind,
        at: UnixMs,
        text: &'a str,
    },
    /// A line that was said before, among those of several places: it shows its own.
    Found {
        id: LineId,
        place: PlaceView<'a>,
        from: &'a Name,
        kind: LineKind,
        at: UnixMs,
        text: &'a str,
    },
    /// A line of one's own that was said before, to be kept elsewhere: JSON in either mode.
    Exported {
        id: LineId,
        place: PlaceView<'a>,
        from: &'a Name,
        kind: LineKind,
        at: UnixMs,
        text: &'a str,
    },
    /// A private message that waited, to one's own account.
    Late {
        id: LineId,
        from: &'a Name,
        to: &'a Name,
        at: UnixMs,
        text: &'a str,
    },
    /// Lines were forgotten by their author: these, or with none, all of theirs in this place.
    Forgotten {
        place: PlaceView<'a>,
        from: &'a Name,
        ids: &'a [LineId],
    },
    /// From now on the lines of a room are kept for so many days, or no longer.
    Kept {
        room: &'a RoomName,
        from: &'a Name,
        days: Option<u32>,
    },
    /// What people are to each other has changed.
    People(PeopleEvent<'a>),
    /// How far one's messages have got, or that somebody is called who is not here.
    Call(CallEvent<'a>),
    /// Order was kept in a room.
    Moderation(ModerationEvent<'a>),
    /// Something from an operator of the server, or for one.
    Operator(OperatorEvent<'a>),
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
    /// Behind the lines of a page in plain mode, if more lies that way: how to see it.
    PageEnd {
        /// Newer lines, not earlier ones.
        is_forward: bool,
    },
    /// A question to the connection was not answered, or with a blank line.
    Cancelled,
    /// Lines that were delivered are not kept.
    NotKept {
        /// How many.
        count: u64,
        /// It was not known in time: they may be kept yet.
        is_late: bool,
    },
    /// Before the password of a new account: who can read what is kept, and that nobody else can.
    WhoReads,
    /// Before a password that others on the network can read.
    NotEncrypted,
    /// The connection ends, as its user has made more of them than there may be.
    Replaced,
    /// The account, its password or the token that this connection came by is no more: it ends.
    AccountEnded,
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
    /// To something said, that is kept or waits.
    Said(SaidReply<'a>),
    /// To having an account.
    Account(AccountReply<'a>),
    /// To a question about what was said before.
    History(HistoryReply<'a>),
    /// To what people are to each other.
    People(PeopleReply<'a>),
    /// To being called while one is away.
    Call(CallReply<'a>),
    /// To order in a room.
    Moderation(ModerationReply<'a>),
    /// To order in the whole server.
    Operator(OperatorReply<'a>),
}

/// The answer to something said, where there is more to tell than that.
#[derive(Clone, Copy, Debug)]
pub struct SaidReply<'a> {
    /// The line's number; the first copy's, if it went to several users.
    pub id: Option<LineId>,
    /// The users who are not here, and for whom it waits.
    pub waiting: &'a [Name],
}

/// What a connection is asked for, before an account command is carried out. Its next line is the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need<'a> {
    /// The password of an account, or a token.
    Password(&'a Name),
    /// A new password for an account.
    NewPassword(&'a Name),
    /// The name of the account that is to be dropped, once more.
    NameToDrop(&'a Name),
}

/// The answer to an [`AccountCommand`](super::command::AccountCommand).
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the fields are the words of the protocol page")]
pub enum AccountReply<'a> {
    /// `/account` of a guest, who may have a name: how to make one.
    Guest {
        name: Option<&'a Name>,
    },
    /// `/account`
    Account {
        name: &'a Name,
        since: UnixMs,
        tokens: u32,
        connections: usize,
        settings: PrivacyView,
    },
    Needs(Need<'a>),
    Made {
        name: &'a Name,
    },
    PasswordChanged {
        name: &'a Name,
    },
    Dropped {
        name: &'a Name,
    },
    LoggedIn(LoggedIn<'a>),
    LoggedOut,
    Tokens {
        tokens: &'a [Token],
    },
    TokenMade {
        label: &'a RoomName,
        token: &'a str,
    },
    TokenDropped {
        label: &'a RoomName,
    },
}

/// What one who logged in finds.
#[derive(Clone, Copy, Debug)]
pub struct LoggedIn<'a> {
    /// The account's name.
    pub name: &'a Name,
    /// How many connections the user has now.
    pub connections: usize,
    /// They are hidden: the first connection of one who is enters no room.
    pub is_hidden: bool,
    /// The current room, and who else is there.
    pub entered: Option<RoomView<'a>>,
    /// What was missed, by room.
    pub missed: &'a [Missed],
    /// How many private messages waited. In JSON they come before this, in plain mode behind it.
    pub waiting: usize,
}

/// Lines of a room that one missed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Missed {
    /// The room.
    pub room: RoomName,
    /// How many; [`COUNTED_MAX`](super::archive::COUNTED_MAX) stands for more, too.
    pub count: u64,
    /// When the first of them was said.
    pub since: UnixMs,
}

/// A place as a user sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlaceView<'a> {
    /// A room.
    Room(&'a RoomName),
    /// The conversation with this user.
    With(&'a Name),
}

/// The answer to a [`HistoryCommand`](super::command::HistoryCommand).
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the fields are the words of the protocol page")]
pub enum HistoryReply<'a> {
    /// A page, whose lines come as [`Event::History`]: in JSON before this, in plain mode behind it. There
    /// [`Notice::PageEnd`] follows them.
    Page(PageView<'a>),
    Unread {
        places: &'a [(PlaceView<'a>, u64)],
    },
    Read {
        place: PlaceView<'a>,
        up_to: LineId,
    },
    Forgotten {
        count: u64,
    },
    /// `/keep`; the owner is the one who said it, or none for the lobby.
    Kept {
        room: &'a RoomName,
        days: u32,
        owner: Option<&'a Name>,
    },
    Unkept {
        room: &'a RoomName,
    },
}

/// A page of lines that were said before.
#[derive(Clone, Copy, Debug)]
pub struct PageView<'a> {
    /// What was asked for.
    pub of: PageOf<'a>,
    /// How many lines it has.
    pub lines: usize,
    /// The first of them.
    pub first: Option<LineId>,
    /// The last of them.
    pub last: Option<LineId>,
    /// The last line that could be among them.
    pub up_to: LineId,
    /// Nothing more lies that way.
    pub end: bool,
    /// More lies in the direction of newer lines, not of earlier ones.
    pub is_forward: bool,
}

/// What a page was asked for.
#[derive(Clone, Copy, Debug)]
pub enum PageOf<'a> {
    /// The lines of a place.
    Place(PlaceView<'a>),
    /// Lines with these words.
    Search(&'a str),
    /// One's own lines.
    Own,
}

/// The answer to a [`SessionCommand`](super::command::SessionCommand).
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the fields are the words of the protocol page")]
pub enum SessionReply<'a> {
    /// A name was taken, and the lobby may not be entered.
    Outside {
        name: &'a Name,
    },
    /// A name was taken, and the lobby entered.
    Registered {
        name: &'a Name,
        entered: RoomView<'a>,
    },
    Renamed {
        name: &'a Name,
    },
    Mode(Mode),
    /// Only what the reader may use.
    Help {
        topic: Option<HelpTopic>,
        rights: Rights,
    },
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
    Bell(Bell),
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

impl<'a> From<SaidReply<'a>> for Reply<'a> {
    fn from(reply: SaidReply<'a>) -> Self {
        Self::Said(reply)
    }
}

impl<'a> From<AccountReply<'a>> for Reply<'a> {
    fn from(reply: AccountReply<'a>) -> Self {
        Self::Account(reply)
    }
}

impl<'a> From<PeopleReply<'a>> for Reply<'a> {
    fn from(reply: PeopleReply<'a>) -> Self {
        Self::People(reply)
    }
}

impl<'a> From<ModerationReply<'a>> for Reply<'a> {
    fn from(reply: ModerationReply<'a>) -> Self {
        Self::Moderation(reply)
    }
}

impl<'a> From<OperatorReply<'a>> for Reply<'a> {
    fn from(reply: OperatorReply<'a>) -> Self {
        Self::Operator(reply)
    }
}

impl<'a> From<HistoryReply<'a>> for Reply<'a> {
    fn from(reply: HistoryReply<'a>) -> Self {
        Self::History(reply)
    }
}

/// For how long the lines of a room are kept, and whose it is.
#[derive(Clone, Copy, Debug)]
pub struct KeptView<'a> {
    /// Days.
    pub days: u32,
    /// The account that had it kept.
    pub owner: Option<&'a Name>,
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
    /// If its lines are kept.
    pub kept: Option<KeptView<'a>>,
    /// What the user missed there.
    pub missed: Option<Missed>,
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
    /// The address of the connection that asks; only told to themselves.
    pub peer: Option<Peer>,
    /// The addresses of their connections; only told to operators of the server.
    pub peers: &'a [Peer],
}

impl<'a> From<CallReply<'a>> for Reply<'a> {
    fn from(reply: CallReply<'a>) -> Self {
        Self::Call(reply)
    }
}
