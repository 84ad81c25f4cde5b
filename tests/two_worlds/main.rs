//! Two worlds: the same history with a hidden person, and without. Whoever shares no room with them and is no
//! friend gets the same bytes at the same moments.
//!
//! The whole server plays but the kernel and the disk, on virtual time. One seed is one history.
//! `CHINWAG_SEED=7 cargo test --test two_worlds` plays the history of a seed again;
//! `CHINWAG_SECONDS=60 cargo test --test two_worlds` plays others for that long.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    missing_docs
)]
#![allow(dead_code, reason = "a harness shared between tests")]

mod cast;
mod compare;
#[path = "../support/contents.rs"]
mod contents;
mod lines;
#[path = "../support/model_store.rs"]
mod model_store;
mod plan;
#[path = "../support/mod.rs"]
mod support;
mod world;

use std::env;
use std::io::{self, Write};
use std::time::{Duration, Instant};

use cast::Scenario;
use plan::Plan;
use world::World;

/// Seeds played by default, from 1 on.
const SEEDS: u64 = 120;

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
                 CHINWAG_SEED={seed} cargo test --test two_worlds\n"
            ));
        }
    }
}

/// Bypasses the capture of the output of a passing test.
fn report(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// Plays a history in both worlds. Returns how many bytes were compared, for a sign of life.
fn play(seed: u64) -> usize {
    let _replay = Replay(seed);
    let plan = Plan::draw(seed);
    let with = World::play(&plan, true);
    let without = World::play(&plan, false);
    compare::same(&plan, &with, &without)
}

#[test]
fn hidden_person_is_told_apart_from_an_absent_one_by_nobody() {
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
            report(&format!(
                "{count} histories of two worlds, seeds from {first}"
            ));
        }
        _ => {
            let compared: usize = (1..=SEEDS).map(play).sum();
            assert!(
                compared > 1_000_000,
                "little was compared: {compared} bytes"
            );
        }
    }
}

/// The check can fail: somebody who does not hide is seen.
#[test]
fn person_who_does_not_hide_is_told_apart() {
    let seen = (1..=20).filter(|seed| {
        let mut plan = Plan::draw(*seed);
        if plan.scenario != Scenario::Hidden {
            return true;
        }
        plan.hides = false;
        let with = World::play(&plan, true);
        let without = World::play(&plan, false);
        compare::first_difference(&plan, &with, &without).is_some()
    });
    assert_eq!(seen.count(), 20);
}
