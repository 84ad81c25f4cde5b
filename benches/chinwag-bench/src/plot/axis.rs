//! The scales of a drawing: what they span, where they have ticks, and what these are labelled.

use std::iter::successors;
use std::ops::Range;

use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};
use plotters::coord::types::RangedCoordf64;

use super::Line;

/// A scale. Where it is logarithmic, its values are logarithms.
#[derive(Clone, Debug)]
pub struct Axis {
    pub name: String,
    range: Range<f64>,
    ticks: Vec<f64>,
    show: fn(f64) -> String,
}

impl Axis {
    /// Each step to the right is ten times as rare.
    pub fn percentiles(lines: &[Line]) -> Self {
        let end = points(lines).map(|(nines, _)| nines).fold(1.0, f64::max);
        let nines = successors(Some(1.0), |nines| Some(nines + 1.0));
        let half = 2_f64.log10();
        let steps = [0.0, half].into_iter().chain(nines);
        Self {
            name: "percentile".to_owned(),
            range: 0.0..end,
            ticks: steps.take_while(|nines| *nines <= end).collect(),
            show: |nines| format!("{} %", trimmed(100.0 - 100.0 * 10_f64.powf(-nines))),
        }
    }

    pub fn time(seconds: f64) -> Self {
        let step = step(seconds / 10.0);
        Self {
            name: "time, s".to_owned(),
            range: 0.0..seconds,
            ticks: steps(step, seconds),
            show: trimmed,
        }
    }

    /// Likewise, labelled in minutes if that is shorter.
    pub fn long_time(seconds: f64) -> Self {
        if seconds < 300.0 {
            return Self::time(seconds);
        }
        // Quarters of an hour divide an hour, and fifths do not.
        let mut minutes = [1.0, 2.0, 5.0, 15.0, 30.0, 60.0, 120.0].into_iter();
        let fits = |minutes: &f64| seconds / 60.0 / minutes <= 12.0;
        let step = 60.0 * minutes.find(fits).unwrap_or(240.0);
        Self {
            name: "time, min".to_owned(),
            range: 0.0..seconds,
            ticks: steps(step, seconds),
            show: |seconds| trimmed(seconds / 60.0),
        }
    }

    pub fn from_zero(name: &str, lines: &[Line]) -> Self {
        let most = points(lines).map(|(_, value)| value).fold(1.0, f64::max);
        let step = step(most / 5.0);
        let end = (most / step).ceil() * step;
        Self {
            name: name.to_owned(),
            range: 0.0..end,
            ticks: steps(step, end),
            show: |value| match value {
                1e6.. => format!("{}M", trimmed(value / 1e6)),
                1e3.. => format!("{}k", trimmed(value / 1e3)),
                _ => trimmed(value),
            },
        }
    }

    pub fn latency(name: &str, lines: &[Line]) -> Self {
        let values = || points(lines).map(|(_, value)| value);
        let low = values().reduce(f64::min).unwrap_or(0.0);
        let high = values().reduce(f64::max).unwrap_or(1.0);
        // What is 1, 2 or 5 times a power of ten, from one below to one above.
        let all: Vec<f64> = successors(Some(low.floor()), |decade| Some(decade + 1.0))
            .take_while(|decade| *decade <= high.ceil())
            .flat_map(|decade| [1_f64, 2.0, 5.0].map(|digit| decade + digit.log10()))
            .collect();
        let ticks = || all.iter().copied();
        let start = ticks().rfind(|tick| *tick <= low).unwrap_or(low);
        let end = ticks().find(|tick| *tick > high).unwrap_or(high);
        let is_long = end - start > 2.5;
        let is_shown =
            |tick: &f64| (start..=end).contains(tick) && (!is_long || tick.fract() == 0.0);
        Self {
            name: name.to_owned(),
            range: start..end,
            ticks: all.into_iter().filter(is_shown).collect(),
            show: |logarithm| trimmed(10_f64.powf(logarithm)),
        }
    }
}

impl Ranged for Axis {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, limit: (i32, i32)) -> i32 {
        RangedCoordf64::from(self.range.clone()).map(value, limit)
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        if hint.weight().allow_light_points() {
            return Vec::new();
        }
        self.ticks.clone()
    }

    fn range(&self) -> Range<f64> {
        self.range.clone()
    }
}

impl ValueFormatter<f64> for Axis {
    fn format_ext(&self, value: &f64) -> String {
        (self.show)(*value)
    }
}

fn points(lines: &[Line]) -> impl Iterator<Item = (f64, f64)> {
    lines.iter().flat_map(|line| line.points.iter().copied())
}

/// The next that is 1, 2 or 5 times a power of ten.
fn step(least: f64) -> f64 {
    let decade = 10_f64.powf(least.log10().floor());
    let mut steps = [1.0, 2.0, 5.0].map(|factor| factor * decade).into_iter();
    steps.find(|step| *step >= least).unwrap_or(10.0 * decade)
}

fn steps(step: f64, end: f64) -> Vec<f64> {
    successors(Some(0.0), |value| Some(value + step))
        // Sums of fractions miss the end by a little.
        .take_while(|value| *value < end + step / 1e3)
        .collect()
}

/// Without the digits that are due to rounding only.
pub fn trimmed(value: f64) -> String {
    let text = format!("{value:.7}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_have_round_labels() {
        let shown = |axis: &Axis| -> Vec<String> {
            let ticks = axis.ticks.iter();
            ticks.map(|tick| (axis.show)(*tick)).collect()
        };
        let through = |points: &[(f64, f64)]| {
            let style = plotters::style::BLACK.into();
            [Line::new("", style, points.iter().copied())]
        };
        let latencies = |low: f64, high: f64| {
            Axis::latency("", &through(&[(0.0, low.log10()), (0.0, high.log10())]))
        };
        let percentiles = Axis::percentiles(&through(&[(4.2, 0.0)]));
        let expected = ["0 %", "50 %", "90 %", "99 %", "99.9 %", "99.99 %"];
        assert_eq!(shown(&percentiles), expected);
        assert_eq!(
            shown(&latencies(0.03, 0.6)),
            ["0.02", "0.05", "0.1", "0.2", "0.5", "1"]
        );
        assert_eq!(
            shown(&latencies(0.03, 600.0)),
            ["0.1", "1", "10", "100", "1000"]
        );
        let rate = Axis::from_zero("", &through(&[(0.0, 730_000.0)]));
        assert_eq!(shown(&rate), ["0", "200k", "400k", "600k", "800k"]);
        assert_eq!(shown(&Axis::long_time(30.0)), shown(&Axis::time(30.0)));
        assert_eq!(shown(&Axis::long_time(600.0)).last().unwrap(), "10");
        let hour = [
            "0", "5", "10", "15", "20", "25", "30", "35", "40", "45", "50", "55", "60",
        ];
        assert_eq!(shown(&Axis::long_time(3600.0)), hour);
        assert_eq!(
            shown(&Axis::time(0.7)),
            ["0", "0.1", "0.2", "0.3", "0.4", "0.5", "0.6", "0.7"]
        );
    }
}
