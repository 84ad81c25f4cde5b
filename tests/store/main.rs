//! The store from outside: a process that is killed while it keeps lines.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::indexing_slicing,
    missing_docs
)]

mod alike;
#[path = "../support/contents.rs"]
#[allow(dead_code, reason = "a harness shared between tests")]
mod contents;
#[path = "../support/model_store.rs"]
#[allow(dead_code, reason = "a harness shared between tests")]
mod model_store;

use std::env;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use chinwag::chat::archive::{
    Answer, Archive, Change, KeptLine, LineKind, PageLimits, PageRange, Question, Settled,
};
use chinwag::chat::ids::{LineId, PlaceId};
use chinwag::chat::name::Name;
use chinwag::store::{Store, StoreSettings};

/// Set for the process that is to be killed.
const PATH: &str = "CHINWAG_TEST_STORE";

const ROUNDS: u64 = 20;

fn line(id: u64, text: &str) -> KeptLine<'_> {
    KeptLine {
        id: LineId(id),
        place: PlaceId::room(1),
        at: id,
        author: None,
        name: Name::parse("alice").unwrap(),
        kind: LineKind::Message,
        text,
        waits_for: None,
        is_authors_only: false,
    }
}

/// The process that is killed: keeps lines for ever, and prints the last that is kept.
#[test]
fn victim() {
    let Some(path) = env::var_os(PATH) else {
        return;
    };
    let (wake, wakes) = mpsc::channel();
    let settings = StoreSettings::new(PathBuf::from(path), true);
    let (store, restored) = Store::open(settings, move || {
        let _ = wake.send(());
    })
    .unwrap();
    let (mut archive, mut completions) = (store.archive(), store.completions());
    let first = restored.reserved_up_to.0 + 1;
    let reserve = |from: u64| Change::ReserveLines {
        up_to: LineId(from + 999),
    };
    // Line n has ticket n - first + 2, as the first ticket is that of the change.
    archive.change(reserve(first)).unwrap();
    println!("first {first}");
    for id in first..first + 999 {
        let text = format!("line {id}");
        archive.keep(&line(id, &text)).unwrap();
        if id % 10 == 0 {
            wakes.recv().unwrap();
        }
        for done in completions.drain() {
            if let Settled::KeptUpTo(ticket) = done
                && ticket.0 >= 2
            {
                println!("kept {}", ticket.0 + first - 2);
                std::io::stdout().flush().unwrap();
            }
        }
    }
    // Killed in its sleep at the latest.
    loop {
        std::thread::park();
    }
}

fn start_victim(path: &Path) -> Child {
    Command::new(env::current_exe().unwrap())
        .args(["--exact", "victim", "--nocapture"])
        .env(PATH, path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

fn kept_lines(store: &Store, wakes: &mpsc::Receiver<()>) -> Vec<u64> {
    let (mut archive, mut completions) = (store.archive(), store.completions());
    archive
        .ask(Question::Page {
            place: PlaceId::room(1),
            range: PageRange::Since(LineId(0)),
            up_to: LineId::MAX,
            limits: PageLimits {
                lines_max: usize::MAX,
                bytes_max: usize::MAX,
            },
            without: Vec::new(),
            reader: None,
        })
        .unwrap();
    wakes.recv_timeout(Duration::from_secs(30)).unwrap();
    let answer = completions.drain().next().unwrap();
    let Settled::Answered(_, Some(Answer::Page { lines, .. })) = answer else {
        panic!("{answer:?}");
    };
    for line in &lines {
        assert_eq!(&*line.text, format!("line {}", line.id));
    }
    lines.iter().map(|line| line.id.0).collect()
}

#[test]
fn killed_process_loses_nothing_that_it_was_told_is_kept() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("chat.db");
    let mut expected_first = 1;
    let mut before = Vec::new();
    for round in 0..ROUNDS {
        let mut victim = start_victim(&path);
        let mut last_kept = 0;
        let stop_after = 100 + round * 37;
        for line in BufReader::new(victim.stdout.take().unwrap()).lines() {
            let line = line.unwrap();
            // The test harness prints before it, too.
            if let Some((_, first)) = line.split_once("first ") {
                assert_eq!(first.parse(), Ok(expected_first), "no number comes again");
            }
            if let Some(kept) = line.strip_prefix("kept ") {
                last_kept = kept.parse().unwrap();
                if last_kept >= expected_first + stop_after {
                    break;
                }
            }
        }
        victim.kill().unwrap();
        victim.wait().unwrap();

        let (wake, wakes) = mpsc::channel();
        let settings = StoreSettings::new(path.clone(), true);
        let (store, restored) = Store::open(settings, move || {
            let _ = wake.send(());
        })
        .unwrap();
        assert_eq!(restored.reserved_up_to, LineId(expected_first + 999));
        let found = kept_lines(&store, &wakes);
        assert!(store.close(Duration::from_secs(30)));
        let (old, new) = found.split_at(before.len());
        assert_eq!(old, before);
        assert!(new.last().unwrap() >= &last_kept);
        let expected: Vec<u64> = (expected_first..).take(new.len()).collect();
        assert_eq!(new, expected, "none is missing between");
        before = found;
        expected_first += 1000;
    }
}

#[test]
fn warm_store_takes_lines_without_allocating() {
    let temp = tempfile::tempdir().unwrap();
    let settings = StoreSettings::new(temp.path().join("chat.db"), true);
    let (store, _) = Store::open(settings, || {}).unwrap();
    let mut archive = store.archive();
    let deadline = Instant::now() + Duration::from_secs(30);
    let mut id = 0;
    for (lines, may_allocate) in [(5000, true), (2000, false)] {
        let counted = allocation_counter::measure(|| {
            for _ in 0..lines {
                id += 1;
                archive.keep(&line(id, "see you at eight")).unwrap();
            }
        });
        assert!(may_allocate || counted.count_total == 0, "{counted:?}");
        while store.waiting_bytes() > 0 {
            assert!(Instant::now() < deadline);
            std::thread::yield_now();
        }
    }
    assert!(store.close(Duration::from_secs(30)));
}
