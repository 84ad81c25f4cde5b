//! One client's output, compared with the lines sent and with the witness's log.

use std::collections::{BTreeMap, BTreeSet};

use crate::client_log::{Answer, Received};
use crate::clients::{Client, Line};
use crate::history::History;
use crate::room_log::RoomLog;
use crate::scenes::number_in;

#[derive(Debug, Default)]
pub struct ClientView {
    /// Room lines that came, and that were skipped.
    pub heard: BTreeMap<String, u64>,
    pub renames: u64,
    pub missed: BTreeMap<String, u64>,
    /// The numbers of private messages that came.
    pub delivered: BTreeSet<usize>,
    /// Private messages lost after they were taken, by recipient, as it was told.
    pub told: BTreeMap<usize, u64>,
    /// The number of away notices, by the user that is away.
    pub away: BTreeMap<usize, u64>,
    /// The number of answers to "are you there".
    pub here: usize,
    /// The recipients of its replies.
    pub replies: BTreeMap<usize, usize>,
    pub started: bool,
    /// The place of the last room line in the witness's order.
    last_place: Option<usize>,
    /// The last number heard from each client, in rooms and privately.
    last_from: BTreeMap<usize, usize>,
}

/// The answer to each line; none, where it came in plain mode, or did not come.
#[derive(Debug, Default)]
pub struct Answers {
    pub of_line: Vec<Option<Answer>>,
    /// Answers without a line.
    pub left_over: usize,
    pub started: bool,
}

impl Answers {
    /// Goes through the lines that a client got, and finds for each the line that it answers.
    pub fn match_up(client: &Client, heard: &[Received]) -> (Self, Vec<Option<usize>>) {
        let mut answers = Self {
            of_line: vec![None; client.sent.len()],
            ..Self::default()
        };
        let mut next = 0;
        let mut places = Vec::with_capacity(heard.len());
        for line in heard {
            places.push(None);
            match line {
                Received::Started => answers.started = true,
                Received::NowPlain if answers.started => {
                    // The answers from here to the next in JSON cannot be told from notices.
                    let rest = client.sent.get(next..).unwrap_or_default();
                    let until = rest.iter().position(|line| matches!(line, Line::ToJson));
                    next += until.unwrap_or(rest.len());
                }
                Received::Answer(answer) if answers.started => {
                    if let Some(place) = answers.of_line.get_mut(next) {
                        *place = Some(answer.clone());
                        *places.last_mut().unwrap() = Some(next);
                    } else {
                        answers.left_over += 1;
                    }
                    next += 1;
                }
                _ => {}
            }
        }
        (answers, places)
    }
}

/// A client that reads its log, and its settings as they change.
#[derive(Debug)]
pub struct Listener<'a> {
    pub history: &'a History,
    pub record: &'a RoomLog<'a>,
    pub client: &'a Client,
    view: ClientView,
    ignored: BTreeSet<usize>,
    /// The sender of its last private message.
    writer: Option<usize>,
    /// The number of skipped lines that it was told of since its last room line.
    gap: u64,
}

impl<'a> Listener<'a> {
    pub fn new(history: &'a History, record: &'a RoomLog<'a>, client: &'a Client) -> Self {
        Self {
            history,
            record,
            client,
            view: ClientView::default(),
            ignored: BTreeSet::new(),
            writer: None,
            gap: 0,
        }
    }

    /// Reads the log; panics at the first line that should not have come then.
    pub fn listen(
        mut self,
        heard: &[Received],
        uncounted: usize,
        answers: &Answers,
        places: &[Option<usize>],
    ) -> ClientView {
        for (number, line) in heard.iter().enumerate() {
            if let Some(place) = places[number] {
                let answer = answers.of_line[place].as_ref().expect("it was matched");
                self.note_answer(&self.client.sent[place], answer);
            }
            // In a crowd, the notices of the first clients during the start are undetermined.
            let counts = !self.history.plan.is_crowd() || number >= uncounted;
            self.note(line, counts);
        }
        self.view
    }

    fn note_answer(&mut self, line: &Line, answer: &Answer) {
        match line {
            Line::Ignore { target, on } if answer.code.is_none() => {
                if *on {
                    self.ignored.insert(*target);
                } else {
                    self.ignored.remove(target);
                }
            }
            Line::Reply(number) if answer.code.as_deref() != Some("no_such_user") => {
                let writer = self.writer.expect("a reply has a recipient");
                self.view.replies.insert(*number, writer);
            }
            Line::Reply(_) => {
                let writer = self.writer.map(|writer| &self.history.clients[writer]);
                let is_here = writer.is_some_and(|writer| !writer.connection.is_closed());
                assert!(!is_here, "a reply fails, and the writer is here");
            }
            _ => {}
        }
    }

    fn note(&mut self, line: &Received, counts: bool) {
        let (me, name) = (self.client.number, &self.client.name);
        let is_quiet = self.client.habits.quiet && self.view.started;
        match line {
            Received::Said { room, from, text } => {
                self.note_said(room.as_deref(), *from, text, counts);
            }
            Received::Private { from, text } => self.note_private(*from, text),
            Received::Joined { room, index } => {
                assert!(*index != me, "told of their own coming");
                assert!(!is_quiet, "{name} wants quiet");
                self.count(room, counts);
            }
            Received::Left {
                room, index, text, ..
            } => {
                assert!(*index != me, "told of their own going");
                assert!(!is_quiet, "{name} wants quiet");
                if let Some(text) = text {
                    assert!(
                        !self.ignored.contains(index),
                        "{name} ignores c{index}: {text}"
                    );
                    let uttered = &self.history.utterances[number_in(text)];
                    assert!(
                        uttered.is_farewell && uttered.from == *index,
                        "last words: {text}"
                    );
                }
                self.count(room, counts);
            }
            Received::Summary { room, .. } => {
                assert!(self.history.plan.is_crowd(), "a summary in a small room");
                assert!(!is_quiet, "{name} wants quiet");
                self.count(room, counts);
            }
            Received::Renamed { index } => {
                assert!(*index != me, "told of their own new name");
                assert!(!is_quiet, "{name} wants quiet");
                self.view.renames += u64::from(counts);
            }
            Received::Missed { room, count } => {
                assert!(*count != 0, "missed nothing in {room}");
                self.gap += count;
                *self.view.missed.entry(room.clone()).or_default() += count;
            }
            Received::Undelivered { to, count } => {
                *self.view.told.entry(*to).or_default() += count;
            }
            Received::Away { index } => *self.view.away.entry(*index).or_default() += 1,
            Received::Here => self.view.here += 1,
            Received::Started => {
                assert!(!self.view.started, "one answer to one line");
                self.view.started = true;
            }
            Received::NowPlain | Received::Answer(_) | Received::Other => {}
        }
    }

    fn count(&mut self, room: &str, counts: bool) {
        *self.view.heard.entry(room.to_owned()).or_default() += u64::from(counts);
    }

    fn note_said(&mut self, room: Option<&str>, from: usize, text: &str, counts: bool) {
        let name = &self.client.name;
        let number = self.check_uttered(false, from, text);
        let said = self.record.said(number);
        let said = said.unwrap_or_else(|| panic!("the witness did not hear: {text}"));
        assert!(
            self.view.last_place < Some(said.place),
            "order in a room: {text}"
        );
        assert!(
            said.is_for(self.client.number),
            "was not in {}: {text}",
            said.room
        );
        assert!(
            room.is_none_or(|room| room == said.room),
            "not there: {text}"
        );
        assert!(
            !self.ignored.contains(&from),
            "{name} ignores c{from}: {text}"
        );
        let is_own = from == self.client.number;
        let echo = self.history.utterances[number].echo;
        assert!(!is_own || echo, "{name} hears themselves: {text}");
        // The notice of skipped lines comes in their place, before any later line.
        let (last, me) = (self.view.last_place, self.client.number);
        let left_out = self.record.said_between(last, said.place, me);
        assert!(
            left_out <= self.gap,
            "{name} was not told of a gap before {text}"
        );
        self.gap = 0;
        self.view.last_place = Some(said.place);
        self.count(&said.room, counts);
    }

    fn note_private(&mut self, from: usize, text: &str) {
        let (me, name) = (self.client.number, &self.client.name);
        let number = self.check_uttered(true, from, text);
        let uttered = &self.history.utterances[number];
        let to = uttered.to.as_deref().unwrap_or_default();
        if from == me && !to.contains(&me) {
            // The client's own line as an echo; or, if it replied to itself, a copy.
            assert!(
                uttered.echo || to.is_empty(),
                "{name} hears themselves: {text}"
            );
            if to.is_empty() && !uttered.echo {
                self.view.delivered.insert(number);
            }
            return;
        }
        assert!(
            !self.ignored.contains(&from),
            "{name} ignores c{from}: {text}"
        );
        assert!(to.is_empty() || to.contains(&me), "not for {name}: {text}");
        let is_new = self.view.delivered.insert(number);
        assert!(is_new, "a private message came twice: {text}");
        self.writer = Some(from);
    }

    /// Checks that the text was sent just like this, and that the lines of a sender keep their order.
    /// Returns its number.
    fn check_uttered(&mut self, private: bool, from: usize, text: &str) -> usize {
        let number = number_in(text);
        let uttered = &self.history.utterances[number];
        assert_eq!(text, uttered.text, "as it was typed");
        let is_private = uttered.to.is_some();
        assert_eq!((from, private), (uttered.from, is_private), "{text}");
        let last = self.view.last_from.insert(from, number);
        let is_later = last < Some(number) || (from == self.client.number && private);
        assert!(is_later, "order of what c{from} said: {text}");
        number
    }
}
