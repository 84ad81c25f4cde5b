//! One history from its seed: its start, its course and its end.

use std::time::Duration;

use chinwag::chat::time::Timestamp;

use crate::client_input::draw_habits;
use crate::clients::{Client, Habits, Line};
use crate::plan::{Kind, Plan, ROOMS};
use crate::rng::Rng;
use crate::support::VirtualServer;

/// The witness is the first client.
pub const WITNESS: usize = 0;

/// More turns in a row than any history needs.
const TURNS_MAX: usize = 100_000;

/// Names tried at the end, of clients that are gone and of clients that are there.
const NAMES_TRIED_MAX: usize = 20;

/// A room line or a private message. Its text begins with its number.
#[derive(Debug)]
pub struct Utterance {
    pub from: usize,
    /// The recipients of a private message.
    pub to: Option<Vec<usize>>,
    pub text: String,
    /// The sender gets it, too.
    pub echo: bool,
    /// A quit text.
    pub is_farewell: bool,
}

#[derive(Debug)]
pub struct History {
    pub plan: Plan,
    pub rng: Rng,
    pub server: VirtualServer,
    /// Every client that ever connected. The first reads everything, is in every room and says nothing.
    pub clients: Vec<Client>,
    /// By number, in the order in which they were typed.
    pub utterances: Vec<Utterance>,
    pub turns: u64,
    /// The number of actions.
    pub events: u64,
    /// The time since the start was over.
    pub passed: Duration,
    /// The lines that the witness has heard, by sender.
    pub spoken: Vec<u64>,
    /// Counts of rare events, for the statistics.
    pub liveness_checks: u64,
    pub largest_closed: u64,
}

impl History {
    /// Connects the clients of the start.
    pub fn begin(seed: u64) -> Self {
        let mut rng = Rng::from_seed(seed);
        let plan = Plan::draw(seed, &mut rng);
        let mut history = Self {
            server: VirtualServer::new(plan.limits.clone()),
            plan,
            rng,
            clients: Vec::new(),
            utterances: Vec::new(),
            turns: 0,
            events: 0,
            passed: Duration::ZERO,
            spoken: Vec::new(),
            liveness_checks: 0,
            largest_closed: 0,
        };
        history.witness_arrives();
        for _ in 1..history.plan.clients_at_start {
            let habits = draw_habits(&mut history.rng);
            let index = history.arrive(habits);
            history.deliver_first_lines(index);
            if !history.plan.is_crowd() {
                history.turn();
            }
        }
        history.run();
        if history.plan.is_crowd() {
            // All clients register, and all summaries are sent, before counting begins.
            history.pass(Duration::from_secs(60));
        }
        history.look();
        for client in &mut history.clients {
            client.counts_from = client.output.len();
        }
        history
    }

    /// Runs the actions.
    pub fn run_actions(&mut self) {
        for number in 0..self.plan.steps {
            if self.plan.kind == Kind::Flood && number == 1 {
                self.flood();
            }
            if self.plan.has_long_fan_outs() && number % 6 == 3 {
                self.slot_is_reused();
            }
            self.step();
            self.events += 1;
        }
    }

    /// Every open client sends the rest and reads everything; then the server becomes idle.
    pub fn come_to_rest(&mut self) {
        if self.plan.last_hour {
            self.pass_an_hour_without_reading();
        }
        if self.plan.shutdown {
            self.server.switchboard.shut_down(self.server.now);
            self.server.switchboard.check_invariants();
        }
        for _ in 0..2 {
            for client in &mut self.clients {
                client.deliver_all();
                client.set_lag(false);
                client.read_everything();
                client.tell(&mut self.server);
            }
            self.run();
        }
        if !self.plan.shutdown {
            assert_eq!(self.server.switchboard.queued_bytes(), 0, "all was read");
        }
        self.pass(Duration::from_secs(2));
        if self.plan.shutdown {
            let left = self.server.switchboard.connection_count();
            assert_eq!(left, 0, "no client outlives a shutdown");
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

    /// Has the witness ask for the members of each room and for `/stats`.
    fn ask_the_witness(&mut self) {
        for room in ROOMS {
            self.types(WITNESS, Line::Names(room), &format!("/names {room}"));
        }
        self.types(WITNESS, Line::Stats, "/stats");
        self.clients[WITNESS].deliver_all();
        self.clients[WITNESS].tell(&mut self.server);
        self.run();
        self.look();
    }

    /// The names of gone clients are free; those of the others are not.
    fn try_names(&mut self) {
        let is_full = |one: &&Client| !one.connection.is_closed();
        if self.clients.iter().filter(is_full).count() >= self.plan.limits.clients_max {
            return;
        }
        let index = self.arrive(Habits {
            json: true,
            reads_at_once: true,
            newcomer: true,
            ..Habits::default()
        });
        // The witness leaves, so that no client is told of its new names.
        self.types(index, Line::Other, "/part lobby");
        for client in 0..NAMES_TRIED_MAX.min(index) {
            let other = &self.clients[client];
            let (is_gone, name) = (other.connection.is_closed(), other.name.clone());
            let line = match is_gone {
                true => Line::FreeName,
                false if other.was_refused => continue,
                // The client's last rename may not have got through.
                false if name != format!("c{client}") => continue,
                false => Line::Refused("name_taken"),
            };
            self.types(index, line, &format!("/nick {name}"));
        }
        self.types(index, Line::FreeName, &format!("/nick c{index}"));
        self.clients[index].deliver_all();
        self.clients[index].tell(&mut self.server);
        self.run();
        self.pass(Duration::from_secs(60)); // its lines may be limited by the rate
        self.look();
    }

    /// No output waits longer than the stall time.
    fn pass_an_hour_without_reading(&mut self) {
        self.run();
        for client in &mut self.clients {
            client.set_lag(false);
            client.tell(&mut self.server);
        }
        // What it was told is done now, not when the hour is over.
        self.run();
        self.pass(Duration::from_secs(3600));
        let waiting = self.server.switchboard.waiting_bytes();
        assert_eq!(
            waiting, 0,
            "bytes wait for a client that has read none for an hour"
        );
        self.look();
    }

    fn witness_arrives(&mut self) {
        let witness = self.arrive(Habits {
            json: true,
            reads_at_once: true,
            resident: true,
            ..Habits::default()
        });
        for room in &ROOMS[1..] {
            self.types(witness, Line::Other, &format!("/join {room}"));
        }
        // What is told once in all shared rooms is told to it in the lobby, if that is told at all.
        self.types(witness, Line::Other, &format!("/join {}", ROOMS[0]));
        self.clients[witness].deliver_all();
        self.clients[witness].tell(&mut self.server);
        self.run();
        self.look();
    }

    /// Connects a client that registers.
    pub fn arrive(&mut self, habits: Habits) -> usize {
        let number = self.clients.len();
        let (peer, address_key) = self.draw_peer(number);
        let is_refused = self.must_be_refused(address_key.as_deref());
        let connection = self.server.accept_from(peer);
        let mut client = Client::new(connection, number, habits);
        client.was_refused = is_refused;
        client.is_paced = address_key.is_some();
        client.address_key = address_key;
        client.arrived_at = self.server.now;
        client.arrived_after = self.clients.first().map_or(0, |one| one.lines_heard);
        client.begin();
        self.clients.push(client);
        self.spoken.push(0);
        if habits.silent {
            return number;
        }
        if habits.foreign.is_some() {
            self.send_foreign_bytes(number);
            return number;
        }
        // Half of those that want JSON ask for it first, and get the greeting in it.
        let asks_first = habits.json && number % 2 == 1;
        if asks_first {
            self.type_line(number, "/mode json");
        }
        self.type_line(number, &format!("#c{number}"));
        if habits.json && !asks_first {
            self.type_line(number, "/mode json");
        }
        if habits.quiet {
            self.type_line(number, "/quiet on");
        }
        // From here on each line has its answer checked.
        self.type_line(number, "/ping START");
        if habits.quiet || (self.plan.is_crowd() && habits.newcomer) {
            self.say(number, "", 0); // marks the time of its arrival and of its quiet setting
        }
        number
    }

    pub fn type_line(&mut self, index: usize, text: &str) {
        let line_bytes_max = self.plan.limits.line_bytes_max;
        self.clients[index].type_line(text, line_bytes_max, &mut self.rng);
    }

    /// Delivers the first lines of a new client.
    pub fn deliver_first_lines(&mut self, index: usize) {
        let client = &self.clients[index];
        if self.plan.is_crowd() || client.has_fixed_pace() {
            // Otherwise a leap could pass its time to register.
            self.clients[index].deliver_all();
            self.clients[index].tell(&mut self.server);
        } else {
            self.clients[index].deliver_some(&mut self.rng);
            self.tell_perhaps(index);
        }
    }

    /// The poll reports readiness now, or later.
    pub fn tell_perhaps(&mut self, index: usize) {
        if self.rng.one_in(2) {
            self.clients[index].tell(&mut self.server);
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
            // Work that becomes due in a turn is done in the next one.
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
        for client in &mut self.clients {
            client.look();
        }
    }
}
