//! Chores of the thread that writes, for when there is time: erasing, emptying the journal, deleting old rows.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rusqlite::Connection;

use crate::chat::archive::{Change, UnixMs};

use super::eraser::{Eraser, Left};
use super::failure::Failure;
use super::queue::{Batch, Entry};
use super::retention::{ROUND_PERIOD, Retention, Rules};
use super::search::Index;
use super::worker::Shared;

/// After so many bytes, the journal is copied into the database: some megabytes of pages.
const JOURNAL_BYTES_MAX: usize = 2 << 20;

/// Bytes that a transaction counts beside its own: a few pages change in any.
const TRANSACTION_BYTES: usize = 4 << 10;

/// Between two attempts to empty the journal.
const JOURNAL_PERIOD: Duration = Duration::from_millis(50);

/// After a slice that failed, for want of room or because the database is locked.
const RETRY_PERIOD: Duration = Duration::from_secs(1);

/// Between two slices of old lines, while something else is to be done; and the shortest, while nothing is.
const RETENTION_PERIOD: Duration = Duration::from_secs(1);
const RETENTION_PAUSE: Duration = Duration::from_millis(20);

/// The first round of old lines: not while everybody comes back after a restart.
const FIRST_ROUND_AFTER: Duration = Duration::from_secs(60);

/// Work for when there is time.
#[derive(Debug)]
pub(super) struct Chores<'c> {
    pub(super) eraser: Eraser<'c>,
    retention: Retention<'c>,
    /// None of it before.
    not_before: Instant,
    journal_at: Instant,
    retention_at: Instant,
    /// Bytes in the journal, roughly.
    journal_bytes: usize,
    /// The failure that was logged; none since a slice succeeded.
    logged: Option<Failure>,
}

impl<'c> Chores<'c> {
    pub(super) fn new(
        connection: &'c Connection,
        memory: &'c Connection,
        rules: Rules,
    ) -> rusqlite::Result<Self> {
        let now = Instant::now();
        let index = || Index::new(connection, memory);
        Ok(Self {
            eraser: Eraser::new(connection, index()?)?,
            retention: Retention::new(connection, index()?, rules)?,
            not_before: now,
            journal_at: now,
            retention_at: now + FIRST_ROUND_AFTER,
            journal_bytes: 0,
            logged: None,
        })
    }

    /// Something was committed.
    pub(super) fn after_commit(&mut self, batch: &Batch) {
        self.journal_bytes += batch.bytes() + TRANSACTION_BYTES;
        if batch.entries.iter().any(leaves_traces) {
            self.eraser.notice();
        }
    }

    /// How long the thread may sleep.
    pub(super) fn wait_time(&self) -> Duration {
        let now = Instant::now();
        let until = |time: Instant| time.saturating_duration_since(now);
        let next = match self.eraser.left() {
            Left::Lines => Duration::ZERO,
            Left::Journal => until(self.journal_at),
            Left::Nothing if self.retention.is_active() => RETENTION_PAUSE,
            Left::Nothing => until(self.retention_at),
        };
        next.max(until(self.not_before))
    }

    /// Does the next bit of what is due.
    pub(super) fn run(&mut self, shared: &Shared, is_idle: bool) {
        let now = Instant::now();
        if now < self.not_before {
            return;
        }
        let done = self
            .erase(shared, now)
            .and_then(|()| self.copy_journal())
            .and_then(|()| self.delete_old(now, is_idle));
        let Err(error) = done else {
            self.logged = None;
            return;
        };
        self.eraser.roll_back();
        self.retention.end();
        self.not_before = now + RETRY_PERIOD;
        let failure = Failure::of(&error);
        if self.logged.as_ref() != Some(&failure) {
            match &failure {
                Failure::Busy => {}
                Failure::Full => log::warn!("nothing can be erased until there is room: {error}"),
                Failure::Rejected(why) => log::error!("the store cannot erase something: {why}"),
                Failure::Broken(why) => shared.break_down(why.clone()),
            }
            self.logged = Some(failure);
        }
    }

    fn erase(&mut self, shared: &Shared, now: Instant) -> rusqlite::Result<()> {
        self.eraser.slice()?;
        if self.eraser.left() == Left::Journal && now >= self.journal_at {
            self.journal_at = now + JOURNAL_PERIOD;
            if let Some(_alone) = shared.gate.try_alone() {
                // Another program may read as well: ours is not to wait for that one.
                shared.gate.release();
                if self.eraser.empty_journal()? {
                    self.journal_bytes = 0;
                }
            }
        }
        Ok(())
    }

    /// `SQLite` would do it by itself, and tell nobody if the disk fails there.
    fn copy_journal(&mut self) -> rusqlite::Result<()> {
        if self.journal_bytes >= JOURNAL_BYTES_MAX {
            self.journal_bytes = 0;
            self.eraser.copy_journal()?;
        }
        Ok(())
    }

    fn delete_old(&mut self, now: Instant, is_idle: bool) -> rusqlite::Result<()> {
        if now < self.retention_at {
            return Ok(());
        }
        if !self.retention.is_active() {
            self.retention.begin(now)?;
        }
        self.retention.slice(unix_ms())?;
        self.journal_bytes += TRANSACTION_BYTES;
        self.retention_at = now
            + match (self.retention.is_active(), is_idle) {
                (false, _) => ROUND_PERIOD,
                (true, true) => RETENTION_PAUSE,
                (true, false) => RETENTION_PERIOD,
            };
        Ok(())
    }
}

/// Whether it deletes what must not stay in the journal: lines, secrets, and what people said of themselves.
fn leaves_traces(entry: &Entry) -> bool {
    matches!(
        entry,
        Entry::Change(
            _,
            Change::Forget { .. }
                | Change::Remove { .. }
                | Change::UnkeepRoom { .. }
                | Change::DropAccount { .. }
                | Change::SetPassword { .. }
                | Change::SetCode { .. }
                | Change::DropToken { .. }
                | Change::SetProfile { .. }
                | Change::SetNotify { .. }
        )
    )
}

/// The clock's time.
pub(super) fn unix_ms() -> UnixMs {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(0))
}
