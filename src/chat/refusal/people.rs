//! Why nothing became of what people are to each other.

use crate::chat::name::Name;

/// Why nothing became of what people are to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are what the text quotes")]
pub enum PeopleRefusal {
    /// Oneself as a friend, or blocked.
    Oneself,
    /// As a friend.
    Blocked {
        name: Name,
    },
    NotBlocked {
        name: Name,
    },
    TooManyFriends {
        friends_max: usize,
    },
    TooManyBlocked {
        blocks_max: usize,
    },
}

impl PeopleRefusal {
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::Oneself
            | Self::Blocked { .. }
            | Self::NotBlocked { .. }
            | Self::TooManyBlocked { .. } => "bad_usage",
            Self::TooManyFriends { .. } => "too_many_friends",
        }
    }
}
