//! All of the server but the kernel.
//!
//! **Events change state; the end of a turn writes and closes.** [`Switchboard::ready`] only notes what
//! the poll said; [`Switchboard::turn`] does the work. A queue that is full is written earlier, to see
//! whether its reader is slow. The stream is a type parameter and time an argument, so that a simulation
//! can run the whole of it from a seed.

use std::time::Duration;

use ahash::RandomState;

use crate::chat::archive::{Archive, NotKept, Restored, Settled};
use crate::chat::close_reason::CloseReason;
use crate::chat::event::Notice;
use crate::chat::ids::{ClientId, Peer, UserId};
use crate::chat::outbox::Outbox;
use crate::chat::time::Timestamp;
use crate::chat::{Chat, ListedBan, Settings};
use crate::config::Limits;
use crate::wire::text::durations::HumanDuration;
use crate::wire::wall_time::WallTime;

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
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one fact about a socket"
)]
pub struct Readiness {
    /// There may be something to read.
    pub readable: bool,
    /// There may be room to write.
    pub writable: bool,
    /// There may be an end, an error or an urgent byte: what a short read does not tell.
    pub hung_up: bool,
    /// The peer sends no more.
    pub read_closed: bool,
    /// The peer neither sends nor reads any more: a reset, a dead peer, or an end of both directions. Unlike
    /// the others this is a fact, not a hint.
    pub gone: bool,
}

/// The server, but for the kernel's poll.
#[derive(Debug)]
pub struct Switchboard<S> {
    chat: Chat,
    table: ConnectionTable<S>,
    input: Input,
    output: Output,
    buffers: Pool<Vec<u8>>,
    archive: Box<dyn Archive>,
    /// The chat was told since the last turn what became of something that it had kept.
    has_settled: bool,
    admission: Admission,
}

impl<S: Transport> Switchboard<S> {
    /// A server without connections.
    #[must_use]
    pub fn new(settings: Settings, limits: &Limits, archive: Box<dyn Archive>) -> Self {
        let capacity = limits.clients_max.min(SLOTS_RESERVED_MAX);
        let [a, b, c, d] = settings.hash_seed;
        let rate = RateLimit::new(limits.line_burst, limits.lines_per_second);
        let timing = Timing {
            stall_time: limits.output_stall_time,
            register_time: limits.register_time,
            rate,
            keepalive_time: limits.keepalive_time,
            lost_time_max: limits.lost_time_max(),
        };
        Self {
            admission: Admission::new(limits, settings.hash_seed),
            chat: Chat::new(settings).with_capacity(capacity),
            table: ConnectionTable::with_capacity(capacity, timing),
            input: Input::new(limits, rate),
            output: Output::new(limits, RandomState::with_seeds(a, b, c, d)),
            buffers: Pool::default(),
            archive,
            has_settled: false,
        }
    }

    /// Takes in what was kept before the server started. To be called once, before anything else.
    pub fn restore(&mut self, restored: Restored) {
        self.chat.restore(restored);
    }

    /// Takes over what the file of bans lists now. Who is here and is caught by it goes.
    pub fn set_listed_bans(&mut self, now: Timestamp, bans: Vec<ListedBan>) {
        let (mut turn, _) = self.lend(now);
        let clock = turn.clock();
        let (chat, mut sink) = turn.chat_and_sink();
        chat.set_listed_bans(clock, bans, &mut sink);
    }

    /// Whether an operator has wanted the files read anew since this was asked last.
    pub fn take_reload(&mut self) -> bool {
        self.output.take_reload()
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
        let is_operators = stream.is_operators();
        let slot = self.table.insert(Connection::new(stream, rate_exempt, now));
        debug_assert_eq!(slot, id.index());
        match self.admit(now, &peer) {
            Ok(()) => {
                log::debug!("{id} connected from {peer}");
                self.chat.connect(now, id, peer);
                if is_operators {
                    self.chat.trust(id);
                }
                self.table.arm(id.slot);
            }
            Err(reason) => self.turn_away(now, id, peer, reason),
        }
        Ok(())
    }

    /// Admits a connection, unless its address is banned or a limit is reached.
    fn admit(&mut self, now: Timestamp, peer: &Peer) -> Result<(), CloseReason> {
        let (turn, _) = self.lend(now);
        if turn.chat.barred(turn.clock(), peer).is_some() {
            return Err(CloseReason::Banned);
        }
        self.admission.admit(peer)
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
            let clock = turn.clock();
            let (chat, mut sink) = turn.chat_and_sink();
            match chat.barred(clock, &peer) {
                Some(why) if reason == CloseReason::Banned => sink.send(id, &why),
                _ => sink.send_notice(id, Notice::Closing(reason)),
            }
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
        if readiness.gone {
            input.note_gone();
        }
        // A held client is served once more when it closes, to be told why it waits, and when it is gone,
        // to leave the chat in its turn: a client served after it may have its name.
        let closes = readiness.read_closed && input.note_read_closed();
        let is_served = input.hold() == Hold::None || closes || readiness.gone;
        let has_input = input.is_readable() && is_served;
        if readiness.writable && connection.output_mut().unblock() {
            self.output.mark_flush(connection, id.slot);
        }
        if has_input {
            self.table.enqueue(id);
        }
    }

    /// A turn begins: it is `now`, and `wall_time` by the calendar.
    pub fn begin_turn(&mut self, now: Timestamp, wall_time: WallTime) {
        self.output.begin_turn(now, wall_time);
    }

    /// Tells the chat what became of something that it handed to the archive. To be called between the begin of
    /// a turn and the turn itself.
    pub fn settle(&mut self, now: Timestamp, settled: Settled) {
        let (mut turn, _) = self.lend(now);
        let clock = turn.clock();
        let (chat, mut sink, archive) = turn.chat_and_ways();
        if let Settled::NotKept { first, last, why } = &settled {
            let stats = &mut sink.output.stats;
            stats.not_kept += last.0 - first.0 + 1;
            stats.store_is_broken |= *why == NotKept::Broken;
        }
        chat.settle(clock, settled, &mut sink, archive);
        self.has_settled = true;
    }

    /// Does everything there is to do now, and writes what came of it.
    pub fn turn(&mut self, now: Timestamp) {
        let before = self.progress();
        self.expire(now);
        let (mut turn, input) = self.lend(now);
        input.run(&mut turn);
        let clock = turn.clock();
        let (chat, mut sink, archive) = turn.chat_and_ways();
        let is_due = chat.next_deadline() <= now;
        chat.expire(clock, &mut sink, archive);
        self.finish_turn(now);
        // Last: what was written in this turn may have arrived already.
        self.output.look_at_receipts(&self.table);
        // An answer need not be written yet.
        let gives_answers = std::mem::take(&mut self.has_settled) || is_due;
        let may_end_more = gives_answers || self.progress() != before;
        if self.output.is_shutting_down() && may_end_more {
            self.close_idle_senders(now);
        }
    }

    /// Whether there is work that waits for nothing but the next turn.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        !self.table.run_queue().is_empty()
            || self.output.has_fan_out()
            || self.output.receipts().is_looking()
    }

    /// When there will be something to do without an event.
    #[must_use]
    pub fn next_deadline(&self) -> Timestamp {
        let look_due_at = self.output.receipts().look_due_at();
        let due_at = self.table.earliest_due().min(look_due_at);
        let log_due_at = self.output.wrong_secrets.due_at();
        due_at.min(log_due_at).min(self.chat.next_deadline())
    }

    /// How many connections there are, those that are ending included.
    #[must_use]
    pub fn connection_count(&self) -> usize {
        self.table.len()
    }

    /// Bytes that wait to be written, for all connections together.
    #[must_use]
    pub fn queued_bytes(&self) -> usize {
        self.output.queued_bytes()
    }

    /// Those, and the receipts of messages that may not have arrived: what counts for the limit.
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
    /// output was written. The sender of a private message that has not arrived yet stays, to learn
    /// whether it will.
    pub fn shut_down(&mut self, now: Timestamp) {
        let (mut turn, _) = self.lend(now);
        let (chat, mut sink) = turn.chat_and_sink();
        chat.announce_shutdown(&mut sink);
        self.output.wrong_secrets.log();
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
        self.output.look_at_all_receipts(&self.table);
        let mut count = 0;
        for slot in 0..self.table.slot_count() {
            let connection = self.table.at(slot);
            let has_output = connection.is_some_and(|one| !one.output().queue().is_empty());
            let receipts = self.output.receipts();
            if has_output || receipts.footprint_bytes_of(self.table.id_of(slot)) > 0 {
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

    /// Closes every connection that waits for nothing: each private message of its client has arrived, and
    /// each line is answered.
    fn close_idle_senders(&mut self, now: Timestamp) {
        let senders = self.senders_of_undelivered();
        for slot in 0..self.table.slot_count() {
            let id = self.table.id_of(slot);
            let user = self.chat.user_of(id);
            if self.chat.awaits_answers(id) {
                continue;
            }
            if user.is_none_or(|user| senders.binary_search(&user).is_err()) {
                self.output
                    .schedule_close(&mut self.table, slot, CloseReason::Shutdown);
            }
        }
        self.finish_turn(now);
    }

    /// The users with a private message that has not arrived yet, in order. A message to oneself does
    /// not count: its sender could not be told.
    fn senders_of_undelivered(&mut self) -> Vec<UserId> {
        self.output.look_at_all_receipts(&self.table);
        let mut senders = Vec::new();
        for (to, from) in self.output.receipts().iter() {
            // Most senders wrote several in a row, and there may be millions of messages.
            if senders.last() != Some(&from) && self.chat.user_of(to) != Some(from) {
                senders.push(from);
            }
        }
        senders.sort_unstable();
        senders.dedup();
        senders
    }

    /// Checks what must always hold between turns; for tests and simulations.
    ///
    /// # Panics
    /// If it does not hold.
    pub fn check_invariants(&self) {
        self.chat.check_invariants();
        self.output.check_invariants(&self.table);
        Input::check_invariants(&self.table, &self.output, &self.chat);
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
            archive: self.archive.as_mut(),
        };
        (turn, &mut self.input)
    }

    /// Connections that were turned away and are not closed yet.
    fn turned_away(&self) -> usize {
        self.table.len() - self.admission.clients()
    }

    /// Changes whenever something was written or has arrived, or a connection is gone.
    fn progress(&self) -> (u64, usize, usize) {
        let receipts = self.output.receipts().count();
        (self.output.stats.bytes_out, self.table.len(), receipts)
    }

    /// Handles each connection whose deadline has passed.
    fn expire(&mut self, now: Timestamp) {
        self.table.end_probes(now);
        self.output.wrong_secrets.expire(now);
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
                turn.greet(id, None);
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
            self.lend(now).0.fulfil_typing_wishes(None);
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
        let id = self.table.id_of(slot);
        let Some(mut connection) = self.output.remove(&mut self.table, slot) else {
            return;
        };
        let unacknowledged_bytes = connection.unacknowledged_bytes();
        let unwritten_bytes = connection.output().queue().unwritten_bytes();
        let receipts = self.output.receipts_mut();
        let acknowledged = connection.output().written().before(unacknowledged_bytes);
        let undelivered = receipts.take(id, acknowledged);
        if !undelivered.is_empty() {
            connection.abort();
        }
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
        let lost_bytes = unwritten_bytes + unacknowledged_bytes;
        log_end(&disconnect, &stayed, lost_bytes);
        if let Some(name) = &disconnect.name {
            let (mut turn, _) = self.lend(now);
            let (chat, mut sink) = turn.chat_and_sink();
            for (from, count) in undelivered {
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
