//! Clients that do not read what is sent to them.

use std::io;
use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::harness::{Client, Daemon, numbered};

/// Small limits, so that what the kernel keeps for a connection is most of what has to be sent.
const SMALL: [&str; 4] = ["--soft-limit", "16K", "--hard-limit", "32K"];

/// Long lines fill what is in the way faster.
const LINE_BYTES: usize = 4000;

/// A path to listen at: the kernel keeps little for a Unix socket, and never more with time.
fn unix_path() -> (TempDir, PathBuf, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.sock");
    let listen = format!("unix:{}", path.display());
    (folder, path, listen)
}

fn long_line() -> String {
    "x".repeat(LINE_BYTES)
}

/// Writes so many private messages to slow, numbered. Who is to read some of them all the while cannot
/// wait for the last: that takes a busy machine seconds.
fn write_to_slow(alice: &Client, lines: usize) -> JoinHandle<io::Result<()>> {
    let mut sender = alice.sender();
    thread::spawn(move || {
        let text = long_line();
        let mut numbers = 0..lines;
        numbers
            .try_for_each(|number| sender.write_all(format!("@slow:{number} {text}\n").as_bytes()))
    })
}

fn join_with_small_window(daemon: &Daemon, name: &str) -> Client {
    let mut client = Client::with_small_window(daemon.address());
    client.expect_greeting();
    client.register(name);
    client.barrier();
    client
}

/// How many lines were left out for slow readers, says `/stats`.
pub fn skipped(client: &mut Client) -> u64 {
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
    let (name, count) = undelivered(line)?;
    assert_eq!(name, "sleeper", "{line}");
    Some(count)
}

/// To whom a line says how many messages were not delivered.
fn undelivered(line: &str) -> Option<(&str, u64)> {
    let rest = line.strip_prefix("! Your last ")?;
    let (count, rest) = if let Some(rest) = rest.strip_prefix("message to ") {
        (1, rest)
    } else {
        let (count, rest) = rest.split_once(" messages to ")?;
        (count.parse().ok()?, rest)
    };
    let (name, rest) = rest.split_once(' ')?;
    assert!(rest.contains("not delivered"), "{line}");
    Some((name, count))
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
    let report = alice.read_until_starting("! Your last ");
    assert!(undelivered_count(&report).is_some(), "{report}");
    assert!(start.elapsed() >= Duration::from_millis(900));
    daemon.wait_for_log("unread output without progress");
    alice.barrier();
    assert_eq!(alice.count_connected(), 1);
}

#[test]
fn half_a_minute_without_progress_is_the_default() {
    if std::env::var_os("CHINWAG_FULL").is_none() {
        eprintln!("skipped: it takes half a minute; CHINWAG_FULL=1 takes the time");
        return;
    }
    let daemon = Daemon::start(&["--hard-limit", "16M"]);
    let mut alice = daemon.join("alice");
    let _sleeper = join_with_small_window(&daemon, "sleeper");
    alice.barrier();
    let line = format!("@sleeper:{}\n", long_line());
    alice.send_bytes(line.repeat(2500).as_bytes());
    thread::sleep(Duration::from_secs(27));
    assert_eq!(alice.count_connected(), 2);
    let report = alice.read_until_starting("! Your last ");
    assert!(undelivered_count(&report).is_some(), "{report}");
    daemon.wait_for_log("unread output without progress");
}

/// Reading again and again, however little each time, is progress: only who reads nothing stalls.
#[test]
fn a_reader_who_is_always_behind_but_goes_on_reading_stays() {
    const STALL_TIME: Duration = Duration::from_secs(6);
    const LINES: usize = 1500;
    let (_folder, path, listen) = unix_path();
    let flags = [
        "--listen",
        &listen,
        "--stall-time",
        "6",
        "--hard-limit",
        "16M",
    ];
    let daemon = Daemon::start(&flags);
    let mut alice = Client::join_over_unix(&path, "alice");
    let mut slow = Client::join_over_unix(&path, "slow");
    alice.barrier();
    slow.barrier();
    let text = long_line();
    let writing = write_to_slow(&alice, LINES);
    let (start, mut heard) = (Instant::now(), 0);
    while start.elapsed() < STALL_TIME * 3 / 2 {
        // Something waits all the time.
        assert!(heard < LINES - 100, "it was quicker than it was to be");
        // As much as a Unix socket keeps: it asks for more only when most of that was read.
        for _ in 0..60 {
            slow.expect_line(&format!("@alice: {heard} {text}"));
            heard += 1;
        }
        thread::sleep(STALL_TIME / 10);
    }
    for number in heard..LINES {
        slow.expect_line(&format!("@alice: {number} {text}"));
    }
    writing.join().unwrap().unwrap();
    alice.expect_nothing();
    assert_eq!(daemon.log_count("closed after"), 0);
}

/// The kernel tells of room when a third of its buffer is free. It grows to megabytes, of which a
/// steady reader takes so long to read a third that it would look like one who reads nothing.
#[test]
fn a_reader_who_is_far_behind_and_reads_slowly_but_steadily_stays() {
    const STALL_TIME: Duration = Duration::from_secs(6);
    const LINES: usize = 2500;
    let daemon = Daemon::start(&["--stall-time", "6", "--hard-limit", "16M"]);
    let [mut alice, mut slow] = daemon.join_all(["alice", "slow"]);
    let text = long_line();
    let writing = write_to_slow(&alice, LINES);
    let (start, mut heard) = (Instant::now(), 0);
    while start.elapsed() < STALL_TIME * 2 {
        assert!(heard < LINES - 100, "it was quicker than it was to be");
        for _ in 0..5 {
            slow.expect_line(&format!("@alice: {heard} {text}"));
            heard += 1;
        }
        thread::sleep(STALL_TIME / 30);
    }
    for number in heard..LINES {
        slow.expect_line(&format!("@alice: {number} {text}"));
    }
    writing.join().unwrap().unwrap();
    alice.expect_nothing();
    assert_eq!(daemon.log_count("closed after"), 0);
}

/// The same by path: as long as it kept 200 KiB, the kernel told of room when three quarters of that were
/// read.
#[test]
fn a_reader_over_a_unix_socket_who_reads_slowly_but_steadily_stays() {
    const STALL_TIME: Duration = Duration::from_secs(6);
    const LINES: usize = 400;
    /// Half of what was too little, and four times as much as there need be.
    const READ_BYTES: usize = 80_000;
    let (_folder, path, listen) = unix_path();
    let flags = ["--listen", &listen, "--stall-time", "6"];
    let daemon = Daemon::start(&[&flags[..], &["--hard-limit", "16M"]].concat());
    let mut alice = Client::join_over_unix(&path, "alice");
    let mut slow = Client::join_over_unix(&path, "slow");
    let text = long_line();
    alice.read_until("* slow has joined lobby.");
    let writing = write_to_slow(&alice, LINES);
    let pause = STALL_TIME / u32::try_from(READ_BYTES / LINE_BYTES).unwrap();
    let (start, mut heard) = (Instant::now(), 0);
    while start.elapsed() < STALL_TIME * 2 {
        slow.expect_line(&format!("@alice: {heard} {text}"));
        heard += 1;
        thread::sleep(pause);
    }
    assert!(heard < LINES / 2, "it was quicker than it was to be");
    for number in heard..LINES {
        slow.expect_line(&format!("@alice: {number} {text}"));
    }
    writing.join().unwrap().unwrap();
    alice.expect_nothing();
    assert_eq!(daemon.log_count("closed after"), 0);
}

/// The kernel's timeout is for dead peers, and it counts from the first time that there was no room,
/// whatever was read since.
#[test]
fn a_reader_whose_window_closes_again_and_again_is_no_dead_peer() {
    const USER_TIMEOUT: Duration = Duration::from_secs(3);
    const LINES: usize = 300;
    let daemon = Daemon::start(&["--user-timeout", "3", "--hard-limit", "16M"]);
    let mut alice = daemon.join("alice");
    let mut slow = join_with_small_window(&daemon, "slow");
    let text = long_line();
    // In one go: the kernel's time runs until so much is written that it refuses some.
    let lines = numbered(0..LINES, |number| format!("@slow:{number} {text}\n"));
    alice.send_bytes(lines.as_bytes());
    alice.read_until("* slow has joined lobby.");
    let mut heard = 0;
    for _ in 0..2 {
        for _ in 0..5 {
            slow.expect_line(&format!("@alice: {heard} {text}"));
            heard += 1;
        }
        thread::sleep(USER_TIMEOUT * 3 / 2); // as one who naps
    }
    slow.widen_window();
    for number in heard..LINES {
        slow.expect_line(&format!("@alice: {number} {text}"));
    }
    assert_eq!(daemon.log_count("closed after"), 0);
}

#[test]
fn when_all_queues_together_are_too_large_the_largest_is_closed() {
    let (_folder, path, listen) = unix_path();
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

/// So many stop reading.
const SLEEPERS: usize = 200;

/// In groups, of which each has more waiting than the one before.
const GROUP: usize = 20;

/// So many messages more.
const STEP: u32 = 8;

/// As many as a line can be for.
const RECIPIENTS_MAX: usize = 16;

/// What waits for all of them, the last group full: a little less than this.
const TOTAL_MIB: u64 = 36;

/// Many who do not read, and one who writes to them and counts.
struct Sleepers {
    alice: Client,
    clients: Vec<Client>,
    text: String,
    sent: Vec<u64>,
    told: Vec<u64>,
}

impl Sleepers {
    /// Everyone is there, knows it, and will not be told of others.
    fn start(path: &Path) -> Self {
        let mut alice = Client::join_over_unix(path, "alice");
        alice.send("/quiet on");
        let mut clients: Vec<Client> = (0..SLEEPERS).map(|_| Client::over_unix(path)).collect();
        for (number, client) in clients.iter_mut().enumerate() {
            client.send(&format!("#s{number}\n/quiet on"));
        }
        for client in clients.iter_mut().chain([&mut alice]) {
            client.barrier();
        }
        for client in &mut clients {
            client.expect_nothing();
        }
        Self {
            alice,
            clients,
            text: "x".repeat(3800),
            sent: vec![0; SLEEPERS],
            told: vec![0; SLEEPERS],
        }
    }

    /// One message to each of these, written before the next can be.
    fn round(&mut self, to: std::ops::Range<usize>) {
        let everyone: Vec<usize> = to.collect();
        for some in everyone.chunks(RECIPIENTS_MAX) {
            let names: Vec<String> = some.iter().map(|number| format!("s{number}")).collect();
            self.alice
                .send(&format!("@{}:{}", names.join(","), self.text));
            for number in some {
                self.sent[*number] += 1;
            }
        }
        for line in self.alice.barrier() {
            let (name, count) = undelivered(&line).unwrap_or_else(|| panic!("{line}"));
            self.told[name[1..].parse::<usize>().unwrap()] += count;
        }
    }
}

/// How many such messages the kernel keeps for somebody who does not read.
fn kernel_share(daemon: &Daemon, path: &Path, sleepers: &mut Sleepers) -> u32 {
    const COUNT: u32 = 200;
    let mut probe = Client::join_over_unix(path, "probe");
    probe.send("/quiet on");
    probe.barrier();
    for _ in 0..COUNT {
        sleepers.alice.send(&format!("@probe:{}", sleepers.text));
        sleepers.alice.barrier();
    }
    drop(probe);
    daemon.wait_for_log("probe (");
    let report = sleepers.alice.read_until_starting("! Your last ");
    let (_, count) = undelivered(&report).unwrap();
    COUNT - u32::try_from(count).unwrap()
}

#[test]
fn of_two_hundred_who_stop_reading_the_largest_are_closed_and_every_message_is_accounted_for() {
    const CLOSED: usize = 25;
    let (_folder, path, listen) = unix_path();
    let total = format!("{TOTAL_MIB}M");
    let flags = ["--hard-limit", "4M", "--total-limit", &total];
    let stays = ["--stall-time", "600", "--listen", &listen];
    let daemon = Daemon::start(&[flags, stays].concat());
    let mut sleepers = Sleepers::start(&path);
    let before = daemon.resident_memory_kib();

    let share = kernel_share(&daemon, &path, &mut sleepers);
    for _ in 0..share {
        sleepers.round(0..SLEEPERS);
    }
    for group in 0..SLEEPERS / GROUP {
        for _ in 0..STEP {
            sleepers.round(group * GROUP..SLEEPERS);
        }
    }
    let reason = "largest queue when all were too large";
    assert_eq!(daemon.log_count(reason), 0, "too early");
    // Now the smaller half gets more, and the larger half pays.
    let mut rounds = 0;
    while sleepers.told.iter().filter(|told| **told > 0).count() < CLOSED {
        sleepers.round(0..SLEEPERS / 2);
        rounds += 1;
    }
    sleepers.round(0..0); // who was closed in the turn of the last answer is told of after it
    let peak = daemon.peak_memory_kib();
    eprintln!(
        "slow_readers: {SLEEPERS} with {share} messages in the kernel, {rounds} rounds for {CLOSED} \
         to be closed at {TOTAL_MIB} MiB; {before} KiB before, {peak} KiB at the most"
    );
    // What waits is counted; buffers that have grown have room for more.
    assert!(peak <= before + (TOTAL_MIB << 10) * 2, "{peak} KiB");

    let victims = sleepers.told.iter().filter(|told| **told > 0).count();
    daemon.expect_log_count(reason, victims);
    let ends: Vec<String> = daemon.log_lines();
    let closed: Vec<usize> = ends
        .iter()
        .filter(|line| line.contains(reason))
        .map(|line| {
            let (_, rest) = line.split_once("[INFO] s").unwrap();
            rest.split_once(' ').unwrap().0.parse().unwrap()
        })
        .collect();
    let groups: Vec<usize> = closed.iter().map(|number| number / GROUP).collect();
    assert!(groups.is_sorted_by(|a, b| a >= b), "{groups:?}");
    assert_eq!(
        groups[..GROUP],
        [SLEEPERS / GROUP - 1; GROUP],
        "the largest first"
    );

    let Sleepers {
        mut alice,
        clients,
        text,
        sent,
        told,
    } = sleepers;
    let whole = format!("@alice: {text}");
    for (number, mut client) in clients.into_iter().enumerate() {
        let mut delivered = 0;
        let survives = !closed.contains(&number);
        if survives {
            for _ in 0..sent[number] {
                client.expect_line(&whole);
            }
            client.expect_nothing();
            alice.send(&format!("@s{number}:good morning"));
            client.expect_line("@alice: good morning");
            delivered = sent[number];
        } else {
            // The last of what it did get may be cut off.
            let lines = client.read_to_end();
            delivered += lines.iter().filter(|line| **line == whole).count() as u64;
        }
        assert_eq!(delivered + told[number], sent[number], "s{number}");
        assert_eq!(survives, told[number] == 0, "s{number}");
    }
    alice.expect_nothing();
}

#[test]
fn who_does_not_read_its_own_answers_is_read_later_and_loses_none() {
    const LINES: usize = 50_000;
    let daemon = Daemon::start(&SMALL);
    let [mut alice, mut bob] = daemon.join_all(["alice", "bob"]);
    let mut greedy = join_with_small_window(&daemon, "greedy");
    let mut sender = greedy.sender();
    let writing = thread::spawn(move || {
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
