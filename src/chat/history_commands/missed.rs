//! What was missed and is unread: on entering a kept room, by `/unread`, and by `/read`.

use smallvec::SmallVec;

use crate::chat::archive::{Answer, Archive, COUNTED_MAX, Change, MissedLines, NotKept, Question};
use crate::chat::command::PlaceName;
use crate::chat::event::{HistoryReply, Missed};
use crate::chat::ids::{AccountId, ClientId, LineId, PlaceId, RoomId, UserId};
use crate::chat::name::RoomName;
use crate::chat::outbox::Outbox;
use crate::chat::pending::Response;
use crate::chat::refusal::{AccountRefusal, MembershipRefusal, Refusal};
use crate::chat::time::{Now, Timestamp};
use crate::chat::user::User;
use crate::chat::{Answered, Chat, Outcome, Sender, answer};

use super::keep::not_kept;
use crate::chat::history::effects::{HistoryEffect, HistoryStep};
use crate::chat::history::kept_rooms::Said;

impl Chat {
    /// The places of those rooms that are kept.
    pub(in crate::chat) fn kept_places_of_rooms(&self, rooms: &[RoomId]) -> Vec<PlaceId> {
        let rooms = rooms.iter().filter_map(|room| self.rooms.get(*room));
        rooms.filter_map(|room| room.kept).collect()
    }

    /// How many lines these places have had: to be asked with [`Question::Arrival`], for
    /// [`Chat::missed_since`].
    pub(in crate::chat) fn said_in(&self, places: &[PlaceId]) -> Said {
        let said = |place: &PlaceId| Some((*place, self.history.kept.get(*place)?.said));
        places.iter().filter_map(said).collect()
    }

    /// What an account missed, by room, as the archive has found it.
    pub(in crate::chat) fn missed_view(&self, missed: &[MissedLines]) -> Vec<Missed> {
        let view = |lines: &MissedLines| {
            Some(Missed {
                room: self.history.kept.get(lines.place)?.name,
                count: lines.count,
                since: lines.since,
            })
        };
        let mut missed: Vec<Missed> = missed.iter().filter_map(view).collect();
        missed.sort_unstable_by_key(|missed| missed.room);
        missed
    }

    /// As [`Chat::missed_view`], for an account that enters its rooms only now: with what was said there since the
    /// archive was asked. `clock` is now.
    pub(in crate::chat) fn missed_since(
        &self,
        missed: &[MissedLines],
        said: &Said,
        clock: u64,
    ) -> Vec<Missed> {
        let mut all = missed.to_vec();
        for (place, before) in said {
            let now = self.history.kept.get(*place).map_or(0, |room| room.said);
            let more = now.saturating_sub(*before);
            if more == 0 {
                continue;
            }
            match all.iter_mut().find(|missed| missed.place == *place) {
                Some(missed) => missed.count = (missed.count + more).min(COUNTED_MAX),
                None => all.push(MissedLines {
                    place: *place,
                    count: more.min(COUNTED_MAX),
                    since: clock,
                }),
            }
        }
        self.missed_view(&all)
    }

    /// A user has entered a room: what was said before counts as sent from now on.
    pub(in crate::chat) fn note_entered(&mut self, now: Timestamp, who: UserId, room: RoomId) {
        let Some(place) = self.rooms.get(room).and_then(|room| room.kept) else {
            return;
        };
        if let Some(account) = self.account_of(who) {
            // By then every question of what was missed has its answer, or will have none.
            let due = now.after(self.settings.history.keep_time);
            let last = self.history.lines.last();
            self.history.marks.note_entered(due, account, place, last);
        }
    }

    /// A user has become an account's, in all the rooms that they are in.
    pub(in crate::chat) fn note_rooms(&mut self, now: Timestamp, who: UserId) {
        let user = self.directory.user(who);
        let rooms = user.map(|user| user.rooms.iter().map(|own| own.room).collect());
        let rooms: SmallVec<[RoomId; 4]> = rooms.unwrap_or_default();
        for room in rooms {
            self.note_entered(now, who, room);
        }
    }

    /// A user has left a room, or leaves it now.
    pub(in crate::chat) fn note_left(&mut self, account: Option<AccountId>, room: RoomId) {
        let Some(place) = self.rooms.get(room).and_then(|room| room.kept) else {
            return;
        };
        if let Some(account) = account {
            let last = self.history.lines.last();
            self.history.marks.note_left(account, place, last);
        }
    }

    /// The last connection of a user has ended.
    pub(in crate::chat) fn note_gone(&mut self, user: &User) {
        let Some(account) = user.account else {
            return;
        };
        for own in &user.rooms {
            self.note_left(Some(account), own.room);
        }
        self.history.marks.write_account(account, true);
    }

    /// Asks what an account missed in a room that it has just entered. `None`: nothing is kept there, or the
    /// archive has too much to do.
    pub(in crate::chat) fn ask_missed<'a>(
        &mut self,
        now: Now,
        sender: &Sender,
        room: RoomId,
        archive: &mut dyn Archive,
    ) -> Option<Outcome<'a>> {
        let room = self.rooms.get(room)?;
        let (place, room) = (room.kept?, room.name);
        let account = self.account_of(sender.user)?;
        let question = Question::Arrival {
            account,
            places: vec![place],
            up_to: self.history.lines.last(),
            without: self.unwanted_accounts(sender.user),
        };
        let step = HistoryStep::Joined {
            place,
            room,
            account,
        };
        let asked = self.ask_history(now, sender.client, question, step, archive);
        asked.ok().map(Ok)
    }

    /// It is known what was missed in a room.
    pub(super) fn join_answered<'a, O: Outbox>(
        &mut self,
        client: ClientId,
        place: PlaceId,
        room: RoomName,
        account: AccountId,
        response: Response,
        outbox: &mut O,
    ) -> Outcome<'a> {
        self.history.marks.settle_entered(account, place);
        let missed = match response {
            Response::Answer(Answer::Arrival { missed, .. }) => missed,
            _ => Vec::new(),
        };
        let missed = self.missed_view(&missed);
        let missed = missed.into_iter().find(|missed| missed.room == room);
        // Another connection of the user's may have left it since.
        let user = self.directory.user_of(client);
        let user = user.and_then(|user| self.directory.user(user));
        let id = self.rooms.find(&room);
        let is_in = |id: &RoomId| user.is_some_and(|user| user.membership(*id).is_some());
        let not_in_room = MembershipRefusal::NotInRoom { room: Some(room) };
        let id = id.filter(is_in).ok_or(not_in_room)?;
        self.answer_joined(client, id, missed, outbox)
    }

    pub(super) fn unread<'a>(
        &mut self,
        now: Now,
        sender: &Sender,
        archive: &mut dyn Archive,
    ) -> Outcome<'a> {
        let account = self.account_needed(sender)?;
        let user = self.directory.user(sender.user);
        let user = user.ok_or(Refusal::NotRegistered)?;
        let rooms: SmallVec<[RoomId; 4]> = user.rooms.iter().map(|own| own.room).collect();
        self.history.marks.write_account(account, false);
        let question = Question::Unread {
            account,
            rooms: self.kept_places_of_rooms(&rooms),
            up_to: self.history.lines.last(),
            without: self.unwanted_accounts(sender.user),
        };
        let step = HistoryStep::Unread { account };
        self.ask_history(now, sender.client, question, step, archive)
    }

    pub(super) fn unread_answered<'a, O: Outbox>(
        &mut self,
        client: ClientId,
        account: AccountId,
        response: Response,
        outbox: &mut O,
    ) -> Outcome<'a> {
        let user = self.directory.user_of(client);
        let user = user.and_then(|user| self.directory.user(user));
        let user = user.filter(|user| user.account == Some(account));
        let user = user.ok_or(AccountRefusal::LoginRequired)?;
        let Response::Answer(Answer::Unread(places)) = response else {
            return Err(AccountRefusal::Busy.into());
        };
        let readable = places
            .iter()
            .filter(|(place, _)| self.may_read(user, *place));
        let labelled = readable.filter_map(|(place, count)| {
            let label = self.label_of(*place, Some(account))?;
            Some((label, *count))
        });
        let mut labelled: Vec<_> = labelled.collect();
        labelled.sort_unstable();
        let places: Vec<_> = labelled
            .iter()
            .map(|(label, count)| (label.view(), *count))
            .collect();
        answer(outbox, client, HistoryReply::Unread { places: &places })
    }

    pub(super) fn read<'a, O: Outbox>(
        &mut self,
        now: Now,
        sender: &Sender,
        place: PlaceName,
        up_to: Option<LineId>,
        outbox: &mut O,
        archive: &mut dyn Archive,
    ) -> Outcome<'a> {
        let account = self.account_needed(sender)?;
        let (place, _) = match self.readable_place(sender, place) {
            Ok(found) => found,
            Err(why) => return why.answer(sender.client, outbox),
        };
        let last = self.history.lines.last();
        let up_to = up_to.map_or(last, |up_to| up_to.min(last));
        self.history.marks.write_account(account, false);
        self.write_marks(now.timestamp, archive);
        let change = Change::Mark {
            account,
            place,
            read: Some(up_to),
            shown: None,
        };
        let effect = HistoryEffect::Read { place, up_to };
        self.change_history(now, sender.client, change, effect, archive)
    }

    /// A mark is kept, or is known not to be.
    pub(super) fn read_kept<'a, O: Outbox>(
        &mut self,
        client: Option<ClientId>,
        place: PlaceId,
        up_to: LineId,
        kept: Result<(), NotKept>,
        outbox: &mut O,
    ) -> Outcome<'a> {
        if kept.is_err() {
            return not_kept();
        }
        let Some(client) = client else {
            return Ok(Answered::Now);
        };
        let user = self.directory.user_of(client);
        let account = user.and_then(|user| self.account_of(user));
        let Some(label) = self.label_of(place, account) else {
            return not_kept();
        };
        if let Some(account) = account {
            self.note_read_up_to(account, place, Some(up_to), outbox);
        }
        let place = label.view();
        answer(outbox, client, HistoryReply::Read { place, up_to })
    }
}
