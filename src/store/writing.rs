//! The thread that writes: batches from the queue, then what can wait.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender};
use std::time::Duration;

use rusqlite::Connection;

use crate::chat::archive::{HashWork, NotKept, Settled, Ticket};

use super::chores::Chores;
use super::chunk::Chunk;
use super::database;
use super::error::StoreError;
use super::failure::Failure;
use super::files::Files;
use super::lock::Lock;
use super::queue::{Batch, Entry, Taken};
use super::retention::Rules;
use super::search::{self, Index};
use super::worker::{ForReader, Shared};
use super::writer::{Asked, Marks, Writer};

/// How long the reader and the hasher may take to end: what they are at, and no more.
const SERVED_TIME: Duration = Duration::from_secs(1);

/// All that the thread needs.
#[derive(Debug)]
pub(super) struct Writing {
    pub(super) shared: Arc<Shared>,
    pub(super) files: Files,
    pub(super) rules: Rules,
    pub(super) to_reader: Sender<ForReader>,
    pub(super) to_hasher: Sender<(Ticket, HashWork)>,
    /// Ends when the reader and the hasher have.
    pub(super) served: Receiver<Infallible>,
    /// Held as long as the thread runs.
    pub(super) lock: Option<Lock>,
}

impl Writing {
    /// Runs until the queue is closed and empty.
    pub(super) fn run(mut self, connection: Option<Connection>) {
        let mut batch = Batch::default();
        let Some(connection) = connection.or_else(|| self.wait_for_first_thing(&mut batch)) else {
            return;
        };
        self.shared.database_is_there();
        if let Err(error) = self.write_on(&connection, &mut batch) {
            self.shared.break_down(error.to_string());
            self.refuse_all(&mut batch);
        }
        // The last connection takes the journal away as it closes, if it is one that may write.
        drop((self.to_reader, self.to_hasher));
        let _ = self.served.recv_timeout(SERVED_TIME);
        drop(connection);
    }

    /// Makes the database when there is something to keep in it. `None` if the queue was closed before.
    fn wait_for_first_thing(&mut self, batch: &mut Batch) -> Option<Connection> {
        let mut chunks = Vec::new();
        while self.shared.queue.take(batch, None) == Taken::Batch {
            if tickets(&batch.entries).is_some() && !self.shared.is_broken() {
                match self.make() {
                    Ok(connection) => return Some(connection),
                    Err(StoreError::Sqlite { source, .. })
                        if Failure::of(&source) == Failure::Full =>
                    {
                        self.refuse(&batch.entries, NotKept::Full);
                    }
                    Err(error) => {
                        self.shared.break_down(error.to_string());
                        self.refuse(&batch.entries, NotKept::Broken);
                    }
                }
            } else {
                self.refuse(&batch.entries, NotKept::Broken);
            }
            self.hand_on(batch, &mut Vec::new(), &mut chunks);
        }
        None
    }

    fn make(&mut self) -> Result<Connection, StoreError> {
        if self.lock.is_none() {
            self.lock = Some(Lock::take(&self.files)?);
        }
        self.files.make()?;
        database::open(&self.files, self.shared.has_search())
    }

    fn write_on(&self, connection: &Connection, batch: &mut Batch) -> rusqlite::Result<()> {
        let memory = search::memory()?;
        let mut writer = Writer::new(connection, Index::new(connection, &memory)?)?;
        let mut chores = Chores::new(connection, &memory, self.rules)?;
        let (mut marks, mut chunks) = (Vec::new(), Vec::new());
        loop {
            if batch.entries.is_empty() {
                let time_max = if self.shared.is_broken() {
                    None
                } else {
                    Some(chores.wait_time())
                };
                if self.shared.queue.take(batch, time_max) == Taken::Closed {
                    break;
                }
            }
            let is_idle = batch.entries.is_empty();
            if !is_idle {
                #[cfg(test)]
                run_calls(connection, &mut batch.entries);
                self.carry_out(&mut writer, &mut chores, batch, &mut marks);
                self.hand_on(batch, &mut marks, &mut chunks);
            }
            if !self.shared.is_broken() {
                chores.run(&self.shared, is_idle);
            }
        }
        drop(writer);
        // So that a backup is a copy of one file. Whoever reads now keeps it from that, which harms nothing.
        if let Err(error) = chores.eraser.empty_journal() {
            log::warn!("the store's journal stays beside it: {error}");
        }
        Ok(())
    }

    /// Once the store is broken before it could begin.
    fn refuse_all(&self, batch: &mut Batch) {
        let mut chunks = Vec::new();
        loop {
            self.refuse(&batch.entries, NotKept::Broken);
            self.hand_on(batch, &mut Vec::new(), &mut chunks);
            if self.shared.queue.take(batch, None) == Taken::Closed {
                return;
            }
        }
    }

    /// Keeps a batch, and tells what became of it.
    fn carry_out(
        &self,
        writer: &mut Writer<'_>,
        chores: &mut Chores<'_>,
        batch: &Batch,
        marks: &mut Vec<Option<Marks>>,
    ) {
        let entries = &*batch.entries;
        if tickets(entries).is_none() || self.shared.is_broken() {
            self.refuse(entries, NotKept::Broken);
            writer.only_marks(entries, marks);
            return;
        }
        match self.keep(writer, entries, marks) {
            Ok(()) => chores.after_commit(batch),
            Err(Failure::Rejected(_)) => {
                // Rather one line of a batch than a thousand.
                marks.clear();
                self.keep_one_by_one(writer, entries, marks);
                chores.after_commit(batch);
            }
            Err(_) => {
                marks.clear();
                writer.only_marks(entries, marks);
            }
        }
    }

    /// Keeps entries in one transaction. Tells what became of them, unless one of them was rejected.
    fn keep(
        &self,
        writer: &mut Writer<'_>,
        entries: &[Entry],
        marks: &mut Vec<Option<Marks>>,
    ) -> Result<(), Failure> {
        let mut answers = Vec::new();
        let marks_before = marks.len();
        let mut is_told = false;
        loop {
            let Err(error) = writer.commit(entries, marks, &mut answers) else {
                break;
            };
            writer.roll_back();
            answers.clear();
            marks.truncate(marks_before);
            let failure = Failure::of(&error);
            match &failure {
                Failure::Busy => {
                    if !std::mem::replace(&mut is_told, true) {
                        log::warn!("another program has locked the store; waiting for it");
                    }
                }
                Failure::Full => {
                    self.shared.has_no_room(&error);
                    self.refuse(entries, NotKept::Full);
                }
                Failure::Broken(why) => {
                    self.shared.break_down(why.clone());
                    self.refuse(entries, NotKept::Broken);
                }
                Failure::Rejected(_) => {}
            }
            if failure != Failure::Busy {
                return Err(failure);
            }
        }
        self.shared.has_room();
        for answer in answers {
            self.shared.completions.post(answer);
        }
        if let Some((_, last)) = tickets(entries) {
            self.shared.completions.post(Settled::KeptUpTo(last));
        }
        Ok(())
    }

    fn keep_one_by_one(
        &self,
        writer: &mut Writer<'_>,
        entries: &[Entry],
        marks: &mut Vec<Option<Marks>>,
    ) {
        for entry in entries {
            if tickets(std::slice::from_ref(entry)).is_none() {
                writer.only_marks(std::slice::from_ref(entry), marks);
                continue;
            }
            let rejected = self.keep(writer, std::slice::from_ref(entry), marks);
            match (rejected, entry) {
                (Err(Failure::Rejected(_)), Entry::Lines(chunk)) if chunk.len() > 1 => {
                    for (ticket, line) in chunk.lines() {
                        let mut alone = Chunk::default();
                        alone.push(ticket, &line);
                        let alone = [Entry::Lines(alone)];
                        if let Err(Failure::Rejected(why)) = self.keep(writer, &alone, marks) {
                            self.reject(&alone, &why);
                        }
                    }
                }
                (Err(Failure::Rejected(why)), _) => {
                    self.reject(std::slice::from_ref(entry), &why);
                }
                _ => {}
            }
        }
    }

    /// Something contradicts what is kept: a fault of the core's, which is not to stop the rest.
    fn reject(&self, entries: &[Entry], why: &str) {
        log::error!("the store refuses something: {why}");
        self.refuse(entries, NotKept::Broken);
    }

    /// Tells that nothing of these entries is kept.
    fn refuse(&self, entries: &[Entry], why: NotKept) {
        if let Some((first, last)) = tickets(entries) {
            let refused = Settled::NotKept { first, last, why };
            self.shared.completions.post(refused);
        }
    }

    /// Hands on what is not the writer's, and gives back the batch's room.
    fn hand_on(&self, batch: &mut Batch, marks: &mut Vec<Option<Marks>>, chunks: &mut Vec<Chunk>) {
        let mut marks = marks.drain(..);
        for entry in batch.entries.drain(..) {
            match entry {
                Entry::Lines(chunk) => chunks.push(chunk),
                Entry::Question(ticket, question) => {
                    // Without a database there are none.
                    let errand = match marks.next().unwrap_or_else(|| Some(Marks::default())) {
                        None => ForReader::Unreadable(ticket),
                        Some(marks) => ForReader::Question(Asked {
                            ticket,
                            question,
                            marks,
                        }),
                    };
                    let _ = self.to_reader.send(errand);
                }
                Entry::Hash(ticket, HashWork::MakeToken) => {
                    let _ = self.to_reader.send(ForReader::MakeToken(ticket));
                }
                Entry::Hash(ticket, HashWork::CheckToken(token)) => {
                    let _ = self.to_reader.send(ForReader::CheckToken(ticket, token));
                }
                Entry::Hash(ticket, HashWork::MakeCode) => {
                    let _ = self.to_reader.send(ForReader::MakeCode(ticket));
                }
                Entry::Hash(ticket, HashWork::CheckCode(code)) => {
                    let _ = self.to_reader.send(ForReader::CheckCode(ticket, code));
                }
                Entry::Hash(ticket, work) => {
                    let _ = self.to_hasher.send((ticket, work));
                }
                Entry::Change(..) => {}
                #[cfg(test)]
                Entry::Call(_) => {}
            }
        }
        self.shared.queue.finish(batch, chunks);
    }
}

/// The first and the last ticket of lines and changes; `None` if there are none.
fn tickets(entries: &[Entry]) -> Option<(Ticket, Ticket)> {
    let range = |entry: &Entry| match entry {
        Entry::Lines(chunk) => Some(chunk.tickets()),
        Entry::Change(ticket, _) => Some((*ticket, *ticket)),
        _ => None,
    };
    let first = entries.iter().find_map(range)?.0;
    let last = entries.iter().rev().find_map(range)?.1;
    Some((first, last))
}

#[cfg(test)]
fn run_calls(connection: &Connection, entries: &mut Vec<Entry>) {
    for entry in std::mem::take(entries) {
        match entry {
            Entry::Call(call) => (call.0)(connection),
            other => entries.push(other),
        }
    }
}
