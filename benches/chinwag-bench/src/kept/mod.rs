//! A room whose lines are kept: what keeping costs, and whether what was answered `ok` is there later, also
//! if the daemon is killed in the middle of it.
//!
//! ```text
//!  rounds      start a daemon on a file, end or kill it, start it again    (report)
//!     │
//!   visit       all clients come in, speak, and look at what it has kept
//!     │
//!   load       speakers, a witness, and accounts that are away        (account, cast, talk)
//!     │
//!  ledger      what was answered and heard, and what comes back
//! ```

mod account;
mod cast;
mod ledger;
mod load;
mod report;
mod rounds;
mod talk;
mod visit;

pub use report::{KeptReport, text};
pub use rounds::{Bed, WAITING_MAX, run};

#[cfg(test)]
mod tests;
