//! The writing side of the swarm: what clients say, and what else a workload asks for.

use std::collections::VecDeque;
use std::mem;

use rustix::io::Errno;
use rustix::net::SendFlags;
use socket2::Socket;

use crate::client::ClientNo;
use crate::dialect::Dialect;
use crate::stamp::Stamp;

/// The writing side: what clients say.
#[derive(Debug)]
pub struct Outgoing {
    pub dialect: Dialect,
    pub size: usize,
    pub queues: Vec<Queue>,
    pub dirty: Vec<ClientNo>,
    /// Clients to be connected.
    pub opening: VecDeque<Opening>,
    /// Clients to be closed at the end of the turn, and whether by a reset.
    pub closing: Vec<(ClientNo, bool)>,
    /// Clients that say nothing more.
    pub finishing: Vec<ClientNo>,
    /// Clients that read again.
    pub resumed: Vec<ClientNo>,
    pub paused: Vec<ClientNo>,
    /// Clients that read once, although they are paused.
    pub reading_once: Vec<ClientNo>,
    pub joining: Vec<ClientNo>,
}

/// How somebody arrives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// Registers, by the name that this number makes.
    Named(ClientNo),
    /// Says this, and does not wait for an answer.
    Stranger(Vec<u8>),
}

/// Somebody to be connected.
#[derive(Debug)]
pub struct Opening {
    pub who: ClientNo,
    pub arrival: Arrival,
    /// The server may close, and that is no trouble.
    pub is_visitor: bool,
    /// The receive buffer; the swarm's own without.
    pub receive_bytes: Option<usize>,
}

#[derive(Debug, Default)]
pub struct Queue {
    pub bytes: Vec<u8>,
    pub written: usize,
    pub dirty: bool,
    /// The kernel takes no more until it says so.
    pub blocked: bool,
    /// Has taken leave.
    pub leaving: bool,
}

impl Outgoing {
    /// Of `count` clients, whose messages have `size` bytes.
    pub fn new(dialect: Dialect, size: usize, count: usize) -> Self {
        let mut queues = Vec::new();
        queues.resize_with(count, Queue::default);
        Self {
            dialect,
            size,
            queues,
            dirty: Vec::new(),
            opening: VecDeque::new(),
            closing: Vec::new(),
            finishing: Vec::new(),
            reading_once: Vec::new(),
            resumed: Vec::new(),
            paused: Vec::new(),
            joining: Vec::new(),
        }
    }

    /// Sends a private message to `to`.
    pub fn private(&mut self, to: ClientNo, stamp: Stamp) {
        let (dialect, size) = (self.dialect, self.size);
        self.append(stamp.sender, |bytes| {
            dialect.private(bytes, to, size, |bytes| stamp.write(bytes, size));
        });
    }

    /// Says something in the room.
    pub fn say(&mut self, stamp: Stamp) {
        self.say_long(stamp, self.size);
    }

    /// Says something of `size` bytes, which must be the swarm's size or its other one.
    pub fn say_long(&mut self, stamp: Stamp, size: usize) {
        let dialect = self.dialect;
        self.append(stamp.sender, |bytes| {
            dialect.say(bytes, size, |bytes| stamp.write(bytes, size));
        });
    }

    /// Enters the room; the workload is told when it is done.
    pub fn join(&mut self, who: ClientNo) {
        let dialect = self.dialect;
        self.joining.push(who);
        self.append(who, |bytes| dialect.join(bytes));
    }

    /// Takes leave, by the server's word for it or by closing.
    pub fn quit(&mut self, who: ClientNo) {
        let dialect = self.dialect;
        if let Some(queue) = self.queues.get_mut(who.index()) {
            queue.leaving = true;
        }
        if dialect.has_quit() {
            self.append(who, |bytes| dialect.quit(bytes));
        } else {
            self.closing.push((who, false));
        }
    }

    /// Says nothing more, and reads on until the server closes.
    pub fn finish(&mut self, who: ClientNo) {
        if let Some(queue) = self.queues.get_mut(who.index()) {
            queue.leaving = true;
        }
        self.finishing.push(who);
    }

    /// Closes at once, without a word, by a reset if `breaks_off`.
    pub fn hang_up(&mut self, who: ClientNo, breaks_off: bool) {
        self.closing.push((who, breaks_off));
    }

    /// Connects and registers, also anew; the workload is told when it is done.
    pub fn open(&mut self, who: ClientNo) {
        self.opening.push_back(Opening {
            who,
            arrival: Arrival::Named(who),
            is_visitor: false,
            receive_bytes: None,
        });
    }

    /// Connects as somebody who comes and goes: the server may close, and that is no trouble. The
    /// workload is told when such a visitor is registered, and when it is gone.
    pub fn visit(&mut self, who: ClientNo, arrival: Arrival, receive_bytes: Option<usize>) {
        self.opening.push_back(Opening {
            who,
            arrival,
            is_visitor: true,
            receive_bytes,
        });
    }

    /// Takes back who is still to be connected; the workload is told nothing of them.
    pub fn forget_opening(&mut self) -> Vec<ClientNo> {
        self.opening.drain(..).map(|opening| opening.who).collect()
    }

    /// Says these bytes, whatever they are.
    pub fn raw(&mut self, who: ClientNo, bytes: &[u8]) {
        self.append(who, |queue| queue.extend_from_slice(bytes));
    }

    /// How many bytes the kernel has not taken yet.
    pub fn unsent(&self, who: ClientNo) -> usize {
        let queue = self.queues.get(who.index());
        queue.map_or(0, |queue| queue.bytes.len() - queue.written)
    }

    /// Reads nothing any more.
    pub fn pause(&mut self, who: ClientNo) {
        self.paused.push(who);
    }

    /// Reads once, and is paused then as before.
    pub fn read_once(&mut self, who: ClientNo) {
        self.reading_once.push(who);
    }

    /// Reads again.
    pub fn resume(&mut self, who: ClientNo) {
        self.resumed.push(who);
    }

    pub fn append(&mut self, who: ClientNo, write: impl FnOnce(&mut Vec<u8>)) {
        let Some(queue) = self.queues.get_mut(who.index()) else {
            return;
        };
        write(&mut queue.bytes);
        if !mem::replace(&mut queue.dirty, true) {
            self.dirty.push(who);
        }
    }
}

impl Queue {
    /// Writes as much as the kernel takes. What breaks is seen by the next read.
    pub fn flush(&mut self, socket: &Socket) {
        while let Some(rest) = self
            .bytes
            .get(self.written..)
            .filter(|rest| !rest.is_empty())
        {
            match rustix::net::send(socket, rest, SendFlags::NOSIGNAL) {
                Ok(count) => self.written += count,
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => {
                    self.blocked = true;
                    return;
                }
                Err(_) => break,
            }
        }
        self.bytes.clear();
        self.written = 0;
    }
}
