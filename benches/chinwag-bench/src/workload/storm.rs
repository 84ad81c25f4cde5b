//! Connects and quits as fast as they go, while two users chat.

use std::time::Duration;

use super::{Chats, Load, Roles};
use crate::client::{ClientNo, clients};
use crate::dialect::Dialect;
use crate::ledger::DeliveryErrors;
use crate::outgoing::Outgoing;
use crate::recorder::{Latency, Recorder};
use crate::stamp::Stamp;
use crate::swarm::Workload;
use crate::timestamp::Timestamp;

/// The two who chat are the first two clients.
pub const CHATTING: usize = 2;

/// See the module's text.
#[derive(Debug)]
pub struct Storm {
    chats: Chats,
    at_once: usize,
    connects: u64,
    measured: bool,
    raging: bool,
}

impl Storm {
    /// `at_once` clients come and go; the two write `rate` messages a second.
    pub fn new(at_once: usize, rate: f64, seed: u64, interval: Duration) -> Self {
        let roles = Roles {
            private_clients: CHATTING,
            private_rate: rate,
            ..Roles::default()
        };
        Self {
            chats: Chats::new(roles, Dialect::default(), seed, interval),
            at_once,
            connects: 0,
            measured: false,
            raging: false,
        }
    }
}

impl Workload for Storm {
    fn arrived(&mut self, at: Timestamp, by: ClientNo, stamp: Stamp, out: &mut Outgoing) {
        self.chats.arrived(at, by, stamp, out);
    }

    fn ready(&mut self, _at: Timestamp, who: ClientNo, out: &mut Outgoing) {
        if who.index() >= CHATTING {
            self.connects += u64::from(self.measured);
            out.quit(who);
        }
    }

    fn closed(&mut self, _at: Timestamp, who: ClientNo, out: &mut Outgoing) {
        if who.index() >= CHATTING && self.raging {
            out.open(who);
        }
    }

    fn due(&mut self, now: Timestamp, out: &mut Outgoing) -> Timestamp {
        self.chats.due(now, out)
    }
}

impl Load for Storm {
    fn start(&mut self, now: Timestamp, out: &mut Outgoing) {
        self.raging = true;
        self.chats.start(now, out);
        for who in clients(CHATTING + self.at_once).skip(CHATTING) {
            out.open(who);
        }
    }

    fn begin(&mut self, now: Timestamp, out: &mut Outgoing) {
        self.measured = true;
        self.chats.begin(now, out);
    }

    fn end(&mut self, now: Timestamp) {
        self.measured = false;
        self.chats.end(now);
    }

    fn stop(&mut self, out: &mut Outgoing) {
        self.raging = false;
        self.chats.stop(out);
    }

    fn outstanding(&self) -> u64 {
        self.chats.outstanding()
    }

    fn faults(&self) -> DeliveryErrors {
        self.chats.faults()
    }

    fn recorders(&self) -> Vec<(&'static str, &Recorder)> {
        self.chats.recorders()
    }

    fn lag(&self) -> Option<Latency> {
        self.chats.lag()
    }

    fn connects(&self) -> u64 {
        self.connects
    }
}
