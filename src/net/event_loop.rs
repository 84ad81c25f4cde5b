//! The loop: waits for the kernel, passes on what happened, and ends the process in order.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::time::{Duration, Instant};

use mio::{Events, Poll};
use signal_hook::consts::SIGHUP;

use crate::chat::Settings;
use crate::chat::time::Timestamp;
use crate::config::{Config, Limits};
use crate::server::LINGER_TIME;
use crate::server::switchboard::{Readiness, Switchboard};

use super::acceptor::Acceptor;
use super::archive::{self, Keeper, Opened};
use super::banner::{banner, passwords};
use super::bans_file::BansFile;
use super::calendar::Calendar;
use super::error::StartError;
use super::listener::Listener;
use super::listener::activation::InheritedSockets;
use super::load_meter::LoadMeter;
use super::rlimit;
use super::signals::Signals;
use super::stream::Stream;
use super::token::Source;

/// Events that one poll returns at most.
const EVENTS_MAX: usize = 1024;

/// How the loop ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// All queued output was written, or its time was up.
    Graceful,
    /// A second signal, with this number, ended it at once.
    Forced(i32),
}

/// The meaning of a SIGHUP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sighup {
    /// An operator's request to reopen the log; that was done.
    Reopened,
    /// The end of the controlling terminal: the daemon exits, as for SIGTERM.
    Exit,
}

/// The shutdown that a first signal began.
#[derive(Debug)]
struct Shutdown {
    /// When clients that have not read all their output are closed.
    deadline: Timestamp,
    /// Those clients were closed, and the senders of their unread messages told.
    closed_stalled: bool,
}

/// Events of one poll that are about no socket.
#[derive(Debug, Default)]
struct Calls {
    has_signals: bool,
    /// The store has done something.
    has_settled: bool,
}

/// The daemon: listens, polls, and passes on what happens.
#[expect(
    missing_debug_implementations,
    reason = "the signals' own type has none"
)]
pub struct EventLoop {
    poll: Poll,
    signals: Signals,
    acceptor: Acceptor,
    switchboard: Switchboard<Stream>,
    keeper: Keeper,
    bans_file: BansFile,
    limits: Limits,
    start: Instant,
    calendar: Calendar,
    load: LoadMeter,
    banner: String,
    addresses: String,
}

impl EventLoop {
    /// Listens on the inherited sockets and at every address, and takes over the signals that end the process.
    ///
    /// # Errors
    /// Whatever keeps it from starting, in words for the operator.
    pub fn bind(config: Config, inherited: InheritedSockets) -> Result<Self, StartError> {
        let mut limits = config.limits;
        limits.clients_max = rlimit::raise_for(limits.clients_max)?;

        let poll = Poll::new().map_err(StartError::system("poll"))?;
        let mut signals = Signals::new().map_err(StartError::system("take signals"))?;
        signals
            .register(poll.registry(), Source::Signals.into())
            .map_err(StartError::system("watch for signals"))?;

        let bans_file = BansFile::new(config.bans);
        let listed_bans = bans_file.read_first()?;
        let mut listeners = inherited.listen(&limits)?;
        for address in &config.listen {
            listeners.extend(Listener::bind(address, &limits)?);
        }
        let Opened {
            archive,
            restored,
            keeper,
            note,
        } = archive::open(&config.store, poll.registry())?;
        let mut banner = banner(&listeners);
        if let Some(note) = note {
            banner.push('\n');
            banner.push_str(&note);
            if archive.is_open() {
                banner.push_str(passwords(&listeners, config.accounts.plain_passwords));
            }
        }
        let addresses: Vec<String> = listeners.iter().map(Listener::to_string).collect();
        let acceptor = Acceptor::new(listeners, poll.registry())
            .map_err(StartError::system("watch the listeners"))?;

        let settings = Settings {
            server_name: config.server_name,
            lobby: config.lobby,
            rooms_per_client_max: limits.rooms_per_client_max,
            motd: config.motd,
            operators: config.operators,
            hash_seed: random_seed(),
            accounts: config.accounts,
            history: config.history,
        };
        let mut switchboard = Switchboard::new(settings, &limits, archive);
        switchboard.restore(restored);
        switchboard.set_listed_bans(Timestamp::default(), listed_bans);
        for name in switchboard.chat().missing_operators() {
            log::warn!(
                "--op {name}: there is no such account; until there is, only this machine can make it"
            );
        }
        Ok(Self {
            poll,
            signals,
            acceptor,
            switchboard,
            keeper,
            bans_file,
            limits,
            start: Instant::now(),
            calendar: Calendar::of_system(),
            load: LoadMeter::default(),
            banner,
            addresses: addresses.join(", "),
        })
    }

    /// The lines to print at start: where it listens, and how to join.
    #[must_use]
    pub fn banner(&self) -> &str {
        &self.banner
    }

    /// The bound addresses, in one line.
    #[must_use]
    pub fn addresses(&self) -> &str {
        &self.addresses
    }

    /// The limit of clients, the limit of open files considered.
    #[must_use]
    pub fn clients_max(&self) -> usize {
        self.limits.clients_max
    }

    /// The loop. Returns after a signal that asks for it; calls `on_sighup` at each SIGHUP and `/reload`, with
    /// the word for it.
    ///
    /// # Errors
    /// If the poll itself fails.
    pub fn run(mut self, on_sighup: impl Fn(&str) -> Sighup) -> Result<Exit, StartError> {
        let mut shutdown = None;
        let exit = self.serve(&mut shutdown, on_sighup)?;
        // The store keeps what it was given, though nobody is left to be told; but for a second signal.
        let time_left = shutdown.map_or(Duration::ZERO, |shutdown| {
            shutdown.deadline.since(self.now())
        });
        if exit == Exit::Graceful {
            self.keeper.close(time_left);
        }
        Ok(exit)
    }

    fn serve(
        &mut self,
        shutdown: &mut Option<Shutdown>,
        on_sighup: impl Fn(&str) -> Sighup,
    ) -> Result<Exit, StartError> {
        let mut events = Events::with_capacity(EVENTS_MAX);
        loop {
            self.poll(&mut events, shutdown.as_ref())?;
            let now = self.now();
            self.switchboard.begin_turn(now, self.calendar.now());
            if let Some(permille) = self.load.begin_turn(now) {
                self.switchboard.note_busy(permille);
            }
            let mut calls = Calls::default();
            for event in &events {
                self.dispatch(event, &mut calls);
            }
            if calls.has_settled {
                // First: what follows sees what is known to be kept.
                for settled in self.keeper.drain() {
                    self.switchboard.settle(now, settled);
                }
            }
            if calls.has_signals
                && let Some(signal) = self.handle_signals(now, shutdown, &on_sighup)
            {
                return Ok(Exit::Forced(signal));
            }
            if self.acceptor.is_busy() {
                // A client that has seen its end may be among those that wait: its place is given back first.
                self.switchboard.turn(now);
            }
            self.acceptor.accept(
                now,
                &self.limits,
                self.poll.registry(),
                &mut self.switchboard,
            );
            self.switchboard.turn(now);
            if self.switchboard.take_reload() && on_sighup("/reload") == Sighup::Reopened {
                self.reload_bans(now);
            }
            let end = self.now();
            self.load.end_turn(now, end);
            if let Some(shutdown) = shutdown
                && self.advance_shutdown(shutdown, end)
            {
                return Ok(Exit::Graceful);
            }
        }
    }

    /// Waits for events, no longer than until the next deadline.
    fn poll(&mut self, events: &mut Events, shutdown: Option<&Shutdown>) -> Result<(), StartError> {
        let timeout = if self.switchboard.is_busy() || self.acceptor.is_busy() {
            // A kernel thread may wait for this processor, to deliver what was just written.
            rustix::thread::sched_yield();
            Some(Duration::ZERO)
        } else {
            let next = self.switchboard.next_deadline();
            let next = next.min(self.acceptor.retry_at());
            let next = shutdown.map_or(next, |shutdown| shutdown.deadline.min(next));
            (next != Timestamp::NEVER).then(|| next.since(self.now()))
        };
        match self.poll.poll(events, timeout) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                events.clear();
                Ok(())
            }
            polled => polled.map_err(StartError::system("poll")),
        }
    }

    /// Notes one event.
    fn dispatch(&mut self, event: &mio::event::Event, calls: &mut Calls) {
        match Source::from(event.token()) {
            Source::Signals => calls.has_signals = true,
            Source::Waker => calls.has_settled = true,
            Source::Listener(place) => self.acceptor.note_pending(place),
            Source::Client(id) => {
                let readiness = Readiness {
                    readable: event.is_readable(),
                    writable: event.is_writable(),
                    // A read stops before an urgent byte, and does not show what is behind it.
                    hung_up: event.is_read_closed() || event.is_error() || event.is_priority(),
                    read_closed: event.is_read_closed(),
                    // A half-close, which still reads, closes only one direction.
                    gone: event.is_write_closed() || event.is_error(),
                };
                self.switchboard.ready(id, readiness);
            }
        }
    }

    /// Acts on the signals that have come. Returns one that asks to exit at once.
    fn handle_signals(
        &mut self,
        now: Timestamp,
        shutdown: &mut Option<Shutdown>,
        on_sighup: impl Fn(&str) -> Sighup,
    ) -> Option<i32> {
        let signals: Vec<i32> = self.signals.take().collect();
        for signal in signals {
            // A closing terminal may send SIGHUP twice: that is no second request.
            if signal == SIGHUP {
                let is_reopened = on_sighup("signal 1") == Sighup::Reopened;
                if is_reopened {
                    self.reload_bans(now);
                }
                if is_reopened || shutdown.is_some() {
                    continue;
                }
            }
            if shutdown.is_some() {
                log::warn!("a second signal ({signal}): ending at once");
                return Some(signal);
            }
            log::info!("signal {signal}: shutting down");
            *shutdown = Some(Shutdown {
                deadline: now.after(self.limits.shutdown_time),
                closed_stalled: false,
            });
            // Connections that wait to be accepted see a reset, not a server that hangs.
            self.acceptor.stop();
            self.switchboard.shut_down(now);
        }
        None
    }

    /// Reads the file of bans anew.
    fn reload_bans(&mut self, now: Timestamp) {
        if let Some(bans) = self.bans_file.read_again() {
            self.switchboard.set_listed_bans(now, bans);
            // Those who are caught are told, and closed.
            self.switchboard.turn(now);
        }
    }

    /// Moves a shutdown on. Returns whether it is over: all clients are gone, or the time for that is up.
    fn advance_shutdown(&mut self, shutdown: &mut Shutdown, now: Timestamp) -> bool {
        if shutdown.deadline <= now && self.switchboard.connection_count() > 0 {
            if shutdown.closed_stalled {
                self.switchboard.close_all(now);
                return true;
            }
            let count = self.switchboard.close_stalled(now);
            if count > 0 {
                log::warn!("clients that did not read their last lines in time: {count}");
            }
            shutdown.closed_stalled = true;
            // Their senders get notices, and the usual time to read them.
            shutdown.deadline = now.after(LINGER_TIME);
        }
        self.switchboard.connection_count() == 0
    }

    fn now(&self) -> Timestamp {
        Timestamp::at(self.start.elapsed())
    }
}

/// The seed of the hash tables, from the standard library's source of randomness: no client can
/// choose names that collide.
fn random_seed() -> [u64; 4] {
    std::array::from_fn(|_| RandomState::new().build_hasher().finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_seeds_differ_between_daemons_and_within_one() {
        let (one, other) = (random_seed(), random_seed());
        for (place, word) in one.iter().enumerate() {
            assert!(!other.contains(word), "{one:?}, {other:?}");
            assert!(!one[..place].contains(word), "{one:?}");
        }
    }
}
