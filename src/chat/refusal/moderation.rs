//! Why nothing became of order in a room, or why something was not said or done for the sake of it.

use crate::chat::name::RoomName;

/// Why nothing became of order in a room, or why something was not said or done for the sake of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are what the text quotes")]
pub enum ModerationRefusal {
    /// Only operators may. `None`: only those of the server.
    NotOperator { room: Option<RoomName> },
    /// A time that is none: digits, and s, m, h, d or w.
    BadTime,
}

impl ModerationRefusal {
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::NotOperator { .. } => "not_operator",
            Self::BadTime => "bad_time",
        }
    }
}
