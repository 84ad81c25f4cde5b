//! A history, drawn ahead and without a look at any server, so that both worlds have the same.

use std::collections::BTreeSet;

use fastrand::Rng;

use crate::cast::{self, Actor, BLOCKED, FRIEND, PERSON, PUBLIC, Role, SECLUDED, Scenario};
use crate::lines;

/// Steps of one history.
const STEPS: usize = 220;

/// Connections of one user.
pub const SLOTS: usize = 2;

/// What somebody does in a step, or the world.
#[derive(Clone, Debug)]
pub enum Deed {
    /// A connection, on which these lines come first.
    Come { slot: usize, lines: Vec<String> },
    /// Lines in one packet.
    Say { slot: usize, lines: Vec<String> },
    /// What is on its way to the connection does not arrive from now on.
    Lag { slot: usize },
    /// The connection breaks.
    Reset { slot: usize },
    /// The client sends no more.
    HalfClose { slot: usize },
    /// Time passes.
    Pass { millis: u64 },
}

#[derive(Clone, Debug)]
pub struct Step {
    /// Nobody's where time passes.
    pub actor: usize,
    pub deed: Deed,
    /// The archive does all its work afterwards; else what it has to do waits on.
    pub settles: bool,
}

/// What the archive's limits are, and what happened before the history.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is one fact")]
pub struct Setting {
    /// Private messages that wait for one, and of one sender.
    pub waiting_max: u32,
    pub waiting_per_sender_max: u32,
    pub keeps_lobby: bool,
    /// The person gives receipts, and so do the outsiders.
    pub receipts: bool,
    /// The person's profile tells when they were here last.
    pub tells_seen: bool,
    /// Has private conversations kept.
    pub keeps_private: bool,
    /// Guests may leave messages for the person.
    pub strangers: bool,
    /// The person wrote to an outsider who has stayed since.
    pub wrote_before: bool,
}

#[derive(Clone, Debug)]
pub struct Plan {
    pub seed: u64,
    pub scenario: Scenario,
    pub hides: bool,
    pub setting: Setting,
    pub cast: Vec<Actor>,
    pub steps: Vec<Step>,
    /// From which step on each of the cast may know of the person.
    pub knows_from: Vec<usize>,
}

/// What is known of somebody while the history is drawn. Rooms are those that they may be in.
#[derive(Clone, Debug, Default)]
struct State {
    slots: [bool; SLOTS],
    rooms: BTreeSet<String>,
}

struct Drawing {
    rng: Rng,
    scenario: Scenario,
    cast: Vec<Actor>,
    states: Vec<State>,
    knows: Vec<bool>,
    /// The person goes where everybody goes.
    goes_out: bool,
    /// So little may wait that others' messages to the person count for each: nobody comes to know of them.
    is_narrow: bool,
    number: usize,
}

impl Plan {
    pub fn draw(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let scenario = match rng.u32(..4) {
            0 => Scenario::Block,
            _ => Scenario::Hidden,
        };
        let is_narrow = scenario == Scenario::Hidden && rng.bool();
        let setting = Setting {
            waiting_max: if is_narrow { 8 } else { 100 },
            waiting_per_sender_max: 3,
            keeps_lobby: rng.bool(),
            receipts: rng.bool(),
            tells_seen: rng.bool(),
            keeps_private: rng.bool(),
            strangers: rng.bool(),
            wrote_before: rng.bool(),
        };
        let cast = cast::cast(scenario);
        let mut drawing = Drawing {
            goes_out: rng.u32(..3) == 0,
            is_narrow,
            rng,
            scenario,
            states: vec![State::default(); cast.len()],
            knows: cast.iter().map(|one| one.role != Role::Outsider).collect(),
            cast,
            number: 0,
        };
        if setting.wrote_before {
            drawing.states[BLOCKED].slots[0] = true;
            drawing.states[BLOCKED].rooms.insert("lobby".to_owned());
            drawing.states[PERSON].slots[0] = scenario == Scenario::Hidden;
        }
        let mut steps = Vec::new();
        let mut knows_from: Vec<usize> = drawing
            .knows
            .iter()
            .map(|knows| if *knows { 0 } else { STEPS })
            .collect();
        while steps.len() < STEPS {
            let step = drawing.step();
            for (from, knows) in knows_from.iter_mut().zip(&drawing.knows) {
                if *knows {
                    *from = steps.len().min(*from);
                }
            }
            steps.push(step);
        }
        Self {
            seed,
            scenario,
            hides: scenario == Scenario::Hidden,
            setting,
            cast: drawing.cast,
            steps,
            knows_from,
        }
    }
}

impl Plan {
    /// Whether the person is here from the start.
    pub fn person_stays(&self) -> bool {
        self.setting.wrote_before && self.scenario == Scenario::Hidden
    }
}

impl Drawing {
    fn step(&mut self) -> Step {
        let settles = self.rng.u32(..4) > 0;
        if self.rng.u32(..14) == 0 {
            let millis = self.rng.u64(1..9000);
            let deed = Deed::Pass { millis };
            return Step {
                actor: PERSON,
                deed,
                settles,
            };
        }
        let actor = match self.rng.u32(..10) {
            0..2 => PERSON,
            2 => FRIEND,
            _ => self.rng.usize(..self.cast.len()),
        };
        let (deed, settles) = self.deed(actor, settles);
        self.note_who_knows();
        Step {
            actor,
            deed,
            settles,
        }
    }

    fn deed(&mut self, actor: usize, settles: bool) -> (Deed, bool) {
        let open: Vec<usize> = (0..SLOTS)
            .filter(|slot| self.states[actor].slots[*slot])
            .collect();
        let Some(slot) = self.rng.choice(open.iter().copied()) else {
            return (self.come(actor, 0), true);
        };
        match self.rng.u32(..40) {
            0 if open.len() < SLOTS && self.cast[actor].has_account => {
                (self.come(actor, 1 - slot), true)
            }
            1 => {
                self.end(actor, slot);
                (Deed::Reset { slot }, true)
            }
            2 => {
                self.end(actor, slot);
                let lines = vec!["/quit".to_owned()];
                (Deed::Say { slot, lines }, true)
            }
            3 => {
                self.end(actor, slot);
                (Deed::HalfClose { slot }, true)
            }
            4 if actor == PERSON => (Deed::Lag { slot }, settles),
            _ => {
                let (lines, must_settle) = self.lines(actor);
                (Deed::Say { slot, lines }, settles || must_settle)
            }
        }
    }

    fn end(&mut self, actor: usize, slot: usize) {
        let state = &mut self.states[actor];
        state.slots[slot] = false;
        if !state.slots.contains(&true) {
            state.rooms.clear();
        }
    }

    fn come(&mut self, actor: usize, slot: usize) -> Deed {
        let one = self.cast[actor];
        let mut lines = Vec::new();
        // The person's are read by nobody; all forms of the others' are compared.
        if self.rng.bool() {
            lines.push("/mode json".to_owned());
        }
        if one.has_account {
            lines.push(format!("/login {} {}", one.name, cast::password(one.name)));
        } else {
            if self.rng.u32(..4) == 0 {
                lines.push("/stats".to_owned());
                lines.push("#heidi".to_owned());
                lines.push("#he1di".to_owned());
            }
            lines.push(format!("#{}", one.name));
        }
        let state = &mut self.states[actor];
        state.slots[slot] = true;
        let enters_none = actor == PERSON && self.scenario == Scenario::Hidden;
        if !enters_none {
            state.rooms.insert("lobby".to_owned());
        }
        self.note_who_knows();
        let state = &mut self.states[actor];
        if actor == PERSON && self.scenario == Scenario::Block {
            // Where nobody is whom they block, now and then.
            if self.rng.u32(..4) > 0 {
                lines.push("/part lobby".to_owned());
                lines.push("/join nest".to_owned());
                state.rooms.remove("lobby");
                state.rooms.insert("nest".to_owned());
            }
        }
        if self.scenario == Scenario::Block && actor == BLOCKED {
            lines.push("/part lobby".to_owned());
            lines.push("/join tea".to_owned());
            state.rooms.remove("lobby");
            state.rooms.insert("tea".to_owned());
        }
        Deed::Come { slot, lines }
    }

    /// Lines, and whether the archive must work before the next step.
    fn lines(&mut self, actor: usize) -> (Vec<String>, bool) {
        let number = self.number + 1;
        self.number += 8;
        let role = self.role(actor);
        if self.rng.u32(..5) == 0 && !self.is_narrow {
            match role {
                Role::Person => return (self.goings_of_the_person(number), true),
                Role::Insider => return (self.meeting(actor, number), true),
                Role::Outsider => {}
            }
        }
        if role == Role::Outsider && self.cast[actor].has_account && self.rng.u32(..20) == 0 {
            self.note(actor, "/join dev");
            return (vec!["/join dev".to_owned(), "/keep".to_owned()], true);
        }
        if role == Role::Outsider && self.rng.u32(..15) == 0 {
            let lines = vec![
                format!("@heidi: t t{number}"),
                format!("/reply t t{}", number + 1),
            ];
            return (lines, false);
        }
        let count = if self.rng.u32(..8) == 0 { 4 } else { 1 };
        let mut lines = Vec::new();
        let mut must_settle = false;
        for one in 0..count {
            // A line before it can have let them know, as a `/join` does.
            let role = self.role(actor);
            let line = lines::line(&mut self.rng, role, number + one);
            must_settle |= self.note(actor, &line);
            lines.push(line);
        }
        (lines, must_settle)
    }

    fn role(&self, actor: usize) -> Role {
        if actor == PERSON {
            Role::Person
        } else if self.knows[actor] {
            Role::Insider
        } else {
            Role::Outsider
        }
    }

    /// The person comes into rooms, or goes.
    fn goings_of_the_person(&mut self, number: usize) -> Vec<String> {
        let secluded = *self.rng.choice(SECLUDED.iter()).unwrap();
        let public = *self.rng.choice(PUBLIC.iter()).unwrap();
        let lines = match self.rng.u32(..6) {
            0 if self.goes_out => vec![format!("/join {public}"), format!("/part {public}")],
            1 if self.goes_out => vec![format!("/join {public}")],
            2 => vec![format!("/part {secluded}")],
            3 => vec![format!("@ida: t t{number}")],
            // Speaking is being seen: only where nobody ever comes who is not told of it.
            4 if !self.goes_out && self.scenario == Scenario::Hidden => {
                vec![format!("/join {secluded}"), format!("t t{number}")]
            }
            _ => vec![format!("/join {secluded}")],
        };
        for line in &lines {
            self.note(PERSON, line);
        }
        // What is entered and left at once is shared, too.
        if let Some(room) = lines[0].strip_prefix("/join ")
            && lines.len() > 1
        {
            self.note_knowers_in(room);
        }
        lines
    }

    /// Somebody who may know of the person has to do with them.
    fn meeting(&mut self, actor: usize, number: usize) -> Vec<String> {
        let secluded = *self.rng.choice(SECLUDED.iter()).unwrap();
        let line = match self.rng.u32(..5) {
            0 => format!("/part {secluded}"),
            1 if self.cast[actor].role == Role::Insider => format!("@heidi: t t{number}"),
            2 if self.cast[actor].role == Role::Insider => format!("@olga: t t{number}"),
            _ => format!("/join {secluded}"),
        };
        self.note(actor, &line);
        vec![line]
    }

    /// Follows the rooms that somebody may be in. Returns whether one is left.
    fn note(&mut self, actor: usize, line: &str) -> bool {
        let rooms = &mut self.states[actor].rooms;
        if let Some(room) = line.strip_prefix("/join ") {
            let room = room.to_lowercase();
            rooms.insert(room.clone());
            // Also if it is left by the next line of the same step.
            self.knows[actor] |= self.states[PERSON].rooms.contains(&room);
        } else if let Some(room) = line.strip_prefix("/part ") {
            rooms.remove(&room.to_lowercase());
            return true;
        }
        false
    }

    fn note_knowers_in(&mut self, room: &str) {
        for (knows, state) in self.knows.iter_mut().zip(&self.states) {
            *knows |= state.rooms.contains(room);
        }
    }

    fn note_who_knows(&mut self) {
        for room in self.states[PERSON].rooms.clone() {
            self.note_knowers_in(&room);
        }
    }
}
