//! What is said, in a room and between two.

use arrayvec::ArrayVec;

use super::command::{RECIPIENTS_MAX, Recipients};
use super::directory::Client;
use super::event::{Event, Notice, Reply};
use super::ids::ClientId;
use super::name::Name;
use super::outbox::{Addressee, Delivery, Outbox};
use super::refusal::Refusal;
use super::rooms::Room;
use super::{AWAY_NOTIFIED_MAX, Answered, Chat, Outcome, answer};

/// What one does in a room.
#[derive(Clone, Copy, Debug)]
pub(super) enum Speech<'a> {
    Message(&'a str),
    Action(&'a str),
}

impl Chat {
    /// Something said, or done by `/me`, in the current room.
    pub(super) fn speak<'a, O: Outbox>(
        &mut self,
        id: ClientId,
        name: &Name,
        speech: Speech<'a>,
        outbox: &mut O,
    ) -> Outcome<'a> {
        let (room, to) = self.audience(id)?;
        let (room, from) = (&room.name, name);
        let event = match speech {
            Speech::Message(text) => Event::Message { room, from, text },
            Speech::Action(text) => Event::Action { room, from, text },
        };
        outbox.announce(room, to, &event);
        answer(outbox, id, Reply::Done)
    }

    /// The speaker's current room, and those in it who are to hear what is said.
    pub(super) fn audience(
        &self,
        speaker: ClientId,
    ) -> Result<(&Room, impl Iterator<Item = Addressee>), Refusal<'static>> {
        let client = self.directory.get(speaker).ok_or(Refusal::NotRegistered)?;
        let room = client.current.and_then(|room| self.rooms.get(room));
        let room = room.ok_or(Refusal::NotInRoom { room: None })?;
        let echo = client.echo;
        let hears = move |member: &&super::rooms::Member| {
            if member.client == speaker {
                return echo;
            }
            // Whom a member ignores is asked of few: most ignore nobody, and say so here.
            !member.filters
                || !self
                    .directory
                    .get(member.client)
                    .is_some_and(|other| other.ignores(speaker))
        };
        Ok((
            room,
            room.members
                .iter()
                .filter(hears)
                .map(super::rooms::Member::addressee),
        ))
    }

    pub(super) fn private<'a, O: Outbox>(
        &mut self,
        id: ClientId,
        name: &Name,
        to: Recipients<'a>,
        text: &'a str,
        outbox: &mut O,
    ) -> Outcome<'a> {
        let Some(typed) = to.only() else {
            return self.private_to_several(id, name, to, text, outbox);
        };
        let missing = Refusal::NoSuchUser { given: typed };
        let recipient = self.directory.find_typed(typed).ok_or(missing)?;
        self.private_to_one(id, name, recipient, text, outbox)
    }

    pub(super) fn reply<'a, O: Outbox>(
        &mut self,
        id: ClientId,
        name: &Name,
        text: &'a str,
        outbox: &mut O,
    ) -> Outcome<'a> {
        let client = self.directory.get(id).ok_or(Refusal::NotRegistered)?;
        let writer = client.reply_to.ok_or(Refusal::NobodyWrote)?;
        let Some(writer_name) = self.directory.name_of(writer) else {
            let name = self.directory.name_of_departed(writer);
            return Err(Refusal::WriterLeft { name });
        };
        self.private_to_one(id, name, (writer, writer_name), text, outbox)
    }

    fn private_to_one<'a, O: Outbox>(
        &mut self,
        id: ClientId,
        name: &Name,
        (recipient, recipient_name): (ClientId, Name),
        text: &'a str,
        outbox: &mut O,
    ) -> Outcome<'a> {
        let to = std::slice::from_ref(&recipient_name);
        match self.deliver_copy(id, name, recipient, to, text, outbox) {
            Delivery::Queued => {
                self.echo_private(id, name, to, text, outbox);
                answer(outbox, id, Reply::Done)
            }
            Delivery::Refused => {
                outbox.send(
                    id,
                    &Event::Error(Refusal::Unreached {
                        missing: &[],
                        full: to,
                    }),
                );
                Ok(Answered)
            }
        }
    }

    fn private_to_several<'a, O: Outbox>(
        &mut self,
        id: ClientId,
        name: &Name,
        to: Recipients<'a>,
        text: &'a str,
        outbox: &mut O,
    ) -> Outcome<'a> {
        let mut found = ArrayVec::<(ClientId, Name), RECIPIENTS_MAX>::new();
        let mut missing = ArrayVec::<&str, RECIPIENTS_MAX>::new();
        let mut all = ArrayVec::<Name, RECIPIENTS_MAX>::new();
        for typed in to.iter() {
            let name = match self.directory.find_typed(typed) {
                Some((recipient, _)) if found.iter().any(|(other, _)| *other == recipient) => None,
                Some((recipient, name)) => {
                    // There is room for all: the parser has counted them.
                    let _ = found.try_push((recipient, name));
                    Some(name)
                }
                None => {
                    let _ = missing.try_push(typed);
                    Name::parse(typed).ok()
                }
            };
            all.extend(name.filter(|name| !all.contains(name)));
        }
        let mut full = ArrayVec::<Name, RECIPIENTS_MAX>::new();
        for (recipient, recipient_name) in &found {
            if self.deliver_copy(id, name, *recipient, &all, text, outbox) == Delivery::Refused {
                let _ = full.try_push(*recipient_name);
            }
        }
        if full.len() < found.len() {
            self.echo_private(id, name, &all, text, outbox);
        }
        if missing.is_empty() && full.is_empty() {
            return answer(outbox, id, Reply::Done);
        }
        let refusal = Refusal::Unreached {
            missing: &missing,
            full: &full,
        };
        outbox.send(id, &Event::Error(refusal));
        Ok(Answered)
    }

    /// Gives one recipient their copy. Whoever ignores the sender counts as reached: the sender is
    /// not told.
    fn deliver_copy<O: Outbox>(
        &mut self,
        id: ClientId,
        name: &Name,
        recipient: ClientId,
        to: &[Name],
        text: &str,
        outbox: &mut O,
    ) -> Delivery {
        let Some(client) = self.directory.get_mut(recipient) else {
            return Delivery::Refused;
        };
        if client.ignores(id) {
            // What they are told of anybody, or they would know.
            notify_away(client, id, outbox);
            return Delivery::Queued;
        }
        let event = Event::Private {
            from: name,
            to,
            text,
        };
        let delivery = outbox.deliver(recipient, id, &event);
        if delivery == Delivery::Queued {
            client.reply_to = Some(id);
            notify_away(client, id, outbox);
        }
        delivery
    }

    fn echo_private<O: Outbox>(
        &self,
        id: ClientId,
        name: &Name,
        to: &[Name],
        text: &str,
        outbox: &mut O,
    ) {
        if self.directory.get(id).is_some_and(|client| client.echo) {
            outbox.send(
                id,
                &Event::Private {
                    from: name,
                    to,
                    text,
                },
            );
        }
    }
}

/// Tells `sender` that `client` is away, if so, and if it was not told before.
fn notify_away<O: Outbox>(client: &mut Client, sender: ClientId, outbox: &mut O) {
    if client.away().is_none() {
        return;
    }
    let (Some(name), Some(away)) = (client.name, client.away_mut()) else {
        return;
    };
    if away.told.contains(&sender) {
        return;
    }
    if away.told.len() >= AWAY_NOTIFIED_MAX {
        away.told.clear(); // better to tell somebody twice than to remember without end
    }
    away.told.insert(sender);
    let notice = Notice::IsAway {
        name: &name,
        text: &away.text,
    };
    outbox.send(sender, &Event::Notice(notice));
}
