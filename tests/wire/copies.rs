//! What a user's other connections are shown of what one of them does: the form of each line.

use chinwag::chat::command::Mode;
use chinwag::chat::event::Event;
use chinwag::chat::name::{Name, RoomName};
use chinwag::wire::{self, Style};
use serde_json::{Value, json};

use crate::support::{UNIX_MS, WALL_TIME};

fn line(event: &Event<'_>, style: Style) -> String {
    let mut out = Vec::new();
    assert_eq!(wire::encode(&mut out, event, style, WALL_TIME), 1);
    String::from_utf8(out).unwrap()
}

#[track_caller]
fn check(event: &Event<'_>, plain: &str, mut fields: Value) {
    assert_eq!(line(event, Style::default()), format!("{plain}\n"));
    let mode = Mode::Json;
    let json = line(
        event,
        Style {
            mode,
            ..Style::default()
        },
    );
    fields["time"] = UNIX_MS.into();
    assert_eq!(serde_json::from_str::<Value>(&json).unwrap(), fields);
}

fn name(name: &str) -> Name {
    Name::parse(name).unwrap()
}

#[test]
fn own_message_names_its_sender_and_all_recipients() {
    let (from, to) = (&name("alice"), [name("bob"), name("carol")]);
    let text = "see you: at 8";
    let fields = |to: &[&str]| json!({"type": "private", "from": "alice", "to": to, "text": text});
    let to_one = Event::Sent {
        from,
        to: &to[..1],
        text,
        id: None,
    };
    let to_both = Event::Sent {
        from,
        to: &to,
        text,
        id: None,
    };
    check(&to_one, "@alice -> bob: see you: at 8", fields(&["bob"]));
    check(
        &to_both,
        "@alice -> bob,carol: see you: at 8",
        fields(&["bob", "carol"]),
    );
    // It is a line from people, and so has its time, and stays whole.
    let times = true;
    let with_time = line(
        &to_one,
        Style {
            times,
            ..Style::default()
        },
    );
    let stamp = with_time.strip_suffix("@alice -> bob: see you: at 8\n");
    assert_eq!(stamp.map(str::len), Some("12:34 ".len()));
    let text = &"word ".repeat(100);
    let long = Event::Sent {
        from,
        to: &to,
        text,
        id: None,
    };
    assert_eq!(line(&long, Style::default()).lines().count(), 1);
}

#[test]
fn own_join_and_leave_tell_the_room_and_the_current_one() {
    let (dev, lobby) = (
        &RoomName::parse("dev").unwrap(),
        &RoomName::parse("lobby").unwrap(),
    );
    let name = &name("alice");
    let join = Event::OwnJoin { room: dev, name };
    let fields = json!({"type": "join", "room": "dev", "name": "alice"});
    check(&join, "* You have joined dev.", fields);
    let leave = |current, moved| Event::OwnLeave {
        room: dev,
        name,
        current,
        moved,
    };
    let fields = json!({"type": "leave", "room": "dev", "name": "alice"});
    check(
        &leave(None, true),
        "* You have left dev. You are in no room now; /join ROOM enters one.",
        fields,
    );
    let fields = json!({"type": "leave", "room": "dev", "name": "alice", "current": "lobby"});
    check(
        &leave(Some(lobby), false),
        "* You have left dev.",
        fields.clone(),
    );
    check(
        &leave(Some(lobby), true),
        "* You have left dev. You are in lobby now.",
        fields,
    );
}
