//! What people, the disk and the clock do, drawn by chance.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::connection::Sent;
use crate::facts::{Spot, Text};
use crate::model_store::Trouble;
use crate::world::{ACCOUNTS, ROOMS, World};

impl World {
    pub fn step(&mut self) {
        self.step += 1;
        match self.rng.u32(..100) {
            0..12 => self.come(),
            12..36 => self.say(),
            36..40 => self.moderate(),
            40..52 => self.write(),
            52..60 => self.move_room(),
            60..72 => self.look_back(),
            72..76 => self.forget(),
            76..80 => self.manage_account(),
            80..84 => self.relate(),
            84 => self.remove(),
            85..88 => self.end_connection(),
            88..90 => self.keep(),
            90..94 => self.disk(),
            94 => {
                if self.rng.u32(..4) == 0 {
                    self.crash();
                }
            }
            95..97 => self.jump_clock(),
            _ => self.pass(Duration::from_millis(self.rng.clone().u64(1..7000))),
        }
        self.work_some();
        self.run();
    }

    /// The archive does some of its work.
    fn work_some(&mut self) {
        if self.rng.u32(..3) > 0 {
            let (work, commit) = (self.rng.usize(..3), self.rng.usize(..12));
            self.store.work(work);
            self.store.commit(commit);
        }
        if self.rng.u32(..4) == 0 {
            self.store.commit(usize::MAX >> 1);
            self.store.work(usize::MAX >> 1);
        }
    }

    /// Somebody connects: a guest who may make an account, or the owner of one.
    fn come(&mut self) {
        let open = self.connections.iter().filter(|one| !one.has_ended).count();
        if open > 9 {
            return;
        }
        let index = self.connect();
        let account = self.rng.usize(..ACCOUNTS.len());
        let fact = self.facts.accounts[account].clone();
        if !fact.may_exist {
            self.send(index, &format!("#{}", fact.name), Sent::Guest(fact.name));
            let password = format!("pass-{account}-{}-word", self.step);
            let made = Sent::Made {
                account,
                password: password.clone(),
            };
            let connection = &mut self.connections[index];
            connection.dialogue =
                [("/account new".to_owned(), Sent::Other), (password, made)].into();
            return;
        }
        if self.rng.u32(..6) == 0 {
            let name = format!("guest{}", self.step);
            self.send(index, &format!("#{name}"), Sent::Guest(name));
            return;
        }
        let mut secrets: Vec<String> = fact.passwords.iter().cloned().collect();
        secrets.extend(fact.tokens);
        secrets.push("pass-that-is-wrong".to_owned());
        let password = secrets[self.rng.usize(..secrets.len())].clone();
        let sent = Sent::Login {
            account,
            password: password.clone(),
            was_right: self.is_the_password(account, &password),
        };
        let name = fact.name;
        if self.rng.bool() {
            self.send(index, &format!("/login {name} {password}"), sent);
        } else {
            self.send(index, &format!("/login {name}"), Sent::Other);
            self.connections[index].dialogue = [(password, sent)].into();
        }
    }

    fn new_text(&mut self, index: usize, spot: Spot) -> String {
        let connection = &self.connections[index];
        let author = connection.name.clone().unwrap_or_default();
        // Behind a `/logout` it is said as a guest, or not at all.
        let mut sent = connection.unanswered.iter();
        let is_leaving = sent.any(|line| matches!(line, Sent::Logout));
        let by_account = connection.account.filter(|_| !is_leaving);
        self.facts.next_text += 1;
        let text = format!("t{}", self.facts.next_text);
        // A command under way takes the newest lines at the time when it is carried out.
        let may_be_forgotten = self.connections.iter().any(|one| {
            let mut sent = one.unanswered.iter();
            sent.any(|line| matches!(line, Sent::ForgetLast { .. } | Sent::Unkeep(_)))
        });
        let fact = Text {
            author,
            by_account,
            shown_to: BTreeSet::new(),
            spot,
            id: None,
            is_promised: false,
            waits_for: None,
            forgotten_at: None,
            may_be_forgotten,
            late: 0,
        };
        self.facts.texts.insert(text.clone(), fact);
        text
    }

    /// A line in a room, or several at once.
    fn say(&mut self) {
        let Some(index) = self.any_speaker() else {
            return;
        };
        let count = if self.rng.u32(..8) == 0 { 20 } else { 1 };
        for _ in 0..count {
            let text = self.new_text(index, Spot::CurrentRoom);
            self.send(index, &text, Sent::Text(text.clone()));
        }
    }

    /// A private message to an account, here or not.
    fn write(&mut self) {
        let Some(index) = self.any_speaker() else {
            return;
        };
        let name = self.connections[index].name.clone().unwrap();
        let to = ACCOUNTS[self.rng.usize(..ACCOUNTS.len())].to_owned();
        let (low, high) = if name < to {
            (name.clone(), to.clone())
        } else {
            (to.clone(), name.clone())
        };
        let text = self.new_text(index, Spot::Pair(low, high));
        self.send(index, &format!("@{to}: {text}"), Sent::Text(text.clone()));
    }

    fn move_room(&mut self) {
        let Some(index) = self.any_speaker() else {
            return;
        };
        let room = ROOMS[self.rng.usize(..ROOMS.len())].to_owned();
        if self.rng.u32(..3) > 0 {
            self.send(index, &format!("/join {room}"), Sent::Join(room));
        } else {
            self.send(index, &format!("/part {room}"), Sent::Part(room));
        }
    }

    fn keep(&mut self) {
        let Some(index) = self.any_speaker() else {
            return;
        };
        let Some(room) = self.connections[index].current.clone() else {
            return;
        };
        // Behind a line that is under way, it can be about another room.
        if self.rng.u32(..6) == 0 && self.connections[index].unanswered.is_empty() {
            // From here on its lines may be gone.
            for fact in self.facts.texts.values_mut() {
                if fact.spot == Spot::Room(room.clone()) || fact.spot == Spot::CurrentRoom {
                    fact.may_be_forgotten = true;
                }
            }
            self.rules_may_end(&room, true);
            self.send(index, "/keep off", Sent::Unkeep(room));
        } else {
            self.send(index, "/keep", Sent::Other);
        }
    }

    /// A page of the past.
    fn look_back(&mut self) {
        let Some(index) = self.any_speaker() else {
            return;
        };
        let room = ROOMS[self.rng.usize(..ROOMS.len())];
        let friend = ACCOUNTS[self.rng.usize(..ACCOUNTS.len())];
        let last = self.facts.numbers.last_key_value();
        let some_id = last.map_or(1, |(last, _)| self.rng.u64(1..=*last + 1));
        let word = self.rng.usize(1..=self.facts.next_text.max(1));
        let line = match self.rng.u32(..10) {
            0 => "/history".to_owned(),
            1 => format!("/history {room} 5"),
            2 => format!("/history @{friend}"),
            3 => format!("/history before {some_id}"),
            4 => format!("/history {room} since {some_id}"),
            5 => "/more".to_owned(),
            6 => "/unread".to_owned(),
            7 => format!("/search t{word}"),
            8 => "/export".to_owned(),
            _ => format!("/read @{friend}"),
        };
        self.send(index, &line, Sent::Page { step: self.step });
    }

    fn forget(&mut self) {
        let Some(index) = self.any_speaker() else {
            return;
        };
        let Some(account) = self.connections[index].account else {
            return;
        };
        let name = self.facts.accounts[account].name.clone();
        if self.rng.bool() {
            let own = self.facts.texts.iter();
            let own = own.filter(|(_, fact)| fact.author == name && fact.id.is_some());
            let own: Vec<(String, u64)> = own
                .map(|(text, fact)| (text.clone(), fact.id.unwrap()))
                .collect();
            if own.is_empty() {
                return;
            }
            let (text, id) = own[self.rng.usize(..own.len())].clone();
            self.facts.texts.get_mut(&text).unwrap().may_be_forgotten = true;
            let texts = vec![text];
            self.send(index, &format!("/forget {id}"), Sent::Forget { texts });
        } else {
            // Which these are is known by what the server tells of them.
            for fact in self.facts.texts.values_mut() {
                if fact.author == name {
                    fact.may_be_forgotten = true;
                }
            }
            self.send(index, "/forget last 2", Sent::ForgetLast { account });
        }
    }

    fn manage_account(&mut self) {
        let Some(index) = self.any_speaker() else {
            return;
        };
        let Some(account) = self.connections[index].account else {
            return;
        };
        match self.rng.u32(..4) {
            // An earlier line that is refused would end the dialogue.
            0 if self.connections[index].unanswered.is_empty() => {
                let old = self.facts.accounts[account].passwords.first().cloned();
                let old = old.unwrap_or_default();
                let password = format!("pass-{account}-{}-word", self.step);
                let changed = Sent::Changed {
                    account,
                    password: password.clone(),
                };
                self.send(index, "/account password", Sent::Other);
                self.connections[index].dialogue = [(old, Sent::Other), (password, changed)].into();
            }
            1 => {
                let label = format!("l{}", self.step);
                self.send(index, &format!("/token {label}"), Sent::Token { account });
            }
            2 => self.send(index, "/logout", Sent::Logout),
            _ => self.send(index, "/account", Sent::Other),
        }
    }

    fn end_connection(&mut self) {
        let open = 0..self.connections.len();
        let open: Vec<usize> = open
            .filter(|index| !self.connections[*index].has_ended)
            .collect();
        if open.is_empty() {
            return;
        }
        let index = open[self.rng.usize(..open.len())];
        let connection = &mut self.connections[index];
        match self.rng.u32(..3) {
            0 if connection.dialogue.is_empty() => {
                connection.half_closed = true;
                // It may yet log in as anybody, and then leave the chat long before its socket closes.
                for account in &mut self.facts.accounts {
                    account.ends += 1;
                }
                self.server.half_close(&self.connections[index].client);
            }
            1 if connection.may_speak() => self.send(index, "/quit", Sent::Other),
            _ => {
                connection.has_ended = true;
                connection.unanswered.clear();
                connection.dialogue.clear();
                if let Some(account) = connection.account {
                    self.facts.accounts[account].ends += 1;
                }
                self.server.reset(&self.connections[index].client);
            }
        }
    }

    fn disk(&mut self) {
        let trouble = match self.rng.u32(..8) {
            0 => Trouble::Stuck,
            1 => Trouble::Full,
            2 => Trouble::Unreadable,
            _ => Trouble::None,
        };
        self.store.set_trouble(trouble);
        let max = (self.rng.u32(..8) == 0).then(|| self.rng.usize(..5));
        self.store.set_queue_max(max);
    }

    fn jump_clock(&mut self) {
        let by = self.rng.u64(..100_000_000);
        if self.rng.bool() {
            self.clock_ms += by;
        } else {
            self.clock_ms -= by.min(self.clock_ms / 2);
        }
    }
}
