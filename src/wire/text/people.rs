//! People: answers, news and refusals.

use std::fmt::{self, Display, Formatter};

use crate::chat::event::{PeopleEvent, PeopleReply};
use crate::chat::refusal::PeopleRefusal;

use super::super::wall_time::WallTime;
use super::answer::Out;

pub(super) fn lines(reply: &PeopleReply<'_>, _time: WallTime, out: Out<'_>) {
    out.words(format_args!("{reply:?}"));
}

/// News of a person.
#[derive(Debug)]
pub struct PeopleNews<'a>(pub &'a PeopleEvent<'a>);

impl Display for PeopleNews<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

impl Display for PeopleRefusal {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Oneself => f.write_str("That is you."),
            Self::TooManyFriends { friends_max } => {
                write!(
                    f,
                    "You have {friends_max} friends, the most there may be. /unfriend one first."
                )
            }
        }
    }
}
