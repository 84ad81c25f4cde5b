//! One client: its actions, its output, and its expected answers.

use chinwag::chat::command::{Command, Mode, Reading, SessionCommand, SettingCommand};
use chinwag::server::switchboard::Readiness;
use chinwag::wire::command;
use chinwag::wire::detect::ForeignProtocol;
use serde_json::Value;

use super::super::output;
use super::super::splitter_model::{self, What};
use super::super::support::{GONE, VirtualClient, VirtualServer};

#[derive(Debug)]
pub struct Client {
    pub connection: VirtualClient,
    /// It has asked for JSON before anything else.
    pub is_scripted: bool,
    /// It has always read everything, and its connection never broke.
    is_steady: bool,
    has_half_closed: bool,
    line_bytes_max: usize,
    /// All bytes that it sent and got.
    sent: Vec<u8>,
    got: Vec<u8>,
}

/// The answers due to a client's lines.
#[derive(Debug, Default)]
struct Due {
    /// The number of answers, in JSON.
    answers: usize,
    /// Further answers are not counted.
    is_open_ended: bool,
    has_quit: bool,
}

impl Client {
    pub fn new(connection: VirtualClient, line_bytes_max: usize) -> Self {
        Self {
            connection,
            is_scripted: false,
            is_steady: true,
            has_half_closed: false,
            sent: Vec::new(),
            line_bytes_max,
            got: Vec::new(),
        }
    }

    /// As in a kernel, unread bytes and new ones are one piece.
    pub fn sends(&mut self, server: &mut VirtualServer, bytes: &[u8]) {
        if self.has_half_closed || bytes.is_empty() {
            return;
        }
        self.sent.extend_from_slice(bytes);
        let before = self.connection.socket.borrow_mut().to_server.pop_back();
        let all = [&before.unwrap_or_default()[..], bytes].concat();
        server.deliver(&self.connection, &all);
    }

    pub fn half_closes(&mut self, server: &mut VirtualServer) {
        self.has_half_closed = true;
        self.connection.socket.borrow_mut().half_closed = true;
        let end = Readiness {
            readable: true,
            hung_up: true,
            read_closed: true,
            ..Readiness::default()
        };
        server.switchboard.ready(self.connection.id, end);
    }

    pub fn resets(&mut self, server: &mut VirtualServer, is_told: bool) {
        self.is_steady = false;
        self.connection.socket.borrow_mut().reset = true;
        if is_told {
            server.switchboard.ready(self.connection.id, GONE);
        }
    }

    pub fn reads_slowly(&mut self, space: usize, write_max: usize, breaks: bool) {
        self.is_steady = false;
        let mut socket = self.connection.socket.borrow_mut();
        socket.space = space;
        socket.write_max = write_max;
        socket.breaks_when_full = breaks;
    }

    pub fn reads_all(&mut self) {
        let mut socket = self.connection.socket.borrow_mut();
        socket.space = usize::MAX;
        socket.write_max = usize::MAX;
    }

    pub fn is_writable(&self, server: &mut VirtualServer) {
        let writable = Readiness {
            writable: true,
            ..Readiness::default()
        };
        server.switchboard.ready(self.connection.id, writable);
    }

    /// Takes the output.
    pub fn look(&mut self) {
        self.got.extend(self.connection.take());
    }

    /// A registered client that reads everything is not closed, unless it wants that.
    pub fn check_stays(&self) {
        let due = self.due();
        let wants_to = self.has_half_closed || due.has_quit || due.is_open_ended;
        if self.is_scripted && self.is_steady && !wants_to && self.is_registered() {
            assert!(!self.connection.is_closed(), "{self:?}");
        }
    }

    /// Each line has one answer, if all of them were read.
    pub fn check_answers(&self) {
        if !self.is_scripted || !self.is_steady {
            return;
        }
        let due = self.due();
        let answers = self.answers().len();
        let all_were_read = self.is_registered() || !self.connection.is_closed();
        if all_were_read && !due.is_open_ended {
            assert_eq!(answers, due.answers, "one answer to one line: {self:?}");
        } else if all_were_read {
            assert!(answers >= due.answers, "an answer to each line: {self:?}");
        } else if !due.is_open_ended {
            assert!(answers <= due.answers, "one answer to one line: {self:?}");
        }
    }

    fn is_registered(&self) -> bool {
        // The second line has asked for it.
        self.answers()
            .get(1)
            .is_some_and(|answer| answer["type"] == "ok")
    }

    /// The answers due to its lines, as a plain model splits them.
    fn due(&self) -> Due {
        let (mut due, mut reading) = (Due::default(), Reading::Commands);
        let ended = self.has_half_closed;
        for finding in splitter_model::findings(&self.sent, ended, self.line_bytes_max) {
            let line = match finding.what {
                What::Line(line) => line,
                What::TooLong => {
                    due.answers += 1;
                    continue;
                }
                // Nothing behind it counts.
                What::EndOfFile => {
                    due.is_open_ended = true;
                    break;
                }
                _ => continue,
            };
            if command::is_blank(&line) {
                continue;
            }
            match command::parse(&line, reading) {
                Ok(Command::Setting(SettingCommand::Raw(Some(on)))) if self.is_registered() => {
                    due.answers += 1;
                    reading = if on { Reading::Raw } else { Reading::Commands };
                }
                Ok(Command::Session(SessionCommand::Quit(_))) => {
                    due.answers += 1;
                    due.has_quit = true;
                    break;
                }
                // Its own answer is not JSON any more.
                Ok(Command::Session(SessionCommand::Mode(Some(Mode::Plain)))) => {
                    due.is_open_ended = true;
                    break;
                }
                _ => due.answers += 1,
            }
        }
        due
    }

    /// Its answers in JSON.
    fn answers(&self) -> Vec<Value> {
        let lines = self
            .lines()
            .into_iter()
            .filter(|line| line.starts_with('{'));
        let objects = lines.map(|line| output::check_json_line(&line));
        objects
            .filter(|object| object["type"] == "ok" || object["type"] == "error")
            .collect()
    }

    /// Checks that all its output follows the protocol page.
    pub fn check_output(&self) {
        for line in self.lines() {
            if line.starts_with('{') {
                output::check_json_line(&line);
            } else {
                output::check_plain_line(&line);
            }
        }
    }

    /// The lines it got, without their ends, telnet's answers, and the answers to foreign protocols.
    fn lines(&self) -> Vec<String> {
        let (mut lines, mut rest, mut crlf) = (Vec::new(), &self.got[..], false);
        while !rest.is_empty() {
            // Only whole answers, and only between lines.
            if rest[0] == 255 && (rest.len() >= 3 || self.is_steady) {
                assert!(matches!(rest[1], 251 | 252 | 254), "{rest:?}");
                rest = &rest[3..];
                continue;
            }
            // Nothing comes after these.
            if [ForeignProtocol::Http, ForeignProtocol::Tls]
                .iter()
                .any(|protocol| protocol.answer() == rest)
            {
                break;
            }
            let Some(end) = rest.iter().position(|byte| *byte == b'\n') else {
                assert!(!self.is_steady, "a line without its end: {self:?}");
                break;
            };
            let is_cut_off =
                |protocol: ForeignProtocol| !self.is_steady && protocol.answer().starts_with(rest);
            if is_cut_off(ForeignProtocol::Http) || is_cut_off(ForeignProtocol::Tls) {
                break;
            }
            let line = std::str::from_utf8(&rest[..end]).expect("UTF-8");
            rest = &rest[end + 1..];
            let bare = line.strip_suffix('\r');
            assert!(bare.is_some() || !crlf, "CR LF, once that is wanted");
            crlf = bare.is_some();
            lines.push(bare.unwrap_or(line).to_owned());
        }
        lines
    }
}
