//! Lengths of time.

use std::fmt::{self, Display, Formatter};
use std::time::Duration;

/// A length of time in its largest unit that is not zero, and the next one.
#[derive(Debug)]
pub struct HumanDuration(pub Duration);

impl Display for HumanDuration {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        const UNITS: [(u64, &str); 4] = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")];
        let seconds = self.0.as_secs();
        let largest = UNITS
            .iter()
            .position(|(unit, _)| seconds >= *unit)
            .unwrap_or(3);
        let mut rest = seconds;
        for (place, (unit, name)) in UNITS.iter().enumerate().skip(largest).take(2) {
            let count = rest / unit;
            rest %= unit;
            if place == largest {
                write!(f, "{count} {name}")?;
            } else if count > 0 {
                write!(f, " {count} {name}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duration_is_shown_in_its_two_largest_units() {
        for (seconds, text) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (61, "1 min 1 s"),
            (3_600, "1 h"),
            (3_661, "1 h 1 min"),
            (90_000, "1 d 1 h"),
        ] {
            assert_eq!(
                HumanDuration(Duration::from_secs(seconds)).to_string(),
                text
            );
        }
    }
}
