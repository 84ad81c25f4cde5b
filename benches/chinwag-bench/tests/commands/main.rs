//! The load generator as its users meet it: what it reports of a sound server, that it finds what
//! a faulty one does, and how it ends.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    missing_docs
)]

mod bench;
mod drawing;
#[path = "../../../../tests/support/daemon.rs"]
#[allow(dead_code, reason = "each of its users needs a part")]
mod harness;
mod kept;
mod relay;
mod soak;
mod words;

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::process::Signal;
use serde_json::Value;
use socket2::{Domain, Socket, Type};

use bench::{Bench, Ended, expect_failure};
use harness::{Client, Daemon, wait_until};

/// Long enough for something to be delivered, and no longer.
const BRIEFLY: [&str; 5] = ["--time", "0.2", "--warm-up", "0.1", "--no-pin"];

/// Longer than a busy machine stands still.
const LONGER: [&str; 5] = ["--time", "8", "--warm-up", "0.1", "--no-pin"];

/// Runs it briefly, until it ends, with JSON.
fn run_json(args: &[&str]) -> Ended {
    let flags = [args, &BRIEFLY, &["--json"]].concat();
    Bench::start(&flags).wait()
}

/// Runs it briefly, until it ends; again and for longer if the machine stood still all the while, so
/// that nothing was delivered.
fn run_served(args: &[&str], was_served: impl Fn(&Ended) -> bool) -> Ended {
    let ended = Bench::start(&[args, &BRIEFLY].concat()).wait();
    if was_served(&ended) {
        return ended;
    }
    Bench::start(&[args, &LONGER].concat()).wait()
}

/// Likewise, with JSON.
fn run_served_json(args: &[&str]) -> Ended {
    let is_served = |report: &Value| {
        let messages = report["messages"].as_array();
        let mut messages = messages.into_iter().flatten();
        let is_storm = report["workload"] == "storm";
        messages.all(|messages| messages["delivered"] != 0)
            && !(is_storm && report["connects_per_second"].is_null())
    };
    run_served(&[args, &["--json"]].concat(), |ended| {
        ended.json().iter().all(is_served)
    })
}

/// The only report of a brief run that must find nothing wrong.
#[track_caller]
fn sound_report(args: &[&str]) -> Value {
    let ended = run_served_json(args);
    ended.expect_code(0);
    assert_eq!(ended.err, "", "no progress where nobody sees it");
    let mut reports = ended.json();
    assert_eq!(reports.len(), 1, "{ended:?}");
    let report = reports.remove(0);
    expect_sound(&report);
    report
}

/// What is documented of every report, and zero where it must be.
#[track_caller]
fn expect_sound(report: &Value) {
    for fault in ["lost", "duplicated", "out_of_order", "refused", "closed"] {
        assert_eq!(report[fault], 0, "{fault}: {report}");
    }
    assert!(report["seconds"].as_f64().unwrap() >= 0.2, "{report}");
    assert_eq!(report["size"], 64, "{report}");
    assert_eq!(report["interrupted"], false, "{report}");
    assert_eq!(report["refusal"], Value::Null, "{report}");
    assert!(report["told_missed"].is_u64(), "{report}");
    assert!(report["connecting"]["seconds"].as_f64().unwrap() > 0.0);
    assert!(report["driver_use"]["busy"].is_f64(), "{report}");
    for messages in report["messages"].as_array().unwrap() {
        assert!(messages["delivered"].as_u64().unwrap() > 0, "{report}");
        assert!(messages["per_second"].as_f64().unwrap() > 0.0, "{report}");
        let latency = ["p50_ms", "p90_ms", "p99_ms", "p999_ms", "max_ms"]
            .map(|name| messages["latency"][name].as_f64().unwrap());
        assert!(latency[0] > 0.0 && latency.is_sorted(), "{report}");
    }
}

/// Which messages there were.
fn kinds(report: &Value) -> Vec<&str> {
    let messages = report["messages"].as_array().unwrap();
    messages
        .iter()
        .map(|messages| messages["kind"].as_str().unwrap())
        .collect()
}

#[test]
fn every_workload_finds_the_daemon_sound_and_says_what_it_did() {
    for (args, clients, expected) in [
        (
            &["dm", "--clients", "5", "--window", "2"][..],
            5,
            &["private"][..],
        ),
        (
            &["rate", "--clients", "5", "--rate", "500"],
            5,
            &["private"],
        ),
        (&["room", "--members", "6", "--speakers", "2"], 6, &["room"]),
        (
            &[
                "mixed",
                "--members",
                "6",
                "--speakers",
                "2",
                "--room-rate",
                "100",
                "--clients",
                "3",
                "--rate",
                "200",
            ],
            9,
            &["private", "room"],
        ),
        (&["idle", "--clients", "5"], 5, &[]),
        (&["storm", "--at-once", "5"], 7, &["private"]),
        (
            &[
                "slow",
                "--members",
                "10",
                "--speakers",
                "2",
                "--share",
                "0.3",
                "--room-rate",
                "200",
            ],
            10,
            &["room"],
        ),
    ] {
        let report = sound_report(args);
        assert_eq!(report["workload"], args[0]);
        assert_eq!(report["clients"], clients, "{report}");
        assert_eq!(kinds(&report), expected, "{report}");
        assert_eq!(report["server"], "chinwag");
        assert_eq!(report["dialect"], "chinwag");
        assert!(report["server_use"]["busy"].is_f64(), "{report}");
        assert!(report["connecting"]["memory_kib_each"].is_f64(), "{report}");
        let connects = report["connects_per_second"].as_f64().unwrap_or(0.0);
        assert_eq!(connects > 0.0, args[0] == "storm", "{report}");
    }
}

#[test]
fn several_runs_are_a_line_each() {
    let ended = run_served_json(&["dm", "--clients", "4", "--runs", "2"]);
    ended.expect_code(0);
    let reports = ended.json();
    assert_eq!(reports.len(), 2, "{ended:?}");
    reports.iter().for_each(expect_sound);
}

#[test]
fn the_table_names_its_columns_and_shows_the_spread() {
    let flags = ["dm", "--clients", "4", "--runs", "2", "--size", "200"];
    let ended = Bench::start(&[&flags[..], &BRIEFLY].concat()).wait();
    ended.expect_code(0);
    for column in [
        "server",
        "workload",
        "kind",
        "delivered",
        "per second",
        "p50 ms",
        "p99.9 ms",
        "max ms",
        "lost",
        "twice",
        "disorder",
        "server µs/msg",
        "busy",
        "KiB/client",
        "µs/connect",
    ] {
        assert!(ended.out.contains(column), "{column}: {}", ended.out);
    }
    assert!(ended.out.contains("median   of 2"), "{}", ended.out);
    assert_eq!(ended.err, "");
}

#[test]
fn a_daemon_that_runs_already_is_tested_over_tcp_and_a_unix_socket() {
    let folder = tempfile::tempdir().unwrap();
    let unix = format!("unix:{}", folder.path().join("chat.sock").display());
    let daemon = Daemon::start(&["--listen", "127.0.0.1:0", "--listen", &unix]);
    let tcp = daemon.address().to_string();
    let pid = daemon.pid().as_raw_nonzero().to_string();
    let report = sound_report(&["--addr", &tcp, "dm", "--clients", "5"]);
    assert_eq!(report["server"], tcp);
    assert_eq!(
        report["server_use"],
        Value::Null,
        "nobody said which process"
    );
    let report = sound_report(&["dm", "--clients", "5", "--addr", &unix, "--pid", &pid]);
    assert_eq!(report["server"], unix);
    assert!(report["server_use"]["busy"].is_f64(), "{report}");
    let port = daemon.address().port();
    let name = format!("localhost:{port}");
    sound_report(&["room", "--members", "5", "--speakers", "1", "--addr", &name]);
}

#[test]
fn a_daemon_on_an_ipv6_address_is_tested() {
    if TcpListener::bind("[::1]:0").is_err() {
        eprintln!("skipped: there is no IPv6 here");
        return;
    }
    let daemon = Daemon::start(&["--listen", "[::1]:0"]);
    let address = daemon.address().to_string();
    sound_report(&["--addr", &address, "dm", "--clients", "5"]);
}

#[test]
fn the_floor_serves_what_it_is_measured_with() {
    for args in [
        &["dm", "--clients", "5"][..],
        &["room", "--members", "5", "--speakers", "2"],
        &["storm", "--at-once", "5"],
    ] {
        let report = sound_report(&[args, &["--server", "floor"]].concat());
        assert_eq!(report["server"], "floor");
    }
}

#[test]
fn the_floor_says_where_it_listens() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chinwag-bench"));
    command.args(["floor", "--listen", "127.0.0.1:0"]);
    let child = command.stderr(Stdio::piped()).spawn().unwrap();
    let mut floor = Bench {
        child,
        outputs: Vec::new(),
    };
    let mut line = String::new();
    let mut stderr = BufReader::new(floor.child.stderr.take().unwrap());
    stderr.read_line(&mut line).unwrap();
    let address = line.trim_end().strip_prefix("the floor listens on ");
    let address: SocketAddr = address.expect(&line).parse().unwrap();
    sound_report(&["--addr", &address.to_string(), "dm", "--clients", "3"]);
}

#[test]
fn servers_are_compared_turn_by_turn() {
    let args = [
        "compare",
        "--servers",
        "floor,chinwag",
        "--workloads",
        "dm-100",
    ];
    let args = [&args[..], &["--turns", "1"]].concat();
    let ended = run_served_json(&args);
    ended.expect_code(0);
    let reports = ended.json();
    let servers: Vec<&Value> = reports.iter().map(|report| &report["server"]).collect();
    assert_eq!(servers, ["floor", "chinwag"]);
    reports.iter().for_each(expect_sound);
    let ended = run_served(&args, |ended| ended.out.contains("×1.00"));
    ended.expect_code(0);
    for part in ["floor", "chinwag", "dm-100", "CPU µs per message", "×1.00"] {
        assert!(ended.out.contains(part), "{part}: {}", ended.out);
    }
}

#[test]
fn what_is_not_installed_is_left_out_of_a_comparison() {
    let missing = "x=irc=no-such-server @PORT@";
    let ended = run_json(&["compare", "--servers", missing, "--workloads", "dm-100"]);
    ended.expect_code(1);
    assert!(ended.err.contains("x is not installed"), "{ended:?}");
    assert!(ended.err.contains("none of these"), "{ended:?}");
}

#[test]
fn the_limit_is_found_and_what_made_it() {
    let ended = run_json(&["find-limit", "--clients", "50"]);
    ended.expect_code(0);
    let capacity = &ended.json()[0];
    assert_eq!(capacity["clients"], 50, "{capacity}");
    let daemon = Daemon::start(&["--max-clients", "20"]);
    let ended = run_json(&["find-limit", "--addr", &daemon.address().to_string()]);
    ended.expect_code(0);
    let capacity = &ended.json()[0];
    assert_eq!(capacity["clients"], 20, "{capacity}");
    let limit = capacity["limit"].as_str().unwrap();
    assert!(limit.contains("The server is full"), "{capacity}");
}

#[test]
fn a_ramp_ends_at_the_bound() {
    let args = ["ramp", "--clients", "4", "--p99-max", "0.000001"];
    let ended = Bench::start(&[&args[..], &BRIEFLY].concat()).wait();
    ended.expect_code(1);
    assert!(ended.out.contains("say a lower --rate"), "{ended:?}");
    // The first rate passes, unless the machine stands still for a moment just then; and some rate of
    // these is more than any machine carries.
    let args = ["ramp", "--clients", "4", "--rate", "200", "--p99-max", "60"];
    let rate_of = |report: &Value| {
        assert_eq!(report["parameters"][0][0], "rate");
        report["parameters"][0][1].as_f64().unwrap()
    };
    let mut rates = Vec::new();
    wait_until("a rate that is carried", || {
        let ended = run_json(&[&args[..], &["--drain", "0.1"]].concat());
        rates = ended.json().iter().map(rate_of).collect();
        ended.expect_code(i32::from(rates.len() == 1));
        rates.len() > 1
    });
    assert!(rates.starts_with(&[200.0, 400.0]), "{rates:?}");
}

#[test]
fn without_a_command_it_says_what_the_machine_carries() {
    let ended = run_served_json(&["--clients", "30"]);
    ended.expect_code(0);
    let lines = ended.json();
    assert_eq!(lines[0]["clients"], 30, "{ended:?}");
    let mut workloads: Vec<&Value> = lines[1..].iter().map(|line| &line["workload"]).collect();
    workloads.dedup(); // a busy machine takes another step or two down to a rate that it keeps
    assert_eq!(workloads, ["dm", "rate", "room", "storm"]);
    lines[1..].iter().for_each(expect_sound);
    // More clients than fit are not asked for in the parts that come after.
    let daemon = Daemon::start(&["--max-clients", "12"]);
    let address = daemon.address().to_string();
    let ended = Bench::start(&[&["--addr", &address][..], &BRIEFLY].concat()).wait();
    ended.expect_code(0);
    for part in [
        "clients    12 at a time",
        "messages",
        "latency",
        "room",
        "0 were lost",
    ] {
        assert!(ended.out.contains(part), "{part}: {}", ended.out);
    }
}

/// Follows a run with a room until it measures, and returns the client that watches it.
fn watch_until_measured(daemon: &Daemon, bench: &[&str]) -> (Bench, Client) {
    let mut watcher = daemon.join("watcher");
    watcher.send("/join bench");
    watcher.barrier();
    let address = daemon.address().to_string();
    let args = ["--addr", &address, "--json", "--warm-up", "0.001"];
    let bench = Bench::start(&[&args[..], bench].concat());
    // Lines carry the time for which they were meant, and the first of them starts the warm-up. Several
    // steps: where the machine stands still, one can be in the middle of the warm-up.
    let mut steps = Vec::new();
    while steps.len() < 4 {
        let line = watcher.line();
        let Some((_, stamp)) = line.split_once(": ~r") else {
            continue;
        };
        let time = u64::from_str_radix(&stamp[14..29], 16).unwrap();
        if steps.last().is_none_or(|last| time > last + 70_000_000) {
            steps.push(time);
        }
    }
    (bench, watcher)
}

const LONG_ROOM: [&str; 7] = ["room", "--members", "4", "--speakers", "2", "--time", "600"];

#[test]
fn an_interrupt_ends_a_run_with_what_it_has() {
    for signal in [Signal::INT, Signal::TERM] {
        let daemon = Daemon::start(&[]);
        let (bench, _watcher) = watch_until_measured(&daemon, &LONG_ROOM);
        bench.signal(signal);
        let ended = bench.wait();
        ended.expect_code(0);
        let report = &ended.json()[0];
        assert_eq!(report["interrupted"], true, "{report}");
        assert_eq!(report["lost"], 0, "{report}");
        assert!(report["messages"][0]["delivered"].as_u64().unwrap() > 0);
    }
}

#[test]
fn an_interrupt_while_it_connects_ends_it_with_nothing() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap().to_string();
    let bench = Bench::start(&["--addr", &address, "--json", "dm", "--clients", "3"]);
    let (client, _) = silent.accept().unwrap();
    let mut line = String::new();
    let mut client = BufReader::new(client);
    client.read_line(&mut line).unwrap();
    assert!(line.starts_with("#u00000"), "{line}");
    bench.signal(Signal::INT);
    let ended = bench.wait();
    ended.expect_code(0);
    let report = &ended.json()[0];
    assert_eq!(report["interrupted"], true, "{report}");
    assert_eq!(report["messages"][0]["delivered"], 0, "{report}");
    assert_eq!(report["messages"][0]["per_second"], 0.0, "{report}");
    assert_eq!(report["lost"], 0, "nothing was sent: {report}");
}

#[test]
fn a_run_ends_with_its_server() {
    let daemon = Daemon::start(&[]);
    let (bench, _watcher) = watch_until_measured(&daemon, &LONG_ROOM);
    drop(daemon);
    let ended = bench.wait();
    ended.expect_code(1);
    assert_eq!(ended.json()[0]["closed"], 4, "{ended:?}");
}

#[test]
fn a_storm_ends_with_its_server() {
    let daemon = Daemon::start(&[]);
    let mut watcher = daemon.join("watcher");
    let address = daemon.address().to_string();
    let args = ["--addr", &address, "--json", "--time", "600", "storm"];
    let bench = Bench::start(&[&args[..], &["--at-once", "5"]].concat());
    watcher.read_until("* u000002 has joined lobby.");
    watcher.read_until("* u000002 has left lobby.");
    drop(daemon);
    let ended = bench.wait();
    ended.expect_code(1);
    let report = &ended.json()[0];
    assert!(report["closed"].as_u64().unwrap() >= 2, "{report}");
}

/// A daemon that says which process it is.
fn telling_server(file: &Path) -> String {
    format!(
        "told=chinwag=sh -c 'echo $$ > {}; exec {} --listen 127.0.0.1:@PORT@'",
        file.display(),
        harness::binary::built().display()
    )
}

#[test]
fn a_server_does_not_outlive_the_load_generator() {
    for signal in [Signal::KILL, Signal::TERM] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pid");
        let server = telling_server(&file);
        let args = ["--server", &server, "idle", "--clients", "2"];
        let bench = Bench::start(&[&args[..], &["--time", "600"]].concat());
        let mut pid = String::new();
        wait_until("the server's process", || {
            pid = fs::read_to_string(&file).unwrap_or_default();
            pid.ends_with('\n')
        });
        bench.signal(signal);
        bench.wait();
        // It may stay as a zombie where no process reaps those without a parent.
        wait_until("the end of the server", || {
            let stat = fs::read_to_string(format!("/proc/{}/stat", pid.trim()));
            stat.map_or(true, |stat| stat.contains(") Z "))
        });
    }
}

#[test]
fn flags_that_make_no_sense_are_named_with_what_to_say() {
    for (args, part) in [
        (&["dm", "--window", "0"][..], "say 1 to"),
        (&["dm", "--clients", "1"], "say 2 to"),
        (&["dm", "--size", "31"], "say 32 to"),
        (&["dm", "--time", "0"], "say more than 0"),
        (&["rate", "--rate", "nan"], "say 0.01 to"),
        (
            &["room", "--members", "3", "--speakers", "4"],
            "--speakers 3",
        ),
        (&["mixed", "--members", "3"], "--speakers 3"),
        (&["slow", "--members", "3"], "--speakers 3"),
        (
            &["slow", "--members", "12", "--share", "0.01"],
            "a larger --share",
        ),
        (&["slow", "--share", "2"], "say 0 to 1"),
        (&["--addr", "nonsense", "dm"], "say HOST:PORT"),
        (&["--addr", "unix:", "dm"], "path"),
        (
            &["--addr", "127.0.0.1:1", "--server", "floor", "dm"],
            "say one",
        ),
        (
            &["--addr", "127.0.0.1:1", "dm", "--server", "floor"],
            "say one",
        ),
        (&["dm", "--pid", "1"], "--addr too"),
        (&["--dialect", "irc", "dm"], "--addr too"),
        (&["--server", "nonsense", "dm"], "say floor, chinwag"),
        (&["--server", "x=smtp=cmd @PORT@", "dm"], "say chinwag, irc"),
        (&["--server", "x=irc=cmd", "dm"], "say @PORT@"),
        (&["--server", "x=irc='cmd @PORT@", "dm"], "quotes"),
        (&["compare", "--workloads", "dm-7"], "say one of"),
        (&["kept", "--clients", "0"], "say 1 to"),
        (&["kept", "--pipeline", "65"], "say 1 to 64"),
        (&["kept", "--rate", "9", "--pipeline", "2"], "--pipeline"),
        (&["kept", "--waiting", "1.5"], "say 0 to 1"),
        (&["kept", "--waiting", "0.1"], "--store file"),
        (&["kept", "--store", "disk"], "file, none, both"),
        (
            &["kept", "--store", "none", "--kill"],
            "--kill looks for it",
        ),
        (&["kept", "--rounds", "2"], "--kill"),
        (&["kept", "--kill", "--runs", "2"], "say --rounds"),
        (&["kept", "--addr", "127.0.0.1:1"], "say --server"),
        (&["kept", "--server", "redis"], "speaks chinwag"),
        (&["kept", "--server", "x=chinwag=cmd @PORT@"], "say @STORE@"),
        (&["soak", "--clients", "3"], "say 20 to"),
        (&["soak", "--minutes", "0"], "say more than 0"),
        (&["soak", "--minutes", "1", "--time", "9"], "--minutes"),
        (&["--time", "9", "soak", "--minutes", "1"], "--minutes"),
        (&["soak", "--server", "redis"], "speaks chinwag"),
        (&["soak", "--runs", "2"], "--runs"),
        (&["compare", "--server", "floor"], "say --servers"),
        (&["compare", "--runs", "2"], "say --turns"),
        (&["compare", "--servers", "floor,floor"], "another name"),
        (&["ramp", "--runs", "2"], "--runs"),
        (&["--runs", "2"], "--runs"),
        (&["dm", "--runs", "0"], "say 1 to 10000"),
        (&["--clients", "9", "dm"], "dm --clients"),
        (&["frobnicate"], "frobnicate"),
        (&["dm", "--frobnicate"], "--frobnicate"),
    ] {
        expect_failure(args, 2, part);
    }
}

/// An address at which nothing listens, nor can while this is there.
struct Nowhere {
    address: String,
    _socket: Socket,
}

fn nowhere() -> Nowhere {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let any_port = SocketAddr::from(([127, 0, 0, 1], 0));
    socket.bind(&any_port.into()).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    Nowhere {
        address: address.to_string(),
        _socket: socket,
    }
}

#[test]
fn servers_that_cannot_be_tested_are_named() {
    let nowhere = nowhere();
    let address = &nowhere.address;
    let nobody = format!("nobody listens at {address}: Connection refused");
    expect_failure(&["--addr", address, "dm"], 1, &nobody);
    let storm = ["--addr", address, "storm", "--at-once", "5"];
    expect_failure(&storm, 1, &nobody);
    expect_failure(&["--addr", address], 1, &nobody);
    expect_failure(
        &["--addr", "unix:/no/such/socket", "dm"],
        1,
        "nobody listens at unix:/no/such/socket: No such file",
    );
    let missing = ["--server", "x=irc=no-such-server @PORT@", "dm"];
    expect_failure(&missing, 1, "no-such-server");
    let failing = "x=irc=sh -c 'echo out of tea >&2' @PORT@";
    expect_failure(&["--server", failing, "dm"], 1, "out of tea");
    let no_process = ["--addr", address, "--pid", "4194304", "dm"];
    expect_failure(&no_process, 1, "4194304");
    let daemon = Daemon::start(&["--max-clients", "3"]);
    let address = daemon.address().to_string();
    let full = ["--addr", &address, "dm", "--clients", "10"];
    expect_failure(
        &full,
        1,
        "3 of 10 clients got in; the server says: The server is full",
    );
}
