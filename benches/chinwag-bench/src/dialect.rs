//! How to say the same things to different servers, and what their answers mean.
//!
//! Each protocol here ends its lines with LF and has the payload at the end of a line, so only the
//! words around it differ: messages are known by their stamp, and other lines are for
//! `Dialect::parse_line`.

use crate::client::ClientNo;
use crate::stamp::Stamp;

/// The room that load tests talk in.
pub const ROOM: &str = "bench";

/// How a protocol says things. In these, `{me}` and `{to}` are names, `{text}` is the payload, and
/// `{size}` its bytes.
#[derive(Debug)]
pub struct Dialect {
    pub name: &'static str,
    /// The server's answer to this is [`ServerLine::Done`].
    register: &'static str,
    pub join: &'static str,
    private: &'static str,
    say: &'static str,
    /// The server closes then. Without such a word, clients close.
    pub quit: Option<&'static str>,
    /// The longest payload that fits into a line, with all that a server puts before it.
    pub payload_bytes_max: usize,
    /// A speaker is sent its own lines.
    pub echoes: bool,
    /// All members of a room hear its lines in one order.
    pub orders_rooms: bool,
    /// The meaning of a line that is no message of a load test, without its end.
    pub parse_line: fn(&[u8]) -> ServerLine<'_>,
}

/// This server's own, which the floor speaks too.
pub static CHINWAG: Dialect = Dialect {
    name: "chinwag",
    register: "#{me}\n",
    join: "/join bench\n",
    private: "@{to}:{text}\n",
    say: "{text}\n",
    quit: Some("/quit\n"),
    payload_bytes_max: 4000, // of 4096, unless the daemon was told otherwise
    echoes: false,
    orders_rooms: true,
    parse_line: parse_chinwag,
};

/// RFC 1459 and 2812: a nick is a name, a channel is a room.
static IRC: Dialect = Dialect {
    name: "irc",
    register: "NICK {me}\r\nUSER {me} 0 * :{me}\r\n",
    join: "JOIN #bench\r\n",
    private: "PRIVMSG {to} :{text}\r\n",
    say: "PRIVMSG #bench :{text}\r\n",
    quit: Some("QUIT\r\n"),
    payload_bytes_max: 400, // of 512, RFC 1459
    echoes: false,
    orders_rooms: true,
    parse_line: parse_irc,
};

/// RESP3 and its publish and subscribe: a channel for each name, and one for the room.
static REDIS: Dialect = Dialect {
    name: "redis",
    register: "*2\r\n$5\r\nHELLO\r\n$1\r\n3\r\n*2\r\n$9\r\nSUBSCRIBE\r\n$7\r\n{me}\r\n",
    join: "*2\r\n$9\r\nSUBSCRIBE\r\n$5\r\nbench\r\n",
    private: "*3\r\n$7\r\nPUBLISH\r\n$7\r\n{to}\r\n${size}\r\n{text}\r\n",
    say: "*3\r\n$7\r\nPUBLISH\r\n$5\r\nbench\r\n${size}\r\n{text}\r\n",
    quit: Some("*1\r\n$4\r\nQUIT\r\n"),
    payload_bytes_max: 1 << 20,
    echoes: true,
    orders_rooms: true,
    parse_line: parse_redis,
};

/// The NATS client protocol: a subject for each name, and one for the room.
static NATS: Dialect = Dialect {
    name: "nats",
    register: "CONNECT {\"verbose\":false,\"pedantic\":false,\"echo\":false}\r\n\
               SUB {me} 1\r\nPING\r\n",
    join: "SUB bench 2\r\nPING\r\n",
    private: "PUB {to} {size}\r\n{text}\r\n",
    say: "PUB bench {size}\r\n{text}\r\n",
    quit: None,
    payload_bytes_max: 1 << 20,
    echoes: false,
    orders_rooms: false, // it keeps the order of each speaker only
    parse_line: parse_nats,
};

/// A message with its words, to be filled in.
pub struct Template {
    before: Vec<u8>,
    between: Vec<u8>,
    after: Vec<u8>,
    /// Bytes of the payload.
    pub size: usize,
}

impl Template {
    fn new(words: &str, size: usize) -> Self {
        let words = words.replace("{size}", &size.to_string());
        let (before, rest) = words.split_once("{to}").unwrap_or(("", &words));
        let (between, after) = rest.split_once("{text}").unwrap_or((rest, ""));
        Self {
            before: before.into(),
            between: between.into(),
            after: after.into(),
            size,
        }
    }

    pub fn write(&self, bytes: &mut Vec<u8>, to: Option<ClientNo>, stamp: &Stamp) {
        bytes.extend_from_slice(&self.before);
        bytes.extend_from_slice(to.map(ClientNo::name).as_ref().map_or(&[], |name| name));
        bytes.extend_from_slice(&self.between);
        stamp.write(bytes, self.size);
        bytes.extend_from_slice(&self.after);
    }
}

/// What a line without a stamp means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerLine<'a> {
    /// The client is registered, or in the room.
    Done,
    /// The server wants to hear this back.
    Ping(&'a [u8]),
    /// The server left out this number of lines.
    Missed(u64),
    Refused(&'a [u8]),
    Other,
}

impl PartialEq for Dialect {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Dialect {
    pub const ALL: [&Self; 4] = [&CHINWAG, &IRC, &REDIS, &NATS];

    pub fn parse(name: &str) -> Result<&'static Self, String> {
        let found = Self::ALL.into_iter().find(|known| known.name == name);
        found.ok_or_else(|| {
            format!("no dialect is known as {name}: say chinwag, irc, redis or nats")
        })
    }

    pub fn register(&self, me: ClientNo) -> String {
        self.register.replace("{me}", &me.to_string())
    }

    /// Of private messages with payloads of `size` bytes.
    pub fn private(&self, size: usize) -> Template {
        Template::new(self.private, size)
    }

    /// Of lines in the room with payloads of `size` bytes.
    pub fn say(&self, size: usize) -> Template {
        Template::new(self.say, size)
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

fn parse_redis(line: &[u8]) -> ServerLine<'_> {
    match line {
        b"subscribe" => ServerLine::Done,
        [b'-', text @ ..] => ServerLine::Refused(text),
        _ => ServerLine::Other,
    }
}

fn parse_nats(line: &[u8]) -> ServerLine<'_> {
    match line {
        b"PONG" => ServerLine::Done,
        b"PING" => ServerLine::Ping(b""),
        [b'-', b'E', b'R', b'R', text @ ..] => ServerLine::Refused(text.trim_ascii()),
        _ => ServerLine::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stamp::{Kind, STAMP_BYTES};
    use crate::timestamp::Timestamp;

    fn private(dialect: &Dialect) -> String {
        let stamp = Stamp {
            kind: Kind::Private,
            sender: ClientNo::new(1),
            number: 2,
            intended: Timestamp::default(),
        };
        let mut bytes = Vec::new();
        let template = dialect.private(STAMP_BYTES);
        template.write(&mut bytes, Some(ClientNo::new(7)), &stamp);
        let text = String::from_utf8(bytes).unwrap();
        let (before, rest) = text.split_once('~').unwrap();
        let (_, after) = rest.split_once('~').unwrap();
        format!("{before}hi{after}")
    }

    #[test]
    fn a_private_message_is_said_in_each_dialect() {
        assert_eq!(private(&CHINWAG), "@u000007:hi\n");
        assert_eq!(private(&IRC), "PRIVMSG u000007 :hi\r\n");
        assert_eq!(private(&NATS), "PUB u000007 32\r\nhi\r\n");
        assert_eq!(
            private(&REDIS),
            "*3\r\n$7\r\nPUBLISH\r\n$7\r\nu000007\r\n$32\r\nhi\r\n"
        );
    }

    #[test]
    fn what_servers_say_is_understood() {
        use ServerLine::{Done, Missed, Other, Ping, Refused};
        let chinwag = |line: &'static str| (CHINWAG.parse_line)(line.as_bytes());
        assert_eq!(chinwag("* You are registered as u000007."), Done);
        assert_eq!(chinwag("* You are in lobby, and nobody else is."), Other);
        assert_eq!(chinwag("* You are in bench, and nobody else is."), Done);
        assert_eq!(chinwag("* You are in bench with 3 others: a, b, c."), Done);
        assert_eq!(chinwag("* You are in benches with 1 other: a."), Other);
        assert_eq!(chinwag("* You missed 214 lines in bench."), Missed(214));
        assert_eq!(chinwag("* You missed 1 line in bench."), Missed(1));
        assert_eq!(chinwag("* You missed 214 lines in lobby."), Other);
        assert_eq!(chinwag("! No."), Refused(b"No."));
        let irc = |line: &'static str| (IRC.parse_line)(line.as_bytes());
        assert_eq!(irc("PING :abc"), Ping(b" :abc"));
        assert_eq!(irc(":irc.example 376 u000007 :End of MOTD"), Done);
        assert_eq!(irc(":irc.example 001 u000007 :Welcome"), Other);
        let refused = irc(":irc.example 433 * u000007 :Nickname in use");
        assert_eq!(refused, Refused(b"* u000007 :Nickname in use"));
        assert_eq!(irc(":u000001!u@h JOIN :#bench"), Other);
        assert_eq!((NATS.parse_line)(b"PONG"), Done);
        assert_eq!((NATS.parse_line)(b"PING"), Ping(b""));
        assert_eq!((REDIS.parse_line)(b"subscribe"), Done);
    }
}
