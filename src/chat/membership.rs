//! Entering and leaving rooms.

use arrayvec::ArrayVec;

use super::command::MembershipCommand;
use super::event::{MembershipReply, RoomView};
use super::ids::{RoomId, UserId};
use super::member::Membership;
use super::name::{Name, RoomName};
use super::outbox::Outbox;
use super::presence::{Change, ChangeKind};
use super::refusal::{MembershipRefusal, Refusal};
use super::rooms::Room;
use super::time::Timestamp;
use super::{Chat, Outcome, Sender, answer};

/// Names that a user is told on entering a room; `/names` has them all.
pub const ENTRY_NAMES_MAX: usize = 20;

impl Chat {
    pub(super) fn execute_membership<'a, O: Outbox>(
        &mut self,
        now: Timestamp,
        sender: &Sender,
        command: MembershipCommand,
        outbox: &mut O,
    ) -> Outcome<'a> {
        match command {
            MembershipCommand::Join(room) => self.join(now, sender, room, outbox),
            MembershipCommand::Part(room) => self.part(now, sender, room, outbox),
        }
    }

    fn join<'a, O: Outbox>(
        &mut self,
        now: Timestamp,
        sender: &Sender,
        room_name: RoomName,
        outbox: &mut O,
    ) -> Outcome<'a> {
        let user = self.directory.user(sender.user);
        let user = user.ok_or(Refusal::NotRegistered)?;
        let existing = self.rooms.find(&room_name);
        let member = existing.is_some_and(|room| user.membership(room).is_some());
        let rooms_max = self.settings.rooms_per_client_max;
        if !member && user.rooms.len() >= rooms_max {
            return Err(Refusal::Membership(MembershipRefusal::TooManyRooms {
                rooms_max,
            }));
        }
        let room = self.rooms.find_or_make(room_name);
        if member {
            self.set_current(sender.user, Some(room));
        } else {
            self.enter(now, sender.user, &sender.name, room, outbox);
        }
        let room = self
            .rooms
            .get(room)
            .ok_or(MembershipRefusal::NotInRoom { room: None })?;
        let names = self.some_names(room, sender.user);
        answer(
            outbox,
            sender.client,
            MembershipReply::Joined(view(room, &names)),
        )
    }

    fn part<'a, O: Outbox>(
        &mut self,
        now: Timestamp,
        sender: &Sender,
        room_name: Option<RoomName>,
        outbox: &mut O,
    ) -> Outcome<'a> {
        let client = self.directory.get(sender.client);
        let client = client.ok_or(Refusal::NotRegistered)?;
        let room = match room_name {
            Some(room_name) => Some(
                self.rooms
                    .find(&room_name)
                    .ok_or(MembershipRefusal::NoSuchRoom { room: room_name })?,
            ),
            None => client.current,
        };
        let membership = room.and_then(|room| client.membership(room));
        let membership = membership.ok_or(MembershipRefusal::NotInRoom { room: room_name })?;
        let room_name = self.rooms.get(membership.room).map(|room| room.name);
        let room_name = room_name.ok_or(MembershipRefusal::NotInRoom { room: None })?;

        let current = self.exit(sender.user, membership);
        let change = Change {
            who: sender.user,
            name: &sender.name,
            kind: ChangeKind::Left,
        };
        self.rooms
            .announce_presence(now, membership.room, change, outbox);
        self.rooms.drop_if_empty(membership.room);

        let current = current.and_then(|room| Some(&self.rooms.get(room)?.name));
        answer(
            outbox,
            sender.client,
            MembershipReply::Parted {
                room: &room_name,
                current,
            },
        )
    }

    /// Takes a member out of a room's list, and tells the one who moved to that place where it is.
    pub(super) fn remove_member(&mut self, room: RoomId, index: u32) {
        let moved = self
            .rooms
            .leave(room, index)
            .and_then(|user| self.directory.user_mut(user));
        if let Some(user) = moved
            && let Some(own) = user.rooms.iter_mut().find(|own| own.room == room)
        {
            own.index = index;
        }
    }

    /// Brings a user's flags up to date in all their rooms.
    pub(super) fn refresh_member(&mut self, id: UserId) {
        let Some(user) = self.directory.user(id) else {
            return;
        };
        for membership in &user.rooms {
            let room = self.rooms.get_mut(membership.room);
            let member = room.and_then(|room| room.members.get_mut(membership.index as usize));
            let fresh = self.directory.as_member(id, membership.room);
            if let (Some(member), Some(fresh)) = (member, fresh) {
                *member = fresh;
            }
        }
    }

    /// Puts a user into a room, which becomes their current one, and tells the others.
    pub(super) fn enter<O: Outbox>(
        &mut self,
        now: Timestamp,
        user: UserId,
        name: &Name,
        room: RoomId,
        outbox: &mut O,
    ) {
        let Some(member) = self.directory.as_member(user, room) else {
            return;
        };
        let index = self.rooms.enter(room, member);
        if let Some(user) = self.directory.user_mut(user) {
            user.rooms.push(Membership { room, index });
        }
        self.set_current(user, Some(room));
        let change = Change {
            who: user,
            name,
            kind: ChangeKind::Joined,
        };
        self.rooms.announce_presence(now, room, change, outbox);
    }

    /// Takes a user out of a room. Returns their current room afterwards: if they left that one, the
    /// last that they entered of those that remain.
    fn exit(&mut self, id: UserId, membership: Membership) -> Option<RoomId> {
        self.remove_member(membership.room, membership.index);
        let user = self.directory.user_mut(id)?;
        user.rooms.retain(|own| own.room != membership.room);
        let current = user.current.filter(|current| *current != membership.room);
        let current = current.or_else(|| user.rooms.last().map(|own| own.room));
        self.set_current(id, current);
        current
    }

    fn set_current(&mut self, id: UserId, room: Option<RoomId>) {
        if let Some(user) = self.directory.user_mut(id) {
            user.current = room;
            self.refresh_member(id);
        }
    }

    /// The names that a user is told on entering, sorted, without their own. Not the first of all: each join
    /// of a crowd would look at every member.
    pub(super) fn some_names(&self, room: &Room, id: UserId) -> ArrayVec<Name, ENTRY_NAMES_MAX> {
        let others = room.members.iter().filter(|member| member.user() != id);
        let names = others.filter_map(|member| self.directory.name_of(member.user()));
        let mut names: ArrayVec<Name, ENTRY_NAMES_MAX> = names.take(ENTRY_NAMES_MAX).collect();
        names.sort_unstable();
        names
    }
}

/// A room as its newest member sees it.
pub(super) fn view<'a>(room: &'a Room, names: &'a [Name]) -> RoomView<'a> {
    RoomView {
        room: &room.name,
        topic: room.topic.as_deref(),
        others: room.members.len().saturating_sub(1),
        names,
        kept: None,
        missed: None,
    }
}
