//! Events as lines for people. The first byte tells what a line is, and no user's text comes first.

use std::fmt::Arguments;
use std::io::Write;

use crate::chat::event::{Event, Notice};

use super::text::notices::Presence;
use super::text::replies;

/// Appends `event` to `out`, each line of it ended by `eol`. `in_other_room`: the reader's current room
/// is another one. Returns how many lines that were.
pub fn encode(out: &mut Vec<u8>, event: &Event<'_>, in_other_room: bool, eol: &[u8]) -> u64 {
    let mut lines = Lines { out, eol, count: 0 };
    match *event {
        // The three that matter for speed are copied together, without formatting.
        Event::Private { from, text, .. } => {
            lines.push(&[b"@", from.as_bytes(), b": ", text.as_bytes()]);
        }
        Event::Message { room, from, text } if in_other_room => {
            lines.push(&[
                b"[",
                room.as_bytes(),
                b"] ",
                from.as_bytes(),
                b": ",
                text.as_bytes(),
            ]);
        }
        Event::Message { from, text, .. } => {
            lines.push(&[from.as_bytes(), b": ", text.as_bytes()]);
        }
        Event::Action { room, from, text } if in_other_room => {
            lines.push(&[
                b"[",
                room.as_bytes(),
                b"] ** ",
                from.as_bytes(),
                b" ",
                text.as_bytes(),
            ]);
        }
        Event::Action { from, text, .. } => {
            lines.push(&[b"** ", from.as_bytes(), b" ", text.as_bytes()]);
        }
        Event::Join { room, name } => {
            lines.notice(format_args!("{name} has joined {room}."));
        }
        Event::Leave {
            room,
            name,
            text: None,
        } => {
            lines.notice(format_args!("{name} has left {room}."));
        }
        Event::Leave {
            room,
            name,
            text: Some(text),
        } => {
            lines.notice(format_args!("{name} has left {room}: {text}"));
        }
        Event::Rename { name, new_name } => {
            lines.notice(format_args!("{name} is now {new_name}."));
        }
        Event::Presence {
            room,
            joined,
            left,
            names,
        } => {
            lines.notice(format_args!(
                "{}",
                Presence {
                    room,
                    joined,
                    left,
                    names
                }
            ));
        }
        Event::Topic { room, from, text } => {
            lines.notice(format_args!("{from} has set the topic of {room}: {text}"));
        }
        Event::Missed { room, count } => {
            let noun = if count == 1 { "line" } else { "lines" };
            lines.notice(format_args!("You missed {count} {noun} in {room}."));
        }
        Event::Notice(notice @ (Notice::Undelivered { .. } | Notice::Closing(_))) => {
            lines.error(format_args!("{notice}"));
        }
        Event::Notice(notice) => lines.notice(format_args!("{notice}")),
        Event::Ok(ref reply) => replies::reply_lines(reply, &mut |text| lines.notice(text)),
        Event::Error(refusal) => lines.error(format_args!("{refusal}")),
    }
    lines.count
}

struct Lines<'a> {
    out: &'a mut Vec<u8>,
    eol: &'a [u8],
    count: u64,
}

impl Lines<'_> {
    fn push(&mut self, pieces: &[&[u8]]) {
        for piece in pieces {
            self.out.extend_from_slice(piece);
        }
        self.end();
    }

    fn notice(&mut self, text: Arguments<'_>) {
        self.text(b"* ", text);
    }

    fn error(&mut self, text: Arguments<'_>) {
        self.text(b"! ", text);
    }

    fn text(&mut self, first: &[u8], text: Arguments<'_>) {
        self.out.extend_from_slice(first);
        let written = self.out.write_fmt(text);
        debug_assert!(written.is_ok(), "a Vec takes everything");
        self.end();
    }

    fn end(&mut self) {
        self.out.extend_from_slice(self.eol);
        self.count += 1;
    }
}
