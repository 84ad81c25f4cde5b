//! A client as its account: what it logs in by, and what it has yet to be answered.

use std::collections::VecDeque;

use super::ledger::Key;
use super::talk::Step;
use crate::timestamp::Timestamp;

/// A line of a client that the daemon has yet to answer.
pub enum Awaited {
    Step(Step),
    Said {
        key: Key,
        intended: Timestamp,
        is_private: bool,
    },
    Page,
}

#[derive(Default)]
pub struct Account {
    pub token: Option<String>,
    /// Lines that it said.
    pub said: u32,
    pub awaited: VecDeque<Awaited>,
}

impl Account {
    /// Whether nothing is awaited that it said to get in.
    pub fn is_in(&self) -> bool {
        let is_step = |awaited: &Awaited| matches!(awaited, Awaited::Step(_));
        !self.awaited.iter().any(is_step)
    }

    /// Lines without an answer.
    pub fn unanswered(&self) -> u64 {
        let is_said = |awaited: &&Awaited| matches!(awaited, Awaited::Said { .. });
        self.awaited.iter().filter(is_said).count() as u64
    }
}
