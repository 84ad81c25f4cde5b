//! Messages: in a room, and to some users.

use arrayvec::ArrayVec;

use super::archive::Archive;
use super::command::{MessageCommand, RECIPIENTS_MAX, Recipients};
use super::event::{Event, Notice, Reply};
use super::history::copies::{Copies, Numbered};
use super::ids::{AccountId, ClientId, LineId, UserId};
use super::member::Member;
use super::name::Name;
use super::outbox::{Call, Delivery, Outbox};
use super::refusal::{MembershipRefusal, MessageRefusal, Refusal};
use super::rooms::Room;
use super::time::Now;
use super::user::User;
use super::{AWAY_NOTIFIED_MAX, Answered, Chat, Outcome, Sender, answer};

/// Text for a room.
#[derive(Clone, Copy, Debug)]
pub(super) enum Speech<'a> {
    Message(&'a str),
    Action(&'a str),
}

/// What became of text for a room.
#[derive(Clone, Copy, Debug)]
pub(super) enum Spoken {
    /// It was told. With its number, if it is to be kept.
    Heard(Option<Numbered>),
    /// It was not, and its author knows.
    Refused,
}

impl Chat {
    pub(super) fn execute_message<'a, O: Outbox>(
        &mut self,
        now: Now,
        sender: &Sender,
        command: MessageCommand<'a>,
        outbox: &mut O,
        archive: &mut dyn Archive,
    ) -> Outcome<'a> {
        if sender.is_watched
            && !self.is_for_operators(sender, &command)
            && let Some(refused) = self.refuse_silenced(now, sender, outbox)
        {
            return refused;
        }
        match command {
            MessageCommand::Say(text) => {
                self.speak(now, sender, Speech::Message(text), outbox, archive)
            }
            MessageCommand::Act(text) => {
                self.speak(now, sender, Speech::Action(text), outbox, archive)
            }
            MessageCommand::Private { to, text } => {
                self.private(now, sender, to, text, outbox, archive)
            }
            MessageCommand::Reply(text) => self.reply(now, sender, text, outbox, archive),
        }
    }

    /// Tells the members of the sender's current room.
    pub(super) fn speak<'a, O: Outbox>(
        &mut self,
        now: Now,
        sender: &Sender,
        speech: Speech<'a>,
        outbox: &mut O,
        archive: &mut dyn Archive,
    ) -> Outcome<'a> {
        let spoken = self.announce_speech(now, sender, speech, outbox)?;
        self.end_speech(now, sender, spoken, speech, outbox, archive)
    }

    /// Answers text that was told to a room, or has it kept first.
    pub(super) fn end_speech<'a, O: Outbox>(
        &mut self,
        now: Now,
        sender: &Sender,
        spoken: Spoken,
        speech: Speech<'_>,
        outbox: &mut O,
        archive: &mut dyn Archive,
    ) -> Outcome<'a> {
        match spoken {
            Spoken::Heard(None) => answer(outbox, sender.client, Reply::Done),
            Spoken::Heard(Some(line)) => {
                self.keep_speech(now, sender, line, speech, outbox, archive)
            }
            Spoken::Refused => Ok(Answered::Now),
        }
    }

    /// Tells the members of the sender's current room, and answers nothing yet, unless the sender may not speak
    /// there.
    pub(super) fn announce_speech<O: Outbox>(
        &mut self,
        now: Now,
        sender: &Sender,
        speech: Speech<'_>,
        outbox: &mut O,
    ) -> Result<Spoken, Refusal<'static>> {
        let (room, to) = self.audience(sender)?;
        if room.is_restricted
            && let Some(limited) = self.speech_limit(now, sender.client, &room.name)
        {
            outbox.send(sender.client, &Event::Error(limited.into()));
            return Ok(Spoken::Refused);
        }
        let kept = room.kept.map(|place| self.number_in_room(sender, place));
        let id = kept.and_then(|line| line.id);
        let (Speech::Message(text) | Speech::Action(text)) = speech;
        let mentioned = self.mentioned_in(room, sender, text);
        let (room, from) = (&room.name, &sender.name);
        let event = match speech {
            Speech::Message(text) => Event::Message {
                room,
                from,
                text,
                id,
            },
            Speech::Action(text) => Event::Action {
                room,
                from,
                text,
                id,
            },
        };
        let speaker = sender.user;
        let call_of = |member: &Member| {
            if member.user() == speaker {
                Call::None
            } else {
                Call::Said
            }
        };
        if mentioned.is_empty() {
            let to = to.map(|member| member.called(call_of(member)));
            outbox.announce(room, to, &event);
            return Ok(Spoken::Heard(kept));
        }
        let to = to.map(|member| {
            let is_mentioned = mentioned.contains(&member.user());
            member.called(if is_mentioned {
                Call::Mention
            } else {
                call_of(member)
            })
        });
        outbox.announce(room, to, &event);
        self.note_mentions(now, sender, &mentioned, outbox);
        Ok(Spoken::Heard(kept))
    }

    /// The speaker's current room, and its members who are to hear the speaker.
    pub(super) fn audience(
        &self,
        speaker: &Sender,
    ) -> Result<(&Room, impl Iterator<Item = &Member>), Refusal<'static>> {
        let client = self.directory.get(speaker.client);
        let client = client.ok_or(Refusal::NotRegistered)?;
        let room = client.current.and_then(|room| self.rooms.get(room));
        let room = room.ok_or(MembershipRefusal::NotInRoom { room: None })?;
        let echo = client.echo;
        let (speaker, user) = (speaker.client, speaker.user);
        let hears = move |member: &&Member| {
            if member.client == speaker {
                return echo;
            }
            // Most members ignore and block nobody, so that their records stay out of the loop.
            !member.filters() || !self.is_deaf_to(member.user(), user)
        };
        let members = room.members.connections().filter(hears);
        Ok((room, members))
    }

    fn private<'a, O: Outbox>(
        &mut self,
        now: Now,
        sender: &Sender,
        to: Recipients<'a>,
        text: &'a str,
        outbox: &mut O,
        archive: &mut dyn Archive,
    ) -> Outcome<'a> {
        let Some(typed) = to.only() else {
            return self.private_to_several(now, sender, to, text, outbox, archive);
        };
        let missing = Refusal::NoSuchUser { given: typed };
        let name = to.name().ok_or(missing)?;
        match self.way_to(sender, name) {
            Some(Way::Here(recipient, name)) => {
                self.private_to_one(now, sender, recipient, &name, text, outbox, archive)
            }
            Some(Way::Absent(account, name)) => {
                let outcome = self.keep_waiting(now, sender, account, &name, text, outbox, archive);
                outcome.unwrap_or(Err(missing))
            }
            None => Err(missing),
        }
    }

    /// How a user is reached by this name. `None`: nobody is, or it is an account that is not here, as far as the
    /// sender can see, and is not to be reached by them; these two are not told apart.
    fn way_to(&self, sender: &Sender, name: &Name) -> Option<Way> {
        if let Some((user, name)) = self.directory.find_named(name)
            && self.sees(sender.user, user)
        {
            return Some(Way::Here(user, name));
        }
        let account = self.accounts.find(name)?;
        self.number_to_wait(sender, account)?;
        Some(Way::Absent(account, self.accounts.name_of(account)?))
    }

    fn reply<'a, O: Outbox>(
        &mut self,
        now: Now,
        sender: &Sender,
        text: &'a str,
        outbox: &mut O,
        archive: &mut dyn Archive,
    ) -> Outcome<'a> {
        let user = self.directory.user(sender.user);
        let user = user.ok_or(Refusal::NotRegistered)?;
        let writer = user.reply_to.ok_or(MessageRefusal::NobodyWrote)?;
        let name = self.directory.name_of(writer);
        let Some(writer_name) = name.filter(|_| self.sees(sender.user, writer)) else {
            let name = name.or_else(|| self.directory.name_of_departed(writer));
            return Err(Refusal::Message(MessageRefusal::WriterLeft { name }));
        };
        self.private_to_one(now, sender, writer, &writer_name, text, outbox, archive)
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "a message, and what every line gets"
    )]
    fn private_to_one<'a, O: Outbox>(
        &mut self,
        now: Now,
        sender: &Sender,
        recipient: UserId,
        recipient_name: &Name,
        text: &'a str,
        outbox: &mut O,
        archive: &mut dyn Archive,
    ) -> Outcome<'a> {
        let to = std::slice::from_ref(recipient_name);
        let kept = self.number_to(sender, recipient);
        let id = kept.and_then(|line| line.id);
        match (
            self.deliver_copy(now, sender, recipient, to, text, id, outbox),
            kept,
        ) {
            (Delivery::Queued, None) => {
                self.show_sent(sender, to, text, id, recipient == sender.user, outbox);
                answer(outbox, sender.client, Reply::Done)
            }
            (Delivery::Queued, Some(line)) => {
                self.show_sent(sender, to, text, id, recipient == sender.user, outbox);
                let speech = Speech::Message(text);
                self.keep_speech(now, sender, line, speech, outbox, archive)
            }
            (Delivery::Refused, Some(line)) => {
                Ok(self.refuse_private(now, sender.client, line, outbox))
            }
            (Delivery::Refused, None) => {
                outbox.send(
                    sender.client,
                    &Event::Error(Refusal::Message(MessageRefusal::Unreached {
                        missing: &[],
                        full: to,
                    })),
                );
                Ok(Answered::Now)
            }
        }
    }

    fn private_to_several<'a, O: Outbox>(
        &mut self,
        now: Now,
        sender: &Sender,
        to: Recipients<'a>,
        text: &'a str,
        outbox: &mut O,
        archive: &mut dyn Archive,
    ) -> Outcome<'a> {
        let mut found = ArrayVec::<(UserId, Name), RECIPIENTS_MAX>::new();
        let mut absent = ArrayVec::<(AccountId, Name), RECIPIENTS_MAX>::new();
        let mut missing = ArrayVec::<&str, RECIPIENTS_MAX>::new();
        let mut all = ArrayVec::<Name, RECIPIENTS_MAX>::new();
        for typed in to.iter() {
            let parsed = Name::parse(typed).ok();
            let name = match parsed.and_then(|name| self.way_to(sender, &name)) {
                Some(Way::Here(recipient, _))
                    if found.iter().any(|(other, _)| *other == recipient) =>
                {
                    None
                }
                Some(Way::Here(recipient, name)) => {
                    // There is space for all: the parser has counted them.
                    let _ = found.try_push((recipient, name));
                    Some(name)
                }
                Some(Way::Absent(account, name)) if absent.contains(&(account, name)) => None,
                Some(Way::Absent(account, name)) => {
                    let _ = absent.try_push((account, name));
                    Some(name)
                }
                None => {
                    let _ = missing.try_push(typed);
                    parsed
                }
            };
            all.extend(name.filter(|name| !all.contains(name)));
        }
        let mut full = ArrayVec::<Name, RECIPIENTS_MAX>::new();
        let mut copies = Copies::default();
        for (recipient, recipient_name) in &found {
            let kept = self.number_to(sender, *recipient);
            let id = kept.and_then(|line| line.id);
            let delivery = self.deliver_copy(now, sender, *recipient, &all, text, id, outbox);
            if delivery == Delivery::Refused {
                let _ = full.try_push(*recipient_name);
            } else if let Some(line) = kept {
                self.keep_copy(now, sender, line, text, &mut copies, archive);
            }
        }
        for account in absent {
            let copy = Copy { to: &all, text };
            self.keep_waiting_copy(now, sender, account, copy, &mut copies, outbox, archive);
        }
        if full.len() < found.len() || copies.waits() {
            let to_oneself = found.iter().any(|(user, _)| *user == sender.user);
            self.show_sent(sender, &all, text, copies.first(), to_oneself, outbox);
        }
        if copies.is_any() {
            let client = sender.client;
            return self.answer_several(now, client, copies, &missing, &full, outbox);
        }
        if missing.is_empty() && full.is_empty() {
            return answer(outbox, sender.client, Reply::Done);
        }
        missing.sort_unstable_by_key(|typed| typed.to_ascii_lowercase());
        full.sort_unstable();
        let refusal = Refusal::Message(MessageRefusal::Unreached {
            missing: &missing,
            full: &full,
        });
        outbox.send(sender.client, &Event::Error(refusal));
        Ok(Answered::Now)
    }

    /// Gives one recipient their copy. One who ignores or blocks the sender counts as reached, or the sender
    /// would know.
    #[expect(
        clippy::too_many_arguments,
        reason = "a message, and what every line gets"
    )]
    fn deliver_copy<O: Outbox>(
        &mut self,
        now: Now,
        sender: &Sender,
        recipient: UserId,
        to: &[Name],
        text: &str,
        id: Option<LineId>,
        outbox: &mut O,
    ) -> Delivery {
        let is_blocked = self.blocks(recipient, sender.user);
        let Some(user) = self.directory.user_mut(recipient) else {
            return Delivery::Refused;
        };
        if is_blocked || user.ignores(sender.user) {
            // All senders are told, so this one is, too.
            notify_away(user, sender, outbox);
            return Delivery::Queued;
        }
        let copy = Copy { to, text };
        let delivery = give_copy(user, sender, sender.user, copy, id, outbox);
        if delivery == Delivery::Queued {
            if user.away().is_some() {
                notify_away(user, sender, outbox);
            }
            let is_account = user.account.is_some();
            self.note_spoken_to(sender.user, recipient);
            if is_account {
                self.note_private(now.timestamp, sender, recipient, id, outbox);
            }
        }
        delivery
    }

    /// Gives a copy to one who is here, unknown to the sender: nothing of it is told, or told to be lost.
    pub(super) fn deliver_unseen<O: Outbox>(
        &mut self,
        sender: &Sender,
        recipient: UserId,
        delivery: UserId,
        copy: Copy<'_>,
        id: Option<LineId>,
        outbox: &mut O,
    ) -> Option<ClientId> {
        let user = self.directory.user_mut(recipient)?;
        let first = user.first();
        let delivery = give_copy(user, sender, delivery, copy, id, outbox);
        (delivery == Delivery::Queued).then_some(first)
    }

    /// Shows a private message to its sender: by `/echo on` to the connection that sent it, and to their others,
    /// unless it is also `to_oneself` and they have it.
    pub(super) fn show_sent<O: Outbox>(
        &self,
        sender: &Sender,
        to: &[Name],
        text: &str,
        id: Option<LineId>,
        to_oneself: bool,
        outbox: &mut O,
    ) {
        let Some(client) = self.directory.get(sender.client) else {
            return;
        };
        let from = &sender.name;
        if client.echo {
            let copy = Event::Private { from, to, text, id };
            outbox.send(sender.client, &copy);
        }
        if client.one_of_several && !to_oneself {
            let copy = Event::Sent { from, to, text, id };
            self.send_to_others(sender, &copy, outbox);
        }
    }
}

/// How a user is reached.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// They are here.
    Here(UserId, Name),
    /// For the sender they are not: it waits.
    Absent(AccountId, Name),
}

/// A private message, as its recipients get it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Copy<'a> {
    pub to: &'a [Name],
    pub text: &'a str,
}

/// Gives a user a copy; `receipt` is told if it does not arrive.
fn give_copy<O: Outbox>(
    user: &mut User,
    sender: &Sender,
    receipt: UserId,
    copy: Copy<'_>,
    id: Option<LineId>,
    outbox: &mut O,
) -> Delivery {
    let Copy { to, text } = copy;
    let from = &sender.name;
    let event = Event::Private { from, to, text, id };
    let delivery = match user.further() {
        [] => outbox.deliver(user.first(), receipt, &event),
        _ => outbox.deliver_copies(user.connections(), receipt, &event),
    };
    if delivery == Delivery::Queued {
        user.reply_to = Some(sender.user);
    }
    delivery
}

/// Tells `sender` that `user` is away, once for each time that they are.
fn notify_away<O: Outbox>(user: &mut User, sender: &Sender, outbox: &mut O) {
    if user.away().is_none() {
        return;
    }
    let name = *user.name();
    let Some(away) = user.away_mut() else {
        return;
    };
    if away.told.contains(&sender.user) {
        return;
    }
    if away.told.len() >= AWAY_NOTIFIED_MAX {
        away.told.clear(); // better to tell a few twice than to remember without end
    }
    away.told.insert(sender.user);
    let notice = Notice::IsAway {
        name: &name,
        text: &away.text,
    };
    outbox.send(sender.client, &Event::Notice(notice));
}
