//! The log of the witness, which is in every room and reads everything: the order and the members of
//! each room, and from them the lines due to each client.

use std::collections::{BTreeMap, BTreeSet};

use crate::client_log::Received;
use crate::clients::{Client, Switch};
use crate::history::{History, WITNESS};
use crate::plan::{ROOMS, TOLD_MAX};
use crate::scenes::number_in;

#[derive(Debug)]
pub struct RoomLog<'a> {
    history: &'a History,
    /// Whether joins and leaves of the lobby are not told one by one.
    crowd: bool,
    /// The room lines, by number.
    said: BTreeMap<usize, Said>,
    /// The numbers in the order of their places.
    order: Vec<usize>,
    /// The lines due to each client, received or skipped.
    due: Vec<Due>,
    ears: Vec<Ears<'a>>,
    /// The rooms of each client, as far as the witness was told.
    rooms: BTreeMap<usize, BTreeSet<String>>,
    /// Residents of a crowd's lobby that have left it, for good.
    gone: BTreeSet<usize>,
    /// Rooms of which a summary came.
    summed_up: BTreeSet<String>,
    /// The number of other members, as far as the witness was told.
    others: BTreeMap<String, u64>,
    /// The number of lines before the current one.
    place: usize,
    counts: bool,
}

#[derive(Debug)]
pub struct Said {
    /// The number of lines before it, in all rooms.
    pub place: usize,
    pub room: String,
    /// The members at that time, if known.
    hearers: Option<BTreeSet<usize>>,
    /// The members that it was for, with any settings.
    certain: BTreeSet<usize>,
}

/// The lines due to a client, received or skipped: at least, and at most.
#[derive(Clone, Debug, Default)]
pub struct Due {
    pub by_room: BTreeMap<String, (u64, u64)>,
    /// A rename, and the end of a user, is told once to a client that shares rooms, in one of them.
    pub once: (u64, u64),
    /// The ends of users that may have been told in a room.
    pub perhaps_here: BTreeMap<String, u64>,
}

/// The ignores of a client.
#[derive(Clone, Debug, Default)]
struct Ears<'a> {
    /// The changes that happened.
    switches: Vec<&'a Switch>,
    /// The number of changes in the past.
    past: usize,
    /// The client has spoken in a room, so that all of its earlier lines were executed.
    has_spoken: bool,
}

/// Whether a line is for a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum IsFor {
    Yes,
    Perhaps,
    No,
}

impl Due {
    pub fn total(&self) -> (u64, u64) {
        let sum = |all: (u64, u64), one: &(u64, u64)| (all.0 + one.0, all.1 + one.1);
        self.by_room.values().fold(self.once, sum)
    }

    fn add(&mut self, room: Option<&str>, is_for: IsFor) {
        let count = match room {
            Some(room) => self.by_room.entry(room.to_owned()).or_default(),
            None => &mut self.once,
        };
        count.0 += u64::from(is_for == IsFor::Yes);
        count.1 += u64::from(is_for != IsFor::No);
    }
}

impl Ears<'_> {
    /// Whether a line of `target`, which the witness hears in this place, is for the client.
    fn hear(&self, target: usize, place: usize) -> IsFor {
        let mut is_for = IsFor::Yes;
        for (number, switch) in self.switches.iter().enumerate() {
            if switch.target != target {
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
    /// `came_to_pass` tells whether a switch was not refused.
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
            summed_up: BTreeSet::new(),
            others: BTreeMap::new(),
            place: 0,
            counts: false,
        };
        for (place, line) in heard.iter().enumerate() {
            record.place = place;
            // In a crowd, the notices of the first clients during the start are undetermined.
            record.counts = !record.crowd || place >= uncounted;
            record.note(line);
        }
        record
    }

    /// A room line, by its number.
    pub fn said(&self, number: usize) -> Option<&Said> {
        self.said.get(&number)
    }

    /// The number of lines between two places that were certainly for a client.
    pub fn said_between(&self, after: Option<usize>, before: usize, index: usize) -> u64 {
        let first = after.map_or(0, |place| place + 1);
        let numbers = self.order.get(first..before).unwrap_or_default();
        let is_for = |number: &&usize| self.said[*number].certain.contains(&index);
        numbers.iter().filter(is_for).count() as u64
    }

    /// The lines due to a client, if they are known.
    pub fn due(&self, client: &Client) -> Option<&Due> {
        let is_known = !self.crowd || client.habits.resident;
        let is_known = is_known && client.number != WITNESS && client.habits.registers();
        is_known.then(|| &self.due[client.number])
    }

    /// The other members of a room: their number, if it is told, and the clients, if they are named.
    pub fn population(&self, room: &str) -> (Option<u64>, Option<BTreeSet<usize>>) {
        let is_told = self.history.clients.len() <= TOLD_MAX;
        // Of a room that was summed up at times, it is not known who was in it when they were gone.
        let is_told = is_told && (room == ROOMS[0] || !self.summed_up.contains(room));
        let count = is_told.then(|| self.others.get(room).copied().unwrap_or_default());
        let is_here = |rooms: &BTreeSet<String>| rooms.contains(room);
        let here = self.rooms.iter().filter(|(_, rooms)| is_here(rooms));
        let index = (!self.crowd).then(|| here.map(|(index, _)| *index).collect());
        (count, index)
    }

    fn note(&mut self, line: &Received) {
        match line {
            Received::Said { room, from, text } => {
                let room = room.as_deref().expect("JSON names the room");
                self.note_said(room, *from, text);
            }
            Received::Joined { room, index } => {
                self.add_to_all(room, *index, true);
                self.note_change(room, 1, 0);
                assert!(
                    !self.gone.contains(index),
                    "c{index} joins after leaving for good"
                );
                let is_new = self.rooms.entry(*index).or_default().insert(room.clone());
                assert!(is_new || self.crowd, "c{index} joins {room} twice");
            }
            Received::Left {
                room,
                index,
                gone: true,
                ..
            } => self.note_end(room, *index),
            Received::Left { room, index, .. } => {
                let was_there = self.rooms.entry(*index).or_default().remove(room);
                assert!(
                    was_there || self.crowd,
                    "c{index} leaves {room} from elsewhere"
                );
                self.note_change(room, 0, 1);
                self.add_to_all(room, *index, true);
            }
            Received::Summary {
                room,
                joined,
                left,
                names,
            } => {
                assert!(self.crowd, "a summary in a small room");
                self.summed_up.insert(room.clone());
                assert!(!names.is_empty() && names.len() <= 2, "some are named");
                self.note_change(room, *joined, *left);
                let is_late = |index: &usize| *joined > 0 && self.gone.contains(index);
                assert!(
                    !names.iter().any(is_late),
                    "{names:?} join after leaving for good"
                );
                // A notice about one client does not go to it.
                let index = if joined + left == 1 {
                    names[0]
                } else {
                    WITNESS
                };
                self.add_to_all(room, index, true);
            }
            Received::Renamed { index } => self.note_rename(*index),
            Received::Missed { .. } => panic!("the witness reads everything, and misses lines"),
            _ => {}
        }
    }

    /// A user is gone from all rooms, which the witness is told in one of them: the lobby, if that is one that
    /// is told at once.
    fn note_end(&mut self, room: &str, index: usize) {
        let mut rooms = self.rooms.remove(&index).unwrap_or_default();
        let was_there = !rooms.insert(room.to_owned());
        assert!(
            was_there || self.crowd,
            "c{index} leaves {room} from elsewhere"
        );
        if self.crowd && room != ROOMS[0] {
            rooms.remove(ROOMS[0]); // a summary tells of it, or it was left before
        }
        for room in &rooms {
            self.note_change(room, 0, 1);
        }
        if self.crowd {
            if self.history.clients[index].habits.resident {
                self.gone.insert(index);
            }
            self.add_to_all(room, index, true);
            return;
        }
        for hearer in 0..self.history.clients.len() {
            let there = self.rooms.get(&hearer);
            let shared: Vec<String> = rooms
                .intersection(there.unwrap_or(&BTreeSet::new()))
                .cloned()
                .collect();
            let is_for = self.hears_presence(hearer, IsFor::Yes);
            match &shared[..] {
                [] => {}
                [room] => self.add(hearer, Some(room), is_for),
                _ => {
                    self.add(hearer, None, is_for);
                    for room in shared {
                        let perhaps = &mut self.due[hearer].perhaps_here;
                        *perhaps.entry(room).or_default() += 1;
                    }
                }
            }
        }
    }

    fn note_change(&mut self, room: &str, joined: u64, left: u64) {
        let others = self.others.entry(room.to_owned()).or_default();
        // Rooms that were too large got no notices for a time.
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

    fn note_rename(&mut self, index: usize) {
        if self.crowd {
            let is_there = self.history.clients[index].habits.resident;
            let told = if is_there { IsFor::Yes } else { IsFor::Perhaps };
            for other in self.residents() {
                let is_for = self.hears_presence(other, told);
                if other != index {
                    self.add(other, None, is_for);
                }
            }
            return;
        }
        let shared = self.rooms.get(&index).cloned().unwrap_or_default();
        let sharing = |(other, rooms): (&usize, &BTreeSet<String>)| {
            (*other != index && !rooms.is_disjoint(&shared)).then_some(*other)
        };
        let others: Vec<usize> = self.rooms.iter().filter_map(sharing).collect();
        for other in others {
            let is_for = self.hears_presence(other, IsFor::Yes);
            self.add(other, None, is_for);
        }
    }

    /// Counts a line of the room for every member but its subject.
    fn add_to_all(&mut self, room: &str, index: usize, is_presence: bool) {
        let hearers: Vec<usize> = if self.crowd && room == ROOMS[0] {
            self.residents()
        } else if self.crowd {
            return; // the known members are all in the lobby only
        } else {
            self.others_in(room).into_iter().collect()
        };
        for hearer in hearers {
            let is_for = if is_presence {
                self.hears_presence(hearer, IsFor::Yes)
            } else {
                self.ears[hearer].hear(index, self.place)
            };
            // Until a newcomer to a crowd has spoken, it may not be a member.
            let is_there = !self.crowd
                || !self.history.clients[hearer].habits.newcomer
                || self.ears[hearer].has_spoken;
            let is_for = match is_for {
                IsFor::Yes if !is_there => IsFor::Perhaps,
                other => other,
            };
            if hearer != index {
                self.add(hearer, Some(room), is_for);
            }
        }
    }

    /// A quiet client gets no joins, leaves and renames.
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

    fn add(&mut self, index: usize, room: Option<&str>, is_for: IsFor) {
        if self.counts {
            self.due[index].add(room, is_for);
        }
    }

    /// The residents of a crowd's lobby, and clients that may be about to join it.
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
    /// Whether a client was there to get it.
    pub fn is_for(&self, index: usize) -> bool {
        let hearers = self.hearers.as_ref();
        index == WITNESS || hearers.is_none_or(|hearers| hearers.contains(&index))
    }
}
