//! Connections, their users, and the names of these.

use std::collections::VecDeque;
use std::num::NonZeroU32;

use ahash::RandomState;
use hashbrown::HashTable;

use super::client::Client;
use super::ids::{ClientId, Peer, RoomId, UserId};
use super::member::Member;
use super::name::Name;
use super::time::Timestamp;

/// Names kept of users who left, so that a late `/reply` can say who is gone.
const DEPARTED_MAX: usize = 1000;

/// All clients by slot, and users by name.
///
/// Invariant: `by_name` holds exactly the slots of clients with a name, each under that name.
#[derive(Debug)]
pub(super) struct Directory {
    slots: Vec<Option<Client>>,
    /// Slots only: the name is in the record, which is read next anyway.
    by_name: HashTable<u32>,
    hasher: RandomState,
    connected: usize,
    /// The generation of the user who registered last.
    last_user: NonZeroU32,
    /// Users who left, by their last names; the last to leave at the end.
    departed: VecDeque<(UserId, Name)>,
}

impl Directory {
    pub fn new(hasher: RandomState) -> Self {
        Self {
            slots: Vec::new(),
            by_name: HashTable::new(),
            hasher,
            connected: 0,
            last_user: NonZeroU32::MAX,
            departed: VecDeque::new(),
        }
    }

    /// Reserves records, not the table of names: its memory would be touched all over by few.
    pub fn reserve(&mut self, clients: usize) {
        self.slots.reserve(clients);
    }

    pub fn connect(&mut self, id: ClientId, peer: Peer, now: Timestamp) {
        if self.slots.len() <= id.index() {
            self.slots.resize_with(id.index() + 1, || None);
        }
        if let Some(slot) = self.slots.get_mut(id.index()) {
            debug_assert!(slot.is_none(), "a slot is handed out once at a time");
            *slot = Some(Client::new(id, peer, now));
            self.connected += 1;
        }
    }

    /// Takes a client out, name and all.
    pub fn disconnect(&mut self, id: ClientId) -> Option<Client> {
        self.get(id)?;
        let user = self.user_of(id);
        let client = self.slots.get_mut(id.index())?.take()?;
        self.connected -= 1;
        if let (Some(user), Some(name)) = (user, client.name) {
            self.unlist(&name, id.slot);
            if self.departed.len() >= DEPARTED_MAX {
                self.departed.pop_front();
            }
            self.departed.push_back((user, name));
        }
        Some(client)
    }

    pub fn get(&self, id: ClientId) -> Option<&Client> {
        let client = self.slots.get(id.index())?.as_ref()?;
        (client.id_at(id.slot) == id).then_some(client)
    }

    pub fn get_mut(&mut self, id: ClientId) -> Option<&mut Client> {
        let client = self.slots.get_mut(id.index())?.as_mut()?;
        (client.id_at(id.slot) == id).then_some(client)
    }

    /// The user of a connection, once registered.
    pub fn user_of(&self, id: ClientId) -> Option<UserId> {
        self.get(id)?.user_at(id.slot)
    }

    /// The connections that a user has.
    pub fn connections_of(&self, user: UserId) -> impl Iterator<Item = ClientId> {
        let record = self.user(user);
        record.map(|record| record.id_at(user.slot)).into_iter()
    }

    /// The record of a user who is here.
    pub fn user(&self, id: UserId) -> Option<&Client> {
        let record = self.slots.get(id.slot as usize)?.as_ref()?;
        (record.user_at(id.slot) == Some(id)).then_some(record)
    }

    pub fn user_mut(&mut self, id: UserId) -> Option<&mut Client> {
        let record = self.slots.get_mut(id.slot as usize)?.as_mut()?;
        (record.user_at(id.slot) == Some(id)).then_some(record)
    }

    /// Whether `user` ignores `other`. Kept out of the loop of a fan-out, which asks for few members
    /// and is inlined into the outbox's as long as it is small.
    #[inline(never)]
    pub fn ignores(&self, user: UserId, other: UserId) -> bool {
        self.user(user).is_some_and(|user| user.ignores(other))
    }

    /// The entry of a user in the list of members of `room`.
    pub fn as_member(&self, user: UserId, room: RoomId) -> Option<Member> {
        let record = self.user(user)?;
        let mut member = Member::new(user, self.connections_of(user).next()?);
        member.current = record.current == Some(room);
        member.quiet = record.quiet;
        member.filters = !record.ignored().is_empty();
        Some(member)
    }

    /// The name of a user who is here.
    pub fn name_of(&self, user: UserId) -> Option<Name> {
        self.user(user)?.name
    }

    /// The last name of a user who left, unless [`DEPARTED_MAX`] others have left since.
    pub fn name_of_departed(&self, user: UserId) -> Option<Name> {
        let departed = self.departed.iter().rev().find(|(gone, _)| *gone == user);
        departed.map(|(_, name)| *name)
    }

    pub fn find(&self, name: &Name) -> Option<UserId> {
        Some(self.find_record(name)?.0)
    }

    /// Finds a user by a name as typed, valid or not; returns the name as its owner spells it.
    pub fn find_typed(&self, typed: &str) -> Option<(UserId, Name)> {
        self.find_named(&Name::parse(typed).ok()?)
    }

    /// Finds a user by name; returns the name as its owner spells it.
    pub fn find_named(&self, name: &Name) -> Option<(UserId, Name)> {
        let (id, record) = self.find_record(name)?;
        Some((id, record.name?))
    }

    fn find_record(&self, name: &Name) -> Option<(UserId, &Client)> {
        let has_name = |slot: &u32| name_in(&self.slots, *slot) == Some(name);
        let slot = *self.by_name.find(self.hasher.hash_one(name), has_name)?;
        let record = self.slots.get(slot as usize)?.as_ref()?;
        Some((record.user_at(slot)?, record))
    }

    /// A generation that none of the last four billion users has had.
    fn mint_generation(&mut self) -> NonZeroU32 {
        self.last_user = self.last_user.checked_add(1).unwrap_or(NonZeroU32::MIN);
        self.last_user
    }

    /// Takes `slot` out of the table, where it stands under `name`.
    fn unlist(&mut self, name: &Name, slot: u32) {
        let hash = self.hasher.hash_one(name);
        let entry = self.by_name.find_entry(hash, |other| *other == slot);
        debug_assert!(entry.is_ok(), "a name belongs to the client that has it");
        if let Ok(entry) = entry {
            entry.remove();
        }
    }

    /// Makes the person at `id` a user with the name `name`, which must be free.
    pub fn register(&mut self, id: ClientId, name: Name) -> Option<UserId> {
        let generation = self.mint_generation();
        let client = self.get_mut(id)?;
        debug_assert_eq!(client.name, None, "one registers once");
        client.user_generation = Some(generation);
        self.list(id.slot, name);
        self.user_of(id)
    }

    /// Gives a user the name `name`, which must be free or their own. Returns the old one, which
    /// becomes free.
    pub fn rename(&mut self, user: UserId, name: Name) -> Option<Name> {
        let old = self.name_of(user)?;
        self.unlist(&old, user.slot);
        self.list(user.slot, name);
        Some(old)
    }

    /// Gives the record at `slot` a name, and puts it into the table.
    fn list(&mut self, slot: u32, name: Name) {
        debug_assert_eq!(
            self.find(&name),
            None,
            "a name in use is refused before this"
        );
        let Self {
            slots,
            by_name,
            hasher,
            ..
        } = self;
        if let Some(Some(record)) = slots.get_mut(slot as usize) {
            record.name = Some(name);
        }
        // Each listed record has a name: the default is never used.
        let hash_of = |slot: &u32| name_in(slots, *slot).map_or(0, |name| hasher.hash_one(name));
        by_name.insert_unique(hasher.hash_one(name), slot, hash_of);
    }

    /// All users' names, in an order that only changes when a user comes or goes.
    pub fn registered(&self) -> impl Iterator<Item = Name> {
        self.slots.iter().flatten().filter_map(|client| client.name)
    }

    pub fn ids(&self) -> impl Iterator<Item = ClientId> {
        self.slots.iter().enumerate().filter_map(|(slot, client)| {
            let slot = u32::try_from(slot).ok()?;
            Some(client.as_ref()?.id_at(slot))
        })
    }

    pub fn connected_count(&self) -> usize {
        self.connected
    }

    pub fn registered_count(&self) -> usize {
        self.by_name.len()
    }

    /// Panics if records and names disagree.
    pub fn check_invariants(&self) {
        assert_eq!(self.connected, self.slots.iter().flatten().count());
        assert_eq!(self.by_name.len(), self.registered().count());
        // The list is as long as there are names: each client in it has one.
        for id in self.ids() {
            let (name, user) = (name_in(&self.slots, id.slot), self.user_of(id));
            assert_eq!(name.is_some(), user.is_some(), "a user has a name");
            assert!(name.is_none_or(|name| self.find(name) == user));
            let connections = user.map(|user| self.connections_of(user));
            assert!(connections.is_none_or(|mut all| all.any(|own| own == id)));
        }
    }
}

/// The name of the client in `slot`.
fn name_in(slots: &[Option<Client>], slot: u32) -> Option<&Name> {
    slots.get(slot as usize)?.as_ref()?.name.as_ref()
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
