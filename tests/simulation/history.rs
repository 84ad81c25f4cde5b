//! One history from its seed: how it begins, and how it comes to its end.

use std::time::Duration;

use chinwag::chat::time::Timestamp;

use crate::chance::Chance;
use crate::people::{Habits, Line, Person};
use crate::plan::{Kind, Plan, ROOMS};
use crate::support::VirtualServer;
use crate::typing::draw_habits;

/// The witness is the first who comes.
pub const WITNESS: usize = 0;

/// More turns in a row than any history needs.
const TURNS_MAX: usize = 100_000;

/// So many names are tried at the end, of those who are gone and of those who are there.
const NAMES_TRIED_MAX: usize = 20;

/// Something said in a room, or privately. Its text begins with its number.
#[derive(Debug)]
pub struct Utterance {
    pub from: usize,
    /// To whom, if not to a room.
    pub to: Option<Vec<usize>>,
    pub text: String,
    /// The speaker is to hear it, too.
    pub echo: bool,
    /// Said on leaving.
    pub is_farewell: bool,
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
    /// How many things happened.
    pub events: u64,
    /// How much time has passed since all had come.
    pub passed: Duration,
    /// How many lines of whom the witness has heard.
    pub spoken: Vec<u64>,
    /// What only some histories see, for the tally.
    pub liveness_checks: u64,
    pub hoards: u64,
}

impl History {
    /// Those who are there at the start have come.
    pub fn begin(seed: u64) -> Self {
        let mut chance = Chance::from_seed(seed);
        let plan = Plan::draw(seed, &mut chance);
        let mut history = Self {
            server: VirtualServer::new(plan.limits.clone()),
            plan,
            chance,
            people: Vec::new(),
            utterances: Vec::new(),
            turns: 0,
            events: 0,
            passed: Duration::ZERO,
            spoken: Vec::new(),
            liveness_checks: 0,
            hoards: 0,
        };
        history.witness_arrives();
        for _ in 1..history.plan.people_at_start {
            let habits = draw_habits(&mut history.chance);
            let who = history.arrive(habits);
            history.introduce(who);
            if !history.plan.is_crowd() {
                history.turn();
            }
        }
        history.run();
        if history.plan.is_crowd() {
            // All are named, and summed up, before anything counts.
            history.pass(Duration::from_secs(60));
        }
        history.look();
        for person in &mut history.people {
            person.counts_from = person.output.len();
        }
        history
    }

    /// Things happen.
    pub fn unfold(&mut self) {
        for number in 0..self.plan.steps {
            if self.plan.kind == Kind::Flood && number == 1 {
                self.flood();
            }
            if self.plan.has_long_fan_outs() && number % 6 == 3 {
                self.a_place_changes_hands();
            }
            self.step();
            self.events += 1;
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
        self.pass(Duration::from_secs(2));
        if self.plan.shutdown {
            let left = self.server.switchboard.connection_count();
            assert_eq!(left, 0, "nobody outlives a shutdown");
        }
        self.pass(Duration::from_secs(3600));
        self.look();
        if !self.plan.shutdown {
            self.try_names();
            self.ask_the_witness();
        }
        let switchboard = &self.server.switchboard;
        assert_eq!(switchboard.waiting_bytes(), 0, "all was read");
        assert_eq!(
            switchboard.next_deadline(),
            Timestamp::NEVER,
            "nothing is due"
        );
    }

    /// Who is where, and how everything went.
    fn ask_the_witness(&mut self) {
        for room in ROOMS {
            self.types(WITNESS, Line::Names(room), &format!("/names {room}"));
        }
        self.types(WITNESS, Line::Stats, "/stats");
        self.people[WITNESS].deliver_all();
        self.people[WITNESS].tell(&mut self.server);
        self.run();
        self.look();
    }

    /// The names of those who are gone are free; those of the others are not.
    fn try_names(&mut self) {
        let is_full = |one: &&Person| !one.client.is_closed();
        if self.people.iter().filter(is_full).count() >= self.plan.limits.clients_max {
            return;
        }
        let who = self.arrive(Habits {
            json: true,
            steady: true,
            newcomer: true,
            ..Habits::default()
        });
        // Where nobody is told of new names.
        self.types(who, Line::Other, "/part lobby");
        for person in 0..NAMES_TRIED_MAX.min(who) {
            let other = &self.people[person];
            let (is_gone, name) = (other.client.is_closed(), other.name.clone());
            let line = match is_gone {
                true => Line::FreeName,
                false if other.was_refused => continue,
                // A new name may not have got through.
                false if name != format!("c{person}") => continue,
                false => Line::Refused("name_taken"),
            };
            self.types(who, line, &format!("#{name}"));
        }
        self.types(who, Line::FreeName, &format!("#c{who}"));
        self.people[who].deliver_all();
        self.people[who].tell(&mut self.server);
        self.run();
        self.pass(Duration::from_secs(60)); // its lines may be paced
        self.look();
    }

    /// Whatever waits is waited for no longer than it may be.
    fn nobody_reads_for_an_hour(&mut self) {
        self.run();
        self.pass(Duration::from_secs(3600));
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
            self.types(witness, Line::Other, &format!("/join {room}"));
        }
        self.people[witness].deliver_all();
        self.people[witness].tell(&mut self.server);
        self.run();
        self.look();
    }

    /// Somebody connects, and gives a name.
    pub fn arrive(&mut self, habits: Habits) -> usize {
        let number = self.people.len();
        let (peer, household) = self.draw_peer(number);
        let is_refused = self.must_be_refused(household.as_deref());
        let client = self.server.arrive_from(peer);
        let mut person = Person::new(client, number, habits);
        person.was_refused = is_refused;
        person.is_paced = household.is_some();
        person.household = household;
        person.arrived_at = self.server.now;
        person.arrived_after = self.people.first().map_or(0, |one| one.lines_heard);
        person.begin();
        self.people.push(person);
        self.spoken.push(0);
        if habits.silent {
            return number;
        }
        if habits.stranger.is_some() {
            self.knock(number);
            return number;
        }
        self.type_line(number, &format!("#c{number}"));
        if habits.json {
            self.type_line(number, "/mode json");
        }
        if habits.quiet {
            self.type_line(number, "/quiet on");
        }
        // From here on each line is to be answered as it deserves.
        self.type_line(number, "/ping START");
        if habits.quiet || (self.plan.is_crowd() && habits.newcomer) {
            self.say(number, "", 0); // so that it is known when they were there, and wanted quiet
        }
        number
    }

    pub fn type_line(&mut self, who: usize, text: &str) {
        let line_bytes_max = self.plan.limits.line_bytes_max;
        self.people[who].type_line(text, line_bytes_max, &mut self.chance);
    }

    /// What somebody new says arrives.
    pub fn introduce(&mut self, who: usize) {
        let person = &self.people[who];
        if self.plan.is_crowd() || person.reads_as_they_do() {
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

    /// Lets time pass, and every deadline in it fire when it is due.
    pub fn pass(&mut self, time: Duration) {
        let end = self.server.now.after(time);
        while self.server.switchboard.next_deadline() <= end {
            self.server.now = self.server.now.max(self.server.switchboard.next_deadline());
            self.run();
            // What becomes due by what was done is done in the next turn.
            if self.server.switchboard.next_deadline() <= self.server.now {
                self.run();
            }
            let next = self.server.switchboard.next_deadline();
            assert!(next > self.server.now, "what is due now is not done");
        }
        self.server.now = end;
        self.run();
    }

    pub fn look(&mut self) {
        for person in &mut self.people {
            person.look();
        }
    }
}
