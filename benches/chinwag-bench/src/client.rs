//! One synthetic client: its number, its connection, and what it has yet to read and to write.

use std::fmt;
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::Shutdown;
use std::time::Duration;

use socket2::Socket;

/// A client's place in the swarm, which also makes its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientNo(u32);

/// Bytes of a client's name: a letter and six digits, short enough for every server.
pub const NAME_BYTES: usize = 7;

/// More clients than names of that length can tell apart.
pub const CLIENTS_MAX: usize = 1_000_000;

impl ClientNo {
    pub const fn new(place: u32) -> Self {
        Self(place)
    }

    pub fn at(place: usize) -> Self {
        Self(u32::try_from(place).unwrap_or(u32::MAX))
    }

    pub const fn get(self) -> u32 {
        self.0
    }

    pub const fn index(self) -> usize {
        self.0 as usize
    }

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

pub fn clients(count: usize) -> impl Iterator<Item = ClientNo> {
    (0..count).map(ClientNo::at)
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// Not connected, or no longer.
    #[default]
    Closed,
    Registering,
    Joining,
    /// Has what it asked for.
    Ready,
    /// Connected, and does not register.
    Stranger,
}

/// How much a client reads of what the kernel holds for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reads {
    #[default]
    All,
    /// As much as one read takes, and nothing after that.
    Once,
    Nothing,
}

#[derive(Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one fact about a socket"
)]
pub struct Client {
    pub socket: Option<Socket>,
    pub state: State,
    pub reads: Reads,
    /// The start of a line whose end has not come yet.
    pub partial: Vec<u8>,
    /// The poll has told of bytes to read, perhaps while nothing was read.
    pub is_readable: bool,
    /// The poll has told of the end of the connection; what came before is read first.
    pub has_ended: bool,
    /// Bytes to send, of which the first are written.
    pub output: Vec<u8>,
    pub written: usize,
    /// Stands in [`Clients::unwritten`](super::clients::Clients::unwritten).
    pub is_unwritten: bool,
    /// The kernel takes no more until the poll says so.
    pub is_blocked: bool,
    /// The server may close the connection: it was asked to, or the client is a visitor.
    pub may_be_closed: bool,
}

impl Client {
    /// Half-closes the connection, unless its client still waits to be registered.
    pub fn finish_sending(&mut self) {
        self.may_be_closed = true;
        if let Some(socket) = &self.socket
            && self.state != State::Registering
        {
            // What breaks is seen by the next read.
            let _ = socket.shutdown(Shutdown::Write);
        }
    }

    /// Has the connection end by a reset, as soon as it is dropped.
    pub fn set_reset(&self) {
        // A Unix socket has no such thing, and just ends.
        if let Some(socket) = &self.socket {
            let _ = socket.set_linger(Some(Duration::ZERO));
        }
    }

    /// Reads what is there. No bytes are the end of the connection.
    pub fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut socket = self.socket.as_ref().ok_or(ErrorKind::WouldBlock)?;
        loop {
            match socket.read(buffer) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                read => return read,
            }
        }
    }

    /// Writes as much as the kernel takes. What breaks is seen by the next read.
    pub fn write(&mut self) {
        self.is_unwritten = false;
        while let (Some(mut socket), Some(rest @ [_, ..])) =
            (self.socket.as_ref(), self.output.get(self.written..))
        {
            if self.is_blocked {
                return;
            }
            match socket.write(rest).map_err(|error| error.kind()) {
                Ok(count) => self.written += count,
                Err(ErrorKind::Interrupted) => {}
                Err(ErrorKind::WouldBlock) => self.is_blocked = true,
                Err(_) => break,
            }
        }
        self.output.clear();
        self.written = 0;
    }

    pub fn unsent(&self) -> usize {
        self.output.len() - self.written
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
}
