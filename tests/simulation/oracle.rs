//! What must hold of a history when it is over, from what everyone sent and heard.
//!
//! - Each heard, in the witness's order and once, lines that were said where they were; and heard
//!   and missed together as many as were said there, to the line.
//! - What one person says to another keeps its order; every text comes as it was typed.
//! - Each line has one answer, one that fits it. What was answered with `ok` was said.
//! - Each copy of a private message was delivered, or refused, or its sender was told; one of these.
//! - Who reads everything misses nothing, gets all answers, and is not closed by the server; who
//!   does not is not closed for it before the time.

use std::collections::{BTreeMap, BTreeSet};

use crate::heard::{self, Answer};
use crate::history::{History, WITNESS};
use crate::people::{Addressee, Line, Person};
use crate::record::Record;
use crate::tally::Tally;
use crate::view::View;

pub fn judge(history: &History) -> Tally {
    check_ends(history);
    let read = |person: &Person| heard::read(&person.output, person.habits.crlf);
    let record = Record::of(history, &read(&history.people[WITNESS]));
    let views: Vec<View> = history
        .people
        .iter()
        .map(|person| View::of(history, &record, person, read(person)))
        .collect();
    let mut tally = Tally {
        histories: 1,
        crowds: u64::from(history.plan.crowd),
        turns: history.turns,
        people: history.people.len() as u64,
        ..Tally::default()
    };
    for (person, view) in history.people.iter().zip(&views) {
        tally.closed += u64::from(person.client.is_closed());
        tally.heard += view.heard.total();
        tally.missed += view.missed_in_all();
        if person.habits.steady {
            assert_eq!(view.missed_in_all(), 0, "{} reads everything", person.name);
        }
        if !person.client.is_closed() {
            tally.counted += u64::from(check_counts(&record, person, view));
        }
        if is_to_be_answered(history, person) {
            check_answers(&record, person, view);
        }
        if !person.client.is_closed() && person.habits.json {
            check_private(person, view, &views, &mut tally);
        }
    }
    check_stalls(history, &views[WITNESS]);
    tally
}

/// Who is still there, and who is not.
fn check_ends(history: &History) {
    let switchboard = &history.server.switchboard;
    let open = history
        .people
        .iter()
        .filter(|person| !person.client.is_closed());
    assert_eq!(switchboard.connection_count(), open.count());
    for person in &history.people {
        let name = &person.name;
        if person.client.is_closed() {
            let was_let_go = person.has_ended() || person.habits.silent || history.plan.shutdown;
            assert!(
                was_let_go || !person.habits.steady,
                "{name} reads everything, and was closed"
            );
            continue;
        }
        assert!(!history.plan.shutdown, "{name} outlives a shutdown");
        assert!(!person.has_ended(), "{name} has ended, and is still here");
        assert!(
            !person.habits.silent,
            "{name} never gave a name, and is still here"
        );
        let is_named = switchboard.chat().name_of(person.client.id).is_some();
        assert!(is_named, "{name} gave a name and has none");
        let wire = person.client.wire.borrow();
        assert!(wire.to_server.is_empty(), "input of {name} is left");
    }
}

/// Lines heard and missed. Says whether what somebody is to hear is known.
fn check_counts(record: &Record, person: &Person, view: &View) -> bool {
    let Some(due) = record.due(person) else {
        return false;
    };
    let name = &person.name;
    for (room, due) in &due.by_room {
        let heard = view.heard.by_room.get(room).copied().unwrap_or_default();
        let missed = view.missed.get(room).copied().unwrap_or_default();
        assert!(heard <= *due, "{name} heard {heard} of {due} in {room}");
        // A new name may be among those missed.
        assert!(
            heard + missed >= *due,
            "{name} heard {heard} and missed {missed} of {due} in {room}"
        );
    }
    let (heard, missed) = (view.heard.total(), view.missed_in_all());
    assert_eq!(
        heard + missed,
        due.total(),
        "{name} heard {heard} and missed {missed}: {view:?} of {due:?}"
    );
    true
}

/// Whether somebody read all answers in a form that can be told apart from the rest: who is still
/// there, and who read everything up to an end of their own.
fn is_to_be_answered(history: &History, person: &Person) -> bool {
    let saw_the_end = person.habits.steady
        && (person.has_half_closed || person.has_quit)
        && !person.is_reset
        && !history.plan.stalls
        && !history.plan.shutdown;
    let asks = person.habits.json && !person.habits.silent;
    asks && (!person.client.is_closed() || saw_the_end)
}

fn check_answers(record: &Record, person: &Person, view: &View) {
    let (sent, answers) = (&person.sent, &view.answers);
    assert!(view.started, "{} was not answered", person.name);
    assert_eq!(
        sent.len(),
        answers.len(),
        "lines and answers of {}",
        person.name
    );
    for (line, answer) in sent.iter().zip(answers) {
        let code = answer.code.as_deref();
        let fits = match line {
            Line::Said(number) if code.is_none() => record.said(*number).is_some(),
            Line::Said(number) => code == Some("not_in_room") && record.said(*number).is_none(),
            Line::Private { .. } => {
                matches!(code, None | Some("no_such_user" | "not_delivered"))
            }
            Line::TooLong => code == Some("line_too_long"),
            Line::Nonsense => code == Some("unknown_command"),
            Line::Other => !matches!(code, Some("line_too_long" | "unknown_command")),
        };
        assert!(fits, "{}: {line:?} was answered {answer:?}", person.name);
    }
}

/// Each copy of what somebody wrote privately was delivered, refused or lost, and what was lost is
/// what they were told of.
fn check_private(person: &Person, view: &View, views: &[View], tally: &mut Tally) {
    let mut lost: BTreeMap<usize, u64> = BTreeMap::new();
    for (line, answer) in person.sent.iter().zip(&view.answers) {
        let Line::Private { number, to } = line else {
            continue;
        };
        for addressee in to {
            let delivered = views[addressee.person].delivered.contains(number);
            if is_refused(answer, addressee, to.len()) {
                assert!(!delivered, "refused and delivered: {answer:?}");
                tally.refused += 1;
            } else if delivered {
                tally.delivered += 1;
            } else {
                *lost.entry(addressee.person).or_default() += 1;
                tally.told += 1;
            }
        }
    }
    assert_eq!(lost, view.told, "lost, and told to {}", person.name);
}

/// Whether the answer says that one of so many addressees was not reached: it names them.
fn is_refused(answer: &Answer, addressee: &Addressee, addressees: usize) -> bool {
    if answer.code.is_none() || addressees == 1 {
        return answer.code.is_some();
    }
    let text = answer.fields["text"].as_str().unwrap_or_default();
    let is_of_name = |character: char| character.is_ascii_alphanumeric() || character == '_';
    let words: BTreeSet<String> = text
        .split(|character: char| !is_of_name(character))
        .map(str::to_lowercase)
        .collect();
    words.contains(&addressee.name.to_lowercase())
}

/// Nobody was closed for not reading in less time than that takes.
fn check_stalls(history: &History, witness: &View) {
    if history.plan.last_hour || history.plan.shutdown {
        return;
    }
    let stats = &witness.answers.last().expect("the witness asked").fields;
    let closed = |reason: &str| stats["closed"][reason].as_u64().expect("a reason");
    let stalled = closed("unread output without progress");
    if !history.plan.stalls {
        assert_eq!(stalled, 0, "closed as stalled, and nobody could");
    }
    let for_too_much = closed("unread output past the hard limit")
        + closed("largest queue when all were too large");
    if for_too_much > 0 {
        return;
    }
    for person in history.people.iter().filter(|one| one.habits.plodding) {
        let may_be_gone = person.has_ended() || person.habits.silent;
        assert!(
            may_be_gone || !person.client.is_closed(),
            "{} goes on reading, and was closed",
            person.name
        );
    }
}
