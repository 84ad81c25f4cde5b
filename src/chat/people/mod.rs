//! What must be remembered of what people are to each other, and of what they show of themselves.
//!
//! What is done with it is in `people_commands`, and whom one sees in `visibility`.

pub mod effects;
pub mod privacy;
pub mod relations;
pub mod veiled;

use std::collections::HashSet;

use ahash::RandomState;

use super::ids::UserId;

use relations::Relations;
use veiled::Veiled;

/// All that must be remembered of people.
#[derive(Debug)]
pub(super) struct People {
    pub relations: Relations,
    pub veiled: Veiled,
    /// The users who are here, and whom not everybody sees.
    pub guarded: HashSet<UserId, RandomState>,
}

impl People {
    pub fn new(hasher: &RandomState) -> Self {
        Self {
            relations: Relations::new(hasher),
            veiled: Veiled::new(hasher),
            guarded: HashSet::with_hasher(hasher.clone()),
        }
    }
}
