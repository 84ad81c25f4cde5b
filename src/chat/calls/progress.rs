//! How far private messages have got, between accounts that both give receipts.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::time::Duration;

use ahash::RandomState;

use crate::chat::ids::{AccountId, ClientId, LineId, UserId};
use crate::chat::time::Timestamp;

/// How often it is asked which messages have arrived, while some are under way.
pub const RECEIPT_INTERVAL: Duration = Duration::from_millis(250);

/// Connections with messages of one sender under way. Of messages past that there is no receipt that they arrived.
const UNDER_WAY_MAX: usize = 4096;

/// Messages of one sender to one connection that are under way. Of more, the oldest are told of by the next.
const LINES_MAX: usize = 64;

/// How many of these are asked about at once: each is a look at the server's own receipts.
const ASKED_MAX: usize = 64;

/// Pairs of a reader and an author whose progress is remembered. Past that it is forgotten: better a receipt told
/// twice than memory without end.
const PAIRS_MAX: usize = 10_000;

/// The messages of one user, or what waited of several, to one connection that are under way. In order, as the last
/// of them arrive last.
#[derive(Debug)]
struct UnderWay {
    /// `None` for one of which no receipt is given, and which only keeps its place.
    lines: VecDeque<(Option<Pair>, LineId)>,
    /// Each has its own time, so that nobody can tell from theirs what others get.
    due: Timestamp,
}

/// A connection, and the user that it was sent messages of.
type Key = (ClientId, UserId);

/// Whose messages, and who reads them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Pair {
    pub reader: AccountId,
    pub author: AccountId,
}

/// How far the messages of a pair have got. Only grows.
#[derive(Clone, Copy, Debug)]
struct Marks {
    delivered: LineId,
    read: LineId,
}

/// How far all messages have got.
#[derive(Debug)]
pub struct Progress {
    under_way: HashMap<Key, UnderWay, RandomState>,
    /// The keys of `under_way`, by when they are asked about.
    order: BTreeSet<(Timestamp, Key)>,
    marks: HashMap<Pair, Marks, RandomState>,
}

impl Progress {
    pub fn new(hasher: &RandomState) -> Self {
        Self {
            under_way: HashMap::with_hasher(hasher.clone()),
            order: BTreeSet::new(),
            marks: HashMap::with_hasher(hasher.clone()),
        }
    }

    /// A message was sent to a connection, as from this user. `None` for one of which no receipt is given.
    pub fn note_sent(&mut self, now: Timestamp, key: Key, pair: Option<Pair>, line: LineId) {
        if !self.under_way.contains_key(&key) {
            // What stands before all of which receipts are given need not keep its place.
            if self.under_way.len() >= UNDER_WAY_MAX || pair.is_none() {
                return;
            }
            let due = now.after(RECEIPT_INTERVAL);
            self.order.insert((due, key));
            let lines = VecDeque::new();
            self.under_way.insert(key, UnderWay { lines, due });
        }
        if let Some(under_way) = self.under_way.get_mut(&key) {
            if under_way.lines.len() >= LINES_MAX {
                under_way.lines.pop_front();
            }
            under_way.lines.push_back((pair, line));
        }
    }

    /// Asks about some of what is under way. Returns what has arrived that was not known to have, up to which line.
    pub fn ask(
        &mut self,
        now: Timestamp,
        unarrived: impl Fn(ClientId, UserId) -> usize,
    ) -> Vec<(Pair, LineId)> {
        let mut arrived = Vec::new();
        for _ in 0..ASKED_MAX {
            let Some((due, key)) = self.order.first().copied().filter(|(due, _)| *due <= now)
            else {
                break;
            };
            self.order.remove(&(due, key));
            self.ask_about(key, &unarrived, &mut arrived);
            if let Some(one) = self.under_way.get_mut(&key) {
                one.due = now.after(RECEIPT_INTERVAL);
                self.order.insert((one.due, key));
            }
        }
        arrived
    }

    /// Asks about what is under way to one reader from one author. Returns what has arrived of others by the way;
    /// of the author's own nothing is told yet.
    pub fn ask_pair(
        &mut self,
        pair: Pair,
        unarrived: impl Fn(ClientId, UserId) -> usize,
    ) -> Vec<(Pair, LineId)> {
        let is_of = |one: &UnderWay| one.lines.iter().any(|(own, _)| *own == Some(pair));
        let own = self.under_way.iter().filter(|(_, one)| is_of(one));
        let keys: Vec<Key> = own.map(|(key, _)| *key).collect();
        let mut arrived = Vec::new();
        for key in keys {
            let due = self.under_way.get(&key).map(|one| one.due);
            self.ask_about(key, &unarrived, &mut arrived);
            if let Some(due) = due.filter(|_| !self.under_way.contains_key(&key)) {
                self.order.remove(&(due, key));
            }
        }
        arrived.retain(|(other, _)| *other != pair);
        arrived
    }

    /// Notes what has arrived, and adds what was not known to have.
    fn ask_about(
        &mut self,
        key: Key,
        unarrived: &impl Fn(ClientId, UserId) -> usize,
        news: &mut Vec<(Pair, LineId)>,
    ) {
        let Some(one) = self.under_way.get_mut(&key) else {
            return;
        };
        let left = unarrived(key.0, key.1).min(one.lines.len());
        let arrived: Vec<_> = one.lines.drain(..one.lines.len() - left).collect();
        // What is left of nobody's receipts keeps no place.
        if one.lines.iter().all(|(pair, _)| pair.is_none()) {
            self.under_way.remove(&key);
        }
        for (pair, line) in arrived {
            let Some(pair) = pair else {
                continue;
            };
            let marks = self.marks_of(pair);
            if marks.delivered < line {
                marks.delivered = line;
                news.push((pair, line));
            }
        }
    }

    /// A reader has read all that has arrived, but nothing past `limit`. Returns up to which line, if that was not
    /// known.
    pub fn read_arrived(&mut self, pair: Pair, limit: Option<LineId>) -> Option<LineId> {
        let marks = self.marks.get_mut(&pair)?;
        let up_to = limit.map_or(marks.delivered, |limit| limit.min(marks.delivered));
        let is_news = marks.read < up_to;
        marks.read = marks.read.max(up_to);
        is_news.then_some(up_to)
    }

    /// A reader was shown this line of the author's, the last there is.
    pub fn note_shown(&mut self, pair: Pair, line: LineId) {
        let marks = self.marks_of(pair);
        marks.delivered = marks.delivered.max(line);
    }

    fn marks_of(&mut self, pair: Pair) -> &mut Marks {
        if self.marks.len() >= PAIRS_MAX && !self.marks.contains_key(&pair) {
            self.marks.clear();
        }
        self.marks.entry(pair).or_insert(Marks {
            delivered: LineId(0),
            read: LineId(0),
        })
    }

    /// A connection has ended: what did not arrive there comes again, or is lost.
    pub fn forget_client(&mut self, client: ClientId) {
        if self.order.is_empty() {
            return;
        }
        self.under_way.retain(|(to, _), _| *to != client);
        self.order.retain(|(_, (to, _))| *to != client);
    }

    /// An account is gone.
    pub fn drop_account(&mut self, account: AccountId) {
        let is_of = |pair: &Pair| pair.reader == account || pair.author == account;
        self.under_way.retain(|_, one| {
            for (pair, _) in &mut one.lines {
                pair.take_if(|pair| is_of(pair));
            }
            one.lines.iter().any(|(pair, _)| pair.is_some())
        });
        self.marks.retain(|pair, _| !is_of(pair));
        let under_way = &self.under_way;
        self.order.retain(|(_, key)| under_way.contains_key(key));
    }

    /// When it is to be asked again.
    pub fn next_due(&self) -> Timestamp {
        self.order.first().map_or(Timestamp::NEVER, |(due, _)| *due)
    }

    /// Panics if what is remembered disagrees.
    pub fn check_invariants(&self) {
        assert_eq!(self.order.len(), self.under_way.len());
        for (key, one) in &self.under_way {
            assert!(self.order.contains(&(one.due, *key)));
            assert!(one.lines.iter().any(|(pair, _)| pair.is_some()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::num::NonZeroU32;

    const CLIENT: ClientId = ClientId {
        slot: 1,
        generation: 0,
    };

    fn pair(reader: u32, author: u32) -> Pair {
        Pair {
            reader: AccountId::new(reader).unwrap(),
            author: AccountId::new(author).unwrap(),
        }
    }

    fn user(slot: u32) -> UserId {
        let generation = NonZeroU32::MIN;
        UserId { slot, generation }
    }

    #[test]
    fn progress_grows_a_step_at_a_time_and_never_shrinks() {
        let mut progress = Progress::new(&RandomState::with_seeds(1, 2, 3, 4));
        let (start, bob) = (Timestamp::default(), pair(2, 1));
        for line in 1..=3 {
            progress.note_sent(start, (CLIENT, user(1)), Some(bob), LineId(line));
        }
        progress.check_invariants();
        assert_eq!(progress.ask(start, |_, _| 0), [], "it is not time to");
        let now = start.after(RECEIPT_INTERVAL);
        assert_eq!(progress.ask(now, |_, _| 3), []);
        let now = now.after(RECEIPT_INTERVAL);
        assert_eq!(progress.read_arrived(bob, None), None);
        let arrived = progress.ask(now, |_, _| 1);
        assert_eq!(arrived.last(), Some(&(bob, LineId(2))));
        let now = now.after(RECEIPT_INTERVAL);
        assert_eq!(progress.ask(now, |_, _| 1), []);
        assert_eq!(progress.read_arrived(bob, Some(LineId(1))), Some(LineId(1)));
        assert_eq!(progress.read_arrived(bob, None), Some(LineId(2)));
        assert_eq!(progress.read_arrived(bob, Some(LineId(1))), None);
        progress.forget_client(CLIENT);
        progress.check_invariants();
        assert_eq!(progress.ask(now, |_, _| 0), []);
        assert_eq!(progress.next_due(), Timestamp::NEVER);
    }

    #[test]
    fn line_that_waited_is_its_own_authors_among_those_of_others() {
        let mut progress = Progress::new(&RandomState::with_seeds(1, 2, 3, 4));
        let (start, one, other) = (Timestamp::default(), pair(9, 1), pair(9, 2));
        let key = (CLIENT, user(1));
        for (pair, line) in [
            (None, 1),
            (Some(one), 2),
            (None, 3),
            (Some(other), 4),
            (None, 5),
        ] {
            progress.note_sent(start, key, pair, LineId(line));
        }
        let now = start.after(RECEIPT_INTERVAL);
        assert_eq!(progress.ask(now, |_, _| 2), [(one, LineId(2))]);
        progress.check_invariants();
        let told = progress.ask_pair(one, |_, _| 1);
        assert_eq!(told, [], "nothing of theirs is left");
        let now = now.after(RECEIPT_INTERVAL);
        assert_eq!(progress.ask(now, |_, _| 1), [(other, LineId(4))]);
        assert_eq!(progress.next_due(), Timestamp::NEVER);
        progress.check_invariants();
    }

    #[test]
    fn receipt_comes_in_its_own_time_whatever_others_get() {
        let mut progress = Progress::new(&RandomState::with_seeds(1, 2, 3, 4));
        let start = Timestamp::default();
        let later = start.after(RECEIPT_INTERVAL / 2);
        progress.note_sent(start, (CLIENT, user(1)), Some(pair(9, 1)), LineId(1));
        progress.note_sent(later, (CLIENT, user(2)), Some(pair(9, 2)), LineId(2));
        let now = start.after(RECEIPT_INTERVAL);
        assert_eq!(progress.ask(now, |_, _| 0), [(pair(9, 1), LineId(1))]);
        assert_eq!(progress.next_due(), later.after(RECEIPT_INTERVAL));
        progress.check_invariants();
    }

    #[test]
    fn memory_of_progress_is_bounded() {
        let mut progress = Progress::new(&RandomState::with_seeds(1, 2, 3, 4));
        let now = Timestamp::default();
        for number in 1..=u32::try_from(UNDER_WAY_MAX).unwrap() + 1 {
            let key = (CLIENT, user(number));
            progress.note_sent(now, key, Some(pair(1, number + 1)), LineId(1));
        }
        assert_eq!(progress.under_way.len(), UNDER_WAY_MAX);
        for line in 0..1000 {
            progress.note_sent(now, (CLIENT, user(1)), Some(pair(1, 2)), LineId(line));
        }
        assert_eq!(
            progress.under_way[&(CLIENT, user(1))].lines.len(),
            LINES_MAX
        );
        for number in 2..u32::try_from(PAIRS_MAX).unwrap() + 3 {
            progress.note_shown(pair(1, number), LineId(1));
        }
        assert!(progress.marks.len() <= PAIRS_MAX);
        progress.check_invariants();
        let asked = std::cell::Cell::new(0);
        let later = now.after(RECEIPT_INTERVAL);
        progress.ask(later, |_, _| {
            asked.set(asked.get() + 1);
            0
        });
        assert_eq!(asked.get(), ASKED_MAX, "a turn is short");
        progress.check_invariants();
    }
}
