//! Who has asked whom to be friends, and who blocks whom.

use std::collections::HashMap;

use ahash::RandomState;

use crate::chat::archive::Relation;
use crate::chat::ids::AccountId;

/// Friends that one may have or ask: each is told when one comes and goes.
pub const FRIENDS_MAX: usize = 100;

/// Accounts that one may block. Each line of theirs is looked up among these.
pub const BLOCKS_MAX: usize = 1000;

/// Accounts whose asking one is told of at a login; a crowd that asks is no news.
const UNTOLD_MAX: usize = FRIENDS_MAX;

/// What accounts are to others.
///
/// Invariants: nobody asks one whom they block; no list is empty.
#[derive(Debug)]
pub(in crate::chat) struct Relations {
    /// Whom each account has asked, in that order. Who have asked each other are friends.
    asked: HashMap<AccountId, Vec<AccountId>, RandomState>,
    /// Whom each account blocks, sorted.
    blocked: HashMap<AccountId, Vec<AccountId>, RandomState>,
    /// Who has asked each account, or answered it, while that was not here.
    untold: HashMap<AccountId, Vec<AccountId>, RandomState>,
    /// What is not known to be kept: it counts against the limits.
    under_way: Vec<(AccountId, Relation)>,
}

impl Relations {
    pub fn new(hasher: &RandomState) -> Self {
        Self {
            asked: HashMap::with_hasher(hasher.clone()),
            blocked: HashMap::with_hasher(hasher.clone()),
            untold: HashMap::with_hasher(hasher.clone()),
            under_way: Vec::new(),
        }
    }

    /// Takes in what was kept before the server started. Whether somebody was told that they were asked is not
    /// kept: who has not answered is told again.
    pub fn restore(&mut self, relations: &[(AccountId, AccountId, Relation)]) {
        for (account, other, relation) in relations {
            if *relation == Relation::Block {
                self.add_block(*account, *other);
            }
        }
        for (account, other, relation) in relations {
            // A block that was kept ends what a crash has left.
            if *relation == Relation::Friend && !self.blocks(*account, *other) {
                self.add_asked(*account, *other);
            }
        }
        for (account, other, relation) in relations {
            if *relation == Relation::Friend
                && self.has_asked(*account, *other)
                && !self.are_friends(*account, *other)
            {
                self.note_untold(*other, *account);
            }
        }
    }

    pub fn blocks(&self, account: AccountId, other: AccountId) -> bool {
        let blocked = self.blocked.get(&account);
        blocked.is_some_and(|blocked| blocked.binary_search(&other).is_ok())
    }

    /// Whom an account blocks.
    pub fn blocked(&self, account: AccountId) -> &[AccountId] {
        self.blocked.get(&account).map_or(&[], Vec::as_slice)
    }

    pub fn has_asked(&self, account: AccountId, other: AccountId) -> bool {
        self.asked(account).contains(&other)
    }

    /// Whom an account has asked.
    pub fn asked(&self, account: AccountId) -> &[AccountId] {
        self.asked.get(&account).map_or(&[], Vec::as_slice)
    }

    pub fn are_friends(&self, account: AccountId, other: AccountId) -> bool {
        self.has_asked(account, other)
            && self.has_asked(other, account)
            && !self.blocks(account, other)
            && !self.blocks(other, account)
    }

    /// The friends of an account.
    pub fn friends(&self, account: AccountId) -> impl Iterator<Item = AccountId> {
        let asked = self.asked(account).iter().copied();
        asked.filter(move |other| self.are_friends(account, *other))
    }

    /// Whether an account may have one more in a relation.
    pub fn has_room(&self, account: AccountId, relation: Relation) -> bool {
        let under_way = self.under_way.iter();
        let under_way = under_way.filter(|one| **one == (account, relation)).count();
        let (count, max) = match relation {
            Relation::Friend => (self.asked(account).len(), FRIENDS_MAX),
            Relation::Block => (self.blocked(account).len(), BLOCKS_MAX),
        };
        count + under_way < max
    }

    /// One more is about to be.
    pub fn begin(&mut self, account: AccountId, relation: Relation) {
        self.under_way.push((account, relation));
    }

    /// It is, or it is known not to be kept.
    pub fn end(&mut self, account: AccountId, relation: Relation) {
        let mut under_way = self.under_way.iter();
        let place = under_way.position(|one| *one == (account, relation));
        if let Some(place) = place {
            self.under_way.swap_remove(place);
        }
    }

    pub fn add_asked(&mut self, account: AccountId, other: AccountId) {
        let asked = self.asked.entry(account).or_default();
        if !asked.contains(&other) {
            asked.push(other);
        }
    }

    /// An account has not asked another, or not any more.
    pub fn drop_asked(&mut self, account: AccountId, other: AccountId) {
        remove(&mut self.asked, account, other);
        remove(&mut self.untold, other, account);
    }

    /// An account blocks another: it has not asked that one any more, and they are no friends. That the other has
    /// asked stays so, for they are not told.
    pub fn add_block(&mut self, account: AccountId, other: AccountId) {
        if self.are_friends(account, other) {
            self.drop_asked(other, account);
        }
        self.drop_asked(account, other);
        remove(&mut self.untold, account, other);
        let blocked = self.blocked.entry(account).or_default();
        if let Err(place) = blocked.binary_search(&other) {
            blocked.insert(place, other);
        }
    }

    pub fn drop_block(&mut self, account: AccountId, other: AccountId) {
        remove(&mut self.blocked, account, other);
    }

    /// An account that is not here is to be told of another when it comes.
    pub fn note_untold(&mut self, account: AccountId, other: AccountId) {
        if self.blocks(account, other) {
            return;
        }
        let untold = self.untold.entry(account).or_default();
        if untold.len() < UNTOLD_MAX && !untold.contains(&other) {
            untold.push(other);
        }
    }

    /// Whom an account that has come is told of.
    pub fn take_untold(&mut self, account: AccountId) -> Vec<AccountId> {
        self.untold.remove(&account).unwrap_or_default()
    }

    /// An account is gone. Returns who blocked it.
    pub fn drop_account(&mut self, account: AccountId) -> Vec<AccountId> {
        self.asked.remove(&account);
        self.blocked.remove(&account);
        self.untold.remove(&account);
        remove_from_all(&mut self.asked, account);
        remove_from_all(&mut self.untold, account);
        remove_from_all(&mut self.blocked, account)
    }

    /// Panics if what accounts are to each other disagrees.
    pub fn check_invariants(&self) {
        for lists in [&self.asked, &self.blocked, &self.untold] {
            assert!(lists.values().all(|list| !list.is_empty()));
        }
        for (account, blocked) in &self.blocked {
            assert!(blocked.is_sorted() && blocked.len() <= BLOCKS_MAX);
            assert!(
                blocked
                    .iter()
                    .all(|other| !self.has_asked(*account, *other))
            );
        }
        assert!(self.asked.values().all(|asked| asked.len() <= FRIENDS_MAX));
    }
}

type Lists = HashMap<AccountId, Vec<AccountId>, RandomState>;

fn remove(lists: &mut Lists, of: AccountId, other: AccountId) {
    if let Some(list) = lists.get_mut(&of) {
        list.retain(|one| *one != other);
        if list.is_empty() {
            lists.remove(&of);
        }
    }
}

/// Returns whose lists it was in.
fn remove_from_all(lists: &mut Lists, other: AccountId) -> Vec<AccountId> {
    let has_it = lists.iter().filter(|(_, list)| list.contains(&other));
    let has_it: Vec<AccountId> = has_it.map(|(of, _)| *of).collect();
    for of in &has_it {
        remove(lists, *of, other);
    }
    has_it
}

#[cfg(test)]
mod tests {
    use super::*;

    fn relations() -> Relations {
        Relations::new(&RandomState::with_seeds(1, 2, 3, 4))
    }

    fn account(number: u32) -> AccountId {
        AccountId::new(number).unwrap()
    }

    #[test]
    fn two_are_friends_once_both_have_asked_and_until_one_blocks() {
        let (alice, bob) = (account(1), account(2));
        let mut relations = relations();
        relations.add_asked(alice, bob);
        assert!(!relations.are_friends(alice, bob) && !relations.are_friends(bob, alice));
        relations.add_asked(bob, alice);
        assert!(relations.are_friends(alice, bob) && relations.are_friends(bob, alice));
        relations.add_block(bob, alice);
        assert!(!relations.are_friends(alice, bob));
        relations.check_invariants();
        // Asked while blocked, which she need not know.
        relations.add_asked(alice, bob);
        assert!(!relations.are_friends(alice, bob));
        relations.check_invariants();
    }

    #[test]
    fn block_that_was_kept_ends_what_a_crash_has_left() {
        let (alice, bob) = (account(1), account(2));
        let mut relations = relations();
        relations.restore(&[
            (alice, bob, Relation::Friend),
            (bob, alice, Relation::Friend),
            (bob, alice, Relation::Block),
        ]);
        assert!(relations.has_asked(alice, bob) && !relations.has_asked(bob, alice));
        assert!(relations.take_untold(bob).is_empty(), "she is blocked");
        assert!(relations.take_untold(alice).is_empty());
        relations.check_invariants();
    }

    #[test]
    fn limit_counts_what_is_under_way() {
        let alice = account(1);
        let mut relations = relations();
        for number in 2..=u32::try_from(FRIENDS_MAX).unwrap() {
            relations.add_asked(alice, account(number));
        }
        assert!(relations.has_room(alice, Relation::Friend));
        relations.begin(alice, Relation::Friend);
        assert!(!relations.has_room(alice, Relation::Friend));
        assert!(relations.has_room(alice, Relation::Block));
        relations.end(alice, Relation::Friend);
        assert!(relations.has_room(alice, Relation::Friend));
    }

    #[test]
    fn account_that_is_gone_is_nothing_to_anybody() {
        let (alice, bob, carol) = (account(1), account(2), account(3));
        let mut relations = relations();
        relations.add_asked(alice, bob);
        relations.add_asked(bob, alice);
        relations.note_untold(bob, alice);
        relations.add_block(carol, alice);
        assert_eq!(relations.drop_account(alice), [carol]);
        relations.check_invariants();
        assert!(relations.asked(bob).is_empty() && relations.blocked(carol).is_empty());
        assert!(relations.take_untold(bob).is_empty());
    }
}
