//! Drawings of what runs found, as one SVG: latencies by how rare they are, and how throughput and
//! latency went over time.
//!
//! Each workload has a block of its own, since their figures differ too much for one scale:
//!
//! ```text
//!   title, servers, notes
//!   latency by percentile            │ legend
//!   messages per second over time    │ (for each kind of message)
//!   p99 over time                    │
//! ```
//!
//! The colours are presentation attributes, which a style sheet overrides: so one file is readable
//! on a light and on a dark page.

mod axis;
mod palette;
mod soak;

use std::fmt::Write as _;
use std::io;
use std::iter::successors;

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use thiserror::Error;

use super::recorder::Interval;
use super::report::{Messages, Report};
use axis::{Axis, trimmed};
use palette::{DASHED, GRID, INK, LINES, MUTED, PAPER, Role, SOLID, style};
pub use soak::draw_soak;

/// Why there is no drawing.
#[derive(Debug, Error)]
pub enum PlotError {
    /// There is nothing in the reports that a line could show.
    #[error("no messages were delivered, so there is nothing to draw")]
    NoMessages,
    /// It does not fit.
    #[error(transparent)]
    Drawing(#[from] DrawingAreaErrorKind<io::Error>),
}

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Drawn = Result<(), DrawingAreaErrorKind<io::Error>>;

const WIDTH: u32 = 1100;
const LEGEND_WIDTH: u32 = 260;
const TITLE_HEIGHT: u32 = 72;
const PERCENTILES_HEIGHT: u32 = 360;
const TIME_HEIGHT: u32 = 220;
const LEGEND_ROW: i32 = 22;

/// Longer texts would run into what is beside them.
const LABEL_CHARS: usize = 30;
const TITLE_CHARS: usize = 110;

/// Draws runs: one line for each report and kind of message, in a block for each workload.
///
/// Where several servers were under the same workload, each has the lines of its last run: with
/// all turns of a comparison nobody could tell the lines apart, and a mean of turns has no benchmark
/// over time. Of one server, all runs are shown, or the last of them if there are more than there
/// are colours.
pub fn draw(reports: &[Report]) -> Result<String, PlotError> {
    let blocks = blocks(reports);
    if blocks.iter().all(|block| block.lines.is_empty()) {
        return Err(PlotError::NoMessages);
    }
    let height = blocks.iter().map(Block::height).sum();
    let svg = on_paper(height, |root| {
        let mut rest = root.clone();
        for block in &blocks {
            let (area, below) = rest.split_vertically(block.height());
            block.draw(&area)?;
            rest = below;
        }
        Ok(())
    })?;
    Ok(svg)
}

/// A whole drawing of this height, with its style sheet.
fn on_paper(
    height: u32,
    draw: impl FnOnce(&Area<'_>) -> Drawn,
) -> Result<String, DrawingAreaErrorKind<io::Error>> {
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, (WIDTH, height)).into_drawing_area();
        root.fill(&PAPER.light)?;
        draw(&root)?;
        root.present()?;
    }
    if let Some(end) = svg.find('>') {
        svg.insert_str(end + 1, &style());
    }
    Ok(svg)
}

/// The runs of one workload.
#[derive(Debug)]
struct Block {
    title: String,
    about: String,
    lines: Vec<Line>,
    seconds: f64,
}

/// Messages of one kind in one run.
#[derive(Debug)]
struct Line {
    label: String,
    kind: &'static str,
    color: RGBColor,
    width: u32,
    /// Nines, and the logarithm of milliseconds.
    percentiles: Vec<(f64, f64)>,
    /// Seconds, and messages per second.
    throughput: Vec<(f64, f64)>,
    /// Seconds, and the logarithm of milliseconds.
    p99: Vec<(f64, f64)>,
}

/// In the order in which the workloads were run.
fn blocks(reports: &[Report]) -> Vec<Block> {
    let mut groups: Vec<Vec<&Report>> = Vec::new();
    let key = |report: &Report| (report.workload, report.clients, report.size);
    for report in reports {
        let is_same =
            |group: &&mut Vec<&Report>| group.first().map(|first| key(first)) == Some(key(report));
        match groups.iter_mut().find(is_same) {
            Some(group) => group.push(report),
            None => groups.push(vec![report]),
        }
    }
    groups
        .into_iter()
        .filter_map(|group| Block::new(&group))
        .collect()
}

impl Block {
    fn new(group: &[&Report]) -> Option<Self> {
        let first = group.first()?;
        let servers = distinct(group.iter().map(|report| report.server.as_str()));
        let (chosen, mut notes) = choose(group, servers.len() > 1);
        let kinds = distinct(
            chosen
                .iter()
                .flat_map(|(_, report)| report.messages.iter().map(|messages| messages.kind)),
        );
        let (mut lines, mut silent) = (Vec::new(), Vec::new());
        for ((number, report), role) in chosen.iter().zip(LINES) {
            let label = label(*number, report, group, servers.len() > 1);
            let before = lines.len();
            for messages in &report.messages {
                let nth = kinds.iter().position(|kind| *kind == messages.kind);
                let mut line = Line::new(messages, &label, role.light);
                if kinds.len() > 1 {
                    let _ = write!(line.label, ", {}", messages.kind);
                }
                line.width = if nth == Some(0) { SOLID } else { DASHED };
                lines.extend((!line.percentiles.is_empty()).then_some(line));
            }
            if lines.len() == before {
                silent.push(format!("{label}: no messages"));
            }
            if report.interrupted {
                notes.push(format!("{label}: interrupted"));
            }
        }
        if lines.is_empty() {
            silent = vec!["no messages, so no lines".to_owned()];
        }
        let plural = if servers.len() > 1 {
            "servers"
        } else {
            "server"
        };
        let mut about = format!("{plural}: {}", servers.join(", "));
        for note in notes.iter().chain(&silent) {
            let _ = write!(about, "; {note}");
        }
        Some(Self {
            title: title(first, group),
            about,
            lines,
            seconds: chosen
                .iter()
                .map(|(_, report)| report.seconds)
                .fold(0.0, f64::max),
        })
    }

    fn height(&self) -> u32 {
        TITLE_HEIGHT + self.panels().iter().map(|panel| panel.height).sum::<u32>()
    }

    /// Those for which there is something to show.
    fn panels(&self) -> Vec<Panel<'_>> {
        let kinds = distinct(self.lines.iter().map(|line| line.kind));
        let all = || self.lines.iter();
        let mut panels = vec![Panel {
            height: PERCENTILES_HEIGHT,
            x: Axis::percentiles(all().flat_map(|line| &line.percentiles)),
            y: Axis::latency("latency, ms", all().flat_map(|line| &line.percentiles)),
            lines: all()
                .map(|line| (line.style(), line.percentiles.as_slice()))
                .collect(),
        }];
        for kind in &kinds {
            let of_kind = || all().filter(|line| line.kind == *kind);
            let name = match kinds.len() {
                1 => "messages per second".to_owned(),
                _ => format!("{kind} per second"),
            };
            panels.push(Panel {
                height: TIME_HEIGHT,
                x: Axis::time(self.seconds),
                y: Axis::from_zero(&name, of_kind().flat_map(|line| &line.throughput)),
                lines: of_kind()
                    .map(|line| (line.style(), line.throughput.as_slice()))
                    .collect(),
            });
        }
        panels.push(Panel {
            height: TIME_HEIGHT,
            x: Axis::time(self.seconds),
            y: Axis::latency("p99 latency, ms", all().flat_map(|line| &line.p99)),
            lines: all()
                .map(|line| (line.style(), line.p99.as_slice()))
                .collect(),
        });
        panels.retain(|panel| panel.lines.iter().any(|(_, points)| !points.is_empty()));
        panels
    }

    fn draw(&self, area: &Area<'_>) -> Drawn {
        let (head, body) = area.split_vertically(TITLE_HEIGHT);
        head.draw_text(
            &shortened(&self.title, TITLE_CHARS),
            &text(22, INK),
            (24, 24),
        )?;
        head.draw_text(
            &shortened(&self.about, TITLE_CHARS),
            &text(17, MUTED),
            (24, 50),
        )?;
        let (plots, legend) = body.split_horizontally(WIDTH - LEGEND_WIDTH);
        self.draw_legend(&legend)?;
        let mut rest = plots;
        for panel in self.panels() {
            let (area, below) = rest.split_vertically(panel.height);
            panel.draw(&area)?;
            rest = below;
        }
        Ok(())
    }

    fn draw_legend(&self, area: &Area<'_>) -> Drawn {
        let rows = successors(Some(LEGEND_ROW), |y| Some(y + LEGEND_ROW));
        for (line, y) in self.lines.iter().zip(rows) {
            area.draw(&PathElement::new([(8, y), (36, y)], line.style()))?;
            area.draw_text(
                &shortened(&line.label, LABEL_CHARS),
                &text(16, INK),
                (44, y),
            )?;
        }
        Ok(())
    }
}

/// Without what occurred before.
fn distinct<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut known = Vec::new();
    for name in names {
        if !known.contains(&name) {
            known.push(name);
        }
    }
    known
}

/// Not more runs than there are colours, each with its number, and what is said about that.
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

/// What makes a run differ from the others of its block.
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

/// What the runs of a block have in common.
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

fn shortened(text: &str, chars: usize) -> String {
    match text.char_indices().nth(chars) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

impl Line {
    fn new(messages: &Messages, label: &str, color: RGBColor) -> Self {
        let over_time = |pick: fn(&Interval) -> f64| {
            let points = messages.intervals.iter();
            points.map(move |interval| (interval.at_s, pick(interval)))
        };
        let is_finite = |(x, y): &(f64, f64)| x.is_finite() && y.is_finite();
        let percentiles = messages.percentiles.iter();
        Self {
            label: label.to_owned(),
            kind: messages.kind,
            color,
            width: SOLID,
            percentiles: percentiles
                .map(|(quantile, ms)| (-(1.0 - quantile).log10(), ms.log10()))
                .filter(is_finite)
                .collect(),
            throughput: over_time(|interval| interval.per_second)
                .filter(is_finite)
                .collect(),
            // Where nothing arrived, there is no latency, and its logarithm is not finite.
            p99: over_time(|interval| interval.p99_ms.log10())
                .filter(is_finite)
                .collect(),
        }
    }

    fn style(&self) -> ShapeStyle {
        self.color.stroke_width(self.width)
    }
}

/// One pair of axes, and what is between them.
#[derive(Debug)]
struct Panel<'a> {
    height: u32,
    x: Axis,
    y: Axis,
    lines: Vec<(ShapeStyle, &'a [(f64, f64)])>,
}

impl Panel<'_> {
    fn draw(&self, area: &Area<'_>) -> Drawn {
        let mut chart = ChartBuilder::on(area)
            .margin_top(12)
            .margin_right(24)
            .margin_left(16)
            .margin_bottom(8)
            .x_label_area_size(50)
            .y_label_area_size(76)
            .build_cartesian_2d(self.x.clone(), self.y.clone())?;
        chart
            .configure_mesh()
            .bold_line_style(GRID.light)
            .axis_style(MUTED.light)
            .label_style(text(15, MUTED))
            .axis_desc_style(text(16, INK))
            .set_all_tick_mark_size(4)
            .x_desc(self.x.name.as_str())
            .y_desc(self.y.name.as_str())
            .draw()?;
        for (line, points) in &self.lines {
            chart.draw_series(LineSeries::new(points.iter().copied(), *line))?;
            // A line through one point cannot be seen.
            if let [point] = points {
                let dot = Circle::new(*point, 3, line.color.filled());
                chart.draw_series([dot])?;
            }
        }
        Ok(())
    }
}

/// Centred on the height that it is drawn at.
fn text(size: u32, role: Role) -> TextStyle<'static> {
    let style = ("sans-serif", size).into_font().color(&role.light);
    style.pos(Pos::new(HPos::Left, VPos::Center))
}

#[cfg(test)]
mod tests {
    use super::palette::{hex, roles};
    use super::*;

    fn report(server: &str, workload: &'static str, kinds: &[&'static str]) -> Report {
        let messages = kinds.iter().map(|kind| Messages {
            kind,
            delivered: 1000,
            per_second: 500.0,
            latency: None,
            intervals: (1..20).map(interval).collect(),
            percentiles: vec![(0.0, 0.02), (0.5, 0.1), (0.9, 3.0), (0.999, 40.0)],
        });
        Report {
            parameters: vec![("rate", 500.0)],
            messages: messages.collect(),
            ..Report::blank(server, workload)
        }
    }

    fn interval(number: u32) -> Interval {
        let is_stalled = number == 7;
        Interval {
            at_s: f64::from(number) / 10.0,
            per_second: if is_stalled { 0.0 } else { 500.0 },
            p50_ms: 0.1,
            p99_ms: if is_stalled { 0.0 } else { f64::from(number) },
            max_ms: if is_stalled { 0.0 } else { f64::from(number) },
        }
    }

    fn texts(svg: &str) -> Vec<String> {
        let document = roxmltree::Document::parse(svg).unwrap();
        let texts = document
            .descendants()
            .filter(|node| node.has_tag_name("text"));
        texts
            .filter_map(|node| Some(node.text()?.trim().to_owned()))
            .collect()
    }

    /// How many lines of runs a drawing has, by colour.
    fn lines(svg: &str) -> usize {
        let document = roxmltree::Document::parse(svg).unwrap();
        let is_line = |stroke: &str| LINES.iter().any(|role| hex(role.light) == stroke);
        let nodes = document.descendants();
        nodes
            .filter(|node| node.attribute("stroke").is_some_and(is_line))
            .count()
    }

    #[test]
    fn without_messages_there_is_no_drawing() {
        assert!(matches!(draw(&[]), Err(PlotError::NoMessages)));
        let idle = report("chinwag", "idle", &[]);
        let silent = report("chinwag", "slow", &["room"]);
        let silent = Report {
            messages: silent.messages.iter().map(emptied).collect(),
            ..silent
        };
        assert!(matches!(draw(&[idle, silent]), Err(PlotError::NoMessages)));
    }

    fn emptied(messages: &Messages) -> Messages {
        Messages {
            intervals: Vec::new(),
            percentiles: Vec::new(),
            ..messages.clone()
        }
    }

    #[test]
    fn a_workload_without_messages_beside_others_is_named() {
        let idle = report("chinwag", "idle", &[]);
        let rate = report("chinwag", "rate", &["private"]);
        let texts = texts(&draw(&[idle, rate]).unwrap());
        let says = |part: &str| texts.iter().any(|text| text.contains(part));
        assert!(says("idle: 100 clients"), "{texts:?}");
        assert!(
            says("server: chinwag; no messages, so no lines"),
            "{texts:?}"
        );
        assert!(says("rate: 100 clients, rate 500"), "{texts:?}");
        assert!(says("p99 latency, ms"), "{texts:?}");
    }

    #[test]
    fn a_name_with_markup_leaves_it_well_formed() {
        let name = "<a href='x'>&\"";
        let svg = draw(&[report(name, "rate", &["private"])]).unwrap();
        assert!(texts(&svg).contains(&name.to_owned()), "{svg}");
    }

    #[test]
    fn each_colour_has_another_on_a_dark_page() {
        let kinds = ["private", "room"];
        let servers = ["a", "b", "c", "d", "e", "f", "g"];
        let reports = servers.map(|server| report(server, "mixed", &kinds));
        let svg = draw(&reports).unwrap();
        let document = roxmltree::Document::parse(&svg).unwrap();
        let style = document
            .descendants()
            .find(|node| node.has_tag_name("style"));
        let style = style.and_then(|node| node.text()).unwrap();
        let mut used = Vec::new();
        for node in document.descendants() {
            for name in ["fill", "stroke"] {
                let Some(color) = node.attribute(name).filter(|color| *color != "none") else {
                    continue;
                };
                assert!(
                    style.contains(&format!("[{name}=\"{color}\"]")),
                    "{name} {color}"
                );
                used.push(color.to_owned());
            }
        }
        for role in roles() {
            assert!(used.contains(&hex(role.light)), "{role:?} is not used");
        }
        assert_eq!(style.matches("stroke-dasharray").count(), 1);
        let mut widths = document
            .descendants()
            .filter_map(|node| node.attribute("stroke-width"));
        assert!(widths.any(|width| width == DASHED.to_string()));
    }

    #[test]
    fn of_several_servers_the_last_turn_is_shown() {
        let reports = ["floor", "chinwag", "floor", "chinwag"];
        let reports = reports.map(|server| report(server, "dm", &["private"]));
        let svg = draw(&reports).unwrap();
        // Each in three panels and in the legend.
        assert_eq!(lines(&svg), 2 * 4);
        let texts = texts(&svg);
        let about = "servers: floor, chinwag; the last turn of each";
        assert!(texts.contains(&about.to_owned()), "{texts:?}");
        assert!(
            !texts.iter().any(|text| text.starts_with("run ")),
            "{texts:?}"
        );
    }

    #[test]
    fn of_many_runs_the_last_are_shown() {
        let runs = vec![report("chinwag", "dm", &["private"]); 10];
        let svg = draw(&runs).unwrap();
        assert_eq!(lines(&svg), LINES.len() * 4);
        let texts = texts(&svg);
        assert!(texts.contains(&"run 10".to_owned()), "{texts:?}");
        assert!(!texts.contains(&"run 3".to_owned()), "{texts:?}");
    }

    #[test]
    fn runs_are_told_apart_by_what_differs() {
        let slow = report("chinwag", "ramp", &["private"]);
        let fast = Report {
            parameters: vec![("rate", 1000.4375)],
            ..slow.clone()
        };
        let texts = texts(&draw(&[slow, fast]).unwrap());
        for label in [
            "rate 500",
            "rate 1000",
            "ramp: 100 clients, messages of 64 bytes",
        ] {
            assert!(texts.contains(&label.to_owned()), "{label} in {texts:?}");
        }
    }

    #[test]
    fn a_run_without_messages_beside_others_is_named() {
        let rate = |server| report(server, "rate", &["private"]);
        let silent = Report {
            messages: rate("b").messages.iter().map(emptied).collect(),
            interrupted: true,
            ..rate("b")
        };
        let texts = texts(&draw(&[rate("a"), silent]).unwrap());
        let about = "servers: a, b; b: interrupted; b: no messages";
        assert!(texts.contains(&about.to_owned()), "{texts:?}");
    }

    #[test]
    fn what_has_no_logarithm_is_left_out() {
        let mut odd = report("chinwag", "rate", &["private"]);
        for messages in &mut odd.messages {
            messages.percentiles = vec![(0.0, 0.0), (0.5, 1.0), (1.0, 2.0), (f64::NAN, 1.0)];
            messages.intervals.truncate(1);
        }
        let svg = draw(&[odd]).unwrap();
        let document = roxmltree::Document::parse(&svg).unwrap();
        let nodes = document.descendants();
        let dots = nodes.filter(|node| node.has_tag_name("circle")).count();
        assert_eq!(dots, 3, "one for the only point of each panel");
        for wrong in ["NaN", "inf", "-2147483648", "2147483647"] {
            assert!(!svg.contains(wrong), "{wrong} in {svg}");
        }
    }
}
