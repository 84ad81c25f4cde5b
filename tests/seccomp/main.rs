//! The daemon under the system call filter of `docs/chinwag.service`, without systemd.
//!
//! This program has two roles. As `chinwag-seccomp`, a link to it beside the daemon, it confines itself
//! as systemd does for the unit, and becomes the daemon: any other suite runs under the filter with
//! `CHINWAG_TEST_PROGRAM=target/debug/chinwag-seccomp`. As a test it shows that the daemon runs under
//! the filter, and that the filter works.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::print_stdout,
    missing_docs
)]

mod filter;
#[path = "../support/daemon.rs"]
#[allow(dead_code, reason = "each of its users needs a part")]
mod harness;

use std::io::Write;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::Signal;

use harness::{Daemon, Killed};

const DAEMON: &str = env!("CARGO_BIN_EXE_chinwag");
const NAME: &str = "chinwag-seccomp";

/// Names a system call or an address family to take out of the filter.
const WITHOUT: &str = "SECCOMP_WITHOUT";

/// Calls that the daemon needs, each with its purpose.
const NEEDED: [&str; 6] = [
    "accept4",   // connections
    "recvfrom",  // lines in
    "sendto",    // lines out
    "clone3",    // the log's thread
    "execve",    // the start itself
    "epoll_ctl", // sockets in the poll
];

fn main() {
    let own_name = std::env::args_os().next().unwrap_or_default();
    if Path::new(&own_name).ends_with(NAME) {
        filter::apply(std::env::var(WITHOUT).ok().as_deref());
        let error = Command::new(DAEMON)
            .args(std::env::args_os().skip(1))
            .exec();
        panic!("cannot become {DAEMON}: {error}");
    }
    let wrapper = link();
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        println!("skipped: the names of system calls are known here for one kind of machine");
        return;
    }
    daemon_runs_under_the_filter(&wrapper);
    daemon_keeps_and_erases_under_the_filter(&wrapper);
    for call in NEEDED {
        daemon_is_killed_when_the_filter_lacks_a_needed_call(&wrapper, call);
    }
    name_lookup_goes_on_when_its_socket_is_refused(&wrapper);
    name_without_ipv6_stands_for_its_other_addresses(&wrapper);
    println!(
        "{} allows {} calls",
        wrapper.display(),
        filter::calls().len()
    );
}

/// Links this program beside the daemon.
fn link() -> PathBuf {
    let wrapper = Path::new(DAEMON).with_file_name(NAME);
    let own = std::env::current_exe().unwrap();
    let _ = std::fs::remove_file(&wrapper); // absent the first time
    symlink(own, &wrapper).unwrap();
    wrapper
}

fn start(wrapper: &Path, flags: &[&str]) -> Daemon {
    Daemon::start_as(harness::without_settings(Command::new(wrapper)), flags)
}

fn daemon_runs_under_the_filter(wrapper: &Path) {
    let mut daemon = start(wrapper, &[]);
    let status = std::fs::read_to_string(format!("/proc/{}/status", daemon.pid().as_raw_nonzero()));
    let status = status.unwrap();
    assert!(status.contains("Seccomp:\t2\n"), "no filter: {status}");
    assert!(status.contains("NoNewPrivs:\t1\n"), "{status}");
    let [mut alice, mut bob] = daemon.join_all(["alice", "bob"]);
    alice.send("@bob:hello");
    bob.expect_line("@alice: hello");
    daemon.signal(Signal::TERM);
    drop((alice, bob));
    assert_eq!(daemon.wait().code(), Some(0));
}

/// All that the store does: it is made, written to, read, searched, erased, closed and opened again.
fn daemon_keeps_and_erases_under_the_filter(wrapper: &Path) {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("state/chat.db");
    let flags = ["--listen", "127.0.0.1:0", "--search", "--store"];
    let flags = [&flags[..], &[store.to_str().unwrap()]].concat();
    let password = "correct horse battery";
    for is_first in [true, false] {
        let mut daemon = start(wrapper, &flags);
        let mut alice = daemon.connect();
        if is_first {
            alice.register("alice");
            alice.send("/account new");
            alice.read_until_starting("* Choose a password");
            alice.send(password);
            alice.read_until_starting("* alice is yours now");
            alice.send("/join dev");
            alice.send("/keep");
            alice.read_until_starting("* dev is kept");
        } else {
            alice.send(&format!("/login alice {password}"));
            alice.read_until_starting("* You are alice");
            alice.send("/join dev");
        }
        alice.send("a line that is searched for");
        alice.send("/search searched");
        alice.read_until_starting("* 1 line with searched");
        alice.send("/forget last");
        alice.read_until_starting("* 1 line is forgotten");
        daemon.signal(Signal::TERM);
        drop(alice);
        assert_eq!(daemon.wait().code(), Some(0));
    }
}

fn daemon_is_killed_when_the_filter_lacks_a_needed_call(wrapper: &Path, call: &str) {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("socket");
    let child = harness::without_settings(Command::new(wrapper))
        .env(WITHOUT, call)
        .arg("--listen")
        .arg(format!("unix:{}", socket.display()))
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let mut child = Killed(child);
    let mut ended = None;
    harness::wait_until(&format!("the end of a daemon without {call}"), || {
        if let Ok(mut client) = UnixStream::connect(&socket) {
            let _ = client.write_all(b"/ping\n"); // the daemon may be dead by now
        }
        ended = child.0.try_wait().unwrap();
        ended.is_some()
    });
    let signal = ended.unwrap().signal();
    assert_eq!(signal, Some(Signal::SYS.as_raw()), "without {call}");
}

/// The resolver asks the kernel for this machine's addresses over a socket of a refused family, and goes
/// on without them.
fn name_lookup_goes_on_when_its_socket_is_refused(wrapper: &Path) {
    let daemon = start(wrapper, &["--listen", "localhost:0"]);
    let [mut alice] = daemon.join_all(["alice"]);
    alice.expect_nothing();
}

/// As on a machine whose kernel has no IPv6, though its names have such addresses.
fn name_without_ipv6_stands_for_its_other_addresses(wrapper: &Path) {
    let mut command = harness::without_settings(Command::new(wrapper));
    command.env(WITHOUT, "AF_INET6");
    let daemon = Daemon::start_as(command, &["--listen", "localhost:0"]);
    assert!(daemon.address().is_ipv4());
    let [mut alice] = daemon.join_all(["alice"]);
    alice.expect_nothing();
}
