//! The server, its archive and the clients, moved on by chance.

use std::time::Duration;

use chinwag::chat::Settings;
use chinwag::chat::archive::Restored;
use chinwag::chat::ids::Peer;
use chinwag::chat::limits::{AccountLimits, HistoryLimits};
use chinwag::chat::name::RoomName;
use chinwag::chat::time::{Now, Timestamp};
use chinwag::config::Limits;
use chinwag::server::switchboard::Switchboard;
use chinwag::wire::wall_time::WallTime;
use fastrand::Rng;

use crate::connection::{Connection, Sent};
use crate::facts::{Account, Facts};
use crate::model_store::ModelStore;
use crate::support::{VirtualServer, VirtualStream};

/// The calendar's time at the beginning.
const BEGIN_MS: u64 = 1_700_000_000_000;

/// Names of accounts; no two look alike.
pub const ACCOUNTS: [&str; 4] = ["alice", "bob", "carol", "dave"];

/// Rooms beside the lobby.
pub const ROOMS: [&str; 3] = ["dev", "ops", "tea"];

#[derive(Debug)]
pub struct World {
    pub rng: Rng,
    pub server: VirtualServer,
    pub store: ModelStore,
    pub connections: Vec<Connection>,
    pub facts: Facts,
    pub step: usize,
    /// The calendar may jump.
    pub clock_ms: u64,
    /// Lives of the server so far.
    pub crashes: usize,
    pub keeps_lobby: bool,
}

impl World {
    pub fn begin(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let store = ModelStore::new();
        let keeps_lobby = rng.bool();
        let server = serve(&store, keeps_lobby, Restored::default());
        let accounts = ACCOUNTS.map(|name| Account {
            name: name.to_owned(),
            ..Account::default()
        });
        let facts = Facts {
            accounts: accounts.into(),
            ..Facts::default()
        };
        Self {
            rng,
            server,
            store,
            connections: Vec::new(),
            facts,
            step: 0,
            clock_ms: BEGIN_MS,
            crashes: 0,
            keeps_lobby,
        }
    }

    pub fn wall_time(&self) -> WallTime {
        WallTime {
            unix_ms: self.clock_ms,
            utc_offset_s: 0,
        }
    }

    pub fn now(&self) -> Now {
        Now {
            timestamp: self.server.now,
            unix_ms: self.clock_ms,
            utc_offset_s: 0,
        }
    }

    /// Turns until there is no more work, the archive's answers included.
    pub fn run(&mut self) {
        for _ in 0..10_000 {
            let mut is_idle = true;
            let (timestamp, wall_time) = (self.server.now, self.wall_time());
            self.server.switchboard.begin_turn(timestamp, wall_time);
            while let Some(settled) = self.store.next_settled() {
                self.server.switchboard.settle(timestamp, settled);
                is_idle = false;
            }
            self.server.switchboard.turn(timestamp);
            self.server.switchboard.check_invariants();
            is_idle &= !self.server.switchboard.is_busy();
            if is_idle {
                self.hear();
                return;
            }
        }
        panic!("the server does not come to rest");
    }

    /// Lets time pass on both clocks.
    pub fn pass(&mut self, time: Duration) {
        let end = self.server.now.after(time);
        self.clock_ms += u64::try_from(time.as_millis()).unwrap();
        loop {
            let due = self.server.switchboard.next_deadline();
            if due > end {
                break;
            }
            self.server.now = self.server.now.max(due);
            self.run();
            if self.server.switchboard.next_deadline() <= self.server.now {
                self.run();
            }
            let next = self.server.switchboard.next_deadline();
            assert!(next > self.server.now, "what is due now is not done");
        }
        self.server.now = end;
        self.run();
    }

    /// A new connection in JSON mode, which is somebody's own machine or not.
    pub fn connect(&mut self) -> usize {
        let port = u16::try_from(1000 + self.connections.len()).unwrap();
        let peer = Peer::Tcp(([127, 0, 0, 1], port).into());
        let client = self.server.accept_from(peer);
        self.connections.push(Connection::new(client));
        let index = self.connections.len() - 1;
        self.send(index, "/mode json", Sent::Other);
        index
    }

    /// Sends a line, whose answer is told apart by `sent`.
    pub fn send(&mut self, index: usize, line: &str, sent: Sent) {
        let connection = &mut self.connections[index];
        connection.unanswered.push_back(sent);
        if std::env::var("PEOPLE_TRACE").is_ok() {
            eprintln!("{} c{index} > {line}", self.step);
        }
        let bytes = format!("{line}\n");
        let client = &self.connections[index].client;
        // What was not read yet is in one piece with it, as in a kernel.
        let mut socket = client.socket.borrow_mut();
        match socket.to_server.back_mut() {
            Some(piece) => piece.extend(bytes.as_bytes()),
            None => socket.to_server.push_back(bytes.into_bytes()),
        }
        drop(socket);
        self.server.report_readable(client);
    }

    /// A connection that may send a line.
    pub fn any_speaker(&mut self) -> Option<usize> {
        let all = 0..self.connections.len();
        let may: Vec<usize> = all
            .filter(|index| {
                let one = &self.connections[*index];
                one.may_speak() && one.name.is_some()
            })
            .collect();
        (!may.is_empty()).then(|| may[self.rng.usize(..may.len())])
    }

    /// The process is killed, and started anew.
    pub fn crash(&mut self) {
        // What was on its way to the clients arrives or not; here it does.
        self.hear();
        let (store, restored) = self.store.crash();
        self.store = store;
        self.crashes += 1;
        for account in &mut self.facts.accounts {
            account.ends += 1;
        }
        for block in self.facts.blocks.values_mut() {
            block.unanswered = 0;
        }
        for rule in self.facts.rules.values_mut() {
            rule.unanswered = 0;
        }
        self.facts.unkeeps.clear();
        for connection in &mut self.connections {
            connection.has_ended = true;
            connection.unanswered.clear();
            connection.dialogue.clear();
        }
        let now = self.server.now;
        self.server = serve(&self.store, self.keeps_lobby, restored);
        self.server.now = self.server.now.max(now);
    }

    /// Everything comes to an end: the archive works, all is answered, and whoever has lines waiting
    /// fetches them.
    pub fn come_to_rest(&mut self) {
        self.store.set_trouble(crate::model_store::Trouble::None);
        self.store.set_queue_max(None);
        for _ in 0..20 {
            self.settle_all();
            self.pass(Duration::from_secs(7));
        }
        for (index, connection) in self.connections.iter().enumerate() {
            let is_answered = connection.unanswered.is_empty() || connection.has_ended;
            let last = connection.log.iter().rev().take(5);
            assert!(
                is_answered,
                "c{index} has no answer to {:?} after {:#?}",
                connection.unanswered.iter().take(5).collect::<Vec<_>>(),
                last.collect::<Vec<_>>()
            );
        }
    }

    /// The archive does all its work.
    pub fn settle_all(&mut self) {
        for _ in 0..100 {
            self.run();
            if !self.store.is_busy() {
                return;
            }
            self.store.work(usize::MAX >> 1);
            self.store.commit(usize::MAX >> 1);
        }
        panic!("the archive does not come to rest");
    }
}

/// A server over a store.
fn serve(store: &ModelStore, keeps_lobby: bool, restored: Restored) -> VirtualServer {
    let limits = Limits::default();
    let settings = Settings {
        server_name: "chinwag".to_owned(),
        lobby: RoomName::parse("lobby").unwrap(),
        rooms_per_client_max: limits.rooms_per_client_max,
        motd: Vec::new(),
        operators: Vec::new(),
        hash_seed: [1, 2, 3, 4],
        accounts: AccountLimits::default(),
        history: HistoryLimits {
            lobby_days: keeps_lobby.then_some(30),
            waiting_per_sender_max: 5,
            ..HistoryLimits::default()
        },
    };
    let archive = Box::new(store.clone());
    let mut switchboard: Switchboard<VirtualStream> = Switchboard::new(settings, &limits, archive);
    let timestamp = Timestamp::at(Duration::from_secs(1));
    switchboard.restore(restored);
    VirtualServer {
        switchboard,
        now: timestamp,
        reported_gone: Vec::new(),
    }
}
