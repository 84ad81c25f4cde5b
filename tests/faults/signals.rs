//! How the daemon ends.

use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::harness::{Client, Daemon, wait_until};

const FAREWELL: &str = "* The server is shutting down.";

#[test]
fn a_signal_to_end_is_told_to_all_and_exits_with_zero() {
    for signal in [Signal::TERM, Signal::INT] {
        let mut daemon = Daemon::start(&[]);
        let [mut alice, mut bob] = daemon.join_all(["alice", "bob"]);
        let mut nameless = daemon.connect();
        alice.barrier();
        daemon.signal(signal);
        for client in [&mut alice, &mut bob, &mut nameless] {
            client.expect_line(FAREWELL);
            client.expect_closed();
        }
        drop((alice, bob, nameless));
        assert_eq!(daemon.wait().code(), Some(0), "{signal:?}");
    }
}

#[test]
fn at_the_end_everything_queued_before_is_still_written() {
    const COUNT: usize = 1000;
    let mut daemon = Daemon::start(&["--hard-limit", "16M"]);
    let mut alice = daemon.join("alice");
    let mut bob = Client::with_small_window(daemon.address());
    bob.expect_greeting();
    bob.register("bob");
    let text = "x".repeat(1000); // more than the kernel keeps for the two
    for number in 0..COUNT {
        alice.send(&format!("@bob:{number} {text}"));
    }
    alice.barrier();
    daemon.signal(Signal::TERM);
    assert_eq!(alice.read_to_end(), [FAREWELL]);
    bob.widen_window();
    for number in 0..COUNT {
        bob.expect_line(&format!("@alice: {number} {text}"));
    }
    bob.expect_line(FAREWELL);
    bob.expect_closed();
    drop((alice, bob));
    assert_eq!(daemon.wait().code(), Some(0));
}

/// Somebody for whom more waits than the kernel takes, and who does not read.
fn never_reader(daemon: &Daemon, alice: &mut Client) -> Client {
    let mut sleeper = Client::with_small_window(daemon.address());
    sleeper.expect_greeting();
    sleeper.register("sleeper");
    let text = "x".repeat(4000);
    for _ in 0..2000 {
        alice.send(&format!("@sleeper:{text}"));
    }
    alice.barrier();
    sleeper
}

#[test]
fn a_client_that_never_reads_delays_the_end_by_the_shutdown_time_and_no_more() {
    let mut daemon = Daemon::start(&["--hard-limit", "16M", "--shutdown-time", "1"]);
    let mut alice = daemon.join("alice");
    let _sleeper = never_reader(&daemon, &mut alice);
    let start = Instant::now();
    daemon.signal(Signal::TERM);
    assert_eq!(alice.read_to_end(), [FAREWELL]);
    assert_eq!(daemon.wait().code(), Some(0));
    let taken = start.elapsed();
    assert!(taken >= Duration::from_millis(900), "{taken:?}");
    assert!(taken < Duration::from_secs(3), "{taken:?}");
    assert_eq!(daemon.log_count("did not read their last lines"), 1);
    assert_eq!(daemon.log_count("sleeper (127.0.0.1"), 1);
}

#[test]
fn a_second_signal_ends_it_at_once() {
    for (first, second, code) in [
        (Signal::TERM, Signal::INT, 130),
        (Signal::INT, Signal::TERM, 143),
        (Signal::TERM, Signal::TERM, 143),
    ] {
        let mut daemon = Daemon::start(&["--hard-limit", "16M", "--shutdown-time", "60"]);
        let mut alice = daemon.join("alice");
        let _sleeper = never_reader(&daemon, &mut alice);
        daemon.signal(first);
        alice.expect_line(FAREWELL);
        daemon.signal(second);
        assert_eq!(daemon.wait().code(), Some(code));
    }
}

#[test]
fn nobody_is_accepted_any_more_while_it_ends() {
    let mut daemon = Daemon::start(&["--hard-limit", "16M", "--shutdown-time", "60"]);
    let address = daemon.address();
    let mut alice = daemon.join("alice");
    let mut sleeper = never_reader(&daemon, &mut alice);
    daemon.signal(Signal::TERM);
    alice.expect_line(FAREWELL);
    wait_until("connections to be refused", || {
        std::net::TcpStream::connect(address).is_err()
    });
    assert!(daemon.is_running());
    sleeper.widen_window();
    let lines = sleeper.read_to_end();
    assert_eq!(lines.len(), 2001);
    assert_eq!(lines.last().map(String::as_str), Some(FAREWELL));
    drop((alice, sleeper));
    assert_eq!(daemon.wait().code(), Some(0));
}

#[test]
fn a_hang_up_signal_does_no_harm() {
    let mut daemon = Daemon::start(&[]);
    let [mut alice, mut bob] = daemon.join_all(["alice", "bob"]);
    daemon.signal(Signal::HUP);
    alice.barrier();
    daemon.signal(Signal::HUP);
    alice.send("still here");
    bob.expect_line("alice: still here");
    assert!(daemon.is_running());
    daemon.signal(Signal::TERM); // the hang-ups do not count as a first
    bob.expect_line(FAREWELL);
    drop((alice, bob));
    assert_eq!(daemon.wait().code(), Some(0));
}
