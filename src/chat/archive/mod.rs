//! The second way out of the core: what is to be kept, and questions about what was.
//!
//! The core decides, and remembers what it decides with; an archive keeps. Nothing here waits: each call
//! gives a [`Ticket`], and what became of it comes back as a [`Settled`], by
//! [`Chat::settle`](super::Chat::settle). Lines and changes are kept in the order of their tickets, and each
//! question sees all that was decided before it was asked.

mod changes;
mod lines;
mod order;
mod questions;
mod restored;
mod secrets;

pub use changes::{Change, ChangeAnswer, FORGOTTEN_TOLD_MAX, Forgetting, Relation};
pub use lines::{KeptLine, LineKind, PastLine};
pub use order::{Ban, BanKind, BanTarget, Deed, PastDeed, RuleKind, StoredRule};
pub use questions::{
    Answer, COUNTED_MAX, MissedLines, PageLimits, PageRange, Question, SearchPlaces,
};
pub use restored::{Restored, RestoredAccount, RestoredRoom};
pub use secrets::{HashWork, Hashed, LABEL_BYTES_MAX, Label, PasswordHash, Token, TokenHash};

/// A number of something that was handed to an archive. Later ones are larger.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticket(pub u64);

/// Milliseconds since 1970.
pub type UnixMs = u64;

/// Takes what is to be kept. `None` instead of a ticket: its queue is full, and nothing was taken.
pub trait Archive: std::fmt::Debug {
    /// Whether anything can be kept at all.
    fn is_open(&self) -> bool;

    /// Whether words can be searched for.
    fn has_search(&self) -> bool;

    /// Keeps a line. Allocates nothing when warm.
    fn keep(&mut self, line: &KeptLine<'_>) -> Option<Ticket>;

    /// Keeps a change.
    fn change(&mut self, change: Change) -> Option<Ticket>;

    /// Asks about what is kept.
    fn ask(&mut self, question: Question) -> Option<Ticket>;

    /// Makes or checks a password or a token.
    fn hash(&mut self, work: HashWork) -> Option<Ticket>;
}

/// Keeps nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoArchive;

impl Archive for NoArchive {
    fn is_open(&self) -> bool {
        false
    }

    fn has_search(&self) -> bool {
        false
    }

    fn keep(&mut self, _: &KeptLine<'_>) -> Option<Ticket> {
        None
    }

    fn change(&mut self, _: Change) -> Option<Ticket> {
        None
    }

    fn ask(&mut self, _: Question) -> Option<Ticket> {
        None
    }

    fn hash(&mut self, _: HashWork) -> Option<Ticket> {
        None
    }
}

/// Why something was not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotKept {
    /// The disk is full.
    Full,
    /// The disk fails, or the store is damaged: nothing is kept until the daemon starts anew.
    Broken,
}

/// What became of something that was handed to an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settled {
    /// Every line and change up to this ticket that was not told of before is kept.
    KeptUpTo(Ticket),
    /// The lines and changes from the first to the last of these tickets are not kept.
    NotKept {
        /// The first of them.
        first: Ticket,
        /// The last of them.
        last: Ticket,
        /// Why.
        why: NotKept,
    },
    /// What a change found, told before it is known to be kept.
    Changed(Ticket, ChangeAnswer),
    /// The answer to a question; `None` if the store cannot be read now.
    Answered(Ticket, Option<Answer>),
    /// What came of work with a secret.
    Hashed(Ticket, Hashed),
}
