//! One run: connect, warm up, measure, and let what is under way arrive.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::client::{Target, clients};
use crate::dialect::Dialect;
use crate::process::Usage;
use crate::recorder::as_f64;
use crate::report::{Connecting, Messages, Report, Use};
use crate::swarm::{Swarm, SwarmError};
use crate::workload::{CHATTING, Chats, Dm, Load, Roles, Room, Storm};

/// How long everyone together may take to connect, or to enter the room.
pub const CONNECT_TIME: Duration = Duration::from_secs(120);

/// How long a server may take to let everyone go between two runs.
pub const LEAVE_TIME: Duration = Duration::from_secs(5);

/// How often somebody who watches is told.
pub const PROGRESS_TIME: Duration = Duration::from_millis(100);

/// A member that stops reading is given small buffers, so that the server feels it soon.
pub const SLOW_RECEIVE_BYTES: usize = 16 << 10;

/// What clients do, and how many there are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scenario {
    /// Private messages in a closed loop.
    Dm {
        /// How many clients.
        clients: usize,
        /// Messages that each keeps under way.
        window: usize,
    },
    /// A room in a closed loop.
    Room {
        /// How many are in it.
        members: usize,
        /// How many of them speak.
        speakers: usize,
        /// Lines that each of those keeps under way.
        window: usize,
    },
    /// Private messages, or a room, or both, in an open loop.
    Chats(&'static str, Roles),
    /// Nothing: registered, and there.
    Idle {
        /// How many clients.
        clients: usize,
    },
    /// Others come and go while two chat.
    Storm {
        /// How many come and go at a time.
        at_once: usize,
        /// Messages a second between the two.
        rate: f64,
    },
}

impl Scenario {
    fn name(&self) -> &'static str {
        match self {
            Self::Dm { .. } => "dm",
            Self::Room { .. } => "room",
            Self::Chats(name, _) => name,
            Self::Idle { .. } => "idle",
            Self::Storm { .. } => "storm",
        }
    }

    /// How many clients it needs.
    pub fn clients(&self) -> usize {
        match self {
            Self::Dm { clients, .. } | Self::Idle { clients } => *clients,
            Self::Room { members, .. } => *members,
            Self::Chats(_, roles) => roles.members + roles.private_clients,
            Self::Storm { at_once, .. } => at_once + CHATTING,
        }
    }

    /// How many places a server must have: some come while it still counts those who just left.
    pub fn places(&self) -> usize {
        match self {
            Self::Storm { at_once, .. } => 2 * at_once + CHATTING,
            _ => self.clients(),
        }
    }

    /// How many of them enter the room.
    fn members(&self) -> usize {
        match self {
            Self::Room { members, .. } => *members,
            Self::Chats(_, roles) => roles.members,
            _ => 0,
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "counts of clients are small")]
    fn parameters(&self) -> Vec<(&'static str, f64)> {
        match *self {
            Self::Dm { window, .. } => vec![("window", window as f64)],
            Self::Room {
                speakers, window, ..
            } => vec![("speakers", speakers as f64), ("window", window as f64)],
            Self::Chats(_, roles) => [
                ("rate", roles.private_rate),
                ("members", roles.members as f64),
                ("speakers", roles.speakers as f64),
                ("room_rate", roles.room_rate),
                ("slow", roles.slow as f64),
            ]
            .into_iter()
            .filter(|(_, value)| *value > 0.0)
            .collect(),
            Self::Idle { .. } => Vec::new(),
            Self::Storm { at_once, rate } => vec![("at_once", at_once as f64), ("rate", rate)],
        }
    }
}

/// How long it takes, and what else is the same for all workloads.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Until it is measured.
    pub warm_up: Duration,
    /// Measured.
    pub time: Duration,
    /// Given to what is under way then, before it counts as lost.
    pub drain: Duration,
    /// Bytes of a message.
    pub size: usize,
    /// Of what is random.
    pub seed: u64,
}

/// The server to test.
#[derive(Clone, Debug)]
pub struct ServerUnderTest {
    /// What it is called.
    pub name: String,
    /// Where it is.
    pub target: Target,
    /// What it speaks.
    pub dialect: Dialect,
    /// Its process, if that can be seen.
    pub pid: Option<u32>,
    /// Connections that may wait to be registered at a time.
    pub opening_max: usize,
}

/// What somebody who waits for a run is told.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Progress {
    /// So many of so many clients are connected.
    Connecting(usize, usize),
    /// So much of so much time is over.
    Running(Duration, Duration),
    /// Another part of a longer test begins.
    Step(&'static str),
    /// So many messages are still under way.
    Draining(u64),
}

/// Somebody who waits for a run.
pub struct Watcher<'a> {
    /// Told now and then.
    pub progress: &'a mut dyn FnMut(Progress),
    /// Set when they have waited enough.
    pub stop: Arc<AtomicBool>,
}

impl std::fmt::Debug for Watcher<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watcher")
            .field("stop", &self.stop)
            .finish_non_exhaustive()
    }
}

impl Watcher<'_> {
    /// Whether it is to end now.
    pub fn has_enough(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// Runs a scenario once.
pub fn run(
    site: &ServerUnderTest,
    scenario: &Scenario,
    plan: &Plan,
    watcher: &mut Watcher<'_>,
) -> Result<Report, SwarmError> {
    let dialect = site.dialect;
    let interval = interval_time(plan.time);
    match *scenario {
        Scenario::Dm { clients, window } => {
            let load = Dm::new(clients, window, plan.seed, interval);
            run_load(load, site, scenario, plan, watcher)
        }
        Scenario::Room {
            members,
            speakers,
            window,
        } => {
            let load = Room::new(members, speakers, window, dialect, interval);
            run_load(load, site, scenario, plan, watcher)
        }
        Scenario::Chats(_, roles) => {
            let load = Chats::new(roles, dialect, plan.seed, interval);
            run_load(load, site, scenario, plan, watcher)
        }
        Scenario::Idle { .. } => {
            let load = Chats::new(Roles::default(), dialect, plan.seed, interval);
            run_load(load, site, scenario, plan, watcher)
        }
        Scenario::Storm { at_once, rate } => {
            let load = Storm::new(at_once, rate, plan.seed, interval);
            run_load(load, site, scenario, plan, watcher)
        }
    }
}

/// A hundred points make a plot; shorter than a tenth of a second they are noise.
fn interval_time(time: Duration) -> Duration {
    (time / 100).max(Duration::from_millis(100))
}

fn run_load<L: Load>(
    mut load: L,
    site: &ServerUnderTest,
    scenario: &Scenario,
    plan: &Plan,
    watcher: &mut Watcher<'_>,
) -> Result<Report, SwarmError> {
    let count = scenario.clients();
    let mut swarm = Swarm::new(site.target.clone(), site.dialect, count, plan.size)?;
    swarm.opening_max = site.opening_max;
    let connecting = connect(&mut swarm, site, scenario, watcher)?;
    if !watcher.has_enough() {
        let now = swarm.now();
        load.start(now, &mut swarm.out);
        turn_for(&mut swarm, &mut load, plan.warm_up, watcher)?;
    }
    // Ended before anything was measured, there is nothing to divide by.
    let is_measured = !watcher.has_enough();

    let began = swarm.now();
    load.begin(began, &mut swarm.out);
    let before = [site.pid.and_then(Usage::of), Usage::own()];
    turn_for(&mut swarm, &mut load, plan.time, watcher)?;
    let after = [site.pid.and_then(Usage::of), Usage::own()];
    let ended = swarm.now();
    let interrupted = watcher.has_enough();
    load.end(ended);
    load.stop(&mut swarm.out);
    drain(&mut swarm, &mut load, plan.drain, watcher)?;

    let seconds = if is_measured {
        ended.since(began).as_secs_f64()
    } else {
        0.0
    };
    let messages = messages(&load, seconds);
    let delivered = messages.iter().map(|messages| messages.delivered).sum();
    let use_of = |place: usize| {
        let (before, after) = (before.get(place)?.as_ref()?, after.get(place)?.as_ref()?);
        is_measured.then(|| used(before, after, seconds, delivered))
    };
    let connects = load.connects();
    let report = Report {
        server: site.name.clone(),
        dialect: site.dialect.as_str(),
        workload: scenario.name(),
        clients: count,
        size: plan.size,
        parameters: scenario.parameters(),
        seconds,
        messages,
        faults: load.faults(),
        lag: load.lag(),
        told_missed: load.told_missed(),
        refused: swarm.trouble.refused,
        closed: swarm.trouble.closed,
        refusal: swarm.trouble.first.clone(),
        connects_per_second: (connects > 0).then(|| per_second(connects, seconds)),
        connecting,
        server_use: use_of(0),
        driver_use: use_of(1),
        interrupted,
    };
    if !watcher.has_enough() {
        swarm.leave(LEAVE_TIME)?;
    }
    Ok(report)
}

/// Connects everyone who is there from the start, and lets the members enter the room.
fn connect(
    swarm: &mut Swarm,
    site: &ServerUnderTest,
    scenario: &Scenario,
    watcher: &mut Watcher<'_>,
) -> Result<Connecting, SwarmError> {
    let (count, members) = (scenario.clients(), scenario.members());
    let from_the_start = match scenario {
        Scenario::Storm { .. } => CHATTING,
        _ => count,
    };
    let slow = match scenario {
        Scenario::Chats(_, roles) => roles.slow,
        _ => 0,
    };
    let before = site.pid.and_then(Usage::of);
    let began = swarm.now();
    let stop = watcher.stop.clone();
    let mut tell = |ready: usize| {
        (watcher.progress)(Progress::Connecting(ready, from_the_start));
        stop.load(Ordering::Relaxed)
    };
    let everyone = || clients(from_the_start);
    let (readers, sluggish) = (members.saturating_sub(slow), slow);
    if sluggish == 0 {
        swarm.connect(everyone(), CONNECT_TIME, &mut tell)?;
    } else {
        let is_slow = |place: usize| (readers..members).contains(&place);
        let quick = everyone().filter(|who| !is_slow(who.index()));
        swarm.connect(quick, CONNECT_TIME, &mut tell)?;
        swarm.receive_bytes = Some(SLOW_RECEIVE_BYTES);
        let slow = everyone().filter(|who| is_slow(who.index()));
        swarm.connect(slow, CONNECT_TIME, &mut tell)?;
    }
    let seconds = swarm.now().since(began).as_secs_f64();
    let after = site.pid.and_then(Usage::of);
    let each = as_f64(swarm.ready_count().max(1) as u64);
    if members > 0 && !stop.load(Ordering::Relaxed) {
        swarm.join(members, CONNECT_TIME, &mut tell)?;
    }
    let used = before.zip(after);
    Ok(Connecting {
        seconds,
        cpu_us_each: used.map(|(before, after)| {
            after.cpu().saturating_sub(before.cpu()).as_secs_f64() * 1e6 / each
        }),
        memory_kib_each: used.map(|(before, after)| {
            as_f64(after.resident_bytes.saturating_sub(before.resident_bytes)) / 1024.0 / each
        }),
    })
}

/// Goes on for `time`, or until it is enough, or nobody is there any more.
fn turn_for<L: Load>(
    swarm: &mut Swarm,
    load: &mut L,
    time: Duration,
    watcher: &mut Watcher<'_>,
) -> Result<(), SwarmError> {
    let began = swarm.now();
    let until = began.after(time);
    while swarm.now() < until && !watcher.has_enough() && !swarm.is_deserted() {
        let next = swarm.now().after(PROGRESS_TIME).min(until);
        while swarm.now() < next {
            swarm.turn(load, next)?;
        }
        let elapsed = swarm.now().since(began);
        (watcher.progress)(Progress::Running(elapsed, time));
    }
    Ok(())
}

/// Lets arrive what is under way, for at most `time`.
pub fn drain<L: Load>(
    swarm: &mut Swarm,
    load: &mut L,
    time: Duration,
    watcher: &mut Watcher<'_>,
) -> Result<(), SwarmError> {
    let give_up_at = swarm.now().after(time);
    while load.outstanding() > 0 && swarm.now() < give_up_at && !swarm.is_deserted() {
        (watcher.progress)(Progress::Draining(load.outstanding()));
        let next = swarm.now().after(PROGRESS_TIME).min(give_up_at);
        while load.outstanding() > 0 && swarm.now() < next {
            swarm.turn(load, next)?;
        }
    }
    Ok(())
}

pub fn messages<L: Load>(load: &L, seconds: f64) -> Vec<Messages> {
    let recorders = load.recorders();
    let of_kind = recorders.into_iter().map(|(kind, recorder)| Messages {
        kind,
        delivered: recorder.count(),
        per_second: per_second(recorder.count(), seconds),
        latency: recorder.latency(),
        intervals: recorder.intervals().to_vec(),
        percentiles: recorder.percentiles(),
    });
    of_kind.collect()
}

pub fn per_second(count: u64, seconds: f64) -> f64 {
    if count == 0 {
        return 0.0;
    }
    as_f64(count) / seconds
}

pub fn used(before: &Usage, after: &Usage, seconds: f64, delivered: u64) -> Use {
    let per_message = |before: Duration, after: Duration| {
        let time = after.saturating_sub(before).as_secs_f64();
        (delivered > 0).then(|| time * 1e6 / as_f64(delivered))
    };
    Use {
        cpu_us_per_message: per_message(before.cpu(), after.cpu()),
        user_us_per_message: per_message(before.user, after.user),
        system_us_per_message: per_message(before.system, after.system),
        busy: after.cpu().saturating_sub(before.cpu()).as_secs_f64() / seconds,
        peak_memory_kib: as_f64(after.peak_bytes) / 1024.0,
    }
}
