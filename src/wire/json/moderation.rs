//! The fields of order in a room.

use serde::ser::SerializeMap;

use crate::chat::event::{ModerationEvent, ModerationReply, Reply};

use super::text_field;

pub(super) fn type_of(event: &ModerationEvent<'_>) -> &'static str {
    match event {
        ModerationEvent::Done { .. } => "rule",
    }
}

pub(super) fn event_fields<M: SerializeMap>(
    map: &mut M,
    event: &ModerationEvent<'_>,
) -> Result<(), M::Error> {
    match event {
        ModerationEvent::Done { what, .. } => map.serialize_entry("what", what),
    }
}

pub(super) fn fields<M: SerializeMap>(
    map: &mut M,
    reply: &ModerationReply<'_>,
) -> Result<(), M::Error> {
    text_field(map, Reply::Moderation(*reply))
}
