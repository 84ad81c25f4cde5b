//! The limit of open files, and how many clients it leaves room for.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use thiserror::Error;

/// Descriptors that are not for clients: the poll, listeners, signals, log, standard streams, and
/// connections that are turned away.
pub const RESERVED_FDS: usize = 32;

/// The limit of open files leaves no room for even one client.
#[derive(Debug, Error)]
#[error(
    "the limit of open files is {limit}, and {RESERVED_FDS} are needed beside the clients; \
     raise it (ulimit -n)"
)]
pub struct TooFewDescriptors {
    limit: usize,
}

/// Raises the soft limit of open files to the hard one. Returns how many of the `wanted` clients fit.
///
/// # Errors
/// If not even one client fits.
pub fn raise_for(wanted: usize) -> Result<usize, TooFewDescriptors> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: maximum,
        maximum,
    };
    let current = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => maximum,
        Err(_) => current,
    };
    // `None` is RLIM_INFINITY.
    let limit = current.map_or(usize::MAX, |limit| {
        usize::try_from(limit).unwrap_or(usize::MAX)
    });
    match limit.saturating_sub(RESERVED_FDS) {
        0 => Err(TooFewDescriptors { limit }),
        room => Ok(wanted.min(room)),
    }
}
