//! `/forget`: an account's own lines are erased, and who may have them on the screen is told.

use crate::chat::archive::{Archive, Change, ChangeAnswer, FORGOTTEN_TOLD_MAX, Forgetting};
use crate::chat::command::{ForgetCommand, PlaceName};
use crate::chat::event::{Event, HistoryReply};
use crate::chat::ids::{AccountId, ClientId, LineId, Place, PlaceId};
use crate::chat::member::Member;
use crate::chat::name::Name;
use crate::chat::outbox::Outbox;
use crate::chat::refusal::{HistoryRefusal, MembershipRefusal};
use crate::chat::time::Now;
use crate::chat::{Answered, Chat, Outcome, Sender, answer};

use crate::chat::history::effects::HistoryEffect;
use crate::chat::history::forgotten::is_among;

impl Chat {
    pub(super) fn forget<'a, O: Outbox>(
        &mut self,
        now: Now,
        sender: &Sender,
        command: ForgetCommand,
        outbox: &mut O,
        archive: &mut dyn Archive,
    ) -> Outcome<'a> {
        let account = self.account_needed(sender)?;
        let what = match command {
            ForgetCommand::Line(id) => Forgetting::Line(id),
            // Each of them is named to those who may have it on the screen.
            ForgetCommand::Last(count) => {
                let most = u32::try_from(FORGOTTEN_TOLD_MAX).unwrap_or(u32::MAX);
                Forgetting::Last(count.min(most))
            }
            ForgetCommand::All => Forgetting::All,
            ForgetCommand::AllIn(place) => match self.own_place(sender, account, place)? {
                Some(place) => Forgetting::AllIn(place),
                // No place, or one of which the user need not know: nothing of theirs is kept there.
                None => return answer(outbox, sender.client, HistoryReply::Forgotten { count: 0 }),
            },
        };
        let up_to = self.history.lines.last();
        let change = Change::Forget {
            account,
            what,
            up_to,
        };
        let effect = HistoryEffect::Forget {
            account,
            what,
            up_to,
        };
        self.change_history(now, sender.client, change, effect, archive)
    }

    /// The place that a user names, whether they may read it or not: their own lines are theirs.
    fn own_place(
        &self,
        sender: &Sender,
        account: AccountId,
        place: PlaceName,
    ) -> Result<Option<PlaceId>, MembershipRefusal<'static>> {
        match place {
            PlaceName::Current => {
                let none = MembershipRefusal::NotInRoom { room: None };
                let room = self.current_room(sender.client).ok_or(none)?;
                Ok(self.rooms.get(room).ok_or(none)?.kept)
            }
            PlaceName::Room(name) => Ok(self.history.kept.find(&name)),
            PlaceName::User(name) => {
                let other = self.accounts.find(&name);
                Ok(other.map(|other| PlaceId::pair(account, other)))
            }
        }
    }

    /// Lines are forgotten, and that is kept.
    pub(super) fn forgotten<'a, O: Outbox>(
        &mut self,
        client: Option<ClientId>,
        account: AccountId,
        what: Forgetting,
        up_to: LineId,
        found: Option<ChangeAnswer>,
        outbox: &mut O,
    ) -> Outcome<'a> {
        let Some(ChangeAnswer::Forgotten {
            count,
            mut lines,
            waited,
        }) = found
        else {
            return Err(HistoryRefusal::NoSuchLine.into());
        };
        let newest = self.pending.newest_question();
        let history = &mut self.history;
        history.forgotten.purge(self.pending.oldest_question());
        history.forgotten.note(account, what, up_to, &lines, newest);
        let is_forgotten = |place, id| {
            let is_among = is_among(what, up_to, place, id);
            is_among.unwrap_or_else(|| lines.contains(&(place, id)))
        };
        history
            .mailbox
            .note_forgotten(account, &waited, is_forgotten);
        for recipient in self.people.veiled.recipients(Some(account)) {
            let place = PlaceId::pair(account, recipient);
            let stays = |id| !is_forgotten(place, id);
            self.people.veiled.retain(recipient, Some(account), stays);
        }
        lines.sort_unstable();
        let by_place = lines.chunk_by(|(one, _), (other, _)| one == other);
        for lines in by_place {
            if let Some((place, _)) = lines.first() {
                let ids: Vec<LineId> = match what {
                    Forgetting::Line(_) | Forgetting::Last(_) => {
                        lines.iter().map(|(_, id)| *id).collect()
                    }
                    Forgetting::All | Forgetting::AllIn(_) => Vec::new(),
                };
                self.announce_forgotten(account, *place, &ids, outbox);
            }
        }
        if count == 0 && matches!(what, Forgetting::Line(_)) {
            return Err(HistoryRefusal::NoSuchLine.into());
        }
        match client {
            Some(client) => answer(outbox, client, HistoryReply::Forgotten { count }),
            None => Ok(Answered::Now),
        }
    }

    /// Tells who is in a place now, and the author.
    fn announce_forgotten<O: Outbox>(
        &self,
        author: AccountId,
        place: PlaceId,
        ids: &[LineId],
        outbox: &mut O,
    ) {
        let Some(from) = self.accounts.name_of(author) else {
            return;
        };
        let Place::Pair(low, high) = place.kind() else {
            self.announce_forgotten_in_room(author, &from, place, ids, outbox);
            return;
        };
        for to in [Some(low), Some(high).filter(|high| *high != low)] {
            // They have none of it.
            let to = to.filter(|to| !self.people.relations.blocks(*to, author));
            if let Some(to) = to {
                self.tell_forgotten(to, &from, place, ids, outbox);
            }
        }
    }

    /// Tells one account, on all its connections.
    fn tell_forgotten<O: Outbox>(
        &self,
        to: AccountId,
        from: &Name,
        place: PlaceId,
        ids: &[LineId],
        outbox: &mut O,
    ) {
        let (Some(user), Some(label)) = (self.accounts.user_of(to), self.label_of(place, Some(to)))
        else {
            return;
        };
        let place = label.view();
        let event = Event::Forgotten { place, from, ids };
        for client in self.directory.connections_of(user) {
            outbox.send(client, &event);
        }
    }

    fn announce_forgotten_in_room<O: Outbox>(
        &self,
        author: AccountId,
        from: &Name,
        place: PlaceId,
        ids: &[LineId],
        outbox: &mut O,
    ) {
        let Some(label) = self.label_of(place, None) else {
            return;
        };
        let Some(kept) = self.history.kept.get(place) else {
            return;
        };
        let room = self.rooms.find(&kept.name);
        let room = room.and_then(|room| self.rooms.get(room));
        let author_user = self.accounts.user_of(author);
        let mut is_told = false;
        if let Some(room) = room {
            is_told = author_user.is_some_and(|author| {
                let user = self.directory.user(author);
                let id = self.rooms.find(&kept.name);
                id.is_some_and(|id| user.is_some_and(|user| user.membership(id).is_some()))
            });
            let place = label.view();
            let event = Event::Forgotten { place, from, ids };
            let is_blocked = |member: &Member| {
                author_user.is_some_and(|author| self.blocks(member.user(), author))
            };
            let members = room.members.connections();
            let members = members.filter(|member| !member.filters() || !is_blocked(member));
            outbox.announce(&room.name, members.map(Member::addressee), &event);
        }
        if !is_told {
            self.tell_forgotten(author, from, place, ids, outbox);
        }
    }
}
