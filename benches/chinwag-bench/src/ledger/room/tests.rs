//! Rooms in which lines are lost, doubled, swapped or left out.

use super::super::errors;
use super::*;
use crate::dialect::CHINWAG;

const A: ClientNo = ClientNo::new(0);
const B: ClientNo = ClientNo::new(1);
const C: ClientNo = ClientNo::new(2);

/// The first members speak.
fn room(members: usize, speakers: usize) -> RoomLedger {
    RoomLedger::new(members, speakers, &CHINWAG)
}

#[test]
fn a_line_is_complete_when_every_other_member_has_it() {
    let mut ledger = room(3, 2);
    let (a, b) = (ledger.spoken(0), ledger.spoken(1));
    assert_eq!(ledger.arrived(C, A, a), Some(false));
    assert_eq!(ledger.arrived(B, A, a), Some(true));
    assert_eq!(ledger.errors().lost, 2);
    assert_eq!(ledger.arrived(C, B, b), Some(false));
    assert_eq!(ledger.arrived(A, B, b), Some(true));
    assert!(ledger.errors().is_none());
    assert_eq!(ledger.arrived(A, B, b), None);
    assert_eq!(ledger.errors(), errors(0, 1, 0));
}

/// Both speakers speak in turn, and the others hear that; one of them not as it was said.
fn heard_by_two(mistake: fn(&mut Vec<Line>), first_is_mistaken: bool) -> RoomLedger {
    let mut ledger = room(4, 2);
    let mut lines = Vec::new();
    for _ in 0..4 {
        lines.push((A, ledger.spoken(0)));
        lines.extend([1, 1].map(|speaker| (B, ledger.spoken(speaker))));
    }
    let mut mistaken = lines.clone();
    mistake(&mut mistaken);
    let mut hear = |who: ClientNo, heard: Option<&Line>| {
        if let Some((from, number)) = heard.filter(|(from, _)| *from != who) {
            let _ = ledger.arrived(who, *from, *number);
        }
    };
    let [first, last] = if first_is_mistaken {
        [&mistaken, &lines]
    } else {
        [&lines, &mistaken]
    };
    for place in 0..lines.len() {
        hear(C, first.get(place));
        hear(ClientNo::new(3), last.get(place));
        hear(A, lines.get(place));
        hear(B, lines.get(place));
    }
    ledger
}

#[test]
fn members_who_hear_all_must_hear_it_in_one_order() {
    for first_is_mistaken in [false, true] {
        let ledger = heard_by_two(|lines| lines.swap(3, 4), first_is_mistaken);
        assert_eq!(ledger.errors(), errors(0, 0, 2), "{first_is_mistaken}");
    }
}

#[test]
fn a_line_that_one_member_lacks_is_no_disorder() {
    // The second completes a round all the same.
    let mistakes: [fn(&mut Vec<Line>); 2] = [
        |lines| {
            lines.remove(3);
        },
        |lines| {
            lines.remove(5);
        },
    ];
    for mistake in mistakes {
        for first_is_mistaken in [false, true] {
            let ledger = heard_by_two(mistake, first_is_mistaken);
            assert_eq!(ledger.errors(), errors(1, 0, 0), "{first_is_mistaken}");
        }
    }
}

#[test]
fn what_one_is_told_too_much_does_not_hide_what_another_lacks() {
    let mut ledger = room(3, 1);
    let numbers = [1, 2, 3].map(|_| ledger.spoken(0));
    for number in numbers {
        let _ = ledger.arrived(B, A, number);
    }
    ledger.missed(B, 3);
    assert_eq!((ledger.errors().lost, ledger.told_too_many()), (3, 3));
    ledger.missed(C, 2);
    assert_eq!((ledger.errors().lost, ledger.told_too_many()), (1, 3));
    assert_eq!(ledger.errors(), errors(1, 0, 0));
    let _ = ledger.arrived(C, A, numbers[2]);
    assert_eq!((ledger.errors().lost, ledger.told_too_many()), (0, 3));
    ledger.missed(ClientNo::new(3), 4);
    assert_eq!((ledger.told_missed(), ledger.told_too_many()), (9, 7));
}

#[test]
fn an_end_that_is_under_way_shows_whatever_was_told() {
    let mut ledger = room(2, 2);
    assert_eq!(ledger.unheard_ends(), 0);
    let numbers = [ledger.spoken(0), ledger.spoken(0)];
    ledger.missed(B, 3);
    assert_eq!((ledger.errors().lost, ledger.told_too_many()), (0, 1));
    assert_eq!(ledger.unheard_ends(), 1, "A does not hear itself");
    for (number, unheard) in numbers.into_iter().zip([1, 0]) {
        let _ = ledger.arrived(B, A, number);
        assert_eq!(ledger.unheard_ends(), unheard);
    }
    assert_eq!((ledger.errors().lost, ledger.told_too_many()), (0, 3));
}

#[test]
fn a_line_never_spoken_or_echoed_counts_as_a_duplicate() {
    let mut ledger = room(3, 1);
    let number = ledger.spoken(0);
    assert_eq!(ledger.arrived(A, A, number), None);
    assert_eq!(ledger.arrived(B, A, number + 1), None);
    assert_eq!(ledger.errors(), errors(2, 2, 0));
    assert_eq!(ledger.arrived(B, A, number), Some(false));
    assert_eq!(ledger.arrived(C, A, number), Some(true));
    assert_eq!(ledger.errors(), errors(0, 2, 0));
}

#[test]
fn a_line_left_out_is_lost_unless_it_was_said() {
    let mut ledger = room(2, 1);
    let numbers = [ledger.spoken(0), ledger.spoken(0), ledger.spoken(0)];
    let _ = ledger.arrived(B, A, numbers[0]);
    let _ = ledger.arrived(B, A, numbers[2]);
    assert_eq!(ledger.errors(), errors(1, 0, 0));
    ledger.missed(B, 1);
    assert!(ledger.errors().is_none());
    assert_eq!(ledger.told_missed(), 1);
    assert_eq!(ledger.told_too_many(), 0);
    ledger.missed(B, 3);
    assert_eq!(ledger.told_too_many(), 3);
}

#[test]
fn a_late_line_is_out_of_order_and_not_lost() {
    let mut ledger = room(2, 1);
    let numbers = [ledger.spoken(0), ledger.spoken(0)];
    let _ = ledger.arrived(B, A, numbers[1]);
    assert_eq!(ledger.arrived(B, A, numbers[0]), Some(true));
    assert_eq!(ledger.errors(), errors(0, 0, 1));
}

#[test]
fn a_line_that_comes_twice_is_not_taken_for_one_that_was_skipped() {
    let mut ledger = room(2, 1);
    let numbers = [ledger.spoken(0), ledger.spoken(0)];
    let _ = ledger.arrived(B, A, numbers[1]);
    assert_eq!(ledger.arrived(B, A, numbers[1]), None);
    assert_eq!(ledger.errors(), errors(1, 1, 0));
}

#[test]
fn a_member_told_of_missed_lines_is_not_out_of_order() {
    let [d, e] = [3, 4].map(ClientNo::new);
    let mut ledger = room(5, 2);
    let (a, b) = (ledger.spoken(0), ledger.spoken(1));
    for (who, from, number) in [(C, A, a), (C, B, b), (d, A, a), (d, B, b)] {
        let _ = ledger.arrived(who, from, number);
    }
    // The line of A is left out, and that of B is the first that it hears after that.
    ledger.missed(e, 1);
    let _ = ledger.arrived(e, B, b);
    assert_eq!(ledger.errors().out_of_order, 0);
}
