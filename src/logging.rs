//! The log: simplelog's lines, written by a thread of their own.
//!
//! simplelog writes where it is called. A pipe that nobody reads or a full disk would stop the loop
//! there, so what it writes goes to a queue, and a thread does the waiting. What finds no room in the
//! queue is dropped and counted, and the count is logged where the gap is, as soon as there is
//! somewhere to log it. What cannot be written is tried again until it can.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use chinwag::net::error::os_error_text;
use chinwag::wire::sanitize;
use log::LevelFilter;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;
use simplelog::{ConfigBuilder, FormatItem, WriteLogger};
use time::OffsetDateTime;
use time::macros::format_description;

/// So much memory the lines that wait to be written may take: a burst of ten thousand clients
/// leaving fits.
const WAITING_BYTES_MAX: usize = 4 << 20;

/// What a line takes in the queue beside its text.
const LINE_OVERHEAD_BYTES: usize = 64;

/// How long the end of the process waits for the log, and its start for who reads what it says.
const FINISH_TIME: Duration = Duration::from_secs(3);

/// How soon what could not be written is tried again: somebody deletes files on a full disk, or
/// reads a pipe again.
const RETRY_TIME: Duration = Duration::from_millis(500);

/// POSIX lets no pipe that has room take less than this (`PIPE_BUF`).
const PIPE_PIECE_BYTES: usize = 512;

/// A log has addresses in it: they are the operator's, and whose group that is.
const FILE_MODE: u32 = 0o640;

/// UTC, to the millisecond: nine digits would be noise.
const TIME_FORMAT: &[FormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");

enum Message {
    Line(Box<[u8]>),
    /// Lines were dropped here, so many.
    Gap(Arc<AtomicU64>),
    /// The file is to be opened anew, which the writer is told by a flag as well: it may not get
    /// here for long.
    Reopen,
    Finish,
}

/// What the writer and those who log both know.
#[derive(Debug, Default)]
struct Shared {
    /// Memory of the lines that wait, the one being written included.
    waiting_bytes: AtomicUsize,
    reopen: AtomicBool,
}

/// Sees to it, when dropped, that what was logged is written.
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
        Some(path) => open(path)?,
        None => standard_error()?,
    };
    let (messages, waiting) = mpsc::channel();
    let (finish, finished) = mpsc::channel();
    let shared = Arc::new(Shared::default());
    let writer = Writer {
        sink: Box::new(Patient(sink)),
        path: file.map(Path::to_owned),
        trouble: None,
        shared: Arc::clone(&shared),
    };
    let thread = thread::Builder::new()
        .name("log".to_owned())
        .spawn(move || {
            writer.run(&waiting);
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
    let queue = Queue::new(messages.clone(), Arc::clone(&shared));
    WriteLogger::init(level, config, queue).map_err(io::Error::other)?;
    Ok(LogGuard {
        messages,
        finished,
        shared,
        writer: thread.thread().clone(),
    })
}

/// Says something to who has started this, or sees it end: whatever the log's level, and without
/// waiting for ever where standard error is a pipe that nobody reads.
pub fn say(text: &str) {
    let (finish, finished) = mpsc::channel();
    // A flag's value is quoted, and it need not be the operator who wrote it.
    let lines = text.lines().map(|line| sanitize::clean(line.as_bytes()));
    let text: String = lines.flat_map(|line| [line, "\n".into()]).collect();
    let text = Arc::<str>::from(text);
    let its_text = Arc::clone(&text);
    let said = thread::Builder::new().spawn(move || {
        // Standard error may be closed, and then there is nobody to tell.
        let _ = match standard_error() {
            Ok(stderr) => Patient(stderr).write_all(its_text.as_bytes()),
            // No descriptor is left for that, which may be just what is to be said.
            Err(_) => io::stderr().write_all(its_text.as_bytes()),
        };
        let _ = finish.send(()); // likewise
    });
    if said.is_ok() {
        let _ = finished.recv_timeout(FINISH_TIME); // whoever reads later reads it then
    } else {
        let _ = say_without_a_thread(text.as_bytes()); // nobody to tell, or nobody who reads
    }
}

/// Writes to standard error what there is room for in time: as much at once as a pipe with any room
/// takes without waiting.
fn say_without_a_thread(text: &[u8]) -> io::Result<()> {
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

/// Waits until a file takes something, or cannot any longer; says whether it came to that in time.
fn wait_for_room(file: &File, time: Duration) -> io::Result<bool> {
    let time = Timespec::try_from(time).map_err(io::Error::other)?;
    let mut files = [PollFd::new(file, PollFlags::OUT)];
    Ok(poll(&mut files, Some(&time))? > 0)
}

/// Standard error without the standard library's lock around it: who waits in a write would hold it,
/// and stop everyone else who has something to say.
fn standard_error() -> io::Result<File> {
    io::stderr().as_fd().try_clone_to_owned().map(File::from)
}

/// A file whose writes wait for room even if it is set not to: standard error is shared, and any of
/// those who have it can set that for all.
#[derive(Debug)]
struct Patient(File);

impl Write for Patient {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.0.write(bytes) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                wait_for_room(&self.0, RETRY_TIME)?;
                Err(io::ErrorKind::Interrupted.into()) // which is to say: try again
            }
            written => written,
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Opens a file to append to.
fn open(path: &Path) -> io::Result<File> {
    // To open a named pipe waits for somebody who reads it, and a terminal can become this process's.
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
    // The thread may wait: from here on it is better to be woken than to ask.
    let flags = rustix::fs::fcntl_getfl(&file)?;
    rustix::fs::fcntl_setfl(&file, flags - OFlags::NONBLOCK)?;
    Ok(file)
}

impl LogGuard {
    /// Opens the log file anew, in a moment: whoever moved it away is done with that.
    pub fn reopen(&self) {
        // Once is enough, however often it is asked for while the old one cannot be written.
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

/// Writes what was queued, however long that takes.
struct Writer {
    sink: Box<dyn Write + Send>,
    /// Where to open it anew, if it is a file.
    path: Option<PathBuf>,
    /// What is to be said of that as soon as no line is half written.
    trouble: Option<String>,
    shared: Arc<Shared>,
}

impl Writer {
    fn run(mut self, messages: &Receiver<Message>) {
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
                    // It has no time stamp: the lines around it have.
                    let text =
                        format!("[WARN] the log could not keep up: {lost} lines were dropped\n");
                    self.write(text.as_bytes());
                }
                Message::Reopen => {
                    self.reopen_if_asked();
                }
                Message::Finish => return,
            }
            while let Some(text) = self.trouble.take() {
                self.write(text.as_bytes());
            }
        }
    }

    /// Writes a line whole. One that was torn by an error is gone on with where it was torn.
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

    /// Says whether there is a new file. The old one is kept where there can be none.
    fn reopen_if_asked(&mut self) -> bool {
        let Some(path) = &self.path else {
            return false;
        };
        if !self.shared.reopen.swap(false, Ordering::Relaxed) {
            return false;
        }
        match open(path) {
            Ok(file) => {
                self.sink = Box::new(Patient(file));
                true
            }
            Err(error) => {
                let (path, why) = (
                    sanitize::clean(path.as_os_str().as_bytes()),
                    os_error_text(&error),
                );
                let text = format!("cannot log to {path}: {why}; going on as before");
                let time = OffsetDateTime::now_utc().format(TIME_FORMAT);
                let time = time.unwrap_or_default(); // that of the crate's own clock can be shown
                self.trouble = Some(format!("{time} [ERROR] {text}\n"));
                // Nobody may look at a file that was moved away.
                say(&format!("chinwag: {text}"));
                false
            }
        }
    }
}

/// Gathers the pieces that simplelog writes into lines, and queues those.
#[derive(Debug)]
struct Queue {
    messages: Sender<Message>,
    shared: Arc<Shared>,
    line: Vec<u8>,
    /// How many lines were dropped since the last that was not, as far as nobody has written that.
    gap: Option<Arc<AtomicU64>>,
}

impl Queue {
    fn new(messages: Sender<Message>, shared: Arc<Shared>) -> Self {
        Self {
            messages,
            shared,
            line: Vec::new(),
            gap: None,
        }
    }

    fn push(&mut self, line: Box<[u8]>) {
        let bytes = footprint_bytes(&line);
        let waiting = self.shared.waiting_bytes.load(Ordering::Relaxed);
        // One alone always fits: each has a limit of its own.
        if waiting == 0 || waiting + bytes <= WAITING_BYTES_MAX {
            self.gap = None;
            self.shared
                .waiting_bytes
                .fetch_add(bytes, Ordering::Relaxed);
            let _ = self.messages.send(Message::Line(line)); // the writer outlives this
            return;
        }
        let gap = self.gap.get_or_insert_default();
        // What was counted before may have been written by now.
        if gap.fetch_add(1, Ordering::Relaxed) == 0 {
            let _ = self.messages.send(Message::Gap(Arc::clone(gap))); // likewise
        }
    }
}

impl Write for Queue {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.line.extend_from_slice(bytes);
        if self.line.ends_with(b"\n") {
            let line = Box::from(self.line.as_slice());
            self.line.clear();
            self.push(line);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The memory that a line in the queue takes.
fn footprint_bytes(line: &[u8]) -> usize {
    line.len() + LINE_OVERHEAD_BYTES
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::OwnedFd;

    /// A sink that takes what it is told to, in this order, and everything after that.
    struct Grudging {
        answers: Vec<io::Result<usize>>,
        text: Sender<Vec<u8>>,
    }

    impl Write for Grudging {
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

    /// What a writer whose sink takes this makes of what is queued.
    fn written(
        answers: Vec<io::Result<usize>>,
        shared: Arc<Shared>,
        queued: &Receiver<Message>,
    ) -> String {
        written_to(None, answers, shared, queued)
    }

    fn written_to(
        path: Option<PathBuf>,
        answers: Vec<io::Result<usize>>,
        shared: Arc<Shared>,
        queued: &Receiver<Message>,
    ) -> String {
        let (text, taken) = mpsc::channel();
        let writer = Writer {
            sink: Box::new(Grudging { answers, text }),
            path,
            trouble: None,
            shared,
        };
        writer.run(queued);
        String::from_utf8(taken.iter().flatten().collect()).unwrap_or_default()
    }

    fn lines(queue: &mut Queue, numbers: std::ops::Range<u32>) {
        for number in numbers {
            let text = "x".repeat(WAITING_BYTES_MAX / 4);
            writeln!(queue, "{number} {text}").ok();
        }
    }

    #[test]
    fn what_finds_no_room_is_counted_where_it_is_missing() {
        let (messages, queued) = mpsc::channel();
        let shared = Arc::new(Shared::default());
        let mut queue = Queue::new(messages, Arc::clone(&shared));
        lines(&mut queue, 0..10);
        // One that fits is told apart from those before and after it.
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
    fn a_line_torn_by_an_error_is_gone_on_with_and_what_waited_comes_after_it() {
        let (messages, queued) = mpsc::channel();
        let shared = Arc::new(Shared::default());
        let mut queue = Queue::new(messages, Arc::clone(&shared));
        writeln!(queue, "one").ok();
        writeln!(queue, "two").ok();
        drop(queue);
        let full = || Err(io::ErrorKind::StorageFull.into());
        let answers = vec![full(), Ok(2), Err(io::ErrorKind::Interrupted.into()), Ok(1)];
        assert_eq!(written(answers, shared, &queued), "one\ntwo\n");
    }
    #[test]
    fn that_a_file_cannot_be_opened_anew_is_said_between_lines_and_whole() {
        let (messages, queued) = mpsc::channel();
        let shared = Arc::new(Shared::default());
        let mut queue = Queue::new(messages, Arc::clone(&shared));
        writeln!(queue, "one").ok();
        writeln!(queue, "two").ok();
        drop(queue);
        shared.reopen.store(true, Ordering::Relaxed);
        // It is told while the first line is torn, and torn itself.
        let full = || Err(io::ErrorKind::StorageFull.into());
        let answers = vec![Ok(9), full(), Ok(3), Ok(2), Ok(1)];
        let text = written_to(Some("/dev/null/log".into()), answers, shared, &queued);
        let lines: Vec<&str> = text.lines().collect();
        assert!(
            matches!(lines[..], ["one", trouble, "two"]
                if trouble.contains("Z [ERROR] cannot log to /dev/null/log: ")
                    && trouble.ends_with("; going on as before")),
            "{text}"
        );
    }
    #[test]
    fn a_pipe_that_was_set_not_to_wait_is_waited_for() {
        // Many pipefuls: one for each time that a full disk is asked would take minutes.
        const BYTES: usize = 16 << 20;
        let tried = io::pipe().and_then(|(mut reader, writer)| {
            let writer = File::from(OwnedFd::from(writer));
            rustix::fs::fcntl_setfl(&writer, OFlags::NONBLOCK)?;
            let written = thread::spawn(move || Patient(writer).write_all(&vec![b'x'; BYTES]));
            let read = io::copy(&mut reader, &mut io::sink())?;
            Ok((read, written.join().is_ok_and(|written| written.is_ok())))
        });
        assert_eq!(tried.ok(), Some((BYTES as u64, true)));
    }
}
