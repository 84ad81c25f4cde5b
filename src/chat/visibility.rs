//! Whom a user sees.

use super::ids::UserId;
use super::name::Name;
use super::{Chat, Sender};

impl Chat {
    /// Finds a user by a name as typed, valid or not, if `viewer` sees them; returns the name as its owner spells
    /// it.
    pub(super) fn find_seen(&self, viewer: &Sender, typed: &str) -> Option<(UserId, Name)> {
        let found = self.directory.find_typed(typed)?;
        self.sees(viewer.user, found.0).then_some(found)
    }

    /// Whether `viewer` sees that `other` is here.
    pub(super) fn sees(&self, _viewer: UserId, _other: UserId) -> bool {
        true
    }
}
