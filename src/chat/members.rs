//! The members of a room: one entry for each user, and one for each further connection of theirs.

use super::ids::{ClientId, UserId};
use super::member::Member;

/// The members of one room.
///
/// Invariant: a user has one entry in `users`, for the first connection, and one in `further` for each other.
#[derive(Debug, Default)]
pub(super) struct Members {
    users: Vec<Member>,
    /// Without memory of its own as long as each user has one connection.
    further: Vec<Member>,
    /// Connections that want to know of mentions.
    wanting: usize,
}

impl Members {
    /// The number of users.
    pub fn len(&self) -> usize {
        self.users.len()
    }

    pub fn is_empty(&self) -> bool {
        self.users.is_empty()
    }

    /// Each user once.
    pub fn users(&self) -> impl Iterator<Item = &Member> {
        self.users.iter()
    }

    /// Each connection of each user.
    pub fn connections(&self) -> impl Iterator<Item = &Member> + Clone {
        self.users.iter().chain(&self.further)
    }

    /// The user at a place in the list.
    pub fn get(&self, index: u32) -> Option<&Member> {
        self.users.get(index as usize)
    }

    /// Adds a user with their first connection; returns the place in the list.
    pub fn enter(&mut self, first: Member) -> u32 {
        debug_assert!(self.users().all(|other| other.user() != first.user()));
        self.wanting += usize::from(first.wants_mentions());
        self.users.push(first);
        u32::try_from(self.users.len() - 1).unwrap_or(u32::MAX)
    }

    /// Adds a further connection of a user who is in the list.
    pub fn attach(&mut self, further: Member) {
        debug_assert!(self.connections().all(|one| one.client != further.client));
        self.wanting += usize::from(further.wants_mentions());
        self.further.push(further);
    }

    /// Takes out the user at `index`, with all connections if there are `several`. Returns the user who moved to
    /// that place, if there is one.
    pub fn leave(&mut self, index: u32, several: bool) -> Option<UserId> {
        if self.users.len() <= index as usize {
            return None;
        }
        let first = self.users.swap_remove(index as usize);
        let user = first.user();
        self.wanting -= usize::from(first.wants_mentions());
        if several {
            self.drop_further(|further| further.user() == user);
        }
        self.get(index).map(Member::user)
    }

    /// Takes out a connection of the user at `index`, whose first one is `first` from now on.
    pub fn detach(&mut self, index: u32, client: ClientId, first: Member) {
        self.drop_further(|further| further.client == client || further.client == first.client);
        if let Some(user) = self.users.get_mut(index as usize) {
            self.wanting -= usize::from(user.wants_mentions());
            self.wanting += usize::from(first.wants_mentions());
            *user = first;
        }
    }

    fn drop_further(&mut self, is_gone: impl Fn(&Member) -> bool) {
        let wanting = &mut self.wanting;
        self.further.retain(|further| {
            let is_gone = is_gone(further);
            *wanting -= usize::from(is_gone && further.wants_mentions());
            !is_gone
        });
    }

    /// Whether a connection wants to know of mentions.
    pub fn want_mentions(&self) -> bool {
        self.wanting > 0
    }

    /// Brings the entry of one connection of the user at `index` up to date.
    pub fn refresh(&mut self, index: u32, fresh: Member) {
        let user = self.users.get_mut(index as usize);
        let entry = match user.filter(|user| user.client == fresh.client) {
            Some(user) => Some(user),
            None => (self.further.iter_mut()).find(|further| further.client == fresh.client),
        };
        debug_assert!(entry.is_some(), "each connection has an entry");
        if let Some(entry) = entry {
            self.wanting -= usize::from(entry.wants_mentions());
            self.wanting += usize::from(fresh.wants_mentions());
            *entry = fresh;
        }
    }

    /// Panics if a connection has two entries.
    pub fn check_invariants(&self) {
        let mut clients: Vec<ClientId> = self.connections().map(|one| one.client).collect();
        clients.sort_unstable();
        clients.dedup();
        assert_eq!(clients.len(), self.connections().count());
        let wanting = self.connections().filter(|one| one.wants_mentions());
        assert_eq!(self.wanting, wanting.count());
    }
}
