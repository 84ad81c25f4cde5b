//! What people are to each other, and what of themselves they show.

use super::archive::Archive;
use super::command::PeopleCommand;
use super::outbox::Outbox;
use super::refusal::AccountRefusal;
use super::time::Now;
use super::{Chat, Outcome, Sender};

impl Chat {
    pub(super) fn execute_people<'a, O: Outbox>(
        &mut self,
        _now: Now,
        _sender: &Sender,
        _command: PeopleCommand<'a>,
        _outbox: &mut O,
        _archive: &mut dyn Archive,
    ) -> Outcome<'a> {
        Err(AccountRefusal::NoStore.into())
    }
}
