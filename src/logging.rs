//! The log: simplelog's lines, written by a thread of their own.
//!
//! simplelog writes where it is called. A pipe that nobody reads or a full disk would stop the loop
//! there, so what it writes goes to a bounded queue, and a thread does the waiting. What does not
//! fit in the queue is dropped and counted, and the count is logged when there is room again.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender, TrySendError};
use std::thread;
use std::time::Duration;

use log::LevelFilter;
use simplelog::{ConfigBuilder, FormatItem, WriteLogger};
use time::macros::format_description;

/// So many lines wait to be written: a burst of ten thousand clients leaving fits.
const LINES_WAITING_MAX: usize = 16_384;

/// How long the end of the process waits for the log to be written.
const FINISH_TIME: Duration = Duration::from_secs(1);

/// UTC, to the millisecond: nine digits would be noise.
const TIME_FORMAT: &[FormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");

enum Message {
    Line(Vec<u8>),
    Finish,
}

/// Sees to it, when dropped, that what was logged is written.
pub struct LogGuard {
    lines: SyncSender<Message>,
    finished: Receiver<()>,
}

/// Starts logging to `file`, or to standard error.
///
/// # Errors
/// If the file cannot be opened, or the thread not be started.
pub fn start(level: LevelFilter, file: Option<&Path>) -> io::Result<LogGuard> {
    let sink: Box<dyn Write + Send> = match file {
        Some(path) => Box::new(OpenOptions::new().create(true).append(true).open(path)?),
        None => Box::new(io::stderr()),
    };
    let (lines, waiting) = mpsc::sync_channel(LINES_WAITING_MAX);
    let (finish, finished) = mpsc::channel();
    let dropped = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&dropped);
    thread::Builder::new()
        .name("log".to_owned())
        .spawn(move || {
            write_lines(&waiting, sink, &counter);
            let _ = finish.send(()); // nobody waits any longer
        })?;

    let config = ConfigBuilder::new()
        .set_time_format_custom(TIME_FORMAT)
        .set_thread_level(LevelFilter::Off)
        .set_target_level(LevelFilter::Debug)
        .set_location_level(LevelFilter::Off)
        // Its own lines are about every socket, and tell an operator nothing.
        .add_filter_ignore_str("mio")
        .build();
    let queue = Queue {
        lines: lines.clone(),
        line: Vec::new(),
        dropped,
    };
    WriteLogger::init(level, config, queue).map_err(io::Error::other)?;
    Ok(LogGuard { lines, finished })
}

impl Drop for LogGuard {
    fn drop(&mut self) {
        // A full queue means a reader that does not read: then there is nothing to wait for.
        if self.lines.try_send(Message::Finish).is_ok() {
            match self.finished.recv_timeout(FINISH_TIME) {
                Ok(()) | Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
            }
        }
    }
}

fn write_lines(waiting: &Receiver<Message>, mut sink: Box<dyn Write + Send>, dropped: &AtomicU64) {
    while let Ok(Message::Line(line)) = waiting.recv() {
        let lost = dropped.swap(0, Ordering::Relaxed);
        if lost > 0 {
            // The log's own trouble has no time stamp: the lines around it have.
            let _ = writeln!(
                sink,
                "[WARN] the log could not keep up: {lost} lines were dropped"
            );
        }
        if sink.write_all(&line).is_err() {
            dropped.fetch_add(1 + lost, Ordering::Relaxed);
        }
    }
}

/// Gathers the pieces that simplelog writes into lines, and queues those.
struct Queue {
    lines: SyncSender<Message>,
    line: Vec<u8>,
    dropped: Arc<AtomicU64>,
}

impl Write for Queue {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.line.extend_from_slice(bytes);
        if self.line.ends_with(b"\n") {
            let line = Message::Line(std::mem::take(&mut self.line));
            match self.lines.try_send(line) {
                Ok(()) => {}
                Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                    self.dropped.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A sink that takes nothing until it is told to.
    struct Gate {
        open: Receiver<()>,
        text: mpsc::Sender<String>,
    }

    impl Write for Gate {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _ = self.open.recv();
            let _ = self.text.send(String::from_utf8_lossy(bytes).into_owned());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_does_not_read_stops_nobody_and_what_is_lost_is_counted() {
        let (lines, waiting) = mpsc::sync_channel(2);
        let (unlock, open) = mpsc::channel();
        let (text, written) = mpsc::channel();
        let dropped = Arc::new(AtomicU64::new(0));
        let mut queue = Queue {
            lines,
            line: Vec::new(),
            dropped: Arc::clone(&dropped),
        };
        for number in 0..10 {
            queue
                .write_all(b"line ")
                .and_then(|()| writeln!(queue, "{number}"))
                .ok();
        }
        assert_eq!(dropped.load(Ordering::Relaxed), 8);
        let counter = Arc::clone(&dropped);
        let writer =
            thread::spawn(move || write_lines(&waiting, Box::new(Gate { open, text }), &counter));
        for _ in 0..64 {
            unlock.send(()).ok();
        }
        drop(queue);
        writer.join().ok();
        let all: String = written.iter().collect();
        assert!(
            all.contains("8 lines were dropped\nline 0\nline 1\n"),
            "{all}"
        );
    }
}
