//! `/mute`, `/bar`, `/op`, and what undoes them.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::chat::archive::{Archive, Change, Restored, RuleKind, StoredRule};
use crate::chat::event::Done;
use crate::chat::ids::{AccountId, PlaceId};
use crate::chat::moderation::room_rules::{End, RULES_PER_ROOM_MAX, Rule, Subject};
use crate::chat::name::{Name, RoomName};
use crate::chat::order::{Act, Locks};
use crate::chat::outbox::Outbox;
use crate::chat::refusal::{ModerationRefusal, Refusal};
use crate::chat::time::Now;
use crate::chat::{Chat, Outcome, Sender, check_note};

use super::ranks::Rank;
use super::targets::Target;
use super::{DeedText, Here};
use crate::chat::moderation::effects::ModerationEffect;

/// A rule that is to be made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted<'a> {
    pub act: Act,
    pub time: Option<Duration>,
    pub why: Option<&'a str>,
}

impl Chat {
    /// `/mute` and `/bar`
    pub(super) fn set_rule<'a, O: Outbox>(
        &mut self,
        now: Now,
        sender: &Sender,
        given: &'a str,
        wanted: Wanted<'a>,
        outbox: &mut O,
        archive: &mut dyn Archive,
    ) -> Outcome<'a> {
        check_note(wanted.why)?;
        let here = self.here(sender)?;
        let target = self.target(sender, &here, given)?;
        let own = self.account_of(sender.user);
        if target.member == Some(sender.user) || target.account.is_some_and(|it| own == Some(it)) {
            return Err(ModerationRefusal::Oneself.into());
        }
        self.check_rank(&here, &target)?;
        let (kind, subject) = match wanted.act {
            Act::Bar => (RuleKind::Barred, self.subject_that_enters(&target)),
            _ => (RuleKind::Muted, Self::subject_that_speaks(&target)),
        };
        let none = ModerationRefusal::NotThere {
            given,
            room: here.name,
        };
        let subject = subject.ok_or(none)?;
        let end = wanted.time.map(|time| End::after(now, time));
        self.make_rule(now, sender, &here, &target, subject, kind, wanted, archive)?;
        let done = Done {
            act: wanted.act,
            room: &here.name,
            name: &target.name,
            from: &sender.name,
            until: end.map(|end| end.unix_ms),
            why: wanted.why,
        };
        match target.member {
            Some(user) if wanted.act == Act::Bar => {
                self.put_out_and_tell(sender, here.id, user, done, outbox);
            }
            member => self.tell_room(sender, here.id, member, done, outbox),
        }
        let change = stored(here.place, subject, kind, end, own).map(Change::SetRule);
        let effect = effect(wanted.act, &here, &target, end);
        self.keep_moderation(now, sender, change, effect, outbox, archive)
    }

    /// Puts a rule into the room's, and notes the deed.
    #[expect(clippy::too_many_arguments, reason = "it is all that a rule says")]
    fn make_rule(
        &mut self,
        now: Now,
        sender: &Sender,
        here: &Here,
        target: &Target,
        subject: Subject,
        kind: RuleKind,
        wanted: Wanted<'_>,
        archive: &mut dyn Archive,
    ) -> Result<(), Refusal<'static>> {
        self.purge_rules(now, here, archive);
        let rule = Rule {
            subject,
            kind,
            end: wanted.time.map(|time| End::after(now, time)),
            name: target.name,
            by: Some(sender.name),
            why: wanted.why.map(Box::from),
        };
        let rules_max = RULES_PER_ROOM_MAX;
        let set = self.rules.set(here.name, rule);
        set.map_err(|_| ModerationRefusal::TooManyRules { rules_max })?;
        self.refresh_restricted(&here.name);
        let deed = DeedText {
            what: wanted.act.word(),
            whom: Some(target.name.as_str()),
            time: wanted.time,
            why: wanted.why,
        };
        self.note_deed(now, sender, here.name, deed, archive);
        Ok(())
    }

    /// `/unmute` and `/unbar`
    pub(super) fn undo_rule<'a, O: Outbox>(
        &mut self,
        now: Now,
        sender: &Sender,
        given: &'a str,
        act: Act,
        outbox: &mut O,
        archive: &mut dyn Archive,
    ) -> Outcome<'a> {
        let here = self.here(sender)?;
        let kind = match act {
            Act::Unbar => RuleKind::Barred,
            _ => RuleKind::Muted,
        };
        let (room, typed) = (here.name, Name::parse(given).ok());
        let target = self.target(sender, &here, given).ok();
        if target.is_some_and(|target| target.member == Some(sender.user)) {
            return Err(ModerationRefusal::Oneself.into());
        }
        let subjects = target.map(|target| {
            let entering = self.subject_that_enters(&target);
            [entering, Self::subject_that_speaks(&target)]
        });
        let subjects = subjects.unwrap_or_default();
        // A guest who is gone is known by the name that the rule was made by.
        let is_meant = |rule: &Rule| match rule.subject {
            Subject::Account(_) => subjects.contains(&Some(rule.subject)),
            Subject::Connection(_) | Subject::Address(_) => {
                subjects.contains(&Some(rule.subject)) || Some(rule.name) == typed
            }
        };
        let undone = self
            .rules
            .take(room, |rule| rule.kind == kind && is_meant(rule));
        self.refresh_restricted(&room);
        // One that is past its time ends here, too, but there was nothing to undo.
        let held = undone.iter().find(|rule| rule.holds(now));
        let Some(held) = held else {
            for rule in &undone {
                drop_stored(&here, rule, archive);
            }
            return Err(ModerationRefusal::NoRule { act, given, room }.into());
        };
        let name = target.map_or(held.name, |target| target.name);
        let member = target.and_then(|target| target.member);
        let done = Done {
            act,
            room: &room,
            name: &name,
            from: &sender.name,
            until: None,
            why: None,
        };
        self.tell_room(sender, here.id, member, done, outbox);
        let deed = DeedText {
            what: act.word(),
            whom: Some(name.as_str()),
            time: None,
            why: None,
        };
        self.note_deed(now, sender, room, deed, archive);
        // There is one at most about an account.
        let change = undone.iter().find_map(|rule| dropped(here.place, rule));
        let until = None;
        let effect = ModerationEffect::Rule {
            act,
            room,
            name,
            until,
        };
        self.keep_moderation(now, sender, change, effect, outbox, archive)
    }

    /// `/op`
    pub(super) fn op<'a, O: Outbox>(
        &mut self,
        now: Now,
        sender: &Sender,
        given: &'a str,
        outbox: &mut O,
        archive: &mut dyn Archive,
    ) -> Outcome<'a> {
        let here = self.here(sender)?;
        let not_kept = ModerationRefusal::NotKeptHere { room: here.name };
        let place = here.place.ok_or(not_kept)?;
        let none = ModerationRefusal::NotAnAccount { given };
        let target = self.target(sender, &here, given).map_err(|_| none)?;
        let account = target.account.ok_or(none)?;
        let act = Act::Op;
        if self.rank_of_account(account, &here.name) >= Rank::Operator {
            let effect = effect(act, &here, &target, None);
            return self.keep_moderation(now, sender, None, effect, outbox, archive);
        }
        let (kind, subject) = (RuleKind::Operator, Subject::Account(account));
        let (time, why) = (None, None);
        let wanted = Wanted { act, time, why };
        self.make_rule(now, sender, &here, &target, subject, kind, wanted, archive)?;
        self.tell_operator(sender, &here, &target, act, outbox);
        let own = self.account_of(sender.user);
        let change = stored(Some(place), subject, kind, None, own).map(Change::SetRule);
        let effect = effect(act, &here, &target, None);
        self.keep_moderation(now, sender, change, effect, outbox, archive)
    }

    /// `/deop`; also of oneself.
    pub(super) fn deop<'a, O: Outbox>(
        &mut self,
        now: Now,
        sender: &Sender,
        given: &'a str,
        outbox: &mut O,
        archive: &mut dyn Archive,
    ) -> Outcome<'a> {
        let here = self.here(sender)?;
        let (act, room) = (Act::Deop, here.name);
        let none = ModerationRefusal::NoRule { act, given, room };
        let target = self.target(sender, &here, given).map_err(|_| none)?;
        let account = target.account.ok_or(none)?;
        if self.rank_of_account(account, &room) == Rank::Owner {
            // Ownership is no rule: it ends with the keeping.
            let (name, owns) = (target.name, Some(room));
            return Err(ModerationRefusal::Protected { name, owns }.into());
        }
        let subject = Subject::Account(account);
        let is_it = |rule: &mut Rule| rule.kind == RuleKind::Operator && rule.subject == subject;
        let undone = self.rules.take(room, is_it).pop().ok_or(none)?;
        self.tell_operator(sender, &here, &target, act, outbox);
        let deed = DeedText {
            what: act.word(),
            whom: Some(target.name.as_str()),
            time: None,
            why: None,
        };
        self.note_deed(now, sender, room, deed, archive);
        let change = dropped(here.place, &undone);
        let effect = effect(act, &here, &target, None);
        self.keep_moderation(now, sender, change, effect, outbox, archive)
    }

    /// Takes in the rules that were kept before the server started.
    pub(in crate::chat) fn restore_rules(&mut self, restored: &Restored) {
        let keeps_lobby = self.settings.history.lobby_days.is_some();
        let rooms = restored.rooms.iter();
        // A room that is kept no longer has no rules that are.
        let kept = rooms.filter(|room| keeps_lobby || room.room != self.settings.lobby);
        let mut names = BTreeMap::new();
        for room in kept {
            names.insert(room.place, room.room);
            self.rules
                .set_locks(room.room, Locks::from_bits(room.locks));
        }
        for stored in &restored.rules {
            let name = self.accounts.name_of(stored.account);
            let (Some(room), Some(name)) = (names.get(&stored.place), name) else {
                continue;
            };
            let end = stored.until.map(|unix_ms| End {
                unix_ms,
                timestamp: None,
            });
            let rule = Rule {
                subject: Subject::Account(stored.account),
                kind: stored.kind,
                end,
                name,
                by: stored.by.and_then(|by| self.accounts.name_of(by)),
                why: None,
            };
            // No more were kept than there may be.
            let _ = self.rules.set(*room, rule);
        }
    }

    fn tell_operator<O: Outbox>(
        &self,
        sender: &Sender,
        here: &Here,
        target: &Target,
        act: Act,
        outbox: &mut O,
    ) {
        let done = Done {
            act,
            room: &here.name,
            name: &target.name,
            from: &sender.name,
            until: None,
            why: None,
        };
        self.tell_room(sender, here.id, target.member, done, outbox);
    }

    /// Drops rules of a room that are past their time, and those about connections that are gone.
    fn purge_rules(&mut self, now: Now, here: &Here, archive: &mut dyn Archive) {
        let directory = &self.directory;
        let is_over = |rule: &mut Rule| {
            let is_gone = match rule.subject {
                Subject::Connection(client) => directory.get(client).is_none(),
                Subject::Account(_) | Subject::Address(_) => false,
            };
            is_gone || !rule.holds(now)
        };
        for rule in self.rules.take(here.name, is_over) {
            drop_stored(here, &rule, archive);
        }
        self.refresh_restricted(&here.name);
    }

    /// A room's rules or locks have changed: brings its mark of them up to date, by which others leave them alone.
    pub(super) fn refresh_restricted(&mut self, room: &RoomName) {
        let restricts = self.rules.restricts(room);
        let id = self.rooms.find(room);
        if let Some(room) = id.and_then(|id| self.rooms.get_mut(id)) {
            room.is_restricted = restricts;
        }
    }

    /// A room is kept from now on: so are its rules about accounts, and its locks.
    pub(in crate::chat) fn keep_rules(
        &mut self,
        place: PlaceId,
        room: &RoomName,
        archive: &mut dyn Archive,
    ) {
        for rule in self.rules.all(room) {
            if let Some(rule) = stored(Some(place), rule.subject, rule.kind, rule.end, None) {
                let _ = archive.change(Change::SetRule(rule));
            }
        }
        let locks = self.rules.locks(room);
        if !locks.is_empty() {
            let locks = locks.bits();
            let _ = archive.change(Change::SetLocks { place, locks });
        }
    }

    /// A room is kept no longer, and nobody's: its rules end.
    pub(in crate::chat) fn end_rules(&mut self, room: &RoomName) {
        self.rules.drop_room(room);
        self.refresh_restricted(room);
    }

    /// An account is gone, and so are the rules about it.
    pub(in crate::chat) fn drop_rules_of(&mut self, account: AccountId) {
        let subject = Subject::Account(account);
        for room in self.rules.rooms_of(account) {
            self.rules.take(room, |rule| rule.subject == subject);
            self.refresh_restricted(&room);
        }
    }
}

fn effect(act: Act, here: &Here, target: &Target, end: Option<End>) -> ModerationEffect {
    ModerationEffect::Rule {
        act,
        room: here.name,
        name: target.name,
        until: end.map(|end| end.unix_ms),
    }
}

/// A rule as it is kept, if it is.
fn stored(
    place: Option<PlaceId>,
    subject: Subject,
    kind: RuleKind,
    end: Option<End>,
    by: Option<AccountId>,
) -> Option<StoredRule> {
    let Subject::Account(account) = subject else {
        return None;
    };
    Some(StoredRule {
        place: place?,
        account,
        kind,
        until: end.map(|end| end.unix_ms),
        by,
    })
}

/// Has the archive drop a rule that is over.
fn drop_stored(here: &Here, rule: &Rule, archive: &mut dyn Archive) {
    if let Some(change) = dropped(here.place, rule) {
        let _ = archive.change(change);
    }
}

/// The end of a rule, if that is kept.
fn dropped(place: Option<PlaceId>, rule: &Rule) -> Option<Change> {
    let Subject::Account(account) = rule.subject else {
        return None;
    };
    Some(Change::DropRule {
        place: place?,
        account,
        kind: rule.kind,
    })
}
