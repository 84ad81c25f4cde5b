//! Whose a name is: refused to all others, on every way in.

use crate::chat::accounts::table::Account;
use crate::chat::archive::{Archive, Change};
use crate::chat::event::SessionReply;
use crate::chat::ids::{AccountId, ClientId};
use crate::chat::name::Name;
use crate::chat::outbox::Outbox;
use crate::chat::refusal::{AccountRefusal, Refusal, SessionRefusal};
use crate::chat::time::Now;
use crate::chat::{Answered, Chat, Outcome, Sender, answer};

use crate::chat::accounts::effects::AccountEffect;

impl Chat {
    /// Refuses guests where only accounts may be. The name that one asked for is that of the account which
    /// `/account new` makes.
    pub(in crate::chat) fn check_guests(
        &mut self,
        id: ClientId,
        name: Name,
    ) -> Result<(), Refusal<'static>> {
        if !self.settings.accounts.are_required {
            return Ok(());
        }
        if let Some(client) = self.directory.get_mut(id) {
            client.extras_mut().wanted_name = Some(name);
        }
        Err(AccountRefusal::AccountsOnly.into())
    }

    /// Refuses to a guest, or to one who is about to be one, a name that is an account's, or looks like it.
    pub(in crate::chat) fn check_unowned(&self, name: &Name) -> Result<(), Refusal<'static>> {
        if self.accounts.is_denied(name) {
            return Err(SessionRefusal::NameReserved { name: *name }.into());
        }
        let owner = self.accounts.owner(name);
        if let Some(owner) = owner.and_then(|owner| self.accounts.get(owner)) {
            let given = *name;
            // One who is told whose name it looks like learns how to look like it.
            let owner = Some(*owner.name()).filter(|owner| owner == name);
            return Err(AccountRefusal::NameOwned { given, owner }.into());
        }
        if self.accounts.is_held(name) {
            return Err(AccountRefusal::NameTaken { name: *name }.into());
        }
        Ok(())
    }

    /// Refuses a name for an account that another one has, or that looks like it, or is held.
    pub(super) fn check_unclaimed(&self, name: &Name) -> Result<(), Refusal<'static>> {
        if self.accounts.is_denied(name) {
            return Err(SessionRefusal::NameReserved { name: *name }.into());
        }
        if self.accounts.owner(name).is_some() || self.accounts.is_held(name) {
            return Err(AccountRefusal::NameTaken { name: *name }.into());
        }
        Ok(())
    }

    /// Whether a sender is an account.
    pub(in crate::chat) fn is_account(&self, sender: Option<&Sender>) -> bool {
        sender.is_some_and(|sender| self.account_of(sender.user).is_some())
    }

    /// `/nick` of an account: only the case changes.
    pub(in crate::chat) fn spell_name<'a, O: Outbox>(
        &mut self,
        now: Now,
        id: ClientId,
        name: Name,
        outbox: &mut O,
        archive: &mut dyn Archive,
    ) -> Outcome<'a> {
        let owner = self.owner(id)?;
        if owner.name != name {
            return Err(AccountRefusal::NameIsAccount { name: owner.name }.into());
        }
        if owner.name.is_spelt_like(&name) {
            return answer(outbox, id, SessionReply::Renamed { name: &name });
        }
        if !archive.is_open() {
            return Err(AccountRefusal::NoStore.into());
        }
        let account = owner.account;
        let Some(ticket) = archive.change(Change::SpellName { account, name }) else {
            let is_late = false;
            return Err(AccountRefusal::NotKept { is_late }.into());
        };
        let effect = AccountEffect::Spelt { account, name };
        Ok(self.once_kept(now, Some(id), ticket, effect))
    }

    /// An account's name is spelt in another way.
    pub(super) fn name_spelt<O: Outbox>(
        &mut self,
        client: Option<ClientId>,
        account: AccountId,
        name: Name,
        outbox: &mut O,
    ) -> Outcome<'static> {
        self.accounts.spell(account, name);
        if let Some(user) = self.accounts.get(account).and_then(Account::user) {
            self.rename_user(user, name, outbox);
        }
        let Some(client) = client else {
            return Ok(Answered::Now);
        };
        answer(outbox, client, SessionReply::Renamed { name: &name })
    }
}
