//! Work on a store by its operator. What only reads works beside a daemon, too.

mod export;
mod order;

use std::io;
use std::path::Path;

use rusqlite::{Connection, OptionalExtension, params};

use crate::chat::secret::Secret;

pub use export::export;
pub use order::{ListedBan, ListedDeed, bans, deeds, set_suspended, unban};

use super::backup;
use super::database;
use super::error::StoreError;
use super::files::Files;
use super::lock::Lock;
use super::lookups;
use super::password::{self, Hasher, PasswordCost};
use super::restore;
use super::rows::unsigned;

/// What a check found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checked {
    /// The version of the database.
    pub version: i64,
    /// Open and suspended accounts.
    pub accounts: usize,
    /// Lines, with those that are still to be erased.
    pub lines: u64,
    /// Bans, with those whose time is past.
    pub bans: usize,
    /// Operators' deeds.
    pub deeds: u64,
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

/// Opens a store to change it, while no daemon has it.
fn open_to_write(path: &Path) -> Result<(Connection, Files, Lock), StoreError> {
    let files = Files::new(path, true)?;
    if !files.exist() {
        return Err(StoreError::Missing(files.path().to_owned()));
    }
    let lock = Lock::take(&files)?;
    let with_search = {
        let (connection, _) = open(path)?;
        super::search::is_there(&connection).map_err(StoreError::sqlite("read", files.path()))?
    };
    let connection = database::open(&files, with_search)?;
    Ok((connection, files, lock))
}

/// The number of an account that is not gone.
fn account_of(connection: &Connection, name: &str) -> rusqlite::Result<Option<i64>> {
    let sql = "SELECT id FROM account WHERE name = ?1 AND state <> 2";
    let found = connection.query_row(sql, [name], |row| row.get(0));
    found.optional()
}

fn no_account(name: &str) -> StoreError {
    StoreError::NoAccount(name.escape_debug().to_string())
}

/// Copies a store to a file that is not there yet.
///
/// # Errors
/// If the store cannot be read, or the copy cannot be written.
pub fn back_up(path: &Path, to: &Path) -> Result<(), StoreError> {
    let (connection, _) = open(path)?;
    backup::copy_whole(&connection, to)
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
    let sqlite = |error| StoreError::sqlite("read", files.path())(error);
    // What a daemon reads when it starts must be readable, too.
    let restored = restore::restore(&connection).map_err(sqlite)?;
    let count = |sql| connection.query_row(sql, (), |row| unsigned(row, 0));
    let lines = count("SELECT count(*) FROM message WHERE place <> 0").map_err(sqlite)?;
    Ok(Checked {
        version: super::migrations::version(&connection).map_err(sqlite)?,
        accounts: restored.accounts.len(),
        lines,
        bans: restored.bans.len(),
        deeds: lookups::deed_count(&connection).map_err(sqlite)?,
        bytes: files.bytes(),
    })
}

/// Gives an account a new password, and ends its tokens. The daemon must not run: who is logged in would
/// stay. The password is to be shown once.
///
/// # Errors
/// If there is no such account, or the store is in use or cannot be written.
pub fn reset_password(path: &Path, name: &str, cost: PasswordCost) -> Result<Secret, StoreError> {
    let (connection, files, _lock) = open_to_write(path)?;
    let sqlite = |error| StoreError::sqlite("write", files.path())(error);
    let account = account_of(&connection, name).map_err(sqlite)?;
    let account = account.ok_or_else(|| no_account(name))?;
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
    let set = "UPDATE account SET password = ?2, must_change = 0, code = NULL, code_until = NULL
               WHERE id = ?1";
    connection
        .execute(set, params![account, hash.0])
        .and_then(|_| connection.execute("DELETE FROM token WHERE account = ?1", [account]))
        .and_then(|_| order::record(&connection, "reset", name))
        .and_then(|()| connection.execute_batch("COMMIT"))
        .map_err(sqlite)?;
    super::eraser::empty_journal(&connection).map_err(sqlite)?;
    Ok(made)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::archive::PasswordHash;
    use crate::store::password::CHEAP;

    pub(super) fn made(folder: &Path) -> Files {
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
        let give_up_at = std::time::Instant::now() + std::time::Duration::from_secs(60);
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
        let deeds = deeds(files.path()).unwrap();
        assert_eq!((deeds.len(), &*deeds[0].what), (1, "reset"));
        let tokens: i64 = connection
            .query_row("SELECT count(*) FROM token", (), |row| row.get(0))
            .unwrap();
        assert_eq!(tokens, 0);
    }
}
