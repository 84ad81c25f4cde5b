//! What was found of a kept room, for people and for programs.

use std::iter;

use serde::Serialize;

use super::ledger::Faults;
use crate::figures::MESSAGE_FIGURES;
use crate::ledger::DeliveryErrors;
use crate::recorder::as_f64;
use crate::report::Report;
use crate::table::{Figure, hundredths, names, percent, short, table, tenths, whole};

/// One run, or one round. As JSON, this is one line; fields may be added, but none changes its meaning.
#[derive(Clone, Debug, Default, Serialize)]
pub struct KeptReport {
    #[serde(flatten)]
    pub run: Report,
    /// Messages to people who were away, answered `ok`.
    pub waiting: u64,
    /// Lines that came back from the history, and messages that had waited.
    pub checked: u64,
    /// Lines with another id than they had, and ids with another line.
    pub renumbered: u64,
    /// The first thing that went wrong.
    pub fault: Option<String>,
    /// After a kill, until the next daemon listens.
    pub reopened_ms: Option<f64>,
    /// The file and its log, after the last daemon has ended.
    pub store_bytes: Option<u64>,
    /// For each line that was answered `ok`.
    pub store_bytes_per_line: Option<f64>,
}

const USE_FIGURES: [Figure<KeptReport>; 10] = [
    Figure::new(
        "server µs/line",
        |of| of.run.server_us(|used| used.cpu_us_per_message),
        hundredths,
    ),
    Figure::new(
        "user",
        |of| of.run.server_us(|used| used.user_us_per_message),
        hundredths,
    ),
    Figure::new(
        "system",
        |of| of.run.server_us(|used| used.system_us_per_message),
        hundredths,
    ),
    Figure::new("busy", |of| Some(of.run.server_use?.busy), percent),
    Figure::new("driver busy", |of| Some(of.run.driver_use?.busy), percent),
    Figure::new("waiting", |of| Some(as_f64(of.waiting)), whole),
    Figure::new("checked", |of| Some(as_f64(of.checked)), whole),
    Figure::new("reopened ms", |of| of.reopened_ms, tenths),
    Figure::new(
        "store KiB",
        |of| Some(as_f64(of.store_bytes?) / 1024.0),
        whole,
    ),
    Figure::new("bytes/line", |of| of.store_bytes_per_line, short),
];

impl KeptReport {
    pub fn add_faults(&mut self, faults: Faults) {
        let errors = [self.run.errors, faults.errors];
        self.run.errors = errors.into_iter().sum();
        self.renumbered += faults.renumbered;
        self.fault = self.fault.take().or(faults.first);
    }

    pub fn set_store(&mut self, bytes: u64, lines: u64) {
        self.store_bytes = Some(bytes);
        self.store_bytes_per_line = (lines > 0).then(|| as_f64(bytes) / as_f64(lines));
    }

    /// Whether nothing was lost, doubled, swapped or renumbered, and no client closed.
    pub fn is_clean(&self) -> bool {
        self.run.is_clean() && self.renumbered == 0
    }
}

/// A line for each kind of run; of several runs, the median and the spread.
pub fn text(reports: &[KeptReport]) -> String {
    let mut workloads: Vec<&str> = reports.iter().map(|report| report.run.workload).collect();
    workloads.sort_unstable();
    workloads.dedup();
    let of = |workload: &str| {
        let all = reports.iter();
        let all = all.filter(|report| report.run.workload == workload);
        all.collect::<Vec<&KeptReport>>()
    };
    let head = ["room", "kind"].into_iter().chain(names(&MESSAGE_FIGURES));
    let rows = workloads.iter().flat_map(|workload| {
        let group = of(workload);
        ["ok", "live"].into_iter().map(move |kind| {
            let messages = group.iter().filter_map(|report| report.run.messages(kind));
            let messages: Vec<_> = messages.collect();
            let labels = [(*workload).to_owned(), kind.to_owned()].into_iter();
            let figures = MESSAGE_FIGURES.iter();
            labels
                .chain(figures.map(|figure| cell(figure, &messages)))
                .collect()
        })
    });
    let messages = table(2, head, rows);
    let head = iter::once("room").chain(names(&USE_FIGURES));
    let rows = workloads.iter().map(|workload| {
        let group = of(workload);
        let figures = USE_FIGURES.iter();
        iter::once((*workload).to_owned())
            .chain(figures.map(|figure| cell(figure, &group)))
            .collect()
    });
    let used = table(1, head, rows);
    format!("{messages}\n\n{used}\n\n{}", verdict(reports))
}

fn cell<T>(figure: &Figure<T>, group: &[&T]) -> String {
    match group {
        [only] => figure.cell(only),
        _ => figure.spread(group.iter().copied()),
    }
}

fn verdict(reports: &[KeptReport]) -> String {
    let errors: DeliveryErrors = reports.iter().map(|report| report.run.errors).sum();
    let renumbered: u64 = reports.iter().map(|report| report.renumbered).sum();
    let kills = reports
        .iter()
        .filter(|report| report.run.workload == "killed");
    let kills = match kills.count() {
        0 => String::new(),
        count => format!("In {count} rounds, each with a kill: "),
    };
    let counts = format!(
        "{kills}{} lost, {} twice, {} out of order, {renumbered} renumbered.",
        errors.lost, errors.duplicated, errors.out_of_order
    );
    let fault = reports.iter().find_map(|report| report.fault.as_ref());
    let fault = fault.map(|fault| format!(" The first: {fault}."));
    counts + &fault.unwrap_or_default()
}
