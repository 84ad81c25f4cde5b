//! Runs that look for a limit: the rate at which latency passes a bound, and how many clients a
//! machine holds.

use std::io;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde::Serialize;

use crate::args::Scenario;
use crate::client::CLIENTS_MAX;
use crate::process::Usage;
use crate::report::{Connecting, RATE_SHARE_MIN, Report};
use crate::run::{Setup, run};
use crate::swarm::{Swarm, SwarmError};
use crate::table::{hundredths, shown, tenths};
use crate::timestamp::Timestamp;

/// Descriptors that this program keeps for itself: its poll, its timer, its files.
const RESERVED_FDS: usize = 32;

const STEP_CLIENTS: usize = 500;

/// A step that takes longer has found a limit.
const STEP_TIME: Duration = Duration::from_secs(10);

/// Doubles the rate of private messages between `clients` until their p99 passes `p99_max`, or
/// messages are lost, or it is stopped. Returns a report for each rate.
pub fn ramp(
    setup: Setup<'_>,
    clients: usize,
    first_rate: f64,
    p99_max: Duration,
) -> Result<Vec<Report>, SwarmError> {
    let mut reports = Vec::new();
    let mut rate = first_rate;
    loop {
        let report = Report {
            workload: "ramp",
            ..run(setup, &Scenario::Rate { clients, rate })?
        };
        let is_over = !keeps_up(&report, rate, p99_max) || setup.watcher.has_stopped();
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

#[derive(Clone, Debug, Serialize)]
pub struct Capacity {
    pub clients: usize,
    pub limit: String,
    #[serde(flatten)]
    pub connecting: Connecting,
}

impl Capacity {
    pub fn text(&self) -> String {
        format!(
            "clients    {} at a time, connected in {:.1} s; the limit: {}\n\
             \x20          {} KiB of memory each, {} µs of the server's processor to connect one",
            self.clients,
            self.connecting.seconds,
            self.limit,
            shown(self.connecting.memory_kib_each, hundredths),
            shown(self.connecting.cpu_us_each, tenths),
        )
    }
}

/// Connects more and more clients, up to `clients_max`, until no more fit.
pub fn find_limit(setup: Setup<'_>, clients_max: Option<usize>) -> Result<Capacity, SwarmError> {
    let Setup {
        server, watcher, ..
    } = setup;
    let asked_for = clients_max.unwrap_or(CLIENTS_MAX).min(CLIENTS_MAX);
    let most = asked_for.min(descriptors_max().saturating_sub(RESERVED_FDS));
    let mut swarm = Swarm::new(server, most, 64)?;
    let before = server.pid.and_then(Usage::of);
    let mut ended = None;
    while swarm.clients.ready < most && ended.is_none() && !watcher.has_stopped() {
        let from = swarm.clients.ready;
        let more = from..(from + STEP_CLIENTS).min(most);
        match swarm.connect(more, &(0..0), most, STEP_TIME, watcher) {
            Ok(()) => {}
            Err(error) if swarm.clients.ready == 0 => return Err(error),
            Err(error) => ended = Some(reason(&error)),
        }
    }
    let seconds = swarm.now().since(Timestamp::default()).as_secs_f64();
    let looks = before.zip(server.pid.and_then(Usage::of));
    let clients = swarm.clients.ready;
    let limit = ended.unwrap_or_else(|| {
        if watcher.has_stopped() {
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
    if !watcher.has_stopped() {
        swarm.leave()?;
    }
    Ok(Capacity {
        clients,
        limit,
        connecting: Connecting::between(looks, seconds, clients),
    })
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
    let Rlimit { maximum, current } = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: maximum,
        maximum,
    };
    let is_raised = setrlimit(Resource::Nofile, raised).is_ok();
    let limit = if is_raised { maximum } else { current };
    limit.map_or(usize::MAX, |limit| {
        usize::try_from(limit).unwrap_or(usize::MAX)
    })
}

/// Fails if there are not enough descriptors for these clients.
pub fn check_descriptors(clients: usize) -> Result<(), SwarmError> {
    let most = descriptors_max().saturating_sub(RESERVED_FDS);
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
