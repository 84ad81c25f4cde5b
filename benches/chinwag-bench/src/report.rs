//! What a run found, for people and for programs.

use serde::Serialize;

use crate::ledger::DeliveryErrors;
use crate::process::Usage;
use crate::recorder::{Interval, Latency, Recorder, as_f64};
use crate::table::{Figure, cells, hundredths, names, percent, short, table, tenths, whole};
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
    /// `private`, `room`, or in a soak `lobby`.
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
    fn new(kind: &'static str, recorder: &Recorder, seconds: f64) -> Self {
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
    pub fn until(&self, after: &Self, seconds: f64, messages: &[Messages]) -> [Option<Use>; 2] {
        let delivered = messages.iter().map(|messages| messages.delivered).sum();
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
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.limit() == Some(OWN_PROCESSOR) {
            warnings.push(
                "this program was the limit, not the server: it could do more than is shown here"
                    .to_owned(),
            );
        }
        if let (Some(rate), Some(private)) = (self.rate(), self.messages("private"))
            && private.per_second < rate * RATE_SHARE_MIN
        {
            warnings.push(format!(
                "of {rate:.0} private messages a second that were to be sent, {:.0} arrived: the \
                 latency shown is of a rate that was too much",
                private.per_second
            ));
        }
        if self.server_use.is_none() && self.seconds > 0.0 {
            warnings.push(
                "the server's process is not known, so its use is not shown; if it runs on this \
                 machine, --pid PID names it"
                    .to_owned(),
            );
        }
        if let Some(refusal) = &self.refusal {
            warnings.push(format!(
                "the server refused {} lines: {refusal}",
                self.refused
            ));
        }
        if self.told_missed > 0 {
            warnings.push(format!(
                "the server left out {} room lines for those who did not read, and told them",
                self.told_missed
            ));
        }
        if self.closed > 0 {
            warnings.push(format!("the server closed {} connections", self.closed));
        }
        if self.interrupted {
            warnings.push("it was interrupted: these are the figures until then".to_owned());
        }
        warnings
    }

    pub fn json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

pub const MESSAGE_FIGURES: [Figure<Messages>; 7] = [
    Figure::new("delivered", |of| Some(as_f64(of.delivered)), whole),
    Figure::new("per second", |of| Some(of.per_second), whole),
    Figure::new("p50 ms", |of| Some(of.latency?.p50_ms), short),
    Figure::new("p90 ms", |of| Some(of.latency?.p90_ms), short),
    Figure::new("p99 ms", |of| Some(of.latency?.p99_ms), short),
    Figure::new("p99.9 ms", |of| Some(of.latency?.p999_ms), short),
    Figure::new("max ms", |of| Some(of.latency?.max_ms), short),
];

const ERROR_FIGURES: [Figure<Report>; 3] = [
    Figure::new("lost", |of| Some(as_f64(of.errors.lost)), whole),
    Figure::new("twice", |of| Some(as_f64(of.errors.duplicated)), whole),
    Figure::new("disorder", |of| Some(as_f64(of.errors.out_of_order)), whole),
];

/// Only where clients came and went.
const STORM_FIGURES: [Figure<Report>; 1] = [Figure::new(
    "connects/s",
    |of| of.connects_per_second,
    whole,
)];

const USE_FIGURES: [Figure<Report>; 9] = [
    Figure::new(
        "server µs/msg",
        |of| of.server_us(|used| used.cpu_us_per_message),
        hundredths,
    ),
    Figure::new(
        "user",
        |of| of.server_us(|used| used.user_us_per_message),
        hundredths,
    ),
    Figure::new(
        "system",
        |of| of.server_us(|used| used.system_us_per_message),
        hundredths,
    ),
    Figure::new("busy", |of| Some(of.server_use?.busy), percent),
    Figure::new(
        "peak MiB",
        |of| Some(of.server_use?.peak_memory_kib / 1024.0),
        tenths,
    ),
    Figure::new("KiB/client", |of| of.connecting.memory_kib_each, hundredths),
    Figure::new(
        "µs/connect",
        |of| {
            if of.is_storm() {
                of.cpu_us_per_stay()
            } else {
                of.connecting.cpu_us_each
            }
        },
        tenths,
    ),
    Figure::new(
        "driver µs/msg",
        |of| of.driver_use.filter(|_| !of.is_storm())?.cpu_us_per_message,
        hundredths,
    ),
    Figure::new("busy", |of| Some(of.driver_use?.busy), percent),
];

/// Several runs of the same, one line each; with more than one, also their median and spread.
pub fn text(reports: &[Report]) -> String {
    let labels = |report: &Report| [report.server.clone(), report.workload.to_owned()];
    let head = ["server", "workload", "kind"]
        .map(str::to_owned)
        .into_iter();
    let head = head
        .chain(names(&MESSAGE_FIGURES))
        .chain(names(&ERROR_FIGURES));
    let runs = reports.iter().flat_map(|report| {
        report.messages.iter().map(move |messages| {
            let labels = labels(report).into_iter().chain([messages.kind.to_owned()]);
            let figures = cells(&MESSAGE_FIGURES, messages).chain(cells(&ERROR_FIGURES, report));
            labels.chain(figures).collect()
        })
    });
    let kinds = reports.first().filter(|_| reports.len() > 1);
    let spreads = kinds
        .into_iter()
        .flat_map(|first| &first.messages)
        .map(|first| {
            let labels = [
                "median".to_owned(),
                format!("of {}", reports.len()),
                first.kind.to_owned(),
            ];
            let of_kind = || {
                reports
                    .iter()
                    .filter_map(|report| report.messages(first.kind))
            };
            let figures = MESSAGE_FIGURES
                .iter()
                .map(|figure| figure.spread(of_kind()));
            labels.into_iter().chain(figures).collect()
        });
    let messages = table(3, head, runs.chain(spreads));

    let storm = if reports.iter().any(Report::is_storm) {
        &STORM_FIGURES[..]
    } else {
        &[]
    };
    let head = ["server", "workload", "clients"]
        .map(str::to_owned)
        .into_iter();
    let head = head.chain(names(storm)).chain(names(&USE_FIGURES));
    let rows = reports.iter().map(|report| {
        let labels = labels(report)
            .into_iter()
            .chain([report.clients.to_string()]);
        labels
            .chain(cells(storm, report))
            .chain(cells(&USE_FIGURES, report))
            .collect()
    });
    let used = table(2, head, rows);
    if reports.iter().all(|report| report.messages.is_empty()) {
        return used.to_string();
    }
    format!("{messages}\n\n{used}")
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

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::slice;

    use super::*;

    /// The cells of the first row below a head, by column; the first of two that have one name.
    fn cells(table: &str, head: &str) -> HashMap<String, String> {
        let mut lines = table.lines().skip_while(|line| !line.contains(head));
        let heads = lines.next().expect("a line with these heads");
        let mut texts = split(lines.next().expect("a row"));
        let mut cells = HashMap::new();
        for head in split(heads) {
            cells.entry(head).or_insert_with(|| texts.remove(0));
        }
        cells
    }

    /// Cells are two spaces or more apart.
    fn split(line: &str) -> Vec<String> {
        let cells = line.split("  ").map(str::trim);
        let cells = cells.filter(|cell| !cell.is_empty());
        cells.map(str::to_owned).collect()
    }

    #[test]
    fn a_storm_costs_by_the_connection_and_not_by_the_message() {
        let used = Use {
            cpu_us_per_message: Some(2466.22),
            user_us_per_message: Some(800.0),
            system_us_per_message: Some(1666.22),
            busy: 0.5,
            peak_memory_kib: 2048.0,
        };
        let chat = Report {
            server_use: Some(used),
            driver_use: Some(used),
            connecting: Connecting {
                cpu_us_each: Some(33.3),
                ..Connecting::default()
            },
            ..Report::blank("x", "dm")
        };
        let storm = Report {
            connects_per_second: Some(8000.0),
            workload: "storm",
            ..chat.clone()
        };
        let row = cells(&text(slice::from_ref(&chat)), "µs/connect");
        let show = |name: &str| row.get(name).map(String::as_str);
        assert_eq!(show("server µs/msg"), Some("2466.22"));
        assert_eq!(show("µs/connect"), Some("33.3"));
        assert_eq!(show("connects/s"), None, "nobody came or went");
        let row = cells(&text(&[storm]), "µs/connect");
        let show = |name: &str| row.get(name).map(String::as_str);
        assert_eq!(show("connects/s"), Some("8000"));
        assert_eq!(show("µs/connect"), Some("62.5"), "half of each second");
        for column in ["server µs/msg", "user", "system", "driver µs/msg"] {
            assert_eq!(show(column), Some("–"), "{column}");
        }
    }
}
