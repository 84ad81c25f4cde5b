//! Whom a user sees.
//!
//! One who is hidden answers who shares no room with them and is no friend, in everything, like one who is not
//! here; and one who blocks somebody answers that one so. All that names or counts people for somebody asks here.

use std::collections::HashMap;

use ahash::RandomState;
use smallvec::SmallVec;

use super::ids::{AccountId, ClientId, RoomId, UserId};
use super::member::Member;
use super::name::Name;
use super::rooms::Room;
use super::stats::Counts;
use super::{Chat, Sender};

/// `/stats` counts people in steps of this size, up: two counts in a row do not tell of one who came.
const STATS_STEP: usize = 10;

/// The users whom somebody does not see.
#[derive(Debug)]
pub(super) struct Unseen {
    pub users: usize,
    pub clients: usize,
    /// How many of the users each of their rooms has.
    rooms: HashMap<RoomId, usize, RandomState>,
}

impl Unseen {
    /// The members of a room that are seen.
    pub fn members(&self, id: Option<RoomId>, room: &Room) -> usize {
        let unseen = id.and_then(|id| self.rooms.get(&id).copied());
        room.members.len() - unseen.unwrap_or_default()
    }

    /// Whether a room is one: the lobby always is, any other while somebody who is seen is there.
    pub fn is_room(&self, chat: &Chat, id: RoomId, room: &Room) -> bool {
        id == chat.rooms.lobby() || self.members(Some(id), room) > 0
    }

    /// The rooms that are none.
    pub fn count_of_rooms(&self, chat: &Chat) -> usize {
        let rooms = self.rooms.keys();
        let none = rooms.filter(|id| {
            let room = chat.rooms.get(**id);
            room.is_some_and(|room| !self.is_room(chat, **id, room))
        });
        none.count()
    }
}

impl Chat {
    /// Finds a user by a name as typed, valid or not, if `viewer` sees them; returns the name as its owner spells
    /// it.
    pub(super) fn find_seen(&self, viewer: &Sender, typed: &str) -> Option<(UserId, Name)> {
        let found = self.directory.find_typed(typed)?;
        self.sees(viewer.user, found.0).then_some(found)
    }

    /// Whether `viewer` sees that `other` is here.
    pub(super) fn sees(&self, viewer: UserId, other: UserId) -> bool {
        let Some(record) = self.directory.user(other) else {
            return false;
        };
        // Of nearly all, this is all that is looked at.
        !record.is_guarded() || viewer == other || self.sees_guarded(Some(viewer), other)
    }

    /// As [`Chat::sees`], of a connection that may have no name yet.
    fn connection_sees(&self, viewer: ClientId, other: UserId) -> bool {
        if let Some(viewer) = self.directory.user_of(viewer) {
            return self.sees(viewer, other);
        }
        let record = self.directory.user(other);
        record.is_some_and(|record| !record.is_guarded())
            || self.operates_server(viewer)
            || self.sees_guarded(None, other)
    }

    /// Whether one who is hidden, or blocks somebody, is seen by `viewer`, who may have no name yet.
    fn sees_guarded(&self, viewer: Option<UserId>, other: UserId) -> bool {
        let viewing = viewer.and_then(|viewer| self.directory.user(viewer));
        let account = viewing.and_then(|viewing| viewing.account);
        let Some(record) = self.directory.user(other) else {
            return false;
        };
        if record
            .account
            .is_none_or(|own| !self.is_veiled(own, account))
        {
            return true;
        }
        let Some(viewing) = viewing else {
            return false;
        };
        let mut rooms = record.rooms.iter();
        rooms.any(|own| viewing.membership(own.room).is_some())
            || viewing.connections().any(|id| self.operates_server(id))
    }

    /// Whether an account, here or not, is to be like one that is not here for another, or for all who have none,
    /// unless they share a room.
    pub(super) fn is_veiled(&self, account: AccountId, viewer: Option<AccountId>) -> bool {
        let relations = &self.people.relations;
        if viewer.is_some_and(|viewer| relations.blocks(account, viewer)) {
            return true;
        }
        let is_close = |viewer| viewer == account || relations.are_friends(viewer, account);
        self.accounts.settings_of(account).is_hidden() && !viewer.is_some_and(is_close)
    }

    /// Whether an author, or all who have no account, see that an account is here, or would if they were here.
    pub(super) fn is_known_here(&self, account: AccountId, author: Option<AccountId>) -> bool {
        let Some(user) = self.accounts.user_of(account) else {
            return false;
        };
        if let Some(author) = author.and_then(|author| self.accounts.user_of(author)) {
            return self.sees(author, user);
        }
        // Of those without an account, most share no room, whoever does.
        !self.is_veiled(account, author)
    }

    /// What an account shows has changed, or whom it sees: lines that seem to wait do so only for those who do not
    /// know better.
    pub(super) fn unveil(&mut self, account: AccountId) {
        if self.people.veiled.is_empty() {
            return;
        }
        for author in self.people.veiled.authors(account) {
            if self.is_known_here(account, author) {
                self.people.veiled.clear(account, author);
            }
        }
        for recipient in self.people.veiled.recipients(Some(account)) {
            if self.is_known_here(recipient, Some(account)) {
                self.people.veiled.clear(recipient, Some(account));
            }
        }
    }

    /// A user has written to another: to be heard is to be seen.
    pub(super) fn note_spoken_to(&mut self, from: UserId, to: UserId) {
        if self.people.veiled.is_empty() {
            return;
        }
        if let Some((from, to)) = self.account_of(from).zip(self.account_of(to)) {
            self.people.veiled.clear(from, Some(to));
        }
    }

    /// Whether nothing of `other` is to reach `user`, by an account's block.
    pub(super) fn blocks(&self, user: UserId, other: UserId) -> bool {
        let record = self.directory.user(user);
        record.is_some_and(|record| record.has_blocked)
            && self.blocks_account(user, self.account_of(other))
    }

    /// As [`Chat::blocks`], of one who may be gone by now.
    pub(super) fn blocks_account(&self, user: UserId, other: Option<AccountId>) -> bool {
        let both = self.account_of(user).zip(other);
        both.is_some_and(|(own, other)| self.people.relations.blocks(own, other))
    }

    /// Whether `user` wants nothing of `other`: they ignore or block them. Kept out of the loop of a fan-out, which
    /// asks for few members and is inlined into the outbox's as long as it is small.
    #[inline(never)]
    pub(super) fn is_deaf_to(&self, user: UserId, other: UserId) -> bool {
        self.directory.ignores(user, other) || self.blocks(user, other)
    }

    /// All whom a connection does not see.
    pub(super) fn unseen_by(&self, viewer: ClientId) -> Unseen {
        let [a, b, c, d] = self.settings.hash_seed;
        let mut unseen = Unseen {
            users: 0,
            clients: 0,
            rooms: HashMap::with_hasher(RandomState::with_seeds(a, b, c, d)),
        };
        for user in &self.people.guarded {
            if self.connection_sees(viewer, *user) {
                continue;
            }
            let Some(record) = self.directory.user(*user) else {
                continue;
            };
            unseen.users += 1;
            unseen.clients += record.connections().count();
            for own in &record.rooms {
                *unseen.rooms.entry(own.room).or_default() += 1;
            }
        }
        unseen
    }

    /// Whether a room is one for a connection: a room of people whom it does not see is none.
    pub(super) fn is_room_for(&self, viewer: ClientId, id: RoomId) -> bool {
        if id == self.rooms.lobby() {
            return true;
        }
        let room = self.rooms.get(id);
        room.is_some_and(|room| {
            let mut members = room.members.users().map(Member::user);
            members.any(|member| self.connection_sees(viewer, member))
        })
    }

    /// The numbers of clients, users and rooms for a connection: exact for operators only.
    pub(super) fn counts_for(&self, viewer: ClientId) -> Counts {
        let counts = self.counts();
        if self.operates_server(viewer) {
            return counts;
        }
        let unseen = self.unseen_by(viewer);
        Counts {
            clients: (counts.clients - unseen.clients).next_multiple_of(STATS_STEP),
            registered: (counts.registered - unseen.users).next_multiple_of(STATS_STEP),
            rooms: counts.rooms - unseen.count_of_rooms(self),
        }
    }

    /// What an account's settings and blocks say of whom others see is noted with its user, if they are here.
    pub(super) fn refresh_guard(&mut self, account: AccountId) {
        let Some(user) = self.accounts.user_of(account) else {
            return;
        };
        let is_hidden = self.accounts.settings_of(account).is_hidden();
        let has_blocked = !self.people.relations.blocked(account).is_empty();
        if let Some(record) = self.directory.user_mut(user) {
            record.is_hidden = is_hidden;
            record.has_blocked = has_blocked;
        }
        if is_hidden || has_blocked {
            self.people.guarded.insert(user);
        } else {
            self.people.guarded.remove(&user);
        }
        self.refresh_member(user);
        let rooms = self.directory.user(user).map(|user| &user.rooms);
        let rooms = rooms.into_iter().flatten().map(|own| own.room);
        for room in rooms.collect::<SmallVec<[RoomId; 4]>>() {
            self.forget_unseen_topic(room);
        }
    }

    /// Forgets the topic of a room that somebody sees only by being in it, as that of one that is gone: else it
    /// would tell, once the room is seen again, that it was there all the time.
    pub(super) fn forget_unseen_topic(&mut self, id: RoomId) {
        if id == self.rooms.lobby() {
            return;
        }
        let guarded = &self.people.guarded;
        let Some(room) = self.rooms.get_mut(id) else {
            return;
        };
        let outlives_members = room.kept.is_some() || room.topic.is_none();
        if outlives_members || room.members.len() > guarded.len() {
            return;
        }
        let mut users = room.members.users().map(Member::user);
        if users.all(|user| guarded.contains(&user)) {
            room.topic = None;
        }
    }

    /// Whether an account gives receipts, and gets those of others who do.
    pub(super) fn gives_receipts(&self, account: AccountId) -> bool {
        self.accounts.settings_of(account).gives_receipts()
    }
}
