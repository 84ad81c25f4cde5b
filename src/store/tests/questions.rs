//! Questions about what is kept.

use super::*;
use crate::chat::archive::{COUNTED_MAX, MissedLines};

/// Ten lines: the odd ones in the room, by alice, bob and a guest in turn.
fn filled() -> Stage {
    let mut stage = Stage::new();
    for number in 1..=3 {
        stage.make_account(number);
    }
    let mut last = None;
    for id in 1..=10 {
        let place = if id % 2 == 1 { ROOM } else { PlaceId::room(2) };
        let author = u32::try_from(id).unwrap() % 3;
        last = stage.archive.keep(&line(id, place, author, "four"));
    }
    stage.wait_kept(last);
    stage
}

/// Range, up to, lines, bytes, without; lines, end.
type Case = (
    PageRange,
    u64,
    usize,
    usize,
    &'static [u32],
    &'static [u64],
    bool,
);

#[test]
fn page_is_what_was_asked_for() {
    use PageRange::{Before, Newest, Since, SinceTime};
    let mut stage = filled();
    let cases: [Case; 22] = [
        (Newest, 99, 99, 999, &[], &[1, 3, 5, 7, 9], true),
        (Newest, 99, 5, 999, &[], &[1, 3, 5, 7, 9], true),
        (Newest, 99, 2, 999, &[], &[7, 9], false),
        (Newest, 7, 2, 999, &[], &[5, 7], false),
        (Newest, 0, 2, 999, &[], &[], true),
        (Newest, 99, 99, 12, &[], &[5, 7, 9], false),
        (Newest, 99, 99, 11, &[], &[7, 9], false),
        (Newest, 99, 99, 1, &[], &[9], false),
        (Newest, 99, 0, 0, &[], &[9], false),
        // 1 and 7 are alice's, 5 is bob's.
        (Newest, 99, 99, 999, &[1], &[3, 5, 9], true),
        (Newest, 99, 99, 999, &[3, 2, 1], &[3, 9], true),
        (Newest, 99, 2, 999, &[2], &[7, 9], false),
        (Before(LineId(7)), 99, 99, 999, &[], &[1, 3, 5], true),
        (Before(LineId(8)), 99, 2, 999, &[], &[5, 7], false),
        (Before(LineId(9)), 4, 99, 999, &[], &[1, 3], true),
        (Before(LineId(1)), 99, 99, 999, &[], &[], true),
        (Since(LineId(3)), 99, 99, 999, &[], &[5, 7, 9], true),
        (Since(LineId(2)), 99, 2, 999, &[], &[3, 5], false),
        (Since(LineId(3)), 7, 99, 999, &[], &[5, 7], true),
        (Since(LineId(9)), 99, 99, 999, &[], &[], true),
        (SinceTime(5000), 99, 99, 999, &[], &[5, 7, 9], true),
        (SinceTime(5001), 7, 99, 999, &[], &[7], true),
    ];
    for (range, up_to, lines_max, bytes_max, without, expected, expected_end) in cases {
        let answer = stage.ask(Question::Page {
            place: ROOM,
            range,
            up_to: LineId(up_to),
            limits: PageLimits {
                lines_max,
                bytes_max,
            },
            without: without.iter().copied().map(account).collect(),
            reader: None,
        });
        let Answer::Page { lines, end } = answer else {
            panic!("{answer:?}");
        };
        let case = format!("{range:?} up to {up_to}, {lines_max} lines, {bytes_max} bytes");
        assert_eq!(
            (ids(&lines), end),
            (expected.to_vec(), expected_end),
            "{case}"
        );
    }
    for (time, expected) in [(0, 5), (1, 5), (9000, 1), (9001, 0), (u64::MAX >> 1, 0)] {
        let (lines, _) = stage.page(ROOM, SinceTime(time));
        assert_eq!(lines.len(), expected, "since {time}");
    }
}

#[test]
fn own_lines_are_found_in_all_places() {
    let mut stage = filled();
    // Of 1, 4, 7, 10.
    for (before, up_to, lines_max, expected, expected_end) in [
        (None, 99, 99, &[1, 4, 7, 10][..], true),
        (None, 9, 2, &[4, 7], false),
        (Some(7), 99, 2, &[1, 4], true),
        (Some(1), 99, 2, &[], true),
    ] {
        let answer = stage.ask(Question::Own {
            account: account(1),
            before: before.map(LineId),
            up_to: LineId(up_to),
            limits: PageLimits { lines_max, ..BIG },
        });
        let Answer::Page { lines, end } = answer else {
            panic!("{answer:?}");
        };
        assert_eq!((ids(&lines), end), (expected.to_vec(), expected_end));
    }
}

#[test]
fn question_sees_what_was_decided_before_it_and_not_yet_committed() {
    let mut stage = filled();
    let go_on = stage.block_writer();
    stage.archive.keep(&line(11, ROOM, 1, "last")).unwrap();
    let asked = stage.archive.ask(Question::Page {
        place: ROOM,
        range: PageRange::Newest,
        up_to: LineId(11),
        limits: BIG,
        without: Vec::new(),
        reader: None,
    });
    // Said after it: not in it, whenever it is answered.
    let last = stage.archive.keep(&line(13, ROOM, 1, "later"));
    drop(go_on);
    let lines = stage.wait_for("answer", |done| match done {
        Settled::Answered(ticket, Some(Answer::Page { lines, .. })) if Some(*ticket) == asked => {
            Some(ids(lines))
        }
        _ => None,
    });
    assert_eq!(lines, [1, 3, 5, 7, 9, 11]);
    stage.wait_kept(last);
}

fn mark(stage: &mut Stage, number: u32, place: PlaceId, read: Option<u64>, shown: Option<u64>) {
    stage.change(Change::Mark {
        account: account(number),
        place,
        read: read.map(LineId),
        shown: shown.map(LineId),
    });
}

fn arrival(number: u32, places: &[PlaceId], up_to: u64, without: &[u32]) -> Question {
    Question::Arrival {
        account: account(number),
        places: places.to_vec(),
        up_to: LineId(up_to),
        without: without.iter().copied().map(account).collect(),
    }
}

fn missed(place: PlaceId, count: u64, since: u64) -> MissedLines {
    MissedLines {
        place,
        count,
        since: since * 1000,
    }
}

#[test]
fn arrival_counts_what_others_said_after_the_last_shown_line() {
    let mut stage = filled();
    let other = PlaceId::room(2);
    mark(&mut stage, 1, ROOM, None, Some(3));
    mark(&mut stage, 1, ROOM, Some(2), Some(1));
    for (up_to, without, expected) in [
        // 5 is bob's, 7 alice's own, 9 a guest's.
        (99, &[][..], vec![missed(ROOM, 2, 5)]),
        (8, &[], vec![missed(ROOM, 1, 5)]),
        (99, &[2], vec![missed(ROOM, 1, 9)]),
        (4, &[], vec![]),
    ] {
        let answer = stage.ask(arrival(1, &[ROOM, other], up_to, without));
        let expected = Answer::Arrival {
            missed: expected,
            waiting: vec![],
        };
        assert_eq!(answer, expected, "up to {up_to}");
    }
    mark(&mut stage, 1, other, None, Some(0));
    let answer = stage.ask(arrival(1, &[other, ROOM], 99, &[]));
    assert!(
        matches!(&answer, Answer::Arrival { missed: found, .. }
            if *found == [missed(other, 3, 2), missed(ROOM, 2, 5)]),
        "{answer:?}"
    );
}

#[test]
fn marks_that_move_after_a_question_do_not_change_its_answer() {
    let mut stage = filled();
    mark(&mut stage, 1, ROOM, Some(3), Some(3));
    let go_on = stage.block_writer();
    let asked = stage.archive.ask(arrival(1, &[ROOM], 99, &[]));
    let change = Change::Mark {
        account: account(1),
        place: ROOM,
        read: None,
        shown: Some(LineId(9)),
    };
    let ticket = stage.archive.change(change);
    drop(go_on);
    let found = stage.wait_for("answer", |done| match done {
        Settled::Answered(ticket, Some(Answer::Arrival { missed, .. }))
            if Some(*ticket) == asked =>
        {
            Some(missed.clone())
        }
        _ => None,
    });
    assert_eq!(found, [missed(ROOM, 2, 5)]);
    stage.wait_kept(ticket);
    let answer = stage.ask(arrival(1, &[ROOM], 99, &[]));
    assert!(matches!(answer, Answer::Arrival { missed, .. } if missed.is_empty()));
}

#[test]
fn lines_wait_until_they_are_delivered() {
    let mut stage = filled();
    let waits = |id, author, text| KeptLine {
        waits_for: AccountId::new(3),
        ..line(id, pair(author, 3), author, text)
    };
    for (id, author) in [(11, 1), (12, 2), (13, 1)] {
        stage.keep(&waits(id, author, "are you there?"));
    }
    let waiting = |stage: &mut Stage, up_to, without: &[u32]| match stage.ask(arrival(
        3,
        &[],
        up_to,
        without,
    )) {
        Answer::Arrival { waiting, .. } => ids(&waiting),
        other => panic!("{other:?}"),
    };
    assert_eq!(waiting(&mut stage, 99, &[]), [11, 12, 13]);
    assert_eq!(waiting(&mut stage, 12, &[]), [11, 12]);
    // They were let in when they were said.
    assert_eq!(waiting(&mut stage, 99, &[1]), [11, 12, 13]);
    let (mut stage, restored) = stage.reopen();
    let count = |author, count| (account(3), AccountId::new(author), count);
    assert_eq!(restored.waiting, [count(1, 2), count(2, 1)]);
    stage.change(Change::Delivered {
        account: account(3),
        lines: vec![LineId(11), LineId(12), LineId(4)],
    });
    assert_eq!(waiting(&mut stage, 99, &[]), [13]);
    let (mut stage, restored) = stage.reopen();
    assert_eq!(restored.waiting, [count(1, 1)]);
    assert_eq!(stage.ids(pair(1, 3)), [11, 13], "history keeps them");
}

#[test]
fn unread_lines_are_counted_past_the_mark_and_in_conversations_without_one() {
    let mut stage = filled();
    for id in 11..=12 {
        stage.keep(&line(id, pair(1, 2), 2, "psst"));
        stage.keep(&line(id + 10, pair(1, 3), 1, "own"));
    }
    mark(&mut stage, 1, ROOM, Some(3), None);
    let unread = |up_to, without: &[u32]| Question::Unread {
        account: account(1),
        rooms: vec![ROOM, PlaceId::room(2)],
        up_to: LineId(up_to),
        without: without.iter().copied().map(account).collect(),
    };
    let answer = stage.ask(unread(99, &[]));
    assert_eq!(answer, Answer::Unread(vec![(ROOM, 2), (pair(1, 2), 2)]));
    assert_eq!(
        stage.ask(unread(11, &[])),
        Answer::Unread(vec![(ROOM, 2), (pair(1, 2), 1)])
    );
    assert_eq!(stage.ask(unread(99, &[2])), Answer::Unread(vec![(ROOM, 1)]));
    mark(&mut stage, 1, pair(1, 2), Some(12), None);
    mark(&mut stage, 1, pair(1, 2), Some(11), Some(12));
    mark(&mut stage, 1, ROOM, Some(9), None);
    assert_eq!(stage.ask(unread(99, &[])), Answer::Unread(vec![]));
}

#[test]
fn first_mark_of_a_place_is_of_what_was_read_and_of_what_was_sent() {
    let mut stage = filled();
    let unread = |stage: &mut Stage| {
        stage.ask(Question::Unread {
            account: account(2),
            rooms: vec![ROOM],
            up_to: LineId(99),
            without: Vec::new(),
        })
    };
    let missed = |stage: &mut Stage| match stage.ask(arrival(2, &[ROOM], 99, &[])) {
        Answer::Arrival { missed, .. } => missed.first().map_or(0, |missed| missed.count),
        other => panic!("{other:?}"),
    };
    // Lines 7 and 9 are those of others past it.
    mark(&mut stage, 2, ROOM, None, Some(5));
    assert_eq!(unread(&mut stage), Answer::Unread(vec![(ROOM, 2)]));
    assert_eq!(missed(&mut stage), 2);
    // From then on each moves by itself.
    mark(&mut stage, 2, ROOM, None, Some(9));
    assert_eq!(unread(&mut stage), Answer::Unread(vec![(ROOM, 2)]));
    mark(&mut stage, 2, ROOM, Some(7), None);
    assert_eq!(unread(&mut stage), Answer::Unread(vec![(ROOM, 1)]));
    assert_eq!(missed(&mut stage), 0);
}

#[test]
fn count_of_missed_lines_stops_at_its_limit() {
    let mut stage = Stage::new();
    mark(&mut stage, 1, ROOM, None, Some(1));
    let mut last = None;
    for id in 2..=COUNTED_MAX + 500 {
        last = stage.archive.keep(&line(id, ROOM, 0, "x"));
    }
    stage.wait_kept(last);
    let answer = stage.ask(arrival(1, &[ROOM], 1 << 40, &[]));
    assert!(
        matches!(&answer, Answer::Arrival { missed: found, .. }
            if *found == [missed(ROOM, COUNTED_MAX, 2)]),
        "{answer:?}"
    );
}

#[test]
fn questions_past_the_limit_are_refused() {
    let mut stage = filled();
    let go_on = stage.block_writer();
    let tokens = Question::Tokens {
        account: account(1),
    };
    let mut asked = Vec::new();
    while let Some(ticket) = stage.archive.ask(tokens.clone()) {
        asked.push(ticket);
    }
    assert_eq!(asked.len(), crate::store::QUESTIONS_MAX);
    drop(go_on);
    for expected in asked {
        stage.wait_for("answer", |done| match done {
            Settled::Answered(ticket, Some(Answer::Tokens(_))) => {
                (*ticket == expected).then_some(())
            }
            _ => None,
        });
    }
    stage.ask(tokens);
}
