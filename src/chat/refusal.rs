//! What can be wrong with a line, each with its stable code.

use super::name::{Name, NameError, RoomName};
use super::verb::Verb;

/// What a client sent was refused, or failed. Each has a stable code for scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are what the wording quotes")]
pub enum Refusal<'a> {
    NotRegistered,
    BadName {
        given: &'a str,
        why: NameError,
    },
    NameInUse {
        name: Name,
    },
    NameOfRoom {
        name: Name,
    },
    NameReserved {
        name: Name,
    },
    BadRoom {
        given: &'a str,
        why: NameError,
    },
    NoSuchUser {
        given: &'a str,
    },
    /// `/reply` before anyone wrote.
    NobodyWrote,
    /// `/reply` after they left; their name, unless that is long ago.
    WriterLeft {
        name: Option<Name>,
    },
    /// A private message did not reach these: not there, or not reading.
    Unreached {
        missing: &'a [&'a str],
        full: &'a [Name],
    },
    NoSuchRoom {
        room: RoomName,
    },
    /// `None`: in no room at all.
    NotInRoom {
        room: Option<RoomName>,
    },
    TooManyRooms {
        rooms_max: usize,
    },
    TooManyRecipients,
    /// A command without what it needs, or with too much.
    Usage(Verb),
    /// `@name` without a colon.
    MissingColon,
    /// `@:text`, or nothing beside a comma.
    MissingName,
    /// `@two words:text`.
    SpaceInName,
    /// Nothing to say, or nothing behind the colon.
    NoText,
    /// A topic, an away or a quit text.
    TextTooLong {
        bytes_max: usize,
    },
    NoSuchPage {
        page: usize,
        pages: usize,
    },
    IgnoreSelf,
    IgnoreFull {
        ignored_max: usize,
    },
    NotIgnored {
        given: &'a str,
    },
    UnknownCommand {
        given: &'a str,
        nearest: Option<Verb>,
        registered: bool,
    },
    LineTooLong {
        bytes_max: usize,
    },
}

impl Refusal<'_> {
    /// The word that scripts rely on.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotRegistered => "not_registered",
            Self::BadName { .. } => "bad_name",
            Self::NameInUse { .. } | Self::NameOfRoom { .. } | Self::NameReserved { .. } => {
                "name_taken"
            }
            Self::BadRoom { .. } => "bad_room",
            Self::NoSuchUser { .. } | Self::NobodyWrote | Self::WriterLeft { .. } => "no_such_user",
            Self::Unreached { missing, .. } if !missing.is_empty() => "no_such_user",
            Self::Unreached { .. } => "not_delivered",
            Self::NoSuchRoom { .. } => "no_such_room",
            Self::NotInRoom { .. } => "not_in_room",
            Self::TooManyRooms { .. } => "too_many_rooms",
            Self::TooManyRecipients => "too_many_recipients",
            Self::Usage(_)
            | Self::MissingColon
            | Self::MissingName
            | Self::SpaceInName
            | Self::NoText
            | Self::TextTooLong { .. }
            | Self::NoSuchPage { .. }
            | Self::IgnoreSelf
            | Self::IgnoreFull { .. }
            | Self::NotIgnored { .. } => "bad_usage",
            Self::UnknownCommand { .. } => "unknown_command",
            Self::LineTooLong { .. } => "line_too_long",
        }
    }
}
