//! Order in the whole server, kept by its operators.

mod deeds;

use super::archive::Archive;
use super::command::OperatorCommand;
use super::outbox::Outbox;
use super::refusal::AccountRefusal;
use super::time::Now;
use super::{Chat, Outcome, Sender};

impl Chat {
    pub(super) fn execute_operator<'a, O: Outbox>(
        &mut self,
        _now: Now,
        sender: &Sender,
        command: OperatorCommand<'a>,
        outbox: &mut O,
        _archive: &mut dyn Archive,
    ) -> Outcome<'a> {
        match command {
            OperatorCommand::Feed(on) => self.feed(sender, on, outbox),
            _ => Err(AccountRefusal::NoStore.into()),
        }
    }
}
