//! Drawings of reports, as SVG.
//!
//! Each is a column of blocks, and a block a title and panels below one another, with their legends
//! on the right. The colours are presentation attributes, which a style sheet overrides: so one file
//! is readable on a light and on a dark page.

mod axis;
mod palette;
mod runs;
mod soak;

use std::io;

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use thiserror::Error;

use axis::Axis;
use palette::{GRID, INK, MUTED, PAPER, Role, style};
pub use runs::draw;
pub use soak::draw_soak;

#[derive(Debug, Error)]
pub enum PlotError {
    #[error("no messages were delivered, so there is nothing to draw")]
    NoMessages,
    #[error(transparent)]
    Drawing(#[from] DrawingAreaErrorKind<io::Error>),
}

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Drawn = Result<(), DrawingAreaErrorKind<io::Error>>;

const WIDTH: u32 = 1100;
const LEGEND_WIDTH: u32 = 260;
const LEGEND_ROW: i32 = 22;

/// The title's and the first row's height, and that of a row.
const TITLE_Y: i32 = 24;
const ABOUT_Y: i32 = 50;
const ABOUT_ROW: usize = 22;

/// Longer labels would run into what is beside them.
const LABEL_CHARS: usize = 30;

/// A title, remarks on it, and panels.
struct Block {
    title: String,
    about: Vec<String>,
    panels: Vec<Panel>,
}

/// One pair of axes, with lines between them.
struct Panel {
    height: u32,
    x: Axis,
    y: Axis,
    lines: Vec<Line>,
    has_legend: bool,
}

#[derive(Clone, Debug)]
struct Line {
    label: String,
    style: ShapeStyle,
    points: Vec<(f64, f64)>,
}

impl Line {
    /// Through all points that can be drawn: where nothing arrived, there is no latency, and its
    /// logarithm is not finite.
    fn new(label: &str, style: ShapeStyle, points: impl Iterator<Item = (f64, f64)>) -> Self {
        let is_finite = |(x, y): &(f64, f64)| x.is_finite() && y.is_finite();
        Self {
            label: label.to_owned(),
            style,
            points: points.filter(is_finite).collect(),
        }
    }
}

/// Of blocks, one below another.
fn on_paper(blocks: &[Block]) -> Result<String, PlotError> {
    let mut svg = String::new();
    {
        let height = blocks.iter().map(Block::height).sum();
        let root = SVGBackend::with_string(&mut svg, (WIDTH, height)).into_drawing_area();
        root.fill(&PAPER.light)?;
        let mut rest = root.clone();
        for block in blocks {
            let (area, below) = rest.split_vertically(block.height());
            block.draw(&area)?;
            rest = below;
        }
        root.present()?;
    }
    if let Some(end) = svg.find('>') {
        svg.insert_str(end + 1, &style());
    }
    Ok(svg)
}

impl Block {
    fn head_height(&self) -> u32 {
        let rows = u32::try_from(self.about.len() * ABOUT_ROW).unwrap_or_default();
        ABOUT_Y.unsigned_abs() + rows
    }

    fn height(&self) -> u32 {
        self.head_height() + self.panels.iter().map(|panel| panel.height).sum::<u32>()
    }

    fn draw(&self, area: &Area<'_>) -> Drawn {
        area.draw_text(&self.title, &text(22, INK), (TITLE_Y, TITLE_Y))?;
        for (row, y) in self.about.iter().zip((ABOUT_Y..).step_by(ABOUT_ROW)) {
            area.draw_text(row, &text(16, MUTED), (TITLE_Y, y))?;
        }
        let (_, mut rest) = area.split_vertically(self.head_height());
        for panel in &self.panels {
            let (area, below) = rest.split_vertically(panel.height);
            panel.draw(&area)?;
            rest = below;
        }
        Ok(())
    }
}

impl Panel {
    fn has_points(&self) -> bool {
        self.lines.iter().any(|line| !line.points.is_empty())
    }

    fn draw(&self, area: &Area<'_>) -> Drawn {
        let (plot, legend) = area.split_horizontally(WIDTH - LEGEND_WIDTH);
        let shown = if self.has_legend {
            &self.lines[..]
        } else {
            &[]
        };
        for (line, row) in shown.iter().zip(1..) {
            let (y, label) = (row * LEGEND_ROW, shortened(&line.label, LABEL_CHARS));
            legend.draw(&PathElement::new([(8, y), (36, y)], line.style))?;
            legend.draw_text(&label, &text(16, INK), (44, y))?;
        }
        let mut chart = ChartBuilder::on(&plot)
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
        for line in &self.lines {
            chart.draw_series(LineSeries::new(line.points.iter().copied(), line.style))?;
            // A line through one point cannot be seen.
            if let [point] = line.points[..] {
                chart.draw_series([Circle::new(point, 3, line.style.color.filled())])?;
            }
        }
        Ok(())
    }
}

fn shortened(text: &str, chars: usize) -> String {
    match text.char_indices().nth(chars) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// Centred on the height that it is drawn at.
fn text(size: u32, role: Role) -> TextStyle<'static> {
    let style = ("sans-serif", size).into_font().color(&role.light);
    style.pos(Pos::new(HPos::Left, VPos::Center))
}
