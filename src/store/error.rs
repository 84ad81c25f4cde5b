//! Why a store cannot be used, in one line for its operator: which file, and what to do.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// Why a store cannot be opened, or one of its maintenance commands failed.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The folder of the file is not there, and is not one to make.
    #[error(
        "cannot keep anything in {}: there is no folder {}; make it, or name another file with --store",
        shown(path),
        shown(folder)
    )]
    NoFolder {
        /// The file.
        path: PathBuf,
        /// The folder that is missing.
        folder: PathBuf,
    },
    /// The file or its folder may not be used.
    #[error(
        "cannot use {}: {}; let this user read and write it, or name another file with --store",
        shown(path),
        plain(source)
    )]
    Unusable {
        /// The file or folder.
        path: PathBuf,
        /// The kernel's error.
        source: io::Error,
    },
    /// A copy would overwrite what is there.
    #[error("{} is there already; name a file that is not", shown(.0))]
    Exists(PathBuf),
    /// There is no such store.
    #[error("there is no store at {}; name the file with --store", shown(.0))]
    Missing(PathBuf),
    /// Another daemon has it.
    #[error("{} is in use by another chinwag; stop that one, or name another file with --store", shown(.0))]
    InUse(PathBuf),
    /// It is another kind of file.
    #[error("{} is not a database of chinwag's; move it away, or name another file with --store", shown(.0))]
    NotOurs(PathBuf),
    /// It fails `SQLite`'s check.
    #[error(
        "{} is damaged ({why}); put a backup in its place, or move it away to begin anew",
        shown(path)
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The first thing that is wrong.
        why: String,
    },
    /// A newer chinwag made it.
    #[error(
        "{} has version {found}, and this chinwag knows none above {known}; run a newer chinwag, or name another file with --store",
        shown(path)
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The newest that is known.
        known: i64,
    },
    /// An older chinwag made it, and none of this version has opened it since.
    #[error(
        "{} has version {found}, and this chinwag works with {known}; start the daemon once, which brings it up to date",
        shown(path)
    )]
    Older {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The newest that is known.
        known: i64,
    },
    /// `SQLite` fails otherwise.
    #[error(
        "cannot {doing} {}: {source}; make room on its disk and try again, or name another file with --store",
        shown(path)
    )]
    Sqlite {
        /// What was done.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// `SQLite`'s error.
        source: rusqlite::Error,
    },
    /// There is no such account.
    #[error(
        "there is no account {0} in this store; names of accounts are those that people log in by"
    )]
    NoAccount(String),
    /// There is no such ban.
    #[error("there is no ban {0} in this store; chinwag store bans lists them")]
    NoBan(u32),
    /// The kernel gives no random bytes, or no thread.
    #[error("cannot {doing}: {}; try again", plain(source))]
    System {
        /// What was done.
        doing: &'static str,
        /// The kernel's error.
        source: io::Error,
    },
}

impl StoreError {
    /// Wraps an error of `SQLite`'s; for `map_err`.
    pub(super) fn sqlite(
        doing: &'static str,
        path: &Path,
    ) -> impl FnOnce(rusqlite::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::from_sqlite(doing, path, source)
    }

    /// `SQLite`'s error, by what the operator can do about it.
    fn from_sqlite(doing: &'static str, path: PathBuf, source: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode;
        match source.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => Self::NotOurs(path),
            Some(ErrorCode::DatabaseCorrupt) => Self::Damaged {
                path,
                why: source.to_string(),
            },
            _ => Self::Sqlite {
                doing,
                path,
                source,
            },
        }
    }

    /// Wraps the kernel's error about a file or folder; for `map_err`.
    pub(super) fn unusable(path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::Unusable { path, source }
    }
}

/// A path without anything that a terminal would obey.
fn shown(path: &Path) -> String {
    let text = path.to_string_lossy();
    text.chars()
        .map(|c| if c.is_control() { '?' } else { c })
        .collect()
}

/// An error's text without the number that Rust appends: people read it.
fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    let end = text.find(" (os error ").unwrap_or(text.len());
    text.get(..end).unwrap_or_default().to_owned()
}
