//! The fields of order in the whole server.

use serde::ser::SerializeMap;

use crate::chat::event::{OperatorEvent, OperatorReply, Reply};

use super::text_field;

pub(super) fn type_of(event: &OperatorEvent<'_>) -> &'static str {
    match event {
        OperatorEvent::Announcement { .. } => "announcement",
    }
}

pub(super) fn event_fields<M: SerializeMap>(
    map: &mut M,
    event: &OperatorEvent<'_>,
) -> Result<(), M::Error> {
    match event {
        OperatorEvent::Announcement { text } => map.serialize_entry("text", text),
    }
}

pub(super) fn fields<M: SerializeMap>(
    map: &mut M,
    reply: &OperatorReply<'_>,
) -> Result<(), M::Error> {
    text_field(map, Reply::Operator(*reply))
}
