//! Order in rooms: who keeps it, what it does, and how it ends.

mod entering;
mod kept;
mod ranks;
mod removal;
mod speaking;
