//! The laws: of each line as it comes, and of all that is kept in the end.
//!
//! - Each line is answered once, in order (a client takes its answers off its own list).
//! - No number is given to two texts, over all lives of the server; in a place they grow.
//! - A page has only what was said in its place, by who said it; nothing that was forgotten before it was asked.
//! - An old password does not work once its successor was answered; the right one does.
//! - What was answered with a number is kept, unless its author or the room's owner had it erased.
//! - A line that waits comes once to one who stays, and at least once.

use serde_json::Value;

use crate::connection::Sent;
use crate::facts::Spot;
use crate::world::World;

/// Refusals that say nothing of the account or the line: the server or its disk had too much to do.
const INCONCLUSIVE: [&str; 4] = ["busy", "slow_down", "not_kept", "too_many_accounts"];

impl World {
    /// Takes in what came to every client.
    pub fn hear(&mut self) {
        for index in 0..self.connections.len() {
            let events = self.connections[index].take_events();
            for event in events {
                if std::env::var("PEOPLE_TRACE").is_ok() {
                    eprintln!("{} c{index} < {event}", self.step);
                }
                self.take(index, &event);
            }
            let connection = &mut self.connections[index];
            if connection.client.is_closed() && !connection.has_ended {
                connection.has_ended = true;
                // An end that the client did not ask for may come before its answers: a new password, say.
                connection.unanswered.clear();
                connection.dialogue.clear();
                if let Some(account) = connection.account {
                    self.facts.accounts[account].ends += 1;
                }
            }
        }
    }

    fn take(&mut self, index: usize, event: &Value) {
        match event["type"].as_str().unwrap() {
            "ok" => self.take_ok(index, event),
            "error" => self.take_error(index, event),
            "message" | "action" => {
                let spot = Spot::Room(text_of(event, "room"));
                self.check_line(event, &spot, "from");
                self.check_shown(index, &text_of(event, "text"), self.step);
                self.check_heard(event);
            }
            "private" => self.take_private(index, event),
            "history" => self.take_history(index, event),
            "forgotten" => self.take_forgotten(event),
            "join" | "leave" => {
                self.take_move(index, event);
                if event["type"] == "join" {
                    self.check_came(event);
                }
            }
            _ => {}
        }
    }

    /// A line is what its author said there, and its number is its own.
    fn check_line(&mut self, event: &Value, spot: &Spot, from: &str) {
        let text = text_of(event, "text");
        let fact = self.facts.texts.get_mut(&text);
        let fact = fact.unwrap_or_else(|| panic!("nobody said {text}"));
        if fact.spot == Spot::CurrentRoom && matches!(spot, Spot::Room(_)) {
            fact.spot = spot.clone();
        }
        assert_eq!(&fact.spot, spot, "{text} was said elsewhere");
        assert_eq!(fact.author, text_of(event, from), "{text} is another's");
        if let Some(id) = event["id"].as_u64() {
            self.facts.number(&text, id);
        }
    }

    fn take_private(&mut self, index: usize, event: &Value) {
        let (from, to) = (text_of(event, "from"), event["to"][0].as_str().unwrap());
        let spot = pair(&from, to);
        self.check_line(event, &spot, "from");
        self.check_shown(index, &text_of(event, "text"), self.step);
        if event["late"] == true {
            let text = text_of(event, "text");
            let account = self.connections[index].account;
            let name = self.connections[index].name.clone();
            let is_own = to == name.as_deref().unwrap_or_default() || account.is_none(); // the answer to its login comes behind
            assert!(is_own, "{text} waited for {to}, and came to {name:?}");
            let ends = self.account_of(to).map_or(0, |account| account.ends);
            let fact = self.facts.texts.get_mut(&text).unwrap();
            fact.late += 1;
            assert!(fact.late <= 1 + ends, "{text} came {} times", fact.late);
        }
    }

    fn account_of(&self, name: &str) -> Option<&crate::facts::Account> {
        self.facts.accounts.iter().find(|one| one.name == name)
    }

    fn take_history(&mut self, index: usize, event: &Value) {
        let connection = &self.connections[index];
        let Some(Sent::Page { step }) = connection.unanswered.front().cloned() else {
            panic!("nobody asked for {event}");
        };
        let name = connection.name.clone().unwrap();
        let spot = match event["room"].as_str() {
            Some(room) => Spot::Room(room.to_owned()),
            None => pair(&name, event["with"].as_str().unwrap()),
        };
        self.check_line(event, &spot, "from");
        let text = text_of(event, "text");
        self.check_shown(index, &text, step);
        let fact = &self.facts.texts[&text];
        assert!(
            fact.forgotten_at.is_none_or(|forgotten| forgotten > step),
            "{text} was forgotten before it was asked for"
        );
        assert!(event["id"].is_u64(), "{event} has no number");
    }

    fn take_forgotten(&mut self, event: &Value) {
        for id in event["ids"].as_array().into_iter().flatten() {
            if let Some(text) = self.facts.numbers.get(&id.as_u64().unwrap()) {
                let fact = self.facts.texts.get_mut(text).unwrap();
                assert!(fact.may_be_forgotten, "{text} is forgotten unasked");
                fact.forgotten_at = fact.forgotten_at.or(Some(self.step));
            }
        }
    }

    /// One's own coming and going, by another connection.
    fn take_move(&mut self, index: usize, event: &Value) {
        let name = self.connections[index].name.clone();
        let (room, is_own) = (
            text_of(event, "room"),
            event["name"].as_str() == name.as_deref(),
        );
        let connection = &mut self.connections[index];
        if is_own && event["type"] == "leave" && connection.current == Some(room) {
            connection.current = None; // until an answer tells
        }
    }

    fn take_ok(&mut self, index: usize, event: &Value) {
        let connection = &mut self.connections[index];
        let Some(sent) = connection.unanswered.pop_front() else {
            panic!("an answer to nothing: {event}");
        };
        // It has left the chat, and its socket closes later.
        if event["text"] == "Bye."
            && let Some(account) = connection.account
        {
            self.facts.accounts[account].ends += 1;
        }
        match sent {
            Sent::Guest(name) => {
                connection.name = Some(name);
                connection.current = Some("lobby".to_owned());
            }
            Sent::Text(text) => self.take_said(&text, event),
            Sent::Login {
                account, password, ..
            } => {
                self.take_login(index, account, &password, event);
            }
            Sent::Made { account, password } => {
                connection.account = Some(account);
                let fact = &mut self.facts.accounts[account];
                fact.is_made = true;
                fact.passwords = [password].into();
            }
            Sent::Changed { account, password } => {
                let step = self.step;
                let fact = &mut self.facts.accounts[account];
                let old = std::mem::replace(&mut fact.passwords, [password].into());
                fact.replaced = (step, old.into_iter().chain(fact.tokens.drain(..)).collect());
            }
            Sent::Token { account } => {
                let token = text_of(event, "token");
                self.facts.accounts[account].tokens.push(token);
            }
            Sent::Logout => {
                connection.name = None;
                if let Some(account) = connection.account.take() {
                    self.facts.accounts[account].ends += 1;
                }
                connection.current = None;
            }
            Sent::Join(_) => connection.current = Some(text_of(event, "room")),
            Sent::Part(_) => {
                connection.current = event["current"].as_str().map(str::to_owned);
            }
            Sent::Forget { texts } => {
                for text in texts {
                    let fact = self.facts.texts.get_mut(&text).unwrap();
                    fact.forgotten_at = fact.forgotten_at.or(Some(self.step));
                }
            }
            Sent::Block { of, is_made } => self.block_answered(of, is_made),
            Sent::Rule { rule, is_made } => self.rule_answered(&rule, is_made, Some(event)),
            Sent::Unkeep(room) => self.rules_may_end(&room, false),
            Sent::Other | Sent::Page { .. } | Sent::ForgetLast { .. } => {}
        }
        self.go_on(index);
    }

    /// The next line of a dialogue. Passwords may be right from the moment that they are sent.
    fn go_on(&mut self, index: usize) {
        let Some((line, mut sent)) = self.connections[index].dialogue.pop_front() else {
            return;
        };
        match &mut sent {
            Sent::Login {
                account,
                password,
                was_right,
            } => *was_right = self.is_the_password(*account, password),
            Sent::Made { account, password } => {
                let fact = &mut self.facts.accounts[*account];
                fact.may_exist = true;
                fact.passwords.insert(password.clone());
            }
            Sent::Changed { account, password } => {
                let fact = &mut self.facts.accounts[*account];
                fact.passwords.insert(password.clone());
            }
            _ => {}
        }
        self.send(index, &line, sent);
    }

    fn take_said(&mut self, text: &str, event: &Value) {
        if let Some(id) = event["id"].as_u64() {
            self.facts.number(text, id);
            let fact = self.facts.texts.get_mut(text).unwrap();
            fact.is_promised = true;
            let waits_for = event["waiting"][0].as_str();
            fact.waits_for = waits_for.map(str::to_owned);
        }
    }

    fn take_login(&mut self, index: usize, account: usize, password: &str, event: &Value) {
        let fact = &self.facts.accounts[account];
        let (replaced_at, replaced) = &fact.replaced;
        let was_right = *replaced_at == self.step && replaced.iter().any(|old| old == password);
        let is_token = fact.tokens.iter().any(|token| token == password);
        let is_right = was_right || is_token || fact.passwords.contains(password);
        assert!(is_right, "{} came in by {password}", fact.name);
        let connection = &mut self.connections[index];
        connection.name = Some(fact.name.clone());
        connection.account = Some(account);
        connection.current = event["room"].as_str().map(str::to_owned);
    }

    fn take_error(&mut self, index: usize, event: &Value) {
        let code = text_of(event, "code");
        let connection = &mut self.connections[index];
        let Some(sent) = connection.unanswered.pop_front() else {
            panic!("an answer to nothing: {event}");
        };
        connection.dialogue.clear();
        if let Sent::Block { of, .. } = &sent {
            self.block_answered(*of, false);
        }
        if let Sent::Rule { rule, .. } = &sent {
            self.rule_answered(rule, false, None);
        }
        if let Sent::Unkeep(room) = &sent {
            self.rules_may_end(room, false);
        }
        if let Sent::Login {
            account,
            password,
            was_right: true,
        } = &sent
            && self.is_the_password(*account, password)
        {
            assert!(
                INCONCLUSIVE.contains(&code.as_str()),
                "{} was kept out: {event}",
                self.facts.accounts[*account].name
            );
        }
    }

    /// Whether an account surely exists, and this is its one password.
    pub fn is_the_password(&self, account: usize, password: &str) -> bool {
        let fact = &self.facts.accounts[account];
        fact.is_made && fact.passwords.len() == 1 && fact.passwords.contains(password)
    }

    /// What is kept in the end is what was promised. Returns how many lines were.
    pub fn judge(&self) -> usize {
        let kept = self.store.kept();
        for (id, line) in &kept.lines {
            let text = line.text.as_ref();
            let fact = self.facts.texts.get(text);
            let fact = fact.unwrap_or_else(|| panic!("nobody said {text}"));
            assert_eq!(fact.author, line.name.as_str());
            assert!(fact.id.is_none_or(|known| known == id.0));
            assert!(fact.forgotten_at.is_none(), "{text} was forgotten");
        }
        let mut promised = 0;
        for (text, fact) in &self.facts.texts {
            if !fact.is_promised || fact.may_be_forgotten {
                continue;
            }
            // What a guest says in private is kept until it has arrived.
            let is_strangers = fact.by_account.is_none() && matches!(fact.spot, Spot::Pair(..));
            if is_strangers && fact.late > 0 {
                continue;
            }
            promised += 1;
            let id = chinwag::chat::ids::LineId(fact.id.unwrap());
            let line = kept.lines.get(&id);
            let is_there = line.is_some_and(|line| line.text.as_ref() == text);
            assert!(is_there, "{text} was answered ok, and is lost");
            let is_blocked = line.is_some_and(|line| line.is_authors_only);
            if let Some(name) = fact.waits_for.as_ref().filter(|_| !is_blocked) {
                let waits = kept.waiting.iter().any(|(_, waiting)| *waiting == id);
                assert!(waits || fact.late > 0, "{text} waited for {name}");
            }
        }
        for account in self.facts.accounts.iter().filter(|one| one.is_made) {
            let mut all = kept.accounts.values();
            let is_there = all.any(|own| own.name.as_str() == account.name);
            assert!(is_there, "{} is lost", account.name);
        }
        promised
    }
}

fn text_of(event: &Value, field: &str) -> String {
    let text = event[field].as_str();
    text.unwrap_or_else(|| panic!("no {field} in {event}"))
        .to_owned()
}

fn pair(one: &str, other: &str) -> Spot {
    let (low, high) = if one < other {
        (one, other)
    } else {
        (other, one)
    };
    Spot::Pair(low.to_owned(), high.to_owned())
}
