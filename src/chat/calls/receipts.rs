//! Receipts of private messages: whom their senders are told of, and when.
//!
//! Both must give them. *Delivered* is what a connection's socket took; *read* is what an act of the reader's shows,
//! such as an answer, and nothing that arrives or is shown by itself.

use crate::chat::Chat;
use crate::chat::Sender;
use crate::chat::event::{CallEvent, Event, ReceiptState};
use crate::chat::ids::{AccountId, ClientId, LineId, Place, PlaceId, UserId};
use crate::chat::outbox::Outbox;
use crate::chat::time::Timestamp;

use super::progress::Pair;

impl Chat {
    /// A private message was delivered to an account: it is followed, it is an answer to what its recipient wrote,
    /// and one who is away is called.
    pub(in crate::chat) fn note_private<O: Outbox>(
        &mut self,
        now: Timestamp,
        sender: &Sender,
        recipient: UserId,
        line: Option<LineId>,
        outbox: &mut O,
    ) {
        if recipient == sender.user {
            return;
        }
        self.call_away(now, recipient, outbox);
        let accounts = self.account_of(sender.user).zip(self.account_of(recipient));
        let Some((author, reader)) = accounts.filter(|(a, b)| self.both_give_receipts(*a, *b))
        else {
            return;
        };
        let pair = Pair { reader, author };
        if let Some((line, user)) = line.zip(self.directory.user(recipient)) {
            for client in user.connections() {
                let key = (client, sender.user);
                self.calls.progress.note_sent(now, key, Some(pair), line);
            }
        }
        self.note_read(author, reader, None, outbox);
    }

    /// A line that had waited was sent to a connection of its recipient's.
    pub(in crate::chat) fn note_late_sent(
        &mut self,
        now: Timestamp,
        (client, delivery): (ClientId, UserId),
        reader: AccountId,
        author: Option<AccountId>,
        line: LineId,
    ) {
        let author = author.filter(|author| self.both_give_receipts(*author, reader));
        let pair = author.map(|author| Pair { reader, author });
        let key = (client, delivery);
        self.calls.progress.note_sent(now, key, pair, line);
    }

    /// An account has said that it has read a place, up to a line.
    pub(in crate::chat) fn note_read_up_to<O: Outbox>(
        &mut self,
        reader: AccountId,
        place: PlaceId,
        up_to: Option<LineId>,
        outbox: &mut O,
    ) {
        if let Some(author) = other_of(place, reader) {
            self.note_read(reader, author, up_to, outbox);
        }
    }

    /// An account was shown, as it asked for that, the newest lines of a place, of which this is the author's last.
    pub(in crate::chat) fn note_page_read<O: Outbox>(
        &mut self,
        reader: AccountId,
        place: PlaceId,
        author: AccountId,
        line: LineId,
        outbox: &mut O,
    ) {
        if other_of(place, reader) == Some(author) && self.both_give_receipts(reader, author) {
            let pair = Pair { reader, author };
            self.calls.progress.note_shown(pair, line);
            self.note_read(reader, author, Some(line), outbox);
        }
    }

    /// An act of the reader's shows that what has arrived is read.
    fn note_read<O: Outbox>(
        &mut self,
        reader: AccountId,
        author: AccountId,
        limit: Option<LineId>,
        outbox: &mut O,
    ) {
        if reader == author || !self.both_give_receipts(reader, author) {
            return;
        }
        let pair = Pair { reader, author };
        let unarrived = |client, from| outbox.unarrived(client, from);
        let of_others = self.calls.progress.ask_pair(pair, unarrived);
        self.tell_delivered(of_others, outbox);
        if let Some(up_to) = self.calls.progress.read_arrived(pair, limit) {
            self.tell_receipt(pair, up_to, ReceiptState::Read, outbox);
        }
    }

    /// Asks what has arrived, and tells the senders.
    pub(super) fn follow_receipts<O: Outbox>(&mut self, now: Timestamp, outbox: &mut O) {
        let unarrived = |client, from| outbox.unarrived(client, from);
        let arrived = self.calls.progress.ask(now, unarrived);
        self.tell_delivered(arrived, outbox);
    }

    /// Tells the senders of what has arrived.
    fn tell_delivered<O: Outbox>(&self, mut arrived: Vec<(Pair, LineId)>, outbox: &mut O) {
        // By several connections of the reader's at once: it is one step.
        arrived.sort_unstable_by_key(|(pair, line)| (pair.author, pair.reader, *line));
        let mut arrived = arrived.into_iter().peekable();
        while let Some((pair, line)) = arrived.next() {
            if arrived.peek().is_none_or(|(next, _)| *next != pair) {
                self.tell_receipt(pair, line, ReceiptState::Delivered, outbox);
            }
        }
    }

    /// Tells all connections of the author, if that is here, and sees the reader.
    fn tell_receipt<O: Outbox>(
        &self,
        pair: Pair,
        up_to: LineId,
        state: ReceiptState,
        outbox: &mut O,
    ) {
        let Pair { reader, author } = pair;
        let users = self
            .accounts
            .user_of(reader)
            .zip(self.accounts.user_of(author));
        let Some((by, to)) = users else {
            return;
        };
        let is_barred = self.is_deaf_to(by, to) || self.is_deaf_to(to, by);
        if is_barred || !self.sees(to, by) || !self.both_give_receipts(reader, author) {
            return;
        }
        let Some(name) = self.accounts.name_of(reader) else {
            return;
        };
        let event = Event::Call(CallEvent::Receipt {
            name: &name,
            up_to,
            state,
        });
        for client in self.directory.connections_of(to) {
            outbox.send(client, &event);
        }
    }

    fn both_give_receipts(&self, one: AccountId, other: AccountId) -> bool {
        self.gives_receipts(one) && self.gives_receipts(other)
    }
}

/// The other account of a conversation.
fn other_of(place: PlaceId, own: AccountId) -> Option<AccountId> {
    match place.kind() {
        Place::Pair(low, high) if low == own => Some(high),
        Place::Pair(low, high) if high == own => Some(low),
        Place::Pair(..) | Place::Room(_) => None,
    }
}
