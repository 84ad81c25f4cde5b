//! The store as a whole: a real database in a folder of its own.

#![allow(clippy::panic)]

mod accounts;
mod erasing;
mod faults;
mod order;
mod people;
mod questions;
mod searching;
mod versions;

use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use crate::chat::archive::{
    Answer, Archive, Change, HashWork, Hashed, KeptLine, LineKind, NotKept, PageLimits, PageRange,
    PasswordHash, PastLine, Question, Restored, Settled, Ticket,
};
use crate::chat::ids::{AccountId, LineId, PlaceId};
use crate::chat::name::{Name, RoomName};
use crate::chat::secret::Secret;

use super::password::CHEAP;
use super::queue::{Call, Entry};
use super::{Completions, Store, StoreHandle, StoreSettings};

/// Longer than anything takes.
const PATIENCE: Duration = Duration::from_secs(30);

const ROOM: PlaceId = PlaceId::from_number(1);

const BIG: PageLimits = PageLimits {
    lines_max: 1000,
    bytes_max: 1 << 20,
};

fn account(number: u32) -> AccountId {
    AccountId::new(number).unwrap()
}

fn pair(one: u32, other: u32) -> PlaceId {
    PlaceId::pair(account(one), account(other))
}

fn name(author: u32) -> Name {
    Name::parse(["guest", "alice", "bob", "carol", "dave"][author as usize]).unwrap()
}

/// A line of an account, or of a guest: 0. It is said as many seconds after 1970 as its number.
fn line(id: u64, place: PlaceId, author: u32, text: &str) -> KeptLine<'_> {
    KeptLine {
        id: LineId(id),
        place,
        at: id * 1000,
        author: AccountId::new(author),
        name: name(author),
        kind: LineKind::Message,
        text,
        waits_for: None,
        is_authors_only: false,
    }
}

fn room(text: &str) -> RoomName {
    RoomName::parse(text).unwrap()
}

/// A store with its two ends.
struct Stage {
    store: Option<Store>,
    archive: StoreHandle,
    completions: Completions,
    wakes: Receiver<()>,
    settled: Vec<Settled>,
    kept_up_to: Ticket,
    settings: StoreSettings,
    /// None if another stage has it.
    folder: Option<tempfile::TempDir>,
}

impl Stage {
    fn new() -> Self {
        Self::with(|_| {})
    }

    fn with(change: impl FnOnce(&mut StoreSettings)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut settings = StoreSettings::new(folder.path().join("store/chat.db"), true);
        settings.password_cost = CHEAP;
        change(&mut settings);
        let (mut stage, _) = Self::open(settings);
        stage.folder = Some(folder);
        stage
    }

    fn open(settings: StoreSettings) -> (Self, Restored) {
        let (wake, wakes) = mpsc::channel();
        let (store, restored) = Store::open(settings.clone(), move || {
            let _ = wake.send(());
        })
        .unwrap();
        let stage = Self {
            archive: store.archive(),
            completions: store.completions(),
            store: Some(store),
            wakes,
            settled: Vec::new(),
            kept_up_to: Ticket(0),
            settings,
            folder: None,
        };
        (stage, restored)
    }

    fn path(&self) -> &Path {
        &self.settings.path
    }

    /// Closes it, and opens it anew with other settings.
    fn reopen_with(mut self, change: impl FnOnce(&mut StoreSettings)) -> (Self, Restored) {
        assert!(self.store.take().unwrap().close(PATIENCE));
        change(&mut self.settings);
        let (mut stage, restored) = Self::open(self.settings);
        stage.folder = self.folder;
        (stage, restored)
    }

    fn reopen(self) -> (Self, Restored) {
        self.reopen_with(|_| {})
    }

    /// Opens what `kill -9` would leave now: a copy of the files beside a daemon that still has them.
    fn after_crash(&self) -> (Self, Restored) {
        let folder = tempfile::tempdir().unwrap();
        let mut settings = self.settings.clone();
        settings.path = folder.path().join("chat.db");
        for ending in ["", "-wal"] {
            let from = PathBuf::from(format!("{}{ending}", self.path().display()));
            let to = PathBuf::from(format!("{}{ending}", settings.path.display()));
            std::fs::copy(from, to).unwrap();
        }
        let (mut stage, restored) = Self::open(settings);
        stage.folder = Some(folder);
        (stage, restored)
    }

    /// Waits until something that `find` finds was settled, and takes it out.
    fn wait_for<T>(&mut self, what: &str, mut find: impl FnMut(&Settled) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            for done in self.completions.drain() {
                if let Settled::KeptUpTo(ticket) = done {
                    assert!(ticket >= self.kept_up_to, "tickets only rise");
                    self.kept_up_to = ticket;
                }
                self.settled.push(done);
            }
            let found = self.settled.iter().enumerate();
            if let Some((place, found)) = found
                .into_iter()
                .find_map(|(place, done)| find(done).map(|found| (place, found)))
            {
                self.settled.remove(place);
                return found;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(
                self.wakes.recv_timeout(left).is_ok(),
                "no {what}: {:?}",
                self.settled
            );
        }
    }

    fn wait_kept(&mut self, ticket: Option<Ticket>) {
        let ticket = ticket.unwrap();
        if self.kept_up_to >= ticket {
            return;
        }
        self.wait_for("commit", |done| match done {
            Settled::KeptUpTo(up_to) if *up_to >= ticket => Some(()),
            Settled::NotKept { first, last, .. } if (*first..=*last).contains(&ticket) => {
                panic!("{done:?}")
            }
            _ => None,
        });
    }

    fn wait_not_kept(&mut self, ticket: Option<Ticket>) -> NotKept {
        let ticket = ticket.unwrap();
        self.wait_for("refusal", |done| match done {
            Settled::NotKept { first, last, why } if (*first..=*last).contains(&ticket) => {
                Some(*why)
            }
            Settled::KeptUpTo(up_to) if *up_to >= ticket => panic!("{ticket:?} was kept"),
            _ => None,
        })
    }

    fn keep(&mut self, line: &KeptLine<'_>) {
        let ticket = self.archive.keep(line);
        self.wait_kept(ticket);
    }

    fn change(&mut self, change: Change) {
        let ticket = self.archive.change(change);
        self.wait_kept(ticket);
    }

    fn ask(&mut self, question: Question) -> Answer {
        let asked = self.archive.ask(question).unwrap();
        self.wait_for("answer", |done| match done {
            Settled::Answered(ticket, answer) if *ticket == asked => Some(answer.clone().unwrap()),
            _ => None,
        })
    }

    fn hash(&mut self, work: HashWork) -> Hashed {
        let asked = self.archive.hash(work).unwrap();
        self.wait_for("hash", |done| match done {
            Settled::Hashed(ticket, hashed) if *ticket == asked => Some(hashed.clone()),
            _ => None,
        })
    }

    fn page(&mut self, place: PlaceId, range: PageRange) -> (Vec<PastLine>, bool) {
        let question = Question::Page {
            place,
            range,
            up_to: LineId::MAX,
            limits: BIG,
            without: Vec::new(),
            reader: None,
        };
        match self.ask(question) {
            Answer::Page { lines, end } => (lines, end),
            other => panic!("{other:?}"),
        }
    }

    fn ids(&mut self, place: PlaceId) -> Vec<u64> {
        ids(&self.page(place, PageRange::Newest).0)
    }

    /// Has the writer's thread do something with its connection.
    fn call(&self, call: impl FnOnce(&Connection) + Send + 'static) {
        let queue = &self.store.as_ref().unwrap().shared.queue;
        let call = Call(Box::new(call));
        queue.push(0, |_| Entry::Call(call)).unwrap();
    }

    /// Stops the writer until the sender is dropped.
    fn block_writer(&mut self) -> mpsc::Sender<()> {
        let (go_on, blocked) = mpsc::channel::<()>();
        let (reached, is_reached) = mpsc::channel();
        self.call(move |_| {
            let _ = reached.send(());
            let _ = blocked.recv();
        });
        is_reached.recv_timeout(PATIENCE).unwrap();
        go_on
    }

    fn make_account(&mut self, number: u32) {
        self.change(Change::MakeAccount {
            account: account(number),
            name: name(number),
            skeleton: name(number).as_str().into(),
            password: PasswordHash(format!("hash {number}").into()),
            at: 1000,
        });
    }
}

fn ids(lines: &[PastLine]) -> Vec<u64> {
    lines.iter().map(|line| line.id.0).collect()
}

#[test]
fn kept_line_is_read_as_it_was_said_also_after_a_restart() {
    let mut stage = Stage::new();
    stage.make_account(1);
    let said = KeptLine {
        kind: LineKind::Action,
        ..line(7, ROOM, 1, "waves ü\u{1f44b}")
    };
    stage.keep(&said);
    stage.keep(&line(8, ROOM, 0, "hi"));
    for _ in 0..2 {
        let (lines, end) = stage.page(ROOM, PageRange::Newest);
        let expected = PastLine {
            id: LineId(7),
            place: ROOM,
            at: 7000,
            author: AccountId::new(1),
            name: name(1),
            kind: LineKind::Action,
            text: "waves ü\u{1f44b}".into(),
        };
        assert_eq!((&lines[0], lines.len(), end), (&expected, 2, true));
        assert_eq!((lines[1].author, lines[1].name), (None, name(0)));
        stage = stage.reopen().0;
    }
}

#[test]
fn nothing_is_made_before_there_is_something_to_keep() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a/b/chat.db");
    let mut settings = StoreSettings::new(path.clone(), false);
    settings.password_cost = CHEAP;
    let (mut stage, restored) = Stage::open(settings);
    assert_eq!(restored.last_account, 0);
    let (lines, end) = stage.page(ROOM, PageRange::Newest);
    assert!(lines.is_empty() && end);
    let password = Secret::new("x");
    let account = AccountId::new(1);
    stage.hash(HashWork::CheckPassword { account, password });
    stage.hash(HashWork::CheckToken(Secret::new("cw_x")));
    assert!(matches!(
        stage.hash(HashWork::MakeToken),
        Hashed::Token { .. }
    ));
    assert!(!folder.path().join("a").exists());
    stage.keep(&line(1, ROOM, 0, "x"));
    assert!(path.exists());
    assert_eq!(stage.ids(ROOM), [1]);
    let wrong = HashWork::CheckPassword {
        account: AccountId::new(1),
        password: Secret::new("x"),
    };
    assert!(matches!(
        stage.hash(wrong),
        Hashed::Checked {
            is_right: false,
            ..
        }
    ));
    assert!(stage.store.take().unwrap().close(PATIENCE));
}

#[test]
fn named_store_is_locked_at_once_and_made_later() {
    let stage = Stage::new();
    let folder = stage.path().parent().unwrap();
    let names = |folder: &Path| -> Vec<String> {
        let entries = std::fs::read_dir(folder).unwrap();
        entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    };
    assert_eq!(names(folder), ["chat.db.lock"]);
}

#[test]
fn closed_store_is_one_file_and_its_lock() {
    let mut stage = Stage::new();
    stage.make_account(1);
    stage.keep(&line(1, ROOM, 0, "x"));
    stage.page(ROOM, PageRange::Newest);
    stage.hash(HashWork::CheckPassword {
        account: AccountId::new(1),
        password: Secret::new("x"),
    });
    assert!(stage.store.take().unwrap().close(PATIENCE));
    let mut names: Vec<_> = std::fs::read_dir(stage.path().parent().unwrap())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort_unstable();
    assert_eq!(names, ["chat.db", "chat.db.lock"]);
}
