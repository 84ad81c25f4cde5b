//! Accounts: what is known of them, and what the core waits for on their behalf.

pub(super) mod effects;
pub(super) mod guard;
pub(super) mod prompts;
pub(super) mod skeleton;
pub(super) mod table;
