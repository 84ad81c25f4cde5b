//! Clients whose queue holds a line that went to many, and that were not written to since.
//!
//! Writing to everyone in a large room takes tens of milliseconds. So it is done in slices, one a turn,
//! and other clients are served in between.

use std::collections::VecDeque;

use crate::chat::ids::ClientId;

/// Sockets written to in a slice: a few tenths of a millisecond, so that a private message hardly
/// waits. A larger slice makes it wait longer, a smaller one gains less than the turns cost. A room of
/// ordinary size fits.
pub const FAN_OUT_WRITES_MAX: usize = 64;

/// Past this many bytes in the queues of these clients, slices do not end: what is put off takes up
/// memory. As much as a pool of buffers keeps.
pub const FAN_OUT_BYTES_MAX: usize = 16 << 20;

/// First in, first written. The entry of a client that was written to or closed meanwhile stays until
/// its turn, and is passed over then: a search for it would cost more.
#[derive(Debug, Default)]
pub struct FanOut {
    clients: VecDeque<ClientId>,
    writes_left: usize,
}

impl FanOut {
    /// Begins the slice of a turn.
    pub fn begin_turn(&mut self) {
        self.writes_left = FAN_OUT_WRITES_MAX;
    }

    /// Adds a client that has no entry.
    pub fn push(&mut self, id: ClientId) {
        self.clients.push_back(id);
    }

    /// Takes out the oldest entry.
    pub fn pop(&mut self) -> Option<ClientId> {
        self.clients.pop_front()
    }

    /// Takes out the oldest entry, unless the slice is used up. `bytes` is what the clients' queues hold
    /// together.
    pub fn pop_from_slice(&mut self, bytes: usize) -> Option<ClientId> {
        let is_left = self.writes_left > 0 || bytes > FAN_OUT_BYTES_MAX;
        if is_left { self.pop() } else { None }
    }

    /// Counts a write against the slice.
    pub fn note_write(&mut self) {
        self.writes_left = self.writes_left.saturating_sub(1);
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.clients.is_empty()
    }

    /// Whether the slice of the turn is used up.
    pub fn is_slice_used_up(&self) -> bool {
        self.writes_left == 0
    }

    /// All entries, sorted.
    pub fn sorted(&self) -> Vec<ClientId> {
        let mut clients: Vec<ClientId> = self.clients.iter().copied().collect();
        clients.sort_unstable();
        clients
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(slot: u32) -> ClientId {
        ClientId {
            slot,
            generation: 0,
        }
    }

    #[test]
    fn slice_ends_after_its_writes_and_skipped_entries_cost_none() {
        let mut fan_out = FanOut::default();
        fan_out.begin_turn();
        for slot in 0..1000 {
            fan_out.push(id(slot));
        }
        assert_eq!(
            fan_out.pop_from_slice(0),
            Some(id(0)),
            "first in, first out"
        );
        for _ in 0..FAN_OUT_WRITES_MAX {
            assert!(fan_out.pop_from_slice(0).is_some());
            fan_out.note_write();
        }
        assert_eq!(fan_out.pop_from_slice(0), None);
        fan_out.begin_turn();
        assert!(fan_out.pop_from_slice(0).is_some());
    }

    #[test]
    fn slice_goes_on_while_too_many_bytes_wait() {
        let mut fan_out = FanOut::default();
        fan_out.push(id(1));
        fan_out.push(id(2));
        assert_eq!(fan_out.pop_from_slice(FAN_OUT_BYTES_MAX), None);
        assert_eq!(fan_out.pop_from_slice(FAN_OUT_BYTES_MAX + 1), Some(id(1)));
        assert_eq!(fan_out.pop_from_slice(FAN_OUT_BYTES_MAX), None);
    }
}
