//! A client of a daemon, whose test expects each line.

use std::fmt::Debug;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

use super::delays::delay;
use super::{DEADLINE, SHOWN_LINES_MAX};

enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// One connection to a daemon.
pub struct Client {
    stream: Stream,
    /// Bytes received, and not taken yet.
    unread: Vec<u8>,
    /// Every line taken so far, for the message of a failed test.
    taken: Vec<String>,
}

impl Client {
    pub fn over_tcp(address: SocketAddr) -> Self {
        let stream = TcpStream::connect_timeout(&address, DEADLINE).expect("it connects");
        Self::new(Stream::Tcp(stream))
    }

    /// A client with a small receive buffer, so that its unread output soon waits in the daemon.
    pub fn with_small_window(address: SocketAddr) -> Self {
        Self::with_window(address, 1024)
    }

    /// A client with a receive buffer of `bytes`. Past a segment (64 KiB here) it can go on reading at any
    /// time; below, only when the other end probes the window, more and more rarely.
    pub fn with_window(address: SocketAddr, bytes: usize) -> Self {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None).unwrap();
        socket.set_recv_buffer_size(bytes).unwrap();
        socket.connect(&address.into()).expect("it connects");
        Self::over_socket(socket)
    }

    /// A client over a socket that the test has made.
    pub fn over_socket(socket: Socket) -> Self {
        Self::new(Stream::Tcp(socket.into()))
    }

    /// Widens the receive buffer again. Through a window smaller than a segment, reading takes minutes.
    pub fn widen_window(&self) {
        if let Stream::Tcp(stream) = &self.stream {
            let socket = socket2::SockRef::from(stream);
            socket.set_recv_buffer_size(1 << 20).unwrap();
        }
    }

    /// Connects to a Unix socket.
    pub fn over_unix(path: &Path) -> Self {
        let stream = UnixStream::connect(path).expect("it connects");
        Self::new(Stream::Unix(stream))
    }

    /// Registers a client that was not greeted yet. The greeting comes at once, as the name goes first.
    #[track_caller]
    pub fn join(mut self, name: &str) -> Self {
        self.send(&format!("#{name}"));
        self.expect_greeting();
        self.expect_registered(name);
        self
    }

    fn new(stream: Stream) -> Self {
        let client = Self {
            stream,
            unread: Vec::new(),
            taken: Vec::new(),
        };
        match &client.stream {
            Stream::Tcp(stream) => {
                stream.set_nodelay(true).unwrap();
                stream.set_write_timeout(Some(DEADLINE)).unwrap();
            }
            Stream::Unix(stream) => stream.set_write_timeout(Some(DEADLINE)).unwrap(),
        }
        client
    }

    /// The sending half, for another thread.
    pub fn sender(&self) -> Box<dyn Write + Send> {
        match &self.stream {
            Stream::Tcp(stream) => Box::new(stream.try_clone().unwrap()),
            Stream::Unix(stream) => Box::new(stream.try_clone().unwrap()),
        }
    }

    /// The receiving half, for another thread.
    pub fn receiver(&self) -> Box<dyn Read + Send> {
        match &self.stream {
            Stream::Tcp(stream) => Box::new(stream.try_clone().unwrap()),
            Stream::Unix(stream) => Box::new(stream.try_clone().unwrap()),
        }
    }

    /// Ends both directions, for the threads with a half of it, too.
    pub fn break_off(&self) {
        let ended = match &self.stream {
            Stream::Tcp(stream) => stream.shutdown(Shutdown::Both),
            Stream::Unix(stream) => stream.shutdown(Shutdown::Both),
        };
        drop(ended); // the connection may have ended already
    }

    /// Sends a line.
    #[track_caller]
    pub fn send(&mut self, line: &str) {
        self.send_bytes(format!("{line}\n").as_bytes());
    }

    #[track_caller]
    pub fn send_bytes(&mut self, bytes: &[u8]) {
        if let Err(error) = self.try_send(bytes) {
            self.fail(&format!("cannot send: {error}"));
        }
    }

    /// Sends to a server that may have closed the connection already.
    pub fn try_send(&mut self, bytes: &[u8]) -> io::Result<()> {
        delay();
        match &mut self.stream {
            Stream::Tcp(stream) => stream.write_all(bytes),
            Stream::Unix(stream) => stream.write_all(bytes),
        }
    }

    /// Half-closes the connection; the client can still receive.
    pub fn finish_sending(&mut self) {
        match &self.stream {
            Stream::Tcp(stream) => stream.shutdown(Shutdown::Write).unwrap(),
            Stream::Unix(stream) => stream.shutdown(Shutdown::Write).unwrap(),
        }
    }

    /// Resets the connection at once: a close is not enough while a child process of another test has a copy
    /// of the socket.
    pub fn reset(self) {
        if let Stream::Tcp(stream) = &self.stream {
            rustix::net::connect_unspec(stream).unwrap();
        }
    }

    /// Has the kernel acknowledge now what was read: it may wait for 40 ms, in which a line that is cut, or a
    /// reset, leaves it unacknowledged.
    pub fn acknowledge(&self) {
        #[cfg(target_os = "linux")]
        if let Stream::Tcp(stream) = &self.stream {
            let socket = socket2::SockRef::from(stream);
            socket.set_tcp_quickack(true).unwrap();
        }
    }

    /// Makes the drop of this client a reset.
    pub fn reset_at_close(&self) {
        if let Stream::Tcp(stream) = &self.stream {
            let socket = socket2::SockRef::from(stream);
            socket.set_linger(Some(Duration::ZERO)).unwrap();
        }
    }

    pub fn local_address(&self) -> SocketAddr {
        match &self.stream {
            Stream::Tcp(stream) => stream.local_addr().unwrap(),
            Stream::Unix(_) => panic!("a Unix socket has no address"),
        }
    }

    #[track_caller]
    pub fn expect_greeting(&mut self) {
        let from = match &self.stream {
            Stream::Tcp(_) => self.local_address().to_string(),
            Stream::Unix(_) => "a Unix socket".to_owned(),
        };
        self.expect_line(&format!("* You are connected from {from}."));
        self.expect_line(
            "* Type #yourname to register. After that, what you type is said to everybody",
        );
        self.expect_line(
            "* in your room, @user:message goes to one user only, and /help lists the rest.",
        );
    }

    /// Registers, and takes the answer.
    #[track_caller]
    pub fn register(&mut self, name: &str) {
        self.send(&format!("#{name}"));
        self.expect_registered(name);
    }

    /// Takes the answer to a name.
    #[track_caller]
    pub fn expect_registered(&mut self, name: &str) {
        self.expect_line(&format!("* You are registered as {name}."));
        self.expect_line_matching("the room", |line| line.starts_with("* You are in "));
    }

    /// The next line, without its end; `None` at the end of the connection.
    #[track_caller]
    pub fn try_line(&mut self) -> Option<String> {
        let line = self.try_raw_line()?;
        Some(line.trim_end_matches(['\r', '\n']).to_owned())
    }

    /// The next line with its end, `None` at the end of the connection.
    #[track_caller]
    pub fn try_raw_line(&mut self) -> Option<String> {
        let line = self.try_line_bytes()?;
        Some(String::from_utf8_lossy(&line).into_owned())
    }

    /// The next line with its end, as bytes.
    #[track_caller]
    pub fn try_line_bytes(&mut self) -> Option<Vec<u8>> {
        let give_up_at = Instant::now() + DEADLINE;
        let mut searched = 0;
        loop {
            if let Some(end) = self.unread[searched..]
                .iter()
                .position(|byte| *byte == b'\n')
            {
                let line: Vec<u8> = self.unread.drain(..=searched + end).collect();
                return Some(self.note(line));
            }
            searched = self.unread.len();
            match self.receive(give_up_at) {
                Ok(0) if self.unread.is_empty() => return None,
                Ok(0) => {
                    let rest = std::mem::take(&mut self.unread);
                    return Some(self.note(rest));
                }
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return None,
                Err(error) => self.fail(&format!("nothing more comes: {error}")),
            }
        }
    }

    fn note(&mut self, line: Vec<u8>) -> Vec<u8> {
        let text = String::from_utf8_lossy(&line);
        self.taken.push(text.trim_end().to_owned());
        line
    }

    /// Waits for bytes, and appends them to `unread`.
    fn receive(&mut self, give_up_at: Instant) -> io::Result<usize> {
        delay();
        let left = give_up_at.saturating_duration_since(Instant::now());
        let timeout = Some(left.max(Duration::from_millis(1)));
        let mut buffer = [0; 16 << 10];
        let count = match &mut self.stream {
            Stream::Tcp(stream) => {
                stream.set_read_timeout(timeout)?;
                stream.read(&mut buffer)?
            }
            Stream::Unix(stream) => {
                stream.set_read_timeout(timeout)?;
                stream.read(&mut buffer)?
            }
        };
        self.unread.extend_from_slice(&buffer[..count]);
        Ok(count)
    }

    /// The next line.
    #[track_caller]
    pub fn line(&mut self) -> String {
        match self.try_line() {
            Some(line) => line,
            None => self.fail("the connection ended; a line was expected"),
        }
    }

    /// Takes the next line, which must be this one.
    #[track_caller]
    pub fn expect_line(&mut self, expected: &str) {
        match self.try_line() {
            Some(line) if line == expected => {}
            Some(line) => self.differs(&line, expected),
            None => self.fail(&format!("the connection ended instead of: {expected}")),
        }
    }

    #[track_caller]
    pub fn expect_lines(&mut self, expected: &[&str]) {
        for line in expected {
            self.expect_line(line);
        }
    }

    /// Takes the next line, which must match, and returns it.
    #[track_caller]
    pub fn expect_line_matching(&mut self, what: &str, is_it: impl Fn(&str) -> bool) -> String {
        match self.try_line() {
            Some(line) if is_it(&line) => line,
            Some(line) => self.differs(&line, what),
            None => self.fail(&format!("the connection ended instead of {what}")),
        }
    }

    /// Takes the next line, which must start with `start`, and returns it.
    #[track_caller]
    pub fn expect_line_starting(&mut self, start: &str) -> String {
        self.expect_line_matching(start, |line| line.starts_with(start))
    }

    /// Takes lines up to `last`, and returns those before it.
    #[track_caller]
    pub fn read_until(&mut self, last: &str) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            match self.try_line() {
                Some(line) if line == last => return lines,
                Some(line) => lines.push(line),
                None => self.fail(&format!("the connection ended before: {last}")),
            }
        }
    }

    /// Waits until everything sent before was executed and answered; returns the lines that came in the
    /// meantime.
    #[track_caller]
    pub fn barrier(&mut self) -> Vec<String> {
        self.send("/ping barrier");
        self.read_until("* pong barrier")
    }

    /// Takes lines up to one that starts with `start`, and returns that one.
    #[track_caller]
    pub fn read_until_starting(&mut self, start: &str) -> String {
        loop {
            match self.try_line() {
                Some(line) if line.starts_with(start) => return line,
                Some(_) => {}
                None => self.fail(&format!("the connection ended before: {start}")),
            }
        }
    }

    /// Takes lines up to one that matches.
    #[track_caller]
    pub fn read_until_matching(&mut self, what: &str, is_it: impl Fn(&str) -> bool) {
        loop {
            match self.try_line() {
                Some(line) if is_it(&line) => return,
                Some(_) => {}
                None => self.fail(&format!("the connection ended before: {what}")),
            }
        }
    }

    /// No line may have come up to now.
    #[track_caller]
    pub fn expect_nothing(&mut self) {
        let lines = self.barrier();
        if !lines.is_empty() {
            self.fail("nothing was expected to come");
        }
    }

    /// The connection must end here, without a further line.
    #[track_caller]
    pub fn expect_closed(&mut self) {
        if let Some(line) = self.try_line() {
            self.differs(&line, "the end of the connection");
        }
    }

    /// Takes everything up to the end of the connection.
    #[track_caller]
    pub fn read_to_end(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        while let Some(line) = self.try_line() {
            lines.push(line);
        }
        lines
    }

    /// Takes everything up to the end of the connection, as bytes.
    #[track_caller]
    pub fn bytes_to_end(&mut self) -> Vec<u8> {
        let give_up_at = Instant::now() + DEADLINE;
        loop {
            match self.receive(give_up_at) {
                Ok(0) => return std::mem::take(&mut self.unread),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {
                    return std::mem::take(&mut self.unread);
                }
                Err(error) => self.fail(&format!("nothing more comes: {error}")),
            }
        }
    }

    /// The next line, as JSON.
    #[track_caller]
    pub fn json(&mut self) -> serde_json::Value {
        let line = self.line();
        match serde_json::from_str(&line) {
            Ok(value) => value,
            Err(error) => self.fail(&format!("not JSON: {error}")),
        }
    }

    /// The number of connected clients in `/stats`: an operator is told the exact one.
    #[track_caller]
    pub fn count_connected(&mut self) -> usize {
        self.send("/stats");
        let lines = self.barrier();
        let line = lines.iter().find(|line| line.contains(" connected, "));
        let number = line.and_then(|line| line.split_whitespace().nth(1));
        match number.and_then(|number| number.parse().ok()) {
            Some(count) => count,
            None => self.fail("/stats does not say how many are connected"),
        }
    }

    #[track_caller]
    fn differs(&self, line: &str, expected: impl Debug) -> ! {
        self.fail(&format!("unexpected: {line:?}\n  instead of: {expected:?}"))
    }

    /// Fails the test, and shows the received lines.
    #[track_caller]
    pub fn fail(&self, why: &str) -> ! {
        let skipped = self.taken.len().saturating_sub(SHOWN_LINES_MAX);
        let shown: Vec<String> = self.taken[skipped..]
            .iter()
            .map(|line| format!("    {line:.200}"))
            .collect();
        panic!(
            "{why}\nreceived so far, {skipped} lines left out:\n{}\nnot taken: {:?}",
            shown.join("\n"),
            String::from_utf8_lossy(&self.unread[..self.unread.len().min(500)])
        );
    }
}
