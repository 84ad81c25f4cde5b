//! What operators did: kept, and shown to operators.

use crate::chat::Chat;
use crate::chat::archive::{Archive, Change, Deed};

impl Chat {
    /// Has a deed kept. It is done already: that it cannot be kept undoes nothing.
    pub(in crate::chat) fn record_deed(&mut self, deed: Deed, archive: &mut dyn Archive) {
        let _ = archive.change(Change::Record(deed));
    }
}
