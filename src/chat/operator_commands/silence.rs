//! Who may not speak: by a ban of that kind, or as a guest whose connection was silenced.
//!
//! A connection that may be concerned is watched, which its own record says: nobody else's line is looked at.

use crate::chat::archive::BanKind;
use crate::chat::command::MessageCommand;
use crate::chat::ids::{ClientId, UserId};
use crate::chat::operators::bans::{Verdict, address_of};
use crate::chat::outbox::Outbox;
use crate::chat::refusal::OperatorRefusal;
use crate::chat::time::Now;
use crate::chat::{Chat, Outcome, Sender};

use super::doors::{left, refuse};

impl Chat {
    /// Has a connection watched, if there is anything that could concern it.
    pub(in crate::chat) fn watch(&mut self, id: ClientId) {
        if self.operators.bans.is_empty() {
            return;
        }
        if let Some(client) = self.directory.get_mut(id) {
            client.is_watched = true;
        }
    }

    /// Why a connection may not speak.
    pub(in crate::chat) fn silence_of(&self, now: Now, id: ClientId) -> Option<Verdict<'_>> {
        let client = self.directory.get(id)?;
        if self.operates_server(id) {
            return None;
        }
        let own = client
            .silence()
            .and_then(|silence| silence.verdict(now.unix_ms));
        own.or_else(|| {
            let account = client.user.and_then(|user| self.account_of(user));
            let address = address_of(&client.peer());
            (self.operators.bans).verdict(BanKind::Muted, address, account, now.unix_ms)
        })
    }

    /// Refuses what others would hear, if its sender may not speak.
    pub(in crate::chat) fn refuse_silenced<O: Outbox>(
        &mut self,
        now: Now,
        sender: &Sender,
        outbox: &mut O,
    ) -> Option<Outcome<'static>> {
        if !sender.is_watched {
            return None;
        }
        if let Some(verdict) = self.silence_of(now, sender.client) {
            let refusal = OperatorRefusal::Muted {
                why: verdict.why,
                left: left(verdict.until, now),
            };
            return Some(refuse(sender.client, refusal, outbox));
        }
        if let Some(client) = self.directory.get_mut(sender.client) {
            client.is_watched = false;
        }
        None
    }

    /// Whether a message goes to operators of the server only, whom everybody may ask.
    pub(in crate::chat) fn is_for_operators(
        &self,
        sender: &Sender,
        command: &MessageCommand<'_>,
    ) -> bool {
        let to = match command {
            MessageCommand::Private { to, .. } => to
                .only()
                .and_then(|typed| Some(self.directory.find_typed(typed)?.0)),
            MessageCommand::Reply(_) => self
                .directory
                .user(sender.user)
                .and_then(|user| user.reply_to),
            MessageCommand::Say(_) | MessageCommand::Act(_) => None,
        };
        to.is_some_and(|user| self.user_operates_server(user))
    }

    /// Whether any connection of a user is an operator's of the server.
    pub(super) fn user_operates_server(&self, user: UserId) -> bool {
        let mut connections = self.directory.connections_of(user);
        connections.any(|id| self.operates_server(id))
    }
}
