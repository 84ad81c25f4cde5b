//! A user in a room: the room's side of it, and the user's.

use std::num::NonZeroU32;

use super::ids::{ClientId, RoomId, UserId};
use super::outbox::Addressee;

/// A user in a room, with all that a fan-out must know of them, so that it reads one array.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Member {
    /// The connection that their copy goes to, in the slot of the user's record.
    pub client: ClientId,
    user_generation: NonZeroU32,
    /// This is their current room.
    pub current: bool,
    /// They want no join, leave and rename notices.
    pub quiet: bool,
    /// They ignore other users: a fan-out must look whether the speaker is one.
    pub filters: bool,
}

// Four to a cache line: a fan-out reads all of them.
const _: () = assert!(size_of::<Member>() <= 16);

impl Member {
    /// A member without flags: neither there at the moment, nor quiet, nor ignoring.
    pub fn new(user: UserId, client: ClientId) -> Self {
        debug_assert_eq!(user.slot, client.slot, "each has one of the other");
        Self {
            client,
            user_generation: user.generation,
            current: false,
            quiet: false,
            filters: false,
        }
    }

    pub fn user(&self) -> UserId {
        UserId {
            slot: self.client.slot,
            generation: self.user_generation,
        }
    }

    pub fn addressee(&self) -> Addressee {
        Addressee {
            client: self.client,
            in_other_room: !self.current,
        }
    }
}

/// A room that a user is in, and their place in its list of members.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Membership {
    pub room: RoomId,
    pub index: u32,
}
