//! Limits of accounts and of history, given once.

use std::time::Duration;

/// Limits of accounts.
#[derive(Clone, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one decision of the operator's"
)]
pub struct AccountLimits {
    /// Accounts that there may be.
    pub accounts_max: usize,
    /// Connections of one account; one more closes the one that is idle for longest.
    pub connections_max: usize,
    /// Accounts made from one address in a day.
    pub made_per_day_max: u32,
    /// Passwords tried from one address at once, and then in a minute.
    pub logins_max: u32,
    /// An account that is not used for so many days is gone.
    pub days_max: u32,
    /// Only accounts may be here.
    pub are_required: bool,
    /// New accounts may be made.
    pub may_be_made: bool,
    /// Passwords may come unencrypted from other machines.
    pub plain_passwords: bool,
    /// Whether the limits per address count for this machine's own clients too.
    pub limit_loopback: bool,
    /// Names that no account may have, in lower case.
    pub denied_names: Vec<String>,
}

impl Default for AccountLimits {
    fn default() -> Self {
        Self {
            accounts_max: 100_000,
            connections_max: 8,
            made_per_day_max: 3,
            logins_max: 5,
            days_max: 365,
            are_required: false,
            may_be_made: true,
            plain_passwords: false,
            limit_loopback: false,
            denied_names: Vec::new(),
        }
    }
}

/// Limits of history.
#[derive(Clone, Debug)]
pub struct HistoryLimits {
    /// How long the archive may take before a client is answered.
    pub keep_time: Duration,
    /// For how many days a room's lines are kept at most, and unless told otherwise.
    pub days_max: u32,
    /// Lines of a page.
    pub page_lines_max: usize,
    /// Bytes of a page.
    pub page_bytes_max: usize,
    /// Private messages that wait for one account.
    pub waiting_max: u32,
    /// Those of one sender.
    pub waiting_per_sender_max: u32,
    /// Rooms that one account has kept.
    pub kept_rooms_max: usize,
    /// For how many days the lobby's lines are kept, if they are.
    pub lobby_days: Option<u32>,
}

impl Default for HistoryLimits {
    fn default() -> Self {
        Self {
            keep_time: Duration::from_secs(5),
            days_max: 30,
            page_lines_max: 100,
            page_bytes_max: 64 << 10,
            waiting_max: 100,
            waiting_per_sender_max: 20,
            kept_rooms_max: 5,
            lobby_days: None,
        }
    }
}
