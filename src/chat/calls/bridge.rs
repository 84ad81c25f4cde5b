//! Whom an operator's bridge is told of, and when it was.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use ahash::RandomState;

use crate::chat::ids::{AccountId, ClientId};
use crate::chat::time::Timestamp;

/// A bridge is told of one person once in this time.
pub const WAITING_INTERVAL: Duration = Duration::from_secs(300);

/// Connections that are told: bridges, and operators who look what these are told.
pub const FEEDS_MAX: usize = 16;

/// People of whom was told in the last [`WAITING_INTERVAL`]. Past that nobody is told of others.
const TOLD_MAX: usize = 10_000;

/// What bridges are told of accounts, and which connections are told.
#[derive(Debug)]
pub struct Bridge {
    /// By what word each account is known to the bridge.
    texts: HashMap<AccountId, Box<str>, RandomState>,
    feeds: Vec<ClientId>,
    /// Those of whom was told lately, and how often they were called since.
    told: HashMap<AccountId, u32, RandomState>,
    /// When they may be told of again, in order, as all wait equally long.
    due: VecDeque<(Timestamp, AccountId)>,
}

impl Bridge {
    pub fn new(hasher: &RandomState) -> Self {
        Self {
            texts: HashMap::with_hasher(hasher.clone()),
            feeds: Vec::new(),
            told: HashMap::with_hasher(hasher.clone()),
            due: VecDeque::new(),
        }
    }

    /// The word by which an account is known to the bridge.
    pub fn text(&self, account: AccountId) -> Option<&str> {
        self.texts.get(&account).map(AsRef::as_ref)
    }

    pub fn set_text(&mut self, account: AccountId, text: Option<Box<str>>) {
        match text {
            Some(text) => self.texts.insert(account, text),
            None => self.texts.remove(&account),
        };
    }

    /// The connections that are told.
    pub fn feeds(&self) -> &[ClientId] {
        &self.feeds
    }

    /// Tells a connection from now on, or no longer. Returns whether there was room.
    pub fn feed(&mut self, client: ClientId, on: bool) -> bool {
        self.feeds.retain(|other| *other != client);
        if on && self.feeds.len() >= FEEDS_MAX {
            return false;
        }
        self.feeds.extend(on.then_some(client));
        true
    }

    /// An account was called that does not look. Returns whether to tell of it now.
    pub fn note_call(&mut self, now: Timestamp, account: AccountId) -> bool {
        if self.feeds.is_empty() || self.text(account).is_none() {
            return false;
        }
        if let Some(count) = self.told.get_mut(&account) {
            *count = count.saturating_add(1);
            return false;
        }
        if self.told.len() >= TOLD_MAX {
            return false;
        }
        self.told.insert(account, 0);
        self.due.push_back((now.after(WAITING_INTERVAL), account));
        true
    }

    /// One of whom may be told again, and how often they were called since.
    pub fn pop_due(&mut self, now: Timestamp) -> Option<(AccountId, u32)> {
        while let Some((due, account)) = self.due.front().copied()
            && due <= now
        {
            self.due.pop_front();
            if let Some(count) = self.told.remove(&account).filter(|count| *count > 0) {
                return Some((account, count));
            }
        }
        None
    }

    /// An account is gone.
    pub fn drop_account(&mut self, account: AccountId) {
        self.texts.remove(&account);
        self.told.remove(&account);
        self.due.retain(|(_, other)| *other != account);
    }

    /// When somebody may be told of again.
    pub fn next_due(&self) -> Timestamp {
        self.due.front().map_or(Timestamp::NEVER, |(due, _)| *due)
    }

    /// Panics if what is remembered disagrees.
    pub fn check_invariants(&self) {
        assert_eq!(self.told.len(), self.due.len());
        assert!(self.due.iter().all(|(_, one)| self.told.contains_key(one)));
        assert!(self.feeds.len() <= FEEDS_MAX && self.told.len() <= TOLD_MAX);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bridge_is_told_of_so_many_people_at_once_and_no_more() {
        let mut bridge = Bridge::new(&RandomState::with_seeds(1, 2, 3, 4));
        let feed = |slot| ClientId {
            slot,
            generation: 0,
        };
        for slot in 0..u32::try_from(FEEDS_MAX).unwrap() {
            assert!(bridge.feed(feed(slot), true));
        }
        assert!(!bridge.feed(feed(99), true));
        let now = Timestamp::default();
        let mut told = 0;
        for number in 1..=u32::try_from(TOLD_MAX).unwrap() + 5 {
            let account = AccountId::new(number).unwrap();
            bridge.set_text(account, Some("x".into()));
            told += usize::from(bridge.note_call(now, account));
        }
        assert_eq!(told, TOLD_MAX);
        bridge.check_invariants();
        assert_eq!(bridge.pop_due(now.after(WAITING_INTERVAL)), None);
        bridge.check_invariants();
        assert_eq!(bridge.next_due(), Timestamp::NEVER);
    }
}
