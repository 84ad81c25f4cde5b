//! The command line of the load generator.

use std::fmt::Write as _;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};

use chinwag::load::client::{CLIENTS_MAX, Target};
use chinwag::load::compare::{COURSES, Course};
use chinwag::load::dialect::Dialect;
use chinwag::load::stamp::STAMP_BYTES;

const AFTER_HELP: &str = "\
Without a command, it starts the chinwag beside it, tries it for about a minute, and says what it
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
    #[arg(long, global = true, requires = "addr")]
    pub pid: Option<u32>,

    /// What that server speaks
    #[arg(long, global = true, default_value = "chinwag")]
    pub dialect: Speech,

    /// The server to start: chinwag, floor, redis, ngircd, inspircd, nats, or
    /// NAME=DIALECT=COMMAND, where @PORT@ in the command is the port
    #[arg(
        long,
        global = true,
        default_value = "chinwag",
        conflicts_with = "addr"
    )]
    pub server: String,

    /// How long to measure, in seconds
    #[arg(long, global = true, default_value = "5", value_parser = seconds)]
    pub time: Duration,

    /// How long to run before that, in seconds
    #[arg(long, global = true, default_value = "1", value_parser = seconds)]
    pub warm_up: Duration,

    /// How long to wait for what is under way after that, in seconds; then it counts as lost
    #[arg(long, global = true, default_value = "10", value_parser = seconds)]
    pub drain: Duration,

    /// Bytes of a message
    #[arg(long, global = true, value_name = "BYTES", default_value = "64")]
    #[arg(value_parser = size)]
    pub size: usize,

    /// How often to do it all; more than once, the median and the spread are shown too
    #[arg(long, global = true, default_value = "1")]
    #[arg(value_parser = clap::value_parser!(u16).range(1..))]
    pub runs: u16,

    /// Where what is random starts; the same number, the same recipients
    #[arg(long, global = true, default_value = "1")]
    pub seed: u64,

    /// One line of JSON for each run, and nothing else on standard output
    #[arg(long, global = true)]
    pub json: bool,

    /// Leave it to the system which processor runs what; otherwise a started server has one for
    /// itself
    #[arg(long, global = true)]
    pub no_pin: bool,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Private messages in a closed loop: each client keeps some under way
    #[command(after_help = "Example: chinwag-bench dm --clients 1000 --window 4")]
    Dm {
        /// How many clients, each of which writes to a random other
        #[arg(long, default_value = "100", value_parser = clients)]
        clients: usize,
        /// Messages that each keeps under way
        #[arg(long, default_value = "8", value_parser = count)]
        window: usize,
    },
    /// Private messages at a fixed rate; latency counts from when each was meant to go
    #[command(after_help = "Example: chinwag-bench rate --clients 10000 --rate 20000")]
    Rate {
        /// How many clients, each of which writes to a random other
        #[arg(long, default_value = "1000", value_parser = clients)]
        clients: usize,
        /// Messages a second, all clients together
        #[arg(long, default_value = "10000", value_parser = rate)]
        rate: f64,
    },
    /// A room in which some speak, each with some lines under way
    #[command(after_help = "Example: chinwag-bench room --members 1000 --speakers 10 --window 4")]
    Room {
        /// How many are in the room
        #[arg(long, default_value = "1000", value_parser = clients)]
        members: usize,
        /// How many of them speak
        #[arg(long, default_value = "10", value_parser = count)]
        speakers: usize,
        /// Lines that each of those keeps under way
        #[arg(long, default_value = "4", value_parser = count)]
        window: usize,
    },
    /// Private messages at a fixed rate while a big room is spoken to
    #[command(
        after_help = "Example: chinwag-bench mixed --members 9900 --room-rate 10 --clients 100"
    )]
    Mixed {
        /// How many are in the room
        #[arg(long, default_value = "5000", value_parser = clients)]
        members: usize,
        /// How many of them speak
        #[arg(long, default_value = "10", value_parser = count)]
        speakers: usize,
        /// Lines a second in the room
        #[arg(long, default_value = "10", value_parser = rate)]
        room_rate: f64,
        /// How many others write to each other
        #[arg(long, default_value = "100", value_parser = clients)]
        clients: usize,
        /// Private messages a second, all of these together
        #[arg(long, default_value = "1000", value_parser = rate)]
        rate: f64,
    },
    /// Clients that register and then do nothing: memory and processor time for each
    #[command(after_help = "Example: chinwag-bench idle --clients 5000 --time 10")]
    Idle {
        /// How many
        #[arg(long, default_value = "5000", value_parser = clients)]
        clients: usize,
    },
    /// Connects and quits as fast as they go, while two users chat
    #[command(after_help = "Example: chinwag-bench storm --at-once 1000")]
    Storm {
        /// How many come and go at a time
        #[arg(long, default_value = "1000", value_parser = clients)]
        at_once: usize,
        /// Messages a second between the two
        #[arg(long, default_value = "200", value_parser = rate)]
        rate: f64,
    },
    /// A room of which a share stops reading, and reads on at the end
    #[command(after_help = "Example: chinwag-bench slow --members 1000 --share 0.1 --time 10")]
    Slow {
        /// How many are in the room
        #[arg(long, default_value = "1000", value_parser = clients)]
        members: usize,
        /// How many of them speak
        #[arg(long, default_value = "10", value_parser = count)]
        speakers: usize,
        /// Lines a second in the room
        #[arg(long, default_value = "500", value_parser = rate)]
        room_rate: f64,
        /// The share of the members that stops reading
        #[arg(long, default_value = "0.1", value_parser = share)]
        share: f64,
    },
    /// Doubles a rate of private messages until their latency passes a bound
    #[command(after_help = "Example: chinwag-bench ramp --clients 1000 --p99-max 0.005")]
    Ramp {
        /// How many clients, each of which writes to a random other
        #[arg(long, default_value = "1000", value_parser = clients)]
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
        #[arg(long, value_parser = clients)]
        clients: Option<usize>,
    },
    /// Servers under the same workloads, turn by turn, as ratios to the first of them
    #[command(after_help = compare_help())]
    Compare {
        /// The servers, as for --server; what is not installed is left out
        #[arg(long, value_delimiter = ',')]
        #[arg(default_value = "floor,chinwag,redis,ngircd,inspircd,nats")]
        servers: Vec<String>,
        /// The workloads
        #[arg(long, value_delimiter = ',', value_parser = course)]
        #[arg(default_value = "dm-100,dm-1000,room-1000,idle-1000")]
        workloads: Vec<&'static Course>,
        /// How often each server has its turn at each workload
        #[arg(long, default_value = "7", value_parser = count)]
        turns: usize,
    },
    /// A relay that does the least that any server must, to measure others against
    #[command(after_help = "Example: chinwag-bench floor --listen 127.0.0.1:12346")]
    Floor {
        /// Where to listen
        #[arg(long, default_value = "127.0.0.1:12346")]
        listen: SocketAddr,
    },
}

fn compare_help() -> String {
    let mut text = String::from("Workloads:\n");
    for course in &COURSES {
        let _ = writeln!(text, "  {:<11} {}", course.name, course.about);
    }
    text.push_str(
        "\nExample: chinwag-bench compare --servers floor,chinwag,redis --workloads dm-100",
    );
    text
}

/// A dialect, for clap.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Speech {
    Chinwag,
    Irc,
    Redis,
    Nats,
}

impl From<Speech> for Dialect {
    fn from(speech: Speech) -> Self {
        match speech {
            Speech::Chinwag => Self::Chinwag,
            Speech::Irc => Self::Irc,
            Speech::Redis => Self::Redis,
            Speech::Nats => Self::Nats,
        }
    }
}

fn target(text: &str) -> Result<Target, String> {
    if let Some(path) = text.strip_prefix("unix:") {
        return Ok(Target::Unix(PathBuf::from(path)));
    }
    let mut addresses = text
        .to_socket_addrs()
        .map_err(|error| format!("{error}; say HOST:PORT or unix:PATH"))?;
    let address = addresses.next().ok_or("this name has no address")?;
    Ok(Target::Tcp(address))
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "say a number of seconds")?;
    Duration::try_from_secs_f64(seconds)
        .ok()
        .filter(|time| !time.is_zero() && *time <= Duration::from_secs(24 * 3600))
        .ok_or_else(|| "say more than 0 seconds and at most a day".to_owned())
}

fn size(text: &str) -> Result<usize, String> {
    let range = STAMP_BYTES..=1 << 20;
    text.parse()
        .ok()
        .filter(|size| range.contains(size))
        .ok_or_else(|| {
            format!(
                "say {STAMP_BYTES} to {}: a message carries its time",
                range.end()
            )
        })
}

fn clients(text: &str) -> Result<usize, String> {
    text.parse()
        .ok()
        .filter(|count| (2..=CLIENTS_MAX).contains(count))
        .ok_or_else(|| format!("say 2 to {CLIENTS_MAX}"))
}

fn count(text: &str) -> Result<usize, String> {
    text.parse()
        .ok()
        .filter(|count| (1..=10_000).contains(count))
        .ok_or_else(|| "say 1 to 10000".to_owned())
}

fn rate(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|rate| (0.01..=1e8).contains(rate))
        .ok_or_else(|| "say how many a second, 0.01 to 100000000".to_owned())
}

fn share(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|share| (0.0..=1.0).contains(share))
        .ok_or_else(|| "say 0 to 1".to_owned())
}

fn course(text: &str) -> Result<&'static Course, String> {
    Course::find(text).ok_or_else(|| {
        let names: Vec<&str> = COURSES.iter().map(|course| course.name).collect();
        format!("say one of {}", names.join(", "))
    })
}
