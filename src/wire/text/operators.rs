//! Order in the whole server: answers, news and refusals.

use std::fmt::{self, Display, Formatter};
use std::time::Duration;

use crate::chat::archive::{BanKind, PastDeed};
use crate::chat::event::{
    BanView, Banned, Barred, BarredFrom, ListedBanView, OperatorEvent, OperatorReply,
};
use crate::chat::name::Name;
use crate::chat::refusal::OperatorRefusal;

use super::super::wall_time::WallTime;
use super::answer::Out;
use super::durations::HumanDuration;
use super::plural;
use super::quote::quote;
use super::terms::{Because, Until};

pub(super) fn lines(reply: &OperatorReply<'_>, time: WallTime, out: Out<'_>) {
    match *reply {
        OperatorReply::Kicked { name } => {
            out.words(format_args!("{name} was removed from the server."));
        }
        OperatorReply::Muted { name, until } => {
            let until = Until(until, time);
            out.words(format_args!(
                "{name} may not speak{until}. /unmute * {name} undoes it."
            ));
        }
        OperatorReply::Unmuted { name } => out.words(format_args!("{name} may speak again.")),
        OperatorReply::Ban(ban) => ban_line(&ban, time, out),
        OperatorReply::Bans {
            bans,
            total,
            page,
            pages,
            in_file,
        } => {
            let noun = plural(total, "ban", "bans");
            match (total, in_file) {
                (0, 0) => out.words(format_args!("There are no bans.")),
                (_, 0) => out.words(format_args!("{total} {noun}{}:", Pages(page, pages))),
                (_, _) => out.words(format_args!(
                    "{total} {noun}, and {in_file} in the file{}:",
                    Pages(page, pages)
                )),
            }
            for ban in bans {
                out.line(format_args!("  {}", ListedBan(ban, time)));
            }
        }
        OperatorReply::Unbanned { number } => out.words(format_args!("Ban {number} is undone.")),
        OperatorReply::Suspended { name } => out.words(format_args!(
            "{name} is suspended. /unsuspend {name} undoes it."
        )),
        OperatorReply::Unsuspended { name } => {
            out.words(format_args!("{name} can be logged in to again."));
        }
        OperatorReply::Code { name, code, .. } => {
            out.words(format_args!("One-time code for {name}, an hour: {code}"));
        }
        OperatorReply::Announced { .. } => out.words(format_args!("Everybody was told.")),
        OperatorReply::Reloading => out.words(format_args!(
            "The files are read anew, and the log is opened anew: it says how that went."
        )),
        OperatorReply::Deeds {
            deeds,
            total,
            page,
            pages,
        } => {
            if total == 0 {
                out.words(format_args!("Operators have done nothing yet."));
                return;
            }
            let noun = plural(total, "deed", "deeds");
            out.words(format_args!(
                "{total} {noun}, the newest first{}:",
                Pages(page, pages)
            ));
            for deed in deeds {
                let at = time.shown(deed.at);
                out.line(format_args!("  {at} {}", DeedText(deed)));
            }
        }
        OperatorReply::BackedUp { file } => {
            out.words(format_args!("All that is kept is copied to {file}."));
        }
    }
}

fn ban_line(ban: &BanView<'_>, time: WallTime, out: Out<'_>) {
    let (whom, what, until) = (Whom(ban.whom), what_of(ban.kind), Until(ban.until, time));
    match (ban.number, ban.matches) {
        (None, matches) => out.words(format_args!(
            "{whom} {what}{until}: {matches} who {} here {}; say that again to do it.",
            plural(matches, "is", "are"),
            plural(matches, "matches", "match"),
        )),
        (Some(number), 0) => out.words(format_args!(
            "{whom} {what}{until}. /unban {number} undoes it."
        )),
        (Some(number), matches) => out.words(format_args!(
            "{whom} {what}{until}: {matches} who {} here matched. /unban {number} undoes it.",
            plural(matches, "was", "were"),
        )),
    }
}

/// A ban's effect, behind whom it catches.
fn what_of(kind: BanKind) -> &'static str {
    match kind {
        BanKind::Out => "is banned",
        BanKind::LoginRequired => "must log in",
        BanKind::Muted => "may not speak",
    }
}

/// `, page 1 of 2`, if there are more than one.
struct Pages(usize, usize);

impl Display for Pages {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match *self {
            Self(_, 0 | 1) => Ok(()),
            Self(page, pages) => write!(f, ", page {page} of {pages}"),
        }
    }
}

/// Whom a ban catches.
#[derive(Debug)]
pub struct Whom(pub Banned);

impl Display for Whom {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            Banned::Net { net, guest: None } => net.fmt(f),
            Banned::Net {
                net,
                guest: Some(name),
            } => write!(f, "{net}, where the guest {name} is,"),
            Banned::Account(Some(name)) => name.fmt(f),
            Banned::Account(None) => f.write_str("an account that is gone"),
        }
    }
}

/// A ban in the list.
struct ListedBan<'a>(&'a ListedBanView<'a>, WallTime);

impl Display for ListedBan<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self(ban, time) = self;
        let (whom, what, until) = (Whom(ban.whom), what_of(ban.kind), Until(ban.until, *time));
        write!(f, "{} {whom} {what}{until}, by {}", ban.number, ban.by)?;
        match ban.why {
            "" => Ok(()),
            why => write!(f, ": {why}"),
        }
    }
}

/// What an operator has done.
struct DeedText<'a>(&'a PastDeed);

impl Display for DeedText<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let PastDeed {
            who,
            what,
            whom,
            room,
            text,
            ..
        } = self.0;
        write!(f, "{who} {what}")?;
        if let Some(whom) = whom {
            write!(f, " {whom}")?;
        }
        if let Some(room) = room {
            write!(f, " in {room}")?;
        }
        match text {
            Some(text) => write!(f, ": {text}"),
            None => Ok(()),
        }
    }
}

/// News from an operator of the server, or for one.
#[derive(Debug)]
pub struct OperatorNews<'a>(pub &'a OperatorEvent<'a>, pub WallTime);

impl Display for OperatorNews<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            OperatorEvent::Announcement { text } => write!(f, "From the operator: {text}"),
            OperatorEvent::Barred(barred) => barred_text(barred, self.1, f),
            OperatorEvent::Unmuted => f.write_str("You may speak again."),
            OperatorEvent::Deed { deed } => write!(f, "An operator's deed: {}", DeedText(deed)),
        }
    }
}

fn barred_text(barred: &Barred<'_>, time: WallTime, f: &mut Formatter<'_>) -> fmt::Result {
    let until = Until(barred.until, time);
    match barred.from {
        BarredFrom::Staying => f.write_str("You were removed from the server")?,
        BarredFrom::Coming => write!(f, "You are banned{until}")?,
        BarredFrom::Account => f.write_str("Your account is suspended")?,
        BarredFrom::BeingGuest => write!(f, "You must log in here{until}")?,
        BarredFrom::Speaking => write!(f, "You may not speak{until}")?,
    }
    Because(barred.why).fmt(f)?;
    match barred.by {
        Some(name) => write!(f, " Ask {name}."),
        None => f.write_str(" Ask who runs this server."),
    }
}

/// ` for 2 h`, or nothing for what has no end.
struct For(Option<Duration>);

impl Display for For {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(left) => write!(f, " for {}", HumanDuration(left)),
            None => Ok(()),
        }
    }
}

impl Display for OperatorRefusal<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadTarget { given } => {
                let after =
                    format_args!(" is no address, no range of them and no name. Nothing was done.");
                quote(f, format_args!(""), given, after)
            }
            Self::TooWide { given } => {
                let after = format_args!(" is very wide. Say that again within a minute to do it.");
                quote(f, format_args!(""), given, after)
            }
            Self::IsOperator { name } => {
                write!(f, "{name} is an operator here, whom nothing catches.")
            }
            Self::IsLocal { name } => write!(
                f,
                "{name} is on this machine, which is never banned. /kick * works."
            ),
            Self::LogsInAnyway { name } => write!(
                f,
                "{name} is an account, which logs in anyway. Use out or muted."
            ),
            Self::NoSuchBan { number } => {
                write!(f, "There is no ban {number}. /bans lists them.")
            }
            Self::TooManyBans { bans_max } => write!(
                f,
                "There are {bans_max} bans, the most there may be. /unban one of them first."
            ),
            Self::NotMuted { name } => not(name, "muted on the server", f),
            Self::NotSuspended { name } => not(name, "suspended", f),
            Self::DoneNotKept => {
                f.write_str("That is done, but it is not kept: a restart of the server undoes it.")
            }
            Self::NotBackedUp => {
                f.write_str("There is no copy yet: it takes long, or failed. The log says which.")
            }
            Self::Suspended { why } => {
                f.write_str("That account is suspended")?;
                Because(why).fmt(f)?;
                f.write_str(" Ask an operator.")
            }
            Self::Banned { why, left } => {
                write!(f, "That account is banned{}", For(*left))?;
                Because(why).fmt(f)?;
                f.write_str(" Ask an operator.")
            }
            Self::Muted { why, left } => {
                write!(f, "You may not speak{}", For(*left))?;
                Because(why).fmt(f)?;
                f.write_str(" You can write to operators.")
            }
            Self::MustLogIn { why, left } => {
                write!(f, "You must log in here{}", For(*left))?;
                Because(why).fmt(f)?;
                f.write_str(" Type /login NAME.")
            }
        }
    }
}

fn not(name: &Name, what: &str, f: &mut Formatter<'_>) -> fmt::Result {
    write!(f, "{name} is not {what}. Nothing was done.")
}
