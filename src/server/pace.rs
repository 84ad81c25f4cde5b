//! How fast a client's lines are taken: a burst, then so many a second.

use std::time::Duration;

use crate::chat::time::Timestamp;

/// What everyone may do: the generic cell rate algorithm's two numbers (ITU-T I.371).
#[derive(Clone, Copy, Debug)]
pub struct Rate {
    interval: Duration,
    tolerance: Duration,
}

impl Rate {
    /// `burst` lines at once, then `per_second`. Both are at least 1.
    #[must_use]
    pub fn new(burst: u32, per_second: u32) -> Self {
        let interval = Duration::from_secs(1) / per_second.max(1);
        Self {
            interval,
            tolerance: interval * (burst.max(1) - 1),
        }
    }
}

/// How far one client is ahead of its rate: the time at which its next line would be on schedule.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pace(Timestamp);

impl Pace {
    /// When the next line may be taken; in the past or now if it may be taken now.
    #[must_use]
    pub fn next_allowed(self, rate: Rate) -> Timestamp {
        Timestamp::default().after(self.0.since(Timestamp::default().after(rate.tolerance)))
    }

    /// Takes a line.
    pub fn take(&mut self, now: Timestamp, rate: Rate) {
        self.0 = self.0.max(now).after(rate.interval);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Timestamp {
        Timestamp::at(Duration::from_millis(millis))
    }

    fn taken_by(pace: &mut Pace, rate: Rate, now: Timestamp) -> usize {
        let mut count = 0;
        while pace.next_allowed(rate) <= now {
            pace.take(now, rate);
            count += 1;
        }
        count
    }

    #[test]
    fn a_burst_then_the_rate_and_a_rest_brings_the_burst_back() {
        let (mut pace, rate) = (Pace::default(), Rate::new(40, 10));
        assert_eq!(taken_by(&mut pace, rate, at(1000)), 40);
        assert_eq!(taken_by(&mut pace, rate, at(1099)), 0);
        assert_eq!(pace.next_allowed(rate), at(1100));
        assert_eq!(taken_by(&mut pace, rate, at(1100)), 1);
        assert_eq!(taken_by(&mut pace, rate, at(2100)), 10);
        assert_eq!(taken_by(&mut pace, rate, at(60_000)), 40);
    }

    #[test]
    fn a_burst_of_one_is_a_plain_rate() {
        let (mut pace, rate) = (Pace::default(), Rate::new(1, 2));
        assert_eq!(taken_by(&mut pace, rate, at(0)), 1);
        assert_eq!(taken_by(&mut pace, rate, at(499)), 0);
        assert_eq!(taken_by(&mut pace, rate, at(500)), 1);
    }
}
