//! A command written as a line again, which must mean the same. All text that a command or a refusal
//! borrows is a piece of its line.

mod operators;

use std::time::Duration;

use chinwag::chat::command::{
    AccountCommand, Bell, Command, ForgetCommand, HelpTopic, HistoryCommand, KeepCommand,
    MembershipCommand, MessageCommand, Mode, ModerationCommand, NamesOf, NotifyChange,
    PeopleCommand, PlaceName, Privacy, ProfileChange, QueryCommand, Reach, Reading, Request,
    SessionCommand, SettingCommand, TopicChange, Verb, WantedRange, WantedTime,
};
use chinwag::chat::ids::LineId;
use chinwag::chat::name::RoomName;
use chinwag::chat::order::Lock;
use chinwag::chat::refusal::{LineRefusal, MembershipRefusal, Refusal, SessionRefusal};
use chinwag::wire::{command, command_table};

use super::super::output::{is_name, is_room};

pub fn check<'a>(line: &'a str, request: &Request<'a>) {
    for piece in borrowed(request) {
        let (within, start) = (line.as_bytes().as_ptr_range(), piece.as_ptr());
        let end = piece.as_bytes().as_ptr_range().end;
        let is_piece = within.start <= start && end <= within.end;
        assert!(
            piece.is_empty() || is_piece,
            "{piece:?} is no piece of {line:?}"
        );
    }
    let Ok(command) = request else {
        return;
    };
    let Some(written) = write(command) else {
        return;
    };
    let again = command::parse(&written, Reading::Commands);
    let is_same = match (command, &again) {
        // Their spaces can differ.
        (
            Command::Message(MessageCommand::Private { to, text }),
            Ok(Command::Message(MessageCommand::Private {
                to: to_again,
                text: text_again,
            })),
        ) => to.iter().eq(to_again.iter()) && text == text_again,
        _ => again == Ok(*command),
    };
    assert!(
        is_same,
        "{line:?} is {command:?}, but {written:?} is {again:?}"
    );
}

/// Which command it is, by its name in the line that it is written as.
pub fn verb_of(command: &Command<'_>) -> Option<Verb> {
    let written = write(command)?;
    let word = written.strip_prefix('/')?.split(' ').next()?;
    command_table::find(word)
}

fn borrowed<'a>(request: &Request<'a>) -> Vec<&'a str> {
    match request {
        Ok(Command::Session(SessionCommand::Hash { line, .. })) => vec![line],
        Ok(Command::Message(MessageCommand::Private { to, text })) => {
            to.iter().chain([*text]).collect()
        }
        Ok(Command::Moderation(
            ModerationCommand::Kick { name, why, .. }
            | ModerationCommand::Mute { name, why, .. }
            | ModerationCommand::Bar { name, why, .. },
        )) => std::iter::once(*name).chain(*why).collect(),
        Ok(Command::Operator(command)) => operators::borrowed(command),
        Ok(
            Command::Message(
                MessageCommand::Say(text) | MessageCommand::Act(text) | MessageCommand::Reply(text),
            )
            | Command::Query(QueryCommand::Whois(text))
            | Command::Moderation(
                ModerationCommand::Unmute { name: text, .. }
                | ModerationCommand::Unbar { name: text }
                | ModerationCommand::Op { name: text }
                | ModerationCommand::Deop { name: text },
            )
            | Command::People(
                PeopleCommand::Profile(Some(text))
                | PeopleCommand::SetProfile(ProfileChange::Set(text))
                | PeopleCommand::Friend(Some(text))
                | PeopleCommand::Unfriend(text)
                | PeopleCommand::Block(Some(text))
                | PeopleCommand::Unblock(Some(text))
                | PeopleCommand::Notify(Some(NotifyChange::Set(text))),
            )
            | Command::Account(
                AccountCommand::Login {
                    secret: Some(text), ..
                }
                | AccountCommand::BareLogin { line: text, .. },
            )
            | Command::History(HistoryCommand::Search { words: text, .. })
            | Command::Answer(text)
            | Command::Session(SessionCommand::Ping(text) | SessionCommand::Quit(Some(text)))
            | Command::Setting(
                SettingCommand::Topic(Some(TopicChange::Set(text)))
                | SettingCommand::Away(Some(text))
                | SettingCommand::Ignore(Some(text))
                | SettingCommand::Unignore(Some(text)),
            ),
        )
        | Err(
            Refusal::Session(SessionRefusal::BadName { given: text, .. })
            | Refusal::Membership(MembershipRefusal::BadRoom { given: text, .. })
            | Refusal::Line(LineRefusal::UnknownCommand { given: text, .. }),
        ) => vec![text],
        _ => vec![],
    }
}

/// `None` if the command has no second way to be written.
#[expect(clippy::too_many_lines, reason = "one arm for each command")]
fn write(command: &Command<'_>) -> Option<String> {
    let with = |word: &str, text: Option<&str>| match text {
        Some(text) => format!("/{word} {text}"),
        None => format!("/{word}"),
    };
    let switch = |on: Option<bool>| on.map(|on| if on { "ON" } else { "off" });
    Some(match command {
        Command::Session(SessionCommand::Hash { name, line }) => match name {
            Ok(name) => {
                assert!(is_name(name.as_str()));
                return None;
            }
            Err(_) => (*line).to_owned(),
        },
        Command::Session(SessionCommand::Nick(name)) => {
            assert!(is_name(name.as_str()));
            format!("/NICK #{name}")
        }
        Command::Message(MessageCommand::Say(text)) => {
            // Both ways to send any text.
            assert_eq!(
                command::parse(&format!(" {text}"), Reading::Commands),
                Ok(*command)
            );
            with("say", Some(text))
        }
        Command::Message(MessageCommand::Act(text)) => with("me", Some(text)),
        Command::Message(MessageCommand::Private { to, text }) => {
            let names: Vec<&str> = to.iter().collect();
            let is_plain = names.iter().all(|name| !name.contains([' ', '\t', ':']));
            if !is_plain {
                return None;
            }
            let long = format!("/msg {} {text}", names.join(", "));
            match command::parse(&long, Reading::Commands) {
                // To `/msg`, a comma there goes on with the names: `/msg bob , carol hi`.
                _ if text.trim_ascii().starts_with(',') => {}
                Ok(Command::Message(MessageCommand::Private {
                    to: to_again,
                    text: text_again,
                })) => {
                    assert!(
                        to.iter().eq(to_again.iter()) && *text == text_again,
                        "{long:?}"
                    );
                }
                other => panic!("{long:?} is {other:?}"),
            }
            format!("@{}: {text}", names.join(","))
        }
        Command::Message(MessageCommand::Reply(text)) => with("r", Some(text)),
        Command::Membership(MembershipCommand::Join(room)) => {
            assert!(is_room(room.as_str()));
            with("j", Some(room.as_str()))
        }
        Command::Membership(MembershipCommand::Part(room)) => {
            with("leave", room.as_ref().map(RoomName::as_str))
        }
        Command::Query(QueryCommand::Rooms(page)) => format!("/rooms {page}"),
        Command::Query(QueryCommand::Names { of, page }) => match of {
            NamesOf::CurrentRoom if *page == 1 => "/names".to_owned(),
            NamesOf::CurrentRoom => return None,
            NamesOf::Room(room) => format!("/who {room} {page}"),
            NamesOf::Everyone => format!("/users * {page}"),
        },
        Command::Setting(SettingCommand::Topic(change)) => {
            let text = change.map(|change| match change {
                TopicChange::Set(text) => text,
                TopicChange::Clear => "-",
            });
            with("topic", text)
        }
        Command::Query(QueryCommand::Whois(name)) => with("whois", Some(name)),
        Command::Setting(SettingCommand::Away(text)) => with("away", *text),
        Command::Setting(SettingCommand::Back) => with("back", None),
        Command::Setting(SettingCommand::Ignore(name)) => with("ignore", *name),
        Command::Setting(SettingCommand::Unignore(name)) => with("unignore", *name),
        Command::Setting(SettingCommand::Quiet(on)) => with("quiet", switch(*on)),
        Command::Setting(SettingCommand::Echo(on)) => with("echo", switch(*on)),
        Command::Setting(SettingCommand::Raw(on)) => with("raw", switch(*on)),
        Command::Setting(SettingCommand::Times(on)) => with("times", switch(*on)),
        Command::Session(SessionCommand::Mode(mode)) => {
            let mode = mode.map(|mode| match mode {
                Mode::Plain => "PLAIN",
                Mode::Json => "json",
            });
            with("mode", mode)
        }
        Command::Session(SessionCommand::Ping(text)) => with("ping", Some(text)),
        Command::Session(SessionCommand::Stats) => with("stats", None),
        Command::Session(SessionCommand::Version) => with("version", None),
        Command::Session(SessionCommand::Help(verb)) => {
            // Found by its name as well as by its number.
            let topic = verb.map(|topic| match topic {
                HelpTopic::Command(verb) => format!("/{}", command_table::entry(verb).names[0]),
                HelpTopic::People => "People".to_owned(),
                HelpTopic::History => "HISTORY".to_owned(),
                HelpTopic::Operators => "oP".to_owned(),
            });
            with("?", topic.as_deref())
        }
        Command::Session(SessionCommand::Quit(text)) => with("bye", *text),
        Command::Account(command) => write_account(command),
        Command::History(command) => return write_history(command),
        Command::Moderation(command) => write_moderation(command),
        Command::People(command) => write_people(command),
        Command::Setting(SettingCommand::Bell(bell)) => {
            let bell = bell.map(|bell| match bell {
                Bell::Off => "oFF",
                Bell::Private => "Private",
                Bell::Mention => "MENTION",
                Bell::All => "all",
            });
            with("bell", bell)
        }
        Command::Operator(command) => operators::write(command),
        Command::Answer(line) => panic!("no command was to be an answer: {line:?}"),
    })
}

fn write_people(command: &PeopleCommand<'_>) -> String {
    let with = |word: &str, name: Option<&str>| format!("/{word}  {}", name.unwrap_or_default());
    match command {
        PeopleCommand::Profile(name) => with("Profile", *name),
        PeopleCommand::SetProfile(ProfileChange::Set(text)) => format!("/profile SET  {text}"),
        PeopleCommand::SetProfile(ProfileChange::Clear) => "/profile Set  -".to_owned(),
        PeopleCommand::Friend(name) => with("FRIEND", *name),
        PeopleCommand::Unfriend(name) => format!("/unfriend   {name}"),
        PeopleCommand::Block(name) => with("Block", *name),
        PeopleCommand::Unblock(name) => with("unBlock", *name),
        PeopleCommand::Privacy(None) => "/PRIVACY".to_owned(),
        PeopleCommand::Privacy(Some((what, on))) => {
            let what = match what {
                Privacy::Hidden => "Hidden",
                Privacy::Receipts => "RECEIPTS",
                Privacy::Seen => "seeN",
                Privacy::Strangers => "strangers",
                Privacy::Keep => "keep",
            };
            format!("/privacy  {what}  {}", if *on { "ON" } else { "Off" })
        }
        PeopleCommand::Notify(None) => "/notify".to_owned(),
        PeopleCommand::Notify(Some(NotifyChange::Off)) => "/notify  OFF".to_owned(),
        PeopleCommand::Notify(Some(NotifyChange::Set(text))) => format!("/Notify  {text}"),
    }
}

fn time(time: Option<Duration>) -> String {
    time.map_or(String::new(), |time| format!(" {}S", time.as_secs()))
}

fn why(why: Option<&str>) -> String {
    why.map_or(String::new(), |why| format!("  {why} "))
}

fn write_moderation(command: &ModerationCommand<'_>) -> String {
    let star = |reach: &Reach| match reach {
        Reach::Room => "",
        Reach::Server => "* ",
    };
    match command {
        ModerationCommand::Kick {
            reach,
            name,
            why: text,
        } => format!("/KICK {}{name}{}", star(reach), why(*text)),
        ModerationCommand::Mute {
            reach,
            name,
            time: until,
            why: text,
        } => format!("/mute {}{name}{}{}", star(reach), time(*until), why(*text)),
        ModerationCommand::Unmute { reach, name } => format!("/Unmute {}{name}", star(reach)),
        ModerationCommand::Bar {
            name,
            time: until,
            why: text,
        } => format!("/bar {name}{}{}", time(*until), why(*text)),
        ModerationCommand::Unbar { name } => format!("/unbar  {name} "),
        ModerationCommand::Op { name } => format!("/op {name}"),
        ModerationCommand::Deop { name } => format!("/deop {name}"),
        ModerationCommand::Lock(None) => "/lock".to_owned(),
        ModerationCommand::Lock(Some((lock, on))) => {
            let lock = match lock {
                Lock::Topic => "Topic",
                Lock::Talk => "TALK",
                Lock::In => "in",
            };
            let on = on.map_or("", |on| if on { " on" } else { " OFF" });
            format!("/lock {lock}{on}")
        }
        ModerationCommand::Remove(id) => format!("/remove {id}"),
    }
}

fn write_account(command: &AccountCommand<'_>) -> String {
    match command {
        AccountCommand::Show => "/account".to_owned(),
        AccountCommand::New => "/account NEW".to_owned(),
        AccountCommand::Password => "/account Password".to_owned(),
        AccountCommand::Drop => "/account drop ".to_owned(),
        AccountCommand::Login { name, secret: None } => format!("/LOGIN #{name} "),
        AccountCommand::Login {
            name,
            secret: Some(secret),
        } => format!("/login\t{name} {secret}"),
        AccountCommand::BareLogin { line, .. } => (*line).to_owned(),
        AccountCommand::Logout => "/logout".to_owned(),
        AccountCommand::Tokens => "/token".to_owned(),
        AccountCommand::MakeToken(label) => format!("/token {label}"),
        AccountCommand::DropToken(label) => format!("/token Drop  {label}"),
    }
}

fn write_history(command: &HistoryCommand<'_>) -> Option<String> {
    let place = |place: &PlaceName| match place {
        PlaceName::Current => String::new(),
        PlaceName::Room(room) => format!(" #{room}"),
        PlaceName::User(name) => format!(" @{name}"),
    };
    let id = |id: &LineId| {
        assert!(*id <= LineId::MAX);
        format!(" {id}")
    };
    Some(match command {
        HistoryCommand::Page {
            place: of,
            range,
            count,
        } => {
            let range = match range {
                WantedRange::Newest => String::new(),
                WantedRange::Before(line) => format!(" BEFORE{}", id(line)),
                WantedRange::Since(line) => format!(" Since{}", id(line)),
                WantedRange::SinceTime(WantedTime::OfDay(minutes)) => {
                    assert!(*minutes < 24 * 60);
                    format!(" since {:02}:{:02}", minutes / 60, minutes % 60)
                }
                WantedRange::SinceTime(WantedTime::Ago(ms)) => match ms % (60 * 60 * 1000) {
                    0 => format!(" since {}h", ms / (60 * 60 * 1000)),
                    _ => return None, // too many
                },
                // A calendar of its own would be needed.
                WantedRange::SinceTime(WantedTime::Date(_)) => return None,
            };
            let count = count.map_or(String::new(), |count| format!(" {count}"));
            format!("/history{}{range}{count}", place(of))
        }
        HistoryCommand::More => "/more".to_owned(),
        HistoryCommand::Unread => "/unread".to_owned(),
        HistoryCommand::Read { place: of, up_to } => {
            let up_to = up_to.as_ref().map_or(String::new(), id);
            format!("/read{}{up_to}", place(of))
        }
        HistoryCommand::Search { place: of, words } => {
            let of = of.as_ref().map_or(String::new(), place);
            format!("/search{of} {words}")
        }
        HistoryCommand::Forget(ForgetCommand::Line(line)) => format!("/forget{}", id(line)),
        HistoryCommand::Forget(ForgetCommand::Last(count)) => format!("/forget LAST {count}"),
        HistoryCommand::Forget(ForgetCommand::All) => "/forget All".to_owned(),
        HistoryCommand::Forget(ForgetCommand::AllIn(of)) => format!("/forget all{}", place(of)),
        HistoryCommand::Export(None) => "/export".to_owned(),
        HistoryCommand::Export(Some(line)) => format!("/export Before{}", id(line)),
        HistoryCommand::Keep(KeepCommand::On(days)) => {
            let days = days.map_or(String::new(), |days| format!(" {days}"));
            format!("/keep{days}")
        }
        HistoryCommand::Keep(KeepCommand::Off) => "/keep off".to_owned(),
    })
}
