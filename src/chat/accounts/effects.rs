//! What follows once the archive has answered an account command.

/// Once a change is kept.
#[derive(Debug)]
pub enum AccountEffect {}

/// Once a question or a hash is answered.
#[derive(Debug)]
pub enum AccountStep {}
