//! A client in JSON mode, whose test tells answers from what is said.

use std::collections::VecDeque;

use serde_json::Value;

use super::{Client, Daemon};

/// A connection in JSON mode.
pub struct Speaker {
    pub client: Client,
    /// What came before an answer, and was not taken yet.
    heard: VecDeque<Value>,
}

impl Speaker {
    /// A connection without a name.
    #[track_caller]
    pub fn connect(daemon: &Daemon) -> Self {
        Self::over(daemon.connect_raw())
    }

    /// The same over a connection that was not greeted yet.
    #[track_caller]
    pub fn over(mut client: Client) -> Self {
        client.send("/mode json");
        // The greeting comes before it, in plain mode if the line was late.
        client.read_until_matching("the answer to its mode", |line| {
            line.starts_with('{') && line.contains("\"type\":\"ok\"")
        });
        let heard = VecDeque::new();
        Self { client, heard }
    }

    /// A guest in the lobby.
    #[track_caller]
    pub fn join(daemon: &Daemon, name: &str) -> Self {
        let mut speaker = Self::connect(daemon);
        speaker.ok(&format!("#{name}"));
        speaker
    }

    /// A guest who makes an account.
    #[track_caller]
    pub fn with_account(daemon: &Daemon, name: &str, password: &str) -> Self {
        let mut speaker = Self::join(daemon, name);
        let asked = speaker.ok("/account new");
        assert_eq!(asked["needs"], "new_password");
        speaker.ok(password);
        speaker
    }

    /// Logs in. What had waited is heard.
    #[track_caller]
    pub fn login(daemon: &Daemon, name: &str, secret: &str) -> Self {
        let mut speaker = Self::connect(daemon);
        speaker.ok(&format!("/login {name} {secret}"));
        speaker
    }

    #[track_caller]
    pub fn send(&mut self, line: &str) {
        self.client.send(line);
    }

    /// Sends a line, and takes its answer.
    #[track_caller]
    pub fn ask(&mut self, line: &str) -> Value {
        self.send(line);
        self.answer()
    }

    /// Sends a line, which must be answered with `ok`.
    #[track_caller]
    pub fn ok(&mut self, line: &str) -> Value {
        self.send(line);
        self.expect_ok()
    }

    /// Sends a line, which must be refused with this code.
    #[track_caller]
    pub fn refused(&mut self, line: &str, code: &str) -> Value {
        let answer = self.ask(line);
        self.check(code_of(&answer) == Some(code), &answer, code);
        answer
    }

    /// The next answer.
    #[track_caller]
    pub fn answer(&mut self) -> Value {
        loop {
            let object = self.client.json();
            if is_answer(&object) {
                return object;
            }
            self.heard.push_back(object);
        }
    }

    #[track_caller]
    pub fn expect_ok(&mut self) -> Value {
        let answer = self.answer();
        self.check(answer["type"] == "ok", &answer, "ok");
        answer
    }

    #[track_caller]
    pub fn expect_error(&mut self, code: &str) {
        let answer = self.answer();
        self.check(code_of(&answer) == Some(code), &answer, code);
    }

    #[track_caller]
    fn check(&self, is_so: bool, answer: &Value, expected: &str) {
        if !is_so {
            self.client.fail(&format!("{answer} instead of {expected}"));
        }
    }

    /// The next object, an answer or not; `None` at the end of the connection, perhaps in the middle of one.
    #[track_caller]
    pub fn next_object(&mut self) -> Option<Value> {
        if let Some(object) = self.heard.pop_front() {
            return Some(object);
        }
        let line = self.client.try_raw_line()?;
        let line = line.strip_suffix('\n')?;
        Some(serde_json::from_str(line).expect("a line of JSON"))
    }

    /// Takes what comes up to an object that holds this text, which is no answer.
    #[track_caller]
    pub fn hear(&mut self, text: &str) -> Value {
        loop {
            match self.next_object() {
                Some(object) if object["text"] == text && !is_answer(&object) => return object,
                Some(_) => {}
                None => self.client.fail(&format!("never heard: {text}")),
            }
        }
    }

    /// What came so far, but for answers, up to the last answer.
    pub fn take_heard(&mut self) -> Vec<Value> {
        self.heard.drain(..).collect()
    }

    /// All lines of a place, oldest first, page by page.
    #[track_caller]
    pub fn history(&mut self, place: &str) -> Vec<Value> {
        self.heard.retain(|object| object["type"] != "history");
        let mut lines = Vec::new();
        let mut page = self.ok(&format!("/history {place} 100 since 0"));
        loop {
            let (of_page, others): (Vec<_>, Vec<_>) = self.heard.drain(..).partition(is_history);
            self.heard = others.into();
            assert_eq!(page["lines"], of_page.len(), "{page}");
            lines.extend(of_page);
            if page["end"] == true {
                return lines;
            }
            page = self.ok("/more");
        }
    }
}

fn is_answer(object: &Value) -> bool {
    object["type"] == "ok" || object["type"] == "error"
}

fn is_history(object: &Value) -> bool {
    object["type"] == "history"
}

/// The code of an error or notice.
pub fn code_of(object: &Value) -> Option<&str> {
    object["code"].as_str()
}

/// The ID of a line.
#[track_caller]
pub fn id_of(object: &Value) -> u64 {
    object["id"]
        .as_u64()
        .unwrap_or_else(|| panic!("no ID: {object}"))
}
