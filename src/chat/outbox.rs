//! The way out of the core.

use std::time::Duration;

use super::close_reason::CloseReason;
use super::command::{Bell, Mode};
use super::event::Event;
use super::ids::{ClientId, Peer, UserId};
use super::name::{Name, RoomName};
use super::stats::ServerStats;

/// Whether a private message was taken for its recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Delivery {
    /// It is in the client's queue.
    Queued,
    /// It is not: the client reads too slowly, or is about to go.
    Refused,
}

/// A client that a room's line goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addressee {
    /// The connection.
    pub client: ClientId,
    /// Whether another room is its current one, so that the line must name its room.
    pub in_other_room: bool,
    /// How the line concerns its user.
    pub call: Call,
}

/// How a line concerns the user that it goes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Call {
    /// Not by itself: it is their own, or nobody says it.
    #[default]
    None,
    /// Somebody says it in a room.
    Said,
    /// Somebody says it in a room, and it has their name.
    Mention,
    /// Somebody says it to them.
    Private,
}

impl Call {
    /// The first setting with which it rings.
    #[must_use]
    pub fn rings_from(self) -> Option<Bell> {
        match self {
            Self::None => None,
            Self::Said => Some(Bell::All),
            Self::Mention => Some(Bell::Mention),
            Self::Private => Some(Bell::Private),
        }
    }
}

/// Something that only the server can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerRequest {
    /// Opens its log anew, and reads its files again.
    Reload,
}

/// Takes the events that the core decides on. The server's implementation encodes them into the
/// buffers of sockets; a test's keeps them.
///
/// Statically dispatched, and called while a command is handled: no list of events is made first.
pub trait Outbox {
    /// Sends an answer or a notice. Never skipped.
    fn send(&mut self, to: ClientId, event: &Event<'_>);

    /// Sends a private message from `from`. Never skipped: it is queued or refused, and if it was
    /// queued and the client ends before it was written, the server tells `from`.
    fn deliver(&mut self, to: ClientId, from: UserId, event: &Event<'_>) -> Delivery;

    /// Sends a private message to several connections of one user. Queued if one takes it; `from` is told if it
    /// reached none of those that did.
    fn deliver_copies<I>(&mut self, to: I, from: UserId, event: &Event<'_>) -> Delivery
    where
        I: Iterator<Item = ClientId>;

    /// Sends a line of `room` to many. Skipped, and counted, for a client that reads too slowly.
    fn announce<I>(&mut self, room: &RoomName, to: I, event: &Event<'_>)
    where
        I: Iterator<Item = Addressee>;

    /// The form of what is written to `client`.
    fn mode(&self, client: ClientId) -> Mode;

    /// Changes the form of what is written to `client`, from the next event on.
    fn set_mode(&mut self, client: ClientId, mode: Mode);

    /// Whether lines from people come with their time to `client`.
    fn times(&self, client: ClientId) -> bool;

    /// Writes lines from people with their time, or without, from the next event on.
    fn set_times(&mut self, client: ClientId, on: bool);

    /// Which lines ring at `client`.
    fn bell(&self, client: ClientId) -> Bell;

    /// Changes which lines ring at `client`, from the next event on. JSON mode has no bell, and keeps the setting.
    fn set_bell(&mut self, client: ClientId, bell: Bell);

    /// Asks for an end of `client` once what is queued for it was written. The core goes on
    /// knowing the client until it is told of its end.
    fn close(&mut self, client: ClientId, reason: CloseReason);

    /// Has a silent `client` asked whether it is there. If it is not, the core is told of its end as of
    /// any other. Returns how long a lost one stays at most, if that is known.
    fn probe(&mut self, client: ClientId) -> Option<Duration>;

    /// Lets the input of `client` go on, which [`Handled::Later`](super::Handled::Later) or
    /// [`Handled::NotNow`](super::Handled::NotNow) had stopped.
    fn resume(&mut self, client: ClientId);

    /// From the next line on, what is typed at `client` is not to show there, or is again. Only a terminal
    /// that spoke telnet, or ends its lines with CR LF, can be asked for that, in plain mode.
    fn conceal_typing(&mut self, client: ClientId, on: bool);

    /// How many of the messages from `from`, delivered to `to`, have not arrived as far as is known.
    fn unarrived(&self, to: ClientId, from: UserId) -> usize;

    /// A wrong password or token came from `peer`: for the log, as guesses come in crowds.
    fn note_wrong_secret(&mut self, _peer: &Peer) {}

    /// Asks for something that only the server can do; it is done at the end of the turn.
    fn request(&mut self, _request: ServerRequest) {}

    /// The server's counters.
    fn stats(&self) -> ServerStats;

    /// `client` goes by `name` from now on: it is logged, and its time to register no longer runs.
    fn named(&mut self, client: ClientId, name: Name);
}
