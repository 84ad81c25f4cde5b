//! Where things are kept, and how much.

use std::path::PathBuf;

/// Where a store's file is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StorePlace {
    /// Nothing is kept.
    Nowhere,
    /// The operator named it: if it cannot be used, the start fails.
    Named(PathBuf),
    /// Nobody named it: if it cannot be used, or there is none, one line says so.
    Default(Option<PathBuf>),
}

/// The store's place and limits.
#[derive(Clone, Debug)]
pub struct StoreConfig {
    /// Where its file is.
    pub place: StorePlace,
    /// Lines and changes on their way to the disk: some seconds of a busy server's, on a slow disk.
    pub queue_bytes_max: usize,
    /// Passwords on their way to be hashed: a little more than one second's work.
    pub hashes_max: usize,
    /// For how many days lines are kept at most.
    pub history_days_max: u32,
    /// The size of the history, past which the oldest lines go: what a small disk can spare.
    pub history_bytes_max: u64,
    /// Whether words can be searched for.
    pub search: bool,
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self {
            place: StorePlace::Nowhere,
            queue_bytes_max: 16 << 20,
            hashes_max: 64,
            history_days_max: 30,
            history_bytes_max: 2 << 30,
            search: false,
        }
    }
}
