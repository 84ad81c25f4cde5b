//! A soak: mixed load and faults, all at once, for as long as an operator likes; and what the server
//! holds and how quick it is meanwhile.
//!
//! ```text
//!    load      steady clients that chat, and what goes on beside them
//!     │
//!   agenda     who comes, goes or reads slowly, and what each does when
//!     │
//!   visit      what a visitor comes for, as a list of steps
//! ```
//!
//! Nothing that the steady clients say may be lost, doubled or swapped, none of them may be closed,
//! and once the visitors have left, the server must hold what it held before they came.

mod agenda;
pub mod report;
pub mod samples;
mod visit;

use std::time::Duration;

use fastrand::Rng;

use crate::args::Soak;
use crate::dialect::CHINWAG;
use crate::load::{Beside as _, Load};
use crate::recorder::as_f64;
use crate::report::Report;
use crate::run::{Plan, Session, Setup};
use crate::swarm::SwarmError;
use crate::traffic::{Chat, Pace, Spec};
use agenda::Agenda;
use report::SoakReport;
use samples::{Level, Sampler};

/// A server that is started for a soak closes clients that do not register within this, so that it
/// happens all the time.
pub const REGISTER_TIME: Duration = Duration::from_secs(10);

/// Likewise for clients that read nothing.
pub const STALL_TIME: Duration = Duration::from_secs(20);

/// Bytes of a line in the busy room: enough that a client that does not read is soon behind.
const LONG_BYTES: usize = 2000;

/// Connections that wait to be registered at a time: a crowd comes at once.
const OPENING_MAX: usize = 512;

/// Places for visitors, for a crowd and others; and for each steady client, if these are few.
const PLACES: usize = 1000;
const PLACES_EACH: usize = 8;

/// Points of a drawing, unless they were too near to each other.
const SAMPLES: u32 = 600;

/// The least time between two samples, unless the soak is short: then it has some all the same.
const SAMPLE_TIME_MIN: Duration = Duration::from_secs(1);
const SAMPLES_MIN: u32 = 20;

/// Fewer steady clients than this cannot be told apart into those that speak, read, read slowly and
/// chat.
pub const CLIENTS_MIN: usize = 20;

/// Members of the busy room at most: a line to each of them is long.
const MEMBERS_MAX: usize = 40;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Population {
    members: usize,
    /// Of these, and of those in the lobby.
    speakers: usize,
    /// Of the members, those that read slowly.
    slow: usize,
    chatters: usize,
    places: usize,
}

impl Population {
    fn of(clients: usize) -> Self {
        let clients = clients.max(CLIENTS_MIN);
        let members = (clients / 2).min(MEMBERS_MAX);
        Self {
            members,
            speakers: members / 5,
            slow: members / 5,
            chatters: clients - members,
            places: PLACES.min(clients * PLACES_EACH),
        }
    }

    fn steady(&self) -> usize {
        self.members + self.chatters
    }
}

impl Soak {
    pub fn places(&self) -> usize {
        let population = Population::of(self.clients);
        population.steady() + population.places
    }

    /// Clients are numbered: first the members of the busy room with its long lines, of whom the first
    /// speak and the last read slowly; then those that write to each other privately and share the
    /// lobby; then the visitors' places.
    fn load(&self, population: Population, plan: &Plan) -> Load<Agenda> {
        let Population {
            members,
            chatters,
            speakers,
            ..
        } = population;
        let mut rng = Rng::with_seed(plan.seed);
        let private = Spec {
            first: members,
            size: plan.size,
            ..Spec::private(chatters, Pace::Rate(self.rate))
        };
        let busy_room = Spec {
            size: LONG_BYTES,
            has_last_lines: true,
            ..Spec::room(members, speakers, Pace::Rate(self.room_rate))
        };
        let lobby = Spec {
            name: "lobby",
            first: members,
            size: plan.size,
            has_last_lines: true,
            ..Spec::room(chatters, speakers, Pace::Rate(self.lobby_rate))
        };
        let specs = [private, busy_room, lobby];
        Load {
            chat: Chat::new(specs, &CHINWAG, rng.u64(..), sample_time(plan)),
            residents: population.steady(),
            beside: Agenda::new(population, plan.time, self.visits, rng),
        }
    }

    fn parameters(&self, seed: u64) -> Vec<(&'static str, f64)> {
        let population = Population::of(self.clients);
        let count = |count: usize| as_f64(count as u64);
        vec![
            ("rate", self.rate),
            ("members", count(population.members)),
            ("speakers", count(population.speakers)),
            ("slow", count(population.slow)),
            ("room_rate", self.room_rate),
            ("lobby_rate", self.lobby_rate),
            ("visits", self.visits),
            ("seed", as_f64(seed)),
        ]
    }
}

fn sample_time(plan: &Plan) -> Duration {
    let least = SAMPLE_TIME_MIN.min(plan.time / SAMPLES_MIN);
    (plan.time / SAMPLES).max(least)
}

pub fn run(setup: Setup<'_>, soak: &Soak) -> Result<SoakReport, SwarmError> {
    let (pid, plan) = (setup.server.pid, setup.plan);
    let population = Population::of(soak.clients);
    let (steady, members) = (population.steady(), population.members);
    let mut session = Session::new(setup, soak.places())?;
    session.swarm.clients.long_size = Some(LONG_BYTES);
    let mut load = soak.load(population, plan);
    let mut sampler: Option<Sampler> = None;
    // Of joins and leaves, too, a slow reader would miss lines that nothing here counts. To be in the
    // room means to have left the lobby.
    let say = b"/quiet on\n/part lobby\n";
    let slow = members - population.slow..members;
    let connecting = session.connect(steady, slow, members, say)?;
    session.swarm.opening_max = OPENING_MAX;
    session.measure(&mut load, sample_time(plan), |swarm, load| {
        let (now, connected) = (swarm.now(), swarm.clients.connected());
        match &mut sampler {
            Some(sampler) => sampler.take(now, connected, load.beside.connects),
            // Visitors begin to come.
            None => sampler = Some(Sampler::new(pid, now)),
        }
    })?;
    let (before, taken) = sampler.map_or_else(Default::default, |sampler| {
        (sampler.before, sampler.samples)
    });

    for opening in std::mem::take(&mut session.swarm.clients.opening) {
        load.beside.closed(opening.who, &mut session.swarm.clients);
    }
    let drain = plan.drain;
    session.await_end(drain, &mut load, |load| load.beside.are_visitors_gone())?;
    session.drain(&mut load)?;
    let visitors_left = !load.beside.are_visitors_gone();
    session.await_end(drain, &mut load, |_| {
        let now = Level::of(pid);
        now.zip(before).is_none_or(|(now, before)| {
            (now.descriptors, now.threads) == (before.descriptors, before.threads)
        })
    })?;
    let report = SoakReport {
        told_too_many: load.chat.told_too_many(),
        unexpected_closes: load.beside.unexpected_closes,
        visitors_left,
        done: load.beside.tally.clone(),
        before,
        after: Level::of(pid),
        samples: taken,
        run: Report {
            workload: "soak",
            clients: steady,
            parameters: soak.parameters(plan.seed),
            connecting,
            ..session.report(&load)
        },
        ..SoakReport::default()
    };
    session.leave()?;
    Ok(report.completed())
}
