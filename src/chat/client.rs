//! The core's record of one connection and its user.

use std::cell::Cell;
use std::collections::HashSet;
use std::mem::offset_of;
use std::num::NonZeroU32;

use ahash::RandomState;
use smallvec::SmallVec;

use super::ids::{ClientId, Peer, RoomId, UserId};
use super::member::Membership;
use super::name::Name;
use super::time::Timestamp;

/// One connection, and its user: as each has one of the other, a message finds both in the same two
/// cache lines, of which it begins the first.
#[derive(Debug)]
#[repr(C, align(64))]
pub(super) struct Client {
    // The first line has all that a private message needs of its sender and of its recipient.
    pub active_at: Timestamp,
    extras: Option<Box<Extras>>,
    /// The user's, as are their name and the next but one.
    pub reply_to: Option<UserId>,
    /// As in its [`ClientId`].
    generation: u32,
    /// As in its [`UserId`]; set with the name.
    pub user_generation: Option<NonZeroU32>,
    pub current: Option<RoomId>,
    pub name: Option<Name>,
    pub echo: bool,
    // The second line.
    /// The user wants no notices of joins and leaves.
    pub quiet: bool,
    pub connected_at: Timestamp,
    /// The user's. Most are in the lobby and perhaps one room more: they need no memory of their own.
    pub rooms: SmallVec<[Membership; 2]>,
    /// In a cell, which hides the values that it cannot have: `Option<Client>` would tell `None` by them, and
    /// every look at a client would touch this line.
    peer: Cell<Peer>,
}

// Two cache lines, as a connection of the server.
const _: () = assert!(size_of::<Client>() <= 128 && offset_of!(Client, connected_at) == 64);

/// State that most clients never set.
#[derive(Debug, Default)]
pub(super) struct Extras {
    /// By id, so that ignoring a user outlasts changes of name and ends when they leave.
    pub ignored: Vec<UserId>,
    pub away: Option<Away>,
    pub quit_text: Option<Box<str>>,
    /// The connection's: every line is said as it is.
    pub raw: bool,
    /// The connection's: it was told how a name is changed.
    pub knows_nick: bool,
}

/// A user's words on being away, and the users who were told.
#[derive(Debug)]
pub(super) struct Away {
    pub text: Box<str>,
    pub told: HashSet<UserId, RandomState>,
}

impl Client {
    pub fn new(id: ClientId, peer: Peer, now: Timestamp) -> Self {
        Self {
            generation: id.generation,
            peer: Cell::new(peer),
            connected_at: now,
            active_at: now,
            current: None,
            echo: false,
            user_generation: None,
            name: None,
            quiet: false,
            reply_to: None,
            rooms: SmallVec::new(),
            extras: None,
        }
    }

    /// The other end of the connection.
    pub fn peer(&self) -> Peer {
        self.peer.get()
    }

    /// The connection whose record this is, if it lies at `slot`.
    pub fn id_at(&self, slot: u32) -> ClientId {
        let generation = self.generation;
        ClientId { slot, generation }
    }

    /// The user whose record this is, if it lies at `slot`.
    pub fn user_at(&self, slot: u32) -> Option<UserId> {
        let generation = self.user_generation?;
        Some(UserId { slot, generation })
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

    pub fn quit_text(&self) -> Option<&str> {
        self.extras.as_ref()?.quit_text.as_deref()
    }

    pub fn is_raw(&self) -> bool {
        self.extras.as_ref().is_some_and(|extras| extras.raw)
    }

    /// The extras, made if there were none.
    pub fn extras_mut(&mut self) -> &mut Extras {
        self.extras.get_or_insert_default()
    }
}
