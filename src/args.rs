//! The command line of the daemon.

mod people;
mod store;
mod values;

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::builder::Resettable;
use clap::{Arg, ArgAction, CommandFactory, FromArgMatches, Parser, ValueEnum};
use log::LevelFilter;

use chinwag::chat::name::RoomName;
use chinwag::config::store::StorePlace;
use chinwag::config::{Config, Limits, ListenAddr};
use chinwag::wire::text::VERSION;
use people::{Accounts, Keeping, Operators};
use store::Task;
use values::{
    count, keepalive_seconds, line_bytes, listen_addr, rate, room_name, seconds, server_name, size,
    unquoted, yes_or_no,
};

pub use store::StoreTask;

/// Ways to name standard error. As a path it could not be opened where it is a socket, as the journal's is.
const STDERR_PATHS: [&str; 4] = ["-", "/dev/stderr", "/dev/fd/2", "/proc/self/fd/2"];

const AFTER_HELP: &str = "\
Every flag also reads an environment variable: --max-line is CHINWAG_MAX_LINE. An empty one does
not count.
Sizes are in bytes; K, M and G stand for units of 1024. Times are in seconds; 500ms, 2m and 1h do, too.

Examples:
  chinwag --listen 0.0.0.0:12345 --listen '[::]:12345'
  chinwag --listen 12345,unix:/tmp/chinwag.sock --log-level debug
  CHINWAG_MAX_LINE=8K chinwag --stall-time 2m";

/// A chat server for nc, telnet and pipes
#[derive(Debug, Parser)]
#[command(version = VERSION, after_help = AFTER_HELP, max_term_width = 100)]
#[command(disable_help_flag = true, disable_help_subcommand = true)]
pub struct Args {
    /// Print this help
    // clap's default shows a blank line after each flag, and would not fit on two pages.
    #[arg(short, long, action = ArgAction::HelpShort, global = true)]
    help: Option<bool>,

    /// Where to listen: PORT (loopback only), HOST:PORT, [IPV6]:PORT or unix:PATH; repeatable, and
    /// split at commas, so that a PATH can have none [default: 127.0.0.1:12345; none beside sockets
    /// from systemd]
    #[arg(long, value_name = "ADDR", env = "CHINWAG_LISTEN", hide_env = true)]
    #[arg(value_delimiter = ',', value_parser = listen_addr)]
    listen: Vec<Option<ListenAddr>>,

    /// The server's own name, in the answers to /version, /stats and telnet's "are you there"
    #[arg(long, env = "CHINWAG_NAME", hide_env = true, default_value = "chinwag")]
    #[arg(value_parser = server_name)]
    name: String,

    /// The room that everyone enters
    #[arg(long, value_name = "ROOM", env = "CHINWAG_LOBBY", hide_env = true)]
    #[arg(default_value = "lobby", value_parser = room_name)]
    lobby: RoomName,

    /// A file whose lines are shown after the greeting; read at the start only
    #[arg(long, value_name = "FILE", env = "CHINWAG_MOTD", hide_env = true)]
    pub motd: Option<PathBuf>,

    /// The least severe messages to log
    #[arg(long, value_name = "LEVEL", env = "CHINWAG_LOG_LEVEL", hide_env = true)]
    #[arg(default_value = "info", ignore_case = true, help_heading = "Log")]
    log_level: LogLevel,

    /// A file to log to, appended to; standard error without it, or for -
    #[arg(long, value_name = "FILE", env = "CHINWAG_LOG_FILE", hide_env = true)]
    #[arg(help_heading = "Log")]
    log_file: Option<PathBuf>,

    #[command(flatten, next_help_heading = "Limits: who may connect")]
    connecting: Connecting,

    #[command(flatten, next_help_heading = "Limits: what one may send")]
    sending: Sending,

    #[command(flatten, next_help_heading = "Limits: what may wait unread")]
    waiting: Waiting,

    #[command(flatten, next_help_heading = "What is kept")]
    keeping: Keeping,

    #[command(flatten, next_help_heading = "Accounts")]
    accounts: Accounts,

    #[command(flatten, next_help_heading = "Operators")]
    operators: Operators,

    #[command(subcommand)]
    task: Option<Task>,
}

#[derive(Debug, clap::Args)]
struct Connecting {
    /// Clients connected at a time; fewer if the limit of open files allows less
    #[arg(long, value_name = "N", env = "CHINWAG_MAX_CLIENTS", hide_env = true)]
    #[arg(default_value = "10000", value_parser = count)]
    max_clients: usize,

    /// Clients connected from one address (IPv6: one /64), lest one script take every place
    #[arg(
        long,
        value_name = "N",
        env = "CHINWAG_MAX_PER_ADDRESS",
        hide_env = true
    )]
    #[arg(default_value = "16", value_parser = count)]
    max_per_address: usize,

    /// Time to register: long enough to read the greeting
    #[arg(
        long,
        value_name = "SECONDS",
        env = "CHINWAG_REGISTER_TIME",
        hide_env = true
    )]
    #[arg(default_value = "60", value_parser = seconds)]
    register_time: Duration,

    /// Silence before TCP probes whether the peer is alive
    #[arg(
        long,
        value_name = "SECONDS",
        env = "CHINWAG_KEEPALIVE_TIME",
        hide_env = true
    )]
    #[arg(default_value = "60", value_parser = keepalive_seconds)]
    keepalive_time: Duration,

    /// Time that output may go unacknowledged before TCP gives a dead peer up
    #[arg(
        long,
        value_name = "SECONDS",
        env = "CHINWAG_USER_TIMEOUT",
        hide_env = true
    )]
    #[arg(default_value = "90", value_parser = seconds)]
    user_timeout: Duration,

    /// Apply the limits per address and the line rate to this machine's clients too; they are
    /// exempt otherwise, for load tests
    #[arg(long, env = "CHINWAG_LIMIT_LOOPBACK", hide_env = true)]
    #[arg(value_parser = yes_or_no)]
    limit_loopback: bool,
}

#[derive(Debug, clap::Args)]
struct Sending {
    /// Length of a line: longer than anyone types
    #[arg(long, value_name = "BYTES", env = "CHINWAG_MAX_LINE", hide_env = true)]
    #[arg(default_value = "4096", value_parser = line_bytes)]
    max_line: usize,

    /// Lines taken at once: a paste. More are read later; nothing is lost
    #[arg(long, value_name = "N", env = "CHINWAG_LINE_BURST", hide_env = true)]
    #[arg(default_value = "40", value_parser = rate)]
    line_burst: u32,

    /// Lines taken a second after that: faster than anyone types
    #[arg(long, value_name = "N", env = "CHINWAG_LINE_RATE", hide_env = true)]
    #[arg(default_value = "10", value_parser = rate)]
    line_rate: u32,

    /// Lines run for one client before the others have their turn
    #[arg(long, value_name = "N", env = "CHINWAG_TURN_LINES", hide_env = true)]
    #[arg(default_value = "64", value_parser = count)]
    turn_lines: usize,

    /// Bytes read from one client before the others have their turn
    #[arg(
        long,
        value_name = "BYTES",
        env = "CHINWAG_TURN_BYTES",
        hide_env = true
    )]
    #[arg(default_value = "64K", value_parser = size)]
    turn_bytes: usize,

    /// Rooms that one client may be in
    #[arg(long, value_name = "N", env = "CHINWAG_MAX_ROOMS", hide_env = true)]
    #[arg(default_value = "20", value_parser = count)]
    max_rooms: usize,
}

#[derive(Debug, clap::Args)]
struct Waiting {
    /// Unread output of one client before room lines are skipped, and counted: it is screens
    /// behind
    #[arg(
        long,
        value_name = "BYTES",
        env = "CHINWAG_SOFT_LIMIT",
        hide_env = true
    )]
    #[arg(default_value = "64K", value_parser = size)]
    soft_limit: usize,

    /// Unread output of one client before it is closed: it is not reading
    #[arg(
        long,
        value_name = "BYTES",
        env = "CHINWAG_HARD_LIMIT",
        hide_env = true
    )]
    #[arg(default_value = "1M", value_parser = size)]
    hard_limit: usize,

    /// Time that a client may leave output unread before it is closed
    #[arg(
        long,
        value_name = "SECONDS",
        env = "CHINWAG_STALL_TIME",
        hide_env = true
    )]
    #[arg(default_value = "30", value_parser = seconds)]
    stall_time: Duration,

    /// Unread output of all clients before the largest queue is closed: what the machine can
    /// spare
    #[arg(
        long,
        value_name = "BYTES",
        env = "CHINWAG_TOTAL_LIMIT",
        hide_env = true
    )]
    #[arg(default_value = "256M", value_parser = size)]
    total_limit: usize,

    /// Time to read queued output at shutdown: a user's patience
    #[arg(
        long,
        value_name = "SECONDS",
        env = "CHINWAG_SHUTDOWN_TIME",
        hide_env = true
    )]
    #[arg(default_value = "5", value_parser = seconds)]
    shutdown_time: Duration,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum LogLevel {
    #[value(alias = "none")]
    Off,
    #[value(alias = "err")]
    Error,
    #[value(alias = "warning")]
    Warn,
    Info,
    Debug,
    Trace,
}

impl Args {
    /// Reads the command line. On `--help` and `--version` it prints, and exits with 0.
    ///
    /// # Errors
    /// One line that says what makes no sense.
    pub fn read() -> Result<Self, String> {
        let command = Self::command().mut_args(|arg| clean_variable(named_with_its_value(arg)));
        let matches = command.try_get_matches();
        let args = matches.and_then(|mut matches| Self::from_arg_matches_mut(&mut matches));
        args.map_err(|error| {
            use clap::error::ErrorKind;
            if matches!(
                error.kind(),
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
            ) {
                error.exit();
            }
            if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
                return store::WORDS.to_owned();
            }
            if error.kind() == ErrorKind::InvalidUtf8 {
                return format!("{} is no valid UTF-8", sources_of_no_text().join(", "));
            }
            let text = error.render().to_string();
            // The first paragraph says what and why; the rest is about getting help.
            let lines = text.lines().take_while(|line| !line.is_empty());
            let lines: Vec<&str> = lines.map(str::trim).collect();
            let what = lines.join(" ");
            let what = what.strip_prefix("error: ").unwrap_or(&what);
            match variables_behind(what) {
                Some(variables) => format!("{what} ({variables}; --help lists the flags)"),
                None => format!("{what} (--help lists the flags)"),
            }
        })
    }

    /// The least severe level to log.
    pub fn log_level(&self) -> LevelFilter {
        match self.log_level {
            LogLevel::Off => LevelFilter::Off,
            LogLevel::Error => LevelFilter::Error,
            LogLevel::Warn => LevelFilter::Warn,
            LogLevel::Info => LevelFilter::Info,
            LogLevel::Debug => LevelFilter::Debug,
            LogLevel::Trace => LevelFilter::Trace,
        }
    }

    /// The file to log to; none is standard error.
    pub fn log_file(&self) -> Option<PathBuf> {
        let is_stderr = |path: &Path| STDERR_PATHS.iter().any(|stderr| path == Path::new(stderr));
        self.log_file.clone().filter(|path| !is_stderr(path))
    }

    /// What the program is to do instead of chatting, if anything.
    pub fn store_task(&self) -> Option<StoreTask> {
        self.task.as_ref().map(|Task::Store(task)| task.clone())
    }

    /// Where things are kept.
    pub fn store_place(&self) -> StorePlace {
        match self.keeping.store.as_deref() {
            None => StorePlace::Default(store::default_file(|name| env::var_os(name))),
            Some(path) if path == Path::new("none") => StorePlace::Nowhere,
            Some(path) => StorePlace::Named(path.to_owned()),
        }
    }

    /// The file of names that no account may have.
    pub fn deny_names(&self) -> Option<&Path> {
        self.accounts.deny_names.as_deref()
    }

    /// The server's configuration. A process that was started with sockets listens at no address by default.
    ///
    /// # Errors
    /// If two flags make no sense together.
    pub fn into_config(
        self,
        motd: Vec<String>,
        denied_names: Vec<String>,
        has_sockets: bool,
    ) -> Result<Config, String> {
        let place = self.store_place();
        let is_default = self.listen.is_empty();
        let mut listen: Vec<_> = self.listen.into_iter().flatten().collect();
        match (listen.is_empty(), is_default) {
            (true, false) => return Err(with_variables("--listen names no address")),
            (true, true) if !has_sockets => listen.push(ListenAddr::default()),
            _ => {}
        }
        let Self {
            connecting,
            sending,
            waiting,
            keeping,
            accounts,
            operators,
            ..
        } = self;
        let store = keeping.store_config(place, accounts.hash_queue);
        let accounts = accounts.limits(connecting.limit_loopback, denied_names);
        let limits = Limits {
            clients_max: connecting.max_clients,
            clients_per_address_max: connecting.max_per_address,
            register_time: connecting.register_time,
            line_bytes_max: sending.max_line,
            line_burst: sending.line_burst,
            lines_per_second: sending.line_rate,
            limit_loopback: connecting.limit_loopback,
            output_soft_bytes_max: waiting.soft_limit,
            output_hard_bytes_max: waiting.hard_limit,
            output_stall_time: waiting.stall_time,
            output_total_bytes_max: waiting.total_limit,
            turn_lines_max: sending.turn_lines,
            turn_bytes_max: sending.turn_bytes,
            keepalive_time: connecting.keepalive_time,
            user_timeout: connecting.user_timeout,
            rooms_per_client_max: sending.max_rooms,
            shutdown_time: waiting.shutdown_time,
        };
        let config = Config {
            listen,
            server_name: self.name,
            lobby: self.lobby,
            motd,
            operators: operators.op.into_iter().flatten().collect(),
            bans: operators.bans,
            limits,
            store,
            accounts,
            history: keeping.history_limits(),
        };
        config
            .check()
            .map_err(|error| with_variables(&error.to_string()))?;
        Ok(config)
    }
}

/// Has a negative number taken for the flag's value, so that the error names the flag and not the number alone.
fn named_with_its_value(arg: Arg) -> Arg {
    let takes_value = arg.get_action().takes_values();
    arg.allow_negative_numbers(takes_value)
}

/// Reads an argument's variable without the blanks and the pair of quotes around it, which files of variables
/// may bring: docker's `--env-file` has them in the value. An empty variable counts as not set: that is how
/// units and many scripts unset one.
fn clean_variable(arg: Arg) -> Arg {
    let Some(value) = arg.get_env().and_then(env::var_os) else {
        return arg;
    };
    // A value that is no text is left to the argument's own check.
    let Some(clean) = value.to_str().map(unquoted) else {
        return arg;
    };
    match clean {
        "" => arg.env(Resettable::Reset),
        clean if *clean == *value => arg,
        clean => {
            let clean = clean.to_owned();
            arg.env(Resettable::Reset).default_value(clean)
        }
    }
}

/// The flags and variables whose values are no text, which clap does not name.
fn sources_of_no_text() -> Vec<String> {
    let is_no_text = |value: &OsString| value.to_str().is_none();
    let flag_of = |words: [OsString; 2]| {
        let [before, word] = words.map(|word| word.to_string_lossy().into_owned());
        let with_value = word.split_once('=').map(|(flag, _)| flag.to_owned());
        with_value.unwrap_or(before)
    };
    let words = env::args_os().zip(env::args_os().skip(1));
    let flags = words
        .filter(|(_, word)| is_no_text(word))
        .map(|(before, word)| flag_of([before, word]));
    let command = Args::command();
    let variables = command.get_arguments().filter_map(|arg| {
        let variable = arg.get_env()?;
        let value = env::var_os(variable)?;
        is_no_text(&value).then(|| variable.to_string_lossy().into_owned())
    });
    flags.chain(variables).collect()
}

/// An error with the environment variables behind it.
fn with_variables(what: &str) -> String {
    match variables_behind(what) {
        Some(variables) => format!("{what} ({variables})"),
        None => what.to_owned(),
    }
}

/// Names the environment variables behind the flags that an error names: the operator may have given
/// no flag.
fn variables_behind(text: &str) -> Option<String> {
    let given: Vec<OsString> = env::args_os().skip(1).collect();
    let is_given = |flag: &str| {
        let is_it = |word: &OsString| {
            let rest = word.to_str().and_then(|word| word.strip_prefix(flag));
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('='))
        };
        given.iter().any(is_it)
    };
    let command = Args::command();
    let variables = command.get_arguments().filter_map(|arg| {
        let (flag, variable) = (format!("--{}", arg.get_long()?), arg.get_env()?);
        let (_, rest) = text.split_once(&flag)?;
        let is_named = !rest.starts_with(|next: char| next.is_ascii_alphanumeric() || next == '-');
        let is_set =
            env::var_os(variable).is_some_and(|value| value.to_str().map(unquoted) != Some(""));
        (is_named && is_set && !is_given(&flag)).then(|| variable.to_string_lossy())
    });
    let variables: Vec<_> = variables.collect();
    (!variables.is_empty()).then(|| format!("from the environment: {}", variables.join(", ")))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use chinwag::chat::limits::{AccountLimits, HistoryLimits};
    use chinwag::config::store::StoreConfig;

    #[test]
    fn defaults_are_those_of_the_library() {
        let args = Args::try_parse_from(["chinwag"]).unwrap();
        let config = args.into_config(Vec::new(), Vec::new(), false).unwrap();
        assert_eq!(
            format!("{:?}", config.limits),
            format!("{:?}", Limits::default())
        );
        assert_eq!(
            format!("{:?}", config.accounts),
            format!("{:?}", AccountLimits::default())
        );
        assert_eq!(
            format!("{:?}", config.history),
            format!("{:?}", HistoryLimits::default())
        );
        let store = StoreConfig {
            place: config.store.place.clone(),
            ..StoreConfig::default()
        };
        assert_eq!(format!("{:?}", config.store), format!("{store:?}"));
    }

    #[test]
    fn flag_about_what_is_kept_needs_a_store() {
        for (flags, why) in [
            (
                &["--keep-lobby", "3"][..],
                Some("--keep-lobby needs a store, and --store is none"),
            ),
            (
                &["--require-account"],
                Some("--require-account needs a store, and --store is none"),
            ),
            (
                &["--search"],
                Some("--search needs a store, and --store is none"),
            ),
            (
                &["--op", "boss,"],
                Some("--op needs a store, and --store is none"),
            ),
            (&["--bans", "bans.txt"], None),
            (&["--keep-time", "1"], None),
        ] {
            for (store, why) in [("none", why), ("none.db", None)] {
                let args = [&["chinwag", "--store", store], flags].concat();
                let args = Args::try_parse_from(args).unwrap();
                let config = args.into_config(Vec::new(), Vec::new(), false);
                assert_eq!(config.err().as_deref(), why, "{store} {flags:?}");
            }
        }
        let args = ["chinwag", "--keep-lobby", "31"];
        let config = Args::try_parse_from(args).unwrap();
        let config = config.into_config(Vec::new(), Vec::new(), false);
        let why = "--keep-lobby is 31 days and must be at most 30, as --history-days is";
        assert_eq!(config.unwrap_err(), why);
    }

    #[test]
    fn store_is_looked_after_with_the_flag_before_or_behind() {
        let task = |words: &[&str]| {
            let args = Args::try_parse_from([&["chinwag"], words].concat()).unwrap();
            (args.store_task(), args.store_place())
        };
        let named = StorePlace::Named("x.db".into());
        for (words, expected) in [
            (&["store", "check", "--store", "x.db"][..], StoreTask::Check),
            (&["--store", "x.db", "store", "check"], StoreTask::Check),
            (
                &["store", "--store", "x.db", "backup", "y.db"],
                StoreTask::Backup {
                    file: "y.db".into(),
                },
            ),
            (
                &["store", "bans", "--json", "--store", "x.db"],
                StoreTask::Bans { json: true },
            ),
            (
                &["store", "unban", "7", "--store", "x.db"],
                StoreTask::Unban { n: 7 },
            ),
            (
                &["store", "reset-password", "alice", "--store", "x.db"],
                StoreTask::ResetPassword {
                    name: "alice".into(),
                },
            ),
        ] {
            assert_eq!(task(words), (Some(expected), named.clone()), "{words:?}");
        }
        assert_eq!(task(&["--store", "x.db"]), (None, named));
        assert_eq!(task(&["--store", "none"]).1, StorePlace::Nowhere);
        assert!(Args::try_parse_from(["chinwag", "store"]).is_err());
        assert!(Args::try_parse_from(["chinwag", "store", "backup"]).is_err());
        assert!(Args::try_parse_from(["chinwag", "store", "unban", "x"]).is_err());
    }

    #[test]
    fn default_address_is_for_a_start_without_any() {
        let listen = |flags: &[&str], has_sockets| {
            let args = Args::try_parse_from([&["chinwag"], flags].concat()).unwrap();
            let config = args
                .into_config(Vec::new(), Vec::new(), has_sockets)
                .unwrap();
            config
                .listen
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
        };
        assert_eq!(listen(&[], false), ["127.0.0.1:12345"]);
        assert_eq!(listen(&[], true), [""; 0]);
        for has_sockets in [true, false] {
            assert_eq!(listen(&["--listen", "1"], has_sockets), ["127.0.0.1:1"]);
        }
    }

    #[test]
    fn flag_has_its_variable_and_help_fits_on_two_pages_and_a_half() {
        let mut command = Args::command();
        command.clone().debug_assert();
        for arg in command.get_arguments() {
            let Some(flag) = arg
                .get_long()
                .filter(|flag| !["help", "version"].contains(flag))
            else {
                continue;
            };
            let variable = format!("CHINWAG_{}", flag.to_uppercase().replace('-', "_"));
            assert_eq!(
                arg.get_env().and_then(|env| env.to_str()),
                Some(variable.as_str())
            );
        }
        let help = command.render_help().to_string();
        assert!(
            help.lines().count() <= 165,
            "{} lines of 66 a page",
            help.lines().count()
        );
    }
}
