//! An archive that a test settles by hand: nothing is kept, answered or hashed until it is told to.
//!
//! Lines and changes settle in their order, and so do questions and hashes among each other. A question sees
//! all that was handed over before it; a hash is compared with what is kept when it is answered.

use std::collections::VecDeque;

use chinwag::chat::archive::{
    Archive, Change, HashWork, Hashed, KeptLine, NotKept, Question, Settled, Ticket,
};
use chinwag::chat::ids::{AccountId, LineId, Place};

use crate::contents::{Kept, OwnedLine, hash_of};

/// A line or a change.
#[derive(Clone, Debug)]
enum Write {
    Line(LineId, OwnedLine),
    Change(Change),
}

/// A question or a hash.
#[derive(Clone, Debug)]
enum Work {
    Question(Question),
    Hash(HashWork),
}

/// See the module's text.
#[derive(Debug, Default)]
pub struct TestArchive {
    /// It keeps nothing at all.
    pub is_closed: bool,
    /// Its queues are full.
    pub is_full: bool,
    /// A right password is hashed anew.
    pub renews: bool,
    /// All that is kept by now.
    pub kept: Kept,
    last: u64,
    writes: VecDeque<(Ticket, Write)>,
    work: VecDeque<(Ticket, Work)>,
    tokens_made: u64,
}

impl TestArchive {
    /// One that has kept this.
    pub fn with(kept: Kept) -> Self {
        Self {
            kept,
            ..Self::default()
        }
    }

    /// How many lines and changes are not settled.
    pub fn writes(&self) -> usize {
        self.writes.len()
    }

    /// How many questions and hashes have no answer.
    pub fn work(&self) -> usize {
        self.work.len()
    }

    /// Keeps the next line or change.
    pub fn keep_one(&mut self) -> Vec<Settled> {
        self.keep(1)
    }

    /// Keeps all lines and changes that were handed over, in one commit.
    pub fn keep_all(&mut self) -> Vec<Settled> {
        self.keep(self.writes.len())
    }

    fn keep(&mut self, count: usize) -> Vec<Settled> {
        let (mut told, mut last) = (Vec::new(), None);
        for (ticket, write) in self.writes.drain(..count.min(self.writes.len())) {
            told.extend(write.carry_out(&mut self.kept, ticket));
            last = Some(Settled::KeptUpTo(ticket));
        }
        told.extend(last);
        told
    }

    /// Keeps none of the lines and changes that were handed over.
    pub fn keep_none(&mut self) -> Option<Settled> {
        let (first, last) = (self.writes.front()?.0, self.writes.back()?.0);
        let why = NotKept::Full;
        self.writes.clear();
        Some(Settled::NotKept { first, last, why })
    }

    /// Whether something was handed over before the first question or hash, and is not settled.
    pub fn is_behind(&self) -> bool {
        let first = self.writes.front().zip(self.work.front());
        first.is_some_and(|(write, work)| write.0 < work.0)
    }

    /// Answers the next question or hash.
    pub fn answer_one(&mut self) -> Option<Settled> {
        let (ticket, work) = self.work.pop_front()?;
        Some(match work {
            Work::Question(question) => {
                let mut kept = self.kept.clone();
                let before = self.writes.iter().take_while(|(other, _)| *other < ticket);
                for (ticket, write) in before {
                    write.carry_out(&mut kept, *ticket);
                }
                Settled::Answered(ticket, Some(kept.answer(&question)))
            }
            Work::Hash(work) => Settled::Hashed(ticket, self.hashed(work)),
        })
    }

    fn hashed(&mut self, work: HashWork) -> Hashed {
        let new = match &work {
            HashWork::CheckPassword { password, .. } if self.renews => Some(hash_of(password)),
            _ => None,
        };
        let mut hashed = self.kept.hashed(work, &mut self.tokens_made);
        if let Hashed::Checked { is_right, renewed } = &mut hashed {
            *renewed = new.filter(|_| *is_right);
        }
        hashed
    }

    /// Has no answer to the next question or hash.
    pub fn fail_one(&mut self) -> Option<Settled> {
        let (ticket, work) = self.work.pop_front()?;
        Some(match work {
            Work::Question(_) => Settled::Answered(ticket, None),
            Work::Hash(_) => Settled::Hashed(ticket, Hashed::Failed),
        })
    }

    /// Settles what was handed over first; none if there is nothing.
    pub fn settle_one(&mut self) -> Vec<Settled> {
        if self.work.is_empty() || self.is_behind() {
            self.keep_one()
        } else {
            self.answer_one().into_iter().collect()
        }
    }

    /// What is kept, as after a crash that loses the rest.
    pub fn crash(&mut self) -> Kept {
        self.writes.clear();
        self.work.clear();
        self.kept.clone()
    }

    fn ticket(&mut self) -> Option<Ticket> {
        if self.is_full || self.is_closed {
            return None;
        }
        self.last += 1;
        Some(Ticket(self.last))
    }
}

impl Archive for TestArchive {
    fn is_open(&self) -> bool {
        !self.is_closed
    }

    fn has_search(&self) -> bool {
        true
    }

    fn keep(&mut self, line: &KeptLine<'_>) -> Option<Ticket> {
        let ticket = self.ticket()?;
        let write = Write::Line(line.id, OwnedLine::new(line));
        self.writes.push_back((ticket, write));
        Some(ticket)
    }

    fn change(&mut self, change: Change) -> Option<Ticket> {
        let ticket = self.ticket()?;
        self.writes.push_back((ticket, Write::Change(change)));
        Some(ticket)
    }

    fn ask(&mut self, question: Question) -> Option<Ticket> {
        let ticket = self.ticket()?;
        self.work.push_back((ticket, Work::Question(question)));
        Some(ticket)
    }

    fn hash(&mut self, work: HashWork) -> Option<Ticket> {
        let ticket = self.ticket()?;
        self.work.push_back((ticket, Work::Hash(work)));
        Some(ticket)
    }
}

impl Write {
    /// Has it kept. Returns what it found, if it is a change that tells.
    fn carry_out(&self, kept: &mut Kept, ticket: Ticket) -> Option<Settled> {
        match self {
            Self::Line(id, line) => {
                if let Place::Room(_) = line.place.kind() {
                    assert!(kept.rooms.contains_key(&line.place), "it is kept");
                }
                kept.add(*id, line.clone());
                None
            }
            Self::Change(change) => {
                check(kept, change);
                let found = kept.change(change);
                found.map(|found| Settled::Changed(ticket, found))
            }
        }
    }
}

/// Panics at a change that a store would take, and that the core has no reason for.
fn check(kept: &Kept, change: &Change) {
    let of = |account: &AccountId| kept.accounts.get(account).expect("an account is there");
    match change {
        Change::MakeAccount { name, skeleton, .. } => {
            assert!(!skeleton.is_empty());
            let twin = kept.accounts.values().find(|other| other.name == *name);
            assert!(twin.is_none(), "two accounts have one name");
        }
        Change::DropAccount { account, .. }
        | Change::SpellName { account, .. }
        | Change::SetPassword { account, .. }
        | Change::DropToken { account, .. } => {
            of(account);
        }
        Change::AddToken { account, label, .. } => {
            let twin = of(account).tokens.get(label);
            assert!(twin.is_none(), "two tokens have one label");
        }
        _ => {}
    }
}
