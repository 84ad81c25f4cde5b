//! What must hold of a history when it is over, from what everyone sent and heard.
//!
//! - Each heard, in the witness's order and once, lines that were said where they were; and heard
//!   and missed together as many as were said there for them, to the line. Nothing came of whom
//!   they ignored, and nothing that was not for them.
//! - Joins and leaves, one by one and summed up, leave as many in each room as are there.
//! - What one person says to another keeps its order; every text comes as it was typed.
//! - Each line has one answer, one that fits it. What was answered with `ok` was said.
//! - Each copy of a private message was delivered, or refused, or its sender was told; one of these.
//! - Who reads everything misses nothing, gets all answers, and is not closed by the server; who
//!   does not is not closed for it before the time.
//! - Who finds no place is turned away with a line that says so, and everyone else is let in;
//!   strangers are answered in their own protocol. Telnet's options are refused once each.
//! - The names of those who are gone are free, and no others.

use crate::admission::{check_refused, check_stranger};
use crate::client_log::{self, Answer, Output, names_in, number_of};
use crate::client_view::{Answers, Listener, View};
use crate::clients::{Line, Person};
use crate::history::{History, WITNESS};
use crate::private::check_private;
use crate::room_log::Record;
use crate::stats::Tally;

/// What one person got, as far as it was read.
struct Reading {
    output: Output,
    answers: Answers,
    /// Which line each of those heard answers.
    places: Vec<Option<usize>>,
}

impl Reading {
    fn of(person: &Person) -> Self {
        let output = if person.is_unwelcome() {
            Output::default()
        } else {
            client_log::read(person)
        };
        let (answers, places) = Answers::match_up(person, &output.lines);
        Self {
            output,
            answers,
            places,
        }
    }
}

pub fn judge(history: &History) -> Tally {
    check_ends(history);
    let readings: Vec<Reading> = history.people.iter().map(Reading::of).collect();
    let witness = &readings[WITNESS].output;
    let record = Record::of(
        history,
        &witness.lines,
        witness.uncounted,
        |person, switch| {
            let answer = readings[person.number].answers.of_line[switch.line].as_ref();
            answer.is_none_or(|answer| answer.code.is_none())
        },
    );
    let people = history.people.iter().zip(&readings);
    let views: Vec<View> = people
        .map(|(person, reading)| {
            let Reading {
                output,
                answers,
                places,
            } = reading;
            let listener = Listener::new(history, &record, person);
            listener.listen(&output.lines, output.uncounted, answers, places)
        })
        .collect();
    let mut tally = Tally::of(history);
    for ((person, view), reading) in history.people.iter().zip(&views).zip(&readings) {
        let is_here = !person.client.is_closed();
        tally.add_view(person, view);
        if person.habits.steady {
            assert!(view.missed.is_empty(), "{} reads everything", person.name);
        }
        if is_here {
            tally.counted += u64::from(check_counts(&record, person, view));
            check_telnet(person, &reading.output, view);
        }
        if is_to_be_answered(history, person) {
            check_answers(&record, person, &reading.answers);
            check_away(history, person, view);
        }
        if is_here && person.habits.json {
            check_private(history, person, &reading.answers, &views, &mut tally);
        }
    }
    check_deliveries(history, &views);
    check_stats(history, &readings[WITNESS].answers);
    tally
}

/// Who is still there, and who is not.
fn check_ends(history: &History) {
    let switchboard = &history.server.switchboard;
    let people = history.people.iter();
    let open = people.filter(|person| !person.client.is_closed()).count();
    assert_eq!(switchboard.connection_count(), open);
    for person in &history.people {
        let name = &person.name;
        if person.was_refused && !history.plan.shutdown {
            check_refused(person);
        } else if let Some(stranger) = person.habits.stranger
            && !history.plan.shutdown
        {
            check_stranger(person, stranger);
        }
        if person.client.is_closed() {
            let was_let_go = person.has_ended() || person.is_unwelcome() || history.plan.shutdown;
            assert!(
                was_let_go || !person.habits.steady,
                "{name} reads everything, and was closed"
            );
            continue;
        }
        assert!(!history.plan.shutdown, "{name} outlives a shutdown");
        assert!(!person.has_ended(), "{name} has ended, and is still here");
        assert!(!person.is_unwelcome(), "{name} is to be gone");
        let is_named = switchboard.chat().name_of(person.client.id).is_some();
        assert!(is_named, "{name} gave a name and has none");
        let wire = person.client.wire.borrow();
        assert!(wire.to_server.is_empty(), "input of {name} is left");
    }
}

/// Lines heard and missed. Says whether what somebody is to hear is known.
fn check_counts(record: &Record<'_>, person: &Person, view: &View) -> bool {
    let Some(due) = record.due(person) else {
        return false;
    };
    let name = &person.name;
    for (room, (least, most)) in &due.by_room {
        let heard = view.heard.get(room).copied().unwrap_or_default();
        let missed = view.missed.get(room).copied().unwrap_or_default();
        assert!(heard <= *most, "{name} heard {heard} of {most} in {room}");
        // A new name may be among those missed.
        assert!(
            heard + missed >= *least,
            "{name} heard {heard} and missed {missed} of {least} in {room}"
        );
    }
    let heard = view.heard.values().sum::<u64>() + view.renames;
    let missed: u64 = view.missed.values().sum();
    let (least, most) = due.total();
    assert!(
        (least..=most).contains(&(heard + missed)),
        "{name} heard {heard} and missed {missed} of {least} to {most}: {view:?} of {due:?}"
    );
    least == most
}

/// Telnet's questions are answered, and its options refused once each.
fn check_telnet(person: &Person, output: &Output, view: &View) {
    let name = &person.name;
    assert_eq!(output.refusals, person.refusals_due, "telnet with {name}");
    assert_eq!(view.here, person.here_due, "{name} asked who is here");
}

/// Whether somebody read all answers in a form that can be told apart from the rest: who is still
/// there, and who read everything up to an end of their own.
fn is_to_be_answered(history: &History, person: &Person) -> bool {
    let saw_the_end = person.habits.steady
        && (person.has_half_closed || person.has_quit)
        && !person.is_reset
        && !history.plan.stalls
        && !history.plan.shutdown;
    let asks = person.habits.json && !person.is_unwelcome();
    asks && (!person.client.is_closed() || saw_the_end)
}

fn check_answers(record: &Record<'_>, person: &Person, answers: &Answers) {
    let name = &person.name;
    assert!(answers.started, "{name} was not answered");
    assert_eq!(answers.left_over, 0, "answers to no line of {name}");
    let mut in_json = true;
    for (line, answer) in person.sent.iter().zip(&answers.of_line) {
        in_json &= !matches!(line, Line::ToPlain);
        in_json |= matches!(line, Line::ToJson);
        let Some(answer) = answer else {
            assert!(!in_json, "{name}: {line:?} was not answered");
            continue;
        };
        assert!(in_json, "{name}: {line:?} was answered in JSON");
        let fits = fits(record, person, line, answer);
        assert!(fits, "{name}: {line:?} was answered {answer:?}");
    }
}

/// Whether an answer fits a line.
fn fits(record: &Record<'_>, person: &Person, line: &Line, answer: &Answer) -> bool {
    let code = answer.code.as_deref();
    match line {
        Line::Said(number) if code.is_none() => record.said(*number).is_some(),
        Line::Said(number) => code == Some("not_in_room") && record.said(*number).is_none(),
        Line::Private { .. } | Line::Reply(_) => {
            matches!(code, None | Some("no_such_user" | "not_delivered"))
        }
        Line::TooLong => code == Some("line_too_long"),
        Line::Refused(expected) => code == Some(expected),
        Line::Ignore { whom, .. } => match code {
            None => number_of(answer.fields["name"].as_str().unwrap_or_default()) == *whom,
            // They are gone, or have another name by now; and so did nothing come of the ignoring.
            Some(code) => matches!(code, "no_such_user" | "bad_usage"),
        },
        Line::Whois(whom) => {
            let knows_address = answer.fields["address"].is_string();
            let is_known = code.is_none() && knows_address == (*whom == person.number);
            is_known || code == Some("no_such_user")
        }
        Line::Names(room) => check_names(record, room, answer),
        Line::FreeName | Line::Stats | Line::ToJson | Line::Away => code.is_none(),
        Line::ToPlain => false,
        Line::Other => !matches!(code, Some("line_too_long" | "unknown_command")),
    }
}

/// Whether the witness sees in a room whom they were told of.
fn check_names(record: &Record<'_>, room: &str, answer: &Answer) -> bool {
    let (count, who) = record.population(room);
    let total = answer.fields["total"].as_u64();
    let there = names_in(&answer.fields["users"]).into_iter();
    let there = there.filter(|person| *person != WITNESS).collect();
    count.is_none_or(|count| total == Some(count + 1)) && who.is_none_or(|who| who == there)
}

/// That somebody is away is told once for each time that they say so.
fn check_away(history: &History, person: &Person, view: &View) {
    for (who, told) in &view.away {
        let sent = &history.people[*who].sent;
        let said = sent
            .iter()
            .filter(|line| matches!(line, Line::Away))
            .count();
        assert!(
            *told <= said as u64,
            "{} was told {told} times that c{who} is away",
            person.name
        );
    }
}

/// Replies went to whom they were for.
fn check_deliveries(history: &History, views: &[View]) {
    for (who, view) in views.iter().enumerate() {
        for number in &view.delivered {
            let from = history.utterances[*number].from;
            let to = views[from].replies.get(number);
            assert!(to.is_none_or(|to| *to == who), "a reply came to c{who}");
        }
    }
}

/// Nobody was closed for not reading in less time than that takes; so many were turned away as
/// found no place.
fn check_stats(history: &History, answers: &Answers) {
    if history.plan.shutdown {
        return;
    }
    let witness = &history.people[WITNESS];
    let asked = witness
        .sent
        .iter()
        .position(|line| matches!(line, Line::Stats));
    let answer = asked.and_then(|place| answers.of_line[place].as_ref());
    let stats = &answer.expect("the witness asked").fields;
    let refused = history.people.iter().filter(|one| one.was_refused).count();
    assert_eq!(stats["refused"].as_u64(), Some(refused as u64), "refused");
    if history.plan.last_hour {
        return;
    }
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
        let may_be_gone = person.has_ended() || person.is_unwelcome();
        assert!(
            may_be_gone || !person.client.is_closed(),
            "{} goes on reading, and was closed",
            person.name
        );
    }
}
