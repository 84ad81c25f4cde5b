//! The versions of the database, and the way from each to the next: a step is one transaction, which also
//! writes its number.

use std::io;

use rusqlite::Connection;

use super::error::StoreError;
use super::files::{Files, make_private};

/// The steps from nothing to today's version. A step that was released is never changed.
pub(super) const STEPS: &[&str] = &[include_str!("schema.sql"), include_str!("schema_2.sql")];

/// A table that only ours have.
const OUR_TABLE: &str = "forgetting";

/// Brings the database to the newest version. A copy of an older one is kept beside it.
pub(super) fn migrate(
    connection: &Connection,
    files: &Files,
    steps: &[&str],
) -> Result<(), StoreError> {
    let path = files.path();
    let (found, known) = versions(connection, files, steps)?;
    if 0 < found && found < known {
        keep_copy(connection, files, found)?;
    }
    for (step, number) in steps.iter().zip(1_i64..) {
        if number > found {
            let sql = format!("BEGIN IMMEDIATE; {step}; PRAGMA user_version = {number}; COMMIT;");
            connection
                .execute_batch(&sql)
                .map_err(StoreError::sqlite("bring up to date", path))?;
        }
    }
    Ok(())
}

/// Checks that a database is of today's version: for those who only read.
pub(super) fn check_version(connection: &Connection, files: &Files) -> Result<(), StoreError> {
    let (found, known) = versions(connection, files, STEPS)?;
    if found < known {
        let path = files.path().to_owned();
        return Err(StoreError::Older { path, found, known });
    }
    Ok(())
}

/// The version that a database has, and the newest that is known. One that is newer, or another program's, is
/// refused.
pub(super) fn versions(
    connection: &Connection,
    files: &Files,
    steps: &[&str],
) -> Result<(i64, i64), StoreError> {
    let path = files.path();
    let known = i64::try_from(steps.len()).unwrap_or(i64::MAX);
    let found = version(connection).map_err(StoreError::sqlite("read", path))?;
    if found > known {
        let path = path.to_owned();
        return Err(StoreError::Newer { path, found, known });
    }
    if !is_ours(connection, found).map_err(StoreError::sqlite("read", path))? {
        return Err(StoreError::NotOurs(path.to_owned()));
    }
    Ok((found, known))
}

/// The version of a database; 0 if it is empty.
pub(super) fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("PRAGMA user_version", (), |row| row.get(0))
}

fn is_ours(connection: &Connection, version: i64) -> rusqlite::Result<bool> {
    let sql = "SELECT count(*), count(*) FILTER (WHERE name = ?1) FROM sqlite_schema";
    let (all, ours): (i64, i64) =
        connection.query_row(sql, [OUR_TABLE], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(if version == 0 { all == 0 } else { ours == 1 })
}

/// Copies the database as it is to `FILE.vN`.
fn keep_copy(connection: &Connection, files: &Files, version: i64) -> Result<(), StoreError> {
    let copy = files.beside(&format!(".v{version}"));
    // A copy that an earlier attempt left may be incomplete.
    match std::fs::remove_file(&copy) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(StoreError::unusable(&copy)(error));
        }
        _ => {}
    }
    make_private(&copy).map_err(StoreError::unusable(&copy))?;
    connection
        .execute("VACUUM INTO ?1", [copy.to_string_lossy()])
        .map_err(StoreError::sqlite("copy the old version to", &copy))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    const FIRST: &str = "CREATE TABLE forgetting(id INTEGER); CREATE TABLE t(x)";
    const SECOND: &str = "ALTER TABLE t ADD COLUMN y; UPDATE t SET y = x + 1";
    const FAILING: &str = "CREATE TABLE u(z); INSERT INTO nowhere VALUES (1)";

    fn open(folder: &Path) -> (Connection, Files) {
        let files = Files::new(&folder.join("chat.db"), true).unwrap();
        (Connection::open(files.path()).unwrap(), files)
    }

    #[test]
    fn database_is_brought_up_step_by_step_and_its_old_version_is_kept() {
        let temp = tempfile::tempdir().unwrap();
        let (connection, files) = open(temp.path());
        migrate(&connection, &files, &[FIRST]).unwrap();
        assert!(!files.beside(".v0").exists(), "nothing was worth a copy");
        connection.execute("INSERT INTO t VALUES (1)", ()).unwrap();
        std::fs::write(files.beside(".v1"), "half a copy").unwrap();
        for _ in 0..2 {
            migrate(&connection, &files, &[FIRST, SECOND]).unwrap();
        }
        let y: i64 = connection
            .query_row("SELECT y FROM t", (), |row| row.get(0))
            .unwrap();
        assert_eq!((y, version(&connection).unwrap()), (2, 2));
        let copy = Connection::open(files.beside(".v1")).unwrap();
        assert_eq!(version(&copy).unwrap(), 1);
        copy.query_row("SELECT x FROM t", (), |_| Ok(())).unwrap();
    }

    #[test]
    fn step_that_fails_changes_nothing() {
        let temp = tempfile::tempdir().unwrap();
        let (connection, files) = open(temp.path());
        migrate(&connection, &files, &[FIRST]).unwrap();
        migrate(&connection, &files, &[FIRST, FAILING]).unwrap_err();
        drop(connection);
        let (connection, files) = open(temp.path());
        assert_eq!(version(&connection).unwrap(), 1);
        migrate(&connection, &files, &[FIRST, SECOND]).unwrap();
    }

    #[test]
    fn newer_database_is_refused_with_both_numbers() {
        let temp = tempfile::tempdir().unwrap();
        let (connection, files) = open(temp.path());
        connection.pragma_update(None, "user_version", 7).unwrap();
        let error = migrate(&connection, &files, &[FIRST]).unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains("version 7") && text.contains("above 1"),
            "{text}"
        );
    }

    #[test]
    fn database_of_another_program_is_refused() {
        for version in [0, 1] {
            let temp = tempfile::tempdir().unwrap();
            let (connection, files) = open(temp.path());
            connection.execute("CREATE TABLE other(x)", ()).unwrap();
            connection
                .pragma_update(None, "user_version", version)
                .unwrap();
            let error = migrate(&connection, &files, &[FIRST]).unwrap_err();
            assert!(matches!(error, StoreError::NotOurs(_)), "{error}");
        }
    }
}
