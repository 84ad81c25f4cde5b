//! How to say the same things to different servers, and what to make of their answers.
//!
//! Each protocol here ends its lines with LF and has a payload of ours at the end of a line, so
//! only what is said differs, not how it is read: messages are known by their stamp before a
//! dialect is asked, and what is left is for [`Dialect::parse_line`].

use std::fmt::Write as _;
use std::io::Write as _;

use crate::client::ClientNo;

/// The room that load tests talk in.
pub const ROOM: &str = "bench";

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dialect {
    /// This server's own, which the floor speaks too.
    #[default]
    Chinwag,
    /// RFC 1459 and 2812: a nick is a name, a channel is a room.
    Irc,
    /// RESP3 and its publish and subscribe: a channel for each name, and one for the room.
    Redis,
    /// The NATS client protocol: a subject for each name, and one for the room.
    Nats,
}

/// What a line without a stamp means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerLine<'a> {
    /// What was asked for, to be registered or to be in the room, is done.
    Done,
    /// The server wants to hear this back.
    Ping(&'a [u8]),
    /// The server left out this number of lines.
    Missed(u64),
    Refused(&'a [u8]),
    Other,
}

impl Dialect {
    pub const ALL: [Self; 4] = [Self::Chinwag, Self::Irc, Self::Redis, Self::Nats];

    pub fn parse(name: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|known| known.as_str() == name);
        found.ok_or_else(|| {
            format!("no dialect is known as {name}: say chinwag, irc, redis or nats")
        })
    }

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Chinwag => "chinwag",
            Self::Irc => "irc",
            Self::Redis => "redis",
            Self::Nats => "nats",
        }
    }

    /// Registers `me`. The server's answer to this is [`ServerLine::Done`].
    pub fn register(self, bytes: &mut Vec<u8>, me: ClientNo) {
        let written = match self {
            Self::Chinwag => writeln!(bytes, "#{me}"),
            Self::Irc => write!(bytes, "NICK {me}\r\nUSER {me} 0 * :{me}\r\n"),
            Self::Redis => {
                let subscribe = resp(&["SUBSCRIBE", &me.to_string()]);
                write!(bytes, "{}{subscribe}", resp(&["HELLO", "3"]))
            }
            Self::Nats => {
                let options = r#"{"verbose":false,"pedantic":false,"echo":false}"#;
                write!(bytes, "CONNECT {options}\r\nSUB {me} 1\r\nPING\r\n")
            }
        };
        debug_assert!(written.is_ok(), "a vector takes everything");
    }

    /// Enters [`ROOM`]. The server's answer to this is [`ServerLine::Done`].
    pub fn join(self, bytes: &mut Vec<u8>) {
        let written = match self {
            Self::Chinwag => writeln!(bytes, "/join {ROOM}"),
            Self::Irc => write!(bytes, "JOIN #{ROOM}\r\n"),
            Self::Redis => write!(bytes, "{}", resp(&["SUBSCRIBE", ROOM])),
            Self::Nats => write!(bytes, "SUB {ROOM} 2\r\nPING\r\n"),
        };
        debug_assert!(written.is_ok(), "a vector takes everything");
    }

    /// Writes to one client what `payload`, of `size` bytes, appends.
    pub fn private(
        self,
        bytes: &mut Vec<u8>,
        to: ClientNo,
        size: usize,
        payload: impl FnOnce(&mut Vec<u8>),
    ) {
        let name = to.name();
        match self {
            Self::Chinwag => surround(bytes, &[b"@", &name, b":"], payload, b"\n"),
            Self::Irc => surround(bytes, &[b"PRIVMSG ", &name, b" :"], payload, b"\r\n"),
            Self::Redis | Self::Nats => self.publish(bytes, &name, size, payload),
        }
    }

    /// Says to the room what `payload`, of `size` bytes, appends.
    pub fn say(self, bytes: &mut Vec<u8>, size: usize, payload: impl FnOnce(&mut Vec<u8>)) {
        let room = ROOM.as_bytes();
        match self {
            Self::Chinwag => surround(bytes, &[], payload, b"\n"),
            Self::Irc => surround(bytes, &[b"PRIVMSG #", room, b" :"], payload, b"\r\n"),
            Self::Redis | Self::Nats => self.publish(bytes, room, size, payload),
        }
    }

    fn publish(
        self,
        bytes: &mut Vec<u8>,
        channel: &[u8],
        size: usize,
        payload: impl FnOnce(&mut Vec<u8>),
    ) {
        if self == Self::Nats {
            bytes.extend_from_slice(b"PUB ");
            bytes.extend_from_slice(channel);
            let _ = write!(bytes, " {size}\r\n");
        } else {
            let _ = write!(bytes, "*3\r\n$7\r\nPUBLISH\r\n${}\r\n", channel.len());
            bytes.extend_from_slice(channel);
            let _ = write!(bytes, "\r\n${size}\r\n");
        }
        surround(bytes, &[], payload, b"\r\n");
    }

    /// Takes leave; the server closes then.
    pub fn quit(self, bytes: &mut Vec<u8>) {
        match self {
            Self::Chinwag => bytes.extend_from_slice(b"/quit\n"),
            Self::Irc => bytes.extend_from_slice(b"QUIT\r\n"),
            Self::Redis => bytes.extend_from_slice(resp(&["QUIT"]).as_bytes()),
            // Has no word for it: one just closes.
            Self::Nats => {}
        }
    }

    /// Whether there is a command to leave, upon which the server closes.
    pub const fn has_quit(self) -> bool {
        !matches!(self, Self::Nats)
    }

    /// Answers [`ServerLine::Ping`].
    pub fn pong(bytes: &mut Vec<u8>, token: &[u8]) {
        surround(bytes, &[b"PONG", token], |_| {}, b"\r\n");
    }

    /// The longest payload that fits into a line, with what a server puts before it.
    pub const fn payload_bytes_max(self) -> usize {
        match self {
            Self::Chinwag => 4000, // of 4096, unless the daemon was told otherwise
            Self::Irc => 400,      // of 512, RFC 1459
            Self::Redis | Self::Nats => 1 << 20,
        }
    }

    /// Whether a speaker is sent its own lines.
    pub const fn echoes(self) -> bool {
        matches!(self, Self::Redis)
    }

    /// Whether all members of a room hear its lines in one order. NATS orders those of each speaker
    /// only.
    pub const fn orders_rooms(self) -> bool {
        !matches!(self, Self::Nats)
    }

    /// What a line that is no message of ours means. The line is without its end.
    pub fn parse_line(self, line: &[u8]) -> ServerLine<'_> {
        match self {
            Self::Chinwag => parse_chinwag(line),
            Self::Irc => parse_irc(line),
            Self::Redis => match line {
                b"subscribe" => ServerLine::Done,
                [b'-', text @ ..] => ServerLine::Refused(text),
                _ => ServerLine::Other,
            },
            Self::Nats => match line {
                b"PONG" => ServerLine::Done,
                b"PING" => ServerLine::Ping(b""),
                [b'-', b'E', b'R', b'R', text @ ..] => ServerLine::Refused(text.trim_ascii()),
                _ => ServerLine::Other,
            },
        }
    }
}

fn parse_chinwag(line: &[u8]) -> ServerLine<'_> {
    let Some(notice) = line.strip_prefix(b"* ") else {
        return match line {
            [b'!', text @ ..] => ServerLine::Refused(text.trim_ascii()),
            _ => ServerLine::Other,
        };
    };
    if notice.starts_with(b"You are registered as ") {
        return ServerLine::Done;
    }
    if let Some(entered) = notice.strip_prefix(b"You are in ") {
        let is_ours = entered
            .strip_prefix(ROOM.as_bytes())
            .is_some_and(|rest| matches!(rest.first(), Some(b' ' | b',' | b'.')));
        return if is_ours {
            ServerLine::Done
        } else {
            ServerLine::Other
        };
    }
    let missed = notice.strip_prefix(b"You missed ").and_then(|rest| {
        let rest = std::str::from_utf8(rest).ok()?;
        let (count, rest) = rest.split_once(' ')?;
        // What was left out of another room was not of this test.
        rest.ends_with(&format!(" in {ROOM}."))
            .then(|| count.parse().ok())?
    });
    missed.map_or(ServerLine::Other, ServerLine::Missed)
}

fn parse_irc(line: &[u8]) -> ServerLine<'_> {
    if let Some(token) = line.strip_prefix(b"PING") {
        return ServerLine::Ping(token);
    }
    if let Some(text) = line.strip_prefix(b"ERROR ") {
        return ServerLine::Refused(text);
    }
    let mut words = line.splitn(3, |byte| *byte == b' ');
    let is_from_server = words.next().is_some_and(|prefix| prefix.starts_with(b":"));
    let (Some(numeric), Some(rest)) = (words.next(), words.next()) else {
        return ServerLine::Other;
    };
    match numeric {
        // The end of the message of the day, or that there is none; the end of the list of names.
        b"376" | b"422" | b"366" if is_from_server => ServerLine::Done,
        [b'4' | b'5', b'0'..=b'9', b'0'..=b'9'] if is_from_server => ServerLine::Refused(rest),
        _ => ServerLine::Other,
    }
}

/// Words as a RESP array of bulk strings.
fn resp(words: &[&str]) -> String {
    let mut text = format!("*{}\r\n", words.len());
    for word in words {
        let _ = write!(text, "${}\r\n{word}\r\n", word.len());
    }
    text
}

fn surround(
    bytes: &mut Vec<u8>,
    before: &[&[u8]],
    payload: impl FnOnce(&mut Vec<u8>),
    after: &[u8],
) {
    for part in before {
        bytes.extend_from_slice(part);
    }
    payload(bytes);
    bytes.extend_from_slice(after);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(say: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut bytes = Vec::new();
        say(&mut bytes);
        String::from_utf8(bytes).unwrap()
    }

    fn private(dialect: Dialect) -> String {
        said(|bytes| {
            dialect.private(bytes, ClientNo::new(7), 2, |bytes| {
                bytes.extend_from_slice(b"hi");
            });
        })
    }

    #[test]
    fn a_private_message_is_said_in_each_dialect() {
        assert_eq!(private(Dialect::Chinwag), "@u000007:hi\n");
        assert_eq!(private(Dialect::Irc), "PRIVMSG u000007 :hi\r\n");
        assert_eq!(private(Dialect::Nats), "PUB u000007 2\r\nhi\r\n");
        assert_eq!(
            private(Dialect::Redis),
            "*3\r\n$7\r\nPUBLISH\r\n$7\r\nu000007\r\n$2\r\nhi\r\n"
        );
    }

    #[test]
    fn what_servers_say_is_understood() {
        use ServerLine::{Done, Missed, Other, Ping, Refused};
        let chinwag = |line: &'static str| Dialect::Chinwag.parse_line(line.as_bytes());
        assert_eq!(chinwag("* You are registered as u000007."), Done);
        assert_eq!(chinwag("* You are in lobby, and nobody else is."), Other);
        assert_eq!(chinwag("* You are in bench, and nobody else is."), Done);
        assert_eq!(chinwag("* You are in bench with 3 others: a, b, c."), Done);
        assert_eq!(chinwag("* You are in benches with 1 other: a."), Other);
        assert_eq!(chinwag("* You missed 214 lines in bench."), Missed(214));
        assert_eq!(chinwag("* You missed 1 line in bench."), Missed(1));
        assert_eq!(chinwag("* You missed 214 lines in lobby."), Other);
        assert_eq!(chinwag("! No."), Refused(b"No."));
        let irc = |line: &'static str| Dialect::Irc.parse_line(line.as_bytes());
        assert_eq!(irc("PING :abc"), Ping(b" :abc"));
        assert_eq!(irc(":irc.example 376 u000007 :End of MOTD"), Done);
        assert_eq!(irc(":irc.example 001 u000007 :Welcome"), Other);
        let refused = irc(":irc.example 433 * u000007 :Nickname in use");
        assert_eq!(refused, Refused(b"* u000007 :Nickname in use"));
        assert_eq!(irc(":u000001!u@h JOIN :#bench"), Other);
        assert_eq!(Dialect::Nats.parse_line(b"PONG"), Done);
        assert_eq!(Dialect::Nats.parse_line(b"PING"), Ping(b""));
        assert_eq!(Dialect::Redis.parse_line(b"subscribe"), Done);
    }
}
