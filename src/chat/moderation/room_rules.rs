//! The rules of rooms: who operates them, who may not speak or come in, and what is locked.
//!
//! They go by a room's name, so that they hold while it is empty. Rules about accounts in kept rooms are kept,
//! too; all others end with the server.

use std::collections::HashMap;
use std::time::Duration;

use ahash::RandomState;

use crate::chat::archive::{RuleKind, UnixMs};
use crate::chat::ids::{AccountId, AddressKey, ClientId};
use crate::chat::name::{Name, RoomName};
use crate::chat::order::Locks;
use crate::chat::time::Now;

use super::super::time::Timestamp;

/// Rules of one room. More are no order, and each look goes through all of them.
pub(in crate::chat) const RULES_PER_ROOM_MAX: usize = 500;

/// Whom a rule is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::chat) enum Subject {
    /// An account, on all its connections.
    Account(AccountId),
    /// A connection: that of a guest who was muted, whatever name it takes; that of a guest of this machine who
    /// was barred, where one address is everybody's.
    Connection(ClientId),
    /// All guests of an address.
    Address(AddressKey),
}

/// Who is asked about.
#[derive(Clone, Copy, Debug)]
pub(in crate::chat) struct Who {
    pub client: ClientId,
    pub account: Option<AccountId>,
    pub address: Option<AddressKey>,
}

/// When a rule ends by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::chat) struct End {
    /// By the calendar: shown and kept.
    pub unix_ms: UnixMs,
    /// By the clock that does not jump; `None` for one that an earlier run has made.
    pub timestamp: Option<Timestamp>,
}

/// A rule of a room about somebody.
#[derive(Clone, Debug)]
pub(in crate::chat) struct Rule {
    pub subject: Subject,
    pub kind: RuleKind,
    /// `None`: until it is undone.
    pub end: Option<End>,
    /// The name that it was made by.
    pub name: Name,
    /// Who made it. Not known after a restart if that was no account.
    pub by: Option<Name>,
    /// Not known after a restart.
    pub why: Option<Box<str>>,
}

/// The rules of one room.
#[derive(Debug, Default)]
struct Rules {
    locks: Locks,
    all: Vec<Rule>,
}

/// The rules of all rooms.
///
/// Invariant: a room without any has no entry.
#[derive(Debug)]
pub(in crate::chat) struct RoomRules {
    rooms: HashMap<RoomName, Rules, RandomState>,
}

/// A room has as many rules as may be.
#[derive(Debug)]
pub(in crate::chat) struct Full;

impl End {
    pub fn after(now: Now, time: Duration) -> Self {
        let ms = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        Self {
            unix_ms: now.unix_ms.saturating_add(ms),
            timestamp: Some(now.timestamp.after(time)),
        }
    }

    /// How long until it ends; zero once it has.
    pub fn left(self, now: Now) -> Duration {
        match self.timestamp {
            Some(timestamp) => timestamp.since(now.timestamp),
            None => Duration::from_millis(self.unix_ms.saturating_sub(now.unix_ms)),
        }
    }
}

impl Rule {
    pub fn holds(&self, now: Now) -> bool {
        self.end.is_none_or(|end| !end.left(now).is_zero())
    }

    fn concerns(&self, who: &Who) -> bool {
        let is_guest = who.account.is_none();
        match (self.subject, self.kind) {
            (Subject::Account(account), _) => who.account == Some(account),
            // Who has an account is barred by that.
            (Subject::Connection(client), RuleKind::Barred) => is_guest && who.client == client,
            (Subject::Connection(client), _) => who.client == client,
            (Subject::Address(address), _) => is_guest && who.address == Some(address),
        }
    }
}

impl RoomRules {
    pub fn new(hasher: RandomState) -> Self {
        Self {
            rooms: HashMap::with_hasher(hasher),
        }
    }

    /// Whether there is something that somebody may not do in a room.
    pub fn restricts(&self, room: &RoomName) -> bool {
        let rules = self.get(room);
        rules.is_some_and(|rules| {
            let is_limit = |rule: &Rule| rule.kind != RuleKind::Operator;
            !rules.locks.is_empty() || rules.all.iter().any(is_limit)
        })
    }

    pub fn locks(&self, room: &RoomName) -> Locks {
        self.get(room).map(|rules| rules.locks).unwrap_or_default()
    }

    /// The rule of this kind that holds for somebody now.
    pub fn find(&self, room: &RoomName, kind: RuleKind, who: &Who, now: Now) -> Option<&Rule> {
        let mut all = self.all(room).iter();
        all.find(|rule| rule.kind == kind && rule.concerns(who) && rule.holds(now))
    }

    /// Whether an account was made an operator.
    pub fn is_operator(&self, room: &RoomName, account: AccountId) -> bool {
        let subject = Subject::Account(account);
        let is_it = |rule: &Rule| rule.kind == RuleKind::Operator && rule.subject == subject;
        self.all(room).iter().any(is_it)
    }

    /// The rules of a room, some of them past their time.
    pub fn all(&self, room: &RoomName) -> &[Rule] {
        self.get(room).map_or(&[], |rules| &rules.all)
    }

    pub fn set_locks(&mut self, room: RoomName, locks: Locks) {
        self.change(room, |rules| rules.locks = locks);
    }

    /// Adds a rule, or replaces the one of the same kind about the same.
    pub fn set(&mut self, room: RoomName, rule: Rule) -> Result<(), Full> {
        self.change(room, |rules| {
            let is_same =
                |other: &&mut Rule| other.kind == rule.kind && other.subject == rule.subject;
            if let Some(same) = rules.all.iter_mut().find(is_same) {
                *same = rule;
            } else if rules.all.len() >= RULES_PER_ROOM_MAX {
                return Err(Full);
            } else {
                rules.all.push(rule);
            }
            Ok(())
        })
    }

    /// Takes out rules of a room. Returns them.
    pub fn take(&mut self, room: RoomName, is_one: impl FnMut(&mut Rule) -> bool) -> Vec<Rule> {
        if self.get(&room).is_none() {
            return Vec::new();
        }
        self.change(room, |rules| rules.all.extract_if(.., is_one).collect())
    }

    /// All rules of a room end.
    pub fn drop_room(&mut self, room: &RoomName) {
        self.rooms.remove(room);
    }

    /// The rooms with rules about an account.
    pub fn rooms_of(&self, account: AccountId) -> Vec<RoomName> {
        let subject = Subject::Account(account);
        let has = |rules: &Rules| rules.all.iter().any(|rule| rule.subject == subject);
        let rooms = self.rooms.iter().filter(|(_, rules)| has(rules));
        rooms.map(|(room, _)| *room).collect()
    }

    fn get(&self, room: &RoomName) -> Option<&Rules> {
        if self.rooms.is_empty() {
            return None;
        }
        self.rooms.get(room)
    }

    fn change<R>(&mut self, room: RoomName, change: impl FnOnce(&mut Rules) -> R) -> R {
        let rules = self.rooms.entry(room).or_default();
        let result = change(rules);
        if rules.locks.is_empty() && rules.all.is_empty() {
            self.rooms.remove(&room);
        }
        result
    }

    /// Panics if a room without rules has an entry, or one has too many.
    pub fn check_invariants(&self) {
        for rules in self.rooms.values() {
            assert!(!rules.locks.is_empty() || !rules.all.is_empty());
            assert!(rules.all.len() <= RULES_PER_ROOM_MAX);
        }
    }
}
