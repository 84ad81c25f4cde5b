//! Everybody in a soak: steady ones who chat, slow readers among them, and visitors.
//!
//! Clients are numbered: first the members of a busy room with long lines, of whom the first speak
//! and the last read slowly; then those who write to each other privately and share the lobby; then
//! the visitors' places.

use std::time::Duration;

use fastrand::Rng;

use crate::client::ClientNo;
use crate::dialect::Dialect;
use crate::ledger::DeliveryErrors;
use crate::outgoing::Outgoing;
use crate::recorder::{Latency, Recorder};
use crate::schedule::Schedule;
use crate::stamp::{Kind, Stamp};
use crate::swarm::Workload;
use crate::timestamp::Timestamp;
use crate::workload::{Chats, Load, Roles};

use super::room_traffic::{RoomSpec, RoomTraffic, as_number};
use super::slow::SlowReaders;
use super::visitors::{Tally, Visitors};
use super::{Plan, Population};

/// Steady ones who enter another room and leave it again, each second.
const ROOM_HOPS_PER_SECOND: f64 = 2.0;

/// See the module's text.
#[derive(Debug)]
pub struct SoakWorkload {
    population: Population,
    chats: Chats,
    room_traffic: RoomTraffic,
    lobby: RoomTraffic,
    slow: SlowReaders,
    pub visitors: Visitors,
    /// Visitors come only while it is measured.
    is_open: bool,
    room_hops: Option<Schedule>,
    rng: Rng,
    tally: Tally,
    /// Messages that reached somebody who is in no ledger.
    strayed: u64,
}

impl SoakWorkload {
    pub fn new(population: Population, plan: &Plan, interval: Duration) -> Self {
        let mut rng = Rng::with_seed(plan.seed);
        let roles = Roles {
            private_clients: population.chatters,
            private_rate: plan.rate,
            members: population.members,
            ..Roles::default()
        };
        let room_traffic = RoomSpec {
            first: 0,
            members: population.members,
            speakers: population.speakers,
            rate: plan.room_rate,
            size: super::LONG_BYTES,
        };
        let lobby = RoomSpec {
            first: population.members,
            members: population.chatters,
            speakers: population.speakers,
            rate: plan.lobby_rate,
            size: plan.size,
        };
        let dialect = Dialect::Chinwag;
        Self {
            population,
            chats: Chats::new(roles, dialect, rng.u64(..), interval),
            room_traffic: RoomTraffic::new(room_traffic, dialect, interval),
            lobby: RoomTraffic::new(lobby, dialect, interval),
            slow: SlowReaders::new(population, plan.time, rng.fork()),
            visitors: Visitors::new(
                population.steady(),
                population.places,
                plan.visits,
                plan.time,
                rng.fork(),
            ),
            is_open: false,
            room_hops: None,
            rng,
            tally: Tally::new(),
            strayed: 0,
        }
    }

    fn is_visitor(&self, who: ClientNo) -> bool {
        who.index() >= self.population.steady()
    }

    /// Somebody who speaks in no room enters one, and leaves it.
    fn hop_rooms(&mut self, out: &mut Outgoing) {
        let first = self.population.members + self.population.speakers;
        if first >= self.population.steady() {
            return;
        }
        let who = self.rng.usize(first..self.population.steady());
        let room = self.rng.u8(0..20);
        let lines = format!("/join side{room}\n/part side{room}\n");
        out.raw(ClientNo::new(as_number(who)), lines.as_bytes());
        *self.tally.entry("room_hops").or_default() += 1;
    }

    /// What was done, by everybody.
    pub fn tally(&self) -> Tally {
        let mut tally = self.visitors.tally.clone();
        for (name, count) in self.tally.iter().chain(&self.slow.tally) {
            *tally.entry(name).or_default() += count;
        }
        tally
    }

    /// Lines that the server said it left out although they arrived, or were never said.
    pub fn told_too_many(&self) -> u64 {
        self.room_traffic.ledger.told_too_many() + self.lobby.ledger.told_too_many()
    }
}

impl Workload for SoakWorkload {
    fn arrived(&mut self, at: Timestamp, by: ClientNo, stamp: Stamp, out: &mut Outgoing) {
        match stamp.kind {
            Kind::Private if self.is_visitor(by) => self.strayed += 1,
            Kind::Private => self.chats.arrived(at, by, stamp, out),
            // A visitor hears what is said while it is there, and nobody knows when that is.
            Kind::Room if self.is_visitor(by) => {}
            Kind::Room if stamp.sender.index() < self.population.members => {
                self.room_traffic.arrived(at, by, &stamp);
            }
            Kind::Room => self.lobby.arrived(at, by, &stamp),
        }
    }

    fn missed(&mut self, by: ClientNo, lines: u64) {
        if !self.is_visitor(by) {
            self.room_traffic.missed(by, lines);
        }
    }

    fn ready(&mut self, at: Timestamp, who: ClientNo, _out: &mut Outgoing) {
        self.visitors.ready(at, who);
    }

    fn closed(&mut self, _at: Timestamp, who: ClientNo, _out: &mut Outgoing) {
        self.visitors.closed(who);
    }

    fn due(&mut self, now: Timestamp, out: &mut Outgoing) -> Timestamp {
        let mut next = self.chats.due(now, out);
        next = next.min(self.room_traffic.due(now, out));
        next = next.min(self.lobby.due(now, out));
        if self.is_open {
            next = next.min(self.slow.due(now, out));
            next = next.min(self.visitors.due(now, out));
        }
        if let Some(mut room_hops) = self.room_hops {
            while room_hops.take(now).is_some() {
                self.hop_rooms(out);
            }
            self.room_hops = Some(room_hops);
            next = next.min(room_hops.next());
        }
        next
    }
}

impl Load for SoakWorkload {
    fn start(&mut self, now: Timestamp, out: &mut Outgoing) {
        self.chats.start(now, out);
        self.room_traffic.start(now);
        self.lobby.start(now);
    }

    fn begin(&mut self, now: Timestamp, out: &mut Outgoing) {
        self.chats.begin(now, out);
        self.room_traffic.recorder.begin(now);
        self.lobby.recorder.begin(now);
        self.room_hops = Some(Schedule::new(now, ROOM_HOPS_PER_SECOND));
        self.slow.start(now, out);
        self.visitors.start(now);
        self.is_open = true;
    }

    fn end(&mut self, now: Timestamp) {
        self.chats.end(now);
        self.room_traffic.recorder.end(now);
        self.lobby.recorder.end(now);
    }

    fn stop(&mut self, out: &mut Outgoing) {
        self.is_open = false;
        self.room_hops = None;
        self.chats.stop(out);
        self.room_traffic.stop();
        self.lobby.stop();
        self.slow.stop(out);
        self.visitors.stop(out);
    }

    fn outstanding(&self) -> u64 {
        let rooms = self.room_traffic.outstanding() + self.lobby.outstanding();
        self.chats.outstanding() + rooms
    }

    fn faults(&self) -> DeliveryErrors {
        let mut faults = self.chats.faults();
        faults += self.room_traffic.ledger.faults();
        faults += self.lobby.ledger.faults();
        faults.duplicated += self.strayed;
        faults
    }

    fn recorders(&self) -> Vec<(&'static str, &Recorder)> {
        let mut recorders = self.chats.recorders();
        recorders.push(("room", &self.room_traffic.recorder));
        recorders.push(("lobby", &self.lobby.recorder));
        recorders
    }

    fn lag(&self) -> Option<Latency> {
        self.chats.lag()
    }

    fn told_missed(&self) -> u64 {
        self.room_traffic.ledger.told_missed() + self.lobby.ledger.told_missed()
    }

    fn connects(&self) -> u64 {
        self.visitors.connects
    }
}
