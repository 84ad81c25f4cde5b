//! What is written of order in rooms, word by word: plain lines, and the object of JSON mode.

use std::time::Duration;

use chinwag::chat::event::{Done, Event, ModerationEvent, ModerationReply};
use chinwag::chat::ids::LineId;
use chinwag::chat::order::{Act, Limit, Limited, Lock, Locks};
use chinwag::chat::refusal::ModerationRefusal;

use crate::people::{MORNING, check, name, room};

fn news(event: ModerationEvent<'_>) -> Event<'_> {
    Event::Moderation(event)
}

fn ok(reply: ModerationReply<'_>) -> Event<'_> {
    Event::Ok(reply.into())
}

#[test]
fn what_was_done_to_a_user_is_told_to_the_room_and_to_them() {
    let (alice, bob, dev) = (&name("alice"), &name("bob"), &room("dev"));
    let done = |act, until, why| Done {
        act,
        room: dev,
        name: bob,
        from: alice,
        until,
        why,
    };
    check(
        &news(ModerationEvent::Done(done(
            Act::Kick,
            None,
            Some("Stop it."),
        ))),
        &["* bob was removed from dev by alice: Stop it."],
        r#"{"type":"rule","what":"kick","room":"dev","name":"bob","from":"alice","text":"Stop it."}"#,
    );
    let kick = done(Act::Kick, None, Some("spam"));
    check(
        &news(ModerationEvent::Done(kick)),
        &["* bob was removed from dev by alice: spam."],
        r#"{"type":"rule","what":"kick","room":"dev","name":"bob","from":"alice","text":"spam"}"#,
    );
    let lobby = room("lobby");
    check(
        &news(ModerationEvent::DoneToYou {
            done: kick,
            moved: Some(Some(&lobby)),
        }),
        &[
            "! You were removed from dev by alice: spam.",
            "! You may come back: /join dev",
            "! You are in lobby now.",
        ],
        r#"{"type":"rule","what":"kick","room":"dev","name":"bob","from":"alice","text":"spam","current":"lobby"}"#,
    );
    let bar = done(Act::Bar, Some(MORNING), None);
    check(
        &news(ModerationEvent::DoneToYou {
            done: bar,
            moved: Some(None),
        }),
        &[
            "! You were barred from dev by alice until 09:12.",
            "! You can ask: @alice:TEXT",
            "! You are in no room now; /join ROOM enters one.",
        ],
        r#"{"type":"rule","what":"bar","room":"dev","name":"bob","from":"alice","until":1795767120000,"current":null}"#,
    );
    for (act, until, line) in [
        (Act::Kick, None, "bob was removed from dev by alice."),
        (Act::Mute, None, "bob was muted in dev by alice."),
        (
            Act::Mute,
            Some(MORNING),
            "bob was muted in dev by alice until 09:12.",
        ),
        (Act::Unmute, None, "bob was unmuted in dev by alice."),
        (Act::Bar, None, "bob was barred from dev by alice."),
        (Act::Unbar, None, "bob was let in again to dev by alice."),
        (Act::Op, None, "bob was made an operator of dev by alice."),
        (
            Act::Deop,
            None,
            "bob was removed as an operator of dev by alice.",
        ),
    ] {
        let until_field = until.map_or("", |_| r#","until":1795767120000"#);
        let json = format!(
            r#"{{"type":"rule","what":"{}","room":"dev","name":"bob","from":"alice"{until_field}}}"#,
            act.word()
        );
        let event = news(ModerationEvent::Done(done(act, until, None)));
        check(&event, &[&format!("* {line}")], &json);
    }
}

#[test]
fn operator_is_answered_in_these_words() {
    let (bob, dev) = (&name("bob"), &room("dev"));
    for (act, until, line) in [
        (Act::Kick, None, "* bob was removed from dev."),
        (
            Act::Mute,
            Some(MORNING),
            "* bob is muted in dev until 09:12.",
        ),
        (Act::Unmute, None, "* bob may speak in dev again."),
        (Act::Bar, None, "* bob is barred from dev."),
        (Act::Unbar, None, "* bob may come into dev again."),
        (Act::Op, None, "* bob is an operator of dev."),
        (Act::Deop, None, "* bob is an operator of dev no longer."),
    ] {
        let until_field = until.map_or("", |_| r#","until":1795767120000"#);
        let json = format!(r#"{{"type":"ok","room":"dev","name":"bob"{until_field}}}"#);
        let (room, name) = (dev, bob);
        let reply = ModerationReply::Done {
            act,
            room,
            name,
            until,
        };
        check(&ok(reply), &[line], &json);
    }
    let id = LineId(1042);
    check(
        &ok(ModerationReply::Removed { room: dev, id }),
        &["* Line 1042 of dev is erased."],
        r#"{"type":"ok","room":"dev","id":1042}"#,
    );
    let from = bob;
    check(
        &news(ModerationEvent::Removed {
            room: dev,
            from,
            id,
        }),
        &["* bob has erased a line of dev."],
        r#"{"type":"forgotten","room":"dev","by":"bob","ids":[1042]}"#,
    );
}

#[test]
fn locks_are_shown_and_told_in_these_words() {
    let (alice, dev) = (&name("alice"), &room("dev"));
    let none = Locks::default();
    let two = none.with(Lock::Topic, true).with(Lock::In, true);
    let shown = |locks, set| {
        ok(ModerationReply::Locks {
            room: dev,
            locks,
            set,
        })
    };
    check(
        &shown(none, None),
        &["* Nothing is locked in dev."],
        r#"{"type":"ok","room":"dev","rules":[]}"#,
    );
    check(
        &shown(two, None),
        &[
            "* In dev, only operators set the topic.",
            "* In dev, only operators come in.",
        ],
        r#"{"type":"ok","room":"dev","rules":["topic","in"]}"#,
    );
    for (lock, words) in [
        (Lock::Topic, "only operators set the topic"),
        (Lock::In, "only operators come in"),
        (Lock::Talk, "all may speak"),
    ] {
        check(
            &shown(two, Some(lock)),
            &[&format!("* In dev, {words}.")],
            r#"{"type":"ok","room":"dev","rules":["topic","in"]}"#,
        );
        let locked = ModerationEvent::Locked {
            room: dev,
            from: alice,
            lock,
            locks: two,
        };
        check(
            &news(locked),
            &[&format!("* In dev, {words} from now on, says alice.")],
            r#"{"type":"rule","what":"lock","room":"dev","from":"alice","rules":["topic","in"]}"#,
        );
    }
}

#[test]
fn who_may_not_is_told_for_how_long_why_and_whom_to_ask() {
    let limited = |limit, left: Option<u64>, why, ask| Limited {
        limit,
        room: room("dev"),
        left: left.map(Duration::from_secs),
        why,
        ask,
    };
    let alice = Some(name("alice"));
    for (limited, code, line, fields) in [
        (
            limited(Limit::Barred, Some(7200), Some("spam"), alice),
            "barred",
            "You are barred from dev for 2 h more: spam. You can ask alice.",
            r#""room":"dev","wait_ms":7200000,"ask":"alice","why":"spam""#,
        ),
        (
            limited(Limit::Muted, None, None, None),
            "muted",
            "You are muted in dev. An operator of the server can change that.",
            r#""room":"dev""#,
        ),
        (
            limited(Limit::Locked(Lock::Topic), None, None, alice),
            "locked",
            "Only operators set the topic of dev. You can ask alice.",
            r#""room":"dev","ask":"alice""#,
        ),
        (
            limited(Limit::Locked(Lock::Talk), None, None, alice),
            "locked",
            "Only operators speak in dev. You can ask alice.",
            r#""room":"dev","ask":"alice""#,
        ),
        (
            limited(Limit::Locked(Lock::In), None, None, alice),
            "locked",
            "Only operators come into dev. You can ask alice.",
            r#""room":"dev","ask":"alice""#,
        ),
    ] {
        check(
            &Event::Error(ModerationRefusal::Limited(limited).into()),
            &[&format!("! {line}")],
            &format!(r#"{{"type":"error","code":"{code}","text":"{line}",{fields}}}"#),
        );
    }
    // To one who comes in it is no error, but for one who loses the room.
    check(
        &news(ModerationEvent::Limited(limited(
            Limit::Muted,
            Some(60),
            Some("spam."),
            alice,
        ))),
        &["* You are muted in dev for 1 min more: spam. You can ask alice."],
        r#"{"type":"rule","what":"mute","room":"dev","wait_ms":60000,"ask":"alice","text":"spam."}"#,
    );
    check(
        &news(ModerationEvent::Limited(limited(
            Limit::Locked(Lock::Talk),
            None,
            None,
            alice,
        ))),
        &["* Only operators speak in dev. You can ask alice."],
        r#"{"type":"rule","what":"lock","room":"dev","rules":["talk"],"ask":"alice"}"#,
    );
    check(
        &news(ModerationEvent::Limited(limited(
            Limit::Barred,
            None,
            None,
            alice,
        ))),
        &["! You are barred from dev. You can ask alice."],
        r#"{"type":"rule","what":"bar","room":"dev","ask":"alice"}"#,
    );
}

#[test]
#[expect(clippy::too_many_lines, reason = "one line for each refusal")]
fn operator_is_refused_in_these_words() {
    let (alice, dev) = (name("alice"), room("dev"));
    for (refusal, code, line) in [
        (
            ModerationRefusal::NotOperator { room: Some(dev) },
            "not_operator",
            "Only dev's owner and its operators may; /op makes one.",
        ),
        (
            ModerationRefusal::NotOperator { room: None },
            "not_operator",
            "Only operators of the server may do that. /help op says how one becomes one.",
        ),
        (
            ModerationRefusal::NoOperators { room: dev },
            "not_operator",
            "dev is not kept, so nobody here may. An account that keeps it may: /keep",
        ),
        (
            ModerationRefusal::NotKeptHere { room: dev },
            "not_kept_here",
            "dev is not kept. /keep changes that.",
        ),
        (
            ModerationRefusal::Protected {
                name: alice,
                owns: Some(dev),
            },
            "not_operator",
            "alice owns dev. Nothing was done.",
        ),
        (
            ModerationRefusal::Protected {
                name: alice,
                owns: None,
            },
            "not_operator",
            "alice is an operator of the server. Nothing was done.",
        ),
        (
            ModerationRefusal::Oneself,
            "bad_usage",
            "That is you. Nothing was done.",
        ),
        (
            ModerationRefusal::NotThere {
                given: "zoe",
                room: dev,
            },
            "no_such_user",
            "There is no zoe. /names dev lists who is there.",
        ),
        (
            ModerationRefusal::NotAnAccount { given: "zoe" },
            "no_such_user",
            "zoe is no account, and only these can be operators.",
        ),
        (
            ModerationRefusal::NoRule {
                act: Act::Unmute,
                given: "zoe",
                room: dev,
            },
            "bad_usage",
            "zoe is not muted in dev.",
        ),
        (
            ModerationRefusal::NoRule {
                act: Act::Unbar,
                given: "zoe",
                room: dev,
            },
            "bad_usage",
            "zoe is not barred from dev.",
        ),
        (
            ModerationRefusal::NoRule {
                act: Act::Deop,
                given: "zoe",
                room: dev,
            },
            "bad_usage",
            "zoe was not made an operator of dev.",
        ),
        (
            ModerationRefusal::NoSuchLine { room: dev },
            "no_such_line",
            "dev has no such line. In JSON mode, /history shows their numbers.",
        ),
        (
            ModerationRefusal::NotKept { is_late: true },
            "not_kept",
            "That holds, but the disk is slow: it may end when the server restarts.",
        ),
    ] {
        let json = format!(r#"{{"type":"error","code":"{code}","text":"{line}"}}"#);
        check(
            &Event::Error(refusal.into()),
            &[&format!("! {line}")],
            &json,
        );
    }
}
