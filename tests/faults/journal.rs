//! Standard error as a stream to systemd's journal, which a socket stands for here.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::harness::{Client, Killed, address_in, program, wait_for_exit};

/// A daemon whose standard error is a socket, and the journal's end of it.
fn start(
    flags: &[&str],
    variable: impl FnOnce(u64, u64) -> String,
) -> (Killed, BufReader<UnixStream>) {
    let (journal, stderr) = UnixStream::pair().unwrap();
    let stderr = File::from(OwnedFd::from(stderr));
    let file = stderr.metadata().unwrap();
    let mut command: Command = program();
    command
        .args(flags)
        .env("JOURNAL_STREAM", variable(file.dev(), file.ino()))
        .stderr(Stdio::from(stderr));
    let child = command.spawn().unwrap();
    (Killed(child), BufReader::new(journal))
}

fn stream(device: u64, inode: u64) -> String {
    format!("{device}:{inode}")
}

/// All lines of a daemon that a client talked to.
fn lines_of_a_run(flags: &[&str], variable: impl FnOnce(u64, u64) -> String) -> Vec<String> {
    let (mut child, journal) = start(flags, variable);
    let mut lines = journal.lines().map(Result::unwrap);
    let mut seen: Vec<String> = Vec::new();
    let address = loop {
        let line = lines.next().expect("an address");
        let text = line.trim_start_matches("<6>").to_owned();
        seen.push(line);
        if let Some(address) = address_in(&text) {
            break address;
        }
    };
    let mut alice = Client::over_tcp(address.parse().unwrap()).join("alice");
    alice.send("psst");
    alice.barrier();
    kill_process(Pid::from_child(&child.0), Signal::TERM).unwrap();
    alice.read_to_end();
    drop(alice);
    assert_eq!(wait_for_exit(&mut child.0).code(), Some(0));
    seen.extend(lines);
    seen
}

const FLAGS: [&str; 4] = ["--listen", "127.0.0.1:0", "--log-level", "trace"];

#[test]
fn journal_gets_priorities_and_no_times() {
    for more in [&[][..], &["--log-file", "-"]] {
        let seen = lines_of_a_run(&[&FLAGS[..], more].concat(), stream);
        for (priority, part) in [
            ("<6>", "chinwag listens on "),
            ("<6>", "  nc 127.0.0.1 "),
            ("<6>", "signal 15: shutting down"),
            ("<7>", "sent: line 2, "),
        ] {
            let line = seen.iter().find(|line| line.contains(part)).expect(part);
            assert!(line.starts_with(priority), "{line}");
        }
        for line in &seen {
            let (priority, text) = line.split_at(3);
            assert!(["<3>", "<4>", "<6>", "<7>"].contains(&priority), "{line}");
            assert!(!text.contains("Z [") && !text.contains("[INFO]"), "{line}");
            assert!(!text.contains("registry"), "mio's: {line}");
        }
    }
}

#[test]
fn failed_start_is_an_error_in_the_journal() {
    for (flags, code) in [(["--listen", "192.0.2.256:0"], 1), (["--max-line", "0"], 2)] {
        let (mut child, journal) = start(&flags, stream);
        let lines: Vec<String> = journal.lines().map(Result::unwrap).collect();
        assert_eq!(wait_for_exit(&mut child.0).code(), Some(code), "{lines:?}");
        let [line] = &lines[..] else {
            panic!("not one line: {lines:?}");
        };
        assert!(line.starts_with("<3>chinwag: "), "{line}");
    }
}

#[test]
fn journals_form_is_kept_to_the_journals_stream() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let to_file = ["--log-file", log.to_str().unwrap()];
    let plain = |line: &String| !line.starts_with('<');
    // The variable of a stream that standard error no longer is.
    let seen = lines_of_a_run(&FLAGS, |device, inode| stream(device, inode + 1));
    assert!(seen.iter().all(plain), "{seen:?}");
    assert!(
        seen.iter().any(|line| line.contains("Z [TRACE]")),
        "{seen:?}"
    );
    // A log file is not the journal, though standard error is.
    let seen = lines_of_a_run(&[&FLAGS[..], &to_file].concat(), stream);
    assert!(!seen.iter().any(plain), "{seen:?}");
    let log = std::fs::read_to_string(&log).unwrap();
    assert!(log.lines().all(|line| line.contains("Z [")), "{log}");
}
