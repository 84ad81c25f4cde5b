//! A lock beside the database, against a second daemon: `SQLite`'s own locks would let both write, and each
//! would give the other's numbers again.

use std::fs::File;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use super::error::StoreError;
use super::files::{Files, make_private};

/// Held until it is dropped, or the process ends.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock of a store without waiting, and makes its folder for it.
    pub(super) fn take(files: &Files) -> Result<Self, StoreError> {
        files.make_folder()?;
        let path = &files.beside(".lock");
        let file = make_private(path).map_err(StoreError::unusable(path))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self { _file: file }),
            Err(Errno::WOULDBLOCK) => Err(StoreError::InUse(files.path().to_owned())),
            Err(error) => Err(StoreError::unusable(path)(error.into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn second_lock_is_refused_until_the_first_ends() {
        let temp = tempfile::tempdir().unwrap();
        let files = Files::new(&temp.path().join("chat.db"), true).unwrap();
        let first = Lock::take(&files).unwrap();
        let metadata = files.beside(".lock").metadata().unwrap();
        assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
        let error = Lock::take(&files).unwrap_err();
        assert!(matches!(error, StoreError::InUse(_)), "{error}");
        drop(first);
        Lock::take(&files).unwrap();
    }
}
