//! The flags about accounts, and about what is kept.

use std::path::PathBuf;
use std::time::Duration;

use chinwag::chat::limits::{AccountLimits, HistoryLimits};
use chinwag::chat::name::Name;
use chinwag::config::store::{StoreConfig, StorePlace};

use super::values::{account_name, count, days, page_lines, rate, seconds, size, yes_or_no};

/// What is kept, and for how long.
#[derive(Debug, clap::Args)]
#[expect(clippy::doc_markdown, reason = "it is the text of the help")]
pub struct Keeping {
    /// The file in which accounts and history are kept, or none [default: chat.db in
    /// $STATE_DIRECTORY, else in $XDG_STATE_HOME/chinwag, else in ~/.local/state/chinwag]
    #[arg(
        long,
        value_name = "FILE|none",
        env = "CHINWAG_STORE",
        hide_env = true,
        global = true
    )]
    pub store: Option<PathBuf>,

    /// Time that the disk may take before one is told that it is slow
    #[arg(
        long,
        value_name = "SECONDS",
        env = "CHINWAG_KEEP_TIME",
        hide_env = true
    )]
    #[arg(default_value = "5", value_parser = seconds)]
    pub keep_time: Duration,

    /// Lines on their way to the disk, before further ones are not kept
    #[arg(
        long,
        value_name = "BYTES",
        env = "CHINWAG_KEEP_QUEUE",
        hide_env = true
    )]
    #[arg(default_value = "16M", value_parser = size)]
    pub keep_queue: usize,

    /// Days that lines are kept at most
    #[arg(
        long,
        value_name = "DAYS",
        env = "CHINWAG_HISTORY_DAYS",
        hide_env = true
    )]
    #[arg(default_value = "30", value_parser = days)]
    pub history_days: u32,

    /// Size of all that is kept, before the oldest lines go
    #[arg(
        long,
        value_name = "BYTES",
        env = "CHINWAG_HISTORY_BYTES",
        hide_env = true
    )]
    #[arg(default_value = "2G", value_parser = size)]
    pub history_bytes: usize,

    /// Lines of one page of history
    #[arg(long, value_name = "N", env = "CHINWAG_HISTORY_PAGE", hide_env = true)]
    #[arg(default_value = "100", value_parser = page_lines)]
    pub history_page: usize,

    /// Keep what is said in the lobby, too, for so many days
    #[arg(long, value_name = "DAYS", env = "CHINWAG_KEEP_LOBBY", hide_env = true)]
    #[arg(value_parser = days)]
    pub keep_lobby: Option<u32>,

    /// Let people search for words; each line costs more to keep, and to forget
    #[arg(long, env = "CHINWAG_SEARCH", hide_env = true)]
    #[arg(value_parser = yes_or_no)]
    pub search: bool,

    /// Private messages that wait for one who is not here
    #[arg(long, value_name = "N", env = "CHINWAG_WAITING", hide_env = true)]
    #[arg(default_value = "100", value_parser = rate)]
    pub waiting: u32,
}

/// Who may have an account, and what it may do.
#[derive(Debug, clap::Args)]
#[expect(
    clippy::struct_field_names,
    reason = "they are named as their flags are"
)]
pub struct Accounts {
    /// Accounts that there may be
    #[arg(long, value_name = "N", env = "CHINWAG_MAX_ACCOUNTS", hide_env = true)]
    #[arg(default_value = "100000", value_parser = count)]
    pub max_accounts: usize,

    /// Connections of one account; one more closes the one that is idle for longest
    #[arg(
        long,
        value_name = "N",
        env = "CHINWAG_MAX_PER_ACCOUNT",
        hide_env = true
    )]
    #[arg(default_value = "8", value_parser = count)]
    pub max_per_account: usize,

    /// Accounts that one address may make in a day
    #[arg(long, value_name = "N", env = "CHINWAG_ACCOUNT_RATE", hide_env = true)]
    #[arg(default_value = "3", value_parser = rate)]
    pub account_rate: u32,

    /// Passwords that one address may try at once, and again in each minute
    #[arg(long, value_name = "N", env = "CHINWAG_LOGIN_RATE", hide_env = true)]
    #[arg(default_value = "5", value_parser = rate)]
    pub login_rate: u32,

    /// Passwords that wait to be checked: a second's work
    #[arg(long, value_name = "N", env = "CHINWAG_HASH_QUEUE", hide_env = true)]
    #[arg(default_value = "64", value_parser = count)]
    pub hash_queue: usize,

    /// Days after which an account that nobody uses is gone
    #[arg(
        long,
        value_name = "DAYS",
        env = "CHINWAG_ACCOUNT_DAYS",
        hide_env = true
    )]
    #[arg(default_value = "365", value_parser = days)]
    pub account_days: u32,

    /// Let nobody in without an account
    #[arg(long, env = "CHINWAG_REQUIRE_ACCOUNT", hide_env = true)]
    #[arg(value_parser = yes_or_no)]
    pub require_account: bool,

    /// Let nobody make an account
    #[arg(long, env = "CHINWAG_NO_NEW_ACCOUNTS", hide_env = true)]
    #[arg(value_parser = yes_or_no)]
    pub no_new_accounts: bool,

    /// Take passwords that come unencrypted from other machines
    #[arg(long, env = "CHINWAG_PLAIN_PASSWORDS", hide_env = true)]
    #[arg(value_parser = yes_or_no)]
    pub plain_passwords: bool,

    /// A file of names that no account may have, one a line; read at the start only
    #[arg(long, value_name = "FILE", env = "CHINWAG_DENY_NAMES", hide_env = true)]
    pub deny_names: Option<PathBuf>,
}

/// Who keeps order, and whom they keep out.
#[derive(Debug, clap::Args)]
pub struct Operators {
    /// Accounts that are operators of the server, split at commas; so is who comes by a Unix socket
    /// as the daemon's own user, or as root
    #[arg(long, value_name = "NAME", env = "CHINWAG_OP", hide_env = true)]
    #[arg(value_delimiter = ',', value_parser = account_name)]
    pub op: Vec<Option<Name>>,

    /// A file of addresses that are kept out: one in CIDR and why a line; read at SIGHUP, too
    #[arg(long, value_name = "FILE", env = "CHINWAG_BANS", hide_env = true)]
    pub bans: Option<PathBuf>,
}

impl Keeping {
    /// The limits of history.
    pub fn history_limits(&self) -> HistoryLimits {
        HistoryLimits {
            keep_time: self.keep_time,
            days_max: self.history_days,
            page_lines_max: self.history_page,
            waiting_max: self.waiting,
            lobby_days: self.keep_lobby,
            ..HistoryLimits::default()
        }
    }

    /// The store at `place`, where so many passwords may wait.
    pub fn store_config(&self, place: StorePlace, hashes_max: usize) -> StoreConfig {
        StoreConfig {
            place,
            queue_bytes_max: self.keep_queue,
            hashes_max,
            history_days_max: self.history_days,
            history_bytes_max: self.history_bytes as u64,
            search: self.search,
        }
    }
}

impl Accounts {
    /// The limits of accounts.
    pub fn limits(&self, limit_loopback: bool, denied_names: Vec<String>) -> AccountLimits {
        AccountLimits {
            accounts_max: self.max_accounts,
            connections_max: self.max_per_account,
            made_per_day_max: self.account_rate,
            logins_max: self.login_rate,
            days_max: self.account_days,
            are_required: self.require_account,
            may_be_made: !self.no_new_accounts,
            plain_passwords: self.plain_passwords,
            limit_loopback,
            denied_names,
        }
    }
}
