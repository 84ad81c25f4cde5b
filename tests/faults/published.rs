//! Published failures of other servers of this kind. Each test names the report;
//! `docs/reliability.md` has the list of classes.

use std::fs;
use std::io::{ErrorKind, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use crate::harness::{Client, Daemon, numbered, program_with_umask, wait_until};

/// The numbers of clients, registered clients and rooms in `/stats`: an operator is told exact ones.
fn counts(client: &mut Client) -> [u64; 3] {
    client.send("/stats");
    let lines = client.barrier();
    let line = lines.iter().find(|line| line.contains(" connected, "));
    let numbers = line.expect("a line on clients").split(", ");
    let numbers = numbers.filter_map(|part| part.split(' ').find_map(|word| word.parse().ok()));
    let numbers: Vec<u64> = numbers.collect();
    numbers.try_into().expect("three numbers")
}

/// Waits until `client` is the only one, and the lobby the only room.
fn wait_until_alone(client: &mut Client) {
    wait_until("the others to be gone", || counts(client) == [1, 1, 1]);
}

/// A client that sends questions and reads no answer, until the server reads no more of them.
fn ask_until_refused(daemon: &Daemon) -> TcpStream {
    const ASKED_BYTES_MAX: usize = 64 << 20;
    let mut stream = TcpStream::connect(daemon.address()).unwrap();
    // A send that blocks for this long means that the server has stopped reading. A server that was only
    // slow got fewer questions than possible.
    let patience = Some(Duration::from_millis(500));
    stream.set_write_timeout(patience).unwrap();
    let questions = b"/help\n".repeat(10_000);
    let mut asked = 0;
    let refused = loop {
        match stream.write(&questions) {
            Ok(count) => asked += count,
            Err(error) => break error.kind(),
        }
        assert!(asked < ASKED_BYTES_MAX, "it reads all there is");
    };
    let waits = matches!(refused, ErrorKind::WouldBlock | ErrorKind::TimedOut);
    assert!(waits, "closed, and not made to wait: {refused}");
    stream
}

/// Memory never freed for connections that never registered: Prosody, CVE-2026-43506. A first packet
/// that allocated its announced size: Mosquitto, CVE-2023-0809.
#[test]
fn connections_that_never_register_leave_nothing_behind() {
    const AT_ONCE: usize = 50;
    let daemon = Daemon::start_for_operators(&[]);
    let mut alice = daemon.join_operator("alice");
    let descriptors = daemon.descriptors().len();
    let half_line = "x".repeat(4000);
    let mut round = || {
        let clients: Vec<Client> = (0..AT_ONCE)
            .map(|number| {
                let mut unregistered = daemon.connect_raw();
                match number % 4 {
                    0 => unregistered.send_bytes(half_line.as_bytes()),
                    1 => unregistered.send_bytes(&[b"/help\n", half_line.as_bytes()].concat()),
                    2 => unregistered.send_bytes(b"\xff\xfd\x01\xff\xfa\x22\x03"), // half a telnet option
                    _ => {}
                }
                unregistered
            })
            .collect();
        for (number, unregistered) in clients.into_iter().enumerate() {
            if number % 3 == 0 {
                unregistered.reset();
            }
        }
        wait_until_alone(&mut alice);
    };
    for _ in 0..5 {
        round();
    }
    let before = daemon.peak_memory_kib();
    for _ in 0..40 {
        round();
    }
    let grown = daemon.peak_memory_kib() - before;
    // A leak of the half lines of 1000 connections would be 4 MB.
    assert!(grown < 1024, "{grown} KiB more");
    wait_until("the last of them to be taken away", || {
        daemon.descriptors().len() == descriptors
    });
}

/// Answers that piled up for clients that had not logged in and did not read: Redis, CVE-2025-21605.
#[test]
fn unregistered_client_is_not_read_while_it_reads_nothing() {
    const CLIENTS: usize = 2;
    let daemon = Daemon::start_for_operators(&[]);
    let mut alice = daemon.join_operator("alice");
    let before = daemon.peak_memory_kib();
    let deaf: Vec<TcpStream> = (0..CLIENTS).map(|_| ask_until_refused(&daemon)).collect();
    alice.expect_nothing();
    assert_eq!(counts(&mut alice)[0], CLIENTS as u64 + 1);
    let grown = daemon.peak_memory_kib() - before;
    // Half of the hard limit for each, in a buffer that may be twice as large while it grows.
    assert!(grown < CLIENTS as u64 * 2048, "{grown} KiB more");
    drop(deaf);
    wait_until_alone(&mut alice);
}

/// Input faster than its processing was queued without end: `NanoMQ`, CVE-2024-48077.
#[test]
fn lines_past_the_rate_wait_in_the_kernel() {
    const CLIENTS: usize = 24;
    let daemon = Daemon::start(&["--limit-loopback", "--max-per-address", "100"]);
    let mut alice = daemon.join("alice");
    let before = daemon.peak_memory_kib();
    let code_before = daemon.file_memory_kib();
    let lines = b"/ping x\n".repeat(100_000 / 8);
    let flooders: Vec<TcpStream> = (0..CLIENTS)
        .map(|_| {
            let mut stream = TcpStream::connect(daemon.address()).unwrap();
            stream
                .set_write_timeout(Some(Duration::from_millis(100)))
                .unwrap();
            while stream.write(&lines).is_ok() {}
            stream
        })
        .collect();
    alice.expect_nothing();
    // Code that runs for the first time comes in pieces of 64 KB, and is nothing queued.
    let code = daemon.file_memory_kib().saturating_sub(code_before);
    let grown = (daemon.peak_memory_kib() - before).saturating_sub(code);
    // One read of 4 KB for each.
    assert!(grown < CLIENTS as u64 * 12, "{grown} KiB more");
    drop(flooders);
}

/// State that outlived its session: `FlashMQ`, CVE-2025-62723.
#[test]
fn client_state_goes_with_its_connection() {
    let daemon = Daemon::start_for_operators(&[]);
    let mut alice = daemon.join_operator("alice");
    let text = "t".repeat(300);
    let rooms = numbered(1..20, |room| format!("/join r{room}\n/topic {text}\n"));
    let visit = |name: &str| {
        let mut visitor = daemon.connect_raw();
        visitor.send(&format!("#{name}"));
        visitor.send_bytes(rooms.as_bytes());
        visitor.send_bytes(format!("/away {text}\n/ignore alice\n").as_bytes());
        visitor.barrier();
        visitor
    };
    let round = |alice: &mut Client| {
        for (number, name) in ["bob", "carol", "dave"].into_iter().enumerate() {
            let mut visitor = visit(name);
            alice.send(&format!("@{name}:hello"));
            match number {
                0 => visitor.send(&format!("/quit {text}")),
                1 => drop(visitor),
                _ => visitor.reset(),
            }
            wait_until_alone(alice);
        }
    };
    for _ in 0..10 {
        round(&mut alice);
    }
    let before = daemon.peak_memory_kib();
    for _ in 0..60 {
        round(&mut alice);
    }
    let grown = daemon.peak_memory_kib() - before;
    // A leak of 19 rooms for each of 180 visitors, of half a kilobyte and more, would be 1.8 MB.
    assert!(grown < 512, "{grown} KiB more");
}

/// A name with two owners, as both asked before either was registered: mammon, issue 63. A name lost for
/// good, because its owner was closed while registering: Ergo, issue 1225.
#[test]
fn contested_name_has_one_owner_and_is_freed_with_it() {
    const CLIENTS: usize = 30;
    let daemon = Daemon::start_for_operators(&[]);
    let mut watcher = daemon.join_operator("watcher");
    watcher.send("/quiet on");
    for round in 0..10 {
        let mut clients: Vec<Client> = (0..CLIENTS).map(|_| daemon.connect_raw()).collect();
        for (number, client) in clients.iter_mut().enumerate() {
            let name = if number % 2 == 0 { "prize" } else { "PRIZE" };
            client.send(&format!("#{name}"));
        }
        let mut winners = 0;
        for client in &mut clients {
            client.expect_greeting();
            let answer = client.line();
            match answer.strip_prefix("* You are registered as ") {
                Some(name) => winners += usize::from(name.eq_ignore_ascii_case("prize.")),
                None => assert!(answer.contains(" is in use. "), "{answer}"),
            }
        }
        assert_eq!(winners, 1);
        // Clients that ask and are gone before the answer.
        for number in 0..CLIENTS {
            let mut client = daemon.connect_raw();
            client.send_bytes(format!("#gone{round}x{number}\n").as_bytes());
            client.reset();
        }
        clients.into_iter().for_each(Client::reset);
        wait_until_alone(&mut watcher);
        let mut heir = daemon.join("Prize");
        heir.send("/whois prize");
        heir.read_until_starting("* Prize has been here for ");
        // Otherwise the next round could begin before its end is seen.
        drop(heir);
        wait_until_alone(&mut watcher);
    }
}

/// A disconnected client that was polled for ever: Mosquitto, issue 2807. Memory of a crowd that was
/// never freed: Mosquitto, issue 2830.
#[test]
fn gone_or_half_gone_client_costs_no_cpu_time() {
    // Clients that read nothing stay for the whole test.
    let daemon = Daemon::start_for_operators(&["--stall-time", "600"]);
    let mut alice = daemon.join_operator("alice");
    let mut half_gone = Vec::new();
    for number in 0..20 {
        let mut client = daemon.connect_raw();
        client.send_bytes(format!("#u{number}\n").as_bytes());
        match number % 4 {
            0 => client.reset(),
            1 => drop(client),
            2 => client.finish_sending(),
            _ => {
                client.send("/quit");
                half_gone.push(client);
            }
        }
    }
    // Clients with unread output that send no more.
    let deaf: Vec<TcpStream> = (0..2).map(|_| ask_until_refused(&daemon)).collect();
    for stream in &deaf {
        stream.shutdown(Shutdown::Write).unwrap();
    }
    wait_until("the reading clients to be gone", || {
        counts(&mut alice)[0] == 3
    });
    // A late answer may leave some work to do for a moment; a spinning daemon works in every second.
    wait_until("a second of rest", || {
        daemon.cpu_time_of_a_second() < Duration::from_millis(50)
    });
}

/// A Unix socket open to all users until its permissions were set: Redis, CVE-2023-45145. Here it is
/// made with the permissions that the umask leaves, and never changed.
#[test]
fn unix_socket_is_never_more_open_than_the_umask() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat");
    let listen = format!("unix:{}", path.display());
    for (mask, open_to) in [("077", 0o700), ("007", 0o770), ("002", 0o775)] {
        let daemon = Daemon::start_as(program_with_umask(mask), &["--listen", &listen]);
        let metadata = fs::symlink_metadata(&path).unwrap();
        assert_eq!(metadata.permissions().mode() & 0o777, open_to);
        drop(daemon);
    }
}
