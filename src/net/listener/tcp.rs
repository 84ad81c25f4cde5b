//! Listening at a TCP address, or at each address that a host name stands for.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener as StdTcpListener, ToSocketAddrs};
use std::os::fd::AsFd;

use mio::net::TcpListener;
use rustix::io::Errno;
use socket2::{Domain, Protocol, SockRef, Socket, Type};

use crate::config::Limits;

use super::BACKLOG;
use super::options::set_options;

/// Listens at each address of a host.
///
/// # Errors
/// Those of the resolver and of bind(2).
pub fn bind_host(
    host: &str,
    port: u16,
    limits: &Limits,
) -> io::Result<Vec<(TcpListener, SocketAddr)>> {
    let resolved = (host, port).to_socket_addrs()?;
    bind_each(resolved, |address| bind(address, limits))
}

/// Binds each address once, and skips those of families that this machine lacks.
fn bind_each<T>(
    resolved: impl Iterator<Item = SocketAddr>,
    mut bind: impl FnMut(SocketAddr) -> io::Result<T>,
) -> io::Result<Vec<T>> {
    let (mut tried, mut listeners, mut unavailable) = (Vec::new(), Vec::new(), None);
    for address in resolved {
        // The hosts file may have a line twice.
        if tried.contains(&address) {
            continue;
        }
        tried.push(address);
        match bind(address) {
            Ok(listener) => listeners.push(listener),
            Err(error) if is_not_on_this_machine(&error) => unavailable = Some(error),
            Err(error) => return Err(error),
        }
    }
    if listeners.is_empty() {
        let none = || io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        return Err(unavailable.unwrap_or_else(none));
    }
    Ok(listeners)
}

/// The machine has no such address, or the kernel lacks its family.
fn is_not_on_this_machine(error: &io::Error) -> bool {
    let error = Errno::from_io_error(error);
    error.is_some_and(|error| [Errno::ADDRNOTAVAIL, Errno::AFNOSUPPORT].contains(&error))
}

/// The name of a network interface, or its number if it has none.
pub fn interface_name(socket: impl AsFd, index: u32) -> String {
    #[cfg(target_os = "linux")]
    if let Ok(name) = rustix::net::netdevice::index_to_name(&socket, index) {
        return name;
    }
    let _ = socket; // other systems name it by other calls
    index.to_string()
}

/// An address of one link, without the link.
fn lacks_interface(address: &SocketAddr) -> bool {
    matches!(address, SocketAddr::V6(v6) if v6.ip().is_unicast_link_local() && v6.scope_id() == 0)
}

fn bind(address: SocketAddr, limits: &Limits) -> io::Result<(TcpListener, SocketAddr)> {
    // A socket for IPv6 alone takes no IPv4 address, however it is written.
    let address = match address.ip().to_canonical() {
        ip @ IpAddr::V4(_) => SocketAddr::new(ip, address.port()),
        IpAddr::V6(_) => address,
    };
    if lacks_interface(&address) {
        let what = "a link-local address needs its interface, as in [fe80::1%eth0]:PORT";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, what));
    }
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    if address.is_ipv6() {
        // 0.0.0.0 and [::] can then be bound together, whatever the system's default.
        socket.set_only_v6(true)?;
    }
    // A restart need not wait until the last run's connections leave TIME_WAIT.
    socket.set_reuse_address(true)?;
    tune(&SockRef::from(&socket), &address, limits);
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    let listener = TcpListener::from_std(socket.into());
    let bound = listener.local_addr()?;
    Ok((listener, bound))
}

/// Takes over a listening socket of another process.
///
/// # Errors
/// Those of fcntl(2) and getsockname(2).
pub fn adopt(socket: StdTcpListener, limits: &Limits) -> io::Result<(TcpListener, SocketAddr)> {
    let address = socket.local_addr()?;
    tune(&SockRef::from(&socket), &address, limits);
    socket.set_nonblocking(true)?;
    Ok((TcpListener::from_std(socket), address))
}

fn tune(socket: &SockRef<'_>, address: &SocketAddr, limits: &Limits) {
    set_options(socket, limits, |option, error| {
        let (name, without) = (option.name, option.without);
        log::warn!("{address}: cannot set {name}: {error}; without it, {without}");
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_listed_twice_is_bound_once() {
        let found = ["127.0.0.1:1", "[::1]:1", "127.0.0.1:1"];
        let found = found.map(|address| address.parse().unwrap());
        assert_eq!(bind_each(found.into_iter(), Ok).unwrap(), found[..2]);
    }

    #[test]
    fn family_that_the_machine_lacks_is_skipped() {
        let found: [SocketAddr; 2] = ["[::1]:1", "127.0.0.1:1"].map(|text| text.parse().unwrap());
        for errno in [Errno::AFNOSUPPORT, Errno::ADDRNOTAVAIL] {
            let bind = |address: SocketAddr| match address {
                SocketAddr::V4(_) => Ok(address),
                SocketAddr::V6(_) => Err(io::Error::from(errno)),
            };
            assert_eq!(bind_each(found.into_iter(), bind).unwrap(), found[1..]);
            let error = bind_each(found.into_iter().take(1), bind).unwrap_err();
            assert_eq!(Errno::from_io_error(&error), Some(errno));
        }
        let in_use = |_| Err::<(), _>(io::Error::from(Errno::ADDRINUSE));
        assert!(bind_each(found.into_iter(), in_use).is_err());
    }
}
