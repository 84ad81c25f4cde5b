//! What clients are told of order in a room.

use crate::chat::archive::UnixMs;
use crate::chat::name::{Name, RoomName};

/// Order was kept in a room: told to all who are there.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the fields are the words of the protocol page")]
pub enum ModerationEvent<'a> {
    /// Something was done to a user.
    Done {
        /// The command's name, without its slash.
        what: &'static str,
        room: &'a RoomName,
        name: &'a Name,
        from: &'a Name,
        until: Option<UnixMs>,
        why: Option<&'a str>,
    },
}

/// The answer to a [`ModerationCommand`](crate::chat::command::ModerationCommand).
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the fields are the words of the protocol page")]
pub enum ModerationReply<'a> {
    /// Something was done to a user.
    Done {
        what: &'static str,
        room: Option<&'a RoomName>,
        name: &'a Name,
        until: Option<UnixMs>,
    },
}
