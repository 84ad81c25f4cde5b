//! Order in the whole server: answers, news and refusals.

use std::fmt::{self, Display, Formatter};

use crate::chat::event::{OperatorEvent, OperatorReply};
use crate::chat::refusal::OperatorRefusal;

use super::super::wall_time::WallTime;
use super::answer::Out;
use super::quote::quote;

pub(super) fn lines(reply: &OperatorReply<'_>, _time: WallTime, out: Out<'_>) {
    out.words(format_args!("{reply:?}"));
}

/// News from an operator of the server.
#[derive(Debug)]
pub struct OperatorNews<'a>(pub &'a OperatorEvent<'a>);

impl Display for OperatorNews<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            OperatorEvent::Announcement { text } => write!(f, "From the operator: {text}"),
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
        }
    }
}
