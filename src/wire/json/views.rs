//! Rooms and places, as users see them.

use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::chat::event::{KeptView, Missed, PlaceView, RoomView};

use super::optional;

/// A room on entering it.
pub(super) fn view_fields<M: SerializeMap>(
    map: &mut M,
    view: &RoomView<'_>,
) -> Result<(), M::Error> {
    room_fields(map, view)?;
    optional(map, "missed", view.missed.map(|missed| [missed]).as_ref())
}

/// A room on entering it, but for what was missed there.
pub(super) fn room_fields<M: SerializeMap>(
    map: &mut M,
    view: &RoomView<'_>,
) -> Result<(), M::Error> {
    map.serialize_entry("room", view.room)?;
    optional(map, "topic", view.topic.as_ref())?;
    map.serialize_entry("others", &view.others)?;
    map.serialize_entry("users", view.names)?;
    optional(map, "kept", view.kept.as_ref())
}

/// `room`, or `with` and the other user's name.
pub(super) fn place_field<M: SerializeMap>(
    map: &mut M,
    place: PlaceView<'_>,
) -> Result<(), M::Error> {
    match place {
        PlaceView::Room(room) => map.serialize_entry("room", room),
        PlaceView::With(name) => map.serialize_entry("with", name),
    }
}

impl Serialize for KeptView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("days", &self.days)?;
        optional(&mut map, "owner", self.owner.as_ref())?;
        map.end()
    }
}

impl Serialize for Missed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("room", &self.room)?;
        map.serialize_entry("count", &self.count)?;
        map.serialize_entry("since", &self.since)?;
        map.end()
    }
}
