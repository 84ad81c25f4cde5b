//! Questions about what is kept, and their answers.

use crate::chat::ids::{AccountId, LineId, PlaceId};

use super::UnixMs;
use super::lines::PastLine;
use super::order::PastDeed;
use super::secrets::Token;

/// A question about what is kept. `up_to` is the last line that was decided when it was asked: what is
/// said meanwhile comes live, and in no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are what the variant says")]
pub enum Question {
    /// Lines of a place, oldest first.
    Page {
        place: PlaceId,
        range: PageRange,
        up_to: LineId,
        limits: PageLimits,
        /// Lines of these authors are left out.
        without: Vec<AccountId>,
        /// Who reads it, if that is an account: lines for their authors only are left out for others.
        reader: Option<AccountId>,
    },
    /// Lines with all these words, oldest first; the newest such page, or the one before a line.
    Search {
        places: SearchPlaces,
        words: Box<str>,
        before: Option<LineId>,
        up_to: LineId,
        limits: PageLimits,
        without: Vec<AccountId>,
        reader: Option<AccountId>,
    },
    /// An account's own lines in all places, the newest such page or the one before a line; oldest first.
    Own {
        account: AccountId,
        before: Option<LineId>,
        up_to: LineId,
        limits: PageLimits,
    },
    /// What an account that comes back missed in these places after the last line that was shown to it, and
    /// the lines that wait for it.
    Arrival {
        account: AccountId,
        places: Vec<PlaceId>,
        up_to: LineId,
        without: Vec<AccountId>,
    },
    /// Lines past an account's mark: in these rooms, and in its conversations.
    Unread {
        account: AccountId,
        rooms: Vec<PlaceId>,
        up_to: LineId,
        without: Vec<AccountId>,
    },
    /// An account's tokens.
    Tokens { account: AccountId },
    /// What an account says of itself.
    Profile { account: AccountId },
    /// Deeds, the newest first, behind so many that are newer.
    Deeds { skip: u64, count: usize },
    /// All that is kept, copied to a file beside it that is named for this time.
    BackUp { at: UnixMs },
}

/// Where a page lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageRange {
    /// The newest lines.
    Newest,
    /// The newest lines before this one.
    Before(LineId),
    /// The oldest lines after this one.
    Since(LineId),
    /// The oldest lines said at this time or later.
    SinceTime(UnixMs),
}

/// Where words are searched for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SearchPlaces {
    /// In one place.
    One(PlaceId),
    /// In these rooms, and in the conversations of an account.
    All {
        /// The rooms.
        rooms: Vec<PlaceId>,
        /// The account.
        account: AccountId,
    },
}

/// How long a page may be. It has one line, even if that is too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageLimits {
    /// Lines at most.
    pub lines_max: usize,
    /// Bytes of text at most.
    pub bytes_max: usize,
}

/// The answer to a [`Question`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// To [`Question::Page`], [`Question::Search`] and [`Question::Own`].
    Page {
        /// Oldest first.
        lines: Vec<PastLine>,
        /// Nothing more lies that way.
        end: bool,
    },
    /// To [`Question::Arrival`].
    Arrival {
        /// Places without missed lines are left out, and those where nothing was shown yet.
        missed: Vec<MissedLines>,
        /// Oldest first; all of them.
        waiting: Vec<PastLine>,
    },
    /// To [`Question::Unread`]: places with unread lines, and how many, counted up to [`COUNTED_MAX`].
    Unread(Vec<(PlaceId, u64)>),
    /// To [`Question::Tokens`], by label.
    Tokens(Vec<Token>),
    /// To [`Question::Profile`].
    Profile(Option<Box<str>>),
    /// To [`Question::Deeds`].
    Deeds {
        /// The newest first.
        deeds: Vec<PastDeed>,
        /// How many there are in all.
        total: u64,
    },
    /// To [`Question::BackUp`]: the file's name, in the folder of what is kept; `None` if it could not be written.
    BackedUp(Option<Box<str>>),
}

/// Missed and unread lines are counted up to this many: nobody reads more, and the count stays quick.
pub const COUNTED_MAX: u64 = 1000;

/// Lines that an account missed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MissedLines {
    /// Where.
    pub place: PlaceId,
    /// How many, counted up to [`COUNTED_MAX`].
    pub count: u64,
    /// When the first of them was said.
    pub since: UnixMs,
}
