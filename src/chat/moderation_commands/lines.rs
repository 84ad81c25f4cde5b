//! `/remove`: a line of the room's is erased. Its own place decides who may, and the archive erases none of
//! another place.

use crate::chat::archive::{Archive, Change};
use crate::chat::ids::LineId;
use crate::chat::pending::Effect;
use crate::chat::refusal::ModerationRefusal;
use crate::chat::time::Now;
use crate::chat::{Answered, Chat, Outcome, Sender};

use crate::chat::moderation::effects::ModerationEffect;

impl Chat {
    pub(super) fn remove_line<'a>(
        &mut self,
        now: Now,
        sender: &Sender,
        line: LineId,
        archive: &mut dyn Archive,
    ) -> Outcome<'a> {
        let here = self.here(sender)?;
        let room = here.name;
        let not_kept = ModerationRefusal::NotKeptHere { room };
        let place = here.place.ok_or(not_kept)?;
        let from = sender.name;
        let effect = ModerationEffect::Remove {
            place,
            room,
            line,
            from,
        };
        let ticket = archive.change(Change::Remove { place, line });
        let ticket = ticket.ok_or_else(|| effect.not_kept(false))?;
        let effect = Effect::Moderation(Box::new(effect));
        let client = Some(sender.client);
        self.pending.push(now.timestamp, ticket, client, effect);
        Ok(Answered::Later)
    }
}
