//! Commands by which the operators of a room keep order in it. With `*`, an operator of the server does in all.

use std::time::Duration;

use crate::chat::ids::LineId;
use crate::chat::order::Lock;

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
