//! What is written of what people are to each other, word by word: plain lines, and the object of JSON mode.

use chinwag::chat::event::{
    AccountReply, Event, FriendNews, FriendState, FriendView, LoggedIn, PeopleEvent, PeopleReply,
    PrivacyView,
};
use chinwag::chat::name::Name;
use chinwag::chat::refusal::{PeopleRefusal, Refusal};

use crate::people::{MORNING, check, name};

/// A terminal has 80 columns, and the last is left free.
const COLUMNS_MAX: usize = 79;

fn ok(reply: PeopleReply<'_>) -> Event<'_> {
    Event::Ok(reply.into())
}

fn news(name: &Name, news: FriendNews) -> Event<'_> {
    Event::People(PeopleEvent::Friend { name, news })
}

const ON: PrivacyView = PrivacyView {
    hidden: true,
    receipts: true,
    seen: true,
    strangers: true,
    keep: true,
};

#[test]
fn friends_are_asked_told_and_listed() {
    let bob = &name("bob");
    let mutual = false;
    check(
        &ok(PeopleReply::Friend { name: bob, mutual }),
        &["* You asked bob; once bob asks you, each sees when the other comes."],
        r#"{"type":"ok","name":"bob","mutual":false}"#,
    );
    let mutual = true;
    check(
        &ok(PeopleReply::Friend { name: bob, mutual }),
        &["* bob and you are friends."],
        r#"{"type":"ok","name":"bob","mutual":true}"#,
    );
    check(
        &ok(PeopleReply::Unfriended { name: bob }),
        &["* bob and you are no friends."],
        r#"{"type":"ok","name":"bob"}"#,
    );
    let view = |text, here, mutual| FriendView {
        name: name(text),
        here,
        mutual,
    };
    let friends = [
        view("bob", true, true),
        view("carol", false, true),
        view("dave", false, false),
    ];
    check(
        &ok(PeopleReply::Friends { friends: &friends }),
        &[
            "* 3 friends:",
            "*   bob, here",
            "*   carol, not here",
            "*   dave, not here, asked",
        ],
        r#"{"type":"ok","friends":[{"name":"bob","here":true,"mutual":true},{"name":"carol","here":false,"mutual":true},{"name":"dave","here":false,"mutual":false}]}"#,
    );
    check(
        &ok(PeopleReply::Friends { friends: &[] }),
        &["* You have no friends; /friend NAME asks one."],
        r#"{"type":"ok","friends":[]}"#,
    );
    for (new, line, state) in [
        (
            FriendNews::State(FriendState::Asked),
            "* bob asks to be friends: /friend bob",
            "asked",
        ),
        (
            FriendNews::State(FriendState::Here),
            "* Your friend bob is here.",
            "here",
        ),
        (
            FriendNews::State(FriendState::Gone),
            "* Your friend bob is gone.",
            "gone",
        ),
        (
            FriendNews::Mutual { here: true },
            "* bob, who is here, and you are friends.",
            "here",
        ),
        (
            FriendNews::Mutual { here: false },
            "* bob and you are friends.",
            "gone",
        ),
    ] {
        let json = format!(r#"{{"type":"friend","name":"bob","state":"{state}"}}"#);
        check(&news(bob, new), &[line], &json);
    }
}

#[test]
fn blocks_are_made_undone_and_listed() {
    let mallory = &name("mallory");
    check(
        &ok(PeopleReply::Blocking { name: mallory }),
        &["* You block mallory, now and later."],
        r#"{"type":"ok","name":"mallory"}"#,
    );
    check(
        &ok(PeopleReply::NotBlocking { name: mallory }),
        &["* You block mallory no longer."],
        r#"{"type":"ok","name":"mallory"}"#,
    );
    check(
        &ok(PeopleReply::Blocked {
            names: &[*mallory, name("trudy")],
        }),
        &["* You block mallory, trudy."],
        r#"{"type":"ok","users":["mallory","trudy"]}"#,
    );
    check(
        &ok(PeopleReply::Blocked { names: &[] }),
        &["* You block nobody."],
        r#"{"type":"ok","users":[]}"#,
    );
}

#[test]
fn privacy_has_one_line_for_each_setting() {
    check(
        &ok(PeopleReply::Privacy(ON)),
        &[
            "* hidden    on  only friends, and who shares a room with you, see you",
            "* receipts  on  you and others who want that see what was read",
            "* seen      on  /profile shows when you were here last",
            "* strangers on  guests may leave messages that wait for you",
            "* keep      on  your private conversations with accounts are kept",
        ],
        r#"{"type":"ok","hidden":true,"receipts":true,"seen":true,"strangers":true,"keep":true}"#,
    );
    check(
        &ok(PeopleReply::Privacy(PrivacyView::default())),
        &[
            "* hidden    off everybody sees that you are here",
            "* receipts  off you neither give nor get receipts",
            "* seen      off /profile does not show when you were here last",
            "* strangers off only accounts may leave messages that wait for you",
            "* keep      off your private conversations are not kept",
        ],
        r#"{"type":"ok","hidden":false,"receipts":false,"seen":false,"strangers":false,"keep":false}"#,
    );
}

#[test]
fn profile_is_shown_and_set() {
    let alice = &name("alice");
    let profile = |text, seen| PeopleReply::Profile {
        name: alice,
        text,
        since: MORNING,
        seen,
    };
    check(
        &ok(profile(Some("on call this week"), Some(MORNING))),
        &[
            "* alice: on call this week",
            "* alice is an account since 2026-11-27, last seen on 2026-11-27.",
        ],
        r#"{"type":"ok","name":"alice","text":"on call this week","since":1795767120000,"seen":1795767120000}"#,
    );
    check(
        &ok(profile(None, None)),
        &["* alice is an account since 2026-11-27."],
        r#"{"type":"ok","name":"alice","since":1795767120000}"#,
    );
    let set = |text| PeopleReply::ProfileSet { name: alice, text };
    check(
        &ok(set(Some("on call"))),
        &["* Your profile: on call"],
        r#"{"type":"ok","name":"alice","text":"on call"}"#,
    );
    check(
        &ok(set(None)),
        &["* Your profile is empty."],
        r#"{"type":"ok","name":"alice"}"#,
    );
}

#[test]
fn hidden_one_is_told_at_login_why_they_are_in_no_room() {
    let logged_in = LoggedIn {
        name: &name("alice"),
        is_hidden: true,
        connections: 1,
        entered: None,
        missed: &[],
        waiting: 0,
    };
    check(
        &Event::Ok(AccountReply::LoggedIn(logged_in).into()),
        &[
            "* You are alice.",
            "* You are in no room, because you are hidden; /join shows you to who is in it.",
        ],
        r#"{"type":"ok","name":"alice","connections":1,"room":null,"missed":[],"waiting":0}"#,
    );
}

#[test]
fn refusal_says_what_to_do() {
    let bob = name("bob");
    for (refusal, line, code) in [
        (PeopleRefusal::Oneself, "That is you.", "bad_usage"),
        (
            PeopleRefusal::Blocked { name: bob },
            "You block bob. /unblock bob first.",
            "bad_usage",
        ),
        (
            PeopleRefusal::NotBlocked { name: bob },
            "You do not block bob.",
            "bad_usage",
        ),
        (
            PeopleRefusal::TooManyFriends { friends_max: 100 },
            "You have asked 100, the most there may be. /unfriend one first.",
            "too_many_friends",
        ),
        (
            PeopleRefusal::TooManyBlocked { blocks_max: 1000 },
            "You block 1000 accounts, the most there may be. /unblock one first.",
            "bad_usage",
        ),
    ] {
        let json = format!(r#"{{"type":"error","code":"{code}","text":"{line}"}}"#);
        let plain = format!("! {line}");
        check(&Event::Error(Refusal::People(refusal)), &[&plain], &json);
    }
}

/// The server's own lines, with the longest names.
#[test]
fn line_about_people_fits_with_the_longest_names() {
    let long = &name(&"x".repeat(24));
    let (here, mutual) = (false, false);
    let friends = [FriendView {
        name: *long,
        here,
        mutual,
    }];
    let names = [*long; 9];
    let profile = PeopleReply::Profile {
        name: long,
        text: None,
        since: MORNING,
        seen: Some(MORNING),
    };
    let events = [
        ok(profile),
        ok(PeopleReply::Friend { name: long, mutual }),
        ok(PeopleReply::Friends { friends: &friends }),
        ok(PeopleReply::Unfriended { name: long }),
        ok(PeopleReply::Blocking { name: long }),
        ok(PeopleReply::NotBlocking { name: long }),
        ok(PeopleReply::Blocked { names: &names }),
        ok(PeopleReply::Privacy(ON)),
        ok(PeopleReply::Privacy(PrivacyView::default())),
        news(long, FriendNews::State(FriendState::Asked)),
        news(long, FriendNews::Mutual { here: true }),
        Event::Error(Refusal::People(PeopleRefusal::Blocked { name: *long })),
    ];
    for event in events {
        let lines = crate::people::encoded(&event, chinwag::chat::command::Mode::Plain);
        for line in lines.lines() {
            assert!(line.len() <= COLUMNS_MAX, "{line}");
        }
    }
}
