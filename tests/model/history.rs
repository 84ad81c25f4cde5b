//! Histories: all actions of clients, in any order, with few enough names and rooms for constant
//! conflicts.

use std::time::Duration;

use chinwag::chat::ids::ClientId;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::harness::{Harness, LOBBY, MOTD, SERVER_NAME, peer_of};
use crate::line::{Line, any_line, any_name};
use crate::model::Model;

/// Connections at a time, at most.
const SLOTS: usize = 5;
/// Small, so that most clients soon reach the limit.
const ROOMS_PER_CLIENT_MAX: usize = 3;

/// One step of a history. A client is given by its slot.
#[derive(Clone, Debug)]
pub enum Op {
    Connect(usize),
    /// A connection that registers at once.
    Arrive(usize, String),
    Disconnect(usize),
    /// The client becomes a further connection of the user that the other has.
    Attach(usize, usize),
    Line(usize, Line),
    /// A line of a connection that is gone, while its successor may be there.
    LateLine(usize, Line),
    /// The client refuses private messages, or takes them again.
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
    /// It sent `/quit`; the server reads no more of it and will soon close it.
    Closing(ClientId),
}

impl History {
    /// All slots are taken, all but the last by a registered client.
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

    /// Applies one step to the core and the model, and compares them.
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
            Op::Attach(slot, to) => self.attach(*slot, *to),
            Op::Line(slot, line) => self.line(*slot, line.clone()),
            Op::LateLine(slot, line) => self.late_line(*slot, line),
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
        self.compare_state();
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

    fn attach(&mut self, slot: usize, to: usize) {
        let (Slot::Open(id), Slot::Open(to) | Slot::Closing(to)) =
            (self.slots[slot], self.slots[to])
        else {
            return;
        };
        self.model.attach(id, to);
        assert_eq!(self.harness.attach(id, to), self.model.take());
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

    /// A late line has no effect and causes no event.
    fn late_line(&mut self, slot: usize, line: &Line) {
        let next = self.harness.next_id(slot);
        let generation = match self.slots[slot] {
            Slot::Vacant => next.generation.checked_sub(1),
            Slot::Open(id) | Slot::Closing(id) => id.generation.checked_sub(1),
        };
        if let Some(generation) = generation {
            let gone = ClientId { generation, ..next };
            assert_eq!(self.harness.line(gone, line), self.model.take());
            assert_eq!(self.harness.disconnect(gone), self.model.take());
            // Its user may be here by another.
            self.model.undelivered(gone, "ann", 1);
            assert_eq!(self.harness.undelivered(gone, "ann", 1), self.model.take());
        }
    }

    fn refuse(&mut self, slot: usize, refuses: bool) {
        if let Slot::Open(id) = self.slots[slot] {
            self.model.refuse(id, refuses);
            self.harness.recorder.refuse(id, refuses);
        }
    }

    /// Compares the core's public state with the model's.
    fn compare_state(&self) {
        let counts = self.harness.chat.counts();
        let counts = (counts.clients, counts.registered, counts.rooms);
        assert_eq!(counts, self.model.counts());
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
        12 => (slot(), any_name()).prop_map(|(slot, name)| Op::Arrive(slot, name)),
        2 => slot().prop_map(Op::Disconnect),
        4 => (slot(), slot()).prop_map(|(slot, to)| Op::Attach(slot, to)),
        80 => (slot(), any_line()).prop_map(|(slot, line)| Op::Line(slot, line)),
        1 => (slot(), any_line()).prop_map(|(slot, line)| Op::LateLine(slot, line)),
        3 => (slot(), any::<bool>()).prop_map(|(slot, refuses)| Op::Refuse(slot, refuses)),
        3 => (0_u64..3000).prop_map(Op::Wait),
        1 => (slot(), any_name()).prop_map(|(slot, to)| Op::Undelivered(slot, to)),
        1 => slot().prop_map(Op::AreYouThere),
        1 => Just(Op::ShutDown),
    ]
}
