//! Listening sockets, TCP and Unix.

pub mod activation;
mod options;
mod peer;
mod tcp;
mod unix;

use std::borrow::Cow;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use mio::net::{TcpListener, UnixListener};
use mio::{Interest, Registry, Token};
use socket2::SockRef;

use crate::chat::ids::Peer;
use crate::config::{Limits, ListenAddr};
use crate::wire::sanitize;

use super::error::StartError;
use super::stream::Stream;
use unix::SocketFile;

/// Connections that may wait to be accepted: the kernel cuts this to its own limit
/// (`net.core.somaxconn` on Linux).
const BACKLOG: i32 = i32::MAX;

/// One listening socket.
#[derive(Debug)]
pub enum Listener {
    /// With the address that was bound.
    Tcp(TcpListener, SocketAddr),
    /// The file is dropped first: once the socket is closed its path may belong to a successor.
    Unix(SocketFile, UnixListener),
}

impl Listener {
    /// Listens at an address, or at each address that its host name stands for.
    ///
    /// # Errors
    /// [`StartError::Bind`], which names the address.
    pub fn bind(address: &ListenAddr, limits: &Limits) -> Result<Vec<Self>, StartError> {
        let bound = match address {
            ListenAddr::Unix(path) => {
                unix::bind(path).map(|(file, listener)| vec![Self::Unix(file, listener)])
            }
            ListenAddr::Tcp { host, port } => tcp::bind_host(host, *port, limits).map(|bound| {
                let listeners = bound.into_iter();
                listeners
                    .map(|(listener, address)| Self::Tcp(listener, address))
                    .collect()
            }),
        };
        bound.map_err(|source| StartError::Bind {
            address: address.to_string(),
            source,
        })
    }

    /// Has the poll watch for connections.
    ///
    /// # Errors
    /// Those of the poll.
    pub fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        match self {
            Self::Tcp(socket, _) => registry.register(socket, token, Interest::READABLE),
            Self::Unix(_, socket) => registry.register(socket, token, Interest::READABLE),
        }
    }

    /// The host that it listens at, as programs take it: a link-local address has its interface, `%eth0`.
    pub fn host(&self) -> Option<String> {
        let Self::Tcp(socket, address) = self else {
            return None;
        };
        let zone = match address {
            SocketAddr::V6(address) if address.scope_id() != 0 => {
                format!("%{}", tcp::interface_name(socket, address.scope_id()))
            }
            _ => String::new(),
        };
        Some(format!("{}{zone}", address.ip()))
    }

    /// Takes one connection.
    ///
    /// # Errors
    /// Those of accept(2), `WouldBlock` if none waits.
    pub fn accept(&self, limits: &Limits) -> io::Result<(Stream, Peer)> {
        match self {
            Self::Tcp(listener, _) => {
                let (stream, address) = listener.accept()?;
                // On Linux a connection inherits its listener's options.
                if !cfg!(target_os = "linux") {
                    // An option that fails was reported for the listener.
                    options::set_options(&SockRef::from(&stream), limits, |_, _| {});
                }
                let address = SocketAddr::new(address.ip().to_canonical(), address.port());
                Ok((Stream::Tcp(stream), Peer::Tcp(address)))
            }
            Self::Unix(file, listener) => {
                let (socket, _) = listener.accept()?;
                // The buffer size is not inherited. A failure only makes slow readers look stalled.
                let _ = SockRef::from(&socket).set_send_buffer_size(unix::SEND_BUFFER_BYTES);
                let is_operators = file.is_own() && peer::is_operators(&socket);
                let stream = Stream::Unix {
                    socket,
                    is_operators,
                };
                Ok((stream, Peer::Unix))
            }
        }
    }
}

impl fmt::Display for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(_, SocketAddr::V6(address)) if address.scope_id() != 0 => {
                let host = self.host().unwrap_or_default();
                write!(f, "[{host}]:{}", address.port())
            }
            Self::Tcp(_, address) => address.fmt(f),
            Self::Unix(file, _) => write!(f, "unix:{}", displayed(file.path())),
        }
    }
}

/// A path fit for the log: on one line, without control characters.
pub(super) fn displayed(path: &Path) -> Cow<'_, str> {
    sanitize::clean(path.as_os_str().as_bytes())
}
