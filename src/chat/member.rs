//! That somebody is in a room: as the room knows it, and as the user does.

use super::ids::{ClientId, RoomId, UserId};
use super::outbox::Addressee;

/// One who is in a room, with what a fan-out must know of them, so that it reads one array.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Member {
    pub user: UserId,
    /// Where their copy goes.
    pub client: ClientId,
    /// This is their current room.
    pub current: bool,
    /// They want no join, leave and rename notices.
    pub quiet: bool,
    /// They ignore somebody, so that a fan-out must ask whom.
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

/// That a client is in a room, and where in the room's list of members.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Membership {
    pub room: RoomId,
    pub index: u32,
}
