//! `/privacy`: what of themselves the owners of accounts show.

use crate::chat::archive::{Archive, Change, NotKept};
use crate::chat::command::Privacy;
use crate::chat::event::PeopleReply;
use crate::chat::ids::{AccountId, ClientId};
use crate::chat::outbox::Outbox;
use crate::chat::people::effects::PeopleEffect;
use crate::chat::time::Now;
use crate::chat::{Answered, Chat, Outcome, Sender, answer};

use super::NOT_KEPT;

impl Chat {
    pub(super) fn privacy<'a, O: Outbox>(
        &mut self,
        now: Now,
        sender: &Sender,
        change: Option<(Privacy, bool)>,
        outbox: &mut O,
        archive: &mut dyn Archive,
    ) -> Outcome<'a> {
        let account = self.own_account(sender)?;
        let before = self.accounts.settings_of(account);
        let after = change.map_or(before, |(what, on)| before.with(what, on));
        if after == before {
            return self.answer_privacy(sender.client, account, outbox);
        }
        // At once, kept or not: who hides is hidden now.
        self.accounts.set_settings(account, after);
        self.refresh_guard(account);
        self.unveil(account);
        let settings = after.bits();
        let change = Change::SetSettings { account, settings };
        let ticket = Self::change_people(archive, change)?;
        let effect = PeopleEffect::Set { account };
        Ok(self.once_people_kept(now, sender.client, ticket, effect))
    }

    fn answer_privacy<'a, O: Outbox>(
        &self,
        client: ClientId,
        account: AccountId,
        outbox: &mut O,
    ) -> Outcome<'a> {
        let view = self.accounts.settings_of(account).view();
        answer(outbox, client, PeopleReply::Privacy(view))
    }

    /// A setting is kept, or is known not to be.
    pub(super) fn privacy_kept<'a, O: Outbox>(
        &self,
        client: Option<ClientId>,
        account: AccountId,
        kept: Result<(), NotKept>,
        outbox: &mut O,
    ) -> Outcome<'a> {
        kept.map_err(|_| NOT_KEPT)?;
        match client {
            Some(client) => self.answer_privacy(client, account, outbox),
            None => Ok(Answered::Now),
        }
    }
}
