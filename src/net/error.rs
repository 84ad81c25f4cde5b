//! Why the daemon cannot start or go on, in words for its operator.

use std::io;

use thiserror::Error;

use crate::store::StoreError;

use super::rlimit::TooFewDescriptors;

/// Why the server cannot start, or cannot go on.
#[derive(Debug, Error)]
pub enum StartError {
    /// An address cannot be bound.
    #[error("cannot listen on {address}: {}", os_error_text(source))]
    Bind {
        /// The address as configured.
        address: String,
        /// The kernel's error.
        source: io::Error,
    },
    /// A descriptor that was passed is of no use.
    #[error(
        "cannot listen on descriptor {descriptor}, passed by LISTEN_FDS: it is no listening TCP or \
         Unix stream socket"
    )]
    Inherited {
        /// Its number.
        descriptor: usize,
    },
    /// The number of descriptors that were passed makes no sense.
    #[error("LISTEN_FDS is '{0}', which is no number of sockets")]
    InheritedCount(String),
    /// There are too few descriptors for even one client.
    #[error(transparent)]
    TooFewDescriptors(#[from] TooFewDescriptors),
    /// The file of bans cannot be used.
    #[error("cannot read the bans {path}: {why}")]
    Bans {
        /// The file.
        path: String,
        /// The fault.
        why: String,
    },
    /// The store cannot be used.
    #[error(transparent)]
    Store(Box<StoreError>),
    /// A system call that the server cannot do without failed.
    #[error("cannot {doing}: {}", os_error_text(source))]
    System {
        /// The purpose of the call.
        doing: &'static str,
        /// The kernel's error.
        source: io::Error,
    },
}

impl StartError {
    /// Wraps the error of a call made for `doing`; for `map_err`.
    pub fn system(doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::System { doing, source }
    }
}

/// An error's text without the errno that Rust appends: people read it.
#[must_use]
pub fn os_error_text(error: &io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error ") {
        Some(end) => text.get(..end).unwrap_or_default().to_owned(),
        None => text,
    }
}
