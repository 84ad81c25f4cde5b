//! The calendar's time, as lines show it.

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
}
