//! Events as JSON, one object a line.

mod accounts;
mod calls;
mod history;
mod moderation;
mod operators;
mod people;
mod replies;
mod views;

use std::fmt::Arguments;
use std::time::Duration;

use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::chat::event::{Event, Notice, Reply};
use crate::chat::ids::LineId;
use crate::chat::name::{Name, RoomName};
use crate::chat::refusal::{AccountRefusal, HistoryRefusal, Refusal};

use super::framing::LineWriter;
use super::text::answer::Answer;
use super::text::replies::answer;
use super::wall_time::WallTime;

/// Writes `event` as one line. `unix_ms` is the time that it happened. With `mention`, it has the recipient's name.
pub fn encode(lines: &mut LineWriter<'_>, event: &Event<'_>, unix_ms: u64, mention: bool) {
    let line = Line {
        event,
        unix_ms,
        mention,
    };
    // All keys are strings, so this cannot fail.
    lines.line(|out| serde_json::to_writer(out, &line));
}

struct Line<'a> {
    event: &'a Event<'a>,
    unix_ms: u64,
    mention: bool,
}

impl Serialize for Line<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("type", type_of(self.event))?;
        // What was said before has the time at which that was.
        let unix_ms = history::said_at(self.event).unwrap_or(self.unix_ms);
        map.serialize_entry("time", &unix_ms)?;
        match self.event {
            Event::Private { from, to, text, id } | Event::Sent { from, to, text, id } => {
                map.serialize_entry("from", from)?;
                map.serialize_entry("to", to)?;
                map.serialize_entry("text", text)?;
                optional(&mut map, "id", id.as_ref())?;
            }
            Event::Message {
                room,
                from,
                text,
                id,
            }
            | Event::Action {
                room,
                from,
                text,
                id,
            } => {
                map.serialize_entry("room", room)?;
                map.serialize_entry("from", from)?;
                map.serialize_entry("text", text)?;
                optional(&mut map, "id", id.as_ref())?;
                optional(&mut map, "mention", self.mention.then_some(&true))?;
            }
            Event::Topic { room, from, text } => {
                map.serialize_entry("room", room)?;
                map.serialize_entry("from", from)?;
                map.serialize_entry("text", text.unwrap_or_default())?;
            }
            Event::Join { room, name } | Event::OwnJoin { room, name } => {
                map.serialize_entry("room", room)?;
                map.serialize_entry("name", name)?;
            }
            Event::OwnLeave {
                room,
                name,
                current,
                ..
            } => {
                map.serialize_entry("room", room)?;
                map.serialize_entry("name", name)?;
                optional(&mut map, "current", current.as_ref())?;
            }
            Event::Leave {
                room,
                name,
                gone,
                text,
            } => {
                map.serialize_entry("room", room)?;
                map.serialize_entry("name", name)?;
                optional(&mut map, "gone", gone.then_some(&true))?;
                optional(&mut map, "text", text.as_ref())?;
            }
            Event::Rename { name, new_name } => {
                map.serialize_entry("name", name)?;
                map.serialize_entry("new_name", new_name)?;
            }
            Event::Presence {
                room,
                joined,
                left,
                names,
            } => {
                map.serialize_entry("room", room)?;
                map.serialize_entry("joined", joined)?;
                map.serialize_entry("left", left)?;
                map.serialize_entry("names", names)?;
            }
            Event::Missed { room, count } => {
                map.serialize_entry("room", room)?;
                map.serialize_entry("count", count)?;
            }
            Event::History { .. }
            | Event::Found { .. }
            | Event::Exported { .. }
            | Event::Late { .. }
            | Event::Forgotten { .. }
            | Event::Kept { .. } => history::event_fields(&mut map, self.event)?,
            Event::People(event) => people::event_fields(&mut map, event)?,
            Event::Call(event) => calls::event_fields(&mut map, event)?,
            Event::Moderation(event) => moderation::event_fields(&mut map, event)?,
            Event::Operator(event) => operators::event_fields(&mut map, event, self.unix_ms)?,
            Event::Notice(notice) => notice_fields(&mut map, notice)?,
            Event::Ok(reply) => replies::fields(&mut map, reply)?,
            Event::Error(refusal) => {
                map.serialize_entry("code", refusal.code())?;
                map.serialize_entry("text", &refusal.to_string())?;
                optional(&mut map, "wait_ms", wait_of(refusal).map(millis).as_ref())?;
                if let Refusal::Moderation(refusal) = refusal {
                    moderation::refusal_fields(&mut map, refusal)?;
                }
            }
        }
        map.end()
    }
}

fn type_of(event: &Event<'_>) -> &'static str {
    match event {
        Event::Private { .. } | Event::Sent { .. } | Event::Late { .. } => "private",
        Event::Message { .. } => "message",
        Event::Action { .. } => "action",
        Event::Join { .. } | Event::OwnJoin { .. } => "join",
        Event::Leave { .. } | Event::OwnLeave { .. } => "leave",
        Event::Rename { .. } => "rename",
        Event::Presence { .. } => "presence",
        Event::Topic { .. } => "topic",
        Event::Missed { .. } => "missed",
        Event::History { .. } | Event::Found { .. } | Event::Exported { .. } => "history",
        Event::Forgotten { .. } => "forgotten",
        Event::Kept { .. } => "rule",
        Event::People(event) => people::type_of(event),
        Event::Call(event) => calls::type_of(event),
        Event::Moderation(event) => moderation::type_of(event),
        Event::Operator(event) => operators::type_of(event),
        Event::Notice(_) => "notice",
        Event::Ok(_) => "ok",
        Event::Error(_) => "error",
    }
}

fn notice_fields<M: SerializeMap>(map: &mut M, notice: &Notice<'_>) -> Result<(), M::Error> {
    map.serialize_entry("text", &notice.to_string())?;
    match notice {
        // For scripts: fields beside the words.
        Notice::Undelivered { to, count } => {
            map.serialize_entry("code", "not_delivered")?;
            map.serialize_entry("name", to)?;
            map.serialize_entry("count", count)
        }
        Notice::IsAway { name, .. } => map.serialize_entry("name", name),
        Notice::NotKept { count, .. } => {
            map.serialize_entry("code", "not_kept")?;
            map.serialize_entry("count", count)
        }
        Notice::Cancelled => map.serialize_entry("code", "cancelled"),
        Notice::NotEncrypted => map.serialize_entry("code", "not_encrypted"),
        Notice::Replaced => map.serialize_entry("code", "replaced"),
        Notice::AccountEnded => map.serialize_entry("code", "account_ended"),
        Notice::PageEnd { .. }
        | Notice::WhoReads
        | Notice::Connected(_)
        | Notice::HowToRegister
        | Notice::HowToRename { .. }
        | Notice::Motd(_)
        | Notice::Here { .. }
        | Notice::RateLimited { .. }
        | Notice::NotUtf8
        | Notice::UnendedSubnegotiation
        | Notice::ShuttingDown
        | Notice::Closing(_) => Ok(()),
    }
}

/// How long until a line may be tried again, if that is why it was refused.
fn wait_of(refusal: &Refusal<'_>) -> Option<Duration> {
    match refusal {
        Refusal::Account(AccountRefusal::SlowDown { wait })
        | Refusal::History(HistoryRefusal::SlowDown { wait }) => Some(*wait),
        Refusal::Operator(refusal) => refusal.left(),
        _ => None,
    }
}

/// The text of plain mode, its lines not broken.
fn text_field<M: SerializeMap>(map: &mut M, reply: Reply<'_>) -> Result<(), M::Error> {
    let mut text = Text(String::new());
    // None of those that have it shows a time.
    answer(&reply, WallTime::default(), &mut text);
    map.serialize_entry("text", &text.0)
}

/// Lines with LF between them.
struct Text(String);

impl Answer for Text {
    fn words(&mut self, words: Arguments<'_>) {
        self.line(words);
    }

    fn line(&mut self, text: Arguments<'_>) {
        if !self.0.is_empty() {
            self.0.push('\n');
        }
        self.0.push_str(&text.to_string());
    }
}

fn optional<M: SerializeMap, T: Serialize>(
    map: &mut M,
    key: &str,
    value: Option<&T>,
) -> Result<(), M::Error> {
    value.map_or(Ok(()), |value| map.serialize_entry(key, value))
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl Serialize for Name {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl Serialize for RoomName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl Serialize for LineId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.0)
    }
}
