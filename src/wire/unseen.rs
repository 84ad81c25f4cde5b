//! Characters that may stand in a text, and of which nothing is seen.

/// More than anything invisible that comes before a line by itself: a byte order mark, a blank, a joiner.
const UNSEEN_START_BYTES_MAX: usize = 16;

/// Whether a character that may stand in a text shows nothing. At a line's start it would hide what the line
/// is.
#[must_use]
pub fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}')
}

/// Whether nothing of its own is seen of a character: Unicode's `Default_Ignorable_Code_Point`, what is drawn
/// over another, an empty braille cell; and what stands for a byte order mark or a blank in another encoding.
#[must_use]
pub fn is_unseen(c: char) -> bool {
    is_invisible(c)
        || matches!(
            c,
            '\u{300}'..='\u{36f}'
                | '\u{61c}'
                | '\u{115f}'..='\u{1160}'
                | '\u{17b4}'..='\u{17b5}'
                | '\u{180b}'..='\u{180f}'
                | '\u{1ab0}'..='\u{1aff}'
                | '\u{1dc0}'..='\u{1dff}'
                | '\u{2060}'..='\u{206f}'
                | '\u{20d0}'..='\u{20ff}'
                | '\u{2800}'
                | '\u{3164}'
                | '\u{fe00}'..='\u{fe0f}'
                | '\u{fe20}'..='\u{fe2f}'
                | '\u{ffa0}'
                | '\u{fff0}'..='\u{fffb}'
                | char::REPLACEMENT_CHARACTER
                | '\u{1bca0}'..='\u{1bca3}'
                | '\u{1d173}'..='\u{1d17a}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}

/// Whether what has come of a line shows nothing, so that the next character decides on what it is. Only a
/// short start is looked at, as this is asked for each such character of a line.
#[must_use]
pub fn shows_nothing(start: &[u8]) -> bool {
    start.len() <= UNSEEN_START_BYTES_MAX
        && start.utf8_chunks().all(|chunk| {
            chunk
                .valid()
                .chars()
                .all(|c| c.is_whitespace() || is_unseen(c))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_start_that_shows_nothing_is_told_from_text() {
        for start in [
            &b""[..],
            b"\t \xff",
            b"\xfe\xff",
            "\u{fe0f}\u{a0}\u{301}".as_bytes(),
        ] {
            assert!(shows_nothing(start), "{start:?}");
        }
        for start in [&b"x"[..], b"\t.", "\u{fe0f}ä".as_bytes(), &[b' '; 17]] {
            assert!(!shows_nothing(start), "{start:?}");
        }
    }
}
