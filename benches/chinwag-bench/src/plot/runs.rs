//! The drawing of runs: latencies by how rare they are, and how throughput and latency went over
//! time. Each workload has a block of its own, since their figures differ too much for one scale.

use std::fmt::Write as _;

use plotters::style::{Color as _, ShapeStyle};

use super::axis::{Axis, trimmed};
use super::palette::{DASHED, LINES, SOLID};
use super::{
    Block, Line, Panel, PlotError, Points, has_points, legend, on_paper, points, shortened,
};
use crate::recorder::Interval;
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
    let mut keys = Vec::new();
    for report in reports {
        if !keys.contains(&key(report)) {
            keys.push(key(report));
        }
    }
    let group = |wanted: &_| -> Vec<&Report> {
        reports
            .iter()
            .filter(|report| key(report) == *wanted)
            .collect()
    };
    keys.iter().filter_map(|key| block(&group(key))).collect()
}

/// What is drawn of one kind of message in one run.
struct Curves {
    label: String,
    kind: &'static str,
    style: ShapeStyle,
    /// Nines, and the logarithm of milliseconds.
    percentiles: Points,
    /// Seconds, and messages per second.
    throughput: Points,
    /// Seconds, and the logarithm of milliseconds.
    p99: Points,
}

impl Curves {
    fn new(messages: &Messages, label: String, style: ShapeStyle) -> Self {
        // Where nothing arrived, there is no latency, and its logarithm is not finite.
        let finite = |points: &mut dyn Iterator<Item = (f64, f64)>| -> Points {
            points
                .filter(|(x, y)| x.is_finite() && y.is_finite())
                .collect()
        };
        let over_time = |pick: fn(&Interval) -> f64| {
            let intervals = messages.intervals.iter();
            finite(&mut intervals.map(|interval| (interval.at_s, pick(interval))))
        };
        let percentiles = messages.percentiles.iter();
        let nines = |(quantile, ms): &(f64, f64)| (-(1.0 - quantile).log10(), ms.log10());
        Self {
            label,
            kind: messages.kind,
            style,
            percentiles: finite(&mut percentiles.map(nines)),
            throughput: over_time(|interval| interval.per_second),
            p99: over_time(|interval| interval.latency.p99_ms.log10()),
        }
    }

    fn line(&self, points: &Points) -> Line {
        Line {
            label: self.label.clone(),
            style: self.style,
            points: points.clone(),
        }
    }
}

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
            let new = Curves::new(messages, label, role.light.stroke_width(width));
            curves.extend((!new.percentiles.is_empty()).then_some(new));
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
    let seconds = chosen
        .iter()
        .map(|(_, report)| report.seconds)
        .fold(0.0, f64::max);
    Some(Block {
        title: shortened(&title(first, group), TITLE_CHARS),
        about: vec![shortened(&about.join("; "), TITLE_CHARS)],
        panels: panels(&curves, seconds),
    })
}

/// Those for which there is something to show.
fn panels(curves: &[Curves], seconds: f64) -> Vec<Panel> {
    let kinds = distinct(curves.iter().map(|curves| curves.kind));
    let lines = |pick: fn(&Curves) -> &Points, kind: Option<&str>| -> Vec<Line> {
        let wanted = curves
            .iter()
            .filter(|curves| kind.is_none_or(|kind| kind == curves.kind));
        wanted.map(|curves| curves.line(pick(curves))).collect()
    };
    let percentiles = lines(|curves| &curves.percentiles, None);
    let mut panels = vec![Panel {
        height: PERCENTILES_HEIGHT,
        x: Axis::percentiles(points(&percentiles)),
        y: Axis::latency("latency, ms", points(&percentiles)),
        legend: legend(&percentiles),
        lines: percentiles,
    }];
    let over_time = |lines: Vec<Line>, y: Axis| Panel {
        height: TIME_HEIGHT,
        x: Axis::time(seconds),
        y,
        lines,
        legend: Vec::new(),
    };
    for kind in &kinds {
        let throughput = lines(|curves| &curves.throughput, Some(kind));
        let name = match kinds.len() {
            1 => "messages per second".to_owned(),
            _ => format!("{kind} per second"),
        };
        let y = Axis::from_zero(&name, points(&throughput));
        panels.push(over_time(throughput, y));
    }
    let p99 = lines(|curves| &curves.p99, None);
    let y = Axis::latency("p99 latency, ms", points(&p99));
    panels.push(over_time(p99, y));
    panels.retain(|panel| has_points(&panel.lines));
    panels
}

fn distinct<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut known = Vec::new();
    for name in names {
        if !known.contains(&name) {
            known.push(name);
        }
    }
    known
}

/// Not more runs than there are colours, each with its number, and a note on those left out.
fn choose<'a>(group: &[&'a Report], compares: bool) -> (Vec<(usize, &'a Report)>, Vec<String>) {
    let mut chosen: Vec<(usize, &Report)> = (1..).zip(group.iter().copied()).collect();
    let mut notes = Vec::new();
    if compares {
        let is_same = |one: &Report, other: &Report| {
            one.server == other.server && one.parameters == other.parameters
        };
        chosen.retain(|(number, report)| {
            !group
                .iter()
                .skip(*number)
                .any(|later| is_same(report, later))
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

fn label(number: usize, report: &Report, group: &[&Report], compares: bool) -> String {
    let mut parts: Vec<String> = Vec::new();
    parts.extend(compares.then(|| report.server.clone()));
    for parameter in &report.parameters {
        if !group
            .iter()
            .all(|other| other.parameters.contains(parameter))
        {
            parts.push(named(*parameter));
        }
    }
    match (parts.as_slice(), group) {
        ([], [only]) => only.server.clone(),
        ([], _) => format!("run {number}"),
        _ => parts.join(", "),
    }
}

fn title(first: &Report, group: &[&Report]) -> String {
    let mut title = format!("{}: {} clients", first.workload, first.clients);
    for parameter in &first.parameters {
        if group
            .iter()
            .all(|other| other.parameters.contains(parameter))
        {
            let _ = write!(title, ", {}", named(*parameter));
        }
    }
    let _ = write!(title, ", messages of {} bytes", first.size);
    title
}

fn named((name, value): (&str, f64)) -> String {
    // A rate that was computed has digits that say nothing.
    let scale = if value < 100.0 { 100.0 } else { 1.0 };
    let value = trimmed((value * scale).round() / scale);
    format!("{} {value}", name.replace('_', " "))
}

#[cfg(test)]
mod tests;
