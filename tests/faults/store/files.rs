//! Files that cannot be used: each is one line that says which, and what to do.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use rusqlite::Connection;
use tempfile::TempDir;

use super::{PASSWORD, ROOM, Store, end, enter};
use crate::harness::speaker::Speaker;
use crate::harness::{Daemon, Killed, program, wait_for_exit};

/// Variables that name a default place.
const PLACES: [&str; 3] = ["STATE_DIRECTORY", "XDG_STATE_HOME", "HOME"];

/// Runs a program that ends by itself.
#[track_caller]
fn run(mut command: Command) -> Output {
    command.args(["--listen", "127.0.0.1:0"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = Killed(child.spawn().unwrap());
    wait_for_exit(&mut child.0);
    let read = |stream: &mut dyn std::io::Read| {
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        bytes
    };
    Output {
        stdout: read(&mut child.0.stdout.take().unwrap()),
        stderr: read(&mut child.0.stderr.take().unwrap()),
        status: child.0.wait().unwrap(),
    }
}

/// The start must fail with one line that holds all of these.
#[track_caller]
fn expect_failure(command: Command, code: i32, parts: &[&str]) {
    let output = run(command);
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
    for part in parts {
        assert!(text.contains(part), "no {part:?} in: {text}");
    }
    assert!(output.stdout.is_empty());
}

fn with_store(file: &Path) -> Command {
    let mut command = program();
    command.arg("--store").arg(file);
    command
}

/// A program that looks for a default place among these alone.
fn with_places(places: &[(&str, &Path)]) -> Command {
    without_power_over(program(), places)
}

fn without_power_over(mut command: Command, places: &[(&str, &Path)]) -> Command {
    command.env_remove("CHINWAG_STORE");
    for variable in PLACES {
        command.env_remove(variable);
    }
    command.envs(places.iter().copied());
    command
}

/// The program as a user who may not read everything, as root may. `None` where that cannot be had.
fn without_power() -> Option<Command> {
    if !rustix::process::geteuid().is_root() {
        return Some(program());
    }
    let namespace = ["--user", "--map-user=1000"];
    let may = Command::new("unshare").args(namespace).arg("true").output();
    if !may.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: root may do everything here");
        return None;
    }
    let inner = program();
    let mut command = crate::harness::without_settings(Command::new("unshare"));
    command.args(namespace).arg(inner.get_program());
    Some(command)
}

/// Names, sizes and bytes of all that is in a folder.
fn contents(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut entries: Vec<(PathBuf, Vec<u8>)> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.clone(), fs::read(path).unwrap_or_default()))
        .collect();
    entries.sort();
    entries
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o7777
}

#[test]
fn second_daemon_at_a_named_store_is_refused_and_touches_nothing() {
    let store = Store::with_accounts(&["alice"]);
    let first = store.start(&[]);
    let mut alice = enter(&first, "alice");
    alice.ok("before");
    let before = contents(store.folder.path());
    let parts = [store.flag(), "in use by another chinwag", "--store"];
    expect_failure(with_store(&store.file), 1, &parts);
    assert_eq!(contents(store.folder.path()), before);
    alice.ok("still kept");
    assert_eq!(alice.history(ROOM).len(), 2);
    // The way is free once the first is gone, even if that was killed.
    first.signal(rustix::process::Signal::KILL);
    drop(first);
    let next = store.start(&[]);
    assert_eq!(enter(&next, "alice").history(ROOM).len(), 2);
}

#[test]
fn second_daemon_at_a_default_place_runs_and_keeps_nothing() {
    let home = tempfile::tempdir().unwrap();
    let places = [("HOME", home.path())];
    let first = Daemon::start_as(with_places(&places), &[]);
    let mut alice = Speaker::with_account(&first, "alice", PASSWORD);
    let file = home.path().join(".local/state/chinwag/chat.db");
    let second = Daemon::start_as(with_places(&places), &[]);
    let file = file.to_str().unwrap();
    let told = second.wait_for_log("keeps no accounts and no history");
    assert!(
        told.contains(file) && told.contains("in use by another chinwag"),
        "{told}"
    );
    let mut bob = Speaker::join(&second, "bob");
    bob.ok("chat goes on");
    for line in [
        "/account new",
        "/login alice",
        "/keep",
        "/history",
        "/unread",
        "/token x",
    ] {
        bob.refused(line, "no_store");
    }
    // It does not take the store over later.
    alice.ok("/quit");
    end(first);
    bob.refused("/login alice", "no_store");
    end(second);
    let third = Daemon::start_as(with_places(&places), &[]);
    Speaker::login(&third, "alice", PASSWORD);
}

/// What becomes of a file, in a word.
type Damage<'a> = (&'a str, &'a dyn Fn(&File));

#[test]
fn damaged_store_is_refused_in_one_line_and_left_as_it_is() {
    let whole = Store::with_accounts(&["alice"]);
    let daemon = whole.start(&[]);
    let mut alice = enter(&daemon, "alice");
    for number in 0..200 {
        alice.send(&format!("{number} {}", "x".repeat(300)));
        alice.expect_ok();
    }
    end(daemon);
    let bytes = fs::read(&whole.file).unwrap();
    let damages: [Damage<'_>; 4] = [
        ("is damaged", &|file| {
            file.set_len(bytes.len() as u64 / 2).unwrap();
        }),
        ("is damaged", &|file| {
            for page in 1..bytes.len() as u64 / 4096 {
                file.write_all_at(&[0x5a; 700], page * 4096 + 100).unwrap();
            }
        }),
        ("is not a database of chinwag's", &|file| {
            file.write_all_at(b"a shopping list: milk, bread", 0)
                .unwrap();
        }),
        ("is not a database of chinwag's", &|file| {
            file.set_len(7).unwrap();
        }),
    ];
    for (named, damage) in damages {
        let store = Store::new();
        fs::copy(&whole.file, &store.file).unwrap();
        damage(&File::options().write(true).open(&store.file).unwrap());
        let before = fs::read(&store.file).unwrap();
        expect_failure(
            with_store(&store.file),
            1,
            &[store.flag(), named, "move it away"],
        );
        assert!(
            fs::read(&store.file).unwrap() == before,
            "{named}: it was changed"
        );
    }
}

#[test]
fn another_programs_or_a_newer_store_is_refused_and_left_as_it_is() {
    let store = Store::with_accounts(&["alice"]);
    let version = |file: &Path, number: i32| {
        let connection = Connection::open(file).unwrap();
        connection
            .pragma_update(None, "user_version", number)
            .unwrap();
    };
    version(&store.file, 99);
    let before = fs::read(&store.file).unwrap();
    let parts = [
        store.flag(),
        "has version 99",
        "none above",
        "run a newer chinwag",
    ];
    expect_failure(with_store(&store.file), 1, &parts);
    assert!(fs::read(&store.file).unwrap() == before);
    let other = Store::new();
    let connection = Connection::open(&other.file).unwrap();
    connection
        .execute_batch("CREATE TABLE recipe(name TEXT)")
        .unwrap();
    drop(connection);
    for number in [0, 1] {
        version(&other.file, number);
        let before = fs::read(&other.file).unwrap();
        let parts = [other.flag(), "is not a database of chinwag's", "--store"];
        expect_failure(with_store(&other.file), 1, &parts);
        assert!(fs::read(&other.file).unwrap() == before, "it was changed");
    }
}

#[test]
fn place_that_is_missing_or_no_folder_is_named_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("a/b/chat.db");
    let parent = folder.path().join("a");
    let parts = [
        missing.to_str().unwrap(),
        parent.to_str().unwrap(),
        "make it",
    ];
    expect_failure(with_store(&missing), 1, &parts);
    assert!(!parent.exists());
    // A folder where the file should be, and a file where the folder should be.
    let parts = [folder.path().to_str().unwrap(), "--store"];
    expect_failure(with_store(folder.path()), 1, &parts);
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    expect_failure(
        with_store(&file.join("chat.db")),
        1,
        &[file.to_str().unwrap(), "--store"],
    );
    assert_eq!(fs::read(&file).unwrap(), b"");
}

#[test]
fn store_that_may_not_be_used_is_named_in_one_line() {
    let store = Store::with_accounts(&["alice"]);
    let folder = store.folder.path();
    for (path, bad) in [(&*store.file, 0o000), (&store.file, 0o400), (folder, 0o500)] {
        let Some(mut command) = without_power() else {
            return;
        };
        let new = folder.join("new.db");
        let file = if path == folder { &new } else { &store.file };
        let before = mode(path);
        fs::set_permissions(path, Permissions::from_mode(bad)).unwrap();
        command.arg("--store").arg(file);
        expect_failure(command, 1, &[file.to_str().unwrap(), "--store"]);
        fs::set_permissions(path, Permissions::from_mode(before)).unwrap();
    }
}

#[test]
fn default_place_that_cannot_be_used_is_told_and_the_daemon_runs() {
    let home = tempfile::tempdir().unwrap();
    let in_the_way = home.path().join(".local");
    fs::write(&in_the_way, "").unwrap();
    for (places, why) in [
        (&[("HOME", home.path())][..], in_the_way.to_str().unwrap()),
        (&[], "neither STATE_DIRECTORY, XDG_STATE_HOME nor HOME"),
    ] {
        let daemon = Daemon::start_as(with_places(places), &[]);
        let told = daemon.wait_for_log("keeps no accounts and no history");
        assert!(told.contains(why), "{told}");
        Speaker::join(&daemon, "bob").refused("/account new", "no_store");
        end(daemon);
    }
    if let Some(command) = without_power() {
        let home = tempfile::tempdir().unwrap();
        fs::set_permissions(home.path(), Permissions::from_mode(0o500)).unwrap();
        let command = without_power_over(command, &[("HOME", home.path())]);
        let daemon = Daemon::start_as(command, &[]);
        let told = daemon.wait_for_log("keeps no accounts and no history");
        assert!(told.contains(home.path().to_str().unwrap()), "{told}");
    }
}

#[test]
fn flags_that_need_a_store_are_refused_without_one() {
    for flags in [&["--keep-lobby", "3"][..], &["--search"]] {
        let mut command = program();
        command.args(["--store", "none"]).args(flags);
        expect_failure(command, 2, &[flags[0], "--store is none"]);
    }
}

/// The file in a folder of this kind.
struct Place {
    _folder: TempDir,
    root: PathBuf,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().to_owned();
        Self {
            _folder: folder,
            root,
        }
    }
}

#[test]
fn default_place_is_made_private_and_not_before_there_is_something_to_keep() {
    let [unit, xdg, home] =
        [Place::new(), Place::new(), Place::new()].map(|place| (place.root.clone(), place));
    let list = PathBuf::from(format!("{}:{}", unit.0.display(), home.0.display()));
    for (places, file) in [
        (
            &[
                ("STATE_DIRECTORY", &*list),
                ("XDG_STATE_HOME", &xdg.0),
                ("HOME", &home.0),
            ][..],
            unit.0.join("chat.db"),
        ),
        (
            &[("XDG_STATE_HOME", &*xdg.0), ("HOME", &home.0)],
            xdg.0.join("chinwag/chat.db"),
        ),
        (
            &[("XDG_STATE_HOME", Path::new("relative")), ("HOME", &home.0)],
            home.0.join(".local/state/chinwag/chat.db"),
        ),
    ] {
        // A umask that would let everybody read.
        let mut command = crate::harness::program_with_umask("000");
        command = without_power_over(command, places);
        let daemon = Daemon::start_as(command, &[]);
        let told = daemon.wait_for_log("keeps accounts and history in");
        assert!(told.contains(file.to_str().unwrap()), "{told}");
        let mut alice = Speaker::join(&daemon, "alice");
        alice.ok("hello");
        alice.ok("/account");
        let root = places.iter().find(|(_, path)| file.starts_with(path));
        let root = root.map_or(&*unit.0, |(_, path)| path);
        assert_eq!(fs::read_dir(root).unwrap().count(), 0, "something was made");
        alice.ok("/account new");
        alice.ok(PASSWORD);
        let folder = file.parent().unwrap();
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            assert_eq!(mode(&path), 0o600, "{}", path.display());
        }
        if folder != root {
            assert_eq!(mode(folder), 0o700);
        }
        end(daemon);
        Speaker::login(
            &Daemon::start_as(with_places(places), &[]),
            "alice",
            PASSWORD,
        );
    }
    assert!(!Path::new("relative").exists());
}
