//! The figures of reports, as tables.

use crate::recorder::as_f64;
use crate::report::{Messages, Report};
use crate::table::{Figure, cells, hundredths, names, percent, short, table, tenths, whole};

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
    let head = ["server", "workload", "kind"].into_iter();
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
    let first = reports.first().filter(|_| reports.len() > 1);
    let spreads = first.into_iter().flat_map(|first| &first.messages);
    let spreads = spreads.map(|Messages { kind, .. }| {
        let count = format!("of {}", reports.len());
        let labels = ["median".to_owned(), count, (*kind).to_owned()];
        let all = reports.iter().filter_map(|report| report.messages(kind));
        let figures = MESSAGE_FIGURES.iter();
        let figures = figures.map(|figure| figure.spread(all.clone()));
        labels.into_iter().chain(figures).collect()
    });
    let messages = table(3, head, runs.chain(spreads));

    let storm = if reports.iter().any(Report::is_storm) {
        &STORM_FIGURES[..]
    } else {
        &[]
    };
    let head = ["server", "workload", "clients"].into_iter();
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
mod tests {
    use super::*;
    use crate::report::{Connecting, Use};

    #[test]
    fn a_storm_costs_by_the_connection_and_not_by_the_message() {
        let used = Some(Use {
            cpu_us_per_message: Some(2466.22),
            user_us_per_message: Some(800.0),
            system_us_per_message: Some(1666.22),
            busy: 0.5,
            peak_memory_kib: 2048.0,
        });
        let chat = Report {
            server_use: used,
            driver_use: used,
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
        let shown = |report: &Report, name: &str| {
            let figure = USE_FIGURES.iter().find(|figure| figure.name == name);
            figure.unwrap().cell(report)
        };
        assert_eq!(shown(&chat, "server µs/msg"), "2466.22");
        assert_eq!(shown(&chat, "µs/connect"), "33.3");
        assert_eq!(shown(&storm, "µs/connect"), "62.5", "half of each second");
        for column in ["server µs/msg", "user", "system", "driver µs/msg"] {
            assert_eq!(shown(&storm, column), "–", "{column}");
        }
        let quiet = text(&[chat]);
        assert!(
            !quiet.contains("connects/s"),
            "nobody came or went: {quiet}"
        );
        let text = text(&[storm]);
        assert!(
            text.contains("connects/s") && text.contains("8000"),
            "{text}"
        );
    }
}
