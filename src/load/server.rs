//! Servers under test: how each is started, and where it can be reached.

use std::env;
use std::fs::{self, File};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use thiserror::Error;

use super::client::Target;
use super::dialect::Dialect;
use super::process::Pinning;

/// How long a server may take to listen.
const START_TIME: Duration = Duration::from_secs(15);

/// How often it is tried whether it does.
const RETRY_TIME: Duration = Duration::from_millis(10);

/// How long a server may take to end by itself.
const STOP_TIME: Duration = Duration::from_secs(3);

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
    /// A command that cannot be read.
    #[error("the command of {0} has quotes that do not match")]
    Quotes(String),
    /// It cannot be started.
    #[error("cannot start {program}: {source}")]
    Start {
        /// The program.
        program: String,
        /// Why.
        source: io::Error,
    },
    /// It ended, or does not listen.
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
    ///
    /// # Errors
    /// If there is none, or this program cannot be found by itself.
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
        .ok_or_else(|| ServerError::Unknown(text.to_owned()))?;
        let command = shell_words::split(command)
            .ok()
            .filter(|words| !words.is_empty());
        Ok(Self {
            name: name.to_owned(),
            dialect,
            command: command.ok_or_else(|| ServerError::Quotes(name.to_owned()))?,
            config: None,
            opening_max: OPENING_MAX,
        })
    }

    fn known(name: &str) -> Result<Self, ServerError> {
        let own = env::current_exe()?;
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
            "chinwag" => Self::chinwag(&beside(&own), None),
            "floor" => recipe(
                Dialect::Chinwag,
                &own,
                "floor --listen 127.0.0.1:@PORT@",
                None,
            ),
            "redis" => recipe(
                Dialect::Redis,
                Path::new("redis-server"),
                "@CONFIG@",
                Some(include_str!("../../benches/peers/redis.conf")),
            ),
            "ngircd" => recipe(
                Dialect::Irc,
                Path::new("ngircd"),
                "-n -f @CONFIG@",
                Some(include_str!("../../benches/peers/ngircd.conf")),
            ),
            "inspircd" => recipe(
                Dialect::Irc,
                Path::new("inspircd"),
                "--nofork --nopid --nolog --runasroot --config @CONFIG@",
                Some(include_str!("../../benches/peers/inspircd.conf")),
            ),
            "nats" => recipe(
                Dialect::Nats,
                Path::new("nats-server"),
                "-c @CONFIG@",
                Some(include_str!("../../benches/peers/nats.conf")),
            ),
            _ => return Err(ServerError::Unknown(name.to_owned())),
        })
    }

    /// The daemon at a path, for as many clients as are asked for; its default without.
    #[must_use]
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
    #[must_use]
    pub fn is_installed(&self) -> bool {
        let program = Path::new(self.command.first().map_or("", String::as_str));
        if program.components().count() > 1 {
            return program.exists();
        }
        let path = env::var_os("PATH").unwrap_or_default();
        env::split_paths(&path)
            .chain(["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from))
            .any(|folder| folder.join(program).is_file())
    }
}

/// The daemon beside this program.
#[must_use]
pub fn daemon() -> PathBuf {
    env::current_exe().map_or_else(|_| PathBuf::from("chinwag"), |own| beside(&own))
}

fn beside(own: &Path) -> PathBuf {
    let folder = own.parent().unwrap_or(Path::new("."));
    // Benches are built into a folder of their own below it.
    let folder = match folder.file_name() {
        Some(name) if name == "deps" => folder.parent().unwrap_or(folder),
        _ => folder,
    };
    folder.join(format!("chinwag{}", env::consts::EXE_SUFFIX))
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
    ///
    /// # Errors
    /// If it does not start, or not listen.
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
        let mut words = recipe.command.iter().map(|word| fill_in(word));
        let program = words.next().unwrap_or_default();
        let said = files.path().join("said");
        if let Some(pinning) = pinning {
            pinning.as_server();
        }
        let child = command(&program)
            .args(words)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&said)?)
            .spawn();
        if let Some(pinning) = pinning {
            pinning.as_driver();
        }
        let child = child.map_err(|source| ServerError::Start { program, source })?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let mut server = Self {
            child,
            target: Target::Tcp(address),
            _files: files,
        };
        if server.listens(address) {
            return Ok(server);
        }
        let said = fs::read_to_string(said).unwrap_or_default();
        let said = said.lines().last().unwrap_or_default();
        Err(ServerError::Silent {
            name: recipe.name.clone(),
            said: if said.is_empty() {
                String::new()
            } else {
                format!("; it said: {said}")
            },
        })
    }

    fn listens(&mut self, address: SocketAddr) -> bool {
        let give_up_at = Instant::now() + START_TIME;
        while Instant::now() < give_up_at {
            if TcpStream::connect(address).is_ok() {
                return true;
            }
            if !matches!(self.child.try_wait(), Ok(None)) {
                return false;
            }
            thread::sleep(RETRY_TIME);
        }
        false
    }

    /// Where it listens.
    #[must_use]
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// Its process.
    #[must_use]
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
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            thread::sleep(RETRY_TIME);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Servers are often where only an administrator's search path leads.
fn command(program: &str) -> Command {
    let mut command = Command::new(program);
    if let Some(path) = env::var_os("PATH") {
        let folders =
            env::split_paths(&path).chain(["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from));
        if let Ok(path) = env::join_paths(folders) {
            command.env("PATH", path);
        }
    }
    command
}

/// A port that nobody listens at now.
fn free_port() -> io::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok(listener.local_addr()?.port())
}
