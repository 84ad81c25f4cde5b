//! The kernel: sockets, the poll, signals, descriptors. All of mio is here.
//!
//! [`event_loop::EventLoop::run`] is the loop. What it decides is decided in [`crate::server`], which
//! needs no kernel.

mod acceptor;
mod archive;
mod banner;
mod bans_file;
mod calendar;
pub mod error;
pub mod event_loop;
mod listener;
mod load_meter;
mod rlimit;
mod signals;
pub mod stream;
mod token;

pub use listener::activation::InheritedSockets;
pub use signals::allow_background_output;
