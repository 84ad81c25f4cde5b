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
        now: Now,
        sender: &Sender,
        command: PeopleCommand<'a>,
        outbox: &mut O,
        archive: &mut dyn Archive,
    ) -> Outcome<'a> {
        match command {
            PeopleCommand::Notify(change) => self.notify(now, sender, change, outbox, archive),
            _ => Err(AccountRefusal::NoStore.into()),
        }
    }
}
