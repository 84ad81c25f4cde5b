//! Who may connect, for how long without a name, and how fast one may send.

use std::time::{Duration, Instant};

use crate::harness::{Client, Daemon, REFUSED_FULL, numbered};

const REFUSED_ADDRESS: &str =
    "! There are too many connections from your address. Close one, and try again.";

#[test]
fn who_does_not_register_in_time_is_closed_and_who_does_stays() {
    let daemon = Daemon::start(&["--register-time", "1"]);
    let mut alice = daemon.join("alice");
    let mut nameless = daemon.connect();
    nameless.send("/ping busy");
    nameless.expect_line("* pong busy"); // answers are no registration
    nameless.expect_line_matching("what to do", |line| {
        line.starts_with("! ") && line.contains("#yourname")
    });
    nameless.expect_closed();
    drop(nameless);
    daemon.wait_for_log("no name in time");
    alice.expect_nothing();
    assert_eq!(alice.count_connected(), 1);
}

#[test]
fn whoever_is_told_to_go_and_stays_is_taken_away_and_the_others_do_not_notice() {
    let daemon = Daemon::start(&["--register-time", "1"]);
    let [mut alice, mut bob] = daemon.join_all(["alice", "bob"]);
    let mut nameless = daemon.connect();
    bob.send("/quit");
    bob.read_until("* Bye.");
    bob.expect_closed();
    nameless.expect_line_starting("! ");
    nameless.expect_closed();
    // Neither closes its own side.
    daemon.wait_for_log("bob (127.0.0.1");
    daemon.wait_for_log("no name in time");
    alice.read_until("* bob has left lobby.");
    alice.expect_nothing();
    assert_eq!(daemon.log_count("closed after"), 2);
}

#[test]
fn who_is_turned_away_and_stays_is_taken_away_too() {
    let daemon = Daemon::start(&["--max-clients", "1"]);
    let mut alice = daemon.join("alice");
    // More than may wait for their last line to be read, and none closes its own side.
    let mut refused: Vec<Client> = (0..20).map(|_| daemon.connect_raw()).collect();
    for client in &mut refused {
        client.expect_line(REFUSED_FULL);
        client.expect_closed();
    }
    daemon.wait_for_log_count("server full", 20);
    alice.expect_nothing();
    assert_eq!(alice.count_connected(), 1);
}

#[test]
fn a_full_server_says_so_and_has_room_again_once_somebody_leaves() {
    let daemon = Daemon::start(&["--max-clients", "2"]);
    let [mut alice, mut bob] = daemon.join_all(["alice", "bob"]);
    let mut carol = daemon.connect_raw();
    carol.send("#carol"); // sent before it could know
    carol.expect_line(REFUSED_FULL);
    carol.expect_closed();
    alice.send("just us");
    bob.expect_line("alice: just us");
    bob.send("/quit");
    bob.read_to_end();
    drop(bob);
    alice.expect_line("* bob has left lobby.");
    daemon.wait_for_log("bob (127.0.0.1");
    daemon.join("carol");
    alice.expect_line("* carol has joined lobby.");
}

#[test]
fn connections_per_address_are_limited_and_given_back() {
    for (flags, limit) in [
        (&["--limit-loopback"][..], 16),
        (&["--limit-loopback", "--max-per-address", "2"], 2),
    ] {
        let daemon = Daemon::start(flags);
        let mut clients: Vec<Client> = (0..limit).map(|_| daemon.connect()).collect();
        for _ in 0..3 {
            let mut refused = daemon.connect_raw();
            refused.expect_line(REFUSED_ADDRESS);
            refused.expect_closed();
        }
        clients[0].send("/quit");
        clients[0].read_to_end();
        clients.swap_remove(0);
        daemon.wait_for_log(": quit;");
        daemon.connect();
        clients[0].send("/stats");
        let stats = clients[0].barrier();
        assert!(
            stats.iter().any(|line| line.contains("3 refused")),
            "{stats:?}"
        );
    }
}

#[test]
fn this_machines_own_clients_are_not_limited_unless_asked_for() {
    let daemon = Daemon::start(&[
        "--max-per-address",
        "1",
        "--line-burst",
        "1",
        "--line-rate",
        "1",
    ]);
    let mut clients: Vec<Client> = (0..20).map(|_| daemon.connect()).collect();
    let start = Instant::now();
    for client in &mut clients {
        for _ in 0..20 {
            client.barrier(); // at one a second, this would take very long
        }
    }
    assert!(start.elapsed() < Duration::from_secs(10));
}

#[test]
fn lines_sent_too_fast_are_delayed_and_none_is_lost() {
    const BURST: u32 = 40;
    const RATE: u32 = 50;
    const LINES: u32 = 100;
    let daemon = Daemon::start(&[
        "--limit-loopback",
        "--line-burst",
        "40",
        "--line-rate",
        "50",
    ]);
    let [mut alice, mut bob] = daemon.join_all(["alice", "bob"]);
    let lines = numbered(0..LINES, |number| format!("line {number}\n"));
    let start = Instant::now();
    alice.send_bytes(lines.as_bytes());
    for number in 0..LINES {
        bob.expect_line(&format!("alice: line {number}"));
        if number == 50 {
            bob.send("@alice:who is slow does not slow me"); // it is not held up by alice
        }
    }
    let least = Duration::from_secs(1) * (LINES - BURST) / RATE;
    let taken = start.elapsed();
    assert!(taken >= least.mul_f64(0.9), "{taken:?}");
    alice.expect_line("@bob: who is slow does not slow me");
    alice.expect_nothing();
    assert_eq!(daemon.log_count("closed after"), 0);
}

#[test]
fn a_script_that_sends_too_fast_and_ends_is_still_carried_out_to_its_end() {
    const LINES: usize = 300;
    let daemon = Daemon::start(&[
        "--limit-loopback",
        "--line-burst",
        "10",
        "--line-rate",
        "500",
    ]);
    let mut alice = daemon.join("alice");
    let mut script = daemon.connect_raw();
    let lines = numbered(0..LINES, |number| format!("@alice:{number}\n"));
    script.send_bytes(format!("#ci\n{lines}done").as_bytes());
    script.finish_sending();
    alice.expect_line("* ci has joined lobby.");
    for number in 0..LINES {
        alice.expect_line(&format!("@ci: {number}"));
    }
    alice.expect_lines(&["ci: done", "* ci has left lobby."]);
    script.read_to_end();
}

#[test]
fn one_who_floods_does_not_keep_the_others_waiting() {
    let daemon = Daemon::start(&[]);
    let [mut alice, mut bob] = daemon.join_all(["alice", "bob"]);
    let mut flooder = daemon.connect();
    let mut flood = flooder.sender();
    let writing = std::thread::spawn(move || {
        let lines = "/away flooding\n".repeat(1000);
        // Ends when the connection does.
        while flood.write_all(lines.as_bytes()).is_ok() {}
    });
    flooder.expect_line_starting("! ");
    for _ in 0..20 {
        bob.barrier();
        alice.send("@bob:through the flood");
        bob.expect_line("@alice: through the flood");
    }
    drop(flooder);
    daemon.signal(rustix::process::Signal::KILL);
    writing.join().unwrap();
}
