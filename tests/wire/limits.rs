//! One below, at and above each limit of the wire and the server.

use std::time::Duration;

use chinwag::chat::time::Timestamp;
use chinwag::config::Limits;

use crate::fan_out::crowd;
use crate::script::{check, check_with};
use crate::support::{VirtualClient, VirtualServer};

#[test]
fn line_of_4096_bytes_passes_and_a_longer_one_is_dropped() {
    let too_long =
        "alice< ! That line is too long: 4096 bytes at most. Nothing was sent. Split it.\n";
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
fn notes_and_recipients_are_refused_past_their_limits() {
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
        alice> @{sixteen}:x
        alice< @alice: x
        alice> @{sixteen},alice:x
        alice< ! A private message goes to 16 users at most. Use a room: /join ROOM.
        bob> #bob
        bob< * You are registered as bob.
        bob< * You are in lobby with 1 other: alice.
        bob< * The topic of lobby is: {note}
        alice< * bob has joined lobby.
        alice> /quit {note}n
        alice< * Bye.
        alice$
        bob< * alice has left lobby: {note}",
        sixteen = ["alice"; 16].join(",")
    ));
}

#[test]
fn client_is_refused_a_room_past_its_limit() {
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
        alice< * What you type is said in b now.
        alice> /join c
        alice< ! You are in 2 rooms, the most there may be. Leave one with /part ROOM.
        alice> /join lobby
        alice< * You are in lobby, and nobody else is.
        alice< * What you type is said in lobby now.",
    );
}

#[test]
fn unregistered_client_is_told_and_closed_in_time() {
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
    let alice = server.register("192.0.2.1:1", "alice");
    let bob = server.register("192.0.2.2:1", "bob");
    alice.text();
    let lines: String = (0..100).map(|number| format!("@bob:{number}\n")).collect();
    server.send(&alice, lines.as_bytes());
    // The registration counts as the first line of the burst.
    assert_eq!(bob.text().lines().count(), 39);
    server.advance(Duration::from_millis(99));
    assert_eq!(bob.text().lines().count(), 0);
    server.advance(Duration::from_millis(1));
    assert_eq!(bob.text(), "@alice: 39\n");
    server.advance(Duration::from_secs(6));
    let rest: String = (40..100)
        .map(|number| format!("@alice: {number}\n"))
        .collect();
    assert_eq!(bob.text(), rest);
    assert!(!alice.is_closed());
}

#[test]
fn empty_lines_and_telnet_count_for_the_line_rate() {
    const NO_TEXT: [&[u8]; 4] = [b"\n", b"\r\n", b"\xff\xfd\x06", b"\xff\xf6"];
    for nothing in NO_TEXT {
        let mut server = VirtualServer::new(Limits::default());
        let alice = server.register("192.0.2.1:1", "alice");
        alice.text();
        server.send(&alice, &[&nothing.repeat(39)[..], b"/ping now\n"].concat());
        let answered = || String::from_utf8_lossy(&alice.take()).contains("pong now");
        assert!(!answered(), "{nothing:?}");
        server.advance(Duration::from_millis(100));
        assert!(answered(), "{nothing:?}");
    }
}

#[test]
fn end_of_input_waits_for_rate_limited_lines() {
    let mut server = VirtualServer::new(Limits::default());
    let bob = server.register("192.0.2.2:1", "bob");
    let alice = server.register("192.0.2.1:1", "alice");
    bob.text();
    let lines: String = (0..60).map(|number| format!("@bob:{number}\n")).collect();
    server.send(&alice, lines.as_bytes());
    server.half_close(&alice);
    assert!(!alice.is_closed());
    server.advance(Duration::from_secs(10));
    assert_eq!(
        bob.text()
            .lines()
            .filter(|line| line.starts_with('@'))
            .count(),
        60
    );
    assert!(alice.is_closed());
}

#[test]
fn loopback_is_not_limited_unless_asked_for() {
    for (limit_loopback, at_once) in [(false, 200), (true, 39)] {
        let mut server = VirtualServer::new(Limits {
            limit_loopback,
            ..Limits::default()
        });
        let alice = server.register("127.0.0.1:1", "alice");
        server.send(&alice, "/ping\n".repeat(200).as_bytes());
        assert_eq!(alice.text().lines().count(), at_once);
        let others = [(); 20].map(|()| server.connect("127.0.0.1:2").text());
        let refused = others.iter().filter(|text| text.starts_with("! "));
        assert_eq!(refused.count() > 0, limit_loopback);
    }
}

#[test]
fn idle_client_sets_no_deadline() {
    let mut server = VirtualServer::new(Limits::default());
    let _alice = server.register("127.0.0.1:1", "alice");
    assert_eq!(server.switchboard.next_deadline(), Timestamp::NEVER);
    assert!(!server.switchboard.is_busy());
}

#[test]
fn turn_serves_every_client_before_a_flooder_again() {
    let mut server = VirtualServer::new(Limits::default());
    let [flooder, other] = server.register_all(["flooder", "other"]);
    flooder
        .socket
        .borrow_mut()
        .to_server
        .push_back("/ping\n".repeat(1000).into_bytes());
    other
        .socket
        .borrow_mut()
        .to_server
        .push_back(b"/ping\n".to_vec());
    server.report_readable(&flooder);
    server.report_readable(&other);
    server.turn();
    assert_eq!(flooder.text().lines().count(), 64);
    assert_eq!(other.text(), "* pong\n");
    server.run();
    assert_eq!(flooder.text().lines().count(), 1000 - 64);
}

#[test]
fn empty_lines_and_telnet_count_for_the_turn_budget() {
    for nothing in [&b"\n"[..], b"\xff\xfd\x06", b"\x01\n"] {
        let mut server = VirtualServer::new(Limits::default());
        let flooder = server.register("127.0.0.1:1", "flooder");
        let mut bytes = nothing.repeat(64);
        bytes.extend_from_slice(b"/ping\n");
        flooder.socket.borrow_mut().to_server.push_back(bytes);
        server.report_readable(&flooder);
        server.turn();
        assert!(!flooder.take().ends_with(b"pong\n"));
        server.run();
        assert!(flooder.take().starts_with(b"* pong"));
    }
}

#[test]
fn client_that_quit_is_gone_for_the_next_one_served() {
    let mut server = VirtualServer::new(Limits::default());
    let [alice, bob] = server.register_all(["alice", "bob"]);
    for (client, line) in [(&alice, "/quit\n"), (&bob, "@alice:are you there\n")] {
        let line = line.as_bytes().to_vec();
        client.socket.borrow_mut().to_server.push_back(line);
        server.report_readable(client);
    }
    server.turn();
    assert_eq!(
        bob.text(),
        "* alice has left lobby.\n! There is no user alice. /names * lists everyone.\n"
    );
}

#[test]
fn connection_past_the_client_limit_is_told_and_closed() {
    let limits = Limits {
        clients_max: 2,
        ..Limits::default()
    };
    let mut server = VirtualServer::new(limits);
    let first = server.connect("192.0.2.1:1");
    let _second = server.connect("192.0.2.2:1");
    let third = server.connect("192.0.2.3:1");
    assert_eq!(third.text(), "! The server is full. Try again later.\n");
    assert!(third.socket.borrow().shut);
    server.advance(Duration::from_secs(2));
    assert!(third.is_closed());
    server.half_close(&first);
    assert!(first.is_closed());
    let fourth = server.connect("192.0.2.4:1");
    assert!(fourth.text().starts_with("* You are connected"));
}

#[test]
fn refused_connections_hold_no_places() {
    let limits = Limits {
        clients_max: 1,
        ..Limits::default()
    };
    let mut server = VirtualServer::new(limits);
    let _only = server.connect("192.0.2.1:1");
    let turned_away: Vec<_> = (0..100).map(|_| server.connect("192.0.2.3:1")).collect();
    for client in &turned_away {
        assert_eq!(client.text(), "! The server is full. Try again later.\n");
    }
    assert!(server.switchboard.connection_count() <= 32);
    server.advance(Duration::from_secs(2));
    assert!(turned_away.iter().all(VirtualClient::is_closed));
    assert_eq!(server.switchboard.connection_count(), 1);
}

#[test]
fn connection_past_the_address_limit_is_refused() {
    let refused = "! There are too many connections from your address. Close one, and try again.\n";
    for places in [Limits::default().clients_per_address_max, 2] {
        let mut server = VirtualServer::new(Limits {
            clients_per_address_max: places,
            ..Limits::default()
        });
        let mut greeting = |peer: &str| {
            let client = server.connect(peer);
            let text = client.text();
            (client, text)
        };
        let first: Vec<_> = (0..places).map(|_| greeting("192.0.2.1:1")).collect();
        assert!(first.iter().all(|(_, text)| text.starts_with("* You are")));
        for _ in 0..3 {
            assert_eq!(greeting("192.0.2.1:2").1, refused);
        }
        assert!(greeting("192.0.2.2:1").1.starts_with("* You are"));
        server.reset(&first[0].0);
        let again = server.connect("192.0.2.1:3");
        assert!(again.text().starts_with("* You are"));
        server.send(&again, b"/stats\n");
        assert!(again.text().contains(" 3 refused"));
    }
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
fn slow_reader_skips_room_lines_and_is_told_how_many() {
    let mut server = VirtualServer::new(small_queues());
    let [alice, bob, carol] = server.register_all(["alice", "bob", "carol"]);
    bob.limit_space(0);
    let line = "x".repeat(91);
    for _ in 0..100 {
        server.send(&alice, format!("{line}\n").as_bytes());
    }
    server.send(&alice, b"@bob:private still comes\n");
    assert_eq!(
        carol.text().lines().count(),
        100,
        "one slow reader does not stop the rest"
    );
    assert_eq!(alice.text(), "", "a private message that fits is no error");
    server.set_space(&bob, usize::MAX);
    // "alice: " and the line and its end are 99 bytes: ten fit into 1000.
    let expected = format!(
        "{}@alice: private still comes\n* You missed 90 lines in lobby.\n",
        format!("alice: {line}\n").repeat(10)
    );
    assert_eq!(bob.text(), expected);
    server.send(&alice, b"now\n");
    assert_eq!(bob.text(), "alice: now\n");
}

#[test]
fn skipped_lines_are_counted_in_each_room() {
    let mut server = VirtualServer::new(small_queues());
    let [alice, bob] = server.register_all(["alice", "bob"]);
    for client in [&alice, &bob] {
        server.send(client, b"/join dev\n");
        client.take();
    }
    bob.limit_space(0);
    let line = format!("{}\n", "x".repeat(91));
    for _ in 0..3 {
        for (room, lines) in [("lobby", 20), ("dev", 10)] {
            let lines = format!("/join {room}\n{}", line.repeat(lines));
            server.send(&alice, lines.as_bytes());
        }
    }
    server.set_space(&bob, usize::MAX);
    let text = bob.text();
    for (room, start, said) in [("lobby", "[lobby] alice: ", 60), ("dev", "alice: ", 30)] {
        let received = text.lines().filter(|line| line.starts_with(start)).count();
        let missed = format!("* You missed {} lines in {room}.\n", said - received);
        assert!(text.contains(&missed), "{missed}{text}");
    }
}

#[test]
fn room_lines_are_skipped_until_the_queue_is_read_empty() {
    let mut server = VirtualServer::new(small_queues());
    let [alice, bob] = server.register_all(["alice", "bob"]);
    bob.limit_space(0);
    let line = "x".repeat(91);
    for _ in 0..20 {
        server.send(&alice, format!("{line}\n").as_bytes());
    }
    server.set_space(&bob, 900);
    server.send(&alice, b"short\n");
    server.set_space(&bob, usize::MAX);
    let expected = format!(
        "{}* You missed 11 lines in lobby.\n",
        format!("alice: {line}\n").repeat(10)
    );
    assert_eq!(bob.text(), expected);
}

#[test]
fn reader_with_socket_space_skips_nothing_in_a_burst() {
    let mut server = VirtualServer::new(small_queues());
    let [alice, bob] = server.register_all(["alice", "bob"]);
    // Far more than the soft limit in one turn, to a socket that takes everything.
    server.send(
        &alice,
        format!("{}\n", "y".repeat(200)).repeat(60).as_bytes(),
    );
    assert_eq!(bob.text().lines().count(), 60);
    server.send(
        &alice,
        format!("@bob:{}\n", "y".repeat(200)).repeat(60).as_bytes(),
    );
    assert_eq!(bob.text().lines().count(), 60);
}

#[test]
fn reader_past_the_hard_limit_is_closed_and_senders_are_told() {
    let mut server = VirtualServer::new(small_queues());
    let [alice, bob, carol] = server.register_all(["alice", "bob", "carol"]);
    bob.limit_space(0);
    // "@alice: " and 91 and an end are 100 bytes: twenty fit into 2000.
    let line = format!("@bob:{}\n", "z".repeat(91));
    for _ in 0..19 {
        server.send(&alice, line.as_bytes());
    }
    server.send(&carol, line.as_bytes());
    assert_eq!((alice.text(), carol.text()), (String::new(), String::new()));
    server.send(&alice, line.as_bytes());
    let told = alice.text();
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
        carol.text(),
        "* bob has left lobby.\n! Your last message to bob was not delivered: bob is gone.\n"
    );
    assert!(bob.is_closed());
}

#[test]
fn reader_without_progress_is_closed_but_a_slow_one_is_not() {
    let mut server = VirtualServer::new(Limits::default());
    let alice = server.register("127.0.0.1:1", "alice");
    let stuck = server.register("127.0.0.1:2", "stuck");
    let slow = server.register("127.0.0.1:3", "slow");
    stuck.limit_space(0);
    slow.limit_space(0);
    server.send(&alice, format!("{}\n", "x".repeat(1000)).as_bytes());
    for _ in 0..5 {
        server.advance(Duration::from_secs(29));
        server.set_space(&slow, 1);
    }
    assert!(stuck.is_closed());
    assert!(!slow.is_closed());
    server.advance(Duration::from_millis(29_900));
    assert!(!slow.is_closed());
    server.advance(Duration::from_millis(200));
    assert!(slow.is_closed());
}

#[test]
fn writable_event_without_socket_space_is_no_progress() {
    let mut server = VirtualServer::new(Limits::default());
    let alice = server.register("127.0.0.1:1", "alice");
    let stuck = server.register("127.0.0.1:2", "stuck");
    stuck.limit_space(0);
    server.send(&alice, b"hello\n");
    for _ in 0..3 {
        server.advance(Duration::from_secs(9));
        server.set_space(&stuck, 0);
    }
    assert!(!stuck.is_closed());
    server.advance(Duration::from_secs(4));
    assert!(stuck.is_closed());
}

#[test]
fn hang_up_reported_with_the_last_bytes_is_seen() {
    let mut server = VirtualServer::new(Limits::default());
    let alice = server.register("127.0.0.1:1", "alice");
    {
        let mut socket = alice.socket.borrow_mut();
        socket.to_server.push_back(b"/ping last".to_vec());
        socket.half_closed = true;
    }
    let both = chinwag::server::switchboard::Readiness {
        readable: true,
        hung_up: true,
        read_closed: true,
        ..Default::default()
    };
    server.switchboard.ready(alice.id, both);
    server.run();
    assert_eq!(alice.text(), "* pong last\n");
    assert!(alice.is_closed());
}

#[test]
fn largest_queue_is_closed_when_the_total_limit_is_reached() {
    let limits = Limits {
        // Thirty lines of a hundred bytes, and a receipt of twenty bytes for each.
        output_total_bytes_max: 30 * 120,
        ..small_queues()
    };
    let mut server = VirtualServer::new(limits);
    let alice = server.register("127.0.0.1:1", "alice");
    let others: Vec<_> = ["b", "c", "d"]
        .iter()
        .enumerate()
        .map(|(place, name)| server.register(&format!("127.0.0.1:{}", place + 2), name))
        .collect();
    for other in &others {
        other.limit_space(0);
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
    assert_eq!(server.switchboard.waiting_bytes(), 30 * 120);
    alice.text();
    write(&mut server, "b", 100);
    let told = alice.text();
    assert!(
        told.contains("Your last 12 messages to c were not delivered"),
        "{told}"
    );
    assert!(others[1].is_closed() && !others[0].is_closed() && !others[2].is_closed());
}

#[test]
fn client_with_unread_answers_waits_and_loses_none() {
    let mut server = VirtualServer::new(small_queues());
    let alice = server.register("127.0.0.1:1", "alice");
    alice.limit_space(0);
    let lines: String = (0..500).map(|number| format!("/ping {number}\n")).collect();
    server.send(&alice, lines.as_bytes());
    assert!(
        server.switchboard.waiting_bytes() <= 1020,
        "half of the hard limit and a line"
    );
    assert!(!alice.is_closed());
    let mut got = String::new();
    for _ in 0..1000 {
        server.set_space(&alice, 50);
        got += &alice.text();
    }
    let expected: String = (0..500)
        .map(|number| format!("* pong {number}\n"))
        .collect();
    assert_eq!(got, expected);
}

#[test]
fn joins_in_a_large_room_are_summed_up() {
    let mut server = VirtualServer::new(Limits::default());
    let alice = server.register("127.0.0.1:1", "alice");
    let join = |server: &mut VirtualServer, from: usize, to: usize| -> Vec<VirtualClient> {
        (from..to)
            .map(|number| {
                server.register(&format!("127.0.0.1:{}", number + 2), &format!("u{number}"))
            })
            .collect()
    };
    let mut others = join(&mut server, 0, 49);
    assert_eq!(
        alice.text().lines().count(),
        49,
        "told at once up to 50 members"
    );
    others.extend(join(&mut server, 49, 86));
    assert_eq!(alice.text(), "");
    for other in others.drain(..3) {
        server.half_close(&other);
    }
    server.advance(Duration::from_millis(999));
    assert_eq!(alice.text(), "");
    server.advance(Duration::from_millis(1));
    assert_eq!(
        alice.text(),
        "* u49, u50 and 35 others have joined lobby; 3 have left.\n"
    );
}

#[test]
fn list_of_all_users_has_100_names_a_page() {
    let (mut server, clients) = crowd(101, Limits::default());
    let mut names = |page: &str| {
        server.send(&clients[0], format!("/names * {page}\n").as_bytes());
        clients[0].text()
    };
    for (page, count) in [("1", 100), ("2", 1)] {
        let text = names(page);
        let (first, rest) = text.split_once('\n').unwrap();
        assert_eq!(first, format!("* 101 registered, page {page} of 2:"));
        let lines = rest.lines().map(|line| line.strip_prefix("*   ").unwrap());
        let found: usize = lines.map(|names| names.split(", ").count()).sum();
        assert_eq!(found, count, "{text}");
    }
    assert_eq!(names("3"), "! There is no page 3: the last one is 2.\n");
}

#[test]
fn shutdown_notifies_every_client_and_writes_queued_output() {
    let mut server = VirtualServer::new(Limits::default());
    let [alice, bob] = server.register_all(["alice", "bob"]);
    bob.limit_space(0);
    server.send(&alice, b"@bob:before the end\n");
    server.switchboard.shut_down(server.now);
    assert_eq!(alice.text(), "* The server is shutting down.\n");
    server.set_space(&bob, usize::MAX);
    assert_eq!(
        bob.text(),
        "@alice: before the end\n* The server is shutting down.\n"
    );
    server.half_close(&alice);
    server.advance(Duration::from_secs(2));
    assert!(alice.is_closed() && bob.is_closed());
    assert_eq!(server.switchboard.connection_count(), 0);
}
