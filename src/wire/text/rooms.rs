//! A room as one sees it on entering.

use std::fmt::{self, Display, Formatter};

use crate::chat::archive::COUNTED_MAX;
use crate::chat::event::{KeptView, Missed, RoomView};
use crate::chat::name::RoomName;

use super::super::wall_time::WallTime;
use super::answer::Out;
use super::{Listed, plural};

pub(super) fn entered_lines(view: &RoomView<'_>, time: WallTime, out: Out<'_>) {
    let RoomView {
        room,
        topic,
        others,
        names,
        kept,
        missed,
    } = *view;
    let more = others.saturating_sub(names.len());
    let noun = plural(others, "other", "others");
    match (others, more) {
        (0, _) => out.words(format_args!("You are in {room}, and nobody else is.")),
        (_, 0) => out.words(format_args!(
            "You are in {room} with {others} {noun}: {}.",
            Listed(names)
        )),
        _ => out.words(format_args!(
            "You are in {room} with {others} {noun}: {}, and {more} more.",
            Listed(names)
        )),
    }
    if let Some(topic) = topic {
        out.line(format_args!("The topic of {room} is: {topic}"));
    }
    if let Some(kept) = kept {
        kept_line(room, kept, out);
    }
    if let Some(missed) = missed {
        missed_line(&missed, Some(room), time, out);
    }
}

/// For how long lines are kept, and who reads them: nobody speaks there without having been told.
fn kept_line(room: &RoomName, kept: KeptView<'_>, out: Out<'_>) {
    let KeptView { days, owner } = kept;
    let noun = plural(days as usize, "day", "days");
    match owner {
        Some(owner) => out.words(format_args!(
            "Lines in {room} are kept for {days} {noun}; {owner} can change that. \
             The operator can read them, too."
        )),
        None => out.words(format_args!(
            "Lines in {room} are kept for {days} {noun}. The operator can read them, too."
        )),
    }
}

/// How much was missed in a room; `current` needs no name to see it.
pub(super) fn missed_line(
    missed: &Missed,
    current: Option<&RoomName>,
    time: WallTime,
    out: Out<'_>,
) {
    let Missed { room, count, since } = missed;
    let (counted, since) = (Counted(*count), time.shown(*since));
    let (noun, them) = match count {
        1 => ("line", "it"),
        _ => ("lines", "them"),
    };
    if current == Some(room) {
        out.words(format_args!(
            "You missed {counted} {noun} in {room} since {since}; /history shows {them}."
        ));
    } else {
        let typed = TypedRoom(room);
        out.words(format_args!(
            "You missed {counted} {noun} in {room} since {since}; /history {typed} shows {them}."
        ));
    }
}

/// Lines that are counted up to [`COUNTED_MAX`] only.
pub(super) struct Counted(pub(super) u64);

impl Display for Counted {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.0 < COUNTED_MAX {
            self.0.fmt(f)
        } else {
            write!(f, "{COUNTED_MAX}+")
        }
    }
}

/// A room as it is typed where a number or a word could stand, too.
struct TypedRoom<'a>(&'a RoomName);

impl Display for TypedRoom<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let name = self.0.as_str();
        let is_number = name.bytes().all(|byte| byte.is_ascii_digit());
        let is_keyword = ["before", "since"]
            .iter()
            .any(|word| word.eq_ignore_ascii_case(name));
        let mark = if is_number || is_keyword { "#" } else { "" };
        write!(f, "{mark}{name}")
    }
}
