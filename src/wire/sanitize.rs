//! Removes from a line the characters that may not reach a terminal, a log or another client.
//!
//! Every line passes here before it is parsed or logged.

use std::borrow::Cow;

/// Makes a line fit to be shown: invalid UTF-8 becomes U+FFFD; control characters except tab, and
/// those that turn the direction of text, are dropped. Borrows if the line is fit as it is.
#[must_use]
pub fn clean(line: &[u8]) -> Cow<'_, str> {
    if is_plain(line)
        && let Ok(text) = std::str::from_utf8(line)
    {
        return Cow::Borrowed(text);
    }
    match String::from_utf8_lossy(line) {
        Cow::Borrowed(text) if text.chars().all(is_harmless) => Cow::Borrowed(text),
        text => Cow::Owned(text.chars().filter(|c| is_harmless(*c)).collect()),
    }
}

/// Whether a line is ASCII of which nothing is dropped. Without an early return inside a piece, the
/// compiler compares a whole piece at once.
fn is_plain(line: &[u8]) -> bool {
    let is_plain = |byte: &u8| matches!(byte, b' '..=b'~' | b'\t');
    let (pieces, rest) = line.as_chunks::<32>();
    let whole = |piece: &[u8]| piece.iter().fold(true, |all, byte| all & is_plain(byte));
    pieces.iter().all(|piece| whole(piece)) && whole(rest)
}

/// Whether a character only shows itself: not one of the control characters C0, C1 and DEL, nor of the
/// bidirectional overrides and isolates (UAX #9), with which a text can pretend to be another.
#[must_use]
pub fn is_harmless(c: char) -> bool {
    c == '\t' || !(c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn plain_text_and_emoji_pass_untouched() {
        for text in [
            "",
            "hello\tthere",
            "größe",
            "👩‍👩‍👧 ok",
            "العربية",
            "a\u{200d}b",
        ] {
            assert!(matches!(clean(text.as_bytes()), Cow::Borrowed(same) if same == text));
        }
    }

    #[test]
    fn control_and_direction_characters_are_dropped() {
        assert_eq!(clean(b"\x1b[31mred\x07\x00\r\x7f"), "[31mred");
        assert_eq!(clean("a\u{9b}31mb\u{85}c".as_bytes()), "a31mbc");
        assert_eq!(clean("x\u{202e}y\u{2066}z\u{2069}".as_bytes()), "xyz");
    }

    #[test]
    fn clean_drops_exactly_the_listed_characters() {
        let dropped = |c: &char| clean(format!("<{c}>").as_bytes()) == "<>";
        let all: Vec<char> = (char::MIN..=char::MAX).filter(dropped).collect();
        let ranges = ['\0'..='\u{8}', '\n'..='\u{1f}', '\u{7f}'..='\u{9f}'];
        let bidi = ['\u{202a}'..='\u{202e}', '\u{2066}'..='\u{2069}'];
        let expected: Vec<char> = ranges.into_iter().chain(bidi).flatten().collect();
        assert_eq!(all, expected);
    }

    #[test]
    fn invalid_utf8_is_shown_as_such() {
        assert_eq!(clean(b"a\xffb"), "a\u{fffd}b");
        assert_eq!(clean(b"\xc0\xaf"), "\u{fffd}\u{fffd}"); // overlong
        assert_eq!(clean(b"\xed\xa0\x80"), "\u{fffd}\u{fffd}\u{fffd}"); // a surrogate
        assert_eq!(clean(b"\xe2\x82"), "\u{fffd}"); // cut short
    }

    proptest! {
        #[test]
        fn cleaned_text_is_harmless(bytes: Vec<u8>) {
            prop_assert!(clean(&bytes).chars().all(is_harmless));
        }

        #[test]
        fn cleaning_twice_changes_nothing(bytes: Vec<u8>) {
            let once = clean(&bytes).into_owned();
            prop_assert_eq!(clean(once.as_bytes()), once.as_str());
        }
    }
}
