//! Which receipts are of one message: to a user with several connections, of which one is enough.

use std::collections::HashMap;

use ahash::RandomState;

use crate::chat::ids::ClientId;

use super::position::Position;

/// Room that empty tables keep.
const KEPT: usize = 64;

/// A message that went to several connections of one user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageId(u64);

/// A message whose copies have not all arrived or been lost.
#[derive(Clone, Copy, Debug, Default)]
struct Message {
    /// Copies of which nothing is known yet.
    open: usize,
    /// One has arrived.
    arrived: bool,
}

/// The copies of such messages that have a receipt. Empty as long as each user has one connection. Its memory,
/// some 40 bytes a copy, is not counted beside that of the receipts.
#[derive(Debug)]
pub struct Copies {
    /// The message of each, by the connection and the end in the stream to it.
    numbers: HashMap<(ClientId, Position), u64, RandomState>,
    messages: HashMap<u64, Message, RandomState>,
    last: u64,
}

impl Copies {
    /// None yet. The seed keeps connections from colliding by choice.
    pub fn new(hasher: RandomState) -> Self {
        Self {
            numbers: HashMap::with_hasher(hasher.clone()),
            messages: HashMap::with_hasher(hasher),
            last: 0,
        }
    }

    /// A number for the next message that goes to several connections.
    pub fn next_message(&mut self) -> MessageId {
        self.last += 1;
        MessageId(self.last)
    }

    /// Notes a copy of `message`.
    pub fn add(&mut self, to: ClientId, end: Position, message: MessageId) {
        self.numbers.insert((to, end), message.0);
        self.messages.entry(message.0).or_default().open += 1;
    }

    /// Takes note that the message that ends there has arrived, or is lost. Returns whether it is lost altogether:
    /// no other copy has arrived, or may do so yet.
    pub fn settle(&mut self, to: ClientId, end: Position, arrived: bool) -> bool {
        let Some(message) = self.numbers.remove(&(to, end)) else {
            return !arrived; // the only one
        };
        let Some(state) = self.messages.get_mut(&message) else {
            return !arrived;
        };
        state.open -= 1;
        state.arrived |= arrived;
        let Message { open, arrived } = *state;
        if open == 0 {
            self.messages.remove(&message);
        }
        open == 0 && !arrived
    }

    /// Whether another copy of the message that ends there has arrived.
    pub fn has_arrived(&self, to: ClientId, end: Position) -> bool {
        let message = self.numbers.get(&(to, end));
        let message = message.and_then(|message| self.messages.get(message));
        message.is_some_and(|message| message.arrived)
    }

    pub fn is_empty(&self) -> bool {
        self.numbers.is_empty()
    }

    /// Gives back the memory of a burst.
    pub fn shrink(&mut self) {
        if self.is_empty() {
            self.numbers.shrink_to(KEPT);
            self.messages.shrink_to(KEPT);
        }
    }

    /// Panics if the numbers do not add up.
    pub fn check_invariants(&self) {
        let open: usize = self.messages.values().map(|message| message.open).sum();
        assert_eq!(open, self.numbers.len());
        assert!(self.messages.values().all(|message| message.open > 0));
    }
}
