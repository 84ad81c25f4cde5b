//! The splitter with telnet and erasing: in every split of the bytes it finds the same as a plain
//! model, in constant memory, and cleaned text is harmless.
//!
//! An input is the limit, how many cuts there are, the lengths of the pieces, and the bytes.

use chinwag::wire::codec::Codec;
use chinwag::wire::detect::ForeignProtocol;
use chinwag::wire::framing::Framing;
use chinwag::wire::lines::{Frame, FrameKind};
use chinwag::wire::sanitize;

use super::cursor::Cursor;
use super::splitter_model::{self, Finding, What};

/// Small, so that a fuzzer's lines reach it; large enough for a byte order mark.
const LINE_BYTES_MIN: usize = 4;
const LINE_BYTES_SPAN: usize = 60;

/// A byte order mark, and the CR that may be the end's.
const PARTIAL_BYTES_OVER: usize = 4;

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
            assert!(line.len() <= line_bytes_max && !line.contains(&b'\n'));
            check_text(line);
        }
    }
    // The raw bytes, telnet and line ends included.
    check_text(bytes);
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
            let bytes_max = 2 * (line_bytes_max + PARTIAL_BYTES_OVER);
            assert!(buffer.is_empty() && buffer.capacity() <= bytes_max);
        }
    }
    let framing = splitter.framing();
    findings.extend(splitter.finish().map(|frame| finding(&frame)));
    assert_eq!(splitter.framing(), framing, "no end of a line came");
    if !findings.last().is_some_and(is_stranger) {
        assert!(splitter.finish().is_none(), "there is one last line");
    }
    findings
}

fn finding(frame: &Frame<'_>) -> Finding {
    let what = match frame.kind {
        FrameKind::Line(line) => What::Line(line.to_vec()),
        FrameKind::TooLong => What::TooLong,
        FrameKind::AreYouThere => What::AreYouThere,
        FrameKind::Answer(bytes) => What::Answer(bytes),
        FrameKind::Foreign(ForeignProtocol::Http) => What::Http,
        FrameKind::Foreign(ForeignProtocol::Tls) => What::Tls,
    };
    Finding {
        what,
        crlf: frame.framing == Framing::CrLf,
    }
}

/// Checks that exactly the allowed characters pass.
fn check_text(bytes: &[u8]) {
    let clean = sanitize::clean(bytes);
    let lossy = String::from_utf8_lossy(bytes);
    let expected: String = lossy.chars().filter(|c| may_pass(*c)).collect();
    assert_eq!(clean, expected);
    assert_eq!(
        sanitize::clean(clean.as_bytes()),
        clean,
        "clean stays clean"
    );
}

/// The protocol page's words, not the code's.
pub fn may_pass(c: char) -> bool {
    let code = u32::from(c);
    let is_control = code < 0x20 || (0x7f..=0x9f).contains(&code);
    let is_bidi = (0x202a..=0x202e).contains(&code) || (0x2066..=0x2069).contains(&code);
    c == '\t' || !(is_control || is_bidi)
}
