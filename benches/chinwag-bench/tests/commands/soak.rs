//! The soak of the load generator: that it finds the daemon sound, and a relay in front of it that
//! goes wrong once, not.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use rustix::process::Signal;
use serde_json::Value;

use crate::bench::{Bench, Ended};
use crate::harness::{Daemon, raise_open_files};

/// As few as there may be, for a moment.
const SHORT: [&str; 12] = [
    "--json",
    "--no-pin",
    "--warm-up",
    "0.1",
    "--time",
    "3",
    "soak",
    "--clients",
    "20",
    "--visits",
    "20",
    "--rate=200",
];

/// What such a soak takes, unless it stands still.
const SHORT_SECONDS_MAX: f64 = 3.2;

/// What is under way has as long to arrive as a busy machine may need.
const PATIENT: [&str; 2] = ["--drain", "45"];

fn soak(flags: &[&str]) -> Ended {
    Bench::start(&[&SHORT[..], flags].concat()).wait()
}

/// The only report.
#[track_caller]
fn report_of(ended: &Ended) -> Value {
    let mut reports = ended.json();
    assert_eq!(reports.len(), 1, "{ended:?}");
    reports.remove(0)
}

/// Counts that are zero if nothing is wrong.
const FAULTS: [&str; 6] = [
    "lost",
    "duplicated",
    "out_of_order",
    "told_too_many",
    "closed",
    "unexpected_closes",
];

#[test]
fn a_soak_does_everything_and_finds_the_daemon_sound() {
    let folder = tempfile::tempdir().unwrap();
    let svg = folder.path().join("soak.svg");
    let flags = [&PATIENT[..], &["--svg", svg.to_str().unwrap()]].concat();
    let mut report = sound_report(&flags);
    // Of one that stood still nearly all the time there is nothing to see.
    for _ in 0..2 {
        if !was_still(&report, &fs::read_to_string(&svg).unwrap()) {
            break;
        }
        report = sound_report(&flags);
    }
    assert_eq!(report["workload"], "soak");
    assert_eq!(report["clients"], 20);
    for deed in [
        "visits",
        "crowds",
        "floods",
        "long_lines",
        "garbage",
        "telnet",
        "half_open",
        "stuck",
        "overfull",
        "unread",
        "read_pauses",
        "slow_reads",
        "room_hops",
    ] {
        assert!(report["done"][deed].as_u64() > Some(0), "{deed}: {report}");
    }
    for messages in report["messages"].as_array().unwrap() {
        assert!(messages["delivered"].as_u64().unwrap() > 0, "{report}");
    }
    let left = ["quits", "fins", "resets"].map(|deed| report["done"][deed].as_u64());
    assert!(left.iter().any(Option::is_some), "{report}");
    // Were the load generator to stand still, past the end, all visitors of that time would come at once.
    if report["seconds"].as_f64() < Some(SHORT_SECONDS_MAX) {
        assert_eq!(report["done"]["no_place"], Value::Null, "{report}");
    }
    let (before, after) = (&report["before"], &report["after"]);
    assert!(before["descriptors"].as_u64().unwrap() > 20, "{report}");
    assert_eq!(before["descriptors"], after["descriptors"], "{report}");
    let samples = report["samples"].as_array().unwrap();
    let is_seen = |sample: &&Value| sample["resident_kib"].as_f64() > Some(0.0);
    assert!(samples.iter().any(|sample| is_seen(&sample)), "{report}");
    assert!(report["resident_kib_per_minute"].is_f64(), "{report}");
    expect_panels(&fs::read_to_string(svg).unwrap());
}

/// The report of a soak that must find nothing wrong.
#[track_caller]
fn sound_report(flags: &[&str]) -> Value {
    let ended = soak(flags);
    ended.expect_code(0);
    let report = report_of(&ended);
    for fault in FAULTS {
        assert_eq!(report[fault], 0, "{fault}: {report}");
    }
    assert_eq!(report["problems"], Value::Array(Vec::new()), "{report}");
    report
}

/// Whether the machine let too little be delivered.
fn was_still(report: &Value, svg: &str) -> bool {
    let messages = report["messages"].as_array();
    let mut messages = messages.into_iter().flatten();
    messages.any(|messages| messages["delivered"] == 0) || !svg.contains("latency, ms")
}

/// Each with its axis, and at least one line.
#[track_caller]
fn expect_panels(svg: &str) {
    let document = roxmltree::Document::parse(svg).unwrap();
    let nodes = || document.descendants();
    let texts: Vec<&str> = nodes()
        .filter(|node| node.has_tag_name("text"))
        .filter_map(|node| Some(node.text()?.trim()))
        .collect();
    for axis in [
        "memory, MiB",
        "open files",
        "processor, %",
        "latency, ms",
        "visitors per second",
    ] {
        assert!(texts.contains(&axis), "{axis}: {texts:?}");
    }
    // The first line of each panel, and what it is in the legend.
    let is_first = |node: &roxmltree::Node<'_, '_>| node.attribute("stroke") == Some("#0072B2");
    assert_eq!(nodes().filter(is_first).count(), 10);
}

#[test]
fn a_soak_that_is_interrupted_says_what_it_has() {
    let daemon = Daemon::start(&[]);
    let mut watcher = daemon.join("watcher");
    let address = daemon.address().to_string();
    let flags = ["--json", "--addr", &address, "soak", "--clients", "20"];
    let bench = Bench::start(&[&flags[..], &["--minutes", "10"]].concat());
    // Visitors have the numbers behind all places. A line about one of them, or about many, names one.
    let is_visitor = |line: &str| {
        let number = line.strip_prefix("* u").and_then(|rest| rest.get(..6));
        number.and_then(|number| number.parse().ok()) >= Some(100)
    };
    while !is_visitor(&watcher.line()) {}
    bench.signal(Signal::INT);
    let ended = bench.wait();
    ended.expect_code(0);
    let report = report_of(&ended);
    assert_eq!(report["interrupted"], true, "{report}");
    assert_eq!(report["lost"], 0, "{report}");
}

/// What a relay between the clients and the daemon does wrong, once.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Wrong {
    Nothing,
    DropsPrivate,
    DropsRoom,
    Doubles,
    Swaps,
    Invents,
    Closes,
}

/// It goes wrong at this message of those that it could do it to.
const WRONG_AT: usize = 30;

/// A relay in front of a daemon.
struct Relay {
    wrong: Wrong,
    daemon: SocketAddr,
    passed: AtomicUsize,
}

impl Relay {
    /// Listens, and relays until the test ends.
    fn start(daemon: SocketAddr, wrong: Wrong) -> SocketAddr {
        // Two descriptors for each client, in each of these tests; without one a client would be closed.
        raise_open_files();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let relay = Arc::new(Self {
            wrong,
            daemon,
            passed: AtomicUsize::new(0),
        });
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                relay.carry(client);
            }
        });
        address
    }

    fn carry(self: &Arc<Self>, client: TcpStream) {
        let Ok(daemon) = TcpStream::connect(self.daemon) else {
            return;
        };
        for stream in [&client, &daemon] {
            let _ = stream.set_nodelay(true);
        }
        let (client, daemon) = (Arc::new(client), Arc::new(daemon));
        let (from, to) = (Arc::clone(&client), Arc::clone(&daemon));
        let is_steady = Arc::new(AtomicBool::new(false));
        let noted = Arc::clone(&is_steady);
        thread::spawn(move || pass_up(&from, &to, &noted));
        let relay = Arc::clone(self);
        thread::spawn(move || {
            relay.pass_down(&daemon, &client, &is_steady);
            let _ = client.shutdown(Shutdown::Write);
        });
    }

    /// Line by line, as far as there are lines.
    fn pass_down(&self, daemon: &TcpStream, mut client: &TcpStream, is_steady: &AtomicBool) {
        let mut daemon = BufReader::new(daemon);
        let mut line = Vec::new();
        // A private message that is to come after the next from the same sender.
        let mut held: Option<Vec<u8>> = None;
        while daemon
            .read_until(b'\n', &mut line)
            .is_ok_and(|bytes| bytes > 0)
        {
            let mut lines = vec![std::mem::take(&mut line)];
            let now = &lines[0];
            if let Some(late) = held.take_if(|held| held[..10] == now[..now.len().min(10)]) {
                lines.push(late);
            } else if is_steady.load(Ordering::Relaxed) && self.is_its_turn(now) {
                match self.wrong {
                    Wrong::Nothing => {}
                    Wrong::DropsPrivate | Wrong::DropsRoom => lines.clear(),
                    Wrong::Doubles => lines.push(now.clone()),
                    Wrong::Swaps => held = lines.pop(),
                    Wrong::Invents => lines.push(b"* You missed 3 lines in bench.\n".to_vec()),
                    Wrong::Closes => {
                        let _ = client.shutdown(Shutdown::Both);
                    }
                }
            }
            if client.write_all(&lines.concat()).is_err() {
                let _ = daemon.get_ref().shutdown(Shutdown::Both);
                return;
            }
        }
    }

    /// Whether it goes wrong at this line.
    fn is_its_turn(&self, line: &[u8]) -> bool {
        let text = String::from_utf8_lossy(line);
        let is_it = match self.wrong {
            Wrong::DropsRoom | Wrong::Invents => {
                text.starts_with("u00000") && text.contains(": ~r")
            }
            _ => text.starts_with("@u0000") && text.contains(": ~p"),
        };
        is_it && self.passed.fetch_add(1, Ordering::Relaxed) + 1 == WRONG_AT
    }
}

/// Byte by byte, whatever they are. The steady ones have the first numbers.
fn pass_up(mut client: &TcpStream, mut daemon: &TcpStream, is_steady: &AtomicBool) {
    let mut buffer = vec![0; 64 << 10];
    loop {
        let read = client.read(&mut buffer);
        let is_one = [&b"#u00000"[..], b"#u00001"].contains(&&buffer[..7]);
        is_steady.fetch_or(is_one, Ordering::Relaxed);
        match read {
            Ok(0) => break drop(daemon.shutdown(Shutdown::Write)),
            Ok(count) if daemon.write_all(&buffer[..count]).is_ok() => {}
            _ => break drop(daemon.shutdown(Shutdown::Both)),
        }
    }
}

/// What is reported of a daemon behind such a relay: the faults, and everything.
#[track_caller]
fn faults_behind(wrong: Wrong, drain: &str) -> ([u64; 6], Value) {
    let daemon = Daemon::start(&[]);
    let address = Relay::start(daemon.address(), wrong).to_string();
    let ended = soak(&["--addr", &address, "--drain", drain]);
    ended.expect_code(i32::from(wrong != Wrong::Nothing));
    let report = report_of(&ended);
    let problems = report["problems"].as_array().unwrap();
    assert_eq!(problems.is_empty(), wrong == Wrong::Nothing, "{report}");
    let faults = FAULTS.map(|name| report[name].as_u64().unwrap());
    (faults, report)
}

#[track_caller]
fn expect_faults(wrong: Wrong, expected: [u64; 6]) {
    let (faults, report) = faults_behind(wrong, "45");
    assert_eq!(faults, expected, "{wrong:?}: {report}");
}

#[test]
fn a_relay_that_does_nothing_wrong_is_found_sound() {
    expect_faults(Wrong::Nothing, [0, 0, 0, 0, 0, 0]);
}

#[test]
fn what_a_relay_loses_is_found() {
    for wrong in [Wrong::DropsPrivate, Wrong::DropsRoom] {
        let ([lost, others @ ..], report) = faults_behind(wrong, "5");
        // On a busy machine, more may still be under way after so long.
        assert!(lost > 0, "{wrong:?}: {report}");
        assert_eq!(others, [0; 5], "{wrong:?}: {report}");
    }
}

#[test]
fn what_a_relay_doubles_swaps_or_invents_is_found() {
    expect_faults(Wrong::Doubles, [0, 1, 0, 0, 0, 0]);
    expect_faults(Wrong::Swaps, [0, 0, 1, 0, 0, 0]);
    expect_faults(Wrong::Invents, [0, 0, 0, 3, 0, 0]);
}

#[test]
fn a_steady_client_whom_a_relay_closes_is_found() {
    let ([.., closed, _], report) = faults_behind(Wrong::Closes, "1");
    assert_eq!(closed, 1, "{report}");
}
