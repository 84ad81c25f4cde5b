//! Connections, their users, and the names of these.

use std::collections::VecDeque;
use std::num::NonZeroU32;

use ahash::RandomState;
use hashbrown::HashTable;

use super::client::Client;
use super::ids::{ClientId, Peer, RoomId, UserId};
use super::member::{Member, MemberFlags};
use super::name::Name;
use super::time::Timestamp;
use super::user::User;

/// Names kept of users who left, so that a late `/reply` can say who is gone.
const DEPARTED_MAX: usize = 1000;

/// All clients by slot; all users by slot and by name.
///
/// Invariants: a user has connections, and each of these has that user and a copy of the name; `by_name` holds
/// exactly the slots of all users, each under its name.
#[derive(Debug)]
pub(super) struct Directory {
    clients: Vec<Option<Client>>,
    users: Vec<Option<User>>,
    /// Slots without a user.
    free: Vec<u32>,
    /// Slots only: the name is in the record, which is read next anyway.
    by_name: HashTable<u32>,
    hasher: RandomState,
    connected: usize,
    /// The generation of the user who registered last.
    last_user: NonZeroU32,
    /// Users who left, by their last names; the last to leave at the end.
    departed: VecDeque<(UserId, Name)>,
}

/// What a connection leaves behind that is its user's no more.
#[derive(Debug)]
pub(super) enum Detached {
    /// Others of the user's.
    Others(UserId),
    /// Nothing: the user is gone, name and all.
    Nobody(UserId, User),
}

impl Directory {
    pub fn new(hasher: RandomState) -> Self {
        Self {
            clients: Vec::new(),
            users: Vec::new(),
            free: Vec::new(),
            by_name: HashTable::new(),
            hasher,
            connected: 0,
            last_user: NonZeroU32::MAX,
            departed: VecDeque::new(),
        }
    }

    /// Reserves records, not the table of names: its memory would be touched all over by few.
    pub fn reserve(&mut self, clients: usize) {
        self.clients.reserve(clients);
        self.users.reserve(clients);
    }

    pub fn connect(&mut self, id: ClientId, peer: Peer, now: Timestamp) {
        if self.clients.len() <= id.index() {
            self.clients.resize_with(id.index() + 1, || None);
        }
        if let Some(slot) = self.clients.get_mut(id.index()) {
            debug_assert!(slot.is_none(), "a slot is handed out once at a time");
            *slot = Some(Client::new(id, peer, now));
            self.connected += 1;
        }
    }

    /// Takes out a client that is [detached](Self::detach), or never had a user.
    pub fn disconnect(&mut self, id: ClientId) {
        debug_assert_eq!(self.user_of(id), None, "its user is told first");
        if self.get(id).is_some()
            && let Some(slot) = self.clients.get_mut(id.index())
        {
            *slot = None;
            self.connected -= 1;
        }
    }

    pub fn get(&self, id: ClientId) -> Option<&Client> {
        let client = self.clients.get(id.index())?.as_ref()?;
        (client.id_at(id.slot) == id).then_some(client)
    }

    pub fn get_mut(&mut self, id: ClientId) -> Option<&mut Client> {
        let client = self.clients.get_mut(id.index())?.as_mut()?;
        (client.id_at(id.slot) == id).then_some(client)
    }

    /// The user of a connection, once registered.
    pub fn user_of(&self, id: ClientId) -> Option<UserId> {
        self.get(id)?.user
    }

    /// The connections that a user has.
    pub fn connections_of(&self, user: UserId) -> impl Iterator<Item = ClientId> {
        self.user(user).into_iter().flat_map(User::connections)
    }

    /// The record of a user who is here.
    pub fn user(&self, id: UserId) -> Option<&User> {
        let user = self.users.get(id.slot as usize)?.as_ref()?;
        (user.id_at(id.slot) == id).then_some(user)
    }

    pub fn user_mut(&mut self, id: UserId) -> Option<&mut User> {
        let user = self.users.get_mut(id.slot as usize)?.as_mut()?;
        (user.id_at(id.slot) == id).then_some(user)
    }

    /// Whether `user` ignores `other`. Kept out of the loop of a fan-out, which asks for few members
    /// and is inlined into the outbox's as long as it is small.
    #[inline(never)]
    pub fn ignores(&self, user: UserId, other: UserId) -> bool {
        self.user(user).is_some_and(|user| user.ignores(other))
    }

    /// The entry of a connection in the list of members of `room`.
    pub fn as_member(&self, id: ClientId, room: RoomId) -> Option<Member> {
        let client = self.get(id)?;
        let user = self.user(client.user?)?;
        let flags = MemberFlags {
            current: client.current == Some(room),
            quiet: user.quiet,
            filters: user.has_blocked || !user.ignored().is_empty(),
            // Of an account that is away, the operator's bridge is told.
            mentions: client.wants_mentions || (user.account.is_some() && user.away().is_some()),
        };
        Some(Member::new(client.user?, id, flags))
    }

    /// The name of a user who is here.
    pub fn name_of(&self, user: UserId) -> Option<Name> {
        Some(*self.user(user)?.name())
    }

    /// The last name of a user who left, unless [`DEPARTED_MAX`] others have left since.
    pub fn name_of_departed(&self, user: UserId) -> Option<Name> {
        let departed = self.departed.iter().rev().find(|(gone, _)| *gone == user);
        departed.map(|(_, name)| *name)
    }

    pub fn find(&self, name: &Name) -> Option<UserId> {
        Some(self.find_named(name)?.0)
    }

    /// Finds a user by a name as typed, valid or not; returns the name as its owner spells it.
    pub fn find_typed(&self, typed: &str) -> Option<(UserId, Name)> {
        self.find_named(&Name::parse(typed).ok()?)
    }

    /// Finds a user by name; returns the name as its owner spells it.
    pub fn find_named(&self, name: &Name) -> Option<(UserId, Name)> {
        let has_name = |slot: &u32| name_in(&self.users, *slot) == Some(name);
        let slot = *self.by_name.find(self.hasher.hash_one(name), has_name)?;
        let user = self.users.get(slot as usize)?.as_ref()?;
        Some((user.id_at(slot), *user.name()))
    }

    /// Makes the person at `id` a user with the name `name`, which must be free.
    pub fn register(&mut self, id: ClientId, name: Name) -> Option<UserId> {
        let generation = self.mint_generation();
        let client = self.get(id)?;
        debug_assert_eq!(client.user, None, "one registers once");
        let user = User::new(generation, name, id, client.connected_at);
        let slot = self.free.pop().unwrap_or_else(|| {
            self.users.push(None);
            u32::try_from(self.users.len() - 1).unwrap_or(u32::MAX)
        });
        let id = user.id_at(slot);
        if let Some(place) = self.users.get_mut(slot as usize) {
            debug_assert!(place.is_none(), "a free slot holds no user");
            *place = Some(user);
        }
        self.list(slot, &name);
        self.update_clients(id);
        Some(id)
    }

    /// Gives a user the name `name`, which must be free or their own. Returns the old one, which
    /// becomes free.
    pub fn rename(&mut self, id: UserId, name: Name) -> Option<Name> {
        let old = self.name_of(id)?;
        self.unlist(&old, id.slot);
        self.user_mut(id)?.set_name(name);
        self.list(id.slot, &name);
        self.update_clients(id);
        Some(old)
    }

    /// Makes a connection without a user a further one of a user who is here.
    pub fn attach(&mut self, id: ClientId, user: UserId) {
        debug_assert_eq!(self.user_of(id), None, "one leaves as one user first");
        if self.get(id).is_some()
            && let Some(record) = self.user_mut(user)
        {
            record.attach(id);
            self.update_clients(user);
        }
    }

    /// Takes a connection from its user; `None` if it has none. The user of the last one is gone with it.
    pub fn detach(&mut self, id: ClientId) -> Option<Detached> {
        let client = self.get_mut(id)?;
        let user = client.user.take()?;
        client.name = None;
        client.current = None;
        client.one_of_several = false;
        if self.user_mut(user)?.detach(id) {
            self.update_clients(user);
            return Some(Detached::Others(user));
        }
        let record = self.users.get_mut(user.slot as usize)?.take()?;
        self.free.push(user.slot);
        self.unlist(record.name(), user.slot);
        if self.departed.len() >= DEPARTED_MAX {
            self.departed.pop_front();
        }
        self.departed.push_back((user, *record.name()));
        Some(Detached::Nobody(user, record))
    }

    /// Copies to a user's connections what they must know of the user.
    fn update_clients(&mut self, id: UserId) {
        let Self { clients, users, .. } = self;
        let Some(Some(user)) = users.get(id.slot as usize) else {
            return;
        };
        let one_of_several = !user.further().is_empty();
        for connection in user.connections() {
            if let Some(Some(client)) = clients.get_mut(connection.index()) {
                client.user = Some(id);
                client.name = Some(*user.name());
                client.one_of_several = one_of_several;
            }
        }
    }

    /// A generation that none of the last four billion users has had.
    fn mint_generation(&mut self) -> NonZeroU32 {
        self.last_user = self.last_user.checked_add(1).unwrap_or(NonZeroU32::MIN);
        self.last_user
    }

    /// Puts the user at `slot` into the table, under their name.
    fn list(&mut self, slot: u32, name: &Name) {
        debug_assert_eq!(
            self.find(name),
            None,
            "a name in use is refused before this"
        );
        let Self {
            users,
            by_name,
            hasher,
            ..
        } = self;
        // Each slot in the table has a user: the default is never used.
        let hash_of = |slot: &u32| name_in(users, *slot).map_or(0, |name| hasher.hash_one(name));
        by_name.insert_unique(hasher.hash_one(name), slot, hash_of);
    }

    /// Takes `slot` out of the table, where it stands under `name`.
    fn unlist(&mut self, name: &Name, slot: u32) {
        let hash = self.hasher.hash_one(name);
        let entry = self.by_name.find_entry(hash, |other| *other == slot);
        debug_assert!(entry.is_ok(), "a name belongs to the user who has it");
        if let Ok(entry) = entry {
            entry.remove();
        }
    }

    /// All users' names, in an order that only changes when a user comes or goes.
    pub fn registered(&self) -> impl Iterator<Item = Name> {
        self.users.iter().flatten().map(|user| *user.name())
    }

    pub fn ids(&self) -> impl Iterator<Item = ClientId> {
        self.clients
            .iter()
            .enumerate()
            .filter_map(|(slot, client)| {
                let slot = u32::try_from(slot).ok()?;
                Some(client.as_ref()?.id_at(slot))
            })
    }

    pub fn user_ids(&self) -> impl Iterator<Item = UserId> {
        self.users.iter().enumerate().filter_map(|(slot, user)| {
            let slot = u32::try_from(slot).ok()?;
            Some(user.as_ref()?.id_at(slot))
        })
    }

    pub fn connected_count(&self) -> usize {
        self.connected
    }

    pub fn registered_count(&self) -> usize {
        self.by_name.len()
    }

    /// Panics if clients, users and names disagree.
    pub fn check_invariants(&self) {
        assert_eq!(self.connected, self.ids().count());
        assert_eq!(self.by_name.len(), self.user_ids().count());
        assert_eq!(self.by_name.len() + self.free.len(), self.users.len());
        for id in self.ids() {
            let client = self.get(id);
            let (user, name) = client.map_or((None, None), |client| (client.user, client.name));
            let is_spelt_like =
                |name: Name, user| self.name_of(user).is_some_and(|n| n.is_spelt_like(&name));
            assert!(match (user, name) {
                (None, None) => true,
                (Some(user), Some(name)) => is_spelt_like(name, user),
                (Some(_), None) | (None, Some(_)) => false,
            });
            assert!(user.is_none_or(|user| self.connections_of(user).any(|own| own == id)));
        }
        // The list is as long as there are names: each user in it has one.
        for id in self.user_ids() {
            assert_eq!(self.name_of(id).and_then(|name| self.find(&name)), Some(id));
            let several = self.connections_of(id).count() > 1;
            for (place, own) in self.connections_of(id).enumerate() {
                let client = self.get(own);
                assert!(client.is_some_and(|client| client.user == Some(id)));
                assert!(client.is_some_and(|client| client.one_of_several == several));
                assert!(
                    !self
                        .connections_of(id)
                        .skip(place + 1)
                        .any(|other| other == own)
                );
            }
        }
    }
}

/// The name of the user in `slot`.
fn name_in(users: &[Option<User>], slot: u32) -> Option<&Name> {
    Some(users.get(slot as usize)?.as_ref()?.name())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Nearly fills a table of 4096: many names share a place.
    const COUNT: u32 = 3500;

    #[test]
    fn name_is_taken_changed_and_given_back_among_many() {
        let mut directory = Directory::new(RandomState::with_seeds(1, 2, 3, 4));
        let id = |slot| ClientId {
            slot,
            generation: 7,
        };
        let name = |text: String| Name::parse(&text).unwrap();
        for slot in 0..COUNT {
            directory.connect(id(slot), Peer::Unix, Timestamp::default());
            directory.register(id(slot), name(format!("u{slot}")));
        }
        for slot in (0..COUNT).step_by(2) {
            let user = directory.user_of(id(slot)).unwrap();
            directory.rename(user, name(format!("U{slot}")));
            directory.rename(user, name(format!("v{slot}")));
            directory.detach(id(slot + 1));
            directory.disconnect(id(slot + 1));
        }
        directory.check_invariants();
        assert_eq!(directory.registered_count(), COUNT as usize / 2);
        let found = directory.find(&name("V500".to_owned()));
        assert_eq!(found, directory.user_of(id(500)));
        assert!(directory.connections_of(found.unwrap()).eq([id(500)]));
        assert_eq!(directory.find(&name("u500".to_owned())), None);
        assert_eq!(directory.find(&name("u501".to_owned())), None);
    }

    #[test]
    fn departed_user_is_named_until_1000_more_have_left() {
        let mut directory = Directory::new(RandomState::with_seeds(1, 2, 3, 4));
        let id = |generation| ClientId {
            slot: 0,
            generation,
        };
        let name = |generation| Name::parse(&format!("u{generation}")).unwrap();
        let last = u32::try_from(DEPARTED_MAX).unwrap();
        let mut users = Vec::new();
        for generation in 0..=last {
            directory.connect(id(generation), Peer::Unix, Timestamp::default());
            let user = directory
                .register(id(generation), name(generation))
                .unwrap();
            assert_eq!(directory.name_of_departed(user), None);
            directory.detach(id(generation));
            directory.disconnect(id(generation));
            assert_eq!(directory.name_of(user), None);
            users.push(user);
        }
        assert_eq!(directory.name_of_departed(users[0]), None);
        for generation in 1..=last {
            let departed = directory.name_of_departed(users[generation as usize]);
            assert_eq!(departed, Some(name(generation)));
        }
        assert_eq!(directory.departed.len(), DEPARTED_MAX);
    }

    const ALIKE: u32 = 600;

    /// The most comparisons of a lookup. All names have the same hash under one known seed: see
    /// `tests/faults/collisions.rs`.
    fn most_looked_at(seed: [u64; 4]) -> usize {
        let [a, b, c, d] = seed;
        let mut directory = Directory::new(RandomState::with_seeds(a, b, c, d));
        let name = |slot| Name::parse(&format!("attackercollides{slot:08}")).unwrap();
        for slot in 0..ALIKE {
            let generation = 0;
            let id = ClientId { slot, generation };
            directory.connect(id, Peer::Unix, Timestamp::default());
            directory.register(id, name(slot));
        }
        let looked_at = |slot| {
            let mut count = 0;
            let hash = directory.hasher.hash_one(name(slot));
            let is_it = |other: &u32| {
                count += 1;
                *other == slot
            };
            assert!(directory.by_name.find(hash, is_it).is_some());
            count
        };
        (0..ALIKE).map(looked_at).max().unwrap()
    }

    #[test]
    #[cfg(not(target_feature = "aes"))] // with it, the hasher is another one
    fn seed_decides_where_names_fall() {
        const KNOWN: u64 = 0xb3c9_4dde_a510_3fbe;
        assert_eq!(most_looked_at([1, 2, KNOWN, 4]), ALIKE as usize);
        for seed in [[5, 6, 7, 8], [1, 2, KNOWN ^ 1, 4]] {
            assert!(most_looked_at(seed) < 20);
        }
    }
}
