//! The core's end of the store.

use std::sync::Arc;

use crate::chat::archive::{Archive, Change, HashWork, KeptLine, Question, Ticket};

use super::queue::{Entry, change_payload, question_payload};
use super::worker::Shared;

/// Hands things to the store's threads; none of it waits.
#[derive(Clone, Debug)]
pub struct StoreHandle {
    shared: Arc<Shared>,
}

impl StoreHandle {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }
}

impl Archive for StoreHandle {
    fn is_open(&self) -> bool {
        true
    }

    fn has_search(&self) -> bool {
        self.shared.has_search()
    }

    fn keep(&mut self, line: &KeptLine<'_>) -> Option<Ticket> {
        self.shared.queue.push_line(line)
    }

    fn change(&mut self, change: Change) -> Option<Ticket> {
        let payload = change_payload(&change);
        let entry = |ticket| Entry::Change(ticket, change);
        self.shared.queue.push(payload, entry)
    }

    fn ask(&mut self, question: Question) -> Option<Ticket> {
        let place = self.shared.questions.take()?;
        let payload = question_payload(&question);
        let entry = |ticket| Entry::Question(ticket, question);
        let ticket = self.shared.queue.push(payload, entry);
        place.keep_if(ticket.is_some());
        ticket
    }

    fn hash(&mut self, work: HashWork) -> Option<Ticket> {
        let place = match &work {
            HashWork::MakePassword(_) | HashWork::CheckPassword { .. } => &self.shared.hashes,
            HashWork::MakeToken
            | HashWork::CheckToken(_)
            | HashWork::MakeCode
            | HashWork::CheckCode(_) => &self.shared.questions,
        };
        let place = place.take()?;
        let entry = |ticket| Entry::Hash(ticket, work);
        let ticket = self.shared.queue.push(0, entry);
        place.keep_if(ticket.is_some());
        ticket
    }
}
