//! A line between its delivery and its keeping.

use crate::chat::archive::Ticket;
use crate::chat::ids::{AccountId, LineId, PlaceId};

use super::effects::Several;

/// The number and place of a line that was just delivered and is to be kept. Without a number it is not.
#[derive(Clone, Copy, Debug)]
pub(in crate::chat) struct Numbered {
    pub id: Option<LineId>,
    pub place: PlaceId,
    /// The account that it is for.
    pub recipient: Option<AccountId>,
    pub author: Option<AccountId>,
    /// That account blocks the author: nobody else is ever shown it.
    pub is_authors_only: bool,
}

/// The copies of a private line to several users that are kept, and what is known of the rest.
#[derive(Debug, Default)]
pub(in crate::chat) struct Copies {
    pub several: Several,
    /// Of the last copy.
    pub ticket: Option<Ticket>,
    /// A copy is kept, waits, or was to.
    pub any: bool,
}

impl Copies {
    /// The answer depends on the archive.
    pub fn is_any(&self) -> bool {
        self.any
    }

    /// A copy waits.
    pub fn waits(&self) -> bool {
        !self.several.waiting.is_empty()
    }

    /// The number of the first copy.
    pub fn first(&self) -> Option<LineId> {
        self.several.first
    }
}
