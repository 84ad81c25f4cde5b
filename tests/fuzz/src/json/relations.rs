//! What people are to each other: events, replies and refusals, with their expected fields.

use chinwag::chat::event::{
    Event, FriendNews, FriendState, FriendView, PeopleEvent, PeopleReply, PrivacyView,
};
use chinwag::chat::name::Name;
use chinwag::chat::refusal::{PeopleRefusal, Refusal};
use serde_json::{Value, json};

use super::{Examine, Expected, Plain, World, put};

pub fn check(world: &World, which: usize, examine: Examine<'_>) {
    match which % 3 {
        0 => event(world, which / 3, examine),
        1 => reply(world, which / 3, examine),
        _ => refusal(world, which / 3, examine),
    }
}

fn event(world: &World, which: usize, examine: Examine<'_>) {
    let name = &world.name;
    let (news, state) = match which % 5 {
        0 => (FriendNews::State(FriendState::Asked), "asked"),
        1 => (FriendNews::State(FriendState::Here), "here"),
        2 => (FriendNews::State(FriendState::Gone), "gone"),
        3 => (FriendNews::Mutual { here: true }, "here"),
        _ => (FriendNews::Mutual { here: false }, "gone"),
    };
    examine(
        Event::People(PeopleEvent::Friend { name, news }),
        Expected {
            kind: "friend",
            fields: json!({"name": name.as_str(), "state": state}),
            plain: Plain::Begins("* "),
        },
    );
}

fn reply(world: &World, which: usize, examine: Examine<'_>) {
    let (name, names) = (&world.name, &world.names);
    let (shown_name, text) = (name.as_str(), world.optional_text());
    let (here, mutual) = (world.flag, world.count.is_multiple_of(2));
    let friends = names.iter().map(|name| FriendView {
        name: *name,
        here,
        mutual,
    });
    let friends: Vec<FriendView> = friends.collect();
    let only_name = json!({"name": shown_name});
    let (reply, fields) = match which % 8 {
        0 => {
            let (since, seen) = (
                u64::from(world.count),
                here.then_some(u64::from(world.other_count)),
            );
            let mut fields = json!({"name": shown_name, "since": since});
            put(&mut fields, "text", text);
            if let Some(seen) = seen {
                fields["seen"] = seen.into();
            }
            let reply = PeopleReply::Profile {
                name,
                text,
                since,
                seen,
            };
            (reply, fields)
        }
        1 => {
            let mut fields = only_name;
            put(&mut fields, "text", text);
            (PeopleReply::ProfileSet { name, text }, fields)
        }
        2 => {
            let fields = json!({"name": shown_name, "mutual": mutual});
            (PeopleReply::Friend { name, mutual }, fields)
        }
        3 => {
            let shown = friends.iter();
            let shown = shown.map(
                |one| json!({"name": one.name.as_str(), "here": one.here, "mutual": one.mutual}),
            );
            let shown: Vec<Value> = shown.collect();
            let friends = &friends;
            (PeopleReply::Friends { friends }, json!({"friends": shown}))
        }
        4 => (PeopleReply::Unfriended { name }, only_name),
        5 if here => (PeopleReply::Blocking { name }, only_name),
        5 => (PeopleReply::NotBlocking { name }, only_name),
        6 => {
            let shown: Vec<&str> = names.iter().map(Name::as_str).collect();
            (PeopleReply::Blocked { names }, json!({"users": shown}))
        }
        _ => {
            let bit = |place: u32| world.count >> place & 1 == 1;
            let view = PrivacyView {
                hidden: bit(0),
                receipts: bit(1),
                seen: bit(2),
                strangers: bit(3),
                keep: bit(4),
            };
            let fields = json!({
                "hidden": bit(0), "receipts": bit(1), "seen": bit(2), "strangers": bit(3),
                "keep": bit(4)
            });
            (PeopleReply::Privacy(view), fields)
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
    let name = world.name;
    let (refusal, code) = match which % 5 {
        0 => (PeopleRefusal::Oneself, "bad_usage"),
        1 => (PeopleRefusal::Blocked { name }, "bad_usage"),
        2 => (PeopleRefusal::NotBlocked { name }, "bad_usage"),
        3 => {
            let friends_max = world.size;
            let refusal = PeopleRefusal::TooManyFriends { friends_max };
            (refusal, "too_many_friends")
        }
        _ => {
            let blocks_max = world.size;
            (PeopleRefusal::TooManyBlocked { blocks_max }, "bad_usage")
        }
    };
    examine(
        Event::Error(Refusal::People(refusal)),
        Expected {
            kind: "error",
            fields: json!({"code": code, "text": null}),
            plain: Plain::Begins("! "),
        },
    );
}
