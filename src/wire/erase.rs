//! Erasing at the end of an unfinished line, as a terminal does while a line is typed.

use super::sanitize::{Key, last_start};

/// Does what `key` asks for.
pub fn erase(line: &mut Vec<u8>, key: Key) {
    let left = match key {
        Key::EraseCharacter => character_start(line),
        Key::EraseWord => word_start(line),
        Key::EraseLine => 0,
    };
    line.truncate(left);
}

/// Where the last character begins, as much as a terminal shows for one: a whole one, or the bytes of one
/// U+FFFD.
fn character_start(line: &[u8]) -> usize {
    let start = last_start(line);
    let last = line.get(start..).unwrap_or_default().utf8_chunks().last();
    let erased = last.map_or(0, |chunk| match chunk.invalid().len() {
        0 => chunk.valid().len(),
        invalid => invalid,
    });
    line.len() - erased
}

/// Where the last word begins, with the blanks behind it.
fn word_start(line: &[u8]) -> usize {
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let word_end = line.iter().rposition(|byte| !is_blank(byte));
    let word = line.get(..word_end.map_or(0, |last| last + 1));
    let before = word.unwrap_or_default().iter().rposition(is_blank);
    before.map_or(0, |blank| blank + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_erases_a_character_a_word_or_all() {
        let left = |line: &str, key| {
            let mut line = line.as_bytes().to_vec();
            erase(&mut line, key);
            String::from_utf8(line).unwrap()
        };
        for (line, character, word) in [
            ("", "", ""),
            ("a", "", ""),
            ("aé", "a", ""),
            ("a 😀", "a ", "a "),
            ("one two", "one tw", "one "),
            ("one two \t", "one two ", "one "),
            ("  ", " ", ""),
            ("\tx", "\t", "\t"),
        ] {
            assert_eq!(left(line, Key::EraseCharacter), character, "{line:?}");
            assert_eq!(left(line, Key::EraseWord), word, "{line:?}");
            assert_eq!(left(line, Key::EraseLine), "", "{line:?}");
        }
    }
}
