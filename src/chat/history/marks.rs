//! How far accounts have read, and what they were sent: gathered here, written when it is time to.
//!
//! A mark in the archive only grows. An account that is in a room is sent all that is said there, so that what
//! it was sent is written when it leaves.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use ahash::RandomState;
use smallvec::SmallVec;

use crate::chat::archive::Change;
use crate::chat::ids::{AccountId, LineId, PlaceId};
use crate::chat::time::Timestamp;

/// Places of one account whose marks have moved and are not written: its rooms, and some conversations.
pub const MOVED_MAX: usize = 32;

/// Marks that wait for room in the archive's queue. Past that the oldest are lost: somebody is told that more
/// is unread than is.
const DUE_MAX: usize = 10_000;

/// How long marks wait when the archive's queue is full.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// Marks that have moved.
#[derive(Debug)]
pub(in crate::chat) struct Marks {
    /// Where accounts that are here have spoken, and the last line of each there: who speaks has read.
    spoken: HashMap<AccountId, SmallVec<[(PlaceId, LineId); 2]>, RandomState>,
    /// Rooms that were entered: what was said before counts as sent, but not before it is known how much of that
    /// was missed.
    entered: VecDeque<Entered>,
    /// Marks to be written, in order.
    due: VecDeque<Mark>,
    retry_at: Timestamp,
}

/// An account has entered a room.
#[derive(Clone, Copy, Debug)]
struct Entered {
    due: Timestamp,
    account: AccountId,
    place: PlaceId,
    last: LineId,
}

/// A mark as it is to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::chat) struct Mark {
    pub account: AccountId,
    pub place: PlaceId,
    pub read: Option<LineId>,
    pub shown: Option<LineId>,
}

impl Mark {
    pub fn change(self) -> Change {
        Change::Mark {
            account: self.account,
            place: self.place,
            read: self.read,
            shown: self.shown,
        }
    }
}

impl Marks {
    pub fn new(hasher: &RandomState) -> Self {
        Self {
            spoken: HashMap::with_hasher(hasher.clone()),
            entered: VecDeque::new(),
            due: VecDeque::new(),
            retry_at: Timestamp::default(),
        }
    }

    /// An account has spoken. Allocates nothing when warm.
    pub fn note_spoken(&mut self, account: AccountId, place: PlaceId, id: LineId) {
        let places = self.spoken.entry(account).or_default();
        if let Some((_, last)) = places.iter_mut().find(|(other, _)| *other == place) {
            *last = id;
            return;
        }
        let full = places.len() >= MOVED_MAX;
        let oldest = full.then(|| places.remove(0));
        places.push((place, id));
        if let Some((place, id)) = oldest {
            self.note_read(account, place, id);
        }
    }

    /// An account has read up to a line.
    pub fn note_read(&mut self, account: AccountId, place: PlaceId, id: LineId) {
        self.push(Mark {
            account,
            place,
            read: Some(id),
            shown: None,
        });
    }

    /// An account has entered a room, in which this was the last line. Written at `due`: by then it is known
    /// what was missed.
    pub fn note_entered(
        &mut self,
        due: Timestamp,
        account: AccountId,
        place: PlaceId,
        last: LineId,
    ) {
        self.entered.push_back(Entered {
            due,
            account,
            place,
            last,
        });
    }

    /// It is known what an account missed in a room that it has entered.
    pub fn settle_entered(&mut self, account: AccountId, place: PlaceId) {
        let is_it = |one: &Entered| one.account == account && one.place == place;
        self.write_entered(is_it);
    }

    /// An account has left a room, in which `last` was the last line.
    pub fn note_left(&mut self, account: AccountId, place: PlaceId, last: LineId) {
        self.settle_entered(account, place);
        let mut read = None;
        if let Some(places) = self.spoken.get_mut(&account) {
            let at = places.iter().position(|(other, _)| *other == place);
            read = at.map(|at| places.remove(at).1);
        }
        self.push(Mark {
            account,
            place,
            read,
            shown: Some(last),
        });
    }

    /// All that is known of an account is to be written. With `is_gone` it is no longer here.
    pub fn write_account(&mut self, account: AccountId, is_gone: bool) {
        self.write_entered(|one| one.account == account);
        let Some(places) = self.spoken.get_mut(&account) else {
            return;
        };
        let moved = std::mem::take(places);
        if is_gone {
            self.spoken.remove(&account);
        }
        for (place, id) in moved {
            self.note_read(account, place, id);
        }
    }

    /// A place is gone, and all marks in it.
    pub fn drop_place(&mut self, place: PlaceId) {
        self.entered.retain(|one| one.place != place);
        self.due.retain(|one| one.place != place);
        for places in self.spoken.values_mut() {
            places.retain(|(other, _)| *other != place);
        }
    }

    /// An account is gone, and all its marks.
    pub fn drop_account(&mut self, account: AccountId) {
        self.entered.retain(|one| one.account != account);
        self.due.retain(|one| one.account != account);
        self.spoken.remove(&account);
    }

    /// Hands all marks to be written to `write`, which says whether there was room.
    pub fn write(&mut self, now: Timestamp, mut write: impl FnMut(Mark) -> bool) {
        while let Some(first) = self.entered.front()
            && first.due <= now
        {
            let first = *first;
            self.entered.pop_front();
            self.push(first.mark());
        }
        while let Some(mark) = self.due.front() {
            if !write(*mark) {
                self.retry_at = now.after(RETRY_INTERVAL);
                return;
            }
            self.due.pop_front();
        }
        self.retry_at = Timestamp::default();
    }

    /// When marks are to be written.
    pub fn next_due(&self) -> Timestamp {
        if !self.due.is_empty() {
            return self.retry_at;
        }
        let entered = self.entered.front();
        entered.map_or(Timestamp::NEVER, |one| one.due)
    }

    fn write_entered(&mut self, is_it: impl Fn(&Entered) -> bool) {
        if self.entered.is_empty() {
            return;
        }
        let (due, entered) = (&mut self.due, &mut self.entered);
        entered.retain(|one| {
            let is_it = is_it(one);
            if is_it {
                due.push_back(one.mark());
            }
            !is_it
        });
    }

    fn push(&mut self, mark: Mark) {
        if self.due.len() >= DUE_MAX {
            self.due.pop_front();
        }
        self.due.push_back(mark);
    }
}

impl Entered {
    /// For the first mark of an account in a place, what was sent counts as read.
    fn mark(&self) -> Mark {
        Mark {
            account: self.account,
            place: self.place,
            read: None,
            shown: Some(self.last),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks() -> Marks {
        Marks::new(&RandomState::with_seeds(1, 2, 3, 4))
    }

    fn written(marks: &mut Marks, now: Timestamp) -> Vec<(u64, Option<u64>, Option<u64>)> {
        let mut all = Vec::new();
        marks.write(now, |mark| {
            let number = |id: LineId| id.0;
            all.push((
                mark.place.get(),
                mark.read.map(number),
                mark.shown.map(number),
            ));
            true
        });
        all
    }

    const NOW: fn() -> Timestamp = || Timestamp::default().after(Duration::from_secs(9));

    #[test]
    fn mark_is_written_when_an_account_leaves() {
        let mut marks = marks();
        let (bob, dev) = (AccountId::new(1).unwrap(), PlaceId::room(7));
        marks.note_entered(NOW(), bob, dev, LineId(5));
        marks.note_spoken(bob, dev, LineId(8));
        marks.note_spoken(bob, dev, LineId(9));
        assert_eq!(written(&mut marks, Timestamp::default()), []);
        marks.note_left(bob, dev, LineId(12));
        assert_eq!(marks.next_due(), Timestamp::default());
        let all = [(7, None, Some(5)), (7, Some(9), Some(12))];
        assert_eq!(written(&mut marks, Timestamp::default()), all);
        assert_eq!(marks.next_due(), Timestamp::NEVER);
    }

    #[test]
    fn entering_is_written_once_it_is_known_what_was_missed_or_late() {
        let mut marks = marks();
        let bob = AccountId::new(1).unwrap();
        marks.note_entered(NOW(), bob, PlaceId::room(7), LineId(5));
        marks.note_entered(NOW(), bob, PlaceId::room(8), LineId(6));
        marks.settle_entered(bob, PlaceId::room(8));
        let early = Timestamp::default();
        assert_eq!(written(&mut marks, early), [(8, None, Some(6))]);
        assert_eq!(marks.next_due(), NOW());
        assert_eq!(written(&mut marks, NOW()), [(7, None, Some(5))]);
    }

    #[test]
    fn mark_waits_for_room_in_the_archive() {
        let mut marks = marks();
        let bob = AccountId::new(1).unwrap();
        marks.note_read(bob, PlaceId::room(7), LineId(5));
        marks.write(NOW(), |_| false);
        assert_eq!(marks.next_due(), NOW().after(RETRY_INTERVAL));
        assert_eq!(written(&mut marks, NOW()), [(7, Some(5), None)]);
    }

    #[test]
    fn account_that_speaks_in_many_places_has_its_oldest_mark_written() {
        let mut marks = marks();
        let bob = AccountId::new(1).unwrap();
        for number in 1..=u32::try_from(MOVED_MAX).unwrap() + 1 {
            marks.note_spoken(bob, PlaceId::room(number), LineId(u64::from(number)));
        }
        assert_eq!(written(&mut marks, NOW()), [(1, Some(1), None)]);
        marks.write_account(bob, true);
        assert_eq!(written(&mut marks, NOW()).len(), MOVED_MAX);
        assert!(marks.spoken.is_empty());
    }

    #[test]
    fn mark_of_a_place_that_is_gone_is_not_written() {
        let mut marks = marks();
        let (bob, dev) = (AccountId::new(1).unwrap(), PlaceId::room(7));
        marks.note_entered(NOW(), bob, dev, LineId(5));
        marks.note_spoken(bob, dev, LineId(8));
        marks.note_read(bob, dev, LineId(8));
        marks.drop_place(dev);
        marks.write_account(bob, true);
        assert_eq!(written(&mut marks, NOW()), []);
    }
}
