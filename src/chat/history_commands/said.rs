//! Lines on their way to the archive: delivered first, by their number, and answered once they are kept.
//!
//! In plain mode text waits for nothing: its answer is not seen, and who said it is told only if it is not kept.
//! What waits for somebody who is not here is answered in both modes once it is kept.

use crate::chat::archive::{Archive, Change, KeptLine, LineKind, NotKept, Ticket};
use crate::chat::command::Mode;
use crate::chat::event::{Event, Reply};
use crate::chat::history::copies::Numbered;
use crate::chat::history::effects::{Decided, HistoryEffect, LineEffect};
use crate::chat::ids::{AccountId, ClientId, LineId, PlaceId, UserId};
use crate::chat::messaging::Speech;
use crate::chat::outbox::Outbox;
use crate::chat::pending::Effect;
use crate::chat::refusal::{AccountRefusal, HistoryRefusal, MessageRefusal, Refusal};
use crate::chat::time::{Now, Timestamp};
use crate::chat::{Answered, Chat, Outcome, Sender, answer};

impl Chat {
    /// The number that the next line in a kept room has.
    pub(in crate::chat) fn number_in_room(&self, sender: &Sender, place: PlaceId) -> Numbered {
        Numbered {
            id: self.history.lines.peek(),
            place,
            recipient: None,
            author: self.account_of(sender.user),
        }
    }

    /// The number that the next line to this user has: none, unless both have accounts.
    pub(in crate::chat) fn number_to(&self, sender: &Sender, to: UserId) -> Option<Numbered> {
        let recipient = self.account_of(to)?;
        self.number_to_account(sender, recipient)
    }

    /// The number that the next line to this account has: none, unless the sender has one, too.
    pub(in crate::chat) fn number_to_account(
        &self,
        sender: &Sender,
        recipient: AccountId,
    ) -> Option<Numbered> {
        let author = self.account_of(sender.user)?;
        Some(Numbered {
            id: self.history.lines.peek(),
            place: PlaceId::pair(author, recipient),
            recipient: Some(recipient),
            author: Some(author),
        })
    }

    /// Has a line kept that was just delivered.
    pub(in crate::chat) fn keep_speech<'a, O: Outbox>(
        &mut self,
        now: Now,
        sender: &Sender,
        line: Numbered,
        speech: Speech<'_>,
        outbox: &mut O,
        archive: &mut dyn Archive,
    ) -> Outcome<'a> {
        let waits = false;
        let ticket = self.hand_over(now, sender, line, speech, waits, archive);
        self.answer_line(now, sender.client, line.id.zip(ticket), outbox)
    }

    /// A kept line's user did not take it.
    pub(in crate::chat) fn refuse_private<O: Outbox>(
        &mut self,
        now: Now,
        client: ClientId,
        line: Numbered,
        outbox: &mut O,
    ) -> Answered {
        let decided = line.recipient.map_or(Decided::NotKept, Decided::Unreached);
        self.decide(now, client, decided, outbox)
    }

    /// Has a line wait for an account that is not here.
    pub(in crate::chat) fn keep_waiting<'a, O: Outbox>(
        &mut self,
        now: Now,
        sender: &Sender,
        recipient: AccountId,
        text: &str,
        outbox: &mut O,
        archive: &mut dyn Archive,
    ) -> Option<Outcome<'a>> {
        let line = self.number_to_account(sender, recipient)?;
        let author = line.author?;
        let client = sender.client;
        if self.is_mailbox_full(recipient, author) {
            let decided = Decided::MailboxFull(recipient);
            return Some(Ok(self.decide(now, client, decided, outbox)));
        }
        let (speech, waits) = (Speech::Message(text), true);
        let ticket = self.hand_over(now, sender, line, speech, waits, archive);
        let Some((id, ticket)) = line.id.zip(ticket) else {
            return Some(Ok(self.decide(now, client, Decided::NotDone, outbox)));
        };
        self.history.mailbox.add(recipient, author);
        let effect = LineEffect::Waits {
            id,
            recipient,
            author,
        };
        let effect = Effect::Line(effect);
        let name = self.accounts.name_of(recipient);
        self.pending
            .push(now.timestamp, ticket, Some(client), effect);
        if let Some(name) = name {
            self.show_sent(sender, &[name], text, Some(id), false, outbox);
        }
        Some(Ok(Answered::Queued))
    }

    /// Whether as much waits for an account as may, in all or of this author.
    pub(super) fn is_mailbox_full(&self, recipient: AccountId, author: AccountId) -> bool {
        let limits = &self.settings.history;
        let mailbox = &self.history.mailbox;
        mailbox.count(recipient) >= limits.waiting_max
            || mailbox.count_of(recipient, author) >= limits.waiting_per_sender_max
    }

    /// Hands over a line that goes by its number, if it has one; with `waits`, it was delivered to nobody. `None`:
    /// it is not kept.
    pub(super) fn hand_over(
        &mut self,
        now: Now,
        sender: &Sender,
        line: Numbered,
        speech: Speech<'_>,
        waits: bool,
        archive: &mut dyn Archive,
    ) -> Option<Ticket> {
        let (kind, text) = match speech {
            Speech::Message(text) => (LineKind::Message, text),
            Speech::Action(text) => (LineKind::Action, text),
        };
        // First, as its ticket stands before that of the line.
        self.reserve_lines(now.timestamp, archive);
        let id = line.id?;
        let at = self.history.lines.take(id, now.unix_ms);
        let ticket = archive.keep(&KeptLine {
            id,
            place: line.place,
            at,
            author: line.author,
            name: sender.name,
            kind,
            text,
            waits_for: line.recipient.filter(|_| waits),
            is_authors_only: false,
        });
        // One that was not delivered, and is not kept either, was not said.
        if ticket.is_some() || !waits {
            self.note_said(line.place, line.author, id);
        }
        ticket
    }

    /// Answers a line that was delivered, or leaves that to its keeping.
    fn answer_line<'a, O: Outbox>(
        &mut self,
        now: Now,
        client: ClientId,
        kept: Option<(LineId, Ticket)>,
        outbox: &mut O,
    ) -> Outcome<'a> {
        let Some((id, ticket)) = kept else {
            return Ok(self.decide(now, client, Decided::NotKept, outbox));
        };
        let is_heard = outbox.mode(client) == Mode::Json;
        let (author, effect) = if is_heard {
            (Some(client), LineEffect::Kept { id })
        } else {
            (None, LineEffect::Unheard { client })
        };
        let effect = Effect::Line(effect);
        self.pending.push(now.timestamp, ticket, author, effect);
        if is_heard {
            return Ok(Answered::Queued);
        }
        answer(outbox, client, Reply::Done)
    }

    /// Gives an answer that is known, behind those that are not yet.
    fn decide<O: Outbox>(
        &mut self,
        now: Now,
        client: ClientId,
        decided: Decided,
        outbox: &mut O,
    ) -> Answered {
        let effect = Effect::Line(LineEffect::Decided(decided));
        if self.pending.unanswered(client) > 0
            && self
                .pending
                .push_behind(now.timestamp, client, effect)
                .is_ok()
        {
            return Answered::Queued;
        }
        self.send_decided(client, decided, outbox);
        Answered::Now
    }

    /// Sends an answer that was known when its line came.
    pub(in crate::chat) fn send_decided<O: Outbox>(
        &self,
        client: ClientId,
        decided: Decided,
        outbox: &mut O,
    ) {
        let refusal = match decided {
            Decided::NotKept => HistoryRefusal::LineNotKept.into(),
            Decided::NotDone => AccountRefusal::NotKept { is_late: false }.into(),
            Decided::MailboxFull(account) | Decided::Unreached(account) => {
                let Some(name) = self.accounts.name_of(account) else {
                    // Dropped since: there is nobody of that name.
                    let given = "";
                    let refusal = Refusal::NoSuchUser { given };
                    outbox.send(client, &Event::Error(refusal));
                    return;
                };
                if matches!(decided, Decided::MailboxFull(_)) {
                    HistoryRefusal::MailboxFull { name }.into()
                } else {
                    let (missing, full) = (&[], std::slice::from_ref(&name));
                    let refusal = MessageRefusal::Unreached { missing, full };
                    outbox.send(client, &Event::Error(refusal.into()));
                    return;
                }
            }
        };
        outbox.send(client, &Event::Error(refusal));
    }

    /// Reserves numbers, if few are left. To be called as soon as something is kept that lines may follow.
    /// Returns whether enough are reserved, or will be.
    pub(in crate::chat) fn reserve_lines(
        &mut self,
        now: Timestamp,
        archive: &mut dyn Archive,
    ) -> bool {
        let Some(up_to) = self.history.lines.wanted() else {
            return true;
        };
        let Some(ticket) = archive.change(Change::ReserveLines { up_to }) else {
            return false;
        };
        self.history.lines.note_asked(up_to);
        let effect = Effect::History(Box::new(HistoryEffect::Reserved { up_to }));
        self.pending.push(now, ticket, None, effect);
        true
    }

    /// A reservation is kept, or known not to be: the next line asks again.
    pub(super) fn lines_reserved(&mut self, up_to: LineId, kept: Result<(), NotKept>) {
        self.history.lines.note_reserved(up_to, kept.is_ok());
    }
}
