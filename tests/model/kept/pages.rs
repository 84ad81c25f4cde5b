//! Pages: who may read them, and what is on them.

use std::time::Duration;

use chinwag::chat::command::{
    Command, HistoryCommand, KeepCommand, MembershipCommand, WantedRange, WantedTime,
};
use chinwag::chat::ids::{ClientId, LineId};

use super::stage::{Handled, Stage, history, keep, limits, place, room};

const MORE: Command<'static> = Command::History(HistoryCommand::More);

/// Alice owns dev, bob is there, and six lines were said.
fn dev() -> (Stage, ClientId, ClientId) {
    let mut stage = Stage::new();
    let alice = stage.owner("alice", "dev");
    let bob = stage.login("bob");
    stage.join(bob, "dev");
    for number in 1..=6 {
        stage.say(
            if number % 2 == 0 { bob } else { alice },
            &format!("l{number}"),
        );
    }
    stage.settle();
    stage.hear(alice);
    stage.hear(bob);
    (stage, alice, bob)
}

fn lines(heard: &[String]) -> Vec<&str> {
    let lines = heard
        .iter()
        .filter_map(|line| line.strip_prefix("history dev "));
    lines.collect()
}

fn search(of: Option<&str>, words: &'static str) -> Command<'static> {
    let place = of.map(place);
    Command::History(HistoryCommand::Search { place, words })
}

#[test]
fn page_has_the_newest_lines_and_more_the_earlier_ones() {
    let (mut stage, alice, _) = dev();
    assert_eq!(stage.ask(alice, MORE), ["error bad_usage"]);
    assert_eq!(
        stage.page(alice, "dev", WantedRange::Newest),
        [
            "history dev alice: l3 #3",
            "history dev bob: l4 #4",
            "history dev alice: l5 #5",
            "history dev bob: l6 #6",
            "page of dev: 4 more"
        ]
    );
    assert_eq!(
        stage.ask(alice, MORE),
        [
            "history dev alice: l1 #1",
            "history dev bob: l2 #2",
            "page of dev: 2 end"
        ]
    );
    assert_eq!(stage.ask(alice, MORE), ["error bad_usage"]);
    stage.be_plain(alice);
    let since = WantedRange::Since(LineId(1));
    let heard = stage.page(alice, ".", since);
    assert_eq!(heard[0], "page of dev: 4 more");
    assert_eq!(
        lines(&heard[1..]),
        ["bob: l2 #2", "alice: l3 #3", "bob: l4 #4", "alice: l5 #5"]
    );
    assert_eq!(heard[5], "more later");
    assert_eq!(
        stage.ask(alice, MORE),
        ["page of dev: 1 end", "history dev bob: l6 #6"]
    );
}

#[test]
fn page_begins_at_a_time() {
    let mut stage = Stage::new();
    let alice = stage.owner("alice", "dev");
    for minute in 1..=3 {
        stage.unix_ms = minute * 60_000;
        stage.say(alice, "x");
    }
    stage.settle();
    stage.hear(alice);
    let since = WantedRange::SinceTime(WantedTime::Ago(60_000));
    assert_eq!(
        stage.page(alice, "dev", since).last().unwrap(),
        "page of dev: 2 end"
    );
    let since = WantedRange::SinceTime(WantedTime::OfDay(0));
    assert_eq!(
        stage.page(alice, "dev", since).last().unwrap(),
        "page of dev: 3 end"
    );
}

#[test]
fn page_is_for_who_is_in_the_room_or_one_of_the_two() {
    let (mut stage, alice, bob) = dev();
    let (carol, guest) = (stage.login("carol"), stage.guest("zoe"));
    let newest = WantedRange::Newest;
    let mut last = |id, of: &str| stage.page(id, of, newest).pop().unwrap();
    assert_eq!(last(carol, "dev"), "error not_in_room");
    assert_eq!(last(carol, "nowhere"), "error not_in_room");
    assert_eq!(last(carol, "lobby"), "error not_kept_here");
    assert_eq!(last(guest, "@bob"), "error login_required");
    assert_eq!(last(carol, "@zoe"), "error not_kept_here");
    assert_eq!(last(carol, "@bob"), "page of @bob: 0 end");
    stage.join(guest, "dev");
    assert_eq!(
        stage.page(guest, "dev", newest).pop().unwrap(),
        "page of dev: 4 more"
    );
    stage.write(alice, "bob", "psst");
    stage.settle();
    stage.hear(bob);
    stage.hear(alice);
    let page = ["history @alice alice: psst #7", "page of @alice: 1 end"];
    assert_eq!(stage.page(bob, "@alice", newest), page);
    let page = ["history @bob alice: psst #7", "page of @bob: 1 end"];
    assert_eq!(stage.page(alice, "@bob", newest), page);
}

#[test]
fn page_and_live_lines_do_not_cross() {
    let (mut stage, alice, bob) = dev();
    assert_eq!(
        stage.handle(alice, history("dev", WantedRange::Newest)),
        Handled::Later
    );
    stage.say(bob, "live");
    // Even if the archive has kept it before it reads.
    stage.keep_all();
    stage.answer();
    let heard = stage.hear(alice);
    assert_eq!(heard[0], "dev bob: live #7");
    assert_eq!(lines(&heard).last(), Some(&"bob: l6 #6"));
    assert_eq!(heard.iter().filter(|line| line.contains("live")).count(), 1);
}

#[test]
fn line_without_an_answer_is_in_front_of_the_next_question() {
    let (mut stage, alice, _) = dev();
    stage.say(alice, "kept first");
    assert_eq!(
        stage.handle(alice, history("dev", WantedRange::Newest)),
        Handled::NotNow
    );
    stage.keep_all();
    let heard = stage.page(alice, "dev", WantedRange::Newest);
    assert_eq!(lines(&heard).last(), Some(&"alice: kept first #7"));
}

#[test]
fn page_is_not_shown_to_who_has_left_or_no_longer_may_read() {
    // Left by another connection; kept no longer; gone.
    let (mut stage, alice, bob) = dev();
    let second = stage.login("bob");
    stage.handle(bob, history("dev", WantedRange::Newest));
    let settled = stage.read();
    stage.part(second, "dev");
    stage.hear(bob);
    stage.give(settled);
    assert_eq!(stage.hear(bob), ["error not_in_room"]);
    stage.join(bob, "dev");
    stage.handle(bob, history("dev", WantedRange::Newest));
    let settled = stage.read();
    stage.handle(alice, keep(KeepCommand::Off));
    stage.keep_all();
    stage.hear(bob);
    stage.give(settled);
    assert_eq!(stage.hear(bob), ["error not_kept_here"]);
    assert_eq!(stage.keep(alice, None), "kept dev 30 alice");
    stage.say(alice, "new");
    stage.settle();
    stage.handle(bob, history("dev", WantedRange::Newest));
    stage.disconnect(bob);
    stage.answer();
    assert!(
        stage
            .hear(bob)
            .iter()
            .all(|line| !line.starts_with("history"))
    );
}

#[test]
fn page_of_a_successor_by_the_same_name_is_another_place() {
    let (mut stage, alice, bob) = dev();
    stage.handle(bob, history("dev", WantedRange::Newest));
    let settled = stage.read();
    stage.ask(alice, keep(KeepCommand::Off));
    stage.ask(alice, keep(KeepCommand::On(None)));
    stage.hear(bob);
    stage.give(settled);
    assert_eq!(stage.hear(bob), ["error not_kept_here"]);
}

#[test]
fn more_is_refused_to_who_has_left() {
    let (mut stage, _, bob) = dev();
    stage.page(bob, "dev", WantedRange::Newest);
    stage.part(bob, "dev");
    assert_eq!(stage.ask(bob, MORE), ["error not_in_room"]);
}

#[test]
fn ignored_authors_are_left_out_also_if_they_are_ignored_meanwhile() {
    let (mut stage, alice, _) = dev();
    let second = stage.login("alice");
    stage.handle(alice, history("dev", WantedRange::Newest));
    let settled = stage.read();
    stage.ignore(second, "bob");
    stage.give(settled);
    let heard = stage.hear(alice);
    assert_eq!(lines(&heard), ["alice: l3 #3", "alice: l5 #5"]);
    assert_eq!(heard.last().unwrap(), "page of dev: 2 more");
    let heard = stage.page(alice, "dev", WantedRange::Newest);
    assert_eq!(
        lines(&heard),
        ["alice: l1 #1", "alice: l3 #3", "alice: l5 #5"]
    );
}

#[test]
fn question_is_refused_if_the_archive_is_full_fails_or_is_late() {
    let (mut stage, alice, _) = dev();
    stage.archive.is_full = true;
    assert_eq!(
        stage.page(alice, "dev", WantedRange::Newest),
        ["error busy"]
    );
    stage.archive.is_full = false;
    stage.handle(alice, history("dev", WantedRange::Newest));
    let failed = stage.archive.fail_one();
    stage.give(failed);
    assert_eq!(stage.hear(alice), ["error busy"]);
    stage.handle(alice, history("dev", WantedRange::Newest));
    stage.wait(limits().keep_time);
    assert_eq!(stage.hear(alice), ["error busy"]);
    stage.answer();
    assert!(stage.hear(alice).is_empty());
}

#[test]
fn search_finds_words_where_one_may_read() {
    let (mut stage, alice, bob) = dev();
    let carol = stage.login("carol");
    stage.write(alice, "bob", "l6 in private");
    stage.settle();
    stage.hear(alice);
    stage.hear(bob);
    let heard = stage.ask(alice, search(None, "l6"));
    let found = [
        "found dev bob: l6 #6",
        "found @bob alice: l6 in private #7",
        "page of 'l6': 2 end",
    ];
    assert_eq!(heard, found);
    assert_eq!(stage.ask(alice, search(None, "dev l6")).len(), 2);
    assert_eq!(stage.ask(alice, search(Some("@bob"), "l6")).len(), 2);
    assert_eq!(
        stage.ask(carol, search(None, "l6")).pop().unwrap(),
        "page of 'l6': 0 end"
    );
    assert_eq!(
        stage.ask(carol, search(Some("dev"), "l6")),
        ["error not_in_room"]
    );
    // A word, and no room that she is in.
    assert_eq!(
        stage.ask(carol, search(None, "dev l6")),
        ["page of 'dev l6': 0 end"]
    );
    let guest = stage.guest("zoe");
    assert_eq!(
        stage.ask(guest, search(None, "l6")).pop().unwrap(),
        "error login_required"
    );
    for _ in 0..7 {
        stage.ask(alice, search(None, "x"));
    }
    assert_eq!(stage.ask(alice, search(None, "x")), ["error slow_down"]);
    stage.wait(Duration::from_secs(6));
    assert_eq!(stage.ask(alice, search(None, "x")).len(), 1);
}

#[test]
fn search_that_leaves_a_room_meanwhile_does_not_show_it() {
    let (mut stage, _, bob) = dev();
    let second = stage.login("bob");
    stage.handle(bob, search(None, "l6"));
    let settled = stage.read();
    stage.part(second, "dev");
    stage.hear(bob);
    stage.give(settled);
    assert_eq!(stage.hear(bob), ["page of 'l6': 0 end"]);
}

#[test]
fn export_has_own_lines_oldest_last_in_json_and_one_page_a_second() {
    let (mut stage, alice, _) = dev();
    let export = Command::History(HistoryCommand::Export(None));
    let heard = stage.ask(alice, export);
    assert_eq!(
        heard,
        [
            "exported dev alice: l5 #5",
            "exported dev alice: l3 #3",
            "exported dev alice: l1 #1",
            "page of own: 3 end"
        ]
    );
    assert_eq!(stage.ask(alice, export), ["error slow_down"]);
    stage.wait(Duration::from_secs(1));
    let before = Command::History(HistoryCommand::Export(Some(LineId(3))));
    let heard = stage.ask(alice, before);
    assert_eq!(heard[0], "exported dev alice: l1 #1");
    let guest = stage.guest("zoe");
    assert_eq!(
        stage.ask(guest, export).pop().unwrap(),
        "error login_required"
    );
}

#[test]
fn page_of_who_has_logged_out_meanwhile_is_not_shown() {
    let (mut stage, alice, bob) = dev();
    stage.write(alice, "bob", "psst");
    stage.settle();
    stage.handle(bob, history("@alice", WantedRange::Newest));
    stage.hear(bob);
    let settled = stage.read();
    // As when the account is dropped by another connection.
    let join = Command::Membership(MembershipCommand::Join(room("other")));
    assert_eq!(stage.handle(bob, join), Handled::NotNow);
    stage.disconnect(bob);
    stage.give(settled);
    assert!(stage.hear(bob).is_empty());
}
