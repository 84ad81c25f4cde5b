//! Work on a store by its operator. All but a new password works beside a daemon, too.

use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use rusqlite::backup::Backup;
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::Serialize;

use crate::chat::archive::LineKind;
use crate::chat::ids::Place;
use crate::chat::secret::Secret;

use super::blank::NOWHERE;
use super::database;
use super::error::StoreError;
use super::files::{Files, make_private};
use super::lock::Lock;
use super::password::{self, Hasher, PasswordCost};
use super::rows::{LINE_COLUMNS, LINES, NOT_FORGOTTEN, past_line};

/// Pages that a backup copies before it lets others have the disk.
const BACKUP_STEP_PAGES: i32 = 256;

/// Between two steps of a backup.
const BACKUP_PAUSE: Duration = Duration::from_millis(1);

/// Holds on to the database as it is now: a backup begins anew whenever it finds another's change.
const AS_IT_IS_NOW: &str = "BEGIN; SELECT count(*) FROM meta";

/// What a check found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checked {
    /// The version of the database.
    pub version: i64,
    /// Open accounts.
    pub accounts: u64,
    /// Lines, with those that are still to be erased.
    pub lines: u64,
    /// The size of the file.
    pub bytes: u64,
}

/// Opens a store to read, without a change to it.
fn open(path: &Path) -> Result<(Connection, Files), StoreError> {
    let files = Files::new(path, true)?;
    if !files.exist() {
        return Err(StoreError::Missing(files.path().to_owned()));
    }
    files.check_database()?;
    let connection =
        database::open_to_read(files.path()).map_err(StoreError::sqlite("open", files.path()))?;
    super::migrations::check_version(&connection, &files)?;
    Ok((connection, files))
}

/// Copies a store to a file that is not there yet.
///
/// # Errors
/// If the store cannot be read, or the copy cannot be written.
pub fn back_up(path: &Path, to: &Path) -> Result<(), StoreError> {
    let (connection, _) = open(path)?;
    if to.exists() {
        return Err(StoreError::Exists(to.to_owned()));
    }
    make_private(to).map_err(StoreError::unusable(to))?;
    let copied = Connection::open(to).and_then(|mut copy| {
        connection.execute_batch(AS_IT_IS_NOW)?;
        let backup = Backup::new(&connection, &mut copy)?;
        backup.run_to_completion(BACKUP_STEP_PAGES, BACKUP_PAUSE, None)?;
        drop(backup);
        copy.query_row("PRAGMA journal_mode = DELETE", (), |_| Ok(()))
    });
    copied.map_err(StoreError::sqlite("write", to))
}

/// Checks a store whole.
///
/// # Errors
/// If it is damaged, or cannot be read.
pub fn check(path: &Path) -> Result<Checked, StoreError> {
    let (connection, files) = open(path)?;
    let found: String = connection
        .query_row("PRAGMA integrity_check(1)", (), |row| row.get(0))
        .map_err(StoreError::sqlite("check", files.path()))?;
    if found != "ok" {
        let why = found.lines().last().unwrap_or_default().to_owned();
        let path = files.path().to_owned();
        return Err(StoreError::Damaged { path, why });
    }
    let count = |sql| connection.query_row(sql, (), |row| super::rows::unsigned(row, 0));
    let counts = count("SELECT count(*) FROM account WHERE state = 0").and_then(|accounts| {
        Ok((
            accounts,
            count("SELECT count(*) FROM message WHERE place <> 0")?,
        ))
    });
    let (accounts, lines) = counts.map_err(StoreError::sqlite("read", files.path()))?;
    let version = super::migrations::version(&connection)
        .map_err(StoreError::sqlite("read", files.path()))?;
    Ok(Checked {
        version,
        accounts,
        lines,
        bytes: files.bytes(),
    })
}

/// Writes all lines, oldest first, a JSON object each.
///
/// # Errors
/// If the store cannot be read, or `to` cannot be written.
pub fn export(path: &Path, to: &mut dyn Write) -> Result<u64, StoreError> {
    let (connection, files) = open(path)?;
    let sqlite = |error| StoreError::sqlite("read", files.path())(error);
    let sql = format!(
        "SELECT {LINE_COLUMNS}, p.room,
         (SELECT name FROM account WHERE id = p.low), (SELECT name FROM account WHERE id = p.high)
         FROM {LINES} LEFT JOIN place p ON p.id = m.place WHERE m.place <> {NOWHERE} AND {NOT_FORGOTTEN} ORDER BY m.id"
    );
    let mut select = connection.prepare(&sql).map_err(sqlite)?;
    let mut rows = select.query(()).map_err(sqlite)?;
    let mut count = 0;
    while let Some(row) = rows.next().map_err(sqlite)? {
        let line = exported(row).map_err(sqlite)?;
        let written = serde_json::to_writer(&mut *to, &line)
            .map_err(io::Error::from)
            .and_then(|()| to.write_all(b"\n"));
        written.map_err(|source| StoreError::System {
            doing: "write the lines",
            source,
        })?;
        count += 1;
    }
    Ok(count)
}

/// A line as it is exported.
#[derive(Serialize)]
struct Exported {
    id: u64,
    time: u64,
    kind: &'static str,
    from: String,
    /// An account said it that is still there.
    account: bool,
    text: Box<str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    room: Option<String>,
    /// Null stands for an account that is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    between: Option<[Option<String>; 2]>,
}

fn exported(row: &Row<'_>) -> rusqlite::Result<Exported> {
    let line = past_line(row)?;
    let is_pair = matches!(line.place.kind(), Place::Pair(..));
    Ok(Exported {
        id: line.id.0,
        time: line.at,
        kind: match line.kind {
            LineKind::Message => "message",
            LineKind::Action => "action",
        },
        from: line.name.to_string(),
        account: line.author.is_some(),
        text: line.text,
        room: row.get(8)?,
        between: if is_pair {
            Some([row.get(9)?, row.get(10)?])
        } else {
            None
        },
    })
}

/// Gives an account a new password, and ends its tokens. The daemon must not run: who is logged in would
/// stay. The password is to be shown once.
///
/// # Errors
/// If there is no such account, or the store is in use or cannot be written.
pub fn reset_password(path: &Path, name: &str, cost: PasswordCost) -> Result<Secret, StoreError> {
    let files = Files::new(path, true)?;
    if !files.exist() {
        return Err(StoreError::Missing(files.path().to_owned()));
    }
    let _lock = Lock::take(&files)?;
    let with_search = {
        let (connection, _) = open(path)?;
        super::search::is_there(&connection).map_err(StoreError::sqlite("read", files.path()))?
    };
    let connection = database::open(&files, with_search)?;
    let sqlite = |error| StoreError::sqlite("write", files.path())(error);
    let sql = "SELECT id FROM account WHERE name = ?1 AND state <> 2";
    let found = connection.query_row(sql, [name], |row| row.get::<_, i64>(0));
    let Some(account) = found.optional().map_err(sqlite)? else {
        return Err(StoreError::NoAccount(name.escape_debug().to_string()));
    };
    let made = password::make_password();
    let hash = made.as_ref().and_then(|made| Hasher::new(cost).make(made));
    let (Some(made), Some(hash)) = (made, hash) else {
        let source = io::Error::from(io::ErrorKind::OutOfMemory);
        let doing = "make a password";
        return Err(StoreError::System { doing, source });
    };
    connection
        .execute_batch("BEGIN IMMEDIATE")
        .map_err(sqlite)?;
    let set = "UPDATE account SET password = ?2, must_change = 0 WHERE id = ?1";
    connection
        .execute(set, params![account, hash.0])
        .and_then(|_| connection.execute("DELETE FROM token WHERE account = ?1", [account]))
        .and_then(|_| connection.execute_batch("COMMIT"))
        .map_err(sqlite)?;
    super::eraser::empty_journal(&connection).map_err(sqlite)?;
    Ok(made)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::archive::PasswordHash;
    use crate::store::password::CHEAP;
    use serde_json::json;

    fn made(folder: &Path) -> Files {
        let files = Files::new(&folder.join("chat.db"), true).unwrap();
        files.make().unwrap();
        let connection = database::open(&files, false).unwrap();
        connection
            .execute_batch(
                "INSERT INTO account(id, name, password, made_at, seen_at)
                 VALUES (1, 'alice', 'x', 1, 1), (2, 'bob', 'y', 1, 1);
                 INSERT INTO token VALUES (x'01', 1, 'phone', 1, NULL);
                 INSERT INTO place(id, room, keep_days) VALUES (1, 'dev', 30);
                 INSERT INTO place(id, low, high, keep_days) VALUES (4294967298, 1, 2, 0);
                 INSERT INTO message VALUES (1, 1, 1000, 1, 'alice', 0, 'hi \"all\"'),
                   (2, 4294967298, 2000, 2, 'bob', 1, 'waves'), (3, 1, 3000, NULL, 'guest', 0, 'x'),
                   (4, 1, 4000, 1, 'alice', 0, 'forgotten');
                 INSERT INTO forgetting(account, past, up_to) VALUES (1, 3, 4);",
            )
            .unwrap();
        files
    }

    #[test]
    fn export_has_each_line_that_is_not_forgotten() {
        let temp = tempfile::tempdir().unwrap();
        let files = made(temp.path());
        let mut bytes = Vec::new();
        assert_eq!(export(files.path(), &mut bytes).unwrap(), 3);
        let lines: Vec<serde_json::Value> = String::from_utf8(bytes)
            .unwrap()
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(
            lines,
            [
                json!({"id": 1, "time": 1000, "kind": "message", "from": "alice", "account": true,
                       "text": "hi \"all\"", "room": "dev"}),
                json!({"id": 2, "time": 2000, "kind": "action", "from": "bob", "account": true,
                       "text": "waves", "between": ["alice", "bob"]}),
                json!({"id": 3, "time": 3000, "kind": "message", "from": "guest", "account": false,
                       "text": "x", "room": "dev"}),
            ]
        );
    }

    #[test]
    fn backup_is_a_store_of_its_own_and_overwrites_nothing() {
        let temp = tempfile::tempdir().unwrap();
        let files = made(temp.path());
        let _running = Lock::take(&files).unwrap();
        let to = temp.path().join("copy.db");
        back_up(files.path(), &to).unwrap();
        assert_eq!(check(&to).unwrap().lines, 4);
        let error = back_up(files.path(), &to).unwrap_err();
        assert!(error.to_string().contains("is there already"), "{error}");
    }

    #[test]
    fn backup_ends_while_a_daemon_writes_on() {
        let temp = tempfile::tempdir().unwrap();
        let files = made(temp.path());
        let writer = database::open(&files, false).unwrap();
        let rows = |from: i64, to: i64| {
            let sql =
                "WITH RECURSIVE n(i) AS (SELECT ?1 UNION ALL SELECT i + 1 FROM n WHERE i < ?2)
                 INSERT INTO message SELECT i, 1, i, 1, 'alice', 0, hex(zeroblob(500)) FROM n";
            writer.execute(sql, [from, to]).unwrap();
        };
        rows(100, 10_000);
        let to = temp.path().join("copy.db");
        let path = files.path().to_owned();
        let copying = {
            let to = to.clone();
            std::thread::spawn(move || back_up(&path, &to).unwrap())
        };
        let give_up_at = std::time::Instant::now() + Duration::from_secs(60);
        let mut next = 10_001;
        while !copying.is_finished() {
            assert!(std::time::Instant::now() < give_up_at, "it never ends");
            rows(next, next);
            next += 1;
        }
        copying.join().unwrap();
        assert!(check(&to).unwrap().lines >= 9_901);
    }

    #[test]
    fn check_tells_what_is_there_or_what_is_wrong() {
        let temp = tempfile::tempdir().unwrap();
        let files = made(temp.path());
        let checked = check(files.path()).unwrap();
        assert_eq!(
            (checked.version, checked.accounts, checked.lines),
            (2, 2, 4)
        );
        let error = check(&temp.path().join("none")).unwrap_err();
        assert!(matches!(error, StoreError::Missing(_)), "{error}");
        std::fs::write(temp.path().join("text"), "this is no database").unwrap();
        let error = check(&temp.path().join("text")).unwrap_err();
        assert!(matches!(error, StoreError::NotOurs(_)), "{error}");
    }

    #[test]
    fn reset_password_is_right_and_ends_tokens_and_needs_the_daemon_to_be_off() {
        let temp = tempfile::tempdir().unwrap();
        let files = made(temp.path());
        let running = Lock::take(&files).unwrap();
        let error = reset_password(files.path(), "alice", CHEAP).unwrap_err();
        assert!(matches!(error, StoreError::InUse(_)), "{error}");
        drop(running);
        let error = reset_password(files.path(), "carol", CHEAP).unwrap_err();
        assert!(matches!(error, StoreError::NoAccount(_)), "{error}");
        let password = reset_password(files.path(), "ALICE", CHEAP).unwrap();
        let (connection, _) = open(files.path()).unwrap();
        let hash = |id: i64| -> String {
            let sql = "SELECT password FROM account WHERE id = ?1";
            connection.query_row(sql, [id], |row| row.get(0)).unwrap()
        };
        let alices = PasswordHash(hash(1).into());
        assert!(Hasher::new(CHEAP).check(&password, Some(&alices)));
        assert_eq!(hash(2), "y");
        let tokens: i64 = connection
            .query_row("SELECT count(*) FROM token", (), |row| row.get(0))
            .unwrap();
        assert_eq!(tokens, 0);
    }
}
