//! Entering and leaving rooms.

use arrayvec::ArrayVec;
use smallvec::SmallVec;

use super::archive::Archive;
use super::command::MembershipCommand;
use super::event::{Event, MembershipReply, Missed, RoomView};
use super::history::kept_rooms::KeptInfo;
use super::ids::{ClientId, RoomId, UserId};
use super::member::{Member, Membership};
use super::name::{Name, RoomName};
use super::outbox::Outbox;
use super::presence::{Change, ChangeKind};
use super::refusal::{MembershipRefusal, Refusal};
use super::rooms::Room;
use super::time::{Now, Timestamp};
use super::{Answered, Chat, Outcome, Sender, answer};

/// Names that a user is told on entering a room; `/names` has them all.
pub const ENTRY_NAMES_MAX: usize = 20;

impl Chat {
    pub(super) fn execute_membership<'a, O: Outbox>(
        &mut self,
        now: Now,
        sender: &Sender,
        command: MembershipCommand,
        outbox: &mut O,
        archive: &mut dyn Archive,
    ) -> Outcome<'a> {
        match command {
            MembershipCommand::Join(room) => self.join(now, sender, room, outbox, archive),
            MembershipCommand::Part(room) => self.part(now.timestamp, sender, room, outbox),
        }
    }

    fn join<'a, O: Outbox>(
        &mut self,
        now: Now,
        sender: &Sender,
        room_name: RoomName,
        outbox: &mut O,
        archive: &mut dyn Archive,
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
        if !member && let Some(limited) = self.entry_limit(now, sender.client, &room_name) {
            outbox.send(sender.client, &Event::Error(limited.into()));
            return Ok(Answered::Now);
        }
        let room = self.find_or_make_room(room_name);
        if member {
            self.set_current(sender.client, Some(room));
        } else {
            self.enter(now, sender.client, &sender.name, room, outbox);
            if let Some(room) = self.rooms.get(room) {
                let (room, name) = (&room.name, &sender.name);
                self.send_to_others(sender, &Event::OwnJoin { room, name }, outbox);
            }
            if let Some(outcome) = self.ask_missed(now, sender, room, archive) {
                return outcome;
            }
        }
        self.answer_joined(sender.client, room, None, outbox)
    }

    /// Answers a connection that has entered a room.
    pub(super) fn answer_joined<'a, O: Outbox>(
        &self,
        client: ClientId,
        room: RoomId,
        missed: Option<Missed>,
        outbox: &mut O,
    ) -> Outcome<'a> {
        let user = self.directory.user_of(client);
        let user = user.ok_or(Refusal::NotRegistered)?;
        let none = MembershipRefusal::NotInRoom { room: None };
        let room = self.rooms.get(room).ok_or(none)?;
        let (names, kept) = (self.some_names(room, user), self.kept_info(room));
        let view = RoomView {
            missed,
            ..view(room, &names, kept.as_ref())
        };
        answer(outbox, client, MembershipReply::Joined(view))
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
        let user = self.directory.user(sender.user);
        let user = user.ok_or(Refusal::NotRegistered)?;
        let room = match room_name {
            Some(room_name) => {
                let room = self.rooms.find(&room_name);
                let room = room.filter(|room| self.is_room_for(sender.client, *room));
                Some(room.ok_or(MembershipRefusal::NoSuchRoom { room: room_name })?)
            }
            None => client.current,
        };
        let membership = room.and_then(|room| user.membership(room));
        let membership = membership.ok_or(MembershipRefusal::NotInRoom { room: room_name })?;
        let room_name = self.rooms.get(membership.room).map(|room| room.name);
        let room_name = room_name.ok_or(MembershipRefusal::NotInRoom { room: None })?;

        self.note_left(user.account, membership.room);
        let moved = self.exit(sender.user, Some(sender.client), membership);
        let change = Change {
            who: sender.user,
            name: &sender.name,
            kind: ChangeKind::Left,
        };
        self.rooms
            .announce_presence(now, membership.room, change, outbox);
        self.rooms.drop_if_empty(membership.room);
        self.show_part(sender, &room_name, &moved, outbox);

        let current = self.current_name(sender.client);
        answer(
            outbox,
            sender.client,
            MembershipReply::Parted {
                room: &room_name,
                current: current.as_ref(),
            },
        )
    }

    /// Takes a user out of a room's list, and tells the one who moved to that place where it is. `several` if
    /// they may have further connections there.
    pub(super) fn remove_member(&mut self, membership: Membership, several: bool) {
        let Membership { room, index } = membership;
        let moved = self.rooms.get_mut(room);
        let moved = moved.and_then(|room| room.members.leave(index, several));
        if let Some(user) = moved.and_then(|user| self.directory.user_mut(user))
            && let Some(own) = user.rooms.iter_mut().find(|own| own.room == room)
        {
            own.index = index;
        }
        self.forget_unseen_topic(room);
    }

    /// Brings the flags of a user's connections up to date in all their rooms.
    pub(super) fn refresh_member(&mut self, id: UserId) {
        let Some(user) = self.directory.user(id) else {
            return;
        };
        for membership in &user.rooms {
            let Some(room) = self.rooms.get_mut(membership.room) else {
                continue;
            };
            for client in user.connections() {
                if let Some(fresh) = self.directory.as_member(client, membership.room) {
                    room.members.refresh(membership.index, fresh);
                }
            }
        }
    }

    /// Puts a user into a room, which becomes the current one of the connection that asked, and tells the others.
    pub(super) fn enter<O: Outbox>(
        &mut self,
        now: Now,
        id: ClientId,
        name: &Name,
        room: RoomId,
        outbox: &mut O,
    ) {
        let Some(who) = self.directory.user_of(id) else {
            return;
        };
        self.add_member(who, room);
        self.set_current(id, Some(room));
        if let Some(account) = self.account_of(who) {
            self.unveil(account);
        }
        let change = Change {
            who,
            name,
            kind: ChangeKind::Joined,
        };
        self.rooms
            .announce_presence(now.timestamp, room, change, outbox);
        self.note_entered(now.timestamp, who, room);
        if let Some(room) = self.rooms.get(room).filter(|room| room.is_restricted) {
            self.tell_limits(now, id, &room.name, outbox);
        }
    }

    /// Adds a user's connections to a room's list.
    fn add_member(&mut self, who: UserId, id: RoomId) {
        let (Some(user), Some(room)) = (self.directory.user(who), self.rooms.get_mut(id)) else {
            return;
        };
        let Some(first) = self.directory.as_member(user.first(), id) else {
            return;
        };
        let index = room.members.enter(first);
        for further in user.further() {
            if let Some(further) = self.directory.as_member(*further, id) {
                room.members.attach(further);
            }
        }
        if let Some(user) = self.directory.user_mut(who) {
            user.rooms.push(Membership { room: id, index });
        }
    }

    /// Takes a user out of a room. If it was a connection's current one, that is now, of the connection that
    /// `asked`, the last that they entered of those that remain; of others, [another](Self::next_current). Returns
    /// whose it was.
    pub(super) fn exit(
        &mut self,
        who: UserId,
        asked: Option<ClientId>,
        membership: Membership,
    ) -> SmallVec<[ClientId; 2]> {
        let Some(user) = self.directory.user_mut(who) else {
            return SmallVec::new();
        };
        user.rooms.retain(|own| own.room != membership.room);
        let several = !user.further().is_empty();
        self.remove_member(membership, several);
        let Some(user) = self.directory.user(who) else {
            return SmallVec::new();
        };
        let last = user.rooms.last().map(|own| own.room);
        let next = self.next_current(user);
        let mut moved: SmallVec<[ClientId; 2]> = user.connections().collect();
        moved.retain(|id| {
            let client = self.directory.get_mut(*id);
            let client = client.filter(|client| client.current == Some(membership.room));
            client.is_some_and(|client| {
                let asked = Some(*id) == asked;
                client.current = if asked { last } else { next };
                true
            })
        });
        self.refresh_member(who);
        moved
    }

    /// Shows to the sender's other connections that a room was left, which was the current one of those `moved`.
    fn show_part<O: Outbox>(
        &self,
        sender: &Sender,
        room: &RoomName,
        moved: &[ClientId],
        outbox: &mut O,
    ) {
        let others = self.directory.connections_of(sender.user);
        for id in others.filter(|id| *id != sender.client) {
            let current = self.current_name(id);
            let event = Event::OwnLeave {
                room,
                name: &sender.name,
                current: current.as_ref(),
                moved: moved.contains(&id),
            };
            outbox.send(id, &event);
        }
    }

    fn set_current(&mut self, id: ClientId, room: Option<RoomId>) {
        if let Some(client) = self.directory.get_mut(id)
            && let Some(user) = client.user
        {
            client.current = room;
            self.refresh_member(user);
        }
    }

    /// The name of a connection's current room.
    pub(super) fn current_name(&self, id: ClientId) -> Option<RoomName> {
        let room = self.directory.get(id)?.current?;
        Some(self.rooms.get(room)?.name)
    }

    /// The names that a user is told on entering, sorted, without their own. Not the first of all: each join
    /// of a crowd would look at every member.
    pub(super) fn some_names(&self, room: &Room, id: UserId) -> ArrayVec<Name, ENTRY_NAMES_MAX> {
        let others = room.members.users().map(Member::user);
        let others = others.filter(|other| *other != id);
        let names = others.filter_map(|other| self.directory.name_of(other));
        let mut names: ArrayVec<Name, ENTRY_NAMES_MAX> = names.take(ENTRY_NAMES_MAX).collect();
        names.sort_unstable();
        names
    }
}

/// A room as its newest member sees it.
pub(super) fn view<'a>(
    room: &'a Room,
    names: &'a [Name],
    kept: Option<&'a KeptInfo>,
) -> RoomView<'a> {
    RoomView {
        room: &room.name,
        topic: room.topic.as_deref(),
        others: room.members.len().saturating_sub(1),
        names,
        kept: kept.map(KeptInfo::view),
        missed: None,
    }
}
