//! A server with a fault, which the load generator must find.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use super::run_json;

/// What a relay does wrong, once.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    None,
    Drop,
    Double,
    Swap,
    Close,
}

/// It goes wrong at this message: what comes before shows that it works.
const FAULT_AT: usize = 10;

/// More than that are sent by each client at once, so that it goes wrong however short the run is, and
/// there is another message behind that one.
const WINDOW: &str = "16";

/// As little of a server as a load test needs, with a fault.
struct Relay {
    fault: Fault,
    relayed: usize,
    /// A message that is to come after the next from the same sender to the same receiver.
    held: Option<(String, String, String)>,
    clients: HashMap<String, TcpStream>,
}

impl Relay {
    /// Listens, and serves until the test ends.
    fn start(fault: Fault) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let relay = Arc::new(Mutex::new(Self {
            fault,
            relayed: 0,
            held: None,
            clients: HashMap::new(),
        }));
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let relay = Arc::clone(&relay);
                thread::spawn(move || serve(&stream, &relay));
            }
        });
        address
    }

    fn send(&mut self, to: &str, line: &str) {
        if let Some(mut stream) = self.clients.get(to) {
            let _ = stream.write_all(line.as_bytes());
        }
    }

    fn relay(&mut self, from: &str, to: &str, text: &str) {
        let line = format!("@{from}: {text}\n");
        self.relayed += 1;
        let fault = match self.fault {
            fault if self.relayed == FAULT_AT => fault,
            _ => Fault::None,
        };
        match fault {
            Fault::Drop => return,
            Fault::Swap => {
                self.held = Some((from.to_owned(), to.to_owned(), line));
                return;
            }
            Fault::Double => self.send(to, &line),
            Fault::Close => {
                let _ = self.clients[from].shutdown(Shutdown::Both);
            }
            Fault::None => {}
        }
        self.send(to, &line);
        let is_next = |held: &mut (String, String, String)| held.0 == from && held.1 == to;
        if let Some((_, _, held)) = self.held.take_if(is_next) {
            self.send(to, &held);
        }
    }
}

fn serve(stream: &TcpStream, relay: &Mutex<Relay>) {
    stream.set_nodelay(true).unwrap();
    let mut me = String::new();
    for line in BufReader::new(stream).lines().map_while(Result::ok) {
        let mut relay = relay.lock().unwrap();
        if let Some(name) = line.strip_prefix('#') {
            name.clone_into(&mut me);
            relay
                .clients
                .insert(me.clone(), stream.try_clone().unwrap());
            relay.send(&me, &format!("* You are registered as {me}.\n"));
        } else if let Some((to, text)) = line.strip_prefix('@').and_then(|m| m.split_once(':')) {
            relay.relay(&me, to, text);
        }
    }
    let _ = stream.shutdown(Shutdown::Both);
}

/// What is reported of a relay with a fault: lost, twice, disorder, and closed connections.
#[track_caller]
fn counts_of(fault: Fault, drain: &str) -> [u64; 4] {
    let address = Relay::start(fault).to_string();
    let args = ["--addr", &address, "--drain", drain, "dm", "--clients", "2"];
    let ended = run_json(&[&args[..], &["--window", WINDOW]].concat());
    ended.expect_code(i32::from(fault != Fault::None));
    let report = &ended.json()[0];
    ["lost", "duplicated", "out_of_order", "closed"].map(|name| report[name].as_u64().unwrap())
}

/// What is under way counts as lost when the time to drain is over, all of which a run takes that lost
/// something: it is short, unless the machine stands still for as long.
#[track_caller]
fn expect_counts(fault: Fault, expected: impl Fn([u64; 4]) -> bool) {
    if !expected(counts_of(fault, "0.5")) {
        let counts = counts_of(fault, "10");
        assert!(expected(counts), "{fault:?}: {counts:?}");
    }
}

#[test]
fn a_relay_that_does_nothing_wrong_is_found_sound() {
    assert_eq!(counts_of(Fault::None, "10"), [0, 0, 0, 0]);
}

#[test]
fn a_message_that_is_lost_is_found() {
    expect_counts(Fault::Drop, |counts| counts == [1, 0, 0, 0]);
}

#[test]
fn a_message_that_comes_twice_is_found() {
    assert_eq!(counts_of(Fault::Double, "10"), [0, 1, 0, 0]);
}

#[test]
fn messages_that_are_swapped_are_found() {
    assert_eq!(counts_of(Fault::Swap, "10"), [0, 0, 1, 0]);
}

#[test]
fn a_connection_that_the_server_ends_is_found() {
    expect_counts(Fault::Close, |[_, others @ ..]| others == [0, 0, 1]);
}
