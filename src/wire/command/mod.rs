//! One clean line to a [`Command`], or to the [`Refusal`] that says why not.

mod accounts;
mod history;
mod moderation;
mod people;
mod times;

use crate::chat::command::{
    AccountCommand, Command, HelpTopic, HistoryCommand, MembershipCommand, MessageCommand, Mode,
    ModerationCommand, NamesOf, OperatorCommand, PeopleCommand, QueryCommand, Reading, Recipients,
    Request, SessionCommand, SettingCommand, TopicChange, Verb,
};
use crate::chat::name::{Name, RoomName};
use crate::chat::refusal::{
    LineRefusal, MembershipRefusal, MessageRefusal, Refusal, SessionRefusal,
};

use super::command_table;
use super::look_alike::looks_addressed;
use super::unseen::is_invisible;

/// Parses a line that is not blank, as its sender wants it read; an answer may be blank. The command borrows
/// from the line.
///
/// # Errors
/// The first thing wrong with the line, as far as that does not depend on its sender.
pub fn parse(line: &str, reading: Reading) -> Request<'_> {
    match reading {
        Reading::Commands => command_or_text(line),
        Reading::Raw => Ok(raw(line)),
        Reading::Answer => Ok(Command::Answer(line)),
        Reading::LateAnswer => match line.as_bytes() {
            [b'/', second, ..] if *second != b'/' => command_or_text(line),
            _ => Ok(Command::Answer(line)),
        },
    }
}

/// Whether a line shows nothing, and so is ignored.
#[must_use]
pub fn is_blank(line: &str) -> bool {
    line.chars()
        .all(|c| matches!(c, ' ' | '\t') || is_invisible(c))
}

/// Whether a line may hold a password, and so is never logged, and wiped.
#[must_use]
pub fn is_secret(request: &Request<'_>) -> bool {
    match request {
        Ok(Command::Answer(_)) => true,
        Ok(Command::Account(command)) => matches!(
            command,
            AccountCommand::Login {
                secret: Some(_),
                ..
            } | AccountCommand::BareLogin { .. }
        ),
        Err(Refusal::Line(refusal)) => matches!(
            refusal,
            LineRefusal::Usage(Verb::Login)
                | LineRefusal::UnknownCommand {
                    nearest: Some(Verb::Login),
                    ..
                }
        ),
        _ => false,
    }
}

/// Text, whatever it begins with; only `/raw off` is still a command.
fn raw(line: &str) -> Command<'_> {
    let off = Command::Setting(SettingCommand::Raw(Some(false)));
    let asks_to_end = line.starts_with('/') && command_or_text(line) == Ok(off);
    if asks_to_end { off } else { say(line) }
}

fn command_or_text(line: &str) -> Request<'_> {
    match line.as_bytes() {
        [b'@', ..] => private(line).map(Command::Message),
        [b'#', ..] => {
            let name = line.get(1..).unwrap_or_default();
            Ok(Command::Session(SessionCommand::Hash {
                name: Name::parse(name.trim_ascii_end()),
                line,
            }))
        }
        [b'/', b'/', ..] => Ok(say(line.get(1..).unwrap_or_default())),
        [b'/', ..] => command(line.get(1..).unwrap_or_default()),
        [b' ', ..] => text(line.get(1..).unwrap_or_default()).map(say),
        b"quit" | b"exit" => Ok(Command::Session(SessionCommand::Quit(None))),
        _ if looks_addressed(line) => Err(Refusal::Message(MessageRefusal::LookAlike)),
        [b'l' | b'L', ..] => {
            let login = accounts::bare_login(line);
            Ok(login.map_or_else(|| say(line), Command::Account))
        }
        _ => Ok(say(line)),
    }
}

fn say(text: &str) -> Command<'_> {
    Command::Message(MessageCommand::Say(text))
}

/// `@NAME:TEXT` or `@NAME,NAME:TEXT`.
fn private(line: &str) -> Result<MessageCommand<'_>, Refusal<'_>> {
    let after_at = line.get(1..).unwrap_or_default();
    let (to, text) = match Recipients::leading(after_at) {
        Some(one) => one,
        None => recipients(after_at)?,
    };
    let text = self::text(text.strip_prefix(' ').unwrap_or(text))?;
    Ok(MessageCommand::Private { to, text })
}

/// The recipients before the colon, and the text behind it.
fn recipients(after_at: &str) -> Result<(Recipients<'_>, &str), Refusal<'_>> {
    let (names, text) = after_at
        .split_once(':')
        .ok_or(MessageRefusal::MissingColon)?;
    let to = Recipients::parse(names)?;
    if to.name().is_none() {
        check_names(to)?;
    }
    Ok((to, text))
}

/// Refuses names that are none, or that cannot be meant as one.
fn check_names(to: Recipients<'_>) -> Result<(), Refusal<'_>> {
    for name in to.iter() {
        if name.is_empty() {
            return Err(Refusal::Message(MessageRefusal::MissingName));
        }
        // "@bob see: this" has a colon, but not where it belongs.
        if name.contains(' ') {
            return Err(Refusal::Message(MessageRefusal::SpaceInName));
        }
    }
    Ok(())
}

/// A command line, without its slash.
#[expect(clippy::too_many_lines, reason = "one arm for each command")]
fn command(line: &str) -> Request<'_> {
    let (given, rest) = split_word(line);
    let Some(verb) = command_table::find(given) else {
        return Err(unknown(given));
    };
    let usage = LineRefusal::Usage(verb);
    let word = rest.trim_ascii();
    let optional_word = (!word.is_empty()).then_some(word);
    let optional_text = (!word.is_empty()).then_some(rest);
    Ok(match verb {
        Verb::Help => Command::Session(SessionCommand::Help(
            optional_word.map(help_topic).transpose()?,
        )),
        Verb::Nick => Command::Session(nick(word, usage)?),
        Verb::Mode => Command::Session(SessionCommand::Mode(mode(optional_word, usage)?)),
        Verb::Ping => Command::Session(SessionCommand::Ping(rest)),
        Verb::Stats => Command::Session(SessionCommand::Stats),
        Verb::Version => Command::Session(SessionCommand::Version),
        Verb::Quit => Command::Session(SessionCommand::Quit(optional_text)),

        Verb::Msg => Command::Message(msg(rest, usage)?),
        Verb::Reply => Command::Message(MessageCommand::Reply(optional_text.ok_or(usage)?)),
        Verb::Me => Command::Message(MessageCommand::Act(optional_text.ok_or(usage)?)),
        Verb::Say if rest.is_empty() => return Err(usage.into()),
        Verb::Say => say(rest),

        Verb::Join => {
            let room = room(optional_word.ok_or(usage)?)?;
            Command::Membership(MembershipCommand::Join(room))
        }
        Verb::Part => {
            let room = optional_word.map(room).transpose()?;
            Command::Membership(MembershipCommand::Part(room))
        }

        Verb::Rooms => Command::Query(QueryCommand::Rooms(page(optional_word, usage)?)),
        Verb::Names => Command::Query(names(word, usage)?),
        Verb::Whois => Command::Query(QueryCommand::Whois(optional_word.ok_or(usage)?)),

        Verb::Topic => Command::Setting(SettingCommand::Topic(topic(word, rest))),
        Verb::Away => Command::Setting(SettingCommand::Away(optional_text)),
        Verb::Back => Command::Setting(SettingCommand::Back),
        Verb::Ignore => Command::Setting(SettingCommand::Ignore(optional_word)),
        Verb::Unignore => Command::Setting(SettingCommand::Unignore(optional_word)),
        Verb::Quiet => Command::Setting(SettingCommand::Quiet(on_off(optional_word, usage)?)),
        Verb::Echo => Command::Setting(SettingCommand::Echo(on_off(optional_word, usage)?)),
        Verb::Raw => Command::Setting(SettingCommand::Raw(on_off(optional_word, usage)?)),
        Verb::Times => Command::Setting(SettingCommand::Times(on_off(optional_word, usage)?)),

        Verb::Bell => Command::Setting(SettingCommand::Bell(people::bell(optional_word, usage)?)),

        Verb::Account => Command::Account(accounts::account(optional_word, usage)?),
        Verb::Login => Command::Account(accounts::login(rest, usage)?),
        Verb::Logout => Command::Account(AccountCommand::Logout),
        Verb::Token => Command::Account(accounts::token(word, usage)?),

        Verb::History => Command::History(history::page(word, usage)?),
        Verb::More => Command::History(HistoryCommand::More),
        Verb::Unread => Command::History(HistoryCommand::Unread),
        Verb::Read => Command::History(history::read(word, usage)?),
        Verb::Search => Command::History(history::search(word, usage)?),
        Verb::Forget => Command::History(history::forget(word, usage)?),
        Verb::Export => Command::History(history::export(word, usage)?),
        Verb::Keep => Command::History(history::keep(optional_word, usage)?),

        Verb::Profile => Command::People(people::profile(word, usage)?),
        Verb::Friend => Command::People(PeopleCommand::Friend(optional_word)),
        Verb::Unfriend => Command::People(PeopleCommand::Unfriend(optional_word.ok_or(usage)?)),
        Verb::Block => Command::People(PeopleCommand::Block(optional_word)),
        Verb::Unblock => Command::People(PeopleCommand::Unblock(optional_word)),
        Verb::Privacy => Command::People(people::privacy(word, usage)?),
        Verb::Notify => Command::People(people::notify(word)),

        Verb::Kick => Command::Moderation(moderation::kick(word, usage)?),
        Verb::Mute => Command::Moderation(moderation::mute(word, usage)?),
        Verb::Unmute => Command::Moderation(moderation::unmute(word, usage)?),
        Verb::Bar => Command::Moderation(moderation::bar(word, usage)?),
        Verb::Unbar => {
            let name = optional_word.ok_or(usage)?;
            Command::Moderation(ModerationCommand::Unbar { name })
        }
        Verb::Op => {
            let name = optional_word.ok_or(usage)?;
            Command::Moderation(ModerationCommand::Op { name })
        }
        Verb::Deop => {
            let name = optional_word.ok_or(usage)?;
            Command::Moderation(ModerationCommand::Deop { name })
        }
        Verb::Lock => Command::Moderation(moderation::lock(word, usage)?),
        Verb::Remove => Command::Moderation(moderation::remove(word, usage)?),

        Verb::Ban => Command::Operator(moderation::ban(word, usage)?),
        Verb::Unban => Command::Operator(moderation::unban(word, usage)?),
        Verb::Bans => {
            let page = page(optional_word, usage)?;
            Command::Operator(OperatorCommand::Bans { page })
        }
        Verb::Suspend => Command::Operator(moderation::suspend(word, usage)?),
        Verb::Unsuspend => {
            let name = optional_word.ok_or(usage)?;
            Command::Operator(OperatorCommand::Unsuspend { name })
        }
        Verb::Reset => {
            let name = optional_word.ok_or(usage)?;
            Command::Operator(OperatorCommand::Reset { name })
        }
        Verb::Announce => {
            let text = optional_text.ok_or(usage)?;
            Command::Operator(OperatorCommand::Announce { text })
        }
        Verb::Reload => Command::Operator(OperatorCommand::Reload),
        Verb::Deeds => {
            let page = page(optional_word, usage)?;
            Command::Operator(OperatorCommand::Deeds { page })
        }
        Verb::Feed => Command::Operator(OperatorCommand::Feed(on_off(optional_word, usage)?)),
        Verb::Backup => Command::Operator(OperatorCommand::Backup),
    })
}

fn unknown(given: &str) -> Refusal<'_> {
    Refusal::Line(LineRefusal::UnknownCommand {
        given,
        nearest: command_table::nearest(given),
        registered: true,
    })
}

fn nick<'a>(word: &'a str, usage: LineRefusal<'a>) -> Result<SessionCommand<'a>, Refusal<'a>> {
    let given = word.strip_prefix('#').unwrap_or(word);
    if given.is_empty() {
        return Err(usage.into());
    }
    match Name::parse(given) {
        Ok(name) => Ok(SessionCommand::Nick(name)),
        Err(why) => Err(Refusal::Session(SessionRefusal::BadName { given, why })),
    }
}

fn msg<'a>(rest: &'a str, usage: LineRefusal<'a>) -> Result<MessageCommand<'a>, Refusal<'a>> {
    let (names, text) = split_names(rest);
    if text.is_empty() {
        return Err(usage.into());
    }
    let to = Recipients::parse(names)?;
    if to.iter().any(str::is_empty) {
        return Err(usage.into());
    }
    Ok(MessageCommand::Private { to, text })
}

fn mode<'a>(word: Option<&str>, usage: LineRefusal<'a>) -> Result<Option<Mode>, LineRefusal<'a>> {
    match word {
        None => Ok(None),
        Some(word) if word.eq_ignore_ascii_case("plain") => Ok(Some(Mode::Plain)),
        Some(word) if word.eq_ignore_ascii_case("json") => Ok(Some(Mode::Json)),
        Some(_) => Err(usage),
    }
}

/// The first word, and the rest behind one space, byte for byte.
fn split_word(line: &str) -> (&str, &str) {
    line.split_once([' ', '\t']).unwrap_or((line, ""))
}

/// A list of names, which may have spaces behind its commas, and the text behind it.
fn split_names(rest: &str) -> (&str, &str) {
    let rest = rest.trim_ascii_start();
    let mut end = 0;
    for piece in rest.split_inclusive(',') {
        let name = piece.trim_ascii_start();
        end += piece.len() - name.len();
        match name.find([' ', '\t']) {
            // A space inside the last name ends the list, unless only a comma follows it.
            Some(space)
                if !name
                    .get(space..)
                    .unwrap_or_default()
                    .trim_ascii()
                    .starts_with(',') =>
            {
                end += space;
                break;
            }
            _ => end += name.len(),
        }
    }
    let (names, text) = rest.split_at_checked(end).unwrap_or((rest, ""));
    (names, text.get(1..).unwrap_or_default())
}

fn text(text: &str) -> Result<&str, Refusal<'_>> {
    if text.is_empty() {
        Err(Refusal::Line(LineRefusal::NoText))
    } else {
        Ok(text)
    }
}

/// A topic, or a command; with its slash, `/history` is the command.
fn help_topic(word: &str) -> Result<HelpTopic, Refusal<'_>> {
    match word {
        _ if word.eq_ignore_ascii_case("people") => return Ok(HelpTopic::People),
        _ if word.eq_ignore_ascii_case("history") => return Ok(HelpTopic::History),
        _ if word.eq_ignore_ascii_case("op") => return Ok(HelpTopic::Operators),
        _ => {}
    }
    let given = word.strip_prefix('/').unwrap_or(word);
    let prefixes = [("#", Verb::Nick), ("@", Verb::Msg)];
    let by_prefix = prefixes
        .iter()
        .find(|(prefix, _)| given.starts_with(prefix));
    command_table::find(given)
        .or(by_prefix.map(|(_, verb)| *verb))
        .map(HelpTopic::Command)
        .ok_or_else(|| unknown(given))
}

fn room(word: &str) -> Result<RoomName, Refusal<'_>> {
    RoomName::parse(word)
        .map_err(|why| Refusal::Membership(MembershipRefusal::BadRoom { given: word, why }))
}

fn names<'a>(words: &'a str, usage: LineRefusal<'a>) -> Result<QueryCommand<'a>, Refusal<'a>> {
    let (of, rest) = split_word(words);
    let page = page(
        Some(rest.trim_ascii()).filter(|rest| !rest.is_empty()),
        usage,
    )?;
    let of = match of {
        "" => NamesOf::CurrentRoom,
        "*" => NamesOf::Everyone,
        name => NamesOf::Room(room(name)?),
    };
    Ok(QueryCommand::Names { of, page })
}

fn page<'a>(word: Option<&str>, usage: LineRefusal<'a>) -> Result<usize, LineRefusal<'a>> {
    word.map_or(Ok(1), |word| word.parse().map_err(|_| usage))
}

fn topic<'a>(word: &str, text: &'a str) -> Option<TopicChange<'a>> {
    match word {
        "" => None,
        "-" => Some(TopicChange::Clear),
        _ => Some(TopicChange::Set(text)),
    }
}

fn on_off<'a>(word: Option<&str>, usage: LineRefusal<'a>) -> Result<Option<bool>, LineRefusal<'a>> {
    match word {
        None => Ok(None),
        Some(word) if word.eq_ignore_ascii_case("on") => Ok(Some(true)),
        Some(word) if word.eq_ignore_ascii_case("off") => Ok(Some(false)),
        Some(_) => Err(usage),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn private<'a>(names: &'a str, text: &'a str) -> Command<'a> {
        let to = Recipients::parse(names).unwrap();
        Command::Message(MessageCommand::Private { to, text })
    }

    fn topic(change: TopicChange<'_>) -> Command<'_> {
        Command::Setting(SettingCommand::Topic(Some(change)))
    }

    fn quit(text: Option<&str>) -> Command<'_> {
        Command::Session(SessionCommand::Quit(text))
    }

    #[track_caller]
    fn check(lines: &[(&str, Command<'_>)]) {
        for (line, command) in lines {
            assert_eq!(parse(line, Reading::Commands), Ok(*command), "{line}");
        }
    }

    #[test]
    fn line_without_a_command_is_said() {
        check(&[
            ("hello", say("hello")),
            ("//etc/hosts", say("/etc/hosts")),
            ("//", say("/")),
            (" /quit", say("/quit")),
            ("  x", say(" x")),
            ("quit now", say("quit now")),
            ("quit", quit(None)),
            ("exit", quit(None)),
        ]);
    }

    #[test]
    fn line_with_an_at_sign_is_private() {
        check(&[
            ("@bob:hi", private("bob", "hi")),
            ("@bob: hi", private("bob", "hi")),
            ("@bob:  hi ", private("bob", " hi ")),
            ("@bob,carol:a:b", private("bob,carol", "a:b")),
            ("@bob, carol: x", private("bob, carol", "x")),
            ("/msg bob  hi", private("bob", " hi")),
            ("/msg bob, carol hi", private("bob, carol", "hi")),
        ]);
    }

    #[test]
    fn command_is_parsed_with_its_arguments() {
        let alice = Name::parse("alice").unwrap();
        let hash = SessionCommand::Hash {
            name: Ok(alice),
            line: "#alice",
        };
        let here = QueryCommand::Names {
            of: NamesOf::CurrentRoom,
            page: 1,
        };
        let everyone = QueryCommand::Names {
            of: NamesOf::Everyone,
            page: 3,
        };
        let dev = RoomName::parse("dev").unwrap();
        let json = SessionCommand::Mode(Some(Mode::Json));
        let help = SessionCommand::Help(Some(HelpTopic::Command(Verb::Msg)));
        let nick = Command::Session(SessionCommand::Nick(alice));
        check(&[
            ("#alice", Command::Session(hash)),
            ("/nick alice", nick),
            ("/NICK #alice ", nick),
            ("/mode JSON", Command::Session(json)),
            ("/? @", Command::Session(help)),
            ("/ping", Command::Session(SessionCommand::Ping(""))),
            ("/quit see you", quit(Some("see you"))),
            ("/r ok", Command::Message(MessageCommand::Reply("ok"))),
            ("/say  x", say(" x")),
            (
                "/join #dev",
                Command::Membership(MembershipCommand::Join(dev)),
            ),
            ("/names", Command::Query(here)),
            ("/who * 3", Command::Query(everyone)),
            ("/quiet", Command::Setting(SettingCommand::Quiet(None))),
            (
                "/echo ON",
                Command::Setting(SettingCommand::Echo(Some(true))),
            ),
            ("/raw", Command::Setting(SettingCommand::Raw(None))),
            (
                "/times off",
                Command::Setting(SettingCommand::Times(Some(false))),
            ),
            ("/topic", Command::Setting(SettingCommand::Topic(None))),
            ("/topic  - ", topic(TopicChange::Clear)),
            ("/topic - x", topic(TopicChange::Set("- x"))),
            ("/topic --", topic(TopicChange::Set("--"))),
        ]);
    }

    #[test]
    fn raw_line_is_text_unless_it_ends_that() {
        let off = Command::Setting(SettingCommand::Raw(Some(false)));
        for line in ["/raw off", "/RAW Off", "/raw  off "] {
            assert_eq!(parse(line, Reading::Raw), Ok(off), "{line}");
        }
        for line in [
            " /raw off",
            "//raw off",
            "/raw",
            "/raw on",
            "/raw of",
            "/raw off!",
            "/quit",
            "quit",
            "#alice",
            "@bob:x",
            "@",
            "  x",
            "/",
        ] {
            assert_eq!(parse(line, Reading::Raw), Ok(say(line)), "{line}");
        }
    }

    #[test]
    fn line_is_blank_if_it_shows_nothing() {
        for blank in ["", " ", " \t ", "\u{200b}", "\u{ad} \u{2060}\u{200f}"] {
            assert!(is_blank(blank), "{blank:?}");
        }
        for text in [".", "  x", "\u{3000}", "\u{fffd}", "\u{200b}x"] {
            assert!(!is_blank(text), "{text:?}");
        }
    }

    #[test]
    fn private_line_is_refused_for_its_first_mistake() {
        for (line, refusal) in [
            ("@bob hello", MessageRefusal::MissingColon),
            ("@", MessageRefusal::MissingColon),
            ("@:x", MessageRefusal::MissingName),
            ("@ :x", MessageRefusal::MissingName),
            ("@bob,:x", MessageRefusal::MissingName),
            ("@,bob smith:x", MessageRefusal::MissingName),
            ("@bob smith,:x", MessageRefusal::SpaceInName),
            ("@bob see: this", MessageRefusal::SpaceInName),
            ("＠bob: x", MessageRefusal::LookAlike),
            ("／msg bob x", MessageRefusal::LookAlike),
        ] {
            assert_eq!(
                parse(line, Reading::Commands),
                Err(Refusal::Message(refusal)),
                "{line}"
            );
        }
        for line in ["@bob:", "@bob: ", " "] {
            assert_eq!(
                parse(line, Reading::Commands),
                Err(Refusal::Line(LineRefusal::NoText)),
                "{line}"
            );
        }
    }

    #[test]
    fn command_is_refused_when_its_words_do_not_fit() {
        let unknown = |given, nearest| LineRefusal::UnknownCommand {
            given,
            nearest,
            registered: true,
        };
        for (line, refusal) in [
            ("/msg bob", LineRefusal::Usage(Verb::Msg)),
            ("/msg", LineRefusal::Usage(Verb::Msg)),
            ("/me", LineRefusal::Usage(Verb::Me)),
            ("/join", LineRefusal::Usage(Verb::Join)),
            ("/names lobby x", LineRefusal::Usage(Verb::Names)),
            ("/quiet maybe", LineRefusal::Usage(Verb::Quiet)),
            ("/hlep", unknown("hlep", Some(Verb::Help))),
            ("/", unknown("", None)),
        ] {
            assert_eq!(
                parse(line, Reading::Commands),
                Err(Refusal::Line(refusal)),
                "{line}"
            );
        }
        let room = parse("/join a b", Reading::Commands).unwrap_err();
        assert!(matches!(
            room,
            Refusal::Membership(MembershipRefusal::BadRoom { .. })
        ));
        let name = parse("/nick 9", Reading::Commands).unwrap_err();
        assert!(matches!(
            name,
            Refusal::Session(SessionRefusal::BadName { .. })
        ));
    }
}
