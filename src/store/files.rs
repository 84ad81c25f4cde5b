//! A store's files: the database, what `SQLite` and the lock put beside it, and who may read them.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::error::StoreError;

/// Conversations are nobody's but their owner's.
const FILE_MODE: u32 = 0o600;

/// The same for the folder of a store.
const FOLDER_MODE: u32 = 0o700;

/// What a database of `SQLite`'s begins with.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// Where a store is.
#[derive(Clone, Debug)]
pub(super) struct Files {
    path: PathBuf,
    is_named: bool,
}

impl Files {
    /// The files of the store at `path`, which its operator named or nobody did.
    pub(super) fn new(path: &Path, is_named: bool) -> Result<Self, StoreError> {
        // Absolute, as SQLite would take a name that begins with "file:" for something else.
        let path = std::path::absolute(path).map_err(StoreError::unusable(path))?;
        Ok(Self { path, is_named })
    }

    /// The database.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// A file beside the database.
    pub(super) fn beside(&self, ending: &str) -> PathBuf {
        let mut path = self.path.clone().into_os_string();
        path.push(ending);
        PathBuf::from(path)
    }

    /// Whether there is a database.
    pub(super) fn exist(&self) -> bool {
        self.path.exists()
    }

    /// Whether the last daemon that used the database ended without closing it.
    pub(super) fn were_left_open(&self) -> bool {
        let log = self.beside("-wal");
        log.metadata().is_ok_and(|metadata| metadata.len() > 0)
    }

    /// The size of the database, in bytes.
    pub(super) fn bytes(&self) -> u64 {
        self.path.metadata().map_or(0, |metadata| metadata.len())
    }

    fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new("/"))
    }

    /// Whether the files could be made later, without making any now.
    pub(super) fn check_place(&self) -> Result<(), StoreError> {
        let folder = self.folder();
        let there = folder.ancestors().find(|folder| folder.exists());
        let there = there.unwrap_or(folder);
        if !there.is_dir() {
            let source = io::Error::from(io::ErrorKind::NotADirectory);
            return Err(StoreError::unusable(there)(source));
        }
        let wanted = rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK;
        rustix::fs::access(there, wanted).map_err(|error| StoreError::unusable(there)(error.into()))
    }

    /// Makes the folder. Of a path that was named only the last: more is a mistake in typing.
    pub(super) fn make_folder(&self) -> Result<(), StoreError> {
        let folder = self.folder();
        if folder.is_dir() {
            return Ok(());
        }
        let mut builder = DirBuilder::new();
        let made = builder
            .mode(FOLDER_MODE)
            .recursive(!self.is_named)
            .create(folder);
        made.map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => StoreError::NoFolder {
                path: self.path.clone(),
                folder: folder.parent().unwrap_or(folder).to_owned(),
            },
            _ => StoreError::unusable(folder)(source),
        })
    }

    /// Makes the database as an empty file, so that nobody else can read it for a moment.
    pub(super) fn make(&self) -> Result<(), StoreError> {
        make_private(&self.path).map_err(StoreError::unusable(&self.path))?;
        Ok(())
    }

    /// Checks that the database is one, and may be used, without a change.
    pub(super) fn check_database(&self) -> Result<(), StoreError> {
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(&self.path)
            .map_err(StoreError::unusable(&self.path))?;
        let mut start = Vec::with_capacity(MAGIC.len());
        let length = MAGIC.len() as u64;
        file.by_ref()
            .take(length)
            .read_to_end(&mut start)
            .map_err(StoreError::unusable(&self.path))?;
        if !start.is_empty() && start != MAGIC {
            return Err(StoreError::NotOurs(self.path.clone()));
        }
        Ok(())
    }
}

/// Opens a file that only its owner can read, and makes it if it is not there.
pub(super) fn make_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    options.mode(FILE_MODE).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn mode(path: &Path) -> u32 {
        path.metadata().unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn folder_and_database_are_private() {
        let temp = tempfile::tempdir().unwrap();
        let files = Files::new(&temp.path().join("new/chat.db"), true).unwrap();
        files.check_place().unwrap();
        assert!(!files.folder().exists(), "nothing was made");
        files.make_folder().unwrap();
        files.make().unwrap();
        assert_eq!(mode(files.folder()), 0o700);
        assert_eq!(mode(files.path()), 0o600);
    }

    #[test]
    fn folders_are_made_for_a_default_place_and_one_for_a_named_one() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("a/b/chat.db");
        let error = Files::new(&path, true).unwrap().make_folder().unwrap_err();
        assert!(matches!(error, StoreError::NoFolder { .. }), "{error}");
        assert!(error.to_string().contains("/a; make it"), "{error}");
        Files::new(&path, false).unwrap().make_folder().unwrap();
    }

    #[test]
    fn file_as_a_folder_is_told() {
        let temp = tempfile::tempdir().unwrap();
        std::fs::write(temp.path().join("file"), "").unwrap();
        let files = Files::new(&temp.path().join("file/chat.db"), false).unwrap();
        assert!(files.check_place().is_err());
        assert!(files.make_folder().is_err());
    }

    #[test]
    fn other_file_is_no_database() {
        let temp = tempfile::tempdir().unwrap();
        let files = Files::new(&temp.path().join("chat.db"), true).unwrap();
        for (bytes, is_ours) in [
            (&b""[..], true),
            (MAGIC, true),
            (b"SQLite", false),
            (b"some text that is long enough", false),
        ] {
            std::fs::write(files.path(), bytes).unwrap();
            assert_eq!(files.check_database().is_ok(), is_ours, "{bytes:?}");
        }
    }
}
