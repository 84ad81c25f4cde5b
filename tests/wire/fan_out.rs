//! Room lines are written a slice a turn; private messages are written in their own turn.

use std::time::Duration;

use chinwag::config::Limits;
use chinwag::server::GREETING_TIME;

use crate::support::{VirtualClient, VirtualServer};

/// The number of sockets that a fan-out writes to in one turn.
const SLICE: usize = 64;

/// Clients u0, u1 and so on in the lobby, with nothing unread.
pub fn crowd(count: usize, limits: Limits) -> (VirtualServer, Vec<VirtualClient>) {
    let mut server = VirtualServer::new(limits);
    let clients: Vec<VirtualClient> = (0..count)
        .map(|number| {
            let client = server.accept(&format!("127.0.0.1:{}", number + 1));
            server.deliver(&client, format!("#u{number}\n").as_bytes());
            client
        })
        .collect();
    server.advance(GREETING_TIME);
    server.advance(Duration::from_secs(2)); // until the last presence summary was sent
    for client in &clients {
        client.take();
        client.socket.borrow_mut().writes = 0;
    }
    (server, clients)
}

fn reached(clients: &[VirtualClient]) -> usize {
    let has_something = |client: &&VirtualClient| !client.socket.borrow().to_client.is_empty();
    clients.iter().filter(has_something).count()
}

/// A client that the fan-out has not reached yet.
fn unreached(clients: &[VirtualClient]) -> usize {
    let untold = |client: &VirtualClient| client.socket.borrow().to_client.is_empty();
    clients.iter().skip(1).position(untold).unwrap() + 1
}

#[test]
fn line_to_1000_members_takes_many_turns_and_arrives_once() {
    let (mut server, clients) = crowd(1001, Limits::default());
    server.deliver(&clients[0], b"hello\n");
    for turn in 1..=1000 / SLICE {
        server.turn();
        assert_eq!(reached(&clients[1..]), turn * SLICE);
        assert!(server.switchboard.is_busy(), "the poll must not sleep");
    }
    server.turn();
    assert!(!server.switchboard.is_busy(), "now it may");
    for client in &clients[1..] {
        assert_eq!(client.text(), "u0: hello\n");
        assert_eq!(client.socket.borrow().writes, 1);
    }
    server.turn();
    assert_eq!(reached(&clients), 0);
}

#[test]
fn room_within_one_slice_gets_a_line_in_one_turn() {
    let (mut server, clients) = crowd(SLICE + 1, Limits::default());
    server.deliver(&clients[0], b"hello\n");
    server.turn();
    assert_eq!(reached(&clients[1..]), SLICE);
    assert!(!server.switchboard.is_busy());
}

#[test]
fn private_message_is_written_in_its_turn_after_older_lines() {
    let (mut server, clients) = crowd(1001, Limits::default());
    server.deliver(&clients[0], b"hello\n");
    server.turn();
    let other = unreached(&clients);
    server.deliver(&clients[0], format!("@u{other}:psst\nagain\n").as_bytes());
    server.turn();
    assert_eq!(clients[other].text(), "u0: hello\n@u0: psst\nu0: again\n");
    assert_eq!(clients[other].socket.borrow().writes, 1, "with all it had");
    assert_eq!(reached(&clients[1..]), 2 * SLICE, "the slice is its own");
    server.run();
    assert_eq!(clients[other].text(), "", "its fan-out entry is void");
    for (number, client) in clients.iter().enumerate().skip(1) {
        if number != other {
            assert_eq!(client.text(), "u0: hello\nu0: again\n");
        }
    }
}

#[test]
fn lines_sent_during_a_fan_out_keep_their_order() {
    let (mut server, clients) = crowd(1001, Limits::default());
    for number in 0..20 {
        let speaker = &clients[number % 2];
        server.deliver(speaker, format!("{number}\n").as_bytes());
        server.turn();
    }
    server.run();
    let all: String = (0..20).map(|n| format!("u{}: {n}\n", n % 2)).collect();
    for client in &clients[2..] {
        assert_eq!(client.text(), all);
    }
}

#[test]
fn fan_out_entry_is_not_inherited_with_the_slot() {
    let (mut server, clients) = crowd(1201, Limits::default());
    server.deliver(&clients[0], b"hello\n");
    server.turn();
    let gone = clients.last().unwrap();
    gone.socket.borrow_mut().reset = true;
    server.deliver(gone, b"");
    server.turn();
    assert!(gone.is_closed());
    let heir = server.accept("127.0.0.1:9999");
    assert_eq!(heir.id.slot, gone.id.slot);
    server.deliver(&heir, b"#heir\n");
    server.turn();
    heir.text();
    server.turn();
    // The rest of the first line fits into this slice; little of the second does.
    server.deliver(&clients[0], b"again\n");
    server.turn();
    assert_eq!(heir.text(), "", "its own place is the last");
    server.run();
    assert_eq!(heir.text(), "u0: again\n");
}

#[test]
fn slow_reader_in_a_crowd_is_told_its_exact_skipped_count() {
    let limits = Limits {
        output_soft_bytes_max: 100,
        ..Limits::default()
    };
    let (mut server, clients) = crowd(1001, limits);
    clients[500].limit_space(0);
    for number in 0..20 {
        server.deliver(&clients[0], format!("line {number:02}\n").as_bytes());
        server.turn();
    }
    server.run();
    server.set_space(&clients[500], usize::MAX);
    let told = clients[500].text();
    let heard = told.lines().filter(|line| line.starts_with("u0: ")).count();
    assert!(heard < 20);
    assert!(told.ends_with(&format!("* You missed {} lines in lobby.\n", 20 - heard)));
    assert_eq!(clients[499].text().lines().count(), 20);
}

#[test]
fn unfinished_fan_out_is_written_before_the_server_exits() {
    let (mut server, clients) = crowd(1001, Limits::default());
    server.deliver(&clients[0], b"hello\n");
    server.turn();
    server.switchboard.shut_down(server.now);
    for client in &clients[1..] {
        assert_eq!(client.text(), "u0: hello\n* The server is shutting down.\n");
    }
}

#[test]
fn fan_out_is_written_whole_when_the_total_limit_is_reached() {
    let limits = Limits {
        output_total_bytes_max: 8 << 10,
        ..Limits::default()
    };
    let (mut server, clients) = crowd(1001, limits);
    server.deliver(&clients[0], b"hello\n".repeat(3).as_slice());
    server.turn();
    server.run();
    assert_eq!(server.switchboard.connection_count(), clients.len());
    for client in &clients[1..] {
        assert_eq!(client.text(), "u0: hello\n".repeat(3));
    }
}

#[test]
fn endless_fan_out_writes_one_slice_each_turn() {
    // The fan-out never runs empty, and more bytes pass through it than may wait in it.
    let (mut server, clients) = crowd(201, Limits::default());
    let line = format!("{}\n", "x".repeat(4000));
    for _ in 0..60 {
        server.deliver(&clients[0], line.as_bytes());
        server.turn();
        assert!(server.switchboard.is_busy(), "clients still wait");
        let writes =
            |client: &VirtualClient| std::mem::take(&mut client.socket.borrow_mut().writes);
        let written: usize = clients[1..].iter().map(writes).sum();
        assert_eq!(written, SLICE);
    }
    while server.switchboard.is_busy() {
        server.turn();
    }
    for client in &clients[1..] {
        assert_eq!(client.text().lines().count(), 60);
    }
}
