//! The way out: what is written to the connections, and what becomes of it.
//!
//! Events are encoded straight into the recipients' buffers (`outbox`), and whoever got something
//! is put on a list once. Writing (`flush`) happens at the end of the turn, one write per socket;
//! earlier only for a queue that reaches a limit although its reader may be quick. What was for one
//! alone is all written then; what went to many may take several turns (`backlog`).

mod backlog;
mod flush;
mod outbox;

use std::mem;

use crate::chat::Chat;
use crate::chat::close_reason::CloseReason;
use crate::chat::event::{Event, Notice};
use crate::chat::ids::{ClientId, UserId};
use crate::chat::outbox::Outbox;
use crate::chat::stats::ServerStats;
use crate::chat::time::Timestamp;
use crate::config::Limits;

use super::connection::{Connection, Life, Transport, is_abrupt, next_deadline};
use super::connections::Connections;
use super::deadlines::Deadlines;
use super::outbound::Outbound;
use super::pool::Pool;

use backlog::Backlog;
use outbox::Encodings;

/// Room for so many connections at most is asked for in advance. It takes up memory only as they
/// come, and nothing is ever moved: to grow by doubling leaves holes, and stops the loop.
pub(super) const PLACES_MAX: usize = 1 << 16;

/// The connections, and everything that is written to them.
#[derive(Debug)]
pub struct Egress<S> {
    pub(super) connections: Connections<S>,
    pub(super) limits: Limits,
    pub(super) pool: Pool,
    pub(super) deadlines: Deadlines,
    pub(super) stats: ServerStats,
    /// Slots to be written to at the end of the turn.
    prompt: Vec<u32>,
    /// Clients to be written to a slice at a time.
    backlog: Backlog,
    /// Clients to be served in the next turn.
    pub(super) ready: Vec<ClientId>,
    /// Clients that are to end, and that the chat still knows.
    pub(super) doomed: Vec<ClientId>,
    /// Slots to be taken away at the end of the turn.
    pub(super) closed: Vec<u32>,
    /// The server exits: what goes to many would only be about who is gone already.
    pub(super) closing: bool,
    /// Bytes that wait, for all clients together.
    waiting: Waiting,
    /// Room is being made, because those were too many.
    is_relieving: bool,
    now: Timestamp,
    unix_ms: u64,
    /// `None` while a line is being announced.
    encodings: Option<Box<Encodings>>,
}

impl<S: Transport> Egress<S> {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            connections: Connections::with_room_for(limits.clients_max.min(PLACES_MAX)),
            limits,
            pool: Pool::default(),
            deadlines: Deadlines::default(),
            stats: ServerStats::default(),
            prompt: Vec::new(),
            backlog: Backlog::default(),
            ready: Vec::new(),
            doomed: Vec::new(),
            closed: Vec::new(),
            closing: false,
            waiting: Waiting::default(),
            is_relieving: false,
            now: Timestamp::default(),
            unix_ms: 0,
            encodings: None,
        }
    }

    pub(super) fn begin_turn(&mut self, now: Timestamp, unix_ms: u64) {
        self.now = now;
        self.unix_ms = unix_ms;
        self.backlog.begin_turn();
        self.stats.uptime = now.since(Timestamp::default());
    }

    /// Takes a closed connection away; its slot may be handed out again.
    pub(super) fn remove(&mut self, slot: u32) -> Option<Connection<S>> {
        let mut connection = self.connections.remove(slot)?;
        debug_assert_eq!(connection.life, Life::Closed);
        self.deadlines.disarm(slot, &mut connection.armed);
        let footprint = connection.outbound.footprint_bytes();
        self.waiting.bytes -= footprint;
        if connection.in_backlog {
            self.waiting.put_off_bytes -= footprint;
        }
        connection.drop_input(&mut self.pool);
        Some(connection)
    }

    /// Puts a client on the list of those to be served next turn.
    pub(super) fn enqueue(&mut self, id: ClientId) {
        if let Some(connection) = self.connections.get_mut(id)
            && !mem::replace(&mut connection.queued, true)
        {
            self.ready.push(id);
        }
    }

    /// Makes sure that a connection's next deadline will be noticed.
    pub(super) fn rearm(&mut self, slot: u32) {
        let Some(connection) = self.connections.at_mut(slot) else {
            return;
        };
        let when = next_deadline(connection, &self.limits);
        self.deadlines.arm(slot, &mut connection.armed, when);
    }

    /// Decides that a client is to end. The first reason counts, unless a later one means that not
    /// even its last lines can be written.
    pub(super) fn doom(&mut self, slot: u32, reason: CloseReason) {
        let id = self.connections.id_of(slot);
        let Some(connection) = self.connections.at_mut(slot) else {
            return;
        };
        if connection.ending.is_none() {
            connection.ending = Some(reason);
            self.doomed.push(id);
        }
        if !is_abrupt(reason) {
            return;
        }
        match connection.life {
            Life::Open if !connection.has_ended() => connection.ending = Some(reason),
            Life::Draining => {
                connection.life = Life::Closed;
                self.closed.push(slot);
            }
            Life::Open | Life::Closed => {}
        }
        let total = &mut self.waiting;
        change_queue(connection, total, |connection| {
            connection.outbound.abandon();
        });
    }

    /// Queues bytes that are no event.
    pub(super) fn send_raw(&mut self, id: ClientId, bytes: &[u8]) {
        // As with an answer: refused only if the client is about to end.
        let _ = self.queue(id, None, |buffer, _, _| {
            buffer.extend_from_slice(bytes);
            0
        });
    }

    /// Tells a client whom the chat does not know.
    pub(super) fn send_notice(&mut self, id: ClientId, notice: Notice<'_>) {
        self.send(id, &Event::Notice(notice));
    }

    /// The users of whose private messages some are not written yet, in order. What somebody wrote
    /// to themselves is left out: nobody could be told.
    pub(super) fn senders_of_unwritten(&self, chat: &Chat) -> Vec<UserId> {
        let mut senders = Vec::new();
        for (slot, connection) in self.connections.iter() {
            let own = chat.user_of(self.connections.id_of(slot));
            let unwritten = connection.outbound.senders_of_unwritten();
            for sender in unwritten.filter(|sender| Some(*sender) != own) {
                // Most who write wrote several in a row, and there may be millions of them.
                if senders.last() != Some(&sender) {
                    senders.push(sender);
                }
            }
        }
        senders.sort_unstable();
        senders.dedup();
        senders
    }

    /// Changes whenever something was written or somebody is gone.
    pub(super) fn progress(&self) -> (u64, usize) {
        (self.stats.bytes_out, self.connections.len())
    }

    pub(super) fn waiting_bytes(&self) -> usize {
        self.waiting.bytes
    }

    /// Panics if the connections disagree with what is counted, or with the chat.
    pub(super) fn check_invariants(&self, chat: &Chat) {
        assert!(self.prompt.is_empty() && self.doomed.is_empty() && self.closed.is_empty());
        assert!(self.backlog.is_empty() || self.backlog.slice_is_used_up());
        let backlog = self.backlog.sorted();
        assert!(backlog.is_sorted_by(|a, b| a < b), "each is there once");
        let mut ready = self.ready.clone();
        ready.sort_unstable();
        let queues = self.connections.iter().map(|(_, c)| &c.outbound);
        let waiting: usize = queues.map(Outbound::footprint_bytes).sum();
        assert_eq!(waiting, self.waiting.bytes);
        let put_off = self.connections.iter().filter(|(_, c)| c.in_backlog);
        let put_off: usize = put_off.map(|(_, c)| c.outbound.footprint_bytes()).sum();
        assert_eq!(put_off, self.waiting.put_off_bytes);
        assert!(waiting <= self.limits.output_total_bytes_max && !self.is_relieving);
        let mut open = 0;
        for (slot, connection) in self.connections.iter() {
            let id = self.connections.id_of(slot);
            open += usize::from(connection.life == Life::Open);
            assert_ne!(connection.life, Life::Closed);
            assert_eq!(chat.peer_of(id).is_some(), connection.life == Life::Open);
            assert_eq!(connection.queued, ready.binary_search(&id).is_ok());
            assert_eq!(connection.stall.is_some(), connection.write_blocked);
            // Whoever waits for its output to be read has too much of it, and is woken by a write.
            let may_wait = connection.write_blocked && connection.is_backed_up(&self.limits);
            assert!(may_wait || !connection.waits_for_output);
            assert!(!connection.prompt);
            assert_eq!(connection.in_backlog, backlog.binary_search(&id).is_ok());
            let is_seen_to = connection.write_blocked || connection.in_backlog;
            assert!(connection.outbound.is_empty() || is_seen_to);
            let inbox = connection.inbox.as_ref();
            assert!(inbox.is_none_or(|inbox| inbox.used < inbox.bytes.len()));
        }
        assert_eq!(chat.counts().clients, open);
    }
}

/// What waits, for all clients together.
#[derive(Clone, Copy, Debug, Default)]
struct Waiting {
    /// Altogether.
    bytes: usize,
    /// For those in the backlog.
    put_off_bytes: usize,
}

/// Changes a client's queue, and accounts for what that does to all queues together.
fn change_queue<S, R>(
    connection: &mut Connection<S>,
    waiting: &mut Waiting,
    change: impl FnOnce(&mut Connection<S>) -> R,
) -> R {
    let before = connection.outbound.footprint_bytes();
    let result = change(connection);
    let after = connection.outbound.footprint_bytes();
    waiting.bytes = waiting.bytes + after - before;
    if connection.in_backlog {
        waiting.put_off_bytes = waiting.put_off_bytes + after - before;
    }
    result
}
