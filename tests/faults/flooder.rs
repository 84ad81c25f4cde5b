//! A client whose socket never runs empty.
//!
//! The others' latency is shown on standard error. Assertions count: how much of the flood gets in
//! between, and that no client waits past the deadline of every test.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::crowds::join_crowd;
use crate::harness::{Client, DEADLINE, Daemon, numbered, wait_until};
use crate::latency::Pair;

/// A burst for [`PACED_EXCHANGES`] exchanges between two clients, and a rate far below a flood.
const PACED: [&str; 7] = [
    "--limit-loopback",
    "--max-per-address",
    "1000",
    "--line-burst",
    "150",
    "--line-rate",
    "20",
];

const PACED_EXCHANGES: u32 = 100;

/// Exchanges where there is no rate.
const EXCHANGES: u32 = 500;

/// Fewer bytes are no flood.
const FLOOD_BYTES_MIN: u64 = 1 << 20;

/// A client that sends the same text again and again until its connection ends.
struct Flood {
    sent: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
    /// Keeps the connection.
    client: Client,
}

impl Flood {
    /// Floods over `client`, which reads all its output if `reads`.
    fn start(client: Client, text: &str, reads: bool) -> Self {
        let (sent, stop) = (Arc::<AtomicU64>::default(), Arc::<AtomicBool>::default());
        let mut threads = Vec::new();
        // Two senders, so that the socket never runs empty.
        for _ in 0..2 {
            let mut sender = client.sender();
            let (sent, stop) = (Arc::clone(&sent), Arc::clone(&stop));
            // Whole lines, as two senders share one socket.
            let text = text.repeat((16 << 10) / text.len());
            threads.push(thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) && sender.write_all(text.as_bytes()).is_ok() {
                    sent.fetch_add(text.len() as u64, Ordering::Relaxed);
                }
            }));
        }
        if reads {
            let mut receiver = client.receiver();
            threads.push(thread::spawn(move || {
                let mut buffer = vec![0; 64 << 10];
                while matches!(receiver.read(&mut buffer), Ok(count) if count > 0) {}
            }));
        }
        Self {
            sent,
            stop,
            threads,
            client,
        }
    }

    fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Breaks off, and waits for the threads that send and read.
    fn end(self) {
        self.stop.store(true, Ordering::Relaxed);
        self.client.break_off();
        for thread in self.threads {
            thread.join().unwrap();
        }
    }
}

/// Two clients exchange lines during a flood, until `least` bytes of it were sent.
fn exchange_during_flood(what: &str, flags: &[&str], text: &str, reads: bool, least: u64) {
    let daemon = Daemon::start(flags);
    let mut crowd = join_crowd(&daemon, 100);
    let mut flooder = daemon.join("flooder");
    flooder.send("/join pit"); // an empty room
    flooder.barrier();
    let mut pair = Pair::new(daemon.join_all(["alice", "bob"]));
    let flood = Flood::start(flooder, text, reads);
    wait_until("a flood", || flood.sent() >= 64 << 10);
    let (flags, exchanges) = if flags.is_empty() {
        ("no rate", EXCHANGES)
    } else {
        ("paced", PACED_EXCHANGES)
    };
    let start = Instant::now();
    for _ in 0..exchanges {
        pair.exchange();
    }
    // The flooding threads may not have run so far.
    wait_until("a real flood", || {
        flood.sent() >= least || {
            pair.exchange();
            false
        }
    });
    let (sent, taken) = (flood.sent(), start.elapsed());
    #[allow(clippy::cast_precision_loss, reason = "for a person to read")]
    let megabytes = sent as f64 / 1e6;
    let name = format!("flooder::{what} ({flags}, {megabytes:.1} MB in {taken:?})");
    let worst = pair.latencies.report(&name);
    assert!(worst < DEADLINE);
    pair.alice.expect_nothing();
    pair.bob.expect_nothing();
    crowd[0].barrier();
    flood.end();
    daemon.wait_for_log("flooder (127.0.0.1");
    daemon.expect_log_count("closed after", 1);
}

#[test]
fn line_flood_does_not_keep_other_clients_waiting() {
    exchange_during_flood("lines", &[], "spam\n", false, FLOOD_BYTES_MIN);
}

#[test]
fn byte_flood_without_newlines_keeps_no_client_waiting() {
    exchange_during_flood("bytes", &[], "spam", true, FLOOD_BYTES_MIN);
    // An endless line is one line to the rate: only the turn budget bounds it.
    exchange_during_flood("bytes", &PACED, "spam", true, FLOOD_BYTES_MIN);
}

#[test]
fn flood_with_long_answers_keeps_no_client_waiting() {
    let commands = "/help\n/names *\n/rooms\n/stats\n/whois user1\n/help msg\n/nonsense\n";
    exchange_during_flood("long answers, read", &[], commands, true, 0);
    // With unread answers, the daemon stops reading the questions.
    exchange_during_flood("long answers, unread", &[], commands, false, 0);
    exchange_during_flood("long answers, read", &PACED, commands, true, 0);
}

#[test]
fn flood_past_the_line_rate_waits_in_the_kernel() {
    let daemon = Daemon::start(&PACED);
    let [mut alice, flooder] = daemon.join_all(["alice", "flooder"]);
    let start = Instant::now();
    let flood = Flood::start(flooder, "spam\n", false);
    for number in 0..200 {
        alice.expect_line("flooder: spam");
        if number == 170 {
            // From here on, lines pass at the rate and cost next to no processor time.
            let used = daemon.cpu_time_of_a_second();
            assert!(used < Duration::from_millis(300), "{used:?} in a second");
        }
    }
    // The two other lines and the burst need no time.
    let least = Duration::from_millis((200 - 152) * 1000 / 20);
    assert!(
        start.elapsed() >= least.mul_f64(0.9),
        "{:?}",
        start.elapsed()
    );
    flood.end();
}

/// A client's burst is executed 64 lines a turn, and between two of its turns each flooder has one.
#[test]
fn client_gets_no_second_turn_before_all_others_had_one() {
    const TURN_LINES: usize = 64;
    const FLOODERS: usize = 3;
    const LINES: usize = 10 * TURN_LINES;
    let daemon = Daemon::start(&["--hard-limit", "64M", "--soft-limit", "1M"]);
    let [mut alice, mut bob] = daemon.join_all(["alice", "bob"]);
    let floods: Vec<Flood> = (0..FLOODERS)
        .map(|number| {
            let mut flooder = daemon.join(&format!("flooder{number}"));
            flooder.barrier();
            Flood::start(flooder, "@bob:flood\n", false)
        })
        .collect();
    bob.read_until_starting("@flooder2: flood");
    // One packet: from her first turn on, alice has input in every turn.
    let lines = numbered(0..LINES, |number| format!("@bob:{number}\n"));
    alice.send_bytes(lines.as_bytes());
    let (mut heard, mut between, mut between_max, mut in_between) = (0, 0, 0, 0_u64);
    while heard < LINES {
        let line = bob.line();
        if line == format!("@alice: {heard}") {
            heard += 1;
            between = 0;
        } else if heard > 0 && line.ends_with(": flood") {
            between += 1;
            in_between += 1;
            between_max = between_max.max(between);
        }
    }
    eprintln!("flooder::turns: {between_max} lines of a flood at most between two turns");
    assert!(between_max <= FLOODERS * TURN_LINES, "{between_max} lines");
    assert!(in_between > 0, "no flood");
    for flood in floods {
        flood.end();
    }
}
