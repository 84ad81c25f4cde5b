//! The fields of receipts, and of what an operator's bridge is told.

use serde::ser::SerializeMap;

use crate::chat::event::{CallEvent, CallReply, ReceiptState};

pub(super) fn type_of(event: &CallEvent<'_>) -> &'static str {
    match event {
        CallEvent::Receipt { .. } => "receipt",
        CallEvent::Waiting { .. } => "waiting",
    }
}

pub(super) fn event_fields<M: SerializeMap>(
    map: &mut M,
    event: &CallEvent<'_>,
) -> Result<(), M::Error> {
    match *event {
        CallEvent::Receipt { name, up_to, state } => {
            map.serialize_entry("name", name)?;
            map.serialize_entry("up_to", &up_to)?;
            let state = match state {
                ReceiptState::Delivered => "delivered",
                ReceiptState::Read => "read",
            };
            map.serialize_entry("state", state)
        }
        CallEvent::Waiting {
            name,
            count,
            notify,
        } => {
            map.serialize_entry("name", name)?;
            map.serialize_entry("count", &count)?;
            map.serialize_entry("notify", notify)
        }
    }
}

pub(super) fn fields<M: SerializeMap>(map: &mut M, reply: &CallReply<'_>) -> Result<(), M::Error> {
    match reply {
        CallReply::Notify { text } => map.serialize_entry("notify", text),
        CallReply::Feed(on) => map.serialize_entry("feed", on),
    }
}
