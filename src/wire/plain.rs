//! Events as plain lines. The first byte tells the kind of a line, and no user's text comes first.

use std::fmt::Arguments;

use crate::chat::event::{Event, Notice};

use super::framing::LineWriter;
use super::text::notices::PresenceSummary;
use super::text::replies;

/// Writes the lines of `event`. `in_other_room`: the client's current room is another one.
pub fn encode(lines: &mut LineWriter<'_>, event: &Event<'_>, in_other_room: bool) {
    match *event {
        // The three frequent ones are copied together, without formatting.
        Event::Private { from, text, .. } => {
            lines.pieces(&[b"@", from.as_bytes(), b": ", text.as_bytes()]);
        }
        Event::Message { room, from, text } if in_other_room => {
            lines.pieces(&[
                b"[",
                room.as_bytes(),
                b"] ",
                from.as_bytes(),
                b": ",
                text.as_bytes(),
            ]);
        }
        Event::Message { from, text, .. } => {
            lines.pieces(&[from.as_bytes(), b": ", text.as_bytes()]);
        }
        Event::Action { room, from, text } if in_other_room => {
            lines.pieces(&[
                b"[",
                room.as_bytes(),
                b"] ** ",
                from.as_bytes(),
                b" ",
                text.as_bytes(),
            ]);
        }
        Event::Action { from, text, .. } => {
            lines.pieces(&[b"** ", from.as_bytes(), b" ", text.as_bytes()]);
        }
        Event::Join { room, name } => {
            notice_line(lines, format_args!("{name} has joined {room}."));
        }
        Event::Leave {
            room,
            name,
            text: None,
        } => {
            notice_line(lines, format_args!("{name} has left {room}."));
        }
        Event::Leave {
            room,
            name,
            text: Some(text),
        } => {
            notice_line(lines, format_args!("{name} has left {room}: {text}"));
        }
        Event::Rename { name, new_name } => {
            notice_line(lines, format_args!("{name} is now {new_name}."));
        }
        Event::Presence {
            room,
            joined,
            left,
            names,
        } => {
            notice_line(
                lines,
                format_args!(
                    "{}",
                    PresenceSummary {
                        room,
                        joined,
                        left,
                        names
                    }
                ),
            );
        }
        Event::Topic { room, from, text } => {
            notice_line(
                lines,
                format_args!("{from} has set the topic of {room}: {text}"),
            );
        }
        Event::Missed { room, count } => {
            let noun = if count == 1 { "line" } else { "lines" };
            notice_line(lines, format_args!("You missed {count} {noun} in {room}."));
        }
        Event::Notice(
            notice @ (Notice::Undelivered { .. }
            | Notice::NotUtf8
            | Notice::UnendedSubnegotiation
            | Notice::Closing(_)),
        ) => {
            error_line(lines, format_args!("{notice}"));
        }
        Event::Notice(notice) => notice_line(lines, format_args!("{notice}")),
        Event::Ok(ref reply) => replies::reply_lines(reply, &mut |text| notice_line(lines, text)),
        Event::Error(refusal) => error_line(lines, format_args!("{refusal}")),
    }
}

fn notice_line(lines: &mut LineWriter<'_>, text: Arguments<'_>) {
    lines.text(b"* ", text);
}

fn error_line(lines: &mut LineWriter<'_>, text: Arguments<'_>) {
    lines.text(b"! ", text);
}
