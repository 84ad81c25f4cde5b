//! What visitors of a soak come for: the rude, the broken and the gone, each as a list of steps.

use std::iter::{repeat_n, repeat_with};
use std::time::Duration;

use fastrand::Rng;

use super::{REGISTER_TIME, STALL_TIME};
use crate::client::ClientNo;
use crate::dialect::ROOM;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Looks in, speaks in a room, changes its name, and leaves in one way or another.
    Visit,
    /// Some hundred of these at once.
    Crowd,
    /// Writes as fast as it is read.
    Flood,
    LongLine,
    Garbage,
    /// Negotiates, and does not end.
    Telnet,
    Greeting,
    HalfOpen,
    /// Enters a busy room and reads nothing until it is closed for that.
    Stuck,
    /// Reads nothing while another writes to it privately, until it is closed for that.
    Overfull,
    /// Asks for much, reads nothing, and breaks off.
    Unread,
}

/// Seconds between two of a kind, on average; visits have a rate of their own.
pub const FAULTS: [(Fault, f64); 10] = [
    (Fault::Crowd, 10.0),
    (Fault::Flood, 15.0),
    (Fault::LongLine, 3.0),
    (Fault::Garbage, 2.0),
    (Fault::Telnet, 3.0),
    (Fault::Greeting, 2.0),
    (Fault::HalfOpen, 2.0),
    (Fault::Stuck, 20.0),
    (Fault::Overfull, 25.0),
    (Fault::Unread, 5.0),
];

#[derive(Clone, Debug)]
pub enum Step {
    Say(Vec<u8>),
    /// Says this again and again, as fast as it is read, until as many bytes are said.
    Flood(Vec<u8>, usize),
    /// Asks another visitor to write to this one, more than a server keeps for any client.
    Invite,
    PauseReads,
    ResumeReads,
    /// `/quit`, or the dialect's word for it.
    Quit,
    /// Says nothing more, and reads on: FIN.
    Finish,
    /// Breaks off: RST.
    Reset,
    /// Something happened that is to be counted.
    Count(&'static str),
}

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

const HTTP: &[u8] = b"GET /chat HTTP/1.1\r\nHost: example.org\r\nAccept: */*\r\n\r\n";
const SSH: &[u8] = b"SSH-2.0-OpenSSH_9.6\r\n";
/// The start of a `ClientHello`: a handshake record of TLS 1.0, as all versions send it first.
const TLS: &[u8] = b"\x16\x03\x01\x00\xc8\x01\x00\x00\xc4\x03\x03 no more than a beginning";
/// An SMB2 negotiation behind its `NetBIOS` header.
const SMB: &[u8] = b"\x00\x00\x00\x6c\xfeSMB\x40\x00\x00\x00\x00\x00\x00\x00\x00\x00\x1f\x00";

/// Telnet's bytes: interpret as command, subnegotiation, and what asks for an option.
const IAC: u8 = 255;
const SUBNEGOTIATION: u8 = 250;
const ASKING: [u8; 4] = [251, 252, 253, 254];

impl Visit {
    /// For a visitor whose name is `name`. A [`Fault::Crowd`] is many of these.
    pub fn of(fault: Fault, name: ClientNo, rng: &mut Rng) -> Self {
        match fault {
            Fault::Visit | Fault::Crowd => Self::short(name, rng),
            Fault::Flood => Self::flood(name),
            Fault::LongLine => Self::long_line(rng),
            Fault::Garbage => {
                let bytes = 1 << rng.u32(4..15);
                let garbage = repeat_with(|| rng.u8(..)).take(bytes).collect();
                Self::stranger("garbage", garbage, rng.bool())
            }
            Fault::Telnet => Self::stranger("telnet", telnet(name, rng), rng.bool()),
            Fault::Greeting => match rng.u8(0..4) {
                0 => Self::stranger("http", HTTP.to_vec(), false),
                1 => Self::stranger("tls", TLS.to_vec(), false),
                2 => Self::stranger("ssh", SSH.to_vec(), rng.bool()),
                _ => Self::stranger("smb", SMB.to_vec(), rng.bool()),
            },
            Fault::HalfOpen => Self::half_open(rng.bool()),
            Fault::Stuck => Self::deaf("stuck", "stuck_ended", Step::Say(enter(ROOM)), STUCK_TIME),
            Fault::Overfull => {
                Self::deaf("overfull", "overfull_ended", Step::Invite, OVERFULL_TIME)
            }
            Fault::Unread => {
                let ask = Step::Say(b"/help\n".repeat(UNREAD_LINES));
                let mut visit = Self::deaf("unread", "unread_ended", ask, STUCK_TIME);
                visit.steps.truncate(2);
                visit.then(Duration::from_millis(rng.u64(10..1500)), Step::Reset)
            }
        }
    }

    /// Of a client that writes to `to` more than a server keeps for any.
    pub fn pen_friend(to: ClientNo) -> Self {
        let mut line = format!("@{to}:").into_bytes();
        line.extend(repeat_n(b'x', FULL_LINE_BYTES));
        line.push(b'\n');
        let chunk = line.repeat(CHUNK_BYTES / line.len());
        Self::named("pen_friends")
            .then(Duration::ZERO, Step::Flood(chunk, OVERFULL_BYTES))
            .then(OVERFULL_TIME, Step::Quit)
    }

    const fn named(name: &'static str) -> Self {
        Self {
            name,
            stranger: None,
            has_small_buffer: false,
            steps: Vec::new(),
            end: None,
        }
    }

    fn then(mut self, at: Duration, step: Step) -> Self {
        self.steps.push((at, step));
        self
    }

    fn short(name: ClientNo, rng: &mut Rng) -> Self {
        let room = format!("side{}", rng.u32(0..SIDE_ROOMS));
        let new_name = format!("#v{}\n", name.get());
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
        let mut visit = Self::named("visits");
        let mut at = Duration::ZERO;
        for (name, line) in lines {
            visit = visit.then(at, Step::Count(name)).then(at, Step::Say(line));
            at += pause;
        }
        match rng.u8(0..8) {
            0..3 => visit.then(at, Step::Quit),
            3..5 => visit.then(at, Step::Finish),
            5..7 => visit.then(at, Step::Reset),
            _ => visit
                .then(at, Step::Say(b"What I always wanted to s".to_vec()))
                .then(at, Step::Count("half_lines"))
                .then(at + pause, Step::Reset),
        }
    }

    fn flood(name: ClientNo) -> Self {
        let mut mix = b"/ping and again\n\nSpoken to nobody, at length and in haste\n".to_vec();
        mix.extend(format!("@{name}:to myself\n/whois {name}\n").into_bytes());
        let chunk = mix.repeat(CHUNK_BYTES / mix.len());
        let room = format!("flood{}", name.get());
        Self::named("floods")
            .then(Duration::ZERO, Step::Say(enter(&room)))
            .then(Duration::ZERO, Step::Flood(chunk, FLOOD_BYTES))
            .then(LAST_LOOK_TIME, Step::Quit)
    }

    fn long_line(rng: &mut Rng) -> Self {
        let bytes = rng.usize(FULL_LINE_BYTES..LONG_LINE_BYTES_MAX);
        let mut line = vec![b'x'; bytes];
        line.extend_from_slice(b"\n/ping still there\n");
        let leaving = if rng.bool() { Step::Quit } else { Step::Finish };
        Self::named("long_lines")
            .then(Duration::ZERO, Step::Say(line))
            .then(Duration::from_secs(1), leaving)
    }

    /// Says something that is no chat, and ends unless it has been ended.
    fn stranger(name: &'static str, says: Vec<u8>, breaks_off: bool) -> Self {
        let leaving = if breaks_off {
            Step::Reset
        } else {
            Step::Finish
        };
        Self {
            stranger: Some(says),
            end: Some("strangers_ended"),
            ..Self::named(name)
        }
        .then(Duration::from_millis(500), leaving)
    }

    /// Says nothing, or a byte a second.
    fn half_open(is_slow: bool) -> Self {
        let mut visit = Self {
            stranger: Some(Vec::new()),
            end: Some("half_open_ended"),
            ..Self::named("half_open")
        };
        if is_slow {
            for second in 1..REGISTER_TIME.as_secs() {
                visit = visit.then(Duration::from_secs(second), Step::Say(b"#".to_vec()));
            }
        }
        visit.then(REGISTER_TIME + LAST_LOOK_TIME, Step::Reset)
    }

    /// Reads nothing, does something, and looks after `time` whether it has been closed.
    fn deaf(name: &'static str, end: &'static str, step: Step, time: Duration) -> Self {
        Self {
            has_small_buffer: true,
            end: Some(end),
            ..Self::named(name)
        }
        .then(Duration::ZERO, Step::PauseReads)
        .then(Duration::ZERO, step)
        .then(time, Step::ResumeReads)
        .then(time + LAST_LOOK_TIME, Step::Reset)
    }
}

fn enter(room: &str) -> Vec<u8> {
    format!("/join {room}\n").into_bytes()
}

/// Asks for options, registers in between, and leaves a subnegotiation without its end.
fn telnet(name: ClientNo, rng: &mut Rng) -> Vec<u8> {
    let mut bytes = Vec::new();
    for option in 0..=u8::MAX {
        let asking = ASKING.get(rng.usize(0..ASKING.len())).copied();
        bytes.extend([IAC, asking.unwrap_or_default(), option]);
    }
    bytes.extend(format!("#{name}\r\n/ping by telnet\r\n").bytes());
    bytes.extend([IAC, SUBNEGOTIATION, 24]);
    bytes.extend(repeat_n(b'x', rng.usize(0..LONG_LINE_BYTES_MAX)));
    bytes
}
