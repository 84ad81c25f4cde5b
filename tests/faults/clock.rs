//! The wall clock is set: forwards, backwards, and while deadlines are pending.
//!
//! A test cannot set the machine's own clock. The daemon runs with libfaketime, which shows it
//! another time of day and leaves the monotonic clock alone; a file with the offset is rewritten
//! while the daemon runs.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rustix::process::Signal;
use tempfile::TempDir;

use crate::harness::{Client, Daemon, program};

pub const DAY: i64 = 86_400;

/// The folders of Debian, Fedora and Alpine.
const FOLDERS: [&str; 4] = [
    "/usr/lib/x86_64-linux-gnu/faketime",
    "/usr/lib/aarch64-linux-gnu/faketime",
    "/usr/lib64/faketime",
    "/usr/lib/faketime",
];

fn libfaketime() -> Option<PathBuf> {
    let found = FOLDERS
        .iter()
        .map(|folder| Path::new(folder).join("libfaketime.so.1"))
        .find(|path| path.exists());
    assert!(
        found.is_some() || std::env::var_os("CHINWAG_REQUIRE_TOOLS").is_none(),
        "libfaketime is missing, and CHINWAG_REQUIRE_TOOLS is set"
    );
    if found.is_none() {
        eprintln!("skipped: libfaketime is not installed");
    }
    found
}

/// A daemon, and its wall clock.
pub struct ClockedDaemon {
    pub daemon: Daemon,
    folder: TempDir,
    /// Files of the library that survive a killed process: the next one with the same number would wait for
    /// ever for the semaphore of the first.
    left_behind: [PathBuf; 2],
}

impl Drop for ClockedDaemon {
    fn drop(&mut self) {
        for path in &self.left_behind {
            let _ = fs::remove_file(path); // absent after an orderly exit
        }
    }
}

impl ClockedDaemon {
    /// `None` where there is no libfaketime.
    pub fn start(flags: &[&str]) -> Option<Self> {
        Self::start_at(0, flags)
    }

    /// The same, with a clock that is so many seconds ahead from the start.
    pub fn start_at(seconds: i64, flags: &[&str]) -> Option<Self> {
        let library = libfaketime()?;
        let folder = tempfile::tempdir().unwrap();
        let mut command = program();
        command
            .env("LD_PRELOAD", library)
            .env("DONT_FAKE_MONOTONIC", "1")
            .env("FAKETIME_NO_CACHE", "1")
            .env("FAKETIME_TIMESTAMP_FILE", folder.path().join("offset"));
        set(&folder, seconds);
        let daemon = Daemon::start_as(command, flags);
        let pid = daemon.pid().as_raw_nonzero();
        let left_behind = ["sem.faketime_sem_", "faketime_shm_"];
        Some(Self {
            left_behind: left_behind.map(|name| format!("/dev/shm/{name}{pid}").into()),
            daemon,
            folder,
        })
    }

    /// Sets the offset of the daemon's wall clock.
    fn set(&self, seconds: i64) {
        set(&self.folder, seconds);
    }

    /// Sets the offset, and sees in JSON's `time` that the daemon noticed.
    pub fn jump(&self, seconds: i64) {
        self.set(seconds);
        // Without a name, so that no room is told.
        let mut client = self.daemon.while_stopped(|| {
            let mut client = self.daemon.connect_raw();
            client.send("/mode json"); // at once: its time to register may be short
            client
        });
        let time = client.json()["time"].as_u64().unwrap();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        // The daemon shows no time before 1970.
        let expected = (i64::try_from(now.as_secs()).unwrap() + seconds).max(0);
        let shown = i64::try_from(time / 1000).unwrap();
        assert!((shown - expected).abs() < 60, "{shown} and not {expected}");
    }
}

/// Replaces the file in one step, as the daemon may read it at any moment.
fn set(folder: &TempDir, seconds: i64) {
    let new = folder.path().join("new");
    fs::write(&new, format!("{seconds:+}\n")).unwrap();
    fs::rename(new, folder.path().join("offset")).unwrap();
}

/// Runs a test with the clock set forwards and, at the same time, with another set back.
fn for_each_jump(test: impl Fn(i64) + Sync) {
    thread::scope(|scope| {
        let test = &test;
        for seconds in [DAY, -DAY] {
            scope.spawn(move || test(seconds));
        }
    });
}

#[test]
fn wall_clock_jump_changes_only_the_json_time() {
    let Some(clocked) = ClockedDaemon::start(&[]) else {
        return;
    };
    let [mut alice, mut bob] = clocked.daemon.join_all(["alice", "bob"]);
    // Back to 1969, too, where a clock may start after its battery ran out.
    for seconds in [DAY, -DAY, 4000 * DAY, -21_000 * DAY, 0] {
        clocked.jump(seconds);
        bob.send("still here");
        alice.expect_line("bob: still here");
        alice.send("/whois bob");
        let line = alice.line();
        let times: Vec<&str> = line.split(" for ").collect();
        assert!(times[1].ends_with(" s, idle"), "{line}");
        assert!(times[2].ends_with(" s."), "{line}");
        alice.expect_line("* Rooms you share: lobby.");
        alice.send("/stats");
        let stats = alice.barrier();
        let up = stats[0].split([' ', ';']).skip_while(|word| *word != "for");
        let [_, number, unit] = up.take(3).collect::<Vec<_>>()[..] else {
            panic!("{stats:?}");
        };
        assert!(
            unit == "s" && number.parse::<u64>().unwrap() < 60,
            "{stats:?}"
        );
    }
}

#[test]
fn unregistered_client_is_closed_on_time_after_a_clock_jump() {
    const REGISTER_TIME: Duration = Duration::from_secs(2);
    for_each_jump(|seconds| {
        let Some(clocked) = ClockedDaemon::start(&["--register-time", "2"]) else {
            return;
        };
        let start = Instant::now();
        let mut nameless = clocked.daemon.connect();
        clocked.jump(seconds);
        nameless.expect_line_starting("! You did not register in time.");
        nameless.expect_closed(); // late would be a day
        assert!(start.elapsed() >= REGISTER_TIME.mul_f64(0.9));
    });
}

#[test]
fn shutdown_time_is_unchanged_by_a_clock_jump() {
    const SHUTDOWN_TIME: Duration = Duration::from_secs(2);
    for_each_jump(|seconds| {
        let flags = ["--shutdown-time", "2", "--hard-limit", "16M"];
        let Some(mut clocked) = ClockedDaemon::start(&flags) else {
            return;
        };
        let mut alice = clocked.daemon.join("alice");
        let _sleeper = Client::with_small_window(clocked.daemon.address()).join("sleeper");
        alice.send_bytes(
            format!("@sleeper:{}\n", "x".repeat(4000))
                .repeat(2500)
                .as_bytes(),
        );
        alice.barrier();
        let start = Instant::now();
        clocked.daemon.signal(Signal::TERM);
        clocked.daemon.wait_for_log("shutting down");
        clocked.set(seconds);
        assert_eq!(clocked.daemon.wait().code(), Some(0));
        assert!(start.elapsed() >= SHUTDOWN_TIME.mul_f64(0.9));
        clocked
            .daemon
            .expect_log_count("did not read their last lines", 1);
    });
}
