//! What was handed to the archive, and whose answer waits for it.
//!
//! Lines and changes are kept in the order of their tickets, so one queue says which answers are due.
//! Questions and hashes are answered in any order, by ticket.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Duration;

use ahash::RandomState;

use super::accounts::effects::{AccountEffect, AccountStep};
use super::archive::{Answer, ChangeAnswer, Hashed, Ticket};
use super::history::effects::{HistoryEffect, HistoryStep, LineEffect};
use super::ids::ClientId;
use super::moderation::effects::ModerationEffect;
use super::operators::effects::{OperatorEffect, OperatorStep};
use super::people::effects::{PeopleEffect, PeopleStep};
use super::time::Timestamp;

/// Kept lines of one client that may be without an answer: a paste is one or two commits of the archive.
pub const UNANSWERED_MAX: u32 = 64;

/// Refusals that were given, and stand in the queue until what is before them is settled: fewer are not worth the
/// look.
const SPENT_MAX: usize = 256;

/// Lines and changes that are not known to be kept, questions without an answer, and the clients who wait.
#[derive(Debug)]
pub(super) struct Pending {
    /// In the order of tickets.
    queue: VecDeque<Waiting>,
    /// So many at the front of the queue were answered already, as their time was up.
    late: usize,
    /// Of these, the refusals that only kept their order.
    spent: usize,
    asked: BTreeMap<Ticket, Asked>,
    /// The lines without an answer, of each client that has one.
    unanswered: HashMap<ClientId, u32, RandomState>,
    keep_time: Duration,
}

/// A line or a change.
#[derive(Debug)]
pub(super) struct Waiting {
    ticket: Ticket,
    /// When the client is answered, whatever is known then.
    until: Timestamp,
    /// Who is answered; `None` if nobody is, or was already.
    pub client: Option<ClientId>,
    /// What follows.
    pub effect: Effect,
    /// What the change found.
    pub answer: Option<ChangeAnswer>,
    /// Its time was up before it was known.
    pub is_late: bool,
}

/// What follows once a line or a change is kept, or is known not to be.
#[derive(Debug)]
pub(super) enum Effect {
    /// Nothing but the answer, if there is one.
    Line(LineEffect),
    /// See there.
    Account(Box<AccountEffect>),
    /// See there.
    History(Box<HistoryEffect>),
    /// See there.
    Operator(Box<OperatorEffect>),
    /// See there.
    People(Box<PeopleEffect>),
    /// See there.
    Moderation(Box<ModerationEffect>),
}

impl Effect {
    /// Whether it is an answer that is known, and only keeps its order.
    fn is_refusal(&self) -> bool {
        matches!(self, Self::Line(LineEffect::Decided(_)))
    }
}

/// A question or a hash.
#[derive(Debug)]
pub(super) struct Asked {
    /// Who asked.
    pub client: ClientId,
    until: Timestamp,
    /// What follows.
    pub step: Step,
}

/// What follows once a question is answered.
#[derive(Debug)]
pub(super) enum Step {
    /// See there.
    Account(Box<AccountStep>),
    /// See there.
    History(Box<HistoryStep>),
    /// See there.
    Operator(Box<OperatorStep>),
    /// See there.
    People(Box<PeopleStep>),
}

/// What came of a question.
#[derive(Debug)]
pub(super) enum Response {
    /// The answer to a question.
    Answer(Answer),
    /// Work with a secret is done.
    Hashed(Hashed),
    /// There is none: the archive cannot be read, or was not in time.
    Failed,
}

impl Pending {
    pub fn new(keep_time: Duration, hasher: RandomState) -> Self {
        Self {
            queue: VecDeque::new(),
            late: 0,
            spent: 0,
            asked: BTreeMap::new(),
            unanswered: HashMap::with_hasher(hasher),
            keep_time,
        }
    }

    /// How many lines of a client have no answer yet.
    pub fn unanswered(&self, client: ClientId) -> u32 {
        if self.unanswered.is_empty() {
            return 0;
        }
        self.unanswered.get(&client).copied().unwrap_or_default()
    }

    /// Notes what follows once a line or a change is kept. `client` has one line more without an answer.
    pub fn push(
        &mut self,
        now: Timestamp,
        ticket: Ticket,
        client: Option<ClientId>,
        effect: Effect,
    ) {
        debug_assert!(self.queue.back().is_none_or(|last| last.ticket <= ticket));
        if let Some(client) = client {
            *self.unanswered.entry(client).or_default() += 1;
        }
        self.queue.push_back(Waiting {
            ticket,
            until: now.after(self.keep_time),
            client,
            effect,
            answer: None,
            is_late: false,
        });
    }

    /// As [`Pending::push`], behind all that was pushed before: for an answer that is known, and must keep
    /// its order. Returns the effect if nothing is before it.
    pub fn push_behind(
        &mut self,
        now: Timestamp,
        client: ClientId,
        effect: Effect,
    ) -> Result<(), Effect> {
        let Some(ticket) = self.queue.back().map(|last| last.ticket) else {
            return Err(effect);
        };
        self.push(now, ticket, Some(client), effect);
        Ok(())
    }

    /// Notes what follows once a question is answered. `client` has one line more without an answer.
    pub fn ask(&mut self, now: Timestamp, ticket: Ticket, client: ClientId, step: Step) {
        *self.unanswered.entry(client).or_default() += 1;
        let until = now.after(self.keep_time);
        self.asked.insert(
            ticket,
            Asked {
                client,
                until,
                step,
            },
        );
    }

    /// A line of a client was answered. Returns whether that was the last of them.
    pub fn note_answered(&mut self, client: ClientId) -> bool {
        let Some(count) = self.unanswered.get_mut(&client) else {
            return false;
        };
        *count -= 1;
        let is_last = *count == 0;
        if is_last {
            self.unanswered.remove(&client);
        }
        is_last
    }

    /// Forgets who waits: the connection has ended. What follows for others stays.
    pub fn forget(&mut self, client: ClientId) {
        self.unanswered.remove(&client);
    }

    /// Notes what a change found.
    pub fn note(&mut self, ticket: Ticket, answer: ChangeAnswer) {
        // The first of its ticket: what was pushed behind it has the same.
        let place = self.queue.partition_point(|one| one.ticket < ticket);
        if let Some(waiting) = self.queue.get_mut(place).filter(|one| one.ticket == ticket) {
            waiting.answer = Some(answer);
        }
    }

    /// Takes out the first line or change, if its ticket is at most this one.
    pub fn pop(&mut self, last: Ticket) -> Option<Waiting> {
        if self.queue.front()?.ticket > last {
            return None;
        }
        let mut first = self.queue.pop_front()?;
        first.is_late = self.late > 0;
        self.late = self.late.saturating_sub(1);
        if first.is_late && first.effect.is_refusal() {
            self.spent = self.spent.saturating_sub(1);
        }
        Some(first)
    }

    /// The first question that has no answer.
    pub fn oldest_question(&self) -> Option<Ticket> {
        Some(*self.asked.first_key_value()?.0)
    }

    /// The last question that has no answer.
    pub fn newest_question(&self) -> Option<Ticket> {
        Some(*self.asked.last_key_value()?.0)
    }

    /// Takes out what was asked with this ticket.
    pub fn take_asked(&mut self, ticket: Ticket) -> Option<Asked> {
        self.asked.remove(&ticket)
    }

    /// Takes out a question that is not answered in time.
    pub fn pop_late_question(&mut self, now: Timestamp) -> Option<Asked> {
        let first = self.asked.first_entry()?;
        (first.get().until <= now).then(|| first.remove())
    }

    /// The next line or change that is not known to be kept in time, and who is to be answered. It stays where
    /// it is, and is answered no more.
    pub fn next_late(&mut self, now: Timestamp) -> Option<(Option<ClientId>, &mut Effect)> {
        self.drop_spent();
        let waiting = self.queue.get_mut(self.late)?;
        if waiting.until > now {
            return None;
        }
        self.late += 1;
        self.spent += usize::from(waiting.effect.is_refusal());
        Some((waiting.client.take(), &mut waiting.effect))
    }

    /// Drops refusals that were given: nothing follows from them, and no queue of the archive's limits how many
    /// come while it is stuck.
    fn drop_spent(&mut self) {
        if self.spent <= SPENT_MAX || self.spent <= self.late / 2 {
            return;
        }
        let mut late = self.late;
        self.queue.retain(|waiting| {
            let is_late = late > 0;
            late = late.saturating_sub(1);
            !(is_late && waiting.effect.is_refusal())
        });
        self.late -= self.spent;
        self.spent = 0;
    }

    /// When something is late.
    pub fn next_due(&self) -> Timestamp {
        let line = self.queue.get(self.late).map(|waiting| waiting.until);
        let question = self.asked.first_key_value().map(|(_, asked)| asked.until);
        let due = line.into_iter().chain(question).min();
        due.unwrap_or(Timestamp::NEVER)
    }

    /// Panics if those who wait and what they wait for disagree.
    pub fn check_invariants(&self) {
        assert!(self.queue.iter().is_sorted_by_key(|waiting| waiting.ticket));
        assert!(self.late <= self.queue.len());
        let late = self.queue.iter().take(self.late);
        let refusals = late.filter(|waiting| waiting.effect.is_refusal());
        assert_eq!(refusals.count(), self.spent);
        for (client, count) in &self.unanswered {
            let waits = self.queue.iter().filter_map(|waiting| waiting.client);
            let asks = self.asked.values().map(|asked| asked.client);
            let both = waits.chain(asks).filter(|other| other == client).count();
            assert_eq!(both, *count as usize, "{client} waits for its answers");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::history::effects::Decided;
    use crate::chat::ids::LineId;

    #[test]
    fn refusals_that_were_given_do_not_pile_up_behind_a_line_that_is_stuck() {
        let hasher = RandomState::with_seeds(1, 2, 3, 4);
        let keep_time = Duration::from_secs(5);
        let mut pending = Pending::new(keep_time, hasher);
        let client = ClientId {
            slot: 0,
            generation: 0,
        };
        let stuck = || Effect::Line(LineEffect::Kept { id: LineId(1) });
        let refusal = || Effect::Line(LineEffect::Decided(Decided::NotKept));
        let mut now = Timestamp::default();
        pending.push(now, Ticket(1), Some(client), stuck());
        let mut answered = 0;
        for _ in 0..10 * SPENT_MAX {
            now = now.after(Duration::from_millis(100));
            pending.push_behind(now, client, refusal()).unwrap();
            while let Some((client, _)) = pending.next_late(now) {
                pending.note_answered(client.unwrap());
                answered += 1;
            }
            pending.check_invariants();
        }
        assert!(
            pending.queue.len() < 2 * SPENT_MAX,
            "{}",
            pending.queue.len()
        );
        assert_eq!(
            answered + pending.unanswered(client) as usize,
            10 * SPENT_MAX + 1
        );
        // The line is settled all the same, and so is what is behind it and was not given.
        assert!(pending.pop(Ticket(1)).unwrap().is_late);
        let rest = std::iter::from_fn(|| pending.pop(Ticket(1)));
        let given = rest.filter(|waiting| waiting.client.is_some()).count();
        assert_eq!(given, pending.unanswered(client) as usize);
        assert!(pending.queue.is_empty() && pending.late == 0 && pending.spent == 0);
    }
}
