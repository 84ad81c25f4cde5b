//! The command line of the load generator.

use std::fmt::Write as _;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs as _};
use std::path::PathBuf;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{Parser, Subcommand, ValueEnum};

use crate::client::{CLIENTS_MAX, Target};
use crate::compare::{BENCHMARKS, Benchmark};
use crate::dialect::Dialect;
use crate::run::Scenario;
use crate::server::{Recipe, SUPERVISE};
use crate::soak::CLIENTS_MIN;
use crate::stamp::STAMP_BYTES;

const AFTER_HELP: &str = "\
Without a command, it starts the chinwag beside it, tries it for half a minute, and says what it
carries on this machine.

Examples:
  chinwag-bench                                     what does this machine carry?
  chinwag-bench dm --clients 1000 --window 4        private messages, as fast as they go
  chinwag-bench --addr chat.lan:12345 rate          a server that runs already
  chinwag-bench --server redis dm                   another server, started for the test
  chinwag-bench compare --servers floor,chinwag     ratios, turn by turn";

/// How long one of several addresses may take to answer.
const CONNECT_TIME: Duration = Duration::from_secs(3);

/// In a soak, visitors have the names behind these.
const STEADY_MAX: usize = 100_000;

/// Thousands of synthetic clients for a chat server
#[derive(Debug, Parser)]
#[command(name = "chinwag-bench", version, after_help = AFTER_HELP, max_term_width = 100)]
pub struct Args {
    #[command(flatten)]
    pub common: Common,

    /// Without a command: not more clients than these
    #[arg(long, value_parser = clients)]
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
    #[arg(long, global = true)]
    pub dialect: Option<Speech>,

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
    #[arg(value_parser = size)]
    pub size: usize,

    /// How often to do it all; more than once, the median and the spread are shown too
    #[arg(long, global = true, default_value = "1", value_parser = count)]
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
    #[command(after_help = "Example: chinwag-bench slow --members 50 --share 0.2")]
    Slow {
        /// How many are in the room
        #[arg(long, default_value = "50", value_parser = clients)]
        members: usize,
        /// How many of them speak
        #[arg(long, default_value = "10", value_parser = count)]
        speakers: usize,
        /// Lines a second in the room: enough to fill what the kernel takes for those who do not read
        #[arg(long, default_value = "10000", value_parser = rate)]
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
        #[arg(long, value_delimiter = ',', value_parser = recipe)]
        #[arg(default_value = "floor,chinwag,redis,ngircd,inspircd,nats")]
        servers: Vec<Recipe>,
        /// The workloads
        #[arg(long, value_delimiter = ',', value_parser = benchmark)]
        #[arg(default_value = "dm-100,dm-1000,room-1000,idle-1000")]
        workloads: Vec<&'static Benchmark>,
        /// How often each server has its turn at each workload
        #[arg(long, default_value = "7", value_parser = count)]
        turns: usize,
    },
    /// Everything at once for a long time: chat that is checked, and visitors who come, go, flood,
    /// break off and do not read
    #[command(after_help = "Example: chinwag-bench soak --minutes 60 --svg soak.svg")]
    Soak {
        /// How long, in minutes, instead of --time
        #[arg(long, value_parser = minutes)]
        minutes: Option<Duration>,
        /// How many are there all the time
        #[arg(long, default_value = "900", value_parser = steady_clients)]
        clients: usize,
        /// Private messages a second, all of these together
        #[arg(long, default_value = "1000", value_parser = rate)]
        rate: f64,
        /// Lines of 2,000 bytes a second in a room that some of these are in
        #[arg(long, default_value = "200", value_parser = rate)]
        room_rate: f64,
        /// Lines a second in the lobby, where all others are
        #[arg(long, default_value = "2", value_parser = rate)]
        lobby_rate: f64,
        /// Visitors a second who look in and leave, beside crowds and worse ones
        #[arg(long, default_value = "30", value_parser = rate)]
        visits: f64,
    },
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

    /// What clap does not see: flags on both sides of a command, and numbers that belong together.
    fn check(&self) -> Result<(), String> {
        let common = &self.common;
        let is_given = [
            (common.addr.is_some(), "--addr"),
            (common.server.is_some(), "--server"),
        ];
        let server = is_given
            .into_iter()
            .find_map(|(given, flag)| given.then_some(flag));
        if common.addr.is_some() && common.server.is_some() {
            return Err(
                "--addr is for a server that runs, and --server for one to start: say one of them"
                    .to_owned(),
            );
        }
        for (given, flag) in [
            (common.pid.is_some(), "--pid"),
            (common.dialect.is_some(), "--dialect"),
        ] {
            if given && common.addr.is_none() {
                return Err(format!("{flag} is for a server that runs: say --addr too"));
            }
        }
        if self.clients.is_some() && self.command.is_some() {
            return Err(
                "--clients comes after the command: say chinwag-bench dm --clients N".into(),
            );
        }
        self.check_size()?;
        self.check_soak()?;
        let runs = (common.runs > 1).then_some("--runs");
        let svg = common.svg.is_some().then_some("--svg");
        match &self.command {
            Some(command) => {
                command.check_drawing(svg)?;
                command.check(server, runs)
            }
            None => refuse(runs, "without a command, it does all once: leave it out"),
        }
    }

    /// A soak has one length, and its visitors say what only this server knows.
    fn check_soak(&self) -> Result<(), String> {
        let in_minutes = matches!(
            self.command,
            Some(Command::Soak {
                minutes: Some(_),
                ..
            })
        );
        if in_minutes && self.common.time.is_some() {
            return Err("--minutes and --time both say how long: say one of them".to_owned());
        }
        let started = self.common.server.as_ref().map(|recipe| recipe.dialect);
        let spoken = self.common.dialect.map(Dialect::from);
        match (&self.command, started.or(spoken)) {
            (Some(Command::Soak { .. }), Some(dialect)) if dialect != Dialect::Chinwag => Err(
                format!("a soak speaks chinwag, and not {}", dialect.as_str()),
            ),
            _ => Ok(()),
        }
    }

    /// A longer line than a server takes would be lost, and look like its fault.
    fn check_size(&self) -> Result<(), String> {
        let started = self.common.server.iter().map(|recipe| recipe.dialect);
        let spoken = self.common.dialect.iter().map(|speech| (*speech).into());
        let compared = match &self.command {
            Some(Command::Compare { servers, .. }) => servers.as_slice(),
            _ => &[],
        };
        let mut dialects: Vec<Dialect> = started.chain(spoken).collect();
        if dialects.is_empty() && compared.is_empty() {
            dialects.push(Dialect::Chinwag);
        }
        dialects.extend(compared.iter().map(|recipe| recipe.dialect));
        let tightest = dialects.into_iter().min_by_key(|d| d.payload_bytes_max());
        match tightest {
            Some(dialect) if self.common.size > dialect.payload_bytes_max() => Err(format!(
                "a line of {} bytes is too long for {}: say a --size of at most {}",
                self.common.size,
                dialect.as_str(),
                dialect.payload_bytes_max()
            )),
            _ => Ok(()),
        }
    }
}

impl Command {
    /// Drawings show messages, and how a soak went.
    fn check_drawing(&self, svg: Option<&str>) -> Result<(), String> {
        let is_idle = |benchmark: &&Benchmark| matches!(benchmark.scenario, Scenario::Idle { .. });
        let has_messages = match self {
            Self::Idle { .. } | Self::FindLimit { .. } | Self::Floor { .. } => false,
            Self::Compare { workloads, .. } => !workloads.iter().all(is_idle),
            _ => true,
        };
        if has_messages {
            return Ok(());
        }
        refuse(svg, "there are no messages to draw: leave it out")
    }

    fn check(&self, server: Option<&str>, runs: Option<&str>) -> Result<(), String> {
        match self {
            Self::Room {
                members, speakers, ..
            }
            | Self::Mixed {
                members, speakers, ..
            } => check_speakers(*members, *speakers),
            Self::Slow {
                members,
                speakers,
                share,
                ..
            } => {
                check_speakers(*members, *speakers)?;
                if *share > 0.0 && crate::commands::share_of(*members, *speakers, *share) == 0 {
                    return Err(format!(
                        "nobody would stop reading: {share} of {members} members, {speakers} of \
                         whom speak and read on; say a larger --share or more --members"
                    ));
                }
                Ok(())
            }
            Self::Ramp { .. } => refuse(runs, "ramp does each rate once: leave it out"),
            Self::Soak { .. } => refuse(runs, "a soak is long enough: leave it out"),
            Self::FindLimit { .. } => refuse(runs, "find-limit looks once: leave it out"),
            Self::Compare { servers, .. } => {
                refuse(server, "compare starts its servers: say --servers")?;
                refuse(runs, "compare has turns: say --turns")?;
                let again = servers.iter().enumerate().find(|(place, recipe)| {
                    let before = servers.iter().take(*place);
                    before.clone().any(|other| other.name == recipe.name)
                });
                again.map_or(Ok(()), |(_, recipe)| {
                    Err(format!(
                        "{} is there twice: give it another name, by NAME=DIALECT=COMMAND",
                        recipe.name
                    ))
                })
            }
            Self::Floor { .. } => {
                refuse(server, "floor is a server: say --listen for where")?;
                refuse(runs, "floor runs until it is ended: leave it out")
            }
            Self::Dm { .. }
            | Self::Rate { .. }
            | Self::Idle { .. }
            | Self::Storm { .. }
            | Self::Supervise { .. } => Ok(()),
        }
    }
}

/// Says why a flag makes no sense, if it is given.
fn refuse(flag: Option<&str>, why: &str) -> Result<(), String> {
    flag.map_or(Ok(()), |flag| {
        Err(format!("{flag} makes no sense here; {why}"))
    })
}

fn check_speakers(members: usize, speakers: usize) -> Result<(), String> {
    if speakers > members {
        return Err(format!(
            "a room of {members} has not {speakers} who speak: say at most --speakers {members}"
        ));
    }
    Ok(())
}

fn compare_help() -> String {
    let mut text = String::from("Workloads:\n");
    for benchmark in &BENCHMARKS {
        let _ = writeln!(text, "  {:<11} {}", benchmark.name, benchmark.about);
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
    match text.strip_prefix("unix:") {
        Some("") => return Err("say a path after unix:".to_owned()),
        Some(path) => return Ok(Target::Unix(PathBuf::from(path))),
        None => {}
    }
    let addresses: Vec<SocketAddr> = text
        .to_socket_addrs()
        .map_err(|error| format!("{error}; say HOST:PORT, [IPV6]:PORT or unix:PATH"))?
        .collect();
    let (first, others) = addresses.split_first().ok_or("this name has no address")?;
    if others.is_empty() {
        return Ok(Target::Tcp(*first));
    }
    // A name may have addresses of which the server has only one, as localhost has two.
    let listens = |address: &&SocketAddr| TcpStream::connect_timeout(address, CONNECT_TIME).is_ok();
    let found = addresses.iter().find(listens);
    Ok(Target::Tcp(*found.unwrap_or(first)))
}

fn recipe(text: &str) -> Result<Recipe, String> {
    Recipe::parse(text).map_err(|error| error.to_string())
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "say a number of seconds")?;
    Duration::try_from_secs_f64(seconds)
        .ok()
        .filter(|time| !time.is_zero() && *time <= Duration::from_secs(24 * 3600))
        .ok_or_else(|| "say more than 0 seconds and at most a day".to_owned())
}

fn minutes(text: &str) -> Result<Duration, String> {
    let minutes: f64 = text.parse().map_err(|_| "say a number of minutes")?;
    seconds(&(minutes * 60.0).to_string())
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

fn steady_clients(text: &str) -> Result<usize, String> {
    let range = CLIENTS_MIN..=STEADY_MAX;
    let count = text.parse().ok().filter(|count| range.contains(count));
    count.ok_or_else(|| format!("say {CLIENTS_MIN} to {STEADY_MAX}"))
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

fn benchmark(text: &str) -> Result<&'static Benchmark, String> {
    Benchmark::find(text).ok_or_else(|| {
        let names: Vec<&str> = BENCHMARKS.iter().map(|benchmark| benchmark.name).collect();
        format!("say one of {}", names.join(", "))
    })
}
