//! Sessions over real sockets. The meaning of each line is tested in `tests/wire`.

use std::thread;

use serde_json::json;

use crate::harness::{Daemon, numbered};

#[test]
fn session_over_real_sockets_reads_as_the_protocol_page_says() {
    let daemon = Daemon::start(&[]);
    let mut alice = daemon.connect();
    alice.send("#alice");
    alice.expect_lines(&[
        "* You are registered as alice.",
        "* You are in lobby, and nobody else is.",
    ]);
    let mut bob = daemon.connect();
    bob.send("#Bob");
    bob.expect_lines(&[
        "* You are registered as Bob.",
        "* You are in lobby with 1 other: alice.",
    ]);
    alice.expect_line("* Bob has joined lobby.");
    alice.send("hello");
    alice.send("/me waves");
    alice.send("@bob:psst");
    alice.send("/topic release on Friday");
    alice.expect_line("* The topic of lobby is: release on Friday");
    bob.expect_lines(&[
        "alice: hello",
        "** alice waves",
        "@alice: psst",
        "* alice has set the topic of lobby: release on Friday",
    ]);
    bob.send("/whois bob");
    bob.expect_line_starting("* Bob has been here for ");
    bob.expect_line("* Rooms you share: lobby.");
    let address = format!("* You are connected from {}.", bob.local_address());
    bob.expect_line(&address);
    bob.send("/version");
    bob.expect_line(&format!("* chinwag {}", env!("CARGO_PKG_VERSION")));
    bob.send("/quit back tomorrow");
    bob.expect_line("* Bye.");
    bob.expect_closed();
    alice.expect_line("* Bob has left lobby: back tomorrow");
    alice.expect_nothing();
}

#[test]
fn json_lines_describe_each_kind_of_event() {
    let (daemon, [mut alice, mut bob]) = Daemon::start_with(["alice", "bob"]);
    bob.send("/mode json");
    assert_eq!(bob.json()["type"], "ok");
    alice.send("hello \"you\" \\");
    alice.send("/me waves");
    alice.send("@bob:psst");
    alice.send("/topic news");
    alice.send("/nick alicia");
    alice.barrier();
    let mut carol = daemon.join("carol");
    carol.send("@bob,alicia:both");
    carol.send("/quit bye");
    carol.read_to_end();
    for expected in [
        json!({"type": "message", "room": "lobby", "from": "alice", "text": "hello \"you\" \\"}),
        json!({"type": "action", "room": "lobby", "from": "alice", "text": "waves"}),
        json!({"type": "private", "from": "alice", "to": ["bob"], "text": "psst"}),
        json!({"type": "topic", "room": "lobby", "from": "alice", "text": "news"}),
        json!({"type": "rename", "name": "alice", "new_name": "alicia"}),
        json!({"type": "join", "room": "lobby", "name": "carol"}),
        json!({"type": "private", "from": "carol", "to": ["bob", "alicia"], "text": "both"}),
        json!({"type": "leave", "room": "lobby", "name": "carol", "gone": true, "text": "bye"}),
    ] {
        let mut value = bob.json();
        let time = value.as_object_mut().unwrap().remove("time");
        assert!(time.is_some_and(|time| time.is_u64()));
        assert_eq!(value, expected);
    }
    alice.barrier();
}

#[test]
fn pipelined_private_messages_arrive_complete_and_in_order() {
    const COUNT: usize = 20_000;
    let (_daemon, [mut alice, mut bob]) = Daemon::start_with(["alice", "bob"]);
    let mut sender = alice.sender();
    let writing = thread::spawn(move || {
        let lines = numbered(0..COUNT, |number| format!("@bob:message {number}\n"));
        sender.write_all(lines.as_bytes()).unwrap();
    });
    for number in 0..COUNT {
        bob.expect_line(&format!("@alice: message {number}"));
    }
    writing.join().unwrap();
    alice.expect_nothing();
    bob.expect_nothing();
}

#[test]
fn line_limit_follows_its_flag() {
    let daemon = Daemon::start(&["--max-line", "256"]);
    let [mut alice, mut bob] = daemon.join_all(["alice", "bob"]);
    alice.send(&"a".repeat(256));
    alice.send_bytes(format!("{}\r\n", "b".repeat(256)).as_bytes());
    alice.send(&"c".repeat(257));
    bob.expect_line(&format!("alice: {}", "a".repeat(256)));
    bob.expect_line(&format!("alice: {}", "b".repeat(256)));
    alice.expect_line_matching("256", |line| line.starts_with("! ") && line.contains("256"));
    bob.expect_nothing();
}
