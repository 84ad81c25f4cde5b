//! `/lock`: what only a room's operators may do.

use crate::chat::archive::{Archive, Change};
use crate::chat::event::{ModerationEvent, ModerationReply};
use crate::chat::order::Lock;
use crate::chat::outbox::Outbox;
use crate::chat::refusal::MembershipRefusal;
use crate::chat::time::Now;
use crate::chat::{Chat, Outcome, Sender, answer};

use super::DeedText;
use crate::chat::moderation::effects::ModerationEffect;

impl Chat {
    /// Anybody in the room may see what is locked.
    pub(super) fn show_locks<'a, O: Outbox>(&self, sender: &Sender, outbox: &mut O) -> Outcome<'a> {
        let none = MembershipRefusal::NotInRoom { room: None };
        let id = self.current_room(sender.client).ok_or(none)?;
        let room = &self.rooms.get(id).ok_or(none)?.name;
        let locks = self.rules.locks(room);
        let set = None;
        let reply = ModerationReply::Locks { room, locks, set };
        answer(outbox, sender.client, reply)
    }

    pub(super) fn set_lock<'a, O: Outbox>(
        &mut self,
        now: Now,
        sender: &Sender,
        lock: Lock,
        on: bool,
        outbox: &mut O,
        archive: &mut dyn Archive,
    ) -> Outcome<'a> {
        let here = self.here(sender)?;
        let room = here.name;
        let before = self.rules.locks(&room);
        let locks = before.with(lock, on);
        let set = lock;
        let effect = ModerationEffect::Lock { room, locks, set };
        if locks == before {
            return self.keep_moderation(now, sender, None, effect, outbox, archive);
        }
        self.rules.set_locks(room, locks);
        self.refresh_restricted(&room);
        let event = ModerationEvent::Locked {
            room: &room,
            from: &sender.name,
            lock,
            locks,
        };
        self.tell_others_here(sender, &here, event, outbox);
        let text = format!("{} {}", lock.word(), if on { "on" } else { "off" });
        let deed = DeedText {
            what: "lock",
            whom: None,
            time: None,
            why: Some(&text),
        };
        self.note_deed(now, sender, room, deed, archive);
        let locks = locks.bits();
        let change = here.place.map(|place| Change::SetLocks { place, locks });
        self.keep_moderation(now, sender, change, effect, outbox, archive)
    }
}
