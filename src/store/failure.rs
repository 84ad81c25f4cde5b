//! What an error of `SQLite`'s means for what was to be kept.

use rusqlite::{Error, ErrorCode, ffi};

/// Errors of writing and of growing a file. A quota that is used up is one of them, and no full disk to
/// `SQLite`. Nothing was promised of what could not be written, so that it can be tried again; of what could not
/// be synced that is not so.
const UNWRITTEN: [i32; 3] = [
    ffi::SQLITE_IOERR_WRITE,
    ffi::SQLITE_IOERR_SHMSIZE,
    ffi::SQLITE_IOERR_NOMEM,
];

/// What a transaction failed for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// Another program has locked the database; later it may go.
    Busy,
    /// There is no room; later there may be.
    Full,
    /// One row contradicts what is kept; the others do not.
    Rejected(String),
    /// Nothing written from here on can be relied on.
    Broken(String),
}

impl Failure {
    pub(super) fn of(error: &Error) -> Self {
        let text = error.to_string();
        let Error::SqliteFailure(code, _) = error else {
            return Self::Rejected(text);
        };
        match code.code {
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Self::Busy,
            ErrorCode::DiskFull | ErrorCode::OutOfMemory => Self::Full,
            _ if UNWRITTEN.contains(&code.extended_code) => Self::Full,
            ErrorCode::ConstraintViolation | ErrorCode::TooBig | ErrorCode::TypeMismatch => {
                Self::Rejected(text)
            }
            _ => Self::Broken(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failed_sync_breaks_the_store_and_a_failed_write_does_not() {
        let of = |code| Failure::of(&Error::SqliteFailure(ffi::Error::new(code), None));
        assert_eq!(of(ffi::SQLITE_FULL), Failure::Full);
        assert_eq!(of(ffi::SQLITE_IOERR_WRITE), Failure::Full);
        assert_eq!(of(ffi::SQLITE_BUSY), Failure::Busy);
        for code in [
            ffi::SQLITE_IOERR_FSYNC,
            ffi::SQLITE_IOERR_READ,
            ffi::SQLITE_CORRUPT,
            ffi::SQLITE_READONLY,
            ffi::SQLITE_NOTADB,
        ] {
            assert!(matches!(of(code), Failure::Broken(_)), "{code}");
        }
        assert!(matches!(
            of(ffi::SQLITE_CONSTRAINT_UNIQUE),
            Failure::Rejected(_)
        ));
    }
}
