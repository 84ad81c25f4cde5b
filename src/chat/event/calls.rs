//! What tells how far a message has got, and that somebody is called who does not look.

use crate::chat::ids::LineId;
use crate::chat::name::Name;

/// How far one's messages have got, or that somebody is called who does not look.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the fields are the words of the protocol page")]
pub enum CallEvent<'a> {
    /// One's private messages to this user have got so far, up to this one.
    Receipt {
        name: &'a Name,
        up_to: LineId,
        state: ReceiptState,
    },
    /// To a bridge: so many messages wait for an account that is not here, or away. `notify` is its own word on how
    /// it is told.
    Waiting {
        name: &'a Name,
        count: u32,
        notify: &'a str,
    },
}

/// How far a private message has got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReceiptState {
    /// A connection of the recipient's took it.
    Delivered,
    /// The recipient has done something that shows that it was read.
    Read,
}

/// The answer to a command about being called while one is away.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the fields are the words of the protocol page")]
pub enum CallReply<'a> {
    Notify { text: Option<&'a str> },
    Feed(bool),
}
