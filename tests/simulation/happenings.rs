//! What happens in a history: people come, talk and go, sockets fill up, break and are told of
//! late or for nothing, and time passes.

use std::time::Duration;

use chinwag::server::switchboard::Readiness;

use crate::history::History;
use crate::people::{Habits, Line, Person};

/// Where time does not leap, less than this passes: nobody can stall.
const UNSTALLED_TIME: Duration = Duration::from_secs(28);

/// In a leap nobody stalls who has just read something; in two anybody else can.
const LEAP_SECONDS_MAX: usize = 27;

impl History {
    /// One of all the things that can happen.
    pub fn step(&mut self) {
        match self.chance.below(100) {
            0..=33 => self.speak(),
            34..=43 => self.newcomer(),
            44..=61 => self.sockets_change(),
            62..=64 => self.some_reset(),
            65..=67 => self.somebody_half_closes(),
            68..=71 => self.spurious_readiness(),
            72..=76 => self.time_passes(),
            77 => self.time_leaps(),
            78..=85 => self.everybody_is_heard(),
            86..=88 if self.plan.crowd => self.a_place_changes_hands(),
            89 => self.run(),
            _ => {
                for _ in 0..self.chance.below(4) {
                    self.turn();
                }
            }
        }
        if self.chance.one_in(2) {
            self.turn();
        }
        self.look();
    }

    fn speak(&mut self) {
        let who = self.somebody();
        if !self.people[who].may_speak() {
            return;
        }
        let lines_max = if self.chance.one_in(6) {
            40
        } else {
            self.plan.chattiness
        };
        for _ in 0..self.chance.between(1..=lines_max) {
            let Some((line, text)) = self.compose(who) else {
                continue;
            };
            self.type_line(who, &text);
            self.people[who].sent.push(line);
            if self.people[who].has_quit {
                break;
            }
        }
        self.people[who].deliver_some(&mut self.chance);
        self.tell_perhaps(who);
    }

    fn newcomer(&mut self) {
        let is_here = |person: &&Person| !person.client.is_closed();
        if self.people.iter().filter(is_here).count() >= self.plan.people_max {
            return;
        }
        let habits = Habits {
            ignores: self.chance.one_in(6),
            silent: self.chance.one_in(20),
            newcomer: true,
            ..self.draw_habits()
        };
        let who = self.arrive(habits);
        if !habits.steady && !habits.plodding && self.chance.one_in(6) {
            let room = self.chance.below(400);
            self.people[who].set_room(room, usize::MAX, false);
        }
        if habits.ignores && !habits.silent {
            let ignored = self.chance.below(who);
            self.type_line(who, &format!("/ignore c{ignored}"));
            self.people[who].sent.push(Line::Other);
        }
        self.introduce(who);
    }

    fn sockets_change(&mut self) {
        let count_max = if self.plan.crowd { 60 } else { 4 };
        for _ in 0..self.chance.between(1..=count_max) {
            let who = self.somebody();
            let habits = self.people[who].habits;
            if habits.steady || habits.plodding {
                continue;
            }
            let chance = &mut self.chance;
            let room = match chance.below(self.plan.slowness + 2) {
                0 => usize::MAX,
                1 => chance.below(3000.max(6 * self.plan.limits.line_bytes_max)),
                2 => 0,
                _ => chance.below(150),
            };
            let write_max = if chance.one_in(3) {
                chance.between(1..=50)
            } else {
                usize::MAX
            };
            let breaks = !self.people[who].habits.resident && chance.one_in(60);
            self.people[who].set_room(room, write_max, breaks);
            self.tell_perhaps(who);
        }
    }

    fn some_reset(&mut self) {
        let count_max = if self.plan.crowd { 8 } else { 1 };
        for _ in 0..self.chance.between(1..=count_max) {
            let who = self.somebody();
            if !self.people[who].habits.resident || self.chance.one_in(10) {
                self.people[who].reset();
                self.tell_perhaps(who);
            }
        }
    }

    fn somebody_half_closes(&mut self) {
        let who = self.somebody();
        if !self.people[who].habits.resident || self.chance.one_in(6) {
            self.people[who].half_close(&mut self.chance);
            self.tell_perhaps(who);
        }
    }

    /// The poll says what is not so, of people who are there and who are long gone.
    fn spurious_readiness(&mut self) {
        for _ in 0..4 {
            let readiness = Readiness {
                readable: self.chance.one_in(2),
                writable: self.chance.one_in(2),
                hung_up: self.chance.one_in(2),
            };
            let who = self.somebody();
            let id = self.people[who].client.id;
            self.server.switchboard.ready(id, readiness);
        }
    }

    /// Before time goes on, who reads slowly reads something.
    fn plodders_read(&mut self) {
        for person in &mut self.people {
            if person.habits.plodding {
                let bytes = self.chance.between(1..=200);
                person.set_room(bytes, usize::MAX, false);
                person.tell(&mut self.server);
            }
        }
        self.turn();
    }

    /// A little time, in which each deadline is met.
    fn time_passes(&mut self) {
        let time = Duration::from_millis(self.chance.below(2000) as u64);
        if self.plan.stalls || self.passed + time < UNSTALLED_TIME {
            self.passed += time;
            self.plodders_read();
            self.server.pass(time);
        }
    }

    /// The server wakes up late, and much is due.
    fn time_leaps(&mut self) {
        if self.plan.stalls {
            let time = self.chance.below(LEAP_SECONDS_MAX);
            let time = Duration::from_secs(time as u64);
            self.plodders_read();
            self.server.now = self.server.now.after(time);
            self.turn();
        }
    }

    fn everybody_is_heard(&mut self) {
        for person in &mut self.people {
            person.deliver_some(&mut self.chance);
            person.tell(&mut self.server);
        }
        self.turn();
    }

    /// Somebody whom a fan-out has not reached is gone, and another has their slot.
    fn a_place_changes_hands(&mut self) {
        self.everybody_reads();
        let can_speak = |person: &Person| person.habits.resident && person.may_speak();
        let Some(speaker) = self.people[1..].iter().position(can_speak) else {
            return;
        };
        let speaker = speaker + 1; // as the witness was passed over
        self.say(speaker);
        self.turn();
        let waits = |person: &Person| {
            person.client.wire.borrow().to_client.is_empty() && !person.client.is_closed()
        };
        let Some(gone) = self.people.iter().rposition(waits) else {
            return;
        };
        self.people[gone].reset();
        self.people[gone].tell(&mut self.server);
        self.turn();
        self.newcomer();
        self.turn();
        self.say(speaker);
        self.turn();
    }

    /// Nothing waits for anybody.
    fn everybody_reads(&mut self) {
        for person in &mut self.people {
            person.read_everything();
            person.tell(&mut self.server);
        }
        self.run();
        self.look();
    }

    /// A line that arrives at once.
    fn say(&mut self, who: usize) {
        let (line, text) = self.short_line(who);
        self.type_line(who, &text);
        self.people[who].sent.push(line);
        self.people[who].deliver_all();
        self.people[who].tell(&mut self.server);
    }

    /// Anybody but the witness, whether or not they are still there.
    fn somebody(&mut self) -> usize {
        self.chance.between(1..=self.people.len() - 1)
    }
}
