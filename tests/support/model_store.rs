//! An archive in memory, on virtual time: what a store must do, in the plainest code, and whatever can go
//! wrong with one.
//!
//! Things wait in one queue until a commit takes some of them; a crash loses what no commit has taken.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;

use chinwag::chat::archive::{
    Answer, Archive, COUNTED_MAX, Change, ChangeAnswer, FORGOTTEN_TOLD_MAX, Forgetting, HashWork,
    Hashed, KeptLine, Label, LineKind, MissedLines, NotKept, PageLimits, PageRange, PasswordHash,
    PastLine, Question, Restored, RestoredAccount, RestoredRoom, SearchPlaces, Settled, Ticket,
    Token, TokenHash, UnixMs,
};
use chinwag::chat::ids::{AccountId, LineId, Place, PlaceId};
use chinwag::chat::name::{Name, RoomName};
use chinwag::chat::secret::Secret;

/// All that is kept.
#[derive(Clone, Debug, Default)]
pub struct Kept {
    pub accounts: BTreeMap<AccountId, KeptAccount>,
    pub held_names: BTreeMap<Name, UnixMs>,
    pub rooms: BTreeMap<PlaceId, KeptRoom>,
    pub lines: BTreeMap<LineId, OwnedLine>,
    pub waiting: BTreeSet<(AccountId, LineId)>,
    pub marks: BTreeMap<(AccountId, PlaceId), (LineId, LineId)>,
    pub reserved_up_to: LineId,
    pub last_at: UnixMs,
    pub last_account: u32,
    pub last_room: u32,
}

#[derive(Clone, Debug)]
pub struct KeptAccount {
    pub name: Name,
    pub password: PasswordHash,
    pub made_at: UnixMs,
    pub seen_at: UnixMs,
    pub tokens: BTreeMap<Label, KeptToken>,
}

#[derive(Clone, Debug)]
pub struct KeptToken {
    pub hash: TokenHash,
    pub made: UnixMs,
    pub used: Option<UnixMs>,
}

#[derive(Clone, Debug)]
pub struct KeptRoom {
    pub room: RoomName,
    pub owner: Option<AccountId>,
    pub days: u32,
    pub topic: Option<Box<str>>,
}

#[derive(Clone, Debug)]
pub struct OwnedLine {
    pub place: PlaceId,
    pub at: UnixMs,
    pub author: Option<AccountId>,
    pub name: Name,
    pub kind: LineKind,
    pub text: Box<str>,
    pub waits_for: Option<AccountId>,
}

/// Something handed to the archive, in the order of tickets.
#[derive(Clone, Debug)]
enum Item {
    Line(LineId, OwnedLine),
    Change(Change),
    Question(Question),
}

/// What is wrong with the disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Trouble {
    #[default]
    None,
    /// Nothing is committed, and nothing fails.
    Stuck,
    /// Each commit fails.
    Full,
    /// Each question fails.
    Unreadable,
}

#[derive(Debug, Default)]
struct Inner {
    kept: Kept,
    tickets: u64,
    queue: VecDeque<(Ticket, Item)>,
    hashes: VecDeque<(Ticket, HashWork)>,
    done: VecDeque<Settled>,
    trouble: Trouble,
    /// More than this in the queue is refused.
    queue_max: Option<usize>,
    has_search: bool,
    is_closed: bool,
    tokens_made: u64,
}

/// An archive in memory. Clones are the same one.
#[derive(Clone, Debug, Default)]
pub struct ModelStore(Rc<RefCell<Inner>>);

impl ModelStore {
    pub fn new() -> Self {
        let store = Self::default();
        store.0.borrow_mut().has_search = true;
        store
    }

    pub fn set_trouble(&self, trouble: Trouble) {
        self.0.borrow_mut().trouble = trouble;
    }

    pub fn set_queue_max(&self, max: Option<usize>) {
        self.0.borrow_mut().queue_max = max;
    }

    /// From now on it is as if there were none.
    pub fn close(&self) {
        self.0.borrow_mut().is_closed = true;
    }

    /// Commits up to `count` of what waits.
    pub fn commit(&self, count: usize) {
        self.0.borrow_mut().commit(count);
    }

    /// Does up to `count` of the work with secrets.
    pub fn work(&self, count: usize) {
        self.0.borrow_mut().work(count);
    }

    /// The next thing that it has to tell.
    pub fn next_settled(&self) -> Option<Settled> {
        self.0.borrow_mut().done.pop_front()
    }

    /// Whether anything is under way.
    pub fn is_busy(&self) -> bool {
        let inner = self.0.borrow();
        !(inner.queue.is_empty() && inner.hashes.is_empty() && inner.done.is_empty())
    }

    /// The process is killed: what no commit has taken is lost, and nothing more is told. Returns the store
    /// as it is opened again, and what it knows.
    pub fn crash(&self) -> (Self, Restored) {
        let inner = self.0.borrow();
        let store = Self::new();
        store.0.borrow_mut().kept = inner.kept.clone();
        store.0.borrow_mut().tokens_made = inner.tokens_made;
        (store, inner.kept.restored())
    }

    /// Looks at what is kept.
    pub fn kept(&self) -> Kept {
        self.0.borrow().kept.clone()
    }
}

impl Archive for ModelStore {
    fn is_open(&self) -> bool {
        !self.0.borrow().is_closed
    }

    fn has_search(&self) -> bool {
        self.0.borrow().has_search
    }

    fn keep(&mut self, line: &KeptLine<'_>) -> Option<Ticket> {
        let owned = OwnedLine {
            place: line.place,
            at: line.at,
            author: line.author,
            name: line.name,
            kind: line.kind,
            text: line.text.into(),
            waits_for: line.waits_for,
        };
        self.0.borrow_mut().push(Item::Line(line.id, owned))
    }

    fn change(&mut self, change: Change) -> Option<Ticket> {
        self.0.borrow_mut().push(Item::Change(change))
    }

    fn ask(&mut self, question: Question) -> Option<Ticket> {
        self.0.borrow_mut().push(Item::Question(question))
    }

    fn hash(&mut self, work: HashWork) -> Option<Ticket> {
        let mut inner = self.0.borrow_mut();
        let ticket = inner.ticket();
        inner.hashes.push_back((ticket, work));
        Some(ticket)
    }
}

impl Inner {
    fn ticket(&mut self) -> Ticket {
        self.tickets += 1;
        Ticket(self.tickets)
    }

    fn push(&mut self, item: Item) -> Option<Ticket> {
        if self.queue_max.is_some_and(|max| self.queue.len() >= max) {
            return None;
        }
        let ticket = self.ticket();
        self.queue.push_back((ticket, item));
        Some(ticket)
    }

    fn commit(&mut self, count: usize) {
        if self.trouble == Trouble::Stuck {
            return;
        }
        let count = count.min(self.queue.len());
        let batch: Vec<(Ticket, Item)> = self.queue.drain(..count).collect();
        let is_change = |item: &&(Ticket, Item)| !matches!(item.1, Item::Question(_));
        let (first, last) = (
            batch.iter().find(is_change).map(|(ticket, _)| *ticket),
            batch.iter().rfind(is_change).map(|(ticket, _)| *ticket),
        );
        if self.trouble == Trouble::Full {
            if let (Some(first), Some(last)) = (first, last) {
                let why = NotKept::Full;
                self.done.push_back(Settled::NotKept { first, last, why });
            }
        } else {
            for (ticket, item) in &batch {
                let found = match item {
                    Item::Line(id, line) => self.kept.add(*id, line.clone()),
                    Item::Change(change) => self.kept.change(change),
                    Item::Question(_) => None,
                };
                if let Some(found) = found {
                    self.done.push_back(Settled::Changed(*ticket, found));
                }
            }
            self.done.extend(last.map(Settled::KeptUpTo));
        }
        for (ticket, item) in batch {
            if let Item::Question(question) = item {
                let is_readable = self.trouble != Trouble::Unreadable;
                let answer = is_readable.then(|| self.kept.answer(&question));
                self.done.push_back(Settled::Answered(ticket, answer));
            }
        }
    }

    fn work(&mut self, count: usize) {
        for _ in 0..count {
            let Some((ticket, work)) = self.hashes.pop_front() else {
                return;
            };
            let hashed = self.hash(work);
            self.done.push_back(Settled::Hashed(ticket, hashed));
        }
    }

    fn hash(&mut self, work: HashWork) -> Hashed {
        match work {
            HashWork::MakePassword(password) => Hashed::Password(hash_of(&password)),
            HashWork::CheckPassword { account, password } => {
                let account = account.and_then(|account| self.kept.accounts.get(&account));
                let is_right = account.is_some_and(|own| own.password == hash_of(&password));
                let renewed = None;
                Hashed::Checked { is_right, renewed }
            }
            HashWork::MakeToken => {
                self.tokens_made += 1;
                let token = Secret::new(&format!("cw_{:026}", self.tokens_made));
                let hash = token_hash_of(&token);
                Hashed::Token { token, hash }
            }
            HashWork::CheckToken(token) => {
                let hash = token_hash_of(&token);
                let mut all = self.kept.accounts.iter();
                Hashed::Owner(all.find_map(|(account, own)| {
                    let mut tokens = own.tokens.iter();
                    let (label, _) = tokens.find(|(_, token)| token.hash == hash)?;
                    Some((*account, *label))
                }))
            }
        }
    }
}

fn hash_of(password: &Secret) -> PasswordHash {
    PasswordHash(format!("model of {}", password.expose()).into())
}

fn token_hash_of(token: &Secret) -> TokenHash {
    let mut bytes = [0; 32];
    for (place, byte) in token.expose().bytes().enumerate() {
        bytes[place % 32] ^= byte.rotate_left(u32::try_from(place / 32).unwrap());
    }
    TokenHash(bytes)
}

impl Kept {
    fn add(&mut self, id: LineId, line: OwnedLine) -> Option<ChangeAnswer> {
        assert!(id <= self.reserved_up_to, "{id} was not reserved");
        let last = self.lines.last_key_value().map(|(last, _)| *last);
        assert!(
            last.is_none_or(|last| last < id),
            "{id} comes after {last:?}"
        );
        assert!(line.at >= self.last_at, "time goes forward");
        self.last_at = line.at;
        if let Some(account) = line.waits_for {
            self.waiting.insert((account, id));
        }
        self.lines.insert(id, line);
        None
    }

    fn change(&mut self, change: &Change) -> Option<ChangeAnswer> {
        match change.clone() {
            Change::ReserveLines { up_to } => {
                self.reserved_up_to = self.reserved_up_to.max(up_to);
            }
            Change::MakeAccount {
                account,
                name,
                password,
                at,
                ..
            } => {
                assert!(account.get() > self.last_account, "numbers are not reused");
                self.last_account = account.get();
                self.held_names.remove(&name);
                let made = KeptAccount {
                    name,
                    password,
                    made_at: at,
                    seen_at: at,
                    tokens: BTreeMap::new(),
                };
                self.accounts.insert(account, made);
            }
            Change::DropAccount {
                account,
                name,
                held_until,
            } => {
                self.accounts.remove(&account);
                self.held_names.insert(name, held_until);
                self.waiting.retain(|(other, _)| *other != account);
                self.marks.retain(|(other, _), _| *other != account);
            }
            Change::KeepRoom {
                place,
                room,
                owner,
                days,
                topic,
            } => {
                let Place::Room(number) = place.kind() else {
                    panic!("{place:?} is a room");
                };
                self.last_room = self.last_room.max(number);
                let kept = KeptRoom {
                    room,
                    owner,
                    days,
                    topic,
                };
                self.rooms.insert(place, kept);
            }
            Change::UnkeepRoom { place } => {
                self.rooms.remove(&place);
                self.lines.retain(|_, line| line.place != place);
                self.marks.retain(|(_, other), _| *other != place);
            }
            Change::SetTopic { place, topic } => {
                if let Some(room) = self.rooms.get_mut(&place) {
                    room.topic = topic;
                }
            }
            Change::Mark {
                account,
                place,
                read,
                shown,
            } => {
                let either = read.or(shown).unwrap_or_default();
                let first = (read.unwrap_or(either), shown.unwrap_or(either));
                let mark = self.marks.entry((account, place)).or_insert(first);
                mark.0 = mark.0.max(read.unwrap_or_default());
                mark.1 = mark.1.max(shown.unwrap_or_default());
            }
            Change::Delivered { account, lines } => {
                for line in lines {
                    self.waiting.remove(&(account, line));
                }
            }
            Change::Forget {
                account,
                what,
                up_to,
            } => return Some(self.forget(account, what, up_to)),
            change => self.change_account(change),
        }
        None
    }

    fn change_account(&mut self, change: Change) {
        let account = match change {
            Change::SpellName { account, .. }
            | Change::SetPassword { account, .. }
            | Change::UseAccount { account, .. }
            | Change::AddToken { account, .. }
            | Change::DropToken { account, .. }
            | Change::UseToken { account, .. } => account,
            other => panic!("{other:?} changes no account"),
        };
        let Some(own) = self.accounts.get_mut(&account) else {
            return;
        };
        match change {
            Change::SpellName { name, .. } => own.name = name,
            Change::SetPassword {
                password,
                ends_tokens,
                ..
            } => {
                own.password = password;
                if ends_tokens {
                    own.tokens.clear();
                }
            }
            Change::UseAccount { at, .. } => own.seen_at = at,
            Change::AddToken {
                label, hash, at, ..
            } => {
                let (made, used) = (at, None);
                own.tokens.insert(label, KeptToken { hash, made, used });
            }
            Change::DropToken { label, .. } => {
                own.tokens.remove(&label);
            }
            Change::UseToken { label, at, .. } => {
                if let Some(token) = own.tokens.get_mut(&label) {
                    token.used = Some(at);
                }
            }
            _ => {}
        }
    }

    fn forget(&mut self, account: AccountId, what: Forgetting, up_to: LineId) -> ChangeAnswer {
        let own = self.lines.iter().filter(|(id, line)| {
            let is_meant = match what {
                Forgetting::Line(wanted) => **id == wanted,
                Forgetting::AllIn(place) => line.place == place,
                Forgetting::Last(_) | Forgetting::All => true,
            };
            is_meant && line.author == Some(account) && **id <= up_to
        });
        let mut forgotten: Vec<LineId> = own.map(|(id, _)| *id).rev().collect();
        if let Forgetting::Last(count) = what {
            forgotten.truncate(count as usize);
        }
        let mut waited: BTreeMap<AccountId, u32> = BTreeMap::new();
        let mut lines = Vec::new();
        for id in &forgotten {
            let line = self.lines.remove(id).expect("it was found");
            lines.push((line.place, *id));
            self.waiting.retain(|(other, waiting)| {
                if waiting == id {
                    *waited.entry(*other).or_default() += 1;
                }
                waiting != id
            });
        }
        // The newest are named.
        lines.truncate(FORGOTTEN_TOLD_MAX);
        lines.sort_unstable();
        ChangeAnswer::Forgotten {
            count: forgotten.len() as u64,
            lines,
            waited: waited.into_iter().collect(),
        }
    }

    fn past(&self, id: LineId, line: &OwnedLine) -> PastLine {
        let is_here = |author: &AccountId| self.accounts.contains_key(author);
        PastLine {
            id,
            place: line.place,
            at: line.at,
            author: line.author.filter(is_here),
            name: line.name,
            kind: line.kind,
            text: line.text.clone(),
        }
    }

    fn answer(&self, question: &Question) -> Answer {
        match question {
            Question::Page {
                place,
                range,
                up_to,
                limits,
                without,
            } => {
                let is_in = |id: LineId, line: &OwnedLine| {
                    let in_range = match range {
                        PageRange::Newest => true,
                        PageRange::Before(before) => id < *before,
                        PageRange::Since(since) => id > *since,
                        PageRange::SinceTime(time) => line.at >= *time,
                    };
                    in_range && line.place == *place && id <= *up_to && is_wanted(line, without)
                };
                let is_forward = matches!(range, PageRange::Since(_) | PageRange::SinceTime(_));
                self.page(is_in, *limits, is_forward)
            }
            Question::Search {
                places,
                words,
                before,
                up_to,
                limits,
                without,
            } => {
                let is_in = |id: LineId, line: &OwnedLine| {
                    before.is_none_or(|before| id < before)
                        && id <= *up_to
                        && is_searched(places, line.place)
                        && is_wanted(line, without)
                        && has_words(&line.text, words)
                };
                self.page(is_in, *limits, false)
            }
            Question::Own {
                account,
                before,
                up_to,
                limits,
            } => {
                let is_in = |id: LineId, line: &OwnedLine| {
                    line.author == Some(*account)
                        && before.is_none_or(|before| id < before)
                        && id <= *up_to
                };
                self.page(is_in, *limits, false)
            }
            Question::Arrival {
                account,
                places,
                up_to,
                without,
            } => self.arrival(*account, places, *up_to, without),
            Question::Unread {
                account,
                rooms,
                up_to,
                without,
            } => self.unread(*account, rooms, *up_to, without),
            Question::Tokens { account } => {
                let tokens = self.accounts.get(account).map(|own| &own.tokens);
                let tokens = tokens.into_iter().flatten().map(|(label, token)| Token {
                    label: *label,
                    made: token.made,
                    used: token.used,
                });
                Answer::Tokens(tokens.collect())
            }
        }
    }

    fn page(
        &self,
        is_in: impl Fn(LineId, &OwnedLine) -> bool,
        limits: PageLimits,
        is_forward: bool,
    ) -> Answer {
        let all = self.lines.iter().filter(|(id, line)| is_in(**id, line));
        let mut all: Vec<PastLine> = all.map(|(id, line)| self.past(*id, line)).collect();
        if !is_forward {
            all.reverse();
        }
        let (mut bytes, total) = (0, all.len());
        let mut fits = |line: &PastLine| {
            bytes += line.text.len();
            bytes <= limits.bytes_max
        };
        let count = all.iter().take(limits.lines_max);
        let count = count.take_while(|line| fits(line)).count().max(1);
        all.truncate(count);
        let end = all.len() == total;
        if !is_forward {
            all.reverse();
        }
        Answer::Page { lines: all, end }
    }

    fn arrival(
        &self,
        account: AccountId,
        places: &[PlaceId],
        up_to: LineId,
        without: &[AccountId],
    ) -> Answer {
        let mut missed = Vec::new();
        for place in places {
            let Some((_, shown)) = self.marks.get(&(account, *place)) else {
                continue;
            };
            let lines = self.lines_past(account, *place, *shown, up_to, without);
            if let Some(first) = lines.first() {
                missed.push(MissedLines {
                    place: *place,
                    count: (lines.len() as u64).min(COUNTED_MAX),
                    since: first.at,
                });
            }
        }
        let is_own = |(other, id): &&(AccountId, LineId)| *other == account && *id <= up_to;
        let own = self.waiting.iter().filter(is_own);
        let waiting = own.filter_map(|(_, id)| Some(self.past(*id, self.lines.get(id)?)));
        let waiting = waiting.collect();
        Answer::Arrival { missed, waiting }
    }

    fn unread(
        &self,
        account: AccountId,
        rooms: &[PlaceId],
        up_to: LineId,
        without: &[AccountId],
    ) -> Answer {
        let mut places: BTreeSet<(PlaceId, LineId)> = BTreeSet::new();
        for room in rooms {
            let mark = self.marks.get(&(account, *room));
            places.extend(mark.map(|(read, _)| (*room, *read)));
        }
        for line in self.lines.values() {
            if let Place::Pair(low, high) = line.place.kind()
                && (low == account || high == account)
            {
                let mark = self.marks.get(&(account, line.place));
                let read = mark.map(|(read, _)| *read).unwrap_or_default();
                places.insert((line.place, read));
            }
        }
        let count = |(place, read): (PlaceId, LineId)| {
            let lines = self.lines_past(account, place, read, up_to, without);
            let count = (lines.len() as u64).min(COUNTED_MAX);
            (count > 0).then_some((place, count))
        };
        Answer::Unread(places.into_iter().filter_map(count).collect())
    }

    /// Others' lines of a place behind a line.
    fn lines_past(
        &self,
        account: AccountId,
        place: PlaceId,
        mark: LineId,
        up_to: LineId,
        without: &[AccountId],
    ) -> Vec<&OwnedLine> {
        let all = self.lines.iter().filter(|(id, line)| {
            line.place == place
                && **id > mark
                && **id <= up_to
                && line.author != Some(account)
                && is_wanted(line, without)
        });
        all.map(|(_, line)| line).collect()
    }

    /// What the core is told when it starts.
    pub fn restored(&self) -> Restored {
        let accounts = self.accounts.iter().map(|(account, own)| RestoredAccount {
            account: *account,
            name: own.name,
            made_at: own.made_at,
            seen_at: own.seen_at,
            settings: 0,
            tokens: u32::try_from(own.tokens.len()).unwrap(),
        });
        let rooms = self.rooms.iter().map(|(place, room)| RestoredRoom {
            place: *place,
            room: room.room,
            owner: room.owner,
            days: room.days,
            topic: room.topic.clone(),
        });
        let mut waiting: BTreeMap<(AccountId, Option<AccountId>), u32> = BTreeMap::new();
        for (account, id) in &self.waiting {
            let author = self.lines[id].author;
            *waiting.entry((*account, author)).or_default() += 1;
        }
        let waiting = waiting.into_iter();
        Restored {
            accounts: accounts.collect(),
            held_names: self.held_names.clone().into_iter().collect(),
            rooms: rooms.collect(),
            waiting: waiting.map(|((to, of), count)| (to, of, count)).collect(),
            last_account: self.last_account,
            last_room: self.last_room,
            reserved_up_to: self.reserved_up_to,
            last_at: self.last_at,
        }
    }
}

fn is_wanted(line: &OwnedLine, without: &[AccountId]) -> bool {
    line.author.is_none_or(|author| !without.contains(&author))
}

fn is_searched(places: &SearchPlaces, place: PlaceId) -> bool {
    match places {
        SearchPlaces::One(one) => *one == place,
        SearchPlaces::All { rooms, account } => match place.kind() {
            Place::Room(_) => rooms.contains(&place),
            Place::Pair(low, high) => low == *account || high == *account,
        },
    }
}

/// Whether a text has all these words. Only for plain words of letters and digits.
fn has_words(text: &str, words: &str) -> bool {
    let split = |text: &str| -> BTreeSet<String> {
        let words = text.split(|c: char| !c.is_alphanumeric());
        let words = words.filter(|word| !word.is_empty());
        words.map(str::to_lowercase).collect()
    };
    split(words).is_subset(&split(text))
}
