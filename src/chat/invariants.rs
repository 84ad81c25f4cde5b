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
        self.history.check_invariants();
        self.accounts.check_invariants();
        self.operators.bans.check_invariants();
        self.calls.check_invariants();
        self.people.relations.check_invariants();
        self.people.veiled.check_invariants();
        self.check_guards();
        self.rules.check_invariants();
        self.check_prompts();
        self.check_accounts_here();
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
    fn check_accounts_here(&self) {
        for user in self.directory.user_ids() {
            let Some(account) = self.account_of(user) else {
                continue;
            };
            let account = self.accounts.get(account).expect("an account is there");
            assert_eq!(account.user(), Some(user));
            assert!(
                self.directory
                    .name_of(user)
                    .is_some_and(|name| name.is_spelt_like(account.name()))
            );
        }
        for (id, account) in self.accounts.iter() {
            let user = account.user();
            assert!(user.is_none_or(|user| self.account_of(user) == Some(id)));
            let connections = user.map_or(0, |user| self.directory.connections_of(user).count());
            assert!(connections <= self.settings.accounts.connections_max);
            let holder = self.directory.find(account.name());
            assert!(holder.is_none() || holder == user, "no guest has its name");
        }
    }

    /// Who is not seen by all is flagged so, and nobody else.
    fn check_guards(&self) {
        for id in self.directory.user_ids() {
            let record = self.directory.user(id);
            let account = self.account_of(id);
            let is_hidden =
                account.is_some_and(|account| self.accounts.settings_of(account).is_hidden());
            let has_blocked =
                account.is_some_and(|account| !self.people.relations.blocked(account).is_empty());
            assert!(record.is_some_and(|record| record.is_hidden == is_hidden));
            assert!(record.is_some_and(|record| record.has_blocked == has_blocked));
            let is_guarded = self.people.guarded.contains(&id);
            assert_eq!(is_guarded, is_hidden || has_blocked);
        }
        let mut guarded = self.people.guarded.iter();
        assert!(guarded.all(|user| self.directory.user(*user).is_some()));
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
            let kept = self.history.kept.find(&room.name);
            let kept = kept.filter(|_| !self.history.kept.is_ending(&room.name));
            assert_eq!(room.kept, kept, "a room knows whether it is kept");
            let restricts = self.rules.restricts(&room.name);
            assert_eq!(room.is_restricted, restricts, "and its rules");
            for member in room.members.connections() {
                let user = self.directory.user(member.user());
                let user = user.expect("a member is here");
                assert!(user.membership(id).is_some(), "membership is mutual");
                assert_eq!(self.directory.as_member(member.client, id), Some(*member));
            }
        }
    }
}
