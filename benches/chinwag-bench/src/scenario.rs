//! What the clients of a run do: chat in private, in a room, come and go, or nothing.

use std::ops::Range;
use std::time::Duration;

use crate::args::Scenario;
use crate::client::{ClientNo, Reads, clients};
use crate::clients::Clients;
use crate::dialect::Dialect;
use crate::load::{Beside, Load};
use crate::recorder::{as_f64, share_of};
use crate::run::Plan;
use crate::timestamp::Timestamp;
use crate::traffic::{Chat, Pace, Spec};

/// Clients that chat while others come and go.
pub const CHATTING: usize = 2;

/// Who does what in a scenario.
///
/// Clients are numbered: first the room's members, of whom the first speak and the last may stop
/// reading; then those that write to each other privately; then those that come and go, or do nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Roles {
    pub name: &'static str,
    private: Option<Spec>,
    pub room: Option<Spec>,
    /// Members of the room that stop reading while it is measured.
    pub slow: usize,
    idle: usize,
    /// How many come and go at a time.
    at_once: usize,
}

impl Scenario {
    pub fn roles(&self) -> Roles {
        let private = |clients, pace| Some(Spec::private(clients, pace));
        let room = |members, speakers, pace| Some(Spec::room(members, speakers, pace));
        let mut roles = Roles::default();
        match *self {
            Self::Dm { clients, window } => {
                roles.name = "dm";
                roles.private = private(clients, Pace::Window(window));
            }
            Self::Rate { clients, rate } => {
                roles.name = "rate";
                roles.private = private(clients, Pace::Rate(rate));
            }
            Self::Room {
                members,
                speakers,
                window,
            } => {
                roles.name = "room";
                roles.room = room(members, speakers, Pace::Window(window));
            }
            Self::Mixed {
                members,
                speakers,
                room_rate,
                clients,
                rate,
            } => {
                roles.name = "mixed";
                roles.room = room(members, speakers, Pace::Rate(room_rate));
                roles.private = private(clients, Pace::Rate(rate));
            }
            Self::Idle { clients } => {
                roles.name = "idle";
                roles.idle = clients;
            }
            Self::Storm { at_once, rate } => {
                roles.name = "storm";
                roles.private = private(CHATTING, Pace::Rate(rate));
                roles.at_once = at_once;
            }
            Self::Slow {
                members,
                speakers,
                room_rate,
                share,
            } => {
                roles.name = "slow";
                roles.room = room(members, speakers, Pace::Rate(room_rate));
                // None of them speaks.
                roles.slow = share_of(members, share).min(members.saturating_sub(speakers));
            }
        }
        roles
    }
}

impl Roles {
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

    pub fn slow_members(&self) -> Range<usize> {
        self.members() - self.slow..self.members()
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

    pub fn load(&self, dialect: &Dialect, plan: &Plan) -> Load<Storm> {
        // A hundred points make a plot; shorter than a tenth of a second they are noise.
        let interval = (plan.time / 100).max(Duration::from_millis(100));
        let private = self.private.map(|private| Spec {
            first: self.members(),
            ..private
        });
        let specs = private.into_iter().chain(self.room).map(|spec| Spec {
            size: plan.size,
            ..spec
        });
        Load {
            chat: Chat::new(specs, dialect, plan.seed, interval),
            residents: self.residents(),
            beside: Storm {
                roles: *self,
                connects: 0,
                is_measured: false,
                is_raging: false,
            },
        }
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

/// Clients that come and go, and those that stop reading.
pub struct Storm {
    roles: Roles,
    /// Clients that came and took leave while it was measured.
    pub connects: u64,
    is_measured: bool,
    is_raging: bool,
}

impl Beside for Storm {
    fn start(&mut self, out: &mut Clients) {
        self.is_raging = true;
        for who in clients(self.roles.clients()).skip(self.roles.residents()) {
            out.open(who);
        }
    }

    fn begin(&mut self, _now: Timestamp, out: &mut Clients) {
        self.is_measured = true;
        for who in self.roles.slow_members() {
            out.set_reads(ClientNo::at(who), Reads::Nothing);
        }
    }

    fn end(&mut self, out: &mut Clients) {
        self.is_measured = false;
        self.is_raging = false;
        for who in self.roles.slow_members() {
            out.set_reads(ClientNo::at(who), Reads::All);
        }
    }

    fn ready(&mut self, _at: Timestamp, who: ClientNo, out: &mut Clients) {
        self.connects += u64::from(self.is_measured);
        out.quit(who);
    }

    fn closed(&mut self, who: ClientNo, out: &mut Clients) {
        if self.is_raging {
            out.open(who);
        }
    }
}
