//! What a client may send, in plain words, and how that is put to the core.
//!
//! The model reads a [`Line`] and never the core's own types, so that a mistake in one of those
//! is not made twice.

use chinwag::chat::command::{
    Command, MembershipCommand, MessageCommand, Mode, NamesOf, QueryCommand, Recipients, Request,
    SessionCommand, SettingCommand, Verb,
};
use chinwag::chat::name::{Name, NameError, RoomName};
use chinwag::chat::refusal::{
    LineRefusal, MembershipRefusal, MessageRefusal, Refusal, SessionRefusal,
};

/// One line of a client's.
#[derive(Clone, Debug)]
pub enum Line {
    /// The whole line, `#` and all.
    Hash(String),
    Nick(String),
    Say(String),
    Act(String),
    Private(Vec<String>, String),
    Reply(String),
    Join(String),
    Part(Option<String>),
    Rooms(usize),
    Names(Of, usize),
    Topic(Option<String>),
    Whois(String),
    Away(Option<String>),
    Back,
    Ignore(Option<String>),
    Unignore(Option<String>),
    Quiet(Option<bool>),
    Echo(Option<bool>),
    Mode(Option<Mode>),
    Ping(String),
    Stats,
    Version,
    Help(Option<Verb>),
    Quit(Option<String>),
    /// A line that the wire already found something wrong with.
    Wrong(Wrong),
}

#[derive(Clone, Debug)]
pub enum Of {
    CurrentRoom,
    Room(String),
    Everyone,
}

#[derive(Clone, Copy, Debug)]
pub enum Wrong {
    UnknownCommand,
    LineTooLong,
    BadRoom,
    BadName,
    Usage(Verb),
    MissingColon,
    NoText,
}

impl Line {
    /// Gives what is said the text `text`, so that each line of a history can be told apart.
    pub fn with_text(self, text: &str) -> Self {
        match self {
            Self::Say(_) => Self::Say(text.into()),
            Self::Act(_) => Self::Act(text.into()),
            Self::Private(to, _) => Self::Private(to, text.into()),
            Self::Reply(_) => Self::Reply(text.into()),
            other => other,
        }
    }

    /// Hands the line over as the core wants it.
    pub fn put_to<T>(&self, core: impl FnOnce(Request<'_>) -> T) -> T {
        match self {
            Self::Private(names, text) => {
                let names = names.join(",");
                let to = Recipients::parse(&names);
                core(to.map(|to| Command::Message(MessageCommand::Private { to, text })))
            }
            Self::Wrong(wrong) => core(Err(wrong.refusal())),
            other => core(Ok(other.command())),
        }
    }

    fn command(&self) -> Command<'_> {
        match self {
            Self::Hash(line) => Command::Session(SessionCommand::Hash {
                name: Name::parse(line.strip_prefix('#').unwrap()),
                line,
            }),
            Self::Nick(name) => Command::Session(SessionCommand::Nick(Name::parse(name).unwrap())),
            Self::Say(text) => Command::Message(MessageCommand::Say(text)),
            Self::Act(text) => Command::Message(MessageCommand::Act(text)),
            Self::Reply(text) => Command::Message(MessageCommand::Reply(text)),
            Self::Join(room) => Command::Membership(MembershipCommand::Join(room_name(room))),
            Self::Part(room) => {
                Command::Membership(MembershipCommand::Part(room.as_deref().map(room_name)))
            }
            Self::Rooms(page) => Command::Query(QueryCommand::Rooms(*page)),
            Self::Names(of, page) => {
                let (of, page) = (of.core(), *page);
                Command::Query(QueryCommand::Names { of, page })
            }
            Self::Topic(text) => Command::Setting(SettingCommand::Topic(text.as_deref())),
            Self::Whois(name) => Command::Query(QueryCommand::Whois(name)),
            Self::Away(text) => Command::Setting(SettingCommand::Away(text.as_deref())),
            Self::Back => Command::Setting(SettingCommand::Back),
            Self::Ignore(name) => Command::Setting(SettingCommand::Ignore(name.as_deref())),
            Self::Unignore(name) => Command::Setting(SettingCommand::Unignore(name.as_deref())),
            Self::Quiet(on) => Command::Setting(SettingCommand::Quiet(*on)),
            Self::Echo(on) => Command::Setting(SettingCommand::Echo(*on)),
            Self::Mode(mode) => Command::Session(SessionCommand::Mode(*mode)),
            Self::Ping(text) => Command::Session(SessionCommand::Ping(text)),
            Self::Stats => Command::Session(SessionCommand::Stats),
            Self::Version => Command::Session(SessionCommand::Version),
            Self::Help(verb) => Command::Session(SessionCommand::Help(*verb)),
            Self::Quit(text) => Command::Session(SessionCommand::Quit(text.as_deref())),
            Self::Private(..) | Self::Wrong(_) => panic!("these may not be commands: {self:?}"),
        }
    }
}

impl Of {
    fn core(&self) -> NamesOf {
        match self {
            Self::CurrentRoom => NamesOf::CurrentRoom,
            Self::Room(room) => NamesOf::Room(room_name(room)),
            Self::Everyone => NamesOf::Everyone,
        }
    }
}

impl Wrong {
    fn refusal(self) -> Refusal<'static> {
        match self {
            Self::UnknownCommand => Refusal::Line(LineRefusal::UnknownCommand {
                given: "mgs",
                nearest: Some(Verb::Msg),
                registered: true,
            }),
            Self::LineTooLong => Refusal::Line(LineRefusal::LineTooLong { bytes_max: 4096 }),
            Self::BadRoom => Refusal::Membership(MembershipRefusal::BadRoom {
                given: "a b",
                why: NameError::Character(' '),
            }),
            Self::BadName => Refusal::Session(SessionRefusal::BadName {
                given: "9",
                why: NameError::Start,
            }),
            Self::Usage(verb) => Refusal::Line(LineRefusal::Usage(verb)),
            Self::MissingColon => Refusal::Message(MessageRefusal::MissingColon),
            Self::NoText => Refusal::Line(LineRefusal::NoText),
        }
    }
}

fn room_name(text: &str) -> RoomName {
    RoomName::parse(text).unwrap()
}
