//! Order as it is kept: rules of rooms, bans, and what operators have done.

use ipnet::IpNet;

use crate::chat::ids::{AccountId, PlaceId};
use crate::chat::name::{Name, RoomName};

use super::UnixMs;

/// A rule of a room about an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredRule {
    /// The kept room.
    pub place: PlaceId,
    /// The account.
    pub account: AccountId,
    /// What it says.
    pub kind: RuleKind,
    /// Until when it holds; `None` until it is undone.
    pub until: Option<UnixMs>,
    /// The account of who made it.
    pub by: Option<AccountId>,
}

/// What a rule says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RuleKind {
    /// They are an operator of the room.
    Operator,
    /// They may not speak there.
    Muted,
    /// They may not come in.
    Barred,
}

/// A ban.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ban {
    /// Its number, which is never given again.
    pub number: u32,
    /// Whom it catches.
    pub target: BanTarget,
    /// What it does.
    pub kind: BanKind,
    /// Until when it holds; `None` until it is undone.
    pub until: Option<UnixMs>,
    /// Why, for those whom it catches.
    pub why: Option<Box<str>>,
    /// The name of the operator.
    pub by: Name,
    /// When it was made.
    pub at: UnixMs,
}

/// Whom a ban catches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BanTarget {
    /// Who connects from these addresses.
    Net(IpNet),
    /// An account.
    Account(AccountId),
}

/// What a ban does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BanKind {
    /// They are not let in.
    Out,
    /// They are let in, and must log in.
    LoginRequired,
    /// They may not speak.
    Muted,
}

impl BanKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Out, Self::LoginRequired, Self::Muted];

    /// As it is typed.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Out => "out",
            Self::LoginRequired => "login",
            Self::Muted => "muted",
        }
    }
}

/// What an operator has done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deed {
    /// When.
    pub at: UnixMs,
    /// The operator's name.
    pub who: Name,
    /// The command's name, without its slash.
    pub what: &'static str,
    /// Whom or what it was done to, as text.
    pub whom: Option<Box<str>>,
    /// In which room; in none, on the whole server.
    pub room: Option<RoomName>,
    /// Why, and for how long.
    pub text: Option<Box<str>>,
}

/// A deed as it was kept: its command may be one that is no more.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are those of a deed")]
pub struct PastDeed {
    pub at: UnixMs,
    pub who: Box<str>,
    pub what: Box<str>,
    pub whom: Option<Box<str>>,
    pub room: Option<Box<str>>,
    pub text: Option<Box<str>>,
}
