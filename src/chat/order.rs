//! Plain values of order in a room: what is locked, what is done to whom, what somebody may not do.

use std::time::Duration;

use super::name::{Name, RoomName};

/// What only a room's operators may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lock {
    /// Set the topic.
    Topic,
    /// Speak.
    Talk,
    /// Come in.
    In,
}

impl Lock {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 3] = [Self::Topic, Self::Talk, Self::In];

    /// As it is typed.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Topic => "topic",
            Self::Talk => "talk",
            Self::In => "in",
        }
    }

    fn bit(self) -> u32 {
        match self {
            Self::Topic => 1,
            Self::Talk => 1 << 1,
            Self::In => 1 << 2,
        }
    }
}

/// The locks of a room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Locks(u32);

impl Locks {
    /// Those that were kept as these bits.
    #[must_use]
    pub fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// A bit each, to be kept.
    #[must_use]
    pub fn bits(self) -> u32 {
        self.0
    }

    /// Whether this one is on.
    #[must_use]
    pub fn has(self, lock: Lock) -> bool {
        self.0 & lock.bit() != 0
    }

    /// These, but for one.
    #[must_use]
    pub fn with(self, lock: Lock, on: bool) -> Self {
        let others = self.0 & !lock.bit();
        Self(others | if on { lock.bit() } else { 0 })
    }

    /// Whether nothing is locked.
    #[must_use]
    pub fn is_empty(self) -> bool {
        Lock::ALL.iter().all(|lock| !self.has(*lock))
    }
}

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
