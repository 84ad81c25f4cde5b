//! What is known of order in rooms: their rules and locks.
//!
//! What is done with all this is in `moderation_commands`.

pub mod effects;
pub mod room_rules;
