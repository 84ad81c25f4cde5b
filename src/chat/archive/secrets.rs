//! Secrets of accounts: passwords, tokens and codes, and the work that they take.

use crate::chat::ids::AccountId;
use crate::chat::name::RoomName;
use crate::chat::secret::Secret;

use super::UnixMs;

/// A token of an account, without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Its owner's word for it.
    pub label: Label,
    /// When it was made.
    pub made: UnixMs,
    /// When it was used last.
    pub used: Option<UnixMs>,
}

/// The longest label of a token, in bytes.
pub const LABEL_BYTES_MAX: usize = 32;

/// A word for a token: the characters of a room's name.
pub type Label = RoomName;

/// A hashed password, as a PHC string.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(pub Box<str>);

impl std::fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PasswordHash")
    }
}

/// A hashed token.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TokenHash(pub [u8; 32]);

impl std::fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TokenHash")
    }
}

/// Work with a secret, which takes a while or needs chance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HashWork {
    /// Hashes a new password.
    MakePassword(Secret),
    /// Checks a password against that of an account; against a dummy, for no account: that takes as long.
    CheckPassword {
        /// Whose it should be.
        account: Option<AccountId>,
        /// As typed.
        password: Secret,
    },
    /// Makes a token.
    MakeToken,
    /// Finds the owner of a token.
    CheckToken(Secret),
    /// Makes a code for one new password.
    MakeCode,
    /// Finds the account of such a code.
    CheckCode(Secret),
}

/// What came of a [`HashWork`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hashed {
    /// The hash of a new password.
    Password(PasswordHash),
    /// Whether a password is right.
    Checked {
        /// It is.
        is_right: bool,
        /// It is, and was hashed anew, as today's cost is higher.
        renewed: Option<PasswordHash>,
    },
    /// A new token, or a new code.
    Token {
        /// To be shown once.
        token: Secret,
        /// To be kept.
        hash: TokenHash,
    },
    /// The owner of a token, and its label.
    Owner(Option<(AccountId, Label)>),
    /// The account of a code, and until when it counts: perhaps no longer.
    CodeOwner(Option<(AccountId, UnixMs)>),
    /// The store cannot be read now.
    Failed,
}
