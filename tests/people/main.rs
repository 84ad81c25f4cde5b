//! People on the whole server but the kernel and the disk: accounts with several connections, kept rooms and
//! lines that wait, an archive that is slow, full, stuck or killed, and an oracle that knows the protocol page.
//!
//! One seed is one history. `CHINWAG_SEED=7 cargo test --test people` plays the history of a seed again;
//! `CHINWAG_SECONDS=60 cargo test --test people` plays others for that long.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    missing_docs
)]
#![allow(dead_code, reason = "a harness shared between tests")]

mod actions;
mod connection;
#[path = "../support/contents.rs"]
mod contents;
mod facts;
mod judge;
#[path = "../support/model_store.rs"]
mod model_store;
mod moderation;
mod relations;
#[path = "../support/mod.rs"]
mod support;
mod world;

use std::env;
use std::io::{self, Write};
use std::time::{Duration, Instant};

use world::World;

/// Seeds played by default, from 1 on.
const SEEDS: u64 = 200;

/// Steps of one history.
const STEPS: usize = 250;

/// Fresh seeds are past this.
const FRESH_FROM: u64 = 1 << 20;

/// Prints how to play a failed history again.
struct Replay(u64);

impl Drop for Replay {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let Self(seed) = self;
            report(&format!(
                "\nThe history of seed {seed} failed. To play it again:\n    \
                 CHINWAG_SEED={seed} cargo test --test people\n"
            ));
        }
    }
}

/// Bypasses the capture of the output of a passing test.
fn report(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// How much of what the laws are about there was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Judged {
    /// Lines that were found kept.
    kept: usize,
    /// Blocks that were answered.
    blocks: usize,
    /// Lines that were kept for their authors only.
    for_authors_only: usize,
    /// Rules of rooms that were answered.
    rules: usize,
}

impl Judged {
    fn plus(self, other: Self) -> Self {
        Self {
            kept: self.kept + other.kept,
            blocks: self.blocks + other.blocks,
            for_authors_only: self.for_authors_only + other.for_authors_only,
            rules: self.rules + other.rules,
        }
    }
}

/// One history from its seed.
fn play(seed: u64) -> Judged {
    let _replay = Replay(seed);
    let mut world = World::begin(seed);
    for _ in 0..STEPS {
        world.step();
    }
    world.come_to_rest();
    Judged {
        kept: world.judge(),
        blocks: world.facts.blocks_made,
        for_authors_only: world.judge_blocked(),
        rules: world.facts.rules_made,
    }
}

#[test]
fn what_was_answered_is_kept_and_nothing_else() {
    match (env::var("CHINWAG_SEED"), env::var("CHINWAG_SECONDS")) {
        (Ok(seed), _) => {
            play(seed.parse().expect("CHINWAG_SEED is a number"));
        }
        (_, Ok(seconds)) => {
            let time = Duration::from_secs(seconds.parse().expect("CHINWAG_SECONDS is a number"));
            let (start, first) = (Instant::now(), fastrand::u64(FRESH_FROM..u64::MAX / 2));
            let mut count = 0;
            while start.elapsed() < time {
                play(first + count);
                count += 1;
            }
            report(&format!("{count} histories of people, seeds from {first}"));
        }
        _ => {
            let judged = (1..=SEEDS).map(play).fold(Judged::default(), Judged::plus);
            let is_much = judged.kept > 1000
                && judged.blocks > 80
                && judged.for_authors_only > 20
                && judged.rules > 40;
            assert!(is_much, "histories in which little happens: {judged:?}");
        }
    }
}

#[test]
fn seed_gives_the_same_history_each_time() {
    assert_eq!(play(3), play(3));
}
