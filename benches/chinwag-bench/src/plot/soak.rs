//! The drawing of a soak: what the server held, how busy and how quick it was, and who came, each
//! over time.

use std::io;
use std::iter::successors;

use plotters::prelude::*;
use plotters::style::ShapeStyle;

use super::axis::Axis;
use super::palette::{INK, LINES, MUTED, SOLID};
use super::{Area, Drawn, LEGEND_ROW, LEGEND_WIDTH, Panel, PlotError, WIDTH, on_paper, text};
use crate::soak::report::SoakReport;
use crate::soak::samples::Sample;

const PANEL_HEIGHT: u32 = 190;
const LATENCY_HEIGHT: u32 = 260;

/// The title, and rows of text below it.
const HEAD_HEIGHT: u32 = 48;
const ROW_HEIGHT: i32 = 22;
const ROW_CHARS: usize = 125;

type Points = Vec<(f64, f64)>;

/// One pair of axes with its lines, each with a label.
struct Part {
    height: u32,
    y: Axis,
    lines: Vec<(&'static str, Points)>,
}

/// Draws a soak.
pub fn draw_soak(report: &SoakReport) -> Result<String, PlotError> {
    if report.samples.is_empty() {
        return Err(PlotError::NoMessages);
    }
    let rows = rows(report);
    let parts = parts(report);
    let head = HEAD_HEIGHT + ROW_HEIGHT.unsigned_abs() * u32::try_from(rows.len()).unwrap_or(1);
    let height = head + parts.iter().map(|part| part.height).sum::<u32>();
    let svg = on_paper(height, |root| {
        let (area, mut rest) = root.split_vertically(head);
        draw_head(&area, report, &rows)?;
        for part in &parts {
            let (area, below) = rest.split_vertically(part.height);
            draw_part(&area, part, report.seconds)?;
            rest = below;
        }
        Ok::<(), DrawingAreaErrorKind<io::Error>>(())
    })?;
    Ok(svg)
}

fn parts(report: &SoakReport) -> Vec<Part> {
    let over_time = |pick: fn(&Sample) -> Option<f64>| -> Points {
        let samples = report.samples.iter();
        samples
            .filter_map(|sample| Some((sample.at_s, pick(sample)?)))
            .collect()
    };
    let of_level = |pick: fn(&Sample) -> Option<f64>, label| vec![(label, over_time(pick))];
    let memory = of_level(
        |sample| Some(sample.level?.resident_kib / 1024.0),
        "resident",
    );
    let mut descriptors = of_level(
        |sample| u32::try_from(sample.level?.descriptors).ok().map(f64::from),
        "descriptors",
    );
    descriptors.push((
        "clients' connections",
        over_time(|sample| u32::try_from(sample.connected).ok().map(f64::from)),
    ));
    let busy = vec![
        (
            "server",
            over_time(|sample| Some(sample.server_busy? * 100.0)),
        ),
        (
            "load generator",
            over_time(|sample| Some(sample.driver_busy? * 100.0)),
        ),
    ];
    let coming = of_level(|sample| Some(sample.connects_per_second), "visitors");
    let mut parts: Vec<Part> = [
        ("memory, MiB", memory),
        ("open files", descriptors),
        ("processor, %", busy),
        ("visitors per second", coming),
    ]
    .into_iter()
    .map(|(name, lines)| Part {
        height: PANEL_HEIGHT,
        y: Axis::from_zero(name, lines.iter().flat_map(|(_, points)| points)),
        lines,
    })
    .collect();
    let latency = latency(report);
    parts.insert(
        3,
        Part {
            height: LATENCY_HEIGHT,
            y: Axis::latency("latency, ms", latency.iter().flat_map(|(_, points)| points)),
            lines: latency,
        },
    );
    // Of a server whose process is not known, there is less to see.
    parts.retain(|part| part.lines.iter().any(|(_, points)| !points.is_empty()));
    parts
}

/// Of private messages.
fn latency(report: &SoakReport) -> Vec<(&'static str, Points)> {
    let private = report
        .messages
        .iter()
        .find(|messages| messages.kind == "private");
    let intervals = private.map_or(&[][..], |messages| &messages.intervals);
    let mut lines = vec![
        ("longest", Vec::new()),
        ("p99", Vec::new()),
        ("p50", Vec::new()),
    ];
    for interval in intervals {
        let values = [interval.max_ms, interval.p99_ms, interval.p50_ms];
        for ((_, points), value) in lines.iter_mut().zip(values) {
            // Where nothing arrived, there is no latency.
            points.extend((value > 0.0).then(|| (interval.at_s, value.log10())));
        }
    }
    lines
}

/// What was done, in rows of some length.
fn rows(report: &SoakReport) -> Vec<String> {
    let mut rows = vec![String::new()];
    let deeds = report.deeds();
    let verdict = if report.is_sound() {
        "nothing lost, doubled, swapped or left behind".to_owned()
    } else {
        report.problems().join("; ")
    };
    for deed in deeds.into_iter().chain([verdict]) {
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

fn draw_head(area: &Area<'_>, report: &SoakReport, rows: &[String]) -> Drawn {
    let minutes = report.seconds / 60.0;
    let title = format!(
        "soak: {} steady clients of {}, {minutes:.1} minutes",
        report.clients, report.server
    );
    area.draw_text(&title, &text(22, INK), (24, 24))?;
    let heights = successors(Some(50), |y| Some(y + ROW_HEIGHT));
    for (row, y) in rows.iter().zip(heights) {
        area.draw_text(row, &text(15, MUTED), (24, y))?;
    }
    Ok(())
}

fn draw_part(area: &Area<'_>, part: &Part, seconds: f64) -> Drawn {
    let (plot, legend) = area.split_horizontally(WIDTH - LEGEND_WIDTH);
    let styles = LINES.iter().map(|role| role.light.stroke_width(SOLID));
    let styles: Vec<ShapeStyle> = styles.collect();
    let rows = successors(Some(LEGEND_ROW), |y| Some(y + LEGEND_ROW));
    for (((label, _), style), y) in part.lines.iter().zip(&styles).zip(rows) {
        legend.draw(&PathElement::new([(8, y), (36, y)], *style))?;
        legend.draw_text(label, &text(16, INK), (44, y))?;
    }
    let panel = Panel {
        height: part.height,
        x: Axis::long_time(seconds),
        y: part.y.clone(),
        lines: styles
            .iter()
            .zip(&part.lines)
            .map(|(style, (_, points))| (*style, points.as_slice()))
            .collect(),
    };
    panel.draw(&plot)
}
