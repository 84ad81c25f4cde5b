//! What the oracle has seen, over all lives of the server.

use std::collections::{BTreeMap, BTreeSet};

use crate::moderation::{Rule, RuleFact};
use crate::relations::Block;

/// Where a text was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Spot {
    Room(String),
    /// The room that was current when the line was carried out: the first who hears it tells.
    CurrentRoom,
    /// Two names, sorted.
    Pair(String, String),
}

/// A text, each said once.
#[derive(Clone, Debug)]
pub struct Text {
    pub author: String,
    /// The account that surely said it.
    pub by_account: Option<usize>,
    /// Accounts whose connections it came to.
    pub shown_to: BTreeSet<usize>,
    pub spot: Spot,
    /// Its number, as soon as one was seen.
    pub id: Option<u64>,
    /// It was answered `ok` with a number: it is kept.
    pub is_promised: bool,
    /// It was answered that it waits, or may.
    pub waits_for: Option<String>,
    /// It was answered that it is forgotten, at this step.
    pub forgotten_at: Option<usize>,
    /// It may be forgotten: that was asked, or its room's lines were erased.
    pub may_be_forgotten: bool,
    /// How often it came to its recipient late.
    pub late: usize,
}

/// An account, as its owner knows it.
#[derive(Clone, Debug, Default)]
pub struct Account {
    pub name: String,
    /// It was answered that it exists.
    pub is_made: bool,
    /// It may exist: that was asked for.
    pub may_exist: bool,
    /// Passwords that may be right. One, once it was answered that it is.
    pub passwords: BTreeSet<String>,
    pub tokens: Vec<String>,
    /// Passwords and tokens that stopped being right at this step: who came in just before was let in by
    /// one, and is heard of only now.
    pub replaced: (usize, Vec<String>),
    /// How many of its connections have ended; a crash ends all.
    pub ends: usize,
}

#[derive(Debug, Default)]
pub struct Facts {
    pub texts: BTreeMap<String, Text>,
    /// The text of each number.
    pub numbers: BTreeMap<u64, String>,
    pub accounts: Vec<Account>,
    /// By who blocks, and whom.
    pub blocks: BTreeMap<(usize, usize), Block>,
    pub blocks_made: usize,
    pub rules: BTreeMap<Rule, RuleFact>,
    pub rules_made: usize,
    /// How often `/keep off` is under way, by room.
    pub unkeeps: BTreeMap<String, usize>,
    pub next_text: usize,
}

impl Facts {
    /// Notes that a text goes by this number.
    pub fn number(&mut self, text: &str, id: u64) {
        let known = self.numbers.insert(id, text.to_owned());
        assert!(
            known.as_deref().is_none_or(|known| known == text),
            "{id} was given to {known:?} and to {text}"
        );
        let fact = self.texts.get_mut(text);
        let fact = fact.unwrap_or_else(|| panic!("nobody said {text}"));
        assert!(
            fact.id.is_none_or(|known| known == id),
            "{text} is {:?} and {id}",
            fact.id
        );
        fact.id = Some(id);
    }
}
