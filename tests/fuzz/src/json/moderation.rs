//! Order in rooms: events, replies and refusals, with their expected fields.

use std::time::Duration;

use chinwag::chat::event::{Done, Event, ModerationEvent, ModerationReply};
use chinwag::chat::ids::LineId;
use chinwag::chat::name::{Name, RoomName};
use chinwag::chat::order::{Act, Limit, Limited, Lock, Locks};
use chinwag::chat::refusal::ModerationRefusal;
use serde_json::{Value, json};

use super::{Examine, Expected, Plain, World, put};

const ACTS: [Act; 7] = [
    Act::Kick,
    Act::Mute,
    Act::Unmute,
    Act::Bar,
    Act::Unbar,
    Act::Op,
    Act::Deop,
];

fn act(world: &World) -> Act {
    ACTS[world.size % ACTS.len()]
}

fn locks(world: &World) -> Locks {
    Locks::from_bits(world.count)
}

fn words(locks: Locks) -> Vec<&'static str> {
    let all = ["topic", "talk", "in"].into_iter().zip(Lock::ALL);
    let on = all.filter(|(_, lock)| locks.has(*lock));
    on.map(|(word, _)| word).collect()
}

fn done(world: &World) -> (Done<'_>, Value) {
    let until = world
        .count
        .is_multiple_of(2)
        .then_some(u64::from(world.count));
    let (act, why) = (act(world), world.optional_text());
    let mut fields = json!({
        "what": act.word(), "room": world.room.as_str(), "name": world.name.as_str(),
        "from": world.other.as_str()
    });
    put(&mut fields, "text", why);
    if let Some(until) = until {
        fields["until"] = until.into();
    }
    let done = Done {
        act,
        room: &world.room,
        name: &world.name,
        from: &world.other,
        until,
        why,
    };
    (done, fields)
}

fn limited(world: &World) -> (Limited<'_>, Value) {
    let limits = [
        Limit::Muted,
        Limit::Barred,
        Limit::Locked(Lock::Topic),
        Limit::Locked(Lock::Talk),
        Limit::Locked(Lock::In),
    ];
    let left = world.count.is_multiple_of(2).then_some(world.number >> 1);
    let ask = world.other_count.is_multiple_of(2).then_some(world.other);
    let limited = Limited {
        limit: limits[world.size % limits.len()],
        room: world.room,
        left: left.map(Duration::from_millis),
        why: world.optional_text(),
        ask,
    };
    let mut fields = json!({"room": world.room.as_str()});
    if let Some(left) = left {
        fields["wait_ms"] = left.into();
    }
    put(&mut fields, "ask", ask.as_ref().map(Name::as_str));
    (limited, fields)
}

pub fn check(world: &World, which: usize, examine: Examine<'_>) {
    match which % 3 {
        0 => event(world, which / 3, examine),
        1 => reply(world, which / 3, examine),
        _ => refusal(world, which / 3, examine),
    }
}

fn event(world: &World, which: usize, examine: Examine<'_>) {
    let (room, from) = (&world.room, &world.other);
    let bad = |act| matches!(act, Act::Kick | Act::Mute | Act::Bar | Act::Deop);
    let (event, kind, fields, begin) = match which % 5 {
        0 => {
            let (done, fields) = done(world);
            (ModerationEvent::Done(done), "rule", fields, "* ")
        }
        1 => {
            let (done, mut fields) = done(world);
            let current = world.flag.then_some(&world.other_room);
            let moved = world.other_count.is_multiple_of(2).then_some(current);
            if let Some(current) = moved {
                fields["current"] = current.map(RoomName::as_str).into();
            }
            let begin = if bad(done.act) { "! " } else { "* " };
            let event = ModerationEvent::DoneToYou { done, moved };
            (event, "rule", fields, begin)
        }
        2 => {
            let (limited, mut fields) = limited(world);
            let (what, begin) = match limited.limit {
                Limit::Muted => ("mute", "* "),
                Limit::Barred => ("bar", "! "),
                Limit::Locked(lock) => {
                    fields["rules"] = words(Locks::default().with(lock, true)).into();
                    ("lock", "* ")
                }
            };
            fields["what"] = what.into();
            put(&mut fields, "text", limited.why);
            (ModerationEvent::Limited(limited), "rule", fields, begin)
        }
        3 => {
            let locks = locks(world);
            let lock = Lock::ALL[world.size % 3];
            let event = ModerationEvent::Locked {
                room,
                from,
                lock,
                locks,
            };
            let fields = json!({
                "what": "lock", "room": room.as_str(), "from": from.as_str(),
                "rules": words(locks)
            });
            (event, "rule", fields, "* ")
        }
        _ => {
            let id = LineId(world.number);
            let event = ModerationEvent::Removed { room, from, id };
            let fields = json!({"room": room.as_str(), "by": from.as_str(), "ids": [id.0]});
            (event, "forgotten", fields, "* ")
        }
    };
    let plain = Plain::Begins(begin);
    examine(
        Event::Moderation(event),
        Expected {
            kind,
            fields,
            plain,
        },
    );
}

fn reply(world: &World, which: usize, examine: Examine<'_>) {
    let (room, name) = (&world.room, &world.name);
    let named = room.as_str();
    let (reply, fields) = match which % 3 {
        0 => {
            let (act, until) = (act(world), world.flag.then_some(world.number));
            let mut fields = json!({"room": named, "name": name.as_str()});
            if let Some(until) = until {
                fields["until"] = until.into();
            }
            let reply = ModerationReply::Done {
                act,
                room,
                name,
                until,
            };
            (reply, fields)
        }
        1 => {
            let locks = locks(world);
            let set = world.flag.then_some(Lock::ALL[world.size % 3]);
            let fields = json!({"room": named, "rules": words(locks)});
            (ModerationReply::Locks { room, locks, set }, fields)
        }
        _ => {
            let id = LineId(world.number);
            let fields = json!({"room": named, "id": id.0});
            (ModerationReply::Removed { room, id }, fields)
        }
    };
    examine(
        Event::Ok(reply.into()),
        Expected {
            kind: "ok",
            fields,
            plain: Plain::Begins("* "),
        },
    );
}

fn refusal(world: &World, which: usize, examine: Examine<'_>) {
    let (room, name, given) = (world.room, world.name, world.text.as_str());
    let optional_room = world.flag.then_some(room);
    let mut fields = json!({});
    let (refusal, code) = match which % 13 {
        0 => {
            let room = optional_room;
            (ModerationRefusal::NotOperator { room }, "not_operator")
        }
        1 => (ModerationRefusal::NoOperators { room }, "not_operator"),
        2 => (ModerationRefusal::NotKeptHere { room }, "not_kept_here"),
        3 => {
            let owns = optional_room;
            (ModerationRefusal::Protected { name, owns }, "not_operator")
        }
        4 => (ModerationRefusal::Oneself, "bad_usage"),
        5 => (ModerationRefusal::BadTime, "bad_time"),
        6 => (ModerationRefusal::NotThere { given, room }, "no_such_user"),
        7 => (ModerationRefusal::NotAnAccount { given }, "no_such_user"),
        8 => {
            let act = act(world);
            (ModerationRefusal::NoRule { act, given, room }, "bad_usage")
        }
        9 => {
            let rules_max = world.size;
            let refusal = ModerationRefusal::TooManyRules { rules_max };
            (refusal, "too_many_rules")
        }
        10 => (ModerationRefusal::NoSuchLine { room }, "no_such_line"),
        11 => {
            let is_late = world.flag;
            (ModerationRefusal::NotKept { is_late }, "not_kept")
        }
        _ => {
            let (limited, more) = limited(world);
            fields = more;
            put(&mut fields, "why", limited.why);
            let code = match limited.limit {
                Limit::Muted => "muted",
                Limit::Barred => "barred",
                Limit::Locked(_) => "locked",
            };
            (ModerationRefusal::Limited(limited), code)
        }
    };
    fields["code"] = code.into();
    fields["text"] = Value::Null;
    examine(
        Event::Error(refusal.into()),
        Expected {
            kind: "error",
            fields,
            plain: Plain::Begins("! "),
        },
    );
}
