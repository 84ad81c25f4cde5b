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

    /// The bytes behind a line, the first of them BEL if it rings: the only control character that a terminal gets.
    fn end(self, rings: bool) -> &'static [u8] {
        match (self, rings) {
            (Self::Lf, false) => b"\n",
            (Self::Lf, true) => b"\x07\n",
            (Self::CrLf, false) => b"\r\n",
            (Self::CrLf, true) => b"\x07\r\n",
        }
    }
}

/// The columns of a line of the server's own words: one less than a terminal has, as some break a full line.
pub const COLUMNS_MAX: usize = 79;

/// The bytes that end a line, at most.
const END_BYTES_MAX: usize = 3;

/// Bytes between the prefix of a line and its words, if it goes on with the line before.
const INDENT: &[u8] = b"  ";

/// Appends lines to a buffer, each whole and in its frame.
#[derive(Debug)]
pub struct LineWriter<'a> {
    out: &'a mut Vec<u8>,
    framing: Framing,
    rings: bool,
    count: u64,
}

impl<'a> LineWriter<'a> {
    /// A writer that appends to `out`.
    pub fn new(out: &'a mut Vec<u8>, framing: Framing) -> Self {
        let (rings, count) = (false, 0);
        Self {
            out,
            framing,
            rings,
            count,
        }
    }

    /// Has lines end with BEL from now on.
    pub fn ring(&mut self) {
        self.rings = true;
    }

    /// The number of lines written.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Begins the next line with these bytes.
    pub fn begin(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    /// Writes one line of these pieces.
    #[expect(
        clippy::inline_always,
        reason = "pieces of one byte or two become stores, where they are known"
    )]
    #[inline(always)]
    pub fn pieces<const COUNT: usize>(&mut self, pieces: [&[u8]; COUNT]) {
        let bytes: usize = pieces.iter().map(|piece| piece.len()).sum();
        self.out.reserve(bytes + END_BYTES_MAX);
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

    /// Writes formatted words behind a `prefix`, in as many lines as they take: broken at blanks, so that no
    /// line passes [`COLUMNS_MAX`].
    pub fn words(&mut self, prefix: &[u8], words: Arguments<'_>) {
        let mut start = self.out.len();
        self.out.extend_from_slice(prefix);
        let written = self.out.write_fmt(words);
        debug_assert!(written.is_ok(), "a Vec takes everything");
        while let Some(blank) = self
            .out
            .get(start..)
            .and_then(|line| break_of(line, prefix))
        {
            let end = self.framing.end(false);
            let joint = end.iter().chain(prefix).chain(INDENT).copied();
            self.out.splice(start + blank..=start + blank, joint);
            start += blank + end.len();
            self.count += 1;
        }
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
        self.out.extend_from_slice(self.framing.end(self.rings));
        self.count += 1;
    }
}

/// The blank at which a line that has too many columns is broken: the last that leaves no more than there may
/// be, or behind a word that is too long, the next. None if it need not be, or cannot.
fn break_of(line: &[u8], prefix: &[u8]) -> Option<usize> {
    if line.len() <= COLUMNS_MAX {
        return None;
    }
    let words = line.get(prefix.len()..)?;
    let first_word = prefix.len() + words.iter().position(|byte| *byte != b' ')?;
    // Names and most words are ASCII, of which a byte is a column.
    let blanks = line.get(first_word..=COLUMNS_MAX);
    if let Some(blanks) = blanks.filter(|blanks| blanks.is_ascii())
        && let Some(blank) = memchr::memrchr(b' ', blanks)
    {
        return Some(first_word + blank);
    }
    let (mut columns, mut blank) = (0, None);
    for (place, byte) in line.iter().enumerate() {
        if *byte == b' ' && place > first_word {
            blank = Some(place);
        }
        // A character counts with its first byte.
        columns += usize::from(byte & 0xc0 != 0x80);
        if columns > COLUMNS_MAX && blank.is_some() {
            return blank;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines_of(prefix: &[u8], words: &str) -> Vec<String> {
        let mut out = Vec::new();
        let mut lines = LineWriter::new(&mut out, Framing::CrLf);
        lines.words(prefix, format_args!("{words}"));
        let count = lines.count();
        let lines = String::from_utf8(out).unwrap();
        let lines: Vec<String> = lines.lines().map(str::to_owned).collect();
        assert_eq!(count, lines.len() as u64);
        lines
    }

    #[test]
    fn words_are_broken_at_the_last_blank_that_fits() {
        let name = "n".repeat(24);
        let fits = format!("{name}, {name}, {name}.");
        assert_eq!(fits.len() + 2, COLUMNS_MAX);
        assert_eq!(lines_of(b"* ", &fits), [format!("* {fits}")]);
        let over = format!("{name}, {name}, {name}x.");
        let expected = [format!("* {name}, {name},"), format!("*   {name}x.")];
        assert_eq!(lines_of(b"* ", &over), expected);
        let many = [name.as_str(); 7].join(", ");
        let pair = format!("{name}, {name},");
        let expected = [
            format!("!   {pair}"),
            format!("!   {pair}"),
            format!("!   {pair}"),
            format!("!   {name}"),
        ];
        assert_eq!(lines_of(b"! ", &format!("  {many}")), expected);
    }

    #[test]
    fn word_longer_than_a_line_stays_whole() {
        let long = "x".repeat(90);
        assert_eq!(lines_of(b"* ", &long), [format!("* {long}")]);
        let expected = ["* a".to_owned(), format!("*   {long}"), "*   b".to_owned()];
        assert_eq!(lines_of(b"* ", &format!("a {long} b")), expected);
        let wide = "é".repeat(70);
        assert_eq!(
            lines_of(b"* ", &format!("{wide} a")).len(),
            1,
            "columns, not bytes"
        );
    }

    #[test]
    fn line_ends_as_its_framing_says() {
        for (framing, expected) in [
            (Framing::Lf, "a\n* b\nc\n"),
            (Framing::CrLf, "a\r\n* b\r\nc\r\n"),
        ] {
            let mut out = Vec::new();
            let mut lines = LineWriter::new(&mut out, framing);
            lines.pieces([b"a"]);
            lines.text(b"* ", format_args!("b"));
            lines.line(|out| out.write_all(b"c"));
            assert_eq!(lines.count(), 3);
            assert_eq!(out, expected.as_bytes());
        }
    }
}
