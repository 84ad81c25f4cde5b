//! What clients are told of order in a room.

use std::time::Duration;

use crate::chat::archive::UnixMs;
use crate::chat::command::{Lock, Locks};
use crate::chat::ids::LineId;
use crate::chat::name::{Name, RoomName};

/// What is done to a user in a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// They are out of the room.
    Kick,
    /// They may not speak.
    Mute,
    /// They may again.
    Unmute,
    /// They are out of the room, and may not come in.
    Bar,
    /// They may again.
    Unbar,
    /// They are an operator of the room.
    Op,
    /// They are that no longer.
    Deop,
}

impl Act {
    /// The command's name, without its slash.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Kick => "kick",
            Self::Mute => "mute",
            Self::Unmute => "unmute",
            Self::Bar => "bar",
            Self::Unbar => "unbar",
            Self::Op => "op",
            Self::Deop => "deop",
        }
    }
}

/// Something was done to a user in a room.
#[derive(Clone, Copy, Debug)]
pub struct Done<'a> {
    /// What.
    pub act: Act,
    /// Where.
    pub room: &'a RoomName,
    /// To whom.
    pub name: &'a Name,
    /// By whom.
    pub from: &'a Name,
    /// Until when it holds, if it ends by itself.
    pub until: Option<UnixMs>,
    /// The operator's reason.
    pub why: Option<&'a str>,
}

/// What a user may not do in a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// Speak, as they are muted.
    Muted,
    /// Come in, as they are barred.
    Barred,
    /// What only operators of the room may.
    Locked(Lock),
}

/// What a user may not do in a room, and what there is to know about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limited<'a> {
    /// What.
    pub limit: Limit,
    /// Where.
    pub room: RoomName,
    /// For how much longer; `None` until it is undone.
    pub left: Option<Duration>,
    /// The operator's reason.
    pub why: Option<&'a str>,
    /// Whom to ask; `None`: the operator of the server.
    pub ask: Option<Name>,
}

/// Order was kept in a room.
#[derive(Clone, Copy, Debug)]
pub enum ModerationEvent<'a> {
    /// To those in the room: something was done to a user.
    Done(Done<'a>),
    /// The same, to that user.
    DoneToYou {
        /// What.
        done: Done<'a>,
        /// If it was the connection's current room that they were put out of: the one that it has now.
        moved: Option<Option<&'a RoomName>>,
    },
    /// To one who comes in or does not: what they may not do there.
    Limited(Limited<'a>),
    /// To those in the room: it was locked or unlocked.
    Locked {
        /// The room.
        room: &'a RoomName,
        /// By whom.
        from: &'a Name,
        /// What was.
        lock: Lock,
        /// All that is locked now.
        locks: Locks,
    },
    /// To those in the room: a line is erased.
    Removed {
        /// The room.
        room: &'a RoomName,
        /// By whom.
        from: &'a Name,
        /// The line.
        id: LineId,
    },
}

/// The answer to a [`ModerationCommand`](crate::chat::command::ModerationCommand).
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the fields are the words of the protocol page")]
pub enum ModerationReply<'a> {
    /// Something was done to a user.
    Done {
        act: Act,
        room: &'a RoomName,
        name: &'a Name,
        until: Option<UnixMs>,
    },
    /// What is locked in a room; `set` is the lock that was just set.
    Locks {
        room: &'a RoomName,
        locks: Locks,
        set: Option<Lock>,
    },
    /// A line is erased.
    Removed { room: &'a RoomName, id: LineId },
}
