//! Deadlines of connections. The cost grows with the connections that have one, not with all.

use std::collections::BTreeSet;

use crate::chat::time::Timestamp;

/// The earliest deadline of each slot that has one.
///
/// A slot has one entry at most. An earlier deadline moves it at once; a later one is left until the
/// entry fires, when its owner computes the deadline anew. So a deadline that keeps moving away, as a
/// slow reader's does with each byte read, costs nothing until it fires.
#[derive(Debug, Default)]
pub struct Timers {
    entries: BTreeSet<(Timestamp, u32)>,
}

/// A slot's own note of its entry in [`Timers`].
#[derive(Clone, Copy, Debug)]
pub struct Armed(Timestamp);

impl Default for Armed {
    fn default() -> Self {
        Self(Timestamp::NEVER)
    }
}

impl Timers {
    /// Makes sure that `slot` fires at `when` or before.
    pub fn arm(&mut self, slot: u32, armed: &mut Armed, when: Timestamp) {
        if armed.0 <= when {
            return;
        }
        self.disarm(slot, armed);
        self.entries.insert((when, slot));
        armed.0 = when;
    }

    /// Removes the entry of `slot`.
    pub fn disarm(&mut self, slot: u32, armed: &mut Armed) {
        if armed.0 != Timestamp::NEVER {
            let removed = self.entries.remove(&(armed.0, slot));
            debug_assert!(removed, "a slot's note agrees with its entry");
            armed.clear();
        }
    }

    /// The earliest deadline of all.
    #[must_use]
    pub fn earliest(&self) -> Timestamp {
        self.entries
            .first()
            .map_or(Timestamp::NEVER, |(when, _)| *when)
    }

    /// Takes out one slot that is due. Its [`Armed`] is then to be [cleared](Armed::clear).
    pub fn pop(&mut self, now: Timestamp) -> Option<u32> {
        if self.earliest() > now {
            return None;
        }
        self.entries.pop_first().map(|(_, slot)| slot)
    }
}

impl Armed {
    /// Notes that the entry fired.
    pub fn clear(&mut self) {
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
    fn slot_fires_once_at_its_earliest_deadline() {
        let (mut timers, mut armed) = (Timers::default(), Armed::default());
        timers.arm(1, &mut armed, at(5));
        timers.arm(1, &mut armed, at(9)); // later: left until the entry fires
        timers.arm(1, &mut armed, at(3)); // earlier: moved at once
        assert_eq!((timers.earliest(), timers.entries.len()), (at(3), 1));
        assert_eq!(timers.pop(at(2)), None);
        assert_eq!(timers.pop(at(3)), Some(1));
        armed.clear();
        assert_eq!(timers.pop(at(100)), None);
        timers.arm(1, &mut armed, at(9));
        timers.disarm(1, &mut armed);
        assert!(timers.entries.is_empty());
    }

    #[test]
    fn never_deadline_has_no_entry() {
        let (mut timers, mut armed) = (Timers::default(), Armed::default());
        timers.arm(1, &mut armed, Timestamp::NEVER);
        assert!(timers.entries.is_empty());
    }
}
