//! Refusals: each thing that can be wrong with a line, with its stable code.

mod moderation;
mod operators;
mod people;

use std::time::Duration;

use crate::chat::name::{Name, NameError, RoomName};
use crate::chat::verb::Verb;

pub use moderation::ModerationRefusal;
pub use operators::OperatorRefusal;
pub use people::PeopleRefusal;

/// A line was refused, or failed. Each refusal has a stable code for scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are what the text quotes")]
pub enum Refusal<'a> {
    /// The line needs a name.
    NotRegistered,
    /// The line names a user who is not here.
    NoSuchUser { given: &'a str },
    /// The line itself is wrong.
    Line(LineRefusal<'a>),
    /// A name cannot be had.
    Session(SessionRefusal<'a>),
    /// Nothing was said.
    Message(MessageRefusal<'a>),
    /// A room cannot be entered, left or used.
    Membership(MembershipRefusal<'a>),
    /// A question has no answer.
    Query(QueryRefusal),
    /// Nothing was set.
    Setting(SettingRefusal<'a>),
    /// An account, or what only accounts may have.
    Account(AccountRefusal),
    /// What was said before.
    History(HistoryRefusal<'a>),
    /// What people are to each other.
    People(PeopleRefusal),
    /// Order in a room.
    Moderation(ModerationRefusal<'a>),
    /// Order in the whole server.
    Operator(OperatorRefusal<'a>),
}

/// Why nothing became of an account command, or why an account is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are what the text quotes")]
pub enum AccountRefusal {
    /// The server keeps nothing.
    NoStore,
    /// The archive has too much to do.
    Busy,
    /// It is not kept: nothing was done, or if that was not known in time, it may be done yet.
    NotKept {
        is_late: bool,
    },
    LoginRequired,
    /// `/account new` of one who is an account.
    AlreadyAccount {
        name: Name,
    },
    /// The name, or one that looks like it, is an account's or held for one.
    NameTaken {
        name: Name,
    },
    /// The name is an account's: `owner`, unless only one that looks like it is.
    NameOwned {
        given: Name,
        owner: Option<Name>,
    },
    /// Too short, too long, or looks like a token.
    WeakPassword {
        bytes_min: usize,
        bytes_max: usize,
    },
    /// Passwords would cross the network for everybody to read.
    NotEncrypted,
    /// Too many were made just now, or there are as many as may be; or no new ones are made here.
    TooManyAccounts,
    WrongPassword,
    /// A line behind the time for a secret, which it may be.
    AnswerTooLate,
    SlowDown {
        wait: Duration,
    },
    TooManyTokens {
        tokens_max: usize,
    },
    LabelTaken {
        label: RoomName,
    },
    NoSuchToken {
        label: RoomName,
    },
    /// `/nick` of an account, to other than its own name.
    NameIsAccount {
        name: Name,
    },
    /// `/account drop`, and another name.
    OtherName,
    /// `login NAME` without its slash.
    MissingSlash {
        name: Name,
    },
    /// A guest where only accounts may be.
    AccountsOnly,
}

/// Why nothing became of what was said before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are what the text quotes")]
pub enum HistoryRefusal<'a> {
    /// A line was delivered, and is in no history.
    LineNotKept,
    NotKeptHere {
        room: RoomName,
    },
    /// A conversation with one who has no account, or whose lines are not kept.
    NotKeptWith {
        name: &'a str,
    },
    NoSuchLine,
    NoSearch,
    /// Nothing was shown that more could follow.
    NoPage,
    /// `/more`, and nothing more lies that way.
    NoMore,
    SlowDown {
        wait: Duration,
    },
    /// Only its owner may.
    NotOperator {
        room: RoomName,
    },
    TooManyKeptRooms {
        rooms_max: usize,
    },
    TooManyDays {
        days_max: u32,
    },
    /// Too much waits for this user already.
    MailboxFull {
        name: Name,
    },
}

/// A fault that a line of any command can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are what the text quotes")]
pub enum LineRefusal<'a> {
    /// A command without what it needs, or with too much.
    Usage(Verb),
    UnknownCommand {
        given: &'a str,
        nearest: Option<Verb>,
        registered: bool,
    },
    LineTooLong {
        bytes_max: usize,
    },
    /// A topic, an away or a quit text.
    TextTooLong {
        bytes_max: usize,
    },
    /// Nothing to say, or nothing behind the colon.
    NoText,
}

/// Why a name cannot be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are what the text quotes")]
pub enum SessionRefusal<'a> {
    BadName {
        given: &'a str,
        why: NameError,
    },
    NameInUse {
        name: Name,
        /// How long the holder stays at most, if that connection is lost. `None`: not known, or it has
        /// just been heard from.
        lost_time_max: Option<Duration>,
    },
    NameOfRoom {
        name: Name,
    },
    NameReserved {
        name: Name,
    },
}

/// Why something was not said, or not to all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are what the text quotes")]
pub enum MessageRefusal<'a> {
    /// `@name` without a colon.
    MissingColon,
    /// `@:text`, or nothing beside a comma.
    MissingName,
    /// `@two words:text`.
    SpaceInName,
    /// Something that looks like `@name:text` or a command, and is none.
    LookAlike,
    TooManyRecipients,
    /// A private message did not reach these: not there, or not reading.
    Unreached {
        missing: &'a [&'a str],
        full: &'a [Name],
    },
    /// `/reply` before anyone wrote.
    NobodyWrote,
    /// `/reply` after they left; their name, unless that is long ago.
    WriterLeft {
        name: Option<Name>,
    },
}

/// Why a room cannot be entered, left or used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are what the text quotes")]
pub enum MembershipRefusal<'a> {
    BadRoom {
        given: &'a str,
        why: NameError,
    },
    NoSuchRoom {
        room: RoomName,
    },
    /// `None`: in no room at all.
    NotInRoom {
        room: Option<RoomName>,
    },
    TooManyRooms {
        rooms_max: usize,
    },
}

/// Why a question has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are what the text quotes")]
pub enum QueryRefusal {
    NoSuchPage { page: usize, pages: usize },
}

/// Why nothing was set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are what the text quotes")]
pub enum SettingRefusal<'a> {
    IgnoreSelf,
    IgnoreFull { ignored_max: usize },
    NotIgnored { given: &'a str },
}

impl<'a> From<LineRefusal<'a>> for Refusal<'a> {
    fn from(refusal: LineRefusal<'a>) -> Self {
        Self::Line(refusal)
    }
}

impl<'a> From<SessionRefusal<'a>> for Refusal<'a> {
    fn from(refusal: SessionRefusal<'a>) -> Self {
        Self::Session(refusal)
    }
}

impl<'a> From<MessageRefusal<'a>> for Refusal<'a> {
    fn from(refusal: MessageRefusal<'a>) -> Self {
        Self::Message(refusal)
    }
}

impl<'a> From<MembershipRefusal<'a>> for Refusal<'a> {
    fn from(refusal: MembershipRefusal<'a>) -> Self {
        Self::Membership(refusal)
    }
}

impl From<AccountRefusal> for Refusal<'_> {
    fn from(refusal: AccountRefusal) -> Self {
        Self::Account(refusal)
    }
}

impl<'a> From<HistoryRefusal<'a>> for Refusal<'a> {
    fn from(refusal: HistoryRefusal<'a>) -> Self {
        Self::History(refusal)
    }
}

impl From<PeopleRefusal> for Refusal<'_> {
    fn from(refusal: PeopleRefusal) -> Self {
        Self::People(refusal)
    }
}

impl<'a> From<ModerationRefusal<'a>> for Refusal<'a> {
    fn from(refusal: ModerationRefusal<'a>) -> Self {
        Self::Moderation(refusal)
    }
}

impl<'a> From<OperatorRefusal<'a>> for Refusal<'a> {
    fn from(refusal: OperatorRefusal<'a>) -> Self {
        Self::Operator(refusal)
    }
}

impl From<QueryRefusal> for Refusal<'_> {
    fn from(refusal: QueryRefusal) -> Self {
        Self::Query(refusal)
    }
}

impl<'a> From<SettingRefusal<'a>> for Refusal<'a> {
    fn from(refusal: SettingRefusal<'a>) -> Self {
        Self::Setting(refusal)
    }
}

impl Refusal<'_> {
    /// The word that scripts rely on.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotRegistered => "not_registered",
            Self::NoSuchUser { .. } => "no_such_user",
            Self::Line(refusal) => refusal.code(),
            Self::Session(refusal) => refusal.code(),
            Self::Message(refusal) => refusal.code(),
            Self::Membership(refusal) => refusal.code(),
            Self::Query(refusal) => refusal.code(),
            Self::Setting(refusal) => refusal.code(),
            Self::Account(refusal) => refusal.code(),
            Self::History(refusal) => refusal.code(),
            Self::People(refusal) => refusal.code(),
            Self::Moderation(refusal) => refusal.code(),
            Self::Operator(refusal) => refusal.code(),
        }
    }
}

impl LineRefusal<'_> {
    fn code(&self) -> &'static str {
        match self {
            Self::Usage(_) | Self::TextTooLong { .. } | Self::NoText => "bad_usage",
            Self::UnknownCommand { .. } => "unknown_command",
            Self::LineTooLong { .. } => "line_too_long",
        }
    }
}

impl SessionRefusal<'_> {
    fn code(&self) -> &'static str {
        match self {
            Self::BadName { .. } => "bad_name",
            Self::NameInUse { .. } | Self::NameOfRoom { .. } | Self::NameReserved { .. } => {
                "name_taken"
            }
        }
    }
}

impl MessageRefusal<'_> {
    fn code(&self) -> &'static str {
        match self {
            Self::MissingColon | Self::MissingName | Self::SpaceInName | Self::LookAlike => {
                "bad_usage"
            }
            Self::TooManyRecipients => "too_many_recipients",
            Self::Unreached { missing: [], .. } => "not_delivered",
            Self::Unreached { .. } | Self::NobodyWrote | Self::WriterLeft { .. } => "no_such_user",
        }
    }
}

impl MembershipRefusal<'_> {
    fn code(&self) -> &'static str {
        match self {
            Self::BadRoom { .. } => "bad_room",
            Self::NoSuchRoom { .. } => "no_such_room",
            Self::NotInRoom { .. } => "not_in_room",
            Self::TooManyRooms { .. } => "too_many_rooms",
        }
    }
}

impl AccountRefusal {
    fn code(&self) -> &'static str {
        match self {
            Self::NoStore => "no_store",
            Self::Busy => "busy",
            Self::NotKept { .. } => "not_kept",
            Self::LoginRequired | Self::AccountsOnly => "login_required",
            Self::NameTaken { .. } | Self::LabelTaken { .. } => "name_taken",
            Self::NameOwned { .. } => "name_owned",
            Self::WeakPassword { .. } => "weak_password",
            Self::NotEncrypted => "not_encrypted",
            Self::TooManyAccounts => "too_many_accounts",
            Self::WrongPassword => "wrong_password",
            Self::SlowDown { .. } => "slow_down",
            Self::TooManyTokens { .. } => "too_many_tokens",
            Self::AlreadyAccount { .. }
            | Self::NoSuchToken { .. }
            | Self::NameIsAccount { .. }
            | Self::OtherName
            | Self::AnswerTooLate
            | Self::MissingSlash { .. } => "bad_usage",
        }
    }
}

impl HistoryRefusal<'_> {
    fn code(&self) -> &'static str {
        match self {
            Self::LineNotKept => "not_kept",
            Self::NotKeptHere { .. } | Self::NotKeptWith { .. } => "not_kept_here",
            Self::NoSuchLine => "no_such_line",
            Self::NoSearch => "no_search",
            Self::SlowDown { .. } => "slow_down",
            Self::NotOperator { .. } => "not_operator",
            Self::TooManyKeptRooms { .. } => "too_many_rooms",
            Self::MailboxFull { .. } => "mailbox_full",
            Self::NoPage | Self::NoMore | Self::TooManyDays { .. } => "bad_usage",
        }
    }
}

impl QueryRefusal {
    fn code(self) -> &'static str {
        match self {
            Self::NoSuchPage { .. } => "bad_usage",
        }
    }
}

impl SettingRefusal<'_> {
    fn code(&self) -> &'static str {
        match self {
            Self::IgnoreSelf | Self::IgnoreFull { .. } | Self::NotIgnored { .. } => "bad_usage",
        }
    }
}
