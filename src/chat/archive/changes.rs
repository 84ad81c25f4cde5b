//! Changes of what is kept, other than a further line.

use crate::chat::ids::{AccountId, LineId, PlaceId};
use crate::chat::name::{Name, RoomName};

use super::UnixMs;
use super::order::{Ban, Deed, RuleKind, StoredRule};
use super::secrets::{Label, PasswordHash, TokenHash};

/// A change of what is kept, other than a further line.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are what the variant says")]
pub enum Change {
    /// Lines up to this one may be numbered: none of these numbers is ever given again.
    ReserveLines { up_to: LineId },
    /// A new account. Its name is no longer held for its last owner.
    MakeAccount {
        account: AccountId,
        name: Name,
        skeleton: Box<str>,
        password: PasswordHash,
        at: UnixMs,
    },
    /// An account's name is spelt in another way.
    SpellName { account: AccountId, name: Name },
    /// A new password; with `ends_tokens`, no token of the account counts any longer.
    SetPassword {
        account: AccountId,
        password: PasswordHash,
        ends_tokens: bool,
    },
    /// The account is gone, with its tokens, marks and what waits for it; its name is held until then. Its
    /// lines stay, by the name that they were said under.
    DropAccount {
        account: AccountId,
        name: Name,
        held_until: UnixMs,
    },
    /// The account was used.
    UseAccount { account: AccountId, at: UnixMs },
    /// A new token of an account.
    AddToken {
        account: AccountId,
        label: Label,
        hash: TokenHash,
        at: UnixMs,
    },
    /// A token counts no longer.
    DropToken { account: AccountId, label: Label },
    /// A token was used.
    UseToken {
        account: AccountId,
        label: Label,
        at: UnixMs,
    },
    /// A room's lines are kept from now on, or by another rule.
    KeepRoom {
        place: PlaceId,
        room: RoomName,
        owner: Option<AccountId>,
        days: u32,
        topic: Option<Box<str>>,
    },
    /// A room's lines are no longer kept, and those that were are erased.
    UnkeepRoom { place: PlaceId },
    /// A kept room's topic.
    SetTopic {
        place: PlaceId,
        topic: Option<Box<str>>,
    },
    /// How far an account has read, and what it was sent. Each only grows; `None` leaves it, or, in the first mark
    /// of an account in a place, stands for the other: who comes to a room has read what was said before.
    Mark {
        account: AccountId,
        place: PlaceId,
        read: Option<LineId>,
        shown: Option<LineId>,
    },
    /// Lines that waited for an account have arrived.
    Delivered {
        account: AccountId,
        lines: Vec<LineId>,
    },
    /// An account's own lines are erased. Answered by [`ChangeAnswer::Forgotten`].
    Forget {
        account: AccountId,
        what: Forgetting,
        /// Lines said later stay.
        up_to: LineId,
    },
    /// One line of a place is erased, whosever it is; a line of another place stays. Answered by
    /// [`ChangeAnswer::Forgotten`].
    Remove { place: PlaceId, line: LineId },
    /// An account's settings, a bit each.
    SetSettings { account: AccountId, settings: u32 },
    /// What an account says of itself.
    SetProfile {
        account: AccountId,
        text: Option<Box<str>>,
    },
    /// What the operator's bridge is told of an account.
    SetNotify {
        account: AccountId,
        text: Option<Box<str>>,
    },
    /// What an account is to another; nothing changes if it was that already.
    Relate {
        account: AccountId,
        other: AccountId,
        relation: Relation,
        at: UnixMs,
    },
    /// It is that no longer.
    Unrelate {
        account: AccountId,
        other: AccountId,
        relation: Relation,
    },
    /// What only the operators of a kept room may do, a bit each.
    SetLocks { place: PlaceId, locks: u32 },
    /// A rule of a kept room about an account; it replaces one of the same kind.
    SetRule(StoredRule),
    /// That rule holds no longer.
    DropRule {
        place: PlaceId,
        account: AccountId,
        kind: RuleKind,
    },
    /// A ban.
    Ban(Ban),
    /// A ban holds no longer.
    Unban { number: u32 },
    /// An account is suspended, for this reason (perhaps an empty one), or is no longer.
    SetSuspended {
        account: AccountId,
        why: Option<Box<str>>,
    },
    /// A code by which the owner of an account may choose a new password once, until then; it replaces an earlier
    /// one. A new password ends it.
    SetCode {
        account: AccountId,
        hash: TokenHash,
        until: UnixMs,
    },
    /// An operator has done something.
    Record(Deed),
}

/// What an account is to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Relation {
    /// It has asked it to be friends. Once both have, they are.
    Friend,
    /// It blocks it.
    Block,
}

/// Which of an account's own lines are forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forgetting {
    /// This one.
    Line(LineId),
    /// The newest, this many.
    Last(u32),
    /// All.
    All,
    /// All in this place.
    AllIn(PlaceId),
}

/// What a change found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChangeAnswer {
    /// This many lines are forgotten. `lines` has the newest [`FORGOTTEN_TOLD_MAX`] of them, by place.
    Forgotten {
        /// All of them.
        count: u64,
        /// Some of them.
        lines: Vec<(PlaceId, LineId)>,
        /// Of those that waited, for whom, and how many.
        waited: Vec<(AccountId, u32)>,
    },
}

/// Forgotten lines that are named one by one.
pub const FORGOTTEN_TOLD_MAX: usize = 100;
