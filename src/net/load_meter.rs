//! How much of the time the loop is at work.

use std::time::Duration;

use crate::chat::time::Timestamp;

/// The least time that a figure is of.
const WINDOW: Duration = Duration::from_secs(5);

/// Adds up the time spent between two polls.
#[derive(Debug, Default)]
pub struct LoadMeter {
    window_start: Timestamp,
    busy: Duration,
}

impl LoadMeter {
    /// A turn begins. Returns the share of the last window, in thousandths, when one is over; before
    /// the turn's work, so that after a long rest `/stats` does not show what was before it.
    pub fn begin_turn(&mut self, start: Timestamp) -> Option<u32> {
        let window = start.since(self.window_start);
        if window < WINDOW {
            return None;
        }
        let permille = self.busy.as_micros().saturating_mul(1000) / window.as_micros().max(1);
        self.window_start = start;
        self.busy = Duration::ZERO;
        Some(u32::try_from(permille).unwrap_or(1000).min(1000))
    }

    /// A turn has lasted from `start` to `end`.
    pub fn end_turn(&mut self, start: Timestamp, end: Timestamp) {
        self.busy += end.since(start);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Timestamp {
        Timestamp::at(Duration::from_millis(millis))
    }

    #[test]
    fn a_share_is_told_once_a_window() {
        let mut meter = LoadMeter::default();
        for (start, end, share) in [
            (0, 500, None),
            (4000, 4500, None),
            (5000, 5100, Some(200)),
            (9900, 9900, None),
            (15_100, 15_100, Some(9)),
        ] {
            assert_eq!(meter.begin_turn(at(start)), share);
            meter.end_turn(at(start), at(end));
        }
    }
}
