//! Operators of the server: who is one, whom they keep out or silent, what they suspend and reset.

mod bans;
mod deeds;
mod published;
mod rights;
mod silence;
mod stage;
mod suspended;
