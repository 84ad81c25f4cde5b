//! Writing: transactions of lines and changes.
//!
//! What a question must see as it was when it was asked, and not as it is when the reader comes to it, are
//! the marks that the next change may move and the list of what waits: the writer reads them here, in their
//! place among the changes. Lines need no such care, as a question says up to which it asks.

use std::collections::HashSet;

use rusqlite::{Connection, Statement, params};

use crate::chat::archive::{Change, ChangeAnswer, KeptLine, Question, Settled, Ticket, UnixMs};
use crate::chat::ids::{AccountId, LineId, Place, PlaceId};

use super::queue::Entry;
use super::rows::{account_number, kind_number, line, line_number, number, place, place_number};
use super::search::Index;
use super::{accounts, eraser};

/// Conversations that are known to be in the table of places; past it all are looked for again.
const KNOWN_PAIRS_MAX: usize = 4096;

/// Marks of an account as they were when it asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Marks {
    /// By place: the last line that was read, and the last that was sent.
    pub(super) seen: Vec<(PlaceId, LineId, LineId)>,
    /// Lines that waited, oldest first.
    pub(super) waiting: Vec<LineId>,
}

/// A question on its way to the reader.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) ticket: Ticket,
    pub(super) question: Question,
    pub(super) marks: Marks,
}

/// The statements that run for lines and for marks; what runs seldom is prepared when it does.
#[derive(Debug)]
pub(super) struct Writer<'c> {
    connection: &'c Connection,
    begin: Statement<'c>,
    commit: Statement<'c>,
    insert_line: Statement<'c>,
    insert_waiting: Statement<'c>,
    insert_pair: Statement<'c>,
    delete_waiting: Statement<'c>,
    mark: Statement<'c>,
    use_account: Statement<'c>,
    use_token: Statement<'c>,
    set_last_at: Statement<'c>,
    known_pairs: HashSet<PlaceId>,
    last_at: UnixMs,
    index: Option<Index<'c>>,
}

impl<'c> Writer<'c> {
    pub(super) fn new(
        connection: &'c Connection,
        index: Option<Index<'c>>,
    ) -> rusqlite::Result<Self> {
        let prepare = |sql| connection.prepare(sql);
        Ok(Self {
            begin: prepare("BEGIN IMMEDIATE")?,
            commit: prepare("COMMIT")?,
            insert_line: prepare("INSERT INTO message VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?,
            insert_waiting: prepare("INSERT OR IGNORE INTO waiting VALUES (?1, ?2)")?,
            insert_pair: prepare(
                "INSERT OR IGNORE INTO place(id, low, high, keep_days) VALUES (?1, ?2, ?3, 0)",
            )?,
            delete_waiting: prepare("DELETE FROM waiting WHERE account = ?1 AND message = ?2")?,
            mark: prepare(
                // The first mark in a place says both, even if it names one.
                "INSERT INTO seen VALUES (?1, ?2, coalesce(?3, ?4, 0), coalesce(?4, ?3, 0))
                 ON CONFLICT DO UPDATE SET
                 up_to = max(up_to, ifnull(?3, 0)), shown = max(shown, ifnull(?4, 0))",
            )?,
            use_account: prepare("UPDATE account SET seen_at = max(seen_at, ?2) WHERE id = ?1")?,
            use_token: prepare(
                "UPDATE token SET used_at = max(ifnull(used_at, 0), ?3) WHERE account = ?1 AND label = ?2 COLLATE NOCASE",
            )?,
            set_last_at: prepare("INSERT OR REPLACE INTO meta VALUES ('last_at', ?1)")?,
            known_pairs: HashSet::with_hasher(std::hash::RandomState::default()),
            last_at: last_at(connection)?,
            index,
            connection,
        })
    }

    /// Carries out entries in one transaction. Questions get their marks; nothing else is done to them.
    pub(super) fn commit(
        &mut self,
        entries: &[Entry],
        marks: &mut Vec<Option<Marks>>,
        answers: &mut Vec<Settled>,
    ) -> rusqlite::Result<()> {
        self.begin.execute(())?;
        for entry in entries {
            self.apply(entry, marks, answers)?;
        }
        self.commit.execute(())?;
        Ok(())
    }

    /// The marks of questions, where there is nothing to keep. None if they cannot be read.
    pub(super) fn only_marks(&self, entries: &[Entry], marks: &mut Vec<Option<Marks>>) {
        for entry in entries {
            if let Entry::Question(_, question) = entry {
                let found = self.marks_for(question);
                let found =
                    found.inspect_err(|error| log::error!("the store cannot be read: {error}"));
                marks.push(found.ok());
            }
        }
    }

    /// Undoes what [`Writer::commit`] could not finish.
    pub(super) fn roll_back(&mut self) {
        // A full disk makes SQLite roll back by itself.
        if !self.connection.is_autocommit()
            && let Err(error) = self.connection.execute_batch("ROLLBACK")
        {
            log::error!("the store cannot roll back: {error}");
        }
        self.known_pairs.clear();
    }

    fn apply(
        &mut self,
        entry: &Entry,
        marks: &mut Vec<Option<Marks>>,
        answers: &mut Vec<Settled>,
    ) -> rusqlite::Result<()> {
        match entry {
            Entry::Lines(chunk) => {
                for (_, line) in chunk.lines() {
                    self.insert(&line)?;
                }
                // The time of the last line must outlive the line.
                self.set_last_at.execute([number(self.last_at)])?;
            }
            Entry::Change(ticket, change) => {
                if let Some(answer) = self.change(change)? {
                    answers.push(Settled::Changed(*ticket, answer));
                }
            }
            Entry::Question(_, question) => marks.push(Some(self.marks_for(question)?)),
            Entry::Hash(..) => {}
            #[cfg(test)]
            Entry::Call(_) => {}
        }
        Ok(())
    }

    fn insert(&mut self, line: &KeptLine<'_>) -> rusqlite::Result<()> {
        self.know_place(line.place)?;
        self.last_at = self.last_at.max(line.at);
        self.insert_line.execute(params![
            line_number(line.id),
            place_number(line.place),
            number(self.last_at),
            line.author.map(account_number),
            line.name.as_str(),
            kind_number(line.kind, line.is_authors_only),
            line.text,
        ])?;
        if let Some(index) = &mut self.index {
            index.insert(line_number(line.id), place_number(line.place), line.text)?;
        }
        if let Some(account) = line.waits_for {
            let row = [account_number(account), line_number(line.id)];
            self.insert_waiting.execute(row)?;
        }
        Ok(())
    }

    /// Puts a conversation into the table of places at its first line.
    fn know_place(&mut self, place: PlaceId) -> rusqlite::Result<()> {
        let Place::Pair(low, high) = place.kind() else {
            return Ok(());
        };
        if self.known_pairs.contains(&place) {
            return Ok(());
        }
        let row = [
            place_number(place),
            account_number(low),
            account_number(high),
        ];
        self.insert_pair.execute(row)?;
        if self.known_pairs.len() >= KNOWN_PAIRS_MAX {
            self.known_pairs.clear();
        }
        self.known_pairs.insert(place);
        Ok(())
    }

    fn change(&mut self, change: &Change) -> rusqlite::Result<Option<ChangeAnswer>> {
        match change {
            Change::Mark {
                account,
                place,
                read,
                shown,
            } => {
                self.mark.execute(params![
                    account_number(*account),
                    place_number(*place),
                    read.map(line_number),
                    shown.map(line_number),
                ])?;
            }
            Change::Delivered { account, lines } => {
                for line in lines {
                    let row = [account_number(*account), line_number(*line)];
                    self.delete_waiting.execute(row)?;
                }
            }
            Change::UseAccount { account, at } => {
                let row = [account_number(*account), number(*at)];
                self.use_account.execute(row)?;
            }
            Change::UseToken { account, label, at } => {
                let row = params![account_number(*account), label.as_str(), number(*at)];
                self.use_token.execute(row)?;
            }
            Change::Forget {
                account,
                what,
                up_to,
            } => return eraser::forget(self.connection, *account, *what, *up_to).map(Some),
            Change::Remove { place, line } => {
                return eraser::remove(self.connection, *place, *line).map(Some);
            }
            other => accounts::apply(self.connection, other)?,
        }
        Ok(None)
    }

    fn marks_for(&self, question: &Question) -> rusqlite::Result<Marks> {
        match question {
            Question::Arrival { account, .. } => Ok(Marks {
                seen: self.seen(*account)?,
                waiting: self.waiting(*account)?,
            }),
            Question::Unread { account, .. } => Ok(Marks {
                seen: self.seen(*account)?,
                waiting: Vec::new(),
            }),
            _ => Ok(Marks::default()),
        }
    }

    fn seen(&self, account: AccountId) -> rusqlite::Result<Vec<(PlaceId, LineId, LineId)>> {
        let mut select = self
            .connection
            .prepare("SELECT place, up_to, shown FROM seen WHERE account = ?1")?;
        let rows = select.query_map([account_number(account)], |row| {
            Ok((place(row, 0)?, line(row, 1)?, line(row, 2)?))
        })?;
        rows.collect()
    }

    fn waiting(&self, account: AccountId) -> rusqlite::Result<Vec<LineId>> {
        let mut select = self
            .connection
            .prepare("SELECT message FROM waiting WHERE account = ?1 ORDER BY message")?;
        let rows = select.query_map([account_number(account)], |row| line(row, 0))?;
        rows.collect()
    }
}

/// The time of the last line that was ever kept.
pub(super) fn last_at(connection: &Connection) -> rusqlite::Result<UnixMs> {
    let sql = "SELECT max(
        ifnull((SELECT value FROM meta WHERE key = 'last_at'), 0),
        ifnull((SELECT at FROM message ORDER BY id DESC LIMIT 1), 0))";
    let found: i64 = connection.query_row(sql, (), |row| row.get(0))?;
    Ok(found.cast_unsigned())
}
