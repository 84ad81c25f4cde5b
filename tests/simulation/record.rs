//! What the witness heard, who is in every room and reads everything: in which order each room's
//! lines came, who was there, and so how many lines each of the others is to hear.

use std::collections::{BTreeMap, BTreeSet};

use crate::heard::Heard;
use crate::history::{History, WITNESS};
use crate::people::Person;
use crate::plan::ROOMS;

#[derive(Debug, Default)]
pub struct Record {
    /// What was said in rooms, by number.
    said: BTreeMap<usize, Said>,
    /// What each person is to hear or to miss.
    due: BTreeMap<usize, Due>,
    /// Who is in which rooms, as far as the witness was told.
    rooms: BTreeMap<usize, BTreeSet<String>>,
    /// Whether that is known: in a crowd nobody is told.
    crowd: bool,
}

#[derive(Debug)]
pub struct Said {
    /// How many came before it, in any room.
    pub place: usize,
    pub room: String,
    /// Who was there to hear it, if that is known.
    hearers: Option<BTreeSet<usize>>,
}

/// How many lines somebody is to hear or to miss.
#[derive(Clone, Debug, Default)]
pub struct Due {
    pub by_room: BTreeMap<String, u64>,
    /// These are told once to whoever shares rooms, in one of them.
    pub renames: u64,
}

impl Due {
    pub fn total(&self) -> u64 {
        self.by_room.values().sum::<u64>() + self.renames
    }

    pub fn add(&mut self, room: &str) {
        *self.by_room.entry(room.to_owned()).or_default() += 1;
    }
}

impl Record {
    pub fn of(history: &History, heard: &[Heard]) -> Self {
        let mut record = Self {
            crowd: history.plan.crowd,
            ..Self::default()
        };
        for line in heard {
            record.note(history, line);
        }
        record
    }

    /// What is known of something that was said in a room.
    pub fn said(&self, number: usize) -> Option<&Said> {
        self.said.get(&number)
    }

    /// What somebody is to hear, if that can be known of them.
    pub fn due(&self, person: &Person) -> Option<Due> {
        let is_known = !self.crowd || stays_in_the_lobby(person);
        let is_known = is_known && !person.habits.ignores && person.number != WITNESS;
        is_known.then(|| self.due.get(&person.number).cloned().unwrap_or_default())
    }

    fn note(&mut self, history: &History, line: &Heard) {
        match line {
            Heard::Said { room, from, text } => {
                let room = room.as_deref().expect("JSON names the room");
                self.note_said(history, room, *from, text);
            }
            Heard::Joined { room, who } => {
                assert!(!self.crowd, "the witness wants quiet");
                self.add_to_others(room, *who);
                let is_new = self.rooms.entry(*who).or_default().insert(room.clone());
                assert!(is_new, "c{who} joins {room} twice");
            }
            Heard::Left { room, who } => {
                assert!(!self.crowd, "the witness wants quiet");
                let was_there = self.rooms.entry(*who).or_default().remove(room);
                assert!(was_there, "c{who} leaves {room}, and was not there");
                self.add_to_others(room, *who);
            }
            Heard::Renamed { who } => {
                assert!(!self.crowd, "the witness wants quiet");
                let shared = self.rooms.get(who).cloned().unwrap_or_default();
                for (other, rooms) in &self.rooms {
                    if other != who && !rooms.is_disjoint(&shared) {
                        self.due.entry(*other).or_default().renames += 1;
                    }
                }
            }
            Heard::Missed { .. } => panic!("the witness reads everything, and misses lines"),
            Heard::Summary => panic!("the witness gets a summary"),
            Heard::Private { .. }
            | Heard::Undelivered { .. }
            | Heard::Started
            | Heard::Answer(_)
            | Heard::Other => {}
        }
    }

    fn note_said(&mut self, history: &History, room: &str, from: usize, text: &str) {
        let number = number_in(text);
        let hearers = (!self.crowd).then(|| self.others_in(room, from));
        if self.crowd {
            let residents = history.people.iter().filter(|person| {
                room == ROOMS[0] && person.number != from && stays_in_the_lobby(person)
            });
            for person in residents {
                self.due.entry(person.number).or_default().add(room);
            }
        } else {
            self.add_to_others(room, from);
        }
        let said = Said {
            place: self.said.len(),
            room: room.to_owned(),
            hearers,
        };
        let before = self.said.insert(number, said);
        assert!(before.is_none(), "the witness hears twice: {text}");
    }

    fn others_in(&self, room: &str, who: usize) -> BTreeSet<usize> {
        let others = self.rooms.iter();
        let there = others.filter(|(other, rooms)| **other != who && rooms.contains(room));
        there.map(|(other, _)| *other).collect()
    }

    fn add_to_others(&mut self, room: &str, who: usize) {
        for other in self.others_in(room, who) {
            self.due.entry(other).or_default().add(room);
        }
    }
}

impl Said {
    pub fn is_for(&self, who: usize) -> bool {
        let hearers = self.hearers.as_ref();
        who == WITNESS || hearers.is_none_or(|hearers| hearers.contains(&who))
    }
}

/// Of a crowd, whoever was there before anything was said and stays is known to be in the lobby.
fn stays_in_the_lobby(person: &Person) -> bool {
    person.habits.resident && !person.habits.newcomer
}

/// The number that whatever was uttered begins with.
pub fn number_in(text: &str) -> usize {
    let number = text.split(' ').next().unwrap_or_default().parse();
    number.unwrap_or_else(|_| panic!("nobody said this: {text}"))
}
