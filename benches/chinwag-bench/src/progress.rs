//! A progress bar on standard error, if that is a terminal.

use std::cell::RefCell;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::run::Progress;

pub struct Bar {
    bar: ProgressBar,
    title: RefCell<String>,
}

impl Bar {
    pub fn new() -> Self {
        let bar = ProgressBar::new(1);
        if let Ok(style) = ProgressStyle::with_template("{msg:<44} [{bar:30}] {percent:>3} %") {
            bar.set_style(style.progress_chars("=> "));
        }
        Self {
            bar,
            title: RefCell::default(),
        }
    }

    /// What goes on, beside what each step is.
    pub fn title(&self, text: &str) {
        text.clone_into(&mut self.title.borrow_mut());
    }

    pub fn show(&self, progress: Progress) {
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let (step, done, whole) = match progress {
            Progress::Connecting(done, whole) => ("connecting", done as u64, whole as u64),
            Progress::Running(elapsed, whole) => ("running", millis(elapsed), millis(whole)),
            Progress::Draining => ("waiting for what is under way", 0, 1),
            Progress::Step(step) => return self.title(step),
        };
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
