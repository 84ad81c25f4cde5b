//! Who is muted, and what is locked.

use std::time::Duration;

use crate::kept::stage::{Handled, OPERATOR, PASSWORD, Stage, typed};

const MUTED: &str = "error muted Muted dev ask alice";

#[test]
fn muted_user_says_nothing_in_that_room_and_all_else_elsewhere() {
    let mut stage = Stage::new();
    let alice = stage.owner("alice", "dev");
    let (bob, other) = (stage.login("bob"), stage.login("bob"));
    for id in [bob, other] {
        stage.join(id, "dev");
    }
    for id in [alice, bob, other] {
        stage.hear(id);
    }
    assert_eq!(stage.type_in(alice, "/mute bob"), ["ok mute bob dev"]);
    for id in [bob, other] {
        assert_eq!(stage.hear(id), ["you mute dev by alice"]);
        for line in ["hi", "/me waves", "#zed", "//x", "/topic mine"] {
            assert_eq!(stage.type_in(id, line), [MUTED], "{line}");
        }
    }
    assert!(stage.hear(alice).is_empty());
    assert_eq!(stage.type_in(bob, "@alice:sorry").len(), 1);
    stage.settle();
    assert!(stage.hear(alice)[0].starts_with("bob -> alice: sorry"));
    stage.join(bob, "tea");
    assert_eq!(stage.type_in(bob, "hi"), ["ok"]);
    // Last words are heard in all rooms.
    assert_eq!(stage.type_in(alice, "/unmute bob"), ["ok unmute bob dev"]);
    stage.join(bob, "dev");
    assert_eq!(stage.type_in(bob, "hi").len(), 1);
    assert_eq!(stage.type_in(bob, "/topic mine").len(), 1);
}

#[test]
fn mute_ends_by_the_clock_that_does_not_jump() {
    let mut stage = Stage::new();
    let alice = stage.owner("alice", "dev");
    let bob = stage.login("bob");
    stage.join(bob, "dev");
    let until = stage.unix_ms + 600_000;
    let muted = stage.type_in(alice, "/mute bob 10m spam");
    assert_eq!(
        muted.last().unwrap(),
        &format!("ok mute bob dev until {until}")
    );
    stage.hear(bob);
    stage.unix_ms += 86_400_000; // a clock that leaps ahead
    let refused = "error muted Muted dev 600s: spam ask alice";
    assert_eq!(stage.type_in(bob, "hi"), [refused]);
    stage.wait(Duration::from_secs(599));
    assert_eq!(
        stage.type_in(bob, "hi").pop().unwrap(),
        "error muted Muted dev 1s: spam ask alice"
    );
    stage.wait(Duration::from_secs(1));
    assert!(stage.type_in(bob, "hi").pop().unwrap().starts_with("ok"));
    // Nothing is left to undo.
    assert_eq!(
        stage.type_in(alice, "/unmute bob").pop().unwrap(),
        "error bad_usage"
    );
}

#[test]
fn mute_of_a_guest_follows_the_connection() {
    let mut stage = Stage::new();
    let alice = stage.owner("alice", "dev");
    let zoe = stage.guest("zoe");
    stage.join(zoe, "dev");
    stage.type_in(alice, "/mute zoe");
    stage.type_in(zoe, "/nick amy");
    assert_eq!(stage.type_in(zoe, "hi"), [MUTED]);
    stage.type_in(zoe, "/part dev");
    let told = stage.type_in(zoe, "/join dev");
    assert_eq!(told[0], "limited Muted dev ask alice");
    assert_eq!(stage.type_in(zoe, "hi"), [MUTED]);
    let heard = stage.type_in(zoe, &format!("/login bob {PASSWORD}"));
    assert!(heard.last().unwrap().starts_with("logged in bob"));
    assert_eq!(stage.type_in(zoe, "hi"), [MUTED]);
    // Another connection of the account's is not the guest's.
    let bob = stage.login("bob");
    stage.join(bob, "dev");
    assert!(stage.type_in(bob, "hi").pop().unwrap().starts_with("ok"));
    // By the name that it was made by.
    let undone = stage.type_in(alice, "/unmute zoe").pop().unwrap();
    assert_eq!(undone, "ok unmute zoe dev");
    assert!(stage.type_in(zoe, "hi").pop().unwrap().starts_with("ok"));
}

#[test]
fn last_words_of_one_who_is_muted_are_not_told() {
    let mut stage = Stage::new();
    let alice = stage.owner("alice", "dev");
    let (zoe, amy) = (stage.guest("zoe"), stage.guest("amy"));
    for id in [zoe, amy] {
        stage.join(id, "dev");
    }
    stage.type_in(alice, "/mute zoe");
    stage.hear(alice);
    for id in [zoe, amy] {
        stage.type_in(id, "/quit insult");
        stage.disconnect(id);
    }
    assert_eq!(stage.hear(alice), ["zoe left dev", "amy left dev: insult"]);
}

#[test]
fn locks_are_for_all_but_operators() {
    let mut stage = Stage::new();
    let alice = stage.owner("alice", "dev");
    let (bob, root) = (stage.login("bob"), stage.login(OPERATOR));
    for id in [bob, root] {
        stage.join(id, "dev");
    }
    stage.hear(bob);
    assert_eq!(stage.type_in(bob, "/lock"), ["ok locks 000"]);
    assert_eq!(
        stage.type_in(alice, "/lock topic on").pop().unwrap(),
        "ok locks 001"
    );
    assert_eq!(stage.hear(bob), ["dev Topic true"]);
    let refused = "error locked Locked(Topic) dev ask alice";
    assert_eq!(stage.type_in(bob, "/topic mine"), [refused]);
    assert_eq!(stage.type_in(bob, "/topic"), ["topic of dev "]);
    assert!(stage.type_in(bob, "hi").pop().unwrap().starts_with("ok"));
    assert_eq!(
        stage.type_in(alice, "/lock talk on").pop().unwrap(),
        "ok locks 011"
    );
    stage.hear(bob);
    let refused = "error locked Locked(Talk) dev ask alice";
    assert_eq!(stage.type_in(bob, "hi"), [refused]);
    for id in [alice, root] {
        assert!(stage.type_in(id, "hi").pop().unwrap().starts_with("ok"));
        assert!(
            stage
                .type_in(id, "/topic ours")
                .pop()
                .unwrap()
                .starts_with("topic")
        );
    }
    stage.type_in(alice, "/op bob");
    assert!(stage.type_in(bob, "hi").pop().unwrap().starts_with("ok"));
    // Set twice it is told once.
    stage.hear(bob);
    assert_eq!(
        stage.type_in(alice, "/lock talk on").pop().unwrap(),
        "ok locks 011"
    );
    assert_eq!(stage.type_in(bob, "/lock talk"), ["ok locks 011"]);
    assert_eq!(stage.type_in(bob, "/lock talk off"), ["ok locks 001"]);
}

/// A refusal must not overtake the answers to lines that are not kept yet.
#[test]
fn line_of_one_who_was_muted_waits_for_the_answers_before_it() {
    let mut stage = Stage::new();
    let alice = stage.owner("alice", "dev");
    let bob = stage.login("bob");
    stage.join(bob, "dev");
    stage.hear(bob);
    assert_eq!(stage.say(bob, "one"), Handled::Queued);
    let line = typed("/mute bob");
    stage.handle(alice, line);
    assert_eq!(stage.say(bob, "two"), Handled::NotNow);
    stage.settle();
    assert_eq!(stage.say(bob, "two"), Handled::Done);
    let heard = stage.hear(bob);
    assert!(heard[1].starts_with("ok #"), "{heard:?}");
    assert_eq!(heard[2], MUTED);
}
