//! The protocol page's "Lines" and "Telnet" in plain code, a byte at a time. The real splitter must
//! find the same.

use std::collections::BTreeSet;

use chinwag::wire::unseen::shows_nothing;

use super::lines::may_pass;

/// A finding, whether the client wants CR LF from then on, and whether it is told that its text was no UTF-8.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub what: What,
    pub crlf: bool,
    pub tells_not_utf8: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    Line(String),
    TooLong,
    UnendedSubnegotiation,
    AreYouThere,
    Answer([u8; 3]),
    EndOfFile,
    Http,
    Tls,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Telnet {
    Text,
    Command,
    Option(u8),
    /// Behind the option of a first command, `DONT`: it is a character if a NUL comes.
    FirstDont(u8),
    Subnegotiation,
    SubnegotiationCommand,
}

#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one fact about a stream"
)]
pub struct Model {
    line_bytes_max: usize,
    typed: Typed,
    /// The rest of the line is dropped.
    dropping: bool,
    after_cr: bool,
    telnet: Telnet,
    has_spoken: bool,
    /// The command at hand is the first.
    is_first: bool,
    subnegotiation_bytes: usize,
    refused: BTreeSet<(u8, u8)>,
    crlf: bool,
    /// Whether all lines were empty.
    only_empty: bool,
    first_bytes: Vec<u8>,
    findings: Vec<Finding>,
}

/// The findings in `bytes`, a client's whole input so far, or, if it `ended`, for good. A foreign
/// protocol is the last finding.
pub fn findings(bytes: &[u8], ended: bool, line_bytes_max: usize) -> Vec<Finding> {
    let mut model = Model::new(line_bytes_max);
    for byte in bytes {
        model.take(*byte);
        if model.is_over() {
            return model.findings;
        }
    }
    if !ended {
        return model.findings;
    }
    let is_unfinished = !model.typed.pieces.is_empty() || !model.typed.half.is_empty();
    if !model.dropping && is_unfinished {
        model.end_line(usize::MAX);
    }
    let is_unended = matches!(
        model.telnet,
        Telnet::Subnegotiation | Telnet::SubnegotiationCommand
    );
    if is_unended && !model.is_over() {
        model.find(What::UnendedSubnegotiation);
    }
    model.findings
}

impl Model {
    fn new(line_bytes_max: usize) -> Self {
        Self {
            line_bytes_max,
            typed: Typed::default(),
            dropping: false,
            after_cr: false,
            telnet: Telnet::Text,
            has_spoken: false,
            is_first: false,
            subnegotiation_bytes: 0,
            refused: BTreeSet::new(),
            crlf: false,
            only_empty: true,
            first_bytes: Vec::new(),
            findings: Vec::new(),
        }
    }

    fn is_over(&self) -> bool {
        let last = self.findings.last().map(|finding| &finding.what);
        matches!(last, Some(What::Http | What::Tls))
    }

    /// The first finding behind what was no UTF-8 tells it.
    fn find(&mut self, what: What) {
        let is_foreign = matches!(what, What::Http | What::Tls);
        let tells_not_utf8 = self.typed.broken > 0 && !self.typed.is_told && !is_foreign;
        self.typed.is_told |= tells_not_utf8;
        self.findings.push(Finding {
            what,
            crlf: self.crlf,
            tells_not_utf8,
        });
    }

    fn take(&mut self, byte: u8) {
        if self.first_bytes.len() < 3 {
            self.first_bytes.push(byte);
            if matches!(self.first_bytes[..], [0x16, 0x03, 0x00..=0x04]) {
                return self.find(What::Tls);
            }
        }
        if let Telnet::FirstDont(character) = self.telnet {
            self.telnet = Telnet::Text;
            if byte == 0 {
                self.has_spoken = false;
                return self.text(character);
            }
        }
        let is_in_another_encoding = self.typed.broken > 0 && !self.has_spoken;
        match self.telnet {
            Telnet::Text if byte == 255 && !is_in_another_encoding => {
                self.telnet = Telnet::Command;
            }
            Telnet::Text => self.text(byte),
            Telnet::Command if byte == 255 => {
                self.telnet = Telnet::Text;
                self.text(255); // a byte of text, and no sign of telnet
            }
            // No command: an encoding where 255 is a character.
            Telnet::Command if byte < 236 || (!self.has_spoken && matches!(byte, 236 | 240)) => {
                self.telnet = Telnet::Text;
                self.text(255);
                self.text(byte);
            }
            Telnet::SubnegotiationCommand if byte != 255 && byte >= 236 => self.command(byte),
            Telnet::SubnegotiationCommand if byte < 236 => self.give_up(byte),
            Telnet::Command => self.command(byte),
            Telnet::Option(verb) => self.option(verb, byte),
            Telnet::FirstDont(_) => {}
            Telnet::Subnegotiation if byte == 255 => self.telnet = Telnet::SubnegotiationCommand,
            Telnet::Subnegotiation | Telnet::SubnegotiationCommand => {
                self.telnet = Telnet::Subnegotiation;
                self.subnegotiation_bytes += 1;
                if self.subnegotiation_bytes > self.line_bytes_max {
                    self.give_up(byte);
                }
            }
        }
    }

    /// What looked like a subnegotiation was text, of which the rest of the line is dropped.
    fn give_up(&mut self, byte: u8) {
        self.telnet = Telnet::Text;
        self.typed.forget();
        self.dropping = true;
        self.text(byte);
        self.find(What::UnendedSubnegotiation);
    }

    fn command(&mut self, byte: u8) {
        self.is_first = !self.has_spoken;
        self.has_spoken = true;
        self.subnegotiation_bytes = 0;
        self.telnet = match byte {
            251..=254 => Telnet::Option(byte),
            250 => Telnet::Subnegotiation,
            _ => Telnet::Text,
        };
        match byte {
            250..=254 => return, // more is to come
            _ => self.crlf = true,
        }
        match byte {
            236 => self.find(What::EndOfFile),
            246 => self.find(What::AreYouThere),
            247 if !self.dropping => self.typed.erase(),
            244 | 248 => {
                self.typed.forget();
                self.dropping = false;
            }
            _ => {}
        }
    }

    fn option(&mut self, verb: u8, option: u8) {
        self.telnet = Telnet::Text;
        self.crlf = true;
        match verb {
            253 if option == 6 => self.find(What::Answer([255, 251, 6])),
            253 if self.refused.insert((verb, option)) => {
                self.find(What::Answer([255, 252, option]));
            }
            254 if self.is_first => self.telnet = Telnet::FirstDont(option),
            251 if self.refused.insert((verb, option)) => {
                self.find(What::Answer([255, 254, option]));
            }
            _ => {}
        }
    }

    fn text(&mut self, byte: u8) {
        let after_cr = std::mem::replace(&mut self.after_cr, byte == b'\r');
        self.crlf |= after_cr && byte == b'\n';
        if byte == b'\n' || (after_cr && byte == 0) {
            if self.dropping {
                self.typed.forget();
                self.dropping = false;
            } else {
                self.end_line(self.line_bytes_max);
            }
        } else if !self.dropping {
            self.typed.take(byte);
            if self.typed.bytes().len() > self.line_bytes_max {
                self.dropping = true;
                self.too_long();
            }
        }
    }

    fn too_long(&mut self) {
        // What is behind the limit does not count.
        let mut line = self.typed.bytes();
        line.truncate(self.line_bytes_max);
        if self.only_empty && is_request(&line, true) {
            return self.find(What::Http);
        }
        self.only_empty = false;
        self.find(What::TooLong);
    }

    fn end_line(&mut self, line_bytes_max: usize) {
        self.typed.complete();
        let bytes = self.typed.bytes();
        if bytes.len() > line_bytes_max {
            self.too_long();
            return self.typed.forget();
        }
        if self.only_empty && is_request(&bytes, false) {
            return self.find(What::Http);
        }
        let line: String = self
            .typed
            .pieces
            .iter()
            .map(|piece| piece.shown())
            .collect();
        self.typed.forget();
        self.only_empty &= line.is_empty();
        self.find(What::Line(line));
    }
}

/// What stands in an unfinished line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Piece {
    Char(char),
    /// A byte, or some that begin a character, that are no UTF-8.
    Broken,
}

impl Piece {
    fn shown(self) -> char {
        match self {
            Self::Char(c) => c,
            Self::Broken => '\u{fffd}',
        }
    }
}

/// The unfinished line as a terminal would show it.
#[derive(Debug, Default)]
struct Typed {
    pieces: Vec<Piece>,
    /// The first bytes of a character.
    half: Vec<u8>,
    /// An unfinished sequence, without its ESC.
    sequence: Option<Vec<u8>>,
    /// The number of pieces that were no UTF-8, in all lines.
    broken: usize,
    is_told: bool,
}

enum Verdict {
    Unfinished,
    Complete,
    /// The byte does what it does outside, and the sequence goes on.
    Aside,
    /// The sequence has ended before the byte.
    Outside,
}

impl Typed {
    /// The line's bytes; what is no UTF-8 is one byte each.
    fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for piece in &self.pieces {
            match piece {
                Piece::Char(c) => bytes.extend_from_slice(c.to_string().as_bytes()),
                Piece::Broken => bytes.push(0xff),
            }
        }
        bytes
    }

    fn forget(&mut self) {
        self.pieces.clear();
        self.half.clear();
        self.sequence = None;
    }

    fn take(&mut self, byte: u8) {
        if matches!(byte, 0x03 | 0x15) {
            return self.forget();
        }
        if let Some(mut sequence) = self.sequence.take() {
            let verdict = verdict(&sequence, byte, shows_nothing(&self.bytes()));
            sequence.push(byte);
            match verdict {
                Verdict::Unfinished => {
                    self.sequence = Some(sequence);
                    return;
                }
                Verdict::Complete => return,
                Verdict::Aside => {
                    sequence.pop();
                    self.sequence = Some(sequence);
                    if byte == b'\t' {
                        return; // nothing is shown within a sequence
                    }
                }
                Verdict::Outside => {
                    // A string's end or another sequence, in UTF-8.
                    if is_string(&sequence) && matches!(byte, 0x80..=0x9f) {
                        return self.begin(byte - 0x40);
                    }
                }
            }
        }
        self.outside(byte);
    }

    fn outside(&mut self, byte: u8) {
        if !matches!(byte, 0x80..=0xbf) {
            self.complete();
        }
        match byte {
            0x1b => self.sequence = Some(Vec::new()),
            0x08 | 0x7f => self.erase(),
            0x17 => self.erase_word(),
            b'\t' | b' '..=b'~' => self.pieces.push(Piece::Char(byte.into())),
            0x80.. => self.high(byte),
            _ => {}
        }
    }

    /// What begins a character, and is followed by something else, is none.
    fn complete(&mut self) {
        if !self.half.is_empty() {
            self.half.clear();
            self.add_broken(1);
        }
    }

    fn add_broken(&mut self, count: usize) {
        self.broken += count;
        self.pieces.extend(vec![Piece::Broken; count]);
    }

    fn high(&mut self, byte: u8) {
        self.half.push(byte);
        match std::str::from_utf8(&self.half) {
            Ok(whole) => {
                let c = whole.chars().next().unwrap();
                self.half.clear();
                self.add(c);
            }
            Err(error) if error.error_len().is_some() => {
                let count = self.half.len();
                self.half.clear();
                self.add_broken(count);
            }
            Err(_) => {}
        }
    }

    fn add(&mut self, c: char) {
        let code = u32::from(c);
        let is_unseen = matches!(code, 0xad | 0x200b..=0x200f | 0x2060);
        if (0x80..=0x9f).contains(&code) {
            self.begin(u8::try_from(code - 0x40).unwrap());
        } else if may_pass(c) && !(is_unseen && self.pieces.is_empty()) {
            self.pieces.push(Piece::Char(c));
        }
    }

    /// A sequence begins with ESC and this byte.
    fn begin(&mut self, byte: u8) {
        self.sequence = match verdict(&[], byte, false) {
            Verdict::Unfinished => Some(vec![byte]),
            _ => None,
        };
    }

    fn erase(&mut self) {
        if self.half.is_empty() {
            self.pieces.pop();
        }
        self.half.clear();
    }

    fn erase_word(&mut self) {
        let is_blank = |piece: &Piece| matches!(piece, Piece::Char(' ' | '\t'));
        while self.pieces.last().is_some_and(is_blank) {
            self.pieces.pop();
        }
        while self.pieces.last().is_some_and(|piece| !is_blank(piece)) {
            self.pieces.pop();
        }
    }
}

/// Whether a sequence is a string: what is in it is for its end.
fn is_string(sequence: &[u8]) -> bool {
    matches!(sequence.first(), Some(b']' | b'P' | b'X' | b'^' | b'_'))
}

/// What `byte` is behind `ESC` and `sequence`, at the start of a line or later.
fn verdict(sequence: &[u8], byte: u8, at_start: bool) -> Verdict {
    use Verdict::{Aside, Complete, Outside, Unfinished};
    if is_string(sequence) {
        let is_c1 = sequence.last() == Some(&0xc2) && matches!(byte, 0x80..=0x9f);
        return match byte {
            0x1b => Outside,
            0x18 | 0x1a => Complete,
            0x07 if sequence[0] == b']' => Complete,
            _ if is_c1 && sequence.len() > 1 => Outside,
            _ => Unfinished,
        };
    }
    // Three bytes behind ESC [ M, whatever they are, and one behind ESC [ [.
    if let [b'[', b'M', click @ ..] = sequence {
        return match byte {
            ..b' ' => Outside,
            b'@' | b'/' if at_start && click.is_empty() => Outside,
            _ if click.len() == 2 => Complete,
            _ => Unfinished,
        };
    }
    if sequence == b"[[" {
        return match byte {
            b'A'..=b'E' => Complete,
            _ => Outside,
        };
    }
    if sequence.first() == Some(&b'O') {
        return match byte {
            b'0'..=b'9' | b';' => Unfinished,
            b'a'..=b'z' | b'A'..=b'Z' => Complete,
            _ => Outside,
        };
    }
    let is_number = |byte: &u8| matches!(byte, b'0'..=b';');
    match (sequence, byte) {
        (_, 0x80.. | 0x1b) | ([], 0x08 | 0x7f | 0x17) | ([b' '..=b'/', ..], b' ' | b'a'..=b'z') => {
            Outside
        }
        // rxvt's keys are a number and `@`.
        ([b'[', b'0'..=b'?', numbers @ ..], b'@') if numbers.iter().all(is_number) => Complete,
        (_, b'@' | b'/' | b'#') if at_start => Outside,
        (_, 0x18 | 0x1a) => Complete,
        (_, ..b' ' | 0x7f) => Aside,
        (_, b' '..=b'/')
        | ([], b'[' | b']' | b'P' | b'X' | b'^' | b'_' | b'O')
        | ([b'['], b'[' | b'M')
        | ([b'[', ..], b'0'..=b'?') => Unfinished,
        _ => Complete,
    }
}

/// `GET /target`, or `GET target HTTP/…`; of an unfinished line `GET` is enough. With any other method
/// exactly `METHOD target HTTP/d.d`; an unfinished line has at least a part of a target that looks like
/// one, and nothing behind it that could not become the version.
fn is_request(line: &[u8], unfinished: bool) -> bool {
    let mut words = line.splitn(3, |byte| *byte == b' ');
    let (Some(method), Some(target)) = (words.next(), words.next()) else {
        return false;
    };
    let version = words.next();
    let known = "GET HEAD POST PUT DELETE CONNECT OPTIONS TRACE PATCH PRI";
    if known.split(' ').any(|known| known.as_bytes() == method) {
        let rest = String::from_utf8_lossy(&line[method.len()..]);
        return unfinished || target.starts_with(b"/") || rest.contains(" HTTP/");
    }
    let marks = b"!#$%&'*+-.^_`|~";
    let is_token = |byte: &u8| byte.is_ascii_alphanumeric() || marks.contains(byte);
    if method.is_empty() || !method.iter().all(is_token) {
        return false;
    }
    let number = version.and_then(|version| version.strip_prefix(b"HTTP/"));
    if number.is_some_and(is_version) {
        return true;
    }
    let shouts = method.to_ascii_uppercase() == method;
    let is_address = String::from_utf8_lossy(target).contains("://");
    let looks_right = target.starts_with(b"/") || target == b"*" || (shouts && is_address);
    let begun = version.unwrap_or_default();
    let is_begun = (0..10).any(|digit| format!("HTTP/{digit}.").as_bytes().starts_with(begun));
    unfinished && looks_right && is_begun
}

fn is_version(number: &[u8]) -> bool {
    let is_digit = number.first().is_some_and(u8::is_ascii_digit);
    is_digit && (number.len() == 1 || (number.len() == 3 && number[1] == b'.'))
}
