//! The whole server but the kernel, on virtual sockets and virtual time: histories drawn from a
//! seed, and an oracle that knows the protocol page and nothing of the server's code.
//!
//! One seed is one history. `CHINWAG_SEED=7 cargo test --test simulation` plays the history of a
//! seed again; `CHINWAG_SECONDS=60 cargo test --test simulation` plays others for that long.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::cast_precision_loss,
    missing_docs
)]
#![allow(dead_code, reason = "a harness shared between tests")]

mod chance;
mod happenings;
mod heard;
mod history;
mod lines;
mod oracle;
mod people;
mod plan;
mod record;
#[path = "../support/mod.rs"]
mod support;
mod tally;
mod view;

use std::env;
use std::io::{self, Write};
use std::thread;
use std::time::{Duration, Instant};

use history::History;
use tally::Tally;

/// So many seeds, from 1 on, when nothing else is asked for,
const SEEDS: u64 = 256;
/// unless they take longer than this;
const TIME_MAX: Duration = Duration::from_secs(20);
/// but at least so many.
const SEEDS_MIN: u64 = 48;

/// Says how to play a history again, should it fail.
struct Replay {
    seed: u64,
}

impl Drop for Replay {
    fn drop(&mut self) {
        if thread::panicking() {
            let Self { seed } = self;
            eprintln!(
                "\nThe history of seed {seed} failed. To play it again:\n    \
                 CHINWAG_SEED={seed} cargo test --test simulation\n"
            );
        }
    }
}

fn play(seed: u64) -> Tally {
    let _replay = Replay { seed };
    let mut history = History::begin(seed);
    history.unfold();
    history.come_to_rest();
    oracle::judge(&history)
}

/// Shown although the test passes: what is printed in the ordinary way is kept back then.
fn report(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// A number from the environment.
fn asked_for(name: &str) -> Option<u64> {
    let text = env::var(name).ok()?;
    Some(text.parse().expect("a number"))
}

#[test]
fn everyone_hears_what_they_are_to_hear() {
    if let Some(seed) = asked_for("CHINWAG_SEED") {
        report(&format!("seed {seed}: {}", play(seed)));
        return;
    }
    let start = Instant::now();
    let mut all = Tally::default();
    let first = if let Some(seconds) = asked_for("CHINWAG_SECONDS") {
        let first = fastrand::u64(SEEDS..u64::MAX / 2);
        while start.elapsed() < Duration::from_secs(seconds) {
            all += play(first + all.histories);
        }
        first
    } else {
        while all.histories < SEEDS && (all.histories < SEEDS_MIN || start.elapsed() < TIME_MAX) {
            all += play(1 + all.histories);
        }
        1
    };
    let seconds = start.elapsed().as_secs_f64();
    let last = first + all.histories - 1;
    let result = all.in_time(seconds);
    report(&format!(
        "seeds {first} to {last} in {seconds:.1} s: {result}"
    ));
}

#[test]
fn a_seed_is_one_history() {
    for seed in [3, 14] {
        let (once, again) = (play(seed), play(seed));
        assert_eq!(once, again, "seed {seed}");
    }
}
