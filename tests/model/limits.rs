//! One below, at and above each limit of the core.

use chinwag::chat::command::RECIPIENTS_MAX;
use chinwag::chat::ids::ClientId;
use chinwag::chat::{
    AWAY_NOTIFIED_MAX, ENTRY_NAMES_MAX, IGNORED_MAX, NAMES_PAGE, NOTE_BYTES_MAX, ROOMS_PAGE,
};

use crate::harness::Harness;
use crate::line::{Line, Of};
use crate::recorder::{Entered, OwnedEvent, OwnedRefusal, OwnedReply, Seen};

const ROOMS_MAX: usize = 20;

#[test]
fn limits_are_those_of_the_protocol_page() {
    assert_eq!(RECIPIENTS_MAX, 16);
    assert_eq!(NOTE_BYTES_MAX, 300);
    assert_eq!(NAMES_PAGE, 100);
    assert_eq!(ENTRY_NAMES_MAX, 20);
}

#[test]
fn message_to_16_recipients_is_sent_and_to_17_is_refused() {
    let mut harness = Harness::new(ROOMS_MAX);
    let writer = harness.user("writer");
    let readers = harness.crowd("reader", RECIPIENTS_MAX + 1);
    for count in [RECIPIENTS_MAX - 1, RECIPIENTS_MAX] {
        let seen = harness.line(writer, &to_readers(count));
        assert_eq!(seen.heard_by(writer), [OwnedEvent::Ok(OwnedReply::Done)]);
        let reached = readers.iter().filter(|id| seen.got.contains_key(id));
        assert_eq!(reached.count(), count);
        let OwnedEvent::Private { to, .. } = &seen.heard_by(readers[0])[0] else {
            panic!("{seen:?}");
        };
        assert_eq!(to.len(), count, "each is told all whom it is for");
    }
    let seen = harness.line(writer, &to_readers(RECIPIENTS_MAX + 1));
    let refused = OwnedEvent::Error(OwnedRefusal::new("too_many_recipients", []));
    assert_eq!(seen.heard_by(writer), [refused]);
    assert_eq!(seen.got.len(), 1, "no other client gets an event: {seen:?}");
}

#[test]
fn missing_recipients_are_all_named_up_to_16() {
    let mut harness = Harness::new(ROOMS_MAX);
    let writer = harness.user("writer");
    let fault = harness
        .ask(writer, &to_readers(RECIPIENTS_MAX))
        .unwrap_err();
    assert_eq!(fault.code, "no_such_user");
    assert_eq!(fault.names.len(), RECIPIENTS_MAX);
}

fn to_readers(count: usize) -> Line {
    let names = (0..count).map(|number| format!("reader{number}"));
    Line::Private(names.collect(), "hello".into())
}

#[test]
fn client_may_be_in_20_rooms() {
    let mut harness = Harness::new(ROOMS_MAX);
    let (ann, bob) = (harness.user("ann"), harness.user("bob"));
    harness.join(bob, "elsewhere");
    for number in 1..ROOMS_MAX {
        harness.join(ann, &format!("room{number}")); // the lobby counts, too
    }
    let rooms = harness.chat.counts().rooms;
    for room in ["one-more", "elsewhere"] {
        let code = harness.refusal(ann, &Line::Join(room.into()));
        assert_eq!(code, "too_many_rooms");
    }
    assert_eq!(harness.chat.counts().rooms, rooms, "no room was made");
    assert_eq!(current_room(&mut harness, ann), "room19", "nothing changed");

    harness.join(ann, "ROOM1"); // a room that she is in becomes her current one
    assert_eq!(current_room(&mut harness, ann), "room1");
    harness.part(ann, "room2");
    harness.join(ann, "elsewhere");
    let code = harness.refusal(ann, &Line::Join("room2".into()));
    assert_eq!(code, "too_many_rooms", "she is in twenty again");
}

fn current_room(harness: &mut Harness, id: ClientId) -> String {
    match harness.ask(id, &Line::Topic(None)) {
        Ok(OwnedReply::Topic { room, .. }) => room,
        other => panic!("{other:?}"),
    }
}

#[test]
fn note_has_300_bytes_at_most() {
    let mut harness = Harness::new(ROOMS_MAX);
    let (ann, bob) = (harness.user("ann"), harness.user("bob"));
    for (length, fits) in [(299, true), (300, true), (301, false)] {
        let text = "n".repeat(length);
        let topic = harness.line(ann, &Line::Topic(Some(text.clone())));
        assert_eq!(topic.got.contains_key(&bob), fits, "{length}");
        let away = harness.ask(ann, &Line::Away(Some(text.clone())));
        assert_eq!(away.is_ok(), fits, "{length}");
    }
    // A refused text leaves the earlier one in place.
    let kept = "n".repeat(300);
    let topic = harness.ask(bob, &Line::Topic(None)).unwrap();
    let room = crate::harness::LOBBY.into();
    let text = Some(kept.clone());
    assert_eq!(topic, OwnedReply::Topic { room, text });
    let seen = harness.write(bob, "ann", "hi");
    let is_away = OwnedEvent::IsAway {
        name: "ann".into(),
        text: kept,
    };
    assert_eq!(seen.heard_by(bob)[0], is_away);
}

#[test]
fn quit_text_is_cut_at_300_bytes() {
    let mut harness = Harness::new(ROOMS_MAX);
    let (ann, bob) = (harness.user("ann"), harness.user("bob"));
    let longest = "q".repeat(300);
    let seen = harness.line(ann, &Line::Quit(Some(format!("{longest}q"))));
    assert_eq!(seen.heard_by(ann), [OwnedEvent::Ok(OwnedReply::Bye)]);
    assert_eq!(seen.closed, [ann]);
    let leave = OwnedEvent::Leave {
        room: crate::harness::LOBBY.into(),
        name: "ann".into(),
        gone: true,
        text: Some(longest),
    };
    assert_eq!(harness.disconnect(ann).heard_by(bob), [leave]);
}

#[test]
fn client_may_ignore_100_connected_users() {
    let mut harness = Harness::new(ROOMS_MAX);
    let ann = harness.user("ann");
    let crowd = harness.crowd("noise", IGNORED_MAX + 1);
    let ignore = |number: usize| Line::Ignore(Some(format!("noise{number}")));
    for number in 0..IGNORED_MAX {
        assert!(harness.ask(ann, &ignore(number)).is_ok(), "{number}");
    }
    assert_eq!(harness.refusal(ann, &ignore(IGNORED_MAX)), "bad_usage");
    assert!(harness.ask(ann, &ignore(0)).is_ok(), "that one is ignored");
    assert!(hears(&mut harness, ann, crowd[IGNORED_MAX]));
    assert!(!hears(&mut harness, ann, crowd[IGNORED_MAX - 1]));

    // A disconnected user makes room for another.
    harness.disconnect(crowd[7]);
    assert!(harness.ask(ann, &ignore(IGNORED_MAX)).is_ok());
    assert!(!hears(&mut harness, ann, crowd[IGNORED_MAX]));
    let Ok(OwnedReply::Ignored(names)) = harness.ask(ann, &Line::Ignore(None)) else {
        panic!("no list");
    };
    assert_eq!(names.len(), IGNORED_MAX);
    // So does a user that is no longer ignored.
    let unignore = Line::Unignore(Some("noise3".into()));
    assert!(harness.ask(ann, &unignore).is_ok());
    assert!(hears(&mut harness, ann, crowd[3]));
    assert!(!hears(&mut harness, ann, crowd[4]), "and no other");
    assert!(harness.ask(ann, &ignore(3)).is_ok());
    assert!(!hears(&mut harness, ann, crowd[3]));
}

fn hears(harness: &mut Harness, reader: ClientId, speaker: ClientId) -> bool {
    harness.say(speaker, "psst").got.contains_key(&reader)
}

#[test]
fn names_come_100_a_page() {
    for (total, pages) in [(99, 1), (100, 1), (101, 2), (200, 2), (201, 3)] {
        let mut harness = Harness::new(ROOMS_MAX);
        let crowd = harness.crowd("user", total);
        for of in [Of::Everyone, Of::CurrentRoom, Of::Room("#LOBBY".into())] {
            let names = all_names(&mut harness, crowd[0], &of, total, pages);
            let mut expected: Vec<_> = (0..total).map(|number| format!("user{number}")).collect();
            expected.sort();
            assert_eq!(names, expected, "each is on one page, {of:?}");
            for page in [0, pages + 1, usize::MAX] {
                let code = harness.refusal(crowd[0], &Line::Names(of.clone(), page));
                assert_eq!(code, "bad_usage", "page {page} of {pages}");
            }
        }
    }
}

fn all_names(
    harness: &mut Harness,
    id: ClientId,
    of: &Of,
    all: usize,
    pages_expected: usize,
) -> Vec<String> {
    let mut collected = Vec::new();
    for page_expected in 1..=pages_expected {
        let Ok(OwnedReply::Names {
            total,
            names,
            page,
            pages,
            ..
        }) = harness.ask(id, &Line::Names(of.clone(), page_expected))
        else {
            panic!("no names");
        };
        assert_eq!((total, page, pages), (all, page_expected, pages_expected));
        assert_eq!(names.len(), (all - collected.len()).min(100), "pages fill");
        collected.extend(names);
    }
    collected.sort();
    collected
}

#[test]
fn page_of_an_empty_lobby_is_empty() {
    let mut harness = Harness::new(ROOMS_MAX);
    let ann = harness.user("ann");
    harness.part(ann, "lobby");
    let answer = harness.ask(ann, &Line::Names(Of::Room("lobby".into()), 1));
    let Ok(OwnedReply::Names {
        total,
        names,
        pages,
        ..
    }) = answer
    else {
        panic!("{answer:?}");
    };
    assert_eq!((total, names.len(), pages), (0, 0, 1));
}

#[test]
fn join_answer_names_20_members_at_most() {
    for (others, named) in [(0, 0), (19, 19), (20, 20), (21, 20)] {
        let mut harness = Harness::new(ROOMS_MAX);
        harness.crowd("old", others);
        let new = harness.unregistered();
        let seen = harness.register(new, "new");
        let Some(OwnedEvent::Ok(OwnedReply::Registered { entered, .. })) = seen.heard_by(new).pop()
        else {
            panic!("{seen:?}");
        };
        check_view(&entered, others, named);
        harness.part(new, "lobby");
        let Ok(OwnedReply::Joined(entered)) = harness.ask(new, &Line::Join("lobby".into())) else {
            panic!("not joined");
        };
        check_view(&entered, others, named);
        // Once in, the client is among the members, and still not named in its own answer.
        let Ok(OwnedReply::Joined(entered)) = harness.ask(new, &Line::Join("lobby".into())) else {
            panic!("not joined");
        };
        check_view(&entered, others, named);
    }
}

fn check_view(entered: &Entered, others: usize, named: usize) {
    assert_eq!(entered.others, others);
    assert_eq!(entered.names.len(), named);
    assert!(entered.names.iter().all(|name| name.starts_with("old")));
    let mut distinct = entered.names.clone();
    distinct.dedup();
    assert_eq!(distinct.len(), named);
}

#[test]
fn rooms_come_100_a_page() {
    for (total, pages) in [
        (ROOMS_PAGE - 1, 1),
        (ROOMS_PAGE, 1),
        (ROOMS_PAGE + 1, 2),
        (2 * ROOMS_PAGE + 1, 3),
    ] {
        let mut harness = Harness::new(1000);
        let ann = harness.user("ann");
        for number in 1..total {
            harness.join(ann, &format!("room{number}"));
        }
        let mut collected = Vec::new();
        for page_expected in 1..=pages {
            let answer = harness.ask(ann, &Line::Rooms(page_expected));
            let Ok(OwnedReply::Rooms {
                rooms,
                total: told,
                page,
                pages: told_pages,
            }) = answer
            else {
                panic!("{answer:?}");
            };
            assert_eq!((told, page, told_pages), (total, page_expected, pages));
            assert_eq!(rooms.len(), (total - collected.len()).min(ROOMS_PAGE));
            collected.extend(rooms.into_iter().map(|(name, ..)| name));
        }
        collected.sort();
        collected.dedup();
        assert_eq!(collected.len(), total, "each is on one page");
        for page in [0, pages + 1, usize::MAX] {
            assert_eq!(harness.refusal(ann, &Line::Rooms(page)), "bad_usage");
        }
    }
}

/// A user that is away, and senders to it that have each been told.
fn away_and_told(senders: usize) -> (Harness, Vec<ClientId>) {
    let mut harness = Harness::new(ROOMS_MAX);
    let ann = harness.user("ann");
    harness
        .ask(ann, &Line::Away(Some("at sea".into())))
        .unwrap();
    let crowd = harness.crowd("sender", senders);
    harness.checks_invariants = false; // thousands of lines that change little
    for sender in &crowd {
        assert!(is_told(&mut harness, *sender), "at the first message");
    }
    (harness, crowd)
}

fn is_told(harness: &mut Harness, sender: ClientId) -> bool {
    let seen: Seen = harness.write(sender, "ann", "are you there?");
    let heard = seen.heard_by(sender);
    assert_eq!(heard.last(), Some(&OwnedEvent::Ok(OwnedReply::Done)));
    let is_away = |heard: &&OwnedEvent| matches!(heard, OwnedEvent::IsAway { .. });
    let times = heard.iter().filter(is_away).count();
    assert!(times <= 1, "{heard:?}");
    times == 1
}

#[test]
fn away_notice_comes_once_below_the_limit_of_remembered_senders() {
    let (mut harness, crowd) = away_and_told(AWAY_NOTIFIED_MAX - 1);
    for sender in crowd {
        assert!(!is_told(&mut harness, sender));
    }
}

#[test]
fn away_notice_comes_once_at_the_limit_of_remembered_senders() {
    let (mut harness, crowd) = away_and_told(AWAY_NOTIFIED_MAX);
    for sender in crowd {
        assert!(!is_told(&mut harness, sender), "{sender} was told before");
    }
}

#[test]
fn away_notice_reaches_a_sender_past_the_remembered_ones() {
    // `away_and_told` checks that the last sender is told; a forgotten one is told twice, which is
    // better than never.
    let (mut harness, crowd) = away_and_told(AWAY_NOTIFIED_MAX + 1);
    let last = crowd[AWAY_NOTIFIED_MAX];
    assert!(!is_told(&mut harness, last));
    harness.chat.check_invariants();
}
