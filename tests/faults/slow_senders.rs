//! Clients that send a byte a second, or a line without an end.

use std::io;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use crate::crowds::join_crowd;
use crate::harness::Daemon;

/// The pause between two bytes of a dripping client: a second, sped up.
const DRIP: Duration = Duration::from_millis(20);

/// The memory that one connection may cost, with room for the growth of any process as it warms up.
const GROWTH_KIB_MAX: u64 = 1024;

#[test]
fn dripping_clients_cost_no_more_memory_than_a_line_each() {
    const COUNT: usize = 200;
    const BYTES: usize = 10_000;
    const LINE_KIB: u64 = 4;
    let daemon = Daemon::start(&[]);
    let mut alice = daemon.join("alice");
    let mut crowd = join_crowd(&daemon, COUNT);
    alice.barrier();
    let before = daemon.resident_memory_kib();
    // A few bytes at a time: a segment for each byte would only test the kernel.
    for _ in 0..BYTES / 20 {
        for client in &mut crowd {
            client.send_bytes(&[b'x'; 20]);
        }
        alice.send("/ping");
        alice.read_until("* pong");
    }
    for client in &mut crowd {
        client.read_until_starting("! "); // sent once, when the limit was passed
        client.send(""); // the end of the line
        let lines = client.barrier();
        assert!(
            !lines.iter().any(|line| line.starts_with("! ")),
            "{lines:?}"
        );
    }
    // A buffer grows by doubling.
    let most = before + GROWTH_KIB_MAX + 2 * COUNT as u64 * LINE_KIB;
    let peak = daemon.peak_memory_kib();
    assert!(peak <= most, "{before} KiB before, {peak} KiB at the most");
    crowd[0].send("here I am");
    alice.read_until("user0: here I am");
}

/// One byte a packet for long, and everything erased again: nothing adds up.
#[test]
fn erased_text_costs_nothing_and_leaves_the_next_line_whole() {
    let (daemon, [mut alice, mut bob]) = Daemon::start_with(["alice", "bob"]);
    let before = daemon.resident_memory_kib();
    for _ in 0..20_000 {
        bob.send_bytes(b"x");
        bob.send_bytes(b"\x08");
    }
    bob.send_bytes(&b"ab\x7f\x7f".repeat(1 << 20));
    bob.send("hello");
    alice.expect_line("bob: hello");
    bob.expect_nothing();
    let peak = daemon.peak_memory_kib();
    assert!(peak <= before + GROWTH_KIB_MAX, "{before} and {peak} KiB");
}

/// An eighth in a debug build, which takes its time; all of it with `CHINWAG_FULL=1`, and in a
/// release build.
fn endless_bytes() -> usize {
    let is_full = std::env::var_os("CHINWAG_FULL").is_some() || !cfg!(debug_assertions);
    if is_full { 1 << 30 } else { 1 << 27 }
}

#[test]
fn line_of_a_gibibyte_is_dropped_in_constant_memory() {
    let total = endless_bytes();
    let (daemon, [mut alice, mut bob]) = Daemon::start_with(["alice", "bob"]);
    let mut endless = daemon.join("endless");
    for client in [&mut alice, &mut bob] {
        client.expect_line("* endless has joined lobby.");
    }
    let before = daemon.resident_memory_kib();
    let mut sender = endless.sender();
    let start = Instant::now();
    let (heard, others_are_heard) = mpsc::channel();
    let sending = thread::spawn(move || -> io::Result<()> {
        let block = vec![b'x'; 1 << 20];
        for _ in 0..total / block.len() {
            sender.write_all(&block)?;
        }
        // At least one message must get through in the middle of this line.
        others_are_heard.recv().expect("another client was heard");
        sender.write_all(b"\n/ping after\n")
    });
    let mut exchanged = 0;
    while !sending.is_finished() {
        alice.send("@bob:still here");
        bob.expect_line("@alice: still here");
        exchanged += 1;
        let _ = heard.send(()); // once is enough
        thread::sleep(DRIP);
    }
    sending.join().unwrap().unwrap();
    endless.expect_line_starting("! ");
    endless.expect_line("* pong after");
    let (taken, peak) = (start.elapsed(), daemon.peak_memory_kib());
    eprintln!(
        "slow_senders: a line of {} MiB in {taken:?}, {exchanged} messages meanwhile; \
         {before} KiB before, {peak} KiB at the most",
        total >> 20
    );
    assert!(peak <= before + GROWTH_KIB_MAX, "{before} and {peak} KiB");
    endless.send("a line like any other");
    alice.expect_line("endless: a line like any other");
}
