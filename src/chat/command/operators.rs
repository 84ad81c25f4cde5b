//! Commands by which the operators of the server keep order in it.

use std::time::Duration;

use crate::chat::archive::BanKind;

/// Order in the whole server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are the words of the usage")]
pub enum OperatorCommand<'a> {
    /// `/ban`
    Ban(BanCommand<'a>),
    /// `/unban`, by the number that `/bans` shows.
    Unban { number: u32 },
    /// `/bans`, from this page on (from 1).
    Bans { page: usize },
    /// `/suspend`: the account's connections end, and it cannot log in.
    Suspend { name: &'a str, why: Option<&'a str> },
    /// `/unsuspend`
    Unsuspend { name: &'a str },
    /// `/reset`: a code by which the account's owner chooses a new password.
    Reset { name: &'a str },
    /// `/announce`
    Announce { text: &'a str },
    /// `/reload`: as SIGHUP.
    Reload,
    /// `/deeds`, from this page on (from 1).
    Deeds { page: usize },
    /// `/feed`; tells what it is set to without a word.
    Feed(Option<bool>),
    /// `/backup`
    Backup,
}

/// Whom a ban is to catch, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BanCommand<'a> {
    /// An address, a range of them in CIDR, or a name; as typed.
    pub whom: &'a str,
    /// What it does.
    pub kind: BanKind,
    /// How long it holds; `None` until it is undone.
    pub time: Option<Duration>,
    /// Why, for those whom it catches.
    pub why: Option<&'a str>,
}
