//! Order in a room, kept by its operators.
//!
//! Memory decides: what is done holds at once, and those in the room are told. Where it is kept, the answer comes
//! once that is known; what is not kept holds until the server restarts, and the answer says so.

mod effects;
mod limits;
mod lines;
mod locks;
pub(super) mod ranks;
mod removal;
mod rules;
mod targets;

use std::time::Duration;

use super::archive::{Archive, Change, Deed};
use super::command::{ModerationCommand, Reach};
use super::ids::{PlaceId, RoomId};
use super::name::RoomName;
use super::outbox::Outbox;
use super::pending::Effect;
use super::refusal::{AccountRefusal, MembershipRefusal, ModerationRefusal, Refusal};
use super::time::Now;
use super::{Answered, Chat, Outcome, Sender};
use crate::chat::order::Act;

use super::moderation::effects::ModerationEffect;
use super::operators::deeds::how_long_and_why;
use ranks::Rank;

/// The room that an operator keeps order in.
#[derive(Clone, Copy, Debug)]
struct Here {
    id: RoomId,
    name: RoomName,
    /// Where its rules are kept, if they are.
    place: Option<PlaceId>,
    /// What the operator is there.
    rank: Rank,
}

impl Chat {
    pub(super) fn execute_moderation<'a, O: Outbox>(
        &mut self,
        now: Now,
        sender: &Sender,
        command: ModerationCommand<'a>,
        outbox: &mut O,
        archive: &mut dyn Archive,
    ) -> Outcome<'a> {
        match command {
            ModerationCommand::Kick {
                reach: Reach::Room,
                name,
                why,
            } => self.kick(now, sender, name, why, outbox, archive),
            ModerationCommand::Mute {
                reach: Reach::Room,
                name,
                time,
                why,
            } => {
                let act = rules::Wanted {
                    act: Act::Mute,
                    time,
                    why,
                };
                self.set_rule(now, sender, name, act, outbox, archive)
            }
            ModerationCommand::Bar { name, time, why } => {
                let act = rules::Wanted {
                    act: Act::Bar,
                    time,
                    why,
                };
                self.set_rule(now, sender, name, act, outbox, archive)
            }
            ModerationCommand::Unmute {
                reach: Reach::Room,
                name,
            } => self.undo_rule(now, sender, name, Act::Unmute, outbox, archive),
            ModerationCommand::Unbar { name } => {
                self.undo_rule(now, sender, name, Act::Unbar, outbox, archive)
            }
            ModerationCommand::Op { name } => self.op(now, sender, name, outbox, archive),
            ModerationCommand::Deop { name } => self.deop(now, sender, name, outbox, archive),
            ModerationCommand::Lock(None | Some((_, None))) => self.show_locks(sender, outbox),
            ModerationCommand::Lock(Some((lock, Some(on)))) => {
                self.set_lock(now, sender, lock, on, outbox, archive)
            }
            ModerationCommand::Remove(line) => self.remove_line(now, sender, line, archive),
            // The same with `*`, in the whole server.
            ModerationCommand::Kick {
                reach: Reach::Server,
                name,
                why,
            } => self.kick_from_server(now, sender, name, why, outbox, archive),
            ModerationCommand::Mute {
                reach: Reach::Server,
                name,
                time,
                why,
            } => self.mute_everywhere(now, sender, name, time, why, outbox, archive),
            ModerationCommand::Unmute {
                reach: Reach::Server,
                name,
            } => self.unmute_everywhere(now, sender, name, outbox, archive),
        }
    }

    /// The sender's current room, in which only its operators may go on.
    fn here(&self, sender: &Sender) -> Result<Here, Refusal<'static>> {
        let none = MembershipRefusal::NotInRoom { room: None };
        let id = self.current_room(sender.client).ok_or(none)?;
        let name = self.rooms.get(id).ok_or(none)?.name;
        let place = self.history.kept.find(&name);
        let rank = self.rank_of(sender, &name);
        if rank < Rank::Operator {
            let refusal = match place {
                Some(_) => ModerationRefusal::NotOperator { room: Some(name) },
                None => ModerationRefusal::NoOperators { room: name },
            };
            return Err(refusal.into());
        }
        // What is decided now would end with the room's rules, or come behind their end.
        if self.history.kept.is_ending(&name) {
            return Err(AccountRefusal::Busy.into());
        }
        Ok(Here {
            id,
            name,
            place,
            rank,
        })
    }

    /// Has a change kept, if there is one to keep; answers once it is, or at once. All of it holds already.
    fn keep_moderation<'a, O: Outbox>(
        &mut self,
        now: Now,
        sender: &Sender,
        change: Option<Change>,
        effect: ModerationEffect,
        outbox: &mut O,
        archive: &mut dyn Archive,
    ) -> Outcome<'a> {
        let Some(change) = change else {
            return Self::answer_moderation(sender.client, &effect, outbox);
        };
        let ticket = archive.change(change);
        let ticket = ticket.ok_or_else(|| effect.not_kept(false))?;
        let effect = Effect::Moderation(Box::new(effect));
        let client = Some(sender.client);
        self.pending.push(now.timestamp, ticket, client, effect);
        Ok(Answered::Later)
    }

    fn note_deed(
        &mut self,
        now: Now,
        sender: &Sender,
        room: RoomName,
        deed: DeedText<'_>,
        archive: &mut dyn Archive,
    ) {
        let deed = Deed {
            at: now.unix_ms,
            who: sender.name,
            what: deed.what,
            whom: deed.whom.map(Box::from),
            room: Some(room),
            text: how_long_and_why(deed.time, deed.why),
        };
        self.record_deed(deed, archive);
    }
}

/// What is kept of what an operator did.
#[derive(Clone, Copy, Debug)]
struct DeedText<'a> {
    what: &'static str,
    whom: Option<&'a str>,
    time: Option<Duration>,
    why: Option<&'a str>,
}
