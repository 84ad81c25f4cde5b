//! Order in the whole server, kept by its operators.
//!
//! What an operator does holds at once, in the step in which it is said: it stops what is going on. The answer
//! comes once it is kept, and so is the deed; if it is not, the answer says that it ends with the process.

mod bans;
mod deeds;
mod doors;
mod everywhere;
mod reset;
mod silence;
mod suspend;

use super::archive::{Archive, Deed, NotKept, Question, Ticket};
use super::command::OperatorCommand;
use super::event::{Event, OperatorEvent, OperatorReply};
use super::ids::ClientId;
use super::operators::effects::{OperatorEffect, OperatorStep};
use super::outbox::{Outbox, ServerRequest};
use super::pending::{Effect, Response, Step};
use super::refusal::{AccountRefusal, ModerationRefusal, OperatorRefusal};
use super::time::Now;
use super::{Answered, Chat, Outcome, Sender, answer, cut_note};

impl Chat {
    pub(super) fn execute_operator<'a, O: Outbox>(
        &mut self,
        now: Now,
        sender: &Sender,
        command: OperatorCommand<'a>,
        outbox: &mut O,
        archive: &mut dyn Archive,
    ) -> Outcome<'a> {
        self.check_operator(sender)?;
        match command {
            OperatorCommand::Ban(ban) => self.ban(now, sender, ban, outbox, archive),
            OperatorCommand::Unban { number } => self.unban(now, sender, number, outbox, archive),
            OperatorCommand::Bans { page } => self.list_bans(now, sender, page, outbox, archive),
            OperatorCommand::Suspend { name, why } => {
                self.suspend(now, sender, name, why, outbox, archive)
            }
            OperatorCommand::Unsuspend { name } => {
                self.unsuspend(now, sender, name, outbox, archive)
            }
            OperatorCommand::Reset { name } => self.begin_reset(now, sender, name, archive),
            OperatorCommand::Announce { text } => self.announce(now, sender, text, outbox, archive),
            OperatorCommand::Reload => self.reload(now, sender, outbox, archive),
            OperatorCommand::Deeds { page } => self.list_deeds(now, sender, page, outbox, archive),
            OperatorCommand::Feed(on) => self.feed(sender, on, outbox),
            OperatorCommand::Backup => self.back_up(now, sender, archive),
        }
    }

    /// Refuses what only operators of the server may do.
    fn check_operator(&self, sender: &Sender) -> Result<(), ModerationRefusal<'static>> {
        if self.operates_server(sender.client) {
            return Ok(());
        }
        Err(ModerationRefusal::NotOperator { room: None })
    }

    /// `/announce`
    fn announce<'a, O: Outbox>(
        &mut self,
        now: Now,
        sender: &Sender,
        text: &'a str,
        outbox: &mut O,
        archive: &mut dyn Archive,
    ) -> Outcome<'a> {
        for id in self.directory.ids() {
            let event = OperatorEvent::Announcement { text };
            outbox.send(id, &Event::Operator(event));
        }
        let noted = Some(cut_note(text).into());
        let deed = Self::server_deed(now, sender, "announce", None, noted);
        let effect = OperatorEffect::Announced { text: text.into() };
        self.done(now, sender, true, deed, effect, outbox, archive)
    }

    /// `/reload`
    fn reload<'a, O: Outbox>(
        &mut self,
        now: Now,
        sender: &Sender,
        outbox: &mut O,
        archive: &mut dyn Archive,
    ) -> Outcome<'a> {
        outbox.request(ServerRequest::Reload);
        let deed = Self::server_deed(now, sender, "reload", None, None);
        self.done(
            now,
            sender,
            true,
            deed,
            OperatorEffect::Reloading,
            outbox,
            archive,
        )
    }

    /// `/backup`
    fn back_up<'a>(&mut self, now: Now, sender: &Sender, archive: &mut dyn Archive) -> Outcome<'a> {
        if !archive.is_open() {
            return Err(AccountRefusal::NoStore.into());
        }
        let ticket = archive.ask(Question::BackUp { at: now.unix_ms });
        self.operator_then(now, sender.client, ticket, OperatorStep::BackedUp)
    }

    /// Ends a command that is carried out: its deed is recorded and told to the other operators, and the answer
    /// follows once all of it is kept. `is_taken` tells whether the archive has taken the changes before.
    #[expect(
        clippy::too_many_arguments,
        reason = "a deed, and what every line gets"
    )]
    fn done<'a, O: Outbox>(
        &mut self,
        now: Now,
        sender: &Sender,
        is_taken: bool,
        deed: Deed,
        effect: OperatorEffect,
        outbox: &mut O,
        archive: &mut dyn Archive,
    ) -> Outcome<'a> {
        self.tell_operators(sender, &deed, outbox);
        let ticket = self.record_deed(deed, archive);
        if !archive.is_open() {
            return answer_effect(sender.client, &effect, outbox);
        }
        let Some(ticket) = ticket.filter(|_| is_taken) else {
            return Err(OperatorRefusal::DoneNotKept.into());
        };
        let effect = Effect::Operator(Box::new(effect));
        (self.pending).push(now.timestamp, ticket, Some(sender.client), effect);
        Ok(Answered::Later)
    }

    /// Notes which step follows an answer of the archive's; `None` instead of a ticket, if it takes nothing.
    fn operator_then<'a>(
        &mut self,
        now: Now,
        id: ClientId,
        ticket: Option<Ticket>,
        step: OperatorStep,
    ) -> Outcome<'a> {
        let ticket = ticket.ok_or(AccountRefusal::Busy)?;
        let step = Step::Operator(Box::new(step));
        self.pending.ask(now.timestamp, ticket, id, step);
        Ok(Answered::Later)
    }

    /// What an operator did is kept, or is known not to be.
    pub(super) fn operator_settled<O: Outbox>(
        client: Option<ClientId>,
        effect: &OperatorEffect,
        kept: Result<(), NotKept>,
        outbox: &mut O,
    ) -> Outcome<'static> {
        match (kept, client) {
            (Err(_), _) if effect.is_done() => Err(OperatorRefusal::DoneNotKept.into()),
            (Err(_), _) => Err(AccountRefusal::NotKept { is_late: false }.into()),
            (Ok(()), None) => Ok(Answered::Now),
            (Ok(()), Some(client)) => answer_effect(client, effect, outbox),
        }
    }

    /// What was asked for an operator's command is answered.
    pub(super) fn operator_step<O: Outbox>(
        &mut self,
        now: Now,
        client: ClientId,
        step: &OperatorStep,
        response: Response,
        outbox: &mut O,
        archive: &mut dyn Archive,
    ) -> Outcome<'static> {
        match *step {
            OperatorStep::CodeMade { account, name } => {
                self.code_made(now, client, account, name, response, outbox, archive)
            }
            OperatorStep::DeedsRead { page } => Self::deeds_read(client, page, response, outbox),
            OperatorStep::BackedUp => self.backed_up(now, client, response, outbox, archive),
        }
    }

    /// The copy is written.
    fn backed_up<O: Outbox>(
        &mut self,
        now: Now,
        id: ClientId,
        response: Response,
        outbox: &mut O,
        archive: &mut dyn Archive,
    ) -> Outcome<'static> {
        let Response::Answer(super::archive::Answer::BackedUp(Some(file))) = response else {
            return Err(OperatorRefusal::NotBackedUp.into());
        };
        let sender = self.sender_of(id)?;
        let deed = Self::server_deed(now, &sender, "backup", Some(&file), None);
        let effect = OperatorEffect::BackedUp { file };
        self.done(now, &sender, true, deed, effect, outbox, archive)
    }

    /// The user of a connection whose line is answered later.
    fn sender_of(&self, id: ClientId) -> Result<Sender, super::refusal::Refusal<'static>> {
        let client = self.directory.get(id);
        let sender = client.and_then(|client| Sender::new(id, client));
        sender.ok_or(super::refusal::Refusal::NotRegistered)
    }
}

/// Answers a command whose deed is kept, or needs not be.
fn answer_effect<'a, O: Outbox>(
    id: ClientId,
    effect: &OperatorEffect,
    outbox: &mut O,
) -> Outcome<'a> {
    let reply = match effect {
        OperatorEffect::Kicked { name } => OperatorReply::Kicked { name },
        OperatorEffect::Muted { name, until } => OperatorReply::Muted {
            name,
            until: *until,
        },
        OperatorEffect::Unmuted { name } => OperatorReply::Unmuted { name },
        OperatorEffect::Banned(ban) => OperatorReply::Ban(ban.view()),
        OperatorEffect::Unbanned { number } => OperatorReply::Unbanned { number: *number },
        OperatorEffect::Suspended { name } => OperatorReply::Suspended { name },
        OperatorEffect::Unsuspended { name } => OperatorReply::Unsuspended { name },
        OperatorEffect::CodeMade { name, code, until } => OperatorReply::Code {
            name,
            code: code.expose(),
            until: *until,
        },
        OperatorEffect::Announced { text } => OperatorReply::Announced { text },
        OperatorEffect::Reloading => OperatorReply::Reloading,
        OperatorEffect::BackedUp { file } => OperatorReply::BackedUp { file },
    };
    answer(outbox, id, reply)
}
