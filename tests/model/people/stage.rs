//! The core by itself with a [`TestArchive`], four accounts, and lines as they are typed; what each connection is
//! told is JSON, byte for byte but for the time.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chinwag::chat::archive::Settled;
use chinwag::chat::close_reason::CloseReason;
use chinwag::chat::command::{Bell, Mode};
use chinwag::chat::event::Event;
use chinwag::chat::ids::{AccountId, ClientId, Peer, UserId};
use chinwag::chat::limits::{AccountLimits, HistoryLimits};
use chinwag::chat::name::{Name, RoomName};
use chinwag::chat::outbox::{Addressee, Delivery, Outbox};
use chinwag::chat::secret::Secret;
use chinwag::chat::stats::ServerStats;
use chinwag::chat::time::{Now, Timestamp};
use chinwag::chat::{Chat, Handled, Settings};
use chinwag::wire::wall_time::WallTime;
use chinwag::wire::{self, Style};

use crate::archive::TestArchive;
use crate::contents::{Kept, KeptAccount, hash_of};

const PASSWORD: &str = "secretsecret";

/// Accounts that there are, by number from 1 on.
const ACCOUNTS: [&str; 4] = ["alice", "bob", "carol", "dave"];

pub const HIDDEN: u32 = 1;
pub const SEEN: u32 = 1 << 2;
pub const STRANGERS: u32 = 1 << 3;
pub const KEEPS_NOTHING: u32 = 1 << 4;

/// Lines that may wait for one account, and of one author.
pub const WAITING_MAX: u32 = 5;
pub const WAITING_PER_SENDER_MAX: u32 = 3;

#[derive(Debug)]
pub struct Stage {
    pub chat: Chat,
    pub archive: TestArchive,
    pub ears: Ears,
    elapsed: Duration,
    next_slot: u32,
}

pub fn account(name: &str) -> AccountId {
    let place = ACCOUNTS.iter().position(|other| *other == name).unwrap();
    AccountId::new(u32::try_from(place).unwrap() + 1).unwrap()
}

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

/// What is kept at first: the accounts, with these settings.
pub fn kept(settings: &[(&str, u32)]) -> Kept {
    let made = |text: &str| KeptAccount {
        name: name(text),
        password: hash_of(&Secret::new(PASSWORD)),
        made_at: 0,
        seen_at: 0,
        tokens: BTreeMap::new(),
        settings: settings
            .iter()
            .find(|(of, _)| *of == text)
            .map_or(0, |(_, bits)| *bits),
        profile: None,
        notify: None,
        suspended: None,
        code: None,
    };
    Kept {
        last_account: u32::try_from(ACCOUNTS.len()).unwrap(),
        accounts: ACCOUNTS.map(|text| (account(text), made(text))).into(),
        ..Kept::default()
    }
}

impl Stage {
    pub fn new() -> Self {
        Self::with(&kept(&[]))
    }

    /// As after a start that found this.
    pub fn with(kept: &Kept) -> Self {
        let history = HistoryLimits {
            waiting_max: WAITING_MAX,
            waiting_per_sender_max: WAITING_PER_SENDER_MAX,
            ..HistoryLimits::default()
        };
        let settings = Settings {
            server_name: "chinwag.test".into(),
            lobby: RoomName::parse("lobby").unwrap(),
            rooms_per_client_max: 5,
            motd: Vec::new(),
            operators: vec![name("dave")],
            hash_seed: [1, 2, 3, 4],
            accounts: AccountLimits::default(),
            history,
        };
        let mut stage = Self {
            chat: Chat::new(settings),
            archive: TestArchive::with(kept.clone()),
            ears: Ears::default(),
            elapsed: Duration::ZERO,
            next_slot: 0,
        };
        stage.chat.restore(kept.restored());
        stage.wait(Duration::ZERO);
        stage.settle();
        stage
    }

    /// As after another start, with what was kept.
    pub fn again(&self) -> Self {
        Self::with(&self.archive.kept)
    }

    fn now(&self) -> Now {
        Now {
            timestamp: Timestamp::at(self.elapsed),
            unix_ms: 1_000_000,
            utc_offset_s: 0,
        }
    }

    pub fn wait(&mut self, wait: Duration) {
        self.elapsed += wait;
        let now = self.now();
        self.chat.expire(now, &mut self.ears, &mut self.archive);
        self.chat.check_invariants();
    }

    /// Long enough for it to be known what has arrived.
    pub fn wait_for_arrivals(&mut self) {
        for _ in 0..2 {
            self.wait(Duration::from_secs(2));
            self.settle();
        }
    }

    pub fn connect(&mut self) -> ClientId {
        let id = ClientId {
            slot: self.next_slot,
            generation: 0,
        };
        self.next_slot += 1;
        let now = self.now();
        self.chat.connect(now.timestamp, id, Peer::Unix);
        id
    }

    pub fn disconnect(&mut self, id: ClientId) {
        let now = self.now();
        let name = self
            .chat
            .disconnect(now, id, &mut self.ears, &mut self.archive);
        // As the server does: senders of what has not arrived are told.
        let lost = self.ears.unarrived.iter();
        let lost: Vec<(UserId, usize)> = lost
            .filter(|((to, _), _)| *to == id)
            .map(|((_, from), count)| (*from, *count))
            .collect();
        for (from, count) in lost {
            let to = &name.unwrap();
            self.chat
                .undelivered(from, to, count as u64, &mut self.ears);
        }
        self.settle();
        self.chat.check_invariants();
    }

    pub fn guest(&mut self, name: &str) -> ClientId {
        let id = self.connect();
        self.ask(id, &format!("#{name}"));
        id
    }

    pub fn login(&mut self, name: &str) -> ClientId {
        self.login_heard(name).0
    }

    /// And what is told to one who logs in.
    pub fn login_heard(&mut self, name: &str) -> (ClientId, Vec<String>) {
        let id = self.connect();
        let heard = self.ask(id, &format!("/login {name} {PASSWORD}"));
        let is_in = heard.iter().any(|line| line.contains(r#""connections":"#));
        assert!(is_in, "{heard:?}");
        (id, heard)
    }

    /// Takes a line, and settles nothing.
    pub fn line(&mut self, id: ClientId, line: &str) {
        let _ = self.handle(id, line);
    }

    /// Takes a line, and settles nothing. Returns how its input goes on.
    pub fn handle(&mut self, id: ClientId, line: &str) -> Handled {
        let request = wire::command::parse(line, self.chat.reading_of(id));
        let now = self.now();
        let handled = self
            .chat
            .handle(now, id, request, &mut self.ears, &mut self.archive);
        self.chat.check_invariants();
        handled
    }

    /// Takes a line, settles all, and returns what the connection was told since it was asked last.
    pub fn ask(&mut self, id: ClientId, line: &str) -> Vec<String> {
        let handled = self.handle(id, line);
        assert_ne!(handled, Handled::NotNow);
        self.settle();
        self.hear(id)
    }

    /// The answer to a line.
    #[track_caller]
    pub fn answer(&mut self, id: ClientId, line: &str) -> String {
        self.ask(id, line).pop().expect("an answer")
    }

    /// What a connection was told since it was asked last.
    pub fn hear(&mut self, id: ClientId) -> Vec<String> {
        self.ears.heard.remove(&id).unwrap_or_default()
    }

    fn give(&mut self, settled: impl IntoIterator<Item = Settled>) {
        for settled in settled {
            let now = self.now();
            self.chat
                .settle(now, settled, &mut self.ears, &mut self.archive);
            self.chat.check_invariants();
        }
    }

    pub fn keep_none(&mut self) {
        let settled = self.archive.keep_none();
        self.give(settled);
    }

    /// Keeps and answers until nothing is under way.
    pub fn settle(&mut self) {
        while self.archive.writes() + self.archive.work() > 0 {
            let settled = self.archive.keep_all();
            self.give(settled);
            let settled = self.archive.answer_one();
            self.give(settled);
        }
    }
}

/// What connections were told.
#[derive(Debug, Default)]
pub struct Ears {
    heard: BTreeMap<ClientId, Vec<String>>,
    /// Connections that take no private message.
    pub refusing: BTreeSet<ClientId>,
    /// Connections that private messages do not arrive at.
    pub stalled: BTreeSet<ClientId>,
    unarrived: BTreeMap<(ClientId, UserId), usize>,
}

impl Ears {
    fn note(&mut self, to: ClientId, event: &Event<'_>) {
        let mut out = Vec::new();
        let style = Style {
            mode: Mode::Json,
            ..Style::default()
        };
        let time = WallTime {
            unix_ms: 7,
            utc_offset_s: 0,
        };
        wire::encode(&mut out, event, style, time);
        let line = String::from_utf8(out).unwrap();
        let line = line.trim_end().replace(r#""time":7,"#, "");
        let line = line.replace(r#","time":7}"#, "}");
        self.heard.entry(to).or_default().push(line);
    }
}

impl Outbox for Ears {
    fn send(&mut self, to: ClientId, event: &Event<'_>) {
        self.note(to, event);
    }

    fn deliver(&mut self, to: ClientId, from: UserId, event: &Event<'_>) -> Delivery {
        if self.refusing.contains(&to) {
            return Delivery::Refused;
        }
        if self.stalled.contains(&to) {
            *self.unarrived.entry((to, from)).or_default() += 1;
        }
        self.note(to, event);
        Delivery::Queued
    }

    fn deliver_copies<I>(&mut self, to: I, from: UserId, event: &Event<'_>) -> Delivery
    where
        I: Iterator<Item = ClientId>,
    {
        let mut delivery = Delivery::Refused;
        for client in to {
            if self.deliver(client, from, event) == Delivery::Queued {
                delivery = Delivery::Queued;
            }
        }
        delivery
    }

    fn announce<I>(&mut self, _: &RoomName, to: I, event: &Event<'_>)
    where
        I: Iterator<Item = Addressee>,
    {
        for addressee in to {
            self.note(addressee.client, event);
        }
    }

    fn mode(&self, _: ClientId) -> Mode {
        Mode::Json
    }

    fn set_mode(&mut self, _: ClientId, _: Mode) {}

    fn times(&self, _: ClientId) -> bool {
        false
    }

    fn set_times(&mut self, _: ClientId, _: bool) {}

    fn bell(&self, _: ClientId) -> Bell {
        Bell::Off
    }

    fn set_bell(&mut self, _: ClientId, _: Bell) {}

    fn close(&mut self, _: ClientId, _: CloseReason) {}

    fn probe(&mut self, _: ClientId) -> Option<Duration> {
        None
    }

    fn resume(&mut self, _: ClientId) {}

    fn conceal_typing(&mut self, _: ClientId, _: bool) {}

    fn unarrived(&self, to: ClientId, from: UserId) -> usize {
        self.unarrived.get(&(to, from)).copied().unwrap_or_default()
    }

    fn stats(&self) -> ServerStats {
        ServerStats::default()
    }

    fn named(&mut self, _: ClientId, _: Name) {}
}
