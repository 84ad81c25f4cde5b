//! Private lines to several users, of whom some have accounts: each copy is kept by itself, and all are answered
//! at once.

use crate::chat::archive::{Archive, Ticket};
use crate::chat::command::Mode;
use crate::chat::event::{Event, Reply, SaidReply};
use crate::chat::history::copies::{Copies, Numbered};
use crate::chat::history::effects::{HistoryEffect, LineEffect, Several};
use crate::chat::history::mailbox::Wait;
use crate::chat::ids::{AccountId, ClientId, LineId};
use crate::chat::messaging::{Copy, Speech};
use crate::chat::name::Name;
use crate::chat::outbox::Outbox;
use crate::chat::pending::Effect;
use crate::chat::refusal::{HistoryRefusal, MessageRefusal};
use crate::chat::time::Now;
use crate::chat::{Answered, Chat, Outcome, Sender, answer};

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
        let speech = Speech::Message(text);
        let ticket = self.hand_over(now, sender, line, speech, None, archive);
        self.note_copy(now, line.id.zip(ticket), None, copies);
    }

    /// Has a copy wait for an account that is not here, as far as its author can see.
    #[expect(
        clippy::too_many_arguments,
        reason = "a message, and what every line gets"
    )]
    pub(in crate::chat) fn keep_waiting_copy<O: Outbox>(
        &mut self,
        now: Now,
        sender: &Sender,
        (recipient, name): (AccountId, Name),
        copy: Copy<'_>,
        copies: &mut Copies,
        outbox: &mut O,
        archive: &mut dyn Archive,
    ) {
        let Some(line) = self.number_to_wait(sender, recipient) else {
            return;
        };
        copies.any = true;
        if self.is_mailbox_full(recipient, line.author) {
            copies.several.mailbox_full.push(name);
            return;
        }
        let wait = self.wait_of(sender, recipient, line);
        let kept = self.begin_waiting(now, sender, line, wait, copy, outbox, archive);
        if kept.is_some() {
            copies.several.waiting.push(recipient);
        } else {
            copies.several.full.push(name);
        }
        self.note_copy(now, kept, Some(wait), copies);
    }

    fn note_copy(
        &mut self,
        now: Now,
        kept: Option<(LineId, Ticket)>,
        waits: Option<Wait>,
        copies: &mut Copies,
    ) {
        let Some((id, ticket)) = kept else {
            copies.several.is_unkept |= waits.is_none();
            return;
        };
        let first = *copies.several.first.get_or_insert(id);
        copies.ticket = Some(ticket);
        // Copies of one line are numbered one behind the other, and there are few.
        let offset = u8::try_from(id.0 - first.0).unwrap_or(u8::MAX);
        let effect = Effect::Line(LineEffect::Copy {
            first,
            offset,
            waits,
        });
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
            return Err(HistoryRefusal::LineNotKept.into());
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
