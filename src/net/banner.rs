//! The lines printed at start: where the daemon listens, and what to paste to join. Each pasted line works on
//! this machine as it is, whatever its names resolve to.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::listener::{Listener, displayed};

/// Addresses of no machine (RFC 5737, RFC 3849): the way to them is the way to other networks.
const ELSEWHERE_V4: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 1);
const ELSEWHERE_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);

/// The lines for all listeners.
pub fn banner(listeners: &[Listener]) -> String {
    let each: Vec<String> = listeners.iter().map(of_listener).collect();
    each.join("\n")
}

/// Whether passwords may come from other machines, if those can connect.
pub fn passwords(listeners: &[Listener], plain: bool) -> &'static str {
    let is_outward = |listener: &Listener| matches!(listener, Listener::Tcp(_, address) if !address.ip().is_loopback());
    match (listeners.iter().any(is_outward), plain) {
        (false, _) => "",
        (true, true) => "\n  It takes passwords from other machines, unencrypted as they are.",
        (true, false) => {
            "\n  It takes no passwords from other machines, as they would not be encrypted."
        }
    }
}

fn of_listener(listener: &Listener) -> String {
    match listener {
        Listener::Tcp(_, address) => {
            let (host, port) = (host_here(listener, address), address.port());
            format!(
                "chinwag listens on {listener}. To join, paste one of these in a terminal:\n  \
                 nc {host} {port}\n  telnet {host} {port}{}",
                for_other_machines(address)
            )
        }
        Listener::Unix(file, _) => match quoted(file.path()) {
            Some(path) => format!(
                "chinwag listens on {listener}. To join, paste this in a terminal:\n  \
                 nc -U {path}{}",
                for_operators(file.is_own())
            ),
            None => format!(
                "chinwag listens on {listener}. To join, connect to it; its path has characters \
                 that cannot be pasted{}",
                for_operators(file.is_own())
            ),
        },
    }
}

/// The line for operators: only clients of a socket that was made here are told apart by their users.
fn for_operators(is_own: bool) -> &'static str {
    if is_own && cfg!(target_os = "linux") {
        "\n  Who connects there as the daemon's user, or root, is an operator."
    } else {
        ""
    }
}

/// The host that reaches a listener from this machine. A name would not do: `localhost`, or the machine's own,
/// may stand for another address family, or for nothing.
fn host_here(listener: &Listener, address: &SocketAddr) -> String {
    match address.ip() {
        ip if !ip.is_unspecified() => listener.host().unwrap_or_else(|| ip.to_string()),
        IpAddr::V4(_) => Ipv4Addr::LOCALHOST.to_string(),
        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.to_string(),
    }
}

fn for_other_machines(address: &SocketAddr) -> String {
    let ip = address.ip();
    if ip.is_loopback() {
        return String::new();
    }
    let warning = "\n  Other machines can connect, and the traffic is not encrypted.";
    match outward_address(ip) {
        Ok(outward) if ip.is_unspecified() && is_for_others(outward) => {
            format!("{warning} From there:\n  nc {outward} {}", address.port())
        }
        _ => warning.to_owned(),
    }
}

/// This machine's address on the way to other networks, which the kernel knows without asking anybody: a UDP
/// socket that is connected sends nothing.
fn outward_address(ip: IpAddr) -> io::Result<IpAddr> {
    let elsewhere = match ip {
        IpAddr::V4(_) => ELSEWHERE_V4.into(),
        IpAddr::V6(_) => ELSEWHERE_V6.into(),
    };
    let socket = UdpSocket::bind((ip, 0))?;
    socket.connect(SocketAddr::new(elsewhere, 1))?;
    Ok(socket.local_addr()?.ip())
}

fn is_for_others(ip: IpAddr) -> bool {
    let is_link_local = matches!(ip, IpAddr::V6(ip) if ip.is_unicast_link_local());
    !ip.is_unspecified() && !ip.is_loopback() && !is_link_local
}

/// A path as a shell takes it, unless it would not be printed as it is.
fn quoted(path: &Path) -> Option<String> {
    let shown = displayed(path);
    (shown.as_bytes() == path.as_os_str().as_bytes())
        .then(|| shlex::try_quote(&shown).ok().map(String::from))
        .flatten()
}
