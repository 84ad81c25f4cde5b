//! Sockets that clients connect to: how they are made, and what a stranger pastes to try them.

use std::borrow::Cow;
use std::fmt;
use std::fs::{self, File};
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use mio::net::{TcpListener, UnixListener};
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use socket2::{Domain, Protocol, SockAddr, SockRef, Socket, TcpKeepalive, Type};

use crate::chat::ids::Peer;
use crate::config::{Limits, ListenAddr};
use crate::wire::sanitize;

use super::StartError;
use super::stream::Stream;

/// As many connections wait to be accepted as the system allows: it cuts this to its own limit
/// (`net.core.somaxconn` on Linux).
const BACKLOG: i32 = i32::MAX;

/// How long one who starts waits for another who starts in the same folder. That takes less than a
/// millisecond; whoever holds the folder for longer is somebody else, and keeps nobody from starting.
const FOLDER_LOCK_TIME: Duration = Duration::from_secs(1);

/// How often a lock that somebody else has is tried.
const FOLDER_LOCK_INTERVAL: Duration = Duration::from_millis(1);

/// One listening socket.
#[derive(Debug)]
pub enum Listener {
    /// With the address really bound.
    Tcp(TcpListener, SocketAddr),
    /// With the file that is removed at the end: first of all, as the file of a socket that nobody
    /// listens at is anybody's, and may be a successor's by then.
    Unix(SocketFile, UnixListener),
}

/// A Unix socket's file, removed when this is dropped, unless another has taken its place.
#[derive(Debug)]
pub struct SocketFile {
    path: PathBuf,
    /// The file system and the file's number in it.
    identity: (u64, u64),
}

impl SocketFile {
    fn at(path: &Path) -> io::Result<Self> {
        let identity = identity(path)?;
        let path = path.to_owned();
        Ok(Self { path, identity })
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let removed = match identity(&self.path) {
            Ok(identity) if identity != self.identity => return,
            Ok(_) => fs::remove_file(&self.path),
            Err(error) => Err(error),
        };
        if let Err(error) = removed {
            log::warn!("cannot remove {}: {error}", shown(&self.path));
        }
    }
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    let file = fs::symlink_metadata(path)?;
    Ok((file.dev(), file.ino()))
}

/// A path as the log may have it: on one line, and with nothing that a terminal obeys.
fn shown(path: &Path) -> Cow<'_, str> {
    sanitize::clean(path.as_os_str().as_bytes())
}

impl fmt::Display for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(_, address) => address.fmt(f),
            Self::Unix(SocketFile { path, .. }, _) => write!(f, "unix:{}", shown(path)),
        }
    }
}

impl Listener {
    /// Listens at an address, or at each of those that its host name stands for.
    ///
    /// # Errors
    /// Says which address cannot be listened at, and why.
    pub fn bind(address: &ListenAddr, limits: &Limits) -> Result<Vec<Self>, StartError> {
        match address {
            ListenAddr::Unix(path) => {
                let (file, listener) = bind_unix(path).map_err(|source| StartError::Bind {
                    address: address.to_string(),
                    source,
                })?;
                Ok(vec![Self::Unix(file, listener)])
            }
            ListenAddr::Tcp { host, port } => bind_host(address, host, *port, limits),
        }
    }

    /// Takes one connection.
    ///
    /// # Errors
    /// Those of accept(2), `WouldBlock` if none waits.
    pub fn accept(&self, limits: &Limits) -> io::Result<(Stream, Peer)> {
        match self {
            Self::Tcp(listener, _) => {
                let (stream, address) = listener.accept()?;
                // Linux hands a listener's options on to what it accepts.
                if !cfg!(target_os = "linux") {
                    // What cannot be had was said of the listener.
                    set_options(&SockRef::from(&stream), limits, |_, _| {});
                }
                let address = SocketAddr::new(address.ip().to_canonical(), address.port());
                Ok((Stream::Tcp(stream), Peer::Tcp(address)))
            }
            Self::Unix(_, listener) => {
                let (stream, _) = listener.accept()?;
                // A listener's own size is not handed on. Without it all goes on, if less well.
                let _ = SockRef::from(&stream).set_send_buffer_size(UNIX_SEND_BYTES);
                Ok((Stream::Unix(stream), Peer::Unix))
            }
        }
    }

    /// What to tell who started the daemon: the address, and lines to paste.
    #[must_use]
    pub fn introduction(&self) -> String {
        match self {
            Self::Tcp(_, address) => {
                let host = paste_host(address);
                let port = address.port();
                let open = if address.ip().is_loopback() {
                    ""
                } else {
                    "\n  Other machines can connect, and the traffic is not encrypted."
                };
                format!(
                    "chinwag listens on {address}. To join, paste one of these in a terminal:\n  \
                     nc {host} {port}\n  telnet {host} {port}{open}"
                )
            }
            Self::Unix(SocketFile { path, .. }, _) => {
                let path = shown(path);
                format!(
                    "chinwag listens on unix:{path}. To join, paste this in a terminal:\n  \
                     nc -U {path}"
                )
            }
        }
    }
}

/// The host to connect to for who listens at `address`.
fn paste_host(address: &SocketAddr) -> String {
    if address.ip().is_unspecified() {
        return rustix::system::uname()
            .nodename()
            .to_string_lossy()
            .into_owned();
    }
    address.ip().to_string()
}

fn bind_host(
    address: &ListenAddr,
    host: &str,
    port: u16,
    limits: &Limits,
) -> Result<Vec<Listener>, StartError> {
    let failed = |source| StartError::Bind {
        address: address.to_string(),
        source,
    };
    let found = (host, port).to_socket_addrs().map_err(failed)?;
    bind_each(found, |found| bind_tcp(found, limits)).map_err(failed)
}

/// Listens once at each of the addresses that a name stands for, as far as this machine has them.
fn bind_each<T>(
    found: impl Iterator<Item = SocketAddr>,
    mut bind: impl FnMut(SocketAddr) -> io::Result<T>,
) -> io::Result<Vec<T>> {
    let (mut tried, mut listeners, mut unavailable) = (Vec::new(), Vec::new(), None);
    for found in found {
        // Two lines of the hosts file may say the same.
        if tried.contains(&found) {
            continue;
        }
        tried.push(found);
        match bind(found) {
            Ok(listener) => listeners.push(listener),
            Err(error) if is_not_of_this_machine(&error) => unavailable = Some(error),
            Err(error) => return Err(error),
        }
    }
    if listeners.is_empty() {
        let none = || io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        return Err(unavailable.unwrap_or_else(none));
    }
    Ok(listeners)
}

/// A name can stand for an address of a family that this machine does not have: there may be no such
/// address, or the kernel may not know the family at all.
fn is_not_of_this_machine(error: &io::Error) -> bool {
    let error = Errno::from_io_error(error);
    error.is_some_and(|error| [Errno::ADDRNOTAVAIL, Errno::AFNOSUPPORT].contains(&error))
}

fn bind_tcp(address: SocketAddr, limits: &Limits) -> io::Result<Listener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    if address.is_ipv6() {
        // So that 0.0.0.0 and [::] can be listened at together, whatever the system's default.
        socket.set_only_v6(true)?;
    }
    // So that a restart need not wait for the connections of the last run to be forgotten.
    socket.set_reuse_address(true)?;
    set_options(&SockRef::from(&socket), limits, |wish, error| {
        let (option, without) = (wish.option, wish.without);
        log::warn!("{address}: cannot set {option}: {error}; without it, {without}");
    });
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    let listener = TcpListener::from_std(socket.into());
    let bound = listener.local_addr()?;
    Ok(Listener::Tcp(listener, bound))
}

/// So many bytes the kernel takes beyond what it can send (`TCP_NOTSENT_LOWAT` in tcp(7)); it tells
/// of room once half of them are gone. By itself it takes 4 MiB from who writes to a reader that
/// stops, and then tells of room only when a third of that was read: of two readers who are far
/// behind, one would be closed for reading slowly, as if it read nothing.
#[cfg(target_os = "linux")]
const UNSENT_BYTES_MAX: u32 = 128 << 10;

/// So much the kernel is to keep for a Unix socket (Linux: twice that, bookkeeping included); it tells of
/// room once three quarters of it were read. By itself it keeps 200 KiB: then one who reads slowly looks
/// like one who does not.
const UNIX_SEND_BYTES: usize = 16 << 10;

/// What every connection is better off with. Some kernels lack some of it, such as those that
/// sandboxes bring: that is said, and no reason not to start.
struct Wish {
    option: &'static str,
    without: &'static str,
    set: fn(&SockRef<'_>, &Limits) -> io::Result<()>,
}

const WISHES: &[Wish] = &[
    // A line is a message: it must not wait for the next one to fill a segment.
    Wish {
        option: "TCP_NODELAY",
        without: "lines may come late",
        set: |socket, _| socket.set_tcp_nodelay(true),
    },
    // telnet marks its interrupt as urgent. Out of line, a byte would be missing from the stream.
    Wish {
        option: "SO_OOBINLINE",
        without: "telnet's interrupt spoils a line",
        set: |socket, _| socket.set_out_of_band_inline(true),
    },
    Wish {
        option: "SO_KEEPALIVE",
        without: "who vanishes without a word is there until something is written to them",
        set: |socket, limits| {
            let keepalive = TcpKeepalive::new().with_time(limits.keepalive_time);
            // Three questions without an answer.
            let keepalive = keepalive
                .with_interval(limits.keepalive_time / 6)
                .with_retries(3);
            socket.set_tcp_keepalive(&keepalive)
        },
    },
    #[cfg(target_os = "linux")]
    Wish {
        option: "TCP_USER_TIMEOUT",
        without: "who vanishes with output on the way is there for as long as the system retries",
        set: |socket, limits| socket.set_tcp_user_timeout(Some(limits.user_timeout)),
    },
    #[cfg(target_os = "linux")]
    Wish {
        option: "TCP_NOTSENT_LOWAT",
        without: "who is far behind and reads slowly may be closed as if they read nothing",
        set: |socket, _| socket.set_tcp_notsent_lowat(UNSENT_BYTES_MAX),
    },
];

/// Grants every wish that can be granted, and tells of the others.
fn set_options(socket: &SockRef<'_>, limits: &Limits, tell: impl Fn(&Wish, &io::Error)) {
    for wish in WISHES {
        if let Err(error) = (wish.set)(socket, limits) {
            tell(wish, &error);
        }
    }
}

fn bind_unix(path: &Path) -> io::Result<(SocketFile, UnixListener)> {
    let address = SockAddr::unix(path)?;
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    // Until it listens, its file looks like one that a daemon left behind; and of two who find one
    // of those, the later would remove the earlier's new one.
    let _lock = lock_folder(path);
    match socket.bind(&address) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            remove_if_stale(path)?;
            socket.bind(&address)?;
        }
        bound => bound?,
    }
    let file = SocketFile::at(path)?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok((file, UnixListener::from_std(socket.into())))
}

/// Keeps others who start out of the folder that `path` is in, if that can be done.
fn lock_folder(path: &Path) -> Option<File> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let folder = File::open(folder).ok()?;
    let give_up_at = Instant::now() + FOLDER_LOCK_TIME;
    loop {
        match flock(&folder, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Some(folder),
            Err(Errno::WOULDBLOCK | Errno::INTR) if Instant::now() < give_up_at => {
                thread::sleep(FOLDER_LOCK_INTERVAL);
            }
            Err(_) => return None,
        }
    }
}

/// Removes a socket file that nobody listens at any longer.
fn remove_if_stale(path: &Path) -> io::Result<()> {
    let in_use = |what| Err(io::Error::new(io::ErrorKind::AddrInUse, what));
    if !fs::symlink_metadata(path)?.file_type().is_socket() {
        return in_use("there is a file of that name, and it is no socket");
    }
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    // Who is stopped lets nobody in, but has a place for a few to wait in: behind those one would wait
    // until it goes on.
    socket.set_nonblocking(true)?;
    match socket.connect(&SockAddr::unix(path)?) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path),
        _ => in_use("another program listens there"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixStream as StdUnixStream;
    use std::sync::{Barrier, mpsc};

    #[test]
    fn of_those_who_find_a_file_left_behind_one_listens_and_keeps_its_place() {
        const RIVALS: usize = 4;
        const ROUNDS: usize = 300; // the race is lost in one of about twenty
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let begin = Barrier::new(RIVALS);
        for round in 0..ROUNDS {
            drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
            let start = Instant::now();
            let bind = || {
                begin.wait();
                bind_unix(&path).ok()
            };
            let bound: Vec<_> = thread::scope(|scope| {
                let rivals: Vec<_> = (0..RIVALS).map(|_| scope.spawn(bind)).collect();
                let ended = rivals.into_iter().map(|rival| rival.join().unwrap());
                ended.flatten().collect()
            });
            // Nobody waits any longer for one who stands still with the folder's lock.
            if start.elapsed() >= FOLDER_LOCK_TIME {
                drop(bound);
                let _ = fs::remove_file(&path);
                continue;
            }
            assert_eq!(bound.len(), 1, "listen, in round {round}");
            assert!(StdUnixStream::connect(&path).is_ok());
            drop(bound);
            assert!(!path.exists());
        }
    }

    #[test]
    fn an_address_that_a_name_has_twice_is_listened_at_once() {
        let found = ["127.0.0.1:1", "[::1]:1", "127.0.0.1:1"];
        let found = found.map(|address| address.parse().unwrap());
        assert_eq!(bind_each(found.into_iter(), Ok).unwrap(), found[..2]);
    }

    #[test]
    fn a_family_that_this_machine_lacks_does_not_keep_a_name_from_being_listened_at() {
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

    #[test]
    fn a_folder_that_somebody_else_holds_keeps_nobody_from_starting() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let _held = lock_folder(&path).unwrap();
        assert!(bind_unix(&path).is_ok());
    }
    #[test]
    fn a_daemon_that_lets_nobody_in_is_in_the_way_and_is_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let address = SockAddr::unix(&path).unwrap();
        let new_socket = || Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
        let stopped = new_socket();
        stopped.bind(&address).unwrap();
        stopped.listen(0).unwrap();
        let mut waiting = Vec::new();
        loop {
            let client = new_socket();
            client.set_nonblocking(true).unwrap();
            if client.connect(&address).is_err() {
                break;
            }
            waiting.push(client);
        }
        let (tell, told) = mpsc::channel();
        let its_path = path.clone();
        thread::spawn(move || tell.send(bind_unix(&its_path).map(drop)));
        let bound = told
            .recv_timeout(Duration::from_secs(10))
            .expect("an answer");
        assert_eq!(bound.unwrap_err().kind(), io::ErrorKind::AddrInUse);
        assert!(path.exists());
    }
}
