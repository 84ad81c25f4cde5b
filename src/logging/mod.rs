//! The log: simplelog's lines, written by a thread of their own.
//!
//! simplelog writes where it is called. A pipe that nobody reads or a full disk would stop the loop
//! there, so lines go to a [`queue`], and a [`writer`] thread does the waiting. A line that finds no room
//! in the queue is dropped and counted, and the count is logged where the gap is. A failed write is
//! retried until it succeeds. Where standard error is systemd's journal, [`journal`] formats the lines in
//! simplelog's place.

mod journal;
mod queue;
mod writer;

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::{self, Thread};

use log::LevelFilter;
use simplelog::{ConfigBuilder, FormatItem, WriteLogger};
use time::macros::format_description;

use crate::journal::has_stderr;
use crate::stderr::{FINISH_TIME, standard_error};
use journal::JournalLogger;
use queue::{LogQueue, Message, Shared};
use writer::Writer;

/// UTC, to the millisecond: nine digits would be noise.
const TIME_FORMAT: &[FormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");

/// mio logs each registration, which tells an operator nothing.
const IGNORED_TARGET: &str = "mio";

/// Keeps the log going; on drop, waits until what was logged is written.
#[derive(Debug)]
pub struct LogGuard {
    messages: Sender<Message>,
    finished: Receiver<()>,
    shared: Arc<Shared>,
    writer: Thread,
}

/// Starts logging to `file`, or to standard error.
///
/// # Errors
/// If the file cannot be opened, or the thread not be started.
pub fn start(level: LevelFilter, file: Option<&Path>) -> io::Result<LogGuard> {
    let sink = match file {
        Some(path) => writer::open(path)?,
        None => standard_error()?,
    };
    let (messages, waiting) = mpsc::channel();
    let (finish, finished) = mpsc::channel();
    let shared = Arc::new(Shared::default());
    let to_journal = file.is_none() && has_stderr();
    let writer = Writer::new(sink, file, to_journal, Arc::clone(&shared));
    let thread = thread::Builder::new()
        .name("log".to_owned())
        .spawn(move || {
            writer.run(&waiting);
            let _ = finish.send(()); // the guard may be gone
        })?;

    let queue = LogQueue::new(messages.clone(), Arc::clone(&shared));
    let started = if to_journal {
        JournalLogger::init(level, queue)
    } else {
        let config = ConfigBuilder::new()
            .set_time_format_custom(TIME_FORMAT)
            .set_thread_level(LevelFilter::Off)
            .set_target_level(LevelFilter::Debug)
            .set_location_level(LevelFilter::Off)
            .add_filter_ignore_str(IGNORED_TARGET)
            .build();
        WriteLogger::init(level, config, queue)
    };
    started.map_err(io::Error::other)?;
    Ok(LogGuard {
        messages,
        finished,
        shared,
        writer: thread.thread().clone(),
    })
}

impl LogGuard {
    /// Has the log file reopened soon, after it was moved away.
    pub fn reopen(&self) {
        // One message is enough while the writer is stuck with the old file.
        if !self.shared.reopen.swap(true, Ordering::Relaxed) {
            let _ = self.messages.send(Message::Reopen); // the writer outlives this
        }
        self.writer.unpark();
    }
}

impl Drop for LogGuard {
    fn drop(&mut self) {
        let _ = self.messages.send(Message::Finish); // the writer outlives this
        match self.finished.recv_timeout(FINISH_TIME) {
            Ok(()) | Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
        }
    }
}
