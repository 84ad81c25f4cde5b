//! The encoders: every event is in JSON one line and one object with exactly its fields, and in plain
//! mode lines that begin as the protocol page has it.
//!
//! An input is some events: for each, its kind, its words, and its other data.

mod answers;
mod calls;
mod moderation;
mod operators;
mod people;
mod relations;

use std::fmt;

use chinwag::chat::close_reason::CloseReason;
use chinwag::chat::command::Mode;
use chinwag::chat::event::{Event, KeptView, Missed, Notice, RoomView};
use chinwag::chat::ids::{LineId, Peer};
use chinwag::chat::name::{Name, RoomName};
use chinwag::wire::framing::Framing;
use chinwag::wire::wall_time::WallTime;
use chinwag::wire::{self, Style, sanitize};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::{Map, Value, json};

use super::cursor::Cursor;
use super::lines::may_pass;
use super::output;

const EVENTS_MAX: usize = 32;

/// The data of an event of any kind.
#[derive(Debug)]
struct World {
    name: Name,
    other: Name,
    names: Vec<Name>,
    room: RoomName,
    other_room: RoomName,
    rooms: Vec<RoomName>,
    /// A clean text, like every text from a client.
    text: String,
    other_text: String,
    flag: bool,
    number: u64,
    count: u32,
    other_count: u32,
    size: usize,
}

impl World {
    fn draw(cursor: &mut Cursor<'_>) -> Self {
        let clean = |bytes| sanitize::clean(bytes).into_owned();
        Self {
            name: draw_name(cursor),
            other: draw_name(cursor),
            names: (0..cursor.below(4)).map(|_| draw_name(cursor)).collect(),
            room: draw_room(cursor),
            other_room: draw_room(cursor),
            rooms: (0..cursor.below(4)).map(|_| draw_room(cursor)).collect(),
            text: clean(cursor.text()),
            other_text: clean(cursor.text()),
            flag: cursor.flag(),
            number: cursor.number(),
            count: u32::try_from(cursor.number() % (1 << 32)).unwrap(),
            other_count: cursor.byte().into(),
            size: usize::try_from(cursor.number()).unwrap(),
        }
    }

    fn optional_text(&self) -> Option<&str> {
        self.flag.then_some(self.text.as_str())
    }

    fn view(&self) -> RoomView<'_> {
        RoomView {
            room: &self.room,
            topic: self.optional_text(),
            others: self.size,
            names: &self.names,
            kept: self.count.is_multiple_of(2).then_some(self.kept()),
            missed: self.other_count.is_multiple_of(2).then_some(self.missed()),
        }
    }

    fn kept(&self) -> KeptView<'_> {
        KeptView {
            days: self.count,
            owner: self.flag.then_some(&self.other),
        }
    }

    fn missed(&self) -> Missed {
        Missed {
            room: self.room,
            count: self.number,
            since: u64::from(self.count),
        }
    }

    fn optional_id(&self) -> Option<LineId> {
        self.flag.then_some(LineId(self.number))
    }

    fn peer(&self) -> Peer {
        let [a, b, c, d] = self.count.to_be_bytes();
        let port = u16::from(c) << 8 | u16::from(d);
        match self.other_count % 3 {
            0 => Peer::Unix,
            1 => Peer::Tcp(([a, b, c, d], port).into()),
            _ => Peer::Tcp(([u16::from(a), 0, 0, 0, 0, 0, u16::from(b), 1], port).into()),
        }
    }
}

fn draw_label(cursor: &mut Cursor<'_>, first: &[u8], bytes_max: usize) -> String {
    let rest = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
    let mut label = String::from(char::from(cursor.pick(first)));
    for _ in 0..cursor.below(bytes_max) {
        label.push(char::from(cursor.pick(rest)));
    }
    label
}

fn draw_name(cursor: &mut Cursor<'_>) -> Name {
    Name::parse(&draw_label(cursor, b"abcXYZ", 24)).unwrap()
}

fn draw_room(cursor: &mut Cursor<'_>) -> RoomName {
    RoomName::parse(&draw_label(cursor, b"aZ0_-", 32)).unwrap()
}

/// The expected encodings of an event.
struct Expected {
    kind: &'static str,
    /// Without `type` and `time`. A `text` of [`Value::Null`] stands for the line of plain mode.
    fields: Value,
    plain: Plain,
}

enum Plain {
    /// This line, and if the room is not the current one, that.
    Said(String, String),
    Exactly(String),
    /// Some lines, or none, each with this at its start.
    Begins(&'static str),
}

pub fn check(bytes: &[u8]) {
    let mut cursor = Cursor::new(bytes);
    for _ in 0..EVENTS_MAX {
        if cursor.is_empty() {
            break;
        }
        check_one(&mut cursor);
    }
}

fn check_one(cursor: &mut Cursor<'_>) {
    let (part, which) = (cursor.below(15), usize::from(cursor.byte()));
    let unix_ms = cursor.number();
    let half_days = i32::try_from(unix_ms % 3).unwrap();
    let time = WallTime {
        unix_ms,
        utc_offset_s: (half_days - 1) * 12 * 60 * 60,
    };
    let world = World::draw(cursor);
    let examine = &|event: Event<'_>, expected: Expected| {
        for framing in [Framing::Lf, Framing::CrLf] {
            examine(&event, &expected, framing, time);
        }
    };
    match part {
        0..=2 => said(&world, which, examine),
        3 => notice(&world, which, examine),
        4..=5 => answers::reply(&world, which, examine),
        8 => people::event(&world, which, time, examine),
        9 => people::reply(&world, which, examine),
        10 => people::refusal(&world, which, examine),
        11 => moderation::check(&world, which, examine),
        12 => relations::check(&world, which, examine),
        13 => calls::check(&world, which, examine),
        14 => operators::check(&world, which, time, examine),
        _ => answers::refusal(&world, which, examine),
    }
}

type Examine<'e> = &'e dyn Fn(Event<'_>, Expected);

/// Events for other clients.
#[expect(
    clippy::too_many_lines,
    reason = "one arm each, in the order of the vocabulary"
)]
fn said(world: &World, which: usize, examine: Examine<'_>) {
    let World {
        name,
        room,
        text,
        names,
        ..
    } = world;
    let (named, room_named) = (name.as_str(), room.as_str());
    let shown: Vec<&str> = names.iter().map(Name::as_str).collect();
    let other = world.other.as_str();
    let id = world.optional_id();
    let with_id = |mut fields: Value| {
        if let Some(id) = id {
            fields["id"] = id.0.into();
        }
        fields
    };
    let (kind, event, fields, plain) = match which % 12 {
        0 => (
            "private",
            Event::Private {
                from: name,
                to: names,
                text,
                id,
            },
            with_id(json!({"from": named, "to": shown, "text": text})),
            Plain::Exactly(format!("@{named}: {text}")),
        ),
        1 => (
            "message",
            Event::Message {
                room,
                from: name,
                text,
                id,
            },
            with_id(json!({"room": room_named, "from": named, "text": text})),
            Plain::Said(
                format!("{named}: {text}"),
                format!("[{room_named}] {named}: {text}"),
            ),
        ),
        2 => (
            "action",
            Event::Action {
                room,
                from: name,
                text,
                id,
            },
            with_id(json!({"room": room_named, "from": named, "text": text})),
            Plain::Said(
                format!("** {named} {text}"),
                format!("[{room_named}] ** {named} {text}"),
            ),
        ),
        3 => (
            "join",
            Event::Join { room, name },
            json!({"room": room_named, "name": named}),
            Plain::Exactly(format!("* {named} has joined {room_named}.")),
        ),
        4 => {
            let text = world.optional_text();
            let mut fields = json!({"room": room_named, "name": named});
            put(&mut fields, "text", text);
            let gone = text.is_some();
            if gone {
                fields["gone"] = true.into();
            }
            let event = Event::Leave {
                room,
                name,
                gone,
                text,
            };
            let plain = match text {
                None => Plain::Exactly(format!("* {named} has left {room_named}.")),
                Some(_) => Plain::Begins("* "),
            };
            ("leave", event, fields, plain)
        }
        5 => (
            "rename",
            Event::Rename {
                name,
                new_name: &world.other,
            },
            json!({"name": named, "new_name": other}),
            Plain::Exactly(format!("* {named} is now {other}.")),
        ),
        6 => {
            let (joined, left) = (world.count, world.other_count);
            (
                "presence",
                Event::Presence {
                    room,
                    joined,
                    left,
                    names,
                },
                json!({"room": room_named, "joined": joined, "left": left, "names": shown}),
                Plain::Begins("* "),
            )
        }
        7 => (
            "topic",
            Event::Topic {
                room,
                from: name,
                text: world.optional_text(),
            },
            json!({
                "room": room_named, "from": named, "text": world.optional_text().unwrap_or_default()
            }),
            Plain::Begins("* "),
        ),
        8 => {
            // It reached somebody.
            let to = if names.is_empty() {
                std::slice::from_ref(&world.other)
            } else {
                names
            };
            let shown: Vec<&str> = to.iter().map(Name::as_str).collect();
            let from = name;
            (
                "private",
                Event::Sent { from, to, text, id },
                with_id(json!({"from": named, "to": shown, "text": text})),
                Plain::Exactly(format!("@{named} -> {}: {text}", shown.join(","))),
            )
        }
        9 => (
            "join",
            Event::OwnJoin { room, name },
            json!({"room": room_named, "name": named}),
            Plain::Exactly(format!("* You have joined {room_named}.")),
        ),
        10 => {
            let moved = world.count.is_multiple_of(2);
            let current = world.other_count.is_multiple_of(2).then_some(room);
            let mut fields = json!({"room": room_named, "name": named});
            put(&mut fields, "current", current.map(RoomName::as_str));
            let event = Event::OwnLeave {
                room,
                name,
                current,
                moved,
            };
            let plain = if moved {
                Plain::Begins("* ")
            } else {
                Plain::Exactly(format!("* You have left {room_named}."))
            };
            ("leave", event, fields, plain)
        }
        _ => {
            let count = world.number;
            let lines = if count == 1 { "line" } else { "lines" };
            (
                "missed",
                Event::Missed { room, count },
                json!({"room": room_named, "count": count}),
                Plain::Exactly(format!("* You missed {count} {lines} in {room_named}.")),
            )
        }
    };
    examine(
        event,
        Expected {
            kind,
            fields,
            plain,
        },
    );
}

fn notice(world: &World, which: usize, examine: Examine<'_>) {
    let World { name, text, .. } = world;
    let mut fields = json!({"text": null});
    let mut plain = Plain::Begins("* ");
    let notice = match which % 9 {
        0 => Notice::Connected(world.peer()),
        1 => Notice::HowToRegister,
        2 => Notice::Motd(text),
        3 => {
            fields["name"] = json!(name.as_str());
            Notice::IsAway { name, text }
        }
        4 => {
            let count = world.number;
            fields = json!({
                "text": null, "code": "not_delivered", "name": name.as_str(), "count": count
            });
            plain = Plain::Begins("! ");
            Notice::Undelivered { to: name, count }
        }
        5 => Notice::Here { server_name: text },
        7 => Notice::RateLimited {
            lines_per_second: world.count,
        },
        8 => Notice::HowToRename { name },
        6 => {
            plain = Plain::Exactly("* The server is shutting down.".to_owned());
            Notice::ShuttingDown
        }
        _ => {
            plain = Plain::Begins("! ");
            match world.count % 3 {
                0 => Notice::Closing(CloseReason::ALL[world.size % CloseReason::COUNT]),
                1 => Notice::NotUtf8,
                _ => Notice::UnendedSubnegotiation,
            }
        }
    };
    examine(
        Event::Notice(notice),
        Expected {
            kind: "notice",
            fields,
            plain,
        },
    );
}

fn examine(event: &Event<'_>, expected: &Expected, framing: Framing, time: WallTime) {
    let here = Style {
        framing,
        ..Style::default()
    };
    let there = Style {
        in_other_room: true,
        ..here
    };
    let plain = lines_of(event, here, time);
    let in_other_room = lines_of(event, there, time);
    check_times(event, here, time);
    check_times(event, there, time);
    for line in plain.iter().chain(&in_other_room) {
        output::check_plain_line(line);
    }
    match &expected.plain {
        Plain::Said(here, there) => {
            assert_eq!(plain, [here.as_str()]);
            assert_eq!(in_other_room, [there.as_str()]);
        }
        Plain::Exactly(line) => assert_eq!(plain, [line.as_str()]),
        Plain::Begins(first) => {
            assert!(
                plain.iter().all(|line| line.starts_with(first)),
                "{plain:?}"
            );
        }
    }
    if !matches!(expected.plain, Plain::Said(..)) {
        assert_eq!(plain, in_other_room, "it is the same in every room");
    }

    let json = Style {
        mode: Mode::Json,
        ..here
    };
    let json = lines_of(event, json, time);
    let [line] = &json[..] else {
        panic!("one object a line: {json:?}");
    };
    output::check_json_line(line);
    let mut fields = expected.fields.clone();
    if fields.get("text").is_some_and(Value::is_null) {
        let between = match event {
            Event::Notice(_) => " ",
            _ => "\n",
        };
        fields["text"] = unbroken(&plain, between).into();
    }
    fields["type"] = expected.kind.into();
    if fields.get("time").is_none() {
        fields["time"] = time.unix_ms.into();
    }
    let Pairs(pairs) = serde_json::from_str(line).expect("JSON");
    let count = pairs.len();
    let read: Map<String, Value> = pairs.into_iter().collect();
    assert_eq!(read.len(), count, "no field comes twice: {line}");
    assert_eq!(Value::Object(read), fields);
}

/// Checks that the time comes before lines from people, and before no other.
fn check_times(event: &Event<'_>, style: Style, time: WallTime) {
    let (lines, times) = (lines_of(event, style, time), true);
    let with_times = lines_of(event, Style { times, ..style }, time);
    let (Event::Private { .. } | Event::Sent { .. } | Event::Message { .. } | Event::Action { .. }) =
        event
    else {
        return assert_eq!(with_times, lines);
    };
    let ([line], [with_time]) = (&lines[..], &with_times[..]) else {
        panic!("one line: {lines:?}, {with_times:?}");
    };
    let (stamp, rest) = with_time.split_at_checked(6).expect("a time");
    assert_eq!(rest, line);
    let number = |digits: &str| digits.parse::<u32>().expect("digits");
    assert!(number(&stamp[..2]) < 24 && number(&stamp[3..5]) < 60);
    assert_eq!((&stamp[2..3], &stamp[5..]), (":", " "));
}

/// The words of plain lines, those that were broken for their length made whole.
fn unbroken(lines: &[String], between: &str) -> String {
    let mut words = String::new();
    for (place, line) in lines.iter().enumerate() {
        let line = &line[2..];
        match line.strip_prefix("  ") {
            Some(rest) if place > 0 => {
                words.push(' ');
                words.push_str(rest);
            }
            _ => {
                if place > 0 {
                    words.push_str(between);
                }
                words.push_str(line);
            }
        }
    }
    words
}

/// An encoder's output, line by line, without the ends.
fn lines_of(event: &Event<'_>, style: Style, time: WallTime) -> Vec<String> {
    let before = b"what waits already";
    let mut out = before.to_vec();
    let count = wire::encode(&mut out, event, style, time);
    let appended = out.strip_prefix(before).expect("an encoder only appends");
    let text = std::str::from_utf8(appended).expect("UTF-8");
    let end = match style.framing {
        Framing::Lf => "\n",
        Framing::CrLf => "\r\n",
    };
    let lines: Vec<String> = text
        .split_inclusive('\n')
        .map(|line| {
            line.strip_suffix(end)
                .expect("each line has its end")
                .to_owned()
        })
        .collect();
    assert_eq!(lines.len() as u64, count, "as many lines as it says");
    for line in &lines {
        assert!(line.chars().all(may_pass), "{line:?}");
    }
    lines
}

/// Adds a field, if it has a value.
fn put(fields: &mut Value, key: &str, value: Option<&str>) {
    if let Some(value) = value {
        fields[key] = value.into();
    }
}

/// An object's fields in their order, so that a repeated field is seen.
struct Pairs(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Pairs;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(Fields)
    }
}
