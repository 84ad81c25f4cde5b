//! Bytes to lines, however the bytes were split on their way.
//!
//! A line that arrived whole and holds nothing special is yielded where it lies in the read buffer.
//! Everything else (a line in several reads, telnet, keys, escape sequences) goes through `partial`, which
//! never holds more than a line's limit and an unfinished character.

use std::mem;

use zeroize::Zeroize;

use super::detect::ForeignProtocol;
use super::erase::erase;
use super::framing::Framing;
use super::sanitize::{self, Cleaner, Key};
use super::scan;
use super::telnet::{IAC, Telnet, TelnetEvent};

const NUL: u8 = 0;
const LF: u8 = b'\n';
const CR: u8 = b'\r';

/// One thing in a client's input.
#[derive(Debug, PartialEq, Eq)]
pub enum FrameKind<'a> {
    /// A line, without its end, and fit to be shown. It may be empty.
    Line(&'a str),
    /// The unfinished line has just passed the limit. The rest of it will be dropped.
    TooLong,
    /// A subnegotiation of telnet's has not ended within a line's length. The rest of its line will be
    /// dropped.
    UnendedSubnegotiation,
    /// Telnet's "are you there".
    AreYouThere,
    /// Telnet's answer, to be sent as it is.
    Answer([u8; 3]),
    /// Telnet's end of file: no input of the client's counts any more.
    EndOfFile,
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
    /// Something before it was not UTF-8, which the client is to be told; so it is once.
    pub tells_not_utf8: bool,
}

/// The state of one connection's input, between two reads.
#[derive(Debug, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one fact about a stream"
)]
pub struct LineSplitter {
    /// The unfinished line, without what was dropped from it.
    partial: Vec<u8>,
    telnet: Telnet,
    cleaner: Cleaner,
    /// `partial` was yielded, and is to be emptied when the borrow is over.
    yielded: bool,
    /// The unfinished line was too long: the rest of it is dropped.
    discarding: bool,
    /// The last byte of text was a CR.
    after_cr: bool,
    /// The client ends lines with LF, so that a bare CR is none of its line ends.
    sends_lf: bool,
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
    UnendedSubnegotiation,
    AreYouThere,
    Answer([u8; 3]),
    EndOfFile,
}

impl LineSplitter {
    /// How the client wants lines to end: as its own do, and with CR LF if it speaks telnet.
    #[must_use]
    pub fn framing(&self) -> Framing {
        self.framing
    }

    /// Whether an offer to echo can be understood, so that what is typed can be kept off the screen: the client
    /// speaks telnet, or ends its lines as telnet does and has not sent what only looks like it.
    #[must_use]
    pub fn can_conceal(&self) -> bool {
        self.framing == Framing::CrLf && !self.is_in_another_encoding()
    }

    /// Offers to echo, or takes that back. Returns what the client is to be sent.
    pub fn offer_echo(&mut self, on: bool) -> [u8; 3] {
        self.telnet.offer_echo(on)
    }

    /// Overwrites the line that was yielded last, and what is left of earlier ones behind it. An unfinished
    /// line stays.
    pub fn wipe(&mut self) {
        self.clear_yielded();
        self.partial.spare_capacity_mut().zeroize();
    }

    /// Whether there is no unfinished line, so that the buffer can be lent to another connection.
    #[must_use]
    pub fn is_at_line_start(&self) -> bool {
        self.partial.is_empty() || self.yielded
    }

    /// Whether a silence from here on ends the line: its last byte is a CR, and the client has never sent
    /// an LF.
    #[must_use]
    pub fn is_after_bare_cr(&self) -> bool {
        self.after_cr && !self.sends_lf && !self.telnet.is_within_command()
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
            if self.may_borrow()
                && let Some((line, end)) = whole_line(input, line_bytes_max)
            {
                // The common case: a whole line, and nothing in it that needs a second look.
                *input = input.get(line.len() + end.len()..).unwrap_or_default();
                self.sends_lf |= end.ends_with(&[LF]);
                self.note_crlf(end == [CR, LF]);
                return Some(self.frame(FrameKind::Line(line)));
            }
            match self.absorb(input, line_bytes_max) {
                Step::More => {}
                step => return self.frame_at(step),
            }
        }
        None
    }

    /// The next frame of those that the end of input completes: an unfinished last line counts as a line.
    pub fn finish(&mut self) -> Option<Frame<'_>> {
        self.clear_yielded();
        if self.has_unfinished_line() {
            self.cleaner.end_line(&mut self.partial);
            self.frame_at(Step::Line)
        } else if self.telnet.give_up() {
            self.frame_at(Step::UnendedSubnegotiation)
        } else {
            None
        }
    }

    /// Ends the line after a silence, once [`LineSplitter::is_after_bare_cr`].
    pub(super) fn end_silent_line(&mut self) -> Step {
        self.clear_yielded();
        if mem::take(&mut self.after_cr) {
            self.end_line(usize::MAX) // the CR has had its length checked
        } else {
            Step::More
        }
    }

    /// Whether the end of input would end a line.
    pub(super) fn has_unfinished_line(&self) -> bool {
        !self.is_at_line_start() && !self.discarding
    }

    /// No byte will complete the last character any more.
    pub(super) fn seal_last_character(&mut self) {
        self.clear_yielded();
        self.cleaner.seal(&mut self.partial);
    }

    /// The line at hand, finished or not.
    pub(super) fn partial(&self) -> &[u8] {
        &self.partial
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
            Step::Line => return Some(self.line_frame()),
            Step::TooLong => FrameKind::TooLong,
            Step::UnendedSubnegotiation => FrameKind::UnendedSubnegotiation,
            Step::AreYouThere => FrameKind::AreYouThere,
            Step::Answer(bytes) => FrameKind::Answer(bytes),
            Step::EndOfFile => FrameKind::EndOfFile,
        };
        Some(self.frame(kind))
    }

    fn frame<'a>(&mut self, kind: FrameKind<'a>) -> Frame<'a> {
        Frame {
            kind,
            framing: self.framing,
            tells_not_utf8: self.cleaner.take_hint(),
        }
    }

    /// The line in `partial`.
    fn line_frame(&mut self) -> Frame<'_> {
        self.yielded = true;
        let tells_not_utf8 = self.cleaner.take_hint();
        if self.cleaner.has_seen_other_encoding() && str::from_utf8(&self.partial).is_err() {
            let text = String::from_utf8_lossy(&self.partial).into_owned();
            // It may hold a secret, which is only known once it was read.
            self.partial.zeroize();
            self.partial = text.into_bytes();
        }
        let text = str::from_utf8(&self.partial);
        debug_assert!(text.is_ok(), "what is no UTF-8 is noted");
        Frame {
            kind: FrameKind::Line(text.unwrap_or_default()),
            framing: self.framing,
            tells_not_utf8,
        }
    }

    /// Whether a line may be yielded where it lies.
    fn may_borrow(&self) -> bool {
        self.partial.is_empty()
            && !self.discarding
            && !self.after_cr
            && self.cleaner.is_idle()
            && self.telnet.is_idle()
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
            let step = self.take(byte, line_bytes_max);
            if !matches!(step, Step::More) {
                return step;
            }
        }
        Step::More
    }

    /// How many bytes at the start of `input` are text and can be moved at once.
    fn run_length(&self, input: &[u8]) -> usize {
        // A search for the line's end behind each byte that is not text would be quadratic.
        if !self.telnet.is_idle() {
            0
        } else if self.discarding {
            scan::find_stop(input).place
        } else if self.cleaner.is_idle() {
            scan::ascii_text_length(input)
        } else {
            0
        }
    }

    /// Adds text without control characters to the unfinished line. Returns whether the line has just
    /// become too long.
    fn push(&mut self, text: &[u8], line_bytes_max: usize) -> bool {
        self.after_cr = false;
        if self.discarding {
            return false;
        }
        // An unfinished character before it becomes shorter: only then it is known what fits.
        self.cleaner.seal(&mut self.partial);
        let room = line_bytes_max.saturating_sub(self.partial.len());
        let fits = text.get(..room.min(text.len())).unwrap_or_default();
        self.partial.extend_from_slice(fits);
        // An unfinished character past the limit is no part of it, either.
        self.partial.truncate(line_bytes_max);
        fits.len() < text.len() && self.discard()
    }

    /// Takes a byte, whatever it is.
    fn take(&mut self, byte: u8, line_bytes_max: usize) -> Step {
        let is_text = byte == IAC && self.telnet.is_idle() && self.is_in_another_encoding();
        let event = if is_text {
            TelnetEvent::Text(byte)
        } else {
            self.telnet.feed(byte, line_bytes_max)
        };
        match event {
            TelnetEvent::Nothing => return Step::More,
            TelnetEvent::Text(byte) => return self.take_text(byte, line_bytes_max),
            TelnetEvent::NoCommand(byte) => {
                let step = self.take_text(IAC, line_bytes_max);
                debug_assert!(!matches!(step, Step::Line), "255 ends no line");
                let next = self.take_text(byte, line_bytes_max);
                // A line that is too long by the first byte yields nothing for the second.
                return if matches!(step, Step::More) {
                    next
                } else {
                    step
                };
            }
            TelnetEvent::GivenUp(byte) => {
                self.discard();
                self.partial.clear();
                self.take_text(byte, line_bytes_max);
                return Step::UnendedSubnegotiation;
            }
            TelnetEvent::Ignored
            | TelnetEvent::EraseLine
            | TelnetEvent::EraseCharacter
            | TelnetEvent::AreYouThere
            | TelnetEvent::Answer(_)
            | TelnetEvent::EndOfFile => self.note_crlf(true),
        }
        match event {
            TelnetEvent::EraseLine => {
                self.cleaner.reset();
                self.partial.clear();
                self.discarding = false;
            }
            TelnetEvent::EraseCharacter => self.obey(Key::EraseCharacter),
            TelnetEvent::AreYouThere => return Step::AreYouThere,
            TelnetEvent::Answer(bytes) => return Step::Answer(bytes),
            TelnetEvent::EndOfFile => return Step::EndOfFile,
            _ => {}
        }
        Step::More
    }

    /// Takes a byte of text.
    fn take_text(&mut self, byte: u8, line_bytes_max: usize) -> Step {
        let after_cr = mem::replace(&mut self.after_cr, byte == CR);
        match byte {
            LF => {
                self.sends_lf = true;
                self.note_crlf(after_cr);
                return self.end_line(line_bytes_max);
            }
            NUL if after_cr => return self.end_line(line_bytes_max),
            _ if self.discarding => return Step::More,
            _ => {}
        }
        if let Some(key) = self.cleaner.take(&mut self.partial, byte) {
            self.obey(key);
        }
        // A character that is still unfinished may be one that is dropped.
        let is_too_long = self.partial.len() > line_bytes_max
            && self.partial.len() - sanitize::unfinished_bytes(&self.partial) > line_bytes_max;
        if is_too_long {
            self.partial.truncate(line_bytes_max);
            self.discard();
            return Step::TooLong;
        }
        Step::More
    }

    /// Drops the rest of the line, whatever it is. Always true.
    fn discard(&mut self) -> bool {
        self.cleaner.reset();
        self.discarding = true;
        true
    }

    /// Ends the line, if there is one to yield.
    fn end_line(&mut self, line_bytes_max: usize) -> Step {
        if mem::take(&mut self.discarding) {
            self.cleaner.reset();
            self.partial.clear();
            return Step::More;
        }
        self.cleaner.end_line(&mut self.partial);
        if self.partial.len() > line_bytes_max {
            self.partial.truncate(line_bytes_max);
            self.yielded = true; // it is over, and nothing of it is yielded
            return Step::TooLong;
        }
        Step::Line
    }

    fn obey(&mut self, key: Key) {
        if !self.discarding {
            erase(&mut self.partial, key);
            // The bytes left begin no character, or it would have been one with the bytes erased.
            self.cleaner.seal(&mut self.partial);
        }
    }

    /// Whether 255 is text: the client has sent other bytes that are no UTF-8, and no command of telnet's.
    fn is_in_another_encoding(&self) -> bool {
        self.cleaner.has_seen_other_encoding() && !self.telnet.has_spoken()
    }

    fn note_crlf(&mut self, is_crlf: bool) {
        if is_crlf {
            self.framing = Framing::CrLf;
        }
    }
}

/// The line at the start of `input` and its end, if the line is whole, not too long, and fit to be shown as
/// it is.
fn whole_line(input: &[u8], line_bytes_max: usize) -> Option<(&str, &[u8])> {
    let stop = scan::find_stop(input);
    let (line, rest) = input.split_at_checked(stop.place)?;
    let end = match rest {
        [LF, ..] => 1,
        [CR, LF | NUL, ..] => 2,
        _ => return None,
    };
    if line.len() > line_bytes_max {
        return None;
    }
    let text = str::from_utf8(line).ok()?;
    (stop.is_ascii || sanitize::is_fit(text)).then_some((text, rest.get(..end)?))
}
