//! What came of histories, in numbers.

use std::fmt;
use std::ops::AddAssign;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub histories: u64,
    /// Of these, with a crowd.
    pub crowds: u64,
    pub turns: u64,
    pub people: u64,
    /// Who was gone at the end.
    pub closed: u64,
    /// Lines of rooms that were heard, and that were left out.
    pub heard: u64,
    pub missed: u64,
    /// People whose heard and missed lines were held against what was said.
    pub counted: u64,
    /// Private messages: in their recipient's hands; lost, and the sender told; refused at once.
    pub delivered: u64,
    pub told: u64,
    pub refused: u64,
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.histories += other.histories;
        self.crowds += other.crowds;
        self.turns += other.turns;
        self.people += other.people;
        self.closed += other.closed;
        self.heard += other.heard;
        self.missed += other.missed;
        self.counted += other.counted;
        self.delivered += other.delivered;
        self.told += other.told;
        self.refused += other.refused;
    }
}

impl Tally {
    pub fn in_time(&self, seconds: f64) -> String {
        let per_second = |count: u64| count as f64 / seconds;
        format!(
            "{self}; {:.1} histories and {:.0} turns a second",
            per_second(self.histories),
            per_second(self.turns)
        )
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} histories ({} with a crowd), {} turns, {} people ({} gone at the end); \
             lines of rooms: {} heard, {} missed, held against what was said for {} people; \
             private messages: {} delivered, {} lost and told, {} refused",
            self.histories,
            self.crowds,
            self.turns,
            self.people,
            self.closed,
            self.heard,
            self.missed,
            self.counted,
            self.delivered,
            self.told,
            self.refused
        )
    }
}
