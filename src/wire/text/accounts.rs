//! Accounts: answers and refusals.

use std::fmt::{self, Display, Formatter};

use crate::chat::archive::Token;
use crate::chat::event::{AccountReply, LoggedIn, Need};
use crate::chat::refusal::AccountRefusal;

use super::super::wall_time::WallTime;
use super::answer::Out;
use super::{plural, rooms};

pub(super) fn lines(reply: &AccountReply<'_>, time: WallTime, out: Out<'_>) {
    match *reply {
        AccountReply::Guest { name: None } => out.words(format_args!(
            "You have no account. Take a name with #yourname, then type /account new."
        )),
        AccountReply::Guest { name: Some(name) } => out.words(format_args!(
            "You have no account. /account new makes {name} yours."
        )),
        AccountReply::Account {
            name,
            since,
            tokens,
            connections,
            settings: _,
        } => {
            let since = time.at(since).date();
            let (noun, count) = (plural(tokens as usize, "token", "tokens"), connections);
            if count > 1 {
                out.words(format_args!(
                    "{name} is an account since {since}; {tokens} {noun}, {count} connections."
                ));
            } else {
                out.words(format_args!(
                    "{name} is an account since {since}; {tokens} {noun}."
                ));
            }
        }
        AccountReply::Needs(need) => need_line(need, out),
        AccountReply::Made { name } => out.words(format_args!(
            "{name} is yours now. /login {name} takes it from anywhere."
        )),
        AccountReply::PasswordChanged { name } => out.words(format_args!(
            "{name} has a new password. Its other connections and its tokens have ended."
        )),
        AccountReply::Dropped { name } => out.words(format_args!(
            "The account {name} is gone. You are a guest now; pick a name: #NAME."
        )),
        AccountReply::LoggedIn(logged_in) => logged_in_lines(&logged_in, time, out),
        AccountReply::LoggedOut => {
            out.words(format_args!("You are a guest now; pick a name: #NAME."));
        }
        AccountReply::Tokens { tokens } => token_lines(tokens, time, out),
        AccountReply::TokenMade { token, .. } => {
            out.words(format_args!("Keep this, it is shown once: {token}"));
        }
        AccountReply::TokenDropped { label } => {
            out.words(format_args!("The token {label} counts no longer."));
        }
    }
}

fn need_line(need: Need<'_>, out: Out<'_>) {
    match need {
        Need::Password(name) => out.words(format_args!("Password for {name}?")),
        Need::NewPassword(name) => out.words(format_args!(
            "Choose a password for {name} and type it; an empty line cancels."
        )),
        Need::NameToDrop(name) => {
            out.words(format_args!(
                "Type {name} to drop that account; an empty line cancels. Its lines stay as they \
                 are, unless you type /forget all first."
            ));
        }
    }
}

fn logged_in_lines(logged_in: &LoggedIn<'_>, time: WallTime, out: Out<'_>) {
    let LoggedIn {
        name,
        connections,
        is_hidden,
        entered,
        missed,
        waiting,
    } = *logged_in;
    if connections > 1 {
        out.words(format_args!(
            "You are {name}, on {connections} connections."
        ));
    } else {
        out.words(format_args!("You are {name}."));
    }
    if let Some(view) = &entered {
        rooms::entered_lines(view, time, out);
    } else if is_hidden {
        out.words(format_args!(
            "You are in no room, because you are hidden; /join shows you to who is in it."
        ));
    } else {
        out.words(format_args!("You are in no room; /join ROOM enters one."));
    }
    let current = entered.map(|view| view.room);
    let told = entered.and_then(|view| view.missed);
    for missed in missed.iter().filter(|missed| Some(**missed) != told) {
        rooms::missed_line(missed, current, time, out);
    }
    match waiting {
        0 => {}
        1 => out.words(format_args!("1 private message waited for you:")),
        _ => out.words(format_args!("{waiting} private messages waited for you:")),
    }
}

fn token_lines(tokens: &[Token], time: WallTime, out: Out<'_>) {
    if tokens.is_empty() {
        out.words(format_args!("You have no tokens. /token LABEL makes one."));
        return;
    }
    let noun = plural(tokens.len(), "token", "tokens");
    out.words(format_args!("{} {noun}:", tokens.len()));
    for Token { label, made, used } in tokens {
        let made = time.at(*made).date();
        match used.map(|used| time.at(used).date()) {
            Some(used) => out.words(format_args!("  {label}, made {made}, last used {used}")),
            None => out.words(format_args!("  {label}, made {made}, never used")),
        }
    }
}

impl Display for AccountRefusal {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoStore => f.write_str("This server keeps nothing: no accounts and no history."),
            Self::Busy => {
                f.write_str("Too much is going on just now. Nothing was done. Try again.")
            }
            Self::NotKept { is_late: false } => {
                f.write_str("That cannot be kept just now, so it was not done. Try again later.")
            }
            Self::NotKept { is_late: true } => {
                f.write_str("The disk is slow: that may be kept yet, or not. Look again later.")
            }
            Self::AnswerTooLate => f.write_str(
                "That came too late for an answer, and was not said. Type the command again.",
            ),
            Self::LoginRequired => {
                f.write_str("That needs an account. /login NAME, or make one: /account new.")
            }
            Self::AccountsOnly => f.write_str("Only accounts may be here. Type /login NAME."),
            Self::AlreadyAccount { name } => write!(f, "{name} is an account already."),
            Self::NameTaken { name } => write!(
                f,
                "{name} is an account's name, or too like one. Try another."
            ),
            Self::NameOwned {
                owner: Some(owner), ..
            } => write!(
                f,
                "{owner} is an account. If it is yours, /login {owner}; if not, choose another \
                 name."
            ),
            Self::NameOwned { given, owner: None } => write!(
                f,
                "{given} looks like an account's name. Choose another one."
            ),
            Self::WeakPassword {
                bytes_min,
                bytes_max,
            } => write!(
                f,
                "A password has {bytes_min} to {bytes_max} bytes, and is no token. Nothing was done."
            ),
            Self::NotEncrypted => f.write_str(
                "Not from here: others on the way could read the password. Come by ssh.",
            ),
            Self::TooManyAccounts => {
                f.write_str("No more accounts can be made here just now. Try again tomorrow.")
            }
            Self::WrongPassword => {
                f.write_str("That is not the password. Nothing was done. Type the command again.")
            }
            Self::SlowDown { wait } => slow_down(*wait, f),
            Self::TooManyTokens { tokens_max } => write!(
                f,
                "You have {tokens_max} tokens, the most there may be. /token drop LABEL first."
            ),
            Self::LabelTaken { label } => {
                write!(f, "You have a token {label} already. Try another word.")
            }
            Self::NoSuchToken { label } => {
                write!(f, "You have no token {label}. /token lists them.")
            }
            Self::NameIsAccount { name } => {
                write!(f, "You are {name}, an account: /logout first.")
            }
            Self::OtherName => f.write_str("That is not its name. Nothing was done."),
            Self::MissingSlash { name } => write!(
                f,
                "Not said, as it may hold a password. Type /login {name}."
            ),
        }
    }
}

/// When it may be tried again.
pub(super) fn slow_down(wait: std::time::Duration, f: &mut Formatter<'_>) -> fmt::Result {
    let seconds = wait.as_secs_f64().ceil();
    write!(f, "That was tried too often. Try again in {seconds} s.")
}
