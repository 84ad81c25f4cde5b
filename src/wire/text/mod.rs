//! The words for people. What a line is about is decided in the core; how it is said, here.
//!
//! Plain mode shows these lines, and JSON mode carries them as `text`.

pub mod notices;
pub mod replies;
