//! What follows once a change of a room's order is kept, or is known not to be.

use crate::chat::archive::{Archive, ChangeAnswer, Deed, NotKept};
use crate::chat::event::{Event, ModerationEvent, ModerationReply};
use crate::chat::ids::{ClientId, LineId, PlaceId};
use crate::chat::member::Member;
use crate::chat::moderation::effects::ModerationEffect;
use crate::chat::name::{Name, RoomName};
use crate::chat::outbox::Outbox;
use crate::chat::refusal::ModerationRefusal;
use crate::chat::time::Now;
use crate::chat::{Answered, Chat, Outcome, answer};

impl Chat {
    #[expect(
        clippy::too_many_arguments,
        reason = "it is all that is known of a change"
    )]
    pub(in crate::chat) fn moderation_settled<O: Outbox>(
        &mut self,
        now: Now,
        client: Option<ClientId>,
        effect: &ModerationEffect,
        kept: Result<(), NotKept>,
        found: Option<&ChangeAnswer>,
        outbox: &mut O,
        archive: &mut dyn Archive,
    ) -> Outcome<'static> {
        if kept.is_err() {
            return Err(effect.not_kept(false));
        }
        if let ModerationEffect::Remove {
            place,
            room,
            line,
            from,
        } = effect
        {
            let Some(ChangeAnswer::Forgotten { count: 1.., .. }) = found else {
                return Err(ModerationRefusal::NoSuchLine { room: *room }.into());
            };
            self.line_removed(now, client, *place, *line, from, outbox, archive);
        }
        match client {
            Some(client) => Self::answer_moderation(client, effect, outbox),
            None => Ok(Answered::Now),
        }
    }

    /// A line is erased, and in no page that comes later.
    #[expect(clippy::too_many_arguments, reason = "it is all that is told of it")]
    fn line_removed<O: Outbox>(
        &mut self,
        now: Now,
        client: Option<ClientId>,
        place: PlaceId,
        line: LineId,
        from: &Name,
        outbox: &mut O,
        archive: &mut dyn Archive,
    ) {
        let newest = self.pending.newest_question();
        let forgotten = &mut self.history.forgotten;
        forgotten.purge(self.pending.oldest_question());
        forgotten.note_removed(place, line, newest);
        let room = self.history.kept.get(place).map(|kept| kept.name);
        if let Some(room) = &room {
            self.tell_removed(client, room, line, from, outbox);
        }
        let deed = Deed {
            at: now.unix_ms,
            who: *from,
            what: "remove",
            whom: Some(line.to_string().into()),
            room,
            text: None,
        };
        self.record_deed(deed, archive);
    }

    fn tell_removed<O: Outbox>(
        &self,
        client: Option<ClientId>,
        room: &RoomName,
        id: LineId,
        from: &Name,
        outbox: &mut O,
    ) {
        let found = self.rooms.find(room);
        if let Some(there) = found.and_then(|id| self.rooms.get(id)) {
            let others = there.members.connections();
            let others = others.filter(|member| Some(member.client) != client);
            let event = Event::Moderation(ModerationEvent::Removed { room, from, id });
            outbox.announce(room, others.map(Member::addressee), &event);
        }
    }

    pub(super) fn answer_moderation<'a, O: Outbox>(
        client: ClientId,
        effect: &ModerationEffect,
        outbox: &mut O,
    ) -> Outcome<'a> {
        let reply = match effect {
            ModerationEffect::Rule {
                act,
                room,
                name,
                until,
            } => ModerationReply::Done {
                act: *act,
                room,
                name,
                until: *until,
            },
            ModerationEffect::Lock { room, locks, set } => ModerationReply::Locks {
                room,
                locks: *locks,
                set: Some(*set),
            },
            ModerationEffect::Remove { room, line, .. } => {
                ModerationReply::Removed { room, id: *line }
            }
        };
        answer(outbox, client, reply)
    }
}
