//! Accepts connections: a batch at a time, and on through a lack of descriptors.
//!
//! Listeners are edge-triggered like everything else: after a batch or an error nobody will say
//! again that connections wait, so the acceptor remembers it and comes back by itself.

use std::fs::File;
use std::io;
use std::time::Duration;

use mio::{Interest, Registry, Token};

use crate::chat::message::ClientId;
use crate::chat::tick::Tick;
use crate::config::Limits;

use super::listener::Listener;
use super::stream::Stream;
use super::switchboard::Switchboard;

/// So many are accepted before those who are there have their turn: about a millisecond's work.
const BATCH_MAX: usize = 64;

/// How long to wait before accepting again when the system has no descriptor to give, or has
/// another trouble that is not the connection's.
const RETRY_TIME: Duration = Duration::from_millis(200);

/// The listeners, and what is known of each.
#[derive(Debug)]
pub struct Acceptor {
    listeners: Vec<Waiting>,
    /// A descriptor kept for the day when there is no other: given up for a moment, it lets one
    /// connection in to be turned away, rather than left to hang in the backlog.
    reserve: Option<File>,
    retry_at: Tick,
    in_trouble: bool,
}

#[derive(Debug)]
struct Waiting {
    listener: Listener,
    /// There may be connections to accept.
    pending: bool,
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
            });
        }
        Ok(Self {
            listeners: waiting,
            reserve: open_reserve(),
            retry_at: Tick::NEVER,
            in_trouble: false,
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
        self.retry_at = Tick::NEVER;
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
        self.retry_at == Tick::NEVER && self.listeners.iter().any(|waiting| waiting.pending)
    }

    /// When to accept although the poll says nothing.
    #[must_use]
    pub fn next_deadline(&self) -> Tick {
        self.retry_at
    }

    /// Accepts a batch from each listener where connections wait.
    pub fn accept(
        &mut self,
        now: Tick,
        limits: &Limits,
        registry: &Registry,
        switchboard: &mut Switchboard<Stream>,
    ) {
        if self.retry_at != Tick::NEVER && self.retry_at > now {
            return;
        }
        self.retry_at = Tick::NEVER;
        self.reserve = self.reserve.take().or_else(open_reserve);
        for place in 0..self.listeners.len() {
            for _ in 0..BATCH_MAX {
                let Some(waiting) = self.listeners.get_mut(place) else {
                    return;
                };
                if !waiting.pending {
                    break;
                }
                match waiting.listener.accept(limits) {
                    Ok((mut stream, peer)) => {
                        self.recovered();
                        let connected = switchboard.connect(now, peer, |id| {
                            registry
                                .register(&mut stream, token_of(id), both())
                                .map(|()| stream)
                        });
                        if let Err(error) = connected {
                            log::warn!("{peer}: cannot be watched: {error}");
                        }
                        if switchboard.turns_many_away() {
                            break;
                        }
                    }
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                        waiting.pending = false;
                    }
                    Err(error) if concerns_one_connection(&error) => {}
                    Err(error) => {
                        if !self.shed(place, &error, limits, switchboard) {
                            self.retry_at = now.after(RETRY_TIME);
                            return;
                        }
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
        if !std::mem::replace(&mut self.in_trouble, true) {
            log::error!("cannot accept connections: {error}; turning them away until it passes");
        }
        if !lacks_descriptors(error) || self.reserve.take().is_none() {
            return false;
        }
        let shed = self
            .listeners
            .get(place)
            .map(|waiting| waiting.listener.accept(limits));
        let goes_on = match shed {
            Some(Ok((mut stream, peer))) => {
                // One write to a fresh socket: what does not fit is not worth waiting for.
                let _ = io::Write::write(&mut stream, b"! The server is full. Try again later.\n");
                log::debug!("{peer} turned away: no descriptor");
                switchboard.note_refused();
                true
            }
            // Linux takes a descriptor before it looks for a connection, and so complains of a
            // lack although none waits.
            Some(Err(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                if let Some(waiting) = self.listeners.get_mut(place) {
                    waiting.pending = false;
                }
                true
            }
            Some(Err(error)) => concerns_one_connection(&error),
            None => false,
        };
        self.reserve = open_reserve();
        goes_on && self.reserve.is_some()
    }

    fn recovered(&mut self) {
        if std::mem::take(&mut self.in_trouble) {
            log::info!("accepting connections again");
        }
    }
}

/// Everything a client's socket can be ready for.
fn both() -> Interest {
    Interest::READABLE | Interest::WRITABLE
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

fn concerns_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::Interrupted | io::ErrorKind::ConnectionAborted
    )
}

fn lacks_descriptors(error: &io::Error) -> bool {
    let lacks = [rustix::io::Errno::MFILE, rustix::io::Errno::NFILE];
    lacks
        .iter()
        .any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}
