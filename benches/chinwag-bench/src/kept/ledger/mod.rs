//! Lines that are to be kept: what was answered, what was heard live, and what comes back later.
//!
//! A line that was answered `ok` must come back, at the id of that answer, once, and in the order that
//! a witness heard. One that was never answered, or refused, may come back: its sender does not know.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use crate::client::ClientNo;
use crate::ledger::DeliveryErrors;

/// A line by its sender, and by the number that the sender gave to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    pub sender: ClientNo,
    pub number: u32,
}

/// Where a line is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Room,
    /// It waits for one who is not here.
    Mailbox(ClientNo),
}

#[derive(Clone, Copy, Debug)]
struct Line {
    place: Place,
    id: Option<u64>,
    is_answered: bool,
    /// Its place in the order that the witness heard.
    heard: Option<u64>,
    /// The last pass that it came back in.
    shown_in: Option<u32>,
}

/// One reading of all that a place keeps.
#[derive(Clone, Debug, Default)]
struct Pass {
    number: u32,
    /// What has this id, or a lower one, is not read.
    since: u64,
    last_id: u64,
    last_heard: Option<u64>,
    /// The last line of each sender.
    last_of: HashMap<ClientNo, u32>,
    shown: u64,
}

/// What must be zero.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    pub errors: DeliveryErrors,
    /// Lines that have another id than was said before, or an id that another line has.
    pub renumbered: u64,
    /// The first of all, in words.
    pub first: Option<String>,
}

impl Faults {
    fn note(&mut self, what: impl FnOnce() -> String) {
        self.first.get_or_insert_with(what);
    }
}

#[derive(Default)]
pub struct Ledger {
    lines: HashMap<Key, Line>,
    ids: HashMap<u64, Key>,
    /// Lines that the witness heard.
    heard: u64,
    /// Lines of the room that were answered, and that the witness has not heard.
    unheard: u64,
    pass: Pass,
    faults: Faults,
}

impl Ledger {
    pub fn sent(&mut self, key: Key, place: Place) {
        let line = Line {
            place,
            id: None,
            is_answered: false,
            heard: None,
            shown_in: None,
        };
        self.lines.insert(key, line);
    }

    /// The line was answered `ok`, with an id if it is kept.
    pub fn answered(&mut self, key: Key, id: Option<u64>) {
        if let Some(line) = self.lines.get_mut(&key) {
            line.is_answered = true;
            self.unheard += u64::from(line.place == Place::Room && line.heard.is_none());
        }
        self.claim(key, id);
    }

    /// The witness heard the line.
    pub fn heard(&mut self, key: Key, id: Option<u64>) {
        match self.lines.get_mut(&key) {
            Some(line) if line.heard.is_none() && line.place == Place::Room => {
                line.heard = Some(self.heard);
                self.heard += 1;
                self.unheard -= u64::from(line.is_answered);
            }
            _ => {
                self.faults.errors.duplicated += 1;
                self.faults
                    .note(|| format!("{key} was heard again, or was never said"));
            }
        }
        self.claim(key, id);
    }

    /// How many lines were answered, and not heard yet.
    pub fn unheard(&self) -> u64 {
        self.unheard
    }

    /// The ids of lines that were said before a server ended may go to nobody, and those who were to
    /// hear them are gone.
    pub fn forget_unheard(&mut self) {
        self.unheard = 0;
    }

    /// From now on a place is read from its beginning, or from behind an id.
    pub fn begin_pass(&mut self, since: u64) {
        self.pass = Pass {
            number: self.pass.number + 1,
            since,
            last_id: since,
            ..Pass::default()
        };
    }

    /// A line came back from a place.
    pub fn shown(&mut self, place: Place, key: Key, id: u64) {
        self.claim(key, Some(id));
        let pass = &mut self.pass;
        let (number, before) = (pass.number, pass.shown);
        let Some(line) = self
            .lines
            .get_mut(&key)
            .filter(|line| line.place == place && !was_shown(line, number))
        else {
            self.faults.errors.duplicated += 1;
            self.faults
                .note(|| format!("{key} came back twice, or was not said there"));
            return;
        };
        line.shown_in = Some(number);
        pass.shown = before + 1;
        let last_number = pass.last_of.insert(key.sender, key.number);
        let is_in_order = id > pass.last_id
            && line.heard.is_none_or(|heard| Some(heard) > pass.last_heard)
            && last_number.is_none_or(|last| key.number > last);
        pass.last_id = pass.last_id.max(id);
        pass.last_heard = pass.last_heard.max(line.heard);
        if !is_in_order {
            self.faults.errors.out_of_order += 1;
            self.faults
                .note(|| format!("{key} came back behind one that was said after it"));
        }
    }

    /// All that a place keeps was read: what was answered and did not come back is lost. Returns how
    /// many lines came back.
    pub fn end_pass(&mut self, place: Place) -> u64 {
        let (number, since) = (self.pass.number, self.pass.since);
        for (key, line) in &self.lines {
            let is_due = line.place == place && line.is_answered && line.id > Some(since);
            if is_due && !was_shown(line, number) {
                self.faults.errors.lost += 1;
                self.faults.note(|| {
                    let id = line.id.unwrap_or_default();
                    format!("{key} was answered with id {id}, and is not kept")
                });
            }
        }
        self.pass.shown
    }

    /// The id that the next page is to begin behind.
    pub fn last_id(&self) -> u64 {
        self.pass.last_id
    }

    /// What went wrong since this was asked last.
    pub fn take_faults(&mut self) -> Faults {
        std::mem::take(&mut self.faults)
    }

    /// A line has one id, and an id one line, whatever was lost in between.
    fn claim(&mut self, key: Key, id: Option<u64>) {
        let (Some(id), Some(line)) = (id, self.lines.get_mut(&key)) else {
            return;
        };
        let own = *line.id.get_or_insert(id);
        let owner = match self.ids.entry(id) {
            Entry::Occupied(owner) => *owner.get(),
            Entry::Vacant(place) => *place.insert(key),
        };
        if own != id || owner != key {
            self.faults.renumbered += 1;
            self.faults
                .note(|| format!("{key} has id {own}, and {owner} has id {id}"));
        }
    }
}

/// Whether a line came back already: in this reading of the room, and ever from a mailbox, which lets go of
/// what it has delivered.
fn was_shown(line: &Line, pass: u32) -> bool {
    match line.place {
        Place::Room => line.shown_in == Some(pass),
        Place::Mailbox(_) => line.shown_in.is_some(),
    }
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {} of {}", self.number, self.sender)
    }
}

#[cfg(test)]
mod tests;
