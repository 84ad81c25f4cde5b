//! What a run found, for people and for programs.

use serde::Serialize;

use crate::ledger::DeliveryErrors;
use crate::process::Usage;
use crate::recorder::{Interval, Latency, Recorder, as_f64};
use crate::traffic::Chat;

/// A process is taken to be at its limit when it runs for this share of the time.
const BUSY_SHARE: f64 = 0.9;

/// A rate is kept up when this share of it arrives: a run is short, and what its last moments sent
/// arrives after it.
pub const RATE_SHARE_MIN: f64 = 0.95;

const OWN_PROCESSOR: &str = "this program's processor";

/// One run. As JSON, this is one line; fields may be added, but none changes its meaning.
/// `docs/load-testing.md` tells what they are.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    pub server: String,
    pub dialect: &'static str,
    pub workload: &'static str,
    pub clients: usize,
    pub size: usize,
    pub parameters: Vec<(&'static str, f64)>,
    pub seconds: f64,
    pub messages: Vec<Messages>,
    #[serde(flatten)]
    pub errors: DeliveryErrors,
    pub lag: Option<Latency>,
    pub told_missed: u64,
    pub refused: u64,
    pub closed: u64,
    pub refusal: Option<String>,
    pub connects_per_second: Option<f64>,
    pub connecting: Connecting,
    pub server_use: Option<Use>,
    pub driver_use: Option<Use>,
    pub interrupted: bool,
}

/// Messages of one kind that arrived while it was measured.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Messages {
    /// `private`, `room`, in a soak `lobby`, and where lines are kept `ok` and `live`.
    pub kind: &'static str,
    pub delivered: u64,
    pub per_second: f64,
    pub latency: Option<Latency>,
    /// For a drawing.
    #[serde(skip)]
    pub intervals: Vec<Interval>,
    /// Latency by how rare it is, for a drawing.
    #[serde(skip)]
    pub percentiles: Vec<(f64, f64)>,
}

impl Messages {
    pub fn new(kind: &'static str, recorder: &Recorder, seconds: f64) -> Self {
        Self {
            kind,
            delivered: recorder.count(),
            per_second: per_second(recorder.count(), seconds),
            latency: recorder.latency(),
            intervals: recorder.intervals().to_vec(),
            percentiles: recorder.percentiles(),
        }
    }

    pub fn of(chat: &Chat, seconds: f64) -> Vec<Self> {
        let kinds = chat.recorders();
        kinds
            .map(|(kind, recorder)| Self::new(kind, recorder, seconds))
            .collect()
    }
}

pub fn per_second(count: u64, seconds: f64) -> f64 {
    if count == 0 {
        return 0.0;
    }
    as_f64(count) / seconds
}

/// What it took to connect and register; for each client, if the server can be seen.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Connecting {
    pub seconds: f64,
    pub cpu_us_each: Option<f64>,
    pub memory_kib_each: Option<f64>,
}

impl Connecting {
    /// Of `clients`, between two looks at the server.
    pub fn between(looks: Option<(Usage, Usage)>, seconds: f64, clients: usize) -> Self {
        let each = as_f64(clients.max(1) as u64);
        Self {
            seconds,
            cpu_us_each: looks
                .map(|(before, after)| after.cpu_since(&before).as_secs_f64() * 1e6 / each),
            memory_kib_each: looks
                .map(|(before, after)| (after.resident_kib - before.resident_kib).max(0.0) / each),
        }
    }
}

/// What a process used.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Use {
    /// Processor time for each message that arrived.
    pub cpu_us_per_message: Option<f64>,
    pub user_us_per_message: Option<f64>,
    pub system_us_per_message: Option<f64>,
    /// Share of the time that it ran.
    pub busy: f64,
    pub peak_memory_kib: f64,
}

impl Use {
    /// Between two looks, for each of `delivered` messages.
    pub fn between(before: &Usage, after: &Usage, seconds: f64, delivered: u64) -> Self {
        let each = |pick: fn(&Usage) -> std::time::Duration| {
            let time = pick(after).saturating_sub(pick(before)).as_secs_f64();
            (delivered > 0).then(|| time * 1e6 / as_f64(delivered))
        };
        Self {
            cpu_us_per_message: each(Usage::cpu),
            user_us_per_message: each(|usage| usage.user),
            system_us_per_message: each(|usage| usage.system),
            busy: after.cpu_since(before).as_secs_f64() / seconds,
            peak_memory_kib: after.peak_kib,
        }
    }
}

/// What both processes had used at one time.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    pub server: Option<Usage>,
    pub driver: Option<Usage>,
}

impl Look {
    pub fn now(server: Option<u32>) -> Self {
        Self {
            server: server.and_then(Usage::of),
            driver: Usage::own(),
        }
    }

    /// What the server and the driver used since.
    pub fn until(&self, after: &Self, seconds: f64, delivered: u64) -> [Option<Use>; 2] {
        [(self.server, after.server), (self.driver, after.driver)]
            .map(|(before, after)| Some(Use::between(&before?, &after?, seconds, delivered)))
    }
}

impl Report {
    /// Whether clients came and went: then messages are not what the server was busy with.
    pub fn is_storm(&self) -> bool {
        self.connects_per_second.is_some()
    }

    /// Processor time of the server for each message, unless clients came and went.
    pub fn server_us(&self, pick: fn(&Use) -> Option<f64>) -> Option<f64> {
        self.server_use
            .filter(|_| !self.is_storm())
            .as_ref()
            .and_then(pick)
    }

    /// In a storm, microseconds of the server's processor for each client that came and went.
    pub fn cpu_us_per_stay(&self) -> Option<f64> {
        Some(self.server_use?.busy * 1e6 / self.connects_per_second?)
    }

    pub fn delivered(&self) -> u64 {
        self.messages
            .iter()
            .map(|messages| messages.delivered)
            .sum()
    }

    pub fn per_second(&self) -> f64 {
        self.messages
            .iter()
            .map(|messages| messages.per_second)
            .sum()
    }

    pub fn messages(&self, kind: &str) -> Option<&Messages> {
        self.messages.iter().find(|messages| messages.kind == kind)
    }

    /// The latency of messages of a kind, if there were any.
    pub fn latency(&self, kind: &str) -> Option<Latency> {
        self.messages(kind)?.latency
    }

    /// Whether nothing was lost, doubled or swapped, and no client closed.
    pub fn is_clean(&self) -> bool {
        self.errors.is_none() && self.closed == 0
    }

    /// Which of the two processes could do no more.
    pub fn limit(&self) -> Option<&'static str> {
        let is_busy = |process: Option<Use>| process.is_some_and(|used| used.busy > BUSY_SHARE);
        if is_busy(self.server_use) {
            Some("the server's processor")
        } else if is_busy(self.driver_use) && !self.is_on_time() {
            Some(OWN_PROCESSOR)
        } else {
            None
        }
    }

    /// Whether this is an open loop whose messages left when they were to: a driver that polls all
    /// the time to be on time is busy, and no limit.
    fn is_on_time(&self) -> bool {
        let latency = self.latency("private").unwrap_or_default();
        let half = latency.p50_ms / 2.0;
        self.lag
            .is_some_and(|lag| lag.p50_ms <= half && lag.p99_ms <= latency.p99_ms / 2.0)
    }

    /// Messages a second that an open loop was to send, if it is one.
    pub fn rate(&self) -> Option<f64> {
        let named = self.parameters.iter().find(|(name, _)| *name == "rate");
        named.map(|(_, rate)| *rate)
    }

    /// Remarks on the figures for their reader.
    pub fn warnings(&self) -> impl Iterator<Item = String> {
        let arrived = self
            .messages("private")
            .map_or(0.0, |private| private.per_second);
        let rate = self.rate().filter(|rate| arrived < rate * RATE_SHARE_MIN);
        let is_unseen = self.server_use.is_none() && self.seconds > 0.0;
        let refusal = self.refusal.as_deref();
        let warnings = [
            (self.limit() == Some(OWN_PROCESSOR)).then(|| {
                "this program was the limit, not the server: it could do more than is shown here"
                    .to_owned()
            }),
            rate.map(|rate| {
                format!(
                    "of {rate:.0} private messages a second that were to be sent, {arrived:.0} \
                     arrived: the latency shown is of a rate that was too much"
                )
            }),
            is_unseen.then(|| {
                "the server's process is not known, so its use is not shown; if it runs on this \
                 machine, --pid PID names it"
                    .to_owned()
            }),
            refusal.map(|text| format!("the server refused {} lines: {text}", self.refused)),
            (self.told_missed > 0).then(|| {
                format!(
                    "the server left out {} room lines for those who did not read, and told them",
                    self.told_missed
                )
            }),
            (self.closed > 0).then(|| format!("the server closed {} connections", self.closed)),
            (self.interrupted)
                .then(|| "it was interrupted: these are the figures until then".to_owned()),
        ];
        warnings.into_iter().flatten()
    }
}

#[cfg(test)]
impl Report {
    /// Of two seconds in which nothing was measured, for tests to fill in.
    pub fn blank(server: &str, workload: &'static str) -> Self {
        Self {
            server: server.to_owned(),
            dialect: "chinwag",
            workload,
            clients: 100,
            size: 64,
            seconds: 2.0,
            ..Self::default()
        }
    }
}
