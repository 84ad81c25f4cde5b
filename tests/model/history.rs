//! Histories: anything that clients may do, in any order, with so few names and rooms that they are
//! always in each other's way.

use std::time::Duration;

use chinwag::chat::command::{Mode, Verb};
use chinwag::chat::ids::ClientId;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use crate::harness::{Harness, LOBBY, MOTD, SERVER_NAME, peer_of};
use crate::line::{Line, Of, Wrong};
use crate::model::Model;

/// So many connections at most.
const SLOTS: usize = 5;
/// So few that most clients soon stand before that limit.
const ROOMS_PER_CLIENT_MAX: usize = 3;

/// One step of a history. Clients are told by their slot.
#[derive(Clone, Debug)]
pub enum Op {
    Connect(usize),
    /// A connection that gives its name at once.
    Arrive(usize, String),
    Disconnect(usize),
    Line(usize, Line),
    /// A line of a connection that is gone, while its successor may be there.
    Leftover(usize, Line),
    /// The client takes no private messages, or takes them again.
    Refuse(usize, bool),
    Wait(u64),
    Undelivered(usize, String),
    AreYouThere(usize),
    ShutDown,
}

/// The core and the model side by side.
#[derive(Debug)]
pub struct History {
    harness: Harness,
    model: Model,
    slots: [Slot; SLOTS],
    lines: u64,
}

#[derive(Clone, Copy, Debug)]
enum Slot {
    Vacant,
    Open(ClientId),
    /// It said `/quit`; the server reads no more of it and will soon end it.
    Closing(ClientId),
}

impl History {
    /// All slots taken, all but the last with a name.
    pub fn begin() -> Self {
        let mut history = Self {
            harness: Harness::new(ROOMS_PER_CLIENT_MAX),
            model: Model::new(SERVER_NAME, LOBBY, ROOMS_PER_CLIENT_MAX, &MOTD),
            slots: [Slot::Vacant; SLOTS],
            lines: 0,
        };
        for slot in 0..SLOTS {
            history.step(&Op::Connect(slot));
        }
        for (slot, name) in ["ann", "Bob", "cat", "dan"].into_iter().enumerate() {
            history.step(&Op::Line(slot, Line::Nick(name.into())));
        }
        history
    }

    /// Does one step in both worlds and compares them.
    pub fn step(&mut self, op: &Op) {
        match op {
            Op::Connect(slot) => self.connect(*slot),
            Op::Arrive(slot, name) => {
                if let Slot::Vacant = self.slots[*slot] {
                    self.connect(*slot);
                }
                self.line(*slot, Line::Nick(name.clone()));
            }
            Op::Disconnect(slot) => self.disconnect(*slot),
            Op::Line(slot, line) => self.line(*slot, line.clone()),
            Op::Leftover(slot, line) => self.leftover(*slot, line),
            Op::Refuse(slot, refuses) => self.refuse(*slot, *refuses),
            Op::Wait(ms) => {
                self.model.wait(*ms);
                let seen = self.harness.wait(Duration::from_millis(*ms));
                assert_eq!(seen, self.model.take());
            }
            Op::Undelivered(slot, to) => {
                if let Slot::Open(from) | Slot::Closing(from) = self.slots[*slot] {
                    self.model.undelivered(from, to, 3);
                    let seen = self.harness.undelivered(from, to, 3);
                    assert_eq!(seen, self.model.take());
                }
            }
            Op::AreYouThere(slot) => {
                if let Slot::Open(id) = self.slots[*slot] {
                    self.model.are_you_there(id);
                    assert_eq!(self.harness.are_you_there(id), self.model.take());
                }
            }
            Op::ShutDown => {
                self.model.shut_down();
                assert_eq!(self.harness.shut_down(), self.model.take());
            }
        }
        self.compare_standing();
    }

    fn connect(&mut self, slot: usize) {
        if let Slot::Vacant = self.slots[slot] {
            let id = self.harness.next_id(slot);
            self.slots[slot] = Slot::Open(id);
            self.model.connect(id, &peer_of(id).to_string());
            assert_eq!(self.harness.connect(id), self.model.take());
        }
    }

    fn disconnect(&mut self, slot: usize) {
        if let Slot::Open(id) | Slot::Closing(id) = self.slots[slot] {
            self.slots[slot] = Slot::Vacant;
            self.model.disconnect(id);
            assert_eq!(self.harness.disconnect(id), self.model.take());
        }
    }

    fn line(&mut self, slot: usize, line: Line) {
        let id = match self.slots[slot] {
            Slot::Open(id) => id,
            Slot::Closing(_) => return self.disconnect(slot),
            Slot::Vacant => return,
        };
        self.lines += 1;
        let line = line.with_text(&format!("line {}", self.lines));
        self.model.line(id, &line);
        let seen = self.harness.line(id, &line);
        let closed = seen.closed.contains(&id);
        assert_eq!(seen, self.model.take(), "{id}: {line:?}");
        if closed {
            self.slots[slot] = Slot::Closing(id);
            self.model.refuse(id, true);
            self.harness.recorder.refuse(id, true);
        }
    }

    /// Nothing comes of it, and nobody hears of it.
    fn leftover(&mut self, slot: usize, line: &Line) {
        let next = self.harness.next_id(slot);
        let generation = match self.slots[slot] {
            Slot::Vacant => next.generation.checked_sub(1),
            Slot::Open(id) | Slot::Closing(id) => id.generation.checked_sub(1),
        };
        if let Some(generation) = generation {
            let gone = ClientId { generation, ..next };
            assert_eq!(self.harness.line(gone, line), self.model.take());
            assert_eq!(self.harness.disconnect(gone), self.model.take());
            assert_eq!(self.harness.undelivered(gone, "ann", 1), self.model.take());
        }
    }

    fn refuse(&mut self, slot: usize, refuses: bool) {
        if let Slot::Open(id) = self.slots[slot] {
            self.model.refuse(id, refuses);
            self.harness.recorder.refuse(id, refuses);
        }
    }

    /// What can be asked of the core from outside, after every step.
    fn compare_standing(&self) {
        let census = self.harness.chat.counts();
        let counts = (census.clients, census.registered, census.rooms);
        assert_eq!(counts, self.model.census());
        for slot in self.slots {
            let (Slot::Open(id) | Slot::Closing(id)) = slot else {
                continue;
            };
            let name = self.harness.chat.name_of(id).map(|name| name.to_string());
            assert_eq!(name, self.model.name_of(id));
            assert_eq!(self.harness.chat.peer_of(id), Some(peer_of(id)));
            let mode = chinwag::chat::outbox::Outbox::mode(&self.harness.recorder, id);
            assert_eq!(Some(mode), self.model.mode_of(id));
        }
    }
}

pub fn ops() -> impl Strategy<Value = Vec<Op>> {
    vec(op(), 60..=200)
}

fn op() -> impl Strategy<Value = Op> {
    let slot = || 0..SLOTS;
    prop_oneof![
        2 => slot().prop_map(Op::Connect),
        12 => (slot(), name()).prop_map(|(slot, name)| Op::Arrive(slot, name)),
        2 => slot().prop_map(Op::Disconnect),
        80 => (slot(), line()).prop_map(|(slot, line)| Op::Line(slot, line)),
        1 => (slot(), line()).prop_map(|(slot, line)| Op::Leftover(slot, line)),
        3 => (slot(), any::<bool>()).prop_map(|(slot, refuses)| Op::Refuse(slot, refuses)),
        3 => (0_u64..3000).prop_map(Op::Wait),
        1 => (slot(), name()).prop_map(|(slot, to)| Op::Undelivered(slot, to)),
        1 => slot().prop_map(Op::AreYouThere),
        1 => Just(Op::ShutDown),
    ]
}

fn line() -> impl Strategy<Value = Line> {
    prop_oneof![
        30 => talk(),
        20 => place(),
        20 => setting(),
        10 => question(),
        3 => wrong().prop_map(Line::Wrong),
        2 => option::of(note()).prop_map(Line::Quit),
    ]
}

/// What is said is numbered later, see [`Line::with_text`].
fn talk() -> impl Strategy<Value = Line> {
    let text = String::new;
    prop_oneof![
        8 => Just(Line::Say(text())),
        3 => Just(Line::Act(text())),
        12 => typed().prop_map(move |to| Line::Private(vec![to], text())),
        6 => vec(typed(), 2..=4).prop_map(move |to| Line::Private(to, text())),
        1 => vec(typed(), 15..=18).prop_map(move |to| Line::Private(to, text())),
        6 => Just(Line::Reply(text())),
    ]
}

/// Names and rooms.
fn place() -> impl Strategy<Value = Line> {
    prop_oneof![
        5 => name().prop_map(Line::Nick),
        3 => hash_line().prop_map(Line::Hash),
        8 => room().prop_map(Line::Join),
        4 => option::of(room()).prop_map(Line::Part),
        3 => option::of(note()).prop_map(Line::Topic),
    ]
}

fn setting() -> impl Strategy<Value = Line> {
    prop_oneof![
        4 => option::of(note()).prop_map(Line::Away),
        1 => Just(Line::Back),
        8 => option::weighted(0.9, ignorable()).prop_map(Line::Ignore),
        6 => option::weighted(0.9, ignorable()).prop_map(Line::Unignore),
        2 => option::of(any::<bool>()).prop_map(Line::Quiet),
        2 => option::of(any::<bool>()).prop_map(Line::Echo),
        1 => option::of(select(vec![Mode::Plain, Mode::Json])).prop_map(Line::Mode),
    ]
}

fn question() -> impl Strategy<Value = Line> {
    let page = || prop_oneof![5 => Just(1_usize), 1 => Just(0), 1 => Just(2)];
    let of = prop_oneof![
        Just(Of::CurrentRoom),
        Just(Of::Everyone),
        room().prop_map(Of::Room)
    ];
    prop_oneof![
        4 => typed().prop_map(Line::Whois),
        4 => (of, page()).prop_map(|(of, page)| Line::Names(of, page)),
        2 => page().prop_map(Line::Rooms),
        1 => Just(Line::Ping("π".into())),
        1 => Just(Line::Stats),
        1 => Just(Line::Version),
        1 => option::of(Just(Verb::Msg)).prop_map(Line::Help),
    ]
}

/// Names that can be read as such, whether or not one may have them.
fn name() -> impl Strategy<Value = String> {
    words(&[
        "ann", "Ann", "bob", "BOB", "cat", "dan", "eve", "fay", "den", "lobby", "root",
    ])
}

/// What is typed where a user is meant.
fn typed() -> impl Strategy<Value = String> {
    prop_oneof![
        9 => words(&["ann", "ANN", "bob", "cat", "dan", "eve", "fay"]),
        1 => words(&["nobody", "Nobody", "", "9x", "den", "ann ann"]),
    ]
}

/// Fewer, so that who is forgiven often was ignored.
fn ignorable() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => words(&["ann", "BOB", "cat"]),
        1 => typed(),
    ]
}

fn room() -> impl Strategy<Value = String> {
    words(&["lobby", "den", "#DEN", "attic", "Pit", "ann", "2024"])
}

fn hash_line() -> impl Strategy<Value = String> {
    words(&[
        "#ann",
        "#eve",
        "#Cat",
        "#here",
        "#9",
        "#",
        "#include <stdio.h>",
        "#a-name_of-25-letters-far-2-long",
    ])
}

/// Topics, away and quit texts, around their longest: bytes count, not characters.
fn note() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => words(&["", "Tea", "back at 5"]),
        1 => Just("é".repeat(150)),
        1 => Just("é".repeat(150) + "!"),
    ]
}

fn wrong() -> impl Strategy<Value = Wrong> {
    select(vec![
        Wrong::UnknownCommand,
        Wrong::LineTooLong,
        Wrong::BadRoom,
        Wrong::BadName,
        Wrong::Usage(Verb::Msg),
        Wrong::Usage(Verb::Nick),
        Wrong::Usage(Verb::Help),
        Wrong::Usage(Verb::Mode),
        Wrong::MissingColon,
        Wrong::NoText,
    ])
}

fn words(words: &[&'static str]) -> impl Strategy<Value = String> + use<> {
    select(words.to_vec()).prop_map(String::from)
}
