//! Killed without a word, and started again.
