//! Out of a room: kicked, barred, or barred as the account that a guest has logged in as.

use smallvec::SmallVec;

use crate::chat::archive::{Archive, RuleKind};
use crate::chat::event::{Done, Event, ModerationEvent};
use crate::chat::ids::{ClientId, RoomId, UserId};
use crate::chat::member::Member;
use crate::chat::name::RoomName;
use crate::chat::order::{Act, Limit};
use crate::chat::outbox::Outbox;
use crate::chat::presence::{Change, ChangeKind};
use crate::chat::refusal::ModerationRefusal;
use crate::chat::time::{Now, Timestamp};
use crate::chat::{Chat, Outcome, Sender, check_note};

use super::ranks::Rank;
use super::{DeedText, Here};
use crate::chat::moderation::effects::ModerationEffect;

impl Chat {
    /// `/kick`. They may come back at once.
    pub(super) fn kick<'a, O: Outbox>(
        &mut self,
        now: Now,
        sender: &Sender,
        given: &'a str,
        why: Option<&'a str>,
        outbox: &mut O,
        archive: &mut dyn Archive,
    ) -> Outcome<'a> {
        check_note(why)?;
        let here = self.here(sender)?;
        let (user, target) = self.target_in_room(sender, &here, given)?;
        if user == sender.user {
            return Err(ModerationRefusal::Oneself.into());
        }
        self.check_rank(&here, &target)?;
        let done = Done {
            act: Act::Kick,
            room: &here.name,
            name: &target.name,
            from: &sender.name,
            until: None,
            why,
        };
        self.put_out_and_tell(sender, here.id, user, done, outbox);
        let deed = DeedText {
            what: Act::Kick.word(),
            whom: Some(target.name.as_str()),
            time: None,
            why,
        };
        self.note_deed(now, sender, here.name, deed, archive);
        let effect = ModerationEffect::Rule {
            act: Act::Kick,
            room: here.name,
            name: target.name,
            until: None,
        };
        self.keep_moderation(now, sender, None, effect, outbox, archive)
    }

    /// Puts a user out of a room, and tells them and all others there but the operator's connection.
    pub(super) fn put_out_and_tell<O: Outbox>(
        &mut self,
        sender: &Sender,
        room: RoomId,
        user: UserId,
        done: Done<'_>,
        outbox: &mut O,
    ) {
        let moved = self.put_out(user, room);
        self.tell_room(sender, room, None, done, outbox);
        for client in self.directory.connections_of(user) {
            let current = self.current_name(client);
            let moved = moved.contains(&client).then_some(current.as_ref());
            let event = ModerationEvent::DoneToYou { done, moved };
            outbox.send(client, &Event::Moderation(event));
        }
    }

    /// Tells what was done to a user: all in the room but the operator's connection, and the user in other words.
    pub(super) fn tell_room<O: Outbox>(
        &self,
        sender: &Sender,
        room: RoomId,
        user: Option<UserId>,
        done: Done<'_>,
        outbox: &mut O,
    ) {
        let Some(room) = self.rooms.get(room) else {
            return;
        };
        let others = room.members.connections();
        let is_other =
            |member: &&Member| member.client != sender.client && Some(member.user()) != user;
        let others = others.filter(is_other).map(Member::addressee);
        let event = Event::Moderation(ModerationEvent::Done(done));
        outbox.announce(&room.name, others, &event);
        let connections = user.map(|user| self.directory.connections_of(user));
        for client in connections.into_iter().flatten() {
            if client != sender.client {
                let moved = None;
                let event = ModerationEvent::DoneToYou { done, moved };
                outbox.send(client, &Event::Moderation(event));
            }
        }
    }

    /// Takes a user out of a room, on all their connections. Returns those of which it was the current one.
    fn put_out(&mut self, user: UserId, room: RoomId) -> SmallVec<[ClientId; 2]> {
        let Some(record) = self.directory.user(user) else {
            return SmallVec::new();
        };
        let Some(membership) = record.membership(room) else {
            return SmallVec::new();
        };
        self.note_left(record.account, room);
        self.exit(user, None, membership)
    }

    /// Takes a user who has become an account's out of the rooms that the account is barred from.
    pub(in crate::chat) fn leave_barred_rooms<O: Outbox>(
        &mut self,
        now: Now,
        client: ClientId,
        outbox: &mut O,
    ) {
        let Some(user) = self.directory.user_of(client) else {
            return;
        };
        let rooms = self.directory.user(user).map(|user| &user.rooms);
        let rooms = rooms.into_iter().flatten();
        let barred = rooms.filter_map(|own| {
            let name = self.rooms.get(own.room)?.name;
            let is_barred = self.is_barred(now, client, &name);
            is_barred.then_some((own.room, name))
        });
        let barred: SmallVec<[(RoomId, RoomName); 2]> = barred.collect();
        for (room, name) in barred {
            self.put_out(user, room);
            self.announce_left(now.timestamp, user, room, outbox);
            self.rooms.drop_if_empty(room);
            self.tell_limit(now, client, &name, Limit::Barred, outbox);
        }
    }

    fn is_barred(&self, now: Now, client: ClientId, room: &RoomName) -> bool {
        let who = self.who_is(client);
        let rule = self.rules.find(room, RuleKind::Barred, &who, now);
        rule.is_some() && self.rank_of_connection(client, room) < Rank::Server
    }

    /// Tells a room that a user has left it.
    fn announce_left<O: Outbox>(
        &mut self,
        now: Timestamp,
        who: UserId,
        room: RoomId,
        outbox: &mut O,
    ) {
        let Some(name) = self.directory.name_of(who) else {
            return;
        };
        let (name, kind) = (&name, ChangeKind::Left);
        let change = Change { who, name, kind };
        self.rooms.announce_presence(now, room, change, outbox);
    }

    /// Tells those in a room what an operator did there, but for the operator's connection.
    pub(super) fn tell_others_here<O: Outbox>(
        &self,
        sender: &Sender,
        here: &Here,
        event: ModerationEvent<'_>,
        outbox: &mut O,
    ) {
        if let Some(room) = self.rooms.get(here.id) {
            let others = room.members.connections();
            let others = others.filter(|member| member.client != sender.client);
            let event = Event::Moderation(event);
            outbox.announce(&room.name, others.map(Member::addressee), &event);
        }
    }
}
