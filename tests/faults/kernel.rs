//! Errors of system calls that no test can bring about, injected in place of the calls.
//!
//! strace runs the daemon, and makes some of its calls fail. They are chosen by their number, so each
//! test counts the calls before, and checks that it counted well.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tempfile::TempDir;

use crate::harness::{
    Client, Daemon, Killed, REFUSED_FULL, program, wait_for_exit, wait_until, without_settings,
};

/// The wrapper of `tests/seccomp`: its filter kills a process that makes an unlisted call.
const SECCOMP_WRAPPER: &str = "chinwag-seccomp";

/// Calls that other threads than the first make. There, strace can come before the filter, which takes
/// an injected call for an unlisted one.
const BY_THREADS: [&str; 2] = ["write", "fcntl"];

/// The daemon's pause before it tries again to accept.
const RETRY_TIME: Duration = Duration::from_millis(200);

/// Connections accepted in one turn.
const BATCH_MAX: u32 = 64;

/// A daemon with a fault injected into its system calls.
pub struct Failing {
    command: Command,
    trace: Trace,
}

/// strace's record of the calls that may fail.
pub struct Trace {
    folder: TempDir,
}

impl Failing {
    /// `fault` is a value of strace's `-e inject=`. `None` where there is no strace.
    pub fn new(fault: &str) -> Option<Self> {
        let (calls, _) = fault.split_once(':').expect("calls, and what they return");
        if !strace_works() || (is_under_seccomp() && BY_THREADS.contains(&calls)) {
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let trace = Trace { folder };
        let mut command = without_settings(Command::new("strace"));
        // Without a filter, strace would stop the daemon at every call.
        command.args(["-D", "-f", "--seccomp-bpf"]);
        command.args(["-qq", "-o"]).arg(trace.path());
        command.args(["-e", &format!("trace={calls}")]);
        command.args(["-e", &format!("inject={fault}")]);
        command.arg("--").arg(program().get_program());
        Some(Self { command, trace })
    }

    pub fn start(self, flags: &[&str]) -> (Daemon, Trace) {
        (Daemon::start_as(self.command, flags), self.trace)
    }

    /// Runs the daemon until it ends by itself.
    fn run(mut self, flags: &[&str]) -> Output {
        self.command.args(flags);
        let child = self.command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = Killed(child.spawn().unwrap());
        wait_for_exit(&mut child.0);
        let mut output = Output {
            status: child.0.wait().unwrap(),
            stdout: Vec::new(),
            stderr: Vec::new(),
        };
        let (stdout, stderr) = (child.0.stdout.take(), child.0.stderr.take());
        std::io::copy(&mut stdout.unwrap(), &mut output.stdout).unwrap();
        std::io::copy(&mut stderr.unwrap(), &mut output.stderr).unwrap();
        assert!(self.trace.failed() > 0, "nothing was made to fail");
        output
    }
}

impl Trace {
    fn path(&self) -> PathBuf {
        self.folder.path().join("trace")
    }

    /// A line for each call.
    fn lines(&self) -> Vec<String> {
        let text = fs::read_to_string(self.path()).unwrap();
        // A slow call has another line for its end, and signals have lines of their own.
        let is_call = |line: &&str| !line.contains(" resumed>") && !line.contains(" --- ");
        text.lines().filter(is_call).map(str::to_owned).collect()
    }

    fn calls(&self) -> u32 {
        self.lines().len().try_into().unwrap()
    }

    /// Waits until `count` calls were made; there must not be more. A call's effect can arrive before
    /// strace's line.
    #[track_caller]
    fn expect_calls(&self, count: u32) {
        wait_until("the calls to be counted", || self.calls() >= count);
        assert_eq!(self.calls(), count);
    }

    fn failed(&self) -> usize {
        let text = fs::read_to_string(self.path()).unwrap();
        text.matches("(INJECTED)").count()
    }
}

fn is_under_seccomp() -> bool {
    PathBuf::from(program().get_program()).ends_with(SECCOMP_WRAPPER)
}

/// Whether strace is installed and permitted.
fn strace_works() -> bool {
    static WORKS: OnceLock<bool> = OnceLock::new();
    *WORKS.get_or_init(|| {
        let required = std::env::var_os("CHINWAG_REQUIRE_TOOLS").is_some();
        let probe = Command::new("strace")
            .args(["-D", "-f", "--seccomp-bpf", "-qq"])
            .args(["-o", "/dev/null", "true"])
            .output();
        let why_not = match probe {
            Ok(output) if output.status.success() => return true,
            // It is installed; the system forbids its use.
            Ok(output) => format!("strace may not trace: {output:?}"),
            Err(error) => {
                assert!(!required, "no strace: {error}");
                format!("no strace: {error}")
            }
        };
        eprintln!("skipped: {why_not}");
        false
    })
}

/// Two chatting clients get every line of each other.
fn expect_chat(alice: &mut Client, bob: &mut Client) {
    for number in 0..20 {
        alice.send(&format!("{number}"));
        bob.expect_line(&format!("alice: {number}"));
        bob.send(&format!("@alice:{number}"));
        alice.expect_line(&format!("@bob: {number}"));
    }
}

/// Two clients that join one after the other each cost a call that accepts, and one that finds no other.
const TWO_ACCEPTED: u32 = 4;

#[test]
fn connections_wait_while_the_machine_is_out_of_descriptors() {
    let Some(failing) = Failing::new("accept4:error=ENFILE:when=5..8") else {
        return;
    };
    let (daemon, trace) = failing.start(&[]);
    let [mut alice, mut bob] = daemon.join_all(["alice", "bob"]);
    trace.expect_calls(TWO_ACCEPTED);
    let mut waiting: Vec<Client> = (0..100).map(|_| daemon.connect_raw()).collect();
    daemon.wait_for_log("cannot accept connections");
    expect_chat(&mut alice, &mut bob);
    for client in &mut waiting {
        client.expect_greeting();
    }
    assert_eq!(trace.failed(), 4);
    daemon.wait_for_log("accepting connections again");
    daemon.expect_log_count("cannot accept connections", 1);
    daemon.expect_log_count("accepting connections again", 1);
}

#[test]
fn connection_is_refused_when_one_reserved_descriptor_is_left() {
    // The next call gets the reserved descriptor, once that is closed.
    let Some(failing) = Failing::new("accept4:error=ENFILE:when=5+2") else {
        return;
    };
    let (daemon, trace) = failing.start(&[]);
    let [mut alice, mut bob] = daemon.join_all(["alice", "bob"]);
    trace.expect_calls(TWO_ACCEPTED);
    for _ in 0..10 {
        let mut refused = daemon.connect_raw();
        refused.expect_line(REFUSED_FULL);
        refused.expect_closed();
    }
    expect_chat(&mut alice, &mut bob);
    drop(bob);
    daemon.wait_for_log("bob (127.0.0.1"); // the last line
    daemon.expect_log_count("cannot accept connections", 1);
}

/// Two clients chat while accept fails, and the attempts are counted against the time taken, which other
/// work on the machine only makes longer.
fn expect_few_attempts(fault: &str, each_time_max: u32) {
    let Some(failing) = Failing::new(fault) else {
        return;
    };
    let (daemon, trace) = failing.start(&[]);
    let [mut alice, mut bob] = daemon.join_all(["alice", "bob"]);
    trace.expect_calls(TWO_ACCEPTED);
    let start = Instant::now();
    let _waits = daemon.connect_raw();
    daemon.wait_for_log("cannot accept connections");
    for _ in 0..10 {
        expect_chat(&mut alice, &mut bob); // each line is a turn, in which accept could be tried
    }
    let several_times = 3 * usize::try_from(each_time_max).unwrap();
    wait_until("more attempts", || trace.failed() >= several_times);
    // The calls are counted before the time is taken, and the start made one as well.
    let attempts = trace.calls() - TWO_ACCEPTED;
    let times = start.elapsed().as_millis() / RETRY_TIME.as_millis() + 2;
    let attempts_max = u128::from(each_time_max) * times;
    assert!(u128::from(attempts) <= attempts_max, "{fault}: {attempts}");
    drop(bob);
    daemon.wait_for_log("bob (127.0.0.1"); // the last line
    daemon.expect_log_count("cannot accept connections", 1);
}

#[test]
fn accept_is_retried_rarely_while_descriptors_are_out() {
    // Each attempt is repeated with the reserved descriptor.
    expect_few_attempts("accept4:error=ENFILE:when=5+", 2);
}

#[test]
fn accept_is_retried_rarely_while_every_connection_fails() {
    expect_few_attempts("accept4:error=ENETUNREACH:when=5+", BATCH_MAX);
}

#[test]
fn error_of_one_connection_delays_no_other() {
    let errors = "EINTR ECONNABORTED ENETDOWN EPROTO ENOPROTOOPT EHOSTDOWN ENONET EHOSTUNREACH \
                  EOPNOTSUPP ENETUNREACH";
    for error in errors.split_whitespace() {
        let Some(failing) = Failing::new(&format!("accept4:error={error}:when=1..2")) else {
            continue;
        };
        let (daemon, trace) = failing.start(&[]);
        daemon.connect();
        assert_eq!(trace.failed(), 2);
        // A line about accept would come before the one about the end.
        daemon.wait_for_log("closed after");
        assert_eq!(daemon.log_count("cannot accept"), 0, "{error}");
    }
}

#[test]
fn accept_error_is_logged_and_retried() {
    for error in ["ENOMEM", "ENOBUFS", "EPERM"] {
        let Some(failing) = Failing::new(&format!("accept4:error={error}:when=1..2")) else {
            continue;
        };
        let (daemon, trace) = failing.start(&[]);
        daemon.connect();
        assert_eq!(trace.failed(), 2);
        daemon.wait_for_log("accepting connections again");
        daemon.expect_log_count("cannot accept connections", 1);
    }
}

#[test]
fn failing_listener_does_not_stop_another() {
    let Some(failing) = Failing::new("accept4:error=ENOMEM:when=1") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let at_path = format!("unix:{}", path.display());
    let (daemon, trace) = failing.start(&["--listen", "127.0.0.1:0", "--listen", &at_path]);
    // Both listeners become ready in one turn.
    daemon.signal(Signal::STOP);
    wait_until("it is stopped", || all_threads_are_stopped(&daemon));
    let mut by_tcp = daemon.connect_raw();
    let mut by_path = Client::over_unix(&path);
    daemon.signal(Signal::CONT);
    by_path.expect_greeting();
    by_tcp.expect_greeting();
    let lines = trace.lines();
    assert!(lines[0].contains("(INJECTED)"), "{lines:?}");
    assert!(lines[1].contains("AF_UNIX"), "{lines:?}");
    daemon.wait_for_log("accepting connections again at 127.0.0.1:");
    daemon.wait_for_log("cannot accept connections at 127.0.0.1:");
    daemon.expect_log_count("cannot accept connections", 1);
}

fn all_threads_are_stopped(daemon: &Daemon) -> bool {
    let threads = format!("/proc/{}/task", daemon.pid().as_raw_nonzero());
    let mut threads = fs::read_dir(threads).unwrap();
    threads.all(|thread| {
        let status = fs::read_to_string(thread.unwrap().path().join("status"));
        // Stopped, or stopped for strace.
        status.is_ok_and(|status| status.contains("State:\tT") || status.contains("State:\tt"))
    })
}

/// Registrations at the poll for signals and for the listener.
const WATCHED_FIRST: u32 = 2;

#[test]
fn connection_that_epoll_refuses_is_told_and_takes_no_place() {
    let Some(failing) = Failing::new("epoll_ctl:error=ENOSPC:when=4..8") else {
        return;
    };
    let flags = ["--max-clients", "3", "--limit-loopback"];
    let (daemon, trace) = failing.start(&[&flags[..], &["--max-per-address", "3"]].concat());
    let mut alice = daemon.join("alice");
    trace.expect_calls(WATCHED_FIRST + 1);
    for _ in 0..5 {
        let mut unwatched = daemon.connect_raw();
        unwatched.expect_line(REFUSED_FULL);
        unwatched.expect_closed();
    }
    assert_eq!(trace.failed(), 5);
    let mut bob = daemon.join("bob");
    let _carol = daemon.join("carol");
    alice.read_until("* carol has joined lobby.");
    bob.barrier();
    expect_chat(&mut alice, &mut bob);
    daemon.expect_log_count("cannot be watched: No space left", 5);
    alice.send("/stats");
    let ends = alice.read_until_starting("* Connections: ");
    assert!(ends.ends_with(", 5 refused."), "{ends}");
    daemon.connect_raw().expect_line(REFUSED_FULL); // both limits are unchanged
}

/// Each join and each awaited answer costs a call.
const READ_FIRST: u32 = 4;

#[test]
fn read_error_closes_its_connection_and_no_other() {
    for (error, words) in [
        ("ETIMEDOUT", "timed out"),
        ("EHOSTUNREACH", "No route to host"),
        ("ENETDOWN", "Network is down"),
        ("ECONNRESET", "reset by peer"),
        ("ENOMEM", "Cannot allocate memory"),
        ("EIO", "Input/output error"),
    ] {
        let Some(failing) = Failing::new(&format!("recvfrom:error={error}:when=5")) else {
            continue;
        };
        let (daemon, trace) = failing.start(&["--log-level", "debug"]);
        let [mut alice, mut bob] = daemon.join_all(["alice", "bob"]);
        trace.expect_calls(READ_FIRST);
        bob.send("is not read");
        bob.expect_closed();
        expect_broken(&daemon, &mut alice, "reading failed", words);
        assert_eq!(trace.failed(), 1);
    }
}

/// Each client is greeted, registered and answered once, and the first is told of the second.
const WRITTEN_FIRST: u32 = 7;

#[test]
fn write_error_closes_its_connection_and_senders_are_told() {
    for (error, words) in [
        ("EPIPE", "Broken pipe"),
        ("ENOBUFS", "No buffer space"),
        ("EHOSTUNREACH", "No route to host"),
        ("ETIMEDOUT", "timed out"),
        ("ENOMEM", "Cannot allocate memory"),
    ] {
        let Some(failing) = Failing::new(&format!("sendto:error={error}:when=8")) else {
            continue;
        };
        let (daemon, trace) = failing.start(&["--log-level", "debug"]);
        let [mut alice, mut bob] = ["alice", "bob"].map(|name| {
            let mut client = daemon.connect();
            client.register(name);
            client.barrier();
            client
        });
        trace.expect_calls(WRITTEN_FIRST);
        alice.send("@bob:is not written");
        bob.expect_closed();
        let lines = expect_broken(&daemon, &mut alice, "writing failed", words);
        let told = "! Your last message to bob was not delivered: bob is gone.";
        assert!(lines.iter().any(|line| line == told), "{lines:?}");
        assert_eq!(trace.failed(), 1);
    }
}

/// bob's connection broke: that is logged and counted once, alice is told and stays. Returns alice's
/// other lines.
fn expect_broken(daemon: &Daemon, alice: &mut Client, doing: &str, words: &str) -> Vec<String> {
    alice.read_until("* bob has left lobby.");
    alice.send("/stats");
    let stats = alice.barrier();
    let counted = stats
        .iter()
        .any(|line| line.ends_with("1 closed: connection broken"));
    assert!(counted, "{stats:?}");
    daemon.wait_for_log("bob (127.0.0.1");
    daemon.expect_log_count(doing, 1);
    assert!(daemon.wait_for_log(doing).contains(words));
    daemon.expect_log_count("closed after", 1);
    daemon.expect_log_count("connection broken", 1);
    daemon.join("bob").barrier(); // the name is free
    stats
}

/// The daemon's own signals interrupt its calls, as a debugger does.
#[test]
fn interrupted_calls_are_made_again() {
    for calls in ["recvfrom", "sendto", "?epoll_wait,?epoll_pwait", "write"] {
        let Some(failing) = Failing::new(&format!("{calls}:error=EINTR:when=1+2")) else {
            continue;
        };
        let (daemon, trace) = failing.start(&[]);
        let [mut alice, mut bob] = daemon.join_all(["alice", "bob"]);
        expect_chat(&mut alice, &mut bob);
        for client in [&mut alice, &mut bob] {
            client.send("/quit");
            client.read_until("* Bye.");
            client.expect_closed();
        }
        drop((alice, bob));
        daemon.expect_log_count(": quit; 0 bytes unwritten", 2);
        assert!(trace.failed() > 1, "{calls}");
    }
}

#[test]
fn failed_poll_ends_the_process_with_one_line() {
    for (error, words) in [("EBADF", "Bad file"), ("ENOMEM", "Cannot allocate memory")] {
        let fault = format!("?epoll_wait,?epoll_pwait:error={error}:when=4+");
        let Some(failing) = Failing::new(&fault) else {
            continue;
        };
        let (mut daemon, _trace) = failing.start(&[]);
        let mut client = daemon.connect_raw();
        // The number of polls for a greeting depends on timing.
        wait_until("another poll", || {
            let _ = client.try_send(b"/ping\n"); // fails once the daemon has ended
            !daemon.is_running()
        });
        assert_eq!(daemon.wait().code(), Some(1), "{error}");
        let line = daemon.wait_for_log("chinwag: cannot poll: ");
        assert!(line.contains(words), "{line}");
        daemon.expect_log_count("cannot poll", 1);
        assert_eq!(daemon.log_count("panicked"), 0);
    }
}

/// Only the first is needed to listen.
const OPTIONS: [&str; 5] = [
    "TCP_NODELAY",
    "SO_OOBINLINE",
    "SO_KEEPALIVE",
    "TCP_USER_TIMEOUT",
    "TCP_NOTSENT_LOWAT",
];

#[test]
fn missing_socket_option_is_named_and_does_not_stop_the_start() {
    for error in ["ENOPROTOOPT", "EINVAL"] {
        let Some(failing) = Failing::new(&format!("setsockopt:error={error}:when=2+")) else {
            continue;
        };
        let (daemon, _trace) = failing.start(&[]);
        for option in OPTIONS {
            let line = daemon.wait_for_log(&format!("cannot set {option}: "));
            assert!(line.contains("[WARN]") && line.contains("; without it, "));
        }
        daemon.expect_log_count("cannot set", OPTIONS.len());
        let [mut alice, mut bob] = daemon.join_all(["alice", "bob"]);
        expect_chat(&mut alice, &mut bob);
    }
    // A missing option does not keep the others from being set.
    let Some(failing) = Failing::new("setsockopt:error=ENOPROTOOPT:when=2") else {
        return;
    };
    let (daemon, trace) = failing.start(&[]);
    daemon.connect();
    daemon.wait_for_log("closed after");
    daemon.expect_log_count("cannot set", 1);
    daemon.expect_log_count("cannot set TCP_NODELAY", 1);
    for option in &OPTIONS[1..] {
        let lines = trace.lines();
        assert!(lines.iter().any(|line| line.contains(option)), "{option}");
    }
}

#[test]
fn failed_start_ends_with_one_line_that_says_why() {
    for (fault, line) in [
        (
            "setsockopt:error=EINVAL:when=1",
            "cannot listen on 127.0.0.1:0: Invalid argument",
        ),
        (
            "epoll_create1:error=EMFILE",
            "cannot poll: Too many open files",
        ),
        (
            "socketpair:error=ENFILE",
            "cannot take signals: Too many open files in system",
        ),
        (
            "epoll_ctl:error=ENOSPC:when=1",
            "cannot watch for signals: No space left on device",
        ),
        (
            "epoll_ctl:error=ENOMEM:when=2",
            "cannot watch the listeners: Cannot allocate memory",
        ),
        (
            "socket:error=ENOBUFS",
            "cannot listen on 127.0.0.1:0: No buffer space available",
        ),
        (
            "bind:error=EACCES",
            "cannot listen on 127.0.0.1:0: Permission denied",
        ),
        (
            "listen:error=EADDRINUSE",
            "cannot listen on 127.0.0.1:0: Address already in use",
        ),
        (
            "getsockname:error=ENOBUFS",
            "cannot listen on 127.0.0.1:0: No buffer space available",
        ),
        (
            "clone3,clone:error=EAGAIN",
            "cannot log to standard error: Resource temporarily unavailable",
        ),
        // The log and standard error duplicate their descriptors with it.
        (
            "fcntl:error=EMFILE",
            "cannot log to standard error: Too many open files",
        ),
    ] {
        let Some(failing) = Failing::new(fault) else {
            continue;
        };
        let output = failing.run(&["--listen", "127.0.0.1:0"]);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.signal(), None, "{fault}: {said}");
        assert_eq!(output.status.code(), Some(1), "{fault}: {said}");
        assert_eq!(said.matches('\n').count(), 1, "{fault}: {said}");
        assert!(
            said.starts_with(&format!("chinwag: {line}")),
            "{fault}: {said}"
        );
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn optional_call_that_fails_does_not_stop_the_start() {
    for (fault, what) in [
        // Old kernels and some sandboxes lack it, and have a file instead.
        ("getrandom:error=ENOSYS", "getrandom"),
        ("getrandom:error=EPERM", "getrandom"),
        // The limit of open files cannot be raised.
        ("prlimit64:error=EPERM:when=4", "RLIMIT_NOFILE, {"),
        // The thread that prints the addresses.
        ("?clone3,?clone:error=EAGAIN:when=2", "clone"),
    ] {
        let Some(failing) = Failing::new(fault) else {
            continue;
        };
        let (daemon, trace) = failing.start(&[]);
        daemon.join("alice").barrier();
        let lines = trace.lines();
        let failed = |line: &String| line.contains("(INJECTED)") && line.contains(what);
        // The wrapper's own calls come first.
        assert!(is_under_seccomp() || lines.iter().any(failed), "{lines:?}");
    }
}

#[test]
fn socket_is_bound_in_a_folder_that_cannot_be_locked() {
    for (fault, said) in [
        ("flock:error=ENOLCK", None),
        ("?unlink,?unlinkat:error=EROFS", Some("cannot remove ")),
    ] {
        let Some(failing) = Failing::new(fault) else {
            continue;
        };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let (mut daemon, trace) = failing.start(&["--listen", &format!("unix:{}", path.display())]);
        Client::over_unix(&path).join("alice").barrier();
        daemon.signal(Signal::TERM);
        assert_eq!(daemon.wait().code(), Some(0), "{fault}");
        assert_eq!(trace.failed(), 1, "{fault}");
        if let Some(said) = said {
            daemon.wait_for_log(said);
        }
    }
}

#[test]
fn connection_is_closed_at_once_when_its_half_close_fails() {
    let Some(failing) = Failing::new("shutdown:error=ENOTCONN") else {
        return;
    };
    let (daemon, trace) = failing.start(&[]);
    let [mut alice, mut bob] = daemon.join_all(["alice", "bob"]);
    let open = daemon.descriptors().len();
    alice.send("/quit");
    alice.read_until("* Bye.");
    bob.barrier();
    // A lingering connection would stay open for longer.
    assert_eq!(daemon.descriptors().len(), open - 1);
    alice.expect_closed();
    let line = daemon.wait_for_log("alice (127.0.0.1");
    // Whether the farewell was acknowledged by then is the network's to say.
    assert!(line.contains(": quit; "), "{line}");
    assert_eq!(trace.failed(), 1);
}

#[test]
fn standard_error_that_fails_for_a_while_loses_no_line() {
    for error in ["EIO", "EAGAIN", "ENOSPC"] {
        // The first write is the line with the address.
        let Some(failing) = Failing::new(&format!("write:error={error}:when=2")) else {
            continue;
        };
        let (daemon, trace) = failing.start(&[]);
        for number in 1..4 {
            daemon.connect().reset();
            daemon.expect_log_count("closed after", number);
        }
        assert_eq!(trace.failed(), 1);
        daemon.expect_log_count("closed after", 3);
        assert_eq!(daemon.log_count("dropped"), 0);
    }
}
