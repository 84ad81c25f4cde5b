//! A test for each defect that no test found.

use std::thread;
use std::time::Duration;

use chinwag::config::Limits;

use crate::support::{VirtualClient, VirtualServer};

fn small_queues() -> Limits {
    Limits {
        line_bytes_max: 64,
        output_soft_bytes_max: 256,
        output_hard_bytes_max: 4096,
        output_total_bytes_max: 8192,
        turn_bytes_max: 4096,
        ..Limits::default()
    }
}

fn alice_and_bob(limits: Limits) -> (VirtualServer, VirtualClient, VirtualClient) {
    let mut server = VirtualServer::new(limits);
    let alice = server.connect("127.0.0.1:1");
    let bob = server.connect("127.0.0.1:2");
    server.send(&alice, b"#alice\n");
    server.send(&bob, b"#bob\n");
    let _ = (alice.take(), bob.take());
    (server, alice, bob)
}

fn private_to(name: &str, bytes: usize) -> Vec<u8> {
    format!("@{name}:{}\n", "x".repeat(bytes)).into_bytes()
}

/// A queue written early in a turn was in the flush queue twice. When the first write failed, the
/// second, with nothing to write, forgot the senders of the lost messages.
#[test]
fn sender_is_told_of_a_loss_when_the_queue_was_flushed_twice() {
    let (mut server, alice, bob) = alice_and_bob(small_queues());
    {
        let mut socket = bob.socket.borrow_mut();
        socket.space = 4 * 63;
        socket.breaks_when_full = true;
    }
    let mut lines = format!("{}\n", "x".repeat(55)).repeat(5).into_bytes();
    lines.extend_from_slice(b"@bob:are you there\n");
    server.send(&alice, &lines);
    assert!(bob.is_closed());
    assert!(!bob.text().contains("@alice"));
    let told = alice.text();
    assert!(
        told.contains("Your last message to bob was not delivered"),
        "{told}"
    );
}

/// A client quits with unread messages, and is closed as the largest queue in the same turn.
#[test]
fn sender_is_told_of_a_loss_when_the_reader_had_quit() {
    let (mut server, alice, bob) = alice_and_bob(small_queues());
    bob.limit_space(0);
    for _ in 0..40 {
        server.send(&alice, &private_to("bob", 55));
    }
    let carol = server.connect("127.0.0.1:3");
    server.send(&carol, b"#carol\n");
    carol.limit_space(0);
    alice.text();
    bob.socket
        .borrow_mut()
        .to_server
        .push_back(b"/quit\n".to_vec());
    server.report_readable(&bob);
    server.send(&alice, &private_to("carol", 55).repeat(60));
    server.advance(Duration::from_secs(100));
    assert!(bob.is_closed() && carol.is_closed());
    let told = alice.text();
    assert!(
        told.contains("Your last 40 messages to bob were not delivered"),
        "{told}"
    );
}

/// The refusal line passed the total limit, was written at once, and no further output was left that
/// would have closed the connection.
#[test]
fn refused_connection_is_closed_at_the_total_limit() {
    let limits = Limits {
        clients_max: 2,
        ..small_queues()
    };
    let (mut server, alice, bob) = alice_and_bob(limits);
    bob.limit_space(0);
    while server.switchboard.waiting_bytes() < 4096 - 100 {
        server.send(&alice, &private_to("bob", 3));
    }
    let waiting = server.switchboard.waiting_bytes();
    let third = server.connect("127.0.0.1:3");
    server.advance(Duration::from_secs(2));
    assert!(third.is_closed());

    // The same where the line itself passes the limit.
    let limits = Limits {
        clients_max: 2,
        output_total_bytes_max: waiting + 10,
        output_hard_bytes_max: 8192,
        ..small_queues()
    };
    let (mut server, alice, bob) = alice_and_bob(limits);
    bob.limit_space(0);
    while server.switchboard.waiting_bytes() < 4096 - 100 {
        server.send(&alice, &private_to("bob", 3));
    }
    let third = server.connect("127.0.0.1:3");
    server.advance(Duration::from_secs(2));
    assert!(third.text().starts_with("! The server is full"));
    assert!(third.is_closed());
}

/// A slow reader that quit or half-closed was never told its skipped count.
#[test]
fn leaving_client_is_told_its_skipped_count() {
    let (mut server, alice, bob) = alice_and_bob(small_queues());
    bob.limit_space(0);
    for _ in 0..40 {
        server.send(&alice, b"hello hello hello\n");
    }
    server.send(&bob, b"/quit\n");
    server.set_space(&bob, usize::MAX);
    let got = bob.text();
    assert!(got.contains("* You missed 30 lines in lobby.\n"), "{got}");
    server.advance(Duration::from_secs(2));
    assert!(bob.is_closed());
}

/// A telnet command without a line behind it changed the line ends only at the next line.
#[test]
fn telnet_command_alone_makes_line_ends_cr_lf() {
    let (mut server, alice, bob) = alice_and_bob(Limits::default());
    server.send(&bob, b"\xff\xf1");
    server.send(&alice, b"hi\n");
    assert_eq!(bob.text(), "alice: hi\r\n");
}

/// Receipts were not counted: one-byte messages took four times the limit of all output.
#[test]
fn short_private_messages_count_with_their_receipts() {
    let limits = Limits {
        output_hard_bytes_max: 8192,
        output_total_bytes_max: 8192,
        ..small_queues()
    };
    let (mut server, alice, bob) = alice_and_bob(limits);
    bob.limit_space(0);
    // "@alice: x" and its end are ten bytes, and the receipt twenty.
    for _ in 0..8192 / 30 {
        server.send(&alice, b"@bob:x\n");
    }
    assert!(!bob.is_closed());
    server.send(&alice, b"@bob:x\n");
    assert!(bob.is_closed());
}

#[test]
fn skipped_line_does_not_backdate_a_stall() {
    let mut server = VirtualServer::new(Limits {
        line_bytes_max: 256,
        output_soft_bytes_max: 1024,
        ..Limits::default()
    });
    let speaker = server.connect("127.0.0.1:1");
    let reader = server.connect("127.0.0.1:2");
    let join: String = (1..20).map(|n| format!("/join room{n}\n")).collect();
    server.send(&speaker, format!("#speaker\n{join}").as_bytes());
    server.send(&reader, format!("#reader\n/mode json\n{join}").as_bytes());
    server.advance(Duration::from_secs(100)); // the server is up for longer than a stall may last
    reader.take();
    // The reader is busy for a moment, and a line is skipped in each of its rooms.
    reader.limit_space(0);
    let long = "x".repeat(250);
    for room in 1..20 {
        let lines = format!("/join room{room}\n{long}\n{long}\n");
        server.send(&speaker, lines.as_bytes());
    }
    // Then it reads its whole queue. The notices of skipped lines pass the soft limit, and find the
    // socket full.
    reader.limit_space(server.switchboard.waiting_bytes());
    server.report_writable(&reader);
    server.deliver(&speaker, format!("{long}\n").as_bytes());
    server.turn();
    server.turn();
    assert!(!reader.is_closed(), "it took output this very moment");
    server.advance(Duration::from_secs(1));
    server.set_space(&reader, usize::MAX);
    assert!(!reader.is_closed());
    assert!(reader.text().contains("\"missed\""));
}

/// A client was closed when the notices of its skipped lines were more than its hard limit.
#[test]
fn notices_past_the_hard_limit_arrive_as_they_are_read() {
    const ROOMS: usize = 12;
    let mut server = VirtualServer::new(Limits {
        output_soft_bytes_max: 200,
        output_hard_bytes_max: 400,
        ..Limits::default()
    });
    let speaker = server.connect("127.0.0.1:1");
    let reader = server.connect("127.0.0.1:2");
    let names: Vec<String> = (0..ROOMS)
        .map(|n| format!("a-room-with-a-name-{n}"))
        .collect();
    server.send(&speaker, b"#speaker\n");
    server.send(&reader, b"#reader\n");
    for name in &names {
        server.send(&speaker, format!("/join {name}\n").as_bytes());
        server.send(&reader, format!("/join {name}\n").as_bytes());
    }
    reader.take();
    reader.limit_space(0);
    for name in &names {
        let lines = format!(
            "/join {name}\n{}",
            format!("{}\n", "x".repeat(150)).repeat(3)
        );
        server.send(&speaker, lines.as_bytes());
    }
    // It reads in small pieces, so that the notices are refused more than once.
    while server.switchboard.waiting_bytes() > 0 {
        reader.limit_space(100);
        server.report_writable(&reader);
        server.turn();
    }
    assert!(!reader.is_closed());
    let text = reader.text();
    let told: Vec<&str> = text
        .lines()
        .filter(|line| line.contains("You missed"))
        .collect();
    assert_eq!(told.len(), ROOMS, "{text}");
    for name in &names {
        let of_room = |line: &&&str| line.ends_with(&format!("lines in {name}."));
        assert_eq!(told.iter().filter(of_room).count(), 1, "{text}");
    }
}

/// A client that hopped rooms while it left a little unread had lines skipped in ever more rooms, and
/// each line searched the list of them all.
#[test]
fn client_that_hops_rooms_without_reading_has_to_wait() {
    let limits = Limits {
        line_bytes_max: 64,
        output_soft_bytes_max: 256,
        output_hard_bytes_max: 1 << 20,
        ..Limits::default()
    };
    let rooms_max = limits.rooms_per_client_max;
    let mut server = VirtualServer::new(limits);
    let alice = server.connect("127.0.0.1:1");
    server.send(&alice, b"#alice\n/echo on\n");
    alice.take();
    alice.limit_space(0);
    let filler = "/ping 0123456789\n".repeat(20);
    let visit = |room: usize| format!("/join r{room}\nhello\n/part\n");
    let visits: String = (0..1000).map(visit).collect();
    server.send(&alice, (filler + &visits + "/ping end\n").as_bytes());
    // She reads, but never to the end, so that her own lines are skipped.
    for _ in 0..2000 {
        server.set_space(&alice, 1);
    }
    let waiting = server.switchboard.waiting_bytes();
    assert!(waiting < 8192, "{waiting} bytes: she was served on");
    // No line is lost untold.
    let mut got = String::new();
    while !got.ends_with("* pong end\n") {
        server.set_space(&alice, usize::MAX);
        got += &alice.text();
    }
    let told = got.matches("* You missed 1 line in r").count();
    let heard = got.matches("alice: hello").count();
    assert_eq!(told + heard, 1000);
    assert!(told > rooms_max);
}

/// Output written while the total limit was enforced could enforce it again: as deep as there were
/// clients, and deeper than the stack.
#[test]
fn total_limit_is_enforced_without_deep_recursion() {
    /// Twice the stack that all else needs here; a server has more, and more clients.
    const STACK_BYTES: usize = 256 << 10;
    let small = thread::Builder::new().stack_size(STACK_BYTES);
    let overloaded = small.spawn(readers_read_their_last_byte_at_the_total_limit);
    overloaded.unwrap().join().unwrap();
}

fn readers_read_their_last_byte_at_the_total_limit() {
    const READERS: usize = 1000;
    /// The size of a private message's receipt.
    const RECEIPT_BYTES: usize = 20;
    let limits = Limits {
        line_bytes_max: 4096,
        clients_max: READERS + 10,
        output_soft_bytes_max: 256, // unusually small, so that little output passes it
        output_hard_bytes_max: 400_000,
        output_total_bytes_max: 400_000,
        ..Limits::default()
    };
    let mut server = VirtualServer::new(limits.clone());
    let speaker = server.connect("127.0.0.1:1");
    let hoarder = server.connect("127.0.0.1:2");
    server.send(&speaker, b"#speaker\n");
    server.send(&hoarder, b"#hoarder\n/part\n");
    hoarder.limit_space(0);
    let readers: Vec<VirtualClient> = (0..READERS)
        .map(|number| {
            let reader = server.connect_ungreeted("127.0.0.1:3");
            server.deliver(&reader, format!("#r{number}\n").as_bytes());
            reader
        })
        .collect();
    server.advance(Duration::from_secs(2));
    let read_all = |server: &mut VirtualServer, room: usize| {
        for reader in &readers {
            reader.limit_space(room);
            server.report_writable(reader);
        }
        server.run();
    };
    // Each has a line waiting, and another skipped.
    for reader in &readers {
        reader.limit_space(0);
    }
    let long = "x".repeat(200);
    server.send(&speaker, format!("{long}\n{long}\n").as_bytes());
    // They read all but a byte of it,
    let line = format!("speaker: {long}\n").len();
    read_all(&mut server, line - 1);
    assert_eq!(server.switchboard.waiting_bytes(), READERS);
    // while another queue grows nearly to the total limit.
    let private = "@speaker: \n".len() + 200 + RECEIPT_BYTES;
    let count = (limits.output_total_bytes_max - READERS) / private;
    let messages = private_to("hoarder", 200).repeat(count);
    server.send(&speaker, &messages);
    let room = limits.output_total_bytes_max - server.switchboard.waiting_bytes();
    assert!(!hoarder.is_closed() && room < private);
    // Now all read their last byte at once, and one more line comes: the notice of skipped lines is
    // longer than the byte read.
    server.deliver(&speaker, &private_to("hoarder", 4000));
    read_all(&mut server, usize::MAX);
    assert!(hoarder.is_closed(), "it was the largest");
    for reader in &readers {
        assert!(
            reader
                .text()
                .ends_with("x\n* You missed 1 line in lobby.\n")
        );
        assert!(!reader.is_closed());
    }
}

/// A message was written while the total limit was enforced for it, and then the notice of skipped lines
/// made its reader's queue the largest: the message arrived, and its sender was told that it did not.
#[test]
fn message_written_while_enforcing_the_limit_is_not_refused() {
    const FILLERS: usize = 25;
    let limits = small_queues();
    let total_max = limits.output_total_bytes_max;
    let (mut server, alice, bob) = alice_and_bob(limits);
    let fillers: Vec<VirtualClient> = (0..FILLERS)
        .map(|number| {
            let filler = server.connect("127.0.0.1:3");
            server.send(&filler, format!("#f{number}\n/part\n").as_bytes());
            filler.limit_space(0);
            filler
        })
        .collect();
    let join: String = (1..20).map(|n| format!("/join room{n}\n")).collect();
    server.send(&alice, join.as_bytes());
    server.send(&bob, join.as_bytes());
    // Bob has lines skipped in every room,
    bob.limit_space(0);
    for room in 1..20 {
        let line = "x".repeat(60);
        server.send(
            &alice,
            format!("/join room{room}\n{line}\n{line}\n").as_bytes(),
        );
    }
    let bobs = server.switchboard.waiting_bytes();
    // and the fillers' small queues reach nearly the total limit.
    let before = server.switchboard.waiting_bytes();
    server.send(&alice, &private_to("f0", 55));
    let each = server.switchboard.waiting_bytes() - before;
    let count = (total_max - server.switchboard.waiting_bytes()) / each;
    assert!(count.div_ceil(FILLERS) * each < 450);
    for number in 0..count {
        server.send(&alice, &private_to(&format!("f{}", number % FILLERS), 55));
    }
    assert!(fillers.iter().all(|filler| !filler.is_closed()));
    assert!(!bob.is_closed());
    alice.text();
    // Now bob's socket takes his whole queue and one more message, and no more.
    let message = format!("@alice: {}\n", "y".repeat(55));
    bob.take();
    bob.limit_space(bobs + message.len());
    server.report_writable(&bob);
    server.send(&alice, format!("@bob:{}\n", "y".repeat(55)).as_bytes());
    assert!(bob.is_closed(), "he was the largest");
    let got = bob.text();
    assert!(got.ends_with(&message), "{got}");
    let told = alice.text();
    assert!(!told.contains("elivered"), "{told}");
}
