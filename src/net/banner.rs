//! The lines printed at start: where the daemon listens, and how to join by pasting.

use std::net::SocketAddr;

use super::listener::{Listener, displayed};

/// The lines for all listeners.
pub fn banner(listeners: &[Listener]) -> String {
    let each: Vec<String> = listeners.iter().map(of_listener).collect();
    each.join("\n")
}

fn of_listener(listener: &Listener) -> String {
    match listener {
        Listener::Tcp(_, address) => {
            let (host, port) = (host_to_paste(address), address.port());
            let warning = if address.ip().is_loopback() {
                ""
            } else {
                "\n  Other machines can connect, and the traffic is not encrypted."
            };
            format!(
                "chinwag listens on {address}. To join, paste one of these in a terminal:\n  \
                 nc {host} {port}\n  telnet {host} {port}{warning}"
            )
        }
        Listener::Unix(file, _) => {
            let path = displayed(file.path());
            format!(
                "chinwag listens on unix:{path}. To join, paste this in a terminal:\n  \
                 nc -U {path}"
            )
        }
    }
}

/// The host that reaches a listener at `address`.
fn host_to_paste(address: &SocketAddr) -> String {
    if address.ip().is_unspecified() {
        let node = rustix::system::uname();
        return node.nodename().to_string_lossy().into_owned();
    }
    address.ip().to_string()
}
