//! What must be remembered of what was said before: kept rooms, numbers of lines, what waits, marks.
//!
//! The lines themselves are the archive's. What is done with all this is in `history_commands`.

pub mod copies;
pub mod effects;
pub mod forgotten;
pub mod kept_rooms;
pub mod lines;
pub mod mailbox;
pub mod marks;
pub mod rates;

use ahash::RandomState;

use super::ids::{AccountId, ClientId, LineId, PlaceId};
use super::time::Timestamp;

use forgotten::Forgotten;
use kept_rooms::KeptRooms;
use lines::Lines;
use mailbox::Mailbox;
use marks::Marks;

pub use lines::LINES_RESERVED;

/// All that must be remembered for history.
#[derive(Debug)]
pub(super) struct History {
    pub kept: KeptRooms,
    pub lines: Lines,
    pub mailbox: Mailbox,
    pub marks: Marks,
    pub forgotten: Forgotten,
    /// Lines that are not kept, and whose authors were answered already: to be told once, all together.
    pub unheard: Vec<(ClientId, u64)>,
    /// Copies of a line to several users that are not kept: the first copy, and for whom it was to wait.
    pub failed_copies: Vec<(LineId, Option<AccountId>)>,
    /// What the server starts with is still to be asked of the archive.
    pub start_due: Timestamp,
    /// The lobby is to be kept from the start on.
    pub lobby_wanted: Option<u32>,
    /// Where the lobby's lines lie, from a start at which it was kept.
    pub lobby_place: Option<PlaceId>,
}

impl History {
    pub fn new(hasher: &RandomState) -> Self {
        Self {
            kept: KeptRooms::new(hasher),
            lines: Lines::default(),
            mailbox: Mailbox::new(hasher),
            marks: Marks::new(hasher),
            forgotten: Forgotten::default(),
            unheard: Vec::new(),
            failed_copies: Vec::new(),
            start_due: Timestamp::NEVER,
            lobby_wanted: None,
            lobby_place: None,
        }
    }

    /// When something is to be done.
    pub fn next_due(&self) -> Timestamp {
        let due = self.marks.next_due().min(self.mailbox.next_due());
        due.min(self.start_due)
    }

    /// Panics if what is remembered disagrees.
    pub fn check_invariants(&self) {
        self.kept.check_invariants();
        self.lines.check_invariants();
        self.mailbox.check_invariants();
        assert!(self.unheard.is_empty(), "they were told");
    }
}
