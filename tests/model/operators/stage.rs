//! The core by itself, typed at in lines, and heard as plain mode shows it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chinwag::chat::archive::{Restored, Settled};
use chinwag::chat::close_reason::CloseReason;
use chinwag::chat::command::{Bell, Mode};
use chinwag::chat::event::Event;
use chinwag::chat::ids::{ClientId, Peer, UserId};
use chinwag::chat::limits::{AccountLimits, HistoryLimits};
use chinwag::chat::name::{Name, RoomName};
use chinwag::chat::outbox::{Addressee, Delivery, Outbox, ServerRequest};
use chinwag::chat::stats::ServerStats;
use chinwag::chat::time::{Now, Timestamp};
use chinwag::chat::{Chat, Handled, ListedBan, Settings};
use chinwag::wire::wall_time::WallTime;
use chinwag::wire::{self, Style, command, plain};

use crate::archive::TestArchive;

pub const PASSWORD: &str = "correct horse";

/// A day, in milliseconds.
pub const DAY: u64 = 24 * 60 * 60 * 1000;

/// What connections are told.
#[derive(Debug, Default)]
pub struct Told {
    lines: BTreeMap<ClientId, Vec<String>>,
    modes: BTreeMap<ClientId, Mode>,
    closed: BTreeMap<ClientId, CloseReason>,
    resumed: BTreeSet<ClientId>,
    pub requests: Vec<ServerRequest>,
    time: WallTime,
}

#[derive(Debug)]
pub struct Stage {
    pub chat: Chat,
    pub told: Told,
    pub archive: TestArchive,
    elapsed: Duration,
    pub unix_ms: u64,
    next_slot: u32,
    /// Connections whose line is not answered yet.
    stopped: BTreeSet<ClientId>,
}

impl Stage {
    /// With boss as an operator, who is no account yet.
    pub fn new() -> Self {
        let accounts = AccountLimits {
            made_per_day_max: 100,
            plain_passwords: true,
            ..AccountLimits::default()
        };
        let settings = Settings {
            server_name: "chinwag".into(),
            lobby: RoomName::parse("lobby").unwrap(),
            rooms_per_client_max: 20,
            motd: Vec::new(),
            operators: vec![Name::parse("boss").unwrap()],
            hash_seed: [1, 2, 3, 4],
            accounts,
            history: HistoryLimits::default(),
        };
        Self {
            chat: Chat::new(settings),
            told: Told::default(),
            archive: TestArchive::default(),
            elapsed: Duration::ZERO,
            unix_ms: 1000 * DAY,
            next_slot: 0,
            stopped: BTreeSet::new(),
        }
    }

    /// A new process, with what was kept.
    pub fn restart(&mut self) {
        let mut next = Self::new();
        next.archive.kept = self.archive.kept.clone();
        next.unix_ms = self.unix_ms;
        let restored: Restored = next.archive.kept.restored();
        next.chat.restore(restored);
        *self = next;
    }

    pub fn now(&self) -> Now {
        Now {
            timestamp: Timestamp::at(self.elapsed),
            unix_ms: self.unix_ms,
            utc_offset_s: 0,
        }
    }

    pub fn connect_from(&mut self, peer: Peer) -> ClientId {
        let id = ClientId {
            slot: self.next_slot,
            generation: 1,
        };
        self.next_slot += 1;
        self.chat.connect(self.now().timestamp, id, peer);
        id
    }

    /// What one who connects from there is told, if they are not let in.
    pub fn barred(&mut self, address: &str) -> Option<String> {
        let event = self.chat.barred(self.now(), &peer(address))?;
        let mut told = Told {
            time: self.wall_time(),
            ..Told::default()
        };
        let id = ClientId {
            slot: 0,
            generation: 9,
        };
        told.send(id, &event);
        Some(told.lines.remove(&id)?.concat())
    }

    fn wall_time(&self) -> WallTime {
        WallTime {
            unix_ms: self.unix_ms,
            utc_offset_s: 0,
        }
    }

    pub fn disconnect(&mut self, id: ClientId) {
        let now = self.now();
        self.chat
            .disconnect(now, id, &mut self.told, &mut self.archive);
        self.stopped.remove(&id);
        self.check();
    }

    /// Types a line; the archive settles nothing yet.
    pub fn type_line(&mut self, id: ClientId, line: &str) {
        assert!(!self.stopped.contains(&id), "its input stands still");
        self.told.time = self.wall_time();
        let request = command::parse(line, self.chat.reading_of(id));
        let now = self.now();
        let (told, archive) = (&mut self.told, &mut self.archive);
        match self.chat.handle(now, id, request, told, archive) {
            Handled::Done | Handled::Queued => {}
            Handled::Later => {
                self.stopped.insert(id);
            }
            Handled::NotNow => panic!("{line} is not taken"),
        }
        self.check();
    }

    /// Types a line, and has the archive settle all. Returns the lines that the connection was told.
    pub fn say(&mut self, id: ClientId, line: &str) -> Vec<String> {
        self.hear(id);
        self.type_line(id, line);
        self.settle_all();
        self.hear(id)
    }

    /// As [`Stage::say`]; returns the last line: that of the answer.
    #[track_caller]
    pub fn ask(&mut self, id: ClientId, line: &str) -> String {
        self.say(id, line).pop().expect("a line is answered")
    }

    /// What a connection was told since it was asked last.
    pub fn hear(&mut self, id: ClientId) -> Vec<String> {
        self.told.lines.remove(&id).unwrap_or_default()
    }

    pub fn settle(&mut self, settled: impl IntoIterator<Item = Settled>) {
        self.told.time = self.wall_time();
        for settled in settled {
            let now = self.now();
            self.chat
                .settle(now, settled, &mut self.told, &mut self.archive);
            for id in std::mem::take(&mut self.told.resumed) {
                self.stopped.remove(&id);
            }
            self.check();
        }
    }

    pub fn settle_all(&mut self) {
        while self.archive.writes() + self.archive.work() > 0 {
            let settled = self.archive.settle_one();
            self.settle(settled);
        }
    }

    pub fn keep_none(&mut self) {
        let settled = self.archive.keep_none();
        self.settle(settled);
    }

    pub fn answer_one(&mut self) {
        let settled = self.archive.answer_one();
        self.settle(settled);
    }

    /// Lets time pass on both clocks.
    pub fn wait(&mut self, time: Duration) {
        self.elapsed += time;
        self.unix_ms += u64::try_from(time.as_millis()).unwrap();
        self.told.time = self.wall_time();
        let now = self.now();
        self.chat.expire(now, &mut self.told, &mut self.archive);
        self.check();
    }

    /// Why a connection is to be closed, if it is.
    pub fn closed(&self, id: ClientId) -> Option<CloseReason> {
        self.told.closed.get(&id).copied()
    }

    pub fn name_of(&self, id: ClientId) -> Option<String> {
        Some(self.chat.name_of(id)?.to_string())
    }

    pub fn list(&mut self, bans: &[(&str, &str)]) {
        let bans = bans.iter().map(|(net, why)| ListedBan::parse(net, why));
        let bans = bans.map(Option::unwrap).collect();
        let now = self.now();
        self.chat.set_listed_bans(now, bans, &mut self.told);
        self.check();
    }

    fn check(&self) {
        self.chat.check_invariants();
    }
}

/// Shorthands.
impl Stage {
    /// A guest on this machine.
    pub fn guest(&mut self, name: &str) -> ClientId {
        self.guest_from("127.0.0.1", name)
    }

    #[track_caller]
    pub fn guest_from(&mut self, address: &str, name: &str) -> ClientId {
        let id = self.connect_from(peer(address));
        let told = self.say(id, &format!("#{name}"));
        assert_eq!(told[0], format!("* You are registered as {name}."));
        id
    }

    /// The first connection of a new account.
    pub fn account(&mut self, name: &str) -> ClientId {
        self.account_from("127.0.0.1", name)
    }

    pub fn account_from(&mut self, address: &str, name: &str) -> ClientId {
        let id = self.guest_from(address, name);
        self.ask(id, "/account new");
        let made = format!("* {name} is yours now. /login {name} takes it from anywhere.");
        assert_eq!(self.ask(id, PASSWORD), made);
        id
    }

    /// Logs in with a password, token or code; returns the first line of the answer.
    pub fn login(&mut self, address: &str, name: &str, secret: &str) -> (ClientId, String) {
        let id = self.connect_from(peer(address));
        let told = self.say(id, &format!("/login {name} {secret}"));
        (id, told[0].clone())
    }

    /// An operator of the server, on this machine.
    pub fn boss(&mut self) -> ClientId {
        self.account("boss")
    }
}

pub fn peer(address: &str) -> Peer {
    match address {
        "unix" => Peer::Unix,
        address => Peer::Tcp((address.parse::<std::net::IpAddr>().unwrap(), 1000).into()),
    }
}

impl Outbox for Told {
    fn send(&mut self, to: ClientId, event: &Event<'_>) {
        let mode = self.mode(to);
        if plain::is_silent(event) && mode == Mode::Plain {
            return;
        }
        let style = Style {
            mode,
            ..Style::default()
        };
        let mut bytes = Vec::new();
        wire::encode(&mut bytes, event, style, self.time);
        let text = String::from_utf8(bytes).unwrap();
        assert!(!text.contains(PASSWORD), "nobody is shown a password");
        let lines = text.lines().map(str::to_owned);
        self.lines.entry(to).or_default().extend(lines);
    }

    fn deliver(&mut self, to: ClientId, _: UserId, event: &Event<'_>) -> Delivery {
        self.send(to, event);
        Delivery::Queued
    }

    fn deliver_copies<I>(&mut self, to: I, _: UserId, event: &Event<'_>) -> Delivery
    where
        I: Iterator<Item = ClientId>,
    {
        for client in to {
            self.send(client, event);
        }
        Delivery::Queued
    }

    fn announce<I>(&mut self, _: &RoomName, to: I, event: &Event<'_>)
    where
        I: Iterator<Item = Addressee>,
    {
        for addressee in to {
            self.send(addressee.client, event);
        }
    }

    fn mode(&self, client: ClientId) -> Mode {
        self.modes.get(&client).copied().unwrap_or_default()
    }

    fn set_mode(&mut self, client: ClientId, mode: Mode) {
        self.modes.insert(client, mode);
    }

    fn times(&self, _: ClientId) -> bool {
        false
    }

    fn set_times(&mut self, _: ClientId, _: bool) {}

    fn bell(&self, _: ClientId) -> Bell {
        Bell::default()
    }

    fn set_bell(&mut self, _: ClientId, _: Bell) {}

    fn close(&mut self, client: ClientId, reason: CloseReason) {
        let twin = self.closed.insert(client, reason);
        assert_eq!(twin, None, "one ends once");
    }

    fn probe(&mut self, _: ClientId) -> Option<Duration> {
        None
    }

    fn resume(&mut self, client: ClientId) {
        self.resumed.insert(client);
    }

    fn conceal_typing(&mut self, _: ClientId, _: bool) {}

    fn unarrived(&self, _: ClientId, _: UserId) -> usize {
        0
    }

    fn request(&mut self, request: ServerRequest) {
        self.requests.push(request);
    }

    fn stats(&self) -> ServerStats {
        ServerStats::default()
    }

    fn named(&mut self, _: ClientId, _: Name) {}
}
