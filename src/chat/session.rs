//! Commands that need no name: getting one, asking about the server, leaving.

use std::time::Duration;

use super::archive::Archive;
use super::close_reason::CloseReason;
use super::command::SessionCommand;
use super::event::{Event, Notice, SessionReply};
use super::ids::{ClientId, UserId};
use super::member::Member;
use super::membership::view;
use super::messaging::{Speech, Spoken};
use super::name::{Name, NameError, RoomName};
use super::outbox::Outbox;
use super::presence::PRESENCE_MEMBERS_MAX;
use super::refusal::{MembershipRefusal, Refusal, SessionRefusal};
use super::rooms::Room;
use super::time::{Now, Timestamp};
use super::{Chat, Outcome, Sender, answer, cut_note};

/// How long ago the last line of a user is for their connection to be in doubt. Who comes back after a
/// crash or in another network needs longer.
const QUIET_TIME: Duration = Duration::from_secs(3);

impl Chat {
    pub(super) fn execute_session<'a, O: Outbox>(
        &mut self,
        now: Now,
        id: ClientId,
        sender: Option<&Sender>,
        command: SessionCommand<'a>,
        outbox: &mut O,
        archive: &mut dyn Archive,
    ) -> Outcome<'a> {
        let server_name = &self.settings.server_name;
        let reply = match command {
            SessionCommand::Hash { name, line } => {
                return self.hash(now, id, sender, name, line, outbox, archive);
            }
            SessionCommand::Nick(name) => {
                return self.nick(now, id, sender, name, outbox, archive);
            }
            SessionCommand::Quit(text) => return self.quit(now, id, text, outbox),
            SessionCommand::Mode(mode) => {
                let mode = mode.unwrap_or_else(|| outbox.mode(id));
                outbox.set_mode(id, mode);
                self.note_calls(id, outbox);
                return answer(outbox, id, SessionReply::Mode(mode));
            }
            SessionCommand::Help(topic) => {
                let rights = self.rights_of(id);
                SessionReply::Help { topic, rights }
            }
            SessionCommand::Version => SessionReply::Version { server_name },
            SessionCommand::Ping(text) => SessionReply::Pong { text },
            SessionCommand::Stats => {
                let (counts, server) = (self.counts_for(id), &outbox.stats());
                let reply = SessionReply::Stats {
                    server_name,
                    counts,
                    server,
                };
                return answer(outbox, id, reply);
            }
        };
        answer(outbox, id, reply)
    }

    /// `#NAME` registers. Of a registered user, a line with a `#` is text: pasted code is full of them.
    #[expect(
        clippy::too_many_arguments,
        reason = "a line, and what every line gets"
    )]
    fn hash<'a, O: Outbox>(
        &mut self,
        now: Now,
        id: ClientId,
        sender: Option<&Sender>,
        name: Result<Name, NameError>,
        line: &'a str,
        outbox: &mut O,
        archive: &mut dyn Archive,
    ) -> Outcome<'a> {
        match (sender, name) {
            (Some(sender), name) => {
                if let Some(refused) = self.refuse_silenced(now, sender, outbox) {
                    return refused;
                }
                let speech = Speech::Message(line);
                let spoken = self.announce_speech(now, sender, speech, outbox)?;
                if let (Ok(name), Spoken::Heard(_)) = (name, spoken) {
                    self.hint_at_nick(id, &name, outbox);
                }
                self.end_speech(now, sender, spoken, speech, outbox, archive)
            }
            (None, Ok(name)) => self.register(now, id, name, outbox),
            (None, Err(why)) => Err(Refusal::Session(SessionRefusal::BadName {
                given: line.strip_prefix('#').unwrap_or(line).trim_ascii_end(),
                why,
            })),
        }
    }

    /// Tells a client once that its `#NAME` was said, and what changes a name.
    fn hint_at_nick<O: Outbox>(&mut self, id: ClientId, name: &Name, outbox: &mut O) {
        let Some(client) = self.directory.get_mut(id) else {
            return;
        };
        if !std::mem::replace(&mut client.extras_mut().knows_nick, true) {
            outbox.send(id, &Event::Notice(Notice::HowToRename { name }));
        }
    }

    fn nick<'a, O: Outbox>(
        &mut self,
        now: Now,
        id: ClientId,
        sender: Option<&Sender>,
        name: Name,
        outbox: &mut O,
        archive: &mut dyn Archive,
    ) -> Outcome<'a> {
        match sender {
            Some(_) if self.is_account(sender) => self.spell_name(now, id, name, outbox, archive),
            Some(sender) => self.rename(now.timestamp, sender, name, outbox),
            None => self.register(now, id, name, outbox),
        }
    }

    fn register<'a, O: Outbox>(
        &mut self,
        now: Now,
        id: ClientId,
        name: Name,
        outbox: &mut O,
    ) -> Outcome<'a> {
        if let Some(refused) = self.refuse_guest(now, id, outbox) {
            return refused;
        }
        self.check_free(now.timestamp, id, name, None, outbox)?;
        self.check_guests(id, name)?;
        let user = self.directory.register(id, name);
        let user = user.ok_or(Refusal::NotRegistered)?;
        outbox.named(id, name);
        let lobby = self.rooms.lobby();
        if self.is_kept_out(now, id, lobby, outbox) {
            return answer(outbox, id, SessionReply::Outside { name: &name });
        }
        self.enter(now, id, &name, lobby, outbox);
        let room = self
            .rooms
            .get(lobby)
            .ok_or(MembershipRefusal::NotInRoom { room: None })?;
        let (names, kept) = (self.some_names(room, user), self.kept_info(room));
        let reply = SessionReply::Registered {
            name: &name,
            entered: view(room, &names, kept.as_ref()),
        };
        answer(outbox, id, reply)
    }

    fn rename<'a, O: Outbox>(
        &mut self,
        now: Timestamp,
        sender: &Sender,
        new_name: Name,
        outbox: &mut O,
    ) -> Outcome<'a> {
        self.check_free(now, sender.client, new_name, Some(sender.user), outbox)?;
        let old = self.rename_user(sender.user, new_name, outbox);
        if let Some(name) = &old.filter(|old| !old.is_spelt_like(&new_name)) {
            let new_name = &new_name;
            self.send_to_others(sender, &Event::Rename { name, new_name }, outbox);
        }
        answer(
            outbox,
            sender.client,
            SessionReply::Renamed { name: &new_name },
        )
    }

    /// Gives a user a name, which must be free or their own, for all their connections, and tells other users.
    /// Returns the old one.
    pub(super) fn rename_user<O: Outbox>(
        &mut self,
        user: UserId,
        new_name: Name,
        outbox: &mut O,
    ) -> Option<Name> {
        let old = self.directory.rename(user, new_name)?;
        for id in self.directory.connections_of(user) {
            outbox.named(id, new_name);
        }
        if old.is_spelt_like(&new_name) {
            return Some(old);
        }
        if let Some(record) = self.directory.user(user) {
            for membership in &record.rooms {
                self.rooms.rename_pending(membership.room, user, new_name);
            }
        }
        self.announce_rename(user, &old, &new_name, outbox);
        Some(old)
    }

    /// Refuses a name that `user`, or a new user, may not take.
    fn check_free<O: Outbox>(
        &self,
        now: Timestamp,
        id: ClientId,
        name: Name,
        user: Option<UserId>,
        outbox: &mut O,
    ) -> Result<(), Refusal<'static>> {
        if name.is_reserved() {
            return Err(Refusal::Session(SessionRefusal::NameReserved { name }));
        }
        self.check_unowned(&name)?;
        let holder = self.directory.find(&name);
        if let Some(holder) = holder.filter(|holder| Some(*holder) != user) {
            return Err(Refusal::Session(SessionRefusal::NameInUse {
                name,
                lost_time_max: self.probe(now, holder, outbox),
            }));
        }
        let like_room = RoomName::parse(name.as_str()).ok();
        let is_room = |room: &RoomName| {
            let found = self.rooms.find(room);
            found.is_some_and(|found| self.is_room_for(id, found)) || self.is_kept_room(room)
        };
        if like_room.is_some_and(|room| is_room(&room)) {
            return Err(Refusal::Session(SessionRefusal::NameOfRoom { name }));
        }
        Ok(())
    }

    /// Has each connection of a user asked whether it is there, but for those that said something just now.
    /// Returns how long lost ones stay at most, if that is known of all.
    fn probe<O: Outbox>(&self, now: Timestamp, user: UserId, outbox: &mut O) -> Option<Duration> {
        let mut longest = Some(Duration::ZERO);
        for id in self.directory.connections_of(user) {
            let active_at = self.directory.get(id)?.active_at;
            let is_quiet = now.since(active_at) >= QUIET_TIME;
            let lost_time_max = if is_quiet { outbox.probe(id) } else { None };
            longest = longest.zip(lost_time_max).map(|(a, b)| a.max(b));
        }
        longest
    }

    /// Tells a rename once to each user who shares a room with them, huge rooms aside.
    fn announce_rename<O: Outbox>(&self, id: UserId, name: &Name, new_name: &Name, outbox: &mut O) {
        let Some(user) = self.directory.user(id) else {
            return;
        };
        let event = Event::Rename { name, new_name };
        let told = |room: &&Room| room.members.len() <= PRESENCE_MEMBERS_MAX;
        for (place, membership) in user.rooms.iter().enumerate() {
            let Some(room) = self.rooms.get(membership.room).filter(told) else {
                continue;
            };
            let earlier = user.rooms.get(..place).unwrap_or_default();
            let told_already = |member: &Member| {
                !earlier.is_empty()
                    && self.directory.user(member.user()).is_some_and(|other| {
                        earlier.iter().any(|own| {
                            other.membership(own.room).is_some()
                                && self.rooms.get(own.room).as_ref().is_some_and(told)
                        })
                    })
            };
            let others = room.members.connections();
            let others = others.filter(|member| {
                member.user() != id && !member.is_quiet() && !told_already(member)
            });
            outbox.announce(&room.name, others.map(Member::addressee), &event);
        }
    }

    fn quit<'a, O: Outbox>(
        &mut self,
        now: Now,
        id: ClientId,
        text: Option<&'a str>,
        outbox: &mut O,
    ) -> Outcome<'a> {
        // Last words are told in all rooms.
        let text = text.filter(|_| !self.is_silenced_anywhere(now, id));
        if let Some(client) = self.directory.get_mut(id) {
            client.extras_mut().quit_text = text.map(|text| cut_note(text).into());
        }
        let answered = answer(outbox, id, SessionReply::Bye);
        outbox.close(id, CloseReason::Quit);
        answered
    }
}
