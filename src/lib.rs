//! A chat server for `nc`, `telnet` and pipes: one thread, one mio loop.
//!
//! ```text
//!            main        flags, log, exit code
//!              │
//!             net        sockets, poll, signals                     (mio)
//!              │ ╲
//!              │  store  accounts and history on the disk, threads  (SQLite)
//!              │      ╲
//!           server     │ connections, turns, limits, deadlines      (no kernel)
//!              │       │
//!            wire      │ bytes ↔ Command and Event                  (no sockets)
//!              │      ╱
//!            chat        who is here, who hears what                (pure)
//! ```
//!
//! Dependencies point downwards only; `store` knows of `chat` its plain values and the trait [`chat::archive::Archive`]. A message's way through is read in this order:
//! [`net::event_loop::EventLoop::run`], [`server::switchboard::Switchboard::turn`],
//! [`wire::codec::Codec::next`], [`chat::Chat::handle`], and the implementation of
//! [`chat::outbox::Outbox`] in `server::output::outbox`. `docs/architecture.md` tells why it is so.

#![cfg_attr(
    test,
    allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)
)]

pub mod chat;
pub mod config;
pub mod net;
pub mod server;
pub mod store;
pub mod wire;
