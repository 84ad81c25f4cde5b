//! Hostile telnet clients.

use std::thread;
use std::time::Duration;

use socket2::{Domain, Socket, Type};

use crate::harness::{Client, Daemon};

const IAC: u8 = 255;
const EOF: u8 = 236;
const SE: u8 = 240;
const DATA_MARK: u8 = 242;
const INTERRUPT_PROCESS: u8 = 244;
const ARE_YOU_THERE: u8 = 246;
const ERASE_CHARACTER: u8 = 247;
const ERASE_LINE: u8 = 248;
const SB: u8 = 250;
const WILL: u8 = 251;
const WONT: u8 = 252;
const DO: u8 = 253;
const DONT: u8 = 254;
const TIMING_MARK: u8 = 6;

const MIB: usize = 1 << 20;

/// The memory that such work may cost, in KiB: fixed buffers, and none that grow.
const MEMORY_KIB_MAX: u64 = 4096;

/// Sends `bytes` in two pieces that the daemon reads one by one: the witness's answer in between shows
/// that it has read the first.
fn send_split(client: &mut Client, witness: &mut Client, bytes: &[u8], at: usize) {
    client.send_bytes(&bytes[..at]);
    witness.barrier();
    client.send_bytes(&bytes[at..]);
    witness.barrier();
}

/// The answer to `DO` or `WILL` of an option, the first time and later.
fn refusal(verb: u8, option: u8, again: bool) -> Vec<u8> {
    match verb {
        DO if option == TIMING_MARK => vec![IAC, WILL, option],
        DO if !again => vec![IAC, WONT, option],
        WILL if !again => vec![IAC, DONT, option],
        _ => Vec::new(),
    }
}

/// A client that has joined, and speaks telnet from the start, so that all of its lines end alike.
fn join(daemon: &Daemon, name: &str) -> Client {
    let mut client = daemon.join(name);
    client.send_bytes(&[IAC, DONT, 1]);
    client
}

/// The client's next bytes must be these, and then its next line.
#[track_caller]
fn expect_bytes(client: &mut Client, expected: &[u8]) {
    client.send("/ping end");
    let whole = [expected, b"* pong end\r\n"].concat();
    let mut received = Vec::new();
    while received.len() < whole.len() {
        received.extend(client.try_line_bytes().expect("an answer"));
    }
    assert_eq!(received, whole);
}

#[test]
fn option_is_refused_once_in_every_split() {
    let daemon = Daemon::start(&[]);
    let mut witness = daemon.join("witness");
    for split in 0..=3 {
        let mut client = join(&daemon, "alice");
        witness.read_until("* alice has joined lobby.");
        for again in [false, true] {
            for verb in [DO, WILL, DONT, WONT] {
                let mut expected = Vec::new();
                for option in 0..=255 {
                    send_split(&mut client, &mut witness, &[IAC, verb, option], split);
                    expected.extend(refusal(verb, option, again));
                }
                expect_bytes(&mut client, &expected);
            }
        }
        client.send("/quit");
        client.read_to_end();
        witness.read_until("* alice has left lobby.");
    }
}

#[test]
fn telnet_command_means_the_same_in_every_split() {
    let (daemon, [mut witness, mut bob]) = Daemon::start_with(["witness", "bob"]);
    let mut alice = join(&daemon, "alice");
    bob.read_until("* alice has joined lobby.");
    // In the middle of a line, and where one begins.
    for (command, before) in (SE..=IAC).flat_map(|command| [(command, "ab"), (command, "")]) {
        let rest: &[u8] = match command {
            SB => &[24, 0, b'\n', IAC, IAC, SE, IAC, SE],
            WILL..=DONT => &[1],
            _ => &[],
        };
        let left = match command {
            ERASE_LINE | INTERRUPT_PROCESS => "",
            ERASE_CHARACTER => before.trim_end_matches('b'),
            _ => before,
        };
        let text = if command == IAC { "\u{fffd}" } else { "" };
        let bytes = [before.as_bytes(), &[IAC, command], rest, b"cd\n"].concat();
        for split in 0..=bytes.len() {
            send_split(&mut alice, &mut witness, &bytes, split);
            bob.expect_line(&format!("alice: {left}{text}cd"));
            if command == ARE_YOU_THERE {
                alice.expect_line("* chinwag is here.");
            }
        }
    }
    // WILL to DONT of option 1, of which two are refused, once; and a doubled 255 is no UTF-8.
    let hint = "! That is not UTF-8: others see \u{fffd} in it. Set your terminal to UTF-8.\r\n";
    let expected = [&[IAC, DONT, 1, IAC, WONT, 1], hint.as_bytes()].concat();
    expect_bytes(&mut alice, &expected);
}

#[test]
fn unfinished_telnet_command_keeps_no_connection_open() {
    let daemon = Daemon::start(&[]);
    let mut bob = daemon.join("bob");
    for unfinished in [
        &[IAC][..],
        &[IAC, DO],
        &[IAC, SB],
        &[IAC, SB, 24, IAC],
        b"\x1b",
        b"\x1b]0;",
        b"\x1b[M!",
    ] {
        let mut alice = daemon.join("alice");
        alice.send_bytes(b"last words");
        alice.send_bytes(unfinished);
        alice.finish_sending();
        alice.read_to_end();
        bob.expect_lines(&[
            "* alice has joined lobby.",
            "alice: last words",
            "* alice has left lobby.",
        ]);
    }
}

#[test]
fn end_of_file_ends_the_input_and_all_of_it_is_answered() {
    let daemon = Daemon::start(&[]);
    let mut bob = daemon.join("bob");
    for split in 0..=2 {
        let mut alice = join(&daemon, "alice");
        alice.send_bytes(&[IAC, WONT, 1]);
        let bytes = b"@bob:first\n@bob:last words";
        alice.send_bytes(bytes);
        alice.send_bytes(&[IAC, EOF][..split]);
        alice.send_bytes(&[&[IAC, EOF][split..], b"\n/ping\n"].concat());
        // The socket stays open from here, as a pipe's telnet leaves it.
        assert_eq!(alice.bytes_to_end(), b"");
        bob.expect_lines(&[
            "* alice has joined lobby.",
            "@alice: first",
            "@alice: last words",
            "* alice has left lobby.",
        ]);
    }
}

#[test]
fn byte_255_of_another_encoding_mutes_nobody() {
    let (daemon, [mut bob]) = Daemon::start_with(["bob"]);
    for text in [&b"\xff\xfa a"[..], b"\xff\xfa", b"\xff\xfb", b"\xff a"] {
        let mut egon = daemon.join("egon");
        bob.expect_line("* egon has joined lobby.");
        egon.send_bytes(b"\xcf\xf0\n");
        egon.expect_line_starting("! That is not UTF-8");
        bob.expect_line("egon: \u{fffd}\u{fffd}");
        egon.send_bytes(&[text, b"\n/ping x\n/quit\n"].concat());
        egon.expect_lines(&["* pong x", "* Bye."]);
        assert!(bob.line().starts_with("egon: \u{fffd}"));
        bob.expect_line("* egon has left lobby.");
    }
    // Where it is the first of all, it may be telnet's, for a line's length.
    let mut egon = daemon.join("egon");
    egon.send_bytes(b"\xff\xfa a\n/ping x\n");
    egon.send_bytes(&b"ten bytes\n".repeat(410));
    egon.expect_line_starting("! A telnet option had no end");
    egon.send("/ping y");
    egon.read_until("* pong y");
}

/// Sends `piece` over and over, `bytes` in all; returns the processor time that the daemon took for it.
fn cpu_time_of(daemon: &Daemon, client: &mut Client, piece: &[u8], bytes: usize) -> Duration {
    let before = daemon.cpu_time();
    let piece = piece.repeat(MIB / piece.len());
    for _ in 0..bytes.div_ceil(piece.len()) {
        client.send_bytes(&piece);
    }
    // The answer comes after all those bytes.
    client.send_bytes(&[IAC, SE, IAC, ARE_YOU_THERE]);
    client.read_until("* chinwag is here.");
    daemon.cpu_time().saturating_sub(before)
}

#[test]
fn endless_subnegotiation_takes_constant_memory_and_linear_time() {
    let daemon = Daemon::start(&[]);
    let mut bob = daemon.join("bob");
    let mut alice = join(&daemon, "alice");
    bob.expect_line("* alice has joined lobby.");
    let memory_before = daemon.peak_memory_kib();
    let mut time_of = |bytes| {
        alice.send_bytes(&[IAC, SB, 24]);
        cpu_time_of(&daemon, &mut alice, b"subnegotiation ", bytes)
    };
    // Other work on the machine can make one try look slow, but hardly three in a row.
    let is_linear = (0..3).any(|_| {
        let (short, long) = (time_of(10 * MIB), time_of(40 * MIB));
        eprintln!("10 MiB took {short:?}, 40 MiB {long:?}");
        // Four times as much takes four times as long; squared, it would take sixteen times as long.
        long < short * 8
    });
    assert!(is_linear);
    let memory = daemon.peak_memory_kib() - memory_before;
    assert!(memory < MEMORY_KIB_MAX, "{memory} KiB");
    // It was given up, with the rest of its line.
    alice.send("still it");
    alice.send("here again");
    bob.expect_line("alice: here again");
}

#[test]
fn lines_of_doubled_255s_and_of_erasing_take_constant_memory() {
    let daemon = Daemon::start(&[]);
    let mut bob = daemon.join("bob");
    let mut alice = join(&daemon, "alice");
    bob.expect_line("* alice has joined lobby.");
    let memory_before = daemon.peak_memory_kib();
    for (piece, refused) in [
        (&[IAC, IAC][..], true), // text, and no UTF-8
        (&[b'x', IAC, ERASE_CHARACTER], false),
        (&[b'x', IAC, ERASE_LINE], false),
        (&[IAC, SB, IAC, SE], false),
        (&[IAC, SB, IAC, SB], false),
        (&[IAC, 241], false), // NOP
    ] {
        for _ in 0..4 {
            alice.send_bytes(&piece.repeat(MIB / piece.len()));
        }
        if refused {
            alice.expect_line_starting("! That is not UTF-8");
            alice.expect_line_starting("! That line is too long");
            alice.send_bytes(b"\n");
        }
        alice.send_bytes(&[IAC, SE]);
        alice.expect_nothing();
        alice.send("whole");
        bob.expect_line("alice: whole");
    }
    let memory = daemon.peak_memory_kib() - memory_before;
    assert!(memory < MEMORY_KIB_MAX, "{memory} KiB");
}

#[test]
fn storm_of_requests_is_answered_once_for_each_option() {
    let (daemon, [mut bob, mut carol]) = Daemon::start_with(["bob", "carol"]);
    let mut alice = join(&daemon, "alice");
    // TIMING-MARK is answered each time.
    let options = || (0..=255).filter(|option| *option != TIMING_MARK);
    let of_all = |verb: u8| options().flat_map(move |option| [IAC, verb, option]);
    let all: Vec<u8> = [DO, WILL, DONT, WONT]
        .into_iter()
        .flat_map(of_all)
        .collect();
    for _ in 0..200 {
        alice.send_bytes(&all);
    }
    alice.send_bytes(&[IAC, DO, 1].repeat(100_000));
    let expected: Vec<u8> = of_all(WONT).chain(of_all(DONT)).collect();
    expect_bytes(&mut alice, &expected);
    bob.send("@carol:we did not notice");
    carol.read_until("@bob: we did not notice");
}

/// Two ends that answer each other's refusals could go on for ever.
#[test]
fn peer_that_answers_every_answer_is_left_the_last_word() {
    let daemon = Daemon::start(&[]);
    for reply in [
        // A peer that acknowledges; one that insists; one that asks for the opposite side as well.
        |verb: u8| match verb {
            WONT => vec![DONT],
            _ => vec![WONT],
        },
        |verb: u8| match verb {
            WONT => vec![DO],
            _ => vec![WILL],
        },
        |_: u8| vec![DO, WILL, DONT, WONT],
    ] {
        let mut alice = join(&daemon, "alice");
        let mut sent: Vec<u8> = (0..=255)
            .filter(|option| *option != TIMING_MARK)
            .flat_map(|option| [IAC, DO, option])
            .collect();
        let (mut rounds, mut answers) = (0, 0);
        while !sent.is_empty() {
            alice.send_bytes(&sent);
            alice.send("/ping");
            // 10 is both LF and an option.
            let mut received = Vec::new();
            while !received.ends_with(b"* pong\r\n") {
                received.extend(alice.try_line_bytes().expect("an answer"));
            }
            received.truncate(received.len() - b"* pong\r\n".len());
            answers += received.len() / 3;
            sent = received
                .chunks(3)
                .flat_map(|answer| {
                    reply(answer[1])
                        .into_iter()
                        .map(|verb| [IAC, verb, answer[2]])
                })
                .flatten()
                .collect();
            rounds += 1;
            assert!(rounds < 10, "they go on and on");
        }
        assert!((255..=2 * 255).contains(&answers), "{answers}");
        alice.send("/quit");
        alice.read_to_end();
    }
}

#[test]
fn storm_with_unread_answers_takes_bounded_memory_and_ends() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let listen = format!("unix:{}", path.display());
    // Small limits: even a busy machine reaches half of the hard limit, past which the daemon does not read,
    // within the stall time.
    let limits = [
        "--stall-time",
        "2",
        "--soft-limit",
        "16K",
        "--hard-limit",
        "32K",
    ];
    let listens = ["--listen", "127.0.0.1:0", "--listen", &listen];
    let daemon = Daemon::start(&[&limits[..], &listens].concat());
    // An operator, who is told exact numbers.
    let mut alice = Client::over_unix(&path).join("alice");
    let mut bob = daemon.join("bob");
    alice.barrier();
    let memory_before = daemon.peak_memory_kib();
    let storms = [
        [IAC, ARE_YOU_THERE].repeat(1000),
        [IAC, DO, TIMING_MARK].repeat(1000),
    ];
    let writing = storms.map(|storm| {
        // The kernel keeps little for a Unix socket: unread output soon waits in the daemon.
        let client = Client::over_unix(&path);
        let mut sender = client.sender();
        thread::spawn(move || {
            // The loop ends when the daemon closes the connection as stalled.
            while sender.write_all(&storm).is_ok() {}
            drop(client);
        })
    });
    for _ in 0..50 {
        alice.send("@bob:through the storm");
        bob.expect_line("@alice: through the storm");
    }
    daemon.expect_log_count("unread output without progress", 2);
    daemon.expect_log_count(", not all it sent was read", 2);
    for thread in writing {
        thread.join().unwrap();
    }
    let memory = daemon.peak_memory_kib() - memory_before;
    assert!(memory < MEMORY_KIB_MAX, "{memory} KiB");
    alice.expect_nothing();
    assert_eq!(alice.count_connected(), 2);
}

#[test]
fn client_that_only_negotiates_is_closed_in_time() {
    let daemon = Daemon::start(&["--register-time", "1"]);
    let mut client = daemon.connect_raw();
    let mut sender = client.sender();
    let writing = thread::spawn(move || {
        let storm = [IAC, DO, 1, IAC, SB, 24, 1].repeat(1000);
        while sender.write_all(&storm).is_ok() {}
    });
    let received = client.bytes_to_end();
    let text = String::from_utf8_lossy(&received);
    assert!(text.contains("! You did not register in time."), "{text}");
    daemon.wait_for_log("no name in time");
    drop(client);
    writing.join().unwrap();
}

/// A read ends before an urgent byte. The bytes behind it were left in the kernel until more came.
#[test]
fn lines_behind_an_urgent_byte_are_read_at_once() {
    let daemon = Daemon::start(&[]);
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.connect(&daemon.address().into()).unwrap();
    let mut alice = Client::over_socket(socket.try_clone().unwrap()).join("alice");
    for round in 0..3 {
        // All bytes must arrive before any of them is read.
        daemon.while_stopped(|| {
            alice.send(&format!("/ping before {round}"));
            alice.send_bytes(&[IAC, INTERRUPT_PROCESS, IAC]);
            assert_eq!(socket.send_out_of_band(&[DATA_MARK]).unwrap(), 1);
            alice.send(&format!("/ping behind {round}"));
        });
        alice.expect_line(&format!("* pong before {round}"));
        alice.expect_line(&format!("* pong behind {round}"));
    }
}
