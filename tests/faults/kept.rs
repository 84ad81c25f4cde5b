//! Disks that are slow, and exits with lines on their way to the disk.

use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::harness::{Client, Daemon, program};
use crate::kernel::Failing;

/// The daemon's usual time to end, in tests: `--shutdown-time`, and a second for who is told last.
const EXIT_TIME_MAX: Duration = Duration::from_secs(1 + 1 + 3);

/// What the store's check says of it.
fn check(store: &Path) -> String {
    let mut command = program();
    command.args(["store", "check", "--store"]).arg(store);
    let output = command.output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// Says lines, in JSON mode, until one is kept: the lobby is not from the first moment on.
fn keep_one(client: &mut Client) {
    client.send("/mode json");
    client.json();
    loop {
        client.send("first");
        if client.json()["id"].is_u64() {
            return;
        }
    }
}

#[test]
fn lines_on_their_way_to_the_disk_are_kept_at_the_exit() {
    const COUNT: usize = 20_000;
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("chat.db");
    let flags = ["--keep-lobby", "3", "--store", store.to_str().unwrap()];
    let mut daemon = Daemon::start(&flags);
    let [mut alice] = daemon.join_all(["alice"]);
    keep_one(&mut alice);
    alice.send("/mode plain");
    alice.barrier();
    let before = check(&store);
    assert!(before.contains(" lines: 1, "), "{before}");
    // All are said, and answered with nothing; most are not on the disk yet.
    alice.send_bytes("a line that is kept\n".repeat(COUNT).as_bytes());
    alice.barrier();
    daemon.signal(Signal::TERM);
    drop(alice);
    assert_eq!(daemon.wait().code(), Some(0));
    let after = check(&store);
    assert!(
        after.contains(&format!(" lines: {}, ", COUNT + 1)),
        "{after}"
    );
}

#[test]
fn disk_that_is_stuck_holds_up_neither_the_chat_nor_the_exit() {
    // Longer than all of this takes; strace does not let the process go before.
    let Some(failing) = Failing::new("fsync,fdatasync:delay_enter=12000000") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("chat.db");
    let flags = ["--keep-lobby", "3", "--store", store.to_str().unwrap()];
    let mut daemon = Daemon::start(&flags);
    let [mut alice] = daemon.join_all(["alice"]);
    keep_one(&mut alice);
    daemon.signal(Signal::TERM);
    drop(alice);
    assert_eq!(daemon.wait().code(), Some(0));

    let more = ["--keep-time", "1", "--shutdown-time", "1"];
    let (mut daemon, _trace) = failing.start(&[&flags[..], &more].concat());
    let [mut alice, mut bob] = daemon.join_all(["alice", "bob"]);
    alice.send("/mode json");
    alice.json();
    let started = Instant::now();
    for number in 0..100 {
        bob.send(&format!("line {number}"));
        let heard = alice.json();
        assert_eq!(heard["text"], format!("line {number}"), "{heard}");
    }
    assert!(
        started.elapsed() < Duration::from_secs(5),
        "the disk is not waited for"
    );
    alice.send("and this is not kept");
    let answer = alice.json();
    assert_eq!(answer["code"], "not_kept", "{answer}");
    bob.send("/account new");
    bob.send("correct horse battery");
    let told = bob.read_until_starting("! ");
    bob.send("/ping on it goes");
    bob.read_until("* pong on it goes");
    assert!(!told.is_empty());
    let signalled = Instant::now();
    daemon.signal(Signal::TERM);
    daemon.wait_for_log("not all was kept in time");
    let took = signalled.elapsed();
    assert!(took < EXIT_TIME_MAX, "{took:?}");
    drop((alice, bob));
    assert_eq!(daemon.wait().code(), Some(0));
}
