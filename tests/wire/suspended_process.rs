//! Events during a suspension of the process, and senders' notices when it exits.

use std::time::Duration;

use chinwag::config::Limits;
use chinwag::server::GREETING_TIME;

use crate::support::{GONE, VirtualClient, VirtualServer};

#[test]
fn unread_name_counts_as_given_in_time() {
    let mut server = VirtualServer::new(Limits::default());
    let alice = server.connect("127.0.0.1:1");
    let silent = server.connect("127.0.0.1:2");
    let _ = (alice.text(), silent.text());
    // The poll has not reported it: more happened than one poll reports.
    alice
        .socket
        .borrow_mut()
        .to_server
        .push_back(b"#alice\n".to_vec());
    server.now = server.now.after(Duration::from_secs(70));
    server.turn();
    assert!(alice.text().starts_with("* You are registered as alice.\n"));
    assert!(silent.text().starts_with("! "));
    server.advance(Duration::from_secs(3600));
    assert!(!alice.is_closed() && silent.is_closed());
}

/// Found by the simulation, seed 4314046161725478594: a client read again at its registration deadline
/// had a second budget in the same turn.
#[test]
fn client_read_at_its_deadline_gets_one_budget_a_turn() {
    let limits = Limits::default();
    let budget = limits.turn_lines_max;
    let mut server = VirtualServer::new(limits);
    let bob = server.register("127.0.0.1:1", "bob");
    let alice = server.connect("127.0.0.1:2");
    let lines = format!("#alice\n{}", "hello\n".repeat(3 * budget));
    let lines = lines.into_bytes();
    alice.socket.borrow_mut().to_server.push_back(lines);
    server.now = server.now.after(Duration::from_secs(70));
    for turn in 1..=3 {
        server.turn();
        let heard = bob.text().matches("alice: hello\n").count();
        // The name was the first of the lines.
        let expected = if turn == 1 { budget - 1 } else { budget };
        assert_eq!(heard, expected, "turn {turn}");
    }
}

#[test]
fn stalled_output_is_retried_before_the_client_is_closed() {
    let mut server = VirtualServer::new(Limits::default());
    let alice = server.register("127.0.0.1:1", "alice");
    let [bob, carol] = ["bob", "carol"].map(|name| server.register("127.0.0.1:2", name));
    for reader in [&bob, &carol] {
        let _ = reader.text();
        reader.limit_space(0);
    }
    server.send(&alice, b"@bob,carol:hello\n");
    bob.limit_space(3); // and the poll does not report it
    server.now = server.now.after(Duration::from_secs(31));
    server.run();
    assert!(!bob.is_closed() && carol.is_closed());
    assert_eq!(bob.text(), "@al");
    bob.limit_space(3); // the rest of a buffer, which the kernel does not report
    server.advance(Duration::from_secs(30));
    assert!(
        bob.is_closed(),
        "the server was there, and bob read nothing"
    );
}

#[test]
fn browser_is_not_greeted_when_its_request_waits() {
    let mut server = VirtualServer::new(Limits::default());
    let browser = server.accept("127.0.0.1:1");
    server.deliver(&browser, b"GET / HTTP/1.1\r\nHost: here\r\n\r\n");
    server.now = server.now.after(GREETING_TIME * 10);
    server.run();
    assert!(browser.text().starts_with("HTTP/1.1 "));
}

/// Alice has written to bob, whose socket takes nothing.
fn alice_writes_to_bob(limits: Limits) -> (VirtualServer, VirtualClient, VirtualClient) {
    let mut server = VirtualServer::new(limits);
    let [alice, bob, carol] = server.register_all(["alice", "bob", "carol"]);
    bob.limit_space(0);
    server.send(&alice, b"@bob:one\n@bob:two\n@alice:a note\n");
    assert_eq!(alice.text(), "@alice: a note\n");
    server.switchboard.shut_down(server.now);
    server.switchboard.check_invariants();
    assert_eq!(alice.text(), "* The server is shutting down.\n");
    assert!(carol.socket.borrow().shut, "carol waits for no reader");
    server.half_close(&carol);
    (server, alice, bob)
}

#[test]
fn sender_stays_at_shutdown_until_its_messages_are_read() {
    let (mut server, alice, bob) = alice_writes_to_bob(Limits::default());
    server.send(&alice, b"@bob:too late\n");
    assert!(!alice.socket.borrow().shut);
    server.set_space(&bob, 15);
    assert!(!alice.socket.borrow().shut, "one of two is written");
    server.set_space(&bob, usize::MAX);
    assert!(alice.socket.borrow().shut);
    assert_eq!(alice.text(), "");
    assert_eq!(
        bob.text(),
        "@alice: one\n@alice: two\n* The server is shutting down.\n"
    );
    server.advance(Duration::from_secs(2));
    assert_eq!(server.switchboard.connection_count(), 0);
}

#[test]
fn sender_is_told_at_shutdown_of_its_unread_messages() {
    for gives_up in [true, false] {
        let (mut server, alice, bob) = alice_writes_to_bob(Limits::default());
        if gives_up {
            assert_eq!(server.switchboard.close_stalled(server.now), 1);
        } else {
            bob.socket.borrow_mut().reset = true;
            server.switchboard.ready(bob.id, GONE);
        }
        server.run();
        assert_eq!(
            alice.text(),
            "! Your last 2 messages to bob were not delivered: bob is gone.\n"
        );
        assert!(alice.socket.borrow().shut && bob.is_closed());
        server.advance(Duration::from_secs(2));
        assert_eq!(server.switchboard.connection_count(), 0);
    }
}

#[test]
fn clients_stalled_on_each_other_do_not_outlive_the_server() {
    let (mut server, alice, bob) = alice_writes_to_bob(Limits::default());
    alice.limit_space(0);
    assert_eq!(server.switchboard.close_stalled(server.now), 1);
    server.run();
    assert!(bob.is_closed());
    assert_eq!(server.switchboard.close_stalled(server.now), 1);
    assert!(alice.is_closed());
    assert_eq!(server.switchboard.connection_count(), 0);
}

/// A reader closed by the shutdown notice is reported like any other.
#[test]
fn sender_is_told_when_the_shutdown_notice_closes_a_reader() {
    let small = Limits {
        output_hard_bytes_max: 100,
        output_soft_bytes_max: 50,
        ..Limits::default()
    };
    let little_together = Limits {
        output_total_bytes_max: 150,
        ..Limits::default()
    };
    for limits in [small, little_together] {
        let mut server = VirtualServer::new(limits);
        let alice = server.register("127.0.0.1:1", "alice");
        let [bob, carol] = ["bob", "carol"].map(|name| server.register("127.0.0.1:2", name));
        for client in [&alice, &bob, &carol] {
            let _ = client.text();
        }
        for reader in [&bob, &carol] {
            reader.limit_space(0);
        }
        server.send(&alice, format!("@bob:{}\n", "x".repeat(80)).as_bytes());
        assert_eq!(alice.text(), "");
        server.switchboard.shut_down(server.now);
        server.run();
        let heard = alice.text();
        assert!(heard.contains("bob was not delivered"), "{heard}");
    }
}

#[test]
fn reader_caught_up_at_the_deadline_is_told_its_skipped_count() {
    let mut server = VirtualServer::new(Limits {
        output_soft_bytes_max: 50,
        ..Limits::default()
    });
    let [alice, bob] = server.register_all(["alice", "bob"]);
    bob.limit_space(0);
    let lines = format!("{}\n", "x".repeat(40)).repeat(3);
    server.send(&alice, lines.as_bytes());
    server.switchboard.shut_down(server.now);
    server.run();
    bob.limit_space(usize::MAX); // and the poll does not report it
    assert_eq!(server.switchboard.close_stalled(server.now), 0);
    server.run();
    assert!(bob.text().ends_with("* You missed 2 lines in lobby.\n"));
}

#[test]
fn rate_limited_client_is_removed_when_it_closes_at_shutdown() {
    let mut server = VirtualServer::new(Limits::default());
    let alice = server.register("192.0.2.1:1", "alice");
    server.send(&alice, "/ping\n".repeat(60).as_bytes());
    server.switchboard.shut_down(server.now);
    server.run();
    assert_eq!(server.switchboard.connection_count(), 1);
    server.half_close(&alice); // no time passes
    assert_eq!(server.switchboard.connection_count(), 0);
}
