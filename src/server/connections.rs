//! Who is at which place: the slab of connections, and how often each place was handed out.

use slab::Slab;

use crate::chat::ids::ClientId;

use super::connection::Connection;

/// All connections by slot. A [`ClientId`] left over from a closed one misses its successor.
#[derive(Debug)]
pub struct Connections<S> {
    slab: Slab<Connection<S>>,
    /// How often each slot was handed out before.
    generations: Vec<u32>,
}

impl<S> Connections<S> {
    /// Nobody yet, and room for so many.
    pub fn with_room_for(count: usize) -> Self {
        Self {
            slab: Slab::with_capacity(count),
            generations: Vec::with_capacity(count),
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

    /// The connection of `id`, unless it is gone and `id` is a leftover.
    pub fn get(&self, id: ClientId) -> Option<&Connection<S>> {
        if self.generations.get(id.index()) != Some(&id.generation) {
            return None;
        }
        self.slab.get(id.index())
    }

    /// Like [`Connections::get`].
    pub fn get_mut(&mut self, id: ClientId) -> Option<&mut Connection<S>> {
        if self.generations.get(id.index()) != Some(&id.generation) {
            return None;
        }
        self.slab.get_mut(id.index())
    }

    /// Whoever is in `slot` now.
    pub fn at(&self, slot: u32) -> Option<&Connection<S>> {
        self.slab.get(slot as usize)
    }

    /// Like [`Connections::at`].
    pub fn at_mut(&mut self, slot: u32) -> Option<&mut Connection<S>> {
        self.slab.get_mut(slot as usize)
    }

    /// The id of whoever is in `slot` now.
    pub fn id_of(&self, slot: u32) -> ClientId {
        let generation = self
            .generations
            .get(slot as usize)
            .copied()
            .unwrap_or_default();
        ClientId { slot, generation }
    }

    /// Takes a connection out; its slot may be handed out again.
    pub fn remove(&mut self, slot: u32) -> Option<Connection<S>> {
        let connection = self.slab.try_remove(slot as usize)?;
        if let Some(generation) = self.generations.get_mut(slot as usize) {
            *generation = generation.wrapping_add(1);
        }
        Some(connection)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.slab.len()
    }

    /// Slots are below this.
    pub fn slot_count(&self) -> u32 {
        u32::try_from(self.generations.len()).unwrap_or(u32::MAX)
    }

    /// All of them, with their slots.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &Connection<S>)> {
        let slots = self.slab.iter();
        slots.map(|(slot, connection)| (u32::try_from(slot).unwrap_or(u32::MAX), connection))
    }
}
