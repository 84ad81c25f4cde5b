//! The whole server but the kernel, on virtual sockets and virtual time: histories drawn from a
//! seed, and an oracle that knows the protocol page and nothing of the server's code.
//!
//! One seed is one history. `CHINWAG_SEED=7 cargo test --test simulation` plays the history of a
//! seed again; `CHINWAG_SECONDS=60 cargo test --test simulation` plays others for that long, and
//! `CHINWAG_SECONDS=forever` until it is stopped.

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

mod actions;
mod admission;
mod client_input;
mod client_log;
mod client_view;
mod clients;
mod history;
mod lines;
mod oracle;
mod plan;
mod private;
mod rng;
mod room_log;
mod runner;
mod scenes;
mod stats;
#[path = "../support/mod.rs"]
mod support;
mod watch;

use std::env;

use history::History;
use stats::Stats;

/// One history from its seed, judged by the oracle.
fn play(seed: u64) -> Stats {
    let _replay = runner::Replay { seed };
    let mut history = History::begin(seed);
    history.run_actions();
    history.come_to_rest();
    oracle::judge(&history)
}

#[test]
fn clients_receive_every_line_due_to_them() {
    match (env::var("CHINWAG_SEED"), env::var("CHINWAG_SECONDS")) {
        (Ok(seed), _) => runner::replay(seed.parse().expect("CHINWAG_SEED is a number")),
        (_, Ok(seconds)) => runner::play_fresh_seeds(&seconds),
        _ => runner::play_first_seeds(),
    }
}

#[test]
fn seed_gives_the_same_history_each_time() {
    for seed in [3, 14] {
        let (once, again) = (play(seed), play(seed));
        assert_eq!(once, again, "seed {seed}");
    }
}
