//! Erasing a line: its row is overwritten where it stands, with one of the same size that says nothing.
//!
//! To delete it would leave copies. A page that has become almost empty is merged with its neighbours, and `SQLite`
//! overwrites what it deletes, but not what it leaves behind when it moves rows: of the lines that stay, copies
//! would stand between the rows of a page, and be there after these lines are erased in their turn. So rows are
//! only deleted far from any line that stays: see [`Trimmer`].

use rusqlite::{Connection, Statement, params};

use super::search::Index;

/// The place of a row that says nothing. No room has this number.
pub(super) const NOWHERE: i64 = 0;

/// Rows that say nothing and stay before the first line that says something: more than the three pages that are
/// merged at a time can have.
const MARGIN_ROWS: i64 = 1024;

/// Rows that are deleted before the clock is looked at.
const STEP_ROWS: i64 = 256;

/// Overwrites lines, and deletes what refers to them.
#[derive(Debug)]
pub(super) struct EraseLine<'c> {
    waiting: Statement<'c>,
    sizes: Statement<'c>,
    overwrite: Statement<'c>,
    text: Statement<'c>,
    index: Option<Index<'c>>,
    blanks: String,
}

impl<'c> EraseLine<'c> {
    pub(super) fn new(
        connection: &'c Connection,
        index: Option<Index<'c>>,
    ) -> rusqlite::Result<Self> {
        Ok(Self {
            waiting: connection.prepare(
                "DELETE FROM waiting WHERE account IN (?2 >> 32, ?2 & 0xffffffff) AND message = ?1",
            )?,
            sizes: connection.prepare(
                "SELECT ifnull(author, 0), kind, octet_length(name), octet_length(text)
                 FROM message WHERE id = ?1",
            )?,
            overwrite: connection.prepare(
                "UPDATE message SET place = 0, author = NULL, name = '', kind = ?3, text = ?2 WHERE id = ?1",
            )?,
            text: connection.prepare("SELECT text FROM message WHERE id = ?1")?,
            index,
            blanks: String::new(),
        })
    }

    pub(super) fn execute(&mut self, id: i64, place: i64) -> rusqlite::Result<()> {
        self.waiting.execute([id, place])?;
        if let Some(index) = &mut self.index {
            self.text.query_row([id], |row| {
                index.delete(id, place, row.get_ref(0)?.as_str()?)
            })?;
        }
        let (kind, text_bytes) = self.sizes.query_row([id], |row| {
            let bytes = |column| row.get::<_, u32>(column).map(|bytes| bytes as usize);
            let numbers =
                number_bytes(place) + number_bytes(row.get(0)?) + number_bytes(row.get(1)?);
            let (name, text) = (bytes(2)?, bytes(3)?);
            Ok(same_size(numbers + name + text + length_bytes(text)))
        })?;
        if self.blanks.len() < text_bytes {
            self.blanks = " ".repeat(text_bytes);
        }
        let text = self.blanks.get(..text_bytes).unwrap_or_default();
        self.overwrite.execute(params![id, text, kind])?;
        Ok(())
    }
}

/// A kind, and how long a text, that take as many bytes with the text's length.
fn same_size(bytes: usize) -> (i64, usize) {
    let fits = |kind_bytes: usize| {
        (1..=4).find_map(|of_length| {
            let text = bytes.checked_sub(kind_bytes + of_length)?;
            (length_bytes(text) == of_length).then_some(text)
        })
    };
    // Where a longer text needs a longer length, one size is left out: then a kind of one byte fills it.
    let (none, one) = (fits(0), fits(1));
    none.map(|text| (0, text))
        .or(one.map(|text| (2, text)))
        .unwrap_or((0, 0))
}

/// The bytes that a number takes in a row.
fn number_bytes(number: i64) -> usize {
    let bits = 65 - if number < 0 { !number } else { number }.leading_zeros();
    match bits {
        _ if number == 0 || number == 1 => 0,
        0..=8 => 1,
        9..=16 => 2,
        17..=24 => 3,
        25..=32 => 4,
        33..=48 => 6,
        _ => 8,
    }
}

/// The bytes that the length of a text takes in a row.
fn length_bytes(text_bytes: usize) -> usize {
    match 13 + 2 * text_bytes {
        0..128 => 1,
        128..16_384 => 2,
        16_384..2_097_152 => 3,
        _ => 4,
    }
}

/// Deletes rows that say nothing, from the oldest on.
#[derive(Debug)]
pub(super) struct Trimmer<'c> {
    /// How many of the oldest rows say nothing, and which is the last to go.
    oldest: Statement<'c>,
    delete: Statement<'c>,
}

impl<'c> Trimmer<'c> {
    pub(super) fn new(connection: &'c Connection) -> rusqlite::Result<Self> {
        let oldest = format!(
            "WITH oldest AS (SELECT id, place FROM message ORDER BY id LIMIT {STEP_ROWS} + {MARGIN_ROWS})
             SELECT count(*) FILTER (WHERE place = 0),
             (SELECT max(id) FROM (SELECT id FROM oldest ORDER BY id LIMIT {STEP_ROWS})) FROM oldest"
        );
        Ok(Self {
            oldest: connection.prepare(&oldest)?,
            delete: connection.prepare("DELETE FROM message WHERE id <= ?1")?,
        })
    }

    /// Deletes a few rows. Returns whether it found any.
    pub(super) fn step(&mut self) -> rusqlite::Result<bool> {
        let (blank, last): (i64, Option<i64>) = self
            .oldest
            .query_row((), |row| Ok((row.get(0)?, row.get(1)?)))?;
        let Some(last) = last.filter(|_| blank == STEP_ROWS + MARGIN_ROWS) else {
            return Ok(false);
        };
        self.delete.execute([last])?;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::database;
    use crate::store::files::Files;

    fn made(folder: &std::path::Path) -> (Connection, Files) {
        let files = Files::new(&folder.join("chat.db"), true).unwrap();
        files.make().unwrap();
        (database::open(&files, false).unwrap(), files)
    }

    #[test]
    fn row_stands_where_it_stood_whatever_it_held() {
        let temp = tempfile::tempdir().unwrap();
        let (connection, files) = made(temp.path());
        let mut id = 0;
        for place in [
            1_i64,
            2,
            127,
            128,
            40_000,
            1 << 23,
            1 << 31,
            1 << 32 | 2,
            7 << 40,
        ] {
            for author in [None, Some(1), Some(2), Some(200), Some(70_000)] {
                for text_bytes in [1, 20, 48, 50, 57, 58, 300, 5000, 8150, 8190, 20_000] {
                    id += 1;
                    let text = "secret ".repeat(text_bytes / 7 + 1);
                    let row = params![id, place, 1_i64 << 40, author, id % 4, &text[..text_bytes]];
                    let insert = "INSERT INTO message VALUES (?1, ?2, ?3, ?4, 'alice', ?5, ?6)";
                    connection.execute(insert, row).unwrap();
                }
            }
        }
        let used = |connection: &Connection| -> Vec<(i64, i64, i64)> {
            let sql =
                "SELECT pageno, ncell, unused FROM dbstat WHERE name = 'message' ORDER BY pageno";
            let mut select = connection.prepare(sql).unwrap();
            let rows = select.query_map((), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
            rows.unwrap().map(Result::unwrap).collect()
        };
        let before = used(&connection);
        let mut erase = EraseLine::new(&connection, None).unwrap();
        let sql = "SELECT id, place FROM message";
        let rows = connection
            .prepare(sql)
            .unwrap()
            .query_map((), |row| Ok((row.get(0)?, row.get(1)?)))
            .unwrap()
            .collect::<rusqlite::Result<Vec<(i64, i64)>>>()
            .unwrap();
        for (id, place) in rows {
            erase.execute(id, place).unwrap();
        }
        assert!(used(&connection) == before);
        drop(erase);
        connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |_| Ok(()))
            .unwrap();
        let bytes = std::fs::read(files.path()).unwrap();
        for word in [&b"secret"[..], b"alice"] {
            assert!(memchr::memmem::find(&bytes, word).is_none());
        }
    }

    #[test]
    fn rows_are_deleted_only_far_from_lines_that_stay() {
        let temp = tempfile::tempdir().unwrap();
        let (connection, _) = made(temp.path());
        let fill = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4000)
            INSERT INTO message SELECT i, CASE WHEN i < 3000 THEN 0 ELSE 1 END, i, NULL, 'x', 0, 'x' FROM n";
        connection.execute(fill, ()).unwrap();
        let mut trimmer = Trimmer::new(&connection).unwrap();
        while trimmer.step().unwrap() {}
        let first: i64 = connection
            .query_row("SELECT min(id) FROM message", (), |row| row.get(0))
            .unwrap();
        let left = 3000 - first;
        assert!(
            (MARGIN_ROWS..MARGIN_ROWS + STEP_ROWS).contains(&left),
            "{left}"
        );
    }
}
