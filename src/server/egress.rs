//! The way out: the core's [`Outbox`] over the connections.
//!
//! Events are encoded straight into the recipients' buffers, and whoever got something is put on
//! the dirty list once. Writing happens at the end of the turn, one write per socket; earlier only
//! for a queue that reaches a limit although its reader may be quick.

use std::mem;

use slab::Slab;

use crate::chat::Chat;
use crate::chat::message::{ClientId, CloseReason, Delivery, Event, Mode, Notice, ServerStats};
use crate::chat::name::{Name, RoomName};
use crate::chat::outbox::{Addressee, Outbox};
use crate::chat::tick::Tick;
use crate::config::Limits;
use crate::wire::{self, Style};

use super::connection::{Connection, Life, Transport};
use super::deadlines::Deadlines;
use super::outbound::{Flush, Outbound};
use super::pool::Pool;

/// The connections, and everything that is written to them.
#[derive(Debug)]
pub struct Egress<S> {
    pub(super) connections: Slab<Connection<S>>,
    /// How often each slot was handed out before.
    generations: Vec<u32>,
    pub(super) limits: Limits,
    pub(super) pool: Pool,
    pub(super) deadlines: Deadlines,
    pub(super) stats: ServerStats,
    /// Slots with something to write.
    dirty: Vec<u32>,
    /// Clients to be served in the next turn.
    pub(super) ready: Vec<ClientId>,
    /// Clients that are to end, and that the chat still knows.
    pub(super) doomed: Vec<ClientId>,
    /// Slots to be taken away at the end of the turn.
    pub(super) closed: Vec<u32>,
    /// Bytes that wait, for all clients together.
    waiting_bytes: usize,
    now: Tick,
    unix_ms: u64,
    /// `None` while a line is being announced.
    encodings: Option<Box<Encodings>>,
}

/// How appending to a queue went.
#[derive(Clone, Copy, Debug)]
enum Appended {
    Queued,
    /// It is too full, and its reader does not read.
    Full,
    /// It is too full, and nobody has tried to write it.
    NotWrittenYet,
    /// Its client has ended.
    Refused,
}

/// A room's line, in each style that somebody wants it in.
#[derive(Debug, Default)]
struct Encodings {
    lines: [(Vec<u8>, u64); Style::COUNT],
}

impl Encodings {
    fn clear(&mut self) {
        for (bytes, _) in &mut self.lines {
            bytes.clear();
        }
    }

    /// The line's bytes in `style` and how many lines those are; encoded when first asked for.
    fn get(&mut self, style: Style, event: &Event<'_>, unix_ms: u64) -> (&[u8], u64) {
        let Some((bytes, lines)) = self.lines.get_mut(style.index()) else {
            return (&[], 0);
        };
        if bytes.is_empty() {
            *lines = wire::encode(bytes, event, style, unix_ms);
        }
        (bytes, *lines)
    }
}

impl<S: Transport> Egress<S> {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            connections: Slab::new(),
            generations: Vec::new(),
            limits,
            pool: Pool::default(),
            deadlines: Deadlines::default(),
            stats: ServerStats::default(),
            dirty: Vec::new(),
            ready: Vec::new(),
            doomed: Vec::new(),
            closed: Vec::new(),
            waiting_bytes: 0,
            now: Tick::default(),
            unix_ms: 0,
            encodings: None,
        }
    }

    pub(super) fn begin_turn(&mut self, now: Tick, unix_ms: u64) {
        self.now = now;
        self.unix_ms = unix_ms;
        self.stats.uptime = now.since(Tick::default());
    }

    /// The id that the next connection will have.
    pub(super) fn vacant_id(&mut self) -> ClientId {
        let slot = self.connections.vacant_key();
        if self.generations.len() <= slot {
            self.generations.resize(slot + 1, 0);
        }
        let generation = self.generations.get(slot).copied().unwrap_or_default();
        ClientId {
            slot: u32::try_from(slot).unwrap_or(u32::MAX),
            generation,
        }
    }

    /// The connection of `id`, unless it is gone and `id` is a leftover.
    pub(super) fn get(&self, id: ClientId) -> Option<&Connection<S>> {
        if self.generations.get(id.index()) != Some(&id.generation) {
            return None;
        }
        self.connections.get(id.index())
    }

    /// Like [`Egress::get`].
    pub(super) fn get_mut(&mut self, id: ClientId) -> Option<&mut Connection<S>> {
        if self.generations.get(id.index()) != Some(&id.generation) {
            return None;
        }
        self.connections.get_mut(id.index())
    }

    pub(super) fn id_of(&self, slot: u32) -> ClientId {
        let generation = self
            .generations
            .get(slot as usize)
            .copied()
            .unwrap_or_default();
        ClientId { slot, generation }
    }

    /// Takes a closed connection away; its slot may be handed out again.
    pub(super) fn remove(&mut self, slot: u32) -> Option<Connection<S>> {
        let mut connection = self.connections.try_remove(slot as usize)?;
        debug_assert_eq!(connection.life, Life::Closed);
        self.deadlines.disarm(slot, &mut connection.armed);
        self.waiting_bytes -= connection.outbound.footprint_bytes();
        connection.drop_input(&mut self.pool);
        if let Some(generation) = self.generations.get_mut(slot as usize) {
            *generation = generation.wrapping_add(1);
        }
        Some(connection)
    }

    /// Puts a client on the list of those to be served next turn.
    pub(super) fn enqueue(&mut self, id: ClientId) {
        if let Some(connection) = self.get_mut(id)
            && !mem::replace(&mut connection.queued, true)
        {
            self.ready.push(id);
        }
    }

    /// Makes sure that a connection's next deadline will be noticed.
    pub(super) fn rearm(&mut self, slot: u32) {
        let Some(connection) = self.connections.get_mut(slot as usize) else {
            return;
        };
        let when = next_deadline(connection, &self.limits);
        self.deadlines.arm(slot, &mut connection.armed, when);
    }

    /// Decides that a client is to end. The first reason counts, unless a later one means that not
    /// even its last lines can be written.
    pub(super) fn doom(&mut self, slot: u32, reason: CloseReason) {
        let id = self.id_of(slot);
        let Some(connection) = self.connections.get_mut(slot as usize) else {
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
        self.change_queue(slot, |connection, _| connection.outbound.abandon());
    }

    /// Changes a client's queue, and accounts for what that does to all queues together.
    fn change_queue<R>(
        &mut self,
        slot: u32,
        change: impl FnOnce(&mut Connection<S>, &mut Pool) -> R,
    ) -> Option<R> {
        let connection = self.connections.get_mut(slot as usize)?;
        let before = connection.outbound.footprint_bytes();
        let result = change(connection, &mut self.pool);
        self.waiting_bytes += connection.outbound.footprint_bytes();
        self.waiting_bytes -= before;
        Some(result)
    }

    /// Whether so much waits for a client that its own lines are to wait too.
    pub(super) fn is_backed_up(&mut self, id: ClientId) -> bool {
        // Half of the hard limit is left to what others write to it.
        let bytes_max = self.limits.output_hard_bytes_max / 2;
        let Some(connection) = self.get(id) else {
            return false;
        };
        if connection.outbound.len() < bytes_max {
            return false;
        }
        if !connection.write_blocked {
            self.flush(id.slot);
        }
        self.get(id)
            .is_some_and(|connection| connection.outbound.len() >= bytes_max)
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

    /// Writes to everyone who got something.
    pub(super) fn flush_dirty(&mut self) {
        // Whoever is not served yet stays on the list: what is written can make others dirty, and
        // a lack of room can ask for all that can be written.
        while let Some(slot) = self.dirty.pop() {
            if let Some(connection) = self.connections.get_mut(slot as usize) {
                connection.dirty = false;
            }
            self.flush(slot);
        }
    }

    /// Sees to it that a client is looked at when output is written.
    pub(super) fn mark_dirty(&mut self, slot: u32) {
        if let Some(connection) = self.connections.get_mut(slot as usize)
            && !mem::replace(&mut connection.dirty, true)
        {
            self.dirty.push(slot);
        }
    }

    pub(super) fn has_dirty(&self) -> bool {
        !self.dirty.is_empty()
    }

    pub(super) fn waiting_bytes(&self) -> usize {
        self.waiting_bytes
    }

    /// Slots are below this.
    pub(super) fn slot_count(&self) -> u32 {
        u32::try_from(self.generations.len()).unwrap_or(u32::MAX)
    }

    /// Panics if the connections disagree with what is counted, or with the chat.
    pub(super) fn check_invariants(&self, chat: &Chat) {
        assert!(self.dirty.is_empty() && self.doomed.is_empty() && self.closed.is_empty());
        let queues = self.connections.iter().map(|(_, c)| &c.outbound);
        let waiting: usize = queues.map(Outbound::footprint_bytes).sum();
        assert_eq!(waiting, self.waiting_bytes);
        assert!(waiting <= self.limits.output_total_bytes_max);
        let mut open = 0;
        for (slot, connection) in &self.connections {
            let id = self.id_of(u32::try_from(slot).unwrap_or(u32::MAX));
            open += usize::from(connection.life == Life::Open);
            assert_ne!(connection.life, Life::Closed);
            assert_eq!(chat.peer_of(id).is_some(), connection.life == Life::Open);
            assert_eq!(connection.queued, self.ready.contains(&id));
            assert!(connection.missed.is_none() || connection.write_blocked);
            assert!(connection.outbound.is_empty() || connection.write_blocked);
            let inbox = connection.inbox.as_ref();
            assert!(inbox.is_none_or(|inbox| inbox.used < inbox.bytes.len()));
        }
        assert_eq!(chat.census().clients, open);
    }

    /// Writes what waits for one client, unless the kernel refuses it for now.
    fn flush(&mut self, slot: u32) {
        let Some(connection) = self.connections.get_mut(slot as usize) else {
            return;
        };
        if connection.write_blocked || connection.has_ended() {
            return;
        }
        let now = self.now;
        let flushed = self.change_queue(slot, |connection, pool| connection.flush(pool, now));
        let Some((taken, flush)) = flushed else {
            return;
        };
        self.stats.bytes_out += taken as u64;
        match flush {
            Flush::Done => self.flushed(slot),
            Flush::Blocked => {
                self.wake_if_read(slot);
                self.rearm(slot);
            }
            Flush::Failed(_) => self.doom(slot, CloseReason::Broken),
        }
    }

    /// A queue ran empty.
    fn flushed(&mut self, slot: u32) {
        self.wake_if_read(slot);
        let id = self.id_of(slot);
        let Some(connection) = self.connections.get_mut(slot as usize) else {
            return;
        };
        if let Some(missed) = connection.missed.take() {
            for (room, count) in missed.iter() {
                let count = *count;
                self.send(id, &Event::Missed { room, count });
            }
        } else {
            self.advance_draining(slot);
        }
    }

    /// Serves a client again that had to wait until its output was read.
    fn wake_if_read(&mut self, slot: u32) {
        let bytes_max = self.limits.output_hard_bytes_max / 2;
        let Some(connection) = self.connections.get_mut(slot as usize) else {
            return;
        };
        if connection.waits_for_output && connection.outbound.len() < bytes_max {
            connection.waits_for_output = false;
            self.enqueue(self.id_of(slot));
        }
    }

    /// A draining connection whose output was written tells its other end, and waits a little for
    /// the end of what that sends.
    pub(super) fn advance_draining(&mut self, slot: u32) {
        let Some(connection) = self.connections.get_mut(slot as usize) else {
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
        } else if connection.linger_until == Tick::NEVER {
            connection.linger_until = self.now.after(super::LINGER_TIME);
            self.rearm(slot);
            self.enqueue(self.id_of(slot));
        }
    }

    /// Appends to a client's queue what `encode` writes, which returns how many lines it wrote.
    fn queue(
        &mut self,
        id: ClientId,
        private_from: Option<ClientId>,
        encode: impl Fn(&mut Vec<u8>, Style, u64) -> u64,
    ) -> Delivery {
        let bytes_max = self.limits.output_hard_bytes_max;
        if self.generations.get(id.index()) != Some(&id.generation) {
            return Delivery::Refused;
        }
        let (unix_ms, mut lines) = (self.unix_ms, 0);
        let appended = self.change_queue(id.slot, |connection, pool| {
            if connection.has_ended() {
                return Appended::Refused;
            }
            let style = connection.style(false);
            let appended = connection.outbound.append(pool, bytes_max, |buffer| {
                lines = encode(buffer, style, unix_ms);
            });
            match (appended, private_from) {
                (false, _) if connection.write_blocked => Appended::Full,
                (false, _) => Appended::NotWrittenYet,
                (true, None) => Appended::Queued,
                (true, Some(from)) => {
                    connection.outbound.note_private(from);
                    Appended::Queued
                }
            }
        });
        match appended {
            None | Some(Appended::Refused) => return Delivery::Refused,
            Some(Appended::Full) => {
                self.doom(id.slot, CloseReason::UnreadOutput);
                return Delivery::Refused;
            }
            Some(Appended::NotWrittenYet) => {
                // It may be quick, and only had no turn yet. After this it has room, or is blocked.
                self.flush(id.slot);
                return self.queue(id, private_from, encode);
            }
            Some(Appended::Queued) => {}
        }
        self.stats.lines_out += lines;
        self.note_queued(id.slot);
        if self
            .get(id)
            .is_some_and(|connection| !connection.has_ended())
        {
            return Delivery::Queued;
        }
        // It was the largest queue of all when all were too large. Its sender is told right now.
        if private_from.is_some()
            && let Some(connection) = self.get_mut(id)
        {
            connection.outbound.forget_last_private();
        }
        Delivery::Refused
    }

    /// Sees to it that what was appended will be written, and that all queues together keep to
    /// their limit.
    fn note_queued(&mut self, slot: u32) {
        self.mark_dirty(slot);
        if self.waiting_bytes > self.limits.output_total_bytes_max {
            self.relieve();
        }
    }

    /// All queues together are too large: writes what can be written, then closes the largest.
    fn relieve(&mut self) {
        self.flush_dirty();
        while self.waiting_bytes > self.limits.output_total_bytes_max {
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
            self.doom(
                u32::try_from(slot).unwrap_or(u32::MAX),
                CloseReason::TotalOutput,
            );
        }
    }

    /// Copies a room's line to one member, unless that reads too slowly.
    fn copy_line(&mut self, room: &RoomName, id: ClientId, bytes: &[u8], lines: u64) {
        let soft_max = self.limits.output_soft_bytes_max;
        let fits = |missed: bool, waiting: usize| {
            !missed && (waiting == 0 || waiting + bytes.len() <= soft_max)
        };
        let Some(connection) = self.get_mut(id) else {
            return;
        };
        if !connection.is_open() {
            return;
        }
        let (missed, waiting) = (connection.missed.is_some(), connection.outbound.len());
        if !fits(missed, waiting) && !connection.write_blocked {
            self.flush(id.slot);
        }
        let hard_max = self.limits.output_hard_bytes_max;
        let copied = self.change_queue(id.slot, |connection, pool| {
            let outbound = &mut connection.outbound;
            if connection.ending.is_some() {
                return None; // that write has just failed
            }
            let fits = fits(connection.missed.is_some(), outbound.len());
            if fits {
                outbound.append(pool, hard_max, |buffer| buffer.extend_from_slice(bytes));
            } else {
                connection.miss(room, lines);
            }
            Some(fits)
        });
        match copied.flatten() {
            Some(true) => {
                self.stats.lines_out += lines;
                self.note_queued(id.slot);
            }
            Some(false) => self.stats.skipped += lines,
            None => {}
        }
    }
}

impl<S: Transport> Outbox for Egress<S> {
    fn send(&mut self, to: ClientId, event: &Event<'_>) {
        // Refused only if the client is about to end, and then it needs no answer.
        let _ = self.queue(to, None, |buffer, style, unix_ms| {
            wire::encode(buffer, event, style, unix_ms)
        });
    }

    fn deliver(&mut self, to: ClientId, from: ClientId, event: &Event<'_>) -> Delivery {
        if self.get(to).is_none_or(|connection| !connection.is_open()) {
            return Delivery::Refused;
        }
        self.queue(to, Some(from), |buffer, style, unix_ms| {
            wire::encode(buffer, event, style, unix_ms)
        })
    }

    fn announce<I>(&mut self, room: &RoomName, to: I, event: &Event<'_>)
    where
        I: Iterator<Item = Addressee>,
    {
        let (mut encodings, unix_ms) = (self.encodings.take().unwrap_or_default(), self.unix_ms);
        for Addressee { client, elsewhere } in to {
            let Some(connection) = self.get(client) else {
                continue;
            };
            let style = connection.style(elsewhere);
            let (bytes, lines) = encodings.get(style, event, unix_ms);
            self.copy_line(room, client, bytes, lines);
        }
        encodings.clear();
        self.encodings = Some(encodings);
    }

    fn mode(&self, client: ClientId) -> Mode {
        self.get(client)
            .map(|connection| connection.mode)
            .unwrap_or_default()
    }

    fn set_mode(&mut self, client: ClientId, mode: Mode) {
        if let Some(connection) = self.get_mut(client) {
            connection.mode = mode;
        }
    }

    fn close(&mut self, client: ClientId, reason: CloseReason) {
        if self.get(client).is_some() {
            self.doom(client.slot, reason);
        }
    }

    fn stats(&self) -> ServerStats {
        self.stats
    }

    fn named(&mut self, client: ClientId, name: Name) {
        log::debug!("{client} is {name}");
        if let Some(connection) = self.get_mut(client) {
            connection.registered = true;
        }
    }
}

/// Whether nothing more can be or is to be written to a client that ends for this.
pub(super) fn is_abrupt(reason: CloseReason) -> bool {
    match reason {
        CloseReason::Broken
        | CloseReason::UnreadOutput
        | CloseReason::Stalled
        | CloseReason::TotalOutput => true,
        CloseReason::Quit
        | CloseReason::EndOfInput
        | CloseReason::NotRegistered
        | CloseReason::ServerFull
        | CloseReason::AddressFull
        | CloseReason::Http
        | CloseReason::Tls
        | CloseReason::Shutdown => false,
    }
}

/// When something is to be done about a connection of which nothing is heard. Never in the past once
/// that was done: whoever is about to end or has ended is due no more.
pub(super) fn next_deadline<S>(connection: &Connection<S>, limits: &Limits) -> Tick {
    let stalled_at = if connection.write_blocked {
        connection.progress_at.after(limits.output_stall_time)
    } else {
        Tick::NEVER
    };
    let greeted_at = if connection.greeted {
        Tick::NEVER
    } else {
        connection.connected_at.after(super::GREETING_TIME)
    };
    let nameless_until = if connection.registered {
        Tick::NEVER
    } else {
        connection.connected_at.after(limits.register_time)
    };
    match connection.life {
        Life::Open if connection.ending.is_some() => Tick::NEVER,
        Life::Open => {
            let resume_at = connection.resume_at.unwrap_or(Tick::NEVER);
            stalled_at
                .min(greeted_at)
                .min(nameless_until)
                .min(resume_at)
        }
        Life::Draining => stalled_at.min(connection.linger_until),
        Life::Closed => Tick::NEVER,
    }
}
