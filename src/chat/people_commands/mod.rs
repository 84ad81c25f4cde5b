//! What people are to each other, and what of themselves they show.
//!
//! Who is a friend and who is blocked changes once that is known to be kept; what one shows changes at once, and is
//! so until the server starts anew if it is not kept.

mod blocks;
mod friends;
mod privacy;
mod profile;

use super::archive::{Archive, Change, NotKept, Relation, Ticket};
use super::command::PeopleCommand;
use super::event::PeopleReply;
use super::ids::{AccountId, ClientId};
use super::name::Name;
use super::outbox::Outbox;
use super::pending::{Effect, Response, Step};
use super::people::effects::{PeopleEffect, PeopleStep};
use super::refusal::{AccountRefusal, Refusal};
use super::time::Now;
use super::{Answered, Chat, Outcome, Sender, answer};

/// What it is that was not done.
const NOT_KEPT: Refusal<'static> = Refusal::Account(AccountRefusal::NotKept { is_late: false });

impl Chat {
    pub(super) fn execute_people<'a, O: Outbox>(
        &mut self,
        now: Now,
        sender: &Sender,
        command: PeopleCommand<'a>,
        outbox: &mut O,
        archive: &mut dyn Archive,
    ) -> Outcome<'a> {
        if !archive.is_open() {
            return Err(AccountRefusal::NoStore.into());
        }
        match command {
            PeopleCommand::Profile(typed) => self.profile(now, sender, typed, archive),
            PeopleCommand::SetProfile(change) => {
                self.set_profile(now, sender, change, outbox, archive)
            }
            PeopleCommand::Friend(None) => self.list_friends(sender, outbox),
            PeopleCommand::Friend(Some(typed)) => {
                self.befriend(now, sender, typed, outbox, archive)
            }
            PeopleCommand::Unfriend(typed) => self.unfriend(now, sender, typed, outbox, archive),
            PeopleCommand::Block(None) | PeopleCommand::Unblock(None) => {
                self.list_blocked(sender, outbox)
            }
            PeopleCommand::Block(Some(typed)) => self.block(now, sender, typed, outbox, archive),
            PeopleCommand::Unblock(Some(typed)) => {
                self.unblock(now, sender, typed, outbox, archive)
            }
            PeopleCommand::Privacy(change) => self.privacy(now, sender, change, outbox, archive),
            PeopleCommand::Notify(change) => self.notify(now, sender, change, outbox, archive),
        }
    }

    /// A change of people is kept, or is known not to be.
    pub(super) fn people_settled<O: Outbox>(
        &mut self,
        client: Option<ClientId>,
        effect: &PeopleEffect,
        kept: Result<(), NotKept>,
        outbox: &mut O,
    ) -> Outcome<'static> {
        match *effect {
            PeopleEffect::Related {
                account,
                other,
                relation,
            } => self.related(client, account, other, relation, kept, outbox),
            PeopleEffect::Unfriended { account, other } => {
                self.unfriended(client, account, other, kept, outbox)
            }
            PeopleEffect::Unblocked { account, other } => {
                self.unblocked(client, account, other, kept, outbox)
            }
            PeopleEffect::Set { account } => self.privacy_kept(client, account, kept, outbox),
            PeopleEffect::ProfileSet { account, ref text } => {
                self.profile_kept(client, account, text.as_deref(), kept, outbox)
            }
        }
    }

    /// What an account is to another is kept, or is known not to be.
    fn related<'a, O: Outbox>(
        &mut self,
        client: Option<ClientId>,
        account: AccountId,
        other: AccountId,
        relation: Relation,
        kept: Result<(), NotKept>,
        outbox: &mut O,
    ) -> Outcome<'a> {
        self.people.relations.end(account, relation);
        kept.map_err(|_| NOT_KEPT)?;
        // One of them may be gone since.
        let is_there = |account| self.accounts.get(account).is_some();
        if !is_there(account) || !is_there(other) {
            return Err(NOT_KEPT);
        }
        match relation {
            Relation::Friend => self.friend_asked(client, account, other, outbox),
            Relation::Block => self.blocked(client, account, other, outbox),
        }
    }

    /// Tells a client what another account is to its own now.
    fn answer_about<'a, O: Outbox>(
        &self,
        client: Option<ClientId>,
        other: AccountId,
        reply: impl FnOnce(&Name) -> PeopleReply<'_>,
        outbox: &mut O,
    ) -> Outcome<'a> {
        let Some(client) = client else {
            return Ok(Answered::Now);
        };
        let name = self.accounts.name_of(other).ok_or(NOT_KEPT)?;
        answer(outbox, client, reply(&name))
    }

    /// What was asked for a command about people is answered.
    pub(super) fn people_step<O: Outbox>(
        &mut self,
        client: ClientId,
        step: &PeopleStep,
        response: Response,
        outbox: &mut O,
    ) -> Outcome<'static> {
        match step {
            PeopleStep::Profile { account, unix_ms } => {
                self.profile_answered(client, *account, *unix_ms, response, outbox)
            }
        }
    }

    /// The sender's account, which the line needs.
    fn own_account(&self, sender: &Sender) -> Result<AccountId, Refusal<'static>> {
        let account = self.account_of(sender.user);
        account.ok_or(Refusal::Account(AccountRefusal::LoginRequired))
    }

    /// An account by its name as typed, and its name as its owner spells it.
    fn find_account<'a>(&self, typed: &'a str) -> Result<(AccountId, Name), Refusal<'a>> {
        let name = Name::parse(typed).ok();
        let account = name.and_then(|name| self.accounts.find(&name));
        let found = account.and_then(|account| Some((account, self.accounts.name_of(account)?)));
        found.ok_or(Refusal::NoSuchUser { given: typed })
    }

    /// Hands a change to the archive.
    fn change_people<'a>(archive: &mut dyn Archive, change: Change) -> Result<Ticket, Refusal<'a>> {
        archive.change(change).ok_or(NOT_KEPT)
    }

    /// Notes what follows once a change is kept. The client's next line waits for it.
    fn once_people_kept(
        &mut self,
        now: Now,
        client: ClientId,
        ticket: Ticket,
        effect: PeopleEffect,
    ) -> Answered {
        let effect = Effect::People(Box::new(effect));
        let client = Some(client);
        self.pending.push(now.timestamp, ticket, client, effect);
        Answered::Later
    }

    /// Notes what follows once a question is answered.
    fn once_people_answered<'a>(
        &mut self,
        now: Now,
        client: ClientId,
        ticket: Option<Ticket>,
        step: PeopleStep,
    ) -> Outcome<'a> {
        let ticket = ticket.ok_or(AccountRefusal::Busy)?;
        let step = Step::People(Box::new(step));
        self.pending.ask(now.timestamp, ticket, client, step);
        Ok(Answered::Later)
    }
}
