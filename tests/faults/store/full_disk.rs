//! The disk is full, and has room again.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::Signal;
use tempfile::TempDir;

use super::{PASSWORD, ROOM, Store, enter, line_of, make_accounts};
use crate::harness::speaker::{Speaker, code_of, id_of};
use crate::harness::{Daemon, program, wait_until};

/// Lines that the journal may have room for on a full disk, as it is not cut after each copy.
const LINES_MAX: usize = 5000;

/// A daemon whose store is on a small disk of its own, which goes with it.
struct SmallDisk {
    daemon: Daemon,
    /// The disk's folder, as the daemon names it.
    folder: TempDir,
}

impl SmallDisk {
    /// `None` where no file system of one's own can be had.
    fn start() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let disk = folder.path().to_str().unwrap();
        if !Command::new("unshare")
            .args(["-rm", "mount", "-t", "tmpfs", "none", disk])
            .status()
            .is_ok_and(|status| status.success())
        {
            eprintln!("skipped: no file system of one's own can be had here");
            return None;
        }
        let inner = program();
        let mut command = Command::new("unshare");
        for (variable, value) in inner.get_envs() {
            match value {
                Some(value) => command.env(variable, value),
                None => command.env_remove(variable),
            };
        }
        let script = format!("mount -t tmpfs -o size=4m none {disk} && exec \"$0\" \"$@\"");
        command.args(["-rm", "sh", "-c", &script]);
        command.arg(inner.get_program());
        let file = folder.path().join("chat.db");
        let daemon = Daemon::start_as(command, &["--store", file.to_str().unwrap()]);
        Some(Self { daemon, folder })
    }

    /// The disk's folder, as this process names it.
    fn path(&self) -> PathBuf {
        let root = format!("/proc/{}/root", self.daemon.pid().as_raw_nonzero());
        let folder = self.folder.path().strip_prefix("/").unwrap();
        Path::new(&root).join(folder)
    }

    fn ballast(&self) -> PathBuf {
        self.path().join("ballast")
    }

    /// Takes all the room that is left.
    fn fill(&self) {
        let mut ballast = File::options();
        let mut ballast = ballast
            .create(true)
            .append(true)
            .open(self.ballast())
            .unwrap();
        loop {
            match ballast.write(&[0; 512]) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::StorageFull => return,
                Err(error) => panic!("{error}"),
            }
        }
    }

    fn empty(&self) {
        fs::remove_file(self.ballast()).unwrap();
    }

    /// Kills the daemon, and copies what it leaves.
    fn kill(mut self) -> Store {
        // The disk lives on as long as it is open.
        let disk = File::open(self.path()).unwrap();
        let left = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&disk));
        self.daemon.signal(Signal::KILL);
        self.daemon.wait();
        let store = Store::new();
        for name in ["chat.db", "chat.db-wal"] {
            let from = Path::new(&left).join(name);
            fs::copy(from, store.file.with_file_name(name)).unwrap();
        }
        store
    }
}

#[test]
fn full_disk_stops_no_chat_and_keeps_again_when_it_has_room() {
    let Some(disk) = SmallDisk::start() else {
        return;
    };
    let daemon = &disk.daemon;
    make_accounts(daemon, &["alice", "bob", "carol"]);
    let [mut alice, mut bob] = ["alice", "bob"].map(|name| enter(daemon, name));
    let mut kept = vec![line_of_said(&alice.ok("before"), "before")];
    bob.hear("before");

    disk.fill();
    let mut number = 0;
    // Each line is heard, whatever becomes of it.
    let mut say = |kept: &mut Vec<(u64, String)>| {
        number += 1;
        let text = format!("{number} {}", "x".repeat(500));
        let answer = alice.ask(&text);
        let heard = bob.hear(&text);
        if answer["type"] == "ok" {
            assert_eq!(id_of(&answer), id_of(&heard));
            kept.push((id_of(&answer), text));
            return true;
        }
        assert_eq!(code_of(&answer), Some("not_kept"), "{answer}");
        false
    };
    let refused_at = (0..LINES_MAX).find(|_| !say(&mut kept));
    assert!(refused_at.is_some(), "a full disk keeps everything");
    for _ in 0..20 {
        say(&mut kept);
    }
    daemon.wait_for_log("nothing is kept until there is room again");
    // What promises to be kept is refused, and not done.
    let [mut alice, mut bob] = [alice, bob];
    alice.refused("@carol:waits", "not_kept");
    let mut erin = Speaker::join(daemon, "erin");
    erin.ok("/account new");
    let refused = erin.ask(PASSWORD);
    assert_eq!(code_of(&refused), Some("not_kept"), "{refused}");
    assert!(erin.ok("/account").get("since").is_none());
    // Nobody waits for the disk where nothing is kept.
    erin.ok("@bob:hello");
    bob.hear("hello");

    disk.empty();
    wait_until("lines to be kept again", || {
        let text = "room again";
        let answer = alice.ask(text);
        bob.hear(text);
        if answer["type"] == "ok" {
            kept.push((id_of(&answer), text.to_owned()));
        }
        answer["type"] == "ok"
    });
    let waits = alice.ok("@carol:waits after all");
    assert_eq!(waits["waiting"], serde_json::json!(["carol"]));
    erin.ok("/account new");
    erin.ok(PASSWORD);

    let store = disk.kill();
    let daemon = store.start(&[]);
    let mut reader = enter(&daemon, "bob");
    let lines: Vec<(u64, String)> = reader.history(ROOM).iter().map(line_of).collect();
    assert!(lines.is_sorted_by(|one, next| one.0 < next.0));
    for line in &kept {
        assert!(
            lines.contains(line),
            "answered with ok, and not kept: {line:?}"
        );
    }
    let mut carol = Speaker::login(&daemon, "carol", PASSWORD);
    let late = carol
        .take_heard()
        .into_iter()
        .filter(|heard| heard["late"] == true);
    let late: Vec<(u64, String)> = late.map(|heard| line_of(&heard)).collect();
    assert_eq!(late, [(id_of(&waits), "waits after all".to_owned())]);
    Speaker::login(&daemon, "erin", PASSWORD);
    super::end(daemon);
    store.check();
}

fn line_of_said(answer: &serde_json::Value, text: &str) -> (u64, String) {
    (id_of(answer), text.to_owned())
}
