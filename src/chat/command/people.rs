//! Commands by which people say what they are to each other.

/// What people are to each other, and what of themselves they show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeopleCommand<'a> {
    /// `/profile`, with the name as typed; one's own without.
    Profile(Option<&'a str>),
    /// `/profile set`
    SetProfile(ProfileChange<'a>),
    /// `/friend`, with the name as typed; lists them without.
    Friend(Option<&'a str>),
    /// `/unfriend`
    Unfriend(&'a str),
    /// `/block`, with the name as typed; lists them without.
    Block(Option<&'a str>),
    /// `/unblock`; lists them without a name.
    Unblock(Option<&'a str>),
    /// `/privacy`: all settings, or one that is set.
    Privacy(Option<(Privacy, bool)>),
    /// `/notify`; tells what it is set to without a word.
    Notify(Option<NotifyChange<'a>>),
}

/// What becomes of one's profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProfileChange<'a> {
    /// This is its text.
    Set(&'a str),
    /// It has none.
    Clear,
}

/// What becomes of the word by which the operator's bridge knows one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotifyChange<'a> {
    /// The bridge is told this.
    Set(&'a str),
    /// The bridge is told nothing.
    Off,
}

/// A setting of an account's that others can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Privacy {
    /// Who shares no room with one, and is no friend, is to think that one is not here.
    Hidden,
    /// One gives receipts, and gets those of others who do.
    Receipts,
    /// `/profile` tells when one was here last.
    Seen,
    /// Guests may leave messages that wait.
    Strangers,
    /// Private conversations are kept.
    Keep,
}
