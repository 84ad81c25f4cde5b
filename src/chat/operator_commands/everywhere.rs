//! `/kick *`, `/mute *` and `/unmute *`: a room's commands, on the whole server.

use std::time::Duration;

use crate::chat::archive::{Archive, Ban, BanKind, BanTarget, Change, UnixMs};
use crate::chat::close_reason::CloseReason;
use crate::chat::event::{Barred, BarredFrom, Event, OperatorEvent};
use crate::chat::ids::{AccountId, ClientId, UserId};
use crate::chat::name::Name;
use crate::chat::operators::bans::BANS_MAX;
use crate::chat::operators::deeds::how_long_and_why;
use crate::chat::operators::effects::OperatorEffect;
use crate::chat::operators::silences::Silence;
use crate::chat::outbox::Outbox;
use crate::chat::refusal::{OperatorRefusal, Refusal};
use crate::chat::time::Now;
use crate::chat::{Chat, Outcome, Sender, check_note};

impl Chat {
    /// `/kick * NAME`: all connections of a user end.
    pub(in crate::chat) fn kick_from_server<'a, O: Outbox>(
        &mut self,
        now: Now,
        sender: &Sender,
        typed: &'a str,
        why: Option<&'a str>,
        outbox: &mut O,
        archive: &mut dyn Archive,
    ) -> Outcome<'a> {
        self.check_operator(sender)?;
        check_note(why)?;
        let (user, name) = self.user_named(typed)?;
        let event = Event::Operator(OperatorEvent::Barred(Barred {
            from: BarredFrom::Staying,
            why: why.unwrap_or_default(),
            until: None,
            by: Some(&sender.name),
        }));
        let words = match why {
            Some(why) => format!("removed by {}: {why}", sender.name),
            None => format!("removed by {}", sender.name),
        };
        let ids: Vec<ClientId> = self.directory.connections_of(user).collect();
        for id in ids {
            if let Some(client) = self.directory.get_mut(id) {
                client.extras_mut().quit_text = Some(words.as_str().into());
            }
            self.end_connection(now, id, &event, CloseReason::Removed, outbox);
        }
        let text = how_long_and_why(None, why);
        let deed = Self::server_deed(now, sender, "kick", Some(name.as_str()), text);
        let effect = OperatorEffect::Kicked { name };
        self.done(now, sender, true, deed, effect, outbox, archive)
    }

    /// `/mute * NAME`: an account, here or not, or a guest's connection.
    #[expect(
        clippy::too_many_arguments,
        reason = "a rule, and what every line gets"
    )]
    pub(in crate::chat) fn mute_everywhere<'a, O: Outbox>(
        &mut self,
        now: Now,
        sender: &Sender,
        typed: &'a str,
        time: Option<Duration>,
        why: Option<&'a str>,
        outbox: &mut O,
        archive: &mut dyn Archive,
    ) -> Outcome<'a> {
        self.check_operator(sender)?;
        check_note(why)?;
        let until = time.map(|time| ends_at(now, time));
        let (name, is_taken) = match self.account_named(typed) {
            Ok((account, name)) => {
                self.check_no_operator(account, name)?;
                let ban = self.mute_account(now, sender, account, until, why, archive)?;
                (name, ban)
            }
            Err(_) => (self.mute_guest(sender, typed, until, why)?, true),
        };
        let event = Event::Operator(OperatorEvent::Barred(Barred {
            from: BarredFrom::Speaking,
            why: why.unwrap_or_default(),
            until,
            by: Some(&sender.name),
        }));
        for id in self.connections_named(&name) {
            if let Some(client) = self.directory.get_mut(id) {
                client.is_watched = true;
            }
            outbox.send(id, &event);
        }
        let text = how_long_and_why(time, why);
        let deed = Self::server_deed(now, sender, "mute", Some(name.as_str()), text);
        let effect = OperatorEffect::Muted { name, until };
        self.done(now, sender, is_taken, deed, effect, outbox, archive)
    }

    /// An account's silence is a ban: it is kept, listed and undone like any other. It replaces an earlier one.
    fn mute_account(
        &mut self,
        now: Now,
        sender: &Sender,
        account: AccountId,
        until: Option<UnixMs>,
        why: Option<&str>,
        archive: &mut dyn Archive,
    ) -> Result<bool, Refusal<'static>> {
        self.drop_past_bans(now, archive);
        let mut is_taken = self.unmute_account(account, archive).unwrap_or(true);
        let bans_max = BANS_MAX;
        let number = self.operators.bans.mint();
        let ban = Ban {
            number: number.ok_or(OperatorRefusal::TooManyBans { bans_max })?,
            target: BanTarget::Account(account),
            kind: BanKind::Muted,
            until,
            why: why.map(Box::from),
            by: sender.name,
            at: now.unix_ms,
        };
        is_taken &= archive.change(Change::Ban(ban.clone())).is_some() || !archive.is_open();
        self.operators.bans.insert(ban);
        Ok(is_taken)
    }

    /// A guest's silence is their connection's.
    fn mute_guest<'a>(
        &mut self,
        sender: &Sender,
        typed: &'a str,
        until: Option<UnixMs>,
        why: Option<&str>,
    ) -> Result<Name, Refusal<'a>> {
        let (user, name) = self.user_named(typed)?;
        if self.user_operates_server(user) {
            return Err(OperatorRefusal::IsOperator { name }.into());
        }
        for id in self.connections_named(&name) {
            if let Some(client) = self.directory.get_mut(id) {
                client.set_silence(Some(Silence {
                    why: why.unwrap_or_default().into(),
                    until,
                    by: sender.name,
                }));
            }
        }
        Ok(name)
    }

    /// `/unmute * NAME`
    pub(in crate::chat) fn unmute_everywhere<'a, O: Outbox>(
        &mut self,
        now: Now,
        sender: &Sender,
        typed: &'a str,
        outbox: &mut O,
        archive: &mut dyn Archive,
    ) -> Outcome<'a> {
        self.check_operator(sender)?;
        let (name, is_taken) = match self.account_named(typed) {
            Ok((account, name)) => (name, self.unmute_account(account, archive)),
            Err(_) => (self.user_named(typed)?.1, None),
        };
        let ids = self.connections_named(&name);
        let mut was_silent = is_taken.is_some();
        for id in &ids {
            if let Some(client) = self.directory.get_mut(*id)
                && client.silence().is_some()
            {
                client.set_silence(None);
                was_silent = true;
            }
        }
        if !was_silent {
            return Err(OperatorRefusal::NotMuted { name }.into());
        }
        for id in ids {
            outbox.send(id, &Event::Operator(OperatorEvent::Unmuted));
        }
        let deed = Self::server_deed(now, sender, "unmute", Some(name.as_str()), None);
        let effect = OperatorEffect::Unmuted { name };
        let is_taken = is_taken.unwrap_or(true);
        self.done(now, sender, is_taken, deed, effect, outbox, archive)
    }

    /// Undoes an account's silences. Returns whether the archive takes that; `None` if there was none.
    fn unmute_account(&mut self, account: AccountId, archive: &mut dyn Archive) -> Option<bool> {
        let numbers = self.operators.bans.of_account(account, BanKind::Muted);
        let mut is_taken = None;
        for number in numbers {
            self.operators.bans.remove(number);
            let taken = archive.change(Change::Unban { number }).is_some() || !archive.is_open();
            is_taken = Some(is_taken.unwrap_or(true) && taken);
        }
        is_taken
    }

    /// Refuses what operators of the server are safe from.
    pub(super) fn check_no_operator(
        &self,
        account: AccountId,
        name: Name,
    ) -> Result<(), Refusal<'static>> {
        let user = self.accounts.user_of(account);
        let is_here = user.is_some_and(|user| self.user_operates_server(user));
        if is_here || self.settings.operators.contains(&name) {
            return Err(OperatorRefusal::IsOperator { name }.into());
        }
        Ok(())
    }

    /// A user who is here, by a name as typed. Nobody hides from an operator.
    pub(super) fn user_named<'a>(&self, typed: &'a str) -> Result<(UserId, Name), Refusal<'a>> {
        let given = typed.strip_prefix('@').unwrap_or(typed);
        let found = self.directory.find_typed(given);
        found.ok_or(Refusal::NoSuchUser { given })
    }

    /// The connections of whoever has a name.
    fn connections_named(&self, name: &Name) -> Vec<ClientId> {
        let user = self.directory.find(name);
        let ids = user
            .into_iter()
            .flat_map(|user| self.directory.connections_of(user));
        ids.collect()
    }
}

/// When a time that begins now is over.
pub fn ends_at(now: Now, time: Duration) -> UnixMs {
    let ms = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    now.unix_ms.saturating_add(ms)
}
