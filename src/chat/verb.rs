//! The commands by name.

/// The commands by name. Their usage and help are in the wire's table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the command of that name")]
pub enum Verb {
    Help,
    Nick,
    Msg,
    Reply,
    Me,
    Say,
    Join,
    Part,
    Rooms,
    Names,
    Topic,
    Whois,
    Away,
    Back,
    Ignore,
    Unignore,
    Quiet,
    Echo,
    Raw,
    Times,
    Mode,
    Ping,
    Stats,
    Version,
    Quit,
    Account,
    Login,
    Logout,
    Token,
    History,
    More,
    Unread,
    Read,
    Search,
    Forget,
    Export,
    Keep,
}

/// What `/help` is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HelpTopic {
    /// One command.
    Command(Verb),
    /// All about accounts.
    People,
    /// All about what was said before.
    History,
}
