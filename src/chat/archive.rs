//! The second way out of the core: what is to be kept, and questions about what was.
//!
//! The core decides, and remembers what it decides with; an archive keeps. Nothing here waits: each call
//! gives a [`Ticket`], and what became of it comes back as a [`Settled`], by
//! [`Chat::settle`](super::Chat::settle). Lines and changes are kept in the order of their tickets, and each
//! question sees all that was decided before it was asked.

use ipnet::IpNet;

use super::ids::{AccountId, LineId, PlaceId};
use super::name::{Name, RoomName};
use super::secret::Secret;

/// A number of something that was handed to an archive. Later ones are larger.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticket(pub u64);

/// Milliseconds since 1970.
pub type UnixMs = u64;

/// Takes what is to be kept. `None` instead of a ticket: its queue is full, and nothing was taken.
pub trait Archive: std::fmt::Debug {
    /// Whether anything can be kept at all.
    fn is_open(&self) -> bool;

    /// Whether words can be searched for.
    fn has_search(&self) -> bool;

    /// Keeps a line. Allocates nothing when warm.
    fn keep(&mut self, line: &KeptLine<'_>) -> Option<Ticket>;

    /// Keeps a change.
    fn change(&mut self, change: Change) -> Option<Ticket>;

    /// Asks about what is kept.
    fn ask(&mut self, question: Question) -> Option<Ticket>;

    /// Makes or checks a password or a token.
    fn hash(&mut self, work: HashWork) -> Option<Ticket>;
}

/// Keeps nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoArchive;

impl Archive for NoArchive {
    fn is_open(&self) -> bool {
        false
    }

    fn has_search(&self) -> bool {
        false
    }

    fn keep(&mut self, _: &KeptLine<'_>) -> Option<Ticket> {
        None
    }

    fn change(&mut self, _: Change) -> Option<Ticket> {
        None
    }

    fn ask(&mut self, _: Question) -> Option<Ticket> {
        None
    }

    fn hash(&mut self, _: HashWork) -> Option<Ticket> {
        None
    }
}

/// How a line was said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineKind {
    /// Text.
    Message,
    /// `/me`.
    Action,
}

/// A line on its way to the archive.
#[derive(Clone, Copy, Debug)]
pub struct KeptLine<'a> {
    /// Larger than that of every line before it.
    pub id: LineId,
    /// Where it was said.
    pub place: PlaceId,
    /// When; never before that of an earlier line.
    pub at: UnixMs,
    /// Who said it; `None` for a guest.
    pub author: Option<AccountId>,
    /// The author's name at that time.
    pub name: Name,
    /// How it was said.
    pub kind: LineKind,
    /// The line.
    pub text: &'a str,
    /// An account that is not here, and is to get it when it is.
    pub waits_for: Option<AccountId>,
    /// The other of a conversation blocks the author: only the author is ever shown it.
    pub is_authors_only: bool,
}

/// A line that was kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastLine {
    /// Its number.
    pub id: LineId,
    /// Where it was said.
    pub place: PlaceId,
    /// When.
    pub at: UnixMs,
    /// Who said it; `None` for a guest, and for an account that is gone.
    pub author: Option<AccountId>,
    /// The author's name at that time.
    pub name: Name,
    /// How it was said.
    pub kind: LineKind,
    /// The line.
    pub text: Box<str>,
}

/// A change of what is kept, other than a further line.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are what the variant says")]
pub enum Change {
    /// Lines up to this one may be numbered: none of these numbers is ever given again.
    ReserveLines { up_to: LineId },
    /// A new account. Its name is no longer held for its last owner.
    MakeAccount {
        account: AccountId,
        name: Name,
        skeleton: Box<str>,
        password: PasswordHash,
        at: UnixMs,
    },
    /// An account's name is spelt in another way.
    SpellName { account: AccountId, name: Name },
    /// A new password; with `ends_tokens`, no token of the account counts any longer.
    SetPassword {
        account: AccountId,
        password: PasswordHash,
        ends_tokens: bool,
    },
    /// The account is gone, with its tokens, marks and what waits for it; its name is held until then. Its
    /// lines stay, by the name that they were said under.
    DropAccount {
        account: AccountId,
        name: Name,
        held_until: UnixMs,
    },
    /// The account was used.
    UseAccount { account: AccountId, at: UnixMs },
    /// A new token of an account.
    AddToken {
        account: AccountId,
        label: Label,
        hash: TokenHash,
        at: UnixMs,
    },
    /// A token counts no longer.
    DropToken { account: AccountId, label: Label },
    /// A token was used.
    UseToken {
        account: AccountId,
        label: Label,
        at: UnixMs,
    },
    /// A room's lines are kept from now on, or by another rule.
    KeepRoom {
        place: PlaceId,
        room: RoomName,
        owner: Option<AccountId>,
        days: u32,
        topic: Option<Box<str>>,
    },
    /// A room's lines are no longer kept, and those that were are erased.
    UnkeepRoom { place: PlaceId },
    /// A kept room's topic.
    SetTopic {
        place: PlaceId,
        topic: Option<Box<str>>,
    },
    /// How far an account has read, and what it was sent. Each only grows; `None` leaves it, or, in the first mark
    /// of an account in a place, stands for the other: who comes to a room has read what was said before.
    Mark {
        account: AccountId,
        place: PlaceId,
        read: Option<LineId>,
        shown: Option<LineId>,
    },
    /// Lines that waited for an account have arrived.
    Delivered {
        account: AccountId,
        lines: Vec<LineId>,
    },
    /// An account's own lines are erased. Answered by [`ChangeAnswer::Forgotten`].
    Forget {
        account: AccountId,
        what: Forgetting,
        /// Lines said later stay.
        up_to: LineId,
    },
    /// One line of a place is erased, whosever it is; a line of another place stays. Answered by
    /// [`ChangeAnswer::Forgotten`].
    Remove { place: PlaceId, line: LineId },
    /// An account's settings, a bit each.
    SetSettings { account: AccountId, settings: u32 },
    /// What an account says of itself.
    SetProfile {
        account: AccountId,
        text: Option<Box<str>>,
    },
    /// What the operator's bridge is told of an account.
    SetNotify {
        account: AccountId,
        text: Option<Box<str>>,
    },
    /// What an account is to another; nothing changes if it was that already.
    Relate {
        account: AccountId,
        other: AccountId,
        relation: Relation,
        at: UnixMs,
    },
    /// It is that no longer.
    Unrelate {
        account: AccountId,
        other: AccountId,
        relation: Relation,
    },
    /// What only the operators of a kept room may do, a bit each.
    SetLocks { place: PlaceId, locks: u32 },
    /// A rule of a kept room about an account; it replaces one of the same kind.
    SetRule(StoredRule),
    /// That rule holds no longer.
    DropRule {
        place: PlaceId,
        account: AccountId,
        kind: RuleKind,
    },
    /// A ban.
    Ban(Ban),
    /// A ban holds no longer.
    Unban { number: u32 },
    /// An account is suspended, for this reason (perhaps an empty one), or is no longer.
    SetSuspended {
        account: AccountId,
        why: Option<Box<str>>,
    },
    /// A code by which the owner of an account may choose a new password once, until then; it replaces an earlier
    /// one. A new password ends it.
    SetCode {
        account: AccountId,
        hash: TokenHash,
        until: UnixMs,
    },
    /// An operator has done something.
    Record(Deed),
}

/// What an account is to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Relation {
    /// It has asked it to be friends. Once both have, they are.
    Friend,
    /// It blocks it.
    Block,
}

/// A rule of a room about an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredRule {
    /// The kept room.
    pub place: PlaceId,
    /// The account.
    pub account: AccountId,
    /// What it says.
    pub kind: RuleKind,
    /// Until when it holds; `None` until it is undone.
    pub until: Option<UnixMs>,
    /// The account of who made it.
    pub by: Option<AccountId>,
}

/// What a rule says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RuleKind {
    /// They are an operator of the room.
    Operator,
    /// They may not speak there.
    Muted,
    /// They may not come in.
    Barred,
}

/// A ban.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ban {
    /// Its number, which is never given again.
    pub number: u32,
    /// Whom it catches.
    pub target: BanTarget,
    /// What it does.
    pub kind: BanKind,
    /// Until when it holds; `None` until it is undone.
    pub until: Option<UnixMs>,
    /// Why, for those whom it catches.
    pub why: Option<Box<str>>,
    /// The name of the operator.
    pub by: Name,
    /// When it was made.
    pub at: UnixMs,
}

/// Whom a ban catches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BanTarget {
    /// Who connects from these addresses.
    Net(IpNet),
    /// An account.
    Account(AccountId),
}

/// What a ban does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BanKind {
    /// They are not let in.
    Out,
    /// They are let in, and must log in.
    LoginRequired,
    /// They may not speak.
    Muted,
}

/// What an operator has done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deed {
    /// When.
    pub at: UnixMs,
    /// The operator's name.
    pub who: Name,
    /// The command's name, without its slash.
    pub what: &'static str,
    /// Whom or what it was done to, as text.
    pub whom: Option<Box<str>>,
    /// In which room; in none, on the whole server.
    pub room: Option<RoomName>,
    /// Why, and for how long.
    pub text: Option<Box<str>>,
}

/// A deed as it was kept: its command may be one that is no more.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are those of a deed")]
pub struct PastDeed {
    pub at: UnixMs,
    pub who: Box<str>,
    pub what: Box<str>,
    pub whom: Option<Box<str>>,
    pub room: Option<Box<str>>,
    pub text: Option<Box<str>>,
}

/// Which of an account's own lines are forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forgetting {
    /// This one.
    Line(LineId),
    /// The newest, this many.
    Last(u32),
    /// All.
    All,
    /// All in this place.
    AllIn(PlaceId),
}

/// What a change found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChangeAnswer {
    /// This many lines are forgotten. `lines` has the newest [`FORGOTTEN_TOLD_MAX`] of them, by place.
    Forgotten {
        /// All of them.
        count: u64,
        /// Some of them.
        lines: Vec<(PlaceId, LineId)>,
        /// Of those that waited, for whom, and how many.
        waited: Vec<(AccountId, u32)>,
    },
}

/// Forgotten lines that are named one by one.
pub const FORGOTTEN_TOLD_MAX: usize = 100;

/// A question about what is kept. `up_to` is the last line that was decided when it was asked: what is
/// said meanwhile comes live, and in no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are what the variant says")]
pub enum Question {
    /// Lines of a place, oldest first.
    Page {
        place: PlaceId,
        range: PageRange,
        up_to: LineId,
        limits: PageLimits,
        /// Lines of these authors are left out.
        without: Vec<AccountId>,
        /// Who reads it, if that is an account: lines for their authors only are left out for others.
        reader: Option<AccountId>,
    },
    /// Lines with all these words, oldest first; the newest such page, or the one before a line.
    Search {
        places: SearchPlaces,
        words: Box<str>,
        before: Option<LineId>,
        up_to: LineId,
        limits: PageLimits,
        without: Vec<AccountId>,
        reader: Option<AccountId>,
    },
    /// An account's own lines in all places, the newest such page or the one before a line; oldest first.
    Own {
        account: AccountId,
        before: Option<LineId>,
        up_to: LineId,
        limits: PageLimits,
    },
    /// What an account that comes back missed in these places after the last line that was shown to it, and
    /// the lines that wait for it.
    Arrival {
        account: AccountId,
        places: Vec<PlaceId>,
        up_to: LineId,
        without: Vec<AccountId>,
    },
    /// Lines past an account's mark: in these rooms, and in its conversations.
    Unread {
        account: AccountId,
        rooms: Vec<PlaceId>,
        up_to: LineId,
        without: Vec<AccountId>,
    },
    /// An account's tokens.
    Tokens { account: AccountId },
    /// What an account says of itself.
    Profile { account: AccountId },
    /// Deeds, the newest first, behind so many that are newer.
    Deeds { skip: u64, count: usize },
    /// All that is kept, copied to a file beside it that is named for this time.
    BackUp { at: UnixMs },
}

/// Where a page lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageRange {
    /// The newest lines.
    Newest,
    /// The newest lines before this one.
    Before(LineId),
    /// The oldest lines after this one.
    Since(LineId),
    /// The oldest lines said at this time or later.
    SinceTime(UnixMs),
}

/// Where words are searched for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SearchPlaces {
    /// In one place.
    One(PlaceId),
    /// In these rooms, and in the conversations of an account.
    All {
        /// The rooms.
        rooms: Vec<PlaceId>,
        /// The account.
        account: AccountId,
    },
}

/// How long a page may be. It has one line, even if that is too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageLimits {
    /// Lines at most.
    pub lines_max: usize,
    /// Bytes of text at most.
    pub bytes_max: usize,
}

/// The answer to a [`Question`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// To [`Question::Page`], [`Question::Search`] and [`Question::Own`].
    Page {
        /// Oldest first.
        lines: Vec<PastLine>,
        /// Nothing more lies that way.
        end: bool,
    },
    /// To [`Question::Arrival`].
    Arrival {
        /// Places without missed lines are left out, and those where nothing was shown yet.
        missed: Vec<MissedLines>,
        /// Oldest first; all of them.
        waiting: Vec<PastLine>,
    },
    /// To [`Question::Unread`]: places with unread lines, and how many, counted up to [`COUNTED_MAX`].
    Unread(Vec<(PlaceId, u64)>),
    /// To [`Question::Tokens`], by label.
    Tokens(Vec<Token>),
    /// To [`Question::Profile`].
    Profile(Option<Box<str>>),
    /// To [`Question::Deeds`].
    Deeds {
        /// The newest first.
        deeds: Vec<PastDeed>,
        /// How many there are in all.
        total: u64,
    },
    /// To [`Question::BackUp`]: the file's name, in the folder of what is kept; `None` if it could not be written.
    BackedUp(Option<Box<str>>),
}

/// Missed and unread lines are counted up to this many: nobody reads more, and the count stays quick.
pub const COUNTED_MAX: u64 = 1000;

/// Lines that an account missed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MissedLines {
    /// Where.
    pub place: PlaceId,
    /// How many, counted up to [`COUNTED_MAX`].
    pub count: u64,
    /// When the first of them was said.
    pub since: UnixMs,
}

/// A token of an account, without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Its owner's word for it.
    pub label: Label,
    /// When it was made.
    pub made: UnixMs,
    /// When it was used last.
    pub used: Option<UnixMs>,
}

/// The longest label of a token, in bytes.
pub const LABEL_BYTES_MAX: usize = 32;

/// A word for a token: the characters of a room's name.
pub type Label = RoomName;

/// A hashed password, as a PHC string.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(pub Box<str>);

impl std::fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PasswordHash")
    }
}

/// A hashed token.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TokenHash(pub [u8; 32]);

impl std::fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TokenHash")
    }
}

/// Work with a secret, which takes a while or needs chance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HashWork {
    /// Hashes a new password.
    MakePassword(Secret),
    /// Checks a password against that of an account; against a dummy, for no account: that takes as long.
    CheckPassword {
        /// Whose it should be.
        account: Option<AccountId>,
        /// As typed.
        password: Secret,
    },
    /// Makes a token.
    MakeToken,
    /// Finds the owner of a token.
    CheckToken(Secret),
    /// Makes a code for one new password.
    MakeCode,
    /// Finds the account of such a code.
    CheckCode(Secret),
}

/// What came of a [`HashWork`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hashed {
    /// The hash of a new password.
    Password(PasswordHash),
    /// Whether a password is right.
    Checked {
        /// It is.
        is_right: bool,
        /// It is, and was hashed anew, as today's cost is higher.
        renewed: Option<PasswordHash>,
    },
    /// A new token, or a new code.
    Token {
        /// To be shown once.
        token: Secret,
        /// To be kept.
        hash: TokenHash,
    },
    /// The owner of a token, and its label.
    Owner(Option<(AccountId, Label)>),
    /// The account of a code, and until when it counts: perhaps no longer.
    CodeOwner(Option<(AccountId, UnixMs)>),
    /// The store cannot be read now.
    Failed,
}

/// Why something was not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotKept {
    /// The disk is full.
    Full,
    /// The disk fails, or the store is damaged: nothing is kept until the daemon starts anew.
    Broken,
}

/// What became of something that was handed to an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settled {
    /// Every line and change up to this ticket that was not told of before is kept.
    KeptUpTo(Ticket),
    /// The lines and changes from the first to the last of these tickets are not kept.
    NotKept {
        /// The first of them.
        first: Ticket,
        /// The last of them.
        last: Ticket,
        /// Why.
        why: NotKept,
    },
    /// What a change found, told before it is known to be kept.
    Changed(Ticket, ChangeAnswer),
    /// The answer to a question; `None` if the store cannot be read now.
    Answered(Ticket, Option<Answer>),
    /// What came of work with a secret.
    Hashed(Ticket, Hashed),
}

/// What an archive had kept when the server started: all that the core decides with.
#[derive(Clone, Debug, Default)]
pub struct Restored {
    /// Open accounts.
    pub accounts: Vec<RestoredAccount>,
    /// Names that are held for their last owners, and until when.
    pub held_names: Vec<(Name, UnixMs)>,
    /// Kept rooms.
    pub rooms: Vec<RestoredRoom>,
    /// Lines that wait: for whom, of whom, how many.
    pub waiting: Vec<(AccountId, Option<AccountId>, u32)>,
    /// The highest number of an account that ever was.
    pub last_account: u32,
    /// The highest number of a kept room that ever was.
    pub last_room: u32,
    /// The last line that was reserved.
    pub reserved_up_to: LineId,
    /// The time of the last line.
    pub last_at: UnixMs,
    /// What accounts are to others, by the time that they said so.
    pub relations: Vec<(AccountId, AccountId, Relation)>,
    /// Rules of kept rooms; some may be past their time.
    pub rules: Vec<StoredRule>,
    /// Bans; some may be past their time.
    pub bans: Vec<Ban>,
    /// The highest number of a ban that ever was.
    pub last_ban: u32,
}

/// An account, as it was kept.
#[derive(Clone, Debug)]
pub struct RestoredAccount {
    /// Its number.
    pub account: AccountId,
    /// Its name.
    pub name: Name,
    /// When it was made.
    pub made_at: UnixMs,
    /// When it was used last.
    pub seen_at: UnixMs,
    /// Its settings, a bit each.
    pub settings: u32,
    /// How many tokens it has.
    pub tokens: u32,
    /// Why it is suspended, if it is; perhaps an empty text.
    pub suspended: Option<Box<str>>,
    /// What the operator's bridge is told of it.
    pub notify: Option<Box<str>>,
}

/// A kept room.
#[derive(Clone, Debug)]
pub struct RestoredRoom {
    /// Its place.
    pub place: PlaceId,
    /// Its name.
    pub room: RoomName,
    /// Whose it is.
    pub owner: Option<AccountId>,
    /// For how many days its lines are kept.
    pub days: u32,
    /// Its topic.
    pub topic: Option<Box<str>>,
    /// What only its operators may do, a bit each.
    pub locks: u32,
}
