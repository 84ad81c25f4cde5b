//! Many clients, around the chat alone and around the whole server, without the kernel.
//!
//! All names have the same length, and so do all lines.

use std::cell::{Cell, RefCell};
use std::hint::black_box;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use chinwag::chat::archive::{
    Archive, Change, HashWork, KeptLine, NoArchive, Question, Restored, Settled, Ticket,
};
use chinwag::chat::close_reason::CloseReason;
use chinwag::chat::command::{Bell, Command, Mode, Request, SessionCommand};
use chinwag::chat::event::{Event, QueryReply, Reply};
use chinwag::chat::ids::{ClientId, Peer, UserId};
use chinwag::chat::limits::{AccountLimits, HistoryLimits};
use chinwag::chat::name::{Name, RoomName};
use chinwag::chat::outbox::{Addressee, Delivery, Outbox};
use chinwag::chat::stats::ServerStats;
use chinwag::chat::time::{Now, Timestamp};
use chinwag::chat::{Chat, Settings};
use chinwag::config::Limits;
use chinwag::server::switchboard::{Readiness, Switchboard};
use chinwag::server::transport::{Read, Transport};
use chinwag::wire::wall_time::WallTime;

/// Past the last presence summary and the last deadline for a name: later work is the benchmark's own.
const SETTLING_TIME: Duration = Duration::from_secs(100);

/// JSON's `time`.
pub const WALL_TIME: WallTime = WallTime {
    unix_ms: 1_700_000_000_000,
    utc_offset_s: 0,
};

/// A loopback address, which has no line rate.
const PEER: ([u8; 4], u16) = ([127, 0, 0, 1], 1);

/// The name of a client in a crowd.
pub fn name_of(number: usize) -> String {
    format!("u{number:05}")
}

fn settings() -> Settings {
    Settings {
        server_name: "chinwag".to_owned(),
        lobby: RoomName::parse("lobby").unwrap(),
        rooms_per_client_max: Limits::default().rooms_per_client_max,
        motd: Vec::new(),
        operators: Vec::new(),
        hash_seed: [1, 2, 3, 4],
        accounts: AccountLimits::default(),
        history: HistoryLimits::default(),
    }
}

/// An outbox that only counts.
#[derive(Debug, Default)]
pub struct Counter {
    /// Copies of a room's lines.
    pub announced: u32,
    /// The recipient of the last private message.
    pub delivered_to: Option<ClientId>,
    /// Rooms on the last page of a list.
    pub rooms: u32,
}

impl Outbox for Counter {
    fn send(&mut self, _: ClientId, event: &Event<'_>) {
        if let Event::Ok(Reply::Query(QueryReply::Rooms { rooms, .. })) = black_box(event) {
            self.rooms = u32::try_from(rooms.len()).unwrap();
        }
    }

    fn deliver(&mut self, to: ClientId, _: UserId, event: &Event<'_>) -> Delivery {
        black_box(event);
        self.delivered_to = Some(to);
        Delivery::Queued
    }

    fn deliver_copies<I>(&mut self, to: I, from: UserId, event: &Event<'_>) -> Delivery
    where
        I: Iterator<Item = ClientId>,
    {
        to.fold(Delivery::Refused, |_, to| self.deliver(to, from, event))
    }

    fn announce<I: Iterator<Item = Addressee>>(&mut self, _: &RoomName, to: I, event: &Event<'_>) {
        black_box(event);
        for addressee in to {
            black_box(addressee);
            self.announced += 1;
        }
    }

    fn mode(&self, _: ClientId) -> Mode {
        Mode::Plain
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

    fn unarrived(&self, _: ClientId, _: UserId) -> usize {
        0
    }

    fn stats(&self) -> ServerStats {
        ServerStats::default()
    }

    fn named(&mut self, _: ClientId, _: Name) {}
}

/// An archive that takes everything, and keeps nothing.
#[derive(Debug, Default)]
struct Taker {
    is_open: bool,
    last: u64,
}

impl Taker {
    fn take(&mut self) -> Option<Ticket> {
        self.last += 1;
        self.is_open.then_some(Ticket(self.last))
    }
}

impl Archive for Taker {
    fn is_open(&self) -> bool {
        self.is_open
    }

    fn has_search(&self) -> bool {
        false
    }

    fn keep(&mut self, line: &KeptLine<'_>) -> Option<Ticket> {
        black_box(line);
        self.take()
    }

    fn change(&mut self, _: Change) -> Option<Ticket> {
        self.take()
    }

    fn ask(&mut self, _: Question) -> Option<Ticket> {
        self.take()
    }

    fn hash(&mut self, _: HashWork) -> Option<Ticket> {
        self.take()
    }
}

/// The chat alone, with a crowd in its lobby.
pub struct ChatCrowd {
    chat: Chat,
    now: Timestamp,
    archive: Taker,
    pub outbox: Counter,
}

impl ChatCrowd {
    pub fn new(count: usize) -> Self {
        Self::with(count, settings())
    }

    /// Whose lines are kept.
    pub fn that_keeps(count: usize) -> Self {
        let mut settings = settings();
        settings.history.lobby_days = Some(30);
        Self::with(count, settings)
    }

    fn with(count: usize, settings: Settings) -> Self {
        let is_open = settings.history.lobby_days.is_some();
        let mut crowd = Self {
            chat: Chat::new(settings),
            now: Timestamp::default(),
            archive: Taker { is_open, last: 0 },
            outbox: Counter::default(),
        };
        crowd.chat.restore(Restored::default());
        crowd.expire();
        crowd.settle();
        for number in 0..count {
            let id = Self::id_of(number);
            crowd.chat.connect(crowd.now, id, Peer::Tcp(PEER.into()));
            let name = Name::parse(&name_of(number)).unwrap();
            crowd.handle(id, Ok(Command::Session(SessionCommand::Nick(name))));
        }
        assert_eq!(crowd.chat.counts().registered, count);
        crowd.now = crowd.now.after(SETTLING_TIME);
        crowd.expire();
        crowd.outbox = Counter::default();
        crowd
    }

    fn expire(&mut self) {
        let clock = self.clock();
        let (outbox, archive) = (&mut self.outbox, &mut self.archive);
        self.chat.expire(clock, outbox, archive);
    }

    /// All that was handed over is kept.
    pub fn settle(&mut self) {
        let settled = Settled::KeptUpTo(Ticket(self.archive.last));
        let clock = self.clock();
        let (outbox, archive) = (&mut self.outbox, &mut self.archive);
        self.chat.settle(clock, settled, outbox, archive);
    }

    pub fn id_of(number: usize) -> ClientId {
        ClientId {
            slot: u32::try_from(number).unwrap(),
            generation: 0,
        }
    }

    fn clock(&self) -> Now {
        Now {
            timestamp: self.now,
            ..Now::default()
        }
    }

    pub fn handle(&mut self, id: ClientId, request: Request<'_>) {
        let clock = self.clock();
        let (outbox, archive) = (&mut self.outbox, &mut self.archive);
        let _ = self.chat.handle(clock, id, request, outbox, archive);
    }
}

/// The server's end of a socket that takes everything at once and forgets it.
struct Stream {
    to_server: Rc<RefCell<Vec<u8>>>,
    /// The bytes of all streams together.
    bytes_out: Rc<Cell<usize>>,
}

impl Transport for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<Read> {
        let mut bytes = self.to_server.borrow_mut();
        if bytes.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let count = bytes.len().min(buffer.len());
        buffer[..count].copy_from_slice(&bytes[..count]);
        bytes.drain(..count);
        Ok(Read::of_socket(count, buffer))
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let bytes = black_box(bytes);
        self.bytes_out.set(self.bytes_out.get() + bytes.len());
        Ok(bytes.len())
    }

    fn shutdown_write(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The whole server but the kernel, with a crowd in its lobby. The tests' virtual server checks
/// every client after every turn and keeps all output; this one must not.
pub struct ServerCrowd {
    switchboard: Switchboard<Stream>,
    clients: Vec<(ClientId, Rc<RefCell<Vec<u8>>>)>,
    bytes_out: Rc<Cell<usize>>,
    now: Timestamp,
}

impl ServerCrowd {
    pub fn new(count: usize) -> Self {
        let limits = Limits {
            clients_max: count,
            ..Limits::default()
        };
        let mut crowd = Self {
            switchboard: Switchboard::new(settings(), &limits, Box::new(NoArchive)),
            clients: Vec::with_capacity(count),
            bytes_out: Rc::default(),
            now: Timestamp::default(),
        };
        for number in 0..count {
            crowd.connect();
            crowd.send(number, format!("#{}\n", name_of(number)).as_bytes());
        }
        assert_eq!(crowd.switchboard.chat().counts().registered, count);
        crowd.now = crowd.now.after(SETTLING_TIME);
        crowd.turn();
        while crowd.switchboard.is_busy() {
            crowd.turn();
        }
        assert_eq!(crowd.switchboard.next_deadline(), Timestamp::NEVER);
        crowd.bytes_out.set(0);
        crowd
    }

    fn connect(&mut self) {
        let to_server = Rc::default();
        let make = |id| -> io::Result<Stream> {
            self.clients.push((id, Rc::clone(&to_server)));
            Ok(Stream {
                to_server,
                bytes_out: Rc::clone(&self.bytes_out),
            })
        };
        let peer = Peer::Tcp(PEER.into());
        self.switchboard.connect(self.now, peer, make).unwrap();
    }

    /// A client sends `bytes`, and the server runs until it is idle. Returns the number of bytes
    /// written.
    pub fn send(&mut self, client: usize, bytes: &[u8]) -> usize {
        let (id, to_server) = &self.clients[client];
        to_server.borrow_mut().extend_from_slice(bytes);
        let readable = Readiness {
            readable: true,
            ..Readiness::default()
        };
        self.switchboard.ready(*id, readable);
        self.turn();
        // A fan-out is written in slices, one a turn.
        while self.switchboard.is_busy() {
            self.turn();
        }
        self.bytes_out.take()
    }

    fn turn(&mut self) {
        self.now = self.now.after(Duration::from_micros(1));
        self.switchboard.begin_turn(self.now, WALL_TIME);
        self.switchboard.turn(self.now);
    }
}
