//! What was sent and what arrived: whether anything was lost, came twice or out of order.

use std::collections::{HashMap, VecDeque};
use std::ops::Range;

use serde::Serialize;

use crate::client::ClientNo;
use crate::dialect::Dialect;
use crate::stamp::Stamp;

/// What must be zero at the end of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DeliveryErrors {
    /// Sent, and neither arrived nor was said to be left out.
    pub lost: u64,
    /// Arrived again, or at somebody to whom it was not sent.
    pub duplicated: u64,
    /// Arrived after something that was sent later.
    pub out_of_order: u64,
}

impl DeliveryErrors {
    /// Whether there are none.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

impl std::iter::Sum for DeliveryErrors {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |sum, errors| Self {
            lost: sum.lost + errors.lost,
            duplicated: sum.duplicated + errors.duplicated,
            out_of_order: sum.out_of_order + errors.out_of_order,
        })
    }
}

/// Private messages under way: each must reach one client once, after those sent to it before.
#[derive(Debug)]
pub struct PrivateLedger {
    senders: Vec<Sender>,
    outstanding: u64,
    errors: DeliveryErrors,
}

#[derive(Clone, Debug, Default)]
struct Sender {
    next: u32,
    /// In the order sent.
    under_way: VecDeque<UnderWay>,
}

#[derive(Clone, Copy, Debug)]
struct UnderWay {
    number: u32,
    to: ClientNo,
    /// Something that was sent to the same client later is there already.
    overtaken: bool,
}

impl PrivateLedger {
    /// Nothing was sent by any of `clients`.
    pub fn new(clients: usize) -> Self {
        Self {
            senders: vec![Sender::default(); clients],
            outstanding: 0,
            errors: DeliveryErrors::default(),
        }
    }

    /// Notes that `from` sends to `to`, and gives the message its number.
    pub fn sent(&mut self, from: ClientNo, to: ClientNo) -> u32 {
        let Some(sender) = self.senders.get_mut(from.index()) else {
            return 0;
        };
        let number = sender.next;
        sender.next = number.wrapping_add(1);
        sender.under_way.push_back(UnderWay {
            number,
            to,
            overtaken: false,
        });
        self.outstanding += 1;
        number
    }

    /// Notes an arrival. Returns whether it is one that was awaited.
    pub fn arrived(&mut self, by: ClientNo, stamp: &Stamp) -> bool {
        let Some(sender) = self.senders.get_mut(stamp.sender.index()) else {
            self.errors.duplicated += 1;
            return false;
        };
        let is_it = |sent: &UnderWay| sent.number == stamp.number && sent.to == by;
        let Some(place) = sender.under_way.iter().position(is_it) else {
            self.errors.duplicated += 1;
            return false;
        };
        for earlier in sender.under_way.iter_mut().take(place) {
            earlier.overtaken |= earlier.to == by;
        }
        let is_late = sender.under_way.remove(place);
        self.errors.out_of_order += u64::from(is_late.is_some_and(|sent| sent.overtaken));
        self.outstanding -= 1;
        true
    }

    /// How many are under way.
    pub fn outstanding(&self) -> u64 {
        self.outstanding
    }

    /// What went wrong, if what is under way now never arrives.
    pub fn errors(&self) -> DeliveryErrors {
        DeliveryErrors {
            lost: self.outstanding,
            ..self.errors
        }
    }
}

/// A room's lines: each must reach every other member once, and all in one order. Every member has
/// an account of its own, so that what one was told too much does not hide what another lacks.
#[derive(Debug)]
pub struct RoomLedger {
    members: usize,
    speakers: Vec<ClientNo>,
    echoes: bool,
    /// The number that each member awaits from each speaker, a row for each member.
    awaited: Vec<u32>,
    /// What each member heard, and was said to have missed.
    accounts: Vec<Account>,
    /// How many members each speaker's lines have still to reach, in the order spoken.
    speaking: Vec<Speaking>,
    /// Lines in the order in which they first reached somebody who lacks none before them.
    order: Vec<(u32, u32)>,
    /// How far each member is in that order; `None` once it missed a line, if it speaks, or if
    /// there is no order.
    follows: Vec<Option<Follower>>,
    /// The last round in which a member heard a speaker, a row for each member.
    rounds: Vec<u32>,
    /// The numbers of lines that a member has skipped, by member and speaker.
    skipped: HashMap<(u32, u32), Vec<Range<u32>>>,
    /// Lines that the server said it left out, to somebody who is no member.
    told_strangers: u64,
    errors: DeliveryErrors,
}

#[derive(Clone, Debug, Default)]
struct Account {
    heard: u64,
    /// Lines that the server said it left out.
    told_missed: u64,
}

/// One who hears every line. That a line is missing shows only when the next of the same speaker
/// comes: until then nobody can tell whether the others are in order without it. So what was heard
/// in one round, in which every speaker was heard, is looked at when the next round is complete.
#[derive(Clone, Debug)]
struct Follower {
    /// In the order.
    place: usize,
    round: u32,
    /// How many speakers were heard in this round.
    speakers: usize,
    /// What was heard in this round.
    fresh: Vec<(u32, u32)>,
    /// What was heard in the one before.
    last: Vec<(u32, u32)>,
}

impl Follower {
    /// At the start, in the first round.
    fn new() -> Self {
        Self {
            place: 0,
            round: 1,
            speakers: 0,
            fresh: Vec::new(),
            last: Vec::new(),
        }
    }
}

#[derive(Clone, Debug, Default)]
struct Speaking {
    /// The number of the first of `remaining`.
    first: u32,
    remaining: VecDeque<u32>,
}

impl Speaking {
    /// The number that the next line will have: so many were spoken.
    fn next(&self) -> u32 {
        let ahead = u32::try_from(self.remaining.len()).unwrap_or(u32::MAX);
        self.first.wrapping_add(ahead)
    }
}

impl RoomLedger {
    /// A room of `members`, the first ones of all clients, some of whom speak. The dialect says
    /// whether who speaks hears it too, and whether all hear lines in one order.
    pub fn new(members: usize, speakers: Vec<ClientNo>, dialect: Dialect) -> Self {
        let echoes = dialect.echoes();
        let mut follows = vec![dialect.orders_rooms().then(Follower::new); members];
        for speaker in &speakers {
            if let (Some(place), false) = (follows.get_mut(speaker.index()), echoes) {
                *place = None;
            }
        }
        Self {
            members,
            echoes,
            awaited: vec![0; members * speakers.len()],
            rounds: vec![0; members * speakers.len()],
            accounts: vec![Account::default(); members],
            speaking: vec![Speaking::default(); speakers.len()],
            order: Vec::new(),
            follows,
            skipped: HashMap::new(),
            told_strangers: 0,
            errors: DeliveryErrors::default(),
            speakers,
        }
    }

    /// Notes that a speaker, by its place among the speakers, speaks; gives the line its number.
    pub fn spoken(&mut self, speaker: usize) -> u32 {
        let who = self
            .speakers
            .get(speaker)
            .map_or(usize::MAX, |who| who.index());
        let hears_itself = self.echoes || who >= self.members;
        let listeners = self.members - usize::from(!hears_itself);
        let Some(speaking) = self.speaking.get_mut(speaker) else {
            return 0;
        };
        let number = speaking.next();
        let listeners = u32::try_from(listeners).unwrap_or(u32::MAX);
        speaking.remaining.push_back(listeners);
        number
    }

    /// Notes an arrival. Returns the speaker's place if the line was awaited, and whether it has
    /// reached everyone now.
    pub fn arrived(&mut self, by: ClientNo, stamp: &Stamp) -> Option<(usize, bool)> {
        let speaker = self.speakers.iter().position(|who| *who == stamp.sender);
        let hears_it = by.index() < self.members && (self.echoes || by != stamp.sender);
        let is_spoken = |speaker: &usize| {
            let speaking = self.speaking.get(*speaker);
            speaking.is_some_and(|speaking| stamp.number < speaking.next())
        };
        let known = speaker.filter(|_| hears_it).filter(is_spoken);
        let Some(speaker) = known else {
            self.errors.duplicated += 1;
            return None;
        };
        let place = by.index() * self.speakers.len() + speaker;
        let awaited = self.awaited.get_mut(place)?;
        let place = u32::try_from(speaker).unwrap_or(u32::MAX);
        if stamp.number < *awaited {
            return self.repeated(by, place, stamp.number);
        }
        let skipped = *awaited..stamp.number;
        *awaited = stamp.number.saturating_add(1);
        if !skipped.is_empty() {
            let known = self.skipped.entry((by.get(), place)).or_default();
            known.push(skipped);
            self.follows_no_more(by);
        }
        self.follow(by, (place, stamp.number));
        let complete = self.reached(by, speaker, stamp.number);
        Some((speaker, complete))
    }

    /// A line came after a later one of the same speaker: late, or for the second time.
    fn repeated(&mut self, by: ClientNo, speaker: u32, number: u32) -> Option<(usize, bool)> {
        let skipped = self.skipped.get_mut(&(by.get(), speaker));
        let is_late = skipped.is_some_and(|skipped| take_out(skipped, number));
        if !is_late {
            self.errors.duplicated += 1;
            return None;
        }
        self.errors.out_of_order += 1;
        let speaker = speaker as usize;
        Some((speaker, self.reached(by, speaker, number)))
    }

    /// Whoever misses a line cannot be told by its place in the order where it is.
    fn follows_no_more(&mut self, who: ClientNo) {
        if let Some(follows) = self.follows.get_mut(who.index()) {
            *follows = None;
        }
    }

    /// All who hear every line must hear them in one order.
    fn follow(&mut self, by: ClientNo, line: (u32, u32)) {
        let Some(Some(follower)) = self.follows.get_mut(by.index()) else {
            return;
        };
        follower.fresh.push(line);
        let place = by.index() * self.speakers.len() + line.0 as usize;
        if let Some(round) = self.rounds.get_mut(place) {
            follower.speakers += usize::from(*round != follower.round);
            *round = follower.round;
        }
        if follower.speakers < self.speakers.len() {
            return;
        }
        for line in follower.last.drain(..) {
            match self.order.get(follower.place) {
                None => self.order.push(line),
                Some(first) if *first == line => {}
                Some(_) => self.errors.out_of_order += 1,
            }
            follower.place += 1;
        }
        std::mem::swap(&mut follower.last, &mut follower.fresh);
        follower.round += 1;
        follower.speakers = 0;
    }

    /// One more member has a line.
    fn reached(&mut self, by: ClientNo, speaker: usize, number: u32) -> bool {
        if let Some(account) = self.accounts.get_mut(by.index()) {
            account.heard += 1;
        }
        let Some(speaking) = self.speaking.get_mut(speaker) else {
            return false;
        };
        let place = number.wrapping_sub(speaking.first) as usize;
        let Some(remaining) = speaking.remaining.get_mut(place) else {
            return false;
        };
        *remaining = remaining.saturating_sub(1);
        let complete = *remaining == 0;
        while speaking.remaining.front() == Some(&0) {
            speaking.remaining.pop_front();
            speaking.first = speaking.first.wrapping_add(1);
        }
        complete
    }

    /// The server told `who` that it left lines out.
    pub fn missed(&mut self, who: ClientNo, lines: u64) {
        match self.accounts.get_mut(who.index()) {
            Some(account) => account.told_missed += lines,
            None => self.told_strangers += lines,
        }
        self.follows_no_more(who);
    }

    /// How many lines the server said it left out.
    pub fn told_missed(&self) -> u64 {
        let members = self.accounts.iter().map(|account| account.told_missed);
        members.sum::<u64>() + self.told_strangers
    }

    /// How many deliveries are under way: neither made nor said to be left out.
    pub fn outstanding(&self) -> u64 {
        let missing = |(owed, had): (u64, u64)| owed.saturating_sub(had);
        self.balances().map(missing).sum()
    }

    /// How many lines the server said it left out although they arrived, or were never said. What
    /// is still under way to somebody hides as much: see [`unheard_ends`](Self::unheard_ends).
    pub fn told_too_many(&self) -> u64 {
        let surplus = |(owed, had): (u64, u64)| had.saturating_sub(owed);
        self.balances().map(surplus).sum::<u64>() + self.told_strangers
    }

    /// For each member, how many lines were said to it, and how many it heard or was told of.
    fn balances(&self) -> impl Iterator<Item = (u64, u64)> {
        let spoken = |speaking: &Speaking| u64::from(speaking.next());
        let all: u64 = self.speaking.iter().map(spoken).sum();
        self.accounts
            .iter()
            .enumerate()
            .map(move |(place, account)| {
                let own = |who: &ClientNo| !self.echoes && who.index() == place;
                let own = self.speakers.iter().position(own);
                let own = own.and_then(|speaker| self.speaking.get(speaker));
                let owed = all - own.map_or(0, spoken);
                (owed, account.heard + account.told_missed)
            })
    }

    /// How many times a member has not heard the last line of a speaker. If there are none, nothing
    /// is under way any more, whatever anybody was told.
    pub fn unheard_ends(&self) -> u64 {
        let rows = self.awaited.chunks(self.speakers.len().max(1));
        let unheard = rows.enumerate().map(|(member, row)| {
            let speakers = row.iter().zip(&self.speaking).zip(&self.speakers);
            let lacks = speakers.filter(|((awaited, speaking), speaker)| {
                let hears_it = self.echoes || speaker.index() != member;
                hears_it && **awaited < speaking.next()
            });
            lacks.count() as u64
        });
        unheard.sum()
    }

    /// What went wrong, if what is under way now never arrives.
    pub fn errors(&self) -> DeliveryErrors {
        DeliveryErrors {
            lost: self.outstanding(),
            ..self.errors
        }
    }
}

/// Takes a number out of ranges. Returns whether it was in one.
fn take_out(ranges: &mut Vec<Range<u32>>, number: u32) -> bool {
    let Some(place) = ranges.iter().position(|range| range.contains(&number)) else {
        return false;
    };
    let range = ranges.swap_remove(place);
    let parts = [range.start..number, number + 1..range.end];
    ranges.extend(parts.into_iter().filter(|part| !part.is_empty()));
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stamp::Kind;
    use crate::timestamp::Timestamp;

    const A: ClientNo = ClientNo::new(0);
    const B: ClientNo = ClientNo::new(1);
    const C: ClientNo = ClientNo::new(2);

    fn stamp(kind: Kind, sender: ClientNo, number: u32) -> Stamp {
        Stamp {
            kind,
            sender,
            number,
            intended: Timestamp::default(),
        }
    }

    fn private(sender: ClientNo, number: u32) -> Stamp {
        stamp(Kind::Private, sender, number)
    }

    fn line(sender: ClientNo, number: u32) -> Stamp {
        stamp(Kind::Room, sender, number)
    }

    fn errors(lost: u64, duplicated: u64, out_of_order: u64) -> DeliveryErrors {
        DeliveryErrors {
            lost,
            duplicated,
            out_of_order,
        }
    }

    #[test]
    fn private_messages_to_different_clients_may_overtake_each_other() {
        let mut ledger = PrivateLedger::new(3);
        let (first, second) = (ledger.sent(A, B), ledger.sent(A, C));
        assert!(ledger.arrived(C, &private(A, second)));
        assert!(ledger.arrived(B, &private(A, first)));
        assert!(ledger.errors().is_none());
    }

    #[test]
    fn what_is_lost_doubled_swapped_or_misled_is_found() {
        let mut ledger = PrivateLedger::new(3);
        let (first, second, third) = (ledger.sent(A, B), ledger.sent(A, B), ledger.sent(A, C));
        assert!(ledger.arrived(B, &private(A, second)));
        assert!(ledger.arrived(B, &private(A, first)));
        assert_eq!(ledger.errors(), errors(1, 0, 1));
        assert!(!ledger.arrived(B, &private(A, first)), "twice");
        assert!(!ledger.arrived(B, &private(A, third)), "it was for C");
        assert_eq!(ledger.errors(), errors(1, 2, 1));
        assert_eq!(ledger.outstanding(), 1);
    }

    #[test]
    fn what_comes_after_a_lost_message_is_in_order() {
        let mut ledger = PrivateLedger::new(2);
        let numbers = [A; 4].map(|from| ledger.sent(from, B));
        for number in [numbers[1], numbers[2], numbers[3]] {
            assert!(ledger.arrived(B, &private(A, number)));
        }
        assert_eq!(ledger.errors(), errors(1, 0, 0));
    }

    #[test]
    fn a_line_is_complete_when_every_other_member_has_it() {
        let mut room = RoomLedger::new(3, vec![A, B], Dialect::Chinwag);
        let (a, b) = (room.spoken(0), room.spoken(1));
        assert_eq!(room.arrived(C, &line(A, a)), Some((0, false)));
        assert_eq!(room.arrived(B, &line(A, a)), Some((0, true)));
        assert_eq!(room.outstanding(), 2);
        assert_eq!(room.arrived(C, &line(B, b)), Some((1, false)));
        assert_eq!(room.arrived(A, &line(B, b)), Some((1, true)));
        assert!(room.errors().is_none());
        assert_eq!(room.arrived(A, &line(B, b)), None);
        assert_eq!(room.errors(), errors(0, 1, 0));
    }

    /// Both speakers speak in turn, and the others hear that; one of them not as it was said.
    fn heard_by_two(mistake: fn(&mut Vec<Stamp>), first_is_mistaken: bool) -> RoomLedger {
        let mut room = RoomLedger::new(4, vec![A, B], Dialect::Chinwag);
        let mut lines = Vec::new();
        for _ in 0..4 {
            lines.push(line(A, room.spoken(0)));
            lines.extend([1, 1].map(|speaker| line(B, room.spoken(speaker))));
        }
        let mut mistaken = lines.clone();
        mistake(&mut mistaken);
        let mut hear = |who: ClientNo, heard: Option<&Stamp>| {
            if let Some(heard) = heard.filter(|heard| heard.sender != who) {
                let _ = room.arrived(who, heard);
            }
        };
        let [first, last] = if first_is_mistaken {
            [&mistaken, &lines]
        } else {
            [&lines, &mistaken]
        };
        for place in 0..lines.len() {
            hear(C, first.get(place));
            hear(ClientNo::new(3), last.get(place));
            hear(A, lines.get(place));
            hear(B, lines.get(place));
        }
        room
    }

    #[test]
    fn members_who_hear_all_must_hear_it_in_one_order() {
        for first_is_mistaken in [false, true] {
            let room = heard_by_two(|lines| lines.swap(3, 4), first_is_mistaken);
            assert_eq!(room.errors(), errors(0, 0, 2), "{first_is_mistaken}");
        }
    }

    #[test]
    fn a_line_that_one_member_lacks_is_no_disorder() {
        // The second completes a round all the same.
        let mistakes: [fn(&mut Vec<Stamp>); 2] = [
            |lines| {
                lines.remove(3);
            },
            |lines| {
                lines.remove(5);
            },
        ];
        for mistake in mistakes {
            for first_is_mistaken in [false, true] {
                let room = heard_by_two(mistake, first_is_mistaken);
                assert_eq!(room.errors(), errors(1, 0, 0), "{first_is_mistaken}");
            }
        }
    }

    #[test]
    fn what_one_is_told_too_much_does_not_hide_what_another_lacks() {
        let mut room = RoomLedger::new(3, vec![A], Dialect::Chinwag);
        let numbers = [1, 2, 3].map(|_| room.spoken(0));
        for number in numbers {
            let _ = room.arrived(B, &line(A, number));
        }
        room.missed(B, 3);
        assert_eq!((room.outstanding(), room.told_too_many()), (3, 3));
        room.missed(C, 2);
        assert_eq!((room.outstanding(), room.told_too_many()), (1, 3));
        assert_eq!(room.errors(), errors(1, 0, 0));
        let _ = room.arrived(C, &line(A, numbers[2]));
        assert_eq!((room.outstanding(), room.told_too_many()), (0, 3));
        room.missed(ClientNo::new(3), 4);
        assert_eq!((room.told_missed(), room.told_too_many()), (9, 7));
    }

    #[test]
    fn an_end_that_is_under_way_shows_whatever_was_told() {
        let mut room = RoomLedger::new(2, vec![A, B], Dialect::Chinwag);
        assert_eq!(room.unheard_ends(), 0);
        let numbers = [room.spoken(0), room.spoken(0)];
        room.missed(B, 3);
        assert_eq!((room.outstanding(), room.told_too_many()), (0, 1));
        assert_eq!(room.unheard_ends(), 1, "A does not hear itself");
        for (number, unheard) in numbers.into_iter().zip([1, 0]) {
            let _ = room.arrived(B, &line(A, number));
            assert_eq!(room.unheard_ends(), unheard);
        }
        assert_eq!((room.outstanding(), room.told_too_many()), (0, 3));
    }

    #[test]
    fn a_line_that_nobody_spoke_or_that_comes_back_is_one_too_many() {
        let mut room = RoomLedger::new(3, vec![A], Dialect::Chinwag);
        let number = room.spoken(0);
        assert_eq!(room.arrived(A, &line(A, number)), None);
        assert_eq!(room.arrived(B, &line(A, number + 1)), None);
        assert_eq!(room.errors(), errors(2, 2, 0));
        assert_eq!(room.arrived(B, &line(A, number)), Some((0, false)));
        assert_eq!(room.arrived(C, &line(A, number)), Some((0, true)));
        assert_eq!(room.errors(), errors(0, 2, 0));
    }

    #[test]
    fn a_line_left_out_is_lost_unless_it_was_said() {
        let mut room = RoomLedger::new(2, vec![A], Dialect::Chinwag);
        let numbers = [room.spoken(0), room.spoken(0), room.spoken(0)];
        let _ = room.arrived(B, &line(A, numbers[0]));
        let _ = room.arrived(B, &line(A, numbers[2]));
        assert_eq!(room.errors(), errors(1, 0, 0));
        room.missed(B, 1);
        assert!(room.errors().is_none());
        assert_eq!(room.told_missed(), 1);
        assert_eq!(room.told_too_many(), 0);
        room.missed(B, 3);
        assert_eq!(room.told_too_many(), 3);
    }

    #[test]
    fn a_late_line_is_out_of_order_and_not_lost() {
        let mut room = RoomLedger::new(2, vec![A], Dialect::Chinwag);
        let numbers = [room.spoken(0), room.spoken(0)];
        let _ = room.arrived(B, &line(A, numbers[1]));
        assert_eq!(room.arrived(B, &line(A, numbers[0])), Some((0, true)));
        assert_eq!(room.errors(), errors(0, 0, 1));
    }

    #[test]
    fn a_line_that_comes_twice_is_not_taken_for_one_that_was_skipped() {
        let mut room = RoomLedger::new(2, vec![A], Dialect::Chinwag);
        let numbers = [room.spoken(0), room.spoken(0)];
        let _ = room.arrived(B, &line(A, numbers[1]));
        assert_eq!(room.arrived(B, &line(A, numbers[1])), None);
        assert_eq!(room.errors(), errors(1, 1, 0));
    }

    #[test]
    fn whoever_was_told_of_missed_lines_is_not_out_of_order() {
        let [d, e] = [3, 4].map(ClientNo::new);
        let mut room = RoomLedger::new(5, vec![A, B], Dialect::Chinwag);
        let (a, b) = (room.spoken(0), room.spoken(1));
        for (who, heard) in [
            (C, line(A, a)),
            (C, line(B, b)),
            (d, line(A, a)),
            (d, line(B, b)),
        ] {
            let _ = room.arrived(who, &heard);
        }
        // The line of A is left out, and that of B is the first that it hears after that.
        room.missed(e, 1);
        let _ = room.arrived(e, &line(B, b));
        assert_eq!(room.errors().out_of_order, 0);
    }
}
