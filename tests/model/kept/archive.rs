//! An archive that a test settles by hand, and that pages, counts and forgets as the real one does.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use chinwag::chat::archive::{
    Answer, Archive, COUNTED_MAX, Change, ChangeAnswer, FORGOTTEN_TOLD_MAX, Forgetting, HashWork,
    Hashed, KeptLine, MissedLines, NotKept, PageLimits, PageRange, PastLine, Question,
    SearchPlaces, Settled, Ticket,
};
use chinwag::chat::ids::{AccountId, LineId, Place, PlaceId};

/// Everybody's password.
pub const PASSWORD: &str = "secretsecret";

#[derive(Clone, Debug)]
enum Write {
    Line(PastLine, Option<AccountId>),
    Change(Change),
}

#[derive(Clone, Debug)]
enum Work {
    Question(Question),
    Hash(HashWork),
}

/// All that is kept.
#[derive(Clone, Debug, Default)]
pub struct Kept {
    pub lines: Vec<PastLine>,
    pub waiting: BTreeSet<(AccountId, LineId)>,
    /// What was read, and what was sent.
    pub marks: BTreeMap<(AccountId, PlaceId), (LineId, LineId)>,
    pub rooms: BTreeMap<PlaceId, (String, Option<AccountId>, u32, Option<String>)>,
    pub reserved: LineId,
}

#[derive(Debug, Default)]
pub struct TestArchive {
    pub is_closed: bool,
    pub is_full: bool,
    pub kept: Kept,
    last: u64,
    writes: VecDeque<(Ticket, Write)>,
    work: VecDeque<(Ticket, Work)>,
}

impl TestArchive {
    /// One that has kept this.
    pub fn with(kept: Kept) -> Self {
        Self {
            kept,
            ..Self::default()
        }
    }

    pub fn writes(&self) -> usize {
        self.writes.len()
    }

    pub fn work(&self) -> usize {
        self.work.len()
    }

    /// Keeps the first of what was handed over.
    pub fn keep_one(&mut self) -> Vec<Settled> {
        let Some((ticket, write)) = self.writes.pop_front() else {
            return Vec::new();
        };
        let found = self.kept.take(&write);
        let told = found.map(|found| Settled::Changed(ticket, found));
        told.into_iter()
            .chain([Settled::KeptUpTo(ticket)])
            .collect()
    }

    /// Keeps all that was handed over, in one commit.
    pub fn keep_all(&mut self) -> Vec<Settled> {
        let mut told = Vec::new();
        let mut last = None;
        while let Some((ticket, write)) = self.writes.pop_front() {
            let found = self.kept.take(&write);
            told.extend(found.map(|found| Settled::Changed(ticket, found)));
            last = Some(Settled::KeptUpTo(ticket));
        }
        told.extend(last);
        told
    }

    /// Keeps nothing of what was handed over.
    pub fn keep_none(&mut self) -> Vec<Settled> {
        let (Some(first), Some(last)) = (self.writes.front(), self.writes.back()) else {
            return Vec::new();
        };
        let (first, last, why) = (first.0, last.0, NotKept::Full);
        self.writes.clear();
        vec![Settled::NotKept { first, last, why }]
    }

    /// Whether something was handed over before the first question, and is not kept.
    pub fn is_behind(&self) -> bool {
        let first = self.writes.front().zip(self.work.front());
        first.is_some_and(|(write, work)| write.0 < work.0)
    }

    /// Reads the answer to the first question. What was handed over before it is kept first.
    pub fn read_one(&mut self) -> Option<Settled> {
        let (ticket, work) = self.work.pop_front()?;
        let first = self.writes.front();
        assert!(first.is_none_or(|(write, _)| *write > ticket), "kept first");
        Some(match work {
            Work::Question(question) => {
                Settled::Answered(ticket, Some(self.kept.answer(&question)))
            }
            Work::Hash(HashWork::CheckPassword { account, password }) => {
                let is_right = account.is_some() && password.expose() == PASSWORD;
                let renewed = None;
                Settled::Hashed(ticket, Hashed::Checked { is_right, renewed })
            }
            Work::Hash(_) => Settled::Hashed(ticket, Hashed::Failed),
        })
    }

    /// Cannot read the answer to the first question.
    pub fn fail_one(&mut self) -> Option<Settled> {
        let (ticket, _) = self.work.pop_front()?;
        Some(Settled::Answered(ticket, None))
    }

    /// What is kept, as after a crash that loses the rest.
    pub fn crash(&mut self) -> Kept {
        self.writes.clear();
        self.work.clear();
        self.kept.clone()
    }

    fn ticket(&mut self) -> Option<Ticket> {
        if self.is_full || self.is_closed {
            return None;
        }
        self.last += 1;
        Some(Ticket(self.last))
    }
}

impl Archive for TestArchive {
    fn is_open(&self) -> bool {
        !self.is_closed
    }

    fn has_search(&self) -> bool {
        true
    }

    fn keep(&mut self, line: &KeptLine<'_>) -> Option<Ticket> {
        let ticket = self.ticket()?;
        let past = PastLine {
            id: line.id,
            place: line.place,
            at: line.at,
            author: line.author,
            name: line.name,
            kind: line.kind,
            text: line.text.into(),
        };
        let write = Write::Line(past, line.waits_for);
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
    /// The texts of a place's lines.
    pub fn texts(&self, place: PlaceId) -> Vec<&str> {
        let lines = self.lines.iter().filter(|line| line.place == place);
        lines.map(|line| line.text.as_ref()).collect()
    }

    /// The place of a room.
    pub fn place_of(&self, name: &str) -> PlaceId {
        let mut rooms = self.rooms.iter();
        *rooms.find(|(_, room)| room.0 == name).unwrap().0
    }

    fn take(&mut self, write: &Write) -> Option<ChangeAnswer> {
        match write {
            Write::Line(line, waits_for) => {
                let last = self.lines.last();
                assert!(last.is_none_or(|last| last.id < line.id && last.at <= line.at));
                assert!(line.id <= self.reserved, "it was reserved and kept");
                if let Place::Room(_) = line.place.kind() {
                    assert!(self.rooms.contains_key(&line.place), "it is kept");
                }
                self.waiting.extend(waits_for.map(|one| (one, line.id)));
                self.lines.push(line.clone());
                None
            }
            Write::Change(change) => self.change(change),
        }
    }

    fn change(&mut self, change: &Change) -> Option<ChangeAnswer> {
        match change {
            Change::ReserveLines { up_to } => self.reserved = self.reserved.max(*up_to),
            Change::KeepRoom {
                place,
                room,
                owner,
                days,
                topic,
            } => {
                let topic = topic.as_deref().map(String::from);
                let room = (room.to_string(), *owner, *days, topic);
                self.rooms.insert(*place, room);
            }
            Change::UnkeepRoom { place } => {
                self.rooms.remove(place);
                self.lines.retain(|line| line.place != *place);
                self.marks.retain(|(_, other), _| other != place);
            }
            Change::SetTopic { place, topic } => {
                if let Some(room) = self.rooms.get_mut(place) {
                    room.3 = topic.as_deref().map(String::from);
                }
            }
            Change::Mark {
                account,
                place,
                read,
                shown,
            } => {
                let either = read.or(*shown).unwrap();
                let new = (read.unwrap_or(either), shown.unwrap_or(either));
                let mark = self.marks.entry((*account, *place)).or_insert(new);
                mark.0 = mark.0.max(read.unwrap_or(mark.0));
                mark.1 = mark.1.max(shown.unwrap_or(mark.1));
            }
            Change::Delivered { account, lines } => {
                for line in lines {
                    self.waiting.remove(&(*account, *line));
                }
            }
            Change::Forget {
                account,
                what,
                up_to,
            } => return Some(self.forget(*account, *what, *up_to)),
            _ => {}
        }
        None
    }

    fn forget(&mut self, account: AccountId, what: Forgetting, up_to: LineId) -> ChangeAnswer {
        let own = self.lines.iter().rev();
        let own = own.filter(|line| line.author == Some(account) && line.id <= up_to);
        let gone: Vec<(PlaceId, LineId)> = match what {
            Forgetting::Line(id) => own.filter(|line| line.id == id).map(key).collect(),
            Forgetting::Last(count) => own.take(count as usize).map(key).collect(),
            Forgetting::All => own.map(key).collect(),
            Forgetting::AllIn(place) => own.filter(|line| line.place == place).map(key).collect(),
        };
        let is_gone = |id: LineId| gone.iter().any(|(_, other)| *other == id);
        let mut waited = BTreeMap::new();
        self.waiting.retain(|(waits, id)| {
            if is_gone(*id) {
                *waited.entry(*waits).or_insert(0) += 1;
            }
            !is_gone(*id)
        });
        self.lines.retain(|line| !is_gone(line.id));
        let count = gone.len() as u64;
        let mut lines = gone;
        lines.sort_unstable();
        lines.truncate(FORGOTTEN_TOLD_MAX);
        let waited = waited.into_iter().collect();
        ChangeAnswer::Forgotten {
            count,
            lines,
            waited,
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
                let is_it = |line: &PastLine| line.place == *place && !is_in(without, line);
                self.page(*range, *up_to, *limits, is_it)
            }
            Question::Search {
                places,
                words,
                before,
                up_to,
                limits,
                without,
            } => {
                let range = before.map_or(PageRange::Newest, PageRange::Before);
                let is_in_place = |place: PlaceId| match places {
                    SearchPlaces::One(one) => *one == place,
                    SearchPlaces::All { rooms, account } => match place.kind() {
                        Place::Room(_) => rooms.contains(&place),
                        Place::Pair(low, high) => low == *account || high == *account,
                    },
                };
                let has = |line: &PastLine| words.split(' ').all(|word| line.text.contains(word));
                self.page(range, *up_to, *limits, |line| {
                    is_in_place(line.place) && has(line) && !is_in(without, line)
                })
            }
            Question::Own {
                account,
                before,
                up_to,
                limits,
            } => {
                let range = before.map_or(PageRange::Newest, PageRange::Before);
                let is_own = |line: &PastLine| line.author == Some(*account);
                self.page(range, *up_to, *limits, is_own)
            }
            Question::Arrival {
                account,
                places,
                up_to,
                without,
            } => {
                let missed = places.iter().filter_map(|place| {
                    let (_, shown) = self.marks.get(&(*account, *place))?;
                    let missed = self.past(*account, *place, *shown, *up_to, without);
                    Some(MissedLines {
                        place: *place,
                        count: missed.len() as u64,
                        since: missed.first()?.at,
                    })
                });
                let waits = |line: &&PastLine| self.waiting.contains(&(*account, line.id));
                Answer::Arrival {
                    missed: missed.collect(),
                    waiting: self.lines.iter().filter(waits).cloned().collect(),
                }
            }
            Question::Unread {
                account,
                rooms,
                up_to,
                without,
            } => {
                let mut counts = BTreeMap::new();
                for line in &self.lines {
                    let place = line.place;
                    let mark = self.marks.get(&(*account, place));
                    let from = match place.kind() {
                        Place::Room(_) if rooms.contains(&place) => mark.map(|mark| mark.0),
                        Place::Pair(low, high) if low == *account || high == *account => {
                            Some(mark.map_or(LineId(0), |mark| mark.0))
                        }
                        _ => None,
                    };
                    if let Some(from) = from {
                        let count = self.past(*account, place, from, *up_to, without).len();
                        counts.insert(place, (count as u64).min(COUNTED_MAX));
                    }
                }
                counts.retain(|_, count| *count > 0);
                Answer::Unread(counts.into_iter().collect())
            }
            Question::Tokens { .. } => Answer::Tokens(Vec::new()),
        }
    }

    fn past(
        &self,
        account: AccountId,
        place: PlaceId,
        from: LineId,
        up_to: LineId,
        without: &[AccountId],
    ) -> Vec<&PastLine> {
        let lines = self.lines.iter().filter(|line| line.place == place);
        let lines = lines.filter(|line| line.author != Some(account) && !is_in(without, line));
        lines
            .filter(|line| line.id > from && line.id <= up_to)
            .collect()
    }

    fn page(
        &self,
        range: PageRange,
        up_to: LineId,
        limits: PageLimits,
        is_it: impl Fn(&PastLine) -> bool,
    ) -> Answer {
        let lines = self.lines.iter().filter(|line| line.id <= up_to);
        let lines = lines.filter(|line| is_it(line));
        let mut lines: Vec<PastLine> = match range {
            PageRange::Newest => lines.cloned().collect(),
            PageRange::Before(id) => lines.filter(|line| line.id < id).cloned().collect(),
            PageRange::Since(id) => lines.filter(|line| line.id > id).cloned().collect(),
            PageRange::SinceTime(at) => lines.filter(|line| line.at >= at).cloned().collect(),
        };
        let end = lines.len() <= limits.lines_max;
        match range {
            PageRange::Newest | PageRange::Before(_) => {
                lines.drain(..lines.len().saturating_sub(limits.lines_max));
            }
            PageRange::Since(_) | PageRange::SinceTime(_) => lines.truncate(limits.lines_max),
        }
        Answer::Page { lines, end }
    }
}

fn key(line: &PastLine) -> (PlaceId, LineId) {
    (line.place, line.id)
}

fn is_in(without: &[AccountId], line: &PastLine) -> bool {
    line.author.is_some_and(|author| without.contains(&author))
}
