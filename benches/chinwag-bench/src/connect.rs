//! How a swarm gets in, all of it, and how it leaves.

use std::time::Duration;

use crate::client::{ClientNo, clients};
use crate::outgoing::Outgoing;
use crate::stamp::Stamp;
use crate::swarm::{Quiet, Swarm, SwarmError, Workload};
use crate::timestamp::Timestamp;

/// Clients that enter the room at a time, so that servers that tell everyone of everyone keep up.
const JOINING_MAX: usize = 128;

/// How often it is asked whether to stop.
const STOP_ASKED_TIME: Duration = Duration::from_millis(100);

/// A workload that ends: whoever gets in takes leave.
#[derive(Clone, Copy, Debug)]
struct Leaving;

impl Workload for Leaving {
    fn arrived(&mut self, _at: Timestamp, _by: ClientNo, _stamp: Stamp, _out: &mut Outgoing) {}

    fn ready(&mut self, _at: Timestamp, who: ClientNo, out: &mut Outgoing) {
        out.quit(who);
    }
}

impl Swarm {
    /// Connects and registers every client that `who` names, and waits until all are. `stop` is
    /// asked now and then with how many are, and can end it early.
    pub fn connect(
        &mut self,
        who: impl Iterator<Item = ClientNo>,
        time: Duration,
        stop: &mut dyn FnMut(usize) -> bool,
    ) -> Result<(), SwarmError> {
        let before = self.ready;
        for who in who {
            self.out.open(who);
        }
        let wanted = before + self.out.opening.len();
        self.await_ready(wanted, time, stop)
    }

    /// Lets every client of `0..count` enter the room, and waits until all are in it.
    pub fn join(
        &mut self,
        count: usize,
        time: Duration,
        stop: &mut dyn FnMut(usize) -> bool,
    ) -> Result<(), SwarmError> {
        let wanted = self.ready;
        for who in clients(count) {
            self.out.join(who);
            if self.out.joining.len() >= JOINING_MAX {
                self.await_ready(wanted, time, stop)?;
            }
        }
        self.await_ready(wanted, time, stop)
    }

    fn await_ready(
        &mut self,
        wanted: usize,
        time: Duration,
        stop: &mut dyn FnMut(usize) -> bool,
    ) -> Result<(), SwarmError> {
        let give_up_at = self.now().after(time);
        self.settle(&mut Quiet)?;
        while self.ready < wanted {
            if !self.is_pending() {
                return Err(self.not_ready(wanted, "the server closed the other connections"));
            }
            let now = self.now();
            if now >= give_up_at {
                let late = format!("the others did not within {} s", time.as_secs());
                return Err(self.not_ready(wanted, &late));
            }
            if stop(self.ready) {
                return Ok(());
            }
            self.turn(&mut Quiet, now.after(STOP_ASKED_TIME).min(give_up_at))?;
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
        let first = self.trouble.first.as_ref();
        SwarmError::NotReady {
            ready: self.ready,
            wanted,
            why: first.map_or_else(
                || otherwise.to_owned(),
                |text| format!("the server says: {text}"),
            ),
        }
    }

    /// Whether somebody waits to be let in.
    fn is_pending(&self) -> bool {
        self.opening + self.joining + self.out.opening.len() + self.out.joining.len() > 0
    }

    /// Whether nobody is connected, nor will be: the server is gone.
    pub fn is_deserted(&self) -> bool {
        self.ready == 0 && !self.is_pending()
    }

    /// Ends what everyone says, and waits until the server has let them go, at most for `time`:
    /// whoever connects next may need their names and places. A server that is told to close
    /// first may hold the place until it hears of our end.
    pub fn leave(&mut self, time: Duration) -> Result<(), SwarmError> {
        self.out.opening.clear();
        for (queue, client) in self.out.queues.iter_mut().zip(&self.clients) {
            queue.leaving = true;
            client.finish_sending();
        }
        let give_up_at = self.now().after(time);
        while !self.is_deserted() && self.now() < give_up_at {
            self.turn(&mut Leaving, give_up_at)?;
        }
        Ok(())
    }
}
