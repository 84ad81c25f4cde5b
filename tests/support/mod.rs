//! A server without a kernel: virtual sockets around the real switchboard.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use chinwag::chat::Settings;
use chinwag::chat::archive::{Archive, NoArchive, Settled};
use chinwag::chat::ids::{ClientId, Peer};
use chinwag::chat::limits::{AccountLimits, HistoryLimits};
use chinwag::chat::name::RoomName;
use chinwag::chat::time::Timestamp;
use chinwag::config::Limits;
use chinwag::server::GREETING_TIME;
use chinwag::server::switchboard::{Readiness, Switchboard};
use chinwag::server::transport::{Read, Transport};
use chinwag::wire::wall_time::WallTime;

/// JSON's `time` in every test.
pub const UNIX_MS: u64 = 1_700_000_000_000;

/// What the poll says of a connection that is broken, or closed in both directions.
pub const GONE: Readiness = Readiness {
    readable: true,
    writable: true,
    hung_up: true,
    read_closed: true,
    gone: true,
};

/// The time in every test: 22:13 by UTC, and 22:43 in the server's zone.
pub const WALL_TIME: WallTime = WallTime {
    unix_ms: UNIX_MS,
    utc_offset_s: 30 * 60,
};

/// The two ends' shared view of a virtual socket.
#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one fact about a socket"
)]
pub struct VirtualSocket {
    /// Bytes from the client, not read yet; each piece is one read.
    pub to_server: VecDeque<Vec<u8>>,
    /// The client sends no more.
    pub half_closed: bool,
    /// The connection is broken, and what was not read is lost.
    pub reset: bool,
    /// The client has closed both directions: what it had sent can be read, and a write fails.
    pub closed_by_client: bool,
    /// Bytes from the server, not taken yet.
    pub to_client: Vec<u8>,
    /// What the server writes does not arrive until it is told to: it waits in `in_flight`.
    pub lags: bool,
    /// Bytes from the server that its kernel has taken and the client's has not acknowledged.
    pub in_flight: Vec<u8>,
    /// The server's end is in flight, too.
    pub end_in_flight: bool,
    /// What is in flight is dropped when the server closes its socket.
    pub aborted: bool,
    /// The bytes that the server's socket still takes.
    pub space: usize,
    /// The bytes that one write takes, at most.
    pub write_max: usize,
    /// A full socket breaks instead of refusing.
    pub breaks_when_full: bool,
    /// The socket is full once, just where a line ends.
    pub stops_at_line_end: bool,
    /// A write was refused.
    pub refused: bool,
    /// TCP's user timeout is off, as it would close a slow reader.
    pub user_timeout_disabled: bool,
    /// The silences after which the client is asked whether it is there, as they were set.
    pub keepalive_times: Vec<Duration>,
    /// The number of the server's writes.
    pub writes: usize,
    /// The server has half-closed.
    pub shut: bool,
    /// The server has closed its socket.
    pub closed: bool,
}

/// The server's end.
#[derive(Debug)]
pub struct VirtualStream(Rc<RefCell<VirtualSocket>>);

impl Transport for VirtualStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<Read> {
        let mut socket = self.0.borrow_mut();
        // Behind an end that has come, Linux does not tell of a reset.
        let has_ended = socket.half_closed && socket.to_server.is_empty();
        if socket.reset && !has_ended {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        let Some(mut piece) = socket.to_server.pop_front() else {
            return if socket.half_closed || socket.closed_by_client {
                Ok(Read {
                    bytes: 0,
                    more: false,
                })
            } else {
                Err(io::ErrorKind::WouldBlock.into())
            };
        };
        let count = piece.len().min(buffer.len());
        buffer[..count].copy_from_slice(&piece[..count]);
        if count < piece.len() {
            piece.drain(..count);
            socket.to_server.push_front(piece);
        }
        Ok(Read::of_socket(count, buffer))
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut socket = self.0.borrow_mut();
        if socket.reset || socket.closed_by_client {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        assert!(!socket.shut, "nothing is written after the end was told");
        assert!(
            socket.user_timeout_disabled || !socket.refused,
            "the socket gives up a slow reader"
        );
        let mut count = bytes.len().min(socket.space).min(socket.write_max);
        if socket.stops_at_line_end
            && let Some(last) = bytes[..count].iter().rposition(|byte| *byte == b'\n')
        {
            socket.stops_at_line_end = false;
            count = last + 1;
            socket.space = count;
        }
        if count == 0 && socket.breaks_when_full {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        if count == 0 {
            socket.refused = true;
            return Err(io::ErrorKind::WouldBlock.into());
        }
        socket.space -= count;
        socket.writes += 1;
        if socket.lags {
            socket.in_flight.extend_from_slice(&bytes[..count]);
        } else {
            socket.to_client.extend_from_slice(&bytes[..count]);
        }
        Ok(count)
    }

    fn shutdown_write(&mut self) -> io::Result<()> {
        let mut socket = self.0.borrow_mut();
        if socket.reset {
            return Err(io::ErrorKind::NotConnected.into());
        }
        socket.shut = true;
        socket.end_in_flight = socket.lags;
        Ok(())
    }

    fn disable_user_timeout(&mut self) {
        self.0.borrow_mut().user_timeout_disabled = true;
    }

    fn unacknowledged_bytes(&self) -> Option<usize> {
        let socket = self.0.borrow();
        Some(socket.in_flight.len() + usize::from(socket.end_in_flight))
    }

    fn abort(&mut self) {
        self.0.borrow_mut().aborted = true;
    }

    fn set_keepalive_time(&mut self, time: Duration) -> bool {
        let mut socket = self.0.borrow_mut();
        socket.keepalive_times.push(time);
        !socket.user_timeout_disabled
    }
}

impl VirtualSocket {
    /// Bytes in flight arrive and are acknowledged; with the last of them, the server's end. Returns whether
    /// that ended the connection in both directions, which the poll then reports.
    pub fn arrive(&mut self, count: usize) -> bool {
        if self.reset {
            return false;
        }
        let count = count.min(self.in_flight.len());
        self.to_client.extend(self.in_flight.drain(..count));
        if !self.in_flight.is_empty() {
            return false;
        }
        self.end_in_flight = false;
        self.shut && self.half_closed
    }
}

/// The kernel goes on sending what is in flight, unless the connection is reset.
impl Drop for VirtualStream {
    fn drop(&mut self) {
        let mut socket = self.0.borrow_mut();
        if socket.aborted {
            socket.in_flight.clear();
        }
        socket.arrive(usize::MAX);
        socket.closed = true;
    }
}

/// A client of the virtual server.
#[derive(Clone, Debug)]
pub struct VirtualClient {
    pub id: ClientId,
    pub socket: Rc<RefCell<VirtualSocket>>,
}

/// The real switchboard, on virtual time.
#[derive(Debug)]
pub struct VirtualServer {
    pub switchboard: Switchboard<VirtualStream>,
    pub now: Timestamp,
    /// Clients that the poll reported as gone, until a test takes them out.
    pub reported_gone: Vec<ClientId>,
}

impl VirtualServer {
    pub fn new(limits: Limits) -> Self {
        Self::with_archive(limits, Box::new(NoArchive))
    }

    /// A server that has things kept by `archive`.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "tests make limits on the spot"
    )]
    pub fn with_archive(limits: Limits, archive: Box<dyn Archive>) -> Self {
        let settings = Settings {
            server_name: "chinwag".to_owned(),
            lobby: RoomName::parse("lobby").unwrap(),
            rooms_per_client_max: limits.rooms_per_client_max,
            motd: Vec::new(),
            operators: Vec::new(),
            hash_seed: [1, 2, 3, 4],
            accounts: AccountLimits::default(),
            history: HistoryLimits::default(),
        };
        let mut server = Self {
            switchboard: Switchboard::new(settings, &limits, archive),
            now: Timestamp::default(),
            reported_gone: Vec::new(),
        };
        server.advance(Duration::from_secs(1));
        server
    }

    /// The archive tells what became of something, and the server runs until it is idle.
    pub fn settle(&mut self, settled: Settled) {
        self.switchboard.begin_turn(self.now, WALL_TIME);
        self.switchboard.settle(self.now, settled);
        self.run();
    }

    /// Connects a client that was not greeted yet.
    pub fn connect_ungreeted(&mut self, peer: &str) -> VirtualClient {
        let client = self.accept(peer);
        self.run();
        client
    }

    /// Connects a client; the server has not had its turn.
    pub fn accept(&mut self, peer: &str) -> VirtualClient {
        let address: SocketAddr = peer.parse().unwrap();
        self.accept_from(Peer::Tcp(address))
    }

    /// Like [`VirtualServer::accept`].
    pub fn accept_from(&mut self, peer: Peer) -> VirtualClient {
        let socket = Rc::new(RefCell::new(VirtualSocket {
            to_server: VecDeque::new(),
            half_closed: false,
            reset: false,
            closed_by_client: false,
            to_client: Vec::new(),
            lags: false,
            in_flight: Vec::new(),
            end_in_flight: false,
            aborted: false,
            space: usize::MAX,
            write_max: usize::MAX,
            breaks_when_full: false,
            stops_at_line_end: false,
            refused: false,
            user_timeout_disabled: false,
            keepalive_times: Vec::new(),
            writes: 0,
            shut: false,
            closed: false,
        }));
        let mut made = None;
        let connected: Result<(), ()> = self.switchboard.connect(self.now, peer, |id| {
            made = Some(id);
            Ok(VirtualStream(Rc::clone(&socket)))
        });
        connected.unwrap();
        VirtualClient {
            id: made.unwrap(),
            socket,
        }
    }

    /// Connects a client that is silent until it is greeted.
    pub fn connect(&mut self, peer: &str) -> VirtualClient {
        let client = self.connect_ungreeted(peer);
        self.advance(GREETING_TIME);
        client
    }

    /// Connects a client that registers as `name`, and takes its output.
    pub fn register(&mut self, peer: &str, name: &str) -> VirtualClient {
        let client = self.connect_ungreeted(peer);
        self.send(&client, format!("#{name}\n").as_bytes());
        let answer = client.text();
        assert!(
            answer.contains(&format!("registered as {name}.")),
            "{answer}"
        );
        client
    }

    /// Registered clients from loopback, with nothing unread.
    pub fn register_all<const N: usize>(&mut self, names: [&str; N]) -> [VirtualClient; N] {
        let clients = names.map(|name| self.register("127.0.0.1:1", name));
        for client in &clients {
            client.take();
        }
        clients
    }

    /// Lets bytes arrive in one piece, and runs the server until it is idle.
    pub fn send(&mut self, client: &VirtualClient, bytes: &[u8]) {
        self.deliver(client, bytes);
        self.run();
    }

    /// Lets bytes arrive in one piece; the server has not had its turn.
    pub fn deliver(&mut self, client: &VirtualClient, bytes: &[u8]) {
        client
            .socket
            .borrow_mut()
            .to_server
            .push_back(bytes.to_vec());
        self.report_readable(client);
    }

    /// The poll reports what is new of a client.
    pub fn report(&mut self, id: ClientId, news: Readiness) {
        self.switchboard.ready(id, news);
        if news.gone {
            self.reported_gone.push(id);
        }
    }

    /// The poll reports that a client can be read from.
    pub fn report_readable(&mut self, client: &VirtualClient) {
        let readable = Readiness {
            readable: true,
            ..Readiness::default()
        };
        self.switchboard.ready(client.id, readable);
    }

    /// The poll reports that a client can be written to.
    pub fn report_writable(&mut self, client: &VirtualClient) {
        let writable = Readiness {
            writable: true,
            ..Readiness::default()
        };
        self.switchboard.ready(client.id, writable);
    }

    pub fn half_close(&mut self, client: &VirtualClient) {
        client.socket.borrow_mut().half_closed = true;
        let end = Readiness {
            readable: true,
            hung_up: true,
            read_closed: true,
            ..Readiness::default()
        };
        self.switchboard.ready(client.id, end);
        self.run();
    }

    pub fn reset(&mut self, client: &VirtualClient) {
        client.socket.borrow_mut().reset = true;
        self.report(client.id, GONE);
        self.run();
    }

    /// The client closes both directions, and its kernel says so.
    pub fn close_both_ways(&mut self, client: &VirtualClient) {
        client.socket.borrow_mut().closed_by_client = true;
        self.report(client.id, GONE);
        self.run();
    }

    /// Bytes in flight arrive at a client that [lags](VirtualClient::lag).
    pub fn arrive(&mut self, client: &VirtualClient, count: usize) {
        let has_ended = client.socket.borrow_mut().arrive(count);
        if has_ended {
            self.report(client.id, GONE);
            self.run();
        }
    }

    /// The client reads, so that the socket takes `space` bytes more.
    pub fn set_space(&mut self, client: &VirtualClient, space: usize) {
        client.limit_space(space);
        self.report_writable(client);
        self.run();
    }

    /// Lets time pass, and every deadline in it fire when it is due.
    pub fn advance(&mut self, time: Duration) {
        let end = self.now.after(time);
        while self.switchboard.next_deadline() <= end {
            self.now = self.now.max(self.switchboard.next_deadline());
            self.run();
            // Work that becomes due in a turn, such as a write that is refused again just at its deadline,
            // is done in the next turn, for which the poll does not wait.
            if self.switchboard.next_deadline() <= self.now {
                self.run();
            }
            let next = self.switchboard.next_deadline();
            assert!(next > self.now, "what is due now is not done");
        }
        self.now = end;
        self.run();
    }

    /// Turns until there is no more work.
    pub fn run(&mut self) {
        for _ in 0..100_000 {
            self.turn();
            if !self.switchboard.is_busy() {
                return;
            }
        }
        panic!("the server does not come to rest");
    }

    pub fn turn(&mut self) {
        self.switchboard.begin_turn(self.now, WALL_TIME);
        self.switchboard.turn(self.now);
        self.switchboard.check_invariants();
    }
}

impl VirtualClient {
    /// Everything written to it since the last call.
    pub fn take(&self) -> Vec<u8> {
        std::mem::take(&mut self.socket.borrow_mut().to_client)
    }

    /// [`VirtualClient::take`] as text.
    pub fn text(&self) -> String {
        String::from_utf8(self.take()).unwrap()
    }

    /// Sets the socket's space to `space`, and the poll does not report it.
    pub fn limit_space(&self, space: usize) {
        self.socket.borrow_mut().space = space;
    }

    /// From now on, what the server writes arrives only when it is told to.
    pub fn lag(&self) {
        self.socket.borrow_mut().lags = true;
    }

    pub fn is_closed(&self) -> bool {
        self.socket.borrow().closed
    }
}
