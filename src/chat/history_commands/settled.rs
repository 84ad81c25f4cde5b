//! What became of lines, changes and questions of history.

use crate::chat::archive::{Archive, ChangeAnswer, NotKept};
use crate::chat::event::{Event, Notice, SaidReply};
use crate::chat::ids::{AccountId, ClientId, LineId};
use crate::chat::outbox::Outbox;
use crate::chat::pending::Response;
use crate::chat::refusal::HistoryRefusal;
use crate::chat::time::Now;
use crate::chat::{Answered, Chat, Outcome, answer};

use super::keep::not_kept;
use crate::chat::history::effects::{HistoryEffect, HistoryStep, LineEffect};

impl Chat {
    /// A line is kept, or is known not to be. `is_late`: its author was told that this is not known in time.
    pub(in crate::chat) fn line_settled<O: Outbox>(
        &mut self,
        now: Now,
        client: Option<ClientId>,
        effect: LineEffect,
        kept: Result<(), NotKept>,
        is_late: bool,
        outbox: &mut O,
    ) -> Outcome<'static> {
        match effect {
            LineEffect::Kept { id } => self.end_line(client, id, None, kept, outbox),
            LineEffect::Waits { id, wait } => {
                self.waiting_settled(id, wait, kept.is_ok());
                self.call_waiting(now.timestamp, wait, kept, outbox);
                self.end_line(client, id, Some(wait.recipient), kept, outbox)
            }
            LineEffect::Unheard { client } => {
                if kept.is_err() && !is_late {
                    self.note_unheard(client);
                }
                Ok(Answered::Now)
            }
            LineEffect::Copy {
                first,
                offset,
                waits,
            } => {
                if let Some(wait) = waits {
                    let id = LineId(first.0 + u64::from(offset));
                    self.waiting_settled(id, wait, kept.is_ok());
                    self.call_waiting(now.timestamp, wait, kept, outbox);
                }
                if kept.is_err() {
                    let waited_for = waits.map(|wait| wait.recipient);
                    self.history.failed_copies.push((first, waited_for));
                }
                Ok(Answered::Now)
            }
            LineEffect::Decided(decided) => {
                if let Some(client) = client {
                    self.send_decided(client, decided, outbox);
                }
                Ok(Answered::Now)
            }
        }
    }

    fn end_line<O: Outbox>(
        &self,
        client: Option<ClientId>,
        id: LineId,
        waits_for: Option<AccountId>,
        kept: Result<(), NotKept>,
        outbox: &mut O,
    ) -> Outcome<'static> {
        let Some(client) = client else {
            return Ok(Answered::Now);
        };
        if kept.is_err() {
            // One that was to wait was delivered to nobody.
            return match waits_for {
                Some(_) => not_kept(),
                None => Err(HistoryRefusal::LineNotKept.into()),
            };
        }
        let name = waits_for.and_then(|account| self.accounts.name_of(account));
        let (id, waiting) = (Some(id), name.as_slice());
        answer(outbox, client, SaidReply { id, waiting })
    }

    /// A line is not kept whose author was answered already.
    pub(in crate::chat) fn note_unheard(&mut self, client: ClientId) {
        let counts = &mut self.history.unheard;
        match counts.iter_mut().find(|(other, _)| *other == client) {
            Some((_, count)) => *count += 1,
            None => counts.push((client, 1)),
        }
    }

    /// Tells authors once how many of their lines are not kept.
    pub(in crate::chat) fn tell_unheard<O: Outbox>(&mut self, is_late: bool, outbox: &mut O) {
        for (client, count) in self.history.unheard.drain(..) {
            if self.directory.get(client).is_some() {
                let notice = Notice::NotKept { count, is_late };
                outbox.send(client, &Event::Notice(notice));
            }
        }
    }

    /// A change of what was said is kept, or is known not to be.
    #[expect(
        clippy::too_many_arguments,
        reason = "it is all that is known of a change"
    )]
    pub(in crate::chat) fn history_settled<O: Outbox>(
        &mut self,
        now: Now,
        client: Option<ClientId>,
        effect: HistoryEffect,
        kept: Result<(), NotKept>,
        found: Option<ChangeAnswer>,
        outbox: &mut O,
        archive: &mut dyn Archive,
    ) -> Outcome<'static> {
        match effect {
            HistoryEffect::Reserved { up_to } => {
                self.lines_reserved(up_to, kept);
                Ok(Answered::Now)
            }
            HistoryEffect::KeepRoom(keep) => {
                self.room_kept(now, client, &keep, kept, outbox, archive)
            }
            HistoryEffect::UnkeepRoom { place, room, from } => {
                self.room_unkept(client, place, &room, &from, kept, outbox)
            }
            HistoryEffect::Topic { room, text } => {
                Self::topic_kept(client, &room, text.as_deref(), kept, outbox)
            }
            HistoryEffect::Several(several) => self.end_several(client, several, outbox),
            HistoryEffect::Delivered { delivery } => {
                self.waiting_arrived(delivery, kept.is_ok());
                Ok(Answered::Now)
            }
            HistoryEffect::Read { place, up_to } => {
                self.read_kept(client, place, up_to, kept, outbox)
            }
            HistoryEffect::Forget {
                account,
                what,
                up_to,
            } => {
                if kept.is_err() {
                    return not_kept();
                }
                self.forgotten(client, account, what, up_to, found, outbox)
            }
        }
    }

    /// What was asked for a history command is answered.
    pub(in crate::chat) fn history_step<O: Outbox>(
        &mut self,
        now: Now,
        client: ClientId,
        step: HistoryStep,
        response: Response,
        outbox: &mut O,
    ) -> Outcome<'static> {
        match step {
            HistoryStep::Page(step) => self.page_answered(client, step, response, outbox),
            HistoryStep::Unread { account } => {
                self.unread_answered(client, account, response, outbox)
            }
            HistoryStep::Joined {
                place,
                room,
                account,
            } => self.join_answered(client, place, room, account, response, outbox),
            HistoryStep::Waiting { account } => {
                self.waiting_answered(now, client, account, response, outbox);
                Ok(Answered::Now)
            }
        }
    }
}
