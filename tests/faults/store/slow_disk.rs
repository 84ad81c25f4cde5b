//! The disk is slow, or stands still: chat goes on, and answers that promise something wait.
//!
//! strace holds up the writer's thread in the call that makes the disk write; or another program has the database
//! locked, for just as long as a test likes.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use rusqlite::Connection;
use rustix::process::{Pid, Signal, kill_process};

use super::{PASSWORD, ROOM, Store, check, end, enter, line_of};
use crate::harness::speaker::{Speaker, code_of, id_of};
use crate::harness::{Daemon, wait_for_exit, wait_until};

/// The thread that writes.
const WRITER: &str = "store-write";

/// Rounds of a conversation while something hangs.
const ROUNDS: usize = 20;

/// strace, which holds up a daemon's calls that write. Dropped, it lets go.
pub(super) struct SlowDisk(Child);

impl SlowDisk {
    /// `None` where no thread may be traced.
    fn of(daemon: &Daemon, delay_ms: u32) -> Option<Self> {
        Self::with_slow("fdatasync,fsync", daemon, delay_ms)
    }

    /// Holds up these calls.
    pub(super) fn with_slow(calls: &str, daemon: &Daemon, delay_ms: u32) -> Option<Self> {
        if !may_attach() {
            return None;
        }
        let tid = writer_of(daemon);
        let delay = format!("inject={calls}:delay_enter={}", delay_ms * 1000);
        let strace = Command::new("strace")
            .args(["-qq", "-o", "/dev/null"])
            .args(["-e", &format!("trace={calls}"), "-e", &delay])
            .args(["-p", &tid.to_string()])
            .spawn()
            .unwrap();
        wait_until("strace to have the thread", || is_traced(daemon, tid));
        Some(Self(strace))
    }

    /// Lets the disk go on.
    fn release(mut self) {
        let _ = kill_process(Pid::from_child(&self.0), Signal::TERM);
        wait_for_exit(&mut self.0);
    }
}

impl Drop for SlowDisk {
    fn drop(&mut self) {
        let _ = kill_process(Pid::from_child(&self.0), Signal::TERM);
        let _ = self.0.wait();
    }
}

fn writer_of(daemon: &Daemon) -> i32 {
    let tasks = format!("/proc/{}/task", daemon.pid().as_raw_nonzero());
    let task = fs::read_dir(tasks)
        .unwrap()
        .map(Result::unwrap)
        .find(|task| {
            let name = fs::read_to_string(task.path().join("comm"));
            name.is_ok_and(|name| name.trim_end() == WRITER)
        });
    let name = task.expect("a thread that writes").file_name();
    name.to_string_lossy().parse().unwrap()
}

fn is_traced(daemon: &Daemon, tid: i32) -> bool {
    let status = format!("/proc/{}/task/{tid}/status", daemon.pid().as_raw_nonzero());
    let status = fs::read_to_string(status).unwrap();
    !status.contains("TracerPid:\t0\n")
}

fn is_zombie(daemon: &Daemon) -> bool {
    let stat = format!("/proc/{}/stat", daemon.pid().as_raw_nonzero());
    let stat = fs::read_to_string(stat).unwrap();
    let (_, state) = stat.rsplit_once(") ").unwrap();
    state.starts_with('Z')
}

/// Whether strace is installed, and may trace a process that is not its child.
fn may_attach() -> bool {
    static MAY: OnceLock<bool> = OnceLock::new();
    *MAY.get_or_init(|| {
        let required = std::env::var_os("CHINWAG_REQUIRE_TOOLS").is_some();
        let is_there = Command::new("strace")
            .arg("-V")
            .stdout(Stdio::null())
            .status()
            .is_ok_and(|status| status.success());
        assert!(is_there || !required, "strace is required");
        let may = is_there && {
            let mut sleeper = Command::new("sleep").arg("60").spawn().unwrap();
            let mut strace = Command::new("strace")
                .args(["-qq", "-o", "/dev/null", "-p", &sleeper.id().to_string()])
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            let status = format!("/proc/{}/status", sleeper.id());
            let mut is_traced = false;
            wait_until("strace to begin or to end", || {
                let status = fs::read_to_string(&status).unwrap();
                is_traced = !status.contains("TracerPid:\t0\n");
                is_traced || strace.try_wait().unwrap().is_some()
            });
            for child in [&mut strace, &mut sleeper] {
                child.kill().unwrap();
                child.wait().unwrap();
            }
            is_traced
        };
        if !may {
            eprintln!("skipped: strace may not attach to a process here");
        }
        may
    })
}

/// Another program that has locked the database.
struct Locked(Connection);

impl Locked {
    fn begin(store: &Store) -> Self {
        let connection = Connection::open(&store.file).unwrap();
        connection.busy_timeout(crate::harness::DEADLINE).unwrap();
        connection.execute_batch("BEGIN IMMEDIATE").unwrap();
        Self(connection)
    }

    fn release(self) {
        self.0.execute_batch("ROLLBACK").unwrap();
    }
}

/// Two talk, in the room and in private, and everything that a guest wants is done at once. Nothing of it waits.
#[track_caller]
fn expect_chat(bob: &mut Speaker, guest: &mut Speaker) {
    for number in 0..ROUNDS {
        let text = format!("still here {number}");
        bob.send(&text); // its answer is another matter
        guest.hear(&text);
        guest.ok(&format!("@bob:{number}"));
        bob.hear(&number.to_string());
    }
    guest.ok("/names");
    guest.ok("/join elsewhere");
    guest.ok("anybody?");
    guest.ok(&format!("/join {ROOM}"));
}

#[test]
fn lines_are_all_kept_on_a_slow_disk() {
    const LINES: usize = 40;
    for delay_ms in [1, 8] {
        let store = Store::with_accounts(&["alice", "bob"]);
        let daemon = store.start(&["--keep-time", "60"]);
        let [mut alice, mut bob] = ["alice", "bob"].map(|name| enter(&daemon, name));
        let Some(_disk) = SlowDisk::of(&daemon, delay_ms) else {
            return;
        };
        let text = |number: usize| format!("line {number}");
        for number in 0..LINES {
            alice.send(&text(number));
        }
        let said: Vec<(u64, String)> = (0..LINES)
            .map(|number| (id_of(&alice.expect_ok()), text(number)))
            .collect();
        for number in 0..LINES {
            bob.hear(&text(number));
        }
        let kept: Vec<(u64, String)> = bob.history(ROOM).iter().map(line_of).collect();
        assert_eq!(kept, said);
    }
}

#[test]
fn disk_that_stands_still_stops_nobody_and_answers_come_in_order() {
    let store = Store::with_accounts(&["alice", "bob", "carol"]);
    let daemon = store.start(&["--keep-time", "3600"]);
    let [mut alice, mut bob] = ["alice", "bob"].map(|name| enter(&daemon, name));
    let mut guest = Speaker::join(&daemon, "guest");
    guest.ok(&format!("/join {ROOM}"));
    // Each sync takes a quarter of an hour.
    let Some(disk) = SlowDisk::of(&daemon, 1_000_000) else {
        return;
    };
    alice.send("one");
    alice.send("@carol:waits");
    alice.send("two");
    alice.send("/names");
    alice.send("/ping behind");
    bob.hear("one");
    bob.hear("two");
    guest.hear("two");
    expect_chat(&mut bob, &mut guest);
    // What was said meanwhile came before the first answer of what waits for the disk.
    let mut heard = 0;
    while heard < ROUNDS {
        let object = alice.next_object().unwrap();
        let kind = object["type"].as_str().unwrap();
        assert!(
            kind != "ok" && kind != "error",
            "answered too soon: {object}"
        );
        let text = object["text"].as_str();
        heard += usize::from(text.is_some_and(|text| text.starts_with("still here")));
    }
    disk.release();
    let ids = ["one", "waits", "two"].map(|_| id_of(&alice.expect_ok()));
    assert!(ids.is_sorted());
    assert!(alice.expect_ok().get("users").is_some(), "of /names");
    assert_eq!(alice.expect_ok()["text"], "pong behind");
    let lines = guest.history(ROOM);
    assert_eq!(lines.len(), ROUNDS + 2);
    assert_eq!(id_of(&lines[0]), ids[0]);
}

#[test]
fn slow_disk_is_told_once_its_time_is_up_and_may_keep_yet() {
    let store = Store::with_accounts(&["alice", "bob"]);
    let daemon = store.start(&["--keep-time", "1"]);
    let [mut alice, mut bob] = ["alice", "bob"].map(|name| enter(&daemon, name));
    let Some(disk) = SlowDisk::of(&daemon, 5000) else {
        return;
    };
    alice.send("late");
    bob.hear("late");
    let refused = alice.answer();
    assert_eq!(code_of(&refused), Some("not_kept"), "{refused}");
    let text = refused["text"].as_str().unwrap();
    assert!(text.contains("The disk is slow"), "{text}");
    disk.release();
    // It is kept after all, and not answered again.
    let mut kept = Vec::new();
    wait_until("the line to be kept", || {
        let answer = bob.ask("/history");
        kept = bob.take_heard();
        answer["lines"] == 1
    });
    assert_eq!(kept[0]["text"], "late");
    assert_eq!(alice.ok("/ping")["type"], "ok");
}

#[test]
fn disk_that_stands_still_does_not_keep_the_daemon_from_its_exit() {
    let store = Store::with_accounts(&["alice", "bob"]);
    let mut daemon = store.start(&["--shutdown-time", "1"]);
    let [mut alice, mut bob] = ["alice", "bob"].map(|name| enter(&daemon, name));
    let before = alice.ok("before");
    let Some(disk) = SlowDisk::of(&daemon, 1_000_000) else {
        return;
    };
    alice.send("never kept");
    bob.hear("never kept");
    daemon.signal(Signal::TERM);
    // The process is at its end while strace still has one of its threads.
    wait_until("the exit", || is_zombie(&daemon));
    disk.release();
    assert_eq!(daemon.wait().code(), Some(0));
    daemon.expect_log_count("not all was kept in time", 1);
    let daemon = store.start(&[]);
    let mut reader = enter(&daemon, "bob");
    let lines = reader.history(ROOM);
    assert_eq!(id_of(&lines[0]), id_of(&before));
    end(daemon);
    store.check();
}

/// The answer to a line for one who hides comes when that to one who is absent does: once it is kept.
#[test]
fn line_for_one_who_hides_is_answered_by_the_disk() {
    let store = Store::with_accounts(&["alice", "heidi", "nobody"]);
    let daemon = store.start(&["--keep-time", "3600"]);
    let [mut alice, mut heidi] = ["alice", "heidi"].map(|name| enter(&daemon, name));
    heidi.ok("/privacy hidden on");
    heidi.ok(&format!("/part {ROOM}"));
    heidi.ok("/part lobby");
    let mut guest = Speaker::join(&daemon, "guest");
    for line in ["@heidi:here", "@nobody:away"] {
        let locked = Locked::begin(&store);
        alice.send(line);
        if line == "@heidi:here" {
            heidi.hear("here");
        }
        for number in 0..ROUNDS {
            guest.ok(&format!("@alice:{number}"));
        }
        let mut heard = 0;
        while heard < ROUNDS {
            let object = alice.next_object().unwrap();
            let kind = object["type"].as_str().unwrap();
            assert!(
                kind != "ok" && kind != "error",
                "answered too soon: {object}"
            );
            heard += usize::from(kind == "private");
        }
        locked.release();
        let answer = alice.expect_ok();
        assert_eq!(answer["waiting"].as_array().unwrap().len(), 1, "{answer}");
    }
}

#[test]
fn program_that_locks_the_store_stops_nobody() {
    let store = Store::with_accounts(&["alice", "bob", "carol"]);
    let daemon = store.start(&["--keep-time", "2"]);
    let [mut alice, mut bob] = ["alice", "bob"].map(|name| enter(&daemon, name));
    let mut guest = Speaker::join(&daemon, "guest");
    guest.ok(&format!("/join {ROOM}"));
    let locked = Locked::begin(&store);
    alice.send("one");
    bob.hear("one");
    expect_chat(&mut bob, &mut guest);
    alice.expect_error("not_kept");
    daemon.wait_for_log("another program has locked the store");
    // A password can be checked, and nothing is kept for it.
    let mut carol = Speaker::connect(&daemon);
    let answer = carol.ask(&format!("/login carol {PASSWORD}"));
    assert!(
        answer["type"] == "ok" || code_of(&answer) == Some("busy"),
        "{answer}"
    );
    alice.send("two");
    alice.expect_error("not_kept");
    locked.release();
    wait_until("lines to be kept again", || {
        alice.ask("again")["type"] == "ok"
    });
    // It was tried each second.
    daemon.expect_log_count("another program has locked the store", 1);
    end(daemon);
    check(&store.file);
}
