//! An outbox that keeps the core's events, as plain owned values, for each client in order.
//!
//! It makes no decisions about the chat. Like a server it knows each connection's mode, and it can be
//! told to refuse private messages for a client, as if that client read too slowly.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chinwag::chat::close_reason::CloseReason;
use chinwag::chat::command::{Bell, Mode};
use chinwag::chat::event::{
    Event, MembershipReply, Notice, QueryReply, Reply, RoomView, SessionReply, SettingReply,
};
use chinwag::chat::ids::{ClientId, UserId};
use chinwag::chat::name::{Name, RoomName};
use chinwag::chat::outbox::{Addressee, Delivery, Outbox};
use chinwag::chat::refusal::{MessageRefusal, Refusal};
use chinwag::chat::stats::ServerStats;
use chinwag::wire::wall_time::WallTime;
use chinwag::wire::{self, Style};

/// One event, as one client got it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Got {
    /// The outbox's method that it came through.
    pub way: Way,
    pub what: OwnedEvent,
}

/// The outbox's method that an event came through, with the data that only that method has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// An answer or a notice about oneself.
    Sent,
    /// A private message to its recipient.
    Delivered,
    /// A line of a room.
    Announced { in_other_room: bool },
}

/// An [`Event`] that owns its words. The rooms of `/rooms`, which have no order, are sorted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OwnedEvent {
    Private {
        from: String,
        to: Vec<String>,
        text: String,
    },
    Sent {
        from: String,
        to: Vec<String>,
        text: String,
    },
    Message {
        room: String,
        from: String,
        text: String,
    },
    Action {
        room: String,
        from: String,
        text: String,
    },
    Join {
        room: String,
        name: String,
    },
    Leave {
        room: String,
        name: String,
        gone: bool,
        text: Option<String>,
    },
    OwnJoin {
        room: String,
        name: String,
    },
    OwnLeave {
        room: String,
        name: String,
        current: Option<String>,
        moved: bool,
    },
    Rename {
        name: String,
        new_name: String,
    },
    Presence {
        room: String,
        joined: u32,
        left: u32,
        names: Vec<String>,
    },
    Topic {
        room: String,
        from: String,
        text: Option<String>,
    },
    Connected(String),
    HowToRegister,
    HowToRename(String),
    Motd(String),
    IsAway {
        name: String,
        text: String,
    },
    Undelivered {
        to: String,
        count: u64,
    },
    Here(String),
    ShuttingDown,
    /// Of accounts and history: its object in JSON.
    Json(String),
    Ok(OwnedReply),
    Error(OwnedRefusal),
}

/// An error: its code, and the names that it quotes, in small letters, sorted, each once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnedRefusal {
    pub code: &'static str,
    pub names: Vec<String>,
}

/// A [`Reply`] that owns its words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OwnedReply {
    Done,
    Registered {
        name: String,
        entered: Entered,
    },
    Renamed(String),
    Joined(Entered),
    Parted {
        room: String,
        current: Option<String>,
    },
    Names {
        room: Option<String>,
        total: usize,
        names: Vec<String>,
        page: usize,
        pages: usize,
    },
    Rooms {
        rooms: Vec<(String, usize, Option<String>)>,
        total: usize,
        page: usize,
        pages: usize,
    },
    Topic {
        room: String,
        text: Option<String>,
    },
    Whois {
        name: String,
        connected_ms: u128,
        idle_ms: u128,
        away: Option<String>,
        rooms: Vec<String>,
        peer: Option<String>,
    },
    Away(String),
    Back,
    Ignoring(String),
    NotIgnoring(String),
    Ignored(Vec<String>),
    Quiet(bool),
    Echo(bool),
    Raw(bool),
    Times(bool),
    Bell(Bell),
    Mode(Mode),
    Pong(String),
    Stats {
        server_name: String,
        clients: usize,
        registered: usize,
        rooms: usize,
        lines_in: u64,
    },
    Version(String),
    Help(Option<String>),
    Bye,
}

/// A room as shown to a client that enters it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entered {
    pub room: String,
    pub topic: Option<String>,
    pub others: usize,
    pub names: Vec<String>,
}

/// The recorder's count of lines, a value that `/stats` must pass on.
pub const LINES_IN: u64 = 4711;

/// How long a lost connection stays at most.
pub const LOST_TIME_MAX: Duration = Duration::from_secs(214);

/// The events since the last [`Recorder::take`], and the state that a server would keep.
#[derive(Debug, Default)]
pub struct Recorder {
    seen: Seen,
    modes: BTreeMap<ClientId, Mode>,
    with_times: BTreeSet<ClientId>,
    bells: BTreeMap<ClientId, Bell>,
    refusing: BTreeSet<ClientId>,
    /// The senders of private messages, taken or not.
    pub senders: Vec<UserId>,
    /// The clients to be asked whether they are there.
    pub probed: Vec<ClientId>,
}

/// The core's events of one step.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Seen {
    pub got: BTreeMap<ClientId, Vec<Got>>,
    /// The clients to be closed, in order.
    pub closed: Vec<ClientId>,
    /// Clients whose input goes on.
    pub resumed: Vec<ClientId>,
    /// Clients whose typing is not to show, or is to again.
    pub concealed: Vec<(ClientId, bool)>,
    /// The clients that took a name, and their names, in order.
    pub named: Vec<(ClientId, String)>,
}

impl Seen {
    /// The events of one client, without their methods.
    pub fn heard_by(&self, id: ClientId) -> Vec<OwnedEvent> {
        let got = self.got.get(&id).into_iter().flatten();
        got.map(|got| got.what.clone()).collect()
    }
}

impl Recorder {
    /// Whether `client` refuses private messages from now on.
    pub fn refuse(&mut self, client: ClientId, refuses: bool) {
        if refuses {
            self.refusing.insert(client);
        } else {
            self.refusing.remove(&client);
        }
    }

    /// Drops the state of a connection that is gone.
    pub fn forget(&mut self, client: ClientId) {
        self.refusing.remove(&client);
        self.modes.remove(&client);
        self.with_times.remove(&client);
        self.bells.remove(&client);
    }

    /// The events since the last call.
    pub fn take(&mut self) -> Seen {
        std::mem::take(&mut self.seen)
    }

    fn note(&mut self, to: ClientId, way: Way, what: OwnedEvent) {
        let got = Got { way, what };
        self.seen.got.entry(to).or_default().push(got);
    }
}

impl Outbox for Recorder {
    fn send(&mut self, to: ClientId, event: &Event<'_>) {
        self.note(to, Way::Sent, owned(event));
    }

    fn deliver(&mut self, to: ClientId, from: UserId, event: &Event<'_>) -> Delivery {
        let is_private = matches!(event, Event::Private { .. } | Event::Late { .. });
        assert!(is_private, "{event:?}");
        self.senders.push(from);
        if self.refusing.contains(&to) {
            return Delivery::Refused;
        }
        self.note(to, Way::Delivered, owned(event));
        Delivery::Queued
    }

    fn deliver_copies<I>(&mut self, to: I, from: UserId, event: &Event<'_>) -> Delivery
    where
        I: Iterator<Item = ClientId>,
    {
        let taken = to.filter(|to| self.deliver(*to, from, event) == Delivery::Queued);
        if taken.count() > 0 {
            Delivery::Queued
        } else {
            Delivery::Refused
        }
    }

    fn announce<I>(&mut self, room: &RoomName, to: I, event: &Event<'_>)
    where
        I: Iterator<Item = Addressee>,
    {
        let what = owned(event);
        assert_eq!(room_of(&what).unwrap_or(room.as_str()), room.as_str());
        for addressee in to {
            // A rename shows no room, so that any of the shared ones is right.
            let in_other_room =
                addressee.in_other_room && !matches!(what, OwnedEvent::Rename { .. });
            self.note(
                addressee.client,
                Way::Announced { in_other_room },
                what.clone(),
            );
        }
    }

    fn mode(&self, client: ClientId) -> Mode {
        self.modes.get(&client).copied().unwrap_or_default()
    }

    fn set_mode(&mut self, client: ClientId, mode: Mode) {
        self.modes.insert(client, mode);
    }

    fn times(&self, client: ClientId) -> bool {
        self.with_times.contains(&client)
    }

    fn set_times(&mut self, client: ClientId, on: bool) {
        if on {
            self.with_times.insert(client);
        } else {
            self.with_times.remove(&client);
        }
    }

    fn bell(&self, client: ClientId) -> Bell {
        self.bells.get(&client).copied().unwrap_or_default()
    }

    fn set_bell(&mut self, client: ClientId, bell: Bell) {
        self.bells.insert(client, bell);
    }

    fn close(&mut self, client: ClientId, reason: CloseReason) {
        assert_eq!(reason, CloseReason::Quit, "the core closes for no other");
        self.seen.closed.push(client);
    }

    fn probe(&mut self, client: ClientId) -> Option<Duration> {
        self.probed.push(client);
        Some(LOST_TIME_MAX)
    }

    fn resume(&mut self, client: ClientId) {
        self.seen.resumed.push(client);
    }

    fn conceal_typing(&mut self, client: ClientId, on: bool) {
        self.seen.concealed.push((client, on));
    }

    fn unarrived(&self, _: ClientId, _: UserId) -> usize {
        0
    }

    fn stats(&self) -> ServerStats {
        ServerStats {
            lines_in: LINES_IN,
            ..ServerStats::default()
        }
    }

    fn named(&mut self, client: ClientId, name: Name) {
        self.seen.named.push((client, name.to_string()));
    }
}

/// The room that a line shows, if it shows one.
pub fn room_of(what: &OwnedEvent) -> Option<&str> {
    match what {
        OwnedEvent::Message { room, .. }
        | OwnedEvent::Action { room, .. }
        | OwnedEvent::Join { room, .. }
        | OwnedEvent::Leave { room, .. }
        | OwnedEvent::Presence { room, .. }
        | OwnedEvent::Topic { room, .. } => Some(room),
        _ => None,
    }
}

fn owned(event: &Event<'_>) -> OwnedEvent {
    match *event {
        Event::Private { from, to, text, .. } => OwnedEvent::Private {
            from: from.to_string(),
            to: in_order(to),
            text: text.into(),
        },
        Event::Sent { from, to, text, .. } => OwnedEvent::Sent {
            from: from.to_string(),
            to: in_order(to),
            text: text.into(),
        },
        Event::Message {
            room, from, text, ..
        } => OwnedEvent::Message {
            room: room.to_string(),
            from: from.to_string(),
            text: text.into(),
        },
        Event::Action {
            room, from, text, ..
        } => OwnedEvent::Action {
            room: room.to_string(),
            from: from.to_string(),
            text: text.into(),
        },
        Event::Topic { room, from, text } => OwnedEvent::Topic {
            room: room.to_string(),
            from: from.to_string(),
            text: text.map(String::from),
        },
        Event::Error(refusal) => OwnedEvent::Error(owned_refusal(&refusal)),
        Event::Notice(notice) => owned_notice(notice),
        Event::Missed { .. } => panic!("only a server knows what was missed"),
        Event::Ok(
            Reply::Said(_)
            | Reply::Account(_)
            | Reply::History(_)
            | Reply::People(_)
            | Reply::Moderation(_)
            | Reply::Operator(_)
            | Reply::Session(SessionReply::Outside { .. }),
        )
        | Event::People(_)
        | Event::Moderation(_)
        | Event::Operator(_)
        | Event::History { .. }
        | Event::Found { .. }
        | Event::Exported { .. }
        | Event::Late { .. }
        | Event::Forgotten { .. }
        | Event::Kept { .. } => OwnedEvent::Json(json_of(event)),
        Event::Ok(reply) => OwnedEvent::Ok(owned_reply(reply)),
        _ => owned_presence(event),
    }
}

fn owned_presence(event: &Event<'_>) -> OwnedEvent {
    match *event {
        Event::Join { room, name } => OwnedEvent::Join {
            room: room.to_string(),
            name: name.to_string(),
        },
        Event::Leave {
            room,
            name,
            gone,
            text,
        } => OwnedEvent::Leave {
            room: room.to_string(),
            name: name.to_string(),
            gone,
            text: text.map(String::from),
        },
        Event::OwnJoin { room, name } => OwnedEvent::OwnJoin {
            room: room.to_string(),
            name: name.to_string(),
        },
        Event::OwnLeave {
            room,
            name,
            current,
            moved,
        } => OwnedEvent::OwnLeave {
            room: room.to_string(),
            name: name.to_string(),
            current: current.map(ToString::to_string),
            moved,
        },
        Event::Rename { name, new_name } => OwnedEvent::Rename {
            name: name.to_string(),
            new_name: new_name.to_string(),
        },
        Event::Presence {
            room,
            joined,
            left,
            names,
        } => OwnedEvent::Presence {
            room: room.to_string(),
            joined,
            left,
            names: in_order(names),
        },
        _ => panic!("not about coming and going: {event:?}"),
    }
}

/// An event as JSON mode writes it, without its time.
fn json_of(event: &Event<'_>) -> String {
    let style = Style {
        mode: Mode::Json,
        ..Style::default()
    };
    let mut bytes = Vec::new();
    wire::encode(&mut bytes, event, style, WallTime::default());
    String::from_utf8(bytes).unwrap().trim_end().to_owned()
}

fn owned_notice(notice: Notice<'_>) -> OwnedEvent {
    match notice {
        Notice::Connected(peer) => OwnedEvent::Connected(peer.to_string()),
        Notice::HowToRegister => OwnedEvent::HowToRegister,
        Notice::HowToRename { name } => OwnedEvent::HowToRename(name.to_string()),
        Notice::Motd(line) => OwnedEvent::Motd(line.into()),
        Notice::IsAway { name, text } => OwnedEvent::IsAway {
            name: name.to_string(),
            text: text.into(),
        },
        Notice::Undelivered { to, count } => OwnedEvent::Undelivered {
            to: to.to_string(),
            count,
        },
        Notice::Here { server_name } => OwnedEvent::Here(server_name.into()),
        Notice::ShuttingDown => OwnedEvent::ShuttingDown,
        Notice::PageEnd { .. }
        | Notice::Cancelled
        | Notice::NotKept { .. }
        | Notice::WhoReads
        | Notice::NotEncrypted
        | Notice::Replaced
        | Notice::AccountEnded => OwnedEvent::Json(json_of(&Event::Notice(notice))),
        Notice::RateLimited { .. }
        | Notice::NotUtf8
        | Notice::UnendedSubnegotiation
        | Notice::Closing(_) => {
            panic!("only a server says so: {notice:?}")
        }
    }
}

fn owned_reply(reply: Reply<'_>) -> OwnedReply {
    match reply {
        Reply::Done => OwnedReply::Done,
        Reply::Session(SessionReply::Registered { name, entered }) => OwnedReply::Registered {
            name: name.to_string(),
            entered: owned_view(entered),
        },
        Reply::Session(SessionReply::Renamed { name }) => OwnedReply::Renamed(name.to_string()),
        Reply::Membership(MembershipReply::Joined(view)) => OwnedReply::Joined(owned_view(view)),
        Reply::Membership(MembershipReply::Parted { room, current }) => OwnedReply::Parted {
            room: room.to_string(),
            current: current.map(RoomName::to_string),
        },
        Reply::Setting(SettingReply::Topic { room, text }) => OwnedReply::Topic {
            room: room.to_string(),
            text: text.map(String::from),
        },
        Reply::Setting(SettingReply::Away { text }) => OwnedReply::Away(text.into()),
        Reply::Setting(SettingReply::Back) => OwnedReply::Back,
        Reply::Setting(SettingReply::Ignoring { name }) => OwnedReply::Ignoring(name.to_string()),
        Reply::Setting(SettingReply::NotIgnoring { name }) => {
            OwnedReply::NotIgnoring(name.to_string())
        }
        Reply::Setting(SettingReply::Ignored { names }) => OwnedReply::Ignored(in_order(names)),
        Reply::Setting(SettingReply::Quiet(on)) => OwnedReply::Quiet(on),
        Reply::Setting(SettingReply::Echo(on)) => OwnedReply::Echo(on),
        Reply::Setting(SettingReply::Raw(on)) => OwnedReply::Raw(on),
        Reply::Setting(SettingReply::Times(on)) => OwnedReply::Times(on),
        Reply::Setting(SettingReply::Bell(bell)) => OwnedReply::Bell(bell),
        Reply::Session(SessionReply::Mode(mode)) => OwnedReply::Mode(mode),
        Reply::Session(SessionReply::Pong { text }) => OwnedReply::Pong(text.into()),
        Reply::Session(SessionReply::Version { server_name }) => {
            OwnedReply::Version(server_name.into())
        }
        Reply::Session(SessionReply::Help { topic, .. }) => {
            OwnedReply::Help(topic.map(|topic| format!("{topic:?}")))
        }
        Reply::Session(SessionReply::Bye) => OwnedReply::Bye,
        _ => owned_list(reply),
    }
}

fn owned_list(reply: Reply<'_>) -> OwnedReply {
    match reply {
        Reply::Query(QueryReply::Names {
            room,
            total,
            names,
            page,
            pages,
        }) => OwnedReply::Names {
            room: room.map(RoomName::to_string),
            total,
            names: in_order(names),
            page,
            pages,
        },
        Reply::Query(QueryReply::Rooms {
            rooms,
            total,
            page,
            pages,
        }) => {
            let room = |room: &chinwag::chat::event::RoomSummary<'_>| {
                let topic = room.topic.map(String::from);
                (room.room.to_string(), room.users, topic)
            };
            let mut rooms: Vec<_> = rooms.iter().map(room).collect();
            rooms.sort();
            OwnedReply::Rooms {
                rooms,
                total,
                page,
                pages,
            }
        }
        Reply::Query(QueryReply::Whois(whois)) => {
            let rooms = whois.rooms.iter().map(RoomName::to_string).collect();
            OwnedReply::Whois {
                name: whois.name.to_string(),
                connected_ms: whois.connected.as_millis(),
                idle_ms: whois.idle.as_millis(),
                away: whois.away.map(String::from),
                rooms,
                peer: whois.peer.map(|peer| peer.to_string()),
            }
        }
        Reply::Session(SessionReply::Stats {
            server_name,
            counts,
            server,
        }) => OwnedReply::Stats {
            server_name: server_name.into(),
            clients: counts.clients,
            registered: counts.registered,
            rooms: counts.rooms,
            lines_in: server.lines_in,
        },
        _ => panic!("not a list: {reply:?}"),
    }
}

fn owned_view(view: RoomView<'_>) -> Entered {
    Entered {
        room: view.room.to_string(),
        topic: view.topic.map(String::from),
        others: view.others,
        names: in_order(view.names),
    }
}

fn owned_refusal(refusal: &Refusal<'_>) -> OwnedRefusal {
    let names: Vec<String> = match *refusal {
        Refusal::NoSuchUser { given } => vec![given.into()],
        Refusal::Message(MessageRefusal::Unreached { missing, full }) => {
            let full = full.iter().map(Name::to_string);
            let missing = missing.iter().map(|name| String::from(*name));
            missing.chain(full).collect()
        }
        _ => Vec::new(),
    };
    OwnedRefusal::new(refusal.code(), names)
}

impl OwnedRefusal {
    /// An error with this code, about these names.
    pub fn new(code: &'static str, names: impl IntoIterator<Item = String>) -> Self {
        let small: BTreeSet<String> = names.into_iter().map(|n| n.to_lowercase()).collect();
        let names = small.into_iter().collect();
        Self { code, names }
    }
}

fn in_order(names: &[Name]) -> Vec<String> {
    names.iter().map(Name::to_string).collect()
}
