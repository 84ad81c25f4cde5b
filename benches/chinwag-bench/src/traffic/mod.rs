//! Messages: which client sends how many when, and how many arrived.

mod chat;
mod private;
mod room;
mod schedule;

pub use chat::Chat;
pub use private::PrivateTraffic;
pub use room::{RoomSpec, RoomTraffic};
pub use schedule::Schedule;

/// Messages sent at once at most, so that a rate beyond what this program can do ends in time.
const SENT_AT_ONCE_MAX: usize = 10_000;

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// A closed loop: each sender keeps this many under way.
    Window(usize),
    /// An open loop: this many a second, whatever became of those before. Latency counts from when a
    /// message was to go, so that a server that stalls cannot hide it.
    Rate(f64),
}
