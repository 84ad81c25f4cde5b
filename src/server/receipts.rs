//! Receipts of private messages, kept until the recipient's machine has acknowledged their bytes: so that a
//! sender who was answered with `ok` can be told if that never happens.
//!
//! A message costs one entry at the end of one list, whoever it is for. Once a second ([`LOOK_INTERVAL`]) the
//! list is gone through, a slice a turn: each recipient's socket is asked once, and what it has acknowledged is
//! dropped. What is left is kept by recipient. Without a receipt there is no look, and no memory.
//!
//! A message to a user with several connections leaves a receipt for each, and is lost when all of these are:
//! see [`Copies`].

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use ahash::RandomState;

use crate::chat::ids::{ClientId, UserId};
use crate::chat::time::Timestamp;

use super::copies::{Copies, MessageId};
use super::position::Position;

/// How often a socket is asked what was acknowledged. Only memory waits for that.
pub const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// Likewise while the server exits: senders wait for it.
const LOOK_INTERVAL_SHUTDOWN: Duration = Duration::from_millis(20);

/// Receipts gone through in one turn: a tenth of a millisecond's work, so that a look holds up no message. Or
/// [twice as many as were added](Receipts::look) in the turn: one turn of many clients adds more than this.
const LOOK_STEP: usize = 4096;

/// With more receipts in the list the next look begins at once. Half a million messages a second are more than
/// one thread has delivered.
const FRESH_MAX: usize = 1 << 19;

/// While the total limit is reached, all recipients are asked this often at most; those of new receipts each
/// time. Ten thousand take some milliseconds, and the limit may be reached at every message.
const LOOK_INTERVAL_PRESSED: Duration = Duration::from_millis(50);

/// Receipts that are searched for those of one client that ends, rather than sorted by client.
const SEARCH_MAX: usize = 4096;

/// A receipt counts for this much memory, wherever it is kept.
const RECEIPT_BYTES: usize = size_of::<Fresh>();

/// Room for receipts that an empty list keeps.
const FRESH_KEPT: usize = 1024;

/// Likewise for recipients.
const KEPT_KEPT: usize = 64;

/// The sender of a private message, and where it ends in the stream to its recipient.
#[derive(Clone, Copy, Debug)]
struct Receipt {
    from: UserId,
    end: Position,
}

/// A receipt in the list of all.
#[derive(Clone, Copy, Debug)]
struct Fresh {
    to: ClientId,
    receipt: Receipt,
}

/// The receipts of one recipient, in the order of their ends.
#[derive(Debug, Default)]
struct Kept {
    receipts: VecDeque<Receipt>,
    /// The recipient is about to be closed: they are not counted any more.
    released: bool,
}

/// A look in progress.
#[derive(Debug, Default)]
struct Look {
    /// Its number, which tells the answers of this look from older ones.
    number: u32,
    /// Receipts of the list that it still has to go through.
    fresh_left: usize,
    /// Recipients with kept receipts that it still has to ask.
    kept_left: usize,
}

impl Look {
    fn is_over(&self) -> bool {
        self.fresh_left == 0 && self.kept_left == 0
    }
}

/// A recipient's answer in a look: how much it had acknowledged.
#[derive(Clone, Copy, Debug, Default)]
struct Answer {
    look: u32,
    generation: u32,
    acknowledged: Position,
}

/// All receipts.
#[derive(Debug)]
pub struct Receipts {
    /// Those added since the last look, in their order.
    fresh: VecDeque<Fresh>,
    /// Those that a look has left.
    kept: HashMap<ClientId, Kept, RandomState>,
    /// The recipients of `kept`, in the order in which they are asked.
    kept_order: VecDeque<ClientId>,
    kept_count: usize,
    /// Which of them are of one message.
    copies: Copies,
    look: Look,
    /// Receipts that were in the list at the end of the last turn.
    fresh_before: usize,
    /// The last answer of each slot.
    answers: Vec<Answer>,
    /// When the next look is due; never, if there are no receipts.
    look_due_at: Timestamp,
    /// Before this, not all recipients are asked again because of the total limit.
    pressed_until: Timestamp,
    shutting_down: bool,
}

impl Receipts {
    /// None yet. The seed keeps recipients from colliding by choice.
    pub fn new(hasher: RandomState) -> Self {
        Self {
            fresh: VecDeque::new(),
            kept: HashMap::with_hasher(hasher.clone()),
            kept_order: VecDeque::new(),
            kept_count: 0,
            copies: Copies::new(hasher),
            look: Look::default(),
            fresh_before: 0,
            answers: Vec::new(),
            look_due_at: Timestamp::NEVER,
            pressed_until: Timestamp::default(),
            shutting_down: false,
        }
    }

    /// Adds the receipt of a message from `from` that ends at `end` in the stream to `to`.
    #[inline]
    pub fn push(&mut self, now: Timestamp, to: ClientId, from: UserId, end: Position) {
        if self.look_due_at == Timestamp::NEVER {
            self.look_due_at = now.after(self.interval());
        }
        let receipt = Receipt { from, end };
        self.fresh.push_back(Fresh { to, receipt });
    }

    /// A number for a message to several connections of one user.
    pub fn next_message(&mut self) -> MessageId {
        self.copies.next_message()
    }

    /// Adds the receipt of a copy of `message`: see [`push`](Self::push).
    pub fn push_copy(
        &mut self,
        now: Timestamp,
        to: ClientId,
        from: UserId,
        end: Position,
        message: MessageId,
    ) {
        self.push(now, to, from, end);
        self.copies.add(to, end, message);
    }

    /// Takes back the receipt that was added last for `to`, as its sender is told by other means.
    pub fn take_back(&mut self, to: ClientId, end: Position) {
        self.copies.settle(to, end, false);
        let is_it = |receipt: &Receipt| receipt.end == end;
        let last = self.fresh.back();
        if last.is_some_and(|last| last.to == to && is_it(&last.receipt)) {
            self.fresh.pop_back();
            self.look.fresh_left = self.look.fresh_left.min(self.fresh.len());
        } else if let Some(kept) = self.kept.get_mut(&to)
            && kept.receipts.back().is_some_and(is_it)
        {
            kept.receipts.pop_back();
            self.kept_count -= usize::from(!kept.released);
        } else {
            debug_assert!(false, "it was added just now");
        }
    }

    /// Memory of all receipts but those of clients that are about to be closed.
    pub fn footprint_bytes(&self) -> usize {
        (self.fresh.len() + self.kept_count) * RECEIPT_BYTES
    }

    /// Memory of the receipts kept for one recipient; none, once [released](Self::release).
    pub fn footprint_bytes_of(&self, to: ClientId) -> usize {
        let kept = self.kept.get(&to).filter(|kept| !kept.released);
        kept.map_or(0, |kept| kept.receipts.len() * RECEIPT_BYTES)
    }

    /// No longer counts the receipts of a recipient that is about to be closed.
    pub fn release(&mut self, to: ClientId) {
        if let Some(kept) = self.kept.get_mut(&to)
            && !std::mem::replace(&mut kept.released, true)
        {
            self.kept_count -= kept.receipts.len();
        }
    }

    /// When to look next; never, if there are no receipts.
    pub fn look_due_at(&self) -> Timestamp {
        self.look_due_at
    }

    /// Whether a look goes on in the next turn.
    pub fn is_looking(&self) -> bool {
        !self.look.is_over()
    }

    /// How many receipts there are.
    pub fn count(&self) -> usize {
        self.fresh.len() + self.kept_count
    }

    /// Looks more often from now on.
    pub fn begin_shutdown(&mut self, now: Timestamp) {
        self.shutting_down = true;
        self.look_due_at = self.look_due_at.min(now.after(self.interval()));
    }

    /// Does a turn's share of looking, if it is time; called at the end of each turn. `acknowledged` asks a
    /// recipient's socket how much has arrived; `None` if the recipient is gone.
    pub fn look(&mut self, now: Timestamp, acknowledged: impl FnMut(ClientId) -> Option<Position>) {
        let added = self.fresh.len().saturating_sub(self.fresh_before);
        let is_due = self.look_due_at <= now || self.fresh.len() >= FRESH_MAX;
        let begins = self.look.is_over() && is_due;
        if begins {
            self.begin_look();
        }
        // One that finds nothing to go through ends, too.
        if begins || !self.look.is_over() {
            // Faster than the list grows, or a look would never catch up with it.
            self.step(LOOK_STEP.max(2 * added), acknowledged);
            if self.look.is_over() {
                self.end_look(now);
            }
        }
        self.fresh_before = self.fresh.len();
    }

    /// Looks at all receipts right now.
    pub fn look_at_all(
        &mut self,
        now: Timestamp,
        acknowledged: impl FnMut(ClientId) -> Option<Position>,
    ) {
        self.begin_look();
        self.step(usize::MAX, acknowledged);
        self.end_look(now);
    }

    /// Looks right now, as the total limit is reached: at all receipts, or, soon after that was done, at those
    /// added since. Either way the list is empty then.
    pub fn look_pressed(
        &mut self,
        now: Timestamp,
        mut acknowledged: impl FnMut(ClientId) -> Option<Position>,
    ) {
        if self.pressed_until <= now {
            self.pressed_until = now.after(LOOK_INTERVAL_PRESSED);
            self.look_at_all(now, acknowledged);
            return;
        }
        // The answers are new ones; recipients that a look in progress has not asked yet wait for it.
        self.look.number = self.look.number.wrapping_add(1);
        self.look.fresh_left = self.fresh.len();
        self.step_fresh(usize::MAX, &mut acknowledged);
    }

    /// Takes out the receipts of a recipient that ends, after `acknowledged`. Returns the senders of what is lost
    /// with it, each with the number of its messages.
    pub fn take(&mut self, to: ClientId, acknowledged: Position) -> Vec<(UserId, u64)> {
        if self.fresh.len() > SEARCH_MAX {
            self.sort_fresh();
        }
        let kept = self.kept.remove(&to).unwrap_or_default();
        if !kept.released {
            self.kept_count -= kept.receipts.len();
        }
        // Those in the list stay there: a look drops what is for a client that is gone.
        let fresh = self.fresh.iter().filter(|fresh| fresh.to == to);
        let receipts = kept.receipts.iter().copied();
        let receipts = receipts.chain(fresh.map(|fresh| fresh.receipt));
        let copies = &mut self.copies;
        let lost = receipts.filter(|receipt| {
            let arrived = !receipt.end.is_past(acknowledged);
            copies.settle(to, receipt.end, arrived)
        });
        let mut senders: Vec<UserId> = lost.map(|receipt| receipt.from).collect();
        senders.sort_unstable();
        let runs = senders.chunk_by(|a, b| a == b);
        runs.filter_map(|run| Some((*run.first()?, run.len() as u64)))
            .collect()
    }

    /// How many messages from one user to one client have not arrived, if all up to `acknowledged` has.
    pub fn count_between(&self, to: ClientId, from: UserId, acknowledged: Position) -> usize {
        let kept = self.kept.get(&to).into_iter();
        let kept = kept.flat_map(|kept| &kept.receipts);
        let fresh = self.fresh.iter().filter(|fresh| fresh.to == to);
        let receipts = kept.chain(fresh.map(|fresh| &fresh.receipt));
        let is_open = |one: &&Receipt| one.from == from && one.end.is_past(acknowledged);
        receipts.filter(is_open).count()
    }

    /// Each recipient and sender of a receipt, as a [look at all](Self::look_at_all) has left them, but for those of
    /// which another copy has arrived.
    pub fn iter(&self) -> impl Iterator<Item = (ClientId, UserId)> {
        let kept = self.kept.iter();
        let kept = kept.flat_map(|(to, kept)| kept.receipts.iter().map(|one| (*to, one)));
        let fresh = self.fresh.iter().map(|fresh| (fresh.to, &fresh.receipt));
        let waiting = |(to, one): &(ClientId, &Receipt)| {
            self.copies.is_empty() || !self.copies.has_arrived(*to, one.end)
        };
        kept.chain(fresh)
            .filter(waiting)
            .map(|(to, one)| (to, one.from))
    }

    /// Panics if the numbers do not add up.
    pub fn check_invariants(&self) {
        let kept = self.kept.values().filter(|kept| !kept.released);
        let count: usize = kept.map(|kept| kept.receipts.len()).sum();
        assert_eq!(count, self.kept_count);
        let mut order: Vec<ClientId> = self.kept_order.iter().copied().collect();
        order.sort_unstable();
        let is_asked = |to: &ClientId| order.binary_search(to).is_ok();
        assert!(self.kept.keys().all(is_asked), "each is asked");
        self.copies.check_invariants();
        let is_empty = self.fresh.is_empty() && self.kept.is_empty();
        assert!(self.copies.is_empty() || !is_empty, "a copy has a receipt");
        let is_due = self.look_due_at != Timestamp::NEVER || self.is_looking();
        assert!(is_due || (self.fresh.is_empty() && self.kept.is_empty()));
    }

    fn interval(&self) -> Duration {
        if self.shutting_down {
            LOOK_INTERVAL_SHUTDOWN
        } else {
            LOOK_INTERVAL
        }
    }

    fn begin_look(&mut self) {
        self.look = Look {
            number: self.look.number.wrapping_add(1),
            fresh_left: self.fresh.len(),
            kept_left: self.kept_order.len(),
        };
        // A list that was long once must not stay so.
        let enough = (2 * self.fresh.len()).max(FRESH_KEPT);
        if self.fresh.capacity() > 2 * enough {
            self.fresh.shrink_to(enough);
        }
    }

    fn end_look(&mut self, now: Timestamp) {
        let is_empty = self.fresh.is_empty() && self.kept.is_empty();
        self.look_due_at = if is_empty {
            // No look follows that could give the memory of a burst back.
            self.fresh.shrink_to(FRESH_KEPT);
            self.kept.shrink_to(KEPT_KEPT);
            self.kept_order.clear();
            self.kept_order.shrink_to(KEPT_KEPT);
            self.copies.shrink();
            Timestamp::NEVER
        } else {
            now.after(self.interval())
        };
    }

    /// Goes on with a look, for so many receipts and recipients.
    fn step(
        &mut self,
        mut budget: usize,
        mut acknowledged: impl FnMut(ClientId) -> Option<Position>,
    ) {
        while self.look.kept_left > 0 && budget > 0 {
            self.look.kept_left -= 1;
            budget -= 1;
            if let Some(to) = self.kept_order.pop_front() {
                self.look_at_kept(to, &mut acknowledged);
            }
        }
        self.step_fresh(budget, &mut acknowledged);
    }

    /// Goes on with a look at the list, for so many receipts.
    fn step_fresh(
        &mut self,
        mut budget: usize,
        acknowledged: &mut impl FnMut(ClientId) -> Option<Position>,
    ) {
        while self.look.fresh_left > 0 && budget > 0 {
            self.look.fresh_left -= 1;
            budget -= 1;
            if let Some(fresh) = self.fresh.pop_front()
                && let Some(acknowledged) = self.ask_once(fresh.to, acknowledged)
            {
                if fresh.receipt.end.is_past(acknowledged) {
                    self.keep(fresh);
                } else if !self.copies.is_empty() {
                    self.copies.settle(fresh.to, fresh.receipt.end, true);
                }
            }
        }
    }

    /// Drops what was acknowledged of a recipient's receipts.
    fn look_at_kept(
        &mut self,
        to: ClientId,
        acknowledged: &mut impl FnMut(ClientId) -> Option<Position>,
    ) {
        let answer = self.ask_once(to, acknowledged);
        let Some(kept) = self.kept.get_mut(&to) else {
            return; // its recipient has ended since
        };
        let before = kept.receipts.len();
        match answer {
            Some(acknowledged) => {
                let is_open = |receipt: &Receipt| receipt.end.is_past(acknowledged);
                while let Some(first) = kept.receipts.front().filter(|first| !is_open(first)) {
                    if !self.copies.is_empty() {
                        self.copies.settle(to, first.end, true);
                    }
                    kept.receipts.pop_front();
                }
            }
            None => kept.receipts.clear(), // sorted after its recipient had ended
        }
        if !kept.released {
            self.kept_count -= before - kept.receipts.len();
        }
        if kept.receipts.is_empty() {
            self.kept.remove(&to);
            return;
        }
        let enough = 2 * kept.receipts.len();
        if kept.receipts.capacity() > 2 * enough {
            kept.receipts.shrink_to(enough);
        }
        self.kept_order.push_back(to);
    }

    /// The end of what a recipient has acknowledged, asked once in a look.
    fn ask_once(
        &mut self,
        to: ClientId,
        acknowledged: &mut impl FnMut(ClientId) -> Option<Position>,
    ) -> Option<Position> {
        let number = self.look.number;
        if self.answers.len() <= to.index() {
            self.answers.resize(to.index() + 1, Answer::default());
        }
        let known = self.answers.get_mut(to.index())?;
        if (known.look, known.generation) != (number, to.generation) {
            *known = Answer {
                look: number,
                generation: to.generation,
                acknowledged: acknowledged(to)?,
            };
        }
        Some(known.acknowledged)
    }

    fn keep(&mut self, fresh: Fresh) {
        let kept = self.kept.entry(fresh.to).or_insert_with(|| {
            self.kept_order.push_back(fresh.to);
            Kept::default()
        });
        kept.receipts.push_back(fresh.receipt);
        self.kept_count += usize::from(!kept.released);
    }

    /// Keeps all receipts of the list by recipient, asked or not.
    fn sort_fresh(&mut self) {
        while let Some(fresh) = self.fresh.pop_front() {
            self.keep(fresh);
        }
        self.look.fresh_left = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::num::NonZeroU32;

    fn client(slot: u32) -> ClientId {
        ClientId {
            slot,
            generation: 0,
        }
    }

    fn user(slot: u32) -> UserId {
        let generation = NonZeroU32::MIN;
        UserId { slot, generation }
    }

    fn at(bytes: usize) -> Position {
        Position::default().after(bytes)
    }

    fn receipts() -> Receipts {
        Receipts::new(RandomState::with_seeds(1, 2, 3, 4))
    }

    #[test]
    fn lost_messages_are_counted_by_sender() {
        let (mut receipts, now) = (receipts(), Timestamp::default());
        for (number, from) in [1, 2, 2, 3, 2].into_iter().enumerate() {
            receipts.push(now, client(7), user(from), at(10 * (number + 1)));
            receipts.push(now, client(8), user(9), at(10));
        }
        // The first was acknowledged, and half of the second.
        receipts.look_at_all(now, |to| Some(at(if to == client(7) { 15 } else { 0 })));
        receipts.push(now, client(7), user(1), at(60));
        receipts.check_invariants();
        let lost = receipts.take(client(7), at(25));
        assert_eq!(lost, [(user(1), 1), (user(2), 2), (user(3), 1)]);
        receipts.check_invariants();
        assert_eq!(receipts.take(client(7), at(25)).len(), 1, "the list's own");
    }

    #[test]
    fn look_asks_each_recipient_once_and_ends_when_all_arrived() {
        let mut receipts = receipts();
        let second = Timestamp::default().after(LOOK_INTERVAL);
        assert_eq!(receipts.look_due_at(), Timestamp::NEVER);
        for number in 0..3 * LOOK_STEP {
            let to = client(u32::try_from(number % 100).unwrap());
            receipts.push(Timestamp::default(), to, user(1), at(number));
        }
        assert_eq!(receipts.look_due_at(), second);
        receipts.look(Timestamp::default(), |_| unreachable!("it is not time"));
        let (mut asked, mut turns) = (Vec::new(), 0);
        let late = client(3);
        loop {
            turns += 1;
            receipts.look(second, |to| {
                asked.push(to);
                Some(if to == late {
                    at(0)
                } else {
                    at(usize::MAX >> 40)
                })
            });
            receipts.check_invariants();
            if !receipts.is_looking() {
                break;
            }
        }
        assert_eq!((asked.len(), turns), (100, 3), "a slice a turn");
        assert_eq!(receipts.footprint_bytes_of(client(4)), 0);
        assert!(receipts.footprint_bytes_of(late) > 0);
        assert_eq!(receipts.look_due_at(), second.after(LOOK_INTERVAL));
        receipts.look(second.after(LOOK_INTERVAL), |to| {
            assert_eq!(to, late);
            Some(at(usize::MAX >> 40))
        });
        assert_eq!(receipts.look_due_at(), Timestamp::NEVER);
        assert_eq!((receipts.count(), receipts.footprint_bytes()), (0, 0));
    }

    #[test]
    fn list_stays_short_when_each_turn_adds_more_than_a_look_goes_through() {
        let (mut receipts, now) = (receipts(), Timestamp::default());
        let added = 10 * LOOK_STEP;
        for turn in 0..100 {
            for _ in 0..added {
                receipts.push(now, client(1), user(1), at(1));
            }
            receipts.look(now, |_| Some(at(1)));
            let count = receipts.count();
            assert!(count < 2 * FRESH_MAX, "{count} after {turn} turns");
        }
    }

    /// Each message can reach the limit again: what it costs must not be all recipients each time.
    #[test]
    fn total_limit_at_every_message_asks_slow_recipients_rarely() {
        let (mut receipts, mut now) = (receipts(), Timestamp::default());
        let (slow, quick) = (1000, client(5000));
        for slot in 0..slow {
            receipts.push(now, client(slot), user(1), at(1));
        }
        let mut asked = 0;
        for _ in 0..100 {
            receipts.push(now, quick, user(1), at(1));
            receipts.look_pressed(now, |to| {
                asked += 1;
                Some(at(usize::from(to == quick)))
            });
            assert_eq!(receipts.count(), slow as usize, "what arrived is dropped");
            receipts.check_invariants();
        }
        assert!(asked < 2 * slow, "{asked}");
        now = now.after(LOOK_INTERVAL_PRESSED);
        receipts.look_pressed(now, |_| Some(at(1)));
        assert_eq!(
            (receipts.count(), receipts.look_due_at()),
            (0, Timestamp::NEVER)
        );
    }

    #[test]
    fn look_that_finds_an_empty_list_is_over() {
        let (mut receipts, now) = (receipts(), Timestamp::default());
        for _ in 0..2 {
            receipts.push(now, client(1), user(1), at(1));
            receipts.look_pressed(now, |_| Some(at(1)));
            assert_eq!(receipts.count(), 0);
        }
        let due = now.after(LOOK_INTERVAL);
        receipts.look(due, |_| unreachable!("none is left"));
        assert_eq!(receipts.look_due_at(), Timestamp::NEVER);
    }

    #[test]
    fn slot_handed_on_during_a_look_is_asked_anew() {
        let (mut receipts, now) = (receipts(), Timestamp::default());
        let successor = ClientId {
            slot: 1,
            generation: 1,
        };
        for _ in 0..=LOOK_STEP {
            receipts.push(now, client(1), user(2), at(1));
        }
        receipts.look(now, |_| unreachable!("it is not time"));
        let due = now.after(LOOK_INTERVAL);
        receipts.look(due, |_| Some(at(1)));
        assert!(receipts.is_looking());
        assert_eq!(receipts.take(client(1), at(0)).len(), 1);
        receipts.push(due, successor, user(2), at(9));
        let answer = |to| (to == successor).then(|| at(0));
        receipts.look(due, answer);
        receipts.look_at_all(due, answer);
        assert_eq!(receipts.count(), 1, "the old client's are dropped");
        assert_eq!(receipts.take(successor, at(0)), [(user(2), 1)]);
        receipts.check_invariants();
    }

    #[test]
    fn receipt_can_be_taken_back_and_a_closed_client_is_not_counted() {
        let (mut receipts, now) = (receipts(), Timestamp::default());
        receipts.push(now, client(1), user(1), at(5));
        receipts.look_at_all(now, |_| Some(at(0)));
        receipts.push(now, client(1), user(2), at(9));
        receipts.take_back(client(1), at(9)); // from the list
        receipts.push(now, client(1), user(3), at(9));
        receipts.look_at_all(now, |_| Some(at(0)));
        receipts.take_back(client(1), at(9)); // from those that are kept
        assert_eq!(receipts.count(), 1);
        receipts.release(client(1));
        assert_eq!(receipts.footprint_bytes(), 0);
        receipts.check_invariants();
        assert_eq!(receipts.take(client(1), at(4)), [(user(1), 1)]);
        receipts.check_invariants();
    }

    #[test]
    fn many_receipts_are_sorted_once_for_many_ends() {
        let (mut receipts, now) = (receipts(), Timestamp::default());
        for number in 0..4 * SEARCH_MAX {
            let to = client(u32::try_from(number % 64).unwrap());
            receipts.push(now, to, user(1), at(1));
        }
        for slot in 0..64 {
            let lost = receipts.take(client(slot), at(0));
            assert_eq!(lost, [(user(1), 4 * SEARCH_MAX as u64 / 64)]);
            assert!(receipts.fresh.is_empty(), "sorted by the first");
            receipts.check_invariants();
        }
        assert_eq!(receipts.count(), 0);
    }

    #[test]
    fn memory_of_a_burst_is_given_back() {
        let (mut receipts, mut now) = (receipts(), Timestamp::default());
        // Of the first burst all is late, of the second nothing.
        for _ in 0..2 {
            for number in 0..100_000 {
                receipts.push(now, client(number % 5000), user(1), at(1));
            }
            if receipts.kept.is_empty() {
                receipts.look_at_all(now, |_| Some(at(0)));
            }
        }
        while receipts.look_due_at() != Timestamp::NEVER {
            now = now.after(LOOK_INTERVAL);
            receipts.look(now, |_| Some(at(1)));
        }
        // Nothing is left to look at, and so nothing will be.
        assert!(receipts.fresh.capacity() <= 2 * FRESH_KEPT);
        assert!(receipts.kept.capacity() <= 2 * KEPT_KEPT);
        assert!(receipts.kept_order.capacity() <= 2 * KEPT_KEPT);
    }
}
