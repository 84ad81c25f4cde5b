//! A user in a room: the room's side of it, and the user's.

use std::num::NonZeroU32;

use super::ids::{ClientId, RoomId, UserId};
use super::outbox::{Addressee, Call};

/// A connection of a user in a room, with all that a fan-out must know of both, so that it reads one array.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Member {
    /// The connection that their copy goes to.
    pub client: ClientId,
    user_generation: NonZeroU32,
    /// The slot of the user's record, above the flags.
    slot_and_flags: u32,
}

// Four to a cache line: a fan-out reads all of them.
const _: () = assert!(size_of::<Member>() <= 16);

const CURRENT: u32 = 1;
const QUIET: u32 = 1 << 1;
const FILTERS: u32 = 1 << 2;
const MENTIONS: u32 = 1 << 3;
const FLAG_BITS: u32 = 4;

/// A user as a member is flagged.
#[derive(Clone, Copy, Debug, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one fact about a member"
)]
pub(super) struct MemberFlags {
    /// This is the connection's current room.
    pub current: bool,
    /// They want no join, leave and rename notices.
    pub quiet: bool,
    /// They ignore other users: a fan-out must look whether the speaker is one.
    pub filters: bool,
    /// They want to know when a line has their name: a speaker's words must be looked up.
    pub mentions: bool,
}

impl Member {
    pub fn new(user: UserId, client: ClientId, flags: MemberFlags) -> Self {
        // Records of a quarter of a billion users do not fit into memory.
        debug_assert!(user.slot >> (u32::BITS - FLAG_BITS) == 0, "slots are small");
        let MemberFlags {
            current,
            quiet,
            filters,
            mentions,
        } = flags;
        let current = if current { CURRENT } else { 0 };
        let quiet = if quiet { QUIET } else { 0 };
        let filters = if filters { FILTERS } else { 0 };
        let mentions = if mentions { MENTIONS } else { 0 };
        Self {
            client,
            user_generation: user.generation,
            slot_and_flags: user.slot << FLAG_BITS | current | quiet | filters | mentions,
        }
    }

    pub fn user(&self) -> UserId {
        UserId {
            slot: self.slot_and_flags >> FLAG_BITS,
            generation: self.user_generation,
        }
    }

    /// Whether this is the connection's current room.
    pub fn is_current(&self) -> bool {
        self.slot_and_flags & CURRENT != 0
    }

    pub fn is_quiet(&self) -> bool {
        self.slot_and_flags & QUIET != 0
    }

    /// Whether they ignore other users.
    pub fn filters(&self) -> bool {
        self.slot_and_flags & FILTERS != 0
    }

    /// Whether they want to know when a line has their name.
    pub fn wants_mentions(&self) -> bool {
        self.slot_and_flags & MENTIONS != 0
    }

    /// As one who gets a line that nobody says.
    pub fn addressee(&self) -> Addressee {
        self.called(Call::None)
    }

    /// As one who gets a line that concerns them like this.
    pub fn called(&self, call: Call) -> Addressee {
        Addressee {
            client: self.client,
            in_other_room: !self.is_current(),
            call,
        }
    }
}

/// A room that a user is in, and their place in its list of members.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Membership {
    pub room: RoomId,
    pub index: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn member_keeps_a_high_slot_beside_its_flags() {
        let slot = (1 << 28) - 1;
        let generation = NonZeroU32::MAX;
        let user = UserId { slot, generation };
        let client = ClientId {
            slot: 7,
            generation: 8,
        };
        for bits in 0..16 {
            let flags = MemberFlags {
                current: bits & 1 != 0,
                quiet: bits & 2 != 0,
                filters: bits & 4 != 0,
                mentions: bits & 8 != 0,
            };
            let member = Member::new(user, client, flags);
            assert_eq!((member.user(), member.client), (user, client));
            assert_eq!(member.is_current(), flags.current);
            assert_eq!(member.addressee().in_other_room, !flags.current);
            assert_eq!(member.is_quiet(), flags.quiet);
            assert_eq!(member.filters(), flags.filters);
            assert_eq!(member.wants_mentions(), flags.mentions);
        }
    }
}
