//! What was said before: kept rooms, conversations, and lines that wait.

pub(super) mod effects;

use super::archive::{Archive, ChangeAnswer, MissedLines, NotKept, PastLine};
use super::command::{Command, HistoryCommand};
use super::event::{Event, Missed, Reply, SaidReply};
use super::ids::{AccountId, ClientId, LineId, PlaceId, RoomId};
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

    /// How many lines wait for an account.
    pub(super) fn waiting_count(&self, _account: AccountId) -> u32 {
        0
    }

    /// Gives an account that has come in what waited for it.
    pub(super) fn deliver_waiting<O: Outbox>(
        &mut self,
        _now: Now,
        _client: ClientId,
        _account: AccountId,
        _lines: Vec<PastLine>,
        _outbox: &mut O,
    ) {
    }

    /// The places of those rooms whose lines are kept.
    pub(super) fn kept_places_of_rooms(&self, _rooms: &[RoomId]) -> Vec<PlaceId> {
        Vec::new()
    }

    /// What was missed, by room.
    pub(super) fn missed_view(&self, _missed: &[MissedLines]) -> Vec<Missed> {
        Vec::new()
    }

    /// The line that was numbered last.
    pub(super) fn last_line(&self) -> LineId {
        LineId::default()
    }

    /// Forgets what waits for an account that is gone, and that rooms were its own.
    pub(super) fn forget_account(&mut self, _account: AccountId) {}
}
