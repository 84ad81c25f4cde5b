//! Passwords: who sees them, and who may try them, and how often.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use serde_json::Value;

use crate::harness::speaker::{Speaker, code_of};
use crate::harness::{Client, Daemon, wait_until};
use crate::network::connect_from;

const PASSWORD: &str = "Moth-Garnet_41%Lantern";

/// What somebody types who has mistaken the password, or where it belongs.
const MISTAKES: [&str; 3] = [
    "Moth-Garnet_41%Lamp",
    "/Thistle_Anvil-77",
    "#Kelp=Bobbin+19",
];

struct Store {
    _folder: tempfile::TempDir,
    file: String,
}

impl Store {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("chat.db").to_str().unwrap().to_owned();
        Self {
            _folder: folder,
            file,
        }
    }

    fn start(&self, flags: &[&str]) -> Daemon {
        Daemon::start(&[flags, &["--store", &self.file]].concat())
    }
}

/// A connection in JSON mode from another address of this machine's.
fn connect_as(host: u8, daemon: &Daemon) -> Speaker {
    let from = IpAddr::V4(Ipv4Addr::new(127, 0, 0, host));
    Speaker::over(connect_from(from, daemon.address()))
}

#[track_caller]
fn expect_without(what: &str, text: &str, secrets: &[&str]) {
    for secret in secrets {
        assert!(!text.contains(secret), "{secret} is in {what}: {text}");
    }
}

#[test]
fn password_is_never_said_nor_kept_nor_logged_however_it_is_typed() {
    let store = Store::new();
    let daemon = store.start(&["--log-level", "trace"]);
    let mut alice = Speaker::with_account(&daemon, "alice", PASSWORD);
    alice.ok("/join dev");
    alice.ok("/keep");
    let token = alice.ok("/token laptop")["token"]
        .as_str()
        .unwrap()
        .to_owned();
    let mut witness = daemon.join("witness");
    witness.send("/join dev");
    witness.barrier();

    let mut bob = Speaker::with_account(&daemon, "bob", PASSWORD);
    bob.ok("/join dev");
    // At each prompt: wrong, a blank, then another prompt, then right.
    for mistake in MISTAKES {
        assert_eq!(bob.ok("/login alice")["needs"], "password");
        bob.refused(mistake, "wrong_password");
        bob.ok("/account password");
        bob.refused(mistake, "wrong_password");
        bob.ok("/account drop");
        bob.refused(mistake, "wrong_password");
    }
    bob.ok("/account password");
    assert_eq!(bob.ok(PASSWORD)["needs"], "new_password");
    bob.refused("short", "weak_password");
    bob.ok("/account password");
    bob.ok(PASSWORD);
    let new = "Quartz/Sandal~58";
    bob.ok(new);
    bob.ok("/account drop");
    assert_eq!(bob.ok(new)["needs"], "name");
    bob.refused("alice", "bad_usage");
    // In one line, and without its slash.
    bob.refused(&format!("/login alice {}", MISTAKES[0]), "wrong_password");
    bob.refused(&format!("login alice {PASSWORD}"), "bad_usage");
    bob.refused(&format!("Login ALICE {PASSWORD}"), "bad_usage");
    bob.ok("login nobody is not a secret");
    // All in one packet, with the right one behind wrong ones; what follows is said.
    bob.send(&format!(
        "/login alice\n{}\n/login alice\n{PASSWORD}\n/join dev\nhere as alice",
        MISTAKES[1]
    ));
    for expected in ["needs", "code", "needs", "name", "room"] {
        let answer = bob.answer();
        assert!(answer.get(expected).is_some(), "{answer}");
    }
    bob.expect_ok();
    let mut third = Speaker::connect(&daemon);
    third.ok(&format!("/login alice {token}"));
    third.ok("/join dev");
    third.ok("and by a token");

    let heard = witness.barrier().join("\n");
    assert!(heard.contains("alice: here as alice"), "{heard}");
    assert!(
        heard.contains("bob: login nobody is not a secret"),
        "{heard}"
    );
    let mut secrets = vec![PASSWORD, new, "short", &token];
    secrets.extend(MISTAKES);
    expect_without("the room", &heard, &secrets);
    let kept: String = third.history("dev").iter().map(Value::to_string).collect();
    assert!(kept.contains("here as alice"), "{kept}");
    expect_without("the history", &kept, &secrets);
    let log = daemon.log_lines().join("\n");
    assert!(log.contains("sent: line"), "the log tells of each line");
    expect_without("the log", &log, &secrets);
}

#[test]
fn wrong_passwords_are_logged_once_for_each_address() {
    let store = Store::new();
    let mut daemon = store.start(&[]);
    let mut alice = Speaker::with_account(&daemon, "alice", PASSWORD);
    let mut guesser = Speaker::connect(&daemon);
    for secret in ["a wrong guess", "cw_00000000000000000000000000"] {
        guesser.refused(&format!("/login alice {secret}"), "wrong_password");
    }
    alice.ok("/account password");
    alice.refused("another wrong guess", "wrong_password");
    assert_eq!(daemon.log_count("wrong password"), 0, "not one by one");
    // A minute later, or at the end.
    daemon.signal(rustix::process::Signal::TERM);
    daemon.wait();
    daemon.expect_log_count("3 wrong passwords from 127.0.0.1", 1);
}

#[test]
fn guesses_are_slowed_by_address_and_by_account_and_hinder_no_owner() {
    let store = Store::new();
    let daemon = store.start(&["--limit-loopback", "--login-rate", "2"]);
    let mut alice = Speaker::with_account(&daemon, "alice", PASSWORD);
    let token = alice.ok("/token laptop")["token"]
        .as_str()
        .unwrap()
        .to_owned();
    let guess = "/login alice not the password";
    // Two from one address, by several connections; then none, until some time is over.
    let mut first: Vec<Speaker> = (0..3).map(|_| connect_as(2, &daemon)).collect();
    for (number, speaker) in first.iter_mut().enumerate() {
        let code = if number < 2 {
            "wrong_password"
        } else {
            "slow_down"
        };
        let answer = speaker.refused(guess, code);
        assert_eq!(answer["wait_ms"].is_u64(), number >= 2, "{answer}");
    }
    // Nor a right one, nor that of another account.
    let right = format!("/login alice {PASSWORD}");
    first[0].refused(&right, "slow_down");
    first[0].refused("/login nobody guess", "slow_down");
    // Two each from other addresses, and the account has had its ten: wherever they come from.
    for host in 3..=6 {
        let mut other = connect_as(host, &daemon);
        other.refused(guess, "wrong_password");
        other.refused(guess, "wrong_password");
    }
    let mut third = connect_as(7, &daemon);
    let answer = third.refused(&right, "slow_down");
    assert!(answer["wait_ms"].as_u64() <= Some(60_000), "{answer}");
    // Whoever is here stays, does as before, and has a way in that nobody can guess.
    alice.ok("still here");
    alice.ok("/account");
    assert_eq!(third.ok(&format!("/login alice {token}"))["name"], "alice");
    // Other accounts from other addresses are not concerned.
    Speaker::with_account(&daemon, "bob", PASSWORD);
    connect_as(8, &daemon).ok(&format!("/login bob {PASSWORD}"));
    // The owner's own change of the password counts, too.
    alice.ok("/account password");
    alice.refused(PASSWORD, "slow_down");
}

/// What a stranger is told who tries a password for `name` in each form.
fn told(daemon: &Daemon, host: u8, name: &str) -> Vec<Value> {
    let mut speaker = connect_as(host, daemon);
    let mut answers = vec![speaker.ok(&format!("/login {name}"))];
    answers.push(speaker.ask("some guess"));
    for secret in ["other guess", "x", "cw_0123456789abcdef0123456789abcdef"] {
        answers.push(speaker.ask(&format!("/login {name} {secret}")));
    }
    for _ in 0..3 {
        answers.push(speaker.ask(&format!("/login {name} again")));
    }
    for answer in &mut answers {
        let fields = answer.as_object_mut().unwrap();
        fields.remove("time");
        // How long, to the millisecond.
        if fields.contains_key("wait_ms") {
            fields.insert("wait_ms".to_owned(), Value::Null);
            fields.remove("text");
        }
        if let Some(text) = fields.get_mut("text") {
            *text = text.as_str().unwrap().replace(name, "NAME").into();
        }
    }
    answers
}

#[test]
fn unknown_name_is_answered_as_a_known_one_is() {
    let store = Store::new();
    let daemon = store.start(&["--limit-loopback", "--login-rate", "2"]);
    let mut alice = Speaker::with_account(&daemon, "alice", PASSWORD);
    let here = told(&daemon, 2, "alice");
    assert_eq!(here, told(&daemon, 3, "nobody"));
    alice.ok("/quit");
    Speaker::with_account(&daemon, "carol", PASSWORD).ok("/quit");
    assert_eq!(here, told(&daemon, 4, "carol"), "of one who is not here");
    let codes: Vec<&str> = here.iter().filter_map(code_of).collect();
    assert!(
        codes.contains(&"wrong_password") && codes.contains(&"slow_down"),
        "{codes:?}"
    );
}

/// Has so many connections try a password at once, each for its own name; counts their answers.
fn try_at_once(daemon: &Daemon, names: &[String]) -> BTreeMap<String, usize> {
    let mut clients: Vec<Speaker> = names.iter().map(|_| Speaker::connect(daemon)).collect();
    daemon.while_stopped(|| {
        for (client, name) in clients.iter_mut().zip(names) {
            client.send(&format!("/login {name} some guess"));
        }
    });
    let mut counts = BTreeMap::new();
    for client in &mut clients {
        let code = code_of(&client.answer()).unwrap_or("ok").to_owned();
        *counts.entry(code).or_default() += 1;
    }
    counts
}

/// Each costs a hash, as one thread makes them, and few may wait: the others are told that it is busy.
#[test]
fn password_of_an_unknown_name_costs_a_hash_as_well() {
    // No two of them look alike.
    const LETTERS: &str = "bcdfghjkmpqrtvwxz";
    let store = Store::new();
    let daemon = store.start(&["--hash-queue", "2"]);
    let names = |kind: &str| -> Vec<String> {
        let letters = LETTERS.chars();
        letters.map(|letter| format!("{kind}-{letter}")).collect()
    };
    let known = names("known");
    for name in &known {
        Speaker::with_account(&daemon, name, PASSWORD).ok("/quit");
    }
    for names in [known, names("other")] {
        let counts = try_at_once(&daemon, &names);
        let count = |code: &str| counts.get(code).copied().unwrap_or_default();
        assert!(count("busy") > 0, "{counts:?}");
        assert!(count("wrong_password") >= 2, "{counts:?}");
        assert_eq!(
            count("busy") + count("wrong_password"),
            LETTERS.len(),
            "{counts:?}"
        );
    }
}

#[test]
fn flood_of_logins_is_told_to_come_again_and_stops_nobody() {
    const FLOOD: usize = 200;
    let store = Store::new();
    let daemon = store.start(&[]);
    let mut owner = Speaker::with_account(&daemon, "owner", PASSWORD);
    let [mut alice, mut bob] = daemon.join_all(["alice", "bob"]);
    let mut flood: Vec<Client> = (0..FLOOD).map(|_| daemon.connect()).collect();
    daemon.while_stopped(|| {
        for (number, client) in flood.iter_mut().enumerate() {
            client.send(&format!("/login nobody{number} some guess"));
            client.send("/ping behind");
        }
    });
    // Those at the prompts of others are answered at once.
    for number in 0..50 {
        alice.send(&format!("{number}"));
        bob.expect_line(&format!("alice: {number}"));
        owner.ok("/account");
    }
    let mut busy = 0;
    for client in &mut flood {
        let answer = client.line();
        busy += usize::from(answer.starts_with("! Too much is going on"));
        let is_expected =
            answer.starts_with("! Too much") || answer.starts_with("! That is not the password");
        assert!(is_expected, "{answer}");
        client.expect_line("* pong behind"); // which has waited for it
    }
    assert!((1..FLOOD).contains(&busy), "{busy}");
    // Somebody who comes now is let in.
    let mut late = Speaker::connect(&daemon);
    wait_until("a login", || {
        let answer = late.ask(&format!("/login owner {PASSWORD}"));
        answer["type"] == "ok" || code_of(&answer) != Some("busy")
    });
    assert_eq!(late.ok("/account")["name"], "owner");
}
