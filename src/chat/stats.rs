//! What is counted: who is here, and what the server did.

use std::time::Duration;

use super::close_reason::CloseReason;

/// How many of everything the core knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Connections, registered or not.
    pub clients: usize,
    /// Those with a name.
    pub registered: usize,
    /// Rooms that exist.
    pub rooms: usize,
}

/// What the server counts, as `/stats` shows it. All but the last two only ever grow.
#[derive(Clone, Copy, Debug, Default)]
pub struct ServerStats {
    /// Lines received, empty ones aside.
    pub lines_in: u64,
    /// Lines queued for clients.
    pub lines_out: u64,
    /// Bytes received.
    pub bytes_in: u64,
    /// Bytes that the kernel took.
    pub bytes_out: u64,
    /// Room lines left out because their reader was slow.
    pub skipped: u64,
    /// Connections turned away.
    pub refused: u64,
    /// Connections that ended, by reason.
    pub closed: [u64; CloseReason::COUNT],
    /// Since the start.
    pub uptime: Duration,
    /// How much of the last few seconds the loop was at work, in thousandths.
    pub busy_permille: u32,
}
