//! What must hold of any bytes at all: one function for each fuzz target, which panics if it does
//! not.
//!
//! `fuzz_targets` has libFuzzer call them with bytes of its invention; `tests/corpus.rs` calls them
//! with those that were worth keeping. Nothing here knows which it is.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "to panic is what an oracle does"
)]
#![allow(missing_docs, dead_code, reason = "a harness shared between tests")]

mod cursor;
mod output;
#[path = "../../support/recorder.rs"]
mod recorder;
mod splitter_model;
#[path = "../../support/mod.rs"]
mod support;

pub mod command;
pub mod json;
pub mod lines;
pub mod switchboard;
