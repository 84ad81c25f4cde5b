//! Writing: which queues are written when, and what follows from how that went.

use crate::chat::close_reason::CloseReason;
use crate::chat::ids::ClientId;
use crate::server::connection::{Connection, Linger, Phase};
use crate::server::connection_table::ConnectionTable;
use crate::server::read_half::Hold;
use crate::server::transport::Transport;

use super::Output;
use crate::server::send_queue::Written;

impl Output {
    /// The end of a turn: writes to each client in the flush queue, and to a slice of the fan-out.
    pub fn flush_turn<S: Transport>(&mut self, table: &mut ConnectionTable<S>) {
        self.flush_queued(table);
        while let Some(id) = self.fan_out.pop_from_slice(self.totals.fan_out_bytes) {
            if self.flush_fan_out(table, id) {
                self.fan_out.note_write();
            }
        }
        // Notices of skipped lines may have been queued meanwhile.
        self.close_largest(table);
    }

    /// Whether clients wait for the next turn's slice of the fan-out.
    pub fn has_fan_out(&self) -> bool {
        !self.fan_out.is_empty()
    }

    /// The server exits: writes everything that can be written. From here on, only what is for one
    /// client alone is added.
    pub fn begin_shutdown<S: Transport>(&mut self, table: &mut ConnectionTable<S>) {
        self.shutting_down = true;
        self.receipts.begin_shutdown(self.now);
        self.flush_all(table);
    }

    /// Writes to a client, whatever the kernel said last.
    pub fn retry_write<S: Transport>(&mut self, table: &mut ConnectionTable<S>, slot: u32) {
        if let Some(connection) = table.at_mut(slot)
            && connection.output_mut().unblock()
        {
            self.flush(table, slot);
        }
    }

    /// The queues hold too much together: writes what can be written, then closes the largest.
    pub(super) fn enforce_total_limit<S: Transport>(&mut self, table: &mut ConnectionTable<S>) {
        self.flush_all(table);
        self.close_largest(table);
    }

    /// Whether the queues hold no more together than they may.
    pub(super) fn is_within_total_limit(&self) -> bool {
        self.waiting_bytes() <= self.limits.total_bytes
    }

    fn flush_all<S: Transport>(&mut self, table: &mut ConnectionTable<S>) {
        self.flush_queued(table);
        while let Some(id) = self.fan_out.pop() {
            self.flush_fan_out(table, id);
        }
    }

    fn flush_queued<S: Transport>(&mut self, table: &mut ConnectionTable<S>) {
        while let Some(slot) = self.flush_queue.pop() {
            if let Some(connection) = table.at_mut(slot) {
                connection.output_mut().leave_flush_queue();
            }
            self.flush(table, slot);
        }
    }

    /// Writes to a client of the fan-out, unless there is no longer anything to write. Returns whether
    /// it wrote.
    fn flush_fan_out<S: Transport>(
        &mut self,
        table: &mut ConnectionTable<S>,
        id: ClientId,
    ) -> bool {
        let Some(connection) = table.get_mut(id) else {
            return false;
        };
        let output = connection.output_mut();
        output.leave_fan_out();
        self.totals.fan_out_bytes -= output.queue().len();
        if output.is_blocked() || output.queue().is_empty() {
            return false;
        }
        self.flush(table, id.slot);
        true
    }

    /// Writes what waits for one client, unless the kernel refuses it for now. Afterwards the queue is
    /// empty, or blocked, or the client is about to be closed.
    pub fn flush<S: Transport>(&mut self, table: &mut ConnectionTable<S>, slot: u32) {
        let Some(connection) = table.at_mut(slot) else {
            return;
        };
        if connection.output().is_blocked() || connection.is_dead() {
            return;
        }
        let was_stalling = connection.output().is_stalling();
        let outcome = self.write(connection);
        let is_done = matches!(outcome, Written::All) && connection.phase() == Phase::Open;
        // Nothing waits for the output of a client that was not stalled.
        if was_stalling || !is_done {
            self.follow_up(table, slot, outcome);
        }
    }

    /// Writes a queue, as far as the kernel takes it.
    fn write<S: Transport>(&mut self, connection: &mut Connection<S>) -> Written {
        let (bytes, outcome) = connection.write(&mut self.pool, self.now);
        self.totals.remove(connection.output(), bytes);
        self.stats.bytes_out += bytes as u64;
        outcome
    }

    /// Does what follows from a write: tells of skipped lines in a queue that ran empty, arms the deadline
    /// of one that is blocked, closes a connection that broke. Apart from `flush`, which stays small: most
    /// writes need none of it.
    #[inline(never)]
    fn follow_up<S: Transport>(
        &mut self,
        table: &mut ConnectionTable<S>,
        slot: u32,
        mut outcome: Written,
    ) {
        loop {
            match outcome {
                Written::All => {
                    let Some(connection) = table.at_mut(slot) else {
                        return;
                    };
                    let hard_max = self.limits.hard_bytes;
                    let output = connection.output_mut();
                    let (lines, bytes) = output.end_stall(&mut self.pool, hard_max, self.wall_time);
                    self.totals.add(output, bytes);
                    self.stats.lines_out += lines;
                    if lines == 0 {
                        break;
                    }
                    outcome = self.write(connection);
                }
                Written::Blocked => {
                    table.arm(slot);
                    break;
                }
                Written::Failed(error) => {
                    log::debug!("{}: writing failed: {error}", table.id_of(slot));
                    self.schedule_close(table, slot, CloseReason::Broken);
                    return;
                }
            }
        }
        self.after_write(table, slot);
    }

    /// Lets a client's input go on if its output was read, and a draining connection come to its end.
    fn after_write<S: Transport>(&mut self, table: &mut ConnectionTable<S>, slot: u32) {
        let Some(connection) = table.at(slot) else {
            return;
        };
        let is_awaited = connection.input().hold() == Hold::Output;
        if is_awaited && !self.is_full(connection) {
            let id = table.id_of(slot);
            if let Some(connection) = table.at_mut(slot) {
                connection.input_mut().set_hold(Hold::None);
            }
            table.enqueue(id);
        }
        self.advance_draining(table, slot);
    }

    /// A draining connection whose output was written tells its peer, and waits a little for the peer's
    /// end.
    pub fn advance_draining<S: Transport>(&mut self, table: &mut ConnectionTable<S>, slot: u32) {
        let Some(connection) = table.at_mut(slot) else {
            return;
        };
        if connection.phase() != Phase::Draining {
            return;
        }
        match connection.linger(self.now) {
            Linger::NotYet | Linger::Waiting => {}
            Linger::Begun => {
                table.arm(slot);
                table.enqueue(table.id_of(slot));
            }
            Linger::Over => table.close(slot),
        }
    }

    /// Closes clients until all together hold no more than they may. Receipts of what has arrived are no
    /// reason to.
    fn close_largest<S: Transport>(&mut self, table: &mut ConnectionTable<S>) {
        if self.is_within_total_limit() {
            return;
        }
        let acknowledged = |id| table.get(id).map(Connection::acknowledged);
        self.receipts.look_pressed(self.now, acknowledged);
        while !self.is_within_total_limit() {
            let footprint = |(slot, connection): (u32, &Connection<S>)| {
                let receipts = self.receipts.footprint_bytes_of(table.id_of(slot));
                (connection.output().queue().len() + receipts, slot)
            };
            let Some((bytes, slot)) = table.iter().map(footprint).max() else {
                return;
            };
            debug_assert!(bytes > 0, "what is counted is there");
            if bytes == 0 {
                return;
            }
            self.schedule_close(table, slot, CloseReason::TotalOutput);
        }
    }
}
