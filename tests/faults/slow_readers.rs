//! Clients that do not read what is sent to them.

use std::time::{Duration, Instant};

use crate::harness::{Client, Daemon};

/// Small limits, so that what the kernel keeps for a connection is most of what has to be sent.
const SMALL: [&str; 4] = ["--soft-limit", "16K", "--hard-limit", "32K"];

/// Long lines fill what is in the way faster.
const LINE_BYTES: usize = 4000;

fn long_line() -> String {
    "x".repeat(LINE_BYTES)
}

fn join_with_small_window(daemon: &Daemon, name: &str) -> Client {
    let mut client = Client::with_small_window(daemon.address());
    client.expect_greeting();
    client.register(name);
    client.barrier();
    client
}

/// How many lines were left out for slow readers, says `/stats`.
fn skipped(client: &mut Client) -> u64 {
    client.send("/stats");
    let lines = client.barrier();
    let line = lines.iter().find(|line| line.contains(" skipped for slow"));
    let words: Vec<&str> = line.expect("a line on lines").split_whitespace().collect();
    let place = words.iter().position(|word| *word == "skipped").unwrap();
    words[place - 1].parse().unwrap()
}

#[test]
fn a_slow_reader_misses_room_lines_is_told_how_many_and_the_others_get_everything() {
    let daemon = Daemon::start(&SMALL);
    let [mut alice, mut bob] = daemon.join_all(["alice", "bob"]);
    let mut slow = join_with_small_window(&daemon, "slow");
    alice.barrier();
    bob.barrier();
    let (text, mut sent) = (long_line(), 0);
    while skipped(&mut alice) < 100 {
        for _ in 0..50 {
            alice.send(&format!("{sent} {text}"));
            bob.expect_line(&format!("alice: {sent} {text}"));
            sent += 1;
        }
        assert!(sent < 10_000, "the kernel takes it all");
    }
    alice.send("@slow:private messages are not left out");
    alice.expect_nothing();

    slow.widen_window();
    for number in 0.. {
        let line = slow.line();
        if line == "@alice: private messages are not left out" {
            let expected = format!("* You missed {} lines in lobby.", sent - number);
            slow.expect_line(&expected);
            break;
        }
        assert_eq!(line, format!("alice: {number} {text}"));
    }
    slow.expect_nothing();
    alice.send("you are back");
    slow.expect_line("alice: you are back");
}

#[test]
fn every_missed_line_is_counted_in_its_room() {
    let daemon = Daemon::start(&SMALL);
    let mut alice = daemon.join("alice");
    let mut slow = join_with_small_window(&daemon, "slow");
    for client in [&mut alice, &mut slow] {
        client.send("/join dev");
        client.barrier();
    }
    let (text, mut sent) = (long_line(), [0_u32; 2]);
    while skipped(&mut alice) < 200 {
        for (room, sent) in ["lobby", "dev"].into_iter().zip(&mut sent) {
            alice.send(&format!("/join {room}"));
            for _ in 0..20 {
                alice.send(&text);
                *sent += 1;
            }
        }
    }
    let (mut received, mut missed) = ([0_u32; 2], [0_u32; 2]);
    slow.widen_window();
    slow.send("/ping end");
    let mut ponged = false;
    while !ponged || missed.contains(&0) {
        let line = slow.line();
        match line.strip_prefix("* You missed ") {
            Some(rest) => {
                let (count, room) = rest.split_once(" lines in ").unwrap();
                missed[usize::from(room == "dev.")] = count.parse().unwrap();
            }
            None if line == "* pong end" => ponged = true,
            None if line.starts_with("* ") => {}
            None => received[usize::from(!line.starts_with("[lobby] "))] += 1,
        }
    }
    for place in [0, 1] {
        assert_eq!(received[place] + missed[place], sent[place]);
    }
}

#[test]
fn past_the_hard_limit_a_reader_is_closed_and_each_message_it_did_not_get_is_reported() {
    let daemon = Daemon::start(&SMALL);
    let mut alice = daemon.join("alice");
    let mut sleeper = join_with_small_window(&daemon, "sleeper");
    alice.barrier();
    let text = long_line();
    let (mut accepted, mut refused, mut undelivered) = (0_u64, 0_u64, 0_u64);
    while undelivered == 0 {
        alice.send(&format!("@sleeper:{text}"));
        accepted += 1;
        for line in alice.barrier() {
            if line.starts_with("! Not delivered: ") || line.starts_with("! There is no user ") {
                assert!(line.contains("sleeper"), "{line}");
                refused += 1;
                accepted -= 1;
            } else if let Some(count) = undelivered_count(&line) {
                undelivered += count;
            } else {
                assert_eq!(line, "* sleeper has left lobby.");
            }
        }
        assert!(accepted < 10_000, "the kernel takes it all");
    }
    assert!(refused >= 1);
    daemon.wait_for_log("unread output past the hard limit");

    // The last of what it did get may be cut off.
    let whole = format!("@alice: {text}");
    sleeper.widen_window();
    let received = sleeper.read_to_end();
    let received = received.iter().filter(|line| **line == whole).count() as u64;
    assert_eq!(received + undelivered, accepted);
}

/// How many messages a line says were not delivered to sleeper.
fn undelivered_count(line: &str) -> Option<u64> {
    let (count, end) = if let Some(end) = line.strip_prefix("! Your last message to ") {
        (1, end)
    } else {
        let rest = line.strip_prefix("! Your last ")?;
        let (count, end) = rest.split_once(" messages to ")?;
        (count.parse().ok()?, end)
    };
    assert!(
        end.starts_with("sleeper w") && end.contains("not delivered"),
        "{line}"
    );
    Some(count)
}

#[test]
fn a_reader_that_makes_no_progress_is_closed_in_time() {
    let flags = ["--stall-time", "1", "--hard-limit", "16M"];
    let daemon = Daemon::start(&flags);
    let mut alice = daemon.join("alice");
    let _sleeper = join_with_small_window(&daemon, "sleeper");
    alice.barrier();
    let start = Instant::now();
    let line = format!("@sleeper:{}\n", long_line());
    alice.send_bytes(line.repeat(2500).as_bytes());
    let filled = Instant::now();
    let report = alice.read_until_starting("! Your last ");
    assert!(undelivered_count(&report).is_some(), "{report}");
    assert!(start.elapsed() >= Duration::from_millis(900));
    assert!(filled.elapsed() < Duration::from_secs(5));
    daemon.wait_for_log("unread output without progress");
    alice.barrier();
    assert_eq!(alice.count_connected(), 1);
}

#[test]
fn when_all_queues_together_are_too_large_the_largest_is_closed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.sock");
    let listen = format!("unix:{}", path.display());
    // The kernel keeps little for a Unix socket, and never more with time.
    let daemon = Daemon::start(&[
        "--listen",
        &listen,
        "--hard-limit",
        "4M",
        "--total-limit",
        "4M",
    ]);
    let mut alice = Client::join_over_unix(&path, "alice");
    let _large = Client::join_over_unix(&path, "large");
    let mut small = Client::join_over_unix(&path, "small");
    alice.barrier();
    for (name, bytes) in [("large", 3 << 20), ("small", 3 << 19)] {
        let line = format!("@{name}:{}\n", long_line());
        alice.send_bytes(line.repeat(bytes / LINE_BYTES).as_bytes());
    }
    let report = alice.read_until_starting("! Your last ");
    assert!(report.contains("large"), "{report}");
    daemon.wait_for_log("largest queue when all were too large");
    alice.barrier();
    alice.send("@small:still there?");
    alice.expect_nothing();
    small.read_until("@alice: still there?");
}

#[test]
fn who_does_not_read_its_own_answers_is_read_later_and_loses_none() {
    const LINES: usize = 50_000;
    let daemon = Daemon::start(&SMALL);
    let [mut alice, mut bob] = daemon.join_all(["alice", "bob"]);
    let mut greedy = join_with_small_window(&daemon, "greedy");
    let mut sender = greedy.sender();
    let writing = std::thread::spawn(move || {
        let text = "x".repeat(100);
        for number in 0..LINES {
            sender
                .write_all(format!("/ping {number} {text}\n").as_bytes())
                .unwrap();
        }
    });
    alice.barrier();
    bob.barrier();
    alice.send("@bob:the others do not notice");
    bob.expect_line("@alice: the others do not notice");
    let text = "x".repeat(100);
    greedy.widen_window();
    for number in 0..LINES {
        greedy.expect_line(&format!("* pong {number} {text}"));
    }
    writing.join().unwrap();
    assert_eq!(daemon.log_count("closed after"), 0);
}
