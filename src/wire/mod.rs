//! Bytes to [`Command`](crate::chat::command::Command) and [`Event`] to bytes.
//!
//! Knows the vocabulary of the core, and nothing of the chat itself, of sockets or of mio. A line
//! on its way in passes [`lines`] (with [`telnet`] and [`detect`]), [`sanitize`] and [`command`];
//! an event on its way out is written by [`plain`] or [`json`] in the words of
//! [`text`].

pub mod command;
pub mod command_table;
pub mod detect;
pub mod json;
pub mod lines;
pub mod plain;
pub mod sanitize;
pub mod telnet;
pub mod text;

use crate::chat::command::Mode;
use crate::chat::event::Event;

/// How one recipient wants a line. Everyone with the same style gets the same bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Style {
    /// Lines for people, or JSON.
    pub mode: Mode,
    /// End lines with CR LF.
    pub crlf: bool,
    /// The line is about a room that is not the recipient's current one.
    pub in_other_room: bool,
}

impl Style {
    /// How many styles there are.
    pub const COUNT: usize = 8;

    /// A number below [`Style::COUNT`], for a table by style.
    #[must_use]
    pub fn index(self) -> usize {
        usize::from(self.mode == Mode::Json)
            | usize::from(self.crlf) << 1
            | usize::from(self.in_other_room) << 2
    }
}

/// Appends `event` to `out` in `style`. Returns how many lines that were.
pub fn encode(out: &mut Vec<u8>, event: &Event<'_>, style: Style, unix_ms: u64) -> u64 {
    let eol: &[u8] = if style.crlf { b"\r\n" } else { b"\n" };
    match style.mode {
        Mode::Plain => plain::encode(out, event, style.in_other_room, eol),
        Mode::Json => json::encode(out, event, unix_ms, eol),
    }
}
