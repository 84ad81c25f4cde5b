//! Signals that end the daemon, and signals that it survives.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::harness::{
    Client, Daemon, Killed, program, raise_open_files, wait_until, without_settings,
};

const FAREWELL: &str = "* The server is shutting down.";

#[test]
fn termination_signal_is_told_to_all_and_exits_with_zero() {
    for signal in [Signal::TERM, Signal::INT] {
        let (mut daemon, [mut alice, mut bob]) = Daemon::start_with(["alice", "bob"]);
        let mut nameless = daemon.connect();
        alice.barrier();
        daemon.signal(signal);
        for client in [&mut alice, &mut bob, &mut nameless] {
            client.expect_line(FAREWELL);
            client.expect_closed();
        }
        drop((alice, bob, nameless));
        assert_eq!(daemon.wait().code(), Some(0), "{signal:?}");
    }
}

#[test]
fn queued_output_is_still_written_at_shutdown() {
    const COUNT: usize = 2000;
    let mut daemon = Daemon::start(&["--hard-limit", "16M", "--shutdown-time", "60"]);
    let mut alice = daemon.join("alice");
    let mut bob = Client::with_window(daemon.address(), 256 << 10).join("bob");
    let text = "x".repeat(4000); // more than the kernel keeps for both clients
    for number in 0..COUNT {
        alice.send(&format!("@bob:{number} {text}"));
    }
    alice.barrier();
    daemon.signal(Signal::TERM);
    alice.expect_line(FAREWELL);
    for number in 0..COUNT {
        bob.expect_line(&format!("@alice: {number} {text}"));
    }
    bob.expect_line(FAREWELL);
    bob.expect_closed();
    alice.expect_closed();
    drop((alice, bob));
    assert_eq!(daemon.wait().code(), Some(0));
}

/// A client that reads nothing, with more output than the kernel takes.
fn unreading_client(daemon: &Daemon, alice: &mut Client) -> Client {
    let sleeper = Client::with_small_window(daemon.address()).join("sleeper");
    let text = "x".repeat(4000);
    for _ in 0..2000 {
        alice.send(&format!("@sleeper:{text}"));
    }
    alice.barrier();
    sleeper
}

#[test]
fn unreading_client_delays_the_exit_by_the_shutdown_time_only() {
    let mut daemon = Daemon::start(&["--hard-limit", "16M", "--shutdown-time", "1"]);
    let mut alice = daemon.join("alice");
    let _sleeper = unreading_client(&daemon, &mut alice);
    let start = Instant::now();
    daemon.signal(Signal::TERM);
    alice.expect_line(FAREWELL);
    let told = alice.line();
    let lost = told.strip_prefix("! Your last ").expect("what was lost");
    let lost: usize = lost.split(' ').next().unwrap().parse().unwrap();
    // Not even one fits into the sleeper's window, and so none was acknowledged.
    assert_eq!(lost, 2000);
    assert!(told.contains("messages to sleeper were not delivered"));
    alice.expect_closed();
    drop(alice);
    assert_eq!(daemon.wait().code(), Some(0));
    let taken = start.elapsed();
    assert!(taken >= Duration::from_millis(900), "{taken:?}");
    // The stall time and the time to register are longer.
    assert!(taken < Duration::from_secs(20), "{taken:?}");
    daemon.expect_log_count("did not read their last lines", 1);
    daemon.expect_log_count("sleeper (127.0.0.1", 1);
}

#[test]
fn second_signal_ends_the_daemon_at_once() {
    for (first, second, code) in [
        (Signal::TERM, Signal::INT, 130),
        (Signal::INT, Signal::TERM, 143),
        (Signal::TERM, Signal::TERM, 143),
    ] {
        let mut daemon = Daemon::start(&["--hard-limit", "16M", "--shutdown-time", "60"]);
        let mut alice = daemon.join("alice");
        let _sleeper = unreading_client(&daemon, &mut alice);
        daemon.signal(first);
        alice.expect_line(FAREWELL);
        daemon.signal(second);
        assert_eq!(daemon.wait().code(), Some(code));
    }
}

#[test]
fn connection_is_not_accepted_during_shutdown() {
    let mut daemon = Daemon::start(&["--hard-limit", "16M", "--shutdown-time", "60"]);
    let address = daemon.address();
    let mut alice = daemon.join("alice");
    let mut sleeper = unreading_client(&daemon, &mut alice);
    daemon.signal(Signal::TERM);
    alice.expect_line(FAREWELL);
    wait_until("connections to be refused", || {
        std::net::TcpStream::connect(address).is_err()
    });
    assert!(daemon.is_running());
    sleeper.widen_window();
    let lines = sleeper.read_to_end();
    assert_eq!(lines.len(), 2001);
    assert_eq!(lines.last().map(String::as_str), Some(FAREWELL));
    drop((alice, sleeper));
    assert_eq!(daemon.wait().code(), Some(0));
}

#[test]
fn hang_up_signal_does_no_harm() {
    let (mut daemon, [mut alice, mut bob]) = Daemon::start_with(["alice", "bob"]);
    daemon.signal(Signal::HUP);
    alice.barrier();
    daemon.signal(Signal::HUP);
    alice.send("still here");
    bob.expect_line("alice: still here");
    assert!(daemon.is_running());
    daemon.signal(Signal::TERM); // the hang-ups do not count as a first
    bob.expect_line(FAREWELL);
    drop((alice, bob));
    assert_eq!(daemon.wait().code(), Some(0));
}

#[test]
fn ignored_signals_do_no_harm() {
    let (mut daemon, [mut alice, mut bob]) = Daemon::start_with(["alice", "bob"]);
    for signal in [
        Signal::PIPE,
        Signal::USR1,
        Signal::USR2,
        Signal::XFSZ,
        Signal::WINCH,
        Signal::CHILD,
        Signal::URG,
        Signal::CONT,
    ] {
        for _ in 0..3 {
            daemon.signal(signal);
            alice.barrier();
        }
        assert!(daemon.is_running(), "{signal:?}");
    }
    alice.send("still here");
    bob.expect_line("alice: still here");
    daemon.signal(Signal::TERM); // none of them counts as a first
    bob.expect_line(FAREWELL);
    drop((alice, bob));
    assert_eq!(daemon.wait().code(), Some(0));
}

/// A process that is not this one's child, killed when this is dropped.
struct KilledByPid(Pid);

impl Drop for KilledByPid {
    fn drop(&mut self) {
        let _ = kill_process(self.0, Signal::KILL);
    }
}

/// As a shell with job control starts a background job, in a terminal that stops those that write to it.
#[test]
fn background_daemon_writes_to_a_terminal_with_tostop() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("socket");
    let daemon = program().get_program().to_owned();
    let pid = folder.path().join("pid");
    let line = format!(
        "stty tostop; set -m; {} --listen unix:{} --log-level trace & echo $! >{}; wait",
        Path::new(&daemon).display(),
        socket.display(),
        pid.display()
    );
    let started = without_settings(Command::new("script"))
        .args(["-qec", &line, "/dev/null"])
        .stdin(Stdio::piped()) // at its end, script would end
        .stdout(Stdio::piped())
        .spawn();
    let Ok(script) = started else {
        assert!(std::env::var_os("CHINWAG_REQUIRE_TOOLS").is_none());
        eprintln!("skipped: no script");
        return;
    };
    let mut script = Killed(script);
    let mut shown = BufReader::new(script.0.stdout.take().unwrap()).lines();
    let mut daemon = None;
    wait_until("the daemon to run", || {
        let pid = fs::read_to_string(&pid).unwrap_or_default();
        let pid = pid.trim().parse().ok().and_then(Pid::from_raw);
        daemon = pid.map(KilledByPid);
        daemon.is_some()
    });
    wait_until("the daemon to listen", || {
        UnixStream::connect(&socket).is_ok()
    });
    let mut alice = Client::over_unix(&socket).join("alice");
    for text in ["one", "three"] {
        alice.send(text);
        alice.barrier();
        let bytes = format!(", {} bytes", text.len());
        let logged = |line: std::io::Result<String>| line.unwrap().contains(&bytes);
        assert!(shown.any(logged), "{text}");
    }
}

/// The answers and notices that a sender to all readers got, in JSON mode.
struct Told {
    ended_at: Instant,
    /// Lines answered with `ok`.
    answered: usize,
    /// Lost messages by their recipient.
    lost: BTreeMap<String, usize>,
    farewells: usize,
}

/// Streams private messages to the readers in turn, without waiting for answers, until the
/// connection ends; counts the answers and loss notices.
fn stream(mut client: Client, readers: &[&str], answered: &AtomicUsize) -> Told {
    // All that four senders say to one reader is less than its hard limit, should it be held up.
    const BATCHES_MAX: usize = 150;
    let mut sender = client.sender();
    // Long lines, so that the kernel keeps few of them for a slow reader.
    let padding = "x".repeat(3000);
    let mut numbers = 0..;
    let mut batch = || -> String {
        let reader = |number: usize| readers[number % readers.len()];
        let line = |number| format!("@{}:{number} {padding}\n", reader(number));
        numbers.by_ref().take(100).map(line).collect()
    };
    thread::scope(|scope| {
        scope.spawn(move || (0..BATCHES_MAX).all(|_| sender.write_all(batch().as_bytes()).is_ok()));
        let mut told = Told {
            ended_at: Instant::now(),
            answered: 0,
            lost: BTreeMap::new(),
            farewells: 0,
        };
        while let Some(line) = client.try_raw_line() {
            // Who was held up for too long was closed in mid-line.
            let Some(line) = line.strip_suffix('\n') else {
                break;
            };
            let line: Value = serde_json::from_str(line).unwrap();
            if line["type"] == "ok" {
                told.answered += 1;
                answered.fetch_add(1, Ordering::Relaxed);
            } else if line["code"] == "not_delivered" && line["type"] == "notice" {
                let count = usize::try_from(line["count"].as_u64().unwrap()).unwrap();
                let name = line["name"].as_str().unwrap().to_owned();
                *told.lost.entry(name).or_default() += count;
            } else {
                assert_eq!(line["text"], &FAREWELL[2..], "{line}");
                told.farewells += 1;
            }
        }
        told.ended_at = Instant::now();
        told
    })
}

/// All private messages up to the end: their senders and numbers.
fn read_messages(client: &mut Client) -> Vec<(String, usize)> {
    let mut messages = Vec::new();
    while let Some(line) = client.try_raw_line() {
        // A line cut off by the end did not arrive.
        if let Some(line) = line.strip_suffix('\n').filter(|line| *line != FAREWELL) {
            let (name, rest) = line[1..].split_once(": ").unwrap();
            let number = rest.split_once(' ').unwrap().0.parse().unwrap();
            messages.push((name.to_owned(), number));
        }
    }
    messages
}

#[test]
fn answered_message_arrives_or_is_reported_at_shutdown() {
    const SENDERS: [&str; 4] = ["s0", "s1", "s2", "s3"];
    const READERS: [&str; 4] = ["quick", "prompt", "late", "deaf"];
    const ANSWERED_MIN: usize = 8000;
    const SHUTDOWN_TIME: Duration = Duration::from_secs(4);
    // A second to read about the deaf reader, not taken to its end.
    const SENDER_TIME: Duration = Duration::from_millis(4900);
    let mut daemon = Daemon::start(&["--hard-limit", "64M", "--shutdown-time", "4"]);
    let mut readers = READERS.map(|name| {
        let mut reader = if matches!(name, "late" | "deaf") {
            Client::with_window(daemon.address(), 256 << 10)
        } else {
            Client::over_tcp(daemon.address())
        };
        reader.expect_greeting();
        reader.register(name);
        reader.send("/quiet on");
        reader.barrier();
        reader
    });
    let senders = SENDERS.map(|name| {
        let mut sender = daemon.join(name);
        sender.send("/quiet on");
        sender.send("/mode json");
        sender.read_until_starting("{\"type\":\"ok\"");
        sender
    });
    let answered = AtomicUsize::new(0);
    let (start, told, read, were_in_time) = thread::scope(|scope| {
        let answered = &answered;
        let told = senders.map(|one| scope.spawn(|| stream(one, &READERS, answered)));
        let [quick, prompt, late, deaf] = &mut readers;
        let read_all = |client: &mut Client| (read_messages(client), Instant::now());
        let quick = scope.spawn(move || read_all(quick));
        let prompt = scope.spawn(move || read_all(prompt));
        wait_until("enough answers", || {
            answered.load(Ordering::Relaxed) >= ANSWERED_MIN
        });
        daemon.signal(Signal::TERM);
        let start = Instant::now();
        let late = read_all(late);
        let told = told.map(|one| one.join().unwrap());
        // This reader reads only after the daemon's exit.
        assert_eq!(daemon.wait().code(), Some(0));
        let mut read = vec![quick.join().unwrap(), prompt.join().unwrap(), late];
        // A reader held up for that long may have lost messages, like the deaf one.
        let in_time = |end: Instant| end.duration_since(start) < SHUTDOWN_TIME.mul_f64(0.9);
        let were_in_time: Vec<bool> = read.iter().map(|(_, end)| in_time(*end)).collect();
        read.push(read_all(deaf));
        let read = read.into_iter().map(|(messages, _)| messages);
        (start, told, read.collect::<Vec<_>>(), were_in_time)
    });
    for (sender, told) in SENDERS.iter().zip(&told) {
        // A sender held up for longer may not have been told everything.
        if told.ended_at.duration_since(start) > SENDER_TIME {
            continue;
        }
        assert_eq!(told.farewells, 1, "{sender}");
        for (place, (reader, read)) in READERS.iter().zip(&read).enumerate() {
            let accepted = (place..told.answered).step_by(READERS.len());
            let numbers = read.iter().filter(|(from, _)| from == sender);
            let arrived: Vec<usize> = numbers.map(|(_, number)| *number).collect();
            let lost = told.lost.get(*reader).copied().unwrap_or_default();
            assert_eq!(arrived.len() + lost, accepted.len(), "{sender} to {reader}");
            let first = accepted.take(arrived.len());
            assert!(first.eq(arrived.iter().copied()), "{sender} to {reader}");
            match were_in_time.get(place) {
                Some(true) => assert_eq!(lost, 0, "{sender} to {reader}"),
                Some(false) => {}
                None => assert!(lost > 0, "{sender} to {reader}, which reads nothing"),
            }
        }
    }
}

/// Stops the daemon, and waits until the kernel has done so.
fn stop(daemon: &Daemon) {
    daemon.signal(Signal::STOP);
    wait_until("the daemon to be stopped", || {
        let stat = fs::read_to_string(format!("/proc/{}/stat", daemon.pid().as_raw_nonzero()));
        stat.unwrap().rsplit_once(") ").unwrap().1.starts_with('T')
    });
}

#[test]
fn client_is_not_closed_because_the_daemon_was_stopped() {
    /// More than one poll reports.
    const NAMELESS: usize = 1200;
    // Other tests need descriptors meanwhile.
    let room = usize::try_from(raise_open_files() / 4).unwrap();
    let count = room.min(NAMELESS);
    if count < NAMELESS {
        eprintln!("{count} instead of {NAMELESS}: the limit of open files is low");
    }
    let limits = ["--register-time", "5", "--stall-time", "5"];
    let daemon = Daemon::start(&[&limits[..], &["--hard-limit", "16M"]].concat());
    let [mut alice, mut bob] = daemon.join_all(["alice", "bob"]);
    let mut slow = Client::with_window(daemon.address(), 256 << 10).join("slow");
    let text = "x".repeat(4000);
    for _ in 0..2000 {
        alice.send(&format!("@slow:{text}"));
    }
    alice.barrier();
    let nameless = || Client::over_tcp(daemon.address());
    let mut nameless: Vec<Client> = std::iter::repeat_with(nameless).take(count).collect();
    nameless.iter_mut().for_each(Client::expect_greeting);
    let mut silent = daemon.connect();

    stop(&daemon);
    let stopped_at = Instant::now();
    for (number, client) in nameless.iter_mut().enumerate() {
        client.send(&format!("#n{number}"));
    }
    let mut newcomer = Client::over_tcp(daemon.address());
    newcomer.send("#newcomer");
    for _ in 0..100 {
        slow.line(); // more than the kernel keeps for it
    }
    // Not a wait for an event: the time that the daemon is to miss.
    thread::sleep(Duration::from_secs(6).saturating_sub(stopped_at.elapsed()));
    daemon.signal(Signal::CONT);

    for (number, client) in nameless.iter_mut().enumerate() {
        client.expect_line(&format!("* You are registered as n{number}."));
    }
    newcomer.expect_greeting();
    newcomer.expect_line("* You are registered as newcomer.");
    for _ in 100..2000 {
        slow.expect_line_starting("@alice: xxx");
    }
    alice.send("@bob,slow:still here");
    bob.read_until("@alice: still here");
    slow.read_until("@alice: still here");
    // The silent client did nothing all the time.
    assert_eq!(silent.read_to_end().len(), 1);
}
