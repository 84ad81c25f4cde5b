//! `/reset`: a one-time code by which the owner of an account chooses a new password.

use crate::chat::archive::{Archive, Change, HashWork, Hashed, UnixMs};
use crate::chat::ids::{AccountId, ClientId};
use crate::chat::name::Name;
use crate::chat::operators::effects::{OperatorEffect, OperatorStep};
use crate::chat::outbox::Outbox;
use crate::chat::pending::Response;
use crate::chat::refusal::AccountRefusal;
use crate::chat::time::Now;
use crate::chat::{Chat, Outcome, Sender};

/// How long a code counts: it is told to somebody who waits for it.
const CODE_TIME_MS: UnixMs = 60 * 60 * 1000;

impl Chat {
    /// `/reset`
    pub(super) fn begin_reset<'a>(
        &mut self,
        now: Now,
        sender: &Sender,
        typed: &'a str,
        archive: &mut dyn Archive,
    ) -> Outcome<'a> {
        if !archive.is_open() {
            return Err(AccountRefusal::NoStore.into());
        }
        let (account, name) = self.account_named(typed)?;
        let ticket = archive.hash(HashWork::MakeCode);
        let step = OperatorStep::CodeMade { account, name };
        self.operator_then(now, sender.client, ticket, step)
    }

    /// A code was made: it counts, and is shown, once it is kept.
    #[expect(
        clippy::too_many_arguments,
        reason = "a step has all that it goes on with"
    )]
    pub(super) fn code_made<O: Outbox>(
        &mut self,
        now: Now,
        id: ClientId,
        account: AccountId,
        name: Name,
        response: Response,
        outbox: &mut O,
        archive: &mut dyn Archive,
    ) -> Outcome<'static> {
        let Response::Hashed(Hashed::Token { token, hash }) = response else {
            return Err(AccountRefusal::Busy.into());
        };
        let sender = self.sender_of(id)?;
        // The right may be gone meanwhile, and so may the account.
        self.check_operator(&sender)?;
        if self.accounts.get(account).is_none() {
            return Err(AccountRefusal::Busy.into());
        }
        let until = now.unix_ms.saturating_add(CODE_TIME_MS);
        let change = Change::SetCode {
            account,
            hash,
            until,
        };
        archive
            .change(change)
            .ok_or(AccountRefusal::NotKept { is_late: false })?;
        let deed = Self::server_deed(now, &sender, "reset", Some(name.as_str()), None);
        let effect = OperatorEffect::CodeMade {
            name,
            code: token,
            until,
        };
        self.done(now, &sender, true, deed, effect, outbox, archive)
    }
}
