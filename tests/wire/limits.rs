//! One below, at and above each limit of the wire and the server.

use std::time::Duration;

use chinwag::chat::time::Timestamp;
use chinwag::config::Limits;

use crate::script::{check, check_with};
use crate::support::{VirtualClient, VirtualServer};

fn text(client: &VirtualClient) -> String {
    String::from_utf8(client.take()).unwrap()
}

/// A client far away, so that every limit applies, registered as `name`.
fn register(server: &mut VirtualServer, peer: &str, name: &str) -> VirtualClient {
    let client = server.connect_in_silence(peer);
    server.send(&client, format!("#{name}\n").as_bytes());
    assert!(text(&client).contains(&format!("registered as {name}.")));
    client
}

#[test]
fn a_line_of_4096_bytes_passes_and_a_longer_one_is_dropped_whole() {
    let too_long = "alice< ! That line is too long: 4096 bytes at most. Nothing of it was used; \
                    send it in pieces.\n";
    for (length, passes) in [(4095, true), (4096, true), (4097, false), (9000, false)] {
        for end in ["", "\\r"] {
            let line = format!("/ping {}", "x".repeat(length - 6));
            let answer = match (passes, end) {
                (true, end) => format!("alice< * pong {}{end}\n", &line[6..]),
                (false, _) => too_long.to_owned(),
            };
            check(&format!(
                "alice> {line}{end}\n{answer}alice> /ping 2\nalice< * pong 2{end}"
            ));
        }
    }
}

#[test]
fn names_and_notes_at_their_limits() {
    let note = "n".repeat(300);
    check(&format!(
        "alice> #alice
        alice< * You are registered as alice.
        alice< * You are in lobby, and nobody else is.
        alice> /topic {note}
        alice< * The topic of lobby is: {note}
        alice> /topic {note}n
        alice< ! That text is too long: 300 bytes at most.
        alice> /away {note}n
        alice< ! That text is too long: 300 bytes at most.
        alice> /quit {note}n
        alice< ! That text is too long: 300 bytes at most.
        alice> @{sixteen}:x
        alice< @alice: x
        alice> @{sixteen},alice:x
        alice< ! A private message goes to 16 users at most. Use a room: /join ROOM.",
        sixteen = ["alice"; 16].join(",")
    ));
}

#[test]
fn a_client_is_in_so_many_rooms_at_most() {
    let limits = Limits {
        rooms_per_client_max: 2,
        ..Limits::default()
    };
    check_with(
        &limits,
        "alice> #alice
        alice< * You are registered as alice.
        alice< * You are in lobby, and nobody else is.
        alice> /join b
        alice< * You are in b, and nobody else is.
        alice> /join c
        alice< ! You are in 2 rooms, which is as many as there may be. Leave one with /part ROOM.
        alice> /join lobby
        alice< * You are in lobby, and nobody else is.",
    );
}

#[test]
fn who_does_not_register_in_time_is_told_and_closed() {
    check(
        "alice> #alice
        alice< * You are registered as alice.
        alice< * You are in lobby, and nobody else is.
        bob> /ping
        bob< * pong
        +59.7
        bob> /ping
        bob< * pong
        +0.3
        bob< ! You did not register in time. Connect again, and type #yourname.
        bob$
        +1000
        alice> /ping
        alice< * pong",
    );
}

#[test]
fn lines_past_the_rate_are_read_later_and_none_is_lost() {
    let mut server = VirtualServer::new(Limits::default());
    let alice = register(&mut server, "192.0.2.1:1", "alice");
    let bob = register(&mut server, "192.0.2.2:1", "bob");
    text(&alice);
    let lines: String = (0..100).map(|number| format!("@bob:{number}\n")).collect();
    server.send(&alice, lines.as_bytes());
    // The registration was the first line of the burst.
    assert_eq!(text(&bob).lines().count(), 39);
    server.pass(Duration::from_millis(99));
    assert_eq!(text(&bob).lines().count(), 0);
    server.pass(Duration::from_millis(1));
    assert_eq!(text(&bob), "@alice: 39\n");
    server.pass(Duration::from_secs(6));
    let rest: String = (40..100)
        .map(|number| format!("@alice: {number}\n"))
        .collect();
    assert_eq!(text(&bob), rest);
    assert!(!alice.is_closed());
}

#[test]
fn what_is_no_line_of_text_counts_for_the_rate_too() {
    const NO_TEXT: [&[u8]; 4] = [b"\n", b"\r\n", b"\xff\xfd\x06", b"\xff\xf6"];
    for nothing in NO_TEXT {
        let mut server = VirtualServer::new(Limits::default());
        let alice = register(&mut server, "192.0.2.1:1", "alice");
        text(&alice);
        server.send(&alice, &[&nothing.repeat(39)[..], b"/ping now\n"].concat());
        let answered = || String::from_utf8_lossy(&alice.take()).contains("pong now");
        assert!(!answered(), "{nothing:?}");
        server.pass(Duration::from_millis(100));
        assert!(answered(), "{nothing:?}");
    }
}

#[test]
fn an_end_of_input_behind_too_many_lines_waits_for_them() {
    let mut server = VirtualServer::new(Limits::default());
    let bob = register(&mut server, "192.0.2.2:1", "bob");
    let alice = register(&mut server, "192.0.2.1:1", "alice");
    text(&bob);
    let lines: String = (0..60).map(|number| format!("@bob:{number}\n")).collect();
    server.send(&alice, lines.as_bytes());
    server.half_close(&alice);
    assert!(!alice.is_closed());
    server.pass(Duration::from_secs(10));
    assert_eq!(
        text(&bob)
            .lines()
            .filter(|line| line.starts_with('@'))
            .count(),
        60
    );
    assert!(alice.is_closed());
}

#[test]
fn loopback_has_no_line_rate_unless_asked_for() {
    for (limit_loopback, at_once) in [(false, 200), (true, 39)] {
        let mut server = VirtualServer::new(Limits {
            limit_loopback,
            ..Limits::default()
        });
        let alice = register(&mut server, "127.0.0.1:1", "alice");
        server.send(&alice, "/ping\n".repeat(200).as_bytes());
        assert_eq!(text(&alice).lines().count(), at_once);
    }
}

#[test]
fn who_has_a_name_and_sits_there_wakes_nobody() {
    let mut server = VirtualServer::new(Limits::default());
    let _alice = register(&mut server, "127.0.0.1:1", "alice");
    assert_eq!(server.switchboard.next_deadline(), Timestamp::NEVER);
    assert!(!server.switchboard.is_busy());
}

#[test]
fn a_turn_serves_everyone_before_a_flooder_again() {
    let mut server = VirtualServer::new(Limits::default());
    let flooder = register(&mut server, "127.0.0.1:1", "flooder");
    let other = register(&mut server, "127.0.0.1:2", "other");
    text(&flooder);
    flooder
        .wire
        .borrow_mut()
        .to_server
        .push_back("/ping\n".repeat(1000).into_bytes());
    other
        .wire
        .borrow_mut()
        .to_server
        .push_back(b"/ping\n".to_vec());
    let readable = chinwag::server::switchboard::Readiness {
        readable: true,
        ..Default::default()
    };
    server.switchboard.ready(flooder.id, readable);
    server.switchboard.ready(other.id, readable);
    server.turn();
    assert_eq!(text(&flooder).lines().count(), 64);
    assert_eq!(text(&other), "* pong\n");
    server.run();
    assert_eq!(text(&flooder).lines().count(), 1000 - 64);
}

#[test]
fn what_is_no_line_has_its_share_of_a_turn_too() {
    for nothing in [&b"\n"[..], b"\xff\xfd\x06", b"\x01\n"] {
        let mut server = VirtualServer::new(Limits::default());
        let flooder = register(&mut server, "127.0.0.1:1", "flooder");
        let mut bytes = nothing.repeat(64);
        bytes.extend_from_slice(b"/ping\n");
        flooder.wire.borrow_mut().to_server.push_back(bytes);
        let readable = chinwag::server::switchboard::Readiness {
            readable: true,
            ..Default::default()
        };
        server.switchboard.ready(flooder.id, readable);
        server.turn();
        assert!(!flooder.take().ends_with(b"pong\n"));
        server.run();
        assert!(flooder.take().starts_with(b"* pong"));
    }
}

#[test]
fn who_has_quit_is_gone_for_whoever_is_served_next() {
    let mut server = VirtualServer::new(Limits::default());
    let alice = register(&mut server, "127.0.0.1:1", "alice");
    let bob = register(&mut server, "127.0.0.1:2", "bob");
    text(&alice);
    let readable = chinwag::server::switchboard::Readiness {
        readable: true,
        ..Default::default()
    };
    for (client, line) in [(&alice, "/quit\n"), (&bob, "@alice:are you there\n")] {
        let line = line.as_bytes().to_vec();
        client.wire.borrow_mut().to_server.push_back(line);
        server.switchboard.ready(client.id, readable);
    }
    server.turn();
    assert_eq!(
        text(&bob),
        "* alice has left lobby.\n! There is no user alice. /names * lists everyone.\n"
    );
}

#[test]
fn so_many_connect_and_the_next_is_told_and_closed() {
    let limits = Limits {
        clients_max: 2,
        ..Limits::default()
    };
    let mut server = VirtualServer::new(limits);
    let first = server.connect("192.0.2.1:1");
    let _second = server.connect("192.0.2.2:1");
    let third = server.connect("192.0.2.3:1");
    assert_eq!(text(&third), "! The server is full. Try again later.\n");
    assert!(third.wire.borrow().shut);
    server.pass(Duration::from_secs(2));
    assert!(third.is_closed());
    server.half_close(&first);
    assert!(first.is_closed());
    let fourth = server.connect("192.0.2.4:1");
    assert!(text(&fourth).starts_with("* You are connected"));
}

#[test]
fn many_turned_away_at_once_hold_no_places() {
    let limits = Limits {
        clients_max: 1,
        ..Limits::default()
    };
    let mut server = VirtualServer::new(limits);
    let _only = server.connect("192.0.2.1:1");
    let turned_away: Vec<_> = (0..100).map(|_| server.connect("192.0.2.3:1")).collect();
    for client in &turned_away {
        assert_eq!(text(client), "! The server is full. Try again later.\n");
    }
    assert!(server.switchboard.connection_count() <= 32);
    server.pass(Duration::from_secs(2));
    assert!(turned_away.iter().all(VirtualClient::is_closed));
    assert_eq!(server.switchboard.connection_count(), 1);
}

#[test]
fn an_address_has_so_many_connections() {
    let mut server = VirtualServer::new(Limits::default());
    let clients: Vec<_> = (0..17)
        .map(|port| server.connect(&format!("192.0.2.1:{port}")))
        .collect();
    let refused = "! There are too many connections from your address. Close one, and try again.\n";
    assert!(
        clients[..16]
            .iter()
            .all(|client| text(client).starts_with("* You are"))
    );
    assert_eq!(text(&clients[16]), refused);
    assert!(text(&server.connect("192.0.2.2:1")).starts_with("* You are"));
    server.reset(&clients[0]);
    assert!(text(&server.connect("192.0.2.1:99")).starts_with("* You are"));
}

/// Small queues, so that a test is short.
fn small_queues() -> Limits {
    Limits {
        line_bytes_max: 250,
        output_soft_bytes_max: 1000,
        output_hard_bytes_max: 2000,
        ..Limits::default()
    }
}

#[test]
fn a_slow_reader_misses_room_lines_and_is_told_how_many() {
    let mut server = VirtualServer::new(small_queues());
    let alice = register(&mut server, "127.0.0.1:1", "alice");
    let bob = register(&mut server, "127.0.0.1:2", "bob");
    let carol = register(&mut server, "127.0.0.1:3", "carol");
    let _ = (text(&alice), text(&bob), text(&carol));
    bob.wire.borrow_mut().room = 0;
    let line = "x".repeat(91);
    for _ in 0..100 {
        server.send(&alice, format!("{line}\n").as_bytes());
    }
    server.send(&alice, b"@bob:private still comes\n");
    assert_eq!(
        text(&carol).lines().count(),
        100,
        "one slow reader does not stop the rest"
    );
    assert_eq!(text(&alice), "", "a private message that fits is no error");
    server.make_room(&bob, usize::MAX);
    // "alice: " and the line and its end are 99 bytes: ten fit into 1000.
    let expected = format!(
        "{}@alice: private still comes\n* You missed 90 lines in lobby.\n",
        format!("alice: {line}\n").repeat(10)
    );
    assert_eq!(text(&bob), expected);
    server.send(&alice, b"now\n");
    assert_eq!(text(&bob), "alice: now\n");
}

#[test]
fn a_gap_goes_on_until_all_was_read_though_there_is_room_before() {
    let mut server = VirtualServer::new(small_queues());
    let alice = register(&mut server, "127.0.0.1:1", "alice");
    let bob = register(&mut server, "127.0.0.1:2", "bob");
    text(&bob);
    bob.wire.borrow_mut().room = 0;
    let line = "x".repeat(91);
    for _ in 0..20 {
        server.send(&alice, format!("{line}\n").as_bytes());
    }
    server.make_room(&bob, 900);
    server.send(&alice, b"short\n");
    server.make_room(&bob, usize::MAX);
    let expected = format!(
        "{}* You missed 11 lines in lobby.\n",
        format!("alice: {line}\n").repeat(10)
    );
    assert_eq!(text(&bob), expected);
}

#[test]
fn a_reader_that_has_its_turn_misses_nothing_however_much_comes_at_once() {
    let mut server = VirtualServer::new(small_queues());
    let alice = register(&mut server, "127.0.0.1:1", "alice");
    let bob = register(&mut server, "127.0.0.1:2", "bob");
    text(&bob);
    // Far more than the soft limit in one turn, to a socket that takes everything.
    server.send(
        &alice,
        format!("{}\n", "y".repeat(200)).repeat(60).as_bytes(),
    );
    assert_eq!(text(&bob).lines().count(), 60);
    server.send(
        &alice,
        format!("@bob:{}\n", "y".repeat(200)).repeat(60).as_bytes(),
    );
    assert_eq!(text(&bob).lines().count(), 60);
}

#[test]
fn a_reader_past_the_hard_limit_is_closed_and_every_sender_told() {
    let mut server = VirtualServer::new(small_queues());
    let alice = register(&mut server, "127.0.0.1:1", "alice");
    let bob = register(&mut server, "127.0.0.1:2", "bob");
    let carol = register(&mut server, "127.0.0.1:3", "carol");
    let _ = (text(&alice), text(&bob), text(&carol));
    bob.wire.borrow_mut().room = 0;
    // "@alice: " and 91 and an end are 100 bytes: twenty fit into 2000.
    let line = format!("@bob:{}\n", "z".repeat(91));
    for _ in 0..19 {
        server.send(&alice, line.as_bytes());
    }
    server.send(&carol, line.as_bytes());
    assert_eq!((text(&alice), text(&carol)), (String::new(), String::new()));
    server.send(&alice, line.as_bytes());
    let told = text(&alice);
    let told: Vec<_> = told.lines().collect();
    assert_eq!(
        told,
        [
            "! Not delivered: too much is waiting unread for bob.",
            "* bob has left lobby.",
            "! Your last 19 messages to bob were not delivered: bob is gone.",
        ]
    );
    assert_eq!(
        text(&carol),
        "* bob has left lobby.\n! Your last message to bob was not delivered: bob is gone.\n"
    );
    assert!(bob.is_closed());
}

#[test]
fn a_reader_without_progress_is_closed_and_one_with_a_little_is_not() {
    let mut server = VirtualServer::new(Limits::default());
    let alice = register(&mut server, "127.0.0.1:1", "alice");
    let stuck = register(&mut server, "127.0.0.1:2", "stuck");
    let slow = register(&mut server, "127.0.0.1:3", "slow");
    stuck.wire.borrow_mut().room = 0;
    slow.wire.borrow_mut().room = 0;
    server.send(&alice, format!("{}\n", "x".repeat(1000)).as_bytes());
    for _ in 0..5 {
        server.pass(Duration::from_secs(29));
        server.make_room(&slow, 1);
    }
    assert!(stuck.is_closed());
    assert!(!slow.is_closed());
    server.pass(Duration::from_millis(29_900));
    assert!(!slow.is_closed());
    server.pass(Duration::from_millis(200));
    assert!(slow.is_closed());
}

#[test]
fn to_be_told_of_room_that_is_not_there_is_no_progress() {
    let mut server = VirtualServer::new(Limits::default());
    let alice = register(&mut server, "127.0.0.1:1", "alice");
    let stuck = register(&mut server, "127.0.0.1:2", "stuck");
    stuck.wire.borrow_mut().room = 0;
    server.send(&alice, b"hello\n");
    for _ in 0..3 {
        server.pass(Duration::from_secs(9));
        server.make_room(&stuck, 0);
    }
    assert!(!stuck.is_closed());
    server.pass(Duration::from_secs(4));
    assert!(stuck.is_closed());
}

#[test]
fn an_end_that_is_told_together_with_the_last_bytes_is_seen() {
    let mut server = VirtualServer::new(Limits::default());
    let alice = register(&mut server, "127.0.0.1:1", "alice");
    {
        let mut wire = alice.wire.borrow_mut();
        wire.to_server.push_back(b"/ping last".to_vec());
        wire.half_closed = true;
    }
    let both = chinwag::server::switchboard::Readiness {
        readable: true,
        writable: false,
        hung_up: true,
    };
    server.switchboard.ready(alice.id, both);
    server.run();
    assert_eq!(text(&alice), "* pong last\n");
    assert!(alice.is_closed());
}

#[test]
fn when_all_queues_are_too_large_the_largest_goes_first() {
    let limits = Limits {
        // Thirty lines of a hundred bytes, and sixteen for each to know whose it is.
        output_total_bytes_max: 30 * 116,
        ..small_queues()
    };
    let mut server = VirtualServer::new(limits);
    let alice = register(&mut server, "127.0.0.1:1", "alice");
    let others: Vec<_> = ["b", "c", "d"]
        .iter()
        .enumerate()
        .map(|(place, name)| register(&mut server, &format!("127.0.0.1:{}", place + 2), name))
        .collect();
    for other in &others {
        other.wire.borrow_mut().room = 0;
    }
    let write = |server: &mut VirtualServer, to: &str, bytes: usize| {
        server.send(
            &alice,
            format!("@{to}:{}\n", "x".repeat(bytes - 9)).as_bytes(),
        );
    };
    for (to, count) in [("b", 9), ("c", 12), ("d", 9)] {
        for _ in 0..count {
            write(&mut server, to, 100);
        }
    }
    assert_eq!(server.switchboard.waiting_bytes(), 30 * 116);
    text(&alice);
    write(&mut server, "b", 100);
    let told = text(&alice);
    assert!(
        told.contains("Your last 12 messages to c were not delivered"),
        "{told}"
    );
    assert!(others[1].is_closed() && !others[0].is_closed() && !others[2].is_closed());
}

#[test]
fn a_client_that_does_not_read_its_answers_has_to_wait_and_loses_none() {
    let mut server = VirtualServer::new(small_queues());
    let alice = register(&mut server, "127.0.0.1:1", "alice");
    alice.wire.borrow_mut().room = 0;
    let lines: String = (0..500).map(|number| format!("/ping {number}\n")).collect();
    server.send(&alice, lines.as_bytes());
    assert!(
        server.switchboard.waiting_bytes() <= 1020,
        "half of the hard limit and a line"
    );
    assert!(!alice.is_closed());
    let mut got = String::new();
    for _ in 0..1000 {
        server.make_room(&alice, 50);
        got += &text(&alice);
    }
    let expected: String = (0..500)
        .map(|number| format!("* pong {number}\n"))
        .collect();
    assert_eq!(got, expected);
}

#[test]
fn joins_in_a_large_room_are_summed_up() {
    let mut server = VirtualServer::new(Limits::default());
    let alice = register(&mut server, "127.0.0.1:1", "alice");
    let join = |server: &mut VirtualServer, from: usize, to: usize| -> Vec<VirtualClient> {
        (from..to)
            .map(|number| {
                register(
                    server,
                    &format!("127.0.0.1:{}", number + 2),
                    &format!("u{number}"),
                )
            })
            .collect()
    };
    let mut others = join(&mut server, 0, 49);
    assert_eq!(
        text(&alice).lines().count(),
        49,
        "told at once up to 50 members"
    );
    others.extend(join(&mut server, 49, 86));
    assert_eq!(text(&alice), "");
    for other in others.drain(..3) {
        server.half_close(&other);
    }
    server.pass(Duration::from_millis(999));
    assert_eq!(text(&alice), "");
    server.pass(Duration::from_millis(1));
    assert_eq!(
        text(&alice),
        "* u49, u50 and 35 others have joined lobby; 3 have left.\n"
    );
}

#[test]
fn a_shutdown_tells_everyone_and_writes_what_waits() {
    let mut server = VirtualServer::new(Limits::default());
    let alice = register(&mut server, "127.0.0.1:1", "alice");
    let bob = register(&mut server, "127.0.0.1:2", "bob");
    let _ = (text(&alice), text(&bob));
    bob.wire.borrow_mut().room = 0;
    server.send(&alice, b"@bob:before the end\n");
    server.switchboard.shut_down(server.now);
    assert_eq!(text(&alice), "* The server is shutting down.\n");
    server.make_room(&bob, usize::MAX);
    assert_eq!(
        text(&bob),
        "@alice: before the end\n* The server is shutting down.\n"
    );
    server.half_close(&alice);
    server.pass(Duration::from_secs(2));
    assert!(alice.is_closed() && bob.is_closed());
    assert_eq!(server.switchboard.connection_count(), 0);
}
