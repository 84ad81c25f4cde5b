//! Opening the database: its settings, and the checks before anything relies on it.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::error::StoreError;
use super::files::Files;
use super::{migrations, search};

/// A larger file is checked only after an end that was not clean: a gigabyte takes seconds.
const CHECKED_BYTES_MAX: u64 = 1 << 30;

/// How long a statement waits for a program of the operator's that has locked the database.
pub(super) const BUSY_TIME: Duration = Duration::from_secs(1);

/// The settings of the one connection that writes. The journal is copied into the database by the writer
/// itself, as `SQLite` would not tell of a disk that fails there.
const WRITER_PRAGMAS: &str = "
    PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA secure_delete = ON;
    PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA cache_size = -16384;
    PRAGMA temp_store = MEMORY; PRAGMA wal_autocheckpoint = 0;";

/// The settings of a connection that reads.
const READER_PRAGMAS: &str = "
    PRAGMA query_only = ON; PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;
    PRAGMA cache_size = -8192; PRAGMA temp_store = MEMORY;";

/// Opens the database to write: makes it if it is empty, checks it if it is not, brings it up to date.
pub(super) fn open(files: &Files, with_search: bool) -> Result<Connection, StoreError> {
    let path = files.path();
    files.check_database()?;
    let must_check = files.bytes() <= CHECKED_BYTES_MAX || files.were_left_open();
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)
        .and_then(|connection| {
            connection.busy_timeout(BUSY_TIME)?;
            migrations::version(&connection)?;
            Ok(connection)
        })
        .map_err(StoreError::sqlite("open", path))?;
    // The settings change the file: first, whether it is one of ours.
    migrations::versions(&connection, files, migrations::STEPS)?;
    if must_check {
        check(&connection, path)?;
    }
    connection
        .execute_batch(WRITER_PRAGMAS)
        .map_err(StoreError::sqlite("open", path))?;
    migrations::migrate(&connection, files, migrations::STEPS)?;
    search::switch(&connection, with_search).map_err(StoreError::sqlite("index", path))?;
    // What was forgotten before a crash may still stand in the journal.
    connection
        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |_| Ok(()))
        .map_err(StoreError::sqlite("write", path))?;
    Ok(connection)
}

/// Opens the database to read.
pub(super) fn open_to_read(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIME)?;
    connection.execute_batch(READER_PRAGMAS)?;
    Ok(connection)
}

/// `SQLite`'s quick check.
pub(super) fn check(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let found: String = connection
        .query_row("PRAGMA quick_check(1)", (), |row| row.get(0))
        .map_err(StoreError::sqlite("check", path))?;
    if found == "ok" {
        return Ok(());
    }
    // The first line is a heading.
    let why = found.lines().last().unwrap_or_default().to_owned();
    let path = path.to_owned();
    Err(StoreError::Damaged { path, why })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::FileExt;

    fn made(folder: &Path) -> Files {
        let files = Files::new(&folder.join("chat.db"), true).unwrap();
        files.make().unwrap();
        let connection = open(&files, false).unwrap();
        connection
            .execute_batch(
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
                 INSERT INTO message SELECT i, 1, i, 1, 'alice', 0, 'some text ' || i FROM n",
            )
            .unwrap();
        files
    }

    #[test]
    fn settings_are_those_that_promises_rest_on() {
        let temp = tempfile::tempdir().unwrap();
        let files = made(temp.path());
        let connection = open(&files, false).unwrap();
        for (name, value) in [
            ("journal_mode", "wal"),
            ("synchronous", "2"),
            ("foreign_keys", "1"),
            ("secure_delete", "1"),
            ("trusted_schema", "0"),
            ("user_version", "2"),
        ] {
            let sql = format!("SELECT CAST(x.{name} AS TEXT) FROM pragma_{name} x");
            let found: String = connection.query_row(&sql, (), |row| row.get(0)).unwrap();
            assert_eq!(found, value, "{name}");
        }
        let reader = open_to_read(files.path()).unwrap();
        reader.execute("DELETE FROM message", ()).unwrap_err();
    }

    #[test]
    fn database_of_another_program_stays_as_it_is() {
        let temp = tempfile::tempdir().unwrap();
        let files = Files::new(&temp.path().join("chat.db"), true).unwrap();
        for version in [0, 1] {
            let other = Connection::open(files.path()).unwrap();
            let sql = "CREATE TABLE IF NOT EXISTS recipe(name TEXT)";
            other.execute_batch(sql).unwrap();
            other.pragma_update(None, "user_version", version).unwrap();
            drop(other);
            let before = fs::read(files.path()).unwrap();
            let error = open(&files, false).unwrap_err();
            assert!(matches!(error, StoreError::NotOurs(_)), "{error}");
            assert_eq!(fs::read(files.path()).unwrap(), before);
        }
    }

    #[test]
    fn damaged_database_is_refused_in_one_line() {
        let temp = tempfile::tempdir().unwrap();
        let files = made(temp.path());
        let bytes = files.bytes();
        let file = fs::OpenOptions::new()
            .write(true)
            .open(files.path())
            .unwrap();
        // All but the first page, which has the schema.
        for page in 1..bytes / 4096 {
            file.write_all_at(&[0xa5; 512], page * 4096).unwrap();
        }
        let error = open(&files, false).unwrap_err();
        assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
        assert_eq!(error.to_string().lines().count(), 1, "{error}");
    }
}
