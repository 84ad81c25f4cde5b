//! Lines in kept rooms and between accounts: delivered at once, answered once they are kept.

use std::time::Duration;

use chinwag::chat::command::{Command, MembershipCommand, MessageCommand, Recipients, WantedRange};
use chinwag::chat::ids::{LineId, PlaceId};
use chinwag::chat::{LINES_RESERVED, UNANSWERED_MAX};

use super::stage::{Handled, Stage, account, history, limits, room};

#[test]
fn line_is_delivered_at_once_and_answered_once_it_is_kept() {
    let mut stage = Stage::new();
    let alice = stage.owner("alice", "dev");
    let bob = stage.login("bob");
    stage.join(bob, "dev");
    stage.hear(alice);
    assert_eq!(stage.say(alice, "hi"), Handled::Queued);
    assert_eq!(stage.hear(bob), ["dev alice: hi #1"]);
    assert!(stage.hear(alice).is_empty());
    assert!(stage.chat.awaits_answers(alice));
    stage.keep_all();
    assert_eq!(stage.hear(alice), ["ok #1"]);
    assert_eq!(stage.ears.resumed.last(), Some(&alice));
    assert_eq!(stage.write(alice, "bob", "psst"), Handled::Queued);
    assert_eq!(stage.hear(bob), ["alice -> bob: psst #2"]);
    stage.keep_all();
    assert_eq!(stage.hear(alice), ["ok #2"]);
    let pair = PlaceId::pair(account("alice"), account("bob"));
    assert_eq!(stage.archive.kept.texts(pair), ["psst"]);
}

#[test]
fn line_of_or_to_a_guest_is_not_kept_but_in_kept_rooms() {
    let mut stage = Stage::new();
    let alice = stage.owner("alice", "dev");
    let guest = stage.guest("zoe");
    stage.write(alice, "zoe", "psst");
    stage.write(guest, "alice", "psst");
    assert_eq!(stage.archive.writes(), 0);
    stage.join(guest, "dev");
    stage.hear(guest);
    assert_eq!(stage.say(guest, "hi"), Handled::Queued);
    stage.keep_all();
    assert_eq!(stage.hear(guest), ["ok #1"]);
    assert_eq!(stage.archive.kept.lines[&LineId(1)].author, None);
}

#[test]
fn lines_are_answered_in_order_and_other_commands_wait() {
    let mut stage = Stage::new();
    let alice = stage.owner("alice", "dev");
    stage.login("bob");
    stage.hear(alice);
    for number in 0..UNANSWERED_MAX {
        assert_eq!(stage.say(alice, &number.to_string()), Handled::Queued);
    }
    assert_eq!(stage.say(alice, "one too many"), Handled::NotNow);
    stage.keep_one();
    assert_eq!(stage.hear(alice), ["ok #1"]);
    assert!(!stage.ears.resumed.contains(&alice) || stage.chat.awaits_answers(alice));
    assert_eq!(stage.write(alice, "bob", "psst"), Handled::Queued);
    let join = Command::Membership(MembershipCommand::Join(room("other")));
    assert_eq!(stage.handle(alice, join), Handled::NotNow);
    let to = Recipients::parse("bob,nobody").unwrap();
    let text = "x";
    let several = Command::Message(MessageCommand::Private { to, text });
    assert_eq!(stage.handle(alice, several), Handled::NotNow);
    assert_eq!(stage.write(alice, "nobody", "x"), Handled::NotNow);
    stage.keep_all();
    let heard = stage.hear(alice);
    assert_eq!(u32::try_from(heard.len()), Ok(UNANSWERED_MAX));
    assert_eq!(
        heard.last().unwrap(),
        &format!("ok #{}", UNANSWERED_MAX + 1)
    );
    assert_eq!(stage.join(alice, "other"), "joined other");
}

#[test]
fn line_that_is_not_kept_is_told_to_its_author_and_its_number_is_lost() {
    let mut stage = Stage::new();
    let alice = stage.owner("alice", "dev");
    stage.say(alice, "one");
    stage.say(alice, "two");
    stage.keep_none();
    assert_eq!(stage.hear(alice), ["error not_kept", "error not_kept"]);
    stage.say(alice, "three");
    stage.keep_all();
    assert_eq!(stage.hear(alice), ["ok #3"]);
}

#[test]
fn line_that_finds_no_room_is_refused_behind_those_before_it() {
    let mut stage = Stage::new();
    let alice = stage.owner("alice", "dev");
    stage.say(alice, "one");
    stage.archive.is_full = true;
    assert_eq!(stage.say(alice, "two"), Handled::Queued);
    stage.archive.is_full = false;
    assert_eq!(stage.say(alice, "three"), Handled::Queued);
    assert!(stage.hear(alice).is_empty());
    stage.keep_all();
    assert_eq!(stage.hear(alice), ["ok #1", "error not_kept", "ok #3"]);
    stage.archive.is_full = true;
    assert_eq!(stage.say(alice, "four"), Handled::Done);
    assert_eq!(stage.hear(alice), ["error not_kept"]);
    let bob = stage.guest("zoe");
    stage.join_now(bob, "dev");
    stage.hear(bob);
    stage.say(alice, "five");
    assert_eq!(
        stage.hear(bob),
        ["dev alice: five #5"],
        "it is said all the same"
    );
}

#[test]
fn late_answer_is_given_once_and_in_order() {
    let mut stage = Stage::new();
    let alice = stage.owner("alice", "dev");
    stage.say(alice, "one");
    stage.archive.is_full = true;
    stage.say(alice, "two");
    stage.archive.is_full = false;
    stage.wait(limits().keep_time);
    assert_eq!(stage.hear(alice), ["error not_kept", "error not_kept"]);
    assert!(!stage.chat.awaits_answers(alice));
    stage.keep_all();
    assert!(stage.hear(alice).is_empty());
    let place = stage.archive.kept.place_of("dev");
    assert_eq!(stage.archive.kept.texts(place), ["one"]);
}

#[test]
fn plain_text_waits_for_nothing_and_is_told_once_what_is_not_kept() {
    let mut stage = Stage::new();
    let alice = stage.owner("alice", "dev");
    let bob = stage.login("bob");
    stage.hear(bob);
    stage.be_plain(alice);
    for _ in 0..2 * UNANSWERED_MAX {
        assert_eq!(stage.say(alice, "hi"), Handled::Done);
    }
    assert_eq!(stage.write(alice, "bob", "psst"), Handled::Done);
    assert_eq!(stage.join_now(alice, "other"), Handled::Done);
    stage.hear(alice);
    stage.keep_none();
    assert_eq!(stage.hear(alice), ["not kept 129"]);
    // At once, if there is no room.
    stage.join_now(alice, "dev");
    stage.hear(alice);
    stage.archive.is_full = true;
    stage.say(alice, "hi");
    assert_eq!(stage.hear(alice), ["error not_kept"]);
    stage.archive.is_full = false;
    // Late, and then no more.
    stage.say(alice, "hi");
    stage.hear(alice);
    stage.wait(limits().keep_time);
    assert_eq!(stage.hear(alice), ["not kept 1 yet"]);
    stage.keep_none();
    assert!(stage.hear(alice).is_empty());
}

#[test]
fn answer_to_who_is_gone_is_given_to_nobody() {
    type End = fn(&mut Stage);
    let ends: [End; 3] = [
        |stage| stage.settle(),
        Stage::keep_none,
        |stage| stage.wait(limits().keep_time),
    ];
    for end in ends {
        let mut stage = Stage::new();
        let plain = stage.owner("alice", "dev");
        stage.be_plain(plain);
        let json = stage.login("bob");
        stage.join(json, "dev");
        let other = stage.login("carol");
        stage.join(other, "dev");
        stage.say(plain, "one");
        stage.say(json, "two");
        stage.archive.is_full = true;
        stage.say(json, "refused behind it");
        stage.archive.is_full = false;
        stage.handle(other, history("#dev", WantedRange::Newest));
        let all = [plain, json, other];
        for id in all {
            stage.disconnect(id);
            stage.hear(id);
        }
        end(&mut stage);
        for id in all {
            assert!(stage.hear(id).is_empty());
        }
    }
}

#[test]
fn number_is_never_given_twice_whatever_a_crash_loses() {
    let mut stage = Stage::new();
    let alice = stage.owner("alice", "dev");
    for text in ["one", "two", "three"] {
        stage.say(alice, text);
    }
    stage.keep_one();
    assert_eq!(stage.hear(alice), ["ok #1"]);
    let kept = stage.archive.crash();
    let mut stage = Stage::with_kept(limits(), &kept);
    let alice = stage.login("alice");
    stage.join(alice, "dev");
    stage.say(alice, "four");
    stage.keep_all();
    assert_eq!(stage.hear(alice), [format!("ok #{}", LINES_RESERVED + 1)]);
}

#[test]
fn line_before_numbers_are_reserved_is_said_and_not_kept() {
    let mut stage = Stage::new();
    stage.owner("alice", "dev");
    let kept = stage.archive.crash();
    let mut stage = Stage::started(limits(), &kept);
    let guest = stage.guest("zoe");
    let other = stage.guest("yan");
    stage.join_now(guest, "dev");
    stage.join_now(other, "dev");
    stage.hear(guest);
    stage.hear(other);
    stage.say(guest, "hi");
    assert_eq!(stage.hear(guest), ["error not_kept"]);
    assert_eq!(stage.hear(other), ["dev zoe: hi"]);
    stage.keep_none();
    stage.say(guest, "hi");
    assert_eq!(stage.hear(guest), ["error not_kept"]);
    stage.keep_all();
    stage.say(guest, "hi");
    stage.keep_all();
    assert_eq!(stage.hear(guest), [format!("ok #{}", LINES_RESERVED + 1)]);
}

#[test]
fn time_of_lines_does_not_fall_with_the_clock() {
    let mut stage = Stage::new();
    let alice = stage.owner("alice", "dev");
    for clock in [5_000_000, 3_000_000, 6_000_000] {
        stage.unix_ms = clock;
        stage.say(alice, "hi");
    }
    stage.keep_all();
    let times: Vec<u64> = stage
        .archive
        .kept
        .lines
        .values()
        .map(|line| line.at)
        .collect();
    assert_eq!(times, [5_000_000, 5_000_000, 6_000_000]);
    let kept = stage.archive.crash();
    let mut stage = Stage::with_kept(limits(), &kept);
    let alice = stage.login("alice");
    stage.join(alice, "dev");
    stage.say(alice, "again");
    stage.keep_all();
    let (_, last) = stage.archive.kept.lines.last_key_value().unwrap();
    assert_eq!((&*last.text, last.at), ("again", 6_000_000));
}

#[test]
fn connection_that_ends_leaves_its_lines_and_no_answer() {
    let mut stage = Stage::new();
    let alice = stage.owner("alice", "dev");
    stage.say(alice, "one");
    stage.disconnect(alice);
    stage.keep_all();
    let place = stage.archive.kept.place_of("dev");
    assert_eq!(stage.archive.kept.texts(place), ["one"]);
    assert!(!stage.chat.awaits_answers(alice));
}

#[test]
fn line_that_its_user_does_not_take_is_refused_in_order() {
    let mut stage = Stage::new();
    let (alice, bob) = (stage.login("alice"), stage.login("bob"));
    stage.hear(alice);
    stage.write(alice, "bob", "one");
    stage.ears.refusing.insert(bob);
    assert_eq!(stage.write(alice, "bob", "two"), Handled::Queued);
    stage.keep_all();
    assert_eq!(stage.hear(alice), ["ok #1", "error not_delivered  bob"]);
    stage.write(alice, "bob", "three");
    assert_eq!(stage.hear(alice), ["error not_delivered  bob"]);
}

#[test]
fn nothing_is_kept_and_nothing_asked_without_a_store() {
    let mut stage = Stage::new();
    let alice = stage.login("alice");
    stage.archive.is_closed = true;
    for of in ["lobby", "@bob", "nowhere"] {
        let heard = stage.page(alice, of, WantedRange::Newest);
        assert_eq!(heard.last().unwrap(), "error no_store");
    }
    assert_eq!(stage.keep(alice, None), "error no_store");
    let guest = stage.guest("zoe");
    assert_eq!(stage.keep(guest, None), "error no_store");
    stage.wait(Duration::from_secs(60));
}

#[test]
fn next_block_of_numbers_is_asked_for_while_half_is_left() {
    let mut stage = Stage::new();
    let alice = stage.owner("alice", "dev");
    stage.be_plain(alice);
    for _ in 0..LINES_RESERVED / 2 {
        stage.say(alice, "x");
        stage.ears.heard.clear();
        if stage.archive.writes() > 1000 {
            stage.keep_all();
            stage.archive.kept.lines.clear();
        }
    }
    stage.settle();
    assert_eq!(stage.archive.kept.reserved_up_to.0, LINES_RESERVED);
    stage.say(alice, "x");
    stage.settle();
    assert_eq!(stage.archive.kept.reserved_up_to.0, 2 * LINES_RESERVED);
}
