//! What visitors of a soak come for: the rude, the broken and the gone, each as a list of steps.

use std::iter::{repeat_n, repeat_with};
use std::time::Duration;

use fastrand::Rng;

use super::{REGISTER_TIME, STALL_TIME};
use crate::client::{ClientNo, Reads};
use crate::clients::Clients;
use crate::dialect::ROOM;

pub enum Step {
    Say(Vec<u8>),
    /// Says this again and again, as fast as it is read, until as many bytes are said.
    Flood(Vec<u8>, usize),
    /// Asks another visitor to write to this one, more than a server keeps for any client.
    Invite,
    Read(Reads),
    /// How it leaves, and what that counts as.
    Leave(&'static str, fn(&mut Clients, ClientNo)),
    /// Something happened that is to be counted.
    Count(&'static str),
}

/// By the dialect's word for it.
const QUIT: Step = Step::Leave("quits", Clients::quit);
/// Says nothing more, and reads on: FIN.
const FINISH: Step = Step::Leave("fins", Clients::finish);
/// Breaks off: RST.
const RESET: Step = Step::Leave("resets", Clients::reset);

#[derive(Default)]
pub struct Visit {
    /// Counted when it comes.
    pub name: &'static str,
    /// Says this and does not register, if there is something.
    pub stranger: Option<Vec<u8>>,
    /// Has a small receive buffer, so that the server soon feels that it does not read.
    pub has_small_buffer: bool,
    /// What it does, and how long after it was let in, or, as a stranger, came.
    pub steps: Vec<(Duration, Step)>,
    /// The server may end it; this is counted then.
    pub end: Option<&'static str>,
}

/// What the visitor of a name does.
pub type Script = fn(ClientNo, &mut Rng) -> Visit;

/// What happens beside visits and crowds of them, and the seconds between two, on average.
pub const FAULTS: [(Script, f64); 9] = [
    (flood, 15.0),
    (long_line, 3.0),
    (garbage, 2.0),
    (telnet, 3.0),
    (greeting, 2.0),
    (half_open, 2.0),
    (stuck, 20.0),
    (overfull, 25.0),
    (unread, 5.0),
];

const SIDE_ROOMS: u32 = 20;

/// Bytes that a flooder writes: some 80,000 lines.
const FLOOD_BYTES: usize = 4 << 20;

/// Bytes that are written to a client that does not read: more than the kernel takes for one
/// connection (128 KiB, as the server asks it to, and a window of bytes in flight) and the hard limit (1 MiB)
/// together.
const OVERFULL_BYTES: usize = 2 << 20;

/// What is repeated in a flood is about as long as this.
const CHUNK_BYTES: usize = 64 << 10;

/// Not longer than a line may be, with the name before it.
const FULL_LINE_BYTES: usize = 4000;

/// Bytes of the longest line over the limit.
const LONG_LINE_BYTES_MAX: usize = 200 << 10;

/// How often a client asks for all commands that will not read them: some 2 MB, like
/// [`OVERFULL_BYTES`] more than the kernel and the hard limit take together.
const UNREAD_LINES: usize = 1500;

/// When a stuck reader looks whether it has been closed: what the kernel takes is full within a
/// second of its coming.
const STUCK_TIME: Duration = STALL_TIME.saturating_add(Duration::from_secs(10));

/// The same for one that is written to privately.
const OVERFULL_TIME: Duration = Duration::from_secs(8);

/// Between seeing whether it was closed, and giving up.
const LAST_LOOK_TIME: Duration = Duration::from_secs(5);

/// How long a visitor stays, at least and at most.
const STAY_SECONDS: (f64, f64) = (0.2, 6.0);

/// What other protocols begin with, by the name under which it is counted.
const GREETINGS: [(&str, &[u8]); 4] = [
    (
        "http",
        b"GET /chat HTTP/1.1\r\nHost: example.org\r\nAccept: */*\r\n\r\n",
    ),
    ("ssh", b"SSH-2.0-OpenSSH_9.6\r\n"),
    // The start of a ClientHello: a handshake record of TLS 1.0, as all versions send it first.
    (
        "tls",
        b"\x16\x03\x01\x00\xc8\x01\x00\x00\xc4\x03\x03 no more than a beginning",
    ),
    // An SMB2 negotiation behind its NetBIOS header.
    (
        "smb",
        b"\x00\x00\x00\x6c\xfeSMB\x40\x00\x00\x00\x00\x00\x00\x00\x00\x00\x1f\x00",
    ),
];

/// Telnet's bytes: interpret as command, subnegotiation, and what asks for an option.
const IAC: u8 = 255;
const SUBNEGOTIATION: u8 = 250;
const ASKING: [u8; 4] = [251, 252, 253, 254];

impl Visit {
    fn named(name: &'static str) -> Self {
        Self {
            name,
            ..Self::default()
        }
    }

    fn then(mut self, at: Duration, step: Step) -> Self {
        self.steps.push((at, step));
        self
    }
}

/// Looks in, speaks in a room, changes its name, and leaves in one way or another.
pub fn look_in(name: ClientNo, rng: &mut Rng) -> Visit {
    let room = format!("side{}", rng.u32(0..SIDE_ROOMS));
    let new_name = format!("/nick v{}\n", name.get());
    let mut lines: Vec<(&'static str, Vec<u8>)> = vec![
        ("rooms_entered", enter(&room)),
        ("lines", b"Good evening.\n/me waves\n".to_vec()),
        ("renames", new_name.into_bytes()),
        ("questions", b"/names\n/stats\n/rooms\n".to_vec()),
        ("lines", b"/topic What a visitor wants\nBye!\n".to_vec()),
        ("rooms_left", format!("/part {room}\n").into_bytes()),
    ];
    lines.truncate(rng.usize(0..=lines.len()));
    let (least, most) = STAY_SECONDS;
    let stay = least + (most - least) * rng.f64() * rng.f64();
    let pause = Duration::from_secs_f64(stay) / 8;
    let mut visit = Visit::named("visits");
    let mut at = Duration::ZERO;
    for (name, line) in lines {
        visit = visit.then(at, Step::Count(name)).then(at, Step::Say(line));
        at += pause;
    }
    match rng.u8(0..8) {
        0..3 => visit.then(at, QUIT),
        3..5 => visit.then(at, FINISH),
        5..7 => visit.then(at, RESET),
        _ => visit
            .then(at, Step::Say(b"What I always wanted to s".to_vec()))
            .then(at, Step::Count("half_lines"))
            .then(at + pause, RESET),
    }
}

/// Writes as fast as it is read.
fn flood(name: ClientNo, _rng: &mut Rng) -> Visit {
    let mut mix = b"/ping and again\n\nSpoken to nobody, at length and in haste\n".to_vec();
    mix.extend(format!("@{name}:to myself\n/whois {name}\n").into_bytes());
    let chunk = mix.repeat(CHUNK_BYTES / mix.len());
    let room = format!("flood{}", name.get());
    Visit::named("floods")
        .then(Duration::ZERO, Step::Say(enter(&room)))
        .then(Duration::ZERO, Step::Flood(chunk, FLOOD_BYTES))
        .then(LAST_LOOK_TIME, QUIT)
}

fn long_line(_name: ClientNo, rng: &mut Rng) -> Visit {
    let mut line = vec![b'x'; rng.usize(FULL_LINE_BYTES..LONG_LINE_BYTES_MAX)];
    line.extend_from_slice(b"\n/ping still there\n");
    Visit::named("long_lines")
        .then(Duration::ZERO, Step::Say(line))
        .then(Duration::from_secs(1), either(rng, QUIT, FINISH))
}

fn garbage(_name: ClientNo, rng: &mut Rng) -> Visit {
    let bytes = 1 << rng.u32(4..15);
    let garbage = repeat_with(|| rng.u8(..)).take(bytes).collect();
    stranger("garbage", garbage, either(rng, RESET, FINISH))
}

/// Asks for options, registers in between, and leaves a subnegotiation without its end.
fn telnet(name: ClientNo, rng: &mut Rng) -> Visit {
    let mut bytes = Vec::new();
    for option in 0..=u8::MAX {
        bytes.extend([IAC, rng.choice(ASKING).unwrap_or_default(), option]);
    }
    bytes.extend(format!("#{name}\r\n/ping by telnet\r\n").bytes());
    bytes.extend([IAC, SUBNEGOTIATION, 24]);
    bytes.extend(repeat_n(b'x', rng.usize(0..LONG_LINE_BYTES_MAX)));
    stranger("telnet", bytes, either(rng, RESET, FINISH))
}

fn greeting(_name: ClientNo, rng: &mut Rng) -> Visit {
    let (name, says) = rng.choice(GREETINGS).unwrap_or_default();
    stranger(name, says.to_vec(), either(rng, RESET, FINISH))
}

/// Says something that is no chat, and leaves unless it has been ended.
fn stranger(name: &'static str, says: Vec<u8>, leave: Step) -> Visit {
    let visit = Visit {
        stranger: Some(says),
        end: Some("strangers_ended"),
        ..Visit::named(name)
    };
    visit.then(Duration::from_millis(500), leave)
}

/// Says nothing, or a byte a second.
fn half_open(_name: ClientNo, rng: &mut Rng) -> Visit {
    let seconds = if rng.bool() {
        REGISTER_TIME.as_secs()
    } else {
        1
    };
    let bytes = (1..seconds).map(|second| {
        let at = Duration::from_secs(second);
        (at, Step::Say(b"#".to_vec()))
    });
    let visit = Visit {
        stranger: Some(Vec::new()),
        end: Some("half_open_ended"),
        steps: bytes.collect(),
        ..Visit::named("half_open")
    };
    visit.then(REGISTER_TIME + LAST_LOOK_TIME, RESET)
}

/// Enters a busy room and reads nothing until it is closed for that.
fn stuck(_name: ClientNo, _rng: &mut Rng) -> Visit {
    let enter = Step::Say(enter(ROOM));
    looking_again(deaf("stuck", "stuck_ended", enter), STUCK_TIME)
}

/// Reads nothing while another writes to it privately, until it is closed for that.
fn overfull(_name: ClientNo, _rng: &mut Rng) -> Visit {
    let visit = deaf("overfull", "overfull_ended", Step::Invite);
    looking_again(visit, OVERFULL_TIME)
}

/// Asks for much, reads nothing, and breaks off.
fn unread(_name: ClientNo, rng: &mut Rng) -> Visit {
    let ask = Step::Say(b"/help\n".repeat(UNREAD_LINES));
    let visit = deaf("unread", "unread_ended", ask);
    visit.then(Duration::from_millis(rng.u64(10..1500)), RESET)
}

/// Reads nothing, and does something.
fn deaf(name: &'static str, end: &'static str, step: Step) -> Visit {
    let now = Duration::ZERO;
    Visit {
        has_small_buffer: true,
        end: Some(end),
        steps: vec![(now, Step::Read(Reads::Nothing)), (now, step)],
        ..Visit::named(name)
    }
}

/// Then looks whether it has been closed.
fn looking_again(visit: Visit, time: Duration) -> Visit {
    visit
        .then(time, Step::Read(Reads::All))
        .then(time + LAST_LOOK_TIME, RESET)
}

/// Writes to `to` more than a server keeps for any client.
pub fn pen_friend(to: ClientNo) -> Visit {
    let line = format!("@{to}:{}\n", "x".repeat(FULL_LINE_BYTES));
    let chunk = line.repeat(CHUNK_BYTES / line.len()).into_bytes();
    Visit::named("pen_friends")
        .then(Duration::ZERO, Step::Flood(chunk, OVERFULL_BYTES))
        .then(OVERFULL_TIME, QUIT)
}

fn either(rng: &mut Rng, one: Step, other: Step) -> Step {
    if rng.bool() { one } else { other }
}

fn enter(room: &str) -> Vec<u8> {
    format!("/join {room}\n").into_bytes()
}
