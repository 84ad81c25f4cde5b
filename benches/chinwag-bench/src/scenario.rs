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
use crate::traffic::{Chat, Pace, Spec, Traffic};

/// Clients that chat while others come and go.
pub const CHATTING: usize = 2;

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scenario {
    pub name: &'static str,
    private: Option<Spec>,
    room: Option<Spec>,
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
            private: Some(Spec::private(clients, Pace::Window(window))),
            ..Self::named("dm")
        }
    }

    pub const fn rate(clients: usize, rate: f64) -> Self {
        Self {
            private: Some(Spec::private(clients, Pace::Rate(rate))),
            ..Self::named("rate")
        }
    }

    pub const fn room(members: usize, speakers: usize, window: usize) -> Self {
        Self {
            room: Some(Spec::room(members, speakers, Pace::Window(window))),
            ..Self::named("room")
        }
    }

    /// A room spoken to at a rate, and other clients that write privately.
    pub const fn mixed(room: Spec, clients: usize, rate: f64) -> Self {
        Self {
            room: Some(room),
            private: Some(Spec::private(clients, Pace::Rate(rate))),
            ..Self::named("mixed")
        }
    }

    pub const fn slow(room: Spec, slow: usize) -> Self {
        Self {
            room: Some(room),
            slow,
            ..Self::named("slow")
        }
    }

    /// Others come and go while two chat.
    pub const fn storm(at_once: usize, rate: f64) -> Self {
        Self {
            private: Some(Spec::private(CHATTING, Pace::Rate(rate))),
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
        self.room.map_or(0, |room| room.clients)
    }

    pub fn has_messages(&self) -> bool {
        self.private.is_some() || self.room.is_some()
    }

    /// How many clients are there from the start.
    pub fn residents(&self) -> usize {
        self.members() + self.private.map_or(0, |private| private.clients) + self.idle
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
        let (rate, window) = paces(self.private);
        let (room_rate, room_window) = paces(self.room);
        // In a closed loop, the members are all clients.
        let members = if room_rate > 0.0 { self.members() } else { 0 };
        let speakers = self.room.map_or(0, |room| room.senders);
        let parameters = [
            ("at_once", count(self.at_once)),
            ("rate", rate),
            ("members", count(members)),
            ("speakers", count(speakers)),
            ("window", count(window + room_window)),
            ("room_rate", room_rate),
            ("slow", count(self.slow)),
        ];
        let is_told = |(_, value): &(&str, f64)| *value > 0.0;
        parameters.into_iter().filter(is_told).collect()
    }
}

/// The rate of an open loop, and the window of a closed one.
fn paces(spec: Option<Spec>) -> (f64, usize) {
    match spec.map(|spec| spec.pace) {
        Some(Pace::Rate(rate)) => (rate, 0),
        Some(Pace::Window(window)) => (0.0, window),
        None => (0.0, 0),
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
        let private = scenario.private.map(|private| Spec {
            first: scenario.members(),
            ..private
        });
        let specs = [("private", private), ("room", scenario.room)];
        let traffics = specs.into_iter().filter_map(|(name, spec)| {
            let size = plan.size;
            let spec = Spec { size, ..spec? };
            Some(Traffic::new(name, spec, dialect, plan.seed, interval))
        });
        Self {
            chat: Chat {
                traffics: traffics.collect(),
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
