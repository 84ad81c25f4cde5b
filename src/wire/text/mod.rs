//! The words for people: plain mode shows them, and JSON mode carries them as `text`.
//!
//! The core decides on the content of a line; its wording is decided here.

pub mod accounts;
pub mod answer;
pub mod calls;
pub mod durations;
pub mod help;
pub mod history;
pub mod moderation;
pub mod notices;
pub mod operators;
pub mod people;
pub mod quote;
pub mod refusals;
pub mod replies;
pub mod rooms;
mod terms;

use std::fmt::{self, Display, Formatter};

/// This build's version.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

fn list<T: Display>(items: &[T], f: &mut Formatter<'_>) -> fmt::Result {
    for (place, item) in items.iter().enumerate() {
        if place > 0 {
            f.write_str(", ")?;
        }
        item.fmt(f)?;
    }
    Ok(())
}

/// Items with commas between them.
#[derive(Debug)]
pub struct Listed<'a, T>(pub &'a [T]);

impl<T: Display> Display for Listed<'_, T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        list(self.0, f)
    }
}

/// One of two words, by how many there are.
pub fn plural(count: usize, one: &'static str, many: &'static str) -> &'static str {
    if count == 1 { one } else { many }
}
