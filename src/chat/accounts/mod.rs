//! Accounts: who owns a name, and how they show that it is theirs.

pub(super) mod effects;

use super::archive::{Archive, NotKept};
use super::command::AccountCommand;
use super::event::Reply;
use super::ids::ClientId;
use super::outbox::Outbox;
use super::pending::Response;
use super::time::Now;
use super::{Chat, Outcome, Sender, answer};

use effects::{AccountEffect, AccountStep};

impl Chat {
    pub(super) fn execute_account<'a, O: Outbox>(
        &mut self,
        _now: Now,
        id: ClientId,
        _sender: Option<&Sender>,
        _command: AccountCommand<'a>,
        outbox: &mut O,
        _archive: &mut dyn Archive,
    ) -> Outcome<'a> {
        answer(outbox, id, Reply::Done)
    }

    /// The answer to what a connection was asked for.
    pub(super) fn take_answer<'a, O: Outbox>(
        &mut self,
        _now: Now,
        id: ClientId,
        _line: &'a str,
        outbox: &mut O,
        _archive: &mut dyn Archive,
    ) -> Outcome<'a> {
        answer(outbox, id, Reply::Done)
    }

    /// A change of an account is kept, or is known not to be.
    pub(super) fn account_settled<O: Outbox>(
        &mut self,
        _now: Now,
        _client: Option<ClientId>,
        effect: AccountEffect,
        _kept: Result<(), NotKept>,
        _outbox: &mut O,
        _archive: &mut dyn Archive,
    ) -> Outcome<'static> {
        match effect {}
    }

    /// What was asked for an account command is answered.
    pub(super) fn account_step<O: Outbox>(
        &mut self,
        _now: Now,
        _client: ClientId,
        step: AccountStep,
        _response: Response,
        _outbox: &mut O,
        _archive: &mut dyn Archive,
    ) -> Outcome<'static> {
        match step {}
    }
}
