//! The terms of a rule or a ban: until when, and why.

use std::fmt::{self, Display, Formatter};

use crate::chat::archive::UnixMs;

use super::super::wall_time::WallTime;

/// ` until 18:00`, or nothing for what has no end.
#[derive(Debug)]
pub(super) struct Until(pub(super) Option<UnixMs>, pub(super) WallTime);

impl Display for Until {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(until) => write!(f, " until {}", self.1.shown(until)),
            None => Ok(()),
        }
    }
}

/// The reason behind what it is for, and the end of the sentence.
#[derive(Debug)]
pub(super) struct Because<'a>(pub(super) &'a str);

impl Display for Because<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match bare_reason(self.0) {
            Some(why) => write!(f, ": {why}."),
            None => f.write_str("."),
        }
    }
}

/// A reason without the full stop that the sentence around it has; `None` if nothing is left.
pub(super) fn bare_reason(why: &str) -> Option<&str> {
    Some(why.trim_end_matches('.')).filter(|why| !why.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentence_with_a_reason_ends_once() {
        for (why, text) in [
            ("spam", ": spam."),
            ("spam.", ": spam."),
            ("", "."),
            ("..", "."),
        ] {
            assert_eq!(Because(why).to_string(), text);
        }
    }
}
