//! Order in a room: answers, news and refusals.

use std::fmt::{self, Display, Formatter};

use crate::chat::event::{Done, ModerationEvent, ModerationReply};
use crate::chat::name::RoomName;
use crate::chat::order::{Act, Limit, Limited, Lock, Locks};
use crate::chat::refusal::ModerationRefusal;

use super::super::wall_time::WallTime;
use super::answer::Out;
use super::durations::HumanDuration;
use super::quote::{Quoted, quote};
use super::terms::{Because, Until, bare_reason};

/// Columns of a reason in a refusal: with its prefix a line has them.
const WHY_COLUMNS_MAX: usize = 60;

pub(super) fn lines(reply: &ModerationReply<'_>, time: WallTime, out: Out<'_>) {
    match *reply {
        ModerationReply::Done {
            act,
            room,
            name,
            until,
        } => {
            let until = Until(until, time);
            match act {
                Act::Kick => out.words(format_args!("{name} was removed from {room}.")),
                Act::Mute => out.words(format_args!("{name} is muted in {room}{until}.")),
                Act::Unmute => out.words(format_args!("{name} may speak in {room} again.")),
                Act::Bar => out.words(format_args!("{name} is barred from {room}{until}.")),
                Act::Unbar => out.words(format_args!("{name} may come into {room} again.")),
                Act::Op => out.words(format_args!("{name} is an operator of {room}.")),
                Act::Deop => out.words(format_args!("{name} is an operator of {room} no longer.")),
            }
        }
        ModerationReply::Locks { room, locks, set } => locks_line(room, locks, set, out),
        ModerationReply::Removed { room, id } => {
            out.words(format_args!("Line {id} of {room} is erased."));
        }
    }
}

fn locks_line(room: &RoomName, locks: Locks, set: Option<Lock>, out: Out<'_>) {
    if let Some(lock) = set {
        let now = Locking(lock, locks.has(lock));
        out.words(format_args!("In {room}, {now}."));
        return;
    }
    if locks.is_empty() {
        out.words(format_args!("Nothing is locked in {room}."));
        return;
    }
    for lock in Lock::ALL.into_iter().filter(|lock| locks.has(*lock)) {
        let now = Locking(lock, true);
        out.words(format_args!("In {room}, {now}."));
    }
}

/// What a lock means, on or off.
struct Locking(Lock, bool);

impl Display for Locking {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self(Lock::Topic, true) => "only operators set the topic",
            Self(Lock::Topic, false) => "all may set the topic",
            Self(Lock::Talk, true) => "only operators speak",
            Self(Lock::Talk, false) => "all may speak",
            Self(Lock::In, true) => "only operators come in",
            Self(Lock::In, false) => "all may come in",
        })
    }
}

/// Whether the news are bad ones for who gets them, and begin as an error does.
#[must_use]
pub fn is_bad_news(event: &ModerationEvent<'_>) -> bool {
    match event {
        ModerationEvent::DoneToYou { done, .. } => {
            matches!(done.act, Act::Kick | Act::Mute | Act::Bar | Act::Deop)
        }
        ModerationEvent::Limited(limited) => limited.limit == Limit::Barred,
        ModerationEvent::Done(_)
        | ModerationEvent::Locked { .. }
        | ModerationEvent::Removed { .. } => false,
    }
}

/// Passes each line of news to `out`.
pub fn news(event: &ModerationEvent<'_>, time: WallTime, out: Out<'_>) {
    match *event {
        ModerationEvent::Done(done) => done_line(done, false, time, out),
        ModerationEvent::DoneToYou { done, moved } => {
            done_line(done, true, time, out);
            what_next(done, out);
            match moved {
                Some(Some(room)) => out.words(format_args!("You are in {room} now.")),
                Some(None) => out.words(format_args!(
                    "You are in no room now; /join ROOM enters one."
                )),
                None => {}
            }
        }
        ModerationEvent::Limited(limited) => out.words(format_args!("{}", LimitedText(limited))),
        ModerationEvent::Locked {
            room,
            from,
            lock,
            locks,
        } => {
            let now = Locking(lock, locks.has(lock));
            out.words(format_args!("In {room}, {now} from now on, says {from}."));
        }
        ModerationEvent::Removed { room, from, .. } => {
            out.words(format_args!("{from} has erased a line of {room}."));
        }
    }
}

fn done_line(done: Done<'_>, is_you: bool, time: WallTime, out: Out<'_>) {
    let Done {
        act,
        room,
        name,
        from,
        until,
        why,
    } = done;
    let who: &dyn Display = if is_you { &"You" } else { name };
    let was = if is_you { "were" } else { "was" };
    let what = match act {
        Act::Kick => "removed from",
        Act::Mute => "muted in",
        Act::Unmute => "unmuted in",
        Act::Bar => "barred from",
        Act::Unbar => "let in again to",
        Act::Op => "made an operator of",
        Act::Deop => "removed as an operator of",
    };
    let until = Until(until, time);
    match why {
        None => out.words(format_args!("{who} {was} {what} {room} by {from}{until}.")),
        Some(why) => out.line(format_args!(
            "{who} {was} {what} {room} by {from}{until}{}",
            Because(why)
        )),
    }
}

/// What to type next.
fn what_next(done: Done<'_>, out: Out<'_>) {
    let Done {
        act, room, from, ..
    } = done;
    match act {
        Act::Kick => out.words(format_args!("You may come back: /join {room}")),
        Act::Bar | Act::Mute => out.words(format_args!("You can ask: @{from}:TEXT")),
        Act::Op => out.words(format_args!("/help op shows what operators do.")),
        Act::Unmute | Act::Unbar | Act::Deop => {}
    }
}

/// What somebody may not do.
struct LimitedText<'a>(Limited<'a>);

impl Display for LimitedText<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Limited {
            limit,
            room,
            left,
            why,
            ask,
        } = self.0;
        match limit {
            Limit::Muted => write!(f, "You are muted in {room}")?,
            Limit::Barred => write!(f, "You are barred from {room}")?,
            Limit::Locked(Lock::Topic) => write!(f, "Only operators set the topic of {room}")?,
            Limit::Locked(Lock::Talk) => write!(f, "Only operators speak in {room}")?,
            Limit::Locked(Lock::In) => write!(f, "Only operators come into {room}")?,
        }
        if let Some(left) = left {
            write!(f, " for {} more", HumanDuration(left))?;
        }
        if let Some(why) = why.and_then(bare_reason) {
            write!(f, ": {}", Quoted(why, WHY_COLUMNS_MAX))?;
        }
        match ask {
            Some(name) => write!(f, ". You can ask {name}."),
            None => f.write_str(". An operator of the server can change that."),
        }
    }
}

impl Display for ModerationRefusal<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match *self {
            Self::NotOperator { room: Some(room) } => {
                write!(
                    f,
                    "Only {room}'s owner and its operators may; /op makes one."
                )
            }
            Self::NotOperator { room: None } => f.write_str(
                "Only operators of the server may do that. /help op says how one becomes one.",
            ),
            Self::NoOperators { room } => write!(
                f,
                "{room} is not kept, so nobody here may. An account that keeps it may: /keep"
            ),
            Self::NotKeptHere { room } => {
                write!(f, "{room} is not kept. /keep changes that.")
            }
            Self::Protected {
                name,
                owns: Some(room),
            } => write!(f, "{name} owns {room}. Nothing was done."),
            Self::Protected { name, owns: None } => {
                write!(f, "{name} is an operator of the server. Nothing was done.")
            }
            Self::Oneself => f.write_str("That is you. Nothing was done."),
            Self::BadTime => f.write_str(
                "That is no time. Type digits and s, m, h, d or w: 10m, 2h. Nothing was done.",
            ),
            Self::NotThere { given, room } => {
                let after = format_args!(". /names {room} lists who is there.");
                quote(f, format_args!("There is no "), given, after)
            }
            Self::NotAnAccount { given } => {
                let after = format_args!(" is no account, and only these can be operators.");
                quote(f, format_args!(""), given, after)
            }
            Self::NoRule { act, given, room } => {
                let is_not = match act {
                    Act::Unbar => "is not barred from",
                    Act::Deop => "was not made an operator of",
                    _ => "is not muted in",
                };
                quote(
                    f,
                    format_args!(""),
                    given,
                    format_args!(" {is_not} {room}."),
                )
            }
            Self::TooManyRules { rules_max } => write!(
                f,
                "There are {rules_max} rules here, the most there may be. /unmute or /unbar first."
            ),
            Self::NoSuchLine { room } => write!(
                f,
                "{room} has no such line. In JSON mode, /history shows their numbers."
            ),
            Self::NotKept { is_late: false } => f.write_str(
                "That holds, but it cannot be kept just now: it ends when the server restarts.",
            ),
            Self::NotKept { is_late: true } => f.write_str(
                "That holds, but the disk is slow: it may end when the server restarts.",
            ),
            Self::Limited(limited) => LimitedText(limited).fmt(f),
        }
    }
}
