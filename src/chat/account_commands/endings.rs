//! The end of an account's connections, as their account, password or token is no more.

use smallvec::SmallVec;

use crate::chat::Chat;
use crate::chat::close_reason::CloseReason;
use crate::chat::event::{Event, Notice};
use crate::chat::ids::{AccountId, ClientId};
use crate::chat::outbox::Outbox;
use crate::chat::time::Now;

use crate::chat::accounts::table::Account;

impl Chat {
    /// The connections of an account.
    pub(in crate::chat) fn connections_of_account(
        &self,
        account: AccountId,
    ) -> SmallVec<[ClientId; 8]> {
        let user = self.accounts.get(account).and_then(Account::user);
        let connections = user
            .into_iter()
            .flat_map(|user| self.directory.connections_of(user));
        connections.collect()
    }

    /// Ends all connections of an account but one.
    pub(super) fn end_others<O: Outbox>(
        &mut self,
        now: Now,
        account: AccountId,
        but: Option<ClientId>,
        outbox: &mut O,
    ) {
        for id in self.connections_of_account(account) {
            if Some(id) != but {
                let event = Event::Notice(Notice::AccountEnded);
                self.end_connection(now, id, &event, CloseReason::AccountEnded, outbox);
            }
        }
    }

    /// Ends a connection, which is its user's no more from now on, and not once it is closed.
    pub(in crate::chat) fn end_connection<O: Outbox>(
        &mut self,
        now: Now,
        id: ClientId,
        event: &Event<'_>,
        reason: CloseReason,
        outbox: &mut O,
    ) {
        self.become_nameless(now, id, outbox);
        if let Some(client) = self.directory.get_mut(id) {
            client.set_ending();
        }
        outbox.send(id, event);
        outbox.close(id, reason);
    }

    /// A connection is its user's no more. It can register or log in.
    pub(in crate::chat) fn become_nameless<O: Outbox>(
        &mut self,
        now: Now,
        id: ClientId,
        outbox: &mut O,
    ) {
        self.end_prompt(id, outbox);
        self.accounts.forget(id);
        let mut text = None;
        if let Some(client) = self.directory.get_mut(id) {
            client.note_name();
            text = client.take_quit_text();
        }
        self.detach(now.timestamp, id, text.as_deref(), outbox);
        if let Some(client) = self.directory.get_mut(id) {
            client.forget_session();
        }
        self.forget_bell(id, outbox);
    }
}
