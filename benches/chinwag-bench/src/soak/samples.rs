//! What is looked at again and again while a soak goes on.

use serde::Serialize;

use crate::process::{Usage, descriptors};
use crate::recorder::as_f64;
use crate::report::Look;
use crate::timestamp::Timestamp;

/// What the server holds at one time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Level {
    pub resident_kib: f64,
    /// Open files, sockets among them.
    pub descriptors: u64,
    pub threads: u64,
}

impl Level {
    pub fn of(pid: Option<u32>) -> Option<Self> {
        let usage = Usage::of(pid?)?;
        Some(Self {
            resident_kib: usage.resident_kib,
            descriptors: descriptors(pid?)?,
            threads: usage.threads,
        })
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Sample {
    pub at_s: f64,
    pub connected: usize,
    /// Visitors that came in a second, since the sample before.
    pub connects_per_second: f64,
    #[serde(flatten)]
    pub level: Option<Level>,
    /// The share of a processor that the server used since the sample before.
    pub server_busy: Option<f64>,
    pub driver_busy: Option<f64>,
}

pub struct Sampler {
    pid: Option<u32>,
    began: Timestamp,
    /// What the server held then, if that can be seen.
    pub before: Option<Level>,
    last: (Timestamp, Look, u64),
    pub samples: Vec<Sample>,
}

impl Sampler {
    pub fn new(pid: Option<u32>, now: Timestamp) -> Self {
        Self {
            pid,
            began: now,
            before: Level::of(pid),
            last: (now, Look::now(pid), 0),
            samples: Vec::new(),
        }
    }

    /// Of now, when there are as many connections, and as many visitors have come.
    pub fn take(&mut self, now: Timestamp, connected: usize, connects: u64) {
        let look = Look::now(self.pid);
        let (last, before, connects_before) = self.last;
        let seconds = now.since(last).as_secs_f64().max(f64::MIN_POSITIVE);
        let [server, driver] = before.until(&look, seconds, 0);
        self.samples.push(Sample {
            at_s: now.since(self.began).as_secs_f64(),
            connected,
            connects_per_second: as_f64(connects - connects_before) / seconds,
            level: Level::of(self.pid),
            server_busy: server.map(|used| used.busy),
            driver_busy: driver.map(|used| used.busy),
        });
        self.last = (now, look, connects);
    }
}

/// How much a line through points rises for each unit to the right: the one with the least squares
/// of the distances. `None` for less than two points.
pub fn slope(points: &[(f64, f64)]) -> Option<f64> {
    let count = as_f64(points.len() as u64);
    let mean = |pick: fn(&(f64, f64)) -> f64| points.iter().map(pick).sum::<f64>() / count;
    let (middle_x, middle_y) = (mean(|point| point.0), mean(|point| point.1));
    let mut products = 0.0;
    let mut squares = 0.0;
    for (x, y) in points {
        products += (x - middle_x) * (y - middle_y);
        squares += (x - middle_x).powi(2);
    }
    (squares > 0.0).then(|| products / squares)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slope_is_that_of_the_line_through_the_points() {
        assert_eq!(slope(&[]), None);
        assert_eq!(slope(&[(1.0, 5.0)]), None);
        assert_eq!(slope(&[(1.0, 5.0), (1.0, 7.0)]), None);
        let close = |points: &[(f64, f64)], wanted: f64| {
            let found = slope(points).unwrap();
            assert!((found - wanted).abs() < 1e-9, "{found}");
        };
        close(&[(1.0, 5.0), (2.0, 5.0), (9.0, 5.0)], 0.0);
        close(&[(0.0, 1.0), (1.0, 3.0), (2.0, 5.0)], 2.0);
        // Noise on both sides of a line that falls.
        close(&[(0.0, 9.0), (1.0, 8.0), (2.0, 5.0), (3.0, 6.0)], -1.2);
    }
}
