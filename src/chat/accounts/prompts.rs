//! What a connection was asked for. Its very next line decides: it is the answer, or blank and cancels.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::chat::event::{AccountReply, Event, Need, Notice};
use crate::chat::ids::{AccountId, ClientId};
use crate::chat::name::Name;
use crate::chat::outbox::Outbox;
use crate::chat::time::Timestamp;
use crate::chat::{Chat, Outcome, answer};

use super::effects::Guarded;
use super::table::Versions;

/// The time for an answer. One who went to look for a password comes back and begins anew.
const PROMPT_TIME: Duration = Duration::from_secs(60);

/// A question to a connection.
#[derive(Clone, Copy, Debug)]
pub struct Prompt {
    until: Timestamp,
    asked: Asked,
}

/// What is asked for, and what for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// The password or a token of an account, to log in.
    Login(Name),
    /// The password of a new account.
    NewAccount(Name),
    /// The password of one's account, before something that only its owner may do.
    OldPassword(AccountId, Guarded),
    /// A new password of one's account.
    NewPassword(AccountId, Versions),
    /// The name of one's account, which is to be dropped.
    NameToDrop(AccountId, Versions),
}

impl Asked {
    fn is_secret(self) -> bool {
        !matches!(self, Self::NameToDrop(..))
    }
}

/// When the questions end that have no answer yet.
#[derive(Debug, Default)]
pub struct Prompts(BTreeSet<(Timestamp, ClientId)>);

impl Prompts {
    /// The time at which the next one ends.
    pub fn next_due(&self) -> Timestamp {
        self.0.first().map_or(Timestamp::NEVER, |(until, _)| *until)
    }
}

impl Chat {
    /// Asks a connection for something, which answers its line.
    pub(in crate::chat) fn prompt<'a, O: Outbox>(
        &mut self,
        now: Timestamp,
        id: ClientId,
        asked: Asked,
        need: Need<'_>,
        outbox: &mut O,
    ) -> Outcome<'a> {
        self.end_prompt(id, outbox);
        if let Some(client) = self.directory.get_mut(id) {
            let until = now.after(PROMPT_TIME);
            client.extras_mut().prompt = Some(Prompt { until, asked });
            self.prompts.0.insert((until, id));
        }
        let outcome = answer(outbox, id, AccountReply::Needs(need));
        if asked.is_secret() {
            outbox.conceal_typing(id, true);
        }
        outcome
    }

    /// Takes back the question to a connection, if there is one.
    pub(in crate::chat) fn end_prompt<O: Outbox>(
        &mut self,
        id: ClientId,
        outbox: &mut O,
    ) -> Option<Asked> {
        let Prompt { until, asked } = self.directory.get_mut(id)?.take_prompt()?;
        self.prompts.0.remove(&(until, id));
        if asked.is_secret() {
            outbox.conceal_typing(id, false);
        }
        Some(asked)
    }

    /// Ends the questions that had no answer in time.
    pub(in crate::chat) fn expire_prompts<O: Outbox>(&mut self, now: Timestamp, outbox: &mut O) {
        while let Some((until, id)) = self.prompts.0.first().copied()
            && until <= now
        {
            self.prompts.0.remove(&(until, id));
            if self.end_prompt(id, outbox).is_some() {
                outbox.send(id, &Event::Notice(Notice::Cancelled));
            }
        }
    }

    /// Forgets the question to a connection that has ended.
    pub(in crate::chat) fn forget_prompt(&mut self, id: ClientId) {
        let prompt = self
            .directory
            .get_mut(id)
            .and_then(|client| client.take_prompt());
        if let Some(prompt) = prompt {
            self.prompts.0.remove(&(prompt.until, id));
        }
    }

    /// Panics if the questions and their ends disagree.
    #[expect(
        clippy::expect_used,
        reason = "a check of invariants is there to panic"
    )]
    pub(in crate::chat) fn check_prompts(&self) {
        for (until, id) in &self.prompts.0 {
            let client = self.directory.get(*id).expect("one who is asked is here");
            let prompt = client.prompt().expect("what ends has begun");
            assert_eq!(prompt.until, *until);
        }
        let asked = self.directory.ids().filter(|id| {
            let client = self.directory.get(*id);
            client.is_some_and(|client| client.prompt().is_some())
        });
        assert_eq!(asked.count(), self.prompts.0.len());
    }
}
