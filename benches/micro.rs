//! Micro-benchmarks of the functions that a line passes, one after another, on its way through
//! the server: `cargo bench --bench micro`.
//!
//! Each benchmark says how many lines it handles, and fails if it does not; `cargo test` runs all
//! of them for a moment. They use no socket: the kernel's cost comes on top.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    missing_docs
)]

mod harness;

use std::hint::black_box;
use std::mem;

use chinwag::chat::ROOMS_PAGE;
use chinwag::chat::command::{
    Command, MembershipCommand, MessageCommand, Mode, QueryCommand, Reading, Recipients, Request,
    Verb,
};
use chinwag::chat::event::Event;
use chinwag::chat::ids::ClientId;
use chinwag::chat::name::{Name, RoomName};
use chinwag::chat::refusal::{LineRefusal, MessageRefusal, Refusal};
use chinwag::wire::codec::Codec;
use chinwag::wire::framing::Framing;
use chinwag::wire::lines::FrameKind;
use chinwag::wire::{Style, command, encode};

use harness::crowd::{ChatCrowd, Counter, ServerCrowd, WALL_TIME, name_of};
use harness::{Bench, Case};

/// The text of every message, of a typical length.
const TEXT: &str = "see you at eight, keep a seat for me";

/// The server's read buffer.
const BUFFER_BYTES: usize = 16 << 10;

/// The longest line, by default.
const LINE_BYTES_MAX: usize = 4096;

/// Recipients drawn in advance and used in rotation: more than clients, so that most are drawn.
const DRAWN: usize = 16_384;

fn main() {
    let mut bench = Bench::from_args();
    nothing(&mut bench);
    split(&mut bench);
    split_byte_by_byte(&mut bench);
    parse(&mut bench);
    encode_events(&mut bench);
    fan_out_in_the_chat(&mut bench);
    kept_fan_out_in_the_chat(&mut bench);
    fan_out_through_the_server(&mut bench);
    look_up(&mut bench);
    private_through_the_server(&mut bench);
    list_rooms(&mut bench);
    bench.finish();
}

/// The cost of the loop around a call, which every other result contains.
fn nothing(bench: &mut Bench) {
    bench.run("nothing", || Case {
        lines: 1,
        bytes: 0,
        call: || 1,
    });
}

/// A full buffer to clean lines: borrowed ones, and ones that must be edited first.
fn split(bench: &mut Bench) {
    let typed: [&[u8]; 4] = [
        b"hello all\n",
        b"@bob:are you coming tonight?\n",
        b"/me waves\n",
        b"I will be there at eight, and bring what is left of the cake\n",
    ];
    let crlf = typed.map(|line| [line.trim_ascii_end(), b"\r\n"].concat());
    let erasing: [&[u8]; 2] = [
        b"helo\x08lo all\n",
        b"@bob:are you comnig\x7f\x7f\x7fing tonight?\n",
    ];
    let utf8 = [
        "schöne Grüße an alle\n",
        "@bob:kommst du heute? 👍🏽\n",
        "今晩八時に会いましょう\n",
    ];
    let keys: [&[u8]; 2] = [
        b"\x1b[A\x1b[Bhello all\n",
        b"@bob:are you com\x1b[Ding \x1b[1;5Ctonight?\n",
    ];
    let telnet: [&[u8]; 2] = [
        b"\xff\xf1hello all\r\n",                             // "no operation"
        b"@bob:are you comm\xff\xf7ing \xff\xf1tonight?\r\n", // "erase character"
    ];
    let buffers = [
        ("split/lf", filled(&typed)),
        ("split/crlf", filled(&crlf.each_ref().map(Vec::as_slice))),
        ("split/utf8", filled(&utf8.map(str::as_bytes))),
        ("split/erasing", filled(&erasing)),
        ("split/keys", filled(&keys)),
        ("split/telnet", filled(&telnet)),
    ];
    assert_eq!(first_line(erasing[0]), b"hello all");
    assert_eq!(first_line(keys[1]), b"@bob:are you coming tonight?");
    assert_eq!(first_line(telnet[1]), b"@bob:are you coming tonight?");
    for (name, (buffer, lines)) in &buffers {
        bench.run(name, || {
            let mut splitter = warm_splitter();
            Case {
                lines: *lines,
                bytes: buffer.len(),
                call: move || count_lines(&mut splitter, black_box(buffer)),
            }
        });
    }
}

/// Lines from a client that sends each byte by itself.
fn split_byte_by_byte(bench: &mut Bench) {
    let (buffer, lines) = &filled(&[b"hello all\n", b"@bob:are you coming tonight?\n"]);
    bench.run("split/byte-by-byte", || {
        let mut splitter = warm_splitter();
        Case {
            lines: *lines,
            bytes: buffer.len(),
            call: move || {
                let bytes = black_box(buffer).chunks(1);
                bytes.map(|byte| count_lines(&mut splitter, byte)).sum()
            },
        }
    });
}

/// A buffer of these lines over and over, and how many it holds.
fn filled(lines: &[&[u8]]) -> (Vec<u8>, u32) {
    let mut buffer = Vec::with_capacity(BUFFER_BYTES);
    let mut count = 0;
    for line in lines.iter().cycle() {
        if buffer.len() + line.len() > BUFFER_BYTES {
            break;
        }
        buffer.extend_from_slice(line);
        count += 1;
    }
    (buffer, count)
}

/// A splitter past its client's first line, so that protocol detection is over.
fn warm_splitter() -> Codec {
    let mut splitter = Codec::default();
    assert_eq!(count_lines(&mut splitter, b"hello\n"), 1);
    splitter
}

fn count_lines(splitter: &mut Codec, mut input: &[u8]) -> u32 {
    let mut lines = 0;
    while let Some(frame) = splitter.next(&mut input, black_box(LINE_BYTES_MAX)) {
        lines += u32::from(matches!(black_box(frame).kind, FrameKind::Line(_)));
    }
    lines
}

fn first_line(mut input: &[u8]) -> Vec<u8> {
    let mut splitter = warm_splitter();
    match splitter.next(&mut input, LINE_BYTES_MAX).unwrap().kind {
        FrameKind::Line(line) => line.as_bytes().to_vec(),
        other => panic!("no line: {other:?}"),
    }
}

/// A line to a command or a refusal.
fn parse(bench: &mut Bench) {
    let private = format!("@bob:{TEXT}");
    let to_bob = Recipients::parse("bob").unwrap();
    let misspelt = Refusal::Line(LineRefusal::UnknownCommand {
        given: "hlep",
        nearest: Some(Verb::Help),
        registered: true,
    });
    let lines: [(&str, &str, Request<'_>); 5] = [
        (
            "parse/private",
            &private,
            Ok(Command::Message(MessageCommand::Private {
                to: to_bob,
                text: TEXT,
            })),
        ),
        (
            "parse/room-line",
            TEXT,
            Ok(Command::Message(MessageCommand::Say(TEXT))),
        ),
        (
            "parse/command",
            "/me waves",
            Ok(Command::Message(MessageCommand::Act("waves"))),
        ),
        (
            "parse/refused",
            "@bob see you at eight",
            Err(Refusal::Message(MessageRefusal::MissingColon)),
        ),
        ("parse/misspelt", "/hlep", Err(misspelt)),
    ];
    for (name, line, meaning) in lines {
        assert_eq!(command::parse(line, Reading::Commands), meaning, "{line}");
        bench.run(name, || Case {
            lines: 1,
            bytes: 0, // only the first byte is read
            call: || {
                let request = black_box(command::parse(black_box(line), Reading::Commands));
                u32::from(request.is_ok() == meaning.is_ok())
            },
        });
    }
}

/// An event to bytes, in each style.
fn encode_events(bench: &mut Bench) {
    let lobby = RoomName::parse("lobby").unwrap();
    let [alice, bob] = ["alice", "bob"].map(|name| Name::parse(name).unwrap());
    let private = Event::Private {
        from: &alice,
        to: &[bob],
        text: TEXT,
        id: None,
    };
    let room = Event::Message {
        room: &lobby,
        from: &alice,
        text: TEXT,
        id: None,
    };
    let plain = Style::default();
    let crlf = Style {
        framing: Framing::CrLf,
        ..plain
    };
    let json = Style {
        mode: Mode::Json,
        ..plain
    };
    for (name, event, style) in [
        ("encode/private-plain", private, plain),
        ("encode/private-crlf", private, crlf),
        ("encode/private-json", private, json),
        ("encode/room-plain", room, plain),
        ("encode/room-crlf", room, crlf),
        ("encode/room-json", room, json),
    ] {
        bench.run(name, || {
            let mut out = Vec::new();
            encode(&mut out, &event, style, WALL_TIME);
            let bytes = out.len();
            let shown = String::from_utf8(out.clone()).unwrap();
            assert!(shown.contains("alice") && shown.contains(TEXT), "{shown}");
            assert_eq!(shown.ends_with("\r\n"), style.framing == Framing::CrLf);
            let call = move || {
                out.clear();
                let lines = encode(&mut out, black_box(&event), black_box(style), WALL_TIME);
                black_box(&out);
                u32::from(lines == 1 && out.len() == bytes)
            };
            Case {
                lines: 1,
                bytes,
                call,
            }
        });
    }
}

/// A room's line to all its members, as the chat alone decides it.
fn fan_out_in_the_chat(bench: &mut Bench) {
    for members in [10, 100, 1_000] {
        let crowd = bench.crowd(members);
        bench.run(&format!("fan-out/chat/{members}"), || {
            let mut chat = ChatCrowd::new(crowd + 1); // one of them speaks
            let speaker = ChatCrowd::id_of(0);
            Case {
                lines: u32::try_from(crowd).unwrap(),
                bytes: 0,
                call: move || {
                    chat.handle(
                        speaker,
                        black_box(Ok(Command::Message(MessageCommand::Say(TEXT)))),
                    );
                    mem::take(&mut chat.outbox.announced)
                },
            }
        });
    }
}

/// The same in a room that is kept, and that it is kept.
fn kept_fan_out_in_the_chat(bench: &mut Bench) {
    for members in [10, 100] {
        let crowd = bench.crowd(members);
        bench.run(&format!("fan-out/kept/{members}"), || {
            let mut chat = ChatCrowd::that_keeps(crowd + 1); // one of them speaks
            let speaker = ChatCrowd::id_of(0);
            Case {
                lines: u32::try_from(crowd).unwrap(),
                bytes: 0,
                call: move || {
                    chat.handle(
                        speaker,
                        black_box(Ok(Command::Message(MessageCommand::Say(TEXT)))),
                    );
                    chat.settle();
                    mem::take(&mut chat.outbox.announced)
                },
            }
        });
    }
}

/// A room's line from the bytes of its speaker to the bytes of all its members.
fn fan_out_through_the_server(bench: &mut Bench) {
    let line = &format!("{TEXT}\n");
    let heard = &format!("{}: {TEXT}\n", name_of(0));
    for members in [10, 100, 1_000] {
        let crowd = bench.crowd(members);
        bench.run(&format!("fan-out/server/{members}"), || {
            let mut server = ServerCrowd::new(crowd + 1); // one of them speaks
            Case {
                lines: u32::try_from(crowd).unwrap(),
                bytes: crowd * heard.len(),
                call: move || lines_in(server.send(0, black_box(line.as_bytes())), heard),
            }
        });
    }
}

/// A private message to another client each time: the cost of the lookup.
fn look_up(bench: &mut Bench) {
    for registered in [100, 1_000, 10_000] {
        let crowd = bench.crowd(registered);
        let drawn: Vec<(ClientId, String)> = Lots(1)
            .take(DRAWN)
            .map(|lot| 1 + lot % (crowd - 1))
            .map(|number| (ChatCrowd::id_of(number), name_of(number)))
            .collect();
        bench.run(&format!("look-up/{registered}"), || {
            let mut chat = ChatCrowd::new(crowd);
            let sender = ChatCrowd::id_of(0);
            let mut targets = drawn.iter().cycle();
            let call = move || {
                let (id, name) = targets.next().unwrap();
                let to = Recipients::parse(name).unwrap();
                chat.handle(
                    sender,
                    Ok(Command::Message(MessageCommand::Private { to, text: TEXT })),
                );
                u32::from(chat.outbox.delivered_to.take() == Some(*id))
            };
            Case {
                lines: 1,
                bytes: 0,
                call,
            }
        });
    }
}

/// A private message between another pair each time, from bytes to bytes.
fn private_through_the_server(bench: &mut Bench) {
    for clients in [100, 10_000] {
        let crowd = bench.crowd(clients);
        let lots = || Lots(2).take(2 * DRAWN).map(|lot| lot % crowd);
        let drawn: Vec<(usize, String)> = lots()
            .step_by(2)
            .zip(lots().skip(1).step_by(2))
            .map(|(from, to)| (from, format!("@{}:{TEXT}\n", name_of(to))))
            .collect();
        let heard = &format!("@{}: {TEXT}\n", name_of(0));
        bench.run(&format!("private/server/{clients}"), || {
            let mut server = ServerCrowd::new(crowd);
            let mut messages = drawn.iter().cycle();
            let call = move || {
                let (from, line) = messages.next().unwrap();
                lines_in(server.send(*from, line.as_bytes()), heard)
            };
            Case {
                lines: 1,
                bytes: heard.len(),
                call,
            }
        });
    }
}

/// The last page of the list of rooms, whose cost must not depend on the pages before it.
fn list_rooms(bench: &mut Bench) {
    for wanted in [100, 10_000] {
        let count = bench.crowd(wanted) / ROOMS_PAGE * ROOMS_PAGE;
        bench.run(&format!("rooms/{wanted}"), || {
            let mut chat = ChatCrowd::new(count);
            for number in 1..count {
                // One is enough: the lobby is a room too.
                let room = RoomName::parse(&name_of(number)).unwrap();
                chat.handle(
                    ChatCrowd::id_of(number),
                    Ok(Command::Membership(MembershipCommand::Join(room))),
                );
            }
            chat.outbox = Counter::default();
            Case {
                lines: u32::try_from(ROOMS_PAGE).unwrap(),
                bytes: 0,
                call: move || {
                    let last = black_box(count / ROOMS_PAGE);
                    chat.handle(
                        ChatCrowd::id_of(0),
                        Ok(Command::Query(QueryCommand::Rooms(last))),
                    );
                    mem::take(&mut chat.outbox.rooms)
                },
            }
        });
    }
}

/// The number of written lines, all as long as `line`.
fn lines_in(bytes: usize, line: &str) -> u32 {
    assert_eq!(bytes % line.len(), 0, "something else was written");
    u32::try_from(bytes / line.len()).unwrap()
}

/// Numbers that look random and are the same in each run (`SplitMix64`).
struct Lots(u64);

impl Iterator for Lots {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) >> 32).ok()
    }
}
