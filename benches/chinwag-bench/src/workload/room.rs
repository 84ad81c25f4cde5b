//! A room in a closed loop: each speaker keeps a few lines under way, and a line has arrived when
//! every member has it.

use std::time::Duration;

use super::Load;
use crate::client::{ClientNo, clients};
use crate::dialect::Dialect;
use crate::ledger::{DeliveryErrors, RoomLedger};
use crate::outgoing::Outgoing;
use crate::recorder::Recorder;
use crate::stamp::{Kind, Stamp};
use crate::swarm::Workload;
use crate::timestamp::Timestamp;

/// See the module's text.
#[derive(Debug)]
pub struct Room {
    speakers: Vec<ClientNo>,
    window: usize,
    ledger: RoomLedger,
    recorder: Recorder,
    stopped: bool,
}

impl Room {
    /// The first `speakers` of `members` speak.
    pub fn new(
        members: usize,
        speakers: usize,
        window: usize,
        dialect: Dialect,
        interval: Duration,
    ) -> Self {
        let speakers: Vec<ClientNo> = clients(speakers.min(members)).collect();
        Self {
            window,
            ledger: RoomLedger::new(members, speakers.clone(), dialect),
            recorder: Recorder::new(interval),
            speakers,
            stopped: false,
        }
    }

    fn say(&mut self, now: Timestamp, place: usize, out: &mut Outgoing) {
        let Some(sender) = self.speakers.get(place).copied() else {
            return;
        };
        let number = self.ledger.spoken(place);
        out.say(Stamp {
            kind: Kind::Room,
            sender,
            number,
            intended: now,
        });
    }
}

impl Workload for Room {
    fn arrived(&mut self, at: Timestamp, by: ClientNo, stamp: Stamp, out: &mut Outgoing) {
        let Some((speaker, complete)) = self.ledger.arrived(by, &stamp) else {
            return;
        };
        self.recorder.record(at, stamp.intended);
        if complete && !self.stopped {
            self.say(at, speaker, out);
        }
    }

    fn missed(&mut self, by: ClientNo, lines: u64) {
        self.ledger.missed(by, lines);
    }
}

impl Load for Room {
    fn start(&mut self, now: Timestamp, out: &mut Outgoing) {
        for place in 0..self.speakers.len() {
            for _ in 0..self.window {
                self.say(now, place, out);
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
        vec![("room", &self.recorder)]
    }

    fn told_missed(&self) -> u64 {
        self.ledger.told_missed()
    }
}
