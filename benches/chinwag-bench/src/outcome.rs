//! What a command found, and how it is shown.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::io::{self, Write as _};

use serde::Serialize;

use crate::args::Common;
use crate::dialect::{CHINWAG, Dialect};
use crate::drawing;
use crate::figures;
use crate::plot::{self, PlotError};
use crate::report::Report;
use crate::server::Failure;

/// What may be behind losses at a daemon that was not started for a load test. The flags, too,
/// are in docs/load-testing.md.
const HELD_BACK: &str = "unless both ends are on loopback, chinwag reads a client's lines no faster \
    than its --line-rate, and lets in --max-per-address connections from one address. What it has \
    not read when --drain is over counts as lost. Start it without these limits: --line-rate \
    1000000 --line-burst 1000000 --max-per-address 100000";

/// What a command found, to be shown in one of two ways.
#[derive(Default)]
pub struct Outcome {
    pub json: Vec<String>,
    pub text: String,
    pub drawing: Option<Result<String, PlotError>>,
    pub has_losses: bool,
    pub is_good: bool,
}

impl Outcome {
    /// Of runs, as a table with notes, a drawing and a line of JSON each.
    pub fn of_runs(common: &Common, reports: &[Report]) -> Self {
        Self {
            json: reports.iter().map(json).collect(),
            text: figures::text(reports) + &notes(reports),
            drawing: common.svg.as_ref().map(|_| plot::draw(reports)),
            has_losses: reports.iter().any(|report| report.errors.lost > 0),
            is_good: reports.iter().all(Report::is_clean),
        }
    }

    pub fn show(self, common: &Common) -> Result<bool, Failure> {
        let mut lines = if common.json {
            self.json
        } else {
            vec![self.text]
        };
        let is_found = common.addr.is_some() && *dialect(common) == CHINWAG;
        if self.has_losses && is_found && !common.json {
            lines.push(format!("\nNote: {HELD_BACK}."));
        }
        for line in lines {
            writeln!(io::stdout(), "{line}")?;
        }
        if let (Some(path), Some(drawing)) = (&common.svg, self.drawing) {
            drawing::write(path, drawing)?;
        }
        Ok(self.is_good)
    }
}

/// Remarks on runs, each once.
pub fn notes(reports: &[Report]) -> String {
    let (mut text, mut told) = (String::new(), HashSet::new());
    for warning in reports.iter().flat_map(Report::warnings) {
        if told.insert(warning.clone()) {
            let _ = write!(text, "\n\nNote: {warning}.");
        }
    }
    text
}

/// What the server speaks that runs already.
pub fn dialect(common: &Common) -> &'static Dialect {
    common.dialect.unwrap_or(&CHINWAG)
}

pub fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
