//! Accepts connections: a batch at a time, and on through a lack of descriptors.
//!
//! Listeners are edge-triggered like everything else: after a batch or an error nobody will say
//! again that connections wait, so the acceptor remembers it and comes back by itself.

use std::fs::File;
use std::io;
use std::time::Duration;

use mio::{Interest, Registry, Token};
use rustix::io::Errno;

use crate::chat::ids::{ClientId, Peer};
use crate::chat::time::Timestamp;
use crate::config::Limits;

use super::listener::Listener;
use super::stream::Stream;
use super::switchboard::Switchboard;

/// So many are accepted before those who are there have their turn: about a millisecond's work.
const BATCH_MAX: usize = 64;

/// How long to wait before accepting again when the system has no descriptor to give, or has
/// another trouble that is not the connection's.
const RETRY_TIME: Duration = Duration::from_millis(200);

/// What whoever cannot be let in is told, as far as that is possible.
const REFUSAL: &[u8] = b"! The server is full. Try again later.\n";

/// The listeners, and what is known of each.
#[derive(Debug)]
pub struct Acceptor {
    listeners: Vec<Waiting>,
    /// A descriptor kept for the day when there is no other: given up for a moment, it lets one
    /// connection in to be turned away, rather than left to hang in the backlog.
    reserve: Option<File>,
}

/// A listener. What troubles one need not trouble the others.
#[derive(Debug)]
struct Waiting {
    listener: Listener,
    /// There may be connections to accept.
    pending: bool,
    /// Not tried before this, because that failed; or never set aside for that.
    retry_at: Timestamp,
    in_trouble: bool,
}

impl Waiting {
    fn recovered(&mut self) {
        if std::mem::take(&mut self.in_trouble) {
            log::info!("accepting connections again at {}", self.listener);
        }
    }
}

impl Acceptor {
    /// Registers the listeners, the first under `first` and the rest counting down from there.
    ///
    /// # Errors
    /// Those of the poll.
    pub fn new(listeners: Vec<Listener>, registry: &Registry, first: Token) -> io::Result<Self> {
        let mut waiting = Vec::new();
        for (place, mut listener) in listeners.into_iter().enumerate() {
            let token = Token(first.0 - place);
            match &mut listener {
                Listener::Tcp(socket, _) => {
                    registry.register(socket, token, Interest::READABLE)?;
                }
                Listener::Unix(_, socket) => {
                    registry.register(socket, token, Interest::READABLE)?;
                }
            }
            waiting.push(Waiting {
                listener,
                pending: false,
                retry_at: Timestamp::NEVER,
                in_trouble: false,
            });
        }
        Ok(Self {
            listeners: waiting,
            reserve: open_reserve(),
        })
    }

    /// The poll says that connections wait at the listener in this place.
    pub fn ready(&mut self, place: usize) {
        if let Some(waiting) = self.listeners.get_mut(place) {
            waiting.pending = true;
        }
    }

    /// Closes the listeners.
    pub fn stop(&mut self) {
        self.listeners.clear();
    }

    /// How many listeners there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.listeners.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.listeners.is_empty()
    }

    /// Whether there is something to accept right now.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        let mut listeners = self.listeners.iter();
        listeners.any(|waiting| waiting.pending && waiting.retry_at == Timestamp::NEVER)
    }

    /// When to accept although the poll says nothing.
    #[must_use]
    pub fn next_deadline(&self) -> Timestamp {
        let retries = self.listeners.iter().map(|waiting| waiting.retry_at);
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
        for place in 0..self.listeners.len() {
            self.accept_batch(place, now, limits, registry, switchboard);
        }
    }

    fn accept_batch(
        &mut self,
        place: usize,
        now: Timestamp,
        limits: &Limits,
        registry: &Registry,
        switchboard: &mut Switchboard<Stream>,
    ) {
        let Some(waiting) = self.listeners.get_mut(place) else {
            return;
        };
        if waiting.retry_at != Timestamp::NEVER && waiting.retry_at > now {
            return;
        }
        waiting.retry_at = Timestamp::NEVER;
        if !waiting.pending {
            return;
        }
        self.reserve = self.reserve.take().or_else(open_reserve);
        let mut in_vain = 0;
        for _ in 0..BATCH_MAX {
            let waiting = self.listeners.get_mut(place);
            let Some(waiting) = waiting.filter(|waiting| waiting.pending) else {
                return;
            };
            match waiting.listener.accept(limits) {
                Ok((stream, peer)) => {
                    waiting.recovered();
                    welcome(stream, peer, now, registry, switchboard);
                    if switchboard.turns_many_away() {
                        return;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    waiting.pending = false;
                }
                // A batch of nothing else is no matter of one connection.
                Err(error) if concerns_one_connection(&error) && in_vain + 1 < BATCH_MAX => {
                    in_vain += 1;
                }
                Err(error) => {
                    if !self.shed(place, &error, limits, switchboard) {
                        if let Some(waiting) = self.listeners.get_mut(place) {
                            waiting.retry_at = now.after(RETRY_TIME);
                        }
                        return;
                    }
                }
            }
        }
    }

    /// Turns one connection away with the descriptor kept for that. Says whether that worked, so
    /// that it makes sense to go on.
    fn shed(
        &mut self,
        place: usize,
        error: &io::Error,
        limits: &Limits,
        switchboard: &mut Switchboard<Stream>,
    ) -> bool {
        let Some(waiting) = self.listeners.get_mut(place) else {
            return false;
        };
        if !std::mem::replace(&mut waiting.in_trouble, true) {
            let listener = &waiting.listener;
            log::error!(
                "cannot accept connections at {listener}: {error}; until it passes, they wait \
                 or are turned away"
            );
        }
        if !lacks_descriptors(error) || self.reserve.take().is_none() {
            return false;
        }
        let goes_on = match waiting.listener.accept(limits) {
            Ok((stream, peer)) => {
                refuse(stream);
                log::debug!("{peer} turned away: no descriptor");
                switchboard.note_refused();
                true
            }
            // Linux takes a descriptor before it looks for a connection, and so complains of a
            // lack although none waits.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                waiting.pending = false;
                true
            }
            Err(error) => concerns_one_connection(&error),
        };
        self.reserve = open_reserve();
        goes_on && self.reserve.is_some()
    }
}

/// Hands a connection on to be served.
fn welcome(
    mut stream: Stream,
    peer: Peer,
    now: Timestamp,
    registry: &Registry,
    switchboard: &mut Switchboard<Stream>,
) {
    let connected = switchboard.connect(now, peer, |id| {
        match registry.register(&mut stream, token_of(id), all()) {
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

/// Says that there is no place, and closes.
fn refuse(mut stream: Stream) {
    // One write to a fresh socket: what does not fit is not worth waiting for.
    let _ = io::Write::write(&mut stream, REFUSAL);
}

/// Everything a client's socket can be ready for. telnet sends an urgent byte with its interrupt.
fn all() -> Interest {
    let both = Interest::READABLE | Interest::WRITABLE;
    #[cfg(target_os = "linux")]
    let both = both | Interest::PRIORITY;
    both
}

/// The token that stands for a client: slot and generation.
#[must_use]
pub fn token_of(id: ClientId) -> Token {
    const { assert!(usize::BITS >= 64, "a token holds a slot and a generation") };
    Token(((id.generation as usize) << 32) | id.slot as usize)
}

/// The client that a token stands for.
#[must_use]
#[expect(
    clippy::cast_possible_truncation,
    reason = "each half is 32 bits, by token_of"
)]
pub fn id_of(token: Token) -> ClientId {
    ClientId {
        slot: token.0 as u32,
        generation: (token.0 >> 32) as u32,
    }
}

fn open_reserve() -> Option<File> {
    File::open("/dev/null").ok()
}

/// Whether only the connection that was to be accepted is lost. Linux reports errors of its network
/// here that are pending on it; accept(2) says which, and to try again.
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
