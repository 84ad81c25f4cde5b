//! A database of an older version is brought up to date with all that is in it.

use super::*;
use crate::store::{StoreError, migrations};

/// A file of the first version, as it was released, with some of everything in it.
fn first_version(path: &Path) {
    std::fs::create_dir(path.parent().unwrap()).unwrap();
    let connection = Connection::open(path).unwrap();
    let sql = format!(
        "PRAGMA journal_mode = WAL; BEGIN; {}; PRAGMA user_version = 1; COMMIT;",
        migrations::STEPS[0]
    );
    connection.execute_batch(&sql).unwrap();
    connection
        .execute_batch(
            "INSERT INTO account(id, name, skeleton, password, made_at, seen_at, settings) VALUES
               (1, 'alice', 'alice', 'hash 1', 1000, 2000, 3), (2, 'bob', 'bob', 'hash 2', 1000, 1000, 0);
             INSERT INTO account(id, state, made_at, seen_at) VALUES (3, 2, 1000, 1000);
             INSERT INTO held_name VALUES ('carol', 99);
             INSERT INTO token VALUES (x'01', 1, 'phone', 5, NULL);
             INSERT INTO place(id, room, owner, keep_days, topic) VALUES (1, 'dev', 1, 14, 'release');
             INSERT INTO place(id, low, high, keep_days) VALUES (4294967298, 1, 2, 0);
             INSERT INTO message VALUES (1, 1, 1000, 1, 'alice', 0, 'xyzzy hi'),
               (2, 4294967298, 2000, 2, 'bob', 1, 'xyzzy waves'), (3, 1, 3000, NULL, 'guest', 0, 'xyzzy x');
             INSERT INTO waiting VALUES (1, 2);
             INSERT INTO seen VALUES (1, 1, 1, 1);
             INSERT INTO meta VALUES ('ids_reserved_to', 100), ('last_at', 4000), ('last_room', 1);",
        )
        .unwrap();
}

fn old_store() -> (Stage, Restored) {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = StoreSettings::new(folder.path().join("store/chat.db"), true);
    settings.password_cost = CHEAP;
    first_version(&settings.path);
    let (mut stage, restored) = Stage::open(settings);
    stage.folder = Some(folder);
    (stage, restored)
}

#[test]
fn first_version_is_brought_up_to_date_with_all_that_is_in_it() {
    let (mut stage, restored) = old_store();
    let accounts: Vec<_> = restored.accounts.iter().map(|a| format!("{a:?}")).collect();
    assert_eq!(accounts.len(), 2);
    for (account, words) in accounts.iter().zip([
        "seen_at: 2000, settings: 3, tokens: 1, suspended: None, notify: None",
        "seen_at: 1000, settings: 0, tokens: 0, suspended: None, notify: None",
    ]) {
        assert!(account.contains(words), "{account}");
    }
    assert_eq!(restored.held_names, [(name(3), 99)]);
    assert_eq!(
        restored.waiting,
        [(account(1), AccountId::new(2), 1)],
        "what waits"
    );
    assert_eq!((restored.last_account, restored.last_ban), (3, 0));
    assert_eq!(
        (restored.reserved_up_to, restored.last_at),
        (LineId(100), 4000)
    );
    assert_eq!((restored.rooms[0].days, restored.rooms[0].locks), (14, 0));
    assert_eq!(stage.ids(ROOM), [1, 3]);
    let (lines, _) = stage.page(pair(1, 2), PageRange::Newest);
    assert_eq!((ids(&lines), lines[0].kind), (vec![2], LineKind::Action));
    // As it was, in case the new one is not wanted.
    let copy = PathBuf::from(format!("{}.v1", stage.path().display()));
    let copy = Connection::open(copy).unwrap();
    assert_eq!(migrations::version(&copy).unwrap(), 1);
    let lines: i64 = copy
        .query_row("SELECT count(*) FROM message", (), |row| row.get(0))
        .unwrap();
    assert_eq!(lines, 3);
    // And the new one keeps what is new.
    stage.change(Change::SetSuspended {
        account: account(2),
        why: Some("spam".into()),
    });
    let (_, restored) = stage.reopen();
    assert_eq!(restored.accounts[1].suspended.as_deref(), Some("spam"));
}

#[test]
fn lines_of_the_first_version_are_erased_where_they_stand() {
    let (mut stage, _) = old_store();
    // What was copied is the operator's, who is told to remove it.
    std::fs::remove_file(format!("{}.v1", stage.path().display())).unwrap();
    for (place, id) in [(ROOM, 1), (pair(1, 2), 2), (ROOM, 3)] {
        let change = Change::Remove {
            place,
            line: LineId(id),
        };
        let asked = stage.archive.change(change);
        stage.wait_kept(asked);
    }
    erasing::wait_until_gone(&mut stage, b"xyzzy", |_| {});
    assert!(stage.ids(ROOM).is_empty());
}

#[test]
fn version_that_is_not_known_yet_is_refused_with_both_numbers() {
    let (stage, _) = old_store();
    let (stage, _) = stage.reopen();
    let settings = stage.settings.clone();
    assert!(stage.store.unwrap().close(PATIENCE));
    let newer = Connection::open(&settings.path).unwrap();
    newer.pragma_update(None, "user_version", 3).unwrap();
    drop(newer);
    let error = Store::open(settings, || {}).unwrap_err();
    assert!(
        matches!(
            error,
            StoreError::Newer {
                found: 3,
                known: 2,
                ..
            }
        ),
        "{error}"
    );
}
