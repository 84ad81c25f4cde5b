//! What is written of accounts and history, word by word: plain lines, and the object of JSON mode.

use chinwag::chat::archive::{COUNTED_MAX, LineKind, Token};
use chinwag::chat::command::Mode;
use chinwag::chat::event::{
    AccountReply, Event, HistoryReply, KeptView, LoggedIn, Missed, Need, Notice, PageOf, PageView,
    PlaceView, PrivacyView, Reply, RoomView, SaidReply,
};
use chinwag::chat::ids::LineId;
use chinwag::chat::name::{Name, RoomName};
use chinwag::chat::refusal::{AccountRefusal, HistoryRefusal, Refusal};
use chinwag::wire::wall_time::WallTime;
use chinwag::wire::{self, Style, plain};
use std::time::Duration;

/// 2026-11-27, 12:00 in a zone an hour ahead of UTC.
const NOW: WallTime = WallTime {
    unix_ms: 1_795_777_200_000,
    utc_offset_s: 3600,
};

/// That day, 09:12.
pub const MORNING: u64 = 1_795_767_120_000;

/// The day before, 23:59.
const YESTERDAY: u64 = 1_795_733_940_000;

pub fn encoded(event: &Event<'_>, mode: Mode) -> String {
    let style = Style {
        mode,
        times: true, // which is for what is said now
        ..Style::default()
    };
    let mut out = Vec::new();
    wire::encode(&mut out, event, style, NOW);
    String::from_utf8(out).unwrap()
}

/// Checks the lines of an event in plain mode, and its object without its `time`, if that is now.
#[track_caller]
pub fn check(event: &Event<'_>, plain: &[&str], json: &str) {
    let lines = encoded(event, Mode::Plain);
    assert_eq!(lines.lines().collect::<Vec<_>>(), plain);
    let object = encoded(event, Mode::Json).replace("\"time\":1795777200000,", "");
    assert_eq!(object.trim_end(), json);
}

pub fn name(name: &str) -> Name {
    Name::parse(name).unwrap()
}

pub fn room(name: &str) -> RoomName {
    RoomName::parse(name).unwrap()
}

fn missed(name: &str, count: u64, since: u64) -> Missed {
    let room = room(name);
    Missed { room, count, since }
}

#[test]
fn login_tells_where_one_is_and_what_one_missed() {
    let (alice, bob, lobby) = (&name("alice"), &name("bob"), &room("lobby"));
    let all = [
        missed("lobby", 34, MORNING),
        missed("20", 1, YESTERDAY),
        missed("since", COUNTED_MAX, MORNING),
    ];
    let names = [*bob];
    let view = RoomView {
        room: lobby,
        topic: Some("tea"),
        others: 1,
        names: &names,
        kept: Some(KeptView {
            days: 30,
            owner: Some(bob),
        }),
        missed: Some(all[0]),
    };
    let logged_in = LoggedIn {
        name: alice,
        is_hidden: false,
        connections: 2,
        entered: Some(view),
        missed: &all,
        waiting: 2,
    };
    check(
        &Event::Ok(AccountReply::LoggedIn(logged_in).into()),
        &[
            "* You are alice, on 2 connections.",
            "* You are in lobby with 1 other: bob.",
            "* The topic of lobby is: tea",
            "* Lines in lobby are kept for 30 days; bob can change that. The operator can",
            "*   read them, too.",
            "* You missed 34 lines in lobby since 09:12; /history shows them.",
            "* You missed 1 line in 20 since 2026-11-26 23:59; /history #20 shows it.",
            "* You missed 1000+ lines in since since 09:12; /history #since shows them.",
            "* 2 private messages waited for you:",
        ],
        r#"{"type":"ok","name":"alice","connections":2,"room":"lobby","topic":"tea","others":1,"users":["bob"],"kept":{"days":30,"owner":"bob"},"missed":[{"room":"lobby","count":34,"since":1795767120000},{"room":"20","count":1,"since":1795733940000},{"room":"since","count":1000,"since":1795767120000}],"waiting":2}"#,
    );
    let logged_in = LoggedIn {
        connections: 1,
        entered: None,
        missed: &[],
        waiting: 0,
        ..logged_in
    };
    check(
        &Event::Ok(AccountReply::LoggedIn(logged_in).into()),
        &[
            "* You are alice.",
            "* You are in no room; /join ROOM enters one.",
        ],
        r#"{"type":"ok","name":"alice","connections":1,"room":null,"missed":[],"waiting":0}"#,
    );
}

#[test]
fn account_is_made_and_asked_for_in_these_words() {
    let alice = &name("alice");
    let reply = |reply| Event::Ok(Reply::Account(reply));
    for (event, plain, json) in [
        (
            reply(AccountReply::Needs(Need::NewPassword(alice))),
            "* Choose a password for alice and type it; an empty line cancels.",
            r#"{"type":"ok","needs":"new_password"}"#,
        ),
        (
            reply(AccountReply::Needs(Need::Password(alice))),
            "* Password for alice?",
            r#"{"type":"ok","needs":"password"}"#,
        ),
        (
            reply(AccountReply::Made { name: alice }),
            "* alice is yours now. /login alice takes it from anywhere.",
            r#"{"type":"ok","name":"alice"}"#,
        ),
        (
            reply(AccountReply::Account {
                name: alice,
                since: MORNING,
                tokens: 2,
                connections: 1,
                settings: PrivacyView {
                    keep: true,
                    ..PrivacyView::default()
                },
            }),
            "* alice is an account since 2026-11-27; 2 tokens.",
            r#"{"type":"ok","name":"alice","since":1795767120000,"tokens":2,"connections":1,"settings":{"hidden":false,"receipts":false,"seen":false,"strangers":false,"keep":true}}"#,
        ),
        (
            reply(AccountReply::LoggedOut),
            "* You are a guest now; pick a name: #NAME.",
            r#"{"type":"ok","text":"You are a guest now; pick a name: #NAME."}"#,
        ),
        (
            Event::Notice(Notice::Cancelled),
            "* Cancelled: nothing was done.",
            r#"{"type":"notice","text":"Cancelled: nothing was done.","code":"cancelled"}"#,
        ),
        (
            Event::Error(Refusal::Account(AccountRefusal::SlowDown {
                wait: Duration::from_millis(11_200),
            })),
            "! That was tried too often. Try again in 12 s.",
            r#"{"type":"error","code":"slow_down","text":"That was tried too often. Try again in 12 s.","wait_ms":11200}"#,
        ),
    ] {
        check(&event, &[plain], json);
    }
    let owned = AccountRefusal::NameOwned {
        given: *alice,
        owner: Some(*alice),
    };
    check(
        &Event::Error(owned.into()),
        &[
            "! alice is an account. If it is yours, /login alice; if not, choose another",
            "!   name.",
        ],
        r#"{"type":"error","code":"name_owned","text":"alice is an account. If it is yours, /login alice; if not, choose another name."}"#,
    );
}

#[test]
fn token_is_shown_once_and_listed_without_it() {
    let label = room("bot");
    check(
        &Event::Ok(
            AccountReply::TokenMade {
                label: &label,
                token: "cw_x",
            }
            .into(),
        ),
        &["* Keep this, it is shown once: cw_x"],
        r#"{"type":"ok","label":"bot","token":"cw_x"}"#,
    );
    let token = |used| Token {
        label,
        made: YESTERDAY,
        used,
    };
    let tokens = [token(None), token(Some(MORNING))];
    check(
        &Event::Ok(AccountReply::Tokens { tokens: &tokens }.into()),
        &[
            "* 2 tokens:",
            "*   bot, made 2026-11-26, never used",
            "*   bot, made 2026-11-26, last used 2026-11-27",
        ],
        r#"{"type":"ok","tokens":[{"label":"bot","made":1795733940000},{"label":"bot","made":1795733940000,"used":1795767120000}]}"#,
    );
}

#[test]
fn line_said_before_begins_as_none_does_that_is_said_now() {
    let (alice, bob, dev) = (&name("alice"), &name("bob"), &room("dev"));
    let (id, in_dev) = (LineId(7), PlaceView::Room(dev));
    let (message, action) = (LineKind::Message, LineKind::Action);
    let history = |place, from, kind, at| Event::History {
        id,
        place,
        from,
        kind,
        at,
        text: "hi",
    };
    check(
        &history(in_dev, bob, message, MORNING),
        &["* 09:12 bob: hi"],
        r#"{"type":"history","time":1795767120000,"id":7,"kind":"message","room":"dev","from":"bob","text":"hi"}"#,
    );
    check(
        &history(PlaceView::With(bob), alice, action, YESTERDAY),
        &["* 2026-11-26 23:59 ** alice hi"],
        r#"{"type":"history","time":1795733940000,"id":7,"kind":"action","with":"bob","from":"alice","text":"hi"}"#,
    );
    let found = |place, from| Event::Found {
        id,
        place,
        from,
        kind: message,
        at: MORNING,
        text: "hi",
    };
    for (place, from, plain) in [
        (in_dev, bob, "* 09:12 [dev] bob: hi"),
        (PlaceView::With(bob), bob, "* 09:12 @bob: hi"),
        (PlaceView::With(bob), alice, "* 09:12 @alice -> bob: hi"),
    ] {
        assert_eq!(encoded(&found(place, from), Mode::Plain).trim_end(), plain);
    }
    let exported = Event::Exported {
        id,
        place: in_dev,
        from: bob,
        kind: message,
        at: MORNING,
        text: "hi",
    };
    let in_json = encoded(&history(in_dev, bob, message, MORNING), Mode::Json);
    for mode in [Mode::Plain, Mode::Json] {
        assert_eq!(encoded(&exported, mode), in_json);
    }
    let late = Event::Late {
        id,
        from: bob,
        to: alice,
        at: MORNING,
        text: "hi",
    };
    check(
        &late,
        &["* 09:12 @bob: hi"],
        r#"{"type":"private","time":1795767120000,"from":"bob","to":["alice"],"text":"hi","id":7,"late":true}"#,
    );
}

#[test]
fn page_says_what_it_shows_and_whether_there_is_more() {
    let (lobby, bob) = (&room("lobby"), &name("bob"));
    let page = |of, lines| {
        let id = (lines > 0).then_some(LineId(7));
        Event::Ok(
            HistoryReply::Page(PageView {
                of,
                lines,
                first: id,
                last: id,
                up_to: LineId(9),
                end: lines == 0,
                is_forward: false,
            })
            .into(),
        )
    };
    check(
        &page(PageOf::Place(PlaceView::Room(lobby)), 50),
        &["* 50 lines of lobby, server time:"],
        r#"{"type":"ok","room":"lobby","lines":50,"first":7,"last":7,"up_to":9,"end":false}"#,
    );
    check(
        &page(PageOf::Place(PlaceView::With(bob)), 0),
        &["* No lines with bob."],
        r#"{"type":"ok","with":"bob","lines":0,"up_to":9,"end":true}"#,
    );
    check(
        &page(PageOf::Search("tea"), 1),
        &["* 1 line with tea, server time:"],
        r#"{"type":"ok","words":"tea","lines":1,"first":7,"last":7,"up_to":9,"end":false}"#,
    );
    check(
        &page(PageOf::Own, 2),
        &["* 2 lines of your own:"],
        r#"{"type":"ok","lines":2,"first":7,"last":7,"up_to":9,"end":false}"#,
    );
    for (is_forward, line) in [
        (false, "* /more shows earlier ones.\n"),
        (true, "* /more shows later ones.\n"),
    ] {
        let end = Event::Notice(Notice::PageEnd { is_forward });
        assert_eq!(encoded(&end, Mode::Plain), line);
    }
}

#[test]
fn marks_and_forgetting_are_told_in_these_words() {
    let (alice, bob, dev) = (&name("alice"), &name("bob"), &room("dev"));
    let (in_dev, with_bob) = (PlaceView::Room(dev), PlaceView::With(bob));
    let places = [(in_dev, 34), (with_bob, COUNTED_MAX)];
    check(
        &Event::Ok(HistoryReply::Unread { places: &places }.into()),
        &["* dev 34, @bob 1000+."],
        r#"{"type":"ok","places":[{"room":"dev","count":34},{"with":"bob","count":1000}]}"#,
    );
    let up_to = LineId(9);
    check(
        &Event::Ok(
            HistoryReply::Read {
                place: with_bob,
                up_to,
            }
            .into(),
        ),
        &["* @bob is marked as read."],
        r#"{"type":"ok","with":"bob","up_to":9}"#,
    );
    check(
        &Event::Ok(HistoryReply::Forgotten { count: 3 }.into()),
        &[
            "* 3 lines are forgotten. Who read them has read them.",
            "* Copies that others made, and backups, stay.",
        ],
        r#"{"type":"ok","count":3}"#,
    );
    let forgotten = |place, from, ids| Event::Forgotten { place, from, ids };
    check(
        &forgotten(in_dev, bob, &[LineId(7), LineId(8)]),
        &["* bob has forgotten 2 lines in dev."],
        r#"{"type":"forgotten","room":"dev","from":"bob","ids":[7,8]}"#,
    );
    check(
        &forgotten(with_bob, bob, &[]),
        &["* bob has forgotten all lines to you."],
        r#"{"type":"forgotten","with":"bob","from":"bob"}"#,
    );
    let own = encoded(&forgotten(with_bob, alice, &[LineId(7)]), Mode::Plain);
    assert_eq!(own, "* alice has forgotten 1 line to bob.\n");
}

#[test]
fn keeping_is_told_to_who_asked_and_to_all_there() {
    let (alice, dev) = (&name("alice"), &room("dev"));
    let kept = |owner| {
        let (room, days) = (dev, 30);
        Event::Ok(HistoryReply::Kept { room, days, owner }.into())
    };
    check(
        &kept(Some(alice)),
        &["* dev is kept for 30 days and is yours."],
        r#"{"type":"ok","room":"dev","days":30,"owner":"alice"}"#,
    );
    let (room, from) = (dev, alice);
    check(
        &Event::Kept {
            room,
            from,
            days: Some(1),
        },
        &[
            "* alice has lines in dev kept for 1 day from now on. The operator can read",
            "*   them, too.",
        ],
        r#"{"type":"rule","room":"dev","from":"alice","days":1}"#,
    );
    check(
        &Event::Kept {
            room,
            from,
            days: None,
        },
        &["* alice has lines in dev kept no longer; those that were are erased."],
        r#"{"type":"rule","room":"dev","from":"alice"}"#,
    );
    let refused = HistoryRefusal::TooManyDays { days_max: 30 };
    let line = encoded(&Event::Error(refused.into()), Mode::Plain);
    assert_eq!(line, "! Lines are kept for 30 days at most. /keep 30\n");
}

#[test]
fn sender_is_told_of_what_waits_and_of_nothing_else() {
    let names = ["bob", "carol"].map(name);
    let said = |id: Option<u64>, waiting| {
        let id = id.map(LineId);
        Event::Ok(Reply::Said(SaidReply { id, waiting }))
    };
    check(
        &said(Some(7), &names[..1]),
        &["* bob is not here; it waits."],
        r#"{"type":"ok","id":7,"waiting":["bob"]}"#,
    );
    check(
        &said(Some(7), &names),
        &["* bob, carol are not here; it waits."],
        r#"{"type":"ok","id":7,"waiting":["bob","carol"]}"#,
    );
    let kept = said(Some(7), &[]);
    check(&kept, &[], r#"{"type":"ok","id":7}"#);
    assert!(plain::is_silent(&kept) && !plain::is_silent(&said(None, &names)));
    for (count, is_late, line) in [
        (1, false, "! Your last line was sent, but it is not kept.\n"),
        (
            3,
            true,
            "! 3 lines of yours were sent; the disk is slow, they may be kept yet.\n",
        ),
    ] {
        let notice = Event::Notice(Notice::NotKept { count, is_late });
        assert_eq!(encoded(&notice, Mode::Plain), line);
    }
}

#[test]
fn line_that_is_kept_has_its_id() {
    let (bob, dev) = (&name("bob"), &room("dev"));
    let id = Some(LineId::MAX);
    let message = Event::Message {
        room: dev,
        from: bob,
        text: "hi",
        id,
    };
    let line = encoded(&message, Mode::Json);
    assert!(
        line.ends_with("\"text\":\"hi\",\"id\":9007199254740991}\n"),
        "{line}"
    );
}
