//! Why nothing became of order in the whole server, or why something may not be done for the sake of it.

use std::time::Duration;

use crate::chat::name::Name;

/// Why nothing became of order in the whole server, or why something may not be done for the sake of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are what the text quotes")]
pub enum OperatorRefusal<'a> {
    /// Neither an address, nor a range of them, nor a name.
    BadTarget {
        given: &'a str,
    },
    /// The range is so wide that the line must be said again.
    TooWide {
        given: &'a str,
    },
    /// Operators of the server are never caught.
    IsOperator {
        name: Name,
    },
    /// A guest on this machine, whose address is never banned.
    IsLocal {
        name: Name,
    },
    /// Who has an account logs in anyway.
    LogsInAnyway {
        name: Name,
    },
    NoSuchBan {
        number: u32,
    },
    TooManyBans {
        bans_max: usize,
    },
    NotMuted {
        name: Name,
    },
    NotSuspended {
        name: Name,
    },
    /// It is done, and will not be known after a restart.
    DoneNotKept,
    /// The copy could not be written, or takes long.
    NotBackedUp,
    /// One's account is suspended.
    Suspended {
        why: &'a str,
    },
    /// One's account is banned.
    Banned {
        why: &'a str,
        left: Option<Duration>,
    },
    /// One may not speak.
    Muted {
        why: &'a str,
        left: Option<Duration>,
    },
    /// From one's address only accounts may come.
    MustLogIn {
        why: &'a str,
        left: Option<Duration>,
    },
}

impl OperatorRefusal<'_> {
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::BadTarget { .. }
            | Self::IsOperator { .. }
            | Self::IsLocal { .. }
            | Self::LogsInAnyway { .. }
            | Self::NotMuted { .. }
            | Self::NotSuspended { .. } => "bad_usage",
            Self::TooWide { .. } => "too_wide",
            Self::NoSuchBan { .. } => "no_such_ban",
            Self::TooManyBans { .. } => "too_many_bans",
            Self::DoneNotKept => "not_kept",
            Self::NotBackedUp => "busy",
            Self::Suspended { .. } => "suspended",
            Self::Banned { .. } => "banned",
            Self::Muted { .. } => "muted",
            Self::MustLogIn { .. } => "login_required",
        }
    }

    /// How long until it may be done again, if that is known.
    #[must_use]
    pub fn left(&self) -> Option<Duration> {
        match self {
            Self::Banned { left, .. } | Self::Muted { left, .. } | Self::MustLogIn { left, .. } => {
                *left
            }
            _ => None,
        }
    }
}
