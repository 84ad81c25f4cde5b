//! Order in a room, kept by its operators.

use super::archive::Archive;
use super::command::{ModerationCommand, Reach};
use super::outbox::Outbox;
use super::refusal::AccountRefusal;
use super::time::Now;
use super::{Chat, Outcome, Sender};

impl Chat {
    pub(super) fn execute_moderation<'a, O: Outbox>(
        &mut self,
        now: Now,
        sender: &Sender,
        command: ModerationCommand<'a>,
        outbox: &mut O,
        archive: &mut dyn Archive,
    ) -> Outcome<'a> {
        match command {
            ModerationCommand::Kick {
                reach: Reach::Server,
                name,
                why,
            } => self.kick_from_server(now, sender, name, why, outbox, archive),
            ModerationCommand::Mute {
                reach: Reach::Server,
                name,
                time,
                why,
            } => self.mute_everywhere(now, sender, name, time, why, outbox, archive),
            ModerationCommand::Unmute {
                reach: Reach::Server,
                name,
            } => self.unmute_everywhere(now, sender, name, outbox, archive),
            _ => Err(AccountRefusal::NoStore.into()),
        }
    }
}
