//! The server without the kernel: connections, their limits and deadlines, and the turn.
//!
//! Nothing here knows mio: a socket is a [`connection::Transport`], time is an argument. So a simulation
//! runs all of it from a seed. [`switchboard`] is the entrance.

mod admission;
pub mod connection;
mod connections;
mod deadlines;
mod egress;
mod intake;
mod outbound;
mod pace;
mod pool;
pub mod switchboard;

use std::time::Duration;

/// How long a connection that the server ends is given to see that, before it is taken away.
pub const LINGER_TIME: Duration = Duration::from_secs(1);

/// How long a client that says nothing waits for its greeting. One that speaks is greeted before
/// its first answer; so a browser or a TLS client, which speaks at once, is answered in its own
/// protocol and nothing else. Its first bytes come right behind the connection's last handshake
/// packet, so this need not be long, and nobody who types notices.
pub const GREETING_TIME: Duration = Duration::from_millis(30);
