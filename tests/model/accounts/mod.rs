//! Accounts, with an archive that is settled by hand.

mod changes;
mod logins;
mod names;
mod races;
mod stage;
mod tokens;
