//! simplelog's output, cut into lines and queued for the writer's thread.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::Sender;

/// Memory of the lines that wait to be written, at most: a burst of ten thousand clients leaving fits.
pub const WAITING_BYTES_MAX: usize = 4 << 20;

/// Memory of a line in the queue beside its text.
const LINE_OVERHEAD_BYTES: usize = 64;

/// The writer's next step.
pub enum Message {
    /// Write a line.
    Line(Box<[u8]>),
    /// Report that this many lines were dropped here.
    Gap(Arc<AtomicU64>),
    /// Reopen the file. A flag in [`Shared`] says so too, as the writer may not get here for long.
    Reopen,
    /// End.
    Finish,
}

/// State of the writer and of the threads that log.
#[derive(Debug, Default)]
pub struct Shared {
    /// Memory of the lines that wait, the one being written included.
    pub waiting_bytes: AtomicUsize,
    /// The file is to be reopened.
    pub reopen: AtomicBool,
}

/// Gathers the pieces that simplelog writes into lines, and queues those. A line that finds no room is
/// dropped, and counted where it is missing.
#[derive(Debug)]
pub struct LogQueue {
    messages: Sender<Message>,
    shared: Arc<Shared>,
    line: Vec<u8>,
    /// Lines dropped since the last that was queued, and not reported yet.
    gap: Option<Arc<AtomicU64>>,
}

impl LogQueue {
    /// A queue to the receiver of `messages`.
    pub fn new(messages: Sender<Message>, shared: Arc<Shared>) -> Self {
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
        // A single line always fits: each has a limit of its own.
        if waiting == 0 || waiting + bytes <= WAITING_BYTES_MAX {
            self.gap = None;
            self.shared
                .waiting_bytes
                .fetch_add(bytes, Ordering::Relaxed);
            let _ = self.messages.send(Message::Line(line)); // the writer outlives this
            return;
        }
        let gap = self.gap.get_or_insert_default();
        // The writer resets the count when it reports it.
        if gap.fetch_add(1, Ordering::Relaxed) == 0 {
            let _ = self.messages.send(Message::Gap(Arc::clone(gap))); // likewise
        }
    }
}

impl Write for LogQueue {
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

/// The memory that a line in the queue occupies.
pub fn footprint_bytes(line: &[u8]) -> usize {
    line.len() + LINE_OVERHEAD_BYTES
}
