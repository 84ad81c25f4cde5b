//! Which rooms are kept, and for whom.

use chinwag::chat::command::{Command, KeepCommand, MembershipCommand, SessionCommand};
use chinwag::chat::limits::HistoryLimits;
use chinwag::chat::name::Name;

use super::stage::{Handled, Stage, keep, limits, room};

#[test]
fn room_is_kept_once_that_is_kept_and_all_there_are_told() {
    let mut stage = Stage::new();
    let (alice, guest) = (stage.login("alice"), stage.guest("zoe"));
    stage.join(alice, "dev");
    stage.join(guest, "dev");
    stage.hear(alice);
    assert_eq!(
        stage.handle(alice, keep(KeepCommand::On(None))),
        Handled::Later
    );
    assert!(stage.hear(guest).is_empty() && stage.hear(alice).is_empty());
    stage.say(guest, "off the record");
    assert_eq!(stage.hear(alice), ["dev zoe: off the record"]);
    stage.keep_all();
    assert_eq!(stage.hear(alice), ["kept dev 30 alice"]);
    assert_eq!(stage.hear(guest), ["ok", "alice keeps dev 30"]);
    let place = stage.archive.kept.place_of("dev");
    assert!(stage.archive.kept.texts(place).is_empty());
}

#[test]
fn room_that_could_not_be_kept_is_not() {
    let mut stage = Stage::new();
    let alice = stage.login("alice");
    stage.join(alice, "dev");
    stage.handle(alice, keep(KeepCommand::On(None)));
    stage.keep_none();
    assert_eq!(stage.hear(alice), ["joined dev", "error not_kept"][1..]);
    stage.archive.is_full = true;
    assert_eq!(stage.keep(alice, None), "error not_kept");
    stage.archive.is_full = false;
    stage.say(alice, "hi");
    assert_eq!(stage.hear(alice), ["ok"]);
    assert_eq!(stage.keep(alice, Some(7)), "kept dev 7 alice");
}

#[test]
fn room_is_kept_by_accounts_and_its_owner_alone() {
    let mut stage = Stage::new();
    let (alice, bob, guest) = (stage.login("alice"), stage.login("bob"), stage.guest("zoe"));
    assert_eq!(stage.keep(guest, None), "error login_required");
    assert_eq!(stage.keep(alice, None), "error not_operator", "the lobby");
    for id in [alice, bob] {
        stage.join(id, "dev");
    }
    assert_eq!(stage.keep(alice, Some(31)), "error bad_usage");
    assert_eq!(stage.keep(alice, Some(30)), "kept dev 30 alice");
    assert_eq!(stage.keep(bob, None), "error not_operator");
    let off = stage.ask(bob, keep(KeepCommand::Off)).pop().unwrap();
    assert_eq!(off, "error not_operator");
    assert_eq!(stage.keep(alice, Some(3)), "kept dev 3 alice");
    assert_eq!(stage.hear(bob).last().unwrap(), "alice keeps dev 3");
    // Two are the limit here, with those on their way.
    stage.join(alice, "two");
    stage.handle(alice, keep(KeepCommand::On(None)));
    stage.keep_all();
    stage.join(alice, "three");
    assert_eq!(stage.keep(alice, None), "error too_many_rooms");
    assert_eq!(stage.join(alice, "dev"), "joined dev kept 3 alice");
    assert_eq!(stage.keep(alice, None), "kept dev 30 alice");
}

#[test]
fn two_that_keep_a_room_at_once_do_not_both_own_it() {
    let mut stage = Stage::new();
    let (alice, bob) = (stage.login("alice"), stage.login("bob"));
    for id in [alice, bob] {
        stage.join(id, "dev");
    }
    stage.handle(alice, keep(KeepCommand::On(None)));
    stage.hear(bob);
    stage.handle(bob, keep(KeepCommand::On(None)));
    assert_eq!(stage.hear(bob), ["error busy"]);
    stage.keep_all();
    assert_eq!(stage.keep(bob, None), "error not_operator");
}

#[test]
fn who_enters_a_kept_room_is_told() {
    let mut stage = Stage::new();
    stage.owner("alice", "dev");
    let (bob, guest) = (stage.login("bob"), stage.guest("zoe"));
    assert_eq!(stage.join(bob, "dev"), "joined dev kept 30 alice");
    assert_eq!(stage.join(guest, "dev"), "joined dev kept 30 alice");
    assert_eq!(stage.join(guest, "other"), "joined other");
}

#[test]
fn empty_kept_room_comes_back_with_all_it_had_and_holds_its_name() {
    let mut stage = Stage::new();
    let alice = stage.owner("alice", "dev");
    stage.topic(alice, "rust");
    stage.say(alice, "hello");
    stage.settle();
    stage.disconnect(alice);
    assert_eq!(stage.chat.counts().rooms, 1);
    let id = stage.connect();
    let nick = SessionCommand::Nick(Name::parse("dev").unwrap());
    let heard = stage.ask(id, Command::Session(nick));
    assert_eq!(heard, ["error name_taken"]);
    let guest = stage.guest("zoe");
    assert_eq!(stage.join(guest, "dev"), "joined dev (rust) kept 30 alice");
    stage.part(guest, "dev");
    let alice = stage.login("alice");
    assert_eq!(stage.join(alice, "dev"), "joined dev (rust) kept 30 alice");
    let off = stage.ask(alice, keep(KeepCommand::Off));
    assert_eq!(off, ["kept dev no longer"]);
    stage.part(alice, "dev");
    let dev = stage.guest("dev");
    assert!(stage.hear(dev).is_empty());
}

#[test]
fn kept_room_comes_back_after_a_restart() {
    let mut stage = Stage::new();
    let alice = stage.owner("alice", "dev");
    stage.topic(alice, "rust");
    stage.settle();
    let kept = stage.archive.crash();
    let mut stage = Stage::started(limits(), &kept);
    stage.wait(std::time::Duration::ZERO);
    stage.settle();
    let bob = stage.login("bob");
    assert_eq!(stage.join(bob, "dev"), "joined dev (rust) kept 30 alice");
    assert_eq!(stage.keep(bob, None), "error not_operator");
    // Its number is not given again.
    stage.join(bob, "ops");
    assert_eq!(stage.keep(bob, None), "kept ops 30 bob");
    let (dev, ops) = (
        stage.archive.kept.place_of("dev"),
        stage.archive.kept.place_of("ops"),
    );
    assert!(ops > dev);
}

#[test]
fn keep_off_erases_what_was_kept_and_what_is_said_meanwhile_is_not() {
    let mut stage = Stage::new();
    let alice = stage.owner("alice", "dev");
    let bob = stage.login("bob");
    stage.join(bob, "dev");
    stage.say(bob, "before");
    stage.hear(alice);
    stage.hear(bob);
    let place = stage.archive.kept.place_of("dev");
    stage.handle(alice, keep(KeepCommand::Off));
    stage.say(alice, "meanwhile");
    // The first line has no answer, so that the second waits.
    assert_eq!(stage.say(bob, "meanwhile"), Handled::NotNow);
    stage.keep_one();
    assert_eq!(stage.hear(bob), ["ok #1"]);
    stage.say(bob, "meanwhile");
    assert_eq!(stage.hear(bob), ["ok"]);
    let other = stage.login("carol");
    assert_eq!(stage.join(other, "dev"), "joined dev");
    stage.settle();
    let heard = [
        "dev bob: meanwhile",
        "kept dev no longer",
        "carol joined lobby",
        "carol joined dev",
    ];
    assert_eq!(stage.hear(alice), heard);
    assert!(stage.archive.kept.texts(place).is_empty());
    assert_eq!(stage.keep(other, None), "kept dev 30 carol");
    assert_ne!(stage.archive.kept.place_of("dev"), place);
}

#[test]
fn keep_off_that_is_not_kept_changes_nothing_but_what_was_said_meanwhile() {
    let mut stage = Stage::new();
    let alice = stage.owner("alice", "dev");
    stage.say(alice, "before");
    stage.settle();
    let bob = stage.guest("zoe");
    stage.handle(alice, keep(KeepCommand::Off));
    stage.join_now(bob, "dev");
    stage.say(bob, "meanwhile");
    stage.topic(bob, "later");
    stage.keep_none();
    stage.hear(alice);
    stage.say(bob, "after");
    stage.settle();
    let place = stage.archive.kept.place_of("dev");
    assert_eq!(stage.archive.kept.texts(place), ["before", "after"]);
    stage.disconnect(alice);
    stage.disconnect(bob);
    let carol = stage.login("carol");
    let joined = stage.join(carol, "dev");
    assert_eq!(joined, "joined dev (later) kept 30 alice");
}

#[test]
fn topic_of_a_kept_room_is_answered_once_it_is_kept() {
    let mut stage = Stage::new();
    let alice = stage.owner("alice", "dev");
    assert_eq!(stage.topic(alice, "rust"), Handled::Later);
    assert!(stage.hear(alice).is_empty());
    stage.keep_all();
    assert_eq!(stage.hear(alice), ["topic of dev rust"]);
    stage.topic(alice, "c");
    stage.keep_none();
    assert_eq!(stage.hear(alice), ["error not_kept"]);
    let guest = stage.guest("zoe");
    assert_eq!(stage.join(guest, "dev"), "joined dev (c) kept 30 alice");
}

#[test]
fn lobby_is_kept_from_the_start_if_the_operator_says_so() {
    let limits = HistoryLimits {
        lobby_days: Some(9),
        ..limits()
    };
    let mut stage = Stage::with(limits.clone());
    let alice = stage.login("alice");
    stage.say(alice, "hello");
    stage.settle();
    let place = stage.archive.kept.place_of("lobby");
    assert_eq!(stage.archive.kept.texts(place), ["hello"]);
    assert_eq!(stage.keep(alice, None), "error not_operator");
    let kept = stage.archive.crash();
    // Kept already: not asked for again.
    let mut stage = Stage::started(limits.clone(), &kept);
    let join = MembershipCommand::Join(room("lobby"));
    let bob = stage.guest("zoe");
    assert_eq!(
        stage.ask(bob, Command::Membership(join)),
        ["joined lobby kept 9 nobody"]
    );
    // By another rule: its place stays.
    let limits = HistoryLimits {
        lobby_days: Some(3),
        ..limits
    };
    let mut stage = Stage::with_kept(limits, &kept);
    let alice = stage.login("alice");
    assert_eq!(stage.join(alice, "lobby"), "joined lobby kept 3 nobody");
    assert_eq!(stage.archive.kept.place_of("lobby"), place);
    // No longer.
    let mut stage = Stage::with_kept(super::stage::limits(), &kept);
    let alice = stage.login("alice");
    assert_eq!(stage.join(alice, "lobby"), "joined lobby");
}
