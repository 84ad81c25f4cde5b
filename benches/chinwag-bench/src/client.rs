//! One synthetic client: its number, and the reading side of its connection.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Shutdown, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::net::RecvFlags;
use socket2::{Domain, Protocol, SockAddr, Socket, Type};

/// A client's place in the swarm, which also makes its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientNo(u32);

/// Bytes of a client's name: a letter and six digits, short enough for every server.
pub const NAME_BYTES: usize = 7;

/// More clients than names of that length can tell apart.
pub const CLIENTS_MAX: usize = 1_000_000;

impl ClientNo {
    /// The client at a place.
    pub const fn new(place: u32) -> Self {
        Self(place)
    }

    /// Its place.
    pub const fn get(self) -> u32 {
        self.0
    }

    /// Its place, to look something up.
    pub const fn index(self) -> usize {
        self.0 as usize
    }

    /// Its name.
    pub fn name(self) -> [u8; NAME_BYTES] {
        let mut name = [b'u'; NAME_BYTES];
        let mut rest = self.0;
        for byte in name.iter_mut().skip(1).rev() {
            *byte = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        name
    }
}

impl fmt::Display for ClientNo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "u{:06}", self.0)
    }
}

/// Every client of `0..count`.
pub fn clients(count: usize) -> impl Iterator<Item = ClientNo> {
    (0..u32::try_from(count).unwrap_or(u32::MAX)).map(ClientNo)
}

/// Where the server is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Over TCP.
    Tcp(SocketAddr),
    /// A Unix socket's path.
    Unix(PathBuf),
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// How far a client has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Not connected, or no longer.
    Closed,
    /// Waits to be registered.
    Registering,
    /// Waits to be in the room.
    Joining,
    /// Has what it asked for.
    Ready,
    /// Connected, and does not register.
    Stranger,
}

/// What a client reads of what there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reads {
    All,
    /// As much as one read takes, and then nothing.
    Once,
    Nothing,
}

/// The reading side of one client.
#[derive(Debug)]
pub struct Client {
    pub socket: Option<Socket>,
    pub state: State,
    /// An unfinished line.
    pub partial: Vec<u8>,
    pub reads: Reads,
    /// Was told of something to read, perhaps while it read nothing.
    pub readable: bool,
    /// Was told that the connection ends; what came before that is read first.
    pub ends: bool,
}

impl Default for Client {
    fn default() -> Self {
        Self {
            socket: None,
            state: State::Closed,
            partial: Vec::new(),
            reads: Reads::All,
            readable: false,
            ends: false,
        }
    }
}

/// How a read ended.
pub enum Fill {
    /// So many bytes, and perhaps more.
    Bytes(usize),
    /// Nothing now.
    Nothing,
    /// Nothing any more, and why, unless the other end just closed.
    Closed(Option<io::Error>),
}

impl Client {
    /// Says nothing more, if it has been let in; it still reads.
    pub fn finish_sending(&self) {
        if let Some(socket) = &self.socket
            && self.state != State::Registering
        {
            // What breaks is seen by the next read.
            let _ = socket.shutdown(Shutdown::Write);
        }
    }

    /// Ends the connection by a reset, as soon as it is dropped.
    pub fn break_off(&self) {
        // A Unix socket has no such thing, and just ends.
        if let Some(socket) = &self.socket {
            let _ = socket.set_linger(Some(Duration::ZERO));
        }
    }

    /// Reads once.
    pub fn fill(&mut self, buffer: &mut [u8]) -> Fill {
        let Some(socket) = &self.socket else {
            return Fill::Nothing;
        };
        loop {
            let read = rustix::net::recv(socket, &mut *buffer, RecvFlags::empty());
            return match read.map_err(io::Error::from) {
                Ok((0, _)) => Fill::Closed(None),
                Ok((count, _)) => Fill::Bytes(count),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => Fill::Nothing,
                Err(error) => Fill::Closed(Some(error)),
            };
        }
    }
}

/// Whether there is no server to connect to, as opposed to one that turns somebody away.
pub fn is_gone(error: &io::Error) -> bool {
    use io::ErrorKind::{
        ConnectionRefused, HostUnreachable, NetworkUnreachable, NotFound, TimedOut,
    };
    matches!(
        error.kind(),
        ConnectionRefused | HostUnreachable | NetworkUnreachable | NotFound | TimedOut
    )
}

fn connect_unix(path: &Path) -> io::Result<Socket> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    socket.connect(&SockAddr::unix(path)?)?;
    Ok(socket)
}

/// So many connections come from one address before the next is used: fewer than the ports that
/// systems give out by themselves (Linux: 28,232), so that closed ones, which keep theirs for a
/// minute, are seldom in the way.
const CONNECTIONS_PER_ADDRESS: u64 = 10_000;

/// Addresses in use at most, of the 16 million that the loopback network has.
const ADDRESSES_MAX: u64 = 250 * 250;

/// Where connections come from.
#[derive(Debug, Default)]
pub struct Sources {
    made: u64,
}

impl Sources {
    /// Begins to connect. A small `receive_bytes` makes a client that stops reading felt soon.
    pub fn connect(&mut self, target: &Target, receive_bytes: Option<usize>) -> io::Result<Socket> {
        let address = match target {
            Target::Tcp(address) => *address,
            Target::Unix(path) => return connect_unix(path),
        };
        for _ in 0..3 {
            match self.connect_tcp(address, receive_bytes) {
                Err(error)
                    if matches!(
                        error.kind(),
                        // The first is said by connect, the second by bind.
                        io::ErrorKind::AddrNotAvailable | io::ErrorKind::AddrInUse
                    ) =>
                {
                    // The ports of this address are used up: on to the next.
                    self.made = (self.made / CONNECTIONS_PER_ADDRESS + 1) * CONNECTIONS_PER_ADDRESS;
                }
                connected => return connected,
            }
        }
        self.connect_tcp(address, receive_bytes)
    }

    fn connect_tcp(
        &mut self,
        address: SocketAddr,
        receive_bytes: Option<usize>,
    ) -> io::Result<Socket> {
        let socket = Socket::new(
            Domain::for_address(address),
            Type::STREAM,
            Some(Protocol::TCP),
        )?;
        socket.set_nonblocking(true)?;
        socket.set_tcp_nodelay(true)?;
        if let Some(bytes) = receive_bytes {
            socket.set_recv_buffer_size(bytes)?;
        }
        if let Some(source) = self.source(address.ip()) {
            socket.bind(&SocketAddr::new(source, 0).into())?;
        }
        self.made += 1;
        match socket.connect(&address.into()) {
            Err(error)
                if error.raw_os_error() == Some(rustix::io::Errno::INPROGRESS.raw_os_error()) => {}
            connected => connected?,
        }
        Ok(socket)
    }

    /// The address to come from; none for the first ones, and where there is no choice.
    fn source(&self, target: IpAddr) -> Option<IpAddr> {
        let place = self.made / CONNECTIONS_PER_ADDRESS % ADDRESSES_MAX;
        let is_spread = cfg!(target_os = "linux") && target.is_ipv4() && target.is_loopback();
        if !is_spread || place == 0 {
            return None;
        }
        // Neither the lowest nor the highest number of a network is an address in it.
        let [high, ..] = (place / 250).to_le_bytes();
        let [low, ..] = (place % 250 + 1).to_le_bytes();
        Some(Ipv4Addr::new(127, 1, high, low).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_of_one_length_and_differ() {
        assert_eq!(&ClientNo::new(42).name(), b"u000042");
        assert_eq!(&ClientNo::new(999_999).name(), b"u999999");
        assert_eq!(ClientNo::new(42).to_string(), "u000042");
    }

    #[test]
    fn sources_spread_over_the_loopback_network() {
        let mut sources = Sources::default();
        let target = IpAddr::V4(Ipv4Addr::LOCALHOST);
        assert_eq!(sources.source(target), None);
        let mut seen = std::collections::HashSet::new();
        for place in 1..1000 {
            sources.made = place * CONNECTIONS_PER_ADDRESS;
            let source = sources.source(target).unwrap();
            assert!(source.is_loopback() && seen.insert(source));
        }
        assert_eq!(sources.source("192.0.2.1".parse().unwrap()), None);
    }
}
