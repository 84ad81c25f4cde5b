//! Rooms, and the users in them.

use std::collections::{BTreeMap, HashMap, VecDeque};

use ahash::RandomState;

use super::ids::{PlaceId, RoomId, UserId};
use super::members::Members;
use super::name::{Name, RoomName};
use super::outbox::Outbox;
use super::presence::{
    Change, PRESENCE_IMMEDIATE_MEMBERS_MAX, PRESENCE_INTERVAL, PRESENCE_MEMBERS_MAX, Presence,
};
use super::time::Timestamp;

/// The least capacity that the table of names keeps.
const NAMES_CAPACITY_KEPT: usize = 256;

#[derive(Debug)]
pub(super) struct Room {
    pub name: RoomName,
    /// Where its lines are kept, if they are.
    pub kept: Option<PlaceId>,
    /// It has locks, or rules about what somebody may not do there.
    pub is_restricted: bool,
    pub topic: Option<Box<str>>,
    pub members: Members,
    presence: Presence,
}

/// All rooms.
///
/// Invariants: a room exists while it has members, the lobby always, and is listed once; a member's
/// flags are those of the user and the client; a user's memberships and the rooms' members say the same.
#[derive(Debug)]
pub(super) struct Rooms {
    /// Boxed, so that a place without a room takes a word.
    slots: Vec<Option<Box<Room>>>,
    free: Vec<RoomId>,
    by_name: HashMap<RoomName, RoomId, RandomState>,
    /// The rooms that exist, the lobby first, then by name: the order of their making would tell of rooms that
    /// not everybody sees.
    listed: BTreeMap<(bool, RoomName), RoomId>,
    /// Rooms with a summary to tell, in the order of time, as all wait equally long.
    due: VecDeque<(Timestamp, RoomId)>,
    lobby: RoomId,
}

impl Rooms {
    pub fn new(lobby: RoomName, hasher: RandomState) -> Self {
        let mut rooms = Self {
            slots: Vec::new(),
            free: Vec::new(),
            by_name: HashMap::with_hasher(hasher),
            listed: BTreeMap::new(),
            due: VecDeque::new(),
            lobby: RoomId::at(0),
        };
        rooms.lobby = rooms.find_or_make(lobby);
        rooms
    }

    pub fn lobby(&self) -> RoomId {
        self.lobby
    }

    pub fn find(&self, name: &RoomName) -> Option<RoomId> {
        self.by_name.get(name).copied()
    }

    pub fn find_or_make(&mut self, name: RoomName) -> RoomId {
        if let Some(id) = self.find(&name) {
            return id;
        }
        let room = Box::new(Room {
            name,
            kept: None,
            is_restricted: false,
            topic: None,
            members: Members::default(),
            presence: Presence::default(),
        });
        let id = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            RoomId::at(self.slots.len() - 1)
        });
        if let Some(slot) = self.slots.get_mut(id.index()) {
            debug_assert!(slot.is_none(), "a free slot holds no room");
            *slot = Some(room);
        }
        self.by_name.insert(name, id);
        self.listed.insert((id != self.lobby, name), id);
        id
    }

    pub fn get(&self, id: RoomId) -> Option<&Room> {
        self.slots.get(id.index())?.as_deref()
    }

    pub fn get_mut(&mut self, id: RoomId) -> Option<&mut Room> {
        self.slots.get_mut(id.index())?.as_deref_mut()
    }

    /// The rooms, the lobby first, then by name, from the one at `skip` on.
    pub fn list_from(&self, skip: usize) -> impl Iterator<Item = (RoomId, &Room)> {
        let listed = self.listed.values().skip(skip);
        listed.filter_map(|id| Some((*id, self.get(*id)?)))
    }

    pub fn ids(&self) -> impl Iterator<Item = RoomId> {
        self.listed.values().copied()
    }

    pub fn len(&self) -> usize {
        self.by_name.len()
    }

    /// Removes a room without members, unless it is the lobby.
    pub fn drop_if_empty(&mut self, id: RoomId) {
        if id == self.lobby || self.get(id).is_none_or(|room| !room.members.is_empty()) {
            return;
        }
        if let Some(room) = self.slots.get_mut(id.index()).and_then(Option::take) {
            self.by_name.remove(&room.name);
            self.listed.remove(&(true, room.name));
            self.free.push(id);
            self.shrink_names();
        }
    }

    /// Gives back the memory of the table of names once few of very many rooms are left. Not at half:
    /// it would shrink and grow with every room.
    fn shrink_names(&mut self) {
        let enough = (2 * self.by_name.len()).max(NAMES_CAPACITY_KEPT);
        if self.by_name.capacity() > 4 * enough {
            self.by_name.shrink_to(enough);
        }
    }

    /// Tells a room's other members that a user came or went: at once in a small room, later and
    /// summed up in a large one, not at all in a huge one.
    pub fn announce_presence<O: Outbox>(
        &mut self,
        now: Timestamp,
        id: RoomId,
        change: Change<'_>,
        outbox: &mut O,
    ) {
        if self.note_presence(now, id, change)
            && let Some(room) = self.get(id)
        {
            change.announce(&room.name, room.members.connections(), outbox);
        }
    }

    /// Notes that a user came or went. Returns whether the room's other members are to be told at once;
    /// a large room is told by a summary, a huge one not at all.
    pub fn note_presence(&mut self, now: Timestamp, id: RoomId, change: Change<'_>) -> bool {
        let Some(room) = self.get_mut(id) else {
            return false;
        };
        let count = room.members.len();
        if count > PRESENCE_MEMBERS_MAX {
            return false;
        }
        // A leave told at once would come before its join, if that is in a pending summary.
        if count > PRESENCE_IMMEDIATE_MEMBERS_MAX || room.presence.due().is_some() {
            if room.presence.add(now, change) {
                self.due.push_back((now.after(PRESENCE_INTERVAL), id));
            }
            return false;
        }
        true
    }

    /// Puts a member's new name into the room's pending summary.
    pub fn rename_pending(&mut self, id: RoomId, who: UserId, new_name: Name) {
        let Some(room) = self.get_mut(id) else { return };
        room.presence.rename(who, new_name);
    }

    /// The time at which the next summary is due.
    pub fn next_due(&self) -> Timestamp {
        self.due.front().map_or(Timestamp::NEVER, |(due, _)| *due)
    }

    /// Tells the summaries that are due.
    pub fn expire<O: Outbox>(&mut self, now: Timestamp, outbox: &mut O) {
        while let Some((due, id)) = self.due.front().copied()
            && due <= now
        {
            self.due.pop_front();
            let Some(room) = self.get_mut(id) else {
                continue;
            };
            if room.presence.due() != Some(due) {
                continue; // a successor in the same slot
            }
            let pending = std::mem::take(&mut room.presence);
            if room.members.len() <= PRESENCE_MEMBERS_MAX {
                pending.announce(&room.name, room.members.connections(), outbox);
            }
        }
    }

    /// Panics if the tables of rooms disagree.
    #[expect(
        clippy::expect_used,
        reason = "a check of invariants is there to panic"
    )]
    pub fn check_invariants(&self) {
        assert_eq!(self.by_name.len(), self.slots.iter().flatten().count());
        assert_eq!(self.by_name.len(), self.listed.len());
        assert_eq!(self.by_name.len() + self.free.len(), self.slots.len());
        for (name, id) in &self.by_name {
            let room = self.get(*id).expect("a listed room exists");
            assert_eq!(&room.name, name);
            room.members.check_invariants();
            assert_eq!(self.listed.get(&(*id != self.lobby, *name)), Some(id));
            assert!(
                *id == self.lobby || !room.members.is_empty(),
                "an empty room is gone"
            );
            if let Some(due) = room.presence.due() {
                assert!(
                    self.due.contains(&(due, *id)),
                    "what is pending will be told"
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use crate::chat::ids::ClientId;
    use crate::chat::member::{Member, MemberFlags};

    use super::*;

    fn member(slot: u32) -> Member {
        let generation = NonZeroU32::MIN;
        let client = ClientId {
            slot,
            generation: 0,
        };
        Member::new(UserId { slot, generation }, client, MemberFlags::default())
    }

    /// A room with one member, named by a number.
    fn make(rooms: &mut Rooms, number: u32) -> RoomId {
        let id = rooms.find_or_make(RoomName::parse(&format!("room{number}")).unwrap());
        rooms.get_mut(id).unwrap().members.enter(member(number));
        id
    }

    fn names_from(rooms: &Rooms, skip: usize) -> Vec<String> {
        let rooms = rooms.list_from(skip);
        rooms.map(|(_, room)| room.name.to_string()).collect()
    }

    /// A quarter of a kilobyte once leaked for each room ever made: with twenty rooms each, ten thousand
    /// clients could leave sixty megabytes behind.
    #[test]
    fn rooms_leave_next_to_no_memory_when_they_are_gone() {
        const ROOMS: u32 = 50_000;
        const LEFT_BYTES_MAX: usize = 16; // for each room, in tables that double as they grow
        let lobby = RoomName::parse("lobby").unwrap();
        let mut rooms = Rooms::new(lobby, RandomState::with_seeds(1, 2, 3, 4));
        for _ in 0..2 {
            let made: Vec<RoomId> = (0..ROOMS).map(|number| make(&mut rooms, number)).collect();
            for id in made {
                rooms.get_mut(id).unwrap().members.leave(0, false);
                rooms.drop_if_empty(id);
            }
            assert_eq!(names_from(&rooms, 0), ["lobby"]);
            let places = rooms.slots.capacity() * size_of_val(rooms.slots.first().unwrap());
            let names = rooms.by_name.capacity() * size_of::<(RoomName, RoomId)>();
            assert!(names <= 4 * 2 * NAMES_CAPACITY_KEPT * size_of::<(RoomName, RoomId)>());
            let left = (places + names) / ROOMS as usize;
            assert!(left <= LEFT_BYTES_MAX, "{left} bytes of each");
        }
    }

    /// The last page of very many rooms once read all of them; and so did the only page, when the others
    /// were gone.
    #[test]
    fn page_of_rooms_reads_none_before_it_and_none_that_is_gone() {
        const ROOMS: u32 = 5000;
        let lobby = RoomName::parse("lobby").unwrap();
        let mut rooms = Rooms::new(lobby, RandomState::with_seeds(1, 2, 3, 4));
        let made: Vec<RoomId> = (1..ROOMS).map(|number| make(&mut rooms, number)).collect();
        let looks_at = |rooms: &Rooms, skip| rooms.list_from(skip).size_hint().1;
        let total = rooms.len();
        for skip in [0, 1, total - 1, total] {
            assert_eq!(looks_at(&rooms, skip), Some(total - skip));
            assert_eq!(rooms.list_from(skip).count(), total - skip);
        }
        assert_eq!(names_from(&rooms, total - 1), ["room999"]);
        for id in made.into_iter().skip(3) {
            rooms.get_mut(id).unwrap().members.leave(0, false);
            rooms.drop_if_empty(id);
        }
        assert_eq!(looks_at(&rooms, 0), Some(4));
        assert_eq!(names_from(&rooms, 0), ["lobby", "room1", "room2", "room3"]);
        make(&mut rooms, 7);
        assert_eq!(names_from(&rooms, 3), ["room3", "room7"]);
        // Whenever it was made: else the order would tell of rooms between, of people who hide.
        rooms.find_or_make(RoomName::parse("dev").unwrap());
        assert_eq!(names_from(&rooms, 0)[..3], ["lobby", "dev", "room1"]);
    }
}
