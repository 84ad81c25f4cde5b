//! What follows once the archive has answered a line or a history command.

use crate::chat::ids::LineId;

/// Once a line is kept. Small: there is one for each line that is not known to be kept.
#[derive(Debug)]
pub enum LineEffect {
    /// It is answered with its number.
    Kept {
        /// The number.
        id: LineId,
    },
}

impl LineEffect {
    /// Whether the answer does not depend on the archive, and only keeps its order.
    pub fn is_decided(&self) -> bool {
        match self {
            Self::Kept { .. } => false,
        }
    }
}

/// Once a change is kept.
#[derive(Debug)]
pub enum HistoryEffect {}

/// Once a question is answered.
#[derive(Debug)]
pub enum HistoryStep {}
