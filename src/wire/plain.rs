//! Events as plain lines. The first byte tells the kind of a line, and no user's text comes first.

use std::fmt::{self, Arguments, Display, Formatter};

use crate::chat::archive::LineKind;
use crate::chat::event::{
    Event, MembershipReply, Notice, OperatorEvent, PlaceView, Reply, SaidReply,
};
use crate::chat::name::Name;

use super::framing::LineWriter;
use super::text::answer::Answer;
use super::text::calls::CallNews;
use super::text::history::{ForgottenText, PastText};
use super::text::notices::{HOW_TO_REGISTER, PresenceSummary};
use super::text::operators::OperatorNews;
use super::text::people::PeopleNews;
use super::text::{moderation, plural, replies};
use super::wall_time::WallTime;
use super::{Style, json};

/// Whether plain mode has no line for `event`: that something was said shows by itself.
#[must_use]
pub fn is_silent(event: &Event<'_>) -> bool {
    matches!(
        event,
        Event::Ok(Reply::Done | Reply::Said(SaidReply { waiting: [], .. }))
    )
}

/// Writes the lines of `event`, which happened at `time`.
pub fn encode(lines: &mut LineWriter<'_>, event: &Event<'_>, style: Style, time: WallTime) {
    let is_from_people = matches!(
        event,
        Event::Private { .. } | Event::Sent { .. } | Event::Message { .. } | Event::Action { .. }
    );
    if style.times && is_from_people {
        lines.begin(&time.hour_and_minute());
    }
    if style.calls && (is_from_people || matches!(event, Event::Late { .. })) {
        lines.ring();
    }
    match *event {
        // The three frequent ones are copied together, without formatting.
        Event::Private { from, text, .. } => {
            lines.pieces([b"@", from.as_bytes(), b": ", text.as_bytes()]);
        }
        Event::Sent { from, to, text, .. } => {
            let to = Unspaced(to);
            lines.text(b"@", format_args!("{from} -> {to}: {text}"));
        }
        Event::Message {
            room, from, text, ..
        } if style.in_other_room => {
            lines.pieces([
                b"[",
                room.as_bytes(),
                b"] ",
                from.as_bytes(),
                b": ",
                text.as_bytes(),
            ]);
        }
        Event::Message { from, text, .. } => {
            lines.pieces([from.as_bytes(), b": ", text.as_bytes()]);
        }
        Event::Action {
            room, from, text, ..
        } if style.in_other_room => {
            lines.pieces([
                b"[",
                room.as_bytes(),
                b"] ** ",
                from.as_bytes(),
                b" ",
                text.as_bytes(),
            ]);
        }
        Event::Action { from, text, .. } => {
            lines.pieces([b"** ", from.as_bytes(), b" ", text.as_bytes()]);
        }
        Event::Notice(notice) => encode_notice(lines, notice),
        Event::Ok(ref reply) => replies::answer(reply, time, &mut Notices(lines)),
        Event::Error(refusal) => error_words(lines, format_args!("{refusal}")),
        Event::Join { .. }
        | Event::Leave { .. }
        | Event::OwnJoin { .. }
        | Event::OwnLeave { .. }
        | Event::Rename { .. }
        | Event::Presence { .. }
        | Event::Topic { .. }
        | Event::Missed { .. }
        | Event::Forgotten { .. }
        | Event::Kept { .. } => encode_change(lines, event, time),
        Event::History { .. } | Event::Found { .. } | Event::Late { .. } => {
            encode_past(lines, event, time);
        }
        Event::People(ref event) => notice_line(lines, format_args!("{}", PeopleNews(event))),
        Event::Call(ref event) => notice_line(lines, format_args!("{}", CallNews(event))),
        Event::Moderation(ref event) => {
            if moderation::is_bad_news(event) {
                moderation::news(event, time, &mut Errors(lines));
            } else {
                moderation::news(event, time, &mut Notices(lines));
            }
        }
        Event::Operator(ref event) => encode_operators(lines, event, time),
        // It is to be put into a file, and read by programs.
        Event::Exported { .. } => json::encode(lines, event, time.unix_ms, false),
    }
}

/// A line that was said before, which begins as no line does that is said now.
fn encode_past(lines: &mut LineWriter<'_>, event: &Event<'_>, now: WallTime) {
    let past = match *event {
        Event::History {
            from,
            kind,
            at,
            text,
            ..
        } => PastText {
            now,
            at,
            place: None,
            from,
            kind,
            text,
        },
        Event::Found {
            place,
            from,
            kind,
            at,
            text,
            ..
        } => PastText {
            now,
            at,
            place: Some(place),
            from,
            kind,
            text,
        },
        Event::Late { from, at, text, .. } => PastText {
            now,
            at,
            place: Some(PlaceView::With(from)),
            from,
            kind: LineKind::Message,
            text,
        },
        _ => return,
    };
    notice_line(lines, format_args!("{past}"));
}

/// A change in a room, or a gap in its lines.
fn encode_change(lines: &mut LineWriter<'_>, event: &Event<'_>, time: WallTime) {
    match *event {
        Event::Join { room, name } => {
            notice_words(lines, format_args!("{name} has joined {room}."));
        }
        Event::Leave {
            room,
            name,
            text: None,
            ..
        } => {
            notice_words(lines, format_args!("{name} has left {room}."));
        }
        Event::Leave {
            room,
            name,
            text: Some(text),
            ..
        } => {
            notice_line(lines, format_args!("{name} has left {room}: {text}"));
        }
        Event::OwnJoin { room, .. } => {
            notice_words(lines, format_args!("You have joined {room}."));
        }
        Event::OwnLeave {
            room, moved: false, ..
        } => {
            notice_words(lines, format_args!("You have left {room}."));
        }
        // As the connection is told that left it.
        Event::OwnLeave { room, current, .. } => {
            let reply = Reply::Membership(MembershipReply::Parted { room, current });
            replies::answer(&reply, time, &mut Notices(lines));
        }
        Event::Rename { name, new_name } => {
            notice_words(lines, format_args!("{name} is now {new_name}."));
        }
        Event::Presence {
            room,
            joined,
            left,
            names,
        } => {
            let summary = PresenceSummary {
                room,
                joined,
                left,
                names,
            };
            notice_words(lines, format_args!("{summary}"));
        }
        Event::Topic {
            room,
            from,
            text: Some(text),
        } => {
            notice_line(
                lines,
                format_args!("{from} has set the topic of {room}: {text}"),
            );
        }
        Event::Topic {
            room,
            from,
            text: None,
        } => {
            notice_words(
                lines,
                format_args!("{from} has cleared the topic of {room}."),
            );
        }
        Event::Missed { room, count } => {
            let noun = if count == 1 { "line" } else { "lines" };
            notice_words(lines, format_args!("You missed {count} {noun} in {room}."));
        }
        Event::Forgotten { .. } | Event::Kept { .. } => encode_keeping(lines, event),
        Event::Private { .. }
        | Event::Sent { .. }
        | Event::Message { .. }
        | Event::Action { .. }
        | Event::History { .. }
        | Event::Found { .. }
        | Event::Exported { .. }
        | Event::Late { .. }
        | Event::People(_)
        | Event::Call(_)
        | Event::Moderation(_)
        | Event::Operator(_)
        | Event::Notice(_)
        | Event::Ok(_)
        | Event::Error(_) => {}
    }
}

/// A change in what is kept.
fn encode_keeping(lines: &mut LineWriter<'_>, event: &Event<'_>) {
    match *event {
        Event::Forgotten { place, from, ids } => {
            let count = ids.len();
            let forgotten = ForgottenText { place, from, count };
            notice_words(lines, format_args!("{forgotten}"));
        }
        Event::Kept {
            room,
            from,
            days: Some(days),
        } => {
            let noun = plural(days as usize, "day", "days");
            notice_words(
                lines,
                format_args!(
                    "{from} has lines in {room} kept for {days} {noun} from now on. \
                     The operator can read them, too."
                ),
            );
        }
        Event::Kept {
            room,
            from,
            days: None,
        } => {
            notice_words(
                lines,
                format_args!(
                    "{from} has lines in {room} kept no longer; those that were are erased."
                ),
            );
        }
        _ => {}
    }
}

fn encode_notice(lines: &mut LineWriter<'_>, notice: Notice<'_>) {
    match notice {
        Notice::Undelivered { .. }
        | Notice::NotKept { .. }
        | Notice::Replaced
        | Notice::AccountEnded
        | Notice::NotUtf8
        | Notice::UnendedSubnegotiation
        | Notice::Closing(_) => {
            error_words(lines, format_args!("{notice}"));
        }
        Notice::HowToRegister => {
            for line in HOW_TO_REGISTER {
                lines.pieces([b"* ", line.as_bytes()]);
            }
        }
        Notice::IsAway { .. } | Notice::Motd(_) => notice_line(lines, format_args!("{notice}")),
        Notice::PageEnd { .. }
        | Notice::Cancelled
        | Notice::WhoReads
        | Notice::NotEncrypted
        | Notice::Connected(_)
        | Notice::HowToRename { .. }
        | Notice::Here { .. }
        | Notice::RateLimited { .. }
        | Notice::ShuttingDown => notice_words(lines, format_args!("{notice}")),
    }
}

fn encode_operators(lines: &mut LineWriter<'_>, event: &OperatorEvent<'_>, time: WallTime) {
    let prefix: &[u8] = match event {
        OperatorEvent::Barred(_) => b"! ",
        _ => b"* ",
    };
    lines.text(prefix, format_args!("{}", OperatorNews(event, time)));
}

/// The lines of an answer, as notices.
struct Notices<'a, 'b>(&'a mut LineWriter<'b>);

impl Answer for Notices<'_, '_> {
    fn words(&mut self, words: Arguments<'_>) {
        notice_words(self.0, words);
    }

    fn line(&mut self, text: Arguments<'_>) {
        notice_line(self.0, text);
    }
}

/// The lines of news that are bad for who gets them.
struct Errors<'a, 'b>(&'a mut LineWriter<'b>);

impl Answer for Errors<'_, '_> {
    fn words(&mut self, words: Arguments<'_>) {
        error_words(self.0, words);
    }

    fn line(&mut self, text: Arguments<'_>) {
        self.0.text(b"! ", text);
    }
}

/// Names as they are typed before a message's colon.
struct Unspaced<'a>(&'a [Name]);

impl Display for Unspaced<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (place, name) in self.0.iter().enumerate() {
            let comma = if place == 0 { "" } else { "," };
            write!(f, "{comma}{name}")?;
        }
        Ok(())
    }
}

/// The server's own words.
fn notice_words(lines: &mut LineWriter<'_>, words: Arguments<'_>) {
    lines.words(b"* ", words);
}

/// A line that has a user's text in it, or is the operator's: it stays whole.
fn notice_line(lines: &mut LineWriter<'_>, text: Arguments<'_>) {
    lines.text(b"* ", text);
}

fn error_words(lines: &mut LineWriter<'_>, words: Arguments<'_>) {
    lines.words(b"! ", words);
}
