//! How often one user may search, and look at all that they said.

use std::time::Duration;

use crate::chat::time::Timestamp;

/// Searches in a row; past that, one in [`SEARCH_INTERVAL`].
pub const SEARCHES_AT_ONCE: u32 = 10;

/// With these a user has ten searches a minute: each may look at much.
pub const SEARCH_INTERVAL: Duration = Duration::from_secs(6);

/// A page of an export reads a page's worth of lines from all over the archive.
pub const EXPORT_INTERVAL: Duration = Duration::from_secs(1);

/// When one user may search, and export.
#[derive(Debug, Default)]
pub(in crate::chat) struct Rates {
    search: Rate,
    export: Rate,
}

impl Rates {
    /// Counts a search, or says how long it has to wait.
    pub fn search(&mut self, now: Timestamp) -> Result<(), Duration> {
        self.search.take(now, SEARCH_INTERVAL, SEARCHES_AT_ONCE)
    }

    /// Counts a page of an export, or says how long it has to wait.
    pub fn export(&mut self, now: Timestamp) -> Result<(), Duration> {
        self.export.take(now, EXPORT_INTERVAL, 1)
    }
}

/// When all that was taken is paid for.
#[derive(Debug, Default)]
struct Rate {
    paid_at: Timestamp,
}

impl Rate {
    fn take(&mut self, now: Timestamp, interval: Duration, at_once: u32) -> Result<(), Duration> {
        let paid_at = self.paid_at.max(now).after(interval);
        let wait = paid_at.since(now).saturating_sub(interval * at_once);
        if !wait.is_zero() {
            return Err(wait);
        }
        self.paid_at = paid_at;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_has_ten_searches_at_once_and_one_every_six_seconds() {
        let mut rates = Rates::default();
        let mut now = Timestamp::at(Duration::from_secs(100));
        for _ in 0..10 {
            assert_eq!(rates.search(now), Ok(()));
        }
        assert_eq!(rates.search(now), Err(SEARCH_INTERVAL));
        now = now.after(SEARCH_INTERVAL);
        assert_eq!(rates.search(now), Ok(()));
        assert_eq!(rates.search(now), Err(SEARCH_INTERVAL));
    }

    #[test]
    fn user_has_one_page_of_an_export_a_second() {
        let mut rates = Rates::default();
        let now = Timestamp::at(Duration::from_secs(100));
        assert_eq!(rates.export(now), Ok(()));
        assert_eq!(rates.export(now), Err(EXPORT_INTERVAL));
        assert_eq!(rates.export(now.after(EXPORT_INTERVAL)), Ok(()));
    }
}
