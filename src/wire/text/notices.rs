//! The words for people. What a line is about is decided in the core; how it is said, here.
//!
//! Plain mode shows these lines, and JSON mode carries them as `text`. Answers have a module of their
//! own, [`answers`](super::replies).

use std::fmt::{self, Display, Formatter};
use std::time::Duration;

use crate::chat::close_reason::CloseReason;
use crate::chat::command::RECIPIENTS_MAX;
use crate::chat::event::Notice;
use crate::chat::name::{NAME_BYTES_MAX, Name, NameError, ROOM_NAME_BYTES_MAX, RoomName};
use crate::chat::refusal::Refusal;

use super::super::command_table::{self};

/// What a client typed is quoted up to so many characters, so that an answer stays a line.
const QUOTED_CHARS_MAX: usize = 40;

impl Display for Notice<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connected(peer) => write!(f, "You are connected from {peer}."),
            Self::HowToRegister => f.write_str(
                "Type #yourname to register, then @user:message to write to someone. \
                 /help lists the commands.",
            ),
            Self::Motd(line) => f.write_str(line),
            Self::IsAway { name, text: "" } => write!(f, "{name} is away."),
            Self::IsAway { name, text } => write!(f, "{name} is away: {text}"),
            Self::Undelivered { to, count: 1 } => {
                write!(
                    f,
                    "Your last message to {to} was not delivered: {to} is gone."
                )
            }
            Self::Undelivered { to, count } => {
                write!(
                    f,
                    "Your last {count} messages to {to} were not delivered: {to} is gone."
                )
            }
            Self::Here { server_name } => write!(f, "{server_name} is here."),
            Self::ShuttingDown => f.write_str("The server is shutting down."),
            Self::Closing(reason) => closing(*reason, f),
        }
    }
}

fn closing(reason: CloseReason, f: &mut Formatter<'_>) -> fmt::Result {
    f.write_str(match reason {
        CloseReason::NotRegistered => {
            "You did not register in time. Connect again, and type #yourname."
        }
        CloseReason::ServerFull => "The server is full. Try again later.",
        CloseReason::AddressFull => {
            "There are too many connections from your address. Close one, and try again."
        }
        other => other.as_str(),
    })
}

impl Display for Refusal<'_> {
    #[expect(
        clippy::too_many_lines,
        reason = "one arm each, in the order of the vocabulary"
    )]
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotRegistered => f.write_str("You have no name yet. Type #yourname to register."),
            Self::BadName { given: "", .. } => {
                f.write_str("There is no name after the #. Type #yourname.")
            }
            Self::BadName { given, why } => {
                write!(f, "'{}' cannot be a name: ", Quoted(given))?;
                why_not(*why, NAME_BYTES_MAX, f)?;
                f.write_str(" Type #yourname.")
            }
            Self::NameInUse { name } => write!(f, "The name {name} is in use. Try another one."),
            Self::NameOfRoom { name } => write!(f, "{name} is a room. Try another name."),
            Self::NameReserved { name } => {
                write!(f, "The name {name} is reserved. Try another one.")
            }
            Self::BadRoom { given, why } => {
                write!(f, "'{}' cannot be a room: ", Quoted(given))?;
                why_not(*why, ROOM_NAME_BYTES_MAX, f)?;
                f.write_str(" Try /join dev.")
            }
            Self::NoSuchUser { given } => {
                write!(
                    f,
                    "There is no user {}. /names * lists everyone.",
                    Quoted(given)
                )
            }
            Self::NobodyWrote => {
                f.write_str("Nobody has written to you yet. Type @user:message instead.")
            }
            Self::WriterLeft { name } => {
                f.write_str("Not delivered: ")?;
                match name {
                    Some(name) => write!(f, "{name}, who wrote to you last, is gone.")?,
                    None => f.write_str("whoever wrote to you last is gone.")?,
                }
                f.write_str(" Type @user:message to write to another.")
            }
            Self::Unreached { missing, full } => unreached(missing, full, f),
            Self::NoSuchRoom { room } => {
                write!(
                    f,
                    "There is no room {room}. /rooms lists them, /join {room} makes it."
                )
            }
            Self::NotInRoom { room: Some(room) } => {
                write!(f, "You are not in {room}. Type /join {room} first.")
            }
            Self::NotInRoom { room: None } => {
                f.write_str("You are in no room. Type /join ROOM first; /rooms lists them.")
            }
            Self::TooManyRooms { rooms_max } => write!(
                f,
                "You are in {rooms_max} rooms, which is as many as there may be. \
                 Leave one with /part ROOM."
            ),
            Self::TooManyRecipients => write!(
                f,
                "A private message goes to {RECIPIENTS_MAX} users at most. Use a room: /join ROOM."
            ),
            Self::Usage(verb) => {
                let entry = command_table::entry(*verb);
                write!(f, "Usage: {}. For example: {}", entry.usage, entry.example)
            }
            Self::MissingColon => {
                f.write_str("Type @user:message, with a colon after the name. Nothing was sent.")
            }
            Self::MissingName => f.write_str(
                "A name is missing. Type @user:message or @user,user:message. Nothing was sent.",
            ),
            Self::SpaceInName => f.write_str(
                "A name has no space in it. Type @user:message, with the colon right after the \
                 name. Nothing was sent.",
            ),
            Self::NoText => f.write_str("There is no text. Nothing was sent."),
            Self::TextTooLong { bytes_max } => {
                write!(f, "That text is too long: {bytes_max} bytes at most.")
            }
            Self::NoSuchPage { page, pages } => {
                write!(f, "There is no page {page}: the last one is {pages}.")
            }
            Self::IgnoreSelf => f.write_str("You cannot ignore yourself."),
            Self::IgnoreFull { ignored_max } => {
                write!(
                    f,
                    "You ignore {ignored_max} users already. /unignore one of them first."
                )
            }
            Self::NotIgnored { given } => {
                write!(
                    f,
                    "You do not ignore {}. /ignore lists whom you do.",
                    Quoted(given)
                )
            }
            Self::UnknownCommand {
                given,
                nearest,
                registered,
            } => {
                write!(f, "There is no command /{}.", Quoted(given))?;
                if let Some(verb) = nearest {
                    let name = command_table::entry(*verb)
                        .names
                        .first()
                        .copied()
                        .unwrap_or_default();
                    write!(f, " Did you mean /{name}?")?;
                }
                f.write_str(if *registered {
                    " /help lists the commands; to say it, type another / before it."
                } else {
                    " /help lists the commands. Type #yourname to register."
                })
            }
            Self::LineTooLong { bytes_max } => write!(
                f,
                "That line is too long: {bytes_max} bytes at most. Nothing of it was used; \
                 send it in pieces."
            ),
        }
    }
}

fn why_not(why: NameError, bytes_max: usize, f: &mut Formatter<'_>) -> fmt::Result {
    match why {
        NameError::Empty => f.write_str("it is empty."),
        NameError::TooLong => write!(f, "it has more than {bytes_max} characters."),
        NameError::Start => f.write_str("it must start with a letter."),
        NameError::Character(' ') => f.write_str("it has a space in it."),
        NameError::Character(_) => f.write_str("only A-Z, a-z, 0-9, - and _ are allowed."),
    }
}

fn unreached(missing: &[&str], full: &[Name], f: &mut Formatter<'_>) -> fmt::Result {
    f.write_str("Not delivered:")?;
    if let Some((first, more)) = missing.split_first() {
        write!(f, " there is no user {}", Quoted(first))?;
        for name in more {
            write!(f, ", {}", Quoted(name))?;
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

/// This build's version.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// A summary of joins and leaves, as in `alice, bob and 35 others have joined lobby; 3 have left.`
#[derive(Debug)]
pub struct Presence<'a> {
    /// Where.
    pub room: &'a RoomName,
    /// How many joined.
    pub joined: u32,
    /// How many left.
    pub left: u32,
    /// Some of those who joined, or if none did, of those who left.
    pub names: &'a [Name],
}

impl Display for Presence<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self {
            room,
            joined,
            left,
            names,
        } = *self;
        let (count, done) = if joined > 0 {
            (joined, "joined")
        } else {
            (left, "left")
        };
        let more = (count as usize).saturating_sub(names.len());
        let have = if count == 1 { "has" } else { "have" };
        match (names, more) {
            // All who could be named have given their names to somebody else since.
            ([], more) => write!(f, "{more} {}", plural(more, "user", "users"))?,
            ([first, second], 0) => write!(f, "{first} and {second}")?,
            (names, 0) => list(names, f)?,
            (names, more) => {
                list(names, f)?;
                write!(f, " and {more} {}", plural(more, "other", "others"))?;
            }
        }
        write!(f, " {have} {done} {room}")?;
        if joined > 0 && left > 0 {
            write!(
                f,
                "; {left} {} left",
                if left == 1 { "has" } else { "have" }
            )?;
        }
        f.write_str(".")
    }
}

fn list<T: Display>(items: &[T], f: &mut Formatter<'_>) -> fmt::Result {
    for (place, item) in items.iter().enumerate() {
        if place > 0 {
            f.write_str(", ")?;
        }
        item.fmt(f)?;
    }
    Ok(())
}

/// Items with commas between them.
#[derive(Debug)]
pub struct Listed<'a, T>(pub &'a [T]);

impl<T: Display> Display for Listed<'_, T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        list(self.0, f)
    }
}

/// What a client typed, cut to a length that leaves room for what is said of it.
struct Quoted<'a>(&'a str);

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0.char_indices().nth(QUOTED_CHARS_MAX) {
            Some((end, _)) => write!(f, "{}...", self.0.get(..end).unwrap_or_default()),
            None => f.write_str(self.0),
        }
    }
}

/// A length of time in its largest unit that is not zero, and the next one.
#[derive(Debug)]
pub struct Ago(pub Duration);

impl Display for Ago {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        const UNITS: [(u64, &str); 4] = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")];
        let seconds = self.0.as_secs();
        let largest = UNITS
            .iter()
            .position(|(unit, _)| seconds >= *unit)
            .unwrap_or(3);
        let mut rest = seconds;
        for (place, (unit, name)) in UNITS.iter().enumerate().skip(largest).take(2) {
            let count = rest / unit;
            rest %= unit;
            if place == largest {
                write!(f, "{count} {name}")?;
            } else if count > 0 {
                write!(f, " {count} {name}")?;
            }
        }
        Ok(())
    }
}

/// One of two words, by how many there are.
pub fn plural(count: usize, one: &'static str, many: &'static str) -> &'static str {
    if count == 1 { one } else { many }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_read_like_speech() {
        for (seconds, text) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (61, "1 min 1 s"),
            (3_600, "1 h"),
            (3_661, "1 h 1 min"),
            (90_000, "1 d 1 h"),
        ] {
            assert_eq!(Ago(Duration::from_secs(seconds)).to_string(), text);
        }
    }

    #[test]
    fn summaries_read_like_speech() {
        let [alice, bob] = ["alice", "bob"].map(|name| Name::parse(name).unwrap());
        let room = &RoomName::parse("lobby").unwrap();
        let say = |joined, left, names: &[Name]| {
            Presence {
                room,
                joined,
                left,
                names,
            }
            .to_string()
        };
        assert_eq!(
            say(37, 3, &[alice, bob]),
            "alice, bob and 35 others have joined lobby; 3 have left."
        );
        assert_eq!(say(1, 0, &[alice]), "alice has joined lobby.");
        assert_eq!(
            say(2, 1, &[alice, bob]),
            "alice and bob have joined lobby; 1 has left."
        );
        assert_eq!(
            say(0, 3, &[alice, bob]),
            "alice, bob and 1 other have left lobby."
        );
        assert_eq!(say(0, 1, &[]), "1 user has left lobby.");
        assert_eq!(say(2, 1, &[]), "2 users have joined lobby; 1 has left.");
    }
}
