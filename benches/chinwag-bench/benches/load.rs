//! The daemon beside the floor, each in a process of its own: what a change costs, in a few
//! seconds. It is `chinwag-bench compare`, with other defaults.
//!
//! Under `cargo test` it runs for moments only, and checks that nothing is lost, doubled or swapped.

#![allow(clippy::unwrap_used, clippy::print_stderr)]

#[path = "../../../tests/support/binary.rs"]
#[allow(dead_code, reason = "each of its users needs a part")]
mod binary;

use std::env;
use std::process::{Command, ExitCode};

/// The servers that are compared.
const SERVERS: [&str; 2] = ["floor", "chinwag"];

/// What `cargo bench` runs, unless it is told otherwise.
const DEFAULTS: [[&str; 2]; 4] = [
    ["--workloads", "dm-100,room-1000"],
    ["--turns", "3"],
    ["--time", "1"],
    ["--warm-up", "0.5"],
];

/// What `cargo test` runs, among few enough for a debug build: private messages, a room, and both.
const TINY: [&str; 3] = [
    "dm --clients 10 --window 4",
    "room --members 20 --speakers 5",
    "mixed --members 20 --speakers 2 --room-rate 100 --clients 10 --rate 500",
];

/// How long each of these is measured, in seconds. A busy machine may stand still for the first, so
/// that nothing is delivered in it, but not for the second.
const TINY_TIMES: [&str; 2] = ["0.2", "8"];

fn main() -> ExitCode {
    binary::built();
    // What `cargo test` passes on is meant for Rust's own test harness.
    if env::args().any(|argument| argument == "--bench") {
        compare()
    } else {
        run_briefly();
        // Not on standard output, which may be read as a list of tests.
        eprintln!("load: nothing was lost, doubled or swapped");
        ExitCode::SUCCESS
    }
}

fn bench(arguments: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chinwag-bench"));
    command.args(arguments.split_whitespace());
    command
}

fn compare() -> ExitCode {
    let own = env::args().skip(1).filter(|argument| argument != "--bench");
    let own: Vec<String> = own.collect();
    let is_given = |flag: &str| own.iter().any(|argument| argument.starts_with(flag));
    let defaults = DEFAULTS.iter().filter(|[flag, _]| !is_given(flag));
    let mut command = bench("compare");
    command.args(["--servers", &SERVERS.join(",")]);
    let status = command.args(defaults.flatten()).args(&own).status();
    ExitCode::from(u8::from(!status.unwrap().success()))
}

fn run_briefly() {
    for server in SERVERS {
        for workload in TINY {
            assert!(
                TINY_TIMES
                    .iter()
                    .any(|time| delivers(server, workload, time)),
                "{server} delivered nothing: {workload}"
            );
        }
    }
}

/// Runs a workload, in which nothing may be lost. Returns whether messages of each kind arrived.
fn delivers(server: &str, workload: &str, time: &str) -> bool {
    let flags =
        format!("--json --no-pin --warm-up 0.05 --time {time} --server {server} {workload}");
    let output = bench(&flags).output().unwrap();
    let report = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{report}");
    !report.contains("\"delivered\":0,")
}
