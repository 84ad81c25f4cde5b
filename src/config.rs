//! Configuration: plain data, each default with its reason.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use thiserror::Error;

use crate::chat::limits::{AccountLimits, HistoryLimits};
use crate::chat::name::{Name, RoomName};

pub mod store;

use store::{StoreConfig, StorePlace};

/// The host of a port without one: this machine alone.
const LOOPBACK: &str = "127.0.0.1";

/// The default port.
pub const PORT: u16 = 12345;

/// Linux's timers, which become coarser with their length, fire late by this part of it at most.
const KERNEL_TIMERS_LATE: u32 = 8;

/// The server's configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where to listen, beside sockets that the process was started with.
    pub listen: Vec<ListenAddr>,
    /// The server's own name.
    pub server_name: String,
    /// The room everyone enters.
    pub lobby: RoomName,
    /// Lines shown after the greeting.
    pub motd: Vec<String>,
    /// The accounts that are operators of the server.
    pub operators: Vec<Name>,
    /// A file of bans.
    pub bans: Option<PathBuf>,
    /// All limits but those of what is kept.
    pub limits: Limits,
    /// Where things are kept, and how much.
    pub store: StoreConfig,
    /// Limits of accounts.
    pub accounts: AccountLimits,
    /// Limits of history.
    pub history: HistoryLimits,
}

/// Why a configuration makes no sense as a whole.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ConfigError {
    /// Two limits disagree.
    #[error(transparent)]
    Limits(#[from] LimitsError),
    /// A flag asks for something that is not kept.
    #[error("{0} needs a store, and --store is none")]
    NoStore(&'static str),
    /// The lobby's lines would be kept for longer than any may be.
    #[error("--keep-lobby is {days} days and must be at most {days_max}, as --history-days is")]
    LobbyDays {
        /// As wished.
        days: u32,
        /// As allowed.
        days_max: u32,
    },
}

impl Config {
    /// Checks the parts against each other.
    ///
    /// # Errors
    /// The first thing that makes no sense beside another.
    pub fn check(&self) -> Result<(), ConfigError> {
        self.limits.check()?;
        if self.store.place == StorePlace::Nowhere {
            let needs = [
                ("--keep-lobby", self.history.lobby_days.is_some()),
                // Nobody could ever come in.
                ("--require-account", self.accounts.are_required),
                ("--search", self.store.search),
                ("--op", !self.operators.is_empty()),
            ];
            if let Some((flag, _)) = needs.into_iter().find(|(_, needs)| *needs) {
                return Err(ConfigError::NoStore(flag));
            }
        }
        let days_max = self.history.days_max;
        if let Some(days) = self.history.lobby_days.filter(|days| *days > days_max) {
            return Err(ConfigError::LobbyDays { days, days_max });
        }
        // Otherwise one long line could never be kept.
        let least = self.limits.line_bytes_max.saturating_mul(KEPT_LINE_FACTOR);
        let queue = self.store.queue_bytes_max;
        at_least("--keep-queue", queue, least, "16 times --max-line")?;
        Ok(())
    }
}

/// A line that is kept takes at most so many times its own limit: an invalid byte becomes three, and several
/// clients have their turn at the same time.
const KEPT_LINE_FACTOR: usize = 16;

/// All limits, with their reasons. Sizes are in bytes.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Connections at a time. Ten thousand is what one core carries with ease.
    pub clients_max: usize,
    /// Connections at a time from one address (IPv6: one /64, which is one household). A room full
    /// of people behind one router fits; one person's script cannot take every place.
    pub clients_per_address_max: usize,
    /// How long a connection may go without a name: long enough to read the greeting.
    pub register_time: Duration,
    /// A line's length: as long as anyone types or pastes, and a terminal's own limit.
    pub line_bytes_max: usize,
    /// Lines taken at once from one client: a paste.
    pub line_burst: u32,
    /// Lines taken per second from one client past that: faster than anyone types.
    pub lines_per_second: u32,
    /// Whether the limits per address and the line rate count for this machine's own clients too.
    pub limit_loopback: bool,
    /// Unread output past which room lines are skipped: several screens' worth behind.
    pub output_soft_bytes_max: usize,
    /// Unread output past which a client is closed.
    pub output_hard_bytes_max: usize,
    /// How long a client may leave output unread.
    pub output_stall_time: Duration,
    /// Unread output of all clients together: what a small machine can spare.
    pub output_total_bytes_max: usize,
    /// Lines run for one client before the others have their turn.
    pub turn_lines_max: usize,
    /// Bytes read from one client before the others have their turn.
    pub turn_bytes_max: usize,
    /// How long a connection is silent before TCP probes whether its peer is alive.
    pub keepalive_time: Duration,
    /// How long TCP waits for sent bytes to be acknowledged.
    pub user_timeout: Duration,
    /// Rooms that one client may be in.
    pub rooms_per_client_max: usize,
    /// How long queued output may take to be read when the server exits.
    pub shutdown_time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            clients_max: 10_000,
            clients_per_address_max: 16,
            register_time: Duration::from_secs(60),
            line_bytes_max: 4096,
            line_burst: 40,
            lines_per_second: 10,
            limit_loopback: false,
            output_soft_bytes_max: 64 << 10,
            output_hard_bytes_max: 1 << 20,
            output_stall_time: Duration::from_secs(30),
            output_total_bytes_max: 256 << 20,
            turn_lines_max: 64,
            turn_bytes_max: 64 << 10,
            keepalive_time: Duration::from_secs(60),
            user_timeout: Duration::from_secs(90),
            rooms_per_client_max: 20,
            shutdown_time: Duration::from_secs(5),
        }
    }
}

/// The most that may be set as one client's unread output: places in it have 31 bits.
const OUTPUT_HARD_BYTES_MAX: usize = 1 << 30;

/// A limit that makes no sense by itself or beside another.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{flag} is {bytes} bytes and must be {bound} {bound_bytes}, {why}")]
pub struct LimitsError {
    flag: &'static str,
    bytes: usize,
    /// `at least` or `at most`.
    bound: &'static str,
    bound_bytes: usize,
    /// How the bound follows from another limit.
    why: &'static str,
}

impl Limits {
    /// TCP's time from one probe of a silent peer to the next.
    #[must_use]
    pub fn keepalive_interval(&self) -> Duration {
        self.keepalive_time / 6
    }

    /// The longest time until TCP gives a lost connection up. One that nothing is written to ends at the
    /// first probe after both the user timeout and an earlier probe. But what is written just before that
    /// stops the probes, and has the user timeout to itself.
    #[must_use]
    pub fn lost_time_max(&self) -> Duration {
        let silent = self.keepalive_time.max(self.user_timeout) + self.keepalive_interval();
        let most = silent + self.user_timeout;
        most + most / KERNEL_TIMERS_LATE
    }

    /// Checks the limits against each other.
    ///
    /// # Errors
    /// The first that makes no sense beside another.
    pub fn check(&self) -> Result<(), LimitsError> {
        let (line, soft) = (self.line_bytes_max, self.output_soft_bytes_max);
        let hard = self.output_hard_bytes_max;
        // Otherwise a room line could never be queued: an invalid byte becomes three, and a name and a
        // room come before the text.
        let least = line.saturating_mul(4);
        at_least("--soft-limit", soft, least, "4 times --max-line")?;
        // Otherwise a client would be closed before a line was skipped.
        let least = soft.saturating_mul(2);
        at_least("--hard-limit", hard, least, "twice --soft-limit")?;
        if hard > OUTPUT_HARD_BYTES_MAX {
            return Err(LimitsError {
                flag: "--hard-limit",
                bytes: hard,
                bound: "at most",
                bound_bytes: OUTPUT_HARD_BYTES_MAX,
                why: "a gibibyte",
            });
        }
        // Otherwise one client could fill the share of all.
        let total = self.output_total_bytes_max;
        at_least("--total-limit", total, hard, "as --hard-limit is")?;
        // Otherwise a line could not be read in one turn.
        at_least(
            "--turn-bytes",
            self.turn_bytes_max,
            line,
            "as --max-line is",
        )
    }
}

fn at_least(
    flag: &'static str,
    bytes: usize,
    least_bytes: usize,
    why: &'static str,
) -> Result<(), LimitsError> {
    if bytes >= least_bytes {
        return Ok(());
    }
    Err(LimitsError {
        flag,
        bytes,
        bound: "at least",
        bound_bytes: least_bytes,
        why,
    })
}

/// Where to listen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListenAddr {
    /// A host name or address, and a port; 0 lets the system choose.
    Tcp {
        /// Without the brackets of an IPv6 address.
        host: String,
        /// The port.
        port: u16,
    },
    /// A path in the file system.
    Unix(PathBuf),
}

/// Why a text is no address to listen on.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ListenAddrError {
    /// No host, or no port.
    #[error("it is neither PORT, HOST:PORT, [IPV6]:PORT nor unix:PATH")]
    Form,
    /// Not a number up to 65535.
    #[error("'{0}' is not a port from 0 to 65535")]
    Port(String),
    /// `:PORT` or `*:PORT`: it does not say which addresses of which protocol.
    #[error("it names no host; 0.0.0.0 and [::] mean every address of this machine")]
    NoHost,
    /// `unix:` and nothing.
    #[error("the path is missing")]
    NoPath,
}

/// The default port of the loopback.
impl Default for ListenAddr {
    fn default() -> Self {
        Self::Tcp {
            host: LOOPBACK.to_owned(),
            port: PORT,
        }
    }
}

impl FromStr for ListenAddr {
    type Err = ListenAddrError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parse_port = |port: &str| {
            port.parse()
                .map_err(|_| ListenAddrError::Port(port.to_owned()))
        };
        if let Some(path) = text.strip_prefix("unix:") {
            if path.is_empty() {
                return Err(ListenAddrError::NoPath);
            }
            return Ok(Self::Unix(path.into()));
        }
        if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Ok(Self::Tcp {
                host: LOOPBACK.to_owned(),
                port: parse_port(text)?,
            });
        }
        let (host, port) = text.rsplit_once(':').ok_or(ListenAddrError::Form)?;
        let bracketed = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'));
        match (bracketed, host) {
            (None, "" | "*") => Err(ListenAddrError::NoHost),
            // An IPv6 address without brackets could end in what looks like a port.
            (None, host) if host.contains(':') => Err(ListenAddrError::Form),
            (bracketed, host) => {
                let host = bracketed.unwrap_or(host).to_owned();
                Ok(Self::Tcp {
                    host,
                    port: parse_port(port)?,
                })
            }
        }
    }
}

impl fmt::Display for ListenAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_shown_alike() {
        for (text, shown) in [
            ("4000", "127.0.0.1:4000"),
            ("0.0.0.0:4000", "0.0.0.0:4000"),
            ("localhost:0", "localhost:0"),
            ("[::1]:4000", "[::1]:4000"),
            ("unix:/run/chinwag.sock", "unix:/run/chinwag.sock"),
        ] {
            assert_eq!(text.parse::<ListenAddr>().unwrap().to_string(), shown);
        }
        for (text, error) in [
            ("", ListenAddrError::Form),
            ("here", ListenAddrError::Form),
            ("::1:4000", ListenAddrError::Form),
            (":4000", ListenAddrError::NoHost),
            ("*:4000", ListenAddrError::NoHost),
            ("unix:", ListenAddrError::NoPath),
            ("65536", ListenAddrError::Port("65536".into())),
            ("localhost:chat", ListenAddrError::Port("chat".into())),
        ] {
            assert_eq!(text.parse::<ListenAddr>(), Err(error), "{text}");
        }
    }

    #[test]
    fn defaults_make_sense_together_and_conflicts_are_found() {
        assert_eq!(Limits::default().check(), Ok(()));
        let nonsense = [
            (
                Limits {
                    output_soft_bytes_max: 4096,
                    ..Limits::default()
                },
                "--soft-limit is 4096 bytes and must be at least 16384, 4 times --max-line",
            ),
            (
                Limits {
                    output_soft_bytes_max: 2 << 20,
                    ..Limits::default()
                },
                "--hard-limit is 1048576 bytes and must be at least 4194304, twice --soft-limit",
            ),
            (
                Limits {
                    output_hard_bytes_max: (1 << 30) + 1,
                    ..Limits::default()
                },
                "--hard-limit is 1073741825 bytes and must be at most 1073741824, a gibibyte",
            ),
            (
                Limits {
                    output_total_bytes_max: 65_536,
                    ..Limits::default()
                },
                "--total-limit is 65536 bytes and must be at least 1048576, as --hard-limit is",
            ),
            (
                Limits {
                    turn_bytes_max: 100,
                    ..Limits::default()
                },
                "--turn-bytes is 100 bytes and must be at least 4096, as --max-line is",
            ),
        ];
        for (limits, why) in nonsense {
            let found = limits.check().map_err(|error| error.to_string());
            assert_eq!(found, Err(why.to_owned()), "{limits:?}");
        }
        let least = Limits {
            line_bytes_max: 1 << 20,
            turn_bytes_max: 1 << 20,
            output_soft_bytes_max: 4 << 20,
            output_hard_bytes_max: 8 << 20,
            output_total_bytes_max: 8 << 20,
            ..Limits::default()
        };
        assert_eq!(least.check(), Ok(()));
    }
}
