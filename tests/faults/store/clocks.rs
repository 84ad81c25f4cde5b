//! The wall clock is set: what is kept has times that never fall, and nothing is gone at once.

use serde_json::Value;

use super::{PASSWORD, ROOM, Store, end, enter, make_accounts};
use crate::clock::{ClockedDaemon, DAY};
use crate::harness::speaker::{Speaker, id_of};

/// Longer than lines, accounts and what waits are kept.
const FOUR_YEARS: i64 = 1500 * DAY;

/// The lines of the room, whose times must not fall.
#[track_caller]
fn texts_in_order(speaker: &mut Speaker) -> Vec<String> {
    let lines = speaker.history(ROOM);
    let times: Vec<u64> = lines
        .iter()
        .map(|line| line["time"].as_u64().unwrap())
        .collect();
    assert!(times.is_sorted(), "{times:?}");
    let text = |line: &Value| line["text"].as_str().unwrap().to_owned();
    lines.iter().map(text).collect()
}

#[test]
fn times_of_kept_lines_never_fall_when_the_clock_is_set_back() {
    let store = Store::new();
    let flags = ["--store", store.flag()];
    let Some(clocked) = ClockedDaemon::start(&flags) else {
        return;
    };
    make_accounts(&clocked.daemon, &["alice"]);
    let mut alice = enter(&clocked.daemon, "alice");
    for (days, text) in [(0, "one"), (1, "two"), (0, "three"), (-3, "four")] {
        clocked.jump(days * DAY);
        alice.ok(text);
    }
    assert_eq!(texts_in_order(&mut alice), ["one", "two", "three", "four"]);
    clocked.daemon.signal(rustix::process::Signal::KILL);
    drop(clocked);
    // The clock of the machine is behind the last line after the restart, too.
    let clocked = ClockedDaemon::start_at(-3 * DAY, &flags).unwrap();
    let mut alice = enter(&clocked.daemon, "alice");
    alice.ok("five");
    assert_eq!(
        texts_in_order(&mut alice),
        ["one", "two", "three", "four", "five"]
    );
    drop(clocked);
    store.check();
}

#[test]
fn clock_that_leaps_years_ahead_takes_no_line_and_no_account_at_once() {
    let store = Store::with_accounts(&["alice", "bob"]);
    let daemon = store.start(&[]);
    let mut alice = enter(&daemon, "alice");
    for number in 0..20 {
        alice.ok(&number.to_string());
    }
    let waits = alice.ok("@bob:waits");
    end(daemon);
    let flags = ["--store", store.flag()];
    let Some(clocked) = ClockedDaemon::start(&flags) else {
        return;
    };
    let mut alice = enter(&clocked.daemon, "alice");
    clocked.jump(FOUR_YEARS);
    assert_eq!(texts_in_order(&mut alice).len(), 20);
    drop(clocked);
    // From the start, as on a machine whose clock is set only later.
    let clocked = ClockedDaemon::start_at(FOUR_YEARS, &flags).unwrap();
    let mut alice = enter(&clocked.daemon, "alice");
    assert_eq!(texts_in_order(&mut alice).len(), 20);
    let mut bob = Speaker::login(&clocked.daemon, "bob", PASSWORD);
    let late = bob.take_heard();
    let late = late.iter().find(|heard| heard["late"] == true);
    assert_eq!(late.map(id_of), Some(id_of(&waits)));
}
