//! The same of accounts and history.

use std::collections::BTreeSet;
use std::time::Duration;

use chinwag::chat::archive::{COUNTED_MAX, Token};
use chinwag::chat::event::{
    AccountReply, Event, HistoryReply, KeptView, LoggedIn, Missed, Need, Notice, PageOf, PageView,
    PlaceView, PrivacyView, Reply, RoomView, SaidReply,
};
use chinwag::chat::ids::LineId;
use chinwag::chat::name::{Name, RoomName};
use chinwag::chat::refusal::{AccountRefusal, HistoryRefusal, Refusal};
use chinwag::chat::{ENTRY_NAMES_MAX, NAMES_PAGE};

use super::{COLUMNS_MAX, KINDS, check, lines_of, names, room};

/// A moment of another day than today, so that it is shown with its date.
const LONG_AGO: u64 = 1;

fn check_kinds(kinds: &BTreeSet<usize>, expected: std::ops::Range<usize>) {
    let expected: BTreeSet<usize> = expected.map(|kind| KINDS + kind).collect();
    assert_eq!(*kinds, expected, "every kind is here");
}

#[test]
fn notice_of_what_is_kept_fits_with_the_longest_names() {
    let mut kinds = BTreeSet::new();
    let (names, room) = (names(2), &room());
    let [name, other] = [&names[0], &names[1]];
    let ids = [LineId::MAX; 100];
    for place in [
        PlaceView::Room(room),
        PlaceView::With(name),
        PlaceView::With(other),
    ] {
        for ids in [&ids[..], &ids[..1], &[]] {
            let from = name;
            check(&Event::Forgotten { place, from, ids }, &mut kinds);
        }
    }
    for days in [None, Some(1), Some(u32::MAX)] {
        let from = name;
        check(&Event::Kept { room, from, days }, &mut kinds);
    }
    let not_kept = |count, is_late| Notice::NotKept { count, is_late };
    for notice in [
        Notice::PageEnd { is_forward: false },
        Notice::PageEnd { is_forward: true },
        Notice::Cancelled,
        not_kept(1, false),
        not_kept(1, true),
        not_kept(u64::MAX, false),
        not_kept(u64::MAX, true),
        Notice::WhoReads,
        Notice::NotEncrypted,
        Notice::Replaced,
        Notice::AccountEnded,
    ] {
        check(&Event::Notice(notice), &mut kinds);
    }
    check_kinds(&kinds, 0..9);
}

fn missed(room: RoomName, count: u64) -> Missed {
    let since = LONG_AGO;
    Missed { room, count, since }
}

fn view<'a>(room: &'a RoomName, names: &'a [Name], owner: Option<&'a Name>) -> RoomView<'a> {
    RoomView {
        room,
        topic: None,
        others: 9999,
        names: &names[..ENTRY_NAMES_MAX],
        kept: Some(KeptView {
            days: u32::MAX,
            owner,
        }),
        missed: Some(missed(*room, COUNTED_MAX)),
    }
}

#[test]
fn answer_about_accounts_fits_with_the_longest_names() {
    let mut kinds = BTreeSet::new();
    let (names, room) = (names(NAMES_PAGE), &room());
    let name = &names[0];
    let number = RoomName::parse(&"2".repeat(32)).unwrap();
    let others = [missed(*room, COUNTED_MAX), missed(number, 1)];
    let token = |used| Token {
        label: *room,
        made: LONG_AGO,
        used,
    };
    let tokens = [token(None), token(Some(LONG_AGO))];
    let account = |tokens, connections| AccountReply::Account {
        name,
        since: LONG_AGO,
        tokens,
        connections,
        settings: PrivacyView::default(),
    };
    let mut replies: Vec<Reply<'_>> = vec![
        AccountReply::Guest { name: None }.into(),
        AccountReply::Guest { name: Some(name) }.into(),
        account(1, 1).into(),
        account(u32::MAX, usize::MAX).into(),
        AccountReply::Needs(Need::Password(name)).into(),
        AccountReply::Needs(Need::NewPassword(name)).into(),
        AccountReply::Needs(Need::NameToDrop(name)).into(),
        AccountReply::Made { name }.into(),
        AccountReply::PasswordChanged { name }.into(),
        AccountReply::Dropped { name }.into(),
        AccountReply::LoggedOut.into(),
        AccountReply::Tokens { tokens: &[] }.into(),
        AccountReply::Tokens { tokens: &tokens }.into(),
        AccountReply::TokenMade {
            label: room,
            token: "cw_00000000000000000000000000000000",
        }
        .into(),
        AccountReply::TokenDropped { label: room }.into(),
    ];
    for (connections, entered, waiting) in [
        (1, None, 0),
        (2, Some(view(room, &names, None)), 1),
        (usize::MAX, Some(view(room, &names, Some(name))), usize::MAX),
    ] {
        let logged_in = LoggedIn {
            name,
            is_hidden: false,
            connections,
            entered,
            missed: &others,
            waiting,
        };
        replies.push(AccountReply::LoggedIn(logged_in).into());
    }
    for reply in replies {
        check(&Event::Ok(reply), &mut kinds);
    }
    check_kinds(&kinds, 10..21);
}

#[test]
fn answer_about_history_fits_with_the_longest_names() {
    let mut kinds = BTreeSet::new();
    let (names, room) = (names(16), &room());
    let name = &names[0];
    let with_bob = PlaceView::With(name);
    let places: Vec<(PlaceView<'_>, u64)> = (0..40)
        .map(|number| match number % 2 {
            0 => (PlaceView::Room(room), number),
            _ => (with_bob, u64::MAX),
        })
        .collect();
    let mut replies: Vec<Reply<'_>> = vec![
        HistoryReply::Unread { places: &[] }.into(),
        HistoryReply::Unread { places: &places }.into(),
        HistoryReply::Unkept { room }.into(),
    ];
    for place in [PlaceView::Room(room), with_bob] {
        let up_to = LineId::MAX;
        replies.push(HistoryReply::Read { place, up_to }.into());
    }
    for count in [0, 1, u64::MAX] {
        replies.push(HistoryReply::Forgotten { count }.into());
    }
    for (days, owner) in [(1, None), (u32::MAX, Some(name))] {
        replies.push(HistoryReply::Kept { room, days, owner }.into());
    }
    for lines in [0, 1, usize::MAX] {
        for of in [
            PageOf::Place(PlaceView::Room(room)),
            PageOf::Place(with_bob),
            PageOf::Search("words"),
            PageOf::Own,
        ] {
            let page = PageView {
                of,
                lines,
                first: None,
                last: None,
                up_to: LineId::MAX,
                end: true,
                is_forward: false,
            };
            replies.push(HistoryReply::Page(page).into());
        }
    }
    for waiting in [&names[..], &names[..1], &[]] {
        let id = Some(LineId::MAX);
        replies.push(SaidReply { id, waiting }.into());
    }
    for reply in replies {
        check(&Event::Ok(reply), &mut kinds);
    }
    check_kinds(&kinds, 30..37);
}

#[test]
fn refusal_about_people_fits_and_most_are_one_line() {
    let mut kinds = BTreeSet::new();
    let (name, room) = (names(1)[0], room());
    let (wide, wait) = ("漢".repeat(300), Duration::from_secs(99_999_999));
    let account: [AccountRefusal; 23] = [
        AccountRefusal::AnswerTooLate,
        AccountRefusal::NoStore,
        AccountRefusal::Busy,
        AccountRefusal::NotKept { is_late: false },
        AccountRefusal::NotKept { is_late: true },
        AccountRefusal::LoginRequired,
        AccountRefusal::AlreadyAccount { name },
        AccountRefusal::NameTaken { name },
        AccountRefusal::NameOwned {
            given: name,
            owner: None,
        },
        AccountRefusal::NameOwned {
            given: name,
            owner: Some(name),
        },
        AccountRefusal::WeakPassword {
            bytes_min: 100,
            bytes_max: 1000,
        },
        AccountRefusal::NotEncrypted,
        AccountRefusal::TooManyAccounts,
        AccountRefusal::WrongPassword,
        AccountRefusal::SlowDown { wait },
        AccountRefusal::SlowDown {
            wait: Duration::from_micros(1),
        },
        AccountRefusal::TooManyTokens { tokens_max: 999 },
        AccountRefusal::LabelTaken { label: room },
        AccountRefusal::NoSuchToken { label: room },
        AccountRefusal::NameIsAccount { name },
        AccountRefusal::OtherName,
        AccountRefusal::MissingSlash { name },
        AccountRefusal::AccountsOnly,
    ];
    let history = [
        HistoryRefusal::LineNotKept,
        HistoryRefusal::NotKeptHere { room },
        HistoryRefusal::NotKeptWith { name: &wide },
        HistoryRefusal::NoSuchLine,
        HistoryRefusal::NoSearch,
        HistoryRefusal::NoPage,
        HistoryRefusal::NoMore,
        HistoryRefusal::SlowDown { wait },
        HistoryRefusal::NotOperator { room },
        HistoryRefusal::TooManyKeptRooms { rooms_max: 999 },
        HistoryRefusal::TooManyDays { days_max: 99_999 },
        HistoryRefusal::MailboxFull { name },
    ];
    let history = history.into_iter().map(Refusal::History);
    for refusal in account.map(Refusal::Account).into_iter().chain(history) {
        let event = Event::Error(refusal);
        check(&event, &mut kinds);
        let names_two_things = matches!(
            refusal,
            Refusal::Account(AccountRefusal::NameOwned { owner: Some(_), .. })
        );
        let lines = lines_of(&event);
        assert_eq!(lines.len(), 1 + usize::from(names_two_things), "{lines:#?}");
    }
    check_kinds(&kinds, 40..72);
    let short = AccountRefusal::SlowDown {
        wait: Duration::from_micros(1),
    };
    let line = lines_of(&Event::Error(short.into())).remove(0);
    assert!(line.ends_with("in 1 s.") && line.len() <= COLUMNS_MAX);
}

/// A number for each kind, from [`KINDS`] on.
pub(super) fn kind_of(event: &Event<'_>) -> usize {
    match event {
        Event::Forgotten { .. } => 0,
        Event::Kept { .. } => 1,
        Event::Notice(notice) => match notice {
            Notice::PageEnd { .. } => 2,
            Notice::Cancelled => 3,
            Notice::NotKept { .. } => 4,
            Notice::WhoReads => 5,
            Notice::NotEncrypted => 6,
            Notice::Replaced => 7,
            Notice::AccountEnded => 8,
            _ => panic!("not of people: {event:?}"),
        },
        Event::Ok(Reply::Account(reply)) => match reply {
            AccountReply::Guest { .. } => 10,
            AccountReply::Account { .. } => 11,
            AccountReply::Needs(_) => 12,
            AccountReply::Made { .. } => 13,
            AccountReply::PasswordChanged { .. } => 14,
            AccountReply::Dropped { .. } => 15,
            AccountReply::LoggedIn(_) => 16,
            AccountReply::LoggedOut => 17,
            AccountReply::Tokens { .. } => 18,
            AccountReply::TokenMade { .. } => 19,
            AccountReply::TokenDropped { .. } => 20,
        },
        Event::Ok(Reply::Said(_)) => 30,
        Event::Ok(Reply::History(reply)) => match reply {
            HistoryReply::Page(_) => 31,
            HistoryReply::Unread { .. } => 32,
            HistoryReply::Read { .. } => 33,
            HistoryReply::Forgotten { .. } => 34,
            HistoryReply::Kept { .. } => 35,
            HistoryReply::Unkept { .. } => 36,
        },
        Event::Error(Refusal::Account(refusal)) => match refusal {
            AccountRefusal::NoStore => 40,
            AccountRefusal::Busy => 41,
            AccountRefusal::NotKept { .. } => 42,
            AccountRefusal::LoginRequired => 43,
            AccountRefusal::AlreadyAccount { .. } => 44,
            AccountRefusal::NameTaken { .. } => 45,
            AccountRefusal::NameOwned { .. } => 46,
            AccountRefusal::WeakPassword { .. } => 47,
            AccountRefusal::NotEncrypted => 48,
            AccountRefusal::TooManyAccounts => 49,
            AccountRefusal::WrongPassword => 50,
            AccountRefusal::SlowDown { .. } => 51,
            AccountRefusal::TooManyTokens { .. } => 52,
            AccountRefusal::LabelTaken { .. } => 53,
            AccountRefusal::NoSuchToken { .. } => 54,
            AccountRefusal::NameIsAccount { .. } => 55,
            AccountRefusal::OtherName => 56,
            AccountRefusal::MissingSlash { .. } => 57,
            AccountRefusal::AccountsOnly => 58,
            AccountRefusal::AnswerTooLate => 70,
        },
        Event::Error(Refusal::History(refusal)) => match refusal {
            HistoryRefusal::NotKeptHere { .. } => 59,
            HistoryRefusal::NotKeptWith { .. } => 60,
            HistoryRefusal::NoSuchLine => 61,
            HistoryRefusal::NoSearch => 62,
            HistoryRefusal::NoPage => 63,
            HistoryRefusal::NoMore => 64,
            HistoryRefusal::SlowDown { .. } => 65,
            HistoryRefusal::NotOperator { .. } => 66,
            HistoryRefusal::TooManyKeptRooms { .. } => 67,
            HistoryRefusal::TooManyDays { .. } => 68,
            HistoryRefusal::MailboxFull { .. } => 69,
            HistoryRefusal::LineNotKept => 71,
        },
        _ => panic!("not of people: {event:?}"),
    }
}
