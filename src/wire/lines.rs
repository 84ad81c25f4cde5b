//! Bytes to lines, however the bytes were split on their way.
//!
//! A line that arrived whole and holds nothing special is yielded where it lies in the read buffer.
//! Everything else (a line in several reads, telnet, erasing) goes through `partial`, which never
//! holds more than a line's limit.

use std::mem;

use super::detect::ForeignProtocol;
use super::framing::Framing;
use super::telnet::{IAC, Telnet, TelnetEvent};

const LF: u8 = b'\n';
const CR: u8 = b'\r';
const BACKSPACE: u8 = 0x08;
const DELETE: u8 = 0x7f;
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// One thing in a client's input.
#[derive(Debug, PartialEq, Eq)]
pub enum FrameKind<'a> {
    /// A line, without its end. It may be empty, and may hold any bytes but LF.
    Line(&'a [u8]),
    /// The unfinished line has just passed the limit. The rest of it will be dropped.
    TooLong,
    /// Telnet's "are you there".
    AreYouThere,
    /// Telnet's answer, to be sent as it is.
    Answer([u8; 3]),
    /// The client speaks another protocol. No input of it may be read any more.
    Foreign(ForeignProtocol),
}

/// One thing in a client's input, and how the client wants its answer to end.
#[derive(Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// The thing itself.
    pub kind: FrameKind<'a>,
    /// How the client wants lines to end from now on.
    pub framing: Framing,
}

/// The state of one connection's input, between two reads.
#[derive(Debug, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one fact about a stream"
)]
pub struct LineSplitter {
    /// The unfinished line: at most the limit, and a CR that may belong to its end.
    partial: Vec<u8>,
    /// `partial` was yielded, and is to be emptied when the borrow is over.
    yielded: bool,
    telnet: Telnet,
    /// A line was ended: no byte order mark can come any more.
    past_first_line: bool,
    /// The unfinished line was too long: the rest of it is dropped.
    discarding: bool,
    /// The last byte dropped was a CR.
    discarded_cr: bool,
    framing: Framing,
}

/// Why [`LineSplitter::absorb`] stopped.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    /// The input is used up.
    More,
    /// A line is complete.
    Line,
    /// The unfinished line has just passed the limit.
    TooLong,
    AreYouThere,
    Answer([u8; 3]),
}

impl LineSplitter {
    /// How the client wants lines to end: as its own do, and with CR LF if it speaks telnet.
    #[must_use]
    pub fn framing(&self) -> Framing {
        self.framing
    }

    /// Whether there is no unfinished line, so that the buffer can be lent to another connection.
    #[must_use]
    pub fn is_at_line_start(&self) -> bool {
        self.partial.is_empty() || self.yielded
    }

    /// Lends a buffer for unfinished lines.
    pub fn lend(&mut self, buffer: Vec<u8>) {
        debug_assert!(self.is_at_line_start() && buffer.is_empty());
        self.partial = buffer;
        self.yielded = false;
    }

    /// Takes the buffer back, empty, once [`LineSplitter::is_at_line_start`].
    pub fn take_back(&mut self) -> Vec<u8> {
        debug_assert!(self.is_at_line_start());
        self.yielded = false;
        let mut buffer = mem::take(&mut self.partial);
        buffer.clear();
        buffer
    }

    /// The next frame in `input`, which is moved past it. `None`: the input is used up.
    pub fn next<'s, 'i: 's>(
        &'s mut self,
        input: &mut &'i [u8],
        line_bytes_max: usize,
    ) -> Option<Frame<'s>> {
        self.clear_yielded();
        while !input.is_empty() {
            if self.may_borrow() && input.first() != Some(&IAC) {
                // The common case: a whole line, and nothing in it that needs a second look.
                let end = memchr::memchr(LF, input);
                if let Some((line, rest)) = end.and_then(|end| input.split_at_checked(end)) {
                    let text = line.strip_suffix(&[CR]).unwrap_or(line);
                    if text.len() <= line_bytes_max && is_plain(text) {
                        *input = rest.get(1..).unwrap_or_default();
                        self.note_crlf(text.len() < line.len());
                        let (kind, framing) = (FrameKind::Line(text), self.framing);
                        return Some(Frame { kind, framing });
                    }
                }
            }
            match self.absorb(input, line_bytes_max) {
                Step::More => {}
                step => return self.frame_at(step),
            }
        }
        None
    }

    /// The end of input: an unfinished last line counts as a line.
    pub fn finish(&mut self) -> Option<Frame<'_>> {
        if self.has_unfinished_line() {
            self.frame_at(Step::Line)
        } else {
            None
        }
    }

    /// Whether the end of input would end a line.
    pub(super) fn has_unfinished_line(&self) -> bool {
        !self.is_at_line_start() && !self.discarding
    }

    /// The line at hand with what is not text at its ends, finished or not.
    pub(super) fn partial(&self) -> &[u8] {
        &self.partial
    }

    /// The text of the complete line.
    pub(super) fn text(&self) -> &[u8] {
        text_of(&self.partial, !self.past_first_line)
    }

    /// Empties `partial` of the line that was yielded last: its borrow is over.
    pub(super) fn clear_yielded(&mut self) {
        if mem::take(&mut self.yielded) {
            self.partial.clear();
        }
    }

    /// The frame that `step` has completed.
    pub(super) fn frame_at(&mut self, step: Step) -> Option<Frame<'_>> {
        let kind = match step {
            Step::More => return None,
            Step::Line => {
                let may_have_mark = !mem::replace(&mut self.past_first_line, true);
                self.yielded = true;
                FrameKind::Line(text_of(&self.partial, may_have_mark))
            }
            Step::TooLong => {
                self.past_first_line = true;
                FrameKind::TooLong
            }
            Step::AreYouThere => FrameKind::AreYouThere,
            Step::Answer(bytes) => FrameKind::Answer(bytes),
        };
        let framing = self.framing;
        Some(Frame { kind, framing })
    }

    /// Whether a line may be yielded where it lies.
    fn may_borrow(&self) -> bool {
        self.past_first_line && self.partial.is_empty() && !self.discarding && self.telnet.is_idle()
    }

    /// Moves input into `partial`, up to the end of a frame.
    pub(super) fn absorb(&mut self, input: &mut &[u8], line_bytes_max: usize) -> Step {
        while let Some((&byte, rest)) = input.split_first() {
            let run = self.run_length(input);
            if run > 0 {
                let (text, rest) = input.split_at(run);
                *input = rest;
                if self.push(text, line_bytes_max) {
                    return Step::TooLong;
                }
                continue;
            }
            *input = rest;
            let event = self.telnet.feed(byte);
            self.note_crlf(!matches!(
                event,
                TelnetEvent::Text(_) | TelnetEvent::Nothing
            ));
            match event {
                TelnetEvent::Nothing | TelnetEvent::Ignored => {}
                TelnetEvent::Text(LF) => {
                    if self.end_line() {
                        return Step::Line;
                    }
                }
                TelnetEvent::Text(BACKSPACE | DELETE) | TelnetEvent::EraseCharacter => self.erase(),
                TelnetEvent::Text(byte) => {
                    if self.push(&[byte], line_bytes_max) {
                        return Step::TooLong;
                    }
                }
                TelnetEvent::EraseLine => {
                    self.partial.clear();
                    self.discarding = false;
                }
                TelnetEvent::AreYouThere => return Step::AreYouThere,
                TelnetEvent::Answer(bytes) => return Step::Answer(bytes),
            }
        }
        Step::More
    }

    /// How many bytes at the start of `input` are text and can be moved at once.
    fn run_length(&self, input: &[u8]) -> usize {
        if !self.telnet.is_idle() {
            return 0;
        }
        // A search for the line's end behind each byte that is not text would be quadratic.
        let is_text = |byte: &u8| !matches!(*byte, LF | IAC | BACKSPACE | DELETE);
        let end = input.iter().position(|byte| !is_text(byte));
        end.unwrap_or(input.len())
    }

    /// Adds text to the unfinished line. Returns whether the line has just become too long.
    fn push(&mut self, text: &[u8], line_bytes_max: usize) -> bool {
        if self.discarding {
            self.discarded_cr = text.last() == Some(&CR);
            return false;
        }
        // A byte order mark does not count, nor does a CR that turns out to end the line.
        let mark = if self.starts_with_mark() {
            BYTE_ORDER_MARK.len()
        } else {
            0
        };
        let whole_max = line_bytes_max + mark;
        let room = (whole_max + 1).saturating_sub(self.partial.len());
        let fits = text.get(..room.min(text.len())).unwrap_or_default();
        self.partial.extend_from_slice(fits);
        if mark == 0 && self.starts_with_mark() {
            // The mark came in this piece: it made room for three bytes more.
            return self.push(text.get(fits.len()..).unwrap_or_default(), line_bytes_max);
        }
        let cr_at_the_limit = self.partial.len() == whole_max + 1 && self.partial.ends_with(&[CR]);
        if fits.len() == text.len() && (self.partial.len() <= whole_max || cr_at_the_limit) {
            return false;
        }
        self.discarding = true;
        self.discarded_cr = text.last() == Some(&CR);
        true
    }

    fn starts_with_mark(&self) -> bool {
        !self.past_first_line && self.partial.starts_with(BYTE_ORDER_MARK)
    }

    /// Takes the line's LF. Returns whether there is a line to yield.
    fn end_line(&mut self) -> bool {
        if self.discarding {
            self.note_crlf(self.discarded_cr);
            self.discarding = false;
            self.partial.clear();
            return false;
        }
        self.note_crlf(self.partial.ends_with(&[CR]));
        true
    }

    /// Erases the last character of the unfinished line, as much as a terminal shows for one.
    fn erase(&mut self) {
        if self.discarding {
            return;
        }
        let is_lead = |byte: &u8| byte & 0b1100_0000 != 0b1000_0000;
        let last = self.partial.len().saturating_sub(4);
        let tail = self.partial.get(last..).unwrap_or_default();
        let lead = tail
            .iter()
            .rposition(is_lead)
            .unwrap_or(tail.len().saturating_sub(1));
        let shown = tail.get(lead..).unwrap_or_default().utf8_chunks().last();
        let erased = shown.map_or(0, |chunk| match chunk.invalid().len() {
            0 => chunk.valid().chars().next_back().map_or(0, char::len_utf8),
            invalid => invalid,
        });
        self.partial.truncate(self.partial.len() - erased);
    }

    fn note_crlf(&mut self, is_crlf: bool) {
        if is_crlf {
            self.framing = Framing::CrLf;
        }
    }
}

/// A line without the CR of its end, and if it `may_have_mark`, without a byte order mark.
fn text_of(line: &[u8], may_have_mark: bool) -> &[u8] {
    let line = line.strip_suffix(&[CR]).unwrap_or(line);
    let unmarked = line.strip_prefix(BYTE_ORDER_MARK);
    unmarked.filter(|_| may_have_mark).unwrap_or(line)
}

/// Whether a line holds none of the bytes that edit it.
fn is_plain(line: &[u8]) -> bool {
    memchr::memchr3(IAC, BACKSPACE, DELETE, line).is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX: usize = 8;

    /// Every frame in `pieces`, as text, and whether lines are to end with CR LF.
    fn split(pieces: &[&[u8]]) -> (Vec<String>, bool) {
        let mut splitter = LineSplitter::default();
        let mut frames = Vec::new();
        let show = |frame: Frame<'_>| match frame.kind {
            FrameKind::Line(line) => format!("line {}", line.escape_ascii()),
            other => format!("{other:?}"),
        };
        for piece in pieces {
            let mut rest = *piece;
            while let Some(next) = splitter.next(&mut rest, MAX) {
                frames.push(show(next));
            }
            assert!(splitter.partial.len() <= MAX + 1 + BYTE_ORDER_MARK.len());
        }
        frames.extend(splitter.finish().map(show));
        (frames, splitter.framing() == Framing::CrLf)
    }

    /// Compares frames whole, at each split in two and in three, and byte by byte.
    #[track_caller]
    fn check(bytes: &[u8], lines: &[&str], crlf: bool) {
        let expected = (
            lines.iter().map(ToString::to_string).collect::<Vec<_>>(),
            crlf,
        );
        assert_eq!(split(&[bytes]), expected, "whole: {}", bytes.escape_ascii());
        for i in 0..=bytes.len() {
            for j in i..=bytes.len() {
                let pieces = [&bytes[..i], &bytes[i..j], &bytes[j..]];
                assert_eq!(
                    split(&pieces),
                    expected,
                    "{i}, {j}: {}",
                    bytes.escape_ascii()
                );
            }
        }
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        assert_eq!(
            split(&single),
            expected,
            "byte by byte: {}",
            bytes.escape_ascii()
        );
    }

    #[test]
    fn line_ends_with_lf_and_loses_a_cr_before_it() {
        check(b"a\nb\n", &["line a", "line b"], false);
        check(b"a\r\nb\n", &["line a", "line b"], true);
        check(b"\n\nx", &["line ", "line ", "line x"], false);
        check(b"a\rb\n", &["line a\\rb"], false);
        check(b"a\r\r\n", &["line a\\r"], true);
    }

    #[test]
    fn limit_counts_the_bytes_before_the_line_end() {
        check(b"1234567\nx\n", &["line 1234567", "line x"], false);
        check(b"12345678\nx\n", &["line 12345678", "line x"], false);
        check(b"12345678\r\nx\n", &["line 12345678", "line x"], true);
        check(b"123456789\nx\n", &["TooLong", "line x"], false);
        check(b"123456789\r\nx\n", &["TooLong", "line x"], true);
        check(b"12345678\rx\nx\n", &["TooLong", "line x"], false);
        check(b"12345678\r", &["line 12345678"], false);
        check(b"123456789", &["TooLong"], false);
        check(b"12345678901234567890\n\n", &["TooLong", "line "], false);
        // The first line is never borrowed from the input.
        check(
            b"a\n12345678\n123456789\nx\n",
            &["line a", "line 12345678", "TooLong", "line x"],
            false,
        );
        check(
            b"a\n12345678\r\n123456789\r\n",
            &["line a", "line 12345678", "TooLong"],
            true,
        );
    }

    #[test]
    fn erasing_takes_whole_characters_of_its_own_line_only() {
        check(b"ab\x08c\n", &["line ac"], false);
        check(b"ab\x7f\x7f\x7fc\n", &["line c"], false);
        check("aé\u{8}b\n".as_bytes(), &["line ab"], false);
        check("a€\u{7f}b\n".as_bytes(), &["line ab"], false);
        check("a😀\u{8}b\n".as_bytes(), &["line ab"], false);
        check(b"x\n\x08y\n", &["line x", "line y"], false);
        // Invalid bytes go as a terminal shows them: each by itself, or as one cut short.
        check(b"a\x80\x80\x08\n", &["line a\\x80"], false);
        check(b"a\xe2\x82\x08\n", &["line a"], false);
        // A line that was too long stays dropped.
        check(b"123456789\x08\x08\n", &["TooLong"], false);
        check(b"12345678\x089\n", &["line 12345679"], false);
    }

    #[test]
    fn telnet_is_taken_out_and_makes_lines_end_with_cr_lf() {
        check(b"a\xff\xf1b\n", &["line ab"], true);
        check(b"ab\xff\xf7c\n", &["line ac"], true);
        check(b"ab\xff\xf8c\n", &["line c"], true);
        check(b"ab\xff\xf4c\n", &["line c"], true);
        check(
            b"\xff\xfd\x01a\n",
            &["Answer([255, 252, 1])", "line a"],
            true,
        );
        check(b"a\xff\xf6b\n", &["AreYouThere", "line ab"], true);
        check(b"a\xff\xffb\n", &["line a\\xffb"], false);
        check(b"a\xff\xfa\x18\x00\n\xff\xf0b\n", &["line ab"], true);
        check(b"123456789\xff\xf412\n", &["TooLong", "line 12"], true);
    }

    #[test]
    fn byte_order_mark_is_dropped_uncounted_at_the_start_only() {
        check(b"\xef\xbb\xbfab\n", &["line ab"], false);
        check(b"\xef\xbb\xbf12345678\r\n", &["line 12345678"], true);
        check(b"\xef\xbb\xbf123456789\n", &["TooLong"], false);
        check(
            b"a\n\xef\xbb\xbfb\n",
            &["line a", "line \\xef\\xbb\\xbfb"],
            false,
        );
    }
}
