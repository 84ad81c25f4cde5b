//! What users see of each other.

use std::thread;

use serde_json::{Value, json};

use crate::harness::{Client, Daemon, numbered};

#[test]
fn registering_is_answered_and_told_to_the_room() {
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
    let mut carol = daemon.connect();
    carol.send("/nick carol");
    carol.expect_lines(&[
        "* You are registered as carol.",
        "* You are in lobby with 2 others: alice, Bob.",
    ]);
    alice.expect_line("* carol has joined lobby.");
    bob.expect_line("* carol has joined lobby.");
}

#[test]
fn names_that_cannot_be_had_are_refused_and_change_nothing() {
    let daemon = Daemon::start(&[]);
    let _alice = daemon.join("alice");
    let mut stranger = daemon.connect();
    for (line, said) in [
        ("#ALICE", "in use"),
        ("#lobby", "is a room"),
        ("#Admin", "reserved"),
        ("#9lives", "must start with a letter"),
        ("#two words", "space"),
        ("#", "no name after"),
        ("# ", "no name after"),
        ("#abcdefghijklmnopqrstuvwxy", "24"),
        ("#na\u{ef}ve", "only A-Z"),
    ] {
        stranger.send(line);
        stranger.expect_line_matching(line, |answer| {
            answer.starts_with("! ") && answer.contains(said)
        });
    }
    stranger.register("abcdefghijklmnopqrstuvwx");
}

#[test]
fn unregistered_clients_are_told_how_to_register() {
    let daemon = Daemon::start(&[]);
    let mut alice = daemon.join("alice");
    let mut stranger = daemon.connect();
    for line in [
        "hello",
        "@alice:hello",
        "@alice hello",
        "/names",
        "/join dev",
        "/whois alice",
        "//hello",
        " hello",
        "/me waves",
        "/msg",
        "@",
    ] {
        stranger.send(line);
        stranger.expect_line_matching(line, |answer| {
            answer.starts_with("! ") && answer.contains("#yourname")
        });
    }
    stranger.send("/ping you");
    stranger.expect_line("* pong you");
    stranger.send("/version");
    stranger.expect_line(&format!("* chinwag {}", env!("CARGO_PKG_VERSION")));
    stranger.send("/mode");
    stranger.expect_line("* The mode is plain.");
    stranger.send("/help");
    assert!(stranger.barrier().len() > 20);
    alice.expect_nothing();
}

#[test]
fn room_lines_reach_the_others_in_one_order_and_are_not_echoed() {
    let daemon = Daemon::start(&[]);
    let [mut alice, mut bob, mut carol] = daemon.join_all(["alice", "bob", "carol"]);
    alice.send("hello");
    alice.send("#include <stdio.h>");
    alice.send("//quit is a command");
    alice.send(" * not from the server");
    alice.send("/me waves");
    alice.send("/say /me");
    alice.expect_nothing();
    bob.send("hi");
    bob.expect_line("alice: hello"); // nothing of its own comes back
    carol.expect_line("alice: hello");
    for client in [&mut bob, &mut carol] {
        client.expect_lines(&[
            "alice: #include <stdio.h>",
            "alice: /quit is a command",
            "alice: * not from the server",
            "** alice waves",
            "alice: /me",
        ]);
    }
    carol.expect_line("bob: hi");
    alice.expect_line("bob: hi");
}

#[test]
fn private_messages_reach_one_or_several_and_nobody_else() {
    let daemon = Daemon::start(&[]);
    let [mut alice, mut bob, mut carol] = daemon.join_all(["alice", "bob", "carol"]);
    alice.send("@bob:one");
    alice.send("@BOB: two");
    alice.send("@bob:  three : colons  ");
    alice.send("@bob,carol:both");
    alice.send("/msg carol by command");
    alice.expect_nothing();
    bob.expect_lines(&[
        "@alice: one",
        "@alice: two",
        "@alice:  three : colons  ",
        "@alice: both",
    ]);
    carol.expect_lines(&["@alice: both", "@alice: by command"]);
    carol.send("/r thanks");
    alice.expect_line("@carol: thanks");
    bob.expect_nothing();
}

#[test]
fn a_private_message_that_reaches_not_everybody_names_whom_it_missed() {
    let daemon = Daemon::start(&[]);
    let [mut alice, mut bob] = daemon.join_all(["alice", "bob"]);
    alice.send("@nobody:hello");
    alice.expect_line_matching("nobody", |line| {
        line.starts_with("! ") && line.contains("nobody")
    });
    alice.send("@nobody,bob,noone:hello");
    alice.expect_line_matching("the two names", |line| {
        line.starts_with("! ")
            && line.contains("nobody")
            && line.contains("noone")
            && !line.contains("bob")
    });
    bob.expect_line("@alice: hello");
    for line in ["@bob hello", "@bob", "@:hello", "@bob:"] {
        alice.send(line);
        alice.expect_line_starting("! ");
    }
    let seventeen: Vec<String> = (0..17).map(|number| format!("u{number}")).collect();
    alice.send(&format!("@{}:hello", seventeen.join(",")));
    alice.expect_line_matching("16 at most", |line| {
        line.starts_with("! ") && line.contains("16")
    });
    bob.expect_nothing();
}

#[test]
fn names_topics_and_whois_tell_what_is_known() {
    let daemon = Daemon::start(&[]);
    let [mut alice, mut bob] = daemon.join_all(["alice", "bob"]);
    alice.send("/names");
    alice.expect_lines(&["* 2 in lobby:", "*   alice, bob"]);
    alice.send("/topic release on Friday");
    alice.expect_line("* The topic of lobby is: release on Friday");
    bob.expect_line("* alice has set the topic of lobby: release on Friday");
    bob.send("/topic");
    bob.expect_line("* The topic of lobby is: release on Friday");
    bob.send("/rooms");
    bob.expect_lines(&["* 1 room:", "*   lobby, 2 users: release on Friday"]);
    let long = "x".repeat(301);
    bob.send(&format!("/topic {long}"));
    bob.expect_line_matching("300", |line| line.starts_with("! ") && line.contains("300"));

    alice.send("/whois bob");
    alice.expect_line_starting("* bob has been here for ");
    alice.expect_line("* Rooms you share: lobby.");
    alice.expect_nothing(); // the address is only for oneself
    alice.send("/whois alice");
    alice.expect_line_starting("* alice has been here for ");
    alice.expect_line("* Rooms you share: lobby.");
    let address = format!("* You are connected from {}.", alice.local_address());
    alice.expect_line(&address);
    alice.send("/whois nobody");
    alice.expect_line_starting("! ");
}

#[test]
fn names_of_everybody_come_a_hundred_a_page() {
    let daemon = Daemon::start(&[]);
    let mut crowd: Vec<Client> = (0..101)
        .map(|number| daemon.join(&format!("user{number}")))
        .collect();
    let last = &mut crowd[100];
    // In a room of so many, who joined is told within a second, and that could be in between.
    last.send("/quiet on");
    last.barrier();
    let mut seen = 0;
    for (page, count) in [("1", 100), ("2", 1)] {
        last.send(&format!("/names * {page}"));
        last.expect_line(&format!("* 101 registered, page {page} of 2:"));
        let lines = last.barrier();
        let names = lines.iter().filter_map(|line| line.strip_prefix("*   "));
        let found: usize = names.map(|names| names.split(", ").count()).sum();
        assert_eq!(found, count, "{lines:?}");
        seen += found;
    }
    assert_eq!(seen, 101);
    last.send("/names * 3");
    last.expect_line_starting("! ");
}

#[test]
fn who_is_away_gets_messages_and_each_sender_is_told_once() {
    let daemon = Daemon::start(&[]);
    let [mut alice, mut bob] = daemon.join_all(["alice", "bob"]);
    bob.send("/away lunch");
    bob.expect_line_starting("* You are away");
    alice.send("@bob:one");
    alice.send("@bob:two");
    alice.expect_line("* bob is away: lunch");
    alice.expect_nothing();
    bob.expect_lines(&["@alice: one", "@alice: two"]);
    alice.send("/whois bob");
    assert!(alice.barrier().contains(&"* bob is away: lunch".to_owned()));
    bob.send("/back");
    bob.expect_line("* You are back.");
    alice.send("@bob:three");
    alice.expect_nothing();
    bob.expect_line("@alice: three");
}

#[test]
fn an_ignored_user_is_not_heard_not_told_and_stays_ignored_under_a_new_name() {
    let daemon = Daemon::start(&[]);
    let [mut alice, mut mallory, mut carol] = daemon.join_all(["alice", "mallory", "carol"]);
    alice.send("/ignore mallory");
    alice.expect_line("* You ignore mallory now.");
    mallory.send("spam");
    mallory.send("/me spams");
    mallory.send("@alice:spam");
    mallory.send("#innocent");
    mallory.expect_line("* You are now innocent.");
    mallory.send("spam again");
    mallory.send("@alice,carol:spam");
    mallory.expect_nothing();
    carol.expect_lines(&[
        "mallory: spam",
        "** mallory spams",
        "* mallory is now innocent.",
        "innocent: spam again",
        "@innocent: spam",
    ]);
    alice.expect_line("* mallory is now innocent.");
    alice.send("/ignore");
    alice.expect_line("* You ignore innocent.");
    alice.send("/unignore innocent");
    alice.expect_line("* You no longer ignore innocent.");
    mallory.send("sorry");
    alice.expect_line("innocent: sorry");
}

#[test]
fn a_rename_is_told_to_those_who_share_a_room_and_frees_the_old_name() {
    let daemon = Daemon::start(&[]);
    let [mut alice, mut bob, mut carol] = daemon.join_all(["alice", "bob", "carol"]);
    for client in [&mut alice, &mut bob] {
        client.send("/join dev"); // two shared rooms, and still one notice
        client.barrier();
    }
    alice.barrier();
    carol.send("/part");
    carol.barrier();
    alice.read_until("* carol has left lobby.");
    bob.read_until("* carol has left lobby.");
    alice.send("/nick alicia");
    alice.expect_line("* You are now alicia.");
    bob.expect_line("* alice is now alicia.");
    bob.expect_nothing();
    carol.expect_nothing();
    bob.send("@alicia:hi");
    alice.expect_line("@bob: hi");
    carol.send("#alice");
    carol.expect_line("* You are now alice.");
    alice.send("#ALICE");
    alice.expect_line_starting("! ");
}

#[test]
fn lines_of_other_rooms_carry_the_room_and_parting_ends_them() {
    let daemon = Daemon::start(&[]);
    let [mut alice, mut bob] = daemon.join_all(["alice", "bob"]);
    alice.send("/join #Dev");
    alice.expect_line("* You are in Dev, and nobody else is.");
    bob.send("/join dev");
    bob.expect_line("* You are in Dev with 1 other: alice.");
    alice.expect_line("* bob has joined Dev.");
    alice.send("/join lobby");
    alice.expect_line("* You are in lobby with 1 other: bob.");
    bob.send("from dev");
    bob.send("/me types");
    alice.expect_lines(&["[Dev] bob: from dev", "[Dev] ** bob types"]);
    alice.send("from the lobby");
    bob.expect_line("[lobby] alice: from the lobby");
    bob.send("/part");
    bob.expect_line("* You have left Dev. You are in lobby now.");
    alice.expect_line("* bob has left Dev.");
    alice.send("/part dev");
    alice.expect_line_starting("* You have left Dev.");
    bob.send("/names dev"); // an empty room is gone
    bob.expect_line_starting("! ");
    bob.send("/part lobby");
    bob.expect_line_starting("* You have left lobby. You are in no room now");
    bob.send("anybody?");
    bob.expect_line_starting("! You are in no room.");
}

#[test]
fn one_is_in_twenty_rooms_at_most() {
    let daemon = Daemon::start(&[]);
    let mut alice = daemon.join("alice");
    for number in 1..20 {
        alice.send(&format!("/join room{number}"));
        alice.expect_line(&format!("* You are in room{number}, and nobody else is."));
    }
    alice.send("/join room20");
    alice.expect_line_matching("20", |line| line.starts_with("! ") && line.contains("20"));
    alice.send("/join room7");
    alice.expect_line("* You are in room7, and nobody else is.");
}

#[test]
fn leaving_is_told_with_what_the_leaver_said() {
    let daemon = Daemon::start(&[]);
    let [mut alice, mut bob, mut carol, mut dave, mut erin] =
        daemon.join_all(["alice", "bob", "carol", "dave", "erin"]);
    alice.barrier();
    bob.send("/quit back tomorrow");
    bob.read_until("* Bye.");
    bob.expect_closed();
    alice.expect_line("* bob has left lobby: back tomorrow");
    carol.send("quit");
    carol.read_until("* Bye.");
    carol.expect_closed();
    alice.expect_line("* carol has left lobby.");
    dave.finish_sending();
    dave.read_to_end();
    alice.expect_line("* dave has left lobby.");
    erin.send("exit");
    assert_eq!(
        erin.read_to_end().last().map(String::as_str),
        Some("* Bye.")
    );
    alice.expect_line("* erin has left lobby.");
}

#[test]
fn quiet_silences_notices_and_echo_shows_ones_own_lines() {
    let daemon = Daemon::start(&[]);
    let [mut alice, mut bob] = daemon.join_all(["alice", "bob"]);
    alice.send("/quiet on");
    alice.expect_line_starting("* Quiet is on");
    let mut carol = daemon.join("carol");
    carol.send("#caroline");
    carol.expect_line("* You are now caroline.");
    carol.send("quit");
    carol.read_to_end();
    bob.expect_lines(&[
        "* carol has joined lobby.",
        "* carol is now caroline.",
        "* caroline has left lobby.",
    ]);
    alice.expect_nothing();
    alice.send("/echo on");
    alice.expect_line_starting("* Echo is on");
    alice.send("hello");
    alice.send("@bob:psst");
    alice.expect_lines(&["alice: hello", "@alice: psst"]);
}

#[test]
fn an_unknown_command_is_answered_to_its_sender_alone_with_the_nearest() {
    let daemon = Daemon::start(&[]);
    let [mut alice, mut bob] = daemon.join_all(["alice", "bob"]);
    alice.send("/jion dev");
    alice.expect_line_matching("a hint", |line| {
        line.starts_with("! ") && line.contains("/join")
    });
    alice.send("/HELP msg");
    assert!(alice.barrier().iter().all(|line| line.starts_with("* ")));
    bob.expect_nothing();
}

#[test]
fn bytes_are_lines_however_they_are_split() {
    let daemon = Daemon::start(&[]);
    let [mut alice, mut bob] = daemon.join_all(["alice", "bob"]);
    for byte in "h\u{e9}llo \u{1f469}\u{200d}\u{1f680}\r\n".bytes() {
        alice.send_bytes(&[byte]);
    }
    bob.expect_line("alice: h\u{e9}llo \u{1f469}\u{200d}\u{1f680}");
    alice.send_bytes(b"typo\x08\x08po\xc3\xa9\x7f\n\n\r\n\xff\xfebad utf-8 \xc3\n");
    bob.expect_line("alice: typo");
    // 0xFF 0xFE is a telnet command that means nothing here, with its option.
    let line = bob.line();
    assert!(
        line.starts_with("alice: ") && line.ends_with("\u{fffd}"),
        "{line:?}"
    );
    alice.send_bytes(b"\x1b[31mred\x07 \xe2\x80\xaeevil\ttab\n");
    bob.expect_line("alice: [31mred evil\ttab");
}

#[test]
fn a_byte_order_mark_before_the_first_line_is_dropped() {
    let daemon = Daemon::start(&[]);
    let mut alice = daemon.connect();
    alice.send_bytes(b"\xef\xbb\xbf#alice\n");
    alice.expect_line("* You are registered as alice.");
}

#[test]
fn lines_end_as_the_client_ends_its_own() {
    let daemon = Daemon::start(&[]);
    let [mut alice, mut bob] = daemon.join_all(["alice", "bob"]);
    alice.send_bytes(b"/ping\r\n");
    assert_eq!(alice.try_raw_line().as_deref(), Some("* pong\r\n"));
    bob.send("hello");
    assert_eq!(alice.try_raw_line().as_deref(), Some("bob: hello\r\n"));
    alice.send_bytes(b"hi\r\n");
    assert_eq!(bob.try_raw_line().as_deref(), Some("alice: hi\n"));
    bob.send_bytes(b"\xff\xf6"); // are you there
    assert_eq!(
        bob.try_raw_line().as_deref(),
        Some("* chinwag is here.\r\n")
    );
}

#[test]
fn what_came_before_the_end_of_input_is_carried_out_an_unfinished_line_too() {
    let daemon = Daemon::start(&[]);
    let mut alice = daemon.join("alice");
    let mut script = daemon.connect_raw();
    script.send_bytes(b"#ci\n@alice:build ok");
    script.finish_sending();
    let answers = script.read_to_end();
    assert_eq!(answers[2], "* You are registered as ci.");
    alice.expect_lines(&[
        "* ci has joined lobby.",
        "@ci: build ok",
        "* ci has left lobby.",
    ]);
    daemon.wait_for_log("ci (127.0.0.1");
    daemon.expect_log_count("end of input; 0 bytes unwritten", 1);
}

/// What JSON mode answers to each line: `ok`, or the code of an error.
const JSON_LINES: [(&str, &str); 38] = [
    ("hello", "not_registered"),
    ("#9", "bad_name"),
    ("/stats", "ok"),
    ("#alice", "ok"),
    ("#bob", "name_taken"),
    ("#lobby", "name_taken"),
    ("#admin", "name_taken"),
    ("/nick 9", "bad_name"),
    ("hello", "ok"),
    ("/echo on", "ok"),
    ("echoed", "ok"),
    ("/me waves", "ok"),
    ("/echo off", "ok"),
    ("@bob:psst", "ok"),
    ("@bob,carol:psst", "no_such_user"),
    ("@nobody:psst", "no_such_user"),
    ("@bob psst", "bad_usage"),
    ("@bob,:psst", "bad_usage"),
    ("@bob smith:psst", "bad_usage"),
    (
        "@a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q:x",
        "too_many_recipients",
    ),
    ("/r too early", "no_such_user"),
    ("/join dev", "ok"),
    ("/join d\u{e9}v", "bad_room"),
    ("/names nowhere", "no_such_room"),
    ("/part", "ok"),
    ("/part dev", "no_such_room"),
    ("/names *", "ok"),
    ("/rooms", "ok"),
    ("/topic", "ok"),
    ("/topic news", "ok"),
    ("/whois bob", "ok"),
    ("/whois nobody", "no_such_user"),
    ("/away", "ok"),
    ("/back", "ok"),
    ("/nonsense", "unknown_command"),
    ("/help", "ok"),
    ("/version", "ok"),
    ("/ping last", "ok"),
];

#[test]
fn in_json_mode_each_line_is_answered_by_one_ok_or_error_in_order() {
    let daemon = Daemon::start(&[]);
    let mut bob = daemon.join("bob");
    let mut alice = daemon.connect();
    alice.send("/mode json");
    let first = alice.json();
    assert_eq!(first["type"], "ok", "{first}");
    let lines = JSON_LINES.map(|(line, _)| line).join("\n\n");
    alice.send(&lines); // with empty lines, which are not answered
    alice.send(&"x".repeat(5000));
    let expected = JSON_LINES
        .iter()
        .map(|(line, answer)| (line.to_string(), *answer))
        .chain([("a long line".to_owned(), "line_too_long")]);
    for (line, answer) in expected {
        let value = next_answer(&mut alice);
        let got = match value["type"].as_str() {
            Some("ok") => "ok",
            _ => value["code"].as_str().unwrap_or("no code"),
        };
        assert_eq!(got, answer, "to {line:?} came {value}");
        if line == "/ping last" {
            assert!(value["text"].as_str().unwrap().contains("last"), "{value}");
        }
    }
    alice.send("/mode plain");
    alice.expect_line("* The mode is plain.");
    bob.barrier();
}

/// Takes lines up to the next `ok` or `error`, and checks that each has a type and a time.
fn next_answer(client: &mut Client) -> Value {
    loop {
        let value = client.json();
        assert!(
            value["time"].as_u64().unwrap() > 1_600_000_000_000,
            "{value}"
        );
        match value["type"].as_str().expect("a type") {
            "ok" | "error" => return value,
            _ => {}
        }
    }
}

#[test]
fn json_lines_say_what_happened() {
    let daemon = Daemon::start(&[]);
    let [mut alice, mut bob] = daemon.join_all(["alice", "bob"]);
    bob.send("/mode json");
    assert_eq!(bob.json()["type"], "ok");
    alice.send("hello \"you\" \\");
    alice.send("/me waves");
    alice.send("@bob:psst");
    alice.send("/topic news");
    alice.send("#alicia");
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
        json!({"type": "leave", "room": "lobby", "name": "carol", "text": "bye"}),
    ] {
        let mut value = bob.json();
        let time = value.as_object_mut().unwrap().remove("time");
        assert!(time.is_some_and(|time| time.is_u64()));
        assert_eq!(value, expected);
    }
    alice.barrier();
}

#[test]
fn twenty_thousand_pipelined_private_messages_arrive_complete_and_in_order() {
    const COUNT: usize = 20_000;
    let daemon = Daemon::start(&[]);
    let [mut alice, mut bob] = daemon.join_all(["alice", "bob"]);
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
fn a_line_of_exactly_the_limit_passes_and_one_byte_more_does_not() {
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
