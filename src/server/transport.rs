//! A socket, as far as the server needs one.

use std::io;
use std::time::Duration;

/// A non-blocking byte stream: the kernel's socket, or a simulation's.
pub trait Transport {
    /// Reads what is there, up to the buffer's length. Zero bytes are the end of input.
    ///
    /// # Errors
    /// `WouldBlock` if nothing is there; others mean that the connection is broken.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<Read>;

    /// Writes as many bytes as there is room for, and returns their number.
    ///
    /// # Errors
    /// `WouldBlock` if there is no room; others mean that the connection is broken.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize>;

    /// Tells the peer that nothing more will come.
    ///
    /// # Errors
    /// If the connection is broken.
    fn shutdown_write(&mut self) -> io::Result<()>;

    /// The peer is slow: the transport must not give it up for that. The server's stall time decides
    /// instead.
    fn disable_user_timeout(&mut self) {}

    /// Bytes that were written and not acknowledged by the peer's machine, still known after a reset. An end
    /// that was told to the peer counts as one byte. `None`: this transport cannot tell.
    fn unacknowledged_bytes(&self) -> Option<usize> {
        None
    }

    /// Bytes not acknowledged must not arrive after the transport is closed: their sender is told that they
    /// did not.
    fn abort(&mut self) {}

    /// Whether it is known that the peer is an operator of the server.
    fn is_operators(&self) -> bool {
        false
    }

    /// Sets the silence after which the peer is asked whether it is there. One that was silent for longer
    /// is asked at once. Returns whether a peer that is lost is given up within
    /// [`Limits::lost_time_max`](crate::config::Limits::lost_time_max).
    fn set_keepalive_time(&mut self, _time: Duration) -> bool {
        false
    }
}

/// The result of a read, and whether another is due at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Read {
    /// Bytes put into the buffer.
    pub bytes: usize,
    /// More may be there already: the next read needs no event.
    pub more: bool,
}

impl Read {
    /// A read of a socket: one that did not fill the buffer has emptied the socket.
    #[must_use]
    pub fn of_socket(bytes: usize, buffer: &[u8]) -> Self {
        Self {
            bytes,
            more: bytes == buffer.len(),
        }
    }
}
