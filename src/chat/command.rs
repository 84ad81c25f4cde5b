//! What comes into the core: a line that was understood.
//!
//! Everything that can borrow does, so a message passes through without an allocation.

use super::name::{Name, NameError, RoomName};
use super::refusal::Refusal;

pub use super::verb::Verb;

/// What one line asks for, or what is wrong with it.
pub type Request<'a> = Result<Command<'a>, Refusal<'a>>;

/// What a client asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command<'a> {
    /// A line that starts with `#`: a registration, or plain text once one is registered.
    Hash {
        /// The rest of the line, if it is exactly one valid name.
        name: Result<Name, NameError>,
        /// The whole line.
        line: &'a str,
    },
    /// `/nick`
    Nick(Name),
    /// Something said in the current room.
    Say(&'a str),
    /// `/me`
    Act(&'a str),
    /// A private message.
    Private {
        /// To whom.
        to: Recipients<'a>,
        /// What.
        text: &'a str,
    },
    /// A private message to whoever last sent one.
    Reply(&'a str),
    /// `/join`
    Join(RoomName),
    /// `/part`; the current room if none is named.
    Part(Option<RoomName>),
    /// `/rooms`, from this page on (from 1).
    Rooms(usize),
    /// `/names`
    Names {
        /// Of whom.
        of: NamesOf,
        /// From 1.
        page: usize,
    },
    /// `/topic`; reads it without a text.
    Topic(Option<&'a str>),
    /// `/whois`, with the name as typed.
    Whois(&'a str),
    /// `/away`, with or without a text.
    Away(Option<&'a str>),
    /// `/back`
    Back,
    /// `/ignore`; lists them without a name.
    Ignore(Option<&'a str>),
    /// `/unignore`; lists them without a name.
    Unignore(Option<&'a str>),
    /// `/quiet`; tells what it is set to without a word.
    Quiet(Option<bool>),
    /// `/echo`; tells what it is set to without a word.
    Echo(Option<bool>),
    /// `/mode`; tells what it is set to without a word.
    Mode(Option<Mode>),
    /// `/ping`
    Ping(&'a str),
    /// `/stats`
    Stats,
    /// `/version`
    Version,
    /// `/help`; of everything without a name.
    Help(Option<Verb>),
    /// `/quit`, with or without a text.
    Quit(Option<&'a str>),
}

/// Whose names `/names` asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NamesOf {
    /// Those in the current room.
    CurrentRoom,
    /// Those in this room.
    Room(RoomName),
    /// Everyone who is registered.
    Everyone,
}

/// The names before a private message's colon, still as typed: they are split while they are
/// used, so that a message needs no list of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recipients<'a>(&'a str);

/// A private message goes to this many users at most; more is what a room is for.
pub const RECIPIENTS_MAX: usize = 16;

impl<'a> Recipients<'a> {
    /// Takes names separated by commas; spaces around a comma do not count.
    ///
    /// # Errors
    /// [`Refusal::TooManyRecipients`] past [`RECIPIENTS_MAX`].
    pub fn parse(names: &'a str) -> Result<Self, Refusal<'a>> {
        if memchr::memchr_iter(b',', names.as_bytes())
            .nth(RECIPIENTS_MAX - 1)
            .is_some()
        {
            return Err(Refusal::TooManyRecipients);
        }
        Ok(Self(names))
    }

    /// Each name as typed, valid or not.
    pub fn iter(self) -> impl Iterator<Item = &'a str> {
        self.0.split(',').map(str::trim_ascii)
    }

    /// The name, if there is only one.
    #[must_use]
    pub fn only(self) -> Option<&'a str> {
        memchr::memchr(b',', self.0.as_bytes())
            .is_none()
            .then(|| self.0.trim_ascii())
    }
}

/// How the server writes to a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Lines for people, sorted by their first byte.
    #[default]
    Plain,
    /// One JSON object a line.
    Json,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sixteen_recipients_pass_and_seventeen_do_not() {
        let names = ["x"; RECIPIENTS_MAX].join(",");
        assert_eq!(
            Recipients::parse(&names).unwrap().iter().count(),
            RECIPIENTS_MAX
        );
        assert_eq!(
            Recipients::parse(&format!("{names},x")),
            Err(Refusal::TooManyRecipients)
        );
    }
}
