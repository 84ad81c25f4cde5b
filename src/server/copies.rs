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

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;
    use crate::chat::ids::UserId;
    use crate::chat::time::Timestamp;
    use crate::server::receipts::Receipts;

    fn client(slot: u32) -> ClientId {
        ClientId {
            slot,
            generation: 0,
        }
    }

    fn user(slot: u32) -> UserId {
        let generation = NonZeroU32::MIN;
        UserId { slot, generation }
    }

    fn at(bytes: usize) -> Position {
        Position::default().after(bytes)
    }

    /// The receipts of a message to two connections of a user, which ends at 10 in both streams.
    fn copies_of_one_message() -> (Receipts, [ClientId; 2]) {
        let mut receipts = Receipts::new(RandomState::with_seeds(1, 2, 3, 4));
        let message = receipts.next_message();
        let both = [client(7), client(8)];
        for to in both {
            receipts.push_copy(Timestamp::default(), to, user(1), at(10), message);
        }
        (receipts, both)
    }

    #[test]
    fn copy_is_lost_with_the_last_connection_if_none_arrived() {
        for looked_at in [false, true] {
            let (mut receipts, [first, second]) = copies_of_one_message();
            if looked_at {
                receipts.look_at_all(Timestamp::default(), |_| Some(at(9)));
            }
            assert_eq!(receipts.take(first, at(9)), [], "the other may arrive");
            receipts.check_invariants();
            assert_eq!(receipts.iter().count(), 1 + usize::from(!looked_at));
            assert_eq!(receipts.take(second, at(9)), [(user(1), 1)]);
            receipts.check_invariants();
            receipts.look_at_all(Timestamp::default(), |_| None);
            assert_eq!(receipts.count(), 0);
            receipts.check_invariants();
        }
    }

    #[test]
    fn copy_is_not_lost_once_another_arrived() {
        // Seen in a look, and in a second one, and as its connection ended.
        for way in 0..3 {
            let (mut receipts, [first, second]) = copies_of_one_message();
            let later = user(2);
            receipts.push(Timestamp::default(), second, later, at(20));
            let answer = |to| Some(at(if to == first { 10 } else { 0 }));
            match way {
                0 => receipts.look_at_all(Timestamp::default(), answer),
                1 => {
                    receipts.look_at_all(Timestamp::default(), |_| Some(at(0)));
                    receipts.look_at_all(Timestamp::default(), answer);
                }
                _ => assert_eq!(receipts.take(first, at(10)), []),
            }
            receipts.check_invariants();
            let senders = receipts.iter().filter(|(to, _)| *to == second);
            assert!(senders.eq([(second, later)]), "nobody waits for the copy");
            assert_eq!(receipts.take(second, at(0)), [(later, 1)]);
            receipts.look_at_all(Timestamp::default(), |_| None);
            assert_eq!(receipts.count(), 0);
            receipts.check_invariants();
        }
    }

    #[test]
    fn copy_that_is_taken_back_leaves_it_to_the_other() {
        let (mut receipts, [first, second]) = copies_of_one_message();
        receipts.take_back(second, at(10));
        receipts.check_invariants();
        assert_eq!(receipts.take(second, at(0)), []);
        assert_eq!(receipts.take(first, at(0)), [(user(1), 1)]);
        receipts.check_invariants();
    }
}
