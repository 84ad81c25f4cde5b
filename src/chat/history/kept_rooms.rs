//! Rooms whose lines are kept: whose they are, and for how long. Also while nobody is there.

use std::collections::HashMap;

use ahash::RandomState;

use crate::chat::event::KeptView;
use crate::chat::ids::{AccountId, PlaceId};
use crate::chat::name::{Name, RoomName};

/// How many lines each of some places had, when that was asked.
pub(in crate::chat) type Said = Vec<(PlaceId, u64)>;

/// A room whose lines are kept.
#[derive(Debug)]
pub(in crate::chat) struct KeptRoom {
    pub name: RoomName,
    /// The account that had it kept; `None` for the lobby, and once that account is gone.
    pub owner: Option<AccountId>,
    pub days: u32,
    /// For who enters it after it was empty.
    pub topic: Option<Box<str>>,
    /// Lines said since the server started.
    pub said: u64,
}

/// For how long a room is kept, and whose it is, to be shown.
#[derive(Clone, Copy, Debug)]
pub(in crate::chat) struct KeptInfo {
    pub days: u32,
    pub owner: Option<Name>,
}

impl KeptInfo {
    pub fn view(&self) -> KeptView<'_> {
        KeptView {
            days: self.days,
            owner: self.owner.as_ref(),
        }
    }
}

/// A change that is under way.
#[derive(Clone, Copy, Debug)]
struct Changing {
    /// Whose the room is to be.
    owner: Option<AccountId>,
    /// It is to be kept no longer.
    is_ending: bool,
}

/// All kept rooms.
///
/// Invariants: `by_name` and `rooms` name each other; `owned` counts the rooms of each owner, and those that are
/// to be theirs.
#[derive(Debug)]
pub(in crate::chat) struct KeptRooms {
    by_name: HashMap<RoomName, PlaceId, RandomState>,
    rooms: HashMap<PlaceId, KeptRoom, RandomState>,
    owned: HashMap<AccountId, usize, RandomState>,
    /// Rooms of which a change is not known to be kept.
    changing: HashMap<RoomName, Changing, RandomState>,
    /// The highest number ever given.
    last_number: u32,
}

impl KeptRooms {
    pub fn new(hasher: &RandomState) -> Self {
        Self {
            by_name: HashMap::with_hasher(hasher.clone()),
            rooms: HashMap::with_hasher(hasher.clone()),
            owned: HashMap::with_hasher(hasher.clone()),
            changing: HashMap::with_hasher(hasher.clone()),
            last_number: 0,
        }
    }

    /// No number up to this one is given again.
    pub fn restore(&mut self, last_number: u32) {
        self.last_number = self.last_number.max(last_number);
    }

    /// The place of a room that is kept, or is no longer from the next commit on.
    pub fn find(&self, name: &RoomName) -> Option<PlaceId> {
        if self.by_name.is_empty() {
            return None;
        }
        self.by_name.get(name).copied()
    }

    pub fn get(&self, place: PlaceId) -> Option<&KeptRoom> {
        self.rooms.get(&place)
    }

    pub fn get_mut(&mut self, place: PlaceId) -> Option<&mut KeptRoom> {
        self.rooms.get_mut(&place)
    }

    pub fn is_empty(&self) -> bool {
        self.rooms.is_empty()
    }

    /// A place for a room that is not kept yet.
    pub fn new_place(&mut self) -> PlaceId {
        self.last_number += 1;
        PlaceId::room(self.last_number)
    }

    /// How many rooms an account has kept, or will have.
    pub fn owned_by(&self, account: AccountId) -> usize {
        self.owned.get(&account).copied().unwrap_or_default()
    }

    /// Whether a change of a room is under way.
    pub fn is_changing(&self, name: &RoomName) -> bool {
        self.changing.contains_key(name)
    }

    /// Whether a room is about to be kept no longer.
    pub fn is_ending(&self, name: &RoomName) -> bool {
        self.changing
            .get(name)
            .is_some_and(|change| change.is_ending)
    }

    /// A room is to be `owner`'s.
    pub fn begin_keeping(&mut self, name: RoomName, owner: Option<AccountId>) {
        if let Some(owner) = owner {
            *self.owned.entry(owner).or_default() += 1;
        }
        let is_ending = false;
        self.changing.insert(name, Changing { owner, is_ending });
    }

    /// A room is to be kept no longer.
    pub fn begin_ending(&mut self, name: RoomName) {
        let (owner, is_ending) = (None, true);
        self.changing.insert(name, Changing { owner, is_ending });
    }

    /// What was begun has ended, one way or the other.
    pub fn end_change(&mut self, name: &RoomName) {
        let change = self.changing.remove(name);
        if let Some(owner) = change.and_then(|change| change.owner) {
            self.disown(owner);
        }
    }

    /// Keeps a room, or by another rule.
    pub fn insert(&mut self, place: PlaceId, room: KeptRoom) {
        self.remove(place);
        if let Some(owner) = room.owner {
            *self.owned.entry(owner).or_default() += 1;
        }
        self.by_name.insert(room.name, place);
        self.rooms.insert(place, room);
    }

    /// Keeps a room no longer.
    pub fn remove(&mut self, place: PlaceId) -> Option<KeptRoom> {
        let room = self.rooms.remove(&place)?;
        self.by_name.remove(&room.name);
        if let Some(owner) = room.owner {
            self.disown(owner);
        }
        Some(room)
    }

    fn disown(&mut self, owner: AccountId) {
        if let Some(count) = self.owned.get_mut(&owner) {
            *count -= 1;
            if *count == 0 {
                self.owned.remove(&owner);
            }
        }
    }

    /// An account is gone: its rooms are nobody's, and go on.
    pub fn drop_owner(&mut self, account: AccountId) {
        if self.owned.remove(&account).is_none() {
            return;
        }
        let rooms = self.rooms.values_mut().map(|room| &mut room.owner);
        let changing = self.changing.values_mut().map(|change| &mut change.owner);
        for owner in rooms.chain(changing) {
            owner.take_if(|owner| *owner == account);
        }
    }

    /// Panics if the tables disagree.
    pub fn check_invariants(&self) {
        assert_eq!(self.by_name.len(), self.rooms.len());
        let mut owned: HashMap<AccountId, usize, RandomState> =
            HashMap::with_hasher(self.owned.hasher().clone());
        for (place, room) in &self.rooms {
            assert_eq!(self.by_name.get(&room.name), Some(place));
        }
        let owners = self.rooms.values().map(|room| room.owner);
        let changing = self.changing.values().map(|change| change.owner);
        for owner in owners.chain(changing).flatten() {
            *owned.entry(owner).or_default() += 1;
        }
        assert_eq!(owned, self.owned, "each owner has as many rooms as counted");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rooms() -> KeptRooms {
        KeptRooms::new(&RandomState::with_seeds(1, 2, 3, 4))
    }

    fn kept(name: &str, owner: Option<u32>) -> KeptRoom {
        KeptRoom {
            name: RoomName::parse(name).unwrap(),
            owner: owner.and_then(AccountId::new),
            days: 30,
            topic: None,
            said: 0,
        }
    }

    #[test]
    fn number_of_a_kept_room_is_never_given_again() {
        let mut rooms = rooms();
        rooms.restore(7);
        let place = rooms.new_place();
        assert_eq!(place, PlaceId::room(8));
        rooms.insert(place, kept("dev", None));
        rooms.remove(place);
        assert_eq!(rooms.new_place(), PlaceId::room(9));
        rooms.check_invariants();
    }

    #[test]
    fn room_on_its_way_counts_against_the_limit_of_its_owner() {
        let mut rooms = rooms();
        let owner = AccountId::new(1).unwrap();
        let name = RoomName::parse("dev").unwrap();
        rooms.begin_keeping(name, Some(owner));
        assert_eq!((rooms.owned_by(owner), rooms.is_changing(&name)), (1, true));
        rooms.check_invariants();
        let place = rooms.new_place();
        rooms.insert(place, kept("dev", Some(1)));
        rooms.end_change(&name);
        assert_eq!(
            (rooms.owned_by(owner), rooms.is_changing(&name)),
            (1, false)
        );
        rooms.check_invariants();
        rooms.remove(place);
        assert_eq!(rooms.owned_by(owner), 0);
        rooms.check_invariants();
    }

    #[test]
    fn room_of_an_account_that_is_gone_is_nobodys() {
        let mut rooms = rooms();
        let (one, other) = (rooms.new_place(), rooms.new_place());
        rooms.insert(one, kept("dev", Some(1)));
        rooms.insert(other, kept("ops", Some(2)));
        rooms.drop_owner(AccountId::new(1).unwrap());
        assert_eq!(rooms.get(one).unwrap().owner, None);
        assert_eq!(rooms.get(other).unwrap().owner, AccountId::new(2));
        rooms.check_invariants();
    }
}
