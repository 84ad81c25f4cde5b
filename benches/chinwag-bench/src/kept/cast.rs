//! Who is in a kept room and who is away, and what happened to what they said.

use super::talk::Part;
use crate::client::{ClientNo, clients};
use crate::traffic::Pace;

/// Who is there, and how they speak.
#[derive(Clone, Copy, Debug)]
pub struct Cast {
    pub speakers: usize,
    /// Accounts that are away.
    pub absent: usize,
    /// Of each speaker in a closed loop, of all together in an open one.
    pub pace: Pace,
    /// The share of what is said that is said to somebody who is away.
    pub waiting: f64,
    /// Whether there is a store.
    pub is_kept: bool,
    pub size: usize,
}

impl Cast {
    pub fn clients(&self) -> usize {
        self.speakers + 1 + self.absent
    }

    pub fn witness(&self) -> ClientNo {
        ClientNo::at(self.speakers)
    }

    pub fn members(&self) -> impl Iterator<Item = ClientNo> + use<> {
        clients(self.speakers + 1)
    }

    pub fn absent(&self) -> impl Iterator<Item = ClientNo> + use<> {
        clients(self.clients()).skip(self.speakers + 1)
    }

    pub fn part(&self, who: ClientNo) -> Part {
        if who.index() < self.speakers {
            Part::Speaker
        } else if who == self.witness() {
            Part::Witness
        } else {
            Part::Absent
        }
    }
}

/// What happened since the speaking began.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Lines and messages that were answered `ok`.
    pub kept: u64,
    /// Of these, messages to those who are away.
    pub waiting: u64,
    pub refused: u64,
    pub refusal: Option<String>,
    pub told_missed: u64,
}
