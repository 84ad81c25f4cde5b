//! A user's own settings, and a room's topic.

use std::collections::HashSet;

use ahash::RandomState;
use arrayvec::ArrayVec;

use super::archive::Archive;
use super::command::{SettingCommand, TopicChange};
use super::event::{Event, SettingReply};
use super::ids::UserId;
use super::member::Member;
use super::name::Name;
use super::outbox::Outbox;
use super::refusal::{MembershipRefusal, Refusal, SettingRefusal};
use super::time::Now;
use super::user::Away;
use super::{Answered, Chat, Outcome, Sender, answer, check_note};

/// Users that one may ignore; past that, leaving the room is the better answer.
pub const IGNORED_MAX: usize = 100;

/// Senders remembered as told that a user is away; then all are told anew.
pub const AWAY_NOTIFIED_MAX: usize = 1000;

impl Chat {
    pub(super) fn execute_setting<'a, O: Outbox>(
        &mut self,
        now: Now,
        sender: &Sender,
        command: SettingCommand<'a>,
        outbox: &mut O,
        archive: &mut dyn Archive,
    ) -> Outcome<'a> {
        match command {
            SettingCommand::Topic(change) => self.topic(now, sender, change, outbox, archive),
            SettingCommand::Away(text) => self.away(now, sender, text, outbox),
            SettingCommand::Back => self.back(sender, outbox),
            SettingCommand::Ignore(typed) => self.ignore(sender, typed, outbox),
            SettingCommand::Unignore(typed) => self.unignore(sender, typed, outbox),
            SettingCommand::Quiet(on) => self.quiet(sender, on, outbox),
            SettingCommand::Echo(on) => self.echo(sender, on, outbox),
            SettingCommand::Raw(on) => self.raw(sender, on, outbox),
            SettingCommand::Times(on) => times(sender, on, outbox),
            SettingCommand::Bell(bell) => self.ring(sender, bell, outbox),
        }
    }

    fn topic<'a, O: Outbox>(
        &mut self,
        now: Now,
        sender: &Sender,
        change: Option<TopicChange<'a>>,
        outbox: &mut O,
        archive: &mut dyn Archive,
    ) -> Outcome<'a> {
        let text = match change {
            Some(TopicChange::Set(text)) => Some(text),
            Some(TopicChange::Clear) | None => None,
        };
        if change.is_some()
            && let Some(refused) = self.refuse_silenced(now, sender, outbox)
        {
            return refused;
        }
        check_note(text)?;
        let current = self
            .directory
            .get(sender.client)
            .and_then(|client| client.current);
        let room = current.and_then(|room| self.rooms.get_mut(room));
        let room = room.ok_or(MembershipRefusal::NotInRoom { room: None })?;
        if change.is_none() || (text.is_none() && room.topic.is_none()) {
            let reply = SettingReply::Topic {
                room: &room.name,
                text: room.topic.as_deref(),
            };
            return answer(outbox, sender.client, reply);
        }
        if room.is_restricted {
            let name = room.name;
            if let Some(limited) = self.topic_limit(now, sender.client, &name) {
                outbox.send(sender.client, &Event::Error(limited.into()));
                return Ok(Answered::Now);
            }
        }
        let room = current.and_then(|room| self.rooms.get_mut(room));
        let room = room.ok_or(MembershipRefusal::NotInRoom { room: None })?;
        room.topic = text.map(Box::from);
        let (room, to) = self.audience(sender)?;
        let event = Event::Topic {
            room: &room.name,
            from: &sender.name,
            text,
        };
        outbox.announce(&room.name, to.map(Member::addressee), &event);
        let room = room.name;
        if let Some(outcome) = self.keep_topic(now, sender.client, archive) {
            return outcome;
        }
        let reply = SettingReply::Topic { room: &room, text };
        answer(outbox, sender.client, reply)
    }

    fn away<'a, O: Outbox>(
        &mut self,
        now: Now,
        sender: &Sender,
        text: Option<&'a str>,
        outbox: &mut O,
    ) -> Outcome<'a> {
        if text.is_some()
            && let Some(refused) = self.refuse_silenced(now, sender, outbox)
        {
            return refused;
        }
        check_note(text)?;
        let text = text.unwrap_or_default();
        let [a, b, c, d] = self.settings.hash_seed;
        if let Some(user) = self.directory.user_mut(sender.user) {
            let told = HashSet::with_hasher(RandomState::with_seeds(a, b, c, d));
            user.extras_mut().away = Some(Away {
                text: text.into(),
                told,
            });
            self.refresh_member(sender.user);
        }
        answer(outbox, sender.client, SettingReply::Away { text })
    }

    fn back<'a, O: Outbox>(&mut self, sender: &Sender, outbox: &mut O) -> Outcome<'a> {
        let user = self.directory.user_mut(sender.user);
        if let Some(user) = user.filter(|user| user.away().is_some()) {
            user.extras_mut().away = None;
            self.refresh_member(sender.user);
        }
        answer(outbox, sender.client, SettingReply::Back)
    }

    pub(super) fn ignore<'a, O: Outbox>(
        &mut self,
        sender: &Sender,
        typed: Option<&'a str>,
        outbox: &mut O,
    ) -> Outcome<'a> {
        self.forget_ignored_who_left(sender.user);
        let Some(typed) = typed else {
            return self.list_ignored(sender, outbox);
        };
        let missing = Refusal::NoSuchUser { given: typed };
        let (other, name) = self.find_seen(sender, typed).ok_or(missing)?;
        if other == sender.user {
            return Err(Refusal::Setting(SettingRefusal::IgnoreSelf));
        }
        let user = self.directory.user_mut(sender.user);
        let user = user.ok_or(Refusal::NotRegistered)?;
        if !user.ignores(other) {
            if user.ignored().len() >= IGNORED_MAX {
                return Err(Refusal::Setting(SettingRefusal::IgnoreFull {
                    ignored_max: IGNORED_MAX,
                }));
            }
            user.extras_mut().ignored.push(other);
            self.refresh_member(sender.user);
        }
        answer(
            outbox,
            sender.client,
            SettingReply::Ignoring { name: &name },
        )
    }

    pub(super) fn unignore<'a, O: Outbox>(
        &mut self,
        sender: &Sender,
        typed: Option<&'a str>,
        outbox: &mut O,
    ) -> Outcome<'a> {
        self.forget_ignored_who_left(sender.user);
        let Some(typed) = typed else {
            return self.list_ignored(sender, outbox);
        };
        let missing = Refusal::NoSuchUser { given: typed };
        let (other, name) = self.find_seen(sender, typed).ok_or(missing)?;
        let user = self.directory.user_mut(sender.user);
        let user = user.ok_or(Refusal::NotRegistered)?;
        if !user.ignores(other) {
            return Err(Refusal::Setting(SettingRefusal::NotIgnored {
                given: typed,
            }));
        }
        let ignored = &mut user.extras_mut().ignored;
        ignored.retain(|ignored| *ignored != other);
        self.refresh_member(sender.user);
        answer(
            outbox,
            sender.client,
            SettingReply::NotIgnoring { name: &name },
        )
    }

    fn quiet<'a, O: Outbox>(
        &mut self,
        sender: &Sender,
        on: Option<bool>,
        outbox: &mut O,
    ) -> Outcome<'a> {
        let user = self.directory.user_mut(sender.user);
        let user = user.ok_or(Refusal::NotRegistered)?;
        user.quiet = on.unwrap_or(user.quiet);
        let quiet = user.quiet;
        self.refresh_member(sender.user);
        answer(outbox, sender.client, SettingReply::Quiet(quiet))
    }

    fn echo<'a, O: Outbox>(
        &mut self,
        sender: &Sender,
        on: Option<bool>,
        outbox: &mut O,
    ) -> Outcome<'a> {
        let client = self.directory.get_mut(sender.client);
        let client = client.ok_or(Refusal::NotRegistered)?;
        client.echo = on.unwrap_or(client.echo);
        answer(outbox, sender.client, SettingReply::Echo(client.echo))
    }

    fn raw<'a, O: Outbox>(
        &mut self,
        sender: &Sender,
        on: Option<bool>,
        outbox: &mut O,
    ) -> Outcome<'a> {
        let client = self.directory.get_mut(sender.client);
        let client = client.ok_or(Refusal::NotRegistered)?;
        let raw = on.unwrap_or(client.is_raw());
        if raw != client.is_raw() {
            client.extras_mut().raw = raw;
        }
        answer(outbox, sender.client, SettingReply::Raw(raw))
    }

    fn list_ignored<'a, O: Outbox>(&self, sender: &Sender, outbox: &mut O) -> Outcome<'a> {
        let user = self.directory.user(sender.user);
        let user = user.ok_or(Refusal::NotRegistered)?;
        let names = user
            .ignored()
            .iter()
            .filter_map(|other| self.directory.name_of(*other));
        let mut names: ArrayVec<Name, IGNORED_MAX> = names.collect();
        names.sort_unstable();
        answer(
            outbox,
            sender.client,
            SettingReply::Ignored { names: &names },
        )
    }

    /// Drops users who have left from a user's list of ignored ones, and those who are like that for the user.
    fn forget_ignored_who_left(&mut self, id: UserId) {
        let user = self.directory.user_mut(id);
        let Some(user) = user.filter(|user| !user.ignored().is_empty()) else {
            return;
        };
        let mut ignored = std::mem::take(&mut user.extras_mut().ignored);
        ignored.retain(|other| self.sees(id, *other));
        if let Some(user) = self.directory.user_mut(id) {
            user.extras_mut().ignored = ignored;
            self.refresh_member(id);
        }
    }
}

/// Whether lines come with their time is kept beside the mode: with how a connection is written to.
fn times<'a, O: Outbox>(sender: &Sender, on: Option<bool>, outbox: &mut O) -> Outcome<'a> {
    let on = on.unwrap_or_else(|| outbox.times(sender.client));
    outbox.set_times(sender.client, on);
    answer(outbox, sender.client, SettingReply::Times(on))
}
