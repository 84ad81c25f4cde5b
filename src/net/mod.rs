//! The kernel: sockets, the poll, signals, descriptors. All of mio is here.
//!
//! [`event_loop::Server::run`] is the loop. What it decides is decided in [`crate::server`], which needs
//! no kernel.

mod acceptor;
pub mod event_loop;
mod listener;
mod load_meter;
pub mod stream;
