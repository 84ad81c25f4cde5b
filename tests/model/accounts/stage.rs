//! The core by itself, and what each connection is told, in a few words each.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chinwag::chat::archive::Settled;
use chinwag::chat::close_reason::CloseReason;
use chinwag::chat::command::{
    AccountCommand, Bell, Command, MembershipCommand, MessageCommand, Mode, Reading, SessionCommand,
};
use chinwag::chat::event::{
    AccountReply, Event, MembershipReply, Need, Notice, Reply, SessionReply,
};
use chinwag::chat::ids::{AccountId, ClientId, Peer, UserId};
use chinwag::chat::limits::{AccountLimits, HistoryLimits};
use chinwag::chat::name::{Name, RoomName};
use chinwag::chat::outbox::{Addressee, Delivery, Outbox};
use chinwag::chat::refusal::{LineRefusal, Refusal};
use chinwag::chat::stats::ServerStats;
use chinwag::chat::time::{Now, Timestamp};
use chinwag::chat::{Chat, Handled, Settings};

use crate::archive::TestArchive;

pub const PASSWORD: &str = "correct horse";

/// A day, in milliseconds.
pub const DAY: u64 = 24 * 60 * 60 * 1000;

/// What connections are told.
#[derive(Debug, Default)]
pub struct Told {
    words: BTreeMap<ClientId, Vec<String>>,
    modes: BTreeMap<ClientId, Mode>,
    concealed: BTreeSet<ClientId>,
    closed: BTreeMap<ClientId, CloseReason>,
    resumed: BTreeSet<ClientId>,
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
    pub fn new() -> Self {
        Self::with(AccountLimits::default())
    }

    pub fn with(accounts: AccountLimits) -> Self {
        let settings = Settings {
            server_name: "chinwag".into(),
            lobby: RoomName::parse("lobby").unwrap(),
            rooms_per_client_max: 20,
            motd: Vec::new(),
            operators: Vec::new(),
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

    pub fn now(&self) -> Now {
        Now {
            timestamp: Timestamp::at(self.elapsed),
            unix_ms: self.unix_ms,
            utc_offset_s: 0,
        }
    }

    /// A connection from this machine.
    pub fn connect(&mut self) -> ClientId {
        self.connect_from(Peer::Unix)
    }

    /// A connection from another machine.
    pub fn connect_far(&mut self, host: u8) -> ClientId {
        self.connect_from(Peer::Tcp(([198, 51, 100, host], 1000).into()))
    }

    fn connect_from(&mut self, peer: Peer) -> ClientId {
        let id = ClientId {
            slot: self.next_slot,
            generation: 1,
        };
        self.next_slot += 1;
        self.chat.connect(self.now().timestamp, id, peer);
        id
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
        let command = match self.chat.reading_of(id) {
            Reading::Answer => Command::Answer(line),
            Reading::LateAnswer if !line.starts_with('/') => Command::Answer(line),
            Reading::LateAnswer | Reading::Commands => command(line),
            Reading::Raw => panic!("nobody is raw"),
        };
        let now = self.now();
        let handled = self
            .chat
            .handle(now, id, Ok(command), &mut self.told, &mut self.archive);
        match handled {
            Handled::Done => {}
            Handled::Later => {
                self.stopped.insert(id);
            }
            Handled::Queued | Handled::NotNow => panic!("{line} is {handled:?}"),
        }
        self.check();
    }

    /// Types a line that is too long.
    pub fn type_too_long(&mut self, id: ClientId) {
        let refusal = Refusal::Line(LineRefusal::LineTooLong { bytes_max: 4096 });
        let now = self.now();
        let (told, archive) = (&mut self.told, &mut self.archive);
        let handled = self.chat.handle(now, id, Err(refusal), told, archive);
        assert_eq!(handled, Handled::Done);
        self.check();
    }

    /// Types a line, and has the archive settle all. Returns what the connection was told.
    pub fn say(&mut self, id: ClientId, line: &str) -> Vec<String> {
        self.hear(id);
        self.type_line(id, line);
        self.settle_all();
        self.hear(id)
    }

    /// As [`Stage::say`]; returns the last that the connection was told: its answer.
    pub fn ask(&mut self, id: ClientId, line: &str) -> String {
        self.say(id, line).pop().expect("a line is answered")
    }

    /// As [`Stage::ask`], of a line that needs nothing of the archive, and without letting that settle anything.
    pub fn ask_without_settling(&mut self, id: ClientId, line: &str) -> String {
        self.hear(id);
        self.type_line(id, line);
        self.hear(id).pop().expect("a line is answered")
    }

    /// What a connection was told since it was asked last.
    pub fn hear(&mut self, id: ClientId) -> Vec<String> {
        self.told.words.remove(&id).unwrap_or_default()
    }

    pub fn settle(&mut self, settled: impl IntoIterator<Item = Settled>) {
        let mut settled = settled.into_iter().peekable();
        assert!(settled.peek().is_some(), "there is something to settle");
        for settled in settled {
            let now = self.now();
            self.chat
                .settle(now, settled, &mut self.told, &mut self.archive);
            for id in std::mem::take(&mut self.told.resumed) {
                assert!(self.stopped.remove(&id), "it was stopped");
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

    /// Answers the next question or hash.
    pub fn answer_one(&mut self) {
        let settled = self.archive.answer_one();
        self.settle(settled);
    }

    pub fn keep_all(&mut self) {
        let settled = self.archive.keep_all();
        self.settle(settled);
    }

    pub fn keep_none(&mut self) {
        let settled = self.archive.keep_none();
        self.settle(settled);
    }

    pub fn fail_one(&mut self) {
        let settled = self.archive.fail_one();
        self.settle(settled);
    }

    /// Lets time pass on both clocks.
    pub fn wait(&mut self, time: Duration) {
        self.elapsed += time;
        self.unix_ms += u64::try_from(time.as_millis()).unwrap();
        self.expire();
    }

    pub fn expire(&mut self) {
        let now = self.now();
        self.chat.expire(now, &mut self.told, &mut self.archive);
        assert!(self.chat.next_deadline() > now.timestamp);
        for id in std::mem::take(&mut self.told.resumed) {
            assert!(self.stopped.remove(&id), "it was stopped");
        }
        self.check();
    }

    pub fn is_stopped(&self, id: ClientId) -> bool {
        self.stopped.contains(&id)
    }

    pub fn is_concealed(&self, id: ClientId) -> bool {
        self.told.concealed.contains(&id)
    }

    /// Why a connection is to be closed, if it is.
    pub fn closed(&self, id: ClientId) -> Option<CloseReason> {
        self.told.closed.get(&id).copied()
    }

    pub fn account_of(&self, id: ClientId) -> Option<AccountId> {
        self.chat.account_of(self.chat.user_of(id)?)
    }

    pub fn name_of(&self, id: ClientId) -> Option<String> {
        Some(self.chat.name_of(id)?.to_string())
    }

    fn check(&self) {
        self.chat.check_invariants();
        for id in &self.stopped {
            assert!(self.chat.awaits_answers(*id), "{id} stands still for ever");
        }
    }
}

/// Shorthands.
impl Stage {
    /// A guest.
    pub fn guest(&mut self, name: &str) -> ClientId {
        let id = self.connect();
        assert_eq!(
            self.ask(id, &format!("#{name}")),
            format!("registered {name} in lobby")
        );
        id
    }

    /// The first connection of a new account.
    pub fn account(&mut self, name: &str) -> ClientId {
        let id = self.guest(name);
        assert_eq!(
            self.ask(id, "/account new"),
            format!("needs new password {name}")
        );
        assert_eq!(self.ask(id, PASSWORD), format!("made {name}"));
        id
    }

    /// A further connection of an account, or its first.
    pub fn login(&mut self, name: &str) -> ClientId {
        let id = self.connect();
        let answer = self.ask(id, &format!("/login {name} {PASSWORD}"));
        assert!(answer.starts_with(&format!("logged in {name}")), "{answer}");
        id
    }

    /// A connection of an account that came by a token.
    pub fn login_by(&mut self, name: &str, token: &str) -> ClientId {
        let id = self.connect();
        let answer = self.ask(id, &format!("/login {name} {token}"));
        assert!(answer.starts_with(&format!("logged in {name}")), "{answer}");
        id
    }

    /// Makes a token.
    pub fn token(&mut self, id: ClientId, label: &str) -> String {
        let answer = self.ask(id, &format!("/token {label}"));
        let token = answer.strip_prefix(&format!("token {label} "));
        token.expect("a token is shown").to_owned()
    }

    /// Begins `/account password`, up to the new password.
    pub fn ask_for_new_password(&mut self, id: ClientId, name: &str) {
        assert_eq!(
            self.ask(id, "/account password"),
            format!("needs password {name}")
        );
        assert_eq!(self.ask(id, PASSWORD), format!("needs new password {name}"));
    }

    /// Begins `/account drop`, up to the name.
    pub fn ask_for_name_to_drop(&mut self, id: ClientId, name: &str) {
        assert_eq!(
            self.ask(id, "/account drop"),
            format!("needs password {name}")
        );
        assert_eq!(self.ask(id, PASSWORD), format!("needs name {name}"));
    }
}

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

/// The few commands of these tests.
fn command(line: &str) -> Command<'_> {
    let label = |text| RoomName::parse(text).unwrap();
    let account = |command| Command::Account(command);
    if let Some(given) = line.strip_prefix('#') {
        return Command::Session(SessionCommand::Hash {
            name: Name::parse(given),
            line,
        });
    }
    let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
    match (verb, rest) {
        ("/nick", rest) => Command::Session(SessionCommand::Nick(name(rest))),
        ("/json", "") => Command::Session(SessionCommand::Mode(Some(Mode::Json))),
        ("/ping", rest) => Command::Session(SessionCommand::Ping(rest)),
        ("/join", room) => Command::Membership(MembershipCommand::Join(label(room))),
        ("/part", room) => Command::Membership(MembershipCommand::Part(Some(label(room)))),
        ("/account", "") => account(AccountCommand::Show),
        ("/account", "new") => account(AccountCommand::New),
        ("/account", "password") => account(AccountCommand::Password),
        ("/account", "drop") => account(AccountCommand::Drop),
        ("/logout", "") => account(AccountCommand::Logout),
        ("/token", "") => account(AccountCommand::Tokens),
        ("/token", rest) => match rest.strip_prefix("drop ") {
            Some(rest) => account(AccountCommand::DropToken(label(rest))),
            None => account(AccountCommand::MakeToken(label(rest))),
        },
        ("/login", rest) => {
            let (of, secret) = match rest.split_once(' ') {
                Some((of, secret)) => (of, Some(secret)),
                None => (rest, None),
            };
            let name = name(of);
            account(AccountCommand::Login { name, secret })
        }
        ("login", rest) => {
            let of = rest.split(' ').next().unwrap();
            let name = name(of);
            account(AccountCommand::BareLogin { name, line })
        }
        _ => {
            assert!(!line.starts_with('/'), "{line}");
            Command::Message(MessageCommand::Say(line))
        }
    }
}

impl Told {
    fn note(&mut self, to: ClientId, words: String) {
        assert!(!words.contains(PASSWORD), "nobody is shown a password");
        self.words.entry(to).or_default().push(words);
    }
}

impl Outbox for Told {
    fn send(&mut self, to: ClientId, event: &Event<'_>) {
        self.note(to, words(event));
    }

    fn deliver(&mut self, to: ClientId, _: UserId, event: &Event<'_>) -> Delivery {
        self.note(to, words(event));
        Delivery::Queued
    }

    fn deliver_copies<I>(&mut self, to: I, from: UserId, event: &Event<'_>) -> Delivery
    where
        I: Iterator<Item = ClientId>,
    {
        for client in to {
            let _ = self.deliver(client, from, event);
        }
        Delivery::Queued
    }

    fn announce<I>(&mut self, _: &RoomName, to: I, event: &Event<'_>)
    where
        I: Iterator<Item = Addressee>,
    {
        for addressee in to {
            self.note(addressee.client, words(event));
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
        Bell::Off
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

    fn conceal_typing(&mut self, client: ClientId, on: bool) {
        if on {
            self.concealed.insert(client);
        } else {
            assert!(self.concealed.remove(&client), "it was concealed");
        }
    }

    fn unarrived(&self, _: ClientId, _: UserId) -> usize {
        0
    }

    fn stats(&self) -> ServerStats {
        ServerStats::default()
    }

    fn named(&mut self, _: ClientId, _: Name) {}
}

/// An event in a few words.
fn words(event: &Event<'_>) -> String {
    match *event {
        Event::Message {
            room, from, text, ..
        } => format!("[{room}] {from}: {text}"),
        Event::Join { room, name } => format!("{name} joined {room}"),
        Event::Leave {
            room, name, gone, ..
        } => {
            format!("{name} left {}", if gone { "all" } else { room.as_str() })
        }
        Event::Rename { name, new_name } => format!("{name} is now {new_name}"),
        Event::Late { from, text, .. } => format!("late {from}: {text}"),
        Event::Notice(notice) => match notice {
            Notice::Cancelled => "cancelled".into(),
            Notice::WhoReads => "who reads".into(),
            Notice::NotEncrypted => "not encrypted".into(),
            Notice::Replaced => "replaced".into(),
            Notice::AccountEnded => "account ended".into(),
            other => panic!("{other:?}"),
        },
        Event::Error(refusal) => format!("error {}", refusal.code()),
        Event::Ok(Reply::Account(reply)) => account_words(&reply),
        Event::Ok(Reply::Done | Reply::Said(_)) => "ok".into(),
        Event::Ok(Reply::Session(reply)) => match reply {
            SessionReply::Registered { name, entered } => {
                format!("registered {name} in {}", entered.room)
            }
            SessionReply::Renamed { name } => format!("renamed {name}"),
            SessionReply::Pong { text } => format!("pong {text}"),
            SessionReply::Mode(mode) => format!("mode {mode:?}"),
            other => panic!("{other:?}"),
        },
        Event::Ok(Reply::Membership(reply)) => match reply {
            MembershipReply::Joined(view) => format!("joined {}", view.room),
            MembershipReply::Parted { room, .. } => format!("parted {room}"),
        },
        ref other => panic!("{other:?}"),
    }
}

fn account_words(reply: &AccountReply<'_>) -> String {
    match *reply {
        AccountReply::Guest { name } => {
            format!("guest {}", name.map_or("without a name", Name::as_str))
        }
        AccountReply::Account {
            name,
            tokens,
            connections,
            ..
        } => format!("account {name}, tokens {tokens}, connections {connections}"),
        AccountReply::Needs(Need::Password(name)) => format!("needs password {name}"),
        AccountReply::Needs(Need::NewPassword(name)) => format!("needs new password {name}"),
        AccountReply::Needs(Need::NameToDrop(name)) => format!("needs name {name}"),
        AccountReply::Made { name } => format!("made {name}"),
        AccountReply::PasswordChanged { name } => format!("password changed {name}"),
        AccountReply::Dropped { name } => format!("dropped {name}"),
        AccountReply::LoggedIn(login) => {
            let room = login.entered.map_or("no room", |view| view.room.as_str());
            let others = login.entered.map_or(0, |view| view.others);
            format!(
                "logged in {} on {} in {room} with {others}; waited {}",
                login.name, login.connections, login.waiting
            )
        }
        AccountReply::LoggedOut => "logged out".into(),
        AccountReply::Tokens { tokens } => {
            let labels: Vec<&str> = tokens.iter().map(|token| token.label.as_str()).collect();
            format!("tokens [{}]", labels.join(" "))
        }
        AccountReply::TokenMade { label, token } => format!("token {label} {token}"),
        AccountReply::TokenDropped { label } => format!("token dropped {label}"),
    }
}
