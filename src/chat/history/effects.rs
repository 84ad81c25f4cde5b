//! What follows once the archive has answered a line or a history command.

use crate::chat::archive::{Forgetting, PageRange};
use crate::chat::ids::{AccountId, ClientId, LineId, PlaceId, UserId};
use crate::chat::name::{Name, RoomName};

use super::mailbox::Wait;

/// Once a line is kept. Small: there is one for each line that is not known to be kept.
#[derive(Clone, Copy, Debug)]
pub enum LineEffect {
    /// It is answered with its number.
    Kept {
        /// The number.
        id: LineId,
    },
    /// It was answered at once, as in plain mode; if it is not kept, its author is told.
    Unheard {
        /// The author's connection.
        client: ClientId,
    },
    /// It waits for an account.
    Waits {
        /// Its number.
        id: LineId,
        /// For whom, and of whom.
        wait: Wait,
    },
    /// It is one copy of several: the last of them is followed by [`HistoryEffect::Several`].
    Copy {
        /// The number of the first copy.
        first: LineId,
        /// How many numbers behind it this one's is.
        offset: u8,
        /// If it waits: for whom, and of whom.
        waits: Option<Wait>,
    },
    /// Nothing was handed over: an answer that only keeps its order.
    Decided(Decided),
}

// With its ticket, its time and its client it fills one cache line.
const _: () = assert!(size_of::<LineEffect>() <= 24);

/// A refusal that was known at once.
#[derive(Clone, Copy, Debug)]
pub enum Decided {
    /// It was delivered, and there was no room for it in the archive's queue.
    NotKept,
    /// It was to wait, and there was no room for it in the archive's queue.
    NotDone,
    /// Too much waits for this account.
    MailboxFull(AccountId),
    /// This account's user did not take it.
    Unreached(AccountId),
}

impl LineEffect {
    /// The answer, if it does not depend on the archive.
    pub fn decided(&self) -> Option<Decided> {
        match self {
            Self::Decided(decided) => Some(*decided),
            Self::Kept { .. } | Self::Unheard { .. } | Self::Waits { .. } | Self::Copy { .. } => {
                None
            }
        }
    }

    /// The author's connection, if they were answered before the line was kept.
    pub fn unheard(&self) -> Option<ClientId> {
        match self {
            Self::Unheard { client } => Some(*client),
            Self::Kept { .. } | Self::Waits { .. } | Self::Copy { .. } | Self::Decided(_) => None,
        }
    }
}

impl HistoryEffect {
    /// Likewise, for a line to several users; once.
    pub fn take_unheard(&mut self) -> Option<ClientId> {
        match self {
            Self::Several(several) => several.unheard.take(),
            _ => None,
        }
    }
}

/// Once a change is kept.
#[derive(Debug)]
pub enum HistoryEffect {
    /// Numbers up to this one may be given.
    Reserved {
        /// The last of them.
        up_to: LineId,
    },
    /// A room is kept, or by another rule.
    KeepRoom(KeepRoom),
    /// A room's lines are no longer kept.
    UnkeepRoom {
        /// Its place.
        place: PlaceId,
        /// Its name.
        room: RoomName,
        /// Who said so.
        from: Name,
    },
    /// The topic of a kept room was set; that is told already.
    Topic {
        /// The room.
        room: RoomName,
        /// The topic.
        text: Option<Box<str>>,
    },
    /// A line to several users was kept, or not, copy by copy.
    Several(Several),
    /// Lines that waited are known to have arrived.
    Delivered {
        /// The delivery.
        delivery: UserId,
    },
    /// An account has read so far.
    Read {
        /// Where.
        place: PlaceId,
        /// The last line.
        up_to: LineId,
    },
    /// Lines are forgotten.
    Forget {
        /// Whose.
        account: AccountId,
        /// Which.
        what: Forgetting,
        /// Up to this one.
        up_to: LineId,
    },
}

/// A room that is to be kept.
#[derive(Clone, Debug)]
pub struct KeepRoom {
    /// Its place.
    pub place: PlaceId,
    /// Its name.
    pub room: RoomName,
    /// Whose it is; `None` for the lobby.
    pub owner: Option<AccountId>,
    /// For how many days.
    pub days: u32,
    /// The topic that was handed over with it.
    pub topic: Option<Box<str>>,
    /// Who said so; `None` for the operator.
    pub from: Option<Name>,
}

/// A private line to several users, of which some have accounts.
#[derive(Debug, Default)]
pub struct Several {
    /// The number of the first copy.
    pub first: Option<LineId>,
    /// Whom it did not reach, as typed.
    pub missing: Vec<Box<str>>,
    /// Who did not take it, or for whom too much waits.
    pub full: Vec<Name>,
    /// For whom too much waits.
    pub mailbox_full: Vec<Name>,
    /// For whom it waits.
    pub waiting: Vec<AccountId>,
    /// A copy that was delivered is not kept.
    pub is_unkept: bool,
    /// The author's connection, if that was answered at once.
    pub unheard: Option<ClientId>,
}

/// Once a question is answered.
#[derive(Debug)]
pub enum HistoryStep {
    /// A page.
    Page(PageStep),
    /// How many lines of each place are unread.
    Unread {
        /// Whose question it is.
        account: AccountId,
    },
    /// What was missed in a room that was just entered.
    Joined {
        /// The room.
        place: PlaceId,
        /// Its name.
        room: RoomName,
        /// Who entered.
        account: AccountId,
    },
    /// What waits for an account beside what its login has found.
    Waiting {
        /// The account.
        account: AccountId,
    },
}

impl HistoryStep {
    /// Whether it is taken even if the connection has ended that it was asked for.
    pub fn is_of_account(&self) -> bool {
        matches!(self, Self::Waiting { .. })
    }
}

/// A page that is under way.
#[derive(Clone, Debug)]
pub struct PageStep {
    /// What it is of.
    pub of: PageKind,
    /// Where it lies.
    pub range: PageRange,
    /// How many lines it may have.
    pub count: usize,
    /// The last line that can be on it.
    pub up_to: LineId,
    /// Who asked: an account, or a guest.
    pub account: Option<AccountId>,
}

/// What a page is of.
#[derive(Clone, Debug)]
pub enum PageKind {
    /// The lines of a place; with its name, if it is a room.
    Place(PlaceId, Option<RoomName>),
    /// Lines with these words, in one place or in all.
    Search(Option<(PlaceId, Option<RoomName>)>, Box<str>),
    /// An account's own lines.
    Own,
}

/// Where `/more` goes on.
#[derive(Clone, Debug)]
pub enum Cursor {
    /// There.
    At(PageStep),
    /// Nothing more lies that way.
    End,
}
