//! What clients are told by operators of the server, and what these are told.

/// Something from an operator of the server, or for one.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the fields are the words of the protocol page")]
pub enum OperatorEvent<'a> {
    /// `/announce`
    Announcement { text: &'a str },
}

/// The answer to an [`OperatorCommand`](crate::chat::command::OperatorCommand).
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the fields are the words of the protocol page")]
pub enum OperatorReply<'a> {
    Announced { text: &'a str },
}
