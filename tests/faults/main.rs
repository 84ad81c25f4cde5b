//! Faults of the network, of clients and of the operator's machine, against the real daemon.
//!
//! `docs/reliability.md` lists every fault, the daemon's behaviour, and the test here that shows it.
//! Each test has a daemon of its own; see `tests/support/daemon.rs`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    missing_docs
)]

mod bans;
mod clock;
mod collisions;
mod crowds;
mod descriptors;
mod endings;
mod flooder;
#[path = "../support/foreign_greetings.rs"]
mod foreign_greetings;
mod foreign_protocols;
mod gone;
#[path = "../support/daemon.rs"]
#[allow(dead_code, reason = "each of its users needs a part")]
mod harness;
mod hidden;
mod journal;
mod kept;
mod kernel;
mod latency;
mod limits;
mod logs;
mod lost_messages;
mod mob;
mod network;
mod passwords;
mod published;
mod receipts;
mod restart;
mod secrets;
mod signals;
mod slow_readers;
mod slow_senders;
mod store;
mod telnet;
mod text;
