//! Socket options that every TCP connection gets.

use std::io;

use socket2::{SockRef, TcpKeepalive};

use crate::config::Limits;

/// Unsent bytes that the kernel queues at most (`TCP_NOTSENT_LOWAT` in tcp(7)); it reports room once
/// half of them are sent. Its default is 4 MiB, with room reported after a third of that: a slow
/// reader that is far behind would look as if it read nothing.
#[cfg(target_os = "linux")]
const UNSENT_BYTES_MAX: u32 = 128 << 10;

/// An option that every connection is better off with. Kernels of sandboxes lack some: that is
/// logged, and no reason not to start.
pub struct SocketOption {
    /// As setsockopt(2) calls it.
    pub name: &'static str,
    /// The consequence of a kernel without it, for the log.
    pub without: &'static str,
    set: fn(&SockRef<'_>, &Limits) -> io::Result<()>,
}

const OPTIONS: &[SocketOption] = &[
    // A line is a message: it must not wait for the next one to fill a segment.
    SocketOption {
        name: "TCP_NODELAY",
        without: "lines may come late",
        set: |socket, _| socket.set_tcp_nodelay(true),
    },
    // telnet sends its interrupt as urgent data: out of line, a byte would be missing from the stream.
    SocketOption {
        name: "SO_OOBINLINE",
        without: "telnet's interrupt spoils a line",
        set: |socket, _| socket.set_out_of_band_inline(true),
    },
    SocketOption {
        name: "SO_KEEPALIVE",
        without: "who vanishes without a word is there until something is written to them",
        set: |socket, limits| {
            let keepalive = TcpKeepalive::new().with_time(limits.keepalive_time);
            // Dead after three unanswered probes.
            let keepalive = keepalive
                .with_interval(limits.keepalive_interval())
                .with_retries(3);
            socket.set_tcp_keepalive(&keepalive)
        },
    },
    #[cfg(target_os = "linux")]
    SocketOption {
        name: "TCP_USER_TIMEOUT",
        without: "who vanishes with output on the way is there for as long as the system retries",
        set: |socket, limits| socket.set_tcp_user_timeout(Some(limits.user_timeout)),
    },
    #[cfg(target_os = "linux")]
    SocketOption {
        name: "TCP_NOTSENT_LOWAT",
        without: "who is far behind and reads slowly may be closed as if they read nothing",
        set: |socket, _| socket.set_tcp_notsent_lowat(UNSENT_BYTES_MAX),
    },
];

/// Sets every option, and reports those that fail.
pub fn set_options(
    socket: &SockRef<'_>,
    limits: &Limits,
    report: impl Fn(&SocketOption, &io::Error),
) {
    for option in OPTIONS {
        if let Err(error) = (option.set)(socket, limits) {
            report(option, &error);
        }
    }
}
