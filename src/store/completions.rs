//! What became of things, on its way back to the loop.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use crate::chat::archive::Settled;

/// Where the threads put what they have done.
pub(super) struct CompletionQueue {
    state: Mutex<State>,
    /// Called by several threads, one at a time.
    wake: Mutex<Box<dyn Fn() + Send>>,
}

#[derive(Debug, Default)]
struct State {
    settled: Vec<Settled>,
    /// The loop was woken and has not come yet.
    is_woken: bool,
}

impl fmt::Debug for CompletionQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CompletionQueue")
    }
}

impl CompletionQueue {
    pub(super) fn new(wake: impl Fn() + Send + 'static) -> Self {
        Self {
            state: Mutex::default(),
            wake: Mutex::new(Box::new(wake)),
        }
    }

    /// Puts something in, and wakes the loop unless it is on its way.
    pub(super) fn post(&self, done: Settled) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match (state.settled.last_mut(), &done) {
            // Tickets only rise: the later says it all.
            (Some(last @ Settled::KeptUpTo(_)), Settled::KeptUpTo(_)) => *last = done,
            _ => state.settled.push(done),
        }
        let must_wake = !std::mem::replace(&mut state.is_woken, true);
        drop(state);
        if must_wake {
            self.wake.lock().unwrap_or_else(PoisonError::into_inner)();
        }
    }

    fn take(&self, into: &mut Vec<Settled>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.is_woken = false;
        std::mem::swap(&mut state.settled, into);
    }
}

/// The loop's end.
#[derive(Debug)]
pub struct Completions {
    queue: Arc<CompletionQueue>,
    taken: Vec<Settled>,
}

impl Completions {
    pub(super) fn new(queue: Arc<CompletionQueue>) -> Self {
        Self {
            queue,
            taken: Vec::new(),
        }
    }

    /// All that is done and was not drained before, in the order of its being done. From here on the next
    /// thing that is done wakes again.
    pub fn drain(&mut self) -> impl Iterator<Item = Settled> {
        self.taken.clear();
        self.queue.take(&mut self.taken);
        self.taken.drain(..)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::archive::{Hashed, Ticket};
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn loop_is_woken_once_until_it_drains() {
        let wakes = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&wakes);
        let queue = CompletionQueue::new(move || {
            count.fetch_add(1, Ordering::Relaxed);
        });
        let failed = || Settled::Hashed(Ticket(9), Hashed::Failed);
        let mut taken = Vec::new();
        for round in 1..=3 {
            queue.post(Settled::KeptUpTo(Ticket(1)));
            queue.post(Settled::KeptUpTo(Ticket(3)));
            queue.post(failed());
            queue.post(Settled::KeptUpTo(Ticket(4)));
            assert_eq!(wakes.load(Ordering::Relaxed), round);
            taken.clear();
            queue.take(&mut taken);
            assert_eq!(
                taken,
                [
                    Settled::KeptUpTo(Ticket(3)),
                    failed(),
                    Settled::KeptUpTo(Ticket(4))
                ]
            );
        }
    }
}
