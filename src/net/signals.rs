//! The signals that the daemon acts on, and those it must survive.

use std::io;
use std::sync::Arc;

use mio::{Interest, Registry, Token};
use nix::sys::signal::{SigSet, Signal};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2, SIGXFSZ};
use signal_hook_mio::v1_0;

/// Signals whose default action is to terminate, ignored here: other daemons take the first two for
/// a request, and the third says that the log file has reached a limit of size.
const IGNORED_SIGNALS: [i32; 3] = [SIGUSR1, SIGUSR2, SIGXFSZ];

/// Lets a background process write to its terminal where `stty tostop` is set: the signal would stop it at
/// its first line. A handler does not do: the kernel would interrupt the write again and again. Threads
/// inherit it, so it comes before the first.
///
/// # Errors
/// Those of sigprocmask(2).
pub fn allow_background_output() -> io::Result<()> {
    let mut signals = SigSet::empty();
    signals.add(Signal::SIGTTOU);
    Ok(signals.thread_block()?)
}

/// SIGINT, SIGTERM and SIGHUP, by way of a pipe that the poll watches.
pub struct Signals(v1_0::Signals);

impl Signals {
    /// Installs the handlers.
    ///
    /// # Errors
    /// Those of sigaction(2) and of the pipe.
    pub fn new() -> io::Result<Self> {
        for signal in IGNORED_SIGNALS {
            // A handler is inherited by no program that this one starts, SIG_IGN would be.
            signal_hook::flag::register(signal, Arc::default())?;
        }
        v1_0::Signals::new([SIGINT, SIGTERM, SIGHUP]).map(Self)
    }

    /// Has the poll watch for signals.
    ///
    /// # Errors
    /// Those of the poll.
    pub fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        registry.register(&mut self.0, token, Interest::READABLE)
    }

    /// The signals that have come. Asking is a system call.
    pub fn take(&mut self) -> impl Iterator<Item = i32> {
        self.0.pending()
    }
}
