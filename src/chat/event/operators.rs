//! What clients are told by operators of the server, and what these are told.

use ipnet::IpNet;

use crate::chat::archive::{BanKind, PastDeed, UnixMs};
use crate::chat::name::Name;

/// Something from an operator of the server, or for one.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the fields are the words of the protocol page")]
pub enum OperatorEvent<'a> {
    /// `/announce`
    Announcement { text: &'a str },
    /// To whom an operator keeps from something.
    Barred(Barred<'a>),
    /// They may do it again.
    Unmuted,
    /// To the other operators: what one of them did just now.
    Deed { deed: &'a PastDeed },
}

/// Something that one may not do, by an operator's will.
#[derive(Clone, Copy, Debug)]
pub struct Barred<'a> {
    /// What.
    pub from: BarredFrom,
    /// Perhaps an empty text.
    pub why: &'a str,
    /// `None` until it is undone.
    pub until: Option<UnixMs>,
    /// The operator; `None` if a file of theirs says so.
    pub by: Option<&'a Name>,
}

/// What one may not do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BarredFrom {
    /// Go on with this connection: `/kick *`.
    Staying,
    /// Be here.
    Coming,
    /// Use the account.
    Account,
    /// Be a guest.
    BeingGuest,
    /// Speak.
    Speaking,
}

/// Whom a ban catches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are what the variant says")]
pub enum Banned {
    /// These addresses: perhaps those of a guest who was named.
    Net { net: IpNet, guest: Option<Name> },
    /// An account; `None` if it is gone.
    Account(Option<Name>),
}

/// What became of `/ban`.
#[derive(Clone, Copy, Debug)]
pub struct BanView<'a> {
    /// The ban's number; `None` as long as the line must be said again.
    pub number: Option<u32>,
    /// Whom it catches.
    pub whom: Banned,
    /// As that was typed.
    pub typed: &'a str,
    /// What it does.
    pub kind: BanKind,
    /// `None` until it is undone.
    pub until: Option<UnixMs>,
    /// How many match who are here, or were.
    pub matches: usize,
}

/// A ban in the list.
#[derive(Clone, Copy, Debug)]
pub struct ListedBanView<'a> {
    /// Its number.
    pub number: u32,
    /// Whom it catches.
    pub whom: Banned,
    /// What it does.
    pub kind: BanKind,
    /// `None` until it is undone.
    pub until: Option<UnixMs>,
    /// Perhaps an empty text.
    pub why: &'a str,
    /// The operator.
    pub by: &'a Name,
    /// When it was made.
    pub at: UnixMs,
}

/// The answer to an [`OperatorCommand`](crate::chat::command::OperatorCommand), and to those that keep order in a
/// room, with `*`.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the fields are the words of the protocol page")]
pub enum OperatorReply<'a> {
    Kicked {
        name: &'a Name,
    },
    Muted {
        name: &'a Name,
        until: Option<UnixMs>,
    },
    Unmuted {
        name: &'a Name,
    },
    Ban(BanView<'a>),
    Bans {
        bans: &'a [ListedBanView<'a>],
        total: usize,
        page: usize,
        pages: usize,
        /// How many more the file lists.
        in_file: usize,
    },
    Unbanned {
        number: u32,
    },
    Suspended {
        name: &'a Name,
    },
    Unsuspended {
        name: &'a Name,
    },
    /// A one-time code, which is shown once.
    Code {
        name: &'a Name,
        code: &'a str,
        until: UnixMs,
    },
    Announced {
        text: &'a str,
    },
    Reloading,
    Deeds {
        deeds: &'a [PastDeed],
        total: usize,
        page: usize,
        pages: usize,
    },
    /// The name of the copy, in the folder of what is kept.
    BackedUp {
        file: &'a str,
    },
}
