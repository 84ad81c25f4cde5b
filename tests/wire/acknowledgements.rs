//! Private messages that the kernel took and the reader's machine never acknowledged.

use std::time::Duration;

use chinwag::chat::time::Timestamp;
use chinwag::config::Limits;
use chinwag::server::LINGER_TIME;

use crate::support::VirtualServer;

const LOST: &str = "! Your last message to bob was not delivered: bob is gone.\n";

#[test]
fn message_in_flight_at_a_reset_is_told_to_its_sender() {
    let mut server = VirtualServer::new(Limits::default());
    let [alice, bob] = server.register_all(["alice", "bob"]);
    bob.lag();
    for (number, line) in [&b"@bob:one\n"[..], b"@bob:two\n", b"@bob:three\n"]
        .iter()
        .enumerate()
    {
        server.send(&alice, line);
        if number == 0 {
            server.arrive(&bob, usize::MAX);
        }
    }
    // A part of the second arrives, too.
    server.arrive(&bob, 5);
    server.reset(&bob);
    assert_eq!(
        alice.text(),
        "* bob has left lobby.\n! Your last 2 messages to bob were not delivered: bob is gone.\n"
    );
    assert!(bob.text().starts_with("@alice: one\n@alic"));
}

#[test]
fn message_that_was_acknowledged_before_a_reset_is_delivered() {
    let mut server = VirtualServer::new(Limits::default());
    let [alice, bob] = server.register_all(["alice", "bob"]);
    bob.lag();
    server.send(&alice, b"@bob:one\n");
    server.arrive(&bob, "@alice: one\n".len());
    server.reset(&bob);
    assert_eq!(alice.text(), "* bob has left lobby.\n");
}

/// Each end of a client with a message in flight, and whether that is lost by it.
#[test]
fn each_end_of_a_client_tells_of_what_did_not_arrive() {
    for arrives in [false, true] {
        for (end, shown) in [
            (&b"/quit\n"[..], "quit"),
            (b"", "half-close"),
            (b"/quit now\n", "quit with a text"),
        ] {
            let mut server = VirtualServer::new(Limits::default());
            let [alice, bob] = server.register_all(["alice", "bob"]);
            bob.lag();
            server.send(&alice, b"@bob:hello\n");
            if end.is_empty() {
                server.half_close(&bob);
            } else {
                server.send(&bob, end);
            }
            assert!(bob.socket.borrow().shut, "told that nothing more comes");
            assert!(!bob.is_closed(), "{shown}: it waits for an answer");
            if arrives {
                server.arrive(&bob, usize::MAX);
                server.half_close(&bob);
            }
            server.advance(LINGER_TIME);
            assert!(bob.is_closed(), "{shown}");
            let told = alice.text().contains(LOST);
            assert_eq!(told, !arrives, "{shown}");
            let heard = bob.text().contains("@alice: hello\n");
            assert_eq!(heard, arrives, "{shown}: what was told is so");
        }
    }
}

/// The end that the reader is told is in flight behind its messages, and is none of their bytes.
/// Its place is free at once, and the sender is told at once: nothing is acknowledged any more.
#[test]
fn reset_behind_an_end_of_input_is_not_waited_out() {
    let mut server = VirtualServer::new(Limits::default());
    let [alice, bob] = server.register_all(["alice", "bob"]);
    bob.lag();
    server.send(&alice, b"@bob:hello\n");
    server.half_close(&bob);
    assert!(!bob.is_closed(), "what is in flight may arrive");
    server.reset(&bob);
    assert!(bob.is_closed());
    assert_eq!(alice.text(), format!("* bob has left lobby.\n{LOST}"));
}

#[test]
fn end_in_flight_is_no_part_of_a_message() {
    let mut server = VirtualServer::new(Limits::default());
    let [alice, bob] = server.register_all(["alice", "bob"]);
    bob.lag();
    server.send(&alice, b"@bob:one\n@bob:two\n");
    server.half_close(&bob);
    server.arrive(&bob, "@alice: one\n".len());
    server.advance(LINGER_TIME);
    assert!(bob.is_closed());
    assert_eq!(bob.text(), "@alice: one\n");
    assert!(
        alice.text().contains(LOST),
        "of the second, and not of both"
    );
}

/// A server that is told to exit waits for what is in flight, and tells of what does not arrive.
#[test]
fn shutdown_tells_of_what_did_not_arrive() {
    for arrives in [false, true] {
        let mut server = VirtualServer::new(Limits::default());
        let [alice, bob] = server.register_all(["alice", "bob"]);
        bob.lag();
        server.send(&alice, b"@bob:hello\n");
        server.switchboard.shut_down(server.now);
        assert!(!alice.is_closed() && !alice.socket.borrow().shut);
        if arrives {
            server.arrive(&bob, usize::MAX);
        }
        server.advance(LINGER_TIME);
        assert!(bob.is_closed() || arrives);
        server.advance(LINGER_TIME);
        assert_eq!(alice.text().contains(LOST), !arrives);
        assert!(alice.is_closed() && bob.is_closed());
    }
}

/// Receipts of what has arrived go within a second or so, and with the last the server has no deadline.
#[test]
fn idle_server_sleeps_once_everything_has_arrived() {
    let mut server = VirtualServer::new(Limits::default());
    let [alice, bob] = server.register_all(["alice", "bob"]);
    server.advance(Duration::from_secs(2)); // the presence summaries
    assert_eq!(server.switchboard.next_deadline(), Timestamp::NEVER);
    bob.lag();
    server.send(&alice, b"@bob:hello\n");
    for _ in 0..5 {
        assert!(server.switchboard.waiting_bytes() > 0);
        assert_ne!(server.switchboard.next_deadline(), Timestamp::NEVER);
        server.advance(Duration::from_secs(1));
    }
    server.arrive(&bob, usize::MAX);
    server.advance(Duration::from_secs(1));
    assert_eq!(server.switchboard.waiting_bytes(), 0);
    assert_eq!(server.switchboard.next_deadline(), Timestamp::NEVER);
}

/// Receipts count for the limit on all together, and what has arrived is no reason to close anyone.
#[test]
fn receipts_of_a_peer_that_acknowledges_nothing_are_limited() {
    let limits = Limits {
        line_bytes_max: 64,
        output_soft_bytes_max: 256,
        output_hard_bytes_max: 512,
        output_total_bytes_max: 4096,
        turn_bytes_max: 64,
        ..Limits::default()
    };
    let mut server = VirtualServer::new(limits);
    let [alice, bob, carol] = server.register_all(["alice", "bob", "carol"]);
    bob.lag();
    for number in 0.. {
        server.send(&alice, b"@bob,carol:x\n");
        if bob.is_closed() {
            assert!(number > 100);
            break;
        }
        assert!(number < 1000, "the receipts are not counted");
    }
    assert!(!carol.is_closed());
    server.advance(Duration::from_secs(1));
    let text = alice.text();
    assert!(text.contains(" messages to bob were not delivered: bob is gone.\n"));
    assert!(!text.contains("to carol"));
}
