//! Order in a room: answers, news and refusals.

use std::fmt::{self, Display, Formatter};

use crate::chat::event::{ModerationEvent, ModerationReply};
use crate::chat::refusal::ModerationRefusal;

use super::super::wall_time::WallTime;
use super::answer::Out;

pub(super) fn lines(reply: &ModerationReply<'_>, _time: WallTime, out: Out<'_>) {
    out.words(format_args!("{reply:?}"));
}

/// News of what was done in a room.
#[derive(Debug)]
pub struct ModerationNews<'a>(pub &'a ModerationEvent<'a>, pub WallTime);

impl Display for ModerationNews<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

impl Display for ModerationRefusal {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotOperator { room: Some(room) } => {
                write!(
                    f,
                    "Only operators of {room} may do that. /names {room} shows who is there."
                )
            }
            Self::NotOperator { room: None } => f.write_str(
                "Only operators of the server may do that. /help op says how one becomes one.",
            ),
            Self::BadTime => f.write_str(
                "That is no time. Type digits and s, m, h, d or w: 10m, 2h. Nothing was done.",
            ),
        }
    }
}
