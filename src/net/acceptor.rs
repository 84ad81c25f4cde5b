//! Accepts connections: a batch a turn, and on through a lack of descriptors.
//!
//! Listeners are edge-triggered: after a batch or an error no event says again that connections wait, so
//! the acceptor remembers it.

use std::fs::File;
use std::io;
use std::mem;
use std::time::Duration;

use mio::Registry;
use rustix::io::Errno;

use crate::chat::ids::Peer;
use crate::chat::time::Timestamp;
use crate::config::Limits;
use crate::server::switchboard::Switchboard;
use crate::server::transport::Transport;

use super::listener::Listener;
use super::stream::Stream;
use super::token::Source;

/// Connections accepted from a listener in a turn: about a millisecond's work.
const BATCH_MAX: usize = 64;

/// How long a listener rests when accepting failed for a reason that is not the connection's.
const RETRY_TIME: Duration = Duration::from_millis(200);

/// Best-effort notice to a connection that cannot be admitted.
const REFUSAL: &[u8] = b"! The server is full. Try again later.\n";

/// All listeners, each with its state of retrying.
#[derive(Debug)]
pub struct Acceptor {
    listeners: Vec<Accepting>,
    reserve: ReserveFd,
}

/// A listener and whether it is to be tried. Trouble with one leaves the others alone.
#[derive(Debug)]
struct Accepting {
    listener: Listener,
    /// Connections may wait.
    pending: bool,
    /// When to try again after an error; `NEVER` without one.
    retry_at: Timestamp,
    /// An error was logged that has not passed yet.
    failing: bool,
}

/// A descriptor kept for the lack of others: closed for a moment, it makes room to accept one connection
/// and turn it away, rather than leave it hanging in the kernel's queue.
#[derive(Debug)]
struct ReserveFd(Option<File>);

impl ReserveFd {
    fn open() -> Self {
        Self(File::open("/dev/null").ok())
    }

    fn refill(&mut self) {
        if self.0.is_none() {
            *self = Self::open();
        }
    }
}

impl Acceptor {
    /// Registers the listeners, each under its place.
    ///
    /// # Errors
    /// Those of the poll.
    pub fn new(listeners: Vec<Listener>, registry: &Registry) -> io::Result<Self> {
        let mut accepting = Vec::new();
        for (place, mut listener) in listeners.into_iter().enumerate() {
            let place = u16::try_from(place).map_err(|_| io::Error::other("there are too many"))?;
            listener.register(registry, Source::Listener(place).into())?;
            accepting.push(Accepting {
                listener,
                pending: false,
                retry_at: Timestamp::NEVER,
                failing: false,
            });
        }
        Ok(Self {
            listeners: accepting,
            reserve: ReserveFd::open(),
        })
    }

    /// Notes that connections wait at the listener in this place.
    pub fn note_pending(&mut self, place: u16) {
        if let Some(accepting) = self.listeners.get_mut(usize::from(place)) {
            accepting.pending = true;
        }
    }

    /// Closes the listeners.
    pub fn stop(&mut self) {
        self.listeners.clear();
    }

    /// Whether there is something to accept right now.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        let mut listeners = self.listeners.iter();
        listeners.any(|accepting| accepting.pending && accepting.retry_at == Timestamp::NEVER)
    }

    /// When to accept although no event asks for it.
    #[must_use]
    pub fn retry_at(&self) -> Timestamp {
        let retries = self.listeners.iter().map(|accepting| accepting.retry_at);
        retries.min().unwrap_or(Timestamp::NEVER)
    }

    /// Accepts a batch from each listener where connections wait.
    pub fn accept(
        &mut self,
        now: Timestamp,
        limits: &Limits,
        registry: &Registry,
        switchboard: &mut Switchboard<Stream>,
    ) {
        for accepting in &mut self.listeners {
            if accepting.retry_at != Timestamp::NEVER && accepting.retry_at > now {
                continue;
            }
            accepting.retry_at = Timestamp::NEVER;
            if accepting.pending {
                self.reserve.refill();
                accepting.accept_batch(now, limits, registry, switchboard, &mut self.reserve);
            }
        }
    }
}

impl Accepting {
    fn accept_batch(
        &mut self,
        now: Timestamp,
        limits: &Limits,
        registry: &Registry,
        switchboard: &mut Switchboard<Stream>,
        reserve: &mut ReserveFd,
    ) {
        let mut failures = 0;
        for _ in 0..BATCH_MAX {
            match self.listener.accept(limits) {
                Ok((stream, peer)) => {
                    self.log_recovery();
                    admit(stream, peer, now, registry, switchboard);
                    if switchboard.turns_many_away() {
                        return;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.pending = false;
                    return;
                }
                // A listener whose every accept fails is itself broken.
                Err(error) if concerns_one_connection(&error) && failures + 1 < BATCH_MAX => {
                    failures += 1;
                }
                Err(error) => {
                    self.log_failure(&error);
                    if !lacks_descriptors(&error) || !self.shed(limits, switchboard, reserve) {
                        self.retry_at = now.after(RETRY_TIME);
                        return;
                    }
                    if !self.pending {
                        return;
                    }
                }
            }
        }
    }

    /// Turns one connection away with the reserve descriptor. Returns whether accepting can go on.
    fn shed(
        &mut self,
        limits: &Limits,
        switchboard: &mut Switchboard<Stream>,
        reserve: &mut ReserveFd,
    ) -> bool {
        if reserve.0.take().is_none() {
            return false;
        }
        let goes_on = match self.listener.accept(limits) {
            Ok((stream, peer)) => {
                refuse(stream);
                log::debug!("{peer} turned away: no descriptor");
                switchboard.note_refused();
                true
            }
            // Linux allocates a descriptor before it looks for a connection: EMFILE can mean that none
            // waits.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.pending = false;
                true
            }
            Err(error) => concerns_one_connection(&error),
        };
        reserve.refill();
        goes_on && reserve.0.is_some()
    }

    fn log_failure(&mut self, error: &io::Error) {
        if !mem::replace(&mut self.failing, true) {
            let listener = &self.listener;
            log::error!(
                "cannot accept connections at {listener}: {error}; until it passes, they wait \
                 or are turned away"
            );
        }
    }

    fn log_recovery(&mut self) {
        if mem::take(&mut self.failing) {
            log::info!("accepting connections again at {}", self.listener);
        }
    }
}

/// Hands a connection to the switchboard.
fn admit(
    mut stream: Stream,
    peer: Peer,
    now: Timestamp,
    registry: &Registry,
    switchboard: &mut Switchboard<Stream>,
) {
    let connected = switchboard.connect(now, peer, |id| {
        match stream.register(registry, Source::Client(id).into()) {
            Ok(()) => Ok(stream),
            Err(error) => {
                refuse(stream);
                Err(error)
            }
        }
    });
    if let Err(error) = connected {
        switchboard.note_refused();
        log::warn!("{peer} turned away: cannot be watched: {error}");
    }
}

/// Tells a connection that the server is full, and closes it.
fn refuse(mut stream: Stream) {
    // One write to a fresh socket: output that does not fit is not worth waiting for.
    let _ = stream.write(REFUSAL);
}

/// Whether the error is of the connection that was to be accepted. Linux reports its pending network
/// errors here; accept(2) lists them, and says to retry.
fn concerns_one_connection(error: &io::Error) -> bool {
    is_one_of(
        error,
        &[
            Errno::INTR,
            Errno::CONNABORTED,
            Errno::NETDOWN,
            Errno::PROTO,
            Errno::NOPROTOOPT,
            Errno::HOSTDOWN,
            #[cfg(target_os = "linux")]
            Errno::NONET,
            Errno::HOSTUNREACH,
            Errno::OPNOTSUPP,
            Errno::NETUNREACH,
        ],
    )
}

fn lacks_descriptors(error: &io::Error) -> bool {
    is_one_of(error, &[Errno::MFILE, Errno::NFILE])
}

fn is_one_of(error: &io::Error, errors: &[Errno]) -> bool {
    Errno::from_io_error(error).is_some_and(|error| errors.contains(&error))
}
