//! Lines to accounts that their authors take for absent, though they are here or want nothing of them: each
//! counts against the limits of waiting lines as if it waited, or the limit would tell.

use std::collections::{BTreeMap, HashMap};

use ahash::RandomState;

use crate::chat::ids::{AccountId, LineId, PlaceId};
use crate::chat::time::Timestamp;

/// An author: an account, or all who have none.
type Author = Option<AccountId>;

/// A line that seems to wait.
#[derive(Clone, Copy, Debug)]
struct Line {
    id: LineId,
    /// It is kept no longer than it seems to wait, and this is its place.
    erased_from: Option<PlaceId>,
}

/// For each account, the lines of each author that do not wait, and seem to.
///
/// Invariant: nothing in it is empty. The limits of waiting lines are those of its lists.
#[derive(Debug)]
pub(in crate::chat) struct Veiled {
    lines: HashMap<AccountId, BTreeMap<Author, Vec<Line>>, RandomState>,
    /// Lines that are to be erased, and when: an archive that is full is tried again.
    erased: Vec<(PlaceId, LineId)>,
    erased_due: Timestamp,
}

impl Veiled {
    pub fn new(hasher: &RandomState) -> Self {
        Self {
            lines: HashMap::with_hasher(hasher.clone()),
            erased: Vec::new(),
            erased_due: Timestamp::NEVER,
        }
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

    /// One more seems to wait. One that has a place is erased from there once it does not.
    pub fn add(
        &mut self,
        account: AccountId,
        author: Author,
        id: LineId,
        erased_from: Option<PlaceId>,
    ) {
        let lines = self.lines.entry(account).or_default();
        let line = Line { id, erased_from };
        lines.entry(author).or_default().push(line);
    }

    /// A line is to be erased now.
    pub fn erase(&mut self, place: PlaceId, line: LineId) {
        self.erased.push((place, line));
        self.erased_due = Timestamp::default();
    }

    /// When [`Veiled::take_erased`] has something.
    pub fn next_due(&self) -> Timestamp {
        self.erased_due
    }

    /// Hands over the lines that are to be erased until `erase` has no room for one: then the rest is tried again
    /// at `retry`.
    pub fn take_erased(
        &mut self,
        retry: Timestamp,
        mut erase: impl FnMut(PlaceId, LineId) -> bool,
    ) {
        while let Some((place, line)) = self.erased.last() {
            if !erase(*place, *line) {
                self.erased_due = retry;
                return;
            }
            self.erased.pop();
        }
        self.erased_due = Timestamp::NEVER;
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
            let gone = own.iter().filter(|line| !stays(line.id));
            let erased = gone.filter_map(|line| Some((line.erased_from?, line.id)));
            let known = self.erased.len();
            self.erased.extend(erased);
            if self.erased.len() > known {
                self.erased_due = Timestamp::default();
            }
            own.retain(|line| stays(line.id));
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
        assert_eq!(self.erased.is_empty(), self.erased_due == Timestamp::NEVER);
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
        veiled.add(alice, Some(bob), LineId(1), None);
        veiled.add(alice, Some(bob), LineId(2), None);
        veiled.add(alice, Some(carol), LineId(3), None);
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

    #[test]
    fn line_that_was_kept_to_wait_is_erased_once_its_author_sees_better() {
        let account = |number| AccountId::new(number).unwrap();
        let (alice, bob) = (account(1), account(2));
        let place = PlaceId::pair(alice, bob);
        let mut veiled = Veiled::new(&RandomState::with_seeds(1, 2, 3, 4));
        veiled.add(alice, Some(bob), LineId(1), None);
        veiled.add(alice, Some(bob), LineId(2), Some(place));
        assert_eq!(veiled.next_due(), Timestamp::NEVER);
        veiled.clear(alice, Some(bob));
        assert_eq!(veiled.next_due(), Timestamp::default());
        let retry = Timestamp::default().after(std::time::Duration::from_secs(1));
        veiled.take_erased(retry, |_, _| false);
        assert_eq!(veiled.next_due(), retry);
        let mut erased = Vec::new();
        veiled.take_erased(retry, |place, line| {
            erased.push((place, line));
            true
        });
        assert_eq!(erased, [(place, LineId(2))]);
        assert_eq!(veiled.next_due(), Timestamp::NEVER);
        veiled.check_invariants();
    }
}
