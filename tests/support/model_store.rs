//! An archive in memory, on virtual time, and whatever can go wrong with one.
//!
//! Things wait in one queue until a commit takes some of them; a crash loses what no commit has taken.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use chinwag::chat::archive::{
    Archive, Change, HashWork, KeptLine, NotKept, Question, Restored, Settled, Ticket,
};
use chinwag::chat::ids::LineId;

use crate::contents::{Kept, OwnedLine};

/// Something handed to the archive, in the order of tickets.
#[derive(Clone, Debug)]
enum Item {
    Line(LineId, OwnedLine),
    Change(Change),
    Question(Question),
}

/// What is wrong with the disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Trouble {
    #[default]
    None,
    /// Nothing is committed, and nothing fails.
    Stuck,
    /// Each commit fails.
    Full,
    /// Each question fails.
    Unreadable,
}

#[derive(Debug, Default)]
struct Inner {
    kept: Kept,
    tickets: u64,
    queue: VecDeque<(Ticket, Item)>,
    hashes: VecDeque<(Ticket, HashWork)>,
    done: VecDeque<Settled>,
    trouble: Trouble,
    /// More than this in the queue is refused.
    queue_max: Option<usize>,
    has_search: bool,
    is_closed: bool,
    tokens_made: u64,
}

/// An archive in memory. Clones are the same one.
#[derive(Clone, Debug, Default)]
pub struct ModelStore(Rc<RefCell<Inner>>);

impl ModelStore {
    pub fn new() -> Self {
        let store = Self::default();
        store.0.borrow_mut().has_search = true;
        store
    }

    pub fn set_trouble(&self, trouble: Trouble) {
        self.0.borrow_mut().trouble = trouble;
    }

    pub fn set_queue_max(&self, max: Option<usize>) {
        self.0.borrow_mut().queue_max = max;
    }

    /// From now on it is as if there were none.
    pub fn close(&self) {
        self.0.borrow_mut().is_closed = true;
    }

    /// Commits up to `count` of what waits.
    pub fn commit(&self, count: usize) {
        self.0.borrow_mut().commit(count);
    }

    /// Does up to `count` of the work with secrets.
    pub fn work(&self, count: usize) {
        self.0.borrow_mut().work(count);
    }

    /// The next thing that it has to tell.
    pub fn next_settled(&self) -> Option<Settled> {
        self.0.borrow_mut().done.pop_front()
    }

    /// Whether anything is under way.
    pub fn is_busy(&self) -> bool {
        let inner = self.0.borrow();
        !(inner.queue.is_empty() && inner.hashes.is_empty() && inner.done.is_empty())
    }

    /// The process is killed: what no commit has taken is lost, and nothing more is told. Returns the store
    /// as it is opened again, and what it knows.
    pub fn crash(&self) -> (Self, Restored) {
        let inner = self.0.borrow();
        let store = Self::new();
        store.0.borrow_mut().kept = inner.kept.clone();
        store.0.borrow_mut().tokens_made = inner.tokens_made;
        (store, inner.kept.restored())
    }

    /// Looks at what is kept.
    pub fn kept(&self) -> Kept {
        self.0.borrow().kept.clone()
    }
}

impl Archive for ModelStore {
    fn is_open(&self) -> bool {
        !self.0.borrow().is_closed
    }

    fn has_search(&self) -> bool {
        self.0.borrow().has_search
    }

    fn keep(&mut self, line: &KeptLine<'_>) -> Option<Ticket> {
        let item = Item::Line(line.id, OwnedLine::new(line));
        self.0.borrow_mut().push(item)
    }

    fn change(&mut self, change: Change) -> Option<Ticket> {
        self.0.borrow_mut().push(Item::Change(change))
    }

    fn ask(&mut self, question: Question) -> Option<Ticket> {
        self.0.borrow_mut().push(Item::Question(question))
    }

    fn hash(&mut self, work: HashWork) -> Option<Ticket> {
        let mut inner = self.0.borrow_mut();
        let ticket = inner.ticket();
        inner.hashes.push_back((ticket, work));
        Some(ticket)
    }
}

impl Inner {
    fn ticket(&mut self) -> Ticket {
        self.tickets += 1;
        Ticket(self.tickets)
    }

    fn push(&mut self, item: Item) -> Option<Ticket> {
        if self.queue_max.is_some_and(|max| self.queue.len() >= max) {
            return None;
        }
        let ticket = self.ticket();
        self.queue.push_back((ticket, item));
        Some(ticket)
    }

    fn commit(&mut self, count: usize) {
        if self.trouble == Trouble::Stuck {
            return;
        }
        let count = count.min(self.queue.len());
        let batch: Vec<(Ticket, Item)> = self.queue.drain(..count).collect();
        let is_change = |item: &&(Ticket, Item)| !matches!(item.1, Item::Question(_));
        let (first, last) = (
            batch.iter().find(is_change).map(|(ticket, _)| *ticket),
            batch.iter().rfind(is_change).map(|(ticket, _)| *ticket),
        );
        if self.trouble == Trouble::Full {
            if let (Some(first), Some(last)) = (first, last) {
                let why = NotKept::Full;
                self.done.push_back(Settled::NotKept { first, last, why });
            }
        } else {
            for (ticket, item) in &batch {
                match item {
                    Item::Line(id, line) => self.kept.add(*id, line.clone()),
                    Item::Change(change) => {
                        let found = self.kept.change(change);
                        let told = found.map(|found| Settled::Changed(*ticket, found));
                        self.done.extend(told);
                    }
                    Item::Question(_) => {}
                }
            }
            self.done.extend(last.map(Settled::KeptUpTo));
        }
        for (ticket, item) in batch {
            if let Item::Question(question) = item {
                let is_readable = self.trouble != Trouble::Unreadable;
                let answer = is_readable.then(|| self.kept.answer(&question));
                self.done.push_back(Settled::Answered(ticket, answer));
            }
        }
    }

    fn work(&mut self, count: usize) {
        for _ in 0..count {
            let Some((ticket, work)) = self.hashes.pop_front() else {
                return;
            };
            let hashed = self.kept.hashed(work, &mut self.tokens_made);
            self.done.push_back(Settled::Hashed(ticket, hashed));
        }
    }
}
