//! When messages of an open loop are to go.

use std::iter;
use std::time::Duration;

use crate::recorder::as_f64;
use crate::timestamp::Timestamp;

/// Messages sent at once at most, so that a rate beyond what this program can do ends in time.
const SENT_AT_ONCE_MAX: usize = 10_000;

#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    start: Timestamp,
    per_second: f64,
    sent: u64,
}

impl Schedule {
    pub fn new(start: Timestamp, per_second: f64) -> Self {
        Self {
            start,
            per_second: per_second.max(f64::MIN_POSITIVE),
            sent: 0,
        }
    }

    pub fn next(&self) -> Timestamp {
        let elapsed = Duration::try_from_secs_f64(as_f64(self.sent) / self.per_second);
        elapsed.map_or(Timestamp::NEVER, |time| self.start.after(time))
    }

    /// The times for which those are meant that are due, or the first of them.
    pub fn take_all(&mut self, now: Timestamp) -> impl Iterator<Item = Timestamp> {
        iter::from_fn(move || self.take(now)).take(SENT_AT_ONCE_MAX)
    }

    /// The time for which the next is meant, if that has come.
    fn take(&mut self, now: Timestamp) -> Option<Timestamp> {
        let due = self.next();
        (due <= now).then(|| {
            self.sent += 1;
            due
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stall_does_not_move_what_is_due() {
        let start = Timestamp::default().after(Duration::from_secs(1));
        let mut schedule = Schedule::new(start, 1000.0);
        assert_eq!(schedule.take(Timestamp::default()), None);
        let late = start.after(Duration::from_millis(3));
        let due: Vec<_> = schedule.take_all(late).collect();
        let meant = [0, 1, 2, 3].map(|ms| start.after(Duration::from_millis(ms)));
        assert_eq!(due, meant);
    }
}
