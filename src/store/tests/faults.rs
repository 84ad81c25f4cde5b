//! Crashes, full disks, damage, and a disk that stands still.

use super::*;
use crate::chat::ids::PlaceId;
use crate::store::StoreError;

#[test]
fn what_was_committed_is_there_after_a_crash_and_no_number_comes_again() {
    let mut stage = Stage::new();
    stage.change(Change::ReserveLines {
        up_to: LineId(100_000),
    });
    for id in 1..=500 {
        let ticket = stage.archive.keep(&line(id, ROOM, 0, "x"));
        if id % 100 == 0 {
            stage.wait_kept(ticket);
        }
    }
    let (mut crashed, restored) = stage.after_crash();
    assert_eq!(restored.reserved_up_to, LineId(100_000));
    assert_eq!(restored.last_at, 500_000);
    assert_eq!(crashed.ids(ROOM), (1..=500).collect::<Vec<_>>());
    crashed.keep(&line(100_001, ROOM, 0, "y"));
    let (_, restored) = crashed.after_crash();
    assert_eq!(restored.reserved_up_to, LineId(100_001));
}

#[test]
fn second_daemon_is_told_and_touches_nothing() {
    let mut stage = Stage::new();
    stage.keep(&line(1, ROOM, 0, "x"));
    for is_named in [true, false] {
        let mut settings = stage.settings.clone();
        settings.is_named = is_named;
        let error = Store::open(settings, || {}).unwrap_err();
        assert!(matches!(error, StoreError::InUse(_)), "{error}");
    }
    let (mut stage, _) = stage.reopen();
    assert_eq!(stage.ids(ROOM), [1]);
}

#[test]
fn default_place_that_cannot_be_written_is_told_at_once() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("file"), "").unwrap();
    let path = folder.path().join("file/chat.db");
    let error = Store::open(StoreSettings::new(path, false), || {}).unwrap_err();
    assert_eq!(error.to_string().lines().count(), 1, "{error}");
}

#[test]
fn full_disk_refuses_lines_until_there_is_room() {
    let mut stage = Stage::new();
    stage.keep(&line(1, ROOM, 0, "x"));
    stage.call(|connection| {
        connection
            .query_row("PRAGMA max_page_count = 1", (), |_| Ok(()))
            .unwrap();
    });
    let text = "x".repeat(4000);
    let mut id = 1;
    let refused = loop {
        id += 1;
        let ticket = stage.archive.keep(&line(id, ROOM, 0, &text)).unwrap();
        let kept = stage.wait_for("end", |done| match done {
            Settled::KeptUpTo(up_to) if *up_to >= ticket => Some(None),
            Settled::NotKept { why, .. } => Some(Some(*why)),
            _ => None,
        });
        if let Some(why) = kept {
            break why;
        }
        assert!(id < 100);
    };
    assert_eq!(refused, NotKept::Full);
    assert_eq!(stage.store.as_ref().unwrap().trouble(), None);
    let last = stage.archive.keep(&line(id + 1, ROOM, 0, &text));
    assert_eq!(stage.wait_not_kept(last), NotKept::Full);
    assert_eq!(stage.ids(ROOM), (1..id).collect::<Vec<_>>());
    stage.call(|connection| {
        connection
            .query_row("PRAGMA max_page_count = 100000", (), |_| Ok(()))
            .unwrap();
    });
    stage.keep(&line(id + 2, ROOM, 0, &text));
    let expected = (1..id).chain([id + 2]).collect::<Vec<_>>();
    assert_eq!(stage.ids(ROOM), expected);
    let (mut stage, _) = stage.reopen();
    assert_eq!(stage.ids(ROOM), expected);
}

#[test]
fn row_that_contradicts_is_refused_alone() {
    let mut stage = Stage::new();
    stage.keep(&line(5, ROOM, 0, "first"));
    let go_on = stage.block_writer();
    let tickets: Vec<_> = [6, 5, 7]
        .map(|id| stage.archive.keep(&line(id, ROOM, 0, "x")))
        .into();
    drop(go_on);
    assert_eq!(stage.wait_not_kept(tickets[1]), NotKept::Broken);
    stage.wait_kept(tickets[2]);
    assert_eq!(stage.ids(ROOM), [5, 6, 7]);
    assert_eq!(stage.store.as_ref().unwrap().trouble(), None);
}

#[test]
fn damage_stops_the_writing_and_is_told() {
    let mut stage = Stage::new();
    stage.keep(&line(1, ROOM, 0, "x"));
    let path = stage.path().to_owned();
    stage.call(move |_| {
        // Another's commit, after which the writer looks at the file again.
        let other = Connection::open(&path).unwrap();
        other
            .execute("INSERT INTO meta VALUES ('x', 1)", ())
            .unwrap();
        other
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |_| Ok(()))
            .unwrap();
        let bytes = std::fs::metadata(&path).unwrap().len();
        let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
        for page in 1..bytes / 4096 {
            std::os::unix::fs::FileExt::write_all_at(&file, &[0xa5; 4096], page * 4096).unwrap();
        }
    });
    for id in 2..4 {
        let ticket = stage.archive.keep(&line(id, ROOM, 0, "y"));
        assert_eq!(stage.wait_not_kept(ticket), NotKept::Broken);
    }
    assert!(stage.store.as_ref().unwrap().trouble().is_some());
    let ticket = stage.archive.change(Change::UseAccount {
        account: account(1),
        at: 1,
    });
    assert_eq!(stage.wait_not_kept(ticket), NotKept::Broken);
    let settings = stage.settings.clone();
    assert!(stage.store.take().unwrap().close(PATIENCE));
    let error = Store::open(settings, || {}).unwrap_err();
    assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
}

#[test]
fn store_that_cannot_be_made_refuses_all() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a/chat.db");
    let mut settings = StoreSettings::new(path, false);
    settings.password_cost = CHEAP;
    let (mut stage, _) = Stage::open(settings);
    std::fs::write(folder.path().join("a"), "in the way").unwrap();
    for id in 1..3 {
        let ticket = stage.archive.keep(&line(id, ROOM, 0, "x"));
        assert_eq!(stage.wait_not_kept(ticket), NotKept::Broken);
    }
    assert!(stage.store.as_ref().unwrap().trouble().is_some());
    assert!(stage.page(ROOM, PageRange::Newest).0.is_empty());
}

#[test]
fn full_queue_refuses_and_has_room_again_after_the_commit() {
    let mut stage = Stage::with(|settings| settings.queue_bytes_max = 64 << 10);
    stage.keep(&line(1, ROOM, 0, "x"));
    let go_on = stage.block_writer();
    let text = "x".repeat(1000);
    let mut last = None;
    let mut kept = 0;
    while let Some(ticket) = stage.archive.keep(&line(2 + kept, ROOM, 0, &text)) {
        last = Some(ticket);
        kept += 1;
    }
    assert!((60..65).contains(&kept), "{kept}");
    let change = Change::ReserveLines { up_to: LineId(9) };
    assert_eq!(stage.archive.change(change), None);
    drop(go_on);
    stage.wait_kept(last);
    // The room is given back right after that is told.
    let deadline = Instant::now() + PATIENCE;
    while stage.store.as_ref().unwrap().waiting_bytes() > 0 {
        assert!(Instant::now() < deadline);
    }
    stage.keep(&line(2 + kept, ROOM, 0, &text));
}

#[test]
fn long_line_and_many_lines_are_kept_in_their_order() {
    let mut stage = Stage::new();
    let long = "ü".repeat(70_000);
    stage.keep(&line(1, ROOM, 0, "x"));
    let go_on = stage.block_writer();
    let mut last = None;
    for id in 2..=2500 {
        let text = if id == 1200 { long.as_str() } else { "x" };
        last = stage.archive.keep(&line(id, ROOM, 0, text));
    }
    drop(go_on);
    stage.wait_kept(last);
    let (lines, _) = stage.page(ROOM, PageRange::Before(LineId(1201)));
    assert_eq!(lines.last().unwrap().text.len(), long.len());
    let (lines, end) = stage.page(ROOM, PageRange::Since(LineId(1500)));
    assert_eq!((ids(&lines), end), ((1501..=2500).collect(), true));
}

#[test]
fn time_never_falls_even_if_that_of_a_line_does() {
    let mut stage = Stage::new();
    stage.keep(&line(1, ROOM, 0, "x"));
    let (mut stage, restored) = stage.reopen();
    assert_eq!(restored.last_at, 1000);
    let early = KeptLine {
        at: 5,
        ..line(2, ROOM, 0, "y")
    };
    stage.keep(&early);
    assert_eq!(stage.page(ROOM, PageRange::Newest).0[1].at, 1000);
}

#[test]
fn stuck_disk_does_not_hold_up_the_end() {
    let mut stage = Stage::new();
    stage.keep(&line(1, ROOM, 0, "x"));
    let go_on = stage.block_writer();
    let ticket = stage.archive.keep(&line(2, ROOM, 0, "y"));
    let start = Instant::now();
    assert!(!stage.store.take().unwrap().close(Duration::from_millis(50)));
    assert!(start.elapsed() < PATIENCE / 2);
    assert_eq!(stage.archive.keep(&line(3, ROOM, 0, "z")), None, "closed");
    drop(go_on);
    stage.wait_kept(ticket);
}

#[test]
fn close_keeps_what_is_queued() {
    let mut stage = Stage::new();
    for id in 1..=3000 {
        stage.archive.keep(&line(id, ROOM, 0, "x")).unwrap();
    }
    let (mut stage, restored) = stage.reopen();
    assert_eq!(restored.reserved_up_to, LineId(3000));
    assert_eq!(stage.ids(ROOM).len(), 1000);
}

#[test]
fn program_that_locks_the_database_delays_lines_and_loses_none() {
    let mut stage = Stage::new();
    stage.keep(&line(1, ROOM, 0, "x"));
    let other = Connection::open(stage.path()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let ticket = stage.archive.keep(&line(2, PlaceId::room(1), 0, "y"));
    // Longer than SQLite itself waits.
    std::thread::sleep(Duration::from_millis(1500));
    other.execute_batch("ROLLBACK").unwrap();
    stage.wait_kept(ticket);
    assert_eq!(stage.ids(ROOM), [1, 2]);
}
