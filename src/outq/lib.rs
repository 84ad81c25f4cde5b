//! How many bytes of a socket its peer has not acknowledged: the one system call that the daemon needs
//! and that no kept crate offers safely. A package of its own, as the daemon's forbids `unsafe`.

use std::io;
use std::os::fd::AsFd;

/// Bytes that were written to a TCP socket, and that its peer has not acknowledged: sent or not
/// (`SIOCOUTQ`, tcp(7)). An end that was told to the peer counts as one byte. The number stands still once
/// the connection is reset, and until the socket is closed.
///
/// # Errors
/// Those of ioctl(2): the socket listens, or is none.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub fn unacknowledged_bytes(socket: impl AsFd) -> io::Result<usize> {
    use rustix::ioctl::{Getter, Opcode, ioctl};

    // `SIOCOUTQ` has the number of the older `TIOCOUTQ` (linux/sockios.h).
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a request has 32 bits, whatever type it is declared with"
    )]
    const SIOCOUTQ: Opcode = libc::TIOCOUTQ as Opcode;
    // SAFETY: for this request the kernel writes one `int`, for a socket as for a terminal.
    let request = unsafe { Getter::<SIOCOUTQ, libc::c_int>::new() };
    // SAFETY: as above; other files refuse the request, and the request owns the integer that is written.
    let bytes = unsafe { ioctl(socket, request) }?;
    Ok(usize::try_from(bytes).unwrap_or_default())
}

/// This system does not tell.
///
/// # Errors
/// Always `Unsupported`.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub fn unacknowledged_bytes(_socket: impl AsFd) -> io::Result<usize> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use std::fs::File;
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};
    use std::thread;
    use std::time::{Duration, Instant};

    fn pair() -> io::Result<(TcpStream, TcpStream)> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let client = TcpStream::connect(listener.local_addr()?)?;
        Ok((client, listener.accept()?.0))
    }

    #[test]
    fn bytes_are_acknowledged_once_the_peer_has_them() -> io::Result<()> {
        let (mut client, mut server) = pair()?;
        assert_eq!(unacknowledged_bytes(&server)?, 0);
        server.write_all(b"hello")?;
        client.read_exact(&mut [0; 5])?;
        // An acknowledgement may be delayed.
        let deadline = Instant::now() + Duration::from_secs(10);
        while unacknowledged_bytes(&server)? > 0 {
            assert!(Instant::now() < deadline, "never acknowledged");
            thread::yield_now();
        }
        Ok(())
    }

    #[test]
    fn bytes_to_a_full_peer_are_counted() -> io::Result<()> {
        let (client, mut server) = pair()?;
        server.set_nonblocking(true)?;
        let mut written = 0;
        while let Ok(bytes) = server.write(&[0; 4096]) {
            written += bytes;
        }
        let unacknowledged = unacknowledged_bytes(&server)?;
        assert!((1..=written).contains(&unacknowledged), "{unacknowledged}");
        drop(client);
        Ok(())
    }

    #[test]
    fn bytes_after_the_peer_has_closed_stay_counted() -> io::Result<()> {
        let (client, mut server) = pair()?;
        drop(client);
        server.read_exact(&mut [0]).unwrap_err();
        server.write_all(b"lost")?;
        // The reset that answers them, on the loopback, is there before the write returns.
        assert_eq!(unacknowledged_bytes(&server)?, 4);
        Ok(())
    }

    #[test]
    fn file_that_is_no_socket_is_an_error() -> io::Result<()> {
        assert!(unacknowledged_bytes(File::open("/dev/null")?).is_err());
        Ok(())
    }
}
