//! A logger for systemd's journal: it has the time of its own, and takes the level as a number.

use std::io::Write;
use std::sync::{Mutex, PoisonError};

use log::{LevelFilter, Log, Metadata, Record};

use super::IGNORED_TARGET;
use super::queue::LogQueue;
use crate::journal::priority;

/// Writes `<N>` and the message, by sd-daemon(3).
#[derive(Debug)]
pub struct JournalLogger {
    level: LevelFilter,
    queue: Mutex<LogQueue>,
}

impl JournalLogger {
    /// Becomes the logger of the process.
    ///
    /// # Errors
    /// If there is one already.
    pub fn init(level: LevelFilter, queue: LogQueue) -> Result<(), log::SetLoggerError> {
        let queue = Mutex::new(queue);
        log::set_boxed_logger(Box::new(Self { level, queue }))?;
        log::set_max_level(level);
        Ok(())
    }
}

impl Log for JournalLogger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= self.level && !metadata.target().starts_with(IGNORED_TARGET)
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
            // The queue takes everything, or counts it.
            let _ = writeln!(queue, "{}{}", priority(record.level()), record.args());
        }
    }

    fn flush(&self) {}
}
