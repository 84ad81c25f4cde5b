//! The thread that writes the log, however long that takes.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;
use std::thread;

use chinwag::net::error::os_error_text;
use chinwag::wire::sanitize;
use log::Level;
use rustix::fs::OFlags;
use time::OffsetDateTime;

use super::TIME_FORMAT;
use super::queue::{Message, Shared, footprint_bytes};
use crate::journal::priority;
use crate::stderr::{RETRY_TIME, RetryWriter, print_stderr};

/// A log has addresses in it: the operator and the operator's group may read them.
const FILE_MODE: u32 = 0o640;

/// Opens a file to append to.
///
/// # Errors
/// Those of open(2), with a text of its own for a named pipe without a reader.
pub fn open(path: &Path) -> io::Result<File> {
    // Otherwise opening a named pipe waits for a reader, and a terminal can become the controlling one.
    let flags = (OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed();
    let file = OpenOptions::new()
        .create(true)
        .append(true)
        .mode(FILE_MODE)
        .custom_flags(flags)
        .open(path)
        .map_err(|error| match rustix::io::Errno::from_io_error(&error) {
            Some(rustix::io::Errno::NXIO) => io::Error::other("nobody reads from that pipe"),
            _ => error,
        })?;
    // The thread may block: waiting in a write beats asking again and again.
    let flags = rustix::fs::fcntl_getfl(&file)?;
    rustix::fs::fcntl_setfl(&file, flags - OFlags::NONBLOCK)?;
    Ok(file)
}

/// Writes queued lines, each whole.
pub struct Writer {
    sink: Box<dyn Write + Send>,
    /// Where to reopen it, if it is a file.
    path: Option<PathBuf>,
    /// The report of a failed reopening, to be written once no line is half written.
    pending_error: Option<String>,
    /// Lines go to systemd's journal, in its form.
    to_journal: bool,
    shared: Arc<Shared>,
}

impl Writer {
    /// A writer to an open file, or to standard error, which has no path.
    pub fn new(sink: File, path: Option<&Path>, to_journal: bool, shared: Arc<Shared>) -> Self {
        Self {
            sink: Box::new(RetryWriter(sink)),
            path: path.map(Path::to_owned),
            pending_error: None,
            to_journal,
            shared,
        }
    }

    /// Writes until it is told to finish.
    pub fn run(mut self, messages: &Receiver<Message>) {
        for message in messages {
            match message {
                Message::Line(line) => {
                    self.write(&line);
                    let bytes = footprint_bytes(&line);
                    self.shared
                        .waiting_bytes
                        .fetch_sub(bytes, Ordering::Relaxed);
                }
                Message::Gap(lost) => {
                    let lost = lost.swap(0, Ordering::Relaxed);
                    // Without a time stamp: the lines around it have one.
                    let level = if self.to_journal {
                        priority(Level::Warn)
                    } else {
                        "[WARN] "
                    };
                    let text =
                        format!("{level}the log could not keep up: {lost} lines were dropped\n");
                    self.write(text.as_bytes());
                }
                Message::Reopen => {
                    self.reopen_if_asked();
                }
                Message::Finish => return,
            }
            while let Some(text) = self.pending_error.take() {
                self.write(text.as_bytes());
            }
        }
    }

    /// Writes a line whole: after an error it goes on where the line was torn.
    fn write(&mut self, line: &[u8]) {
        let mut rest = line;
        while !rest.is_empty() {
            match self.sink.write(rest) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(0) | Err(_) => thread::park_timeout(RETRY_TIME),
                Ok(count) => rest = rest.get(count..).unwrap_or_default(),
            }
            if self.reopen_if_asked() && !rest.is_empty() {
                rest = line;
            }
        }
    }

    /// Reopens the file, if that was asked for. Returns whether there is a new one; otherwise the old one
    /// stays in use.
    fn reopen_if_asked(&mut self) -> bool {
        let Some(path) = &self.path else {
            return false;
        };
        if !self.shared.reopen.swap(false, Ordering::Relaxed) {
            return false;
        }
        match open(path) {
            Ok(file) => {
                self.sink = Box::new(RetryWriter(file));
                true
            }
            Err(error) => {
                let (path, why) = (
                    sanitize::clean(path.as_os_str().as_bytes()),
                    os_error_text(&error),
                );
                let text = format!("cannot log to {path}: {why}; going on as before");
                let time = OffsetDateTime::now_utc().format(TIME_FORMAT);
                let time = time.unwrap_or_default(); // the format suits every time of this clock
                self.pending_error = Some(format!("{time} [ERROR] {text}\n"));
                // The old file may have been moved away, out of sight.
                print_stderr(Level::Error, &format!("chinwag: {text}"));
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logging::queue::{LogQueue, WAITING_BYTES_MAX};
    use std::sync::mpsc::{self, Sender};

    /// A sink that gives these answers, from the last to the first, and takes everything after that.
    struct ThrottledSink {
        answers: Vec<io::Result<usize>>,
        text: Sender<Vec<u8>>,
    }

    impl Write for ThrottledSink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let count = match self.answers.pop() {
                Some(taken) => taken?.min(bytes.len()),
                None => bytes.len(),
            };
            let _ = self.text.send(bytes.iter().take(count).copied().collect());
            Ok(count)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// A writer's output for the queue, with a sink that gives these answers.
    fn written(
        answers: Vec<io::Result<usize>>,
        shared: Arc<Shared>,
        queued: &Receiver<Message>,
    ) -> String {
        written_to(None, false, answers, shared, queued)
    }

    fn written_to(
        path: Option<PathBuf>,
        to_journal: bool,
        answers: Vec<io::Result<usize>>,
        shared: Arc<Shared>,
        queued: &Receiver<Message>,
    ) -> String {
        let (text, taken) = mpsc::channel();
        let writer = Writer {
            sink: Box::new(ThrottledSink { answers, text }),
            path,
            pending_error: None,
            to_journal,
            shared,
        };
        writer.run(queued);
        String::from_utf8(taken.iter().flatten().collect()).unwrap_or_default()
    }

    fn lines(queue: &mut LogQueue, numbers: std::ops::Range<u32>) {
        for number in numbers {
            let text = "x".repeat(WAITING_BYTES_MAX / 4);
            writeln!(queue, "{number} {text}").ok();
        }
    }

    #[test]
    fn dropped_lines_are_counted_where_they_are_missing() {
        let (messages, queued) = mpsc::channel();
        let shared = Arc::new(Shared::default());
        let mut queue = LogQueue::new(messages, Arc::clone(&shared));
        lines(&mut queue, 0..10);
        // A line that fits ends one gap and begins another.
        writeln!(queue, "10").ok();
        lines(&mut queue, 11..13);
        drop(queue);
        let text = written(Vec::new(), Arc::clone(&shared), &queued).replace('x', "");
        let lost =
            |count| format!("[WARN] the log could not keep up: {count} lines were dropped\n");
        assert_eq!(text, format!("0 \n1 \n2 \n{}10\n{}", lost(7), lost(2)));
        assert_eq!(shared.waiting_bytes.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn dropped_lines_are_counted_in_the_journals_form() {
        let (messages, queued) = mpsc::channel();
        let shared = Arc::new(Shared::default());
        let mut queue = LogQueue::new(messages, Arc::clone(&shared));
        lines(&mut queue, 0..4);
        drop(queue);
        let text = written_to(None, true, Vec::new(), shared, &queued);
        let reported = text.lines().last();
        let lost = "<4>the log could not keep up: 1 lines were dropped";
        assert_eq!(reported, Some(lost));
    }

    #[test]
    fn line_torn_by_an_error_is_completed_before_the_next() {
        let (messages, queued) = mpsc::channel();
        let shared = Arc::new(Shared::default());
        let mut queue = LogQueue::new(messages, Arc::clone(&shared));
        writeln!(queue, "one").ok();
        writeln!(queue, "two").ok();
        drop(queue);
        let full = || Err(io::ErrorKind::StorageFull.into());
        let answers = vec![full(), Ok(2), Err(io::ErrorKind::Interrupted.into()), Ok(1)];
        assert_eq!(written(answers, shared, &queued), "one\ntwo\n");
    }

    #[test]
    fn failed_reopening_is_reported_between_lines_and_whole() {
        let (messages, queued) = mpsc::channel();
        let shared = Arc::new(Shared::default());
        let mut queue = LogQueue::new(messages, Arc::clone(&shared));
        writeln!(queue, "one").ok();
        writeln!(queue, "two").ok();
        drop(queue);
        shared.reopen.store(true, Ordering::Relaxed);
        // The report is due while the first line is torn, and is torn itself.
        let full = || Err(io::ErrorKind::StorageFull.into());
        let answers = vec![Ok(9), full(), Ok(3), Ok(2), Ok(1)];
        let text = written_to(
            Some("/dev/null/log".into()),
            false,
            answers,
            shared,
            &queued,
        );
        let lines: Vec<&str> = text.lines().collect();
        assert!(
            matches!(lines[..], ["one", report, "two"]
                if report.contains("Z [ERROR] cannot log to /dev/null/log: ")
                    && report.ends_with("; going on as before")),
            "{text}"
        );
    }
}
