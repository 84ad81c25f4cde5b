//! Forgetting: lines are out of every read once that is decided, and erased in slices between commits.

use std::time::{Duration, Instant};

use rusqlite::{Connection, OptionalExtension, Statement, params};

use crate::chat::archive::{ChangeAnswer, FORGOTTEN_TOLD_MAX, Forgetting};
use crate::chat::ids::{AccountId, LineId, PlaceId};

use super::blank::EraseLine;
use super::rows::{
    NOT_FORGOTTEN, account, account_number, line, line_number, place, place_number, unsigned,
};
use super::search::Index;

/// How long erasing may hold up a commit.
pub(super) const SLICE_TIME: Duration = Duration::from_millis(10);

/// Lines that are looked at before the clock is.
const STEP_LINES: i64 = 32;

/// Up to this many lines, those that wait are found by the lines; past it, the lines by those that wait.
const FOUND_BY_LINE_MAX: u64 = 1000;

/// Notes that an account's lines are forgotten, and tells which.
pub(super) fn forget(
    connection: &Connection,
    account: AccountId,
    what: Forgetting,
    up_to: LineId,
) -> rusqlite::Result<ChangeAnswer> {
    let author = account_number(account);
    let last = line_number(up_to);
    let (past, last, only_in) = match what {
        Forgetting::Line(id) if id <= up_to => (line_number(id) - 1, line_number(id), None),
        Forgetting::Line(_) => (0, 0, None),
        Forgetting::Last(count) => (
            past_the_newest(connection, author, last, count)?,
            last,
            None,
        ),
        Forgetting::All => (0, last, None),
        Forgetting::AllIn(place) => (0, last, Some(place_number(place))),
    };
    let range = params![author, past, last, only_in];
    let mine = "m.author = ?1 AND m.id > ?2 AND m.id <= ?3 AND (?4 IS NULL OR m.place = ?4)";
    let sql = format!("SELECT count(*) FROM message m WHERE {mine} AND {NOT_FORGOTTEN}");
    let count: i64 = connection.query_row(&sql, range, |row| row.get(0))?;
    let count = count.cast_unsigned();
    if count == 0 {
        return Ok(ChangeAnswer::Forgotten {
            count,
            lines: Vec::new(),
            waited: Vec::new(),
        });
    }
    let sql = format!(
        "SELECT place, id FROM message m WHERE {mine} AND {NOT_FORGOTTEN}
         ORDER BY id DESC LIMIT {FORGOTTEN_TOLD_MAX}"
    );
    let mut select = connection.prepare(&sql)?;
    let rows = select.query_map(range, |row| Ok((place(row, 0)?, line(row, 1)?)))?;
    let mut lines = rows.collect::<rusqlite::Result<Vec<_>>>()?;
    lines.sort_unstable();
    // A line waits for one of the two whose conversation it is in.
    let tables = if count <= FOUND_BY_LINE_MAX {
        "message m CROSS JOIN waiting w ON w.account IN (m.place >> 32, m.place & 0xffffffff)
         AND w.message = m.id"
    } else {
        "waiting w CROSS JOIN message m ON m.id = w.message"
    };
    let sql = format!(
        "SELECT w.account, count(*) FROM {tables} WHERE {mine} AND {NOT_FORGOTTEN} GROUP BY w.account"
    );
    let mut select = connection.prepare(&sql)?;
    let rows = select.query_map(range, |row| {
        Ok((row.get::<_, u32>(0)?, row.get::<_, u32>(1)?))
    })?;
    let mut waited = Vec::new();
    for row in rows {
        let (account, count) = row?;
        waited.extend(AccountId::new(account).map(|account| (account, count)));
    }
    connection.execute(
        "INSERT INTO forgetting(account, past, up_to, place) VALUES (?1, ?2, ?3, ?4)",
        range,
    )?;
    Ok(ChangeAnswer::Forgotten {
        count,
        lines,
        waited,
    })
}

/// The line before the newest `count` ones of an account.
fn past_the_newest(
    connection: &Connection,
    author: i64,
    last: i64,
    count: u32,
) -> rusqlite::Result<i64> {
    let sql = format!(
        "SELECT m.id FROM message m WHERE m.author = ?1 AND m.id <= ?2 AND {NOT_FORGOTTEN}
         ORDER BY m.id DESC LIMIT 1 OFFSET ?3"
    );
    let found = connection.query_row(&sql, params![author, last, count], |row| row.get(0));
    Ok(found.optional()?.unwrap_or(0))
}

/// Notes that all lines of a place are forgotten, whoever said them.
pub(super) fn forget_place(connection: &Connection, place: PlaceId) -> rusqlite::Result<()> {
    connection.execute(
        "INSERT INTO forgetting(place, up_to) SELECT ?1, max(id) FROM message WHERE place = ?1
         HAVING max(id) IS NOT NULL",
        [place_number(place)],
    )?;
    Ok(())
}

/// Notes that one line of a place is forgotten, whoever said it.
pub(super) fn remove(
    connection: &Connection,
    place: PlaceId,
    line: LineId,
) -> rusqlite::Result<ChangeAnswer> {
    let row = [line_number(line), place_number(place)];
    let sql = format!(
        "INSERT INTO forgetting(place, past, up_to) SELECT m.place, m.id - 1, m.id FROM message m
         WHERE m.id = ?1 AND m.place = ?2 AND {NOT_FORGOTTEN}"
    );
    let count = connection.execute(&sql, row)?;
    let sql = "SELECT account FROM waiting
               WHERE account IN (?2 >> 32, ?2 & 0xffffffff) AND message = ?1";
    let mut select = connection.prepare(sql)?;
    let rows = select.query_map(row, |row| account(row, 0))?;
    let waited = rows.collect::<rusqlite::Result<Vec<_>>>()?;
    let is_found = count > 0;
    Ok(ChangeAnswer::Forgotten {
        count: u64::from(is_found),
        lines: is_found.then_some((place, line)).into_iter().collect(),
        waited: waited
            .into_iter()
            .flatten()
            .filter(|_| is_found)
            .map(|account| (account, 1))
            .collect(),
    })
}

/// What is left to erase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Left {
    /// Nothing.
    Nothing,
    /// Lines.
    Lines,
    /// What was erased may still stand in the journal.
    Journal,
}

/// Erases what is forgotten, the oldest first.
#[derive(Debug)]
pub(super) struct Eraser<'c> {
    connection: &'c Connection,
    oldest: Statement<'c>,
    of_author: Statement<'c>,
    of_place: Statement<'c>,
    done: Statement<'c>,
    erase: EraseLine<'c>,
    /// The first on the list, and how far it is done.
    job: Option<Job>,
    left: Left,
}

#[derive(Clone, Copy, Debug)]
struct Job {
    id: i64,
    account: Option<i64>,
    place: Option<i64>,
    past: i64,
    up_to: i64,
}

impl<'c> Eraser<'c> {
    /// Goes on with what an earlier daemon left.
    pub(super) fn new(
        connection: &'c Connection,
        index: Option<Index<'c>>,
    ) -> rusqlite::Result<Self> {
        Ok(Self {
            oldest: connection.prepare(
                "SELECT id, account, place, past, up_to FROM forgetting ORDER BY id LIMIT 1",
            )?,
            of_author: connection.prepare(
                "SELECT id, place FROM message INDEXED BY message_author
                 WHERE author = ?1 AND id > ?2 AND id <= ?3 ORDER BY id LIMIT ?4",
            )?,
            of_place: connection.prepare(
                "SELECT id, place FROM message INDEXED BY message_place
                 WHERE place = ?1 AND id > ?2 AND id <= ?3 ORDER BY id LIMIT ?4",
            )?,
            done: connection.prepare("DELETE FROM forgetting WHERE id = ?1")?,
            erase: EraseLine::new(connection, index)?,
            connection,
            job: None,
            left: Left::Lines,
        })
    }

    /// Something is to be forgotten, or was deleted that must not stay in the journal.
    pub(super) fn notice(&mut self) {
        self.left = Left::Lines;
    }

    pub(super) fn left(&self) -> Left {
        self.left
    }

    /// Erases for [`SLICE_TIME`], in a transaction of its own.
    pub(super) fn slice(&mut self) -> rusqlite::Result<()> {
        if self.left != Left::Lines {
            return Ok(());
        }
        self.connection.execute_batch("BEGIN IMMEDIATE")?;
        let end = Instant::now() + SLICE_TIME;
        let mut is_all_done = false;
        while !is_all_done && Instant::now() < end {
            is_all_done = !self.step()?;
        }
        self.connection.execute_batch("COMMIT")?;
        if is_all_done {
            self.left = Left::Journal;
        }
        Ok(())
    }

    /// After a slice that failed: whatever it had done is undone.
    pub(super) fn roll_back(&mut self) {
        self.job = None;
        if !self.connection.is_autocommit() {
            let _ = self.connection.execute_batch("ROLLBACK");
        }
    }

    /// Erases a few lines. Returns whether more may be left.
    fn step(&mut self) -> rusqlite::Result<bool> {
        let job = match self.job {
            Some(job) => job,
            None => match self.next_job()? {
                Some(job) => job,
                None => return Ok(false),
            },
        };
        let range = |of| params_of(of, &job);
        let (select, of) = match (job.account, job.place) {
            (Some(account), _) => (&mut self.of_author, account),
            (None, place) => (&mut self.of_place, place.unwrap_or(0)),
        };
        let rows = select.query_map(range(of), |row| Ok((row.get(0)?, row.get(1)?)))?;
        let lines = rows.collect::<rusqlite::Result<Vec<(i64, i64)>>>()?;
        for (id, place) in &lines {
            if job.place.is_none_or(|only| only == *place) {
                self.erase.execute(*id, *place)?;
            }
        }
        self.job = lines.last().map(|(id, _)| Job { past: *id, ..job });
        if self.job.is_none() {
            self.done.execute([job.id])?;
        }
        Ok(true)
    }

    fn next_job(&mut self) -> rusqlite::Result<Option<Job>> {
        let found = self.oldest.query_row((), |row| {
            Ok(Job {
                id: row.get(0)?,
                account: row.get(1)?,
                place: row.get(2)?,
                past: row.get(3)?,
                up_to: row.get(4)?,
            })
        });
        found.optional()
    }

    /// Copies what it can of the journal into the database.
    pub(super) fn copy_journal(&self) -> rusqlite::Result<()> {
        copy_journal(self.connection)
    }

    /// Copies the journal into the database and empties it, unless somebody reads just now. Returns whether
    /// nothing is left to do.
    pub(super) fn empty_journal(&mut self) -> rusqlite::Result<bool> {
        self.connection.busy_timeout(Duration::ZERO)?;
        let emptied = empty_journal(self.connection);
        self.connection.busy_timeout(super::database::BUSY_TIME)?;
        if emptied? && self.left == Left::Journal {
            self.left = Left::Nothing;
        }
        Ok(self.left == Left::Nothing)
    }
}

/// Copies what it can of the journal into the database, and waits for nobody.
pub(super) fn copy_journal(connection: &Connection) -> rusqlite::Result<()> {
    connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", (), |_| Ok(()))
}

fn params_of(of: i64, job: &Job) -> [i64; 4] {
    [of, job.past, job.up_to, STEP_LINES]
}

/// Whether the journal is empty now.
pub(super) fn empty_journal(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |row| {
        Ok(unsigned(row, 0)? == 0)
    })
}
