//! `/notify` and `/feed`: an operator's bridge is told for whom messages wait, and nothing of these.

use crate::chat::accounts::effects::AccountEffect;
use crate::chat::archive::{Archive, Change, NotKept};
use crate::chat::command::NotifyChange;
use crate::chat::event::{CallEvent, CallReply, Event};
use crate::chat::history::mailbox::Wait;
use crate::chat::ids::{AccountId, ClientId, UserId};
use crate::chat::outbox::Outbox;
use crate::chat::refusal::AccountRefusal;
use crate::chat::time::{Now, Timestamp};
use crate::chat::{Answered, Chat, Outcome, Sender, answer, check_note};

impl Chat {
    /// `/notify`
    pub(in crate::chat) fn notify<'a, O: Outbox>(
        &mut self,
        now: Now,
        sender: &Sender,
        change: Option<NotifyChange<'a>>,
        outbox: &mut O,
        archive: &mut dyn Archive,
    ) -> Outcome<'a> {
        if !archive.is_open() {
            return Err(AccountRefusal::NoStore.into());
        }
        let account = self.account_of(sender.user);
        let account = account.ok_or(AccountRefusal::LoginRequired)?;
        let text = match change {
            Some(NotifyChange::Set(text)) => Some(text),
            Some(NotifyChange::Off) => None,
            None => {
                let text = self.calls.bridge.text(account);
                return answer(outbox, sender.client, CallReply::Notify { text });
            }
        };
        check_note(text)?;
        let text: Option<Box<str>> = text.map(Box::from);
        let change = Change::SetNotify {
            account,
            text: text.clone(),
        };
        let is_late = false;
        let ticket = archive.change(change);
        let ticket = ticket.ok_or(AccountRefusal::NotKept { is_late })?;
        let effect = AccountEffect::NotifySet { account, text };
        Ok(self.once_kept(now, Some(sender.client), ticket, effect))
    }

    /// What the bridge is told of an account is kept.
    pub(in crate::chat) fn notify_set<O: Outbox>(
        &mut self,
        client: Option<ClientId>,
        account: AccountId,
        text: Option<Box<str>>,
        outbox: &mut O,
    ) -> Outcome<'static> {
        if self.accounts.get(account).is_some() {
            self.calls.bridge.set_text(account, text);
        }
        let Some(client) = client else {
            return Ok(Answered::Now);
        };
        let text = self.calls.bridge.text(account);
        answer(outbox, client, CallReply::Notify { text })
    }

    /// `/feed`, for an operator.
    pub(in crate::chat) fn feed<'a, O: Outbox>(
        &mut self,
        sender: &Sender,
        on: Option<bool>,
        outbox: &mut O,
    ) -> Outcome<'a> {
        let bridge = &mut self.calls.bridge;
        let was_on = bridge.feeds().contains(&sender.client);
        let on = on.unwrap_or(was_on);
        if on != was_on && !bridge.feed(sender.client, on) {
            return Err(AccountRefusal::Busy.into());
        }
        answer(outbox, sender.client, CallReply::Feed(on))
    }

    /// A message came to wait for an account that is not here, or is known not to be kept.
    pub(in crate::chat) fn call_waiting<O: Outbox>(
        &mut self,
        now: Timestamp,
        wait: Wait,
        kept: Result<(), NotKept>,
        outbox: &mut O,
    ) {
        if kept.is_err() || wait.is_never {
            return;
        }
        let account = wait.recipient;
        if let Some(user) = self.accounts.user_of(account) {
            // They are hidden, and were given it.
            self.call_away(now, user, outbox);
        } else if self.calls.bridge.note_call(now, account) {
            self.tell_bridge(account, 1, outbox);
        }
    }

    /// A user was called who may be away.
    pub(super) fn call_away<O: Outbox>(&mut self, now: Timestamp, user: UserId, outbox: &mut O) {
        let Some(user) = self
            .directory
            .user(user)
            .filter(|user| user.away().is_some())
        else {
            return;
        };
        if let Some(account) = user.account
            && self.calls.bridge.note_call(now, account)
        {
            self.tell_bridge(account, 1, outbox);
        }
    }

    /// Does what is due.
    pub(in crate::chat) fn expire_calls<O: Outbox>(&mut self, now: Timestamp, outbox: &mut O) {
        if self.calls.progress.next_due() <= now {
            self.follow_receipts(now, outbox);
        }
        while let Some((account, count)) = self.calls.bridge.pop_due(now) {
            if self.looks_away(account) && self.calls.bridge.note_call(now, account) {
                self.tell_bridge(account, count, outbox);
            }
        }
    }

    /// Whether an account is called and does not look.
    fn looks_away(&self, account: AccountId) -> bool {
        match self.accounts.user_of(account) {
            Some(user) => {
                let user = self.directory.user(user);
                user.is_some_and(|user| user.away().is_some())
            }
            None => self.waiting_count(account) > 0,
        }
    }

    /// Tells bridges of one who was called `count` times since they were told last; of one who is not here, how
    /// many messages wait.
    fn tell_bridge<O: Outbox>(&self, account: AccountId, count: u32, outbox: &mut O) {
        let (Some(name), Some(notify)) = (
            self.accounts.name_of(account),
            self.calls.bridge.text(account),
        ) else {
            return;
        };
        let count = match self.accounts.user_of(account) {
            Some(_) => count,
            None => self.waiting_count(account).max(1),
        };
        let event = Event::Call(CallEvent::Waiting {
            name: &name,
            count,
            notify,
        });
        for client in self.calls.bridge.feeds() {
            // Who has logged out since may be an operator no more.
            if self.operates_server(*client) {
                outbox.send(*client, &event);
            }
        }
    }
}
