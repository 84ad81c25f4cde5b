//! Who is due when. Its cost grows with those who are due some day, not with all who are there.

use std::collections::BTreeSet;

use crate::chat::time::Timestamp;

/// The next deadline of each slot that has one.
///
/// A slot has one entry at most. Bringing it forward is done at once; putting it off is left to
/// the moment it comes up, when its owner says anew when it is due. So a deadline that keeps moving
/// away, as that of a slow reader does with each byte read, costs nothing until it fires.
#[derive(Debug, Default)]
pub struct Deadlines {
    due: BTreeSet<(Timestamp, u32)>,
}

/// What a slot has to remember of its entry here.
#[derive(Clone, Copy, Debug)]
pub struct Armed(Timestamp);

impl Default for Armed {
    fn default() -> Self {
        Self(Timestamp::NEVER)
    }
}

impl Deadlines {
    /// Makes sure that `slot` comes up at `when` or before.
    pub fn arm(&mut self, slot: u32, armed: &mut Armed, when: Timestamp) {
        if armed.0 <= when {
            return;
        }
        self.disarm(slot, armed);
        self.due.insert((when, slot));
        armed.0 = when;
    }

    /// Forgets `slot`.
    pub fn disarm(&mut self, slot: u32, armed: &mut Armed) {
        if armed.0 != Timestamp::NEVER {
            let removed = self.due.remove(&(armed.0, slot));
            debug_assert!(removed, "what a slot remembers is what stands here");
            armed.fired();
        }
    }

    /// When somebody is due next.
    #[must_use]
    pub fn next(&self) -> Timestamp {
        self.due.first().map_or(Timestamp::NEVER, |(when, _)| *when)
    }

    /// Takes out one slot that is due. Its [`Armed`] is to be reset by [`Armed::fired`].
    pub fn pop(&mut self, now: Timestamp) -> Option<u32> {
        if self.next() > now {
            return None;
        }
        self.due.pop_first().map(|(_, slot)| slot)
    }
}

impl Armed {
    /// The entry came up.
    pub fn fired(&mut self) {
        self.0 = Timestamp::NEVER;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::at(Duration::from_secs(seconds))
    }

    #[test]
    fn a_slot_comes_up_once_at_its_earliest_time() {
        let (mut deadlines, mut armed) = (Deadlines::default(), Armed::default());
        deadlines.arm(1, &mut armed, at(5));
        deadlines.arm(1, &mut armed, at(9)); // put off: not before it comes up
        deadlines.arm(1, &mut armed, at(3)); // brought forward
        assert_eq!((deadlines.next(), deadlines.due.len()), (at(3), 1));
        assert_eq!(deadlines.pop(at(2)), None);
        assert_eq!(deadlines.pop(at(3)), Some(1));
        armed.fired();
        assert_eq!(deadlines.pop(at(100)), None);
        deadlines.arm(1, &mut armed, at(9));
        deadlines.disarm(1, &mut armed);
        assert!(deadlines.due.is_empty());
    }

    #[test]
    fn never_is_not_remembered() {
        let (mut deadlines, mut armed) = (Deadlines::default(), Armed::default());
        deadlines.arm(1, &mut armed, Timestamp::NEVER);
        assert!(deadlines.due.is_empty());
    }
}
