//! One history from its seed: how it begins, and how it comes to its end.

use std::time::Duration;

use chinwag::chat::tick::Tick;

use crate::chance::Chance;
use crate::people::{Habits, Line, Person};
use crate::plan::{Plan, ROOMS};
use crate::support::VirtualServer;

/// The witness is the first who comes.
pub const WITNESS: usize = 0;

/// More turns in a row than any history needs.
const TURNS_MAX: usize = 20_000;

/// Something said in a room, or privately. Its text begins with its number.
#[derive(Debug)]
pub struct Utterance {
    pub from: usize,
    pub private: bool,
    pub text: String,
}

#[derive(Debug)]
pub struct History {
    pub plan: Plan,
    pub chance: Chance,
    pub server: VirtualServer,
    /// All who ever came. The first reads everything, is in every room and says nothing.
    pub people: Vec<Person>,
    /// By number, in the order in which they were typed.
    pub utterances: Vec<Utterance>,
    pub turns: u64,
    /// How much time has passed since all had come.
    pub passed: Duration,
}

impl History {
    /// Those who are there at the start have come.
    pub fn begin(seed: u64) -> Self {
        let mut chance = Chance::from_seed(seed);
        let plan = Plan::draw(&mut chance);
        let mut history = Self {
            server: VirtualServer::new(plan.limits.clone()),
            plan,
            chance,
            people: Vec::new(),
            utterances: Vec::new(),
            turns: 0,
            passed: Duration::ZERO,
        };
        history.witness_arrives();
        for _ in 1..history.plan.people_at_start {
            let habits = history.draw_habits();
            let who = history.arrive(habits);
            history.introduce(who);
            if !history.plan.crowd {
                history.turn();
            }
        }
        history.run();
        if history.plan.crowd {
            // All are named and want quiet before the first of them speaks.
            history.server.pass(Duration::from_secs(60));
        }
        history.look();
        history
    }

    /// Things happen.
    pub fn unfold(&mut self) {
        for _ in 0..self.plan.steps {
            self.step();
        }
    }

    /// Whoever still can sends the rest and reads everything; then the server comes to rest.
    pub fn come_to_rest(&mut self) {
        if self.plan.last_hour {
            self.nobody_reads_for_an_hour();
        }
        if self.plan.shutdown {
            self.server.switchboard.shut_down(self.server.now);
            self.server.switchboard.check_invariants();
        }
        for _ in 0..2 {
            for person in &mut self.people {
                person.deliver_all();
                person.read_everything();
                person.tell(&mut self.server);
            }
            self.run();
        }
        if !self.plan.shutdown {
            assert_eq!(self.server.switchboard.waiting_bytes(), 0, "all was read");
        }
        self.server.pass(Duration::from_secs(2));
        if self.plan.shutdown {
            let left = self.server.switchboard.connection_count();
            assert_eq!(left, 0, "nobody outlives a shutdown");
        }
        self.server.pass(Duration::from_secs(3600));
        self.look();
        let witness = &self.people[WITNESS];
        if !witness.client.is_closed() {
            let witness = witness.client.clone();
            self.server.send(&witness, b"/stats\n");
            self.people[WITNESS].sent.push(Line::Other);
            self.look();
        }
        let switchboard = &self.server.switchboard;
        assert_eq!(switchboard.waiting_bytes(), 0, "all was read");
        assert_eq!(switchboard.next_deadline(), Tick::NEVER, "nothing is due");
    }

    /// Whatever waits is waited for no longer than it may be.
    fn nobody_reads_for_an_hour(&mut self) {
        self.run();
        self.server.pass(Duration::from_secs(3600));
        let waiting = self.server.switchboard.waiting_bytes();
        assert_eq!(
            waiting, 0,
            "bytes wait for somebody who has read none for an hour"
        );
        self.look();
    }

    fn witness_arrives(&mut self) {
        let witness = self.arrive(Habits {
            json: true,
            steady: true,
            resident: true,
            ..Habits::default()
        });
        for room in &ROOMS[1..] {
            self.type_line(witness, &format!("/join {room}"));
            self.people[witness].sent.push(Line::Other);
        }
        self.people[witness].deliver_all();
        self.people[witness].tell(&mut self.server);
        self.run();
    }

    pub fn draw_habits(&mut self) -> Habits {
        let chance = &mut self.chance;
        let rhythm = chance.below(6);
        Habits {
            json: !chance.one_in(5),
            crlf: chance.one_in(4),
            steady: rhythm == 0,
            plodding: rhythm == 1,
            resident: chance.one_in(3),
            ..Habits::default()
        }
    }

    /// Somebody connects, and gives a name.
    pub fn arrive(&mut self, habits: Habits) -> usize {
        let number = self.people.len();
        let peer = if number != WITNESS && self.chance.one_in(5) {
            format!("192.0.2.{}:99", self.chance.between(1..=254)) // its lines are paced
        } else {
            format!("127.0.0.1:{}", number + 1)
        };
        let client = self.server.arrive(&peer);
        self.people.push(Person::new(client, number, habits));
        if habits.silent {
            return number;
        }
        self.type_line(number, &format!("#c{number}"));
        if habits.json {
            self.type_line(number, "/mode json");
        }
        if self.plan.crowd {
            self.type_line(number, "/quiet on");
        }
        // From here on each line is to be answered as it deserves.
        self.type_line(number, "/ping START");
        number
    }

    pub fn type_line(&mut self, who: usize, text: &str) {
        let line_bytes_max = self.plan.limits.line_bytes_max;
        self.people[who].type_line(text, line_bytes_max, &mut self.chance);
    }

    /// What somebody new says arrives.
    pub fn introduce(&mut self, who: usize) {
        let habits = self.people[who].habits;
        if self.plan.crowd || habits.steady || habits.plodding {
            // Or time to register could leap by.
            self.people[who].deliver_all();
            self.people[who].tell(&mut self.server);
        } else {
            self.people[who].deliver_some(&mut self.chance);
            self.tell_perhaps(who);
        }
    }

    /// The poll tells at once, or some time.
    pub fn tell_perhaps(&mut self, who: usize) {
        if self.chance.one_in(2) {
            self.people[who].tell(&mut self.server);
        }
    }

    pub fn turn(&mut self) {
        self.server.turn();
        self.turns += 1;
    }

    /// Turns until there is no more work.
    pub fn run(&mut self) {
        for _ in 0..TURNS_MAX {
            self.turn();
            if !self.server.switchboard.is_busy() {
                return;
            }
        }
        panic!("the server does not come to rest");
    }

    pub fn look(&mut self) {
        for person in &mut self.people {
            person.look();
        }
    }
}
