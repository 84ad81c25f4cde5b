//! What follows once the archive has answered an account command.

use crate::chat::archive::{Label, UnixMs};
use crate::chat::ids::{AccountId, ClientId, PlaceId, UserId};
use crate::chat::name::Name;
use crate::chat::secret::Secret;

use super::guard::Charge;
use super::table::Versions;

/// Once a change is kept.
#[derive(Debug)]
pub enum AccountEffect {
    /// There is an account more: that of this connection, and of the guest of its name, if it has one.
    Made {
        account: AccountId,
        name: Name,
        at: UnixMs,
        guest: Option<UserId>,
        charge: Charge,
    },
    /// The account's name is spelt in another way.
    Spelt { account: AccountId, name: Name },
    /// The account has another password, and all of its connections but this one end.
    PasswordSet { account: AccountId, by: ClientId },
    /// The operator's bridge is told this of the account.
    NotifySet {
        account: AccountId,
        text: Option<Box<str>>,
    },
    /// The account is gone, and so are all of its connections but this one, which is without a name.
    Dropped {
        account: AccountId,
        by: Option<ClientId>,
        held_until: UnixMs,
    },
    /// The account has a token more, which is shown once.
    TokenAdded {
        account: AccountId,
        label: Label,
        token: Secret,
    },
    /// The account has a token less, and the connections that came by it end.
    TokenDropped {
        account: AccountId,
        label: Label,
        seen: Versions,
    },
}

/// Once a question or a hash is answered.
#[derive(Debug)]
pub enum AccountStep {
    /// A password was checked, for a login.
    PasswordChecked {
        account: Option<AccountId>,
        seen: Versions,
        charge: Charge,
    },
    /// The owner of a token was looked up, for a login.
    TokenChecked {
        account: Option<AccountId>,
        seen: Versions,
    },
    /// The account of a code was looked up.
    CodeChecked {
        account: Option<AccountId>,
        seen: Versions,
    },
    /// What the account missed, and what waits for it, was looked up: it comes in.
    Arrival {
        account: AccountId,
        seen: Versions,
        label: Option<Label>,
        /// How often this may be asked again.
        again: u8,
        /// How many lines its rooms had when that was asked, if they are entered only then.
        said: Vec<(PlaceId, u64)>,
    },
    /// The password of a new account was hashed.
    NewAccountHashed { name: Name, charge: Charge },
    /// The old password was checked, before a change that needs it.
    OldPasswordChecked {
        account: AccountId,
        seen: Versions,
        charge: Charge,
        then: Guarded,
    },
    /// A new password was hashed.
    NewPasswordHashed { account: AccountId, seen: Versions },
    /// The tokens were looked up, to list them.
    TokensListed,
    /// The tokens were looked up, to make one.
    LabelLookedUp { account: AccountId, label: Label },
    /// A token was made.
    TokenMade { account: AccountId, label: Label },
    /// The tokens were looked up, to drop one.
    TokenLookedUp { account: AccountId, label: Label },
}

/// What is done only by one who knows the account's password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guarded {
    /// `/account password`
    SetPassword,
    /// `/account drop`
    Drop,
}
