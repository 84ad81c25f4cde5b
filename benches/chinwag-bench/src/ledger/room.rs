//! A room's lines: each must reach every other member once, and all in one order.
//!
//! Every member has an account of its own, so that what one was told too much does not hide what
//! another lacks.

use std::collections::VecDeque;
use std::mem;
use std::ops::Range;

use super::DeliveryErrors;
use crate::client::ClientNo;
use crate::dialect::Dialect;

/// A line, by its speaker and its number.
type Line = (ClientNo, u32);

pub struct RoomLedger {
    /// A speaker hears itself.
    echoes: bool,
    members: Vec<Member>,
    /// The first members speak.
    speakers: Vec<Speaker>,
    /// What each member has heard of each speaker, a row for each member.
    hearing: Vec<Hearing>,
    /// Lines in the order in which they first reached a member that lacks none before them.
    order: Vec<Line>,
    /// Lines that the server said it left out, to a client that is no member.
    told_strangers: u64,
    errors: DeliveryErrors,
}

#[derive(Clone, Debug)]
struct Member {
    heard: u64,
    told_missed: u64,
    /// Lines of speakers that did not come before later ones.
    skipped: Vec<(ClientNo, Range<u32>)>,
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
struct Speaker {
    /// The number of the first of `remaining`.
    first: u32,
    /// How many members each line has still to reach.
    remaining: VecDeque<u32>,
}

impl Speaker {
    /// The number that the next line will have, and of how many there are.
    fn next(&self) -> u32 {
        let ahead = u32::try_from(self.remaining.len()).unwrap_or(u32::MAX);
        self.first.wrapping_add(ahead)
    }

    /// One more member has a line. Returns whether all have it now.
    fn reached(&mut self, number: u32) -> bool {
        let place = number.wrapping_sub(self.first) as usize;
        let Some(remaining) = self.remaining.get_mut(place) else {
            return false;
        };
        *remaining = remaining.saturating_sub(1);
        let is_complete = *remaining == 0;
        while self.remaining.front() == Some(&0) {
            self.remaining.pop_front();
            self.first = self.first.wrapping_add(1);
        }
        is_complete
    }
}

impl Follower {
    /// All that hear every line must hear them in one order. Returns how many were not.
    fn hear(
        &mut self,
        line: Line,
        heard: &mut Hearing,
        speakers: usize,
        order: &mut Vec<Line>,
    ) -> u64 {
        self.fresh.push(line);
        let round = self.rounds + 1;
        self.speakers += usize::from(mem::replace(&mut heard.round, round) != round);
        if self.speakers < speakers {
            return 0;
        }
        let mut swapped = 0;
        for line in self.last.drain(..) {
            match order.get(self.place) {
                None => order.push(line),
                Some(first) => swapped += u64::from(*first != line),
            }
            self.place += 1;
        }
        mem::swap(&mut self.last, &mut self.fresh);
        self.rounds = round;
        self.speakers = 0;
        swapped
    }
}

impl RoomLedger {
    /// The dialect says whether a speaker hears itself, and whether all hear lines in one order.
    pub fn new(members: usize, speakers: usize, dialect: &Dialect) -> Self {
        let echoes = dialect.echoes;
        let member = |place: usize| Member {
            heard: 0,
            told_missed: 0,
            skipped: Vec::new(),
            follower: (dialect.orders_rooms && (echoes || place >= speakers))
                .then(Follower::default),
        };
        Self {
            echoes,
            members: (0..members).map(member).collect(),
            speakers: vec![Speaker::default(); speakers],
            hearing: vec![Hearing::default(); members * speakers],
            order: Vec::new(),
            told_strangers: 0,
            errors: DeliveryErrors::default(),
        }
    }

    /// Notes a line, and gives it its number.
    pub fn spoken(&mut self, speaker: usize) -> u32 {
        let listeners = self.members.len() - usize::from(!self.echoes);
        let Some(speaker) = self.speakers.get_mut(speaker) else {
            return 0;
        };
        let number = speaker.next();
        let listeners = u32::try_from(listeners).unwrap_or(u32::MAX);
        speaker.remaining.push_back(listeners);
        number
    }

    /// Notes an arrival. Returns, if the line was awaited, whether all members have it now.
    pub fn arrived(&mut self, by: ClientNo, from: ClientNo, number: u32) -> Option<bool> {
        let heard = self.heard(by, from, number);
        self.errors.duplicated += u64::from(heard.is_none());
        heard
    }

    fn heard(&mut self, by: ClientNo, from: ClientNo, number: u32) -> Option<bool> {
        let speakers = self.speakers.len();
        let speaker = self.speakers.get_mut(from.index())?;
        let hears_it = number < speaker.next() && (self.echoes || by != from);
        let member = self.members.get_mut(by.index()).filter(|_| hears_it)?;
        let hearing = self.hearing.get_mut(by.index() * speakers + from.index())?;
        if number < hearing.awaited {
            // Late, or for the second time.
            take_out(&mut member.skipped, from, number)?;
            self.errors.out_of_order += 1;
        } else {
            let skipped = hearing.awaited..number;
            hearing.awaited = number.saturating_add(1);
            if !skipped.is_empty() {
                member.skipped.push((from, skipped));
                // Its place in the order cannot be told any more.
                member.follower = None;
            }
            if let Some(follower) = &mut member.follower {
                let line = (from, number);
                self.errors.out_of_order += follower.hear(line, hearing, speakers, &mut self.order);
            }
        }
        member.heard += 1;
        Some(speaker.reached(number))
    }

    /// The server told a client that it left lines out.
    pub fn missed(&mut self, who: ClientNo, lines: u64) {
        match self.members.get_mut(who.index()) {
            Some(member) => {
                member.told_missed += lines;
                member.follower = None;
            }
            None => self.told_strangers += lines,
        }
    }

    pub fn told_missed(&self) -> u64 {
        let members = self.members.iter().map(|member| member.told_missed);
        members.sum::<u64>() + self.told_strangers
    }

    /// Lines that the server said it left out although they arrived, or were never said. Lines in
    /// flight hide as many: see [`unheard_ends`](Self::unheard_ends).
    pub fn told_too_many(&self) -> u64 {
        let surplus = self.balances().map(|(owed, had)| had.saturating_sub(owed));
        surplus.sum::<u64>() + self.told_strangers
    }

    /// For each member, how many lines were said to it, and how many it heard or was told of.
    fn balances(&self) -> impl Iterator<Item = (u64, u64)> {
        let said = self
            .speakers
            .iter()
            .map(|speaker| u64::from(speaker.next()));
        let all: u64 = said.clone().sum();
        let own = said.map(|own| if self.echoes { 0 } else { own });
        let members = self.members.iter().zip(own.chain(std::iter::repeat(0)));
        members.map(move |(member, own)| (all - own, member.heard + member.told_missed))
    }

    /// How many times a member has not heard the last line of a speaker. With none, nothing is in
    /// flight, whatever the server told.
    pub fn unheard_ends(&self) -> u64 {
        let rows = self.hearing.chunks(self.speakers.len().max(1));
        let unheard = rows.enumerate().flat_map(|(member, row)| {
            let speakers = row.iter().zip(&self.speakers).enumerate();
            speakers.filter(move |(place, (hearing, speaker))| {
                (self.echoes || *place != member) && hearing.awaited < speaker.next()
            })
        });
        unheard.count() as u64
    }

    /// Lines in flight, neither heard nor said to be left out, count as lost.
    pub fn errors(&self) -> DeliveryErrors {
        let lost = self.balances().map(|(owed, had)| owed.saturating_sub(had));
        DeliveryErrors {
            lost: lost.sum(),
            ..self.errors
        }
    }
}

/// Takes a line out of ranges, if it is in one.
fn take_out(skipped: &mut Vec<(ClientNo, Range<u32>)>, from: ClientNo, number: u32) -> Option<()> {
    let is_it =
        |(speaker, range): &(ClientNo, Range<u32>)| *speaker == from && range.contains(&number);
    let place = skipped.iter().position(is_it)?;
    let (_, range) = skipped.swap_remove(place);
    let parts = [range.start..number, number + 1..range.end];
    let parts = parts.into_iter().filter(|part| !part.is_empty());
    skipped.extend(parts.map(|part| (from, part)));
    Some(())
}

#[cfg(test)]
mod tests;
