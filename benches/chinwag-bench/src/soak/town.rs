//! Everybody in a soak: steady ones who chat, slow readers among them, and guests.
//!
//! Clients are numbered: first the members of a busy room with long lines, of whom the first speak
//! and the last read slowly; then those who write to each other privately and share the lobby; then
//! the guests' places.

use std::time::Duration;

use fastrand::Rng;

use crate::client::ClientNo;
use crate::dialect::Dialect;
use crate::ledger::Faults;
use crate::moment::Moment;
use crate::outgoing::Outgoing;
use crate::recorder::{Latency, Recorder};
use crate::schedule::Schedule;
use crate::stamp::{Kind, Stamp};
use crate::swarm::Workload;
use crate::workload::{Chats, Load, Roles};

use super::guests::{Guests, Tally};
use super::hall::{Hall, Seats, as_number};
use super::slow::SlowReaders;
use super::{Crew, Plan};

/// Steady ones who enter another room and leave it again, each second.
const STROLLS_PER_SECOND: f64 = 2.0;

/// See the module's text.
#[derive(Debug)]
pub struct Town {
    crew: Crew,
    chats: Chats,
    hall: Hall,
    lobby: Hall,
    slow: SlowReaders,
    pub guests: Guests,
    /// Guests come only while it is measured.
    is_open: bool,
    strolls: Option<Schedule>,
    rng: Rng,
    tally: Tally,
    /// Messages that reached somebody who is in no ledger.
    strayed: u64,
}

impl Town {
    pub fn new(crew: Crew, plan: &Plan, interval: Duration) -> Self {
        let mut rng = Rng::with_seed(plan.seed);
        let roles = Roles {
            private_clients: crew.chatters,
            private_rate: plan.rate,
            members: crew.members,
            ..Roles::default()
        };
        let hall = Seats {
            first: 0,
            members: crew.members,
            speakers: crew.speakers,
            rate: plan.room_rate,
            size: super::LONG_BYTES,
        };
        let lobby = Seats {
            first: crew.members,
            members: crew.chatters,
            speakers: crew.speakers,
            rate: plan.lobby_rate,
            size: plan.size,
        };
        let dialect = Dialect::Chinwag;
        Self {
            crew,
            chats: Chats::new(roles, dialect, rng.u64(..), interval),
            hall: Hall::new(hall, dialect, interval),
            lobby: Hall::new(lobby, dialect, interval),
            slow: SlowReaders::new(crew, plan.time, rng.fork()),
            guests: Guests::new(
                crew.steady(),
                crew.places,
                plan.visits,
                plan.time,
                rng.fork(),
            ),
            is_open: false,
            strolls: None,
            rng,
            tally: Tally::new(),
            strayed: 0,
        }
    }

    fn is_guest(&self, who: ClientNo) -> bool {
        who.index() >= self.crew.steady()
    }

    /// Somebody who speaks in no room enters one, and leaves it.
    fn stroll(&mut self, out: &mut Outgoing) {
        let first = self.crew.members + self.crew.speakers;
        if first >= self.crew.steady() {
            return;
        }
        let who = self.rng.usize(first..self.crew.steady());
        let room = self.rng.u8(0..20);
        let lines = format!("/join side{room}\n/part side{room}\n");
        out.raw(ClientNo::new(as_number(who)), lines.as_bytes());
        *self.tally.entry("strolls").or_default() += 1;
    }

    /// What was done, by everybody.
    pub fn tally(&self) -> Tally {
        let mut tally = self.guests.tally.clone();
        for (name, count) in self.tally.iter().chain(&self.slow.tally) {
            *tally.entry(name).or_default() += count;
        }
        tally
    }

    /// Lines that the server said it left out although they arrived, or were never said.
    pub fn told_too_many(&self) -> u64 {
        self.hall.ledger.told_too_many() + self.lobby.ledger.told_too_many()
    }
}

impl Workload for Town {
    fn arrived(&mut self, at: Moment, by: ClientNo, stamp: Stamp, out: &mut Outgoing) {
        match stamp.kind {
            Kind::Private if self.is_guest(by) => self.strayed += 1,
            Kind::Private => self.chats.arrived(at, by, stamp, out),
            // A guest hears what is said while it is there, and nobody knows when that is.
            Kind::Room if self.is_guest(by) => {}
            Kind::Room if stamp.sender.index() < self.crew.members => {
                self.hall.arrived(at, by, &stamp);
            }
            Kind::Room => self.lobby.arrived(at, by, &stamp),
        }
    }

    fn missed(&mut self, by: ClientNo, lines: u64) {
        if !self.is_guest(by) {
            self.hall.missed(by, lines);
        }
    }

    fn ready(&mut self, at: Moment, who: ClientNo, _out: &mut Outgoing) {
        self.guests.ready(at, who);
    }

    fn closed(&mut self, _at: Moment, who: ClientNo, _out: &mut Outgoing) {
        self.guests.closed(who);
    }

    fn due(&mut self, now: Moment, out: &mut Outgoing) -> Moment {
        let mut next = self.chats.due(now, out);
        next = next.min(self.hall.due(now, out));
        next = next.min(self.lobby.due(now, out));
        if self.is_open {
            next = next.min(self.slow.due(now, out));
            next = next.min(self.guests.due(now, out));
        }
        if let Some(mut strolls) = self.strolls {
            while strolls.take(now).is_some() {
                self.stroll(out);
            }
            self.strolls = Some(strolls);
            next = next.min(strolls.next());
        }
        next
    }
}

impl Load for Town {
    fn start(&mut self, now: Moment, out: &mut Outgoing) {
        self.chats.start(now, out);
        self.hall.start(now);
        self.lobby.start(now);
    }

    fn begin(&mut self, now: Moment, out: &mut Outgoing) {
        self.chats.begin(now, out);
        self.hall.recorder.begin(now);
        self.lobby.recorder.begin(now);
        self.strolls = Some(Schedule::new(now, STROLLS_PER_SECOND));
        self.slow.start(now, out);
        self.guests.start(now);
        self.is_open = true;
    }

    fn end(&mut self, now: Moment) {
        self.chats.end(now);
        self.hall.recorder.end(now);
        self.lobby.recorder.end(now);
    }

    fn stop(&mut self, out: &mut Outgoing) {
        self.is_open = false;
        self.strolls = None;
        self.chats.stop(out);
        self.hall.stop();
        self.lobby.stop();
        self.slow.stop(out);
        self.guests.stop(out);
    }

    fn outstanding(&self) -> u64 {
        let rooms = self.hall.outstanding() + self.lobby.outstanding();
        self.chats.outstanding() + rooms
    }

    fn faults(&self) -> Faults {
        let mut faults = self.chats.faults();
        faults += self.hall.ledger.faults();
        faults += self.lobby.ledger.faults();
        faults.duplicated += self.strayed;
        faults
    }

    fn recorders(&self) -> Vec<(&'static str, &Recorder)> {
        let mut recorders = self.chats.recorders();
        recorders.push(("room", &self.hall.recorder));
        recorders.push(("lobby", &self.lobby.recorder));
        recorders
    }

    fn lag(&self) -> Option<Latency> {
        self.chats.lag()
    }

    fn told_missed(&self) -> u64 {
        self.hall.ledger.told_missed() + self.lobby.ledger.told_missed()
    }

    fn connects(&self) -> u64 {
        self.guests.connects
    }
}
