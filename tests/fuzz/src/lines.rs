//! The splitter with telnet, keys and escape sequences: in every split of the bytes it finds the same as a
//! plain model, in constant memory, and cleaned text is harmless; and a line means what it means without its
//! invisible bytes.
//!
//! An input is the limit, how many cuts there are, the lengths of the pieces, and the bytes.

use chinwag::chat::command::Reading;
use chinwag::wire::codec::Codec;
use chinwag::wire::detect::ForeignProtocol;
use chinwag::wire::framing::Framing;
use chinwag::wire::lines::{Frame, FrameKind};
use chinwag::wire::{command, sanitize};

use super::cursor::Cursor;
use super::splitter_model::{self, Finding, What};

/// Small, so that a fuzzer's lines reach it; large enough for a byte order mark.
const LINE_BYTES_MIN: usize = 4;
const LINE_BYTES_SPAN: usize = 60;

/// A character that may be one that is dropped, and the byte that makes a line too long.
const PARTIAL_BYTES_OVER: usize = 4;

/// A byte that is no UTF-8 is one U+FFFD.
const BYTES_FOR_ONE_MAX: usize = 3;

pub fn check(bytes: &[u8]) {
    let mut cursor = Cursor::new(bytes);
    let line_bytes_max = LINE_BYTES_MIN + cursor.below(LINE_BYTES_SPAN);
    let cuts: Vec<usize> = (0..cursor.below(8)).map(|_| cursor.below(256)).collect();
    let bytes = cursor.rest();

    let expected = splitter_model::findings(bytes, true, line_bytes_max);
    let whole = split(&[bytes], line_bytes_max, false);
    assert_eq!(whole, expected, "whole, against the model");
    let single: Vec<&[u8]> = bytes.chunks(1).collect();
    assert_eq!(
        split(&single, line_bytes_max, true),
        expected,
        "byte by byte"
    );
    let pieces = cut(bytes, &cuts);
    assert_eq!(
        split(&pieces, line_bytes_max, true),
        expected,
        "in pieces, with a lent buffer"
    );
    assert_eq!(split(&pieces, line_bytes_max, false), expected, "in pieces");

    for finding in &expected {
        if let What::Line(line) = &finding.what {
            assert!(line.chars().all(may_pass), "{line:?}");
            // An unfinished character at the end of input may be one byte more.
            assert!(line.len() <= BYTES_FOR_ONE_MAX * (line_bytes_max + 1));
        }
    }
    // The raw bytes, telnet and line ends included.
    check_text(bytes);
    check_invisible(bytes);
}

/// Pieces of these lengths, over and over; a length of zero is an empty piece.
fn cut<'a>(mut bytes: &'a [u8], lengths: &[usize]) -> Vec<&'a [u8]> {
    let mut pieces = Vec::new();
    // With nothing but empty pieces there would be no end.
    if lengths.iter().any(|length| *length > 0) {
        for length in lengths.iter().cycle() {
            let (piece, rest) = bytes.split_at(bytes.len().min(*length));
            pieces.push(piece);
            bytes = rest;
            if bytes.is_empty() {
                break;
            }
        }
    }
    pieces.push(bytes);
    pieces
}

/// The splitter's findings in `pieces`. `lending`: it gets a buffer for each piece, and gives it
/// back if it can, as in the server.
fn split(pieces: &[&[u8]], line_bytes_max: usize, lending: bool) -> Vec<Finding> {
    let mut splitter = Codec::default();
    let mut findings: Vec<Finding> = Vec::new();
    let is_stranger = |finding: &Finding| matches!(finding.what, What::Http | What::Tls);
    for piece in pieces {
        if lending && splitter.is_at_line_start() {
            splitter.lend(Vec::new());
        }
        let mut rest = *piece;
        while let Some(frame) = splitter.next(&mut rest, line_bytes_max) {
            findings.push(finding(&frame));
            if findings.last().is_some_and(is_stranger) {
                return findings;
            }
        }
        assert!(rest.is_empty(), "all is used up");
        if lending && splitter.is_at_line_start() {
            let buffer = splitter.take_back();
            // A growing vector has up to twice the needed capacity.
            let bytes_max = 2 * BYTES_FOR_ONE_MAX * (line_bytes_max + PARTIAL_BYTES_OVER);
            assert!(buffer.is_empty() && buffer.capacity() <= bytes_max);
        }
    }
    let framing = splitter.framing();
    let found = findings.len();
    while let Some(frame) = splitter.finish() {
        findings.push(finding(&frame));
        assert!(findings.len() <= found + 2, "a line, and a subnegotiation");
        if findings.last().is_some_and(is_stranger) {
            break;
        }
    }
    assert_eq!(splitter.framing(), framing, "no end of a line came");
    findings
}

fn finding(frame: &Frame<'_>) -> Finding {
    let what = match frame.kind {
        FrameKind::Line(line) => What::Line(line.to_owned()),
        FrameKind::TooLong => What::TooLong,
        FrameKind::UnendedSubnegotiation => What::UnendedSubnegotiation,
        FrameKind::EndOfFile => What::EndOfFile,
        FrameKind::AreYouThere => What::AreYouThere,
        FrameKind::Answer(bytes) => What::Answer(bytes),
        FrameKind::Foreign(ForeignProtocol::Http) => What::Http,
        FrameKind::Foreign(ForeignProtocol::Tls) => What::Tls,
    };
    Finding {
        what,
        crlf: frame.framing == Framing::CrLf,
        tells_not_utf8: frame.tells_not_utf8,
    }
}

/// Checks that nothing harmful is left of a text that is not typed, and that nothing else is lost.
fn check_text(bytes: &[u8]) {
    let clean = sanitize::clean(bytes);
    assert!(clean.chars().all(may_pass), "{clean:?}");
    let again = sanitize::clean(clean.as_bytes());
    assert_eq!(again, clean, "clean stays clean");
    let lossy = String::from_utf8_lossy(bytes);
    if !lossy.contains(|c: char| !may_pass(c)) {
        let seen = lossy.trim_start_matches(is_unseen);
        assert!(clean == lossy || clean == seen, "{clean:?} of {lossy:?}");
    }
}

/// Keys as a terminal sends them, and characters that nobody sees: what a client may have typed before, in
/// or behind anything.
const INVISIBLE: [&str; 14] = [
    "\x1b[A",
    "\x1bOP",
    "\x1b[15~",
    "\x1b[[E",
    "\x1b[1;5C",
    "\x1b[200~",
    "\x1b[<0;7;9M",
    "\x1b[O",
    "\x1b]0;t\x07",
    "\u{9b}H",
    "\u{feff}",
    "\u{202e}",
    "\u{7}",
    "\x1b_x\x1b\\",
];

/// A line means what it means without its invisible bytes: put into any of its places, they change nothing.
fn check_invisible(bytes: &[u8]) {
    const LINE_CHARS_MAX: usize = 40;
    let lossy = String::from_utf8_lossy(bytes);
    let seen: String = lossy.chars().filter(|c| may_pass(*c)).collect();
    let line: String = seen
        .trim_start_matches(is_unseen)
        .chars()
        .take(LINE_CHARS_MAX)
        .collect();
    let places = line.char_indices().map(|(place, _)| place);
    for (number, place) in places.chain([line.len()]).enumerate() {
        let invisible = INVISIBLE[(number + bytes.len()) % INVISIBLE.len()];
        let (before, behind) = line.split_at(place);
        let typed = format!("\n{before}{invisible}{behind}\n");
        let found = split(&[b"x", typed.as_bytes()], usize::MAX - 8, false);
        let What::Line(left) = &found[1].what else {
            panic!("{found:?}");
        };
        assert_eq!(*left, line, "{typed:?}");
        let commands = Reading::Commands;
        assert_eq!(
            command::parse(left, commands),
            command::parse(&line, commands)
        );
    }
}

fn is_unseen(c: char) -> bool {
    matches!(u32::from(c), 0xad | 0x200b..=0x200f | 0x2060)
}

/// The protocol page's words, not the code's.
pub fn may_pass(c: char) -> bool {
    let code = u32::from(c);
    let is_control = code < 0x20 || (0x7f..=0x9f).contains(&code);
    let is_bidi = (0x202a..=0x202e).contains(&code) || (0x2066..=0x2069).contains(&code);
    let is_mark = code == 0xfeff;
    c == '\t' || !(is_control || is_bidi || is_mark)
}
