//! Lines on their way to the archive: delivered first, by their number, and answered once they are kept.
//!
//! In plain mode text waits for nothing: its answer is not seen, and who said it is told only if it is not kept.
//! What waits for somebody who is not here is answered in both modes once it is kept.

use crate::chat::archive::{Archive, Change, KeptLine, LineKind, NotKept, Ticket};
use crate::chat::command::Mode;
use crate::chat::event::{Event, Reply};
use crate::chat::history::copies::Numbered;
use crate::chat::history::effects::{Decided, HistoryEffect, LineEffect};
use crate::chat::history::mailbox::Wait;
use crate::chat::ids::{AccountId, ClientId, LineId, PlaceId, UserId};
use crate::chat::messaging::{Copy, Speech};
use crate::chat::name::Name;
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
            is_authors_only: false,
        }
    }

    /// The number that the next line to this user has: none, unless both have accounts, and keep their
    /// conversations.
    pub(in crate::chat) fn number_to(&self, sender: &Sender, to: UserId) -> Option<Numbered> {
        let recipient = self.account_of(to)?;
        let author = self.account_of(sender.user)?;
        let is_kept = self.keeps_conversation(author, recipient);
        is_kept.then(|| self.number_between(author, recipient))
    }

    /// The number that the next line to this account has, for which it waits: none of one without an account,
    /// unless that account lets strangers write.
    pub(in crate::chat) fn number_to_wait(
        &self,
        sender: &Sender,
        recipient: AccountId,
    ) -> Option<Numbered> {
        if let Some(author) = self.account_of(sender.user) {
            return Some(self.number_between(author, recipient));
        }
        let takes_strangers = self.accounts.settings_of(recipient).takes_strangers();
        takes_strangers.then(|| Numbered {
            author: None,
            ..self.number_between(recipient, recipient)
        })
    }

    fn number_between(&self, author: AccountId, recipient: AccountId) -> Numbered {
        Numbered {
            id: self.history.lines.peek(),
            place: PlaceId::pair(author, recipient),
            recipient: Some(recipient),
            author: Some(author),
            is_authors_only: self.people.relations.blocks(recipient, author),
        }
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
        let ticket = self.hand_over(now, sender, line, speech, None, archive);
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

    /// Has a line wait for an account that is not here, as far as its author can see.
    #[expect(
        clippy::too_many_arguments,
        reason = "a message, and what every line gets"
    )]
    pub(in crate::chat) fn keep_waiting<'a, O: Outbox>(
        &mut self,
        now: Now,
        sender: &Sender,
        recipient: AccountId,
        name: &Name,
        text: &str,
        outbox: &mut O,
        archive: &mut dyn Archive,
    ) -> Option<Outcome<'a>> {
        let line = self.number_to_wait(sender, recipient)?;
        let client = sender.client;
        if self.is_mailbox_full(recipient, line.author) {
            let decided = Decided::MailboxFull(recipient);
            return Some(Ok(self.decide(now, client, decided, outbox)));
        }
        let to = std::slice::from_ref(name);
        let wait = self.wait_of(sender, recipient, line);
        let copy = Copy { to, text };
        let kept = self.begin_waiting(now, sender, line, wait, copy, outbox, archive);
        let Some((id, ticket)) = kept else {
            return Some(Ok(self.decide(now, client, Decided::NotDone, outbox)));
        };
        let effect = Effect::Line(LineEffect::Waits { id, wait });
        self.pending
            .push(now.timestamp, ticket, Some(client), effect);
        self.show_sent(sender, to, text, Some(id), false, outbox);
        Some(Ok(Answered::Queued))
    }

    /// For whom a line waits. One who ignores or blocks its author never gets it.
    pub(super) fn wait_of(&self, sender: &Sender, recipient: AccountId, line: Numbered) -> Wait {
        let user = self.accounts.user_of(recipient);
        Wait {
            recipient,
            author: line.author,
            is_never: line.is_authors_only
                || user.is_some_and(|user| self.directory.ignores(user, sender.user)),
        }
    }

    /// Hands over a line that waits. If its recipient is here after all, and only its author does not see that,
    /// they get it at once. Returns its number, and the ticket that it is kept by.
    #[expect(
        clippy::too_many_arguments,
        reason = "a message, and what every line gets"
    )]
    pub(super) fn begin_waiting<O: Outbox>(
        &mut self,
        now: Now,
        sender: &Sender,
        line: Numbered,
        wait: Wait,
        copy: Copy<'_>,
        outbox: &mut O,
        archive: &mut dyn Archive,
    ) -> Option<(LineId, Ticket)> {
        let user = self.accounts.user_of(wait.recipient);
        let user = user.filter(|_| !wait.is_never && line.id.is_some());
        let shown = user.and_then(|user| {
            let delivery = self.history.mailbox.new_delivery();
            let client = self.deliver_unseen(sender, user, delivery, copy, line.id, outbox)?;
            Some((delivery, client))
        });
        let speech = Speech::Message(copy.text);
        let ticket = self.hand_over(now, sender, line, speech, Some(wait), archive);
        let (id, ticket) = line.id.zip(ticket)?;
        let Wait {
            recipient, author, ..
        } = wait;
        if wait.is_never {
            self.people.veiled.add(recipient, author, id, None);
            return Some((id, ticket));
        }
        self.history.mailbox.add(recipient, author);
        if let Some((delivery, client)) = shown {
            let lines = [(id, line.place, author)].into();
            let mailbox = &mut self.history.mailbox;
            mailbox.note_sent(now.timestamp, delivery, client, recipient, lines, false);
        }
        if let Some(author) = author {
            // Whoever writes is seen.
            self.people.veiled.clear(author, Some(recipient));
        }
        Some((id, ticket))
    }

    /// A line that waits is kept, or is known not to be.
    pub(super) fn waiting_settled(&mut self, id: LineId, wait: Wait, is_kept: bool) {
        let Wait {
            recipient, author, ..
        } = wait;
        if !wait.is_never {
            let mailbox = &mut self.history.mailbox;
            mailbox.decide(recipient, author, id, is_kept);
        } else if !is_kept {
            self.people
                .veiled
                .retain(recipient, author, |line| line != id);
        }
    }

    /// Whether as much waits for an account as may, in all or of this author.
    pub(super) fn is_mailbox_full(&self, recipient: AccountId, author: Option<AccountId>) -> bool {
        let limits = &self.settings.history;
        let (mailbox, veiled) = (&self.history.mailbox, &self.people.veiled);
        let all = mailbox.count(recipient) as usize + veiled.count(recipient);
        let own = mailbox.count_of(recipient, author) as usize;
        let own = own + veiled.count_of(recipient, author);
        all >= limits.waiting_max as usize || own >= limits.waiting_per_sender_max as usize
    }

    /// Hands over a line that goes by its number, if it has one; if it is to wait, it was delivered to nobody.
    /// `None`: it is not kept.
    pub(super) fn hand_over(
        &mut self,
        now: Now,
        sender: &Sender,
        line: Numbered,
        speech: Speech<'_>,
        wait: Option<Wait>,
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
        let waits_for = wait.filter(|wait| !wait.is_never);
        let ticket = archive.keep(&KeptLine {
            id,
            place: line.place,
            at,
            author: line.author,
            name: sender.name,
            kind,
            text,
            waits_for: waits_for.map(|wait| wait.recipient),
            is_authors_only: line.is_authors_only,
        });
        // One that was not delivered, and is not kept either, was not said.
        if ticket.is_some() || wait.is_none() {
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
