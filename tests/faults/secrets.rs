//! Passwords in the daemon's memory and log: nowhere, some time after they were typed.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::harness::{Client, Daemon, wait_until};

const IAC: u8 = 255;
const WILL: u8 = 251;
const WONT: u8 = 252;
const DONT: u8 = 254;
const ECHO: u8 = 1;

/// Bytes of the memory that are searched at once.
const PIECE_BYTES: usize = 1 << 20;

/// Said by somebody away, and so in memory for as long as they are.
const KEPT_TEXT: &str = "back-after-the-long-lunch";

/// One half of a password is a find, too: it may have come in two reads.
fn halves(password: &str) -> [&str; 2] {
    let (one, other) = password.split_at(password.len() / 2);
    [one, other]
}

/// How often a text is in a process's own memory.
fn count_in_memory(pid: i32, text: &str) -> usize {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap();
    let memory = File::open(format!("/proc/{pid}/mem")).unwrap();
    let finder = memchr::memmem::Finder::new(text);
    let mut bytes = vec![0; PIECE_BYTES + text.len()];
    let mut count = 0;
    for line in maps.lines() {
        let mut words = line.split_whitespace();
        let (range, rights) = (words.next().unwrap(), words.next().unwrap());
        if !rights.starts_with("rw") {
            continue;
        }
        let (start, end) = range.split_once('-').unwrap();
        let [start, end] = [start, end].map(|at| u64::from_str_radix(at, 16).unwrap());
        let mut at = start;
        while at < end {
            let length = bytes.len().min(usize::try_from(end - at).unwrap());
            // A page may be gone by now, or be none that can be read.
            if memory.read_exact_at(&mut bytes[..length], at).is_ok() {
                count += finder.find_iter(&bytes[..length]).count();
            }
            at += PIECE_BYTES as u64;
        }
    }
    count
}

#[track_caller]
fn expect_forgotten(daemon: &Daemon, password: &str) {
    let pid = daemon.pid().as_raw_nonzero().get();
    assert!(
        count_in_memory(pid, KEPT_TEXT) > 0,
        "memory can be searched"
    );
    for half in halves(password) {
        // What waits is answered by now; a thread that hashed may be about to wipe what it was given.
        wait_until(&format!("no {half} in memory"), || {
            count_in_memory(pid, half) == 0
        });
        let log = daemon.log_lines().join("\n");
        assert!(!log.contains(half), "{log}");
    }
}

fn start(folder: &Path) -> Daemon {
    let store = folder.join("chat.db");
    let store = store.to_str().unwrap();
    Daemon::start(&[
        "--store",
        store,
        "--log-level",
        "trace",
        "--listen",
        "127.0.0.1:0",
    ])
}

/// Sends bytes one by one, each in a read of its own.
fn type_slowly(client: &mut Client, witness: &mut Client, bytes: &[u8]) {
    for byte in bytes {
        client.send_bytes(&[*byte]);
        witness.barrier();
    }
}

#[test]
fn password_is_nowhere_in_memory_some_time_after_it_was_typed() {
    let folder = tempfile::tempdir().unwrap();
    let daemon = start(folder.path());
    let [mut alice, mut witness] = daemon.join_all(["alice", "witness"]);
    witness.send(&format!("/away {KEPT_TEXT}"));
    witness.barrier();

    // At the prompt, by nc: a whole line.
    let password = "Kw7!moss/Verdigris-41-Quillon";
    alice.send("/account new");
    alice.read_until_starting("* Choose a password");
    alice.send(password);
    alice.read_until_starting("* alice is yours now");
    expect_forgotten(&daemon, password);

    // At the prompt, wrong, by nc; then right, with more behind it in the same packet.
    let wrong = "Zinc#Halyard_Trombone-88-Osier";
    let mut nc = daemon.connect();
    nc.send("/login alice");
    nc.read_until_starting("* Password for alice?");
    nc.send(wrong);
    nc.read_until_starting("! ");
    nc.send_bytes(format!("/login alice\n{password}\n/ping behind\n").as_bytes());
    nc.read_until("* pong behind");
    expect_forgotten(&daemon, wrong);
    expect_forgotten(&daemon, password);

    // In one line, by nc; the line in two reads, each of which has a part of it.
    let mut nc = daemon.connect();
    let line = format!("/login alice {password}\n/ping two\n");
    let (one, other) = line.as_bytes().split_at("/login alice ".len() + 11);
    nc.send_bytes(one);
    witness.barrier();
    expect_forgotten_but_for_the_unfinished_line(&daemon, password);
    nc.send_bytes(other);
    nc.read_until("* pong two");
    expect_forgotten(&daemon, password);

    // By telnet, a key at a time, with a slip that is erased.
    let mut telnet = daemon.connect();
    telnet.send_bytes(&[IAC, DONT, ECHO]); // which is so, and gets no answer
    telnet.send_bytes(b"/login alice\r\n");
    telnet.read_until_starting("* Password for alice?");
    type_slowly(&mut telnet, &mut witness, password.as_bytes());
    type_slowly(&mut telnet, &mut witness, b"x\x08\r\0");
    telnet.send_bytes(b"/ping three\r\n");
    // The terminal does not show what is typed at the prompt, and then it does again.
    let mut seen = Vec::new();
    while !seen.ends_with(b"* pong three\r\n") {
        seen.extend(telnet.try_line_bytes().unwrap());
    }
    let place = |bytes: &[u8]| memchr::memmem::find(&seen, bytes);
    let answer = place(b"* You are alice").unwrap();
    assert_eq!(
        place(&[IAC, WILL, ECHO]),
        Some(0),
        "behind the prompt's line"
    );
    assert!(place(&[IAC, WONT, ECHO]).unwrap() < answer);
    expect_forgotten(&daemon, password);

    // Half of it, and gone.
    let unfinished = "Peat%Gantry~Mullion-19-Sorrel";
    let mut nc = daemon.connect();
    nc.send_bytes(format!("/login alice {unfinished}").as_bytes());
    witness.barrier();
    nc.reset();
    daemon.wait_for_log("connection broken");
    expect_forgotten(&daemon, unfinished);
}

/// The line itself has the first half; the buffer that it was read into does not.
#[track_caller]
fn expect_forgotten_but_for_the_unfinished_line(daemon: &Daemon, password: &str) {
    let pid = daemon.pid().as_raw_nonzero().get();
    let start = &password[..11];
    assert_eq!(count_in_memory(pid, start), 1, "of the line itself");
}

#[test]
fn changed_password_is_nowhere_in_memory_some_time_later() {
    let folder = tempfile::tempdir().unwrap();
    let daemon = start(folder.path());
    let [mut alice, mut witness] = daemon.join_all(["alice", "witness"]);
    witness.send(&format!("/away {KEPT_TEXT}"));
    witness.barrier();
    let old = "Umber;Plinth,Cassock-63-Tamarisk";
    alice.send("/account new");
    alice.read_until_starting("* Choose a password");
    alice.send(old);
    alice.read_until_starting("* alice is yours now");

    // The old one, and then the new one.
    let new = "Gneiss:Rowlock.Faience-27-Medlar";
    alice.send("/account password");
    alice.read_until_starting("* Password for alice?");
    alice.send(old);
    alice.read_until_starting("* Choose a password");
    alice.send(new);
    alice.read_until_starting("* alice has a new password");
    expect_forgotten(&daemon, old);
    expect_forgotten(&daemon, new);

    // The password that is asked for before the account is dropped.
    alice.send("/account drop");
    alice.read_until_starting("* Password for alice?");
    alice.send(new);
    alice.read_until_starting("* Type alice to drop that account");
    expect_forgotten(&daemon, new);
}

/// Of the daemon that showed it, the output holds it until other output comes over it; so another one takes it.
#[test]
fn token_is_nowhere_in_memory_some_time_after_it_was_typed() {
    let folder = tempfile::tempdir().unwrap();
    let daemon = start(folder.path());
    let mut alice = daemon.join("alice");
    alice.send("/account new");
    alice.read_until_starting("* Choose a password");
    alice.send("Umber;Plinth,Cassock-63-Tamarisk");
    alice.read_until_starting("* alice is yours now");
    alice.send("/token laptop");
    let shown = alice.read_until_starting("* Keep this, it is shown once: ");
    let (_, token) = shown.rsplit_once(' ').unwrap();
    drop(daemon);

    let daemon = start(folder.path());
    let mut witness = daemon.join("witness");
    witness.send(&format!("/away {KEPT_TEXT}"));
    witness.barrier();
    let secret = token.strip_prefix("cw_").unwrap();
    for line in [
        format!("/login alice {token}"),
        format!("/login alice\n{token}"),
        format!("/login nobody {token}"),
    ] {
        let mut nc = daemon.connect();
        nc.send(&line);
        nc.barrier();
        expect_forgotten(&daemon, secret);
    }
}
