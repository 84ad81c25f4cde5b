//! The whole server but the kernel: with any input, on any sockets, at any time, its invariants hold
//! after each turn, its output follows the protocol page, a client that reads everything has one
//! answer to each line and stays, and at the end no connection, room or queued byte is left.
//!
//! An input is the limits, the ending, and then steps: a letter each, and its arguments.

mod clients;

use std::sync::Once;
use std::time::Duration;

use chinwag::config::Limits;
use chinwag::server::LINGER_TIME;
use chinwag::server::switchboard::Readiness;
use log::{LevelFilter, Log, Metadata, Record};

use super::cursor::Cursor;
use super::lines::may_pass;
use super::support::VirtualServer;
use clients::Client;

const STEPS_MAX: usize = 300;
const CLIENTS_MAX: usize = 20;

/// One leap; more than any deadline but those of the rate.
const LEAP_MS_MAX: u64 = 100_000;

/// At the end everything that was sent is read, even at a line a second: an input has no more lines
/// than this.
const LAST_TIME: Duration = Duration::from_secs(5000);
const INPUT_BYTES_MAX: usize = 4096;

/// Addresses of this machine, of one household, and of others.
const ADDRESSES: [&str; 6] = [
    "127.0.0.1",
    "192.0.2.1",
    "[2001:db8::1]",
    "[2001:db8::2:1]",
    "[::ffff:192.0.2.1]",
    "198.51.100.7",
];

pub fn check(bytes: &[u8]) {
    listen_to_the_log();
    let mut cursor = Cursor::new(&bytes[..bytes.len().min(INPUT_BYTES_MAX)]);
    let limits = draw_limits(&mut cursor);
    let ending = cursor.byte();
    let mut history = History {
        server: VirtualServer::new(limits.clone()),
        clients: Vec::new(),
        limits,
    };
    for _ in 0..STEPS_MAX {
        if cursor.is_empty() {
            break;
        }
        history.step(&mut cursor);
        history.look();
    }
    history.end(ending & 1 == 1, ending & 2 == 2);
}

/// The minimum of `Limits::check`, or a multiple.
fn draw_limits(cursor: &mut Cursor<'_>) -> Limits {
    let line_bytes_max = cursor.pick(&[64, 32, 128, 512]);
    let output_soft_bytes_max = line_bytes_max * cursor.pick(&[4, 8, 20]);
    let output_hard_bytes_max = output_soft_bytes_max * cursor.pick(&[2, 4, 10, 50]);
    let limits = Limits {
        clients_max: cursor.pick(&[16, 8, 3, 1]),
        clients_per_address_max: cursor.pick(&[16, 4, 1]),
        line_bytes_max,
        line_burst: 1 + u32::from(cursor.byte() % 40),
        lines_per_second: 1 + u32::from(cursor.byte() % 20),
        limit_loopback: cursor.flag(),
        output_soft_bytes_max,
        output_hard_bytes_max,
        output_total_bytes_max: output_hard_bytes_max * cursor.pick(&[1, 2, 10]),
        turn_lines_max: 1 + cursor.below(64),
        turn_bytes_max: line_bytes_max + 8 * cursor.below(256),
        rooms_per_client_max: cursor.pick(&[20, 2, 1]),
        ..Limits::default()
    };
    limits.check().unwrap();
    limits
}

struct History {
    server: VirtualServer,
    clients: Vec<Client>,
    limits: Limits,
}

impl History {
    fn step(&mut self, cursor: &mut Cursor<'_>) {
        let letter = cursor.byte();
        if matches!(letter, b'c' | b'n' | b'J') {
            return self.client_connects(letter, cursor);
        }
        match letter {
            b'.' => self.server.turn(),
            b'r' => self.server.run(),
            b'p' => {
                let time = Duration::from_millis(cursor.number() % LEAP_MS_MAX);
                self.server.advance(time);
            }
            // The server wakes up late, and much is due at once.
            b'j' => {
                let time = Duration::from_millis(cursor.number() % LEAP_MS_MAX);
                self.server.now = self.server.now.after(time);
                self.server.turn();
            }
            _ if self.clients.is_empty() => {}
            _ => self.client_acts(letter, cursor),
        }
    }

    fn client_connects(&mut self, letter: u8, cursor: &mut Cursor<'_>) {
        if self.clients.len() == CLIENTS_MAX {
            return;
        }
        let number = self.clients.len();
        let peer = format!("{}:{}", cursor.pick(&ADDRESSES), 1000 + number);
        let connection = self.server.accept(&peer);
        self.clients
            .push(Client::new(connection, self.limits.line_bytes_max));
        let first_lines = match letter {
            b'n' => format!("#p{number}\n"),
            b'J' => format!("/mode json\n#p{number}\n"),
            _ => return,
        };
        self.clients[number].is_scripted = letter == b'J';
        self.clients[number].sends(&mut self.server, first_lines.as_bytes());
    }

    fn client_acts(&mut self, letter: u8, cursor: &mut Cursor<'_>) {
        let index = cursor.below(self.clients.len());
        let (client, server) = (&mut self.clients[index], &mut self.server);
        match letter {
            b'>' => client.sends(server, cursor.text()),
            b'l' => {
                client.sends(server, cursor.text());
                client.sends(server, b"\n");
                server.run();
            }
            b'm' => {
                let (times, text) = (cursor.byte(), cursor.text());
                let line = [text, b"\n"].concat();
                // The bytes of all copies together are limited.
                for _ in 0..usize::from(times).min(1024 / line.len()) {
                    client.sends(server, &line);
                }
            }
            b'z' => client.sends(server, &[cursor.byte()]),
            b'h' => client.half_closes(server),
            b'R' => client.resets(server, cursor.flag()),
            b'w' => {
                let space = usize::try_from(cursor.number() % (1 << 20)).unwrap();
                let write_max = 1 + cursor.below(256);
                client.reads_slowly(space, write_max, cursor.below(16) == 1);
                if cursor.flag() {
                    client.is_writable(server);
                }
            }
            b'f' => {
                client.reads_all();
                client.is_writable(server);
            }
            // Spurious readiness, for open and for closed connections.
            b's' => {
                let bits = cursor.byte();
                let readiness = Readiness {
                    readable: bits & 1 != 0,
                    writable: bits & 2 != 0,
                    hung_up: bits & 4 != 0,
                    // These never for nothing: the kernel knows them.
                    read_closed: false,
                    gone: bits & 8 != 0 && client.connection.socket.borrow().reset,
                };
                server.switchboard.ready(client.connection.id, readiness);
            }
            _ => {}
        }
    }

    /// The checks that hold at any moment.
    fn look(&mut self) {
        let waiting = self.server.switchboard.waiting_bytes();
        assert!(waiting <= self.limits.output_total_bytes_max);
        for client in &mut self.clients {
            client.look();
        }
    }

    /// The server exits. `reads`: every client reads its queue first. `rests`: a long time passes first.
    fn end(mut self, reads: bool, rests: bool) {
        self.server.run();
        if reads {
            for client in &mut self.clients {
                client.reads_all();
                client.is_writable(&mut self.server);
            }
            self.server.run();
        }
        if rests {
            self.server.advance(LAST_TIME);
            let board = &self.server.switchboard;
            assert!(!board.is_busy());
            assert_eq!(
                board.waiting_bytes(),
                0,
                "it was read, or its reader is gone"
            );
        }
        self.look();
        for client in &self.clients {
            client.check_stays();
            if rests {
                client.check_answers();
            }
        }
        self.exit(reads);
        self.look();
        for client in &self.clients {
            assert!(client.connection.is_closed());
            client.check_output();
        }
    }

    fn exit(&mut self, reads: bool) {
        let server = &mut self.server;
        server.switchboard.shut_down(server.now);
        server.switchboard.check_invariants();
        if reads {
            server.advance(LINGER_TIME);
            assert_eq!(
                server.switchboard.connection_count(),
                0,
                "all read their last lines"
            );
        } else {
            server.advance(self.limits.shutdown_time);
            server.switchboard.close_stalled(server.now);
            server.switchboard.check_invariants();
        }
        server.advance(LEAP); // for pending presence summaries
        let board = &server.switchboard;
        let counts = board.chat().counts();
        assert_eq!((counts.clients, counts.registered, counts.rooms), (0, 0, 1));
        assert_eq!((board.connection_count(), board.waiting_bytes()), (0, 0));
        assert!(!board.is_busy());
        assert_eq!(board.next_deadline(), chinwag::chat::time::Timestamp::NEVER);
    }
}

/// Longer than any delay of the server.
const LEAP: Duration = Duration::from_secs(10);

/// Checks the log as well, as it reaches a terminal, too.
fn listen_to_the_log() {
    struct Listener;

    impl Log for Listener {
        fn enabled(&self, _: &Metadata<'_>) -> bool {
            true
        }

        fn log(&self, record: &Record<'_>) {
            let line = record.args().to_string();
            assert!(line.chars().all(may_pass), "{line:?}");
        }

        fn flush(&self) {}
    }

    static START: Once = Once::new();
    START.call_once(|| {
        // The process, of a fuzzer or of the test, has no other logger.
        log::set_logger(&Listener).unwrap();
        log::set_max_level(LevelFilter::Trace);
    });
}
