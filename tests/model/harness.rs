//! The core by itself, on virtual time, with the recorder as its outbox.
//!
//! Every step returns its events, after the core's invariants and the [`Properties`] were checked.

use std::collections::HashMap;
use std::time::Duration;

use chinwag::chat::archive::NoArchive;
use chinwag::chat::ids::{ClientId, Peer, UserId};
use chinwag::chat::limits::{AccountLimits, HistoryLimits};
use chinwag::chat::name::{Name, RoomName};
use chinwag::chat::time::{Now, Timestamp};
use chinwag::chat::{Chat, Settings};

use crate::line::Line;
use crate::properties::Properties;
use crate::recorder::{OwnedEvent, OwnedRefusal, OwnedReply, Recorder, Seen};

pub const SERVER_NAME: &str = "chinwag.test";
pub const LOBBY: &str = "Lobby";
pub const MOTD: [&str; 2] = ["Be kind.", "Be brief."];

#[derive(Debug)]
pub struct Harness {
    pub chat: Chat,
    pub recorder: Recorder,
    properties: Properties,
    elapsed: Duration,
    /// The number of earlier owners of each slot.
    generations: Vec<u32>,
    /// The user of each registered client, also of those gone.
    users: HashMap<ClientId, UserId>,
    /// Off while a crowd joins, because a check of each client takes long.
    pub checks_invariants: bool,
}

impl Harness {
    pub fn new(rooms_per_client_max: usize) -> Self {
        let settings = Settings {
            server_name: SERVER_NAME.into(),
            lobby: RoomName::parse(LOBBY).unwrap(),
            rooms_per_client_max,
            motd: MOTD.map(String::from).into(),
            operators: Vec::new(),
            hash_seed: [1, 2, 3, 4],
            accounts: AccountLimits::default(),
            history: HistoryLimits::default(),
        };
        Self {
            chat: Chat::new(settings),
            recorder: Recorder::default(),
            properties: Properties::default(),
            elapsed: Duration::ZERO,
            generations: Vec::new(),
            users: HashMap::new(),
            checks_invariants: true,
        }
    }

    /// The id that the next connection in this slot has.
    pub fn next_id(&mut self, slot: usize) -> ClientId {
        if self.generations.len() <= slot {
            self.generations.resize(slot + 1, 0);
        }
        ClientId {
            slot: u32::try_from(slot).unwrap(),
            generation: self.generations[slot],
        }
    }

    pub fn connect(&mut self, id: ClientId) -> Seen {
        let (now, peer) = (self.now(), peer_of(id));
        self.chat.connect(now, id, peer);
        self.chat.greet(id, None, &mut self.recorder);
        self.properties.connected(id);
        self.end_step(None)
    }

    pub fn disconnect(&mut self, id: ClientId) -> Seen {
        let now = self.clock();
        let name = self
            .chat
            .disconnect(now, id, &mut self.recorder, &mut NoArchive);
        let name = name.map(|name| name.to_string());
        assert_eq!(
            name,
            self.properties.name_of(id),
            "a user that left is named"
        );
        self.properties.gone(id);
        self.recorder.forget(id);
        if let Some(generation) = self.generations.get_mut(id.index()) {
            *generation = (*generation).max(id.generation + 1);
        }
        self.end_step(None)
    }

    /// Makes a connection a further one of another's user, if that has one.
    pub fn attach(&mut self, id: ClientId, to: ClientId) -> Seen {
        if let Some(user) = self.chat.user_of(to) {
            self.chat.attach(self.now(), id, user, &mut self.recorder);
            self.users.insert(id, user);
            self.properties.attached(id, to);
        }
        self.end_step(None)
    }

    pub fn line(&mut self, id: ClientId, line: &Line) -> Seen {
        let (now, chat, recorder) = (self.clock(), &mut self.chat, &mut self.recorder);
        line.put_to(|request| {
            let _ = chat.handle(now, id, request, recorder, &mut NoArchive);
        });
        let user = self.chat.user_of(id);
        self.users.extend(user.map(|user| (id, user)));
        let mut senders = self.recorder.senders.drain(..);
        assert!(senders.all(|sender| Some(sender) == user), "it wrote them");
        drop(senders);
        self.end_step(Some((id, line)))
    }

    pub fn wait(&mut self, wait: Duration) -> Seen {
        self.elapsed += wait;
        let now = self.now();
        let clock = self.clock();
        self.chat.expire(clock, &mut self.recorder, &mut NoArchive);
        assert!(self.chat.next_deadline() > now, "all that was due is done");
        self.end_step(None)
    }

    pub fn undelivered(&mut self, from: ClientId, to: &str, count: u64) -> Seen {
        let to = Name::parse(to).unwrap();
        if let Some(from) = self.users.get(&from) {
            self.chat.undelivered(*from, &to, count, &mut self.recorder);
        }
        self.end_step(None)
    }

    pub fn shut_down(&mut self) -> Seen {
        self.chat.announce_shutdown(&mut self.recorder);
        self.end_step(None)
    }

    pub fn are_you_there(&mut self, id: ClientId) -> Seen {
        self.chat.are_you_there(id, &mut self.recorder);
        self.end_step(None)
    }

    fn clock(&self) -> Now {
        Now {
            timestamp: self.now(),
            ..Now::default()
        }
    }

    pub fn now(&self) -> Timestamp {
        Timestamp::at(self.elapsed)
    }

    fn end_step(&mut self, line: Option<(ClientId, &Line)>) -> Seen {
        let seen = self.recorder.take();
        self.properties.check(line, &seen);
        if self.checks_invariants {
            self.chat.check_invariants();
            self.properties.check_names(&self.chat);
        }
        seen
    }
}

/// Shorthands for scenarios.
impl Harness {
    /// A new user with this name, in a fresh slot.
    pub fn user(&mut self, name: &str) -> ClientId {
        let id = self.unregistered();
        self.register(id, name);
        id
    }

    /// A new client without a name, in a fresh slot.
    pub fn unregistered(&mut self) -> ClientId {
        let id = self.next_id(self.generations.len());
        self.connect(id);
        id
    }

    /// Registers a client; returns the step's events.
    pub fn register(&mut self, id: ClientId, name: &str) -> Seen {
        let seen = self.line(id, &Line::Nick(name.into()));
        let answer = last_heard(&seen, id);
        assert!(
            matches!(answer, OwnedEvent::Ok(OwnedReply::Registered { .. })),
            "{answer:?}"
        );
        seen
    }

    /// A new connection of the user that another has, in a fresh slot.
    pub fn further(&mut self, of: ClientId) -> ClientId {
        let id = self.unregistered();
        self.attach(id, of);
        assert_eq!(self.chat.user_of(id), self.chat.user_of(of));
        id
    }

    /// The users `prefix0`, `prefix1` and so on, without the checks of each step.
    pub fn crowd(&mut self, prefix: &str, count: usize) -> Vec<ClientId> {
        self.checks_invariants = false;
        let ids = (0..count).map(|number| self.user(&format!("{prefix}{number}")));
        let ids = ids.collect();
        self.checks_invariants = true;
        self.chat.check_invariants();
        ids
    }

    /// Executes a line and returns its answer.
    pub fn ask(&mut self, id: ClientId, line: &Line) -> Result<OwnedReply, OwnedRefusal> {
        let seen = self.line(id, line);
        match last_heard(&seen, id) {
            OwnedEvent::Ok(answer) => Ok(answer),
            OwnedEvent::Error(fault) => Err(fault),
            other => panic!("no answer: {other:?}"),
        }
    }

    /// Executes a line that must be refused and returns the code.
    pub fn refusal(&mut self, id: ClientId, line: &Line) -> &'static str {
        self.ask(id, line).expect_err("this is to be refused").code
    }

    pub fn join(&mut self, id: ClientId, room: &str) -> Seen {
        let seen = self.line(id, &Line::Join(room.into()));
        let answer = last_heard(&seen, id);
        assert!(
            matches!(answer, OwnedEvent::Ok(OwnedReply::Joined(_))),
            "{answer:?}"
        );
        seen
    }

    pub fn part(&mut self, id: ClientId, room: &str) -> Seen {
        let seen = self.line(id, &Line::Part(Some(room.into())));
        let answer = last_heard(&seen, id);
        assert!(
            matches!(answer, OwnedEvent::Ok(OwnedReply::Parted { .. })),
            "{answer:?}"
        );
        seen
    }

    pub fn say(&mut self, id: ClientId, text: &str) -> Seen {
        self.line(id, &Line::Say(text.into()))
    }

    /// A private message to these, separated by commas.
    pub fn write(&mut self, id: ClientId, to: &str, text: &str) -> Seen {
        self.line(id, &private(to, text))
    }

    pub fn wait_ms(&mut self, ms: u64) -> Seen {
        self.wait(Duration::from_millis(ms))
    }
}

/// Each client has an address of its own.
pub fn peer_of(id: ClientId) -> Peer {
    if id.slot == 0 {
        return Peer::Unix;
    }
    let port = u16::try_from(1000 + id.slot % 10_000 + id.generation % 1000).unwrap();
    Peer::Tcp(([192, 0, 2, 1], port).into())
}

/// A private message to these, separated by commas.
pub fn private(to: &str, text: &str) -> Line {
    Line::Private(to.split(',').map(String::from).collect(), text.into())
}

fn last_heard(seen: &Seen, id: ClientId) -> OwnedEvent {
    seen.heard_by(id).pop().expect("every line is answered")
}
