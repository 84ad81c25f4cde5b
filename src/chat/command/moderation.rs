//! Commands by which the operators of a room keep order in it. With `*`, an operator of the server does in all.

use std::time::Duration;

use crate::chat::ids::LineId;

/// Order in a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are the words of the usage")]
pub enum ModerationCommand<'a> {
    /// `/kick`: out of the room; with `*`, off the server.
    Kick {
        reach: Reach,
        name: &'a str,
        why: Option<&'a str>,
    },
    /// `/mute`: may not speak.
    Mute {
        reach: Reach,
        name: &'a str,
        time: Option<Duration>,
        why: Option<&'a str>,
    },
    /// `/unmute`
    Unmute { reach: Reach, name: &'a str },
    /// `/bar`: out of the room, and not in again.
    Bar {
        name: &'a str,
        time: Option<Duration>,
        why: Option<&'a str>,
    },
    /// `/unbar`
    Unbar { name: &'a str },
    /// `/op`
    Op { name: &'a str },
    /// `/deop`
    Deop { name: &'a str },
    /// `/lock`: all locks of the room, one that is shown, or one that is set.
    Lock(Option<(Lock, Option<bool>)>),
    /// `/remove`: another's line, or one's own.
    Remove(LineId),
}

/// Where a rule holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// In the current room.
    Room,
    /// Everywhere.
    Server,
}

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
