//! What is kept: rooms, lines, what waits, pages, marks and forgetting, with an archive that is settled by hand.

mod forgetting;
mod lines;
mod mailbox;
mod pages;
mod rooms;
pub mod stage;
mod unread;
