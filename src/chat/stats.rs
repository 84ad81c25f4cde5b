//! Counts of the chat and of the server.

use std::time::Duration;

use super::close_reason::CloseReason;

/// The numbers of clients, users and rooms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Connections, registered or not.
    pub clients: usize,
    /// Users: clients with a name.
    pub registered: usize,
    /// Rooms that exist.
    pub rooms: usize,
}

/// The server's counters, as `/stats` shows them. All but the last two only grow.
#[derive(Clone, Copy, Debug, Default)]
pub struct ServerStats {
    /// Lines received, empty ones aside.
    pub lines_in: u64,
    /// Lines queued for clients.
    pub lines_out: u64,
    /// Bytes received.
    pub bytes_in: u64,
    /// Bytes written to sockets.
    pub bytes_out: u64,
    /// Room lines skipped because their reader was slow.
    pub skipped: u64,
    /// Connections turned away.
    pub refused: u64,
    /// Lines and changes that are not kept, though they should be.
    pub not_kept: u64,
    /// Nothing is kept any more, until the server starts anew.
    pub store_is_broken: bool,
    /// Connections that ended, by reason.
    pub closed: [u64; CloseReason::COUNT],
    /// Since the start.
    pub uptime: Duration,
    /// The share of the last few seconds that the loop was at work, in thousandths.
    pub busy_permille: u32,
}
