//! Listening at a path: the socket's file, the lock on its folder, and files left by a dead daemon.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::UnixListener as StdUnixListener;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use mio::net::UnixListener;
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use socket2::{Domain, SockAddr, SockRef, Socket, Type};

use super::{BACKLOG, displayed};

/// How long a starting daemon waits for another one that starts in the same folder. Starting takes
/// less than a millisecond: a lock held longer is another program's, and is no reason not to start.
const FOLDER_LOCK_TIME: Duration = Duration::from_secs(1);

/// How often a lock that is held is tried.
const FOLDER_LOCK_INTERVAL: Duration = Duration::from_millis(1);

/// The kernel's buffer for a Unix socket (Linux doubles it, for bookkeeping); it reports room once
/// three quarters were read. With its default of 200 KiB a slow reader would look like one that stalls.
pub const SEND_BUFFER_BYTES: usize = 16 << 10;

/// A Unix socket's file. One that was made here is removed on drop, unless another file has taken its place.
#[derive(Debug)]
pub struct SocketFile {
    path: PathBuf,
    /// Device and inode; none if another process made it.
    identity: Option<(u64, u64)>,
}

impl SocketFile {
    fn at(path: &Path) -> io::Result<Self> {
        let identity = Some(identity(path)?);
        // The path that is told and logged holds in any folder.
        let path = match std::path::absolute(path) {
            Ok(absolute) if SockAddr::unix(&absolute).is_ok() => absolute,
            _ => path.to_owned(), // too long for a socket
        };
        Ok(Self { path, identity })
    }

    /// Whether it was made here, and not by a process that passed the socket.
    pub fn is_own(&self) -> bool {
        self.identity.is_some()
    }

    /// Where it is; an abstract name begins with `@`.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let Some(made) = self.identity else {
            return;
        };
        let removed = match identity(&self.path) {
            Ok(identity) if identity != made => return,
            Ok(_) => fs::remove_file(&self.path),
            Err(error) => Err(error),
        };
        if let Err(error) = removed {
            log::warn!("cannot remove {}: {error}", displayed(&self.path));
        }
    }
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    let file = fs::symlink_metadata(path)?;
    Ok((file.dev(), file.ino()))
}

/// Listens at `path`, whose file may be left over from a daemon that is gone.
///
/// # Errors
/// Those of bind(2), `AddrInUse` with a reason if another program listens there.
pub fn bind(path: &Path) -> io::Result<(SocketFile, UnixListener)> {
    let address = SockAddr::unix(path)?;
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    // Between bind and listen the file looks stale: without the lock, a second daemon that starts
    // could remove it.
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

/// Takes over a listening socket of another process, which keeps its file.
///
/// # Errors
/// Those of fcntl(2) and getsockname(2).
pub fn adopt(socket: StdUnixListener) -> io::Result<(SocketFile, UnixListener)> {
    let address = SockRef::from(&socket).local_addr()?;
    let abstract_name = || {
        let name = [b"@", address.as_abstract_namespace()?].concat();
        Some(PathBuf::from(OsString::from_vec(name)))
    };
    let path = address.as_pathname().map(Path::to_owned);
    let path = path.or_else(abstract_name).unwrap_or_default();
    socket.set_nonblocking(true)?;
    let identity = None;
    Ok((
        SocketFile { path, identity },
        UnixListener::from_std(socket),
    ))
}

/// Keeps other starting daemons out of the folder of `path`, as far as it can be locked.
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

/// Removes a socket file that no process listens at.
fn remove_if_stale(path: &Path) -> io::Result<()> {
    let in_use = |what| Err(io::Error::new(io::ErrorKind::AddrInUse, what));
    if !fs::symlink_metadata(path)?.file_type().is_socket() {
        return in_use("there is a file of that name, and it is no socket");
    }
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    // A stopped daemon accepts nothing: once its queue is full, a blocking connect would hang.
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
    fn stale_file_goes_to_one_rival_that_keeps_its_place() {
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
                bind(&path).ok()
            };
            let bound: Vec<_> = thread::scope(|scope| {
                let rivals: Vec<_> = (0..RIVALS).map(|_| scope.spawn(bind)).collect();
                let ended = rivals.into_iter().map(|rival| rival.join().unwrap());
                ended.flatten().collect()
            });
            // A rival held up with the lock makes the others give up their wait, which is not under test.
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
    fn locked_folder_does_not_stop_the_start() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let _held = lock_folder(&path).unwrap();
        assert!(bind(&path).is_ok());
    }

    #[test]
    fn stopped_daemon_is_in_the_way_and_is_not_waited_for() {
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
        thread::spawn(move || tell.send(bind(&its_path).map(drop)));
        let bound = told
            .recv_timeout(Duration::from_secs(10))
            .expect("an answer");
        assert_eq!(bound.unwrap_err().kind(), io::ErrorKind::AddrInUse);
        assert!(path.exists());
    }
}
