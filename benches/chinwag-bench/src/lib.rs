//! The load generator: thousands of synthetic clients on one thread, and what they find out.
//!
//! ```text
//!  commands     a command line, a server to start, a report to show    (args, server, report, plot)
//!     │
//!    run        connect, warm up, measure, let the rest arrive         (suite, search, compare)
//!     │
//!    load        which client sends when, and which messages arrived    (scenario, traffic, ledger)
//!     │
//!   swarm       one poll, all clients, one write per socket and turn   (clients, connect, timer)
//!     │
//!  dialect      how to say it to chinwag, IRC, Redis or NATS           (stamp)
//! ```
//!
//! A soak (`soak`) has a life of its own, with visitors that come and go beside clients that chat; and so
//! has a room whose lines are kept (`kept`), with daemons that are killed.
//!
//! Every message carries its sender, its number and the time when it was to go, so that whatever
//! is lost, doubled, swapped or late is seen.

#![cfg_attr(
    test,
    allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)
)]

mod args;
mod checks;
mod client;
mod clients;
mod commands;
mod compare;
mod connect;
mod dialect;
mod drawing;
mod figures;
mod kept;
mod ledger;
mod load;
mod outcome;
mod parsers;
mod plot;
mod process;
mod progress;
mod recorder;
/// The floor is the first example of the docs, the very same file.
#[path = "../../../docs/examples/relay.rs"]
#[allow(dead_code, reason = "as an example it has a main function")]
mod relay;
mod report;
mod run;
mod scenario;
mod search;
mod server;
mod soak;
mod stamp;
mod suite;
mod swarm;
mod table;
mod target;
mod timer;
mod timestamp;
mod traffic;

pub use commands::main;
