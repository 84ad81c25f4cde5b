//! The first look at a line: where it ends, and whether anything in it needs a second look.
//!
//! Eight bytes are looked at together, as lines are short: most have no more than a few such words.

/// Each byte of a word is one.
const ONES: u64 = u64::from_le_bytes([1; 8]);
/// The highest bit of each byte of a word.
const HIGH_BITS: u64 = ONES << 7;

/// How far a [`find_stop`] came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stop {
    /// The place of the first control character or byte 255, or the length if there is none.
    pub place: usize,
    /// All bytes before it are ASCII.
    pub is_ascii: bool,
}

/// Finds the first control character but tab (C0 and DEL, so the line's end too), or byte 255.
#[must_use]
pub fn find_stop(bytes: &[u8]) -> Stop {
    find::<false>(bytes)
}

/// The length of the ASCII text at the start: up to the first control character but tab, or the first
/// byte past ASCII.
#[must_use]
pub fn ascii_text_length(bytes: &[u8]) -> usize {
    find::<true>(bytes).place
}

fn find<const STOP_AT_HIGH: bool>(bytes: &[u8]) -> Stop {
    let mut place = 0;
    let mut seen = 0;
    loop {
        let rest = bytes.get(place..).unwrap_or_default();
        let Some(chunk) = rest.first_chunk::<8>() else {
            for byte in rest {
                let is_stop = (*byte < b' ' && *byte != b'\t') || matches!(byte, 0x7f | 0xff);
                if is_stop || (STOP_AT_HIGH && !byte.is_ascii()) {
                    break;
                }
                seen |= u64::from(*byte);
                place += 1;
            }
            break;
        };
        let word = u64::from_le_bytes(*chunk);
        let mut stops = stops_in(word);
        if STOP_AT_HIGH {
            stops |= word & HIGH_BITS;
        }
        if stops == 0 {
            seen |= word;
            place += 8;
            continue;
        }
        let bits_before = stops.trailing_zeros() & !7;
        seen |= word & ((1 << bits_before) - 1);
        place += bits_before as usize / 8;
        if bytes.get(place) != Some(&b'\t') {
            break;
        }
        place += 1;
    }
    Stop {
        place,
        is_ascii: seen & HIGH_BITS == 0,
    }
}

/// The highest bit of each byte that is a control character or 255.
fn stops_in(word: u64) -> u64 {
    let low = word & !HIGH_BITS;
    // No sum leaves its byte: each is below 0x80 + 0x60. 0x7f and 0xff get a carry, all from 0x20 on do.
    let last = low + ONES;
    let from_space_on = low + 0x60 * ONES;
    (last | !(from_space_on | word)) & HIGH_BITS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stop_is_found_at_each_place_and_for_each_byte() {
        for length in 0..20 {
            for place in 0..length {
                for byte in 0..=255_u8 {
                    let mut bytes = vec![b'x'; length];
                    bytes[place] = byte;
                    let is_stop = (byte < 0x20 && byte != b'\t') || matches!(byte, 0x7f | 0xff);
                    let is_high = byte >= 0x80;
                    let expected = Stop {
                        place: if is_stop { place } else { length },
                        is_ascii: is_stop || !is_high,
                    };
                    assert_eq!(find_stop(&bytes), expected, "{bytes:?}");
                    let text = if is_stop || is_high { place } else { length };
                    assert_eq!(ascii_text_length(&bytes), text, "{bytes:?}");
                }
            }
        }
    }

    #[test]
    fn stop_behind_tabs_and_other_characters_is_the_first() {
        for (bytes, place, is_ascii) in [
            (&b"\t\ta\tb\n\n"[..], 5, true),
            ("äöü\tß\n".as_bytes(), 9, false),
            ("abcdefg\u{e4}\n".as_bytes(), 9, false),
            ("abc\nä".as_bytes(), 3, true),
            (b"", 0, true),
        ] {
            assert_eq!(find_stop(bytes), Stop { place, is_ascii });
        }
    }
}
