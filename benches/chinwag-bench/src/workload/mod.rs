//! What clients do in a load test.

mod chats;
mod dm;
mod room;
mod storm;

pub use chats::{Chats, Roles};
pub use dm::Dm;
pub use room::Room;
pub use storm::{CHATTING, Storm};

use super::ledger::DeliveryErrors;
use super::outgoing::Outgoing;
use super::recorder::{Latency, Recorder};
use super::swarm::Workload;
use super::timestamp::Timestamp;

/// A workload that is measured. Its life: [`start`](Load::start), a while to warm up,
/// [`begin`](Load::begin), a while measured, [`end`](Load::end), and [`stop`](Load::stop); then
/// what is under way arrives.
pub trait Load: Workload {
    /// Everyone is connected: the sending starts.
    fn start(&mut self, now: Timestamp, out: &mut Outgoing);

    /// The measured phase begins.
    fn begin(&mut self, now: Timestamp, out: &mut Outgoing);

    /// The measured phase ends.
    fn end(&mut self, now: Timestamp);

    /// Nothing more is to be sent.
    fn stop(&mut self, out: &mut Outgoing);

    /// How much is under way.
    fn outstanding(&self) -> u64;

    /// What went wrong, if what is under way now never arrives.
    fn faults(&self) -> DeliveryErrors;

    /// Latencies of each kind of message, and what to call it.
    fn recorders(&self) -> Vec<(&'static str, &Recorder)>;

    /// How late messages of an open loop left, if there is one.
    fn lag(&self) -> Option<Latency> {
        None
    }

    /// Lines that the server said it left out.
    fn told_missed(&self) -> u64 {
        0
    }

    /// Connections made and ended during the measured phase.
    fn connects(&self) -> u64 {
        0
    }
}
