//! Why nothing became of order in the whole server.

/// Why nothing became of order in the whole server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are what the text quotes")]
pub enum OperatorRefusal<'a> {
    /// Neither an address, nor a range of them, nor an account.
    BadTarget { given: &'a str },
}

impl OperatorRefusal<'_> {
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::BadTarget { .. } => "bad_usage",
        }
    }
}
