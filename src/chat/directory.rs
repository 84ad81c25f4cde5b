//! Who is here, and under which name.

use std::collections::HashMap;

use ahash::RandomState;
use smallvec::SmallVec;

use super::message::{ClientId, Peer};
use super::name::Name;
use super::rooms::{Member, RoomId};
use super::tick::Tick;

/// The core's record of one connection.
#[derive(Debug)]
pub(super) struct Client {
    pub generation: u32,
    pub name: Option<Name>,
    pub echo: bool,
    pub quiet: bool,
    pub current: Option<RoomId>,
    pub reply_to: Option<ClientId>,
    /// Most are in the lobby and perhaps in one more: those need no memory of their own.
    pub rooms: SmallVec<[Membership; 2]>,
    pub connected_at: Tick,
    pub active_at: Tick,
    pub peer: Peer,
    /// By id, so that it follows a user through changes of name and ends with their connection.
    pub ignored: Vec<ClientId>,
    pub away: Option<Box<Away>>,
    pub quit_text: Option<Box<str>>,
}

/// That a client is in a room, and where in the room's list of members.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Membership {
    pub room: RoomId,
    pub index: u32,
}

/// What a client said of being away, and who was told.
#[derive(Debug)]
pub(super) struct Away {
    pub text: Box<str>,
    pub told: std::collections::HashSet<ClientId, RandomState>,
}

impl Client {
    fn new(id: ClientId, peer: Peer, now: Tick) -> Self {
        Self {
            generation: id.generation,
            name: None,
            echo: false,
            quiet: false,
            current: None,
            reply_to: None,
            rooms: SmallVec::new(),
            connected_at: now,
            active_at: now,
            peer,
            ignored: Vec::new(),
            away: None,
            quit_text: None,
        }
    }

    pub fn membership(&self, room: RoomId) -> Option<Membership> {
        self.rooms
            .iter()
            .find(|membership| membership.room == room)
            .copied()
    }

    /// How this client stands in the list of members of `room`.
    pub fn as_member(&self, id: ClientId, room: RoomId) -> Member {
        Member {
            client: id,
            current: self.current == Some(room),
            quiet: self.quiet,
            filters: !self.ignored.is_empty(),
        }
    }

    pub fn ignores(&self, other: ClientId) -> bool {
        self.ignored.contains(&other)
    }
}

/// All clients by slot, and the registered ones by name.
///
/// Invariant: `by_name` holds exactly the clients with a name, each under that name.
#[derive(Debug)]
pub(super) struct Directory {
    slots: Vec<Option<Client>>,
    by_name: HashMap<Name, ClientId, RandomState>,
    connected: usize,
}

impl Directory {
    pub fn new(hasher: RandomState) -> Self {
        Self {
            slots: Vec::new(),
            by_name: HashMap::with_hasher(hasher),
            connected: 0,
        }
    }

    pub fn connect(&mut self, id: ClientId, peer: Peer, now: Tick) {
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
        let client = self.slots.get_mut(id.index())?.take()?;
        self.connected -= 1;
        if let Some(name) = &client.name {
            let removed = self.by_name.remove(name);
            debug_assert_eq!(
                removed,
                Some(id),
                "a name belongs to the client that has it"
            );
        }
        Some(client)
    }

    pub fn get(&self, id: ClientId) -> Option<&Client> {
        let client = self.slots.get(id.index())?.as_ref()?;
        (client.generation == id.generation).then_some(client)
    }

    pub fn get_mut(&mut self, id: ClientId) -> Option<&mut Client> {
        let client = self.slots.get_mut(id.index())?.as_mut()?;
        (client.generation == id.generation).then_some(client)
    }

    /// The name of a client that is connected and registered.
    pub fn name_of(&self, id: ClientId) -> Option<Name> {
        self.get(id)?.name
    }

    pub fn find(&self, name: &Name) -> Option<ClientId> {
        self.by_name.get(name).copied()
    }

    /// Finds by a name as typed, which may be none; gives the name as its owner spells it.
    pub fn find_typed(&self, typed: &str) -> Option<(ClientId, Name)> {
        let id = self.find(&Name::parse(typed).ok()?)?;
        Some((id, self.name_of(id)?))
    }

    /// Gives `id` the name `name`, which must be free or its own; its old one becomes free.
    pub fn rename(&mut self, id: ClientId, name: Name) -> Option<Name> {
        let client = self.get_mut(id)?;
        let old = client.name.replace(name);
        if let Some(old) = &old {
            self.by_name.remove(old);
        }
        let previous = self.by_name.insert(name, id);
        debug_assert_eq!(previous, None, "a name in use is refused before this");
        old
    }

    /// Everyone with a name, in an order that only changes when somebody comes or goes.
    pub fn registered(&self) -> impl Iterator<Item = Name> {
        self.slots.iter().flatten().filter_map(|client| client.name)
    }

    pub fn ids(&self) -> impl Iterator<Item = ClientId> {
        self.slots.iter().enumerate().filter_map(|(slot, client)| {
            let generation = client.as_ref()?.generation;
            Some(ClientId {
                slot: u32::try_from(slot).ok()?,
                generation,
            })
        })
    }

    pub fn connected_count(&self) -> usize {
        self.connected
    }

    pub fn registered_count(&self) -> usize {
        self.by_name.len()
    }

    /// Panics if the two views of who is here disagree.
    #[expect(
        clippy::expect_used,
        reason = "a check of invariants is there to panic"
    )]
    pub fn check_invariants(&self) {
        assert_eq!(self.connected, self.slots.iter().flatten().count());
        assert_eq!(self.by_name.len(), self.registered().count());
        for (name, id) in &self.by_name {
            let client = self.get(*id).expect("a name belongs to somebody connected");
            let own = client.name.expect("a name belongs to somebody registered");
            assert!(own.is_spelt_like(name), "a name is listed as it is shown");
        }
    }
}
