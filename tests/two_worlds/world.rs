//! One world: the server, its archive and the clients, as a history moves them.

use std::time::Duration;

use chinwag::chat::Settings;
use chinwag::chat::ids::Peer;
use chinwag::chat::limits::{AccountLimits, HistoryLimits};
use chinwag::chat::name::RoomName;
use chinwag::chat::time::Timestamp;
use chinwag::config::Limits;
use chinwag::server::switchboard::Switchboard;
use chinwag::wire::wall_time::WallTime;

use crate::cast::{self, BLOCKED, FRIEND, PERSON};
use crate::model_store::ModelStore;
use crate::plan::{Deed, Plan, SLOTS, Setting};
use crate::support::{VirtualClient, VirtualServer, VirtualStream};

/// The calendar's time at the beginning.
const BEGIN_MS: u64 = 1_700_000_000_000;

/// What a connection got at one moment: in a step, before or after the archive's work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Got {
    pub step: usize,
    pub is_settled: bool,
    pub actor: usize,
    pub slot: usize,
    pub bytes: Vec<u8>,
    pub is_closed: bool,
}

pub struct World {
    pub server: VirtualServer,
    pub store: ModelStore,
    clock_ms: u64,
    clients: Vec<[Option<VirtualClient>; SLOTS]>,
    ports: Vec<u16>,
    pub got: Vec<Got>,
}

impl World {
    /// Plays a history, with the person or without.
    pub fn play(plan: &Plan, has_person: bool) -> Self {
        let mut world = Self::begin(plan);
        world.prepare(plan, has_person);
        for (number, step) in plan.steps.iter().enumerate() {
            let is_time = matches!(step.deed, Deed::Pass { .. });
            if has_person || is_time || step.actor != PERSON {
                world.act(step.actor, &step.deed);
            }
            world.note(number, false);
            if step.settles {
                world.settle();
            }
            world.note(number, true);
        }
        world
    }

    fn begin(plan: &Plan) -> Self {
        let store = ModelStore::new();
        let server = serve(&store, plan.setting);
        Self {
            server,
            store,
            clock_ms: BEGIN_MS,
            clients: vec![const { [const { None }; SLOTS] }; plan.cast.len()],
            ports: (0..).step_by(1000).skip(1).take(plan.cast.len()).collect(),
            got: Vec::new(),
        }
    }

    /// Everybody makes an account, and the person has a friend and hides; then all go, but for an outsider to whom
    /// the person has written: for these nothing tells whether the person has gone, too.
    fn prepare(&mut self, plan: &Plan, has_person: bool) {
        for (actor, one) in plan.cast.iter().enumerate() {
            self.connect(actor, 0);
            self.type_in(actor, 0, &format!("#{}", one.name));
            if one.has_account {
                self.type_in(actor, 0, "/account new");
                self.type_in(actor, 0, &cast::password(one.name));
            }
        }
        self.type_in(PERSON, 0, "/friend ida");
        self.type_in(FRIEND, 0, "/friend heidi");
        let setting = plan.setting;
        let person = [
            ("/privacy receipts on", setting.receipts),
            ("/privacy seen on", setting.tells_seen),
            ("/privacy keep off", !setting.keeps_private),
            ("/privacy strangers on", setting.strangers),
            ("@olga: before", setting.wrote_before),
            ("/block olga", !plan.hides),
            ("/privacy hidden on", plan.hides),
            ("/part lobby", plan.person_stays()),
            ("/quit", !(has_person && plan.person_stays())),
        ];
        for (line, _) in person.into_iter().filter(|(_, is_done)| *is_done) {
            self.type_in(PERSON, 0, line);
        }
        for actor in 0..plan.cast.len() {
            if setting.receipts && plan.cast[actor].has_account {
                self.type_in(actor, 0, "/privacy receipts on");
            }
            let stays = setting.wrote_before && actor == BLOCKED;
            let stays = stays || (actor == PERSON && has_person && plan.person_stays());
            if !stays {
                self.type_in(actor, 0, "/quit");
                self.clients[actor][0] = None;
            }
        }
        self.pass(120_000);
        self.note(0, true);
        self.got.clear();
    }

    /// Sends a line, and waits for all that it leads to.
    fn type_in(&mut self, actor: usize, slot: usize, line: &str) {
        self.send(actor, slot, line.as_bytes());
        self.run();
        self.settle();
    }

    fn act(&mut self, actor: usize, deed: &Deed) {
        match deed {
            Deed::Come { slot, lines } => {
                self.connect(actor, *slot);
                self.send(actor, *slot, lines.join("\n").as_bytes());
            }
            Deed::Say { slot, lines } => self.send(actor, *slot, lines.join("\n").as_bytes()),
            Deed::Lag { slot } => {
                if let Some(client) = &self.clients[actor][*slot] {
                    client.lag();
                }
            }
            Deed::Reset { slot } => {
                if let Some(client) = &self.clients[actor][*slot] {
                    self.server.reset(client);
                }
            }
            Deed::HalfClose { slot } => {
                if let Some(client) = &self.clients[actor][*slot] {
                    self.server.half_close(client);
                }
            }
            Deed::Pass { millis } => self.pass(*millis),
        }
        self.run();
    }

    fn connect(&mut self, actor: usize, slot: usize) {
        self.ports[actor] += 1;
        let peer = Peer::Tcp(([127, 0, 0, 1], self.ports[actor]).into());
        self.clients[actor][slot] = Some(self.server.accept_from(peer));
    }

    fn send(&mut self, actor: usize, slot: usize, lines: &[u8]) {
        let Some(client) = self.clients[actor][slot].clone() else {
            return;
        };
        let mut bytes = lines.to_vec();
        bytes.push(b'\n');
        // What was not read yet is in one piece with it, as in a kernel.
        let mut socket = client.socket.borrow_mut();
        match socket.to_server.back_mut() {
            Some(piece) => piece.extend(bytes),
            None => socket.to_server.push_back(bytes),
        }
        drop(socket);
        self.server.report_readable(&client);
    }

    /// Turns until there is no more work.
    fn run(&mut self) {
        for _ in 0..10_000 {
            let mut is_idle = true;
            let (now, wall_time) = (self.server.now, self.wall_time());
            self.server.switchboard.begin_turn(now, wall_time);
            while let Some(settled) = self.store.next_settled() {
                self.server.switchboard.settle(now, settled);
                is_idle = false;
            }
            self.server.switchboard.turn(now);
            self.server.switchboard.check_invariants();
            is_idle &= !self.server.switchboard.is_busy();
            if is_idle {
                return;
            }
        }
        panic!("the server does not come to rest");
    }

    fn wall_time(&self) -> WallTime {
        WallTime {
            unix_ms: self.clock_ms,
            utc_offset_s: 0,
        }
    }

    /// The archive does all its work.
    fn settle(&mut self) {
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

    fn pass(&mut self, millis: u64) {
        let end = self.server.now.after(Duration::from_millis(millis));
        self.clock_ms += millis;
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

    /// Takes what everybody got.
    fn note(&mut self, step: usize, is_settled: bool) {
        for (actor, slots) in self.clients.iter().enumerate() {
            for (slot, client) in slots.iter().enumerate() {
                let Some(client) = client else {
                    continue;
                };
                let bytes = client.take();
                let socket = client.socket.borrow();
                self.got.push(Got {
                    step,
                    is_settled,
                    actor,
                    slot,
                    bytes,
                    is_closed: socket.closed || socket.shut,
                });
            }
        }
    }
}

/// A server over a store.
fn serve(store: &ModelStore, setting: Setting) -> VirtualServer {
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
            lobby_days: setting.keeps_lobby.then_some(30),
            waiting_max: setting.waiting_max,
            waiting_per_sender_max: setting.waiting_per_sender_max,
            ..HistoryLimits::default()
        },
    };
    let archive = Box::new(store.clone());
    let switchboard: Switchboard<VirtualStream> = Switchboard::new(settings, &limits, archive);
    VirtualServer {
        switchboard,
        now: Timestamp::at(Duration::from_secs(1)),
        reported_gone: Vec::new(),
    }
}
