//! The calendar's time, as lines show it.

use std::fmt::{self, Display, Formatter};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::Offset;

/// Seconds of a day.
const DAY_S: i64 = 24 * 60 * 60;

/// A moment by the calendar, and how its zone's clocks show it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WallTime {
    /// Milliseconds since 1970.
    pub unix_ms: u64,
    /// The seconds that the zone's clocks are ahead of UTC.
    pub utc_offset_s: i32,
}

impl WallTime {
    /// `HH:MM` and a space.
    #[must_use]
    pub fn hour_and_minute(self) -> [u8; 6] {
        let unix_s = i64::try_from(self.unix_ms / 1000).unwrap_or_default();
        let minutes = (unix_s + i64::from(self.utc_offset_s)).rem_euclid(DAY_S) / 60;
        let digits = |number: i64| {
            let number = u8::try_from(number).unwrap_or_default();
            [b'0' + number / 10, b'0' + number % 10]
        };
        let ([h1, h2], [m1, m2]) = (digits(minutes / 60), digits(minutes % 60));
        [h1, h2, b':', m1, m2, b' ']
    }

    /// Another moment, by the same clocks.
    #[must_use]
    pub fn at(self, unix_ms: u64) -> Self {
        Self { unix_ms, ..self }
    }

    /// The day, which is shown as `YYYY-MM-DD`.
    #[must_use]
    pub fn date(self) -> Date {
        let moment = i64::try_from(self.unix_ms).ok();
        let moment = moment.and_then(|moment| Timestamp::from_millisecond(moment).ok());
        let offset = Offset::from_seconds(self.utc_offset_s).unwrap_or(Offset::UTC);
        offset.to_datetime(moment.unwrap_or_default()).date()
    }

    /// A moment before this one: `HH:MM`, and its date before that unless it is the same.
    #[must_use]
    pub fn shown(self, unix_ms: u64) -> PastTime {
        let at = self.at(unix_ms);
        let date = Some(at.date()).filter(|date| *date != self.date());
        PastTime { at, date }
    }
}

/// A moment as it is shown some time later.
#[derive(Clone, Copy, Debug)]
pub struct PastTime {
    at: WallTime,
    /// Unless it was today.
    date: Option<Date>,
}

impl Display for PastTime {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if let Some(date) = self.date {
            write!(f, "{date} ")?;
        }
        let time = self.at.hour_and_minute();
        f.write_str(str::from_utf8(&time).unwrap_or_default().trim_end())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_of_day_is_that_of_the_zone() {
        for (unix_s, offset_s, shown) in [
            (0, 0, "00:00 "),
            (1_700_000_000, 0, "22:13 "),
            (1_700_000_000, 2 * 3600, "00:13 "),
            (1_700_000_000, 5 * 3600 + 45 * 60, "03:58 "),
            (59, -60, "23:59 "),
            (86_399, 0, "23:59 "),
        ] {
            let time = WallTime {
                unix_ms: unix_s * 1000,
                utc_offset_s: offset_s,
            };
            assert_eq!(time.hour_and_minute(), shown.as_bytes(), "{time:?}");
        }
    }

    #[test]
    fn past_time_has_its_date_unless_that_is_todays() {
        let now = WallTime {
            unix_ms: 1_700_000_000_000, // 2023-11-15 00:13 in that zone
            utc_offset_s: 2 * 3600,
        };
        for (unix_s, shown) in [
            (1_700_000_000, "00:13"),
            (1_699_999_200, "00:00"),
            (1_699_999_199, "2023-11-14 23:59"),
            (0, "1970-01-01 02:00"),
            (1_700_090_000, "2023-11-16 01:13"), // a clock set back
        ] {
            assert_eq!(now.shown(unix_s * 1000).to_string(), shown);
        }
        assert!(!now.shown(u64::MAX).to_string().is_empty());
    }
}
