//! Unix sockets, IPv6, several listeners, and starting again at once.

use std::fs;
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;

use rustix::process::Signal;
use tempfile::TempDir;

use crate::harness::{Client, Daemon, program};

/// A path for a socket, and the flag's value for it.
struct Place {
    _folder: TempDir,
    path: PathBuf,
    listen: String,
}

fn place() -> Place {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.sock");
    let listen = format!("unix:{}", path.display());
    Place {
        _folder: folder,
        path,
        listen,
    }
}

#[test]
fn users_talk_across_a_unix_socket_and_tcp() {
    let place = place();
    let daemon = Daemon::start(&["--listen", "127.0.0.1:0", "--listen", &place.listen]);
    daemon.wait_for_log(&format!("nc -U {}", place.path.display()));
    let mut alice = Client::over_unix(&place.path).join("alice");
    let mut bob = daemon.join("bob");
    alice.expect_line("* bob has joined lobby.");
    alice.send("@bob:over the socket");
    bob.expect_line("@alice: over the socket");
    bob.send("over tcp");
    alice.expect_line("bob: over tcp");
    alice.send("/whois alice");
    assert!(
        alice
            .barrier()
            .contains(&"* You are connected from a Unix socket.".to_owned())
    );
    alice.send("last words");
    alice.finish_sending();
    alice.read_to_end();
    bob.expect_lines(&["alice: last words", "* alice has left lobby."]);
}

#[test]
fn stale_socket_file_is_replaced_and_removed_at_exit() {
    let place = place();
    drop(UnixListener::bind(&place.path).unwrap());
    assert!(place.path.exists());
    let mut daemon = Daemon::start(&["--listen", &place.listen]);
    Client::over_unix(&place.path).join("alice");
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.wait().code(), Some(0));
    assert!(!place.path.exists());
}

#[test]
fn socket_in_use_is_left_to_its_owner() {
    let place = place();
    let _daemon = Daemon::start(&["--listen", &place.listen]);
    expect_no_start(&place.listen);
    Client::over_unix(&place.path).join("alice");
}

#[test]
fn file_that_is_no_socket_is_left_alone() {
    let place = place();
    fs::write(&place.path, "precious").unwrap();
    expect_no_start(&place.listen);
    assert_eq!(fs::read_to_string(&place.path).unwrap(), "precious");
}

#[test]
fn failed_start_removes_its_socket_files() {
    let place = place();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let output = program()
        .args(["--listen", &place.listen, "--listen", &taken])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(!place.path.exists());
}

/// Listening there must be refused with one line that names the place.
fn expect_no_start(listen: &str) {
    let output = program().args(["--listen", listen]).output().unwrap();
    let line = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{line}");
    assert_eq!(line.matches('\n').count(), 1, "{line}");
    assert!(line.contains(listen), "{line}");
}

#[test]
fn ipv6_works_like_ipv4() {
    if TcpListener::bind("[::1]:0").is_err() {
        eprintln!("skipped: no IPv6 loopback");
        return;
    }
    let daemon = Daemon::start(&["--listen", "[::1]:0"]);
    let port = daemon.address().port();
    daemon.wait_for_log(&format!("chinwag listens on [::1]:{port}. "));
    daemon.wait_for_log(&format!("nc ::1 {port}"));
    let [mut alice, mut bob] = daemon.join_all(["alice", "bob"]);
    alice.send("hello");
    bob.expect_line("alice: hello");
}

#[test]
fn daemon_listens_at_both_address_families() {
    if TcpListener::bind("[::1]:0").is_err() {
        eprintln!("skipped: no IPv6 loopback");
        return;
    }
    let daemon = Daemon::start(&["--listen", "0.0.0.0:0", "--listen", "[::]:0"]);
    let [mut alice, mut bob] = [("127.0.0.1", 0), ("[::1]", 1)].map(|(host, place)| {
        let (_, port) = daemon.addresses[place].rsplit_once(':').unwrap();
        Client::over_tcp(format!("{host}:{port}").parse().unwrap())
    });
    alice.expect_greeting();
    alice.register("alice");
    bob.expect_greeting();
    bob.register("bob");
    alice.expect_line("* bob has joined lobby.");
}
