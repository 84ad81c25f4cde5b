//! What was missed, and what is unread.

use chinwag::chat::command::{Command, HistoryCommand, MembershipCommand, WantedRange};
use chinwag::chat::ids::ClientId;
use chinwag::chat::limits::HistoryLimits;

use super::stage::{Handled, Stage, limits, read, room};

fn unread(stage: &mut Stage, id: ClientId) -> String {
    let unread = Command::History(HistoryCommand::Unread);
    stage.ask(id, unread).pop().unwrap()
}

fn say(stage: &mut Stage, id: ClientId, count: usize) {
    for _ in 0..count {
        stage.say(id, "x");
    }
    stage.settle();
}

#[test]
fn missed_are_the_lines_since_one_left_and_nothing_the_first_time() {
    let mut stage = Stage::new();
    let alice = stage.owner("alice", "dev");
    say(&mut stage, alice, 2);
    let bob = stage.login("bob");
    assert_eq!(stage.join(bob, "dev"), "joined dev kept 30 alice");
    say(&mut stage, alice, 3);
    stage.part(bob, "dev");
    say(&mut stage, alice, 4);
    assert_eq!(
        stage.join(bob, "dev"),
        "joined dev kept 30 alice missed dev 4"
    );
    // Own lines never count, and neither do those of who is ignored.
    stage.part(bob, "dev");
    let second = stage.login("alice");
    stage.join(second, "dev");
    say(&mut stage, second, 1);
    stage.ignore(bob, "alice");
    assert_eq!(stage.join(bob, "dev"), "joined dev kept 30 alice");
}

#[test]
fn mark_is_written_when_the_last_connection_ends() {
    let mut stage = Stage::new();
    let alice = stage.owner("alice", "dev");
    let (bob, second) = (stage.login("bob"), stage.login("bob"));
    stage.join(bob, "dev");
    say(&mut stage, alice, 1);
    stage.disconnect(bob);
    say(&mut stage, alice, 1);
    stage.disconnect(second);
    say(&mut stage, alice, 2);
    let bob = stage.login("bob");
    assert_eq!(
        stage.join(bob, "dev"),
        "joined dev kept 30 alice missed dev 2"
    );
}

#[test]
fn join_takes_place_at_once_and_what_is_said_meanwhile_comes_live_only() {
    let mut stage = Stage::new();
    let alice = stage.owner("alice", "dev");
    let bob = stage.login("bob");
    stage.join(bob, "dev");
    stage.part(bob, "dev");
    say(&mut stage, alice, 2);
    stage.hear(alice);
    let join = Command::Membership(MembershipCommand::Join(room("dev")));
    assert_eq!(stage.handle(bob, join), Handled::Later);
    assert_eq!(stage.hear(alice), ["bob joined dev"]);
    stage.say(alice, "live");
    stage.answer();
    assert_eq!(
        stage.hear(bob),
        [
            "dev alice: live #3",
            "joined dev kept 30 alice missed dev 2"
        ]
    );
    // The archive fails, is full, or is late: the room is entered all the same.
    for how in 0..3 {
        stage.part(bob, "dev");
        stage.settle();
        stage.archive.is_full = how == 0;
        stage.handle(bob, join);
        stage.archive.is_full = false;
        match how {
            1 => {
                let failed = stage.archive.fail_one();
                stage.give(failed);
            }
            2 => stage.wait(limits().keep_time),
            _ => {}
        }
        assert_eq!(stage.hear(bob).pop().unwrap(), "joined dev kept 30 alice");
        stage.settle();
    }
}

#[test]
fn join_that_another_connection_undoes_is_answered_so() {
    let mut stage = Stage::new();
    stage.owner("alice", "dev");
    let (bob, second) = (stage.login("bob"), stage.login("bob"));
    let join = Command::Membership(MembershipCommand::Join(room("dev")));
    stage.handle(bob, join);
    let settled = stage.read();
    stage.part(second, "dev");
    stage.hear(bob);
    stage.give(settled);
    assert_eq!(stage.hear(bob), ["error not_in_room"]);
}

#[test]
fn login_misses_what_is_said_until_it_has_come_in() {
    let limits = HistoryLimits {
        lobby_days: Some(9),
        ..limits()
    };
    let mut stage = Stage::with(limits);
    let (alice, bob) = (stage.login("alice"), stage.login("bob"));
    stage.disconnect(bob);
    say(&mut stage, alice, 2);
    let bob = stage.begin_login("bob");
    stage.answer(); // the password
    let settled = stage.read();
    say(&mut stage, alice, 1);
    stage.give(settled);
    let heard = stage.hear(bob).pop().unwrap();
    assert_eq!(
        heard,
        "logged in bob lobby kept 9 nobody missed lobby 3 waiting 0"
    );
    // It counts as sent from now on, though it was not sent by the archive's account.
    stage.disconnect(bob);
    stage.settle();
    let bob = stage.begin_login("bob");
    stage.settle();
    let heard = stage.hear(bob).pop().unwrap();
    assert_eq!(heard, "logged in bob lobby kept 9 nobody waiting 0");
}

#[test]
fn unread_counts_from_the_mark_and_reading_moves_it() {
    let mut stage = Stage::new();
    let alice = stage.owner("alice", "dev");
    let bob = stage.login("bob");
    say(&mut stage, alice, 2);
    stage.join(bob, "dev");
    assert_eq!(unread(&mut stage, bob), "unread ");
    say(&mut stage, alice, 3);
    stage.write(alice, "bob", "psst");
    stage.settle();
    assert_eq!(unread(&mut stage, bob), "unread dev 3, @alice 1");
    assert_eq!(stage.ask(bob, read("dev", Some(3))), ["read dev 3"]);
    assert_eq!(unread(&mut stage, bob), "unread dev 2, @alice 1");
    // It only grows.
    stage.ask(bob, read("dev", Some(1)));
    assert_eq!(unread(&mut stage, bob), "unread dev 2, @alice 1");
    stage.ask(bob, read("@alice", None));
    assert_eq!(unread(&mut stage, bob), "unread dev 2");
    stage.page(bob, "dev", WantedRange::Newest);
    assert_eq!(unread(&mut stage, bob), "unread ");
    say(&mut stage, alice, 2);
    assert_eq!(unread(&mut stage, bob), "unread dev 2");
    say(&mut stage, bob, 1);
    assert_eq!(unread(&mut stage, bob), "unread ", "who speaks has read");
    let guest = stage.guest("zoe");
    assert_eq!(unread(&mut stage, guest), "error login_required");
    let refused = stage.ask(guest, read("lobby", None)).pop().unwrap();
    assert_eq!(refused, "error login_required");
    assert_eq!(
        stage.ask(alice, read("lobby", None)).pop().unwrap(),
        "error not_kept_here"
    );
}

#[test]
fn earlier_page_is_not_reading() {
    let mut stage = Stage::new();
    let alice = stage.owner("alice", "dev");
    let bob = stage.login("bob");
    stage.join(bob, "dev");
    say(&mut stage, alice, 6);
    let before = WantedRange::Before(chinwag::chat::ids::LineId(5));
    stage.page(bob, "dev", before);
    stage.page(
        bob,
        "dev",
        WantedRange::Since(chinwag::chat::ids::LineId(1)),
    );
    assert_eq!(unread(&mut stage, bob), "unread dev 6");
    stage.page(
        bob,
        "dev",
        WantedRange::Since(chinwag::chat::ids::LineId(3)),
    );
    assert_eq!(unread(&mut stage, bob), "unread ");
}

#[test]
fn mark_that_is_not_kept_is_told() {
    let mut stage = Stage::new();
    let alice = stage.owner("alice", "dev");
    stage.handle(alice, read("dev", None));
    stage.keep_none();
    assert_eq!(stage.hear(alice), ["error not_kept"]);
    stage.archive.is_full = true;
    assert_eq!(stage.ask(alice, read("dev", None)), ["error not_kept"]);
    assert_eq!(unread(&mut stage, alice), "error busy");
}
