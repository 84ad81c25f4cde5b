//! Lines that waited for an account: sent to it when it comes, and dropped once they have arrived.

use std::collections::VecDeque;

use crate::chat::Chat;
use crate::chat::archive::{Answer, Archive, Change, PastLine, Question};
use crate::chat::event::Event;
use crate::chat::ids::{AccountId, ClientId, Place, PlaceId, UserId};
use crate::chat::outbox::{Delivery, Outbox};
use crate::chat::pending::{Effect, Response, Step};
use crate::chat::time::{Now, Timestamp};

use crate::chat::history::effects::{HistoryEffect, HistoryStep};
use crate::chat::history::mailbox::{ARRIVAL_INTERVAL, Mailbox, Waited};

impl Chat {
    /// How many lines wait for an account.
    pub(in crate::chat) fn waiting_count(&self, account: AccountId) -> u32 {
        self.history.mailbox.count(account)
    }

    /// Sends what waited to a connection of an account that has come, oldest first; to be called once it is
    /// known to be here, with all that the archive has found. Returns how many were sent.
    pub(in crate::chat) fn deliver_waiting<O: Outbox>(
        &mut self,
        now: Now,
        client: ClientId,
        account: AccountId,
        lines: Vec<PastLine>,
        outbox: &mut O,
    ) -> usize {
        let is_complete = {
            let left = lines.iter().filter(|line| !self.is_forgotten(line)).count();
            u32::try_from(left) == Ok(self.history.mailbox.count(account))
        };
        let sent = self.send_waiting(now.timestamp, client, account, lines, outbox);
        if !is_complete {
            // Somebody wrote while the account was on its way here.
            self.history
                .mailbox
                .note_incomplete(now.timestamp, account, client);
        }
        sent
    }

    fn send_waiting<O: Outbox>(
        &mut self,
        now: Timestamp,
        client: ClientId,
        account: AccountId,
        lines: Vec<PastLine>,
        outbox: &mut O,
    ) -> usize {
        let Some(user) = self.directory.user_of(client) else {
            return 0;
        };
        let Some(to) = self.directory.name_of(user) else {
            return 0;
        };
        let delivery = self.history.mailbox.new_delivery();
        // More at once would close one whose line is slow, at this login and at every other.
        let bytes_max = self.settings.history.page_bytes_max;
        let (mut bytes, mut is_cut) = (0, false);
        let mut sent = VecDeque::new();
        let mut count = 0;
        let mut last_author = None;
        for line in lines {
            let is_here = |client| self.directory.get(client).is_some();
            let mailbox = &self.history.mailbox;
            let is_sent = mailbox.was_sent(account, line.id, is_here);
            if is_sent || !self.is_to_be_sent(account, &line) {
                continue;
            }
            let waited = (line.id, line.place, line.author);
            bytes += line.text.len();
            if bytes > bytes_max && count > 0 {
                is_cut = true;
                break;
            }
            let event = Event::Late {
                id: line.id,
                from: &line.name,
                to: &to,
                at: line.at,
                text: &line.text,
            };
            if outbox.deliver(client, delivery, &event) == Delivery::Refused {
                break;
            }
            sent.push_back(waited);
            count += 1;
            last_author = line.author;
            self.note_late_sent(now, (client, delivery), account, line.author, line.id);
        }
        self.history
            .mailbox
            .note_sent(now, delivery, client, account, sent, is_cut);
        let author = last_author.and_then(|author| self.accounts.user_of(author));
        // Who is not seen has left, for all that a `/reply` tells.
        let author = author.filter(|author| self.sees(user, *author));
        if let Some(author) = author
            && let Some(user) = self.directory.user_mut(user)
        {
            user.reply_to = Some(author);
        }
        count
    }

    /// How many of the lines that the archive has found to wait an account is sent.
    pub(in crate::chat) fn count_to_be_sent(
        &self,
        account: AccountId,
        lines: &[PastLine],
    ) -> usize {
        let lines = lines.iter();
        lines
            .filter(|line| self.is_to_be_sent(account, line))
            .count()
    }

    /// Not what was forgotten since, and nothing of those whom the account blocks: that waits until it does not.
    fn is_to_be_sent(&self, account: AccountId, line: &PastLine) -> bool {
        let author = line.author;
        let is_blocked = author.is_some_and(|author| self.people.relations.blocks(account, author));
        !is_blocked && !self.is_forgotten(line)
    }

    fn is_forgotten(&self, line: &PastLine) -> bool {
        self.history.forgotten.has(line.author, line.place, line.id)
    }

    /// The connection that lines were sent to has ended, and the last of them have not arrived: they wait on.
    pub(in crate::chat) fn note_undelivered(&mut self, from: UserId, count: u64) {
        if Mailbox::is_delivery(from) {
            self.history.mailbox.note_undelivered(from, count);
        }
    }

    /// Drops what has arrived, and asks what waits for accounts whose login may not have found all.
    pub(super) fn follow_deliveries<O: Outbox>(
        &mut self,
        now: Timestamp,
        outbox: &O,
        archive: &mut dyn Archive,
    ) {
        // First, as a portion that has arrived is followed by the next.
        if self.history.mailbox.is_due(now) {
            self.drop_arrived(now, None, outbox, archive);
        }
        while let Some((account, client)) = self.history.mailbox.pop_incomplete(now) {
            let user = self.directory.user_of(client);
            if user.and_then(|user| self.account_of(user)) != Some(account) {
                continue;
            }
            let question = Question::Arrival {
                account,
                places: Vec::new(),
                up_to: self.history.lines.last(),
                without: Vec::new(),
            };
            let Some(ticket) = archive.ask(question) else {
                self.history.mailbox.put_off(now, account, client);
                break;
            };
            self.history.mailbox.note_asked(account);
            let step = Step::History(Box::new(HistoryStep::Waiting { account }));
            self.pending.ask(now, ticket, client, step);
        }
    }

    /// Has the archive drop the lines that have arrived: those of an account, or all that it is time to ask about.
    pub(in crate::chat) fn drop_arrived<O: Outbox>(
        &mut self,
        now: Timestamp,
        of: Option<AccountId>,
        outbox: &O,
        archive: &mut dyn Archive,
    ) {
        let unarrived = |client, delivery| outbox.unarrived(client, delivery);
        for arrived in self.history.mailbox.arrived(now, of, unarrived) {
            let (account, delivery) = (arrived.account, arrived.delivery);
            let erased = arrived
                .lines
                .iter()
                .filter(|one| self.is_only_kept_to_wait(one) && self.has_seen_arrive(account, one));
            // First: what the archive has no room for is tried again, all of it.
            let mut erased = erased.map(|(line, place, _)| Change::Remove {
                place: *place,
                line: *line,
            });
            let is_erased = erased.all(|erase| archive.change(erase).is_some());
            let lines = arrived.lines.iter().map(|(line, ..)| *line).collect();
            let dropped = is_erased.then_some(Change::Delivered { account, lines });
            match dropped.and_then(|dropped| archive.change(dropped)) {
                Some(ticket) => {
                    let effect = HistoryEffect::Delivered { delivery };
                    let effect = Effect::History(Box::new(effect));
                    self.pending.push(now, ticket, None, effect);
                }
                None => self.history.mailbox.keep_arrived(delivery),
            }
        }
    }

    /// Whether a line that has arrived is to be erased: it was said by a stranger, or one of both keeps no
    /// conversations.
    fn is_only_kept_to_wait(&self, (_, place, author): &Waited) -> bool {
        match place.kind() {
            Place::Pair(low, high) => {
                (low == high && author.is_none()) || !self.keeps_conversation(low, high)
            }
            Place::Room(_) => false,
        }
    }

    /// Lines that have arrived wait no longer. Authors who do not see that their recipient has come are not to
    /// tell it by how many more may wait.
    pub(super) fn waiting_arrived(&mut self, delivery: UserId, is_kept: bool) {
        for (account, author, line) in self.history.mailbox.note_dropped(delivery, is_kept) {
            let place = PlaceId::pair(account, author.unwrap_or(account));
            let waited = (line, place, author);
            // Their own pages would tell of it, too: it is erased once they see.
            let erased = author.is_some() && self.is_only_kept_to_wait(&waited);
            let erased_from = erased.then_some(place);
            if !self.has_seen_come(account, author) {
                let veiled = &mut self.people.veiled;
                veiled.add(account, author, line, erased_from);
            } else if let Some(place) = erased_from {
                // They may see only since it has arrived.
                self.people.veiled.erase(place, line);
            }
        }
    }

    /// Whether an author may know that an account has come, for which a line of theirs waited.
    fn has_seen_come(&self, account: AccountId, author: Option<AccountId>) -> bool {
        self.is_known_here(account, author) || !self.is_veiled(account, author)
    }

    /// Whether the author of a line that has arrived may know that. Strangers have no pages that could tell.
    fn has_seen_arrive(&self, account: AccountId, (_, _, author): &Waited) -> bool {
        author.is_none() || self.has_seen_come(account, *author)
    }

    /// Has the archive erase lines that waited no more when their authors came to see it.
    pub(super) fn erase_unveiled(&mut self, now: Timestamp, archive: &mut dyn Archive) {
        let erase = |place, line| archive.change(Change::Remove { place, line }).is_some();
        let retry = now.after(ARRIVAL_INTERVAL);
        self.people.veiled.take_erased(retry, erase);
    }

    /// It is known what waits for an account that is here.
    pub(super) fn waiting_answered<O: Outbox>(
        &mut self,
        now: Now,
        client: ClientId,
        account: AccountId,
        response: Response,
        outbox: &mut O,
    ) {
        let Response::Answer(Answer::Arrival { waiting, .. }) = response else {
            let none: Option<std::iter::Empty<_>> = None;
            self.history.mailbox.note_answered(account, none);
            return;
        };
        let left = waiting.iter().filter(|line| !self.is_forgotten(line));
        let authors: Vec<Option<AccountId>> = left.map(|line| line.author).collect();
        let user = self.directory.user_of(client);
        let is_here = user.and_then(|user| self.account_of(user)) == Some(account);
        let authors = is_here.then(|| authors.into_iter());
        self.history.mailbox.note_answered(account, authors);
        if is_here {
            self.send_waiting(now.timestamp, client, account, waiting, outbox);
        }
    }
}
