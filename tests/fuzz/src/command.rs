//! Lines to commands: a line means what the protocol page says, a parsed command can be written and
//! parsed again, and the chat answers each line once and hands texts on byte for byte.
//!
//! An input is the lines that one client sends.

mod written;

use std::ops::ControlFlow;

use chinwag::chat::archive::NoArchive;
use chinwag::chat::command::{
    AccountCommand, Command, HistoryCommand, MessageCommand, Reading, Request, SessionCommand,
    SettingCommand, TopicChange, Verb,
};
use chinwag::chat::ids::{ClientId, Peer};
use chinwag::chat::limits::{AccountLimits, HistoryLimits};
use chinwag::chat::name::{Name, RoomName};
use chinwag::chat::refusal::{
    LineRefusal, MembershipRefusal, MessageRefusal, ModerationRefusal, Refusal, SessionRefusal,
};
use chinwag::chat::time::{Now, Timestamp};
use chinwag::chat::{Chat, Settings};
use chinwag::wire::command_table::{COMMANDS, Entry};
use chinwag::wire::{command, sanitize};

use super::output::is_name;
use super::recorder::{OwnedEvent, Recorder};

const LINES_MAX: usize = 64;

/// Recipients of a private message, at most.
const RECIPIENTS_MAX: usize = 16;

pub fn check(bytes: &[u8]) {
    let mut harness = Harness::new();
    for line in bytes.split(|byte| *byte == b'\n').take(LINES_MAX) {
        let line = sanitize::clean(line);
        if command::is_blank(&line) {
            continue; // never parsed
        }
        let request = command::parse(&line, Reading::Commands);
        check_meaning(&line, &request);
        check_raw(&line, &request);
        check_answer(&line, &request);
        written::check(&line, &request);
        if harness.say(&request).is_break() {
            break;
        }
    }
}

/// Checks that a raw line is text, but for the one that ends that.
fn check_raw<'a>(line: &'a str, request: &Request<'a>) {
    let raw = command::parse(line, Reading::Raw);
    let off = Ok(Command::Setting(SettingCommand::Raw(Some(false))));
    if *request == off {
        assert!(line.starts_with('/'));
        assert_eq!(raw, off);
    } else {
        assert_eq!(raw, Ok(Command::Message(MessageCommand::Say(line))));
    }
}

/// Checks that an answer is its whole line, and that whatever may hold a password is a secret.
fn check_answer<'a>(line: &'a str, request: &Request<'a>) {
    let answer = command::parse(line, Reading::Answer);
    assert_eq!(answer, Ok(Command::Answer(line)));
    assert!(command::is_secret(&answer));
    let lower = line.to_ascii_lowercase();
    let is_said = matches!(request, Ok(Command::Message(_)));
    let words: Vec<&str> = lower.split([' ', '\t']).collect();
    if let ["/login", name, secret, ..] = words[..]
        && is_name(name)
        && secret.bytes().any(|byte| byte.is_ascii_graphic())
    {
        assert!(command::is_secret(request), "{request:?}");
    }
    if let ["login", name, _, ..] = words[..]
        && is_name(name)
    {
        assert!(command::is_secret(request) && !is_said, "{request:?}");
    }
}

/// Checks that the first bytes decide as in the protocol page's table.
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
    // Only what begins with another character than it shows.
    if *request == Err(Refusal::Message(MessageRefusal::LookAlike)) {
        assert!(!line.starts_with(|c: char| c.is_ascii_graphic() || c == ' '));
        // Behind what nobody sees, an @ is refused without a colon, too.
        let colons = [':', '：', '﹕', '︓', '∶', '꞉', 'ː'];
        return assert!(line.contains(colons) || line.contains('@') || has_slash(line));
    }
    if let Ok(Command::Account(AccountCommand::BareLogin { name, line: whole })) = request {
        assert_eq!(*whole, line);
        let mut words = line.split([' ', '\t']).filter(|word| !word.is_empty());
        assert!(words.next().unwrap().eq_ignore_ascii_case("login"));
        return assert_eq!(words.next().unwrap().trim_start_matches('#'), name.as_str());
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

fn has_slash(line: &str) -> bool {
    line.contains(['/', '／', '⁄', '∕', '╱', '⧸'])
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

/// `/COMMAND …`, without the slash.
#[expect(clippy::too_many_lines, reason = "one arm for each command")]
fn check_command<'a>(line: &'a str, request: &Request<'a>) {
    let word_end = line.find([' ', '\t']).unwrap_or(line.len());
    let word = &line[..word_end];
    let rest = line.get(word_end + 1..).unwrap_or_default();
    let is_named = |entry: &&Entry| {
        entry
            .names
            .iter()
            .any(|name| name.eq_ignore_ascii_case(word))
    };
    let Some(entry) = COMMANDS.iter().find(is_named) else {
        let Err(Refusal::Line(LineRefusal::UnknownCommand { given, .. })) = request else {
            panic!("{request:?}");
        };
        return assert_eq!(*given, word);
    };
    let text = (!rest.trim_ascii().is_empty()).then_some(rest);
    match (entry.verb, request) {
        // A text is the rest after one space, byte for byte.
        (Verb::Say, Ok(Command::Message(MessageCommand::Say(read))))
        | (Verb::Me, Ok(Command::Message(MessageCommand::Act(read))))
        | (Verb::Reply, Ok(Command::Message(MessageCommand::Reply(read))))
        | (Verb::Ping, Ok(Command::Session(SessionCommand::Ping(read)))) => assert_eq!(*read, rest),
        (Verb::Topic, Ok(Command::Setting(SettingCommand::Topic(read)))) => {
            let change = text.map(|text| match text.trim_ascii() {
                "-" => TopicChange::Clear,
                _ => TopicChange::Set(text),
            });
            assert_eq!(*read, change);
        }
        (Verb::Away, Ok(Command::Setting(SettingCommand::Away(read))))
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
        // A password is the rest after one space, byte for byte.
        (
            Verb::Login,
            Ok(Command::Account(AccountCommand::Login {
                name,
                secret: Some(secret),
            })),
        ) => {
            let before = rest.strip_suffix(secret).unwrap();
            let before = before.strip_suffix([' ', '\t']).unwrap();
            let typed = before.trim_ascii_start();
            assert_eq!(typed.strip_prefix('#').unwrap_or(typed), name.as_str());
        }
        (Verb::Search, Ok(Command::History(HistoryCommand::Search { words, .. }))) => {
            assert!(!words.is_empty() && rest.trim_ascii().ends_with(words));
        }
        // The written form shows which command it is.
        (verb, Ok(command)) => {
            assert!(written::verb_of(command).is_none_or(|written| written == verb));
        }
        (Verb::Msg, Err(Refusal::Message(MessageRefusal::TooManyRecipients)))
        | (Verb::Help, Err(Refusal::Line(LineRefusal::UnknownCommand { .. })))
        | (Verb::Nick, Err(Refusal::Session(SessionRefusal::BadName { .. })))
        | (
            Verb::Join
            | Verb::Part
            | Verb::Names
            | Verb::History
            | Verb::Read
            | Verb::Search
            | Verb::Forget,
            Err(Refusal::Membership(MembershipRefusal::BadRoom { .. })),
        )
        | (
            Verb::History | Verb::Read | Verb::Search | Verb::Forget,
            Err(Refusal::Session(SessionRefusal::BadName { .. })),
        )
        | (
            Verb::Mute | Verb::Bar | Verb::Ban,
            Err(Refusal::Moderation(ModerationRefusal::BadTime)),
        ) => {}
        (verb, Err(Refusal::Line(LineRefusal::Usage(wrong)))) if verb == *wrong => {
            let takes_words = [
                Verb::Msg,
                Verb::Nick,
                Verb::Join,
                Verb::Rooms,
                Verb::Names,
                Verb::Whois,
                Verb::Quiet,
                Verb::Echo,
                Verb::Raw,
                Verb::Times,
                Verb::Mode,
                Verb::Account,
                Verb::Login,
                Verb::Token,
                Verb::History,
                Verb::Read,
                Verb::Search,
                Verb::Forget,
                Verb::Export,
                Verb::Keep,
                Verb::Kick,
                Verb::Mute,
                Verb::Unmute,
                Verb::Bar,
                Verb::Unbar,
                Verb::Op,
                Verb::Deop,
                Verb::Lock,
                Verb::Remove,
                Verb::Ban,
                Verb::Unban,
                Verb::Bans,
                Verb::Suspend,
                Verb::Unsuspend,
                Verb::Reset,
                Verb::Announce,
                Verb::Deeds,
                Verb::Feed,
                Verb::Bell,
                Verb::Privacy,
                Verb::Unfriend,
                Verb::Profile,
            ];
            assert!(takes_words.contains(&verb), "{verb:?} cannot be wrong");
        }
        (verb, request) => panic!("/{verb:?} is {request:?}"),
    }
}

/// A chat with a client that sends the lines and one that gets them.
struct Harness {
    chat: Chat,
    recorder: Recorder,
}

const SENDER: ClientId = ClientId {
    slot: 0,
    generation: 7,
};
const READER: ClientId = ClientId {
    slot: 3,
    generation: 0,
};
const READER_NAME: &str = "bob";

impl Harness {
    fn new() -> Self {
        let mut chat = Chat::new(Settings {
            server_name: "chinwag".to_owned(),
            lobby: RoomName::parse("lobby").unwrap(),
            rooms_per_client_max: 2,
            motd: Vec::new(),
            operators: Vec::new(),
            hash_seed: [1, 2, 3, 4],
            accounts: AccountLimits::default(),
            history: HistoryLimits::default(),
        });
        for id in [SENDER, READER] {
            chat.connect(Timestamp::default(), id, Peer::Unix);
        }
        let mut recorder = Recorder::default();
        let name = Name::parse(READER_NAME).unwrap();
        let nick = Ok(Command::Session(SessionCommand::Nick(name)));
        let _ = chat.handle(Now::default(), READER, nick, &mut recorder, &mut NoArchive);
        recorder.take();
        Self { chat, recorder }
    }

    /// Executes a request of the sender. Breaks when that closes the sender.
    fn say(&mut self, request: &Request<'_>) -> ControlFlow<()> {
        let user = self.chat.user_of(SENDER);
        let was_registered = self.chat.name_of(SENDER).is_some();
        let Self { chat, recorder } = self;
        let _ = chat.handle(Now::default(), SENDER, *request, recorder, &mut NoArchive);
        chat.check_invariants();
        let senders = std::mem::take(&mut recorder.senders);
        assert!(senders.iter().all(|sender| Some(*sender) == user));
        let seen = recorder.take();
        let is_answer = |event: &OwnedEvent| match event {
            OwnedEvent::Ok(_) | OwnedEvent::Error(_) => true,
            OwnedEvent::Json(json) => json.starts_with(r#"{"type":"ok","#),
            _ => false,
        };
        let own = seen.heard_by(SENDER);
        let answers = own.iter().filter(|event| is_answer(event)).count();
        assert_eq!(answers, 1, "one answer to one line");
        assert!(
            own.last().is_some_and(is_answer),
            "behind all that it caused"
        );

        let (mut private, mut said, mut others) = (Vec::new(), Vec::new(), 0);
        for event in seen.heard_by(READER) {
            match event {
                OwnedEvent::Private { text, .. } => private.push(text),
                OwnedEvent::Message { text, .. } | OwnedEvent::Action { text, .. } => {
                    said.push(text);
                }
                OwnedEvent::Topic { text, .. } => said.push(text.unwrap_or_default()),
                _ => others += 1,
            }
        }
        let names_reader = |name: &str| name.eq_ignore_ascii_case(READER_NAME);
        let written: Vec<&str> = match request {
            Ok(Command::Message(MessageCommand::Private { to, text }))
                if to.iter().any(names_reader) =>
            {
                vec![text]
            }
            _ => vec![],
        };
        let spoken: Vec<&str> = match request {
            Ok(
                Command::Message(MessageCommand::Say(text) | MessageCommand::Act(text))
                | Command::Setting(SettingCommand::Topic(Some(TopicChange::Set(text)))),
            ) => vec![text],
            Ok(Command::Setting(SettingCommand::Topic(Some(TopicChange::Clear)))) => vec![""],
            Ok(
                Command::Session(SessionCommand::Hash { line, .. })
                // Nobody has an account here.
                | Command::Account(AccountCommand::BareLogin { line, .. }),
            ) => vec![line],
            _ => vec![],
        };
        if was_registered {
            assert_eq!(private, written, "whom it was sent to, byte for byte");
            assert!(said.is_empty() || said == spoken, "{said:?}");
        } else {
            let joined = usize::from(self.chat.name_of(SENDER).is_some());
            assert!(private.is_empty() && said.is_empty() && others == joined);
        }
        if seen.closed.is_empty() {
            return ControlFlow::Continue(());
        }
        assert_eq!(seen.closed, [SENDER]);
        assert!(matches!(
            request,
            Ok(Command::Session(SessionCommand::Quit(_)))
        ));
        ControlFlow::Break(())
    }
}
