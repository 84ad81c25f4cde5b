//! Calls: receipts, and what an operator's bridge is told.

use std::fmt::{self, Display, Formatter};

use crate::chat::event::{CallEvent, CallReply, ReceiptState};

use super::answer::Out;
use super::plural;

pub(super) fn lines(reply: &CallReply<'_>, out: Out<'_>) {
    match *reply {
        CallReply::Notify { text: Some(text) } => {
            out.words(format_args!(
                "While you are away, the operator's bridge is told."
            ));
            out.line(format_args!("It gets this from you: {text}"));
        }
        CallReply::Notify { text: None } => out.words(format_args!(
            "While you are away, nobody is told. /notify TEXT has the operator's bridge told."
        )),
        CallReply::Feed(true) => out.words(format_args!(
            "Feed is on: you are told for whom messages wait."
        )),
        CallReply::Feed(false) => out.words(format_args!(
            "Feed is off: you are not told for whom messages wait."
        )),
    }
}

/// A receipt, or news for a bridge.
#[derive(Debug)]
pub struct CallNews<'a>(pub &'a CallEvent<'a>);

impl Display for CallNews<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match *self.0 {
            CallEvent::Receipt { name, state, .. } => {
                let has = match state {
                    ReceiptState::Delivered => "got",
                    ReceiptState::Read => "read",
                };
                write!(f, "{name} has {has} your messages.")
            }
            CallEvent::Waiting {
                name,
                count,
                notify,
            } => {
                let noun = plural(usize::try_from(count).unwrap_or(2), "message", "messages");
                write!(f, "{count} {noun} for {name}, who is not here: {notify}")
            }
        }
    }
}
