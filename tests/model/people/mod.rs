//! What people are to each other, and those whom not everybody sees.

mod blocks;
mod friends;
mod hidden;
mod privacy;
mod stage;
mod table;
