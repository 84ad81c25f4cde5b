//! The store's threads, and what they share.
//!
//! ```text
//! loop ── queue ──▶ writer ──▶ commit ──▶ KeptUpTo │ NotKept
//!                     │
//!                     ├──▶ reader    questions, tokens
//!                     └──▶ hasher    passwords
//! ```
//!
//! Everything goes through the writer's queue, so that a question, and the check of a password, see all that
//! was decided before them; the writer only hands them on, so that neither holds up a commit.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread;
use std::time::Duration;

use rusqlite::Connection;

use crate::chat::archive::{Answer, Hashed, Question, Settled, Ticket, TokenHash, UnixMs};
use crate::chat::secret::Secret;

use super::backup;
use super::completions::CompletionQueue;
use super::database;
use super::files::Files;
use super::password;
use super::queue::Queue;
use super::reader::Reader;
use super::search;
use super::writer::Asked;

/// How often, a millisecond each, the reader lets the writer empty the journal first.
const GATE_WAITS_MAX: u32 = 200;

/// What the loop and the threads have in common.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) queue: Queue,
    pub(super) completions: Arc<CompletionQueue>,
    /// Questions that are not answered.
    pub(super) questions: Places,
    /// Passwords that are not hashed.
    pub(super) hashes: Places,
    pub(super) gate: Gate,
    has_search: bool,
    /// The last transaction found no room.
    is_full: AtomicBool,
    has_database: AtomicBool,
    /// Nothing waits for what is not done yet.
    is_closing: AtomicBool,
    trouble: Mutex<Option<String>>,
}

impl Shared {
    pub(super) fn new(
        queue: Queue,
        completions: Arc<CompletionQueue>,
        questions_max: usize,
        hashes_max: usize,
        has_search: bool,
    ) -> Self {
        Self {
            queue,
            completions,
            questions: Places::new(questions_max),
            hashes: Places::new(hashes_max),
            gate: Gate::default(),
            has_search,
            is_full: AtomicBool::new(false),
            has_database: AtomicBool::new(false),
            is_closing: AtomicBool::new(false),
            trouble: Mutex::new(None),
        }
    }

    pub(super) fn has_search(&self) -> bool {
        self.has_search
    }

    /// The database is there, and can be read.
    pub(super) fn database_is_there(&self) {
        self.has_database.store(true, Ordering::Release);
    }

    pub(super) fn has_database(&self) -> bool {
        self.has_database.load(Ordering::Acquire)
    }

    pub(super) fn is_closing(&self) -> bool {
        self.is_closing.load(Ordering::Relaxed)
    }

    pub(super) fn close(&self) {
        self.is_closing.store(true, Ordering::Relaxed);
        self.queue.close();
    }

    /// There is no room: told once.
    pub(super) fn has_no_room(&self, error: &rusqlite::Error) {
        if !self.is_full.swap(true, Ordering::Relaxed) {
            log::error!("nothing is kept until there is room again: {error}");
        }
    }

    /// A transaction found room.
    pub(super) fn has_room(&self) {
        if self.is_full.swap(false, Ordering::Relaxed) {
            log::warn!("there is room again: lines are kept");
        }
    }

    /// Nothing is kept any longer, and why.
    pub(super) fn break_down(&self, why: String) {
        log::error!("nothing is kept any longer: {why}; start anew once it is mended");
        *self.lock_trouble() = Some(why);
    }

    pub(super) fn trouble(&self) -> Option<String> {
        self.lock_trouble().clone()
    }

    pub(super) fn is_broken(&self) -> bool {
        self.lock_trouble().is_some()
    }

    fn lock_trouble(&self) -> MutexGuard<'_, Option<String>> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answered(&self, asked: Ticket, answer: Settled) {
        debug_assert!(asked.0 > 0);
        self.questions.give_back();
        self.completions.post(answer);
    }
}

/// A limited number of places for what is under way.
#[derive(Debug)]
pub(super) struct Places {
    taken: AtomicUsize,
    max: usize,
}

/// A place that is given back unless it is kept.
#[derive(Debug)]
pub(super) struct TakenPlace<'a>(&'a Places);

impl Places {
    fn new(max: usize) -> Self {
        Self {
            taken: AtomicUsize::new(0),
            max,
        }
    }

    /// A place, if one is free.
    pub(super) fn take(&self) -> Option<TakenPlace<'_>> {
        // Only the loop takes places, so that none comes between.
        let is_free = self.taken.load(Ordering::Relaxed) < self.max;
        is_free.then(|| {
            self.taken.fetch_add(1, Ordering::Relaxed);
            TakenPlace(self)
        })
    }

    pub(super) fn give_back(&self) {
        self.taken.fetch_sub(1, Ordering::Relaxed);
    }
}

impl TakenPlace<'_> {
    pub(super) fn keep_if(self, is_kept: bool) {
        if !is_kept {
            self.0.give_back();
        }
    }
}

/// Lets the writer empty the journal between two questions: `SQLite` does that only while nobody reads.
#[derive(Debug, Default)]
pub(super) struct Gate {
    reading: Mutex<()>,
    is_wanted: AtomicBool,
}

impl Gate {
    /// For the reader, as long as it reads.
    fn enter(&self) -> MutexGuard<'_, ()> {
        for _ in 0..GATE_WAITS_MAX {
            if !self.is_wanted.load(Ordering::Relaxed) {
                break;
            }
            thread::sleep(Duration::from_millis(1));
        }
        self.reading.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// For the writer: succeeds if nobody reads, or else holds back the next question.
    pub(super) fn try_alone(&self) -> Option<MutexGuard<'_, ()>> {
        self.is_wanted.store(true, Ordering::Relaxed);
        match self.reading.try_lock() {
            Ok(guard) => Some(guard),
            Err(TryLockError::Poisoned(error)) => Some(error.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    /// Nobody is held back any longer.
    pub(super) fn release(&self) {
        self.is_wanted.store(false, Ordering::Relaxed);
    }
}

/// Something for the reader.
#[derive(Debug)]
pub(super) enum ForReader {
    Question(Asked),
    /// The marks could not be read.
    Unreadable(Ticket),
    MakeToken(Ticket),
    CheckToken(Ticket, Secret),
    MakeCode(Ticket),
    CheckCode(Ticket, Secret),
}

/// The thread that reads.
pub(super) fn run_reader(shared: &Arc<Shared>, files: &Files, errands: &Receiver<ForReader>) {
    while let Ok(errand) = errands.recv() {
        if shared.has_database() {
            let mut first = Some(errand);
            let read = database::open_to_read(files.path())
                .and_then(|connection| read_on(shared, files, &connection, &mut first, errands));
            if let Err(error) = read {
                log::error!("the store cannot be read: {error}");
            }
            if let Some(errand) = first {
                give_up(shared, &errand);
            }
        } else {
            answer_without_database(shared, errand);
        }
    }
}

fn read_on(
    shared: &Arc<Shared>,
    files: &Files,
    connection: &Connection,
    first: &mut Option<ForReader>,
    errands: &Receiver<ForReader>,
) -> rusqlite::Result<()> {
    let memory = search::memory()?;
    let mut reader = Reader::new(connection, &memory)?;
    while let Some(errand) = first.take().or_else(|| errands.recv().ok()) {
        if shared.is_closing() {
            return Ok(());
        }
        if let ForReader::Question(Asked {
            ticket,
            question: Question::BackUp { at },
            ..
        }) = errand
        {
            begin_copy(shared, files, ticket, at);
            continue;
        }
        let _reading = shared.gate.enter();
        match errand {
            ForReader::Question(asked) => {
                let ticket = asked.ticket;
                let answer = readable(reader.answer(asked));
                shared.answered(ticket, Settled::Answered(ticket, answer));
            }
            ForReader::CheckToken(ticket, token) => {
                let owner = readable(reader.owner(&password::token_hash(&token)));
                let hashed = owner.map_or(Hashed::Failed, Hashed::Owner);
                shared.answered(ticket, Settled::Hashed(ticket, hashed));
            }
            ForReader::CheckCode(ticket, code) => {
                let owner = readable(reader.code_owner(&password::token_hash(&code)));
                let hashed = owner.map_or(Hashed::Failed, Hashed::CodeOwner);
                shared.answered(ticket, Settled::Hashed(ticket, hashed));
            }
            other => answer_without_database(shared, other),
        }
    }
    Ok(())
}

/// Has a copy written by a thread of its own, and answers once it is.
fn begin_copy(shared: &Arc<Shared>, files: &Files, ticket: Ticket, at: UnixMs) {
    let answer = move |shared: &Shared, file| {
        let answer = Some(Answer::BackedUp(file));
        shared.answered(ticket, Settled::Answered(ticket, answer));
    };
    let files = files.clone();
    let started = start("store-copy", shared, (), move |shared| {
        answer(shared, backup::write(&files, at));
    });
    if let Err(error) = started {
        log::error!("the store cannot be copied: {error}");
        answer(shared, None);
    }
}

pub(super) fn readable<T>(found: rusqlite::Result<T>) -> Option<T> {
    found
        .inspect_err(|error| log::error!("the store cannot be read: {error}"))
        .ok()
}

fn answer_without_database(shared: &Shared, errand: ForReader) {
    match errand {
        ForReader::Question(Asked {
            ticket, question, ..
        }) => {
            let answer = Reader::answer_without_database(&question);
            shared.answered(ticket, Settled::Answered(ticket, Some(answer)));
        }
        ForReader::MakeToken(ticket) => {
            let hashed = made(password::make_token());
            shared.answered(ticket, Settled::Hashed(ticket, hashed));
        }
        ForReader::MakeCode(ticket) => {
            let hashed = made(password::make_code());
            shared.answered(ticket, Settled::Hashed(ticket, hashed));
        }
        ForReader::CheckCode(ticket, _) => {
            shared.answered(ticket, Settled::Hashed(ticket, Hashed::CodeOwner(None)));
        }
        ForReader::CheckToken(ticket, _) => {
            shared.answered(ticket, Settled::Hashed(ticket, Hashed::Owner(None)));
        }
        unreadable @ ForReader::Unreadable(_) => give_up(shared, &unreadable),
    }
}

fn made(token: Option<(Secret, TokenHash)>) -> Hashed {
    token.map_or(Hashed::Failed, |(token, hash)| Hashed::Token {
        token,
        hash,
    })
}

/// Answers that it cannot be answered.
fn give_up(shared: &Shared, errand: &ForReader) {
    match *errand {
        ForReader::Question(Asked { ticket, .. }) | ForReader::Unreadable(ticket) => {
            shared.answered(ticket, Settled::Answered(ticket, None));
        }
        ForReader::MakeToken(ticket)
        | ForReader::CheckToken(ticket, _)
        | ForReader::MakeCode(ticket)
        | ForReader::CheckCode(ticket, _) => {
            shared.answered(ticket, Settled::Hashed(ticket, Hashed::Failed));
        }
    }
}

/// Starts a thread with what it shares. It says that it has ended by dropping `_ended`.
pub(super) fn start<E: Send + 'static>(
    name: &str,
    shared: &Arc<Shared>,
    ended: E,
    run: impl FnOnce(&Arc<Shared>) + Send + 'static,
) -> std::io::Result<()> {
    let shared = Arc::clone(shared);
    let thread = thread::Builder::new().name(name.to_owned());
    thread.spawn(move || {
        run(&shared);
        drop(ended);
    })?;
    Ok(())
}
