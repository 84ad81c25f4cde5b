//! Standard error without its lock, and without waiting for ever where nobody reads it.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use chinwag::wire::sanitize;
use log::Level;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::journal;

/// How long the start and the end of the process wait for standard error, and for the log.
pub const FINISH_TIME: Duration = Duration::from_secs(3);

/// How soon a failed write is tried again: files may be deleted on a full disk, or a pipe read again.
pub const RETRY_TIME: Duration = Duration::from_millis(500);

/// A pipe that has any room takes this much without waiting (`PIPE_BUF`, by POSIX).
const PIPE_PIECE_BYTES: usize = 512;

/// Prints lines for the operator, whatever the log's level. Where standard error is a pipe that nobody
/// reads, it waits no longer than [`FINISH_TIME`]. The level is for systemd's journal, and shown there only.
pub fn print_stderr(level: Level, text: &str) {
    let (finish, finished) = mpsc::channel();
    let start = if journal::has_stderr() {
        journal::priority(level)
    } else {
        ""
    };
    // A flag's value is quoted, and may not be the operator's own.
    let lines = text.lines().map(|line| sanitize::clean(line.as_bytes()));
    let text: String = lines
        .flat_map(|line| [start.into(), line, "\n".into()])
        .collect();
    let text = Arc::<str>::from(text);
    let its_text = Arc::clone(&text);
    let spawned = thread::Builder::new().spawn(move || {
        // A failure cannot be reported anywhere.
        let _ = match standard_error() {
            Ok(stderr) => RetryWriter(stderr).write_all(its_text.as_bytes()),
            // No descriptor is left, which may be the very news.
            Err(_) => io::stderr().write_all(its_text.as_bytes()),
        };
        let _ = finish.send(()); // likewise
    });
    if spawned.is_ok() {
        let _ = finished.recv_timeout(FINISH_TIME); // the thread goes on if it takes longer
    } else {
        let _ = print_without_a_thread(text.as_bytes()); // likewise
    }
}

/// Writes to standard error what there is room for in time, in pieces that a pipe with any room takes
/// without waiting.
fn print_without_a_thread(text: &[u8]) -> io::Result<()> {
    let mut stderr = standard_error()?;
    let give_up_at = Instant::now() + FINISH_TIME;
    for piece in text.chunks(PIPE_PIECE_BYTES) {
        let left = give_up_at.saturating_duration_since(Instant::now());
        if !wait_for_room(&stderr, left)? {
            break;
        }
        stderr.write_all(piece)?;
    }
    Ok(())
}

/// Waits until a file has room, or fails. Returns whether that happened in time.
fn wait_for_room(file: &File, time: Duration) -> io::Result<bool> {
    let time = Timespec::try_from(time).map_err(io::Error::other)?;
    let mut files = [PollFd::new(file, PollFlags::OUT)];
    Ok(poll(&mut files, Some(&time))? > 0)
}

/// Standard error without the standard library's lock: a thread that waits in a write would hold it and
/// stop all others.
///
/// # Errors
/// If no descriptor is left for a duplicate.
pub fn standard_error() -> io::Result<File> {
    io::stderr().as_fd().try_clone_to_owned().map(File::from)
}

/// A file whose writes wait for room even if it is non-blocking: standard error is shared, and any process
/// that has it can set that for all.
#[derive(Debug)]
pub struct RetryWriter(pub File);

impl Write for RetryWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.0.write(bytes) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                wait_for_room(&self.0, RETRY_TIME)?;
                Err(io::ErrorKind::Interrupted.into()) // the caller retries
            }
            written => written,
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::OFlags;
    use std::os::fd::OwnedFd;

    #[test]
    fn non_blocking_pipe_is_waited_for() {
        // Many pipefuls: with a pause of the retry time for each, it would take minutes.
        const BYTES: usize = 16 << 20;
        let tried = io::pipe().and_then(|(mut reader, writer)| {
            let writer = File::from(OwnedFd::from(writer));
            rustix::fs::fcntl_setfl(&writer, OFlags::NONBLOCK)?;
            let written = thread::spawn(move || RetryWriter(writer).write_all(&vec![b'x'; BYTES]));
            let read = io::copy(&mut reader, &mut io::sink())?;
            Ok((read, written.join().is_ok_and(|written| written.is_ok())))
        });
        assert_eq!(tried.ok(), Some((BYTES as u64, true)));
    }
}
