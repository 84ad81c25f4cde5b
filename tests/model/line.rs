//! The lines that clients send: in plain words, as the core's requests, and drawn at random.
//!
//! The model reads a [`Line`] and never the core's own types, so that it does not share their
//! mistakes.

use chinwag::chat::command::{
    Command, HelpTopic, MembershipCommand, MessageCommand, Mode, NamesOf, QueryCommand, Recipients,
    Request, SessionCommand, SettingCommand, TopicChange, Verb,
};
use chinwag::chat::name::{Name, NameError, RoomName};
use chinwag::chat::refusal::{
    LineRefusal, MembershipRefusal, MessageRefusal, Refusal, SessionRefusal,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

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
    ClearTopic,
    Whois(String),
    Away(Option<String>),
    Back,
    Ignore(Option<String>),
    Unignore(Option<String>),
    Quiet(Option<bool>),
    Echo(Option<bool>),
    Raw(Option<bool>),
    Times(Option<bool>),
    Mode(Option<Mode>),
    Ping(String),
    Stats,
    Version,
    Help(Option<HelpTopic>),
    Quit(Option<String>),
    /// A line that the wire has refused already.
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
    /// Gives a message the text `text`, so that each line of a history is distinct.
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
            Self::Topic(text) => {
                let change = text.as_deref().map(TopicChange::Set);
                Command::Setting(SettingCommand::Topic(change))
            }
            Self::ClearTopic => Command::Setting(SettingCommand::Topic(Some(TopicChange::Clear))),
            Self::Whois(name) => Command::Query(QueryCommand::Whois(name)),
            Self::Away(text) => Command::Setting(SettingCommand::Away(text.as_deref())),
            Self::Back => Command::Setting(SettingCommand::Back),
            Self::Ignore(name) => Command::Setting(SettingCommand::Ignore(name.as_deref())),
            Self::Unignore(name) => Command::Setting(SettingCommand::Unignore(name.as_deref())),
            Self::Quiet(on) => Command::Setting(SettingCommand::Quiet(*on)),
            Self::Echo(on) => Command::Setting(SettingCommand::Echo(*on)),
            Self::Raw(on) => Command::Setting(SettingCommand::Raw(*on)),
            Self::Times(on) => Command::Setting(SettingCommand::Times(*on)),
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

/// Any line.
pub fn any_line() -> impl Strategy<Value = Line> {
    prop_oneof![
        30 => talk(),
        20 => place(),
        20 => setting(),
        10 => question(),
        3 => wrong().prop_map(Line::Wrong),
        2 => option::of(note()).prop_map(Line::Quit),
    ]
}

/// Messages, whose texts are numbered later; see [`Line::with_text`].
fn talk() -> impl Strategy<Value = Line> {
    let text = String::new;
    prop_oneof![
        8 => Just(Line::Say(text())),
        3 => Just(Line::Act(text())),
        12 => typed().prop_map(move |to| Line::Private(vec![to], text())),
        6 => vec(typed(), 2..=4).prop_map(move |to| Line::Private(to, text())),
        1 => vec(typed(), 15..=18).prop_map(move |to| Line::Private(to, text())),
        6 => Just(Line::Reply(text())),
    ]
}

/// Names and rooms.
fn place() -> impl Strategy<Value = Line> {
    prop_oneof![
        5 => any_name().prop_map(Line::Nick),
        3 => hash_line().prop_map(Line::Hash),
        8 => room().prop_map(Line::Join),
        4 => option::of(room()).prop_map(Line::Part),
        3 => option::of(note()).prop_map(Line::Topic),
        1 => Just(Line::ClearTopic),
    ]
}

fn setting() -> impl Strategy<Value = Line> {
    prop_oneof![
        4 => option::of(note()).prop_map(Line::Away),
        1 => Just(Line::Back),
        8 => option::weighted(0.9, ignorable()).prop_map(Line::Ignore),
        6 => option::weighted(0.9, ignorable()).prop_map(Line::Unignore),
        2 => option::of(any::<bool>()).prop_map(Line::Quiet),
        2 => option::of(any::<bool>()).prop_map(Line::Echo),
        1 => option::of(any::<bool>()).prop_map(Line::Raw),
        1 => option::of(any::<bool>()).prop_map(Line::Times),
        1 => option::of(select(vec![Mode::Plain, Mode::Json])).prop_map(Line::Mode),
    ]
}

fn question() -> impl Strategy<Value = Line> {
    let page = || prop_oneof![5 => Just(1_usize), 1 => Just(0), 1 => Just(2)];
    let of = prop_oneof![
        Just(Of::CurrentRoom),
        Just(Of::Everyone),
        room().prop_map(Of::Room)
    ];
    prop_oneof![
        4 => typed().prop_map(Line::Whois),
        4 => (of, page()).prop_map(|(of, page)| Line::Names(of, page)),
        2 => page().prop_map(Line::Rooms),
        1 => Just(Line::Ping("π".into())),
        1 => Just(Line::Stats),
        1 => Just(Line::Version),
        1 => option::of(Just(HelpTopic::Command(Verb::Msg))).prop_map(Line::Help),
    ]
}

/// Valid names, reserved ones included.
pub fn any_name() -> impl Strategy<Value = String> {
    words(&[
        "ann", "Ann", "bob", "BOB", "cat", "dan", "eve", "fay", "den", "lobby", "root",
    ])
}

/// Text in the place of a user's name.
fn typed() -> impl Strategy<Value = String> {
    prop_oneof![
        9 => words(&["ann", "ANN", "bob", "cat", "dan", "eve", "fay"]),
        1 => words(&["nobody", "Nobody", "", "9x", "den", "ann ann"]),
    ]
}

/// Few names, so that `/unignore` often hits an ignored user.
fn ignorable() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => words(&["ann", "BOB", "cat"]),
        1 => typed(),
    ]
}

fn room() -> impl Strategy<Value = String> {
    words(&["lobby", "den", "#DEN", "attic", "Pit", "ann", "2024"])
}

fn hash_line() -> impl Strategy<Value = String> {
    words(&[
        "#ann",
        "#eve",
        "#Cat",
        "#here",
        "#9",
        "#",
        "#include <stdio.h>",
        "#a-name_of-25-letters-far-2-long",
    ])
}

/// Topics, away and quit texts, around their longest: bytes count, not characters.
fn note() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => words(&["", "Tea", "back at 5"]),
        1 => Just("é".repeat(150)),
        1 => Just("é".repeat(150) + "!"),
    ]
}

fn wrong() -> impl Strategy<Value = Wrong> {
    select(vec![
        Wrong::UnknownCommand,
        Wrong::LineTooLong,
        Wrong::BadRoom,
        Wrong::BadName,
        Wrong::Usage(Verb::Msg),
        Wrong::Usage(Verb::Nick),
        Wrong::Usage(Verb::Help),
        Wrong::Usage(Verb::Mode),
        Wrong::MissingColon,
        Wrong::NoText,
    ])
}

fn words(words: &[&'static str]) -> impl Strategy<Value = String> + use<> {
    select(words.to_vec()).prop_map(String::from)
}
