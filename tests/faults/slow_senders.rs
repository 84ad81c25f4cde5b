//! Who sends a byte a second, or a line without an end.

use std::io;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use crate::crowds::join_crowd;
use crate::harness::{Client, DEADLINE, Daemon};

/// Between two bytes of who drips: a second, sped up.
const DRIP: Duration = Duration::from_millis(20);

/// The time to register: one who is to register is not to miss it on a busy machine.
const REGISTER_TIME: Duration = Duration::from_secs(5);
const REGISTER_SECONDS: &str = "5";

/// What one connection may cost, with room for what a process takes up anyway as it warms up.
const GROWTH_KIB_MAX: u64 = 1024;

/// Sends the same bytes again and again, one at a time, until the connection is no more. Returns
/// how many were sent.
fn drip_until_closed(client: &mut Client, text: &[u8]) -> usize {
    let give_up_at = Instant::now() + DEADLINE;
    for (sent, byte) in text.iter().cycle().enumerate() {
        assert!(Instant::now() < give_up_at, "it may drip for ever");
        if client.try_send(&[*byte]).is_err() {
            return sent;
        }
        thread::sleep(DRIP); // what this is about
    }
    unreachable!("a cycle has no end");
}

#[test]
fn who_drips_without_a_name_is_closed_when_its_time_is_up_whatever_it_sends() {
    let daemon = Daemon::start(&["--register-time", REGISTER_SECONDS]);
    let mut alice = daemon.join_at_once("alice");
    let texts: [&[u8]; 6] = [
        b"x",        // a line without an end
        b"/ping\n",  // commands that anyone may give
        b"#a b\n",   // names that are none
        b"\n",       // lines that are none
        b"x\x08",    // a line that is erased as it comes
        b"\xff\xf9", // telnet that means nothing
    ];
    let threads = texts.map(|text| {
        // Before the daemon begins to count.
        let start = Instant::now();
        let mut client = daemon.connect_raw();
        thread::spawn(move || {
            let sent = drip_until_closed(&mut client, text);
            assert!(start.elapsed() >= REGISTER_TIME);
            assert!(sent >= 5, "only {sent} bytes are no dripping");
        })
    });
    for thread in threads {
        thread.join().unwrap();
    }
    daemon.expect_log_count(": no name in time; 0 bytes unwritten", texts.len());
    alice.expect_nothing();
    assert_eq!(alice.count_connected(), 1);
}

/// The time to register is for the name: once it is there, one may drip for ever.
#[test]
fn who_drips_with_a_name_stays_and_is_heard_when_its_line_ends() {
    let daemon = Daemon::start(&["--register-time", REGISTER_SECONDS, "--stall-time", "1"]);
    let mut alice = daemon.join_at_once("alice");
    let mut slow = daemon.connect_raw();
    for byte in b"#slow\n" {
        slow.send_bytes(&[*byte]);
        thread::sleep(DRIP);
    }
    slow.expect_greeting();
    slow.expect_line("* You are registered as slow.");
    alice.expect_line("* slow has joined lobby.");
    let (start, mut sent) = (Instant::now(), 0);
    while start.elapsed() < REGISTER_TIME * 3 / 2 {
        slow.send_bytes(b"y");
        sent += 1;
        thread::sleep(DRIP);
    }
    slow.send_bytes(b"\r\n");
    alice.expect_line(&format!("slow: {}", "y".repeat(sent)));
    assert_eq!(daemon.log_count("closed after"), 0);
}

#[test]
fn many_who_drip_cost_no_more_memory_than_a_line_each() {
    const COUNT: usize = 200;
    const BYTES: usize = 10_000;
    const LINE_KIB: u64 = 4;
    let daemon = Daemon::start(&[]);
    let mut alice = daemon.join("alice");
    let mut crowd = join_crowd(&daemon, COUNT);
    alice.barrier();
    let before = daemon.resident_memory_kib();
    // A few bytes at a time, each of its own: a segment for each would only test the kernel.
    for _ in 0..BYTES / 20 {
        for client in &mut crowd {
            client.send_bytes(&[b'x'; 20]);
        }
        alice.send("/ping");
        alice.read_until("* pong");
    }
    for client in &mut crowd {
        client.read_until_starting("! "); // said once, when the limit was passed
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
fn what_is_erased_as_it_comes_costs_nothing_and_the_line_after_it_is_whole() {
    let daemon = Daemon::start(&[]);
    let [mut alice, mut bob] = daemon.join_all(["alice", "bob"]);
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
fn a_line_of_a_gibibyte_is_answered_once_and_dropped_in_constant_memory() {
    let total = endless_bytes();
    let daemon = Daemon::start(&[]);
    let [mut alice, mut bob] = daemon.join_all(["alice", "bob"]);
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
        // However quick it was: somebody is to be heard in the middle of this line.
        others_are_heard.recv().expect("somebody was heard");
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

/// Sends `parts` as packets of their own: what was sent before was read when the next one goes.
fn send_in_parts(sender: &mut Client, other: &mut Client, parts: &[&[u8]]) {
    for part in parts {
        sender.send_bytes(part);
        other.barrier();
    }
}

#[test]
fn a_line_at_the_limit_and_its_crlf_are_the_same_however_they_are_split() {
    const LIMIT: usize = 256;
    let daemon = Daemon::start(&["--max-line", "256"]);
    let [mut alice, mut bob] = daemon.join_all(["alice", "bob"]);
    let mut other = daemon.connect();
    let fits = "y".repeat(LIMIT);
    for (text, end) in [
        (fits.clone(), "\r\n"),
        (fits.clone(), "\n"),
        (format!("{fits}z"), "\r\n"),
        (format!("{fits}z"), "\n"),
    ] {
        let line = format!("{text}{end}");
        let bytes = line.as_bytes();
        for split in 1..bytes.len() {
            let (first, rest) = bytes.split_at(split);
            send_in_parts(&mut alice, &mut other, &[first, rest]);
            if text.len() > LIMIT {
                alice.expect_line_starting("! ");
            } else {
                bob.expect_line(&format!("alice: {text}"));
            }
        }
        alice.send("next");
        bob.expect_line("alice: next");
    }
    alice.expect_nothing();
}

#[test]
fn at_the_default_limit_too_and_byte_by_byte() {
    const LIMIT: usize = 4096;
    let daemon = Daemon::start(&[]);
    let [mut alice, mut bob] = daemon.join_all(["alice", "bob"]);
    let mut other = daemon.connect();
    let text = "y".repeat(LIMIT);
    let line = format!("{text}\r\n");
    let bytes = line.as_bytes();
    let heard = format!("alice: {text}");
    for first in LIMIT - 2..=LIMIT + 1 {
        for second in first + 1..=LIMIT + 2 {
            let parts = [&bytes[..first], &bytes[first..second], &bytes[second..]];
            send_in_parts(&mut alice, &mut other, &parts);
            bob.expect_line(&heard);
        }
    }
    for byte in bytes {
        alice.send_bytes(&[*byte]);
    }
    bob.expect_line(&heard);
    for byte in format!("z{line}").as_bytes() {
        alice.send_bytes(&[*byte]);
    }
    alice.expect_line_starting("! ");
    alice.send("next");
    bob.expect_line("alice: next");
    alice.expect_nothing();
}
