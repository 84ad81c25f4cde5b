//! What the witness got, which is in every room and reads everything: in which order each room's
//! lines came, who was there, and so how many lines each of the others is to hear.

use std::collections::{BTreeMap, BTreeSet};

use crate::client_log::Received;
use crate::clients::{Client, Switch};
use crate::history::{History, WITNESS};
use crate::plan::{ROOMS, TOLD_MAX};
use crate::scenes::number_in;

#[derive(Debug)]
pub struct RoomLog<'a> {
    history: &'a History,
    /// Whether nobody is told who is in the lobby, one by one.
    crowd: bool,
    /// What was said in rooms, by number.
    said: BTreeMap<usize, Said>,
    /// The numbers in the order of their places.
    order: Vec<usize>,
    /// What each person is to hear or to miss.
    due: Vec<Due>,
    ears: Vec<Ears<'a>>,
    /// Who is in which rooms, as far as the witness was told.
    rooms: BTreeMap<usize, BTreeSet<String>>,
    /// Who was in the lobby of a crowd to stay there, and has left it all the same: for good.
    gone: BTreeSet<usize>,
    /// How many others are there, as far as the witness was told.
    others: BTreeMap<String, u64>,
    /// How many lines came before the one that is looked at.
    place: usize,
    counts: bool,
}

#[derive(Debug)]
pub struct Said {
    /// How many came before it, in any room.
    pub place: usize,
    pub room: String,
    /// Who was there to hear it, if that is known.
    hearers: Option<BTreeSet<usize>>,
    /// For whom of them it was, whatever they had set.
    certain: BTreeSet<usize>,
}

/// How many lines somebody is to hear or to miss: at least, and at most.
#[derive(Clone, Debug, Default)]
pub struct Due {
    pub by_room: BTreeMap<String, (u64, u64)>,
    /// New names are told once to whoever shares rooms, in one of them.
    pub renames: (u64, u64),
}

/// Whom somebody does not hear.
#[derive(Clone, Debug, Default)]
struct Ears<'a> {
    /// Those that came to pass.
    switches: Vec<&'a Switch>,
    /// So many of them are over.
    past: usize,
    /// They have said something in a room: so whatever they sent before was done.
    has_spoken: bool,
}

/// What is known of whether a line is for somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum IsFor {
    Yes,
    Perhaps,
    No,
}

impl Due {
    pub fn total(&self) -> (u64, u64) {
        let sum = |all: (u64, u64), one: &(u64, u64)| (all.0 + one.0, all.1 + one.1);
        self.by_room.values().fold(self.renames, sum)
    }

    fn add(&mut self, room: Option<&str>, is_for: IsFor) {
        let count = match room {
            Some(room) => self.by_room.entry(room.to_owned()).or_default(),
            None => &mut self.renames,
        };
        count.0 += u64::from(is_for == IsFor::Yes);
        count.1 += u64::from(is_for != IsFor::No);
    }
}

impl Ears<'_> {
    /// Whether somebody's lines are for them, of which the witness hears one in this place.
    fn hear(&self, whom: usize, place: usize) -> IsFor {
        let mut is_for = IsFor::Yes;
        for (number, switch) in self.switches.iter().enumerate() {
            if switch.whom != whom {
                continue;
            }
            if number >= self.past && switch.since <= place {
                return IsFor::Perhaps;
            }
            if number < self.past {
                is_for = if switch.on { IsFor::No } else { IsFor::Yes };
            }
        }
        is_for
    }
}

impl<'a> RoomLog<'a> {
    /// `came_to_pass` says whether a switch was not refused.
    pub fn of(
        history: &'a History,
        heard: &[Received],
        uncounted: usize,
        came_to_pass: impl Fn(&Client, &Switch) -> bool,
    ) -> Self {
        let ears = |client: &'a Client| Ears {
            switches: client
                .switches
                .iter()
                .filter(|switch| came_to_pass(client, switch))
                .collect(),
            ..Ears::default()
        };
        let mut record = Self {
            history,
            crowd: history.plan.is_crowd(),
            said: BTreeMap::new(),
            order: Vec::new(),
            due: vec![Due::default(); history.clients.len()],
            ears: history.clients.iter().map(ears).collect(),
            rooms: BTreeMap::new(),
            gone: BTreeSet::new(),
            others: BTreeMap::new(),
            place: 0,
            counts: false,
        };
        for (place, line) in heard.iter().enumerate() {
            record.place = place;
            // In a crowd, what the first were told while they came is anybody's guess.
            record.counts = !record.crowd || place >= uncounted;
            record.note(line);
        }
        record
    }

    /// What is known of something that was said in a room.
    pub fn said(&self, number: usize) -> Option<&Said> {
        self.said.get(&number)
    }

    /// How many lines between two places were for somebody without a doubt.
    pub fn said_between(&self, after: Option<usize>, before: usize, who: usize) -> u64 {
        let first = after.map_or(0, |place| place + 1);
        let numbers = self.order.get(first..before).unwrap_or_default();
        let is_for = |number: &&usize| self.said[*number].certain.contains(&who);
        numbers.iter().filter(is_for).count() as u64
    }

    /// What somebody is to hear, if that can be known of them.
    pub fn due(&self, client: &Client) -> Option<&Due> {
        let is_known = !self.crowd || client.habits.resident;
        let is_known = is_known && client.number != WITNESS && client.habits.registers();
        is_known.then(|| &self.due[client.number])
    }

    /// Who is in a room besides the witness: how many, if everyone is told, and who, if that is.
    pub fn population(&self, room: &str) -> (Option<u64>, Option<BTreeSet<usize>>) {
        let is_told = self.history.clients.len() <= TOLD_MAX;
        let count = is_told.then(|| self.others.get(room).copied().unwrap_or_default());
        let is_here = |rooms: &BTreeSet<String>| rooms.contains(room);
        let here = self.rooms.iter().filter(|(_, rooms)| is_here(rooms));
        let who = (!self.crowd).then(|| here.map(|(who, _)| *who).collect());
        (count, who)
    }

    fn note(&mut self, line: &Received) {
        match line {
            Received::Said { room, from, text } => {
                let room = room.as_deref().expect("JSON names the room");
                self.note_said(room, *from, text);
            }
            Received::Joined { room, who } => {
                self.add_to_all(room, *who, true);
                self.note_change(room, 1, 0);
                assert!(
                    !self.gone.contains(who),
                    "c{who} joins after leaving for good"
                );
                let is_new = self.rooms.entry(*who).or_default().insert(room.clone());
                assert!(is_new || self.crowd, "c{who} joins {room} twice");
            }
            Received::Left { room, who, .. } => {
                let was_there = self.rooms.entry(*who).or_default().remove(room);
                assert!(
                    was_there || self.crowd,
                    "c{who} leaves {room} from elsewhere"
                );
                self.note_change(room, 0, 1);
                if self.crowd && self.history.clients[*who].habits.resident {
                    self.gone.insert(*who);
                }
                self.add_to_all(room, *who, true);
            }
            Received::Summary {
                room,
                joined,
                left,
                names,
            } => {
                assert!(self.crowd, "a summary in a small room");
                assert!(!names.is_empty() && names.len() <= 2, "some are named");
                self.note_change(room, *joined, *left);
                let is_late = |who: &usize| *joined > 0 && self.gone.contains(who);
                assert!(
                    !names.iter().any(is_late),
                    "{names:?} join after leaving for good"
                );
                // Who came alone knows it already.
                let who = if joined + left == 1 {
                    names[0]
                } else {
                    WITNESS
                };
                self.add_to_all(room, who, true);
            }
            Received::Renamed { who } => self.note_rename(*who),
            Received::Missed { .. } => panic!("the witness reads everything, and misses lines"),
            _ => {}
        }
    }

    fn note_change(&mut self, room: &str, joined: u64, left: u64) {
        let others = self.others.entry(room.to_owned()).or_default();
        // Where there were too many, some were not told.
        let is_told = self.history.clients.len() <= TOLD_MAX;
        assert!(
            !is_told || *others + joined >= left,
            "more left {room} than were there"
        );
        *others = (*others + joined).saturating_sub(left);
    }

    fn note_said(&mut self, room: &str, from: usize, text: &str) {
        let number = number_in(text);
        let hearers = (!self.crowd).then(|| self.others_in(room));
        let others = hearers.iter().flatten().copied();
        let is_certain = |other: &usize| self.ears[*other].hear(from, self.place) == IsFor::Yes;
        let certain = others.filter(|other| *other != from).filter(is_certain);
        let certain = certain.collect();
        self.add_to_all(room, from, false);
        if self
            .history
            .utterances
            .get(number)
            .is_some_and(|said| said.echo)
        {
            self.add(from, Some(room), IsFor::Yes);
        }
        let ears = &mut self.ears[from];
        ears.has_spoken = true;
        while ears
            .switches
            .get(ears.past)
            .is_some_and(|one| one.until <= number)
        {
            ears.past += 1;
        }
        let said = Said {
            place: self.said.len(),
            room: room.to_owned(),
            hearers,
            certain,
        };
        self.order.push(number);
        let before = self.said.insert(number, said);
        assert!(before.is_none(), "the witness hears twice: {text}");
    }

    fn note_rename(&mut self, who: usize) {
        if self.crowd {
            let is_there = self.history.clients[who].habits.resident;
            let told = if is_there { IsFor::Yes } else { IsFor::Perhaps };
            for other in self.residents() {
                let is_for = self.hears_presence(other, told);
                if other != who {
                    self.add(other, None, is_for);
                }
            }
            return;
        }
        let shared = self.rooms.get(&who).cloned().unwrap_or_default();
        let sharing = |(other, rooms): (&usize, &BTreeSet<String>)| {
            (*other != who && !rooms.is_disjoint(&shared)).then_some(*other)
        };
        let others: Vec<usize> = self.rooms.iter().filter_map(sharing).collect();
        for other in others {
            let is_for = self.hears_presence(other, IsFor::Yes);
            self.add(other, None, is_for);
        }
    }

    /// A line of the room for everybody there but `who`, of whom it is.
    fn add_to_all(&mut self, room: &str, who: usize, is_presence: bool) {
        let hearers: Vec<usize> = if self.crowd && room == ROOMS[0] {
            self.residents()
        } else if self.crowd {
            return; // who is known of is in the lobby only
        } else {
            self.others_in(room).into_iter().collect()
        };
        for hearer in hearers {
            let is_for = if is_presence {
                self.hears_presence(hearer, IsFor::Yes)
            } else {
                self.ears[hearer].hear(who, self.place)
            };
            // Until a newcomer to a crowd has spoken they may not be there.
            let is_there = !self.crowd
                || !self.history.clients[hearer].habits.newcomer
                || self.ears[hearer].has_spoken;
            let is_for = match is_for {
                IsFor::Yes if !is_there => IsFor::Perhaps,
                other => other,
            };
            if hearer != who {
                self.add(hearer, Some(room), is_for);
            }
        }
    }

    /// Who wants quiet hears of no coming, going and renaming.
    fn hears_presence(&self, hearer: usize, told: IsFor) -> IsFor {
        let habits = &self.history.clients[hearer].habits;
        let asked_before = self.ears[hearer].has_spoken || (self.crowd && !habits.newcomer);
        match told {
            _ if !habits.quiet && self.crowd && habits.newcomer && !asked_before => IsFor::Perhaps,
            told if !habits.quiet => told,
            _ if asked_before => IsFor::No,
            _ => IsFor::Perhaps,
        }
    }

    fn add(&mut self, who: usize, room: Option<&str>, is_for: IsFor) {
        if self.counts {
            self.due[who].add(room, is_for);
        }
    }

    /// Of a crowd, who is in the lobby and stays there, or may be about to come.
    fn residents(&self) -> Vec<usize> {
        let may_be_there = |client: &&Client| {
            client.habits.resident
                && client.habits.registers()
                && client.number != WITNESS
                && client.arrived_after <= self.place
        };
        let residents = self.history.clients.iter().filter(may_be_there);
        residents.map(|client| client.number).collect()
    }

    fn others_in(&self, room: &str) -> BTreeSet<usize> {
        let there = self.rooms.iter().filter(|(_, rooms)| rooms.contains(room));
        there.map(|(other, _)| *other).collect()
    }
}

impl Said {
    /// Whether somebody was there to hear it.
    pub fn is_for(&self, who: usize) -> bool {
        let hearers = self.hearers.as_ref();
        who == WITNESS || hearers.is_none_or(|hearers| hearers.contains(&who))
    }
}
