//! Latencies, and how they and the throughput went over time.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

use crate::timestamp::{Timestamp, nanos};

/// Significant digits kept of a latency: an error of a thousandth.
const DIGITS: u8 = 3;

/// The longest latency told apart: an hour.
const LATENCY_NANOS_MAX: u64 = 3_600_000_000_000;

/// Latencies of one kind of message, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[expect(clippy::struct_field_names, reason = "in JSON the unit is in the name")]
pub struct Latency {
    pub p50_ms: f64,
    pub p90_ms: f64,
    pub p99_ms: f64,
    pub p999_ms: f64,
    pub max_ms: f64,
}

impl Latency {
    fn of(histogram: &Histogram<u64>) -> Self {
        let at = |quantile| millis(histogram.value_at_quantile(quantile));
        Self {
            p50_ms: at(0.5),
            p90_ms: at(0.9),
            p99_ms: at(0.99),
            p999_ms: at(0.999),
            max_ms: millis(histogram.max()),
        }
    }
}

/// One stretch of time, of which the latency is 0 if nothing arrived.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Interval {
    /// Its end, in seconds since the measured phase began.
    pub at_s: f64,
    pub per_second: f64,
    pub latency: Latency,
}

pub struct Recorder {
    all: Histogram<u64>,
    interval: Histogram<u64>,
    interval_time: Duration,
    /// `None` while nothing is recorded.
    began: Option<Timestamp>,
    interval_ends: Timestamp,
    intervals: Vec<Interval>,
}

impl Recorder {
    /// Records nothing yet; later, an interval each `interval_time`.
    pub fn new(interval_time: Duration) -> Self {
        Self {
            all: histogram(),
            interval: histogram(),
            interval_time,
            began: None,
            interval_ends: Timestamp::NEVER,
            intervals: Vec::new(),
        }
    }

    pub fn begin(&mut self, now: Timestamp) {
        self.all.reset();
        self.interval.reset();
        self.intervals.clear();
        self.began = Some(now);
        self.interval_ends = now.after(self.interval_time);
    }

    /// The measured phase ends. What began less than an interval ago is no interval.
    pub fn end(&mut self, now: Timestamp) {
        if let Some(began) = self.began.take() {
            self.close_intervals(began, now);
        }
    }

    /// A message that was to be sent at `intended` is there.
    pub fn record(&mut self, now: Timestamp, intended: Timestamp) {
        let Some(began) = self.began else {
            return;
        };
        if now >= self.interval_ends {
            self.close_intervals(began, now);
        }
        let latency = nanos(now.since(intended)).max(1);
        self.all.saturating_record(latency);
        self.interval.saturating_record(latency);
    }

    fn close_intervals(&mut self, began: Timestamp, now: Timestamp) {
        while now >= self.interval_ends {
            let count = as_f64(self.interval.len());
            self.intervals.push(Interval {
                at_s: self.interval_ends.since(began).as_secs_f64(),
                per_second: count / self.interval_time.as_secs_f64(),
                latency: Latency::of(&self.interval),
            });
            self.interval.reset();
            self.interval_ends = self.interval_ends.after(self.interval_time);
        }
    }

    pub fn count(&self) -> u64 {
        self.all.len()
    }

    pub fn latency(&self) -> Option<Latency> {
        (!self.all.is_empty()).then(|| Latency::of(&self.all))
    }

    pub fn intervals(&self) -> &[Interval] {
        &self.intervals
    }

    /// Latency at each step towards the longest, for a plot: how rare, and how long in ms.
    pub fn percentiles(&self) -> Vec<(f64, f64)> {
        let steps = self.all.iter_quantiles(5);
        let points = steps.map(|step| (step.quantile_iterated_to(), step.value_iterated_to()));
        let points = points.filter(|(quantile, _)| *quantile < 1.0);
        points
            .map(|(quantile, nanos)| (quantile, millis(nanos)))
            .collect()
    }
}

#[expect(clippy::expect_used, reason = "the bounds are constants, and fit")]
fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LATENCY_NANOS_MAX, DIGITS).expect("bounds that fit")
}

fn millis(nanos: u64) -> f64 {
    as_f64(nanos) / 1e6
}

/// Exact up to 2^53, which is more than anything counted here.
#[expect(clippy::cast_precision_loss, reason = "see above")]
pub fn as_f64(count: u64) -> f64 {
    count as f64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share of a number that fits"
)]
pub fn share_of(whole: usize, share: f64) -> usize {
    (as_f64(whole as u64) * share).round() as usize
}
