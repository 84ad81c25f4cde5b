//! The line of a refusal: the reason, and what to type instead.

use std::fmt::{self, Display, Formatter};

use crate::chat::command::RECIPIENTS_MAX;
use crate::chat::name::{NAME_BYTES_MAX, Name, NameError, ROOM_NAME_BYTES_MAX};
use crate::chat::refusal::{
    LineRefusal, MembershipRefusal, MessageRefusal, QueryRefusal, Refusal, SessionRefusal,
    SettingRefusal,
};

use super::super::command_table;
use super::list;
use super::quote::{Quoted, quote};

/// Columns of a name that was typed in a list, so that a line has space for two.
const LISTED_COLUMNS_MAX: usize = 32;

impl Display for Refusal<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotRegistered => f.write_str("You have no name yet. Type #yourname to register."),
            Self::NoSuchUser { given } => {
                let after = format_args!(". /names * lists everyone.");
                quote(f, format_args!("There is no user "), given, after)
            }
            Self::Line(refusal) => refusal.fmt(f),
            Self::Session(refusal) => refusal.fmt(f),
            Self::Message(refusal) => refusal.fmt(f),
            Self::Membership(refusal) => refusal.fmt(f),
            Self::Query(refusal) => refusal.fmt(f),
            Self::Setting(refusal) => refusal.fmt(f),
            Self::Account(refusal) => refusal.fmt(f),
            Self::History(refusal) => refusal.fmt(f),
            Self::People(refusal) => refusal.fmt(f),
            Self::Moderation(refusal) => refusal.fmt(f),
            Self::Operator(refusal) => refusal.fmt(f),
        }
    }
}

impl Display for LineRefusal<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(verb) => {
                let entry = command_table::entry(*verb);
                write!(f, "Usage: {}. For example: {}", entry.usage, entry.example)
            }
            Self::UnknownCommand {
                given,
                nearest,
                registered,
            } => {
                let before = format_args!("There is no /");
                let next = if *registered {
                    "To say it, begin with //."
                } else {
                    "Type #yourname to register."
                };
                let name = nearest.and_then(|verb| command_table::entry(verb).names.first());
                if let Some(name) = name {
                    let after = format_args!(". Did you mean /{name}? {next}");
                    quote(f, before, given, after)
                } else {
                    let after = format_args!(". /help lists the commands. {next}");
                    quote(f, before, given, after)
                }
            }
            Self::LineTooLong { bytes_max } => write!(
                f,
                "That line is too long: {bytes_max} bytes at most. Nothing was sent. Split it."
            ),
            Self::NoText => f.write_str("There is no text. Nothing was sent."),
            Self::TextTooLong { bytes_max } => {
                write!(f, "That text is too long: {bytes_max} bytes at most.")
            }
        }
    }
}

impl Display for SessionRefusal<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadName { given: "", .. } => {
                f.write_str("There is no name after the #. Type #yourname.")
            }
            Self::BadName { given, why } => {
                let why = WhyNot(*why, NAME_BYTES_MAX);
                let after = format_args!("' cannot be a name: {why}");
                quote(f, format_args!("'"), given, after)
            }
            Self::NameInUse {
                name,
                lost_time_max: None,
            } => write!(f, "The name {name} is in use. Try another one."),
            // The name may have 24 characters, and the line 79.
            Self::NameInUse {
                name,
                lost_time_max: Some(time),
            } => write!(
                f,
                "{name} is in use. A lost connection ends within {} s.",
                time.as_secs_f64().ceil()
            ),
            Self::NameOfRoom { name } => write!(f, "{name} is a room. Try another name."),
            Self::NameReserved { name } => {
                write!(f, "The name {name} is reserved. Try another one.")
            }
        }
    }
}

impl Display for MessageRefusal<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::MissingColon => {
                f.write_str("Type @user:message, with a colon after the name. Nothing was sent.")
            }
            Self::MissingName => {
                f.write_str("A name is missing. Type @user:message. Nothing was sent.")
            }
            Self::SpaceInName => {
                f.write_str("A name has no space in it. Type @user:message. Nothing was sent.")
            }
            Self::LookAlike => f.write_str(
                "Type @ or / first: that line only looks as if it began so. Nothing was sent.",
            ),
            Self::TooManyRecipients => write!(
                f,
                "A private message goes to {RECIPIENTS_MAX} users at most. Use a room: /join ROOM."
            ),
            Self::NobodyWrote => {
                f.write_str("Nobody has written to you yet. Type @user:message instead.")
            }
            Self::WriterLeft { name } => {
                f.write_str("Not delivered: ")?;
                match name {
                    Some(name) => write!(f, "{name}, who wrote to you last, is gone."),
                    None => f.write_str("whoever wrote to you last is gone."),
                }
            }
            Self::Unreached { missing, full } => unreached(missing, full, f),
        }
    }
}

impl Display for MembershipRefusal<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadRoom { given, why } => {
                let why = WhyNot(*why, ROOM_NAME_BYTES_MAX);
                let after = format_args!("' cannot be a room: {why}");
                quote(f, format_args!("'"), given, after)
            }
            Self::NoSuchRoom { room } => {
                write!(f, "There is no room {room}. /rooms lists them.")
            }
            Self::NotInRoom { room: Some(room) } => {
                write!(f, "You are not in {room}. Type /join ROOM first.")
            }
            Self::NotInRoom { room: None } => {
                f.write_str("You are in no room. Type /join ROOM first; /rooms lists them.")
            }
            Self::TooManyRooms { rooms_max } => write!(
                f,
                "You are in {rooms_max} rooms, the most there may be. Leave one with /part ROOM."
            ),
        }
    }
}

impl Display for QueryRefusal {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchPage { page, pages } => {
                write!(f, "There is no page {page}: the last one is {pages}.")
            }
        }
    }
}

impl Display for SettingRefusal<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::IgnoreSelf => f.write_str("You cannot ignore yourself."),
            Self::IgnoreFull { ignored_max } => {
                write!(
                    f,
                    "You ignore {ignored_max} users already. /unignore one of them first."
                )
            }
            Self::NotIgnored { given } => {
                let after = format_args!(". /ignore lists whom you do.");
                quote(f, format_args!("You do not ignore "), given, after)
            }
        }
    }
}

/// The fault of a name that may have this many bytes.
struct WhyNot(NameError, usize);

impl Display for WhyNot {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self(why, bytes_max) = self;
        match why {
            NameError::Empty => f.write_str("it is empty."),
            NameError::TooLong => write!(f, "it has more than {bytes_max} characters."),
            NameError::Start => f.write_str("it must start with a letter."),
            NameError::Character(' ') => f.write_str("it has a space in it."),
            NameError::Character(_) => f.write_str("only A-Z, a-z, 0-9, - and _ are allowed."),
        }
    }
}

fn unreached(missing: &[&str], full: &[Name], f: &mut Formatter<'_>) -> fmt::Result {
    f.write_str("Not delivered:")?;
    if let Some((first, more)) = missing.split_first() {
        write!(f, " there is no user {}", Quoted(first, LISTED_COLUMNS_MAX))?;
        for name in more {
            write!(f, ", {}", Quoted(name, LISTED_COLUMNS_MAX))?;
        }
        f.write_str(if full.is_empty() { "." } else { ";" })?;
    }
    if !full.is_empty() {
        f.write_str(" too much is waiting unread for ")?;
        list(full, f)?;
        f.write_str(".")?;
    }
    Ok(())
}
