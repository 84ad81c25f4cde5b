//! Plays a script against the virtual server.
//!
//! | line | meaning |
//! | --- | --- |
//! | `alice> TEXT` | alice sends TEXT and LF; alice connects first if need be, and is greeted |
//! | `alice!` | alice connects, and speaks before she is greeted |
//! | `alice>> TEXT` | the same without the LF |
//! | `alice< TEXT` | alice's next line is exactly TEXT |
//! | `alice^` | alice half-closes |
//! | `alice$` | alice's connection was ended by the server |
//! | `+1.5` | this number of seconds passes |
//!
//! `\r`, `\n`, `\t`, `\\` and `\xNN` stand for bytes, in lines sent and in lines expected.

use std::collections::BTreeMap;
use std::time::Duration;

use chinwag::config::Limits;

use crate::support::{VirtualClient, VirtualServer};

/// How a script's bytes reach the server and its answers the client.
#[derive(Clone, Copy, Debug)]
pub enum Delivery {
    Whole,
    ByteByByte,
    /// Line `line` of the script comes in two pieces, split at `at`.
    Split {
        line: usize,
        at: usize,
    },
    /// The clients' sockets take a byte at a time.
    TrickleOut,
}

/// Plays `script` in every way.
#[track_caller]
pub fn check(script: &str) {
    check_with(&Limits::default(), script);
}

/// Plays `script` in every way, under these limits.
#[track_caller]
pub fn check_with(limits: &Limits, script: &str) {
    play(limits, script, Delivery::Whole);
    play(limits, script, Delivery::ByteByByte);
    play(limits, script, Delivery::TrickleOut);
    for (line, text) in script.lines().enumerate() {
        if let Step::Send { bytes, .. } = parse(text) {
            // Splits in the middle of a very long line are all alike.
            let near_an_end = |at: &usize| *at < 80 || at + 80 > bytes.len();
            for at in (1..bytes.len()).filter(near_an_end) {
                play(limits, script, Delivery::Split { line, at });
            }
        }
    }
}

enum Step<'a> {
    Nothing,
    Send { name: &'a str, bytes: Vec<u8> },
    Expect { name: &'a str, bytes: Vec<u8> },
    Connect(&'a str),
    HalfClose(&'a str),
    Ended(&'a str),
    Pass(Duration),
}

fn parse(line: &str) -> Step<'_> {
    let line = line.trim_start();
    let name_end = line
        .find(|c: char| !c.is_ascii_alphanumeric())
        .unwrap_or(line.len());
    let (name, rest) = line.split_at(name_end);
    if line.is_empty() || line.starts_with("--") {
        return Step::Nothing;
    }
    if let Some(seconds) = line.strip_prefix('+') {
        return Step::Pass(Duration::from_secs_f64(seconds.parse().unwrap()));
    }
    let text = |text: &str| unescape(text.strip_prefix(' ').unwrap_or(text));
    if let Some(rest) = rest.strip_prefix(">>") {
        Step::Send {
            name,
            bytes: text(rest),
        }
    } else if let Some(rest) = rest.strip_prefix('>') {
        let mut bytes = text(rest);
        bytes.push(b'\n');
        Step::Send { name, bytes }
    } else if let Some(rest) = rest.strip_prefix('<') {
        Step::Expect {
            name,
            bytes: text(rest),
        }
    } else {
        match rest {
            "!" => Step::Connect(name),
            "^" => Step::HalfClose(name),
            "$" => Step::Ended(name),
            _ => panic!("no step: {line}"),
        }
    }
}

fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        let (kind, after) = rest.split_first().unwrap();
        rest = after;
        bytes.push(match kind {
            b'r' => b'\r',
            b'n' => b'\n',
            b't' => b'\t',
            b'\\' => b'\\',
            b'x' => {
                let (digits, after) = rest.split_at(2);
                rest = after;
                u8::from_str_radix(std::str::from_utf8(digits).unwrap(), 16).unwrap()
            }
            other => panic!("no escape: {other}"),
        });
    }
    bytes
}

struct Player<'a> {
    server: VirtualServer,
    clients: BTreeMap<&'a str, VirtualClient>,
    /// Received, and not yet compared with the script.
    got: BTreeMap<&'a str, Vec<u8>>,
    delivery: Delivery,
}

#[track_caller]
fn play(limits: &Limits, script: &str, delivery: Delivery) {
    let server = VirtualServer::new(limits.clone());
    let mut player = Player {
        server,
        clients: BTreeMap::new(),
        got: BTreeMap::new(),
        delivery,
    };
    for (number, line) in script.lines().enumerate() {
        let place = format!("{delivery:?}, line {}: {}", number + 1, line.trim());
        match parse(line) {
            Step::Nothing => {}
            Step::Send { name, bytes } => {
                player.nothing_left(&place);
                player.send(name, &bytes, number);
            }
            Step::Connect(name) => {
                let client = player.server.connect_ungreeted("127.0.0.1:39999");
                player.clients.insert(name, client);
            }
            Step::HalfClose(name) => {
                player.nothing_left(&place);
                let client = player.client(name);
                player.server.half_close(&client);
            }
            Step::Pass(time) => {
                player.nothing_left(&place);
                player.server.advance(time);
            }
            Step::Expect { name, bytes } => player.expect(name, &bytes, &place),
            Step::Ended(name) => {
                player.collect();
                let socket = player.clients[name].socket.borrow();
                assert!(socket.closed || socket.shut, "{place}: still open");
            }
        }
    }
    player.nothing_left(&format!("{delivery:?}, at the end"));
}

impl<'a> Player<'a> {
    fn client(&mut self, name: &'a str) -> VirtualClient {
        if !self.clients.contains_key(name) {
            let port = 40_000 + self.clients.len();
            let client = self.server.connect(&format!("127.0.0.1:{port}"));
            let greeting = String::from_utf8(client.take()).unwrap();
            assert_eq!(
                greeting,
                format!(
                    "* You are connected from 127.0.0.1:{port}.\n\
                     * Type #yourname to register. After that, what you type is said to everybody\n\
                     * in your room, @user:message goes to one user only, and /help lists the rest.\n"
                )
            );
            if matches!(self.delivery, Delivery::TrickleOut) {
                client.socket.borrow_mut().write_max = 1;
            }
            self.clients.insert(name, client);
        }
        self.clients[name].clone()
    }

    fn send(&mut self, name: &'a str, bytes: &[u8], line: usize) {
        let client = self.client(name);
        match self.delivery {
            Delivery::ByteByByte => {
                for byte in bytes.chunks(1) {
                    self.server.send(&client, byte);
                }
            }
            Delivery::Split { line: split, at } if split == line => {
                self.server.send(&client, &bytes[..at]);
                self.server.send(&client, &bytes[at..]);
            }
            _ => self.server.send(&client, bytes),
        }
    }

    fn collect(&mut self) {
        for (name, client) in &self.clients {
            self.got.entry(name).or_default().extend(client.take());
        }
    }

    #[track_caller]
    fn expect(&mut self, name: &'a str, expected: &[u8], place: &str) {
        self.collect();
        let got = self.got.entry(name).or_default();
        let end = got.iter().position(|byte| *byte == b'\n');
        // Bytes that are no line, such as an answer of telnet's, are expected as they are.
        let (line, used) = match end {
            _ if got.starts_with(expected) && expected.ends_with(b"\n") => {
                (&got[..expected.len()], expected.len())
            }
            Some(end) => (&got[..end], end + 1),
            None => (&got[..], got.len()),
        };
        assert_eq!(
            line.escape_ascii().to_string(),
            expected.escape_ascii().to_string(),
            "{place}"
        );
        got.drain(..used);
    }

    #[track_caller]
    fn nothing_left(&mut self, place: &str) {
        self.collect();
        for (name, got) in &self.got {
            assert!(
                got.is_empty(),
                "{place}: {name} also got {}",
                got.escape_ascii()
            );
        }
    }
}
