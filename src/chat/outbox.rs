//! The only way out of the core.

use super::close_reason::CloseReason;
use super::command::Mode;
use super::event::Event;
use super::ids::{ClientId, UserId};
use super::name::{Name, RoomName};
use super::stats::ServerStats;

/// Whether a private message was taken for its recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Delivery {
    /// It is in their queue.
    Queued,
    /// It is not: they read too slowly, or are about to go.
    Refused,
}

/// Somebody a room's line is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addressee {
    /// Who.
    pub client: ClientId,
    /// Whether another room is their current one, so that the line must say its room.
    pub in_other_room: bool,
}

/// Where the core puts what it decides. The server's implementation encodes into the buffers of
/// sockets; a test's is a `Vec`.
///
/// Statically dispatched, and called while a command is being handled: nothing is collected first.
pub trait Outbox {
    /// Sends an answer or a notice about oneself. Never left out.
    fn send(&mut self, to: ClientId, event: &Event<'_>);

    /// Sends a private message from `from`. Never left out: it is queued or refused, and when it
    /// was queued and its reader goes before it was written, the server says so to `from`.
    fn deliver(&mut self, to: ClientId, from: UserId, event: &Event<'_>) -> Delivery;

    /// Sends a line of `room` to many. Left out, and counted, for who reads too slowly.
    fn announce<I>(&mut self, room: &RoomName, to: I, event: &Event<'_>)
    where
        I: Iterator<Item = Addressee>;

    /// How the server writes to `client`.
    fn mode(&self, client: ClientId) -> Mode;

    /// Changes how the server writes to `client`, from the next event on.
    fn set_mode(&mut self, client: ClientId, mode: Mode);

    /// Asks for an end of `client` once what is queued for it was written. The core goes on
    /// knowing the client until it is told of its end.
    fn close(&mut self, client: ClientId, reason: CloseReason);

    /// What the server has counted.
    fn stats(&self) -> ServerStats;

    /// `client` goes by `name` from now on; for the log.
    fn named(&mut self, client: ClientId, name: Name);
}
