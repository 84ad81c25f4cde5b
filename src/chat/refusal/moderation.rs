//! Why nothing became of order in a room, or why something was not said or done for the sake of it.

use crate::chat::name::{Name, RoomName};
use crate::chat::order::{Act, Limit, Limited};

/// Why nothing became of order in a room, or why something was not said or done for the sake of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are what the text quotes")]
pub enum ModerationRefusal<'a> {
    /// Only operators may. `None`: only those of the server.
    NotOperator { room: Option<RoomName> },
    /// Only operators of the server may, as the room has none of its own: it is not kept.
    NoOperators { room: RoomName },
    /// A room that is not kept can have none.
    NotKeptHere { room: RoomName },
    /// An operator of the room cannot do this to its owner, nor anybody to the server's operators.
    Protected {
        name: Name,
        /// They own this room; else they are an operator of the server.
        owns: Option<RoomName>,
    },
    /// It is the operator's own name.
    Oneself,
    /// A time that is none: digits, and s, m, h, d or w.
    BadTime,
    /// Nobody of this name is in the room, nor any account.
    NotThere { given: &'a str, room: RoomName },
    /// Only accounts can be operators.
    NotAnAccount { given: &'a str },
    /// There is nothing to undo.
    NoRule {
        act: Act,
        given: &'a str,
        room: RoomName,
    },
    /// The room has as many rules as may be.
    TooManyRules { rules_max: usize },
    /// No line of the room has this number.
    NoSuchLine { room: RoomName },
    /// It was done, and is not kept.
    NotKept { is_late: bool },
    /// The user may not.
    Limited(Limited<'a>),
}

impl ModerationRefusal<'_> {
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::NotOperator { .. } | Self::NoOperators { .. } | Self::Protected { .. } => {
                "not_operator"
            }
            Self::NotKeptHere { .. } => "not_kept_here",
            Self::Oneself | Self::NoRule { .. } => "bad_usage",
            Self::BadTime => "bad_time",
            Self::NotThere { .. } | Self::NotAnAccount { .. } => "no_such_user",
            Self::TooManyRules { .. } => "too_many_rules",
            Self::NoSuchLine { .. } => "no_such_line",
            Self::NotKept { .. } => "not_kept",
            Self::Limited(limited) => match limited.limit {
                Limit::Muted => "muted",
                Limit::Barred => "barred",
                Limit::Locked(_) => "locked",
            },
        }
    }
}
