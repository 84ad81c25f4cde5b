//! What somebody may not do in a room: looked at only where the room is restricted.

use crate::chat::archive::RuleKind;
use crate::chat::event::{Event, ModerationEvent};
use crate::chat::ids::{ClientId, RoomId};
use crate::chat::moderation::room_rules::{End, Rule};
use crate::chat::name::{Name, RoomName};
use crate::chat::order::{Limit, Limited, Lock};
use crate::chat::outbox::Outbox;
use crate::chat::refusal::{ModerationRefusal, Refusal};
use crate::chat::time::Now;
use crate::chat::{Chat, Sender};

use super::ranks::Rank;

impl Chat {
    /// Why a user may not speak in a restricted room, if they may not.
    pub(in crate::chat) fn speech_limit(
        &self,
        now: Now,
        client: ClientId,
        room: &RoomName,
    ) -> Option<Limited<'_>> {
        let muted = self.rule_limit(now, client, room, RuleKind::Muted);
        muted.or_else(|| self.lock_limit(client, room, Lock::Talk))
    }

    /// Why a user may not set the topic of a restricted room, if they may not.
    pub(in crate::chat) fn topic_limit(
        &self,
        now: Now,
        client: ClientId,
        room: &RoomName,
    ) -> Option<Limited<'_>> {
        let muted = self.rule_limit(now, client, room, RuleKind::Muted);
        muted.or_else(|| self.lock_limit(client, room, Lock::Topic))
    }

    /// Why a user may not come into a room, whether anybody is there or not, if they may not.
    pub(in crate::chat) fn entry_limit(
        &self,
        now: Now,
        client: ClientId,
        room: &RoomName,
    ) -> Option<Limited<'_>> {
        if !self.rules.restricts(room) {
            return None;
        }
        // As the room is spelt, and not as it was typed.
        let kept = self.history.kept.find(room);
        let kept = kept.and_then(|place| self.history.kept.get(place));
        let room = kept.map_or(room, |kept| &kept.name);
        let barred = self.rule_limit(now, client, room, RuleKind::Barred);
        barred.or_else(|| self.lock_limit(client, room, Lock::In))
    }

    /// Whether a user who is about to enter a room may not; tells them why.
    pub(in crate::chat) fn is_kept_out<O: Outbox>(
        &self,
        now: Now,
        client: ClientId,
        room: RoomId,
        outbox: &mut O,
    ) -> bool {
        let Some(room) = self.rooms.get(room).filter(|room| room.is_restricted) else {
            return false;
        };
        let Some(limited) = self.entry_limit(now, client, &room.name) else {
            return false;
        };
        let event = ModerationEvent::Limited(limited);
        outbox.send(client, &Event::Moderation(event));
        true
    }

    /// Whether a user may not say what they are about to say in their current room.
    pub(in crate::chat) fn is_silenced(&self, now: Now, sender: &Sender) -> bool {
        let room = self.current_room(sender.client);
        let room = room.and_then(|room| self.rooms.get(room));
        room.is_some_and(|room| {
            room.is_restricted && self.speech_limit(now, sender.client, &room.name).is_some()
        })
    }

    /// Whether a user may not speak everywhere, or in some room of theirs: what is told in all is not told then.
    pub(in crate::chat) fn is_silenced_anywhere(&self, now: Now, client: ClientId) -> bool {
        if self.silence_of(now, client).is_some() {
            return true;
        }
        let user = self.directory.user_of(client);
        let user = user.and_then(|user| self.directory.user(user));
        let rooms = user.into_iter().flat_map(|user| &user.rooms);
        let mut rooms = rooms.filter_map(|own| self.rooms.get(own.room));
        rooms.any(|room| room.is_restricted && self.speech_limit(now, client, &room.name).is_some())
    }

    /// Tells who has come into a room what they may not do there.
    pub(in crate::chat) fn tell_limits<O: Outbox>(
        &self,
        now: Now,
        client: ClientId,
        room: &RoomName,
        outbox: &mut O,
    ) {
        if let Some(limited) = self.speech_limit(now, client, room) {
            let event = ModerationEvent::Limited(limited);
            outbox.send(client, &Event::Moderation(event));
        }
    }

    /// Tells somebody what they may not do in a room.
    pub(super) fn tell_limit<O: Outbox>(
        &self,
        now: Now,
        client: ClientId,
        room: &RoomName,
        limit: Limit,
        outbox: &mut O,
    ) {
        let limited = match limit {
            Limit::Muted => self.rule_limit(now, client, room, RuleKind::Muted),
            Limit::Barred => self.rule_limit(now, client, room, RuleKind::Barred),
            Limit::Locked(lock) => self.lock_limit(client, room, lock),
        };
        if let Some(limited) = limited {
            let event = ModerationEvent::Limited(limited);
            outbox.send(client, &Event::Moderation(event));
        }
    }

    fn rule_limit(
        &self,
        now: Now,
        client: ClientId,
        room: &RoomName,
        kind: RuleKind,
    ) -> Option<Limited<'_>> {
        let rule = self.rules.find(room, kind, &self.who_is(client), now)?;
        if self.rank_of_connection(client, room) == Rank::Server {
            return None;
        }
        let limit = match kind {
            RuleKind::Muted => Limit::Muted,
            RuleKind::Barred => Limit::Barred,
            RuleKind::Operator => return None,
        };
        Some(Limited {
            limit,
            room: *room,
            left: rule.end.map(|end: End| end.left(now)),
            why: rule.why.as_deref(),
            ask: self.whom_to_ask(room, Some(rule)),
        })
    }

    fn lock_limit(&self, client: ClientId, room: &RoomName, lock: Lock) -> Option<Limited<'_>> {
        if !self.rules.locks(room).has(lock) {
            return None;
        }
        if self.rank_of_connection(client, room) >= Rank::Operator {
            return None;
        }
        Some(Limited {
            limit: Limit::Locked(lock),
            room: *room,
            left: None,
            why: None,
            ask: self.whom_to_ask(room, None),
        })
    }

    /// Who made a rule, or else the room's owner.
    fn whom_to_ask(&self, room: &RoomName, rule: Option<&Rule>) -> Option<Name> {
        let owner = || {
            let kept = self.history.kept.get(self.history.kept.find(room)?)?;
            self.accounts.name_of(kept.owner?)
        };
        rule.and_then(|rule| rule.by).or_else(owner)
    }
}

impl<'a> From<Limited<'a>> for Refusal<'a> {
    fn from(limited: Limited<'a>) -> Self {
        ModerationRefusal::Limited(limited).into()
    }
}
