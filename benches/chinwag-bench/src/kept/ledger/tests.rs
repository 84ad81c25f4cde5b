//! Each thing that a server can do wrong with kept lines is found, and nothing else.

use super::*;

const ALICE: ClientNo = ClientNo::new(1);
const BOB: ClientNo = ClientNo::new(2);
const ABSENT: Place = Place::Mailbox(ClientNo::new(9));

fn key(sender: ClientNo, number: u32) -> Key {
    Key { sender, number }
}

/// Three lines in the room, heard and answered: those of alice have the ids 10 and 12, bob's has 11.
fn said() -> (Ledger, [(Key, u64); 3]) {
    let lines = [(key(ALICE, 0), 10), (key(BOB, 0), 11), (key(ALICE, 1), 12)];
    let mut ledger = Ledger::default();
    for (key, id) in lines {
        ledger.sent(key, Place::Room);
        ledger.heard(key, Some(id));
        ledger.answered(key, Some(id));
    }
    (ledger, lines)
}

/// What is found after the room's history was read, which has these lines.
fn read(ledger: &mut Ledger, since: u64, lines: &[(Key, u64)]) -> Faults {
    ledger.begin_pass(since);
    for (key, id) in lines {
        ledger.shown(Place::Room, *key, *id);
    }
    assert!(ledger.end_pass(Place::Room) <= lines.len() as u64);
    ledger.take_faults()
}

#[track_caller]
fn expect(found: &Faults, lost: u64, duplicated: u64, out_of_order: u64, renumbered: u64) {
    let errors = DeliveryErrors {
        lost,
        duplicated,
        out_of_order,
    };
    assert_eq!(
        (found.errors, found.renumbered),
        (errors, renumbered),
        "{found:?}"
    );
    let is_sound = errors.is_none() && renumbered == 0;
    assert_eq!(found.first.is_none(), is_sound, "{found:?}");
}

#[test]
fn history_of_all_that_was_said_is_sound_however_often_it_is_read() {
    let (mut ledger, lines) = said();
    assert_eq!(ledger.unheard(), 0);
    for since in [0, 0, 9] {
        expect(&read(&mut ledger, since, &lines), 0, 0, 0, 0);
    }
    expect(&read(&mut ledger, 10, &lines[1..]), 0, 0, 0, 0);
    assert_eq!(ledger.last_id(), 12);
}

#[test]
fn line_that_is_not_in_the_history_is_lost() {
    for missing in 0..3 {
        let (mut ledger, lines) = said();
        let mut kept = lines.to_vec();
        let (gone, _) = kept.remove(missing);
        let found = read(&mut ledger, 0, &kept);
        expect(&found, 1, 0, 0, 0);
        assert!(found.first.unwrap().starts_with(&gone.to_string()));
    }
    let (mut ledger, lines) = said();
    expect(&read(&mut ledger, 0, &lines), 0, 0, 0, 0);
    let later = read(&mut ledger, 0, &lines[..2]);
    expect(&later, 1, 0, 0, 0);
}

#[test]
fn line_that_is_in_the_history_twice_or_was_never_said_is_doubled() {
    let (mut ledger, [first, second, third]) = said();
    let found = read(&mut ledger, 0, &[first, second, second, third]);
    expect(&found, 0, 1, 0, 0);
    let stranger = (key(BOB, 7), 13);
    let found = read(&mut ledger, 0, &[first, second, third, stranger]);
    expect(&found, 0, 1, 0, 0);
    ledger.heard(first.0, Some(first.1));
    expect(&ledger.take_faults(), 0, 1, 0, 0);
}

#[test]
fn line_behind_one_that_was_said_later_is_out_of_order() {
    let (mut ledger, [first, second, third]) = said();
    let found = read(&mut ledger, 0, &[second, first, third]);
    expect(&found, 0, 0, 1, 0);
    // Ids that rise tell nothing if they are not those of the order that was heard.
    let mut ledger = Ledger::default();
    let lines = [(key(ALICE, 0), 11), (key(BOB, 0), 10)];
    for (key, id) in lines {
        ledger.sent(key, Place::Room);
        ledger.heard(key, Some(id));
        ledger.answered(key, Some(id));
    }
    let [first, second] = lines;
    expect(&read(&mut ledger, 0, &[second, first]), 0, 0, 1, 0);
    // Nor if one sender's own lines are swapped, whoever heard them.
    let mut ledger = Ledger::default();
    for (number, id) in [(0, 11), (1, 10)] {
        ledger.sent(key(ALICE, number), Place::Room);
        ledger.answered(key(ALICE, number), Some(id));
    }
    let swapped = [(key(ALICE, 1), 10), (key(ALICE, 0), 11)];
    expect(&read(&mut ledger, 0, &swapped), 0, 0, 1, 0);
}

#[test]
fn line_with_another_id_than_it_was_answered_with_is_renumbered() {
    let (mut ledger, [first, second, (third, _)]) = said();
    let found = read(&mut ledger, 0, &[first, second, (third, 13)]);
    expect(&found, 0, 0, 0, 1);
    let late = key(BOB, 1);
    ledger.sent(late, Place::Room);
    ledger.heard(late, Some(14));
    ledger.answered(late, Some(15));
    expect(&ledger.take_faults(), 0, 0, 0, 1);
}

#[test]
fn id_that_another_line_had_is_found_even_if_that_line_is_gone() {
    let (mut ledger, _) = said();
    let gone = key(BOB, 1);
    ledger.sent(gone, Place::Room);
    ledger.heard(gone, Some(13));
    // It was never answered, and the next server gives its id again.
    let next = key(ALICE, 2);
    ledger.sent(next, ABSENT);
    ledger.answered(next, Some(13));
    expect(&ledger.take_faults(), 0, 0, 0, 1);
}

#[test]
fn line_that_was_not_answered_may_come_back_or_not() {
    for comes_back in [false, true] {
        let (mut ledger, lines) = said();
        let unanswered = (key(BOB, 1), 13);
        ledger.sent(unanswered.0, Place::Room);
        let mut kept = lines.to_vec();
        kept.extend(comes_back.then_some(unanswered));
        expect(&read(&mut ledger, 0, &kept), 0, 0, 0, 0);
    }
}

#[test]
fn line_that_was_answered_is_unheard_until_the_witness_hears_it() {
    let mut ledger = Ledger::default();
    let [first, second] = [key(ALICE, 0), key(BOB, 0)];
    for key in [first, second] {
        ledger.sent(key, Place::Room);
    }
    ledger.answered(first, Some(10));
    assert_eq!(ledger.unheard(), 1);
    ledger.heard(second, Some(11));
    ledger.answered(second, Some(11));
    assert_eq!(ledger.unheard(), 1);
    ledger.heard(first, Some(10));
    assert_eq!(ledger.unheard(), 0);
}

#[test]
fn mailbox_gives_what_waited_once_and_then_no_more() {
    let waited = [(key(ALICE, 0), 20), (key(ALICE, 1), 21)];
    let collect = |ledger: &mut Ledger, lines: &[(Key, u64)]| {
        ledger.begin_pass(0);
        for (key, id) in lines {
            ledger.shown(ABSENT, *key, *id);
        }
        ledger.end_pass(ABSENT);
        ledger.take_faults()
    };
    let sent = || {
        let mut ledger = Ledger::default();
        for (key, id) in waited {
            ledger.sent(key, ABSENT);
            ledger.answered(key, Some(id));
        }
        ledger
    };
    let mut ledger = sent();
    expect(&collect(&mut ledger, &waited), 0, 0, 0, 0);
    expect(&collect(&mut ledger, &[]), 0, 0, 0, 0);
    expect(&collect(&mut ledger, &waited[..1]), 0, 1, 0, 0);
    expect(&collect(&mut sent(), &waited[1..]), 1, 0, 0, 0);
    // It is for one, and nobody else.
    let mut ledger = sent();
    expect(&read(&mut ledger, 0, &waited[..1]), 0, 1, 0, 0);
}
