//! The lines that a client got, read as a client would read them: JSON by its fields, plain lines
//! by their first bytes and words.

use serde_json::Value;

use crate::client_input::take_refusals;
use crate::clients::Client;
use crate::plan::ROOMS;

/// What `/times` puts before a line, in the zone of the virtual server.
const TIME: &str = "22:43 ";

/// The content of a line, as far as the oracle needs it.
#[derive(Debug)]
pub enum Received {
    /// A room line or a topic. Plain lines do not name the reader's current room.
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
        index: usize,
    },
    /// A leave, perhaps with a quit text. Plain lines do not tell whether the user is gone from all rooms.
    Left {
        room: String,
        index: usize,
        gone: bool,
        text: Option<String>,
    },
    Renamed {
        index: usize,
    },
    /// The numbers of joins and leaves, with some names.
    Summary {
        room: String,
        joined: u64,
        left: u64,
        names: Vec<usize>,
    },
    Missed {
        room: String,
        count: u64,
    },
    /// Private messages to `to` were taken, and lost.
    Undelivered {
        to: usize,
        count: u64,
    },
    /// The recipient of a message is away.
    Away {
        index: usize,
    },
    /// The answer to telnet's "are you there".
    Here,
    /// From here on each line has its answer checked.
    Started,
    /// The last answer in JSON for a while.
    NowPlain,
    Answer(Answer),
    Other,
}

/// All lines that a client got.
#[derive(Debug, Default)]
pub struct ClientLog {
    pub lines: Vec<Received>,
    /// The number of those before counting begins.
    pub uncounted: usize,
    /// Telnet's options that were refused.
    pub refusals: Vec<[u8; 3]>,
}

/// The answer to a line, in JSON.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The code of an error.
    pub code: Option<String>,
    pub fields: Value,
}

/// Reads whole lines; a line cut off by the connection's end does not count.
pub fn read(client: &Client) -> ClientLog {
    let mut all = ClientLog::default();
    let mut started = false;
    let mut rest = client.output.as_slice();
    // The end of its input can come between CR and LF, and a silence made a line of each CR before.
    let mut may_lack_cr = client.connection.is_closed() && !client.habits.telnet;
    loop {
        all.refusals.extend(take_refusals(&mut rest));
        let Some(end) = rest.iter().position(|byte| *byte == b'\n') else {
            return all;
        };
        let line = std::str::from_utf8(&rest[..end]).expect("UTF-8, always");
        rest = &rest[end + 1..];
        let bare = line.strip_suffix('\r');
        let heard = read_line(bare.unwrap_or(line));
        started |= matches!(heard, Received::Started);
        may_lack_cr &= bare.is_none();
        if started && !may_lack_cr {
            assert_eq!(
                bare.is_some(),
                client.habits.wants_crlf(),
                "end of {line:?}"
            );
        }
        all.lines.push(heard);
        if client.output.len() - rest.len() <= client.counts_from {
            all.uncounted = all.lines.len();
        }
    }
}

fn read_line(line: &str) -> Received {
    if line.starts_with('{') {
        let fields = serde_json::from_str(line).expect("a JSON object");
        return read_json(fields);
    }
    let line = line.strip_prefix(TIME).unwrap_or(line);
    if let Some(notice) = line.strip_prefix("* ") {
        return read_notice(notice).unwrap_or(Received::Other);
    }
    if let Some((from, text)) = line
        .strip_prefix('@')
        .and_then(|rest| rest.split_once(": "))
    {
        return Received::Private {
            from: number_of(from),
            text: text.to_owned(),
        };
    }
    if let Some(complaint) = line.strip_prefix('!') {
        return read_loss(complaint).unwrap_or(Received::Other);
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
    Received::Said {
        room: room.map(ToOwned::to_owned),
        from: number_of(from),
        text: text.to_owned(),
    }
}

/// `Your last 2 messages to bob were not delivered: bob is gone.`
fn read_loss(complaint: &str) -> Option<Received> {
    let rest = complaint.strip_prefix(" Your last ")?;
    let (lost, rest) = rest.split_once(" to ")?;
    let count = lost.split_once(' ').map_or("1", |(count, _)| count);
    let (name, _) = rest.split_once(' ')?;
    Some(Received::Undelivered {
        to: number_of(name),
        count: count.parse().ok()?,
    })
}

/// A plain notice, without its first bytes.
fn read_notice(notice: &str) -> Option<Received> {
    match notice {
        "pong START" => return Some(Received::Started),
        "chinwag is here." => return Some(Received::Here),
        "The mode is plain." => return Some(Received::NowPlain),
        _ => {}
    }
    if let Some(missed) = notice.strip_prefix("You missed ") {
        let (count, room) = missed.strip_suffix('.')?.split_once(' ')?;
        return Some(Received::Missed {
            room: room.rsplit_once(' ')?.1.to_owned(),
            count: count.parse().unwrap(),
        });
    }
    if let Some(summary) = read_summary(notice) {
        return Some(summary);
    }
    let (name, what) = notice.split_once(' ')?;
    if let Some(rest) = what.strip_prefix("has left ") {
        let (room, text) = match rest.split_once(": ") {
            Some((room, text)) => (room, Some(text.to_owned())),
            None => (rest.strip_suffix('.')?, None),
        };
        return Some(Received::Left {
            room: room.to_owned(),
            index: number_of(name),
            gone: false,
            text,
        });
    }
    if what.starts_with("is now ") {
        return Some(Received::Renamed {
            index: number_of(name),
        });
    }
    if what.starts_with("is away") && name != "You" {
        return Some(Received::Away {
            index: number_of(name),
        });
    }
    let (room, text) = what
        .strip_prefix("has set the topic of ")?
        .split_once(": ")?;
    Some(Received::Said {
        room: Some(room.to_owned()),
        from: number_of(name),
        text: text.to_owned(),
    })
}

/// `alice, bob and 35 others have joined lobby; 3 have left.` A summary of one join or one leave reads
/// like a notice in a small room.
fn read_summary(notice: &str) -> Option<Received> {
    let notice = notice.strip_suffix('.')?;
    let (names, came) = match notice.split_once(" has joined ") {
        Some(parts) => parts,
        None => notice
            .split_once(" have joined ")
            .or(notice.split_once(" have left "))?,
    };
    let (room, left) = match came.split_once("; ") {
        Some((room, left)) => (room, left.split(' ').next()?.parse().ok()?),
        None => (came, 0),
    };
    if !ROOMS.contains(&room) {
        return None;
    }
    let (listed, more) = match names.split_once(" and ") {
        Some((first, more)) if more.starts_with(|c: char| c.is_ascii_digit()) => {
            (first.to_owned(), more.split(' ').next()?.parse().ok()?)
        }
        Some((first, second)) => (format!("{first}, {second}"), 0),
        None => (names.to_owned(), 0),
    };
    let names: Vec<usize> = listed.split(", ").map(number_of).collect();
    let count = names.len() as u64 + more;
    if let ([index], 1, 0) = (names.as_slice(), count, left) {
        return Some(Received::Joined {
            room: room.to_owned(),
            index: *index,
        });
    }
    let (joined, left) = if notice.contains(" have left ") {
        (0, count)
    } else {
        (count, left)
    };
    Some(Received::Summary {
        room: room.to_owned(),
        joined,
        left,
        names,
    })
}

fn read_json(fields: Value) -> Received {
    let text = |key: &str| fields[key].as_str().unwrap_or_default().to_owned();
    let client_in = |key: &str| number_of(fields[key].as_str().expect("a name"));
    let count = |key: &str| fields[key].as_u64().expect("a number");
    match fields["type"].as_str().expect("a type") {
        "message" | "action" | "topic" => Received::Said {
            room: Some(text("room")),
            from: client_in("from"),
            text: text("text"),
        },
        "private" => Received::Private {
            from: client_in("from"),
            text: text("text"),
        },
        "join" => Received::Joined {
            room: text("room"),
            index: client_in("name"),
        },
        "leave" => Received::Left {
            room: text("room"),
            index: client_in("name"),
            gone: fields["gone"] == true,
            text: fields["text"].as_str().map(ToOwned::to_owned),
        },
        "rename" => Received::Renamed {
            index: client_in("name"),
        },
        "presence" => Received::Summary {
            room: text("room"),
            joined: count("joined"),
            left: count("left"),
            names: names_in(&fields["names"]),
        },
        "missed" => Received::Missed {
            room: text("room"),
            count: count("count"),
        },
        "notice" if fields["code"] == "not_delivered" => Received::Undelivered {
            to: client_in("name"),
            count: count("count"),
        },
        "notice" if fields["name"].is_string() => Received::Away {
            index: client_in("name"),
        },
        "notice" if fields["text"] == "chinwag is here." => Received::Here,
        "notice" => Received::Other,
        "ok" if text("text").ends_with("pong START") => Received::Started,
        "ok" => Received::Answer(Answer { code: None, fields }),
        "error" => Received::Answer(Answer {
            code: Some(text("code")),
            fields,
        }),
        other => panic!("a type that the protocol does not have: {other}"),
    }
}

/// The clients of the names in a list.
pub fn names_in(list: &Value) -> Vec<usize> {
    let names = list.as_array().expect("names").iter();
    names
        .map(|name| number_of(name.as_str().expect("a name")))
        .collect()
}

/// The client of a name: its number is in every name that it takes.
pub fn number_of(name: &str) -> usize {
    let digits = name.get(1..).unwrap_or_default();
    let end = digits.find(|character: char| !character.is_ascii_digit());
    let number = digits[..end.unwrap_or(digits.len())].parse();
    number.unwrap_or_else(|_| panic!("no client is called {name}"))
}
