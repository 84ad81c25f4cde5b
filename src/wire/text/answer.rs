//! Where the lines of an answer go: to a terminal, or into a field.

use std::fmt::Arguments;

/// Takes the lines of an answer, each without its prefix and its end.
pub trait Answer {
    /// A line of the server's own words, which may be broken between them.
    fn words(&mut self, words: Arguments<'_>);

    /// A line that has a user's text in it, and stays whole.
    fn line(&mut self, text: Arguments<'_>);
}

/// An [`Answer`] of any kind.
pub type Out<'a> = &'a mut dyn Answer;
