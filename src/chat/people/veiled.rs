//! Lines to accounts that their authors take for absent, though they are here or want nothing of them: each
//! counts against the limits of waiting lines as if it waited, or the limit would tell.

use std::collections::{BTreeMap, HashMap};

use ahash::RandomState;

use crate::chat::ids::{AccountId, LineId};

/// An author: an account, or all who have none.
type Author = Option<AccountId>;

/// For each account, the lines of each author that do not wait, and seem to.
///
/// Invariant: nothing in it is empty. The limits of waiting lines are those of its lists.
#[derive(Debug)]
pub(in crate::chat) struct Veiled {
    lines: HashMap<AccountId, BTreeMap<Author, Vec<LineId>>, RandomState>,
}

impl Veiled {
    pub fn new(hasher: &RandomState) -> Self {
        let lines = HashMap::with_hasher(hasher.clone());
        Self { lines }
    }

    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// How many seem to wait for an account.
    pub fn count(&self, account: AccountId) -> usize {
        let lines = self.lines.get(&account);
        lines.map_or(0, |lines| lines.values().map(Vec::len).sum())
    }

    /// How many of one author's.
    pub fn count_of(&self, account: AccountId, author: Author) -> usize {
        let lines = self.lines.get(&account).and_then(|all| all.get(&author));
        lines.map_or(0, Vec::len)
    }

    pub fn add(&mut self, account: AccountId, author: Author, line: LineId) {
        let lines = self.lines.entry(account).or_default();
        lines.entry(author).or_default().push(line);
    }

    /// The authors of lines that seem to wait for an account.
    pub fn authors(&self, account: AccountId) -> Vec<Author> {
        let lines = self.lines.get(&account);
        lines.map_or_else(Vec::new, |lines| lines.keys().copied().collect())
    }

    /// The accounts for which lines of an author seem to wait.
    pub fn recipients(&self, author: Author) -> Vec<AccountId> {
        let lines = self.lines.iter();
        let of_author = lines.filter(|(_, lines)| lines.contains_key(&author));
        of_author.map(|(account, _)| *account).collect()
    }

    /// An author has seen that an account is here: nothing seems to wait any more.
    pub fn clear(&mut self, account: AccountId, author: Author) {
        self.retain(account, author, |_| false);
    }

    /// Keeps those of an author's lines that `stays` says.
    pub fn retain(&mut self, account: AccountId, author: Author, stays: impl Fn(LineId) -> bool) {
        let Some(lines) = self.lines.get_mut(&account) else {
            return;
        };
        if let Some(own) = lines.get_mut(&author) {
            own.retain(|line| stays(*line));
            if own.is_empty() {
                lines.remove(&author);
            }
        }
        if lines.is_empty() {
            self.lines.remove(&account);
        }
    }

    /// An account is gone, and what seemed to wait for it; what it wrote is of one without an account.
    pub fn drop_account(&mut self, account: AccountId) {
        self.lines.remove(&account);
        for lines in self.lines.values_mut() {
            if let Some(own) = lines.remove(&Some(account)) {
                lines.entry(None).or_default().extend(own);
            }
        }
    }

    /// Panics if something in it is empty.
    pub fn check_invariants(&self) {
        for lines in self.lines.values() {
            assert!(!lines.is_empty());
            assert!(lines.values().all(|lines| !lines.is_empty()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_seem_to_wait_until_their_author_sees_better() {
        let account = |number| AccountId::new(number).unwrap();
        let (alice, bob, carol) = (account(1), account(2), account(3));
        let mut veiled = Veiled::new(&RandomState::with_seeds(1, 2, 3, 4));
        veiled.add(alice, Some(bob), LineId(1));
        veiled.add(alice, Some(bob), LineId(2));
        veiled.add(alice, Some(carol), LineId(3));
        assert_eq!(veiled.count(alice), 3);
        assert_eq!(veiled.count_of(alice, Some(bob)), 2);
        assert_eq!(veiled.recipients(Some(bob)), [alice]);
        veiled.retain(alice, Some(bob), |line| line != LineId(1));
        assert_eq!(veiled.count_of(alice, Some(bob)), 1);
        veiled.clear(alice, Some(bob));
        assert_eq!(veiled.authors(alice), [Some(carol)]);
        veiled.check_invariants();
        veiled.drop_account(carol);
        assert_eq!(veiled.authors(alice), [None]);
        veiled.drop_account(alice);
        assert!(veiled.is_empty());
    }
}
