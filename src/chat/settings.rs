//! What one sets for oneself, and a room's topic.

use ahash::RandomState;
use arrayvec::ArrayVec;

use super::directory::Away;
use super::event::{Event, Reply};
use super::ids::ClientId;
use super::name::Name;
use super::outbox::Outbox;
use super::refusal::Refusal;
use super::{Chat, Outcome, answer, check_note};

/// How many users one may ignore; past that, leaving the room is the better answer.
pub const IGNORED_MAX: usize = 100;

/// So many senders are remembered as told that somebody is away; then it starts anew.
pub const AWAY_NOTIFIED_MAX: usize = 1000;

impl Chat {
    pub(super) fn topic<'a, O: Outbox>(
        &mut self,
        id: ClientId,
        name: &Name,
        text: Option<&'a str>,
        outbox: &mut O,
    ) -> Outcome<'a> {
        check_note(text)?;
        let current = self.directory.get(id).and_then(|client| client.current);
        let room = current.and_then(|room| self.rooms.get_mut(room));
        let room = room.ok_or(Refusal::NotInRoom { room: None })?;
        let Some(text) = text else {
            let reply = Reply::Topic {
                room: &room.name,
                text: room.topic.as_deref(),
            };
            return answer(outbox, id, reply);
        };
        room.topic = Some(text.into());
        let (room, to) = self.audience(id)?;
        let event = Event::Topic {
            room: &room.name,
            from: name,
            text,
        };
        outbox.announce(&room.name, to, &event);
        answer(
            outbox,
            id,
            Reply::Topic {
                room: &room.name,
                text: Some(text),
            },
        )
    }

    pub(super) fn away<'a, O: Outbox>(
        &mut self,
        id: ClientId,
        text: Option<&'a str>,
        outbox: &mut O,
    ) -> Outcome<'a> {
        check_note(text)?;
        let text = text.unwrap_or_default();
        let [a, b, c, d] = self.settings.hash_seed;
        if let Some(client) = self.directory.get_mut(id) {
            let told = std::collections::HashSet::with_hasher(RandomState::with_seeds(a, b, c, d));
            client.extras_mut().away = Some(Away {
                text: text.into(),
                told,
            });
        }
        answer(outbox, id, Reply::Away { text })
    }

    pub(super) fn back<'a, O: Outbox>(&mut self, id: ClientId, outbox: &mut O) -> Outcome<'a> {
        let client = self.directory.get_mut(id);
        if let Some(client) = client.filter(|client| client.away().is_some()) {
            client.extras_mut().away = None;
        }
        answer(outbox, id, Reply::Back)
    }

    pub(super) fn ignore<'a, O: Outbox>(
        &mut self,
        id: ClientId,
        typed: Option<&'a str>,
        outbox: &mut O,
    ) -> Outcome<'a> {
        self.forget_ignored_who_left(id);
        let Some(typed) = typed else {
            return self.list_ignored(id, outbox);
        };
        let missing = Refusal::NoSuchUser { given: typed };
        let (other, name) = self.directory.find_typed(typed).ok_or(missing)?;
        if other == id {
            return Err(Refusal::IgnoreSelf);
        }
        let client = self.directory.get_mut(id).ok_or(Refusal::NotRegistered)?;
        if !client.ignores(other) {
            if client.ignored().len() >= IGNORED_MAX {
                return Err(Refusal::IgnoreFull {
                    ignored_max: IGNORED_MAX,
                });
            }
            client.extras_mut().ignored.push(other);
            self.refresh_member(id);
        }
        answer(outbox, id, Reply::Ignoring { name: &name })
    }

    pub(super) fn unignore<'a, O: Outbox>(
        &mut self,
        id: ClientId,
        typed: Option<&'a str>,
        outbox: &mut O,
    ) -> Outcome<'a> {
        self.forget_ignored_who_left(id);
        let Some(typed) = typed else {
            return self.list_ignored(id, outbox);
        };
        let missing = Refusal::NoSuchUser { given: typed };
        let (other, name) = self.directory.find_typed(typed).ok_or(missing)?;
        let client = self.directory.get_mut(id).ok_or(Refusal::NotRegistered)?;
        if !client.ignores(other) {
            return Err(Refusal::NotIgnored { given: typed });
        }
        let ignored = &mut client.extras_mut().ignored;
        ignored.retain(|ignored| *ignored != other);
        self.refresh_member(id);
        answer(outbox, id, Reply::NotIgnoring { name: &name })
    }

    pub(super) fn quiet<'a, O: Outbox>(
        &mut self,
        id: ClientId,
        on: Option<bool>,
        outbox: &mut O,
    ) -> Outcome<'a> {
        let client = self.directory.get_mut(id).ok_or(Refusal::NotRegistered)?;
        client.quiet = on.unwrap_or(client.quiet);
        let quiet = client.quiet;
        self.refresh_member(id);
        answer(outbox, id, Reply::Quiet(quiet))
    }

    pub(super) fn echo<'a, O: Outbox>(
        &mut self,
        id: ClientId,
        on: Option<bool>,
        outbox: &mut O,
    ) -> Outcome<'a> {
        let client = self.directory.get_mut(id).ok_or(Refusal::NotRegistered)?;
        client.echo = on.unwrap_or(client.echo);
        answer(outbox, id, Reply::Echo(client.echo))
    }

    fn list_ignored<'a, O: Outbox>(&self, id: ClientId, outbox: &mut O) -> Outcome<'a> {
        let client = self.directory.get(id).ok_or(Refusal::NotRegistered)?;
        let names = client
            .ignored()
            .iter()
            .filter_map(|other| self.directory.name_of(*other));
        let names: ArrayVec<Name, IGNORED_MAX> = names.collect();
        answer(outbox, id, Reply::Ignored { names: &names })
    }

    /// An ignore ends with the connection of the one ignored.
    fn forget_ignored_who_left(&mut self, id: ClientId) {
        let client = self.directory.get_mut(id);
        let Some(client) = client.filter(|client| !client.ignored().is_empty()) else {
            return;
        };
        let mut ignored = std::mem::take(&mut client.extras_mut().ignored);
        ignored.retain(|other| self.directory.get(*other).is_some());
        if let Some(client) = self.directory.get_mut(id) {
            client.extras_mut().ignored = ignored;
            self.refresh_member(id);
        }
    }
}
