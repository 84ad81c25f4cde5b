//! What people are to each other: drawn by chance, and its laws.
//!
//! - From the answer to a block on, its maker is shown nothing that the other says with an account: live, in a page,
//!   or late.
//! - A line that was kept for its author only was never shown to the other of the conversation.
//! - A removed line is in no later page, as one that was forgotten.

use chinwag::chat::ids::{AccountId, Place};

use crate::connection::Sent;
use crate::world::{ACCOUNTS, World};

/// What the oracle knows of one who may block another.
#[derive(Clone, Debug, Default)]
pub struct Block {
    /// Commands about it that are not answered: until they are, nobody knows.
    pub unanswered: usize,
    /// It was answered at this step that it holds.
    pub since: Option<usize>,
}

impl World {
    /// Friends, blocks and what else one decides for oneself.
    pub fn relate(&mut self) {
        let Some(index) = self.any_speaker() else {
            return;
        };
        let Some(account) = self.connections[index].account else {
            return;
        };
        let other = self.rng.usize(..ACCOUNTS.len());
        // Of one without an account it would be no block, but an `/ignore`.
        if other == account || !self.facts.accounts[other].is_made {
            return;
        }
        let name = ACCOUNTS[other];
        let switch = if self.rng.bool() { "on" } else { "off" };
        let line = match self.rng.u32(..9) {
            0..4 => return self.block(index, account, other, true),
            4 => return self.block(index, account, other, false),
            5 => format!("/friend {name}"),
            6 => format!("/unfriend {name}"),
            7 => format!("/profile set on call {}", self.step),
            _ => {
                let what = ["receipts", "seen", "strangers"][self.rng.usize(..3)];
                format!("/privacy {what} {switch}")
            }
        };
        self.send(index, &line, Sent::Other);
    }

    fn block(&mut self, index: usize, account: usize, other: usize, is_made: bool) {
        let block = self.facts.blocks.entry((account, other)).or_default();
        block.unanswered += 1;
        block.since = None;
        let verb = if is_made { "block" } else { "unblock" };
        let of = (account, other);
        self.send(
            index,
            &format!("/{verb} {}", ACCOUNTS[other]),
            Sent::Block { of, is_made },
        );
    }

    /// A command about a block was answered.
    pub fn block_answered(&mut self, of: (usize, usize), holds: bool) {
        let step = self.step;
        let block = self.facts.blocks.entry(of).or_default();
        block.unanswered -= 1;
        if block.unanswered == 0 && holds {
            block.since = Some(step);
            self.facts.blocks_made += 1;
        }
    }

    /// The one who removes a line is the owner of its room, or is refused.
    pub fn remove(&mut self) {
        let Some(index) = self.any_speaker() else {
            return;
        };
        let known = self.facts.numbers.iter();
        let known: Vec<(u64, String)> = known.map(|(id, text)| (*id, text.clone())).collect();
        if known.is_empty() {
            return;
        }
        let (id, text) = known[self.rng.usize(..known.len())].clone();
        self.facts.texts.get_mut(&text).unwrap().may_be_forgotten = true;
        let texts = vec![text];
        self.send(index, &format!("/remove {id}"), Sent::Forget { texts });
    }

    /// A text came to a connection, to a question that was asked at this step, or by itself.
    pub fn check_shown(&mut self, index: usize, text: &str, asked_at: usize) {
        let fact = self.facts.texts.get_mut(text).unwrap();
        let Some(reader) = self.connections[index].account else {
            return;
        };
        fact.shown_to.insert(reader);
        let Some(author) = fact.by_account else {
            return;
        };
        let block = self.facts.blocks.get(&(reader, author));
        let since = block.and_then(|block| block.since);
        assert!(
            since.is_none_or(|since| since >= asked_at),
            "{text} of {} came to {}, who blocks them since {since:?}",
            ACCOUNTS[author],
            ACCOUNTS[reader]
        );
    }

    /// Lines for their authors only were shown to nobody else. Returns how many there are.
    pub fn judge_blocked(&self) -> usize {
        let kept = self.store.kept();
        let owner = |account: AccountId| {
            let name = kept.accounts.get(&account)?.name;
            ACCOUNTS.iter().position(|known| *known == name.as_str())
        };
        let mut count = 0;
        for line in kept.lines.values().filter(|line| line.is_authors_only) {
            let Place::Pair(low, high) = line.place.kind() else {
                panic!("{} was said in a room", line.text);
            };
            let other = if line.author == Some(low) { high } else { low };
            let shown_to = &self.facts.texts[&*line.text].shown_to;
            let is_shown = owner(other).is_some_and(|other| shown_to.contains(&other));
            assert!(!is_shown, "{} is for its author only", line.text);
            assert_eq!(line.waits_for, None, "{} waits", line.text);
            count += 1;
        }
        count
    }
}
