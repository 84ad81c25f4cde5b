//! The store does as the model of one does, which the simulation of people trusts: the same changes, lines and
//! questions, drawn by chance, and the same answers.

use std::path::Path;
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chinwag::chat::archive::{
    Answer, Archive, Ban, BanKind, BanTarget, Change, Deed, Forgetting, KeptLine, LineKind,
    PageLimits, PageRange, PasswordHash, Question, Relation, Restored, RuleKind, SearchPlaces,
    Settled, StoredRule, Ticket, TokenHash,
};
use chinwag::chat::ids::{AccountId, LineId, Place, PlaceId};
use chinwag::chat::name::{Name, RoomName};
use chinwag::store::{Completions, Store, StoreHandle, StoreSettings};
use fastrand::Rng;

use crate::model_store::ModelStore;

const SEEDS: u64 = 6;
const STEPS: usize = 600;

/// Nothing takes the disk longer than this.
const PATIENCE: Duration = Duration::from_secs(30);

struct Twins {
    rng: Rng,
    model: ModelStore,
    store: Store,
    handle: StoreHandle,
    completions: Completions,
    wakes: Receiver<()>,
    /// What the store has told and nobody has asked for.
    told: Vec<Settled>,
    last_line: u64,
    now: u64,
    accounts: u32,
    rooms: u32,
    bans: u32,
}

impl Twins {
    fn open(seed: u64, path: &Path) -> Self {
        let (store, restored, wakes) = open(path);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let mut twins = Self {
            rng: Rng::with_seed(seed),
            model: ModelStore::new(),
            handle: store.archive(),
            completions: store.completions(),
            store,
            wakes,
            told: Vec::new(),
            last_line: 0,
            now: u64::try_from(now.as_millis()).unwrap(),
            accounts: 0,
            rooms: 0,
            bans: 0,
        };
        assert_eq!(restored.last_account, 0);
        let up_to = LineId(1_000_000);
        twins.change(&Change::ReserveLines { up_to });
        twins.make_account();
        twins.make_account();
        twins
    }

    /// Has both keep a change, and compares what they found.
    fn change(&mut self, change: &Change) {
        let one = self.model.change(change.clone()).unwrap();
        let other = self.handle.change(change.clone()).unwrap();
        self.model.commit(usize::MAX >> 1);
        let mut found = None;
        while let Some(settled) = self.model.next_settled() {
            if let Settled::Changed(ticket, answer) = settled {
                assert_eq!(ticket, one);
                found = Some(answer);
            }
        }
        let same = self.until_kept(other);
        assert_eq!(found, same, "{change:?}");
    }

    /// Waits until the store has kept it. Returns what a change found.
    fn until_kept(&mut self, ticket: Ticket) -> Option<chinwag::chat::archive::ChangeAnswer> {
        let mut found = None;
        loop {
            match self.next() {
                Settled::Changed(other, answer) if other == ticket => found = Some(answer),
                Settled::KeptUpTo(last) if last >= ticket => return found,
                Settled::NotKept { .. } => panic!("the disk has room"),
                _ => {}
            }
        }
    }

    fn next(&mut self) -> Settled {
        while self.told.is_empty() {
            self.wakes.recv_timeout(PATIENCE).unwrap();
            self.told.extend(self.completions.drain());
        }
        self.told.remove(0)
    }

    /// Asks both, and compares their answers.
    fn ask(&mut self, question: &Question) {
        self.model.ask(question.clone()).unwrap();
        let ticket = self.handle.ask(question.clone()).unwrap();
        self.model.commit(usize::MAX >> 1);
        let mut expected = None;
        while let Some(settled) = self.model.next_settled() {
            if let Settled::Answered(_, answer) = settled {
                expected = answer;
            }
        }
        loop {
            if let Settled::Answered(other, answer) = self.next()
                && other == ticket
            {
                assert_eq!(in_order(answer), in_order(expected), "{question:?}");
                return;
            }
        }
    }

    fn account(&mut self) -> AccountId {
        AccountId::new(self.rng.u32(1..=self.accounts)).unwrap()
    }

    fn place(&mut self) -> PlaceId {
        if self.rng.bool() {
            PlaceId::room(self.rng.u32(1..=self.rooms.max(1)))
        } else {
            PlaceId::pair(self.account(), self.account())
        }
    }

    fn line_id(&mut self) -> LineId {
        LineId(self.rng.u64(..self.last_line + 2))
    }

    fn say(&mut self) {
        self.last_line += self.rng.u64(1..3);
        self.now += self.rng.u64(..3);
        let author = (self.rng.u32(..5) > 0).then(|| self.account());
        let number = author.map_or(99, AccountId::get);
        let words = ["deploy", "lunch", "Friday", "cat", "rust"];
        let count = self.rng.usize(1..6);
        let text: Vec<&str> = (0..count).map(|_| words[self.rng.usize(..5)]).collect();
        let text = text.join(if self.rng.bool() { " " } else { ", " });
        let place = self.place();
        // What waits is a private message, for one of the two.
        let waits_for = match place.kind() {
            Place::Pair(low, high) => [None, Some(low), Some(high)][self.rng.usize(..3)],
            Place::Room(_) => None,
        };
        let is_private = matches!(place.kind(), Place::Pair(..));
        let is_authors_only = is_private && author.is_some() && self.rng.u32(..3) == 0;
        let line = KeptLine {
            id: LineId(self.last_line),
            place,
            at: self.now,
            author,
            name: Name::parse(&format!("n{number}")).unwrap(),
            kind: if self.rng.bool() {
                LineKind::Message
            } else {
                LineKind::Action
            },
            text: &text,
            waits_for,
            is_authors_only,
        };
        self.model.keep(&line).unwrap();
        self.handle.keep(&line).unwrap();
        self.model.commit(usize::MAX >> 1);
    }

    fn make_account(&mut self) {
        self.accounts += 1;
        let account = AccountId::new(self.accounts).unwrap();
        let name = Name::parse(&format!("user{}", self.accounts)).unwrap();
        self.change(&Change::MakeAccount {
            account,
            name,
            skeleton: name.as_str().into(),
            password: PasswordHash("$x$".into()),
            at: self.now,
        });
    }

    fn some_change(&mut self) {
        let account = self.account();
        let place = self.place();
        let at = self.now;
        let change = match self.rng.u32(..16) {
            0 => return self.make_account(),
            1..4 => {
                // A new one, or one that is or was kept, by another rule.
                let number = self.rng.u32(1..=self.rooms + 1);
                self.rooms = self.rooms.max(number);
                Change::KeepRoom {
                    place: PlaceId::room(number),
                    room: RoomName::parse(&format!("room{number}")).unwrap(),
                    owner: self.rng.bool().then_some(account),
                    days: self.rng.u32(1..30),
                    topic: self.rng.bool().then(|| "a topic".into()),
                }
            }
            4 => Change::UnkeepRoom {
                place: PlaceId::room(self.rng.u32(1..=self.rooms.max(1))),
            },
            5 => Change::UseAccount { account, at },
            6 => {
                let number = self.rng.u8(..4);
                Change::AddToken {
                    account,
                    label: RoomName::parse(&format!("t{}-{at}", self.rng.u32(..99_999))).unwrap(),
                    hash: TokenHash([number; 32].map(|byte| byte ^ self.rng.u8(..))),
                    at,
                }
            }
            7..10 => Change::Mark {
                account,
                place,
                read: self.rng.bool().then(|| self.line_id()),
                shown: self.rng.bool().then(|| self.line_id()),
            },
            14 => Change::DropAccount {
                account,
                name: Name::parse(&format!("user{account}")).unwrap(),
                held_until: at,
            },
            15 => self.removal(),
            10 => Change::Delivered {
                account,
                lines: (0..3).map(|_| self.line_id()).collect(),
            },
            _ => Change::Forget {
                account,
                what: match self.rng.u32(..5) {
                    0 | 1 => Forgetting::Line(self.line_id()),
                    2 => Forgetting::Last(self.rng.u32(1..4)),
                    3 => Forgetting::AllIn(place),
                    _ if self.rng.u32(..5) == 0 => Forgetting::All,
                    _ => Forgetting::Last(1),
                },
                up_to: LineId(self.last_line),
            },
        };
        self.change(&change);
    }

    /// Of a line that is there, often; and sometimes of one of another place.
    fn removal(&mut self) -> Change {
        let line = self.line_id();
        let place = self.place();
        let found = self.model.kept().lines.get(&line).map(|line| line.place);
        let place = found.filter(|_| self.rng.u32(..4) > 0).unwrap_or(place);
        Change::Remove { place, line }
    }

    /// A change of what people say of themselves, or are to each other.
    fn change_of_people(&mut self) {
        let (account, other) = (self.account(), self.account());
        let (relation, at) = (self.relation(), self.now);
        let text = self.text();
        let change = match self.rng.u32(..8) {
            0 => Change::SetSettings {
                account,
                settings: self.rng.u32(..),
            },
            1 => Change::SetProfile { account, text },
            2 => Change::SetNotify { account, text },
            3 => Change::SetPassword {
                account,
                password: PasswordHash("$y$".into()),
                ends_tokens: self.rng.bool(),
            },
            4 => Change::Unrelate {
                account,
                other,
                relation,
            },
            _ => Change::Relate {
                account,
                other,
                relation,
                at,
            },
        };
        self.change(&change);
    }

    /// A change by which order is kept.
    fn change_of_order(&mut self) {
        let (account, by) = (self.account(), self.account());
        let place = PlaceId::room(self.rng.u32(1..=self.rooms.max(1)));
        let kind = [RuleKind::Operator, RuleKind::Muted, RuleKind::Barred][self.rng.usize(..3)];
        let until = self.rng.bool().then_some(self.now);
        let (at, text) = (self.now, self.text());
        let change = match self.rng.u32(..10) {
            0 => Change::SetLocks {
                place,
                locks: self.rng.u32(..8),
            },
            1..4 => Change::SetRule(StoredRule {
                place,
                account,
                kind,
                until,
                by: self.rng.bool().then_some(by),
            }),
            4 => Change::DropRule {
                place,
                account,
                kind,
            },
            5 => {
                self.bans += self.rng.u32(1..3);
                let nets = ["203.0.113.0/24", "2001:db8::/32", "192.0.2.7/32"];
                let kinds = [BanKind::Out, BanKind::LoginRequired, BanKind::Muted];
                Change::Ban(Ban {
                    number: self.bans,
                    target: if self.rng.bool() {
                        BanTarget::Account(account)
                    } else {
                        BanTarget::Net(nets[self.rng.usize(..3)].parse().unwrap())
                    },
                    kind: kinds[self.rng.usize(..3)],
                    until,
                    why: text,
                    by: Name::parse("boss").unwrap(),
                    at,
                })
            }
            6 => Change::Unban {
                number: self.rng.u32(..self.bans + 2),
            },
            7 => Change::SetSuspended { account, why: text },
            8 => Change::SetCode {
                account,
                hash: TokenHash([0; 32].map(|_: u8| self.rng.u8(..))),
                until: at,
            },
            _ => Change::Record(Deed {
                at,
                who: Name::parse("boss").unwrap(),
                what: ["ban", "kick", "remove"][self.rng.usize(..3)],
                whom: self.rng.bool().then(|| "mallory".into()),
                room: (self.rng.bool()).then(|| RoomName::parse("dev").unwrap()),
                text,
            }),
        };
        self.change(&change);
    }

    fn relation(&mut self) -> Relation {
        [Relation::Friend, Relation::Block][self.rng.usize(..2)]
    }

    /// Some text, an empty one, or none.
    fn text(&mut self) -> Option<Box<str>> {
        [None, Some("".into()), Some("on call ü".into())][self.rng.usize(..3)].clone()
    }

    /// Anybody, or nobody.
    fn reader(&mut self) -> Option<AccountId> {
        (self.rng.u32(..4) > 0).then(|| self.account())
    }

    fn some_question(&mut self) {
        let account = self.account();
        let up_to = self.line_id();
        let limits = PageLimits {
            lines_max: self.rng.usize(1..12),
            bytes_max: self.rng.usize(1..200),
        };
        let without = (0..self.rng.usize(..3)).map(|_| self.account()).collect();
        let before = self.rng.bool().then(|| self.line_id());
        let rooms = (1..=self.rooms).map(PlaceId::room).collect();
        let reader = self.reader();
        let question = match self.rng.u32(..10) {
            0..3 => Question::Page {
                place: self.place(),
                range: match self.rng.u32(..4) {
                    0 => PageRange::Newest,
                    1 => PageRange::Before(self.line_id()),
                    2 => PageRange::Since(self.line_id()),
                    _ => PageRange::SinceTime(self.now - self.rng.u64(..=self.last_line)),
                },
                up_to,
                limits,
                without,
                reader,
            },
            3 => Question::Search {
                places: if self.rng.bool() {
                    SearchPlaces::One(self.place())
                } else {
                    SearchPlaces::All { rooms, account }
                },
                words: ["DEPLOY", "cat rust", "lunch friday", "nothing"][self.rng.usize(..4)]
                    .into(),
                before,
                up_to,
                limits,
                without,
                reader,
            },
            4 => Question::Own {
                account,
                before,
                up_to,
                limits,
            },
            5 => Question::Arrival {
                account,
                places: rooms,
                up_to,
                without,
            },
            6 => Question::Unread {
                account,
                rooms,
                up_to,
                without,
            },
            7 => Question::Tokens { account },
            8 => Question::Profile { account },
            _ => Question::Deeds {
                skip: self.rng.u64(..5),
                count: self.rng.usize(..5),
            },
        };
        self.ask(&question);
    }
}

fn open(path: &Path) -> (Store, Restored, Receiver<()>) {
    let (wake, wakes) = mpsc::channel();
    let settings = StoreSettings {
        search: true,
        ..StoreSettings::new(path.to_owned(), true)
    };
    let (store, restored) = Store::open(settings, move || {
        let _ = wake.send(());
    })
    .unwrap();
    (store, restored, wakes)
}

/// An answer whose order means nothing, in one.
fn in_order(answer: Option<Answer>) -> Option<Answer> {
    answer.map(|answer| match answer {
        Answer::Unread(mut places) => {
            places.sort_unstable();
            Answer::Unread(places)
        }
        Answer::Arrival {
            mut missed,
            waiting,
        } => {
            missed.sort_unstable_by_key(|missed| missed.place);
            Answer::Arrival { missed, waiting }
        }
        other => other,
    })
}

/// What is known at the start, in one order.
fn in_words(restored: &Restored) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    words.extend(restored.accounts.iter().map(|one| format!("{one:?}")));
    words.extend(restored.held_names.iter().map(|one| format!("{one:?}")));
    words.extend(restored.rooms.iter().map(|one| format!("{one:?}")));
    words.extend(restored.waiting.iter().map(|one| format!("{one:?}")));
    words.extend(restored.rules.iter().map(|one| format!("{one:?}")));
    words.extend(restored.bans.iter().map(|one| format!("{one:?}")));
    words.sort();
    // Each account's in the order in which it said so.
    let mut relations = restored.relations.clone();
    relations.sort_by_key(|(account, ..)| *account);
    words.extend(relations.iter().map(|one| format!("{one:?}")));
    words.push(format!("{}", restored.last_ban));
    words.push(format!("{}", restored.last_account));
    words.push(format!("{}", restored.last_room));
    words.push(format!("{}", restored.reserved_up_to));
    words.push(format!("{}", restored.last_at));
    words
}

#[test]
fn store_answers_as_its_model_does() {
    for seed in 1..=SEEDS {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("chat.db");
        let mut twins = Twins::open(seed, &path);
        for _ in 0..STEPS {
            match twins.rng.u32(..10) {
                0..4 => twins.say(),
                4 | 5 => twins.some_change(),
                6 if twins.rng.bool() => twins.change_of_people(),
                6 => twins.change_of_order(),
                _ => twins.some_question(),
            }
        }
        let Twins { store, model, .. } = twins;
        assert!(store.close(PATIENCE), "the disk is not stuck");
        let (store, restored, _) = open(&path);
        assert_eq!(
            in_words(&restored),
            in_words(&model.kept().restored()),
            "seed {seed}"
        );
        assert!(store.close(PATIENCE), "the disk is not stuck");
    }
}
