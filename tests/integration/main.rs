//! The daemon as its users meet it: the real program, over real sockets, with real tools.
//!
//! Every test has a daemon of its own on a port that the system chooses, waits for expected lines
//! with a deadline, and shows everything received so far when they do not come.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    missing_docs
)]

mod accounts;
mod activation;
mod banner;
mod bridges;
mod clients;
#[path = "../support/daemon.rs"]
#[allow(dead_code, reason = "each of its users needs a part")]
mod harness;
mod pages;
mod played;
mod sessions;
mod shown;
mod sockets;
mod start;
mod store;
mod tools;
