//! `/keep`: which rooms are kept, from when their change is known to be kept until the next is.

use crate::chat::archive::{Archive, Change, NotKept};
use crate::chat::command::KeepCommand;
use crate::chat::event::{Event, HistoryReply, SettingReply};
use crate::chat::ids::{AccountId, ClientId, LineId, PlaceId, RoomId};
use crate::chat::member::Member;
use crate::chat::name::{Name, RoomName};
use crate::chat::outbox::Outbox;
use crate::chat::pending::Effect;
use crate::chat::refusal::{AccountRefusal, HistoryRefusal, MembershipRefusal, Refusal};
use crate::chat::rooms::Room;
use crate::chat::time::{Now, Timestamp};
use crate::chat::{Answered, Chat, Outcome, Sender, answer};

use crate::chat::history::effects::{HistoryEffect, KeepRoom};
use crate::chat::history::kept_rooms::{KeptInfo, KeptRoom};
use crate::chat::history::mailbox::ARRIVAL_INTERVAL;
use crate::chat::moderation_commands::ranks::Rank;

impl Chat {
    pub(super) fn keep<'a>(
        &mut self,
        now: Now,
        sender: &Sender,
        command: KeepCommand,
        archive: &mut dyn Archive,
    ) -> Outcome<'a> {
        let none = MembershipRefusal::NotInRoom { room: None };
        let id = self.current_room(sender.client).ok_or(none)?;
        let room = self.rooms.get(id).ok_or(none)?;
        let (name, topic) = (room.name, room.topic.clone());
        let kept = self.history.kept.find(&name);
        let owner = kept.and_then(|place| self.history.kept.get(place)?.owner);
        let is_lobby = id == self.rooms.lobby();
        let rank = self.rank_of(sender, &name);
        // Its end makes a room nobody's: no operator takes it from its owner so.
        let needed = match command {
            _ if is_lobby => Rank::Server,
            KeepCommand::On(_) if owner.is_some() => Rank::Operator,
            KeepCommand::Off if owner.is_some() => Rank::Owner,
            _ => Rank::Member,
        };
        // The lobby is nobody's, and an owned room stays its owner's.
        let new_owner = match owner {
            None if !is_lobby => Some(self.account_needed(sender)?),
            owner => owner,
        };
        if rank < needed {
            self.account_needed(sender)?;
            return Err(HistoryRefusal::NotOperator { room: name }.into());
        }
        if self.history.kept.is_changing(&name) {
            return Err(AccountRefusal::Busy.into());
        }
        match command {
            KeepCommand::On(days) => {
                let limits = &self.settings.history;
                let (days_max, rooms_max) = (limits.days_max, limits.kept_rooms_max);
                let days = days.unwrap_or(days_max);
                if days > days_max {
                    return Err(HistoryRefusal::TooManyDays { days_max }.into());
                }
                let is_too_many = |owner| self.history.kept.owned_by(owner) >= rooms_max;
                if owner.is_none() && new_owner.is_some_and(is_too_many) {
                    return Err(HistoryRefusal::TooManyKeptRooms { rooms_max }.into());
                }
                let place = kept.unwrap_or_else(|| self.history.kept.new_place());
                if is_lobby {
                    self.history.lobby_place = Some(place);
                }
                let keep = KeepRoom {
                    place,
                    room: name,
                    owner: new_owner,
                    days: days.max(1),
                    topic,
                    from: Some(sender.name),
                };
                let (change, effect) = (keep.change(), HistoryEffect::KeepRoom(keep));
                let answered = self.change_history(now, sender.client, change, effect, archive)?;
                self.history.kept.begin_keeping(name, new_owner);
                self.reserve_lines(now.timestamp, archive);
                Ok(answered)
            }
            KeepCommand::Off => {
                let not_kept = HistoryRefusal::NotKeptHere { room: name };
                let place = kept.ok_or(not_kept)?;
                let from = sender.name;
                let room = name;
                let effect = HistoryEffect::UnkeepRoom { place, room, from };
                let change = Change::UnkeepRoom { place };
                let answered = self.change_history(now, sender.client, change, effect, archive)?;
                self.history.kept.begin_ending(name);
                // What is said from now on would come behind the change.
                if let Some(room) = self.rooms.get_mut(id) {
                    room.kept = None;
                }
                Ok(answered)
            }
        }
    }

    /// Asks for what the server needs from the start: numbers for lines, and that the lobby is kept.
    pub(super) fn start_history(&mut self, now: Timestamp, archive: &mut dyn Archive) {
        self.history.start_due = Timestamp::NEVER;
        let mut is_asked = self.reserve_lines(now, archive);
        if let Some(days) = self.history.lobby_wanted {
            is_asked &= self.keep_lobby(now, days, archive);
        }
        if !is_asked {
            self.history.start_due = now.after(ARRIVAL_INTERVAL);
        }
    }

    fn keep_lobby(&mut self, now: Timestamp, days: u32, archive: &mut dyn Archive) -> bool {
        let lobby = self.rooms.lobby();
        let Some(room) = self.rooms.get(lobby) else {
            return true;
        };
        let (name, topic) = (room.name, room.topic.clone());
        let place = self.history.lobby_place;
        let place = place.unwrap_or_else(|| self.history.kept.new_place());
        self.history.lobby_place = Some(place);
        let keep = KeepRoom {
            place,
            room: name,
            owner: None,
            days,
            topic,
            from: None,
        };
        let Some(ticket) = archive.change(keep.change()) else {
            return false;
        };
        self.history.lobby_wanted = None;
        self.history.kept.begin_keeping(name, None);
        let effect = Effect::History(Box::new(HistoryEffect::KeepRoom(keep)));
        self.pending.push(now, ticket, None, effect);
        true
    }

    /// A room is kept from now on, or by another rule.
    pub(super) fn room_kept<'a, O: Outbox>(
        &mut self,
        now: Now,
        client: Option<ClientId>,
        keep: &KeepRoom,
        kept: Result<(), NotKept>,
        outbox: &mut O,
        archive: &mut dyn Archive,
    ) -> Outcome<'a> {
        self.history.kept.end_change(&keep.room);
        if kept.is_err() {
            return not_kept();
        }
        // The account may be gone since.
        let owner = keep
            .owner
            .filter(|owner| self.accounts.name_of(*owner).is_some());
        let before = self.history.kept.remove(keep.place);
        let (name, days) = (keep.room, keep.days);
        let is_new = before.is_none();
        let room = match before {
            Some(before) => KeptRoom {
                owner,
                days,
                ..before
            },
            None => KeptRoom {
                name,
                owner,
                days,
                topic: keep.topic.clone(),
                said: 0,
            },
        };
        self.history.kept.insert(keep.place, room);
        if is_new {
            self.keep_rules(keep.place, &name, archive);
        }
        if let Some(id) = self.rooms.find(&keep.room) {
            self.begin_keeping(now.timestamp, id, keep, archive);
            if let Some(from) = &keep.from {
                self.announce_kept(client, id, from, Some(keep.days), outbox);
            }
        }
        let Some(client) = client else {
            return Ok(Answered::Now);
        };
        let owner = owner.and_then(|owner| self.accounts.name_of(owner));
        let reply = HistoryReply::Kept {
            room: &keep.room,
            days: keep.days,
            owner: owner.as_ref(),
        };
        answer(outbox, client, reply)
    }

    /// Marks a room that exists as kept; who is in it has seen all that was said before.
    fn begin_keeping(
        &mut self,
        now: Timestamp,
        id: RoomId,
        keep: &KeepRoom,
        archive: &mut dyn Archive,
    ) {
        let Some(room) = self.rooms.get_mut(id) else {
            return;
        };
        let is_new = room.kept.replace(keep.place).is_none();
        if room.topic != keep.topic {
            // Set since, when the room was not known to be kept.
            let topic = room.topic.clone();
            let place = keep.place;
            if let Some(kept) = self.history.kept.get_mut(place) {
                kept.topic.clone_from(&topic);
            }
            // If there is no room, the old one comes back after a restart.
            let _ = archive.change(Change::SetTopic { place, topic });
        }
        let Some(room) = self.rooms.get(id).filter(|_| is_new) else {
            return;
        };
        let last = self.history.lines.last();
        for member in room.members.users() {
            let user = self.directory.user(member.user());
            if let Some(account) = user.and_then(|user| user.account) {
                self.history
                    .marks
                    .note_entered(now, account, keep.place, last);
            }
        }
    }

    /// A room is no longer kept, and what was is erased.
    pub(super) fn room_unkept<'a, O: Outbox>(
        &mut self,
        client: Option<ClientId>,
        place: PlaceId,
        room: &RoomName,
        from: &Name,
        kept: Result<(), NotKept>,
        outbox: &mut O,
    ) -> Outcome<'a> {
        self.history.kept.end_change(room);
        let id = self.rooms.find(room);
        if kept.is_err() {
            // It goes on being kept, with the topic that it has by now.
            if let Some(room) = id.and_then(|id| self.rooms.get_mut(id)) {
                room.kept = Some(place);
                if let Some(kept) = self.history.kept.get_mut(place) {
                    kept.topic.clone_from(&room.topic);
                }
            }
            return not_kept();
        }
        self.history.kept.remove(place);
        self.history.marks.drop_place(place);
        self.end_rules(room);
        if self.history.lobby_place == Some(place) {
            self.history.lobby_place = None;
        }
        if let Some(id) = id {
            self.announce_kept(client, id, from, None, outbox);
        }
        match client {
            Some(client) => answer(outbox, client, HistoryReply::Unkept { room }),
            None => Ok(Answered::Now),
        }
    }

    /// Tells all in a room but the connection that asked.
    fn announce_kept<O: Outbox>(
        &self,
        client: Option<ClientId>,
        id: RoomId,
        from: &Name,
        days: Option<u32>,
        outbox: &mut O,
    ) {
        if let Some(room) = self.rooms.get(id) {
            let others = room.members.connections();
            let others = others.filter(|member| Some(member.client) != client);
            let room = &room.name;
            let event = Event::Kept { room, from, days };
            outbox.announce(room, others.map(Member::addressee), &event);
        }
    }

    /// The room of this name, made if there is none. One that is kept has all that it had when it was empty.
    pub(in crate::chat) fn find_or_make_room(&mut self, name: RoomName) -> RoomId {
        if let Some(id) = self.rooms.find(&name) {
            return id;
        }
        let id = self.rooms.find_or_make(name);
        self.dress_room(id);
        id
    }

    /// Gives a room that was just made its rules, and what it is kept with, unless that is about to end.
    pub(super) fn dress_room(&mut self, id: RoomId) {
        let Some(room) = self.rooms.get_mut(id) else {
            return;
        };
        room.is_restricted = self.rules.restricts(&room.name);
        let Some(place) = self.history.kept.find(&room.name) else {
            return;
        };
        if let Some(kept) = self.history.kept.get(place) {
            room.topic.clone_from(&kept.topic);
            let is_ending = self.history.kept.is_ending(&room.name);
            room.kept = (!is_ending).then_some(place);
        }
    }

    /// Whether a name is that of a kept room, perhaps of an empty one.
    pub(in crate::chat) fn is_kept_room(&self, name: &RoomName) -> bool {
        self.history.kept.find(name).is_some()
    }

    /// For how long a room is kept, and whose it is.
    pub(in crate::chat) fn kept_info(&self, room: &Room) -> Option<KeptInfo> {
        let kept = self.history.kept.get(room.kept?)?;
        let owner = kept.owner.and_then(|owner| self.accounts.name_of(owner));
        Some(KeptInfo {
            days: kept.days,
            owner,
        })
    }

    /// Keeps the topic of a kept room, which was just set. `None`: the room is not kept.
    pub(in crate::chat) fn keep_topic<'a>(
        &mut self,
        now: Now,
        client: ClientId,
        archive: &mut dyn Archive,
    ) -> Option<Outcome<'a>> {
        let room = self.rooms.get(self.current_room(client)?)?;
        let (place, room, topic) = (room.kept?, room.name, room.topic.clone());
        let kept = self.history.kept.get_mut(place)?;
        kept.topic.clone_from(&topic);
        let text = topic.clone();
        let effect = HistoryEffect::Topic { room, text };
        let change = Change::SetTopic { place, topic };
        Some(self.change_history(now, client, change, effect, archive))
    }

    /// The topic of a kept room is kept, or is known not to be.
    pub(super) fn topic_kept<'a, O: Outbox>(
        client: Option<ClientId>,
        room: &RoomName,
        text: Option<&str>,
        kept: Result<(), NotKept>,
        outbox: &mut O,
    ) -> Outcome<'a> {
        match (client, kept) {
            (Some(client), Ok(())) => answer(outbox, client, SettingReply::Topic { room, text }),
            (_, Err(_)) => not_kept(),
            (None, Ok(())) => Ok(Answered::Now),
        }
    }

    /// A line was said in a kept room.
    pub(super) fn note_said(&mut self, place: PlaceId, author: Option<AccountId>, id: LineId) {
        if let Some(room) = self.history.kept.get_mut(place) {
            room.said += 1;
        }
        if let Some(author) = author {
            self.history.marks.note_spoken(author, place, id);
        }
    }
}

impl KeepRoom {
    fn change(&self) -> Change {
        Change::KeepRoom {
            place: self.place,
            room: self.room,
            owner: self.owner,
            days: self.days,
            topic: self.topic.clone(),
        }
    }
}

/// The refusal of what is not kept.
pub(super) fn not_kept<'a>() -> Outcome<'a> {
    let is_late = false;
    Err(Refusal::Account(AccountRefusal::NotKept { is_late }))
}
