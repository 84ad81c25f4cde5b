//! How fast a client's lines are taken: a burst, then a rate.

use std::time::Duration;

use crate::chat::time::Timestamp;

/// The limit for every client: the two numbers of the generic cell rate algorithm (ITU-T I.371).
#[derive(Clone, Copy, Debug)]
pub struct RateLimit {
    interval: Duration,
    tolerance: Duration,
}

impl RateLimit {
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

/// One client's use of its rate: the algorithm's theoretical arrival time of the next line.
#[derive(Clone, Copy, Debug, Default)]
pub struct RateLimiter(Timestamp);

impl RateLimiter {
    /// When the next line may be taken; now or in the past if it may be taken now.
    #[must_use]
    pub fn next_allowed(self, limit: RateLimit) -> Timestamp {
        Timestamp::default().after(self.0.since(Timestamp::default().after(limit.tolerance)))
    }

    /// Counts a line.
    pub fn charge(&mut self, now: Timestamp, limit: RateLimit) {
        self.0 = self.0.max(now).after(limit.interval);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Timestamp {
        Timestamp::at(Duration::from_millis(millis))
    }

    fn lines_taken(limiter: &mut RateLimiter, limit: RateLimit, now: Timestamp) -> usize {
        let mut count = 0;
        while limiter.next_allowed(limit) <= now {
            limiter.charge(now, limit);
            count += 1;
        }
        count
    }

    #[test]
    fn burst_then_rate_and_a_rest_restores_the_burst() {
        let (mut limiter, limit) = (RateLimiter::default(), RateLimit::new(40, 10));
        assert_eq!(lines_taken(&mut limiter, limit, at(1000)), 40);
        assert_eq!(lines_taken(&mut limiter, limit, at(1099)), 0);
        assert_eq!(limiter.next_allowed(limit), at(1100));
        assert_eq!(lines_taken(&mut limiter, limit, at(1100)), 1);
        assert_eq!(lines_taken(&mut limiter, limit, at(2100)), 10);
        assert_eq!(lines_taken(&mut limiter, limit, at(60_000)), 40);
    }

    #[test]
    fn burst_of_one_is_a_plain_rate() {
        let (mut limiter, limit) = (RateLimiter::default(), RateLimit::new(1, 2));
        assert_eq!(lines_taken(&mut limiter, limit, at(0)), 1);
        assert_eq!(lines_taken(&mut limiter, limit, at(499)), 0);
        assert_eq!(lines_taken(&mut limiter, limit, at(500)), 1);
    }
}
