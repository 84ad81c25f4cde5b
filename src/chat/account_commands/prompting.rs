//! Asking a connection for something, and taking that back.

use crate::chat::accounts::prompts::Asked;
use crate::chat::client::Client;
use crate::chat::event::{AccountReply, Event, Need, Notice};
use crate::chat::ids::ClientId;
use crate::chat::outbox::Outbox;
use crate::chat::time::Timestamp;
use crate::chat::{Chat, Outcome, answer};

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
            client.extras_mut().prompt = Some(self.prompts.begin(now, id, asked));
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
        let prompt = self.directory.get_mut(id)?.take_prompt()?;
        self.prompts.end(id, &prompt);
        if prompt.asked().is_secret() {
            outbox.conceal_typing(id, false);
        }
        Some(prompt.asked())
    }

    /// Ends the questions that had no answer in time.
    pub(in crate::chat) fn expire_prompts<O: Outbox>(&mut self, now: Timestamp, outbox: &mut O) {
        while let Some(id) = self.prompts.first_late(now)
            && let Some(asked) = self.end_prompt(id, outbox)
        {
            outbox.send(id, &Event::Notice(Notice::Cancelled));
            if let Some(client) = self.directory.get_mut(id).filter(|_| asked.is_secret()) {
                // It may be typed just now, and must not be said.
                client.set_late();
            }
        }
    }

    /// Forgets the question to a connection that has ended.
    pub(in crate::chat) fn forget_prompt(&mut self, id: ClientId) {
        let client = self.directory.get_mut(id);
        if let Some(prompt) = client.and_then(Client::take_prompt) {
            self.prompts.end(id, &prompt);
        }
    }

    /// Panics if the questions and their ends disagree.
    #[expect(
        clippy::expect_used,
        reason = "a check of invariants is there to panic"
    )]
    pub(in crate::chat) fn check_prompts(&self) {
        for (until, id) in self.prompts.iter() {
            let client = self.directory.get(id).expect("one who is asked is here");
            let prompt = client.prompt().expect("what ends has begun");
            assert_eq!(prompt.until(), until);
        }
        let asked = self.directory.ids().filter(|id| {
            let client = self.directory.get(*id);
            client.is_some_and(|client| client.prompt().is_some())
        });
        assert_eq!(asked.count(), self.prompts.iter().count());
    }
}
