//! What was said before: answers, lines and refusals.

use std::fmt::{self, Display, Formatter};

use crate::chat::archive::{LineKind, UnixMs};
use crate::chat::event::{HistoryReply, PageOf, PageView, PlaceView, SaidReply};
use crate::chat::name::Name;
use crate::chat::refusal::HistoryRefusal;

use super::super::wall_time::WallTime;
use super::accounts::slow_down;
use super::answer::Out;
use super::quote::quote;
use super::rooms::Counted;
use super::{Listed, plural};

pub(super) fn said_lines(reply: &SaidReply<'_>, out: Out<'_>) {
    match reply.waiting {
        [] => {}
        [name] => out.words(format_args!("{name} is not here; it waits.")),
        names => out.words(format_args!("{} are not here; it waits.", Listed(names))),
    }
}

pub(super) fn lines(reply: &HistoryReply<'_>, out: Out<'_>) {
    match *reply {
        HistoryReply::Page(page) => page_line(&page, out),
        HistoryReply::Unread { places: [] } => out.words(format_args!("Nothing is unread.")),
        HistoryReply::Unread { places } => {
            out.words(format_args!("{}.", UnreadPlaces(places)));
        }
        HistoryReply::Read { place, .. } => {
            out.words(format_args!("{} is marked as read.", Marked(place)));
        }
        HistoryReply::Forgotten { count } => forgotten_lines(count, out),
        HistoryReply::Kept { room, days, owner } => {
            let noun = plural(days as usize, "day", "days");
            let whose = if owner.is_some() { " and is yours" } else { "" };
            out.words(format_args!("{room} is kept for {days} {noun}{whose}."));
        }
        HistoryReply::Unkept { room } => out.words(format_args!(
            "{room} is kept no longer. What was kept is erased, and it is nobody's now."
        )),
    }
}

fn page_line(page: &PageView<'_>, out: Out<'_>) {
    let count = page.lines;
    let noun = plural(count, "line", "lines");
    match (page.of, count) {
        (PageOf::Place(PlaceView::Room(room)), 0) => {
            out.words(format_args!("No lines of {room}."));
        }
        (PageOf::Place(PlaceView::With(name)), 0) => {
            out.words(format_args!("No lines with {name}."));
        }
        (PageOf::Search(_), 0) => out.words(format_args!("No lines have these words.")),
        (PageOf::Own, 0) => out.words(format_args!("No lines of your own.")),
        (PageOf::Place(PlaceView::Room(room)), _) => {
            out.words(format_args!("{count} {noun} of {room}, server time:"));
        }
        (PageOf::Place(PlaceView::With(name)), _) => {
            out.words(format_args!("{count} {noun} with {name}, server time:"));
        }
        (PageOf::Search(words), _) => {
            out.line(format_args!("{count} {noun} with {words}, server time:"));
        }
        (PageOf::Own, _) => out.words(format_args!("{count} {noun} of your own:")),
    }
}

fn forgotten_lines(count: u64, out: Out<'_>) {
    match count {
        0 => out.words(format_args!("No lines of yours are there to forget.")),
        1 => out.words(format_args!(
            "1 line is forgotten. Who read it has read it."
        )),
        _ => out.words(format_args!(
            "{count} lines are forgotten. Who read them has read them."
        )),
    }
    if count > 0 {
        out.words(format_args!("Copies that others made, and backups, stay."));
    }
}

/// A line that was said before, so that nobody takes it for one that is said now.
#[derive(Debug)]
pub struct PastText<'a> {
    /// Now.
    pub now: WallTime,
    /// When it was said.
    pub at: UnixMs,
    /// Where, if that is to be seen.
    pub place: Option<PlaceView<'a>>,
    /// Its author.
    pub from: &'a Name,
    /// How it was said.
    pub kind: LineKind,
    /// The line.
    pub text: &'a str,
}

impl Display for PastText<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { from, text, .. } = self;
        write!(f, "{} ", self.now.shown(self.at))?;
        match self.place {
            None => {}
            Some(PlaceView::Room(room)) => write!(f, "[{room}] ")?,
            Some(PlaceView::With(name)) if name == *from => return write!(f, "@{from}: {text}"),
            Some(PlaceView::With(name)) => return write!(f, "@{from} -> {name}: {text}"),
        }
        match self.kind {
            LineKind::Message => write!(f, "{from}: {text}"),
            LineKind::Action => write!(f, "** {from} {text}"),
        }
    }
}

/// Lines that their author has forgotten.
#[derive(Debug)]
pub struct ForgottenText<'a> {
    /// Where they were said.
    pub place: PlaceView<'a>,
    /// Their author.
    pub from: &'a Name,
    /// How many; none stands for all.
    pub count: usize,
}

impl Display for ForgottenText<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { place, from, count } = *self;
        write!(f, "{from} has forgotten ")?;
        match count {
            0 => f.write_str("all lines")?,
            _ => write!(f, "{count} {}", plural(count, "line", "lines"))?,
        }
        match place {
            PlaceView::Room(room) => write!(f, " in {room}."),
            PlaceView::With(name) if name == from => f.write_str(" to you."),
            PlaceView::With(name) => write!(f, " to {name}."),
        }
    }
}

/// A place as people name it: a room, or `@NAME`.
struct Marked<'a>(PlaceView<'a>);

impl Display for Marked<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            PlaceView::Room(room) => room.fmt(f),
            PlaceView::With(name) => write!(f, "@{name}"),
        }
    }
}

/// Places, each with its number of unread lines.
struct UnreadPlaces<'a>(&'a [(PlaceView<'a>, u64)]);

impl Display for UnreadPlaces<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (number, (place, count)) in self.0.iter().enumerate() {
            let comma = if number > 0 { ", " } else { "" };
            write!(f, "{comma}{} {}", Marked(*place), Counted(*count))?;
        }
        Ok(())
    }
}

impl Display for HistoryRefusal<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::LineNotKept => {
                f.write_str("That was said, but it cannot be kept just now: it is in no history.")
            }
            Self::NotKeptHere { room } => {
                write!(f, "Nothing is kept of {room}. /keep changes that.")
            }
            Self::NotKeptWith { name } => {
                let after = format_args!(": only what accounts say to each other is.");
                quote(f, format_args!("Nothing is kept with "), name, after)
            }
            Self::NoSuchLine => {
                f.write_str("You have no such line. In JSON mode, /history shows their numbers.")
            }
            Self::NoSearch => f.write_str("This server does not search. /history shows lines."),
            Self::NoPage => f.write_str("There is no page yet. Type /history first."),
            Self::NoMore => f.write_str("There is no more of that."),
            Self::SlowDown { wait } => slow_down(*wait, f),
            Self::NotOperator { room } => {
                write!(f, "Only {room}'s owner may keep it. /join another.")
            }
            Self::TooManyKeptRooms { rooms_max } => write!(
                f,
                "You keep {rooms_max} rooms, the most there may be. /keep off in one first."
            ),
            Self::TooManyDays { days_max } => {
                write!(
                    f,
                    "Lines are kept for {days_max} days at most. /keep {days_max}"
                )
            }
            Self::MailboxFull { name } => {
                write!(f, "Too much waits for {name} already. Nothing was sent.")
            }
        }
    }
}
