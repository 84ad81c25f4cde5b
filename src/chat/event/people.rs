//! What clients are told of what people are to each other.

use crate::chat::archive::UnixMs;
use crate::chat::name::Name;

/// Something between two people has changed.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the fields are the words of the protocol page")]
pub enum PeopleEvent<'a> {
    /// One who asks to be a friend, or a friend who came or went.
    Friend { name: &'a Name, news: FriendNews },
}

/// What is new of a friend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FriendNews {
    /// They have come, are gone, or ask to be one.
    State(FriendState),
    /// They are one from now on.
    Mutual {
        /// Whether they are here.
        here: bool,
    },
}

/// A friend, or one who was asked to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FriendView {
    /// The name.
    pub name: Name,
    /// Whether they are here.
    pub here: bool,
    /// Whether they have asked, too.
    pub mutual: bool,
}

/// What is told of a friend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FriendState {
    /// They ask to be one.
    Asked,
    /// They have come.
    Here,
    /// They are gone.
    Gone,
}

/// The answer to a [`PeopleCommand`](crate::chat::command::PeopleCommand).
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the fields are the words of the protocol page")]
pub enum PeopleReply<'a> {
    Profile {
        name: &'a Name,
        text: Option<&'a str>,
        since: UnixMs,
        seen: Option<UnixMs>,
    },
    /// `/profile set`
    ProfileSet {
        name: &'a Name,
        text: Option<&'a str>,
    },
    Friend {
        name: &'a Name,
        mutual: bool,
    },
    Friends {
        friends: &'a [FriendView],
    },
    Unfriended {
        name: &'a Name,
    },
    Blocking {
        name: &'a Name,
    },
    NotBlocking {
        name: &'a Name,
    },
    Blocked {
        names: &'a [Name],
    },
    Privacy(PrivacyView),
}

/// The settings of `/privacy`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are the words of the protocol page")]
#[expect(clippy::struct_excessive_bools, reason = "each is a setting")]
pub struct PrivacyView {
    pub hidden: bool,
    pub receipts: bool,
    pub seen: bool,
    pub strangers: bool,
    pub keep: bool,
}
