//! What one person heard, held against what was uttered and what the witness heard.

use std::collections::{BTreeMap, BTreeSet};

use crate::heard::{Answer, Heard};
use crate::history::History;
use crate::people::Person;
use crate::record::{Due, Record, number_in};

#[derive(Debug, Default)]
pub struct View {
    /// Lines of rooms that came, and that were left out.
    pub heard: Due,
    pub missed: BTreeMap<String, u64>,
    /// The numbers of private messages that came.
    pub delivered: BTreeSet<usize>,
    /// How many private messages to whom were taken and lost, as it was told.
    pub told: BTreeMap<usize, u64>,
    pub answers: Vec<Answer>,
    pub started: bool,
    /// The place of the last room line in the witness's order.
    last_place: Option<usize>,
    /// The last number heard from each, in rooms and privately.
    last_from: BTreeMap<usize, usize>,
}

impl View {
    /// Reads what `person` heard; panics at the first line that they should not have heard then.
    pub fn of(history: &History, record: &Record, person: &Person, heard: Vec<Heard>) -> Self {
        let mut view = Self::default();
        for line in heard {
            // Before all of a crowd want quiet, joins are told to some and summed up to others.
            let counts = view.started || !history.plan.crowd;
            view.note(history, record, person, line, counts);
        }
        view
    }

    pub fn missed_in_all(&self) -> u64 {
        self.missed.values().sum()
    }

    fn note(
        &mut self,
        history: &History,
        record: &Record,
        person: &Person,
        line: Heard,
        counts: bool,
    ) {
        match line {
            Heard::Said { room, from, text } => {
                let number = self.check_uttered(history, false, from, &text);
                let said = record.said(number);
                let said = said.unwrap_or_else(|| panic!("the witness did not hear: {text}"));
                assert!(
                    self.last_place < Some(said.place),
                    "order in a room: {text}"
                );
                assert!(
                    said.is_for(person.number),
                    "was not in {}: {text}",
                    said.room
                );
                assert!(
                    room.is_none_or(|room| room == said.room),
                    "not there: {text}"
                );
                self.last_place = Some(said.place);
                self.heard.add(&said.room);
            }
            Heard::Private { from, text } => {
                let number = self.check_uttered(history, true, from, &text);
                let is_new = self.delivered.insert(number);
                assert!(is_new, "a private message came twice: {text}");
            }
            Heard::Joined { room, who } | Heard::Left { room, who } => {
                assert_ne!(who, person.number, "told of their own coming and going");
                if counts {
                    self.heard.add(&room);
                }
            }
            Heard::Renamed { who } => {
                assert_ne!(who, person.number, "told of their own new name");
                self.heard.renames += u64::from(counts);
            }
            Heard::Missed { room, count } => {
                assert_ne!(count, 0, "missed nothing in {room}");
                *self.missed.entry(room).or_default() += count;
            }
            Heard::Undelivered { to, count } => *self.told.entry(to).or_default() += count,
            Heard::Started => {
                assert!(!self.started, "one answer to one line");
                self.started = true;
            }
            Heard::Answer(answer) if self.started => self.answers.push(answer),
            Heard::Summary => assert!(history.plan.crowd, "a summary in a small room"),
            Heard::Answer(_) | Heard::Other => {}
        }
    }

    /// That it was uttered just like this, and what one person says keeps its order. Returns its
    /// number.
    fn check_uttered(
        &mut self,
        history: &History,
        private: bool,
        from: usize,
        text: &str,
    ) -> usize {
        let number = number_in(text);
        let uttered = &history.utterances[number];
        assert_eq!(text, uttered.text, "as it was typed");
        assert_eq!((from, private), (uttered.from, uttered.private), "{text}");
        let last = self.last_from.insert(from, number);
        assert!(last < Some(number), "order of what c{from} said: {text}");
        number
    }
}
