//! Private messages and room lines in an open loop, each at a fixed rate.
//!
//! Messages go when they are meant to, whatever has become of those before, and latency counts
//! from then: a server that stalls cannot hide it.

use std::time::Duration;

use fastrand::Rng;

use super::Load;
use super::dm::other_than;
use crate::client::{ClientNo, clients};
use crate::dialect::Dialect;
use crate::ledger::{DeliveryErrors, PrivateLedger, RoomLedger};
use crate::outgoing::Outgoing;
use crate::recorder::{Latency, Recorder};
use crate::schedule::Schedule;
use crate::stamp::{Kind, Stamp};
use crate::swarm::Workload;
use crate::timestamp::Timestamp;

/// So many are sent at once at most, so that a rate beyond what this program can do ends in time.
const SENT_AT_ONCE_MAX: usize = 10_000;

/// Who does what. Clients are numbered: first the room's members, of whom the first speak, and the
/// last stop reading; then those who chat in private.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Roles {
    /// Who write to each other.
    pub private_clients: usize,
    /// How many private messages they send a second, all together.
    pub private_rate: f64,
    /// Members of the room.
    pub members: usize,
    /// Members who speak.
    pub speakers: usize,
    /// How many lines they say a second, all together.
    pub room_rate: f64,
    /// Members who stop reading while it is measured.
    pub slow: usize,
}

/// See the module's text.
#[derive(Debug)]
pub struct Chats {
    roles: Roles,
    rng: Rng,
    private: PrivateLedger,
    room: RoomLedger,
    private_schedule: Schedule,
    room_schedule: Schedule,
    next_speaker: usize,
    private_recorder: Recorder,
    room_recorder: Recorder,
    /// How late private messages leave.
    lag: Recorder,
    started: bool,
    stopped: bool,
}

impl Chats {
    /// Nobody has said anything.
    pub fn new(roles: Roles, dialect: Dialect, seed: u64, interval: Duration) -> Self {
        let speakers = clients(roles.speakers.min(roles.members)).collect();
        let never = Schedule::new(Timestamp::NEVER, 1.0);
        Self {
            rng: Rng::with_seed(seed),
            private: PrivateLedger::new(roles.members + roles.private_clients),
            room: RoomLedger::new(roles.members, speakers, dialect),
            private_schedule: never,
            room_schedule: never,
            next_speaker: 0,
            private_recorder: Recorder::new(interval),
            room_recorder: Recorder::new(interval),
            lag: Recorder::new(interval),
            started: false,
            stopped: false,
            roles,
        }
    }

    fn send(&mut self, now: Timestamp, intended: Timestamp, out: &mut Outgoing) {
        self.lag.record(now, intended);
        let count = u32::try_from(self.roles.private_clients).unwrap_or(u32::MAX);
        let first = u32::try_from(self.roles.members).unwrap_or(u32::MAX);
        let from = ClientNo::new(self.rng.u32(0..count.max(2)));
        let to = other_than(from, self.roles.private_clients, &mut self.rng);
        let [sender, to] = [from, to].map(|who| ClientNo::new(first + who.get()));
        let number = self.private.sent(sender, to);
        let stamp = Stamp {
            kind: Kind::Private,
            sender,
            number,
            intended,
        };
        out.private(to, stamp);
    }

    fn say(&mut self, intended: Timestamp, out: &mut Outgoing) {
        let place = self.next_speaker;
        self.next_speaker = (place + 1) % self.roles.speakers.max(1);
        let number = self.room.spoken(place);
        out.say(Stamp {
            kind: Kind::Room,
            sender: ClientNo::new(u32::try_from(place).unwrap_or(u32::MAX)),
            number,
            intended,
        });
    }

    /// The last members.
    fn slow(&self) -> impl Iterator<Item = ClientNo> + use<> {
        let first = self.roles.members.saturating_sub(self.roles.slow);
        clients(self.roles.members).skip(first)
    }
}

impl Workload for Chats {
    fn arrived(&mut self, at: Timestamp, by: ClientNo, stamp: Stamp, _out: &mut Outgoing) {
        match stamp.kind {
            Kind::Private if self.private.arrived(by, &stamp) => {
                self.private_recorder.record(at, stamp.intended);
            }
            Kind::Room if self.room.arrived(by, &stamp).is_some() => {
                self.room_recorder.record(at, stamp.intended);
            }
            Kind::Private | Kind::Room => {}
        }
    }

    fn missed(&mut self, by: ClientNo, lines: u64) {
        self.room.missed(by, lines);
    }

    fn due(&mut self, now: Timestamp, out: &mut Outgoing) -> Timestamp {
        if !self.started || self.stopped {
            return Timestamp::NEVER;
        }
        let mut next = Timestamp::NEVER;
        if self.roles.private_rate > 0.0 {
            for _ in 0..SENT_AT_ONCE_MAX {
                let Some(intended) = self.private_schedule.take(now) else {
                    break;
                };
                self.send(now, intended, out);
            }
            next = self.private_schedule.next();
        }
        if self.roles.room_rate > 0.0 {
            for _ in 0..SENT_AT_ONCE_MAX {
                let Some(intended) = self.room_schedule.take(now) else {
                    break;
                };
                self.say(intended, out);
            }
            next = next.min(self.room_schedule.next());
        }
        next
    }
}

impl Load for Chats {
    fn start(&mut self, now: Timestamp, _out: &mut Outgoing) {
        self.started = true;
        self.private_schedule = Schedule::new(now, self.roles.private_rate);
        self.room_schedule = Schedule::new(now, self.roles.room_rate);
    }

    fn begin(&mut self, now: Timestamp, out: &mut Outgoing) {
        self.private_recorder.begin(now);
        self.room_recorder.begin(now);
        self.lag.begin(now);
        for who in self.slow() {
            out.pause(who);
        }
    }

    fn end(&mut self, now: Timestamp) {
        self.private_recorder.end(now);
        self.room_recorder.end(now);
        self.lag.end(now);
    }

    fn stop(&mut self, out: &mut Outgoing) {
        self.stopped = true;
        for who in self.slow() {
            out.resume(who);
        }
    }

    fn outstanding(&self) -> u64 {
        self.private.outstanding() + self.room.outstanding()
    }

    fn faults(&self) -> DeliveryErrors {
        let mut faults = self.private.faults();
        faults += self.room.faults();
        faults
    }

    fn recorders(&self) -> Vec<(&'static str, &Recorder)> {
        let private =
            (self.roles.private_rate > 0.0).then_some(("private", &self.private_recorder));
        let room = (self.roles.room_rate > 0.0).then_some(("room", &self.room_recorder));
        private.into_iter().chain(room).collect()
    }

    fn lag(&self) -> Option<Latency> {
        self.lag.latency()
    }

    fn told_missed(&self) -> u64 {
        self.room.told_missed()
    }
}
