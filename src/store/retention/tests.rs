//! What goes, and how much of it at a time.

use super::*;
use crate::store::database;
use crate::store::files::Files;

const NOW: u64 = 100 * DAY_MS;

fn made(folder: &std::path::Path) -> Connection {
    let files = Files::new(&folder.join("chat.db"), true).unwrap();
    files.make().unwrap();
    database::open(&files, false).unwrap()
}

fn run(connection: &Connection, days: u32, bytes_max: u64, now: u64) -> Vec<i64> {
    let rules = Rules { days, bytes_max };
    let mut retention = Retention::new(connection, None, rules).unwrap();
    retention.begin(Instant::now()).unwrap();
    while retention.is_active() {
        retention.slice(now).unwrap();
    }
    let mut select = connection
        .prepare("SELECT id FROM message WHERE place <> 0 ORDER BY id")
        .unwrap();
    let ids = select.query_map((), |row| row.get(0)).unwrap();
    ids.map(Result::unwrap).collect()
}

/// A line a day, the last one today, by turns in each of the places.
fn fill(connection: &Connection, places: &[i64], days: u64) {
    for day in 1..=days {
        let place = places[usize::try_from(day).unwrap() % places.len()];
        let at = number(NOW - (days - day) * DAY_MS);
        let sql = "INSERT INTO message VALUES (?1, ?2, ?3, 1, 'alice', 0, 'x')";
        connection.execute(sql, [number(day), place, at]).unwrap();
    }
}

const PAIR: i64 = 1 << 32 | 2;

#[test]
fn each_place_keeps_its_own_days_and_none_more_than_the_server() {
    let temp = tempfile::tempdir().unwrap();
    let connection = made(temp.path());
    fill(&connection, &[1, 2, PAIR], 60);
    connection
        .execute_batch(
            "INSERT INTO place(id, room, keep_days) VALUES (1, 'dev', 7), (2, 'ops', 99);
             INSERT INTO place(id, low, high, keep_days) VALUES (4294967298, 1, 2, 0);",
        )
        .unwrap();
    let ids = run(&connection, 30, u64::MAX, NOW);
    // Of 60 days, the last is today's; every third is one place's.
    let expected = (1..=60).filter(|day| match day % 3 {
        0 => *day >= 53,
        _ => *day >= 30,
    });
    assert_eq!(ids, expected.collect::<Vec<_>>());
}

#[test]
fn line_that_waits_stays_for_thirty_days() {
    let temp = tempfile::tempdir().unwrap();
    let connection = made(temp.path());
    fill(&connection, &[PAIR], 60);
    connection
        .execute_batch(
            "INSERT INTO place(id, low, high, keep_days) VALUES (4294967298, 1, 2, 0);
             INSERT INTO waiting VALUES (2, 10), (2, 40);",
        )
        .unwrap();
    let ids = run(&connection, 7, u64::MAX, NOW);
    assert_eq!(ids, [vec![40], (53..=60).collect()].concat());
    let waiting: i64 = connection
        .query_row("SELECT count(*) FROM waiting", (), |row| row.get(0))
        .unwrap();
    assert_eq!(waiting, 1);
}

#[test]
fn oldest_lines_go_when_the_file_is_too_large() {
    let temp = tempfile::tempdir().unwrap();
    let connection = made(temp.path());
    let sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
               INSERT INTO message SELECT i, 1, i, 1, 'alice', 0, hex(zeroblob(60)) FROM n";
    connection.execute(sql, ()).unwrap();
    let bytes = used_bytes(&connection).unwrap();
    let ids = run(&connection, 99, bytes - bytes / 10, NOW);
    let gone = 5000 - ids.len();
    // More than a tenth is erased, for a tenth to be deleted.
    assert!((1424..2300).contains(&gone), "{gone}");
    assert!(used_bytes(&connection).unwrap() <= bytes - bytes / 10);
    assert_eq!(ids[0], i64::try_from(gone).unwrap() + 1);
}

#[test]
fn clock_that_leapt_ahead_takes_a_tenth_an_hour() {
    let temp = tempfile::tempdir().unwrap();
    let connection = made(temp.path());
    let sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
               INSERT INTO message SELECT i, 1, i, 1, 'alice', 0, hex(zeroblob(500)) FROM n";
    connection.execute(sql, ()).unwrap();
    let place = "INSERT INTO place(id, room, keep_days) VALUES (1, 'dev', 7)";
    connection.execute(place, ()).unwrap();
    let left = run(&connection, 30, u64::MAX, NOW * 1000).len();
    assert!((17_500..18_500).contains(&left), "{left}");
    let rules = Rules {
        days: 30,
        bytes_max: u64::MAX,
    };
    let mut retention = Retention::new(&connection, None, rules).unwrap();
    let start = Instant::now();
    for (hours, more) in [(0, true), (0, false), (1, true)] {
        let before = count(&connection);
        retention.begin(start + ROUND_PERIOD * hours).unwrap();
        while retention.is_active() {
            retention.slice(NOW * 1000).unwrap();
        }
        assert_eq!(count(&connection) < before, more);
    }
}

#[test]
fn round_takes_old_deeds_too() {
    let temp = tempfile::tempdir().unwrap();
    let connection = made(temp.path());
    let deeds = "INSERT INTO deed(at, who, what) VALUES (1, 'boss', 'kick'), (?1, 'boss', 'ban')";
    connection.execute(deeds, [number(NOW * 5)]).unwrap();
    run(&connection, 30, u64::MAX, NOW * 5);
    let left: String = connection
        .query_row("SELECT what FROM deed", (), |row| row.get(0))
        .unwrap();
    assert_eq!(left, "ban");
}

fn count(connection: &Connection) -> i64 {
    let sql = "SELECT count(*) FROM message WHERE place <> 0";
    connection.query_row(sql, (), |row| row.get(0)).unwrap()
}
