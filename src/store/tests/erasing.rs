//! Forgetting: at once out of every read, soon out of every file.

use super::*;
use crate::chat::archive::{ChangeAnswer, Forgetting, SearchPlaces};

type Forgotten = (u64, Vec<(PlaceId, LineId)>, Vec<(AccountId, u32)>);

fn forget(stage: &mut Stage, number: u32, what: Forgetting, up_to: u64) -> Forgotten {
    let change = Change::Forget {
        account: account(number),
        what,
        up_to: LineId(up_to),
    };
    forgotten(stage, change)
}

fn remove(stage: &mut Stage, place: PlaceId, id: u64) -> Forgotten {
    let line = LineId(id);
    forgotten(stage, Change::Remove { place, line })
}

/// Has a change kept that tells what it forgot.
fn forgotten(stage: &mut Stage, change: Change) -> Forgotten {
    let asked = stage.archive.change(change);
    let found = stage.wait_for("count", |done| match done {
        Settled::Changed(
            ticket,
            ChangeAnswer::Forgotten {
                count,
                lines,
                waited,
            },
        ) if Some(*ticket) == asked => Some((*count, lines.clone(), waited.clone())),
        _ => None,
    });
    stage.wait_kept(asked);
    found
}

/// Alice, bob and a guest in a room and in conversations; no erasing yet.
fn filled(with_search: bool) -> Stage {
    let mut stage = Stage::with(|settings| settings.search = with_search);
    for number in 1..=3 {
        stage.make_account(number);
    }
    for (id, place, author, waits_for) in [
        (1, ROOM, 1, 0),
        (2, ROOM, 2, 0),
        (3, ROOM, 0, 0),
        (4, pair(1, 2), 1, 0),
        (5, pair(1, 3), 1, 3),
        (6, pair(2, 3), 2, 3),
        (7, ROOM, 1, 0),
        (8, PlaceId::room(2), 1, 0),
    ] {
        stage.keep(&KeptLine {
            waits_for: AccountId::new(waits_for),
            ..line(id, place, author, &format!("word-{id} text"))
        });
    }
    stage
}

/// Keeps the eraser from its work, so that only the reads leave lines out.
fn without_eraser(stage: &Stage) {
    stage.call(|connection| {
        connection
            .execute_batch(
                "CREATE TRIGGER stays BEFORE UPDATE ON message BEGIN SELECT RAISE(ABORT, 'stays'); END",
            )
            .unwrap();
    });
}

#[test]
fn forgotten_lines_are_counted_once_and_only_ones_own() {
    let mut stage = filled(false);
    let at = |place, id| (place, LineId(id));
    assert_eq!(
        forget(&mut stage, 1, Forgetting::Line(LineId(2)), 8).0,
        0,
        "bob's"
    );
    assert_eq!(
        forget(&mut stage, 1, Forgetting::Line(LineId(3)), 8).0,
        0,
        "a guest's"
    );
    assert_eq!(
        forget(&mut stage, 1, Forgetting::Line(LineId(99)), 8).0,
        0,
        "nobody's"
    );
    assert_eq!(
        forget(&mut stage, 1, Forgetting::Line(LineId(8)), 7).0,
        0,
        "later"
    );
    let one = (1, vec![at(ROOM, 7)], vec![]);
    assert_eq!(forget(&mut stage, 1, Forgetting::Line(LineId(7)), 8), one);
    assert_eq!(
        forget(&mut stage, 1, Forgetting::Line(LineId(7)), 8).0,
        0,
        "again"
    );
    let last = (
        2,
        vec![at(PlaceId::room(2), 8), at(pair(1, 3), 5)],
        vec![(account(3), 1)],
    );
    assert_eq!(forget(&mut stage, 1, Forgetting::Last(2), 8), last);
    let there = (1, vec![at(ROOM, 1)], vec![]);
    assert_eq!(forget(&mut stage, 1, Forgetting::AllIn(ROOM), 8), there);
    let rest = (1, vec![at(pair(1, 2), 4)], vec![]);
    assert_eq!(forget(&mut stage, 1, Forgetting::All, 8), rest);
    assert_eq!(forget(&mut stage, 1, Forgetting::All, 8).0, 0);
    assert_eq!(stage.ids(ROOM), [2, 3]);
    let (mut stage, restored) = stage.reopen();
    assert_eq!(stage.ids(ROOM), [2, 3]);
    assert_eq!(restored.waiting, [(account(3), AccountId::new(2), 1)]);
}

#[test]
fn forgotten_line_is_in_no_read_before_it_is_erased() {
    let mut stage = filled(true);
    without_eraser(&stage);
    stage.change(Change::Mark {
        account: account(3),
        place: ROOM,
        read: Some(LineId(0)),
        shown: Some(LineId(0)),
    });
    forget(&mut stage, 1, Forgetting::All, 7);
    let page = |lines| Answer::Page { lines, end: true };
    let search = |words: &str| Question::Search {
        places: SearchPlaces::One(ROOM),
        words: words.into(),
        before: None,
        up_to: LineId(99),
        limits: BIG,
        without: Vec::new(),
        reader: None,
    };
    assert_eq!(stage.ids(ROOM), [2, 3]);
    assert_eq!(
        ids(&stage.page(ROOM, PageRange::Since(LineId(0))).0),
        [2, 3]
    );
    assert!(stage.ids(pair(1, 3)).is_empty());
    assert_eq!(stage.ask(search("7")), page(vec![]));
    assert!(matches!(stage.ask(search("2")), Answer::Page { lines, .. } if lines.len() == 1));
    let own = Question::Own {
        account: account(1),
        before: None,
        up_to: LineId(99),
        limits: BIG,
    };
    assert!(matches!(stage.ask(own), Answer::Page { lines, .. } if ids(&lines) == [8]));
    let arrival = Question::Arrival {
        account: account(3),
        places: vec![ROOM],
        up_to: LineId(99),
        without: vec![],
    };
    let Answer::Arrival { missed, waiting } = stage.ask(arrival) else {
        panic!();
    };
    assert_eq!(
        (missed[0].count, missed[0].since, ids(&waiting)),
        (2, 2000, vec![6])
    );
    let unread = Question::Unread {
        account: account(3),
        rooms: vec![ROOM],
        up_to: LineId(99),
        without: vec![],
    };
    let expected = Answer::Unread(vec![(ROOM, 2), (pair(2, 3), 1)]);
    assert_eq!(stage.ask(unread), expected);
    assert_eq!(
        forget(&mut stage, 1, Forgetting::Last(9), 99).0,
        1,
        "only 8 is left"
    );
    let (_, restored) = stage.after_crash();
    assert_eq!(restored.waiting, [(account(3), AccountId::new(2), 1)]);
}

#[test]
fn removed_line_is_anybodys_and_of_that_place() {
    for with_search in [false, true] {
        let mut stage = filled(with_search);
        // First only out of the reads, then out of the files.
        without_eraser(&stage);
        let at = |place, id| vec![(place, LineId(id))];
        for (place, id) in [
            (PlaceId::room(2), 2),
            (pair(1, 2), 2),
            (ROOM, 99),
            (ROOM, 8),
        ] {
            assert_eq!(remove(&mut stage, place, id), (0, vec![], vec![]), "{id}");
        }
        assert_eq!(remove(&mut stage, ROOM, 2), (1, at(ROOM, 2), vec![]));
        assert_eq!(remove(&mut stage, ROOM, 3), (1, at(ROOM, 3), vec![]));
        assert_eq!(remove(&mut stage, ROOM, 3).0, 0, "again");
        let waited = (1, at(pair(2, 3), 6), vec![(account(3), 1)]);
        assert_eq!(remove(&mut stage, pair(2, 3), 6), waited);
        assert_eq!(stage.ids(ROOM), [1, 7]);
        let bobs = forget(&mut stage, 2, Forgetting::All, 99);
        assert_eq!(bobs.0, 0, "they are gone already");
        let (mut crashed, restored) = stage.after_crash();
        assert_eq!(restored.waiting, [(account(3), AccountId::new(1), 1)]);
        crashed.call(|connection| connection.execute_batch("DROP TRIGGER stays").unwrap());
        for id in [2, 3, 6] {
            wait_until_gone(&mut crashed, format!("word-{id}").as_bytes(), |_| {});
        }
        assert_eq!(crashed.ids(ROOM), [1, 7]);
        assert!(!files_with(&crashed, b"word-7").is_empty());
        assert_eq!(crashed.ids(pair(2, 3)), [] as [u64; 0]);
    }
}

#[test]
fn bytes_of_removed_lines_leave_every_file_also_under_load() {
    let mut stage = Stage::with(|settings| settings.search = true);
    let mut last = None;
    for id in 1..=600 {
        let word = if id % 3 == 0 { "xyzzy" } else { "frobozz" };
        let author = u32::try_from(id % 2).unwrap();
        last = stage
            .archive
            .keep(&line(id, ROOM, author, &format!("{word}{id} and more")));
    }
    stage.wait_kept(last);
    for id in (3..=600).step_by(3) {
        assert_eq!(remove(&mut stage, ROOM, id).0, 1, "{id}");
    }
    let mut next = 1000;
    wait_until_gone(&mut stage, b"xyzzy", |stage| {
        for _ in 0..50 {
            next += 1;
            stage.archive.keep(&line(next, ROOM, 1, "frobozz"));
        }
        stage.page(ROOM, PageRange::Newest);
    });
    assert!(stage.page(ROOM, PageRange::Newest).0.len() >= 400);
}

#[test]
fn bytes_of_lines_for_their_author_only_leave_every_file() {
    let mut stage = Stage::new();
    for id in 1..=300 {
        let text = format!("xyzzy{id}");
        let said = KeptLine {
            is_authors_only: id % 2 == 0,
            ..line(id, pair(1, 2), 1, &text)
        };
        let last = stage.archive.keep(&said);
        stage.wait_kept(last);
    }
    assert_eq!(forget(&mut stage, 1, Forgetting::All, 300).0, 300);
    wait_until_gone(&mut stage, b"xyzzy", |_| {});
}

#[test]
fn profile_that_was_taken_back_leaves_every_file() {
    let mut stage = Stage::new();
    stage.make_account(1);
    for text in [Some("xyzzy".into()), None] {
        let account = account(1);
        stage.change(Change::SetProfile { account, text });
    }
    wait_until_gone(&mut stage, b"xyzzy", |_| {});
}

/// The files of the store's folder that have these bytes. Looked for twice, as they may go from one file to the
/// other meanwhile.
fn files_with(stage: &Stage, bytes: &[u8]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for _ in 0..2 {
        let folder = std::fs::read_dir(stage.path().parent().unwrap()).unwrap();
        for path in folder.map(|entry| entry.unwrap().path()) {
            // The journal can go at any time.
            let content = std::fs::read(&path).unwrap_or_default();
            if memchr::memmem::find(&content, bytes).is_some() {
                found.push(path);
            }
        }
    }
    found
}

pub(super) fn wait_until_gone(
    stage: &mut Stage,
    bytes: &[u8],
    mut meanwhile: impl FnMut(&mut Stage),
) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while let [file, ..] = &*files_with(stage, bytes) {
        assert!(Instant::now() < deadline, "still in {}", file.display());
        meanwhile(stage);
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn bytes_of_forgotten_lines_leave_every_file_also_under_load() {
    for with_search in [false, true] {
        let mut stage = Stage::with(|settings| settings.search = with_search);
        let mut id = 0;
        let mut say = |stage: &mut Stage, author, text: &str| {
            id += 1;
            let said = KeptLine {
                waits_for: AccountId::new(2),
                ..line(id, pair(1, 2), author, text)
            };
            stage.archive.keep(&said)
        };
        for number in 0..300 {
            say(&mut stage, 1, &format!("xyzzy{number}plugh and more"));
            say(&mut stage, 2, &format!("frobozz{number}"));
        }
        let last = say(&mut stage, 1, "xyzzylast");
        stage.wait_kept(last);
        assert!(!files_with(&stage, b"xyzzy").is_empty());
        let (count, lines, waited) = forget(&mut stage, 1, Forgetting::All, 601);
        assert_eq!(
            (count, lines.len(), waited),
            (301, 100, vec![(account(2), 301)])
        );
        wait_until_gone(&mut stage, b"xyzzy", |stage| {
            for _ in 0..50 {
                say(stage, 2, "frobozz");
            }
            stage.page(pair(1, 2), PageRange::Newest);
        });
        assert!(
            !files_with(&stage, b"frobozz").is_empty(),
            "the others' stay"
        );
        assert!(stage.page(pair(1, 2), PageRange::Newest).0.len() >= 300);
    }
}

#[test]
fn bytes_of_a_room_that_is_no_longer_kept_leave_every_file() {
    let mut stage = Stage::new();
    let place = PlaceId::room(1);
    stage.change(Change::KeepRoom {
        place,
        room: room("dev"),
        owner: None,
        days: 30,
        topic: None,
    });
    for id in 1..=100 {
        stage.keep(&line(id, place, 0, &format!("xyzzy{id}")));
    }
    stage.keep(&line(101, PlaceId::room(2), 0, "frobozz"));
    stage.change(Change::UnkeepRoom { place });
    assert!(stage.ids(place).is_empty());
    wait_until_gone(&mut stage, b"xyzzy", |_| {});
    assert_eq!(stage.ids(PlaceId::room(2)), [101]);
}

#[test]
fn erasing_goes_on_after_a_crash() {
    let mut stage = filled(false);
    without_eraser(&stage);
    forget(&mut stage, 1, Forgetting::All, 8);
    let (mut crashed, _) = stage.after_crash();
    crashed.call(|connection| connection.execute_batch("DROP TRIGGER stays").unwrap());
    wait_until_gone(&mut crashed, b"word-7", |_| {});
    assert_eq!(crashed.ids(ROOM), [2, 3]);
}

#[test]
fn hash_of_an_old_password_leaves_every_file() {
    let mut stage = Stage::new();
    stage.make_account(1);
    assert!(!files_with(&stage, b"hash 1").is_empty());
    stage.change(Change::SetPassword {
        account: account(1),
        password: PasswordHash("another".into()),
        ends_tokens: true,
    });
    wait_until_gone(&mut stage, b"hash 1", |_| {});
}

/// Many forget, one after another, so that each erases what was moved when others' lines were erased.
#[test]
fn bytes_leave_every_file_whoever_forgot_before() {
    for with_search in [false, true] {
        let mut stage = Stage::with(|settings| settings.search = with_search);
        let words = [(1, "xyzzy"), (2, "frobozz"), (3, "plugh"), (4, "quux")];
        let mut id = 0;
        let mut last = None;
        for round in 0..400 {
            for (author, word) in words {
                id += 1;
                let text = format!("{word}{round} and {word}{id}");
                last = stage.archive.keep(&line(id, ROOM, author, &text));
            }
            if round % 7 == 0 {
                stage.wait_kept(last);
            }
        }
        stage.wait_kept(last);
        for (author, word) in words {
            assert_eq!(forget(&mut stage, author, Forgetting::Last(150), id).0, 150);
            assert_eq!(forget(&mut stage, author, Forgetting::All, id).0, 250);
            wait_until_gone(&mut stage, word.as_bytes(), |_| {});
        }
        assert!(stage.ids(ROOM).is_empty());
    }
}
