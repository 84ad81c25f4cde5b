//! One whose socket never runs empty.
//!
//! How long the others wait is shown on standard error. What is asserted is counted: how much of
//! the flood gets in between, and that nobody waits past the deadline of every test.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::crowds::join_crowd;
use crate::harness::{Client, DEADLINE, Daemon, numbered, wait_until};
use crate::latency::Pair;

/// A burst with room for two who write to each other [`PACED_EXCHANGES`] times, and a rate that is
/// none for a flood.
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

/// So often they do it where there is no rate.
const EXCHANGES: u32 = 500;

/// Less is no flood.
const FLOOD_BYTES_MIN: u64 = 1 << 20;

/// Somebody who sends the same again and again, for as long as there is a connection.
struct Flood {
    sent: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
    /// Keeps the connection.
    client: Client,
}

impl Flood {
    /// Floods over `client`, which reads all that comes if `reads`.
    fn start(client: Client, text: &str, reads: bool) -> Self {
        let (sent, stop) = (Arc::<AtomicU64>::default(), Arc::<AtomicBool>::default());
        let mut threads = Vec::new();
        // More than one, so that there is always something in the socket.
        for _ in 0..2 {
            let mut sender = client.sender();
            let (sent, stop) = (Arc::clone(&sent), Arc::clone(&stop));
            // Whole lines, as two write to one socket.
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

    /// Breaks off, and waits until whoever sends or reads has noticed.
    fn end(self) {
        self.stop.store(true, Ordering::Relaxed);
        self.client.break_off();
        for thread in self.threads {
            thread.join().unwrap();
        }
    }
}

/// Two exchange lines while somebody floods, until so many bytes of the flood were sent.
fn exchange_during_flood(what: &str, flags: &[&str], text: &str, reads: bool, least: u64) {
    let daemon = Daemon::start(flags);
    let mut crowd = join_crowd(&daemon, 100);
    let mut flooder = daemon.join("flooder");
    flooder.send("/join pit"); // nobody there to hear it
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
    // Whoever is to flood may have had no processor so far.
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
    // A line that never ends is one line to the rate: only the share of a turn bounds it.
    exchange_during_flood("bytes", &PACED, "spam", true, FLOOD_BYTES_MIN);
}

#[test]
fn flood_with_long_answers_keeps_no_client_waiting() {
    let commands = "/help\n/names *\n/rooms\n/stats\n/whois user1\n/help msg\n/nonsense\n";
    exchange_during_flood("long answers, read", &[], commands, true, 0);
    // Unread, they are not even asked for any longer.
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
            // What comes now comes at the rate, and costs next to nothing.
            let used = daemon.cpu_time_of_a_second();
            assert!(used < Duration::from_millis(300), "{used:?} in a second");
        }
    }
    // Two lines, and the burst, need no time.
    let least = Duration::from_millis((200 - 152) * 1000 / 20);
    assert!(
        start.elapsed() >= least.mul_f64(0.9),
        "{:?}",
        start.elapsed()
    );
    flood.end();
}

/// Nobody starves: what one sends at once is carried out 64 lines a turn, and between two of its
/// turns each flooder has one.
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
    // One packet: from its first turn on, alice has something to say in each.
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
