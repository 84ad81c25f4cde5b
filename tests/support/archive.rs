//! An archive that a test settles by hand: nothing is kept, answered or hashed until it is told to.
//!
//! Lines and changes settle in their order, and so do questions and hashes among each other. A question sees
//! all that was handed over before it; a hash is compared with what is kept when it is answered. Passwords are
//! kept as they are, so that a test can look at them.

use std::collections::{BTreeMap, VecDeque};

use chinwag::chat::archive::{
    Answer, Archive, Change, HashWork, Hashed, KeptLine, Label, MissedLines, NotKept, PasswordHash,
    PastLine, Question, Settled, Ticket, Token, TokenHash, UnixMs,
};
use chinwag::chat::ids::{AccountId, LineId, PlaceId};
use chinwag::chat::name::Name;
use chinwag::chat::secret::Secret;

/// A line or a change.
#[derive(Clone, Debug)]
enum Write {
    Line {
        line: PastLine,
        waits_for: Option<AccountId>,
    },
    Change(Change),
}

/// A question or a hash.
#[derive(Clone, Debug)]
enum Work {
    Question(Question),
    Hash(HashWork),
}

/// An account, as it is kept.
#[derive(Clone, Debug)]
pub struct KeptAccount {
    pub name: Name,
    pub password: String,
    pub made_at: UnixMs,
    pub seen_at: UnixMs,
    pub tokens: BTreeMap<Label, KeptToken>,
}

/// A token, as it is kept.
#[derive(Clone, Debug)]
pub struct KeptToken {
    pub hash: TokenHash,
    pub made: UnixMs,
    pub used: Option<UnixMs>,
}

/// All that is kept.
#[derive(Clone, Debug, Default)]
pub struct Kept {
    pub accounts: BTreeMap<AccountId, KeptAccount>,
    pub held: Vec<(Name, UnixMs)>,
    pub lines: Vec<PastLine>,
    pub waiting: Vec<(AccountId, LineId)>,
    pub shown: BTreeMap<(AccountId, PlaceId), LineId>,
}

/// See the module's text.
#[derive(Debug)]
pub struct TestArchive {
    /// Whether it keeps anything at all.
    pub is_open: bool,
    /// Its queues are full.
    pub is_full: bool,
    /// A right password is hashed anew.
    pub renews: bool,
    /// All that is kept by now.
    pub kept: Kept,
    last: u64,
    writes: VecDeque<(Ticket, Write)>,
    work: VecDeque<(Ticket, Work)>,
    tokens_made: u8,
}

impl Default for TestArchive {
    fn default() -> Self {
        Self {
            is_open: true,
            is_full: false,
            renews: false,
            kept: Kept::default(),
            last: 0,
            writes: VecDeque::new(),
            work: VecDeque::new(),
            tokens_made: 0,
        }
    }
}

impl TestArchive {
    /// How many lines and changes are not settled.
    pub fn writes(&self) -> usize {
        self.writes.len()
    }

    /// How many questions and hashes have no answer.
    pub fn work(&self) -> usize {
        self.work.len()
    }

    /// Keeps the next line or change.
    pub fn keep_one(&mut self) -> Option<Settled> {
        let (ticket, write) = self.writes.pop_front()?;
        self.kept.take(&write);
        Some(Settled::KeptUpTo(ticket))
    }

    /// Keeps all lines and changes that were handed over.
    pub fn keep_all(&mut self) -> Option<Settled> {
        let mut settled = None;
        while let Some(one) = self.keep_one() {
            settled = Some(one);
        }
        settled
    }

    /// Keeps none of the lines and changes that were handed over.
    pub fn keep_none(&mut self, why: NotKept) -> Option<Settled> {
        let (first, last) = (self.writes.front()?.0, self.writes.back()?.0);
        self.writes.clear();
        Some(Settled::NotKept { first, last, why })
    }

    /// Answers the next question or hash.
    pub fn answer_one(&mut self) -> Option<Settled> {
        let (ticket, work) = self.work.pop_front()?;
        Some(match work {
            Work::Question(question) => {
                let mut kept = self.kept.clone();
                let before = self.writes.iter().take_while(|(other, _)| *other < ticket);
                for (_, write) in before {
                    kept.take(write);
                }
                Settled::Answered(ticket, Some(kept.answer(&question)))
            }
            Work::Hash(work) => Settled::Hashed(ticket, self.hashed(work)),
        })
    }

    /// Has no answer to the next question or hash.
    pub fn fail_one(&mut self) -> Option<Settled> {
        let (ticket, work) = self.work.pop_front()?;
        Some(match work {
            Work::Question(_) => Settled::Answered(ticket, None),
            Work::Hash(_) => Settled::Hashed(ticket, Hashed::Failed),
        })
    }

    /// Settles what was handed over first.
    pub fn settle_one(&mut self) -> Option<Settled> {
        let write = self.writes.front().map(|(ticket, _)| *ticket);
        let work = self.work.front().map(|(ticket, _)| *ticket);
        match (write, work) {
            (Some(write), Some(work)) if work < write => self.answer_one(),
            (None, _) => self.answer_one(),
            (Some(_), _) => self.keep_one(),
        }
    }

    fn hashed(&mut self, work: HashWork) -> Hashed {
        match work {
            HashWork::MakePassword(password) => {
                Hashed::Password(PasswordHash(password.expose().into()))
            }
            HashWork::CheckPassword { account, password } => {
                let account = account.and_then(|account| self.kept.accounts.get(&account));
                let is_right = account.is_some_and(|account| account.password == password.expose());
                let renewed =
                    (is_right && self.renews).then(|| PasswordHash(password.expose().into()));
                Hashed::Checked { is_right, renewed }
            }
            HashWork::MakeToken => {
                self.tokens_made += 1;
                Hashed::Token {
                    token: Secret::new(&format!("cw_{}", self.tokens_made)),
                    hash: TokenHash([self.tokens_made; 32]),
                }
            }
            HashWork::CheckToken(token) => Hashed::Owner(self.kept.owner(token.expose())),
        }
    }

    fn ticket(&mut self) -> Option<Ticket> {
        if self.is_full || !self.is_open {
            return None;
        }
        self.last += 1;
        Some(Ticket(self.last))
    }
}

impl Archive for TestArchive {
    fn is_open(&self) -> bool {
        self.is_open
    }

    fn has_search(&self) -> bool {
        false
    }

    fn keep(&mut self, line: &KeptLine<'_>) -> Option<Ticket> {
        let ticket = self.ticket()?;
        let write = Write::Line {
            line: PastLine {
                id: line.id,
                place: line.place,
                at: line.at,
                author: line.author,
                name: line.name,
                kind: line.kind,
                text: line.text.into(),
            },
            waits_for: line.waits_for,
        };
        self.writes.push_back((ticket, write));
        Some(ticket)
    }

    fn change(&mut self, change: Change) -> Option<Ticket> {
        let ticket = self.ticket()?;
        self.writes.push_back((ticket, Write::Change(change)));
        Some(ticket)
    }

    fn ask(&mut self, question: Question) -> Option<Ticket> {
        let ticket = self.ticket()?;
        self.work.push_back((ticket, Work::Question(question)));
        Some(ticket)
    }

    fn hash(&mut self, work: HashWork) -> Option<Ticket> {
        let ticket = self.ticket()?;
        self.work.push_back((ticket, Work::Hash(work)));
        Some(ticket)
    }
}

impl Kept {
    /// The account of this name.
    pub fn find(&self, name: &str) -> Option<&KeptAccount> {
        let name = Name::parse(name).unwrap();
        self.accounts.values().find(|account| account.name == name)
    }

    fn owner(&self, token: &str) -> Option<(AccountId, Label)> {
        let number = token.strip_prefix("cw_")?.parse().ok()?;
        self.accounts.iter().find_map(|(id, account)| {
            let mut tokens = account.tokens.iter();
            let (label, _) = tokens.find(|(_, token)| token.hash == TokenHash([number; 32]))?;
            Some((*id, *label))
        })
    }

    fn take(&mut self, write: &Write) {
        match write {
            Write::Line { line, waits_for } => {
                self.waiting
                    .extend(waits_for.map(|account| (account, line.id)));
                self.lines.push(line.clone());
            }
            Write::Change(change) => self.change(change.clone()),
        }
    }

    fn change(&mut self, change: Change) {
        match change {
            Change::MakeAccount {
                account,
                name,
                skeleton,
                password,
                at,
            } => {
                assert!(!skeleton.is_empty());
                let twin = self.accounts.values().find(|other| other.name == name);
                assert!(twin.is_none(), "two accounts have one name");
                self.held.retain(|(held, _)| *held != name);
                let made = KeptAccount {
                    name,
                    password: password.0.into(),
                    made_at: at,
                    seen_at: at,
                    tokens: BTreeMap::new(),
                };
                assert!(self.accounts.insert(account, made).is_none());
            }
            Change::DropAccount {
                account,
                name,
                held_until,
            } => {
                assert!(self.accounts.remove(&account).is_some());
                self.waiting.retain(|(waits, _)| *waits != account);
                self.held.push((name, held_until));
            }
            Change::SpellName { account, name } => self.of(account).name = name,
            Change::SetPassword {
                account,
                password,
                ends_tokens,
            } => {
                let account = self.of(account);
                account.password = password.0.into();
                if ends_tokens {
                    account.tokens.clear();
                }
            }
            Change::UseAccount { account, at } => {
                if let Some(account) = self.accounts.get_mut(&account) {
                    account.seen_at = at;
                }
            }
            Change::AddToken {
                account,
                label,
                hash,
                at,
            } => {
                let (made, used) = (at, None);
                let token = KeptToken { hash, made, used };
                let twin = self.of(account).tokens.insert(label, token);
                assert!(twin.is_none(), "two tokens have one label");
            }
            Change::DropToken { account, label } => {
                self.of(account).tokens.remove(&label);
            }
            Change::UseToken { account, label, at } => {
                let account = self.accounts.get_mut(&account);
                if let Some(token) = account.and_then(|account| account.tokens.get_mut(&label)) {
                    token.used = Some(at);
                }
            }
            Change::Mark {
                account,
                place,
                shown: Some(shown),
                ..
            } => {
                let old = self.shown.entry((account, place)).or_default();
                *old = shown.max(*old);
            }
            Change::Delivered { account, lines } => {
                self.waiting
                    .retain(|(waits, line)| *waits != account || !lines.contains(line));
            }
            Change::ReserveLines { .. }
            | Change::KeepRoom { .. }
            | Change::UnkeepRoom { .. }
            | Change::SetTopic { .. }
            | Change::Mark { .. }
            | Change::Forget { .. } => {}
        }
    }

    fn of(&mut self, account: AccountId) -> &mut KeptAccount {
        self.accounts
            .get_mut(&account)
            .expect("an account is there")
    }

    fn answer(&self, question: &Question) -> Answer {
        match question {
            Question::Arrival {
                account, places, ..
            } => {
                let missed = places.iter().filter_map(|place| {
                    let shown = self.shown.get(&(*account, *place))?;
                    let mut lines = self.lines.iter();
                    let first = lines.find(|line| line.place == *place && line.id > *shown)?;
                    Some(MissedLines {
                        place: *place,
                        count: 1 + lines.filter(|line| line.place == *place).count() as u64,
                        since: first.at,
                    })
                });
                let waits = |line: &&PastLine| self.waiting.contains(&(*account, line.id));
                Answer::Arrival {
                    missed: missed.collect(),
                    waiting: self.lines.iter().filter(waits).cloned().collect(),
                }
            }
            Question::Tokens { account } => {
                let account = self.accounts.get(account);
                let tokens = account.into_iter().flat_map(|account| &account.tokens);
                let tokens = tokens.map(|(label, token)| Token {
                    label: *label,
                    made: token.made,
                    used: token.used,
                });
                Answer::Tokens(tokens.collect())
            }
            Question::Page { .. } | Question::Search { .. } | Question::Own { .. } => {
                let (lines, end) = (Vec::new(), true);
                Answer::Page { lines, end }
            }
            Question::Unread { .. } => Answer::Unread(Vec::new()),
        }
    }
}
