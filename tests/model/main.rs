//! The core by itself: histories of every kind of event, compared with a plain model of users,
//! rooms, ignores, away and presence, and the limits of the core one by one.
//!
//! `PROPTEST_CASES` sets the number of histories; a failing one is shrunk and printed.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod accounts;
#[path = "../support/archive.rs"]
mod archive;
mod calls;
mod connections;
#[path = "../support/contents.rs"]
mod contents;
mod harness;
mod history;
mod kept;
mod limits;
mod line;
mod model;
mod moderation;
mod operators;
mod people;
mod presence;
mod properties;
#[path = "../support/recorder.rs"]
mod recorder;
mod scenarios;

use proptest::prelude::*;

use history::{History, ops};

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        max_shrink_iters: 10_000,
        ..ProptestConfig::default()
    })]

    #[test]
    fn core_does_the_same_as_the_plain_model(ops in ops()) {
        let mut history = History::begin();
        for op in &ops {
            history.step(op);
        }
    }
}
