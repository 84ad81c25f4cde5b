//! All of the server but the kernel.
//!
//! **Events change state; the end of a turn writes and closes.** [`Switchboard::ready`] only notes what
//! the poll said; [`Switchboard::turn`] does the work. A queue that is full is written earlier, to see
//! whether its reader is slow. The stream is a type parameter and time an argument, so that a simulation
//! can run the whole of it from a seed.

use std::time::Duration;

use crate::chat::close_reason::CloseReason;
use crate::chat::event::Notice;
use crate::chat::ids::{ClientId, Peer};
use crate::chat::time::Timestamp;
use crate::chat::{Chat, Settings};
use crate::config::Limits;
use crate::wire::text::durations::HumanDuration;

use super::admission::Admission;
use super::connection::{Connection, Disconnect, Phase, Timing};
use super::connection_table::{ConnectionTable, SLOTS_RESERVED_MAX};
use super::input::Input;
use super::output::Output;
use super::pool::Pool;
use super::rate_limit::RateLimit;
use super::read_half::Hold;
use super::transport::Transport;
use super::turn::Turn;

/// Connections that were turned away and may wait until their last line is read. Others are closed at
/// once. A third of the descriptors that are kept free.
const TURNED_AWAY_LINGERING_MAX: usize = 10;

/// With this many turned away and not closed yet, no more are accepted in the same turn: each holds a
/// descriptor. Half of those that are kept free.
const TURNED_AWAY_MAX: usize = 16;

/// A deadline handled this late means that the process was suspended and missed events: retry the write
/// before closing. On time, a retry would only fill the kernel's last free bytes, and look like progress.
const LATE_TIME: Duration = Duration::from_millis(100);

/// An event of a socket, as the kernel reported it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Readiness {
    /// There may be something to read.
    pub readable: bool,
    /// There may be room to write.
    pub writable: bool,
    /// There may be an end, an error or an urgent byte: what a short read does not tell.
    pub hung_up: bool,
}

/// The server, but for the kernel's poll.
#[derive(Debug)]
pub struct Switchboard<S> {
    chat: Chat,
    table: ConnectionTable<S>,
    input: Input,
    output: Output,
    buffers: Pool<Vec<u8>>,
    admission: Admission,
}

impl<S: Transport> Switchboard<S> {
    /// A server without connections.
    #[must_use]
    pub fn new(settings: Settings, limits: &Limits) -> Self {
        let capacity = limits.clients_max.min(SLOTS_RESERVED_MAX);
        let rate = RateLimit::new(limits.line_burst, limits.lines_per_second);
        let timing = Timing {
            stall_time: limits.output_stall_time,
            register_time: limits.register_time,
            rate,
        };
        Self {
            admission: Admission::new(limits, settings.hash_seed),
            chat: Chat::new(settings).with_capacity(capacity),
            table: ConnectionTable::with_capacity(capacity, timing),
            input: Input::new(limits, rate),
            output: Output::new(limits),
            buffers: Pool::default(),
        }
    }

    /// A client connects. `make` is given the id, to register the stream with the poll under it. If a
    /// limit is reached, the client is told and turned away.
    ///
    /// # Errors
    /// Those of `make`; then nothing has happened.
    pub fn connect<E>(
        &mut self,
        now: Timestamp,
        peer: Peer,
        make: impl FnOnce(ClientId) -> Result<S, E>,
    ) -> Result<(), E> {
        let id = self.table.vacant_id();
        let stream = make(id)?;
        let rate_exempt = self.admission.is_exempt(&peer);
        let slot = self.table.insert(Connection::new(stream, rate_exempt, now));
        debug_assert_eq!(slot, id.index());
        match self.admission.admit(&peer) {
            Ok(()) => {
                log::debug!("{id} connected from {peer}");
                self.chat.connect(now, id, peer);
                self.table.arm(id.slot);
            }
            Err(reason) => self.turn_away(now, id, peer, reason),
        }
        Ok(())
    }

    fn turn_away(&mut self, now: Timestamp, id: ClientId, peer: Peer, reason: CloseReason) {
        self.output.stats.refused += 1;
        let lingers = self.turned_away() <= TURNED_AWAY_LINGERING_MAX;
        if let Some(connection) = self.table.get_mut(id) {
            connection.start_draining(Disconnect {
                name: None,
                peer,
                reason,
                admitted: false,
                input_dropped: false,
                lingers,
            });
            // Last: the line can be written at once, which moves a draining connection on.
            let (mut turn, _) = self.lend(now);
            turn.sink().send_notice(id, Notice::Closing(reason));
        }
    }

    /// Notes what the poll says of a client.
    pub fn ready(&mut self, id: ClientId, readiness: Readiness) {
        // An event of a closed connection has another generation, and misses the successor.
        let Some(connection) = self.table.get_mut(id) else {
            return;
        };
        let input = connection.input_mut();
        input.note_ready(readiness.readable, readiness.hung_up);
        let has_input = input.is_readable() && input.hold() == Hold::None;
        if readiness.writable && connection.output_mut().unblock() {
            self.output.mark_flush(connection, id.slot);
        }
        if has_input {
            self.table.enqueue(id);
        }
    }

    /// A turn begins: it is `now`, and `unix_ms` by the calendar.
    pub fn begin_turn(&mut self, now: Timestamp, unix_ms: u64) {
        self.output.begin_turn(now, unix_ms);
    }

    /// Does everything there is to do now, and writes what came of it.
    pub fn turn(&mut self, now: Timestamp) {
        let before = self.progress();
        self.expire(now);
        let (mut turn, input) = self.lend(now);
        input.run(&mut turn);
        let (chat, mut sink) = turn.chat_and_sink();
        chat.expire(now, &mut sink);
        self.finish_turn(now);
        if self.output.is_shutting_down() && self.progress() != before {
            self.close_idle_senders(now);
        }
    }

    /// Whether there is work that waits for nothing but the next turn.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        !self.table.run_queue().is_empty() || self.output.has_fan_out()
    }

    /// When there will be something to do without an event.
    #[must_use]
    pub fn next_deadline(&self) -> Timestamp {
        self.table.earliest_due().min(self.chat.next_deadline())
    }

    /// How many connections there are, those that are ending included.
    #[must_use]
    pub fn connection_count(&self) -> usize {
        self.table.len()
    }

    /// Bytes that wait to be written, for all connections together.
    #[must_use]
    pub fn waiting_bytes(&self) -> usize {
        self.output.waiting_bytes()
    }

    /// Whether the limit of connections that are being turned away is reached.
    #[must_use]
    pub fn turns_many_away(&self) -> bool {
        self.turned_away() >= TURNED_AWAY_MAX
    }

    /// Counts a connection that was turned away before it was connected, for `/stats`.
    pub fn note_refused(&mut self) {
        self.output.stats.refused += 1;
    }

    /// Notes how busy the loop was, in thousandths, for `/stats`.
    pub fn note_busy(&mut self, permille: u32) {
        self.output.stats.busy_permille = permille;
    }

    /// Tells everyone that the server exits, processes no more input, and closes each connection once its
    /// output was written. The sender of a private message that is not written yet stays, to learn
    /// whether it will be.
    pub fn shut_down(&mut self, now: Timestamp) {
        let (mut turn, _) = self.lend(now);
        let (chat, mut sink) = turn.chat_and_sink();
        chat.announce_shutdown(&mut sink);
        self.output.begin_shutdown(&mut self.table);
        // Clients that this was too much for leave first, so that their senders are there to be told.
        self.finish_turn(now);
        self.close_idle_senders(now);
    }

    /// Closes the clients that have not read all their output, and tells the senders of what they did not
    /// get. Returns how many were closed.
    pub fn close_stalled(&mut self, now: Timestamp) -> usize {
        for slot in 0..self.table.slot_count() {
            self.output.retry_write(&mut self.table, slot);
        }
        // Queues that an event has unblocked are written, too.
        self.finish_turn(now);
        let mut count = 0;
        for slot in 0..self.table.slot_count() {
            let connection = self.table.at(slot);
            if connection.is_some_and(|connection| !connection.output().queue().is_empty()) {
                self.output
                    .schedule_close(&mut self.table, slot, CloseReason::Stalled);
                count += 1;
            }
        }
        self.finish_turn(now);
        self.close_idle_senders(now);
        count
    }

    /// Closes all connections that are left, whatever waits for them.
    pub fn close_all(&mut self, now: Timestamp) {
        for slot in 0..self.table.slot_count() {
            self.output
                .schedule_close(&mut self.table, slot, CloseReason::Stalled);
        }
        self.finish_turn(now);
    }

    /// Closes every connection that waits for nothing: each private message of its client was written.
    fn close_idle_senders(&mut self, now: Timestamp) {
        let senders = self.table.senders_of_unwritten(&self.chat);
        for slot in 0..self.table.slot_count() {
            let user = self.chat.user_of(self.table.id_of(slot));
            if user.is_none_or(|user| senders.binary_search(&user).is_err()) {
                self.output
                    .schedule_close(&mut self.table, slot, CloseReason::Shutdown);
            }
        }
        self.finish_turn(now);
    }

    /// Checks what must always hold between turns; for tests and simulations.
    ///
    /// # Panics
    /// If it does not hold.
    pub fn check_invariants(&self) {
        self.chat.check_invariants();
        self.output.check_invariants(&self.table);
        Input::check_invariants(&self.table, &self.output);
        assert!(!self.table.has_closing() && !self.table.has_reap());
        let mut open = 0;
        for (slot, connection) in self.table.iter() {
            let is_open = connection.phase() == Phase::Open;
            open += usize::from(is_open);
            assert_ne!(connection.phase(), Phase::Closed);
            let peer = self.chat.peer_of(self.table.id_of(slot));
            assert_eq!(peer.is_some(), is_open);
        }
        assert_eq!(self.chat.counts().clients, open);
    }

    /// The chat, to look at.
    #[must_use]
    pub fn chat(&self) -> &Chat {
        &self.chat
    }

    /// Lends out everything that a line can change, and the input side beside it.
    fn lend(&mut self, now: Timestamp) -> (Turn<'_, S>, &mut Input) {
        let turn = Turn {
            now,
            chat: &mut self.chat,
            table: &mut self.table,
            output: &mut self.output,
            buffers: &mut self.buffers,
        };
        (turn, &mut self.input)
    }

    /// Connections that were turned away and are not closed yet.
    fn turned_away(&self) -> usize {
        self.table.len() - self.admission.clients()
    }

    /// Changes whenever something was written or a connection is gone.
    fn progress(&self) -> (u64, usize) {
        (self.output.stats.bytes_out, self.table.len())
    }

    /// Handles each connection whose deadline has passed.
    fn expire(&mut self, now: Timestamp) {
        while let Some(id) = self.table.pop_due(now) {
            let Some(connection) = self.table.get_mut(id) else {
                continue;
            };
            if connection.must_be_greeted(now) {
                let is_readable = connection.input().is_readable();
                let (mut turn, input) = self.lend(now);
                if is_readable {
                    input.serve_early(&mut turn, id);
                }
                turn.greet(id);
                self.table.arm(id.slot);
                continue; // other deadlines that are due fire again at once
            }
            self.recheck(now, id);
            self.close_overdue(now, id);
            self.table.arm(id.slot);
        }
    }

    /// Closes a client whose time is up, or lets its input go on.
    fn close_overdue(&mut self, now: Timestamp, id: ClientId) {
        let timing = *self.table.timing();
        let Some(connection) = self.table.get_mut(id) else {
            return;
        };
        let is_draining = connection.phase() == Phase::Draining;
        if connection.output().stalled_at(timing.stall_time) <= now {
            self.output
                .schedule_close(&mut self.table, id.slot, CloseReason::Stalled);
        } else if is_draining && connection.linger_until() <= now {
            self.table.close(id.slot);
        } else if connection.is_past_register_time(now, &timing) {
            let reason = CloseReason::NotRegistered;
            let (mut turn, _) = self.lend(now);
            turn.sink().send_notice(id, Notice::Closing(reason));
            self.output.schedule_close(&mut self.table, id.slot, reason);
        } else if connection.input().resume_at(timing.rate) <= now {
            connection.input_mut().set_hold(Hold::None);
            self.table.enqueue(id);
        } else if connection.input().silence_due_at() <= now {
            // Bytes may be there of which the poll has not told yet.
            connection.input_mut().note_ready(true, false);
            self.table.enqueue(id);
        }
    }

    /// Tries a client's socket before its deadline closes it: the process may have been suspended, and one
    /// poll does not report every socket.
    fn recheck(&mut self, now: Timestamp, id: ClientId) {
        let timing = *self.table.timing();
        let Some(connection) = self.table.get_mut(id) else {
            return;
        };
        let stalled_at = connection.output().stalled_at(timing.stall_time);
        if stalled_at.after(LATE_TIME) <= now {
            self.output.retry_write(&mut self.table, id.slot);
        } else if connection.is_past_register_time(now, &timing) {
            connection.input_mut().note_ready(true, false);
            let (mut turn, input) = self.lend(now);
            input.serve_early(&mut turn, id);
        }
    }

    /// The end of a turn: clients that are to end leave the chat, output is written, and closed
    /// connections are removed. Each step can cause an earlier one, but each client ends only once, and a
    /// fan-out that is left when its slice is used up waits for the next turn.
    fn finish_turn(&mut self, now: Timestamp) {
        loop {
            for id in self.table.take_closing() {
                self.lend(now).0.leave_chat(id);
            }
            self.output.flush_turn(&mut self.table);
            if self.table.has_closing() {
                continue;
            }
            if !self.table.has_reap() {
                break;
            }
            for slot in self.table.take_reap() {
                self.reap(now, slot);
            }
        }
    }

    /// Removes a closed connection: gives back its place, logs its end, and tells the senders of private
    /// messages that it did not get.
    fn reap(&mut self, now: Timestamp, slot: u32) {
        let Some(mut connection) = self.output.remove(&mut self.table, slot) else {
            return;
        };
        let queue = connection.output_mut().queue_mut();
        let (unwritten_bytes, unwritten) = (queue.unwritten_bytes(), queue.take_unwritten());
        connection.input_mut().discard(&mut self.buffers);
        let Some(disconnect) = connection.take_disconnect() else {
            return;
        };
        if disconnect.admitted {
            self.admission.release(&disconnect.peer);
        }
        if let Some(count) = self.output.stats.closed.get_mut(disconnect.reason.index()) {
            *count += 1;
        }
        let stayed = HumanDuration(now.since(connection.connected_at()));
        log_end(&disconnect, &stayed, unwritten_bytes);
        if let Some(name) = &disconnect.name {
            let (mut turn, _) = self.lend(now);
            let (chat, mut sink) = turn.chat_and_sink();
            for (from, count) in unwritten {
                chat.undelivered(from, name, count, &mut sink);
            }
        }
    }
}

/// Logs why and how a connection ended.
fn log_end(disconnect: &Disconnect, stayed: &HumanDuration, unwritten_bytes: usize) {
    let (peer, reason) = (&disconnect.peer, disconnect.reason.as_str());
    let unread = if disconnect.input_dropped {
        ", not all it sent was read"
    } else {
        ""
    };
    let end = format!("closed after {stayed}: {reason}; {unwritten_bytes} bytes unwritten{unread}");
    match &disconnect.name {
        Some(name) => log::info!("{name} ({peer}) {end}"),
        None => log::info!("{peer} (no name) {end}"),
    }
}
