//! The protocol page as a table: bytes in per client, lines out per client.
//!
//! A case is a script. `alice> TEXT` sends a line, `alice< TEXT` is the next line that alice gets;
//! between two lines to send, each client must have got exactly the lines written there. Each case
//! is played whole, byte by byte, with every line split at every point, and onto sockets that take
//! one byte at a time; the outcome must be the same. `check_invariants()` runs after each turn.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]
#![allow(
    clippy::format_collect,
    clippy::format_push_string,
    reason = "a test reads better so"
)]
#![allow(
    missing_docs,
    dead_code,
    reason = "a test, with a harness shared between tests"
)]

mod acknowledgements;
#[path = "../support/archive.rs"]
mod archive;
mod calls;
mod cases;
mod columns;
#[path = "../support/contents.rs"]
mod contents;
mod copies;
mod fan_out;
#[path = "../support/foreign_greetings.rs"]
mod foreign_greetings;
mod foreign_protocols;
mod gone;
mod held;
mod json;
mod limits;
mod lines;
mod moderation;
mod operators;
mod people;
mod published;
mod reading;
mod regressions;
mod relations;
mod script;
#[cfg(target_os = "linux")]
mod secrets;
mod self_messages;
mod slow_senders;
#[path = "../support/mod.rs"]
mod support;
mod suspended_process;
mod terminal;
mod typing;
