//! Calls: receipts, what bridges are told, and the bell, with their expected fields.

use chinwag::chat::command::Bell;
use chinwag::chat::event::{CallEvent, CallReply, Event, ReceiptState, Reply, SettingReply};
use chinwag::chat::ids::LineId;
use serde_json::json;

use super::{Examine, Expected, Plain, World};

pub fn check(world: &World, which: usize, examine: Examine<'_>) {
    if which.is_multiple_of(2) {
        event(world, which / 2, examine);
    } else {
        reply(world, which / 2, examine);
    }
}

fn event(world: &World, which: usize, examine: Examine<'_>) {
    let (name, up_to) = (&world.name, LineId(world.number));
    let receipt = |state, word, verb| {
        (
            CallEvent::Receipt { name, up_to, state },
            "receipt",
            json!({"name": name.as_str(), "up_to": up_to.0, "state": word}),
            format!("* {name} has {verb} your messages."),
        )
    };
    let (event, kind, fields, line) = match which % 3 {
        0 => receipt(ReceiptState::Delivered, "delivered", "got"),
        1 => receipt(ReceiptState::Read, "read", "read"),
        _ => {
            let (count, notify) = (world.count, world.text.as_str());
            let noun = if count == 1 { "message" } else { "messages" };
            (
                CallEvent::Waiting {
                    name,
                    count,
                    notify,
                },
                "waiting",
                json!({"name": name.as_str(), "count": count, "notify": notify}),
                format!("* {count} {noun} for {name}, who is not here: {notify}"),
            )
        }
    };
    examine(
        Event::Call(event),
        Expected {
            kind,
            fields,
            plain: Plain::Exactly(line),
        },
    );
}

fn reply(world: &World, which: usize, examine: Examine<'_>) {
    let bells = [
        (Bell::Off, "off"),
        (Bell::Private, "private"),
        (Bell::Mention, "mention"),
        (Bell::All, "all"),
    ];
    let (reply, fields) = match which % 3 {
        0 => {
            let text = world.optional_text();
            let reply = CallReply::Notify { text };
            (Reply::Call(reply), json!({"notify": text}))
        }
        1 => {
            let reply = CallReply::Feed(world.flag);
            (Reply::Call(reply), json!({"feed": world.flag}))
        }
        _ => {
            let (bell, shown) = bells[world.size % bells.len()];
            let reply = SettingReply::Bell(bell);
            (Reply::Setting(reply), json!({"bell": shown}))
        }
    };
    examine(
        Event::Ok(reply),
        Expected {
            kind: "ok",
            fields,
            plain: Plain::Begins("* "),
        },
    );
}
