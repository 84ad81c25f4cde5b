//! Accounts: who owns a name, and how they show that it is theirs.

pub(super) mod effects;

use std::collections::BTreeMap;

use super::archive::{Archive, NotKept};
use super::command::AccountCommand;
use super::event::Reply;
use super::ids::{AccountId, ClientId, UserId};
use super::name::Name;
use super::outbox::Outbox;
use super::pending::Response;
use super::time::Now;
use super::{Chat, Outcome, Sender, answer};

use effects::{AccountEffect, AccountStep};

/// Accounts, by number.
#[derive(Debug, Default)]
pub(super) struct Accounts {
    names: BTreeMap<AccountId, Name>,
    here: BTreeMap<AccountId, UserId>,
}

impl Accounts {
    /// The account of this name.
    pub fn find(&self, name: &Name) -> Option<AccountId> {
        let mut names = self.names.iter();
        names.find(|(_, other)| *other == name).map(|(id, _)| *id)
    }

    /// The name of an account, as its owner spells it.
    pub fn name_of(&self, account: AccountId) -> Option<Name> {
        self.names.get(&account).copied()
    }

    /// The user of an account is here no more.
    pub fn leave(&mut self, account: AccountId) {
        self.here.remove(&account);
    }

    /// The user of an account, if they are here.
    pub fn user_of(&self, account: AccountId) -> Option<UserId> {
        self.here.get(&account).copied()
    }
}

impl Chat {
    /// Makes an account without asking anybody.
    #[doc(hidden)]
    pub fn make_account(&mut self, account: AccountId, name: Name) {
        self.accounts.names.insert(account, name);
    }

    /// Makes the user of a connection that of an account, without asking anybody.
    #[doc(hidden)]
    pub fn be_account(&mut self, client: ClientId, account: Option<AccountId>) {
        let Some(id) = self.directory.user_of(client) else {
            return;
        };
        if let Some(account) = account {
            self.accounts.here.insert(account, id);
        }
        if let Some(user) = self.directory.user_mut(id) {
            user.account = account;
        }
    }

    /// Sends what waits for an account to its connection.
    #[doc(hidden)]
    pub fn give_waiting<O: Outbox>(
        &mut self,
        now: Now,
        client: ClientId,
        account: AccountId,
        lines: Vec<super::archive::PastLine>,
        outbox: &mut O,
    ) -> usize {
        self.deliver_waiting(now, client, account, lines, outbox)
    }

    pub(super) fn execute_account<'a, O: Outbox>(
        &mut self,
        _now: Now,
        id: ClientId,
        _sender: Option<&Sender>,
        _command: AccountCommand<'a>,
        outbox: &mut O,
        _archive: &mut dyn Archive,
    ) -> Outcome<'a> {
        answer(outbox, id, Reply::Done)
    }

    /// The answer to what a connection was asked for.
    pub(super) fn take_answer<'a, O: Outbox>(
        &mut self,
        _now: Now,
        id: ClientId,
        _line: &'a str,
        outbox: &mut O,
        _archive: &mut dyn Archive,
    ) -> Outcome<'a> {
        answer(outbox, id, Reply::Done)
    }

    /// A change of an account is kept, or is known not to be.
    pub(super) fn account_settled<O: Outbox>(
        &mut self,
        _now: Now,
        _client: Option<ClientId>,
        effect: AccountEffect,
        _kept: Result<(), NotKept>,
        _outbox: &mut O,
        _archive: &mut dyn Archive,
    ) -> Outcome<'static> {
        match effect {}
    }

    /// What was asked for an account command is answered.
    pub(super) fn account_step<O: Outbox>(
        &mut self,
        _now: Now,
        _client: ClientId,
        step: AccountStep,
        _response: Response,
        _outbox: &mut O,
        _archive: &mut dyn Archive,
    ) -> Outcome<'static> {
        match step {}
    }
}
