//! Invariants between the tables of the chat.

use super::member::Member;
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
        self.check_clients();
        self.check_rooms();
    }

    #[expect(
        clippy::expect_used,
        reason = "a check of invariants is there to panic"
    )]
    fn check_clients(&self) {
        for id in self.directory.ids() {
            let client = self
                .directory
                .get(id)
                .expect("a listed client is connected");
            assert!(client.rooms.len() <= self.settings.rooms_per_client_max);
            assert!(client.ignored().len() <= IGNORED_MAX);
            assert!(
                client
                    .current
                    .is_none_or(|room| client.membership(room).is_some())
            );
            assert!(!client.rooms.is_empty() || client.current.is_none());
            for membership in &client.rooms {
                let room = self.rooms.get(membership.room);
                let room = room.expect("one is in rooms that exist");
                let member = room.members.get(membership.index as usize);
                assert_eq!(member.map(|member| member.client), Some(id));
                assert_eq!(member.map(Member::user), self.directory.user_of(id));
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
            for (index, member) in room.members.iter().enumerate() {
                let user = self
                    .directory
                    .user(member.user())
                    .expect("a member is here");
                let membership = user.membership(id).expect("membership is mutual");
                assert_eq!(membership.index as usize, index);
                assert_eq!(self.directory.as_member(member.user(), id), Some(*member));
            }
        }
    }
}
