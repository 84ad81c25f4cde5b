//! Connections that end in each way there is: in mid-line, in mid-answer, before the first read.

use std::time::Instant;

use crate::harness::{Client, DEADLINE, Daemon, wait_until};
use crate::slow_readers::skipped;

const END: &str = ": end of input; ";
const BROKEN: &str = ": connection broken; ";

/// The names are free, no descriptor is left open, and each end was logged once.
#[track_caller]
fn expect_clean(daemon: &Daemon, alice: &mut Client, descriptors: usize, names: &[&str]) {
    wait_until("the sockets to be closed", || {
        daemon.descriptors().len() == descriptors
    });
    assert_eq!(alice.count_connected(), 1);
    for name in names {
        let line = format!("{name} (127.0.0.1");
        daemon.expect_log_count(&line, 1);
        let mut successor = daemon.connect_raw();
        successor.send(&format!("#{name}\n/quit"));
        successor.read_until(&format!("* You are registered as {name}."));
        alice.read_until(&format!("* {name} has left lobby."));
        daemon.expect_log_count(&line, 2);
    }
}

/// A daemon, alice, and the number of descriptors that the two need.
fn start() -> (Daemon, Client, usize) {
    let daemon = Daemon::start_for_operators(&[]);
    let mut alice = daemon.join_operator("alice");
    alice.barrier();
    let descriptors = daemon.descriptors().len();
    (daemon, alice, descriptors)
}

#[test]
fn half_close_in_mid_line_ends_the_line_and_all_is_answered() {
    let (daemon, mut alice, descriptors) = start();
    for (name, text) in [
        ("eve", "#eve\n@alice:one\n/ping two\n@alice:th\u{e9}e"),
        ("ed", "#ed\r\n@alice:one\r\n/ping two\r\n@alice:th\u{e9}e\r"),
    ] {
        let mut leaver = daemon.connect_raw();
        leaver.send_bytes(text.as_bytes());
        leaver.finish_sending();
        leaver.read_until("* pong two");
        leaver.expect_closed();
        alice.expect_line(&format!("* {name} has joined lobby."));
        alice.expect_line(&format!("@{name}: one"));
        alice.expect_line(&format!("@{name}: th\u{e9}e"));
        alice.expect_line(&format!("* {name} has left lobby."));
    }
    // Half a character or telnet command does no harm and makes no line.
    for rest in [&b"\xc3"[..], b"\xff", b"\xff\xfa\x18", b"\r", b"ab\x08\x08"] {
        let mut leaver = daemon.join("eva");
        alice.expect_line("* eva has joined lobby.");
        leaver.send_bytes(rest);
        leaver.finish_sending();
        leaver.read_to_end();
        if rest == b"\xc3" {
            alice.expect_line("eva: \u{fffd}");
        }
        alice.expect_line("* eva has left lobby.");
    }
    alice.expect_nothing();
    daemon.expect_log_count("eva (127.0.0.1", 5);
    expect_clean(&daemon, &mut alice, descriptors, &["eve", "ed"]);
    assert_eq!(daemon.log_count(BROKEN), 0);
}

/// A half-closed client with much queued output gets all of it first.
#[test]
fn half_close_waits_until_queued_answers_are_read() {
    const LINES: usize = 3000;
    let daemon = Daemon::start(&[]);
    let mut alice = daemon.join("alice");
    let mut slow = Client::with_small_window(daemon.address()).join("slow");
    alice.expect_line("* slow has joined lobby.");
    let text = "x".repeat(1000);
    let mut sender = slow.sender();
    let sending = std::thread::spawn(move || {
        for number in 0..LINES {
            let line = format!("/ping {number} {text}\n");
            sender.write_all(line.as_bytes()).unwrap();
        }
        sender.write_all(b"@alice:my last").unwrap();
    });
    alice.expect_nothing();
    slow.widen_window();
    for number in 0..LINES - 1 {
        slow.expect_line_starting(&format!("* pong {number} x"));
    }
    sending.join().unwrap();
    slow.finish_sending();
    slow.expect_line_starting(&format!("* pong {} x", LINES - 1));
    slow.expect_closed();
    alice.expect_lines(&["@slow: my last", "* slow has left lobby."]);
    daemon.wait_for_log(": end of input; 0 bytes unwritten");
}

#[test]
fn reset_in_mid_line_drops_that_line_and_nothing_else() {
    let (daemon, mut alice, descriptors) = start();
    let mut leaver = daemon.join("eve");
    alice.expect_line("* eve has joined lobby.");
    leaver.send("@alice:whole");
    alice.expect_line("@eve: whole");
    leaver.send_bytes(b"@alice:never finis");
    alice.expect_nothing(); // by now the daemon has read eve's bytes
    leaver.reset();
    // An unfinished line is dropped: a reset is no end of input.
    alice.expect_line("* eve has left lobby.");
    alice.expect_nothing();
    let line = daemon.wait_for_log("eve (127.0.0.1");
    assert!(line.contains(BROKEN), "{line}");
    expect_clean(&daemon, &mut alice, descriptors, &["eve"]);
}

#[test]
fn reset_tells_each_sender_how_many_messages_were_lost() {
    const TEXT_BYTES: usize = 1000;
    let daemon = Daemon::start(&["--soft-limit", "16K", "--hard-limit", "16M"]);
    let [mut alice, mut bob] = daemon.join_all(["alice", "bob"]);
    alice.barrier();
    let descriptors = daemon.descriptors().len();
    let sleeper = Client::with_small_window(daemon.address()).join("sleeper");
    let text = "x".repeat(TEXT_BYTES);
    let (mut sent, mut said) = (0_u64, 0_u64);
    // Once a room line was skipped for it, output is queued, and all later messages queue behind it.
    let mut is_blocked = false;
    while !is_blocked {
        is_blocked = skipped(&mut alice) > 0;
        for _ in 0..100 {
            alice.send(&format!("@sleeper:{text}"));
            bob.send(&format!("@sleeper:{text}"));
            sent += 1;
        }
        bob.send("z");
        said += 1;
        bob.barrier();
        assert!(said < 1000, "the kernel takes it all");
    }
    sleeper.reset();
    let mut lost = Vec::new();
    for client in [&mut alice, &mut bob] {
        let report = client.read_until_starting("! Your last ");
        let (count, rest) = report["! Your last ".len()..].split_once(' ').unwrap();
        assert!(rest.starts_with("messages to sleeper w"), "{report}");
        lost.push(count.parse::<u64>().unwrap());
    }
    // The kernel's share is unknown, as the client read nothing; the daemon's own is exact.
    let line = daemon.wait_for_log("sleeper (127.0.0.1");
    assert!(line.contains(BROKEN), "{line}");
    let unwritten: u64 = line
        .split_once(BROKEN)
        .and_then(|(_, rest)| rest.split_once(" bytes unwritten"))
        .and_then(|(number, _)| number.parse().ok())
        .expect("a number of bytes");
    let line_bytes = |name: &str| format!("@{name}: {text}\n").len() as u64;
    let private = lost[0] * line_bytes("alice") + lost[1] * line_bytes("bob");
    assert!(lost.iter().all(|lost| *lost <= sent), "{lost:?} of {sent}");
    // The first lost message may be written in part, and some room lines are queued too.
    assert!(unwritten + line_bytes("alice") > private, "{line}");
    assert!(
        unwritten <= private + said * "bob: z\n".len() as u64,
        "{line}"
    );
    for client in [&mut alice, &mut bob] {
        client.barrier();
        client.send("@sleeper:are you there?");
        client.expect_line_starting("! There is no user ");
    }
    wait_until("the socket to be closed", || {
        daemon.descriptors().len() == descriptors
    });
}

/// The ways in which a connection can be over before the daemon has read a byte of it.
type Gone = (&'static str, fn(Client), &'static str);

const GONE: [Gone; 5] = [
    // `break_off` works even while a child process of another test has a copy of the socket.
    ("closed", |client| client.break_off(), END),
    ("half-closed", |mut client| client.finish_sending(), END),
    ("reset", Client::reset, BROKEN),
    (
        "reset after a line",
        |mut client| {
            client.send("#ghost");
            client.reset();
        },
        BROKEN,
    ),
    (
        "reset in a line",
        |mut client| {
            client.send_bytes(b"#gho");
            client.reset();
        },
        BROKEN,
    ),
];

/// Whole lines before a reset count, each `ghost` after the last one left; half a line does not.
fn expect_ghosts(daemon: &Daemon, alice: &mut Client, times: usize) {
    let lines = alice.barrier();
    let (joined, left) = ("* ghost has joined lobby.", "* ghost has left lobby.");
    assert_eq!(lines, [joined, left].repeat(times));
    daemon.expect_log_count("ghost (127.0.0.1", times);
    assert_eq!(daemon.log_count("gho (127.0.0.1"), 0);
}

/// Tries each of [`GONE`] while the daemon is stopped: before it accepts, or before its first read.
fn expect_each_logged_once(is_accepted: bool) {
    const TIMES: usize = 20;
    let (daemon, mut alice, descriptors) = start();
    for (what, end, reason) in GONE {
        eprintln!("endings: {what}");
        let before = daemon.log_count(reason);
        let ended = daemon.log_count("closed after");
        let connect = || {
            let clients = (0..TIMES).map(|_| daemon.connect_raw());
            clients.collect::<Vec<Client>>()
        };
        if is_accepted {
            let mut clients = connect();
            clients.iter_mut().for_each(Client::expect_greeting);
            daemon.while_stopped(|| clients.into_iter().for_each(end));
        } else {
            daemon.while_stopped(|| connect().into_iter().for_each(end));
        }
        daemon.expect_log_count("closed after", ended + TIMES);
        daemon.expect_log_count(reason, before + TIMES);
    }
    expect_ghosts(&daemon, &mut alice, TIMES);
    expect_clean(&daemon, &mut alice, descriptors, &[]);
    daemon.expect_log_count("closed after", GONE.len() * TIMES);
}

#[test]
fn connection_over_before_accept_is_logged_once_and_cleaned_up() {
    expect_each_logged_once(false);
}

#[test]
fn connection_over_before_its_first_read_is_logged_once() {
    expect_each_logged_once(true);
}

/// A script sends all its lines and half-closes before the daemon accepts.
#[test]
fn lines_before_a_half_close_before_accept_are_executed() {
    let (daemon, mut alice, descriptors) = start();
    let mut scripts: Vec<Client> = daemon.while_stopped(|| {
        let script = |number| {
            let mut script = daemon.connect_raw();
            script.send_bytes(format!("#ci{number}\n@alice:build {number} ok").as_bytes());
            script.finish_sending();
            script
        };
        (0..50).map(script).collect()
    });
    let mut arrived = Vec::new();
    let give_up_at = Instant::now() + DEADLINE;
    while arrived.len() < scripts.len() {
        assert!(Instant::now() < give_up_at);
        let line = alice.line();
        if line.starts_with("@ci") {
            arrived.push(line);
        }
    }
    for (number, script) in scripts.iter_mut().enumerate() {
        assert!(arrived.contains(&format!("@ci{number}: build {number} ok")));
        script.read_until(&format!("* You are registered as ci{number}."));
        script.read_to_end();
    }
    drop(scripts);
    daemon.expect_log_count(END, 50);
    wait_until("all to be gone", || alice.count_connected() == 1);
    wait_until("the sockets to be closed", || {
        daemon.descriptors().len() == descriptors
    });
}

/// Some netcats close without a half-close: the connection looks like one that waits for answers, until
/// a write to it fails.
#[test]
fn log_tells_that_a_gone_client_was_not_read_to_its_end() {
    let rate = ["--limit-loopback", "--line-burst", "5", "--line-rate", "1"];
    let daemon = Daemon::start(&rate);
    let mut alice = daemon.join("alice");
    let mut bob = daemon.join("bob");
    bob.send_bytes("hello\n".repeat(100).as_bytes());
    bob.break_off();
    alice.read_until("bob: hello");
    wait_until("the end of bob's connection to be noticed", || {
        alice.send("is anybody there?");
        alice.line() == "* bob has left lobby."
    });
    let end = daemon.wait_for_log("bob (127.0.0.1");
    assert!(end.contains(BROKEN), "{end}");
    assert!(end.ends_with(", not all it sent was read"), "{end}");
    // A client whose lines were all read is not logged as cut off.
    alice.barrier();
    drop(alice);
    let end = daemon.wait_for_log("alice (127.0.0.1");
    assert!(!end.contains("not all"), "{end}");
}
