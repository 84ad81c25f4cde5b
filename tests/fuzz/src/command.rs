//! Lines to commands: what a line means is what the protocol page says, what was parsed can be
//! written and parsed again, and the chat answers each line once and hands texts on byte for byte.
//!
//! An input is the lines that one client sends.

mod written;

use chinwag::chat::close_reason::CloseReason;
use chinwag::chat::command::{
    Command, MembershipCommand, MessageCommand, Mode, QueryCommand, Request, SessionCommand,
    SettingCommand, Verb,
};
use chinwag::chat::event::Event;
use chinwag::chat::ids::{ClientId, Peer, UserId};
use chinwag::chat::name::{Name, RoomName};
use chinwag::chat::outbox::{Addressee, Delivery, Outbox};
use chinwag::chat::refusal::{
    LineRefusal, MembershipRefusal, MessageRefusal, Refusal, SessionRefusal,
};
use chinwag::chat::stats::ServerStats;
use chinwag::chat::time::Timestamp;
use chinwag::chat::{Chat, Settings};
use chinwag::wire::{command, sanitize};

use super::output::is_name;

const LINES_MAX: usize = 64;

/// A private message goes to this many at most.
const RECIPIENTS_MAX: usize = 16;

pub fn check(bytes: &[u8]) {
    let mut stage = Stage::new();
    for line in bytes.split(|byte| *byte == b'\n').take(LINES_MAX) {
        let line = sanitize::clean(line);
        if line.is_empty() {
            continue; // never parsed
        }
        let request = command::parse(&line);
        check_meaning(&line, &request);
        written::check(&line, &request);
        if stage.say(&request).is_break() {
            break;
        }
    }
}

/// That the first bytes decide as the protocol page's table says.
fn check_meaning<'a>(line: &'a str, request: &Request<'a>) {
    if let Some(rest) = line.strip_prefix('@') {
        return check_private(rest, request);
    }
    if let Some(typed) = line.strip_prefix('#') {
        let Ok(Command::Session(SessionCommand::Hash { name, line: whole })) = request else {
            panic!("{request:?}");
        };
        assert_eq!(*whole, line);
        let typed = typed.trim_end_matches(|c: char| c.is_ascii_whitespace());
        assert_eq!(name.is_ok(), is_name(typed));
        return assert!(name.is_err() || name.is_ok_and(|name| name.as_str() == typed));
    }
    if line.starts_with("//") {
        return assert_eq!(
            *request,
            Ok(Command::Message(MessageCommand::Say(&line[1..])))
        );
    }
    if let Some(rest) = line.strip_prefix('/') {
        return check_command(rest, request);
    }
    let expected = match line {
        "quit" | "exit" => Ok(Command::Session(SessionCommand::Quit(None))),
        " " => Err(Refusal::Line(LineRefusal::NoText)),
        _ => Ok(Command::Message(MessageCommand::Say(
            line.strip_prefix(' ').unwrap_or(line),
        ))),
    };
    assert_eq!(*request, expected);
}

/// `@NAME,NAME:TEXT`, without the first byte.
fn check_private<'a>(line: &'a str, request: &Request<'a>) {
    let Some((names, text)) = line.split_once(':') else {
        return assert_eq!(
            *request,
            Err(Refusal::Message(MessageRefusal::MissingColon))
        );
    };
    let names: Vec<&str> = names.split(',').map(str::trim_ascii).collect();
    let text = text.strip_prefix(' ').unwrap_or(text);
    let wrong = if names.len() > RECIPIENTS_MAX {
        Some(Refusal::Message(MessageRefusal::TooManyRecipients))
    } else if let Some(name) = names
        .iter()
        .find(|name| name.is_empty() || name.contains(' '))
    {
        Some(if name.is_empty() {
            Refusal::Message(MessageRefusal::MissingName)
        } else {
            Refusal::Message(MessageRefusal::SpaceInName)
        })
    } else if text.is_empty() {
        Some(Refusal::Line(LineRefusal::NoText))
    } else {
        None
    };
    match (request, wrong) {
        (Ok(Command::Message(MessageCommand::Private { to, text: read })), None) => {
            assert_eq!(to.iter().collect::<Vec<_>>(), names);
            assert_eq!(*read, text);
        }
        (Err(refusal), Some(wrong)) => assert_eq!(*refusal, wrong),
        (request, wrong) => panic!("{request:?} is to be {wrong:?}"),
    }
}

/// Names and aliases, as the page lists them.
const COMMANDS: [(&str, Verb); 31] = [
    ("help", Verb::Help),
    ("?", Verb::Help),
    ("nick", Verb::Nick),
    ("msg", Verb::Msg),
    ("reply", Verb::Reply),
    ("r", Verb::Reply),
    ("me", Verb::Me),
    ("say", Verb::Say),
    ("join", Verb::Join),
    ("j", Verb::Join),
    ("part", Verb::Part),
    ("leave", Verb::Part),
    ("rooms", Verb::Rooms),
    ("names", Verb::Names),
    ("who", Verb::Names),
    ("users", Verb::Names),
    ("topic", Verb::Topic),
    ("whois", Verb::Whois),
    ("away", Verb::Away),
    ("back", Verb::Back),
    ("ignore", Verb::Ignore),
    ("unignore", Verb::Unignore),
    ("quiet", Verb::Quiet),
    ("echo", Verb::Echo),
    ("mode", Verb::Mode),
    ("ping", Verb::Ping),
    ("stats", Verb::Stats),
    ("version", Verb::Version),
    ("quit", Verb::Quit),
    ("exit", Verb::Quit),
    ("bye", Verb::Quit),
];

/// `/COMMAND …`, without the slash.
fn check_command<'a>(line: &'a str, request: &Request<'a>) {
    let word_end = line.find([' ', '\t']).unwrap_or(line.len());
    let word = &line[..word_end];
    let rest = line.get(word_end + 1..).unwrap_or_default();
    let known = COMMANDS
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(word));
    let Some((_, verb)) = known else {
        let Err(Refusal::Line(LineRefusal::UnknownCommand { given, .. })) = request else {
            panic!("{request:?}");
        };
        return assert_eq!(*given, word);
    };
    let text = (!rest.trim_ascii().is_empty()).then_some(rest);
    match (verb, request) {
        // The texts are what comes after one space, byte for byte.
        (Verb::Say, Ok(Command::Message(MessageCommand::Say(read))))
        | (Verb::Me, Ok(Command::Message(MessageCommand::Act(read))))
        | (Verb::Reply, Ok(Command::Message(MessageCommand::Reply(read))))
        | (Verb::Ping, Ok(Command::Session(SessionCommand::Ping(read)))) => assert_eq!(*read, rest),
        (Verb::Topic, Ok(Command::Setting(SettingCommand::Topic(read))))
        | (Verb::Away, Ok(Command::Setting(SettingCommand::Away(read))))
        | (Verb::Quit, Ok(Command::Session(SessionCommand::Quit(read)))) => assert_eq!(*read, text),
        (Verb::Say, Err(Refusal::Line(LineRefusal::Usage(Verb::Say)))) => assert_eq!(rest, ""),
        (Verb::Me, Err(Refusal::Line(LineRefusal::Usage(Verb::Me))))
        | (Verb::Reply, Err(Refusal::Line(LineRefusal::Usage(Verb::Reply)))) => {
            assert_eq!(text, None);
        }
        (Verb::Msg, Ok(Command::Message(MessageCommand::Private { to, text }))) => {
            assert!(!text.is_empty() && rest.ends_with(text));
            assert!(to.iter().count() <= RECIPIENTS_MAX && !to.iter().any(str::is_empty));
        }
        (
            Verb::Msg,
            Err(
                Refusal::Line(LineRefusal::Usage(Verb::Msg))
                | Refusal::Message(MessageRefusal::TooManyRecipients),
            ),
        )
        | (
            Verb::Help,
            Ok(Command::Session(SessionCommand::Help(_)))
            | Err(Refusal::Line(LineRefusal::UnknownCommand { .. })),
        )
        | (
            Verb::Nick,
            Ok(Command::Session(SessionCommand::Nick(_)))
            | Err(Refusal::Session(SessionRefusal::BadName { .. })),
        )
        | (
            Verb::Join,
            Ok(Command::Membership(MembershipCommand::Join(_)))
            | Err(Refusal::Membership(MembershipRefusal::BadRoom { .. })),
        )
        | (
            Verb::Part,
            Ok(Command::Membership(MembershipCommand::Part(_)))
            | Err(Refusal::Membership(MembershipRefusal::BadRoom { .. })),
        )
        | (Verb::Rooms, Ok(Command::Query(QueryCommand::Rooms(_))))
        | (
            Verb::Names,
            Ok(Command::Query(QueryCommand::Names { .. }))
            | Err(Refusal::Membership(MembershipRefusal::BadRoom { .. })),
        )
        | (Verb::Whois, Ok(Command::Query(QueryCommand::Whois(_))))
        | (Verb::Back, Ok(Command::Setting(SettingCommand::Back)))
        | (Verb::Ignore, Ok(Command::Setting(SettingCommand::Ignore(_))))
        | (Verb::Unignore, Ok(Command::Setting(SettingCommand::Unignore(_))))
        | (Verb::Quiet, Ok(Command::Setting(SettingCommand::Quiet(_))))
        | (Verb::Echo, Ok(Command::Setting(SettingCommand::Echo(_))))
        | (Verb::Mode, Ok(Command::Session(SessionCommand::Mode(_))))
        | (Verb::Stats, Ok(Command::Session(SessionCommand::Stats)))
        | (Verb::Version, Ok(Command::Session(SessionCommand::Version))) => {}
        (verb, Err(Refusal::Line(LineRefusal::Usage(wrong)))) if verb == wrong => {
            let takes_words = [
                Verb::Nick,
                Verb::Join,
                Verb::Rooms,
                Verb::Names,
                Verb::Whois,
                Verb::Quiet,
                Verb::Echo,
                Verb::Mode,
            ];
            assert!(takes_words.contains(verb), "{verb:?} cannot be wrong");
        }
        (verb, request) => panic!("/{verb:?} is {request:?}"),
    }
}

/// A chat with somebody who sends the lines and somebody who hears them.
struct Stage {
    chat: Chat,
    heard: Heard,
}

const SENDER: ClientId = ClientId {
    slot: 0,
    generation: 7,
};
const HEARER: ClientId = ClientId {
    slot: 3,
    generation: 0,
};
const HEARER_NAME: &str = "bob";

/// What came out, as far as it is looked at.
#[derive(Debug, Default)]
struct Heard {
    mode: Mode,
    sender: Option<UserId>,
    /// Answers to the sender, and whether the last thing it got was one.
    answers: usize,
    answered_last: bool,
    /// Private messages and lines of rooms that the hearer got.
    private: Vec<String>,
    said: Vec<String>,
    others: usize,
    closed: bool,
}

impl Stage {
    fn new() -> Self {
        let mut chat = Chat::new(Settings {
            server_name: "chinwag".to_owned(),
            lobby: RoomName::parse("lobby").unwrap(),
            rooms_per_client_max: 2,
            motd: Vec::new(),
            hash_seed: [1, 2, 3, 4],
        });
        let mut heard = Heard::default();
        for id in [SENDER, HEARER] {
            chat.connect(Timestamp::default(), id, Peer::Unix);
        }
        let name = Name::parse(HEARER_NAME).unwrap();
        chat.handle(
            Timestamp::default(),
            HEARER,
            Ok(Command::Session(SessionCommand::Nick(name))),
            &mut heard,
        );
        Self { chat, heard }
    }

    /// The sender says it. Breaks when that ends the sender.
    fn say(&mut self, request: &Request<'_>) -> std::ops::ControlFlow<()> {
        self.heard = Heard {
            mode: self.heard.mode,
            sender: self.chat.user_of(SENDER),
            ..Heard::default()
        };
        let was_registered = self.chat.name_of(SENDER).is_some();
        self.chat
            .handle(Timestamp::default(), SENDER, *request, &mut self.heard);
        self.chat.check_invariants();
        let heard = &self.heard;
        assert_eq!(heard.answers, 1, "one answer to one line");
        assert!(heard.answered_last, "after all it caused to be sent");

        let names_hearer = |name: &str| name.eq_ignore_ascii_case(HEARER_NAME);
        let private: Vec<&str> = match request {
            Ok(Command::Message(MessageCommand::Private { to, text }))
                if to.iter().any(names_hearer) =>
            {
                vec![text]
            }
            _ => vec![],
        };
        let said: Vec<&str> = match request {
            Ok(
                Command::Message(MessageCommand::Say(text) | MessageCommand::Act(text))
                | Command::Setting(SettingCommand::Topic(Some(text))),
            ) => vec![text],
            Ok(Command::Session(SessionCommand::Hash { name: Err(_), line })) => vec![line],
            _ => vec![],
        };
        if was_registered {
            assert_eq!(heard.private, private, "whom it was sent to, byte for byte");
            assert!(heard.said.is_empty() || heard.said == said, "{heard:?}");
        } else {
            let only_joined = heard.private.is_empty() && heard.said.is_empty();
            let joined = usize::from(self.chat.name_of(SENDER).is_some());
            assert!(only_joined && heard.others == joined, "{heard:?}");
        }
        assert!(!heard.closed || matches!(request, Ok(Command::Session(SessionCommand::Quit(_)))));
        if heard.closed {
            return std::ops::ControlFlow::Break(());
        }
        std::ops::ControlFlow::Continue(())
    }
}

impl Heard {
    fn hear(&mut self, to: ClientId, event: &Event<'_>) {
        if to == SENDER {
            self.answered_last = matches!(event, Event::Ok(_) | Event::Error(_));
            self.answers += usize::from(self.answered_last);
            return;
        }
        match event {
            Event::Private { text, .. } => self.private.push((*text).to_owned()),
            Event::Message { text, .. }
            | Event::Action { text, .. }
            | Event::Topic { text, .. } => {
                self.said.push((*text).to_owned());
            }
            _ => self.others += 1,
        }
    }
}

impl Outbox for Heard {
    fn send(&mut self, to: ClientId, event: &Event<'_>) {
        self.hear(to, event);
    }

    fn deliver(&mut self, to: ClientId, from: UserId, event: &Event<'_>) -> Delivery {
        assert_eq!(Some(from), self.sender);
        self.hear(to, event);
        Delivery::Queued
    }

    fn announce<I>(&mut self, _: &RoomName, to: I, event: &Event<'_>)
    where
        I: Iterator<Item = Addressee>,
    {
        to.for_each(|addressee| self.hear(addressee.client, event));
    }

    fn mode(&self, _: ClientId) -> Mode {
        self.mode
    }

    fn set_mode(&mut self, client: ClientId, mode: Mode) {
        assert_eq!(client, SENDER);
        self.mode = mode;
    }

    fn close(&mut self, client: ClientId, reason: CloseReason) {
        assert_eq!((client, reason), (SENDER, CloseReason::Quit));
        self.closed = true;
    }

    fn stats(&self) -> ServerStats {
        ServerStats::default()
    }

    fn named(&mut self, _: ClientId, _: Name) {}
}
