//! Private messages in a closed loop: each client keeps a few under way, each to a random other.

use std::time::Duration;

use fastrand::Rng;

use super::Load;
use crate::client::{ClientNo, clients};
use crate::ledger::{DeliveryErrors, PrivateLedger};
use crate::outgoing::Outgoing;
use crate::recorder::Recorder;
use crate::stamp::{Kind, Stamp};
use crate::swarm::Workload;
use crate::timestamp::Timestamp;

/// See the module's text.
#[derive(Debug)]
pub struct Dm {
    clients: usize,
    window: usize,
    rng: Rng,
    ledger: PrivateLedger,
    recorder: Recorder,
    stopped: bool,
}

impl Dm {
    /// At least two clients, each with `window` messages under way.
    pub fn new(clients: usize, window: usize, seed: u64, interval: Duration) -> Self {
        Self {
            clients,
            window,
            rng: Rng::with_seed(seed),
            ledger: PrivateLedger::new(clients),
            recorder: Recorder::new(interval),
            stopped: false,
        }
    }

    fn send(&mut self, now: Timestamp, sender: ClientNo, out: &mut Outgoing) {
        let to = other_than(sender, self.clients, &mut self.rng);
        let number = self.ledger.sent(sender, to);
        let stamp = Stamp {
            kind: Kind::Private,
            sender,
            number,
            intended: now,
        };
        out.private(to, stamp);
    }
}

/// A random client of `0..count` other than `who`.
pub fn other_than(who: ClientNo, count: usize, rng: &mut Rng) -> ClientNo {
    let count = u32::try_from(count).unwrap_or(u32::MAX).max(2);
    let step = rng.u32(1..count);
    ClientNo::new((who.get() % count + step) % count)
}

impl Workload for Dm {
    fn arrived(&mut self, at: Timestamp, by: ClientNo, stamp: Stamp, out: &mut Outgoing) {
        if self.ledger.arrived(by, &stamp) {
            self.recorder.record(at, stamp.intended);
            if !self.stopped {
                self.send(at, stamp.sender, out);
            }
        }
    }
}

impl Load for Dm {
    fn start(&mut self, now: Timestamp, out: &mut Outgoing) {
        for sender in clients(self.clients) {
            for _ in 0..self.window {
                self.send(now, sender, out);
            }
        }
    }

    fn begin(&mut self, now: Timestamp, _out: &mut Outgoing) {
        self.recorder.begin(now);
    }

    fn end(&mut self, now: Timestamp) {
        self.recorder.end(now);
    }

    fn stop(&mut self, _out: &mut Outgoing) {
        self.stopped = true;
    }

    fn outstanding(&self) -> u64 {
        self.ledger.outstanding()
    }

    fn faults(&self) -> DeliveryErrors {
        self.ledger.faults()
    }

    fn recorders(&self) -> Vec<(&'static str, &Recorder)> {
        vec![("private", &self.recorder)]
    }
}
