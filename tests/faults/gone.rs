//! Clients that are gone: their held lines are not said, and their names are soon free.

use std::net::IpAddr;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::harness::{Client, Daemon, Killed, wait_until};
use crate::network::{connect_from, ip, is_inside};

/// A few lines at once, then one a second: many take longer than any test.
const SLOW_RATE: [&str; 5] = ["--limit-loopback", "--line-burst", "5", "--line-rate", "1"];

/// More lines than that are said before a test's deadline.
const LINES: usize = 300;

/// Lines of `bob` up to his leaving, which must be few; he is logged as broken, and as not heard to the end,
/// and his name is free.
#[track_caller]
fn expect_cut_short(daemon: &Daemon, alice: &mut Client) {
    let lines = alice.read_until("* bob has left lobby.");
    let said = lines.iter().filter(|line| *line == "bob: hello").count();
    assert!(said < 30, "{said} of {LINES}");
    let end = daemon.wait_for_log("bob (127.0.0.1");
    assert!(end.contains(": connection broken; "), "{end}");
    assert!(end.ends_with(", not all it sent was read"), "{end}");
    daemon.join("bob");
}

#[test]
fn reset_with_held_lines_ends_them_and_frees_the_name() {
    for at_close in [true, false] {
        let daemon = Daemon::start(&SLOW_RATE);
        let mut alice = daemon.join("alice");
        let mut bob = daemon.join("bob");
        bob.send_bytes("hello\n".repeat(LINES).as_bytes());
        alice.read_until("bob: hello");
        if at_close {
            bob.reset_at_close();
            drop(bob);
        } else {
            bob.reset();
        }
        expect_cut_short(&daemon, &mut alice);
    }
}

/// Nothing else is written to it: the notice that its lines wait brings the reset.
#[test]
fn netcat_killed_after_a_paste_is_heard_no_further() {
    let Ok(nc) = Command::new("nc").arg("-h").output() else {
        eprintln!("skipped: no nc");
        return;
    };
    drop(nc);
    let daemon = Daemon::start(&SLOW_RATE);
    let mut alice = daemon.join("alice");
    let address = daemon.address();
    let child = Command::new("nc")
        .args([address.ip().to_string(), address.port().to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn();
    let mut nc = Killed(child.unwrap());
    let mut input = nc.0.stdin.take().unwrap();
    let paste = format!("#bob\n{}", "hello\n".repeat(LINES));
    std::io::Write::write_all(&mut input, paste.as_bytes()).unwrap();
    alice.read_until("bob: hello");
    drop(nc); // by SIGKILL; its input is still open
    expect_cut_short(&daemon, &mut alice);
}

#[test]
fn client_closed_both_ways_is_heard_no_further() {
    let daemon = Daemon::start(&SLOW_RATE);
    let mut alice = daemon.join("alice");
    let mut bob = daemon.join("bob");
    bob.send_bytes("hello\n".repeat(LINES).as_bytes());
    alice.read_until("bob: hello");
    bob.break_off();
    expect_cut_short(&daemon, &mut alice);
}

#[test]
fn half_closed_client_is_told_once_and_heard_to_its_end() {
    let rate = ["--limit-loopback", "--line-burst", "5", "--line-rate", "40"];
    let daemon = Daemon::start(&rate);
    let mut alice = daemon.join("alice");
    let mut bob = daemon.join("bob");
    bob.send_bytes("hello\n".repeat(60).as_bytes());
    bob.send_bytes(b"/ping last");
    bob.finish_sending();
    bob.expect_line("* You sent many lines at once: the rest is taken at 40 a second.");
    bob.expect_line("* pong last");
    bob.expect_closed();
    let lines = alice.read_until("* bob has left lobby.");
    let said = lines.iter().filter(|line| *line == "bob: hello").count();
    assert_eq!(said, 60);
    let end = daemon.wait_for_log("bob (127.0.0.1");
    assert!(!end.contains("not all"), "{end}");
}

/// Clients of this address can be cut off.
const LOST: &str = "192.0.2.9/32 dev lo";

fn lost_address() -> IpAddr {
    "192.0.2.9".parse().unwrap()
}

/// The address of a daemon that is reached from elsewhere.
const LISTEN: [&str; 2] = ["--listen", "192.0.2.1:0"];

const SETUP: &str =
    "ip link set lo up; ip address add 192.0.2.1/32 dev lo; ip address add 192.0.2.9/32 dev lo";

/// Times that a test can wait for.
const KEEPALIVE: [&str; 4] = ["--keepalive-time", "6", "--user-timeout", "8"];

/// Asks for a name until the answer tells how long a lost connection lasts. Returns that line.
fn ask_until_probed(client: &mut Client, name: &str) -> String {
    let mut answer = String::new();
    wait_until("a probe", || {
        client.send(&format!("/nick {name}"));
        answer = client.line();
        assert!(answer.contains(" is in use. "), "{answer}");
        answer.contains(" within ")
    });
    answer
}

/// A client whose machine crashes: its socket is gone, and no packet told.
fn crash(client: Client) {
    client.acknowledge();
    ip(&format!("address del {LOST}"));
    client.reset(); // which cannot be sent
}

#[test]
fn name_of_a_rebooted_client_is_free_at_the_next_try() {
    let test = "gone::name_of_a_rebooted_client_is_free_at_the_next_try";
    if !is_inside(test, SETUP) {
        return;
    }
    let daemon = Daemon::start(&LISTEN);
    let mut guest = daemon.connect();
    let mut bob = connect_from(lost_address(), daemon.address()).join("bob");
    let alice = connect_from(lost_address(), daemon.address()).join("alice");
    bob.expect_line("* alice has joined lobby.");
    crash(alice);
    ip(&format!("address add {LOST}"));
    // One that is there answers its probe, and nothing else happens to it.
    ask_until_probed(&mut guest, "bob");
    assert_eq!(daemon.log_count("closed after"), 0);
    let answer = ask_until_probed(&mut guest, "alice");
    assert_eq!(
        answer,
        "! alice is in use. A lost connection ends within 214 s."
    );
    let end = daemon.wait_for_log("alice (192.0.2.9");
    assert!(
        end.contains(": connection broken; 0 bytes unwritten"),
        "{end}"
    );
    guest.register("alice");
    bob.expect_line("* alice has left lobby.");
    bob.expect_line("* alice has joined lobby.");
    bob.expect_nothing();
}

/// The worst case: something is written to it just before TCP would give it up.
#[test]
fn name_of_a_lost_client_is_free_within_the_time_told() {
    let test = "gone::name_of_a_lost_client_is_free_within_the_time_told";
    if !is_inside(test, SETUP) {
        return;
    }
    let daemon = Daemon::start(&[&LISTEN[..], &KEEPALIVE].concat());
    let mut bob = daemon.join("bob");
    let alice = connect_from(lost_address(), daemon.address()).join("alice");
    bob.expect_line("* alice has joined lobby.");
    let lost_at = Instant::now();
    crash(alice);
    let answer = ask_until_probed(&mut bob, "alice");
    let asked_at = Instant::now();
    assert!(answer.ends_with(" within 20 s."), "{answer}");
    wait_until("the last moment", || {
        lost_at.elapsed() > Duration::from_secs(6)
    });
    bob.send("is alice there?");
    bob.read_until("* alice has left lobby.");
    let took = asked_at.elapsed();
    assert!(took < Duration::from_secs(20), "{took:?}");
    // Otherwise the time told could be the user timeout.
    assert!(took > Duration::from_secs(8), "{took:?}");
}
