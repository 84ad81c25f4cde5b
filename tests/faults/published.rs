//! What other servers of this kind were broken by, once published. Each test names where it was
//! reported; `docs/reliability.md` has the list of kinds.

use std::fs;
use std::io::{ErrorKind, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use crate::harness::{Client, Daemon, numbered, program_with_umask, wait_until};

/// How many clients, registered clients and rooms there are, says `/stats`.
fn census(client: &mut Client) -> [u64; 3] {
    client.send("/stats");
    let lines = client.barrier();
    let line = lines.iter().find(|line| line.contains(" connected, "));
    let numbers = line.expect("a line on clients").split(", ");
    let numbers = numbers.filter_map(|part| part.split(' ').find_map(|word| word.parse().ok()));
    let numbers: Vec<u64> = numbers.collect();
    numbers.try_into().expect("three numbers")
}

/// Waits until nobody but `client` is there, in no room but the lobby.
fn wait_until_alone(client: &mut Client) {
    wait_until("the others to be gone", || census(client) == [1, 1, 1]);
}

/// Somebody who asks and asks and reads no answer, until the server reads no more questions.
fn ask_until_refused(daemon: &Daemon) -> TcpStream {
    const ASKED_BYTES_MAX: usize = 64 << 20;
    let mut stream = TcpStream::connect(daemon.address()).unwrap();
    // With nothing taken for so long, the server has stopped reading. Should it only have been slow,
    // then less was asked than could have been.
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

/// Memory that was never given back for connections that never said who they were: Prosody,
/// CVE-2026-43506. A first packet that made room for what it announced: Mosquitto, CVE-2023-0809.
#[test]
fn connections_that_never_register_leave_nothing_behind() {
    const AT_ONCE: usize = 50;
    let daemon = Daemon::start(&[]);
    let mut alice = daemon.join("alice");
    let descriptors = daemon.descriptors().len();
    let half_line = "x".repeat(4000);
    let mut round = || {
        let strangers: Vec<Client> = (0..AT_ONCE)
            .map(|number| {
                let mut stranger = daemon.connect_raw();
                match number % 4 {
                    0 => stranger.send_bytes(half_line.as_bytes()),
                    1 => stranger.send_bytes(&[b"/help\n", half_line.as_bytes()].concat()),
                    2 => stranger.send_bytes(b"\xff\xfd\x01\xff\xfa\x22\x03"), // half a telnet option
                    _ => {}
                }
                stranger
            })
            .collect();
        for (number, stranger) in strangers.into_iter().enumerate() {
            if number % 3 == 0 {
                stranger.reset();
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
    // Half of the 2000 left half a line of 4 KB: 4 MB.
    assert!(grown < 1024, "{grown} KiB more");
    wait_until("the last of them to be taken away", || {
        daemon.descriptors().len() == descriptors
    });
}

/// Answers that piled up for who had not even logged in, and did not read: Redis, CVE-2025-21605.
#[test]
fn who_has_no_name_and_reads_nothing_is_not_read_from() {
    const CLIENTS: usize = 2;
    let daemon = Daemon::start(&[]);
    let mut alice = daemon.join("alice");
    let before = daemon.peak_memory_kib();
    let deaf: Vec<TcpStream> = (0..CLIENTS).map(|_| ask_until_refused(&daemon)).collect();
    alice.expect_nothing();
    assert_eq!(census(&mut alice)[0], CLIENTS as u64 + 1);
    let grown = daemon.peak_memory_kib() - before;
    // Half of the hard limit for each, in a buffer that may be twice as large while it is moved.
    assert!(grown < CLIENTS as u64 * 2048, "{grown} KiB more");
    drop(deaf);
    wait_until_alone(&mut alice);
}

/// What came faster than it was worked on was queued without end: `NanoMQ`, CVE-2024-48077.
#[test]
fn lines_that_come_too_fast_wait_in_the_kernel_and_not_here() {
    const CLIENTS: usize = 8;
    let daemon = Daemon::start(&["--limit-loopback", "--max-per-address", "100"]);
    let mut alice = daemon.join("alice");
    let before = daemon.peak_memory_kib();
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
    let grown = daemon.peak_memory_kib() - before;
    // Of each, 4 KB that were read at once.
    assert!(grown < CLIENTS as u64 * 12, "{grown} KiB more");
    drop(flooders);
}

/// What belonged to a session outlived it: `FlashMQ`, CVE-2025-62723.
#[test]
fn all_that_a_client_can_leave_behind_goes_with_it() {
    let daemon = Daemon::start(&[]);
    let mut alice = daemon.join("alice");
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
    // 180 visitors had 19 rooms each, of half a kilobyte and more: 1.8 MB.
    assert!(grown < 512, "{grown} KiB more");
}

/// A name that two had, as both asked before either was registered: mammon, issue 63. One that
/// nobody could have again, because its holder was closed while registering: Ergo, issue 1225.
#[test]
fn of_many_who_want_a_name_at_once_one_gets_it_and_it_is_free_when_they_go() {
    const CLIENTS: usize = 30;
    let daemon = Daemon::start(&[]);
    let mut watcher = daemon.join("watcher");
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
                None => assert!(
                    answer.starts_with("! The name PRIZE is in use.")
                        || answer.starts_with("! The name prize is in use."),
                    "{answer}"
                ),
            }
        }
        assert_eq!(winners, 1);
        // Those who ask and are gone before they are answered.
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
        // Or those of the next round could come before its end is seen.
        drop(heir);
        wait_until_alone(&mut watcher);
    }
}

/// A disconnected client that was polled for ever: Mosquitto, issue 2807. Memory that a crowd took
/// and never gave back: Mosquitto, issue 2830.
#[test]
fn who_is_gone_or_half_gone_costs_nothing() {
    // Who reads nothing stays for as long as this takes.
    let daemon = Daemon::start(&["--stall-time", "600"]);
    let mut alice = daemon.join("alice");
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
    // Those who read nothing of what they are still to get, and say nothing more.
    let deaf: Vec<TcpStream> = (0..2).map(|_| ask_until_refused(&daemon)).collect();
    for stream in &deaf {
        stream.shutdown(Shutdown::Write).unwrap();
    }
    wait_until("those who read to be gone", || census(&mut alice)[0] == 3);
    // Who was taken for deaf may only have been answered late, and then some is left to do; what costs
    // something for ever does so in every second.
    wait_until("a second of rest", || {
        daemon.cpu_time_of_a_second() < Duration::from_millis(50)
    });
}

/// A Unix socket that anybody could connect to until its permissions were set: Redis,
/// CVE-2023-45145. Here it is made with what the umask leaves, and never changed.
#[test]
fn a_unix_socket_is_never_more_open_than_the_umask_says() {
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
