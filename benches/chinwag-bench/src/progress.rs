//! The watcher of a run: it sees a progress bar on standard error, if that is a terminal, and may end
//! the run by a signal.

use std::cell::RefCell;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

pub struct Watcher {
    bar: ProgressBar,
    title: RefCell<String>,
    stop: Arc<AtomicBool>,
}

impl Watcher {
    pub fn new() -> io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            // A second one ends the program at once.
            flag::register_conditional_default(signal, stop.clone())?;
            flag::register(signal, stop.clone())?;
        }
        let bar = ProgressBar::new(1);
        if let Ok(style) = ProgressStyle::with_template("{msg:<44} [{bar:30}] {percent:>3} %") {
            bar.set_style(style.progress_chars("=> "));
        }
        Ok(Self {
            bar,
            title: RefCell::default(),
            stop,
        })
    }

    pub fn has_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// What goes on, beside what each step is.
    pub fn set_title(&self, text: &str) {
        text.clone_into(&mut self.title.borrow_mut());
    }

    pub fn show_connecting(&self, done: usize, whole: usize) {
        self.show("connecting", done as u64, whole as u64);
    }

    pub fn show_running(&self, elapsed: Duration, whole: Duration) {
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        self.show("running", millis(elapsed), millis(whole));
    }

    pub fn show_draining(&self) {
        self.show("waiting for what is under way", 0, 1);
    }

    fn show(&self, step: &str, done: u64, whole: u64) {
        let title = self.title.borrow();
        let joint = if title.is_empty() { "" } else { ": " };
        self.bar.set_length(whole.max(1));
        self.bar.set_position(done.min(whole));
        self.bar.set_message(format!("{title}{joint}{step}"));
    }

    pub fn clear(&self) {
        self.bar.finish_and_clear();
    }
}
