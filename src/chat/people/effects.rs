//! What follows once the archive has answered a command about people.

use crate::chat::archive::{Relation, UnixMs};
use crate::chat::ids::AccountId;

/// Once a change is kept.
#[derive(Debug)]
pub enum PeopleEffect {
    /// An account has asked another to be friends, or blocks it.
    Related {
        account: AccountId,
        other: AccountId,
        relation: Relation,
    },
    /// Two accounts are friends no longer, and neither asks to be.
    Unfriended {
        account: AccountId,
        other: AccountId,
    },
    /// An account blocks another no longer.
    Unblocked {
        account: AccountId,
        other: AccountId,
    },
    /// A setting is kept, which holds already.
    Set { account: AccountId },
    /// An account says this of itself.
    ProfileSet {
        account: AccountId,
        text: Option<Box<str>>,
    },
}

/// Once a question is answered.
#[derive(Debug)]
pub enum PeopleStep {
    /// What an account says of itself.
    Profile {
        account: AccountId,
        /// When that was asked.
        unix_ms: UnixMs,
    },
}
