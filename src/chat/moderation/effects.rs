//! What follows once the archive has answered a command that keeps order in a room.

use crate::chat::archive::UnixMs;
use crate::chat::ids::{LineId, PlaceId};
use crate::chat::name::{Name, RoomName};
use crate::chat::order::{Act, Lock, Locks};
use crate::chat::refusal::{AccountRefusal, ModerationRefusal, Refusal};

/// Once a change is kept.
#[derive(Debug)]
pub enum ModerationEffect {
    /// A rule, which holds already.
    Rule {
        /// What was done.
        act: Act,
        /// Where.
        room: RoomName,
        /// To whom.
        name: Name,
        /// Until when.
        until: Option<UnixMs>,
    },
    /// A lock, which holds already.
    Lock {
        /// Where.
        room: RoomName,
        /// All that is locked there.
        locks: Locks,
        /// The one that was set.
        set: Lock,
    },
    /// A line is erased.
    Remove {
        /// The place of the line, by which this was decided.
        place: PlaceId,
        /// Its name.
        room: RoomName,
        /// The line.
        line: LineId,
        /// The operator.
        from: Name,
    },
}

impl ModerationEffect {
    /// The refusal if it is not kept, or not known to be.
    pub fn not_kept(&self, is_late: bool) -> Refusal<'static> {
        match self {
            Self::Rule { .. } | Self::Lock { .. } => ModerationRefusal::NotKept { is_late }.into(),
            Self::Remove { .. } => AccountRefusal::NotKept { is_late }.into(),
        }
    }
}
