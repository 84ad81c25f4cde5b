//! The actions of a history: clients connect, send and leave, sockets fill up and break, readiness
//! comes late or for nothing, and time passes.

use std::time::Duration;

use chinwag::server::switchboard::Readiness;

use crate::client_input::draw_habits;
use crate::clients::{ForeignProtocol, Habits};
use crate::history::History;
use crate::plan::Kind;

/// Where time does not leap, less than this passes, so that no client can stall.
const UNSTALLED_TIME: Duration = Duration::from_secs(28);

/// A client that has just read cannot stall in one leap; any other can in two.
const LEAP_SECONDS_MAX: usize = 27;

impl History {
    /// One action.
    pub fn step(&mut self) {
        match self.rng.below(100) {
            0..=33 => self.speak(),
            34..=43 => self.new_client(),
            44..=59 => self.sockets_change(),
            60..=62 => self.random_resets(),
            63..=66 => self.random_half_close(),
            67..=70 => self.spurious_readiness(),
            71..=75 => self.time_passes(),
            76 => self.time_leaps(),
            77..=83 => self.deliver_to_server(),
            84..=86 if self.plan.is_crowd() => self.slot_is_reused(),
            87 => self.check_all_answered(),
            88 if self.plan.kind != Kind::Thousands => self.stalled_readers(),
            89 if self.rng.one_in(3) => self.long_queue_is_cut(),
            89 => self.run(),
            90..=92 if self.plan.kind == Kind::Crowd => self.crowd_shrinks(),
            _ => {
                for _ in 0..self.rng.below(4) {
                    self.turn();
                }
            }
        }
        if self.rng.one_in(2) {
            self.turn();
        }
        self.watch();
    }

    fn speak(&mut self) {
        let index = self.random_client();
        if !self.clients[index].may_speak() {
            return;
        }
        let lines_max = if self.rng.one_in(6) {
            40
        } else {
            self.plan.chattiness
        };
        for _ in 0..self.rng.between(1..=lines_max) {
            self.type_something(index);
            if self.clients[index].has_quit {
                break;
            }
        }
        self.clients[index].deliver_some(&mut self.rng);
        self.tell_perhaps(index);
    }

    pub fn new_client(&mut self) {
        let is_here = |client: &&crate::clients::Client| !client.connection.is_closed();
        if self.clients.iter().filter(is_here).count() >= self.plan.clients_max {
            return;
        }
        let mut habits = Habits {
            silent: self.rng.one_in(20),
            newcomer: true,
            ..draw_habits(&mut self.rng)
        };
        if self.rng.one_in(12) {
            let foreign = self
                .rng
                .pick(&[ForeignProtocol::Http, ForeignProtocol::Tls]);
            habits.foreign = Some(foreign);
            habits.reads_at_once = true;
            habits.silent = false;
            habits.telnet = false;
            habits.starts_with_mark = false;
        }
        let index = self.arrive(habits);
        if !self.clients[index].has_fixed_pace() && self.rng.one_in(6) {
            let space = self.rng.below(400);
            self.clients[index].set_space(space, usize::MAX, false);
        }
        if habits.foreign.is_some() {
            // The first bytes come in two pieces, before the time to register is up.
            self.clients[index].deliver_some(&mut self.rng);
            self.clients[index].tell(&mut self.server);
            self.turn();
        }
        self.deliver_first_lines(index);
    }

    fn sockets_change(&mut self) {
        let count_max = if self.plan.is_crowd() { 60 } else { 4 };
        for _ in 0..self.rng.between(1..=count_max) {
            let index = self.random_client();
            if self.clients[index].has_fixed_pace() {
                continue;
            }
            let limits = &self.plan.limits;
            let few = 3000.max(6 * limits.line_bytes_max);
            let many = 2 * limits.output_soft_bytes_max;
            let rng = &mut self.rng;
            let space = match rng.below(self.plan.slowness + 3) {
                0 => usize::MAX,
                1 => rng.below(few),
                2 => rng.below(many),
                3 => 0,
                _ => rng.below(150),
            };
            let write_max = if rng.one_in(3) && space < many {
                rng.between(1..=50)
            } else {
                usize::MAX
            };
            let breaks = !self.clients[index].habits.resident && rng.one_in(60);
            if rng.one_in(4) {
                self.clients[index].set_space_for_lines(space);
            } else {
                self.clients[index].set_space(space, write_max, breaks);
            }
            self.network_changes(index);
            self.tell_perhaps(index);
        }
    }

    /// The client's network becomes slow or quick, or lets something through. What is in flight at a reset
    /// is lost.
    fn network_changes(&mut self, index: usize) {
        let in_flight = self.clients[index]
            .connection
            .socket
            .borrow()
            .in_flight
            .len();
        match self.rng.below(4) {
            0 => self.clients[index].set_lag(true),
            1 => self.clients[index].set_lag(false),
            2 => {
                let count = self.rng.below(in_flight + 1);
                self.clients[index].arrive(count);
            }
            _ => {}
        }
    }

    fn random_resets(&mut self) {
        let count_max = if self.plan.is_crowd() { 8 } else { 1 };
        for _ in 0..self.rng.between(1..=count_max) {
            let index = self.random_client();
            if !self.clients[index].habits.resident || self.rng.one_in(10) {
                self.clients[index].reset(&mut self.rng);
                self.tell_perhaps(index);
            }
        }
    }

    fn random_half_close(&mut self) {
        let index = self.random_client();
        if !self.clients[index].habits.resident || self.rng.one_in(6) {
            self.clients[index].half_close(&mut self.rng);
            self.tell_perhaps(index);
        }
    }

    /// Spurious readiness, for clients that are connected and for clients long gone.
    fn spurious_readiness(&mut self) {
        for _ in 0..4 {
            let readiness = Readiness {
                readable: self.rng.one_in(2),
                writable: self.rng.one_in(2),
                hung_up: self.rng.one_in(2),
                ..Readiness::default()
            };
            let index = self.random_client();
            let connection = &self.clients[index].connection;
            // That a peer is gone is never said for nothing; of a closed socket it may come late.
            let gone = connection.is_closed() && readiness.hung_up;
            let readiness = Readiness { gone, ..readiness };
            self.server.report(connection.id, readiness);
        }
    }

    /// Before time passes, every slow reader reads some output.
    pub fn slow_readers_read(&mut self) {
        for client in &mut self.clients {
            if client.habits.reads_slowly && !client.habits.reads_at_once {
                let bytes = self.rng.between(1..=200);
                // A refused client reads its refusal at once, or could stall in the last hour.
                if !client.was_refused {
                    client.set_space(bytes, usize::MAX, false);
                    client.tell(&mut self.server);
                }
            }
        }
        self.turn();
    }

    /// A little time, in which each deadline is met.
    fn time_passes(&mut self) {
        let time = Duration::from_millis(self.rng.below(2000) as u64);
        if self.may_pass(time) {
            self.slow_readers_read();
            self.pass(time);
        }
    }

    /// Whether `time` may pass now; it is counted as passed.
    pub fn may_pass(&mut self, time: Duration) -> bool {
        let may_pass = self.plan.stalls || self.passed + time < UNSTALLED_TIME;
        if may_pass {
            self.passed += time;
        }
        may_pass
    }

    /// The server wakes up late, with many deadlines due.
    fn time_leaps(&mut self) {
        if self.plan.stalls {
            let time = self.rng.below(LEAP_SECONDS_MAX);
            let time = Duration::from_secs(time as u64);
            self.slow_readers_read();
            self.server.now = self.server.now.after(time);
            self.turn();
        }
    }

    fn deliver_to_server(&mut self) {
        for client in &mut self.clients {
            client.deliver_some(&mut self.rng);
            client.tell(&mut self.server);
        }
        self.turn();
    }

    /// All output arrives and is read.
    pub fn all_clients_read(&mut self) {
        for client in &mut self.clients {
            client.set_lag(false);
            client.read_everything();
            client.tell(&mut self.server);
        }
        self.run();
        self.look();
    }

    /// Delivers all that a client has in flight.
    pub fn hear(&mut self, index: usize) {
        self.clients[index].deliver_all();
        self.clients[index].tell(&mut self.server);
    }

    /// Any client but the witness, connected or not.
    fn random_client(&mut self) -> usize {
        self.rng.between(1..=self.clients.len() - 1)
    }
}
