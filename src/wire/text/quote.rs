//! A client's own words, in a line of the server's.

use std::fmt::{self, Arguments, Display, Formatter, Write};

use super::super::framing::COLUMNS_MAX;

/// Columns of a refusal, without its prefix.
const REFUSAL_COLUMNS_MAX: usize = COLUMNS_MAX - "! ".len();

/// Writes a client's own text between `before` and `after`, cut so that all of it is one line.
pub(super) fn quote(
    f: &mut Formatter<'_>,
    before: Arguments<'_>,
    text: &str,
    after: Arguments<'_>,
) -> fmt::Result {
    let mut words = Columns(0);
    words.write_fmt(before)?;
    words.write_fmt(after)?;
    let left = REFUSAL_COLUMNS_MAX.saturating_sub(words.0);
    f.write_fmt(before)?;
    Quoted(text, left).fmt(f)?;
    f.write_fmt(after)
}

/// Columns of what is written.
struct Columns(usize);

impl Write for Columns {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0 += text.chars().map(columns_of).sum::<usize>();
        Ok(())
    }
}

/// The most columns that a terminal may show a character in.
fn columns_of(character: char) -> usize {
    match character {
        '\t' => 8,
        ' '..='~' => 1,
        _ => 2,
    }
}

/// A client's own text, cut to this many columns.
pub(super) struct Quoted<'a>(pub(super) &'a str, pub(super) usize);

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        const CUT: &str = "...";
        let Self(text, columns_max) = *self;
        let (mut columns, mut end) = (0, 0);
        for (place, character) in text.char_indices() {
            if columns + CUT.len() <= columns_max {
                end = place;
            }
            columns += columns_of(character);
            if columns > columns_max {
                return write!(f, "{}{CUT}", text.get(..end).unwrap_or_default());
            }
        }
        f.write_str(text)
    }
}
