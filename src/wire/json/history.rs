//! The fields of what was said before, and of answers about it.

use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::chat::archive::{LineKind, UnixMs};
use crate::chat::event::{Event, HistoryReply, PageOf, PageView, PlaceView, SaidReply};

use super::optional;
use super::views::place_field;

/// When a line was said, if that is some time ago.
pub(super) fn said_at(event: &Event<'_>) -> Option<UnixMs> {
    match event {
        Event::History { at, .. }
        | Event::Found { at, .. }
        | Event::Exported { at, .. }
        | Event::Late { at, .. } => Some(*at),
        _ => None,
    }
}

pub(super) fn event_fields<M: SerializeMap>(
    map: &mut M,
    event: &Event<'_>,
) -> Result<(), M::Error> {
    match *event {
        Event::History {
            id,
            place,
            from,
            kind,
            text,
            ..
        }
        | Event::Found {
            id,
            place,
            from,
            kind,
            text,
            ..
        }
        | Event::Exported {
            id,
            place,
            from,
            kind,
            text,
            ..
        } => {
            map.serialize_entry("id", &id)?;
            map.serialize_entry("kind", word_of(kind))?;
            place_field(map, place)?;
            map.serialize_entry("from", from)?;
            map.serialize_entry("text", text)
        }
        Event::Late {
            id, from, to, text, ..
        } => {
            map.serialize_entry("from", from)?;
            map.serialize_entry("to", &[to])?;
            map.serialize_entry("text", text)?;
            map.serialize_entry("id", &id)?;
            map.serialize_entry("late", &true)
        }
        Event::Forgotten { place, from, ids } => {
            place_field(map, place)?;
            map.serialize_entry("from", from)?;
            optional(map, "ids", (!ids.is_empty()).then_some(&ids))
        }
        Event::Kept { room, from, days } => {
            map.serialize_entry("room", room)?;
            map.serialize_entry("from", from)?;
            optional(map, "days", days.as_ref())
        }
        _ => Ok(()),
    }
}

/// The `type` that a line of a room had when it was said.
fn word_of(kind: LineKind) -> &'static str {
    match kind {
        LineKind::Message => "message",
        LineKind::Action => "action",
    }
}

pub(super) fn said_fields<M: SerializeMap>(
    map: &mut M,
    reply: &SaidReply<'_>,
) -> Result<(), M::Error> {
    optional(map, "id", reply.id.as_ref())?;
    let waiting = reply.waiting;
    optional(map, "waiting", (!waiting.is_empty()).then_some(&waiting))
}

pub(super) fn fields<M: SerializeMap>(
    map: &mut M,
    reply: &HistoryReply<'_>,
) -> Result<(), M::Error> {
    match *reply {
        HistoryReply::Page(page) => page_fields(map, &page),
        HistoryReply::Unread { places } => map.serialize_entry("places", &Places(places)),
        HistoryReply::Read { place, up_to } => {
            place_field(map, place)?;
            map.serialize_entry("up_to", &up_to)
        }
        HistoryReply::Forgotten { count } => map.serialize_entry("count", &count),
        HistoryReply::Kept { room, days, owner } => {
            map.serialize_entry("room", room)?;
            map.serialize_entry("days", &days)?;
            optional(map, "owner", owner.as_ref())
        }
        HistoryReply::Unkept { room } => map.serialize_entry("room", room),
    }
}

fn page_fields<M: SerializeMap>(map: &mut M, page: &PageView<'_>) -> Result<(), M::Error> {
    match page.of {
        PageOf::Place(place) => place_field(map, place)?,
        PageOf::Search(words) => map.serialize_entry("words", words)?,
        PageOf::Own => {}
    }
    map.serialize_entry("lines", &page.lines)?;
    optional(map, "first", page.first.as_ref())?;
    optional(map, "last", page.last.as_ref())?;
    map.serialize_entry("up_to", &page.up_to)?;
    map.serialize_entry("end", &page.end)
}

/// Places, each with its number of unread lines.
struct Places<'a>(&'a [(PlaceView<'a>, u64)]);

impl Serialize for Places<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|(place, count)| Unread(*place, *count)))
    }
}

struct Unread<'a>(PlaceView<'a>, u64);

impl Serialize for Unread<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        place_field(&mut map, self.0)?;
        map.serialize_entry("count", &self.1)?;
        map.end()
    }
}
