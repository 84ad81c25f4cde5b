//! Whose process is at the other end of a Unix socket.

use std::os::fd::AsFd;

/// Whether the peer runs as this process's own user, or as root: who can end this process, or read its files,
/// can just as well keep order in it.
#[cfg(target_os = "linux")]
pub fn is_operators(stream: impl AsFd) -> bool {
    rustix::net::sockopt::socket_peercred(stream)
        .is_ok_and(|peer| peer.uid.is_root() || peer.uid == rustix::process::geteuid())
}

/// Of other systems it is not known.
#[cfg(not(target_os = "linux"))]
pub fn is_operators(_: impl AsFd) -> bool {
    false
}
