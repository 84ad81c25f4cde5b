//! A user's connections beside the first: how they come and go, unseen by others.

use super::event::Event;
use super::ids::{ClientId, RoomId, UserId};
use super::outbox::Outbox;
use super::time::Timestamp;
use super::user::User;
use super::{Chat, Sender};

impl Chat {
    /// Makes a connection a further one of a user who is here. One that had another user leaves as that user
    /// first. A no-op if either is not known, or it is that user's already.
    ///
    /// It hears all rooms of the user from now on. Nobody is told, and nothing is sent to it: who logs it in
    /// answers.
    pub fn attach<O: Outbox>(
        &mut self,
        now: Timestamp,
        id: ClientId,
        user: UserId,
        outbox: &mut O,
    ) {
        let is_known = self.directory.get(id).is_some();
        if !is_known || self.directory.user_of(id) == Some(user) {
            return;
        }
        let Some(name) = self.directory.name_of(user) else {
            return;
        };
        self.detach(now, id, None, outbox);
        self.directory.attach(id, user);
        let first_current = self.first_current(user);
        if let Some(client) = self.directory.get_mut(id) {
            client.current = first_current;
        }
        self.add_connection(user, id);
        outbox.named(id, name);
    }

    /// Shows an event to the connections of the sender's that did not cause it.
    pub(super) fn send_to_others<O: Outbox>(
        &self,
        sender: &Sender,
        event: &Event<'_>,
        outbox: &mut O,
    ) {
        for id in self.directory.connections_of(sender.user) {
            if id != sender.client {
                outbox.send(id, event);
            }
        }
    }

    /// The current room of a new connection: the lobby, if the user is in it, or else the first by name.
    fn first_current(&self, user: UserId) -> Option<RoomId> {
        let user = self.directory.user(user)?;
        let lobby = self.rooms.lobby();
        if user.membership(lobby).is_some() {
            return Some(lobby);
        }
        let rooms = user.rooms.iter().map(|own| own.room);
        rooms.min_by_key(|room| self.rooms.get(*room).map(|room| room.name))
    }

    /// Puts a further connection into all rooms of its user.
    fn add_connection(&mut self, user: UserId, id: ClientId) {
        let rooms = self.directory.user(user).map(|user| &user.rooms);
        for membership in rooms.into_iter().flatten() {
            let room = self.rooms.get_mut(membership.room);
            let member = self.directory.as_member(id, membership.room);
            if let (Some(room), Some(member)) = (room, member) {
                room.members.attach(member);
            }
        }
    }

    /// Takes a connection, which is its user's no more, out of all their rooms.
    pub(super) fn remove_connection(&mut self, user: UserId, id: ClientId) {
        let Some(user) = self.directory.user(user) else {
            return;
        };
        for membership in &user.rooms {
            let room = self.rooms.get_mut(membership.room);
            let first = self.directory.as_member(user.first(), membership.room);
            if let (Some(room), Some(first)) = (room, first) {
                room.members.detach(membership.index, id, first);
            }
        }
    }

    /// The current room of a connection instead of one that its user has left by another connection: the lobby,
    /// or else the last that they entered.
    pub(super) fn next_current(&self, user: &User) -> Option<RoomId> {
        let lobby = self.rooms.lobby();
        let last = user.rooms.last().map(|own| own.room);
        user.membership(lobby).map(|own| own.room).or(last)
    }
}
