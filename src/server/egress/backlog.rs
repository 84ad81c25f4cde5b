//! Who got a line that went to many, and has not been written to since.
//!
//! To write to everyone in a large room takes tens of milliseconds. So it is done in slices, one a
//! turn, and whoever is ready in between is served.

use std::collections::VecDeque;

use crate::chat::ids::ClientId;

/// So many sockets are written to in a turn, of those that got what went to many: a few tenths of
/// a millisecond, so that a private message hardly waits. With more, it waits longer; with fewer,
/// less is gained than the turns cost. All who hear each other in a room of ordinary size fit.
pub const FAN_OUT_WRITES_MAX: usize = 64;

/// While more than this waits for those in the backlog, they are written to whatever the slice
/// says: what slices put off takes up memory. As much as the pool of buffers keeps.
pub const FAN_OUT_BYTES_MAX: usize = 16 << 20;

/// First in, first written. An entry whose client was written to or closed meanwhile stays until
/// its turn comes, and is then passed over: to search for it would cost more.
#[derive(Debug, Default)]
pub struct Backlog {
    clients: VecDeque<ClientId>,
    writes_left: usize,
}

impl Backlog {
    /// A turn begins: another slice may be written.
    pub fn begin_turn(&mut self) {
        self.writes_left = FAN_OUT_WRITES_MAX;
    }

    /// Adds a client, who must not be there.
    pub fn push(&mut self, id: ClientId) {
        self.clients.push_back(id);
    }

    /// Takes out whoever waits longest.
    pub fn pop(&mut self) -> Option<ClientId> {
        self.clients.pop_front()
    }

    /// Like [`Backlog::pop`], as long as there is something left of the turn's slice, or too much
    /// waits: `bytes` for all who are there.
    pub fn pop_from_slice(&mut self, bytes: usize) -> Option<ClientId> {
        let is_left = self.writes_left > 0 || bytes > FAN_OUT_BYTES_MAX;
        if is_left { self.pop() } else { None }
    }

    /// Whoever was taken out last was written to.
    pub fn note_write(&mut self) {
        self.writes_left = self.writes_left.saturating_sub(1);
    }

    /// Whether nobody is there.
    pub fn is_empty(&self) -> bool {
        self.clients.is_empty()
    }

    /// Whether the turn's slice is used up.
    pub fn slice_is_used_up(&self) -> bool {
        self.writes_left == 0
    }

    /// All who are there, sorted.
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
    fn a_slice_ends_after_so_many_writes_and_what_is_passed_over_counts_not() {
        let mut backlog = Backlog::default();
        backlog.begin_turn();
        for slot in 0..1000 {
            backlog.push(id(slot));
        }
        assert_eq!(
            backlog.pop_from_slice(0),
            Some(id(0)),
            "first in, first out"
        );
        for _ in 0..FAN_OUT_WRITES_MAX {
            assert!(backlog.pop_from_slice(0).is_some());
            backlog.note_write();
        }
        assert_eq!(backlog.pop_from_slice(0), None);
        backlog.begin_turn();
        assert!(backlog.pop_from_slice(0).is_some());
    }

    #[test]
    fn too_many_bytes_are_written_whatever_the_slice_says() {
        let mut backlog = Backlog::default();
        backlog.push(id(1));
        backlog.push(id(2));
        assert_eq!(backlog.pop_from_slice(FAN_OUT_BYTES_MAX), None);
        assert_eq!(backlog.pop_from_slice(FAN_OUT_BYTES_MAX + 1), Some(id(1)));
        assert_eq!(backlog.pop_from_slice(FAN_OUT_BYTES_MAX), None);
    }
}
