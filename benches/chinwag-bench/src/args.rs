//! The command line of the load generator.

use std::fmt::Write as _;
use std::iter;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::error::ErrorKind;
use clap::{Parser, Subcommand};

use crate::client::CLIENTS_MAX;
use crate::compare::{BENCHMARKS, Benchmark};
use crate::dialect::Dialect;
use crate::parsers::{COUNT_MAX, minutes, rate, recipe, seconds, target, within};
use crate::server::{Recipe, SUPERVISE};
use crate::soak::CLIENTS_MIN;
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

/// In a soak, visitors have the names behind these.
const STEADY_MAX: usize = 100_000;

/// Each has an account, whose password takes the server some time.
const SPEAKERS_MAX: usize = 1000;

/// Kept lines of one client that the daemon takes before it has answered them.
const UNANSWERED_MAX: usize = 64;

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
    /// A room whose lines are kept: what it costs, and whether what was answered is there afterwards
    #[command(after_help = "Example: chinwag-bench kept --kill --rounds 10 --waiting 0.1")]
    Kept(Kept),
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

/// A workload as the command line names it.
#[derive(Clone, Copy, Debug, PartialEq, Subcommand)]
pub enum Scenario {
    /// Private messages in a closed loop: each client keeps some under way
    #[command(after_help = "Example: chinwag-bench dm --clients 1000 --window 4")]
    Dm {
        /// How many clients, each of which writes to a random other
        #[arg(long, default_value = "100", value_parser = within(2..=CLIENTS_MAX))]
        clients: usize,
        /// Messages that each keeps under way
        #[arg(long, default_value = "8", value_parser = within(1..=COUNT_MAX))]
        window: usize,
    },
    /// Private messages at a fixed rate; latency counts from when each was meant to go
    #[command(after_help = "Example: chinwag-bench rate --clients 10000 --rate 20000")]
    Rate {
        /// How many clients, each of which writes to a random other
        #[arg(long, default_value = "1000", value_parser = within(2..=CLIENTS_MAX))]
        clients: usize,
        /// Messages a second, all clients together
        #[arg(long, default_value = "10000", value_parser = rate)]
        rate: f64,
    },
    /// A room in which some speak, each with some lines under way
    #[command(after_help = "Example: chinwag-bench room --members 1000 --speakers 10 --window 4")]
    Room {
        /// How many are in the room
        #[arg(long, default_value = "1000", value_parser = within(2..=CLIENTS_MAX))]
        members: usize,
        /// How many of them speak
        #[arg(long, default_value = "10", value_parser = within(1..=COUNT_MAX))]
        speakers: usize,
        /// Lines that each of those keeps under way
        #[arg(long, default_value = "4", value_parser = within(1..=COUNT_MAX))]
        window: usize,
    },
    /// Private messages at a fixed rate while a big room is spoken to
    #[command(
        after_help = "Example: chinwag-bench mixed --members 9900 --room-rate 10 --clients 100"
    )]
    Mixed {
        /// How many are in the room
        #[arg(long, default_value = "5000", value_parser = within(2..=CLIENTS_MAX))]
        members: usize,
        /// How many of them speak
        #[arg(long, default_value = "10", value_parser = within(1..=COUNT_MAX))]
        speakers: usize,
        /// Lines a second in the room
        #[arg(long, default_value = "10", value_parser = rate)]
        room_rate: f64,
        /// How many others write to each other
        #[arg(long, default_value = "100", value_parser = within(2..=CLIENTS_MAX))]
        clients: usize,
        /// Private messages a second, all of these together
        #[arg(long, default_value = "1000", value_parser = rate)]
        rate: f64,
    },
    /// Clients that register and then do nothing: memory and processor time for each
    #[command(after_help = "Example: chinwag-bench idle --clients 5000 --time 10")]
    Idle {
        /// How many
        #[arg(long, default_value = "5000", value_parser = within(2..=CLIENTS_MAX))]
        clients: usize,
    },
    /// Connects and quits as fast as they go, while two users chat
    #[command(after_help = "Example: chinwag-bench storm --at-once 1000")]
    Storm {
        /// How many come and go at a time
        #[arg(long, default_value = "1000", value_parser = within(2..=CLIENTS_MAX))]
        at_once: usize,
        /// Messages a second between the two
        #[arg(long, default_value = "200", value_parser = rate)]
        rate: f64,
    },
    /// A room of which a share stops reading, and reads on at the end
    #[command(after_help = "Example: chinwag-bench slow --members 50 --share 0.2")]
    Slow {
        /// How many are in the room
        #[arg(long, default_value = "50", value_parser = within(2..=CLIENTS_MAX))]
        members: usize,
        /// How many of them speak
        #[arg(long, default_value = "10", value_parser = within(1..=COUNT_MAX))]
        speakers: usize,
        /// Lines a second in the room: enough to fill what the kernel takes for those who do not read
        #[arg(long, default_value = "10000", value_parser = rate)]
        room_rate: f64,
        /// The share of the members that stops reading
        #[arg(long, default_value = "0.1", value_parser = within(0.0..=1.0))]
        share: f64,
    },
}

#[derive(Clone, Debug, clap::Args)]
pub struct Rounds {
    /// The servers, as for --server; what is not installed is left out
    #[arg(long, value_delimiter = ',', value_parser = recipe)]
    #[arg(default_value = "floor,chinwag,redis,ngircd,inspircd,nats")]
    pub servers: Vec<Recipe>,
    /// The workloads
    #[arg(long, value_delimiter = ',', value_parser = Benchmark::parse)]
    #[arg(default_value = "dm-100,dm-1000,room-1000,idle-1000")]
    pub workloads: Vec<Benchmark>,
    /// How often each server has its turn at each workload
    #[arg(long, default_value = "7", value_parser = within(1..=COUNT_MAX))]
    pub turns: usize,
}

#[derive(Clone, Copy, Debug, clap::Args)]
pub struct Soak {
    /// How long, in minutes, instead of --time
    #[arg(long, value_parser = minutes)]
    pub minutes: Option<Duration>,
    /// How many are there all the time
    #[arg(long, default_value = "900", value_parser = within(CLIENTS_MIN..=STEADY_MAX))]
    pub clients: usize,
    /// Private messages a second, all of these together
    #[arg(long, default_value = "1000", value_parser = rate)]
    pub rate: f64,
    /// Lines of 2,000 bytes a second in a room that some of these are in
    #[arg(long, default_value = "200", value_parser = rate)]
    pub room_rate: f64,
    /// Lines a second in the lobby, where all others are
    #[arg(long, default_value = "2", value_parser = rate)]
    pub lobby_rate: f64,
    /// Visitors a second who look in and leave, beside crowds and worse ones
    #[arg(long, default_value = "30", value_parser = rate)]
    pub visits: f64,
}

#[derive(Clone, Debug, clap::Args)]
pub struct Kept {
    /// How many speak in the room; one more hears all, and reads the history
    #[arg(long, default_value = "8", value_parser = within(1..=SPEAKERS_MAX))]
    pub clients: usize,
    /// Lines a second, all of them together; without it, each waits for its answers
    #[arg(long, value_parser = rate, conflicts_with = "pipeline")]
    pub rate: Option<f64>,
    /// Lines without an answer that each may have
    #[arg(long, default_value = "1", value_parser = within(1..=UNANSWERED_MAX))]
    pub pipeline: usize,
    /// The share of private messages to accounts that are not here, for which they wait
    #[arg(long, value_name = "SHARE", default_value = "0", value_parser = within(0.0..=1.0))]
    pub waiting: f64,
    /// Keep the lines in a file, or none, or first the one and then the other
    #[arg(long, value_enum, default_value = "both")]
    pub store: StoreChoice,
    /// Where the file's folder is to be, on the disk that is to be tested
    #[arg(long, value_name = "DIR")]
    pub folder: Option<PathBuf>,
    /// Kill the server in the middle of it, start it again, and look for each line
    #[arg(long)]
    pub kill: bool,
    /// How often
    #[arg(long, default_value = "1", value_parser = within(1..=COUNT_MAX), requires = "kill")]
    pub rounds: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum StoreChoice {
    File,
    None,
    Both,
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

impl Scenario {
    /// Of a command and its flags.
    pub fn parse(command: &str) -> Result<Self, String> {
        let words = iter::once("chinwag-bench").chain(command.split(' '));
        let args = Args::try_parse_from(words).map_err(|error| error.to_string())?;
        match args.command {
            Some(Command::Scenario(scenario)) => Ok(scenario),
            _ => Err(format!("{command} is no workload")),
        }
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

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    /// The words of a command line, as a shell reads them.
    fn words(line: &str) -> Vec<String> {
        let mut words = vec![String::new()];
        for (place, part) in line.split('\'').enumerate() {
            let is_quoted = place % 2 == 1;
            for c in part.chars() {
                if c == ' ' && !is_quoted {
                    words.push(String::new());
                } else {
                    words.last_mut().unwrap().push(c);
                }
            }
        }
        words.retain(|word| !word.is_empty());
        words
    }

    #[test]
    fn command_lines_on_the_pages_are_understood() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let mut count = 0;
        for page in [
            "README.md",
            "docs/load-testing.md",
            "docs/CONTRIBUTING.md",
            ".ci/run",
        ] {
            let text = fs::read_to_string(root.join(page)).unwrap();
            let text = text.replace("\\\n", "").replace("chat.lan", "127.0.0.1");
            for line in text.lines() {
                let line = line.trim_start_matches("target/release/");
                // In a block, a comment stands apart; in a table, commands stand in backquotes.
                let in_block = line.split("  ").next().unwrap();
                let commands = iter::once(in_block).chain(line.split('`').skip(1).step_by(2));
                for command in commands.filter(|part| part.starts_with("chinwag-bench ")) {
                    let args = Args::try_parse_from(words(command));
                    assert!(args.is_ok(), "{page}: {command}: {:?}", args.err());
                    count += 1;
                }
            }
        }
        assert!(count > 20, "the pages were not understood");
    }
}
