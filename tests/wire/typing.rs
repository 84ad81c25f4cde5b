//! What terminals send beside text: keys, escape sequences, line ends of all kinds, text in another encoding.

use std::time::Duration;

use chinwag::chat::time::Timestamp;
use chinwag::config::Limits;
use chinwag::server::BARE_CR_TIME;
use proptest::prelude::*;

use crate::cases::{check_three, with_three};
use crate::script::{check, check_with};
use crate::support::{VirtualClient, VirtualServer};

/// What a key, a paste, a click or a window sends, whole.
const KEYS: [&str; 30] = [
    "\x1b[A",
    "\x1bOB",
    "\x1b\x1b[C",
    "\x1b[H",
    "\x1b[F",
    "\x1b[1~",
    "\x1b[3~",
    "\x1b[5~",
    "\x1bOP",
    "\x1b[11~",
    "\x1b[[A",
    "\x1b[15~",
    "\x1b[24;2~",
    "\x1bO2P",
    "\x1b[1;5D",
    "\x1b[Z",
    "\x1bf",
    "\x1b[200~",
    "\x1b[201~",
    "\x1b[I",
    "\x1b[O",
    "\x1b[<0;10;20M",
    "\x1b[<35;1;1m",
    "\x1b[M !!",
    "\x1b]11;rgb:0/0/0\x1b\\",
    "\x1b[?1;2c",
    "\x1b[97;5u",
    "\x1b[27;5;64~",
    "\x1b[2@",
    "\x1b[?2026;1$y",
];

/// Characters of which nothing is seen, and which may not reach anybody.
const UNSEEN: [&str; 6] = ["\u{feff}", "\u{202e}", "\u{2069}", "\u{85}", "\0", "\x07"];

fn three() -> (VirtualServer, [VirtualClient; 3]) {
    let mut server = VirtualServer::new(Limits::default());
    let clients = server.register_all(["alice", "bob", "carol"]);
    (server, clients)
}

#[test]
fn key_within_a_private_message_makes_it_public_nowhere() {
    let line = "@bob:hi";
    for key in KEYS.into_iter().chain(UNSEEN) {
        let (mut server, [alice, bob, carol]) = three();
        for place in 0..=line.len() {
            let (before, behind) = line.split_at(place);
            let typed = format!("{before}{key}{behind}\n");
            server.send(&alice, typed.as_bytes());
            assert_eq!(bob.text(), "@alice: hi\n", "{typed:?}");
            for cut in 1..typed.len() {
                let (first, second) = typed.as_bytes().split_at(cut);
                server.send(&alice, first);
                server.send(&alice, second);
                assert_eq!(bob.text(), "@alice: hi\n", "{typed:?}, {cut}");
            }
        }
        assert_eq!(alice.text() + &carol.text(), "", "{key:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever keys, halves of keys and invisible characters there are in and before a private message, no
    /// third person gets a byte of it: it is delivered, or its sender is told.
    #[test]
    fn third_person_gets_no_byte_of_a_private_message(
        before in junk(), places in proptest::collection::vec((0..12_usize, junk()), 0..3), slash: bool,
    ) {
        let (mut line, mut rest) = (String::new(), if slash { "/msg bob secret" } else { "@bob:secret" });
        for (place, junk) in places {
            let (piece, behind) = rest.split_at(place.min(rest.len()));
            line += &format!("{piece}{junk}");
            rest = behind;
        }
        line += rest;
        let (mut server, [alice, bob, carol]) = three();
        // A key by itself takes nothing of a line: only a half of one may, and then a mouse's.
        server.send(&alice, format!("{before}{line}\n").as_bytes());
        prop_assert_eq!(carol.text(), "", "{:?}", before + &line);
        let delivered = bob.text();
        prop_assert!(delivered.is_empty() || delivered.starts_with("@alice: "), "{delivered:?}");
    }
}

/// Invisible things: whole keys, a lone ESC as that key sends it, invisible characters.
fn junk() -> impl Strategy<Value = String> {
    let all: Vec<&str> = KEYS
        .into_iter()
        .chain(UNSEEN)
        .chain([
            "\x1b",
            "\x1b.",
            "\x1b ",
            "\x1b[7$",
            "\u{200b}",
            "\u{200f}",
            "\u{2060}",
            "\u{ad}",
            "\u{fe0f}",
            "\u{34f}",
            "\u{301}",
            "\u{3164}",
            "\u{e0040}",
        ])
        .collect();
    proptest::collection::vec(proptest::sample::select(all), 0..3).prop_map(|all| all.concat())
}

/// Keys that look like the start of a longer sequence.
#[test]
fn key_before_a_private_message_takes_no_part_of_it() {
    let alt = (b' '..=b'/').map(|byte| format!("\x1b{}", char::from(byte)));
    let rxvt = [
        "\x1b[7$", "\x1b[23$", "\x1b[7^", "\x1b[7@", "\x1b[a", "\x1bOa",
    ]
    .map(String::from);
    for key in alt.chain(rxvt) {
        for line in ["@bob:hi", "/msg bob hi"] {
            let (mut server, [alice, bob, carol]) = three();
            server.send(&alice, format!("{key}{line}\n").as_bytes());
            // Behind ESC they are text at a line's start: that decides on what the line is.
            if key.ends_with(['/', '#']) {
                continue;
            }
            assert_eq!(bob.text(), "@alice: hi\n", "{key:?}");
            assert_eq!(carol.text(), "", "{key:?}");
        }
    }
}

#[test]
fn alt_and_a_mark_within_a_line_takes_nothing_of_it() {
    for mark in b' '..=b'/' {
        let (mut server, [alice, bob, carol]) = three();
        let key = format!("\x1b{}", char::from(mark));
        server.send(&alice, format!("@bo{key}b:one{key} two\n").as_bytes());
        assert_eq!(bob.text(), "@alice: one two\n", "{key:?}");
        assert_eq!(carol.text(), "");
    }
}

#[test]
fn typed_text_is_what_the_terminal_shows() {
    check_three(
        "
        alice> oops ty\\x1b[D\\x08x
        bob< alice: oops tx
        carol< alice: oops tx
        alice> a[1] [A] 0;31m
        bob< alice: a[1] [A] 0;31m
        carol< alice: a[1] [A] 0;31m
        alice> @bob:one two\\x17three
        bob< @alice: one three
        alice> @carol:no\\x15@bob:yes
        bob< @alice: yes
        alice> @carol:no\\x03@bob:yes
        bob< @alice: yes
        alice> \\xef\\xbb\\xbf@bob:mark
        bob< @alice: mark
        alice> \\xe2\\x80\\x8b@bob:space
        bob< @alice: space
        alice> \\xef\\xb8\\x8f\\x1b@bob:seen as this
        alice< ! Type @ or / first: that line only looks as if it began so. Nothing was sent.
        alice> \\x1b[200~@bob:pasted\\x1b[201~
        bob< @alice: pasted
        alice> \\x1b@bob:after Escape
        bob< @alice: after Escape
        alice> \\x1b[A
        alice> \\xe2\\x80\\x8b
        ",
    );
}

#[test]
fn look_alike_of_a_private_message_is_refused_and_said_to_nobody() {
    let refused = "! Type @ or / first: that line only looks as if it began so. Nothing was sent.";
    check(&with_three(&format!(
        "
        alice> ＠bob: secret
        alice< {refused}
        alice> ＠ｂｏｂ：secret
        alice< {refused}
        alice> ／msg bob secret
        alice< {refused}
        alice> \\t@bob: secret
        alice< {refused}
        alice> x\\xef\\xbc\\xa0bob: y
        bob< alice: x\\xef\\xbc\\xa0bob: y
        carol< alice: x\\xef\\xbc\\xa0bob: y
        "
    )));
}

#[test]
fn private_message_in_another_encoding_is_said_to_nobody() {
    let utf_16 = |line: &str| {
        line.encode_utf16()
            .map(u16::to_le_bytes)
            .collect::<Vec<_>>()
            .concat()
    };
    let big_endian = |line: &str| {
        line.encode_utf16()
            .map(u16::to_be_bytes)
            .collect::<Vec<_>>()
            .concat()
    };
    for (bytes, delivered) in [
        (utf_16("\u{feff}@bob:hi\r\n"), "@alice: hi\n"),
        (utf_16("@bob:hi\n"), "@alice: hi\n"),
        (big_endian("@bob:hi\r\n"), "@alice: hi\n"),
        (big_endian("\u{feff}@bob:hi\n"), ""),
        (b"\xa0@bob:hi\n".to_vec(), ""),
        (b"\xff@bob:hi\n".to_vec(), ""),
        (b"\xad/msg bob hi\n".to_vec(), ""),
    ] {
        for cut in 1..bytes.len() {
            let (mut server, [alice, bob, carol]) = three();
            let (first, second) = bytes.split_at(cut);
            server.send(&alice, first);
            server.send(&alice, second);
            assert_eq!(bob.text(), delivered, "{bytes:?}");
            assert_eq!(carol.text(), "", "{bytes:?}");
            assert_eq!(
                alice.text().contains("Nothing was sent."),
                delivered.is_empty()
            );
        }
    }
}

/// Its first letters are 255 and a command of telnet's.
#[test]
fn word_in_cp1251_ends_no_input() {
    let (mut server, [alice, bob, _carol]) = three();
    server.send(&alice, b"\xff\xec\xe0\n/ping x\n");
    assert!(alice.text().ends_with("* pong x\n"));
    assert_eq!(bob.text(), "alice: \u{fffd}\u{fffd}\u{fffd}\n");
}

#[test]
fn text_in_another_encoding_is_told_to_its_sender_once() {
    check(
        "
        alice> #alice
        alice< * You are registered as alice.
        alice< * You are in lobby, and nobody else is.
        alice> /ping \\xe4
        alice< ! That is not UTF-8: others see \u{fffd} in it. Set your terminal to UTF-8.
        alice< * pong \u{fffd}
        alice> /ping \\xe4\\xff\\xfa x
        alice< * pong \u{fffd}\u{fffd}\u{fffd} x
        alice> /ping \\xff\\xec
        alice< * pong \u{fffd}\u{fffd}
        bob> /mode json
        bob< {\"type\":\"ok\",\"time\":1700000000000,\"text\":\"The mode is json.\"}
        bob> /ping \\xff x
        bob< {\"type\":\"notice\",\"time\":1700000000000,\"text\":\"That is not UTF-8: others see \u{fffd} in it. Set your terminal to UTF-8.\"}
        bob< {\"type\":\"ok\",\"time\":1700000000000,\"text\":\"pong \u{fffd} x\"}
        ",
    );
}

#[test]
fn stray_subnegotiation_costs_a_line_and_not_the_connection() {
    let limits = Limits {
        line_bytes_max: 64,
        ..Limits::default()
    };
    let swallowed = "y".repeat(64);
    check_with(
        &limits,
        &format!(
            "
            alice> /ping \\xff\\xfa{swallowed}
            alice< ! A telnet option had no end, and its line was dropped. Is your text UTF-8?
            alice> /ping x
            alice< * pong x
            alice>> /pi\\xff\\xfa\\x1f\\x00\\x50\\n\\xff\\xffx\\xff\\xf0ng 2\\n
            alice< * pong 2\\r
            alice> \\xff\\xfa
            alice^
            alice< ! A telnet option had no end, and its line was dropped. Is your text UTF-8?\\r
            alice$
            "
        ),
    );
}

#[test]
fn telnet_end_of_file_ends_the_input_as_a_half_close_does() {
    check(
        "
        alice> #alice
        alice< * You are registered as alice.
        alice< * You are in lobby, and nobody else is.
        bob> #bob
        bob< * You are registered as bob.
        bob< * You are in lobby with 1 other: alice.
        alice< * bob has joined lobby.
        bob>> @alice:last\\xff\\xf1 words\\xff\\xec/quit not heard\\n@alice:nor this\\n
        alice< @bob: last words
        alice< * bob has left lobby.
        bob$
        ",
    );
}

#[test]
fn cr_nul_ends_a_line() {
    check(
        "
        alice>> #alice\\r\\x00/ping 1\\r\\x00
        alice< * You are registered as alice.
        alice< * You are in lobby, and nobody else is.
        alice< * pong 1
        alice>> /ping 2\\r\\x00\\n
        alice< * pong 2
        ",
    );
}

#[test]
fn bare_cr_ends_a_line_after_a_silence_if_no_lf_ever_came() {
    check(
        "
        dora>> #dora\\r
        +0.19
        +0.02
        dora< * You are registered as dora.
        dora< * You are in lobby, and nobody else is.
        dora>> /ping 10%\\r20%
        +1
        dora>> \\r
        +0.3
        dora< * pong 10%20%
        dora>> /ping x\\r
        +0.15
        dora>> y\\r
        +0.15
        +0.06
        dora< * pong xy
        dora>> /ping z\\r
        +0.3
        dora< * pong z
        dora>> /ping telnet\\r\\xff\\xfe\\x01
        +0.3
        dora< * pong telnet\\r
        dora>> \\n
        dora> /ping lf
        dora< * pong lf\\r
        dora>> /ping b\\r
        +5
        dora>> c\\n
        dora< * pong bc\\r
        ",
    );
}

#[test]
fn silence_ends_a_line_that_was_too_long_or_in_an_unfinished_sequence() {
    let limits = Limits {
        line_bytes_max: 64,
        ..Limits::default()
    };
    let long = "y".repeat(65);
    check_with(
        &limits,
        &format!(
            "
            dora>> {long}\\r
            dora< ! That line is too long: 64 bytes at most. Nothing was sent. Split it.
            +0.3
            dora>> /ping 1\\x1b]0;\\r
            +0.3
            dora< * pong 1
            dora>> /ping 2\\r
            +0.3
            dora< * pong 2
            "
        ),
    );
}

#[test]
fn silence_is_only_waited_for_behind_a_bare_cr() {
    let (mut server, [alice, bob, _carol]) = three();
    for bytes in [&b"x"[..], b"\r", b"x\r", b"x\ry\r", b"\n"] {
        server.send(&alice, bytes);
        assert_eq!(
            server.switchboard.next_deadline(),
            Timestamp::NEVER,
            "LF came"
        );
    }
    assert_eq!(bob.text(), "alice: xxxy\n");

    let dora = server.register_by_cr("dora");
    assert_eq!(server.switchboard.next_deadline(), Timestamp::NEVER);
    server.send(&dora, b"one\r");
    let ends_at = server.now.after(BARE_CR_TIME);
    assert_eq!(server.switchboard.next_deadline(), ends_at);
    server.advance(BARE_CR_TIME);
    assert!(bob.text().ends_with("dora: one\n"));
    assert_eq!(server.switchboard.next_deadline(), Timestamp::NEVER);
    // It leaves with its line unfinished.
    server.send(&dora, b"two\r");
    server.half_close(&dora);
    server.advance(Duration::from_secs(2));
    assert_eq!(bob.text(), "dora: two\n* dora has left lobby.\n");
    assert_eq!(server.switchboard.next_deadline(), Timestamp::NEVER);
}

/// What one who never sends LF may send, and how many milliseconds pass then.
fn pieces_and_waits() -> impl Strategy<Value = Vec<(&'static str, u64)>> {
    let piece = proptest::sample::select(vec!["a", "b\r", "\r", "c\r\0", "d\re", "\x1b[A", ""]);
    let wait = proptest::sample::select(vec![0, 1, 99, 199, 200, 201, 1000]);
    proptest::collection::vec((piece, wait), 1..12)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Pieces with less than the silence between them mean the same as one piece.
    #[test]
    fn bare_cr_ends_a_line_in_every_rhythm_as_the_page_says(pieces in pieces_and_waits()) {
        let (mut server, [_alice, bob, _carol]) = three();
        let dora = server.register_by_cr("dora");
        bob.take();
        let (mut expected, mut line, mut is_after_cr, mut silence) = (String::new(), String::new(), false, 0);
        let end = |line: &mut String, expected: &mut String| {
            if !line.is_empty() {
                *expected += &format!("dora: {line}\n");
            }
            line.clear();
        };
        for (piece, wait) in pieces {
            if !piece.is_empty() {
                server.send(&dora, piece.as_bytes());
                silence = 0;
            }
            for c in piece.replace("\x1b[A", "\x1b").chars() {
                match c {
                    '\0' if is_after_cr => end(&mut line, &mut expected),
                    'a'..='z' => line.push(c),
                    _ => {}
                }
                is_after_cr = c == '\r';
            }
            server.advance(Duration::from_millis(wait));
            silence += wait;
            if is_after_cr && silence >= 200 {
                end(&mut line, &mut expected);
                is_after_cr = false;
            }
            prop_assert_eq!(bob.text(), std::mem::take(&mut expected));
        }
    }
}

#[test]
fn bytes_that_the_poll_has_not_told_of_belong_to_the_line() {
    let (mut server, [_alice, bob, _carol]) = three();
    let dora = server.register_by_cr("dora");
    bob.take();
    server.send(&dora, b"@bob:10%\r");
    // They are in the kernel; the process sleeps, and finds its deadline past.
    dora.socket
        .borrow_mut()
        .to_server
        .push_back(b"20%\r".to_vec());
    server.now = server.now.after(Duration::from_secs(9));
    server.run();
    assert_eq!(bob.text(), "");
    server.advance(BARE_CR_TIME);
    assert_eq!(bob.text(), "@dora: 10%20%\n");
}

#[test]
fn silent_line_waits_for_its_rate() {
    let limits = Limits {
        line_burst: 2,
        lines_per_second: 1,
        limit_loopback: true,
        ..Limits::default()
    };
    let mut server = VirtualServer::new(limits);
    let dora = server.register_by_cr("dora");
    server.send(&dora, b"/ping 1\r");
    server.advance(BARE_CR_TIME);
    assert_eq!(dora.text(), "* pong 1\n");
    server.send(&dora, b"/ping 2\r");
    server.advance(BARE_CR_TIME);
    assert_eq!(dora.text(), "", "held");
    server.advance(Duration::from_secs(1));
    assert_eq!(dora.text(), "* pong 2\n");
    assert_eq!(server.switchboard.next_deadline(), Timestamp::NEVER);
}

impl VirtualServer {
    /// Registers a client that never sends LF, and takes its output.
    fn register_by_cr(&mut self, name: &str) -> VirtualClient {
        let client = self.connect("127.0.0.1:9");
        self.send(&client, format!("#{name}\r").as_bytes());
        self.advance(BARE_CR_TIME);
        assert!(client.text().contains("You are registered"));
        client
    }
}

/// What a hostile or odd client may send, in pieces that mean something to the reader of its bytes.
const ODD: [&[u8]; 44] = [
    b"@bob:x",
    b"@",
    b"/msg bob ",
    b"/me x",
    b"/ping ",
    b"#alice",
    b"a",
    b" ",
    b"\t",
    b"\n",
    b"\r",
    b"\r\n",
    b"\0",
    b"\x1b",
    b"\x1b[",
    b"\x1b[3$",
    b"\x1b]0;",
    b"\x1b\\",
    b"\x1b.",
    b"\x1b[M",
    b"\x07",
    b"\xc2",
    b"\x9b",
    b"\xe2\x80",
    b"\x8b",
    b"\xef\xbb\xbf",
    b"\xef\xbc\xa0",
    b"\xff",
    b"\xfe",
    b"\xff\xfd\x01",
    b"\xff\xfd\x06",
    b"\xff\xf6",
    b"\xff\xf7",
    b"\xff\xf4",
    b"\xff\xfa\x18",
    b"\xff\xf0",
    b"\xff\xec",
    b"\x08",
    b"\x7f",
    b"\x17",
    b"\x15",
    b"\x03",
    b"\xe4",
    b"\x18",
];

/// The outputs of all when the bytes of each burst come in pieces of these lengths, over and over.
fn outputs(bursts: &[Vec<u8>], lengths: &[usize], by_cr: bool) -> [Vec<u8>; 3] {
    let (mut server, [_, bob, carol]) = three();
    let dora = if by_cr {
        server.register_by_cr("dora")
    } else {
        server.register("127.0.0.1:9", "dora")
    };
    let mut lengths = lengths.iter().cycle();
    for burst in bursts {
        let mut rest = &burst[..];
        while !rest.is_empty() && !dora.socket.borrow().closed {
            let length = lengths
                .next()
                .map_or(rest.len(), |length| rest.len().min(*length));
            let (piece, behind) = rest.split_at(length);
            server.send(&dora, piece);
            rest = behind;
            if !rest.is_empty() {
                server.advance(Duration::from_millis(199));
            }
        }
        server.advance(Duration::from_secs(2));
    }
    server.half_close(&dora);
    server.advance(Duration::from_secs(2));
    [&dora, &bob, &carol].map(VirtualClient::take)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 64, ..ProptestConfig::default() })]

    /// Silence between two pieces that is too short to end a line changes nothing, for anybody.
    #[test]
    fn odd_bytes_mean_the_same_in_any_split(
        bursts in proptest::collection::vec(proptest::collection::vec(proptest::sample::select(&ODD[..]), 1..12), 1..5),
        lengths in proptest::collection::vec(1..7_usize, 1..4), by_cr: bool,
    ) {
        let bursts: Vec<Vec<u8>> = bursts.iter().map(|pieces| pieces.concat()).collect();
        let whole = outputs(&bursts, &[], by_cr);
        prop_assert_eq!(outputs(&bursts, &[1], by_cr), whole.clone());
        prop_assert_eq!(outputs(&bursts, &lengths, by_cr), whole);
    }
}
