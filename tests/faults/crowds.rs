//! Thousands of clients at once.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

use crate::harness::{Client, Daemon, raise_open_files, wait_until};
use crate::latency::Pair;

/// Clients in a crowd; their descriptors are this process's own.
const CROWD: usize = 5000;

/// Descriptors that the other tests may use at the same time.
pub const DESCRIPTORS_KEPT: u64 = 3000;

/// Admits one crowd at a time, as each takes most of this process's descriptors.
pub fn turn() -> MutexGuard<'static, ()> {
    static CROWDED: Mutex<()> = Mutex::new(());
    // A crowd whose test failed is over, too.
    CROWDED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits for its turn, and returns the size of the crowd: below [`CROWD`] only where the limit of open
/// files is low.
fn crowd_size() -> (MutexGuard<'static, ()>, usize) {
    let turn = turn();
    let room = raise_open_files().saturating_sub(DESCRIPTORS_KEPT);
    let count = usize::try_from(room).unwrap().clamp(100, CROWD);
    if count < CROWD {
        eprintln!("a crowd of {count} instead of {CROWD}: the limit of open files is low");
    }
    (turn, count)
}

/// Begins `count` connections without waiting for any. A client's first call waits for its own.
fn connect_at_once(to: SocketAddr, count: usize) -> Vec<Client> {
    let begin = |_| {
        let socket = Socket::new(Domain::for_address(to), Type::STREAM, None).unwrap();
        socket.set_nonblocking(true).unwrap();
        if let Err(error) = socket.connect(&to.into()) {
            let begun = rustix::io::Errno::INPROGRESS.raw_os_error();
            assert_eq!(error.raw_os_error(), Some(begun), "{error}");
        }
        socket.set_nonblocking(false).unwrap();
        Client::over_socket(socket)
    };
    (0..count).map(begin).collect()
}

/// Clients that are registered as `user0` and so on.
pub fn join_crowd(daemon: &Daemon, count: usize) -> Vec<Client> {
    let mut crowd = connect_at_once(daemon.address(), count);
    for (number, client) in crowd.iter_mut().enumerate() {
        client.send(&format!("#user{number}"));
    }
    for client in &mut crowd {
        client.read_until_starting("* You are in ");
    }
    crowd
}

/// Two clients that chat until they are stopped, in a thread of their own.
struct Chatting {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Pair>,
}

impl Chatting {
    fn start(mut pair: Pair) -> Self {
        let stop = Arc::<AtomicBool>::default();
        let seen = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            while !seen.load(Ordering::Relaxed) {
                pair.exchange();
            }
            pair
        });
        Self { stop, thread }
    }

    /// Stops them, and reports the latency of their messages.
    fn stop(self, what: &str) -> Pair {
        self.stop.store(true, Ordering::Relaxed);
        let mut pair = self
            .thread
            .join()
            .expect("each message in order and in time");
        std::mem::take(&mut pair.latencies).report(what);
        pair
    }
}

#[test]
fn crowd_that_comes_and_goes_does_not_stop_a_conversation() {
    let (_turn, count) = crowd_size();
    let daemon = Daemon::start_for_operators(&[]);
    let operator = daemon.join_operator("alice");
    let mut pair = Pair::new([operator, daemon.join("bob")]);
    pair.exchange();
    let descriptors = daemon.descriptors().len();

    let chatting = Chatting::start(pair);
    let start = Instant::now();
    let mut crowd = connect_at_once(daemon.address(), count);
    for (number, client) in crowd.iter_mut().enumerate() {
        client.send(&format!("#user{number}"));
    }
    let begun = start.elapsed();
    for client in &mut crowd {
        client.read_until_starting("* You are registered as ");
    }
    let what = format!(
        "crowds: {count} connect in {begun:?} and are registered in {:?}",
        start.elapsed()
    );
    let mut pair = chatting.stop(&what);
    assert_eq!(pair.alice.count_connected(), count + 2);
    let peers: HashSet<String> = crowd
        .iter()
        .map(|client| client.local_address().to_string())
        .collect();

    // The whole crowd is in the lobby.
    let chatting = Chatting::start(pair);
    let start = Instant::now();
    for (number, client) in crowd.iter_mut().enumerate() {
        leave(number, client);
    }
    let begun = start.elapsed();
    drop(crowd);
    daemon.expect_log_count("closed after", count);
    let what = format!(
        "crowds: {count} leave one room in {begun:?} and are gone in {:?}",
        start.elapsed()
    );
    let mut pair = chatting.stop(&what);
    wait_until("two to be left", || pair.alice.count_connected() == 2);
    pair.exchange();
    let closed: Vec<String> = daemon
        .log_lines()
        .into_iter()
        .filter(|line| line.contains("closed after"))
        .collect();
    let logged: HashSet<String> = closed.iter().map(|line| peer_in(line)).collect();
    assert_eq!(closed.len(), count, "each is logged once");
    assert_eq!(logged, peers);
    assert_eq!(daemon.descriptors().len(), descriptors);
}

#[test]
fn crowd_that_quits_at_once_is_answered_and_frees_its_names() {
    let (_turn, count) = crowd_size();
    let daemon = Daemon::start_for_operators(&[]);
    let operator = daemon.join_operator("alice");
    let pair = Pair::new([operator, daemon.join("bob")]);
    let mut witness = daemon.join("witness");
    let mut crowd = join_crowd(&daemon, count);
    witness.send("all of you hear this");
    witness.barrier();
    let chatting = Chatting::start(pair);
    let start = Instant::now();
    for client in &mut crowd {
        client.send("/quit goodbye");
    }
    let mut heard = 0;
    for client in &mut crowd {
        let lines = client.read_to_end();
        heard += usize::from(
            lines
                .iter()
                .any(|line| line == "witness: all of you hear this"),
        );
        assert_eq!(lines.last().map(String::as_str), Some("* Bye."));
    }
    drop(crowd);
    daemon.expect_log_count(": quit; 0 bytes unwritten", count);
    let what = format!("crowds: {count} quit one room in {:?}", start.elapsed());
    let mut pair = chatting.stop(&what);
    assert_eq!(heard, count);
    assert_eq!(pair.alice.count_connected(), 3);
    // The remaining client got a few summaries, of the last thousand leaves at most.
    let told = witness.barrier().len();
    assert!(told < 100, "{told} notices");
    witness.send("/names *");
    witness.expect_lines(&["* 3 registered:", "*   alice, bob, witness"]);
    daemon.join("user7");
}

/// Ends the connection in one of several ways.
fn leave(number: usize, client: &mut Client) {
    match number % 4 {
        0 => client.send("/quit"),
        1 => client.reset_at_close(),
        2 => client.finish_sending(),
        _ => client.break_off(),
    }
}

/// The address in a line of the log on the end of a connection.
fn peer_in(line: &str) -> String {
    let start = line.find("127.0.0.1:").expect("an address");
    let end = line[start..].find([')', ' ']).expect("its end");
    line[start..start + end].to_owned()
}

#[test]
fn idle_registered_clients_cost_next_to_no_cpu_time() {
    const CPU_TIME_MAX: Duration = Duration::from_millis(50);
    let daemon = Daemon::start(&[]);
    let mut clients: Vec<Client> = (0..200)
        .map(|number| daemon.join(&format!("user{number}")))
        .collect();
    // The last joins come in a summary, up to a second later.
    let mut told = 1; // the first client itself
    while told < clients.len() {
        told += count_before(&clients[0].line(), " joined lobby");
    }
    for client in &mut clients {
        client.barrier();
    }
    let used = daemon.cpu_time_of_a_second();
    assert!(used < CPU_TIME_MAX, "{used:?} in a second");
}

/// The number of joins or leaves in a notice: names before `what`, and "N others".
fn count_before(line: &str, what: &str) -> usize {
    let Some(end) = line.find(what) else { return 0 };
    let before = line[..end].trim_start_matches("* ");
    let before = before.rsplit("; ").next().unwrap_or(before);
    let words = before.replace(',', " ");
    let words = words
        .split_whitespace()
        .filter(|word| !["and", "others", "other", "has", "have"].contains(word));
    words.map(|word| word.parse::<usize>().unwrap_or(1)).sum()
}
