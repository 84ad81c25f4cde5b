//! Lines that were kept for long enough go, and what else is old, in slices while nothing else is to be done.
//!
//! A clock that leapt ahead would make all lines old: so at most a tenth of the file goes in an hour.

use std::time::{Duration, Instant};

use rusqlite::{Connection, OptionalExtension, Statement};

use crate::chat::archive::UnixMs;

use super::blank::{EraseLine, Trimmer};
use super::expiry::Expiry;
use super::reader::first_at;
use super::rows::{DAY_MS, ROOMS_END, number};
use super::search::Index;

/// Between the end of a round and the next.
pub(super) const ROUND_PERIOD: Duration = Duration::from_secs(3600);

/// How long a slice takes at most, but for the line that it is at.
const SLICE_TIME: Duration = Duration::from_millis(10);

/// How long a line waits for somebody who does not come.
pub(super) const WAITING_DAYS: u32 = 30;

/// Rows that are looked at before the clock is.
const STEP_ROWS: i64 = 64;

/// The bytes that a line takes beside its text, with what the indexes have of it.
const LINE_BYTES: u64 = 60;

/// What may go in an hour even of a small file.
const HOURLY_BYTES_MIN: u64 = 1 << 20;

/// For how long lines are kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    /// In conversations; and in rooms at most.
    pub(super) days: u32,
    /// The size of the file.
    pub(super) bytes_max: u64,
}

/// How far a round is.
#[derive(Clone, Copy, Debug)]
enum Stage {
    /// Lines that wait, past this account and line.
    Waiting(i64, i64),
    /// Deeds, bans and rules.
    Expired,
    /// Old lines of places, past this one.
    Places(i64),
    /// Old lines of this place.
    Place { place: i64, last: i64 },
    /// The oldest lines of all, while there are too many.
    Bytes,
    /// Rows that say nothing.
    Rows,
}

/// Deletes what is too old.
#[derive(Debug)]
pub(super) struct Retention<'c> {
    connection: &'c Connection,
    rules: Rules,
    next_waiting: Statement<'c>,
    next_place: Statement<'c>,
    old_in_place: Statement<'c>,
    oldest: Statement<'c>,
    stop_waiting: Statement<'c>,
    erase: EraseLine<'c>,
    trimmer: Trimmer<'c>,
    expiry: Expiry<'c>,
    oldest_live: i64,
    stage: Option<Stage>,
    /// Lines that went in this round.
    deleted: u64,
    hour: Hour,
}

/// What may still go.
#[derive(Clone, Copy, Debug)]
struct Hour {
    start: Option<Instant>,
    bytes_left: u64,
}

impl<'c> Retention<'c> {
    pub(super) fn new(
        connection: &'c Connection,
        index: Option<Index<'c>>,
        rules: Rules,
    ) -> rusqlite::Result<Self> {
        // What waits is kept until it has arrived, or has waited for too long.
        const NOT_WAITING: &str = "NOT EXISTS (SELECT 1 FROM waiting w
            WHERE w.account IN (m.place >> 32, m.place & 0xffffffff) AND w.message = m.id)";
        let columns = "m.id, m.place, length(m.text)";
        let old_in_place = format!(
            "SELECT {columns} FROM message m WHERE m.place = ?1 AND m.id <= ?2 AND {NOT_WAITING}
             ORDER BY m.id LIMIT {STEP_ROWS}"
        );
        let oldest = format!(
            "SELECT {columns} FROM message m WHERE m.id > ?1 AND m.place <> 0 AND {NOT_WAITING}
             ORDER BY m.id LIMIT {STEP_ROWS}"
        );
        Ok(Self {
            rules,
            next_waiting: connection.prepare(
                "SELECT account, message FROM waiting WHERE (account, message) > (?1, ?2)
                 ORDER BY account, message LIMIT ?3",
            )?,
            next_place: connection
                .prepare("SELECT id, keep_days FROM place WHERE id > ?1 ORDER BY id LIMIT 1")?,
            old_in_place: connection.prepare(&old_in_place)?,
            oldest: connection.prepare(&oldest)?,
            stop_waiting: connection
                .prepare("DELETE FROM waiting WHERE account = ?1 AND message = ?2")?,
            erase: EraseLine::new(connection, index)?,
            trimmer: Trimmer::new(connection)?,
            expiry: Expiry::new(connection)?,
            oldest_live: 0,
            connection,
            stage: None,
            deleted: 0,
            hour: Hour {
                start: None,
                bytes_left: 0,
            },
        })
    }

    /// Begins a round.
    pub(super) fn begin(&mut self, now: Instant) -> rusqlite::Result<()> {
        if self
            .hour
            .start
            .is_none_or(|start| now - start >= ROUND_PERIOD)
        {
            let bytes_left = (used_bytes(self.connection)? / 10).max(HOURLY_BYTES_MIN);
            self.hour = Hour {
                start: Some(now),
                bytes_left,
            };
            self.expiry.begin_hour()?;
        }
        self.stage = Some(Stage::Waiting(0, 0));
        self.oldest_live = 0;
        self.deleted = 0;
        Ok(())
    }

    /// Whether a round is under way.
    pub(super) fn is_active(&self) -> bool {
        self.stage.is_some()
    }

    /// Ends the round: after an error, or for want of anything to do.
    pub(super) fn end(&mut self) {
        self.stage = None;
        if !self.connection.is_autocommit() {
            let _ = self.connection.execute_batch("ROLLBACK");
        }
    }

    /// Goes on for [`SLICE_TIME`], in a transaction of its own.
    pub(super) fn slice(&mut self, now: UnixMs) -> rusqlite::Result<()> {
        let end = Instant::now() + SLICE_TIME;
        self.connection.execute_batch("BEGIN IMMEDIATE")?;
        let mut stage = self.stage;
        while let Some(current) = stage
            && Instant::now() < end
        {
            stage = self.step(current, now)?;
            if self.hour.bytes_left == 0 {
                log::warn!(
                    "old lines: {} are deleted; the rest stays for an hour, in case the clock is wrong",
                    self.deleted
                );
                stage = None;
                self.deleted = 0;
            }
        }
        self.connection.execute_batch("COMMIT")?;
        self.stage = stage;
        if stage.is_none() && self.deleted > 0 {
            log::info!("old lines: {} are deleted", self.deleted);
        }
        Ok(())
    }

    fn step(&mut self, stage: Stage, now: UnixMs) -> rusqlite::Result<Option<Stage>> {
        Ok(match stage {
            Stage::Waiting(account, line) => Some(self.step_waiting(account, line, now)?),
            Stage::Expired if self.expiry.step(now)? => Some(stage),
            Stage::Expired => Some(Stage::Places(-1)),
            Stage::Places(past) => Some(self.step_places(past, now)?),
            Stage::Place { place, last } => {
                let is_more = self.erase_lines(Some((place, last)))?;
                Some(if is_more { stage } else { Stage::Places(place) })
            }
            Stage::Bytes => {
                let is_too_large = used_bytes(self.connection)? > self.rules.bytes_max;
                let is_more = is_too_large && (self.erase_lines(None)? | self.trimmer.step()?);
                Some(if is_more { stage } else { Stage::Rows })
            }
            Stage::Rows => self.trimmer.step()?.then_some(stage),
        })
    }

    fn step_waiting(&mut self, account: i64, line: i64, now: UnixMs) -> rusqlite::Result<Stage> {
        let end = self.line_before(WAITING_DAYS, now)?;
        let rows = self
            .next_waiting
            .query_map([account, line, STEP_ROWS], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })?;
        let rows = rows.collect::<rusqlite::Result<Vec<(i64, i64)>>>()?;
        for (account, line) in rows.iter().filter(|(_, line)| *line <= end) {
            self.stop_waiting.execute([account, line])?;
        }
        if let Some((account, line)) = rows.last() {
            return Ok(Stage::Waiting(*account, *line));
        }
        let sql = "DELETE FROM held_name WHERE until < ?1";
        self.connection.execute(sql, [number(now)])?;
        Ok(Stage::Expired)
    }

    fn step_places(&mut self, past: i64, now: UnixMs) -> rusqlite::Result<Stage> {
        let row = self.next_place.query_row([past], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, u32>(1)?))
        });
        let Some((place, days)) = row.optional()? else {
            return Ok(Stage::Bytes);
        };
        // A conversation has no rule of its own.
        let days = if place < ROOMS_END {
            days.min(self.rules.days)
        } else {
            self.rules.days
        };
        let last = self.line_before(days, now)?;
        Ok(Stage::Place { place, last })
    }

    /// The last line that is older than so many days.
    fn line_before(&self, days: u32, now: UnixMs) -> rusqlite::Result<i64> {
        let time = now.saturating_sub(u64::from(days) * DAY_MS);
        Ok(first_at(self.connection, time)? - 1)
    }

    /// Erases a few lines, of a place up to a line or of all. Returns whether there may be more.
    fn erase_lines(&mut self, of: Option<(i64, i64)>) -> rusqlite::Result<bool> {
        let line = |row: &rusqlite::Row<'_>| {
            let bytes = row.get::<_, i64>(2)?.cast_unsigned();
            Ok((row.get(0)?, row.get(1)?, bytes))
        };
        let rows = match of {
            Some((place, last)) => self.old_in_place.query_map([place, last], line)?,
            None => self.oldest.query_map([self.oldest_live], line)?,
        };
        let rows = rows.collect::<rusqlite::Result<Vec<(i64, i64, u64)>>>()?;
        for (id, place, bytes) in &rows {
            if self.hour.bytes_left == 0 {
                return Ok(false);
            }
            self.erase.execute(*id, *place)?;
            if of.is_none() {
                self.oldest_live = *id;
            }
            self.deleted += 1;
            self.hour.bytes_left = self.hour.bytes_left.saturating_sub(bytes + LINE_BYTES);
        }
        Ok(!rows.is_empty())
    }
}

/// The bytes of the database that are in use.
fn used_bytes(connection: &Connection) -> rusqlite::Result<u64> {
    let sql = "SELECT (p.page_count - f.freelist_count) * s.page_size
               FROM pragma_page_count p, pragma_freelist_count f, pragma_page_size s";
    let bytes: i64 = connection.query_row(sql, (), |row| row.get(0))?;
    Ok(bytes.cast_unsigned())
}

#[cfg(test)]
mod tests;
