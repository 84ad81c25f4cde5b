//! Being called, and being told: mentions, receipts, and an operator's bridge.

mod bridge;
mod mentions;
mod receipts;
