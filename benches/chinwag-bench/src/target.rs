//! Where the server is, and the addresses from which clients connect to it.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use rustix::io::Errno;
use socket2::{Domain, SockAddr, Socket, Type};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    Tcp(SocketAddr),
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

/// Whether there is no server to connect to, as opposed to one that turns a client away.
pub fn is_gone(error: &io::Error) -> bool {
    use io::ErrorKind::{
        ConnectionRefused, HostUnreachable, NetworkUnreachable, NotFound, TimedOut,
    };
    matches!(
        error.kind(),
        ConnectionRefused | HostUnreachable | NetworkUnreachable | NotFound | TimedOut
    )
}

/// Connections from one address before the next is used: fewer than the ports that systems give out
/// by themselves (Linux: 28,232), as closed ones keep theirs for a minute.
const CONNECTIONS_PER_ADDRESS: u64 = 10_000;

/// Addresses in use at most, of the 16 million that the loopback network has.
const ADDRESSES_MAX: u64 = 250 * 250;

/// Connects, from one address after another.
#[derive(Default)]
pub struct Sources {
    made: u64,
}

impl Sources {
    /// Begins to connect. A small receive buffer lets the server notice soon that nothing is read.
    pub fn connect(&mut self, target: &Target, receive_bytes: Option<usize>) -> io::Result<Socket> {
        let address = match target {
            Target::Tcp(address) => *address,
            Target::Unix(path) => {
                let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
                socket.set_nonblocking(true)?;
                return socket.connect(&SockAddr::unix(path)?).map(|()| socket);
            }
        };
        for _ in 0..3 {
            match self.connect_tcp(address, receive_bytes) {
                // The ports of this address are used up: connect says the first, bind the second.
                Err(error)
                    if matches!(
                        error.kind(),
                        io::ErrorKind::AddrNotAvailable | io::ErrorKind::AddrInUse
                    ) =>
                {
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
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
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
            Err(error) if error.raw_os_error() != Some(Errno::INPROGRESS.raw_os_error()) => {
                Err(error)
            }
            Ok(()) | Err(_) => Ok(socket),
        }
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
