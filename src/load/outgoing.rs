//! The writing side of the swarm: what clients say, and what else a workload asks for.

use std::collections::VecDeque;
use std::io;
use std::mem;

use super::client::ClientNo;
use super::dialect::Dialect;
use super::stamp::Stamp;

/// The writing side: what clients say.
#[derive(Debug)]
pub struct Outgoing {
    pub(super) dialect: Dialect,
    pub(super) size: usize,
    pub(super) queues: Vec<Queue>,
    pub(super) dirty: Vec<ClientNo>,
    /// Clients to be connected.
    pub(super) opening: VecDeque<ClientNo>,
    /// Clients to be closed at the end of the turn.
    pub(super) closing: Vec<ClientNo>,
    /// Clients that read again.
    pub(super) resumed: Vec<ClientNo>,
    pub(super) paused: Vec<ClientNo>,
    pub(super) joining: Vec<ClientNo>,
}

#[derive(Debug, Default)]
pub(super) struct Queue {
    pub bytes: Vec<u8>,
    pub written: usize,
    pub dirty: bool,
    /// The kernel takes no more until it says so.
    pub blocked: bool,
    /// Has taken leave.
    pub leaving: bool,
}

impl Outgoing {
    /// Sends a private message to `to`.
    pub fn private(&mut self, to: ClientNo, stamp: Stamp) {
        let (dialect, size) = (self.dialect, self.size);
        self.append(stamp.sender, |bytes| {
            dialect.private(bytes, to, size, |bytes| stamp.write(bytes, size));
        });
    }

    /// Says something in the room.
    pub fn say(&mut self, stamp: Stamp) {
        let (dialect, size) = (self.dialect, self.size);
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
            self.closing.push(who);
        }
    }

    /// Connects and registers, also anew; the workload is told when it is done.
    pub fn open(&mut self, who: ClientNo) {
        self.opening.push_back(who);
    }

    /// Reads nothing any more.
    pub fn pause(&mut self, who: ClientNo) {
        self.paused.push(who);
    }

    /// Reads again.
    pub fn resume(&mut self, who: ClientNo) {
        self.resumed.push(who);
    }

    pub(super) fn append(&mut self, who: ClientNo, write: impl FnOnce(&mut Vec<u8>)) {
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
    pub fn flush(&mut self, stream: &mut impl io::Write) {
        while let Some(rest) = self
            .bytes
            .get(self.written..)
            .filter(|rest| !rest.is_empty())
        {
            match stream.write(rest) {
                Ok(count) => self.written += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
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
