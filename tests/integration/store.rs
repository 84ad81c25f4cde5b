//! What is kept, on a real disk: where it is, who may read it, and what its operator can do with it.

use std::fs;
use std::io::Write;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use rustix::process::Signal;

use crate::harness::{Client, Daemon, program};

const PASSWORD: &str = "correct horse battery";

/// The program with a home of its own and no store named.
fn at_home(home: &Path) -> Command {
    let mut command = program();
    command
        .env_remove("CHINWAG_STORE")
        .env_remove("STATE_DIRECTORY")
        .env_remove("XDG_STATE_HOME")
        .env("HOME", home);
    command
}

fn start_with_store(store: &Path) -> Daemon {
    Daemon::start(&["--store", store.to_str().unwrap()])
}

fn make_account(client: &mut Client, name: &str) {
    client.send("/account new");
    client.read_until_starting("* Choose a password");
    client.send(PASSWORD);
    client.read_until_starting(&format!("* {name} is yours now"));
}

fn log_in(daemon: &Daemon, name: &str, password: &str) -> Client {
    let mut client = daemon.connect();
    client.send(&format!("/login {name} {password}"));
    client.read_until_starting(&format!("* You are {name}"));
    client
}

fn mode_of(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// Ends a daemon in order.
fn finish(mut daemon: Daemon) {
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.wait().code(), Some(0));
}

#[test]
fn store_at_home_is_made_once_there_is_something_to_keep() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join(".local/state/chinwag");
    let file = folder.join("chat.db");
    let daemon = Daemon::start_as(at_home(home.path()), &[]);
    daemon.wait_for_log(&format!("keeps accounts and history in {}", file.display()));
    daemon.wait_for_log("  That file is made once there is something to keep.");
    let mut alice = daemon.join("alice");
    alice.send("hello");
    alice.barrier();
    assert!(!home.path().join(".local").exists(), "nothing is kept yet");
    make_account(&mut alice, "alice");
    assert_eq!((mode_of(&folder), mode_of(&file)), (0o700, 0o600));
    drop(alice);
    finish(daemon);

    let daemon = Daemon::start_as(at_home(home.path()), &[]);
    log_in(&daemon, "alice", PASSWORD);
    assert_eq!(daemon.log_count("That file is made once"), 0, "it is there");
    // Another daemon of this user's runs, and keeps nothing.
    let other = Daemon::start_as(at_home(home.path()), &[]);
    other.wait_for_log("chinwag keeps no accounts and no history: ");
    other.wait_for_log("is in use by another chinwag");
    let mut bob = other.join("bob");
    bob.send("/account new");
    assert!(bob.line().starts_with("! "));
}

#[test]
fn default_place_that_cannot_be_used_costs_a_line_and_a_named_one_the_start() {
    let home = tempfile::tempdir().unwrap();
    let nowhere = home.path().join("file");
    fs::write(&nowhere, "").unwrap();
    for (variable, value) in [("XDG_STATE_HOME", nowhere.to_str().unwrap()), ("HOME", "")] {
        let mut command = at_home(home.path());
        command.env(variable, value);
        let daemon = Daemon::start_as(command, &[]);
        daemon.wait_for_log("chinwag keeps no accounts and no history: ");
        let mut alice = daemon.join("alice");
        for command in ["/account new", "/login bob", "/history", "/keep"] {
            alice.send(command);
            assert!(alice.line().starts_with("! "), "{command}");
        }
    }
    for file in [nowhere.join("chat.db"), home.path().join("a/b/chat.db")] {
        let mut command = program();
        let flags = ["--listen", "127.0.0.1:0", "--store"];
        let output = command.args(flags).arg(&file).output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{told}");
        assert_eq!(told.lines().count(), 1, "{told}");
        assert!(told.contains(home.path().to_str().unwrap()), "{told}");
    }
}

#[test]
fn start_tells_whether_passwords_may_come_from_other_machines() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("chat.db");
    let (here, there) = ("127.0.0.1:0", "0.0.0.0:0");
    for (listen, more, told) in [
        (here, &[][..], None),
        (
            there,
            &[],
            Some("  It takes no passwords from other machines"),
        ),
        (
            there,
            &["--plain-passwords"],
            Some("  It takes passwords from other machines"),
        ),
    ] {
        let flags = ["--store", store.to_str().unwrap(), "--listen", listen];
        let daemon = Daemon::start(&[&flags[..], more].concat());
        daemon.wait_for_log("chinwag keeps accounts and history in ");
        match told {
            Some(told) => drop(daemon.wait_for_log(told)),
            None => assert_eq!(daemon.log_count("passwords"), 0),
        }
        finish(daemon);
    }
}

#[test]
fn account_that_was_answered_outlives_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("chat.db");
    let mut daemon = start_with_store(&store);
    let mut alice = daemon.join("alice");
    make_account(&mut alice, "alice");
    daemon.signal(Signal::KILL);
    daemon.wait();
    let daemon = start_with_store(&store);
    let mut alice = log_in(&daemon, "alice", PASSWORD);
    alice.send("/account");
    alice.read_until_starting("* alice is an account since ");
}

#[test]
fn script_that_logs_in_says_a_line_and_closes_gets_all_its_answers() {
    let folder = tempfile::tempdir().unwrap();
    let daemon = start_with_store(&folder.path().join("chat.db"));
    let [mut alice, mut bob] = daemon.join_all(["alice", "bob"]);
    make_account(&mut alice, "alice");
    make_account(&mut bob, "bob");
    let mut script = daemon.connect();
    script.send_bytes(format!("/login alice {PASSWORD}\n@bob:from a script").as_bytes());
    script.finish_sending();
    let lines = script.read_to_end();
    assert!(lines[0].starts_with("* You are alice"), "{lines:?}");
    assert!(!lines.iter().any(|line| line.starts_with('!')), "{lines:?}");
    bob.read_until("@alice: from a script");
}

/// Ended with this status, and said one line with this in it.
#[track_caller]
fn expect((code, text): (Option<i32>, String), expected: i32, part: &str) {
    assert!(
        code == Some(expected) && text.contains(part),
        "{code:?} {text}"
    );
    assert!(text.ends_with('\n') && text.lines().count() == 1, "{text}");
}

#[test]
fn operator_looks_after_a_store() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("chat.db");
    let copy = folder.path().join("copy.db");
    let run = |words: &[&str]| -> Output {
        let mut command = program();
        command.args(["store", "--store", store.to_str().unwrap()]);
        command.args(words).output().unwrap()
    };
    let text = |output: &Output| {
        let [out, err] =
            [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
        (output.status.code(), format!("{out}{err}"))
    };
    expect(text(&run(&["check"])), 1, "there is no store at");
    let daemon = start_with_store(&store);
    let mut alice = daemon.join("alice");
    make_account(&mut alice, "alice");
    alice.send("/join dev");
    alice.send("/keep");
    alice.read_until_starting("* dev is kept");
    alice.send("kept for \"later\"");
    alice.send("/history"); // it has the line once that is kept
    alice.read_until_starting("* 1 line of dev");

    // Beside the daemon.
    expect(text(&run(&["check"])), 0, "accounts: 1, lines: 1");
    expect(
        text(&run(&["backup", copy.to_str().unwrap()])),
        0,
        "is a copy of",
    );
    expect(
        text(&run(&["backup", copy.to_str().unwrap()])),
        1,
        "is there already",
    );
    let exported = run(&["export"]);
    let exported = String::from_utf8(exported.stdout).unwrap();
    let (account, line) = exported.split_once('\n').unwrap();
    let [account, line] = [account, line].map(|line| {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        line
    });
    assert_eq!(
        (&account["kind"], &account["name"]),
        (&"account".into(), &"alice".into())
    );
    assert_eq!(
        (&line["from"], &line["text"]),
        (&"alice".into(), &"kept for \"later\"".into())
    );
    expect(
        text(&run(&["reset-password", "alice"])),
        1,
        "in use by another chinwag",
    );
    for words in [
        &["suspend", "alice"][..],
        &["unsuspend", "alice"],
        &["unban", "1"],
    ] {
        expect(text(&run(words)), 1, "in use by another chinwag");
    }
    assert_eq!(text(&run(&["bans"])), (Some(0), String::new()));
    drop(alice);
    finish(daemon);

    // While none runs.
    expect(
        text(&run(&["reset-password", "nobody"])),
        1,
        "no account nobody",
    );
    expect(text(&run(&["unban", "3"])), 1, "there is no ban 3");
    expect(text(&run(&["suspend", "nobody"])), 1, "no account nobody");
    expect(text(&run(&["suspend", "alice"])), 0, "alice is suspended");
    let exported = text(&run(&["export"])).1;
    assert!(exported.contains(r#""suspended":"""#), "{exported}");
    expect(text(&run(&["deeds"])), 0, "(offline) suspend alice");
    let deed = text(&run(&["deeds", "--json"])).1;
    let deed: serde_json::Value = serde_json::from_str(&deed).unwrap();
    assert_eq!(
        (&deed["what"], &deed["whom"]),
        (&"suspend".into(), &"alice".into())
    );
    expect(
        text(&run(&["unsuspend", "alice"])),
        0,
        "no longer suspended",
    );
    expect(text(&run(&["check"])), 0, "bans: 0, deeds: 2");
    let made = run(&["reset-password", "alice"]);
    let password = String::from_utf8(made.stdout).unwrap();
    let daemon = start_with_store(&store);
    let mut wrong = daemon.connect();
    wrong.send(&format!("/login alice {PASSWORD}"));
    assert!(wrong.line().starts_with("! "));
    log_in(&daemon, "alice", password.trim_end());
    let copied = start_with_store(&copy);
    log_in(&copied, "alice", PASSWORD);
    for words in [&[][..], &["frobnicate"], &["backup"]] {
        let (code, said) = text(&run(words));
        assert_eq!((code, said.lines().count()), (Some(2), 1), "{said}");
    }
}

#[test]
fn client_that_closes_both_ways_behind_a_password_harms_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let daemon = start_with_store(&folder.path().join("chat.db"));
    let [mut alice] = daemon.join_all(["alice"]);
    make_account(&mut alice, "alice");
    for _ in 0..8 {
        let mut stream = TcpStream::connect(daemon.address()).unwrap();
        let line = format!("/login alice {PASSWORD}\n@alice:x\n");
        stream.write_all(line.as_bytes()).unwrap();
    }
    alice.barrier();
    log_in(&daemon, "alice", PASSWORD);
}
