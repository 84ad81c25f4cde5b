//! What a name looks like: names that can be taken for each other have one skeleton.

use arrayvec::ArrayVec;

use crate::chat::name::{NAME_BYTES_MAX, Name};

/// What a name looks like at a glance.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Skeleton(ArrayVec<u8, NAME_BYTES_MAX>);

impl Skeleton {
    /// Pairs are looked for once `-` and `_` are gone: else two names could each look like a third and not like
    /// each other.
    pub fn of(name: &Name) -> Self {
        let single = name.as_bytes().iter().filter_map(|byte| {
            Some(match byte.to_ascii_lowercase() {
                b'-' | b'_' => return None,
                b'0' => b'o',
                b'1' | b'i' => b'l',
                b'5' => b's',
                byte => byte,
            })
        });
        let mut skeleton = ArrayVec::new();
        for byte in single {
            let merged = match (skeleton.last(), byte) {
                (Some(b'r'), b'n') => Some(b'm'),
                (Some(b'v'), b'v') => Some(b'w'),
                _ => None,
            };
            if merged.is_some() {
                skeleton.pop();
            }
            // There is space for as many as the name has.
            let _ = skeleton.try_push(merged.unwrap_or(byte));
        }
        Self(skeleton)
    }

    /// The skeleton of any text, such as a line of a list; `None` if it can be nobody's name.
    pub fn of_text(text: &str) -> Option<Self> {
        Some(Self::of(&Name::parse(text).ok()?))
    }

    pub fn as_str(&self) -> &str {
        // Always ASCII; the fallback exists because `unsafe` does not.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn skeleton(name: &str) -> Skeleton {
        Skeleton::of_text(name).unwrap()
    }

    #[test]
    fn names_that_look_alike_have_one_skeleton() {
        for alike in [
            &[
                "alice",
                "Alice",
                "a1ice",
                "AIice",
                "al-ice",
                "a_l_i_c_e",
                "alice_",
            ][..],
            &["bob", "b0b", "BOB", "b-0-b"],
            &["mom", "rnom", "morn", "rnorn", "r-nom", "r_n0m"],
            &["wow", "vvow", "wovv", "v-v0w"],
            &["sissy", "s1s5y", "slssy", "SISSY"],
            &["x", "x-", "x_", "X"],
        ] {
            for name in alike {
                assert_eq!(skeleton(name), skeleton(alike[0]), "{name}");
            }
        }
    }

    #[test]
    fn names_that_differ_at_a_glance_have_their_own() {
        let names = [
            "alice", "alicia", "bob", "bobo", "nr", "rm", "vw", "wv", "alice2", "n",
        ];
        for (place, name) in names.iter().enumerate() {
            for other in &names[place + 1..] {
                assert_ne!(skeleton(name), skeleton(other), "{name} and {other}");
            }
        }
    }

    #[test]
    fn skeleton_is_never_empty_and_is_its_own() {
        for name in ["a", "A--__", "rn", "vvv", "rrnn", "a0O1lIi5s"] {
            let of_name = skeleton(name);
            assert!(!of_name.as_str().is_empty());
            assert_eq!(skeleton(of_name.as_str()), of_name, "{name}");
        }
        assert_eq!(Skeleton::of_text("1x"), None);
    }
}
