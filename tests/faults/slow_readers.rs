//! Clients that do not read their output.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::harness::{Client, Daemon, numbered};

/// Small limits, so that most of a test's output fills the kernel's buffers.
const SMALL: [&str; 4] = ["--soft-limit", "16K", "--hard-limit", "32K"];

/// Long lines fill the kernel's buffers sooner.
const LINE_BYTES: usize = 4000;

/// A path to listen at: a Unix socket's buffers are small and never grow.
fn unix_path() -> (TempDir, PathBuf, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.sock");
    let listen = format!("unix:{}", path.display());
    (folder, path, listen)
}

fn long_line() -> String {
    "x".repeat(LINE_BYTES)
}

fn join_with_small_window(daemon: &Daemon, name: &str) -> Client {
    let mut client = Client::with_small_window(daemon.address()).join(name);
    client.barrier();
    client
}

/// The number of lines skipped for slow readers in `/stats`.
pub fn skipped(client: &mut Client) -> u64 {
    client.send("/stats");
    let lines = client.barrier();
    let line = lines.iter().find(|line| line.contains(" skipped for slow"));
    let words: Vec<&str> = line.expect("a line on lines").split_whitespace().collect();
    let place = words.iter().position(|word| *word == "skipped").unwrap();
    words[place - 1].parse().unwrap()
}

#[test]
fn slow_reader_is_told_its_skipped_count_and_others_skip_none() {
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
fn reader_past_the_hard_limit_is_closed_and_losses_are_reported() {
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

    // The last line that it got may be cut off.
    let whole = format!("@alice: {text}");
    sleeper.widen_window();
    let received = sleeper.read_to_end();
    let received = received.iter().filter(|line| **line == whole).count() as u64;
    assert_eq!(received + undelivered, accepted);
}

/// The number of messages that a line reports as not delivered to sleeper.
fn undelivered_count(line: &str) -> Option<u64> {
    let (name, count) = undelivered(line)?;
    assert_eq!(name, "sleeper", "{line}");
    Some(count)
}

/// The recipient and the number in a line that reports undelivered messages.
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
fn reader_that_makes_no_progress_is_closed_in_time() {
    let flags = ["--stall-time", "1", "--hard-limit", "16M"];
    let daemon = Daemon::start_for_operators(&flags);
    let mut alice = daemon.join_operator("alice");
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

/// The pace of a slow reader.
struct Pace {
    over_unix: bool,
    /// Numbered private messages to it, far more than it reads while it is slow.
    lines: usize,
    lines_at_once: usize,
    pause: Duration,
    time: Duration,
}

const PACES: [Pace; 3] = [
    // The kernel reports space when a third of its buffer is free. The buffer grows to megabytes, of
    // which a steady reader takes so long to read a third that it would look like a stalled one.
    Pace {
        over_unix: false,
        lines: 2500,
        lines_at_once: 5,
        pause: Duration::from_millis(200),
        time: Duration::from_secs(12),
    },
    // With a Unix socket of 200 KiB, space was reported once three quarters of them were read. This pace
    // reads half of that in a stall time, four times as much as necessary.
    Pace {
        over_unix: true,
        lines: 400,
        lines_at_once: 1,
        pause: Duration::from_millis(300),
        time: Duration::from_secs(12),
    },
    // One read takes as much as a Unix socket keeps: the kernel reports space only when most of that was
    // read.
    Pace {
        over_unix: true,
        lines: 1500,
        lines_at_once: 60,
        pause: Duration::from_millis(600),
        time: Duration::from_secs(9),
    },
];

impl Pace {
    /// Alice writes to `slow`, which reads at this pace.
    fn read(&self, mut alice: Client, mut slow: Client, names: [String; 2]) -> [Client; 2] {
        let text = long_line();
        let mut sender = alice.sender();
        let lines = self.lines;
        let [writer, reader] = names;
        // A thread of its own, as the reader must read while alice writes.
        let writing = thread::spawn(move || {
            let text = long_line();
            (0..lines).try_for_each(|number| {
                sender.write_all(format!("@{reader}:{number} {text}\n").as_bytes())
            })
        });
        let (start, mut heard) = (Instant::now(), 0);
        let mut expect_next = |slow: &mut Client| {
            slow.expect_line(&format!("@{writer}: {heard} {text}"));
            heard += 1;
            heard
        };
        while start.elapsed() < self.time {
            for _ in 0..self.lines_at_once {
                let heard = expect_next(&mut slow);
                assert!(heard < self.lines - 100, "it was quicker than it was to be");
            }
            thread::sleep(self.pause);
        }
        while expect_next(&mut slow) < self.lines {}
        writing.join().unwrap().unwrap();
        alice.expect_nothing();
        [alice, slow]
    }
}

/// Each read, however small, is progress: only a reader of nothing stalls.
#[test]
fn slow_but_steady_readers_stay_however_far_behind() {
    let (_folder, path, listen) = unix_path();
    let flags = ["--listen", "127.0.0.1:0", "--listen", &listen];
    let limits = ["--stall-time", "6", "--hard-limit", "16M"];
    let daemon = Daemon::start(&[&flags[..], &limits].concat());
    let join = |pace: &Pace, name: &str| {
        let client = if pace.over_unix {
            Client::over_unix(&path)
        } else {
            daemon.connect_raw()
        };
        let mut client = client.join(name);
        client.send("/part"); // so that it gets no notices of the others
        client.barrier();
        client
    };
    let clients = thread::scope(|scope| {
        let readers = PACES.iter().enumerate().map(|(number, pace)| {
            let names = [format!("alice{number}"), format!("slow{number}")];
            let [alice, slow] = names.each_ref().map(|name| join(pace, name));
            scope.spawn(move || pace.read(alice, slow, names))
        });
        let readers: Vec<_> = readers.collect();
        let done = readers.into_iter().map(|reader| reader.join().unwrap());
        done.collect::<Vec<_>>()
    });
    assert_eq!(daemon.log_count("closed after"), 0);
    drop(clients);
}

/// The kernel's timeout is for dead peers, and it counts from the first full window, past later reads.
#[test]
fn reader_with_repeated_zero_windows_is_no_dead_peer() {
    const USER_TIMEOUT: Duration = Duration::from_secs(2);
    const LINES: usize = 300;
    let daemon = Daemon::start(&["--user-timeout", "2", "--hard-limit", "16M"]);
    let mut alice = daemon.join("alice");
    let mut slow = join_with_small_window(&daemon, "slow");
    let text = long_line();
    // In one burst: the kernel's timer needs a refused write.
    let lines = numbered(0..LINES, |number| format!("@slow:{number} {text}\n"));
    alice.send_bytes(lines.as_bytes());
    alice.read_until("* slow has joined lobby.");
    let mut heard = 0;
    for _ in 0..2 {
        for _ in 0..5 {
            slow.expect_line(&format!("@alice: {heard} {text}"));
            heard += 1;
        }
        thread::sleep(USER_TIMEOUT * 3 / 2); // a pause longer than the timeout
    }
    slow.widen_window();
    for number in heard..LINES {
        slow.expect_line(&format!("@alice: {number} {text}"));
    }
    assert_eq!(daemon.log_count("closed after"), 0);
}

/// Clients that stop reading.
const SLEEPERS: usize = 200;

/// The size of a group; each group has longer queues than the one before.
const GROUP: usize = 20;

/// The step between groups, in messages.
const STEP: u32 = 8;

/// Recipients of one line, at most.
const RECIPIENTS_MAX: usize = 16;

/// The queues of all together, with the last group full: a little less than this.
const TOTAL_MIB: u64 = 36;

/// Clients that do not read, and a sender that writes to them and counts.
struct Sleepers {
    alice: Client,
    clients: Vec<Client>,
    text: String,
    sent: Vec<u64>,
    told: Vec<u64>,
}

impl Sleepers {
    /// All have joined, read their answers, and get no presence notices.
    fn start(path: &Path) -> Self {
        let mut alice = Client::over_unix(path).join("alice");
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

    /// One message to each of these, written before the next round.
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

/// The number of such messages that the kernel keeps for a client that does not read.
fn kernel_share(daemon: &Daemon, path: &Path, sleepers: &mut Sleepers) -> u32 {
    const COUNT: u32 = 200;
    let mut probe = Client::over_unix(path).join("probe");
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
fn largest_queues_are_closed_and_every_message_is_accounted_for() {
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
    // The smaller half gets more, which closes clients of the larger half.
    let mut rounds = 0;
    while sleepers.told.iter().filter(|told| **told > 0).count() < CLOSED {
        sleepers.round(0..SLEEPERS / 2);
        rounds += 1;
    }
    sleepers.round(0..0); // notices of the last turn's closes come after its answer
    let peak = daemon.peak_memory_kib();
    eprintln!(
        "slow_readers: {SLEEPERS} with {share} messages in the kernel, {rounds} rounds for {CLOSED} \
         to be closed at {TOTAL_MIB} MiB; {before} KiB before, {peak} KiB at the most"
    );
    // The limit counts queued bytes; grown buffers have room for more.
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
            // The last line that it got may be cut off.
            let lines = client.read_to_end();
            delivered += lines.iter().filter(|line| **line == whole).count() as u64;
        }
        assert_eq!(delivered + told[number], sent[number], "s{number}");
        assert_eq!(survives, told[number] == 0, "s{number}");
    }
    alice.expect_nothing();
}
