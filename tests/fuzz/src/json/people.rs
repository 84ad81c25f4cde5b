//! Accounts and history: events, notices, replies and refusals, with their expected fields.

use std::time::Duration;

use chinwag::chat::archive::{LineKind, Token};
use chinwag::chat::event::{
    AccountReply, Event, HistoryReply, LoggedIn, Missed, Need, Notice, PageOf, PageView, PlaceView,
    PrivacyView, Reply, SaidReply,
};
use chinwag::chat::ids::LineId;
use chinwag::chat::name::{Name, RoomName};
use chinwag::chat::refusal::{AccountRefusal, HistoryRefusal, Refusal};
use chinwag::wire::wall_time::WallTime;
use serde_json::{Value, json};

use super::answers::{missed_fields, shown, view_fields, with};
use super::{Examine, Expected, Plain, World, put};

fn place(world: &World) -> PlaceView<'_> {
    if world.flag {
        PlaceView::Room(&world.room)
    } else {
        PlaceView::With(&world.other)
    }
}

fn place_fields(place: PlaceView<'_>) -> Value {
    match place {
        PlaceView::Room(room) => json!({"room": room.as_str()}),
        PlaceView::With(name) => json!({"with": name.as_str()}),
    }
}

/// What was said before, and notices of what is kept.
#[expect(
    clippy::too_many_lines,
    reason = "one arm each, in the order of the vocabulary"
)]
pub fn event(world: &World, which: usize, now: WallTime, examine: Examine<'_>) {
    let World {
        name, room, text, ..
    } = world;
    let (named, other) = (name.as_str(), world.other.as_str());
    let (id, at) = (LineId(world.number), u64::from(world.count) << 8);
    let (place, kind) = (
        place(world),
        [LineKind::Message, LineKind::Action][world.size % 2],
    );
    let (from, is_action) = (name, kind == LineKind::Action);
    let history = with(
        json!({
            "id": id.0, "kind": if is_action { "action" } else { "message" }, "from": named,
            "text": text, "time": at
        }),
        place_fields(place),
    );
    let stamp = now.shown(at).to_string();
    let said = if is_action {
        format!("** {named} {text}")
    } else {
        format!("{named}: {text}")
    };
    let (event, kind, fields, plain) = match which % 7 {
        0 => (
            Event::History {
                id,
                place,
                from,
                kind,
                at,
                text,
            },
            "history",
            history,
            Plain::Exactly(format!("* {stamp} {said}")),
        ),
        1 => {
            let shown = match place {
                PlaceView::Room(room) => format!("* {stamp} [{room}] {said}"),
                PlaceView::With(other) if other == from => format!("* {stamp} @{named}: {text}"),
                PlaceView::With(_) => format!("* {stamp} @{named} -> {other}: {text}"),
            };
            (
                Event::Found {
                    id,
                    place,
                    from,
                    kind,
                    at,
                    text,
                },
                "history",
                history,
                Plain::Exactly(shown),
            )
        }
        2 => (
            Event::Exported {
                id,
                place,
                from,
                kind,
                at,
                text,
            },
            "history",
            history,
            Plain::Begins("{\"type\":\"history\","),
        ),
        3 => (
            Event::Late {
                id,
                from,
                to: &world.other,
                at,
                text,
            },
            "private",
            json!({
                "id": id.0, "from": named, "to": [other], "text": text, "late": true, "time": at
            }),
            Plain::Exactly(format!("* {stamp} @{named}: {text}")),
        ),
        4 => {
            let ids = vec![id; world.size % 4];
            let mut fields = with(json!({"from": named}), place_fields(place));
            if !ids.is_empty() {
                fields["ids"] = vec![id.0; ids.len()].into();
            }
            let event = Event::Forgotten {
                place,
                from,
                ids: &ids,
            };
            let plain = Plain::Begins("* ");
            let kind = "forgotten";
            return examine(
                event,
                Expected {
                    kind,
                    fields,
                    plain,
                },
            );
        }
        5 => {
            let days = world.flag.then_some(world.count);
            let mut fields = json!({"room": room.as_str(), "from": named});
            if let Some(days) = days {
                fields["days"] = days.into();
            }
            let event = Event::Kept { room, from, days };
            (event, "rule", fields, Plain::Begins("* "))
        }
        _ => return notice(world, which / 7, examine),
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
    let (is_late, count) = (world.flag, world.number);
    let (notice, code, first) = match which % 7 {
        0 => (Notice::NotKept { count, is_late }, Some("not_kept"), "! "),
        1 => (Notice::Cancelled, Some("cancelled"), "* "),
        2 => (Notice::NotEncrypted, Some("not_encrypted"), "* "),
        3 => (Notice::Replaced, Some("replaced"), "! "),
        4 => (Notice::AccountEnded, Some("account_ended"), "! "),
        5 => (Notice::WhoReads, None, "* "),
        _ => {
            let is_forward = world.flag;
            (Notice::PageEnd { is_forward }, None, "* ")
        }
    };
    let mut fields = json!({"text": null});
    put(&mut fields, "code", code);
    if matches!(notice, Notice::NotKept { .. }) {
        fields["count"] = count.into();
    }
    examine(
        Event::Notice(notice),
        Expected {
            kind: "notice",
            fields,
            plain: Plain::Begins(first),
        },
    );
}

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
    let (id, place) = (LineId(world.number), place(world));
    let tokens = tokens(world);
    let missed = missed(world);
    let places: Vec<(PlaceView<'_>, u64)> = vec![(place, world.number); world.size % 4];
    let days = world.count;
    let named_only = json!({"name": named});
    let (reply, fields): (Reply<'_>, Value) = match which % 18 {
        0 => {
            let (id, waiting) = (world.optional_id(), &names[..]);
            let mut fields = json!({});
            if let Some(id) = id {
                fields["id"] = id.0.into();
            }
            if !waiting.is_empty() {
                fields["waiting"] = shown(waiting).into();
            }
            (SaidReply { id, waiting }.into(), fields)
        }
        1 => {
            let name = world.flag.then_some(name);
            let mut fields = json!({"text": null});
            put(&mut fields, "name", name.map(Name::as_str));
            (AccountReply::Guest { name }.into(), fields)
        }
        2 => {
            let (since, tokens, connections) = (world.number, world.count, world.size);
            let reply = AccountReply::Account {
                name,
                since,
                tokens,
                connections,
                settings: PrivacyView {
                    hidden: world.flag,
                    ..PrivacyView::default()
                },
            };
            let fields = json!({
                "name": named, "since": since, "tokens": tokens, "connections": connections,
                "settings": {
                    "hidden": world.flag, "receipts": false, "seen": false, "strangers": false,
                    "keep": false
                }
            });
            (reply.into(), fields)
        }
        3 => {
            let (need, field) = [
                (Need::Password(name), "password"),
                (Need::NewPassword(name), "new_password"),
                (Need::NameToDrop(name), "name"),
            ][world.size % 3];
            (AccountReply::Needs(need).into(), json!({"needs": field}))
        }
        4 => (AccountReply::Made { name }.into(), named_only),
        5 => (AccountReply::PasswordChanged { name }.into(), named_only),
        6 => (AccountReply::Dropped { name }.into(), named_only),
        7 => logged_in(world, &missed),
        8 => (AccountReply::LoggedOut.into(), json!({"text": null})),
        9 => {
            let fields: Vec<Value> = tokens.iter().map(token_fields).collect();
            let reply = AccountReply::Tokens { tokens: &tokens };
            (reply.into(), json!({"tokens": fields}))
        }
        10 => (
            AccountReply::TokenMade {
                label: room,
                token: text,
            }
            .into(),
            json!({"label": room.as_str(), "token": text}),
        ),
        11 => (
            AccountReply::TokenDropped { label: room }.into(),
            json!({"label": room.as_str()}),
        ),
        12 => page(world, place),
        13 => {
            let fields: Vec<Value> = places
                .iter()
                .map(|(place, count)| with(json!({"count": count}), place_fields(*place)))
                .collect();
            let reply = HistoryReply::Unread { places: &places };
            (reply.into(), json!({"places": fields}))
        }
        14 => (
            HistoryReply::Read { place, up_to: id }.into(),
            with(json!({"up_to": id.0}), place_fields(place)),
        ),
        15 => {
            let count = world.number;
            (
                HistoryReply::Forgotten { count }.into(),
                json!({"count": count}),
            )
        }
        16 => {
            let owner = world.flag.then_some(name);
            let mut fields = json!({"room": room.as_str(), "days": days});
            put(&mut fields, "owner", owner.map(Name::as_str));
            (HistoryReply::Kept { room, days, owner }.into(), fields)
        }
        _ => (
            HistoryReply::Unkept { room }.into(),
            json!({"room": room.as_str()}),
        ),
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

fn missed(world: &World) -> Vec<Missed> {
    let missed = |room: &RoomName| Missed {
        room: *room,
        ..world.missed()
    };
    world.rooms.iter().map(missed).collect()
}

fn logged_in<'a>(world: &'a World, missed: &'a [Missed]) -> (Reply<'a>, Value) {
    let entered = world.flag.then(|| world.view());
    let first = entered.and_then(|view| view.missed);
    let reply = AccountReply::LoggedIn(LoggedIn {
        name: &world.name,
        is_hidden: false,
        connections: world.size,
        entered,
        missed,
        waiting: world.count as usize,
    });
    let mut fields = match entered {
        Some(_) => view_fields(world),
        None => json!({"room": null}),
    };
    let others = missed.iter().filter(|missed| Some(**missed) != first);
    let all: Vec<Value> = first.iter().chain(others).map(missed_fields).collect();
    fields["missed"] = all.into();
    let more = json!({
        "name": world.name.as_str(), "connections": world.size, "waiting": world.count
    });
    (reply.into(), with(fields, more))
}

fn tokens(world: &World) -> Vec<Token> {
    let token = |label: &RoomName| Token {
        label: *label,
        made: world.number,
        used: world.flag.then_some(world.count.into()),
    };
    world.rooms.iter().map(token).collect()
}

fn token_fields(token: &Token) -> Value {
    let mut fields = json!({"label": token.label.as_str(), "made": token.made});
    if let Some(used) = token.used {
        fields["used"] = used.into();
    }
    fields
}

fn page<'a>(world: &'a World, place: PlaceView<'a>) -> (Reply<'a>, Value) {
    let id = world.optional_id();
    let (of, fields) = match world.size % 3 {
        0 => (PageOf::Place(place), place_fields(place)),
        1 => (PageOf::Search(&world.text), json!({"words": world.text})),
        _ => (PageOf::Own, json!({})),
    };
    let page = PageView {
        of,
        lines: world.count as usize,
        first: id,
        last: id,
        up_to: LineId(world.number),
        end: world.flag,
        is_forward: world.other_count.is_multiple_of(2),
    };
    let mut fields = with(
        fields,
        json!({"lines": page.lines, "up_to": page.up_to.0, "end": page.end}),
    );
    if let Some(id) = id {
        fields["first"] = id.0.into();
        fields["last"] = id.0.into();
    }
    (HistoryReply::Page(page).into(), fields)
}

pub fn refusal(world: &World, which: usize, examine: Examine<'_>) {
    let World { text, size, .. } = world;
    let (name, room, size) = (world.name, world.room, *size);
    let wait = Duration::from_millis(world.number);
    let account = |refusal, code| (Refusal::Account(refusal), code);
    let history = |refusal, code| (Refusal::History(refusal), code);
    let (refusal, code) = match which % 32 {
        0 => account(AccountRefusal::NoStore, "no_store"),
        1 => account(AccountRefusal::Busy, "busy"),
        2 => {
            let is_late = world.flag;
            account(AccountRefusal::NotKept { is_late }, "not_kept")
        }
        3 => account(AccountRefusal::LoginRequired, "login_required"),
        4 => account(AccountRefusal::AlreadyAccount { name }, "bad_usage"),
        5 => account(AccountRefusal::NameTaken { name }, "name_taken"),
        6 => {
            let owner = world.flag.then_some(world.other);
            let given = name;
            account(AccountRefusal::NameOwned { given, owner }, "name_owned")
        }
        7 => account(
            AccountRefusal::WeakPassword {
                bytes_min: size,
                bytes_max: size,
            },
            "weak_password",
        ),
        8 => account(AccountRefusal::NotEncrypted, "not_encrypted"),
        9 => account(AccountRefusal::TooManyAccounts, "too_many_accounts"),
        10 => account(AccountRefusal::WrongPassword, "wrong_password"),
        11 => account(AccountRefusal::SlowDown { wait }, "slow_down"),
        12 => account(
            AccountRefusal::TooManyTokens { tokens_max: size },
            "too_many_tokens",
        ),
        13 => account(AccountRefusal::LabelTaken { label: room }, "name_taken"),
        14 => account(AccountRefusal::NoSuchToken { label: room }, "bad_usage"),
        15 => account(AccountRefusal::NameIsAccount { name }, "bad_usage"),
        16 => account(AccountRefusal::OtherName, "bad_usage"),
        17 => account(AccountRefusal::MissingSlash { name }, "bad_usage"),
        18 => account(AccountRefusal::AccountsOnly, "login_required"),
        30 => account(AccountRefusal::AnswerTooLate, "bad_usage"),
        31 => history(HistoryRefusal::LineNotKept, "not_kept"),
        19 => history(HistoryRefusal::NotKeptHere { room }, "not_kept_here"),
        20 => history(HistoryRefusal::NotKeptWith { name: text }, "not_kept_here"),
        21 => history(HistoryRefusal::NoSuchLine, "no_such_line"),
        22 => history(HistoryRefusal::NoSearch, "no_search"),
        23 => history(HistoryRefusal::NoPage, "bad_usage"),
        24 => history(HistoryRefusal::NoMore, "bad_usage"),
        25 => history(HistoryRefusal::SlowDown { wait }, "slow_down"),
        26 => history(HistoryRefusal::NotOperator { room }, "not_operator"),
        27 => history(
            HistoryRefusal::TooManyKeptRooms { rooms_max: size },
            "too_many_rooms",
        ),
        28 => history(
            HistoryRefusal::TooManyDays {
                days_max: world.count,
            },
            "bad_usage",
        ),
        _ => history(HistoryRefusal::MailboxFull { name }, "mailbox_full"),
    };
    let mut fields = json!({"code": code, "text": null});
    if code == "slow_down" {
        fields["wait_ms"] = world.number.into();
    }
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
