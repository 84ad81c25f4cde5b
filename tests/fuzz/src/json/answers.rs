//! The answers to lines: every reply and every refusal, with its expected fields.

use std::time::Duration;

use chinwag::chat::close_reason::CloseReason;
use chinwag::chat::command::{HelpTopic, Mode};
use chinwag::chat::event::{
    Event, MembershipReply, Missed, QueryReply, Reply, RoomSummary, SessionReply, SettingReply,
    Whois,
};
use chinwag::chat::name::{Name, NameError, RoomName};
use chinwag::chat::refusal::{
    LineRefusal, MembershipRefusal, MessageRefusal, QueryRefusal, Refusal, SessionRefusal,
    SettingRefusal,
};
use chinwag::chat::rights::Rights;
use chinwag::chat::stats::{Counts, ServerStats};
use chinwag::wire::command_table::COMMANDS;
use chinwag::wire::text::VERSION;
use serde_json::{Value, json};

use super::{Examine, Expected, Plain, World, put};

#[expect(
    clippy::too_many_lines,
    reason = "one arm each, in the order of the vocabulary"
)]
pub fn reply(world: &World, which: usize, examine: Examine<'_>) {
    let World {
        name,
        room,
        text,
        names,
        ..
    } = world;
    let named = name.as_str();
    let summaries = summaries(world);
    let stats = stats(world);
    let shown = shown(names);
    let (total, page, pages) = (world.size, world.count as usize, world.other_count as usize);
    let paging = json!({"total": total, "page": page, "pages": pages});
    let as_plain = json!({"text": null});
    let (reply, fields) = match which % 27 {
        0 => (Reply::Done, json!({})),
        1 => (
            Reply::Session(SessionReply::Registered {
                name,
                entered: world.view(),
            }),
            with(json!({"name": named}), view_fields(world)),
        ),
        2 => (
            Reply::Session(SessionReply::Renamed { name }),
            json!({"name": named}),
        ),
        3 => (
            Reply::Membership(MembershipReply::Joined(world.view())),
            view_fields(world),
        ),
        4 => {
            let current = world.flag.then_some(&world.other_room);
            let mut fields = json!({"room": room.as_str()});
            put(&mut fields, "current", current.map(RoomName::as_str));
            (
                Reply::Membership(MembershipReply::Parted { room, current }),
                fields,
            )
        }
        5 => {
            let room = world.flag.then_some(room);
            let mut fields = with(json!({"users": shown}), paging);
            put(&mut fields, "room", room.map(RoomName::as_str));
            (
                Reply::Query(QueryReply::Names {
                    room,
                    total,
                    names,
                    page,
                    pages,
                }),
                fields,
            )
        }
        6 => {
            let rooms: Vec<Value> = summaries.iter().map(summary_fields).collect();
            let reply = Reply::Query(QueryReply::Rooms {
                rooms: &summaries,
                total,
                page,
                pages,
            });
            (reply, with(json!({"rooms": rooms}), paging))
        }
        7 => {
            let text = world.optional_text();
            let mut fields = json!({"room": room.as_str()});
            put(&mut fields, "text", text);
            (Reply::Setting(SettingReply::Topic { room, text }), fields)
        }
        8 => whois(world),
        9 => (Reply::Setting(SettingReply::Away { text }), as_plain),
        10 => (Reply::Setting(SettingReply::Back), as_plain),
        11 => (
            Reply::Setting(SettingReply::Ignoring { name }),
            json!({"name": named}),
        ),
        12 => (
            Reply::Setting(SettingReply::NotIgnoring { name }),
            json!({"name": named}),
        ),
        13 => (
            Reply::Setting(SettingReply::Ignored { names }),
            json!({"users": shown}),
        ),
        14 => (
            Reply::Setting(SettingReply::Quiet(world.flag)),
            json!({"quiet": world.flag}),
        ),
        15 => (
            Reply::Setting(SettingReply::Echo(world.flag)),
            json!({"echo": world.flag}),
        ),
        16 => (Reply::Session(SessionReply::Mode(Mode::Plain)), as_plain),
        17 => (Reply::Session(SessionReply::Mode(Mode::Json)), as_plain),
        18 => (Reply::Session(SessionReply::Pong { text }), as_plain),
        19 | 20 => {
            let counts = Counts {
                clients: total,
                registered: page,
                rooms: pages,
            };
            let reply = Reply::Session(SessionReply::Stats {
                server_name: text,
                counts,
                server: &stats,
            });
            (reply, stats_fields(text, counts, &stats))
        }
        21 => {
            let fields = json!({"server": text, "version": VERSION, "text": null});
            (
                Reply::Session(SessionReply::Version { server_name: text }),
                fields,
            )
        }
        22 => (help(None), as_plain),
        23 => (
            help(Some(match world.count % 8 {
                0 => HelpTopic::People,
                1 => HelpTopic::History,
                2 => HelpTopic::Operators,
                _ => HelpTopic::Command(COMMANDS[world.size % COMMANDS.len()].verb),
            })),
            as_plain,
        ),
        24 => (
            Reply::Setting(SettingReply::Raw(world.flag)),
            json!({"raw": world.flag}),
        ),
        25 => (
            Reply::Setting(SettingReply::Times(world.flag)),
            json!({"times": world.flag}),
        ),
        _ => (Reply::Session(SessionReply::Bye), as_plain),
    };
    let plain = Plain::Begins("* ");
    examine(
        Event::Ok(reply),
        Expected {
            kind: "ok",
            fields,
            plain,
        },
    );
}

pub fn shown(names: &[Name]) -> Vec<&str> {
    names.iter().map(Name::as_str).collect()
}

pub fn with(mut fields: Value, more: Value) -> Value {
    let Value::Object(more) = more else {
        panic!("an object");
    };
    fields.as_object_mut().unwrap().extend(more);
    fields
}

pub fn view_fields(world: &World) -> Value {
    let mut fields = json!({
        "room": world.room.as_str(), "others": world.size, "users": shown(&world.names)
    });
    put(&mut fields, "topic", world.optional_text());
    let view = world.view();
    if let Some(kept) = view.kept {
        fields["kept"] = json!({"days": kept.days});
        put(&mut fields["kept"], "owner", kept.owner.map(Name::as_str));
    }
    if let Some(missed) = view.missed {
        fields["missed"] = json!([missed_fields(&missed)]);
    }
    fields
}

pub fn missed_fields(missed: &Missed) -> Value {
    json!({"room": missed.room.as_str(), "count": missed.count, "since": missed.since})
}

fn summaries(world: &World) -> Vec<RoomSummary<'_>> {
    let rooms = world.rooms.iter().enumerate();
    rooms
        .map(|(place, room)| RoomSummary {
            room,
            users: world.size.wrapping_add(place),
            topic: (place % 2 == 0).then_some(&world.text),
        })
        .collect()
}

fn summary_fields(summary: &RoomSummary<'_>) -> Value {
    let mut fields = json!({"room": summary.room.as_str(), "users": summary.users});
    put(&mut fields, "topic", summary.topic);
    fields
}

fn whois(world: &World) -> (Reply<'_>, Value) {
    let (connected, idle) = (world.number, u64::from(world.count));
    let peer = world.other_count.is_multiple_of(2).then(|| world.peer());
    let reply = Reply::Query(QueryReply::Whois(Whois {
        name: &world.name,
        connected: Duration::from_millis(connected),
        idle: Duration::from_millis(idle),
        away: world.optional_text(),
        rooms: &world.rooms,
        peer,
        peers: &[],
    }));
    let rooms: Vec<&str> = world.rooms.iter().map(RoomName::as_str).collect();
    let mut fields = json!({
        "name": world.name.as_str(), "connected_ms": connected, "idle_ms": idle, "rooms": rooms
    });
    put(&mut fields, "away", world.optional_text());
    put(
        &mut fields,
        "address",
        peer.map(|peer| peer.to_string()).as_deref(),
    );
    (reply, fields)
}

fn stats(world: &World) -> ServerStats {
    let number = world.number / 64; // so that all together are a number, too
    ServerStats {
        lines_in: number,
        lines_out: number / 2,
        bytes_in: number / 3,
        bytes_out: number / 5,
        skipped: number / 7,
        refused: number / 11,
        not_kept: number / 17,
        store_is_broken: number.is_multiple_of(2),
        closed: std::array::from_fn(|place| number / 13 * u64::from(place % 2 == 0)),
        uptime: Duration::from_millis(number),
        busy_permille: world.count,
    }
}

fn stats_fields(server_name: &str, counts: Counts, stats: &ServerStats) -> Value {
    let mut closed = json!({});
    for (reason, count) in CloseReason::ALL.iter().zip(stats.closed) {
        closed[reason.as_str()] = count.into();
    }
    json!({
        "server": server_name,
        "clients": counts.clients,
        "registered": counts.registered,
        "rooms": counts.rooms,
        "lines_in": stats.lines_in,
        "lines_out": stats.lines_out,
        "bytes_in": stats.bytes_in,
        "bytes_out": stats.bytes_out,
        "skipped": stats.skipped,
        "refused": stats.refused,
        "not_kept": stats.not_kept,
        "store_broken": stats.store_is_broken,
        "uptime_ms": u64::try_from(stats.uptime.as_millis()).unwrap(),
        "busy_permille": stats.busy_permille,
        "closed": closed,
    })
}

fn name_error(world: &World) -> NameError {
    [
        NameError::Empty,
        NameError::TooLong,
        NameError::Start,
        NameError::Character(' '),
        NameError::Character(world.text.chars().next().unwrap_or('#')),
    ][world.size % 5]
}

fn name_in_use(name: Name, size: usize) -> SessionRefusal<'static> {
    let is_quiet = size % 2 == 1;
    SessionRefusal::NameInUse {
        name,
        lost_time_max: is_quiet.then_some(Duration::from_secs(size as u64)),
    }
}

pub fn refusal(world: &World, which: usize, examine: Examine<'_>) {
    let World {
        name, room, text, ..
    } = world;
    let (given, name, room) = (text.as_str(), *name, *room);
    let why = name_error(world);
    let verb = COMMANDS[world.size % COMMANDS.len()].verb;
    let missing: Vec<&str> = [given, &world.other_text][..world.size % 3].to_vec();
    let full = &world.names[..];
    let size = world.size;
    let line = |refusal, code| (Refusal::Line(refusal), code);
    let session = |refusal, code| (Refusal::Session(refusal), code);
    let message = |refusal, code| (Refusal::Message(refusal), code);
    let membership = |refusal, code| (Refusal::Membership(refusal), code);
    let setting = |refusal, code| (Refusal::Setting(refusal), code);
    let (refusal, code) = match which % 24 {
        0 => (Refusal::NotRegistered, "not_registered"),
        1 => session(SessionRefusal::BadName { given, why }, "bad_name"),
        2 => session(name_in_use(name, size), "name_taken"),
        3 => session(SessionRefusal::NameOfRoom { name }, "name_taken"),
        4 => session(SessionRefusal::NameReserved { name }, "name_taken"),
        5 => membership(MembershipRefusal::BadRoom { given, why }, "bad_room"),
        6 => (Refusal::NoSuchUser { given }, "no_such_user"),
        7 => message(MessageRefusal::NobodyWrote, "no_such_user"),
        8 => {
            let name = size.is_multiple_of(2).then_some(name);
            message(MessageRefusal::WriterLeft { name }, "no_such_user")
        }
        9 => {
            let code = ["no_such_user", "not_delivered"][usize::from(missing.is_empty())];
            message(
                MessageRefusal::Unreached {
                    missing: &missing,
                    full,
                },
                code,
            )
        }
        10 => membership(MembershipRefusal::NoSuchRoom { room }, "no_such_room"),
        11 => membership(
            MembershipRefusal::NotInRoom {
                room: world.flag.then_some(room),
            },
            "not_in_room",
        ),
        12 => membership(
            MembershipRefusal::TooManyRooms { rooms_max: size },
            "too_many_rooms",
        ),
        13 => message(MessageRefusal::TooManyRecipients, "too_many_recipients"),
        14 => line(LineRefusal::Usage(verb), "bad_usage"),
        15 => {
            let refusals = [
                MessageRefusal::MissingColon,
                MessageRefusal::MissingName,
                MessageRefusal::SpaceInName,
            ];
            message(refusals[size % 3], "bad_usage")
        }
        16 => line(LineRefusal::NoText, "bad_usage"),
        17 => line(LineRefusal::TextTooLong { bytes_max: size }, "bad_usage"),
        18 => (
            Refusal::Query(QueryRefusal::NoSuchPage {
                page: size,
                pages: world.count as usize,
            }),
            "bad_usage",
        ),
        19 => setting(SettingRefusal::IgnoreSelf, "bad_usage"),
        20 => setting(
            SettingRefusal::IgnoreFull { ignored_max: size },
            "bad_usage",
        ),
        21 => setting(SettingRefusal::NotIgnored { given }, "bad_usage"),
        22 => {
            let nearest = world.count.is_multiple_of(2).then_some(verb);
            let registered = world.flag;
            line(
                LineRefusal::UnknownCommand {
                    given,
                    nearest,
                    registered,
                },
                "unknown_command",
            )
        }
        _ => line(
            LineRefusal::LineTooLong { bytes_max: size },
            "line_too_long",
        ),
    };
    let fields = json!({"code": code, "text": null});
    let plain = Plain::Begins("! ");
    examine(
        Event::Error(refusal),
        Expected {
            kind: "error",
            fields,
            plain,
        },
    );
}

fn help<'a>(topic: Option<HelpTopic>) -> Reply<'a> {
    let rights = Rights::default();
    Reply::Session(SessionReply::Help { topic, rights })
}
