//! What was sent and what arrived: whether anything was lost, came twice or out of order.

mod private;
mod room;

pub use private::PrivateLedger;
pub use room::RoomLedger;

use serde::Serialize;

use crate::client::ClientNo;

/// What must be zero at the end of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DeliveryErrors {
    /// Sent, and neither arrived nor was said to be left out.
    pub lost: u64,
    /// Arrived again, or at a client to which it was not sent.
    pub duplicated: u64,
    /// Arrived after something that was sent later.
    pub out_of_order: u64,
}

impl DeliveryErrors {
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

impl std::iter::Sum for DeliveryErrors {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |sum, errors| Self {
            lost: sum.lost + errors.lost,
            duplicated: sum.duplicated + errors.duplicated,
            out_of_order: sum.out_of_order + errors.out_of_order,
        })
    }
}

pub enum Ledger {
    Private(PrivateLedger),
    Room(RoomLedger),
}

impl Ledger {
    /// Notes an arrival. Returns, if it was awaited, whether all who were to have it do so now.
    pub fn arrived(&mut self, by: ClientNo, sender: ClientNo, number: u32) -> Option<bool> {
        match self {
            Self::Private(ledger) => ledger.arrived(by, sender, number).then_some(true),
            Self::Room(ledger) => ledger.arrived(by, sender, number),
        }
    }

    pub fn outstanding(&self) -> u64 {
        self.errors().lost
    }

    /// Messages in flight count as lost.
    pub fn errors(&self) -> DeliveryErrors {
        match self {
            Self::Private(ledger) => ledger.errors(),
            Self::Room(ledger) => ledger.errors(),
        }
    }

    pub fn room(&self) -> Option<&RoomLedger> {
        match self {
            Self::Private(_) => None,
            Self::Room(ledger) => Some(ledger),
        }
    }
}

#[cfg(test)]
fn errors(lost: u64, duplicated: u64, out_of_order: u64) -> DeliveryErrors {
    DeliveryErrors {
        lost,
        duplicated,
        out_of_order,
    }
}
