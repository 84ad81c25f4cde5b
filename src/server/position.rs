//! Places in the stream of bytes to a client.

/// A place in the stream of all bytes to one client. It wraps: two places that are compared are less than
/// 2 GiB apart, as no queue holds more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Position(u32);

impl Position {
    /// The place this many bytes on.
    #[must_use]
    pub fn after(self, bytes: usize) -> Self {
        Self(self.0.wrapping_add(low_bits(bytes)))
    }

    /// The place this many bytes before.
    #[must_use]
    pub fn before(self, bytes: usize) -> Self {
        Self(self.0.wrapping_sub(low_bits(bytes)))
    }

    /// Whether the other place comes first.
    #[must_use]
    pub fn is_past(self, other: Self) -> bool {
        self.0.wrapping_sub(other.0).cast_signed() > 0
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a position wraps")]
fn low_bits(bytes: usize) -> u32 {
    bytes as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn position_is_compared_across_its_wrap() {
        let end = Position::default().before(10);
        assert!(end.after(20).is_past(end));
        assert!(!end.is_past(end.after(20)));
        assert!(!end.is_past(end));
        assert_eq!(end.after(20).before(20), end);
    }
}
