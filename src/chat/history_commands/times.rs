//! Times as they are typed, by the calendar.

use crate::chat::archive::UnixMs;
use crate::chat::command::WantedTime;
use crate::chat::time::Now;

const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 24 * 60 * MINUTE_MS;

/// The moment that a typed time means, seen from now.
pub(super) fn resolve(wanted: WantedTime, now: Now) -> UnixMs {
    let zone_ms = i64::from(now.utc_offset_s) * 1000;
    let clock = i64::try_from(now.unix_ms).unwrap_or(i64::MAX / 2);
    let moment = match wanted {
        WantedTime::Ago(ms) => return now.unix_ms.saturating_sub(ms),
        WantedTime::Date(local_ms) => {
            let local_ms = i64::try_from(local_ms).unwrap_or(i64::MAX);
            local_ms.saturating_sub(zone_ms)
        }
        WantedTime::OfDay(minutes) => {
            let local = clock.saturating_add(zone_ms);
            let today = local - local.rem_euclid(DAY_MS) + i64::from(minutes) * MINUTE_MS;
            let last = if today > local { today - DAY_MS } else { today };
            last.saturating_sub(zone_ms)
        }
    };
    UnixMs::try_from(moment).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-28 00:30 UTC, in a zone two hours ahead.
    const NOW: fn() -> Now = || Now {
        unix_ms: 1_795_825_800_000,
        utc_offset_s: 7200,
        ..Now::default()
    };

    #[test]
    fn time_of_day_is_the_last_time_that_it_was_that() {
        let hour = 3_600_000;
        // It is 02:30 there.
        let at = |minutes| resolve(WantedTime::OfDay(minutes), NOW());
        assert_eq!(at(150), NOW().unix_ms);
        assert_eq!(at(90), NOW().unix_ms - hour);
        assert_eq!(at(210), NOW().unix_ms - 23 * hour);
    }

    #[test]
    fn date_is_in_the_zone_of_the_server() {
        let at = resolve(WantedTime::Date(7_200_000), NOW());
        assert_eq!(at, 0);
        assert_eq!(resolve(WantedTime::Date(0), NOW()), 0);
    }

    #[test]
    fn time_ago_stops_at_the_start_of_the_calendar() {
        assert_eq!(resolve(WantedTime::Ago(800_000), NOW()), 1_795_825_000_000);
        assert_eq!(resolve(WantedTime::Ago(u64::MAX), NOW()), 0);
    }
}
