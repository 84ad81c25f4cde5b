//! A user in a room: the room's side of it, and the user's.

use super::ids::{ClientId, RoomId, UserId};
use super::outbox::Addressee;

/// A user in a room, with all that a fan-out must know of them, so that it reads one array.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Member {
    pub user: UserId,
    /// The connection that their copy goes to.
    pub client: ClientId,
    /// This is their current room.
    pub current: bool,
    /// They want no join, leave and rename notices.
    pub quiet: bool,
    /// They ignore other users: a fan-out must look whether the speaker is one.
    pub filters: bool,
}

impl Member {
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
