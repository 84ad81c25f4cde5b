//! What a store has kept, and what it must make of each change and question, in the plainest code. The real one
//! is compared with it.

use std::collections::{BTreeMap, BTreeSet};

use chinwag::chat::archive::{
    Answer, Ban, COUNTED_MAX, Change, ChangeAnswer, Deed, FORGOTTEN_TOLD_MAX, Forgetting, HashWork,
    Hashed, KeptLine, Label, LineKind, MissedLines, PageLimits, PageRange, PasswordHash, PastDeed,
    PastLine, Question, Relation, Restored, RestoredAccount, RestoredRoom, RuleKind, SearchPlaces,
    StoredRule, Token, TokenHash, UnixMs,
};
use chinwag::chat::ids::{AccountId, LineId, Place, PlaceId};
use chinwag::chat::name::{Name, RoomName};
use chinwag::chat::secret::Secret;

/// What a password's hash begins with here; the password follows.
const HASH_PREFIX: &str = "model of ";

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
    /// With the order in which they came about.
    pub relations: BTreeMap<(AccountId, Relation, AccountId), u64>,
    pub rules: BTreeMap<(PlaceId, AccountId, RuleKind), StoredRule>,
    pub bans: BTreeMap<u32, Ban>,
    pub last_ban: u32,
    /// The oldest first.
    pub deeds: Vec<Deed>,
    pub relations_made: u64,
}

#[derive(Clone, Debug)]
pub struct KeptAccount {
    pub name: Name,
    pub password: PasswordHash,
    pub made_at: UnixMs,
    pub seen_at: UnixMs,
    pub tokens: BTreeMap<Label, KeptToken>,
    pub settings: u32,
    pub profile: Option<Box<str>>,
    pub notify: Option<Box<str>>,
    pub suspended: Option<Box<str>>,
    pub code: Option<(TokenHash, UnixMs)>,
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
    pub locks: u32,
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
    pub is_authors_only: bool,
}

/// The text of the token that was made as this one in order, from 1 on.
pub fn token(number: u64) -> String {
    format!("cw_{number:026}")
}

/// The text of the code that was made as this one in order, from 1 on.
pub fn code(number: u64) -> String {
    format!("cw1_{number:026}")
}

/// The hash of a password.
pub fn hash_of(password: &Secret) -> PasswordHash {
    PasswordHash(format!("{HASH_PREFIX}{}", password.expose()).into())
}

fn token_hash_of(token: &Secret) -> TokenHash {
    let mut bytes = [0; 32];
    for (place, byte) in token.expose().bytes().enumerate() {
        bytes[place % 32] ^= byte.rotate_left(u32::try_from(place / 32).unwrap());
    }
    TokenHash(bytes)
}

impl OwnedLine {
    pub fn new(line: &KeptLine<'_>) -> Self {
        Self {
            place: line.place,
            at: line.at,
            author: line.author,
            name: line.name,
            kind: line.kind,
            text: line.text.into(),
            waits_for: line.waits_for,
            is_authors_only: line.is_authors_only,
        }
    }
}

impl KeptAccount {
    /// The password of which the hash is kept.
    pub fn password(&self) -> &str {
        let password = self.password.0.strip_prefix(HASH_PREFIX);
        password.expect("a hash is kept")
    }
}

impl Kept {
    /// The account of this name.
    pub fn find(&self, name: &str) -> Option<&KeptAccount> {
        let name = Name::parse(name).unwrap();
        self.accounts.values().find(|account| account.name == name)
    }

    /// Does work with a secret. `tokens_made` makes each token another.
    pub fn hashed(&self, work: HashWork, tokens_made: &mut u64) -> Hashed {
        match work {
            HashWork::MakePassword(password) => Hashed::Password(hash_of(&password)),
            HashWork::CheckPassword { account, password } => {
                let account = account.and_then(|account| self.accounts.get(&account));
                let is_right = account.is_some_and(|own| own.password == hash_of(&password));
                let renewed = None;
                Hashed::Checked { is_right, renewed }
            }
            HashWork::MakeToken => {
                *tokens_made += 1;
                let token = Secret::new(&token(*tokens_made));
                let hash = token_hash_of(&token);
                Hashed::Token { token, hash }
            }
            HashWork::CheckToken(token) => {
                let hash = token_hash_of(&token);
                let mut all = self.accounts.iter();
                Hashed::Owner(all.find_map(|(account, own)| {
                    let mut tokens = own.tokens.iter();
                    let (label, _) = tokens.find(|(_, token)| token.hash == hash)?;
                    Some((*account, *label))
                }))
            }
            HashWork::MakeCode => {
                *tokens_made += 1;
                let token = Secret::new(&code(*tokens_made));
                let hash = token_hash_of(&token);
                Hashed::Token { token, hash }
            }
            HashWork::CheckCode(code) => {
                let hash = token_hash_of(&code);
                let mut all = self.accounts.iter();
                Hashed::CodeOwner(all.find_map(|(account, own)| {
                    let (_, until) = own.code.filter(|(own, _)| *own == hash)?;
                    Some((*account, until))
                }))
            }
        }
    }

    /// The texts of a place's lines.
    pub fn texts(&self, place: PlaceId) -> Vec<&str> {
        let lines = self.lines.values().filter(|line| line.place == place);
        lines.map(|line| line.text.as_ref()).collect()
    }

    /// The place of a room.
    pub fn place_of(&self, name: &str) -> PlaceId {
        let mut rooms = self.rooms.iter();
        *rooms
            .find(|(_, room)| room.room.as_str() == name)
            .unwrap()
            .0
    }

    /// Keeps a line.
    pub fn add(&mut self, id: LineId, line: OwnedLine) {
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
    }

    /// Carries out a change. Returns what it found, if it is one that tells.
    #[expect(clippy::too_many_lines, reason = "one arm for each change")]
    pub fn change(&mut self, change: &Change) -> Option<ChangeAnswer> {
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
                    settings: 0,
                    profile: None,
                    notify: None,
                    suspended: None,
                    code: None,
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
                self.relations
                    .retain(|(one, _, other), _| *one != account && *other != account);
                self.rules.retain(|(_, other, _), _| *other != account);
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
                let locks = self.rooms.get(&place).map_or(0, |room| room.locks);
                let kept = KeptRoom {
                    room,
                    owner,
                    days,
                    topic,
                    locks,
                };
                self.rooms.insert(place, kept);
            }
            Change::UnkeepRoom { place } => {
                self.rooms.remove(&place);
                self.lines.retain(|_, line| line.place != place);
                self.marks.retain(|(_, other), _| *other != place);
                self.rules.retain(|(other, ..), _| *other != place);
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
            Change::Remove { place, line } => return Some(self.remove(place, line)),
            Change::Relate { .. }
            | Change::Unrelate { .. }
            | Change::SetLocks { .. }
            | Change::SetRule(_)
            | Change::DropRule { .. }
            | Change::Ban(_)
            | Change::Unban { .. }
            | Change::Record(_) => self.change_order(change.clone()),
            change => self.change_account(change),
        }
        None
    }

    /// A change of what people are to each other, or of order among them.
    fn change_order(&mut self, change: Change) {
        match change {
            Change::Relate {
                account,
                other,
                relation,
                ..
            } => {
                self.relations_made += 1;
                let made = self.relations_made;
                let is_here = |account: AccountId| self.accounts.contains_key(&account);
                if is_here(account) && is_here(other) {
                    self.relations
                        .entry((account, relation, other))
                        .or_insert(made);
                }
            }
            Change::Unrelate {
                account,
                other,
                relation,
            } => {
                self.relations.remove(&(account, relation, other));
            }
            Change::SetLocks { place, locks } => {
                if let Some(room) = self.rooms.get_mut(&place) {
                    room.locks = locks;
                }
            }
            Change::SetRule(rule) => {
                let is_here = self.accounts.contains_key(&rule.account);
                if is_here && self.rooms.contains_key(&rule.place) {
                    let key = (rule.place, rule.account, rule.kind);
                    self.rules.insert(key, rule);
                }
            }
            Change::DropRule {
                place,
                account,
                kind,
            } => {
                self.rules.remove(&(place, account, kind));
            }
            Change::Ban(ban) => {
                assert!(ban.number > self.last_ban, "numbers are not reused");
                self.last_ban = ban.number;
                self.bans.insert(ban.number, ban);
            }
            Change::Unban { number } => {
                self.bans.remove(&number);
            }
            Change::Record(deed) => self.deeds.push(deed),
            other => panic!("{other:?} changes no order"),
        }
    }

    fn change_account(&mut self, change: Change) {
        let account = match change {
            Change::SpellName { account, .. }
            | Change::SetPassword { account, .. }
            | Change::UseAccount { account, .. }
            | Change::AddToken { account, .. }
            | Change::DropToken { account, .. }
            | Change::UseToken { account, .. }
            | Change::SetSettings { account, .. }
            | Change::SetProfile { account, .. }
            | Change::SetNotify { account, .. }
            | Change::SetSuspended { account, .. }
            | Change::SetCode { account, .. } => account,
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
                own.code = None;
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
            Change::SetSettings { settings, .. } => own.settings = settings,
            Change::SetProfile { text, .. } => own.profile = text,
            Change::SetNotify { text, .. } => own.notify = text,
            Change::SetSuspended { why, .. } => own.suspended = why,
            Change::SetCode { hash, until, .. } => own.code = Some((hash, until)),
            _ => {}
        }
    }

    fn remove(&mut self, place: PlaceId, id: LineId) -> ChangeAnswer {
        let is_there = self.lines.get(&id).is_some_and(|line| line.place == place);
        let mut waited = BTreeMap::new();
        if is_there {
            self.lines.remove(&id);
            self.waiting.retain(|(other, waiting)| {
                if *waiting == id {
                    waited.insert(*other, 1);
                }
                *waiting != id
            });
        }
        ChangeAnswer::Forgotten {
            count: u64::from(is_there),
            lines: is_there.then_some((place, id)).into_iter().collect(),
            waited: waited.into_iter().collect(),
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

    /// Answers a question.
    pub fn answer(&self, question: &Question) -> Answer {
        match question {
            Question::Page {
                place,
                range,
                up_to,
                limits,
                without,
                reader,
            } => {
                let is_in = |id: LineId, line: &OwnedLine| {
                    let in_range = match range {
                        PageRange::Newest => true,
                        PageRange::Before(before) => id < *before,
                        PageRange::Since(since) => id > *since,
                        PageRange::SinceTime(time) => line.at >= *time,
                    };
                    in_range
                        && line.place == *place
                        && id <= *up_to
                        && is_wanted(line, without)
                        && is_shown(line, *reader)
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
                reader,
            } => {
                let is_in = |id: LineId, line: &OwnedLine| {
                    before.is_none_or(|before| id < before)
                        && id <= *up_to
                        && is_searched(places, line.place)
                        && is_wanted(line, without)
                        && is_shown(line, *reader)
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
            Question::Profile { account } => {
                let own = self.accounts.get(account);
                Answer::Profile(own.and_then(|own| own.profile.clone()))
            }
            Question::Deeds { skip, count } => {
                let skip = usize::try_from(*skip).unwrap();
                let deeds = self.deeds.iter().rev().skip(skip).take(*count);
                Answer::Deeds {
                    deeds: deeds.map(past_deed).collect(),
                    total: self.deeds.len() as u64,
                }
            }
            Question::BackUp { at } => Answer::BackedUp(Some(format!("copy-{at}").into())),
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
        let waiting = own.filter_map(|(_, id)| {
            let line = self.lines.get(id).filter(|line| !line.is_authors_only)?;
            Some(self.past(*id, line))
        });
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
                && is_shown(line, Some(account))
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
            settings: own.settings,
            tokens: u32::try_from(own.tokens.len()).unwrap(),
            suspended: own.suspended.clone(),
            notify: own.notify.clone(),
        });
        let rooms = self.rooms.iter().map(|(place, room)| RestoredRoom {
            place: *place,
            room: room.room,
            owner: room.owner.filter(|owner| self.accounts.contains_key(owner)),
            days: room.days,
            topic: room.topic.clone(),
            locks: room.locks,
        });
        let mut waiting: BTreeMap<(AccountId, Option<AccountId>), u32> = BTreeMap::new();
        for (account, id) in &self.waiting {
            let author = self.past(*id, &self.lines[id]).author;
            *waiting.entry((*account, author)).or_default() += 1;
        }
        let waiting = waiting.into_iter();
        let relations = self.relations.iter();
        let relations = relations
            .map(|((account, relation, other), made)| (*made, (*account, *other, *relation)));
        let relations: BTreeMap<u64, _> = relations.collect();
        Restored {
            accounts: accounts.collect(),
            held_names: self.held_names.clone().into_iter().collect(),
            rooms: rooms.collect(),
            waiting: waiting.map(|((to, of), count)| (to, of, count)).collect(),
            last_account: self.last_account,
            last_room: self.last_room,
            reserved_up_to: self.reserved_up_to,
            last_at: self.last_at,
            relations: relations.into_values().collect(),
            rules: self.rules.values().copied().collect(),
            bans: self.bans.values().cloned().collect(),
            last_ban: self.last_ban,
        }
    }
}

/// Whether a line is for this reader: one that its recipient blocked is for its author only.
fn is_shown(line: &OwnedLine, reader: Option<AccountId>) -> bool {
    !line.is_authors_only || (reader.is_some() && line.author == reader)
}

fn past_deed(deed: &Deed) -> PastDeed {
    PastDeed {
        at: deed.at,
        who: deed.who.as_str().into(),
        what: deed.what.into(),
        whom: deed.whom.clone(),
        room: deed.room.map(|room| room.as_str().into()),
        text: deed.text.clone(),
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
