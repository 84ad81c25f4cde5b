//! Lines on their way to the archive, and from it.

use crate::chat::ids::{AccountId, LineId, PlaceId};
use crate::chat::name::Name;

use super::UnixMs;

/// How a line was said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineKind {
    /// Text.
    Message,
    /// `/me`.
    Action,
}

/// A line on its way to the archive.
#[derive(Clone, Copy, Debug)]
pub struct KeptLine<'a> {
    /// Larger than that of every line before it.
    pub id: LineId,
    /// Where it was said.
    pub place: PlaceId,
    /// When; never before that of an earlier line.
    pub at: UnixMs,
    /// Who said it; `None` for a guest.
    pub author: Option<AccountId>,
    /// The author's name at that time.
    pub name: Name,
    /// How it was said.
    pub kind: LineKind,
    /// The line.
    pub text: &'a str,
    /// An account that is not here, and is to get it when it is.
    pub waits_for: Option<AccountId>,
    /// The other of a conversation blocks the author: only the author is ever shown it.
    pub is_authors_only: bool,
}

/// A line that was kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastLine {
    /// Its number.
    pub id: LineId,
    /// Where it was said.
    pub place: PlaceId,
    /// When.
    pub at: UnixMs,
    /// Who said it; `None` for a guest, and for an account that is gone.
    pub author: Option<AccountId>,
    /// The author's name at that time.
    pub name: Name,
    /// How it was said.
    pub kind: LineKind,
    /// The line.
    pub text: Box<str>,
}
