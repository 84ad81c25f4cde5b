//! The protocol page's "Lines" and "Telnet" in plain code, a byte at a time. The real splitter must
//! find the same.

use std::collections::BTreeSet;

/// A finding, and whether the client wants CR LF from then on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub what: What,
    pub crlf: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    Line(Vec<u8>),
    TooLong,
    AreYouThere,
    Answer([u8; 3]),
    Http,
    Tls,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Telnet {
    Text,
    Command,
    Option(u8),
    Subnegotiation,
    SubnegotiationCommand,
}

#[derive(Debug)]
pub struct Model {
    line_bytes_max: usize,
    line: Vec<u8>,
    /// The rest of the line is dropped; the byte that was dropped last.
    dropping: Option<u8>,
    telnet: Telnet,
    refused: BTreeSet<(u8, u8)>,
    crlf: bool,
    /// The number of lines, too long ones included.
    lines: usize,
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
    if ended && model.dropping.is_none() && !model.line.is_empty() {
        model.end_line();
    }
    model.findings
}

impl Model {
    fn new(line_bytes_max: usize) -> Self {
        Self {
            line_bytes_max,
            line: Vec::new(),
            dropping: None,
            telnet: Telnet::Text,
            refused: BTreeSet::new(),
            crlf: false,
            lines: 0,
            only_empty: true,
            first_bytes: Vec::new(),
            findings: Vec::new(),
        }
    }

    fn is_over(&self) -> bool {
        let last = self.findings.last().map(|finding| &finding.what);
        matches!(last, Some(What::Http | What::Tls))
    }

    fn find(&mut self, what: What) {
        let crlf = self.crlf;
        self.findings.push(Finding { what, crlf });
    }

    fn take(&mut self, byte: u8) {
        if self.first_bytes.len() < 3 {
            self.first_bytes.push(byte);
            if matches!(self.first_bytes[..], [0x16, 0x03, 0x00..=0x04]) {
                return self.find(What::Tls);
            }
        }
        match self.telnet {
            Telnet::Text if byte == 255 => self.telnet = Telnet::Command,
            Telnet::Text => self.text(byte),
            Telnet::Command | Telnet::SubnegotiationCommand if byte != 255 => self.command(byte),
            Telnet::Command => {
                self.telnet = Telnet::Text;
                self.add(255); // a byte of text, and no sign of telnet
            }
            Telnet::Option(verb) => self.option(verb, byte),
            Telnet::Subnegotiation if byte == 255 => self.telnet = Telnet::SubnegotiationCommand,
            Telnet::Subnegotiation => {}
            Telnet::SubnegotiationCommand => self.telnet = Telnet::Subnegotiation,
        }
    }

    fn command(&mut self, byte: u8) {
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
            246 => self.find(What::AreYouThere),
            247 => self.erase(),
            244 | 248 => {
                self.line.clear();
                self.dropping = None;
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
            251 if self.refused.insert((verb, option)) => {
                self.find(What::Answer([255, 254, option]));
            }
            _ => {}
        }
    }

    fn text(&mut self, byte: u8) {
        match byte {
            b'\n' => {
                if let Some(last) = self.dropping.take() {
                    self.crlf |= last == b'\r';
                    self.line.clear();
                } else {
                    self.crlf |= self.line.last() == Some(&b'\r');
                    self.end_line();
                }
            }
            0x08 | 0x7f => self.erase(),
            _ => self.add(byte),
        }
    }

    /// The mark at the start of a connection, which does not count.
    fn mark(&self) -> &'static [u8] {
        let mark = b"\xef\xbb\xbf";
        if self.lines == 0 && self.line.starts_with(mark) {
            mark
        } else {
            b""
        }
    }

    fn add(&mut self, byte: u8) {
        if let Some(last) = &mut self.dropping {
            *last = byte;
            return;
        }
        self.line.push(byte);
        let excess = self.line.len() - self.mark().len();
        let excess = excess.saturating_sub(self.line_bytes_max);
        // One CR more may yet turn out to be part of the line's end.
        if excess == 0 || (excess == 1 && byte == b'\r') {
            return;
        }
        self.dropping = Some(byte);
        // Later bytes than the one behind the limit, which may be the end's, are ignored.
        let seen = self.mark().len() + self.line_bytes_max + 1;
        if self.only_empty && is_request(&self.line[..seen], true) {
            return self.find(What::Http);
        }
        self.lines += 1;
        self.only_empty = false;
        self.find(What::TooLong);
    }

    fn erase(&mut self) {
        if self.dropping.is_some() {
            return;
        }
        let Some(last) = self.line.utf8_chunks().last() else {
            return;
        };
        let bytes = match last.invalid().len() {
            0 => last.valid().chars().last().map_or(0, char::len_utf8),
            invalid => invalid,
        };
        self.line.truncate(self.line.len() - bytes);
    }

    fn end_line(&mut self) {
        if self.only_empty && is_request(&self.line, false) {
            return self.find(What::Http);
        }
        let mark_bytes = self.mark().len();
        let mut line = std::mem::take(&mut self.line);
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        line.drain(..mark_bytes);
        self.lines += 1;
        self.only_empty &= line.is_empty();
        self.find(What::Line(line));
    }
}

/// `GET /target`, or `GET target HTTP/…`; of an unfinished line `GET` is enough. With any other method
/// exactly `METHOD target HTTP/d.d`; an unfinished line has at least a part of a target that looks like
/// one, and nothing behind it that could not become the version.
fn is_request(line: &[u8], unfinished: bool) -> bool {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
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
