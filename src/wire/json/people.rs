//! The fields of what people are to each other.

use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::chat::event::{
    FriendNews, FriendState, FriendView, PeopleEvent, PeopleReply, PrivacyView,
};

use super::optional;

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
        PeopleEvent::Friend { name, news } => {
            map.serialize_entry("name", name)?;
            let state = match news {
                FriendNews::State(FriendState::Asked) => "asked",
                FriendNews::State(FriendState::Here) | FriendNews::Mutual { here: true } => "here",
                FriendNews::State(FriendState::Gone) | FriendNews::Mutual { here: false } => "gone",
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
        PeopleReply::ProfileSet { name, text } => {
            map.serialize_entry("name", name)?;
            optional(map, "text", text.as_ref())
        }
        PeopleReply::Friend { name, mutual } => {
            map.serialize_entry("name", name)?;
            map.serialize_entry("mutual", mutual)
        }
        PeopleReply::Friends { friends } => map.serialize_entry("friends", friends),
        PeopleReply::Unfriended { name }
        | PeopleReply::Blocking { name }
        | PeopleReply::NotBlocking { name } => map.serialize_entry("name", name),
        PeopleReply::Blocked { names } => map.serialize_entry("users", names),
        PeopleReply::Privacy(view) => privacy_fields(map, *view),
    }
}

fn privacy_fields<M: SerializeMap>(map: &mut M, view: PrivacyView) -> Result<(), M::Error> {
    map.serialize_entry("hidden", &view.hidden)?;
    map.serialize_entry("receipts", &view.receipts)?;
    map.serialize_entry("seen", &view.seen)?;
    map.serialize_entry("strangers", &view.strangers)?;
    map.serialize_entry("keep", &view.keep)
}

impl Serialize for PrivacyView {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        privacy_fields(&mut map, *self)?;
        map.end()
    }
}

impl Serialize for FriendView {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("name", &self.name)?;
        map.serialize_entry("here", &self.here)?;
        map.serialize_entry("mutual", &self.mutual)?;
        map.end()
    }
}
