//! What clients are told of order in a room.

use crate::chat::archive::UnixMs;
use crate::chat::ids::LineId;
use crate::chat::name::{Name, RoomName};
use crate::chat::order::{Act, Limited, Lock, Locks};

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
