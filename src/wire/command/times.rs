//! Times as people type them.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::Offset;

use crate::chat::command::WantedTime;

const HOUR_MS: u64 = 60 * 60 * 1000;
const DAY_MS: u64 = 24 * HOUR_MS;

/// `HH:MM`, `YYYY-MM-DD`, `YYYY-MM-DDTHH:MM`, or so many hours or days ago: `2h`, `3d`.
pub(super) fn parse(word: &str) -> Option<WantedTime> {
    if let Some(time) = time_of_day(word) {
        let minutes = u32::try_from(time.hour()).ok()? * 60 + u32::try_from(time.minute()).ok()?;
        return Some(WantedTime::OfDay(minutes));
    }
    ago(word)
        .map(WantedTime::Ago)
        .or_else(|| date(word).map(WantedTime::Date))
}

fn ago(word: &str) -> Option<u64> {
    let hours = word.strip_suffix(['h', 'H']).map(|hours| (hours, HOUR_MS));
    let days = || word.strip_suffix(['d', 'D']).map(|days| (days, DAY_MS));
    let (digits, unit_ms) = hours.or_else(days)?;
    let count: u64 = digits_only(digits)?.parse().unwrap_or(u64::MAX);
    Some(count.saturating_mul(unit_ms))
}

/// Milliseconds since 1970; what is before that is 1970.
fn date(word: &str) -> Option<u64> {
    let (date, time) = match word.split_once(['T', 't']) {
        Some((date, time)) => (date, time_of_day(time)?),
        None => (word, Time::midnight()),
    };
    let (year, month_and_day) = date.split_once('-')?;
    let (month, day) = month_and_day.split_once('-')?;
    if [year.len(), month.len(), day.len()] != [4, 2, 2] {
        return None;
    }
    let date = Date::new(number(year)?, number(month)?, number(day)?).ok()?;
    let moment = Offset::UTC.to_timestamp(DateTime::from_parts(date, time));
    Some(u64::try_from(moment.ok()?.as_millisecond()).unwrap_or_default())
}

fn time_of_day(word: &str) -> Option<Time> {
    let (hour, minute) = word.split_once(':')?;
    if !(1..=2).contains(&hour.len()) || minute.len() != 2 {
        return None;
    }
    Time::new(number(hour)?, number(minute)?, 0, 0).ok()
}

fn number<T: std::str::FromStr>(digits: &str) -> Option<T> {
    digits_only(digits)?.parse().ok()
}

/// A sign is no digit.
fn digits_only(word: &str) -> Option<&str> {
    let are_digits = !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
    are_digits.then_some(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_of_the_day_of_a_date_or_ago() {
        for (word, time) in [
            ("00:00", WantedTime::OfDay(0)),
            ("9:12", WantedTime::OfDay(9 * 60 + 12)),
            ("23:59", WantedTime::OfDay(24 * 60 - 1)),
            ("2026-11-27", WantedTime::Date(1_795_737_600_000)),
            ("2026-11-27T09:12", WantedTime::Date(1_795_770_720_000)),
            ("2024-02-29t00:00", WantedTime::Date(1_709_164_800_000)),
            ("1969-12-31", WantedTime::Date(0)),
            ("2h", WantedTime::Ago(2 * HOUR_MS)),
            ("3D", WantedTime::Ago(3 * DAY_MS)),
            ("0h", WantedTime::Ago(0)),
            ("99999999999999999999d", WantedTime::Ago(u64::MAX)),
        ] {
            assert_eq!(parse(word), Some(time), "{word}");
        }
    }

    #[test]
    fn time_that_is_none_is_refused() {
        for word in [
            "",
            ":",
            "9",
            "24:00",
            "23:60",
            "9:1",
            "009:12",
            "+9:12",
            "-1:00",
            "h",
            "d",
            "2m",
            "+2h",
            "2.5h",
            "2 h",
            "2026-11",
            "2026-11-31",
            "2025-02-29",
            "2026-13-01",
            "26-11-27",
            "2026-1-27",
            "2026-11-27T",
            "2026-11-27T24:00",
            "2026-11-27 09:12",
            "+026-11-27",
            "20261127",
            "2026-11-27T09:12:00",
            "٣d",
        ] {
            assert_eq!(parse(word), None, "{word}");
        }
    }
}
