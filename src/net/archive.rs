//! The store, as the loop has it: opened at the start, woken for, and drained at the exit.

use std::fmt::Display;
use std::time::Duration;

use mio::{Registry, Waker};

use crate::chat::archive::{Archive, NoArchive, Restored, Settled};
use crate::config::store::{StoreConfig, StorePlace};
use crate::store::{Completions, PasswordCost, Store, StoreError, StoreSettings};

use super::error::StartError;
use super::listener::displayed;
use super::token::Source;

/// The store, opened or not.
#[derive(Debug)]
pub struct Opened {
    /// The chat's end.
    pub archive: Box<dyn Archive>,
    /// Everything that was kept before.
    pub restored: Restored,
    /// The loop's end.
    pub keeper: Keeper,
    /// A line for the operator at the start; none, if nothing is to be kept.
    pub note: Option<String>,
}

/// The loop's end of a store, if there is one.
#[derive(Debug)]
pub struct Keeper(Option<Running>);

#[derive(Debug)]
struct Running {
    store: Store,
    completions: Completions,
}

/// Opens the store, if there is to be one. From then on it wakes the poll behind `registry` when something is
/// done.
///
/// # Errors
/// The store was named and cannot be used, or the poll cannot be woken.
pub fn open(config: &StoreConfig, registry: &Registry) -> Result<Opened, StartError> {
    let (path, is_named) = match &config.place {
        StorePlace::Nowhere => return Ok(without_store(None)),
        StorePlace::Default(None) => {
            let why =
                "neither STATE_DIRECTORY, XDG_STATE_HOME nor HOME says where; --store FILE does";
            return Ok(without_store(Some(&why)));
        }
        StorePlace::Named(path) => (path, true),
        StorePlace::Default(Some(path)) => (path, false),
    };
    let settings = StoreSettings {
        path: path.clone(),
        is_named,
        queue_bytes_max: config.queue_bytes_max,
        hash_queue_max: config.hashes_max,
        history_days: config.history_days_max,
        history_bytes_max: config.history_bytes_max,
        search: config.search,
        password_cost: PasswordCost::default(),
    };
    let waker = Waker::new(registry, Source::Waker.into());
    let waker = waker.map_err(StartError::system("make a waker"))?;
    let wake = move || {
        if let Err(error) = waker.wake() {
            log::error!("the loop cannot be woken: {error}");
        }
    };
    match Store::open(settings, wake) {
        Ok((store, restored)) => Ok(Opened {
            archive: Box::new(store.archive()),
            restored,
            keeper: Keeper(Some(Running {
                completions: store.completions(),
                store,
            })),
            note: Some(note_of(&displayed(path), is_named || path.exists())),
        }),
        Err(error) if is_named => Err(error.into()),
        Err(error) => Ok(without_store(Some(&error))),
    }
}

fn note_of(path: &str, is_there: bool) -> String {
    let when = if is_there {
        ""
    } else {
        "\n  That file is made once there is something to keep."
    };
    format!("chinwag keeps accounts and history in {path}{when}")
}

/// Nothing can be kept, and nobody wanted that if there is a reason.
fn without_store(why: Option<&dyn Display>) -> Opened {
    Opened {
        archive: Box::new(NoArchive),
        restored: Restored::default(),
        keeper: Keeper(None),
        note: why.map(|why| format!("chinwag keeps no accounts and no history: {why}")),
    }
}

impl From<StoreError> for StartError {
    fn from(error: StoreError) -> Self {
        Self::Store(Box::new(error))
    }
}

impl Keeper {
    /// All that was done and not told of before.
    pub fn drain(&mut self) -> impl Iterator<Item = Settled> {
        let running = self.0.as_mut();
        running
            .map(|running| running.completions.drain())
            .into_iter()
            .flatten()
    }

    /// Keeps what was handed to the store, and closes its file. Gives up after this time: a disk that is stuck
    /// must not keep the process.
    pub fn close(self, time_max: Duration) {
        if let Some(running) = self.0
            && !running.store.close(time_max)
        {
            log::warn!("not all was kept in time: the disk is slow");
        }
    }
}
