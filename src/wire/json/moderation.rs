//! The fields of order in a room.

use serde::ser::SerializeMap;

use crate::chat::event::{Done, ModerationEvent, ModerationReply};
use crate::chat::order::{Act, Limit, Limited, Lock, Locks};
use crate::chat::refusal::ModerationRefusal;

use super::{millis, optional};

pub(super) fn type_of(event: &ModerationEvent<'_>) -> &'static str {
    match event {
        ModerationEvent::Done(_)
        | ModerationEvent::DoneToYou { .. }
        | ModerationEvent::Limited(_)
        | ModerationEvent::Locked { .. } => "rule",
        ModerationEvent::Removed { .. } => "forgotten",
    }
}

pub(super) fn event_fields<M: SerializeMap>(
    map: &mut M,
    event: &ModerationEvent<'_>,
) -> Result<(), M::Error> {
    match *event {
        ModerationEvent::Done(done) => done_fields(map, done),
        ModerationEvent::DoneToYou { done, moved } => {
            done_fields(map, done)?;
            optional(map, "current", moved.as_ref())
        }
        ModerationEvent::Limited(limited) => {
            map.serialize_entry("what", word_of(limited.limit))?;
            map.serialize_entry("room", &limited.room)?;
            if let Limit::Locked(lock) = limited.limit {
                rules_field(map, Locks::default().with(lock, true))?;
            }
            limit_fields(map, limited)?;
            optional(map, "text", limited.why.as_ref())
        }
        ModerationEvent::Locked {
            room, from, locks, ..
        } => {
            map.serialize_entry("what", "lock")?;
            map.serialize_entry("room", room)?;
            map.serialize_entry("from", from)?;
            rules_field(map, locks)
        }
        ModerationEvent::Removed { room, from, id } => {
            map.serialize_entry("room", room)?;
            map.serialize_entry("by", from)?;
            map.serialize_entry("ids", &[id])
        }
    }
}

fn done_fields<M: SerializeMap>(map: &mut M, done: Done<'_>) -> Result<(), M::Error> {
    map.serialize_entry("what", done.act.word())?;
    map.serialize_entry("room", done.room)?;
    map.serialize_entry("name", done.name)?;
    map.serialize_entry("from", done.from)?;
    optional(map, "until", done.until.as_ref())?;
    optional(map, "text", done.why.as_ref())
}

fn word_of(limit: Limit) -> &'static str {
    match limit {
        Limit::Muted => Act::Mute.word(),
        Limit::Barred => Act::Bar.word(),
        Limit::Locked(_) => "lock",
    }
}

fn limit_fields<M: SerializeMap>(map: &mut M, limited: Limited<'_>) -> Result<(), M::Error> {
    optional(map, "wait_ms", limited.left.map(millis).as_ref())?;
    optional(map, "ask", limited.ask.as_ref())
}

fn rules_field<M: SerializeMap>(map: &mut M, locks: Locks) -> Result<(), M::Error> {
    let on = Lock::ALL.into_iter().filter(|lock| locks.has(*lock));
    let words: Vec<&str> = on.map(Lock::word).collect();
    map.serialize_entry("rules", &words)
}

/// What scripts need of a refusal beside its words.
pub(super) fn refusal_fields<M: SerializeMap>(
    map: &mut M,
    refusal: &ModerationRefusal<'_>,
) -> Result<(), M::Error> {
    let ModerationRefusal::Limited(limited) = refusal else {
        return Ok(());
    };
    map.serialize_entry("room", &limited.room)?;
    limit_fields(map, *limited)?;
    optional(map, "why", limited.why.as_ref())
}

pub(super) fn fields<M: SerializeMap>(
    map: &mut M,
    reply: &ModerationReply<'_>,
) -> Result<(), M::Error> {
    match *reply {
        ModerationReply::Done {
            room, name, until, ..
        } => {
            map.serialize_entry("room", room)?;
            map.serialize_entry("name", name)?;
            optional(map, "until", until.as_ref())
        }
        ModerationReply::Locks { room, locks, .. } => {
            map.serialize_entry("room", room)?;
            rules_field(map, locks)
        }
        ModerationReply::Removed { room, id } => {
            map.serialize_entry("room", room)?;
            map.serialize_entry("id", &id)
        }
    }
}
