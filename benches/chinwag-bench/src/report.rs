//! What a run found, for people and for programs.

use comfy_table::{CellAlignment, Table, presets};
use serde::Serialize;

use crate::ledger::DeliveryErrors;
use crate::recorder::{Interval, Latency};

/// A process is taken to be at its limit when it runs for so much of the time.
const BUSY_SHARE: f64 = 0.9;

/// A rate is kept up when so much of it arrives: a run is short, and what its last moments sent
/// arrives after it.
pub const RATE_SHARE_MIN: f64 = 0.95;

/// One run. As JSON, this is one line; fields may be added, but none changes its meaning.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The server's name, or where it is.
    pub server: String,
    /// What it was spoken to in.
    pub dialect: &'static str,
    /// What the clients did.
    pub workload: &'static str,
    /// How many clients there were.
    pub clients: usize,
    /// Bytes of each message.
    pub size: usize,
    /// What else the workload was told.
    pub parameters: Vec<(&'static str, f64)>,
    /// How long it was measured.
    pub seconds: f64,
    /// Messages of each kind.
    pub messages: Vec<Messages>,
    /// What must be zero.
    #[serde(flatten)]
    pub faults: DeliveryErrors,
    /// How late this program sent what an open loop was to send: part of the latency shown.
    pub lag: Option<Latency>,
    /// Room lines that the server left out and said so.
    pub told_missed: u64,
    /// Lines in which the server refused something.
    pub refused: u64,
    /// Connections that the server ended.
    pub closed: u64,
    /// The first thing that it refused.
    pub refusal: Option<String>,
    /// Connections made and ended a second, while it was measured.
    pub connects_per_second: Option<f64>,
    /// How it was to connect them.
    pub connecting: Connecting,
    /// What the server used while it was measured, if that can be seen.
    pub server_use: Option<Use>,
    /// What this program used.
    pub driver_use: Option<Use>,
    /// It was ended before its time.
    pub interrupted: bool,
}

/// Messages of one kind.
#[derive(Clone, Debug, Serialize)]
pub struct Messages {
    /// `private` or `room`.
    pub kind: &'static str,
    /// How many arrived while it was measured.
    pub delivered: u64,
    /// In a second.
    pub per_second: f64,
    /// From the time when each was to be sent.
    pub latency: Option<Latency>,
    /// How that went over time. Not in JSON: a plot shows it.
    #[serde(skip)]
    pub intervals: Vec<Interval>,
    /// Latency by how rare it is. Not in JSON: a plot shows it.
    #[serde(skip)]
    pub percentiles: Vec<(f64, f64)>,
}

/// What it took to connect and register.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Connecting {
    /// How long it took for all.
    pub seconds: f64,
    /// Microseconds of the server's processor time for each.
    pub cpu_us_each: Option<f64>,
    /// Memory of the server for each, in KiB.
    pub memory_kib_each: Option<f64>,
}

/// What a process used.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Use {
    /// Microseconds of processor time for each message that arrived.
    pub cpu_us_per_message: Option<f64>,
    /// Of these, in its own code.
    pub user_us_per_message: Option<f64>,
    /// Of these, in the kernel.
    pub system_us_per_message: Option<f64>,
    /// Share of the time that it ran.
    pub busy: f64,
    /// The most memory it had, in KiB.
    pub peak_memory_kib: f64,
}

impl Report {
    /// Whether clients came and went: then messages are not what the server was busy with.
    pub fn is_storm(&self) -> bool {
        self.connects_per_second.is_some()
    }

    /// In a storm, microseconds of the server's processor for each who came and went.
    pub fn cpu_us_per_stay(&self) -> Option<f64> {
        Some(self.server_use?.busy * 1e6 / self.connects_per_second?)
    }

    /// How many messages arrived.
    pub fn delivered(&self) -> u64 {
        self.messages
            .iter()
            .map(|messages| messages.delivered)
            .sum()
    }

    /// In a second.
    pub fn per_second(&self) -> f64 {
        self.messages
            .iter()
            .map(|messages| messages.per_second)
            .sum()
    }

    /// The latency of messages of a kind, if there were any.
    pub fn latency(&self, kind: &str) -> Option<Latency> {
        let messages = self
            .messages
            .iter()
            .find(|messages| messages.kind == kind)?;
        messages.latency
    }

    /// Whether nothing was lost, doubled or swapped, and nobody thrown out.
    pub fn is_clean(&self) -> bool {
        self.faults.is_none() && self.closed == 0
    }

    /// Which of the two processes could do no more.
    pub fn limit(&self) -> Option<&'static str> {
        let is_busy = |process: Option<Use>| process.is_some_and(|used| used.busy > BUSY_SHARE);
        if is_busy(self.server_use) {
            Some("the server's processor")
        } else if is_busy(self.driver_use) && !self.is_on_time() {
            Some("this program's processor")
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

    /// What somebody who reads the figures should know.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.limit() == Some("this program's processor") {
            warnings.push(
                "this program was the limit, not the server: it could do more than is shown here"
                    .to_owned(),
            );
        }
        let private = self
            .messages
            .iter()
            .find(|messages| messages.kind == "private");
        if let (Some(rate), Some(private)) = (self.rate(), private)
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

    /// As one line of JSON.
    pub fn json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// Several runs of the same, one line each; with more than one, also their median and spread.
pub fn table(reports: &[Report]) -> String {
    let mut table = plain_table();
    table.set_header([
        "server",
        "workload",
        "kind",
        "delivered",
        "per second",
        "p50 ms",
        "p90 ms",
        "p99 ms",
        "p99.9 ms",
        "max ms",
        "lost",
        "twice",
        "disorder",
    ]);
    for report in reports {
        for messages in &report.messages {
            let latency = messages.latency.unwrap_or_default();
            table.add_row([
                report.server.clone(),
                report.workload.to_owned(),
                messages.kind.to_owned(),
                messages.delivered.to_string(),
                format!("{:.0}", messages.per_second),
                milliseconds(latency.p50_ms),
                milliseconds(latency.p90_ms),
                milliseconds(latency.p99_ms),
                milliseconds(latency.p999_ms),
                milliseconds(latency.max_ms),
                report.faults.lost.to_string(),
                report.faults.duplicated.to_string(),
                report.faults.out_of_order.to_string(),
            ]);
        }
    }
    if reports.len() > 1 {
        add_spread(&mut table, reports);
    }
    align(&mut table, 3);
    let has_messages = reports.iter().any(|report| !report.messages.is_empty());
    let usage = usage_table(reports);
    if has_messages {
        format!("{table}\n\n{usage}")
    } else {
        usage.to_string()
    }
}

/// What each run cost. Only if clients came and went, how many did.
fn usage_table(reports: &[Report]) -> Table {
    let mut table = plain_table();
    let has_storm = reports.iter().any(Report::is_storm);
    let heads = ["server", "workload", "clients"].into_iter();
    let heads = heads.chain(has_storm.then_some("connects/s")).chain([
        "server µs/msg",
        "user",
        "system",
        "busy",
        "peak MiB",
        "KiB/client",
        "µs/connect",
        "driver µs/msg",
        "busy",
    ]);
    table.set_header(heads);
    for report in reports {
        table.add_row(usage_row(report, has_storm));
    }
    align(&mut table, 2);
    table
}

fn usage_row(report: &Report, has_storm: bool) -> Vec<String> {
    let server = report.server_use;
    let driver = report.driver_use;
    let each = |used: Option<Use>, pick: fn(Use) -> Option<f64>| {
        figure(used.filter(|_| !report.is_storm()).and_then(pick), 2)
    };
    let connect = if report.is_storm() {
        report.cpu_us_per_stay()
    } else {
        report.connecting.cpu_us_each
    };
    let mut row = vec![
        report.server.clone(),
        report.workload.to_owned(),
        report.clients.to_string(),
    ];
    row.extend(has_storm.then(|| figure(report.connects_per_second, 0)));
    row.extend([
        each(server, |used| used.cpu_us_per_message),
        each(server, |used| used.user_us_per_message),
        each(server, |used| used.system_us_per_message),
        percent(server),
        figure(server.map(|used| used.peak_memory_kib / 1024.0), 1),
        figure(report.connecting.memory_kib_each, 2),
        figure(connect, 1),
        each(driver, |used| used.cpu_us_per_message),
        percent(driver),
    ]);
    row
}

/// The median over the runs, and the lowest and the highest.
fn add_spread(table: &mut Table, reports: &[Report]) {
    let kinds = reports.first().map_or(&[][..], |report| &report.messages);
    for kind in kinds.iter().map(|messages| messages.kind) {
        let column = |pick: fn(&Messages) -> f64, show: fn(f64) -> String| {
            let of_kind = reports.iter().filter_map(|report| {
                let mut messages = report.messages.iter();
                messages.find(|messages| messages.kind == kind).map(pick)
            });
            let spread = Spread::of(of_kind.collect());
            spread.map_or_else(String::new, |spread| {
                format!(
                    "{} ({}–{})",
                    show(spread.median),
                    show(spread.lowest),
                    show(spread.highest)
                )
            })
        };
        let whole = |value: f64| format!("{value:.0}");
        table.add_row([
            "median".to_owned(),
            format!("of {}", reports.len()),
            kind.to_owned(),
            column(|m| crate::recorder::as_f64(m.delivered), whole),
            column(|m| m.per_second, whole),
            column(|m| m.latency.unwrap_or_default().p50_ms, milliseconds),
            column(|m| m.latency.unwrap_or_default().p90_ms, milliseconds),
            column(|m| m.latency.unwrap_or_default().p99_ms, milliseconds),
            column(|m| m.latency.unwrap_or_default().p999_ms, milliseconds),
            column(|m| m.latency.unwrap_or_default().max_ms, milliseconds),
        ]);
    }
}

/// The middle of several values, and how far apart they are.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Spread {
    /// As many are below as above.
    pub median: f64,
    /// The least.
    pub lowest: f64,
    /// The most.
    pub highest: f64,
}

impl Spread {
    /// Of some values, in any order.
    pub fn of(mut values: Vec<f64>) -> Option<Self> {
        values.sort_by(f64::total_cmp);
        let middle = values.get((values.len().saturating_sub(1)) / 2..=values.len() / 2)?;
        Some(Self {
            median: middle.iter().sum::<f64>() / crate::recorder::as_f64(middle.len() as u64),
            lowest: *values.first()?,
            highest: *values.last()?,
        })
    }
}

/// A table without lines, to be read in a terminal or pasted into a text.
pub fn plain_table() -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table
}

/// Puts all columns but the first ones to the right.
pub fn align(table: &mut Table, texts: usize) {
    for column in table.column_iter_mut().skip(texts) {
        column.set_cell_alignment(CellAlignment::Right);
    }
}

/// A time in milliseconds, in as many digits as matter.
pub fn milliseconds(value: f64) -> String {
    if value < 10.0 {
        format!("{value:.3}")
    } else {
        format!("{value:.1}")
    }
}

/// A value, or a dash if it is not known.
pub fn figure(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(|| "–".to_owned(), |value| format!("{value:.digits$}"))
}

fn percent(used: Option<Use>) -> String {
    used.map_or_else(
        || "–".to_owned(),
        |used| format!("{:.0} %", used.busy * 100.0),
    )
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
            parameters: Vec::new(),
            seconds: 2.0,
            messages: Vec::new(),
            faults: DeliveryErrors::default(),
            lag: None,
            told_missed: 0,
            refused: 0,
            closed: 0,
            refusal: None,
            connects_per_second: None,
            connecting: Connecting::default(),
            server_use: None,
            driver_use: None,
            interrupted: false,
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
        let row = cells(&table(slice::from_ref(&chat)), "µs/connect");
        let show = |name: &str| row.get(name).map(String::as_str);
        assert_eq!(show("server µs/msg"), Some("2466.22"));
        assert_eq!(show("µs/connect"), Some("33.3"));
        assert_eq!(show("connects/s"), None, "nobody came or went");
        let row = cells(&table(&[storm]), "µs/connect");
        let show = |name: &str| row.get(name).map(String::as_str);
        assert_eq!(show("connects/s"), Some("8000"));
        assert_eq!(show("µs/connect"), Some("62.5"), "half of each second");
        for column in ["server µs/msg", "user", "system", "driver µs/msg"] {
            assert_eq!(show(column), Some("–"), "{column}");
        }
    }

    #[test]
    fn the_median_of_an_even_number_is_between_the_middle_two() {
        let spread = |values: &[f64]| Spread::of(values.to_vec()).unwrap();
        let expected = |median, lowest, highest| Spread {
            median,
            lowest,
            highest,
        };
        assert_eq!(spread(&[3.0]), expected(3.0, 3.0, 3.0));
        assert_eq!(spread(&[3.0, 1.0]), expected(2.0, 1.0, 3.0));
        assert_eq!(spread(&[9.0, 1.0, 2.0]), expected(2.0, 1.0, 9.0));
        assert_eq!(Spread::of(Vec::new()), None);
    }
}
