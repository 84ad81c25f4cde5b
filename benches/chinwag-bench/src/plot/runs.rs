//! The drawing of runs: latencies by how rare they are, and how throughput and latency went over
//! time. Each workload has a block of its own, since their figures differ too much for one scale.

use std::fmt::Write as _;

use plotters::style::{Color as _, ShapeStyle};

use super::axis::{Axis, trimmed};
use super::palette::{DASHED, LINES, SOLID};
use super::{Block, Line, Panel, PlotError, on_paper, shortened};
use crate::report::{Messages, Report};

const PERCENTILES_HEIGHT: u32 = 360;
const TIME_HEIGHT: u32 = 220;

const TITLE_CHARS: usize = 110;

/// Draws runs: one line for each report and kind of message, in a block for each workload.
///
/// Where several servers were under the same workload, each has the lines of its last run: with
/// all turns of a comparison the lines could not be told apart, and a mean of turns has no course
/// over time. Of one server, all runs are shown, or the last of them if there are more than there
/// are colours.
pub fn draw(reports: &[Report]) -> Result<String, PlotError> {
    let blocks = blocks(reports);
    if blocks.iter().all(|block| block.panels.is_empty()) {
        return Err(PlotError::NoMessages);
    }
    on_paper(&blocks)
}

fn blocks(reports: &[Report]) -> Vec<Block> {
    let key = |report: &Report| (report.workload, report.clients, report.size);
    let keys = distinct(reports.iter().map(key));
    let group = |wanted| -> Vec<&Report> {
        let reports = reports.iter();
        reports.filter(|report| key(report) == wanted).collect()
    };
    keys.into_iter()
        .filter_map(|key| block(&group(key)))
        .collect()
}

/// What is drawn of one kind of message in one run, with its label and style.
type Curve<'a> = (String, ShapeStyle, &'a Messages);

fn block(group: &[&Report]) -> Option<Block> {
    let first = group.first()?;
    let servers = distinct(group.iter().map(|report| report.server.as_str()));
    let (chosen, mut notes) = choose(group, servers.len() > 1);
    let messages = chosen.iter().flat_map(|(_, report)| &report.messages);
    let kinds = distinct(messages.map(|messages| messages.kind));
    let (mut curves, mut silent) = (Vec::new(), Vec::new());
    for ((number, report), role) in chosen.iter().zip(LINES) {
        let label = label(*number, report, group, servers.len() > 1);
        let before = curves.len();
        for messages in &report.messages {
            let is_first = kinds.first() == Some(&messages.kind);
            let width = if is_first { SOLID } else { DASHED };
            let label = match kinds.len() {
                1 => label.clone(),
                _ => format!("{label}, {}", messages.kind),
            };
            if !messages.percentiles.is_empty() {
                curves.push((label, role.light.stroke_width(width), messages));
            }
        }
        if curves.len() == before {
            silent.push(format!("{label}: no messages"));
        }
        if report.interrupted {
            notes.push(format!("{label}: interrupted"));
        }
    }
    if curves.is_empty() {
        silent = vec!["no messages, so no lines".to_owned()];
    }
    let plural = if servers.len() > 1 {
        "servers"
    } else {
        "server"
    };
    let mut about = vec![format!("{plural}: {}", servers.join(", "))];
    about.extend(notes.into_iter().chain(silent));
    let seconds = chosen.iter().map(|(_, report)| report.seconds);
    Some(Block {
        title: shortened(&title(first, group), TITLE_CHARS),
        about: vec![shortened(&about.join("; "), TITLE_CHARS)],
        panels: panels(&curves, seconds.fold(0.0, f64::max)),
    })
}

/// Those for which there is something to show.
fn panels(curves: &[Curve<'_>], seconds: f64) -> Vec<Panel> {
    let lines = |kind: Option<&str>, points: fn(&Messages) -> Vec<(f64, f64)>| -> Vec<Line> {
        let is_wanted = |(.., of): &&Curve| kind.is_none_or(|kind| kind == of.kind);
        let curves = curves.iter().filter(is_wanted);
        let line = |(label, style, of): &Curve| Line::new(label, *style, points(of).into_iter());
        curves.map(line).collect()
    };
    let percentiles = lines(None, |messages| {
        // Nines, and the logarithm of milliseconds.
        let nines = |(quantile, ms): &(f64, f64)| (-(1.0 - quantile).log10(), ms.log10());
        messages.percentiles.iter().map(nines).collect()
    });
    let over_time = |y, lines| Panel {
        height: TIME_HEIGHT,
        x: Axis::time(seconds),
        y,
        lines,
        has_legend: false,
    };
    let mut panels = vec![Panel {
        height: PERCENTILES_HEIGHT,
        x: Axis::percentiles(&percentiles),
        y: Axis::latency("latency, ms", &percentiles),
        lines: percentiles,
        has_legend: true,
    }];
    let kinds = distinct(curves.iter().map(|(.., messages)| messages.kind));
    for kind in &kinds {
        let throughput = lines(Some(kind), |messages| {
            let intervals = messages.intervals.iter();
            intervals.map(|at| (at.at_s, at.per_second)).collect()
        });
        let name = match kinds.len() {
            1 => "messages per second".to_owned(),
            _ => format!("{kind} per second"),
        };
        panels.push(over_time(Axis::from_zero(&name, &throughput), throughput));
    }
    let p99 = lines(None, |messages| {
        let intervals = messages.intervals.iter();
        intervals
            .map(|at| (at.at_s, at.latency.p99_ms.log10()))
            .collect()
    });
    panels.push(over_time(Axis::latency("p99 latency, ms", &p99), p99));
    panels.retain(Panel::has_points);
    panels
}

fn distinct<T: PartialEq>(all: impl Iterator<Item = T>) -> Vec<T> {
    all.fold(Vec::new(), |mut known, one| {
        if !known.contains(&one) {
            known.push(one);
        }
        known
    })
}

/// Not more runs than there are colours, each with its number, and a note on those left out.
fn choose<'a>(group: &[&'a Report], compares: bool) -> (Vec<(usize, &'a Report)>, Vec<String>) {
    let mut chosen: Vec<(usize, &Report)> = (1..).zip(group.iter().copied()).collect();
    let mut notes = Vec::new();
    if compares {
        let key = |report: &Report| (report.server.clone(), report.parameters.clone());
        chosen.retain(|(number, report)| {
            let mut later = group.iter().skip(*number);
            later.all(|later| key(later) != key(report))
        });
        if chosen.len() < group.len() {
            notes.push("the last turn of each".to_owned());
        }
        if chosen.len() > LINES.len() {
            notes.push(format!("the first {} of {}", LINES.len(), chosen.len()));
            chosen.truncate(LINES.len());
        }
    } else if chosen.len() > LINES.len() {
        notes.push(format!("the last {} of {} runs", LINES.len(), chosen.len()));
        chosen.drain(..chosen.len() - LINES.len());
    }
    (chosen, notes)
}

/// Its server, if there are several, and the parameters that others do not have.
fn label(number: usize, report: &Report, group: &[&Report], compares: bool) -> String {
    let server = compares.then(|| report.server.clone());
    let parameters = report.parameters.iter();
    let own = parameters.filter(|parameter| !is_common(parameter, group));
    let parts: Vec<String> = server.into_iter().chain(own.map(named)).collect();
    match (parts.as_slice(), group) {
        ([], [only]) => only.server.clone(),
        ([], _) => format!("run {number}"),
        _ => parts.join(", "),
    }
}

fn title(first: &Report, group: &[&Report]) -> String {
    let mut title = format!("{}: {} clients", first.workload, first.clients);
    let parameters = first.parameters.iter();
    for parameter in parameters.filter(|parameter| is_common(parameter, group)) {
        let _ = write!(title, ", {}", named(parameter));
    }
    let _ = write!(title, ", messages of {} bytes", first.size);
    title
}

fn is_common(parameter: &(&'static str, f64), group: &[&Report]) -> bool {
    let mut group = group.iter();
    group.all(|report| report.parameters.contains(parameter))
}

fn named((name, value): &(&str, f64)) -> String {
    // A rate that was computed has digits that say nothing.
    let scale = if *value < 100.0 { 100.0 } else { 1.0 };
    let value = trimmed((value * scale).round() / scale);
    format!("{} {value}", name.replace('_', " "))
}

#[cfg(test)]
mod tests;
