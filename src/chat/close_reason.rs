//! Why connections end.

/// Why a connection ended. Each is logged once and counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// `/quit`.
    Quit,
    /// The client closed, or half-closed and got all its answers.
    EndOfInput,
    /// The connection broke: a reset, or a dead peer.
    Broken,
    /// No name in time.
    NotRegistered,
    /// Its unread output passed the hard limit.
    UnreadOutput,
    /// It read nothing for too long while output waited.
    Stalled,
    /// All unread output together passed its limit, and this was the largest queue.
    TotalOutput,
    /// The limit of clients was reached.
    ServerFull,
    /// The limit of clients from its address was reached.
    AddressFull,
    /// A client that speaks HTTP.
    Http,
    /// A client that speaks TLS.
    Tls,
    /// The server exits.
    Shutdown,
    /// Its user has made more connections than there may be.
    Replaced,
    /// Its account, password or token is no more.
    AccountEnded,
    /// An operator of the server removed its user.
    Removed,
    /// Its address or account is banned.
    Banned,
}

impl CloseReason {
    /// The number of reasons.
    pub const COUNT: usize = Self::ALL.len();

    /// Every reason, in the order of its number.
    pub const ALL: [Self; 16] = [
        Self::Quit,
        Self::EndOfInput,
        Self::Broken,
        Self::NotRegistered,
        Self::UnreadOutput,
        Self::Stalled,
        Self::TotalOutput,
        Self::ServerFull,
        Self::AddressFull,
        Self::Http,
        Self::Tls,
        Self::Shutdown,
        Self::Replaced,
        Self::AccountEnded,
        Self::Removed,
        Self::Banned,
    ];

    /// Its place in [`CloseReason::ALL`].
    #[must_use]
    pub fn index(self) -> usize {
        self as usize
    }

    /// The words for the log and `/stats`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Quit => "quit",
            Self::EndOfInput => "end of input",
            Self::Broken => "connection broken",
            Self::NotRegistered => "no name in time",
            Self::UnreadOutput => "unread output past the hard limit",
            Self::Stalled => "unread output without progress",
            Self::TotalOutput => "largest queue when all were too large",
            Self::ServerFull => "server full",
            Self::AddressFull => "too many from its address",
            Self::Http => "speaks HTTP",
            Self::Tls => "speaks TLS",
            Self::Shutdown => "shutdown",
            Self::Replaced => "replaced by a newer connection",
            Self::AccountEnded => "account, password or token ended",
            Self::Removed => "removed by an operator",
            Self::Banned => "banned",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn close_reason_is_numbered_by_its_place() {
        for (place, reason) in CloseReason::ALL.iter().enumerate() {
            assert_eq!(reason.index(), place);
        }
    }
}
