//! Invariants between the tables of the chat.

use super::{Chat, IGNORED_MAX};

impl Chat {
    /// Checks what must always hold; for tests and simulations.
    ///
    /// # Panics
    /// If it does not hold.
    pub fn check_invariants(&self) {
        self.directory.check_invariants();
        self.rooms.check_invariants();
        self.pending.check_invariants();
        self.check_users();
        self.check_rooms();
    }

    #[expect(
        clippy::expect_used,
        reason = "a check of invariants is there to panic"
    )]
    fn check_users(&self) {
        for id in self.directory.ids() {
            let client = self.directory.get(id);
            let current = client.and_then(|client| client.current);
            let user = self.directory.user_of(id);
            let user = user.and_then(|user| self.directory.user(user));
            let is_in = |room| user.is_some_and(|user| user.membership(room).is_some());
            assert!(current.is_none_or(is_in), "one is in the current room");
        }
        for id in self.directory.user_ids() {
            let user = self.directory.user(id).expect("a listed user is here");
            assert!(user.rooms.len() <= self.settings.rooms_per_client_max);
            assert!(user.ignored().len() <= IGNORED_MAX);
            for membership in &user.rooms {
                let room = self.rooms.get(membership.room);
                let room = room.expect("one is in rooms that exist");
                let member = room.members.get(membership.index);
                let first = self.directory.as_member(user.first(), membership.room);
                assert_eq!(member.copied(), first);
            }
        }
    }

    #[expect(
        clippy::expect_used,
        reason = "a check of invariants is there to panic"
    )]
    fn check_rooms(&self) {
        for id in self.rooms.ids() {
            let room = self.rooms.get(id).expect("a listed room exists");
            let users = room.members.users();
            let connections = users.map(|user| self.directory.connections_of(user.user()).count());
            let connections: usize = connections.sum();
            assert_eq!(room.members.connections().count(), connections);
            for member in room.members.connections() {
                let user = self.directory.user(member.user());
                let user = user.expect("a member is here");
                assert!(user.membership(id).is_some(), "membership is mutual");
                assert_eq!(self.directory.as_member(member.client, id), Some(*member));
            }
        }
    }
}
