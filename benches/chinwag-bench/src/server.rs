//! Servers under test: how each is started, and where it can be reached.

use std::env;
use std::error::Error;
use std::fs::{self, File};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::dialect::Dialect;
use crate::process::Pinning;
use crate::run::ServerUnderTest;
use crate::target::Target;

/// Whatever ends the program early, in one line.
pub type Failure = Box<dyn Error>;

/// How long a server may take to listen.
const START_TIME: Duration = Duration::from_secs(15);

/// How often it is tried whether it does.
const RETRY_TIME: Duration = Duration::from_millis(10);

/// How long a server may take to end by itself.
const STOP_TIME: Duration = Duration::from_secs(3);

/// The ports that are tried begin here. Systems give out higher ones by themselves, and such a port
/// could be taken by the time when the server asks for it.
const PORTS_FROM: u16 = 10_000;
const PORTS: u16 = 20_000;

/// The command of the load generator that runs a server on its behalf; see [`replace_by`].
pub const SUPERVISE: &str = "supervise";

/// Stands in a command for the file that a server keeps things in.
const STORE: &str = "@STORE@";

/// What any listener's backlog takes with ease.
const OPENING_MAX: usize = 128;

/// Which server, and how it is started.
///
/// In the command and the configuration, `@PORT@` is the port to listen at, `@DIR@` a folder that
/// is empty at first, `@CONFIG@` the configuration's path, and `@STORE@` the file to keep things in, or
/// `none`.
#[derive(Clone, Debug, PartialEq)]
pub struct Recipe {
    pub name: String,
    pub dialect: &'static Dialect,
    pub command: Vec<String>,
    config: Option<&'static str>,
    /// Connections that may wait to be registered at a time.
    pub opening_max: usize,
}

/// Servers known by their names: the recipe, the configuration and `opening_max`.
const KNOWN: [(&str, Option<&str>, usize); 6] = [
    (
        "floor=chinwag=@SELF@ floor --listen 127.0.0.1:@PORT@",
        None,
        OPENING_MAX,
    ),
    (
        "chinwag=chinwag=@DAEMON@ --listen 127.0.0.1:@PORT@ --store @STORE@",
        None,
        OPENING_MAX,
    ),
    (
        "redis=redis=redis-server @CONFIG@",
        Some(include_str!("../peers/redis.conf")),
        OPENING_MAX,
    ),
    (
        "ngircd=irc=ngircd -n -f @CONFIG@",
        Some(include_str!("../peers/ngircd.conf")),
        8, // its listener has room for ten
    ),
    (
        "inspircd=irc=inspircd --nofork --nopid --nolog --runasroot --config @CONFIG@",
        Some(include_str!("../peers/inspircd.conf")),
        2000, // it registers all that wait once a second
    ),
    (
        "nats=nats=nats-server -c @CONFIG@",
        Some(include_str!("../peers/nats.conf")),
        OPENING_MAX,
    ),
];

impl Recipe {
    /// The server of a name, or of `NAME=DIALECT=COMMAND`.
    pub fn parse(text: &str) -> Result<Self, Failure> {
        let is_known = !text.contains('=');
        let (text, config, opening_max) = if is_known {
            let names = KNOWN.map(|(known, ..)| known.split('=').next().unwrap_or_default());
            let found = names.iter().position(|name| *name == text);
            *found.and_then(|place| KNOWN.get(place)).ok_or_else(|| {
                let names = names.join(", ");
                format!("no server is known as {text}: say {names}, or NAME=DIALECT=COMMAND")
            })?
        } else {
            (text, None, OPENING_MAX)
        };
        let parts: Vec<&str> = text.splitn(3, '=').collect();
        let [name, dialect, command] = parts[..] else {
            return Err(format!("{text} is no NAME=DIALECT=COMMAND").into());
        };
        let words = shell_words::split(command).ok();
        let mut command = words.filter(|words| !words.is_empty()).ok_or_else(|| {
            format!("the command of {name} is empty, or has quotes that do not match")
        })?;
        let dialect = Dialect::parse(dialect)?;
        if is_known {
            let own = env::current_exe()?;
            let daemon = own.with_file_name(format!("chinwag{}", env::consts::EXE_SUFFIX));
            for word in &mut command {
                *word = word.replace("@SELF@", &own.to_string_lossy());
                *word = word.replace("@DAEMON@", &daemon.to_string_lossy());
            }
        } else if !command.iter().any(|word| word.contains("@PORT@")) {
            let why = "does not say where to listen: say @PORT@ for the port";
            return Err(format!("the command of {name} {why}").into());
        }
        Ok(Self {
            name: name.to_owned(),
            dialect,
            command,
            config,
            opening_max,
        })
    }

    /// The same, which keeps things in this file; `None` if its command has no place for that.
    pub fn keeping(&self, store: &str) -> Option<Self> {
        let has_place = self.command.iter().any(|word| word.contains(STORE));
        has_place.then(|| {
            let words = self.command.iter();
            let command = words.map(|word| word.replace(STORE, store)).collect();
            Self {
                command,
                ..self.clone()
            }
        })
    }

    pub fn is_installed(&self) -> bool {
        self.command
            .first()
            .is_some_and(|program| find(program).is_some())
    }
}

fn cannot_start(program: &str, why: &dyn Error) -> Failure {
    format!("cannot start {program}: {why}").into()
}

/// Becomes another program that ends when this one's parent does, however that ends. Returns only
/// if it cannot.
pub fn replace_by(words: &[String]) -> Failure {
    // Elsewhere a server is left behind if this program is killed; it ends with it otherwise.
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_parent_process_death_signal(Some(Signal::TERM));
    match words.split_first() {
        Some((program, arguments)) => {
            cannot_start(program, &Command::new(program).args(arguments).exec())
        }
        None => "there is nothing to start".into(),
    }
}

/// A server under test. One that was started for that ends with this.
pub struct Server {
    pub under_test: ServerUnderTest,
    process: Option<Process>,
}

struct Process {
    child: Child,
    _files: TempDir,
}

impl Server {
    /// One that runs already.
    pub fn at(target: &Target, dialect: &'static Dialect, pid: Option<u32>) -> Self {
        let under_test = ServerUnderTest {
            name: target.to_string(),
            target: target.clone(),
            dialect,
            pid,
            opening_max: OPENING_MAX,
        };
        Self {
            under_test,
            process: None,
        }
    }

    /// Starts a server, and waits until it listens.
    pub fn start(recipe: &Recipe, pinning: Option<Pinning>) -> Result<Self, Failure> {
        let cannot = |error| format!("cannot prepare a server's files: {error}");
        let files = TempDir::new().map_err(cannot)?;
        let port = free_port()?;
        let config = files.path().join("config");
        let fill_in = |text: &str| {
            text.replace("@PORT@", &port.to_string())
                .replace("@DIR@", &files.path().to_string_lossy())
                .replace("@CONFIG@", &config.to_string_lossy())
                .replace(STORE, "none")
        };
        if let Some(text) = recipe.config {
            fs::write(&config, fill_in(text)).map_err(cannot)?;
        }
        let words: Vec<String> = recipe.command.iter().map(|word| fill_in(word)).collect();
        let said = files.path().join("said");
        let mut command = supervised(&words)?;
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&said).map_err(cannot)?)
            // Ctrl-C is for this program, which ends the server when it has no more need of it.
            .process_group(0);
        if let Some(pinning) = pinning {
            pinning.as_server();
        }
        let child = command.spawn();
        if let Some(pinning) = pinning {
            pinning.as_driver();
        }
        let child = child.map_err(|error| cannot_start(&recipe.name, &error))?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let under_test = ServerUnderTest {
            name: recipe.name.clone(),
            target: Target::Tcp(address),
            dialect: recipe.dialect,
            pid: Some(child.id()),
            opening_max: recipe.opening_max,
        };
        let mut process = Process {
            child,
            _files: files,
        };
        let is_listening = || TcpStream::connect(address).is_ok();
        if process.is_within(START_TIME, is_listening) {
            return Ok(Self {
                under_test,
                process: Some(process),
            });
        }
        let why = if process.is_running() {
            format!("does not listen within {} s", START_TIME.as_secs())
        } else {
            "ended before it listened".to_owned()
        };
        let said = fs::read_to_string(said).unwrap_or_default();
        let said = said.lines().last().map(|line| format!("; it said: {line}"));
        Err(format!("{} {why}{}", recipe.name, said.unwrap_or_default()).into())
    }

    /// Ends it without a warning, in whatever it is doing.
    pub fn kill(mut self) {
        if let Some(process) = &mut self.process {
            process.kill();
        }
    }

    /// Ends it in order, within `time`. Returns whether it did.
    pub fn stop(mut self, time: Duration) -> bool {
        self.process
            .take()
            .is_none_or(|mut process| process.stop(time))
    }
}

impl Process {
    fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Waits until something is so, as long as it runs, and no longer than `time`.
    fn is_within(&mut self, time: Duration, is_so: impl Fn() -> bool) -> bool {
        let give_up_at = Instant::now() + time;
        while Instant::now() < give_up_at && self.is_running() {
            if is_so() {
                return true;
            }
            thread::sleep(RETRY_TIME);
        }
        false
    }

    fn stop(&mut self, time: Duration) -> bool {
        // Once it has ended, another process may have its number.
        if self.is_running() {
            let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
            self.is_within(time, || false);
        }
        !self.is_running()
    }

    fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if !self.stop(STOP_TIME) {
            self.kill();
        }
    }
}

/// How to run a program so that it ends with this one, by way of [`replace_by`].
fn supervised(words: &[String]) -> Result<Command, Failure> {
    let program = words.first().map_or("", String::as_str);
    if find(program).is_none() {
        return Err(cannot_start(
            program,
            &io::Error::other("there is no such program"),
        ));
    }
    let mut command = Command::new(env::current_exe()?);
    command.args([SUPERVISE, "--"]).args(words);
    // Servers are often where only an administrator's search path leads.
    command.env("PATH", env::join_paths(search_path())?);
    // What a measurement says is nothing to be kept, unless a server's own flags name a store.
    command.env("CHINWAG_STORE", "none");
    Ok(command)
}

fn search_path() -> Vec<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let own = env::split_paths(&path);
    own.chain(["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from))
        .collect()
}

/// Where a program is.
fn find(program: &str) -> Option<PathBuf> {
    let program = Path::new(program);
    if program.components().count() > 1 {
        return program.is_file().then(|| program.to_owned());
    }
    let mut files = search_path().into_iter().map(|folder| folder.join(program));
    files.find(|file| file.is_file())
}

/// A port that is free now. Each call, and each process, begins with another.
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
