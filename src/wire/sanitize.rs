//! Removes from a text what may not reach a terminal, a log or another client.
//!
//! Every line from a client passes the [`Cleaner`] before it is parsed or logged, unless [`is_fit`] says that
//! there is nothing to do.

use std::borrow::Cow;

use super::escape::{C1_LEAD, Effect, EscapeParser};
use super::scan;
use super::unseen::{is_invisible, shows_nothing};

const LF: u8 = b'\n';
const ESCAPE: u8 = 0x1b;
const BACKSPACE: u8 = 0x08;
const DELETE: u8 = 0x7f;
/// ^C
const END_OF_TEXT: u8 = 0x03;
/// ^U
const NEGATIVE_ACKNOWLEDGE: u8 = 0x15;
/// ^W
const END_OF_BLOCK: u8 = 0x17;

/// In UTF-8 never valid: it stands for bytes that will be U+FFFD.
const INVALID: u8 = 0xff;

/// Makes a text fit to be shown: invalid UTF-8 becomes U+FFFD; escape sequences, control characters except
/// tab, byte order marks, and the characters that turn the direction of text, are dropped. Borrows if the
/// text is fit as it is.
#[must_use]
pub fn clean(text: &[u8]) -> Cow<'_, str> {
    let stop = scan::find_stop(text);
    if stop.place == text.len()
        && let Ok(text) = std::str::from_utf8(text)
        && (stop.is_ascii || is_fit(text))
    {
        return Cow::Borrowed(text);
    }
    let (mut cleaner, mut clean) = (Cleaner::default(), Vec::with_capacity(text.len()));
    for byte in text {
        cleaner.take(&mut clean, *byte);
    }
    Cow::Owned(String::from_utf8_lossy(&clean).into_owned())
}

/// Whether a character only shows itself: not one of the control characters C0, C1 and DEL, nor of the
/// bidirectional overrides and isolates (UAX #9), with which a text can pretend to be another, nor a byte
/// order mark.
#[must_use]
pub fn is_harmless(c: char) -> bool {
    let is_dropped = matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}');
    c == '\t' || !(c.is_control() || is_dropped)
}

/// Whether a line without C0 and DEL is fit as it is, its start included.
#[must_use]
pub fn is_fit(line: &str) -> bool {
    if line.chars().next().is_some_and(is_invisible) {
        return false;
    }
    let bytes = line.as_bytes();
    // The first bytes of all characters that are not harmless.
    memchr::memchr3_iter(C1_LEAD, 0xe2, 0xef, bytes).all(|place| {
        let rest = bytes.get(place..).unwrap_or_default();
        !matches!(
            rest,
            [C1_LEAD, 0x80..=0x9f, ..]
                | [0xe2, 0x80, 0xaa..=0xae, ..]
                | [0xe2, 0x81, 0xa6..=0xa9, ..]
                | [0xef, 0xbb, 0xbf, ..]
        )
    })
}

/// A key that edits the line, for the caller to obey.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// BS or DEL.
    EraseCharacter,
    /// ^W
    EraseWord,
    /// ^U or ^C
    EraseLine,
}

/// Cleans a line byte by byte, as it comes. What is left of it is the caller's; the state is small, as
/// every connection has one.
#[derive(Debug, Default)]
pub struct Cleaner {
    escape: EscapeParser,
    encoding: Encoding,
}

/// A client's encoding, as far as its bytes tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Encoding {
    #[default]
    Utf8,
    /// Something was no UTF-8, and its sender is to be told.
    Other,
    /// Its sender was told.
    OtherAndTold,
}

impl Cleaner {
    /// Whether an ASCII character that comes next is text.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.escape.is_idle()
    }

    /// Whether anything was no UTF-8.
    #[must_use]
    pub fn has_seen_other_encoding(&self) -> bool {
        self.encoding != Encoding::Utf8
    }

    /// Whether the sender is to be told that its text is no UTF-8: once.
    pub fn take_hint(&mut self) -> bool {
        let is_due = self.encoding == Encoding::Other;
        if is_due {
            self.encoding = Encoding::OtherAndTold;
        }
        is_due
    }

    /// The line is dropped, and with it any sequence in it.
    pub fn reset(&mut self) {
        self.escape.reset();
    }

    /// The line ends here, and so does any sequence in it.
    pub fn end_line(&mut self, line: &mut Vec<u8>) {
        self.seal(line);
        self.escape.reset();
    }

    /// Takes the next byte of `line`.
    pub fn take(&mut self, line: &mut Vec<u8>, byte: u8) -> Option<Key> {
        match byte {
            END_OF_TEXT | NEGATIVE_ACKNOWLEDGE => {
                self.reset();
                return Some(Key::EraseLine);
            }
            LF => {
                self.end_line(line);
                return None;
            }
            _ => {}
        }
        if !self.escape.is_idle() {
            let decides = matches!(byte, b'@' | b'/' | b'#');
            match self.escape.take(byte, decides && shows_nothing(line)) {
                Effect::Swallowed => return None,
                Effect::Executed => return self.control(line, byte),
                Effect::Text => {}
            }
        }
        match byte {
            b' '..=b'~' | b'\t' => {
                self.seal(line);
                line.push(byte);
                None
            }
            0x80.. => {
                self.high(line, byte);
                None
            }
            ESCAPE => {
                self.seal(line);
                self.escape.begin();
                None
            }
            _ => self.control(line, byte),
        }
    }

    /// Takes a control character.
    fn control(&mut self, line: &mut Vec<u8>, byte: u8) -> Option<Key> {
        self.seal(line);
        match byte {
            BACKSPACE | DELETE => Some(Key::EraseCharacter),
            END_OF_BLOCK => Some(Key::EraseWord),
            _ => None,
        }
    }

    /// Takes a byte past ASCII. A character that is to be dropped is known by its last byte.
    fn high(&mut self, line: &mut Vec<u8>, byte: u8) {
        if byte >= 0xc0 {
            self.seal(line);
        }
        line.push(byte);
        let start = last_start(line);
        match std::str::from_utf8(line.get(start..).unwrap_or_default()) {
            Ok(last) => {
                let Some(c) = last.chars().next_back() else {
                    return;
                };
                if !is_harmless(c) || (start == 0 && is_invisible(c)) {
                    line.truncate(start);
                    if matches!(c, '\u{80}'..='\u{9f}') {
                        self.escape.take_c1(byte);
                    }
                }
            }
            Err(error) if error.error_len().is_none() => {}
            Err(_) => self.note_other_encoding(),
        }
    }

    /// Something else than the rest of an unfinished character comes: its bytes must not meet others. Each
    /// will be one U+FFFD.
    pub fn seal(&mut self, line: &mut Vec<u8>) {
        let bytes = unfinished_bytes(line);
        if bytes > 0 {
            line.truncate(line.len() - bytes);
            line.push(INVALID);
            self.note_other_encoding();
        }
    }

    fn note_other_encoding(&mut self) {
        if self.encoding == Encoding::Utf8 {
            self.encoding = Encoding::Other;
        }
    }
}

/// The bytes at a line's end that begin a character, and may yet become one.
#[must_use]
pub fn unfinished_bytes(line: &[u8]) -> usize {
    if line.last().is_none_or(u8::is_ascii) {
        return 0;
    }
    let last = line.get(last_start(line)..).unwrap_or_default();
    match std::str::from_utf8(last) {
        Err(error) if error.error_len().is_none() => last.len(),
        _ => 0,
    }
}

/// The place where the last character of a line begins, or the last byte if it belongs to none.
pub(super) fn last_start(line: &[u8]) -> usize {
    let is_start = |byte: &u8| byte & 0b1100_0000 != 0b1000_0000;
    let tail_start = line.len().saturating_sub(4);
    let tail = line.get(tail_start..).unwrap_or_default();
    let in_tail = tail.iter().rposition(is_start);
    tail_start + in_tail.unwrap_or(tail.len().saturating_sub(1))
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
    fn sequences_and_harmful_characters_are_dropped() {
        assert_eq!(clean(b"\x1b[31mred\x07\x00\r\x7f"), "red");
        assert_eq!(clean("a\u{9b}31mb\u{85}c".as_bytes()), "abc");
        assert_eq!(clean("x\u{202e}y\u{2066}z\u{2069}".as_bytes()), "xyz");
        assert_eq!(clean(b"a\x1b[2\nJ"), "aJ");
        assert_eq!(clean("\u{feff}a\u{feff}".as_bytes()), "a");
    }

    #[test]
    fn clean_drops_exactly_the_listed_characters() {
        let dropped = |c: &char| clean(format!("<{c}\n>").as_bytes()) == "<>";
        let all: Vec<char> = (char::MIN..=char::MAX).filter(dropped).collect();
        let ranges = ['\0'..='\u{8}', '\n'..='\u{1f}', '\u{7f}'..='\u{9f}'];
        let others = [
            '\u{202a}'..='\u{202e}',
            '\u{2066}'..='\u{2069}',
            '\u{feff}'..='\u{feff}',
        ];
        let expected: Vec<char> = ranges.into_iter().chain(others).flatten().collect();
        assert_eq!(all, expected);
        assert!(expected.iter().all(|c| !is_harmless(*c)));
    }

    #[test]
    fn character_that_needs_a_second_look_is_known_to_the_first() {
        for c in char::MIN..=char::MAX {
            if c.is_ascii_control() {
                continue; // the scan stops at it
            }
            assert_eq!(is_fit(&format!("a{c}")), is_harmless(c), "{c:?}");
            let starts = is_harmless(c) && !is_invisible(c);
            assert_eq!(is_fit(&format!("{c}a")), starts, "{c:?}");
        }
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
