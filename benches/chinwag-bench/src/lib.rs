//! The load generator: thousands of synthetic clients on one thread, and what they find out.
//!
//! ```text
//!    run        connect, warm up, measure, let the rest arrive
//!     │
//!  workload     who says what when, and what of it arrived      (ledger, recorder, schedule)
//!     │
//!   swarm       one poll, all clients, one write per socket and turn
//!     │
//!  dialect      how to say it to chinwag, IRC, Redis or NATS    (stamp)
//! ```
//!
//! A soak (`soak`) has a benchmark of its own, with visitors who come and go beside those who chat.
//!
//! Every message carries its sender, its number and the time when it was to go, so that whatever
//! is lost, doubled, swapped or late is seen. `args.rs` and `commands.rs` are its command line.

#![cfg_attr(
    test,
    allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)
)]

mod args;
mod client;
mod commands;
mod compare;
mod connect;
mod dialect;
mod drawing;
mod ledger;
mod outgoing;
mod plot;
mod process;
mod recorder;
/// The floor is the first example of the docs, the very same file.
#[path = "../../../docs/examples/relay.rs"]
#[allow(dead_code, reason = "as an example it has a main function")]
mod relay;
mod report;
mod run;
mod schedule;
mod search;
mod server;
mod show;
mod soak;
mod stamp;
mod suite;
mod swarm;
mod timer;
mod timestamp;
mod workload;

pub use commands::main;
