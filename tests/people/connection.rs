//! A client in JSON mode: what it sent, and what of that is answered.

use std::collections::VecDeque;

use serde_json::Value;

use crate::moderation::Rule;
use crate::support::VirtualClient;

/// A line that was sent, and what its answer tells.
#[derive(Clone, Debug)]
pub enum Sent {
    /// Nothing that the oracle keeps.
    Other,
    /// Text for a room, or for a user.
    Text(String),
    /// A registration as a guest.
    Guest(String),
    /// `/login`, or the password behind it.
    Login {
        account: usize,
        password: String,
        /// It was the one password when it was sent.
        was_right: bool,
    },
    /// The password of a new account.
    Made { account: usize, password: String },
    /// A new password, with the old one right or not.
    Changed { account: usize, password: String },
    /// `/token`
    Token { account: usize },
    /// `/logout`
    Logout,
    /// `/join`
    Join(String),
    /// `/part`
    Part(String),
    /// A question about the past, asked at this step.
    Page { step: usize },
    /// `/forget` of these texts, if it is carried out.
    Forget { texts: Vec<String> },
    /// `/forget last N`
    ForgetLast { account: usize },
    /// `/block` or `/unblock`, by whom and of whom.
    Block { of: (usize, usize), is_made: bool },
    /// A rule of a room that is made or undone.
    Rule { rule: Rule, is_made: bool },
    /// `/keep off` in a room.
    Unkeep(String),
}

#[derive(Debug)]
pub struct Connection {
    pub client: VirtualClient,
    pub name: Option<String>,
    /// The account that it is logged in as.
    pub account: Option<usize>,
    /// Rooms of its user, as far as its answers tell.
    pub current: Option<String>,
    pub unanswered: VecDeque<Sent>,
    /// Lines that follow once the one before has been answered with `needs`.
    pub dialogue: VecDeque<(String, Sent)>,
    /// Everything that came, with the step.
    pub log: Vec<Value>,
    /// The step at which each page under way was asked.
    pub has_ended: bool,
    /// The client closed its sending side.
    pub half_closed: bool,
    partial: Vec<u8>,
}

impl Connection {
    pub fn new(client: VirtualClient) -> Self {
        Self {
            client,
            name: None,
            account: None,
            current: None,
            unanswered: VecDeque::new(),
            dialogue: VecDeque::new(),
            log: Vec::new(),
            has_ended: false,
            half_closed: false,
            partial: Vec::new(),
        }
    }

    /// Whether it may send a line of its own.
    pub fn may_speak(&self) -> bool {
        !self.has_ended && !self.half_closed && self.dialogue.is_empty()
    }

    /// The events that have come since the last call.
    pub fn take_events(&mut self) -> Vec<Value> {
        self.partial.extend(self.client.take());
        let mut events = Vec::new();
        while let Some(end) = self.partial.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.partial.drain(..=end).collect();
            let event: Value = serde_json::from_slice(&line)
                .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&line)));
            self.log.push(event.clone());
            events.push(event);
        }
        events
    }
}
