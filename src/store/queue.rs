//! The bounded queue to the writer. All that is handed to the store goes through it, in the order of its
//! tickets.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::chat::archive::{Ban, Change, HashWork, KeptLine, Question, Ticket};

use super::chunk::Chunk;

/// A transaction takes lines until it has this many: more would hold up the answers, fewer the disk.
pub(super) const BATCH_ROWS_MAX: usize = 1000;

/// And until it has this many bytes.
pub(super) const BATCH_BYTES_MAX: usize = 1 << 20;

/// Empty chunks that are kept for use: as many as a transaction fills.
const FREE_CHUNKS_MAX: usize = 16;

/// What an entry that is no line is counted with, beside its texts and lists.
const ENTRY_BYTES: usize = 256;

/// One thing for the writer, or a chunk of lines.
#[derive(Debug)]
pub(super) enum Entry {
    /// Lines, each with its ticket.
    Lines(Chunk),
    /// A change.
    Change(Ticket, Change),
    /// A question, to be handed on.
    Question(Ticket, Question),
    /// Work with a secret, to be handed on.
    Hash(Ticket, HashWork),
    /// Something for a test to do on the writer's thread.
    #[cfg(test)]
    Call(Call),
}

/// See [`Entry::Call`].
#[cfg(test)]
pub(super) struct Call(pub Box<dyn FnOnce(&rusqlite::Connection) + Send>);

#[cfg(test)]
impl std::fmt::Debug for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Call")
    }
}

/// What the writer took.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// In order.
    pub(super) entries: Vec<Entry>,
    bytes: usize,
}

impl Batch {
    /// Roughly the bytes that it brings to the disk.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}

/// How waiting for a batch ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// With a batch.
    Batch,
    /// Nothing came in time.
    Nothing,
    /// Nothing comes any more.
    Closed,
}

/// The queue.
#[derive(Debug)]
pub(super) struct Queue {
    state: Mutex<State>,
    filled: Condvar,
    bytes_max: usize,
}

#[derive(Debug, Default)]
struct State {
    entries: VecDeque<Entry>,
    free: Vec<Chunk>,
    last_ticket: u64,
    /// Of all that is not finished: also of what the writer has taken.
    bytes: usize,
    /// The writer sleeps, and is to be woken.
    is_waiting: bool,
    is_closed: bool,
}

impl State {
    fn next_ticket(&mut self) -> Ticket {
        self.last_ticket += 1;
        Ticket(self.last_ticket)
    }
}

impl Queue {
    /// A queue that refuses what would bring it past `bytes_max`.
    pub(super) fn new(bytes_max: usize) -> Self {
        Self {
            state: Mutex::default(),
            filled: Condvar::new(),
            bytes_max,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts in a line; `None` if the queue is full.
    pub(super) fn push_line(&self, line: &KeptLine<'_>) -> Option<Ticket> {
        let bytes = Chunk::packed_bytes(line);
        let mut state = self.room_for(bytes)?;
        let ticket = state.next_ticket();
        match state.entries.back_mut() {
            Some(Entry::Lines(chunk)) if chunk.has_room(bytes) => chunk.push(ticket, line),
            _ => {
                let mut chunk = state.free.pop().unwrap_or_else(Chunk::new);
                chunk.push(ticket, line);
                state.entries.push_back(Entry::Lines(chunk));
            }
        }
        self.wake_writer(state);
        Some(ticket)
    }

    /// Puts in something else with `payload` bytes of texts and lists; `None` if the queue is full.
    pub(super) fn push(
        &self,
        payload: usize,
        entry: impl FnOnce(Ticket) -> Entry,
    ) -> Option<Ticket> {
        let mut state = self.room_for(ENTRY_BYTES + payload)?;
        let ticket = state.next_ticket();
        state.entries.push_back(entry(ticket));
        self.wake_writer(state);
        Some(ticket)
    }

    /// The state with these bytes counted.
    fn room_for(&self, bytes: usize) -> Option<MutexGuard<'_, State>> {
        let mut state = self.lock();
        if state.is_closed || state.bytes + bytes > self.bytes_max {
            return None;
        }
        state.bytes += bytes;
        Some(state)
    }

    /// Wakes the writer if it sleeps: a wake is a system call, and what comes meanwhile needs none.
    fn wake_writer(&self, mut state: MutexGuard<'_, State>) {
        if state.is_waiting {
            state.is_waiting = false;
            drop(state);
            self.filled.notify_one();
        }
    }

    /// Takes what is there, up to a transaction's worth. Waits for it, for `time_max` at most.
    pub(super) fn take(&self, batch: &mut Batch, time_max: Option<Duration>) -> Taken {
        let mut state = self.lock();
        while state.entries.is_empty() && !state.is_closed {
            state.is_waiting = true;
            state = match time_max {
                None => self
                    .filled
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner),
                Some(time) => {
                    let (mut state, end) = self
                        .filled
                        .wait_timeout(state, time)
                        .unwrap_or_else(PoisonError::into_inner);
                    state.is_waiting = false;
                    if end.timed_out() && state.entries.is_empty() && !state.is_closed {
                        return Taken::Nothing;
                    }
                    state
                }
            };
        }
        let mut rows = 0;
        while let Some(entry) = state.entries.pop_front() {
            let (entry_rows, entry_bytes) = measure(&entry);
            if rows > 0
                && (rows + entry_rows > BATCH_ROWS_MAX
                    || batch.bytes + entry_bytes > BATCH_BYTES_MAX)
            {
                state.entries.push_front(entry);
                break;
            }
            rows += entry_rows;
            batch.bytes += entry_bytes;
            batch.entries.push(entry);
        }
        if batch.entries.is_empty() {
            Taken::Closed
        } else {
            Taken::Batch
        }
    }

    /// Gives back the room and the chunks of a batch that is done.
    pub(super) fn finish(&self, batch: &mut Batch, chunks: &mut Vec<Chunk>) {
        let mut state = self.lock();
        state.bytes = state.bytes.saturating_sub(batch.bytes);
        while let Some(mut chunk) = chunks.pop() {
            if state.free.len() < FREE_CHUNKS_MAX {
                chunk.clear();
                state.free.push(chunk);
            }
        }
        drop(state);
        batch.bytes = 0;
        batch.entries.clear();
    }

    /// Takes nothing more. What is in it is still to be carried out.
    pub(super) fn close(&self) {
        self.lock().is_closed = true;
        self.filled.notify_one();
    }

    /// The bytes that wait.
    pub(super) fn bytes(&self) -> usize {
        self.lock().bytes
    }
}

/// Rows and bytes of an entry, as they were counted when it came.
fn measure(entry: &Entry) -> (usize, usize) {
    match entry {
        Entry::Lines(chunk) => (chunk.len(), chunk.bytes()),
        Entry::Change(_, change) => (1, ENTRY_BYTES + change_payload(change)),
        Entry::Question(_, question) => (1, ENTRY_BYTES + question_payload(question)),
        Entry::Hash(..) => (1, ENTRY_BYTES),
        #[cfg(test)]
        Entry::Call(_) => (1, ENTRY_BYTES),
    }
}

/// Roughly the bytes of a change's texts and lists.
pub(super) fn change_payload(change: &Change) -> usize {
    let of = |text: &Option<Box<str>>| text.as_ref().map_or(0, |text| text.len());
    match change {
        Change::MakeAccount {
            skeleton, password, ..
        } => skeleton.len() + password.0.len(),
        Change::SetPassword { password, .. } => password.0.len(),
        Change::KeepRoom { topic: text, .. }
        | Change::SetTopic { topic: text, .. }
        | Change::SetProfile { text, .. }
        | Change::SetNotify { text, .. }
        | Change::SetSuspended { why: text, .. }
        | Change::Ban(Ban { why: text, .. }) => of(text),
        Change::Record(deed) => of(&deed.whom) + of(&deed.text),
        Change::Delivered { lines, .. } => size_of_val(lines.as_slice()),
        _ => 0,
    }
}

/// Roughly the bytes of a question's texts and lists.
pub(super) fn question_payload(question: &Question) -> usize {
    match question {
        Question::Page { without, .. } => size_of_val(without.as_slice()),
        Question::Search { words, without, .. } => words.len() + size_of_val(without.as_slice()),
        Question::Arrival {
            places, without, ..
        } => size_of_val(places.as_slice()) + size_of_val(without.as_slice()),
        Question::Unread { rooms, without, .. } => {
            size_of_val(rooms.as_slice()) + size_of_val(without.as_slice())
        }
        Question::Own { .. }
        | Question::Tokens { .. }
        | Question::Profile { .. }
        | Question::Deeds { .. }
        | Question::BackUp { .. } => 0,
    }
}
