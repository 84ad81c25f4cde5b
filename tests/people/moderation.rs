//! Order in kept rooms: drawn by chance, and its laws.
//!
//! - From the answer to `/mute` on, the muted account is heard in the room no more, until that is undone.
//! - From the answer to `/bar` on, the barred account is not heard there, nor does it come in.

use serde_json::Value;

use crate::connection::Sent;
use crate::world::{ACCOUNTS, World};

/// What keeps an account from something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Limit {
    Muted,
    Barred,
}

/// Of which room, whom, and what.
pub type Rule = (String, usize, Limit);

/// What the oracle knows of a rule.
#[derive(Clone, Debug, Default)]
pub struct RuleFact {
    /// Commands about it that are not answered: until they are, nobody knows.
    pub unanswered: usize,
    /// It was answered at this step that it holds.
    pub since: Option<usize>,
}

impl World {
    /// An operator of a room, or one who is none, makes a rule there or undoes one.
    pub fn moderate(&mut self) {
        let Some(index) = self.any_speaker() else {
            return;
        };
        let connection = &self.connections[index];
        // Behind a line that is under way, it can be about another room.
        let (Some(room), true) = (&connection.current, connection.unanswered.is_empty()) else {
            return;
        };
        let room = room.clone();
        let whom = self.rng.usize(..ACCOUNTS.len());
        if !self.facts.accounts[whom].is_made {
            return;
        }
        // Who owns no room yet keeps this one first.
        self.send(index, "/keep", Sent::Other);
        let (verb, limit, is_made) = match self.rng.u32(..10) {
            0..3 => ("mute", Limit::Muted, true),
            3..6 => ("bar", Limit::Barred, true),
            6 => ("unmute", Limit::Muted, false),
            7 => ("unbar", Limit::Barred, false),
            8 => ("op", Limit::Muted, false),
            _ => return self.send(index, &format!("/kick {}", ACCOUNTS[whom]), Sent::Other),
        };
        let rule = (room, whom, limit);
        let fact = self.facts.rules.entry(rule.clone()).or_default();
        fact.unanswered += 1;
        fact.since = None;
        let line = format!("/{verb} {}", ACCOUNTS[whom]);
        self.send(index, &line, Sent::Rule { rule, is_made });
    }

    /// A command about a rule was answered; without an `ok`, in vain.
    pub fn rule_answered(&mut self, rule: &Rule, is_made: bool, ok: Option<&Value>) {
        let step = self.step;
        let is_there = ok.is_some_and(|ok| ok["room"] == rule.0.as_str());
        let is_kept = self
            .facts
            .unkeeps
            .get(&rule.0)
            .is_none_or(|count| *count == 0);
        let fact = self.facts.rules.entry(rule.clone()).or_default();
        fact.unanswered = fact.unanswered.saturating_sub(1);
        if fact.unanswered == 0 && is_made && is_there && is_kept {
            fact.since = Some(step);
            self.facts.rules_made += 1;
        }
    }

    /// `/keep off` is asked for, which ends all rules of a room, or was answered.
    pub fn rules_may_end(&mut self, room: &str, is_asked: bool) {
        let count = self.facts.unkeeps.entry(room.to_owned()).or_default();
        *count = if is_asked {
            *count + 1
        } else {
            count.saturating_sub(1)
        };
        for ((of, ..), fact) in &mut self.facts.rules {
            if of == room {
                fact.since = None;
            }
        }
    }

    /// Somebody was heard in a room.
    pub fn check_heard(&self, event: &Value) {
        self.check_rule(event, "from", Limit::Muted);
        self.check_rule(event, "from", Limit::Barred);
    }

    /// Somebody came into a room.
    pub fn check_came(&self, event: &Value) {
        self.check_rule(event, "name", Limit::Barred);
    }

    fn check_rule(&self, event: &Value, field: &str, limit: Limit) {
        let Some(whom) = ACCOUNTS.iter().position(|name| event[field] == *name) else {
            return;
        };
        let room = event["room"].as_str().unwrap().to_owned();
        let since = self.facts.rules.get(&(room, whom, limit));
        let since = since.and_then(|fact| fact.since);
        // What came in this step can be older than the rule.
        assert!(
            since.is_none_or(|since| since >= self.step),
            "{event}, though {limit:?} since {since:?}"
        );
    }
}
