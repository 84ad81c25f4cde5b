//! Lines that the server sends unasked: notices, and summaries of joins and leaves.

use std::fmt::{self, Display, Formatter};

use crate::chat::close_reason::CloseReason;
use crate::chat::event::Notice;
use crate::chat::name::{Name, RoomName};

use super::{list, plural};

/// First words to a new client, on what to type. Two lines in plain mode, one text in JSON.
pub const HOW_TO_REGISTER: [&str; 2] = [
    "Type #yourname to register. After that, what you type is said to everybody",
    "in your room, @user:message goes to one user only, and /help lists the rest.",
];

impl Display for Notice<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connected(peer) => write!(f, "You are connected from {peer}."),
            Self::HowToRegister => {
                let [first, second] = HOW_TO_REGISTER;
                write!(f, "{first} {second}")
            }
            Self::HowToRename { name } => {
                write!(f, "That was said. To change your name, type /nick {name}.")
            }
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
            Self::RateLimited { lines_per_second } => write!(
                f,
                "You sent many lines at once: the rest is taken at {lines_per_second} a second."
            ),
            Self::NotUtf8 => f.write_str(
                "That is not UTF-8: others see \u{fffd} in it. Set your terminal to UTF-8.",
            ),
            Self::UnendedSubnegotiation => f.write_str(
                "A telnet option had no end, and its line was dropped. Is your text UTF-8?",
            ),
            Self::PageEnd { is_forward: false } => f.write_str("/more shows earlier ones."),
            Self::PageEnd { is_forward: true } => f.write_str("/more shows later ones."),
            Self::Cancelled => f.write_str("Cancelled: nothing was done."),
            Self::NotKept { count, is_late } => not_kept(*count, *is_late, f),
            Self::WhoReads => f.write_str(
                "What is kept can be read by those whom it was said to, and by the operator.",
            ),
            Self::NotEncrypted => f.write_str(
                "This connection is not encrypted: others on the way can read the password.",
            ),
            Self::Replaced => {
                f.write_str("You have too many connections: this one, idle for longest, is closed.")
            }
            Self::AccountEnded => {
                f.write_str("This connection ends: its account, password or token is no more.")
            }
            Self::ShuttingDown => f.write_str("The server is shutting down."),
            Self::Closing(reason) => closing(*reason, f),
        }
    }
}

fn not_kept(count: u64, is_late: bool, f: &mut Formatter<'_>) -> fmt::Result {
    let what = match (count, is_late) {
        (1, false) => return f.write_str("Your last line was sent, but it is not kept."),
        (1, true) => {
            return f.write_str("Your last line was sent; the disk is slow, it may be kept yet.");
        }
        (_, false) => "but they are not kept",
        (_, true) => "the disk is slow, they may be kept yet",
    };
    write!(f, "{count} lines of yours were sent; {what}.")
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
        CloseReason::Quit
        | CloseReason::EndOfInput
        | CloseReason::Broken
        | CloseReason::UnreadOutput
        | CloseReason::Stalled
        | CloseReason::TotalOutput
        | CloseReason::Http
        | CloseReason::Tls
        | CloseReason::Shutdown
        | CloseReason::Replaced
        | CloseReason::AccountEnded
        | CloseReason::Removed
        | CloseReason::Banned => reason.as_str(),
    })
}

/// A summary of joins and leaves, as in `alice, bob and 35 others have joined lobby; 3 have left.`
#[derive(Debug)]
pub struct PresenceSummary<'a> {
    /// The room.
    pub room: &'a RoomName,
    /// The number of those who joined.
    pub joined: u32,
    /// The number of those who left.
    pub left: u32,
    /// Some of those who joined, or if none did, of those who left.
    pub names: &'a [Name],
}

impl Display for PresenceSummary<'_> {
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
            // The names that were noted belong to other users by now.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presence_summary_reads_like_speech() {
        let [alice, bob] = ["alice", "bob"].map(|name| Name::parse(name).unwrap());
        let room = &RoomName::parse("lobby").unwrap();
        let say = |joined, left, names: &[Name]| {
            PresenceSummary {
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
