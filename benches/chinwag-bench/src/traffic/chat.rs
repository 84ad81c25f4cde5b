//! Private messages and rooms, side by side.

use std::time::Duration;

use super::{Spec, Traffic};
use crate::client::ClientNo;
use crate::clients::Clients;
use crate::dialect::Dialect;
use crate::ledger::{DeliveryErrors, RoomLedger};
use crate::recorder::{Latency, Recorder};
use crate::stamp::{Kind, Stamp};
use crate::timestamp::Timestamp;

pub struct Chat {
    /// In the order of reports. The first room is the one that load tests talk in.
    traffics: Vec<Traffic>,
    /// Messages that reached a client that is in no ledger.
    pub strayed: u64,
}

impl Chat {
    pub fn new(
        specs: impl IntoIterator<Item = Spec>,
        dialect: &Dialect,
        seed: u64,
        interval: Duration,
    ) -> Self {
        let specs = specs.into_iter();
        let traffics = specs.map(|spec| Traffic::new(spec, dialect, seed, interval));
        Self {
            traffics: traffics.collect(),
            strayed: 0,
        }
    }

    pub fn start(&mut self, now: Timestamp, out: &mut Clients) {
        for traffic in &mut self.traffics {
            traffic.start(now, out);
        }
    }

    pub fn begin(&mut self, now: Timestamp) {
        self.traffics
            .iter_mut()
            .for_each(|traffic| traffic.begin(now));
    }

    /// The measured phase ends, and nothing more is to be sent.
    pub fn end(&mut self, now: Timestamp) {
        self.traffics
            .iter_mut()
            .for_each(|traffic| traffic.end(now));
    }

    pub fn arrived(&mut self, at: Timestamp, by: ClientNo, stamp: &Stamp, out: &mut Clients) {
        let mut traffics = self.traffics.iter_mut();
        match traffics.find(|traffic| traffic.has(stamp.kind, stamp.sender)) {
            Some(traffic) => traffic.arrived(at, by, stamp, out),
            None => self.strayed += 1,
        }
    }

    /// The server told a client that it left out lines of the room that load tests talk in.
    pub fn missed(&mut self, by: ClientNo, lines: u64) {
        let mut traffics = self.traffics.iter_mut();
        if let Some(room) = traffics.find(|traffic| traffic.spec.kind == Kind::Room) {
            room.missed(by, lines);
        }
    }

    /// Sends due messages, and returns when the next is due.
    pub fn due(&mut self, now: Timestamp, out: &mut Clients) -> Timestamp {
        let next = self
            .traffics
            .iter_mut()
            .map(|traffic| traffic.due(now, out));
        next.fold(Timestamp::NEVER, Timestamp::min)
    }

    pub fn outstanding(&self) -> u64 {
        self.traffics.iter().map(Traffic::outstanding).sum()
    }

    /// Messages in flight count as lost.
    pub fn errors(&self) -> DeliveryErrors {
        let ledgers = self.traffics.iter().map(|traffic| traffic.ledger.errors());
        let mut errors: DeliveryErrors = ledgers.sum();
        errors.duplicated += self.strayed;
        errors
    }

    /// Latencies of each kind of message, and what to call it.
    pub fn recorders(&self) -> impl Iterator<Item = (&'static str, &Recorder)> {
        let traffics = self.traffics.iter();
        traffics.map(|traffic| (traffic.spec.name, &traffic.recorder))
    }

    /// How late private messages of an open loop left, if there are any.
    pub fn lag(&self) -> Option<Latency> {
        let mut traffics = self.traffics.iter();
        let private = traffics.find(|traffic| traffic.spec.kind == Kind::Private);
        private?.lag.latency()
    }

    pub fn told_missed(&self) -> u64 {
        self.rooms().map(RoomLedger::told_missed).sum()
    }

    /// Lines that the server said it left out although they arrived, or were never said.
    pub fn told_too_many(&self) -> u64 {
        self.rooms().map(RoomLedger::told_too_many).sum()
    }

    fn rooms(&self) -> impl Iterator<Item = &RoomLedger> {
        self.traffics
            .iter()
            .filter_map(|traffic| traffic.ledger.room())
    }
}
