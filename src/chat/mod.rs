//! The chat itself: who is here, who is in which room, and who hears what.
//!
//! **Pure.** Nothing here touches a socket, a byte of the wire, a clock, a source of randomness or
//! the log. Time comes in as a [`Timestamp`], chance as [`Settings::hash_seed`], requests as a
//! [`Request`], and everything goes out through an [`Outbox`]. The same calls in the same order
//! have the same outcome, which is what lets a simulation replay a history from its seed.
//!
//! [`Chat::handle`] is the entrance; from there each command goes to the file of its part: `session`
//! (what needs no name), `messaging`, `membership`, `queries` or `settings`. Its end is in `departure`.

mod account_commands;
mod accounts;
pub mod archive;
mod calls;
mod client;
pub mod close_reason;
pub mod command;
mod connections;
mod departure;
mod directory;
pub mod event;
mod history;
mod history_commands;
pub mod ids;
mod invariants;
pub mod limits;
mod member;
mod members;
mod membership;
mod messaging;
mod moderation;
mod moderation_commands;
pub mod name;
mod operator_commands;
mod operators;
pub mod order;
pub mod outbox;
mod pending;
mod people;
mod people_commands;
mod presence;
mod queries;
pub mod refusal;
pub mod rights;
mod rooms;
pub mod secret;
mod session;
mod settings;
mod settle;
pub mod stats;
pub mod time;
mod user;
mod verb;
mod visibility;

use ahash::RandomState;

use account_commands::expiry::Expiry;
use accounts::guard::Guard;
use accounts::prompts::Prompts;
use accounts::table::Accounts;
use archive::{Archive, Restored};
use calls::Calls;
use client::Client;
use command::{Command, Reading, Request, SessionCommand, Verb};
use directory::Directory;
use event::{Event, Notice, Reply};
use history::History;
use ids::{AccountId, ClientId, Peer, UserId};
use limits::{AccountLimits, HistoryLimits};
use moderation::room_rules::RoomRules;
use name::{Name, RoomName};
use operators::Operators;
use outbox::Outbox;
use pending::Pending;
use people::People;
use refusal::{LineRefusal, Refusal, SessionRefusal};
use rooms::Rooms;
use stats::Counts;
use time::{Now, Timestamp};

pub use calls::{FEEDS_MAX, MENTION_WORDS_MAX, MENTIONED_MAX, RECEIPT_INTERVAL, WAITING_INTERVAL};
pub use history::LINES_RESERVED;
pub use membership::ENTRY_NAMES_MAX;
pub use operators::bans::ListedBan;
pub use pending::UNANSWERED_MAX;
pub use presence::{
    PRESENCE_IMMEDIATE_MEMBERS_MAX, PRESENCE_INTERVAL, PRESENCE_MEMBERS_MAX, PRESENCE_NAMES_MAX,
};
pub use queries::{NAMES_PAGE, ROOMS_PAGE};
pub use settings::{AWAY_NOTIFIED_MAX, IGNORED_MAX};

/// The longest topic, away text and quit text, in bytes: they are repeated to many, and a list of
/// rooms shows a hundred of them. A longer quit text is cut.
pub const NOTE_BYTES_MAX: usize = 300;

/// Settings of the core, given once.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The server's own name, for greetings.
    pub server_name: String,
    /// The room everyone enters on registering. It always exists.
    pub lobby: RoomName,
    /// How many rooms a client may be in.
    pub rooms_per_client_max: usize,
    /// The operator's own lines, shown after the greeting.
    pub motd: Vec<String>,
    /// Seed of the hash tables; random, so that names cannot be chosen to collide.
    pub hash_seed: [u64; 4],
    /// The accounts that are operators of the server.
    pub operators: Vec<Name>,
    /// Limits of accounts.
    pub accounts: AccountLimits,
    /// Limits of history.
    pub history: HistoryLimits,
}

/// The chat. See the module's text for its contract.
#[derive(Debug)]
pub struct Chat {
    settings: Settings,
    directory: Directory,
    rooms: Rooms,
    pending: Pending,
    accounts: Accounts,
    history: History,
    people: People,
    rules: RoomRules,
    guard: Guard,
    prompts: Prompts,
    expiry: Expiry,
    operators: Operators,
    calls: Calls,
}

impl Chat {
    /// A chat with an empty lobby.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let [a, b, c, d] = settings.hash_seed;
        let hasher = RandomState::with_seeds(a, b, c, d);
        Self {
            directory: Directory::new(hasher.clone()),
            rooms: Rooms::new(settings.lobby, hasher.clone()),
            pending: Pending::new(settings.history.keep_time, hasher.clone()),
            accounts: Accounts::new(&settings.accounts.denied_names, hasher.clone()),
            history: History::new(&hasher),
            operators: Operators::new(&hasher),
            calls: Calls::new(&hasher),
            people: People::new(&hasher),
            rules: RoomRules::new(hasher.clone()),
            guard: Guard::new(hasher),
            prompts: Prompts::default(),
            expiry: Expiry::default(),
            settings,
        }
    }

    /// Reserves the memory of this many clients' records, so that growth does not move them.
    #[must_use]
    pub fn with_capacity(mut self, clients: usize) -> Self {
        self.directory.reserve(clients);
        self
    }

    /// Takes a new connection. `id` must not be in use.
    pub fn connect(&mut self, now: Timestamp, id: ClientId, peer: Peer) {
        self.directory.connect(id, peer, now);
        self.watch(id);
    }

    /// Greets a client; to be called once. `first` is its first line, if it was quick: if that asks for a
    /// mode, the greeting is written in it.
    pub fn greet<O: Outbox>(&self, id: ClientId, first: Option<&Request<'_>>, outbox: &mut O) {
        let Some(client) = self.directory.get(id) else {
            return;
        };
        if let Some(Ok(Command::Session(SessionCommand::Mode(Some(mode))))) = first {
            outbox.set_mode(id, *mode);
        }
        outbox.send(id, &Event::Notice(Notice::Connected(client.peer())));
        outbox.send(id, &Event::Notice(Notice::HowToRegister));
        for line in &self.settings.motd {
            outbox.send(id, &Event::Notice(Notice::Motd(line)));
        }
    }

    /// Carries out one line of a client, and answers it with exactly one [`Event::Ok`] or
    /// [`Event::Error`], after all else that the line sends to the client.
    ///
    /// Where something is to be kept, the answer can come later: the result says how the client's input
    /// goes on.
    pub fn handle<O: Outbox>(
        &mut self,
        now: Now,
        id: ClientId,
        request: Request<'_>,
        outbox: &mut O,
        archive: &mut dyn Archive,
    ) -> Handled {
        let Some(client) = self.directory.get_mut(id) else {
            return Handled::Done;
        };
        client.active_at = now.timestamp;
        let sender = Sender::new(id, client);
        let is_asked = client.prompt().is_some() || client.is_late();
        if self.must_wait(now, id, sender.as_ref(), &request, outbox) {
            return Handled::NotNow;
        }
        if is_asked && !matches!(request, Ok(Command::Answer(_))) {
            // Only the very next line is an answer: this one was too long to be read as one, or is a command
            // behind the time for it.
            self.end_prompt(id, outbox);
        }
        let outcome = match request {
            Ok(command) => self.execute(now, id, sender.as_ref(), command, outbox, archive),
            Err(refusal) => Err(refusal_for(refusal, sender.is_some())),
        };
        match outcome {
            Ok(Answered::Now) => Handled::Done,
            Ok(Answered::Queued) => Handled::Queued,
            Ok(Answered::Later) => Handled::Later,
            Err(refusal) => {
                outbox.send(id, &Event::Error(refusal));
                Handled::Done
            }
        }
    }

    /// Whether a line must wait for the answers to earlier ones of its sender.
    fn must_wait<O: Outbox>(
        &self,
        now: Now,
        id: ClientId,
        sender: Option<&Sender>,
        request: &Request<'_>,
        outbox: &O,
    ) -> bool {
        let unanswered = self.pending.unanswered(id);
        // An answer is never put off: given again once its question is no more, a password would be said. No line of
        // its client's is before it, as the question waited for these.
        if unanswered == 0 || matches!(request, Ok(Command::Answer(_))) {
            return false;
        }
        let (Some(sender), Ok(command)) = (sender, request) else {
            return true;
        };
        let mode = outbox.mode(id);
        unanswered >= UNANSWERED_MAX || !self.is_answered_in_order(now, sender, command, mode)
    }

    /// Takes in what was kept before the server started. To be called once, before anything else.
    pub fn restore(&mut self, mut restored: Restored) {
        self.accounts.restore(&restored);
        self.operators.restore(&mut restored);
        self.calls.restore(&restored);
        self.people.relations.restore(&restored.relations);
        self.restore_rules(&restored);
        self.restore_history(&mut restored);
    }

    /// Whether answers to a client are still to come, which its end must wait for.
    #[must_use]
    pub fn awaits_answers(&self, id: ClientId) -> bool {
        self.pending.unanswered(id) > 0
    }

    /// Tells `from` that private messages already answered with `ok` did not reach `to`, whose
    /// connection ended first.
    pub fn undelivered<O: Outbox>(&mut self, from: UserId, to: &Name, count: u64, outbox: &mut O) {
        self.note_undelivered(from, count);
        for id in self.directory.connections_of(from) {
            outbox.send(id, &Event::Notice(Notice::Undelivered { to, count }));
        }
    }

    /// Tells everyone that the server is about to exit.
    pub fn announce_shutdown<O: Outbox>(&self, outbox: &mut O) {
        for id in self.directory.ids() {
            outbox.send(id, &Event::Notice(Notice::ShuttingDown));
        }
    }

    /// Answers telnet's "are you there".
    pub fn are_you_there<O: Outbox>(&self, id: ClientId, outbox: &mut O) {
        let server_name = &self.settings.server_name;
        outbox.send(id, &Event::Notice(Notice::Here { server_name }));
    }

    /// The time at which [`Chat::expire`] is due.
    #[must_use]
    pub fn next_deadline(&self) -> Timestamp {
        let lines = self.rooms.next_due().min(self.pending.next_due());
        let accounts = self.prompts.next_due().min(self.next_account_check());
        let history = self.history.next_due();
        let history = history.min(self.people.veiled.next_due());
        lines.min(accounts).min(history).min(self.calls.next_due())
    }

    /// Tells the summaries that are due, and answers those for whom the archive takes too long.
    pub fn expire<O: Outbox>(&mut self, now: Now, outbox: &mut O, archive: &mut dyn Archive) {
        self.rooms.expire(now.timestamp, outbox);
        self.answer_late(now, outbox, archive);
        self.expire_history(now, outbox, archive);
        self.expire_prompts(now.timestamp, outbox);
        self.check_accounts(now, archive);
        self.expire_calls(now.timestamp, outbox);
    }

    /// The user of a connection, once registered.
    #[must_use]
    pub fn user_of(&self, id: ClientId) -> Option<UserId> {
        self.directory.user_of(id)
    }

    /// The name of a connection's user, once registered.
    #[must_use]
    pub fn name_of(&self, id: ClientId) -> Option<Name> {
        self.directory.get(id)?.name
    }

    /// The name of a connection's user, or of its last: what was on its way to that one may be lost with it.
    #[must_use]
    pub fn last_name_of(&self, id: ClientId) -> Option<Name> {
        self.directory.get(id)?.last_name()
    }

    /// The account of a user who is here; `None` of a guest.
    #[must_use]
    pub fn account_of(&self, user: UserId) -> Option<AccountId> {
        self.directory.user(user)?.account
    }

    /// How the next line of a connection is read.
    #[must_use]
    pub fn reading_of(&self, id: ClientId) -> Reading {
        match self.directory.get(id) {
            Some(client) if client.prompt().is_some() => Reading::Answer,
            Some(client) if client.is_late() => Reading::LateAnswer,
            Some(client) if client.is_raw() => Reading::Raw,
            _ => Reading::Commands,
        }
    }

    /// The address of a connection's other end.
    #[must_use]
    pub fn peer_of(&self, id: ClientId) -> Option<Peer> {
        Some(self.directory.get(id)?.peer())
    }

    /// The numbers of clients, users and rooms.
    #[must_use]
    pub fn counts(&self) -> Counts {
        Counts {
            clients: self.directory.connected_count(),
            registered: self.directory.registered_count(),
            rooms: self.rooms.len(),
        }
    }

    /// Passes a command to the file of its part.
    fn execute<'a, O: Outbox>(
        &mut self,
        now: Now,
        id: ClientId,
        sender: Option<&Sender>,
        command: Command<'a>,
        outbox: &mut O,
        archive: &mut dyn Archive,
    ) -> Outcome<'a> {
        let clock = now;
        let now = now.timestamp;
        let registered = sender.ok_or(Refusal::NotRegistered);
        match command {
            Command::Session(command) => {
                self.execute_session(clock, id, sender, command, outbox, archive)
            }
            Command::Message(command) => {
                self.execute_message(clock, registered?, command, outbox, archive)
            }
            Command::Membership(command) => {
                self.execute_membership(clock, registered?, command, outbox, archive)
            }
            Command::Query(command) => self.execute_query(now, registered?, command, outbox),
            Command::Setting(command) => {
                self.execute_setting(clock, registered?, command, outbox, archive)
            }
            Command::Account(command) => {
                self.execute_account(clock, id, sender, command, outbox, archive)
            }
            Command::History(command) => {
                self.execute_history(clock, registered?, command, outbox, archive)
            }
            Command::People(command) => {
                self.execute_people(clock, registered?, command, outbox, archive)
            }
            Command::Moderation(command) => {
                self.execute_moderation(clock, registered?, command, outbox, archive)
            }
            Command::Operator(command) => {
                self.execute_operator(clock, registered?, command, outbox, archive)
            }
            Command::Answer(line) => self.take_answer(clock, id, line, outbox, archive),
        }
    }
}

/// How a client's input goes on after a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Handled {
    /// The line was answered.
    Done,
    /// The line is answered later, and the next one is taken meanwhile.
    Queued,
    /// The line is answered later. The next one is taken once [`Outbox::resume`] was called.
    Later,
    /// The line was not taken: it is to be given again once [`Outbox::resume`] was called.
    NotNow,
}

/// A registered user, and the connection that they sent a line by: one of perhaps several.
#[derive(Clone, Copy, Debug)]
struct Sender {
    client: ClientId,
    user: UserId,
    name: Name,
    /// It may be that they may not speak.
    is_watched: bool,
}

impl Sender {
    /// The user of `client`, once registered.
    fn new(client: ClientId, record: &Client) -> Option<Self> {
        let (user, name) = (record.user?, record.name?);
        let is_watched = record.is_watched;
        Some(Self {
            client,
            user,
            name,
            is_watched,
        })
    }
}

/// When a line is answered with its one [`Event::Ok`], or with a refusal that is found later.
#[derive(Clone, Copy, Debug)]
enum Answered {
    /// It was.
    Now,
    /// Once the archive has kept it. Lines like it may follow meanwhile.
    Queued,
    /// Once the archive has answered, and nothing may follow before.
    Later,
}

/// How a command ends: it answered, or there is an error still to be sent.
type Outcome<'a> = Result<Answered, Refusal<'a>>;

#[expect(
    clippy::unnecessary_wraps,
    reason = "it ends a command, and commands can fail"
)]
fn answer<'a, 'r, O: Outbox>(
    outbox: &mut O,
    id: ClientId,
    reply: impl Into<Reply<'r>>,
) -> Outcome<'a> {
    outbox.send(id, &Event::Ok(reply.into()));
    Ok(Answered::Now)
}

/// Refuses a topic or away text that is too long to be repeated to many.
fn check_note(text: Option<&str>) -> Result<(), Refusal<'_>> {
    if text.is_some_and(|text| text.len() > NOTE_BYTES_MAX) {
        return Err(Refusal::Line(LineRefusal::TextTooLong {
            bytes_max: NOTE_BYTES_MAX,
        }));
    }
    Ok(())
}

/// The start of a text, as much as may be repeated to many, where nothing is refused for its length.
fn cut_note(text: &str) -> &str {
    let mut end = text.len().min(NOTE_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

/// The refusal that the sender of a line sees. One who has no name is told how to register, unless the
/// line could have worked without a name.
fn refusal_for(refusal: Refusal<'_>, registered: bool) -> Refusal<'_> {
    let worked_without_name = match refusal {
        Refusal::Line(LineRefusal::UnknownCommand { given, nearest, .. }) => {
            return Refusal::Line(LineRefusal::UnknownCommand {
                given,
                nearest,
                registered,
            });
        }
        Refusal::Line(LineRefusal::Usage(verb)) => {
            matches!(verb, Verb::Nick | Verb::Help | Verb::Mode)
        }
        Refusal::Line(LineRefusal::LineTooLong { .. })
        | Refusal::Session(SessionRefusal::BadName { .. }) => true,
        Refusal::Line(LineRefusal::TextTooLong { .. } | LineRefusal::NoText)
        | Refusal::Session(
            SessionRefusal::NameInUse { .. }
            | SessionRefusal::NameOfRoom { .. }
            | SessionRefusal::NameReserved { .. },
        )
        | Refusal::NotRegistered
        | Refusal::NoSuchUser { .. }
        | Refusal::Message(_)
        | Refusal::Membership(_)
        | Refusal::Query(_)
        | Refusal::Setting(_)
        | Refusal::Account(_)
        | Refusal::History(_)
        | Refusal::People(_)
        | Refusal::Moderation(_)
        | Refusal::Operator(_) => false,
    };
    if registered || worked_without_name {
        refusal
    } else {
        Refusal::NotRegistered
    }
}
