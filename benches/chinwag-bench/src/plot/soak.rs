//! The drawing of a soak: what the server held, how busy and how quick it was, and how many came,
//! each over time.

use plotters::style::Color as _;

use super::axis::Axis;
use super::palette::{LINES, SOLID};
use super::{Block, Line, Panel, PlotError, Points, has_points, legend, on_paper, points};
use crate::recorder::{Interval, as_f64};
use crate::soak::report::SoakReport;
use crate::soak::samples::Sample;

const PANEL_HEIGHT: u32 = 190;
const LATENCY_HEIGHT: u32 = 260;
const ROW_CHARS: usize = 125;

/// A line's label, and its value in a sample.
type Level = (&'static str, fn(&Sample) -> Option<f64>);

/// Panels over samples, by their axes.
const PANELS: [(&str, &[Level]); 4] = [
    (
        "memory, MiB",
        &[("resident", |at| Some(at.level?.resident_kib / 1024.0))],
    ),
    (
        "open files",
        &[
            ("descriptors", |at| Some(as_f64(at.level?.descriptors))),
            ("clients' connections", |at| {
                Some(as_f64(at.connected as u64))
            }),
        ],
    ),
    (
        "processor, %",
        &[
            ("server", |at| Some(at.server_busy? * 100.0)),
            ("load generator", |at| Some(at.driver_busy? * 100.0)),
        ],
    ),
    (
        "visitors per second",
        &[("visitors", |at| Some(at.connects_per_second))],
    ),
];

/// A line's label, and its value in an interval.
type Percentile = (&'static str, fn(&Interval) -> f64);

const LATENCIES: [Percentile; 3] = [
    ("longest", |interval| interval.latency.max_ms),
    ("p99", |interval| interval.latency.p99_ms),
    ("p50", |interval| interval.latency.p50_ms),
];

/// Draws a soak, unless it ended before its first sample.
pub fn draw_soak(report: &SoakReport) -> Result<String, PlotError> {
    if report.samples.is_empty() {
        return Err(PlotError::NoMessages);
    }
    let panel = |height, y, lines: Vec<Line>| Panel {
        height,
        x: Axis::long_time(report.seconds),
        y,
        legend: legend(&lines),
        lines,
    };
    let mut panels: Vec<Panel> = PANELS
        .into_iter()
        .map(|(axis, levels)| {
            let lines = lines(levels.iter().map(|(label, pick)| {
                let samples = report.samples.iter();
                (
                    *label,
                    samples
                        .filter_map(|at| Some((at.at_s, pick(at)?)))
                        .collect(),
                )
            }));
            panel(PANEL_HEIGHT, Axis::from_zero(axis, points(&lines)), lines)
        })
        .collect();
    let latencies = lines(latencies(report));
    let y = Axis::latency("latency, ms", points(&latencies));
    panels.insert(3, panel(LATENCY_HEIGHT, y, latencies));
    // Of a server whose process is not known, there is less to see.
    panels.retain(|panel| has_points(&panel.lines));
    on_paper(&[Block {
        title: format!(
            "soak: {} steady clients of {}, {:.1} minutes",
            report.clients,
            report.server,
            report.seconds / 60.0
        ),
        about: rows(report),
        panels,
    }])
}

fn lines<'a>(labelled: impl Iterator<Item = (&'a str, Points)>) -> Vec<Line> {
    let coloured = labelled.zip(LINES);
    let line = |((label, points), role): ((&str, Points), super::Role)| Line {
        label: label.to_owned(),
        style: role.light.stroke_width(SOLID),
        points,
    };
    coloured.map(line).collect()
}

fn latencies(report: &SoakReport) -> impl Iterator<Item = (&'static str, Points)> {
    let private = report.messages("private");
    let intervals = private.map_or(&[][..], |messages| &messages.intervals);
    LATENCIES.into_iter().map(move |(label, pick)| {
        // Where nothing arrived, there is no latency.
        let some = intervals
            .iter()
            .filter(move |interval| pick(interval) > 0.0);
        (
            label,
            some.map(|interval| (interval.at_s, pick(interval).log10()))
                .collect(),
        )
    })
}

fn rows(report: &SoakReport) -> Vec<String> {
    let verdict = match report.problems.as_slice() {
        [] => "nothing lost, doubled, swapped or left behind".to_owned(),
        problems => problems.join("; "),
    };
    let mut rows = vec![String::new()];
    for deed in report.deeds().into_iter().chain([verdict]) {
        let fits = |row: &&mut String| row.chars().count() + deed.chars().count() < ROW_CHARS;
        match rows.last_mut().filter(fits) {
            Some(row) if row.is_empty() => *row = deed,
            Some(row) => {
                row.push_str(", ");
                row.push_str(&deed);
            }
            None => rows.push(deed),
        }
    }
    rows
}
