//! What was said before: kept rooms, conversations, and lines that wait.

pub(super) mod effects;

use super::archive::{Archive, ChangeAnswer, NotKept};
use super::command::{Command, HistoryCommand};
use super::event::{Event, Reply, SaidReply};
use super::ids::ClientId;
use super::outbox::Outbox;
use super::pending::Response;
use super::refusal::{AccountRefusal, Refusal};
use super::time::Now;
use super::{Answered, Chat, Outcome, Sender, answer};

use effects::{HistoryEffect, HistoryStep, LineEffect};

impl Chat {
    pub(super) fn execute_history<'a, O: Outbox>(
        &mut self,
        _now: Now,
        sender: &Sender,
        _command: HistoryCommand<'a>,
        outbox: &mut O,
        _archive: &mut dyn Archive,
    ) -> Outcome<'a> {
        answer(outbox, sender.client, Reply::Done)
    }

    /// Whether a line may be taken while earlier ones of its sender have no answer yet: only one that is
    /// answered behind them.
    pub(super) fn is_answered_in_order(&self, _sender: &Sender, _command: &Command<'_>) -> bool {
        false
    }

    /// A line is kept, or is known not to be.
    pub(super) fn line_settled<O: Outbox>(
        &mut self,
        client: Option<ClientId>,
        effect: LineEffect,
        kept: Result<(), NotKept>,
        outbox: &mut O,
    ) -> Outcome<'static> {
        let Some(client) = client else {
            return Ok(Answered::Now);
        };
        match (effect, kept) {
            (LineEffect::Kept { id }, Ok(())) => {
                let waiting = &[];
                let id = Some(id);
                outbox.send(client, &Event::Ok(Reply::Said(SaidReply { id, waiting })));
                Ok(Answered::Now)
            }
            (LineEffect::Kept { .. }, Err(_)) => {
                let is_late = false;
                Err(Refusal::Account(AccountRefusal::NotKept { is_late }))
            }
        }
    }

    /// A change of what was said is kept, or is known not to be.
    pub(super) fn history_settled<O: Outbox>(
        &mut self,
        _now: Now,
        _client: Option<ClientId>,
        effect: HistoryEffect,
        _kept: Result<(), NotKept>,
        _found: Option<ChangeAnswer>,
        _outbox: &mut O,
        _archive: &mut dyn Archive,
    ) -> Outcome<'static> {
        match effect {}
    }

    /// What was asked for a history command is answered.
    pub(super) fn history_step<O: Outbox>(
        &mut self,
        _now: Now,
        _client: ClientId,
        step: HistoryStep,
        _response: Response,
        _outbox: &mut O,
        _archive: &mut dyn Archive,
    ) -> Outcome<'static> {
        match step {}
    }
}
