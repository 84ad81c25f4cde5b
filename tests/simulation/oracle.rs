//! The checks of a finished history, on the lines that its clients sent and got.
//!
//! - Each client got, in the witness's order and once, lines of the rooms that it was in; and its
//!   received and skipped lines together are exactly those due to it. No line came from an ignored
//!   client or for another one.
//! - Joins and leaves, one by one and summed up, give the members of each room.
//! - The lines from one client to another keep their order; every text arrives as it was typed.
//! - Each line has one answer, one that fits it. A line answered with `ok` was sent on.
//! - Each copy of a private message was delivered, or refused, or its sender was told; one of these.
//! - A client that reads everything skips no line, gets all answers, and is not closed by the server;
//!   another is not closed for its reading before the time.
//! - A client past a limit is refused with a line that names it, and every other is admitted;
//!   foreign protocols are answered in kind. Telnet's options are refused once each.
//! - The names of gone clients are free, and no others.

use crate::admission::{check_foreign, check_refused};
use crate::client_log::{self, Answer, ClientLog, names_in, number_of};
use crate::client_view::{Answers, ClientView, Listener};
use crate::clients::{Client, Line};
use crate::history::{History, WITNESS};
use crate::private::check_private;
use crate::room_log::RoomLog;
use crate::stats::Stats;

/// One client's log, read by the oracle.
struct Reading {
    output: ClientLog,
    answers: Answers,
    /// For each line of the log, the place of the line that it answers.
    places: Vec<Option<usize>>,
}

impl Reading {
    fn of(client: &Client) -> Self {
        let output = if client.is_unwelcome() {
            ClientLog::default()
        } else {
            client_log::read(client)
        };
        let (answers, places) = Answers::match_up(client, &output.lines);
        Self {
            output,
            answers,
            places,
        }
    }
}

pub fn judge(history: &History) -> Stats {
    check_ends(history);
    let readings: Vec<Reading> = history.clients.iter().map(Reading::of).collect();
    let witness = &readings[WITNESS].output;
    let record = RoomLog::of(
        history,
        &witness.lines,
        witness.uncounted,
        |client, switch| {
            let answer = readings[client.number].answers.of_line[switch.line].as_ref();
            answer.is_none_or(|answer| answer.code.is_none())
        },
    );
    let clients = history.clients.iter().zip(&readings);
    let views: Vec<ClientView> = clients
        .map(|(client, reading)| {
            let Reading {
                output,
                answers,
                places,
            } = reading;
            let listener = Listener::new(history, &record, client);
            listener.listen(&output.lines, output.uncounted, answers, places)
        })
        .collect();
    let mut stats = Stats::of(history);
    for ((client, view), reading) in history.clients.iter().zip(&views).zip(&readings) {
        let is_here = !client.connection.is_closed();
        stats.add_view(client, view);
        if client.habits.reads_at_once {
            assert!(view.missed.is_empty(), "{} reads everything", client.name);
        }
        if is_here {
            stats.counted += u64::from(check_counts(&record, client, view));
            check_telnet(client, &reading.output, view);
        }
        if is_to_be_answered(history, client) {
            check_answers(&record, client, &reading.answers);
            check_away(history, client, view);
        }
        if is_here && client.habits.json {
            check_private(history, client, &reading.answers, &views, &mut stats);
        }
    }
    check_deliveries(history, &views);
    check_stats(history, &readings[WITNESS].answers);
    stats
}

/// Checks which connections are still open.
fn check_ends(history: &History) {
    let switchboard = &history.server.switchboard;
    let clients = history.clients.iter();
    let open = clients
        .filter(|client| !client.connection.is_closed())
        .count();
    assert_eq!(switchboard.connection_count(), open);
    for client in &history.clients {
        let name = &client.name;
        if client.was_refused && !history.plan.shutdown {
            check_refused(client);
        } else if let Some(foreign) = client.habits.foreign
            && !history.plan.shutdown
        {
            check_foreign(client, foreign);
        }
        if client.connection.is_closed() {
            let was_let_go = client.has_ended() || client.is_unwelcome() || history.plan.shutdown;
            assert!(
                was_let_go || !client.habits.reads_at_once,
                "{name} reads everything, and was closed"
            );
            continue;
        }
        assert!(!history.plan.shutdown, "{name} outlives a shutdown");
        assert!(!client.has_ended(), "{name} has ended, and is still here");
        assert!(!client.is_unwelcome(), "{name} is to be gone");
        let is_named = switchboard.chat().name_of(client.connection.id).is_some();
        assert!(is_named, "{name} gave a name and has none");
        let socket = client.connection.socket.borrow();
        assert!(socket.to_server.is_empty(), "input of {name} is left");
    }
}

/// Checks received and skipped lines. Returns whether the lines due to the client are known.
fn check_counts(record: &RoomLog<'_>, client: &Client, view: &ClientView) -> bool {
    let Some(due) = record.due(client) else {
        return false;
    };
    let name = &client.name;
    for (room, (least, most)) in &due.by_room {
        let heard = view.heard.get(room).copied().unwrap_or_default();
        let missed = view.missed.get(room).copied().unwrap_or_default();
        let most = most + due.perhaps_here.get(room).copied().unwrap_or_default();
        assert!(heard <= most, "{name} heard {heard} of {most} in {room}");
        // A rename may be among the skipped lines.
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

/// Checks that telnet's questions are answered, and its options refused once each.
fn check_telnet(client: &Client, output: &ClientLog, view: &ClientView) {
    let name = &client.name;
    assert_eq!(output.refusals, client.refusals_due, "telnet with {name}");
    assert_eq!(view.here, client.here_due, "{name} asked \"are you there\"");
}

/// Whether a client read all answers, in JSON: it is still connected, or read everything up to its own
/// end.
fn is_to_be_answered(history: &History, client: &Client) -> bool {
    let read_to_the_end = client.habits.reads_at_once
        && (client.has_half_closed || client.has_quit)
        && !client.is_reset
        && !history.plan.stalls
        && !history.plan.shutdown;
    let asks = client.habits.json && !client.is_unwelcome();
    asks && (!client.connection.is_closed() || read_to_the_end)
}

fn check_answers(record: &RoomLog<'_>, client: &Client, answers: &Answers) {
    let name = &client.name;
    assert!(answers.started, "{name} was not answered");
    assert_eq!(answers.left_over, 0, "answers to no line of {name}");
    let mut in_json = true;
    for (line, answer) in client.sent.iter().zip(&answers.of_line) {
        in_json &= !matches!(line, Line::ToPlain);
        in_json |= matches!(line, Line::ToJson);
        let Some(answer) = answer else {
            assert!(!in_json, "{name}: {line:?} was not answered");
            continue;
        };
        assert!(in_json, "{name}: {line:?} was answered in JSON");
        let fits = fits(record, client, line, answer);
        assert!(fits, "{name}: {line:?} was answered {answer:?}");
    }
}

/// Whether an answer fits a line.
fn fits(record: &RoomLog<'_>, client: &Client, line: &Line, answer: &Answer) -> bool {
    let code = answer.code.as_deref();
    match line {
        Line::Said(number) if code.is_none() => record.said(*number).is_some(),
        Line::Said(number) => code == Some("not_in_room") && record.said(*number).is_none(),
        Line::Private { .. } | Line::Reply(_) => {
            matches!(code, None | Some("no_such_user" | "not_delivered"))
        }
        Line::TooLong => code == Some("line_too_long"),
        Line::Refused(expected) => code == Some(expected),
        Line::Ignore { target, .. } => match code {
            None => number_of(answer.fields["name"].as_str().unwrap_or_default()) == *target,
            // The target is gone or renamed, so that the ignore did not happen.
            Some(code) => matches!(code, "no_such_user" | "bad_usage"),
        },
        Line::Whois(target) => {
            let knows_address = answer.fields["address"].is_string();
            let is_known = code.is_none() && knows_address == (*target == client.number);
            is_known || code == Some("no_such_user")
        }
        Line::Names(room) => check_names(record, room, answer),
        Line::FreeName | Line::Stats | Line::ToJson | Line::Away => code.is_none(),
        Line::ToPlain => false,
        Line::Other => !matches!(code, Some("line_too_long" | "unknown_command")),
    }
}

/// Whether the witness sees the members in a room that the notices told it of.
fn check_names(record: &RoomLog<'_>, room: &str, answer: &Answer) -> bool {
    let (count, index) = record.population(room);
    let total = answer.fields["total"].as_u64();
    let there = names_in(&answer.fields["users"]).into_iter();
    let there = there.filter(|client| *client != WITNESS).collect();
    count.is_none_or(|count| total == Some(count + 1)) && index.is_none_or(|index| index == there)
}

/// Checks that an away notice comes once for each absence.
fn check_away(history: &History, client: &Client, view: &ClientView) {
    for (index, told) in &view.away {
        let sent = &history.clients[*index].sent;
        let said = sent
            .iter()
            .filter(|line| matches!(line, Line::Away))
            .count();
        assert!(
            *told <= said as u64,
            "{} was told {told} times that c{index} is away",
            client.name
        );
    }
}

/// Checks that replies reached their recipients.
fn check_deliveries(history: &History, views: &[ClientView]) {
    for (index, view) in views.iter().enumerate() {
        for number in &view.delivered {
            let from = history.utterances[*number].from;
            let to = views[from].replies.get(number);
            assert!(to.is_none_or(|to| *to == index), "a reply came to c{index}");
        }
    }
}

/// Checks that no client was closed as stalled before the stall time, and that the refused ones are
/// those without a place.
fn check_stats(history: &History, answers: &Answers) {
    if history.plan.shutdown {
        return;
    }
    let witness = &history.clients[WITNESS];
    let asked = witness
        .sent
        .iter()
        .position(|line| matches!(line, Line::Stats));
    let answer = asked.and_then(|place| answers.of_line[place].as_ref());
    let stats = &answer.expect("the witness asked").fields;
    let refused = history.clients.iter().filter(|one| one.was_refused).count();
    assert_eq!(stats["refused"].as_u64(), Some(refused as u64), "refused");
    if history.plan.last_hour {
        return;
    }
    let closed = |reason: &str| stats["closed"][reason].as_u64().expect("a reason");
    let stalled = closed("unread output without progress");
    if !history.plan.stalls {
        assert_eq!(stalled, 0, "closed as stalled, and no client could");
    }
    let for_too_much = closed("unread output past the hard limit")
        + closed("largest queue when all were too large");
    if for_too_much > 0 {
        return;
    }
    for client in history.clients.iter().filter(|one| one.habits.reads_slowly) {
        let may_be_gone = client.has_ended() || client.is_unwelcome();
        assert!(
            may_be_gone || !client.connection.is_closed(),
            "{} goes on reading, and was closed",
            client.name
        );
    }
}
