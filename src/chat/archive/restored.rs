//! All that was kept when the server started.

use crate::chat::ids::{AccountId, LineId, PlaceId};
use crate::chat::name::{Name, RoomName};

use super::UnixMs;
use super::changes::Relation;
use super::order::{Ban, StoredRule};

/// What an archive had kept when the server started: all that the core decides with.
#[derive(Clone, Debug, Default)]
pub struct Restored {
    /// Open accounts.
    pub accounts: Vec<RestoredAccount>,
    /// Names that are held for their last owners, and until when.
    pub held_names: Vec<(Name, UnixMs)>,
    /// Kept rooms.
    pub rooms: Vec<RestoredRoom>,
    /// Lines that wait: for whom, of whom, how many.
    pub waiting: Vec<(AccountId, Option<AccountId>, u32)>,
    /// The highest number of an account that ever was.
    pub last_account: u32,
    /// The highest number of a kept room that ever was.
    pub last_room: u32,
    /// The last line that was reserved.
    pub reserved_up_to: LineId,
    /// The time of the last line.
    pub last_at: UnixMs,
    /// What accounts are to others, by the time that they said so.
    pub relations: Vec<(AccountId, AccountId, Relation)>,
    /// Rules of kept rooms; some may be past their time.
    pub rules: Vec<StoredRule>,
    /// Bans; some may be past their time.
    pub bans: Vec<Ban>,
    /// The highest number of a ban that ever was.
    pub last_ban: u32,
}

/// An account, as it was kept.
#[derive(Clone, Debug)]
pub struct RestoredAccount {
    /// Its number.
    pub account: AccountId,
    /// Its name.
    pub name: Name,
    /// When it was made.
    pub made_at: UnixMs,
    /// When it was used last.
    pub seen_at: UnixMs,
    /// Its settings, a bit each.
    pub settings: u32,
    /// How many tokens it has.
    pub tokens: u32,
    /// Why it is suspended, if it is; perhaps an empty text.
    pub suspended: Option<Box<str>>,
    /// What the operator's bridge is told of it.
    pub notify: Option<Box<str>>,
}

/// A kept room.
#[derive(Clone, Debug)]
pub struct RestoredRoom {
    /// Its place.
    pub place: PlaceId,
    /// Its name.
    pub room: RoomName,
    /// Whose it is.
    pub owner: Option<AccountId>,
    /// For how many days its lines are kept.
    pub days: u32,
    /// Its topic.
    pub topic: Option<Box<str>>,
    /// What only its operators may do, a bit each.
    pub locks: u32,
}
