//! A warm server allocates nothing for a message: counted over the whole server without its sockets.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs)]

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::time::Duration;

use chinwag::chat::Settings;
use chinwag::chat::archive::{
    Archive, Change, HashWork, KeptLine, NoArchive, Question, Restored, Settled, Ticket,
};
use chinwag::chat::ids::{ClientId, Peer};
use chinwag::chat::limits::{AccountLimits, HistoryLimits};
use chinwag::chat::name::RoomName;
use chinwag::chat::time::Timestamp;
use chinwag::config::Limits;
use chinwag::server::switchboard::{Readiness, Switchboard};
use chinwag::server::transport::{Read, Transport};
use chinwag::wire::wall_time::WallTime;

/// A socket that allocates nothing itself once its buffers have grown.
#[derive(Default)]
struct Socket {
    to_server: Vec<u8>,
    lines_to_client: usize,
}

struct Stream(Rc<RefCell<Socket>>);

impl Transport for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<Read> {
        let mut socket = self.0.borrow_mut();
        if socket.to_server.is_empty() {
            return Err(io::Error::from(io::ErrorKind::WouldBlock));
        }
        let bytes = &socket.to_server;
        let count = bytes.len().min(buffer.len());
        buffer[..count].copy_from_slice(&bytes[..count]);
        socket.to_server.drain(..count);
        Ok(Read::of_socket(count, buffer))
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let lines = memchr::memchr_iter(b'\n', bytes).count();
        self.0.borrow_mut().lines_to_client += lines;
        Ok(bytes.len())
    }

    fn shutdown_write(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Takes everything, and allocates nothing itself.
#[derive(Clone, Debug, Default)]
struct Counting(Rc<Cell<u64>>);

impl Counting {
    fn take(&self) -> Ticket {
        self.0.set(self.0.get() + 1);
        Ticket(self.0.get())
    }
}

impl Archive for Counting {
    fn is_open(&self) -> bool {
        true
    }

    fn has_search(&self) -> bool {
        false
    }

    fn keep(&mut self, _: &KeptLine<'_>) -> Option<Ticket> {
        Some(self.take())
    }

    fn change(&mut self, _: Change) -> Option<Ticket> {
        Some(self.take())
    }

    fn ask(&mut self, _: Question) -> Option<Ticket> {
        Some(self.take())
    }

    fn hash(&mut self, _: HashWork) -> Option<Ticket> {
        Some(self.take())
    }
}

struct Server {
    switchboard: Switchboard<Stream>,
    clients: Vec<(ClientId, Rc<RefCell<Socket>>)>,
    now: Timestamp,
}

impl Server {
    fn with_clients(count: usize, limit_loopback: bool) -> Self {
        let history = HistoryLimits::default();
        Self::with_archive(count, limit_loopback, history, Box::new(NoArchive))
    }

    /// Whose lobby is kept.
    fn that_keeps(count: usize, archive: &Counting) -> Self {
        let history = HistoryLimits {
            lobby_days: Some(30),
            ..HistoryLimits::default()
        };
        let mut server = Self::with_archive(0, false, history.clone(), Box::new(archive.clone()));
        server.switchboard.restore(Restored::default());
        server.pass(Duration::ZERO);
        server.keep(archive);
        server.add_clients(count);
        server
    }

    fn with_archive(
        count: usize,
        limit_loopback: bool,
        history: HistoryLimits,
        archive: Box<dyn Archive>,
    ) -> Self {
        let limits = Limits {
            limit_loopback,
            clients_per_address_max: 1_000,
            lines_per_second: 1_000,
            ..Limits::default()
        };
        let settings = Settings {
            server_name: "chinwag".to_owned(),
            lobby: RoomName::parse("lobby").unwrap(),
            rooms_per_client_max: 20,
            motd: Vec::new(),
            operators: Vec::new(),
            hash_seed: [1, 2, 3, 4],
            accounts: AccountLimits::default(),
            history,
        };
        let switchboard = Switchboard::new(settings, &limits, archive);
        let mut server = Self {
            switchboard,
            clients: Vec::new(),
            now: Timestamp::default(),
        };
        server.add_clients(count);
        server
    }

    fn add_clients(&mut self, count: usize) {
        let server = self;
        for number in 0..count {
            let socket = Rc::new(RefCell::new(Socket::default()));
            let mut made = None;
            let peer = Peer::Tcp(([127, 0, 0, 1], 1).into());
            let connected: Result<(), ()> = server.switchboard.connect(server.now, peer, |id| {
                made = Some(id);
                Ok(Stream(Rc::clone(&socket)))
            });
            connected.unwrap();
            server.clients.push((made.unwrap(), socket));
            server.send(number, format!("#u{number}\n").as_bytes());
        }
        server.pass(Duration::from_secs(2)); // until the last presence summary was sent
    }

    /// Tells that all that was handed over is kept.
    fn keep(&mut self, archive: &Counting) {
        let settled = Settled::KeptUpTo(Ticket(archive.0.get()));
        self.switchboard.settle(self.now, settled);
        self.pass(Duration::ZERO);
    }

    fn send(&mut self, client: usize, bytes: &[u8]) {
        let (id, socket) = &self.clients[client];
        socket.borrow_mut().to_server.extend_from_slice(bytes);
        self.switchboard.ready(
            *id,
            Readiness {
                readable: true,
                ..Readiness::default()
            },
        );
        self.pass(Duration::from_millis(100));
    }

    fn pass(&mut self, time: Duration) {
        self.now = self.now.after(time);
        loop {
            self.switchboard.begin_turn(self.now, WallTime::default());
            self.switchboard.turn(self.now);
            // A fan-out is written in slices, one a turn.
            if !self.switchboard.is_busy() {
                break;
            }
        }
    }

    fn lines_to(&self, client: usize) -> usize {
        self.clients[client].1.borrow().lines_to_client
    }
}

/// The number of allocations of the hundredth call of `act`.
fn allocations_when_warm(server: &mut Server, act: impl Fn(&mut Server)) -> u64 {
    for _ in 0..100 {
        act(server);
    }
    allocation_counter::measure(|| act(server)).count_total
}

#[test]
fn allocation_counter_counts() {
    let info = allocation_counter::measure(|| drop(std::hint::black_box(vec![1_u8; 100])));
    assert_eq!(info.count_total, 1);
}

#[test]
fn warm_private_message_allocates_nothing() {
    for limit_loopback in [false, true] {
        let mut server = Server::with_clients(2, limit_loopback);
        let before = server.lines_to(1);
        let count = allocations_when_warm(&mut server, |server| server.send(0, b"@u1:hello\r\n"));
        assert_eq!(server.lines_to(1) - before, 101, "each arrived");
        assert_eq!(count, 0);
    }
}

#[test]
fn warm_message_with_umlauts_emoji_or_keys_allocates_nothing() {
    let mut server = Server::with_clients(2, false);
    for line in ["@u1:grüße 👩\u{200d}👧 今晩\n", "@u1:ty\x1b[D\u{8}x\n"] {
        let before = server.lines_to(1);
        let count = allocations_when_warm(&mut server, |server| server.send(0, line.as_bytes()));
        assert_eq!(server.lines_to(1) - before, 101);
        assert_eq!(count, 0, "{line:?}");
    }
}

#[test]
fn warm_private_message_in_two_pieces_allocates_nothing() {
    let mut server = Server::with_clients(2, false);
    let before = server.lines_to(1);
    let count = allocations_when_warm(&mut server, |server| {
        server.send(0, b"@u1:he");
        server.send(0, b"llo\n");
    });
    assert_eq!(server.lines_to(1) - before, 101);
    assert_eq!(count, 0);
}

#[test]
fn warm_json_message_to_16_recipients_allocates_nothing() {
    let mut server = Server::with_clients(17, false);
    for client in 0..17 {
        server.send(client, b"/mode json\n");
    }
    let names: Vec<String> = (1..17).map(|number| format!("u{number}")).collect();
    let line = format!("@{}:hello\n", names.join(","));
    let before = server.lines_to(16);
    let count = allocations_when_warm(&mut server, |server| server.send(0, line.as_bytes()));
    assert_eq!(server.lines_to(16) - before, 101);
    assert_eq!(count, 0);
}

#[test]
fn warm_room_message_to_100_members_allocates_nothing() {
    let mut server = Server::with_clients(101, false);
    let before = server.lines_to(100);
    let count = allocations_when_warm(&mut server, |server| server.send(0, b"hello all\n"));
    assert_eq!(server.lines_to(100) - before, 101);
    assert_eq!(count, 0);
}

#[test]
fn warm_line_that_is_kept_allocates_nothing_and_neither_does_its_answer() {
    let archive = Counting::default();
    let mut server = Server::that_keeps(101, &archive);
    server.send(0, b"/mode json\n");
    let (before, kept) = (server.lines_to(100), archive.0.get());
    let (to_speaker, line) = (server.lines_to(0), b"hello all\n");
    let count = allocations_when_warm(&mut server, |server| {
        server.send(0, line);
        server.send(1, line);
        server.keep(&archive);
    });
    assert_eq!(server.lines_to(100) - before, 202);
    assert_eq!(
        server.lines_to(0) - to_speaker,
        202,
        "those of the other, and answers"
    );
    assert_eq!(archive.0.get() - kept, 202);
    assert_eq!(count, 0);
}
