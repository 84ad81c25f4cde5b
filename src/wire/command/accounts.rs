//! The words of commands about accounts.

use crate::chat::archive::Label;
use crate::chat::command::AccountCommand;
use crate::chat::name::Name;
use crate::chat::refusal::LineRefusal;

use super::{is_blank, split_word};

type Parsed<'a> = Result<AccountCommand<'a>, LineRefusal<'a>>;

pub(super) fn account<'a>(word: Option<&str>, usage: LineRefusal<'a>) -> Parsed<'a> {
    match word {
        None => Ok(AccountCommand::Show),
        Some(word) if word.eq_ignore_ascii_case("new") => Ok(AccountCommand::New),
        Some(word) if word.eq_ignore_ascii_case("password") => Ok(AccountCommand::Password),
        Some(word) if word.eq_ignore_ascii_case("drop") => Ok(AccountCommand::Drop),
        Some(_) => Err(usage),
    }
}

/// A name, and behind one blank a secret, byte for byte. What is wrong with the name is not quoted: who
/// mistypes it may have left it out, and quoted the secret.
pub(super) fn login<'a>(rest: &'a str, usage: LineRefusal<'a>) -> Parsed<'a> {
    let (given, secret) = split_word(rest.trim_ascii_start());
    let name = name(given).ok_or(usage)?;
    // No password is blank: at the question for one, a blank line cancels.
    let secret = (!is_blank(secret)).then_some(secret);
    Ok(AccountCommand::Login { name, secret })
}

/// `login NAME ...`, which somebody typed without its slash.
pub(super) fn bare_login(line: &str) -> Option<AccountCommand<'_>> {
    let (word, rest) = line.split_at_checked("login".len())?;
    if !word.eq_ignore_ascii_case("login") || !rest.starts_with([' ', '\t']) {
        return None;
    }
    let (given, _) = rest.trim_ascii_start().split_once([' ', '\t'])?;
    let name = name(given)?;
    Some(AccountCommand::BareLogin { name, line })
}

fn name(given: &str) -> Option<Name> {
    Name::parse(given.strip_prefix('#').unwrap_or(given)).ok()
}

pub(super) fn token<'a>(words: &str, usage: LineRefusal<'a>) -> Parsed<'a> {
    let label = |word| Label::parse(word).map_err(|_| usage);
    let (first, rest) = split_word(words);
    match (first, rest.trim_ascii()) {
        ("", _) => Ok(AccountCommand::Tokens),
        (drop, rest) if drop.eq_ignore_ascii_case("drop") => {
            label(rest).map(AccountCommand::DropToken)
        }
        (first, "") => label(first).map(AccountCommand::MakeToken),
        _ => Err(usage),
    }
}

#[cfg(test)]
mod tests {
    use crate::chat::command::{Command, Reading, Request, Verb};
    use crate::chat::refusal::Refusal;

    use super::super::{is_secret, parse};
    use super::*;

    fn read(line: &str) -> Request<'_> {
        parse(line, Reading::Commands)
    }

    fn alice() -> Name {
        Name::parse("alice").unwrap()
    }

    fn usage(verb: Verb) -> Request<'static> {
        Err(Refusal::Line(LineRefusal::Usage(verb)))
    }

    #[test]
    fn account_command_has_one_word_at_most() {
        for (line, command) in [
            ("/account", AccountCommand::Show),
            ("/account  ", AccountCommand::Show),
            ("/account new", AccountCommand::New),
            ("/ACCOUNT PassWord ", AccountCommand::Password),
            ("/account drop", AccountCommand::Drop),
            ("/logout", AccountCommand::Logout),
        ] {
            assert_eq!(read(line), Ok(Command::Account(command)), "{line}");
        }
        for line in ["/account x", "/account new secret", "/account drop alice"] {
            assert_eq!(read(line), usage(Verb::Account), "{line}");
        }
    }

    #[test]
    fn secret_of_a_login_is_all_behind_one_blank() {
        let login = |secret| {
            let name = alice();
            Ok(Command::Account(AccountCommand::Login { name, secret }))
        };
        for (line, secret) in [
            ("/login alice", None),
            ("/login #alice", None),
            ("/login  alice ", None),
            ("/login alice   ", None),
            ("/login alice \u{200b}", None),
            ("/login alice x", Some("x")),
            ("/login alice  x y ", Some(" x y ")),
            ("/login\talice\tx", Some("x")),
            ("/LOGIN alice /quit", Some("/quit")),
        ] {
            assert_eq!(read(line), login(secret), "{line}");
            assert_eq!(is_secret(&read(line)), secret.is_some(), "{line}");
        }
        for line in [
            "/login",
            "/login ",
            "/login 9 secret",
            "/login al:ce secret",
        ] {
            assert_eq!(read(line), usage(Verb::Login), "{line}");
            assert!(is_secret(&read(line)), "{line}");
        }
        assert!(is_secret(&read("/logni alice secret")));
    }

    #[test]
    fn login_without_its_slash_is_not_simply_said() {
        for line in [
            "login alice x",
            "Login  #alice secret",
            "LOGIN\talice\tx",
            "login alice ",
        ] {
            let name = alice();
            let bare = AccountCommand::BareLogin { name, line };
            assert_eq!(read(line), Ok(Command::Account(bare)), "{line}");
            assert!(is_secret(&read(line)), "{line}");
        }
        for line in [
            "login",
            "login alice",
            "logins alice x",
            "login 9 x",
            "login: alice x",
            "lo",
        ] {
            assert!(
                matches!(read(line), Ok(Command::Message(_))),
                "{line}: {:?}",
                read(line)
            );
        }
    }

    #[test]
    fn token_is_listed_made_or_dropped_by_its_label() {
        let label = Label::parse("my-bot").unwrap();
        for (line, command) in [
            ("/token", AccountCommand::Tokens),
            ("/token my-bot ", AccountCommand::MakeToken(label)),
            ("/token drop my-bot", AccountCommand::DropToken(label)),
            ("/token DROP  my-bot", AccountCommand::DropToken(label)),
        ] {
            assert_eq!(read(line), Ok(Command::Account(command)), "{line}");
        }
        for line in [
            "/token drop",
            "/token Drop ",
            "/token a b",
            "/token drop a b",
            "/token a.b",
        ] {
            assert_eq!(read(line), usage(Verb::Token), "{line}");
        }
    }

    #[test]
    fn answer_is_the_whole_line_whatever_it_begins_with() {
        for line in [
            "", "  ", " /quit ", "#alice", "@bob:x", "//", "quit", "/raw off",
        ] {
            let request = parse(line, Reading::Answer);
            assert_eq!(request, Ok(Command::Answer(line)));
            assert!(is_secret(&request));
        }
        for line in ["x", "/ping", "#alice", "/account new", "/token x"] {
            assert!(!is_secret(&read(line)), "{line}");
        }
    }
}
