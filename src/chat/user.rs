//! The core's record of one user, who has one connection or several.

use std::collections::HashSet;
use std::mem::offset_of;
use std::num::NonZeroU32;

use ahash::RandomState;
use smallvec::SmallVec;

use super::history::rates::Rates;
use super::ids::{AccountId, ClientId, RoomId, UserId};
use super::member::Membership;
use super::name::Name;
use super::time::Timestamp;

/// One user, from registering until the last connection ends.
#[derive(Debug)]
#[repr(C, align(64))]
pub(super) struct User {
    // The first line has all that a private message needs of its recipient.
    extras: Option<Box<Extras>>,
    pub reply_to: Option<UserId>,
    /// The connection that stands in the rooms' lists of members.
    first: ClientId,
    /// As in its [`UserId`].
    generation: NonZeroU32,
    name: Name,
    /// They want no notices of joins and leaves. Here, because `Option<User>` tells `None` by a value that a
    /// `bool` cannot have, and every look at a user would touch the second line.
    pub quiet: bool,
    /// They are hidden, by their account's settings.
    pub is_hidden: bool,
    /// Their account blocks others.
    pub has_blocked: bool,
    /// Whose user this is; `None` of a guest.
    pub account: Option<AccountId>,
    // The second line.
    pub connected_at: Timestamp,
    /// Most are in the lobby and perhaps one room more: they need no memory of their own.
    pub rooms: SmallVec<[Membership; 2]>,
}

// Two cache lines, of which a private message touches one.
const _: () = assert!(size_of::<User>() <= 128 && offset_of!(User, connected_at) == 64);

/// State that most users never have.
#[derive(Debug, Default)]
pub(super) struct Extras {
    /// By id, so that ignoring a user outlasts changes of name and ends when they leave.
    pub ignored: Vec<UserId>,
    pub away: Option<Away>,
    /// Connections beside the first, in the order in which they came.
    further: Vec<ClientId>,
    /// How often they may search, and export.
    pub rates: Rates,
}

/// A user's words on being away, and the users who were told.
#[derive(Debug)]
pub(super) struct Away {
    pub text: Box<str>,
    pub told: HashSet<UserId, RandomState>,
}

impl User {
    pub fn new(generation: NonZeroU32, name: Name, first: ClientId, now: Timestamp) -> Self {
        Self {
            extras: None,
            reply_to: None,
            first,
            generation,
            name,
            quiet: false,
            is_hidden: false,
            has_blocked: false,
            connected_at: now,
            rooms: SmallVec::new(),
            account: None,
        }
    }

    /// The user whose record this is, if it lies at `slot`.
    pub fn id_at(&self, slot: u32) -> UserId {
        let generation = self.generation;
        UserId { slot, generation }
    }

    /// Not everybody sees them.
    pub fn is_guarded(&self) -> bool {
        self.is_hidden || self.has_blocked
    }

    pub fn name(&self) -> &Name {
        &self.name
    }

    pub fn set_name(&mut self, name: Name) {
        self.name = name;
    }

    pub fn first(&self) -> ClientId {
        self.first
    }

    /// The connections beside the first.
    pub fn further(&self) -> &[ClientId] {
        self.extras.as_ref().map_or(&[], |extras| &extras.further)
    }

    /// All connections.
    pub fn connections(&self) -> impl Iterator<Item = ClientId> {
        std::iter::once(self.first).chain(self.further().iter().copied())
    }

    /// Adds a connection.
    pub fn attach(&mut self, client: ClientId) {
        self.extras_mut().further.push(client);
    }

    /// Takes a connection from a user, unless it is the only one. If it was the first, the next becomes that.
    /// Returns whether it was taken.
    pub fn detach(&mut self, client: ClientId) -> bool {
        let Some(extras) = self.extras.as_mut().filter(|e| !e.further.is_empty()) else {
            return false;
        };
        if client == self.first {
            self.first = extras.further.remove(0);
        } else {
            extras.further.retain(|further| *further != client);
        }
        true
    }

    pub fn membership(&self, room: RoomId) -> Option<Membership> {
        self.rooms
            .iter()
            .find(|membership| membership.room == room)
            .copied()
    }

    pub fn ignores(&self, other: UserId) -> bool {
        self.ignored().contains(&other)
    }

    pub fn ignored(&self) -> &[UserId] {
        self.extras.as_ref().map_or(&[], |extras| &extras.ignored)
    }

    pub fn away(&self) -> Option<&Away> {
        self.extras.as_ref()?.away.as_ref()
    }

    pub fn away_mut(&mut self) -> Option<&mut Away> {
        self.extras.as_mut()?.away.as_mut()
    }

    /// The extras, made if there were none.
    pub fn extras_mut(&mut self) -> &mut Extras {
        self.extras.get_or_insert_default()
    }
}
