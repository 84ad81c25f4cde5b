//! A soak: mixed load and faults, all at once, for as long as somebody likes; and what the server
//! holds and how quick it is meanwhile.
//!
//! ```text
//!   soak_workload       everybody: who chats, in private and in two rooms (room_traffic); slow readers (slow)
//!    │
//!   visitors     who comes and goes, and what each does when
//!    │
//!   faults     what they come for
//! ```
//!
//! Nothing that the steady ones say may be lost, doubled or swapped, none of them may be closed, and
//! once the visitors have left, the server must hold what it held before they came.

mod faults;
pub mod report;
mod room_traffic;
pub mod samples;
mod slow;
mod soak_workload;
mod visitors;

use std::time::Duration;

use super::client::clients;
use super::dialect::Dialect;
use super::process::Usage;
use super::run::{
    CONNECT_TIME, LEAVE_TIME, PROGRESS_TIME, Progress, SLOW_RECEIVE_BYTES, ServerUnderTest,
    Watcher, drain, messages, used,
};
use super::swarm::{Swarm, SwarmError};
use super::timestamp::Timestamp;
use super::workload::Load as _;
use report::SoakReport;
use samples::{Level, Sampler};
use soak_workload::SoakWorkload;

/// A server that is started for a soak closes who does not register within this, so that it happens
/// all the time.
pub const REGISTER_TIME: Duration = Duration::from_secs(10);

/// Likewise for who reads nothing.
pub const STALL_TIME: Duration = Duration::from_secs(20);

/// Bytes of a line in the busy room: enough that who does not read is soon behind.
const LONG_BYTES: usize = 2000;

/// So many wait to be registered at a time: a crowd comes at once.
const OPENING_MAX: usize = 512;

/// Places for visitors: a crowd, and whoever else is there.
const PLACES: usize = 1000;

/// Few steady ones have few visitors: so many places for each.
const PLACES_EACH: usize = 8;

/// A drawing has so many points, unless they were too near to each other.
const SAMPLES: u32 = 600;

/// So near, unless the soak is short.
const SAMPLE_TIME_MIN: Duration = Duration::from_secs(1);

/// A short soak has so many samples.
const SAMPLES_MIN: u32 = 20;

/// How long to wait between two looks at what the server still holds at the end.
const LOOK_TIME: Duration = Duration::from_millis(100);

/// What a soak is to be like.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Steady ones.
    pub clients: usize,
    /// Private messages a second.
    pub rate: f64,
    /// Lines a second in the busy room.
    pub room_rate: f64,
    /// Lines a second in the lobby.
    pub lobby_rate: f64,
    /// Visitors a second who come for a short visit.
    pub visits: f64,
    /// How long chat goes on before the visitors come.
    pub warm_up: Duration,
    /// How long they come.
    pub time: Duration,
    /// Given to what is under way and to visitors who leave, at the end.
    pub drain: Duration,
    /// Bytes of a short message.
    pub size: usize,
    /// Of what is random.
    pub seed: u64,
}

/// How many do what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Population {
    /// In the busy room.
    members: usize,
    /// Of these, and of those in the lobby.
    speakers: usize,
    /// Of the members, those who read slowly.
    slow: usize,
    /// In the lobby.
    chatters: usize,
    /// For visitors.
    places: usize,
}

/// Fewer steady ones than this cannot be told apart into those who speak, read, read slowly and
/// chat.
pub const CLIENTS_MIN: usize = 20;

/// Members of the busy room are so many at most: a line to each of them is long.
const MEMBERS_MAX: usize = 40;

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
        let least = SAMPLE_TIME_MIN.min(self.time / SAMPLES_MIN);
        (self.time / SAMPLES).max(least)
    }
}

/// Runs a soak.
pub fn run(
    site: &ServerUnderTest,
    plan: &Plan,
    watcher: &mut Watcher<'_>,
) -> Result<SoakReport, SwarmError> {
    let population = Population::of(plan.clients);
    let count = population.steady() + population.places;
    let mut swarm = Swarm::new(site.target.clone(), Dialect::Chinwag, count, plan.size)?;
    swarm.opening_max = site.opening_max;
    swarm.long_size = Some(LONG_BYTES);
    let mut soak_workload = SoakWorkload::new(population, plan, plan.sample_time());
    connect(&mut swarm, &population, watcher)?;
    swarm.opening_max = OPENING_MAX;
    let now = swarm.now();
    soak_workload.start(now, &mut swarm.out);
    turn_until(
        &mut swarm,
        &mut soak_workload,
        now.after(plan.warm_up),
        watcher,
    )?;

    let before = Level::of(site.pid);
    let began = swarm.now();
    let use_before = [site.pid.and_then(Usage::of), Usage::own()];
    soak_workload.begin(began, &mut swarm.out);
    let mut sampler = Sampler::new(site.pid, began);
    let until = began.after(plan.time);
    while swarm.now() < until && !watcher.has_enough() && !swarm.is_deserted() {
        let next = swarm.now().after(plan.sample_time()).min(until);
        turn_until(&mut swarm, &mut soak_workload, next, watcher)?;
        sampler.look(
            swarm.now(),
            swarm.connected_count(),
            soak_workload.connects(),
        );
        let elapsed = swarm.now().since(began);
        (watcher.progress)(Progress::Running(elapsed, plan.time));
    }
    let use_after = [site.pid.and_then(Usage::of), Usage::own()];
    let ended = swarm.now();
    let interrupted = watcher.has_enough();
    soak_workload.end(ended);
    soak_workload.stop(&mut swarm.out);
    let visitors_left = part(&mut swarm, &mut soak_workload, plan, watcher)?;
    let after = settle(&mut swarm, &mut soak_workload, site, before, plan.drain)?;

    let seconds = ended.since(began).as_secs_f64();
    let messages = messages(&soak_workload, seconds);
    let delivered = messages.iter().map(|messages| messages.delivered).sum();
    let [server_use, driver_use] = [0, 1].map(|place| {
        let (before, after): (&Option<_>, &Option<_>) =
            (use_before.get(place)?, use_after.get(place)?);
        Some(used(before.as_ref()?, after.as_ref()?, seconds, delivered))
    });
    let report = SoakReport {
        server: site.name.clone(),
        dialect: site.dialect.as_str(),
        workload: "soak",
        clients: population.steady(),
        size: plan.size,
        parameters: parameters(&population, plan),
        seconds,
        messages,
        faults: soak_workload.faults(),
        told_too_many: soak_workload.told_too_many(),
        closed: swarm.trouble.closed,
        unexpected_closes: soak_workload.visitors.unexpected_closes,
        visitors_left,
        told_missed: soak_workload.told_missed(),
        refused: swarm.trouble.refused,
        lag: soak_workload.lag(),
        done: soak_workload.tally(),
        before,
        after,
        samples: sampler.samples,
        server_use,
        driver_use,
        interrupted,
    };
    if !interrupted {
        swarm.leave(LEAVE_TIME)?;
    }
    Ok(report)
}

#[expect(clippy::cast_precision_loss, reason = "counts of clients are small")]
fn parameters(population: &Population, plan: &Plan) -> Vec<(&'static str, f64)> {
    vec![
        ("rate", plan.rate),
        ("members", population.members as f64),
        ("speakers", population.speakers as f64),
        ("slow", population.slow as f64),
        ("room_rate", plan.room_rate),
        ("lobby_rate", plan.lobby_rate),
        ("visits", plan.visits),
        ("seed", plan.seed as f64),
    ]
}

/// Connects the steady ones, and lets the members enter the busy room and leave the lobby.
fn connect(
    swarm: &mut Swarm,
    population: &Population,
    watcher: &mut Watcher<'_>,
) -> Result<(), SwarmError> {
    let Watcher { progress, stop } = watcher;
    let mut tell = |ready: usize| {
        progress(Progress::Connecting(ready, population.steady()));
        stop.load(std::sync::atomic::Ordering::Relaxed)
    };
    let (first_slow, members) = (population.members - population.slow, population.members);
    let is_slow = |place: usize| (first_slow..members).contains(&place);
    let everyone = || clients(population.steady());
    let quick = everyone().filter(|who| !is_slow(who.index()));
    swarm.connect(quick, CONNECT_TIME, &mut tell)?;
    swarm.receive_bytes = Some(SLOW_RECEIVE_BYTES);
    let slow = everyone().filter(|who| is_slow(who.index()));
    swarm.connect(slow, CONNECT_TIME, &mut tell)?;
    swarm.receive_bytes = None;
    // Of who comes and goes, too, a slow reader would miss lines that nobody here counts. To be in
    // the room means to have left the lobby.
    for who in clients(members) {
        swarm.out.raw(who, b"/quiet on\n/part lobby\n");
    }
    swarm.join(members, CONNECT_TIME, &mut tell)
}

/// Goes on until then, or until it is enough, or nobody is there any more.
fn turn_until(
    swarm: &mut Swarm,
    soak_workload: &mut SoakWorkload,
    until: Timestamp,
    watcher: &Watcher<'_>,
) -> Result<(), SwarmError> {
    while swarm.now() < until && !watcher.has_enough() && !swarm.is_deserted() {
        let next = swarm.now().after(PROGRESS_TIME).min(until);
        while swarm.now() < next {
            swarm.turn(soak_workload, next)?;
        }
    }
    Ok(())
}

/// Lets the visitors leave, and arrive what is under way. Returns whether visitors are still there,
/// who were not let go in time.
fn part(
    swarm: &mut Swarm,
    soak_workload: &mut SoakWorkload,
    plan: &Plan,
    watcher: &mut Watcher<'_>,
) -> Result<bool, SwarmError> {
    let give_up_at = swarm.now().after(plan.drain);
    for who in swarm.out.forget_opening() {
        soak_workload.visitors.closed(who);
    }
    while !soak_workload.visitors.are_gone() && swarm.now() < give_up_at && !swarm.is_deserted() {
        let next = swarm.now().after(LOOK_TIME);
        swarm.turn(soak_workload, next)?;
    }
    drain(swarm, soak_workload, plan.drain, watcher)?;
    Ok(!soak_workload.visitors.are_gone())
}

/// Waits until the server holds as many descriptors as before, at most for `time`.
fn settle(
    swarm: &mut Swarm,
    soak_workload: &mut SoakWorkload,
    site: &ServerUnderTest,
    before: Option<Level>,
    time: Duration,
) -> Result<Option<Level>, SwarmError> {
    let give_up_at = swarm.now().after(time);
    loop {
        let level = Level::of(site.pid);
        let is_back = level.zip(before).is_none_or(|(level, before)| {
            level.descriptors == before.descriptors && level.threads == before.threads
        });
        if is_back || swarm.now() >= give_up_at || swarm.is_deserted() {
            return Ok(level);
        }
        let next = swarm.now().after(LOOK_TIME);
        while swarm.now() < next {
            swarm.turn(soak_workload, next)?;
        }
    }
}
