//! A client's socket, TCP or Unix.

use std::io;
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use mio::net::{TcpStream, UnixStream};
use mio::{Interest, Registry, Token};
use rustix::net::{RecvFlags, SendFlags};

use crate::server::transport::{Read, Transport};

/// A stream socket.
#[derive(Debug)]
pub enum Stream {
    /// Over a network, or the loopback.
    Tcp(TcpStream),
    /// By a path in the file system.
    Unix {
        /// The socket.
        socket: UnixStream,
        /// Its peer is the daemon's own user, or root.
        is_operators: bool,
    },
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(stream) => stream.as_fd(),
            Self::Unix { socket, .. } => socket.as_fd(),
        }
    }
}

// By rustix rather than the standard library: in a process with a second thread, such as the log's, libc's
// calls check for cancellation each time.
impl Transport for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<Read> {
        let (_, bytes) = rustix::net::recv(&*self, &mut *buffer, RecvFlags::empty())?;
        Ok(Read::of_socket(bytes, buffer))
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(rustix::net::send(self, bytes, SendFlags::NOSIGNAL)?)
    }

    fn shutdown_write(&mut self) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.shutdown(Shutdown::Write),
            Self::Unix { socket, .. } => socket.shutdown(Shutdown::Write),
        }
    }

    /// Linux counts the timeout from the first zero window, and restarts it only when there is room for a
    /// whole segment: a reader that is slow for longer would be reset in the middle of reading.
    fn disable_user_timeout(&mut self) {
        #[cfg(target_os = "linux")]
        if let Self::Tcp(stream) = self {
            // A failure shows at the next write.
            let _ = socket2::SockRef::from(&*stream).set_tcp_user_timeout(None);
        }
    }

    /// Bytes written to a Unix socket are with their reader's machine: this one.
    fn unacknowledged_bytes(&self) -> Option<usize> {
        match self {
            Self::Tcp(stream) => chinwag_outq::unacknowledged_bytes(stream).ok(),
            Self::Unix { .. } => None,
        }
    }

    fn is_operators(&self) -> bool {
        matches!(
            self,
            Self::Unix {
                is_operators: true,
                ..
            }
        )
    }

    /// With a linger time of zero, closing resets the connection and drops what is not acknowledged
    /// (socket(7), `SO_LINGER`).
    fn abort(&mut self) {
        if let Self::Tcp(stream) = self {
            // If it fails, the kernel goes on sending: the message may arrive after all.
            let _ = socket2::SockRef::from(&*stream).set_linger(Some(Duration::ZERO));
        }
    }

    /// Linux starts the timer of its probes anew when this is set. Of other systems that is not known, and
    /// a Unix socket's peer cannot be lost: nothing is set there.
    #[cfg(target_os = "linux")]
    fn set_keepalive_time(&mut self, time: Duration) -> bool {
        use rustix::net::sockopt::{set_tcp_keepidle, tcp_user_timeout};
        let Self::Tcp(stream) = self else {
            return false;
        };
        // Without the user timeout, output that nobody acknowledges is repeated for a quarter of an hour.
        set_tcp_keepidle(&*stream, time).is_ok()
            && tcp_user_timeout(&*stream).is_ok_and(|millis| millis > 0)
    }
}

impl Stream {
    /// Has the poll watch for all that a client's socket can be ready for. telnet sends an urgent byte
    /// with its interrupt.
    ///
    /// # Errors
    /// The poll's.
    pub fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        let interest = Interest::READABLE | Interest::WRITABLE;
        #[cfg(target_os = "linux")]
        let interest = interest | Interest::PRIORITY;
        match self {
            Self::Tcp(stream) => registry.register(stream, token, interest),
            Self::Unix { socket, .. } => registry.register(socket, token, interest),
        }
    }
}
