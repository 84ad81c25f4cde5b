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
//! A soak (`soak`) has a course of its own, with guests who come and go beside those who chat.
//!
//! Every message carries its sender, its number and the time when it was to go, so that whatever
//! is lost, doubled, swapped or late is seen. `main.rs` and `args.rs` are its command line.

#![cfg_attr(
    test,
    allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)
)]

pub mod client;
pub mod compare;
pub mod dialect;
pub mod floor;
mod gathering;
pub mod ledger;
pub mod moment;
pub mod outgoing;
mod pacer;
pub mod plot;
pub mod process;
pub mod recorder;
pub mod report;
pub mod run;
pub mod schedule;
pub mod search;
pub mod server;
pub mod soak;
pub mod stamp;
pub mod suite;
pub mod swarm;
pub mod workload;
