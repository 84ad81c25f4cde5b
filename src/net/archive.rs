//! The store, as the loop has it: opened at the start, woken for, and drained at the exit.

use std::time::Duration;

use mio::Registry;

use crate::chat::archive::{Archive, NoArchive, Restored, Settled};
use crate::config::store::StoreConfig;

use super::error::StartError;

/// A store that was just opened.
#[derive(Debug)]
pub struct Opened {
    /// What the chat hands things to.
    pub archive: Box<dyn Archive>,
    /// What was kept before.
    pub restored: Restored,
    /// The loop's end.
    pub keeper: Keeper,
    /// What the operator is told at the start.
    pub note: Option<String>,
}

/// The loop's end of a store: where answers come from.
#[derive(Debug)]
pub struct Keeper;

/// Opens the store, if there is to be one. It wakes the poll behind `registry` when something is done.
///
/// # Errors
/// The store was named and cannot be used.
pub fn open(_config: &StoreConfig, _registry: &Registry) -> Result<Opened, StartError> {
    Ok(Opened {
        archive: Box::new(NoArchive),
        restored: Restored::default(),
        keeper: Keeper,
        note: None,
    })
}

impl Keeper {
    /// All that was done and not told of before.
    pub fn drain(&mut self) -> impl Iterator<Item = Settled> {
        std::iter::empty()
    }

    /// Keeps what was handed to the store, and closes its file; gives up after this time.
    pub fn close(self, _time_max: Duration) {}
}
