//! What is looked at again and again while a soak goes on.

use serde::Serialize;

use crate::process::{Holdings, Usage};
use crate::recorder::as_f64;
use crate::timestamp::Timestamp;

/// The server at one time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Level {
    /// Resident memory, in KiB.
    pub resident_kib: f64,
    /// Open files, sockets among them.
    pub descriptors: u64,
    /// Threads.
    pub threads: u64,
}

impl Level {
    /// Of the process `pid`, if it can be seen.
    pub fn of(pid: Option<u32>) -> Option<Self> {
        let (usage, holdings) = (Usage::of(pid?)?, Holdings::of(pid?)?);
        Some(Self {
            resident_kib: as_f64(usage.resident_bytes) / 1024.0,
            descriptors: holdings.descriptors,
            threads: holdings.threads,
        })
    }
}

/// One look.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Sample {
    /// Seconds since the measured phase began.
    pub at_s: f64,
    /// Connections that the clients have.
    pub connected: usize,
    /// Visitors who came in a second, since the look before.
    pub connects_per_second: f64,
    /// The server, if it can be seen.
    #[serde(flatten)]
    pub level: Option<Level>,
    /// The share of a processor that the server used since the look before.
    pub server_busy: Option<f64>,
    /// The same of this program.
    pub driver_busy: Option<f64>,
}

/// Looks at the server and at this program.
#[derive(Debug)]
pub struct Sampler {
    pid: Option<u32>,
    began: Timestamp,
    last: Look,
    /// So far.
    pub samples: Vec<Sample>,
}

/// What has grown since the look before.
#[derive(Clone, Copy, Debug)]
struct Look {
    at: Timestamp,
    server: Option<Usage>,
    driver: Option<Usage>,
    connects: u64,
}

impl Look {
    fn take(pid: Option<u32>, at: Timestamp, connects: u64) -> Self {
        Self {
            at,
            server: pid.and_then(Usage::of),
            driver: Usage::own(),
            connects,
        }
    }
}

impl Sampler {
    /// Of the process `pid`, if it can be seen, from now on.
    pub fn new(pid: Option<u32>, now: Timestamp) -> Self {
        Self {
            pid,
            began: now,
            last: Look::take(pid, now, 0),
            samples: Vec::new(),
        }
    }

    /// Looks, when so many connections are there and so many visitors have come.
    pub fn look(&mut self, now: Timestamp, connected: usize, connects: u64) {
        let (before, look) = (self.last, Look::take(self.pid, now, connects));
        let seconds = now.since(before.at).as_secs_f64().max(f64::MIN_POSITIVE);
        let busy = |before: Option<Usage>, after: Option<Usage>| {
            let used = after?.cpu().saturating_sub(before?.cpu());
            Some(used.as_secs_f64() / seconds)
        };
        self.samples.push(Sample {
            at_s: now.since(self.began).as_secs_f64(),
            connected,
            connects_per_second: as_f64(connects - before.connects) / seconds,
            level: Level::of(self.pid),
            server_busy: busy(before.server, look.server),
            driver_busy: busy(before.driver, look.driver),
        });
        self.last = look;
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
