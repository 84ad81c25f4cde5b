//! Order in a room, kept by its operators.

use super::archive::Archive;
use super::command::ModerationCommand;
use super::outbox::Outbox;
use super::refusal::AccountRefusal;
use super::time::Now;
use super::{Chat, Outcome, Sender};

impl Chat {
    pub(super) fn execute_moderation<'a, O: Outbox>(
        &mut self,
        _now: Now,
        _sender: &Sender,
        _command: ModerationCommand<'a>,
        _outbox: &mut O,
        _archive: &mut dyn Archive,
    ) -> Outcome<'a> {
        Err(AccountRefusal::NoStore.into())
    }
}
