//! `/backup`: a copy of the database beside it, written by a thread of its own, so that it holds up neither
//! what is kept nor who reads.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::Offset;
use rusqlite::Connection;
use rusqlite::backup::Backup;

use crate::chat::archive::UnixMs;

use super::database;
use super::error::StoreError;
use super::files::{Files, make_private};

/// Pages that a backup copies before it lets others have the disk.
const BACKUP_STEP_PAGES: i32 = 256;

/// Between two steps of a backup.
const BACKUP_PAUSE: Duration = Duration::from_millis(1);

/// Holds on to the database as it is now: a backup begins anew whenever it finds another's change.
const AS_IT_IS_NOW: &str = "BEGIN; SELECT count(*) FROM meta";

/// Writes a copy that is named for this time. Returns its name; `None` if that failed, which is logged.
pub(super) fn write(files: &Files, at: UnixMs) -> Option<Box<str>> {
    let to = files.beside(&ending(at));
    match copy(files, &to) {
        Ok(()) => {
            log::info!("the store is copied to {}", to.display());
            Some(to.file_name()?.to_string_lossy().into())
        }
        Err(error) => {
            log::error!("the store cannot be copied: {error}");
            None
        }
    }
}

/// Whatever has the copy's name is a whole copy.
fn copy(files: &Files, to: &Path) -> Result<(), StoreError> {
    if to.exists() {
        return Err(StoreError::Exists(to.to_owned()));
    }
    let mut part = to.as_os_str().to_owned();
    part.push(".part");
    let part = PathBuf::from(part);
    let copied = database::open_to_read(files.path())
        .map_err(StoreError::sqlite("open", files.path()))
        .and_then(|connection| copy_whole(&connection, &part))
        .and_then(|()| fs::rename(&part, to).map_err(StoreError::unusable(to)));
    if copied
        .as_ref()
        .is_err_and(|error| !matches!(error, StoreError::Exists(_)))
    {
        // Half a copy is of no use; one that was there before may be another's.
        let _ = fs::remove_file(&part);
    }
    copied
}

/// Copies a database to a file that is not there yet, and that only its owner reads.
pub(super) fn copy_whole(connection: &Connection, to: &Path) -> Result<(), StoreError> {
    if to.exists() {
        return Err(StoreError::Exists(to.to_owned()));
    }
    make_private(to).map_err(StoreError::unusable(to))?;
    let copied = Connection::open(to).and_then(|mut copy| {
        connection.execute_batch(AS_IT_IS_NOW)?;
        let backup = Backup::new(connection, &mut copy)?;
        backup.run_to_completion(BACKUP_STEP_PAGES, BACKUP_PAUSE, None)?;
        drop(backup);
        copy.query_row("PRAGMA journal_mode = DELETE", (), |_| Ok(()))
    });
    copied.map_err(StoreError::sqlite("write", to))
}

/// `.backup-YYYYMMDD-HHMMSS`, in UTC: names are in the order of their times.
fn ending(at: UnixMs) -> String {
    let moment = i64::try_from(at).ok();
    let moment = moment.and_then(|at| Timestamp::from_millisecond(at).ok());
    let time = Offset::UTC.to_datetime(moment.unwrap_or_default());
    format!(
        ".backup-{:04}{:02}{:02}-{:02}{:02}{:02}",
        time.year(),
        time.month(),
        time.day(),
        time.hour(),
        time.minute(),
        time.second()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copy_is_named_for_its_time() {
        assert_eq!(ending(1_700_000_000_000), ".backup-20231114-221320");
        assert_eq!(ending(0), ".backup-19700101-000000");
    }
}
