//! The calendar's time, and the zone of this machine.

use std::time::{SystemTime, UNIX_EPOCH};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::wire::wall_time::WallTime;

/// Zones change their clocks between two minutes, and no turn asks for more than is shown.
const MINUTE_MS: u64 = 60_000;

/// Tells the time of day: JSON's `time`, and what `/times` shows. A wrong clock changes what clients see,
/// never a deadline.
#[derive(Debug)]
pub struct Calendar {
    zone: TimeZone,
    /// The minute that the offset was looked up for.
    minute: Option<u64>,
    utc_offset_s: i32,
}

impl Calendar {
    /// In the zone that `TZ` names, or else `/etc/localtime`; UTC if neither can be read.
    pub fn of_system() -> Self {
        Self::in_zone(TimeZone::system())
    }

    fn in_zone(zone: TimeZone) -> Self {
        Self {
            zone,
            minute: None,
            utc_offset_s: 0,
        }
    }

    /// The time now.
    pub fn now(&mut self) -> WallTime {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        self.at(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }

    fn at(&mut self, unix_ms: u64) -> WallTime {
        let minute = unix_ms / MINUTE_MS;
        if self.minute != Some(minute) {
            self.minute = Some(minute);
            let moment = i64::try_from(unix_ms).ok();
            let moment = moment.and_then(|moment| Timestamp::from_millisecond(moment).ok());
            self.utc_offset_s = moment.map_or(0, |moment| self.zone.to_offset(moment).seconds());
        }
        WallTime {
            unix_ms,
            utc_offset_s: self.utc_offset_s,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Central Europe, on 2026-03-29 at 01:00 UTC and on 2026-10-25 at 01:00 UTC.
    #[test]
    fn clock_change_is_followed_while_running() {
        let zone = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        let mut calendar = Calendar::in_zone(zone);
        let (spring_s, autumn_s) = (1_774_746_000, 1_792_890_000);
        for (unix_s, shown) in [
            (spring_s - 1, "01:59 "),
            (spring_s, "03:00 "),
            (spring_s + 59, "03:00 "),
            (autumn_s - 1, "02:59 "),
            (autumn_s, "02:00 "),
            (spring_s - 1, "01:59 "), // a clock set back
        ] {
            let time = calendar.at(unix_s * 1000).hour_and_minute();
            assert_eq!(time, shown.as_bytes(), "{unix_s}");
        }
    }

    #[test]
    fn time_past_the_calendar_is_shown_without_a_panic() {
        let mut calendar = Calendar::in_zone(TimeZone::UTC);
        assert_eq!(calendar.at(u64::MAX).utc_offset_s, 0);
    }
}
