//! Listening sockets that the process was started with: systemd's socket activation (`sd_listen_fds(3)`).

use std::env;
use std::net::TcpListener;
use std::os::fd::AsFd;
use std::os::unix::net::UnixListener;
use std::process;

use listenfd::ListenFd;
use rustix::net::sockopt::socket_acceptconn;

use crate::config::Limits;
use crate::net::error::StartError;

use super::{Listener, tcp, unix};

/// The number of the first descriptor passed, by the protocol.
const FIRST_DESCRIPTOR: usize = 3;

/// Descriptors taken at most: as many listeners as there are poll tokens for.
const DESCRIPTORS_MAX: u16 = u16::MAX;

/// The sockets passed, not yet set up.
#[derive(Debug, Default)]
pub struct InheritedSockets(Vec<InheritedSocket>);

#[derive(Debug)]
enum InheritedSocket {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl InheritedSockets {
    /// Takes the sockets that `LISTEN_FDS` counts, if `LISTEN_PID` is this process, and has no later
    /// program inherit them. It comes before anything is opened: a wrong number may not take that.
    ///
    /// # Errors
    /// If one is no listening stream socket, or the number makes no sense.
    pub fn take() -> Result<Self, StartError> {
        let (pid, count) = (env::var("LISTEN_PID"), env::var("LISTEN_FDS"));
        // Without a process id, the variables may be left over from another program's start.
        if pid.ok().and_then(|pid| pid.parse().ok()) != Some(process::id()) {
            return Ok(Self::default());
        }
        let Ok(count) = count else {
            return Ok(Self::default());
        };
        if !count
            .parse()
            .is_ok_and(|count: u16| count < DESCRIPTORS_MAX)
        {
            return Err(StartError::InheritedCount(count));
        }
        let mut passed = ListenFd::from_env();
        let taken = (0..passed.len()).map(|place| {
            take_one(&mut passed, place).ok_or(StartError::Inherited {
                descriptor: FIRST_DESCRIPTOR + place,
            })
        });
        taken.collect::<Result<_, _>>().map(Self)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Listeners on the sockets.
    ///
    /// # Errors
    /// Those of fcntl(2) and getsockname(2).
    pub fn listen(self, limits: &Limits) -> Result<Vec<Listener>, StartError> {
        let listeners = self.0.into_iter().map(|socket| match socket {
            InheritedSocket::Tcp(socket) => {
                tcp::adopt(socket, limits).map(|(socket, address)| Listener::Tcp(socket, address))
            }
            InheritedSocket::Unix(socket) => {
                unix::adopt(socket).map(|(file, socket)| Listener::Unix(file, socket))
            }
        });
        let listeners: Result<_, _> = listeners.collect();
        listeners.map_err(StartError::system("use a socket that was passed"))
    }
}

/// One socket, if it is of a kind that can be listened on.
fn take_one(passed: &mut ListenFd, place: usize) -> Option<InheritedSocket> {
    if let Ok(Some(socket)) = passed.take_tcp_listener(place) {
        return is_listening(&socket).then_some(InheritedSocket::Tcp(socket));
    }
    let socket = passed.take_unix_listener(place).ok().flatten()?;
    is_listening(&socket).then_some(InheritedSocket::Unix(socket))
}

/// Not so for a connection, which a unit with `Accept=yes` passes.
fn is_listening(socket: impl AsFd) -> bool {
    socket_acceptconn(socket).unwrap_or(false)
}
