//! Accounts as people use them: by pipes, in terminals, and from several of them at once.

use std::fs;
use std::process::Command;

use tempfile::TempDir;

use crate::harness::speaker::Speaker;
use crate::harness::{Client, Daemon};
use crate::tools::{Tool, find, telnet};

const PASSWORD: &str = "correct horse";

struct Store {
    folder: TempDir,
    daemon: Daemon,
}

/// A daemon with the account alice, who is not here, and with a kept room.
fn start() -> Store {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("chat.db");
    let daemon = Daemon::start(&["--store", file.to_str().unwrap()]);
    Speaker::with_account(&daemon, "alice", PASSWORD).ok("/quit");
    Store { folder, daemon }
}

/// nc, which half-closes at the end of its input.
fn nc(daemon: &Daemon) -> Option<Tool> {
    let nc = find("OpenBSD netcat", &["nc.openbsd", "nc"])?;
    let address = daemon.address();
    let mut command = Command::new(nc);
    command.args(["-N", &address.ip().to_string(), &address.port().to_string()]);
    Some(Tool::start(&mut command))
}

#[test]
fn piped_login_and_message_are_carried_out_and_answered_before_the_end() {
    let store = start();
    let daemon = &store.daemon;
    let mut bob = daemon.join("bob");
    for login in [
        format!("/login alice {PASSWORD}"),
        format!("/login alice\n{PASSWORD}"),
    ] {
        let Some(mut pipe) = nc(daemon) else {
            return;
        };
        // An unfinished line at the end counts, too.
        pipe.type_in(&format!(
            "{login}\n@bob:from a script\nto the room\n/whois bob"
        ));
        pipe.end_input();
        pipe.expect("* You are alice.\n");
        pipe.expect("* bob has been here for ");
        pipe.expect_success();
        bob.read_until("* alice has joined lobby.");
        bob.expect_lines(&[
            "@alice: from a script",
            "alice: to the room",
            "* alice has left lobby.",
        ]);
    }
    // A wrong one says so, and what follows is not said by somebody else.
    let mut pipe = nc(daemon).unwrap();
    pipe.type_in("/login alice wrong\n@bob:not from alice\n");
    pipe.end_input();
    pipe.expect("! That is not the password.");
    pipe.expect("! You have no name yet.");
    pipe.expect_success();
    bob.expect_nothing();
}

#[test]
fn message_that_waits_is_answered_to_a_pipe_before_its_end() {
    let store = start();
    let daemon = &store.daemon;
    let Some(mut pipe) = nc(daemon) else {
        return;
    };
    Speaker::with_account(daemon, "bob", PASSWORD).ok("/quit");
    pipe.type_in(&format!("/login alice {PASSWORD}\n@bob:for later"));
    pipe.end_input();
    pipe.expect("* bob is not here; it waits.\n");
    pipe.expect_success();
    let mut bob = daemon.connect();
    bob.send(&format!("/login bob {PASSWORD}"));
    bob.read_until("* 1 private message waited for you:");
    let line = bob.line();
    assert!(
        line.starts_with("* ") && line.ends_with(" @alice: for later"),
        "{line}"
    );
}

#[test]
fn token_in_a_file_logs_in_from_a_terminal_that_then_goes_on() {
    let store = start();
    let daemon = &store.daemon;
    let Some(nc) = find("OpenBSD netcat", &["nc.openbsd", "nc"]) else {
        return;
    };
    let mut alice = Speaker::login(daemon, "alice", PASSWORD);
    let token = alice.ok("/token laptop")["token"]
        .as_str()
        .unwrap()
        .to_owned();
    alice.ok("/quit");
    let mut bob = daemon.join("bob");
    let file = store.folder.path().join(".chinwag");
    fs::write(&file, format!("/login alice {token}\n")).unwrap();
    let address = daemon.address();
    let line = format!(
        "{{ cat {}; cat; }} | {} {} {}",
        file.display(),
        nc.display(),
        address.ip(),
        address.port()
    );
    let mut terminal = Tool::start(Command::new("sh").args(["-c", &line]));
    terminal.expect("* You are alice.\n* You are in lobby with 1 other: bob.\n");
    bob.expect_line("* alice has joined lobby.");
    terminal.type_in("hello\n");
    bob.expect_line("alice: hello");
    bob.send("hello, alice");
    terminal.expect("bob: hello, alice\n");
    terminal.type_in("/quit\n");
    terminal.expect("* Bye.");
    terminal.end_input();
    terminal.expect_end();
    assert!(!terminal.shown().contains(&token), "{}", terminal.shown());
}

#[test]
fn two_terminals_of_one_account_hear_each_other_and_the_room() {
    let store = start();
    let daemon = &store.daemon;
    let (Some(mut nc), Some(mut telnet)) = (nc(daemon), telnet(daemon)) else {
        return;
    };
    let mut bob = daemon.join("bob");
    nc.type_in(&format!("/login alice {PASSWORD}\n"));
    nc.expect("* You are alice.\n");
    bob.expect_line("* alice has joined lobby.");
    telnet.type_in(&format!("/login alice {PASSWORD}\r"));
    telnet.expect("* You are alice, on 2 connections.\r\n");
    nc.type_in("from nc\n");
    telnet.expect("alice: from nc\r\n");
    telnet.type_in("from telnet\r");
    nc.expect("alice: from telnet\n");
    telnet.type_in("@bob:psst\r");
    nc.expect("@alice -> bob: psst\n");
    bob.expect_lines(&["alice: from nc", "alice: from telnet", "@alice: psst"]);
    bob.send("@alice:to both");
    nc.expect("@bob: to both\n");
    telnet.expect("@bob: to both\r\n");
    // One goes, and nobody sees it; then the other.
    telnet.type_in("/quit\r");
    telnet.expect("Connection closed by foreign host.");
    nc.type_in("still here\n");
    bob.expect_line("alice: still here");
    nc.end_input();
    nc.expect_success();
    bob.expect_line("* alice has left lobby.");
}

/// Waits until telnet has done all that the daemon told it so far: it shows what came behind.
fn expect_caught_up(telnet: &mut Tool, bob: &mut Client, number: usize) {
    bob.send(&format!("line {number}"));
    telnet.expect(&format!("bob: line {number}\r\n"));
}

#[test]
fn password_is_not_on_the_screen_of_a_telnet_and_later_lines_are() {
    let store = start();
    let daemon = &store.daemon;
    let Some(mut telnet) = telnet(daemon) else {
        return;
    };
    let mut bob = daemon.join("bob");
    telnet.type_in("#guest\r");
    telnet.expect("#guest"); // by the terminal's own echo
    telnet.expect("* You are in lobby with 1 other: bob.\r\n");
    bob.expect_line("* guest has joined lobby.");
    let (wrong, new) = ("Basalt-Fennel_12", "Ochre+Trellis-90");
    // Wrong, then right; then a new one.
    for (number, (line, asked, typed, answer)) in [
        (
            "/login alice",
            "* Password for alice?",
            wrong,
            "! That is not the password.",
        ),
        (
            "/login alice",
            "* Password for alice?",
            PASSWORD,
            "* You are alice.",
        ),
        (
            "/account password",
            "* Password for alice?",
            PASSWORD,
            "* Choose a password for alice",
        ),
        ("", "", new, "* alice has a new password."),
    ]
    .into_iter()
    .enumerate()
    {
        if !line.is_empty() {
            telnet.type_in(&format!("{line}\r"));
            telnet.expect(asked);
        }
        expect_caught_up(&mut telnet, &mut bob, number);
        telnet.type_in(&format!("{typed}\r"));
        telnet.expect(answer);
    }
    // What is typed is shown again.
    expect_caught_up(&mut telnet, &mut bob, 9);
    telnet.type_in("to be seen\r");
    telnet.expect("to be seen");
    bob.read_until("alice: to be seen");
    // Shown again, too, after a prompt that an empty line cancels.
    telnet.type_in("/login carol\r");
    telnet.expect("* Password for carol?");
    expect_caught_up(&mut telnet, &mut bob, 10);
    telnet.type_in("\r");
    telnet.expect("* Cancelled: nothing was done.");
    expect_caught_up(&mut telnet, &mut bob, 11);
    telnet.type_in("seen again\r");
    telnet.expect("seen again");
    let shown = telnet.shown();
    for secret in [wrong, PASSWORD, new] {
        assert!(
            !shown.contains(secret),
            "{secret} is on the screen: {shown}"
        );
    }
}
