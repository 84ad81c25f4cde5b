//! Writing: who has something to write, when it is written, and what follows from how that went.

use std::mem;

use crate::chat::close_reason::CloseReason;
use crate::chat::event::Event;
use crate::chat::ids::ClientId;
use crate::chat::outbox::Outbox;
use crate::chat::time::Timestamp;

use super::{Egress, change_queue};
use crate::server::LINGER_TIME;
use crate::server::connection::{Life, Transport};
use crate::server::outbound::Flush;

impl<S: Transport> Egress<S> {
    /// Whether so much waits for a client that its own lines are to wait too.
    pub(in crate::server) fn is_backed_up(&mut self, id: ClientId) -> bool {
        let Some(connection) = self.connections.get(id) else {
            return false;
        };
        if !connection.is_backed_up(&self.limits) {
            return false;
        }
        if !connection.write_blocked {
            self.flush(id.slot);
        }
        let connection = self.connections.get(id);
        connection.is_some_and(|connection| connection.is_backed_up(&self.limits))
    }

    /// Writes to everyone who got something for themselves, and to a slice of those who got
    /// something that went to many.
    pub(in crate::server) fn flush_turn(&mut self) {
        self.flush_prompt();
        while let Some(id) = self.backlog.pop_from_slice(self.waiting.put_off_bytes) {
            if self.flush_waiting(id) {
                self.backlog.note_write();
            }
        }
    }

    /// The server exits: everything that can be written is, and from here on only what is for one
    /// alone is added.
    pub(in crate::server) fn begin_closing(&mut self) {
        self.closing = true;
        self.flush_all();
    }

    /// Asks the kernel whether it takes what waits for a client, whatever it said last.
    pub(in crate::server) fn ask_again(&mut self, slot: u32) {
        if let Some(connection) = self.connections.at_mut(slot)
            && mem::take(&mut connection.write_blocked)
        {
            self.flush(slot);
        }
    }

    /// Writes to everyone who got something.
    fn flush_all(&mut self) {
        self.flush_prompt();
        while let Some(id) = self.backlog.pop() {
            self.flush_waiting(id);
        }
    }

    fn flush_prompt(&mut self) {
        // Whoever is not served yet stays on the list: what is written can put others there, and
        // a lack of room can ask for all that can be written.
        while let Some(slot) = self.prompt.pop() {
            if let Some(connection) = self.connections.at_mut(slot) {
                connection.prompt = false;
            }
            self.flush(slot);
        }
    }

    /// Writes to a client who was in the backlog, unless there is no longer anything to write.
    fn flush_waiting(&mut self, id: ClientId) -> bool {
        let Some(connection) = self.connections.get_mut(id) else {
            return false;
        };
        connection.in_backlog = false;
        self.waiting.put_off_bytes -= connection.outbound.footprint_bytes();
        if connection.write_blocked || connection.outbound.is_empty() {
            return false;
        }
        self.flush(id.slot);
        true
    }

    /// Sees to it that a client is looked at when output is written, at the end of this turn.
    pub(in crate::server) fn mark_prompt(&mut self, slot: u32) {
        if let Some(connection) = self.connections.at_mut(slot)
            && !mem::replace(&mut connection.prompt, true)
        {
            self.prompt.push(slot);
        }
    }

    pub(in crate::server) fn has_prompt(&self) -> bool {
        !self.prompt.is_empty()
    }

    /// Whether something is left that waits for the next slice.
    pub(in crate::server) fn has_backlog(&self) -> bool {
        !self.backlog.is_empty()
    }

    /// Writes what waits for one client, unless the kernel refuses it for now.
    pub(super) fn flush(&mut self, slot: u32) {
        let Some(connection) = self.connections.at_mut(slot) else {
            return;
        };
        if connection.write_blocked || connection.has_ended() {
            return;
        }
        let (now, pool, total) = (self.now, &mut self.pool, &mut self.waiting);
        let (taken, flush) =
            change_queue(connection, total, |connection| connection.flush(pool, now));
        self.stats.bytes_out += taken as u64;
        // Nothing follows for most: who is not served until output was read has a stall.
        let is_awaited = connection.stall.is_some();
        match flush {
            Flush::Done if connection.life == Life::Open && !is_awaited => {}
            Flush::Done => self.flushed(slot),
            Flush::Blocked => {
                self.wake_if_read(slot);
                self.rearm(slot);
            }
            Flush::Failed(error) => {
                log::debug!("{}: writing failed: {error}", self.connections.id_of(slot));
                self.doom(slot, CloseReason::Broken);
            }
        }
    }

    /// A queue ran empty.
    fn flushed(&mut self, slot: u32) {
        let id = self.connections.id_of(slot);
        let Some(connection) = self.connections.at_mut(slot) else {
            return;
        };
        let missed = connection.stall.take().map(|stall| stall.missed);
        let missed = missed.unwrap_or_default();
        self.wake_if_read(slot);
        if missed.is_empty() {
            self.advance_draining(slot);
        }
        for (room, count) in missed {
            self.send(id, &Event::Missed { room: &room, count });
        }
    }

    /// Serves a client again that had to wait until its output was read.
    fn wake_if_read(&mut self, slot: u32) {
        let Some(connection) = self.connections.at_mut(slot) else {
            return;
        };
        if connection.waits_for_output && !connection.is_backed_up(&self.limits) {
            connection.waits_for_output = false;
            self.enqueue(self.connections.id_of(slot));
        }
    }

    /// A draining connection whose output was written tells its other end, and waits a little for
    /// the end of what that sends.
    pub(in crate::server) fn advance_draining(&mut self, slot: u32) {
        let Some(connection) = self.connections.at_mut(slot) else {
            return;
        };
        if connection.life != Life::Draining || !connection.outbound.is_empty() {
            return;
        }
        let shut = connection.write_shut || {
            connection.write_shut = true;
            !connection.end_of_input && connection.stream.shutdown_write().is_ok()
        };
        if connection.end_of_input || !shut {
            connection.life = Life::Closed;
            self.closed.push(slot);
        } else if let Some(farewell) = &mut connection.farewell
            && farewell.linger_until == Timestamp::NEVER
        {
            farewell.linger_until = self.now.after(LINGER_TIME);
            self.rearm(slot);
            self.enqueue(self.connections.id_of(slot));
        }
    }

    /// All queues together are too large: writes what can be written, then closes the largest.
    ///
    /// What is written can put lines into other queues, and so ask for relief again. It is on its way:
    /// to begin anew for each would go as deep as there are clients, and the stack is not that deep.
    pub(super) fn relieve(&mut self) {
        if mem::replace(&mut self.is_relieving, true) {
            return;
        }
        self.flush_all();
        self.close_largest();
        self.is_relieving = false;
    }

    fn close_largest(&mut self) {
        while self.waiting.bytes > self.limits.output_total_bytes_max {
            let largest = self
                .connections
                .iter()
                .max_by_key(|(_, other)| other.outbound.footprint_bytes());
            let Some((slot, largest)) = largest else {
                return;
            };
            debug_assert!(!largest.outbound.is_empty(), "what is counted is there");
            if largest.outbound.is_empty() {
                return;
            }
            self.doom(slot, CloseReason::TotalOutput);
        }
    }
}
