//! The kernel's side: sockets, the poll, signals, the turn.
//!
//! The only module that knows mio and slab. [`Server::run`] is the loop; everything it decides is
//! decided in [`switchboard`], which needs no kernel.

pub mod acceptor;
mod admission;
pub mod connection;
mod connections;
mod deadlines;
mod egress;
mod intake;
pub mod listener;
mod load_meter;
mod outbound;
mod pace;
mod pool;
pub mod stream;
pub mod switchboard;

use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use mio::{Events, Interest, Poll, Token};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2, SIGXFSZ};
use signal_hook_mio::v1_0::Signals;
use thiserror::Error;

use crate::chat::Settings;
use crate::chat::time::Timestamp;
use crate::config::{Config, Limits};

use acceptor::Acceptor;
use listener::Listener;
use load_meter::LoadMeter;
use stream::Stream;
use switchboard::{Readiness, Switchboard};

/// How long a connection that the server ends is given to see that, before it is taken away.
pub const LINGER_TIME: Duration = Duration::from_secs(1);

/// How long a client that says nothing waits for its greeting. One that speaks is greeted before
/// its first answer; so a browser or a TLS client, which speaks at once, is answered in its own
/// protocol and nothing else. Its first bytes come right behind the connection's last handshake
/// packet, so this need not be long, and nobody who types notices.
pub const GREETING_TIME: Duration = Duration::from_millis(30);

/// Descriptors that are not for clients: the poll, listeners, signals, log, standard streams, and
/// those of connections being turned away.
pub const DESCRIPTORS_KEPT: usize = 32;

/// What the poll tells at once.
const EVENTS_MAX: usize = 1024;

/// Signals that end a process which does not expect them, and that are nothing to this one: what
/// other daemons take for a request, and a log file that has reached a limit of size.
const HARMLESS: [i32; 3] = [SIGUSR1, SIGUSR2, SIGXFSZ];

/// Above every client's token: those end in a slot, and there are never so many slots.
const SIGNALS: Token = Token(usize::MAX);
const FIRST_LISTENER: Token = Token(usize::MAX - 1);

/// Why the server cannot start, or cannot go on.
#[derive(Debug, Error)]
pub enum StartError {
    /// An address cannot be listened at.
    #[error("cannot listen on {address}: {}", plain(source))]
    Bind {
        /// Which.
        address: String,
        /// Why.
        source: io::Error,
    },
    /// There are too few descriptors for even one client.
    #[error(
        "the limit of open files is {limit}, and {DESCRIPTORS_KEPT} are needed beside the clients; \
         raise it (ulimit -n)"
    )]
    TooFewDescriptors {
        /// As many as there may be.
        limit: usize,
    },
    /// The system's own means fail.
    #[error("cannot {doing}: {}", plain(source))]
    System {
        /// What was tried.
        doing: &'static str,
        /// Why it failed.
        source: io::Error,
    },
}

/// An error's own words, without the number that Rust adds: people read this.
#[must_use]
pub fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error ") {
        Some(end) => text.get(..end).unwrap_or_default().to_owned(),
        None => text,
    }
}

/// How the server ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Everything that was queued was written, or its time was up.
    Orderly,
    /// A second signal, with this number, ended it at once.
    AtOnce(i32),
}

/// What a SIGHUP means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HangUp {
    /// What somebody who runs a daemon means by it; that was done.
    GoOn,
    /// That the terminal is gone which this was started from: to end, as for any other signal.
    End,
}

/// A signal to end came.
#[derive(Debug)]
struct Closing {
    /// When whoever has not read everything is given up.
    give_up_at: Timestamp,
    /// They were, and those who wrote to them are told.
    gave_up: bool,
}

/// The daemon: listens, polls, and passes on what happens.
#[expect(
    missing_debug_implementations,
    reason = "the signals' own type has none"
)]
pub struct Server {
    poll: Poll,
    signals: Signals,
    acceptor: Acceptor,
    switchboard: Switchboard<Stream>,
    limits: Limits,
    start: Instant,
    load: LoadMeter,
    introduction: String,
    addresses: String,
}

impl Server {
    /// Listens at every address, and takes over the signals that end the process.
    ///
    /// # Errors
    /// Whatever keeps it from starting, in words for who started it.
    pub fn bind(config: Config) -> Result<Self, StartError> {
        let system = |doing| move |source| StartError::System { doing, source };
        let mut limits = config.limits;
        limits.clients_max = clients_max(limits.clients_max)?;

        let poll = Poll::new().map_err(system("poll"))?;
        let mut signals =
            Signals::new([SIGINT, SIGTERM, SIGHUP]).map_err(system("take signals"))?;
        poll.registry()
            .register(&mut signals, SIGNALS, Interest::READABLE)
            .map_err(system("watch for signals"))?;

        for signal in HARMLESS {
            // Whoever has a handler for a signal survives it. Nobody asks whether it came.
            signal_hook::flag::register(signal, Arc::default()).map_err(system("take signals"))?;
        }

        let mut listeners = Vec::new();
        for address in &config.listen {
            listeners.extend(Listener::bind(address, &limits)?);
        }
        let introductions: Vec<String> = listeners.iter().map(Listener::introduction).collect();
        let addresses: Vec<String> = listeners.iter().map(Listener::to_string).collect();
        let acceptor = Acceptor::new(listeners, poll.registry(), FIRST_LISTENER)
            .map_err(system("watch the listeners"))?;

        let settings = Settings {
            server_name: config.server_name,
            lobby: config.lobby,
            rooms_per_client_max: limits.rooms_per_client_max,
            motd: config.motd,
            hash_seed: random_seed(),
        };
        Ok(Self {
            poll,
            signals,
            acceptor,
            switchboard: Switchboard::new(settings, limits.clone()),
            limits,
            start: Instant::now(),
            load: LoadMeter::default(),
            introduction: introductions.join("\n"),
            addresses: addresses.join(", "),
        })
    }

    /// What to tell who started the daemon: where it listens, and how to join.
    #[must_use]
    pub fn introduction(&self) -> &str {
        &self.introduction
    }

    /// Where it really listens, in one line.
    #[must_use]
    pub fn addresses(&self) -> &str {
        &self.addresses
    }

    /// How many clients there may be, the limit of open files considered.
    #[must_use]
    pub fn clients_max(&self) -> usize {
        self.limits.clients_max
    }

    /// The loop. Returns after a signal that asks for it; asks `on_hang_up` at each SIGHUP.
    ///
    /// # Errors
    /// If the poll itself fails, which leaves nothing to go on with.
    pub fn run(mut self, on_hang_up: impl Fn() -> HangUp) -> Result<Ended, StartError> {
        let mut events = Events::with_capacity(EVENTS_MAX);
        let mut closing: Option<Closing> = None;
        loop {
            self.poll(&mut events, closing.as_ref())?;
            let now = self.now();
            self.switchboard.begin_turn(now, unix_ms());
            if let Some(permille) = self.load.begin_turn(now) {
                self.switchboard.note_busy(permille);
            }
            let mut signalled = false;
            for event in &events {
                signalled |= self.dispatch(event);
            }
            // To ask for them is a call to the kernel: only when there are some.
            let signals = if signalled {
                self.take_signals()
            } else {
                Vec::new()
            };
            for signal in signals {
                // A terminal that closes may tell twice, and that is no second wish.
                if signal == SIGHUP && (on_hang_up() == HangUp::GoOn || closing.is_some()) {
                    continue;
                }
                if closing.is_some() {
                    log::warn!("a second signal ({signal}): ending at once");
                    return Ok(Ended::AtOnce(signal));
                }
                log::info!("signal {signal}: shutting down");
                closing = Some(Closing {
                    give_up_at: now.after(self.limits.shutdown_time),
                    gave_up: false,
                });
                // Whoever waits to be accepted sees an end, not a server that does not answer.
                self.acceptor.stop();
                self.switchboard.shut_down(now);
            }
            self.acceptor.accept(
                now,
                &self.limits,
                self.poll.registry(),
                &mut self.switchboard,
            );
            self.switchboard.turn(now);
            let end = self.now();
            self.load.end_turn(now, end);
            if let Some(closing) = &mut closing
                && self.is_closed(closing, end)
            {
                return Ok(Ended::Orderly);
            }
        }
    }

    /// Whether everyone is gone, or there was time enough for that.
    fn is_closed(&mut self, closing: &mut Closing, now: Timestamp) -> bool {
        if closing.give_up_at <= now && self.switchboard.connection_count() > 0 {
            if closing.gave_up {
                self.switchboard.close_all(now);
                return true;
            }
            let count = self.switchboard.abandon(now);
            if count > 0 {
                log::warn!("clients that did not read their last lines in time: {count}");
            }
            closing.gave_up = true;
            // Who wrote to them is told, and given what anybody has to see an end.
            closing.give_up_at = now.after(LINGER_TIME);
        }
        self.switchboard.connection_count() == 0
    }

    /// Waits for something to happen, no longer than until the next deadline.
    fn poll(&mut self, events: &mut Events, closing: Option<&Closing>) -> Result<(), StartError> {
        let timeout = if self.switchboard.is_busy() || self.acceptor.is_busy() {
            // Gives way first: a thread of the kernel may wait for this processor, to deliver what
            // was just written.
            rustix::thread::sched_yield();
            Some(Duration::ZERO)
        } else {
            let next = self
                .switchboard
                .next_deadline()
                .min(self.acceptor.next_deadline());
            let next = closing.map_or(next, |closing| closing.give_up_at.min(next));
            (next != Timestamp::NEVER).then(|| next.since(self.now()))
        };
        match self.poll.poll(events, timeout) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                events.clear();
                Ok(())
            }
            polled => polled.map_err(|source| StartError::System {
                doing: "poll",
                source,
            }),
        }
    }

    /// Notes what the poll says. Returns whether it is that there are signals.
    fn dispatch(&mut self, event: &mio::event::Event) -> bool {
        let token = event.token();
        if token == SIGNALS {
            return true;
        }
        let place = FIRST_LISTENER.0 - token.0;
        if place < self.acceptor.len() {
            self.acceptor.ready(place);
            return false;
        }
        let readiness = Readiness {
            readable: event.is_readable(),
            writable: event.is_writable(),
            // A read ends before an urgent byte, and so says nothing of what is behind it.
            hung_up: event.is_read_closed() || event.is_error() || event.is_priority(),
        };
        self.switchboard.ready(acceptor::id_of(token), readiness);
        false
    }

    fn take_signals(&mut self) -> Vec<i32> {
        self.signals.pending().collect()
    }

    fn now(&self) -> Timestamp {
        Timestamp::at(self.start.elapsed())
    }
}

/// Milliseconds since 1970, for JSON's `time`. A wrong clock does no more than show.
fn unix_ms() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Raises the limit of open files as far as it may be raised, and says how many clients that
/// leaves room for.
fn clients_max(wanted: usize) -> Result<usize, StartError> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: maximum,
        maximum,
    };
    let current = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => maximum,
        Err(_) => current,
    };
    // `None` is no limit at all.
    let limit = current.map_or(usize::MAX, |limit| {
        usize::try_from(limit).unwrap_or(usize::MAX)
    });
    match limit.saturating_sub(DESCRIPTORS_KEPT) {
        0 => Err(StartError::TooFewDescriptors { limit }),
        room => Ok(wanted.min(room)),
    }
}

/// Where names fall in hash tables is nobody's to choose: the standard library's own source of
/// randomness, which asks the system.
fn random_seed() -> [u64; 4] {
    std::array::from_fn(|_| RandomState::new().build_hasher().finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_daemons_have_the_same_seed() {
        let (one, other) = (random_seed(), random_seed());
        for (place, word) in one.iter().enumerate() {
            assert!(!other.contains(word), "{one:?}, {other:?}");
            assert!(!one[..place].contains(word), "{one:?}");
        }
    }
}
