//! The core's record of one connection.

use std::cell::Cell;
use std::mem::offset_of;

use super::accounts::prompts::Prompt;
use super::archive::Label;
use super::history::effects::Cursor;
use super::ids::{ClientId, Peer, RoomId, UserId};
use super::name::Name;
use super::operators::silences::Silence;
use super::time::Timestamp;

/// One connection: of a user, once it is registered or has logged in.
#[derive(Debug)]
#[repr(C, align(64))]
pub(super) struct Client {
    // The first line has all that a message needs of its sender.
    pub active_at: Timestamp,
    extras: Option<Box<Extras>>,
    /// Set with the name.
    pub user: Option<UserId>,
    /// As in its [`ClientId`].
    generation: u32,
    pub current: Option<RoomId>,
    /// A copy of the user's.
    pub name: Option<Name>,
    pub echo: bool,
    /// The user has other connections, which are shown what this one says.
    pub one_of_several: bool,
    /// It may be that it may not speak.
    pub is_watched: bool,
    /// It wants to know when a line has its user's name.
    pub wants_mentions: bool,
    // The second line.
    pub connected_at: Timestamp,
    /// In a cell, which hides the values that it cannot have: `Option<Client>` would tell `None` by them, and
    /// every look at a client would touch this line.
    peer: Cell<Peer>,
}

// Two cache lines, as a connection of the server.
const _: () = assert!(size_of::<Client>() <= 128 && offset_of!(Client, connected_at) == 64);

/// State that most clients never set.
#[derive(Debug, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one fact about a connection"
)]
pub(super) struct Extras {
    pub quit_text: Option<Box<str>>,
    /// Every line is said as it is.
    pub raw: bool,
    /// It was told how a name is changed.
    pub knows_nick: bool,
    /// Where `/more` goes on.
    pub cursor: Option<Box<Cursor>>,
    /// What it was asked for.
    pub prompt: Option<Prompt>,
    /// It was asked for a secret, and its time is over: the next line may be the secret.
    is_late: bool,
    /// The token that it came by.
    came_by: Option<Label>,
    /// It is about to be closed, as its user has no use for it.
    is_ending: bool,
    /// The name that it asked for where only accounts may be.
    pub wanted_name: Option<Name>,
    /// The name of its last user.
    former_name: Option<Name>,
    /// Its listener knows that it is an operator's.
    is_trusted: bool,
    /// It may not speak, as a guest's.
    silence: Option<Box<Silence>>,
}

impl Client {
    pub fn new(id: ClientId, peer: Peer, now: Timestamp) -> Self {
        Self {
            generation: id.generation,
            peer: Cell::new(peer),
            connected_at: now,
            active_at: now,
            current: None,
            echo: false,
            one_of_several: false,
            is_watched: false,
            wants_mentions: false,
            user: None,
            name: None,
            extras: None,
        }
    }

    /// The other end of the connection.
    pub fn peer(&self) -> Peer {
        self.peer.get()
    }

    /// The connection whose record this is, if it lies at `slot`.
    pub fn id_at(&self, slot: u32) -> ClientId {
        let generation = self.generation;
        ClientId { slot, generation }
    }

    pub fn cursor(&self) -> Option<&Cursor> {
        self.extras.as_ref()?.cursor.as_deref()
    }

    pub fn is_raw(&self) -> bool {
        self.extras.as_ref().is_some_and(|extras| extras.raw)
    }

    pub fn take_quit_text(&mut self) -> Option<Box<str>> {
        self.extras.as_mut()?.quit_text.take()
    }

    pub fn prompt(&self) -> Option<&Prompt> {
        self.extras.as_ref()?.prompt.as_ref()
    }

    /// Takes out what it was asked for. An answer to that is no more expected.
    pub fn take_prompt(&mut self) -> Option<Prompt> {
        let extras = self.extras.as_mut()?;
        extras.is_late = false;
        extras.prompt.take()
    }

    /// Whether its next line may be a secret for which the time is over.
    pub fn is_late(&self) -> bool {
        self.extras.as_ref().is_some_and(|extras| extras.is_late)
    }

    /// The time for a secret that it was asked for is over.
    pub fn set_late(&mut self) {
        self.extras_mut().is_late = true;
    }

    pub fn came_by(&self) -> Option<Label> {
        self.extras.as_ref()?.came_by
    }

    pub fn set_came_by(&mut self, label: Option<Label>) {
        if label.is_some() || self.extras.is_some() {
            self.extras_mut().came_by = label;
        }
    }

    pub fn is_ending(&self) -> bool {
        self.extras.as_ref().is_some_and(|extras| extras.is_ending)
    }

    /// It is about to be closed: it logs in no more.
    pub fn set_ending(&mut self) {
        self.extras_mut().is_ending = true;
    }

    /// Whether its listener knows that it is an operator's.
    pub fn is_trusted(&self) -> bool {
        self.extras.as_ref().is_some_and(|extras| extras.is_trusted)
    }

    pub fn set_trusted(&mut self) {
        self.extras_mut().is_trusted = true;
    }

    pub fn silence(&self) -> Option<&Silence> {
        self.extras.as_ref()?.silence.as_deref()
    }

    pub fn set_silence(&mut self, silence: Option<Silence>) {
        self.extras_mut().silence = silence.map(Box::new);
    }

    /// The name that it asked for where only accounts may be.
    pub fn wanted_name(&self) -> Option<Name> {
        self.extras.as_ref()?.wanted_name
    }

    /// Its user's name, or its last user's.
    pub fn last_name(&self) -> Option<Name> {
        let former = || self.extras.as_ref()?.former_name;
        self.name.or_else(former)
    }

    /// Its user is about to be without it.
    pub fn note_name(&mut self) {
        if self.name.is_some() {
            self.extras_mut().former_name = self.name;
        }
    }

    /// Forgets what was the user's, whose connection it is no more.
    pub fn forget_session(&mut self) {
        self.echo = false;
        if let Some(extras) = &mut self.extras {
            extras.raw = false;
            extras.came_by = None;
        }
    }

    /// The extras, made if there were none.
    pub fn extras_mut(&mut self) -> &mut Extras {
        self.extras.get_or_insert_default()
    }
}
