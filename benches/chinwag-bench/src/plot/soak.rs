//! The drawing of a soak: what the server held, how busy and how quick it was, and how many came,
//! each over time.

use plotters::style::Color as _;

use super::axis::Axis;
use super::palette::{LINES, SOLID};
use super::{Block, Line, Panel, PlotError, on_paper};
use crate::recorder::{Latency, as_f64};
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

type Percentile = (&'static str, fn(&Latency) -> f64);

const LATENCIES: [Percentile; 3] = [
    ("longest", |latency| latency.max_ms),
    ("p99", |latency| latency.p99_ms),
    ("p50", |latency| latency.p50_ms),
];

/// Draws a soak, unless it ended before its first sample.
pub fn draw_soak(report: &SoakReport) -> Result<String, PlotError> {
    if report.samples.is_empty() {
        return Err(PlotError::NoMessages);
    }
    let panel = |height, y, lines| Panel {
        height,
        x: Axis::long_time(report.run.seconds),
        y,
        lines,
        has_legend: true,
    };
    let mut panels: Vec<Panel> = PANELS
        .into_iter()
        .map(|(axis, levels)| {
            let lines = lines(levels, |level| {
                let samples = report.samples.iter();
                samples.filter_map(move |at| Some((at.at_s, level(at)?)))
            });
            panel(PANEL_HEIGHT, Axis::from_zero(axis, &lines), lines)
        })
        .collect();
    let private = report.run.messages("private");
    let latencies = lines(&LATENCIES, |latency| {
        let intervals = private.map_or(&[][..], |messages| &messages.intervals);
        intervals
            .iter()
            .map(move |at| (at.at_s, latency(&at.latency).log10()))
    });
    let y = Axis::latency("latency, ms", &latencies);
    panels.insert(3, panel(LATENCY_HEIGHT, y, latencies));
    // Of a server whose process is not known, there is less to see.
    panels.retain(Panel::has_points);
    on_paper(&[Block {
        title: format!(
            "soak: {} steady clients of {}, {:.1} minutes",
            report.run.clients,
            report.run.server,
            report.run.seconds / 60.0
        ),
        about: rows(report),
        panels,
    }])
}

/// A line for each label, in a colour of its own.
fn lines<T: Copy, P: Iterator<Item = (f64, f64)>>(
    labelled: &[(&str, T)],
    points: impl Fn(T) -> P,
) -> Vec<Line> {
    let coloured = labelled.iter().zip(LINES);
    coloured
        .map(|((label, pick), role)| {
            Line::new(label, role.light.stroke_width(SOLID), points(*pick))
        })
        .collect()
}

fn rows(report: &SoakReport) -> Vec<String> {
    let verdict = match report.problems.as_slice() {
        [] => "nothing lost, doubled, swapped or left behind".to_owned(),
        problems => problems.join("; "),
    };
    let mut rows: Vec<String> = Vec::new();
    for deed in report.deeds().into_iter().chain([verdict]) {
        let fits = |row: &&mut String| row.chars().count() + deed.chars().count() < ROW_CHARS;
        match rows.last_mut().filter(fits) {
            Some(row) => row.extend([", ", &deed]),
            None => rows.push(deed),
        }
    }
    rows
}
