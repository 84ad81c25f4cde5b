//! One-time codes, by which the owner of an account chooses a new password: an operator has made one with `/reset`.
//!
//! A code is tried as a password or a token is, and opens nothing but that. It has chance enough that nobody
//! guesses one, so that tries are not charged.

use crate::chat::accounts::effects::AccountStep;
use crate::chat::accounts::prompts::Asked;
use crate::chat::accounts::table::{Account, Versions};
use crate::chat::archive::{Archive, HashWork, Hashed, UnixMs};
use crate::chat::event::Need;
use crate::chat::ids::{AccountId, ClientId};
use crate::chat::outbox::Outbox;
use crate::chat::pending::Response;
use crate::chat::refusal::AccountRefusal;
use crate::chat::secret::Secret;
use crate::chat::time::Now;
use crate::chat::{Chat, Outcome};

/// How a code begins, so that none is taken for a password or a token.
const CODE_PREFIX: &str = "cw1_";

/// Whether a text has the form of a code.
pub fn is_code(text: &str) -> bool {
    text.starts_with(CODE_PREFIX)
}

impl Chat {
    /// Has a code looked up.
    pub(super) fn check_code<'a>(
        &mut self,
        now: Now,
        id: ClientId,
        account: Option<AccountId>,
        code: &str,
        archive: &mut dyn Archive,
    ) -> Outcome<'a> {
        let seen = self.versions_of(account);
        let ticket = archive.hash(HashWork::CheckCode(Secret::new(code)));
        self.then(now, id, ticket, AccountStep::CodeChecked { account, seen })
    }

    /// The account of a code was looked up: asks for a new password.
    pub(super) fn code_checked<O: Outbox>(
        &mut self,
        now: Now,
        id: ClientId,
        account: Option<AccountId>,
        seen: Versions,
        response: &Response,
        outbox: &mut O,
    ) -> Outcome<'static> {
        let Response::Hashed(Hashed::CodeOwner(owner)) = *response else {
            return Err(AccountRefusal::Busy.into());
        };
        let owner = owner.filter(|(owner, until)| Some(*owner) == account && now.unix_ms < *until);
        let owner =
            owner.and_then(|(owner, until)| Some((owner, until, self.accounts.get(owner)?)));
        let is_right = |account: &Account| account.versions().password == seen.password;
        let owner = owner.filter(|(.., account)| is_right(account));
        let Some((account, until, record)) = owner else {
            return Err(self.wrong_secret(id, outbox));
        };
        let name = *record.name();
        // A code undoes no suspension.
        if let Some(refused) = self.refuse_login(now, id, account, outbox) {
            return refused;
        }
        let asked = Asked::PasswordByCode(account, seen, until);
        self.prompt(now.timestamp, id, asked, Need::NewPassword(&name), outbox)
    }

    /// The new password is there.
    #[expect(
        clippy::too_many_arguments,
        reason = "an answer, and what every line gets"
    )]
    pub(super) fn hash_password_by_code<'a, O: Outbox>(
        &mut self,
        now: Now,
        id: ClientId,
        account: AccountId,
        seen: Versions,
        until: UnixMs,
        password: &str,
        outbox: &mut O,
        archive: &mut dyn Archive,
    ) -> Outcome<'a> {
        if now.unix_ms >= until {
            return Err(AccountRefusal::WrongPassword.into());
        }
        if let Some(refused) = self.refuse_login(now, id, account, outbox) {
            return refused;
        }
        self.hash_new_password(now, id, account, seen, password, archive)
    }
}
