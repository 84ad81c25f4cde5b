//! What happens in a history: people come, talk and go, sockets fill up, break and are told of
//! late or for nothing, and time passes.

use std::time::Duration;

use chinwag::server::switchboard::Readiness;

use crate::history::History;
use crate::people::{ForeignProtocol, Habits};
use crate::plan::Kind;
use crate::typing::draw_habits;

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
            44..=59 => self.sockets_change(),
            60..=62 => self.some_reset(),
            63..=66 => self.somebody_half_closes(),
            67..=70 => self.spurious_readiness(),
            71..=75 => self.time_passes(),
            76 => self.time_leaps(),
            77..=83 => self.everybody_is_heard(),
            84..=86 if self.plan.is_crowd() => self.a_place_changes_hands(),
            87 => self.all_is_answered(),
            88 if self.plan.kind != Kind::Thousands => self.hoarders(),
            89 if self.chance.one_in(3) => self.a_deep_queue_is_cut(),
            89 => self.run(),
            90..=92 if self.plan.kind == Kind::Crowd => self.a_crowd_thins_out(),
            _ => {
                for _ in 0..self.chance.below(4) {
                    self.turn();
                }
            }
        }
        if self.chance.one_in(2) {
            self.turn();
        }
        self.watch();
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
            self.type_something(who);
            if self.people[who].has_quit {
                break;
            }
        }
        self.people[who].deliver_some(&mut self.chance);
        self.tell_perhaps(who);
    }

    pub fn newcomer(&mut self) {
        let is_here = |person: &&crate::people::Person| !person.client.is_closed();
        if self.people.iter().filter(is_here).count() >= self.plan.people_max {
            return;
        }
        let mut habits = Habits {
            silent: self.chance.one_in(20),
            newcomer: true,
            ..draw_habits(&mut self.chance)
        };
        if self.chance.one_in(12) {
            let stranger = self
                .chance
                .pick(&[ForeignProtocol::Http, ForeignProtocol::Tls]);
            habits.stranger = Some(stranger);
            habits.steady = true;
            habits.silent = false;
            habits.telnet = false;
            habits.marked = false;
        }
        let who = self.arrive(habits);
        if !self.people[who].reads_as_they_do() && self.chance.one_in(6) {
            let room = self.chance.below(400);
            self.people[who].set_room(room, usize::MAX, false);
        }
        if habits.stranger.is_some() {
            // Its first bytes in two pieces, before its time to register is up.
            self.people[who].deliver_some(&mut self.chance);
            self.people[who].tell(&mut self.server);
            self.turn();
        }
        self.introduce(who);
    }

    fn sockets_change(&mut self) {
        let count_max = if self.plan.is_crowd() { 60 } else { 4 };
        for _ in 0..self.chance.between(1..=count_max) {
            let who = self.somebody();
            if self.people[who].reads_as_they_do() {
                continue;
            }
            let limits = &self.plan.limits;
            let few = 3000.max(6 * limits.line_bytes_max);
            let many = 2 * limits.output_soft_bytes_max;
            let chance = &mut self.chance;
            let room = match chance.below(self.plan.slowness + 3) {
                0 => usize::MAX,
                1 => chance.below(few),
                2 => chance.below(many),
                3 => 0,
                _ => chance.below(150),
            };
            let write_max = if chance.one_in(3) && room < many {
                chance.between(1..=50)
            } else {
                usize::MAX
            };
            let breaks = !self.people[who].habits.resident && chance.one_in(60);
            if chance.one_in(4) {
                self.people[who].set_room_for_lines(room);
            } else {
                self.people[who].set_room(room, write_max, breaks);
            }
            self.tell_perhaps(who);
        }
    }

    fn some_reset(&mut self) {
        let count_max = if self.plan.is_crowd() { 8 } else { 1 };
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
    pub fn plodders_read(&mut self) {
        for person in &mut self.people {
            if person.habits.plodding && !person.habits.steady {
                let bytes = self.chance.between(1..=200);
                // Who was turned away reads at once why, or could stall in the last hour.
                if !person.was_refused {
                    person.set_room(bytes, usize::MAX, false);
                    person.tell(&mut self.server);
                }
            }
        }
        self.turn();
    }

    /// A little time, in which each deadline is met.
    fn time_passes(&mut self) {
        let time = Duration::from_millis(self.chance.below(2000) as u64);
        if self.may_pass(time) {
            self.plodders_read();
            self.pass(time);
        }
    }

    /// Whether so much time may pass now; it is taken as passed.
    pub fn may_pass(&mut self, time: Duration) -> bool {
        let may_pass = self.plan.stalls || self.passed + time < UNSTALLED_TIME;
        if may_pass {
            self.passed += time;
        }
        may_pass
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

    /// Nothing waits for anybody.
    pub fn everybody_reads(&mut self) {
        for person in &mut self.people {
            person.read_everything();
            person.tell(&mut self.server);
        }
        self.run();
        self.look();
    }

    /// What somebody has typed arrives at once.
    pub fn hear(&mut self, who: usize) {
        self.people[who].deliver_all();
        self.people[who].tell(&mut self.server);
    }

    /// Anybody but the witness, whether or not they are still there.
    fn somebody(&mut self) -> usize {
        self.chance.between(1..=self.people.len() - 1)
    }
}
