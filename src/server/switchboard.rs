//! All of the server but the kernel: connections, chat and deadlines.
//!
//! **Events change state; the end of a turn writes and closes.** [`Switchboard::ready`] only notes
//! what the poll said; [`Switchboard::turn`] does the work. The stream is a type parameter and time
//! an argument, so that a simulation can run the whole of it from a seed.

use std::mem;
use std::time::Duration;

use crate::chat::close_reason::CloseReason;
use crate::chat::event::Notice;
use crate::chat::ids::{ClientId, Peer};
use crate::chat::time::Timestamp;
use crate::chat::{Chat, Settings};
use crate::config::Limits;
use crate::wire::text::durations::HumanDuration;

use super::admission::Admission;
use super::connection::{Connection, Farewell, Life, Transport, is_abrupt};
use super::egress::{Egress, PLACES_MAX};
use super::intake::READ_BYTES;
use super::pace::Rate;

/// So many connections that were turned away may wait for their last line to be read. More are
/// closed at once. A third of the descriptors that are kept free.
const TURNED_AWAY_MAX: usize = 10;

/// With so many on their way out, no more are let in to be turned away in the same turn: each holds a
/// descriptor until that ends. Half of those that are kept free.
const TURNED_AWAY_AT_ONCE_MAX: usize = 16;

/// Whoever comes so much too late to a deadline was away, and does not know what the poll would have
/// told. Who is in time does: what the kernel would take of a stalled client's output then is only the
/// rest of its buffer, for which it wakes nobody.
const LATE_TIME: Duration = Duration::from_millis(100);

/// What the kernel said of a socket.
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
    pub(super) chat: Chat,
    pub(super) egress: Egress<S>,
    admission: Admission,
    pub(super) rate: Rate,
    pub(super) read_buffer: Vec<u8>,
    turned_away: usize,
    /// The list of those being served, kept for its memory.
    serving: Vec<ClientId>,
    /// Who had their share of this turn before it was theirs: their time was up.
    served_early: Vec<ClientId>,
}

impl<S: Transport> Switchboard<S> {
    /// A server with nobody connected.
    #[must_use]
    pub fn new(settings: Settings, limits: Limits) -> Self {
        let places = limits.clients_max.min(PLACES_MAX);
        Self {
            admission: Admission::new(&limits, settings.hash_seed),
            rate: Rate::new(limits.line_burst, limits.lines_per_second),
            chat: Chat::new(settings).with_capacity(places),
            egress: Egress::new(limits),
            read_buffer: vec![0; READ_BYTES],
            turned_away: 0,
            serving: Vec::new(),
            served_early: Vec::new(),
        }
    }

    /// Somebody connects. `make` is given the id, to register the stream with the poll under it.
    /// If a limit is reached, the client is told and turned away.
    ///
    /// # Errors
    /// Those of `make`; then nothing has happened.
    pub fn connect<E>(
        &mut self,
        now: Timestamp,
        peer: Peer,
        make: impl FnOnce(ClientId) -> Result<S, E>,
    ) -> Result<(), E> {
        let id = self.egress.connections.vacant_id();
        let stream = make(id)?;
        let unpaced = peer.is_local() && !self.egress.limits.limit_loopback;
        let slot = self
            .egress
            .connections
            .insert(Connection::new(stream, unpaced, now));
        debug_assert_eq!(slot, id.index());
        match self.admission.admit(&peer) {
            Ok(()) => {
                log::debug!("{id} connected from {peer}");
                self.chat.connect(now, id, peer);
                self.egress.rearm(id.slot);
            }
            Err(reason) => self.turn_away(id, peer, reason),
        }
        Ok(())
    }

    fn turn_away(&mut self, id: ClientId, peer: Peer, reason: CloseReason) {
        self.egress.stats.refused += 1;
        let lingers = self.turned_away < TURNED_AWAY_MAX;
        let Some(connection) = self.egress.connections.get_mut(id) else {
            return;
        };
        connection.ending = Some(reason);
        connection.life = Life::Draining;
        // Without a place to linger in, its line is written and it is closed at once.
        connection.end_of_input = !lingers;
        connection.farewell = Some(Box::new(Farewell {
            name: None,
            peer,
            reason,
            admitted: false,
            held_back: false,
            linger_until: Timestamp::NEVER,
        }));
        self.turned_away += 1;
        // Last: the line can be written at once, and that moves on what is draining by then.
        self.egress.send_notice(id, Notice::Closing(reason));
    }

    /// The poll says something of a client.
    pub fn ready(&mut self, id: ClientId, readiness: Readiness) {
        // A leftover from a closed connection has another generation, and misses its successor.
        let Some(connection) = self.egress.connections.get_mut(id) else {
            return;
        };
        connection.hung_up |= readiness.hung_up;
        connection.readable |= readiness.readable || readiness.hung_up;
        let is_served = !connection.waits_for_output && connection.resume_at == Timestamp::NEVER;
        let has_input = connection.readable && is_served;
        let has_room = readiness.writable && mem::take(&mut connection.write_blocked);
        if has_room {
            self.egress.mark_prompt(id.slot);
        }
        if has_input {
            self.egress.enqueue(id);
        }
    }

    /// A turn begins: it is `now`, and `unix_ms` by the calendar.
    pub fn begin_turn(&mut self, now: Timestamp, unix_ms: u64) {
        self.egress.begin_turn(now, unix_ms);
    }

    /// Does everything there is to do now, and writes what came of it.
    pub fn turn(&mut self, now: Timestamp) {
        let before = self.egress.progress();
        self.expire(now);
        self.serve_ready(now);
        self.chat.expire(now, &mut self.egress);
        self.settle(now);
        if self.egress.closing && self.egress.progress() != before {
            self.let_go(now);
        }
    }

    /// Whether there is work that waits for nothing but the next turn.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        !self.egress.ready.is_empty() || self.egress.has_backlog()
    }

    /// When there will be something to do although the poll says nothing.
    #[must_use]
    pub fn next_deadline(&self) -> Timestamp {
        self.egress.deadlines.next().min(self.chat.next_deadline())
    }

    /// How many connections there are, those that are ending included.
    #[must_use]
    pub fn connection_count(&self) -> usize {
        self.egress.connections.len()
    }

    /// How many bytes wait to be written, for all together.
    #[must_use]
    pub fn waiting_bytes(&self) -> usize {
        self.egress.waiting_bytes()
    }

    /// Whether so many are being turned away that some have to be gone first.
    #[must_use]
    pub fn turns_many_away(&self) -> bool {
        self.turned_away >= TURNED_AWAY_AT_ONCE_MAX
    }

    /// Notes that somebody was turned away before they were connected, for `/stats`.
    pub fn note_refused(&mut self) {
        self.egress.stats.refused += 1;
    }

    /// Notes how busy the loop was, in thousandths, for `/stats`.
    pub fn note_busy(&mut self, permille: u32) {
        self.egress.stats.busy_permille = permille;
    }

    /// Tells everyone that the server exits, carries out nothing more, and ends every connection once
    /// that was written. Whoever wrote privately what has not arrived yet stays to learn if it does.
    pub fn shut_down(&mut self, now: Timestamp) {
        self.chat.announce_shutdown(&mut self.egress);
        self.egress.begin_closing();
        // Whoever that was too much for is gone first, so that who wrote to them is there to be told.
        self.settle(now);
        self.let_go(now);
    }

    /// Gives up on everyone who has not read all by now, and tells those who wrote to them. Returns
    /// how many were given up.
    pub fn abandon(&mut self, now: Timestamp) -> usize {
        for slot in 0..self.egress.connections.slot_count() {
            self.egress.ask_again(slot);
        }
        // Whoever has read all by now is told what they missed, and that is not to count against them.
        self.settle(now);
        let mut count = 0;
        for slot in 0..self.egress.connections.slot_count() {
            let connection = self.egress.connections.at(slot);
            if connection.is_some_and(|connection| !connection.outbound.is_empty()) {
                self.egress.doom(slot, CloseReason::Stalled);
                count += 1;
            }
        }
        self.settle(now);
        self.let_go(now);
        count
    }

    /// Ends everyone who is left, whatever waits for them.
    pub fn close_all(&mut self, now: Timestamp) {
        for slot in 0..self.egress.connections.slot_count() {
            self.egress.doom(slot, CloseReason::Stalled);
        }
        self.settle(now);
    }

    /// Ends everyone who waits for nothing: no private message of theirs is still to be written.
    fn let_go(&mut self, now: Timestamp) {
        let waiting = self.egress.senders_of_unwritten(&self.chat);
        for slot in 0..self.egress.connections.slot_count() {
            let id = self.egress.connections.id_of(slot);
            let user = self.chat.user_of(id);
            if user.is_none_or(|user| waiting.binary_search(&user).is_err()) {
                self.egress.doom(slot, CloseReason::Shutdown);
            }
        }
        self.settle(now);
    }

    /// Checks what must always hold between turns; for tests and simulations.
    ///
    /// # Panics
    /// If it does not hold.
    pub fn check_invariants(&self) {
        self.chat.check_invariants();
        self.egress.check_invariants(&self.chat);
    }

    /// The chat, to look at.
    #[must_use]
    pub fn chat(&self) -> &Chat {
        &self.chat
    }

    fn serve_ready(&mut self, now: Timestamp) {
        // Whoever is put on the list from here on has its turn next time.
        let mut serving = mem::replace(&mut self.egress.ready, mem::take(&mut self.serving));
        let mut served_early = mem::take(&mut self.served_early);
        served_early.sort_unstable();
        for id in serving.drain(..) {
            let Some(connection) = self.egress.connections.get_mut(id) else {
                continue;
            };
            connection.queued = false;
            match connection.life {
                Life::Open if served_early.binary_search(&id).is_ok() => self.egress.enqueue(id),
                Life::Open => self.serve(now, id),
                Life::Draining => self.discard(id),
                Life::Closed => {}
            }
        }
        self.serving = serving;
        served_early.clear();
        self.served_early = served_early;
    }

    /// Does what is due.
    fn expire(&mut self, now: Timestamp) {
        while let Some(slot) = self.egress.deadlines.pop(now) {
            let id = self.egress.connections.id_of(slot);
            let Some(connection) = self.egress.connections.at_mut(slot) else {
                continue;
            };
            connection.armed.fired();
            let unwelcomed = connection.is_open()
                && !connection.greeted
                && connection.connected_at.after(super::GREETING_TIME) <= now;
            if unwelcomed {
                if connection.readable {
                    self.serve_early(now, id);
                }
                self.greet(id);
                self.egress.rearm(slot);
                continue; // whatever else is due by now comes up again at once
            }
            self.look_once_more(now, id);
            let Some(connection) = self.egress.connections.get_mut(id) else {
                continue;
            };
            let limits = &self.egress.limits;
            let stalled = connection.stalled_at(limits.output_stall_time) <= now;
            if stalled || connection.linger_until() <= now {
                self.egress.doom(slot, CloseReason::Stalled);
            } else if connection.is_nameless_at(now, limits.register_time) {
                self.egress
                    .send_notice(id, Notice::Closing(CloseReason::NotRegistered));
                self.egress.doom(slot, CloseReason::NotRegistered);
            } else if connection.resume_at <= now {
                connection.resume_at = Timestamp::NEVER;
                self.egress.enqueue(id);
            }
            self.egress.rearm(slot);
        }
    }

    /// Before somebody is closed for what they did not do: it may be that they did, and that nobody
    /// looked. The process was stopped for a while, or more happened than the poll tells at once.
    fn look_once_more(&mut self, now: Timestamp, id: ClientId) {
        let limits = &self.egress.limits;
        let (stall_time, register_time) = (limits.output_stall_time, limits.register_time);
        let Some(connection) = self.egress.connections.get_mut(id) else {
            return;
        };
        let stalled_at = connection.stalled_at(stall_time);
        if stalled_at.after(LATE_TIME) <= now {
            self.egress.ask_again(id.slot);
        } else if connection.is_nameless_at(now, register_time) {
            connection.readable = true;
            self.serve_early(now, id);
        }
    }

    /// Gives a client its share of this turn at once; what is left waits for the next.
    fn serve_early(&mut self, now: Timestamp, id: ClientId) {
        self.served_early.push(id);
        self.serve(now, id);
    }

    /// Greets a client, unless that was done or it is about to end.
    pub(super) fn greet(&mut self, id: ClientId) {
        if let Some(connection) = self.egress.connections.get_mut(id)
            && connection.is_open()
            && !mem::replace(&mut connection.greeted, true)
        {
            self.chat.greet(id, &mut self.egress);
        }
    }

    /// The end of a turn: whoever is to end leaves the chat, output is written, and what is closed
    /// is taken away. Each step can cause an earlier one, but each client ends only once, and what
    /// is left of the backlog when its slice is used up waits for the next turn.
    fn settle(&mut self, now: Timestamp) {
        loop {
            for id in mem::take(&mut self.egress.doomed) {
                self.retire(now, id);
            }
            self.egress.flush_turn();
            if !self.egress.doomed.is_empty() || self.egress.has_prompt() {
                continue;
            }
            if self.egress.closed.is_empty() {
                break;
            }
            for slot in mem::take(&mut self.egress.closed) {
                self.take_away(now, slot);
            }
        }
    }

    /// Takes a client that is to end out of the chat. Its output may still be written.
    pub(super) fn retire(&mut self, now: Timestamp, id: ClientId) {
        let Some(connection) = self.egress.connections.get_mut(id) else {
            return;
        };
        let Some(reason) = connection.ending.filter(|_| connection.life == Life::Open) else {
            return;
        };
        connection.life = Life::Draining;
        connection.farewell = Some(Box::new(Farewell {
            name: self.chat.name_of(id),
            peer: self.chat.peer_of(id).unwrap_or(Peer::Unix),
            reason,
            admitted: true,
            held_back: connection.waits_for_output || connection.resume_at != Timestamp::NEVER,
            linger_until: Timestamp::NEVER,
        }));
        self.chat.disconnect(now, id, &mut self.egress);
        let Some(connection) = self.egress.connections.get_mut(id) else {
            return;
        };
        connection.drop_input(&mut self.egress.pool);
        // Nothing of that waits any longer, and its end is to be seen as soon as it comes.
        connection.resume_at = Timestamp::NEVER;
        connection.waits_for_output = false;
        if is_abrupt(reason) {
            connection.life = Life::Closed;
            self.egress.closed.push(id.slot);
        } else {
            // The flush at the end of the turn moves it on; or else a deadline does.
            self.egress.mark_prompt(id.slot);
            self.egress.rearm(id.slot);
        }
    }

    /// Takes a closed connection away: gives back its place, and tells the log and whoever wrote
    /// what it did not get.
    fn take_away(&mut self, now: Timestamp, slot: u32) {
        let Some(connection) = self.egress.connections.at(slot) else {
            return;
        };
        let waiting = connection.outbound.unwritten_bytes();
        let Some(mut connection) = self.egress.remove(slot) else {
            return;
        };
        let Some(farewell) = connection.farewell.take() else {
            return;
        };
        let Farewell {
            name,
            peer,
            reason,
            admitted,
            held_back,
            ..
        } = *farewell;
        if admitted {
            self.admission.release(&peer);
        } else {
            self.turned_away -= 1;
        }
        if let Some(count) = self.egress.stats.closed.get_mut(reason.index()) {
            *count += 1;
        }
        let stayed = HumanDuration(now.since(connection.connected_at));
        let reason = reason.as_str();
        let unread = if held_back {
            ", not all it sent was read"
        } else {
            ""
        };
        match &name {
            Some(name) => log::info!(
                "{name} ({peer}) closed after {stayed}: {reason}; {waiting} bytes unwritten{unread}"
            ),
            None => log::info!(
                "{peer} (no name) closed after {stayed}: {reason}; {waiting} bytes unwritten{unread}"
            ),
        }
        if let Some(name) = &name {
            for (from, count) in connection.outbound.take_unwritten() {
                self.chat.undelivered(from, name, count, &mut self.egress);
            }
        }
    }
}
