//! A room's lines: each must reach every other member once, and all in one order.
//!
//! Every member has an account of its own, so that what one was told too much does not hide what
//! another lacks.

use std::collections::{HashMap, VecDeque};
use std::mem;
use std::ops::Range;

use super::DeliveryErrors;
use crate::client::ClientNo;
use crate::dialect::Dialect;
use crate::stamp::Stamp;

/// A line, by its speaker's place among the speakers, and its number.
type Line = (u32, u32);

pub struct RoomLedger {
    speakers: Vec<ClientNo>,
    /// A speaker hears itself.
    echoes: bool,
    members: Vec<Member>,
    /// What each member has heard of each speaker, a row for each member.
    hearing: Vec<Hearing>,
    /// What each speaker has said.
    speaking: Vec<Speaking>,
    /// Lines in the order in which they first reached a member that lacks none before them.
    order: Vec<Line>,
    /// Lines that a member has skipped, by member and speaker.
    skipped: HashMap<(u32, u32), Vec<Range<u32>>>,
    /// Lines that the server said it left out, to a client that is no member.
    told_strangers: u64,
    errors: DeliveryErrors,
}

#[derive(Clone, Debug)]
struct Member {
    heard: u64,
    told_missed: u64,
    /// How far it is in the order; `None` once it missed a line, if it speaks, or if there is no order.
    follower: Option<Follower>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Hearing {
    /// The number of the next line.
    awaited: u32,
    /// The last round in which a line was heard.
    round: u32,
}

/// A member that hears every line. That a line is missing shows only when the next of the same speaker
/// comes: until then the others may be in order without it. So what was heard in one round, in which
/// every speaker was heard, is looked at when the next round is complete.
#[derive(Clone, Debug, Default)]
struct Follower {
    /// In the order.
    place: usize,
    /// How many are complete.
    rounds: u32,
    /// How many speakers were heard in this round.
    speakers: usize,
    fresh: Vec<Line>,
    /// Of the round before.
    last: Vec<Line>,
}

#[derive(Clone, Debug, Default)]
struct Speaking {
    /// The number of the first of `remaining`.
    first: u32,
    /// How many members each line has still to reach.
    remaining: VecDeque<u32>,
}

impl Speaking {
    /// The number that the next line will have, and of how many there are.
    fn next(&self) -> u32 {
        let ahead = u32::try_from(self.remaining.len()).unwrap_or(u32::MAX);
        self.first.wrapping_add(ahead)
    }
}

impl RoomLedger {
    /// The first clients are the members, and some of them speak. The dialect says whether a speaker
    /// hears itself, and whether all hear lines in one order.
    pub fn new(members: usize, speakers: Vec<ClientNo>, dialect: Dialect) -> Self {
        let echoes = dialect.echoes();
        let member = |place: usize| {
            let speaks = speakers.iter().any(|speaker| speaker.index() == place);
            let follows = dialect.orders_rooms() && (echoes || !speaks);
            Member {
                heard: 0,
                told_missed: 0,
                follower: follows.then(Follower::default),
            }
        };
        Self {
            echoes,
            members: (0..members).map(member).collect(),
            hearing: vec![Hearing::default(); members * speakers.len()],
            speaking: vec![Speaking::default(); speakers.len()],
            order: Vec::new(),
            skipped: HashMap::new(),
            told_strangers: 0,
            errors: DeliveryErrors::default(),
            speakers,
        }
    }

    /// Notes a line of a speaker, by its place among the speakers, and gives it its number.
    pub fn spoken(&mut self, speaker: usize) -> u32 {
        let listeners = self.members.len() - usize::from(!self.echoes);
        let Some(speaking) = self.speaking.get_mut(speaker) else {
            return 0;
        };
        let number = speaking.next();
        let listeners = u32::try_from(listeners).unwrap_or(u32::MAX);
        speaking.remaining.push_back(listeners);
        number
    }

    /// Notes an arrival. Returns the speaker's place if the line was awaited, and whether all members
    /// have it now.
    pub fn arrived(&mut self, by: ClientNo, stamp: &Stamp) -> Option<(usize, bool)> {
        let hears_it = by.index() < self.members.len() && (self.echoes || by != stamp.sender);
        let is_spoken = |speaker: &usize| {
            let speaking = self.speaking.get(*speaker);
            speaking.is_some_and(|speaking| stamp.number < speaking.next())
        };
        let speaker = self.speakers.iter().position(|who| *who == stamp.sender);
        let Some(speaker) = speaker.filter(|_| hears_it).filter(is_spoken) else {
            self.errors.duplicated += 1;
            return None;
        };
        let hearing = (self.hearing).get_mut(by.index() * self.speakers.len() + speaker)?;
        let place = ClientNo::at(speaker).get();
        let number = stamp.number;
        if number < hearing.awaited {
            // Late, or for the second time.
            let skipped = self.skipped.get_mut(&(by.get(), place));
            if !skipped.is_some_and(|skipped| take_out(skipped, number)) {
                self.errors.duplicated += 1;
                return None;
            }
            self.errors.out_of_order += 1;
        } else {
            let skipped = hearing.awaited..number;
            hearing.awaited = number.saturating_add(1);
            if !skipped.is_empty() {
                let known = self.skipped.entry((by.get(), place)).or_default();
                known.push(skipped);
                self.follows_no_more(by);
            }
            self.follow(by, (place, number));
        }
        Some((speaker, self.reached(by, speaker, number)))
    }

    /// A member that misses a line cannot be told by its place in the order where it is.
    fn follows_no_more(&mut self, who: ClientNo) {
        if let Some(member) = self.members.get_mut(who.index()) {
            member.follower = None;
        }
    }

    /// All members that hear every line must hear them in one order.
    fn follow(&mut self, by: ClientNo, line: Line) {
        let member = self.members.get_mut(by.index());
        let Some(follower) = member.and_then(|member| member.follower.as_mut()) else {
            return;
        };
        follower.fresh.push(line);
        let place = by.index() * self.speakers.len() + line.0 as usize;
        if let Some(hearing) = self.hearing.get_mut(place) {
            let round = follower.rounds + 1;
            follower.speakers += usize::from(mem::replace(&mut hearing.round, round) != round);
        }
        if follower.speakers < self.speakers.len() {
            return;
        }
        for line in follower.last.drain(..) {
            match self.order.get(follower.place) {
                None => self.order.push(line),
                Some(first) => self.errors.out_of_order += u64::from(*first != line),
            }
            follower.place += 1;
        }
        mem::swap(&mut follower.last, &mut follower.fresh);
        follower.rounds += 1;
        follower.speakers = 0;
    }

    /// One more member has a line. Returns whether all have it now.
    fn reached(&mut self, by: ClientNo, speaker: usize, number: u32) -> bool {
        if let Some(member) = self.members.get_mut(by.index()) {
            member.heard += 1;
        }
        let Some(speaking) = self.speaking.get_mut(speaker) else {
            return false;
        };
        let place = number.wrapping_sub(speaking.first) as usize;
        let Some(remaining) = speaking.remaining.get_mut(place) else {
            return false;
        };
        *remaining = remaining.saturating_sub(1);
        let is_complete = *remaining == 0;
        while speaking.remaining.front() == Some(&0) {
            speaking.remaining.pop_front();
            speaking.first = speaking.first.wrapping_add(1);
        }
        is_complete
    }

    /// The server told a client that it left lines out.
    pub fn missed(&mut self, who: ClientNo, lines: u64) {
        match self.members.get_mut(who.index()) {
            Some(member) => member.told_missed += lines,
            None => self.told_strangers += lines,
        }
        self.follows_no_more(who);
    }

    /// How many lines the server said it left out.
    pub fn told_missed(&self) -> u64 {
        let members = self.members.iter().map(|member| member.told_missed);
        members.sum::<u64>() + self.told_strangers
    }

    /// Deliveries in flight: neither made nor said to be left out.
    pub fn outstanding(&self) -> u64 {
        self.balances()
            .map(|(owed, had)| owed.saturating_sub(had))
            .sum()
    }

    /// Lines that the server said it left out although they arrived, or were never said. Lines in
    /// flight hide as many: see [`unheard_ends`](Self::unheard_ends).
    pub fn told_too_many(&self) -> u64 {
        let surplus = self.balances().map(|(owed, had)| had.saturating_sub(owed));
        surplus.sum::<u64>() + self.told_strangers
    }

    /// For each member, how many lines were said to it, and how many it heard or was told of.
    fn balances(&self) -> impl Iterator<Item = (u64, u64)> {
        let spoken = |speaking: &Speaking| u64::from(speaking.next());
        let all: u64 = self.speaking.iter().map(spoken).sum();
        self.members.iter().enumerate().map(move |(place, member)| {
            let own = |who: &ClientNo| !self.echoes && who.index() == place;
            let own = self.speakers.iter().position(own);
            let own = own
                .and_then(|speaker| self.speaking.get(speaker))
                .map_or(0, spoken);
            (all - own, member.heard + member.told_missed)
        })
    }

    /// How many times a member has not heard the last line of a speaker. With none, nothing is in
    /// flight, whatever the server told.
    pub fn unheard_ends(&self) -> u64 {
        let rows = self.hearing.chunks(self.speakers.len().max(1));
        let unheard = rows.enumerate().flat_map(|(member, row)| {
            let speakers = row.iter().zip(&self.speaking).zip(&self.speakers);
            speakers.filter(move |((hearing, speaking), speaker)| {
                let hears_it = self.echoes || speaker.index() != member;
                hears_it && hearing.awaited < speaking.next()
            })
        });
        unheard.count() as u64
    }

    /// Lines in flight count as lost.
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
mod tests;
