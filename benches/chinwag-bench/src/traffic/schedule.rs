//! When messages of an open loop are to go.

use std::time::Duration;

use crate::recorder::as_f64;
use crate::timestamp::Timestamp;

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

    /// The time for which the next is meant, if that has come.
    pub fn take(&mut self, now: Timestamp) -> Option<Timestamp> {
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
        let due: Vec<_> = std::iter::from_fn(|| schedule.take(late)).collect();
        let meant = [0, 1, 2, 3].map(|ms| start.after(Duration::from_millis(ms)));
        assert_eq!(due, meant);
    }
}
