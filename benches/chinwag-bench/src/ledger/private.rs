//! Private messages under way: each must reach one client once, after those sent to it before.

use std::collections::VecDeque;

use super::DeliveryErrors;
use crate::client::ClientNo;

pub struct PrivateLedger {
    senders: Vec<Sender>,
    /// Of these, the lost are those under way.
    errors: DeliveryErrors,
}

#[derive(Clone, Debug, Default)]
struct Sender {
    next: u32,
    under_way: VecDeque<UnderWay>,
}

#[derive(Clone, Copy, Debug)]
struct UnderWay {
    number: u32,
    to: ClientNo,
    /// A later message to the same client is there already.
    is_overtaken: bool,
}

impl PrivateLedger {
    pub fn new(clients: usize) -> Self {
        Self {
            senders: vec![Sender::default(); clients],
            errors: DeliveryErrors::default(),
        }
    }

    /// Notes a message, and gives it its number.
    pub fn sent(&mut self, from: ClientNo, to: ClientNo) -> u32 {
        let Some(sender) = self.senders.get_mut(from.index()) else {
            return 0;
        };
        let number = sender.next;
        sender.next = number.wrapping_add(1);
        sender.under_way.push_back(UnderWay {
            number,
            to,
            is_overtaken: false,
        });
        self.errors.lost += 1;
        number
    }

    /// Notes an arrival. Returns whether it is one that was awaited.
    pub fn arrived(&mut self, by: ClientNo, from: ClientNo, number: u32) -> bool {
        let is_it = |sent: &UnderWay| sent.number == number && sent.to == by;
        let sender = self.senders.get_mut(from.index());
        let Some((sender, place)) = sender.and_then(|sender| {
            let place = sender.under_way.iter().position(is_it)?;
            Some((sender, place))
        }) else {
            self.errors.duplicated += 1;
            return false;
        };
        for earlier in sender.under_way.iter_mut().take(place) {
            earlier.is_overtaken |= earlier.to == by;
        }
        let arrived = sender.under_way.remove(place);
        let is_late = arrived.is_some_and(|sent| sent.is_overtaken);
        self.errors.out_of_order += u64::from(is_late);
        self.errors.lost -= 1;
        true
    }

    pub fn errors(&self) -> DeliveryErrors {
        self.errors
    }
}

#[cfg(test)]
mod tests {
    use super::super::errors;
    use super::*;

    const A: ClientNo = ClientNo::new(0);
    const B: ClientNo = ClientNo::new(1);
    const C: ClientNo = ClientNo::new(2);

    #[test]
    fn messages_to_different_clients_may_overtake_each_other() {
        let mut ledger = PrivateLedger::new(3);
        let (first, second) = (ledger.sent(A, B), ledger.sent(A, C));
        assert!(ledger.arrived(C, A, second));
        assert!(ledger.arrived(B, A, first));
        assert!(ledger.errors().is_none());
    }

    #[test]
    fn what_is_lost_doubled_swapped_or_misled_is_found() {
        let mut ledger = PrivateLedger::new(3);
        let (first, second, third) = (ledger.sent(A, B), ledger.sent(A, B), ledger.sent(A, C));
        assert!(ledger.arrived(B, A, second));
        assert!(ledger.arrived(B, A, first));
        assert_eq!(ledger.errors(), errors(1, 0, 1));
        assert!(!ledger.arrived(B, A, first), "twice");
        assert!(!ledger.arrived(B, A, third), "it was for C");
        assert_eq!(ledger.errors(), errors(1, 2, 1));
    }

    #[test]
    fn what_comes_after_a_lost_message_is_in_order() {
        let mut ledger = PrivateLedger::new(2);
        let numbers = [A; 4].map(|from| ledger.sent(from, B));
        for number in [numbers[1], numbers[2], numbers[3]] {
            assert!(ledger.arrived(B, A, number));
        }
        assert_eq!(ledger.errors(), errors(1, 0, 0));
    }
}
