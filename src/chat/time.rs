//! Time as the core sees it: an argument, never a question.

use std::time::Duration;

/// A moment, in microseconds since the server started, on a clock that only goes forward.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u64);

impl Timestamp {
    /// Later than every moment that happens.
    pub const NEVER: Self = Self(u64::MAX);

    /// The moment `elapsed` after the start.
    #[must_use]
    pub fn at(elapsed: Duration) -> Self {
        Self(micros(elapsed))
    }

    /// This moment and `wait` more; stops at [`Timestamp::NEVER`].
    #[must_use]
    pub fn after(self, wait: Duration) -> Self {
        Self(self.0.saturating_add(micros(wait)))
    }

    /// The time passed since `earlier`; zero if that is yet to come.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

/// A moment, on both clocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// For all that waits.
    pub timestamp: Timestamp,
    /// By the calendar, for all that is kept; it may jump. Milliseconds since 1970.
    pub unix_ms: u64,
    /// The seconds that the server's zone is ahead of UTC.
    pub utc_offset_s: i32,
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
