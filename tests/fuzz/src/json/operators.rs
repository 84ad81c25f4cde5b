//! Order in the whole server: events, replies and refusals, with their expected fields.

use std::time::Duration;

use chinwag::chat::archive::{BanKind, PastDeed, UnixMs};
use chinwag::chat::event::{
    BanView, Banned, Barred, BarredFrom, Event, ListedBanView, OperatorEvent, OperatorReply,
};
use chinwag::chat::name::Name;
use chinwag::chat::refusal::{OperatorRefusal, Refusal};
use chinwag::wire::wall_time::WallTime;
use serde_json::{Value, json};

use super::{Examine, Expected, Plain, World, put};

pub fn check(world: &World, which: usize, now: WallTime, examine: Examine<'_>) {
    match which % 3 {
        0 => event(world, which / 3, now, examine),
        1 => reply(world, which / 3, examine),
        _ => refusal(world, which / 3, examine),
    }
}

/// A time at which something ends.
fn until(world: &World) -> Option<UnixMs> {
    let until = u64::from(world.other_count) << 32;
    world.count.is_multiple_of(2).then_some(until)
}

fn put_time(fields: &mut Value, time: Option<UnixMs>) {
    if let Some(time) = time {
        fields["until"] = time.into();
    }
}

fn deed(world: &World) -> (PastDeed, Value) {
    let at = world.number >> 1;
    let whom = world.flag.then_some(world.other.as_str());
    let room = world.count.is_multiple_of(2).then_some(world.room.as_str());
    let text = world
        .other_count
        .is_multiple_of(2)
        .then_some(world.text.as_str());
    let mut fields = json!({"at": at, "who": world.name.as_str(), "what": "ban"});
    put(&mut fields, "whom", whom);
    put(&mut fields, "room", room);
    put(&mut fields, "text", text);
    let deed = PastDeed {
        at,
        who: world.name.as_str().into(),
        what: "ban".into(),
        whom: whom.map(Box::from),
        room: room.map(Box::from),
        text: text.map(Box::from),
    };
    (deed, fields)
}

/// Whom a ban catches, and that as text.
fn banned(world: &World) -> (Banned, String) {
    let name = world.other;
    let [a, b, c, bits] = world.count.to_be_bytes();
    let net = format!("{a}.{b}.{c}.0/{}", bits % 33);
    match world.size % 4 {
        0 => (Banned::Account(Some(name)), name.to_string()),
        1 => (Banned::Account(None), "an account that is gone".to_owned()),
        which => {
            let guest = (which == 2).then_some(name);
            let shown = match guest {
                Some(name) => format!("{net}, where the guest {name} is,"),
                None => net.clone(),
            };
            let net = net.parse().expect("a range of addresses");
            (Banned::Net { net, guest }, shown)
        }
    }
}

fn kind(world: &World) -> (BanKind, &'static str) {
    let kinds = [
        (BanKind::Out, "out"),
        (BanKind::LoginRequired, "login"),
        (BanKind::Muted, "muted"),
    ];
    kinds[usize::from(world.flag) + world.size % 2]
}

fn event(world: &World, which: usize, now: WallTime, examine: Examine<'_>) {
    let text = world.text.as_str();
    let (deed, deed_fields) = deed(world);
    let (event, kind, fields, plain) = match which % 4 {
        0 => (
            OperatorEvent::Announcement { text },
            "announcement",
            json!({"text": text}),
            Plain::Exactly(format!("* From the operator: {text}")),
        ),
        1 => {
            let (barred, fields) = barred(world, now);
            let plain = Plain::Begins("! ");
            (OperatorEvent::Barred(barred), "notice", fields, plain)
        }
        2 => (
            OperatorEvent::Unmuted,
            "notice",
            json!({"code": "unmuted", "text": null}),
            Plain::Exactly("* You may speak again.".to_owned()),
        ),
        _ => (
            OperatorEvent::Deed { deed: &deed },
            "notice",
            json!({"code": "deed", "deed": deed_fields, "text": null}),
            Plain::Begins("* "),
        ),
    };
    examine(
        Event::Operator(event),
        Expected {
            kind,
            fields,
            plain,
        },
    );
}

fn barred(world: &World, now: WallTime) -> (Barred<'_>, Value) {
    let all = [
        (BarredFrom::Staying, "kicked"),
        (BarredFrom::Coming, "banned"),
        (BarredFrom::Account, "suspended"),
        (BarredFrom::BeingGuest, "login_required"),
        (BarredFrom::Speaking, "muted"),
    ];
    let (from, code) = all[world.size % all.len()];
    let why = world.optional_text().unwrap_or_default();
    // The words of JSON are the same in all zones.
    let until = until(world).filter(|_| now.utc_offset_s == 0);
    let by = world.other_count.is_multiple_of(2).then_some(&world.name);
    let mut fields = json!({"code": code, "text": null});
    put_time(&mut fields, until);
    put(&mut fields, "by", by.map(Name::as_str));
    put(&mut fields, "why", Some(why).filter(|why| !why.is_empty()));
    let barred = Barred {
        from,
        why,
        until,
        by,
    };
    (barred, fields)
}

fn reply(world: &World, which: usize, examine: Examine<'_>) {
    let (name, text, number) = (&world.name, world.text.as_str(), world.count);
    let only_name = json!({"name": name.as_str()});
    let (whom, shown_whom) = banned(world);
    let ((kind, shown_kind), until) = (kind(world), until(world));
    let (total, page, pages, in_file) = (world.size, 1, 2, world.rooms.len());
    let paging = |mut fields: Value| {
        fields["total"] = total.into();
        fields["page"] = page.into();
        fields["pages"] = pages.into();
        fields
    };
    let bans = world.names.iter().map(|by| ListedBanView {
        number,
        whom,
        kind,
        until,
        why: text,
        by,
        at: 7,
    });
    let bans: Vec<ListedBanView<'_>> = bans.collect();
    let (deed, deed_fields) = deed(world);
    let deeds = vec![deed; world.rooms.len()];
    let (reply, fields) = match which % 13 {
        0 => (OperatorReply::Kicked { name }, only_name),
        1 => {
            let mut fields = only_name;
            put_time(&mut fields, until);
            (OperatorReply::Muted { name, until }, fields)
        }
        2 => (OperatorReply::Unmuted { name }, only_name),
        3 => {
            let view = BanView {
                number: world.flag.then_some(number),
                whom,
                typed: text,
                kind,
                until,
                matches: world.size,
            };
            let mut fields = json!({
                "ban": view.number, "whom": shown_whom, "kind": shown_kind, "matches": view.matches,
                "done": world.flag
            });
            put_time(&mut fields, until);
            (OperatorReply::Ban(view), fields)
        }
        4 => {
            let listed = bans.iter().map(|ban| {
                let mut fields = json!({
                    "ban": number, "whom": shown_whom, "kind": shown_kind, "why": text,
                    "by": ban.by.as_str(), "at": 7
                });
                put_time(&mut fields, until);
                fields
            });
            let fields = json!({"bans": listed.collect::<Vec<_>>(), "in_file": in_file});
            let reply = OperatorReply::Bans {
                bans: &bans,
                total,
                page,
                pages,
                in_file,
            };
            (reply, paging(fields))
        }
        5 => (OperatorReply::Unbanned { number }, json!({"ban": number})),
        6 => (OperatorReply::Suspended { name }, only_name),
        7 => (OperatorReply::Unsuspended { name }, only_name),
        8 => {
            let (code, until) = ("abcd-efgh", world.number);
            let fields = json!({"name": name.as_str(), "code": code, "until": until});
            (OperatorReply::Code { name, code, until }, fields)
        }
        9 => (OperatorReply::Announced { text }, json!({"text": text})),
        10 => (OperatorReply::Reloading, json!({"text": null})),
        11 => {
            let fields = json!({"deeds": vec![deed_fields; deeds.len()]});
            let reply = OperatorReply::Deeds {
                deeds: &deeds,
                total,
                page,
                pages,
            };
            (reply, paging(fields))
        }
        _ => {
            let file = world.other_text.as_str();
            (OperatorReply::BackedUp { file }, json!({"file": file}))
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
    let (name, given) = (world.name, world.text.as_str());
    let why = world.optional_text().unwrap_or_default();
    let ms = world.number >> 1;
    let left = world
        .count
        .is_multiple_of(2)
        .then_some(Duration::from_millis(ms));
    let (number, bans_max) = (world.count, world.size);
    let (refusal, code) = match which % 15 {
        0 => (OperatorRefusal::BadTarget { given }, "bad_usage"),
        1 => (OperatorRefusal::TooWide { given }, "too_wide"),
        2 => (OperatorRefusal::IsOperator { name }, "bad_usage"),
        3 => (OperatorRefusal::IsLocal { name }, "bad_usage"),
        4 => (OperatorRefusal::LogsInAnyway { name }, "bad_usage"),
        5 => (OperatorRefusal::NoSuchBan { number }, "no_such_ban"),
        6 => (OperatorRefusal::TooManyBans { bans_max }, "too_many_bans"),
        7 => (OperatorRefusal::NotMuted { name }, "bad_usage"),
        8 => (OperatorRefusal::NotSuspended { name }, "bad_usage"),
        9 => (OperatorRefusal::DoneNotKept, "not_kept"),
        10 => (OperatorRefusal::NotBackedUp, "busy"),
        11 => (OperatorRefusal::Suspended { why }, "suspended"),
        12 => (OperatorRefusal::Banned { why, left }, "banned"),
        13 => (OperatorRefusal::Muted { why, left }, "muted"),
        _ => (OperatorRefusal::MustLogIn { why, left }, "login_required"),
    };
    let mut fields = json!({"code": code, "text": null});
    if refusal.left().is_some() {
        fields["wait_ms"] = ms.into();
    }
    examine(
        Event::Error(Refusal::Operator(refusal)),
        Expected {
            kind: "error",
            fields,
            plain: Plain::Begins("! "),
        },
    );
}
