//! Servers under test: how each is started, and where it can be reached.

use std::env;
use std::fs::{self, File};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use thiserror::Error;

use crate::client::Target;
use crate::dialect::Dialect;
use crate::process::Pinning;

/// How long a server may take to listen.
const START_TIME: Duration = Duration::from_secs(15);

/// How often it is tried whether it does.
const RETRY_TIME: Duration = Duration::from_millis(10);

/// How long a server may take to end by itself.
const STOP_TIME: Duration = Duration::from_secs(3);

/// Ports from here on are tried, so many of them. Systems give out higher ones by themselves, and
/// such a port could be somebody else's by the time when the server asks for it.
const PORTS_FROM: u16 = 10_000;
const PORTS: u16 = 20_000;

/// The command of the load generator that runs a server on its behalf; see [`replace_by`].
pub const SUPERVISE: &str = "supervise";

/// Which server, and how it is started.
///
/// In the command and the configuration, `@PORT@` is the port to listen at, `@DIR@` a folder that
/// is empty at first, and `@CONFIG@` the configuration's path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipe {
    /// What it is called in reports.
    pub name: String,
    /// What it speaks.
    pub dialect: Dialect,
    /// The program and its arguments.
    pub command: Vec<String>,
    /// Its configuration, if it needs one.
    pub config: Option<&'static str>,
    /// Connections that may wait to be registered at a time.
    pub opening_max: usize,
}

/// What any listener's backlog takes with ease.
pub const OPENING_MAX: usize = 128;

/// The listener of `ngIRCd` has room for ten.
const OPENING_MAX_NGIRCD: usize = 8;

/// `InspIRCd` registers whoever waits once a second.
const OPENING_MAX_INSPIRCD: usize = 2000;

/// Why a server cannot be tested.
#[derive(Debug, Error)]
pub enum ServerError {
    /// It is not known.
    #[error(
        "no server is known as {0}: say floor, chinwag, redis, ngircd, inspircd, nats, \
         or NAME=DIALECT=COMMAND"
    )]
    Unknown(String),
    /// Its protocol is not known.
    #[error("no dialect is known as {0}: say chinwag, irc, redis or nats")]
    Dialect(String),
    /// A command that cannot be read.
    #[error("the command of {0} is empty, or has quotes that do not match")]
    Quotes(String),
    /// A command that does not say where to listen.
    #[error("the command of {0} does not say where to listen: say @PORT@ for the port")]
    Port(String),
    /// It cannot be started.
    #[error("cannot start {program}: {source}")]
    Start {
        /// The program.
        program: String,
        /// Why.
        source: io::Error,
    },
    /// It ended.
    #[error("{name} ended before it listened{said}")]
    Ended {
        /// Its name.
        name: String,
        /// What it said last.
        said: String,
    },
    /// It does not listen.
    #[error("{name} does not listen within {} s{said}", START_TIME.as_secs())]
    Silent {
        /// Its name.
        name: String,
        /// What it said last.
        said: String,
    },
    /// Files for it cannot be made.
    #[error("cannot prepare a server's files: {0}")]
    Files(#[from] io::Error),
}

impl Recipe {
    /// The server of a name, or of `NAME=DIALECT=COMMAND`.
    pub fn parse(text: &str) -> Result<Self, ServerError> {
        let mut parts = text.splitn(3, '=');
        let (Some(name), Some(dialect), Some(command)) = (parts.next(), parts.next(), parts.next())
        else {
            return Self::known(text);
        };
        let dialect = [
            Dialect::Chinwag,
            Dialect::Irc,
            Dialect::Redis,
            Dialect::Nats,
        ]
        .into_iter()
        .find(|known| known.as_str() == dialect)
        .ok_or_else(|| ServerError::Dialect(dialect.to_owned()))?;
        let command = shell_words::split(command)
            .ok()
            .filter(|words| !words.is_empty())
            .ok_or_else(|| ServerError::Quotes(name.to_owned()))?;
        if !command.iter().any(|word| word.contains("@PORT@")) {
            return Err(ServerError::Port(name.to_owned()));
        }
        Ok(Self {
            name: name.to_owned(),
            dialect,
            command,
            config: None,
            opening_max: OPENING_MAX,
        })
    }

    fn known(name: &str) -> Result<Self, ServerError> {
        let recipe = |dialect, program: &Path, arguments: &str, config| Self {
            name: name.to_owned(),
            dialect,
            command: std::iter::once(program.to_string_lossy().into_owned())
                .chain(arguments.split_whitespace().map(str::to_owned))
                .collect(),
            config,
            opening_max: match name {
                "ngircd" => OPENING_MAX_NGIRCD,
                "inspircd" => OPENING_MAX_INSPIRCD,
                _ => OPENING_MAX,
            },
        };
        Ok(match name {
            "chinwag" => Self::chinwag(&daemon(), None),
            "floor" => recipe(
                Dialect::Chinwag,
                &own_program()?,
                "floor --listen 127.0.0.1:@PORT@",
                None,
            ),
            "redis" => recipe(
                Dialect::Redis,
                Path::new("redis-server"),
                "@CONFIG@",
                Some(include_str!("../peers/redis.conf")),
            ),
            "ngircd" => recipe(
                Dialect::Irc,
                Path::new("ngircd"),
                "-n -f @CONFIG@",
                Some(include_str!("../peers/ngircd.conf")),
            ),
            "inspircd" => recipe(
                Dialect::Irc,
                Path::new("inspircd"),
                "--nofork --nopid --nolog --runasroot --config @CONFIG@",
                Some(include_str!("../peers/inspircd.conf")),
            ),
            "nats" => recipe(
                Dialect::Nats,
                Path::new("nats-server"),
                "-c @CONFIG@",
                Some(include_str!("../peers/nats.conf")),
            ),
            _ => return Err(ServerError::Unknown(name.to_owned())),
        })
    }

    /// The daemon at a path, for as many clients as are asked for; its default without.
    pub fn chinwag(program: &Path, clients_max: Option<usize>) -> Self {
        let mut command = vec![
            program.to_string_lossy().into_owned(),
            "--listen".to_owned(),
            "127.0.0.1:@PORT@".to_owned(),
        ];
        if let Some(clients_max) = clients_max {
            command.extend(["--max-clients".to_owned(), clients_max.to_string()]);
        }
        Self {
            name: "chinwag".to_owned(),
            dialect: Dialect::Chinwag,
            command,
            config: None,
            opening_max: OPENING_MAX,
        }
    }

    /// Whether its program is there.
    pub fn is_installed(&self) -> bool {
        let program = self.command.first();
        program.is_some_and(|program| find(program).is_some())
    }
}

/// The daemon beside this program.
pub fn daemon() -> PathBuf {
    beside("chinwag").unwrap_or_else(|_| PathBuf::from("chinwag"))
}

/// The load generator: this program, or, for benches, beside it.
fn own_program() -> io::Result<PathBuf> {
    let own = env::current_exe()?;
    let is_bench = own.parent().is_some_and(|folder| folder.ends_with("deps"));
    if is_bench {
        beside("chinwag-bench")
    } else {
        Ok(own)
    }
}

/// A program in this one's folder.
fn beside(name: &str) -> io::Result<PathBuf> {
    let own = env::current_exe()?;
    let folder = own.parent().unwrap_or(Path::new("."));
    // Benches are built into a folder of their own below it.
    let folder = match folder.file_name() {
        Some(name) if name == "deps" => folder.parent().unwrap_or(folder),
        _ => folder,
    };
    Ok(folder.join(format!("{name}{}", env::consts::EXE_SUFFIX)))
}

/// Becomes another program that ends when this one's parent does, however that ends. Returns only
/// if it cannot.
pub fn replace_by(words: &[String]) -> ServerError {
    // Elsewhere a server is left behind if this program is killed; it ends with it otherwise.
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::TERM));
    let Some((program, arguments)) = words.split_first() else {
        return ServerError::Quotes(SUPERVISE.to_owned());
    };
    ServerError::Start {
        program: program.clone(),
        source: Command::new(program).args(arguments).exec(),
    }
}

/// A server that was started for a test, and ends with this.
#[derive(Debug)]
pub struct Server {
    child: Child,
    target: Target,
    _files: TempDir,
}

impl Server {
    /// Starts a server, and waits until it listens.
    pub fn start(recipe: &Recipe, pinning: Option<&Pinning>) -> Result<Self, ServerError> {
        let files = TempDir::new()?;
        let port = free_port()?;
        let config = files.path().join("config");
        let fill_in = |text: &str| {
            text.replace("@PORT@", &port.to_string())
                .replace("@DIR@", &files.path().to_string_lossy())
                .replace("@CONFIG@", &config.to_string_lossy())
        };
        if let Some(text) = recipe.config {
            fs::write(&config, fill_in(text))?;
        }
        let words = recipe.command.iter().map(|word| fill_in(word));
        let said = files.path().join("said");
        let mut command = supervised(&words.collect::<Vec<String>>())?;
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&said)?);
        // Ctrl-C is for this program, which ends the server when it has no more need of it.
        command.process_group(0);
        if let Some(pinning) = pinning {
            pinning.as_server();
        }
        let child = command.spawn();
        if let Some(pinning) = pinning {
            pinning.as_driver();
        }
        let child = child.map_err(|source| ServerError::Start {
            program: recipe.name.clone(),
            source,
        })?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let mut server = Self {
            child,
            target: Target::Tcp(address),
            _files: files,
        };
        if server.listens(address) {
            return Ok(server);
        }
        let name = recipe.name.clone();
        let said = fs::read_to_string(said).unwrap_or_default();
        let said = match said.lines().last() {
            Some(line) => format!("; it said: {line}"),
            None => String::new(),
        };
        Err(if server.is_running() {
            ServerError::Silent { name, said }
        } else {
            ServerError::Ended { name, said }
        })
    }

    fn listens(&mut self, address: SocketAddr) -> bool {
        let give_up_at = Instant::now() + START_TIME;
        while Instant::now() < give_up_at {
            if TcpStream::connect(address).is_ok() {
                return true;
            }
            if !self.is_running() {
                return false;
            }
            thread::sleep(RETRY_TIME);
        }
        false
    }

    fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Where it listens.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Ok(pid) = i32::try_from(self.child.id())
            && let Some(pid) = rustix::process::Pid::from_raw(pid)
        {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
        let give_up_at = Instant::now() + STOP_TIME;
        while Instant::now() < give_up_at {
            if !self.is_running() {
                return;
            }
            thread::sleep(RETRY_TIME);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How to run a program so that it ends with this one, by way of [`replace_by`].
fn supervised(words: &[String]) -> Result<Command, ServerError> {
    let program = words.first().map_or("", String::as_str);
    let mut command = Command::new(own_program()?);
    command.args([SUPERVISE, "--"]).args(words);
    // Servers are often where only an administrator's search path leads.
    let path = env::join_paths(search_path());
    command.env(
        "PATH",
        path.map_err(|error| io::Error::other(error.to_string()))?,
    );
    if find(program).is_none() {
        return Err(ServerError::Start {
            program: program.to_owned(),
            source: io::Error::new(io::ErrorKind::NotFound, "there is no such program"),
        });
    }
    Ok(command)
}

fn search_path() -> Vec<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from))
        .collect()
}

/// Where a program is.
fn find(program: &str) -> Option<PathBuf> {
    let program = Path::new(program);
    if program.components().count() > 1 {
        return program.is_file().then(|| program.to_owned());
    }
    let folders = search_path().into_iter();
    folders
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}

/// A port that nobody listens at now. Each call, and each process, begins with another.
fn free_port() -> io::Result<u16> {
    static TRIED: AtomicU16 = AtomicU16::new(0);
    let [low, high, ..] = std::process::id().to_le_bytes();
    let first = u16::from_le_bytes([low, high]).wrapping_mul(101);
    let mut last = None;
    for _ in 0..PORTS {
        let tried = TRIED.fetch_add(1, Ordering::Relaxed);
        let port = PORTS_FROM + first.wrapping_add(tried) % PORTS;
        match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            Ok(_) => return Ok(port),
            Err(error) => last = Some(error),
        }
    }
    Err(last.unwrap_or_else(|| io::ErrorKind::AddrInUse.into()))
}
