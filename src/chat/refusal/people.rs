//! Why nothing became of what people are to each other.

/// Why nothing became of what people are to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are what the text quotes")]
pub enum PeopleRefusal {
    /// Oneself as a friend, or blocked.
    Oneself,
    TooManyFriends {
        friends_max: usize,
    },
}

impl PeopleRefusal {
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::Oneself => "bad_usage",
            Self::TooManyFriends { .. } => "too_many_friends",
        }
    }
}
