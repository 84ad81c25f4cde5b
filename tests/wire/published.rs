//! Kinds of failure published for other servers that need exact control of what the kernel takes.

use std::fmt::Write;

use chinwag::config::Limits;

use crate::support::VirtualServer;

/// A client evicted while its own command was carried out, which then went on with it: Redis,
/// CVE-2026-23479.
#[test]
fn who_is_closed_by_its_own_answer_does_nothing_more() {
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

/// Limits under which two full queues are too much, and the larger goes.
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
fn who_is_closed_for_all_queues_by_its_own_message_does_nothing_more() {
    let mut server = VirtualServer::new(little_room());
    let [alice, bob, carol, dave] = server.register_all(["alice", "bob", "carol", "dave"]);
    // Half of the hard limit may wait for alice: with more she is not served.
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
    // Carol is told what alice did not get; bob gets what was said before.
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
fn a_line_that_closes_whom_it_reaches_reaches_the_others_once() {
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
/// as it likes (Redis, CVE-2025-21605). Of whatever is asked here, the answer is far below what may
/// wait for a client, so that it can always be made to wait behind it.
#[test]
fn no_answer_is_larger_than_what_may_wait() {
    let limits = Limits::default();
    let mut server = VirtualServer::new(limits.clone());
    let [asker] = server.register_all(["asker"]);
    let mut crowd = Vec::new();
    // Names, rooms and topics as long as they may be, of what is longest once it is encoded.
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
