//! Lines that wait for accounts that are not here: how many, and which were sent to whom since.
//!
//! The archive has the lines. Here are their numbers alone: a count of each author's for each account, and,
//! once they were sent, which are not known to have arrived.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::num::NonZeroU32;
use std::time::Duration;

use ahash::RandomState;

use crate::chat::ids::{AccountId, ClientId, LineId, PlaceId, UserId};
use crate::chat::time::Timestamp;

/// How often it is asked which lines have arrived. Only memory waits for that, and a second delivery after a
/// crash.
pub const ARRIVAL_INTERVAL: Duration = Duration::from_secs(1);

/// No user has this place: a delivery's lines are sent as from a user at it, by which their arrival is known.
const DELIVERY_SLOT: u32 = u32::MAX;

/// For whom a line waits, and of whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wait {
    pub recipient: AccountId,
    /// `None` for one without an account.
    pub author: Option<AccountId>,
    /// It only seems to wait: the recipient blocks the author.
    pub is_never: bool,
}

/// A line that waited, and its author.
pub(in crate::chat) type Waited = (LineId, PlaceId, Option<AccountId>);

/// Lines that waited, and were sent.
#[derive(Debug)]
struct Delivery {
    client: ClientId,
    account: AccountId,
    /// In the order of their sending.
    lines: VecDeque<Waited>,
    /// So many at the front are being dropped from what waits.
    dropping: usize,
    /// More waits than was sent at once: it follows once this has arrived.
    is_cut: bool,
    /// When it is asked which have arrived. Each has its own time, so that nobody can tell from theirs what others
    /// get.
    due: Timestamp,
}

/// Lines that have arrived, of one delivery.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::chat) struct Arrived {
    pub delivery: UserId,
    pub account: AccountId,
    pub lines: Vec<Waited>,
}

/// What waits for whom.
#[derive(Debug)]
pub(in crate::chat) struct Mailbox {
    /// Of each account, by author; `None` stands for authors without an account.
    counts: HashMap<AccountId, BTreeMap<Option<AccountId>, u32>, RandomState>,
    /// Of these, how many are not known to be kept.
    undecided: HashMap<AccountId, u32, RandomState>,
    deliveries: BTreeMap<u32, Delivery>,
    last_delivery: u32,
    arrivals_due: Timestamp,
    /// Accounts for which more waits than their login has found, and the connection that is to get it.
    incomplete: Vec<(AccountId, ClientId)>,
    incomplete_due: Timestamp,
    /// Accounts of which that was asked.
    asked: Vec<AccountId>,
}

impl Mailbox {
    pub fn new(hasher: &RandomState) -> Self {
        Self {
            counts: HashMap::with_hasher(hasher.clone()),
            undecided: HashMap::with_hasher(hasher.clone()),
            deliveries: BTreeMap::new(),
            last_delivery: 0,
            arrivals_due: Timestamp::NEVER,
            incomplete: Vec::new(),
            incomplete_due: Timestamp::NEVER,
            asked: Vec::new(),
        }
    }

    /// Lines that waited already when the server started.
    pub fn restore(&mut self, account: AccountId, author: Option<AccountId>, count: u32) {
        *self
            .counts
            .entry(account)
            .or_default()
            .entry(author)
            .or_default() += count;
    }

    /// How many lines wait for an account.
    pub fn count(&self, account: AccountId) -> u32 {
        let counts = self.counts.get(&account);
        counts.map_or(0, |counts| counts.values().sum())
    }

    /// How many of one author's.
    pub fn count_of(&self, account: AccountId, author: Option<AccountId>) -> u32 {
        let counts = self.counts.get(&account);
        let count = counts.and_then(|counts| counts.get(&author));
        count.copied().unwrap_or_default()
    }

    /// One line more waits, unless it turns out that it is not kept.
    pub fn add(&mut self, account: AccountId, author: Option<AccountId>) {
        self.restore(account, author, 1);
        *self.undecided.entry(account).or_default() += 1;
    }

    /// What was added is kept, or is not. One that is not does not arrive, even if it was sent at once.
    pub fn decide(
        &mut self,
        account: AccountId,
        author: Option<AccountId>,
        line: LineId,
        is_kept: bool,
    ) {
        if let Some(count) = self.undecided.get_mut(&account) {
            *count -= 1;
            if *count == 0 {
                self.undecided.remove(&account);
            }
        }
        if !is_kept {
            self.take(account, author, 1);
            for one in self.deliveries.values_mut() {
                if one.account == account {
                    one.remove(|(id, ..)| *id == line);
                }
            }
        }
    }

    /// So many lines of an author wait no more. An author whose account is gone counts with those without one.
    pub fn take(&mut self, account: AccountId, author: Option<AccountId>, count: u32) {
        let Some(counts) = self.counts.get_mut(&account) else {
            return;
        };
        let mut left = count;
        for author in [author, None] {
            if let Some(counted) = counts.get_mut(&author) {
                let taken = left.min(*counted);
                *counted -= taken;
                left -= taken;
                if *counted == 0 {
                    counts.remove(&author);
                }
            }
        }
        if counts.is_empty() {
            self.counts.remove(&account);
        }
    }

    /// An account is gone, and what waits for it. What it wrote goes on waiting.
    pub fn drop_account(&mut self, account: AccountId) {
        self.counts.remove(&account);
        self.deliveries.retain(|_, one| one.account != account);
        self.incomplete.retain(|(other, _)| *other != account);
        for counts in self.counts.values_mut() {
            if let Some(count) = counts.remove(&Some(account)) {
                *counts.entry(None).or_default() += count;
            }
        }
    }

    /// The sender that a new delivery's lines are sent as from.
    pub fn new_delivery(&mut self) -> UserId {
        self.last_delivery = self.last_delivery.checked_add(1).unwrap_or(1);
        delivery_id(self.last_delivery)
    }

    /// Whether a user is a delivery.
    pub fn is_delivery(user: UserId) -> bool {
        user.slot == DELIVERY_SLOT
    }

    /// Notes lines that were sent. With `is_cut` more waits, and is to be sent next.
    pub fn note_sent(
        &mut self,
        now: Timestamp,
        delivery: UserId,
        client: ClientId,
        account: AccountId,
        lines: VecDeque<Waited>,
        is_cut: bool,
    ) {
        if lines.is_empty() {
            return;
        }
        let sent = Delivery {
            client,
            account,
            lines,
            dropping: 0,
            is_cut,
            due: now.after(ARRIVAL_INTERVAL),
        };
        self.deliveries.insert(delivery.generation.get(), sent);
        self.arrivals_due = self.arrivals_due.min(now.after(ARRIVAL_INTERVAL));
    }

    /// Whether a line was sent to a connection that `is_here` says is still there.
    pub fn was_sent(
        &self,
        account: AccountId,
        line: LineId,
        is_here: impl Fn(ClientId) -> bool,
    ) -> bool {
        let deliveries = self.deliveries.values();
        let mut own = deliveries.filter(|one| one.account == account && is_here(one.client));
        own.any(|one| one.lines.iter().any(|(id, ..)| *id == line))
    }

    /// The last `count` lines of a delivery have not arrived, and its connection is gone: they wait on.
    pub fn note_undelivered(&mut self, delivery: UserId, count: u64) {
        if let Some(one) = self.deliveries.get_mut(&delivery.generation.get()) {
            let count = usize::try_from(count).unwrap_or(usize::MAX);
            let left = one.lines.len().saturating_sub(count).max(one.dropping);
            one.lines.truncate(left);
        }
    }

    /// Whether it is time to ask which lines have arrived.
    pub fn is_due(&self, now: Timestamp) -> bool {
        self.arrivals_due <= now
    }

    /// The lines that have arrived, given how many of a delivery's have not: those `of` an account, or all that it is
    /// time to ask about. They are being dropped from now on.
    pub fn arrived(
        &mut self,
        now: Timestamp,
        of: Option<AccountId>,
        unarrived: impl Fn(ClientId, UserId) -> usize,
    ) -> Vec<Arrived> {
        let mut arrived = Vec::new();
        let mut cut = Vec::new();
        let is_asked = |one: &Delivery| of == Some(one.account) || (of.is_none() && one.due <= now);
        self.deliveries.retain(|_, one| {
            let is_done = one.lines.is_empty() && is_asked(one);
            if is_done && one.is_cut {
                cut.push((one.account, one.client));
            }
            !is_done
        });
        for (account, client) in cut {
            self.note_incomplete(now, account, client);
        }
        for (number, one) in &mut self.deliveries {
            if !is_asked(one) {
                continue;
            }
            one.due = now.after(ARRIVAL_INTERVAL);
            if one.dropping > 0 || self.asked.contains(&one.account) {
                continue;
            }
            let delivery = delivery_id(*number);
            let left = unarrived(one.client, delivery).min(one.lines.len());
            one.dropping = one.lines.len() - left;
            if one.dropping > 0 {
                let lines = one.lines.iter().take(one.dropping);
                arrived.push(Arrived {
                    delivery,
                    account: one.account,
                    lines: lines.copied().collect(),
                });
            }
        }
        let due = self.deliveries.values().map(|one| one.due).min();
        self.arrivals_due = due.unwrap_or(Timestamp::NEVER);
        arrived
    }

    /// The archive had no room for what has arrived: it is asked again.
    pub fn keep_arrived(&mut self, delivery: UserId) {
        if let Some(one) = self.deliveries.get_mut(&delivery.generation.get()) {
            one.dropping = 0;
        }
    }

    /// Lines that have arrived wait no longer, or, if that is not kept, until the next login. Returns which: for
    /// whom, and of whom.
    pub fn note_dropped(
        &mut self,
        delivery: UserId,
        is_kept: bool,
    ) -> Vec<(AccountId, Option<AccountId>, LineId)> {
        let number = delivery.generation.get();
        let Some(one) = self.deliveries.get_mut(&number) else {
            return Vec::new();
        };
        if !is_kept {
            self.deliveries.remove(&number);
            return Vec::new();
        }
        let account = one.account;
        let dropped: Vec<Waited> = one.lines.drain(..one.dropping).collect();
        one.dropping = 0;
        for (id, _, author) in &dropped {
            self.take(account, *author, 1);
            for other in self.deliveries.values_mut() {
                if other.account == account {
                    other.remove(|(other, ..)| other == id);
                }
            }
        }
        let dropped = dropped.into_iter();
        dropped
            .map(|(id, _, author)| (account, author, id))
            .collect()
    }

    /// An author has had lines forgotten: `waited` says how many that waited, and for whom.
    pub fn note_forgotten(
        &mut self,
        author: AccountId,
        waited: &[(AccountId, u32)],
        is_forgotten: impl Fn(PlaceId, LineId) -> bool,
    ) {
        for (account, count) in waited {
            self.take(*account, Some(author), *count);
        }
        for one in self.deliveries.values_mut() {
            one.remove(|(id, place, by)| *by == Some(author) && is_forgotten(*place, *id));
        }
    }

    /// More or less waits for an account than its login has found: it is to be asked again.
    pub fn note_incomplete(&mut self, now: Timestamp, account: AccountId, client: ClientId) {
        if self.incomplete.iter().all(|(other, _)| *other != account) {
            self.incomplete.push((account, client));
        }
        self.incomplete_due = self.incomplete_due.min(now);
    }

    /// An account for which it is time to ask what waits.
    pub fn pop_incomplete(&mut self, now: Timestamp) -> Option<(AccountId, ClientId)> {
        if self.incomplete_due > now {
            return None;
        }
        let next = self.incomplete.pop();
        if next.is_none() {
            self.incomplete_due = Timestamp::NEVER;
        }
        next
    }

    /// The archive has too much to do: it is asked later.
    pub fn put_off(&mut self, now: Timestamp, account: AccountId, client: ClientId) {
        self.incomplete.push((account, client));
        self.incomplete_due = now.after(ARRIVAL_INTERVAL);
    }

    /// It was asked what waits for an account.
    pub fn note_asked(&mut self, account: AccountId) {
        self.asked.push(account);
    }

    /// The answer: what waits is counted anew, unless some of it is under way.
    pub fn note_answered(
        &mut self,
        account: AccountId,
        authors: Option<impl Iterator<Item = Option<AccountId>>>,
    ) {
        self.asked.retain(|other| *other != account);
        let mut deliveries = self.deliveries.values();
        let is_steady = !self.undecided.contains_key(&account)
            && deliveries.all(|one| one.account != account || one.dropping == 0);
        if let Some(authors) = authors.filter(|_| is_steady) {
            self.counts.remove(&account);
            for author in authors {
                self.restore(account, author, 1);
            }
        }
    }

    /// When something is to be done.
    pub fn next_due(&self) -> Timestamp {
        self.arrivals_due.min(self.incomplete_due)
    }

    /// Panics if counts disagree.
    pub fn check_invariants(&self) {
        for (account, counts) in &self.counts {
            assert!(counts.values().all(|count| *count > 0));
            assert!(!counts.is_empty());
            let undecided = self.undecided.get(account).copied().unwrap_or_default();
            assert!(undecided <= self.count(*account));
        }
        for one in self.deliveries.values() {
            assert!(one.dropping <= one.lines.len());
        }
        let is_looked_at = self.arrivals_due < Timestamp::NEVER;
        assert!(is_looked_at || self.deliveries.is_empty());
    }
}

impl Delivery {
    /// Takes out lines.
    fn remove(&mut self, is_gone: impl Fn(&Waited) -> bool) {
        let dropping = self.lines.iter().take(self.dropping);
        self.dropping -= dropping.filter(|line| is_gone(line)).count();
        self.lines.retain(|line| !is_gone(line));
    }
}

fn delivery_id(number: u32) -> UserId {
    UserId {
        slot: DELIVERY_SLOT,
        generation: NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLIENT: ClientId = ClientId {
        slot: 3,
        generation: 4,
    };

    fn mailbox() -> Mailbox {
        Mailbox::new(&RandomState::with_seeds(1, 2, 3, 4))
    }

    fn account(number: u32) -> AccountId {
        AccountId::new(number).unwrap()
    }

    /// Lines 1, 2, 3 of account 2 wait for account 1, and were sent.
    fn sent() -> (Mailbox, UserId) {
        let mut mailbox = mailbox();
        let (alice, bob) = (account(1), account(2));
        let place = PlaceId::pair(alice, bob);
        let lines = (1..=3).map(|id| (LineId(id), place, Some(bob))).collect();
        for _ in 0..3 {
            mailbox.add(alice, Some(bob));
            mailbox.decide(alice, Some(bob), LineId(9), true);
        }
        let delivery = mailbox.new_delivery();
        mailbox.note_sent(Timestamp::default(), delivery, CLIENT, alice, lines, false);
        mailbox.check_invariants();
        (mailbox, delivery)
    }

    #[test]
    fn count_follows_lines_that_are_kept_or_not() {
        let mut mailbox = mailbox();
        let (alice, bob) = (account(1), account(2));
        mailbox.restore(alice, Some(bob), 2);
        mailbox.restore(alice, None, 1);
        mailbox.add(alice, Some(bob));
        mailbox.add(alice, Some(bob));
        assert_eq!(
            (mailbox.count(alice), mailbox.count_of(alice, Some(bob))),
            (5, 4)
        );
        mailbox.decide(alice, Some(bob), LineId(9), false);
        mailbox.decide(alice, Some(bob), LineId(9), true);
        assert_eq!(
            (mailbox.count(alice), mailbox.count_of(alice, Some(bob))),
            (4, 3)
        );
        mailbox.check_invariants();
        mailbox.drop_account(bob);
        assert_eq!(
            (mailbox.count(alice), mailbox.count_of(alice, Some(bob))),
            (4, 0)
        );
        mailbox.take(alice, Some(bob), 3);
        assert_eq!(mailbox.count(alice), 1);
        mailbox.drop_account(alice);
        assert_eq!(mailbox.count(alice), 0);
        mailbox.check_invariants();
    }

    #[test]
    fn line_waits_until_it_has_arrived_and_that_is_kept() {
        let (mut mailbox, delivery) = sent();
        let alice = account(1);
        let now = Timestamp::default().after(ARRIVAL_INTERVAL);
        assert!(mailbox.is_due(now));
        let arrived = mailbox.arrived(now, Some(alice), |client, from| {
            assert_eq!((client, from), (CLIENT, delivery));
            1
        });
        let (place, author) = (PlaceId::pair(alice, account(2)), Some(account(2)));
        let lines = vec![(LineId(1), place, author), (LineId(2), place, author)];
        let (account, expected) = (alice, delivery);
        assert_eq!(
            arrived,
            [Arrived {
                delivery: expected,
                account,
                lines
            }]
        );
        assert_eq!(mailbox.count(alice), 3);
        assert_eq!(mailbox.arrived(now, Some(alice), |_, _| 0), []);
        let dropped = mailbox.note_dropped(delivery, true);
        let first = (alice, author, LineId(1));
        assert_eq!(dropped, [first, (alice, author, LineId(2))]);
        assert_eq!(mailbox.count(alice), 1);
        mailbox.check_invariants();
        assert_eq!(mailbox.arrived(now, Some(alice), |_, _| 0).len(), 1);
        mailbox.note_dropped(delivery, true);
        assert_eq!(mailbox.count(alice), 0);
        assert_eq!(mailbox.arrived(now, Some(alice), |_, _| 0), []);
        assert_eq!(mailbox.next_due(), Timestamp::NEVER);
    }

    #[test]
    fn line_that_did_not_arrive_waits_on() {
        let (mut mailbox, delivery) = sent();
        let now = Timestamp::default().after(ARRIVAL_INTERVAL);
        mailbox.note_undelivered(delivery, 2);
        let arrived = mailbox.arrived(now, Some(account(1)), |_, _| 0);
        assert_eq!(arrived[0].lines[0].0, LineId(1));
        assert_eq!(arrived[0].lines.len(), 1);
        mailbox.note_dropped(delivery, true);
        assert_eq!(mailbox.count(account(1)), 2);
        mailbox.check_invariants();
    }

    #[test]
    fn line_that_is_forgotten_while_it_is_dropped_counts_once() {
        let (mut mailbox, delivery) = sent();
        let now = Timestamp::default().after(ARRIVAL_INTERVAL);
        assert_eq!(
            mailbox.arrived(now, Some(account(1)), |_, _| 1)[0]
                .lines
                .len(),
            2
        );
        let gone = |_, id| id == LineId(2);
        mailbox.note_forgotten(account(2), &[(account(1), 1)], gone);
        assert_eq!(mailbox.count(account(1)), 2);
        mailbox.note_dropped(delivery, true);
        assert_eq!(mailbox.count(account(1)), 1);
        mailbox.check_invariants();
    }

    #[test]
    fn line_that_was_sent_at_once_and_is_not_kept_does_not_arrive() {
        let mut mailbox = mailbox();
        let (alice, bob) = (account(1), Some(account(2)));
        mailbox.add(alice, bob);
        let delivery = mailbox.new_delivery();
        let lines = VecDeque::from([(LineId(7), PlaceId::pair(alice, account(2)), bob)]);
        mailbox.note_sent(Timestamp::default(), delivery, CLIENT, alice, lines, false);
        mailbox.decide(alice, bob, LineId(7), false);
        assert_eq!(mailbox.count(alice), 0);
        let now = Timestamp::default().after(ARRIVAL_INTERVAL);
        assert_eq!(mailbox.arrived(now, Some(alice), |_, _| 0), []);
        mailbox.check_invariants();
    }

    #[test]
    fn line_sent_twice_is_dropped_once() {
        let (mut mailbox, first) = sent();
        let alice = account(1);
        let place = PlaceId::pair(alice, account(2));
        let now = Timestamp::default().after(ARRIVAL_INTERVAL);
        let second = mailbox.new_delivery();
        let lines = VecDeque::from([(LineId(2), place, Some(account(2)))]);
        mailbox.note_sent(now, second, CLIENT, alice, lines, false);
        assert_eq!(mailbox.arrived(now, Some(alice), |_, _| 0).len(), 2);
        mailbox.note_dropped(first, true);
        mailbox.note_dropped(second, true);
        assert_eq!(mailbox.count(alice), 0);
        mailbox.check_invariants();
    }

    #[test]
    fn count_is_set_right_by_an_answer_unless_lines_are_under_way() {
        let mut mailbox = mailbox();
        let (alice, bob) = (account(1), account(2));
        mailbox.restore(alice, Some(bob), 5);
        mailbox.add(alice, Some(bob));
        mailbox.note_answered(alice, Some([Some(bob)].into_iter()));
        assert_eq!(mailbox.count(alice), 6);
        mailbox.decide(alice, Some(bob), LineId(9), true);
        mailbox.note_answered(alice, Some([Some(bob), None].into_iter()));
        assert_eq!(
            (mailbox.count(alice), mailbox.count_of(alice, Some(bob))),
            (2, 1)
        );
        mailbox.check_invariants();
    }
}
