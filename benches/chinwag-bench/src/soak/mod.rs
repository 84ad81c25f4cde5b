//! A soak: mixed load and faults, all at once, for as long as an operator likes; and what the server
//! holds and how quick it is meanwhile.
//!
//! ```text
//!  workload    all clients: those that chat, slow readers among them, and visitors
//!     │
//!  visitors    who comes and goes, and what each does when
//!     │
//!   visit      what a visitor comes for, as a list of steps
//! ```
//!
//! Nothing that the steady clients say may be lost, doubled or swapped, none of them may be closed,
//! and once the visitors have left, the server must hold what it held before they came.

pub mod report;
pub mod samples;
mod slow;
mod visit;
mod visitors;
mod workload;

use std::time::Duration;

use crate::client::clients;
use crate::recorder::as_f64;
use crate::report::{Look, Messages, Report};
use crate::run::{self, Progress, ServerUnderTest, Watcher, drain, run_until};
use crate::swarm::{Swarm, SwarmError};
use report::SoakReport;
use samples::{Level, Sampler};
use workload::SoakWorkload;

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

/// Between two looks at what the server still holds at the end.
const LOOK_TIME: Duration = Duration::from_millis(100);

/// Fewer steady clients than this cannot be told apart into those that speak, read, read slowly and
/// chat.
pub const CLIENTS_MIN: usize = 20;

/// Members of the busy room at most: a line to each of them is long.
const MEMBERS_MAX: usize = 40;

/// What a soak is to be like.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    pub run: run::Plan,
    /// Steady clients.
    pub clients: usize,
    /// Private messages a second.
    pub rate: f64,
    /// Lines a second in the busy room.
    pub room_rate: f64,
    /// Lines a second in the lobby.
    pub lobby_rate: f64,
    /// Visitors a second who stay for a short while.
    pub visits: f64,
}

/// How many clients do what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Population {
    /// In the busy room.
    members: usize,
    /// Of these, and of those in the lobby.
    speakers: usize,
    /// Of the members, those that read slowly.
    slow: usize,
    /// In the lobby.
    chatters: usize,
    /// For visitors.
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

impl Plan {
    /// How many connections there are at most.
    pub fn places(&self) -> usize {
        let population = Population::of(self.clients);
        population.steady() + population.places
    }

    fn sample_time(&self) -> Duration {
        let least = SAMPLE_TIME_MIN.min(self.run.time / SAMPLES_MIN);
        (self.run.time / SAMPLES).max(least)
    }

    fn parameters(&self) -> Vec<(&'static str, f64)> {
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
            ("seed", as_f64(self.run.seed)),
        ]
    }
}

/// Runs a soak.
pub fn run(
    server: &ServerUnderTest,
    plan: &Plan,
    watcher: &mut Watcher<'_>,
) -> Result<SoakReport, SwarmError> {
    let population = Population::of(plan.clients);
    let time = plan.run.time;
    let mut swarm = Swarm::new(server, plan.places(), plan.run.size)?;
    swarm.clients.long_size = Some(LONG_BYTES);
    let mut work = SoakWorkload::new(population, plan, plan.sample_time());
    connect(&mut swarm, &population, watcher)?;
    swarm.opening_max = OPENING_MAX;
    let now = swarm.now();
    work.start(now, &mut swarm.clients);
    let until = now.after(plan.run.warm_up);
    run_until(&mut swarm, &mut work, until, watcher, |_| {
        Progress::Running(Duration::ZERO, time)
    })?;

    let before = Level::of(server.pid);
    let began = swarm.now();
    let look = Look::now(server.pid);
    work.begin(began, &mut swarm.clients);
    let mut sampler = Sampler::new(server.pid, began);
    let until = began.after(time);
    let progress = |now: crate::timestamp::Timestamp| Progress::Running(now.since(began), time);
    while swarm.now() < until && !watcher.has_stopped() && !swarm.clients.is_deserted() {
        let next = swarm.now().after(plan.sample_time()).min(until);
        run_until(&mut swarm, &mut work, next, watcher, progress)?;
        let (now, connected) = (swarm.now(), swarm.clients.connected());
        sampler.take(now, connected, work.visitors.connects);
    }
    let look_after = Look::now(server.pid);
    let ended = swarm.now();
    let interrupted = watcher.has_stopped();
    work.end(ended);
    work.stop(&mut swarm.clients);
    let visitors_left = part(&mut swarm, &mut work, plan.run.drain, watcher)?;
    let after = settle(&mut swarm, &mut work, server, before, plan.run.drain)?;

    let seconds = ended.since(began).as_secs_f64();
    let messages = Messages::of(&work.chat, seconds);
    let [server_use, driver_use] = look.until(&look_after, seconds, &messages);
    let report = SoakReport {
        run: Report {
            server: server.name.clone(),
            dialect: server.dialect.as_str(),
            workload: "soak",
            clients: population.steady(),
            size: plan.run.size,
            parameters: plan.parameters(),
            seconds,
            messages,
            errors: work.chat.errors(),
            lag: work.chat.lag(),
            told_missed: work.chat.told_missed(),
            refused: swarm.trouble.refused,
            closed: swarm.trouble.closed,
            refusal: swarm.trouble.refusal.clone(),
            server_use,
            driver_use,
            interrupted,
            ..Report::default()
        },
        told_too_many: work.chat.told_too_many(),
        unexpected_closes: work.visitors.unexpected_closes,
        visitors_left,
        done: work.done(),
        before,
        after,
        samples: sampler.samples,
        ..SoakReport::default()
    };
    if !interrupted {
        swarm.leave()?;
    }
    Ok(report.completed())
}

/// Connects the steady clients, and lets the members enter the busy room and leave the lobby.
fn connect(
    swarm: &mut Swarm,
    population: &Population,
    watcher: &mut Watcher<'_>,
) -> Result<(), SwarmError> {
    let members = population.members;
    let slow = members - population.slow..members;
    swarm.connect_with_slow(population.steady(), slow, watcher)?;
    // Of joins and leaves, too, a slow reader would miss lines that nothing here counts. To be in the
    // room means to have left the lobby.
    for who in clients(members) {
        swarm.clients.raw(who, b"/quiet on\n/part lobby\n");
    }
    swarm.join(members, watcher)
}

/// Lets the visitors leave, and arrive what is under way. Returns whether visitors are still there,
/// as they were not let go in time.
fn part(
    swarm: &mut Swarm,
    work: &mut SoakWorkload,
    time: Duration,
    watcher: &mut Watcher<'_>,
) -> Result<bool, SwarmError> {
    let give_up_at = swarm.now().after(time);
    for opening in std::mem::take(&mut swarm.clients.opening) {
        work.visitors.closed(opening.who);
    }
    while !work.visitors.are_gone() && swarm.now() < give_up_at && !swarm.clients.is_deserted() {
        let next = swarm.now().after(LOOK_TIME);
        swarm.turn(work, next)?;
    }
    drain(swarm, work, time, watcher)?;
    Ok(!work.visitors.are_gone())
}

/// Waits until the server holds as many descriptors and threads as before, at most for `time`.
fn settle(
    swarm: &mut Swarm,
    work: &mut SoakWorkload,
    server: &ServerUnderTest,
    before: Option<Level>,
    time: Duration,
) -> Result<Option<Level>, SwarmError> {
    let give_up_at = swarm.now().after(time);
    loop {
        let level = Level::of(server.pid);
        let is_back = level.zip(before).is_none_or(|(level, before)| {
            level.descriptors == before.descriptors && level.threads == before.threads
        });
        if is_back || swarm.now() >= give_up_at || swarm.clients.is_deserted() {
            return Ok(level);
        }
        let next = swarm.now().after(LOOK_TIME);
        while swarm.now() < next {
            swarm.turn(work, next)?;
        }
    }
}
