//! A guest's silence, which follows the connection: there is nothing else that is theirs for sure.

use crate::chat::archive::UnixMs;
use crate::chat::name::Name;

use super::bans::Verdict;

/// A guest may not speak.
#[derive(Debug)]
pub struct Silence {
    pub why: Box<str>,
    /// `None` until it is undone.
    pub until: Option<UnixMs>,
    pub by: Name,
}

impl Silence {
    /// What the guest is told, while it holds.
    pub fn verdict(&self, unix_ms: UnixMs) -> Option<Verdict<'_>> {
        let holds = self.until.is_none_or(|until| unix_ms < until);
        holds.then_some(Verdict {
            why: &self.why,
            until: self.until,
            by: Some(&self.by),
        })
    }
}
