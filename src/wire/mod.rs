//! Bytes to [`Command`](crate::chat::command::Command) and [`Event`] to bytes.
//!
//! Knows the vocabulary of the core, and nothing of the chat itself, of sockets or of mio. A line on
//! its way in passes [`codec`] ([`lines`] with [`telnet`], and [`detect`] until the first line),
//! [`sanitize`] and [`command`]; an event on its way out is written by [`plain`] or [`json`] through
//! [`framing`], in the words of [`text`].

pub mod codec;
pub mod command;
pub mod command_table;
pub mod detect;
pub mod erase;
pub mod escape;
pub mod framing;
pub mod json;
pub mod lines;
pub mod look_alike;
pub mod plain;
pub mod sanitize;
pub mod scan;
pub mod telnet;
pub mod text;
pub mod unseen;
pub mod wall_time;

use crate::chat::command::Mode;
use crate::chat::event::Event;

use framing::{Framing, LineWriter};
use wall_time::WallTime;

/// How one recipient wants a line. All recipients of one style get the same bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Style {
    /// Plain lines or JSON.
    pub mode: Mode,
    /// How each line ends.
    pub framing: Framing,
    /// The line is about a room that is not the recipient's current one.
    pub in_other_room: bool,
    /// The time comes before lines from people.
    pub times: bool,
    /// The line calls the recipient: it rings in plain mode, and is marked as a mention in JSON.
    pub calls: bool,
}

impl Style {
    /// How many styles there are.
    pub const COUNT: usize = 2 * 2 * 2 * 2 * Framing::COUNT;

    /// A number below [`Style::COUNT`], for a table by style.
    #[must_use]
    pub fn index(self) -> usize {
        usize::from(self.mode == Mode::Json)
            | usize::from(self.in_other_room) << 1
            | usize::from(self.times) << 2
            | usize::from(self.calls) << 3
            | (self.framing as usize) << 4
    }
}

/// Appends `event` to `out` in `style`; it happened at `time`. Returns the number of lines.
pub fn encode(out: &mut Vec<u8>, event: &Event<'_>, style: Style, time: WallTime) -> u64 {
    let mut lines = LineWriter::new(out, style.framing);
    match style.mode {
        Mode::Plain => plain::encode(&mut lines, event, style, time),
        Mode::Json => json::encode(&mut lines, event, time.unix_ms, style.calls),
    }
    lines.count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn style_has_an_index_of_its_own() {
        let mut indices = Vec::new();
        for mode in [Mode::Plain, Mode::Json] {
            for framing in [Framing::Lf, Framing::CrLf] {
                for (in_other_room, times) in
                    [(false, false), (false, true), (true, false), (true, true)]
                {
                    for calls in [false, true] {
                        let style = Style {
                            mode,
                            framing,
                            in_other_room,
                            times,
                            calls,
                        };
                        indices.push(style.index());
                    }
                }
            }
        }
        indices.sort_unstable();
        assert_eq!(indices, (0..Style::COUNT).collect::<Vec<_>>());
    }
}
