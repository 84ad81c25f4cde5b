//! `/profile`: what the owner of an account says of themselves.

use crate::chat::archive::{Answer, Archive, Change, NotKept, Question, UnixMs};
use crate::chat::command::ProfileChange;
use crate::chat::event::PeopleReply;
use crate::chat::ids::{AccountId, ClientId};
use crate::chat::outbox::Outbox;
use crate::chat::pending::Response;
use crate::chat::people::effects::{PeopleEffect, PeopleStep};
use crate::chat::refusal::{AccountRefusal, Refusal};
use crate::chat::time::Now;
use crate::chat::{Answered, Chat, Outcome, Sender, answer, check_note};

use super::NOT_KEPT;

impl Chat {
    /// `/profile [NAME]`
    pub(super) fn profile<'a>(
        &mut self,
        now: Now,
        sender: &Sender,
        typed: Option<&'a str>,
        archive: &mut dyn Archive,
    ) -> Outcome<'a> {
        let account = match typed {
            Some(typed) => self.find_account(typed)?.0,
            None => self.own_account(sender)?,
        };
        let ticket = archive.ask(Question::Profile { account });
        let unix_ms = now.unix_ms;
        let step = PeopleStep::Profile { account, unix_ms };
        self.once_people_answered(now, sender.client, ticket, step)
    }

    /// What an account says of itself is known.
    pub(super) fn profile_answered<'a, O: Outbox>(
        &self,
        client: ClientId,
        account: AccountId,
        unix_ms: UnixMs,
        response: Response,
        outbox: &mut O,
    ) -> Outcome<'a> {
        let Response::Answer(Answer::Profile(text)) = response else {
            return Err(AccountRefusal::Busy.into());
        };
        let record = self.accounts.get(account);
        let record = record.ok_or(Refusal::NoSuchUser { given: "" })?;
        let seen = self.seen_at(client, account, unix_ms);
        let reply = PeopleReply::Profile {
            name: record.name(),
            text: text.as_deref(),
            since: record.made_at(),
            seen,
        };
        answer(outbox, client, reply)
    }

    /// When an account was here last, to the day, if its owner shows that, and is not to be like one who is not here
    /// for the one who asks.
    fn seen_at(&self, client: ClientId, account: AccountId, unix_ms: UnixMs) -> Option<UnixMs> {
        let record = self.accounts.get(account)?;
        if !record.settings().shows_seen() {
            return None;
        }
        let asker = self.directory.user_of(client)?;
        let user = record.user();
        if user.is_some_and(|user| self.sees(asker, user)) {
            return Some(unix_ms);
        }
        let is_veiled = self.is_veiled(account, self.account_of(asker));
        (!is_veiled).then_some(record.seen_at())
    }

    /// `/profile set TEXT`
    pub(super) fn set_profile<'a, O: Outbox>(
        &mut self,
        now: Now,
        sender: &Sender,
        change: ProfileChange<'a>,
        outbox: &mut O,
        archive: &mut dyn Archive,
    ) -> Outcome<'a> {
        let account = self.own_account(sender)?;
        let text = match change {
            ProfileChange::Set(text) => Some(text),
            ProfileChange::Clear => None,
        };
        if text.is_some()
            && let Some(refused) = self.refuse_silenced(now, sender, outbox)
        {
            return refused;
        }
        check_note(text)?;
        let text: Option<Box<str>> = text.map(Box::from);
        let change = Change::SetProfile {
            account,
            text: text.clone(),
        };
        let ticket = Self::change_people(archive, change)?;
        let effect = PeopleEffect::ProfileSet { account, text };
        Ok(self.once_people_kept(now, sender.client, ticket, effect))
    }

    /// What an account says of itself is kept, or is known not to be.
    pub(super) fn profile_kept<'a, O: Outbox>(
        &self,
        client: Option<ClientId>,
        account: AccountId,
        text: Option<&str>,
        kept: Result<(), NotKept>,
        outbox: &mut O,
    ) -> Outcome<'a> {
        kept.map_err(|_| NOT_KEPT)?;
        let (Some(client), Some(record)) = (client, self.accounts.get(account)) else {
            return Ok(Answered::Now);
        };
        let reply = PeopleReply::ProfileSet {
            name: record.name(),
            text,
        };
        answer(outbox, client, reply)
    }
}
