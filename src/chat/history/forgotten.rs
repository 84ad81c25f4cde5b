//! Lines that were forgotten while a question about lines was under way: its answer must not show them.

use crate::chat::archive::{Forgetting, Ticket};
use crate::chat::ids::{AccountId, LineId, PlaceId};

/// What was forgotten since the oldest question that has no answer was asked.
#[derive(Debug, Default)]
pub(in crate::chat) struct Forgotten {
    recent: Vec<Recent>,
    /// Lines that operators have removed, and the newest question that was under way then.
    removed: Vec<(PlaceId, LineId, Ticket)>,
}

/// Lines of one author.
#[derive(Debug)]
struct Recent {
    author: AccountId,
    what: Forgetting,
    up_to: LineId,
    /// The lines themselves, where `what` does not say which.
    lines: Vec<(PlaceId, LineId)>,
    /// The newest question that was under way then.
    until: Ticket,
}

impl Forgotten {
    /// Notes what an author has had forgotten, if a question is under way: `newest` is the last of these.
    pub fn note(
        &mut self,
        author: AccountId,
        what: Forgetting,
        up_to: LineId,
        lines: &[(PlaceId, LineId)],
        newest: Option<Ticket>,
    ) {
        let Some(until) = newest else {
            return;
        };
        let lines = match what {
            Forgetting::Last(_) => lines.to_vec(),
            Forgetting::Line(_) | Forgetting::All | Forgetting::AllIn(_) => Vec::new(),
        };
        self.recent.push(Recent {
            author,
            what,
            up_to,
            lines,
            until,
        });
    }

    /// Notes a line that was removed, if a question is under way: `newest` is the last of these.
    pub fn note_removed(&mut self, place: PlaceId, line: LineId, newest: Option<Ticket>) {
        self.removed
            .extend(newest.map(|until| (place, line, until)));
    }

    /// Drops what no question can show any more; `oldest` is the first that has no answer.
    pub fn purge(&mut self, oldest: Option<Ticket>) {
        if !self.recent.is_empty() {
            self.recent
                .retain(|one| oldest.is_some_and(|oldest| oldest <= one.until));
        }
        self.removed
            .retain(|(.., until)| oldest.is_some_and(|oldest| oldest <= *until));
    }

    /// Whether a line was forgotten.
    pub fn has(&self, author: Option<AccountId>, place: PlaceId, id: LineId) -> bool {
        let is_it = |(other, line, _): &(PlaceId, LineId, Ticket)| (*other, *line) == (place, id);
        if self.removed.iter().any(is_it) {
            return true;
        }
        let of_author = |one: &&Recent| Some(one.author) == author;
        self.recent.iter().filter(of_author).any(|one| {
            let is_among = is_among(one.what, one.up_to, place, id);
            is_among.unwrap_or_else(|| one.lines.contains(&(place, id)))
        })
    }
}

/// Whether an author's line is one of those forgotten; `None` if only the archive has said which these are.
pub(in crate::chat) fn is_among(
    what: Forgetting,
    up_to: LineId,
    place: PlaceId,
    id: LineId,
) -> Option<bool> {
    let is_of_these = match what {
        Forgetting::Line(line) => line == id,
        Forgetting::AllIn(other) => other == place,
        Forgetting::All => true,
        Forgetting::Last(_) => return None,
    };
    Some(is_of_these && id <= up_to)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOBBY: fn() -> PlaceId = || PlaceId::room(1);

    fn account(number: u32) -> AccountId {
        AccountId::new(number).unwrap()
    }

    #[test]
    fn line_is_forgotten_by_its_author_place_and_number() {
        let mut forgotten = Forgotten::default();
        let (bob, carol) = (account(1), account(2));
        let newest = Some(Ticket(5));
        forgotten.note(bob, Forgetting::AllIn(LOBBY()), LineId(9), &[], newest);
        assert!(forgotten.has(Some(bob), LOBBY(), LineId(9)));
        assert!(!forgotten.has(Some(bob), LOBBY(), LineId(10)));
        assert!(!forgotten.has(Some(bob), PlaceId::room(2), LineId(9)));
        assert!(!forgotten.has(Some(carol), LOBBY(), LineId(9)));
        assert!(!forgotten.has(None, LOBBY(), LineId(9)));
        let last = [(LOBBY(), LineId(3))];
        forgotten.note(carol, Forgetting::Last(1), LineId(9), &last, newest);
        assert!(forgotten.has(Some(carol), LOBBY(), LineId(3)));
        assert!(!forgotten.has(Some(carol), LOBBY(), LineId(4)));
    }

    #[test]
    fn forgetting_is_remembered_until_earlier_questions_are_answered() {
        let mut forgotten = Forgotten::default();
        let bob = account(1);
        forgotten.note(bob, Forgetting::All, LineId(9), &[], None);
        assert!(!forgotten.has(Some(bob), LOBBY(), LineId(1)));
        forgotten.note(bob, Forgetting::All, LineId(9), &[], Some(Ticket(5)));
        forgotten.purge(Some(Ticket(5)));
        assert!(forgotten.has(Some(bob), LOBBY(), LineId(1)));
        forgotten.purge(Some(Ticket(6)));
        assert!(!forgotten.has(Some(bob), LOBBY(), LineId(1)));
    }
}
