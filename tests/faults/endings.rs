//! Connections that end in each way there is: in mid-line, in mid-answer, before the first read.

use std::time::Instant;

use crate::harness::{Client, DEADLINE, Daemon, wait_until};
use crate::slow_readers::skipped;

const END: &str = ": end of input; ";
const BROKEN: &str = ": connection broken; ";

/// After whatever happened: the names are free, nothing is left open, and each end was logged once.
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

/// A daemon, alice, and how many descriptors the two need.
fn start() -> (Daemon, Client, usize) {
    let daemon = Daemon::start(&[]);
    let mut alice = daemon.join("alice");
    alice.barrier();
    let descriptors = daemon.descriptors().len();
    (daemon, alice, descriptors)
}

#[test]
fn a_half_close_in_mid_line_ends_the_line_and_everything_is_answered_first() {
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
    // Half a character, half a command of telnet's: no harm, and no line is made of nothing.
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

/// Who half-closes and has much to be read gets all of it first.
#[test]
fn a_half_close_with_answers_waiting_waits_for_them_to_be_read() {
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
fn a_reset_in_mid_line_drops_that_line_and_nothing_else() {
    let (daemon, mut alice, descriptors) = start();
    let mut leaver = daemon.join("eve");
    alice.expect_line("* eve has joined lobby.");
    leaver.send("@alice:whole");
    alice.expect_line("@eve: whole");
    leaver.send_bytes(b"@alice:never finis");
    alice.expect_nothing(); // and by now that was read
    leaver.reset();
    // A line whose end never came is not said: a reset is no end of input.
    alice.expect_line("* eve has left lobby.");
    alice.expect_nothing();
    let line = daemon.wait_for_log("eve (127.0.0.1");
    assert!(line.contains(BROKEN), "{line}");
    expect_clean(&daemon, &mut alice, descriptors, &["eve"]);
}

#[test]
fn a_reset_with_output_waiting_tells_each_sender_how_much_was_lost() {
    const TEXT_BYTES: usize = 1000;
    let daemon = Daemon::start(&["--soft-limit", "16K", "--hard-limit", "16M"]);
    let [mut alice, mut bob] = daemon.join_all(["alice", "bob"]);
    alice.barrier();
    let descriptors = daemon.descriptors().len();
    let sleeper = Client::with_small_window(daemon.address()).join("sleeper");
    let text = "x".repeat(TEXT_BYTES);
    let (mut sent, mut said) = (0_u64, 0_u64);
    // Once a line of the room's is left out for it, there is output that waits, and what both say
    // from then on waits behind it.
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
    // It read nothing, so nobody knows what its kernel had; but what the daemon had is exact.
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
    // The first of those lost may have been written in part, and some of the room's lines wait too.
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

/// In what ways a connection can be over before the daemon has read a byte of it.
type Gone = (&'static str, fn(Client), &'static str);

const GONE: [Gone; 5] = [
    // At once, too, where a process that another test begins has a copy of the socket.
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

/// Lines that came whole before a reset count, each `ghost` after the last one left; half a line does
/// not.
fn expect_ghosts(daemon: &Daemon, alice: &mut Client, times: usize) {
    let lines = alice.barrier();
    let (joined, left) = ("* ghost has joined lobby.", "* ghost has left lobby.");
    assert_eq!(lines, [joined, left].repeat(times));
    daemon.expect_log_count("ghost (127.0.0.1", times);
    assert_eq!(daemon.log_count("gho (127.0.0.1"), 0);
}

/// Each way to be over, while the daemon is stopped: before it accepts, or before it reads for the
/// first time.
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
fn a_connection_that_is_over_when_it_is_accepted_is_logged_once_and_leaves_nothing() {
    expect_each_logged_once(false);
}

#[test]
fn a_connection_that_is_over_between_accept_and_first_read_is_logged_once_and_leaves_nothing() {
    expect_each_logged_once(true);
}

/// As a script does it: everything is sent and the sending end closed before the daemon has looked.
#[test]
fn what_was_said_before_the_accept_and_ended_properly_is_carried_out() {
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

/// As netcats do that do not half-close: the connection looks like one that still waits for answers, until
/// something is written to it.
#[test]
fn who_is_gone_with_lines_held_back_is_logged_as_not_read_to_the_end() {
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
    // Whose lines were all read is not said to have been cut off.
    alice.barrier();
    drop(alice);
    let end = daemon.wait_for_log("alice (127.0.0.1");
    assert!(!end.contains("not all"), "{end}");
}
