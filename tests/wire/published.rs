//! Failures published for other servers whose tests need exact control of the socket's space.

use std::fmt::Write;

use chinwag::chat::command::Verb;
use chinwag::config::Limits;
use chinwag::wire::command_table::COMMANDS;
use serde_json::Value;

use crate::support::VirtualServer;

/// A client evicted while its own command ran, which then went on with it: Redis, CVE-2026-23479.
#[test]
fn client_closed_by_its_own_answer_executes_nothing_more() {
    let mut server = VirtualServer::new(Limits {
        line_bytes_max: 64,
        output_soft_bytes_max: 256,
        output_hard_bytes_max: 1024,
        ..Limits::default()
    });
    let [alice, bob] = server.register_all(["alice", "bob"]);
    let topic = "t".repeat(50);
    for room in 1..20 {
        let lines = format!("/join r{room}\n/topic {topic}\n");
        server.send(&alice, lines.as_bytes());
    }
    alice.take();
    alice.limit_space(0);
    server.send(
        &alice,
        b"/ping\n/rooms\n@bob:late\n/join lobby\nlate\n/rooms\n",
    );
    assert!(alice.is_closed());
    assert_eq!(bob.text(), "* alice has left lobby.\n");
    server.send(&bob, b"/rooms\n");
    assert_eq!(bob.text(), "* 1 room:\n*   lobby, 1 user\n");
}

/// Limits under which two full queues are too much, and the larger is closed.
fn little_room() -> Limits {
    Limits {
        line_bytes_max: 64,
        output_soft_bytes_max: 2048,
        output_hard_bytes_max: 4096,
        output_total_bytes_max: 4096,
        ..Limits::default()
    }
}

#[test]
fn sender_closed_by_the_total_limit_executes_nothing_more() {
    let mut server = VirtualServer::new(little_room());
    let [alice, bob, carol, dave] = server.register_all(["alice", "bob", "carol", "dave"]);
    // Past half of the hard limit, alice would not be served.
    for (client, name, waiting) in [
        (&alice, "alice", 1850),
        (&bob, "bob", 2850),
        (&dave, "dave", 3850),
    ] {
        client.limit_space(0);
        let line = format!("@{name}:{}\n", "x".repeat(50));
        while server.switchboard.waiting_bytes() < waiting {
            server.send(&carol, line.as_bytes());
        }
    }
    carol.take();
    let long = "y".repeat(40);
    let lines = format!("@bob:{long}\n").repeat(10);
    server.send(&alice, (lines + "late\n@carol:late\n").as_bytes());
    assert!(alice.is_closed() && !bob.is_closed());
    let heard = carol.text();
    assert!(heard.starts_with("* alice has left lobby.\n"), "{heard}");
    assert!(!heard.contains("late"), "{heard}");
    // Carol is told which messages alice did not get; bob gets the earlier ones.
    assert!(
        heard.contains("messages to alice were not delivered"),
        "{heard}"
    );
    server.set_space(&bob, usize::MAX);
    assert!(bob.text().contains(&format!("@alice: {long}\n")));
}

/// Members closed while a line was on its way to them, one of them its speaker: "sending to
/// disconnected clients turns out to be a bad idea" (solanum, pull request 526).
#[test]
fn line_that_closes_a_recipient_reaches_the_others_once() {
    let mut server = VirtualServer::new(little_room());
    let [alice, bob, carol, dave] = server.register_all(["alice", "bob", "carol", "dave"]);
    server.send(&alice, b"/echo on\n");
    alice.take();
    for (client, name, waiting) in [
        (&alice, "alice", 1500),
        (&bob, "bob", 2800),
        (&carol, "carol", 3900),
    ] {
        client.limit_space(0);
        let line = format!("@{name}:{}\n", "x".repeat(30));
        while server.switchboard.waiting_bytes() < waiting {
            server.send(&dave, line.as_bytes());
        }
    }
    dave.take();
    assert!(server.switchboard.waiting_bytes() <= 4096);
    server.send(&alice, format!("{}\n", "z".repeat(60)).repeat(3).as_bytes());
    assert!(alice.is_closed(), "the largest");
    assert!(!bob.is_closed() && !carol.is_closed());
    let heard = dave.text();
    let lines = heard.matches("alice: zzz").count();
    assert!((1..=3).contains(&lines), "{heard}");
    for client in [&bob, &carol] {
        server.set_space(client, usize::MAX);
        assert_eq!(client.text().matches("alice: zzz").count(), lines);
    }
}

/// A question of a few bytes whose answer has no bound: with pipelining, the output of one client grows
/// as it likes (Redis, CVE-2025-21605). Here each answer is far below the hard limit, so that a client
/// can always be made to wait behind it.
#[test]
fn answer_fits_in_an_eighth_of_the_hard_limit() {
    let limits = Limits::default();
    let mut server = VirtualServer::new(limits.clone());
    let [asker] = server.register_all(["asker"]);
    let mut crowd = Vec::new();
    // Names, rooms and topics as long as they may be, of the characters longest in JSON.
    let topic = "\"".repeat(300);
    for number in 0..150 {
        let client = server.connect_ungreeted("127.0.0.1:1");
        let name = format!("{:x<24}", format!("n{number}y"));
        let mut lines = format!("#{name}\n");
        for room in 0..19 {
            let room = format!("{:z<32}", format!("r{}y", number * 19 + room));
            let _ = write!(lines, "/join {room}\n/topic {topic}\n");
        }
        let _ = write!(lines, "/away {topic}\n/join {:z<32}\n", "r0y");
        server.deliver(&client, lines.as_bytes());
        crowd.push((client, name));
        asker.take();
    }
    server.run();
    let mut setup = String::from("/echo on\n");
    for (_, name) in crowd.iter().take(100) {
        let _ = writeln!(setup, "/ignore {name}");
    }
    for room in 0..19 {
        let _ = writeln!(setup, "/join {:z<32}", format!("r{room}y"));
    }
    server.send(&asker, setup.as_bytes());
    let sixteen: Vec<&str> = crowd[100..116]
        .iter()
        .map(|(_, name)| name.as_str())
        .collect();
    let long = "\"".repeat(3000);
    let questions = [
        "/rooms\n".to_owned(),
        "/rooms 2\n".to_owned(),
        "/names *\n".to_owned(),
        "/names\n".to_owned(),
        "/ignore\n".to_owned(),
        "/help\n".to_owned(),
        "/stats\n".to_owned(),
        format!("/whois {}\n", crowd[0].1),
        format!("/join {:z<32}\n", "r0y"),
        format!("/ping {long}\n"),
        format!("@{}:{long}\n", sixteen.join(",")),
        format!("@{}:x\n", ["no\u{e4}body"; 16].join(",")),
        format!("{}\n", "\u{fffd}".repeat(1300)),
    ];
    for mode in ["/mode plain\n", "/mode json\n"] {
        server.send(&asker, mode.as_bytes());
        for question in &questions {
            asker.take();
            server.send(&asker, question.as_bytes());
            let answer = asker.take().len();
            assert!(answer > 0, "{question}");
            assert!(
                answer < limits.output_hard_bytes_max / 8,
                "{answer} bytes for {question}"
            );
        }
    }
}

/// Answers to a client already gone: solanum, pull request 526. An operator that killed itself: ngIRCd,
/// issue 43. A client freed by its own command, which then went on with it: ngIRCd, issue 344.
#[test]
fn lines_behind_a_quit_are_not_executed() {
    for quit in ["/quit", "/quit see you", "quit", "exit", "/bye"] {
        let mut server = VirtualServer::new(Limits::default());
        let [alice, bob] = server.register_all(["alice", "bob"]);
        server.send(&alice, b"/quiet on\n");
        alice.take();
        let guest = server.connect("127.0.0.1:1");
        let lines = format!(
            "#guest\n/join den\n/topic t\n/ignore bob\n/echo on\n@guest:me\n{quit}\n\
             @bob:late\n/nick bob2\n/join lobby\nlate\n@guest:late\n/quit again\n"
        );
        server.send(&guest, lines.as_bytes());
        let heard = guest.text();
        assert!(
            heard.ends_with("* Bye.\n") && !heard.contains("late"),
            "{heard}"
        );
        assert!(guest.socket.borrow().shut);
        let counts = server.switchboard.chat().counts();
        assert_eq!((counts.registered, counts.rooms), (2, 1));
        assert_eq!(alice.text(), "");
        for line in bob.text().lines() {
            assert!(line.starts_with("* guest has "), "{line}");
        }
    }
}

/// Arguments that crashed other servers: none at all (Mosquitto, CVE-2021-34432: a topic of no bytes;
/// charybdis, issue 63: a parameter missing), numbers past every type (nats-server, CVE-2026-27889),
/// texts that are empty once cleaned (ircd-hybrid, CVE-2009-4016), patterns that take for ever (Redis,
/// CVE-2022-36021 and CVE-2024-31228), formats.
const NASTY: [&str; 34] = [
    "",
    " ",
    "\t",
    "\u{1}",
    "\u{1}\u{2}",
    "\u{feff}",
    ":",
    ",",
    ",,",
    "#",
    "##",
    "@",
    "@,:",
    "*",
    "* *",
    "* 0",
    "* -1",
    "* 18446744073709551615",
    "* 18446744073709551616",
    "lobby 4294967297",
    "lobby 2x",
    "0",
    "-1",
    "9223372036854775808",
    "%s%n%x",
    "{}{0}",
    "../../etc/passwd",
    "$(id)`id`;id",
    "a,a,A,a",
    "lobby,lobby x",
    "on off",
    "\\x00\\n",
    "a:b:c",
    "\u{202e}x",
];

#[test]
fn command_has_one_answer_with_any_arguments() {
    let stars = "*".repeat(2000) + "b";
    let question_marks = "a?".repeat(1900);
    let commas = ",a".repeat(1900);
    let long =
        ["a", "ä", "\u{1f469}\u{200d}", "\"", "\\"].map(|part| part.repeat(4000 / part.len()));
    let texts = [&stars, &question_marks, &commas].into_iter().chain(&long);
    let texts: Vec<&str> = texts.map(String::as_str).chain(NASTY).collect();
    let commands = COMMANDS.iter().filter(|entry| entry.verb != Verb::Quit);
    let names = commands.flat_map(|entry| entry.names.iter().copied());
    let lines: String = names
        .chain(["", "/", "nosuch"])
        .flat_map(|name| texts.iter().map(move |text| format!("/{name} {text}\n")))
        .chain(
            texts
                .iter()
                .map(|text| format!("@{text}\n#{text}\n@b{text}: {text}\n")),
        )
        .collect();
    // Without a name, in the lobby, and in no room.
    for start in ["", "#zoe\n", "#zoe\n/part\n"] {
        let mut server = VirtualServer::new(Limits::default());
        let client = server.connect("127.0.0.1:1");
        server.send(&client, b"/mode json\n");
        client.take();
        let script = format!("{start}{lines}/ping at the end\n");
        server.send(&client, script.as_bytes());
        let heard = client.text();
        let heard = heard
            .lines()
            .map(|line| serde_json::from_str(line).unwrap());
        let is_answer = |line: &Value| line["type"] == "ok" || line["type"] == "error";
        let answers: Vec<Value> = heard.filter(is_answer).collect();
        assert_eq!(answers.len(), script.lines().count());
        assert_eq!(answers.last().unwrap()["text"], "pong at the end");
    }
}

/// More triplets than the answer had room for, before any login: GNU inetutils' telnetd,
/// CVE-2026-32746. More options at once than answers had room for, and some got none: Contiki,
/// CVE-2021-40523.
#[test]
fn telnet_options_are_all_answered_when_sent_at_once() {
    let mut server = VirtualServer::new(Limits::default());
    let client = server.connect("127.0.0.1:1");
    client.take();
    let mut bytes = Vec::new();
    for option in 0..=255 {
        bytes.extend([255, 253, option, 255, 251, option]);
    }
    // LINEMODE's special characters, ten times as many as there are.
    bytes.extend([255, 250, 34, 3]);
    for function in 0..=255 {
        bytes.extend([function, 2, 7].map(|byte: u8| byte.min(254)));
    }
    bytes.extend([255, 240]);
    bytes.extend(b"/ping end\n/quit\n");
    server.send(&client, &bytes);
    let timing_mark = 6;
    let expected = (0..=255).flat_map(|option| {
        let refusal = if option == timing_mark { 251 } else { 252 };
        [255, refusal, option, 255, 254, option]
    });
    let mut expected: Vec<u8> = expected.collect();
    expected.extend(b"* pong end\r\n* Bye.\r\n");
    assert_eq!(client.take(), expected);
}
