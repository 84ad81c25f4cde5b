//! One line of a client's, already clean, to a [`Command`] or to what is wrong with it.

use crate::chat::command::{Command, Mode, NamesOf, Recipients, Request, Verb};
use crate::chat::name::{Name, RoomName};
use crate::chat::refusal::Refusal;

use super::command_table;

/// Parses a line that is not empty. What it asks for borrows from the line.
///
/// # Errors
/// Whatever can be known to be wrong without knowing who sent it.
pub fn parse(line: &str) -> Request<'_> {
    match line.as_bytes() {
        [b'@', ..] => private(line),
        [b'#', ..] => {
            let name = line.get(1..).unwrap_or_default();
            Ok(Command::Hash {
                name: Name::parse(name.trim_ascii_end()),
                line,
            })
        }
        [b'/', b'/', ..] => Ok(Command::Say(line.get(1..).unwrap_or_default())),
        [b'/', ..] => command(line.get(1..).unwrap_or_default()),
        [b' ', ..] => text(line.get(1..).unwrap_or_default()).map(Command::Say),
        b"quit" | b"exit" => Ok(Command::Quit(None)),
        _ => Ok(Command::Say(line)),
    }
}

/// `@NAME:TEXT` or `@NAME,NAME:TEXT`.
fn private(line: &str) -> Request<'_> {
    let after_at = line.get(1..).unwrap_or_default();
    let (names, rest) = after_at.split_once(':').ok_or(Refusal::MissingColon)?;
    let to = Recipients::parse(names)?;
    for name in to.iter() {
        if name.is_empty() {
            return Err(Refusal::MissingName);
        }
        // "@bob see: this" has a colon, but not where it belongs.
        if name.contains(' ') {
            return Err(Refusal::SpaceInName);
        }
    }
    let text = text(rest.strip_prefix(' ').unwrap_or(rest))?;
    Ok(Command::Private { to, text })
}

/// What follows the slash.
fn command(line: &str) -> Request<'_> {
    let (given, rest) = split_word(line);
    let Some(verb) = command_table::find(given) else {
        return Err(Refusal::UnknownCommand {
            given,
            nearest: command_table::nearest(given),
            registered: true,
        });
    };
    let usage = Refusal::Usage(verb);
    let word = rest.trim_ascii();
    let optional_word = (!word.is_empty()).then_some(word);
    let optional_text = (!word.is_empty()).then_some(rest);
    match verb {
        Verb::Help => Ok(Command::Help(optional_word.map(help_topic).transpose()?)),
        Verb::Nick => {
            let typed = word.strip_prefix('#').unwrap_or(word);
            let typed = Some(typed).filter(|typed| !typed.is_empty()).ok_or(usage)?;
            let name = Name::parse(typed);
            name.map(Command::Nick)
                .map_err(|why| Refusal::BadName { given: typed, why })
        }
        Verb::Msg => {
            let (names, rest) = split_names(rest);
            let text = Some(rest).filter(|rest| !rest.is_empty()).ok_or(usage)?;
            let to = Recipients::parse(names)?;
            if to.iter().any(str::is_empty) {
                return Err(usage);
            }
            Ok(Command::Private { to, text })
        }
        Verb::Reply => optional_text.map(Command::Reply).ok_or(usage),
        Verb::Me => optional_text.map(Command::Act).ok_or(usage),
        Verb::Say => Some(rest)
            .filter(|t| !t.is_empty())
            .map(Command::Say)
            .ok_or(usage),
        Verb::Join => Ok(Command::Join(room(optional_word.ok_or(usage)?)?)),
        Verb::Part => Ok(Command::Part(optional_word.map(room).transpose()?)),
        Verb::Rooms => Ok(Command::Rooms(page(optional_word, usage)?)),
        Verb::Names => names(word, usage),
        Verb::Topic => Ok(Command::Topic(optional_text)),
        Verb::Whois => optional_word.map(Command::Whois).ok_or(usage),
        Verb::Away => Ok(Command::Away(optional_text)),
        Verb::Back => Ok(Command::Back),
        Verb::Ignore => Ok(Command::Ignore(optional_word)),
        Verb::Unignore => Ok(Command::Unignore(optional_word)),
        Verb::Quiet => Ok(Command::Quiet(on_off(optional_word, usage)?)),
        Verb::Echo => Ok(Command::Echo(on_off(optional_word, usage)?)),
        Verb::Mode => match optional_word {
            None => Ok(Command::Mode(None)),
            Some(word) if word.eq_ignore_ascii_case("plain") => {
                Ok(Command::Mode(Some(Mode::Plain)))
            }
            Some(word) if word.eq_ignore_ascii_case("json") => Ok(Command::Mode(Some(Mode::Json))),
            Some(_) => Err(usage),
        },
        Verb::Ping => Ok(Command::Ping(rest)),
        Verb::Stats => Ok(Command::Stats),
        Verb::Version => Ok(Command::Version),
        Verb::Quit => Ok(Command::Quit(optional_text)),
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
        Err(Refusal::NoText)
    } else {
        Ok(text)
    }
}

fn help_topic(word: &str) -> Result<Verb, Refusal<'_>> {
    let given = word.strip_prefix('/').unwrap_or(word);
    let prefixes = [("#", Verb::Nick), ("@", Verb::Msg)];
    let by_prefix = prefixes
        .iter()
        .find(|(prefix, _)| given.starts_with(prefix));
    command_table::find(given)
        .or(by_prefix.map(|(_, verb)| *verb))
        .ok_or_else(|| Refusal::UnknownCommand {
            given,
            nearest: command_table::nearest(given),
            registered: true,
        })
}

fn room(word: &str) -> Result<RoomName, Refusal<'_>> {
    RoomName::parse(word).map_err(|why| Refusal::BadRoom { given: word, why })
}

fn names<'a>(words: &'a str, usage: Refusal<'a>) -> Request<'a> {
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
    Ok(Command::Names { of, page })
}

fn page<'a>(word: Option<&str>, usage: Refusal<'a>) -> Result<usize, Refusal<'a>> {
    word.map_or(Ok(1), |word| word.parse().map_err(|_| usage))
}

fn on_off<'a>(word: Option<&str>, usage: Refusal<'a>) -> Result<Option<bool>, Refusal<'a>> {
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

    fn to(names: &str) -> Recipients<'_> {
        Recipients::parse(names).unwrap()
    }

    #[test]
    fn first_bytes_tell_what_a_line_is() {
        let alice = Name::parse("alice").unwrap();
        for (line, command) in [
            ("hello", Command::Say("hello")),
            ("//etc/hosts", Command::Say("/etc/hosts")),
            ("//", Command::Say("/")),
            (" /quit", Command::Say("/quit")),
            ("  x", Command::Say(" x")),
            ("quit", Command::Quit(None)),
            ("exit", Command::Quit(None)),
            ("quit now", Command::Say("quit now")),
            (
                "#alice",
                Command::Hash {
                    name: Ok(alice),
                    line: "#alice",
                },
            ),
            ("/nick alice", Command::Nick(alice)),
            ("/NICK #alice ", Command::Nick(alice)),
            (
                "@bob:hi",
                Command::Private {
                    to: to("bob"),
                    text: "hi",
                },
            ),
            (
                "@bob: hi",
                Command::Private {
                    to: to("bob"),
                    text: "hi",
                },
            ),
            (
                "@bob:  hi ",
                Command::Private {
                    to: to("bob"),
                    text: " hi ",
                },
            ),
            (
                "@bob,carol:a:b",
                Command::Private {
                    to: to("bob,carol"),
                    text: "a:b",
                },
            ),
            (
                "@bob, carol: x",
                Command::Private {
                    to: to("bob, carol"),
                    text: "x",
                },
            ),
            (
                "/msg bob  hi",
                Command::Private {
                    to: to("bob"),
                    text: " hi",
                },
            ),
            (
                "/msg bob, carol hi",
                Command::Private {
                    to: to("bob, carol"),
                    text: "hi",
                },
            ),
            ("/r ok", Command::Reply("ok")),
            ("/say  x", Command::Say(" x")),
            ("/join #dev", Command::Join(RoomName::parse("dev").unwrap())),
            (
                "/names",
                Command::Names {
                    of: NamesOf::CurrentRoom,
                    page: 1,
                },
            ),
            (
                "/who * 3",
                Command::Names {
                    of: NamesOf::Everyone,
                    page: 3,
                },
            ),
            ("/ping", Command::Ping("")),
            ("/mode JSON", Command::Mode(Some(Mode::Json))),
            ("/quiet", Command::Quiet(None)),
            ("/echo ON", Command::Echo(Some(true))),
            ("/? @", Command::Help(Some(Verb::Msg))),
            ("/quit see you", Command::Quit(Some("see you"))),
        ] {
            assert_eq!(parse(line), Ok(command), "{line}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_line() {
        let unknown = |given, nearest| Refusal::UnknownCommand {
            given,
            nearest,
            registered: true,
        };
        for (line, refusal) in [
            ("@bob hello", Refusal::MissingColon),
            ("@", Refusal::MissingColon),
            ("@:x", Refusal::MissingName),
            ("@ :x", Refusal::MissingName),
            ("@bob,:x", Refusal::MissingName),
            ("@,bob smith:x", Refusal::MissingName),
            ("@bob smith,:x", Refusal::SpaceInName),
            ("@bob see: this", Refusal::SpaceInName),
            ("@bob:", Refusal::NoText),
            ("@bob: ", Refusal::NoText),
            (" ", Refusal::NoText),
            ("/msg bob", Refusal::Usage(Verb::Msg)),
            ("/msg", Refusal::Usage(Verb::Msg)),
            ("/me", Refusal::Usage(Verb::Me)),
            ("/join", Refusal::Usage(Verb::Join)),
            ("/names lobby x", Refusal::Usage(Verb::Names)),
            ("/quiet maybe", Refusal::Usage(Verb::Quiet)),
            ("/hlep", unknown("hlep", Some(Verb::Help))),
            ("/", unknown("", None)),
        ] {
            assert_eq!(parse(line), Err(refusal), "{line}");
        }
        assert!(matches!(parse("/join a b"), Err(Refusal::BadRoom { .. })));
        assert!(matches!(parse("/nick 9"), Err(Refusal::BadName { .. })));
    }
}
