//! The fields of what people are to each other.

use serde::ser::SerializeMap;

use crate::chat::event::{FriendState, PeopleEvent, PeopleReply, Reply};

use super::{optional, text_field};

pub(super) fn type_of(event: &PeopleEvent<'_>) -> &'static str {
    match event {
        PeopleEvent::Friend { .. } => "friend",
    }
}

pub(super) fn event_fields<M: SerializeMap>(
    map: &mut M,
    event: &PeopleEvent<'_>,
) -> Result<(), M::Error> {
    match event {
        PeopleEvent::Friend { name, state } => {
            map.serialize_entry("name", name)?;
            let state = match state {
                FriendState::Asked => "asked",
                FriendState::Here => "here",
                FriendState::Gone => "gone",
            };
            map.serialize_entry("state", state)
        }
    }
}

pub(super) fn fields<M: SerializeMap>(
    map: &mut M,
    reply: &PeopleReply<'_>,
) -> Result<(), M::Error> {
    match reply {
        PeopleReply::Profile {
            name,
            text,
            since,
            seen,
        } => {
            map.serialize_entry("name", name)?;
            optional(map, "text", text.as_ref())?;
            map.serialize_entry("since", since)?;
            optional(map, "seen", seen.as_ref())
        }
        _ => text_field(map, Reply::People(*reply)),
    }
}
