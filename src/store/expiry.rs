//! What operators did long ago goes, and bans and rules of rooms whose time is long past.
//!
//! A clock that leapt ahead would make all of it old: so at most a tenth of each goes in an hour.

use rusqlite::{Connection, Statement};

use crate::chat::archive::UnixMs;

use super::rows::{DAY_MS, number};

/// For how long it is kept what operators did: a year.
const DEED_DAYS: u64 = 366;

/// For how long a ban or a rule is kept whose time is past: its operator may look for it.
const PAST_DAYS: u64 = 30;

/// What may go in an hour even of a short table.
const HOURLY_ROWS_MIN: usize = 10;

/// Rows that a step deletes at most.
const STEP_ROWS: usize = 64;

/// A table, and how many of its rows may still go in this hour.
#[derive(Debug)]
struct Table<'c> {
    count: Statement<'c>,
    delete: Statement<'c>,
    days: u64,
    rows_left: usize,
}

/// Deletes it, a few rows at a time.
#[derive(Debug)]
pub(super) struct Expiry<'c> {
    tables: [Table<'c>; 3],
}

impl<'c> Expiry<'c> {
    pub(super) fn new(connection: &'c Connection) -> rusqlite::Result<Self> {
        let table = |count, delete, days| {
            Ok::<_, rusqlite::Error>(Table {
                count: connection.prepare(count)?,
                delete: connection.prepare(delete)?,
                days,
                rows_left: 0,
            })
        };
        // The oldest deeds are looked at, and not all.
        let deeds = "DELETE FROM deed WHERE id IN
            (SELECT id FROM (SELECT id, at FROM deed ORDER BY id LIMIT ?2) WHERE at < ?1)";
        let bans = "DELETE FROM ban WHERE id IN
            (SELECT id FROM ban WHERE until < ?1 ORDER BY id LIMIT ?2)";
        let rules = "DELETE FROM rule WHERE (place, account, kind) IN
            (SELECT place, account, kind FROM rule WHERE until < ?1 ORDER BY 1, 2, 3 LIMIT ?2)";
        Ok(Self {
            tables: [
                table("SELECT count(*) FROM deed", deeds, DEED_DAYS)?,
                table("SELECT count(*) FROM ban", bans, PAST_DAYS)?,
                table("SELECT count(*) FROM rule", rules, PAST_DAYS)?,
            ],
        })
    }

    /// From now on a tenth may go again.
    pub(super) fn begin_hour(&mut self) -> rusqlite::Result<()> {
        for table in &mut self.tables {
            let rows: i64 = table.count.query_row((), |row| row.get(0))?;
            let tenth = usize::try_from(rows).unwrap_or(0) / 10;
            table.rows_left = tenth.max(HOURLY_ROWS_MIN);
        }
        Ok(())
    }

    /// Deletes a few rows. Returns whether there may be more.
    pub(super) fn step(&mut self, now: UnixMs) -> rusqlite::Result<bool> {
        let mut is_more = false;
        for table in &mut self.tables {
            let end = now.saturating_sub(table.days * DAY_MS);
            let rows_max = table.rows_left.min(STEP_ROWS);
            let rows = i64::try_from(rows_max).unwrap_or(0);
            let deleted = table.delete.execute([number(end), rows])?;
            table.rows_left = table.rows_left.saturating_sub(deleted);
            is_more |= deleted > 0;
        }
        Ok(is_more)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::database;
    use crate::store::files::Files;

    const NOW: u64 = 1000 * DAY_MS;

    fn made(folder: &std::path::Path) -> Connection {
        let files = Files::new(&folder.join("chat.db"), true).unwrap();
        files.make().unwrap();
        let connection = database::open(&files, false).unwrap();
        connection
            .execute(
                "INSERT INTO place(id, room, keep_days) VALUES (1, 'dev', 30)",
                (),
            )
            .unwrap();
        connection
    }

    /// A row of each table for each of so many days, the last one today's; and one that has no end.
    fn fill(connection: &Connection, days: u64) {
        for day in 0..days {
            let at = number(NOW - day * DAY_MS);
            for sql in [
                "INSERT INTO deed(id, at, who, what) VALUES (10000 - ?1, ?2, 'boss', 'kick')",
                "INSERT INTO ban(id, kind, until, by, at) VALUES (10000 - ?1, 0, ?2, 'boss', 1)",
                "INSERT INTO rule(place, account, kind, until) VALUES (1, 10000 - ?1, 3, ?2)",
            ] {
                connection.execute(sql, [number(day), at]).unwrap();
            }
        }
        let endless = "INSERT INTO ban(id, kind, by, at) VALUES (1, 0, 'boss', 1);
                       INSERT INTO rule(place, account, kind) VALUES (1, 1, 1);";
        connection.execute_batch(endless).unwrap();
    }

    fn hour(expiry: &mut Expiry<'_>, now: u64) {
        expiry.begin_hour().unwrap();
        while expiry.step(now).unwrap() {}
    }

    fn counts(connection: &Connection) -> [i64; 3] {
        ["deed", "ban", "rule"].map(|table| {
            let sql = format!("SELECT count(*) FROM {table}");
            connection.query_row(&sql, (), |row| row.get(0)).unwrap()
        })
    }

    #[test]
    fn deeds_go_after_a_year_and_what_has_ended_after_a_month() {
        let temp = tempfile::tempdir().unwrap();
        let connection = made(temp.path());
        fill(&connection, 400);
        let mut expiry = Expiry::new(&connection).unwrap();
        for _ in 0..50 {
            hour(&mut expiry, NOW);
        }
        // Today's too, and those without an end.
        assert_eq!(counts(&connection), [367, 32, 32]);
    }

    #[test]
    fn clock_that_leapt_ahead_takes_a_tenth_an_hour() {
        let temp = tempfile::tempdir().unwrap();
        let connection = made(temp.path());
        fill(&connection, 300);
        let mut expiry = Expiry::new(&connection).unwrap();
        hour(&mut expiry, NOW * 10);
        assert_eq!(counts(&connection), [270, 271, 271]);
        while expiry.step(NOW * 10).unwrap() {}
        assert_eq!(counts(&connection), [270, 271, 271], "in the same hour");
        hour(&mut expiry, NOW * 10);
        assert_eq!(counts(&connection), [243, 244, 244]);
    }
}
