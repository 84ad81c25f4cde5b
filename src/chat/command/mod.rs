//! Commands: the core's input, lines that were understood.
//!
//! Everything that can borrow does, so a message passes through without an allocation.

mod moderation;
mod operators;
mod people;

use std::fmt;

use crate::chat::archive::Label;
use crate::chat::ids::LineId;
use crate::chat::name::{Name, NameError, RoomName};
use crate::chat::refusal::{MessageRefusal, Refusal};

pub use crate::chat::verb::{HelpTopic, Verb};
pub use moderation::{ModerationCommand, Reach};
pub use operators::{BanCommand, OperatorCommand};
pub use people::{NotifyChange, PeopleCommand, Privacy, ProfileChange};

/// One line as the core gets it: parsed, or refused already.
pub type Request<'a> = Result<Command<'a>, Refusal<'a>>;

/// A client's request, by the part of the chat that does it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Command<'a> {
    /// Commands that need no name.
    Session(SessionCommand<'a>),
    /// Something said.
    Message(MessageCommand<'a>),
    /// Entering and leaving rooms.
    Membership(MembershipCommand),
    /// A question about rooms and users.
    Query(QueryCommand<'a>),
    /// Something set, or a look at what it is set to.
    Setting(SettingCommand<'a>),
    /// Having an account, and being known by it.
    Account(AccountCommand<'a>),
    /// What was said before.
    History(HistoryCommand<'a>),
    /// What people are to each other.
    People(PeopleCommand<'a>),
    /// Order in a room, kept by its operators.
    Moderation(ModerationCommand<'a>),
    /// Order in the whole server, kept by its operators.
    Operator(OperatorCommand<'a>),
    /// The answer to a question that the connection was asked, such as for a password: read as
    /// [`Reading::Answer`] says. Blank, it cancels.
    Answer(&'a str),
}

/// A request that needs no name: first of all, for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionCommand<'a> {
    /// A line that starts with `#`: a registration, and plain text once one is registered.
    Hash {
        /// The rest of the line, if it is exactly one valid name.
        name: Result<Name, NameError>,
        /// The whole line.
        line: &'a str,
    },
    /// `/nick`
    Nick(Name),
    /// `/mode`; tells what it is set to without a word.
    Mode(Option<Mode>),
    /// `/help`; of everything without a topic.
    Help(Option<HelpTopic>),
    /// `/version`
    Version,
    /// `/ping`
    Ping(&'a str),
    /// `/stats`
    Stats,
    /// `/quit`, with or without a text.
    Quit(Option<&'a str>),
}

/// Something said, in the current room or to some users.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageCommand<'a> {
    /// Text alone, or `/say`.
    Say(&'a str),
    /// `/me`
    Act(&'a str),
    /// `@NAME:TEXT` or `/msg`
    Private {
        /// The users it is for.
        to: Recipients<'a>,
        /// The message.
        text: &'a str,
    },
    /// `/reply`: a private message to the user who last sent one.
    Reply(&'a str),
}

/// Entering and leaving rooms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MembershipCommand {
    /// `/join`
    Join(RoomName),
    /// `/part`; the current room if none is named.
    Part(Option<RoomName>),
}

/// A question about rooms and users.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueryCommand<'a> {
    /// `/rooms`, from this page on (from 1).
    Rooms(usize),
    /// `/names`
    Names {
        /// The place that is asked about.
        of: NamesOf,
        /// From 1.
        page: usize,
    },
    /// `/whois`, with the name as typed.
    Whois(&'a str),
}

/// Something that is set, for oneself or for a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SettingCommand<'a> {
    /// `/topic`; reads it without a word.
    Topic(Option<TopicChange<'a>>),
    /// `/away`, with or without a text.
    Away(Option<&'a str>),
    /// `/back`
    Back,
    /// `/ignore`; lists them without a name.
    Ignore(Option<&'a str>),
    /// `/unignore`; lists them without a name.
    Unignore(Option<&'a str>),
    /// `/quiet`; tells what it is set to without a word.
    Quiet(Option<bool>),
    /// `/echo`; tells what it is set to without a word.
    Echo(Option<bool>),
    /// `/raw`; tells what it is set to without a word.
    Raw(Option<bool>),
    /// `/times`; tells what it is set to without a word.
    Times(Option<bool>),
    /// `/bell`; tells what it is set to without a word.
    Bell(Option<Bell>),
}

/// Having an account, and being known by it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum AccountCommand<'a> {
    /// `/account`
    Show,
    /// `/account new`
    New,
    /// `/account password`
    Password,
    /// `/account drop`
    Drop,
    /// `/login`, with or without a password or token: everything behind one space.
    Login {
        /// The account.
        name: Name,
        /// The rest of the line, as it is.
        secret: Option<&'a str>,
    },
    /// `login NAME …`, with no slash: refused if it names an account, said otherwise.
    BareLogin {
        /// The account, perhaps.
        name: Name,
        /// The whole line.
        line: &'a str,
    },
    /// `/logout`
    Logout,
    /// `/token`
    Tokens,
    /// `/token LABEL`
    MakeToken(Label),
    /// `/token drop LABEL`
    DropToken(Label),
}

// By hand, so that no password shows.
impl fmt::Debug for Command<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Session(command) => command.fmt(f),
            Self::Message(command) => command.fmt(f),
            Self::Membership(command) => command.fmt(f),
            Self::Query(command) => command.fmt(f),
            Self::Setting(command) => command.fmt(f),
            Self::Account(command) => command.fmt(f),
            Self::History(command) => command.fmt(f),
            Self::People(command) => command.fmt(f),
            Self::Moderation(command) => command.fmt(f),
            Self::Operator(command) => command.fmt(f),
            Self::Answer(_) => f.write_str("Answer"),
        }
    }
}

// By hand, so that no password shows.
impl fmt::Debug for AccountCommand<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Show => f.write_str("Show"),
            Self::New => f.write_str("New"),
            Self::Password => f.write_str("Password"),
            Self::Drop => f.write_str("Drop"),
            Self::Login { name, secret } => {
                write!(f, "Login({name}, secret: {})", secret.is_some())
            }
            Self::BareLogin { name, .. } => write!(f, "BareLogin({name})"),
            Self::Logout => f.write_str("Logout"),
            Self::Tokens => f.write_str("Tokens"),
            Self::MakeToken(label) => write!(f, "MakeToken({label})"),
            Self::DropToken(label) => write!(f, "DropToken({label})"),
        }
    }
}

/// What was said before, and what becomes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HistoryCommand<'a> {
    /// `/history`
    Page {
        /// The place that is asked about.
        place: PlaceName,
        /// Which of its lines.
        range: WantedRange,
        /// How many.
        count: Option<usize>,
    },
    /// `/more`: the next page of what was shown last.
    More,
    /// `/unread`
    Unread,
    /// `/read`: up to the newest line, or this one.
    Read {
        /// The place that was read.
        place: PlaceName,
        /// The last line that was.
        up_to: Option<LineId>,
    },
    /// `/search`
    Search {
        /// The place, if it was marked as one by `@` or `#`.
        place: Option<PlaceName>,
        /// The words. The first may be a room, if the sender is in one of that name and more follow.
        words: &'a str,
    },
    /// `/forget`
    Forget(ForgetCommand),
    /// `/export`: the newest of one's own lines, or those before a line.
    Export(Option<LineId>),
    /// `/keep`
    Keep(KeepCommand),
}

/// A place by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlaceName {
    /// The current room.
    Current,
    /// A room.
    Room(RoomName),
    /// The conversation with a user.
    User(Name),
}

/// Which lines of a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WantedRange {
    /// The newest.
    Newest,
    /// The newest before this one.
    Before(LineId),
    /// The oldest after this one.
    Since(LineId),
    /// The oldest from this time on.
    SinceTime(WantedTime),
}

/// A time as it was typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WantedTime {
    /// `HH:MM`: the last time that it was that, in the server's zone. Minutes of the day.
    OfDay(u32),
    /// `YYYY-MM-DD` or `YYYY-MM-DDTHH:MM`, in the server's zone: milliseconds since 1970, as if that were UTC.
    Date(u64),
    /// `2h` or `3d`: so many milliseconds ago.
    Ago(u64),
}

/// Which of one's own lines are forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForgetCommand {
    /// This one.
    Line(LineId),
    /// The newest, this many.
    Last(u32),
    /// All.
    All,
    /// All in a place.
    AllIn(PlaceName),
}

/// Whether the lines of the current room are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeepCommand {
    /// They are, for as many days as may be unless this says otherwise.
    On(Option<u32>),
    /// They are not, and those that were are erased.
    Off,
}

/// What becomes of a room's topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TopicChange<'a> {
    /// This is the topic.
    Set(&'a str),
    /// There is none.
    Clear,
}

/// Whose names `/names` asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NamesOf {
    /// Those in the current room.
    CurrentRoom,
    /// Those in this room.
    Room(RoomName),
    /// Everyone who is registered.
    Everyone,
}

/// The names before a private message's colon, still as typed: they are split while they are
/// used, so that a message needs no list of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recipients<'a> {
    typed: &'a str,
    /// Set if that is one name and nothing else, as in most messages: so it is parsed once.
    name: Option<Name>,
}

/// A private message goes to this many users at most; more is what a room is for.
pub const RECIPIENTS_MAX: usize = 16;

impl<'a> Recipients<'a> {
    /// Takes names separated by commas; spaces around a comma do not count.
    ///
    /// # Errors
    /// [`MessageRefusal::TooManyRecipients`] past [`RECIPIENTS_MAX`].
    pub fn parse(typed: &'a str) -> Result<Self, Refusal<'a>> {
        let name = Name::parse(typed.trim_ascii()).ok();
        if name.is_none()
            && memchr::memchr_iter(b',', typed.as_bytes())
                .nth(RECIPIENTS_MAX - 1)
                .is_some()
        {
            return Err(Refusal::Message(MessageRefusal::TooManyRecipients));
        }
        Ok(Self { typed, name })
    }

    /// The one recipient whose name stands at the start of `text` and right before a colon, as in most messages;
    /// and the text behind the colon.
    #[must_use]
    pub fn leading(text: &'a str) -> Option<(Self, &'a str)> {
        let (name, rest) = Name::leading(text)?;
        let behind = rest.strip_prefix(':')?;
        let typed = text.get(..text.len() - rest.len())?;
        let name = Some(name);
        Some((Self { typed, name }, behind))
    }

    /// Each name as typed, valid or not.
    pub fn iter(self) -> impl Iterator<Item = &'a str> {
        self.typed.split(',').map(str::trim_ascii)
    }

    /// The name as typed, if there is only one.
    #[must_use]
    pub fn only(&self) -> Option<&'a str> {
        let is_one = self.name.is_some() || memchr::memchr(b',', self.typed.as_bytes()).is_none();
        is_one.then(|| self.typed.trim_ascii())
    }

    /// The name, if there is only one and it can be a name.
    #[must_use]
    pub fn name(&self) -> Option<&Name> {
        self.name.as_ref()
    }
}

/// How a user's lines are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reading {
    /// The first characters decide what a line is.
    #[default]
    Commands,
    /// Every line is said as it is, but for `/raw off`.
    Raw,
    /// The next line is the answer to a question, such as a password: no command, whatever it begins with,
    /// not logged, and wiped. A blank one counts, too.
    Answer,
    /// The time for such an answer is over, and the next line may be it all the same: only commands are read as
    /// ever. What would be said is read as an answer, to a question that is no more.
    LateAnswer,
}

/// Which lines end with BEL, so that a terminal rings. Each includes those before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Bell {
    /// None.
    #[default]
    Off,
    /// Private messages.
    Private,
    /// Lines in a room that have one's own name.
    Mention,
    /// Every line from people.
    All,
}

impl Bell {
    /// Every choice.
    pub const CHOICES: [Self; 4] = [Self::Off, Self::Private, Self::Mention, Self::All];

    /// As it is typed.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Private => "private",
            Self::Mention => "mention",
            Self::All => "all",
        }
    }
}

/// The form of what is written to a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Lines for people, sorted by their first byte.
    #[default]
    Plain,
    /// One JSON object a line.
    Json,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn password_does_not_show_in_a_command() {
        let name = Name::parse("alice").unwrap();
        let commands = [
            Command::Answer("hunter22"),
            Command::Account(AccountCommand::Login {
                name,
                secret: Some("hunter22"),
            }),
            Command::Account(AccountCommand::BareLogin {
                name,
                line: "login alice hunter22",
            }),
        ];
        for command in commands {
            let shown = format!("{command:?}");
            assert!(!shown.contains("hunter22"), "{shown}");
        }
    }

    #[test]
    fn recipients_are_refused_from_the_17th_on() {
        let names = ["x"; RECIPIENTS_MAX].join(",");
        assert_eq!(
            Recipients::parse(&names).unwrap().iter().count(),
            RECIPIENTS_MAX
        );
        assert_eq!(
            Recipients::parse(&format!("{names},x")),
            Err(Refusal::Message(MessageRefusal::TooManyRecipients))
        );
    }
}
