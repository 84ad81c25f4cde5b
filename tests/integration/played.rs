//! The README's sessions, played again.

use std::sync::{Condvar, Mutex};
use std::thread;
use std::time::Instant;

use tempfile::TempDir;

use crate::harness::{Client, DEADLINE, Daemon};
use crate::pages::{Block, blocks, programs, shell, with_address};
use crate::shown::first_script;
use crate::tools::Tool;

/// What has been typed and shown so far in the two terminals of the session.
#[derive(Default)]
struct Stage {
    lines: Mutex<Vec<String>>,
    changed: Condvar,
}

impl Stage {
    fn show(&self, who: &str, line: &str) {
        self.lines.lock().unwrap().push(format!("{who}: {line}"));
        self.changed.notify_all();
    }

    #[track_caller]
    fn wait_for(&self, who: &str, line: &str) {
        let awaited = format!("{who}: {line}");
        let give_up_at = Instant::now() + DEADLINE;
        let mut lines = self.lines.lock().unwrap();
        while !lines.contains(&awaited) {
            let left = give_up_at.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "never shown: {awaited}\n{lines:#?}");
            lines = self.changed.wait_timeout(lines, left).unwrap().0;
        }
    }
}

/// Whether a line of a terminal came from the server: its first bytes tell.
fn is_received(line: &str) -> bool {
    let is_name = |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric());
    let from = line.strip_prefix('@').unwrap_or(line).split_once(": ");
    ["* ", "! ", "** "]
        .iter()
        .any(|mark| line.starts_with(mark))
        || from.is_some_and(|(name, _)| is_name(name))
}

/// A line with one word for any time in it, and without dates: a test may be there at midnight.
fn without_times(line: &str) -> String {
    let is_like = |word: &str, form: &str| {
        word.len() == form.len()
            && form.chars().zip(word.chars()).all(|(form, c)| match form {
                '0' => c.is_ascii_digit(),
                _ => c == form,
            })
    };
    let words = line.split(' ').filter(|word| !is_like(word, "0000-00-00"));
    let words = words.map(|word| match word.strip_suffix(';').unwrap_or(word) {
        time if is_like(time, "00:00") => "TIME",
        _ => word,
    });
    words.collect::<Vec<_>>().join(" ")
}

/// The terminals that the README shows.
fn sessions() -> [Block; 4] {
    let blocks = blocks("README.md").into_iter();
    let shown: Vec<Block> = blocks.filter(|block| block.language == "console").collect();
    shown.try_into().ok().expect("the sessions were understood")
}

/// Types what a terminal shows as typed, and expects the rest.
fn play(who: &str, shown: &str, daemon: &Daemon, programs: &TempDir, stage: &Stage) {
    let mut lines = shown.lines();
    let join = lines.next().unwrap().strip_prefix("$ ").unwrap();
    let mut terminal = Tool::start(&mut shell(programs, &with_address(join, daemon.address())));
    for line in lines {
        if !is_received(line) {
            terminal.type_in(&format!("{line}\n"));
        } else if let Some(peer) = line.strip_prefix("* You are connected from 127.0.0.1:") {
            assert!(peer.trim_end_matches('.').parse::<u16>().is_ok(), "{line}");
            let shown = terminal.next_line();
            assert!(
                shown.starts_with("* You are connected from 127.0.0.1:"),
                "{shown}"
            );
        } else {
            let shown = terminal.next_line();
            assert_eq!(
                without_times(&shown),
                without_times(line),
                "on {who}'s terminal"
            );
        }
        stage.show(who, line);
    }
}

#[test]
fn session_in_the_readme_is_what_happens() {
    let Some(programs) = programs() else {
        return;
    };
    let daemon = Daemon::start(&[]);
    let [alice, bob, ..] = &sessions();
    let script = first_script();
    let stage = &Stage::default();
    let (daemon, programs) = (&daemon, &programs);
    thread::scope(|scope| {
        scope.spawn(|| play("alice", &alice.text, daemon, programs, stage));
        stage.wait_for("alice", "* You are in lobby, and nobody else is.");
        scope.spawn(|| play("bob", &bob.text, daemon, programs, stage));
        stage.wait_for("alice", "bob: hi! is the build green?");
        let mut carol = daemon.join("carol");
        carol.expect_line("@bob: coffee?");
        carol.send("@bob:in five minutes");
        carol.send("/me fixes the build");
        stage.wait_for("alice", "** carol fixes the build");
        stage.wait_for("bob", "** carol fixes the build");
        let line = with_address(&script, daemon.address());
        let mut shell = Tool::start(&mut shell(programs, &line));
        shell.end_input();
        shell.expect_success();
        stage.wait_for("alice", "* bob has left lobby: lunch");
    });
}

/// Somebody with an account in a room of their own, and not in the lobby.
fn at_work(daemon: &Daemon, name: &str) -> Client {
    let mut client = daemon.join(name);
    client.send("/account new");
    client.read_until_starting("* Choose a password");
    client.send("a password of mine");
    client.read_until_starting(&format!("* {name} is yours now"));
    in_dev(client)
}

fn in_dev(mut client: Client) -> Client {
    client.send("/join dev");
    client.read_until("* What you type is said in dev now.");
    client.send("/part lobby");
    client.read_until_starting("* You have left lobby");
    client
}

#[test]
fn account_in_the_readme_finds_what_was_missed() {
    let Some(programs) = programs() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("chat.db");
    let daemon = Daemon::start(&["--store", store.to_str().unwrap()]);
    let [.., before, after] = &sessions();
    let stage = Stage::default();
    let mut bob = at_work(&daemon, "bob");
    play("alice", &before.text, &daemon, &programs, &stage);
    bob.read_until("* alice has left dev.");
    let mut carol = in_dev(daemon.join("carol"));
    bob.send("the build is red");
    carol.read_until("bob: the build is red");
    carol.send("not mine");
    bob.read_until("carol: not mine");
    bob.send("@alice:can you look at the build?");
    bob.read_until("* alice is not here; it waits.");
    play("alice", &after.text, &daemon, &programs, &stage);
}
