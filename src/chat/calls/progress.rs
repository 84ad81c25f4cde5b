//! How far private messages have got, between accounts that both give receipts.

use std::collections::{HashMap, VecDeque};
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

/// The messages of one user to one connection that are under way. In order, as the last of them arrive last.
#[derive(Debug)]
struct UnderWay {
    pair: Pair,
    lines: VecDeque<LineId>,
}

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
    under_way: HashMap<(ClientId, UserId), UnderWay, RandomState>,
    /// The keys of `under_way`, in the order in which they are asked about.
    order: VecDeque<(ClientId, UserId)>,
    marks: HashMap<Pair, Marks, RandomState>,
    due: Timestamp,
}

impl Progress {
    pub fn new(hasher: &RandomState) -> Self {
        Self {
            under_way: HashMap::with_hasher(hasher.clone()),
            order: VecDeque::new(),
            marks: HashMap::with_hasher(hasher.clone()),
            due: Timestamp::NEVER,
        }
    }

    /// A message was sent to a connection, as from this user.
    pub fn note_sent(
        &mut self,
        now: Timestamp,
        (to, from): (ClientId, UserId),
        pair: Pair,
        line: LineId,
    ) {
        let key = (to, from);
        if !self.under_way.contains_key(&key) {
            if self.under_way.len() >= UNDER_WAY_MAX {
                return;
            }
            self.order.push_back(key);
            self.due = self.due.min(now.after(RECEIPT_INTERVAL));
        }
        let fresh = || UnderWay {
            pair,
            lines: VecDeque::new(),
        };
        let under_way = self.under_way.entry(key).or_insert_with(fresh);
        if under_way.lines.len() >= LINES_MAX {
            under_way.lines.pop_front();
        }
        under_way.lines.push_back(line);
    }

    /// Asks about some of what is under way. Returns what has arrived that was not known to have, up to which line.
    pub fn ask(
        &mut self,
        now: Timestamp,
        unarrived: impl Fn(ClientId, UserId) -> usize,
    ) -> Vec<(Pair, LineId)> {
        let mut arrived = Vec::new();
        for _ in 0..self.order.len().min(ASKED_MAX) {
            let Some(key) = self.order.pop_front() else {
                break;
            };
            arrived.extend(self.ask_about(key, &unarrived));
            if self.under_way.contains_key(&key) {
                self.order.push_back(key);
            }
        }
        self.due = if self.order.is_empty() {
            Timestamp::NEVER
        } else {
            now.after(RECEIPT_INTERVAL)
        };
        arrived
    }

    /// Asks about what is under way to one reader from one author, of which nothing is told yet.
    pub fn ask_pair(&mut self, pair: Pair, unarrived: impl Fn(ClientId, UserId) -> usize) {
        let own = self.under_way.iter().filter(|(_, one)| one.pair == pair);
        let keys: Vec<(ClientId, UserId)> = own.map(|(key, _)| *key).collect();
        for key in keys {
            self.ask_about(key, &unarrived);
        }
        let under_way = &self.under_way;
        self.order.retain(|key| under_way.contains_key(key));
    }

    fn ask_about(
        &mut self,
        key: (ClientId, UserId),
        unarrived: &impl Fn(ClientId, UserId) -> usize,
    ) -> Option<(Pair, LineId)> {
        let one = self.under_way.get_mut(&key)?;
        let left = unarrived(key.0, key.1).min(one.lines.len());
        let arrived = one.lines.len() - left;
        let last = one.lines.drain(..arrived).next_back();
        let pair = one.pair;
        if one.lines.is_empty() {
            self.under_way.remove(&key);
        }
        let last = last?;
        let marks = self.marks_of(pair);
        let is_news = marks.delivered < last;
        marks.delivered = marks.delivered.max(last);
        is_news.then_some((pair, last))
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
        self.order.retain(|(to, _)| *to != client);
    }

    /// An account is gone.
    pub fn drop_account(&mut self, account: AccountId) {
        let is_of = |pair: &Pair| pair.reader == account || pair.author == account;
        self.under_way.retain(|_, one| !is_of(&one.pair));
        self.marks.retain(|pair, _| !is_of(pair));
        let under_way = &self.under_way;
        self.order.retain(|key| under_way.contains_key(key));
    }

    /// When it is to be asked again.
    pub fn next_due(&self) -> Timestamp {
        self.due
    }

    /// Panics if what is remembered disagrees.
    pub fn check_invariants(&self) {
        assert_eq!(self.order.len(), self.under_way.len());
        let is_known = |key| self.under_way.contains_key(key);
        assert!(self.order.iter().all(is_known));
        assert!(self.under_way.values().all(|one| !one.lines.is_empty()));
        assert!(self.order.is_empty() || self.due < Timestamp::NEVER);
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
        let (now, bob) = (Timestamp::default(), pair(2, 1));
        for line in 1..=3 {
            progress.note_sent(now, (CLIENT, user(1)), bob, LineId(line));
        }
        progress.check_invariants();
        assert_eq!(progress.ask(now, |_, _| 3), []);
        assert_eq!(progress.read_arrived(bob, None), None);
        assert_eq!(progress.ask(now, |_, _| 1), [(bob, LineId(2))]);
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
    fn memory_of_progress_is_bounded() {
        let mut progress = Progress::new(&RandomState::with_seeds(1, 2, 3, 4));
        let now = Timestamp::default();
        for number in 1..=u32::try_from(UNDER_WAY_MAX).unwrap() + 1 {
            let key = (CLIENT, user(number));
            progress.note_sent(now, key, pair(1, number + 1), LineId(1));
        }
        assert_eq!(progress.under_way.len(), UNDER_WAY_MAX);
        for line in 0..1000 {
            progress.note_sent(now, (CLIENT, user(1)), pair(1, 2), LineId(line));
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
        assert!(
            progress.ask(now, |_, _| 0).len() <= ASKED_MAX,
            "a turn is short"
        );
    }
}
