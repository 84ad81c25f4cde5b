//! The lines that somebody got, read as a client would read them: JSON by its fields, plain lines
//! by their first bytes and words.

use serde_json::Value;

use crate::plan::ROOMS;

/// What a line says, as far as the oracle asks.
#[derive(Debug)]
pub enum Heard {
    /// Said or done in a room, or a topic. Plain lines do not name the reader's current room.
    Said {
        room: Option<String>,
        from: usize,
        text: String,
    },
    Private {
        from: usize,
        text: String,
    },
    Joined {
        room: String,
        who: usize,
    },
    Left {
        room: String,
        who: usize,
    },
    Renamed {
        who: usize,
    },
    Summary,
    Missed {
        room: String,
        count: u64,
    },
    /// Private messages to `to` were taken, and lost.
    Undelivered {
        to: usize,
        count: u64,
    },
    /// From here on each line is answered as it deserves.
    Started,
    Answer(Answer),
    Other,
}

/// The answer to a line, in JSON.
#[derive(Debug)]
pub struct Answer {
    /// What was wrong, if anything was.
    pub code: Option<String>,
    pub fields: Value,
}

/// Reads whole lines; one that was cut off by the connection's end was not heard.
pub fn read(output: &[u8], crlf: bool) -> Vec<Heard> {
    let mut all = Vec::new();
    let mut started = false;
    for line in output.split_inclusive(|byte| *byte == b'\n') {
        let Some(line) = line.strip_suffix(b"\n") else {
            break;
        };
        let line = std::str::from_utf8(line).expect("UTF-8, always");
        let bare = line.strip_suffix('\r');
        let heard = read_line(bare.unwrap_or(line));
        started |= matches!(heard, Heard::Started);
        if started {
            assert_eq!(bare.is_some(), crlf, "the end of {line:?}");
        }
        all.push(heard);
    }
    all
}

fn read_line(line: &str) -> Heard {
    if line.starts_with('{') {
        let fields = serde_json::from_str(line).expect("a JSON object");
        return read_json(fields);
    }
    if let Some(notice) = line.strip_prefix("* ") {
        return read_notice(notice).unwrap_or(Heard::Other);
    }
    if let Some((from, text)) = line
        .strip_prefix('@')
        .and_then(|rest| rest.split_once(": "))
    {
        return Heard::Private {
            from: number_of(from),
            text: text.to_owned(),
        };
    }
    if line.starts_with('!') {
        return Heard::Other;
    }
    let elsewhere = line
        .strip_prefix('[')
        .and_then(|rest| rest.split_once("] "));
    let (room, rest) = elsewhere.map_or((None, line), |(room, rest)| (Some(room), rest));
    let said = match rest.strip_prefix("** ") {
        Some(action) => action.split_once(' '),
        None => rest.split_once(": "),
    };
    let (from, text) = said.expect("a line of a form that the protocol has");
    Heard::Said {
        room: room.map(ToOwned::to_owned),
        from: number_of(from),
        text: text.to_owned(),
    }
}

/// A plain notice, without its first bytes.
fn read_notice(notice: &str) -> Option<Heard> {
    if notice == "pong START" {
        return Some(Heard::Started);
    }
    if let Some(missed) = notice.strip_prefix("You missed ") {
        let (count, room) = missed.strip_suffix('.')?.split_once(' ')?;
        return Some(Heard::Missed {
            room: room.rsplit_once(' ')?.1.to_owned(),
            count: count.parse().unwrap(),
        });
    }
    let (name, what) = notice.split_once(' ')?;
    if let Some(room) = what.strip_prefix("has joined ") {
        // A summary goes on after the room's name.
        let room = room.strip_suffix('.').filter(|room| ROOMS.contains(room))?;
        return Some(Heard::Joined {
            room: room.to_owned(),
            who: number_of(name),
        });
    }
    if let Some(room) = what.strip_prefix("has left ") {
        return Some(Heard::Left {
            room: room.split(['.', ':']).next()?.to_owned(),
            who: number_of(name),
        });
    }
    if what.starts_with("is now ") {
        return Some(Heard::Renamed {
            who: number_of(name),
        });
    }
    let (room, text) = what
        .strip_prefix("has set the topic of ")?
        .split_once(": ")?;
    Some(Heard::Said {
        room: Some(room.to_owned()),
        from: number_of(name),
        text: text.to_owned(),
    })
}

fn read_json(fields: Value) -> Heard {
    let text = |key: &str| fields[key].as_str().unwrap_or_default().to_owned();
    let who = |key: &str| number_of(fields[key].as_str().expect("a name"));
    let count = || fields["count"].as_u64().expect("a number");
    match fields["type"].as_str().expect("a type") {
        "message" | "action" | "topic" => Heard::Said {
            room: Some(text("room")),
            from: who("from"),
            text: text("text"),
        },
        "private" => Heard::Private {
            from: who("from"),
            text: text("text"),
        },
        "join" => Heard::Joined {
            room: text("room"),
            who: who("name"),
        },
        "leave" => Heard::Left {
            room: text("room"),
            who: who("name"),
        },
        "rename" => Heard::Renamed { who: who("name") },
        "presence" => Heard::Summary,
        "missed" => Heard::Missed {
            room: text("room"),
            count: count(),
        },
        "notice" if fields["code"] == "not_delivered" => Heard::Undelivered {
            to: who("name"),
            count: count(),
        },
        "notice" => Heard::Other,
        "ok" if text("text").ends_with("pong START") => Heard::Started,
        "ok" => Heard::Answer(Answer { code: None, fields }),
        "error" => Heard::Answer(Answer {
            code: Some(text("code")),
            fields,
        }),
        other => panic!("a type that the protocol does not have: {other}"),
    }
}

/// Whose name it is: whatever they call themselves, their number is in it.
fn number_of(name: &str) -> usize {
    let digits = name.get(1..).unwrap_or_default();
    let end = digits.find(|character: char| !character.is_ascii_digit());
    let number = digits[..end.unwrap_or(digits.len())].parse();
    number.unwrap_or_else(|_| panic!("nobody is called {name}"))
}
