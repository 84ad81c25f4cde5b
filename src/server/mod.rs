//! The server without the kernel: connections, their limits and deadlines, and the turn.
//!
//! Nothing here knows mio: a socket is a [`transport::Transport`], time is an argument. So a simulation
//! runs all of it from a seed. [`switchboard::Switchboard`] is the entrance; it owns the chat, the
//! `connection_table`, the `input` side and the `output` side, and lends them to each other for the
//! length of a `turn`.

mod admission;
mod connection;
mod connection_table;
mod copies;
mod input;
mod output;
mod pool;
mod position;
mod probes;
mod rate_limit;
mod read_half;
mod receipts;
mod send_queue;
pub mod switchboard;
mod timers;
pub mod transport;
mod turn;
mod write_half;
mod wrong_secrets;

use std::time::Duration;

/// How long a connection that the server ends may take to see that, before it is closed.
pub const LINGER_TIME: Duration = Duration::from_secs(1);

/// A bare CR ends the line of a client that never sends LF once nothing has come for so long. Longer than a
/// packet that was lost once takes, shorter than a person notices.
pub const BARE_CR_TIME: Duration = Duration::from_millis(200);

/// How long a client that says nothing waits for its greeting. A client that speaks is greeted before its
/// first answer: a browser or a TLS client, which speaks at once, is answered in its own protocol only.
/// First bytes come right behind the last packet of the handshake, so this need not be long, and no person
/// notices it.
pub const GREETING_TIME: Duration = Duration::from_millis(30);
