//! What the clients of a run do: chat in private, in a room, come and go, or nothing.
//!
//! Clients are numbered: first the room's members, of whom the first speak and the last may stop
//! reading; then those that write to each other privately; then those that come and go, or do nothing.

use std::ops::Range;
use std::time::Duration;

use crate::client::{ClientNo, clients};
use crate::clients::Clients;
use crate::dialect::Dialect;
use crate::recorder::as_f64;
use crate::run::{Load, Plan};
use crate::stamp::Stamp;
use crate::swarm::Workload;
use crate::timestamp::Timestamp;
use crate::traffic::{Chat, Pace, PrivateTraffic, RoomSpec, RoomTraffic};

/// Clients that chat while others come and go.
pub const CHATTING: usize = 2;

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scenario {
    pub name: &'static str,
    /// How many write to each other privately, and how.
    private: Option<(usize, Pace)>,
    room: Option<RoomSpec>,
    /// Members of the room that stop reading while it is measured.
    slow: usize,
    idle: usize,
    /// How many come and go at a time.
    at_once: usize,
}

impl Scenario {
    pub const fn idle(clients: usize) -> Self {
        Self {
            name: "idle",
            private: None,
            room: None,
            slow: 0,
            idle: clients,
            at_once: 0,
        }
    }

    pub const fn dm(clients: usize, window: usize) -> Self {
        Self {
            private: Some((clients, Pace::Window(window))),
            ..Self::named("dm")
        }
    }

    pub const fn rate(clients: usize, rate: f64) -> Self {
        Self {
            private: Some((clients, Pace::Rate(rate))),
            ..Self::named("rate")
        }
    }

    pub const fn room(members: usize, speakers: usize, window: usize) -> Self {
        Self {
            room: Some(RoomSpec::of(members, speakers, Pace::Window(window))),
            ..Self::named("room")
        }
    }

    /// A room spoken to at a rate, and other clients that write privately.
    pub const fn mixed(room: RoomSpec, clients: usize, rate: f64) -> Self {
        Self {
            room: Some(room),
            private: Some((clients, Pace::Rate(rate))),
            ..Self::named("mixed")
        }
    }

    pub const fn slow(room: RoomSpec, slow: usize) -> Self {
        Self {
            room: Some(room),
            slow,
            ..Self::named("slow")
        }
    }

    /// Others come and go while two chat.
    pub const fn storm(at_once: usize, rate: f64) -> Self {
        Self {
            private: Some((CHATTING, Pace::Rate(rate))),
            at_once,
            ..Self::named("storm")
        }
    }

    const fn named(name: &'static str) -> Self {
        Self {
            name,
            ..Self::idle(0)
        }
    }

    pub fn members(&self) -> usize {
        self.room.map_or(0, |room| room.members)
    }

    pub fn has_messages(&self) -> bool {
        self.private.is_some() || self.room.is_some()
    }

    /// How many clients are there from the start.
    pub fn residents(&self) -> usize {
        self.members() + self.private.map_or(0, |(clients, _)| clients) + self.idle
    }

    pub fn clients(&self) -> usize {
        self.residents() + self.at_once
    }

    /// How many places a server must have: it still counts clients that just left.
    pub fn places(&self) -> usize {
        self.clients() + self.at_once
    }

    /// The members that stop reading.
    pub fn slow_members(&self) -> Range<usize> {
        self.members() - self.slow.min(self.members())..self.members()
    }

    /// Further figures for reports, without those that are 0.
    pub fn parameters(&self) -> Vec<(&'static str, f64)> {
        let count = |count: usize| as_f64(count as u64);
        let room = self.room.filter(|room| room.speakers > 0);
        let (rate, window) = match self.private {
            Some((_, Pace::Rate(rate))) => (rate, 0),
            Some((_, Pace::Window(window))) => (0.0, window),
            None => (0.0, 0),
        };
        let (members, speakers) = room.map_or((0, 0), |room| (room.members, room.speakers));
        let (members, room_rate, window) = match room.map(|room| room.pace) {
            Some(Pace::Rate(rate)) => (members, rate, window),
            Some(Pace::Window(window)) => (0, 0.0, window), // the members are all clients
            None => (0, 0.0, window),
        };
        let parameters = [
            ("at_once", count(self.at_once)),
            ("rate", rate),
            ("members", count(members)),
            ("speakers", count(speakers)),
            ("window", count(window)),
            ("room_rate", room_rate),
            ("slow", count(self.slow)),
        ];
        let is_told = |(_, value): &(&str, f64)| *value > 0.0;
        parameters.into_iter().filter(is_told).collect()
    }
}

/// A scenario at work.
pub struct ScenarioWorkload {
    chat: Chat,
    scenario: Scenario,
    /// Clients that came and took leave while it was measured.
    connects: u64,
    is_measured: bool,
    is_raging: bool,
}

impl ScenarioWorkload {
    pub fn new(scenario: Scenario, dialect: Dialect, plan: &Plan) -> Self {
        // A hundred points make a plot; shorter than a tenth of a second they are noise.
        let interval = (plan.time / 100).max(Duration::from_millis(100));
        let private = scenario.private.map(|(clients, pace)| {
            let (first, template) = (scenario.members(), dialect.private(plan.size));
            PrivateTraffic::new(first, clients, pace, template, plan.seed, interval)
        });
        let room = scenario.room.map(|room| RoomSpec {
            size: plan.size,
            ..room
        });
        let room = room.map(|room| ("room", RoomTraffic::new(room, dialect, interval)));
        Self {
            chat: Chat {
                private,
                rooms: room.into_iter().collect(),
                strayed: 0,
            },
            scenario,
            connects: 0,
            is_measured: false,
            is_raging: false,
        }
    }

    fn comes_and_goes(&self, who: ClientNo) -> bool {
        who.index() >= self.scenario.residents()
    }
}

impl Workload for ScenarioWorkload {
    fn arrived(&mut self, at: Timestamp, by: ClientNo, stamp: Stamp, out: &mut Clients) {
        self.chat.arrived(at, by, &stamp, out);
    }

    fn missed(&mut self, by: ClientNo, lines: u64) {
        self.chat.missed(by, lines);
    }

    fn ready(&mut self, _at: Timestamp, who: ClientNo, out: &mut Clients) {
        if self.comes_and_goes(who) {
            self.connects += u64::from(self.is_measured);
            out.quit(who);
        }
    }

    fn closed(&mut self, who: ClientNo, out: &mut Clients) {
        if self.comes_and_goes(who) && self.is_raging {
            out.open(who);
        }
    }

    fn due(&mut self, now: Timestamp, out: &mut Clients) -> Timestamp {
        self.chat.due(now, out)
    }

    fn outstanding(&self) -> u64 {
        self.chat.outstanding()
    }
}

impl Load for ScenarioWorkload {
    fn chat(&self) -> &Chat {
        &self.chat
    }

    fn start(&mut self, now: Timestamp, out: &mut Clients) {
        self.is_raging = true;
        self.chat.start(now, out);
        for who in clients(self.scenario.clients()).skip(self.scenario.residents()) {
            out.open(who);
        }
    }

    fn begin(&mut self, now: Timestamp, out: &mut Clients) {
        self.is_measured = true;
        self.chat.begin(now);
        for who in self.scenario.slow_members() {
            out.pause_reads(ClientNo::at(who));
        }
    }

    fn end(&mut self, now: Timestamp, out: &mut Clients) {
        self.is_measured = false;
        self.is_raging = false;
        self.chat.end(now);
        for who in self.scenario.slow_members() {
            out.resume_reads(ClientNo::at(who));
        }
    }

    fn connects(&self) -> u64 {
        self.connects
    }
}
