//! The way out: what is written to the connections, and what becomes of it.
//!
//! Events are encoded straight into the recipients' queues ([`outbox`]). A client that got something is
//! put on a list once, and written to at the end of the turn ([`flush`]): one write per socket. A queue
//! that reaches a limit is written earlier, as its reader may be quick. What was for one client is all
//! written then; what went to many may take several turns ([`fan_out`]).

pub mod fan_out;
mod flush;
pub mod outbox;

use ahash::RandomState;

use crate::chat::close_reason::CloseReason;
use crate::chat::ids::ClientId;
use crate::chat::stats::ServerStats;
use crate::chat::time::Timestamp;
use crate::config::Limits;
use crate::wire::wall_time::WallTime;

use super::connection::{Connection, Phase, is_abrupt};
use super::connection_table::ConnectionTable;
use super::pool::Pool;
use super::receipts::Receipts;
use super::send_queue::Queue;
use super::transport::Transport;
use super::write_half::WriteHalf;
use super::wrong_secrets::WrongSecrets;

use fan_out::FanOut;
use outbox::Encodings;

/// The queues of all connections together: their limits and totals, and which are to be written when.
#[derive(Debug)]
pub struct Output {
    limits: OutputLimits,
    pool: Pool<Box<Queue>>,
    totals: Totals,
    /// Of private messages whose bytes are not known to have arrived.
    receipts: Receipts,
    /// Slots to be written to at the end of the turn.
    flush_queue: Vec<u32>,
    /// Clients to be written to a slice at a time.
    fan_out: FanOut,
    /// Clients whose typing is not to show from now on, or is again: their codecs know how to say so.
    typing_wishes: Vec<(ClientId, bool)>,
    /// The core wants the files read anew.
    wants_reload: bool,
    /// The server exits: a line to many would only tell of clients that are gone already.
    shutting_down: bool,
    now: Timestamp,
    wall_time: WallTime,
    /// Buffers for the styles of a room's line; `None` while a line is being announced.
    encodings: Option<Box<Encodings>>,
    /// The server's counters, for `/stats`.
    pub(super) stats: ServerStats,
    /// For the log.
    pub(super) wrong_secrets: WrongSecrets,
}

/// The limits of unread output.
#[derive(Clone, Copy, Debug)]
struct OutputLimits {
    /// Past it, a client's room lines are skipped.
    soft_bytes: usize,
    /// Past it, a client is closed.
    hard_bytes: usize,
    /// Past it, for all clients together, the largest queue is closed.
    total_bytes: usize,
    /// Past it, in rooms of which lines were skipped, a client's own lines wait.
    skipped_rooms: usize,
}

/// Bytes that wait in all queues together.
#[derive(Clone, Copy, Debug, Default)]
struct Totals {
    bytes: usize,
    /// Of the clients in the fan-out.
    fan_out_bytes: usize,
}

impl Totals {
    /// Accounts for bytes that were appended to a queue.
    fn add(&mut self, output: &WriteHalf, bytes: usize) {
        self.bytes += bytes;
        if output.is_in_fan_out() {
            self.fan_out_bytes += bytes;
        }
    }

    /// Accounts for bytes that were written or discarded.
    fn remove(&mut self, output: &WriteHalf, bytes: usize) {
        self.bytes -= bytes;
        if output.is_in_fan_out() {
            self.fan_out_bytes -= bytes;
        }
    }
}

impl Output {
    /// Whether the core has wanted the files read anew since this was asked last.
    pub fn take_reload(&mut self) -> bool {
        std::mem::take(&mut self.wants_reload)
    }

    /// Nothing to write yet.
    pub fn new(limits: &Limits, hasher: RandomState) -> Self {
        Self {
            limits: OutputLimits {
                soft_bytes: limits.output_soft_bytes_max,
                hard_bytes: limits.output_hard_bytes_max,
                total_bytes: limits.output_total_bytes_max,
                skipped_rooms: limits.rooms_per_client_max,
            },
            pool: Pool::default(),
            totals: Totals::default(),
            receipts: Receipts::new(hasher.clone()),
            flush_queue: Vec::new(),
            fan_out: FanOut::default(),
            typing_wishes: Vec::new(),
            wants_reload: false,
            shutting_down: false,
            now: Timestamp::default(),
            wall_time: WallTime::default(),
            encodings: None,
            stats: ServerStats::default(),
            wrong_secrets: WrongSecrets::new(hasher),
        }
    }

    /// A turn begins at `now`, which is `wall_time` by the calendar.
    pub fn begin_turn(&mut self, now: Timestamp, wall_time: WallTime) {
        self.now = now;
        self.wall_time = wall_time;
        self.fan_out.begin_turn();
        self.stats.uptime = now.since(Timestamp::default());
    }

    /// The calendar's time of this turn.
    pub fn wall_time(&self) -> WallTime {
        self.wall_time
    }

    /// Whether the server exits: input is no longer processed.
    pub fn is_shutting_down(&self) -> bool {
        self.shutting_down
    }

    /// Bytes that wait to be written, for all clients together.
    pub fn queued_bytes(&self) -> usize {
        self.totals.bytes
    }

    /// Those, and the memory of receipts.
    pub fn waiting_bytes(&self) -> usize {
        self.totals.bytes + self.receipts.footprint_bytes()
    }

    /// The receipts of private messages.
    pub fn receipts(&self) -> &Receipts {
        &self.receipts
    }

    /// The receipts of private messages.
    pub fn receipts_mut(&mut self) -> &mut Receipts {
        &mut self.receipts
    }

    /// Whether clients are to be told whether their typing shows.
    pub fn has_typing_wishes(&self) -> bool {
        !self.typing_wishes.is_empty()
    }

    /// Takes out the clients that are to be told, each with whether their typing is not to show.
    pub fn take_typing_wishes(&mut self) -> Vec<(ClientId, bool)> {
        std::mem::take(&mut self.typing_wishes)
    }

    /// Drops the receipts of what has arrived, a turn's share of them, if it is time.
    pub fn look_at_receipts<S: Transport>(&mut self, table: &ConnectionTable<S>) {
        let acknowledged = |id| table.get(id).map(Connection::acknowledged);
        self.receipts.look(self.now, acknowledged);
    }

    /// Drops the receipts of everything that has arrived.
    pub fn look_at_all_receipts<S: Transport>(&mut self, table: &ConnectionTable<S>) {
        let acknowledged = |id| table.get(id).map(Connection::acknowledged);
        self.receipts.look_at_all(self.now, acknowledged);
    }

    /// Whether a client's own lines must wait until its output was read: too much of that waits, or it
    /// missed lines in more rooms than it can be in. It could go from room to room and have a line
    /// skipped in each, and all of these are remembered.
    pub fn is_full<S>(&self, connection: &Connection<S>) -> bool {
        let output = connection.output();
        // The other half of the hard limit is left to what others write to it.
        output.queue().len() >= self.limits.hard_bytes / 2
            || output.skipped_rooms() > self.limits.skipped_rooms
    }

    /// Decides that a client ends: it leaves the chat when it is served next, or at the end of the turn.
    /// One that has left already is closed, if the reason is abrupt.
    pub fn schedule_close<S>(
        &mut self,
        table: &mut ConnectionTable<S>,
        slot: u32,
        reason: CloseReason,
    ) {
        let id = table.id_of(slot);
        let Some(connection) = table.at_mut(slot) else {
            return;
        };
        if is_abrupt(reason) {
            let output = connection.output_mut();
            let bytes = output.discard();
            self.totals.remove(output, bytes);
            self.receipts.release(id);
        }
        match connection.phase() {
            Phase::Open if connection.set_close_reason(reason) => table.push_closing(id),
            Phase::Draining if is_abrupt(reason) => table.close(slot),
            Phase::Open | Phase::Draining | Phase::Closed => {}
        }
    }

    /// Removes a closed connection from the table and from the totals.
    pub fn remove<S>(
        &mut self,
        table: &mut ConnectionTable<S>,
        slot: u32,
    ) -> Option<Connection<S>> {
        let connection = table.remove(slot)?;
        let output = connection.output();
        self.totals.remove(output, output.queue().len());
        Some(connection)
    }

    /// Puts a client in the flush queue, unless it is there.
    pub fn mark_flush<S>(&mut self, connection: &mut Connection<S>, slot: u32) {
        if connection.output_mut().enter_flush_queue() {
            self.flush_queue.push(slot);
        }
    }

    /// Panics if the connections disagree with the lists and totals.
    pub fn check_invariants<S>(&self, table: &ConnectionTable<S>) {
        assert!(self.flush_queue.is_empty() && self.typing_wishes.is_empty());
        assert!(self.fan_out.is_empty() || self.fan_out.is_slice_used_up());
        let fan_out = self.fan_out.sorted();
        assert!(fan_out.is_sorted_by(|a, b| a < b), "each is there once");
        let (mut bytes, mut fan_out_bytes) = (0, 0);
        for (slot, connection) in table.iter() {
            let output = connection.output();
            bytes += output.queue().len();
            if output.is_in_fan_out() {
                fan_out_bytes += output.queue().len();
            }
            assert_eq!(output.is_stalling(), output.is_blocked());
            assert!(!output.is_flush_queued());
            let is_listed = fan_out.binary_search(&table.id_of(slot)).is_ok();
            assert_eq!(output.is_in_fan_out(), is_listed);
            assert!(output.queue().is_empty() || output.is_blocked() || is_listed);
        }
        assert_eq!(bytes, self.totals.bytes);
        assert_eq!(fan_out_bytes, self.totals.fan_out_bytes);
        assert!(self.waiting_bytes() <= self.limits.total_bytes);
        self.receipts.check_invariants();
    }
}
