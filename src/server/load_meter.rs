//! How much of the time the loop is at work.

use std::time::Duration;

use crate::chat::tick::Tick;

/// A figure is made of so much time at least.
const WINDOW: Duration = Duration::from_secs(5);

/// Adds up the time spent between two polls.
#[derive(Debug, Default)]
pub struct LoadMeter {
    window_start: Tick,
    busy: Duration,
}

impl LoadMeter {
    /// A turn lasted from `start` to `end`. Returns the share of the last window, in thousandths,
    /// when one is over.
    pub fn turn(&mut self, start: Tick, end: Tick) -> Option<u32> {
        self.busy += end.since(start);
        let window = end.since(self.window_start);
        if window < WINDOW {
            return None;
        }
        let permille = self.busy.as_micros().saturating_mul(1000) / window.as_micros().max(1);
        self.window_start = end;
        self.busy = Duration::ZERO;
        Some(u32::try_from(permille).unwrap_or(1000).min(1000))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Tick {
        Tick::at(Duration::from_millis(millis))
    }

    #[test]
    fn a_share_is_told_once_a_window() {
        let mut meter = LoadMeter::default();
        assert_eq!(meter.turn(at(0), at(500)), None);
        assert_eq!(meter.turn(at(4500), at(5000)), Some(200));
        assert_eq!(meter.turn(at(10_000), at(10_000)), Some(0));
    }
}
