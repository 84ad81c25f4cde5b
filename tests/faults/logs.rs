//! What the daemon writes for who runs it.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};

use crate::harness::{Client, Daemon, address_in, program, wait_for_exit, wait_until};

/// Bytes that no terminal should be shown: C0, C1, ESC, DEL, and what turns text around.
const NASTY: &str = "a\x1b[2Jb\x07c\u{7f}\u{9b}31md\u{85}e\u{202e}f\u{2066}g\u{2069}h\x0bi";

fn is_nasty(character: char) -> bool {
    (character.is_control() && character != '\n' && character != '\t')
        || matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[test]
fn the_log_file_is_appended_to_and_nothing_that_clients_send_can_harm_its_reader() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    fs::write(&path, "an earlier run\n").unwrap();
    let flags = ["--log-level", "trace", "--log-file", path.to_str().unwrap()];
    let mut daemon = Daemon::start(&flags);
    let mut alice = daemon.connect();
    alice.send(&format!("#{NASTY}"));
    alice.expect_line_starting("! ");
    alice.register("alice");
    let mut bob = daemon.join("bob");
    for line in [
        "TEXT",
        "/me TEXT",
        "@bob:TEXT",
        "@TEXT:TEXT",
        "/msg bob TEXT",
        "/topic TEXT",
        "/away TEXT",
        "/join TEXT",
        "/nick TEXT",
        "/whois TEXT",
        "/TEXT TEXT",
        "/ignore TEXT",
        "/ping TEXT",
        "#TEXT",
        "/quit TEXT",
    ] {
        alice.send(&line.replace("TEXT", NASTY));
    }
    let mut seen = alice.read_to_end();
    seen.extend(bob.barrier());
    for line in seen {
        assert!(!line.contains(is_nasty), "{line:?}");
    }
    drop((alice, bob));
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.wait().code(), Some(0));

    let log = fs::read_to_string(&path).unwrap();
    assert!(log.starts_with("an earlier run\n"), "{log}");
    assert!(log.contains("sent: /topic "), "{log}");
    assert!(log.contains("alice (127.0.0.1:"), "{log}");
    let bad: Vec<&str> = log.lines().filter(|line| line.contains(is_nasty)).collect();
    assert!(bad.is_empty(), "{bad:?}");
    let stamped = |line: &&str| line.contains("Z [");
    let odd: Vec<&str> = log.lines().skip(1).filter(|line| !stamped(line)).collect();
    assert!(odd.is_empty(), "not one line each: {odd:?}");
    // Where it listens is for who started it, not for the log.
    assert!(daemon.log_lines()[0].starts_with("chinwag listens on"));
}

#[test]
fn each_level_says_no_more_than_it_should() {
    for (level, traces) in [("trace", true), ("info", false), ("off", false)] {
        let mut daemon = Daemon::start(&["--log-level", level]);
        let mut alice = daemon.join("alice");
        alice.send("a private thought");
        alice.barrier();
        drop(alice);
        daemon.signal(Signal::TERM);
        assert_eq!(daemon.wait().code(), Some(0));
        if level == "off" {
            assert_eq!(daemon.log_count("Z ["), 0);
        } else {
            daemon.wait_for_log("shutting down");
        }
        assert_eq!(daemon.log_count("a private thought") > 0, traces, "{level}");
    }
}

/// Reads on until the line that says where the daemon listens.
fn read_address(stderr: &mut impl BufRead) -> SocketAddr {
    let address = stderr.lines().find_map(|line| address_in(&line.unwrap()));
    address.expect("an address").parse().unwrap()
}

#[test]
fn a_closed_standard_error_harms_nobody() {
    let mut child = program()
        .args(["--listen", "127.0.0.1:0", "--log-level", "trace"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let address = read_address(&mut stderr);
    drop(stderr);
    for round in 0..50 {
        let mut alice = Client::over_tcp(address);
        alice.expect_greeting();
        alice.register(&format!("alice{round}"));
        alice.barrier();
    }
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    assert_eq!(wait_for_exit(&mut child).code(), Some(0));
}

#[test]
fn a_log_that_nobody_reads_stops_nobody() {
    let mut child = program()
        .args(["--listen", "127.0.0.1:0", "--log-level", "trace"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stderr = BufReader::with_capacity(4096, child.stderr.take().unwrap());
    let address = read_address(&mut stderr);
    let mut alice = Client::over_tcp(address);
    alice.expect_greeting();
    alice.register("alice");
    // More than the pipe and the daemon's own queue hold.
    let lines = format!("/away {}\n", "x".repeat(200)).repeat(1000);
    for _ in 0..20 {
        alice.send_bytes(lines.as_bytes());
        alice.barrier();
    }
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    alice.read_to_end();
    drop(alice);
    let mut ended = None;
    wait_until("the end of a daemon whose log nobody reads", || {
        ended = child.try_wait().unwrap();
        ended.is_some()
    });
    assert_eq!(ended.unwrap().code(), Some(0));
    drop(stderr);
}
