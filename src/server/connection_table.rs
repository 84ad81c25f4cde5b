//! Which connection is in which slot, when it is due, and which are about to end.

use std::mem;
use std::time::Duration;

use slab::Slab;

use crate::chat::ids::ClientId;
use crate::chat::time::Timestamp;

use super::connection::{Connection, Phase, Timing};
use super::probes::{Probe, Probes};
use super::timers::Timers;
use super::transport::Transport;

/// Slots whose memory is reserved at start, at most. The kernel provides pages as they are touched, and
/// nothing is ever moved: growing by doubling leaves holes, and stops the loop.
pub const SLOTS_RESERVED_MAX: usize = 1 << 16;

/// All connections by slot. The [`ClientId`] of a closed one misses its successor.
#[derive(Debug)]
pub struct ConnectionTable<S> {
    slab: Slab<Connection<S>>,
    /// How often each slot was handed out before.
    generations: Vec<u32>,
    timers: Timers,
    timing: Timing,
    probes: Probes,
    /// Connections with input to run in the next turn.
    run_queue: Vec<ClientId>,
    /// Connections that are to end, and that the chat still knows.
    close_queue: Vec<ClientId>,
    /// Slots to be removed at the end of the turn: others may still refer to them until then.
    reap_list: Vec<u32>,
}

impl<S> ConnectionTable<S> {
    /// An empty table, with memory reserved for this many connections.
    pub fn with_capacity(count: usize, timing: Timing) -> Self {
        Self {
            slab: Slab::with_capacity(count),
            generations: Vec::with_capacity(count),
            timers: Timers::default(),
            timing,
            probes: Probes::default(),
            run_queue: Vec::new(),
            close_queue: Vec::new(),
            reap_list: Vec::new(),
        }
    }

    /// The id that the next connection will have.
    pub fn vacant_id(&mut self) -> ClientId {
        let slot = self.slab.vacant_key();
        if self.generations.len() <= slot {
            self.generations.resize(slot + 1, 0);
        }
        self.id_of(u32::try_from(slot).unwrap_or(u32::MAX))
    }

    /// Puts a connection at the [vacant id](Self::vacant_id). Returns its slot.
    pub fn insert(&mut self, connection: Connection<S>) -> usize {
        self.slab.insert(connection)
    }

    /// The connection of `id`, unless it is gone.
    pub fn get(&self, id: ClientId) -> Option<&Connection<S>> {
        if self.generations.get(id.index()) != Some(&id.generation) {
            return None;
        }
        self.slab.get(id.index())
    }

    /// Like [`ConnectionTable::get`].
    pub fn get_mut(&mut self, id: ClientId) -> Option<&mut Connection<S>> {
        if self.generations.get(id.index()) != Some(&id.generation) {
            return None;
        }
        self.slab.get_mut(id.index())
    }

    /// The connection that is in `slot` now.
    pub fn at(&self, slot: u32) -> Option<&Connection<S>> {
        self.slab.get(slot as usize)
    }

    /// Like [`ConnectionTable::at`].
    pub fn at_mut(&mut self, slot: u32) -> Option<&mut Connection<S>> {
        self.slab.get_mut(slot as usize)
    }

    /// The id of the connection that is in `slot` now.
    pub fn id_of(&self, slot: u32) -> ClientId {
        let generation = self
            .generations
            .get(slot as usize)
            .copied()
            .unwrap_or_default();
        ClientId { slot, generation }
    }

    /// Removes a closed connection; its slot may be handed out again.
    pub fn remove(&mut self, slot: u32) -> Option<Connection<S>> {
        let mut connection = self.slab.try_remove(slot as usize)?;
        debug_assert_eq!(connection.phase(), Phase::Closed);
        self.timers.disarm(slot, connection.armed_mut());
        if let Some(generation) = self.generations.get_mut(slot as usize) {
            *generation = generation.wrapping_add(1);
        }
        Some(connection)
    }

    /// How many connections there are.
    pub fn len(&self) -> usize {
        self.slab.len()
    }

    /// Slots are below this.
    pub fn slot_count(&self) -> u32 {
        u32::try_from(self.generations.len()).unwrap_or(u32::MAX)
    }

    /// All connections, with their slots.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &Connection<S>)> {
        let slots = self.slab.iter();
        slots.map(|(slot, connection)| (u32::try_from(slot).unwrap_or(u32::MAX), connection))
    }

    /// When things are due.
    pub fn timing(&self) -> &Timing {
        &self.timing
    }

    /// Makes sure that a connection's earliest deadline fires.
    pub fn arm(&mut self, slot: u32) {
        if let Some(connection) = self.slab.get_mut(slot as usize) {
            let due_at = connection.due_at(&self.timing);
            self.timers.arm(slot, connection.armed_mut(), due_at);
        }
    }

    /// Like [`ConnectionTable::arm`], and drops an entry that is too early. Worth it where most
    /// connections are due no more.
    pub fn rearm(&mut self, slot: u32) {
        if let Some(connection) = self.slab.get_mut(slot as usize) {
            self.timers.disarm(slot, connection.armed_mut());
        }
        self.arm(slot);
    }

    /// Takes out the id of one connection that is due.
    pub fn pop_due(&mut self, now: Timestamp) -> Option<ClientId> {
        let slot = self.timers.pop(now)?;
        if let Some(connection) = self.slab.get_mut(slot as usize) {
            connection.armed_mut().clear();
        }
        Some(self.id_of(slot))
    }

    /// The earliest deadline of all connections.
    pub fn earliest_due(&self) -> Timestamp {
        self.timers.earliest().min(self.probes.next_end())
    }

    /// Has a silent connection's peer asked whether it is there, unless that is under way. Returns how long
    /// the connection lasts at most if the peer is lost.
    pub fn probe(&mut self, now: Timestamp, id: ClientId) -> Option<Duration>
    where
        S: Transport,
    {
        let lost_time_max = self.timing.lost_time_max;
        let connection = self.get_mut(id).filter(|connection| connection.is_open())?;
        let began = connection.begin_probe();
        let is_bounded = connection.probe() == Some(Probe::Bounded);
        if began {
            self.probes.push(now, id);
        }
        is_bounded.then_some(lost_time_max)
    }

    /// Ends the probes whose time is over.
    pub fn end_probes(&mut self, now: Timestamp)
    where
        S: Transport,
    {
        while let Some(id) = self.probes.pop_due(now) {
            let keepalive_time = self.timing.keepalive_time;
            if let Some(connection) = self.get_mut(id) {
                connection.end_probe(keepalive_time);
            }
        }
    }

    /// Puts a connection in the run queue, unless it is there.
    pub fn enqueue(&mut self, id: ClientId) {
        if let Some(connection) = self.get_mut(id)
            && connection.input_mut().enter_queue()
        {
            self.run_queue.push(id);
        }
    }

    /// Lets a connection's input go on that waits for the chat.
    pub fn resume(&mut self, now: Timestamp, id: ClientId) {
        let connection = self.get_mut(id);
        if connection.is_some_and(|connection| connection.input_mut().resume(now)) {
            self.enqueue(id);
            self.arm(id.slot); // its time to register runs again
        }
    }

    /// The run queue.
    pub fn run_queue(&self) -> &[ClientId] {
        &self.run_queue
    }

    /// Takes the run queue out, and begins a new one in the memory of `empty`.
    pub fn swap_run_queue(&mut self, empty: Vec<ClientId>) -> Vec<ClientId> {
        mem::replace(&mut self.run_queue, empty)
    }

    /// Has a connection leave the chat at the end of the turn.
    pub fn push_closing(&mut self, id: ClientId) {
        self.close_queue.push(id);
    }

    /// Takes out the connections that are to leave the chat.
    pub fn take_closing(&mut self) -> Vec<ClientId> {
        mem::take(&mut self.close_queue)
    }

    /// Closes a draining connection, and has it removed at the end of the turn.
    pub fn close(&mut self, slot: u32) {
        if let Some(connection) = self.slab.get_mut(slot as usize) {
            connection.close();
            self.reap_list.push(slot);
        }
    }

    /// Takes out the slots that are to be removed.
    pub fn take_reap(&mut self) -> Vec<u32> {
        mem::take(&mut self.reap_list)
    }

    /// Whether connections are to leave the chat.
    pub fn has_closing(&self) -> bool {
        !self.close_queue.is_empty()
    }

    /// Whether closed connections are to be removed.
    pub fn has_reap(&self) -> bool {
        !self.reap_list.is_empty()
    }
}
