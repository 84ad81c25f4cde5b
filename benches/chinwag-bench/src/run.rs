//! One run: connect, warm up, measure, and let what is under way arrive.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::dialect::Dialect;
use crate::process::Usage;
use crate::report::{Connecting, Look, Messages, Report, per_second};
use crate::scenario::{Scenario, ScenarioWorkload};
use crate::swarm::{Swarm, SwarmError, Workload};
use crate::target::Target;
use crate::timestamp::Timestamp;

/// How often progress is told.
const PROGRESS_TIME: Duration = Duration::from_millis(100);

/// How long it takes, and what else is the same for all workloads.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    pub warm_up: Duration,
    /// How long it is measured.
    pub time: Duration,
    /// Given to what is under way after that, before it counts as lost.
    pub drain: Duration,
    /// Bytes of a message.
    pub size: usize,
    pub seed: u64,
}

#[derive(Clone, Debug)]
pub struct ServerUnderTest {
    pub name: String,
    pub target: Target,
    pub dialect: Dialect,
    /// Its process, if that can be seen.
    pub pid: Option<u32>,
    /// Connections that may wait to be registered at a time.
    pub opening_max: usize,
}

/// What a watcher is told of a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Progress {
    /// How many of how many clients are connected.
    Connecting(usize, usize),
    /// How much of how much time is over.
    Running(Duration, Duration),
    /// Another part of a longer test begins.
    Step(&'static str),
    Draining,
}

/// Is told how a run goes, and can end it.
pub struct Watcher<'a> {
    pub progress: &'a mut dyn FnMut(Progress),
    pub stop: Arc<AtomicBool>,
}

impl fmt::Debug for Watcher<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watcher")
            .field("stop", &self.stop)
            .finish_non_exhaustive()
    }
}

impl Watcher<'_> {
    pub fn has_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// Runs a scenario once.
pub fn run(
    server: &ServerUnderTest,
    scenario: &Scenario,
    plan: &Plan,
    watcher: &mut Watcher<'_>,
) -> Result<Report, SwarmError> {
    let interval = interval_time(plan.time);
    let mut work = ScenarioWorkload::new(*scenario, server.dialect, plan, interval);
    let mut swarm = Swarm::new(server, scenario.clients(), plan.size)?;
    let connecting = connect(&mut swarm, server, scenario, watcher)?;
    if !watcher.has_stopped() {
        work.start(swarm.now(), &mut swarm.clients);
        run_for(&mut swarm, &mut work, plan.warm_up, watcher)?;
    }
    // Ended before anything was measured, there is nothing to divide by.
    let is_measured = !watcher.has_stopped();

    let began = swarm.now();
    work.begin(began, &mut swarm.clients);
    let before = Look::now(server.pid);
    run_for(&mut swarm, &mut work, plan.time, watcher)?;
    let after = Look::now(server.pid);
    let ended = swarm.now();
    let interrupted = watcher.has_stopped();
    work.end(ended);
    work.stop(&mut swarm.clients);
    drain(&mut swarm, &mut work, plan.drain, watcher)?;

    let seconds = if is_measured {
        ended.since(began).as_secs_f64()
    } else {
        0.0
    };
    let messages = Messages::of(&work.chat, seconds);
    let used = is_measured.then(|| before.until(&after, seconds, &messages));
    let [server_use, driver_use] = used.unwrap_or_default();
    let report = Report {
        server: server.name.clone(),
        dialect: server.dialect.as_str(),
        workload: scenario.name,
        clients: scenario.clients(),
        size: plan.size,
        parameters: scenario.parameters(),
        seconds,
        messages,
        errors: work.chat.errors(),
        lag: work.chat.lag(),
        told_missed: work.chat.told_missed(),
        refused: swarm.trouble.refused,
        closed: swarm.trouble.closed,
        refusal: swarm.trouble.refusal.clone(),
        connects_per_second: (work.connects > 0).then(|| per_second(work.connects, seconds)),
        connecting,
        server_use,
        driver_use,
        interrupted,
    };
    if !watcher.has_stopped() {
        swarm.leave()?;
    }
    Ok(report)
}

/// A hundred points make a plot; shorter than a tenth of a second they are noise.
fn interval_time(time: Duration) -> Duration {
    (time / 100).max(Duration::from_millis(100))
}

/// Connects the clients that are there from the start, and lets the members enter the room.
fn connect(
    swarm: &mut Swarm,
    server: &ServerUnderTest,
    scenario: &Scenario,
    watcher: &mut Watcher<'_>,
) -> Result<Connecting, SwarmError> {
    let before = server.pid.and_then(Usage::of);
    let began = swarm.now();
    swarm.connect_with_slow(scenario.residents(), scenario.slow_members(), watcher)?;
    let seconds = swarm.now().since(began).as_secs_f64();
    let looks = before.zip(server.pid.and_then(Usage::of));
    let connecting = Connecting::between(looks, seconds, swarm.clients.ready);
    if scenario.members() > 0 && !watcher.has_stopped() {
        swarm.join(scenario.members(), watcher)?;
    }
    Ok(connecting)
}

/// Goes on until then, or until it is stopped, or the server is gone.
pub fn run_until<W: Workload>(
    swarm: &mut Swarm,
    work: &mut W,
    until: Timestamp,
    watcher: &mut Watcher<'_>,
    progress: impl Fn(Timestamp) -> Progress,
) -> Result<(), SwarmError> {
    while swarm.now() < until && !watcher.has_stopped() && !swarm.clients.is_deserted() {
        let next = swarm.now().after(PROGRESS_TIME).min(until);
        while swarm.now() < next {
            swarm.turn(work, next)?;
        }
        (watcher.progress)(progress(swarm.now()));
    }
    Ok(())
}

fn run_for<W: Workload>(
    swarm: &mut Swarm,
    work: &mut W,
    time: Duration,
    watcher: &mut Watcher<'_>,
) -> Result<(), SwarmError> {
    let began = swarm.now();
    let progress = |now: Timestamp| Progress::Running(now.since(began), time);
    run_until(swarm, work, began.after(time), watcher, progress)
}

/// Lets arrive what is under way, for at most `time`.
pub fn drain<W: Workload>(
    swarm: &mut Swarm,
    work: &mut W,
    time: Duration,
    watcher: &mut Watcher<'_>,
) -> Result<(), SwarmError> {
    let give_up_at = swarm.now().after(time);
    while work.outstanding() > 0 && swarm.now() < give_up_at && !swarm.clients.is_deserted() {
        (watcher.progress)(Progress::Draining);
        let next = swarm.now().after(PROGRESS_TIME).min(give_up_at);
        while work.outstanding() > 0 && swarm.now() < next {
            swarm.turn(work, next)?;
        }
    }
    Ok(())
}
