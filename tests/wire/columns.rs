//! Nothing that the server says of itself passes 79 columns, whatever names, numbers and quoted words are
//! in it. Lines with a text of a user's, or of the operator's, are as long as that.

mod moderation;
mod operators;
mod people;

use std::collections::BTreeSet;
use std::time::Duration;

use chinwag::chat::close_reason::CloseReason;
use chinwag::chat::command::{Bell, HelpTopic, Mode, RECIPIENTS_MAX};
use chinwag::chat::event::{
    Event, MembershipReply, Notice, QueryReply, Reply, RoomSummary, RoomView, SessionReply,
    SettingReply, Whois,
};
use chinwag::chat::ids::Peer;
use chinwag::chat::name::{NAME_BYTES_MAX, Name, NameError, ROOM_NAME_BYTES_MAX, RoomName};
use chinwag::chat::refusal::{
    LineRefusal, MembershipRefusal, MessageRefusal, QueryRefusal, Refusal, SessionRefusal,
    SettingRefusal,
};
use chinwag::chat::rights::Rights;
use chinwag::chat::stats::{Counts, ServerStats};
use chinwag::chat::{ENTRY_NAMES_MAX, IGNORED_MAX, NAMES_PAGE};
use chinwag::wire::command_table::COMMANDS;
use chinwag::wire::{self, Style};

use crate::support::WALL_TIME;

const COLUMNS_MAX: usize = 79;

/// Kinds of events, replies, notices and refusals: see `kind_of`. Those of accounts and history follow.
const KINDS: usize = 69;

const SERVER_NAME: &str = "chat.some-department.of-a-large-company.example";

fn lines_of(event: &Event<'_>) -> Vec<String> {
    let mut out = Vec::new();
    let count = wire::encode(&mut out, event, Style::default(), WALL_TIME);
    let text = String::from_utf8(out).unwrap();
    let lines: Vec<String> = text.lines().map(str::to_owned).collect();
    assert_eq!(count, lines.len() as u64, "{text}");
    lines
}

/// A line goes on behind the same prefix, indented; it breaks between words, and so between names.
#[track_caller]
fn check(event: &Event<'_>, kinds: &mut BTreeSet<usize>) {
    kinds.insert(kind_of(event));
    check_lines(event);
}

#[track_caller]
fn check_lines(event: &Event<'_>) {
    let lines = lines_of(event);
    let prefixes: BTreeSet<&str> = lines.iter().map(|line| &line[..2]).collect();
    assert!(prefixes.len() <= 1, "{lines:#?}");
    for line in &lines {
        let columns = line.chars().count();
        assert!(columns <= COLUMNS_MAX, "{columns} columns: {line}");
        assert!(line.starts_with("* ") || line.starts_with("! "), "{line}");
        assert_eq!(line.trim_end(), line);
    }
}

fn names(count: usize) -> Vec<Name> {
    (0..count)
        .map(|number| Name::parse(&format!("{:n<NAME_BYTES_MAX$}", format!("n{number}x"))).unwrap())
        .collect()
}

fn room() -> RoomName {
    RoomName::parse(&"r".repeat(ROOM_NAME_BYTES_MAX)).unwrap()
}

#[test]
fn notice_fits_with_the_longest_names() {
    let mut kinds = BTreeSet::new();
    let (names, room) = (names(3), &room());
    let [name, other, _] = [&names[0], &names[1], &names[2]];
    let address = "[2001:0db8:1111:2222:3333:4444:5555:6666%4294967295]:65535";
    let notices = [
        Notice::Connected(Peer::Tcp(address.parse().unwrap())),
        Notice::Connected(Peer::Unix),
        Notice::HowToRegister,
        Notice::HowToRename { name },
        Notice::Motd("short"),
        Notice::IsAway { name, text: "" },
        Notice::Undelivered { to: name, count: 1 },
        Notice::Undelivered {
            to: name,
            count: u64::MAX,
        },
        Notice::Here {
            server_name: SERVER_NAME,
        },
        Notice::RateLimited {
            lines_per_second: u32::MAX,
        },
        Notice::NotUtf8,
        Notice::UnendedSubnegotiation,
        Notice::ShuttingDown,
    ];
    let closing = CloseReason::ALL.map(Notice::Closing);
    for notice in notices.into_iter().chain(closing) {
        check(&Event::Notice(notice), &mut kinds);
    }
    let leave = |gone| Event::Leave {
        room,
        name,
        gone,
        text: None,
    };
    let own_leave = |current, moved| Event::OwnLeave {
        room,
        name,
        current,
        moved,
    };
    for event in [
        Event::Join { room, name },
        leave(true),
        leave(false),
        Event::OwnJoin { room, name },
        own_leave(None, false),
        own_leave(None, true),
        own_leave(Some(room), true),
        Event::Rename {
            name,
            new_name: other,
        },
        Event::Topic {
            room,
            from: name,
            text: None,
        },
        Event::Missed {
            room,
            count: u64::MAX,
        },
    ] {
        check(&event, &mut kinds);
    }
    for (joined, left) in [(u32::MAX, u32::MAX), (2, 1), (1, 0), (0, 1), (0, 2)] {
        for shown in 0..=2 {
            let event = Event::Presence {
                room,
                joined,
                left,
                names: &names[..shown],
            };
            check(&event, &mut kinds);
        }
    }
    let is_notice = |kind: &usize| *kind < 17 || *kind >= 66;
    assert!(kinds.iter().all(is_notice), "{kinds:?}");
    assert_eq!(kinds.len(), 19, "every kind of notice is here: {kinds:?}");
}

#[test]
#[expect(
    clippy::too_many_lines,
    reason = "one entry each, in the order of the vocabulary"
)]
fn answer_fits_with_the_longest_names() {
    let mut kinds = BTreeSet::new();
    let (names, room) = (names(NAMES_PAGE), &room());
    let name = &names[0];
    let view = |shown: usize| RoomView {
        room,
        topic: None,
        others: if shown == 0 { 0 } else { 9999 },
        names: &names[..shown],
        kept: None,
        missed: None,
    };
    let twenty = [*room; 20];
    let summary = RoomSummary {
        room,
        users: 10_000,
        topic: None,
    };
    let rooms = [summary; 2];
    let whois = Whois {
        name,
        connected: Duration::from_secs(86_400 * 999 + 86_399),
        idle: Duration::from_secs(86_400 * 999 + 86_399),
        away: Some(""),
        rooms: &twenty,
        peer: Some(Peer::Tcp("[2001:db8::1%4294967295]:65535".parse().unwrap())),
        peers: &[Peer::Tcp("[2001:db8::1%4294967295]:65535".parse().unwrap())],
    };
    let counts = Counts {
        clients: usize::MAX,
        registered: usize::MAX,
        rooms: usize::MAX,
    };
    let server = &ServerStats {
        lines_in: u64::MAX,
        lines_out: u64::MAX,
        bytes_in: u64::MAX,
        bytes_out: u64::MAX,
        skipped: u64::MAX,
        refused: u64::MAX,
        not_kept: u64::MAX,
        store_is_broken: true,
        closed: [u64::MAX >> 8; CloseReason::COUNT],
        uptime: Duration::from_secs(86_400 * 999),
        busy_permille: 1000,
    };
    let server_name = SERVER_NAME;
    let help = |topic| {
        let rights = Rights {
            is_account: true,
            operates_room: true,
            operates_server: true,
        };
        Reply::from(SessionReply::Help { topic, rights })
    };
    let mut replies: Vec<Reply<'_>> = vec![
        Reply::Done,
        SessionReply::Registered {
            name,
            entered: view(ENTRY_NAMES_MAX),
        }
        .into(),
        SessionReply::Renamed { name }.into(),
        SessionReply::Mode(Mode::Plain).into(),
        SessionReply::Mode(Mode::Json).into(),
        help(None),
        SessionReply::Version { server_name }.into(),
        SessionReply::Pong { text: "" }.into(),
        SessionReply::Stats {
            server_name,
            counts,
            server,
        }
        .into(),
        SessionReply::Bye.into(),
        MembershipReply::Joined(view(0)).into(),
        MembershipReply::Joined(view(1)).into(),
        MembershipReply::Parted {
            room,
            current: Some(room),
        }
        .into(),
        MembershipReply::Parted {
            room,
            current: None,
        }
        .into(),
        QueryReply::Rooms {
            rooms: &rooms,
            total: usize::MAX,
            page: usize::MAX,
            pages: usize::MAX,
        }
        .into(),
        QueryReply::Whois(whois).into(),
        SettingReply::Topic { room, text: None }.into(),
        SettingReply::Away { text: "" }.into(),
        SettingReply::Back.into(),
        SettingReply::Ignoring { name }.into(),
        SettingReply::NotIgnoring { name }.into(),
        SettingReply::Ignored { names: &[] }.into(),
        SettingReply::Ignored {
            names: &names[..IGNORED_MAX],
        }
        .into(),
    ];
    for room in [None, Some(room)] {
        replies.push(
            QueryReply::Names {
                room,
                total: usize::MAX,
                names: &names,
                page: usize::MAX,
                pages: usize::MAX,
            }
            .into(),
        );
    }
    for on in [true, false] {
        replies.push(SettingReply::Quiet(on).into());
        replies.push(SettingReply::Echo(on).into());
        replies.push(SettingReply::Raw(on).into());
        replies.push(SettingReply::Times(on).into());
    }
    for bell in [Bell::Off, Bell::Private, Bell::Mention, Bell::All] {
        replies.push(SettingReply::Bell(bell).into());
    }
    for entry in &COMMANDS {
        replies.push(help(Some(HelpTopic::Command(entry.verb))));
    }
    for topic in [HelpTopic::People, HelpTopic::History, HelpTopic::Operators] {
        replies.push(help(Some(topic)));
    }
    for reply in replies {
        check(&Event::Ok(reply), &mut kinds);
    }
    assert!(
        kinds
            .iter()
            .all(|kind| (17..41).contains(kind) || *kind == 68),
        "{kinds:?}"
    );
    assert_eq!(kinds.len(), 25, "every kind of answer is here: {kinds:?}");
}

#[test]
fn refusal_fits_and_is_one_line_unless_it_lists() {
    let mut kinds = BTreeSet::new();
    let (names, room) = (names(RECIPIENTS_MAX), room());
    let name = names[0];
    let wide = "漢".repeat(300);
    let long = "x".repeat(4000);
    let spaced = "a b\tc d ".repeat(50);
    let mut refusals: Vec<Refusal<'_>> = vec![
        Refusal::NotRegistered,
        LineRefusal::LineTooLong { bytes_max: 1 << 30 }.into(),
        LineRefusal::TextTooLong { bytes_max: 300 }.into(),
        LineRefusal::NoText.into(),
        SessionRefusal::NameInUse {
            name,
            lost_time_max: None,
        }
        .into(),
        SessionRefusal::NameInUse {
            name,
            lost_time_max: Some(Duration::from_millis(100_000_500)),
        }
        .into(),
        SessionRefusal::NameOfRoom { name }.into(),
        SessionRefusal::NameReserved { name }.into(),
        MessageRefusal::MissingColon.into(),
        MessageRefusal::MissingName.into(),
        MessageRefusal::SpaceInName.into(),
        MessageRefusal::LookAlike.into(),
        MessageRefusal::TooManyRecipients.into(),
        MessageRefusal::NobodyWrote.into(),
        MessageRefusal::WriterLeft { name: None }.into(),
        MessageRefusal::WriterLeft { name: Some(name) }.into(),
        MembershipRefusal::NoSuchRoom { room }.into(),
        MembershipRefusal::NotInRoom { room: None }.into(),
        MembershipRefusal::NotInRoom { room: Some(room) }.into(),
        MembershipRefusal::TooManyRooms { rooms_max: 99_999 }.into(),
        QueryRefusal::NoSuchPage {
            page: usize::MAX,
            pages: usize::MAX,
        }
        .into(),
        SettingRefusal::IgnoreSelf.into(),
        SettingRefusal::IgnoreFull {
            ignored_max: IGNORED_MAX,
        }
        .into(),
    ];
    for given in ["x", &wide, &long, &spaced] {
        refusals.push(Refusal::NoSuchUser { given });
        refusals.push(SettingRefusal::NotIgnored { given }.into());
        for why in [
            NameError::Empty,
            NameError::TooLong,
            NameError::Start,
            NameError::Character(' '),
            NameError::Character('漢'),
        ] {
            refusals.push(SessionRefusal::BadName { given, why }.into());
            refusals.push(MembershipRefusal::BadRoom { given, why }.into());
        }
        for entry in &COMMANDS {
            for (nearest, registered) in [
                (None, false),
                (None, true),
                (Some(entry.verb), false),
                (Some(entry.verb), true),
            ] {
                let unknown = LineRefusal::UnknownCommand {
                    given,
                    nearest,
                    registered,
                };
                refusals.push(unknown.into());
            }
        }
    }
    for entry in &COMMANDS {
        refusals.push(LineRefusal::Usage(entry.verb).into());
    }
    for refusal in refusals {
        let event = Event::Error(refusal);
        check(&event, &mut kinds);
        assert_eq!(lines_of(&event).len(), 1, "{refusal:?}");
    }
    let typed = [wide.as_str(), &long, "nobody", "x"];
    for (missing, full) in [(&typed[..], &names[..]), (&[], &names), (&typed, &[])] {
        let refusal = MessageRefusal::Unreached { missing, full };
        check(&Event::Error(refusal.into()), &mut kinds);
    }
    assert!(kinds.iter().all(|kind| *kind >= 41), "{kinds:?}");
    assert_eq!(kinds.len(), KINDS - 44, "every refusal is here: {kinds:?}");
}

#[test]
fn quoted_words_are_cut_to_what_is_left_of_the_line() {
    let line = |given: &str| {
        let event = Event::Error(Refusal::NoSuchUser { given });
        lines_of(&event).remove(0)
    };
    let rest = "! There is no user . /names * lists everyone.".len();
    let fits = "x".repeat(COLUMNS_MAX - rest);
    assert_eq!(line(&fits).len(), COLUMNS_MAX);
    assert!(line(&fits).contains(&fits));
    let cut = line(&format!("{fits}x"));
    assert_eq!(cut.len(), COLUMNS_MAX);
    let kept = &fits[3..];
    assert!(cut.contains(&format!(" user {kept}.... /names")), "{cut}");
}

/// A number for each kind of what the server says of itself: a new kind has none yet, and so does not build.
#[expect(clippy::too_many_lines, reason = "one arm for each kind")]
fn kind_of(event: &Event<'_>) -> usize {
    match event {
        Event::Private { .. }
        | Event::Sent { .. }
        | Event::Message { .. }
        | Event::Action { .. }
        | Event::History { .. }
        | Event::Found { .. }
        | Event::Exported { .. }
        | Event::Late { .. } => panic!("from people: {event:?}"),
        Event::People(_) | Event::Call(_) | Event::Moderation(_) | Event::Operator(_) => {
            panic!("measured by its own test: {event:?}")
        }
        Event::Forgotten { .. } | Event::Kept { .. } => KINDS + people::kind_of(event),
        Event::Join { .. } => 0,
        Event::OwnJoin { .. } => 66,
        Event::OwnLeave { .. } => 67,
        Event::Leave { .. } => 1,
        Event::Rename { .. } => 2,
        Event::Presence { .. } => 3,
        Event::Topic { .. } => 4,
        Event::Missed { .. } => 5,
        Event::Notice(notice) => match notice {
            Notice::Connected(Peer::Tcp(_)) => 6,
            Notice::Connected(Peer::Unix) => 7,
            Notice::HowToRegister => 8,
            Notice::HowToRename { .. } => 9,
            Notice::Motd(_) => 10,
            Notice::IsAway { .. } => 11,
            Notice::Undelivered { count: 1, .. } => 12,
            Notice::Undelivered { .. } => 13,
            Notice::Here { .. } => 14,
            Notice::RateLimited { .. }
            | Notice::NotUtf8
            | Notice::UnendedSubnegotiation
            | Notice::ShuttingDown => 15,
            Notice::Closing(_) => 16,
            Notice::PageEnd { .. }
            | Notice::Cancelled
            | Notice::NotKept { .. }
            | Notice::WhoReads
            | Notice::NotEncrypted
            | Notice::Replaced
            | Notice::AccountEnded => KINDS + people::kind_of(event),
        },
        Event::Ok(reply) => match reply {
            Reply::Done => 17,
            Reply::Session(reply) => match reply {
                SessionReply::Registered { .. } | SessionReply::Outside { .. } => 18,
                SessionReply::Renamed { .. } => 19,
                SessionReply::Mode(_) => 20,
                SessionReply::Help { .. } => 21,
                SessionReply::Version { .. } => 22,
                SessionReply::Pong { .. } => 23,
                SessionReply::Stats { .. } => 24,
                SessionReply::Bye => 25,
            },
            Reply::Membership(reply) => match reply {
                MembershipReply::Joined(_) => 26,
                MembershipReply::Parted { .. } => 27,
            },
            Reply::Query(reply) => match reply {
                QueryReply::Rooms { .. } => 28,
                QueryReply::Names { .. } => 29,
                QueryReply::Whois(_) => 30,
            },
            Reply::Setting(reply) => match reply {
                SettingReply::Topic { .. } => 31,
                SettingReply::Away { .. } => 32,
                SettingReply::Back => 33,
                SettingReply::Ignoring { .. } => 34,
                SettingReply::NotIgnoring { .. } => 35,
                SettingReply::Ignored { .. } => 36,
                SettingReply::Quiet(_) => 37,
                SettingReply::Echo(_) => 38,
                SettingReply::Raw(_) => 39,
                SettingReply::Times(_) => 40,
                SettingReply::Bell(_) => 68,
            },
            Reply::Said(_) | Reply::Account(_) | Reply::History(_) => {
                KINDS + people::kind_of(event)
            }
            Reply::People(_) | Reply::Call(_) | Reply::Moderation(_) | Reply::Operator(_) => {
                panic!("measured by its own test: {event:?}")
            }
        },
        Event::Error(refusal) => match refusal {
            Refusal::NotRegistered => 41,
            Refusal::NoSuchUser { .. } => 42,
            Refusal::Line(refusal) => match refusal {
                LineRefusal::Usage(_) => 43,
                LineRefusal::UnknownCommand { .. } => 44,
                LineRefusal::LineTooLong { .. } => 45,
                LineRefusal::TextTooLong { .. } => 46,
                LineRefusal::NoText => 47,
            },
            Refusal::Session(refusal) => match refusal {
                SessionRefusal::BadName { .. } => 48,
                SessionRefusal::NameInUse { .. } => 49,
                SessionRefusal::NameOfRoom { .. } => 50,
                SessionRefusal::NameReserved { .. } => 51,
            },
            Refusal::Message(refusal) => match refusal {
                MessageRefusal::MissingColon => 52,
                MessageRefusal::MissingName => 53,
                MessageRefusal::SpaceInName | MessageRefusal::LookAlike => 54,
                MessageRefusal::TooManyRecipients => 55,
                MessageRefusal::Unreached { .. } => 56,
                MessageRefusal::NobodyWrote => 57,
                MessageRefusal::WriterLeft { .. } => 58,
            },
            Refusal::Membership(refusal) => match refusal {
                MembershipRefusal::BadRoom { .. } => 59,
                MembershipRefusal::NoSuchRoom { .. } => 60,
                MembershipRefusal::NotInRoom { .. } => 61,
                MembershipRefusal::TooManyRooms { .. } => 62,
            },
            Refusal::Query(QueryRefusal::NoSuchPage { .. }) => 63,
            Refusal::Setting(refusal) => match refusal {
                SettingRefusal::IgnoreSelf => 64,
                SettingRefusal::IgnoreFull { .. } | SettingRefusal::NotIgnored { .. } => 65,
            },
            Refusal::People(_) | Refusal::Moderation(_) | Refusal::Operator(_) => {
                panic!("measured by its own test: {event:?}")
            }
            Refusal::Account(_) | Refusal::History(_) => KINDS + people::kind_of(event),
        },
    }
}
