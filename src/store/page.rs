//! A page that is being filled with lines, and who is shown which.

use rusqlite::Rows;

use crate::chat::archive::{Answer, PageLimits, PastLine};
use crate::chat::ids::AccountId;

use super::rows::{account, is_authors_only, past_line};

/// Lines that a question looks at. Only one who leaves out nearly everybody comes near it.
pub(super) const LOOKED_AT_MAX: u64 = 100_000;

/// For whom lines are looked for.
#[derive(Debug)]
pub(super) struct Audience {
    without: Vec<AccountId>,
    reader: Option<AccountId>,
}

impl Audience {
    /// A reader, if that is an account, who is not to be shown these authors.
    pub(super) fn new(mut without: Vec<AccountId>, reader: Option<AccountId>) -> Self {
        without.sort_unstable();
        Self { without, reader }
    }

    /// Whether a line of this author is for them.
    pub(super) fn is_shown(&self, author: Option<AccountId>, is_authors_only: bool) -> bool {
        let Some(author) = author else {
            return !is_authors_only;
        };
        self.without.binary_search(&author).is_err()
            && (!is_authors_only || self.reader == Some(author))
    }
}

/// Lines, until it is full.
#[derive(Debug)]
pub(super) struct Page {
    limits: PageLimits,
    audience: Audience,
    lines: Vec<PastLine>,
    bytes: usize,
    end: bool,
}

impl Page {
    pub(super) fn new(limits: PageLimits, audience: Audience) -> Self {
        Self {
            limits,
            audience,
            lines: Vec::new(),
            bytes: 0,
            end: true,
        }
    }

    /// The page without a line.
    pub(super) fn empty() -> Answer {
        Answer::Page {
            lines: Vec::new(),
            end: true,
        }
    }

    /// Takes lines until it is full.
    pub(super) fn fill(&mut self, mut rows: Rows<'_>) -> rusqlite::Result<()> {
        let mut looked_at = 0;
        while let Some(row) = rows.next()? {
            looked_at += 1;
            if looked_at > LOOKED_AT_MAX {
                // Who asks on from the last line comes further; without one there is no way on.
                self.end = self.lines.is_empty();
                break;
            }
            if !self
                .audience
                .is_shown(account(row, 7)?, is_authors_only(row, 5)?)
            {
                continue;
            }
            let line = past_line(row)?;
            let bytes = self.bytes + line.text.len();
            let is_full =
                self.lines.len() >= self.limits.lines_max || bytes > self.limits.bytes_max;
            if is_full && !self.lines.is_empty() {
                self.end = false;
                break;
            }
            self.bytes = bytes;
            self.lines.push(line);
        }
        Ok(())
    }

    pub(super) fn oldest_first(self) -> Answer {
        Answer::Page {
            lines: self.lines,
            end: self.end,
        }
    }

    pub(super) fn newest_first(mut self) -> Answer {
        self.lines.reverse();
        self.oldest_first()
    }
}
