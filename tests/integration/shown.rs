//! Every command that the pages show is run, or stands here with a reason.

use std::collections::BTreeSet;
use std::fs;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::harness::{
    Client, Daemon,
    binary::{binary, built},
    wait_for_exit, without_settings,
};
use crate::pages::{blocks, clients, folder_with, programs, shell, with_address};
use crate::tools::{Tool, find};

/// The pages whose commands are run.
const PAGES: [&str; 4] = [
    "README.md",
    "docs/protocol.md",
    "docs/operations.md",
    "docs/load-testing.md",
];

/// How the commands begin that are not run here, and why.
const NOT_RUN: [(&str, &str); 9] = [
    ("cargo run --release", "builds everything"),
    ("cargo build --release", "builds everything"),
    ("cargo test", "is what runs this"),
    (
        "target/release/chinwag-bench",
        "takes half a minute of all processors",
    ),
    (
        "chinwag-bench ",
        "takes minutes, and its own tests read the flags",
    ),
    ("install ", "needs root"),
    ("systemctl ", "needs root, and systemd"),
    (
        "systemd-socket-activate ",
        "is run with other addresses by the tests of passed sockets",
    ),
    ("nc localhost 12345", "is run as a client of the table"),
];

/// The log that a script shown reads: whatever it is, it must do nothing.
const LOG: &str = "#endif\n/quit\n@alice:from the log\n  indented\nquit\n/nick eve\nthe end";

/// What a command shown is.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    /// Someone called ci, who comes by itself and leaves by itself.
    Script,
    /// A script that logs in by a token in a file.
    Login,
    /// A filter of a client's lines.
    Filter,
    /// Work on a store.
    Store,
    /// A daemon that is started.
    Daemon,
    NotRun,
}

fn kind_of(command: &str) -> Option<Kind> {
    if NOT_RUN.iter().any(|(start, _)| command.starts_with(start)) {
        Some(Kind::NotRun)
    } else if command.starts_with("while ") {
        Some(Kind::Filter)
    } else if command.contains("/chat.db") {
        Some(Kind::Store)
    } else if command.contains("~/.chinwag") {
        Some(Kind::Login)
    } else if command.contains("chinwag --listen ") {
        Some(Kind::Daemon)
    } else if command.contains("12345") && command.contains("#ci") {
        Some(Kind::Script)
    } else {
        None
    }
}

/// All commands of the pages' shell blocks. One ends with the first line at which the shell has all of it.
fn commands() -> Vec<String> {
    let mut commands = Vec::new();
    let blocks = PAGES.into_iter().flat_map(blocks);
    for block in blocks.filter(|block| block.language == "sh") {
        let mut command = String::new();
        for line in block.text.lines() {
            command.push_str(line);
            let check = Command::new("/bin/sh")
                .args(["-nc", &command])
                .stderr(Stdio::null())
                .status();
            if check.unwrap().success() {
                commands.push(std::mem::take(&mut command));
            } else {
                command.push('\n');
            }
        }
        assert!(command.is_empty(), "{}: no command: {command}", block.page);
    }
    assert!(commands.len() > 15, "the pages were not understood");
    commands
}

fn commands_that_are(kind: Kind) -> Vec<String> {
    let mut commands = commands();
    commands.retain(|command| kind_of(command) == Some(kind));
    assert!(!commands.is_empty(), "the pages show none");
    commands
}

/// The first script of the README.
pub fn first_script() -> String {
    commands_that_are(Kind::Script).remove(0)
}

/// The folder for scripts, if all their programs are there.
fn programs_of_scripts() -> Option<TempDir> {
    for name in ["bash", "expect", "jq", "python3"] {
        find(name, &[name])?;
    }
    programs()
}

#[test]
fn each_command_shown_is_run_or_has_a_reason() {
    let commands = commands();
    for command in &commands {
        assert!(kind_of(command).is_some(), "no test runs: {command}");
    }
    for (start, reason) in NOT_RUN {
        let is_shown = commands.iter().any(|command| command.starts_with(start));
        assert!(is_shown, "no page shows {start} any longer, which {reason}");
    }
    for command in commands.iter().filter(|command| command.starts_with("nc ")) {
        assert!(
            clients().iter().any(|row| row.join == *command),
            "{command}"
        );
    }
    let labels: BTreeSet<String> = clients().into_iter().map(|row| row.label).collect();
    assert_eq!(labels.len(), clients().len(), "a client has two rows");
}

/// Alice, while ci is there: what it said, but for its coming and going.
fn said_by_ci(alice: &mut Client) -> Vec<String> {
    alice.expect_line("* ci has joined lobby.");
    let mut said = Vec::new();
    loop {
        let line = alice.line();
        match line.as_str() {
            "* ci has left lobby." => return said,
            "@ci: deploy?" => alice.send("@ci:yes"),
            _ => {}
        }
        said.push(line);
    }
}

#[test]
fn scripts_shown_do_what_they_say() {
    let Some(programs) = programs_of_scripts() else {
        return;
    };
    for script in commands_that_are(Kind::Script) {
        let daemon = Daemon::start(&[]);
        let mut alice = daemon.join("alice");
        // After /raw on, a log can end that, and nothing else.
        let log = if script.contains("/raw on") {
            LOG.to_owned()
        } else {
            format!("/raw off\n{LOG}")
        };
        fs::write(programs.path().join("build.log"), &log).unwrap();
        let mut shell = Tool::start(&mut shell(
            &programs,
            &with_address(&script, daemon.address()),
        ));
        shell.end_input();
        let said = said_by_ci(&mut alice);
        shell.expect_success();
        let is_told = |part: &str| said.iter().any(|line| line.contains(part));
        if script.contains("build.log") {
            let lines: Vec<String> = log.lines().map(|line| format!("ci: {line}")).collect();
            assert_eq!(said, lines, "{script}");
        } else if script.contains("/names") {
            assert_eq!(shell.shown(), "alice\nci\n", "{script}");
        } else {
            assert!(
                is_told("@ci: build ") || is_told("@ci: deploy?"),
                "{script}"
            );
        }
    }
}

#[test]
fn script_that_must_know_fails_if_refused_or_alone() {
    let Some(programs) = programs_of_scripts() else {
        return;
    };
    let scripts = commands_that_are(Kind::Script);
    let script = scripts.iter().find(|script| script.contains("exit bad"));
    let script = script.expect("a script that must know");
    let daemon = Daemon::start(&[]);
    let address = daemon.address();
    let run = || {
        let mut shell = Tool::start(&mut shell(&programs, &with_address(script, address)));
        shell.end_input();
        let is_success = shell.expect_end().success();
        (is_success, shell.shown())
    };
    let no_alice = "! There is no user alice. /names * lists everyone.\n".to_owned();
    assert_eq!(run(), (false, no_alice));
    drop(daemon);
    assert_eq!(run(), (false, String::new()), "nobody listens");
}

#[test]
fn script_that_asks_fails_without_a_yes() {
    let Some(programs) = programs_of_scripts() else {
        return;
    };
    let scripts = commands_that_are(Kind::Script);
    let script = scripts.iter().find(|script| script.contains("deploy?"));
    let script = script.expect("a script that asks");
    let quick = script.replace("set timeout 60", "set timeout 5");
    assert_ne!(*script, quick);
    let daemon = Daemon::start(&[]);
    let mut alice = daemon.join("alice");
    let line = with_address(&quick, daemon.address());
    let mut shell = Tool::start(&mut shell(&programs, &line));
    alice.expect_lines(&["* ci has joined lobby.", "@ci: deploy?"]);
    alice.send("@ci:no");
    assert!(!shell.expect_end().success());
    alice.expect_line("* ci has left lobby.");
}

/// An account of this name, and a token of it.
fn account(daemon: &Daemon, name: &str) -> (Client, String) {
    let mut client = daemon.join(name);
    client.send("/account new");
    client.read_until_starting("* Choose a password");
    client.send("a password of mine");
    client.read_until_starting(&format!("* {name} is yours now"));
    client.send("/token home");
    let token = client.read_until_starting("* Keep this, it is shown once: ");
    let token = token.rsplit(' ').next().unwrap().to_owned();
    (client, token)
}

#[test]
fn script_with_a_token_leaves_a_message_for_someone_who_is_not_there() {
    let Some(programs) = programs() else {
        return;
    };
    for script in commands_that_are(Kind::Login) {
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().join("chat.db");
        let daemon = Daemon::start(&["--store", store.to_str().unwrap()]);
        let (alice, alices) = account(&daemon, "alice");
        let (mut ci, cis) = account(&daemon, "ci");
        drop(alice);
        ci.read_until("* alice has left lobby.");
        let file = programs.path().join(".chinwag");
        fs::write(file, format!("/login ci {cis}\n")).unwrap();
        let line = with_address(&script, daemon.address());
        let mut shell = shell(&programs, &line);
        let mut shell = Tool::start(shell.env("HOME", programs.path()));
        shell.end_input();
        shell.expect("* alice is not here; it waits.\n");
        shell.expect("* Bye.\n");
        shell.expect_success();
        let mut alice = daemon.connect();
        alice.send(&format!("/login alice {alices}"));
        let late = alice.read_until_starting("* 1 private message waited");
        assert!(alice.line().ends_with(" @ci: build ok"), "{late}");
    }
}

#[test]
fn filter_shown_sorts_lines_by_their_first_bytes() {
    for filter in commands_that_are(Kind::Filter) {
        let daemon = Daemon::start(&[]);
        let mut alice = daemon.join("alice");
        let bob = std::net::TcpStream::connect(daemon.address()).unwrap();
        let mut child = Command::new("/bin/sh")
            .args(["-c", &filter])
            .stdin(std::os::fd::OwnedFd::from(bob.try_clone().unwrap()))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let send = |line: &str| std::io::Write::write_all(&mut &bob, line.as_bytes()).unwrap();
        send("#bob\n/foo\n");
        alice.expect_line("* bob has joined lobby.");
        alice.send("good: morning");
        alice.send("@bob:psst: you");
        alice.barrier();
        send("/quit\n");
        wait_for_exit(&mut child);
        let output = child.wait_with_output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let said = "said: alice: good: morning\nprivate from alice: psst: you\n";
        assert_eq!(text(&output.stdout), said);
        assert!(text(&output.stderr).starts_with("! There is no /foo."));
    }
}

/// The commands of one page work one after another, on the store of a daemon that was ended.
#[test]
fn store_is_looked_after_as_shown() {
    let Some(programs) = folder_with("sqlite3", "SQLite's shell", &["sqlite3"]) else {
        return;
    };
    // Not under the unit's filter: an operator types these in a shell.
    std::os::unix::fs::symlink(built(), programs.path().join("chinwag")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (lib, backups) = (folder.path().join("lib"), folder.path().join("backups"));
    fs::create_dir(&backups).unwrap();
    let store = lib.join("chat.db");
    let mut daemon = Daemon::start(&["--store", store.to_str().unwrap()]);
    let (alice, _) = account(&daemon, "alice");
    for command in commands_that_are(Kind::Store) {
        if daemon.is_running() && command.contains("reset-password") {
            daemon.signal(rustix::process::Signal::TERM);
            daemon.wait();
        }
        let line = command
            .replace("/var/lib/chinwag", lib.to_str().unwrap())
            .replace("/var/backups", backups.to_str().unwrap());
        let output = shell(&programs, &line).output().unwrap();
        let [out, err] = [&output.stdout, &output.stderr].map(|b| String::from_utf8_lossy(b));
        assert!(output.status.success(), "{command}: {out}{err}");
        assert_eq!(err, "", "{command}");
    }
    drop(alice);
    // What came back is what was there.
    let restored = Daemon::start(&["--store", store.to_str().unwrap()]);
    let mut bob = restored.connect();
    bob.send("#alice");
    bob.read_until_starting("! alice is an account.");
}

#[test]
fn daemon_starts_as_shown() {
    if std::net::TcpListener::bind("[::1]:0").is_err() {
        eprintln!("skipped: no IPv6");
        return;
    }
    for line in commands_that_are(Kind::Daemon) {
        let folder = tempfile::tempdir().unwrap();
        let words = shlex::split(line.split("   #").next().unwrap()).unwrap();
        let flags: Vec<String> = words[1..]
            .iter()
            .map(|word| word.replace(":12345", ":0"))
            .map(|word| word.replace("/run/chinwag", &folder.path().display().to_string()))
            .collect();
        let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
        let command = without_settings(Command::new(binary()));
        let daemon = Daemon::start_as(command, &flags);
        let count = flags.iter().filter(|flag| **flag == "--listen").count();
        assert_eq!(daemon.addresses.len(), count, "{line}");
    }
}
