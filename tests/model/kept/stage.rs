//! The core by itself with a [`TestArchive`], accounts, and an outbox that writes down in words what each
//! connection gets.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chinwag::chat::archive::Settled;
use chinwag::chat::close_reason::CloseReason;
use chinwag::chat::command::{
    AccountCommand, Bell, Command, ForgetCommand, HistoryCommand, KeepCommand, MembershipCommand,
    MessageCommand, Mode, PlaceName, Reading, Recipients, SessionCommand, SettingCommand,
    TopicChange, WantedRange,
};
use chinwag::chat::event::{
    AccountReply, CallEvent, CallReply, Done, Event, HistoryReply, MembershipReply, Missed,
    ModerationEvent, ModerationReply, Notice, PageOf, PlaceView, Reply, RoomView, SessionReply,
    SettingReply,
};
use chinwag::chat::ids::{AccountId, ClientId, LineId, Peer, UserId};
use chinwag::chat::limits::{AccountLimits, HistoryLimits};
use chinwag::chat::name::{Name, RoomName};
use chinwag::chat::order::Limited;
use chinwag::chat::outbox::{Addressee, Call, Delivery, Outbox};
use chinwag::chat::refusal::{MessageRefusal, ModerationRefusal, Refusal};
use chinwag::chat::secret::Secret;
use chinwag::chat::stats::ServerStats;
use chinwag::chat::time::{Now, Timestamp};
use chinwag::chat::{self, Chat, Settings};

use crate::archive::TestArchive;
use crate::contents::{Kept, KeptAccount, hash_of};

/// Everybody's password.
pub const PASSWORD: &str = "secretsecret";

/// Accounts that there are, by number from 1 on.
pub const ACCOUNTS: [&str; 4] = ["alice", "bob", "carol", "dave"];

/// The account that is an operator of the server.
pub const OPERATOR: &str = "dave";

/// How a line was taken; it may go unheeded here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handled {
    Done,
    Queued,
    Later,
    NotNow,
}

#[derive(Debug)]
pub struct Stage {
    pub chat: Chat,
    pub archive: TestArchive,
    pub ears: Ears,
    pub unix_ms: u64,
    elapsed: Duration,
    next_slot: u32,
}

/// What is kept when nothing was said yet.
pub fn only_accounts() -> Kept {
    let made = |name: &str| KeptAccount {
        name: Name::parse(name).unwrap(),
        password: hash_of(&Secret::new(PASSWORD)),
        made_at: 0,
        seen_at: 0,
        tokens: BTreeMap::new(),
        settings: 0,
        profile: None,
        notify: None,
        suspended: None,
        code: None,
    };
    let accounts = ACCOUNTS.map(|name| (account(name), made(name)));
    Kept {
        last_account: u32::try_from(accounts.len()).unwrap(),
        accounts: accounts.into(),
        ..Kept::default()
    }
}

pub fn limits() -> HistoryLimits {
    HistoryLimits {
        page_lines_max: 4,
        waiting_max: 5,
        waiting_per_sender_max: 3,
        kept_rooms_max: 2,
        ..HistoryLimits::default()
    }
}

pub fn account(name: &str) -> AccountId {
    let place = ACCOUNTS.iter().position(|other| *other == name).unwrap();
    AccountId::new(u32::try_from(place).unwrap() + 1).unwrap()
}

pub fn room(name: &str) -> RoomName {
    RoomName::parse(name).unwrap()
}

/// `@bob` is the conversation with bob, and `.` the current room.
pub fn place(text: &str) -> PlaceName {
    if text == "." {
        return PlaceName::Current;
    }
    match text.strip_prefix('@') {
        Some(name) => PlaceName::User(Name::parse(name).unwrap()),
        None => PlaceName::Room(room(text)),
    }
}

impl Stage {
    pub fn new() -> Self {
        Self::with(limits())
    }

    pub fn with(history: HistoryLimits) -> Self {
        Self::with_kept(history, &only_accounts())
    }

    /// As after a start that found this, some time later.
    pub fn with_kept(history: HistoryLimits, kept: &Kept) -> Self {
        let mut stage = Self::started(history, kept);
        // Numbers for lines.
        stage.wait(Duration::ZERO);
        stage.settle();
        stage
    }

    /// As after a start that found this.
    pub fn started(history: HistoryLimits, kept: &Kept) -> Self {
        let settings = Settings {
            server_name: "chinwag.test".into(),
            lobby: room("lobby"),
            rooms_per_client_max: 5,
            motd: Vec::new(),
            // Whom no test of history needs.
            operators: vec![Name::parse(OPERATOR).unwrap()],
            hash_seed: [1, 2, 3, 4],
            accounts: AccountLimits {
                plain_passwords: true,
                ..AccountLimits::default()
            },
            history,
        };
        let chat = Chat::new(settings);
        let archive = TestArchive::with(kept.clone());
        let mut stage = Self {
            chat,
            archive,
            ears: Ears::default(),
            unix_ms: 1_000_000,
            elapsed: Duration::ZERO,
            next_slot: 0,
        };
        stage.chat.restore(kept.restored());
        stage
    }

    pub fn now(&self) -> Now {
        Now {
            timestamp: Timestamp::at(self.elapsed),
            unix_ms: self.unix_ms,
            utc_offset_s: 0,
        }
    }

    pub fn wait(&mut self, wait: Duration) {
        self.elapsed += wait;
        let now = self.now();
        self.chat.expire(now, &mut self.ears, &mut self.archive);
        assert!(
            self.chat.next_deadline() > now.timestamp,
            "all that was due is done"
        );
        self.chat.check_invariants();
    }

    pub fn connect(&mut self) -> ClientId {
        self.connect_from(Peer::Unix)
    }

    pub fn connect_from(&mut self, peer: Peer) -> ClientId {
        let id = ClientId {
            slot: self.next_slot,
            generation: 0,
        };
        self.next_slot += 1;
        let now = self.now();
        self.chat.connect(now.timestamp, id, peer);
        id
    }

    pub fn disconnect(&mut self, id: ClientId) {
        let now = self.now();
        self.chat
            .disconnect(now, id, &mut self.ears, &mut self.archive);
        self.chat.check_invariants();
    }

    /// A guest, in JSON mode.
    pub fn guest(&mut self, name: &str) -> ClientId {
        let id = self.connect();
        self.ears.modes.insert(id, Mode::Json);
        let nick = SessionCommand::Nick(Name::parse(name).unwrap());
        let heard = self.ask(id, Command::Session(nick));
        assert!(heard.last().unwrap().starts_with("registered"), "{heard:?}");
        id
    }

    /// Carries out a line as it is typed, settles all, and returns what the connection got since it was asked last.
    pub fn type_in(&mut self, id: ClientId, line: &str) -> Vec<String> {
        match chinwag::wire::command::parse(line, self.chat.reading_of(id)) {
            Ok(command) => self.ask(id, command),
            Err(refusal) => vec![format!("error {}", refusal.code())],
        }
    }

    /// A connection of an account that has logged in, in JSON mode.
    pub fn login(&mut self, name: &str) -> ClientId {
        let id = self.begin_login(name);
        self.settle();
        let heard = self.hear(id);
        assert!(
            heard.iter().any(|line| line.starts_with("logged in")),
            "{heard:?}"
        );
        id
    }

    /// A login whose password is not checked yet.
    pub fn begin_login(&mut self, name: &str) -> ClientId {
        let id = self.connect();
        self.ears.modes.insert(id, Mode::Json);
        let name = Name::parse(name).unwrap();
        let secret = Some(PASSWORD);
        let handled = self.handle(id, Command::Account(AccountCommand::Login { name, secret }));
        assert_eq!(handled, Handled::Later);
        id
    }

    pub fn be_plain(&mut self, id: ClientId) {
        self.ears.modes.insert(id, Mode::Plain);
    }

    pub fn handle(&mut self, id: ClientId, command: Command<'_>) -> Handled {
        let now = self.now();
        let handled = self
            .chat
            .handle(now, id, Ok(command), &mut self.ears, &mut self.archive);
        self.chat.check_invariants();
        match handled {
            chat::Handled::Done => Handled::Done,
            chat::Handled::Queued => Handled::Queued,
            chat::Handled::Later => Handled::Later,
            chat::Handled::NotNow => Handled::NotNow,
        }
    }

    /// Carries out a line, settles all, and returns what the connection got since it was asked last.
    pub fn ask(&mut self, id: ClientId, command: Command<'_>) -> Vec<String> {
        let handled = self.handle(id, command);
        assert_ne!(handled, Handled::NotNow);
        self.settle();
        self.hear(id)
    }

    /// What a connection got since it was asked last.
    pub fn hear(&mut self, id: ClientId) -> Vec<String> {
        self.ears.heard.remove(&id).unwrap_or_default()
    }

    pub fn give(&mut self, settled: impl IntoIterator<Item = Settled>) {
        for settled in settled {
            let now = self.now();
            self.chat
                .settle(now, settled, &mut self.ears, &mut self.archive);
            self.chat.check_invariants();
        }
    }

    pub fn keep_one(&mut self) {
        let settled = self.archive.keep_one();
        self.give(settled);
    }

    pub fn keep_all(&mut self) {
        let settled = self.archive.keep_all();
        self.give(settled);
    }

    pub fn keep_none(&mut self) {
        let settled = self.archive.keep_none();
        self.give(settled);
    }

    /// Answers the first question.
    pub fn answer(&mut self) {
        let settled = self.read();
        self.give(settled);
    }

    /// Keeps what the first question must see, and reads the answer to it.
    pub fn read(&mut self) -> Option<Settled> {
        while self.archive.is_behind() {
            self.keep_one();
        }
        self.archive.answer_one()
    }

    /// Keeps and answers until nothing is under way.
    pub fn settle(&mut self) {
        while self.archive.writes() + self.archive.work() > 0 {
            self.keep_all();
            self.answer();
        }
    }

    pub fn say(&mut self, id: ClientId, text: &str) -> Handled {
        self.handle(id, Command::Message(MessageCommand::Say(text)))
    }

    pub fn write(&mut self, id: ClientId, to: &str, text: &str) -> Handled {
        let to = Recipients::parse(to).unwrap();
        self.handle(id, Command::Message(MessageCommand::Private { to, text }))
    }

    /// Joins, and settles nothing.
    pub fn join_now(&mut self, id: ClientId, name: &str) -> Handled {
        let join = MembershipCommand::Join(room(name));
        self.handle(id, Command::Membership(join))
    }

    pub fn join(&mut self, id: ClientId, name: &str) -> String {
        let join = MembershipCommand::Join(room(name));
        self.ask(id, Command::Membership(join)).pop().unwrap()
    }

    pub fn part(&mut self, id: ClientId, name: &str) {
        let part = MembershipCommand::Part(Some(room(name)));
        let heard = self.ask(id, Command::Membership(part));
        assert_eq!(heard.last().unwrap(), &format!("parted {name}"));
    }

    pub fn keep(&mut self, id: ClientId, days: Option<u32>) -> String {
        self.ask(id, keep(KeepCommand::On(days))).pop().unwrap()
    }

    pub fn topic(&mut self, id: ClientId, text: &str) -> Handled {
        let topic = SettingCommand::Topic(Some(TopicChange::Set(text)));
        self.handle(id, Command::Setting(topic))
    }

    pub fn ignore(&mut self, id: ClientId, name: &str) {
        let ignore = SettingCommand::Ignore(Some(name));
        assert_eq!(self.ask(id, Command::Setting(ignore)), ["ok"]);
    }

    /// An account that is in a kept room which is its own.
    pub fn owner(&mut self, name: &str, room: &str) -> ClientId {
        let id = self.login(name);
        self.join(id, room);
        assert_eq!(self.keep(id, None), format!("kept {room} 30 {name}"));
        id
    }

    /// The texts of a page, and its head.
    pub fn page(&mut self, id: ClientId, of: &str, range: WantedRange) -> Vec<String> {
        self.ask(id, history(of, range))
    }
}

/// A line as it is typed.
pub fn typed(line: &str) -> Command<'_> {
    chinwag::wire::command::parse(line, Reading::Commands).unwrap()
}

pub fn keep(what: KeepCommand) -> Command<'static> {
    Command::History(HistoryCommand::Keep(what))
}

pub fn forget(what: ForgetCommand) -> Command<'static> {
    Command::History(HistoryCommand::Forget(what))
}

pub fn history(of: &str, range: WantedRange) -> Command<'static> {
    let place = place(of);
    let count = None;
    Command::History(HistoryCommand::Page {
        place,
        range,
        count,
    })
}

pub fn read(of: &str, up_to: Option<u64>) -> Command<'static> {
    let (place, up_to) = (place(of), up_to.map(LineId));
    Command::History(HistoryCommand::Read { place, up_to })
}

/// See the module's text.
#[derive(Debug, Default)]
pub struct Ears {
    pub heard: BTreeMap<ClientId, Vec<String>>,
    pub modes: BTreeMap<ClientId, Mode>,
    pub bells: BTreeMap<ClientId, Bell>,
    pub refusing: BTreeSet<ClientId>,
    /// Private messages that were taken, by recipient and sender.
    pub delivered: BTreeMap<(ClientId, UserId), usize>,
    /// Of these, how many have not arrived.
    pub unarrived: BTreeMap<(ClientId, UserId), usize>,
    pub resumed: Vec<ClientId>,
}

impl Ears {
    fn note(&mut self, to: ClientId, line: String) {
        self.heard.entry(to).or_default().push(line);
    }

    /// The sender by whom what waited was sent last.
    pub fn delivery(&self, to: ClientId) -> UserId {
        let mut all = self.delivered.keys().rev();
        all.find(|(client, from)| *client == to && from.slot == u32::MAX)
            .unwrap()
            .1
    }
}

impl Outbox for Ears {
    fn send(&mut self, to: ClientId, event: &Event<'_>) {
        self.note(to, in_words(event));
    }

    fn deliver(&mut self, to: ClientId, from: UserId, event: &Event<'_>) -> Delivery {
        if self.refusing.contains(&to) {
            return Delivery::Refused;
        }
        *self.delivered.entry((to, from)).or_default() += 1;
        self.note(to, in_words(event));
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
            let mut words = in_words(event);
            if addressee.call == Call::Mention {
                words.push_str(" !");
            }
            self.note(addressee.client, words);
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

    fn bell(&self, client: ClientId) -> Bell {
        self.bells.get(&client).copied().unwrap_or_default()
    }

    fn set_bell(&mut self, client: ClientId, bell: Bell) {
        self.bells.insert(client, bell);
    }

    fn close(&mut self, _: ClientId, _: CloseReason) {}

    fn probe(&mut self, _: ClientId) -> Option<Duration> {
        None
    }

    fn resume(&mut self, client: ClientId) {
        self.resumed.push(client);
    }

    fn conceal_typing(&mut self, _: ClientId, _: bool) {}

    fn unarrived(&self, to: ClientId, from: UserId) -> usize {
        self.unarrived.get(&(to, from)).copied().unwrap_or_default()
    }

    fn stats(&self) -> ServerStats {
        ServerStats::default()
    }

    fn named(&mut self, _: ClientId, _: Name) {}
}

fn number(id: Option<LineId>) -> String {
    id.map_or(String::new(), |id| format!(" #{id}"))
}

fn names(names: &[Name]) -> String {
    let names: Vec<String> = names.iter().map(Name::to_string).collect();
    names.join(",")
}

fn of(place: PlaceView<'_>) -> String {
    match place {
        PlaceView::Room(room) => room.to_string(),
        PlaceView::With(name) => format!("@{name}"),
    }
}

fn missed(missed: &Missed) -> String {
    format!(" missed {} {}", missed.room, missed.count)
}

fn view(view: &RoomView<'_>) -> String {
    let topic = view
        .topic
        .map_or(String::new(), |topic| format!(" ({topic})"));
    let kept = view.kept.map_or(String::new(), |kept| {
        let owner = kept.owner.map_or("nobody".to_owned(), Name::to_string);
        format!(" kept {} {owner}", kept.days)
    });
    let missed = view.missed.as_ref().map(missed).unwrap_or_default();
    format!("{}{topic}{kept}{missed}", view.room)
}

fn in_words(event: &Event<'_>) -> String {
    match event {
        Event::Private { from, to, text, id } | Event::Sent { from, to, text, id } => {
            format!("{from} -> {}: {text}{}", names(to), number(*id))
        }
        Event::Message {
            room,
            from,
            text,
            id,
        }
        | Event::Action {
            room,
            from,
            text,
            id,
        } => format!("{room} {from}: {text}{}", number(*id)),
        Event::Topic { room, text, .. } => format!("topic {room} {}", text.unwrap_or_default()),
        Event::Join { room, name } => {
            format!("{name} joined {room}")
        }
        Event::Leave {
            room, name, text, ..
        } => {
            let text = text.map_or(String::new(), |text| format!(": {text}"));
            format!("{name} left {room}{text}")
        }
        Event::Rename { new_name, .. } => format!("renamed {new_name}"),
        Event::History {
            id,
            place,
            from,
            text,
            ..
        } => format!("history {} {from}: {text} #{id}", of(*place)),
        Event::Found {
            id,
            place,
            from,
            text,
            ..
        } => format!("found {} {from}: {text} #{id}", of(*place)),
        Event::Exported {
            id,
            place,
            from,
            text,
            ..
        } => format!("exported {} {from}: {text} #{id}", of(*place)),
        Event::Late { id, from, text, .. } => format!("late {from}: {text} #{id}"),
        Event::Forgotten { place, from, ids } => {
            let ids: Vec<String> = ids.iter().map(LineId::to_string).collect();
            format!("forgotten {} {from} [{}]", of(*place), ids.join(","))
        }
        Event::Kept { room, from, days } => match days {
            Some(days) => format!("{from} keeps {room} {days}"),
            None => format!("{from} keeps {room} no longer"),
        },
        Event::Call(CallEvent::Receipt { name, up_to, state }) => {
            format!("{state:?} {name} #{up_to}")
        }
        Event::Call(CallEvent::Waiting {
            name,
            count,
            notify,
        }) => format!("waiting {name} {count} {notify}"),
        Event::Notice(notice) => notice_in_words(notice),
        Event::Ok(reply) => reply_in_words(reply),
        Event::Error(refusal) => {
            let detail = match refusal {
                Refusal::Message(MessageRefusal::Unreached { missing, full }) => {
                    format!(" {} {}", missing.join(","), names(full))
                }
                Refusal::Moderation(ModerationRefusal::Limited(limited)) => {
                    format!(" {}", limited_in_words(limited))
                }
                _ => String::new(),
            };
            format!("error {}{detail}", refusal.code())
        }
        Event::Moderation(event) => order_in_words(event),
        Event::OwnJoin { room, .. } => format!("joined {room} elsewhere"),
        Event::OwnLeave { room, .. } => format!("left {room} elsewhere"),
        _ => "other".to_owned(),
    }
}

fn order_in_words(event: &ModerationEvent<'_>) -> String {
    let done_in_words = |done: &Done<'_>, who: &str| {
        let until = done
            .until
            .map_or(String::new(), |at| format!(" until {at}"));
        let why = done.why.map_or(String::new(), |why| format!(": {why}"));
        let (act, room, from) = (done.act.word(), done.room, done.from);
        format!("{who} {act} {room} by {from}{until}{why}")
    };
    match event {
        ModerationEvent::Done(done) => done_in_words(done, done.name.as_str()),
        ModerationEvent::DoneToYou { done, moved } => {
            let now = match moved {
                Some(Some(room)) => format!(" now in {room}"),
                Some(None) => " now nowhere".to_owned(),
                None => String::new(),
            };
            format!("{}{now}", done_in_words(done, "you"))
        }
        ModerationEvent::Limited(limited) => format!("limited {}", limited_in_words(limited)),
        ModerationEvent::Locked {
            room, lock, locks, ..
        } => format!("{room} {lock:?} {}", locks.has(*lock)),
        ModerationEvent::Removed { room, from, id } => format!("{from} removed #{id} of {room}"),
    }
}

fn limited_in_words(limited: &Limited<'_>) -> String {
    let left = limited
        .left
        .map_or(String::new(), |left| format!(" {}s", left.as_secs()));
    let why = limited.why.map_or(String::new(), |why| format!(": {why}"));
    let ask = limited
        .ask
        .map_or(String::new(), |ask| format!(" ask {ask}"));
    format!("{:?} {}{left}{why}{ask}", limited.limit, limited.room)
}

fn notice_in_words(notice: &Notice<'_>) -> String {
    match notice {
        Notice::NotKept { count, is_late } => {
            format!("not kept {count}{}", if *is_late { " yet" } else { "" })
        }
        Notice::PageEnd { is_forward: true } => "more later".to_owned(),
        Notice::PageEnd { is_forward: false } => "more earlier".to_owned(),
        other => format!("{other:?}"),
    }
}

fn reply_in_words(reply: &Reply<'_>) -> String {
    match reply {
        Reply::Said(said) => {
            let waiting = match said.waiting {
                [] => String::new(),
                waiting => format!(" waiting {}", names(waiting)),
            };
            format!("ok{}{waiting}", number(said.id))
        }
        Reply::Call(CallReply::Notify { text }) => format!("notify {text:?}"),
        Reply::Call(CallReply::Feed(on)) => format!("feed {on}"),
        Reply::Session(SessionReply::Registered { name, entered }) => {
            format!("registered {name} {}", view(entered))
        }
        Reply::Membership(MembershipReply::Joined(room)) => format!("joined {}", view(room)),
        Reply::Membership(MembershipReply::Parted { room, .. }) => format!("parted {room}"),
        Reply::Setting(SettingReply::Topic { room, text }) => {
            format!("topic of {room} {}", text.unwrap_or_default())
        }
        Reply::Account(AccountReply::LoggedIn(found)) => {
            let missed: String = found.missed.iter().map(missed).collect();
            let entered = found.entered.as_ref().map(view).unwrap_or_default();
            let waiting = found.waiting;
            format!(
                "logged in {} {entered}{missed} waiting {waiting}",
                found.name
            )
        }
        Reply::History(HistoryReply::Page(page)) => {
            let of = match page.of {
                PageOf::Place(place) => of(place),
                PageOf::Search(words) => format!("'{words}'"),
                PageOf::Own => "own".to_owned(),
            };
            let end = if page.end { "end" } else { "more" };
            format!("page of {of}: {} {end}", page.lines)
        }
        Reply::History(HistoryReply::Unread { places }) => {
            let places = places.iter();
            let places: Vec<String> = places
                .map(|(place, count)| format!("{} {count}", of(*place)))
                .collect();
            format!("unread {}", places.join(", "))
        }
        Reply::History(HistoryReply::Read { place, up_to }) => {
            format!("read {} {up_to}", of(*place))
        }
        Reply::History(HistoryReply::Forgotten { count }) => format!("forgot {count}"),
        Reply::Moderation(ModerationReply::Done {
            act,
            room,
            name,
            until,
        }) => {
            let until = until.map_or(String::new(), |at| format!(" until {at}"));
            format!("ok {} {name} {room}{until}", act.word())
        }
        Reply::Moderation(ModerationReply::Locks { locks, .. }) => {
            format!("ok locks {:03b}", locks.bits())
        }
        Reply::Moderation(ModerationReply::Removed { id, .. }) => format!("ok removed #{id}"),
        Reply::Session(SessionReply::Outside { name }) => format!("registered {name} nowhere"),
        Reply::History(HistoryReply::Kept { room, days, owner }) => {
            format!(
                "kept {room} {days} {}",
                owner.map_or("nobody", Name::as_str)
            )
        }
        Reply::History(HistoryReply::Unkept { room }) => format!("kept {room} no longer"),
        _ => "ok".to_owned(),
    }
}
