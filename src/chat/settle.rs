//! What became of what was handed to the archive: effects take place, and answers are given.

use super::archive::{Archive, NotKept, Settled};
use super::event::Event;
use super::ids::ClientId;
use super::outbox::Outbox;
use super::pending::{Asked, Effect, Response, Step, Waiting};
use super::refusal::AccountRefusal;
use super::time::Now;
use super::{Chat, Outcome};

impl Chat {
    /// Takes in what became of something that was handed to the archive.
    pub fn settle<O: Outbox>(
        &mut self,
        now: Now,
        settled: Settled,
        outbox: &mut O,
        archive: &mut dyn Archive,
    ) {
        match settled {
            Settled::KeptUpTo(last) => {
                while let Some(waiting) = self.pending.pop(last) {
                    self.take_effect(now, waiting, Ok(()), outbox, archive);
                }
                // Of a line to several users, an earlier copy may not be kept.
                self.tell_unheard(false, outbox);
            }
            // Those before the first were told of: the archive keeps its order.
            Settled::NotKept { last, why, .. } => {
                while let Some(waiting) = self.pending.pop(last) {
                    self.take_effect(now, waiting, Err(why), outbox, archive);
                }
                self.tell_unheard(false, outbox);
            }
            Settled::Changed(ticket, answer) => self.pending.note(ticket, answer),
            Settled::Answered(ticket, answer) => {
                if let Some(asked) = self.pending.take_asked(ticket) {
                    let response = answer.map_or(Response::Failed, Response::Answer);
                    self.go_on(now, asked, response, outbox, archive);
                }
            }
            Settled::Hashed(ticket, hashed) => {
                if let Some(asked) = self.pending.take_asked(ticket) {
                    self.go_on(now, asked, Response::Hashed(hashed), outbox, archive);
                }
            }
        }
    }

    /// Answers those whose time is up.
    pub(super) fn answer_late<O: Outbox>(
        &mut self,
        now: Now,
        outbox: &mut O,
        archive: &mut dyn Archive,
    ) {
        while let Some(asked) = self.pending.pop_late_question(now.timestamp) {
            self.go_on(now, asked, Response::Failed, outbox, archive);
        }
        while let Some((client, effect)) = self.pending.next_late(now.timestamp) {
            let (decided, unheard) = match effect {
                Effect::Line(line) => (line.decided(), line.unheard()),
                Effect::History(effect) => (None, effect.take_unheard()),
                Effect::Account(_)
                | Effect::Moderation(_)
                | Effect::Operator(_)
                | Effect::People(_) => (None, None),
            };
            let refusal = match effect {
                Effect::Moderation(effect) => effect.not_kept(true),
                _ => AccountRefusal::NotKept { is_late: true }.into(),
            };
            if let Some(client) = unheard {
                self.note_unheard(client);
            }
            let client = client.filter(|client| self.directory.get(*client).is_some());
            let Some(client) = client else {
                continue;
            };
            if let Some(decided) = decided {
                self.send_decided(client, decided, outbox);
            } else {
                outbox.send(client, &Event::Error(refusal));
            }
            self.note_answered(client, outbox);
        }
        self.tell_unheard(true, outbox);
    }

    /// A line or a change is kept, or is known not to be.
    fn take_effect<O: Outbox>(
        &mut self,
        now: Now,
        waiting: Waiting,
        kept: Result<(), NotKept>,
        outbox: &mut O,
        archive: &mut dyn Archive,
    ) {
        let Waiting {
            client,
            effect,
            answer,
            is_late,
            ..
        } = waiting;
        let client = client.filter(|client| self.directory.get(*client).is_some());
        let outcome = match effect {
            Effect::Line(effect) => self.line_settled(now, client, effect, kept, is_late, outbox),
            Effect::Account(effect) => self.account_settled(now, client, *effect, kept, outbox),
            Effect::People(effect) => self.people_settled(client, &effect, kept, outbox),
            Effect::History(effect) => {
                self.history_settled(now, client, *effect, kept, answer, outbox, archive)
            }
            Effect::Operator(effect) => Self::operator_settled(client, &effect, kept, outbox),
            Effect::Moderation(effect) => self.moderation_settled(
                now,
                client,
                &effect,
                kept,
                answer.as_ref(),
                outbox,
                archive,
            ),
        };
        if let Some(client) = client {
            self.end_later(client, outcome, outbox);
        }
    }

    /// A question is answered, or will not be.
    fn go_on<O: Outbox>(
        &mut self,
        now: Now,
        asked: Asked,
        response: Response,
        outbox: &mut O,
        archive: &mut dyn Archive,
    ) {
        let client = asked.client;
        let is_here = self.directory.get(client).is_some();
        let outcome = match asked.step {
            Step::History(step) if is_here || step.is_of_account() => {
                self.history_step(now, client, *step, response, outbox)
            }
            Step::Account(step) if is_here => {
                self.account_step(now, client, *step, response, outbox, archive)
            }
            Step::Operator(step) if is_here => {
                self.operator_step(now, client, &step, response, outbox, archive)
            }
            Step::People(step) if is_here => self.people_step(client, &step, response, outbox),
            Step::Account(_) | Step::History(_) | Step::Operator(_) | Step::People(_) => return,
        };
        self.end_later(client, outcome, outbox);
    }

    /// Ends a line that was to be answered later: it is now, unless another step follows, which has counted itself
    /// as a line of its own.
    fn end_later<O: Outbox>(&mut self, client: ClientId, outcome: Outcome<'_>, outbox: &mut O) {
        if let Err(refusal) = outcome {
            outbox.send(client, &Event::Error(refusal));
        }
        self.note_answered(client, outbox);
    }

    /// One line of a client's was answered. The last of them lets its input go on.
    fn note_answered<O: Outbox>(&mut self, client: ClientId, outbox: &mut O) {
        if self.pending.note_answered(client) {
            outbox.resume(client);
        }
    }
}
