//! The numbers of lines that are kept, and their times.
//!
//! Numbers are given before a line is delivered, and never twice, whatever a crash loses: only those are given
//! whose reservation is known to be kept.

use crate::chat::archive::UnixMs;
use crate::chat::ids::LineId;

/// Numbers reserved at once: a commit for each hundred thousand lines costs nothing, and 2^53 numbers last
/// for ninety billion starts.
pub const LINES_RESERVED: u64 = 100_000;

/// The last number given, and those that may be.
///
/// Invariant: `last <= reserved <= asked`.
#[derive(Debug, Default)]
pub(in crate::chat) struct Lines {
    last: LineId,
    /// The last number whose reservation is known to be kept.
    reserved: LineId,
    /// The last number whose reservation is under way.
    asked: LineId,
    /// The time of the last line.
    last_at: UnixMs,
}

impl Lines {
    /// Goes on behind all numbers that may ever have been given.
    pub fn restore(&mut self, reserved: LineId, last_at: UnixMs) {
        self.last = reserved;
        self.reserved = reserved;
        self.asked = reserved;
        self.last_at = last_at;
    }

    /// The last line that was decided.
    pub fn last(&self) -> LineId {
        self.last
    }

    /// The number of the next line, if it may be given.
    pub fn peek(&self) -> Option<LineId> {
        (self.last < self.reserved).then(|| self.last.next())
    }

    /// Gives the number that [`Lines::peek`] showed, and the time of that line: it never falls, as the clock
    /// may.
    pub fn take(&mut self, id: LineId, clock: UnixMs) -> UnixMs {
        debug_assert_eq!(self.peek(), Some(id), "it was shown just now");
        self.last = id;
        self.last_at = self.last_at.max(clock);
        self.last_at
    }

    /// The end of the block to be reserved next, if it is time to.
    pub fn wanted(&self) -> Option<LineId> {
        let left = self.reserved.0 - self.last.0;
        let up_to = LineId((self.reserved.0 + LINES_RESERVED).min(LineId::MAX.0));
        (left <= LINES_RESERVED / 2 && self.asked == self.reserved && up_to > self.reserved)
            .then_some(up_to)
    }

    /// A reservation is under way.
    pub fn note_asked(&mut self, up_to: LineId) {
        self.asked = up_to;
    }

    /// A reservation is kept, or known not to be.
    pub fn note_reserved(&mut self, up_to: LineId, is_kept: bool) {
        if is_kept {
            self.reserved = up_to;
        }
        self.asked = self.reserved;
    }

    /// Panics if numbers are given that may not be.
    pub fn check_invariants(&self) {
        assert!(self.last <= self.reserved && self.reserved <= self.asked);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines after a restart that found `reserved`.
    fn restored(reserved: u64) -> Lines {
        let mut lines = Lines::default();
        lines.restore(LineId(reserved), 50);
        lines
    }

    #[test]
    fn number_is_given_only_from_a_reservation_that_is_kept() {
        let mut lines = Lines::default();
        assert_eq!(lines.peek(), None);
        let up_to = lines.wanted().unwrap();
        lines.note_asked(up_to);
        assert_eq!((lines.peek(), lines.wanted()), (None, None));
        lines.note_reserved(up_to, true);
        assert_eq!(lines.peek(), Some(LineId(1)));
        lines.check_invariants();
    }

    #[test]
    fn number_is_never_given_twice_after_a_crash() {
        let mut lines = restored(LINES_RESERVED);
        assert_eq!((lines.last(), lines.peek()), (LineId(LINES_RESERVED), None));
        let up_to = lines.wanted().unwrap();
        lines.note_asked(up_to);
        lines.note_reserved(up_to, true);
        assert_eq!(lines.peek(), Some(LineId(LINES_RESERVED + 1)));
    }

    #[test]
    fn next_block_is_asked_for_at_half_and_once() {
        let mut lines = restored(0);
        lines.note_asked(LineId(LINES_RESERVED));
        lines.note_reserved(LineId(LINES_RESERVED), true);
        let mut given = 0;
        while lines.wanted().is_none() {
            let id = lines.peek().unwrap();
            lines.take(id, 0);
            given += 1;
        }
        assert_eq!(given, LINES_RESERVED / 2);
        lines.note_asked(LineId(2 * LINES_RESERVED));
        assert_eq!(lines.wanted(), None);
        lines.note_reserved(LineId(2 * LINES_RESERVED), false);
        assert_eq!(lines.wanted(), Some(LineId(2 * LINES_RESERVED)));
        lines.check_invariants();
    }

    #[test]
    fn time_of_a_line_never_falls() {
        let mut lines = restored(0);
        lines.note_reserved(LineId(10), true);
        let clocks = [40, 60, 55, 61];
        let times = clocks.map(|clock| {
            let id = lines.peek().unwrap();
            lines.take(id, clock)
        });
        assert_eq!(times, [50, 60, 60, 61]);
    }

    #[test]
    fn number_past_what_json_can_hold_is_not_given() {
        let mut lines = restored(LineId::MAX.0 - 1);
        let up_to = lines.wanted().unwrap();
        assert_eq!(up_to, LineId::MAX);
        lines.note_reserved(up_to, true);
        let id = lines.peek().unwrap();
        lines.take(id, 0);
        assert_eq!((lines.peek(), lines.wanted()), (None, None));
    }
}
