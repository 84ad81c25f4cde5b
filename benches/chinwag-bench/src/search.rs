//! Runs that look for a limit: the rate at which latency passes a bound, and how many clients a
//! machine holds.

use std::io;
use std::time::Duration;

use serde::Serialize;

use crate::client::{CLIENTS_MAX, clients};
use crate::process::Usage;
use crate::recorder::as_f64;
use crate::report::{RATE_SHARE_MIN, Report};
use crate::run::{LEAVE_TIME, Plan, Progress, Scenario, ServerUnderTest, Watcher, run};
use crate::swarm::{Swarm, SwarmError};
use crate::timestamp::Timestamp;
use crate::workload::Roles;

/// Descriptors that this program keeps for itself: its poll, its timer, its files.
const DESCRIPTORS_KEPT: usize = 32;

/// Clients are added in such steps.
const STEP_CLIENTS: usize = 500;

/// A step that takes longer has found a limit.
const STEP_TIME: Duration = Duration::from_secs(10);

/// Doubles the rate of private messages between `clients` until their p99 passes `p99_max`, or
/// messages are lost, or the run is stopped. Returns a report for each rate.
pub fn ramp(
    site: &ServerUnderTest,
    clients: usize,
    first_rate: f64,
    p99_max: Duration,
    plan: &Plan,
    watcher: &mut Watcher<'_>,
) -> Result<Vec<Report>, SwarmError> {
    let mut reports = Vec::new();
    let mut rate = first_rate;
    loop {
        let roles = Roles {
            private_clients: clients,
            private_rate: rate,
            ..Roles::default()
        };
        let report = run(site, &Scenario::Chats("ramp", roles), plan, watcher)?;
        let is_over = !keeps_up(&report, rate, p99_max) || watcher.has_enough();
        reports.push(report);
        if is_over {
            return Ok(reports);
        }
        rate *= 2.0;
    }
}

/// Whether a server carried a rate: all of it arrived, in time.
pub fn keeps_up(report: &Report, rate: f64, p99_max: Duration) -> bool {
    let p99 = report
        .latency("private")
        .map_or(f64::MAX, |latency| latency.p99_ms);
    report.is_clean()
        && report.per_second() >= rate * RATE_SHARE_MIN
        && p99 <= p99_max.as_secs_f64() * 1e3
}

/// How many clients fit, and what ended the search.
#[derive(Clone, Debug, Serialize)]
pub struct Capacity {
    /// So many were registered at a time.
    pub clients: usize,
    /// Why there were not more.
    pub limit: String,
    /// Memory of the server for each, in KiB.
    pub memory_kib_each: Option<f64>,
    /// The server's processor time to connect and register one, in microseconds.
    pub cpu_us_each: Option<f64>,
    /// How long it took.
    pub seconds: f64,
}

/// Connects more and more clients, up to `clients_max`, until no more fit.
pub fn find_limit(
    site: &ServerUnderTest,
    clients_max: Option<usize>,
    watcher: &mut Watcher<'_>,
) -> Result<Capacity, SwarmError> {
    let descriptors = descriptors_max().saturating_sub(DESCRIPTORS_KEPT);
    let asked_for = clients_max.unwrap_or(CLIENTS_MAX).min(CLIENTS_MAX);
    let most = asked_for.min(descriptors);
    let mut swarm = Swarm::new(site.target.clone(), site.dialect, most, 64)?;
    swarm.opening_max = site.opening_max;
    let before = site.pid.and_then(Usage::of);
    let stop = watcher.stop.clone();
    let mut ended = None;
    while swarm.ready_count() < most && ended.is_none() && !watcher.has_enough() {
        let from = swarm.ready_count();
        let more = clients((from + STEP_CLIENTS).min(most)).skip(from);
        let connected = swarm.connect(more, STEP_TIME, &mut |ready| {
            (watcher.progress)(Progress::Connecting(ready, most));
            stop.load(std::sync::atomic::Ordering::Relaxed)
        });
        match connected {
            Ok(()) => {}
            Err(error) if swarm.ready_count() == 0 => return Err(error),
            Err(error) => ended = Some(reason(&error)),
        }
    }
    let clients = swarm.ready_count();
    let seconds = swarm.now().since(Timestamp::default()).as_secs_f64();
    let used = before.zip(site.pid.and_then(Usage::of));
    let each = |whole: f64| whole / as_f64(clients.max(1) as u64);
    let limit = ended.unwrap_or_else(|| {
        if watcher.has_enough() {
            "interrupted".to_owned()
        } else if most < asked_for {
            format!(
                "this program may open {} files (ulimit -n)",
                descriptors_max()
            )
        } else {
            "none was reached; more were not tried".to_owned()
        }
    });
    let capacity = Capacity {
        clients,
        limit,
        memory_kib_each: used.map(|(before, after)| {
            each(as_f64(after.resident_bytes.saturating_sub(before.resident_bytes)) / 1024.0)
        }),
        cpu_us_each: used.map(|(before, after)| {
            each(after.cpu().saturating_sub(before.cpu()).as_secs_f64() * 1e6)
        }),
        seconds,
    };
    if !watcher.has_enough() {
        swarm.leave(LEAVE_TIME)?;
    }
    Ok(capacity)
}

fn reason(error: &SwarmError) -> String {
    match error {
        SwarmError::Connect { source, .. }
            if source.raw_os_error() == Some(rustix::io::Errno::MFILE.raw_os_error()) =>
        {
            "this program may open no more files (ulimit -n)".to_owned()
        }
        SwarmError::NotReady { why, .. } => why.clone(),
        other => other.to_string(),
    }
}

/// How many files this program may have open. The soft limit is raised to the hard one; servers
/// that are started inherit that.
pub fn descriptors_max() -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { maximum, current } = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: maximum,
        maximum,
    };
    let limit = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => maximum,
        Err(_) => current,
    };
    limit.map_or(usize::MAX, |limit| {
        usize::try_from(limit).unwrap_or(usize::MAX)
    })
}

/// Says that there are not enough files for so many clients, if so.
pub fn check_descriptors(clients: usize) -> Result<(), SwarmError> {
    let most = descriptors_max().saturating_sub(DESCRIPTORS_KEPT);
    if clients <= most {
        return Ok(());
    }
    Err(SwarmError::System {
        doing: "have so many clients",
        source: io::Error::other(format!(
            "{clients} need as many open files, and {most} are left of this program's limit; \
             raise it with ulimit -n"
        )),
    })
}
