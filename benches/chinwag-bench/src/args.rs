//! The command line of the load generator.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::error::ErrorKind;
use clap::{Parser, Subcommand};

use crate::client::CLIENTS_MAX;
use crate::compare::{BENCHMARKS, Rounds};
use crate::dialect::Dialect;
use crate::parsers::{COUNT_MAX, rate, recipe, seconds, target, within};
use crate::scenario::Scenario;
use crate::server::{Recipe, SUPERVISE};
use crate::soak::Soak;
use crate::stamp::STAMP_BYTES;
use crate::target::Target;

const AFTER_HELP: &str = "\
Without a command, it starts the chinwag beside it, tries it for half a minute, and says what it
carries on this machine.

Examples:
  chinwag-bench                                     what does this machine carry?
  chinwag-bench dm --clients 1000 --window 4        private messages, as fast as they go
  chinwag-bench --addr chat.lan:12345 rate          a server that runs already
  chinwag-bench --server redis dm                   another server, started for the test
  chinwag-bench compare --servers floor,chinwag     ratios, turn by turn";

/// Thousands of synthetic clients for a chat server
#[derive(Debug, Parser)]
#[command(name = "chinwag-bench", version, after_help = AFTER_HELP, max_term_width = 100)]
pub struct Args {
    #[command(flatten)]
    pub common: Common,

    /// Without a command: not more clients than these
    #[arg(long, value_parser = within(2..=CLIENTS_MAX))]
    pub clients: Option<usize>,

    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What all workloads have in common.
#[derive(Clone, Debug, clap::Args)]
pub struct Common {
    /// A server that runs already: HOST:PORT or unix:PATH. One is started without this
    #[arg(long, global = true, value_parser = target)]
    pub addr: Option<Target>,

    /// The process of that server, to show what it uses
    #[arg(long, global = true)]
    pub pid: Option<u32>,

    /// What that server speaks; chinwag, if nothing is said
    #[arg(long, global = true, value_parser = dialect())]
    pub dialect: Option<&'static Dialect>,

    /// The server to start: chinwag (if nothing is said), floor, redis, ngircd, inspircd, nats, or
    /// NAME=DIALECT=COMMAND, where @PORT@ in the command is the port
    #[arg(long, global = true, value_parser = recipe)]
    pub server: Option<Recipe>,

    /// How long to measure, in seconds: 5 if nothing is said, and 60 for a soak
    #[arg(long, global = true, value_parser = seconds)]
    pub time: Option<Duration>,

    /// How long to run before that, in seconds
    #[arg(long, global = true, default_value = "1", value_parser = seconds)]
    pub warm_up: Duration,

    /// How long to wait for what is under way after that, in seconds; then it counts as lost
    #[arg(long, global = true, default_value = "10", value_parser = seconds)]
    pub drain: Duration,

    /// Bytes of a message
    #[arg(long, global = true, value_name = "BYTES", default_value = "64")]
    #[arg(value_parser = within(STAMP_BYTES..=1 << 20))]
    pub size: usize,

    /// How often to do it all; more than once, the median and the spread are shown too
    #[arg(long, global = true, default_value = "1", value_parser = within(1..=COUNT_MAX))]
    pub runs: usize,

    /// Where what is random starts; the same number, the same recipients
    #[arg(long, global = true, default_value = "1")]
    pub seed: u64,

    /// One line of JSON for each run, and nothing else on standard output
    #[arg(long, global = true)]
    pub json: bool,

    /// Draw latencies, and how it went over time, into this file (not for idle, find-limit and
    /// floor)
    #[arg(long, global = true, value_name = "FILE")]
    pub svg: Option<PathBuf>,

    /// Leave it to the system which processor runs what; otherwise a started server has one for
    /// itself
    #[arg(long, global = true)]
    pub no_pin: bool,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    #[command(flatten)]
    Scenario(Scenario),
    /// Doubles a rate of private messages until their latency passes a bound
    #[command(after_help = "Example: chinwag-bench ramp --clients 1000 --p99-max 0.005")]
    Ramp {
        /// How many clients, each of which writes to a random other
        #[arg(long, default_value = "1000", value_parser = within(2..=CLIENTS_MAX))]
        clients: usize,
        /// Messages a second to start with
        #[arg(long, default_value = "1000", value_parser = rate)]
        rate: f64,
        /// The p99 that is too much, in seconds
        #[arg(long, value_name = "SECONDS", default_value = "0.01", value_parser = seconds)]
        p99_max: Duration,
    },
    /// Connects more and more clients until no more fit
    #[command(after_help = "Example: chinwag-bench find-limit --addr chat.lan:12345")]
    FindLimit {
        /// Not more than these
        #[arg(long, value_parser = within(2..=CLIENTS_MAX))]
        clients: Option<usize>,
    },
    /// Servers under the same workloads, turn by turn, as ratios to the first of them
    #[command(after_help = compare_help())]
    Compare(Rounds),
    /// Everything at once for a long time: chat that is checked, and visitors who come, go, flood,
    /// break off and do not read
    #[command(after_help = "Example: chinwag-bench soak --minutes 60 --svg soak.svg")]
    Soak(Soak),
    /// A relay that does the least that any server must, to measure others against
    #[command(after_help = "Example: chinwag-bench floor --listen 127.0.0.1:12346")]
    Floor {
        /// Where to listen
        #[arg(long, default_value = "127.0.0.1:12346")]
        listen: SocketAddr,
    },
    /// Runs a server that ends with this program's parent
    #[command(name = SUPERVISE, hide = true)]
    Supervise {
        /// The server's program and its arguments
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        words: Vec<String>,
    },
}

impl Args {
    /// Reads the command line. On `--help` and `--version` it prints, and exits with 0.
    pub fn read() -> Result<Self, String> {
        let args = Self::try_parse().map_err(|error| {
            if matches!(
                error.kind(),
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
            ) {
                error.exit();
            }
            let text = error.render().to_string();
            // What and why are its first paragraph; the rest is about how to get help.
            let lines = text.lines().take_while(|line| !line.is_empty());
            let lines: Vec<&str> = lines.map(str::trim).collect();
            let what = lines.join(" ");
            let what = what.strip_prefix("error: ").unwrap_or(&what);
            format!("{what} (--help lists the flags)")
        })?;
        args.check()?;
        Ok(args)
    }
}

fn compare_help() -> String {
    let mut text = String::from("Workloads:\n");
    for [name, _, about] in BENCHMARKS {
        let _ = writeln!(text, "  {name:<11} {about}");
    }
    text.push_str(
        "\nExample: chinwag-bench compare --servers floor,chinwag,redis --workloads dm-100",
    );
    text
}

fn dialect() -> impl TypedValueParser<Value = &'static Dialect> {
    let names = PossibleValuesParser::new(Dialect::ALL.map(|dialect| dialect.name));
    names.try_map(|name| Dialect::parse(&name))
}
