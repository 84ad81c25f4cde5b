//! The store does as the model of one does, which the simulation of people trusts: the same changes, lines and
//! questions, drawn by chance, and the same answers.

use std::path::Path;
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chinwag::chat::archive::{
    Answer, Archive, Change, Forgetting, KeptLine, LineKind, PageLimits, PageRange, PasswordHash,
    Question, Restored, SearchPlaces, Settled, Ticket, TokenHash,
};
use chinwag::chat::ids::{AccountId, LineId, Place, PlaceId};
use chinwag::chat::name::{Name, RoomName};
use chinwag::store::{Completions, Store, StoreHandle, StoreSettings};
use fastrand::Rng;

use crate::model_store::ModelStore;

const SEEDS: u64 = 6;
const STEPS: usize = 400;

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
            is_authors_only: false,
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
        let change = match self.rng.u32(..14) {
            0 => return self.make_account(),
            1..4 => {
                self.rooms += 1;
                Change::KeepRoom {
                    place: PlaceId::room(self.rooms),
                    room: RoomName::parse(&format!("room{}", self.rooms)).unwrap(),
                    owner: self.rng.bool().then_some(account),
                    days: 30,
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
        let question = match self.rng.u32(..8) {
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
                reader: None,
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
                reader: None,
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
            _ => Question::Tokens { account },
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
    words.sort();
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
                0..5 => twins.say(),
                5..7 => twins.some_change(),
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
