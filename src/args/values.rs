//! The values of flags and variables, read from the forms in which people write them.

use std::time::Duration;

use chinwag::chat::name::{Name, RoomName};
use chinwag::config::{ListenAddr, ListenAddrError};

/// The longest server name, in characters: it stands in lines with other words.
const SERVER_NAME_CHARS_MAX: usize = 64;

/// A value without the blanks and the pair of quotes around it.
pub fn unquoted(text: &str) -> &str {
    let text = text.trim();
    let quoted = ['"', '\''].into_iter().find_map(|quote| {
        let inner = text.strip_prefix(quote)?.strip_suffix(quote)?;
        (!inner.contains(quote)).then_some(inner)
    });
    quoted.map_or(text, str::trim)
}

/// An address of a list, in which there may be blanks, and a comma at the end.
pub fn listen_addr(text: &str) -> Result<Option<ListenAddr>, ListenAddrError> {
    let text = text.trim();
    (!text.is_empty()).then(|| text.parse()).transpose()
}

pub fn server_name(text: &str) -> Result<String, String> {
    let clean = chinwag::wire::sanitize::clean(text.as_bytes());
    if clean.trim().is_empty() {
        return Err("it is empty".to_owned());
    }
    if clean.chars().count() > SERVER_NAME_CHARS_MAX {
        return Err(format!(
            "it has more than {SERVER_NAME_CHARS_MAX} characters"
        ));
    }
    Ok(clean.into_owned())
}

pub fn room_name(text: &str) -> Result<RoomName, String> {
    let text = text.trim();
    RoomName::parse(text).map_err(|_| "a room is 1 to 32 ASCII letters, digits, - and _".to_owned())
}

/// A name of a list, in which there may be blanks, and a comma at the end.
pub fn account_name(text: &str) -> Result<Option<Name>, String> {
    let text = text.trim();
    let name = (!text.is_empty()).then(|| Name::parse(text)).transpose();
    name.map_err(|_| {
        "a name is a letter and up to 23 letters, digits, - and _ behind it".to_owned()
    })
}

/// A variable's value; on the command line the flag has none.
pub fn yes_or_no(text: &str) -> Result<bool, String> {
    match text.trim().to_ascii_lowercase().as_str() {
        "yes" | "y" | "true" | "t" | "on" | "1" => Ok(true),
        "no" | "n" | "false" | "f" | "off" | "0" => Ok(false),
        _ => Err("neither yes nor no".to_owned()),
    }
}

/// A positive number of things.
pub fn count(text: &str) -> Result<usize, String> {
    let (least, most) = (1, 1 << 30);
    within(text.trim().parse().ok(), least, most)
        .ok_or_else(|| format!("not a number from {least} to {most}"))
}

pub fn rate(text: &str) -> Result<u32, String> {
    count(text).and_then(|count| u32::try_from(count).map_err(|_| "too large".to_owned()))
}

/// A number of days, up to ten years.
pub fn days(text: &str) -> Result<u32, String> {
    let (least, most) = (1, 3650);
    within(text.trim().parse().ok(), least, most)
        .and_then(|days| u32::try_from(days).ok())
        .ok_or_else(|| format!("not a number of days from {least} to {most}"))
}

/// Lines of a page, which goes to one client at once.
pub fn page_lines(text: &str) -> Result<usize, String> {
    let (least, most) = (1, 1000);
    within(text.trim().parse().ok(), least, most)
        .ok_or_else(|| format!("not a number from {least} to {most}"))
}

/// A time of at most a day: no limit makes sense past that.
pub fn seconds(text: &str) -> Result<Duration, String> {
    seconds_within(text, 0.001, 86_400.0)
}

/// TCP counts whole seconds, and probes again after a sixth of the time.
pub fn keepalive_seconds(text: &str) -> Result<Duration, String> {
    seconds_within(text, 6.0, 32_767.0)
}

fn seconds_within(text: &str, least: f64, most: f64) -> Result<Duration, String> {
    let text = text.trim().to_ascii_lowercase();
    let seconds = match text.parse() {
        Ok(seconds) => Some(seconds),
        Err(_) => humantime::parse_duration(&text)
            .ok()
            .map(|time| time.as_secs_f64()),
    };
    seconds
        .filter(|seconds: &f64| (least..=most).contains(seconds))
        .map(Duration::from_secs_f64)
        .ok_or_else(|| format!("not a number of seconds from {least} to {most}, such as 90 or 2m"))
}

/// A size within the range of all limits.
pub fn size(text: &str) -> Result<usize, String> {
    size_within(text, 256, 1 << 40)
}

/// Long enough for a command with a name, and short enough to be held for every client.
pub fn line_bytes(text: &str) -> Result<usize, String> {
    size_within(text, 256, 1 << 20)
}

fn size_within(text: &str, least: usize, most: usize) -> Result<usize, String> {
    within(bytes(text), least, most)
        .ok_or_else(|| format!("not a size from {least} to {most} bytes, such as 4096 or 64K"))
}

/// A number of bytes, or of units of 1024: `64K`, `64kB` and `64 KiB` are the same.
fn bytes(text: &str) -> Option<usize> {
    let sizes = parse_size::Config::new().with_binary();
    sizes.parse_size(text.trim()).ok()?.try_into().ok()
}

/// A text that is no number, or too large for its type, is out of range.
fn within(number: Option<usize>, least: usize, most: usize) -> Option<usize> {
    number.filter(|number| (least..=most).contains(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variable_is_read_without_blanks_and_quotes() {
        for text in ["64K", " 64K ", "64K\r", "\"64K\"", "'64K'", " ' 64K ' "] {
            assert_eq!(unquoted(text), "64K", "{text}");
        }
        for text in ["\"", "'", "it's", "\"64K'", "'a' and 'b'"] {
            assert_eq!(unquoted(text), text);
        }
        assert_eq!(unquoted("''"), "");
    }

    #[test]
    fn sizes_and_times_are_read_with_their_units() {
        assert_eq!(size("4096"), Ok(4096));
        assert_eq!(size("64K"), Ok(65_536));
        for mega in [
            "1m",
            "1M",
            " 1M ",
            "1 m",
            "1MB",
            "1mb",
            "1MiB",
            "1 mib",
            "1Mi",
            "1024K",
            "1_048_576",
        ] {
            assert_eq!(size(mega), Ok(1 << 20), "{mega}");
        }
        assert_eq!(size("1g"), Ok(1 << 30));
        assert_eq!(size("0.5K"), Ok(512));
        for nonsense in ["", " ", "K", "-1", "1X", "1MM", "0", "2T", "99999999999M"] {
            assert!(size(nonsense).is_err(), "{nonsense}");
        }
        for half in ["0.5", ".5", " 0.5 ", "0.5s", "500ms", "500 MS"] {
            assert_eq!(seconds(half), Ok(Duration::from_millis(500)), "{half}");
        }
        for two_minutes in ["120", "120s", "120 sec", "2m", "2 M", "2min", "1m 60s"] {
            let read = seconds(two_minutes);
            assert_eq!(read, Ok(Duration::from_secs(120)), "{two_minutes}");
        }
        for nonsense in [
            "", "0", "-1", "nan", "inf", "1e9", "0s", "2d", "s", "2x", "m2",
        ] {
            assert!(seconds(nonsense).is_err(), "{nonsense}");
        }
    }
}
