//! The swarm against the daemon and against the floor, each in a process of its own: what a change
//! costs, in a few seconds. `chinwag-bench compare` is the same for longer and for more servers.
//!
//! Under `cargo test` it runs for moments only, and checks that nothing is lost, doubled or swapped.

#![allow(clippy::unwrap_used, clippy::expect_used)]
#![allow(clippy::print_stdout, clippy::print_stderr)]

#[path = "../../../tests/support/binary.rs"]
#[allow(dead_code, reason = "each of its users needs a part")]
mod binary;

use std::env;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use chinwag_bench::compare::{Comparison, Course, Rounds};
use chinwag_bench::dialect::Dialect;
use chinwag_bench::process::Pinning;
use chinwag_bench::run::{Plan, Scenario, Watcher};
use chinwag_bench::server::{OPENING_MAX, Recipe};
use chinwag_bench::workload::Roles;
use clap::Parser;

/// Private messages, a room, and both at once, among few enough for a debug build.
const TINY: [Course; 3] = [
    Course {
        name: "dm-10",
        about: "private messages among 10 clients",
        scenario: Scenario::Dm {
            clients: 10,
            window: 4,
        },
    },
    Course {
        name: "room-20",
        about: "a room of 20",
        scenario: Scenario::Room {
            members: 20,
            speakers: 5,
            window: 4,
        },
    },
    Course {
        name: "mixed-30",
        about: "a room of 20, and 10 others",
        scenario: Scenario::Chats(
            "mixed",
            Roles {
                private_clients: 10,
                private_rate: 500.0,
                members: 20,
                speakers: 2,
                room_rate: 100.0,
                slow: 0,
            },
        ),
    },
];

/// How long each is measured under `cargo test`, in seconds.
const MOMENT: f64 = 0.2;

/// A busy machine may stand still for a moment, so that nothing is delivered in it, but not for so long.
const STILL_TIME_MAX: Duration = Duration::from_secs(8);

/// The swarm against the daemon and against the floor
#[derive(Debug, Parser)]
struct Options {
    /// The workloads, as chinwag-bench compare names them
    #[arg(long, value_delimiter = ',', default_value = "dm-100,room-1000")]
    workloads: Vec<String>,
    /// How often each server has its turn
    #[arg(long, default_value = "3")]
    turns: usize,
    /// How long each is measured, in seconds
    #[arg(long, default_value = "1")]
    time: f64,
    /// Cargo passes this for `cargo bench`, and nothing for `cargo test`
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    // What `cargo test` passes on is meant for Rust's own test harness.
    let is_bench = env::args_os().any(|argument| argument == "--bench");
    let (courses, turns, time) = if is_bench {
        let options = Options::parse();
        let known = options.workloads.iter().map(|name| Course::find(name));
        let courses = known.collect::<Option<Vec<&'static Course>>>();
        let courses = courses.expect("workloads that chinwag-bench compare knows");
        (courses, options.turns, options.time)
    } else {
        (TINY.iter().collect(), 1, MOMENT)
    };
    let rounds = Rounds {
        recipes: vec![floor(), daemon()],
        courses,
        turns,
        pinning: Pinning::find().filter(|_| is_bench),
    };
    let mut plan = Plan {
        warm_up: Duration::from_millis(if is_bench { 500 } else { 50 }),
        time: Duration::from_secs_f64(time),
        drain: Duration::from_secs(10),
        size: 64,
        seed: 1,
    };
    let mut watcher = Watcher {
        progress: &mut |_| {},
        stop: Arc::new(AtomicBool::new(false)),
    };
    let mut run = |plan: &Plan| {
        let mut comparison = Comparison::default();
        let ended = comparison.run(&rounds, plan, &mut watcher, &mut |_, _, _| {});
        ended.unwrap();
        comparison
    };
    let mut comparison = run(&plan);
    if !is_bench && comparison.reports().any(|report| report.delivered() == 0) {
        plan.time = STILL_TIME_MAX;
        comparison = run(&plan);
    }
    if is_bench {
        println!("{}", comparison.table());
    }
    for report in comparison.reports() {
        assert!(report.delivered() > 0, "{} did nothing", report.server);
        assert!(report.is_clean(), "{}", report.json());
    }
    // Not on standard output, which may be read as a list of tests.
    eprintln!("load: nothing was lost, doubled or swapped");
    ExitCode::SUCCESS
}

fn daemon() -> Recipe {
    Recipe::chinwag(&binary::built(), None)
}

fn floor() -> Recipe {
    Recipe {
        name: "floor".to_owned(),
        dialect: Dialect::Chinwag,
        command: [
            env!("CARGO_BIN_EXE_chinwag-bench"),
            "floor",
            "--listen",
            "127.0.0.1:@PORT@",
        ]
        .map(str::to_owned)
        .to_vec(),
        config: None,
        opening_max: OPENING_MAX,
    }
}
