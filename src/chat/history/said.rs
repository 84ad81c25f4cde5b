//! Lines on their way to the archive: delivered first, by their number, and answered once they are kept.
//!
//! In plain mode text waits for nothing: its answer is not seen, and who said it is told only if it is not kept.
//! What waits for somebody who is not here is answered in both modes once it is kept.

use crate::chat::archive::{Archive, LineKind, Ticket};
use crate::chat::command::Mode;
use crate::chat::event::{Event, Reply, SaidReply};
use crate::chat::ids::{AccountId, ClientId, LineId, PlaceId, UserId};
use crate::chat::messaging::Speech;
use crate::chat::name::Name;
use crate::chat::outbox::Outbox;
use crate::chat::pending::Effect;
use crate::chat::refusal::{AccountRefusal, HistoryRefusal, MessageRefusal, Refusal};
use crate::chat::time::Now;
use crate::chat::{Answered, Chat, Outcome, Sender, answer};

use super::effects::{Decided, HistoryEffect, LineEffect, Several};
use super::lines::Unnumbered;

/// The number and place of a line that was just delivered and is to be kept. Without a number it is not.
#[derive(Clone, Copy, Debug)]
pub(in crate::chat) struct Numbered {
    pub id: Option<LineId>,
    place: PlaceId,
    /// The account that it is for.
    recipient: Option<AccountId>,
    author: Option<AccountId>,
}

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

    /// Has a line kept that was just said in a room.
    pub(in crate::chat) fn keep_speech<'a, O: Outbox>(
        &mut self,
        now: Now,
        sender: &Sender,
        line: Numbered,
        speech: Speech<'_>,
        outbox: &mut O,
        archive: &mut dyn Archive,
    ) -> Outcome<'a> {
        let (kind, text) = match speech {
            Speech::Message(text) => (LineKind::Message, text),
            Speech::Action(text) => (LineKind::Action, text),
        };
        let ticket = self.hand_over(now, sender, line, kind, text, archive);
        self.answer_line(now, sender.client, line.id.zip(ticket), outbox)
    }

    /// Has a private line kept that was just delivered.
    pub(in crate::chat) fn keep_private<'a, O: Outbox>(
        &mut self,
        now: Now,
        sender: &Sender,
        line: Numbered,
        text: &str,
        outbox: &mut O,
        archive: &mut dyn Archive,
    ) -> Outcome<'a> {
        let ticket = self.hand_over(now, sender, line, LineKind::Message, text, archive);
        self.answer_line(now, sender.client, line.id.zip(ticket), outbox)
    }

    /// A kept line's user did not take it.
    pub(in crate::chat) fn refuse_private<'a, O: Outbox>(
        &mut self,
        now: Now,
        client: ClientId,
        line: Numbered,
        outbox: &mut O,
    ) -> Outcome<'a> {
        match line.recipient {
            Some(recipient) => self.decide(now, client, Decided::Unreached(recipient), outbox),
            None => self.decide(now, client, Decided::NotKept, outbox),
        }
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
            return Some(self.decide(now, client, decided, outbox));
        }
        let ticket = self.hand_over_waiting(now, sender, line, text, archive);
        let Some((id, ticket)) = line.id.zip(ticket) else {
            return Some(self.decide(now, client, Decided::NotKept, outbox));
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
    fn is_mailbox_full(&self, recipient: AccountId, author: AccountId) -> bool {
        let limits = &self.settings.history;
        let mailbox = &self.history.mailbox;
        mailbox.count(recipient) >= limits.waiting_max
            || mailbox.count_of(recipient, author) >= limits.waiting_per_sender_max
    }

    fn hand_over(
        &mut self,
        now: Now,
        sender: &Sender,
        line: Numbered,
        kind: LineKind,
        text: &str,
        archive: &mut dyn Archive,
    ) -> Option<Ticket> {
        let unnumbered = Unnumbered {
            place: line.place,
            author: line.author,
            name: sender.name,
            kind,
            text,
            waits_for: None,
        };
        // First, as its ticket stands before that of the line.
        self.reserve_lines(now.timestamp, archive);
        let ticket = self.keep_line(now.unix_ms, line.id, unnumbered, archive);
        if let Some(id) = line.id {
            self.note_said(line.place, line.author, id);
        }
        ticket
    }

    fn hand_over_waiting(
        &mut self,
        now: Now,
        sender: &Sender,
        line: Numbered,
        text: &str,
        archive: &mut dyn Archive,
    ) -> Option<Ticket> {
        let unnumbered = Unnumbered {
            place: line.place,
            author: line.author,
            name: sender.name,
            kind: LineKind::Message,
            text,
            waits_for: line.recipient,
        };
        self.reserve_lines(now.timestamp, archive);
        let ticket = self.keep_line(now.unix_ms, line.id, unnumbered, archive);
        if let Some((id, author)) = line.id.zip(line.author).filter(|_| ticket.is_some()) {
            self.note_said(line.place, Some(author), id);
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
            return self.decide(now, client, Decided::NotKept, outbox);
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
    fn decide<'a, O: Outbox>(
        &mut self,
        now: Now,
        client: ClientId,
        decided: Decided,
        outbox: &mut O,
    ) -> Outcome<'a> {
        let effect = Effect::Line(LineEffect::Decided(decided));
        if self.pending.unanswered(client) > 0
            && self
                .pending
                .push_behind(now.timestamp, client, effect)
                .is_ok()
        {
            return Ok(Answered::Queued);
        }
        self.send_decided(client, decided, outbox);
        Ok(Answered::Now)
    }

    /// Sends an answer that was known when its line came.
    pub(in crate::chat) fn send_decided<O: Outbox>(
        &self,
        client: ClientId,
        decided: Decided,
        outbox: &mut O,
    ) {
        let refusal = match decided {
            Decided::NotKept => AccountRefusal::NotKept { is_late: false }.into(),
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
}

/// The copies of a private line to several users that are kept, and what is known of the rest.
#[derive(Debug, Default)]
pub(in crate::chat) struct Copies {
    several: Several,
    /// Of the last copy.
    ticket: Option<Ticket>,
    /// A copy is kept, waits, or was to.
    any: bool,
}

impl Copies {
    /// The answer depends on the archive.
    pub fn is_any(&self) -> bool {
        self.any
    }

    /// A copy waits.
    pub fn waits(&self) -> bool {
        !self.several.waiting.is_empty()
    }

    /// The number of the first copy.
    pub fn first(&self) -> Option<LineId> {
        self.several.first
    }
}

impl Chat {
    /// Has a copy kept that was just delivered.
    pub(in crate::chat) fn keep_copy(
        &mut self,
        now: Now,
        sender: &Sender,
        line: Numbered,
        text: &str,
        copies: &mut Copies,
        archive: &mut dyn Archive,
    ) {
        copies.any = true;
        let ticket = self.hand_over(now, sender, line, LineKind::Message, text, archive);
        self.note_copy(now, line.id.zip(ticket), None, copies);
    }

    /// Has a copy wait for an account that is not here.
    pub(in crate::chat) fn keep_waiting_copy(
        &mut self,
        now: Now,
        sender: &Sender,
        (recipient, name): (AccountId, Name),
        text: &str,
        copies: &mut Copies,
        archive: &mut dyn Archive,
    ) {
        let line = self.number_to_account(sender, recipient);
        let Some((line, author)) = line.and_then(|line| Some((line, line.author?))) else {
            return;
        };
        copies.any = true;
        if self.is_mailbox_full(recipient, author) {
            copies.several.mailbox_full.push(name);
            return;
        }
        let ticket = self.hand_over_waiting(now, sender, line, text, archive);
        if ticket.is_some() {
            self.history.mailbox.add(recipient, author);
            copies.several.waiting.push(recipient);
        } else {
            copies.several.full.push(name);
        }
        self.note_copy(now, line.id.zip(ticket), Some((recipient, author)), copies);
    }

    fn note_copy(
        &mut self,
        now: Now,
        kept: Option<(LineId, Ticket)>,
        waits: Option<(AccountId, AccountId)>,
        copies: &mut Copies,
    ) {
        let Some((id, ticket)) = kept else {
            copies.several.is_unkept |= waits.is_none();
            return;
        };
        let first = *copies.several.first.get_or_insert(id);
        copies.ticket = Some(ticket);
        let effect = Effect::Line(LineEffect::Copy { first, waits });
        self.pending.push(now.timestamp, ticket, None, effect);
    }

    /// Answers a line to several users once all its copies are kept. In plain mode, if all got it, at once.
    pub(in crate::chat) fn answer_several<'a, O: Outbox>(
        &mut self,
        now: Now,
        client: ClientId,
        copies: Copies,
        missing: &[&str],
        full: &[Name],
        outbox: &mut O,
    ) -> Outcome<'a> {
        let mut several = copies.several;
        several.missing = missing.iter().map(|typed| Box::from(*typed)).collect();
        several.full.extend_from_slice(full);
        let Some(ticket) = copies.ticket else {
            return self.end_several(Some(client), several, outbox);
        };
        let is_done = several.missing.is_empty()
            && several.full.is_empty()
            && several.mailbox_full.is_empty()
            && several.waiting.is_empty();
        let at_once = is_done && outbox.mode(client) == Mode::Plain;
        several.unheard = at_once.then_some(client);
        let author = (!at_once).then_some(client);
        let effect = Effect::History(Box::new(HistoryEffect::Several(several)));
        self.pending.push(now.timestamp, ticket, author, effect);
        if at_once {
            return answer(outbox, client, Reply::Done);
        }
        Ok(Answered::Queued)
    }

    /// All copies of a line to several users are kept, or are known not to be.
    pub(super) fn end_several<'a, O: Outbox>(
        &mut self,
        client: Option<ClientId>,
        mut several: Several,
        outbox: &mut O,
    ) -> Outcome<'a> {
        let failed = &mut self.history.failed_copies;
        if let Some(first) = several.first {
            failed.retain(|(of, waited_for)| {
                if *of != first {
                    return true;
                }
                match waited_for {
                    Some(account) => {
                        several.waiting.retain(|other| other != account);
                        several.full.extend(self.accounts.name_of(*account));
                    }
                    None => several.is_unkept = true,
                }
                false
            });
        }
        let Some(client) = client else {
            if let Some(client) = several.unheard.filter(|_| several.is_unkept) {
                self.note_unheard(client);
            }
            return Ok(Answered::Now);
        };
        let reaches_all = several.missing.is_empty() && several.full.is_empty();
        match several.mailbox_full.iter().min() {
            Some(name) if reaches_all => {
                return Err(HistoryRefusal::MailboxFull { name: *name }.into());
            }
            _ => several.full.append(&mut several.mailbox_full),
        }
        if !several.missing.is_empty() || !several.full.is_empty() {
            let missing = several.missing.iter().map(AsRef::as_ref);
            let mut missing: Vec<&str> = missing.collect();
            missing.sort_unstable_by_key(|typed| typed.to_ascii_lowercase());
            several.full.sort_unstable();
            let (missing, full) = (&missing, &several.full);
            let refusal = MessageRefusal::Unreached { missing, full };
            outbox.send(client, &Event::Error(refusal.into()));
            return Ok(Answered::Now);
        }
        if several.is_unkept {
            return super::keep::not_kept();
        }
        let waiting = several.waiting.iter();
        let mut waiting: Vec<Name> = waiting
            .filter_map(|account| self.accounts.name_of(*account))
            .collect();
        waiting.sort_unstable();
        let id = several.first;
        let waiting = &waiting;
        answer(outbox, client, SaidReply { id, waiting })
    }
}
