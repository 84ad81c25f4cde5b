//! A daemon under test, and the waits of its tests.

pub mod binary;
mod client;
mod delays;
pub mod speaker;

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use binary::binary;
pub use client::Client;
use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process, setrlimit};
use rustix::thread::disable_transparent_huge_pages;
use tempfile::TempDir;

/// The deadline of every wait, long enough for a busy machine.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// The interval at which a condition is polled.
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// The last lines shown when a test fails.
const SHOWN_LINES_MAX: usize = 60;

/// The name of the Unix socket for operators, in a folder of its own.
const OPERATORS_SOCKET: &str = "operators";

pub const REFUSED_FULL: &str = "! The server is full. Try again later.";

/// The program under test, without settings from this process's environment.
pub fn program() -> Command {
    without_settings(Command::new(binary()))
}

/// The program under test, with a limit of open files that it cannot raise.
pub fn program_with_open_files(limit: u32) -> Command {
    let mut command = without_settings(Command::new("sh"));
    let script = format!("ulimit -n {limit}; exec \"$0\" \"$@\"");
    command.args(["-c", &script]).arg(binary());
    command
}

/// The program under test, with this umask.
pub fn program_with_umask(mask: &str) -> Command {
    let mut command = without_settings(Command::new("sh"));
    let script = format!("umask {mask}; exec \"$0\" \"$@\"");
    command.args(["-c", &script]).arg(binary());
    command
}

pub fn without_settings(mut command: Command) -> Command {
    for (variable, _) in std::env::vars_os() {
        if variable.to_string_lossy().starts_with("CHINWAG_") {
            command.env_remove(variable);
        }
    }
    // A store of its own is for a test that asks for one; the default place is for people.
    command.env("CHINWAG_STORE", "none");
    command.stdin(Stdio::null());
    command
}

/// Waits until `condition` holds.
pub fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let give_up_at = Instant::now() + DEADLINE;
    while !condition() {
        assert!(Instant::now() < give_up_at, "not in time: {what}");
        thread::sleep(POLL_INTERVAL);
    }
}

/// Raises this process's own limit of open files, and returns the new limit.
pub fn raise_open_files() -> u64 {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: maximum,
        maximum,
    };
    setrlimit(Resource::Nofile, raised).expect("a soft limit may be raised to the hard one");
    maximum.unwrap_or(u64::MAX)
}

/// Numbered lines joined into one text.
pub fn numbered<N>(numbers: impl Iterator<Item = N>, line: impl Fn(N) -> String) -> String {
    numbers.map(line).collect::<Vec<String>>().concat()
}

/// A running daemon. It is killed when this is dropped.
pub struct Daemon {
    child: Child,
    log: Arc<Log>,
    /// The addresses it listens at, in the order of the flags.
    pub addresses: Vec<String>,
    /// The folder of the Unix socket for its operators.
    operators: Option<TempDir>,
}

/// The daemon's standard error.
#[derive(Default)]
struct Log {
    written: Mutex<Written>,
    changed: Condvar,
}

#[derive(Default)]
struct Written {
    lines: Vec<String>,
    /// All writers have closed it.
    ended: bool,
}

impl Daemon {
    /// Starts a daemon with these flags, on a loopback port by default.
    pub fn start(flags: &[&str]) -> Self {
        Self::start_as(program(), flags)
    }

    /// Starts a daemon with these registered clients, in this order. None has anything unread.
    pub fn start_with<const N: usize>(names: [&str; N]) -> (Self, [Client; N]) {
        let daemon = Self::start(&[]);
        let clients = daemon.join_all(names);
        (daemon, clients)
    }

    /// Starts a daemon with these flags that listens on a loopback port, and on a Unix socket for operators:
    /// they are shown exact numbers.
    pub fn start_for_operators(flags: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder for the socket");
        let socket = format!("unix:{}", folder.path().join(OPERATORS_SOCKET).display());
        let listens = ["--listen", "127.0.0.1:0", "--listen", &socket];
        let mut daemon = Self::start(&[&listens, flags].concat());
        daemon.operators = Some(folder);
        daemon
    }

    /// Starts a daemon with `command`.
    pub fn start_as(mut command: Command, flags: &[&str]) -> Self {
        let listens = flags.iter().filter(|flag| **flag == "--listen").count();
        if listens == 0 {
            command.args(["--listen", "127.0.0.1:0"]);
        }
        Self::start_at(command, flags, listens.max(1))
    }

    /// Starts a daemon with `command`, which listens at this number of addresses.
    pub fn start_at(mut command: Command, flags: &[&str], addresses: usize) -> Self {
        // A huge page comes by chance and counts whole for one used byte, so memory could not be measured. The
        // daemon inherits the setting.
        let _ = disable_transparent_huge_pages(true); // the kernel may have none
        let mut child = command
            .args(flags)
            .stderr(Stdio::piped())
            .spawn()
            .expect("the daemon starts");
        let stderr = child.stderr.take().expect("standard error is a pipe");
        let log = Arc::new(Log::default());
        let mut daemon = Self {
            child,
            log: Arc::clone(&log),
            addresses: Vec::new(),
            operators: None,
        };
        thread::spawn(move || log.fill(stderr));
        daemon.addresses = daemon.log.wait("the addresses", |log| {
            let lines = log.lines.iter();
            let found: Vec<String> = lines.filter_map(|line| address_in(line)).collect();
            (found.len() >= addresses).then_some(found)
        });
        daemon
    }

    /// The address of the first TCP listener.
    pub fn address(&self) -> SocketAddr {
        let tcp = self.addresses.iter().find_map(|text| text.parse().ok());
        tcp.expect("a TCP listener")
    }

    /// Connects, without waiting for the greeting.
    pub fn connect_raw(&self) -> Client {
        Client::over_tcp(self.address())
    }

    /// Connects, and takes the greeting.
    pub fn connect(&self) -> Client {
        let mut client = self.connect_raw();
        client.expect_greeting();
        client
    }

    /// Connects, and registers as `name`.
    pub fn join(&self, name: &str) -> Client {
        self.connect_raw().join(name)
    }

    /// Connects to the socket for operators, without waiting for the greeting.
    fn connect_operator_raw(&self) -> Client {
        let folder = self.operators.as_ref().expect("a daemon for operators");
        Client::over_unix(&folder.path().join(OPERATORS_SOCKET))
    }

    /// Like [`Daemon::join`], as an operator of the server.
    pub fn join_operator(&self, name: &str) -> Client {
        self.connect_operator_raw().join(name)
    }

    /// Like [`Daemon::join`], for a short time to register: the name has arrived when the daemon accepts the
    /// connection.
    pub fn join_at_once(&self, name: &str) -> Client {
        self.name_at_once(name, || self.connect_raw())
    }

    /// Like [`Daemon::join_at_once`], as an operator of the server.
    pub fn join_operator_at_once(&self, name: &str) -> Client {
        self.name_at_once(name, || self.connect_operator_raw())
    }

    fn name_at_once(&self, name: &str, connect: impl FnOnce() -> Client) -> Client {
        let mut client = self.while_stopped(|| {
            let mut client = connect();
            client.send(&format!("#{name}"));
            client
        });
        client.expect_greeting();
        client.expect_registered(name);
        client
    }

    /// Registered clients, in this order. None has anything unread.
    pub fn join_all<const N: usize>(&self, names: [&str; N]) -> [Client; N] {
        let mut clients = names.map(|name| self.join(name));
        for client in &mut clients {
            client.barrier();
        }
        clients
    }

    pub fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).expect("the daemon runs");
    }

    /// Stops the daemon during `act`, so that it sees all of its effects at once.
    pub fn while_stopped<T>(&self, act: impl FnOnce() -> T) -> T {
        self.signal(Signal::STOP);
        let stat = format!("/proc/{}/stat", self.child.id());
        wait_until("it stands still", || {
            let stat = fs::read_to_string(&stat).unwrap();
            let (_, state) = stat.rsplit_once(") ").unwrap();
            state.starts_with('T')
        });
        let done = act();
        self.signal(Signal::CONT);
        done
    }

    /// Waits for the end of the process, and of its log.
    pub fn wait(&mut self) -> ExitStatus {
        let status = wait_for_exit(&mut self.child);
        self.log.wait("its end", |log| log.ended.then_some(()));
        status
    }

    /// Whether the process is still running.
    pub fn is_running(&mut self) -> bool {
        self.child
            .try_wait()
            .expect("it can be waited for")
            .is_none()
    }

    /// The lines of standard error read so far: while the daemon runs, it may have written more.
    pub fn log_lines(&self) -> Vec<String> {
        self.log.written.lock().unwrap().lines.clone()
    }

    /// The number of lines read so far that contain `part`.
    pub fn log_count(&self, part: &str) -> usize {
        self.log.written.lock().unwrap().count(part)
    }

    /// Waits until a line of standard error contains `part`, and returns it.
    pub fn wait_for_log(&self, part: &str) -> String {
        self.log.wait(part, |log| {
            let mut lines = log.lines.iter();
            lines.find(|line| line.contains(part)).cloned()
        })
    }

    /// Waits until `count` lines of standard error contain `part`; there must not be more.
    #[track_caller]
    pub fn expect_log_count(&self, part: &str, count: usize) {
        let found = self.log.wait(part, |log| {
            let found = log.count(part);
            (found >= count).then_some(found)
        });
        assert_eq!(found, count, "{part}");
    }

    /// The processor time used so far.
    pub fn cpu_time(&self) -> Duration {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        // The program's name, in parentheses, may contain any character; the rest is numbers.
        let (_, fields) = stat.rsplit_once(')').unwrap();
        let ticks = |place: usize| -> u64 {
            let field = fields.split_whitespace().nth(place).unwrap();
            field.parse().unwrap()
        };
        // Linux shows them in hundredths of a second on every kernel.
        Duration::from_millis((ticks(11) + ticks(12)) * 10)
    }

    /// The processor time used over the next second.
    pub fn cpu_time_of_a_second(&self) -> Duration {
        let before = self.cpu_time();
        // Not a wait for an event: the time over which the use is measured.
        thread::sleep(Duration::from_secs(1));
        self.cpu_time().saturating_sub(before)
    }

    /// The number of its writes to files and pipes; sockets are not counted.
    pub fn write_calls(&self) -> u64 {
        let counts = fs::read_to_string(format!("/proc/{}/io", self.child.id())).unwrap();
        let count = counts.lines().find_map(|line| line.strip_prefix("syscw: "));
        count.expect("a number of calls").parse().unwrap()
    }

    /// The largest amount of memory held at once so far, in KiB.
    pub fn peak_memory_kib(&self) -> u64 {
        self.memory_kib("VmHWM:")
    }

    /// The amount of memory held now, in KiB.
    pub fn resident_memory_kib(&self) -> u64 {
        self.memory_kib("VmRSS:")
    }

    /// The amount of memory that holds pages of files now, as the program's own code, in KiB.
    pub fn file_memory_kib(&self) -> u64 {
        self.memory_kib("RssFile:")
    }

    fn memory_kib(&self, what: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with(what));
        let number = line.and_then(|line| line.split_whitespace().nth(1));
        number.expect("a number of KiB").parse().unwrap()
    }

    /// The numbers of its open descriptors.
    pub fn descriptors(&self) -> Vec<u64> {
        let entries = fs::read_dir(format!("/proc/{}/fd", self.child.id())).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name());
        names
            .map(|name| name.to_string_lossy().parse().unwrap())
            .collect()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            let lines = self.log_lines();
            let skipped = lines.len().saturating_sub(SHOWN_LINES_MAX);
            eprintln!("The daemon's log, {skipped} lines left out:");
            for line in &lines[skipped..] {
                eprintln!("    {line}");
            }
        }
    }
}

impl Log {
    fn fill(&self, stderr: ChildStderr) {
        let mut stderr = BufReader::new(stderr);
        let mut line = Vec::new();
        while matches!(stderr.read_until(b'\n', &mut line), Ok(count) if count > 0) {
            let text = String::from_utf8_lossy(&line).trim_end().to_owned();
            delays::delay();
            self.written.lock().unwrap().lines.push(text);
            self.changed.notify_all();
            line.clear();
        }
        self.written.lock().unwrap().ended = true;
        self.changed.notify_all();
    }

    fn wait<T>(&self, what: &str, mut found: impl FnMut(&Written) -> Option<T>) -> T {
        let give_up_at = Instant::now() + DEADLINE;
        let mut written = self.written.lock().unwrap();
        loop {
            if let Some(value) = found(&written) {
                return value;
            }
            let left = give_up_at.saturating_duration_since(Instant::now());
            // The drop of the daemon takes the lock to show the lines.
            if left.is_zero() {
                drop(written);
                panic!("not in the log in time: {what}");
            }
            written = self.changed.wait_timeout(written, left).unwrap().0;
        }
    }
}

impl Written {
    fn count(&self, part: &str) -> usize {
        let lines = self.lines.iter();
        lines.filter(|line| line.contains(part)).count()
    }
}

/// The address in a line that the daemon prints when it listens.
pub fn address_in(line: &str) -> Option<String> {
    let rest = line.strip_prefix("chinwag listens on ")?;
    let (address, _) = rest.split_once(". To join,")?;
    Some(address.to_owned())
}

/// A process that is killed when this is dropped: outliving a failed test, it would keep the test's own
/// output open, and that output's reader waiting.
pub struct Killed(pub Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Waits for the end of a process.
pub fn wait_for_exit(child: &mut Child) -> ExitStatus {
    let mut status = None;
    wait_until("the end of a process", || {
        status = child.try_wait().expect("it can be waited for");
        status.is_some()
    });
    status.unwrap()
}
