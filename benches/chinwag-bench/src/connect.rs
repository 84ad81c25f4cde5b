//! How a swarm gets in, all of it, and how it leaves.

use std::ops::Range;
use std::time::Duration;

use crate::client::{ClientNo, clients};
use crate::clients::Clients;
use crate::progress::Watcher;
use crate::swarm::{Swarm, SwarmError, Workload};
use crate::timestamp::Timestamp;

/// How long all clients together may take to connect, or to enter the room.
pub const CONNECT_TIME: Duration = Duration::from_secs(120);

/// How long a server may take to let all clients go between two runs.
const LEAVE_TIME: Duration = Duration::from_secs(5);

/// Clients that enter the room at a time, so that servers that tell all members of each keep up.
const JOINING_MAX: usize = 128;

/// How often it is asked whether to stop.
const STOP_ASKED_TIME: Duration = Duration::from_millis(100);

/// The receive buffer of a client that stops reading: small, so that the server feels it soon.
pub const SLOW_RECEIVE_BYTES: usize = 16 << 10;

/// A workload that ends: clients that get in take leave.
struct Leaving;

impl Workload for Leaving {
    fn ready(&mut self, _at: Timestamp, who: ClientNo, clients: &mut Clients) {
        clients.quit(who);
    }
}

impl Swarm {
    /// Connects and registers clients, those in `slow` with small receive buffers, and waits until they
    /// are, `whole` of them with those before.
    pub fn connect(
        &mut self,
        who: Range<usize>,
        slow: &Range<usize>,
        whole: usize,
        time: Duration,
        watcher: &Watcher,
    ) -> Result<(), SwarmError> {
        let wanted = self.clients.ready + who.len();
        for place in who {
            let receive_bytes = slow.contains(&place).then_some(SLOW_RECEIVE_BYTES);
            self.clients.open_with(ClientNo::at(place), receive_bytes);
        }
        self.await_ready(wanted, whole, time, watcher)
    }

    /// Lets the clients `0..count` enter the room, and waits until all are in it.
    pub fn join(&mut self, count: usize, watcher: &Watcher) -> Result<(), SwarmError> {
        let wanted = self.clients.ready;
        for who in clients(count) {
            self.clients.join(who);
            if self.clients.joining >= JOINING_MAX {
                self.await_ready(wanted, wanted, CONNECT_TIME, watcher)?;
            }
        }
        self.await_ready(wanted, wanted, CONNECT_TIME, watcher)
    }

    fn await_ready(
        &mut self,
        wanted: usize,
        whole: usize,
        time: Duration,
        watcher: &Watcher,
    ) -> Result<(), SwarmError> {
        let give_up_at = self.now().after(time);
        self.finish_turn(&mut ())?;
        while self.clients.ready < wanted {
            if !self.clients.is_pending() {
                return Err(self.not_ready(wanted, "the server closed the other connections"));
            }
            let now = self.now();
            if now >= give_up_at {
                let late = format!("the others did not within {} s", time.as_secs());
                return Err(self.not_ready(wanted, &late));
            }
            watcher.show_connecting(self.clients.ready, whole);
            if watcher.has_stopped() {
                return Ok(());
            }
            self.turn(&mut (), now.after(STOP_ASKED_TIME).min(give_up_at))?;
        }
        Ok(())
    }

    fn not_ready(&mut self, wanted: usize, otherwise: &str) -> SwarmError {
        if let Some((who, source)) = self.unreachable.take() {
            let target = self.target.clone();
            return SwarmError::Connect {
                who,
                target,
                source,
            };
        }
        let why = match &self.trouble.refusal {
            Some(text) => format!("the server says: {text}"),
            None => otherwise.to_owned(),
        };
        SwarmError::NotReady {
            ready: self.clients.ready,
            wanted,
            why,
        }
    }

    /// Ends all connections from this side, and waits for a while until the server has let them go:
    /// the next run may need their names and places.
    pub fn leave(&mut self) -> Result<(), SwarmError> {
        self.clients.finish_all();
        let give_up_at = self.now().after(LEAVE_TIME);
        while !self.clients.is_deserted() && self.now() < give_up_at {
            self.turn(&mut Leaving, give_up_at)?;
        }
        Ok(())
    }
}
