//! Names of users and rooms: parsed once, valid ever after.
//!
//! Both are short ASCII, kept inline and `Copy`, so that a name costs no allocation and no cache line
//! of its own. They are shown as typed and compared without case.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::num::NonZeroU8;

/// The longest user name, in bytes (which are also characters): it leaves room for the text on a
/// terminal line of 80 columns.
pub const NAME_BYTES_MAX: usize = 24;

/// The longest room name, in bytes.
pub const ROOM_NAME_BYTES_MAX: usize = 32;

/// Names that could be taken for the server or for all users.
const RESERVED: [&str; 8] = [
    "server", "system", "admin", "operator", "root", "all", "everyone", "here",
];

/// Why a text is not a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameError {
    /// It is empty.
    Empty,
    /// It is longer than [`NAME_BYTES_MAX`] or [`ROOM_NAME_BYTES_MAX`].
    TooLong,
    /// A user name starts with something other than a letter.
    Start,
    /// Something other than a letter, a digit, `-` or `_`.
    Character(char),
}

/// A user's name: 1 to [`NAME_BYTES_MAX`] ASCII letters, digits, `-` and `_`, a letter first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(Label<NAME_BYTES_MAX>);

/// A room's name: 1 to [`ROOM_NAME_BYTES_MAX`] ASCII letters, digits, `-` and `_`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoomName(Label<ROOM_NAME_BYTES_MAX>);

impl Name {
    /// Parses a user's name.
    ///
    /// # Errors
    /// Says the first thing that is wrong with `text`.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let label = Label::parse(text);
        match text.as_bytes() {
            [first, ..] if !first.is_ascii_alphabetic() && is_label(*first) => {
                Err(NameError::Start)
            }
            _ => label.map(Self),
        }
    }

    /// The name as it was typed.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The name as it was typed, for copying into a buffer without a look at its characters.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// The name that `text` begins with, and the rest of it; `None` if it begins with none.
    #[must_use]
    pub fn leading(text: &str) -> Option<(Self, &str)> {
        let bytes = text.as_bytes();
        if !bytes.first()?.is_ascii_alphabetic() {
            return None;
        }
        let end = bytes.iter().position(|byte| !is_label(*byte));
        let (name, rest) = text.split_at_checked(end.unwrap_or(bytes.len()))?;
        Some((Self(Label::of(name.as_bytes())?), rest))
    }

    /// Whether no user may have it.
    #[must_use]
    pub fn is_reserved(&self) -> bool {
        let name = self.as_bytes();
        RESERVED
            .iter()
            .any(|word| word.as_bytes().eq_ignore_ascii_case(name))
    }

    /// Whether both are spelt alike, case included. `==` looks past case.
    #[must_use]
    pub fn is_spelt_like(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl RoomName {
    /// Parses a room's name; one leading `#` is dropped.
    ///
    /// # Errors
    /// Says the first thing that is wrong with `text`.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        Label::parse(text.strip_prefix('#').unwrap_or(text)).map(Self)
    }

    /// The name as it was typed first, when the room was made.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The name as it was typed, for copying into a buffer without a look at its characters.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Name({self})")
    }
}

impl fmt::Display for RoomName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for RoomName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RoomName({self})")
    }
}

/// The text of either kind of name. Equality, order and hash look past case.
#[derive(Clone, Copy)]
struct Label<const BYTES_MAX: usize> {
    /// Never zero, so that no name at all takes no more room than a name.
    len: NonZeroU8,
    bytes: [u8; BYTES_MAX],
}

/// Whether a name may hold each byte: looked up, as every message names its recipient.
#[expect(
    clippy::indexing_slicing,
    reason = "at compile time, where a mistake shows"
)]
const IS_LABEL: [bool; 256] = {
    let (mut table, mut byte) = ([false; 256], 0_u8);
    while byte < 128 {
        table[byte as usize] = byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        byte += 1;
    }
    table
};

/// Eight bytes of a label in lower case, as a number with their order.
fn lowercase_word(bytes: [u8; 8]) -> u64 {
    const ONES: u64 = u64::from_be_bytes([1; 8]);
    const HIGH_BITS: u64 = ONES << 7;
    let word = u64::from_be_bytes(bytes);
    // All are ASCII, so that no sum leaves its byte: its high bit tells from which letter on it is set.
    let from_a_on = word + u64::from(0x80 - b'A') * ONES;
    let past_z = word + u64::from(0x7f - b'Z') * ONES;
    word | ((from_a_on ^ past_z) & HIGH_BITS) >> 2
}

fn is_label(byte: u8) -> bool {
    IS_LABEL.get(usize::from(byte)).is_some_and(|is| *is)
}

impl<const BYTES_MAX: usize> Label<BYTES_MAX> {
    fn parse(text: &str) -> Result<Self, NameError> {
        if text.is_empty() {
            return Err(NameError::Empty);
        }
        if !text.bytes().all(is_label) {
            let first = text.chars().find(|c| !u8::try_from(*c).is_ok_and(is_label));
            return Err(NameError::Character(
                first.unwrap_or(char::REPLACEMENT_CHARACTER),
            ));
        }
        Self::of(text.as_bytes()).ok_or(NameError::TooLong)
    }

    /// A label of bytes that may all be in one; `None` if there are none or too many.
    fn of(label: &[u8]) -> Option<Self> {
        let len = u8::try_from(label.len()).ok().and_then(NonZeroU8::new)?;
        let mut bytes = [0; BYTES_MAX];
        bytes.get_mut(..label.len())?.copy_from_slice(label);
        Some(Self { len, bytes })
    }

    /// The text without case, and its unused tail. Of letters, digits, `-` and `_`, one bit makes the
    /// difference of case, and no two others alike.
    fn folded(&self) -> [u8; BYTES_MAX] {
        self.bytes.map(|byte| byte | 0x20)
    }

    /// The bytes in lower case. The unused tail is zero: the shorter of two names that begin alike is first.
    fn lowercase(&self) -> [u8; BYTES_MAX] {
        self.bytes.map(|byte| byte.to_ascii_lowercase())
    }

    fn as_bytes(&self) -> &[u8] {
        self.bytes
            .get(..usize::from(self.len.get()))
            .unwrap_or_default()
    }

    fn as_str(&self) -> &str {
        // Always ASCII; the fallback exists because `unsafe` does not.
        std::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }
}

impl<const BYTES_MAX: usize> PartialEq for Label<BYTES_MAX> {
    fn eq(&self, other: &Self) -> bool {
        self.folded() == other.folded()
    }
}

impl<const BYTES_MAX: usize> Eq for Label<BYTES_MAX> {}

impl<const BYTES_MAX: usize> Ord for Label<BYTES_MAX> {
    fn cmp(&self, other: &Self) -> Ordering {
        // Most names differ in their first eight bytes, whose order is that of a number.
        let first = |label: &Self| label.bytes.first_chunk().copied().map(lowercase_word);
        let order = first(self).cmp(&first(other));
        order.then_with(|| self.lowercase().cmp(&other.lowercase()))
    }
}

impl<const BYTES_MAX: usize> PartialOrd for Label<BYTES_MAX> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<const BYTES_MAX: usize> Hash for Label<BYTES_MAX> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // A write of known length is quicker than one of any length.
        state.write(&self.folded());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_name_starts_with_a_letter_and_has_at_most_24_bytes() {
        let longest = "a".repeat(NAME_BYTES_MAX);
        for good in ["a", "Alice", "bob-2", "x_y", longest.as_str()] {
            assert_eq!(Name::parse(good).unwrap().as_str(), good);
        }
        let too_long = "a".repeat(NAME_BYTES_MAX + 1);
        for (bad, why) in [
            ("", NameError::Empty),
            ("1st", NameError::Start),
            ("-x", NameError::Start),
            ("_x", NameError::Start),
            (too_long.as_str(), NameError::TooLong),
            ("a b", NameError::Character(' ')),
            ("al:ce", NameError::Character(':')),
            ("größe", NameError::Character('ö')),
            ("é", NameError::Character('é')),
        ] {
            assert_eq!(Name::parse(bad), Err(why), "{bad:?}");
        }
    }

    #[test]
    fn leading_name_is_the_longest_one() {
        let name = |text| Name::parse(text).unwrap();
        let longest = "a".repeat(NAME_BYTES_MAX);
        let typed = format!("{longest}: x");
        for (text, expected) in [
            ("bob: hi", Some((name("bob"), ": hi"))),
            ("bob", Some((name("bob"), ""))),
            ("bö", Some((name("b"), "ö"))),
            (typed.as_str(), Some((name(&longest), ": x"))),
            ("", None),
            (":", None),
            ("9: x", None),
            (" bob:", None),
        ] {
            assert_eq!(Name::leading(text), expected, "{text}");
        }
        assert_eq!(Name::leading(&format!("a{typed}")), None, "too long");
    }

    #[test]
    fn names_are_alike_only_if_all_but_case_is() {
        let labels = || (0..128_u8).filter(|byte| is_label(*byte));
        assert_eq!(labels().count(), 26 + 26 + 10 + 2);
        for (one, other) in labels().flat_map(|one| labels().map(move |other| (one, other))) {
            let name = |byte: u8| RoomName::parse(&format!("x{}", char::from(byte))).unwrap();
            let alike = one.eq_ignore_ascii_case(&other);
            assert_eq!(name(one) == name(other), alike, "{one} and {other}");
        }
        assert_ne!(RoomName::parse("x"), RoomName::parse("x-"));
    }

    #[test]
    fn room_name_may_start_with_a_digit_and_loses_one_hash() {
        assert_eq!(RoomName::parse("#2024").unwrap().as_str(), "2024");
        assert_eq!(RoomName::parse("##x"), Err(NameError::Character('#')));
        assert_eq!(RoomName::parse("#"), Err(NameError::Empty));
        let longest = "r".repeat(ROOM_NAME_BYTES_MAX);
        assert!(RoomName::parse(&longest).is_ok());
        assert_eq!(
            RoomName::parse(&format!("{longest}r")),
            Err(NameError::TooLong)
        );
    }

    #[test]
    fn names_compare_without_case_and_show_as_typed() {
        let (a, b) = (Name::parse("Alice").unwrap(), Name::parse("aLICE").unwrap());
        assert_eq!(a, b);
        assert!(!a.is_spelt_like(&b));
        assert_eq!(b.to_string(), "aLICE");
        let hash = |name: &Name| ahash::RandomState::with_seeds(1, 2, 3, 4).hash_one(name);
        assert_eq!(hash(&a), hash(&b));
    }

    #[test]
    fn names_are_sorted_without_case() {
        let mut names =
            ["bob", "Bo", "_", "ALICE", "alice2", "b-o"].map(|name| RoomName::parse(name).unwrap());
        names.sort_unstable();
        let names = names.map(|name| name.to_string());
        assert_eq!(names, ["_", "ALICE", "alice2", "b-o", "Bo", "bob"]);
    }

    #[test]
    fn word_is_in_lower_case_whatever_its_bytes() {
        for byte in 0..128_u8 {
            let lower = u64::from_be_bytes([byte.to_ascii_lowercase(); 8]);
            assert_eq!(lowercase_word([byte; 8]), lower, "{byte}");
        }
    }

    #[test]
    fn reserved_names_are_known_in_any_case() {
        for word in RESERVED {
            assert!(Name::parse(&word.to_uppercase()).unwrap().is_reserved());
        }
        assert!(!Name::parse("servers").unwrap().is_reserved());
    }
}
