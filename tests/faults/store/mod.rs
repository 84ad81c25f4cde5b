//! Faults of what things are kept on: the disk, the files, the clock, and the end of the process.

mod clocks;
mod files;
mod full_disk;
mod killed;
mod slow_disk;

use std::path::{Path, PathBuf};

use chinwag::store::maintenance;
use serde_json::Value;
use tempfile::TempDir;

use crate::harness::Daemon;
use crate::harness::speaker::{Speaker, id_of};

const PASSWORD: &str = "correct horse";

/// A room that is kept.
const ROOM: &str = "dev";

/// A folder of its own, and the store in it.
struct Store {
    folder: TempDir,
    file: PathBuf,
}

impl Store {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("chat.db");
        Self { folder, file }
    }

    /// A store with these accounts, the first of which keeps [`ROOM`].
    fn with_accounts(names: &[&str]) -> Self {
        let store = Self::new();
        let daemon = store.start(&[]);
        make_accounts(&daemon, names);
        end(daemon);
        store
    }

    fn flag(&self) -> &str {
        self.file.to_str().unwrap()
    }

    fn start(&self, flags: &[&str]) -> Daemon {
        Daemon::start(&[flags, &["--store", self.flag()]].concat())
    }

    #[track_caller]
    fn check(&self) {
        check(&self.file);
    }
}

/// `SQLite` finds nothing wrong.
#[track_caller]
fn check(file: &Path) {
    if let Err(error) = maintenance::check(file) {
        panic!("{error}");
    }
}

/// Ends a daemon in order.
#[track_caller]
fn end(mut daemon: Daemon) {
    daemon.signal(rustix::process::Signal::TERM);
    assert_eq!(daemon.wait().code(), Some(0));
}

/// Makes accounts, the first of which keeps [`ROOM`].
fn make_accounts(daemon: &Daemon, names: &[&str]) {
    for (number, name) in names.iter().enumerate() {
        let mut speaker = Speaker::with_account(daemon, name, PASSWORD);
        if number == 0 {
            speaker.ok(&format!("/join {ROOM}"));
            speaker.ok("/keep");
        }
        speaker.ok("/quit");
    }
}

/// Logs in, and enters [`ROOM`].
#[track_caller]
fn enter(daemon: &Daemon, name: &str) -> Speaker {
    let mut speaker = Speaker::login(daemon, name, PASSWORD);
    speaker.ok(&format!("/join {ROOM}"));
    speaker
}

/// The ID and the text of a line.
fn line_of(object: &Value) -> (u64, String) {
    let text = object["text"].as_str().expect("a text").to_owned();
    (id_of(object), text)
}
