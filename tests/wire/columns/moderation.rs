//! The same of order in rooms.

use std::time::Duration;

use chinwag::chat::event::{Done, Event, ModerationEvent, ModerationReply};
use chinwag::chat::ids::LineId;
use chinwag::chat::order::{Act, Limit, Limited, Lock, Locks};
use chinwag::chat::refusal::ModerationRefusal;

use super::{check_lines, lines_of, names, room};

const ACTS: [Act; 7] = [
    Act::Kick,
    Act::Mute,
    Act::Unmute,
    Act::Bar,
    Act::Unbar,
    Act::Op,
    Act::Deop,
];

/// A moment of another day than today, so that it is shown with its date.
const LONG_AGO: u64 = 1;

fn limits() -> impl Iterator<Item = Limited<'static>> {
    let locks = Lock::ALL.map(Limit::Locked);
    let limits = [Limit::Muted, Limit::Barred].into_iter().chain(locks);
    limits.flat_map(|limit| {
        let limited = |left, why, ask| Limited {
            limit,
            room: room(),
            left,
            why,
            ask,
        };
        let left = Some(Duration::from_secs(100 * 366 * 86_400 - 1));
        let long =
            "漢字漢字 漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字";
        [
            limited(None, None, None),
            limited(left, Some("x"), Some(names(1)[0])),
            limited(left, Some(long), Some(names(1)[0])),
        ]
    })
}

#[test]
fn news_of_order_fit_with_the_longest_names() {
    let (names, room) = (names(2), &room());
    let [name, from] = [&names[0], &names[1]];
    for act in ACTS {
        for until in [None, Some(LONG_AGO)] {
            let why = None;
            let done = Done {
                act,
                room,
                name,
                from,
                until,
                why,
            };
            check_lines(&Event::Moderation(ModerationEvent::Done(done)));
            for moved in [None, Some(None), Some(Some(room))] {
                let event = ModerationEvent::DoneToYou { done, moved };
                check_lines(&Event::Moderation(event));
            }
            let reply = ModerationReply::Done {
                act,
                room,
                name,
                until,
            };
            check_lines(&Event::Ok(reply.into()));
        }
    }
    for limited in limits() {
        check_lines(&Event::Moderation(ModerationEvent::Limited(limited)));
        let refusal = ModerationRefusal::Limited(limited);
        check_lines(&Event::Error(refusal.into()));
    }
    for locks in (0..8).map(Locks::from_bits) {
        for lock in Lock::ALL {
            check_lines(&Event::Moderation(ModerationEvent::Locked {
                room,
                from,
                lock,
                locks,
            }));
            let set = Some(lock);
            check_lines(&Event::Ok(
                ModerationReply::Locks { room, locks, set }.into(),
            ));
        }
        let set = None;
        check_lines(&Event::Ok(
            ModerationReply::Locks { room, locks, set }.into(),
        ));
    }
    let id = LineId::MAX;
    let removed = ModerationEvent::Removed { room, from, id };
    check_lines(&Event::Moderation(removed));
    check_lines(&Event::Ok(ModerationReply::Removed { room, id }.into()));
}

#[test]
fn refusal_of_order_fits_and_most_are_one_line() {
    let (name, room) = (names(1)[0], room());
    let wide = "漢".repeat(300);
    let given = wide.as_str();
    let rule = |act| ModerationRefusal::NoRule { act, given, room };
    let refusals = [
        ModerationRefusal::NotOperator { room: None },
        ModerationRefusal::NotKeptHere { room },
        ModerationRefusal::Protected { name, owns: None },
        ModerationRefusal::Oneself,
        ModerationRefusal::NotThere { given, room },
        ModerationRefusal::NotAnAccount { given },
        rule(Act::Unmute),
        rule(Act::Unbar),
        rule(Act::Deop),
        ModerationRefusal::TooManyRules { rules_max: 999 },
        ModerationRefusal::NotKept { is_late: false },
        ModerationRefusal::NotKept { is_late: true },
    ];
    for refusal in refusals {
        let event = Event::Error(refusal.into());
        check_lines(&event);
        assert_eq!(lines_of(&event).len(), 1, "{:#?}", lines_of(&event));
    }
    for refusal in [
        ModerationRefusal::NotOperator { room: Some(room) },
        ModerationRefusal::NoOperators { room },
        ModerationRefusal::Protected {
            name,
            owns: Some(room),
        },
        ModerationRefusal::BadTime,
        ModerationRefusal::NoSuchLine { room },
    ] {
        let event = Event::Error(refusal.into());
        check_lines(&event);
        assert!(lines_of(&event).len() <= 2, "{:#?}", lines_of(&event));
    }
}
