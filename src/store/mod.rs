//! What is kept: accounts, and lines of kept rooms and of conversations between accounts, in a database of
//! `SQLite`'s.
//!
//! A [`StoreHandle`] takes everything without waiting and packs it into a bounded queue; three threads do the
//! rest, and what became of it comes back by [`Completions`]. Lines and changes are committed in groups, in
//! their order. **A question sees everything that was decided before it was asked**: it takes its place in the
//! same queue, and is handed to the reader when all before it is committed; the marks that it counts from are
//! those of that moment, even if the next change moves them. A page that is slow holds up no commit.
//!
//! Nothing is made on the disk before there is something to keep, except where an operator named the file.
//! Only this folder knows `SQLite` and Argon2.

mod accounts;
mod backup;
mod blank;
mod chores;
mod chunk;
mod completions;
mod database;
mod eraser;
mod error;
mod expiry;
mod failure;
mod files;
mod handle;
mod hashing;
mod lock;
mod lookups;
pub mod maintenance;
mod migrations;
mod order;
mod page;
mod password;
mod people;
mod queue;
mod reader;
mod restore;
mod retention;
mod rows;
mod search;
#[cfg(test)]
mod tests;
mod worker;
mod writer;
mod writing;

use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::Duration;

use crate::chat::archive::Restored;

pub use completions::Completions;
pub use error::StoreError;
pub use handle::StoreHandle;
pub use password::PasswordCost;

use completions::CompletionQueue;
use files::Files;
use lock::Lock;
use queue::Queue;
use retention::Rules;
use worker::Shared;
use writing::Writing;

/// Questions that may be unanswered: past it they are refused, as the answers would come too late.
const QUESTIONS_MAX: usize = 1024;

/// Where a store is, and what it may cost.
#[derive(Clone, Debug)]
pub struct StoreSettings {
    /// The database.
    pub path: PathBuf,
    /// Its operator named it: then it must work. A default place is made when there is something to keep.
    pub is_named: bool,
    /// Bytes that may wait for the disk.
    pub queue_bytes_max: usize,
    /// Passwords that may wait to be hashed: a second's worth.
    pub hash_queue_max: usize,
    /// For how many days lines are kept, unless a room says fewer.
    pub history_days: u32,
    /// How large the database may become before the oldest lines go.
    pub history_bytes_max: u64,
    /// Whether words can be searched for.
    pub search: bool,
    /// What hashing a password costs.
    pub password_cost: PasswordCost,
}

impl StoreSettings {
    /// The usual settings for a store at `path`.
    #[must_use]
    pub fn new(path: PathBuf, is_named: bool) -> Self {
        Self {
            path,
            is_named,
            queue_bytes_max: 16 << 20,
            hash_queue_max: 64,
            history_days: 30,
            history_bytes_max: 2 << 30,
            search: false,
            password_cost: PasswordCost::default(),
        }
    }
}

/// A store and its threads. Dropped without [`Store::close`], it still keeps what it was given, later.
#[derive(Debug)]
pub struct Store {
    shared: Arc<Shared>,
    /// Nothing ever comes, but its end: when the writer has, which is the last.
    ended: Receiver<Infallible>,
}

impl Store {
    /// Opens a store, and reads what the core needs. `wake` is called from other threads when something is
    /// done, and not again before it was drained.
    ///
    /// # Errors
    /// If the file or its folder cannot be used, is another daemon's, is damaged or too new.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "they are the store's from here on"
    )]
    pub fn open(
        settings: StoreSettings,
        wake: impl Fn() + Send + 'static,
    ) -> Result<(Self, Restored), StoreError> {
        let files = Files::new(&settings.path, settings.is_named)?;
        let exist = files.exist();
        let lock = if exist || settings.is_named {
            Some(Lock::take(&files)?)
        } else {
            files.check_place()?;
            None
        };
        let (connection, restored) = if exist {
            let connection = database::open(&files, settings.search)?;
            let restored =
                restore::restore(&connection).map_err(StoreError::sqlite("read", files.path()))?;
            (Some(connection), restored)
        } else {
            (None, Restored::default())
        };
        let shared = Arc::new(Shared::new(
            Queue::new(settings.queue_bytes_max),
            Arc::new(CompletionQueue::new(wake)),
            QUESTIONS_MAX,
            settings.hash_queue_max,
            settings.search,
        ));
        let ended = start(&settings, &shared, files, lock, connection).map_err(|source| {
            StoreError::System {
                doing: "start the store's threads",
                source,
            }
        })?;
        Ok((Self { shared, ended }, restored))
    }

    /// The core's end.
    #[must_use]
    pub fn archive(&self) -> StoreHandle {
        StoreHandle::new(Arc::clone(&self.shared))
    }

    /// The loop's end.
    #[must_use]
    pub fn completions(&self) -> Completions {
        Completions::new(Arc::clone(&self.shared.completions))
    }

    /// Why nothing is kept any longer; `None` as long as all is well.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        self.shared.trouble()
    }

    /// The bytes that wait for the disk.
    #[must_use]
    pub fn waiting_bytes(&self) -> usize {
        self.shared.queue.bytes()
    }

    /// Keeps what it was given, and ends; questions are no longer answered. Returns whether that was done in
    /// time: a disk that is stuck must not keep the daemon from ending.
    #[must_use]
    pub fn close(self, time_max: Duration) -> bool {
        self.shared.close();
        self.ended.recv_timeout(time_max) == Err(RecvTimeoutError::Disconnected)
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.shared.close();
    }
}

/// Starts the threads.
fn start(
    settings: &StoreSettings,
    shared: &Arc<Shared>,
    files: Files,
    lock: Option<Lock>,
    connection: Option<rusqlite::Connection>,
) -> std::io::Result<Receiver<Infallible>> {
    let (running, ended) = mpsc::channel();
    let (serving, served) = mpsc::channel();
    let (to_reader, errands) = mpsc::channel();
    let (to_hasher, works) = mpsc::channel();
    let reading = files.clone();
    worker::start("store-read", shared, serving.clone(), move |shared| {
        worker::run_reader(shared, &reading, &errands);
    })?;
    let (hashing, cost) = (files.clone(), settings.password_cost);
    worker::start("store-hash", shared, serving, move |shared| {
        hashing::run(shared, &hashing, cost, &works);
    })?;
    let writing = Writing {
        shared: Arc::clone(shared),
        files,
        rules: Rules {
            days: settings.history_days,
            bytes_max: settings.history_bytes_max,
        },
        to_reader,
        to_hasher,
        served,
        lock,
    };
    worker::start("store-write", shared, running, move |_| {
        writing.run(connection);
    })?;
    Ok(ended)
}
