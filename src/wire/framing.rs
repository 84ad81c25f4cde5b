//! How a line ends on the wire, and the one writer that puts its end there.

use std::fmt::Arguments;
use std::io::Write;

/// The bytes around each line that a client gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Framing {
    /// LF, for `nc` and scripts.
    #[default]
    Lf,
    /// CR LF, for telnet and terminals in raw mode.
    CrLf,
}

impl Framing {
    /// How many framings there are.
    pub const COUNT: usize = 2;

    /// The bytes behind a line.
    fn end(self) -> &'static [u8] {
        match self {
            Self::Lf => b"\n",
            Self::CrLf => b"\r\n",
        }
    }
}

/// Appends lines to a buffer, each whole and in its frame.
#[derive(Debug)]
pub struct LineWriter<'a> {
    out: &'a mut Vec<u8>,
    framing: Framing,
    count: u64,
}

impl<'a> LineWriter<'a> {
    /// A writer that appends to `out`.
    pub fn new(out: &'a mut Vec<u8>, framing: Framing) -> Self {
        let count = 0;
        Self {
            out,
            framing,
            count,
        }
    }

    /// The number of lines written.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Writes one line of these pieces.
    pub fn pieces(&mut self, pieces: &[&[u8]]) {
        for piece in pieces {
            self.out.extend_from_slice(piece);
        }
        self.end();
    }

    /// Writes one line of formatted text behind a `prefix`.
    pub fn text(&mut self, prefix: &[u8], text: Arguments<'_>) {
        self.out.extend_from_slice(prefix);
        let written = self.out.write_fmt(text);
        debug_assert!(written.is_ok(), "a Vec takes everything");
        self.end();
    }

    /// Writes one line of the bytes that `write` appends, or none if it fails.
    pub fn line<E>(&mut self, write: impl FnOnce(&mut Vec<u8>) -> Result<(), E>) {
        let start = self.out.len();
        let written = write(self.out);
        debug_assert!(written.is_ok(), "a Vec takes everything");
        match written {
            Ok(()) => self.end(),
            Err(_) => self.out.truncate(start),
        }
    }

    fn end(&mut self) {
        self.out.extend_from_slice(self.framing.end());
        self.count += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_ends_as_its_framing_says() {
        for (framing, expected) in [
            (Framing::Lf, "a\n* b\nc\n"),
            (Framing::CrLf, "a\r\n* b\r\nc\r\n"),
        ] {
            let mut out = Vec::new();
            let mut lines = LineWriter::new(&mut out, framing);
            lines.pieces(&[b"a"]);
            lines.text(b"* ", format_args!("b"));
            lines.line(|out| out.write_all(b"c"));
            assert_eq!(lines.count(), 3);
            assert_eq!(out, expected.as_bytes());
        }
    }
}
